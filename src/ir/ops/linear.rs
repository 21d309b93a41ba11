//! Dot products with a weight matrix, and the proven range of their accumulator.

use ndarray::{Array1, Array2, ArrayD};
use num_bigint::BigInt;
use num_traits::{Num, Signed, Zero};

use super::{Alignment, Evaluate, OpError, Operand, Operation, ensure, shaped, single};
use crate::fixed::{Format, FormatError, Range, Word, power_of_two_code};
use crate::ir::text::{Described, described};
use crate::ir::{Constant, Tensor};

/// `y[.., o] = Σ_i x[.., i] · weights[i, o] + bias[o]`, exact.
///
/// The result has the fractional bits of x plus those of the weights, or those of the bias if they
/// are more. Its format holds every partial sum in any order of summation: the accumulator cannot
/// overflow.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    /// Weight matrix \[inputs, outputs\].
    pub weights: Constant,
    /// \[outputs\], in any format.
    pub bias: Option<Constant>,
}

described!("linear", Linear { weights, bias });

impl Operation for Linear {
    fn infer(&self, operands: &[&Tensor]) -> Result<Tensor, OpError> {
        let x = single(self.name(), operands)?;
        let [inputs, outputs] = self.matrix()?;
        ensure(
            inputs == x.channel_count(),
            "its weights have another number of inputs than its operand has channels",
        )?;
        let sums = self.sums(x).map_err(OpError::format("accumulator"))?;
        let mut shape = x.shape.clone();
        match shape.last_mut() {
            Some(channels) => *channels = outputs,
            None => shape.push(outputs),
        }
        sums.into_tensor(shape)
    }
}

impl Evaluate for Linear {
    fn evaluate<W: Word>(&self, operands: &[Operand<'_>], result: &Tensor) -> Option<ArrayD<W>> {
        let x = operands.first()?;
        let Parameters { weights, bias } = self.parameters::<W>(x.tensor.format)?;
        let codes = W::view(x.codes)?;
        let samples = *codes.shape().first()?;
        let rows =
            codes.view().into_shape_with_order((codes.len() / weights.nrows(), weights.nrows()));
        let rows = rows.ok()?;
        let mut y = Array2::from_elem((rows.nrows(), weights.ncols()), W::zero());
        for (x, mut y) in rows.outer_iter().zip(y.outer_iter_mut()) {
            y.assign(&bias);
            for (x, weights) in x.iter().zip(weights.outer_iter()) {
                if x.is_zero() {
                    continue;
                }
                y.zip_mut_with(&weights, |sum, w| sum.add_product(x, w));
            }
        }
        shaped(y.into_raw_vec_and_offset().0, samples, result)
    }
}

impl Linear {
    /// Inputs and outputs of the weight matrix.
    ///
    /// # Errors
    /// If the weights are not a matrix, or the bias has another number of outputs.
    pub(super) fn matrix(&self) -> Result<[usize; 2], OpError> {
        let [inputs, outputs] = *self.weights.codes.shape() else {
            return Err(OpError::mismatch("its weights are not a matrix"));
        };
        ensure(inputs > 0 && outputs > 0, "its weight matrix is empty")?;
        let bias = self.bias.as_ref().map(|bias| bias.codes.shape());
        ensure(
            bias.is_none_or(|shape| *shape == [outputs]),
            "its bias is not one number per output",
        )?;
        Ok([inputs, outputs])
    }

    /// Number of non-trivial multiplications of a row: by weights that are neither 0 nor ± a power
    /// of two. Trivial ones need no multiplier.
    pub fn multiplications(&self) -> usize {
        let is_trivial = |code: &BigInt| code.is_zero() || power_of_two_code(code).is_some();
        self.weights.codes.iter().filter(|code| !is_trivial(code)).count()
    }

    fn alignment(&self, x: Format) -> Result<Alignment, FormatError> {
        Alignment::of(x, &self.weights, self.bias.as_ref())
    }

    /// Weights and bias with the fractional bits of the result, for an operand of format `x`.
    pub(crate) fn parameters<W: Word>(&self, x: Format) -> Option<Parameters<W>> {
        let alignment = self.alignment(x).ok()?;
        let weights: Array2<W> =
            self.weights.shifted(alignment.product)?.into_dimensionality().ok()?;
        let bias = match &self.bias {
            None => Array1::from_elem(weights.ncols(), W::zero()),
            Some(bias) => bias.shifted(alignment.bias)?.into_dimensionality().ok()?,
        };
        Some(Parameters { weights, bias })
    }
}

/// Weights and bias, shifted to the fractional bits of the result.
pub(crate) struct Parameters<W> {
    pub(crate) weights: Array2<W>,
    pub(crate) bias: Array1<W>,
}

/// Proven ranges of the sums of a [`Linear`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sums {
    /// Fractional bits of every sum.
    pub fraction: i32,
    /// Range of the codes of each output.
    pub outputs: Vec<Range>,
    /// Range of the codes of every partial sum of any output, in any order of summation.
    pub partial: Range,
}

impl Sums {
    /// The result tensor, in a format that holds every partial sum.
    pub(super) fn into_tensor(self, shape: Vec<usize>) -> Result<Tensor, OpError> {
        let format = Format::covering(&self.partial, self.fraction);
        let format = format.map_err(OpError::format("accumulator"))?;
        Ok(Tensor::new(shape, format, self.outputs))
    }
}

/// Operands of the products with a weight matrix.
pub(super) struct Terms<'a> {
    /// The operand's format.
    pub(super) format: Format,
    /// Number of groups of outputs, each with operands of its own.
    pub(super) groups: usize,
    /// Range of the codes that a row of weights multiplies in a group.
    pub(super) range: &'a dyn Fn(usize, usize) -> Range,
}

impl Linear {
    /// Proven ranges of the sums for an operand `x`.
    ///
    /// # Errors
    /// If the binary points of products and bias lie too far apart for any format.
    pub fn sums(&self, x: &Tensor) -> Result<Sums, FormatError> {
        let range = |input, _| x.channel_range(input).into_owned();
        self.sums_of(&Terms { format: x.format, groups: 1, range: &range })
    }

    /// See [`Linear::sums`].
    pub(super) fn sums_of(&self, x: &Terms<'_>) -> Result<Sums, FormatError> {
        let shifts = self.alignment(x.format)?;
        // Up to this width, no sum of all terms overflows an i128.
        let bits = |format: Format| format.width() + 1;
        let terms = usize::BITS - self.weights.codes.len().leading_zeros();
        let product_bits = bits(x.format) + bits(self.weights.format) + shifts.product + terms;
        let bias_bits = self.bias.as_ref().map_or(0, |b| bits(b.format)) + shifts.bias;
        let (outputs, partial) = if product_bits.max(bias_bits) < 120 {
            self.ranges::<i128>(x, shifts)
        } else {
            self.ranges::<BigInt>(x, shifts)
        };
        Ok(Sums { fraction: shifts.fraction, outputs, partial })
    }

    /// The range of each output's full sum, and of all partial sums.
    fn ranges<T: Term>(&self, x: &Terms<'_>, shifts: Alignment) -> (Vec<Range>, Range)
    where
        for<'a> &'a T: std::ops::Mul<&'a T, Output = T>,
    {
        let word =
            |code: BigInt| T::of(code).expect("the word is chosen for the formats of the codes");
        let weights: Vec<T> = self.weights.codes.iter().map(word).collect();
        let outputs = *self.weights.codes.shape().last().expect("weights are a matrix");
        let mut sums: Vec<RunningSum<T>> = match &self.bias {
            None => (0..outputs).map(|_| RunningSum::new(T::zero())).collect(),
            Some(bias) => {
                bias.codes.iter().map(|b| RunningSum::new(word(b).shifted(shifts.bias))).collect()
            }
        };
        let group_outputs = (outputs / x.groups).max(1);
        for (input, row) in weights.chunks_exact(outputs).enumerate() {
            let groups = sums.chunks_mut(group_outputs).zip(row.chunks(group_outputs));
            for (group, (sums, weights)) in groups.enumerate() {
                let range = (x.range)(input, group);
                let low = word(range.low().clone()).shifted(shifts.product);
                let high = word(range.high().clone()).shifted(shifts.product);
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    let (a, b) = (&low * weight, &high * weight);
                    if weight.is_negative() { sum.add(b, a) } else { sum.add(a, b) }
                }
            }
        }
        let lowest = sums.iter().map(|sum| &sum.lowest).min().expect("at least one output");
        let highest = sums.iter().map(|sum| &sum.highest).max().expect("at least one output");
        let partial = Range::new(lowest.big(), highest.big());
        let outputs = sums.iter().map(|sum| Range::new(sum.low.big(), sum.high.big())).collect();
        (outputs, partial)
    }
}

/// Range of the sum of the terms so far, and of its partial sums in any order.
struct RunningSum<T> {
    low: T,
    high: T,
    lowest: T,
    highest: T,
}

impl<T: Term> RunningSum<T> {
    fn new(bias: T) -> Self {
        let (lowest, highest) = (bias.clone().min(T::zero()), bias.clone().max(T::zero()));
        Self { low: bias.clone(), high: bias, lowest, highest }
    }

    fn add(&mut self, low: T, high: T) {
        // A partial sum may lack any term, so low extends `lowest` only if it is negative.
        self.lowest = self.lowest.clone() + low.clone().min(T::zero());
        self.highest = self.highest.clone() + high.clone().max(T::zero());
        self.low = self.low.clone() + low;
        self.high = self.high.clone() + high;
    }
}

/// Integer type for the computation of ranges.
trait Term: Num + Signed + Ord + Clone {
    fn of(code: BigInt) -> Option<Self>;
    fn shifted(&self, bits: u32) -> Self;
    fn big(&self) -> BigInt;
}

impl Term for i128 {
    fn of(code: BigInt) -> Option<Self> {
        code.try_into().ok()
    }
    fn shifted(&self, bits: u32) -> Self {
        self << bits
    }
    fn big(&self) -> BigInt {
        BigInt::from(*self)
    }
}

impl Term for BigInt {
    fn of(code: BigInt) -> Option<Self> {
        Some(code)
    }
    fn shifted(&self, bits: u32) -> Self {
        self << bits
    }
    fn big(&self) -> BigInt {
        self.clone()
    }
}
