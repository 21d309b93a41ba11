//! Masking: steps that later layers skip.

use petgraph::graph::NodeIndex;

use super::LowerError;
use super::builder::Builder;
use crate::fixed::{Range, exact_code};
use crate::ir::Tensor;
use crate::model::Layer;

/// A mask is known if no step can have `value` alone: then it skips none, and the layer does nothing. If
/// no `user` skips steps, those of 0 become 0.
pub(super) fn lower(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    (value, user): (f32, Option<&str>),
) -> Result<(), LowerError> {
    let x = builder.operand(index)?;
    if has_step_of(builder.tensor(x), f64::from(value)) && (user.is_some() || value != 0.0) {
        let (layer, user) = (layer.name.clone(), user.map(str::to_owned));
        return Err(LowerError::Mask { layer, value, user });
    }
    builder.identity(index)
}

/// True if the ranges of all elements of some row along the last axis contain `value`.
fn has_step_of(x: &Tensor, value: f64) -> bool {
    let Some(code) = exact_code(value, x.format.fractional_bits()) else { return false };
    let code = Range::point(code);
    let width = x.channel_count();
    let rows = x.len().checked_div(width).unwrap_or(0);
    (0..rows).any(|row| (0..width).all(|at| x.range_at(row * width + at).contains(&code)))
}

#[cfg(test)]
mod tests {
    use crate::lower::lower;
    use crate::lower::tests::{Outcome, chain, settings};
    use crate::model::{LayerKind, Layout};

    /// The message for inputs of this type and this mask; empty if it skips nothing.
    fn message(
        input: &str,
        value: f32,
        user: Option<&str>,
    ) -> Result<String, Box<dyn std::error::Error>> {
        let steps = LayerKind::Layout(vec![Layout::Reshape(vec![2, 2])]);
        let user = user.map(str::to_owned);
        let masking = LayerKind::Masking { value, user };
        let model = chain(4, vec![("steps", steps), ("mask", masking)]);
        let lowered = lower(&model, &settings(input)?);
        Ok(lowered.err().map(|error| error.to_string()).unwrap_or_default())
    }

    #[test]
    fn a_mask_that_skips_nothing_costs_nothing() -> Outcome {
        // Beyond the range, between two codes, without a user.
        for (input, value, user) in [
            ("fixed<4,1>", -2.0, Some("rnn")),
            ("ufixed<4,1>", -1.0, Some("rnn")),
            ("fixed<4,1>", 0.0625, Some("rnn")),
            ("fixed<4,1>", 0.0, None),
        ] {
            assert_eq!(message(input, value, user)?, "", "{input} {value}");
        }
        Ok(())
    }

    #[test]
    fn a_mask_that_may_skip_steps_is_an_error() -> Outcome {
        for (value, user, expected) in [
            (
                0.0,
                Some("rnn"),
                "layer 'mask': 'rnn' skips each step whose values are all 0, which is not supported",
            ),
            (
                -1.0,
                None,
                "layer 'mask': a step whose values are all -1 becomes 0, which is not supported",
            ),
        ] {
            assert_eq!(message("fixed<4,1>", value, user)?, expected);
        }
        Ok(())
    }
}
