//! The quantizers of QKeras: their parameters, the exact values they give at inference, and what
//! they are in fixed-point hardware.
//!
//! Each lives in a file of its own. A quantizer acts in two places: on parameters, once, when a
//! network is lowered ([`Quantizer::quantize_kernel`], [`Quantizer::quantize_bias`]), and on
//! values that flow ([`Quantizer::apply`], [`Quantizer::hardware`]).

/// A quantizer as a model file states it.
#[derive(Clone, Debug, PartialEq)]
pub enum Quantizer {
    /// x itself.
    Linear,
}
