//! Constant factors: scales of channels, slopes, powers of two.

use num_bigint::{BigInt, Sign};
use serde::Serialize;

use super::{Body, Built, Structure};
use crate::fixed::{Codes, Format, FormatError, Range};
use crate::hls::build::{Builder, NodeContext};
use crate::hls::form::{self, Scaling, Shift};
use crate::hls::plan::{Nest, reuse_factor_up_to};
use crate::hls::{ConstantId, Cost, DesignWarningKind, HlsError, Multipliers, Number, TypeId};
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
    Numbers(FactorArray),
    /// ± Powers of two, or 0.
    Powers(PowerFactors),
}

/// Factors to multiply by.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct FactorArray {
    /// The factors.
    pub constant: ConstantId,
}

/// Factors to shift by.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct PowerFactors {
    /// The shifts.
    pub shift: Shifter,
    /// The signs.
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

impl Shifter {
    /// The right shifts, where each number has its own.
    pub(super) fn each(&self) -> Option<ConstantId> {
        match self.right {
            RightShift::Same(_) => None,
            RightShift::Each(constant) => Some(constant),
        }
    }
}

impl Factors {
    /// The constants that hold them.
    fn constants(&self) -> Vec<(ConstantId, Option<u64>)> {
        let constants = match self {
            Self::Numbers(numbers) => vec![numbers.constant],
            Self::Powers(PowerFactors { shift, signs }) => {
                let signs = match signs {
                    FactorSigns::Each(codes) => Some(codes.constant()),
                    FactorSigns::Plus | FactorSigns::Minus => None,
                };
                signs.into_iter().chain(shift.each()).collect()
            }
        };
        constants.into_iter().map(|id| (id, None)).collect()
    }
}

/// `output[r, c] = input[r, c] · scales[c] + biases[c]`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct AffineKernel {
    /// Rows of channels of a sample.
    pub rows: usize,
    /// Elements of a row.
    pub channels: usize,
    /// \[channels\], or one for all.
    pub scales: Factors,
    /// Set if there is a scale for each channel.
    pub by_channel: bool,
    /// \[channels\], or one for all.
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

impl Structure for AffineKernel {
    fn nest(&self) -> Nest {
        Nest::new(&[self.rows, self.channels])
    }

    fn bank_reads(&self, depth: usize, banks: u64) -> u64 {
        if depth == 1 { (self.channels as u64).div_ceil(banks.max(1)) } else { 1 }
    }

    fn constants(&self) -> Vec<(ConstantId, Option<u64>)> {
        let bias = self.bias.iter().map(|bias| (bias.constant, None));
        self.scales.constants().into_iter().chain(bias).collect()
    }
}

pub(super) fn build_affine(
    builder: &mut Builder<'_>,
    context: &NodeContext<'_>,
    op: &ir::Affine,
) -> Result<Built, HlsError> {
    let element = builder.values_type(context);
    let (operand, result) = (&context.operand.tensor, &context.node.tensor);
    let (rows, channels) = (result.rows(), result.channel_count());
    let by_channel = |holds: &str, constant: &ir::Constant| match constant.codes.len() {
        n if n == channels => Ok(true),
        1 => Ok(false),
        n => Err(context.broken(format!("{n} {holds} for {channels} channels"))),
    };
    let scale_by_channel = by_channel("scales", &op.scale)?;
    let scaling = Scaling::of(&op.scale, operand);
    let scales = factors(builder, context, ("scale", "scales"), &op.scale, &scaling)?;
    let bias = match &op.bias {
        None => None,
        Some(bias) => {
            let by_channel = by_channel("biases", bias)?;
            let constant = builder.constant(context, "bias", "biases", bias)?;
            Some(Bias { constant, by_channel })
        }
    };

    // A layer's weight matrix decides its interval; scales share multipliers as far as that allows.
    let operations = form::scaling_operations(&op.scale, bias.is_some(), result.len());
    let layer = &context.node.layer;
    let asked = builder.options.reuse_factor_of(layer);
    let reuse_factor = reuse_factor_up_to(asked, channels);
    let has_matrix = |node: &ir::Node| matches!(node.op, Op::Linear(_) | Op::Conv(_));
    let alone = !builder.graph.nodes.node_weights().any(|it| it.layer == *layer && has_matrix(it));
    if alone && operations.multiplications > 0 && reuse_factor != asked {
        let shape = (1, channels);
        builder.warn(layer, DesignWarningKind::reuse_factor_changed(asked, reuse_factor, shape));
    }
    let multipliers = (operations.multiplications > 0).then(|| {
        let products = (rows * channels) as u64;
        Multipliers {
            products,
            nontrivial_products: operations.multiplications,
            reuse_factor,
            limit: operations.multiplications.div_ceil(reuse_factor),
            operand_width: operand.format.width(),
            constant_width: op.scale.format.width(),
        }
    });
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
    let body = Body::Affine(AffineKernel { rows, channels, scales, by_channel, bias });
    let interval = multipliers.map_or(1, |multipliers| multipliers.reuse_factor);
    Ok(Built { multipliers, interval, ..Built::new(body, element, cost) })
}

/// `output[n] = input[n]` from `threshold` on, `input[n] · slope + bias` below.
#[derive(Clone, Debug, Serialize)]
pub struct LeakyKernel {
    /// Number of elements.
    pub elements: usize,
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

impl Structure for LeakyKernel {
    fn nest(&self) -> Nest {
        Nest::new(&[self.elements])
    }

    fn constants(&self) -> Vec<(ConstantId, Option<u64>)> {
        self.slopes.constants()
    }
}

pub(super) fn build_leaky(
    builder: &mut Builder<'_>,
    context: &NodeContext<'_>,
    op: &ir::Leaky,
) -> Result<Built, HlsError> {
    let element = builder.values_type(context);
    let (operand, result) = (&context.operand.tensor, &context.node.tensor);
    let elements = result.len();
    let by = match op.slopes.codes.len() {
        1 => Slopes::One,
        n if n == elements => Slopes::Elements,
        n if n == result.channel_count() => Slopes::Channels(n),
        n => return Err(context.broken(format!("{n} slopes for {elements} elements"))),
    };

    // A threshold that no code reaches is replaced by the nearest one beyond them.
    let codes = operand.format.codes();
    let from = op.threshold.clone().clamp(codes.low().clone(), codes.high() + 1);
    let held = codes.hull(&Range::point(from.clone()));
    let format = Format::covering(&held, operand.format.fractional_bits())
        .map_err(context.too_wide("the comparison with its threshold"))?;
    let compared =
        builder.local_type(context, "compare", "compared values", format, operand.range());
    let threshold = builder.number(context, "threshold", compared, from)?;

    let scaling = Scaling::of(&op.slopes, operand);
    let slopes = factors(builder, context, ("slope", "slopes"), &op.slopes, &scaling)?;
    let bias = match &op.bias {
        None => None,
        Some(bias) => {
            let code = bias.codes.get(0).ok_or_else(|| context.broken("has no bias"))?;
            let range = Range::point(code.clone());
            let element = builder.local_type(context, "bias", "bias", bias.format, range);
            Some(builder.number(context, "bias", element, code)?)
        }
    };

    let operations = form::scaling_operations(&op.slopes, bias.is_some(), elements);
    let multipliers = (operations.multiplications > 0).then_some(Multipliers {
        products: elements as u64,
        nontrivial_products: operations.multiplications,
        reuse_factor: 1,
        limit: operations.multiplications,
        operand_width: operand.format.width(),
        constant_width: op.slopes.format.width(),
    });
    let cost = Cost { operations, ..context.cost() };
    let body = Body::Leaky(LeakyKernel { elements, compared, threshold, slopes, by, bias });
    Ok(Built { multipliers, ..Built::new(body, element, cost) })
}

/// `output[n] = input[n]` · factor: the same bits with another binary point.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ScaleKernel {
    /// Number of elements.
    pub elements: usize,
    /// A power of two.
    pub factor: Factors,
}

impl Structure for ScaleKernel {
    fn nest(&self) -> Nest {
        Nest::new(&[self.elements])
    }

    fn constants(&self) -> Vec<(ConstantId, Option<u64>)> {
        self.factor.constants()
    }
}

pub(super) fn build_scale(
    builder: &mut Builder<'_>,
    context: &NodeContext<'_>,
    ir::Scale { power }: &ir::Scale,
) -> Result<Built, HlsError> {
    let element = builder.values_type(context);
    // 2^power as a number of one bit: even a product with it is exact in any type.
    let integer = power.checked_add(1).ok_or(FormatError::Position((*power).into()));
    let format = integer.and_then(|integer| Format::unsigned(1, integer));
    let format = format.map_err(context.too_wide("factor"))?;
    let one = ndarray::arr1(&[BigInt::from(1)]).into_dyn();
    let constant = ir::Constant { codes: Codes::from_big(one), format };
    let scaling = Scaling::of(&constant, &context.operand.tensor);
    let wanted = ("factor", "a power of two");
    let factor = factors(builder, context, wanted, &constant, &scaling)?;
    let body = Body::Scale(ScaleKernel { elements: context.node.tensor.len(), factor });
    let sign_power = context.sign_power.and_then(|it| it.checked_add(*power));
    Ok(Built { sign_power, ..Built::new(body, element, context.cost()) })
}

/// The constants of `factors` in the form `scaling`; array and type are named after `suffix`.
fn factors(
    builder: &mut Builder<'_>,
    context: &NodeContext<'_>,
    (suffix, holds): (&str, &'static str),
    factors: &ir::Constant,
    scaling: &Scaling,
) -> Result<Factors, HlsError> {
    let shift = match scaling {
        Scaling::Shifts(shift) => shift,
        Scaling::Products => {
            let constant = builder.constant(context, suffix, holds, factors)?;
            return Ok(Factors::Numbers(FactorArray { constant }));
        }
    };
    let codes = &factors.codes;
    let all = |sign: Sign| codes.iter().all(|code| code.sign() == sign);
    let signs = if all(Sign::Plus) {
        FactorSigns::Plus
    } else if all(Sign::Minus) {
        FactorSigns::Minus
    } else {
        FactorSigns::Each(sign_codes(builder, context, codes)?)
    };
    let shift = shifter(builder, context, ("shifted", "shifted operands"), shift, codes.shape())?;
    Ok(Factors::Powers(PowerFactors { shift, signs }))
}

/// The signs of `codes`, in one bit each if none is 0, else in two.
pub(super) fn sign_codes(
    builder: &mut Builder<'_>,
    context: &NodeContext<'_>,
    codes: &Codes,
) -> Result<SignCodes, HlsError> {
    if codes.iter().all(|code| code != BigInt::ZERO) {
        return negative(builder, context, codes).map(SignCodes::Negative);
    }
    let signs = form::signs(codes).ok_or_else(|| misshapen(context))?;
    builder.integers(context, "sign", "signs of factors", signs).map(SignCodes::Sign)
}

/// 1 for each of `codes` below 0.
pub(super) fn negative(
    builder: &mut Builder<'_>,
    context: &NodeContext<'_>,
    codes: &Codes,
) -> Result<ConstantId, HlsError> {
    let negative = codes.iter().map(|code| i64::from(code.sign() == Sign::Minus));
    let negative = form::shaped(codes.shape(), negative).ok_or_else(|| misshapen(context))?;
    builder.integers(context, "negative", "1 for factors below 0", negative)
}

/// The type and the constants of `shift`; `shape` is that of the constants.
pub(super) fn shifter(
    builder: &mut Builder<'_>,
    context: &NodeContext<'_>,
    (suffix, holds): (&str, &'static str),
    shift: &Shift,
    shape: &[usize],
) -> Result<Shifter, HlsError> {
    let element = builder.local_type(context, suffix, holds, shift.format, shift.range.clone());
    let right = match shift.common() {
        Some(right) => RightShift::Same(right),
        None => {
            let codes = form::shaped(shape, shift.right.iter().map(|right| i64::from(*right)))
                .ok_or_else(|| misshapen(context))?;
            RightShift::Each(builder.integers(context, "shift", "right shifts", codes)?)
        }
    };
    Ok(Shifter { element, left: shift.left, right })
}

pub(super) fn misshapen(context: &NodeContext<'_>) -> HlsError {
    context.broken("weights whose number does not match their shape")
}
