//! Files to what the rest of the crate works on; nothing else knows a file format.
//!
//! [`load`] reads a model, [`read_arrays`] and [`write_npz`] the samples that run through it. Which
//! format a file has is seen from its content, never from its name.
//!
//! A file may be damaged or hostile. Every size that it states is checked against what the file can
//! hold before anything of that size is allocated, and whatever is wrong ends in a [`FrontError`].

mod archive;
mod arrays;
mod content;
mod element;
mod error;
mod guard;
mod hdf5;
mod keras;
mod layer_problem;

use std::path::Path;

pub use arrays::{Arrays, read_arrays, write_npz};
pub use error::{FrontError, Problem};
pub use keras::ConfigError;
pub use layer_problem::LayerProblem;

use crate::function::Sigmoid;
use crate::model::Model;

/// What a model file does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// The sigmoid of QKeras' quantizers: what `set_internal_sigmoid` was given before the model was
    /// trained.
    pub sigmoid: Sigmoid,
}

/// Reads a trained model.
///
/// | content of `path` | written by |
/// |---|---|
/// | HDF5 with an attribute `model_config` | `model.save("m.h5")` of Keras 2 and 3 |
/// | zip with `config.json` | `model.save("m.keras")` of Keras 2.12 and newer, 3 |
/// | JSON | `model.to_json()`; holds no weights, so `weights` must be given |
///
/// `weights` is a file of weights alone (`model.save_weights`) or a whole model, whose weights are
/// then used instead of those in `path`.
///
/// # Errors
/// If a file cannot be read or is damaged, if the model holds a layer or an attribute that would
/// change the result and is not implemented, or if weights are missing, left over, of another shape
/// than the layer's or not finite. The error names the file, the layer and what to do.
pub fn load(path: &Path, weights: Option<&Path>) -> Result<Model, FrontError> {
    load_with(path, weights, &ReadOptions::default())
}

/// As [`load`], for a model that was trained under other circumstances than QKeras' defaults.
///
/// # Errors
/// As [`load`].
pub fn load_with(
    path: &Path,
    weights: Option<&Path>,
    options: &ReadOptions,
) -> Result<Model, FrontError> {
    keras::load(path, weights, options)
}
