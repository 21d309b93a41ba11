//! Samples with known results.

use std::fmt::Write as _;

use num_bigint::BigInt;

use super::BackError;
use crate::fixed::Codes;
use crate::hls::{Design, EdgeId};

/// Codes of inputs and expected outputs. The first axis is the sample.
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

    /// The number of samples.
    ///
    /// # Errors
    /// If these are not vectors of `design`.
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

/// Codes as text: a sample of `each` codes a line, a code of `width` bits in hexadecimal, two's
/// complement.
pub(super) fn text(codes: &Codes, each: usize, width: u32) -> String {
    let digits = width.div_ceil(4) as usize;
    let modulus = BigInt::from(1) << width;
    let mut text = String::with_capacity(codes.len() * (digits + 1));
    for (n, code) in codes.iter().enumerate() {
        let code = if code < BigInt::ZERO { code + &modulus } else { code };
        let end = if (n + 1).is_multiple_of(each.max(1)) { '\n' } else { ' ' };
        write!(text, "{code:0digits$x}{end}").expect("a string takes any text");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_hexadecimal_in_twos_complement() {
        let codes = |codes: &[i64]| {
            Codes::from_big(
                ndarray::Array1::from_iter(codes.iter().copied().map(BigInt::from)).into_dyn(),
            )
        };
        assert_eq!(text(&codes(&[-1, 5, -32, 31]), 2, 6), "3f 05\n20 1f\n");
        assert_eq!(text(&codes(&[-1, 1]), 1, 1), "1\n1\n");
        assert_eq!(text(&codes(&[-2]), 1, 65), "1fffffffffffffffe\n");
    }
}
