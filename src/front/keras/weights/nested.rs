//! The variables of a model in a model, where weights go by names.
//!
//! The nested model's group lists the variables of all its layers, those that are trained before
//! those that are not, so that their order says little. Their names say more: `dense/kernel:0` in
//! Keras 2, `inner/dense/kernel` in Keras 3, with the names of wrappers and cells between.

use std::collections::BTreeMap;

use super::Place;
use crate::front::keras::architecture::Home;

/// The place of each layer: the names of the models around it and its own, `outer/inner`. The
/// variables of nested models are moved to the places of their layers.
pub(super) fn places(places: &mut BTreeMap<String, Place>, homes: &[Home<'_>]) -> Vec<String> {
    let mut of_homes: Vec<String> = Vec::with_capacity(homes.len());
    // The outermost model's layer that each is or stands in.
    let mut outermost: Vec<usize> = Vec::with_capacity(homes.len());
    let mut is_model = vec![false; homes.len()];
    for (at, home) in homes.iter().enumerate() {
        // A model comes before its layers.
        of_homes.push(match home.parent {
            None => home.name.to_string(),
            Some(parent) => format!("{}/{}", of_homes[parent], home.name),
        });
        outermost.push(home.parent.map_or(at, |parent| outermost[parent]));
        if let Some(parent) = home.parent {
            is_model[parent] = true;
        }
    }
    for model in (0..homes.len()).filter(|&at| is_model[at] && homes[at].parent.is_none()) {
        let Some(all) = places.remove(&of_homes[model]) else { continue };
        let within = format!("{}/", of_homes[model]);
        let inner: Vec<usize> =
            (0..homes.len()).filter(|&at| outermost[at] == model && !is_model[at]).collect();
        for dataset in all.datasets {
            let name = dataset.strip_prefix(&within).unwrap_or(&dataset);
            let fit = |&at: &usize| {
                let path = of_homes[at].strip_prefix(&within).unwrap_or_default();
                Fit::of(path, name).map(|fit| (fit, std::cmp::Reverse(at)))
            };
            let best = inner.iter().filter_map(fit).max();
            let place = best.map_or(&of_homes[model], |(_, at)| &of_homes[at.0]);
            places.entry(place.clone()).or_default().datasets.push(dataset);
        }
    }
    of_homes
}

/// How well a variable's name fits a layer: the better, the more.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Fit {
    /// How many names of the layer's path, its own and those before, stand in the variable's.
    names: usize,
    /// How far to the front they stand: a wrapper's name comes before that of what it wraps.
    at: std::cmp::Reverse<usize>,
}

impl Fit {
    /// The fit of the variable `name` to the layer at `path`; `None` where it has not the name.
    fn of(path: &str, name: &str) -> Option<Self> {
        let parts: Vec<&str> = name.split('/').collect();
        let parts = parts.split_last()?.1;
        let path: Vec<&str> = path.split('/').collect();
        (0..path.len()).find_map(|skipped| {
            let wanted = &path[skipped..];
            let at = parts.windows(wanted.len()).position(|found| found == wanted)?;
            Some(Self { names: wanted.len(), at: std::cmp::Reverse(at) })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::front::keras::architecture::Role;

    fn found(names: &[&str], homes: &[(Option<usize>, &str)]) -> Vec<(String, Vec<String>)> {
        let homes: Vec<Home<'_>> = homes
            .iter()
            .map(|(parent, name)| Home {
                parent: *parent,
                name: (*name).into(),
                class: "Any",
                role: Role::Layer,
                over_steps: false,
            })
            .collect();
        let datasets = names.iter().map(|name| format!("m/{name}")).collect();
        let mut all = BTreeMap::from([("m".to_owned(), Place { datasets, layer: None })]);
        places(&mut all, &homes);
        all.into_iter().map(|(name, place)| (name, place.datasets)).collect()
    }

    #[test]
    fn variables_go_to_the_layers_of_their_names() {
        let homes = [
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
        assert_eq!(found(&names, &homes), expected);
    }
}
