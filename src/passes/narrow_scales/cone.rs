//! The operations from a scale to the quantizers behind it.

use std::rc::Rc;

use ndarray::Array1;
use num_bigint::BigInt;
use num_traits::{Signed, Zero};
use petgraph::Direction;

use super::{Outcome, rounded};
use crate::fixed::{Format, FormatError, Overflow, Quantization, Range, fits};
use crate::ir::{Affine, Constant, Graph, Leaky, Node, NodeId, Op, StepFunction, Tensor, clamped};

/// An affine operation and everything behind it up to the quantizers: a tree, since each operation
/// takes one operand.
#[derive(Clone)]
pub(super) struct Cone {
    node: NodeId,
    /// What the affine operation takes.
    pub(super) operand: Tensor,
    pub(super) affine: Affine,
    /// What it gives.
    pub(super) result: Tensor,
    /// The operations behind, each after the one that it takes.
    pub(super) parts: Vec<Part>,
}

/// One operation behind.
#[derive(Clone)]
pub(super) struct Part {
    node: NodeId,
    /// The place of the part whose result it takes; the affine operation's result if `None`.
    pub(super) from: Option<usize>,
    /// The operation on the graph's operand.
    pub(super) op: Rc<Op>,
    /// The operand here counts in steps 2^`dropped` times as coarse as in the graph.
    pub(super) dropped: u32,
    pub(super) tensor: Tensor,
}

impl Cone {
    /// What stands behind `node`, the operation `affine`. Errors say what keeps its scale from being
    /// narrowed.
    pub(super) fn behind(graph: &Graph, node: NodeId, affine: &Affine) -> Result<Self, Outcome> {
        let Some(operand) = graph.operands(node).first().copied() else {
            return Err(Outcome::NotQuantized { by: graph[node].name.clone() });
        };
        let mut cone = Self {
            node,
            operand: graph[operand].tensor.clone(),
            affine: affine.clone(),
            result: graph[node].tensor.clone(),
            parts: Vec::new(),
        };
        cone.extend(graph, node, None)?;
        let mut at = 0;
        while let Some(part) = cone.parts.get(at) {
            if !part.is_end() {
                cone.extend(graph, part.node, Some(at))?;
            }
            at += 1;
        }
        Ok(cone)
    }

    /// Adds whatever takes the result of `node`, the part `from`.
    fn extend(&mut self, graph: &Graph, node: NodeId, from: Option<usize>) -> Result<(), Outcome> {
        if let Some(output) = graph.outputs.iter().find(|output| output.node == node) {
            return Err(Outcome::NotQuantized { by: output.name.clone() });
        }
        let readers = graph.nodes.neighbors_directed(node, Direction::Outgoing);
        let mut readers: Vec<NodeId> = readers.collect();
        readers.sort_unstable();
        for reader in readers {
            let Node { name, op, tensor, .. } = &graph[reader];
            let x = &graph[node].tensor;
            match op {
                Op::Cast { rounding, overflow } => {
                    let to = Quantization::new(tensor.format, *rounding, *overflow);
                    let saturates = matches!(overflow, Overflow::Sat | Overflow::SatSym);
                    if !saturates && !fits(&x.range(), x.format.fraction(), &to) {
                        return Err(Outcome::Wraps { node: name.clone() });
                    }
                }
                Op::Clamp { .. } | Op::Scale { .. } | Op::StepFunction(_) | Op::Reshape => {}
                Op::Affine(affine) if self.knows_channels(x, affine.is_uniform()) => {}
                Op::Leaky(leaky) if is_monotone(leaky) => {
                    let numbers = leaky.slopes.codes.len();
                    let by_element = numbers != 1 && numbers != x.channel_count();
                    if by_element || !self.knows_channels(x, numbers == 1) {
                        return Err(Outcome::NotQuantized { by: name.clone() });
                    }
                }
                _ => return Err(Outcome::NotQuantized { by: name.clone() }),
            }
            let (op, tensor) = (Rc::new(op.clone()), tensor.clone());
            self.parts.push(Part { node: reader, from, op, dropped: 0, tensor });
        }
        Ok(())
    }

    /// Whether an operation on `x` treats every channel of the cone in one way: all alike, or each
    /// in its own. An element's channel is its row-major place modulo the number of channels,
    /// whatever the shape: with that number, the channels are those of the cone.
    fn knows_channels(&self, x: &Tensor, all_alike: bool) -> bool {
        all_alike || x.channel_count() == self.operand.channel_count()
    }

    /// What the part `from` gives.
    pub(super) fn tensor(&self, from: Option<usize>) -> &Tensor {
        from.and_then(|part| self.parts.get(part)).map_or(&self.result, |part| &part.tensor)
    }

    /// This cone, the graph's, with another affine operation, which counts in the same steps or
    /// coarser ones, and so does everything up to the quantizers. Limits are rounded to these
    /// steps; thresholds of steps are where they were. `None` if a type has more than 128 bits.
    pub(super) fn with(&self, affine: Affine) -> Option<Self> {
        let result = affine.result(&self.operand).ok()?;
        let (node, operand) = (self.node, self.operand.clone());
        let mut cone = Self { node, operand, affine, result, parts: Vec::new() };
        for part in &self.parts {
            let x = cone.tensor(part.from);
            let fine = self.tensor(part.from).format.fraction();
            let dropped = u32::try_from(fine.checked_sub(x.format.fraction())?).ok()?;
            let part = part.on(x, dropped).ok()?;
            cone.parts.push(part);
        }
        Some(cone)
    }

    /// Makes the graph compute what the cone says.
    pub(super) fn write(self, graph: &mut Graph) -> Result<(), FormatError> {
        let ops: Vec<Op> = self.parts.iter().map(Part::written).collect::<Result<_, _>>()?;
        graph[self.node].op = Op::Affine(self.affine);
        graph[self.node].tensor = self.result;
        for (part, op) in self.parts.into_iter().zip(ops) {
            graph[part.node].op = op;
            graph[part.node].tensor = part.tensor;
        }
        Ok(())
    }
}

/// Whether a leaky rectifier rises everywhere, and in any steps of its operand meets at 0.
fn is_monotone(leaky: &Leaky) -> bool {
    let rises = leaky.slopes.codes.iter().all(|slope| !slope.is_negative());
    rises && leaky.from.is_zero() && leaky.offset.is_none()
}

impl Part {
    /// Whether it is a quantizer, with which a branch of the tree ends.
    pub(super) fn is_end(&self) -> bool {
        matches!(*self.op, Op::Cast { .. } | Op::StepFunction(_))
    }

    /// A limit in the operand's steps: the nearest one.
    pub(super) fn limit(&self, code: &BigInt) -> BigInt {
        rounded(code, self.dropped)
    }

    /// The part on an operand that counts in steps 2^`dropped` times as coarse as in the graph.
    fn on(&self, x: &Tensor, dropped: u32) -> Result<Self, FormatError> {
        let part = Self { dropped, ..self.clone() };
        let mapped = |f: &dyn Fn(&Range) -> Range, fraction: i32| {
            let channels = x.channels.iter().map(f).collect();
            let mut tensor = Tensor { shape: x.shape.clone(), format: x.format, channels };
            tensor.format = Format::covering(&tensor.range(), fraction)?;
            Ok(tensor)
        };
        let fraction = x.format.fraction();
        let tensor = match &*self.op {
            Op::Affine(affine) => affine.result(x)?,
            Op::Clamp { low, high } => {
                let limit = |code: &Option<BigInt>| code.as_ref().map(|code| part.limit(code));
                let (low, high) = (limit(low), limit(high));
                mapped(&|range| clamped(range, low.as_ref(), high.as_ref()), fraction)?
            }
            Op::Leaky(leaky) => leaky.result(x)?,
            Op::Scale { power } => Tensor { format: x.format.scaled(*power)?, ..x.clone() },
            Op::Reshape => {
                let mut tensor = Tensor { shape: self.tensor.shape.clone(), ..x.clone() };
                if tensor.channel_count() != x.channel_count() {
                    tensor.channels = vec![x.range()];
                }
                tensor
            }
            // A quantizer gives what it gave. Where channels have become one on the way, so have its.
            _ => {
                let mut tensor = self.tensor.clone();
                if x.channels.len() == 1 {
                    tensor.channels = vec![tensor.range()];
                }
                tensor
            }
        };
        Ok(Self { tensor, ..part })
    }

    /// The operation for the operand's steps.
    fn written(&self) -> Result<Op, FormatError> {
        let limit = |code: &Option<BigInt>| code.as_ref().map(|code| self.limit(code));
        Ok(match &*self.op {
            Op::Clamp { low, high } => Op::Clamp { low: limit(low), high: limit(high) },
            Op::StepFunction(steps) if self.dropped > 0 => {
                Op::StepFunction(self.without_empty_steps(steps)?)
            }
            op => op.clone(),
        })
    }

    /// `steps` in the operand's steps, less those that no operand reaches any more since their
    /// threshold and the next are one.
    fn without_empty_steps(&self, steps: &StepFunction) -> Result<StepFunction, FormatError> {
        let mut values = steps.values.codes.iter();
        let mut kept: Vec<BigInt> = values.next().into_iter().collect();
        let mut thresholds: Vec<BigInt> = Vec::new();
        for (threshold, value) in steps.thresholds.codes.iter().zip(values) {
            // The first coarse code that is not below the threshold.
            let threshold: BigInt = -(-threshold >> self.dropped);
            if thresholds.last() == Some(&threshold) {
                kept.pop();
            } else {
                thresholds.push(threshold);
            }
            kept.push(value);
        }
        let list = |codes: Vec<BigInt>, fraction| {
            Constant::of_codes(Array1::from_vec(codes).into_dyn(), fraction)
        };
        let coarse = steps.thresholds.format.fraction().saturating_sub_unsigned(self.dropped);
        Ok(StepFunction {
            thresholds: list(thresholds, coarse)?,
            values: list(kept, steps.values.format.fraction())?,
        })
    }
}
