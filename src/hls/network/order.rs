//! The order of tokens, without time: it alone decides whether a network deadlocks.

use super::run::{Wait, Worklist};
use super::{ChannelId, Deadlock, Network};

/// The execution of one frame, as far as depths allow.
///
/// One frame decides. Each channel has one writer and one reader, so the iteration of a process never
/// keeps another from going on, and every order of execution ends in the same state. A frame writes
/// and reads the same number of tokens of each channel: where one frame finishes, the network is as
/// before and the next one finishes, too.
pub(super) struct Order<'n> {
    network: &'n Network,
    neighbours: Vec<Vec<usize>>,
    /// The next phase of each process, and iterations of it that have run.
    cursors: Vec<(usize, u64)>,
    /// Tokens of each channel, and free slots.
    tokens: Vec<u64>,
    slots: Vec<u64>,
}

impl<'n> Order<'n> {
    pub(super) fn new(network: &'n Network, depths: &[u64]) -> Self {
        Self {
            network,
            neighbours: network.neighbours(),
            cursors: vec![(0, 0); network.processes.len()],
            tokens: vec![0; depths.len()],
            slots: depths.to_vec(),
        }
    }

    /// Runs until every process has finished the frame or is blocked.
    ///
    /// # Errors
    /// If processes are blocked.
    pub(super) fn advance(&mut self) -> Result<(), Deadlock> {
        let mut worklist = Worklist::of_all(self.cursors.len());
        while let Some(process) = worklist.pop() {
            if self.advance_process(process) {
                self.neighbours[process].iter().for_each(|other| worklist.push(*other));
            }
        }
        let is_running = |process: &usize| {
            self.cursors[*process].0 < self.network.processes[*process].phases.len()
        };
        match (0..self.cursors.len()).any(|process| is_running(&process)) {
            true => {
                let cycle = self.network.cycle(is_running, |process| self.blocked(process));
                Err(Deadlock { cycle })
            }
            false => Ok(()),
        }
    }

    /// Adds a slot to `channel`.
    pub(super) fn add_slot(&mut self, channel: ChannelId) {
        self.slots[channel.0] += 1;
    }

    /// Runs iterations of a process until it is blocked or has finished. Tells whether it ran any.
    fn advance_process(&mut self, process: usize) -> bool {
        let phases = &self.network.processes[process].phases;
        let mut has_run = false;
        while let Some(phase) = phases.get(self.cursors[process].0) {
            let (at, done) = self.cursors[process];
            let tokens = phase.reads.iter().map(|channel| self.tokens[channel.0]);
            let slots = phase.writes.iter().map(|channel| self.slots[channel.0]);
            let possible = tokens.chain(slots).fold(phase.iterations - done, u64::min);
            for channel in &phase.reads {
                self.tokens[channel.0] -= possible;
                self.slots[channel.0] += possible;
            }
            for channel in &phase.writes {
                self.slots[channel.0] -= possible;
                self.tokens[channel.0] += possible;
            }
            has_run |= possible > 0;
            if done + possible < phase.iterations {
                self.cursors[process] = (at, done + possible);
                break;
            }
            self.cursors[process] = (at + 1, 0);
        }
        has_run
    }

    /// The channel that the next iteration of a process waits for.
    fn blocked(&self, process: usize) -> Option<(ChannelId, Wait)> {
        let phase = self.network.processes[process].phases.get(self.cursors[process].0)?;
        let empty = |channel: &&ChannelId| self.tokens[channel.0] == 0;
        let full = |channel: &&ChannelId| self.slots[channel.0] == 0;
        let token = phase.reads.iter().find(empty).map(|channel| (*channel, Wait::Token));
        token.or_else(|| phase.writes.iter().find(full).map(|channel| (*channel, Wait::Slot)))
    }
}
