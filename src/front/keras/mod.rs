//! Models saved by Keras 2, Keras 3 and QKeras.
//!
//! The configuration of a model is JSON of one form in every kind of file. [`architecture`] turns it
//! into a flat list of layers and their connections; [`layers`] and [`operations`] read one layer
//! each; [`attributes`] guarantees that no attribute is ignored. [`weights`] finds the variables of a
//! layer by their path in the file.

mod architecture;
mod attributes;
mod batch_axis;
mod layers;
mod notes;
mod operations;
mod quantizers;
mod saved_model;
mod weights;

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use petgraph::graph::{DiGraph, NodeIndex};
use serde_json::Value;

use super::content::{Archive, Content};
use super::error::{FrontError, Located, Problem};
use super::hdf5::Hdf5;
use super::input_shape::InputShape;
use super::layer_problem::LayerProblem;
use super::{Frontend, ModelFile, ReadOptions, unrecognised};
use crate::model::{self, LayerKind, Model};
use architecture::{Architecture, Role};
use attributes::Attributes;
use batch_axis::BatchAxis;
use layers::{Built, LayerReader};
use quantizers::{Generation, Namespace};
use weights::{Origin, Store, Weights};

pub use quantizers::ActivationError;

/// Entries of a `.keras` archive.
const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.weights.h5";
const METADATA: &str = "metadata.json";

/// Upper bound on the length of a configuration; ten thousand layers take less.
const MAX_CONFIG_BYTES: usize = 32 << 20;

/// The front end for files of Keras and QKeras: HDF5, `.keras` archives, and JSON.
pub struct Keras;

impl Frontend for Keras {
    fn formats(&self) -> &'static str {
        "models of Keras and QKeras (.h5, .keras or its folder, the text of model.to_json(), or a SavedModel folder of Keras 2)"
    }

    fn recognises(&self, content: &Content) -> bool {
        match content {
            Content::Hdf5(_) | Content::Zip(_) | Content::Json(_) => true,
            Content::Folder(folder) => saved_model::is_saved_model(folder) || is_unpacked(folder),
            Content::Checkpoint(_) => true,
            Content::Npy(_) | Content::Other(_) => false,
        }
    }

    fn read(&self, file: ModelFile<'_>, options: &ReadOptions) -> Result<Model, FrontError> {
        let ModelFile { path, content, weights } = file;
        let mut file = File::open(path, content, unrecognised)?;
        let config = file.config(path)?;
        let version = file.keras_version(&config).located(path)?;
        let namespace = Namespace {
            keras: Generation::of(version.as_deref()),
            qkeras_first: false,
            sigmoid: options.sigmoid,
        };
        let architecture = Architecture::read(&config, path)?;
        let shapes = given_shapes(&architecture, &options.input_shapes).located(path)?;
        let (weights_path, origin, file) = match weights {
            None => (path, Origin::SameFile, file),
            Some(weights) => {
                let content = Content::read(weights)?;
                if let Content::Json(text) = &content {
                    let found = content.description();
                    let problem = if is_sharded(text) {
                        Problem::Sharded
                    } else {
                        Problem::NoWeights { found }
                    };
                    return Err(problem.at(weights));
                }
                let file = File::open(weights, content, |found| Problem::NoWeights { found })?;
                (weights, Origin::OtherFile, file)
            }
        };
        let file = file.weights(weights_path)?;
        let store = Store::open(&file, weights_path, origin)?;
        assemble(&architecture, path, store, namespace, &shapes)
    }
}

/// A file of Keras, by container.
enum File {
    /// Weights, and in a complete model the configuration.
    Hdf5(Hdf5),
    Archive(Archive),
    Json(Vec<u8>),
    SavedModel(PathBuf),
    Checkpoint(PathBuf),
}

impl File {
    fn open(
        path: &Path,
        content: Content,
        problem: fn(String) -> Problem,
    ) -> Result<Self, FrontError> {
        match content {
            Content::Hdf5(bytes) => Hdf5::open(bytes).map(Self::Hdf5).located(path),
            Content::Zip(bytes) => Archive::open(bytes).map(Self::Archive).located(path),
            Content::Json(bytes) => Ok(Self::Json(bytes)),
            Content::Folder(folder) if saved_model::is_saved_model(&folder) => {
                Ok(Self::SavedModel(folder))
            }
            Content::Folder(folder) if is_unpacked(&folder) => {
                Ok(Self::Archive(Archive::unpacked(folder)))
            }
            Content::Checkpoint(prefix) => Ok(Self::Checkpoint(prefix)),
            Content::Npy(_) | Content::Folder(_) | Content::Other(_) => {
                Err(problem(content.description()).at(path))
            }
        }
    }

    fn config(&mut self, path: &Path) -> Result<Value, FrontError> {
        match self {
            Self::Hdf5(file) => {
                let text = file.root().and_then(|root| root.text("model_config")).located(path)?;
                let text = text.ok_or_else(|| Problem::WeightsAlone.at(path))?;
                json("model_config", text.as_bytes()).located(path)
            }
            Self::Archive(archive) => {
                archive.entry(CONFIG).and_then(|text| json(CONFIG, &text)).located(path)
            }
            Self::Json(text) if is_sharded(text) => Err(Problem::Sharded.at(path)),
            Self::Json(text) => json("the text", text).located(path),
            Self::SavedModel(folder) => saved_model::metadata(folder),
            Self::Checkpoint(_) => Err(Problem::CheckpointAlone.at(path)),
        }
    }

    /// Returns the version of Keras that wrote the file; `None` if the file does not state it.
    fn keras_version(&mut self, config: &Value) -> Result<Option<String>, Problem> {
        const KEY: &str = "keras_version";
        let stated = |value: &Value| value.get(KEY).and_then(Value::as_str).map(str::to_owned);
        Ok(match self {
            Self::Hdf5(file) => file.root()?.text(KEY)?,
            Self::Archive(archive) => match archive.entry(METADATA) {
                Ok(text) => stated(&json(METADATA, &text)?),
                Err(Problem::EntryMissing { .. } | Problem::FileMissing { .. }) => None,
                Err(problem) => return Err(problem),
            },
            Self::Json(_) | Self::SavedModel(_) | Self::Checkpoint(_) => stated(config),
        })
    }

    fn weights(self, path: &Path) -> Result<Weights, FrontError> {
        match self {
            Self::Hdf5(file) => Ok(Weights::Hdf5(file)),
            Self::Archive(mut archive) => {
                let file = archive.entry(WEIGHTS).and_then(Hdf5::open).located(path)?;
                Ok(Weights::Hdf5(file))
            }
            Self::Json(_) => Ok(Weights::Absent),
            Self::SavedModel(folder) => saved_model::variables(&folder).map(Weights::SavedModel),
            Self::Checkpoint(prefix) => saved_model::checkpoint(&prefix).map(Weights::SavedModel),
        }
    }
}

/// Returns true for a folder with the files of a `.keras` archive.
fn is_unpacked(folder: &Path) -> bool {
    folder.join(CONFIG).is_file()
}

/// Returns true for the text of `model.save_weights("m.weights.json")`, which lists the files of the
/// weights.
fn is_sharded(text: &[u8]) -> bool {
    json("the text", text).is_ok_and(|value| value.get("weight_map").is_some())
}

/// Parses a configuration. The parser itself limits nesting to 128 levels.
fn json(what: &str, text: &[u8]) -> Result<Value, Problem> {
    if text.len() > MAX_CONFIG_BYTES {
        return Err(Problem::TooLarge { what: what.to_owned() });
    }
    serde_json::from_slice(text)
        .map_err(|error| Problem::Json { what: what.to_owned(), error: error.to_string() })
}

/// Returns the shapes that the user states, by the index of the input layer.
fn given_shapes<'s>(
    architecture: &Architecture<'_>,
    shapes: &'s [InputShape],
) -> Result<HashMap<usize, &'s [usize]>, Problem> {
    let name = |at: usize| architecture.layers[at].name.as_str();
    let mut given = HashMap::new();
    for InputShape { input, shape } in shapes {
        let named = |at: &usize| input.as_ref().is_none_or(|input| input == name(*at));
        let inputs = architecture.inputs.iter().copied().filter(named);
        given.extend(inputs.map(|at| (at, shape.as_slice())));
        if let Some(input) = input
            && !architecture.inputs.iter().any(|&at| name(at) == input)
        {
            let all = architecture.inputs.iter().map(|&at| name(at));
            let help = format!("inputs: {}", weights::list(all, "none"));
            let what = format!("has no input '{input}', whose shape is stated");
            return Err(Problem::Model { what, help });
        }
    }
    Ok(given)
}

/// Builds the model: reads every layer after its producers, and its weights with it.
fn assemble(
    architecture: &Architecture<'_>,
    path: &Path,
    mut store: Store<'_>,
    namespace: Namespace,
    given_shapes: &HashMap<usize, &[usize]>,
) -> Result<Model, FrontError> {
    let groups = store.assign_groups(&architecture.definitions)?;
    let store = &store;
    let layers = &architecture.layers;
    // An unsupported class comes before any problem of shapes or weights.
    for layer in layers.iter().filter(|layer| layer.role == Role::Layer) {
        layers::check_class(layer.owner(path))?;
    }
    notes::check_calls(architecture, path)?;
    let mut connections = DiGraph::new();
    for _ in layers {
        connections.add_node(());
    }
    for (at, layer) in layers.iter().enumerate() {
        for (position, &source) in layer.sources.iter().enumerate() {
            connections.add_edge(NodeIndex::new(source), NodeIndex::new(at), position);
        }
    }
    let mask_users = layers::mask_users(layers, &connections, path)?;
    let order = petgraph::algo::toposort(&connections, None);
    let order = order.map_err(|cycle| {
        let mut components = petgraph::algo::kosaraju_scc(&connections).into_iter();
        let nodes = components.find(|nodes| nodes.contains(&cycle.node_id()));
        let first = nodes.into_iter().flatten().min().expect("a node lies in its own component");
        layers[first.index()].owner(path).wrong(LayerProblem::Cycle)
    })?;

    let batch_of_input = |at: usize| BatchAxis::of_input(layers, &connections, at);
    let is_single =
        architecture.inputs.iter().all(|&at| layers[at].has_batch_of_one(batch_of_input(at)));
    let mut built: Vec<Option<Built>> = layers.iter().map(|_| None).collect();
    let mut batch_axes = vec![BatchAxis::First; layers.len()];
    let mut pruned = BTreeMap::new();
    for at in order.into_iter().map(NodeIndex::index) {
        let layer = &layers[at];
        let owner = layer.owner(path);
        let shape = |&source: &usize| {
            let source = built[source].as_ref().expect("producers come first in topological order");
            source.shape.clone()
        };
        let definition = &architecture.definitions[layer.definition];
        let group = &groups[layer.definition];
        let sparsity = Cell::default();
        let moved_batch = Cell::default();
        let sources: Vec<_> = layer.sources.iter().map(|source| batch_axes[*source]).collect();
        let batch_axis = match layer.sources.is_empty() {
            true => batch_of_input(at),
            false => BatchAxis::of_operands(layer, &sources, path)?,
        };
        let reader = LayerReader {
            owner,
            attributes: Attributes::new(owner, &layer.attributes, namespace.of_class(layer.class)),
            inputs: layer.sources.iter().map(shape).collect(),
            given_shape: given_shapes.get(&at).copied(),
            result: layer.result,
            arguments: &layer.arguments,
            weights: store.layer(owner, definition, group, &sparsity),
            mask_user: mask_users.get(&at).map(|user| layers[*user].name.as_str()),
            is_single,
            batch_axis,
            moved_batch: &moved_batch,
        };
        let read = match layer.role {
            Role::Layer => layers::over_time(reader, layer.time_axes, layers::build)?,
            Role::Operation => layers::over_time(reader, layer.time_axes, operations::build)?,
            Role::Passthrough => reader.same_shape(LayerKind::Identity)?,
        };
        batch_axes[at] = match moved_batch.get() {
            Some(axis) => axis,
            None => batch_axis.of_result(layer, &read.kind, path)?,
        };
        built[at] = Some(read);
        pruned.entry(layer.definition).or_insert((layer.name.as_str(), sparsity.get()));
    }
    store.check_surplus(&groups)?;

    let layer = |node: NodeIndex, _: &()| {
        let (layer, built) = (&layers[node.index()], built[node.index()].take());
        let kind = built.expect("a topological order holds every layer").kind;
        let (name, class) = (layer.name.clone(), layer.class.to_owned());
        model::Layer { name, class, kind, origin: layer.origin.clone() }
    };
    let graph = connections.map(layer, |_, position| *position);
    Ok(Model {
        name: architecture.name.clone(),
        graph,
        inputs: architecture.inputs.iter().copied().map(NodeIndex::new).collect(),
        outputs: architecture.outputs.iter().copied().map(NodeIndex::new).collect(),
        notes: notes::pruning(pruned.into_values()).into_iter().collect(),
    })
}
