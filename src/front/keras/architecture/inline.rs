//! From models in models to one flat list, with a layer for each call.
//!
//! The layers of a nested model become layers named `outer/inner`. Its inputs and, under its own
//! name, its first result are layers that hand on what they take, so that whoever reads the nested
//! model's result reads a layer of its name. A layer that is called several times becomes as many:
//! the first keeps the name, later ones are `name_1`, `name_2` and so on. So does an operation that
//! gives several tensors, for those of them that are taken: `name`, `name:1`, `name:2`.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::calls::{Arguments, Reference};
use super::container::Container;
use super::entry::{Entry, Role};
use super::{Architecture, Home, Layer};
use crate::front::error::{FrontError, Problem};
use crate::front::layer_problem::LayerProblem;

/// Models in models, each called twice by the next, double the layers with each line of a file.
const MOST_LAYERS: usize = 1 << 16;

pub(super) fn architecture<'a>(
    name: String,
    container: &Container<'a>,
    path: &Path,
) -> Result<Architecture<'a>, FrontError> {
    let mut homes = Homes { list: vec![], names: HashMap::new() };
    let first = homes.of(container, None, "")?;
    let mut inliner = Inliner { path, layers: vec![], names: homes.names };
    let stand = Stand { prefix: "", is_first: true, is_nested: false, steps: 0 };
    let scope = inliner.instance(container, &first, stand)?;
    let inputs = container.inputs.iter().filter_map(|input| scope.input(*input)).collect();
    let outputs = container.outputs.iter().filter_map(|output| scope.resolve(output)).collect();
    let layers = inliner.layers;
    Ok(Architecture { name, layers, inputs, outputs, homes: homes.list })
}

/// Every layer of the file, and its name as its first call has it.
struct Homes<'a> {
    list: Vec<Home<'a>>,
    /// How many further layers have been named after each.
    names: HashMap<String, usize>,
}

/// The homes of a model's layers, and of the layers of those that are models.
struct Addresses(Vec<(usize, Option<Addresses>)>);

impl<'a> Homes<'a> {
    fn of(
        &mut self,
        container: &Container<'a>,
        parent: Option<usize>,
        prefix: &str,
    ) -> Result<Addresses, FrontError> {
        let mut addresses = vec![];
        for entry in &container.entries {
            let full = format!("{prefix}{}", entry.name);
            let within = format!("{full}/");
            if self.names.insert(full, 0).is_some() {
                return Err(entry.owner().wrong(LayerProblem::Duplicate));
            }
            let at = self.list.len();
            let (name, class, role) = (entry.name.clone(), entry.class, entry.role);
            self.list.push(Home { parent, name, class, role, over_steps: entry.over_steps });
            let inner = entry.nested.as_ref();
            let inner = inner.map(|inner| self.of(inner, Some(at), &within)).transpose()?;
            addresses.push((at, inner));
        }
        Ok(Addresses(addresses))
    }
}

/// The flat list while it grows.
struct Inliner<'a, 'p> {
    path: &'p Path,
    layers: Vec<Layer<'a>>,
    names: HashMap<String, usize>,
}

/// One instance of a model: for each layer, for each of its calls, the layers that hold its
/// results.
struct Scope(Vec<Vec<Results>>);

/// Layers, by which of a call's results they hold.
type Results = BTreeMap<u64, usize>;

impl Scope {
    fn resolve(&self, tensor: &Reference<'_>) -> Option<usize> {
        let results = self.0.get(tensor.entry)?.get(usize::try_from(tensor.call).ok()?)?;
        results.get(&tensor.tensor).copied()
    }

    fn input(&self, entry: usize) -> Option<usize> {
        self.0.get(entry)?.first()?.get(&0).copied()
    }
}

/// Where an instance of a model stands.
#[derive(Clone, Copy)]
struct Stand<'s> {
    /// The names of the models around it, each with a `/` behind.
    prefix: &'s str,
    is_first: bool,
    is_nested: bool,
    /// How many of the models around it are run for each step.
    steps: usize,
}

impl<'a> Inliner<'a, '_> {
    /// Adds the layers of a model, in the order of the file. Who feeds the inputs of a nested one
    /// is left open.
    fn instance(
        &mut self,
        container: &Container<'a>,
        addresses: &Addresses,
        stand: Stand<'_>,
    ) -> Result<Scope, FrontError> {
        let mut scope = Scope(Vec::with_capacity(container.entries.len()));
        let taken = container.results_taken();
        // A layer may be read by one that stands before it in the file, so sources come last.
        let mut feeds: Vec<(usize, &[Reference<'_>])> = vec![];
        for ((entry, (home, inner)), taken) in
            container.entries.iter().zip(&addresses.0).zip(&taken)
        {
            let mut results = vec![];
            for ((number, call), taken) in entry.calls.iter().enumerate().zip(taken) {
                let is_first = stand.is_first && number == 0;
                let name = format!("{}{}", stand.prefix, entry.name);
                // The first calls of all have their names already.
                let name = if is_first { name } else { self.free(name) };
                let (Some(nested), Some(inner)) = (&entry.nested, inner) else {
                    let is_border = entry.is_input() && stand.is_nested;
                    let role = if is_border { Role::Border } else { entry.role };
                    let mut of_call = Results::new();
                    for &result in taken {
                        let name = match result {
                            0 => name.clone(),
                            _ => self.free(format!("{name}:{result}")),
                        };
                        let at = self.add(entry, name, role, *home)?;
                        self.layers[at].result = result;
                        self.layers[at].arguments = call.arguments.clone();
                        self.layers[at].steps = stand.steps;
                        feeds.push((at, &call.tensors));
                        of_call.insert(result, at);
                    }
                    results.push(of_call);
                    continue;
                };
                let (expected, found) = (nested.inputs.len(), call.tensors.len());
                if expected != found {
                    return Err(entry.owner().wrong(LayerProblem::Inputs { expected, found }));
                }
                let prefix = format!("{name}/");
                let steps = stand.steps + usize::from(entry.over_steps);
                let inside = Stand { prefix: &prefix, is_first, is_nested: true, steps };
                let inside = self.instance(nested, inner, inside)?;
                for (input, tensor) in nested.inputs.iter().zip(call.tensors.chunks(1)) {
                    feeds.extend(inside.input(*input).map(|input| (input, tensor)));
                }
                let outputs = nested.outputs.iter().map(|output| inside.resolve(output));
                let outputs: Option<Vec<usize>> = outputs.collect();
                let mut outputs = outputs.unwrap_or_default();
                let at = self.add(entry, name, Role::Border, *home)?;
                self.layers[at].sources = outputs.first().copied().into_iter().collect();
                outputs.splice(..1.min(outputs.len()), [at]);
                results.push((0..).zip(outputs).collect());
            }
            scope.0.push(results);
        }
        for (at, tensors) in feeds {
            self.layers[at].sources =
                tensors.iter().filter_map(|tensor| scope.resolve(tensor)).collect();
        }
        Ok(scope)
    }

    /// `wanted`, or one like it that no layer has.
    fn free(&mut self, wanted: String) -> String {
        if !self.names.contains_key(&wanted) {
            self.names.insert(wanted.clone(), 0);
            return wanted;
        }
        let mut number = self.names.get(&wanted).copied().unwrap_or(0);
        let name = loop {
            number += 1;
            let name = format!("{wanted}_{number}");
            if !self.names.contains_key(&name) {
                break name;
            }
        };
        self.names.insert(wanted, number);
        self.names.insert(name.clone(), 0);
        name
    }

    fn add(
        &mut self,
        entry: &Entry<'a>,
        name: String,
        role: Role,
        home: usize,
    ) -> Result<usize, FrontError> {
        if self.layers.len() == MOST_LAYERS {
            let what = format!("the model has more than {MOST_LAYERS} layers");
            let help = "call nested models less often".to_owned();
            return Err(Problem::Model { what, help }.at(self.path));
        }
        self.layers.push(Layer {
            name,
            class: entry.class,
            role,
            attributes: entry.attributes.clone(),
            sources: vec![],
            result: 0,
            arguments: Arguments::default(),
            steps: 0,
            home,
        });
        Ok(self.layers.len() - 1)
    }
}
