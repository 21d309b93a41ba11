//! The computation of a process: its form, and the kernel of a position.

use super::form::{Form, Position};
use super::windows::WindowsOf;
use super::{Builder, LineBuffer, ProcessForm, RunningPool};
use crate::hls::build::{self, NodeBuilder, plain};
use crate::hls::kernels::{self, Body, Phases};
use crate::hls::plan::{Partition, Positions, Sharing};
use crate::hls::{EdgeId, HlsError, KernelId, Number, TypeId};
use crate::ir::{self, Linear, NodeId};

/// The calls of a kernel for a sample.
pub(super) struct Calls {
    /// The positions of the process.
    pub(super) positions: Positions,
    /// Those that this kernel computes.
    pub(super) count: u64,
    /// The sharing of its arithmetic, where others that take turns with it have the same.
    pub(super) sharing: Option<Sharing>,
    /// The matrices of which a call takes one.
    pub(super) phases: Option<Phases>,
    /// Set if operands and result are in memories, not in registers.
    pub(super) in_memory: bool,
}

impl Calls {
    /// A call for each position.
    fn each(positions: Positions) -> Self {
        let count = positions.count * positions.copies;
        Self { positions, count, sharing: None, phases: None, in_memory: false }
    }
}

/// The computation of a process: its form and its kernel.
pub(super) struct Computation {
    pub(super) form: ProcessForm,
    pub(super) kernel: Option<KernelId>,
    /// Bits of its buffers.
    pub(super) state_bits: u64,
}

impl Computation {
    /// A process that only passes tokens on.
    pub(super) fn of_tokens(form: ProcessForm) -> Self {
        Self { form, kernel: None, state_bits: 0 }
    }
}

impl Builder<'_> {
    /// The computation of a node in this `form`, and the type of its result.
    pub(super) fn computation(
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
            Form::Rows { position, copies } => {
                let rows = node.tensor.len() / position.node.tensor.len().max(1);
                let tokens = rows / copies;
                let positions = Positions { count: tokens as u64, idle: 0, copies: copies as u64 };
                let (kernel, element) = self.kernel(
                    id,
                    (stem, "row"),
                    position,
                    inputs,
                    (Calls::each(positions), sign_power),
                )?;
                let form = ProcessForm::Rows { tokens, copies };
                let state_bits = self.step_bits(kernel);
                Ok((Computation { form, kernel: Some(kernel), state_bits }, element))
            }
            Form::Windows { axes, group, is_max, is_padded, phases, joined, turns } => {
                let x = &operands[0].tensor;
                // Padding of 0 has no sign.
                let sign_power = sign_power.filter(|_| !is_padded);
                let code = if is_max { x.range().low().clone() } else { 0.into() };
                let element = self.edges[inputs[0].0].element;
                let padding = Number { element, code };
                let (channels, kernels) = (self.lanes(inputs[0]), Vec::new());
                let lines = LineBuffer { axes, group, channels, padding, element, kernels, turns };
                let of_windows = WindowsOf { id, stem, inputs, sign_power };
                self.windows(of_windows, lines, phases, joined.map(|joined| *joined))
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
                let positions = self.lanes(inputs[0]) / node.tensor.channel_count();
                let form = ProcessForm::Reduce { kind, tokens, positions };
                Ok((Computation { form, kernel: None, state_bits }, self.values_type(stem, node)))
            }
            Form::Pool(ir::Pool { kind, window }) => {
                let (element, channels) = (self.values_type(stem, node), self.lanes(inputs[0]));
                let pool = RunningPool { kind, window, channels, element };
                let bits = u64::from(node.tensor.format.width());
                let state_bits = pool.elements() as u64 * bits;
                let form = ProcessForm::Pool(pool);
                Ok((Computation { form, kernel: None, state_bits }, element))
            }
            Form::Concat { rounds } => {
                let runs = inputs.iter().map(|input| self.tokens_in(*input) / rounds.max(1));
                let runs = runs.collect();
                let form = ProcessForm::Concat { rounds, runs };
                Ok((Computation::of_tokens(form), self.values_type(stem, node)))
            }
            Form::Recurrence(scan) => self.recurrence(id, stem, inputs, &scan),
            Form::Frame(position) => {
                let bits =
                    |it: &ir::Node| it.tensor.len() as u64 * u64::from(it.tensor.format.width());
                let state_bits = operands.iter().copied().chain([node]).map(bits).sum();
                let (kernel, element) = self.kernel(
                    id,
                    (stem, "frame"),
                    position,
                    inputs,
                    (Calls { in_memory: true, ..Calls::each(Positions::ONE) }, sign_power),
                )?;
                let form = ProcessForm::Frame;
                Ok((Computation { form, kernel: Some(kernel), state_bits }, element))
            }
        }
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
            positions: Positions { count: tokens as u64, ..Positions::ONE },
            sharing: None,
            parts: &mut self.parts,
        };
        let built = kernels::build_accumulate(&mut builder, &linear, tokens)?;
        let element = built.element;
        let (from, lanes) = (self.edges[input.0].element, self.lanes(input));
        let registers = |shape: Vec<usize>| {
            let partition = Partition::of_tensor(&shape);
            (shape, partition)
        };
        let operand = self.array("operand".to_owned(), from, registers(vec![lanes]), node);
        let shape = node.tensor.shape.clone();
        let result = self.array("result".to_owned(), element, registers(shape), node);
        let name = self.parts.names.unique(&format!("{stem}_accumulate"));
        let labels = (name, node.layer.clone(), node.op.name());
        let edges = (vec![operand], result);
        let kernel = build::kernel(&self.parts.constants, &self.edges, labels, edges, built);
        self.kernels.push(kernel.of_calls(tokens as u64));
        Ok((KernelId(self.kernels.len() - 1), element))
    }

    /// The kernel of the node `id` at a position, and the type of its result.
    pub(super) fn kernel(
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
        let mut built = match &calls.phases {
            Some(phases) => kernels::build_phases(&mut builder, phases)?,
            None => kernels::build(&mut builder, &node.op)?,
        };
        // Memories are read in a loop, however small they are.
        built.structure.nest.kept |= calls.in_memory;
        self.sign_powers.extend(built.sign_power.map(|power| (id, power)));
        let partition = |shape: &[usize]| match calls.in_memory {
            true => Partition::of_memory(shape),
            false => Partition::of_tensor(shape),
        };
        let words = match (&node.op, &list[..], inputs) {
            (ir::Op::Gather(gather), [x], [stream]) if calls.in_memory => {
                let lanes = self.lanes(*stream);
                Some(kernels::gather_partitions(gather, &x.tensor, &node.tensor, lanes))
            }
            _ => None,
        };
        let mut arrays = Vec::new();
        for (position, (operand, stream)) in operands.iter().zip(inputs).enumerate() {
            let name = match operands.len() {
                1 => "operand".to_owned(),
                _ => format!("operand_{}", position + 1),
            };
            let element = self.edges[stream.0].element;
            let shape = operand.tensor.shape.clone();
            let partition = words.map_or_else(|| partition(&shape), |[operand, _]| operand);
            arrays.push(self.array(name, element, (shape, partition), &node));
        }
        let element = built.element;
        let shape = node.tensor.shape.clone();
        let partition = words.map_or_else(|| partition(&shape), |[_, result]| result);
        let result = self.array("result".to_owned(), element, (shape, partition), &node);
        let name = self.parts.names.unique(&format!("{stem}_{part}"));
        let labels = (name, node.layer.clone(), node.op.name());
        let kernel =
            build::kernel(&self.parts.constants, &self.edges, labels, (arrays, result), built);
        self.kernels.push(match &calls.phases {
            Some(phases) => kernel.of_calls(phases.windows()),
            None => kernel.repeated(calls.count, calls.positions.copies),
        });
        Ok((KernelId(self.kernels.len() - 1), element))
    }

    /// Bits that a process keeps from step to step of a folded kernel: operands and sums.
    pub(super) fn step_bits(&self, kernel: KernelId) -> u64 {
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
}
