//! Layers of Keras and QKeras: a file per family, and the table of all classes.

mod activation;
mod cell;
mod einsum;
mod embedding;
mod layout;
mod linear;
mod merge;
mod normalization;
mod preprocessing;
mod recurrent;
mod training;
mod unsupported;
pub(super) mod windows;
mod wrappers;

use std::cell::Cell;

use serde_json::{Map, Value};

pub(super) use embedding::mask_users;
pub(super) use preprocessing::RESIZE_HELP;
pub(super) use recurrent::{has_several_results, is_recurrent, is_time_major};
pub(super) use training::states_training;
pub(super) use wrappers::{acts_on_rows, over_time};

use super::architecture::Arguments;
use super::attributes::{Attributes, Owner};
use super::batch_axis::BatchAxis;
use super::weights::LayerWeights;
use crate::front::error::FrontError;
use crate::front::layer_problem::LayerProblem;
use crate::model::{LayerKind, Layout};

/// Supported classes, by family. A new class is a line in the table of its family.
const FAMILIES: &[&[Class]] = &[
    linear::CLASSES,
    windows::CLASSES,
    activation::CLASSES,
    normalization::CLASSES,
    einsum::CLASSES,
    embedding::CLASSES,
    preprocessing::CLASSES,
    training::CLASSES,
    training::IMAGES,
    recurrent::CLASSES,
    merge::CLASSES,
    layout::CLASSES,
    wrappers::CLASSES,
    CLASSES,
];

const CLASSES: &[Class] = &[("InputLayer", input)];

/// Name of a class of Keras or QKeras, and its reader.
type Class = (&'static str, Read);

/// Reads a layer of one class.
type Read = fn(&mut LayerReader<'_>) -> Result<Built, FrontError>;

/// A layer before it is read: its attributes, input shapes and weights.
pub(super) struct LayerReader<'a> {
    pub(super) owner: Owner<'a>,
    pub(super) attributes: Attributes<'a>,
    /// Shapes of the inputs, without the batch axis.
    pub(super) inputs: Vec<Vec<usize>>,
    /// Shape that the user states for an input.
    pub(super) given_shape: Option<&'a [usize]>,
    /// Index of the requested result of an operation with several results.
    pub(super) result: u64,
    /// Arguments of an operation's call.
    pub(super) arguments: &'a Arguments<'a>,
    pub(super) weights: LayerWeights<'a>,
    /// A layer after this one that uses its mask.
    pub(super) mask_user: Option<&'a str>,
    /// The layer is called on one sample at a time.
    pub(super) is_single: bool,
    /// Axis of the batch in the first input, or in the shape of an input layer.
    pub(super) batch_axis: BatchAxis,
    /// Axis of the batch in the result, set by a layer that knows of these axes.
    pub(super) moved_batch: &'a Cell<Option<BatchAxis>>,
}

impl<'a> LayerReader<'a> {
    /// The reader of the layer that this one wraps, of this class and with the attributes `config`: it
    /// has the same inputs.
    fn of_wrapped(&mut self, class: &'a str, config: &'a Map<String, Value>) -> Self {
        let owner = Owner { class, ..self.owner };
        Self {
            owner,
            attributes: self.attributes.of_wrapped(owner, config),
            inputs: self.inputs.clone(),
            given_shape: None,
            result: 0,
            arguments: self.arguments,
            weights: self.weights.of_wrapped(),
            mask_user: self.mask_user,
            is_single: self.is_single,
            batch_axis: self.batch_axis,
            moved_batch: self.moved_batch,
        }
    }
}

/// A layer after it is read.
pub(super) struct Built {
    pub(super) kind: LayerKind,
    /// Shape of the result, without the batch axis.
    pub(super) shape: Vec<usize>,
}

/// Returns the reader of a class.
fn find(owner: Owner<'_>) -> Result<Read, FrontError> {
    let mut classes = FAMILIES.iter().copied().flatten();
    let found = classes.find(|(name, _)| *name == owner.class).map(|(_, read)| *read);
    found.ok_or_else(|| owner.wrong(unsupported::problem(owner.class)))
}

/// Returns true for a supported class.
fn is_class(name: &str) -> bool {
    FAMILIES.iter().copied().flatten().any(|(known, _)| *known == name)
}

/// Rejects a layer of an unsupported class.
pub(super) fn check_class(owner: Owner<'_>) -> Result<(), FrontError> {
    find(owner).map(drop)
}

/// Rejects a result shape that is empty or too large.
pub(super) fn check_size(owner: Owner<'_>, shape: &[usize]) -> Result<(), FrontError> {
    let fits = Layout::Reshape(shape.to_vec()).result_shape(shape).is_some();
    if fits { Ok(()) } else { Err(owner.wrong(LayerProblem::TooLarge)) }
}

/// Reads a layer, and rejects attributes and weights that its class does not use.
pub(super) fn build(mut layer: LayerReader<'_>) -> Result<Built, FrontError> {
    let read = find(layer.owner)?;
    if let Some(axes) = wrappers::axes_before_channels(&mut layer) {
        return wrappers::over_time(layer, axes, wrappers::build_channels_first);
    }
    let built = read(&mut layer)?;
    layer.finish()?;
    Ok(built)
}

/// Types of inputs that hold integers.
const INTEGERS: &[&str] =
    &["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"];

fn input(layer: &mut LayerReader<'_>) -> Result<Built, FrontError> {
    if !layer.inputs.is_empty() {
        return Err(layer.wrong_inputs(0));
    }
    // Integers are values of any type.
    if let Some(dtype) = layer.attributes.get("dtype").and_then(Value::as_str)
        && INTEGERS.contains(&dtype)
    {
        layer.attributes.consume("dtype");
    }
    for kind_of_tensor in ["sparse", "ragged", "optional"] {
        layer.attributes.only(kind_of_tensor, &[Value::Bool(false)])?;
    }
    // The names in Keras 2 and 3.
    let mut shape = None;
    for name in ["batch_input_shape", "batch_shape"] {
        shape = shape.or(layer.attributes.sample_shape(name, layer.batch_axis)?);
    }
    layer.moved_batch.set(Some(layer.batch_axis));
    let shape = match (shape, layer.given_shape) {
        (None, None) => return Err(layer.owner.wrong(LayerProblem::Unbuilt)),
        (None, Some(given)) => given.to_vec(),
        (Some(stated), None) => stated.closed().ok_or_else(|| {
            let (input, template) = (layer.owner.layer.to_owned(), stated.template());
            let shape = stated.to_string();
            layer.owner.wrong(LayerProblem::OpenShape { shape, input, template })
        })?,
        (Some(stated), Some(given)) if stated.accepts(given) => given.to_vec(),
        (Some(stated), Some(given)) => {
            let (stated, given) = (stated.to_string(), given.to_vec());
            return Err(layer.owner.wrong(LayerProblem::GivenShape { stated, given }));
        }
    };
    Ok(Built { kind: LayerKind::Input { shape: shape.clone() }, shape })
}

impl LayerReader<'_> {
    /// Rejects attributes and weights that were not read.
    pub(super) fn finish(self) -> Result<(), FrontError> {
        self.attributes.finish()?;
        self.weights.finish()
    }

    /// Returns the shape of the only input.
    pub(super) fn input(&self) -> Result<&[usize], FrontError> {
        match &self.inputs[..] {
            [shape] => Ok(shape),
            _ => Err(self.wrong_inputs(1)),
        }
    }

    /// Returns a layer whose result has the shape of its only input.
    pub(super) fn same_shape(&self, kind: LayerKind) -> Result<Built, FrontError> {
        Ok(Built { kind, shape: self.input()?.to_vec() })
    }

    /// Error: the layer expects another number of inputs.
    pub(super) fn wrong_inputs(&self, expected: usize) -> FrontError {
        self.owner.wrong(LayerProblem::Inputs { expected, found: self.inputs.len() })
    }

    /// Error: the shapes of the inputs are incompatible.
    pub(super) fn incompatible_shapes(&self) -> FrontError {
        let shapes: Vec<_> = self.inputs.iter().map(|shape| format!("{shape:?}")).collect();
        self.owner.wrong(LayerProblem::Shapes { shapes: shapes.join(" and ") })
    }
}
