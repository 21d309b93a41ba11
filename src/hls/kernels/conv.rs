//! Products with constants, summed over windows.

use serde::Serialize;

use super::super::build::{Builder, Site};
use super::super::{ConstantId, HlsError, Multipliers};
use super::linear;
use crate::ir;

/// `output[w, o] = biases[o] + Σ_i window_w[..] · weights[i, o]`: the window's taps and channels,
/// as [`ir::Conv`] has them.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Conv {
    /// How windows slide.
    pub window: ir::Window,
    /// Whether a tap can lie beyond the border, or between two elements.
    pub padded: bool,
    /// Channels of the operand.
    pub channels: usize,
    /// Channels of the operand that one output sums over.
    pub group_channels: usize,
    /// Outputs that sum over the same channels.
    pub group_outputs: usize,
    /// Weights that one output has.
    pub inputs: usize,
    /// Channels of the result.
    pub outputs: usize,
    /// \[inputs, outputs\].
    pub weights: ConstantId,
    /// \[outputs\].
    pub biases: Option<ConstantId>,
}

pub(super) fn build(
    builder: &mut Builder<'_>,
    site: &Site<'_>,
    op: &ir::Conv,
) -> Result<(Conv, Multipliers), HlsError> {
    op.result(&site.operand.tensor).map_err(|rule| site.broken(rule))?;
    let channels = site.operand.tensor.channel_count();
    let outputs = site.node.tensor.channel_count();
    let group_channels = op.group_channels(channels).unwrap_or(channels);
    let (weights, biases) = linear::parameters(builder, site, &op.linear)?;
    let multipliers = linear::multipliers(builder, site, &op.linear, op.window.windows());
    let conv = Conv {
        window: op.window,
        padded: op.window.is_padded(),
        channels,
        group_channels,
        group_outputs: outputs / op.groups.max(1),
        inputs: op.window.taps() * group_channels,
        outputs,
        weights,
        biases,
    };
    Ok((conv, multipliers))
}
