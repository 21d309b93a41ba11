//! From arrays of real numbers to codes of the inputs.

use std::path::Path;

use ndarray::ArrayD;

use super::{CompileError, Network};
use crate::diagnostic::Diagnostic;
use crate::fixed::Codes;
use crate::front::{self, Arrays};
use crate::ir::Graph;
use crate::sim;

impl Network {
    /// The samples as codes, in the order of the inputs; the first axis counts samples. Values are
    /// rounded half to even and saturated; a note counts them.
    ///
    /// # Errors
    /// If an input has no array, or a value is NaN.
    pub fn quantize(&self, samples: &Arrays) -> Result<Vec<Codes>, CompileError> {
        self.quantize_from("the samples", samples)
    }

    /// Reads a `.npz` or `.npy` file; then as [`Network::quantize`].
    ///
    /// # Errors
    /// If the file cannot be read, has no samples, or as [`Network::quantize`].
    pub fn read_samples(&self, file: &Path) -> Result<Vec<Codes>, CompileError> {
        self.quantize_from(&file.display().to_string(), &front::read_arrays(file)?)
    }

    /// Random samples: the extreme codes of each input first, then codes uniform in its range.
    /// The same for the same network on every machine.
    pub fn random_samples(&self, count: usize) -> Vec<Codes> {
        sim::vectors(self.graph(), count)
    }

    /// The samples as real numbers, in the order of the inputs.
    pub(super) fn real_samples(
        &self,
        source: &str,
        samples: &Arrays,
    ) -> Result<Vec<ArrayD<f64>>, CompileError> {
        self.note_unused(source, samples);
        let graph = self.graph();
        let source_name = || source.to_owned();
        let of_input = |id: &crate::ir::NodeId| {
            let input = graph[*id].name.clone();
            array_of(&input, samples, graph).cloned().ok_or_else(|| {
                let (source_name, known) = (source_name(), names(samples));
                CompileError::MissingInput { source_name, input, known }
            })
        };
        let values = graph.inputs.iter().map(of_input).collect::<Result<Vec<_>, _>>()?;
        if values.iter().any(ArrayD::is_empty) {
            return Err(CompileError::NoSamples { source_name: source_name() });
        }
        Ok(values)
    }

    /// Notes the arrays that are no inputs.
    fn note_unused(&self, source: &str, samples: &Arrays) {
        let graph = self.graph();
        let Arrays::Named(arrays) = samples else { return };
        let is_input = |name: &str| graph.inputs.iter().any(|id| graph[*id].name == name);
        for (name, _) in arrays.iter().filter(|(name, _)| !is_input(name)) {
            let message = format!("{source}: '{name}' is no input and is left aside");
            self.log(Diagnostic::note("unused-array", message));
        }
    }

    fn quantize_from(&self, source: &str, samples: &Arrays) -> Result<Vec<Codes>, CompileError> {
        let graph = self.graph();
        self.note_unused(source, samples);
        let quantize = |id: &crate::ir::NodeId| {
            let (input, format) = (graph[*id].name.clone(), graph[*id].tensor.format);
            let source_name = source.to_owned();
            let Some(values) = array_of(&input, samples, graph) else {
                let known = names(samples);
                return Err(CompileError::MissingInput { source_name, input, known });
            };
            let Some(quantized) = sim::quantize(&values.view(), format) else {
                return Err(CompileError::NotANumber { source_name, input });
            };
            let (rounded, saturated) = (quantized.rounded, quantized.saturated);
            if rounded + saturated > 0 {
                let message = format!(
                    "input '{input}': of {} values, {rounded} were rounded to {format} and \
                     {saturated} saturated",
                    values.len()
                );
                self.log(Diagnostic::note("samples-rounded", message).in_layer(input));
            }
            Ok(quantized.codes)
        };
        graph.inputs.iter().map(quantize).collect()
    }
}

/// The array of an input: the one of its name, or the only one if there is one input.
fn array_of<'a>(input: &str, samples: &'a Arrays, graph: &Graph) -> Option<&'a ArrayD<f64>> {
    match samples {
        Arrays::One(array) => (graph.inputs.len() == 1).then_some(array),
        Arrays::Named(arrays) => {
            arrays.iter().find(|(name, _)| name == input).map(|(_, array)| array)
        }
    }
}

fn names(samples: &Arrays) -> String {
    match samples {
        Arrays::One(_) => "one array without a name".into(),
        Arrays::Named(arrays) => {
            arrays.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
        }
    }
}
