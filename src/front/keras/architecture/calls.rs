//! How layers are called.
//!
//! Keras 2 writes one list for each call of a layer, of `[layer, call, tensor, arguments]` for each
//! input; for an operation, whose first argument need not be a tensor, that element alone. Keras 3
//! writes one object for each call, with `args` and `kwargs` as they were passed, in which a tensor
//! is an object whose `keras_history` is `[layer, call, tensor]`.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::entry::{Entry, Role};
use crate::front::error::FrontError;
use crate::front::keras::attributes::{Owner, shown};
use crate::front::keras::layers;
use crate::front::layer_problem::LayerProblem;

/// What Keras 2 writes in the place of a layer where an operation takes a number.
const CONSTANT: &str = "_CONSTANT_VALUE";

/// One result of one call of a layer of the same model.
#[derive(Clone, Copy)]
pub(super) struct Reference<'a> {
    /// The layer, by index.
    pub(super) entry: usize,
    pub(super) call: u64,
    pub(super) tensor: u64,
    /// How the file states it.
    pub(super) value: &'a Value,
}

/// A call of a layer.
pub(super) struct Call<'a> {
    /// The tensors that it takes, in order.
    pub(super) tensors: Vec<Reference<'a>>,
    /// All that an operation takes.
    pub(super) arguments: Arguments<'a>,
}

/// The arguments of an operation's call.
#[derive(Clone, Default)]
pub(in crate::front::keras) struct Arguments<'a> {
    pub(in crate::front::keras) positional: Vec<Argument<'a>>,
    pub(in crate::front::keras) named: Vec<(&'a str, Argument<'a>)>,
}

/// An argument of an operation's call.
#[derive(Clone)]
pub(in crate::front::keras) enum Argument<'a> {
    /// The tensor at this place among the call's inputs.
    Tensor(usize),
    /// No tensor.
    Value(&'a Value),
    /// A list with tensors among it.
    List(Vec<Argument<'a>>),
}

/// The layers' places by their names.
pub(super) struct Names<'a>(HashMap<&'a str, usize>);

impl<'a> Names<'a> {
    pub(super) fn new(names: impl Iterator<Item = &'a str>) -> Self {
        Self(names.enumerate().map(|(at, name)| (name, at)).collect())
    }

    /// The calls of a layer.
    pub(super) fn calls<'v>(
        &self,
        entry: &Entry<'_>,
        object: &'v Value,
    ) -> Result<Vec<Call<'v>>, FrontError> {
        let owner = entry.owner();
        let calls = match object.get("inbound_nodes") {
            None | Some(Value::Null) => return Ok(vec![]),
            Some(calls) => calls,
        };
        let all = calls.as_array().ok_or_else(|| not_understood(entry, calls))?;
        let read = |call: &'v Value| {
            let mut reader = Reader { names: self, entry, owner, tensors: vec![] };
            let arguments = match (entry.role, call) {
                (Role::Operation, Value::Object(call)) => reader.named(call)?,
                (Role::Operation, call) => reader.operation(call)?,
                (_, Value::Object(call)) => reader.keras_3(call)?,
                (_, call) => reader.keras_2(call)?,
            };
            Ok(Call { tensors: reader.tensors, arguments })
        };
        all.iter().map(read).collect()
    }

    /// `[layer, call, tensor, ...]`, if it names a layer of the model.
    pub(super) fn reference<'v>(&self, value: &'v Value) -> Option<Reference<'v>> {
        let (layer, call, tensor) = history(value)?;
        Some(Reference { entry: *self.0.get(layer)?, call, tensor, value })
    }
}

/// `[layer, call, tensor, ...]`
fn history(value: &Value) -> Option<(&str, u64, u64)> {
    let [layer, call, tensor, ..] = value.as_array()?.as_slice() else { return None };
    Some((layer.as_str()?, call.as_u64()?, tensor.as_u64()?))
}

/// A call while it is read.
struct Reader<'r, 'a, 'v> {
    names: &'r Names<'a>,
    entry: &'r Entry<'r>,
    owner: Owner<'r>,
    tensors: Vec<Reference<'v>>,
}

impl<'v> Reader<'_, '_, 'v> {
    /// A call of a layer as Keras 2 writes it.
    fn keras_2(&mut self, call: &'v Value) -> Result<Arguments<'v>, FrontError> {
        let tensors = call.as_array().ok_or_else(|| self.not_understood(call))?;
        for value in tensors {
            self.tensor(value, value)?;
            match value.as_array().map(Vec::as_slice) {
                Some([_, _, _]) => {}
                Some([_, _, _, Value::Object(arguments)]) => plain(arguments, self.owner)?,
                _ => return Err(self.not_understood(value)),
            }
        }
        Ok(Arguments::default())
    }

    /// A call of a layer as Keras 3 writes it.
    fn keras_3(&mut self, call: &'v Map<String, Value>) -> Result<Arguments<'v>, FrontError> {
        for (name, value) in call {
            match (name.as_str(), value) {
                ("args", Value::Array(values)) => {
                    values.iter().try_for_each(|value| self.tensors_in(value))?;
                }
                ("kwargs", Value::Object(arguments)) => plain(arguments, self.owner)?,
                _ => return Err(self.not_understood(value)),
            }
        }
        Ok(Arguments::default())
    }

    /// A tensor or a list of tensors, as Keras 3 writes it.
    fn tensors_in(&mut self, value: &'v Value) -> Result<(), FrontError> {
        if let Value::Array(values) = value {
            return values.iter().try_for_each(|value| self.tensors_in(value));
        }
        let history = keras_tensor(value).ok_or_else(|| self.not_understood(value))?;
        self.tensor(history, value).map(drop)
    }

    /// A call of an operation as Keras 3 writes it.
    fn named(&mut self, call: &'v Map<String, Value>) -> Result<Arguments<'v>, FrontError> {
        let mut arguments = Arguments::default();
        for (name, value) in call {
            match (name.as_str(), value) {
                ("args", Value::Array(values)) => {
                    for value in values {
                        arguments.positional.push(self.argument(value)?);
                    }
                }
                ("kwargs", Value::Object(values)) => self.keywords(values, &mut arguments)?,
                _ => return Err(self.not_understood(value)),
            }
        }
        Ok(arguments)
    }

    /// A call of an operation as Keras 2 writes it: its first argument, and the others by name.
    fn operation(&mut self, call: &'v Value) -> Result<Arguments<'v>, FrontError> {
        let mut arguments = Arguments::default();
        let (first, keywords) = match call.as_array().map(Vec::as_slice) {
            Some([Value::String(_), ..]) => self.first(call)?,
            Some(several @ [Value::Array(_), ..]) => {
                let mut list = vec![];
                let mut keywords = None;
                for value in several {
                    let (argument, of_this) = self.first(value)?;
                    list.push(argument);
                    keywords = keywords.or(of_this);
                }
                (Argument::List(list), keywords)
            }
            _ => return Err(self.not_understood(call)),
        };
        arguments.positional.push(first);
        if let Some(keywords) = keywords {
            self.keywords(keywords, &mut arguments)?;
        }
        Ok(arguments)
    }

    /// `[layer, call, tensor, arguments]`, or a number in the same form.
    #[allow(clippy::type_complexity)]
    fn first(
        &mut self,
        value: &'v Value,
    ) -> Result<(Argument<'v>, Option<&'v Map<String, Value>>), FrontError> {
        match value.as_array().map(Vec::as_slice) {
            Some([Value::String(layer), _, constant, Value::Object(keywords)])
                if layer == CONSTANT =>
            {
                Ok((Argument::Value(constant), Some(keywords)))
            }
            Some([_, _, _, Value::Object(keywords)]) => {
                Ok((self.tensor(value, value)?, Some(keywords)))
            }
            Some([_, _, _]) => Ok((self.tensor(value, value)?, None)),
            _ => Err(self.not_understood(value)),
        }
    }

    fn keywords(
        &mut self,
        keywords: &'v Map<String, Value>,
        arguments: &mut Arguments<'v>,
    ) -> Result<(), FrontError> {
        for (name, value) in keywords.iter().filter(|(_, value)| !value.is_null()) {
            let argument = self.argument(value)?;
            arguments.named.push((name, argument));
        }
        Ok(())
    }

    /// An argument of an operation.
    fn argument(&mut self, value: &'v Value) -> Result<Argument<'v>, FrontError> {
        if let Some(history) = keras_tensor(value) {
            return self.tensor(history, value);
        }
        let Value::Array(values) = value else { return Ok(Argument::Value(value)) };
        if values.len() == 3 && self.names.reference(value).is_some() {
            return self.tensor(value, value);
        }
        let before = self.tensors.len();
        let list: Vec<_> =
            values.iter().map(|value| self.argument(value)).collect::<Result<_, _>>()?;
        let has_tensors = self.tensors.len() > before;
        Ok(if has_tensors { Argument::List(list) } else { Argument::Value(value) })
    }

    /// The tensor of `[layer, call, tensor]`, which stands in `value`.
    fn tensor(&mut self, history: &'v Value, value: &'v Value) -> Result<Argument<'v>, FrontError> {
        let Some((layer, _, _)) = self::history(history) else {
            return Err(self.not_understood(value));
        };
        let reference = self.names.reference(history).ok_or_else(|| {
            self.owner.wrong(LayerProblem::Source { source_layer: layer.to_owned() })
        })?;
        self.tensors.push(Reference { value, ..reference });
        Ok(Argument::Tensor(self.tensors.len() - 1))
    }

    fn not_understood(&self, value: &Value) -> FrontError {
        not_understood(self.entry, value)
    }
}

/// The history of a tensor of Keras 3.
fn keras_tensor(value: &Value) -> Option<&Value> {
    let class = value.get("class_name").and_then(Value::as_str);
    value.pointer("/config/keras_history").filter(|_| class == Some("__keras_tensor__"))
}

/// Refuses arguments of a call that change the result.
fn plain(arguments: &Map<String, Value>, owner: Owner<'_>) -> Result<(), FrontError> {
    let matters = |(name, value): &(&String, &Value)| match value {
        Value::Null => false,
        // Inference is what is asked for.
        Value::Bool(false) => name.as_str() != "training",
        _ => true,
    };
    match arguments.iter().find(matters) {
        None => Ok(()),
        Some((name, value)) => {
            let (argument, value) = (name.to_owned(), shown(value));
            Err(owner.wrong(LayerProblem::Argument { argument, value }))
        }
    }
}

pub(super) fn not_understood(entry: &Entry<'_>, value: &Value) -> FrontError {
    let owner = entry.owner();
    // Layers of classes that are not supported may be connected in ways of their own.
    if entry.role == Role::Layer
        && entry.nested.is_none()
        && let Err(unsupported) = layers::check(owner)
    {
        return unsupported;
    }
    owner.wrong(LayerProblem::Connection { value: shown(value) })
}
