//! Token-level simulation of a network.

use std::collections::VecDeque;
use std::fmt;

use super::{ChannelId, Network, Process, ProcessId, Slots};

/// The execution of a network over some frames, each process as early as possible.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Run {
    /// Clock cycles from the start of the first iteration to the last write of each frame.
    pub ends: Vec<u64>,
    /// Peak number of occupied slots of each channel.
    pub peaks: Vec<u64>,
    /// Start of the first and end of the last iteration of each process, by frame.
    pub spans: Vec<Vec<(u64, u64)>>,
}

impl Run {
    /// Clock cycles from the first read to the last write of a frame that runs alone.
    pub fn latency(&self) -> u64 {
        self.ends.first().copied().unwrap_or(0)
    }

    /// Clock cycles between the ends of the last two frames: the initiation interval of the
    /// network, once it is steady.
    pub fn interval(&self) -> u64 {
        match self.ends[..] {
            [.., before, last] => last - before,
            [only] => only,
            [] => 0,
        }
    }
}

/// A network in which no process can go on.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub struct Deadlock {
    /// Processes of which each waits for the next, and the last for the first.
    pub cycle: Vec<Blocked>,
}

/// A process that waits for another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Blocked {
    /// The process.
    pub process: String,
    /// The channel that it waits for.
    pub channel: ChannelId,
    /// The name of the channel.
    pub name: String,
    /// The kind of waiting.
    pub wait: Wait,
}

/// The reason why a process waits for a channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wait {
    /// The channel has no token to read.
    Token,
    /// The channel has no slot to write to.
    Slot,
}

impl fmt::Display for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("deadlock")?;
        for (position, Blocked { process, name, wait, .. }) in self.cycle.iter().enumerate() {
            let comma = if position == 0 { ":" } else { "," };
            let what = match wait {
                Wait::Token => "a token of",
                Wait::Slot => "a slot of",
            };
            write!(f, "{comma} '{process}' waits for {what} '{name}'")?;
        }
        Ok(())
    }
}

/// The next iteration of a process.
#[derive(Clone, Copy, Default)]
struct Cursor {
    frame: usize,
    phase: usize,
    iteration: u64,
    /// The earliest clock cycle of its start.
    earliest: u64,
}

/// A channel during a run.
struct Fifo {
    /// Clock cycles from which on its unread tokens can be read.
    tokens: VecDeque<u64>,
    /// Clock cycles from which on free slots can be written; `None` if the channel is unbounded.
    slots: Option<VecDeque<u64>>,
    /// Clock cycles at which slots are taken and given back, in order.
    taken: Vec<u64>,
    given: Vec<u64>,
}

/// A run that may be blocked.
pub(super) struct Simulation<'n> {
    network: &'n Network,
    frames: usize,
    /// Clock cycles between the starts of two frames in processes that read nothing.
    pace: u64,
    cursors: Vec<Cursor>,
    fifos: Vec<Fifo>,
    spans: Vec<Vec<(u64, u64)>>,
}

impl Network {
    /// Runs `frames` frames one behind the other; `depths` are slots by channel, `None` for
    /// unbounded ones. Inputs arrive at the rate of the slowest process.
    ///
    /// # Errors
    /// If the network deadlocks.
    pub fn run(&self, depths: &[Option<u64>], frames: usize) -> Result<Run, Deadlock> {
        let mut simulation = Simulation::new(self, depths, frames);
        simulation.pace = self.processes.iter().map(Process::cycles).max().unwrap_or(0);
        simulation.advance();
        match simulation.is_finished() {
            true => Ok(simulation.result()),
            false => Err(Deadlock { cycle: simulation.cycle() }),
        }
    }
}

impl<'n> Simulation<'n> {
    pub(super) fn new(network: &'n Network, depths: &[Option<u64>], frames: usize) -> Self {
        let fifo = |position: usize| Fifo {
            tokens: VecDeque::new(),
            slots: depths
                .get(position)
                .copied()
                .flatten()
                .map(|depth| (0..depth).map(|_| 0).collect()),
            taken: Vec::new(),
            given: Vec::new(),
        };
        Self {
            network,
            frames,
            pace: 0,
            cursors: vec![Cursor::default(); network.processes.len()],
            fifos: (0..network.channels.len()).map(fifo).collect(),
            spans: vec![Vec::new(); network.processes.len()],
        }
    }

    /// Runs until every process has finished or is blocked.
    pub(super) fn advance(&mut self) {
        let mut waiting: VecDeque<usize> = (0..self.cursors.len()).collect();
        let mut is_waiting = vec![true; self.cursors.len()];
        while let Some(process) = waiting.pop_front() {
            is_waiting[process] = false;
            if !self.advance_process(process) {
                continue;
            }
            let phases = &self.network.processes[process].phases;
            for phase in phases {
                let readers = phase.writes.iter().map(|channel| self.network.reader(*channel));
                let writers = phase.reads.iter().map(|channel| self.network.writer(*channel));
                for ProcessId(other) in readers.chain(writers) {
                    if !std::mem::replace(&mut is_waiting[other], true) {
                        waiting.push_back(other);
                    }
                }
            }
        }
    }

    /// Adds a slot to `channel`, free from the start.
    pub(super) fn add_slot(&mut self, channel: ChannelId) {
        if let Some(slots) = &mut self.fifos[channel.0].slots {
            slots.push_front(0);
        }
    }

    pub(super) fn is_finished(&self) -> bool {
        self.cursors.iter().all(|cursor| cursor.frame == self.frames)
    }

    /// Runs iterations of a process until it is blocked or has finished. Tells whether it ran any.
    fn advance_process(&mut self, process: usize) -> bool {
        let mut has_run = false;
        while self.cursors[process].frame < self.frames && self.blocked(process).is_none() {
            self.iterate(process);
            has_run = true;
        }
        has_run
    }

    /// The channel that the next iteration of a process waits for.
    fn blocked(&self, process: usize) -> Option<(ChannelId, Wait)> {
        let cursor = self.cursors[process];
        let phase = &self.network.processes[process].phases[cursor.phase];
        let empty = |channel: &&ChannelId| self.fifos[channel.0].tokens.is_empty();
        let full = |channel: &&ChannelId| {
            self.fifos[channel.0].slots.as_ref().is_some_and(VecDeque::is_empty)
        };
        let token = phase.reads.iter().find(empty).map(|channel| (*channel, Wait::Token));
        token.or_else(|| phase.writes.iter().find(full).map(|channel| (*channel, Wait::Slot)))
    }

    /// Runs the next iteration of a process, which is not blocked.
    fn iterate(&mut self, position: usize) {
        let process = &self.network.processes[position];
        let mut cursor = self.cursors[position];
        let phase = &process.phases[cursor.phase];
        let mut start = cursor.earliest;
        for channel in &phase.reads {
            start = start.max(self.fifos[channel.0].tokens.pop_front().unwrap_or(0));
        }
        // Cycles from the start to the use of a slot.
        let until_write = |channel: &ChannelId| match self.network.channels[channel.0].slots {
            Slots::Words => process.latency,
            Slots::Arrays => 0,
        };
        for channel in &phase.writes {
            let slots = self.fifos[channel.0].slots.as_mut();
            let free = slots.and_then(VecDeque::pop_front).unwrap_or(0);
            start = start.max(free.saturating_sub(until_write(channel)));
        }
        for channel in &phase.reads {
            // A slot can be written in the cycle after the read.
            let given = match self.network.channels[channel.0].slots {
                Slots::Words => start + 1,
                Slots::Arrays => start + phase.interval,
            };
            let fifo = &mut self.fifos[channel.0];
            fifo.given.push(given);
            if let Some(slots) = &mut fifo.slots {
                slots.push_back(given);
            }
        }
        for channel in &phase.writes {
            let taken = start + until_write(channel);
            let fifo = &mut self.fifos[channel.0];
            fifo.taken.push(taken);
            // A token can be read in the cycle after the write.
            fifo.tokens.push_back(start + process.latency + 1);
        }
        let spans = &mut self.spans[position];
        let end = start + process.latency + 1;
        match spans.last_mut() {
            Some((_, last)) if cursor.phase > 0 || cursor.iteration > 0 => *last = end,
            Some(_) | None => spans.push((start, end)),
        }
        cursor.earliest = start + phase.interval;
        cursor.iteration += 1;
        if cursor.iteration == phase.iterations {
            cursor.iteration = 0;
            cursor.phase += 1;
        }
        if cursor.phase == process.phases.len() {
            cursor.phase = 0;
            cursor.frame += 1;
            if process.phases.iter().all(|phase| phase.reads.is_empty()) {
                cursor.earliest = cursor.earliest.max(cursor.frame as u64 * self.pace);
            }
        }
        self.cursors[position] = cursor;
    }

    /// Processes of which each waits for the next, and the last for the first.
    pub(super) fn cycle(&self) -> Vec<Blocked> {
        let is_running = |process: &usize| self.cursors[*process].frame < self.frames;
        let mut path: Vec<(usize, ChannelId, Wait)> = Vec::new();
        let mut next = (0..self.cursors.len()).find(is_running);
        while let Some(process) = next {
            if let Some(first) = path.iter().position(|(before, ..)| *before == process) {
                path.drain(..first);
                break;
            }
            next = self.blocked(process).map(|(channel, wait)| {
                path.push((process, channel, wait));
                match wait {
                    Wait::Token => self.network.writer(channel).0,
                    Wait::Slot => self.network.reader(channel).0,
                }
            });
        }
        let blocked = |(process, channel, wait): (usize, ChannelId, Wait)| Blocked {
            process: self.network.processes[process].name.clone(),
            channel,
            name: self.network.channels[channel.0].name.clone(),
            wait,
        };
        path.into_iter().map(blocked).collect()
    }

    fn result(self) -> Run {
        let ends = (0..self.frames).map(|frame| {
            let of = |spans: &Vec<(u64, u64)>| spans.get(frame).map_or(0, |(_, end)| *end);
            self.spans.iter().map(of).max().unwrap_or(0)
        });
        let ends = ends.collect();
        let peaks = self.fifos.iter().map(|fifo| peak(&fifo.taken, &fifo.given)).collect();
        Run { ends, peaks, spans: self.spans }
    }
}

/// Peak number of slots that are taken and not yet given back; both lists are in order.
fn peak(taken: &[u64], given: &[u64]) -> u64 {
    let mut back = given.iter().peekable();
    let mut occupied = 0_u64;
    let mut peak = 0;
    for time in taken {
        while back.next_if(|given| *given <= time).is_some() {
            occupied -= 1;
        }
        occupied += 1;
        peak = peak.max(occupied);
    }
    peak
}
