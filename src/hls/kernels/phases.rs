//! Matrices that take turns on the same operand: those of the phases of a transposed convolution.

use super::Built;
use super::linear::{Applied, Windows, matrix};
use crate::fixed::{Codes, Format};
use crate::hls::build::NodeBuilder;
use crate::hls::form::{MatrixForm, Uses};
use crate::hls::plan::Matrix;
use crate::hls::{HlsError, Options};
use crate::ir;

/// The matrices of all phases of a convolution, on the pixels that its windows span.
///
/// Each phase has the same inputs and outputs: a weight is 0 where the phase has no tap. So their
/// tiles are equal, and the multipliers of one serve all of them.
#[derive(Clone, Debug)]
pub(in crate::hls) struct Phases {
    /// \[inputs, phases · outputs\], the outputs of each phase in turn.
    linear: ir::Linear,
    /// Windows of a sample, by phase.
    windows: Vec<u64>,
    /// Rows and columns of pixels.
    pixels: [usize; 2],
    groups: usize,
}

impl Phases {
    /// The phases of `conv`, whose windows span `pixels`. Each phase has its number of windows, and
    /// for each of the pixels the tap on it.
    pub(in crate::hls) fn new(
        conv: &ir::Conv,
        pixels: [usize; 2],
        phases: &[(u64, Vec<Option<usize>>)],
    ) -> Option<Self> {
        let weights = &conv.linear.weights;
        let &[rows, outputs] = weights.codes.shape() else { return None };
        let channels = rows / conv.window.taps().max(1);
        let row = |tap: Option<usize>, channel: usize| Some(tap? * channels + channel);
        let rows = phases.iter().flat_map(|(_, taps)| {
            taps.iter().flat_map(|tap| (0..channels).map(|channel| row(*tap, channel)))
        });
        let rows: Vec<Option<usize>> = rows.collect();
        let (count, inputs) = (phases.len(), pixels[0] * pixels[1] * channels);
        let codes = weights.codes.selected_or_zero(&rows).reshaped(&[count, inputs, outputs])?;
        let codes = codes.permuted(&[1, 0, 2]).reshaped(&[inputs, count * outputs])?;
        let bias = conv.linear.bias.as_ref();
        let bias = bias.map(|bias| repeated(bias, count)).map_or(Some(None), |it| it.map(Some))?;
        let weights = ir::Constant { codes, format: weights.format };
        let windows = phases.iter().map(|(windows, _)| *windows).collect();
        Some(Self { linear: ir::Linear { weights, bias }, windows, pixels, groups: conv.groups })
    }

    /// Number of phases.
    pub(in crate::hls) fn count(&self) -> usize {
        self.windows.len()
    }

    /// Windows of all phases.
    pub(in crate::hls) fn windows(&self) -> u64 {
        self.windows.iter().sum()
    }

    /// Inputs and outputs of each.
    pub(in crate::hls) fn shape(&self) -> (usize, usize) {
        let shape = self.linear.weights.codes.shape();
        (shape[0], shape[1] / self.count().max(1))
    }

    /// The matrix of a phase as the planner sees it. `x` is the operand, the pixels of a window;
    /// sums have the format `result`.
    pub(in crate::hls) fn matrix(
        &self,
        x: &ir::Tensor,
        sign_power: Option<i32>,
        (result, options): (Format, &Options),
    ) -> Matrix {
        let form = self.form(x, sign_power, result);
        self.applied(x).matrix(&self.linear, &form, [x.format, result], options)
    }

    fn form(&self, x: &ir::Tensor, sign_power: Option<i32>, result: Format) -> MatrixForm {
        // The ranges of the operand depend on the window and its groups alone.
        let window = ir::Window::whole(self.pixels);
        let conv = ir::Conv { window, groups: self.groups, linear: self.linear.clone() };
        MatrixForm::of(&self.linear, &conv.window_tensor(x), sign_power, result)
    }

    fn applied(&self, x: &ir::Tensor) -> Applied {
        let (inputs, outputs) = self.shape();
        let channels = x.channel_count();
        let (group_channels, group_outputs) = (channels / self.groups, outputs / self.groups);
        let window = ir::Window::whole(self.pixels);
        let windows = Windows { window, channels, group_channels, group_outputs };
        Applied { rows: 1, inputs, outputs, phases: self.count(), windows: Some(windows) }
    }
}

/// The constant, repeated `count` times.
fn repeated(constant: &ir::Constant, count: usize) -> Option<ir::Constant> {
    let len = constant.codes.len();
    let codes = constant.codes.clone().reshaped(&[1, len])?;
    let codes: Codes = codes.selected(&vec![0; count]).reshaped(&[count * len])?;
    Some(ir::Constant { codes, format: constant.format })
}

/// The kernel of `phases`, one of which is computed in a call.
pub(in crate::hls) fn build(cx: &mut NodeBuilder<'_>, phases: &Phases) -> Result<Built, HlsError> {
    let x = &cx.operand.tensor;
    let form = phases.form(x, cx.sign_power, cx.node.tensor.format);
    let uses = Uses::of_phases(phases.windows.clone());
    matrix(cx, &phases.linear, (form, uses), phases.applied(x))
}
