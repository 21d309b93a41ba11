//! Token-level simulation of a network.

use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt;

use super::{ChannelId, Network, Process, ProcessId, Slots};

/// Most frames after those that overlap, until a network is taken for one that never repeats a frame.
const MOST_FRAMES: usize = 32;

/// The execution of a network over some frames, each process as early as possible.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Run {
    /// Clock cycles from the start of the first iteration to the last write of each frame.
    pub ends: Vec<u64>,
    /// Peak number of occupied slots of each channel; none if they were not counted.
    pub peaks: Vec<u64>,
    /// Start of the first and end of the last iteration of each process, by frame.
    pub spans: Vec<Vec<(u64, u64)>>,
    /// Clock cycles by which the last frame is later than the one before in every process and every
    /// slot, as are all frames after it; none if the run ended before.
    pub period: Option<u64>,
}

impl Run {
    /// Clock cycles from the first read to the last write of a frame that runs alone.
    pub fn latency(&self) -> u64 {
        self.ends.first().copied().unwrap_or(0)
    }

    /// The initiation interval of the network: its period, or the mean clock cycles between the ends of
    /// the frames in the second half, rounded up.
    pub fn interval(&self) -> u64 {
        if let Some(period) = self.period {
            return period;
        }
        let later = &self.ends[self.ends.len() / 2..];
        match (later, &self.ends[..]) {
            ([first, .., last], _) => (last - first).div_ceil(later.len() as u64 - 1),
            (_, [first, last]) => last - first,
            (_, ends) => ends.last().copied().unwrap_or(0),
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
    /// None if it is not counted, which takes a third of the time.
    occupancy: Option<Occupancy>,
}

impl Fifo {
    /// A token has been read: its slot is free from the clock cycle `given` on.
    fn give(&mut self, given: u64) {
        if let Some(occupancy) = &mut self.occupancy {
            occupancy.given.push_back(given);
        }
        if let Some(slots) = &mut self.slots {
            slots.push_back(given);
        }
    }

    /// A token takes a slot at the clock cycle `taken`, and can be read from `end` on.
    fn take(&mut self, taken: u64, end: u64) {
        if let Some(occupancy) = &mut self.occupancy {
            occupancy.taken.push_back(taken);
        }
        self.tokens.push_back(end);
    }
}

/// The number of slots of a channel that are taken.
#[derive(Default)]
struct Occupancy {
    /// Clock cycles at which slots are taken and given back, in order, as far as not counted yet.
    taken: VecDeque<u64>,
    given: VecDeque<u64>,
    occupied: u64,
    peak: u64,
}

impl Occupancy {
    /// Counts what is certain: a slot is free again at the clock cycle at which it is given back.
    fn count(&mut self) {
        while let (Some(taken), Some(given)) = (self.taken.front(), self.given.front()) {
            if given <= taken {
                self.given.pop_front();
                self.occupied -= 1;
            } else {
                self.taken.pop_front();
                self.occupied += 1;
                self.peak = self.peak.max(self.occupied);
            }
        }
    }

    /// The peak of a run that has ended.
    fn peak(mut self) -> u64 {
        self.count();
        self.peak.max(self.occupied + self.taken.len() as u64)
    }
}

/// A run that may be blocked.
struct Simulation<'n> {
    network: &'n Network,
    /// The processes at the other ends of the channels of each process.
    neighbours: Vec<Vec<usize>>,
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
        self.run_while(depths, true, |run| run.ends.len() < frames)
    }

    /// Runs frames until every further one repeats the last, or as many as are the limit. Does not
    /// count peaks.
    ///
    /// # Errors
    /// If the network deadlocks.
    pub fn steady(&self, depths: &[Option<u64>]) -> Result<Run, Deadlock> {
        let most = |run: &Run| MOST_FRAMES.saturating_add(in_flight(run, self.pace()));
        self.run_while(depths, false, |run| run.period.is_none() && run.ends.len() < most(run))
    }

    /// Runs frames with unbounded channels, in which they follow each other without waiting: until
    /// every further one repeats the last and overlaps with as many frames as it ever does.
    pub(super) fn free(&self) -> Result<Run, Deadlock> {
        let unbounded = vec![None; self.channels.len()];
        let settled = Cell::new(None);
        self.run_while(&unbounded, true, |run| {
            let frames = run.ends.len();
            if run.period.is_some() && settled.get().is_none() {
                settled.set(Some(frames));
            }
            let overlapping = in_flight(run, run.interval());
            frames < settled.get().unwrap_or(MOST_FRAMES).saturating_add(overlapping)
        })
    }

    /// Clock cycles of the slowest process for a frame.
    fn pace(&self) -> u64 {
        self.processes.iter().map(Process::cycles).max().unwrap_or(0)
    }

    /// Runs one frame after the other as long as `is_wanted`.
    fn run_while(
        &self,
        depths: &[Option<u64>],
        counts_peaks: bool,
        is_wanted: impl Fn(&Run) -> bool,
    ) -> Result<Run, Deadlock> {
        let mut simulation = Simulation::new(self, depths, counts_peaks);
        let mut run = Run { ends: vec![], peaks: vec![], spans: vec![], period: None };
        let mut state = simulation.state();
        // Frames overlap in time, not in the order in which they are simulated: no iteration needs a
        // token or a slot of a later frame.
        while is_wanted(&run) {
            let frames = run.ends.len() + 1;
            simulation.advance(frames);
            if simulation.cursors.iter().any(|cursor| cursor.frame < frames) {
                let blocked = |process| simulation.blocked(process);
                let is_running = |process: &usize| simulation.cursors[*process].frame < frames;
                return Err(Deadlock { cycle: self.cycle(is_running, blocked) });
            }
            let last = simulation.spans.iter().filter_map(|spans| spans.last());
            run.ends.push(last.map(|(_, end)| *end).max().unwrap_or(0));
            let before = std::mem::replace(&mut state, simulation.state());
            run.period = shift(&before, &state);
        }
        let Simulation { fifos, spans, .. } = simulation;
        run.peaks = fifos.into_iter().filter_map(|it| Some(it.occupancy?.peak())).collect();
        run.spans = spans;
        Ok(run)
    }

    /// The processes at the other ends of the channels of each process.
    pub(super) fn neighbours(&self) -> Vec<Vec<usize>> {
        let mut neighbours = vec![Vec::new(); self.processes.len()];
        for (ProcessId(writer), ProcessId(reader)) in &self.ends {
            neighbours[*writer].push(*reader);
            neighbours[*reader].push(*writer);
        }
        for list in &mut neighbours {
            list.sort_unstable();
            list.dedup();
        }
        neighbours
    }

    /// Processes of which each waits for the next, and the last for the first, if none of those that
    /// are `is_running` can go on.
    pub(super) fn cycle(
        &self,
        is_running: impl Fn(&usize) -> bool,
        blocked: impl Fn(usize) -> Option<(ChannelId, Wait)>,
    ) -> Vec<Blocked> {
        let mut path: Vec<(usize, ChannelId, Wait)> = Vec::new();
        let mut next = (0..self.processes.len()).find(is_running);
        while let Some(process) = next {
            if let Some(first) = path.iter().position(|(before, ..)| *before == process) {
                path.drain(..first);
                break;
            }
            next = blocked(process).map(|(channel, wait)| {
                path.push((process, channel, wait));
                match wait {
                    Wait::Token => self.writer(channel).0,
                    Wait::Slot => self.reader(channel).0,
                }
            });
        }
        let blocked = |(process, channel, wait): (usize, ChannelId, Wait)| Blocked {
            process: self.processes[process].name.clone(),
            channel,
            name: self.channels[channel.0].name.clone(),
            wait,
        };
        path.into_iter().map(blocked).collect()
    }
}

/// Frames that have begun before the first one ends, one every `interval` clock cycles.
fn in_flight(run: &Run, interval: u64) -> usize {
    usize::try_from(run.latency().div_ceil(interval.max(1))).unwrap_or(usize::MAX)
}

/// The clock cycles by which all of `after` are later than `before`; none if they are not the same.
fn shift(before: &[u64], after: &[u64]) -> Option<u64> {
    let mut shifts = before.iter().zip(after).map(|(before, after)| after - before);
    let first = shifts.next()?;
    shifts.all(|shift| shift == first).then_some(first)
}

/// Processes that may be able to go on, each once.
pub(super) struct Worklist {
    waiting: VecDeque<usize>,
    is_waiting: Vec<bool>,
}

impl Worklist {
    pub(super) fn of_all(processes: usize) -> Self {
        Self { waiting: (0..processes).collect(), is_waiting: vec![true; processes] }
    }

    pub(super) fn pop(&mut self) -> Option<usize> {
        let process = self.waiting.pop_front()?;
        self.is_waiting[process] = false;
        Some(process)
    }

    pub(super) fn push(&mut self, process: usize) {
        if !std::mem::replace(&mut self.is_waiting[process], true) {
            self.waiting.push_back(process);
        }
    }
}

impl<'n> Simulation<'n> {
    fn new(network: &'n Network, depths: &[Option<u64>], counts_peaks: bool) -> Self {
        let fifo = |position: usize| {
            let depth = depths.get(position).copied().flatten();
            let occupancy = counts_peaks.then(Occupancy::default);
            let slots = depth.map(|depth| (0..depth).map(|_| 0).collect());
            Fifo { tokens: VecDeque::new(), slots, occupancy }
        };
        Self {
            network,
            neighbours: network.neighbours(),
            pace: network.pace(),
            cursors: vec![Cursor::default(); network.processes.len()],
            fifos: (0..network.channels.len()).map(fifo).collect(),
            spans: vec![Vec::new(); network.processes.len()],
        }
    }

    /// The clock cycles on which later frames depend, between two frames: no channel has tokens.
    fn state(&self) -> Vec<u64> {
        let processes = self.cursors.iter().map(|cursor| cursor.earliest);
        let slots = self.fifos.iter().flat_map(|fifo| fifo.slots.iter().flatten().copied());
        processes.chain(slots).collect()
    }

    /// Runs until every process has finished `frames` frames or is blocked.
    fn advance(&mut self, frames: usize) {
        let mut worklist = Worklist::of_all(self.cursors.len());
        while let Some(process) = worklist.pop() {
            let mut has_run = false;
            while self.cursors[process].frame < frames {
                let count = self.ready(process);
                if count == 0 {
                    break;
                }
                self.iterate(process, count);
                has_run = true;
            }
            if has_run {
                self.neighbours[process].iter().for_each(|other| worklist.push(*other));
            }
        }
        let counted = self.fifos.iter_mut().filter_map(|fifo| fifo.occupancy.as_mut());
        counted.for_each(Occupancy::count);
    }

    /// Iterations of the current phase for which a process has all tokens and slots.
    fn ready(&self, process: usize) -> u64 {
        let cursor = self.cursors[process];
        let phase = &self.network.processes[process].phases[cursor.phase];
        let tokens = |channel: &ChannelId| self.fifos[channel.0].tokens.len();
        let slots = |channel: &ChannelId| self.fifos[channel.0].slots.as_ref().map(VecDeque::len);
        let tokens = phase.reads.iter().map(tokens);
        let least = tokens.chain(phase.writes.iter().filter_map(slots)).min();
        let left = phase.iterations - cursor.iteration;
        least.map_or(left, |least| left.min(least as u64))
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

    /// Runs the next `count` iterations of a process, which are ready.
    fn iterate(&mut self, position: usize, count: u64) {
        let process = &self.network.processes[position];
        let cursor = &mut self.cursors[position];
        let phase = &process.phases[cursor.phase];
        let is_first = cursor.phase == 0 && cursor.iteration == 0;
        let (mut begin, mut end) = (None, 0);
        // Cycles from the start to the use of a slot.
        let until_write = |channel: &ChannelId| match self.network.channels[channel.0].slots {
            Slots::Words => process.latency,
            Slots::Arrays => 0,
        };
        for _ in 0..count {
            let mut start = cursor.earliest;
            for channel in &phase.reads {
                start = start.max(self.fifos[channel.0].tokens.pop_front().unwrap_or(0));
            }
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
                self.fifos[channel.0].give(given);
            }
            // A token can be read in the cycle after the write.
            end = start + process.latency + 1;
            for channel in &phase.writes {
                self.fifos[channel.0].take(start + until_write(channel), end);
            }
            begin = begin.or(Some(start));
            cursor.earliest = start + phase.interval;
        }
        if let (true, Some(start)) = (is_first, begin) {
            self.spans[position].push((start, end));
        }
        cursor.iteration += count;
        if cursor.iteration < phase.iterations {
            return;
        }
        cursor.iteration = 0;
        cursor.phase += 1;
        if cursor.phase == process.phases.len() {
            cursor.phase = 0;
            cursor.frame += 1;
            if process.phases.iter().all(|phase| phase.reads.is_empty()) {
                cursor.earliest = cursor.earliest.max(cursor.frame as u64 * self.pace);
            }
            if let Some((_, last)) = self.spans[position].last_mut() {
                *last = end;
            }
        }
    }
}
