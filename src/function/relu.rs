//! The rectifiers of Keras.

use std::fmt;

use crate::fixed::significant_bits;

/// Keras' `relu(x, negative_slope, max_value, threshold)`: x above the threshold, but at most
/// `max_value`; `negative_slope` · (x - threshold) up to the threshold.
///
/// Its documentation lets x pass at the threshold itself, its code does not where there is one:
/// `relu(0.5, threshold=0.5)` is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Relu {
    /// The upper limit.
    pub max_value: Option<f32>,
    /// The slope up to the threshold.
    pub negative_slope: f32,
    /// From where on x passes.
    pub threshold: f32,
}

/// A slope of so many significant bits is one that somebody chose for hardware; a longer one, like
/// 0.3, owes its 24 bits to float32.
const SHORT_SLOPE: u32 = 8;

impl Relu {
    /// `leaky_relu`.
    pub fn leaky(negative_slope: f32) -> Self {
        Self { negative_slope, ..Self::default() }
    }

    /// Whether the slope has few bits: then all values of fixed-point numbers are kept exactly.
    pub(super) fn is_exact(&self) -> bool {
        significant_bits(self.negative_slope.into()) <= SHORT_SLOPE
    }

    pub(super) fn value(&self, x: f64) -> f64 {
        let threshold = f64::from(self.threshold);
        let passed = match threshold == 0.0 {
            true => x.max(0.0),
            false if x > threshold => x,
            false => 0.0,
        };
        let passed =
            self.max_value.map_or(passed, |max| passed.clamp(0.0, f64::from(max).max(0.0)));
        passed - f64::from(self.negative_slope) * (threshold - x).max(0.0)
    }

    pub(super) fn turns(&self) -> Vec<f64> {
        let mut turns = vec![f64::from(self.threshold).next_up()];
        if self.threshold < 0.0 {
            turns.push(0.0);
        }
        turns
    }
}

impl fmt::Display for Relu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::default() {
            return f.write_str("relu");
        }
        let mut stated = vec![];
        if let Some(max) = self.max_value {
            stated.push(format!("max_value={max:?}"));
        }
        if self.negative_slope != 0.0 {
            stated.push(format!("negative_slope={:?}", self.negative_slope));
        }
        if self.threshold != 0.0 {
            stated.push(format!("threshold={:?}", self.threshold));
        }
        write!(f, "relu({})", stated.join(", "))
    }
}
