//! Errors of files.

use std::path::{Path, PathBuf};

use miette::Diagnostic;

use super::layer_problem::LayerProblem;

/// An error of a file.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct FrontError {
    /// The file.
    pub path: PathBuf,
    /// The problem.
    pub problem: Box<Problem>,
}

impl Diagnostic for FrontError {
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.problem.help()
    }
}

/// A problem of a file.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum Problem {
    /// The operating system does not read the file.
    #[error("cannot be read: {0}")]
    #[diagnostic(help("name an existing file that you may read"))]
    Unreadable(std::io::Error),
    /// The operating system does not write the file.
    #[error("cannot be written: {0}")]
    #[diagnostic(help("name a file in an existing folder that you may write to"))]
    Unwritable(std::io::Error),
    /// The numbers of a dataset are not in one piece of the file, byte for byte.
    #[error(
        "dataset '{dataset}' is compressed or stored in pieces, so that its numbers cannot be replaced"
    )]
    #[diagnostic(help(
        "load and save the model again with Keras: model.save(\"model.h5\") or model.save(\"model.keras\")"
    ))]
    Scattered {
        /// Path of the dataset.
        dataset: String,
    },
    /// The type of a dataset does not hold float32 numbers.
    #[error(
        "dataset '{dataset}' does not hold float32 numbers, so that its numbers cannot be replaced"
    )]
    #[diagnostic(help(
        "load the model with Keras, convert its weights to float32, and save it again"
    ))]
    Narrow {
        /// Path of the dataset.
        dataset: String,
    },
    /// The weights are in a file of another kind.
    #[error("weights in {found} cannot be replaced")]
    #[diagnostic(help("load the model with Keras and save it as .h5 or .keras"))]
    Fixed {
        /// Description of the content.
        found: String,
    },
    /// No front end recognises the content as a model.
    #[error("not a recognised model file ({found})")]
    #[diagnostic(help("supported: {supported}"))]
    NoModel {
        /// Description of the content.
        found: String,
        /// Supported model files.
        supported: String,
    },
    /// The content is not a file of weights.
    #[error("not a recognised weights file ({found})")]
    #[diagnostic(help("pass weights that Keras saved as .h5, .weights.h5 or .keras"))]
    NoWeights {
        /// Description of the content.
        found: String,
    },
    /// The content is not a file of NumPy.
    #[error("not a recognised array file ({found})")]
    #[diagnostic(help("pass arrays that numpy.savez or numpy.save wrote (.npz, .npy)"))]
    NoArrays {
        /// Description of the content.
        found: String,
    },
    /// The content violates its file format.
    #[error("is damaged: {0}")]
    #[diagnostic(help("save or copy the file again"))]
    Damaged(String),
    /// A part of the file exceeds a limit.
    #[error("{what} is too large")]
    #[diagnostic(help("the file is damaged or malicious"))]
    TooLarge {
        /// The part.
        what: String,
    },
    /// A zip archive lacks an entry.
    #[error("the archive has no entry '{entry}'")]
    #[diagnostic(help(
        "a .keras archive holds config.json and model.weights.h5; save the model again, or pass its weights with --weights"
    ))]
    EntryMissing {
        /// Name of the entry.
        entry: String,
    },
    /// A folder lacks a file of an archive.
    #[error("the folder has no file '{entry}'")]
    #[diagnostic(help(
        "an unpacked .keras archive has config.json and model.weights.h5; pass the weights with --weights, or the archive itself"
    ))]
    FileMissing {
        /// Name of the file.
        entry: String,
    },
    /// A checkpoint where a model is expected.
    #[error("is a TensorFlow checkpoint: weights without an architecture")]
    #[diagnostic(help(
        "pass the model's architecture (open(\"m.json\", \"w\").write(model.to_json())) as the model and this \
         prefix with --weights, or save the whole model: model.load_weights(PREFIX); model.save(\"m.h5\")"
    ))]
    CheckpointAlone,
    /// Weights of Keras 3 in several files.
    #[error("lists weights in several files")]
    #[diagnostic(help(
        "save them in one file, without max_shard_size: model.load_weights(\"m.weights.json\"); \
         model.save_weights(\"m.weights.h5\")"
    ))]
    Sharded,
    /// A SavedModel without Keras' layers.
    #[error("is a SavedModel without Keras' layers: it has no keras_metadata.pb")]
    #[diagnostic(help(
        "save the model that was exported: model.save(\"model.keras\"), or tf.keras.models.load_model(FOLDER).save(\"model.h5\") with TensorFlow 2.5 to 2.15"
    ))]
    NoKerasMetadata,
    /// An architecture without weights.
    #[error("holds an architecture without weights")]
    #[diagnostic(help("pass the file that model.save_weights wrote with --weights FILE"))]
    WeightsNeeded,
    /// Weights without an architecture.
    #[error("holds weights without an architecture")]
    #[diagnostic(help(
        "pass the model's architecture (model.to_json()) as the model and this file with --weights"
    ))]
    WeightsAlone,
    /// An HDF5 file without the groups in which Keras stores weights.
    #[error("holds no Keras weights; its root holds {found}")]
    #[diagnostic(help(
        "Keras 2 writes an attribute 'layer_names' at the root or in a group 'model_weights'; Keras 3 writes a group 'layers'"
    ))]
    NoWeightGroups {
        /// Members of the root group.
        found: String,
    },
    /// A text is not valid JSON.
    #[error("{what} is not valid JSON: {error}")]
    #[diagnostic(help("save the model again"))]
    Json {
        /// The part of the file.
        what: String,
        /// Message of the parser.
        error: String,
    },
    /// A problem of the model's configuration, outside of its layers.
    #[error("{what}")]
    #[diagnostic(help("{help}"))]
    Model {
        /// The problem.
        what: String,
        /// The remedy.
        help: String,
    },
    /// A problem of a layer.
    #[error("layer '{layer}' ({class}): {problem}")]
    #[diagnostic(forward(problem))]
    Layer {
        /// Name of the layer.
        layer: String,
        /// Class of the layer.
        class: String,
        /// The problem.
        problem: Box<LayerProblem>,
    },
    /// Weights that match no layer of the model.
    #[error("holds weights that match no layer of the model: {group}")]
    #[diagnostic(help("pass the weights of this model"))]
    Surplus {
        /// Group of the weights in the file.
        group: String,
    },
    /// A problem of an entry of an archive.
    #[error("entry '{entry}': {problem}")]
    #[diagnostic(forward(problem))]
    Entry {
        /// Name of the entry.
        entry: String,
        /// The problem.
        problem: Box<Problem>,
    },
    /// Numbers of an unsupported element type.
    #[error("unsupported element type {name}")]
    #[diagnostic(help(
        "convert the numbers to float16, float32, float64, an integer type or bool"
    ))]
    ElementType {
        /// The type.
        name: String,
    },
}

impl Problem {
    /// Locates the problem in an entry of the file.
    pub(super) fn inside(self, entry: &str) -> Self {
        Self::Entry { entry: entry.to_owned(), problem: Box::new(self) }
    }

    /// Locates the problem in a file.
    pub(super) fn at(self, path: &Path) -> FrontError {
        FrontError { path: path.to_owned(), problem: Box::new(self) }
    }
}

/// A result whose error has no file yet.
pub(super) trait Located<T> {
    /// Locates the error in a file.
    fn located(self, path: &Path) -> Result<T, FrontError>;
}

impl<T> Located<T> for Result<T, Problem> {
    fn located(self, path: &Path) -> Result<T, FrontError> {
        self.map_err(|problem| problem.at(path))
    }
}
