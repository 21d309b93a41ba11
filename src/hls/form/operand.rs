//! What flows into a matrix.

use num_traits::Zero;

use super::power::{Weight, weight};
use crate::ir::{Graph, NodeId, Op, Tensor};

/// What meets a matrix: a channel for each of its rows.
pub(super) struct Met {
    pub(super) x: Tensor,
    /// See [`sign_power`].
    pub(super) power: Option<i32>,
}

/// What meets the matrix of `node` in the result of `operand`.
pub(super) fn met(graph: &Graph, node: NodeId, operand: NodeId) -> Option<Met> {
    let x = &graph[operand].tensor;
    match &graph[node].op {
        // Beyond the border there are zeros, which have no sign.
        Op::Conv(conv) if conv.window.is_padded() => {
            Some(Met { x: conv.window_tensor(x), power: None })
        }
        Op::Conv(conv) => Some(Met { x: conv.window_tensor(x), power: sign_power(graph, operand) }),
        _ => Some(Met { x: x.clone(), power: sign_power(graph, operand) }),
    }
}

/// The p for which every value of `node` is 2^p or -2^p, both occurring; `None` if there is none.
fn sign_power(graph: &Graph, node: NodeId) -> Option<i32> {
    let operand = || graph.operands(node).first().copied();
    match &graph[node].op {
        Op::StepFunction(steps) => {
            let fraction = steps.values.format.fraction();
            let mut powers = steps.values.codes.iter().map(|code| weight(&code, fraction));
            let Weight::Power { exponent } = powers.next()? else { return None };
            let range = steps.values.codes.range()?;
            let both = (range.low() + range.high()).is_zero();
            (both && powers.all(|other| other == Weight::Power { exponent })).then_some(exponent)
        }
        Op::Reshape(_) => sign_power(graph, operand()?),
        Op::Scale(scale) => sign_power(graph, operand()?)?.checked_add(scale.power),
        _ => None,
    }
}
