//! The trained network in float64, straight from the attributes in its file.
//!
//! Nothing of `lower`, `ir` or `sim` is used here: layers are the formulas that Keras and QKeras
//! document, over all samples at once, which the first axis counts. Quantizers and the values of
//! functions are those of the library, which have tests of their own against QKeras. So this module
//! is the reference that `profile` measures types against, and that tests compare every layer with.
//!
//! Sums of products of few bits are exact in float64; a quotient or a root is off by 2^-53 of
//! itself, far less than the precision of float32.

mod parameters;
mod recurrent;
mod windows;

use ndarray::{ArrayD, Axis, IxDyn, ShapeError, concatenate};
use num_traits::ToPrimitive;

use crate::fixed::{Quantization, cast_real};
use crate::function::Function;
use crate::model::{
    Activation, BatchNorm, LayerKind, Layout, Merge, MergeConstant, Normalization, Reduce,
    Reduction, Rescaling, broadcast,
};
use crate::quantizer::{Quantizer, QuantizerError};

/// Samples of a tensor; the first axis counts them.
pub type Samples = ArrayD<f64>;

/// A result of this module.
pub type Result<T> = std::result::Result<T, FloatError>;

/// A layer that cannot be computed.
#[derive(Debug, thiserror::Error)]
pub enum FloatError {
    /// Operands or parameters of shapes that do not fit the layer.
    #[error("{0}")]
    Misfit(&'static str),
    /// Samples of a shape that does not fit.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// A quantizer that refuses its parameters.
    #[error(transparent)]
    Quantizer(#[from] QuantizerError),
}

impl From<&'static str> for FloatError {
    fn from(reason: &'static str) -> Self {
        Self::Misfit(reason)
    }
}

/// The computation of layers in float64.
#[derive(Clone, Copy, Debug)]
pub struct Reference<'s> {
    /// The type that parameters and results without a quantizer are cast to; `None` leaves them as
    /// they are.
    pub precision: Option<&'s Quantization>,
    /// Only quantizers read the result, so that a function before them needs no type.
    pub before_quantizers: bool,
    /// A quantizer takes the result, at once or after layers without weights: that of a batch
    /// normalisation, a Rescaling, a Normalization or an Embedding is exact then.
    pub reaches_quantizer: bool,
    /// The batch normalisation that is folded into the layer.
    pub folded: Option<&'s BatchNorm>,
    /// Applies the activation that is fused into a layer.
    pub fused: bool,
}

impl Reference<'_> {
    /// The trained network: nothing is cast that has no quantizer.
    pub const TRAINED: Self = Self {
        precision: None,
        before_quantizers: false,
        reaches_quantizer: false,
        folded: None,
        fused: true,
    };

    /// The result of a layer of `kind` for `x`, in the shape `shape`, samples included.
    ///
    /// # Errors
    /// If the shapes do not fit the layer.
    pub fn layer(&self, kind: &LayerKind, x: &[Samples], shape: &[usize]) -> Result<Samples> {
        let [first, ..] = x else { return Err("a layer without operands".into()) };
        match kind {
            LayerKind::Input { .. } => Err("an input computes nothing".into()),
            LayerKind::Dense(dense) => self.dense(dense, first),
            LayerKind::Conv(conv) => self.conv(conv, first, shape),
            LayerKind::Separable(pair) => {
                // Only the first of the two changes the positions.
                let mut between = shape.to_vec();
                if let Some(channels) = between.last_mut() {
                    *channels = pair.depthwise.outputs;
                }
                let inner = Self { fused: true, folded: None, ..*self };
                let between = inner.conv(&pair.depthwise, first, &between)?;
                self.conv(&pair.pointwise, &between, shape)
            }
            LayerKind::Pool(pool) => self.pool(pool, first, shape),
            LayerKind::Reduce(reduce) => reduced(reduce, first, shape),
            LayerKind::Activation(activation) => self.activate(activation, first.clone()),
            LayerKind::BatchNorm(norm) => self.batch_norm(norm, first),
            LayerKind::ScaleShift(shift) => {
                let scaled = parameters::scale_shift(shift, first)?;
                self.fuse(&shift.activation, scaled)
            }
            LayerKind::PRelu(alpha) => {
                let slopes = self.cut(alpha.mapv(f64::from))?;
                let slopes = slopes.broadcast(first.shape()).ok_or("slopes do not fit")?;
                let pairs = first.iter().zip(slopes.iter());
                let bent = pairs.map(|(x, slope)| if *x < 0.0 { x * slope } else { *x });
                self.cut(Samples::from_shape_vec(first.raw_dim(), bent.collect())?)
            }
            LayerKind::Adaptive(adaptive) => {
                let quantizers = adaptive.quantizers();
                let each = first.iter().zip(quantizers.iter().cycle());
                let values = each.map(|(x, quantizer)| quantizer.apply(*x)).collect();
                Ok(Samples::from_shape_vec(first.raw_dim(), values)?)
            }
            LayerKind::Flatten => reshape(first, shape),
            LayerKind::Identity => Ok(first.clone()),
            LayerKind::Layout(operations) => laid_out(operations, first),
            LayerKind::Merge(merge) => merged(*merge, x),
            LayerKind::MergeConstant(constant) => with_constant(constant, first),
            LayerKind::Divide(by) => {
                let by = by.mapv(meant);
                let by = by.broadcast(&first.shape()[1..]).ok_or("the divisors do not fit")?;
                let pairs = first.iter().zip(by.iter().cycle());
                let quotients = pairs.map(|(x, by)| x / by).collect();
                Ok(Samples::from_shape_vec(first.raw_dim(), quotients)?)
            }
            LayerKind::Masking { value, .. } => {
                let mut y = first.clone();
                for mut step in y.rows_mut().into_iter() {
                    if step.iter().all(|x| *x == f64::from(*value)) {
                        step.fill(0.0);
                    }
                }
                Ok(y)
            }
            LayerKind::Square => Ok(first.mapv(|x| x * x)),
            LayerKind::Clip { low, high } => {
                let (low, high) = (f64::from(*low), f64::from(*high));
                Ok(first.mapv(|x| x.max(low).min(high)))
            }
            LayerKind::Concatenate { axis } => {
                let parts: Vec<_> = x.iter().map(|x| x.view()).collect();
                Ok(concatenate(Axis(axis + 1), &parts)?)
            }
            LayerKind::Stack { axis } => {
                let parts: Vec<_> = x.iter().map(|x| x.view()).collect();
                Ok(ndarray::stack(Axis(axis + 1), &parts)?)
            }
            LayerKind::Dot { axes } => dot(x, axes, shape),
            LayerKind::Bilinear(axes) => Ok(windows::bilinear(first, *axes, shape)),
            LayerKind::Einsum(einsum) => {
                let table = laid_out(&einsum.before, first)?;
                let (mut between, count) = (table.shape().to_vec(), table.shape()[0]);
                between[2] = shape.iter().product::<usize>() / count / between[1];
                laid_out(&einsum.after, &self.layer(&einsum.product, &[table], &between)?)
            }
            LayerKind::Rescaling(Rescaling { scale, offset }) => {
                let (scale, offset) = (scale.mapv(f64::from), offset.mapv(f64::from));
                self.scaled(first, &scale, &offset, |x, scale, offset| x * scale + offset)
            }
            LayerKind::Normalization(Normalization { mean, variance, invert }) => {
                let (mean, variance) = (mean.mapv(f64::from), variance.mapv(f64::from));
                self.scaled(first, &mean, &variance, |x, mean, variance| {
                    let deviation = variance.sqrt().max(1e-7);
                    if *invert { mean + x * deviation } else { (x - mean) / deviation }
                })
            }
            LayerKind::Embedding(table) => {
                // Indices are limited to the table, as in lowering.
                let last = table.nrows().saturating_sub(1);
                let row = |index: &f64| table.row((*index as usize).min(last)).to_vec();
                let rows: Vec<f64> = first.iter().flat_map(row).map(f64::from).collect();
                let rows = Samples::from_shape_vec(IxDyn(shape), rows)?;
                if self.reaches_quantizer { Ok(rows) } else { self.cut(rows) }
            }
            LayerKind::Recurrent(recurrent) => self.recurrent(recurrent, x),
            LayerKind::Bidirectional(both) => self.bidirectional(both, x),
            LayerKind::TimeDistributed(inner) => {
                let steps = first.shape()[0] * first.shape()[1];
                let one = |shape: &[usize]| [&[steps], &shape[2..]].concat();
                let x: Result<Vec<_>> = x.iter().map(|x| reshape(x, &one(x.shape()))).collect();
                let y = self.layer(inner, &x?, &one(shape))?;
                reshape(&y, shape)
            }
            LayerKind::ChannelsFirst(inner) => {
                let last = |axes: usize| -> Vec<usize> {
                    std::iter::once(0).chain(2..axes).chain((axes > 1).then_some(1)).collect()
                };
                let first_again = |axes: usize| -> Vec<usize> {
                    [0].into_iter().chain((axes > 1).then(|| axes - 1)).chain(1..axes - 1).collect()
                };
                let x: Vec<Samples> = x.iter().map(|x| turned(x, &last(x.ndim()))).collect();
                let inner_shape: Vec<usize> =
                    last(shape.len()).iter().map(|axis| shape[*axis]).collect();
                let y = self.layer(inner, &x, &inner_shape)?;
                Ok(turned(&y, &first_again(y.ndim())))
            }
        }
    }

    /// The fused `activation` of `x`.
    fn fuse(&self, activation: &Activation, x: Samples) -> Result<Samples> {
        if self.fused { self.activate(activation, x) } else { Ok(x) }
    }

    /// `activation` of `x`.
    fn activate(&self, activation: &Activation, x: Samples) -> Result<Samples> {
        match activation {
            Activation::Linear => Ok(x),
            Activation::Quantizer(quantizer) => quantized(quantizer, x),
            Activation::Function(function) => self.function(function, &x),
            Activation::Softmax => Ok(softmax(&x)),
        }
    }

    /// `function` of elements and two constants, which is exact if these have few bits or a quantizer
    /// takes the result.
    fn scaled(
        &self,
        x: &Samples,
        one: &ArrayD<f64>,
        other: &ArrayD<f64>,
        function: impl Fn(f64, f64, f64) -> f64,
    ) -> Result<Samples> {
        let wide = |values: &ArrayD<f64>| -> Result<Samples> {
            Ok(values.broadcast(x.shape()).ok_or("constants do not fit")?.to_owned())
        };
        let (ones, others) = (wide(one)?, wide(other)?);
        let triples = x.iter().zip(&ones).zip(&others);
        let y = triples.map(|((x, one), other)| function(*x, *one, *other)).collect();
        let y = Samples::from_shape_vec(x.raw_dim(), y)?;
        // Eight significant bits at most.
        let few = |value: f64| {
            value == 0.0
                || (value / 2_f64.powi(value.abs().log2().floor() as i32 - 7)).fract() == 0.0
        };
        // The result at 0 and the difference of that at 1 are the bias and the scale.
        let lines = ones.iter().zip(&others).all(|(one, other)| {
            let bias = function(0.0, *one, *other);
            few(bias) && few(function(1.0, *one, *other) - bias)
        });
        if lines || self.reaches_quantizer { Ok(y) } else { self.cut(y) }
    }

    fn function(&self, function: &Function, x: &Samples) -> Result<Samples> {
        let y = x.mapv(|x| function.value(x));
        if function.is_exact() || self.before_quantizers { Ok(y) } else { self.cut(y) }
    }

    /// `values` cast to the type for what has no quantizer.
    fn cut(&self, values: Samples) -> Result<Samples> {
        let Some(precision) = self.precision else { return Ok(values) };
        let lsb = precision.format.lsb();
        let one = |value: f64| Some(cast_real(value, precision)?.to_f64()? * lsb);
        let cut: Option<Vec<f64>> = values.iter().map(|value| one(*value)).collect();
        Ok(Samples::from_shape_vec(values.raw_dim(), cut.ok_or("no finite number")?)?)
    }
}

/// `quantizer` of `x`, each element with its own scale if there are several.
fn quantized(quantizer: &Quantizer, x: Samples) -> Result<Samples> {
    let Some(scaled) = quantizer.scaled() else { return Ok(x.mapv(|x| quantizer.apply(x))) };
    let shape = x.shape().get(1..).ok_or("no samples")?;
    let quantizers: Vec<Quantizer> =
        scaled.over(shape)?.iter().map(|scale| scaled.with(*scale)).collect();
    let each = x.iter().zip(quantizers.iter().cycle());
    let values = each.map(|(x, quantizer)| quantizer.apply(*x)).collect();
    Ok(Samples::from_shape_vec(x.raw_dim(), values)?)
}

/// exp(x_i) / Σ exp(x_j) along the last axis.
fn softmax(x: &Samples) -> Samples {
    let mut y = x.clone();
    for mut lane in y.lanes_mut(Axis(x.ndim() - 1)) {
        let largest = lane.iter().copied().fold(f64::MIN, f64::max);
        lane.mapv_inplace(|x| (x - largest).exp());
        let sum = lane.sum();
        lane.mapv_inplace(|x| x / sum);
    }
    y
}

fn reshape(x: &Samples, shape: &[usize]) -> Result<Samples> {
    Ok(Samples::from_shape_vec(IxDyn(shape), x.iter().copied().collect())?)
}

/// The axes in another order.
fn turned(x: &Samples, axes: &[usize]) -> Samples {
    x.view().permuted_axes(IxDyn(axes)).as_standard_layout().into_owned()
}

fn laid_out(operations: &[Layout], x: &Samples) -> Result<Samples> {
    let count = x.shape()[0];
    let mut shape = x.shape()[1..].to_vec();
    let mut x = x.clone();
    for operation in operations {
        let indices = operation.indices(&shape).ok_or("a layout operation does not fit")?;
        shape = operation.result_shape(&shape).ok_or("a layout operation does not fit")?;
        let samples = x.outer_iter().flat_map(|sample| {
            let sample: Vec<f64> = sample.iter().copied().collect();
            indices.iter().map(|at| at.map_or(0.0, |at| sample[at])).collect::<Vec<_>>()
        });
        let values = samples.collect();
        x = Samples::from_shape_vec(IxDyn(&[&[count], &shape[..]].concat()), values)?;
    }
    Ok(x)
}

/// Each of `x`, broadcast to their common shape; axes are added after that of the samples.
fn broadcast_samples(x: &Samples, sample: &[usize]) -> Result<Samples> {
    let (count, own) = (x.shape()[0], &x.shape()[1..]);
    let added = vec![1; sample.len() - own.len()];
    let x = reshape(x, &[&[count], &added[..], own].concat())?;
    let all = x.broadcast(IxDyn(&[&[count], sample].concat())).ok_or("shapes do not fit")?;
    Ok(all.to_owned())
}

fn merged(merge: Merge, x: &[Samples]) -> Result<Samples> {
    let shapes: Vec<&[usize]> = x.iter().map(|x| &x.shape()[1..]).collect();
    let shape = broadcast(&shapes).ok_or("shapes do not fit")?;
    let mut x =
        x.iter().map(|x| broadcast_samples(x, &shape)).collect::<Result<Vec<_>>>()?.into_iter();
    let count = x.len() as f64;
    let mut y = x.next().ok_or("nothing to merge")?;
    for other in x {
        y.zip_mut_with(&other, |y, x| *y = of_two(merge, *y, *x));
    }
    Ok(if merge == Merge::Average { y / count } else { y })
}

/// Averages are sums in the model.
fn of_two(merge: Merge, x: f64, y: f64) -> f64 {
    match merge {
        Merge::Add | Merge::Average => x + y,
        Merge::Subtract => x - y,
        Merge::Multiply => x * y,
        Merge::Maximum => x.max(y),
        Merge::Minimum => x.min(y),
    }
}

/// The fraction of the least denominator that float32 rounds to a divisor, if one is simple.
fn meant(divisor: f32) -> f64 {
    let fraction = |below: u32| (f64::from(divisor) * f64::from(below)).round() / f64::from(below);
    let found = (1..=1 << 12).map(fraction).find(|number| *number as f32 == divisor);
    found.unwrap_or(f64::from(divisor))
}

/// A reduction over some axes, one after the other.
fn reduced(reduce: &Reduce, x: &Samples, shape: &[usize]) -> Result<Samples> {
    let terms: usize = reduce.axes.iter().map(|axis| x.shape()[axis + 1]).product();
    let mut y = x.clone();
    for axis in reduce.axes.iter().rev() {
        y = y.map_axis(Axis(axis + 1), |lane| match reduce.kind {
            Reduction::Max => lane.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Reduction::Min => lane.iter().copied().fold(f64::INFINITY, f64::min),
            Reduction::Sum | Reduction::Average | Reduction::QuantizedAverage(_) => lane.sum(),
        });
    }
    match reduce.kind {
        Reduction::Average => y.mapv_inplace(|sum| sum / terms as f64),
        Reduction::QuantizedAverage(_) => return Err("no operation quantizes its average".into()),
        _ => {}
    }
    reshape(&y, shape)
}

fn with_constant(constant: &MergeConstant, x: &Samples) -> Result<Samples> {
    let numbers = constant.values.mapv(f64::from);
    let numbers = numbers.broadcast(x.shape()).ok_or("the constant does not fit")?;
    let pairs = x.iter().zip(numbers.iter());
    let values = pairs.map(|(x, number)| match constant.is_first {
        true => of_two(constant.merge, *number, *x),
        false => of_two(constant.merge, *x, *number),
    });
    Ok(Samples::from_shape_vec(x.raw_dim(), values.collect())?)
}

/// Products summed along one axis of each of two tensors.
fn dot(x: &[Samples], axes: &[usize; 2], shape: &[usize]) -> Result<Samples> {
    let [one, other] = x else { return Err("a product of two".into()) };
    // The axis that is summed last, all others in one.
    let matrix = |x: &Samples, axis: usize| {
        let mut order: Vec<usize> = (0..x.ndim()).filter(|at| *at != axis + 1).collect();
        order.push(axis + 1);
        let (count, inner) = (x.shape()[0], x.shape()[axis + 1]);
        let rows = x.len() / count / inner;
        reshape(&turned(x, &order), &[count, rows, inner])
    };
    let (one, other) = (matrix(one, axes[0])?, matrix(other, axes[1])?);
    let mut values = vec![];
    for (one, other) in one.outer_iter().zip(other.outer_iter()) {
        for row in one.outer_iter() {
            for column in other.outer_iter() {
                values.push(row.iter().zip(column.iter()).map(|(x, y)| x * y).sum());
            }
        }
    }
    Ok(Samples::from_shape_vec(IxDyn(shape), values)?)
}

#[cfg(test)]
mod tests {
    use ndarray::arr2;

    use super::*;

    type Outcome = std::result::Result<(), Box<dyn std::error::Error>>;

    #[test]
    fn each_channel_is_quantized_with_its_scale() -> Outcome {
        let quantizer = "quantized_bits(4,1,1,alpha=[1.0, 2.0])".parse()?;
        let activation = LayerKind::Activation(Activation::Quantizer(quantizer));
        let x = arr2(&[[1.1, 1.1], [9.0, 9.0]]).into_dyn();
        let y = Reference::TRAINED.layer(&activation, &[x], &[2, 2])?;
        assert_eq!(y, arr2(&[[1.0, 2.0], [1.75, 3.5]]).into_dyn());
        Ok(())
    }

    #[test]
    fn an_index_beyond_an_embedding_is_its_last_row() -> Outcome {
        let table = LayerKind::Embedding(arr2(&[[1.0, 2.0], [3.0, 4.0]]));
        let x = arr2(&[[0.0], [7.0], [-1.0]]).into_dyn();
        let y = Reference::TRAINED.layer(&table, &[x], &[3, 1, 2])?;
        assert_eq!(y.into_raw_vec_and_offset().0, [1.0, 2.0, 3.0, 4.0, 1.0, 2.0]);
        Ok(())
    }
}
