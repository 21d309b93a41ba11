//! The text form of a graph, printed and parsed: one line per node.
//!
//! ```text
//! graph example
//! x = input shape=[2] format=fixed<4,1> : [2] fixed<4,1> [-8, 7]
//! fc = linear x weights=fixed<3,1>[2, 1]{3, -2} : [1] fixed<7,2> [-38, 37]
//! act = cast fc to=ufixed<2,1,RND_CONV,SAT> : [1] ufixed<2,1> [0, 2]
//! layer fc = act
//! output act
//! ```
//!
//! A node is `name = operation operands attributes : type`. Its type is the shape of one sample,
//! the format, and the range of codes, or `{..}` with one per channel or element. A type may be
//! omitted; it is then inferred. A constant is its format, its shape and its codes. Names that are
//! not words are quoted and escaped as in JSON. `layer=` names the model's layer if the node has
//! another name. Lines that begin with `#` are comments. The body of a `scan` is a graph between
//! parentheses, on lines of its own.

mod attribute;

use std::borrow::Cow;
use std::collections::HashMap;

use num_bigint::BigInt;

use super::{Graph, Input, Node, NodeId, Op, Tensor};
use crate::fixed::Range;
use crate::naming::{did_you_mean, nearest};

pub use attribute::{Attribute, Attributes, Described, Printer};
pub(super) use attribute::{Parse, described};
use attribute::{joined, list, nesting, word};

/// Words that begin a line; a node with such a name is quoted.
const KEYWORDS: [&str; 3] = ["graph", "layer", "output"];

/// Prints `graph`, every node after its operands.
///
/// Lists of more than `elide` numbers are printed as `...`, which cannot be parsed, and as many
/// ranges as the range of all. With `None`, [`parse`] returns the same graph.
pub fn print(graph: &Graph, elide: Option<usize>) -> String {
    let mut text = format!("graph {}\n", quoted(&graph.name));
    for id in graph.topological_order() {
        let Node { name, layer, op, tensor } = &graph[id];
        text += &format!("{} = {}", quoted(name), op.name());
        for operand in graph.operands(id) {
            text += &format!(" {}", quoted(&graph[operand].name));
        }
        op.print(&mut Printer { text: &mut text, elide });
        if layer != name {
            text += &format!(" layer={}", quoted(layer));
        }
        let ranges = match &tensor.ranges[..] {
            [range] => range.to_string(),
            many if elide.is_some_and(|most| many.len() > most) => {
                format!("{{{}...}}", tensor.range())
            }
            many => format!("{{{}}}", joined(many, None)),
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

/// A name, quoted if necessary.
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

/// An error in the text of a graph.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct TextError {
    /// Line number, from 1.
    pub line: usize,
    /// Description of the error.
    pub message: String,
}

impl TextError {
    /// An error whose line number the caller adds.
    fn new(message: impl Into<String>) -> Self {
        Self { line: 0, message: message.into() }
    }
}

/// Parses the text form of a graph, see the [module](self).
///
/// # Errors
/// The first line with a syntax error or whose type cannot be inferred. [`validate`](super::validate())
/// checks the graph itself.
pub fn parse(text: &str) -> Result<Graph, TextError> {
    let mut parser = Parser { graph: Graph::new(""), nodes: HashMap::new() };
    let (mut lines, mut number) = (text.lines(), 0);
    while let Some(line) = lines.next() {
        let (first, mut line) = (number + 1, Cow::Borrowed(line.trim()));
        number += 1;
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // A body in parentheses has lines of its own.
        while open_brackets(&line) > 0
            && let Some(next) = lines.next()
        {
            number += 1;
            line.to_mut().push('\n');
            line.to_mut().push_str(next.trim());
        }
        let read = parser.line(&line);
        read.map_err(|error| TextError { line: first, ..error })?;
    }
    Ok(parser.graph)
}

/// Number of brackets that `text` leaves open, outside of quoted names.
fn open_brackets(text: &str) -> i32 {
    let mut depth = 0;
    for (at, part) in text.split('"').enumerate() {
        if at % 2 == 0 {
            depth += part.chars().map(nesting).sum::<i32>();
        }
    }
    depth
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
            TextError::new(format!("there is no node '{name}' above{}", did_you_mean(near)))
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
            text => Some(tensor(text).map_err(TextError::new)?),
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
fn tensor(text: &str) -> Result<Tensor, String> {
    let unfit = || format!("'{text}' is not a type: [shape] format [low, high]");
    let (shape, rest) = text.split_at(text.find(']').ok_or_else(unfit)? + 1);
    let (format, ranges) = rest.trim().split_once(' ').ok_or_else(unfit)?;
    let range = |text: &str| {
        let ends = list(text, ['[', ']'], |end| word::<BigInt>(end, "code"))?;
        match <[BigInt; 2]>::try_from(ends) {
            Ok([low, high]) if low <= high => Ok(Range::new(low, high)),
            _ => Err(unfit()),
        }
    };
    let ranges = match ranges.starts_with('{') {
        true => list(ranges, ['{', '}'], range)?,
        false => vec![range(ranges)?],
    };
    if ranges.is_empty() {
        return Err(unfit());
    }
    Ok(Tensor { shape: Vec::parse(shape)?, format: word(format, "type")?, ranges })
}

/// The unread rest of a line.
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
            let name =
                name.ok_or_else(|| TextError::new(format!("{rest} is not a quoted name")))?;
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
            depth += nesting(c);
            c.is_whitespace() && depth == 0
        };
        let length = value.find(at_end).unwrap_or(value.len());
        self.rest = &value[length..];
        Some((&rest[..end], &value[..length]))
    }

    /// Checks that nothing is left.
    fn end(&self) -> Result<(), TextError> {
        match self.rest.trim() {
            "" => Ok(()),
            rest => Err(TextError::new(format!("unexpected '{rest}'"))),
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
conv = conv x window=(input=[1, 4], kernel=[1, 3], pad_before=[0, 1], output=[1, 4]) groups=2 weights=fixed<2,2>[3, 2]{1, -1, 0, 1, -2, 1} bias=ufixed<1,-2>[2]{1, 0} : [4, 2] fixed<7,4> {[-43, 47], [-46, 44]}
pool = max_pool conv window=(input=[1, 4], kernel=[1, 2], stride=[1, 2], output=[1, 2]) : [2, 2] fixed<7,4> {[-43, 47], [-46, 44]}
sum = sum_pool conv window=(input=[1, 4], kernel=[1, 2], stride=[1, 2], output=[1, 2]) : [2, 2] fixed<8,5> {[-86, 94], [-92, 88]}
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
difference = subtract pool sum : [2, 2] fixed<9,6> {[-137, 133], [-134, 136]}
product = multiply pool sum : [2, 2] fixed<14,8> {[-4042, 4418], [-4048, 4232]}
largest = maximum pool sum : [2, 2] fixed<8,5> {[-43, 94], [-46, 88]}
smallest = minimum pool sum : [2, 2] fixed<8,5> {[-86, 47], [-92, 44]}
whole = scale x power=2 : [4, 2] fixed<4,4> [-8, 7]
index = clamp whole low=0 high=2 : [4, 2] ufixed<2,2> [0, 2]
probabilities = softmax steps difference=ufixed<3,3,TRN,SAT> exp_tables=(ufixed<5,1>[2]{16, 0}, ufixed<5,1>[4]{16, 6, 2, 1}) exponential=ufixed<5,1,RND,WRAP> sum=ufixed<6,2> norm_shift=1 reciprocal_table=ufixed<5,1>[2]{13, 9} error=fixed<6,0,RND,WRAP> correction=fixed<6,0,RND,WRAP> reciprocal=ufixed<6,1,RND,WRAP> to=ufixed<4,0,RND,SAT> : [2, 2] ufixed<4,0> [0, 15]
row = lookup index table=fixed<3,1>[3, 2]{1, -2, 3, 0, -4, 2} : [4, 2, 2] fixed<3,1> {[-4, 3], [-2, 2]}
scan = scan x initial=(fixed<4,2>[2]{0, 1}) last=true body=(
graph step
row = input shape=[2] format=fixed<4,2> : [2] fixed<4,2> [-8, 7]
state = input shape=[2] format=fixed<4,2> : [2] fixed<4,2> [-8, 7]
total = add row state : [2] fixed<5,3> [-16, 14]
next = cast total to=fixed<4,2,TRN,SAT> : [2] fixed<4,2> [-8, 7]
output total
output next
) : [2] fixed<5,3> [-16, 14]
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
        for name in Op::names() {
            assert!(EVERY_OPERATION.contains(&format!(" = {name} ")), "{name} is missing");
        }
        Ok(())
    }

    #[test]
    fn long_lists_are_elided() -> Result<(), Box<dyn std::error::Error>> {
        let text = print(&parse(EVERY_OPERATION)?, Some(2));
        assert!(text.contains(
            "padded = gather flat shape=[5] indices=[...] : [5] fixed<2,2> {[-1, 1]...}\n"
        ));
        let error = parse(&text).err().map(|error| error.to_string());
        let message =
            "line 3: attribute 'weights': numbers are elided: print the graph without eliding";
        assert_eq!(error.as_deref(), Some(message));
        Ok(())
    }

    #[test]
    fn every_error_names_its_line() {
        let x = "x = input shape=[2] format=fixed<4,1>";
        for (line, message) in [
            ("graph a b", "unexpected 'b'"),
            ("y linear x", "'=' is missing after 'y'"),
            ("= cast x", "a name is expected at '= cast x'"),
            ("\"y = cast x", "\"y = cast x is not a quoted name"),
            ("y = cats x", "there is no operation 'cats', did you mean 'cast'?"),
            ("y = add x z", "there is no node 'z' above"),
            ("y = cast x", "attribute 'to' is missing"),
            ("y = cast x to=float", "attribute 'to': 'float' is not a type"),
            ("y = scale x power=a", "attribute 'power': 'a' is not a number"),
            ("y = scale x power=1 speed=2", "scale has no attribute 'speed'"),
            ("y = reshape x shape=2", "attribute 'shape': '2' is not a list"),
            (
                "y = reshape x shape=[3]",
                "node 'y': its shape has another number of elements than its operand",
            ),
            ("y = gather x shape=[1] indices=[-1]", "attribute 'indices': '-1' is not an index"),
            ("y = affine x scale=3", "attribute 'scale': '3' is not a constant"),
            (
                "y = affine x scale=fixed<2,2>[2]{1}",
                "attribute 'scale': '[2]{1}' has another number of elements than its shape",
            ),
            ("y = max_pool x window=(kernel=[1, 1])", "attribute 'window': input is missing"),
            ("y = max_pool x window=(input=[1])", "attribute 'window': input is not two numbers"),
            ("y = max_pool x window=([1, 1])", "attribute 'window': '[1, 1]' is not name=value"),
            (
                "y = max_pool x window=(input=[1, 2], kernel=[1, 1], output=[1, 2], pad=[0, 0])",
                "attribute 'window': a window has no pad",
            ),
            ("y = cast x to=fixed<2,2> : [2]", "'[2]' is not a type: [shape] format [low, high]"),
            ("y = input shape=[2] format=4", "attribute 'format': '4' is not a type"),
            (
                "y = scan x body=(\nx = input shape=[2] format=4\n)",
                "attribute 'body': line 2: attribute 'format': '4' is not a type",
            ),
            ("y = scan x body=x", "attribute 'body': 'x' is not a graph in parentheses"),
            ("y = scan x last=1 body=()", "attribute 'last': '1' is not a truth value"),
            ("output z", "there is no node 'z' above"),
        ] {
            let error = parse(&format!("{x}\n{line}")).err().map(|error| error.to_string());
            assert_eq!(error, Some(format!("line 2: {message}")), "{line}");
        }
    }
}
