//! Scales that QKeras computes from the weights, one for each output channel.
//!
//! QKeras does this in float32, and a scale that is rounded to a power of two hides every
//! difference but one at a boundary. So each operation here rounds to float32 as there, except
//! for sums: TensorFlow's order of summation depends on the machine, so a sum is exact and rounded
//! once.

use ndarray::ArrayD;

use super::{exp2, log2};

/// Keras' `epsilon()`.
pub(super) const EPSILON: f32 = 1e-7;

/// Weights, seen as columns: an element belongs to the channel that is its position on the last
/// axis.
pub(super) struct Channels {
    weights: ArrayD<f32>,
    count: usize,
}

impl Channels {
    pub(super) fn new(weights: ArrayD<f32>) -> Self {
        let count = weights.shape().last().copied().unwrap_or(1);
        Self { weights, count }
    }

    /// `f` of each weight and its channel's scale.
    pub(super) fn map<T>(&self, scales: &[f32], f: impl Fn(f32, f32) -> T) -> ArrayD<T> {
        let mut scale = scales.iter().cycle().copied();
        self.weights.map(|w| f(*w, scale.next().unwrap_or(1.0)))
    }

    /// The largest magnitude of each channel. QKeras takes the elements of a vector as one
    /// channel here, and as a channel each in [`Channels::least_squares_po2`].
    pub(super) fn largest(&self) -> Vec<f32> {
        let mut largest = vec![0.0_f32; self.count];
        for (i, weight) in self.weights.iter().enumerate() {
            let channel = &mut largest[i % self.count];
            *channel = channel.max(weight.abs());
        }
        if self.weights.ndim() < 2 {
            let all = largest.iter().copied().fold(0.0, f32::max);
            largest.fill(all);
        }
        largest
    }

    /// QKeras' `_get_least_squares_scale` with alpha 'auto_po2': for each channel the power of two
    /// near Σ x·q / Σ q², where `q` are the weights quantized with another scale.
    pub(super) fn least_squares_po2(&self, q: &ArrayD<f32>) -> Vec<f32> {
        let mut sums = vec![(0.0_f64, 0.0_f64); self.count];
        for (i, (x, q)) in self.weights.iter().zip(q).enumerate() {
            let (xq, qq) = &mut sums[i % self.count];
            *xq += f64::from(x * q);
            *qq += f64::from(q * q);
        }
        let elements = (self.weights.len() / self.count.max(1)) as f32;
        let scale = |(xq, qq): (f64, f64)| {
            let (xq, qq) = (xq as f32 / elements, qq as f32 / elements);
            nearest_po2(xq / (qq + EPSILON))
        };
        sums.into_iter().map(scale).collect()
    }
}

/// 2^round(log2(`scale` + ε)), QKeras' nearest power of two. What is not finite stays so.
pub(super) fn nearest_po2(scale: f32) -> f32 {
    let scale = scale + EPSILON;
    if scale.is_finite() { exp2(log2::round_log2(scale.into())) as f32 } else { scale }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr2;

    #[test]
    fn a_channel_is_a_column() {
        let channels = Channels::new(arr2(&[[0.5, -3.0], [-1.0, 2.0]]).into_dyn());
        assert_eq!(channels.largest(), [1.0, 3.0]);
        let q = arr2(&[[1.0, -1.0], [-1.0, 1.0]]).into_dyn();
        // Means 0.75 and 2.5; the nearest powers of two in the logarithm.
        assert_eq!(channels.least_squares_po2(&q), [1.0, 2.0]);
        assert_eq!(
            channels.map(&[1.0, 10.0], |w, s| w * s),
            arr2(&[[0.5, -30.0], [-1.0, 20.0]]).into_dyn()
        );
    }

    #[test]
    fn a_vector_has_one_largest_magnitude_but_scales_of_its_own() {
        let channels = Channels::new(ndarray::arr1(&[0.25, -4.0]).into_dyn());
        assert_eq!(channels.largest(), [4.0, 4.0]);
        assert_eq!(
            channels.least_squares_po2(&ndarray::arr1(&[1.0, -1.0]).into_dyn()),
            [0.25, 4.0]
        );
    }

    #[test]
    fn nothing_comes_from_nothing() {
        let channels = Channels::new(ArrayD::zeros(vec![3, 0]));
        assert!(channels.largest().is_empty());
        assert!(channels.least_squares_po2(&ArrayD::zeros(vec![3, 0])).is_empty());
    }

    #[test]
    fn zero_becomes_the_power_near_epsilon() {
        assert_eq!(nearest_po2(0.0), exp2(-23) as f32);
        assert_eq!(nearest_po2(f32::INFINITY), f32::INFINITY);
    }
}
