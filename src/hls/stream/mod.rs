//! Streaming designs: a process for each node of the graph, and FIFOs of tokens between them. The
//! ports of the top function are streams or arrays.
//!
//! A token holds the channels of one position, or of several side by side ([`group`]), and positions
//! follow one another row-major. A process computes position by position with a kernel for one
//! position, the same as in a design of arrays ([`form`]). A node that needs a whole sample at once
//! collects it in arrays first. A reshape is no process: the tokens of its operand are its own, and
//! a process that reads tokens of another size gets them repacked. A result with several readers is
//! copied by a process of its own, so that every stream has one writer and one reader. The depths
//! of FIFOs follow from the network of processes
//! ([`network`](super::network)).

mod axis;
mod computation;
mod form;
mod gather;
mod group;
mod grouped;
mod lanes;
mod lines;
mod memories;
mod pool;
mod process;
mod recurrence;
mod repack;
mod schedule;
mod select;
mod split;
#[cfg(test)]
mod tests;
mod windows;

use std::collections::{HashMap, VecDeque};

use self::computation::Computation;
use self::form::Planned;
use super::build::{self, Parts, plain};
use super::design::{
    Design, Edge, EdgeId, EdgeKind, EdgeRole, Kernel, Schedule, Stream, Token, TokenId, TokenPart,
    TypeId,
};
use super::kernels;
use super::limits::{equal_part, lanes_of_port, parts_of_token};
use super::names::Names;
use super::network::{Network, ProcessId};
use super::plan::{Loop, Partition, UNROLL_LIMIT};
use super::{HlsError, Options, limits};
use crate::config::IoType;
use crate::ir::{self, Graph, NodeId};

pub use axis::{Axis, Step, Take};
pub use group::PixelGroup;
pub use lines::{LineBuffer, Taps, Turns, WindowKernel};
pub use pool::RunningPool;
pub use process::{Process, ProcessForm};
pub use recurrence::{Recurrence, Start, State};
pub use repack::Repack;
pub(super) use schedule::connect;

/// See [`Design::new`]. Ports are arrays in a design with parallel interfaces. Streams have no depths
/// before [`connect`].
pub(super) fn design(graph: &Graph, options: &Options) -> Result<Design, HlsError> {
    let graph = &*split::split(graph)?;
    let (parts, name) = Parts::new(&options.name);
    let mut builder = Builder {
        graph,
        options,
        parts,
        edges: Vec::new(),
        tokens: Vec::new(),
        kernels: Vec::new(),
        processes: Vec::new(),
        unread: HashMap::new(),
        ports: HashMap::new(),
        sign_powers: HashMap::new(),
    };
    let order = graph.live_nodes();
    let stems = builder.parts.stems(graph, &order);
    let mut readers: HashMap<NodeId, Vec<Reader<'_>>> = HashMap::new();
    let computed = || order.iter().filter(|node| !kernels::is_alias(&graph[**node].op));
    for node in computed() {
        for operand in graph.operands(*node) {
            let reader = Reader::Process(*node);
            readers.entry(build::source(graph, operand)).or_default().push(reader);
        }
    }
    for output in &graph.outputs {
        let port = Reader::Port { output, stem: &stems[&output.node] };
        readers.entry(build::source(graph, output.node)).or_default().push(port);
    }
    for node in computed() {
        let readers = readers.remove(node).unwrap_or_default();
        builder.add(*node, &stems[node], &readers)?;
    }
    let inputs = graph.inputs.iter().filter_map(|node| {
        let layer = &graph[*node].layer;
        let is_port = |edge: &Edge| edge.role == EdgeRole::Input && edge.layer == *layer;
        builder.edges.iter().position(is_port).map(EdgeId)
    });
    let inputs = inputs.collect();
    let outputs = graph.outputs.iter().map(|output| builder.output(output));
    let outputs: Vec<EdgeId> = outputs.collect::<Result<_, _>>()?;
    let Builder { parts, edges, tokens, kernels, processes, .. } = builder;
    let mut design = Design {
        name,
        options: options.clone(),
        types: parts.types,
        constants: parts.constants,
        tokens,
        edges,
        schedule: Schedule::default(),
        kernels,
        processes,
        network: None,
        inputs,
        outputs,
        warnings: parts.warnings,
        limiting: Vec::new(),
    };
    schedule::schedule(&mut design);
    limits::check_words(&design)?;
    Ok(design)
}

impl Design {
    /// The network of a streaming design and the streams that are its channels, in order; `None`
    /// for a design of arrays.
    pub fn network(&self) -> Option<(&Network, Vec<EdgeId>)> {
        Some((self.network.as_ref()?, schedule::streams(self)))
    }
}

/// Streams, kernels and processes made so far.
struct Builder<'a> {
    graph: &'a Graph,
    options: &'a Options,
    parts: Parts,
    edges: Vec<Edge>,
    tokens: Vec<Token>,
    kernels: Vec<Kernel>,
    processes: Vec<Process>,
    /// Streams of each node's result that no process reads so far, in the order of its readers.
    unread: HashMap<NodeId, VecDeque<EdgeId>>,
    /// Names of the output ports that are arrays, by the stream that is written to them.
    ports: HashMap<EdgeId, (String, String)>,
    /// The p for which every element of a result is ± 2^p, both occurring.
    sign_powers: HashMap<NodeId, i32>,
}

/// A reader of a result.
#[derive(Clone, Copy)]
enum Reader<'a> {
    /// The process of a node.
    Process(NodeId),
    /// A port of the top function.
    Port {
        output: &'a ir::Output,
        /// The C++ name of the node that is the output.
        stem: &'a str,
    },
}

impl Builder<'_> {
    /// Adds the process of `node`, and streams to its `readers`.
    fn add(&mut self, node: NodeId, stem: &str, readers: &[Reader<'_>]) -> Result<(), HlsError> {
        let graph = self.graph;
        let this = &graph[node];
        let operands = graph.operands(node);
        // A result with one reader is a stream to it. An input that is an output is copied.
        let direct = match readers {
            [reader] if !operands.is_empty() || matches!(reader, Reader::Process(_)) => {
                Some(*reader)
            }
            _ => None,
        };
        let output = if operands.is_empty() {
            let (wanted, range) = (format!("{stem}_t"), this.tensor.range());
            let format = plain(this.tensor.format);
            let element = self.parts.add_type(&wanted, &this.layer, "values", format, range);
            let lanes = self.input_lanes(node, readers);
            let token = self.token(stem, element, lanes);
            self.input(stem, token, this)
        } else {
            let inputs = operands.iter().map(|operand| self.unread_of(*operand, &this.name));
            let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
            let nodes: Vec<&ir::Node> = operands.iter().map(|id| &graph[*id]).collect();
            let lanes: Vec<usize> = inputs.iter().map(|input| self.lanes(*input)).collect();
            let Planned { form, reads, writes } = Planned::of(this, &nodes, &lanes, self.options);
            let (layer, inputs) = (&this.layer, inputs.into_iter().zip(&reads).zip(&nodes));
            let inputs = inputs
                .map(|((input, lanes), node)| self.repacked(input, *lanes, (stem, layer), node));
            let inputs: Vec<EdgeId> = inputs.collect();
            // A whole sample as one token.
            let is_sample = form.takes_sample() && writes > this.tensor.channel_count();
            let (computation, element) = self.computation(node, stem, &inputs, form)?;
            let channels = this.tensor.channel_count();
            let passed = if is_sample { channels } else { writes };
            let is_port = |reader: &Reader<'_>| matches!(reader, Reader::Port { .. });
            let passed = match self.options.io {
                IoType::Stream if readers.iter().any(is_port) => {
                    lanes_of_port(passed, this.tensor.format.width())
                }
                IoType::Stream | IoType::Parallel => passed,
            };
            let token = self.token(stem, element, passed);
            let output = match direct {
                Some(Reader::Port { output, stem }) => self.port(output, token, stem),
                Some(Reader::Process(_)) | None => {
                    let name = self.stream_name(stem);
                    self.stream(name, token, this, EdgeRole::Internal, &this.layer)
                }
            };
            let result = match (passed == writes, is_sample) {
                (true, _) => output,
                // It is passed on in tokens of channels.
                (false, true) => self.tokens_of(output, writes, &format!("{stem}_sample"), this),
                // A port takes parts of it, one after the other.
                (false, false) => self.tokens_of(output, writes, &format!("{stem}_whole"), this),
            };
            self.process(stem.to_owned(), &this.layer, computation, inputs, vec![result]);
            if result != output {
                self.repack(result, output, (stem, &this.layer), this);
            }
            output
        };
        let unread = match direct {
            Some(_) => VecDeque::from([output]),
            None => self.fork(this, stem, output, readers),
        };
        self.unread.insert(node, unread);
        Ok(())
    }

    /// Lanes of the tokens of the input `node`: the most that one of its `readers` takes of tokens
    /// of its channels, unless that is a whole sample.
    fn input_lanes(&self, node: NodeId, readers: &[Reader<'_>]) -> usize {
        let graph = self.graph;
        let taken = readers.iter().filter_map(|reader| {
            let Reader::Process(reader) = reader else { return None };
            let operands = graph.operands(*reader);
            let nodes: Vec<&ir::Node> = operands.iter().map(|id| &graph[*id]).collect();
            let channels = |id: &NodeId| graph[build::source(graph, *id)].tensor.channel_count();
            let lanes: Vec<usize> = operands.iter().map(channels).collect();
            let Planned { form, reads, .. } =
                Planned::of(&graph[*reader], &nodes, &lanes, self.options);
            let own = operands.iter().position(|id| build::source(graph, *id) == node)?;
            (!form.takes_sample()).then_some(reads[own])
        });
        let lanes = taken.max().unwrap_or_else(|| graph[node].tensor.channel_count());
        match self.options.io {
            // What is too wide for a port comes in equal parts, one after the other.
            IoType::Stream => lanes_of_port(lanes, graph[node].tensor.format.width()),
            // So does a single row that is too large for registers.
            IoType::Parallel if graph[node].tensor.rows() == 1 => equal_part(lanes, UNROLL_LIMIT),
            IoType::Parallel => lanes,
        }
    }

    /// Lanes of the tokens of a stream; 0 for an array.
    fn lanes(&self, stream: EdgeId) -> usize {
        match self.edges[stream.0].kind {
            EdgeKind::Stream(Stream { token, .. }) => self.tokens[token.0].lanes,
            EdgeKind::Array(_) => 0,
        }
    }

    /// Tokens of a sample of a stream; 1 for an array.
    fn tokens_in(&self, stream: EdgeId) -> usize {
        match self.edges[stream.0].kind {
            EdgeKind::Stream(stream) => stream.tokens,
            EdgeKind::Array(_) => 1,
        }
    }

    /// The elements of `stream`, the result of `node`, in tokens of `lanes`, for the process
    /// called `stem`, of `layer`.
    fn repacked(
        &mut self,
        stream: EdgeId,
        lanes: usize,
        (stem, layer): (&str, &str),
        node: &ir::Node,
    ) -> EdgeId {
        let from = self.lanes(stream);
        if from == lanes {
            return stream;
        }
        let output = self.tokens_of(stream, lanes, &format!("{stem}_repacked"), node);
        self.repack(stream, output, (stem, layer), node);
        output
    }

    /// A stream like `stream`, of the result of `node`, in tokens of `lanes`, which is named after
    /// `stem`.
    fn tokens_of(&mut self, stream: EdgeId, lanes: usize, stem: &str, node: &ir::Node) -> EdgeId {
        let token = self.token(stem, self.edges[stream.0].element, lanes);
        let name = self.stream_name(stem);
        self.stream(name, token, node, EdgeRole::Internal, &node.layer)
    }

    /// The name of a stream inside the design. `conv_out` is left to the port of an output `conv`.
    fn stream_name(&mut self, stem: &str) -> String {
        let is_port = |output: &ir::Output| Names::default().stem(&output.name) == stem;
        let end = if self.graph.outputs.iter().any(is_port) { "result" } else { "out" };
        self.parts.names.unique(&format!("{stem}_{end}"))
    }

    /// A process that passes the elements of `from`, the result of `node`, on to `to`, whose tokens
    /// have another size. It is named after `stem`, and belongs to `layer`.
    fn repack(&mut self, from: EdgeId, to: EdgeId, (stem, layer): (&str, &str), node: &ir::Node) {
        let name = self.parts.names.unique(&format!("{stem}_repack"));
        let lanes = [from, to].map(|stream| self.lanes(stream));
        let repack = Repack { from: lanes[0], to: lanes[1], elements: node.tensor.len() };
        let state_bits = repack.registers() as u64 * u64::from(node.tensor.format.width());
        let form = ProcessForm::Repack(repack);
        let computation = Computation { form, kernel: None, state_bits };
        self.process(name, layer, computation, vec![from], vec![to]);
    }

    /// The next stream of the result of `node` that has no reader so far; `user` reads it.
    fn unread_of(&mut self, node: NodeId, user: &str) -> Result<EdgeId, HlsError> {
        let source = build::source(self.graph, node);
        let stream = self.unread.get_mut(&source).and_then(VecDeque::pop_front);
        stream.ok_or_else(|| HlsError::Graph {
            node: user.into(),
            rule: "takes a result that no node before it computes".into(),
        })
    }

    /// A process that copies the stream `input` for each of `readers`.
    fn fork(
        &mut self,
        node: &ir::Node,
        stem: &str,
        input: EdgeId,
        readers: &[Reader<'_>],
    ) -> VecDeque<EdgeId> {
        let EdgeKind::Stream(Stream { token, tokens, .. }) = self.edges[input.0].kind else {
            return VecDeque::new();
        };
        let copies: Vec<EdgeId> = readers
            .iter()
            .map(|reader| match reader {
                Reader::Port { output, stem } => self.port(output, token, stem),
                Reader::Process(_) => {
                    let name = self.parts.names.unique(&format!("{stem}_copy"));
                    self.stream(name, token, node, EdgeRole::Internal, &node.layer)
                }
            })
            .collect();
        let name = self.parts.names.unique(&format!("{stem}_fork"));
        let computation = Computation::of_tokens(ProcessForm::Fork { tokens });
        self.process(name, &node.layer, computation, vec![input], copies.clone());
        copies.into()
    }

    /// An array inside the next process, that of `node`.
    fn array(
        &mut self,
        name: String,
        element: TypeId,
        (shape, partition): (Vec<usize>, Partition),
        node: &ir::Node,
    ) -> EdgeId {
        let kind = EdgeKind::Array(partition);
        let role = EdgeRole::Local(ProcessId(self.processes.len()));
        let layer = node.layer.clone();
        self.edges.push(Edge { name, element, shape, kind, role, layer, parts: Vec::new() });
        EdgeId(self.edges.len() - 1)
    }

    fn process(
        &mut self,
        name: String,
        layer: &str,
        computation: Computation,
        inputs: Vec<EdgeId>,
        outputs: Vec<EdgeId>,
    ) {
        let Computation { form, kernel, state_bits } = computation;
        let is_summed = matches!(form, ProcessForm::Accumulate { .. });
        let plan = match kernel.map(|id| &self.kernels[id.0].plan) {
            // Each step is an iteration.
            Some(plan) if plan.folds > 1 || is_summed => Loop::Pipeline { interval: 1, unroll: 1 },
            Some(plan) if !plan.is_unrolled() => Loop::Sequential,
            plan => {
                let interval = plan.map_or(1, |plan| plan.initiation_interval);
                Loop::Pipeline { interval, unroll: 1 }
            }
        };
        let layer = layer.to_owned();
        let process = Process { name, layer, form, inputs, outputs, kernel, plan, state_bits };
        self.processes.push(process);
    }

    /// The token of `lanes` elements of the type `element`.
    fn token(&mut self, stem: &str, element: TypeId, lanes: usize) -> TokenId {
        let name = self.parts.names.unique(&format!("{stem}_token"));
        let width = self.parts.types[element.0].quantization.format.width();
        let mut parts: Vec<TokenPart> = Vec::new();
        let lanes_of_parts = Some(parts_of_token(lanes, width)).filter(|all| all.len() > 1);
        for part in lanes_of_parts.unwrap_or_default() {
            let known =
                parts.last().filter(|last| last.lanes == part).map(|last| last.name.clone());
            let unique = || self.parts.names.unique(&format!("{stem}_token_part"));
            parts.push(TokenPart { name: known.unwrap_or_else(unique), lanes: part });
        }
        self.tokens.push(Token { name, element, lanes, parts });
        TokenId(self.tokens.len() - 1)
    }

    /// The stream of an input of the network. An array is read into it.
    fn input(&mut self, stem: &str, token: TokenId, node: &ir::Node) -> EdgeId {
        if self.options.io == IoType::Stream {
            return self.stream(stem.to_owned(), token, node, EdgeRole::Input, &node.layer);
        }
        let port = self.array_port(stem.to_owned(), token, node, EdgeRole::Input, &node.layer);
        let name = self.parts.names.unique(&format!("{stem}_stream"));
        let stream = self.stream(name, token, node, EdgeRole::Internal, &node.layer);
        let form = ProcessForm::FromArray { tokens: self.tokens_in(stream) };
        let name = self.parts.names.unique(&format!("{stem}_read"));
        self.process(name, &node.layer, Computation::of_tokens(form), vec![port], vec![stream]);
        stream
    }

    /// The stream of an output of the network, whose node is called `stem`.
    fn port(&mut self, output: &ir::Output, token: TokenId, stem: &str) -> EdgeId {
        let node = &self.graph[output.node];
        let name = build::port_name(&mut self.parts.names, &output.name, &node.name, stem);
        if self.options.io == IoType::Stream {
            return self.stream(name, token, node, EdgeRole::Output, &output.name);
        }
        let wanted = format!("{}_stream", name.strip_suffix("_out").unwrap_or(&name));
        let inner = self.parts.names.unique(&wanted);
        let stream = self.stream(inner, token, node, EdgeRole::Internal, &node.layer);
        self.ports.insert(stream, (name, output.name.clone()));
        stream
    }

    /// The port of `output`. A stream is written to an array.
    fn output(&mut self, output: &ir::Output) -> Result<EdgeId, HlsError> {
        let stream = self.unread_of(output.node, &output.name)?;
        let Some((name, layer)) = self.ports.remove(&stream) else { return Ok(stream) };
        let EdgeKind::Stream(Stream { token, tokens, .. }) = self.edges[stream.0].kind else {
            return Ok(stream);
        };
        let node = &self.graph[output.node];
        let port = self.array_port(name, token, node, EdgeRole::Output, &layer);
        let stem = self.edges[port.0].name.clone();
        let wanted = format!("{}_write", stem.strip_suffix("_out").unwrap_or(&stem));
        let name = self.parts.names.unique(&wanted);
        let form = ProcessForm::ToArray { tokens };
        self.process(name, &node.layer, Computation::of_tokens(form), vec![stream], vec![port]);
        Ok(port)
    }

    /// An argument of the top function with all elements of the result of `node`: registers if it
    /// is one token, else a memory with a token in a word.
    fn array_port(
        &mut self,
        name: String,
        token: TokenId,
        node: &ir::Node,
        role: EdgeRole,
        layer: &str,
    ) -> EdgeId {
        let Token { element, lanes, .. } = self.tokens[token.0];
        let partition = match node.tensor.len() > lanes {
            true => Partition::Reshape { elements: lanes as u64 },
            false => Partition::Complete,
        };
        let (kind, shape) = (EdgeKind::Array(partition), node.tensor.shape.clone());
        let (layer, parts) = (layer.into(), Vec::new());
        self.edges.push(Edge { name, element, shape, kind, role, layer, parts });
        EdgeId(self.edges.len() - 1)
    }

    /// A stream of the result of `node`. The network of processes decides its depth.
    fn stream(
        &mut self,
        name: String,
        token: TokenId,
        node: &ir::Node,
        role: EdgeRole,
        layer: &str,
    ) -> EdgeId {
        let Token { element, lanes, .. } = self.tokens[token.0];
        let parts = 1..=self.tokens[token.0].parts.len();
        let parts = parts.map(|part| self.parts.names.unique(&format!("{name}_part_{part}")));
        let parts = parts.collect();
        let (shape, tokens) = (node.tensor.shape.clone(), node.tensor.len() / lanes.max(1));
        let kind = EdgeKind::Stream(Stream { token, tokens, depth: 0, least_depth: 0 });
        self.edges.push(Edge { name, element, shape, kind, role, layer: layer.into(), parts });
        EdgeId(self.edges.len() - 1)
    }
}
