//! Codes against floats.

use std::fmt;

use bitkiln::fixed::Format;
use ndarray::{ArrayD, Axis};

/// A layer's result: exact values on the grid of a format.
pub struct Found {
    pub values: ArrayD<f64>,
    pub format: Format,
    /// The step of float32 at the largest sums, where these are scaled by a real number.
    pub float: Option<f64>,
}

/// How many float32 steps QKeras' result may lie beside a scaled sum: it scales the weights, each
/// rounded to float32, and adds up their products, each sum rounded.
const FLOAT_STEPS: f64 = 2.0;

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

/// Whether each expected value is nearer to the found one than to any other of the format; where
/// sums are scaled by a real number and the format is finer than float32, whether it is as near
/// as float32 can come.
pub fn compare(found: &Found, expected: &ArrayD<f64>) -> Result<(), Difference> {
    if found.values.shape() != expected.shape() {
        return Err(Difference::Shape {
            found: found.values.shape().to_vec(),
            expected: expected.shape().to_vec(),
        });
    }
    let step = found.format.lsb();
    let float = found.float.filter(|float| step < *float);
    let differs = |found: f64, expected: f64| match float {
        Some(float) => (found - expected).abs() > FLOAT_STEPS * float,
        None => (expected / step).round() != found / step,
    };
    let differing: Vec<(f64, f64)> = found
        .values
        .iter()
        .copied()
        .zip(expected.iter().copied())
        .filter(|(found, expected)| differs(*found, *expected))
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
