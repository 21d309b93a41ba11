//! The variables of layers, by their full path in an HDF5 file.
//!
//! Keras has two layouts: [`named`] for what Keras 2 saves and Keras 3 still writes as `.h5`, and
//! [`tree`] for `.keras` archives and `.weights.h5`. Both come down to the same thing: a place for
//! each layer, and datasets there, in the order of the layer's variables.

mod named;
mod nested;
mod tree;

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::vec;

use ndarray::{Array, Dimension, IntoDimension};

use super::architecture::Home;
use super::attributes::Owner;
use crate::front::error::{FrontError, Located, Problem};
use crate::front::hdf5::{Group, Hdf5};
use crate::front::layer_problem::LayerProblem;

/// Whether weights come with the model that they are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    SameFile,
    OtherFile,
}

/// All variables in a file.
pub(super) struct Store<'a> {
    path: &'a Path,
    layout: Layout,
    /// The group that the datasets' paths begin at.
    base: Group<'a>,
    /// What lies where.
    places: BTreeMap<String, Place>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    Named,
    Tree {
        /// The group of all layers.
        layers: &'static str,
    },
}

/// Where the variables of one layer lie.
#[derive(Default)]
struct Place {
    /// Datasets, by path, in the order of the layer's variables.
    datasets: Vec<String>,
    /// The layer that the file says they belong to, where that has to agree.
    layer: Option<String>,
}

impl<'a> Store<'a> {
    pub(super) fn open(file: &'a Hdf5, path: &'a Path, origin: Origin) -> Result<Self, FrontError> {
        Self::find(file, path, origin).located(path)
    }

    fn find(file: &'a Hdf5, path: &'a Path, origin: Origin) -> Result<Self, Problem> {
        let root = file.root()?;
        if let Some(base) = named::base(&root)? {
            let places = named::places(&base)?;
            return Ok(Self { path, layout: Layout::Named, base, places });
        }
        if let Some(layers) = tree::layers(&root)? {
            let places = tree::places(&root, layers, origin)?;
            return Ok(Self { path, layout: Layout::Tree { layers }, base: root, places });
        }
        let (groups, datasets) = root.members()?;
        let found = list(groups.iter().chain(&datasets).map(String::as_str), "an empty file");
        Err(Problem::NoWeightGroups { found })
    }

    /// The place of each layer of a model, and of those of models in it.
    pub(super) fn places(&mut self, homes: &[Home<'_>]) -> Vec<String> {
        match self.layout {
            Layout::Named => nested::places(&mut self.places, homes),
            Layout::Tree { layers } => tree::paths(layers, homes),
        }
    }

    /// The variables at a place.
    pub(super) fn layer<'s>(
        &'s self,
        owner: Owner<'s>,
        home: &'s Home<'s>,
        place: &'s str,
    ) -> LayerWeights<'s> {
        LayerWeights { store: self, owner, name: &home.name, place, below: "", asked: false }
    }

    /// Refuses variables outside of all places.
    pub(super) fn check_surplus(&self, places: &[String]) -> Result<(), FrontError> {
        let taken: HashSet<&String> = places.iter().collect();
        let mut others = self.places.iter().filter(|(place, _)| !taken.contains(place));
        match others.find(|(_, found)| !found.datasets.is_empty()) {
            Some((place, _)) => Err(Problem::Surplus { place: place.clone() }.at(self.path)),
            None => Ok(()),
        }
    }
}

/// The variables of one layer.
pub(super) struct LayerWeights<'a> {
    store: &'a Store<'a>,
    owner: Owner<'a>,
    /// The layer's own name, without those of the models around it.
    name: &'a str,
    place: &'a str,
    /// Where the variables of a layer in the layer lie, below its place.
    below: &'static str,
    asked: bool,
}

impl<'a> LayerWeights<'a> {
    /// The variables are those of the layer that this one wraps.
    pub(super) fn of_wrapped(&mut self) -> Self {
        self.asked = true;
        Self { below: "/layer", asked: false, ..*self }
    }

    /// The variables, which must be exactly these. `group/name` is one of a layer in the layer.
    pub(super) fn variables(
        &mut self,
        names: &[&'static str],
    ) -> Result<Variables<'a>, FrontError> {
        self.asked = true;
        let expected = || list(names.iter().map(|name| own_name(name)), "nothing");
        let place = self.place.to_owned();
        let found = self.store.places.get(self.place);
        let datasets = found.map_or(&[][..], |found| &found.datasets);
        if datasets.is_empty() && !names.is_empty() {
            let filled = self.store.places.iter().filter(|(_, found)| !found.datasets.is_empty());
            let available = list(filled.map(|(place, _)| place.as_str()), "no weights");
            let expected = expected();
            return Err(self.wrong(LayerProblem::WeightsMissing { expected, place, available }));
        }
        let in_order = match self.store.layout {
            Layout::Named => (datasets.len() == names.len()).then(|| datasets.iter().collect()),
            Layout::Tree { .. } => {
                tree::in_order(&format!("{}{}", self.place, self.below), names, datasets)
            }
        };
        let in_order: Vec<&String> = in_order.ok_or_else(|| {
            let found = list(datasets.iter().map(String::as_str), "no weights");
            let (expected, place) = (expected(), place.clone());
            self.wrong(LayerProblem::WeightCount { expected, place, found })
        })?;
        if let Some(found) = found.and_then(|found| found.layer.as_ref())
            && found != self.name
        {
            let found = found.clone();
            return Err(self.wrong(LayerProblem::WeightsOfAnother { place, found }));
        }
        let left: Vec<_> = names.iter().map(|name| own_name(name)).zip(in_order).collect();
        Ok(Variables { store: self.store, owner: self.owner, left: left.into_iter() })
    }

    /// Refuses variables that were not asked for.
    pub(super) fn finish(mut self) -> Result<(), FrontError> {
        if self.asked { Ok(()) } else { self.variables(&[]).map(drop) }
    }

    fn wrong(&self, problem: LayerProblem) -> FrontError {
        self.owner.wrong_in(self.store.path, problem)
    }
}

/// A variable's name without the group that it lies in.
fn own_name(name: &'static str) -> &'static str {
    name.rsplit_once('/').map_or(name, |(_, own)| own)
}

/// Variables yet to be read, in their order.
pub(super) struct Variables<'a> {
    store: &'a Store<'a>,
    owner: Owner<'a>,
    left: vec::IntoIter<(&'static str, &'a String)>,
}

impl Variables<'_> {
    /// The next variable, which must have this shape and finite elements.
    pub(super) fn next<D: Dimension>(
        &mut self,
        shape: impl IntoDimension<Dim = D>,
    ) -> Result<Array<f32, D>, FrontError> {
        let path = self.store.path;
        let (weight, place) = self.left.next().ok_or_else(|| unreadable("a variable").at(path))?;
        let wrong = |problem| self.owner.wrong_in(path, problem);
        let place_owned = || place.clone();
        let numbers = self.store.base.numbers(&[place]).located(path)?;
        let numbers = numbers.ok_or_else(|| unreadable(place).at(path))?;
        let shape = shape.into_dimension();
        if numbers.shape != shape.slice() {
            let (expected, found) = (shape.slice().to_vec(), numbers.shape);
            let place = place_owned();
            return Err(wrong(LayerProblem::WeightShape { weight, expected, place, found }));
        }
        let values = numbers.read().map_err(|problem| match problem {
            Problem::ElementType { name: element } => {
                wrong(LayerProblem::WeightType { weight, place: place_owned(), element })
            }
            other => other.at(path),
        })?;
        let array = Array::from_shape_vec(shape, values).map_err(|_| unreadable(place).at(path))?;
        let odd = array.indexed_iter().find(|(_, value)| !value.is_finite());
        if let Some((index, &value)) = odd {
            let index = index.into_dimension().slice().to_vec();
            let place = place_owned();
            return Err(wrong(LayerProblem::NotFinite { weight, place, index, value }));
        }
        Ok(array)
    }
}

fn unreadable(what: &str) -> Problem {
    Problem::Damaged(format!("'{what}' is listed, but not there"))
}

/// Names for a message, the end left out where they are many.
fn list<'n>(names: impl Iterator<Item = &'n str>, none: &str) -> String {
    const MOST: usize = 12;
    let names: Vec<&str> = names.collect();
    match names.len() {
        0 => none.to_owned(),
        count if count > MOST => format!("{}, and {} more", names[..MOST].join(", "), count - MOST),
        _ => names.join(", "),
    }
}
