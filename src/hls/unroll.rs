//! Recurrent layers as copies of their body, one for each step.
//!
//! Each node of a copy keeps the tensor that the body states for it: the induction over the states
//! has proven it for every step.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use ndarray::ArrayD;

use super::{HlsError, Options};
use crate::config::Recurrence;
use crate::fixed::{Codes, Overflow, Quantization, Rounding};
use crate::ir::{
    Affine, Cast, Concat, Constant, Gather, Graph, NodeId, Op, Operation, Reshape, Scan, Tensor,
};
use crate::naming;

/// Most steps that become copies.
pub const MAX_UNROLLED_STEPS: usize = 1024;

/// `graph` with a copy of the body for each step of the recurrent layers that `options` unroll.
///
/// # Errors
/// If a layer has too many steps, or states that outlive a sample.
pub(super) fn unrolled<'g>(
    graph: &'g Graph,
    options: &Options,
) -> Result<Cow<'g, Graph>, HlsError> {
    let is_unrolled = |node: &NodeId| {
        let node = &graph[*node];
        matches!(node.op, Op::Scan(_)) && options.recurrence_of(&node.layer) == Recurrence::Unrolled
    };
    let scans: Vec<NodeId> = graph.topological_order().into_iter().filter(is_unrolled).collect();
    if scans.is_empty() {
        return Ok(Cow::Borrowed(graph));
    }
    let mut graph = graph.clone();
    let mut names = graph.nodes.node_weights().map(|node| node.name.clone()).collect();
    for node in scans {
        let Op::Scan(scan) = graph[node].op.clone() else { continue };
        let layer = graph[node].layer.clone();
        let steps = graph.operands(node).first().map_or(0, |x| graph[*x].tensor.shape[0]);
        if scan.stateful {
            return Err(HlsError::UnrolledState { layer });
        }
        if steps > MAX_UNROLLED_STEPS {
            return Err(HlsError::UnrolledSteps { layer, steps });
        }
        let prefix = format!("{layer}_");
        let unrolled = Unrolled { graph: &mut graph, node, scan: &scan, prefix, names: &mut names };
        let result = unrolled.result().ok_or_else(|| HlsError::Graph {
            node: graph[node].name.clone(),
            rule: "has steps that cannot be copied".into(),
        })?;
        let name = graph[node].name.clone();
        graph.replace_all_uses(node, result);
        graph.nodes.remove_node(node);
        graph[result].name = name;
    }
    Ok(Cow::Owned(graph))
}

/// A scan that becomes copies of its body.
struct Unrolled<'a> {
    graph: &'a mut Graph,
    /// The names of all nodes.
    names: &'a mut HashSet<String>,
    /// The begin of the names of the body's nodes, which those of copies have once.
    prefix: String,
    node: NodeId,
    scan: &'a Scan,
}

impl Unrolled<'_> {
    /// The node with the result of the scan; `None` for a scan that `ir::validate` refuses.
    fn result(mut self) -> Option<NodeId> {
        let (scan, body) = (self.scan, &self.scan.body);
        let operands = self.graph.operands(self.node);
        let rows = body.inputs.len().checked_sub(scan.states())?;
        let (sequences, starts) = operands.split_at_checked(rows)?;
        let steps = *self.graph[*sequences.first()?].tensor.shape.first()?;
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
                // `lstm_1_input_gate` for the node `lstm_input_gate` of the layer `lstm`.
                let own = node.name.strip_prefix(&self.prefix).unwrap_or(&node.name);
                let name = format!("{}_{own}", step + 1);
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
        let name = naming::unique(&wanted, |name| self.names.contains(name));
        self.names.insert(name.clone());
        let layer = graph[self.node].layer.clone();
        let node = graph.add(name, op, operands).ok()?;
        graph[node].layer = layer;
        graph[node].tensor = tensor.clone();
        Some(node)
    }

    /// `start` as the result of a function of `any` that is constant.
    fn constant(&mut self, any: NodeId, start: &Constant, tensor: &Tensor) -> Option<NodeId> {
        let zeros = Gather { shape: tensor.shape.clone(), indices: vec![None; tensor.len()] };
        let of_zeros = zeros.infer(&[&self.graph[any].tensor]).ok()?;
        let zeros = self.add("zero", zeros, &[any], &of_zeros)?;
        let format = tensor.format;
        let scale = Constant { codes: Codes::Narrow(ArrayD::zeros(vec![1])), format };
        let bias = Some(Constant { codes: start.codes.clone(), format: start.format });
        let affine = Affine { scale, bias };
        let own = affine.infer(&[&self.graph[zeros].tensor]).ok()?;
        let start = self.add("start", affine, &[zeros], &own)?;
        self.in_format_of(start, tensor)
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
    use crate::hls::Design;
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
    fn operations(text: &str) -> Vec<&'static str> {
        let before = text::parse(text).expect("a graph in text");
        let recurrence = Recurrence::Unrolled;
        let options = Options { recurrence, ..Options::new("g", "xcvu13p") };
        let after = unrolled(&before, &options).expect("a graph that can be unrolled");
        validate(&after).expect("a valid graph");
        let samples = sim::vectors(&before, 100);
        let outputs = |graph: &Graph| {
            let trace = sim::run(graph, &samples).expect("samples of the input's format");
            assert!(trace.out_of_range(graph).is_none());
            trace.outputs(graph)
        };
        assert_eq!(outputs(&before), outputs(&after));
        assert!(matches!(unrolled(&before, &Options::new("g", "x")), Ok(Cow::Borrowed(_))));
        after.live_nodes().into_iter().map(|id| after[id].op.name()).collect()
    }

    #[test]
    fn every_step_is_a_copy_of_the_body() {
        for more in ["", "last=true "] {
            let operations = operations(&SUMS.replace("body=", &format!("{more}body=")));
            assert!(!operations.contains(&"scan"), "{more}: {operations:?}");
            let count = |name: &str| operations.iter().filter(|it| **it == name).count();
            // The last step shows its state and needs no next one.
            // The start is cast, too.
            assert_eq!((count("gather"), count("cast")), (4, 3), "{more}: {operations:?}");
            assert_eq!(count("concat"), usize::from(!more.contains("last")));
        }
    }

    #[test]
    fn a_state_may_start_from_an_operand() {
        let from = "scan x initial=(fixed<4,4>[2]{-2, -2})";
        assert!(SUMS.contains(from));
        let text = SUMS.replace(from, "scan x first");
        let first = "first = gather x shape=[2] indices=[0, 1]\n        y = scan";
        assert!(!operations(&text.replace("y = scan", first)).contains(&"scan"));
    }

    #[test]
    fn a_state_may_start_from_different_elements() {
        assert!(!operations(&SUMS.replace("{-2, -2}", "{1, -2}")).contains(&"scan"));
    }

    #[test]
    fn too_many_steps_are_an_error() {
        let graph = text::parse(&SUMS.replace("[3, 2]", "[1025, 2]")).expect("a graph in text");
        let options = Options { recurrence: Recurrence::Unrolled, ..Options::new("g", "xcvu13p") };
        let error = Design::new(&graph, &options).map(|_| ()).expect_err("too many steps");
        assert_eq!(error.to_string(), "layer 'y': 1025 steps are unrolled, 1024 can be at most");
    }

    #[test]
    fn a_state_that_outlives_a_sample_is_not_copied() {
        let stateful = SUMS.replace("body=", "stateful=true body=");
        let graph = text::parse(&stateful).expect("a graph in text");
        let options = Options { recurrence: Recurrence::Unrolled, ..Options::new("g", "xcvu13p") };
        let error = Design::new(&graph, &options).map(|_| ()).expect_err("a stateful layer");
        assert_eq!(error.to_string(), "layer 'y': its steps are unrolled, and it is stateful");
    }
}
