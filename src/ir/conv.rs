//! Products with constants, summed over windows.

use super::sums::Terms;
use super::window::Presence;
use super::{Linear, Sums, Tensor, Window};
use crate::fixed::{Format, Range};

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

    /// The sums that operands inside of the ranges of `x` give. A tap beyond the border is 0.
    pub fn sums(&self, x: &Tensor) -> Option<Sums> {
        let seen = self.seen(x)?;
        let range = |row: usize, group: usize| seen.range(row, group);
        self.linear.sums_of(&Terms { format: x.format, groups: self.groups, range: &range })
    }

    /// What meets the weights in windows of `x`: a channel for each row of them, with the codes of
    /// all groups and windows together.
    pub fn met(&self, x: &Tensor) -> Option<Tensor> {
        let seen = self.seen(x)?;
        let row = |row: usize| {
            let groups = (0..self.groups).map(|group| seen.range(row, group));
            groups.reduce(|a, b| Some(a?.hull(&b?)))?
        };
        let rows = self.window.taps() * seen.channels;
        let channels = (0..rows).map(row).collect::<Option<_>>()?;
        Some(Tensor { shape: vec![rows], format: x.format, channels })
    }

    fn seen<'x>(&self, x: &'x Tensor) -> Option<Seen<'x>> {
        let channels = self.group_channels(x.channel_count()).filter(|channels| *channels > 0)?;
        let presence = (0..self.window.taps()).map(|tap| self.window.presence(tap)).collect();
        Some(Seen { x, channels, presence })
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

/// What windows see of a tensor.
struct Seen<'x> {
    x: &'x Tensor,
    /// Of a group.
    channels: usize,
    /// By tap.
    presence: Vec<Presence>,
}

impl Seen<'_> {
    /// The codes that meet a row of weights in a group; `None` if there is no such tap.
    fn range(&self, row: usize, group: usize) -> Option<Range> {
        let own = || self.x.range_of(group * self.channels + row % self.channels);
        Some(match self.presence.get(row / self.channels)? {
            Presence::Always => own().clone(),
            Presence::Sometimes => own().with_zero(),
            Presence::Never => Range::point(0),
        })
    }
}
