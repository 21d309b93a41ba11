//! Weights by the layers' names: Keras 2, and Keras 3 where it writes `.h5`.
//!
//! An attribute `layer_names` lists the layers; each has a group of its name, whose attribute
//! `weight_names` lists its variables in order; each of them is the path of a dataset below. A name
//! that holds `/` is a path of groups, as HDF5 takes it. (`save_weights_to_hdf5_group` in
//! `saving/legacy/hdf5_format.py` of Keras 2, `legacy_h5_format.py` of Keras 3.)

use std::collections::BTreeMap;

use super::Place;
use crate::front::error::Problem;
use crate::front::hdf5::Group;

const LAYERS: &str = "layer_names";
const VARIABLES: &str = "weight_names";

/// Variables of the model itself, beside its layers.
const TOP_LEVEL: &str = "top_level_model_weights";

/// The group that has the list of layers: the root in a file of weights, `model_weights` in a file
/// of the whole model.
pub(super) fn base<'a>(root: &Group<'a>) -> Result<Option<Group<'a>>, Problem> {
    if texts(root, LAYERS)?.is_some() {
        return root.group(&[]);
    }
    match root.group(&["model_weights"])? {
        Some(group) if texts(&group, LAYERS)?.is_some() => Ok(Some(group)),
        _ => Ok(None),
    }
}

pub(super) fn places(base: &Group<'_>) -> Result<BTreeMap<String, Place>, Problem> {
    let mut places = BTreeMap::new();
    for layer in texts(base, LAYERS)?.unwrap_or_default() {
        let Some(group) = base.group(&[&layer])? else {
            return Err(Problem::Damaged(format!("layer '{layer}' is listed, but has no group")));
        };
        places.insert(layer.clone(), place(&group, &layer)?);
    }
    if let Some(group) = base.group(&[TOP_LEVEL])? {
        places.insert(TOP_LEVEL.to_owned(), place(&group, TOP_LEVEL)?);
    }
    Ok(places)
}

fn place(group: &Group<'_>, name: &str) -> Result<Place, Problem> {
    let variables = texts(group, VARIABLES)?.unwrap_or_default();
    let datasets = variables.iter().map(|variable| format!("{name}/{variable}")).collect();
    Ok(Place { datasets, layer: None })
}

/// A list of texts; one that is too long for an attribute goes on in `name0`, `name1` and so on.
fn texts(group: &Group<'_>, name: &str) -> Result<Option<Vec<String>>, Problem> {
    if let Some(texts) = group.texts(name)? {
        return Ok(Some(texts));
    }
    let mut all: Option<Vec<String>> = None;
    for part in 0_usize.. {
        match group.texts(&format!("{name}{part}"))? {
            Some(texts) => all.get_or_insert_default().extend(texts),
            None => break,
        }
    }
    Ok(all)
}
