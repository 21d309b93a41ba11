//! Targets that processes miss.

use serde::Serialize;

use super::limits::WORD_BITS;
use super::plan::UNROLL_LIMIT;
use super::warnings::{DesignWarning, DesignWarningKind};
use super::{Design, Process, ProcessForm};
use crate::config::Pace;

/// The reason why a process misses its target.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MissReason {
    /// Iterations for a sample, of a clock cycle at least each.
    Iterations(u64),
    /// Iterations of windows, each of which takes pixels that divide a row.
    Windows(u64),
    /// Steps of a recurrent layer, and the clock cycles from state to state.
    Steps {
        /// Their number.
        steps: u64,
        /// Clock cycles of each at least.
        cycles: u64,
    },
    /// Tiles that its weights are cut into for each of its results.
    Tiles(u64),
    /// Elements in tokens of one size that it passes on in tokens of another, one of the smaller in a
    /// clock cycle.
    Tokens {
        /// Elements of a token that is read.
        read: usize,
        /// Elements of a token that is written.
        written: usize,
    },
}

impl MissReason {
    fn of(design: &Design, process: &Process) -> Self {
        let tiles = process.kernel.and_then(|id| design[id].body.tiles());
        let tiles = tiles.map_or(1, |(.., tiles)| tiles.count());
        let chain = process.recurrence().filter(|recurrence| recurrence.is_pipelined(design));
        let iterations = process.iterations(design);
        match (&process.form, chain) {
            _ if tiles > 1 => Self::Tiles(tiles),
            (_, Some(recurrence)) if recurrence.interval > 1 => {
                Self::Steps { steps: iterations, cycles: recurrence.interval }
            }
            (ProcessForm::Repack(repack), _) => {
                Self::Tokens { read: repack.from, written: repack.to }
            }
            (ProcessForm::Windows(_) | ProcessForm::Pool(_), _) => Self::Windows(iterations),
            (_, _) => Self::Iterations(iterations),
        }
    }

    /// A part of a sentence about what takes that long; empty for one iteration.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Iterations(0 | 1) | Self::Windows(0 | 1) => String::new(),
            Self::Iterations(iterations) | Self::Windows(iterations) => {
                format!("; each of its {iterations} iterations takes at least one")
            }
            Self::Steps { steps, cycles } => {
                format!("; each of its {steps} steps takes {cycles} from state to state")
            }
            Self::Tiles(tiles) => format!(
                "; its weights are cut into {tiles} tiles of at most {UNROLL_LIMIT} weights and \
                 {WORD_BITS} bits"
            ),
            Self::Tokens { read, written } => format!(
                "; elements come {read} at a time and are taken {written} at a time, the fewer of \
                 them in a cycle"
            ),
        }
    }

    /// The change that makes `layer` faster, besides a slower target.
    pub(super) fn help(&self, layer: &str) -> String {
        match self {
            Self::Iterations(_) | Self::Tokens { .. } => format!(
                "give '{layer}' a smaller operand or fewer elements at its input and output"
            ),
            Self::Windows(_) => format!(
                "give '{layer}' fewer channels, a smaller image, or rows whose length has more \
                 divisors in common with that of its result"
            ),
            Self::Steps { .. } => {
                format!("a longer clock period, or Recurrence: unrolled for '{layer}'")
            }
            Self::Tiles(_) => format!("give '{layer}' fewer weights, or more that are 0"),
        }
    }
}

/// A target that a process misses.
pub(super) struct TargetMiss<'a> {
    process: &'a Process,
    pub(super) target: u64,
    /// Clock cycles of the process for a sample.
    pub(super) interval: u64,
    reason: MissReason,
}

impl<'a> TargetMiss<'a> {
    /// Compares the clock cycles of a process for a sample with the target of its layer.
    pub(super) fn of(design: &Design, process: &'a Process) -> Option<Self> {
        let Pace::Interval(target) = design.options.pace_of(&process.layer) else { return None };
        let interval = process.cycles(design);
        let reason = MissReason::of(design, process);
        (interval > target).then_some(Self { process, target, interval, reason })
    }

    /// The misses that are worth a warning. The slowest process stands for all with the same target,
    /// which wait for it; of several that take as long, the others may share multipliers for that time.
    pub(super) fn slowest(design: &'a Design) -> Vec<Self> {
        let mut slowest: Vec<Self> = Vec::new();
        for miss in design.processes.iter().filter_map(|it| Self::of(design, it)) {
            let is_limiting = |miss: &Self| design.limiting.contains(&miss.process.layer);
            let chain = |miss: &Self| match miss.reason {
                MissReason::Steps { cycles, .. } => cycles,
                MissReason::Iterations(_)
                | MissReason::Windows(_)
                | MissReason::Tiles(_)
                | MissReason::Tokens { .. } => 1,
            };
            let time = |miss: &Self| (miss.interval, is_limiting(miss), chain(miss));
            match slowest.iter_mut().find(|known| known.target == miss.target) {
                Some(known) if time(known) >= time(&miss) => {}
                Some(known) => *known = miss,
                None => slowest.push(miss),
            }
        }
        slowest
    }

    pub(super) fn warning(self) -> DesignWarning {
        let Self { process, target, interval, reason } = self;
        let kind = DesignWarningKind::TargetMissed { target, interval, reason };
        DesignWarning { layer: process.layer.clone(), kind }
    }
}
