//! Weights by layer class: `.keras` archives and `.weights.h5` files.
//!
//! The group `layers` of a model holds a group per layer, named after its class in snake case, with
//! `_1`, `_2` and so on from the second layer of the class, in the model's order. The variables are
//! the datasets `vars/0`, `vars/1` and so on. Keras 2.12 and 2.13 count a layer with weights twice, so
//! that the second layer has the number 2 (`_layer_checkpoint_dependencies` in
//! `engine/functional.py`). Since Keras 3.10 the attribute `name` of `vars` repeats
//! the layer's name. (`_save_container_state` in `saving/saving_lib.py`, `to_snake_case` in
//! `utils/naming.py` of Keras 3.)

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Origin, Stored, WRAPPED};
use crate::front::error::Problem;
use crate::front::hdf5::Group;
use crate::front::keras::architecture::{Definition, Role};

/// Group of all layers, and its name in files of Keras 2.12 to 2.14.
const LAYERS: [&str; 2] = ["layers", "_layer_checkpoint_dependencies"];

/// Group of a layer's own variables.
pub(super) const VARIABLES: &str = "vars";

/// State of a random generator, which acts in training only.
const SEED: &str = "seed_generator";

/// Upper bounds on the nesting and on the number of groups; files of Keras need far less.
const MAX_DEPTH: usize = 16;
const MAX_GROUPS: usize = 1 << 17;

/// Returns the name of the group of all layers; `None` for another layout.
pub(super) fn layers(root: &Group<'_>) -> Result<Option<&'static str>, Problem> {
    for name in LAYERS {
        if root.group(&[name])?.is_some() {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// The groups of layers in a file.
pub(super) struct Containers {
    /// Name of the group of all layers.
    layers: &'static str,
    /// Numbers of the groups `name`, `name_1` and so on, by the path of the group of all layers and
    /// `name`.
    numbers: HashMap<(String, String), Vec<usize>>,
}

impl Containers {
    fn insert(&mut self, container: &str, group: &str) {
        let mut insert = |name: &str, number| {
            let key = (container.to_owned(), name.to_owned());
            self.numbers.entry(key).or_default().push(number);
        };
        insert(group, 0);
        if let Some((name, number)) = group.rsplit_once('_')
            && let Ok(number) = number.parse()
        {
            insert(name, number);
        }
    }

    /// Returns the numbers of the groups of the `count` layers of a class.
    ///
    /// If there are as many groups as layers, the groups belong to the layers in the order of their
    /// numbers. Otherwise layers without variables have no group, and the numbers count layers.
    fn of_class(&self, container: &str, name: &str, count: usize) -> Vec<usize> {
        let numbers = self.numbers.get(&(container.to_owned(), name.to_owned()));
        match numbers.filter(|numbers| numbers.len() == count) {
            None => (0..count).collect(),
            Some(numbers) => {
                let mut numbers = numbers.clone();
                numbers.sort_unstable();
                numbers
            }
        }
    }
}

/// Returns the group of each layer, those of nested models included. Keras 3 does not save a group
/// for an operation.
pub(super) fn paths(containers: &Containers, definitions: &[Definition<'_>]) -> Vec<String> {
    let class = |layer: &Definition<'_>| (layer.parent, group_name(layer));
    let mut counts = HashMap::new();
    for layer in definitions {
        *counts.entry(class(layer)).or_insert(0) += 1;
    }
    // Numbers of the groups that are left for the later layers of a class.
    let mut left = HashMap::new();
    let mut paths: Vec<String> = Vec::with_capacity(definitions.len());
    for layer in definitions {
        // A model precedes its layers.
        let within = match layer.parent {
            None => String::new(),
            Some(parent) if definitions[parent].is_time_distributed => {
                format!("{}/{WRAPPED}/", paths[parent])
            }
            Some(parent) => format!("{}/", paths[parent]),
        };
        let container = format!("{within}{}", containers.layers);
        let class = class(layer);
        let name = class.1.clone();
        let count = counts[&class];
        let numbers = left
            .entry(class)
            .or_insert_with(|| containers.of_class(&container, &name, count).into_iter());
        let suffix = match numbers.next() {
            None | Some(0) => String::new(),
            Some(number) => format!("_{number}"),
        };
        paths.push(format!("{container}/{name}{suffix}"));
    }
    paths
}

/// Name of the first group of a layer's class.
fn group_name(layer: &Definition<'_>) -> String {
    match (layer.role, layer.pruned) {
        (Role::Operation, _) => format!("operation {}", layer.name),
        (_, Some(_)) => "prune_low_magnitude".to_owned(),
        _ => snake_case(layer.class),
    }
}

/// Sorts the datasets of the layer in `layer_group` by the variables `names`; `None` unless they
/// correspond one to one. `group/name` is a variable of an inner layer.
///
/// A dataset is named after its index in the group. A variable that a layer saves itself is stored
/// under its name, and possibly under its index too: the `iteration` of QKeras' folded layers.
pub(super) fn in_order<'d>(
    layer_group: &str,
    names: &[&str],
    datasets: &'d [String],
) -> Option<Vec<&'d String>> {
    let mut counted: HashMap<&str, usize> = HashMap::new();
    let mut taken = HashSet::new();
    let mut order = Vec::with_capacity(names.len());
    for name in names {
        let (group, own) = name.rsplit_once('/').unwrap_or(("", name));
        let variables = match group {
            "" => format!("{layer_group}/{VARIABLES}"),
            _ => format!("{layer_group}/{group}/{VARIABLES}"),
        };
        let number = counted.entry(group).or_insert(0);
        let find = |file: String| datasets.iter().find(|dataset| **dataset == file);
        let by_number = find(format!("{variables}/{number}"));
        let by_name = find(format!("{variables}/{own}"));
        *number += usize::from(by_number.is_some());
        order.push(by_number.or(by_name)?);
        taken.extend([by_number, by_name].into_iter().flatten());
    }
    (taken.len() == datasets.len()).then_some(order)
}

/// Lists the variables of each layer, by group.
pub(super) fn read(
    root: &Group<'_>,
    layers: &'static str,
    origin: Origin,
) -> Result<(BTreeMap<String, Stored>, Containers), Problem> {
    let mut walk = Walk::default();
    let mut groups = BTreeMap::new();
    let mut containers = Containers { layers, numbers: HashMap::new() };
    // Variables of the model itself.
    if let Some(group) = root.group(&[VARIABLES])? {
        groups.insert(VARIABLES.to_owned(), walk.stored(&group, VARIABLES)?);
    }
    // Models whose layers are not listed yet, with their paths.
    let mut models = vec![(root.clone(), String::new())];
    while let Some((model, within)) = models.pop() {
        let Some(all) = model.group(&[layers])? else {
            continue;
        };
        if !walk.enter(&all, &within, within.matches(layers).count())? {
            continue;
        }
        for name in all.members()?.0 {
            containers.insert(&format!("{within}{layers}"), &name);
            let path = format!("{within}{layers}/{name}");
            let Some(group) = all.group(&[&name])? else { continue };
            if group.group(&[layers])?.is_some() {
                models.push((group, format!("{path}/")));
                continue;
            }
            if let Some(inner) = group.group(&[WRAPPED])?
                && inner.group(&[layers])?.is_some()
            {
                models.push((inner, format!("{path}/{WRAPPED}/")));
                continue;
            }
            let mut stored = walk.stored(&group, &path)?;
            // Weights in another file may come from another instance of the model, whose generated
            // names differ. Keras does not compare them either.
            if origin == Origin::SameFile
                && let Some(variables) = group.group(&[VARIABLES])?
            {
                stored.layer = variables.text("name")?;
            }
            groups.insert(path, stored);
        }
    }
    Ok((groups, containers))
}

/// A traversal of groups that terminates even if they form a cycle.
#[derive(Default)]
struct Walk {
    seen: HashSet<u64>,
}

impl Walk {
    fn stored(&mut self, group: &Group<'_>, path: &str) -> Result<Stored, Problem> {
        let mut datasets = vec![];
        self.collect(group, path, 0, &mut datasets)?;
        datasets.sort_by_cached_key(|path| {
            let (group, name) = path.rsplit_once('/').unwrap_or(("", path));
            (group.to_owned(), name.parse::<usize>().ok(), name.to_owned())
        });
        Ok(Stored { datasets, ..Stored::default() })
    }

    /// Marks a group as visited; returns false if it was visited before.
    fn enter(&mut self, group: &Group<'_>, path: &str, depth: usize) -> Result<bool, Problem> {
        if depth > MAX_DEPTH || self.seen.len() > MAX_GROUPS {
            return Err(Problem::Damaged(format!("too many groups below '{path}'")));
        }
        Ok(self.seen.insert(group.address()))
    }

    /// Adds the paths of all datasets below a group.
    fn collect(
        &mut self,
        group: &Group<'_>,
        path: &str,
        depth: usize,
        found: &mut Vec<String>,
    ) -> Result<(), Problem> {
        if !self.enter(group, path, depth)? {
            return Ok(());
        }
        let (groups, datasets) = group.members()?;
        found.extend(datasets.iter().map(|name| format!("{path}/{name}")));
        for name in groups.iter().filter(|name| *name != SEED) {
            if let Some(below) = group.group(&[name])? {
                self.collect(&below, &format!("{path}/{name}"), depth + 1, found)?;
            }
        }
        Ok(())
    }
}

/// Returns the group of a layer of `class` in a list, after layers of the classes `before`.
pub(super) fn group_in_list<'c>(class: &str, before: impl Iterator<Item = &'c str>) -> String {
    let name = snake_case(class);
    match before.filter(|other| snake_case(other) == name).count() {
        0 => name,
        number => format!("{name}_{number}"),
    }
}

/// Converts a class name to snake case, as Keras' `to_snake_case`.
fn snake_case(class: &str) -> String {
    let word = |letter: &char| letter.is_alphanumeric() || *letter == '_';
    let letters: Vec<char> = class.chars().filter(word).collect();
    between_words(&between_letters(&letters)).into_iter().flat_map(char::to_lowercase).collect()
}

/// `re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)`
fn between_letters(letters: &[char]) -> Vec<char> {
    let mut result = vec![];
    let mut at = 0;
    while at < letters.len() {
        let lower = letters.iter().skip(at + 2).take_while(|letter| letter.is_ascii_lowercase());
        let lower = lower.count();
        let upper = letters.get(at + 1).is_some_and(char::is_ascii_uppercase);
        result.push(letters[at]);
        at += 1;
        if upper && lower > 0 {
            result.push('_');
            result.extend(&letters[at..=at + lower]);
            at += 1 + lower;
        }
    }
    result
}

/// `re.sub("([a-z])([A-Z])", r"\1_\2", name)`
fn between_words(letters: &[char]) -> Vec<char> {
    let mut result = vec![];
    for (at, &letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| letters[before]);
        if letter.is_ascii_uppercase() && before.is_some_and(|before| before.is_ascii_lowercase()) {
            result.push('_');
        }
        result.push(letter);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn group_names_are_those_of_keras() {
        // The right column is keras.src.utils.naming.to_snake_case(left).
        for (class, name) in [
            ("QDense", "q_dense"),
            ("Dense", "dense"),
            ("ReLU", "re_lu"),
            ("PReLU", "p_re_lu"),
            ("QActivation", "q_activation"),
            ("InputLayer", "input_layer"),
            ("GaussianNoise", "gaussian_noise"),
            ("SpatialDropout1D", "spatial_dropout1d"),
            ("QConv2D", "q_conv2d"),
            ("QConv2DBatchnorm", "q_conv2d_batchnorm"),
            ("QDepthwiseConv2DTranspose", "q_depthwise_conv2d_transpose"),
            ("LSTM", "lstm"),
            ("QLSTM", "qlstm"),
            ("GRUCell", "gru_cell"),
            ("ABcDe", "a_bc_de"),
            ("my_Layer", "my__layer"),
            ("Odd>Name", "odd_name"),
        ] {
            assert_eq!(snake_case(class), name, "{class}");
        }
    }

    #[test]
    fn datasets_are_found_by_index_or_name() {
        let at = |names: &[&str], files: &[&str]| {
            let datasets: Vec<String> = files.iter().map(|file| format!("l/{file}")).collect();
            let found = in_order("l", names, &datasets)?;
            Some(found.iter().map(|dataset| dataset[2..].to_owned()).collect::<Vec<_>>())
        };
        let some = |files: &[&str]| Some(files.iter().map(|f| (*f).to_owned()).collect::<Vec<_>>());
        let two = ["vars/0", "vars/1"];
        assert_eq!(at(&["kernel", "bias"], &two), some(&two));
        assert_eq!(at(&["kernel"], &two), None);
        assert_eq!(at(&["kernel", "bias", "more"], &two), None);
        assert_eq!(at(&["kernel", "bias"], &["vars/0", "vars/2"]), None);
        let names = ["kernel", "norm/gamma", "iteration", "norm/mean"];
        for iteration in [&["vars/1"][..], &["vars/iteration"], &["vars/1", "vars/iteration"]] {
            let files = [&["norm/vars/0", "norm/vars/1", "vars/0"], iteration].concat();
            let expected = ["vars/0", "norm/vars/0", iteration[0], "norm/vars/1"];
            assert_eq!(at(&names, &files), some(&expected));
        }
    }

    #[test]
    fn layers_are_counted_by_class_in_each_model() {
        fn layer(parent: Option<usize>, class: &str) -> Definition<'_> {
            let role = if class == "Add" { Role::Operation } else { Role::Layer };
            let is_time_distributed = class == "TimeDistributed";
            let name = class.into();
            Definition {
                parent,
                name,
                class,
                role,
                is_time_distributed,
                pruned: None,
                position: None,
            }
        }
        let mut definitions = vec![
            layer(None, "InputLayer"),
            layer(None, "Dense"),
            layer(None, "Functional"),
            layer(Some(2), "InputLayer"),
            layer(Some(2), "Dense"),
            layer(Some(2), "Dense"),
            layer(None, "Add"),
            layer(None, "QDense"),
            layer(None, "Dense"),
            layer(None, "TimeDistributed"),
            layer(Some(9), "Dense"),
        ];
        let mut containers = Containers { layers: "layers", numbers: HashMap::new() };
        assert_eq!(
            paths(&containers, &definitions),
            [
                "layers/input_layer",
                "layers/dense",
                "layers/functional",
                "layers/functional/layers/input_layer",
                "layers/functional/layers/dense",
                "layers/functional/layers/dense_1",
                "layers/operation Add",
                "layers/q_dense",
                "layers/dense_1",
                "layers/time_distributed",
                "layers/time_distributed/layer/layers/dense"
            ]
        );
        // A layer that is counted twice.
        for group in ["dense", "dense_2", "dense_10", "q_dense_1"] {
            containers.insert("layers/functional/layers", group);
        }
        containers.insert("layers", "dense");
        containers.insert("layers", "dense_2");
        containers.insert("layers", "q_dense_7");
        definitions.push(layer(Some(2), "Dense"));
        let paths = paths(&containers, &definitions);
        assert_eq!(paths[1], "layers/dense");
        assert_eq!(
            paths[4..6],
            ["layers/functional/layers/dense", "layers/functional/layers/dense_2"]
        );
        assert_eq!(paths[7..9], ["layers/q_dense_7", "layers/dense_2"]);
        assert_eq!(paths[11], "layers/functional/layers/dense_10");
    }
}
