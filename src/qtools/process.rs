//! Energy of operations and of memory in a technology process.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::data_type::DataType;
use super::operators::Operation;

/// Energies in pJ as polynomials, the highest power first. The keys are those of QTools'
/// `config_public.py`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// Addition of fixed-point numbers, by their bits.
    pub fpm_add: Polynomial,
    /// Multiplication of fixed-point numbers, by their bits.
    pub fpm_mul: Polynomial,
    /// Addition in half precision.
    pub fp16_add: Polynomial,
    /// Multiplication in half precision.
    pub fp16_mul: Polynomial,
    /// Addition in single precision.
    pub fp32_add: Polynomial,
    /// Multiplication in single precision.
    pub fp32_mul: Polynomial,
    /// Access of a word of an SRAM, by log2 of the SRAM's bits.
    pub sram_rd: Polynomial,
    /// Access of a DRAM, by the bits.
    pub dram_rd: Polynomial,
    /// Words for each bit that an SRAM holds: 1/64 for words of 64 bits.
    #[serde(default = "words_per_bit")]
    pub sram_mul_factor: f64,
}

/// Coefficients, the highest power first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<f64>", into = "Vec<f64>")]
pub struct Polynomial(Vec<f64>);

impl TryFrom<Vec<f64>> for Polynomial {
    type Error = &'static str;

    fn try_from(coefficients: Vec<f64>) -> Result<Self, &'static str> {
        match coefficients.is_empty() {
            true => Err("a list without coefficients"),
            false => Ok(Self(coefficients)),
        }
    }
}

impl From<Polynomial> for Vec<f64> {
    fn from(polynomial: Polynomial) -> Self {
        polynomial.0
    }
}

impl Polynomial {
    /// The value at `x`, at least 0. NumPy's order of operations.
    pub fn at(&self, x: f64) -> f64 {
        self.0.iter().fold(0.0, |sum, coefficient| sum * x + coefficient).max(0.0)
    }
}

/// The name of [`Process::horowitz`].
pub const HOROWITZ: &str = "horowitz";

fn words_per_bit() -> f64 {
    1.0 / 64.0
}

impl Process {
    /// The 45 nm process of M. Horowitz, "Computing's energy problem (and what we can do about it)",
    /// ISSCC 2014, pages 10 to 14, as QTools fits it: 8 bits add 0.03 pJ and 32 bits 0.1 pJ, and multiply
    /// 0.2 pJ and 3.1 pJ; an access of a DRAM takes 1.3 nJ for 64 bits.
    pub fn horowitz() -> Self {
        let polynomial = |coefficients: &[f64]| Polynomial(coefficients.to_vec());
        Self {
            fpm_add: polynomial(&[0.003125, 0.0]),
            fpm_mul: polynomial(&[0.002994791667, 0.001041666667, 0.0]),
            fp16_add: polynomial(&[0.4]),
            fp16_mul: polynomial(&[1.1]),
            fp32_add: polynomial(&[0.9]),
            fp32_mul: polynomial(&[3.7]),
            sram_rd: polynomial(&[9.02427321e-04, -2.68847858e-02, 2.08900804e-01, 0.0]),
            dram_rd: polynomial(&[20.3125, 0.0]),
            sram_mul_factor: words_per_bit(),
        }
    }

    /// Reads a process from a JSON file with the fields of this struct.
    ///
    /// # Errors
    /// If the file cannot be read, or a field is missing, unknown, or not a list of numbers.
    pub fn load(file: &Path) -> Result<Self, ProcessError> {
        let path = || file.display().to_string();
        let text = std::fs::read_to_string(file)
            .map_err(|error| ProcessError::Read { path: path(), error: error.to_string() })?;
        serde_json::from_str(&text)
            .map_err(|error| ProcessError::Content { path: path(), error: error.to_string() })
    }

    /// Energy of an operation whose result has the type `result`, for operands of `bits` bits.
    ///
    /// A gate with a floating-point result is a multiplier or an adder, whatever it selects.
    pub fn operation(&self, operation: Operation, result: &DataType, bits: f64) -> f64 {
        let is_half = result.bits <= HALF;
        match (operation, result.is_float()) {
            (Operation::Multiply, false) => &self.fpm_mul,
            (
                Operation::Add
                | Operation::Shift
                | Operation::Mux
                | Operation::Xor
                | Operation::And,
                false,
            ) => &self.fpm_add,
            (Operation::Add, true) if is_half => &self.fp16_add,
            (Operation::Add, true) => &self.fp32_add,
            (
                Operation::Multiply
                | Operation::Shift
                | Operation::Mux
                | Operation::Xor
                | Operation::And,
                true,
            ) if is_half => &self.fp16_mul,
            (
                Operation::Multiply
                | Operation::Shift
                | Operation::Mux
                | Operation::Xor
                | Operation::And,
                true,
            ) => &self.fp32_mul,
        }
        .at(bits)
    }

    /// Energy of reading or writing `bits` bits of an SRAM that holds them, or `least` bits.
    pub(super) fn sram(&self, bits: f64, least: f64) -> f64 {
        (bits * self.sram_mul_factor).ceil() * self.sram_rd.at(bits.max(least).log2())
    }

    /// Energy of reading or writing `bits` bits of a DRAM.
    pub(super) fn dram(&self, bits: f64) -> f64 {
        self.dram_rd.at(bits)
    }
}

/// Bits of half precision.
const HALF: i64 = 16;

/// A file that states no process.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum ProcessError {
    /// The file cannot be read.
    #[error("{path}: {error}")]
    #[diagnostic(help("name a JSON file, or '{HOROWITZ}'"))]
    Read {
        /// The file.
        path: String,
        /// The error of the system.
        error: String,
    },
    /// The file holds something else.
    #[error("{path} is not a process: {error}")]
    #[diagnostic(help(
        "state fpm_add, fpm_mul, fp16_add, fp16_mul, fp32_add, fp32_mul, sram_rd and dram_rd, each a list of coefficients in pJ, the highest power first; sram_mul_factor is optional"
    ))]
    Content {
        /// The file.
        path: String,
        /// The error.
        error: String,
    },
}
