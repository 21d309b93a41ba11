//! Which quantizers there are.

use serde_json::Value;

use super::parameters::Parameters;
use super::{
    Binary, ParseError, QkerasFunction, QuantizedBits, QuantizedCurve, QuantizedHswish,
    QuantizedLinear, QuantizedPo2, QuantizedRelu, QuantizedReluPo2, QuantizedUlaw, Quantizer,
    Ternary, binary, bits, curve, hswish, linear, po2, relu, relu_po2, ternary, ulaw,
};
use crate::naming::nearest;

type Constructor = fn(&Parameters<'_>) -> Result<Quantizer, ParseError>;

/// What Bitkiln has: name, attributes in the order of QKeras' constructor, constructor.
const SUPPORTED: &[(&str, &[&str], Constructor)] = &[
    ("quantized_bits", bits::ATTRIBUTES, |p| QuantizedBits::new(p).map(Quantizer::Bits)),
    ("quantized_linear", linear::ATTRIBUTES, |p| QuantizedLinear::new(p).map(Quantizer::Linear)),
    ("quantized_relu", relu::ATTRIBUTES, |p| QuantizedRelu::new(p).map(Quantizer::Relu)),
    ("quantized_po2", po2::ATTRIBUTES, |p| QuantizedPo2::new(p).map(Quantizer::Po2)),
    ("quantized_relu_po2", relu_po2::ATTRIBUTES, |p| {
        QuantizedReluPo2::new(p).map(Quantizer::ReluPo2)
    }),
    ("ternary", ternary::ATTRIBUTES, |p| Ternary::new(p).map(Quantizer::Ternary)),
    ("stochastic_ternary", ternary::STOCHASTIC_ATTRIBUTES, |p| {
        Ternary::stochastic(p).map(Quantizer::Ternary)
    }),
    ("binary", binary::ATTRIBUTES, |p| Binary::new(p).map(Quantizer::Binary)),
    ("stochastic_binary", binary::STOCHASTIC_ATTRIBUTES, |p| {
        Binary::stochastic(p).map(Quantizer::Binary)
    }),
    ("bernoulli", binary::STOCHASTIC_ATTRIBUTES, |p| Binary::bernoulli(p).map(Quantizer::Binary)),
    ("quantized_ulaw", ulaw::ATTRIBUTES, |p| QuantizedUlaw::new(p).map(Quantizer::Ulaw)),
    ("quantized_tanh", curve::TANH_ATTRIBUTES, |p| QuantizedCurve::tanh(p).map(Quantizer::Curve)),
    ("quantized_sigmoid", curve::SIGMOID_ATTRIBUTES, |p| {
        QuantizedCurve::sigmoid(p).map(Quantizer::Curve)
    }),
    ("quantized_hswish", hswish::ATTRIBUTES, |p| QuantizedHswish::new(p).map(Quantizer::Hswish)),
    ("hard_sigmoid", &[], |_| Ok(Quantizer::Function(QkerasFunction::HardSigmoid))),
    ("smooth_sigmoid", &[], |_| Ok(Quantizer::Function(QkerasFunction::SmoothSigmoid))),
    ("binary_sigmoid", &[], |_| Ok(Quantizer::Function(QkerasFunction::BinarySigmoid))),
    ("hard_tanh", &[], |_| Ok(Quantizer::Function(QkerasFunction::HardTanh))),
    ("smooth_tanh", &[], |_| Ok(Quantizer::Function(QkerasFunction::SmoothTanh))),
    ("binary_tanh", &[], |_| Ok(Quantizer::Function(QkerasFunction::BinaryTanh))),
];

/// The quantizers that Bitkiln has, by QKeras' names.
pub fn names() -> Vec<&'static str> {
    SUPPORTED.iter().map(|(name, ..)| *name).collect()
}

/// The attributes of a quantizer in the order of QKeras' constructor; none if it is unknown.
pub(super) fn attributes(name: &str) -> &'static [&'static str] {
    SUPPORTED.iter().find(|known| known.0 == name).map_or(&[], |known| known.1)
}

impl Quantizer {
    /// The quantizer that QKeras constructs as `name(*positional, **keyword)`; Python's None is
    /// null.
    ///
    /// # Errors
    /// If there is no such quantizer, or an attribute is unknown, has a value that QKeras does not
    /// take, or one that changes the result in a way that is not supported.
    pub fn construct(
        name: &str,
        positional: &[Value],
        keyword: &[(String, Value)],
    ) -> Result<Self, ParseError> {
        if let Some((name, attributes, new)) = SUPPORTED.iter().find(|known| known.0 == name) {
            return new(&Parameters::bind(name, attributes, positional, keyword)?);
        }
        let nearest = nearest(name, names());
        Err(ParseError::Unknown { name: name.to_owned(), nearest })
    }
}
