//! Comparison of Bitkiln's results with QKeras' in float32 and with exact ones in float64.

use std::fmt;

use ndarray::ArrayD;

/// A layer's result.
pub struct Found {
    pub values: ArrayD<f64>,
    /// The LSB of its type; `None` without a type, where the function is fused into the following
    /// quantizer.
    pub lsb: Option<f64>,
}

/// A defect of a result.
#[derive(Debug, PartialEq)]
pub enum Difference {
    Shape {
        found: Vec<usize>,
        expected: Vec<usize>,
    },
    /// Values too far from QKeras'.
    Far {
        count: usize,
        of: usize,
        found: f64,
        expected: f64,
    },
    /// Values that differ from the float64 result rounded to the type.
    NotExact {
        count: usize,
        of: usize,
        found: f64,
        exact: f64,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape { found, expected } => write!(f, "shape {found:?}, not {expected:?}"),
            Self::Far { count, of, found, expected } => {
                write!(
                    f,
                    "{count} of {of} values are far from QKeras' ones, the first is {found}, not {expected}"
                )
            }
            Self::NotExact { count, of, found, exact } => {
                write!(f, "{count} of {of} values are not exact, the first is {found}, not {exact}")
            }
        }
    }
}

/// Precision of float32 relative to the largest operand: half an LSB of its 24 bits for each of a few
/// operations.
pub const FLOAT32: f64 = 1.0 / (1 << 22) as f64;

/// The same of float64, with some bits for cancellation.
const FLOAT64: f64 = 1.0 / (1_u64 << 44) as f64;

impl Found {
    fn same_shape(&self, other: &ArrayD<f64>) -> Result<(), Difference> {
        if self.values.shape() == other.shape() {
            return Ok(());
        }
        let (found, expected) = (self.values.shape().to_vec(), other.shape().to_vec());
        Err(Difference::Shape { found, expected })
    }

    /// The LSB of the type, if floats of relative precision `part` tell it apart in `values`.
    pub fn resolvable_lsb(&self, values: &ArrayD<f64>, part: f64) -> Option<f64> {
        self.lsb.filter(|lsb| *lsb > largest(values) * part)
    }

    /// The indices at which QKeras, which has `expected`, has another code. A code that is not the next
    /// one is an error. A type finer than float32 has no such indices; its values may differ by the
    /// precision of float32.
    pub fn other_codes(&self, expected: &ArrayD<f64>) -> Result<Vec<usize>, Difference> {
        self.same_shape(expected)?;
        let pairs = || self.values.iter().zip(expected).enumerate();
        let (other, far): (Vec<usize>, Vec<usize>) = match self.resolvable_lsb(expected, FLOAT32) {
            Some(lsb) => {
                let apart = |(at, (found, expected)): (usize, (&f64, &f64))| {
                    (at, ((expected / lsb).round() - found / lsb).abs())
                };
                let other = pairs().map(apart).filter(|(_, codes)| *codes > 0.0);
                let far = pairs().map(apart).filter(|(_, codes)| *codes > 1.0);
                (other.map(|(at, _)| at).collect(), far.map(|(at, _)| at).collect())
            }
            None => {
                // TensorFlow's own functions are less precise than float32.
                let operations = if self.lsb.is_none() { 2.0 } else { 1.0 };
                let tolerance = largest(expected) * FLOAT32 * operations;
                let far = |(_, (found, expected)): &(usize, (&f64, &f64))| {
                    (*found - *expected).abs() > tolerance
                };
                (vec![], pairs().filter(far).map(|(at, _)| at).collect())
            }
        };
        match far.first() {
            None => Ok(other),
            Some(at) => Err(Difference::Far {
                count: far.len(),
                of: expected.len(),
                found: nth(&self.values, *at),
                expected: nth(expected, *at),
            }),
        }
    }

    /// Checks that each value is the one of the type nearest to `exact`, which has the precision of
    /// float64, or nearest to a number at most `open` away from it.
    pub fn is_exact(&self, exact: &ArrayD<f64>, open: f64) -> Result<(), Difference> {
        self.same_shape(exact)?;
        let tolerance = self.lsb.unwrap_or(0.0) / 2.0 + largest(exact) * FLOAT64 + open;
        let pairs = self.values.iter().zip(exact);
        let mut off = pairs.filter(|(found, exact)| (*found - *exact).abs() > tolerance);
        match off.next() {
            None => Ok(()),
            Some((found, wanted)) => Err(Difference::NotExact {
                count: 1 + off.count(),
                of: exact.len(),
                found: *found,
                exact: *wanted,
            }),
        }
    }

    /// The operand of the following layers: `exact` rounded to the type, or `exact` itself if the type
    /// is as fine as float64.
    pub fn operand_of_next(self, exact: ArrayD<f64>) -> ArrayD<f64> {
        let coarse = self.resolvable_lsb(&exact, FLOAT64).is_some();
        if coarse { self.values } else { exact }
    }
}

pub fn largest(values: &ArrayD<f64>) -> f64 {
    values.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()))
}

/// The element at the row-major index `at`.
pub fn nth(values: &ArrayD<f64>, at: usize) -> f64 {
    values.iter().nth(at).copied().unwrap_or(f64::NAN)
}

/// The position of the largest value along the last axis.
pub fn argmax(values: &ArrayD<f64>) -> Vec<usize> {
    let last = ndarray::Axis(values.ndim() - 1);
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

#[cfg(test)]
mod tests {
    use ndarray::arr1;

    use super::*;

    fn found(values: &[f64], lsb: f64) -> Found {
        Found { values: arr1(values).into_dyn(), lsb: Some(lsb) }
    }

    #[test]
    fn codes_are_told_from_float_errors() {
        let found = found(&[0.5, 1.0, -3.0], 0.5);
        let expected = |values: [f64; 3]| found.other_codes(&arr1(&values).into_dyn());
        assert_eq!(expected([0.500001, 1.0, -2.99999]), Ok(vec![]));
        assert_eq!(expected([0.0, 1.0, -2.5]), Ok(vec![0, 2]));
        let far = Difference::Far { count: 1, of: 3, found: 1.0, expected: 2.0 };
        assert_eq!(expected([0.5, 2.0, -2.5]), Err(far));
    }

    #[test]
    fn fine_types_have_no_codes_in_float32() {
        let found = found(&[1.0, 0.25], 1e-9);
        let expected = |values: [f64; 2]| found.other_codes(&arr1(&values).into_dyn());
        assert_eq!(expected([1.0 - 1e-7, 0.25 + 1e-7]), Ok(vec![]));
        assert!(expected([1.0 - 1e-6, 0.25]).is_err());
    }

    #[test]
    fn exact_is_nearest() {
        let found = found(&[0.5, -1.0], 0.5);
        let exact =
            |values: [f64; 2], open| found.is_exact(&arr1(&values).into_dyn(), open).is_ok();
        assert!(exact([0.75, -0.8], 0.0) && exact([0.25, -1.0], 0.0));
        assert!(!exact([0.76, -1.0], 0.0) && !exact([0.5, -0.5], 0.0));
        assert!(exact([0.76, -1.0], 0.02) && !exact([0.78, -1.0], 0.02));
    }
}
