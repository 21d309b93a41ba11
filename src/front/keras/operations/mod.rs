//! Operations on tensors, such as `x + y`, `x[:, 1:]` or `tf.nn.relu(x)`. Keras stores them as layers:
//! `TFOpLambda` in Keras 2, classes of `keras.ops` in Keras 3.

mod arithmetic;
mod gather;
mod layout;

use serde_json::{Map, Value};

pub(in crate::front::keras) use arithmetic::numbers;

use super::architecture::Argument;
use super::attributes::{equal, list, shown};
use super::layers::{Built, LayerReader};
use crate::front::error::FrontError;
use crate::front::layer_problem::LayerProblem;
use crate::naming::nearest;

/// An operation: its names in Keras 2 and 3, the names of its arguments, and its reader.
struct Operation {
    names: &'static [&'static str],
    arguments: &'static [&'static str],
    read: Read,
    /// The result is a list of tensors; each one in use becomes a layer.
    has_several_results: bool,
}

/// Reads an operation of one kind.
type Read = fn(&mut Call<'_, '_>) -> Result<Built, FrontError>;

impl Operation {
    const fn new(
        names: &'static [&'static str],
        arguments: &'static [&'static str],
        read: Read,
    ) -> Self {
        Self { names, arguments, read, has_several_results: false }
    }

    /// An operation whose result is a list of tensors.
    const fn with_several_results(
        names: &'static [&'static str],
        arguments: &'static [&'static str],
        read: Read,
    ) -> Self {
        Self { names, arguments, read, has_several_results: true }
    }

    /// Returns the operation of a name in Keras.
    fn named(name: &str) -> Option<&'static Self> {
        let mut all = FAMILIES.iter().copied().flatten();
        all.find(|operation| operation.names.contains(&name))
    }
}

/// Supported operations, by family. A new operation is a line in the table of its family.
const FAMILIES: &[&[Operation]] = &[arithmetic::OPERATIONS, layout::OPERATIONS, gather::OPERATIONS];

/// Aliases of arguments: names of Keras 2, and the numbered names of a pair in Keras 3.
const ALIASES: &[(&str, &str)] = &[
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
    ("images", "x"),
    ("image", "x"),
    ("value", "x"),
    ("input_", "x"),
    ("bias", "y"),
    ("params", "x"),
    ("multiples", "repeats"),
    ("ksize", "pool_size"),
    ("method", "interpolation"),
    ("paddings", "pad_width"),
    ("alpha", "negative_slope"),
    ("values", "xs"),
];

/// Arguments without effect: the name, and the conjugate of a real tensor.
const INERT: &[&str] = &["name", "conjugate"];

/// Returns true if the result of an operation is a list of tensors.
pub(super) fn has_several_results(class: &str, attributes: &Map<String, Value>) -> bool {
    find(class, attributes).is_some_and(|operation| operation.has_several_results)
}

/// Returns true for a supported operation.
pub(super) fn is_supported(class: &str, attributes: &Map<String, Value>) -> bool {
    find(class, attributes).is_some()
}

fn find(class: &str, attributes: &Map<String, Value>) -> Option<&'static Operation> {
    let function = attributes.get("function").and_then(Value::as_str);
    Operation::named(function.unwrap_or(class))
}

/// Reads an operation.
pub(super) fn build(mut layer: LayerReader<'_>) -> Result<Built, FrontError> {
    let function = layer.attributes.get("function").and_then(Value::as_str);
    let name = function.unwrap_or(layer.owner.class);
    let operation = Operation::named(name).ok_or_else(|| {
        let all = FAMILIES.iter().copied().flatten();
        let nearest = nearest(name, all.flat_map(|operation| operation.names).copied());
        let nearest = nearest.map(str::to_owned);
        layer.owner.wrong(LayerProblem::Operation { name: name.to_owned(), nearest })
    })?;
    let mut call = Call { arguments: vec![None; operation.arguments.len()], layer: &mut layer };
    call.collect(operation)?;
    let built = (operation.read)(&mut call)?;
    layer.finish()?;
    Ok(built)
}

/// A call of an operation, with its arguments in the order of [`Operation::arguments`].
struct Call<'c, 'a> {
    layer: &'c mut LayerReader<'a>,
    arguments: Vec<Option<Argument<'a>>>,
}

impl<'a> Call<'_, 'a> {
    /// Assigns the arguments by name. Keras 3 states some of them as attributes.
    fn collect(&mut self, operation: &Operation) -> Result<(), FrontError> {
        let given = self.layer.arguments;
        if let Some(extra) = given.positional.get(self.arguments.len()) {
            return Err(self.reject(&format!("number {}", self.arguments.len() + 1), text(extra)));
        }
        for (at, argument) in given.positional.iter().enumerate() {
            self.arguments[at] = Some(argument.clone());
        }
        for (name, argument) in given.named.iter().filter(|(name, _)| !INERT.contains(name)) {
            let own = ALIASES.iter().filter(|(alias, _)| alias == name).map(|(_, own)| own);
            let known: Vec<_> = std::iter::once(name).chain(own).collect();
            let Some(at) = operation.arguments.iter().position(|own| known.contains(&own)) else {
                return Err(self.reject(name, text(argument)));
            };
            self.arguments[at] = Some(argument.clone());
        }
        for (at, name) in operation.arguments.iter().enumerate() {
            if let (None, Some(value)) = (&self.arguments[at], self.layer.attributes.get(name)) {
                self.arguments[at] = Some(Argument::Value(value));
            }
        }
        Ok(())
    }

    /// Returns an argument that is not a tensor.
    fn value(&self, at: usize, name: &str) -> Result<&'a Value, FrontError> {
        match self.arguments.get(at) {
            Some(Some(Argument::Value(value))) => Ok(value),
            Some(Some(argument)) => Err(self.reject(name, text(argument))),
            _ => Err(self.layer.attributes.missing(name)),
        }
    }

    /// As [`Call::value`], with a default.
    fn value_or<'v>(
        &self,
        at: usize,
        name: &str,
        missing: &'v Value,
    ) -> Result<&'v Value, FrontError>
    where
        'a: 'v,
    {
        match self.arguments.get(at) {
            Some(Some(_)) => self.value(at, name),
            _ => Ok(missing),
        }
    }

    /// Requires an argument to be missing or one of `supported`.
    fn only(&self, at: usize, name: &str, supported: &[Value]) -> Result<(), FrontError> {
        let Some(missing) = supported.first() else { return Ok(()) };
        self.only_or(at, name, supported, missing)
    }

    /// As [`Call::only`], where `missing` is the value of a missing argument.
    fn only_or(
        &self,
        at: usize,
        name: &str,
        supported: &[Value],
        missing: &Value,
    ) -> Result<(), FrontError> {
        let value = self.value_or(at, name, missing)?;
        if supported.iter().any(|other| equal(value, other)) {
            return Ok(());
        }
        let help = format!("supported: {name} = {}", supported.first().unwrap_or(missing));
        Err(self.layer.attributes.unsupported(name, value, help))
    }

    /// Returns an optional number.
    fn number(&self, at: usize, name: &str) -> Result<Option<f32>, FrontError> {
        let Some(Some(_)) = self.arguments.get(at) else { return Ok(None) };
        let value = self.value(at, name)?;
        let number = value.as_f64().map(|number| number as f32).filter(|number| number.is_finite());
        number.map(Some).ok_or_else(|| self.reject(name, shown(value)))
    }

    /// Reads an axis of the only input's samples, or a list of them, and sorts them.
    fn axes(&self, name: &str, value: &Value) -> Result<Vec<usize>, FrontError> {
        let axes = list(value).iter().map(|axis| self.layer.axis(name, axis));
        let mut axes = axes.collect::<Result<Vec<_>, _>>()?;
        axes.sort_unstable();
        axes.dedup();
        Ok(axes)
    }

    /// Reads an axis of the first input's samples. The default is the batch, which is an error.
    fn axis(&self, at: usize) -> Result<usize, FrontError> {
        self.layer.axis("axis", self.value_or(at, "axis", &Value::from(0))?)
    }

    /// Reads the position of a new axis in the first input's samples.
    fn new_axis(&self, at: usize) -> Result<usize, FrontError> {
        let batch = Value::from(0);
        let value = self.value_or(at, "axis", &batch)?;
        // Axes of the result, the batch included.
        let axes = self.layer.inputs.first().map_or(0, Vec::len) as i64 + 2;
        let axis = value.as_i64().map(|axis| if axis < 0 { axis + axes } else { axis });
        let axis = axis.filter(|axis| (1..axes).contains(axis));
        let axis = axis.and_then(|axis| usize::try_from(axis - 1).ok());
        axis.ok_or_else(|| self.reject("axis", shown(value)))
    }

    /// Requires a list of tensors.
    fn tensors(&self, at: usize) -> Result<(), FrontError> {
        match self.arguments.get(at) {
            Some(Some(Argument::List(list)))
                if list.iter().all(|x| matches!(x, Argument::Tensor(_))) =>
            {
                Ok(())
            }
            Some(Some(argument)) => Err(self.reject("xs", text(argument))),
            _ => Err(self.layer.attributes.missing("xs")),
        }
    }

    /// Returns the index of the requested result among `count` results.
    fn result_index(&self, count: usize) -> Result<usize, FrontError> {
        let index = self.layer.result;
        let found = usize::try_from(index).ok().filter(|index| *index < count);
        found.ok_or_else(|| self.layer.owner.wrong(LayerProblem::Result { count, index }))
    }

    /// Error: the value of an argument is not supported.
    fn reject(&self, argument: &str, value: String) -> FrontError {
        self.layer.owner.wrong(LayerProblem::Argument { argument: argument.to_owned(), value })
    }
}

/// Formats an argument for a message.
fn text(argument: &Argument<'_>) -> String {
    match argument {
        Argument::Tensor(_) => "a tensor".to_owned(),
        Argument::Value(value) => shown(value),
        Argument::List(_) => "a list with tensors".to_owned(),
    }
}
