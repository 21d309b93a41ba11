//! Memory of the results of a plan: buffers that later results take over.

use std::collections::HashMap;

use super::kernel::Scratch;
use super::storage::{Buffer, Width};

/// Index of a buffer of a workspace.
pub(super) type Slot = usize;

/// Assigns buffers to results in the order of the steps. A buffer whose last reader has run is free for
/// another result of the same type.
#[derive(Debug, Default)]
pub(super) struct Allocator {
    widths: Vec<Width>,
    free: HashMap<Width, Vec<Slot>>,
}

impl Allocator {
    /// A buffer for a result.
    pub(super) fn take(&mut self, width: Width) -> Slot {
        let reused = self.free.get_mut(&width).and_then(Vec::pop);
        reused.unwrap_or_else(|| {
            self.widths.push(width);
            self.widths.len() - 1
        })
    }

    /// Gives a buffer back: nobody reads it any more.
    pub(super) fn release(&mut self, slot: Slot) {
        self.free.entry(self.widths[slot]).or_default().push(slot);
    }

    /// The type of every buffer.
    pub(super) fn into_widths(self) -> Vec<Width> {
        self.widths
    }
}

/// The memory of a thread.
pub(super) struct Workspace {
    pub(super) buffers: Buffers,
    pub(super) scratch: Scratch,
}

impl Workspace {
    pub(super) fn new(widths: &[Width]) -> Self {
        let buffers = widths.iter().map(|width| Buffer::new(*width)).collect();
        Self { buffers: Buffers { buffers }, scratch: Scratch::default() }
    }
}

/// The buffers of the results.
pub(super) struct Buffers {
    buffers: Vec<Buffer>,
}

impl Buffers {
    /// The buffer of a result.
    pub(super) fn get(&self, slot: Slot) -> &Buffer {
        &self.buffers[slot]
    }

    /// The same, to be written.
    pub(super) fn get_mut(&mut self, slot: Slot) -> &mut Buffer {
        &mut self.buffers[slot]
    }

    /// Takes a buffer out, and leaves an empty one.
    pub(super) fn take(&mut self, slot: Slot) -> Buffer {
        let empty = Buffer::new(self.buffers[slot].width());
        std::mem::replace(&mut self.buffers[slot], empty)
    }

    /// Runs `step` on the buffers `operands` and `result`, which is none of them.
    pub(super) fn with<R>(
        &mut self,
        operands: &[Slot],
        result: Slot,
        step: impl FnOnce(&[&Buffer], &mut Buffer) -> R,
    ) -> R {
        let mut taken = std::mem::replace(&mut self.buffers[result], Buffer::Bits8(Vec::new()));
        let operands: Vec<&Buffer> = operands.iter().map(|slot| &self.buffers[*slot]).collect();
        let done = step(&operands, &mut taken);
        self.buffers[result] = taken;
        done
    }
}
