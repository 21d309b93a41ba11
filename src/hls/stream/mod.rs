//! Streaming designs: a process for each node of the graph, and FIFOs of tokens between them.
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
use super::kernels;
use super::plan::{Loop, Partition};
use super::{HlsError, Number, Options, warnings};
use crate::ir::{self, Graph, NodeId};

pub use process::{LineBuffer, Process, ProcessForm};

/// See [`Design::new`].
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
    let outputs = graph.outputs.iter().map(|output| builder.unread_of(output.node, &output.name));
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
    /// The p for which every element of a result is ± 2^p, both occurring.
    sign_powers: HashMap<NodeId, i32>,
}

/// The computation of a process: its form, the type of its result, and its kernel.
struct Computation {
    form: ProcessForm,
    element: TypeId,
    kernel: Option<KernelId>,
    /// Bits of its buffers.
    state_bits: u64,
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
            self.stream(stem.to_owned(), token, this, EdgeRole::Input, &this.layer)
        } else {
            let inputs = operands.iter().map(|operand| self.unread_of(*operand, &this.name));
            let inputs = inputs.collect::<Result<Vec<_>, _>>()?;
            let computation = self.computation(node, stem, &inputs)?;
            let token = self.token(stem, computation.element, &this.tensor);
            let output = match direct.flatten() {
                Some(port) => self.port(port, token, this, stem),
                None => {
                    let name = self.parts.names.unique(&format!("{stem}_out"));
                    self.stream(name, token, this, EdgeRole::Internal, &this.layer)
                }
            };
            self.process(stem.to_owned(), this, computation, inputs, vec![output]);
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
        let computation = Computation {
            form: ProcessForm::Fork { tokens },
            element: self.tokens[token.0].element,
            kernel: None,
            state_bits: 0,
        };
        self.process(name, node, computation, vec![input], copies.clone());
        copies.into()
    }

    /// The form of a node's process, and its kernel.
    fn computation(
        &mut self,
        id: NodeId,
        stem: &str,
        inputs: &[EdgeId],
    ) -> Result<Computation, HlsError> {
        let graph = self.graph;
        let node = &graph[id];
        let operand_ids = graph.operands(id);
        let operands: Vec<&ir::Node> = operand_ids.iter().map(|id| &graph[*id]).collect();
        let sign_power = operand_ids.first().and_then(|id| self.sign_powers.get(id)).copied();
        let element = |builder: &Self| builder.edges[inputs[0].0].element;
        match Form::of(node, &operands) {
            Form::Rows(position) => {
                let rows = node.tensor.rows();
                let (kernel, element) =
                    self.kernel(id, (stem, "row"), position, inputs, (rows, sign_power))?;
                let form = ProcessForm::Rows { tokens: rows };
                Ok(Computation { form, element, kernel: Some(kernel), state_bits: 0 })
            }
            Form::Windows { window, is_max, position } => {
                let x = &operands[0].tensor;
                let element = element(self);
                // Padding of 0 has no sign.
                let sign_power = sign_power.filter(|_| !window.is_padded());
                let code = if is_max { x.range().low().clone() } else { 0.into() };
                let lines = LineBuffer::new(window, x.channel_count(), Number { element, code });
                let state_bits = lines.elements() as u64 * u64::from(x.format.width());
                let copies = (window.windows(), sign_power);
                let (kernel, element) =
                    self.kernel(id, (stem, "window"), position, inputs, copies)?;
                let form = ProcessForm::Windows(lines);
                Ok(Computation { form, element, kernel: Some(kernel), state_bits })
            }
            Form::Reduce(kind) => {
                let wanted = format!("{stem}_t");
                let (range, format) = (node.tensor.range(), plain(node.tensor.format));
                let tokens = operands[0].tensor.rows();
                let bits = u64::from(node.tensor.format.width());
                let state_bits = node.tensor.channel_count() as u64 * bits;
                let element = self.parts.add_type(&wanted, &node.layer, "values", format, range);
                let form = ProcessForm::Reduce { kind, tokens };
                Ok(Computation { form, element, kernel: None, state_bits })
            }
            Form::Frame(position) => {
                let bits =
                    |it: &ir::Node| it.tensor.len() as u64 * u64::from(it.tensor.format.width());
                let state_bits = operands.iter().copied().chain([node]).map(bits).sum();
                let (kernel, element) =
                    self.kernel(id, (stem, "frame"), position, inputs, (1, sign_power))?;
                Ok(Computation {
                    form: ProcessForm::Frame,
                    element,
                    kernel: Some(kernel),
                    state_bits,
                })
            }
            Form::Repack => {
                self.sign_powers.extend(sign_power.map(|power| (id, power)));
                let state_bits = node.tensor.len() as u64 * u64::from(node.tensor.format.width());
                let element = element(self);
                Ok(Computation { form: ProcessForm::Frame, element, kernel: None, state_bits })
            }
        }
    }

    /// The kernel of the node `id` at a position, of which a sample has `copies`, and the type of
    /// its result.
    fn kernel(
        &mut self,
        id: NodeId,
        (stem, part): (&str, &str),
        Position { node, operands }: Position,
        inputs: &[EdgeId],
        (copies, sign_power): (usize, Option<i32>),
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
        self.kernels.push(kernel.repeated(copies as u64));
        Ok((KernelId(self.kernels.len() - 1), element))
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
        node: &ir::Node,
        computation: Computation,
        inputs: Vec<EdgeId>,
        outputs: Vec<EdgeId>,
    ) {
        let Computation { form, kernel, state_bits, .. } = computation;
        let plan = match kernel.map(|id| &self.kernels[id.0].plan) {
            Some(plan) if !plan.is_unrolled() => Loop::Sequential,
            plan => {
                let interval = plan.map_or(1, |plan| plan.initiation_interval);
                Loop::Pipeline { interval, unroll: 1 }
            }
        };
        let layer = node.layer.clone();
        let process = Process { name, layer, form, inputs, outputs, kernel, plan, state_bits };
        self.processes.push(process);
    }

    /// The token of a stream of `tensor`, whose elements have the type `element`.
    fn token(&mut self, stem: &str, element: TypeId, tensor: &ir::Tensor) -> TokenId {
        let name = self.parts.names.unique(&format!("{stem}_token"));
        self.tokens.push(Token { name, element, lanes: tensor.channel_count() });
        TokenId(self.tokens.len() - 1)
    }

    /// The stream of an output of the network, the result of `node`.
    fn port(&mut self, output: &str, token: TokenId, node: &ir::Node, stem: &str) -> EdgeId {
        let name = build::port_name(&mut self.parts.names, output, &node.name, stem);
        self.stream(name, token, node, EdgeRole::Output, output)
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
