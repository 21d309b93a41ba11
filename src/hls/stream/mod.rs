//! Streaming designs: a process for each node of the graph, and FIFOs of tokens between them. The
//! ports of the top function are streams or arrays.
//!
//! A token holds the channels of one position, and positions follow one another row-major. A
//! process computes position by position with a kernel for one position, the same as in a design of
//! arrays ([`form`]). A node that needs a whole sample at once collects it in arrays first. A
//! reshape is no process: the tokens of its operand are its own, and a process that reads tokens of
//! another size gets them repacked. A result with several readers is copied by a process of its
//! own, so that every stream has one writer and one reader. The depths of FIFOs follow from the network of processes
//! ([`network`](super::network)).

mod axis;
mod form;
mod lines;
mod process;
mod repack;
mod schedule;
mod select;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};

use self::form::{Form, Planned, Position, WindowPosition};
use super::build::{self, NodeBuilder, Parts, plain};
use super::design::{
    Design, Edge, EdgeId, EdgeKind, EdgeRole, Kernel, KernelId, Schedule, Stream, Token, TokenId,
    TypeId,
};
use super::kernels::{self, Body};
use super::network::{Network, ProcessId};
use super::plan::{Loop, Partition, Positions, Sharing};
use super::{HlsError, Number, Options, limits, warnings};
use crate::config::IoType;
use crate::ir::{self, Graph, Linear, NodeId};

pub use axis::{Axis, Step, Take};
pub use lines::{LineBuffer, Taps, WindowKernel};
pub use process::{Process, ProcessForm};
pub use repack::Repack;

/// See [`Design::new`]. Ports are arrays in a design with parallel interfaces.
pub(super) fn design(graph: &Graph, options: &Options) -> Result<Design, HlsError> {
    build::check(graph, options)?;
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
            readers.entry(build::source(graph, operand)).or_default().push(Reader::Process);
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
    };
    schedule::schedule(&mut design)?;
    limits::check_words(&design)?;
    let found = warnings::check(&design);
    design.warnings.extend(found);
    Ok(design)
}

impl Design {
    /// The network of a streaming design and the streams that are its channels, in order; `None`
    /// for a design of arrays.
    pub fn network(&self) -> Option<(Network, Vec<EdgeId>)> {
        let streams = schedule::streams(self);
        let network = schedule::network(self, &streams).ok()?;
        (!streams.is_empty()).then_some((network, streams))
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
    /// A process.
    Process,
    /// A port of the top function.
    Port {
        output: &'a ir::Output,
        /// The C++ name of the node that is the output.
        stem: &'a str,
    },
}

/// The calls of a kernel for a sample.
#[derive(Clone, Copy)]
struct Calls {
    /// The positions of the process.
    positions: Positions,
    /// Those that this kernel computes.
    count: u64,
    /// The sharing of its arithmetic, where others that take turns with it have the same.
    sharing: Option<Sharing>,
}

impl Calls {
    /// A call for each position.
    fn each(positions: Positions) -> Self {
        Self { positions, count: positions.count, sharing: None }
    }
}

/// The computation of a process: its form and its kernel.
struct Computation {
    form: ProcessForm,
    kernel: Option<KernelId>,
    /// Bits of its buffers.
    state_bits: u64,
}

impl Computation {
    /// A process that only passes tokens on.
    fn of_tokens(form: ProcessForm) -> Self {
        Self { form, kernel: None, state_bits: 0 }
    }
}

impl Builder<'_> {
    /// Adds the process of `node`, and streams to its `readers`.
    fn add(&mut self, node: NodeId, stem: &str, readers: &[Reader<'_>]) -> Result<(), HlsError> {
        let graph = self.graph;
        let this = &graph[node];
        let operands = graph.operands(node);
        // A result with one reader is a stream to it. An input that is an output is copied.
        let direct = match readers {
            [reader] if !operands.is_empty() || matches!(reader, Reader::Process) => Some(*reader),
            _ => None,
        };
        let output = if operands.is_empty() {
            let (wanted, range) = (format!("{stem}_t"), this.tensor.range());
            let format = plain(this.tensor.format);
            let element = self.parts.add_type(&wanted, &this.layer, "values", format, range);
            let token = self.token(stem, element, this.tensor.channel_count());
            self.input(stem, token, this)
        } else {
            let inputs = operands.iter().map(|operand| self.unread_of(*operand, &this.name));
            let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
            let nodes: Vec<&ir::Node> = operands.iter().map(|id| &graph[*id]).collect();
            let lanes: Vec<usize> = inputs.iter().map(|input| self.lanes(*input)).collect();
            let Planned { form, reads, writes } = Planned::of(this, &nodes, &lanes);
            let inputs = inputs.into_iter().zip(&reads).zip(&nodes);
            let inputs =
                inputs.map(|((input, lanes), node)| self.repacked(input, *lanes, stem, node));
            let inputs: Vec<EdgeId> = inputs.collect();
            let (computation, element) = self.computation(node, stem, &inputs, form)?;
            let channels = this.tensor.channel_count();
            let token = self.token(stem, element, writes.min(channels));
            let output = match direct {
                Some(Reader::Port { output, stem }) => self.port(output, token, stem),
                Some(Reader::Process) | None => {
                    let name = self.parts.names.unique(&format!("{stem}_out"));
                    self.stream(name, token, this, EdgeRole::Internal, &this.layer)
                }
            };
            let result = match writes > channels {
                // A whole sample, which is passed on in tokens of channels.
                true => self.tokens_of(output, writes, &format!("{stem}_sample"), this),
                false => output,
            };
            self.process(stem.to_owned(), &this.layer, computation, inputs, vec![result]);
            if result != output {
                self.repack(result, output, stem, this);
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
    /// called `stem`.
    fn repacked(&mut self, stream: EdgeId, lanes: usize, stem: &str, node: &ir::Node) -> EdgeId {
        let from = self.lanes(stream);
        if from == lanes {
            return stream;
        }
        let output = self.tokens_of(stream, lanes, &format!("{stem}_repacked"), node);
        self.repack(stream, output, stem, node);
        output
    }

    /// A stream like `stream`, of the result of `node`, in tokens of `lanes`, which is named after
    /// `stem`.
    fn tokens_of(&mut self, stream: EdgeId, lanes: usize, stem: &str, node: &ir::Node) -> EdgeId {
        let token = self.token(stem, self.edges[stream.0].element, lanes);
        let name = self.parts.names.unique(&format!("{stem}_out"));
        self.stream(name, token, node, EdgeRole::Internal, &node.layer)
    }

    /// A process that passes the elements of `from`, the result of `node`, on to `to`, whose tokens
    /// have another size. It is named after `stem`.
    fn repack(&mut self, from: EdgeId, to: EdgeId, stem: &str, node: &ir::Node) {
        let name = self.parts.names.unique(&format!("{stem}_repack"));
        let lanes = [from, to].map(|stream| self.lanes(stream));
        let repack = Repack { from: lanes[0], to: lanes[1], elements: node.tensor.len() };
        let state_bits = repack.registers() as u64 * u64::from(node.tensor.format.width());
        let form = ProcessForm::Repack(repack);
        let computation = Computation { form, kernel: None, state_bits };
        self.process(name, &node.layer, computation, vec![from], vec![to]);
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
                Reader::Process => {
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

    /// The computation of a node in this `form`, and the type of its result.
    fn computation(
        &mut self,
        id: NodeId,
        stem: &str,
        inputs: &[EdgeId],
        form: Form,
    ) -> Result<(Computation, TypeId), HlsError> {
        let graph = self.graph;
        let node = &graph[id];
        let operands: Vec<&ir::Node> =
            graph.operands(id).into_iter().map(|id| &graph[id]).collect();
        let first = graph.operands(id).first().map(|id| build::source(graph, *id));
        let sign_power = first.and_then(|id| self.sign_powers.get(&id)).copied();
        match form {
            Form::Rows(position) => {
                let rows = node.tensor.len() / position.node.tensor.len().max(1);
                let calls = Calls::each(Positions { count: rows as u64, idle: 0 });
                let (kernel, element) =
                    self.kernel(id, (stem, "row"), position, inputs, (calls, sign_power))?;
                let form = ProcessForm::Rows { tokens: rows };
                let state_bits = self.step_bits(kernel);
                Ok((Computation { form, kernel: Some(kernel), state_bits }, element))
            }
            Form::Windows { axes, is_max, is_padded, phases } => {
                let x = &operands[0].tensor;
                let operand = self.edges[inputs[0].0].element;
                // Padding of 0 has no sign.
                let sign_power = sign_power.filter(|_| !is_padded);
                let code = if is_max { x.range().low().clone() } else { 0.into() };
                let mut lines = LineBuffer {
                    axes,
                    channels: self.lanes(inputs[0]),
                    padding: Number { element: operand, code },
                    element: operand,
                    kernels: Vec::with_capacity(phases.len()),
                };
                let [height, width] = lines.grid();
                let count = lines.windows();
                let positions =
                    Positions { count: count as u64, idle: (height * width - count) as u64 };
                let sharing = self.sharing_of_phases(node, &phases, positions);
                // Without a kernel, pixels keep their type.
                let mut element = operand;
                for (number, phase) in phases.into_iter().enumerate() {
                    let WindowPosition { steps, taps, windows, position } = phase;
                    let stem = match sharing {
                        Some(_) => format!("{stem}_phase_{}", number + 1),
                        None => stem.to_owned(),
                    };
                    let calls = Calls { positions, count: windows as u64, sharing };
                    let names = (stem.as_str(), "window");
                    let (kernel, own) =
                        self.kernel(id, names, position, inputs, (calls, sign_power))?;
                    element = if number == 0 { own } else { element };
                    lines.kernels.push(WindowKernel { steps, taps, kernel });
                }
                let slowest = lines.kernels.iter().map(|it| it.kernel).max_by_key(|kernel| {
                    let kernel = &self.kernels[kernel.0];
                    let operand = self.edges[kernel.inputs[0].0].len();
                    (kernel.plan.initiation_interval, operand)
                });
                let line_bits = lines.elements() as u64 * u64::from(x.format.width());
                let steps = lines.kernels.iter().map(|it| self.step_bits(it.kernel));
                let state_bits = line_bits + steps.sum::<u64>();
                let form = ProcessForm::Windows(lines);
                Ok((Computation { form, kernel: slowest, state_bits }, element))
            }
            Form::Accumulate(linear) => {
                let tokens = self.tokens_in(inputs[0]);
                let (kernel, element) =
                    self.accumulating_kernel(id, stem, linear, inputs[0], tokens)?;
                let width = self.parts.types[element.0].quantization.format.width();
                let state_bits = node.tensor.len() as u64 * u64::from(width);
                let form = ProcessForm::Accumulate { tokens };
                Ok((Computation { form, kernel: Some(kernel), state_bits }, element))
            }
            Form::Reduce(kind) => {
                let tokens = self.tokens_in(inputs[0]);
                let bits = u64::from(node.tensor.format.width());
                let state_bits = node.tensor.channel_count() as u64 * bits;
                let form = ProcessForm::Reduce { kind, tokens };
                Ok((Computation { form, kernel: None, state_bits }, self.values_type(stem, node)))
            }
            Form::Concat { rounds } => {
                let runs = inputs.iter().map(|input| self.tokens_in(*input) / rounds.max(1));
                let runs = runs.collect();
                let form = ProcessForm::Concat { rounds, runs };
                Ok((Computation::of_tokens(form), self.values_type(stem, node)))
            }
            Form::Frame(position) => {
                let bits =
                    |it: &ir::Node| it.tensor.len() as u64 * u64::from(it.tensor.format.width());
                let state_bits = operands.iter().copied().chain([node]).map(bits).sum();
                let (kernel, element) = self.kernel(
                    id,
                    (stem, "frame"),
                    position,
                    inputs,
                    (Calls::each(Positions::ONE), sign_power),
                )?;
                let form = ProcessForm::Frame;
                Ok((Computation { form, kernel: Some(kernel), state_bits }, element))
            }
        }
    }

    /// The sharing of the arithmetic of the kernels of several `phases`, which take turns.
    fn sharing_of_phases(
        &self,
        node: &ir::Node,
        phases: &[WindowPosition],
        positions: Positions,
    ) -> Option<Sharing> {
        let ir::Op::Conv(conv) = &node.op else { return None };
        let largest = phases.iter().map(|phase| phase.taps[0].count * phase.taps[1].count).max()?;
        let &[inputs, outputs] = conv.linear.weights.codes.shape() else { return None };
        let inputs = inputs / conv.window.taps().max(1) * largest;
        let shape = (inputs, outputs, conv.groups);
        let strategy = self.options.strategy_of(&node.layer);
        let pace = self.options.pace_of(&node.layer);
        let widths = (conv.linear.weights.format.width(), node.tensor.format.width());
        (phases.len() > 1).then(|| Sharing::of_outputs(shape, widths, strategy, pace, positions))
    }

    /// The type of the result of `node`.
    fn values_type(&mut self, stem: &str, node: &ir::Node) -> TypeId {
        let (wanted, range) = (format!("{stem}_t"), node.tensor.range());
        self.parts.add_type(&wanted, &node.layer, "values", plain(node.tensor.format), range)
    }

    /// The kernel of the matrix `linear` of the node `id`, whose single row comes in `tokens`, and
    /// the type of its result.
    fn accumulating_kernel(
        &mut self,
        id: NodeId,
        stem: &str,
        linear: Linear,
        input: EdgeId,
        tokens: usize,
    ) -> Result<(KernelId, TypeId), HlsError> {
        let graph = self.graph;
        let (node, operands) = (&graph[id], graph.operands(id));
        let list: Vec<&ir::Node> = operands.iter().map(|id| &graph[*id]).collect();
        let source = build::source(graph, operands[0]);
        let mut builder = NodeBuilder {
            graph,
            options: self.options,
            node,
            operand: list[0],
            operands: &list,
            sign_power: self.sign_powers.get(&source).copied(),
            stem,
            constants_before: self.parts.constants.len(),
            positions: Positions { count: tokens as u64, idle: 0 },
            sharing: None,
            parts: &mut self.parts,
        };
        let built = kernels::build_accumulate(&mut builder, &linear, tokens)?;
        let element = built.element;
        let (from, lanes) = (self.edges[input.0].element, self.lanes(input));
        let operand = self.array("operand".to_owned(), from, vec![lanes], node);
        let result = self.array("result".to_owned(), element, node.tensor.shape.clone(), node);
        let name = self.parts.names.unique(&format!("{stem}_accumulate"));
        let labels = (name, node.layer.clone(), node.op.name());
        let edges = (vec![operand], result);
        let kernel = build::kernel(&self.parts.constants, &self.edges, labels, edges, built);
        self.kernels.push(kernel.accumulating(tokens as u64));
        Ok((KernelId(self.kernels.len() - 1), element))
    }

    /// The kernel of the node `id` at a position, and the type of its result.
    fn kernel(
        &mut self,
        id: NodeId,
        (stem, part): (&str, &str),
        Position { node, operands }: Position,
        inputs: &[EdgeId],
        (calls, sign_power): (Calls, Option<i32>),
    ) -> Result<(KernelId, TypeId), HlsError> {
        let list: Vec<&ir::Node> = operands.iter().collect();
        let mut builder = NodeBuilder {
            graph: self.graph,
            options: self.options,
            node: &node,
            operand: list[0],
            operands: &list,
            sign_power,
            stem,
            constants_before: self.parts.constants.len(),
            positions: calls.positions,
            sharing: calls.sharing,
            parts: &mut self.parts,
        };
        let built = kernels::build(&mut builder, &node.op)?;
        self.sign_powers.extend(built.sign_power.map(|power| (id, power)));
        let mut arrays = Vec::new();
        for (position, (operand, stream)) in operands.iter().zip(inputs).enumerate() {
            let name = match operands.len() {
                1 => "operand".to_owned(),
                _ => format!("operand_{}", position + 1),
            };
            let element = self.edges[stream.0].element;
            arrays.push(self.array(name, element, operand.tensor.shape.clone(), &node));
        }
        let element = built.element;
        let result = self.array("result".to_owned(), element, node.tensor.shape.clone(), &node);
        let name = self.parts.names.unique(&format!("{stem}_{part}"));
        let labels = (name, node.layer.clone(), node.op.name());
        let kernel =
            build::kernel(&self.parts.constants, &self.edges, labels, (arrays, result), built);
        self.kernels.push(kernel.repeated(calls.count));
        Ok((KernelId(self.kernels.len() - 1), element))
    }

    /// Bits that a process keeps from step to step of a folded kernel: operands and sums.
    fn step_bits(&self, kernel: KernelId) -> u64 {
        let kernel = &self.kernels[kernel.0];
        let Body::Linear(linear) = &kernel.body else { return 0 };
        let width = |ty: TypeId| u64::from(self.parts.types[ty.0].quantization.format.width());
        let operand = &self.edges[kernel.inputs[0].0];
        let sum = linear.sum_type(self.edges[kernel.output.0].element);
        let sums = if linear.tiles.inputs > 1 { linear.tile_outputs() } else { 0 };
        match linear.is_folded() {
            true => operand.len() as u64 * width(operand.element) + sums as u64 * width(sum),
            false => 0,
        }
    }

    /// An array inside the next process, that of `node`.
    fn array(
        &mut self,
        name: String,
        element: TypeId,
        shape: Vec<usize>,
        node: &ir::Node,
    ) -> EdgeId {
        let kind = EdgeKind::Array(Partition::of_tensor(&shape));
        let role = EdgeRole::Local(ProcessId(self.processes.len()));
        let layer = node.layer.clone();
        self.edges.push(Edge { name, element, shape, kind, role, layer });
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
        let plan = match kernel.map(|id| &self.kernels[id.0].plan) {
            // Each step is an iteration.
            Some(plan) if plan.folds > 1 => Loop::Pipeline { interval: 1, unroll: 1 },
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
        self.tokens.push(Token { name, element, lanes });
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
        self.edges.push(Edge { name, element, shape, kind, role, layer: layer.into() });
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
        let (shape, tokens) = (node.tensor.shape.clone(), node.tensor.len() / lanes.max(1));
        let kind = EdgeKind::Stream(Stream { token, tokens, depth: 2, least_depth: 1 });
        self.edges.push(Edge { name, element, shape, kind, role, layer: layer.into() });
        EdgeId(self.edges.len() - 1)
    }
}
