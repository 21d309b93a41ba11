//! Samples from files onto the inputs' grids.

use std::path::Path;

use bitkiln::fixed::Codes;
use bitkiln::front::{self, Arrays};
use bitkiln::ir::Graph;
use bitkiln::sim;
use miette::Result;
use ndarray::ArrayD;

use super::{complaint, note};

/// The arrays of `path` as codes, in the order of the graph's inputs. Says on standard error how
/// many values lay off the grid.
pub fn read(path: &Path, graph: &Graph) -> Result<Vec<Codes>> {
    let arrays = front::read_arrays(path)?;
    if let Arrays::Named(arrays) = &arrays {
        let is_input = |name: &str| graph.inputs.iter().any(|id| graph[*id].name == name);
        for (name, _) in arrays.iter().filter(|(name, _)| !is_input(name)) {
            note(format_args!("note: {}: '{name}' is no input and is left aside", path.display()));
        }
    }
    let mut samples = Vec::new();
    for id in &graph.inputs {
        let node = &graph[*id];
        let format = node.tensor.format;
        let values = array_for(&node.name, &arrays, graph).ok_or_else(|| {
            complaint(
                format!("{} has no array for input '{}'", path.display(), node.name),
                format!("it has: {}; name each array after its input", names(&arrays)),
            )
        })?;
        let quantized = sim::quantize(&values.view(), format).ok_or_else(|| {
            complaint(
                format!("{}: a value of '{}' is NaN", path.display(), node.name),
                "a fixed-point number is never NaN: clean the samples",
            )
        })?;
        if quantized.rounded + quantized.saturated > 0 {
            note(format_args!(
                "note: input '{}': of {} values, {} were rounded to {format} and {} saturated",
                node.name,
                values.len(),
                quantized.rounded,
                quantized.saturated
            ));
        }
        samples.push(quantized.codes);
    }
    Ok(samples)
}

/// The array of an input: that of its name, or the one without a name where there is one input.
fn array_for<'a>(input: &str, arrays: &'a Arrays, graph: &Graph) -> Option<&'a ArrayD<f64>> {
    match arrays {
        Arrays::One(array) => (graph.inputs.len() == 1).then_some(array),
        Arrays::Named(arrays) => {
            arrays.iter().find(|(name, _)| name == input).map(|(_, array)| array)
        }
    }
}

fn names(arrays: &Arrays) -> String {
    match arrays {
        Arrays::One(_) => "one array without a name".into(),
        Arrays::Named(arrays) => {
            let names: Vec<&str> = arrays.iter().map(|(name, _)| name.as_str()).collect();
            names.join(", ")
        }
    }
}
