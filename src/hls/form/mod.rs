//! The form of a matrix of constant weights in hardware: multipliers, or less.
//!
//! The weights decide, never the quantizer that they came from: a matrix of `quantized_bits` whose
//! weights happen to be powers of two is shifts and additions like one of `quantized_po2`.

mod factors;
#[cfg(test)]
mod tests;

use ndarray::{ArrayD, IxDyn};
use num_bigint::{BigInt, Sign};
use num_traits::Zero;
use serde::{Deserialize, Serialize};

use crate::fixed::{Codes, Format, Range};
use crate::ir;

use factors::Weight;
pub(super) use factors::{Scaling, Shift, scaling_operations, sign_power};

/// Hardware form of an [`ir::Linear`], alone or in an [`ir::Conv`].
#[derive(Clone, Debug, PartialEq)]
pub(super) enum MatrixForm {
    /// A product for each weight that is not 0.
    Products,
    /// The weights of an output are 0 or ± the same power of two: operands are added and
    /// subtracted, and the sum is shifted by the output's power.
    Signs {
        /// The sums before the shift; `None` where all powers are 1.
        shifted: Option<ShiftedSum>,
    },
    /// Weights are 0 or ± powers of two: operands are shifted, and added and subtracted.
    Shifts {
        /// \[inputs, outputs\].
        shift: Shift,
    },
    /// Weights and operands are ± powers of two, each output's and all operands' the same: the sum
    /// of n products is n minus twice the number of products whose factors differ in sign.
    Xnor {
        /// Shift of the number of differing signs: \[outputs\].
        shift: Shift,
        /// The sums for equal signs: \[outputs\].
        starts: ir::Constant,
    },
}

/// Uses of each row of a matrix for a sample, or of each column.
#[derive(Clone, Debug)]
pub(super) struct Uses {
    times: u64,
    /// By taps, of which each has `tap_rows` rows; empty where all rows are used as often.
    taps: Vec<u64>,
    tap_rows: usize,
    /// By phases, of which each has the same number of columns; empty where all columns are used as
    /// often.
    phases: Vec<u64>,
}

impl Uses {
    /// The uses of a matrix that is applied `times` times.
    pub(super) fn of_matrix(times: usize) -> Self {
        Self { times: times as u64, taps: vec![], tap_rows: 1, phases: vec![] }
    }

    /// The uses of the matrices of several phases, side by side: each is applied so many times.
    pub(super) fn of_phases(phases: Vec<u64>) -> Self {
        Self { phases, ..Self::of_matrix(0) }
    }

    /// The uses of the matrix of `conv`. A tap in the padding is no use.
    pub(super) fn of_windows(conv: &ir::Conv) -> Self {
        let window = &conv.window;
        let present =
            |tap| (0..window.windows()).filter(|w| window.source(*w, tap).is_some()).count();
        let taps: Vec<u64> = (0..window.taps()).map(|tap| present(tap) as u64).collect();
        let (rows, _) = matrix_shape(&conv.linear);
        let tap_rows = (rows / window.taps().max(1)).max(1);
        Self { times: window.windows() as u64, taps, tap_rows, phases: vec![] }
    }

    /// Kernel calls for which they are counted: those of all phases, or one for all rows.
    pub(super) fn calls(&self) -> u64 {
        if self.phases.is_empty() { 1 } else { self.phases.iter().sum() }
    }

    fn of_row(&self, row: usize) -> Option<u64> {
        self.taps.get(row / self.tap_rows).copied()
    }

    /// The applications of each of `columns`.
    fn of_columns(&self, columns: usize) -> Vec<u64> {
        match self.phases.len() {
            0 => vec![self.times; columns],
            phases => (0..columns).map(|column| self.phases[column * phases / columns]).collect(),
        }
    }
}

/// Inputs and outputs of a weight matrix.
fn matrix_shape(linear: &ir::Linear) -> (usize, usize) {
    let &[inputs, outputs] = linear.weights.codes.shape() else {
        unreachable!("the graph admits no other weights than matrices")
    };
    (inputs, outputs)
}

/// Sums that are shifted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ShiftedSum {
    /// Holds every partial sum.
    pub(super) format: Format,
    /// Proven range of partial sums, in codes of the format.
    pub(super) range: Range,
    /// \[outputs\].
    pub(super) shift: Shift,
}

/// Arithmetic operations for one sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operations {
    /// Non-trivial multiplications: by a constant that is neither 0 nor ± a power of two, by one
    /// from a memory, or by another value.
    pub multiplications: u64,
    /// Additions and subtractions. A term with the weight 0 is none, and neither is the first.
    pub additions: u64,
    /// Shifts by a constant, which are wires: products with ± a power of two other than 1.
    pub shifts: u64,
    /// Comparisons of two signs.
    pub xnors: u64,
}

impl std::ops::Mul<u64> for Operations {
    type Output = Self;

    fn mul(self, times: u64) -> Self {
        Self {
            multiplications: self.multiplications * times,
            additions: self.additions * times,
            shifts: self.shifts * times,
            xnors: self.xnors * times,
        }
    }
}

impl std::ops::AddAssign for Operations {
    fn add_assign(&mut self, other: Self) {
        self.multiplications += other.multiplications;
        self.additions += other.additions;
        self.shifts += other.shifts;
        self.xnors += other.xnors;
    }
}

/// Widest sum of a form without multipliers: its intermediate sums must stay within 128 bits.
const WIDEST_SUM: u32 = 120;

impl MatrixForm {
    /// The form of `linear` with sums in `result`. `x` is its operand, with a channel for each
    /// input; `sign_power` is p where every element is ± 2^p.
    pub(super) fn of(
        linear: &ir::Linear,
        x: &ir::Tensor,
        sign_power: Option<i32>,
        result: Format,
    ) -> Self {
        if result.width() > WIDEST_SUM {
            return Self::Products;
        }
        let Some(matrix) = PowerMatrix::new(linear) else { return Self::Products };
        let signs = matrix.powers().and_then(|powers| {
            sign_power
                .filter(|_| matrix.is_full())
                .and_then(|power| matrix.xnor(&powers, power, linear, result))
                .or_else(|| matrix.signs(&powers, x))
        });
        signs.or_else(|| matrix.shifts(x)).unwrap_or(Self::Products)
    }

    /// The form's name, as tables show it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Products => "multiply-add",
            Self::Signs { .. } => "add-subtract",
            Self::Shifts { .. } => "shift-add",
            Self::Xnor { .. } => "xnor-popcount",
        }
    }

    /// Operations for one sample in this form; `uses` counts the uses of each row of `linear`.
    pub(super) fn operations(&self, linear: &ir::Linear, uses: &Uses) -> Operations {
        let mut operations = Operations::default();
        let (_, outputs) = matrix_shape(linear);
        let mut terms = vec![0_u64; outputs];
        let times = uses.of_columns(outputs);
        let fraction = linear.weights.format.fractional_bits();
        for (position, code) in linear.weights.codes.iter().enumerate() {
            let weight = Weight::new(&code, fraction);
            let used = uses.of_row(position / outputs).unwrap_or(times[position % outputs]);
            terms[position % outputs] += if weight == Weight::Zero { 0 } else { used };
            match (self, weight) {
                (Self::Products, Weight::Other) => operations.multiplications += used,
                (Self::Products | Self::Shifts { .. }, Weight::Power { exponent, .. }) => {
                    operations.shifts += if exponent == 0 { 0 } else { used };
                }
                _ => {}
            }
        }
        match self {
            Self::Signs { shifted: Some(ShiftedSum { shift, .. }) } => {
                operations.shifts += shift.nontrivial(&times);
            }
            Self::Xnor { shift, .. } => {
                operations.shifts += shift.nontrivial(&times);
                operations.xnors += terms.iter().sum::<u64>();
                // The last one takes the count off its start.
                operations.additions += terms.iter().sum::<u64>();
                return operations;
            }
            _ => {}
        }
        let biases: Vec<bool> = match &linear.bias {
            Some(bias) => bias.codes.iter().map(|code| !code.is_zero()).collect(),
            None => vec![false; outputs],
        };
        for ((terms, biased), times) in terms.iter().zip(biases).zip(times) {
            let terms = terms + if biased { times } else { 0 };
            operations.additions += terms.saturating_sub(times);
        }
        operations
    }

    /// Bits of the weights of `linear` in this form.
    pub(super) fn weight_bits(&self, linear: &ir::Linear) -> usize {
        let each = match self {
            Self::Products => linear.weights.format.width(),
            Self::Xnor { .. } => 1,
            Self::Signs { .. } => sign_bits(linear),
            Self::Shifts { shift } => sign_bits(linear) + shift.bits(),
        };
        let per_output = match self {
            Self::Signs { shifted: Some(ShiftedSum { shift, .. }) } | Self::Xnor { shift, .. } => {
                shift.bits() as usize * shift.right.len()
            }
            _ => 0,
        };
        linear.weights.codes.len() * each as usize + per_output
    }
}

/// Bits of a sign: one, and another one where some weight is 0.
fn sign_bits(linear: &ir::Linear) -> u32 {
    1 + u32::from(linear.weights.codes.iter().any(|code| code.is_zero()))
}

/// A matrix whose entries are 0 or ± powers of two.
struct PowerMatrix {
    outputs: usize,
    /// Row-major.
    exponents: Vec<Option<i32>>,
    /// -1, 0 and 1.
    signs: Codes,
}

impl PowerMatrix {
    fn new(linear: &ir::Linear) -> Option<Self> {
        let &[inputs, outputs] = linear.weights.codes.shape() else { return None };
        let fraction = linear.weights.format.fractional_bits();
        let mut exponents = Vec::with_capacity(inputs * outputs);
        for code in linear.weights.codes.iter() {
            exponents.push(match Weight::new(&code, fraction) {
                Weight::Zero => None,
                Weight::Power { exponent, .. } => Some(exponent),
                Weight::Other => return None,
            });
        }
        Some(Self { outputs, exponents, signs: signs(&linear.weights.codes)? })
    }

    /// Tells whether no entry is 0.
    fn is_full(&self) -> bool {
        self.exponents.iter().all(Option::is_some)
    }

    /// The power of each output, `None` for one without terms; `None` altogether if an output has several.
    fn powers(&self) -> Option<Vec<Option<i32>>> {
        let mut powers = vec![None; self.outputs];
        for (position, exponent) in self.exponents.iter().enumerate() {
            let power = &mut powers[position % self.outputs];
            match (*exponent, *power) {
                (Some(exponent), None) => *power = Some(exponent),
                (Some(exponent), Some(power)) if exponent != power => return None,
                _ => {}
            }
        }
        Some(powers)
    }

    fn signs(&self, powers: &[Option<i32>], x: &ir::Tensor) -> Option<MatrixForm> {
        if powers.iter().flatten().all(|power| *power == 0) {
            return Some(MatrixForm::Signs { shifted: None });
        }
        let format = Format::signed(2, 2).ok()?;
        let weights = ir::Constant { codes: self.signs.clone(), format };
        let sums = ir::Linear { weights, bias: None }.sums(x).ok()?;
        let format = Format::covering(&sums.partial, sums.fraction).ok()?;
        let shift = Shift::new(&sums.partial, sums.fraction, powers)?;
        let shifted = ShiftedSum { format, range: sums.partial, shift };
        Some(MatrixForm::Signs { shifted: Some(shifted) })
    }

    fn shifts(&self, x: &ir::Tensor) -> Option<MatrixForm> {
        let shift = Shift::new(&x.range(), x.format.fractional_bits(), &self.exponents)?;
        Some(MatrixForm::Shifts { shift })
    }

    /// With operands of ± 2^`power`.
    fn xnor(
        &self,
        powers: &[Option<i32>],
        power: i32,
        linear: &ir::Linear,
        result: Format,
    ) -> Option<MatrixForm> {
        let inputs = self.exponents.len() / self.outputs.max(1);
        let products: Vec<i32> =
            powers.iter().map(|p| p.and_then(|p| p.checked_add(power))).collect::<Option<_>>()?;
        let up = |fraction: i32| {
            u32::try_from(i64::from(result.fractional_bits()) + i64::from(fraction))
        };
        let mut starts: Vec<BigInt> = Vec::with_capacity(self.outputs);
        for product in &products {
            starts.push(BigInt::from(inputs) << up(*product).ok()?);
        }
        if let Some(bias) = &linear.bias {
            let up = up(-bias.format.fractional_bits()).ok()?;
            for (start, code) in starts.iter_mut().zip(bias.codes.iter()) {
                *start += code << up;
            }
        }
        // Each differing pair is worth -1 instead of 1.
        let twice: Vec<Option<i32>> = products.iter().map(|p| p.checked_add(1)).collect();
        let shift = Shift::new(&Range::new(0, inputs), 0, &twice)?;
        let starts = ndarray::Array1::from(starts).into_dyn();
        let starts = ir::Constant::of_codes(starts, result.fractional_bits()).ok()?;
        Some(MatrixForm::Xnor { shift, starts })
    }
}

/// -1, 0 or 1 for each code; `None` if the shape does not hold them.
pub(super) fn signs(codes: &Codes) -> Option<Codes> {
    let sign = |code: BigInt| match code.sign() {
        Sign::Minus => -1,
        Sign::NoSign => 0,
        Sign::Plus => 1,
    };
    shaped(codes.shape(), codes.iter().map(sign))
}

/// `numbers` as a tensor; `None` if they are more or fewer than it holds.
pub(super) fn shaped(shape: &[usize], numbers: impl Iterator<Item = i64>) -> Option<Codes> {
    ArrayD::from_shape_vec(IxDyn(shape), numbers.collect()).ok().map(Codes::Narrow)
}
