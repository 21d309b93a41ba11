//! Streaming designs: a process for each node of the graph, and FIFOs of tokens between them. The
//! ports of the top function are streams or arrays.
//!
//! A token holds the channels of one position, and positions follow one another row-major. A
//! process computes position by position with a kernel for one position, the same as in a design of
//! arrays ([`form`]). A node that needs a whole sample at once collects it in arrays first. A result
//! with several readers is copied by a process of its own, so that every stream has one writer and
//! one reader. The depths of FIFOs follow from the network of processes
//! ([`network`](super::network)).

mod form;
mod process;
mod schedule;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};

use self::form::{Form, Position};
use super::build::{self, NodeBuilder, Parts, plain};
use super::design::{
    Design, Edge, EdgeId, EdgeKind, EdgeRole, Kernel, KernelId, Schedule, Stream, Token, TokenId,
    TypeId,
};
use super::kernels::{self, Body};
use super::plan::{Loop, Partition, Positions};
use super::{HlsError, Number, Options, warnings};
use crate::config::IoType;
use crate::ir::{self, Graph, NodeId};

pub use process::{LineBuffer, Process, ProcessForm};

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
    let mut readers: HashMap<NodeId, Vec<Option<&str>>> = HashMap::new();
    for node in &order {
        for operand in graph.operands(*node) {
            readers.entry(operand).or_default().push(None);
        }
    }
    for output in &graph.outputs {
        readers.entry(output.node).or_default().push(Some(&output.name));
    }
    for node in &order {
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
    let found = warnings::check(&design);
    design.warnings.extend(found);
    Ok(design)
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

/// The computation of a process: its form and its kernel.
struct Computation {
    form: ProcessForm,
    kernel: Option<KernelId>,
    /// Bits of its buffers.
    state_bits: u64,
}

impl Computation {
    /// A process of `form` that passes tokens on.
    fn of_tokens(form: ProcessForm) -> Self {
        Self { form, kernel: None, state_bits: 0 }
    }
}

impl Builder<'_> {
    /// Adds the process of `node`, and streams to its `readers`: a name for an output of the
    /// network, none for a process.
    fn add(&mut self, node: NodeId, stem: &str, readers: &[Option<&str>]) -> Result<(), HlsError> {
        let graph = self.graph;
        let this = &graph[node];
        let operands = graph.operands(node);
        // A result with one reader is a stream to it. An input that is an output is copied.
        let direct = match readers {
            [reader] if !operands.is_empty() || reader.is_none() => Some(*reader),
            _ => None,
        };
        let output = if operands.is_empty() {
            let (wanted, range) = (format!("{stem}_t"), this.tensor.range());
            let format = plain(this.tensor.format);
            let element = self.parts.add_type(&wanted, &this.layer, "values", format, range);
            let token = self.token(stem, element, &this.tensor);
            self.input(stem, token, this)
        } else {
            let inputs = operands.iter().map(|operand| self.unread_of(*operand, &this.name));
            let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
            let (computation, element) = self.computation(node, stem, &inputs)?;
            let token = self.token(stem, element, &this.tensor);
            let output = match direct.flatten() {
                Some(port) => self.port(port, token, this, stem),
                None => {
                    let name = self.parts.names.unique(&format!("{stem}_out"));
                    self.stream(name, token, this, EdgeRole::Internal, &this.layer)
                }
            };
            self.process(stem.to_owned(), &this.layer, computation, inputs, vec![output]);
            output
        };
        let unread = match direct {
            Some(_) => VecDeque::from([output]),
            None => self.fork(this, stem, output, readers),
        };
        self.unread.insert(node, unread);
        Ok(())
    }

    /// The next stream of the result of `node` that has no reader so far; `user` reads it.
    fn unread_of(&mut self, node: NodeId, user: &str) -> Result<EdgeId, HlsError> {
        let stream = self.unread.get_mut(&node).and_then(VecDeque::pop_front);
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
        readers: &[Option<&str>],
    ) -> VecDeque<EdgeId> {
        let EdgeKind::Stream(Stream { token, tokens, .. }) = self.edges[input.0].kind else {
            return VecDeque::new();
        };
        let copies: Vec<EdgeId> = readers
            .iter()
            .map(|reader| match reader {
                Some(port) => self.port(port, token, node, stem),
                None => {
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

    /// The form of a node's process, its kernel, and the type of its result.
    fn computation(
        &mut self,
        id: NodeId,
        stem: &str,
        inputs: &[EdgeId],
    ) -> Result<(Computation, TypeId), HlsError> {
        let graph = self.graph;
        let node = &graph[id];
        let operand_ids = graph.operands(id);
        let operands: Vec<&ir::Node> = operand_ids.iter().map(|id| &graph[*id]).collect();
        let sign_power = operand_ids.first().and_then(|id| self.sign_powers.get(id)).copied();
        let element = |builder: &Self| builder.edges[inputs[0].0].element;
        match Form::of(node, &operands) {
            Form::Rows(position) => {
                let rows = node.tensor.rows();
                let positions = Positions { count: rows as u64, idle: 0 };
                let (kernel, element) =
                    self.kernel(id, (stem, "row"), position, inputs, (positions, sign_power))?;
                let form = ProcessForm::Rows { tokens: rows };
                let state_bits = self.step_bits(kernel);
                Ok((Computation { form, kernel: Some(kernel), state_bits }, element))
            }
            Form::Windows { window, is_max, position } => {
                let x = &operands[0].tensor;
                let element = element(self);
                // Padding of 0 has no sign.
                let sign_power = sign_power.filter(|_| !window.is_padded());
                let code = if is_max { x.range().low().clone() } else { 0.into() };
                let lines = LineBuffer::new(window, x.channel_count(), Number { element, code });
                let line_bits = lines.elements() as u64 * u64::from(x.format.width());
                let count = window.windows() as u64;
                let grid = (lines.grid[0] * lines.grid[1]) as u64;
                let positions = Positions { count, idle: grid - count };
                let (kernel, element) =
                    self.kernel(id, (stem, "window"), position, inputs, (positions, sign_power))?;
                let form = ProcessForm::Windows(lines);
                let state_bits = line_bits + self.step_bits(kernel);
                Ok((Computation { form, kernel: Some(kernel), state_bits }, element))
            }
            Form::Reduce(kind) => {
                let wanted = format!("{stem}_t");
                let (range, format) = (node.tensor.range(), plain(node.tensor.format));
                let tokens = operands[0].tensor.rows();
                let bits = u64::from(node.tensor.format.width());
                let state_bits = node.tensor.channel_count() as u64 * bits;
                let element = self.parts.add_type(&wanted, &node.layer, "values", format, range);
                let form = ProcessForm::Reduce { kind, tokens };
                Ok((Computation { form, kernel: None, state_bits }, element))
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
                    (Positions::ONE, sign_power),
                )?;
                let form = ProcessForm::Frame;
                Ok((Computation { form, kernel: Some(kernel), state_bits }, element))
            }
            Form::Repack => {
                self.sign_powers.extend(sign_power.map(|power| (id, power)));
                let state_bits = node.tensor.len() as u64 * u64::from(node.tensor.format.width());
                let element = element(self);
                let form = ProcessForm::Frame;
                Ok((Computation { form, kernel: None, state_bits }, element))
            }
        }
    }

    /// The kernel of the node `id` at each of `positions`, and the type of its result.
    fn kernel(
        &mut self,
        id: NodeId,
        (stem, part): (&str, &str),
        Position { node, operands }: Position,
        inputs: &[EdgeId],
        (positions, sign_power): (Positions, Option<i32>),
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
            positions,
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
            arrays.push(self.array(name, self.edges[stream.0].element, operand));
        }
        let element = built.element;
        let result = self.array("result".to_owned(), element, &node);
        let name = self.parts.names.unique(&format!("{stem}_{part}"));
        let labels = (name, node.layer.clone(), node.op.name());
        let kernel =
            build::kernel(&self.parts.constants, &self.edges, labels, (arrays, result), built);
        self.kernels.push(kernel.repeated(positions.count));
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

    /// An array inside the process of `node`.
    fn array(&mut self, name: String, element: TypeId, node: &ir::Node) -> EdgeId {
        let kind = EdgeKind::Array(Partition::of_tensor(&node.tensor.shape));
        let (shape, layer) = (node.tensor.shape.clone(), node.layer.clone());
        self.edges.push(Edge { name, element, shape, kind, role: EdgeRole::Local, layer });
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

    /// The token of a stream of `tensor`, whose elements have the type `element`.
    fn token(&mut self, stem: &str, element: TypeId, tensor: &ir::Tensor) -> TokenId {
        let name = self.parts.names.unique(&format!("{stem}_token"));
        self.tokens.push(Token { name, element, lanes: tensor.channel_count() });
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
        let form = ProcessForm::FromArray { tokens: node.tensor.rows() };
        let name = self.parts.names.unique(&format!("{stem}_read"));
        self.process(name, &node.layer, Computation::of_tokens(form), vec![port], vec![stream]);
        stream
    }

    /// The stream of an output of the network, the result of `node`.
    fn port(&mut self, output: &str, token: TokenId, node: &ir::Node, stem: &str) -> EdgeId {
        let name = build::port_name(&mut self.parts.names, output, &node.name, stem);
        if self.options.io == IoType::Stream {
            return self.stream(name, token, node, EdgeRole::Output, output);
        }
        let wanted = format!("{}_stream", name.strip_suffix("_out").unwrap_or(&name));
        let inner = self.parts.names.unique(&wanted);
        let stream = self.stream(inner, token, node, EdgeRole::Internal, &node.layer);
        self.ports.insert(stream, (name, output.to_owned()));
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
        let partition = match node.tensor.rows() {
            1 => Partition::Complete,
            _ => Partition::Reshape { elements: lanes as u64 },
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
        let element = self.tokens[token.0].element;
        let (shape, tokens) = (node.tensor.shape.clone(), node.tensor.rows());
        let kind = EdgeKind::Stream(Stream { token, tokens, depth: 2, least_depth: 1 });
        self.edges.push(Edge { name, element, shape, kind, role, layer: layer.into() });
        EdgeId(self.edges.len() - 1)
    }
}
