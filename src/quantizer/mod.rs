//! The quantizers of QKeras: their parameters, the exact values they give at inference, and what
//! they are in fixed-point hardware.
//!
//! Each lives in a file of its own. A quantizer acts in two places: on parameters, once, when a
//! network is lowered ([`Quantizer::quantize`]), and on values that flow ([`Quantizer::apply`],
//! [`Quantizer::stages`]). It is written and read as QKeras does:
//!
//! ```
//! use bitkiln::quantizer::{Quantizer, Stage};
//! let relu: Quantizer = "quantized_relu(4, 1)".parse()?;
//! assert_eq!(relu.apply(0.3), 0.25);
//! assert_eq!(relu.apply(-7.0), 0.0);
//! assert_eq!(relu.stages()?, [Stage::Cast("ufixed<4,1,RND_CONV,SAT>".parse()?)]);
//! assert_eq!(relu.to_string(), "quantized_relu(4,1)");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! QKeras computes in float32, Bitkiln with the same numbers exactly. The two differ only where
//! QKeras contradicts itself: a power of two is chosen by comparing with √2 · 2^k, and within some
//! ten float32 steps of that threshold (or on the ties that a quadratic approximation has), its
//! choice depends on the lane that TensorFlow's vectorised logarithm puts a number in.
//! Parameters with a real-valued scale are the exact product, which QKeras rounds to float32.
//!
//! To add a quantizer: a file with a struct that implements `Definition`, an arm in
//! [`Quantizer`] and in its `definition`, a line in `registry::SUPPORTED`.

mod adaptive;
mod alpha;
mod binary;
mod bits;
mod catalogue;
mod curve;
mod error;
mod exponents;
mod factored;
mod fixed_point;
mod functions;
mod hswish;
mod linear;
mod log2;
mod nearest;
mod parameters;
mod po2;
mod registry;
mod relu;
mod relu_po2;
mod rule;
mod scaled;
mod scales;
mod staircase;
mod ternary;
#[cfg(test)]
mod tests;
mod text;
mod training;
mod ulaw;

use std::fmt;

use ndarray::{ArrayD, ArrayViewD, Dimension};

use crate::fixed::{Format, FormatError, Overflow, Quantization, Rounding};
use crate::function::Sigmoid;

pub use adaptive::{Adaptive, Rule as AdaptiveRule};
pub use alpha::Alpha;
pub use binary::Binary;
pub use bits::QuantizedBits;
pub use catalogue::{Kind, kinds};
pub use curve::QuantizedCurve;
pub use error::{ParseError, QuantizerError};
pub use factored::Factored;
pub use functions::QkerasFunction;
pub use hswish::QuantizedHswish;
pub use linear::QuantizedLinear;
pub use po2::QuantizedPo2;
pub use registry::names;
pub use relu::QuantizedRelu;
pub use relu_po2::QuantizedReluPo2;
use scaled::Several;
pub use scaled::{Role, Scaled};
pub use staircase::{Edge, Owner, Staircase, Step};
pub use ternary::Ternary;
use training::Training;
pub use training::TrainingNote;
pub use ulaw::QuantizedUlaw;

/// A quantizer as a model file states it.
#[derive(Clone, Debug, PartialEq)]
pub enum Quantizer {
    /// `quantized_bits`: fixed point.
    Bits(QuantizedBits),
    /// `quantized_linear`: fixed point with a scale that also divides.
    Linear(QuantizedLinear),
    /// `quantized_relu`: a rectifier onto fixed point.
    Relu(QuantizedRelu),
    /// `quantized_po2`: signed powers of two.
    Po2(QuantizedPo2),
    /// `quantized_relu_po2`: a rectifier onto powers of two.
    ReluPo2(QuantizedReluPo2),
    /// `ternary` and `stochastic_ternary`: -1, 0 and 1, scaled.
    Ternary(Ternary),
    /// `binary`, `stochastic_binary` and `bernoulli`: -1 and 1 (or 0 and 1), scaled.
    Binary(Binary),
    /// `quantized_ulaw`: levels that lie denser around 0.
    Ulaw(QuantizedUlaw),
    /// `quantized_tanh` and `quantized_sigmoid`: a hyperbolic tangent or a sigmoid on fixed point.
    Curve(QuantizedCurve),
    /// `quantized_hswish`: a hard swish on fixed point.
    Hswish(QuantizedHswish),
    /// `hard_tanh` and its like: no quantizers, but QKeras takes them for such.
    Function(QkerasFunction),
}

/// One step of an activation quantizer in hardware.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// The value in another type.
    Cast(Quantization),
    /// The value times 2^`power`: the same bits with the binary point elsewhere.
    Scale {
        /// Places that the value moves up.
        power: i32,
    },
    /// The value times `scale`, plus `offset`, exactly.
    Affine {
        /// The factor.
        scale: f64,
        /// What is added.
        offset: f64,
    },
    /// Values below become this one.
    AtLeast(f64),
    /// Values above become this one.
    AtMost(f64),
    /// x where x is not negative, x · 2^-`shift` elsewhere.
    Leaky {
        /// Minus the slope's power of two.
        shift: u32,
    },
    /// The whole quantizer as a piecewise constant function: its thresholds are found by bisection
    /// with [`Quantizer::apply`], between its [`Quantizer::turns`]. The first stage; behind it stands
    /// nothing, or a [`Stage::Cast`] to the type of values that lie on no grid by themselves.
    Steps,
}

impl Stage {
    /// `scale` · x + `offset`; nothing where that is x.
    fn line(scale: f64, offset: f64) -> Option<Self> {
        ((scale, offset) != (1.0, 0.0)).then_some(Self::Affine { scale, offset })
    }
}

/// What every quantizer answers. Its string form (`Display`) is the call that constructs it in
/// QKeras, and reads back as an equal quantizer.
trait Definition: fmt::Display {
    /// See [`Quantizer::in_kernel`].
    fn in_kernel(&self) -> Quantizer;

    /// See [`Quantizer::factored`]; the weights are finite, and none is subnormal.
    fn factored(&self, weights: &ArrayD<f32>) -> Result<Factored, QuantizerError> {
        Ok(Factored::plain(weights.mapv(|w| self.apply(f64::from(w)))))
    }

    /// See [`Quantizer::apply`].
    fn apply(&self, x: f64) -> f64;

    /// See [`Quantizer::turns`].
    fn turns(&self) -> Vec<f64> {
        vec![]
    }

    /// See [`Quantizer::stages`].
    fn stages(&self) -> Result<Vec<Stage>, QuantizerError>;

    /// See [`Quantizer::scaled`].
    fn several_scales(&self) -> Several<'_> {
        None
    }

    /// The attributes that act in training only; `None` for a quantizer that has none.
    fn training(&self) -> Option<&Training> {
        None
    }

    /// See [`Quantizer::training_notes`].
    fn training_notes(&self) -> Vec<TrainingNote> {
        self.training().map(Training::notes).unwrap_or_default()
    }

    /// See [`Quantizer::values`].
    fn values(&self) -> Option<Vec<f64>>;
}

impl Quantizer {
    /// The longest list that [`Quantizer::values`] gives.
    pub const MAX_VALUES: usize = 1 << 16;

    fn definition(&self) -> &dyn Definition {
        match self {
            Self::Bits(q) => q,
            Self::Linear(q) => q,
            Self::Relu(q) => q,
            Self::Po2(q) => q,
            Self::ReluPo2(q) => q,
            Self::Ternary(q) => q,
            Self::Binary(q) => q,
            Self::Ulaw(q) => q,
            Self::Curve(q) => q,
            Self::Hswish(q) => q,
            Self::Function(q) => q,
        }
    }

    /// The quantizer as it acts on a layer's kernel, QKeras' `_set_trainable_parameter`: where no
    /// `alpha` is stated, a power of two for each output channel is computed from the kernel.
    #[must_use]
    pub fn in_kernel(&self) -> Self {
        self.definition().in_kernel()
    }

    /// The exact values of parameters, the scale included. Kernels have the output channels last.
    ///
    /// # Errors
    /// If a value is not finite, the quantizer does not act on parameters, or its scales do not
    /// spread over these.
    pub fn quantize(&self, weights: &ArrayViewD<'_, f32>) -> Result<ArrayD<f64>, QuantizerError> {
        self.factored(weights).map(Factored::product)
    }

    /// The exact values of parameters, real-valued scales apart from them. Kernels have the output
    /// channels last.
    ///
    /// ```
    /// use bitkiln::quantizer::Quantizer;
    /// use ndarray::arr2;
    /// let quantizer: Quantizer = "quantized_bits(3,0,1,alpha='auto')".parse()?;
    /// let kernel = arr2(&[[0.6_f32, -1.5], [-0.2, 3.0]]).into_dyn();
    /// let factored = quantizer.factored(&kernel.view())?;
    /// assert_eq!(factored.values, arr2(&[[0.75, -0.5], [-0.25, 0.75]]).into_dyn());
    /// assert_eq!(factored.scale.unwrap()[1], 4.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Quantizer::quantize`].
    pub fn factored(&self, weights: &ArrayViewD<'_, f32>) -> Result<Factored, QuantizerError> {
        if let Some((index, value)) = weights.indexed_iter().find(|(_, w)| !w.is_finite()) {
            return Err(QuantizerError::Weight {
                index: index.as_array_view().to_vec(),
                value: *value,
            });
        }
        // TensorFlow flushes subnormal numbers to zero, and zero has another sign than some of them.
        let weights = weights.as_standard_layout().mapv(scales::flush);
        self.definition().factored(&weights)
    }

    /// What the file states for training only, or for it more than for inference: noise and chance.
    /// Here values are always quantized in full, and without chance.
    pub fn training_notes(&self) -> Vec<TrainingNote> {
        self.definition().training_notes()
    }

    /// The value that a flowing `x` becomes, in exact arithmetic. NaN where the quantizer's scale
    /// depends on all the data, or on the channel: [`Quantizer::stages`] says so.
    pub fn apply(&self, x: f64) -> f64 {
        // A zero has no sign in fixed point.
        self.definition().apply(x) + 0.0
    }

    /// Ascending numbers, such that [`Quantizer::apply`] never turns from rising to falling or back
    /// between two of them: on `t ≤ x < u` for neighbours t and u, below the first and from the last
    /// on, it is monotone. None for a quantizer that is monotone everywhere.
    pub fn turns(&self) -> Vec<f64> {
        self.definition().turns()
    }

    /// The quantizer with the sigmoid that QKeras' `set_internal_sigmoid` sets for all of its module,
    /// where it uses that. No text and no model file states it; a quantizer that is read has QKeras'
    /// default, the hard one.
    #[must_use]
    pub fn with_internal_sigmoid(mut self, kind: Sigmoid) -> Self {
        match &mut self {
            Self::Relu(q) => q.sigmoid = kind,
            Self::Ulaw(q) => q.sigmoid = kind,
            Self::Curve(q) => q.sigmoid = kind,
            _ => {}
        }
        self
    }

    /// What [`Quantizer::apply`] is in hardware: stages one after another.
    ///
    /// # Errors
    /// If the quantizer has a scale for each channel ([`Quantizer::scaled`]) or one that depends on the
    /// data, or a type is too wide.
    pub fn stages(&self) -> Result<Vec<Stage>, QuantizerError> {
        self.definition().stages()
    }

    /// Every value that [`Quantizer::apply`] can give, in ascending order; `None` where they depend
    /// on the data or the channel, or are more than [`Quantizer::MAX_VALUES`].
    pub fn values(&self) -> Option<Vec<f64>> {
        let mut values: Vec<f64> = self.definition().values()?.iter().map(|v| v + 0.0).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        (values.len() <= Self::MAX_VALUES).then_some(values)
    }
}

impl fmt::Display for Quantizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.definition().fmt(f)
    }
}

/// The cast of a quantizer that rounds halves to even, as TensorFlow does.
fn cast(
    quantizer: &dyn fmt::Display,
    format: Result<Format, FormatError>,
    overflow: Overflow,
) -> Result<Stage, QuantizerError> {
    match format {
        Ok(format) => Ok(Stage::Cast(Quantization::new(format, Rounding::RndConv, overflow))),
        Err(source) => Err(QuantizerError::Format { quantizer: quantizer.to_string(), source }),
    }
}

/// 2^`power`, exact for every power that a quantizer has.
fn exp2(power: i32) -> f64 {
    libm::ldexp(1.0, power)
}
