//! Weights by the layers' classes: `.keras` archives and `.weights.h5`.
//!
//! The layers of a model lie in a group `layers`. Each has a group named after its class in snake
//! case, with `_1`, `_2` and so on from the second layer of that class, in the order of the model's
//! layers; its variables are the datasets `vars/0`, `vars/1` and so on. The groups' attribute `name`
//! repeats the layer's name since Keras 3.10. (`_save_container_state` in `saving/saving_lib.py`,
//! `to_snake_case` in `utils/naming.py` of Keras 3.)

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Origin, Place};
use crate::front::error::Problem;
use crate::front::hdf5::Group;
use crate::front::keras::architecture::{Home, Role};

/// The group of all layers, and its name in files of Keras 2.12 and 2.13.
const LAYERS: [&str; 2] = ["layers", "_layer_checkpoint_dependencies"];

/// The group of a layer's own variables.
const VARIABLES: &str = "vars";

/// The group of what a TimeDistributed wraps.
const WRAPPED: &str = "layer";

/// The state of a random generator, which acts in training alone.
const SEED: &str = "seed_generator";

/// How deep and how many groups lie below a layer in any file of Keras, and more.
const DEEPEST: usize = 16;
const MOST_GROUPS: usize = 1 << 17;

/// The name of the group of all layers.
pub(super) fn layers(root: &Group<'_>) -> Result<Option<&'static str>, Problem> {
    for name in LAYERS {
        if root.group(&[name])?.is_some() {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// The groups of all layers, those of models in the model included. Operations are no layers to
/// Keras 3, and have no group.
pub(super) fn paths(group: &str, homes: &[Home<'_>]) -> Vec<String> {
    let mut used: HashMap<(Option<usize>, String), usize> = HashMap::new();
    let mut paths: Vec<String> = Vec::with_capacity(homes.len());
    for home in homes {
        // A model comes before its layers.
        let within = match home.parent {
            None => String::new(),
            Some(parent) if homes[parent].over_steps => format!("{}/{WRAPPED}/", paths[parent]),
            Some(parent) => format!("{}/", paths[parent]),
        };
        let name = match home.role {
            Role::Operation => format!("operation {}", home.name),
            _ => snake_case(home.class),
        };
        let earlier = used.entry((home.parent, name.clone())).or_insert(0);
        let suffix = match *earlier {
            0 => String::new(),
            number => format!("_{number}"),
        };
        *earlier += 1;
        paths.push(format!("{within}{group}/{name}{suffix}"));
    }
    paths
}

/// Of the datasets of the layer at `place`, those of the variables `names`, in this order; `None`
/// unless all are there, and no others. `group/name` is a variable of a layer in the layer.
///
/// A variable goes by its number in its group. One that a layer saves by itself goes by its name,
/// and perhaps by its number as well: the `iteration` of QKeras' folded layers.
pub(super) fn in_order<'d>(
    place: &str,
    names: &[&str],
    datasets: &'d [String],
) -> Option<Vec<&'d String>> {
    let mut counted: HashMap<&str, usize> = HashMap::new();
    let mut taken = HashSet::new();
    let mut order = Vec::with_capacity(names.len());
    for name in names {
        let (group, own) = name.rsplit_once('/').unwrap_or(("", name));
        let variables = match group {
            "" => format!("{place}/{VARIABLES}"),
            _ => format!("{place}/{group}/{VARIABLES}"),
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

pub(super) fn places(
    root: &Group<'_>,
    layers: &str,
    origin: Origin,
) -> Result<BTreeMap<String, Place>, Problem> {
    let mut walk = Walk::default();
    let mut places = BTreeMap::new();
    // Variables of the model itself.
    if let Some(group) = root.group(&[VARIABLES])? {
        places.insert(VARIABLES.to_owned(), walk.place(&group, VARIABLES)?);
    }
    // The groups of models whose layers are yet to be listed, by path.
    let mut models = vec![(root.group(&[])?, String::new())];
    while let Some((model, within)) = models.pop() {
        let Some(all) = model.map(|model| model.group(&[layers])).transpose()?.flatten() else {
            continue;
        };
        if !walk.enter(&all, &within, within.matches(layers).count())? {
            continue;
        }
        for name in all.members()?.0 {
            let path = format!("{within}{layers}/{name}");
            let Some(group) = all.group(&[&name])? else { continue };
            if group.group(&[layers])?.is_some() {
                models.push((Some(group), format!("{path}/")));
                continue;
            }
            if let Some(inner) = group.group(&[WRAPPED])?
                && inner.group(&[layers])?.is_some()
            {
                models.push((Some(inner), format!("{path}/{WRAPPED}/")));
                continue;
            }
            let mut place = walk.place(&group, &path)?;
            // Weights that come apart from the model may come from another instance of it, in
            // which names that Keras makes up differ: it does not compare them either.
            if origin == Origin::SameFile
                && let Some(variables) = group.group(&[VARIABLES])?
            {
                place.layer = variables.text("name")?;
            }
            places.insert(path, place);
        }
    }
    Ok(places)
}

/// A walk through groups that ends even where they form a cycle.
#[derive(Default)]
struct Walk {
    seen: HashSet<u64>,
}

impl Walk {
    fn place(&mut self, group: &Group<'_>, path: &str) -> Result<Place, Problem> {
        let mut datasets = vec![];
        self.collect(group, path, 0, &mut datasets)?;
        datasets.sort_by_cached_key(|path| {
            let (group, name) = path.rsplit_once('/').unwrap_or(("", path));
            (group.to_owned(), name.parse::<usize>().ok(), name.to_owned())
        });
        Ok(Place { datasets, layer: None })
    }

    /// Whether the group is met for the first time.
    fn enter(&mut self, group: &Group<'_>, path: &str, depth: usize) -> Result<bool, Problem> {
        if depth > DEEPEST || self.seen.len() > MOST_GROUPS {
            return Err(Problem::Damaged(format!("too many groups below '{path}'")));
        }
        Ok(self.seen.insert(group.address()))
    }

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

/// A class's name in snake case, exactly as Keras' `to_snake_case` makes it.
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
    fn names_are_those_of_keras() {
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
    fn variables_go_by_number_or_name() {
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
        fn home(parent: Option<usize>, class: &str) -> Home<'_> {
            let role = if class == "Add" { Role::Operation } else { Role::Layer };
            let over_steps = class == "TimeDistributed";
            Home { parent, name: class.into(), class, role, over_steps }
        }
        let homes = [
            home(None, "InputLayer"),
            home(None, "Dense"),
            home(None, "Functional"),
            home(Some(2), "InputLayer"),
            home(Some(2), "Dense"),
            home(Some(2), "Dense"),
            home(None, "Add"),
            home(None, "QDense"),
            home(None, "Dense"),
            home(None, "TimeDistributed"),
            home(Some(9), "Dense"),
        ];
        assert_eq!(
            paths("layers", &homes),
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
    }
}
