//! Operations that compute: element-wise functions, matrix products, reductions, pooling.

use ndarray::{ArrayD, Axis, IxDyn};
use serde_json::{Value, json};

use super::{Call, Operation, text};
use crate::front::error::FrontError;
use crate::front::keras::architecture::Argument;
use crate::front::keras::attributes::shown;
use crate::front::keras::layers::windows::{Dimensions, height_width};
use crate::front::keras::layers::{Built, check_size};
use crate::front::keras::quantizers::{self, LEAKY_SLOPE, Namespace};
use crate::front::layer_problem::LayerProblem;
use crate::function::{Function, Relu};
use crate::model::{
    Activation, LayerKind, Merge, MergeConstant, Padding, Pool, PoolWindows, Reduce, Reduction,
    WindowSpec, broadcast,
};

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
        call.layer.same_shape(LayerKind::Square)
    }),
    Operation::new(&["math.pow", "Power"], &["x", "y"], |call| {
        call.value(1, "y")?;
        call.only(1, "y", &[json!(2)])?;
        call.layer.same_shape(LayerKind::Square)
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
    Operation::new(&["math.reduce_sum", "Sum"], REDUCTION_ARGUMENTS, |call| {
        reduce(call, Reduction::Sum)
    }),
    Operation::new(&["math.reduce_mean", "Mean"], REDUCTION_ARGUMENTS, |call| {
        reduce(call, Reduction::Average)
    }),
    Operation::new(&["math.reduce_max", "Max", "Amax"], REDUCTION_ARGUMENTS, |call| {
        reduce(call, Reduction::Max)
    }),
    Operation::new(&["math.reduce_min", "Min", "Amin"], REDUCTION_ARGUMENTS, |call| {
        reduce(call, Reduction::Min)
    }),
    Operation::new(
        &["nn.max_pool2d", "nn.max_pool1d", "compat.v1.nn.max_pool", "MaxPool"],
        POOLING_ARGUMENTS,
        |call| pool(call, Reduction::Max),
    ),
    Operation::new(
        &["nn.avg_pool2d", "nn.avg_pool1d", "compat.v1.nn.avg_pool", "AveragePool"],
        POOLING_ARGUMENTS,
        |call| pool(call, Reduction::Average),
    ),
    Operation::new(&["nn.leaky_relu", "LeakyRelu"], &["x", "negative_slope"], leaky_relu),
    Operation::new(&["nn.gelu", "Gelu"], &["x", "approximate"], |call| {
        // The approximation is the default of Keras 3.
        let is_two = call.layer.attributes.get("function").is_some();
        let missing = if is_two { json!(false) } else { json!(true) };
        call.only_or(1, "approximate", &[json!(false)], &missing)?;
        call.activation("gelu")
    }),
    Operation::new(&["nn.elu", "Elu"], &["x", "alpha"], |call| {
        call.only(1, "alpha", &[json!(1)])?;
        call.activation("elu")
    }),
    Operation::new(&["nn.silu", "Silu"], &["x", "beta"], |call| {
        call.only(1, "beta", &[json!(1)])?;
        call.activation("silu")
    }),
    Operation::new(&["ReLU"], &["x", "negative_slope", "max_value", "threshold"], relu),
    Operation::new(&["math.abs", "Absolute", "Abs"], &["x"], |call| {
        // A leaky ReLU with slope -1.
        call.rectified(Relu::leaky(-1.0))
    }),
    Operation::new(&["nn.relu6", "Relu6"], &["x"], |call| call.activation("relu6")),
    Operation::new(&["nn.selu", "Selu"], &["x"], |call| call.activation("selu")),
    Operation::new(&["math.softplus", "nn.softplus", "Softplus"], &["x"], |call| {
        call.activation("softplus")
    }),
    Operation::new(&["nn.softsign", "Softsign"], &["x"], |call| call.activation("softsign")),
    Operation::new(&["math.exp", "Exp"], &["x"], |call| call.activation("exponential")),
    Operation::new(&["HardSigmoid"], &["x"], |call| call.activation("hard_sigmoid")),
    Operation::new(&["HardSilu"], &["x"], |call| call.activation("hard_silu")),
    Operation::new(&["HardTanh"], &["x"], |call| call.activation("hard_tanh")),
    Operation::new(&["math.log_sigmoid", "LogSigmoid"], &["x"], |call| {
        call.activation("log_sigmoid")
    }),
    Operation::new(&["nn.relu", "Relu"], &["x"], |call| call.activation("relu")),
    Operation::new(&["math.sigmoid", "nn.sigmoid", "Sigmoid"], &["x"], |call| {
        call.activation("sigmoid")
    }),
    Operation::new(&["math.tanh", "nn.tanh", "Tanh"], &["x"], |call| call.activation("tanh")),
    Operation::new(&["nn.softmax", "Softmax"], &["x", "axis"], softmax),
];

impl Call<'_, '_> {
    /// An element-wise function of two operands, one of which may be constant.
    fn merge(&mut self, merge: Merge) -> Result<Built, FrontError> {
        let (constant, is_first) = match (&self.arguments[0], &self.arguments[1]) {
            (Some(Argument::Tensor(0)), Some(Argument::Tensor(1))) => {
                let [one, other] = &self.layer.inputs[..] else {
                    return Err(self.layer.incompatible_shapes());
                };
                // TensorFlow aligns the last axes, which would pair a batch axis with another axis.
                if one.len() != other.len() {
                    return Err(self.layer.incompatible_shapes());
                }
                let shape = broadcast(&[one, other]);
                let shape = shape.ok_or_else(|| self.layer.incompatible_shapes())?;
                return Ok(Built { kind: LayerKind::Merge(merge), shape });
            }
            (Some(Argument::Tensor(_)), Some(Argument::Value(value))) => (*value, false),
            (Some(Argument::Value(value)), Some(Argument::Tensor(_))) => (*value, true),
            (_, None) => return Err(self.layer.attributes.missing("y")),
            (_, Some(other)) => return Err(self.reject("y", text(other))),
        };
        let name = if is_first { "x" } else { "y" };
        let values = numbers(constant);
        let values = values.ok_or_else(|| self.reject(name, shown(constant)))?;
        self.with(merge, values, is_first)
    }

    /// An element-wise function of the only input and constants.
    fn with(
        &mut self,
        merge: Merge,
        values: ArrayD<f32>,
        is_first: bool,
    ) -> Result<Built, FrontError> {
        let values = self.fitting(values, if is_first { "x" } else { "y" })?;
        self.layer.same_shape(LayerKind::MergeConstant(MergeConstant { merge, values, is_first }))
    }

    /// Requires constants to broadcast to the shape of the only input.
    fn fitting(&self, mut values: ArrayD<f32>, name: &str) -> Result<ArrayD<f32>, FrontError> {
        let shape = self.layer.input()?;
        // A leading axis of length 1 may be the batch's.
        while values.ndim() > shape.len() && values.shape()[0] == 1 {
            values = values.index_axis_move(Axis(0), 0);
        }
        match values.broadcast(shape) {
            Some(_) => Ok(values),
            None => Err(self.reject(name, format!("an array of shape {:?}", values.shape()))),
        }
    }
}

/// The sum of a list of tensors of one shape.
fn sum(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let [first, others @ ..] = &call.layer.inputs[..] else {
        return Err(call.layer.attributes.missing("xs"));
    };
    if others.iter().any(|other| other != first) {
        return Err(call.layer.incompatible_shapes());
    }
    let kind = if others.is_empty() { LayerKind::Identity } else { LayerKind::Merge(Merge::Add) };
    Ok(Built { kind, shape: first.clone() })
}

/// Division by constants.
fn divide(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let value = call.value(1, "y")?;
    let numbers = numbers(value).ok_or_else(|| call.reject("y", shown(value)))?;
    if numbers.iter().any(|number| *number == 0.0 || !number.is_finite()) {
        return Err(call.reject("y", shown(value)));
    }
    let by = call.fitting(numbers, "y")?;
    call.layer.same_shape(LayerKind::Divide(by))
}

/// The product of two matrices; leading axes enumerate pairs of matrices.
fn matmul(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    for (at, name) in [(4, "adjoint_a"), (5, "adjoint_b"), (6, "a_is_sparse"), (7, "b_is_sparse")] {
        call.only(at, name, &[json!(false)])?;
    }
    let mut transposed = [false; 2];
    for (transposed, (at, name)) in
        transposed.iter_mut().zip([(2, "transpose_a"), (3, "transpose_b")])
    {
        call.only(at, name, &[json!(false), json!(true)])?;
        *transposed = *call.value_or(at, name, &Value::Bool(false))? == json!(true);
    }
    let [one, other] = &call.layer.inputs[..] else {
        return Err(call.layer.wrong_inputs(2));
    };
    let (Some((before, left)), Some((also, right))) =
        (one.split_last_chunk::<2>(), other.split_last_chunk::<2>())
    else {
        return Err(call.layer.incompatible_shapes());
    };
    // The axes along which products are summed.
    let axes = [usize::from(!transposed[0]), usize::from(transposed[1])];
    if before != also || left[axes[0]] != right[axes[1]] {
        return Err(call.layer.incompatible_shapes());
    }
    let shape = [before, &[left[1 - axes[0]], right[1 - axes[1]]]].concat();
    check_size(call.layer.owner, &shape)?;
    let product = LayerKind::Dot { axes };
    let each = |kind, _: &usize| LayerKind::TimeDistributed(Box::new(kind));
    Ok(Built { kind: before.iter().fold(product, each), shape })
}

fn clip(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let limits = [(1, "x_min"), (2, "x_max")].map(|(at, name)| {
        let value = call.value(at, name)?;
        value.as_f64().ok_or_else(|| call.reject(name, shown(value)))
    });
    let [low, high] = limits;
    let shape = call.layer.input()?.to_vec();
    let kind = LayerKind::Clip { low: low? as f32, high: high? as f32 };
    Ok(Built { kind, shape })
}

/// Reads a number or nested lists of numbers, in the notation of Keras 2 or 3.
pub(in crate::front::keras) fn numbers(value: &Value) -> Option<ArrayD<f32>> {
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

/// Appends the numbers of nested lists, which must have this shape.
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

/// Arguments of [`reduce`].
const REDUCTION_ARGUMENTS: &[&str] = &["x", "axis", "keepdims"];

/// Arguments of [`pool`].
const POOLING_ARGUMENTS: &[&str] = &["x", "pool_size", "strides", "padding", "data_format"];

/// Pooling over windows.
fn pool(call: &mut Call<'_, '_>, kind: Reduction) -> Result<Built, FrontError> {
    call.only(4, "data_format", &["channels_last", "NHWC", "NWC"].map(Value::from))?;
    let dimensions = match call.layer.input()?.len() {
        2 => Dimensions::One,
        _ => Dimensions::Two,
    };
    let image = call.layer.image(dimensions)?;
    let pair = |call: &Call<'_, '_>, at, name| -> Result<[usize; 2], FrontError> {
        let value = call.value(at, name)?;
        // TensorFlow may state the batch and the channels too.
        let inner = match value.as_array().map(Vec::as_slice) {
            Some([one, inner @ .., other]) if *one == json!(1) && *other == json!(1) => {
                Value::Array(inner.to_vec())
            }
            _ => value.clone(),
        };
        let pair =
            height_width(&inner, dimensions, 1).or_else(|| height_width(value, dimensions, 1));
        pair.ok_or_else(|| call.reject(name, shown(value)))
    };
    let kernel = pair(call, 1, "pool_size")?;
    let strides = match call.arguments.get(2) {
        Some(Some(_)) => pair(call, 2, "strides")?,
        _ => kernel,
    };
    let padding = call.value_or(3, "padding", &Value::Null)?;
    let padding = match padding.as_str().map(str::to_lowercase).as_deref() {
        None | Some("valid") => Padding::Valid,
        Some("same") => Padding::Same,
        Some(_) => return Err(call.reject("padding", shown(padding))),
    };
    let spec = WindowSpec { kernel, strides, padding, ..WindowSpec::POINTWISE };
    let shape = call.layer.windowed_shape(&spec, image, image.channels)?;
    let activation = Activation::Linear;
    let pool = Pool { windows: PoolWindows::Sliding(spec), kind, activation };
    Ok(Built { kind: LayerKind::Pool(pool), shape })
}

/// A reduction along some axes. Along all axes but the batch and the channels, it is global pooling.
fn reduce(call: &mut Call<'_, '_>, kind: Reduction) -> Result<Built, FrontError> {
    let shape = call.layer.input()?.to_vec();
    let value = call.value_or(1, "axis", &Value::Null)?;
    let axes = if value.is_null() { vec![] } else { call.axes("axis", value)? };
    if axes.is_empty() {
        let help =
            "supported: axes of a sample, without the batch, such as axis = 1 or axis = [1, 2]";
        return Err(call.layer.attributes.unsupported("axis", value, help.to_owned()));
    }
    call.only(2, "keepdims", &[json!(false), json!(true)])?;
    let keep_axes = *call.value_or(2, "keepdims", &Value::Bool(false))? == json!(true);
    let is_reduced = |axis: usize| axes.contains(&axis);
    let result: Vec<usize> = match keep_axes {
        true => {
            (0..shape.len()).map(|axis| if is_reduced(axis) { 1 } else { shape[axis] }).collect()
        }
        false => {
            (0..shape.len()).filter(|axis| !is_reduced(*axis)).map(|axis| shape[axis]).collect()
        }
    };
    if result.is_empty() {
        let help = "the result has no axis besides the batch; set keepdims = true";
        return Err(call.layer.attributes.unsupported("axis", value, help.to_owned()));
    }
    let is_global = axes.len() + 1 == shape.len() && axes.len() <= 2 && !is_reduced(axes.len());
    let kind = match is_global {
        true => {
            let activation = Activation::Linear;
            LayerKind::Pool(Pool { windows: PoolWindows::Global { keep_axes }, kind, activation })
        }
        false => LayerKind::Reduce(Reduce { axes, kind, keep_axes }),
    };
    Ok(Built { kind, shape: result })
}

impl Call<'_, '_> {
    /// A function of Keras.
    fn activation(&mut self, name: &'static str) -> Result<Built, FrontError> {
        let activation = quantizers::activation(&json!(name), Namespace::default());
        let activation = activation.map_err(|error| {
            self.layer.owner.wrong(LayerProblem::Config { attribute: name.to_owned(), error })
        })?;
        self.layer.same_shape(LayerKind::Activation(activation))
    }

    /// A ReLU with parameters.
    fn rectified(&self, relu: Relu) -> Result<Built, FrontError> {
        let kind = LayerKind::Activation(Activation::Function(Function::Relu(relu)));
        self.layer.same_shape(kind)
    }
}

fn leaky_relu(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let negative_slope = call.number(1, "negative_slope")?.unwrap_or(LEAKY_SLOPE);
    call.rectified(Relu::leaky(negative_slope))
}

/// `keras.activations.relu` of Keras 3.
fn relu(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    call.rectified(Relu {
        negative_slope: call.number(1, "negative_slope")?.unwrap_or(0.0),
        max_value: call.number(2, "max_value")?,
        threshold: call.number(3, "threshold")?.unwrap_or(0.0),
    })
}

fn softmax(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    if let Some(Some(_)) = call.arguments.get(1) {
        let value = call.value(1, "axis")?;
        let axis = call.layer.axis("axis", value)?;
        if axis + 1 != call.layer.input()?.len() {
            return Err(call.reject("axis", shown(value)));
        }
    }
    call.activation("softmax")
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
