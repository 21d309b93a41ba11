//! The text form of a graph: one line a node, printed and parsed.
//!
//! ```text
//! graph worked
//! x = input shape=[2] format=fixed<4,1> : [2] fixed<4,1> [-8, 7]
//! fc = linear x weights=fixed<3,1>[2, 1]{3, -2} : [1] fixed<7,2> [-38, 37]
//! act = cast fc to=ufixed<2,1,RND_CONV,SAT> : [1] ufixed<2,1> [0, 2]
//! layer fc = act
//! output act
//! ```
//!
//! A node is `name = operation operands attributes : type`. Its type is the shape of one sample, the
//! format, and the range of codes, or `{..}` with one per channel or element. A type may be left out:
//! then it is what the operation infers. A constant is its format, its shape and its codes. Names
//! that are no words stand in quotes, escaped as in JSON. `layer=` names the model's layer where the
//! node is not called like it. A line that begins with `#` is a comment.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::{Display, Write};
use std::str::FromStr;

use ndarray::ArrayD;
use num_bigint::BigInt;

use super::{Constant, Graph, Input, Node, NodeId, Op, Tensor, Window};
use crate::fixed::{Codes, Format, Quantization, Range};
use crate::naming::{did_you_mean, nearest};

/// Words that begin a line and so need quotes as a node's name.
const KEYWORDS: [&str; 3] = ["graph", "layer", "output"];

/// What stands for numbers that are left out.
const ELIDED: &str = "...";

/// Prints `graph`, every node after its operands.
///
/// Lists of more than `elide` numbers are replaced by `...`, which cannot be parsed; with `None`,
/// [`parse`] gives the same graph back.
pub fn print(graph: &Graph, elide: Option<usize>) -> String {
    let mut text = format!("graph {}\n", quoted(&graph.name));
    for id in graph.topological_order() {
        let Node { name, layer, op, tensor } = &graph[id];
        text += &format!("{} = {}", quoted(name), op.name());
        for operand in graph.operands(id) {
            text += &format!(" {}", quoted(&graph[operand].name));
        }
        let mut attributes = AttributesWriter { text: &mut text, elide };
        op.write(&mut attributes);
        if layer != name {
            attributes.number("layer", quoted(layer));
        }
        let ranges = match &tensor.ranges[..] {
            [range] => range.to_string(),
            many => format!("{{{}}}", joined(many, elide)),
        };
        text += &format!(" : {:?} {} {ranges}\n", tensor.shape, tensor.format);
    }
    let mut named = |keyword: &str, name: &str, node: NodeId| {
        let node = &graph[node].name;
        text += &format!("{keyword} {}", quoted(name));
        text += &if name == node { "\n".into() } else { format!(" = {}\n", quoted(node)) };
    };
    for (layer, node) in &graph.layers {
        named("layer", layer, *node);
    }
    for output in &graph.outputs {
        named("output", &output.name, output.node);
    }
    text
}

/// A name as the text form spells it.
fn quoted(name: &str) -> Cow<'_, str> {
    let is_word = !name.is_empty() && name.chars().all(is_word_character);
    if is_word && !KEYWORDS.contains(&name) {
        return Cow::Borrowed(name);
    }
    Cow::Owned(serde_json::Value::from(name).to_string())
}

fn is_word_character(c: char) -> bool {
    c.is_alphanumeric() || "_./-".contains(c)
}

/// Items separated by commas, or [`ELIDED`] if they are more than `elide`.
fn joined<T: Display>(items: impl IntoIterator<Item = T>, elide: Option<usize>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    match elide {
        Some(most) if items.len() > most => ELIDED.into(),
        _ => items.join(", "),
    }
}

/// Writes the attributes of one operation, each as ` name=value`.
pub struct AttributesWriter<'t> {
    text: &'t mut String,
    elide: Option<usize>,
}

impl AttributesWriter<'_> {
    /// A number, or anything else that prints without spaces.
    pub fn number(&mut self, name: &str, value: impl Display) {
        write!(self.text, " {name}={value}").expect("writing to a string does not fail");
    }

    /// A number that may be missing.
    pub fn optional_number(&mut self, name: &str, value: Option<&BigInt>) {
        if let Some(value) = value {
            self.number(name, value);
        }
    }

    /// A list of numbers.
    pub fn list(&mut self, name: &str, list: &[usize]) {
        self.number(name, format!("[{}]", joined(list, self.elide)));
    }

    /// A list of indices, `_` where there is none.
    pub fn indices(&mut self, name: &str, indices: &[Option<usize>]) {
        let index = |index: &Option<usize>| index.map_or("_".into(), |index| index.to_string());
        self.number(name, format!("[{}]", joined(indices.iter().map(index), self.elide)));
    }

    /// A format.
    pub fn format(&mut self, name: &str, format: Format) {
        self.number(name, format);
    }

    /// A type with its modes.
    pub fn quantization(&mut self, name: &str, to: &Quantization) {
        self.number(name, to);
    }

    /// Types that are broadcast: one alone, or a shape and a list.
    pub fn types(&mut self, name: &str, types: &ArrayD<Quantization>) {
        match (types.ndim(), types.first()) {
            (0, Some(only)) => self.quantization(name, only),
            _ => self.number(name, format!("{:?}{{{}}}", types.shape(), joined(types, self.elide))),
        }
    }

    /// A constant.
    pub fn constant(&mut self, name: &str, constant: &Constant) {
        let Constant { codes, format } = constant;
        let list = joined(codes.iter(), self.elide);
        self.number(name, format!("{format}{:?}{{{list}}}", codes.shape()));
    }

    /// A constant that may be missing.
    pub fn optional(&mut self, name: &str, constant: Option<&Constant>) {
        if let Some(constant) = constant {
            self.constant(name, constant);
        }
    }

    /// The attributes of a window, less those that have their defaults.
    pub fn window(&mut self, window: &Window) {
        let default = Window::whole(window.input);
        self.list("input", &window.input);
        self.list("kernel", &window.kernel);
        let mut other = |name: &str, value: [usize; 2], default: [usize; 2]| {
            if value != default {
                self.list(name, &value);
            }
        };
        other("stride", window.stride, default.stride);
        other("dilation", window.dilation, default.dilation);
        other("pad_before", window.pad_before, default.pad_before);
        other("input_dilation", window.input_dilation, default.input_dilation);
        self.list("output", &window.output);
    }
}

/// A text that is no graph.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct TextError {
    /// Line, from 1 on.
    pub line: usize,
    /// What is wrong in it.
    pub message: String,
}

impl TextError {
    /// An error of a line that the caller knows.
    fn new(message: impl Into<String>) -> Self {
        Self { line: 0, message: message.into() }
    }
}

/// The attributes of one operation in the text form.
pub struct Attributes<'t> {
    left: Vec<(&'t str, &'t str)>,
}

impl<'t> Attributes<'t> {
    fn take(&mut self, name: &str) -> Option<&'t str> {
        let at = self.left.iter().position(|(known, _)| *known == name)?;
        Some(self.left.remove(at).1)
    }

    fn required(&mut self, name: &str) -> Result<&'t str, TextError> {
        self.take(name).ok_or_else(|| TextError::new(format!("attribute '{name}' is missing")))
    }

    /// A number.
    pub fn number<T: FromStr>(&mut self, name: &str) -> Result<T, TextError> {
        let text = self.required(name)?;
        text.parse()
            .map_err(|_| TextError::new(format!("attribute '{name}': '{text}' is no number")))
    }

    /// A number that may be missing.
    pub fn optional_number(&mut self, name: &str) -> Result<Option<BigInt>, TextError> {
        match self.left.iter().any(|(known, _)| *known == name) {
            true => self.number(name).map(Some),
            false => Ok(None),
        }
    }

    /// A format or a type with its modes.
    pub fn parsed<T: FromStr<Err: Display>>(&mut self, name: &str) -> Result<T, TextError> {
        let text = self.required(name)?;
        text.parse().map_err(|error| TextError::new(format!("attribute '{name}': {error}")))
    }

    /// A list of numbers.
    pub fn list(&mut self, name: &str) -> Result<Vec<usize>, TextError> {
        numbers(self.required(name)?)
    }

    /// A list of indices, `_` where there is none.
    pub fn indices(&mut self, name: &str) -> Result<Vec<Option<usize>>, TextError> {
        let index = |item: &str| match item {
            "_" => Ok(None),
            index => parsed(index, "index").map(Some),
        };
        items(self.required(name)?, ['[', ']'])?.into_iter().map(index).collect()
    }

    /// Types that are broadcast.
    pub fn types(&mut self, name: &str) -> Result<ArrayD<Quantization>, TextError> {
        let text = self.required(name)?;
        if !text.starts_with('[') {
            return Ok(ndarray::arr0(parsed(text, "type")?).into_dyn());
        }
        let (shape, list) = text.split_at(text.find('{').unwrap_or(text.len()));
        let types = items(list, ['{', '}'])?.into_iter().map(|item| parsed(item, "type"));
        ArrayD::from_shape_vec(numbers(shape)?, types.collect::<Result<_, _>>()?)
            .map_err(|error| TextError::new(format!("attribute '{name}': {error}")))
    }

    /// A constant.
    pub fn constant(&mut self, name: &str) -> Result<Constant, TextError> {
        constant(self.required(name)?)
    }

    /// A constant that may be missing.
    pub fn optional(&mut self, name: &str) -> Result<Option<Constant>, TextError> {
        self.take(name).map(constant).transpose()
    }

    /// All constants called `name`, in their order.
    pub fn all(&mut self, name: &str) -> Result<Vec<Constant>, TextError> {
        let mut all = Vec::new();
        while let Some(text) = self.take(name) {
            all.push(constant(text)?);
        }
        Ok(all)
    }

    /// The attributes of a window.
    pub fn window(&mut self) -> Result<Window, TextError> {
        let default = Window::whole(self.pair("input")?.unwrap_or([1, 1]));
        Ok(Window {
            input: default.input,
            kernel: self.pair("kernel")?.unwrap_or(default.kernel),
            stride: self.pair("stride")?.unwrap_or(default.stride),
            dilation: self.pair("dilation")?.unwrap_or(default.dilation),
            pad_before: self.pair("pad_before")?.unwrap_or(default.pad_before),
            input_dilation: self.pair("input_dilation")?.unwrap_or(default.input_dilation),
            output: self.pair("output")?.unwrap_or(default.output),
        })
    }

    fn pair(&mut self, name: &str) -> Result<Option<[usize; 2]>, TextError> {
        let Some(text) = self.take(name) else { return Ok(None) };
        let pair = numbers(text)?.try_into();
        pair.map(Some).map_err(|_| TextError::new(format!("attribute '{name}' is not two numbers")))
    }
}

/// `text` as a value that messages call `kind`.
fn parsed<T: FromStr>(text: &str, kind: &str) -> Result<T, TextError> {
    text.parse().map_err(|_| match text {
        ELIDED => TextError::new("numbers are left out: print the graph without eliding"),
        _ => TextError::new(format!("'{text}' is no {kind}")),
    })
}

/// The items of a list between `brackets`, split at commas outside of inner brackets.
fn items<'t>(text: &'t str, brackets: [char; 2]) -> Result<Vec<&'t str>, TextError> {
    let inner = text.strip_prefix(brackets[0]).and_then(|text| text.strip_suffix(brackets[1]));
    let inner = inner.ok_or_else(|| TextError::new(format!("'{text}' is no list")))?;
    let mut depth = 0;
    let at_comma = |c: char| {
        depth += i32::from("[{<".contains(c)) - i32::from("]}>".contains(c));
        c == ',' && depth == 0
    };
    let items = inner.split(at_comma).map(str::trim);
    Ok(if inner.trim().is_empty() { Vec::new() } else { items.collect() })
}

fn numbers(text: &str) -> Result<Vec<usize>, TextError> {
    items(text, ['[', ']'])?.into_iter().map(|item| parsed(item, "number")).collect()
}

/// `fixed<3,1>[2, 1]{3, -2}`.
fn constant(text: &str) -> Result<Constant, TextError> {
    let unfit = || TextError::new(format!("'{text}' is no constant"));
    let shape = text.find('[').ok_or_else(unfit)?;
    let codes = text.find('{').ok_or_else(unfit)?;
    let (head, list) = text.split_at(codes);
    let (format, shape) = head.split_at(shape.min(codes));
    let codes = items(list, ['{', '}'])?.into_iter().map(|code| parsed::<BigInt>(code, "code"));
    let codes = ArrayD::from_shape_vec(numbers(shape)?, codes.collect::<Result<_, _>>()?);
    let codes = codes.map_err(|error| TextError::new(format!("a constant: {error}")))?;
    Ok(Constant { codes: Codes::from_big(codes), format: parsed(format, "format")? })
}

/// Reads what [`print`] prints, and shorter: see the [module](self).
///
/// # Errors
/// The first line that is no part of a graph, or whose type cannot be inferred. Whether the graph is
/// valid is for [`validate`](super::validate()).
pub fn parse(text: &str) -> Result<Graph, TextError> {
    let mut parser = Parser { graph: Graph::new(""), nodes: HashMap::new() };
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if !line.is_empty() && !line.starts_with('#') {
            let read = parser.line(line);
            read.map_err(|error| TextError { line: number + 1, ..error })?;
        }
    }
    Ok(parser.graph)
}

struct Parser {
    graph: Graph,
    nodes: HashMap<String, NodeId>,
}

impl Parser {
    fn line(&mut self, line: &str) -> Result<(), TextError> {
        let mut cursor = Cursor { rest: line };
        let keyword = KEYWORDS.into_iter().find(|word| {
            line.strip_prefix(word).is_some_and(|rest| rest.starts_with(char::is_whitespace))
        });
        let Some(keyword) = keyword else { return self.node(&mut cursor) };
        cursor.rest = &line[keyword.len()..];
        let name = cursor.name()?;
        if keyword == "graph" {
            self.graph.name = name;
            return cursor.end();
        }
        let node = if cursor.skip('=') { cursor.name()? } else { name.clone() };
        let node = self.known(&node)?;
        match keyword {
            "layer" => self.graph.layers.push((name, node)),
            _ => self.graph.add_output(name, node),
        }
        cursor.end()
    }

    /// The node called `name`.
    fn known(&self, name: &str) -> Result<NodeId, TextError> {
        self.nodes.get(name).copied().ok_or_else(|| {
            let near = nearest(name, self.nodes.keys().map(String::as_str));
            TextError::new(format!("no node before is called '{name}'{}", did_you_mean(near)))
        })
    }

    fn node(&mut self, cursor: &mut Cursor<'_>) -> Result<(), TextError> {
        let name = cursor.name()?;
        if !cursor.skip('=') {
            return Err(TextError::new(format!("'=' is missing after '{name}'")));
        }
        let operation = cursor.name()?;
        let (mut operands, mut attributes) = (Vec::new(), Attributes { left: Vec::new() });
        while !cursor.rest.trim_start().is_empty() && !cursor.skip(':') {
            match cursor.attribute() {
                Some(attribute) => attributes.left.push(attribute),
                None => operands.push(self.known(&cursor.name()?)?),
            }
        }
        let tensor = match cursor.rest.trim() {
            "" => None,
            text => Some(tensor(text)?),
        };
        let layer =
            attributes.take("layer").map(|layer| Cursor { rest: layer }.name()).transpose()?;
        let op = Op::parse(&operation, &mut attributes).unwrap_or_else(|| {
            let near = did_you_mean(nearest(&operation, Op::names()));
            Err(TextError::new(format!("there is no operation '{operation}'{near}")))
        })?;
        if let Some((unknown, _)) = attributes.left.first() {
            return Err(TextError::new(format!("{operation} has no attribute '{unknown}'")));
        }
        let is_input = matches!(op, Op::Input(Input { .. }));
        let node = match tensor {
            Some(tensor) => self.graph.add_node(&name, op, &operands, tensor),
            None => self
                .graph
                .add(&name, op, &operands)
                .map_err(|error| TextError::new(format!("node '{name}': {error}")))?,
        };
        if is_input {
            self.graph.inputs.push(node);
        }
        if let Some(layer) = layer {
            self.graph[node].layer = layer;
        }
        self.nodes.insert(name, node);
        Ok(())
    }
}

/// `[2, 3] fixed<4,1> [-8, 7]`.
fn tensor(text: &str) -> Result<Tensor, TextError> {
    let unfit = || TextError::new(format!("'{text}' is no type: [shape] format [low, high]"));
    let (shape, rest) = text.split_at(text.find(']').ok_or_else(unfit)? + 1);
    let (format, ranges) = rest.trim().split_once(' ').ok_or_else(unfit)?;
    let range = |text: &str| {
        let ends = items(text, ['[', ']'])?.into_iter().map(|end| parsed::<BigInt>(end, "code"));
        let ends: Vec<BigInt> = ends.collect::<Result<_, _>>()?;
        match <[BigInt; 2]>::try_from(ends) {
            Ok([low, high]) if low <= high => Ok(Range::new(low, high)),
            _ => Err(unfit()),
        }
    };
    let ranges = match ranges.starts_with('{') {
        true => items(ranges, ['{', '}'])?.into_iter().map(range).collect::<Result<_, _>>()?,
        false => vec![range(ranges)?],
    };
    if ranges.is_empty() {
        return Err(unfit());
    }
    Ok(Tensor { shape: numbers(shape)?, format: parsed(format, "format")?, ranges })
}

/// What is left of a line.
struct Cursor<'t> {
    rest: &'t str,
}

impl<'t> Cursor<'t> {
    /// Takes `wanted` if it comes next.
    fn skip(&mut self, wanted: char) -> bool {
        match self.rest.trim_start().strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// A word or a quoted name.
    fn name(&mut self) -> Result<String, TextError> {
        let rest = self.rest.trim_start();
        if rest.starts_with('"') {
            let mut names = serde_json::Deserializer::from_str(rest).into_iter::<String>();
            let name = names.next().and_then(Result::ok);
            let name = name.ok_or_else(|| TextError::new(format!("{rest} is no quoted name")))?;
            self.rest = &rest[names.byte_offset()..];
            return Ok(name);
        }
        let end = rest.find(|c| !is_word_character(c)).unwrap_or(rest.len());
        if end == 0 {
            return Err(TextError::new(format!("a name is expected at '{rest}'")));
        }
        self.rest = &rest[end..];
        Ok(rest[..end].to_owned())
    }

    /// An attribute `name=value`, if one comes next. Its value ends at the first space outside of
    /// brackets and quotes.
    fn attribute(&mut self) -> Option<(&'t str, &'t str)> {
        let rest = self.rest.trim_start();
        let end = rest.find(|c| !is_word_character(c))?;
        let value = rest[end..].strip_prefix('=').filter(|_| end > 0)?;
        let (mut depth, mut is_quoted, mut is_escaped) = (0, false, false);
        let at_end = |c: char| {
            if is_quoted {
                is_quoted = is_escaped || c != '"';
                is_escaped = c == '\\' && !is_escaped;
                return false;
            }
            is_quoted = c == '"';
            depth += i32::from("[{<".contains(c)) - i32::from("]}>".contains(c));
            c.is_whitespace() && depth == 0
        };
        let length = value.find(at_end).unwrap_or(value.len());
        self.rest = &value[length..];
        Some((&rest[..end], &value[..length]))
    }

    /// Nothing is left.
    fn end(&self) -> Result<(), TextError> {
        match self.rest.trim() {
            "" => Ok(()),
            rest => Err(TextError::new(format!("'{rest}' is too much"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::validate;

    const EVERY_OPERATION: &str = "\
graph \"every operation\"
x = input shape=[4, 2] format=fixed<4,2> : [4, 2] fixed<4,2> [-8, 7]
conv = conv x input=[1, 4] kernel=[1, 3] pad_before=[0, 1] output=[1, 4] groups=2 weights=fixed<2,2>[3, 2]{1, -1, 0, 1, -2, 1} bias=ufixed<1,-2>[2]{1, 0} : [4, 2] fixed<7,4> {[-43, 47], [-46, 44]}
pool = max_pool conv input=[1, 4] kernel=[1, 2] stride=[1, 2] output=[1, 2] : [2, 2] fixed<7,4> {[-43, 47], [-46, 44]}
sum = sum_pool conv input=[1, 4] kernel=[1, 2] stride=[1, 2] output=[1, 2] : [2, 2] fixed<8,5> {[-86, 94], [-92, 88]}
both = add pool sum : [2, 2] fixed<9,6> {[-129, 141], [-138, 132]}
by_channel = cast both to=[2]{fixed<4,3,RND_CONV,SAT>, ufixed<3,0,TRN,SAT>} : [2, 2] fixed<6,3> {[-32, 28], [0, 7]}
limited = clamp by_channel high=5 : [2, 2] fixed<6,3> {[-32, 5], [0, 5]}
leaky = leaky limited threshold=0 slopes=ufixed<1,-1>[1]{1} layer=limited : [2, 2] fixed<6,1> {[-32, 20], [0, 20]}
scaled = affine leaky scale=fixed<3,2>[2]{3, -2} bias=ufixed<1,1>[1]{1} : [2, 2] fixed<8,2> {[-32, 124], [24, 64]}
moved = scale scaled power=-1 : [2, 2] fixed<8,1> {[-32, 124], [24, 64]}
steps = step_function moved thresholds=ufixed<5,-1>[1]{16} values=fixed<2,2>[2]{-1, 1} : [2, 2] fixed<2,2> {[-1, 1], [1, 1]}
flat = reshape steps shape=[4] : [4] fixed<2,2> {[-1, 1], [1, 1], [-1, 1], [1, 1]}
padded = gather flat shape=[5] indices=[3, 2, 1, 0, _] : [5] fixed<2,2> {[1, 1], [-1, 1], [1, 1], [-1, 1], [0, 0]}
joined = concat flat padded axis=0 : [9] fixed<2,2> {[-1, 1], [1, 1], [-1, 1], [1, 1], [1, 1], [-1, 1], [1, 1], [-1, 1], [0, 0]}
\"the end\" = linear joined weights=ufixed<1,1>[9, 1]{1, 1, 1, 1, 1, 1, 1, 1, 1} : [1] fixed<5,5> [0, 8]
layer \"all layers\" = joined
layer flat
output \"the end\"
";

    #[test]
    fn every_operation_is_printed_and_read_back() -> Result<(), Box<dyn std::error::Error>> {
        let graph = parse(EVERY_OPERATION)?;
        validate(&graph)?;
        assert_eq!(print(&graph, None), EVERY_OPERATION);
        // Without types, they are inferred.
        let bare = EVERY_OPERATION.lines().map(|line| line.split(" : ").next().unwrap_or(line));
        let bare = bare.collect::<Vec<_>>().join("\n");
        assert_eq!(print(&parse(&bare)?, None), EVERY_OPERATION);
        Ok(())
    }

    #[test]
    fn long_lists_are_elided() -> Result<(), Box<dyn std::error::Error>> {
        let text = print(&parse(EVERY_OPERATION)?, Some(2));
        assert!(
            text.contains("padded = gather flat shape=[5] indices=[...] : [5] fixed<2,2> {...}\n")
        );
        let error = parse(&text).err().map(|error| error.to_string());
        let message = "line 3: numbers are left out: print the graph without eliding";
        assert_eq!(error.as_deref(), Some(message));
        Ok(())
    }

    #[test]
    fn every_error_names_its_line() {
        let x = "x = input shape=[2] format=fixed<4,1>";
        let no_format = format!("attribute 'format': {}", "4".parse::<Format>().unwrap_err());
        for (line, message) in [
            ("graph a b", "'b' is too much"),
            ("y linear x", "'=' is missing after 'y'"),
            ("= cast x", "a name is expected at '= cast x'"),
            ("\"y = cast x", "\"y = cast x is no quoted name"),
            ("y = cats x", "there is no operation 'cats', did you mean 'cast'?"),
            ("y = add x z", "no node before is called 'z'"),
            ("y = cast x", "attribute 'to' is missing"),
            ("y = cast x to=float", "'float' is no type"),
            ("y = scale x power=a", "attribute 'power': 'a' is no number"),
            ("y = scale x power=1 speed=2", "scale has no attribute 'speed'"),
            ("y = reshape x shape=2", "'2' is no list"),
            (
                "y = reshape x shape=[3]",
                "node 'y': its shape has another number of elements than its operand",
            ),
            ("y = gather x shape=[1] indices=[-1]", "'-1' is no index"),
            ("y = affine x scale=3", "'3' is no constant"),
            (
                "y = affine x scale=fixed<2,2>[2]{1}",
                "a constant: ShapeError/OutOfBounds: out of bounds indexing",
            ),
            ("y = max_pool x kernel=[1]", "attribute 'kernel' is not two numbers"),
            ("y = cast x to=fixed<2,2> : [2]", "'[2]' is no type: [shape] format [low, high]"),
            ("y = input shape=[2] format=4", no_format.as_str()),
            ("output z", "no node before is called 'z'"),
        ] {
            let error = parse(&format!("{x}\n{line}")).err().map(|error| error.to_string());
            assert_eq!(error, Some(format!("line 2: {message}")), "{line}");
        }
    }
}
