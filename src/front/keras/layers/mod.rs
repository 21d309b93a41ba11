//! One file a family of layers, and the table of them all.

mod activation;
mod adaptive;
mod channels_first;
mod conv;
mod dense;
mod flatten;
mod folded;
mod inert;
mod input;
mod layout;
mod merge;
mod normalization;
mod pool;
mod time_distributed;
pub(super) mod windows;

use std::borrow::Cow;

pub(super) use time_distributed::over_steps;

use super::architecture::Arguments;
use super::attributes::{Attributes, Owner};
use super::weights::LayerWeights;
use crate::front::error::FrontError;
use crate::front::layer_problem::LayerProblem;
use crate::model::LayerKind;

/// Every class of layer that is supported, by family. A new layer is a new file and a line here.
const FAMILIES: &[&[Class]] = &[
    input::CLASSES,
    dense::CLASSES,
    conv::CLASSES,
    pool::CLASSES,
    activation::CLASSES,
    adaptive::CLASSES,
    flatten::CLASSES,
    inert::CLASSES,
    normalization::CLASSES,
    merge::CLASSES,
    layout::CLASSES,
    time_distributed::CLASSES,
];

/// A class of Keras or QKeras, by its name there, and how its layers are read.
type Class = (&'static str, Read);

/// Reads a layer of one class.
type Read = fn(&mut Site<'_>) -> Result<Built, FrontError>;

/// All that is known about a layer before it is read.
pub(super) struct Site<'a> {
    pub(super) owner: Owner<'a>,
    pub(super) attributes: Attributes<'a>,
    /// The shapes of its inputs, without the batch axis.
    pub(super) inputs: Cow<'a, [Vec<usize>]>,
    /// Which of its results is asked for, where an operation gives several.
    pub(super) result: u64,
    /// What an operation is called with.
    pub(super) arguments: &'a Arguments<'a>,
    pub(super) weights: LayerWeights<'a>,
}

/// A layer that was read.
pub(super) struct Built {
    pub(super) kind: LayerKind,
    /// The shape of its result, without the batch axis.
    pub(super) shape: Vec<usize>,
}

/// Refuses a layer of a class that is not supported.
pub(super) fn check(owner: Owner<'_>) -> Result<(), FrontError> {
    let known = FAMILIES.iter().copied().flatten().any(|(name, _)| *name == owner.class);
    if known { Ok(()) } else { Err(owner.wrong(LayerProblem::Class { supported: supported() })) }
}

/// Reads a layer, and refuses whatever of its attributes and weights its class does not account for.
pub(super) fn build(mut site: Site<'_>) -> Result<Built, FrontError> {
    let mut classes = FAMILIES.iter().copied().flatten();
    let Some((_, read)) = classes.find(|(name, _)| *name == site.owner.class) else {
        return Err(site.owner.wrong(LayerProblem::Class { supported: supported() }));
    };
    let built = match channels_first::is_asked(&mut site) {
        true => channels_first::read(&mut site, *read)?,
        false => read(&mut site)?,
    };
    site.attributes.finish()?;
    site.weights.finish()?;
    Ok(built)
}

fn supported() -> String {
    let names = FAMILIES.iter().copied().flatten().map(|(name, _)| *name);
    names.collect::<Vec<_>>().join(", ")
}

impl Site<'_> {
    /// The shape of the only input.
    pub(super) fn input(&self) -> Result<&[usize], FrontError> {
        match &*self.inputs {
            [shape] => Ok(shape),
            several => {
                let problem = LayerProblem::Inputs { expected: 1, found: several.len() };
                Err(self.owner.wrong(problem))
            }
        }
    }

    /// A layer whose result has the shape of its only input.
    pub(super) fn same_shape(&self, kind: LayerKind) -> Result<Built, FrontError> {
        Ok(Built { kind, shape: self.input()?.to_vec() })
    }
}
