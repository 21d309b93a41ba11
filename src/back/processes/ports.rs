//! The streams of a process: how it reads and writes tokens.

use std::borrow::Borrow;

use super::Scope;
use crate::hls::{EdgeId, EdgeKind, Stream, TokenPart};

/// A stream that a process reads or writes.
pub(super) struct Port<'a> {
    pub(super) name: String,
    /// A variable for a token of it.
    pub(super) word: String,
    /// The type of a token.
    pub(super) token: &'a str,
    pub(super) lanes: usize,
    pub(super) tokens: usize,
    /// The parts of a token that is too wide for one stream.
    pub(super) parts: Vec<Part<'a>>,
}

/// A stream that carries a part of a token.
pub(super) struct Part<'a> {
    pub(super) name: String,
    /// A variable for a word of it.
    pub(super) word: String,
    /// The type of a word.
    pub(super) ty: &'a str,
    pub(super) lanes: usize,
    /// The lane of the token that is the first of the part.
    pub(super) first: usize,
}

impl Part<'_> {
    /// The lane of the token that is the lane `at` of the part.
    pub(super) fn lane(&self, at: &str) -> String {
        if self.first == 0 { at.to_owned() } else { format!("{} + {at}", self.first) }
    }
}

impl Port<'_> {
    /// The streams that carry it: C++ name, type of a word.
    pub(super) fn streams(&self) -> Vec<(&str, &str)> {
        match self.parts.is_empty() {
            true => vec![(&self.name, self.token)],
            false => self.parts.iter().map(|part| (part.name.as_str(), part.ty)).collect(),
        }
    }
}

impl<'a> Scope<'a> {
    /// A token of `port`, read into the variable `word`.
    pub(super) fn read<'b>(&self, port: impl Borrow<Port<'b>>, word: &str) -> String {
        let port = port.borrow();
        if !port.parts.is_empty() {
            return format!("{}\n{}", self.token(port, word), self.read_to(port, word));
        }
        let declaration = format!("const {} {word} = {}.read();", port.token, port.name);
        self.dialect.declare(declaration, self.dialect.at_token(word, port.lanes))
    }

    /// A token of `port`, read into the variable `word`, which is declared already.
    pub(super) fn read_to<'b>(&self, port: impl Borrow<Port<'b>>, word: &str) -> String {
        let port = port.borrow();
        if port.parts.is_empty() {
            return format!("{word} = {}.read();", port.name);
        }
        let reads = port.parts.iter().map(|part| {
            let Part { name, word, ty, lanes, .. } = part;
            let declaration = format!("const {ty} {word} = {name}.read();");
            self.dialect.declare(declaration, self.dialect.at_token(word, *lanes))
        });
        let moves = port.parts.iter().map(|part| {
            let own = format!("{}.lanes[c]", part.word);
            self.each_lane(part, &format!("{word}.lanes[{}] = {own};", part.lane("c")))
        });
        reads.chain(moves).collect::<Vec<_>>().join("\n")
    }

    /// The write of the token in the variable `word` to `port`.
    pub(super) fn write<'b>(&self, port: impl Borrow<Port<'b>>, word: &str) -> String {
        let port = port.borrow();
        if port.parts.is_empty() {
            return format!("{}.write({word});", port.name);
        }
        let lines = port.parts.iter().flat_map(|part| {
            let Part { name, word: own, ty, lanes, .. } = part;
            let declaration = format!("{ty} {own};");
            let declaration = self.dialect.declare(declaration, self.dialect.at_token(own, *lanes));
            let all = format!("{word}.lanes[{}]", part.lane("c"));
            let moves = self.each_lane(part, &format!("{own}.lanes[c] = {all};"));
            [declaration, moves, format!("{name}.write({own});")]
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// A loop over the lanes `c` of a part of a token.
    pub(super) fn each_lane(&self, part: &Part<'_>, statement: &str) -> String {
        let head = format!("{}_lanes: for (int c = 0; c < {}; c++) {{", part.name, part.lanes);
        let head = self.before_unrolled() + &head;
        [head, self.in_unrolled(), statement.to_owned(), "}".to_owned()].join("\n")
    }

    /// The declaration of the variable `word` for a token of `port`.
    pub(super) fn token<'b>(&self, port: impl Borrow<Port<'b>>, word: &str) -> String {
        let Port { token, lanes, .. } = port.borrow();
        self.dialect.declare(format!("{token} {word};"), self.dialect.at_token(word, *lanes))
    }

    pub(super) fn ports(&self, edges: &[EdgeId], name: &str) -> Vec<Port<'a>> {
        let streams = edges.iter().filter_map(|edge| match self.design[*edge].kind {
            EdgeKind::Stream(stream) => Some(stream),
            EdgeKind::Array(_) => None,
        });
        let port = |(position, Stream { token, tokens, .. }): (usize, Stream)| {
            let numbered = |name: &str| match edges.len() {
                1 => name.to_owned(),
                _ => format!("{name}_{}", position + 1),
            };
            let (name, word) = (numbered(name), numbered("token"));
            let token = &self.design[token];
            let mut first = 0;
            let part = |(position, TokenPart { name: ty, lanes }): (usize, &'a TokenPart)| {
                let [name, word] =
                    ["part", "word"].map(|it| format!("{name}_{it}_{}", position + 1));
                first += lanes;
                Part { name, word, ty, lanes: *lanes, first: first - lanes }
            };
            let parts = token.parts.iter().enumerate().map(part).collect();
            Port { name, word, token: &token.name, lanes: token.lanes, tokens, parts }
        };
        streams.enumerate().map(port).collect()
    }

    pub(super) fn inputs(&self) -> Vec<Port<'a>> {
        self.ports(&self.process.inputs, "input")
    }

    pub(super) fn outputs(&self) -> Vec<Port<'a>> {
        self.ports(&self.process.outputs, "output")
    }

    /// The first input.
    pub(super) fn input(&self) -> Port<'a> {
        self.inputs().swap_remove(0)
    }

    /// The first output.
    pub(super) fn output(&self) -> Port<'a> {
        self.outputs().swap_remove(0)
    }
}
