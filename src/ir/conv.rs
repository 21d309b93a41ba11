//! Products with constants, summed over windows.

use super::sums::Terms;
use super::window::Presence;
use super::{Linear, Sums, Tensor, Window};
use crate::fixed::{Format, Interval};

/// `y[w, o] = Σ_t Σ_c x[tap t of window w, c] · weights[t · C + c, o] + bias[o]`, exact.
///
/// With `groups` above 1, channels fall into as many groups of equal size: output o sums over the
/// C channels of its own group only. A depthwise convolution has a group for each channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Conv {
    /// The windows.
    pub window: Window,
    /// Groups of channels, of the operand and of the result alike.
    pub groups: usize,
    /// Weights \[taps · channels of a group, outputs\] and biases \[outputs\].
    pub linear: Linear,
}

impl Conv {
    /// How many channels of an operand with `channels` one output sums over; `None` if they do not
    /// fall into groups.
    pub fn group_channels(&self, channels: usize) -> Option<usize> {
        let whole = self.groups > 0 && channels.is_multiple_of(self.groups);
        whole.then(|| channels / self.groups)
    }

    /// The sums that operands inside of the intervals of `x` give. A tap beyond the border is 0.
    pub fn sums(&self, x: &Tensor) -> Option<Sums> {
        let channels = self.group_channels(x.channel_count())?;
        let presence: Vec<Presence> =
            (0..self.window.taps()).map(|tap| self.window.presence(tap)).collect();
        let interval = |row: usize, group: usize| {
            let own = || x.interval_of(group * channels + row % channels);
            match presence.get(row / channels)? {
                Presence::Always => Some(own().clone()),
                Presence::Sometimes => Some(own().with_zero()),
                Presence::Never => Some(Interval::point(0)),
            }
        };
        self.linear.sums_of(&Terms { format: x.format, groups: self.groups, interval: &interval })
    }

    /// What meets the weights in windows of `x`: a channel for each row of them, with the codes of
    /// all groups and windows together.
    pub fn met(&self, x: &Tensor) -> Option<Tensor> {
        let channels = self.group_channels(x.channel_count()).filter(|channels| *channels > 0)?;
        let row = |row: usize| {
            let groups =
                (0..self.groups).map(|group| x.interval_of(group * channels + row % channels));
            let all = groups.cloned().reduce(|a, b| a.hull(&b))?;
            Some(match self.window.presence(row / channels) {
                Presence::Always => all,
                Presence::Sometimes => all.with_zero(),
                Presence::Never => Interval::point(0),
            })
        };
        let rows = self.window.taps() * channels;
        let channels = (0..rows).map(row).collect::<Option<_>>()?;
        Some(Tensor { shape: vec![rows], format: x.format, channels })
    }

    /// The exact result, in the narrowest format that holds every partial sum.
    ///
    /// # Errors
    /// If windows, groups and weights do not fit `x`, or no format holds the sums.
    pub fn result(&self, x: &Tensor) -> Result<Tensor, String> {
        if !self.window.fits(x) {
            return Err("its windows do not slide over its operand".into());
        }
        let channels = self.group_channels(x.channel_count());
        let channels = channels.ok_or("the operand's channels do not fall into its groups")?;
        let [inputs, outputs] = *self.linear.weights.codes.shape() else {
            return Err("its weights are no matrix".into());
        };
        if inputs != self.window.taps() * channels || !outputs.is_multiple_of(self.groups) {
            return Err("its weights do not fit its windows and groups".into());
        }
        let sums = self.sums(x).ok_or("its sums exceed what a format can count")?;
        let format = Format::covering(&sums.partial, sums.fraction)
            .map_err(|error| format!("its sums fit no format: {error}"))?;
        let shape = self.window.result_shape(x, outputs);
        Ok(Tensor { shape, format, channels: sums.channels })
    }
}
