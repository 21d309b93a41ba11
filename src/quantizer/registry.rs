//! The quantizers by name, and the text that states one.

use std::str::FromStr;

use serde_json::{Number, Value};

use super::arguments::Arguments;
use super::{
    Binary, ParseError, QkerasFunction, QuantizedBits, QuantizedHswish, QuantizedLinear,
    QuantizedPo2, QuantizedRelu, QuantizedReluPo2, QuantizedSigmoid, QuantizedUlaw, Quantizer,
    Ternary,
};
use crate::naming::nearest;

type Constructor = fn(&Arguments<'_>) -> Result<Quantizer, ParseError>;

/// Every quantizer: name, attributes in the order of QKeras' constructor, constructor.
const SUPPORTED: &[(&str, &[&str], Constructor)] = &[
    ("quantized_bits", QuantizedBits::ATTRIBUTES, |p| QuantizedBits::new(p).map(Quantizer::Bits)),
    ("quantized_linear", QuantizedLinear::ATTRIBUTES, |p| {
        QuantizedLinear::new(p).map(Quantizer::Linear)
    }),
    ("quantized_relu", QuantizedRelu::ATTRIBUTES, |p| QuantizedRelu::new(p).map(Quantizer::Relu)),
    ("quantized_po2", QuantizedPo2::ATTRIBUTES, |p| QuantizedPo2::new(p).map(Quantizer::Po2)),
    ("quantized_relu_po2", QuantizedReluPo2::ATTRIBUTES, |p| {
        QuantizedReluPo2::new(p).map(Quantizer::ReluPo2)
    }),
    ("ternary", Ternary::ATTRIBUTES, |p| Ternary::new(p).map(Quantizer::Ternary)),
    ("stochastic_ternary", Ternary::STOCHASTIC_ATTRIBUTES, |p| {
        Ternary::stochastic(p).map(Quantizer::Ternary)
    }),
    ("binary", Binary::ATTRIBUTES, |p| Binary::new(p).map(Quantizer::Binary)),
    ("stochastic_binary", Binary::STOCHASTIC_ATTRIBUTES, |p| {
        Binary::stochastic(p).map(Quantizer::Binary)
    }),
    ("bernoulli", Binary::STOCHASTIC_ATTRIBUTES, |p| Binary::bernoulli(p).map(Quantizer::Binary)),
    ("quantized_ulaw", QuantizedUlaw::ATTRIBUTES, |p| QuantizedUlaw::new(p).map(Quantizer::Ulaw)),
    ("quantized_tanh", QuantizedSigmoid::TANH_ATTRIBUTES, |p| {
        QuantizedSigmoid::tanh(p).map(Quantizer::Sigmoid)
    }),
    ("quantized_sigmoid", QuantizedSigmoid::SIGMOID_ATTRIBUTES, |p| {
        QuantizedSigmoid::sigmoid(p).map(Quantizer::Sigmoid)
    }),
    ("quantized_hswish", QuantizedHswish::ATTRIBUTES, |p| {
        QuantizedHswish::new(p).map(Quantizer::Hswish)
    }),
    ("hard_sigmoid", &[], |_| Ok(Quantizer::Function(QkerasFunction::HardSigmoid))),
    ("smooth_sigmoid", &[], |_| Ok(Quantizer::Function(QkerasFunction::SmoothSigmoid))),
    ("binary_sigmoid", &[], |_| Ok(Quantizer::Function(QkerasFunction::BinarySigmoid))),
    ("hard_tanh", &[], |_| Ok(Quantizer::Function(QkerasFunction::HardTanh))),
    ("smooth_tanh", &[], |_| Ok(Quantizer::Function(QkerasFunction::SmoothTanh))),
    ("binary_tanh", &[], |_| Ok(Quantizer::Function(QkerasFunction::BinaryTanh))),
];

/// QKeras' names of the supported quantizers.
pub fn names() -> Vec<&'static str> {
    SUPPORTED.iter().map(|(name, ..)| *name).collect()
}

/// The attributes of a quantizer in the order of QKeras' constructor; empty if it is unknown.
pub(super) fn attributes(name: &str) -> &'static [&'static str] {
    SUPPORTED.iter().find(|known| known.0 == name).map_or(&[], |known| known.1)
}

impl Quantizer {
    /// The quantizer that QKeras constructs as `name(*positional, **keyword)`; Python's None is
    /// null.
    ///
    /// # Errors
    /// If the quantizer or an attribute is unknown, or an attribute has a value that QKeras rejects or
    /// Bitkiln does not support.
    pub fn construct(
        name: &str,
        positional: &[Value],
        keyword: &[(String, Value)],
    ) -> Result<Self, ParseError> {
        if let Some((name, attributes, new)) = SUPPORTED.iter().find(|known| known.0 == name) {
            return new(&Arguments::bind(name, attributes, positional, keyword)?);
        }
        let nearest = nearest(name, names());
        Err(ParseError::Unknown { name: name.to_owned(), nearest })
    }
}

/// Maximum nesting of lists: more axes than weights have.
const MAX_AXES: usize = 8;

impl FromStr for Quantizer {
    type Err = ParseError;

    /// Reads `name`, `name()` or `name(value, ..., attribute=value, ...)`; a value is a number, a
    /// quoted text, True, False, None, or nested lists of numbers.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let syntax = |reason: &str| ParseError::Syntax { text: text.into(), reason: reason.into() };
        let Some((name, rest)) = text.split_once('(') else {
            return Self::construct(text.trim(), &[], &[]);
        };
        let arguments = rest.trim_end().strip_suffix(')').ok_or_else(|| {
            syntax(if rest.contains(')') { "text after the call" } else { "no closing bracket" })
        })?;
        if arguments.contains(['(', ')']) {
            return Err(syntax("brackets within the call"));
        }
        let (mut positional, mut keyword) = (vec![], vec![]);
        for argument in split(arguments) {
            let value = |literal: &str| {
                parse(literal.trim())
                    .ok_or_else(|| syntax(&format!("'{}' is not a Python literal", literal.trim())))
            };
            match argument.split_once('=') {
                Some((attribute, literal)) => {
                    keyword.push((attribute.trim().to_owned(), value(literal)?));
                }
                None if keyword.is_empty() => positional.push(value(argument)?),
                None => return Err(syntax("a positional value follows a named one")),
            }
        }
        Self::construct(name.trim(), &positional, &keyword)
    }
}

/// The arguments between commas, a list kept whole; none for blank text.
fn split(arguments: &str) -> Vec<&str> {
    if arguments.trim().is_empty() {
        return vec![];
    }
    let mut depth = 0_i32;
    arguments
        .split(move |c| {
            depth += i32::from(c == '[') - i32::from(c == ']');
            c == ',' && depth == 0
        })
        .collect()
}

/// A literal of Python.
fn parse(literal: &str) -> Option<Value> {
    let between = |open: char, close: char| literal.strip_prefix(open)?.strip_suffix(close);
    match literal {
        "None" => return Some(Value::Null),
        "True" => return Some(Value::Bool(true)),
        "False" => return Some(Value::Bool(false)),
        _ => {}
    }
    if let Some(text) = between('\'', '\'').or_else(|| between('"', '"')) {
        return Some(Value::String(text.into()));
    }
    match between('[', ']') {
        Some(items) => list(items, MAX_AXES).map(Value::Array),
        None => number(literal),
    }
}

/// The numbers and lists within a list, separated by spaces as NumPy writes them or by commas; at most
/// `axes` levels deep.
fn list(items: &str, axes: usize) -> Option<Vec<Value>> {
    let deeper = axes.checked_sub(1)?;
    let mut depth = 0_i32;
    let items = items.split(move |c: char| {
        depth += i32::from(c == '[') - i32::from(c == ']');
        depth == 0 && (c == ',' || c.is_whitespace())
    });
    let item = |item: &str| match item.strip_prefix('[').and_then(|item| item.strip_suffix(']')) {
        Some(items) => list(items, deeper).map(Value::Array),
        None => number(item),
    };
    items.filter(|item| !item.is_empty()).map(item).collect()
}

/// An integer or a finite floating-point number.
fn number(literal: &str) -> Option<Value> {
    if let Ok(integer) = literal.parse::<i64>() {
        return Some(integer.into());
    }
    literal.parse().ok().and_then(Number::from_f64).map(Value::Number)
}
