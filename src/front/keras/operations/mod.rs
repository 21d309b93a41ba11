//! Operations on tensors that Keras keeps like layers: what `x + y`, `x[:, 1:]` or `tf.nn.relu(x)`
//! leave behind, as `TFOpLambda` in Keras 2, and as a class of `keras.ops` in Keras 3.

mod arithmetic;
mod functions;
mod layout;
mod parts;
mod places;
mod reduce;

use serde_json::{Map, Value};

use super::architecture::Argument;
use super::attributes::{equal, shown};
use super::layers::{Built, Site};
use crate::front::error::FrontError;
use crate::front::layer_problem::LayerProblem;

/// An operation, by its names in Keras 2 and 3, the names of its arguments, and how it is read.
struct Operation {
    names: &'static [&'static str],
    arguments: &'static [&'static str],
    read: Read,
    /// Whether it gives a list of tensors: one layer for each of them that is taken.
    gives_several: bool,
}

/// Reads an operation of one kind.
type Read = fn(&mut Call<'_, '_>) -> Result<Built, FrontError>;

impl Operation {
    const fn new(
        names: &'static [&'static str],
        arguments: &'static [&'static str],
        read: Read,
    ) -> Self {
        Self { names, arguments, read, gives_several: false }
    }

    /// One that gives a list of tensors.
    const fn of_several(
        names: &'static [&'static str],
        arguments: &'static [&'static str],
        read: Read,
    ) -> Self {
        Self { names, arguments, read, gives_several: true }
    }

    /// The operation of a name in Keras.
    fn named(name: &str) -> Option<&'static Self> {
        let mut all = FAMILIES.iter().copied().flatten();
        all.find(|operation| operation.names.contains(&name))
    }
}

/// A new operation is a line in one of these.
const FAMILIES: &[&[Operation]] = &[
    arithmetic::OPERATIONS,
    reduce::OPERATIONS,
    layout::OPERATIONS,
    parts::OPERATIONS,
    places::OPERATIONS,
    functions::OPERATIONS,
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

/// Arguments that change nothing: a name, and the conjugate of what is real.
const INERT: &[&str] = &["name", "conjugate"];

/// Whether an operation gives a list of tensors; `class` and `attributes` as the file has them.
pub(super) fn gives_several(class: &str, attributes: &Map<String, Value>) -> bool {
    let function = attributes.get("function").and_then(Value::as_str);
    Operation::named(function.unwrap_or(class)).is_some_and(|operation| operation.gives_several)
}

/// Reads an operation.
pub(super) fn build(mut site: Site<'_>) -> Result<Built, FrontError> {
    let function = site.attributes.get("function").and_then(Value::as_str);
    let name = function.unwrap_or(site.owner.class);
    let operation = Operation::named(name).ok_or_else(|| {
        let all = FAMILIES.iter().copied().flatten();
        let supported = all.flat_map(|operation| operation.names);
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

    /// An argument that is no tensor, or what it is where it is not there.
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
        let value = self.value_or(at, name, missing)?;
        if supported.iter().any(|other| equal(value, other)) {
            return Ok(());
        }
        let help = format!("supported is {name} = {}", supported.first().unwrap_or(missing));
        Err(self.site.attributes.unsupported(name, value, help))
    }

    /// A number, if the argument is there.
    fn number(&self, at: usize, name: &str) -> Result<Option<f32>, FrontError> {
        let Some(Some(_)) = self.arguments.get(at) else { return Ok(None) };
        let value = self.value(at, name)?;
        let number = value.as_f64().map(|number| number as f32).filter(|number| number.is_finite());
        number.map(Some).ok_or_else(|| self.refuse(name, shown(value)))
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

    /// An axis of the first input's samples; 0, the batch, where none is named.
    fn axis(&self, at: usize) -> Result<usize, FrontError> {
        self.site.axis("axis", self.value_or(at, "axis", &Value::from(0))?)
    }

    /// Where an axis comes to be that the first input's samples lack.
    fn new_axis(&self, at: usize) -> Result<usize, FrontError> {
        let batch = Value::from(0);
        let value = self.value_or(at, "axis", &batch)?;
        // Axes of the result, the batch being the first.
        let axes = self.site.inputs.first().map_or(0, Vec::len) as i64 + 2;
        let axis = value.as_i64().map(|axis| if axis < 0 { axis + axes } else { axis });
        let axis = axis.filter(|axis| (1..axes).contains(axis));
        let axis = axis.and_then(|axis| usize::try_from(axis - 1).ok());
        axis.ok_or_else(|| self.refuse("axis", shown(value)))
    }

    /// Refuses a list in which something is no tensor.
    fn tensors(&self, at: usize) -> Result<(), FrontError> {
        match self.arguments.get(at) {
            Some(Some(Argument::List(list)))
                if list.iter().all(|x| matches!(x, Argument::Tensor(_))) =>
            {
                Ok(())
            }
            Some(Some(argument)) => Err(self.refuse("xs", text(argument))),
            _ => Err(self.site.attributes.missing("xs")),
        }
    }

    fn refuse(&self, argument: &str, value: String) -> FrontError {
        self.site.owner.wrong(LayerProblem::Argument { argument: argument.to_owned(), value })
    }
}

/// A number from 0.
fn number(value: &Value) -> Option<usize> {
    value.as_u64().and_then(|number| usize::try_from(number).ok())
}

/// An argument for a message.
fn text(argument: &Argument<'_>) -> String {
    match argument {
        Argument::Tensor(_) => "a tensor".to_owned(),
        Argument::Value(value) => shown(value),
        Argument::List(_) => "a list with tensors".to_owned(),
    }
}
