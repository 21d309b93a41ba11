//! Conversion: the result's type says how bits are dropped.

use serde::Serialize;

/// `output[n] = input[n]`, rounded and limited as the output's type says.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Convert {
    /// How many elements.
    pub elements: usize,
}
