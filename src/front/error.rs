//! What can be wrong with a file.

use std::path::{Path, PathBuf};

use miette::Diagnostic;

use super::layer_problem::LayerProblem;

/// A file that gives no model or no arrays, and why.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct FrontError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: Box<Problem>,
}

impl Diagnostic for FrontError {
    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.problem.help()
    }
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum Problem {
    /// The operating system refuses.
    #[error("cannot be read: {0}")]
    #[diagnostic(help("name an existing file that you may read"))]
    Unreadable(std::io::Error),
    /// The operating system refuses.
    #[error("cannot be written: {0}")]
    #[diagnostic(help("name a file in an existing folder that you may write to"))]
    Unwritable(std::io::Error),
    /// The content is of no known format.
    #[error("is {found}, and no model file")]
    #[diagnostic(help(
        "a model is what Keras saves as .h5 or .keras, or what model.to_json() returns"
    ))]
    NoModel {
        /// What it is.
        found: String,
    },
    /// The content is of no known format.
    #[error("is {found}, and holds no weights")]
    #[diagnostic(help("weights are what Keras saves as .h5, .weights.h5 or .keras"))]
    NoWeights {
        /// What it is.
        found: String,
    },
    /// The content is of no known format.
    #[error("is {found}, and holds no arrays")]
    #[diagnostic(help("arrays are what numpy.savez and numpy.save write (.npz, .npy)"))]
    NoArrays {
        /// What it is.
        found: String,
    },
    /// The content breaks its format's rules.
    #[error("is damaged: {0}")]
    #[diagnostic(help("save or copy the file again"))]
    Damaged(String),
    /// More than Bitkiln is willing to hold.
    #[error("{what} is too large")]
    #[diagnostic(help("the file is damaged, or made to exhaust memory"))]
    TooLarge {
        /// The part that is.
        what: String,
    },
    /// A part of a zip archive is not there.
    #[error("the archive has no entry '{entry}'")]
    #[diagnostic(help(
        "a .keras archive holds config.json and model.weights.h5; save the model again, or pass its weights with --weights"
    ))]
    EntryMissing {
        /// Its name.
        entry: String,
    },
    /// JSON alone.
    #[error("holds an architecture without weights")]
    #[diagnostic(help("pass the file that model.save_weights wrote with --weights FILE"))]
    WeightsNeeded,
    /// Weights alone.
    #[error("holds weights without an architecture")]
    #[diagnostic(help(
        "pass the model's architecture (model.to_json()) as the model and this file with --weights"
    ))]
    WeightsAlone,
    /// An HDF5 file in which nothing lies where Keras puts weights.
    #[error("holds no weights of Keras: {found}")]
    #[diagnostic(help(
        "Keras 2 writes an attribute 'layer_names', at the root or in a group 'model_weights'; Keras 3 a group 'layers'"
    ))]
    NoWeightGroups {
        /// What lies at the root.
        found: String,
    },
    /// The text is no JSON.
    #[error("{what} is not valid JSON: {error}")]
    #[diagnostic(help("save the model again"))]
    Json {
        /// The part that should be.
        what: String,
        /// What the parser says.
        error: String,
    },
    /// The model's own configuration, outside of any layer.
    #[error("{what}")]
    #[diagnostic(help("{help}"))]
    Model {
        /// What is wrong.
        what: String,
        /// What to do.
        help: String,
    },
    /// One of the model's layers.
    #[error("layer '{layer}' ({class}): {problem}")]
    #[diagnostic(forward(problem))]
    Layer {
        /// The layer's name.
        layer: String,
        /// Its class.
        class: String,
        /// What is wrong with it.
        problem: Box<LayerProblem>,
    },
    /// Weights that no layer of the model has.
    #[error("holds weights that no layer of the model has: {place}")]
    #[diagnostic(help("the weights belong to another model; pass those of this one"))]
    Surplus {
        /// Where they lie.
        place: String,
    },
    /// A part of a file.
    #[error("entry '{entry}' {problem}")]
    #[diagnostic(forward(problem))]
    Entry {
        /// Its name.
        entry: String,
        /// What is wrong with it.
        problem: Box<Problem>,
    },
    /// Numbers in a type that is not read.
    #[error("holds numbers of type {name}")]
    #[diagnostic(help(
        "float16, float32, float64, integers and bools are read: convert the numbers"
    ))]
    ElementType {
        /// The type.
        name: String,
    },
}

impl Problem {
    /// The problem with a part of the file.
    pub(super) fn inside(self, entry: &str) -> Self {
        Self::Entry { entry: entry.to_owned(), problem: Box::new(self) }
    }

    /// The problem with the file that has it.
    pub(super) fn at(self, path: &Path) -> FrontError {
        FrontError { path: path.to_owned(), problem: Box::new(self) }
    }
}

/// A result that does not say yet in which file.
pub(super) trait Located<T> {
    /// Says it.
    fn located(self, path: &Path) -> Result<T, FrontError>;
}

impl<T> Located<T> for Result<T, Problem> {
    fn located(self, path: &Path) -> Result<T, FrontError> {
        self.map_err(|problem| problem.at(path))
    }
}
