//! Operations on tensors that Keras keeps like layers: what `x + y`, `x[:, 1:]` or `tf.nn.relu(x)`
//! leave behind, as `TFOpLambda` in Keras 2, and as a class of `keras.ops` in Keras 3.

use ndarray::{ArrayD, IxDyn};
use serde_json::{Value, json};

use super::architecture::Argument;
use super::attributes::shown;
use super::layers::{Built, Site};
use crate::front::error::FrontError;
use crate::front::layer_problem::LayerProblem;
use crate::model::{Constant, LayerKind, Merge, Move, Range};

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
    Operation { names: &["concat", "Concatenate"], arguments: &["xs", "axis"], read: concatenate },
    Operation { names: &["reshape", "Reshape"], arguments: &["x", "newshape"], read: reshape },
    Operation {
        names: &["transpose", "compat.v1.transpose", "Transpose"],
        arguments: &["x", "axes"],
        read: transpose,
    },
    Operation {
        names: &["__operators__.getitem", "GetItem"],
        arguments: &["x", "key"],
        read: item,
    },
    Operation {
        names: &["clip_by_value", "Clip"],
        arguments: &["x", "x_min", "x_max"],
        read: clip,
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
            let other = OTHER_NAMES.iter().find(|(other, _)| other == name);
            let known = other.map_or(*name, |(_, known)| *known);
            let Some(at) = operation.arguments.iter().position(|own| *own == known) else {
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
        let activation = super::quantizers::activation(&json!(name));
        let activation = activation.map_err(|error| {
            self.site.owner.wrong(LayerProblem::Config { attribute: name.to_owned(), error })
        })?;
        self.site.same_shape(LayerKind::Activation(activation))
    }
}

fn concatenate(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let value = call.value(1, "axis")?;
    let axis = call.site.axis("axis", value)?;
    let are_tensors = match &call.arguments[0] {
        Some(Argument::List(list)) => list.iter().all(|x| matches!(x, Argument::Tensor(_))),
        _ => false,
    };
    match (&call.arguments[0], are_tensors) {
        (_, true) => call.site.concatenated(axis),
        (Some(argument), false) => Err(call.refuse("xs", text(argument))),
        (None, false) => Err(call.site.attributes.missing("xs")),
    }
}

fn reshape(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let value = call.value(1, "newshape")?;
    let lengths = value.as_array().map(Vec::as_slice).unwrap_or_default();
    match lengths.split_first() {
        // What is left for the batch is the batch: the others have as many elements as a sample.
        Some((batch, rest))
            if matches!(batch.as_i64(), Some(-1))
                || batch.is_null() && !rest.contains(&json!(-1)) =>
        {
            call.site.reshaped("newshape", value, rest)
        }
        _ => Err(call.refuse("newshape", shown(value))),
    }
}

fn transpose(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let value = call.value(1, "axes")?;
    let axes = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let count = axes.len() as i64;
    let own = |axis: &Value| {
        let axis = axis.as_i64()?;
        usize::try_from(if axis < 0 { axis + count } else { axis }).ok()
    };
    let axes: Option<Vec<usize>> = axes.iter().map(own).collect();
    match axes.as_deref() {
        Some([0, rest @ ..]) if rest.iter().all(|axis| *axis > 0) => {
            call.site.moved(vec![Move::Permute(rest.iter().map(|axis| axis - 1).collect())])
        }
        _ => Err(call.refuse("axes", shown(value))),
    }
}

/// `x[:, ...]`: slices, and numbers, whose axes go.
fn item(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let value = call.value(1, "key")?;
    let refused = || call.refuse("key", shown(value));
    let shape = call.site.input()?.to_vec();
    let one = std::slice::from_ref(value);
    let keys = value.as_array().map_or(one, Vec::as_slice);
    let (batch, keys) = keys.split_first().ok_or_else(refused)?;
    if Key::read(batch, usize::MAX) != Some(Key::Range(Range::whole(usize::MAX))) {
        return Err(refused());
    }
    if keys.len() > shape.len() {
        return Err(refused());
    }
    let mut ranges = vec![];
    let mut left = vec![];
    for (axis, length) in shape.iter().enumerate() {
        let key = match keys.get(axis) {
            None => Some(Key::Range(Range::whole(*length))),
            Some(key) => Key::read(key, *length),
        };
        match key.ok_or_else(refused)? {
            Key::Range(range) => {
                left.push(range.count);
                ranges.push(range);
            }
            Key::One(start) => ranges.push(Range { start, step: 1, count: 1 }),
        }
    }
    if left.is_empty() {
        return Err(refused());
    }
    call.site.moved(vec![Move::Slice(ranges), Move::Reshape(left)])
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

/// What is taken along one axis.
#[derive(PartialEq)]
enum Key {
    Range(Range),
    One(usize),
}

impl Key {
    /// A key as either Keras writes it, for an axis of `length` elements; `None` where it is none,
    /// or takes nothing.
    fn read(value: &Value, length: usize) -> Option<Self> {
        if let Some(number) = value.as_i64() {
            let place =
                if number < 0 { number.checked_add_unsigned(length as u64)? } else { number };
            return usize::try_from(place).ok().filter(|place| *place < length).map(Self::One);
        }
        let slice = match value.get("class_name").and_then(Value::as_str) {
            None => value,
            Some("__slice__") => value.get("config")?,
            Some(_) => return None,
        };
        let slice = slice.as_object()?;
        let part = |name: &str| match slice.get(name) {
            None | Some(Value::Null) => Some(None),
            Some(value) => value.as_i64().map(Some),
        };
        let (start, stop) = (part("start")?, part("stop")?);
        let step = part("step")?.unwrap_or(1);
        if length == usize::MAX {
            // The batch, of which all is to be taken.
            let whole = start.is_none() && stop.is_none() && step == 1;
            return whole.then_some(Self::Range(Range::whole(length)));
        }
        // As Python's `slice.indices` has it.
        let length = i64::try_from(length).ok()?;
        let (lowest, highest) = if step > 0 { (0, length) } else { (-1, length - 1) };
        let limit = |place: i64| {
            let place = if place < 0 { place.saturating_add(length) } else { place };
            place.clamp(lowest, highest)
        };
        let (first, last) = if step > 0 { (lowest, highest) } else { (highest, lowest) };
        let (start, stop) = (start.map_or(first, limit), stop.map_or(last, limit));
        let distance = if step > 0 { stop - start } else { start - stop };
        let count = u64::try_from(distance).ok()?.div_ceil(step.unsigned_abs().max(1));
        let count = usize::try_from(count).ok().filter(|count| *count > 0 && step != 0)?;
        let (start, step) = (usize::try_from(start).ok()?, isize::try_from(step).ok()?);
        Some(Self::Range(Range { start, step, count }))
    }
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
    fn keys_are_those_of_python() {
        let range = |start, step, count| Some(Key::Range(Range { start, step, count }));
        let slice = |start: Value, stop: Value, step: Value| json!({"start": start, "stop": stop, "step": step});
        let none = || Value::Null;
        assert!(Key::read(&slice(none(), none(), none()), 5) == range(0, 1, 5));
        assert!(Key::read(&slice(json!(1), json!(-1), json!(2)), 6) == range(1, 2, 2));
        assert!(Key::read(&slice(none(), none(), json!(-2)), 6) == range(5, -2, 3));
        assert!(Key::read(&slice(json!(9), json!(0), json!(-1)), 3) == range(2, -1, 2));
        assert!(Key::read(&slice(json!(-2), none(), none()), 3) == range(1, 1, 2));
        assert!(Key::read(&json!(-1), 3) == Some(Key::One(2)));
        for nothing in [
            json!(3),
            json!("..."),
            slice(json!(2), json!(1), none()),
            slice(none(), none(), json!(0)),
        ] {
            assert!(Key::read(&nothing, 3).is_none(), "{nothing}");
        }
    }

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
