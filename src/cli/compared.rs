//! Outputs against the arrays of a file, which `run` and `report` share.

use std::path::Path;

use bitkiln::fixed::Range;
use bitkiln::front::Arrays;
use bitkiln::report::AccuracyError;
use bitkiln::{NamedArrays, Network, front, ir};
use miette::Result;
use ndarray::ArrayD;

use super::complaint;

/// A comparison of the values of an output, whose codes have this range and this LSB, with others.
type Compare<R> =
    fn(&str, &ArrayD<f64>, (&Range, f64), &ArrayD<f64>) -> std::result::Result<R, AccuracyError>;

/// The comparison of each output with its array in `file`; none without a file.
pub fn compared<R>(
    network: &Network,
    results: &NamedArrays,
    file: Option<&Path>,
    compare: Compare<R>,
) -> Result<Vec<R>> {
    let Some(file) = file else { return Ok(vec![]) };
    let arrays = front::read_arrays(file)?;
    let graph = network.graph();
    let one = |output: &ir::Output| {
        let name = output.name.as_str();
        let array = match &arrays {
            Arrays::One(array) if graph.outputs.len() == 1 => Some(array),
            Arrays::Named(arrays) if graph.outputs.len() == 1 && arrays.len() == 1 => {
                Some(&arrays[0].1)
            }
            Arrays::Named(arrays) => arrays.iter().find(|(known, _)| known == name).map(|it| &it.1),
            Arrays::One(_) => None,
        };
        let missing = || {
            complaint(
                format!("{}: no array for the output '{name}'", file.display()),
                "write a .npz with an array for each output, by the names of the output layers",
            )
        };
        let array = array.ok_or_else(missing)?;
        let values = results.iter().find(|(known, _)| known == name).map(|(_, values)| values);
        let values = values.ok_or_else(missing)?;
        let tensor = &graph[output.node].tensor;
        let types = (&tensor.range(), tensor.format.lsb());
        compare(name, values, types, array).map_err(|error| {
            complaint(
                format!("{}: {error}", file.display()),
                "labels are the numbers of classes, one for each sample, or rows like those of the output",
            )
        })
    };
    graph.outputs.iter().map(one).collect()
}
