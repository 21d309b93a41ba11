//! Samples for a simulation: quantized real numbers, and random vectors for a test bench.

use ndarray::{ArrayD, ArrayViewD, IxDyn};
use num_bigint::{BigInt, BigUint};
use num_traits::ToPrimitive;

use crate::fixed::{
    Caster, Codes, Format, Overflow, Quantization, Range, Rounding, cast_real, exact_code,
};
use crate::ir::Graph;

/// Quantized samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quantized {
    /// The codes.
    pub codes: Codes,
    /// Number of values that were rounded.
    pub rounded: usize,
    /// Number of values beyond the type.
    pub saturated: usize,
}

/// `values` as codes of `format`, rounded half to even and saturated; `None` if a value is NaN.
pub fn quantize(values: &ArrayViewD<'_, f64>, format: Format) -> Option<Quantized> {
    quantize_as(values, &Quantization::new(format, Rounding::RndConv, Overflow::Sat))
}

/// `values` as codes of `to`, by its modes; `None` if a value is NaN.
pub fn quantize_as(values: &ArrayViewD<'_, f64>, to: &Quantization) -> Option<Quantized> {
    let format = to.format;
    let (mut rounded, mut saturated) = (0, 0);
    let ends = to.held().values(format.fractional_bits());
    let fast = FastCast::new(to);
    let codes = values.iter().map(|value| {
        let inside = ends.0 <= *value && *value <= ends.1;
        saturated += usize::from(!inside);
        let fast = fast.as_ref().and_then(|fast| fast.apply(*value));
        if let Some((code, is_exact)) = fast {
            rounded += usize::from(inside && !is_exact);
            return Some(Ok(code));
        }
        rounded += usize::from(inside && exact_code(*value, format.fractional_bits()).is_none());
        cast_real(value.clamp(f64::MIN, f64::MAX), to).map(Err)
    });
    let codes = if format.is_narrow() {
        let narrow = |code: Result<i64, BigInt>| code.map_or_else(|big| big.to_i64(), Some);
        let codes: Vec<i64> = codes.map(|code| narrow(code?)).collect::<Option<_>>()?;
        Codes::Narrow(shaped(values, codes))
    } else {
        let big = |code: Result<i64, BigInt>| code.map_or_else(|big| big, BigInt::from);
        Codes::from_big(shaped(values, codes.map(|code| code.map(big)).collect::<Option<_>>()?))
    };
    Some(Quantized { codes, rounded, saturated })
}

/// A cast of real numbers by way of integers with many fractional bits, for numbers that these hold
/// exactly: nearly all that float32 has.
struct FastCast {
    caster: Caster<i64>,
    /// 2^[`FRACTION`](Self::FRACTION).
    scale: f64,
    /// The value of a code's LSB, inverted.
    codes: f64,
}

impl FastCast {
    /// Fractional bits.
    const FRACTION: i32 = 44;
    /// Magnitudes below this fit 64 bits.
    const LIMIT: f64 = (1_u64 << 62) as f64;

    /// `None` if codes may exceed 64 bits, or the LSB is so far from 1 that products may underflow.
    fn new(to: &Quantization) -> Option<Self> {
        if to.format.fractional_bits().abs() > 512 {
            return None;
        }
        let caster = Caster::new(Self::FRACTION, to)?;
        let power = |bits: i32| libm::ldexp(1.0, bits);
        Some(Self {
            caster,
            scale: power(Self::FRACTION),
            codes: power(to.format.fractional_bits()),
        })
    }

    /// The code, and true if it is the value; `None` if the integers do not hold `value`.
    fn apply(&self, value: f64) -> Option<(i64, bool)> {
        // Products with powers of two are exact, unless they underflow to a number below 1.
        let (scaled, code) = (value * self.scale, value * self.codes);
        let is_held = scaled.abs() < Self::LIMIT && scaled.fract() == 0.0;
        let is_held = is_held && (scaled != 0.0 || value == 0.0);
        is_held.then(|| (self.caster.apply(&(scaled as i64)), code.fract() == 0.0))
    }
}

fn shaped<T>(values: &ArrayViewD<'_, f64>, codes: Vec<T>) -> ArrayD<T> {
    ArrayD::from_shape_vec(values.raw_dim(), codes).expect("a code per value")
}

/// Random vectors: `samples` samples for each input of `graph`, the same in every run. The first
/// four samples are the smallest codes, the largest codes, zeros, and both ends alternating; the
/// others are uniformly distributed.
pub fn vectors(graph: &Graph, samples: usize) -> Vec<Codes> {
    let mut random = Random { state: 0x9e37_79b9_7f4a_7c15 };
    graph
        .inputs
        .iter()
        .map(|id| {
            let tensor = &graph[*id].tensor;
            let range = tensor.range();
            let mut codes = Vec::with_capacity(samples * tensor.len());
            for sample in 0..samples {
                for element in 0..tensor.len() {
                    codes.push(match (sample, element % 2) {
                        (0, _) | (3, 0) => range.low().clone(),
                        (1, _) | (3, _) => range.high().clone(),
                        (2, _) => BigInt::ZERO.clamp(range.low().clone(), range.high().clone()),
                        _ => random.within(&range),
                    });
                }
            }
            let shape: Vec<usize> =
                std::iter::once(samples).chain(tensor.shape.iter().copied()).collect();
            let codes = ArrayD::from_shape_vec(IxDyn(&shape), codes);
            Codes::from_big(codes.expect("as many codes as the shape has"))
        })
        .collect()
}

/// SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014): the
/// same vectors on every machine, in every version.
struct Random {
    state: u64,
}

impl Random {
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn within(&mut self, range: &Range) -> BigInt {
        let count: BigInt = range.high() - range.low() + 1;
        // With 192 random bits for at most 128, the bias of the remainder is below 2^-64.
        let words: Vec<u32> = (0..3)
            .flat_map(|_| {
                let word = self.next();
                [word as u32, (word >> 32) as u32]
            })
            .collect();
        let drawn = BigInt::from(BigUint::new(words));
        range.low() + drawn % count
    }
}
