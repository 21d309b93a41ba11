//! Dot products of windows with a weight matrix: convolutions of every kind.

use ndarray::ArrayD;

use super::linear::{Parameters, Terms};
use super::{Evaluate, Linear, OpError, Operand, Operation, Sums, ensure, flat, shaped, single};
use crate::fixed::{FormatError, Range, Word};
use crate::ir::text::{Attributes, Described, Parse, Printer, TextError};
use crate::ir::window::Presence;
use crate::ir::{Constant, Tensor, Window};

/// `y[w, o] = Σ_t Σ_c x[tap t of window w, c] · weights[t · C + c, o] + bias[o]`, exact.
///
/// Channels form `groups` of equal size; output o sums over the C channels of its group. A
/// depthwise convolution has one group per channel. Taps on padding are 0. All windows share one
/// accumulator, so ranges are per channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Conv {
    /// Windows over the operand.
    pub window: Window,
    /// Number of groups of channels, in the operand and in the result.
    pub groups: usize,
    /// Weights \[taps · channels of a group, outputs\] and biases \[outputs\].
    pub linear: Linear,
}

impl Operation for Conv {
    fn infer(&self, operands: &[&Tensor]) -> Result<Tensor, OpError> {
        let x = single(self.name(), operands)?;
        ensure(self.window.fits(x), "its windows do not fit the shape of its operand")?;
        let channels = self.group_channels(x.channel_count());
        let channels = channels
            .ok_or(OpError::mismatch("its groups do not divide the channels of its operand"))?;
        let [inputs, outputs] = self.linear.matrix()?;
        let fits = inputs == self.window.taps() * channels && outputs.is_multiple_of(self.groups);
        ensure(fits, "its weights do not fit its windows and groups")?;
        let sums = self.sums(x).map_err(OpError::format("accumulator"))?;
        sums.into_tensor(self.window.result_shape(x, outputs))
    }
}

impl Evaluate for Conv {
    fn evaluate<W: Word>(&self, operands: &[Operand<'_>], result: &Tensor) -> Option<ArrayD<W>> {
        let x = operands.first()?;
        let (from, codes) = (x.tensor, W::view(x.codes)?);
        let Parameters { weights, bias } = self.linear.parameters::<W>(from.format)?;
        let channels = from.channel_count();
        let group_channels = self.group_channels(channels)?;
        let (outputs, windows) = (weights.ncols(), self.window.windows());
        let group_outputs = outputs.checked_div(self.groups)?.max(1);
        let (codes, samples) = flat(&codes, from)?;
        let mut y = Vec::with_capacity(samples * windows * outputs);
        for sample in codes.chunks(from.len()) {
            for window in 0..windows {
                let mut sums = bias.to_vec();
                for tap in 0..self.window.taps() {
                    let Some(position) = self.window.source(window, tap) else { continue };
                    let values = sample.get(position * channels..(position + 1) * channels)?;
                    let rows = weights.outer_iter().skip(tap * group_channels);
                    for (channel, weights) in rows.take(group_channels).enumerate() {
                        for (output, weight) in weights.iter().enumerate() {
                            let group = output / group_outputs;
                            sums[output]
                                .add_product(&values[group * group_channels + channel], weight);
                        }
                    }
                }
                y.extend(sums);
            }
        }
        shaped(y, samples, result)
    }
}

impl Described for Conv {
    fn name(&self) -> &'static str {
        "conv"
    }

    fn constants(&self) -> Vec<&Constant> {
        self.linear.constants()
    }

    fn print(&self, printer: &mut Printer<'_>) {
        printer.attribute("window", &self.window);
        printer.attribute("groups", &self.groups);
        self.linear.print(printer);
    }
}

impl Parse for Conv {
    const NAMES: &'static [&'static str] = &["conv"];

    fn parse(name: &str, attributes: &mut Attributes<'_>) -> Result<Self, TextError> {
        Ok(Self {
            window: attributes.attribute("window")?,
            groups: attributes.attribute("groups")?,
            linear: Linear::parse(name, attributes)?,
        })
    }
}

impl Conv {
    /// Number of channels per group of an operand with `channels`; `None` if the groups do not
    /// divide them.
    pub fn group_channels(&self, channels: usize) -> Option<usize> {
        let whole = self.groups > 0 && channels > 0 && channels.is_multiple_of(self.groups);
        whole.then(|| channels / self.groups)
    }

    /// Proven ranges of the sums for an operand `x` that fits the windows and groups.
    ///
    /// # Errors
    /// If the binary points of products and bias lie too far apart for any format.
    pub fn sums(&self, x: &Tensor) -> Result<Sums, FormatError> {
        let windows = self.windows_of(x);
        let range = |row: usize, group: usize| windows.range(row, group);
        self.linear.sums_of(&Terms { format: x.format, groups: self.groups, range: &range })
    }

    /// A window of `x` as a row of channels: one per row of the weight matrix, with its range over
    /// all groups and windows.
    pub fn window_tensor(&self, x: &Tensor) -> Tensor {
        let windows = self.windows_of(x);
        let row = |row: usize| {
            let ranges = (0..self.groups).map(|group| windows.range(row, group));
            ranges.reduce(|a, b| a.hull(&b)).expect("at least one group")
        };
        let rows = self.window.taps() * windows.channels;
        Tensor::new(vec![rows], x.format, (0..rows).map(row).collect())
    }

    fn windows_of(&self, x: &Tensor) -> Windows {
        let channels = x.channel_count() / self.groups.max(1);
        let presence = (0..self.window.taps()).map(|tap| self.window.presence(tap)).collect();
        let ranges = (0..x.channel_count()).map(|c| x.channel_range(c).into_owned()).collect();
        Windows { ranges, channels, presence }
    }
}

/// All windows over a tensor.
struct Windows {
    /// Range of each channel of the tensor.
    ranges: Vec<Range>,
    /// Channels of a group.
    channels: usize,
    /// Presence of each tap.
    presence: Vec<Presence>,
}

impl Windows {
    /// Range of the codes that row `row` of the weight matrix multiplies in a group.
    fn range(&self, row: usize, group: usize) -> Range {
        let own = &self.ranges[group * self.channels + row % self.channels];
        match self.presence[row / self.channels] {
            Presence::Always => own.clone(),
            Presence::Sometimes => own.with_zero(),
            Presence::Never => Range::point(0),
        }
    }
}
