//! Codes against floats.

use std::fmt;

use bitkiln::fixed::Format;
use ndarray::{ArrayD, Axis};

/// A layer's result: exact values on the grid of a format.
pub struct Found {
    pub values: ArrayD<f64>,
    pub format: Format,
}

/// How a result differs from QKeras'.
pub enum Difference {
    Shape { found: Vec<usize>, expected: Vec<usize> },
    Codes(String),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape { found, expected } => write!(f, "shape {found:?}, not {expected:?}"),
            Self::Codes(text) => f.write_str(text),
        }
    }
}

/// What float32 tells apart, in parts of the largest number that takes part: half of its 24 bits'
/// step for each of a few operations.
const FLOAT32: f64 = 1.0 / (1 << 22) as f64;

/// Whether each expected value is nearer to the found one than to any other of the format; where
/// the format has finer steps than float32, whether that can tell the two apart.
pub fn compare(found: &Found, expected: &ArrayD<f64>) -> Result<(), Difference> {
    if found.values.shape() != expected.shape() {
        return Err(Difference::Shape {
            found: found.values.shape().to_vec(),
            expected: expected.shape().to_vec(),
        });
    }
    let step = found.format.lsb();
    let largest = expected.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
    let tolerance = largest * FLOAT32;
    let differing: Vec<(f64, f64)> = found
        .values
        .iter()
        .copied()
        .zip(expected.iter().copied())
        .filter(|(found, expected)| (expected / step).round() != found / step)
        .filter(|(found, expected)| step > tolerance || (found - expected).abs() > tolerance)
        .collect();
    match differing.first() {
        None => Ok(()),
        Some((found, wanted)) => Err(Difference::Codes(format!(
            "{} of {} values differ, the first is {found}, QKeras has {wanted}",
            differing.len(),
            expected.len()
        ))),
    }
}

/// The position of the largest value along the last axis.
pub fn argmax(values: &ArrayD<f64>) -> Vec<usize> {
    let last = Axis(values.ndim() - 1);
    values
        .lanes(last)
        .into_iter()
        .map(|lane| {
            let mut best = 0;
            for (index, value) in lane.iter().enumerate() {
                if *value > lane[best] {
                    best = index;
                }
            }
            best
        })
        .collect()
}
