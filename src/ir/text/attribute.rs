//! Attributes of operations in the text form: one trait that prints and parses, implemented by the
//! type of every field.

use std::fmt::Display;
use std::str::FromStr;

use ndarray::ArrayD;
use num_bigint::BigInt;

use super::TextError;
use crate::fixed::{Codes, Format, Quantization};
use crate::ir::{Constant, Graph, Window};

/// Replaces elided numbers.
const ELIDED: &str = "...";

/// Name, attributes and constants of an operation. The macro `described` implements both traits
/// from the names of the fields.
pub trait Described {
    /// The name in tables and in the text form.
    fn name(&self) -> &'static str;

    /// The constants, in the order in which the text form prints them.
    fn constants(&self) -> Vec<&Constant> {
        Vec::new()
    }

    /// Prints the attributes.
    fn print(&self, printer: &mut Printer<'_>);
}

/// Reads an operation from the text form.
pub(in crate::ir) trait Parse: Sized {
    /// Names of the operation.
    const NAMES: &'static [&'static str];

    /// The operation called `name` with these attributes.
    fn parse(name: &str, attributes: &mut Attributes<'_>) -> Result<Self, TextError>;
}

/// Implements [`Described`] and [`Parse`] for an operation whose attributes are its fields.
macro_rules! described {
    ($name:literal, $operation:ident { $($field:ident),* }) => {
        impl crate::ir::text::Described for $operation {
            fn name(&self) -> &'static str {
                $name
            }

            fn constants(&self) -> Vec<&crate::ir::Constant> {
                let fields: &[Vec<&crate::ir::Constant>] =
                    &[$(crate::ir::text::Attribute::constants(&self.$field)),*];
                fields.concat()
            }

            fn print(&self, _printer: &mut crate::ir::text::Printer<'_>) {
                $(_printer.attribute(stringify!($field), &self.$field);)*
            }
        }

        impl crate::ir::text::Parse for $operation {
            const NAMES: &'static [&'static str] = &[$name];

            fn parse(
                _: &str,
                _attributes: &mut crate::ir::text::Attributes<'_>,
            ) -> Result<Self, crate::ir::text::TextError> {
                Ok(Self { $($field: _attributes.attribute(stringify!($field))?),* })
            }
        }
    };
}
pub(in crate::ir) use described;

/// Prints the attributes of one operation, each as ` name=value`.
pub struct Printer<'t> {
    pub(super) text: &'t mut String,
    pub(super) elide: Option<usize>,
}

impl Printer<'_> {
    /// Prints an attribute, unless it has its default.
    pub fn attribute(&mut self, name: &str, value: &impl Attribute) {
        if let Some(value) = value.print(self.elide) {
            *self.text += &format!(" {name}={value}");
        }
    }
}

/// Unread attributes of one operation.
pub struct Attributes<'t> {
    pub(super) left: Vec<(&'t str, &'t str)>,
}

impl<'t> Attributes<'t> {
    pub(super) fn take(&mut self, name: &str) -> Option<&'t str> {
        let at = self.left.iter().position(|(known, _)| *known == name)?;
        Some(self.left.remove(at).1)
    }

    /// Reads the attribute `name`.
    ///
    /// # Errors
    /// If it is missing and has no default, or cannot be parsed.
    pub fn attribute<A: Attribute>(&mut self, name: &str) -> Result<A, TextError> {
        match self.take(name).map_or_else(A::default, |text| A::parse(text).map(Some)) {
            Ok(Some(value)) => Ok(value),
            Ok(None) => Err(TextError::new(format!("attribute '{name}' is missing"))),
            Err(message) => Err(TextError::new(format!("attribute '{name}': {message}"))),
        }
    }
}

/// The type of a field of an operation.
pub trait Attribute: Sized {
    /// The text of the value, with lists of more than `elide` numbers elided; `None` for the
    /// default value.
    fn print(&self, elide: Option<usize>) -> Option<String>;

    /// The value of a text.
    ///
    /// # Errors
    /// A description of the syntax error.
    fn parse(text: &str) -> Result<Self, String>;

    /// The value of an omitted attribute; `None` if it is required.
    ///
    /// # Errors
    /// By default, none.
    fn default() -> Result<Option<Self>, String> {
        Ok(None)
    }

    /// The constants in it.
    fn constants(&self) -> Vec<&Constant> {
        Vec::new()
    }
}

/// Attributes that are one word.
macro_rules! words {
    ($($word:ty: $kind:literal),*) => {
        $(impl Attribute for $word {
            fn print(&self, _: Option<usize>) -> Option<String> {
                Some(self.to_string())
            }

            fn parse(text: &str) -> Result<Self, String> {
                word(text, $kind)
            }
        })*
    };
}
words!(usize: "number", u32: "number", i32: "number", BigInt: "number", Format: "type", Quantization: "type");

impl<A: Attribute> Attribute for Option<A> {
    fn print(&self, elide: Option<usize>) -> Option<String> {
        self.as_ref()?.print(elide)
    }

    fn parse(text: &str) -> Result<Self, String> {
        A::parse(text).map(Some)
    }

    fn default() -> Result<Option<Self>, String> {
        Ok(Some(None))
    }

    fn constants(&self) -> Vec<&Constant> {
        self.as_ref().map_or_else(Vec::new, A::constants)
    }
}

/// `[2, 3]`
impl Attribute for Vec<usize> {
    fn print(&self, elide: Option<usize>) -> Option<String> {
        Some(format!("[{}]", joined(self, elide)))
    }

    fn parse(text: &str) -> Result<Self, String> {
        list(text, ['[', ']'], |item| word(item, "number"))
    }
}

/// `[1, _, 0]`; `_` is `None`
impl Attribute for Vec<Option<usize>> {
    fn print(&self, elide: Option<usize>) -> Option<String> {
        let index = |index: &Option<usize>| index.map_or("_".into(), |index| index.to_string());
        Some(format!("[{}]", joined(self.iter().map(index), elide)))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let index = |item: &str| if item == "_" { Ok(None) } else { word(item, "index").map(Some) };
        list(text, ['[', ']'], index)
    }
}

/// One type, or `[2]{fixed<4,1>, fixed<6,1>}`: types that are broadcast
impl Attribute for ArrayD<Quantization> {
    fn print(&self, elide: Option<usize>) -> Option<String> {
        match (self.ndim(), self.first()) {
            (0, Some(only)) => Some(only.to_string()),
            _ => Some(format!("{:?}{{{}}}", self.shape(), joined(self, elide))),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        match text.starts_with('[') {
            true => array(text, "type"),
            false => Ok(ndarray::arr0(word(text, "type")?).into_dyn()),
        }
    }
}

/// `fixed<3,1>[2, 1]{3, -2}`: format, shape and codes
impl Attribute for Constant {
    fn print(&self, elide: Option<usize>) -> Option<String> {
        let codes = joined(self.codes.iter(), elide);
        Some(format!("{}{:?}{{{codes}}}", self.format, self.codes.shape()))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let shape = text.find('[').ok_or_else(|| format!("'{text}' is not a constant"))?;
        let (format, codes) = text.split_at(shape);
        let codes = Codes::from_big(array(codes, "code")?);
        Ok(Self { codes, format: word(format, "type")? })
    }

    fn constants(&self) -> Vec<&Constant> {
        vec![self]
    }
}

/// `true`; `false` is omitted
impl Attribute for bool {
    fn print(&self, _: Option<usize>) -> Option<String> {
        self.then(|| "true".to_owned())
    }

    fn parse(text: &str) -> Result<Self, String> {
        word(text, "truth value")
    }

    fn default() -> Result<Option<Self>, String> {
        Ok(Some(false))
    }
}

/// A graph between parentheses, a line per node
impl Attribute for Graph {
    fn print(&self, elide: Option<usize>) -> Option<String> {
        Some(format!("(\n{})", super::print(self, elide)))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let inner = text.strip_prefix('(').and_then(|text| text.strip_suffix(')'));
        let inner = inner.ok_or_else(|| format!("'{text}' is not a graph in parentheses"))?;
        super::parse(inner).map_err(|error| error.to_string())
    }

    fn constants(&self) -> Vec<&Constant> {
        let order = self.topological_order().into_iter();
        order.flat_map(|node| self[node].op.constants()).collect()
    }
}

/// `(fixed<3,1>[1]{3}, fixed<3,1>[1]{1})`; none is omitted
impl Attribute for Vec<Constant> {
    fn print(&self, elide: Option<usize>) -> Option<String> {
        if self.is_empty() {
            return None;
        }
        let constants = self.iter().flat_map(|constant| constant.print(elide));
        Some(format!("({})", joined(constants, None)))
    }

    fn parse(text: &str) -> Result<Self, String> {
        list(text, ['(', ')'], Constant::parse)
    }

    fn default() -> Result<Option<Self>, String> {
        Ok(Some(Vec::new()))
    }

    fn constants(&self) -> Vec<&Constant> {
        self.iter().collect()
    }
}

/// An attribute of a window: its name, its field, and whether it is required.
type WindowPart = (&'static str, fn(&mut Window) -> &mut [usize; 2], bool);

const WINDOW: [WindowPart; 7] = [
    ("input", |window| &mut window.input, true),
    ("kernel", |window| &mut window.kernel, true),
    ("stride", |window| &mut window.stride, false),
    ("dilation", |window| &mut window.dilation, false),
    ("pad_before", |window| &mut window.pad_before, false),
    ("input_dilation", |window| &mut window.input_dilation, false),
    ("output", |window| &mut window.output, true),
];

/// `(input=[1, 5], kernel=[1, 3], output=[1, 3])`; defaults are omitted
impl Attribute for Window {
    fn print(&self, _: Option<usize>) -> Option<String> {
        let (mut window, mut default) = (*self, Self::whole(self.input));
        let parts = WINDOW.iter().filter_map(|(name, field, is_required)| {
            let value = *field(&mut window);
            let is_printed = *is_required || value != *field(&mut default);
            is_printed.then(|| format!("{name}={value:?}"))
        });
        Some(format!("({})", joined(parts, None)))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let part = |text: &str| {
            let (name, value) =
                text.split_once('=').ok_or(format!("'{text}' is not name=value"))?;
            let pair: Result<[usize; 2], _> = Vec::<usize>::parse(value)?.try_into();
            Ok((name.to_owned(), pair.map_err(|_| format!("{name} is not two numbers"))?))
        };
        let mut parts = list(text, ['(', ')'], part)?;
        let mut window = Self::whole([1, 1]);
        for (name, field, is_required) in WINDOW {
            match parts.iter().position(|(known, _)| known == name) {
                Some(at) => *field(&mut window) = parts.remove(at).1,
                None if is_required => return Err(format!("{name} is missing")),
                None => {}
            }
        }
        match parts.first() {
            Some((unknown, _)) => Err(format!("a window has no {unknown}")),
            None => Ok(window),
        }
    }
}

/// Parses `text`; messages call the value `kind`.
pub(super) fn word<T: FromStr>(text: &str, kind: &str) -> Result<T, String> {
    text.parse().map_err(|_| match text {
        ELIDED => "numbers are elided: print the graph without eliding".into(),
        _ => {
            let article = if kind == "index" { "an" } else { "a" };
            format!("'{text}' is not {article} {kind}")
        }
    })
}

/// `[2, 1]{3, -2}`: a shape and its elements.
fn array<T: FromStr>(text: &str, kind: &str) -> Result<ArrayD<T>, String> {
    let (shape, elements) = text.split_at(text.find('{').unwrap_or(text.len()));
    let elements = list(elements, ['{', '}'], |element| word(element, kind))?;
    ArrayD::from_shape_vec(Vec::<usize>::parse(shape)?, elements)
        .map_err(|_| format!("'{text}' has another number of elements than its shape"))
}

/// The items of a list between `brackets`, separated by commas outside of inner brackets.
pub(super) fn list<T>(
    text: &str,
    brackets: [char; 2],
    item: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    let inner = text.strip_prefix(brackets[0]).and_then(|text| text.strip_suffix(brackets[1]));
    let inner = inner.ok_or_else(|| format!("'{text}' is not a list"))?;
    let mut depth = 0;
    let at_comma = |c: char| {
        depth += nesting(c);
        c == ',' && depth == 0
    };
    match inner.trim() {
        "" => Ok(Vec::new()),
        _ => inner.split(at_comma).map(|text| item(text.trim())).collect(),
    }
}

/// Change of the depth of brackets.
pub(super) fn nesting(c: char) -> i32 {
    i32::from("[{(<".contains(c)) - i32::from("]})>".contains(c))
}

/// Items separated by commas, or [`ELIDED`] if they are more than `elide`.
pub(super) fn joined<T: Display>(
    items: impl IntoIterator<Item = T>,
    elide: Option<usize>,
) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    match elide {
        Some(most) if items.len() > most => ELIDED.into(),
        _ => items.join(", "),
    }
}
