//! Constant factors: scales of channels, slopes, powers of two.

use num_bigint::{BigInt, Sign};
use serde::Serialize;

use super::{Body, Built};
use crate::config::Pace;
use crate::fixed::{Codes, Format, FormatError, Range};
use crate::hls::build::NodeBuilder;
use crate::hls::estimate::{DspSlice, constant_products, shared_product};
use crate::hls::form::{self, Scaling, Shift};
use crate::hls::plan::{Nest, reuse_factor_of_least_area, reuse_factor_up_to};
use crate::hls::{ConstantId, Cost, HlsError, Multipliers, Number, TypeId};
use crate::ir::{self, Op};

/// The signs of factors, one for each.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "kind", content = "constant", rename_all = "snake_case")]
pub enum SignCodes {
    /// One bit each: 1 for a factor below 0. No factor is 0.
    Negative(ConstantId),
    /// Two bits each: -1, 0, 1.
    Sign(ConstantId),
}

/// Constant shifts: `number << left >> right`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Shifter {
    /// Holds the number before, between and after the shifts.
    pub element: TypeId,
    /// Left shift in bits.
    pub left: u32,
    /// Then right shift.
    pub right: RightShift,
}

/// A right shift in bits.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "kind", content = "bits", rename_all = "snake_case")]
pub enum RightShift {
    /// The same for all numbers; 0 for none.
    Same(u32),
    /// One for each.
    Each(ConstantId),
}

/// Constant factors: one for each number, or one for all.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "form", rename_all = "snake_case")]
pub enum Factors {
    /// Any numbers.
    Numbers {
        /// The factors to multiply by.
        constant: ConstantId,
    },
    /// ± Powers of two, or 0.
    Powers {
        /// The shifts.
        shift: Shifter,
        /// The signs.
        signs: FactorSigns,
    },
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

/// `output[r, c] = input[r, c] · scales[c] + biases[c]`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct AffineKernel {
    /// Rows of channels of a sample.
    pub rows: usize,
    /// Elements of a row.
    pub channels: usize,
    /// Positions that have constants of their own, of which a call computes one; 1 if all have the
    /// same.
    pub positions: usize,
    /// \[positions, channels\], or one for all.
    pub scales: Factors,
    /// Set if there is a scale for each channel.
    pub by_channel: bool,
    /// \[positions, channels\], or one for all.
    pub bias: Option<Bias>,
}

/// Biases.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Bias {
    /// The biases.
    pub constant: ConstantId,
    /// Set if there is one for each channel.
    pub by_channel: bool,
}

pub(super) fn build_affine(cx: &mut NodeBuilder<'_>, op: &ir::Affine) -> Result<Built, HlsError> {
    let element = cx.values_type();
    let (operand, result) = (&cx.operand.tensor, &cx.node.tensor);
    let (rows, channels) = (result.rows(), result.channel_count());
    let positions = cx.positions.count as usize;
    let by_channel = |holds: &str, constant: &ir::Constant| match constant.codes.len() {
        n if n == channels || n == channels * positions => Ok(true),
        1 => Ok(false),
        n => Err(format!("{n} {holds} for {channels} channels")),
    };
    let mut constants = op.bias.iter().chain([&op.scale]);
    let by_position = constants.any(|constant| constant.codes.len() > channels);
    let scale_by_channel = by_channel("scales", &op.scale).map_err(|rule| cx.broken(rule))?;
    let scaling = Scaling::of(&op.scale, operand);
    let added = op.bias.as_ref().map(|bias| bias.format);
    let scales = factors(cx, ("scale", "scales"), &op.scale, &scaling, added)?;
    let bias = match &op.bias {
        None => None,
        Some(bias) => {
            let by_channel = by_channel("biases", bias).map_err(|rule| cx.broken(rule))?;
            let constant = cx.constant("bias", "biases", bias)?;
            Some(Bias { constant, by_channel })
        }
    };

    // A layer's weight matrix decides its interval; scales share multipliers as far as that allows.
    let mut operations = form::scaling_operations(&op.scale, bias.is_some(), result.len());
    if by_position {
        // Factors come from a memory, whatever they are.
        let each = channels as u64;
        match &scaling {
            Scaling::Products => operations.multiplications = each,
            Scaling::Shifts(_) => operations.shifts = each,
        }
    }
    let layer = &cx.node.layer;
    let pace = cx.options.pace_of(layer);
    let asked = cx.positions.reuse_factor(pace);
    let products = (rows * channels) as u64;
    let reuse_factor = match (pace, &scaling) {
        (Pace::Interval(_), Scaling::Products) if !by_position => {
            let slice = DspSlice::of_part(&cx.options.part);
            let widths = (operand.format.width(), op.scale.format.width());
            let constants = constant_products(slice, widths, &op.scale.codes);
            let alone = constants * (products / op.scale.codes.len().max(1) as u64);
            reuse_factor_of_least_area(asked, channels, |factor| match factor {
                1 => alone.area(),
                _ => {
                    let [choice, product] = shared_product(slice, widths, factor);
                    ((choice + product) * products.div_ceil(factor)).area()
                }
            })
        }
        (Pace::Interval(_) | Pace::ReuseFactor(_), _) => reuse_factor_up_to(asked, channels),
    };
    let formats = [operand.format, op.scale.format];
    let multipliers = Multipliers::new(products, &operations, reuse_factor, formats);
    let has_matrix = |node: &ir::Node| matches!(node.op, Op::Linear(_) | Op::Conv(_));
    let alone = !cx.graph.nodes.node_weights().any(|it| it.layer == *layer && has_matrix(it));
    if alone && multipliers.is_some() {
        let layer = &cx.node.layer;
        cx.parts.warn_of_reuse_factor(layer, pace, reuse_factor, (1, channels));
    }
    let form = match &scaling {
        Scaling::Products => "scale and bias",
        Scaling::Shifts(_) => "shift and bias",
    };
    let cost = Cost {
        hardware: vec![form.to_owned()],
        operations,
        scale: Some(op.scale.format),
        bias: op.bias.as_ref().map(|bias| bias.format),
        weight_bits: scaling.factor_bits(&op.scale)
            + op.bias.as_ref().map_or(0, ir::Constant::bits),
        ..Cost::default()
    };
    let by_channel = scale_by_channel;
    let positions = if by_position { positions } else { 1 };
    let body = Body::Affine(AffineKernel { rows, channels, positions, scales, by_channel, bias });
    let interval = multipliers.map_or(1, |multipliers| multipliers.reuse_factor);
    let nest = Nest::new(&[rows, channels]);
    let mut built = Built::new(cx, body, nest, element);
    if by_position {
        // Those of a position are a word.
        built.structure.constants.iter_mut().for_each(|(_, word)| *word = Some(channels as u64));
    }
    Ok(Built { cost, multipliers, interval, ..built })
}

/// `output[n] = input[n]` from `threshold` on, `input[n] · slope + bias` below.
#[derive(Clone, Debug, Serialize)]
pub struct LeakyKernel {
    /// Holds operand and threshold.
    pub compared: TypeId,
    /// The smallest value that passes.
    pub threshold: Number,
    /// The slopes.
    pub slopes: Factors,
    /// The slope of element `n`.
    pub by: Slopes,
    /// The bias below the threshold.
    pub bias: Option<Number>,
}

/// Number of slopes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Slopes {
    /// One.
    One,
    /// One for each of so many channels, the last axis.
    Channels(usize),
    /// One for each element.
    Elements,
}

pub(super) fn build_leaky(cx: &mut NodeBuilder<'_>, op: &ir::Leaky) -> Result<Built, HlsError> {
    let element = cx.values_type();
    let (operand, result) = (&cx.operand.tensor, &cx.node.tensor);
    let elements = result.len();
    let by = match op.slopes.codes.len() {
        1 => Slopes::One,
        n if n == elements => Slopes::Elements,
        n if n == result.channel_count() => Slopes::Channels(n),
        n => return Err(cx.broken(format!("{n} slopes for {elements} elements"))),
    };

    // A threshold that no code reaches is replaced by the nearest one beyond them.
    let codes = operand.format.codes();
    let from = op.threshold.clone().clamp(codes.low().clone(), codes.high() + 1);
    let compared = cx.compared_type("the comparison with its threshold", [&from])?;
    let threshold = cx.number("threshold", compared, from)?;

    let scaling = Scaling::of(&op.slopes, operand);
    let added = op.bias.as_ref().map(|bias| bias.format);
    let slopes = factors(cx, ("slope", "slopes"), &op.slopes, &scaling, added)?;
    let bias = match &op.bias {
        None => None,
        Some(bias) => {
            let code = bias.codes.get(0).ok_or_else(|| cx.broken("has no bias"))?;
            let range = Range::point(code.clone());
            let element = cx.local_type("bias", "bias", bias.format, range);
            Some(cx.number("bias", element, code)?)
        }
    };

    let operations = form::scaling_operations(&op.slopes, bias.is_some(), elements);
    let formats = [operand.format, op.slopes.format];
    let multipliers = Multipliers::new(elements as u64, &operations, 1, formats);
    let cost = Cost { operations, ..cx.cost() };
    let body = Body::Leaky(LeakyKernel { compared, threshold, slopes, by, bias });
    Ok(Built { cost, multipliers, ..Built::new(cx, body, Nest::new(&[elements]), element) })
}

pub(super) fn build_scale(
    cx: &mut NodeBuilder<'_>,
    ir::Scale { power }: &ir::Scale,
) -> Result<Built, HlsError> {
    let element = cx.values_type();
    // 2^power as a number of one bit: even a product with it is exact in any type.
    let integer = power.checked_add(1).ok_or(FormatError::Position((*power).into()));
    let format = integer.and_then(|integer| Format::unsigned(1, integer));
    let format = format.map_err(cx.too_wide("factor"))?;
    let one = ndarray::arr1(&[BigInt::from(1)]).into_dyn();
    let constant = ir::Constant { codes: Codes::from_big(one), format };
    let scaling = Scaling::of(&constant, &cx.operand.tensor);
    let wanted = ("factor", "a power of two");
    let factor = factors(cx, wanted, &constant, &scaling, None)?;
    let nest = Nest::new(&[cx.node.tensor.len()]);
    let sign_power = cx.sign_power.and_then(|it| it.checked_add(*power));
    Ok(Built { sign_power, ..Built::new(cx, Body::Scale(factor), nest, element) })
}

/// The constants of `factors` in the form `scaling`; array and type are named after `suffix`. A number
/// of the format `added` is added to what they scale.
fn factors(
    cx: &mut NodeBuilder<'_>,
    (suffix, holds): (&str, &'static str),
    factors: &ir::Constant,
    scaling: &Scaling,
    added: Option<Format>,
) -> Result<Factors, HlsError> {
    let check_sum = |cx: &NodeBuilder<'_>, scaled: Format| {
        added.map_or(Ok(()), |added| cx.check_sum(scaled, added))
    };
    let shift = match scaling {
        Scaling::Shifts(shift) => shift,
        Scaling::Products => {
            check_sum(cx, cx.product(factors.format)?)?;
            let constant = cx.constant(suffix, holds, factors)?;
            return Ok(Factors::Numbers { constant });
        }
    };
    let codes = &factors.codes;
    let all = |sign: Sign| codes.iter().all(|code| code.sign() == sign);
    let signs = if all(Sign::Plus) {
        FactorSigns::Plus
    } else if all(Sign::Minus) {
        FactorSigns::Minus
    } else {
        FactorSigns::Each(sign_codes(cx, codes)?)
    };
    let shift = shifter(cx, ("shifted", "shifted operands"), shift, codes.shape())?;
    check_sum(cx, cx.parts.types[shift.element.0].quantization.format)?;
    Ok(Factors::Powers { shift, signs })
}

/// The signs of `codes`, in one bit each if none is 0, else in two.
pub(super) fn sign_codes(cx: &mut NodeBuilder<'_>, codes: &Codes) -> Result<SignCodes, HlsError> {
    if codes.iter().all(|code| code != BigInt::ZERO) {
        return negative(cx, codes).map(SignCodes::Negative);
    }
    let signs = form::signs(codes).ok_or_else(|| misshapen(cx))?;
    cx.integers("sign", "signs of factors", signs).map(SignCodes::Sign)
}

/// 1 for each of `codes` below 0.
pub(super) fn negative(cx: &mut NodeBuilder<'_>, codes: &Codes) -> Result<ConstantId, HlsError> {
    let negative = codes.iter().map(|code| i64::from(code.sign() == Sign::Minus));
    let negative = form::shaped(codes.shape(), negative).ok_or_else(|| misshapen(cx))?;
    cx.integers("negative", "1 for factors below 0", negative)
}

/// The type and the constants of `shift`; `shape` is that of the constants.
pub(super) fn shifter(
    cx: &mut NodeBuilder<'_>,
    (suffix, holds): (&str, &'static str),
    shift: &Shift,
    shape: &[usize],
) -> Result<Shifter, HlsError> {
    let element = cx.local_type(suffix, holds, shift.format, shift.range.clone());
    let right = match shift.common() {
        Some(right) => RightShift::Same(right),
        None => {
            let codes = form::shaped(shape, shift.right.iter().map(|right| i64::from(*right)))
                .ok_or_else(|| misshapen(cx))?;
            RightShift::Each(cx.integers("shift", "right shifts", codes)?)
        }
    };
    Ok(Shifter { element, left: shift.left, right })
}

pub(super) fn misshapen(cx: &NodeBuilder<'_>) -> HlsError {
    cx.broken("weights whose number does not match their shape")
}
