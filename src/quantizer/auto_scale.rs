//! Scales that QKeras computes from the weights, one for each group of them.
//!
//! QKeras computes in float32, and a scale that is rounded to a power of two hides every difference
//! except at a threshold. So each operation here rounds to float32 as QKeras does. Sums do so too if each
//! output channel has a scale of its own, in the order of TensorFlow's kernels for x86 processors. For
//! other groups (and on other machines) the order depends on the processor; there a sum is exact and
//! rounded once, and TensorFlow's differs by a few units in the last of 24 bits.

use std::fmt;

use ndarray::{ArrayD, Zip};

use super::arguments::{Arguments, listed, named};
use super::rounding::round_log2;
use super::{Alpha, ParseError, QuantizerError, exp2};

/// An integer or a list of them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Integers {
    pub(super) numbers: Vec<i64>,
    pub(super) is_list: bool,
}

/// QKeras' `alpha`, and the attributes of a scale that is computed from weights: `scale_axis`,
/// `elements_per_scale`, `min_po2_exponent` and `max_po2_exponent`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ScaleRule {
    pub(super) alpha: Alpha,
    axis: Option<Integers>,
    elements: Option<Integers>,
    min_exponent: Option<f64>,
    max_exponent: Option<f64>,
}

impl ScaleRule {
    /// Reads the attributes. All but `alpha` have no effect if that is stated, and are dropped then.
    pub(super) fn new(arguments: &Arguments) -> Result<Self, ParseError> {
        let rule = Self {
            alpha: arguments.alpha()?,
            axis: arguments.whole_numbers("scale_axis", i64::MIN)?,
            elements: arguments.whole_numbers("elements_per_scale", 1)?,
            min_exponent: arguments.exponent("min_po2_exponent")?,
            max_exponent: arguments.exponent("max_po2_exponent")?,
        };
        if !rule.alpha.numbers().is_empty() {
            return Ok(Self { alpha: rule.alpha, ..Self::default() });
        }
        let expected = match (&rule.axis, &rule.elements) {
            (None, Some(_)) => "None without scale_axis",
            (Some(axes), Some(elements)) if elements.is_list && !axes.is_list => {
                "one number, as scale_axis is"
            }
            (Some(axes), Some(elements))
                if elements.is_list && axes.numbers.len() != elements.numbers.len() =>
            {
                "as many numbers as scale_axis has"
            }
            (Some(axes), Some(_)) if !axes.numbers.is_sorted_by(|a, b| a < b) => {
                return Err(arguments.wrong("scale_axis", "ascending beside elements_per_scale"));
            }
            _ => return Ok(rule),
        };
        Err(arguments.wrong("elements_per_scale", expected))
    }

    /// The rule of a kernel, where an alpha that is not stated is computed.
    pub(super) fn move_to_kernel(&mut self) {
        if self.alpha == Alpha::Unset {
            self.alpha = Alpha::AutoPo2;
        }
    }

    /// One group for each position on the scale axes, by default the last axis: QKeras'
    /// `_get_scaling_axis`. Errors name `quantizer`.
    pub(super) fn axis_groups(
        &self,
        shape: &[usize],
        quantizer: &dyn fmt::Display,
    ) -> Result<ScaleGroups, QuantizerError> {
        let axes = match &self.axis {
            None => vec![shape.len().saturating_sub(1)],
            // QKeras looks each axis up in a list, so axes that do not exist are harmless there.
            Some(axes) if axes.is_list => {
                (0..shape.len()).filter(|axis| axes.numbers.contains(&(*axis as i64))).collect()
            }
            Some(axes) => {
                let position = |axis: &i64| position(*axis, shape, quantizer);
                axes.numbers.iter().map(position).collect::<Result<_, _>>()?
            }
        };
        let kept: Vec<(usize, usize)> = axes.into_iter().map(|axis| (axis, 1)).collect();
        Ok(ScaleGroups::along(shape, &kept))
    }

    /// Groups of QKeras' `_get_least_squares_scale`: each element of a vector, otherwise
    /// `elements_per_scale` positions on each scale axis.
    pub(super) fn groups(
        &self,
        shape: &[usize],
        quantizer: &dyn fmt::Display,
    ) -> Result<ScaleGroups, QuantizerError> {
        if shape.len() < 2 {
            return Ok(ScaleGroups::along(shape, &[(0, 1)]));
        }
        let (Some(axes), Some(elements)) = (&self.axis, &self.elements) else {
            return self.axis_groups(shape, quantizer);
        };
        let mut kept = vec![];
        // One number holds for every axis.
        for (axis, elements) in axes.numbers.iter().zip(elements.numbers.iter().cycle()) {
            let position = position(*axis, shape, quantizer)?;
            let divisor = usize::try_from(*elements).ok().filter(|count| *count > 0);
            let divisor = divisor.filter(|count| shape[position].is_multiple_of(*count));
            let uneven = || {
                let reason = format!("axis {axis} does not divide into {elements} elements");
                QuantizerError::scales(quantizer, shape, reason)
            };
            kept.push((position, divisor.ok_or_else(uneven)?));
        }
        Ok(ScaleGroups::along(shape, &kept))
    }

    /// The least-squares scales of codes `q` for values `x`, as powers of two for 'auto_po2': QKeras'
    /// `_get_least_squares_scale`.
    pub(super) fn least_squares(
        &self,
        groups: &ScaleGroups,
        x: &ArrayD<f32>,
        q: &ArrayD<f32>,
    ) -> Vec<f32> {
        let mut scales = groups.least_squares(x, q);
        if self.alpha == Alpha::AutoPo2 {
            scales.iter_mut().for_each(|scale| *scale = self.clip(nearest_po2(*scale)));
        }
        scales
    }

    /// The computed scale of each weight of `x`. With 'auto' it is the scale of its group in `first`, of
    /// those in `covering`. With 'auto_po2' QKeras searches for the best power of two from there on: at
    /// most `fits` times, the weights are quantized by `code` and the scales fitted to the codes.
    pub(super) fn fitted(
        &self,
        x: &ArrayD<f32>,
        first: &ScaleGroups,
        covering: impl Iterator<Item = f32>,
        fits: usize,
        code: impl Fn(f32, f32) -> f32,
        quantizer: &dyn fmt::Display,
    ) -> Result<ArrayD<f32>, QuantizerError> {
        if self.alpha == Alpha::Auto {
            return Ok(first.scale_of_each(x, &covering.collect::<Vec<_>>()));
        }
        let mut scale = first.scale_of_each(x, &covering.map(nearest_po2).collect::<Vec<_>>());
        let groups = self.groups(x.shape(), quantizer)?;
        for _ in 0..fits {
            let codes = Zip::from(x).and(&scale).map_collect(|x, scale| code(*x, *scale));
            let next = groups.scale_of_each(x, &self.least_squares(&groups, x, &codes));
            if next == scale {
                break;
            }
            scale = next;
        }
        Ok(scale)
    }

    /// QKeras' `_clip_po2_scale`. The lower of two contradicting bounds holds. A bound whose exponent is
    /// no integer is no power of two; neither is the clipped scale then.
    fn clip(&self, scale: f32) -> f32 {
        let power = |exponent: f64| libm::exp2(exponent) as f32;
        let low = self.min_exponent.map_or(f32::NEG_INFINITY, power);
        let high = self.max_exponent.map_or(f32::INFINITY, power);
        scale.clamp(low, high.max(low))
    }

    /// The attributes in a call.
    pub(super) fn text(&self) -> Option<String> {
        listed([
            self.alpha.text(),
            named("scale_axis", self.axis.as_ref()),
            named("elements_per_scale", self.elements.as_ref()),
            named("min_po2_exponent", self.min_exponent),
            named("max_po2_exponent", self.max_exponent),
        ])
    }
}

impl fmt::Display for Integers {
    /// QKeras reads a list separated by spaces, but not by commas.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = self.numbers.iter().map(i64::to_string).collect::<Vec<_>>().join(" ");
        if self.is_list { write!(f, "[{numbers}]") } else { f.write_str(&numbers) }
    }
}

/// The axis of `shape` that `axis` is. Errors name `quantizer`.
fn position(
    axis: i64,
    shape: &[usize],
    quantizer: &dyn fmt::Display,
) -> Result<usize, QuantizerError> {
    let position = usize::try_from(axis).ok().filter(|position| *position < shape.len());
    let missing = || QuantizerError::scales(quantizer, shape, format!("there is no axis {axis}"));
    position.ok_or_else(missing)
}

/// Maximum iterations of QKeras' search for the best power of two.
pub(super) const MAX_FITS: usize = 5;

/// Keras' `epsilon()`.
pub(super) const EPSILON: f32 = 1e-7;

/// Lanes of TensorFlow's vectors, and partial sums that it keeps over axes of `LONG` elements or more.
const LANES: usize = 8;
const PARTIAL_SUMS: usize = 4;
const LONG: usize = 16;

/// Partition of weights into groups that share a scale.
#[derive(Debug, PartialEq)]
pub(super) struct ScaleGroups {
    /// The group of each weight, in row-major order, in which all arrays are here.
    of: Vec<usize>,
    count: usize,
    /// True if each group is one of several output channels: a position on the last of several axes.
    are_outputs: bool,
}

impl ScaleGroups {
    /// One group of all weights.
    pub(super) fn one(shape: &[usize]) -> Self {
        Self::along(shape, &[])
    }

    /// Groups of weights whose positions agree on each (axis, elements) of `kept`, after integer
    /// division by `elements`. Axes ascend.
    pub(super) fn along(shape: &[usize], kept: &[(usize, usize)]) -> Self {
        let mut of = vec![0];
        let mut count = 1;
        for (axis, length) in shape.iter().copied().enumerate() {
            let kept = kept.iter().find(|(known, _)| *known == axis);
            let (elements, groups) = kept
                .map_or((usize::MAX, 1), |(_, elements)| (*elements, length.div_ceil(*elements)));
            of = of
                .iter()
                .flat_map(|g| (0..length).map(move |i| g * groups + i / elements))
                .collect();
            count *= groups;
        }
        let last = shape.len().wrapping_sub(1);
        let are_outputs = shape.len() > 1 && kept == [(last, 1)] && count > 1;
        Self { of, count, are_outputs }
    }

    /// The scale of each weight, shaped like `weights`.
    pub(super) fn scale_of_each(&self, weights: &ArrayD<f32>, scales: &[f32]) -> ArrayD<f32> {
        let mut groups = self.of.iter();
        weights.map(|_| scales[*groups.next().expect("one group for each weight")])
    }

    /// The largest `value` of each group; `low` for an empty group.
    pub(super) fn largest(
        &self,
        weights: &ArrayD<f32>,
        value: impl Fn(f32) -> f32,
        low: f32,
    ) -> Vec<f32> {
        let mut largest = vec![low; self.count];
        for (weight, group) in weights.iter().zip(&self.of) {
            largest[*group] = largest[*group].max(value(*weight));
        }
        largest
    }

    /// QKeras' `_get_least_squares_scale` with alpha 'auto': Σ x·q / Σ q² of each group, `q` being the
    /// weights `x` quantized with another scale.
    pub(super) fn least_squares(&self, x: &ArrayD<f32>, q: &ArrayD<f32>) -> Vec<f32> {
        let xq = self.means(x.iter().zip(q).map(|(x, q)| x * q));
        let qq = self.means(q.iter().map(|q| q * q));
        xq.into_iter().zip(qq).map(|(xq, qq)| flush(xq / (qq + EPSILON))).collect()
    }

    /// The mean of each group's terms, which are in the order of the weights.
    fn means(&self, terms: impl Iterator<Item = f32>) -> Vec<f32> {
        let mut sizes = vec![0_usize; self.count];
        self.of.iter().for_each(|group| sizes[*group] += 1);
        let sums = if self.are_outputs { self.vector_sums(terms) } else { self.exact_sums(terms) };
        sums.into_iter().zip(sizes).map(|(sum, size)| sum / size as f32).collect()
    }

    fn exact_sums(&self, terms: impl Iterator<Item = f32>) -> Vec<f32> {
        let mut sums = vec![0.0_f64; self.count];
        for (term, group) in terms.zip(&self.of) {
            sums[*group] += f64::from(term);
        }
        sums.into_iter().map(|sum| sum as f32).collect()
    }

    /// Sums over all axes but the last in the order of Eigen's `InnerMostDimPreserver`: sequential, but
    /// with four partial sums for a whole vector of channels along an axis of 16 or more.
    fn vector_sums(&self, terms: impl Iterator<Item = f32>) -> Vec<f32> {
        let rows = self.of.len() / self.count;
        let in_vectors = if rows >= LONG { self.count / LANES * LANES } else { 0 };
        let unrolled = rows / PARTIAL_SUMS * PARTIAL_SUMS;
        let mut sums = vec![[0.0_f32; PARTIAL_SUMS]; self.count];
        for (i, term) in terms.enumerate() {
            let (row, channel) = (i / self.count, i % self.count);
            let partial = &mut sums[channel];
            if channel >= in_vectors {
                partial[0] += term;
            } else if row < unrolled {
                partial[row % PARTIAL_SUMS] += term;
            } else {
                // The rest is added to the sum of the four.
                if row == unrolled {
                    *partial = [total(partial), 0.0, 0.0, 0.0];
                }
                partial[0] += term;
            }
        }
        sums.iter().map(total).collect()
    }
}

fn total(partial: &[f32; PARTIAL_SUMS]) -> f32 {
    partial[0] + partial[1] + partial[2] + partial[3]
}

/// 2^round(log2(`scale` + ε)), QKeras' nearest power of two; infinity and NaN are unchanged.
pub(super) fn nearest_po2(scale: f32) -> f32 {
    let scale = scale + EPSILON;
    if scale.is_finite() { exp2(round_log2(scale.into())) as f32 } else { scale }
}

/// Flushes subnormal numbers to 0, as TensorFlow does.
pub(super) fn flush(x: f32) -> f32 {
    if x.is_subnormal() { 0.0 } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{ArrayD, arr2};

    fn of(shape: &[usize], kept: &[(usize, usize)]) -> Vec<usize> {
        ScaleGroups::along(shape, kept).of
    }

    #[test]
    fn groups_follow_the_kept_axes() {
        assert_eq!(of(&[2, 3], &[(1, 1)]), [0, 1, 2, 0, 1, 2]);
        assert_eq!(of(&[2, 3], &[(0, 1)]), [0, 0, 0, 1, 1, 1]);
        assert_eq!(of(&[2, 2], &[(0, 1), (1, 1)]), [0, 1, 2, 3]);
        assert_eq!(of(&[2, 2], &[]), [0, 0, 0, 0]);
        assert_eq!(of(&[4, 1], &[(0, 2)]), [0, 0, 1, 1]);
        assert_eq!(of(&[2, 4], &[(0, 1), (1, 2)]), [0, 0, 1, 1, 2, 2, 3, 3]);
        assert_eq!(ScaleGroups::one(&[2, 2]), ScaleGroups::along(&[2, 2], &[]));
        assert_eq!(ScaleGroups::along(&[2, 4], &[(0, 1), (1, 2)]).count, 4);
    }

    #[test]
    fn a_channel_is_a_column() {
        let weights = arr2(&[[0.5, -3.0], [-1.0, 2.0]]).into_dyn();
        let groups = ScaleGroups::along(&[2, 2], &[(1, 1)]);
        assert_eq!(groups.largest(&weights, f32::abs, 0.0), [1.0, 3.0]);
        let q = arr2(&[[1.0, -1.0], [-1.0, 1.0]]).into_dyn();
        assert_eq!(groups.least_squares(&weights, &q), [0.75, 2.5].map(|s| s / (1.0 + EPSILON)));
        let scales = groups.scale_of_each(&weights, &[1.0, 10.0]);
        assert_eq!(weights * scales, arr2(&[[0.5, -30.0], [-1.0, 20.0]]).into_dyn());
    }

    #[test]
    fn empty_arrays_have_empty_results() {
        let groups = ScaleGroups::along(&[3, 0], &[(1, 1)]);
        let nothing = ArrayD::zeros(vec![3, 0]);
        assert!(groups.largest(&nothing, f32::abs, 0.0).is_empty());
        assert!(groups.least_squares(&nothing, &nothing).is_empty());
        let groups = ScaleGroups::one(&[3, 0]);
        assert_eq!(groups.largest(&nothing, f32::abs, 0.0), [0.0]);
        assert_eq!(groups.scale_of_each(&nothing, &[1.0]), nothing);
    }

    #[test]
    fn zero_becomes_the_power_near_epsilon() {
        assert_eq!(nearest_po2(0.0), exp2(-23) as f32);
        assert_eq!(nearest_po2(f32::INFINITY), f32::INFINITY);
    }

    /// In float32 a sum of 2^24 and 1 loses the 1, so each order of additions shows in the result.
    #[test]
    fn long_columns_are_summed_four_by_four() {
        const BIG: f32 = 16_777_216.0;
        let sum = |rows: usize, columns: usize, column: usize| {
            let term = |i: usize| match (i % columns == column, i / columns) {
                (false, _) => 0.0,
                (true, 0) => BIG,
                (true, _) => 1.0,
            };
            let groups = ScaleGroups::along(&[rows, columns], &[(1, 1)]);
            groups.means((0..rows * columns).map(term))[column] * rows as f32
        };
        assert_eq!(sum(8, 8, 0), BIG, "short");
        assert_eq!(sum(16, 7, 0), BIG, "less than a vector");
        assert_eq!(sum(32, 9, 8), BIG, "after the last whole vector");
        assert_eq!(sum(16, 9, 7), BIG + 12.0, "three sums without the large term");
        let groups = ScaleGroups::along(&[18, 8], &[(1, 1)]);
        let late = |i: usize| if i / 8 >= 16 { BIG } else { 1.0 };
        assert_eq!(groups.vector_sums((0..18 * 8).map(late))[0], 2.0 * BIG + 16.0, "the rest last");
        assert_eq!(sum(16, 1, 0), BIG + 16.0, "one channel: exact, then rounded");
    }
}
