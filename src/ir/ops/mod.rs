//! The operations: one file each, with its formula, what it makes of types and ranges, and its
//! reference evaluation.
//!
//! [`Operation`] is everything that the rest of the crate asks of an operation. A new one is a file
//! here and a line in the list below; the compiler names the other places.

mod affine;
mod cast;
mod clamp;
mod concat;
mod conv;
mod elementwise;
mod gather;
mod input;
mod leaky;
mod linear;
mod pool;
mod reshape;
mod scale;
mod softmax;
mod step_function;

use std::borrow::Cow;

use ndarray::{ArrayD, IxDyn};
use num_bigint::BigInt;

use super::text::{Attributes, Described, Parse, TextError};
use super::{Constant, Tensor};
use crate::fixed::{Codes, Format, FormatError, Word};

pub use affine::Affine;
pub(crate) use affine::Alignment;
pub use cast::Cast;
pub use clamp::Clamp;
pub use concat::Concat;
pub use conv::Conv;
pub use elementwise::Elementwise;
pub use gather::Gather;
pub use input::Input;
pub use leaky::Leaky;
pub(crate) use leaky::LeakyAlignment;
pub use linear::{Linear, Sums};
pub use pool::{Pool, PoolKind};
pub use reshape::Reshape;
pub use scale::Scale;
pub use softmax::Softmax;
pub(crate) use softmax::{RangeAt, code_of_one, is_reciprocal};
pub use step_function::StepFunction;

/// What the crate asks of an operation.
///
/// An operation carries everything that it needs: types it casts to, shapes, indices, constants.
/// Every operation is exact on integer codes; where it drops bits, its types say how.
pub trait Operation: Described {
    /// The result's shape, format and ranges for these operands: the narrowest format and the
    /// tightest ranges that are proven. The only place that knows them.
    ///
    /// # Errors
    /// If the operands or the constants do not fit one another, or no format holds the result.
    fn infer(&self, operands: &[&Tensor]) -> Result<Tensor, OpError>;

    /// The reference evaluation: `result` is the tensor that [`Operation::infer`] gives, or a wider
    /// one. `None` if the graph is not valid.
    fn evaluate(&self, operands: &[Operand<'_>], result: &Tensor) -> Option<Codes>;

    /// Element i of the result is the same function of element i of each operand, for every i: the
    /// operation commutes with permutations.
    fn is_uniform(&self) -> bool;

    /// How result values follow from the values of so many operands.
    fn effect(&self, operands: usize) -> Effect;
}

/// How result values follow from operand values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Each result element is an operand element, or a constant.
    Selects,
    /// Operand elements times 2^`power`.
    Shifts {
        /// Binary exponent of the factor.
        power: i32,
    },
    /// Sums or differences of operand elements.
    Sums {
        /// Largest number of terms of a sum.
        terms: usize,
    },
    /// Anything else.
    Computes,
}

/// Operands, constants or a result that an operation does not admit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpError {
    /// Another number of operands than the operation takes.
    #[error("{operation} does not take {found} operands")]
    Operands {
        /// The operation's name.
        operation: &'static str,
        /// Operands that it has.
        found: usize,
    },
    /// Shapes, formats or constants that do not fit one another.
    #[error("{0}")]
    Mismatch(Cow<'static, str>),
    /// No format holds the result.
    #[error("{what}: {error}")]
    Format {
        /// What the format is for: "accumulator".
        what: &'static str,
        /// What is wrong with it.
        error: FormatError,
    },
}

impl OpError {
    /// A mismatch, in words.
    pub(crate) fn mismatch(rule: impl Into<Cow<'static, str>>) -> Self {
        Self::Mismatch(rule.into())
    }

    /// An error about the format of `what`, from the one of [`Format`].
    pub(crate) fn format(what: &'static str) -> impl Fn(FormatError) -> Self {
        move |error| Self::Format { what, error }
    }
}

/// An operand of an evaluation: its tensor, and the codes of all samples, samples first.
#[derive(Clone, Copy)]
pub struct Operand<'a> {
    /// Shape, format and ranges of one sample.
    pub tensor: &'a Tensor,
    /// Codes \[samples, ..shape\].
    pub codes: &'a Codes,
}

/// Declares [`Op`] and sends each question to the operation's own file.
macro_rules! operations {
    ($($(#[$doc:meta])* $variant:ident,)*) => {
        /// An operation of the graph.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Op {
            $($(#[$doc])* $variant($variant),)*
        }

        impl std::ops::Deref for Op {
            type Target = dyn Operation;

            fn deref(&self) -> &(dyn Operation + 'static) {
                match self {
                    $(Self::$variant(operation) => operation,)*
                }
            }
        }

        $(impl From<$variant> for Op {
            fn from(operation: $variant) -> Self {
                Self::$variant(operation)
            }
        })*

        impl Op {
            /// As [`Operation::infer`], after a check that every constant lies in its format.
            ///
            /// # Errors
            /// As [`Operation::infer`], and if a constant leaves its format or the result is empty.
            pub fn infer(&self, operands: &[&Tensor]) -> Result<Tensor, OpError> {
                for constant in self.constants() {
                    let inside = constant.format.codes().contains(&constant.range());
                    ensure(inside, "a constant leaves its format")?;
                }
                let tensor = Operation::infer(&**self, operands)?;
                ensure(!tensor.is_empty(), "its tensor has no elements")?;
                Ok(tensor)
            }

            /// The operation that the text form calls `name`; `None` if there is none.
            pub(super) fn parse(
                name: &str,
                attributes: &mut Attributes<'_>,
            ) -> Option<Result<Self, TextError>> {
                $(if <$variant as Parse>::NAMES.contains(&name) {
                    return Some(<$variant as Parse>::parse(name, attributes).map(Self::from));
                })*
                None
            }

            /// The names of all operations in the text form.
            pub(super) fn names() -> impl Iterator<Item = &'static str> {
                [$(<$variant as Parse>::NAMES),*].into_iter().flatten().copied()
            }
        }
    };
}

operations! {
    /// Samples enter here.
    Input,
    /// Dot products with a weight matrix.
    Linear,
    /// Dot products of windows with a weight matrix.
    Conv,
    /// A scale and a bias per channel.
    Affine,
    /// Other types for the same values.
    Cast,
    /// A lower and an upper limit.
    Clamp,
    /// Leaky ReLU.
    Leaky,
    /// A factor that is a power of two.
    Scale,
    /// A step function.
    StepFunction,
    /// Softmax by lookup tables.
    Softmax,
    /// Largest element or sum of windows.
    Pool,
    /// Arithmetic on the elements of several tensors.
    Elementwise,
    /// Another shape.
    Reshape,
    /// Elements at other indices.
    Gather,
    /// Tensors joined along an axis.
    Concat,
}

/// The only operand of `operation`.
fn single<'t>(operation: &'static str, operands: &[&'t Tensor]) -> Result<&'t Tensor, OpError> {
    match operands {
        [operand] => Ok(operand),
        _ => Err(OpError::Operands { operation, found: operands.len() }),
    }
}

/// `Err(rule)` unless `holds`.
fn ensure(holds: bool, rule: &'static str) -> Result<(), OpError> {
    if holds { Ok(()) } else { Err(OpError::mismatch(rule)) }
}

/// Evaluates `$evaluation` over i64 words where `$narrow` holds and over big integers elsewhere.
macro_rules! over_words {
    ($narrow:expr, $word:ident => $evaluation:expr) => {
        if $narrow {
            type $word = i64;
            $evaluation.map(crate::fixed::Codes::Narrow)
        } else {
            type $word = num_bigint::BigInt;
            $evaluation.map(crate::fixed::Codes::from_big)
        }
    };
}
use over_words;

/// All of operands, constants and result fit 64 bits.
fn is_narrow(operands: &[Operand<'_>], constants: &[&Constant], result: Format) -> bool {
    let constants = constants.iter().map(|constant| constant.format);
    let operands = operands.iter().map(|operand| operand.tensor.format);
    constants.chain(operands).chain([result]).all(Format::is_narrow)
}

/// `elements` of so many samples as an array of the shape of `result`, samples first.
fn shaped<W: Word>(elements: Vec<W>, samples: usize, result: &Tensor) -> Option<ArrayD<W>> {
    let shape: Vec<usize> = std::iter::once(samples).chain(result.shape.iter().copied()).collect();
    ArrayD::from_shape_vec(IxDyn(&shape), elements).ok()
}

/// All samples' elements of `x`, row-major, and the number of samples.
fn flat<'x, W: Word>(x: &'x ArrayD<W>, tensor: &Tensor) -> Option<(Cow<'x, [W]>, usize)> {
    let samples = *x.shape().first()?;
    let flat = match x.as_slice() {
        Some(slice) => Cow::Borrowed(slice),
        None => Cow::Owned(x.iter().cloned().collect()),
    };
    (flat.len() == samples * tensor.len() && !tensor.is_empty()).then_some((flat, samples))
}

/// The left shift from `from` to `to` fractional bits.
///
/// # Errors
/// If the binary points lie too far apart for any format to hold both.
fn alignment(from: i64, to: i64) -> Result<u32, FormatError> {
    match u32::try_from(to - from) {
        Ok(shift) if shift <= 4 * crate::fixed::MAX_WIDTH => Ok(shift),
        _ => Err(FormatError::Width(to - from)),
    }
}

/// `bits` as fractional bits of a format.
fn fractional_bits(bits: i64) -> Result<i32, FormatError> {
    i32::try_from(bits).map_err(|_| FormatError::Position(-bits))
}

/// An optional limit as a word; `None` if it does not fit.
fn limit_as_word<W: Word>(limit: Option<&BigInt>) -> Option<Option<W>> {
    match limit {
        Some(code) => W::from_big(code).map(Some),
        None => Some(None),
    }
}
