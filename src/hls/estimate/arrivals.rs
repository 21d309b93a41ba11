//! The moments at which kernels that follow one another have their operands and results.

use std::collections::HashMap;

use super::datapath::{Datapath, Moment};
use super::{DspSlice, Resources, bits, cycles, memory, path};
use crate::hls::{Design, EdgeId, Kernel, KernelId};

/// When each array is there, and the kernel that writes it.
pub(super) struct Arrivals<'a> {
    design: &'a Design,
    slice: DspSlice,
    /// Clock cycles between two samples, or steps.
    interval: u64,
    moments: HashMap<EdgeId, (Moment, Option<KernelId>)>,
}

/// A kernel among others.
pub(super) struct Stage {
    /// The moment of its last operand.
    pub(super) start: Moment,
    /// Its datapath, from that moment on.
    pub(super) path: Datapath,
    /// The registers of operands that arrive before the last one.
    pub(super) delays: Resources,
}

impl<'a> Arrivals<'a> {
    /// Kernels of `design` that run every `interval` clock cycles, whose `sources` are there from the
    /// begin.
    pub(super) fn new(
        design: &'a Design,
        slice: DspSlice,
        interval: u64,
        sources: &[EdgeId],
    ) -> Self {
        let sources = sources.iter().map(|edge| (*edge, (Moment::default(), None)));
        Self { design, slice, interval, moments: sources.collect() }
    }

    /// The moment at which `edge` is there, if a kernel so far has written it or it is a source.
    pub(super) fn of(&self, edge: EdgeId) -> Option<Moment> {
        self.moments.get(&edge).map(|(moment, _)| *moment)
    }

    /// The last operand of `kernel`; `None` if it depends on no source.
    fn last(&self, kernel: &Kernel) -> Option<(Moment, EdgeId)> {
        let known = kernel.inputs.iter().filter_map(|edge| Some((self.of(*edge)?, *edge)));
        known.max_by_key(|(moment, _)| *moment)
    }

    /// Tells whether `kernel` depends on a source.
    pub(super) fn reaches(&self, kernel: &Kernel) -> bool {
        self.last(kernel).is_some()
    }

    /// Adds a kernel after its last operand; operands from elsewhere are there from the begin. Rolled
    /// loops and steps end with a register if they `end_rolled`.
    pub(super) fn add(&mut self, id: KernelId, end_rolled: bool) -> Stage {
        let (design, kernel) = (self.design, &self.design[id]);
        let start = self.last(kernel).map_or_else(Moment::default, |(moment, _)| moment);
        let path = path(design, kernel, self.slice, start);
        let delays = kernel.inputs.iter().map(|input| {
            let waits = start.cycles - self.of(*input).unwrap_or_default().cycles;
            // It changes once in an interval.
            let alive = waits.div_ceil(self.interval.max(1));
            memory::delay_line(bits(design, &design[*input]), alive)
        });
        let delays = delays.sum();
        let is_rolled = !kernel.plan.is_unrolled() || kernel.plan.initiation_interval > 1;
        let end = match end_rolled && is_rolled {
            true => Moment { cycles: cycles(kernel, path.now), delay: 0 },
            false => path.now,
        };
        self.moments.insert(kernel.output, (end, Some(id)));
        Stage { start, path, delays }
    }

    /// The kernels on the longest way to `edge`, in order.
    pub(super) fn way(&self, mut edge: EdgeId) -> Vec<KernelId> {
        let mut way = Vec::new();
        while let Some((_, Some(id))) = self.moments.get(&edge) {
            way.push(*id);
            let Some((_, before)) = self.last(&self.design[*id]) else { break };
            edge = before;
        }
        way.reverse();
        way
    }
}
