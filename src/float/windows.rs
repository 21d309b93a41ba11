//! Layers over windows, as TensorFlow defines them.

use crate::model::{AxisResize, Conv, Padding, Pool, Reduction, WindowSpec};
use ndarray::{Array4, ArrayD, IxDyn, s};

use super::{Reference, Result, Samples};

/// Samples as \[samples, rows, columns, channels\]; one-dimensional ones have one row.
fn grid(x: &Samples) -> Result<Array4<f64>> {
    let shape = match *x.shape() {
        [samples, columns, channels] => [samples, 1, columns, channels],
        [samples, rows, columns, channels] => [samples, rows, columns, channels],
        _ => return Err("no rows and columns".into()),
    };
    Ok(Array4::from_shape_vec(shape, x.iter().copied().collect())?)
}

/// The shape of a result as \[samples, rows, columns, channels\].
fn grid_shape(shape: &[usize]) -> Result<[usize; 4]> {
    match *shape {
        [samples, columns, channels] => Ok([samples, 1, columns, channels]),
        [samples, rows, columns, channels] => Ok([samples, rows, columns, channels]),
        _ => Err("no rows and columns".into()),
    }
}

/// Positions before the first, along one axis, for windows over `over` positions of which there are
/// `windows`.
fn before(spec: &WindowSpec, axis: usize, over: usize, windows: usize) -> usize {
    let reach = (spec.kernel[axis] - 1) * spec.dilation[axis] + 1;
    let all = (windows - 1) * spec.strides[axis] + reach;
    match spec.padding {
        Padding::Valid => 0,
        Padding::Causal => reach - 1,
        Padding::Same => all.saturating_sub(over) / 2,
    }
}

/// Taps of a window, with the number of each.
fn taps(spec: &WindowSpec) -> Vec<[usize; 2]> {
    let [rows, columns] = spec.kernel;
    (0..rows).flat_map(|row| (0..columns).map(move |column| [row, column])).collect()
}

/// The weights of a kernel by tap, channel of a group and output; those of a transposed convolution come with
/// the outputs before the channels.
fn by_channel(kernel: Vec<f64>, outputs: usize, channels: usize, transposed: bool) -> Vec<f64> {
    if !transposed {
        return kernel;
    }
    let taps = kernel.chunks_exact(outputs * channels);
    let turned = |tap: &[f64]| -> Vec<f64> {
        let by_channel =
            (0..channels).flat_map(|channel| tap.iter().skip(channel).step_by(channels));
        by_channel.copied().collect()
    };
    taps.flat_map(turned).collect()
}

impl Reference<'_> {
    pub(super) fn conv(&self, conv: &Conv, x: &Samples, shape: &[usize]) -> Result<Samples> {
        let own = self.of_conv(conv)?;
        let x = grid(x)?;
        let mut y = Array4::zeros(grid_shape(shape)?);
        let spec = &conv.window;
        let transposed = spec.transposed.is_some();
        // A transposed convolution is the gradient of the one from its result to its operand.
        let (over, windows) = if transposed { (&y, &x) } else { (&x, &y) };
        let before =
            [1, 2].map(|axis| before(spec, axis - 1, over.shape()[axis], windows.shape()[axis]));
        let inside = [1, 2].map(|axis| over.shape()[axis]);
        let windows = [1, 2].map(|axis| windows.shape()[axis]);
        let (outputs, channels) = (conv.outputs, x.shape()[3]);
        let (of_group, outputs_of_group) = (channels / conv.groups, outputs / conv.groups);
        let weights =
            by_channel(own.kernel.iter().copied().collect(), outputs, of_group, transposed);
        // The weights of a tap and a sample fit a cache; outputs lie side by side in weights and results.
        for (x, mut y) in x.outer_iter().zip(y.outer_iter_mut()) {
            for (tap, weights) in
                taps(spec).into_iter().zip(weights.chunks_exact(of_group * outputs))
            {
                for window in (0..windows[0]).flat_map(|r| (0..windows[1]).map(move |c| [r, c])) {
                    let at = [0, 1].map(|axis| {
                        let at =
                            window[axis] * spec.strides[axis] + tap[axis] * spec.dilation[axis];
                        at.checked_sub(before[axis]).filter(|at| *at < inside[axis])
                    });
                    let [Some(row), Some(column)] = at else { continue };
                    let at = [row, column];
                    let (from, to) = if transposed { (window, at) } else { (at, window) };
                    let values = x.slice(s![from[0], from[1], ..]);
                    let mut sums = y.slice_mut(s![to[0], to[1], ..]);
                    let (Some(values), Some(sums)) = (values.as_slice(), sums.as_slice_mut())
                    else {
                        return Err("channels are not contiguous".into());
                    };
                    for (group, sums) in sums.chunks_exact_mut(outputs_of_group).enumerate() {
                        let values = &values[group * of_group..][..of_group];
                        for (value, weights) in values.iter().zip(weights.chunks_exact(outputs)) {
                            let weights = &weights[group * outputs_of_group..];
                            for (sum, weight) in sums.iter_mut().zip(weights) {
                                *sum += weight * value;
                            }
                        }
                    }
                }
            }
        }
        if let Some(bias) = &own.bias {
            let bias: Vec<f64> = bias.iter().copied().collect();
            for ((_, _, _, output), y) in y.indexed_iter_mut() {
                *y += bias[output];
            }
        }
        let sums = super::reshape(&y.into_dyn(), shape)?;
        let sums = if own.floats { self.cut(sums)? } else { sums };
        self.fuse(&conv.activation, sums)
    }

    pub(super) fn pool(&self, pool: &Pool, x: &Samples, shape: &[usize]) -> Result<Samples> {
        let x = grid(x)?;
        let [samples, rows, columns, channels] = grid_shape(x.shape())?;
        let global = WindowSpec { kernel: [rows, columns], ..WindowSpec::POINTWISE };
        let spec = pool.windows.sliding().copied().unwrap_or(global);
        let windows = match pool.windows.sliding() {
            None => [1, 1],
            Some(_) => {
                let [_, rows, columns, _] = grid_shape(shape)?;
                [rows, columns]
            }
        };
        let before = [0, 1].map(|axis| before(&spec, axis, [rows, columns][axis], windows[axis]));
        let area = spec.kernel[0] * spec.kernel[1];
        let inverse = match &pool.kind {
            Reduction::QuantizedAverage(quantizer) => {
                let inverse = ArrayD::from_elem(IxDyn(&[]), (1.0 / area as f64) as f32);
                Some(quantizer.quantize(&inverse.view())?[IxDyn(&[])])
            }
            Reduction::Max | Reduction::Min | Reduction::Sum | Reduction::Average => None,
        };
        let mut values = vec![];
        for sample in 0..samples {
            for window in (0..windows[0]).flat_map(|r| (0..windows[1]).map(move |c| [r, c])) {
                let places: Vec<[usize; 2]> = taps(&spec)
                    .into_iter()
                    .filter_map(|tap| {
                        let [row, column] = [0, 1].map(|axis| {
                            (window[axis] * spec.strides[axis] + tap[axis])
                                .checked_sub(before[axis])
                        });
                        Some([row?, column?])
                    })
                    .filter(|[row, column]| *row < rows && *column < columns)
                    .collect();
                for channel in 0..channels {
                    let here =
                        places.iter().map(|[row, column]| x[[sample, *row, *column, channel]]);
                    let count = places.len() as f64;
                    values.push(match (&pool.kind, inverse) {
                        (Reduction::Max, _) => here.fold(f64::NEG_INFINITY, f64::max),
                        (Reduction::Min, _) => here.fold(f64::INFINITY, f64::min),
                        (Reduction::Sum, _) => here.sum::<f64>(),
                        (_, Some(inverse)) => here.sum::<f64>() * (area as f64 * inverse) / count,
                        (_, None) => here.sum::<f64>() / count,
                    });
                }
            }
        }
        let pooled = Samples::from_shape_vec(IxDyn(shape), values)?;
        self.fuse(&pool.activation, pooled)
    }
}

/// Linear interpolation with half-pixel centres.
pub(super) fn bilinear(x: &Samples, axes: [AxisResize; 2], shape: &[usize]) -> Samples {
    // The two positions that an element lies between, and how near it is to each of them.
    let between = |at: usize, by: AxisResize, length: usize| {
        let scale = match by {
            AxisResize::Up(factor) => 1.0 / factor as f64,
            AxisResize::Down(factor) => factor as f64,
        };
        let place = (at as f64 + 0.5) * scale - 0.5;
        let near = place - place.floor();
        let inside = |at: f64| at.clamp(0.0, (length - 1) as f64) as usize;
        [(inside(place.floor()), 1.0 - near), (inside(place.floor() + 1.0), near)]
    };
    ArrayD::from_shape_fn(IxDyn(shape), |at| {
        let mut sum = 0.0;
        for (row, by) in between(at[1], axes[0], x.shape()[1]) {
            for (column, times) in between(at[2], axes[1], x.shape()[2]) {
                sum += by * times * x[[at[0], row, column, at[3]]];
            }
        }
        sum
    })
}
