//! Rounding and overflow modes, and types as text.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Format, FormatError, Range, Signedness};

/// Rounding mode: the treatment of bits below the LSB. Named as in `ap_fixed`, without `AP_`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Rounding {
    /// `AP_TRN` / `AC_TRN`: towards minus infinity.
    #[default]
    Trn,
    /// `AP_TRN_ZERO` / `AC_TRN_ZERO`: towards zero.
    TrnZero,
    /// `AP_RND` / `AC_RND`: to nearest, half towards plus infinity.
    Rnd,
    /// `AP_RND_ZERO` / `AC_RND_ZERO`: to nearest, half towards zero.
    RndZero,
    /// `AP_RND_INF` / `AC_RND_INF`: to nearest, half away from zero.
    RndInf,
    /// `AP_RND_MIN_INF` / `AC_RND_MIN_INF`: to nearest, half towards minus infinity.
    RndMinInf,
    /// `AP_RND_CONV` / `AC_RND_CONV`: to nearest, half to even.
    RndConv,
    /// `AC_RND_CONV_ODD`: to nearest, half to odd. Not in `ap_fixed`.
    RndConvOdd,
}

/// Overflow mode: the treatment of values out of range. Named as in `ap_fixed`, without `AP_`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Overflow {
    /// `AP_WRAP` / `AC_WRAP`: high bits are dropped. `saturated_bits` is `ap_fixed`'s N: that many top
    /// bits saturate instead; `ac_fixed` has only 0.
    Wrap {
        /// Number of top bits that saturate, 0 to the width.
        saturated_bits: u8,
    },
    /// `AP_SAT` / `AC_SAT`: to the nearest value of the format.
    Sat,
    /// `AP_SAT_ZERO` / `AC_SAT_ZERO`: to zero.
    SatZero,
    /// `AP_SAT_SYM` / `AC_SAT_SYM`: as `Sat`, and the smallest signed value becomes minus the
    /// largest.
    SatSym,
}

impl Overflow {
    /// Plain wrap, the default of `ap_fixed` and `ac_fixed`.
    pub const WRAP: Self = Self::Wrap { saturated_bits: 0 };

    /// Every mode, without saturated bits.
    pub const ALL: [Self; 4] = [Self::WRAP, Self::Sat, Self::SatZero, Self::SatSym];
}

impl Default for Overflow {
    fn default() -> Self {
        Self::WRAP
    }
}

/// A type: format, rounding and overflow mode, as in `ap_fixed<W, I, Q, O, N>` and
/// `ac_fixed<W, I, S, Q, O>`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Quantization {
    /// The format.
    pub format: Format,
    /// The rounding mode.
    pub rounding: Rounding,
    /// The overflow mode.
    pub overflow: Overflow,
}

impl Quantization {
    /// The codes that the type holds without overflow.
    pub fn held(&self) -> Range {
        let codes = self.format.codes();
        match self.overflow {
            Overflow::SatSym if self.format.is_signed() => {
                Range::new(-codes.high(), codes.high().clone())
            }
            Overflow::Sat | Overflow::SatSym | Overflow::SatZero | Overflow::Wrap { .. } => codes,
        }
    }

    /// The type of these three.
    pub fn new(format: Format, rounding: Rounding, overflow: Overflow) -> Self {
        Self { format, rounding, overflow }
    }
}

impl Rounding {
    /// Every mode; `ac_fixed` has all of them, `ap_fixed` all but the last.
    pub const ALL: [Self; 8] = [
        Self::Trn,
        Self::TrnZero,
        Self::Rnd,
        Self::RndZero,
        Self::RndInf,
        Self::RndMinInf,
        Self::RndConv,
        Self::RndConvOdd,
    ];

    /// The name without a vendor's prefix: `RND_CONV`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trn => "TRN",
            Self::TrnZero => "TRN_ZERO",
            Self::Rnd => "RND",
            Self::RndZero => "RND_ZERO",
            Self::RndInf => "RND_INF",
            Self::RndMinInf => "RND_MIN_INF",
            Self::RndConv => "RND_CONV",
            Self::RndConvOdd => "RND_CONV_ODD",
        }
    }
}

impl Overflow {
    /// The name without a vendor's prefix: `SAT_SYM`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wrap { .. } => "WRAP",
            Self::Sat => "SAT",
            Self::SatZero => "SAT_ZERO",
            Self::SatSym => "SAT_SYM",
        }
    }
}

/// The mode of this name, with or without `AP_` / `AC_`.
fn mode<T: Copy>(all: &[T], name_of: fn(T) -> &'static str, name: &str) -> Result<T, FormatError> {
    let bare = name.strip_prefix("AP_").or_else(|| name.strip_prefix("AC_")).unwrap_or(name);
    let found = all.iter().copied().find(|mode| name_of(*mode) == bare);
    found.ok_or_else(|| FormatError::Mode(name.into()))
}

impl fmt::Display for Quantization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = self.rounding == Rounding::Trn && self.overflow == Overflow::WRAP;
        if plain {
            return self.format.fmt(f);
        }
        let u = if self.format.is_signed() { "" } else { "u" };
        write!(f, "{u}fixed<{},{}", self.format.width(), self.format.integer_bits())?;
        write!(f, ",{},{}", self.rounding.name(), self.overflow.name())?;
        if let Overflow::Wrap { saturated_bits: n @ 1.. } = self.overflow {
            write!(f, ",{n}")?;
        }
        f.write_str(">")
    }
}

impl FromStr for Quantization {
    type Err = FormatError;

    /// Reads `fixed<W,I[,Q[,O[,N]]]>`, `ufixed<...>`, with or without `ap_`, modes with or
    /// without `AP_`, and `[u]int<W>` as a format without fraction.
    fn from_str(text: &str) -> Result<Self, FormatError> {
        let syntax = || FormatError::Syntax(text.into());
        let bare: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let bare = bare.strip_prefix("ap_").unwrap_or(&bare);
        let (head, rest) = bare.split_once('<').ok_or_else(syntax)?;
        let parts: Vec<&str> = rest.strip_suffix('>').ok_or_else(syntax)?.split(',').collect();
        let (signedness, is_int) = match head {
            "fixed" => (Signedness::Signed, false),
            "ufixed" => (Signedness::Unsigned, false),
            "int" => (Signedness::Signed, true),
            "uint" => (Signedness::Unsigned, true),
            _ => return Err(syntax()),
        };
        let number = |part: &str| part.parse::<i64>().map_err(|_| syntax());
        let (width, integer) = match &parts[..] {
            [width] if is_int => (width, width),
            [width, integer, modes @ ..] if !is_int && modes.len() <= 3 => (width, integer),
            _ => return Err(syntax()),
        };
        let (width, integer) = (number(width)?, number(integer)?);
        let width32 = u32::try_from(width).map_err(|_| FormatError::Width(width))?;
        let integer = i32::try_from(integer).map_err(|_| FormatError::Position(integer))?;
        let format = Format::new(signedness, width32, integer)?;
        let rounding = |name: &&str| mode(&Rounding::ALL, Rounding::name, name);
        let rounding = parts.get(2).map_or(Ok(Rounding::Trn), rounding)?;
        let overflow = |name: &&str| mode(&Overflow::ALL, Overflow::name, name);
        let mut overflow = parts.get(3).map_or(Ok(Overflow::WRAP), overflow)?;
        if let Some(part) = parts.get(4) {
            let n = number(part)?;
            match (&mut overflow, u8::try_from(n)) {
                (Overflow::Wrap { saturated_bits }, Ok(n)) if u32::from(n) <= width32 => {
                    *saturated_bits = n;
                }
                // hls4ml writes a 0 after every overflow mode.
                (_, Ok(0)) => {}
                _ => return Err(syntax()),
            }
        }
        Ok(Self { format, rounding, overflow })
    }
}

impl TryFrom<String> for Quantization {
    type Error = FormatError;
    fn try_from(text: String) -> Result<Self, FormatError> {
        text.parse()
    }
}

impl From<Quantization> for String {
    fn from(quantization: Quantization) -> Self {
        quantization.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    fn parsed(text: &str) -> Result<String, FormatError> {
        text.parse().map(|q: Quantization| q.to_string())
    }

    #[test]
    fn the_spellings_of_ap_fixed_are_read() {
        for (text, expected) in [
            ("fixed<8,3>", "fixed<8,3>"),
            ("ap_ufixed<8, 3>", "ufixed<8,3>"),
            ("ap_fixed<8,3,AP_RND_CONV,AP_SAT>", "fixed<8,3,RND_CONV,SAT>"),
            ("fixed<8,3,TRN,WRAP>", "fixed<8,3>"),
            ("fixed<8,3,TRN,WRAP,0>", "fixed<8,3>"),
            ("fixed<8,3,RND>", "fixed<8,3,RND,WRAP>"),
            ("fixed<8,3,TRN,WRAP,8>", "fixed<8,3,TRN,WRAP,8>"),
            ("fixed<8,3,AC_RND_CONV_ODD,AC_SAT_SYM>", "fixed<8,3,RND_CONV_ODD,SAT_SYM>"),
            ("ap_int<5>", "fixed<5,5>"),
            ("uint<5>", "ufixed<5,5>"),
        ] {
            assert_eq!(parsed(text), Ok(expected.into()));
        }
    }

    #[test]
    fn other_text_is_an_error() {
        for text in [
            "float",
            "fixed",
            "fixed<8,3",
            "fixed<>",
            "fixed<8,x>",
            "fixed<8,3,TRN,WRAP,9>",
            "fixed<8,3,TRN,WRAP,-1>",
            "fixed<8,3,TRN,SAT,1>",
            "fixed<8,3,TRN,WRAP,1,1>",
            "int<8,3>",
            "fixed<8,3>>",
            "double<8,3>",
        ] {
            assert_eq!(parsed(text), Err(FormatError::Syntax(text.into())));
        }
        let unknown = parsed("fixed<8,3,AP_ROUND>").unwrap_err();
        assert_eq!(unknown.to_string(), "'AP_ROUND' is no rounding or overflow mode");
        assert_eq!(parsed("fixed<8,3,SAT>"), Err(FormatError::Mode("SAT".into())));
        assert_eq!(parsed("fixed<8,3,TRN,RND>"), Err(FormatError::Mode("RND".into())));
    }

    proptest! {
        #[test]
        fn printing_and_parsing_are_inverse(
            signed: bool, width in 1..=128u32, integer in -1024..=1024i32,
            rounding in select(&Rounding::ALL), overflow in select(&Overflow::ALL), bits: u8,
        ) {
            let signedness = if signed { Signedness::Signed } else { Signedness::Unsigned };
            let overflow = match overflow {
                Overflow::Wrap { .. } => Overflow::Wrap { saturated_bits: bits % (width as u8 + 1) },
                other => other,
            };
            let format = Format::new(signedness, width, integer).unwrap();
            let quantization = Quantization::new(format, rounding, overflow);
            prop_assert_eq!(quantization.to_string().parse(), Ok(quantization));
            let json = serde_json::to_string(&quantization).unwrap();
            prop_assert_eq!(serde_json::from_str::<Quantization>(&json).unwrap(), quantization);
            prop_assert_eq!(format.to_string().parse(), Ok(format));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,40}", inner in "[-0-9A-Z_,<> ]{0,30}") {
            let _ = text.parse::<Quantization>();
            let _ = format!("fixed<{inner}>").parse::<Quantization>();
            let _ = format!("ap_uint<{inner}>").parse::<Format>();
        }
    }
}
