//! What flows into a matrix.

use num_traits::Zero;

use super::power::{Weight, weight};
use crate::ir::{Graph, NodeId, Op};

/// The p for which every value of `node` is 2^p or -2^p, both occurring; `None` if there is none.
pub(super) fn sign_power(graph: &Graph, node: NodeId) -> Option<i32> {
    let operand = || graph.operands(node).first().copied();
    match &graph[node].op {
        Op::Steps(steps) => {
            let fraction = steps.values.format.fraction();
            let mut powers = steps.values.codes.iter().map(|code| weight(&code, fraction));
            let Weight::Power { exponent } = powers.next()? else { return None };
            let interval = steps.values.codes.interval()?;
            let both = (interval.low() + interval.high()).is_zero();
            (both && powers.all(|other| other == Weight::Power { exponent })).then_some(exponent)
        }
        Op::Reshape => sign_power(graph, operand()?),
        Op::Scale { power } => sign_power(graph, operand()?)?.checked_add(*power),
        _ => None,
    }
}
