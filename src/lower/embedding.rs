//! Embedding: rows of a table, selected by integers.

use ndarray::Array2;
use num_bigint::BigInt;
use petgraph::graph::NodeIndex;

use super::activation::{NodeScope, cast, clamp};
use super::builder::Builder;
use super::exact::{Reach, real};
use super::normalization::reaches_quantizer;
use super::parameters::cast_values;
use super::{LowerError, LowerWarning, TypedVariable};
use crate::fixed::{Format, Overflow, Quantization, Range, Rounding, cast_range};
use crate::ir::{Lookup, NodeId};
use crate::model::Layer;

/// If a quantizer takes the rows, they are exact; else they have the configured type of weights.
pub(super) fn lower(
    builder: &mut Builder<'_>,
    index: NodeIndex,
    layer: &Layer,
    table: &Array2<f32>,
) -> Result<(), LowerError> {
    let name = layer.name.as_str();
    let operand = builder.operand(index)?;
    let indices = indices(builder, NodeScope::layer(index, name), operand, table.nrows())?;
    let chosen = builder.settings.layer(name).and_then(|settings| settings.weight);
    let values = table.mapv(f64::from).into_dyn();
    let part = "embeddings";
    let table = if chosen.is_none() && reaches_quantizer(builder.model, index) {
        // Rows are selected, not multiplied.
        real(builder, name, part, &values, Reach::Bias)?
    } else {
        let precision = chosen.unwrap_or(builder.settings.precision);
        builder.warn_of_floats(name, &[(part, chosen)]);
        cast_values(builder, name, (part, TypedVariable::Weight), &values, &precision)?
    };
    let node = builder.add(name, "", Lookup { table }, indices)?;
    builder.finished(index, layer, node)
}

/// `x` as indices of `rows` rows: rounded towards 0, as Keras converts its operand to integers, and
/// limited to the table. For an index beyond it, TensorFlow raises an error on a CPU.
fn indices(
    builder: &mut Builder<'_>,
    scope: NodeScope<'_>,
    x: NodeId,
    rows: usize,
) -> Result<NodeId, LowerError> {
    let error = scope.format_error("index");
    let tensor = builder.tensor(x);
    let (from, range) = (tensor.format, tensor.range());
    let mut node = x;
    let mut integers = range.clone();
    if from.fractional_bits() != 0 {
        let added = from.fractional_bits().min(0).unsigned_abs();
        let whole = from.fractional_bits().max(0).unsigned_abs();
        let widest = range.refined(added);
        let bound = |code: &BigInt| code >> whole;
        let covering = Range::new(bound(widest.low()), bound(widest.high()) + 1);
        let format = Format::covering(&covering, 0).map_err(&error)?;
        let to = Quantization::new(format, Rounding::TrnZero, Overflow::WRAP);
        integers = cast_range(&range, from.fractional_bits(), &to);
        node = cast(builder, scope.layer, "integer", node, &to)?;
    }
    let last = BigInt::from(rows) - 1;
    let is_low = *integers.low() < BigInt::ZERO;
    let is_high = *integers.high() > last;
    if is_low || is_high || *integers.high() < last {
        builder.warn(LowerWarning::Indices {
            layer: scope.layer.into(),
            rows,
            range: integers,
            exceeds: is_low || is_high,
        });
    }
    if !is_low && !is_high {
        return Ok(node);
    }
    let limits = (is_low.then_some(BigInt::ZERO), is_high.then_some(last));
    clamp(builder, scope, "limited", node, limits)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::super::lower;
    use super::super::tests::{Outcome, chain, nodes, settings};
    use crate::model::LayerKind;

    #[test]
    fn indices_outside_of_the_table_are_limited_with_a_warning() -> Outcome {
        let table = array![[0.5, 1.0], [0.25, -1.0], [2.0, 0.0]];
        let model = chain(2, vec![("e", LayerKind::Embedding(table))]);
        for (input, ops, message) in [
            (
                "ufixed<2,2>",
                vec!["clamp", "lookup"],
                "[0, 3], its table the rows 0 to 2; an index outside selects the nearest row, where Keras raises an error",
            ),
            (
                "ufixed<1,1>",
                vec!["lookup"],
                "[0, 1], its table the rows 0 to 2; the rows beyond are never selected. Give the input the type ufixed<2,2> (--input-type).",
            ),
            (
                "fixed<4,2>",
                vec!["cast", "clamp", "lookup"],
                "[-2, 1], its table the rows 0 to 2; an index outside selects the nearest row, where Keras raises an error. Give the input the type ufixed<2,2> (--input-type).",
            ),
            (
                "fixed<2,3>",
                vec!["cast", "clamp", "lookup"],
                "[-4, 2], its table the rows 0 to 2; an index outside selects the nearest row, where Keras raises an error. Give the input the type ufixed<2,2> (--input-type).",
            ),
        ] {
            let lowered = lower(&model, &settings(input)?)?;
            let found: Vec<&str> =
                nodes(&lowered.graph).iter().skip(1).map(|(_, op)| *op).collect();
            assert_eq!(found, ops, "{input}");
            let warning = lowered.warnings.first().ok_or("no warning")?.to_string();
            assert_eq!(warning, format!("layer 'e': its operand has the range {message}"));
            let message = "layer 'e': no quantizer for the embeddings; quantized to fixed<16,6>, so results differ from the trained network";
            assert!(lowered.warnings[1].to_string().starts_with(message));
        }
        Ok(())
    }
}
