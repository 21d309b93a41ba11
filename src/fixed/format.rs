//! Formats: the codes and the LSB of a type, and the formats of results of arithmetic.
//!
//! Formats of results are those of `ap_fixed` and `ac_fixed`, and hold every result exactly.

use std::fmt;
use std::str::FromStr;

use num_bigint::BigInt;
use num_traits::{One, Zero};
use serde::{Deserialize, Serialize};

use super::Range;

/// Maximum width of a format, in bits.
pub const MAX_WIDTH: u32 = 128;

/// Unsigned or two's complement.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum Signedness {
    /// Codes from 0 to 2^width - 1.
    Unsigned,
    /// Two's complement: codes from -2^(width-1) to 2^(width-1) - 1.
    Signed,
}

/// A fixed-point format: `width` bits, `integer` of them integer bits (the sign bit included, as
/// `ap_fixed<W, I>` and `ac_fixed<W, I, S>` count them). There may be fewer than 0 integer bits, or more
/// than the width.
///
/// ```
/// use bitkiln::fixed::Format;
/// let f: Format = "fixed<8,1>".parse()?;
/// assert_eq!((f.width(), f.integer_bits(), f.fractional_bits()), (8, 1, 7));
/// # Ok::<(), bitkiln::fixed::FormatError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Format {
    signedness: Signedness,
    width: u8,
    integer: i32,
}

/// An invalid format, or text that is no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// A width outside 1..=128.
    #[error("a format is 1 to {MAX_WIDTH} bits wide, not {0}")]
    Width(i64),
    /// A binary point too far from the word.
    #[error("integer bits must be within ±{limit}, not {0}", limit = Format::MAX_POSITION)]
    Position(i64),
    /// Not of the form `fixed<W,I>` or `ufixed<W,I>`.
    #[error(
        "'{0}' is no type: write fixed<W,I> or ufixed<W,I>, optionally with rounding and overflow modes"
    )]
    Syntax(String),
    /// Modes where only a format is meant.
    #[error("'{0}' has modes, but a plain format is expected: write fixed<W,I> or ufixed<W,I>")]
    Modes(String),
    /// An unknown rounding or overflow mode.
    #[error("'{0}' is no rounding or overflow mode")]
    Mode(String),
}

impl Format {
    /// Maximum magnitude of the integer bits: far more than a network has, and few enough for cheap
    /// shifts between any two formats.
    pub const MAX_POSITION: i32 = 1024;

    /// A format of `width` bits, `integer` of them integer bits.
    ///
    /// # Errors
    /// If the width is not in 1..=128, or the integer bits exceed ±[`Format::MAX_POSITION`].
    pub fn new(signedness: Signedness, width: u32, integer: i32) -> Result<Self, FormatError> {
        if width == 0 || width > MAX_WIDTH {
            return Err(FormatError::Width(width.into()));
        }
        if integer.unsigned_abs() > Self::MAX_POSITION.unsigned_abs() {
            return Err(FormatError::Position(integer.into()));
        }
        Ok(Self { signedness, width: width as u8, integer })
    }

    /// [`Format::new`] for constants: an invalid format is a compile error.
    #[must_use]
    pub const fn literal(signedness: Signedness, width: u32, integer: i32) -> Self {
        assert!(width > 0 && width <= MAX_WIDTH, "the width is not in 1..=128");
        assert!(integer.unsigned_abs() <= Self::MAX_POSITION.unsigned_abs(), "too far away");
        Self { signedness, width: width as u8, integer }
    }

    /// `ap_fixed<width, integer>`.
    ///
    /// # Errors
    /// See [`Format::new`].
    pub fn signed(width: u32, integer: i32) -> Result<Self, FormatError> {
        Self::new(Signedness::Signed, width, integer)
    }

    /// `ap_ufixed<width, integer>`.
    ///
    /// # Errors
    /// See [`Format::new`].
    pub fn unsigned(width: u32, integer: i32) -> Result<Self, FormatError> {
        Self::new(Signedness::Unsigned, width, integer)
    }

    /// The narrowest format with `fraction` fractional bits that holds every code of `range`; unsigned
    /// if no code is negative.
    ///
    /// # Errors
    /// If that takes more than 128 bits.
    pub fn covering(range: &Range, fraction: i32) -> Result<Self, FormatError> {
        let (signedness, width) = range.bits();
        let width = width.max(1);
        let integer = i64::from(fraction).saturating_neg().saturating_add(width as i64);
        let width = u32::try_from(width).unwrap_or(u32::MAX);
        let integer = i32::try_from(integer).map_err(|_| FormatError::Position(integer))?;
        Self::new(signedness, width, integer)
    }

    /// Signed or unsigned.
    pub fn signedness(self) -> Signedness {
        self.signedness
    }

    /// True if the format has a sign bit.
    pub fn is_signed(self) -> bool {
        self.signedness == Signedness::Signed
    }

    /// Word length in bits, the sign bit included.
    pub fn width(self) -> u32 {
        self.width.into()
    }

    /// Integer bits, the sign bit included.
    pub fn integer_bits(self) -> i32 {
        self.integer
    }

    /// Fractional bits f: the LSB is 2^-f.
    pub fn fractional_bits(self) -> i32 {
        self.width as i32 - self.integer
    }

    /// The value of one LSB.
    pub fn lsb(self) -> f64 {
        super::exp2(-self.fractional_bits())
    }

    /// The range of all codes.
    pub fn codes(self) -> Range {
        match self.signedness {
            Signedness::Unsigned => Range::new(BigInt::zero(), (BigInt::one() << self.width) - 1),
            Signedness::Signed => {
                let half = BigInt::one() << (self.width - 1);
                Range::new(-half.clone(), half - 1)
            }
        }
    }

    /// True if all codes fit an `i64`.
    pub fn is_narrow(self) -> bool {
        self.width() + u32::from(!self.is_signed()) <= 64
    }

    /// The format of the same bits times 2^`power`: a shift of the binary point.
    ///
    /// # Errors
    /// If the integer bits exceed ±[`Format::MAX_POSITION`].
    pub fn scaled(self, power: i32) -> Result<Self, FormatError> {
        let integer = self.integer.saturating_add(power);
        Self::new(self.signedness, self.width(), integer)
    }
}

impl Format {
    /// The format of a product: widths and integer bits add up.
    ///
    /// # Errors
    /// If that takes more than 128 bits.
    pub fn product(self, other: Self) -> Result<Self, FormatError> {
        Self::new(
            either(self, other),
            self.width() + other.width(),
            self.integer_bits() + other.integer_bits(),
        )
    }

    /// The format of a sum: one integer bit more than the larger operand, and the smaller LSB.
    ///
    /// # Errors
    /// If that takes more than 128 bits.
    pub fn sum(self, other: Self) -> Result<Self, FormatError> {
        let integer = common_integer(self, other) + 1;
        let width = integer + self.fractional_bits().max(other.fractional_bits());
        Self::new(either(self, other), width.unsigned_abs(), integer)
    }

    /// The format of a difference: that of the sum, made signed.
    ///
    /// # Errors
    /// If that takes more than 128 bits.
    pub fn difference(self, other: Self) -> Result<Self, FormatError> {
        let sum = self.sum(other)?;
        Self::signed(sum.width(), sum.integer_bits())
    }

    /// The format of `-x`: signed, with one integer bit more.
    ///
    /// # Errors
    /// If that takes more than 128 bits.
    pub fn negated(self) -> Result<Self, FormatError> {
        Self::signed(self.width() + 1, self.integer_bits() + 1)
    }
}

/// Signed if either operand is.
fn either(a: Format, b: Format) -> Signedness {
    a.signedness().max(b.signedness())
}

/// Integer bits that hold both operands; next to a signed one an unsigned one gains a sign bit.
fn common_integer(a: Format, b: Format) -> i32 {
    let signed = either(a, b) == Signedness::Signed;
    let with_sign = |x: Format| x.integer_bits() + i32::from(signed && !x.is_signed());
    with_sign(a).max(with_sign(b))
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let u = if self.is_signed() { "" } else { "u" };
        write!(f, "{u}fixed<{},{}>", self.width, self.integer)
    }
}

impl FromStr for Format {
    type Err = FormatError;

    /// Reads `fixed<W,I>`, `ufixed<W,I>`, and the same with `ap_` before it.
    fn from_str(text: &str) -> Result<Self, FormatError> {
        let quantization: super::Quantization = text.parse()?;
        if text.split(',').count() > 2 {
            return Err(FormatError::Modes(text.into()));
        }
        Ok(quantization.format)
    }
}

impl TryFrom<String> for Format {
    type Error = FormatError;
    fn try_from(text: String) -> Result<Self, FormatError> {
        text.parse()
    }
}

impl From<Format> for String {
    fn from(format: Format) -> Self {
        format.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(text: &str) -> Format {
        text.parse().unwrap()
    }

    #[test]
    fn the_binary_point_may_be_outside_the_word() {
        let coarse = format("ufixed<4,6>");
        assert_eq!((coarse.fractional_bits(), coarse.lsb()), (-2, 4.0));
        let fine = format("fixed<4,-2>");
        assert_eq!((fine.fractional_bits(), fine.lsb()), (6, 0.015625));
    }

    #[test]
    fn codes_are_two_s_complement() {
        assert_eq!(format("fixed<4,1>").codes(), Range::new(-8, 7));
        assert_eq!(format("fixed<1,1>").codes(), Range::new(-1, 0));
        assert_eq!(format("ufixed<4,1>").codes(), Range::new(0, 15));
        assert_eq!(format("ufixed<128,1>").codes(), Range::new(0, u128::MAX));
        assert_eq!(format("fixed<128,1>").codes(), Range::new(i128::MIN, i128::MAX));
    }

    #[test]
    fn covering_takes_the_fewest_bits() {
        let cases = [
            (Range::new(-38, 37), 5, "fixed<7,2>"),
            (Range::new(-8, 7), 0, "fixed<4,4>"),
            (Range::new(-9, 7), 0, "fixed<5,5>"),
            (Range::new(0, 8), 3, "ufixed<4,1>"),
            (Range::point(0), 2, "ufixed<1,-1>"),
            (Range::point(-1), -3, "fixed<1,4>"),
        ];
        for (range, fraction, expected) in cases {
            assert_eq!(Format::covering(&range, fraction), Ok(format(expected)));
        }
        let wide = Range::new(0, BigInt::one() << 128);
        assert_eq!(Format::covering(&wide, 0), Err(FormatError::Width(129)));
        let near = Range::point(1);
        assert_eq!(Format::covering(&near, 2000), Err(FormatError::Position(-1999)));
        assert_eq!(Format::covering(&near, i32::MIN), Err(FormatError::Position(2_147_483_649)));
    }

    #[test]
    fn narrow_formats_fit_an_i64() {
        for (text, narrow) in
            [("fixed<64,3>", true), ("ufixed<63,3>", true), ("ufixed<64,3>", false)]
        {
            assert_eq!(format(text).is_narrow(), narrow, "{text}");
        }
    }

    #[test]
    fn scaling_shifts_the_binary_point() {
        assert_eq!(format("fixed<8,3>").scaled(-5), Ok(format("fixed<8,-2>")));
        assert_eq!(
            format("fixed<8,3>").scaled(i32::MAX),
            Err(FormatError::Position(2_147_483_647))
        );
    }

    #[test]
    fn widths_and_integer_bits_have_limits() {
        let message = |text: &str| text.parse::<Format>().unwrap_err().to_string();
        assert_eq!(message("fixed<0,0>"), "a format is 1 to 128 bits wide, not 0");
        assert_eq!(message("fixed<129,0>"), "a format is 1 to 128 bits wide, not 129");
        assert_eq!(message("uint<-3>"), "a format is 1 to 128 bits wide, not -3");
        assert_eq!(message("fixed<8,1025>"), "integer bits must be within ±1024, not 1025");
        assert_eq!(
            message("fixed<8,-9999999999>"),
            "integer bits must be within ±1024, not -9999999999"
        );
    }

    #[test]
    fn a_format_has_no_modes() {
        for text in ["fixed<8,1,RND>", "fixed<8,1,TRN,WRAP>"] {
            assert_eq!(text.parse::<Format>(), Err(FormatError::Modes(text.into())));
        }
        assert_eq!(
            FormatError::Modes("fixed<8,1,RND>".into()).to_string(),
            "'fixed<8,1,RND>' has modes, but a plain format is expected: write fixed<W,I> or \
             ufixed<W,I>"
        );
        for text in ["fixed<8>", "8,1", ""] {
            assert_eq!(text.parse::<Format>(), Err(FormatError::Syntax(text.into())));
        }
        assert_eq!(
            FormatError::Syntax("float".into()).to_string(),
            "'float' is no type: write fixed<W,I> or ufixed<W,I>, optionally with rounding and \
             overflow modes"
        );
    }

    #[test]
    fn json_holds_a_format_as_its_text() {
        let text = "\"ufixed<6,-2>\"";
        let parsed: Format = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&parsed).unwrap(), text);
        assert!(serde_json::from_str::<Format>("\"fixed<0,0>\"").is_err());
    }

    #[test]
    fn results_have_room_for_every_value() {
        let (s, u) = (format("fixed<8,3>"), format("ufixed<6,4>"));
        assert_eq!(s.product(u), Ok(format("fixed<14,7>")));
        assert_eq!(u.product(u), Ok(format("ufixed<12,8>")));
        // ufixed<6,4> next to a signed operand counts as fixed<7,5>.
        assert_eq!(s.sum(u), Ok(format("fixed<11,6>")));
        assert_eq!(u.sum(s), Ok(format("fixed<11,6>")));
        assert_eq!(u.sum(u), Ok(format("ufixed<7,5>")));
        assert_eq!(u.difference(u), Ok(format("fixed<7,5>")));
        assert_eq!(s.negated(), Ok(format("fixed<9,4>")));
        assert_eq!(u.negated(), Ok(format("fixed<7,5>")));
    }

    #[test]
    fn sums_and_products_with_the_point_outside_the_word() {
        // LSBs of 4 and 1/64.
        let (coarse, fine) = (format("fixed<4,6>"), format("ufixed<3,-3>"));
        assert_eq!(coarse.sum(fine), Ok(format("fixed<13,7>")));
        assert_eq!(coarse.product(fine), Ok(format("fixed<7,3>")));
    }

    #[test]
    fn results_beyond_128_bits_are_errors() {
        let wide = format("fixed<128,64>");
        assert_eq!(wide.product(format("fixed<1,1>")), Err(FormatError::Width(129)));
        assert_eq!(wide.sum(wide), Err(FormatError::Width(129)));
        assert_eq!(wide.difference(wide), Err(FormatError::Width(129)));
        assert_eq!(wide.negated(), Err(FormatError::Width(129)));
    }
}
