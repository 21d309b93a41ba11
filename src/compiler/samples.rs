//! From arrays of real numbers to codes of the inputs.

use std::path::Path;

use ndarray::ArrayD;

use super::{CompileError, Network};
use crate::diagnostic::Diagnostic;
use crate::fixed::{Codes, Overflow, Quantization, Rounding};
use crate::front::{self, Arrays};
use crate::ir::{Graph, NodeId};
use crate::sim;

impl Network {
    /// The samples as codes, in the order of the inputs; the first axis counts samples. Values are
    /// rounded half to even and saturated, or by the modes of the input's type; a note counts them.
    ///
    /// # Errors
    /// If an input has no array, or a value is NaN.
    pub fn quantize(&self, samples: &Arrays) -> Result<Vec<Codes>, CompileError> {
        self.quantize_all("the samples", samples)
    }

    /// Reads a `.npz` or `.npy` file; then as [`Network::quantize`].
    ///
    /// # Errors
    /// If the file cannot be read, has no samples, or as [`Network::quantize`].
    pub fn read_samples(&self, file: &Path) -> Result<Vec<Codes>, CompileError> {
        self.quantize_all(&file.display().to_string(), &front::read_arrays(file)?)
    }

    /// Random samples: the extreme codes of each input first, then codes uniform in its range.
    /// The same for the same network on every machine.
    pub fn random_samples(&self, count: usize) -> Vec<Codes> {
        sim::vectors(self.graph(), count)
    }

    /// The array of each input, in their order. A note names the arrays that are no inputs.
    pub(super) fn arrays<'a>(
        &self,
        source: &str,
        samples: &'a Arrays,
    ) -> Result<Vec<&'a ArrayD<f64>>, CompileError> {
        let graph = self.graph();
        if let Arrays::Named(arrays) = samples {
            let is_positional = positional(arrays, graph);
            let is_input =
                |name: &str| is_positional || graph.inputs.iter().any(|id| graph[*id].name == name);
            for (name, _) in arrays.iter().filter(|(name, _)| !is_input(name)) {
                let message = format!("{source}: '{name}' is no input and is left aside");
                self.log(Diagnostic::note("unused-array", message));
            }
        }
        let array = |(position, id): (usize, &NodeId)| {
            array_of(position, &graph[*id].name, samples, graph).ok_or_else(|| {
                CompileError::MissingInput {
                    source_name: source.to_owned(),
                    input: graph[*id].name.clone(),
                    known: names(samples),
                }
            })
        };
        let arrays = graph.inputs.iter().enumerate().map(array).collect::<Result<Vec<_>, _>>()?;
        // Before values are counted, which are not those of other shapes.
        let shapes: Vec<&[usize]> = arrays.iter().map(|array| array.shape()).collect();
        sim::check_shapes(graph, &shapes)?;
        Ok(arrays)
    }

    fn quantize_all(&self, source: &str, samples: &Arrays) -> Result<Vec<Codes>, CompileError> {
        let mut counts = InputCounts::default();
        let codes = self.quantize_part(source, samples, &mut counts)?;
        self.log_rounded(&counts);
        Ok(codes)
    }

    /// As [`Self::quantize`], for a part of the samples of `source`; `counts` are added to.
    pub(super) fn quantize_part(
        &self,
        source: &str,
        samples: &Arrays,
        counts: &mut InputCounts,
    ) -> Result<Vec<Codes>, CompileError> {
        let graph = self.graph();
        let arrays = self.arrays(source, samples)?;
        let name = |id: &NodeId| graph[*id].name.clone();
        let types = self.sample_types();
        let quantize = |((id, values), to): ((&NodeId, &&ArrayD<f64>), &Quantization)| {
            let not_a_number =
                || CompileError::NotANumber { source_name: source.to_owned(), input: name(id) };
            sim::quantize_as(&values.view(), to).ok_or_else(not_a_number)
        };
        let quantized = graph.inputs.iter().zip(&arrays).zip(&types).map(quantize);
        let quantized = quantized.collect::<Result<Vec<_>, _>>()?;
        counts.inputs.resize(quantized.len(), [0; 3]);
        for (counts, quantized) in counts.inputs.iter_mut().zip(&quantized) {
            let more = [quantized.codes.len(), quantized.rounded, quantized.saturated];
            counts.iter_mut().zip(more).for_each(|(count, more)| *count += more);
        }
        Ok(quantized.into_iter().map(|quantized| quantized.codes).collect())
    }

    /// The type that the samples of each input are rounded to.
    fn sample_types(&self) -> Vec<Quantization> {
        let graph = self.graph();
        // The graph has the inputs in the model's order.
        let inputs = graph.inputs.iter().zip(&self.model.inputs);
        let types = inputs.map(|(id, layer)| {
            self.options.sample_type(&self.model.graph[*layer], graph[*id].tensor.format)
        });
        types.collect()
    }

    /// Notes how many values were rounded, or beyond the type of their input.
    pub(super) fn log_rounded(&self, counts: &InputCounts) {
        let (graph, types) = (self.graph(), self.sample_types());
        for ((id, counts), to) in graph.inputs.iter().zip(&counts.inputs).zip(&types) {
            let [values, rounded, saturated] = *counts;
            if rounded + saturated > 0 {
                let input = graph[*id].name.clone();
                let to_text = match (to.rounding, to.overflow) {
                    (Rounding::RndConv, Overflow::Sat) => to.format.to_string(),
                    _ => to.to_string(),
                };
                let beyond = match to.overflow {
                    Overflow::Sat | Overflow::SatSym => "saturated",
                    Overflow::SatZero => "became 0",
                    Overflow::Wrap { .. } => "wrapped",
                };
                let message = format!(
                    "input '{input}': of {values} values, {rounded} were rounded to {to_text} and \
                     {saturated} {beyond}"
                );
                self.log(Diagnostic::note("samples-rounded", message).in_layer(input));
            }
        }
    }
}

/// For each input, the values of the samples, those that were rounded, and those beyond its type.
#[derive(Debug, Default)]
pub(super) struct InputCounts {
    inputs: Vec<[usize; 3]>,
}

/// The array of the input at `position`: the one of its name, the only one if there is one input,
/// or the one with its number.
fn array_of<'a>(
    position: usize,
    input: &str,
    samples: &'a Arrays,
    graph: &Graph,
) -> Option<&'a ArrayD<f64>> {
    match samples {
        Arrays::One(array) => (graph.inputs.len() == 1).then_some(array),
        Arrays::Named(arrays) => {
            let called = |name: &str| arrays.iter().find(|(known, _)| known == name);
            let found = match positional(arrays, graph) {
                true => called(&numbered(position)),
                false => called(input),
            };
            found.map(|(_, array)| array)
        }
    }
}

/// The name that `numpy.savez` gives to the array at `position`, if it is given none.
fn numbered(position: usize) -> String {
    format!("arr_{position}")
}

/// Tells whether `arrays` have numbers instead of names, one for each input.
fn positional(arrays: &[(String, ArrayD<f64>)], graph: &Graph) -> bool {
    let is_there = |position| arrays.iter().any(|(name, _)| *name == numbered(position));
    arrays.len() == graph.inputs.len() && (0..arrays.len()).all(is_there)
}

fn names(samples: &Arrays) -> String {
    match samples {
        Arrays::One(_) => "one array without a name".into(),
        Arrays::Named(arrays) => {
            arrays.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
        }
    }
}
