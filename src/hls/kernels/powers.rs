//! Powers of two as factors: numbers move, and are added or subtracted.

use num_bigint::{BigInt, Sign};
use serde::Serialize;

use super::super::build::{Builder, Site};
use super::super::form::{self, Scaling, Shift};
use super::super::{ConstantId, HlsError, TypeId};
use crate::fixed::Codes;
use crate::ir;

/// The signs of factors, one for each.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "kind", content = "constant", rename_all = "snake_case")]
pub enum SignCodes {
    /// One bit each: 1 for a factor below 0. No factor is 0.
    Negative(ConstantId),
    /// Two bits each: -1, 0, 1.
    Sign(ConstantId),
}

/// How numbers move: `number << up >> down`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Places {
    /// Holds a number at each place.
    pub wide: TypeId,
    /// Places up.
    pub up: u32,
    /// Then places down.
    pub down: Down,
}

/// Places down.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "kind", content = "places", rename_all = "snake_case")]
pub enum Down {
    /// The same for all numbers; 0 for none.
    Same(u32),
    /// One for each.
    Each(ConstantId),
}

/// What numbers are multiplied by, each by a factor of its own or all by one.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "form", rename_all = "snake_case")]
pub enum Factors {
    /// Any numbers.
    Numbers(Numbers),
    /// Powers of two, positive or negative, or 0.
    Powers(Powers),
}

/// Factors that are multiplied by.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Numbers {
    /// The factors.
    pub constant: ConstantId,
}

/// Factors that move what they multiply.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Powers {
    /// How numbers move.
    pub places: Places,
    /// Whether they are added or subtracted then.
    pub signs: FactorSigns,
}

/// The signs of factors.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "kind", content = "codes", rename_all = "snake_case")]
pub enum FactorSigns {
    /// All are positive.
    Plus,
    /// All are negative.
    Minus,
    /// Each has its own.
    Each(SignCodes),
}

impl SignCodes {
    /// The constant that holds them.
    pub(super) fn constant(self) -> ConstantId {
        match self {
            Self::Negative(constant) | Self::Sign(constant) => constant,
        }
    }
}

impl Places {
    /// The places down, where numbers have places of their own.
    pub(super) fn each(&self) -> Option<ConstantId> {
        match self.down {
            Down::Same(_) => None,
            Down::Each(constant) => Some(constant),
        }
    }
}

impl Factors {
    /// The constants that hold them.
    pub(super) fn constants(&self) -> Vec<ConstantId> {
        match self {
            Self::Numbers(numbers) => vec![numbers.constant],
            Self::Powers(Powers { places, signs }) => {
                let signs = match signs {
                    FactorSigns::Each(codes) => Some(codes.constant()),
                    FactorSigns::Plus | FactorSigns::Minus => None,
                };
                signs.into_iter().chain(places.each()).collect()
            }
        }
    }
}

/// `factors`, which the operand is multiplied by; the array and its type are called `suffix`, and hold
/// what `holds` says.
pub(super) fn factors(
    builder: &mut Builder<'_>,
    site: &Site<'_>,
    (suffix, holds): (&str, &'static str),
    factors: &ir::Constant,
) -> Result<Factors, HlsError> {
    let shift = match Scaling::of(factors, &site.operand.tensor) {
        Scaling::Shifts(shift) => shift,
        Scaling::Products => {
            let constant = builder.constant(site, suffix, holds, factors)?;
            return Ok(Factors::Numbers(Numbers { constant }));
        }
    };
    let codes = &factors.codes;
    let all = |sign: Sign| codes.iter().all(|code| code.sign() == sign);
    let signs = if all(Sign::Plus) {
        FactorSigns::Plus
    } else if all(Sign::Minus) {
        FactorSigns::Minus
    } else {
        FactorSigns::Each(sign_codes(builder, site, codes)?)
    };
    let places =
        places(builder, site, ("moved", "operands at their places"), &shift, codes.shape())?;
    Ok(Factors::Powers(Powers { places, signs }))
}

/// The signs of `codes`, in one bit each if none is 0, else in two.
pub(super) fn sign_codes(
    builder: &mut Builder<'_>,
    site: &Site<'_>,
    codes: &Codes,
) -> Result<SignCodes, HlsError> {
    if codes.iter().all(|code| code != BigInt::ZERO) {
        return negative(builder, site, codes).map(SignCodes::Negative);
    }
    let signs = form::signs(codes).ok_or_else(|| misshapen(site))?;
    builder.integers(site, "sign", "signs of factors", signs).map(SignCodes::Sign)
}

/// 1 for each of `codes` below 0.
pub(super) fn negative(
    builder: &mut Builder<'_>,
    site: &Site<'_>,
    codes: &Codes,
) -> Result<ConstantId, HlsError> {
    let negative = codes.iter().map(|code| i64::from(code.sign() == Sign::Minus));
    let negative = form::shaped(codes.shape(), negative).ok_or_else(|| misshapen(site))?;
    builder.integers(site, "negative", "1 for factors below 0", negative)
}

/// The type and the constants that make numbers move; `shape` is that of the constants.
pub(super) fn places(
    builder: &mut Builder<'_>,
    site: &Site<'_>,
    (suffix, holds): (&str, &'static str),
    shift: &Shift,
    shape: &[usize],
) -> Result<Places, HlsError> {
    let wide = builder.local_type(site, suffix, holds, shift.format, shift.range.clone());
    let down = match shift.common() {
        Some(down) => Down::Same(down),
        None => {
            let codes = form::shaped(shape, shift.down.iter().map(|down| i64::from(*down)))
                .ok_or_else(|| misshapen(site))?;
            Down::Each(builder.integers(site, "shift", "places down", codes)?)
        }
    };
    Ok(Places { wide, up: shift.up, down })
}

fn misshapen(site: &Site<'_>) -> HlsError {
    site.broken("weights of another number than their shape says")
}
