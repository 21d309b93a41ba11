//! The quantizers by name, and the text that states one.

use std::str::FromStr;

use serde_json::{Number, Value};

use super::arguments::Arguments;
use super::{ParseError, Quantizer, kinds};
use crate::naming::nearest;

/// QKeras' names of the supported quantizers.
pub fn names() -> Vec<&'static str> {
    kinds().iter().map(|kind| kind.name).collect()
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
        let unknown =
            || ParseError::Unknown { name: name.to_owned(), nearest: nearest(name, names()) };
        let kind = kinds().iter().find(|kind| kind.name == name).ok_or_else(unknown)?;
        (kind.new)(&Arguments::bind(kind, positional, keyword)?)
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
        // No argument stands between empty brackets, but one is missing after a comma.
        let some = Some(arguments).filter(|arguments| !arguments.trim().is_empty());
        for argument in some.into_iter().flat_map(|arguments| split(arguments, |c| c == ',')) {
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

/// The parts of `text` between separators, a list kept whole.
fn split(text: &str, is_separator: impl Fn(char) -> bool) -> impl Iterator<Item = &str> {
    let mut depth = 0_i32;
    text.split(move |c| {
        depth += i32::from(c == '[') - i32::from(c == ']');
        depth == 0 && is_separator(c)
    })
}

/// A literal of Python.
pub(super) fn parse(literal: &str) -> Option<Value> {
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
    let item = |item: &str| match item.strip_prefix('[').and_then(|item| item.strip_suffix(']')) {
        Some(items) => list(items, deeper).map(Value::Array),
        None => number(item),
    };
    let items = split(items, |c| c == ',' || c.is_whitespace());
    items.filter(|item| !item.is_empty()).map(item).collect()
}

/// An integer or a finite floating-point number.
fn number(literal: &str) -> Option<Value> {
    if let Ok(integer) = literal.parse::<i64>() {
        return Some(integer.into());
    }
    literal.parse().ok().and_then(Number::from_f64).map(Value::Number)
}
