//! The operations from a scale to the quantizers after it.

use std::rc::Rc;

use ndarray::Array1;
use num_bigint::BigInt;
use num_traits::{Signed, Zero};
use petgraph::Direction;

use super::{Outcome, rounded};
use crate::fixed::{FormatError, Overflow, fits};
use crate::ir::{
    Affine, Cast, Clamp, Constant, Graph, Leaky, Node, NodeId, Op, OpError, StepFunction, Tensor,
};

/// An affine operation and everything after it up to the quantizers: a tree, since each operation
/// takes one operand.
#[derive(Clone)]
pub(super) struct Cone {
    node: NodeId,
    /// Operand of the affine operation.
    pub(super) operand: Tensor,
    pub(super) affine: Affine,
    /// Result of the affine operation.
    pub(super) result: Tensor,
    /// The operations after it, each after its operand.
    pub(super) links: Vec<Link>,
}

/// One operation of a cone.
#[derive(Clone)]
pub(super) struct Link {
    node: NodeId,
    /// Index of the link whose result it takes; the affine operation's result if `None`.
    pub(super) from: Option<usize>,
    /// The operation on the graph's operand.
    pub(super) op: Rc<Monotone>,
    /// The operand here has this many fractional bits fewer than in the graph.
    pub(super) dropped: u32,
    pub(super) tensor: Tensor,
}

/// An operation that is monotone in each element, or a step function, which is monotone in the
/// number of the step.
pub(super) enum Monotone {
    Affine(Affine),
    Clamp(Clamp),
    Leaky(Leaky),
    Cast(Cast),
    StepFunction(StepFunction),
    /// The same codes, with another binary point or in another shape.
    SameCodes(Op),
}

impl Cone {
    /// The cone after `node`, the operation `affine`. An error is the reason why its scale stays
    /// exact.
    pub(super) fn after(graph: &Graph, node: NodeId, affine: &Affine) -> Result<Self, Outcome> {
        let Some(operand) = graph.operands(node).first().copied() else {
            return Err(Outcome::NotQuantized { by: graph[node].name.clone() });
        };
        let mut cone = Self {
            node,
            operand: graph[operand].tensor.clone(),
            affine: affine.clone(),
            result: graph[node].tensor.clone(),
            links: Vec::new(),
        };
        cone.extend(graph, node, None)?;
        let mut at = 0;
        while let Some(link) = cone.links.get(at) {
            if !link.is_end() {
                cone.extend(graph, link.node, Some(at))?;
            }
            at += 1;
        }
        Ok(cone)
    }

    /// Adds the users of `node`, the link `from`.
    fn extend(&mut self, graph: &Graph, node: NodeId, from: Option<usize>) -> Result<(), Outcome> {
        if let Some(output) = graph.outputs.iter().find(|output| output.node == node) {
            return Err(Outcome::NotQuantized { by: output.name.clone() });
        }
        let readers = graph.nodes.neighbors_directed(node, Direction::Outgoing);
        let mut readers: Vec<NodeId> = readers.collect();
        readers.sort_unstable();
        for reader in readers {
            let op = Rc::new(self.monotone(&graph[reader], &graph[node].tensor)?);
            let tensor = graph[reader].tensor.clone();
            self.links.push(Link { node: reader, from, op, dropped: 0, tensor });
        }
        Ok(())
    }

    /// The operation of `node` on operands `x`, if it is monotone and each channel of the cone has one
    /// function.
    fn monotone(&self, node: &Node, x: &Tensor) -> Result<Monotone, Outcome> {
        let ensure = |is_monotone| match is_monotone {
            true => Ok(()),
            false => Err(Outcome::NotQuantized { by: node.name.clone() }),
        };
        Ok(match &node.op {
            Op::Cast(cast) => {
                let is_uniform = cast.uniform().is_some();
                ensure(is_uniform || cast.to.shape() == [x.channel_count()])?;
                ensure(self.knows_channels(x, is_uniform))?;
                let wraps = cast.to.iter().enumerate().any(|(channel, to)| {
                    let range =
                        if is_uniform { x.range() } else { x.channel_range(channel).into_owned() };
                    !matches!(to.overflow, Overflow::Sat | Overflow::SatSym)
                        && !fits(&range, x.format.fractional_bits(), to)
                });
                if wraps {
                    return Err(Outcome::Wraps { node: node.name.clone() });
                }
                Monotone::Cast(cast.clone())
            }
            Op::Affine(affine) => {
                ensure(self.knows_channels(x, affine.is_uniform()))?;
                Monotone::Affine(affine.clone())
            }
            Op::Leaky(leaky) => {
                let slopes = leaky.slopes.codes.len();
                ensure(slopes == 1 || slopes == x.channel_count())?;
                ensure(is_monotone(leaky) && self.knows_channels(x, slopes == 1))?;
                Monotone::Leaky(leaky.clone())
            }
            Op::Clamp(clamp) => Monotone::Clamp(clamp.clone()),
            Op::StepFunction(steps) => Monotone::StepFunction(steps.clone()),
            op @ (Op::Scale(_) | Op::Reshape(_)) => Monotone::SameCodes(op.clone()),
            Op::Input(_)
            | Op::Linear(_)
            | Op::Conv(_)
            | Op::Softmax(_)
            | Op::Pool(_)
            | Op::Elementwise(_)
            | Op::Gather(_)
            | Op::Lookup(_)
            | Op::Concat(_)
            | Op::Scan(_) => return Err(Outcome::NotQuantized { by: node.name.clone() }),
        })
    }

    /// An operation on `x` is one function per channel of the cone: uniform, or by channel. An
    /// element's channel is its row-major index modulo the number of channels, whatever the shape:
    /// with that number, the channels are those of the cone.
    fn knows_channels(&self, x: &Tensor, is_uniform: bool) -> bool {
        is_uniform || x.channel_count() == self.operand.channel_count()
    }

    /// Result of the link `from`.
    pub(super) fn tensor(&self, from: Option<usize>) -> &Tensor {
        from.and_then(|link| self.links.get(link)).map_or(&self.result, |link| &link.tensor)
    }

    /// This cone with another affine operation, of as many fractional bits or fewer, and the types
    /// that follow up to the quantizers. Limits are rounded to these bits; thresholds of step
    /// functions keep their values. `None` if a type has more than 128 bits.
    pub(super) fn with(&self, affine: Affine) -> Option<Self> {
        let op = Op::from(affine.clone());
        let result = op.infer(&[&self.operand]).ok()?;
        let (node, operand) = (self.node, self.operand.clone());
        let mut cone = Self { node, operand, affine, result, links: Vec::new() };
        for link in &self.links {
            let x = cone.tensor(link.from);
            let fine = self.tensor(link.from).format.fractional_bits();
            let dropped = u32::try_from(fine.checked_sub(x.format.fractional_bits())?).ok()?;
            let link = link.on(x, dropped).ok()?;
            cone.links.push(link);
        }
        Some(cone)
    }

    /// Writes the operations of the cone to the graph.
    ///
    /// # Errors
    /// If thresholds take more than 128 bits; then the graph is as it was.
    pub(super) fn write(self, graph: &mut Graph) -> Result<(), OpError> {
        let ops: Vec<Op> = self.links.iter().map(Link::written).collect::<Result<_, _>>()?;
        let mut write =
            |node, op| graph.set_op(node, op).expect("the cone inferred the same types");
        write(self.node, self.affine.into());
        for (link, op) in self.links.iter().zip(ops) {
            write(link.node, op);
        }
        Ok(())
    }
}

/// True if the leaky ReLU is monotone and its threshold is 0, which holds at any LSB of the
/// operand.
fn is_monotone(leaky: &Leaky) -> bool {
    let ascends = leaky.slopes.codes.iter().all(|slope| !slope.is_negative());
    ascends && leaky.threshold.is_zero() && leaky.bias.is_none()
}

impl Link {
    /// True for a quantizer, which ends a branch of the tree.
    pub(super) fn is_end(&self) -> bool {
        matches!(*self.op, Monotone::Cast(_) | Monotone::StepFunction(_))
    }

    /// A limit with the operand's fractional bits: the nearest one.
    pub(super) fn limit(&self, code: &BigInt) -> BigInt {
        rounded(code, self.dropped)
    }

    /// The link on an operand that has `dropped` fractional bits fewer than in the graph.
    /// Quantizers keep their results.
    fn on(&self, x: &Tensor, dropped: u32) -> Result<Self, OpError> {
        let mut link = Self { dropped, ..self.clone() };
        if !self.is_end() {
            link.tensor = link.written()?.infer(&[x])?;
        }
        Ok(link)
    }

    /// The operation for the operand's fractional bits.
    fn written(&self) -> Result<Op, OpError> {
        Ok(match &*self.op {
            Monotone::Affine(affine) => affine.clone().into(),
            Monotone::Leaky(leaky) => leaky.clone().into(),
            Monotone::Cast(cast) => cast.clone().into(),
            Monotone::SameCodes(op) => op.clone(),
            Monotone::Clamp(Clamp { low, high }) => {
                let limit = |code: &Option<BigInt>| code.as_ref().map(|code| self.limit(code));
                Clamp { low: limit(low), high: limit(high) }.into()
            }
            Monotone::StepFunction(steps) if self.dropped == 0 => steps.clone().into(),
            Monotone::StepFunction(steps) => {
                let steps = self.without_empty_steps(steps);
                steps.map_err(OpError::format("thresholds"))?.into()
            }
        })
    }

    /// `steps` with the operand's fractional bits, without steps that became empty because their
    /// threshold equals the next.
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
        let coarse =
            steps.thresholds.format.fractional_bits().saturating_sub_unsigned(self.dropped);
        Ok(StepFunction {
            thresholds: list(thresholds, coarse)?,
            values: list(kept, steps.values.format.fractional_bits())?,
        })
    }
}
