//! The reference: short, and plainly what [`Op`] says.
//!
//! Each operation is written once over [`Word`] and runs on `i64` where operand, constants and
//! result are narrow, on big integers elsewhere. Nothing between overflows: the result's format
//! holds every partial sum.

use ndarray::{Array1, Array2, ArrayD, ArrayView2, IxDyn};
use num_bigint::BigInt;

use super::softmax::softmax;
use super::{Operand, moves, windows};
use crate::fixed::{Caster, Codes, Format, Quantization, Word};
use crate::ir::{
    Affine, Constant, Conv, Leaky, Linear, Lines, Node, Op, StepFunction, Tensor, Units,
};

/// The result of `node` for what it takes; `None` if the graph is not valid.
pub(super) fn compute(node: &Node, operands: &[Operand<'_>]) -> Option<Codes> {
    let first = operands.first()?;
    if let Op::Reshape = node.op {
        return reshape(first.codes, &node.tensor.shape);
    }
    let constants: &[&Constant] = match &node.op {
        Op::Linear(linear) | Op::Conv(Conv { linear, .. }) => match linear {
            Linear { weights, bias: None } => &[weights],
            Linear { weights, bias: Some(bias) } => &[weights, bias],
        },
        Op::Affine(Affine { scale, offset: None }) => &[scale],
        Op::Affine(Affine { scale, offset: Some(offset) }) => &[scale, offset],
        Op::Leaky(Leaky { slopes, offset: None, .. }) => &[slopes],
        Op::Leaky(Leaky { slopes, offset: Some(offset), .. }) => &[slopes, offset],
        Op::StepFunction(steps) => &[&steps.thresholds, &steps.values],
        Op::Softmax(_) => return Some(Codes::from_big(over_words::<BigInt>(node, operands)?)),
        _ => &[],
    };
    let mut formats = constants.iter().map(|c| c.format).chain([node.tensor.format]);
    let mut narrow =
        formats.all(Format::is_narrow) && operands.iter().all(|x| x.tensor.format.is_narrow());
    if let Op::Merge(merge) = node.op {
        narrow &= moves::is_narrow(merge, operands, node.tensor.format);
    }
    if narrow {
        over_words::<i64>(node, operands).map(Codes::Narrow)
    } else {
        over_words::<BigInt>(node, operands).map(Codes::from_big)
    }
}

fn over_words<W: Word>(node: &Node, operands: &[Operand<'_>]) -> Option<ArrayD<W>> {
    let first = operands.first()?;
    let (from, x) = (first.tensor, W::view(first.codes)?);
    let to = node.tensor.format;
    let word = |code: &Option<BigInt>| match code {
        Some(code) => W::from_big(code).map(Some),
        None => Some(None),
    };
    match &node.op {
        Op::Input | Op::Reshape => None,
        Op::Linear(op) => linear(op, from, to, &rows(&x)?, &node.tensor.shape),
        Op::Conv(op) => windows::conv(op, from, &x, &node.tensor),
        Op::Pool(op) => windows::pool(op, from, &x, &node.tensor),
        Op::Gather(op) => moves::gather(op, &x, &node.tensor.shape),
        Op::Concat { axis } => moves::concat(operands, *axis),
        Op::Merge(merge) => moves::merge(*merge, operands, to),
        Op::Affine(op) => affine(op, from, &x),
        Op::Cast { rounding, overflow } => {
            let to = Quantization::new(to, *rounding, *overflow);
            let caster = Caster::<W>::new(from.format.fraction(), &to)?;
            Some(x.map(|code| caster.apply(code)))
        }
        Op::Clamp { low, high } => {
            let (low, high) = (word(low)?, word(high)?);
            Some(x.map(|code| {
                let code = low.as_ref().map_or(code, |low| code.max(low));
                high.as_ref().map_or(code, |high| code.min(high)).clone()
            }))
        }
        Op::Leaky(op) => leaky(op, from, &x),
        Op::Scale { .. } => Some(x.into_owned()),
        Op::StepFunction(op) => steps(op, &x),
        Op::Softmax(op) => {
            let rows = rows(&x)?;
            let mut y = Array2::from_elem(rows.raw_dim(), W::zero());
            for (row, mut result) in rows.outer_iter().zip(y.outer_iter_mut()) {
                let row: Vec<BigInt> = row.iter().map(Word::to_big).collect();
                let to = Quantization::new(to, op.rounding, op.overflow);
                for (y, code) in result.iter_mut().zip(softmax(op, from.format, &row, &to)?) {
                    *y = W::from_big(&code)?;
                }
            }
            y.into_shape_with_order(x.raw_dim()).ok()
        }
    }
}

/// All rows of channels of all samples.
fn rows<W: Word>(x: &ArrayD<W>) -> Option<ArrayView2<'_, W>> {
    let channels = *x.shape().last()?;
    let count = x.shape().split_last().map_or(1, |(_, rows)| rows.iter().product());
    x.view().into_shape_with_order((count, channels)).ok()
}

fn linear<W: Word>(
    op: &Linear,
    from: &Tensor,
    to: Format,
    x: &ArrayView2<'_, W>,
    shape: &[usize],
) -> Option<ArrayD<W>> {
    let Parameters { weights, bias } = parameters(op, from.format, to)?;
    let mut y = Array2::from_elem((x.nrows(), weights.ncols()), W::zero());
    for (x, mut y) in x.outer_iter().zip(y.outer_iter_mut()) {
        y.assign(&bias);
        for (x, weights) in x.iter().zip(weights.outer_iter()) {
            if x.is_zero() {
                continue;
            }
            y.zip_mut_with(&weights, |sum, w| sum.add_product(x, w));
        }
    }
    let samples = y.nrows() / shape.split_last().map_or(1, |(_, rows)| rows.iter().product());
    let shape: Vec<usize> = std::iter::once(samples).chain(shape.iter().copied()).collect();
    y.into_shape_with_order(IxDyn(&shape)).ok()
}

/// Weights and biases at the result's binary point: then sums are plain sums.
pub(super) struct Parameters<W> {
    pub(super) weights: Array2<W>,
    pub(super) bias: Array1<W>,
}

/// The parameters of `op` for an operand of format `from` and a result of format `to`.
pub(super) fn parameters<W: Word>(op: &Linear, from: Format, to: Format) -> Option<Parameters<W>> {
    let up = |fraction: i32| u32::try_from(to.fraction() - fraction).ok();
    let product_up = up(from.fraction() + op.weights.format.fraction())?;
    let weights = W::view(&op.weights.codes)?.map(|w| w.shifted_left(product_up));
    let weights = weights.into_dimensionality::<ndarray::Ix2>().ok()?;
    let bias = match &op.bias {
        None => Array1::from_elem(weights.ncols(), W::zero()),
        Some(bias) => {
            let up = up(bias.format.fraction())?;
            let bias = W::view(&bias.codes)?.map(|b| b.shifted_left(up));
            bias.into_dimensionality().ok()?
        }
    };
    Some(Parameters { weights, bias })
}

fn affine<W: Word>(op: &Affine, from: &Tensor, x: &ArrayD<W>) -> Option<ArrayD<W>> {
    let units = Units::of(op, from.format).ok()?;
    let scales = W::view(&op.scale.codes)?.map(|scale| scale.shifted_left(units.product));
    let offsets = match &op.offset {
        None => ArrayD::from_elem(IxDyn(&[1]), W::zero()),
        Some(offset) => W::view(&offset.codes)?.map(|code| code.shifted_left(units.offset)),
    };
    let (mut scales, mut offsets) = (scales.iter().cycle(), offsets.iter().cycle());
    // The last axis holds the channels, and its index runs fastest.
    let y: Option<Vec<W>> = x
        .iter()
        .map(|x| {
            let mut y = offsets.next()?.clone();
            y.add_product(x, scales.next()?);
            Some(y)
        })
        .collect();
    ArrayD::from_shape_vec(x.raw_dim(), y?).ok()
}

fn leaky<W: Word>(op: &Leaky, from: &Tensor, x: &ArrayD<W>) -> Option<ArrayD<W>> {
    let lines = Lines::of(op, from.format).ok()?;
    // A threshold that no code of the operand reaches need not fit its word.
    let codes = from.format.codes();
    let threshold = lines.from.clamp(codes.low().clone(), codes.high() + 1);
    let (threshold, offset) = (W::from_big(&threshold)?, W::from_big(&lines.offset)?);
    let slopes: Vec<W> =
        W::view(&op.slopes.codes)?.iter().map(|s| s.shifted_left(lines.product)).collect();
    // Samples and their elements follow one another, and so do the slopes of one sample.
    let y = x.iter().zip(slopes.iter().cycle()).map(|(x, slope)| {
        if *x >= threshold {
            return x.shifted_left(lines.operand);
        }
        let mut y = offset.clone();
        y.add_product(x, slope);
        y
    });
    ArrayD::from_shape_vec(x.raw_dim(), y.collect()).ok()
}

fn steps<W: Word>(op: &StepFunction, x: &ArrayD<W>) -> Option<ArrayD<W>> {
    let thresholds: Vec<W> = W::view(&op.thresholds.codes)?.iter().cloned().collect();
    let values: Vec<W> = W::view(&op.values.codes)?.iter().cloned().collect();
    let result = x.map(|code| thresholds.partition_point(|threshold| threshold <= code));
    let in_range = result.iter().all(|step| *step < values.len());
    in_range.then(|| result.map(|step| values[*step].clone()))
}

fn reshape(x: &Codes, shape: &[usize]) -> Option<Codes> {
    let samples = *x.shape().first()?;
    let shape: Vec<usize> = std::iter::once(samples).chain(shape.iter().copied()).collect();
    x.clone().reshaped(&shape)
}
