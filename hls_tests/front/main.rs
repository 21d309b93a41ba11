//! Models and arrays read from files of Keras, QKeras and NumPy.

mod arrays;
mod errors;
mod keras;
mod models;

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use bitkiln::front::{FrontError, LayerProblem, Problem};
use bitkiln::function::{Function, Relu};
use bitkiln::model::{Activation, Dense, Layer, LayerKind, Model};
use ndarray::Array;

/// A file of the repository.
fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A folder of `../shared`, which the repository does not hold. Without it the test is recorded as
/// skipped in the file that `.ci/test` counts, and reports it on the uncaptured standard error.
fn shared(test: &str, path: &str) -> Option<PathBuf> {
    let folder = project("../shared").join(path);
    if folder.exists() {
        return Some(folder);
    }
    let line = format!("{test} was skipped for want of ../shared/{path}\n");
    std::io::stderr().write_all(format!("SKIPPED: {line}").as_bytes()).unwrap();
    let record = Path::new(env!("CARGO_TARGET_TMPDIR")).join("skipped_tests");
    let mut record = OpenOptions::new().append(true).create(true).open(record).unwrap();
    record.write_all(line.as_bytes()).unwrap();
    None
}

/// A file written by Keras or h5py for these tests; see `fixtures/generate.py`.
fn fixture(name: &str) -> PathBuf {
    project("hls_tests/front/fixtures").join(name)
}

fn layer<'m>(model: &'m Model, name: &str) -> &'m Layer {
    let found = model.graph.node_weights().find(|layer| layer.name == name);
    found.unwrap_or_else(|| panic!("no layer '{name}'"))
}

/// Keras' `relu` without arguments.
fn relu() -> Activation {
    Activation::Function(Function::Relu(Relu::default()))
}

fn dense<'m>(model: &'m Model, name: &str) -> &'m Dense {
    match &layer(model, name).kind {
        LayerKind::Dense(dense) => dense,
        other => panic!("{name} is {other:?}"),
    }
}

/// The names of the layers, in the order of the file.
fn names(model: &Model) -> Vec<&str> {
    model.graph.node_weights().map(|layer| layer.name.as_str()).collect()
}

/// First element, last element and sum: what h5py tells of the same dataset.
fn digest<D: ndarray::Dimension>(array: &Array<f32, D>) -> (f32, f32, f64) {
    let ends = (array.iter().next().unwrap(), array.iter().last().unwrap());
    (*ends.0, *ends.1, array.iter().map(|&value| f64::from(value)).sum())
}

/// Returns the problem of a layer.
fn layer_problem(error: &FrontError) -> &LayerProblem {
    match error.problem.as_ref() {
        Problem::Layer { problem, .. } => problem,
        other => panic!("{other}"),
    }
}
