//! The interface of a step of a plan, and the step that every operation has.

use super::simd::signs::Signs;
use super::storage::Buffer;
use crate::fixed::Codes;
use crate::ir::{Node, Operand, Tensor};

/// The computation of one or several nodes on the samples of a block.
pub(super) trait Kernel: Send + Sync {
    /// Computes `result`, which has room for the samples, from `operands`. `None` if the graph is not
    /// valid.
    fn run(
        &self,
        operands: &[&Buffer],
        result: &mut Buffer,
        samples: usize,
        scratch: &mut Scratch,
    ) -> Option<()>;

    /// Fewest samples of a block for which it is fast.
    fn fewest_samples(&self) -> usize {
        1
    }

    /// A few words on the algorithm, for a table of times.
    fn algorithm(&self) -> String;

    /// Multiply-accumulate operations of a dot product or convolution for a sample.
    fn macs(&self) -> usize {
        0
    }
}

/// Memory that the kernels of a thread share, each for the time of its run.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// Lanes of the codes of a chunk.
    pub(super) lanes32: Vec<i32>,
    pub(super) lanes64: Vec<i64>,
    /// Images of bytes.
    pub(super) bytes: Vec<u8>,
    /// Images of words, one for each part of a code.
    pub(super) words: Vec<Vec<i16>>,
    /// Images of bits.
    pub(super) signs: Vec<Signs>,
    /// Offsets of rows in images.
    pub(super) starts: Vec<usize>,
    /// Sums of parts.
    pub(super) sums: Vec<i32>,
}

/// An operation by its reference evaluation.
pub(super) struct ReferenceKernel<'g> {
    node: &'g Node,
    operands: Vec<&'g Tensor>,
}

impl<'g> ReferenceKernel<'g> {
    pub(super) fn new(node: &'g Node, operands: Vec<&'g Tensor>) -> Self {
        Self { node, operands }
    }
}

impl Kernel for ReferenceKernel<'_> {
    fn run(
        &self,
        operands: &[&Buffer],
        result: &mut Buffer,
        samples: usize,
        _: &mut Scratch,
    ) -> Option<()> {
        let codes = operands.iter().zip(&self.operands);
        let codes: Option<Vec<Codes>> =
            codes.map(|(buffer, tensor)| buffer.codes(samples, &tensor.shape)).collect();
        let codes = codes?;
        let operands = codes.iter().zip(&self.operands);
        let operands: Vec<Operand<'_>> =
            operands.map(|(codes, tensor)| Operand { tensor, codes }).collect();
        let computed = self.node.op.evaluate(&operands, &self.node.tensor)?;
        result.load(&computed, 0..samples, &self.node.tensor.range())
    }

    fn algorithm(&self) -> String {
        "reference".to_owned()
    }
}
