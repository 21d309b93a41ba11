//! Replaces recurrent layers by a copy of their body for each step.
//!
//! Each node of a copy keeps the tensor that the body states for it: the induction over the states
//! has proven it for every step.

use std::collections::HashMap;

use ndarray::ArrayD;

use super::{Pass, Report};
use crate::fixed::{Codes, Overflow, Quantization, Rounding};
use crate::ir::{
    Cast, Concat, Constant, Gather, Graph, NodeId, Op, Operation, Reshape, Scan, StepFunction,
    Tensor,
};
use crate::naming;

pub(super) const PASS: Pass = Pass {
    name: "unroll_scans",
    purpose: "Replaces a recurrent layer of up to 64 steps by copies of its body, one for each step.",
    run,
};

/// Most steps that become copies.
const MAX_STEPS: usize = 64;

fn run(graph: &mut Graph, _: &mut Report) {
    for node in graph.topological_order() {
        let Op::Scan(scan) = &graph[node].op else { continue };
        let scan = scan.clone();
        let unrolled = Unrolled { graph, node, scan: &scan }.result();
        if let Some(result) = unrolled {
            let name = graph[node].name.clone();
            graph.replace_all_uses(node, result);
            graph.nodes.remove_node(node);
            graph[result].name = name;
        }
    }
}

/// A scan that becomes copies of its body.
struct Unrolled<'a> {
    graph: &'a mut Graph,
    node: NodeId,
    scan: &'a Scan,
}

impl Unrolled<'_> {
    /// The node with the result of the scan; `None` if the scan has too many steps, or an initial
    /// state that differs by element.
    fn result(mut self) -> Option<NodeId> {
        let (scan, body) = (self.scan, &self.scan.body);
        let operands = self.graph.operands(self.node);
        let rows = body.inputs.len().checked_sub(scan.states())?;
        let (sequences, starts) = operands.split_at_checked(rows)?;
        let steps = *self.graph[*sequences.first()?].tensor.shape.first()?;
        let is_uniform = |start: &Constant| {
            let mut codes = start.codes.iter();
            let first = codes.next();
            codes.all(|code| Some(code) == first)
        };
        if steps > MAX_STEPS || !scan.initial.iter().all(is_uniform) {
            return None;
        }
        let (row_inputs, state_inputs) = body.inputs.split_at(rows);
        let mut states = Vec::with_capacity(scan.states());
        for (at, input) in state_inputs.iter().enumerate() {
            let tensor = &body[*input].tensor;
            states.push(match scan.initial.get(at) {
                Some(start) => self.constant(sequences[0], start, tensor)?,
                None => self.in_format_of(*starts.get(at)?, tensor)?,
            });
        }
        let [row, next @ ..] = &body.outputs[..] else { return None };
        let mut results = Vec::with_capacity(steps);
        for step in 0..steps {
            let mut copies: HashMap<NodeId, NodeId> = HashMap::new();
            for (input, sequence) in row_inputs.iter().zip(sequences) {
                copies.insert(*input, self.row(*sequence, step, &body[*input].tensor)?);
            }
            copies.extend(state_inputs.iter().copied().zip(states.drain(..)));
            for (id, operands) in body.evaluation_order() {
                let operands = operands.iter().map(|operand| copies.get(operand).copied());
                let operands: Vec<NodeId> = operands.collect::<Option<_>>()?;
                let node = &body[id];
                let name = format!("{}_{}", step + 1, node.name);
                copies.insert(id, self.add(&name, node.op.clone(), &operands, &node.tensor)?);
            }
            for (output, input) in next.iter().zip(state_inputs) {
                let state = *copies.get(&output.node)?;
                states.push(self.in_format_of(state, &body[*input].tensor)?);
            }
            results.push(*copies.get(&row.node)?);
        }
        if scan.last {
            return results.pop();
        }
        self.stacked(&results)
    }

    /// Adds a node of the scan's layer with a stated result.
    fn add(
        &mut self,
        name: &str,
        op: impl Into<Op>,
        operands: &[NodeId],
        tensor: &Tensor,
    ) -> Option<NodeId> {
        let graph = &mut *self.graph;
        let wanted = format!("{}_{name}", graph[self.node].name);
        let taken = |name: &str| graph.nodes.node_weights().any(|node| node.name == name);
        let name = naming::unique(&wanted, taken);
        let layer = graph[self.node].layer.clone();
        let node = graph.add(name, op, operands).ok()?;
        graph[node].layer = layer;
        graph[node].tensor = tensor.clone();
        Some(node)
    }

    /// `start`, whose elements are equal, as the result of a function of `any` that is constant.
    fn constant(&mut self, any: NodeId, start: &Constant, tensor: &Tensor) -> Option<NodeId> {
        let zeros = Gather { shape: tensor.shape.clone(), indices: vec![None; tensor.len()] };
        let of_zeros = zeros.infer(&[&self.graph[any].tensor]).ok()?;
        let zeros = self.add("zero", zeros, &[any], &of_zeros)?;
        let format = tensor.format;
        let first = start.codes.iter().next()?;
        let values = ndarray::arr1(&[first]).into_dyn();
        let thresholds = Constant { codes: Codes::Narrow(ArrayD::zeros(vec![0])), format };
        let values = Constant { codes: Codes::from_big(values), format };
        self.add("start", StepFunction { thresholds, values }, &[zeros], tensor)
    }

    /// The row of step `at` of a sequence, as the body takes it.
    fn row(&mut self, sequence: NodeId, at: usize, tensor: &Tensor) -> Option<NodeId> {
        let len = tensor.len();
        let indices = (at * len..(at + 1) * len).map(Some).collect();
        let gather = Gather { shape: tensor.shape.clone(), indices };
        let own = gather.infer(&[&self.graph[sequence].tensor]).ok()?;
        let row = self.add(&format!("{}_row", at + 1), gather, &[sequence], &own)?;
        self.in_format_of(row, tensor)
    }

    /// `node` as a tensor of the format of `tensor`, which holds it.
    fn in_format_of(&mut self, node: NodeId, tensor: &Tensor) -> Option<NodeId> {
        if self.graph[node].tensor.format == tensor.format {
            return Some(node);
        }
        let to = Quantization::new(tensor.format, Rounding::Trn, Overflow::WRAP);
        self.add("state", Cast::from(to), &[node], tensor)
    }

    /// The rows of all steps, one below the other.
    fn stacked(&mut self, rows: &[NodeId]) -> Option<NodeId> {
        let mut all = Vec::with_capacity(rows.len());
        for (step, row) in rows.iter().enumerate() {
            let tensor = &self.graph[*row].tensor;
            let shape = [&[1][..], &tensor.shape].concat();
            let shaped = Tensor { shape: shape.clone(), ..tensor.clone() };
            all.push(self.add(
                &format!("{}_result", step + 1),
                Reshape { shape },
                &[*row],
                &shaped,
            )?);
        }
        let result = self.graph[self.node].tensor.clone();
        match all[..] {
            [one] => Some(one),
            _ => self.add("results", Concat { axis: 0 }, &all, &result),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{text, validate};
    use crate::sim;

    /// `s' = min(s + x, 7)`, and the result 2 · s + x, of steps of two elements.
    const SUMS: &str = "graph g
        x = input shape=[3, 2] format=fixed<4,4>
        y = scan x initial=(fixed<4,4>[2]{-2, -2}) body=(
            row = input shape=[2] format=fixed<4,4>
            state = input shape=[2] format=fixed<4,4> : [2] fixed<4,4> [-8, 7]
            double = scale state power=1
            shown = add double row
            sum = add state row
            next = cast sum to=fixed<4,4,TRN,SAT>
            output shown
            output next
        )
        output y";

    /// Unrolls the scan of a graph in text: the operations after it. The outputs stay.
    fn unrolled(text: &str) -> Vec<&'static str> {
        let before = text::parse(text).expect("a graph in text");
        let mut after = before.clone();
        (PASS.run)(&mut after, &mut Report::default());
        validate(&after).expect("a valid graph");
        let samples = sim::vectors(&before, 100);
        let outputs = |graph: &Graph| {
            let trace = sim::run(graph, &samples).expect("samples of the input's format");
            assert!(trace.out_of_range(graph).is_none());
            trace.outputs(graph)
        };
        assert_eq!(outputs(&before), outputs(&after));
        after.live_nodes().into_iter().map(|id| after[id].op.name()).collect()
    }

    #[test]
    fn every_step_is_a_copy_of_the_body() {
        for more in ["", "last=true "] {
            let operations = unrolled(&SUMS.replace("body=", &format!("{more}body=")));
            assert!(!operations.contains(&"scan"), "{more}: {operations:?}");
            let count = |name: &str| operations.iter().filter(|it| **it == name).count();
            // The last step shows its state and needs no next one.
            assert_eq!((count("gather"), count("cast")), (4, 2), "{more}: {operations:?}");
            assert_eq!(count("concat"), usize::from(!more.contains("last")));
        }
    }

    #[test]
    fn a_state_may_start_from_an_operand() {
        let from = "scan x initial=(fixed<4,4>[2]{-2, -2})";
        assert!(SUMS.contains(from));
        let text = SUMS.replace(from, "scan x first");
        let first = "first = gather x shape=[2] indices=[0, 1]\n        y = scan";
        assert!(!unrolled(&text.replace("y = scan", first)).contains(&"scan"));
    }

    #[test]
    fn other_scans_stay() {
        assert!(unrolled(&SUMS.replace("{-2, -2}", "{1, -2}")).contains(&"scan"));
        assert!(unrolled(&SUMS.replace("[3, 2]", "[65, 2]")).contains(&"scan"));
    }
}
