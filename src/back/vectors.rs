//! Samples with known results.

use super::BackError;
use crate::fixed::Codes;
use crate::hls::{Design, EdgeId};

/// Samples and what the network makes of them, as codes. The first axis is the sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vectors {
    /// By the name of the graph's input node, in the graph's order.
    pub inputs: Vec<(String, Codes)>,
    /// By the name of the graph's output, in the graph's order.
    pub outputs: Vec<(String, Codes)>,
}

impl Vectors {
    /// Each argument of the top function with its codes.
    pub(super) fn ports<'a>(
        &'a self,
        design: &'a Design,
    ) -> impl Iterator<Item = (EdgeId, &'a Codes)> {
        let edges = design.inputs.iter().chain(&design.outputs);
        let codes = self.inputs.iter().chain(&self.outputs).map(|(_, codes)| codes);
        edges.copied().zip(codes)
    }

    /// Whether these are vectors of `design`; how many samples they have.
    pub(super) fn check(&self, design: &Design) -> Result<usize, BackError> {
        for (what, edges, given) in
            [("inputs", &design.inputs, &self.inputs), ("outputs", &design.outputs, &self.outputs)]
        {
            if edges.len() != given.len() {
                return Err(BackError::Vectors(format!(
                    "{} arrays for {} {what}",
                    given.len(),
                    edges.len()
                )));
            }
        }
        let first = self.inputs.first().or(self.outputs.first());
        let samples = first.and_then(|(_, codes)| codes.shape().first()).copied().unwrap_or(0);
        if samples == 0 {
            return Err(BackError::Vectors("there are no samples".into()));
        }
        let names = self.inputs.iter().chain(&self.outputs).map(|(name, _)| name);
        for ((edge, codes), name) in self.ports(design).zip(names) {
            let edge = &design[edge];
            if codes.shape().first() != Some(&samples) || codes.len() != samples * edge.len() {
                return Err(BackError::Vectors(format!(
                    "'{name}' has the shape {:?}, not {samples} samples of {:?}",
                    codes.shape(),
                    edge.shape
                )));
            }
            let format = design[edge.element].quantization.format;
            if let Some(bad) = codes.range().filter(|all| !format.codes().contains(all)) {
                return Err(BackError::Vectors(format!(
                    "'{name}' has codes in {bad}, beyond its type {format}"
                )));
            }
        }
        Ok(samples)
    }
}
