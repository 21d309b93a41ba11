//! The formats of results, as `ap_fixed` and `ac_fixed` agree on them.
//!
//! Each holds every result exactly. Integer types follow the same rules with no bits behind the
//! point. Shifts by a number of places keep the format of what is shifted.

use super::{Format, FormatError, Signedness};

impl Format {
    /// The format of a product: widths and integer positions add up.
    ///
    /// # Errors
    /// If that takes more than 128 bits.
    pub fn product(self, other: Self) -> Result<Self, FormatError> {
        Self::new(
            either(self, other),
            self.width() + other.width(),
            self.integer() + other.integer(),
        )
    }

    /// The format of a sum: one bit above the larger operand's first, down to the smaller one's
    /// last.
    ///
    /// # Errors
    /// If that takes more than 128 bits.
    pub fn sum(self, other: Self) -> Result<Self, FormatError> {
        let integer = common_integer(self, other) + 1;
        let width = integer + self.fraction().max(other.fraction());
        Self::new(either(self, other), width.unsigned_abs(), integer)
    }

    /// The format of a difference: that of a sum, and always signed.
    ///
    /// # Errors
    /// If that takes more than 128 bits.
    pub fn difference(self, other: Self) -> Result<Self, FormatError> {
        let sum = self.sum(other)?;
        Self::signed(sum.width(), sum.integer())
    }

    /// The format of `-x`: signed, with one more bit above the point.
    ///
    /// # Errors
    /// If that takes more than 128 bits.
    pub fn negated(self) -> Result<Self, FormatError> {
        Self::signed(self.width() + 1, self.integer() + 1)
    }
}

/// Signed if either operand is.
fn either(a: Format, b: Format) -> Signedness {
    a.signedness().max(b.signedness())
}

/// Bits above the point that hold both; next to a signed operand an unsigned one gains a sign bit.
fn common_integer(a: Format, b: Format) -> i32 {
    let signed = either(a, b) == Signedness::Signed;
    let with_sign = |x: Format| x.integer() + i32::from(signed && !x.is_signed());
    with_sign(a).max(with_sign(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(text: &str) -> Format {
        text.parse().unwrap()
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
    fn points_outside_of_the_word_count() {
        // Steps of 4 and steps of 1/64 below 1/8.
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
