//! The memories of a process.

use super::lines::LineBuffer;
use super::pool::RunningPool;
use super::process::{Process, ProcessForm};
use crate::hls::plan::{Access, Memory};
use crate::hls::{ConstantId, Design, Edge, EdgeKind, Kernel, Partition, TypeId};

impl Process {
    /// Its memories: rows of an image, sums of a row of windows, weights, whole samples. Arrays of which an iteration accesses
    /// every element are registers, and lookup tables as many memories as they have readers.
    pub fn memories(&self, design: &Design) -> Vec<Memory> {
        let weights = self.kernels().into_iter().flat_map(|id| weights(design, &design[id]));
        self.line_memory(design).into_iter().chain(self.frames(design)).chain(weights).collect()
    }

    /// The rows of a line buffer: one memory with a pixel of each row in a word, or a memory for each row;
    /// or the sums of a row of windows.
    pub fn line_memory(&self, design: &Design) -> Option<Memory> {
        let rows = self.lines().filter(|lines| lines.has_memories());
        let rows = rows.map(|lines| {
            let words = [lines.rows(), lines.axes[1].pixels];
            (words, lines.channels, lines.element)
        });
        let sums = self.running_pool().filter(|pool| pool.has_memory());
        let sums = sums.map(|pool| ([1, pool.kept()], pool.channels, pool.element));
        let ([count, words], channels, element) = rows.or(sums)?;
        let size = [count as u64, words as u64, channels as u64 * width(design, element)];
        Some(Memory::joined(self.lines_array(), Access::ReadAndWrite, size))
    }

    /// Tells whether accesses to a word of its lines are further apart than the cycles from reading
    /// to writing it.
    pub fn has_long_lines(&self) -> bool {
        self.lines().is_some_and(LineBuffer::is_long)
            || self.running_pool().is_some_and(RunningPool::is_long)
    }

    /// The C++ name of the array of the rows of a line buffer, or of the sums of a row of windows:
    /// one in the whole design, as Catapult names accesses to memories after arrays alone.
    pub fn lines_array(&self) -> String {
        format!("{}_lines", self.name)
    }

    /// The arrays of a process that collects samples.
    fn frames(&self, design: &Design) -> Vec<Memory> {
        if self.form != ProcessForm::Frame {
            return Vec::new();
        }
        let kernels = self.kernel.iter().map(|id| &design[*id]);
        let arrays = kernels.flat_map(|kernel| {
            let edges = kernel.inputs.iter().chain([&kernel.output]);
            edges.map(move |edge| (kernel, &design[*edge]))
        });
        arrays.filter_map(|(kernel, edge)| design.frame_memory(kernel, edge)).collect()
    }
}

/// The memories of the weights of `kernel` that it reads a word at a time.
fn weights(design: &Design, kernel: &Kernel) -> Vec<Memory> {
    let constants = kernel.plan.constants.iter();
    let memory = |(id, partition): &(_, _)| design.constant_memory(kernel, *id, *partition);
    constants.filter_map(memory).collect()
}

impl Design {
    /// The memories of an operand or the result of `kernel`, an array inside a process; `None` for
    /// registers.
    pub fn frame_memory(&self, kernel: &Kernel, edge: &Edge) -> Option<Memory> {
        let EdgeKind::Array(partition) = edge.kind else { return None };
        let (len, width) = (edge.len() as u64, width(self, edge.element));
        let size = match partition {
            Partition::Complete => return None,
            Partition::Cyclic { factor } => [factor, len.div_ceil(factor.max(1)), width],
            Partition::Reshape { elements } => [1, len.div_ceil(elements.max(1)), width * elements],
        };
        Some(Memory::new(edge.name.clone(), Access::of_reads(kernel.plan.bank_reads), size))
    }

    /// The memory of a constant of `kernel` whose elements are in words, for each word that is read at a
    /// time; `None` for another `partition`.
    pub fn constant_memory(
        &self,
        kernel: &Kernel,
        id: ConstantId,
        partition: Partition,
    ) -> Option<Memory> {
        let Partition::Reshape { elements } = partition else { return None };
        let constant = &self[id];
        let words = (constant.codes.len() as u64).div_ceil(elements.max(1));
        let readers = kernel.readers();
        let size = [readers, words, elements * width(self, constant.element)];
        let access = if readers > 1 { Access::CopiedConstants } else { Access::Constants };
        Some(Memory::new(constant.name.clone(), access, size))
    }
}

fn width(design: &Design, ty: TypeId) -> u64 {
    design[ty].quantization.format.width().into()
}
