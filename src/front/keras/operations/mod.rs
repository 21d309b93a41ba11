//! Operations on tensors that Keras keeps like layers: what `x + y`, `x[:, 1:]` or `tf.nn.relu(x)`
//! leave behind, as `TFOpLambda` in Keras 2, and as a class of `keras.ops` in Keras 3.

mod moves;
mod reduce;

use ndarray::{ArrayD, IxDyn};
use serde_json::{Value, json};

use super::architecture::Argument;
use super::attributes::{equal, shown};
use super::functions::LEAKY_SLOPE;
use super::layers::{Built, Site};
use super::quantizers::Dialect;
use crate::front::error::FrontError;
use crate::front::layer_problem::LayerProblem;
use crate::function::{Function, Relu};
use crate::model::{Activation, Constant, LayerKind, Merge, PoolKind};

/// An operation, by its names in Keras 2 and 3, the names of its arguments, and how it is read.
struct Operation {
    names: &'static [&'static str],
    arguments: &'static [&'static str],
    read: fn(&mut Call<'_, '_>) -> Result<Built, FrontError>,
}

const OPERATIONS: &[Operation] = &[
    Operation {
        names: &["__operators__.add", "math.add", "Add"],
        arguments: &["x", "y"],
        read: |call| call.merge(Merge::Add),
    },
    Operation {
        names: &["math.subtract", "Subtract"],
        arguments: &["x", "y"],
        read: |call| call.merge(Merge::Subtract),
    },
    Operation {
        names: &["math.multiply", "Multiply"],
        arguments: &["x", "y"],
        read: |call| call.merge(Merge::Multiply),
    },
    Operation {
        names: &["math.maximum", "Maximum"],
        arguments: &["x", "y"],
        read: |call| call.merge(Merge::Maximum),
    },
    Operation {
        names: &["math.minimum", "Minimum"],
        arguments: &["x", "y"],
        read: |call| call.merge(Merge::Minimum),
    },
    Operation {
        names: &["math.negative", "Negative"],
        arguments: &["x"],
        read: |call| call.with(Merge::Multiply, ArrayD::from_elem(IxDyn(&[]), -1.0), false),
    },
    Operation { names: &["math.add_n"], arguments: &["xs"], read: sum },
    Operation {
        names: &["math.truediv", "math.divide", "Divide", "TrueDivide"],
        arguments: &["x", "y"],
        read: divide,
    },
    Operation { names: &["linalg.matmul", "Matmul"], arguments: &["x", "y"], read: matmul },
    Operation {
        names: &["math.reduce_mean", "Mean"],
        arguments: &["x", "axis", "keepdims"],
        read: |call| reduce::over_positions(call, PoolKind::Average),
    },
    Operation {
        names: &["math.reduce_max", "Max"],
        arguments: &["x", "axis", "keepdims"],
        read: |call| reduce::over_positions(call, PoolKind::Max),
    },
    Operation {
        names: &["concat", "Concatenate"],
        arguments: &["xs", "axis"],
        read: moves::concatenate,
    },
    Operation {
        names: &["reshape", "Reshape"],
        arguments: &["x", "newshape"],
        read: moves::reshape,
    },
    Operation {
        names: &["expand_dims", "ExpandDims"],
        arguments: &["x", "axis"],
        read: moves::expand_dims,
    },
    Operation {
        names: &["squeeze", "compat.v1.squeeze", "Squeeze"],
        arguments: &["x", "axis"],
        read: moves::squeeze,
    },
    Operation {
        names: &["pad", "compat.v1.pad", "Pad"],
        arguments: &["x", "pad_width", "mode", "constant_values"],
        read: moves::pad,
    },
    Operation {
        names: &["repeat", "Repeat"],
        arguments: &["x", "repeats", "axis"],
        read: moves::repeat,
    },
    Operation {
        names: &["identity", "stop_gradient", "StopGradient"],
        arguments: &["x"],
        read: |call| call.site.same_shape(LayerKind::Identity),
    },
    Operation {
        names: &["transpose", "compat.v1.transpose", "Transpose"],
        arguments: &["x", "axes"],
        read: moves::transpose,
    },
    Operation {
        names: &["__operators__.getitem", "GetItem"],
        arguments: &["x", "key"],
        read: moves::item,
    },
    Operation {
        names: &["clip_by_value", "Clip"],
        arguments: &["x", "x_min", "x_max"],
        read: clip,
    },
    Operation {
        names: &["nn.leaky_relu", "LeakyRelu"],
        arguments: &["x", "negative_slope"],
        read: leaky_relu,
    },
    Operation {
        names: &["nn.gelu", "Gelu"],
        arguments: &["x", "approximate"],
        read: |call| {
            // Keras 3 approximates unless it is told not to.
            let is_two = call.site.attributes.get("function").is_some();
            let missing = if is_two { json!(false) } else { json!(true) };
            call.only_or(1, "approximate", &[json!(false)], &missing)?;
            call.activation("gelu")
        },
    },
    Operation {
        names: &["nn.elu", "Elu"],
        arguments: &["x", "alpha"],
        read: |call| {
            call.only(1, "alpha", &[json!(1)])?;
            call.activation("elu")
        },
    },
    Operation {
        names: &["nn.silu", "Silu"],
        arguments: &["x", "beta"],
        read: |call| {
            call.only(1, "beta", &[json!(1)])?;
            call.activation("silu")
        },
    },
    Operation {
        names: &["nn.relu6", "Relu6"],
        arguments: &["x"],
        read: |call| call.activation("relu6"),
    },
    Operation {
        names: &["nn.selu", "Selu"],
        arguments: &["x"],
        read: |call| call.activation("selu"),
    },
    Operation {
        names: &["math.softplus", "nn.softplus", "Softplus"],
        arguments: &["x"],
        read: |call| call.activation("softplus"),
    },
    Operation {
        names: &["nn.softsign", "Softsign"],
        arguments: &["x"],
        read: |call| call.activation("softsign"),
    },
    Operation {
        names: &["math.exp", "Exp"],
        arguments: &["x"],
        read: |call| call.activation("exponential"),
    },
    Operation {
        names: &["HardSigmoid"],
        arguments: &["x"],
        read: |call| call.activation("hard_sigmoid"),
    },
    Operation {
        names: &["HardSilu"],
        arguments: &["x"],
        read: |call| call.activation("hard_silu"),
    },
    Operation {
        names: &["HardTanh"],
        arguments: &["x"],
        read: |call| call.activation("hard_tanh"),
    },
    Operation {
        names: &["math.log_sigmoid", "LogSigmoid"],
        arguments: &["x"],
        read: |call| call.activation("log_sigmoid"),
    },
    Operation {
        names: &["nn.relu", "Relu"],
        arguments: &["x"],
        read: |call| call.activation("relu"),
    },
    Operation {
        names: &["math.sigmoid", "nn.sigmoid", "Sigmoid"],
        arguments: &["x"],
        read: |call| call.activation("sigmoid"),
    },
    Operation {
        names: &["math.tanh", "nn.tanh", "Tanh"],
        arguments: &["x"],
        read: |call| call.activation("tanh"),
    },
    Operation { names: &["nn.softmax", "Softmax"], arguments: &["x", "axis"], read: softmax },
];

/// Other names of arguments: Keras 2 has its own, and Keras 3 numbers those of a pair.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("x1", "x"),
    ("x2", "y"),
    ("shape", "newshape"),
    ("perm", "axes"),
    ("a_min", "x_min"),
    ("a_max", "x_max"),
    ("clip_value_min", "x_min"),
    ("clip_value_max", "x_max"),
    ("slice_spec", "key"),
    ("logits", "x"),
    ("features", "x"),
    ("input", "x"),
    ("input_tensor", "x"),
    ("tensor", "x"),
    ("a", "x"),
    ("b", "y"),
    ("inputs", "xs"),
    ("paddings", "pad_width"),
    ("alpha", "negative_slope"),
    ("values", "xs"),
];

/// Arguments that change nothing: a name, and the conjugate of what is real.
const INERT: &[&str] = &["name", "conjugate"];

/// Reads an operation.
pub(super) fn build(mut site: Site<'_>) -> Result<Built, FrontError> {
    let function = site.attributes.get("function").and_then(Value::as_str);
    let name = function.unwrap_or(site.owner.class);
    let operation = OPERATIONS.iter().find(|operation| operation.names.contains(&name));
    let operation = operation.ok_or_else(|| {
        let supported = OPERATIONS.iter().flat_map(|operation| operation.names);
        let supported = supported.copied().collect::<Vec<_>>().join(", ");
        site.owner.wrong(LayerProblem::Operation { name: name.to_owned(), supported })
    })?;
    let mut call = Call { arguments: vec![None; operation.arguments.len()], site: &mut site };
    call.collect(operation)?;
    let built = (operation.read)(&mut call)?;
    site.attributes.finish()?;
    site.weights.finish()?;
    Ok(built)
}

/// An operation's call, its arguments in the order of their names.
struct Call<'c, 'a> {
    site: &'c mut Site<'a>,
    arguments: Vec<Option<Argument<'a>>>,
}

impl<'a> Call<'_, 'a> {
    /// Sorts the arguments by name. Keras 3 states some of them as attributes.
    fn collect(&mut self, operation: &Operation) -> Result<(), FrontError> {
        let given = self.site.arguments;
        if given.positional.len() > self.arguments.len() {
            return Err(self.site.owner.wrong(LayerProblem::Argument {
                argument: format!("number {}", self.arguments.len() + 1),
                value: given.positional.get(self.arguments.len()).map(text).unwrap_or_default(),
            }));
        }
        for (at, argument) in given.positional.iter().enumerate() {
            self.arguments[at] = Some(argument.clone());
        }
        for (name, argument) in given.named.iter().filter(|(name, _)| !INERT.contains(name)) {
            let others = OTHER_NAMES.iter().filter(|(other, _)| other == name);
            let known: Vec<_> = std::iter::once(name).chain(others.map(|(_, own)| own)).collect();
            let Some(at) = operation.arguments.iter().position(|own| known.contains(&own)) else {
                let (argument, value) = ((*name).to_owned(), text(argument));
                return Err(self.site.owner.wrong(LayerProblem::Argument { argument, value }));
            };
            self.arguments[at] = Some(argument.clone());
        }
        for (at, name) in operation.arguments.iter().enumerate() {
            if let (None, Some(value)) = (&self.arguments[at], self.site.attributes.get(name)) {
                self.arguments[at] = Some(Argument::Value(value));
            }
        }
        Ok(())
    }

    /// An argument that is no tensor.
    fn value(&self, at: usize, name: &str) -> Result<&'a Value, FrontError> {
        match self.arguments.get(at) {
            Some(Some(Argument::Value(value))) => Ok(value),
            Some(Some(argument)) => Err(self.refuse(name, text(argument))),
            _ => Err(self.site.attributes.missing(name)),
        }
    }

    /// An argument that must be one of `supported`, if it is there at all.
    fn only(&self, at: usize, name: &str, supported: &[Value]) -> Result<(), FrontError> {
        let Some(missing) = supported.first() else { return Ok(()) };
        self.only_or(at, name, supported, missing)
    }

    /// As [`Call::only`], where an argument that is not there is `missing`.
    fn only_or(
        &self,
        at: usize,
        name: &str,
        supported: &[Value],
        missing: &Value,
    ) -> Result<(), FrontError> {
        let value = match self.arguments.get(at) {
            Some(Some(_)) => self.value(at, name)?,
            _ => missing,
        };
        if supported.iter().any(|other| equal(value, other)) {
            return Ok(());
        }
        let help = format!("supported is {name} = {}", supported.first().unwrap_or(missing));
        Err(self.site.attributes.unsupported(name, value, help))
    }

    /// Axes of the only input's samples, ascending: one, or a list.
    fn axes(&self, name: &str, value: &Value) -> Result<Vec<usize>, FrontError> {
        let one = std::slice::from_ref(value);
        let axes = value.as_array().map_or(one, Vec::as_slice);
        let mut axes =
            axes.iter().map(|axis| self.site.axis(name, axis)).collect::<Result<Vec<_>, _>>()?;
        axes.sort_unstable();
        axes.dedup();
        Ok(axes)
    }

    fn refuse(&self, argument: &str, value: String) -> FrontError {
        self.site.owner.wrong(LayerProblem::Argument { argument: argument.to_owned(), value })
    }

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
        let shape = self.site.input()?.to_vec();
        // An axis of length 1 may stand for the batch.
        let mut values = values;
        while values.ndim() > shape.len() && values.shape()[0] == 1 {
            values = values.index_axis_move(ndarray::Axis(0), 0);
        }
        if values.broadcast(shape.clone()).is_none() {
            let name = if is_first { "x" } else { "y" };
            return Err(self.refuse(name, format!("an array of the shape {:?}", values.shape())));
        }
        let constant = Constant { merge, values, is_first };
        Ok(Built { kind: LayerKind::Constant(constant), shape })
    }

    /// A function of Keras.
    fn activation(&mut self, name: &'static str) -> Result<Built, FrontError> {
        let activation = super::quantizers::activation(&json!(name), Dialect::default());
        let activation = activation.map_err(|error| {
            self.site.owner.wrong(LayerProblem::Config { attribute: name.to_owned(), error })
        })?;
        self.site.same_shape(LayerKind::Activation(activation))
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

/// A quotient by numbers whose reciprocals are exact: powers of two.
fn divide(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let value = call.value(1, "y")?;
    let numbers = numbers(value).ok_or_else(|| call.refuse("y", shown(value)))?;
    let reciprocals = numbers.mapv(|number| 1.0 / number);
    let exact = |(number, reciprocal): (&f32, &f32)| {
        reciprocal.is_normal() && f64::from(*number) * f64::from(*reciprocal) == 1.0
    };
    if !numbers.iter().zip(&reciprocals).all(exact) {
        let help = "a quotient is read where it is one by powers of two".to_owned();
        return Err(call.site.attributes.unsupported("y", value, help));
    }
    call.with(Merge::Multiply, reciprocals, false)
}

/// The product of two matrices.
fn matmul(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    match &call.site.inputs[..] {
        [one, other] => match (&one[..], &other[..]) {
            ([rows, inner], [also, columns]) if inner == also => {
                let shape = vec![*rows, *columns];
                call.site.check_size(&shape)?;
                Ok(Built { kind: LayerKind::Dot { axes: [1, 0] }, shape })
            }
            _ => Err(call.site.differ()),
        },
        inputs => {
            let (expected, found) = (2, inputs.len());
            Err(call.site.owner.wrong(LayerProblem::Inputs { expected, found }))
        }
    }
}

fn leaky_relu(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let negative_slope = match call.arguments.get(1) {
        Some(Some(_)) => {
            let value = call.value(1, "negative_slope")?;
            let slope = value.as_f64().map(|slope| slope as f32).filter(|slope| slope.is_finite());
            slope.ok_or_else(|| call.refuse("negative_slope", shown(value)))?
        }
        _ => LEAKY_SLOPE,
    };
    let relu = Relu { max_value: None, negative_slope, threshold: 0.0 };
    call.site.same_shape(LayerKind::Activation(Activation::Function(Function::Relu(relu))))
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

fn softmax(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    if let Some(Some(_)) = call.arguments.get(1) {
        let value = call.value(1, "axis")?;
        let axis = call.site.axis("axis", value)?;
        if axis + 1 != call.site.input()?.len() {
            return Err(call.refuse("axis", shown(value)));
        }
    }
    call.activation("softmax")
}

/// A number or nested lists of numbers, as either Keras writes them.
fn numbers(value: &Value) -> Option<ArrayD<f32>> {
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

/// An argument for a message.
fn text(argument: &Argument<'_>) -> String {
    match argument {
        Argument::Tensor(_) => "a tensor".to_owned(),
        Argument::Value(value) => shown(value),
        Argument::List(_) => "a list with tensors".to_owned(),
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
