//! Merges scans that take the same steps.
//!
//! Each result of a recurrent layer, the output and its states, is a scan of its own in the graph. Their
//! bodies differ in the row that they show only: one scan with all of these rows takes the steps once.

use std::collections::HashMap;

use super::{Pass, Report};
use crate::fixed::{Format, Overflow, Quantization, Rounding};
use crate::ir::{Cast, Concat, Gather, Graph, NodeId, Op, Output, Scan, Tensor};

pub(super) const PASS: Pass = Pass {
    name: "merge_scans",
    purpose: "Merges scans with the same operands and states, whose rows become one.",
    run,
};

fn run(graph: &mut Graph, _: &mut Report) {
    let mut groups: Vec<Group> = vec![];
    for node in graph.topological_order() {
        let Op::Scan(scan) = &graph[node].op else { continue };
        if !groups.iter_mut().any(|group| group.admit(graph, node, scan)) {
            groups.push(Group::of(node, scan));
        }
    }
    for group in groups.into_iter().filter(|group| group.members.len() > 1) {
        group.merge(graph);
    }
}

/// Scans that take the same steps.
struct Group {
    /// The body of the first one, and the operations of others that it lacks.
    body: Graph,
    /// The scans, each with the node of the body that is its row.
    members: Vec<(NodeId, NodeId)>,
}

impl Group {
    fn of(node: NodeId, scan: &Scan) -> Self {
        Self { body: scan.body.clone(), members: vec![(node, scan.body.outputs[0].node)] }
    }

    /// Admits `node` if it takes the same steps; returns false if it does not.
    fn admit(&mut self, graph: &Graph, node: NodeId, scan: &Scan) -> bool {
        let first = self.members[0].0;
        let Op::Scan(own) = &graph[first].op else { return false };
        // Rows of several axes have no common last axis to be joined along.
        let is_line = |scan: &Scan| scan.body[scan.body.outputs[0].node].tensor.shape.len() == 1;
        if !is_line(own)
            || !is_line(scan)
            || (own.initial != scan.initial || own.stateful != scan.stateful)
            || own.states() != scan.states()
            || !same_operands(graph, first, node)
        {
            return false;
        }
        let mut body = self.body.clone();
        let Some(places) = added(&mut body, &scan.body) else { return false };
        let next = |body: &Graph| body.outputs[1..].iter().map(|it| it.node).collect::<Vec<_>>();
        let theirs: Vec<NodeId> = next(&scan.body).iter().map(|node| places[node]).collect();
        if next(&body) != theirs {
            return false;
        }
        self.members.push((node, places[&scan.body.outputs[0].node]));
        self.body = body;
        true
    }

    /// Replaces the members by one scan, from which each of their results is selected. Leaves the graph
    /// as it is if no format holds all rows.
    fn merge(self, graph: &mut Graph) -> Option<()> {
        let Self { mut body, members } = self;
        let first = members[0].0;
        let name = graph[first].name.clone();
        let Op::Scan(scan) = &graph[first].op else { return None };
        let (initial, stateful) = (scan.initial.clone(), scan.stateful);
        let last = members.iter().all(|(node, _)| is_last(graph, *node));
        let mut rows: Vec<NodeId> = vec![];
        for (_, row) in &members {
            if !rows.contains(row) {
                rows.push(*row);
            }
        }
        let shown = joined(&mut body, &rows)?;
        body.outputs[0] = Output { name: body[shown].name.clone(), node: shown };
        let row = &body[shown].tensor;
        let width = row.len();
        let steps = graph[graph.operands(first)[0]].tensor.shape[0];
        let operands = graph.operands(first);
        let scan = Scan { initial, last, stateful, body: body.clone() };
        let merged = add(graph, first, "steps", scan, &operands);
        for (node, row) in members {
            let before = rows.iter().take_while(|other| **other != row);
            let start: usize = before.map(|other| body[*other].tensor.len()).sum();
            let tensor = graph[node].tensor.clone();
            let units = start..start + body[row].tensor.len();
            let own_steps = match (last, is_last(graph, node)) {
                (true, _) => 0..1,
                (false, true) => steps - 1..steps,
                (false, false) => 0..steps,
            };
            let indices = own_steps.flat_map(|step| units.clone().map(move |at| step * width + at));
            let indices: Vec<usize> = indices.collect();
            let result = if indices.iter().copied().eq(0..graph[merged].tensor.len()) {
                merged
            } else {
                let (shape, indices) = (tensor.shape.clone(), indices.into_iter().map(Some));
                let gather = Gather { shape, indices: indices.collect() };
                add(graph, node, "part", gather, &[merged])
            };
            let result = in_format(graph, node, result, tensor.format);
            graph.replace_all_uses(node, result);
            remove_unused(graph, node);
        }
        // The first member, which had the name, is gone.
        graph[merged].name = name;
        Some(())
    }
}

/// True if the result of the scan `node` is the row of its last step.
fn is_last(graph: &Graph, node: NodeId) -> bool {
    matches!(&graph[node].op, Op::Scan(scan) if scan.last)
}

/// True if `one` and `other` compute the same result.
fn same(graph: &Graph, one: NodeId, other: NodeId) -> bool {
    let (a, b) = (&graph[one], &graph[other]);
    one == other
        || !matches!(a.op, Op::Input(_))
            && a.tensor == b.tensor
            && same_operands(graph, one, other)
            && a.op == b.op
}

fn same_operands(graph: &Graph, one: NodeId, other: NodeId) -> bool {
    let (one, other) = (graph.operands(one), graph.operands(other));
    one.len() == other.len() && one.iter().zip(&other).all(|(a, b)| same(graph, *a, *b))
}

/// Adds the operations of `other`, a body of the same inputs, that `body` lacks. Returns the node of
/// `body` for each node of `other`; `None` if the inputs differ, or an operation does not fit.
fn added(body: &mut Graph, other: &Graph) -> Option<HashMap<NodeId, NodeId>> {
    let tensors = |graph: &Graph| -> Vec<Tensor> {
        graph.inputs.iter().map(|input| graph[*input].tensor.clone()).collect()
    };
    if tensors(body) != tensors(other) {
        return None;
    }
    let mut places: HashMap<NodeId, NodeId> =
        other.inputs.iter().copied().zip(body.inputs.iter().copied()).collect();
    for (node, operands) in other.evaluation_order() {
        let operands: Vec<NodeId> = operands.iter().map(|operand| places[operand]).collect();
        let theirs = &other[node];
        let is_same = |own: &NodeId| body[*own].op == theirs.op && body.operands(*own) == operands;
        let place = match body.nodes.node_indices().find(is_same) {
            Some(found) => found,
            None => {
                let name = body.unique_name(&theirs.name);
                let added = body.add(name, theirs.op.clone(), &operands).ok()?;
                body[added].layer = theirs.layer.clone();
                added
            }
        };
        places.insert(node, place);
    }
    Some(places)
}

/// The node of `body` that holds all `rows`, one after the other; `None` if no format holds them.
fn joined(body: &mut Graph, rows: &[NodeId]) -> Option<NodeId> {
    let [first, others @ ..] = rows else { return None };
    if others.is_empty() {
        return Some(*first);
    }
    let format = Tensor::common_format(rows.iter().map(|row| &body[*row].tensor)).ok()?;
    let rows: Vec<NodeId> = rows.iter().map(|row| in_format(body, *row, *row, format)).collect();
    Some(add(body, *first, "rows", Concat { axis: 0 }, &rows))
}

/// `node`, part of the layer of `like`, in a `format` that holds all of its values.
fn in_format(graph: &mut Graph, like: NodeId, node: NodeId, format: Format) -> NodeId {
    if graph[node].tensor.format == format {
        return node;
    }
    let to = Quantization::new(format, Rounding::Trn, Overflow::WRAP);
    add(graph, like, "cast", Cast::from(to), &[node])
}

/// Adds a node to the layer of the node `like`.
fn add(
    graph: &mut Graph,
    like: NodeId,
    part: &str,
    op: impl Into<Op>,
    operands: &[NodeId],
) -> NodeId {
    let name = graph.unique_name(&format!("{}_{part}", graph[like].name));
    let added = graph.add(name, op, operands).expect("operands of one format");
    graph[added].layer = graph[like].layer.clone();
    added
}

/// Removes `node`, and its operands, where no other node, output or layer has them.
fn remove_unused(graph: &mut Graph, node: NodeId) {
    let mut waiting = vec![node];
    while let Some(node) = waiting.pop() {
        let named = graph.layers.iter().map(|(_, node)| *node);
        let mut kept = named
            .chain(graph.outputs.iter().map(|output| output.node))
            .chain(graph.inputs.iter().copied());
        if !graph.nodes.contains_node(node)
            || kept.any(|it| it == node)
            || graph.nodes.neighbors(node).next().is_some()
        {
            continue;
        }
        waiting.extend(graph.operands(node));
        graph.nodes.remove_node(node);
    }
}

#[cfg(test)]
mod tests {
    use crate::passes::test::assert_pass;

    /// Two states and a result of so many bits: s' = min(s + x, 7), t' = max(t - x, -8).
    fn body(name: &str, shown: &str) -> String {
        format!(
            "(
            graph {name}
            {name}_row = input shape=[2] format=fixed<3,3> : [2] fixed<3,3> [-4, 3]
            {name}_s = input shape=[2] format=fixed<4,4> : [2] fixed<4,4> [-8, 7]
            {name}_t = input shape=[2] format=fixed<5,5> : [2] fixed<5,5> [-16, 15]
            {name}_sum = add {name}_s {name}_row : [2] fixed<5,5> [-12, 10]
            {name}_next_s = cast {name}_sum to=fixed<4,4,TRN,SAT> : [2] fixed<4,4> [-8, 7]
            {name}_rest = subtract {name}_t {name}_row : [2] fixed<6,6> [-19, 19]
            {name}_next_t = cast {name}_rest to=fixed<5,5,TRN,SAT> : [2] fixed<5,5> [-16, 15]
            output {shown} = {name}_{shown}
            output {name}_next_s
            output {name}_next_t
            )"
        )
    }
    const INITIAL: &str = "initial=(fixed<2,2>[2]{0, 0}, fixed<2,2>[2]{0, 1})";

    /// Two scans over x, of which the second one shows another state.
    fn two(first: &str, second: &str, other: &str) -> String {
        format!(
            "x = input shape=[3, 2] format=fixed<3,3> : [3, 2] fixed<3,3> [-4, 3]
             y = scan x {first} body={} : {}
             z = scan x {second} body={} : {other}
             output y
             output z",
            body("a", "next_s"),
            if first.contains("last") {
                "[2] fixed<4,4> [-8, 7]"
            } else {
                "[3, 2] fixed<4,4> [-8, 7]"
            },
            body("b", "next_t"),
        )
    }

    #[test]
    fn the_states_of_a_layer_are_of_one_scan() {
        let states = body("a", "next_s").replace(
            "output next_s = a_next_s",
            "a_next_s_cast = cast a_next_s to=fixed<5,5> layer=a_next_s : [2] fixed<5,5> [-8, 7]
            a_next_s_rows = concat a_next_s_cast a_next_t axis=0 layer=a_next_s : [4] fixed<5,5> {[-8, 7], [-8, 7], [-16, 15], [-16, 15]}
            output a_next_s_rows",
        );
        let ranges = "fixed<5,5> {[-8, 7], [-8, 7], [-16, 15], [-16, 15]}";
        let x = "x = input shape=[3, 2] format=fixed<3,3> : [3, 2] fixed<3,3> [-4, 3]";
        // The last step of both.
        let last = format!("{INITIAL} last=true");
        assert_pass(
            super::PASS,
            &two(&last, &last, "[2] fixed<5,5> [-16, 15]"),
            &format!(
                "{x}
                 y = scan x {last} body={states} : [4] {ranges}
                 z_part = gather y shape=[2] indices=[2, 3] layer=z : [2] fixed<5,5> [-16, 15]
                 y_part = gather y shape=[2] indices=[0, 1] layer=y : [2] fixed<5,5> [-8, 7]
                 y_cast = cast y_part to=fixed<4,4> layer=y : [2] fixed<4,4> [-8, 7]
                 output y = y_cast
                 output z = z_part"
            ),
        );
        // All steps of the first one, the last step of the second one.
        assert_pass(
            super::PASS,
            &two(INITIAL, &last, "[2] fixed<5,5> [-16, 15]"),
            &format!(
                "{x}
                 y = scan x {INITIAL} body={states} : [3, 4] {ranges}
                 z_part = gather y shape=[2] indices=[10, 11] layer=z : [2] fixed<5,5> [-16, 15]
                 y_part = gather y shape=[3, 2] indices=[0, 1, 4, 5, 8, 9] layer=y : [3, 2] fixed<5,5> [-8, 7]
                 y_cast = cast y_part to=fixed<4,4> layer=y : [3, 2] fixed<4,4> [-8, 7]
                 output y = y_cast
                 output z = z_part"
            ),
        );
    }

    #[test]
    fn scans_from_other_states_stay() {
        let text =
            two(INITIAL, &INITIAL.replace("{0, 1}", "{1, 1}"), "[3, 2] fixed<5,5> [-16, 15]");
        assert_pass(super::PASS, &text, &text);
    }
}
