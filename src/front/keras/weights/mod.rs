//! Variables of layers in a file.
//!
//! Keras has three layouts: [`named`] for `.h5` files, [`tree`] for `.keras` archives and `.weights.h5`
//! files, [`objects`] for SavedModel folders. All have a group per layer, which holds the datasets of
//! its variables in order.

mod named;
mod objects;
mod pruned;
mod rewrite;
mod tree;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::vec;

use ndarray::{Array, Dimension, IntoDimension};

use super::architecture::Definition;
use super::attributes::Owner;
use super::saved_model::{self, Tensor};
use crate::front::StoredVariable;
use crate::front::error::{FrontError, Located, Problem};
use crate::front::hdf5::{self, Group, Hdf5};
use crate::front::layer_problem::LayerProblem;

pub(super) use pruned::Sparsity;
pub(super) use rewrite::rewritten;

/// Origin of the weights: the model's own file or another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    SameFile,
    OtherFile,
}

/// A file of weights.
pub(super) enum Weights {
    /// No file.
    Absent,
    Hdf5(Hdf5),
    SavedModel(saved_model::Variables),
}

/// The variables of a file.
pub(super) struct Store<'a> {
    path: &'a Path,
    layout: Layout<'a>,
    /// Variables by the group of their layer.
    groups: BTreeMap<String, Stored>,
    /// The variables that were read, in order.
    read: RefCell<Vec<StoredVariable>>,
}

/// Names of groups and datasets. The paths of datasets start from `base`.
enum Layout<'a> {
    /// No file of weights.
    Absent,
    Named {
        base: Group<'a>,
    },
    Tree {
        base: Group<'a>,
        containers: tree::Containers,
    },
    Objects {
        variables: &'a saved_model::Variables,
        /// Names in the file, by dataset.
        tensors: HashMap<String, String>,
    },
}

impl Layout<'_> {
    /// Returns a dataset before it is read.
    fn numbers(&self, dataset: &str) -> Result<Option<Numbers<'_>>, Problem> {
        match self {
            Self::Absent => Ok(None),
            Self::Named { base } | Self::Tree { base, .. } => {
                Ok(base.numbers(&[dataset])?.map(Numbers::Hdf5))
            }
            Self::Objects { variables, tensors } => match tensors.get(dataset) {
                Some(tensor) => Ok(variables.bundle.tensor(tensor)?.map(Numbers::Tensor)),
                None => Ok(None),
            },
        }
    }
}

/// A dataset before it is read.
#[allow(clippy::large_enum_variant, reason = "there is one at a time")]
enum Numbers<'a> {
    Hdf5(hdf5::Numbers),
    Tensor(Tensor<'a>),
}

impl Numbers<'_> {
    fn shape(&self) -> &[usize] {
        match self {
            Self::Hdf5(numbers) => &numbers.shape,
            Self::Tensor(tensor) => tensor.shape,
        }
    }

    fn read(&self) -> Result<Vec<f32>, Problem> {
        match self {
            Self::Hdf5(numbers) => numbers.read(),
            Self::Tensor(tensor) => tensor.read(),
        }
    }
}

/// Group of the layer in a wrapper, below the wrapper's.
const WRAPPED: &str = "layer";

/// The variables of one layer.
#[derive(Default)]
struct Stored {
    /// Paths of the datasets, in the order of the layer's variables, or of their names.
    datasets: Vec<String>,
    /// True if the name of a dataset, not its place, tells the variable.
    is_by_name: bool,
    /// Name of the layer in the file, if it must match the model's.
    layer: Option<String>,
    /// Paths of the masks of a pruned layer's kernels, in the order of the kernels.
    masks: Vec<String>,
}

impl<'a> Store<'a> {
    pub(super) fn open(
        file: &'a Weights,
        path: &'a Path,
        origin: Origin,
    ) -> Result<Self, FrontError> {
        let (layout, groups) = match file {
            Weights::Absent => (Layout::Absent, BTreeMap::new()),
            Weights::Hdf5(file) => Self::find(file, origin).located(path)?,
            Weights::SavedModel(variables) => {
                (Layout::Objects { variables, tensors: HashMap::new() }, BTreeMap::new())
            }
        };
        Ok(Self { path, layout, groups, read: RefCell::default() })
    }

    fn find(
        file: &'a Hdf5,
        origin: Origin,
    ) -> Result<(Layout<'a>, BTreeMap<String, Stored>), Problem> {
        let root = file.root()?;
        if let Some(base) = named::base(&root)? {
            let groups = named::read(&base)?;
            return Ok((Layout::Named { base }, groups));
        }
        if let Some(layers) = tree::layers(&root)? {
            let (groups, containers) = tree::read(&root, layers, origin)?;
            return Ok((Layout::Tree { base: root, containers }, groups));
        }
        let (groups, datasets) = root.members()?;
        let found = list(groups.iter().chain(&datasets).map(String::as_str), "nothing");
        Err(Problem::NoWeightGroups { found })
    }

    /// Returns the variables that were read, in order.
    pub(super) fn into_read(self) -> Vec<StoredVariable> {
        self.read.into_inner()
    }

    /// Returns the group of each layer of a model.
    pub(super) fn assign_groups(
        &mut self,
        definitions: &[Definition<'_>],
    ) -> Result<Vec<String>, FrontError> {
        let paths = match &mut self.layout {
            Layout::Absent => vec![String::new(); definitions.len()],
            Layout::Named { .. } => named::assign(&mut self.groups, definitions),
            Layout::Tree { containers, .. } => tree::paths(containers, definitions),
            Layout::Objects { variables, tensors } => {
                let assigned = objects::assign(&variables.objects, definitions);
                self.groups = assigned.groups;
                *tensors = assigned.tensors;
                assigned.paths
            }
        };
        for (definition, group) in definitions.iter().zip(&paths) {
            let stored = self.groups.get_mut(group).filter(|_| definition.pruned.is_some());
            match (&self.layout, stored) {
                (Layout::Named { .. } | Layout::Objects { .. }, Some(stored)) => {
                    pruned::split_named(stored);
                }
                (Layout::Tree { base, .. }, Some(stored)) => {
                    pruned::split_tree(stored, group, base).located(self.path)?;
                }
                (Layout::Absent, _) | (_, None) => {}
            }
        }
        Ok(paths)
    }

    /// Returns the variables in the group of a layer. `sparsity` counts the zeros of a pruned one.
    pub(super) fn layer<'s>(
        &'s self,
        owner: Owner<'s>,
        definition: &'s Definition<'s>,
        group: &'s str,
        sparsity: &'s Cell<Sparsity>,
    ) -> LayerWeights<'s> {
        let name = &definition.name;
        let wrappers = usize::from(definition.pruned.is_some());
        LayerWeights { store: self, owner, name, group, wrappers, sparsity, is_read: false }
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
    /// Number of wrappers around the layer, whose variables have the group `layer` of each.
    wrappers: usize,
    sparsity: &'a Cell<Sparsity>,
    is_read: bool,
}

impl<'a> LayerWeights<'a> {
    /// Returns access to the same variables for the wrapped layer.
    pub(super) fn of_wrapped(&mut self) -> Self {
        self.is_read = true;
        Self { wrappers: self.wrappers + 1, is_read: false, ..*self }
    }

    /// Returns the variables, which must be exactly `names`. `group/name` belongs to an inner layer.
    pub(super) fn variables(
        &mut self,
        names: &[&'static str],
    ) -> Result<Variables<'a>, FrontError> {
        let named: Vec<_> = names.iter().map(|name| (*name, own_name(name))).collect();
        self.variables_at(&named)
    }

    /// Returns the class's group among the layers of a list, which are of `before` before it.
    pub(super) fn group_in_list<'c>(class: &str, before: impl Iterator<Item = &'c str>) -> String {
        tree::group_in_list(class, before)
    }

    /// As [`LayerWeights::variables`], for places `group/name` and the variables' own names.
    pub(super) fn variables_at(
        &mut self,
        named: &[(&str, &'static str)],
    ) -> Result<Variables<'a>, FrontError> {
        self.is_read = true;
        let (names, own): (Vec<&str>, Vec<&'static str>) = named.iter().copied().unzip();
        let expected = || list(own.iter().copied(), "no weights");
        let group = self.group.to_owned();
        let stored = self.store.groups.get(self.group);
        let datasets = stored.map_or(&[][..], |stored| &stored.datasets);
        if let Layout::Absent = self.store.layout
            && !names.is_empty()
        {
            return Err(Problem::WeightsNeeded.at(self.store.path));
        }
        if datasets.is_empty() && !names.is_empty() {
            let filled = self.store.groups.iter().filter(|(_, other)| !other.datasets.is_empty());
            let available = list(filled.map(|(group, _)| group.as_str()), "no group");
            let expected = expected();
            return Err(self.wrong(LayerProblem::WeightsMissing { expected, group, available }));
        }
        let in_order = match self.store.layout {
            Layout::Objects { .. } if stored.is_some_and(|stored| stored.is_by_name) => {
                by_name(&names, datasets)
            }
            Layout::Absent | Layout::Named { .. } | Layout::Objects { .. } => {
                (datasets.len() == names.len()).then(|| datasets.iter().collect())
            }
            Layout::Tree { .. } => {
                let inner = format!("/{WRAPPED}").repeat(self.wrappers);
                tree::in_order(&format!("{}{inner}", self.group), &names, datasets)
            }
        };
        let masks = stored.map_or(&[][..], |stored| &stored.masks);
        let in_order =
            in_order.and_then(|in_order| Some((in_order, pruned::assign(masks, &names)?)));
        let (in_order, masks): (Vec<&String>, _) = in_order.ok_or_else(|| {
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
        let stored = own.into_iter().zip(in_order).zip(masks);
        let left = stored.map(|((name, dataset), mask)| Variable {
            name,
            dataset: dataset.as_str(),
            mask,
        });
        let left = left.collect::<Vec<_>>().into_iter();
        Ok(Variables { store: self.store, owner: self.owner, sparsity: self.sparsity, left })
    }

    /// Rejects variables that were not read.
    pub(super) fn finish(mut self) -> Result<(), FrontError> {
        if self.is_read { Ok(()) } else { self.variables(&[]).map(drop) }
    }

    fn wrong(&self, problem: LayerProblem) -> FrontError {
        self.owner.wrong_in(self.store.path, problem)
    }
}

/// Sorts datasets by the variables `names`, of which `group/name` is that of an inner layer; `None` unless
/// they correspond one to one. Inner layers may have other names, in the same order.
fn by_name<'d>(names: &[&str], datasets: &'d [String]) -> Option<Vec<&'d String>> {
    let split = |path: &'d str| path.rsplit_once('/').unwrap_or(("", path));
    let mut groups: Vec<&str> = datasets.iter().map(|dataset| split(dataset).0).collect();
    groups.dedup();
    let mut inner: Vec<&str> = vec![];
    let mut order = Vec::with_capacity(names.len());
    for name in names {
        let (group, own) = name.rsplit_once('/').unwrap_or(("", name));
        let at = inner.iter().position(|known| *known == group).unwrap_or_else(|| {
            inner.push(group);
            inner.len() - 1
        });
        let group = *groups.get(at)?;
        order.push(datasets.iter().find(|dataset| split(dataset) == (group, own))?);
    }
    (order.len() == datasets.len()).then_some(order)
}

/// Returns a variable's name without its group.
fn own_name(name: &'static str) -> &'static str {
    name.rsplit_once('/').map_or(name, |(_, own)| own)
}

/// An iterator over the variables of a layer.
pub(super) struct Variables<'a> {
    store: &'a Store<'a>,
    owner: Owner<'a>,
    sparsity: &'a Cell<Sparsity>,
    left: vec::IntoIter<Variable<'a>>,
}

/// A variable before it is read.
struct Variable<'a> {
    name: &'static str,
    /// Path of its dataset.
    dataset: &'a str,
    /// Path of the mask that it is multiplied by.
    mask: Option<&'a str>,
}

impl Variables<'_> {
    /// Reads the next variable, which must have this shape and finite elements.
    pub(super) fn next<D: Dimension>(
        &mut self,
        shape: impl IntoDimension<Dim = D>,
    ) -> Result<Array<f32, D>, FrontError> {
        let Variable { name, dataset, mask } =
            self.left.next().expect("a layer reads the variables it names");
        let shape = shape.into_dimension();
        let mut array = self.read(name, dataset, shape.clone())?;
        self.store.read.borrow_mut().push(StoredVariable {
            layer: self.owner.layer.to_owned(),
            variable: name,
            dataset: dataset.to_owned(),
        });
        if let Some(mask) = mask {
            // As `weight_mask_op` of tfmot, which also acts at inference.
            array *= &self.read("mask", mask, shape)?;
            self.sparsity.set(self.sparsity.get().and(array.iter()));
        }
        Ok(array)
    }

    fn read<D: Dimension>(
        &self,
        weight: &'static str,
        dataset: &str,
        shape: D,
    ) -> Result<Array<f32, D>, FrontError> {
        let path = self.store.path;
        let dataset = dataset.to_owned();
        let wrong = |problem| self.owner.wrong_in(path, problem);
        let missing = || Problem::Damaged(format!("'{dataset}' is listed, but missing")).at(path);
        let numbers = self.store.layout.numbers(&dataset).located(path)?.ok_or_else(missing)?;
        if numbers.shape() != shape.slice() {
            let (expected, found) = (shape.slice().to_vec(), numbers.shape().to_vec());
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
pub(super) fn list<'n>(names: impl Iterator<Item = &'n str>, none: &str) -> String {
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
