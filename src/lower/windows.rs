//! Windows as layers state them, on the tensors that they meet.

use super::LowerError;
use crate::ir::{Tensor, Window};
use crate::model::WindowSpec;

/// The windows of `spec` over `x`; without, one over all positions.
pub(super) fn place(
    layer: &str,
    spec: Option<&WindowSpec>,
    x: &Tensor,
) -> Result<Window, LowerError> {
    let misfit = || LowerError::Operation {
        layer: layer.into(),
        rule: format!("its windows do not fit samples of the shape {:?}", x.shape),
    };
    let input = match x.shape[..] {
        [width, _] => [1, width],
        [height, width, _] => [height, width],
        _ => return Err(misfit()),
    };
    let Some(spec) = spec else { return Ok(Window::whole(input)) };
    let placement = spec.place(input).ok_or_else(misfit)?;
    // A transposed convolution spreads its operand where another's windows move on.
    let (stride, input_dilation) = match spec.transposed {
        None => (spec.strides, [1, 1]),
        Some(_) => ([1, 1], spec.strides),
    };
    Ok(Window {
        input,
        kernel: spec.kernel,
        stride,
        dilation: spec.dilation,
        pad_before: placement.pad_before,
        input_dilation,
        output: placement.output,
    })
}
