//! The quantizers of QKeras: their parameters, the exact values they give at inference, and their
//! form in fixed-point hardware.
//!
//! A quantizer acts on parameters, once, when a network is lowered ([`Quantizer::quantize`]), and on
//! activations ([`Quantizer::apply`], [`Quantizer::stages`]). It is written and read as QKeras does:
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
//! QKeras computes in float32, Bitkiln computes the same definition exactly. The two differ only
//! where QKeras contradicts itself: a power of two is chosen by comparison with √2 · 2^k, and within
//! ten float32 numbers of that threshold (or at the ties of a quadratic approximation) the choice
//! depends on the lane that TensorFlow's vectorised logarithm puts a number in. Parameters with a
//! real-valued scale are the exact product, which QKeras rounds to float32.
//!
//! To add a quantizer: a struct that implements `Definition`, an arm in [`Quantizer`] and in its
//! `definition` and `definition_mut`, an entry in `catalogue`.

mod adaptive;
mod arguments;
mod auto_scale;
mod bits;
mod catalogue;
mod error;
mod functions;
mod linear;
mod po2;
mod registry;
mod relu;
mod rounding;
mod scale;
mod signs;
mod stage;
mod step_function;
#[cfg(test)]
mod tests;

use std::fmt;

use ndarray::{ArrayD, ArrayViewD, Dimension};

use crate::fixed::exp2;
use crate::function::Sigmoid;

pub use adaptive::{Adaptive, Rule as AdaptiveRule};
use arguments::Training;
pub use arguments::TrainingNote;
pub use bits::QuantizedBits;
pub use catalogue::{Kind, kinds};
pub use error::{ParseError, QuantizerError};
pub use functions::{QkerasFunction, QuantizedHswish, QuantizedSigmoid, QuantizedUlaw};
pub use linear::QuantizedLinear;
pub use po2::QuantizedPo2;
pub use registry::names;
pub use relu::QuantizedRelu;
pub use scale::{Alpha, Factored};
pub use signs::{Binary, Ternary};
use stage::{ChannelScales, cast};
pub use stage::{ScaleRole, Scaled, Stage};
pub use step_function::{Piece, RealStepFunction, Side, Threshold};

/// A quantizer as a model file states it.
#[derive(Clone, Debug, PartialEq)]
pub enum Quantizer {
    /// `quantized_bits`: fixed point.
    Bits(QuantizedBits),
    /// `quantized_linear`: fixed point with a scale that also divides.
    Linear(QuantizedLinear),
    /// `quantized_relu`: a rectifier onto fixed point.
    Relu(QuantizedRelu),
    /// `quantized_po2` and `quantized_relu_po2`: powers of two, signed or behind a rectifier.
    Po2(QuantizedPo2),
    /// `ternary` and `stochastic_ternary`: -1, 0 and 1, scaled.
    Ternary(Ternary),
    /// `binary`, `stochastic_binary` and `bernoulli`: -1 and 1 (or 0 and 1), scaled.
    Binary(Binary),
    /// `quantized_ulaw`: levels by the μ-law, denser around 0.
    Ulaw(QuantizedUlaw),
    /// `quantized_sigmoid` and `quantized_tanh`: a sigmoid or a hyperbolic tangent on fixed point.
    Sigmoid(QuantizedSigmoid),
    /// `quantized_hswish`: a hard swish on fixed point.
    Hswish(QuantizedHswish),
    /// `hard_tanh` and the like: functions that QKeras accepts as quantizers.
    Function(QkerasFunction),
}

/// Definition of one class of quantizer. Its `Display` form is the call that constructs it in QKeras;
/// parsed, it gives an equal quantizer.
trait Definition: fmt::Display {
    /// See [`Quantizer::in_kernel`].
    fn move_to_kernel(&mut self) {}

    /// See [`Scaled::with`].
    fn set_scale(&mut self, _scale: f32) {}

    /// See [`Quantizer::factored`]; the weights are finite, and none is subnormal.
    fn factored(&self, weights: &ArrayD<f32>) -> Result<Factored, QuantizerError> {
        Ok(Factored::plain(weights.mapv(|w| self.apply(f64::from(w)))))
    }

    /// See [`Quantizer::apply`].
    fn apply(&self, x: f64) -> f64;

    /// See [`Quantizer::breakpoints`].
    fn breakpoints(&self) -> Vec<f64> {
        vec![]
    }

    /// See [`Quantizer::stages`].
    fn stages(&self) -> Result<Vec<Stage>, QuantizerError>;

    /// See [`Quantizer::scaled`].
    fn scales(&self) -> ChannelScales<'_> {
        None
    }

    /// The attributes that act in training only; `None` for a class without such attributes.
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
    /// Maximum length of the list that [`Quantizer::values`] gives.
    pub const MAX_VALUES: usize = 1 << 16;

    fn definition(&self) -> &dyn Definition {
        match self {
            Self::Bits(q) => q,
            Self::Linear(q) => q,
            Self::Relu(q) => q,
            Self::Po2(q) => q,
            Self::Ternary(q) => q,
            Self::Binary(q) => q,
            Self::Ulaw(q) => q,
            Self::Sigmoid(q) => q,
            Self::Hswish(q) => q,
            Self::Function(q) => q,
        }
    }

    fn definition_mut(&mut self) -> &mut dyn Definition {
        match self {
            Self::Bits(q) => q,
            Self::Linear(q) => q,
            Self::Relu(q) => q,
            Self::Po2(q) => q,
            Self::Ternary(q) => q,
            Self::Binary(q) => q,
            Self::Ulaw(q) => q,
            Self::Sigmoid(q) => q,
            Self::Hswish(q) => q,
            Self::Function(q) => q,
        }
    }

    /// The quantizer as it acts on a layer's kernel, QKeras' `_set_trainable_parameter`: an `alpha` that
    /// is not stated becomes `'auto_po2'`, a power of two computed for each output channel.
    #[must_use]
    pub fn in_kernel(&self) -> Self {
        let mut quantizer = self.clone();
        quantizer.definition_mut().move_to_kernel();
        quantizer
    }

    /// The exact values of parameters, the scale included. Kernels have the output channels last.
    ///
    /// # Errors
    /// If a value is not finite, the quantizer does not act on parameters, or its scales do not
    /// broadcast to their shape.
    pub fn quantize(&self, weights: &ArrayViewD<'_, f32>) -> Result<ArrayD<f64>, QuantizerError> {
        self.factored(weights).map(Factored::product)
    }

    /// The exact values of parameters, with real-valued scales kept separate. Kernels have the output
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
        // TensorFlow flushes subnormal numbers to zero, which loses their sign.
        let weights = weights.as_standard_layout().mapv(auto_scale::flush);
        self.definition().factored(&weights)
    }

    /// The powers of two that `quantized_bits` with `alpha='auto_po2'` chooses for `weights`, one for each:
    /// QKeras' `quantizer.scale`. `None` for any other quantizer.
    ///
    /// # Errors
    /// As [`Quantizer::quantize`].
    pub fn auto_po2_scales(
        &self,
        weights: &ArrayViewD<'_, f32>,
    ) -> Result<Option<ArrayD<f32>>, QuantizerError> {
        match self {
            Self::Bits(bits) => bits.auto_po2_scales(&weights.mapv(auto_scale::flush)),
            _ => Ok(None),
        }
    }

    /// Noise and randomness that the file states for training. Bitkiln always quantizes in full and
    /// deterministically.
    pub fn training_notes(&self) -> Vec<TrainingNote> {
        self.definition().training_notes()
    }

    /// The quantized value of an activation `x`, in exact arithmetic. NaN if the quantizer's scale
    /// depends on all the data or on the channel; [`Quantizer::stages`] is an error then.
    pub fn apply(&self, x: f64) -> f64 {
        // A zero has no sign in fixed point.
        self.definition().apply(x) + 0.0
    }

    /// Breakpoints of monotonicity, ascending: [`Quantizer::apply`] is monotone on `t ≤ x < u` for
    /// neighbours t and u, below the first and from the last on. Empty for a monotone quantizer.
    pub fn breakpoints(&self) -> Vec<f64> {
        self.definition().breakpoints()
    }

    /// The quantizer with the sigmoid that QKeras' `set_internal_sigmoid` sets for its whole module.
    /// Quantizers that use no sigmoid are unchanged. No model file states it; a quantizer that is parsed
    /// has QKeras' default, the hard one.
    #[must_use]
    pub fn with_internal_sigmoid(mut self, kind: Sigmoid) -> Self {
        match &mut self {
            Self::Relu(q) => q.sigmoid = kind,
            Self::Ulaw(q) => q.sigmoid = kind,
            Self::Sigmoid(q) => q.sigmoid = kind,
            _ => {}
        }
        self
    }

    /// [`Quantizer::apply`] as hardware: stages one after another. The only place that states it; the
    /// lowering, the catalogue and the reports follow.
    ///
    /// # Errors
    /// If the quantizer has a scale for each channel ([`Quantizer::scaled`]) or one that depends on the
    /// data, or a type is too wide.
    pub fn stages(&self) -> Result<Vec<Stage>, QuantizerError> {
        self.definition().stages()
    }

    /// QKeras' name of the class.
    pub fn name(&self) -> &'static str {
        let call = self.to_string();
        let name = call.split('(').next();
        let kind = kinds().iter().find(|kind| Some(kind.name) == name);
        kind.expect("a quantizer is written as a call of its class").name
    }

    /// Every value that [`Quantizer::apply`] can give, ascending; `None` if they depend on the data or
    /// the channel, or are more than [`Quantizer::MAX_VALUES`].
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
