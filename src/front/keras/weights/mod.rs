//! Variables of layers in an HDF5 file.
//!
//! Keras has two layouts: [`named`] for `.h5` files, [`tree`] for `.keras` archives and `.weights.h5`
//! files. Both have a group per layer, which holds the datasets of its variables in order.

mod named;
mod tree;

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::vec;

use ndarray::{Array, Dimension, IntoDimension};

use super::architecture::Definition;
use super::attributes::Owner;
use crate::front::error::{FrontError, Located, Problem};
use crate::front::hdf5::{Group, Hdf5};
use crate::front::layer_problem::LayerProblem;

/// Origin of the weights: the model's own file or another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    SameFile,
    OtherFile,
}

/// The variables of a file.
pub(super) struct Store<'a> {
    path: &'a Path,
    layout: Layout,
    /// Group that the paths of datasets start from.
    base: Group<'a>,
    /// Variables by the group of their layer.
    groups: BTreeMap<String, Stored>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    Named,
    Tree {
        /// Name of the group of all layers.
        layers: &'static str,
    },
}

/// The variables of one layer.
#[derive(Default)]
struct Stored {
    /// Paths of the datasets, in the order of the layer's variables.
    datasets: Vec<String>,
    /// Name of the layer in the file, if it must match the model's.
    layer: Option<String>,
}

impl<'a> Store<'a> {
    pub(super) fn open(file: &'a Hdf5, path: &'a Path, origin: Origin) -> Result<Self, FrontError> {
        Self::find(file, path, origin).located(path)
    }

    fn find(file: &'a Hdf5, path: &'a Path, origin: Origin) -> Result<Self, Problem> {
        let root = file.root()?;
        if let Some(base) = named::base(&root)? {
            let groups = named::read(&base)?;
            return Ok(Self { path, layout: Layout::Named, base, groups });
        }
        if let Some(layers) = tree::layers(&root)? {
            let groups = tree::read(&root, layers, origin)?;
            return Ok(Self { path, layout: Layout::Tree { layers }, base: root, groups });
        }
        let (groups, datasets) = root.members()?;
        let found = list(groups.iter().chain(&datasets).map(String::as_str), "nothing");
        Err(Problem::NoWeightGroups { found })
    }

    /// Returns the group of each layer of a model.
    pub(super) fn assign_groups(&mut self, definitions: &[Definition<'_>]) -> Vec<String> {
        match self.layout {
            Layout::Named => named::assign(&mut self.groups, definitions),
            Layout::Tree { layers } => tree::paths(layers, definitions),
        }
    }

    /// Returns the variables in the group of a layer.
    pub(super) fn layer<'s>(
        &'s self,
        owner: Owner<'s>,
        definition: &'s Definition<'s>,
        group: &'s str,
    ) -> LayerWeights<'s> {
        let name = &definition.name;
        LayerWeights { store: self, owner, name, group, subgroup: "", is_read: false }
    }

    /// Rejects variables outside of `groups`.
    pub(super) fn check_surplus(&self, groups: &[String]) -> Result<(), FrontError> {
        let known: HashSet<&String> = groups.iter().collect();
        let mut others = self.groups.iter().filter(|(group, _)| !known.contains(group));
        match others.find(|(_, stored)| !stored.datasets.is_empty()) {
            Some((group, _)) => Err(Problem::Surplus { group: group.clone() }.at(self.path)),
            None => Ok(()),
        }
    }
}

/// Access to the variables of one layer.
pub(super) struct LayerWeights<'a> {
    store: &'a Store<'a>,
    owner: Owner<'a>,
    /// Name of the layer, without enclosing models.
    name: &'a str,
    group: &'a str,
    /// Subgroup of the variables of a wrapped layer.
    subgroup: &'static str,
    is_read: bool,
}

impl<'a> LayerWeights<'a> {
    /// Returns access to the same variables for the wrapped layer.
    pub(super) fn of_wrapped(&mut self) -> Self {
        self.is_read = true;
        Self { subgroup: "/layer", is_read: false, ..*self }
    }

    /// Returns the variables, which must be exactly `names`. `group/name` belongs to an inner layer.
    pub(super) fn variables(
        &mut self,
        names: &[&'static str],
    ) -> Result<Variables<'a>, FrontError> {
        self.is_read = true;
        let expected = || list(names.iter().map(|name| own_name(name)), "no weights");
        let group = self.group.to_owned();
        let stored = self.store.groups.get(self.group);
        let datasets = stored.map_or(&[][..], |stored| &stored.datasets);
        if datasets.is_empty() && !names.is_empty() {
            let filled = self.store.groups.iter().filter(|(_, other)| !other.datasets.is_empty());
            let available = list(filled.map(|(group, _)| group.as_str()), "no group");
            let expected = expected();
            return Err(self.wrong(LayerProblem::WeightsMissing { expected, group, available }));
        }
        let in_order = match self.store.layout {
            Layout::Named => (datasets.len() == names.len()).then(|| datasets.iter().collect()),
            Layout::Tree { .. } => {
                tree::in_order(&format!("{}{}", self.group, self.subgroup), names, datasets)
            }
        };
        let in_order: Vec<&String> = in_order.ok_or_else(|| {
            let found = list(datasets.iter().map(String::as_str), "no weights");
            let (expected, group) = (expected(), group.clone());
            self.wrong(LayerProblem::WeightCount { expected, group, found })
        })?;
        if let Some(found) = stored.and_then(|stored| stored.layer.as_ref())
            && found != self.name
        {
            let found = found.clone();
            return Err(self.wrong(LayerProblem::WeightsOfAnother { group, found }));
        }
        let left: Vec<_> = names.iter().map(|name| own_name(name)).zip(in_order).collect();
        Ok(Variables { store: self.store, owner: self.owner, left: left.into_iter() })
    }

    /// Rejects variables that were not read.
    pub(super) fn finish(mut self) -> Result<(), FrontError> {
        if self.is_read { Ok(()) } else { self.variables(&[]).map(drop) }
    }

    fn wrong(&self, problem: LayerProblem) -> FrontError {
        self.owner.wrong_in(self.store.path, problem)
    }
}

/// Returns a variable's name without its group.
fn own_name(name: &'static str) -> &'static str {
    name.rsplit_once('/').map_or(name, |(_, own)| own)
}

/// An iterator over the variables of a layer.
pub(super) struct Variables<'a> {
    store: &'a Store<'a>,
    owner: Owner<'a>,
    left: vec::IntoIter<(&'static str, &'a String)>,
}

impl Variables<'_> {
    /// Reads the next variable, which must have this shape and finite elements.
    pub(super) fn next<D: Dimension>(
        &mut self,
        shape: impl IntoDimension<Dim = D>,
    ) -> Result<Array<f32, D>, FrontError> {
        let path = self.store.path;
        let (weight, dataset) = self.left.next().expect("a layer reads the variables it names");
        let dataset = dataset.clone();
        let wrong = |problem| self.owner.wrong_in(path, problem);
        let missing = || Problem::Damaged(format!("'{dataset}' is listed, but missing")).at(path);
        let numbers = self.store.base.numbers(&[&dataset]).located(path)?;
        let numbers = numbers.ok_or_else(missing)?;
        let shape = shape.into_dimension();
        if numbers.shape != shape.slice() {
            let (expected, found) = (shape.slice().to_vec(), numbers.shape);
            return Err(wrong(LayerProblem::WeightShape { weight, expected, dataset, found }));
        }
        let values = match numbers.read() {
            Ok(values) => values,
            Err(Problem::ElementType { name: element }) => {
                return Err(wrong(LayerProblem::WeightType { weight, dataset, element }));
            }
            Err(other) => return Err(other.at(path)),
        };
        let array = Array::from_shape_vec(shape, values).map_err(|_| missing())?;
        let odd = array.indexed_iter().find(|(_, value)| !value.is_finite());
        if let Some((index, &value)) = odd {
            let index = index.into_dimension().slice().to_vec();
            return Err(wrong(LayerProblem::NotFinite { weight, dataset, index, value }));
        }
        Ok(array)
    }
}

/// Formats names for a message and truncates a long list.
fn list<'n>(names: impl Iterator<Item = &'n str>, none: &str) -> String {
    const MAX_NAMES: usize = 12;
    let names: Vec<&str> = names.collect();
    match names.len() {
        0 => none.to_owned(),
        count if count > MAX_NAMES => {
            format!("{}, and {} more", names[..MAX_NAMES].join(", "), count - MAX_NAMES)
        }
        _ => names.join(", "),
    }
}
