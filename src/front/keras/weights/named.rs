//! Weights by layer name: files of Keras 2, and `.h5` files of Keras 3.
//!
//! An attribute `layer_names` lists the layers. The group of a layer has its name; the attribute
//! `weight_names` of the group lists the variables in order, each as the path of a dataset below. A
//! name that contains `/` is a path of groups. (`save_weights_to_hdf5_group` in
//! `saving/legacy/hdf5_format.py` of Keras 2, `legacy_h5_format.py` of Keras 3.)
//!
//! The group of a nested model lists the variables of all its layers, trainable ones first, so that
//! their order does not identify a layer. Their names do: `dense/kernel:0` in Keras 2,
//! `inner/dense/kernel` in Keras 3, with the names of wrappers and cells in between.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::Stored;
use crate::front::error::Problem;
use crate::front::hdf5::Group;
use crate::front::keras::architecture::Definition;

const LAYERS: &str = "layer_names";
const VARIABLES: &str = "weight_names";

/// Group of the model's own variables.
const TOP_LEVEL: &str = "top_level_model_weights";

/// Returns the group that lists the layers: the root of a weights file, `model_weights` in a file of
/// a complete model. Returns `None` for another layout.
pub(super) fn base<'a>(root: &Group<'a>) -> Result<Option<Group<'a>>, Problem> {
    if texts(root, LAYERS)?.is_some() {
        return root.group(&[]);
    }
    match root.group(&["model_weights"])? {
        Some(group) if texts(&group, LAYERS)?.is_some() => Ok(Some(group)),
        _ => Ok(None),
    }
}

/// Lists the variables of each layer, by name.
pub(super) fn read(base: &Group<'_>) -> Result<BTreeMap<String, Stored>, Problem> {
    let mut groups = BTreeMap::new();
    let layers = texts(base, LAYERS)?.expect("`base` is the group that lists the layers");
    for layer in layers {
        let Some(group) = base.group(&[&layer])? else {
            return Err(Problem::Damaged(format!(
                "layer '{layer}' is listed, but its group is missing"
            )));
        };
        groups.insert(layer.clone(), stored(&group, &layer)?);
    }
    if let Some(group) = base.group(&[TOP_LEVEL])? {
        groups.insert(TOP_LEVEL.to_owned(), stored(&group, TOP_LEVEL)?);
    }
    Ok(groups)
}

fn stored(group: &Group<'_>, name: &str) -> Result<Stored, Problem> {
    let variables = texts(group, VARIABLES)?.unwrap_or_default();
    let datasets = variables.iter().map(|variable| format!("{name}/{variable}")).collect();
    Ok(Stored { datasets, ..Stored::default() })
}

/// Reads a list of strings. Keras splits one that is too long for an attribute into `name0`, `name1`...
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

/// Returns the group of each layer, `outer/inner`, and distributes the variables of nested models to
/// the groups of their layers.
pub(super) fn assign(
    groups: &mut BTreeMap<String, Stored>,
    definitions: &[Definition<'_>],
) -> Vec<String> {
    let count = definitions.len();
    let mut paths: Vec<String> = Vec::with_capacity(count);
    // The layer of the outermost model that is or contains each layer.
    let mut outermost: Vec<usize> = Vec::with_capacity(count);
    let mut is_model = vec![false; count];
    for (at, layer) in definitions.iter().enumerate() {
        // A model precedes its layers.
        paths.push(match layer.parent {
            None => layer.name.to_string(),
            Some(parent) => format!("{}/{}", paths[parent], layer.name),
        });
        outermost.push(layer.parent.map_or(at, |parent| outermost[parent]));
        if let Some(parent) = layer.parent {
            is_model[parent] = true;
        }
    }
    for model in (0..count).filter(|&at| is_model[at] && definitions[at].parent.is_none()) {
        let Some(all) = groups.remove(&paths[model]) else { continue };
        let prefix = format!("{}/", paths[model]);
        let inner: Vec<usize> =
            (0..count).filter(|&at| outermost[at] == model && !is_model[at]).collect();
        for dataset in all.datasets {
            let name = dataset.strip_prefix(&prefix).unwrap_or(&dataset);
            let matched = |&at: &usize| {
                let path = paths[at]
                    .strip_prefix(&prefix)
                    .expect("a layer's path starts with the model's");
                // The variables of a pruned layer have its name or the wrapper's.
                let pruned = definitions[at].pruned.map(|inner| match path.rsplit_once('/') {
                    Some((outer, _)) => format!("{outer}/{inner}"),
                    None => inner.to_owned(),
                });
                let pruned = pruned.and_then(|path| Match::of(&path, name));
                Match::of(path, name).max(pruned).map(|matched| (matched, Reverse(at)))
            };
            let best = inner.iter().filter_map(matched).max();
            let group = best.map_or(&paths[model], |(_, at)| &paths[at.0]);
            groups.entry(group.clone()).or_default().datasets.push(dataset);
        }
    }
    paths
}

/// Quality of the match between a variable's name and a layer; greater is better.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Match {
    /// Number of trailing names of the layer's path that the variable's name contains.
    names: usize,
    /// Their position in the variable's name. A wrapper's name precedes that of the wrapped layer.
    position: Reverse<usize>,
}

impl Match {
    /// Matches the variable `name` with the layer at `path`; `None` if it lacks the layer's name.
    fn of(path: &str, name: &str) -> Option<Self> {
        let parts: Vec<&str> = name.split('/').collect();
        let parts = parts.split_last()?.1;
        let path: Vec<&str> = path.split('/').collect();
        (0..path.len()).find_map(|skipped| {
            let wanted = &path[skipped..];
            let position = parts.windows(wanted.len()).position(|found| found == wanted)?;
            Some(Self { names: wanted.len(), position: Reverse(position) })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::front::keras::architecture::Role;

    fn assigned(names: &[&str], layers: &[(Option<usize>, &str)]) -> Vec<(String, Vec<String>)> {
        let definitions: Vec<Definition<'_>> = layers
            .iter()
            .map(|(parent, name)| Definition {
                parent: *parent,
                name: (*name).into(),
                class: "Any",
                role: Role::Layer,
                is_time_distributed: false,
                pruned: None,
                position: None,
            })
            .collect();
        let datasets = names.iter().map(|name| format!("m/{name}")).collect();
        let mut all = BTreeMap::from([("m".to_owned(), Stored { datasets, ..Stored::default() })]);
        assign(&mut all, &definitions);
        all.into_iter().map(|(name, stored)| (name, stored.datasets)).collect()
    }

    #[test]
    fn variables_are_assigned_by_name() {
        let layers = [
            (None, "m"),
            (Some(0), "a"),
            (Some(0), "bn"),
            (Some(0), "sub"),
            (Some(3), "b"),
            (Some(3), "a"),
            (Some(0), "td"),
        ];
        let names = [
            "a/kernel:0",
            "bn/gamma:0",
            "m/sub/b/kernel",
            "sub/a/kernel",
            "td/a/kernel",
            "bn/moving_mean:0",
            "kernel:0",
        ];
        let expected = [
            ("m", vec!["m/kernel:0"]),
            ("m/a", vec!["m/a/kernel:0"]),
            ("m/bn", vec!["m/bn/gamma:0", "m/bn/moving_mean:0"]),
            ("m/sub/a", vec!["m/sub/a/kernel"]),
            ("m/sub/b", vec!["m/m/sub/b/kernel"]),
            ("m/td", vec!["m/td/a/kernel"]),
        ];
        let expected: Vec<(String, Vec<String>)> = expected
            .into_iter()
            .map(|(name, all)| (name.into(), all.into_iter().map(String::from).collect()))
            .collect();
        assert_eq!(assigned(&names, &layers), expected);
    }
}
