//! Sinks permutations below uniform elementwise operations.
//!
//! A layer with channels first is computed between two permutations. If only uniform operations lie
//! between the last permutation of one layer and the first of the next, sinking makes the two
//! permutations adjacent, and [`super::compose_layouts`] cancels them.

use super::{Pass, Report};
use crate::ir::{Gather, Graph, NodeId, Op, Tensor};

pub(super) const PASS: Pass = Pass {
    name: "sink_layouts",
    purpose: "Moves permutations from the operands of elementwise operations to their result.",
    run,
};

fn run(graph: &mut Graph, _: &mut Report) {
    for node in graph.topological_order() {
        while let Some((permutation, sources)) = permuted(graph, node) {
            if sink(graph, node, permutation, &sources).is_none() {
                break;
            }
        }
    }
}

/// The permutation that all operands of a uniform operation share, and the nodes that it permutes.
fn permuted(graph: &Graph, node: NodeId) -> Option<(Gather, Vec<NodeId>)> {
    if !graph[node].op.is_uniform() {
        return None;
    }
    let operands = graph.operands(node);
    let first = permutation(graph, *operands.first()?)?;
    let source = |operand: &NodeId| {
        let same = permutation(graph, *operand)? == first;
        same.then(|| graph.operands(*operand).first().copied()).flatten()
    };
    let sources: Vec<NodeId> = operands.iter().map(source).collect::<Option<_>>()?;
    let shape = &graph[*sources.first()?].tensor.shape;
    let same = sources.iter().all(|source| graph[*source].tensor.shape == *shape);
    same.then(|| (first.clone(), sources))
}

/// The gather of a node, if its indices are a permutation.
fn permutation(graph: &Graph, node: NodeId) -> Option<&Gather> {
    let Op::Gather(gather) = &graph[node].op else { return None };
    let operand = *graph.operands(node).first()?;
    let mut seen = vec![false; graph[operand].tensor.len()];
    let once = |index: &Option<usize>| {
        index
            .and_then(|index| seen.get_mut(index))
            .is_some_and(|seen| !std::mem::replace(seen, true))
    };
    (gather.indices.len() == graph[operand].tensor.len() && gather.indices.iter().all(once))
        .then_some(gather)
}

/// Makes `node` take `sources`, and its users take its permuted result. `None` if the operation
/// does not admit the sources.
fn sink(graph: &mut Graph, node: NodeId, permutation: Gather, sources: &[NodeId]) -> Option<()> {
    let operands: Vec<&Tensor> = sources.iter().map(|source| &graph[*source].tensor).collect();
    let result = graph[node].op.infer(&operands).ok()?;
    let layer = graph[node].layer.clone();
    let name = graph.unique_name(&format!("{}_moved", graph[node].name));
    // The new permutation takes over the users of the node, and then takes the node.
    let permuted = graph.add(name, permutation, &sources[..1]);
    let permuted = permuted.expect("a permutation of tensors like the sources");
    graph.replace_all_uses(node, permuted);
    graph.set_operands(node, sources);
    graph[node].tensor = result;
    graph.set_operands(permuted, &[node]);
    let op = graph[permuted].op.clone();
    graph.set_op(permuted, op).expect("the result has the shape of the sources");
    graph[permuted].layer = layer;
    Some(())
}

#[cfg(test)]
mod tests {
    use crate::passes::test::assert_pass;

    #[test]
    fn permutations_sink_below_uniform_operations() {
        assert_pass(
            super::PASS,
            "x = input shape=[2, 2] format=fixed<4,2>
             z = input shape=[2, 2] format=fixed<3,2>
             p = gather x shape=[2, 2] indices=[0, 2, 1, 3]
             q = gather z shape=[2, 2] indices=[0, 2, 1, 3]
             sum = add p q
             act = cast sum to=fixed<3,2,RND,SAT>
             scaled = affine act scale=ufixed<2,2>[2]{1, 3}
             layer act
             output scaled",
            "x = input shape=[2, 2] format=fixed<4,2> : [2, 2] fixed<4,2> [-8, 7]
             z = input shape=[2, 2] format=fixed<3,2> : [2, 2] fixed<3,2> [-4, 3]
             p = gather x shape=[2, 2] indices=[0, 2, 1, 3] : [2, 2] fixed<4,2> [-8, 7]
             q = gather z shape=[2, 2] indices=[0, 2, 1, 3] : [2, 2] fixed<3,2> [-4, 3]
             sum = add x z : [2, 2] fixed<5,3> [-16, 13]
             act = cast sum to=fixed<3,2,RND,SAT> : [2, 2] fixed<3,2> [-4, 3]
             sum_moved = gather sum shape=[2, 2] indices=[0, 2, 1, 3] layer=sum : [2, 2] fixed<5,3> [-16, 13]
             act_moved = gather act shape=[2, 2] indices=[0, 2, 1, 3] layer=act : [2, 2] fixed<3,2> [-4, 3]
             scaled = affine act_moved scale=ufixed<2,2>[2]{1, 3} : [2, 2] fixed<5,4> {[-4, 3], [-12, 9]}
             layer act = act_moved
             output scaled",
        );
    }

    #[test]
    fn gathers_that_repeat_or_pad_stay() {
        let text = "x = input shape=[2] format=fixed<4,2> : [2] fixed<4,2> [-8, 7]
             p = gather x shape=[2] indices=[1, 1] : [2] fixed<4,2> [-8, 7]
             y = cast p to=fixed<3,2,RND,SAT> : [2] fixed<3,2> [-4, 3]
             output y";
        assert_pass(super::PASS, text, text);
    }
}
