//! Lanes of processes that compute every element alike: as wide as the target needs.

use crate::hls::form::Scaling;
use crate::ir::{self, Constant, Elementwise, Tensor};

/// The lanes of the process of `node`, whose operands come in tokens of `lanes`: as they come, or
/// the fewest with which a sample takes at most `target` clock cycles, where the LUTs of the lanes
/// that these save are more than those of the repack processes before and behind it. A lane takes
/// `luts`.
pub(super) fn of_elements(
    node: &ir::Node,
    operands: &[&ir::Node],
    lanes: usize,
    (target, luts): (Option<u64>, u64),
) -> usize {
    let elements = node.tensor.len();
    let meets = |few: &usize| {
        lanes.is_multiple_of(*few) && target.is_some_and(|target| (elements / few) as u64 <= target)
    };
    let Some(few) = (1..lanes).find(meets) else { return lanes };
    let tensors = operands.iter().map(|operand| &operand.tensor).chain([&node.tensor]);
    // Repacked tokens take a LUT and a register for each bit.
    let bits: u64 = tensors.map(width).sum();
    if (lanes - few) as u64 * luts > lanes as u64 * bits { few } else { lanes }
}

/// LUTs of the product of an element of `x` with one of `factors`, without DSP slices; none for
/// powers of two.
pub(super) fn luts_of_factor(factors: &Constant, x: &Tensor) -> u64 {
    match Scaling::of(factors, x) {
        Scaling::Products => width(x) * u64::from(factors.format.width()),
        Scaling::Shifts(_) => 0,
    }
}

/// LUTs of `op` for an element of each of `operands`, without DSP slices; those of sums and
/// comparisons are of the order of their wires.
pub(super) fn luts_of_merge(op: Elementwise, operands: &[&ir::Node]) -> u64 {
    match op {
        Elementwise::Multiply => operands.iter().map(|operand| width(&operand.tensor)).product(),
        Elementwise::Add | Elementwise::Subtract | Elementwise::Maximum | Elementwise::Minimum => 0,
    }
}

fn width(tensor: &Tensor) -> u64 {
    tensor.format.width().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixed::Format;
    use crate::ir::{Clamp, Graph};

    #[test]
    fn few_lanes_are_worth_two_repacked_tokens() -> Result<(), Box<dyn std::error::Error>> {
        let mut graph = Graph::new("lanes");
        let x = graph.add_input("x", vec![10, 12], Format::signed(8, 1)?);
        let y = graph.add("y", Clamp { low: Some(0.into()), high: None }, &[x])?;
        let of = |lanes: usize, target: u64, luts: u64| {
            of_elements(&graph[y], &[&graph[x]], lanes, (Some(target), luts))
        };
        // 120 elements of 8 and 7 bits.
        assert_eq!([120, 60, 59, 12, 10].map(|target| of(12, target, 100)), [1, 2, 3, 12, 12]);
        assert_eq!([16, 17, 18].map(|luts| of(12, 120, luts)), [12, 1, 1]);
        // Two positions in a token.
        assert_eq!(of(24, 20, 100), 6);
        assert_eq!(of_elements(&graph[y], &[&graph[x]], 12, (None, 100)), 12);
        Ok(())
    }
}
