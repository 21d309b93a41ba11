//! Resources of operators: adders, comparators, selectors, products.

use num_bigint::BigInt;

use super::{DspSlice, Resources};

/// Fewest non-zero signed digits of a constant whose product takes a DSP slice; with fewer, the
/// product is a wire or one addition. Vivado HLS 2017 gave the 16-bit jet tagger of Duarte et al.
/// (arXiv 1804.06913) 3,329 DSP slices: its weights have exactly 3,329 different pairs of an input
/// and a constant of three digits or more.
pub const DSP_DIGITS: u64 = 3;

/// Narrowest operand of a product with a constant that takes a DSP slice: with fewer bits, each bit
/// of the product is a function of one LUT.
pub const DSP_OPERAND: u32 = 4;

/// Widest product of two variables, of which one may come from a memory, that is built from LUTs:
/// Vivado HLS builds 8 x 8 bits from LUTs; the MLPerf Tiny submission of hls4ml (arXiv 2206.11791)
/// needs DSP slices for 8 x 9 and for 7 x 13 bits.
pub const LUT_PRODUCT: u32 = 16;

/// LUTs of an adder or subtracter: one a bit, with the carry chain (UG474, UG574).
pub fn adder(width: u32) -> u64 {
    width.into()
}

/// LUTs of a comparison of two numbers: one for two bits, with the carry chain.
pub fn comparator(width: u32) -> u64 {
    width.div_ceil(2).into()
}

/// LUTs of a choice between two numbers: a LUT of two outputs chooses two bits.
pub fn selector(width: u32) -> u64 {
    width.div_ceil(2).into()
}

/// LUTs of a choice among `inputs` numbers: a LUT chooses one bit of four (UG474, "Multiplexers").
pub fn multiplexer(inputs: u64, width: u32) -> u64 {
    inputs.saturating_sub(1).div_ceil(3) * u64::from(width)
}

/// Number of ones among `bits` bits: compressors of six bits to three take a LUT a bit.
pub fn population_count(bits: u64) -> u64 {
    bits
}

/// Non-zero digits of `code` in canonical signed digit form, in which no two neighbours are
/// non-zero: the fewest additions and subtractions for a product with it, plus one (Reitwiesner,
/// "Binary arithmetic", 1960).
pub fn signed_digits(code: &BigInt) -> u64 {
    let magnitude = code.magnitude();
    ((magnitude * 3_u32) ^ magnitude).count_ones()
}

/// The product of two variables, or of one with a constant from a memory.
pub fn product(slice: DspSlice, a: u32, b: u32) -> Resources {
    let (wide, narrow) = (a.max(b), a.min(b));
    if wide + narrow > LUT_PRODUCT && narrow >= DSP_OPERAND {
        return Resources { dsp: slices(slice, a, b), ..Resources::default() };
    }
    // An array of rows of adders, one a bit of the narrow factor.
    let lut = match narrow {
        0 | 1 => u64::from(wide * narrow),
        _ => adder(wide) * u64::from(narrow - 1),
    };
    Resources { lut, ..Resources::default() }
}

/// The product of a variable of `width` bits with the constant `code`.
pub fn constant_product(slice: DspSlice, width: u32, code: i64) -> Resources {
    match signed_digits(&code.into()) {
        0 | 1 => Resources::default(),
        digits if digits < DSP_DIGITS || width < DSP_OPERAND => {
            // Bits of one shifted operand that do not overlap with the other are wires.
            let lut = (digits - 1) * adder(width + 1);
            Resources { lut, ..Resources::default() }
        }
        _ => {
            let factor = u64::BITS - code.unsigned_abs().leading_zeros() + 1;
            Resources { dsp: slices(slice, width, factor), ..Resources::default() }
        }
    }
}

/// DSP slices of a product.
fn slices(slice: DspSlice, a: u32, b: u32) -> u64 {
    // A slice's factors lose their sign bit when several slices share a wide product.
    let tiles = |width: u32, slice: u32| match width {
        w if w <= slice => 1,
        w => u64::from((w - 1).div_ceil(slice - 1)),
    };
    let (wider, narrower) = slice.factors();
    tiles(a.max(b), wider) * tiles(a.min(b), narrower)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLICE: DspSlice = DspSlice::Dsp48E2;

    #[test]
    fn operators_take_luts_by_width() {
        assert_eq!((adder(17), comparator(17), selector(17)), (17, 9, 9));
        assert_eq!([1, 2, 4, 5, 16].map(|inputs| multiplexer(inputs, 8)), [0, 8, 8, 16, 40]);
        assert_eq!(population_count(64), 64);
    }

    #[test]
    fn digits_are_those_of_canonical_signed_form() {
        // 7 = 8 - 1, 11 = 8 + 4 - 1, 45 = 32 + 16 - 4 + 1, 85 = 64 + 16 + 4 + 1.
        let digits = [0, 1, -8, 7, -7, 11, 45, 85].map(|code| signed_digits(&BigInt::from(code)));
        assert_eq!(digits, [0, 1, 1, 2, 2, 3, 4, 4]);
        assert_eq!(signed_digits(&i64::MIN.into()), 1);
        assert_eq!(signed_digits(&i64::MAX.into()), 2);
    }

    #[test]
    fn wide_products_take_slices_of_their_kind() {
        let slices = |a, b| product(SLICE, a, b).dsp;
        assert_eq!([slices(16, 4), slices(9, 8), slices(27, 18), slices(18, 27)], [1, 1, 1, 1]);
        assert_eq!([slices(28, 18), slices(27, 19), slices(32, 32), slices(64, 64)], [2, 2, 4, 12]);
        let of = |slice| product(slice, 27, 20).dsp;
        assert_eq!([of(DspSlice::Dsp48E1), of(SLICE), of(DspSlice::Dsp58)], [4, 2, 1]);
    }

    #[test]
    fn narrow_products_take_luts() {
        let luts = |a, b| product(SLICE, a, b).lut;
        assert_eq!([luts(8, 8), luts(3, 16), luts(5, 1), luts(2, 2)], [56, 32, 5, 2]);
        assert_eq!(product(SLICE, 3, 16).dsp + product(SLICE, 8, 8).dsp, 0);
    }

    #[test]
    fn constants_of_few_digits_are_wires_and_additions() {
        let of = |width, code| {
            let Resources { dsp, lut, .. } = constant_product(SLICE, width, code);
            (dsp, lut)
        };
        assert_eq!([of(16, 0), of(16, 64), of(16, -1)], [(0, 0); 3]);
        assert_eq!([of(16, 7), of(16, 80), of(6, -3)], [(0, 17), (0, 17), (0, 7)]);
        assert_eq!([of(16, 11), of(6, 11), of(3, 11)], [(1, 0), (1, 0), (0, 8)]);
        assert_eq!(of(30, 12345), (2, 0));
    }
}
