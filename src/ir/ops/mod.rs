//! The operations: one file each, with the formula, the inference of types and ranges, and the
//! reference evaluation.
//!
//! [`Operation`] is the interface to the rest of the crate. A new operation needs a file here and a
//! line in the list below; exhaustive matches name the rest.

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
mod lookup;
mod pool;
mod reciprocal;
mod reshape;
mod scale;
mod scan;
mod softmax;
mod step_function;

use std::borrow::Cow;

use ndarray::{ArrayD, IxDyn};
use num_bigint::BigInt;

use super::text::{Attributes, Described, Parse, TextError};
use super::{Constant, Tensor};
use crate::fixed::{Codes, Format, FormatError, Word};

pub use affine::Affine;
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
pub use lookup::Lookup;
pub use pool::{Pool, PoolKind};
pub(crate) use reciprocal::Reciprocal;
pub use reshape::Reshape;
pub use scale::Scale;
pub use scan::Scan;
pub(crate) use scan::row_of;
pub use softmax::Softmax;
pub(crate) use softmax::{RangeAt, code_of_one, is_reciprocal};
pub use step_function::StepFunction;

/// Interface of an operation.
///
/// An operation holds its types, shapes, indices and constants. It is exact on integer codes,
/// except where its types round or saturate.
pub trait Operation: Described {
    /// Infers shape, format and ranges of the result: the narrowest format and the tightest proven
    /// ranges.
    ///
    /// # Errors
    /// If the operands or the constants do not fit one another, or no format holds the result.
    fn infer(&self, operands: &[&Tensor]) -> Result<Tensor, OpError>;

    /// True if element i of the result is the same function of element i of each operand, for every
    /// i: the operation commutes with permutations. False is right for every operation.
    fn is_uniform(&self) -> bool {
        false
    }

    /// Relation of result values to operand values, for this number of operands.
    /// [`Effect::Computes`] is right for every operation.
    fn effect(&self, _operands: usize) -> Effect {
        Effect::Computes
    }
}

/// Reference evaluation of an operation, over words of any type.
trait Evaluate: Operation {
    /// Codes \[samples, ..shape\] of the result, which is the inferred tensor or a wider one. `None`
    /// if the graph is not valid.
    fn evaluate<W: Word>(&self, operands: &[Operand<'_>], result: &Tensor) -> Option<ArrayD<W>>;

    /// True if operands, constants, intermediate results and the result fit 64 bits.
    fn is_narrow(&self, operands: &[Operand<'_>], result: Format) -> bool {
        let constants = self.constants().into_iter().map(|constant| constant.format);
        let operands = operands.iter().map(|operand| operand.tensor.format);
        constants.chain(operands).chain([result]).all(Format::is_narrow)
    }
}

/// Evaluates `operation` over i64 words where they suffice and over big integers elsewhere.
fn evaluate(operation: &impl Evaluate, operands: &[Operand<'_>], result: &Tensor) -> Option<Codes> {
    match operation.is_narrow(operands, result.format) {
        true => operation.evaluate(operands, result).map(Codes::Narrow),
        false => operation.evaluate(operands, result).map(Codes::from_big),
    }
}

/// Relation of result values to operand values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Each result element is an operand element, or a constant.
    Selects,
    /// Each result element is an operand element times 2^`power`.
    Shifts {
        /// Binary exponent of the factor.
        power: i32,
    },
    /// Each result element is a sum or difference of operand elements.
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
    /// Wrong number of operands.
    #[error("{operation} does not take {found} operands")]
    Operands {
        /// The operation's name.
        operation: &'static str,
        /// Number of operands.
        found: usize,
    },
    /// Shapes, formats or constants that do not fit one another.
    #[error("{0}")]
    Mismatch(Cow<'static, str>),
    /// No format holds the result.
    #[error("{what}: {error}")]
    Format {
        /// The value that needs the format: "accumulator".
        what: &'static str,
        /// The reason.
        error: FormatError,
    },
}

impl OpError {
    /// An error with a description.
    pub(crate) fn mismatch(rule: impl Into<Cow<'static, str>>) -> Self {
        Self::Mismatch(rule.into())
    }

    /// Converts an error of [`Format`] to an error about the format of `what`.
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

/// Declares [`Op`] and forwards to the operations.
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
            /// Like [`Operation::infer`], and checks the constants.
            ///
            /// # Errors
            /// Like [`Operation::infer`], and if a constant exceeds its format or the result is empty.
            pub fn infer(&self, operands: &[&Tensor]) -> Result<Tensor, OpError> {
                for constant in self.constants() {
                    let inside = constant.format.codes().contains(&constant.range());
                    ensure(inside, "a constant exceeds its format")?;
                }
                let tensor = Operation::infer(&**self, operands)?;
                ensure(!tensor.is_empty(), "its tensor has no elements")?;
                Ok(tensor)
            }

            /// Reference evaluation. `result` is the inferred tensor or a wider one. `None` if the
            /// graph is not valid.
            pub fn evaluate(&self, operands: &[Operand<'_>], result: &Tensor) -> Option<Codes> {
                match self {
                    $(Self::$variant(operation) => evaluate(operation, operands, result),)*
                }
            }

            /// Parses the operation `name` of the text form; `None` if there is none.
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
    /// An input of the network.
    Input,
    /// Dot products with a weight matrix.
    Linear,
    /// Dot products of windows with a weight matrix.
    Conv,
    /// A scale and a bias per channel.
    Affine,
    /// Conversion to another type.
    Cast,
    /// Limits from below and above.
    Clamp,
    /// Leaky ReLU.
    Leaky,
    /// Multiplication by a power of two.
    Scale,
    /// A step function.
    StepFunction,
    /// Rows of a table by index.
    Lookup,
    /// Softmax by lookup tables.
    Softmax,
    /// Largest element or sum of windows.
    Pool,
    /// Arithmetic on the elements of several tensors.
    Elementwise,
    /// A change of shape.
    Reshape,
    /// A selection of elements by index.
    Gather,
    /// Tensors joined along an axis.
    Concat,
    /// A body, iterated over the rows of sequences.
    Scan,
}

/// The only operand of `operation`.
fn single<'t>(operation: &'static str, operands: &[&'t Tensor]) -> Result<&'t Tensor, OpError> {
    match operands {
        [operand] => Ok(operand),
        _ => Err(OpError::Operands { operation, found: operands.len() }),
    }
}

/// `Err(rule)` unless `holds`.
pub(super) fn ensure(holds: bool, rule: &'static str) -> Result<(), OpError> {
    if holds { Ok(()) } else { Err(OpError::mismatch(rule)) }
}

/// The elements of all samples as an array of the shape of `result`, samples first.
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

/// Fractional bits of a sum of terms with these `fractions`, and the left shift of each term.
///
/// # Errors
/// If the binary points lie too far apart for any format to hold all.
fn aligned<const N: usize>(fractions: [i64; N]) -> Result<(i32, [u32; N]), FormatError> {
    let fraction = fractions.into_iter().fold(i64::MIN, i64::max);
    let mut shifts = [0; N];
    for (shift, own) in shifts.iter_mut().zip(fractions) {
        *shift = match u32::try_from(fraction - own) {
            Ok(shift) if shift <= 4 * crate::fixed::MAX_WIDTH => shift,
            _ => return Err(FormatError::Width(fraction - own)),
        };
    }
    Ok((fractional_bits(fraction)?, shifts))
}

/// Left shifts of products and biases to the binary point of their sum.
#[derive(Clone, Copy, Debug)]
struct Alignment {
    /// Fractional bits of the sum.
    fraction: i32,
    /// Shift of products.
    product: u32,
    /// Shift of biases.
    bias: u32,
}

impl Alignment {
    /// The shifts for products of operands of the format `x` with `factors`, plus `bias`.
    fn of(x: Format, factors: &Constant, bias: Option<&Constant>) -> Result<Self, FormatError> {
        let product = i64::from(x.fractional_bits()) + i64::from(factors.format.fractional_bits());
        let bias = bias.map_or(product, |bias| bias.format.fractional_bits().into());
        let (fraction, [product, bias]) = aligned([product, bias])?;
        Ok(Self { fraction, product, bias })
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
