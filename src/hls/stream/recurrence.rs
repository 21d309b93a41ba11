//! Recurrent layers: a step of the body for each token, and states from step to step.

use serde::Serialize;

use super::computation::Computation;
use super::{Builder, ProcessForm};
use crate::config::Pace;
use crate::hls::build::{NodeBuilder, Parts, plain};
use crate::hls::estimate;
use crate::hls::network::ProcessId;
use crate::hls::pipeline::{self, Place, Sequence};
use crate::hls::plan::{Loop, Positions, UNROLL_LIMIT};
use crate::hls::{
    ConstantId, Design, EdgeId, EdgeRole, HlsError, KernelId, Names, Number, Options, TypeId,
};
use crate::ir::{self, NodeId, Scan};

/// The steps of a recurrent layer. Each runs all kernels once, in order.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recurrence {
    /// Steps of a sample.
    pub steps: usize,
    /// Set if the result of the last step alone is written.
    pub last: bool,
    /// Set if a sample starts from the states that the sample before it ended in. The top function
    /// then has an argument that starts the states anew.
    pub stateful: bool,
    /// The arrays that a step takes from tokens, in the order of the process' first inputs.
    pub rows: Vec<EdgeId>,
    /// The states.
    pub states: Vec<State>,
    /// The kernels of a step, in order.
    pub kernels: Vec<KernelId>,
    /// The array with the result of a step.
    pub result: EdgeId,
    /// Clock cycles from the begin of a step to that of the next.
    pub interval: u64,
    /// The kernels that limit the interval: the longest way from a state to a state of the next
    /// step.
    pub carried: Vec<KernelId>,
}

/// A state of a recurrent layer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct State {
    /// The array that a step reads.
    pub now: EdgeId,
    /// The array with that of the next step.
    pub next: EdgeId,
    /// Its value in the first step.
    pub start: Start,
}

/// The initial value of a state.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// The same number for each element.
    Number(Number),
    /// A number for each element.
    Constants(ConstantId),
    /// A token of the process' input at this position.
    Input(usize),
}

impl Recurrence {
    /// Tells whether every kernel is unrolled, so that the steps are a pipeline.
    pub fn is_pipelined(&self, design: &Design) -> bool {
        self.kernels.iter().all(|id| design[*id].plan.is_unrolled())
    }

    /// Clock cycles from the operands of a step to its last result.
    pub(super) fn latency(&self, design: &Design) -> u64 {
        let states = self.states.iter().map(|state| state.now);
        let sources: Vec<EdgeId> = self.rows.iter().copied().chain(states).collect();
        let ends = self.states.iter().map(|state| state.next).chain([self.result]);
        estimate::longest_way(design, &self.kernels, &sources, ends).0
    }

    /// Sets the interval of the steps of a recurrence in `design`, and the chain that it follows
    /// from.
    pub(super) fn schedule(&mut self, design: &Design) -> Loop {
        let states: Vec<EdgeId> = self.states.iter().map(|state| state.now).collect();
        let ends = self.states.iter().map(|state| state.next);
        let (cycles, carried) = estimate::longest_way(design, &self.kernels, &states, ends);
        self.carried = carried;
        let shared = self.kernels.iter().map(|id| design[*id].plan.initiation_interval);
        match self.is_pipelined(design) {
            true => {
                self.interval = cycles.max(shared.max().unwrap_or(1)).max(1);
                Loop::Pipeline { interval: self.interval, unroll: 1 }
            }
            false => {
                self.interval = self.latency(design) + STEP_OVERHEAD;
                Loop::Sequential
            }
        }
    }
}

/// Clock cycles of a step that is no pipeline on top of its kernels': one to enter it, and one to
/// leave it.
const STEP_OVERHEAD: u64 = 2;

/// The steps of `scan` as positions that a target interval is shared by: each matrix of a step has
/// an equal part of the time that the other operations of the step leave.
fn positions(
    scan: &Scan,
    steps: u64,
    options: &Options,
    layer: &str,
) -> Result<Positions, HlsError> {
    let each = Positions { count: steps, ..Positions::ONE };
    if matches!(options.pace_of(layer), Pace::ReuseFactor(_)) {
        return Ok(each);
    }
    let unshared = Options {
        clock_period: options.clock_period,
        clock_uncertainty: options.clock_uncertainty,
        ..Options::new(&options.name, &options.part)
    };
    let latency = pipeline::design(&scan.body, &unshared)?.map_or(0, |it| it.estimate().latency);
    let is_matrix = |node: &&ir::Node| matches!(node.op, ir::Op::Linear(_));
    let matrices = scan.body.nodes.node_weights().filter(is_matrix).count().max(1) as u64;
    // A tile has a loop of its own, which takes cycles to enter and to leave.
    let idle = latency + STEP_OVERHEAD * (1 + matrices);
    Ok(Positions { count: steps * matrices, idle: steps * idle, copies: 1 })
}

impl Builder<'_> {
    /// The computation of the recurrent layer `scan` at the node `id`, and the type of its result.
    pub(super) fn recurrence(
        &mut self,
        id: NodeId,
        stem: &str,
        inputs: &[EdgeId],
        scan: &Scan,
    ) -> Result<(Computation, TypeId), HlsError> {
        let graph = self.graph;
        let node = &graph[id];
        let body = &scan.body;
        let order = body.live_nodes();
        let widest = order.iter().map(|id| &body[*id]).max_by_key(|node| node.tensor.len());
        if let Some(widest) = widest.filter(|it| it.tensor.len() as u64 > UNROLL_LIMIT) {
            let (layer, result) = (node.layer.clone(), widest.name.clone());
            return Err(HlsError::WideStep { layer, result, elements: widest.tensor.len() });
        }
        let stems = self.parts.stems(body, &order);
        let (row_nodes, state_nodes) = body.inputs.split_at(body.inputs.len() - scan.states());
        let steps = self.tokens_in(inputs[0]);
        let options = self.options.of_steps(&node.layer);
        let positions = positions(scan, steps as u64, &options, &node.layer)?;
        let role = EdgeRole::Local(ProcessId(self.processes.len()));
        let mut sequence = Sequence::new(body, &options, positions);
        let place = |name: &str| Place { name: name.to_owned(), role, layer: node.layer.clone() };
        // A body's input that no kernel reads has no name yet.
        let name_of = |parts: &mut Parts, id: &NodeId| match stems.get(id) {
            Some(stem) => stem.clone(),
            None => parts.names.stem(&body[*id].name),
        };

        let mut rows = Vec::with_capacity(row_nodes.len());
        for (row, input) in row_nodes.iter().zip(inputs) {
            let name = name_of(&mut self.parts, row);
            let taken = self.edges[input.0].element;
            let format = body[*row].tensor.format;
            let element = match self.parts.types[taken.0].quantization == plain(format) {
                true => taken,
                false => self.body_type(&name, "values", &body[*row]),
            };
            rows.push(sequence.input(*row, element, place(&name), &mut self.edges));
        }
        let mut now = Vec::with_capacity(state_nodes.len());
        for state in state_nodes {
            let name = name_of(&mut self.parts, state);
            let element = self.body_type(&name, "state", &body[*state]);
            now.push(sequence.input(*state, element, place(&name), &mut self.edges));
        }

        let first = self.kernels.len();
        for step in order.iter().filter(|step| !body.operands(**step).is_empty()) {
            let stem = &stems[step];
            let of_result = |names: &mut Names| Place {
                name: names.unique(&format!("{stem}_out")),
                role,
                layer: node.layer.clone(),
            };
            let kernel =
                sequence.kernel(*step, stem, (&mut self.parts, &mut self.edges), of_result)?;
            self.kernels.extend(kernel.map(|kernel| kernel.in_step(steps as u64)));
        }
        let [result, next @ ..] = &body.outputs[..] else {
            return Err(HlsError::Graph {
                node: node.name.clone(),
                rule: "has a body without a result".into(),
            });
        };
        let mut states = Vec::with_capacity(next.len());
        for (at, (output, array)) in next.iter().zip(&now).enumerate() {
            let mut left = sequence.array(output.node, &output.name)?;
            if now.contains(&left) {
                // All states change at once: one that takes the value of a state takes a copy.
                let stem = self.parts.names.stem(&format!("{}_next", self.edges[array.0].name));
                let place = place(&self.parts.names.unique(&format!("{stem}_out")));
                let names = (stem, node.layer.as_str());
                let kernel = pipeline::copy((&self.parts, &mut self.edges), names, left, place);
                left = kernel.output;
                self.kernels.push(kernel.in_step(steps as u64));
            }
            let start = match scan.initial.get(at) {
                None => Start::Input(row_nodes.len() + at),
                Some(constant) => {
                    let element = self.edges[array.0].element;
                    self.start(id, stem, &self.edges[array.0].name.clone(), constant, element)?
                }
            };
            states.push(State { now: *array, next: left, start });
        }
        let result = sequence.array(result.node, &result.name)?;
        let kernels = (first..self.kernels.len()).map(KernelId).collect();
        let width =
            |edge: &EdgeId| self.parts.types[self.edges[edge.0].element.0].quantization.format;
        let bits = |edge: &EdgeId| self.edges[edge.0].len() as u64 * u64::from(width(edge).width());
        let state_bits = now.iter().map(bits).sum();
        let element = self.edges[result.0].element;
        let recurrence = Recurrence {
            steps,
            last: scan.last,
            stateful: scan.stateful,
            rows,
            states,
            kernels,
            result,
            interval: 1,
            carried: Vec::new(),
        };
        let form = ProcessForm::Recurrence(recurrence);
        Ok((Computation { form, kernel: None, state_bits }, element))
    }

    /// The type of an input of a body.
    fn body_type(&mut self, stem: &str, holds: &'static str, node: &ir::Node) -> TypeId {
        let (wanted, tensor) = (format!("{stem}_t"), &node.tensor);
        let format = plain(tensor.format);
        self.parts.add_type(&wanted, &node.layer, holds, format, tensor.range())
    }

    /// The initial value `constant` of the state `name`, whose type is `element`.
    fn start(
        &mut self,
        id: NodeId,
        stem: &str,
        name: &str,
        constant: &ir::Constant,
        element: TypeId,
    ) -> Result<Start, HlsError> {
        let node = &self.graph[id];
        let mut builder = NodeBuilder {
            graph: self.graph,
            options: self.options,
            node,
            operand: node,
            operands: &[],
            sign_power: None,
            stem,
            constants_before: self.parts.constants.len(),
            positions: Positions::ONE,
            sharing: None,
            parts: &mut self.parts,
        };
        let mut codes = constant.codes.iter();
        let first = codes.next().unwrap_or_default();
        if codes.all(|code| code == first) {
            return Ok(Start::Number(builder.number("initial states", element, first)?));
        }
        let suffix = format!("{name}_start");
        let codes = constant.codes.clone();
        Ok(Start::Constants(builder.constant_of(&suffix, "initial states", element, codes)?))
    }
}
