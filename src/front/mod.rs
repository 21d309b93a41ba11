//! Model files and array files; no other module knows a file format.
//!
//! [`load`] reads a model through the first [`Frontend`] that recognises the file; [`read_arrays`]
//! and [`write_npz`], [`write_npy`] read samples and write results. The content of a file decides on its format,
//! never its name.
//!
//! Files may be damaged or hostile. Every size that a file states is checked against the bytes that
//! the file can hold before memory is allocated, and every fault is a [`FrontError`].

mod arrays;
mod content;
mod element;
mod error;
mod hdf5;
mod input_shape;
mod keras;
mod layer_problem;
mod rows;

use std::path::Path;

pub use arrays::{Arrays, read_arrays, write_json, write_npy, write_npz};
pub use content::{Content, is_guarded, model_bytes};
use error::Located;
pub use error::{FrontError, Problem};
pub use input_shape::{InputShape, InputShapeError};
pub use keras::{ActivationError, Keras};
pub use layer_problem::LayerProblem;
pub use rows::{ArrayWriter, Rows};

use crate::function::Sigmoid;
use crate::model::Model;

/// A reader of one model format.
pub trait Frontend: Sync {
    /// Describes the supported files for a message: `Keras (.h5, .keras, ...)`.
    fn formats(&self) -> &'static str;

    /// Returns true if the content is a model of this format, complete or damaged.
    fn recognises(&self, content: &Content) -> bool;

    /// Reads a model that this front end recognises.
    ///
    /// # Errors
    /// As [`load`].
    fn read(&self, file: ModelFile<'_>, options: &ReadOptions) -> Result<Stored, FrontError>;
}

/// A model, and the place of its variables in the file.
#[derive(Debug)]
pub struct Stored {
    /// The model.
    pub model: Model,
    /// The variables that were read, layer after layer; those of a layer in the order of its class.
    pub variables: Vec<StoredVariable>,
}

/// A variable of a layer in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredVariable {
    /// Name of the layer.
    pub layer: String,
    /// Keras' name of the variable: `kernel`.
    pub variable: &'static str,
    /// Path of its dataset.
    pub dataset: String,
}

/// The supported model formats, in the order in which they are tried.
const FRONTENDS: &[&dyn Frontend] = &[&Keras];

/// An open model file.
pub struct ModelFile<'a> {
    /// Path of the file.
    pub path: &'a Path,
    /// Content of the file.
    pub content: Content,
    /// File that the weights are read from, if not from the model file.
    pub weights: Option<&'a Path>,
}

/// Properties of a model that its file does not state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// Sigmoid of QKeras' quantizers: the argument of `set_internal_sigmoid` during training.
    pub sigmoid: Sigmoid,
    /// Shapes of inputs, for files that leave axes open. Later ones take precedence.
    pub input_shapes: Vec<InputShape>,
}

/// Reads a trained model with default [`ReadOptions`].
///
/// | content of `path` | written by |
/// |---|---|
/// | HDF5 with an attribute `model_config` | `model.save("m.h5")` of Keras 2 and 3 |
/// | zip with `config.json` | `model.save("m.keras")` of Keras 2.12 and later, and Keras 3 |
/// | folder with `saved_model.pb` and `keras_metadata.pb` | `model.save("folder")` of Keras 2, TensorFlow 2.5 and later |
/// | JSON | `model.to_json()`; holds no weights, so that `weights` is required if a layer has any |
///
/// `weights` is a weights file (`model.save_weights`) or a complete model. Its weights replace those
/// in `path`.
///
/// # Errors
/// If a file cannot be read or is damaged; if a layer or an attribute that changes the result is not
/// supported; if weights are missing, superfluous, of the wrong shape or not finite. The error names
/// the file, the layer and the remedy.
pub fn load(path: &Path, weights: Option<&Path>) -> Result<Model, FrontError> {
    load_with(path, weights, &ReadOptions::default())
}

/// Reads a trained model; see [`load`].
///
/// # Errors
/// As [`load`].
pub fn load_with(
    path: &Path,
    weights: Option<&Path>,
    options: &ReadOptions,
) -> Result<Model, FrontError> {
    load_stored(path, weights, options).map(|stored| stored.model)
}

/// Reads a trained model, and the place of its variables; see [`load`].
///
/// # Errors
/// As [`load`].
pub fn load_stored(
    path: &Path,
    weights: Option<&Path>,
    options: &ReadOptions,
) -> Result<Stored, FrontError> {
    let content = Content::read(path)?;
    match FRONTENDS.iter().find(|frontend| frontend.recognises(&content)) {
        Some(frontend) => frontend.read(ModelFile { path, content, weights }, options),
        None => Err(part_of_folder(path, &content)
            .unwrap_or_else(|| unrecognised(content.description()))
            .at(path)),
    }
}

/// Writes the weights in `file` to `target` with other numbers in some datasets, by the path of a
/// [`StoredVariable`]. Everything else stays as it was written.
///
/// # Errors
/// If `file` is no HDF5 file or `.keras` archive, a dataset is compressed or does not hold float32
/// numbers, or `target` cannot be written.
pub fn write_variables(
    file: &Path,
    target: &Path,
    changes: &[(String, Vec<f32>)],
) -> Result<(), FrontError> {
    let bytes = keras::rewritten(Content::read(file)?, changes).located(file)?;
    arrays::replace(target, |out| std::io::Write::write_all(out, &bytes))
}

/// Error: the file is one of those that TensorFlow writes beside others, which are read together.
fn part_of_folder(path: &Path, content: &Content) -> Option<Problem> {
    let Content::Other(bytes) = content else { return None };
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    if folder.join("saved_model.pb").is_file() {
        let what = "is one file of a SavedModel".to_owned();
        return Some(Problem::Model {
            what,
            help: format!("pass its folder: {}", folder.display()),
        });
    }
    let listed = bytes.strip_prefix(b"model_checkpoint_path: \"")?;
    let prefix = String::from_utf8_lossy(listed.split(|byte| *byte == b'"').next()?);
    let prefix = folder.join(prefix.as_ref());
    let what =
        "lists TensorFlow checkpoints, which hold weights without an architecture".to_owned();
    let help = format!(
        "pass the model's architecture (model.to_json()) as the model, and --weights {}",
        prefix.display()
    );
    Some(Problem::Model { what, help })
}

/// Error: no front end recognises the content.
fn unrecognised(found: String) -> Problem {
    let supported: Vec<&str> = FRONTENDS.iter().map(|frontend| frontend.formats()).collect();
    Problem::NoModel { found, supported: supported.join(", ") }
}
