//! Calls of layers: their input tensors and arguments.
//!
//! Keras 2 writes a list per call, with `[layer, call, tensor, arguments]` per input; the list of an
//! operation, whose first argument may be a constant, is that element. Keras 3 writes an object per
//! call, with `args` and `kwargs` as they were passed; a tensor is an object whose `keras_history` is
//! `[layer, call, tensor]`.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::entry::{Entry, Role};
use crate::front::error::FrontError;
use crate::front::keras::attributes::{Owner, shown};
use crate::front::keras::layers;
use crate::front::layer_problem::LayerProblem;

/// The name that Keras 2 writes instead of a layer's for a constant operand.
const CONSTANT: &str = "_CONSTANT_VALUE";

/// Argument of a recurrent layer in Keras 3: a tensor or a list of tensors. Keras 2 lists them among the
/// inputs.
const INITIAL_STATE: &str = "initial_state";

/// A tensor: a result of a call of a layer of the same model.
#[derive(Clone, Copy)]
pub(super) struct Reference<'a> {
    /// Index of the layer.
    pub(super) entry: usize,
    pub(super) call: u64,
    pub(super) tensor: u64,
    /// The reference as JSON, for messages.
    pub(super) value: &'a Value,
}

/// A call of a layer.
pub(super) struct Call<'a> {
    /// Input tensors, in order.
    pub(super) tensors: Vec<Reference<'a>>,
    /// Arguments of an operation.
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
    /// A tensor, by its index among the call's inputs.
    Tensor(usize),
    /// A value without tensors.
    Value(&'a Value),
    /// A list that contains tensors.
    List(Vec<Argument<'a>>),
}

/// Indices of layers by name.
pub(super) struct Names<'a>(HashMap<&'a str, usize>);

impl<'a> Names<'a> {
    pub(super) fn new(names: impl Iterator<Item = &'a str>) -> Self {
        Self(names.enumerate().map(|(at, name)| (name, at)).collect())
    }

    /// Reads the calls of a layer.
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
        let all = calls.as_array().ok_or_else(|| unsupported_connection(entry, calls))?;
        let read = |call: &'v Value| {
            let mut reader = CallReader { names: self, entry, owner, tensors: vec![] };
            let arguments = match (entry.role, call) {
                (Role::Operation, Value::Object(call)) => reader.named(call)?,
                (Role::Operation, call) => reader.operation(call)?,
                (_, Value::Object(call)) => reader.keras_3(call)?,
                (_, call) => reader.keras_2(call)?,
            };
            Ok(Call { tensors: reader.tensors, arguments })
        };
        let all: Result<Vec<Call<'v>>, FrontError> = all.iter().map(read).collect();
        all.map_err(|error| match entry.role {
            // Layers of unsupported classes may have connections and arguments of another form.
            Role::Layer if entry.nested.is_none() => {
                layers::check_class(owner).err().unwrap_or(error)
            }
            Role::Layer | Role::Operation | Role::Passthrough => error,
        })
    }

    /// Reads `[layer, call, tensor, ...]`; `None` if the model has no such layer.
    pub(super) fn reference<'v>(&self, value: &'v Value) -> Option<Reference<'v>> {
        let (layer, call, tensor) = history(value)?;
        Some(Reference { entry: *self.0.get(layer)?, call, tensor, value })
    }
}

/// Splits `[layer, call, tensor, ...]`.
fn history(value: &Value) -> Option<(&str, u64, u64)> {
    let [layer, call, tensor, ..] = value.as_array()?.as_slice() else { return None };
    Some((layer.as_str()?, call.as_u64()?, tensor.as_u64()?))
}

/// Reads one call.
struct CallReader<'r, 'a, 'v> {
    names: &'r Names<'a>,
    entry: &'r Entry<'r>,
    owner: Owner<'r>,
    tensors: Vec<Reference<'v>>,
}

impl<'v> CallReader<'_, '_, 'v> {
    /// Reads a layer's call of Keras 2.
    fn keras_2(&mut self, call: &'v Value) -> Result<Arguments<'v>, FrontError> {
        let tensors = call.as_array().ok_or_else(|| self.unsupported_connection(call))?;
        for value in tensors {
            self.tensor(value, value)?;
            match value.as_array().map(Vec::as_slice) {
                Some([_, _, _]) => {}
                Some([_, _, _, Value::Object(arguments)]) => {
                    check_arguments(arguments, self.entry, false)?
                }
                _ => return Err(self.unsupported_connection(value)),
            }
        }
        Ok(Arguments::default())
    }

    /// Reads a layer's call of Keras 3.
    fn keras_3(&mut self, call: &'v Map<String, Value>) -> Result<Arguments<'v>, FrontError> {
        for (name, value) in call {
            match (name.as_str(), value) {
                ("args", Value::Array(values)) => {
                    values.iter().try_for_each(|value| self.tensors_in(value))?;
                }
                ("kwargs", Value::Object(arguments)) => {
                    let is_stated = layers::states_training(self.entry.class);
                    check_arguments(arguments, self.entry, is_stated)?
                }
                _ => return Err(self.unsupported_connection(value)),
            }
        }
        let states = call.get("kwargs").and_then(|arguments| arguments.get(INITIAL_STATE));
        if let Some(states) = states.filter(|states| !states.is_null()) {
            self.tensors_in(states)?;
        }
        Ok(Arguments::default())
    }

    /// Reads a tensor or a list of tensors of Keras 3.
    fn tensors_in(&mut self, value: &'v Value) -> Result<(), FrontError> {
        if let Value::Array(values) = value {
            return values.iter().try_for_each(|value| self.tensors_in(value));
        }
        let history = keras_tensor(value).ok_or_else(|| self.unsupported_connection(value))?;
        self.tensor(history, value).map(drop)
    }

    /// Reads an operation's call of Keras 3.
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
                _ => return Err(self.unsupported_connection(value)),
            }
        }
        Ok(arguments)
    }

    /// Reads an operation's call of Keras 2: the first argument, then the others by name.
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
            _ => return Err(self.unsupported_connection(call)),
        };
        arguments.positional.push(first);
        if let Some(keywords) = keywords {
            self.keywords(keywords, &mut arguments)?;
        }
        Ok(arguments)
    }

    /// Reads `[layer, call, tensor, arguments]`, or a constant in the same form.
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
            _ => Err(self.unsupported_connection(value)),
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

    /// Reads an argument of an operation.
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

    /// Reads the tensor `[layer, call, tensor]`; messages show `value`.
    fn tensor(&mut self, history: &'v Value, value: &'v Value) -> Result<Argument<'v>, FrontError> {
        let Some((layer, _, _)) = self::history(history) else {
            return Err(self.unsupported_connection(value));
        };
        let reference = self.names.reference(history).ok_or_else(|| {
            self.owner.wrong(LayerProblem::Source { source_layer: layer.to_owned() })
        })?;
        self.tensors.push(Reference { value, ..reference });
        Ok(Argument::Tensor(self.tensors.len() - 1))
    }

    fn unsupported_connection(&self, value: &Value) -> FrontError {
        unsupported_connection(self.entry, value)
    }
}

/// Returns the `keras_history` of a tensor of Keras 3.
fn keras_tensor(value: &Value) -> Option<&Value> {
    let class = value.get("class_name").and_then(Value::as_str);
    value.pointer("/config/keras_history").filter(|_| class == Some("__keras_tensor__"))
}

/// Rejects arguments of a call that may change the result. `may_train` if the argument
/// `training=True` does not.
fn check_arguments(
    arguments: &Map<String, Value>,
    entry: &Entry<'_>,
    may_train: bool,
) -> Result<(), FrontError> {
    let takes_states = entry.is_of_keras_3() && layers::is_recurrent(entry.class);
    let matters = |(name, value): &(&String, &Value)| match value {
        Value::Null => false,
        _ if takes_states && name.as_str() == INITIAL_STATE => false,
        // The network is used for inference.
        Value::Bool(false) => name.as_str() != "training",
        Value::Bool(true) if may_train => name.as_str() != "training",
        _ => true,
    };
    match arguments.iter().find(matters) {
        None => Ok(()),
        Some((name, value)) => {
            let (argument, value) = (name.to_owned(), shown(value));
            Err(entry.owner().wrong(LayerProblem::Argument { argument, value }))
        }
    }
}

pub(super) fn unsupported_connection(entry: &Entry<'_>, value: &Value) -> FrontError {
    entry.owner().wrong(LayerProblem::Connection { value: shown(value) })
}
