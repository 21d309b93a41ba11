//! Operations that compute element by element with tensors and numbers, and products of matrices.

use ndarray::{ArrayD, IxDyn};
use serde_json::{Value, json};

use super::{Call, Operation, text};
use crate::front::error::FrontError;
use crate::front::keras::architecture::Argument;
use crate::front::keras::attributes::shown;
use crate::front::keras::layers::Built;
use crate::front::layer_problem::LayerProblem;
use crate::model::{Constant, LayerKind, Merge};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(&["__operators__.add", "math.add", "Add"], &["x", "y"], |call| {
        call.merge(Merge::Add)
    }),
    Operation::new(&["nn.bias_add"], &["x", "y"], |call| call.merge(Merge::Add)),
    Operation::new(&["math.subtract", "Subtract"], &["x", "y"], |call| call.merge(Merge::Subtract)),
    Operation::new(&["math.multiply", "Multiply"], &["x", "y"], |call| call.merge(Merge::Multiply)),
    Operation::new(&["math.maximum", "Maximum"], &["x", "y"], |call| call.merge(Merge::Maximum)),
    Operation::new(&["math.minimum", "Minimum"], &["x", "y"], |call| call.merge(Merge::Minimum)),
    Operation::new(&["math.negative", "Negative"], &["x"], |call| {
        call.with(Merge::Multiply, ArrayD::from_elem(IxDyn(&[]), -1.0), false)
    }),
    Operation::new(&["math.add_n"], &["xs"], sum),
    Operation::new(&["math.scalar_mul", "compat.v1.math.scalar_mul"], &["y", "x"], |call| {
        call.merge(Merge::Multiply)
    }),
    Operation::new(&["math.square", "Square"], &["x"], |call| {
        call.site.same_shape(LayerKind::Square)
    }),
    Operation::new(&["math.pow", "Power"], &["x", "y"], |call| {
        call.value(1, "y")?;
        call.only(1, "y", &[json!(2)])?;
        call.site.same_shape(LayerKind::Square)
    }),
    Operation::new(
        &["math.truediv", "math.divide", "realdiv", "Divide", "TrueDivide"],
        &["x", "y"],
        divide,
    ),
    Operation::new(
        &["linalg.matmul", "Matmul"],
        &[
            "x",
            "y",
            "transpose_a",
            "transpose_b",
            "adjoint_a",
            "adjoint_b",
            "a_is_sparse",
            "b_is_sparse",
        ],
        matmul,
    ),
    Operation::new(&["clip_by_value", "Clip"], &["x", "x_min", "x_max"], clip),
];

impl Call<'_, '_> {
    /// Two operands, one of which may be a number or an array of them.
    fn merge(&mut self, merge: Merge) -> Result<Built, FrontError> {
        let (constant, is_first) = match (&self.arguments[0], &self.arguments[1]) {
            (Some(Argument::Tensor(0)), Some(Argument::Tensor(1))) => {
                let [one, other] = &self.site.inputs[..] else { return Err(self.site.differ()) };
                // TensorFlow aligns the last axes, and the batch is the first of all.
                if one.len() != other.len() {
                    return Err(self.site.differ());
                }
                let shape = crate::model::broadcast(&[one, other]);
                let shape = shape.ok_or_else(|| self.site.differ())?;
                return Ok(Built { kind: LayerKind::Merge(merge), shape });
            }
            (Some(Argument::Tensor(_)), Some(Argument::Value(value))) => (*value, false),
            (Some(Argument::Value(value)), Some(Argument::Tensor(_))) => (*value, true),
            (_, None) => return Err(self.site.attributes.missing("y")),
            (_, Some(other)) => return Err(self.refuse("y", text(other))),
        };
        let name = if is_first { "x" } else { "y" };
        let values = numbers(constant);
        let values = values.ok_or_else(|| self.refuse(name, shown(constant)))?;
        self.with(merge, values, is_first)
    }

    /// The only input, and numbers that broadcast to its shape.
    fn with(
        &mut self,
        merge: Merge,
        values: ArrayD<f32>,
        is_first: bool,
    ) -> Result<Built, FrontError> {
        let values = self.fitting(values, if is_first { "x" } else { "y" })?;
        self.site.same_shape(LayerKind::Constant(Constant { merge, values, is_first }))
    }

    /// Numbers that broadcast to the shape of the only input.
    fn fitting(&self, values: ArrayD<f32>, name: &str) -> Result<ArrayD<f32>, FrontError> {
        let shape = self.site.input()?;
        // An axis of length 1 may stand for the batch.
        let mut values = values;
        while values.ndim() > shape.len() && values.shape()[0] == 1 {
            values = values.index_axis_move(ndarray::Axis(0), 0);
        }
        match values.broadcast(shape) {
            Some(_) => Ok(values),
            None => Err(self.refuse(name, format!("an array of the shape {:?}", values.shape()))),
        }
    }
}

/// The sum of a list of tensors, which all have one shape.
fn sum(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let [first, others @ ..] = &call.site.inputs[..] else {
        return Err(call.site.attributes.missing("xs"));
    };
    if others.iter().any(|other| other != first) {
        return Err(call.site.differ());
    }
    let kind = if others.is_empty() { LayerKind::Identity } else { LayerKind::Merge(Merge::Add) };
    Ok(Built { kind, shape: first.clone() })
}

/// A quotient by numbers.
fn divide(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let value = call.value(1, "y")?;
    let numbers = numbers(value).ok_or_else(|| call.refuse("y", shown(value)))?;
    if numbers.iter().any(|number| *number == 0.0 || !number.is_finite()) {
        return Err(call.refuse("y", shown(value)));
    }
    let by = call.fitting(numbers, "y")?;
    call.site.same_shape(LayerKind::Divide(by))
}

/// The product of two matrices, or of as many pairs of them as the axes before have.
fn matmul(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    for (at, name) in [(4, "adjoint_a"), (5, "adjoint_b"), (6, "a_is_sparse"), (7, "b_is_sparse")] {
        call.only(at, name, &[json!(false)])?;
    }
    let mut turned = [false; 2];
    for (turned, (at, name)) in turned.iter_mut().zip([(2, "transpose_a"), (3, "transpose_b")]) {
        call.only(at, name, &[json!(false), json!(true)])?;
        *turned = *call.value_or(at, name, &Value::Bool(false))? == json!(true);
    }
    let [one, other] = &call.site.inputs[..] else {
        let (expected, found) = (2, call.site.inputs.len());
        return Err(call.site.owner.wrong(LayerProblem::Inputs { expected, found }));
    };
    let (Some((before, left)), Some((also, right))) =
        (one.split_last_chunk::<2>(), other.split_last_chunk::<2>())
    else {
        return Err(call.site.differ());
    };
    // The axes along which products are summed, and those that stay.
    let axes = [usize::from(!turned[0]), usize::from(turned[1])];
    if before != also || left[axes[0]] != right[axes[1]] {
        return Err(call.site.differ());
    }
    let shape = [before, &[left[1 - axes[0]], right[1 - axes[1]]]].concat();
    call.site.check_size(&shape)?;
    let product = LayerKind::Dot { axes };
    let each = |kind, _: &usize| LayerKind::TimeDistributed(Box::new(kind));
    Ok(Built { kind: before.iter().fold(product, each), shape })
}

fn clip(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let limits = [(1, "x_min"), (2, "x_max")].map(|(at, name)| {
        let value = call.value(at, name)?;
        value.as_f64().ok_or_else(|| call.refuse(name, shown(value)))
    });
    let [low, high] = limits;
    let shape = call.site.input()?.to_vec();
    let kind = LayerKind::Clip { low: low? as f32, high: high? as f32 };
    Ok(Built { kind, shape })
}

/// A number or nested lists of numbers, as either Keras writes them.
pub(super) fn numbers(value: &Value) -> Option<ArrayD<f32>> {
    let class = value.get("class_name").and_then(Value::as_str);
    let value = match class {
        None => value,
        Some("__numpy__" | "__tensor__") => value.pointer("/config/value")?,
        Some(_) => return None,
    };
    let mut shape = vec![];
    let mut inner = value;
    while let Value::Array(values) = inner {
        shape.push(values.len());
        inner = values.first()?;
    }
    let mut flat = vec![];
    collect(value, &shape, &mut flat)?;
    ArrayD::from_shape_vec(IxDyn(&shape), flat).ok()
}

/// The numbers of nested lists, which must have this shape.
fn collect(value: &Value, shape: &[usize], into: &mut Vec<f32>) -> Option<()> {
    match (value, shape.split_first()) {
        (Value::Array(values), Some((length, rest))) if values.len() == *length => {
            values.iter().try_for_each(|value| collect(value, rest, into))
        }
        (Value::Number(number), None) => {
            into.push(number.as_f64()? as f32);
            Some(())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_are_nested_lists() {
        let array = numbers(&json!([[1, 2.5], [3, 4]])).map(|array| array.shape().to_vec());
        assert_eq!(array, Some(vec![2, 2]));
        let numpy =
            json!({"class_name": "__numpy__", "config": {"value": [1.0], "dtype": "float32"}});
        assert_eq!(numbers(&numpy).map(|array| array.len()), Some(1));
        for none in [json!([[1], [2, 3]]), json!("x"), json!([]), json!([[1], 2])] {
            assert!(numbers(&none).is_none(), "{none}");
        }
    }
}
