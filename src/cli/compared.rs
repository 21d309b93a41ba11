//! Outputs against the arrays of a file, which `run` and `report` share.

use std::path::{Path, PathBuf};

use bitkiln::fixed::Range;
use bitkiln::front::Arrays;
use bitkiln::report::AccuracyError;
use bitkiln::{NamedArrays, Network, front, ir};
use miette::Result;
use ndarray::ArrayD;

use super::{complaint, note};

/// Advice for a file whose arrays have other names than the outputs.
const NAMES: &str = "write a .npz with an array for each output, by the names of the output layers";

/// A comparison of the values of an output, whose codes have this range and this LSB, with others.
type Compare<R> =
    fn(&str, &ArrayD<f64>, (&Range, f64), &ArrayD<f64>) -> std::result::Result<R, AccuracyError>;

/// The arrays of a file, by the names of outputs and layers.
pub struct StatedArrays {
    file: PathBuf,
    pub arrays: NamedArrays,
}

impl StatedArrays {
    /// Reads `file`, if there is one; a single array is that of a single output.
    pub fn read(network: &Network, file: Option<&Path>) -> Result<Option<Self>> {
        let Some(file) = file else { return Ok(None) };
        let outputs = &network.graph().outputs;
        let arrays = match (front::read_arrays(file)?, &outputs[..]) {
            (Arrays::One(array), [output]) => vec![(output.name.clone(), array)],
            (Arrays::Named(arrays), [output]) if arrays.len() == 1 => {
                arrays.into_iter().map(|(_, array)| (output.name.clone(), array)).collect()
            }
            (Arrays::Named(arrays), _) => arrays,
            (Arrays::One(_), _) => {
                let what = format!("{}: one array for {} outputs", file.display(), outputs.len());
                return Err(complaint(what, NAMES));
            }
        };
        let is_wrong = |array: &ArrayD<f64>| array.iter().any(|value| !value.is_finite());
        if let Some((name, _)) = arrays.iter().find(|(_, array)| is_wrong(array)) {
            let what = format!("{}: '{name}' has a value that is not finite", file.display());
            return Err(complaint(what, "write finite numbers"));
        }
        Ok(Some(Self { file: file.to_owned(), arrays }))
    }

    fn of(&self, output: &ir::Output) -> Option<&ArrayD<f64>> {
        self.arrays.iter().find(|(name, _)| *name == output.name).map(|(_, array)| array)
    }
}

/// The comparison of each output with its array in `stated`; none without a file. A note names the outputs
/// that have no array.
pub fn compared<R>(
    network: &Network,
    results: &NamedArrays,
    stated: Option<&StatedArrays>,
    compare: Compare<R>,
) -> Result<Vec<R>> {
    let Some(stated) = stated else { return Ok(vec![]) };
    let (graph, file) = (network.graph(), stated.file.display());
    let without = graph.outputs.iter().filter(|output| stated.of(output).is_none());
    let without: Vec<String> = without.map(|output| format!("'{}'", output.name)).collect();
    if !without.is_empty() {
        let message = format!("{file}: no array for the output {}", without.join(", "));
        if without.len() == graph.outputs.len() {
            return Err(complaint(message, NAMES));
        }
        note(format_args!("note: {message}"));
    }
    let one = |output: &ir::Output| {
        let (_, values) = results.iter().find(|(name, _)| *name == output.name)?;
        let tensor = &graph[output.node].tensor;
        let types = (&tensor.range(), tensor.format.lsb());
        let found = compare(&output.name, values, types, stated.of(output)?);
        Some(found.map_err(|error| complaint(format!("{file}: {error}"), error.help())))
    };
    graph.outputs.iter().filter_map(one).collect()
}
