//! Networks of processes with static rates.
//!
//! A process executes the same sequence of iterations for every frame (sample), whatever the data:
//! each iteration reads at most one token from each of its input channels and writes at most one to
//! each of its output channels. It is a cyclo-static dataflow actor (Bilsen et al., "Cyclo-static
//! dataflow", IEEE Transactions on Signal Processing, 1996). A channel is a FIFO between two
//! processes. Schedules, rates and depths therefore follow from shapes alone:
//!
//! - [`Network::run`] gives the throughput, the latency and the peak occupancy of each channel;
//! - [`Network::least_depths`] gives depths below which the network deadlocks. The order of tokens
//!   decides that, not the latencies (Kahn, "The semantics of a simple language for parallel
//!   programming", 1974);
//! - [`Network::full_rate_depths`] gives depths that do not lower the throughput.

mod depths;
mod order;
mod reasons;
mod run;
#[cfg(test)]
mod tests;
pub mod text;

use serde::Serialize;

pub use reasons::DepthReason;
pub use run::{Blocked, Deadlock, Run, Wait};

/// An index into [`Network::processes`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
pub struct ProcessId(pub usize);

/// An index into [`Network::channels`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize)]
pub struct ChannelId(pub usize);

/// A process: its iterations for one frame.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Process {
    /// Its name.
    pub name: String,
    /// The iterations of a frame, in order.
    pub phases: Vec<Phase>,
    /// Clock cycles from the start of an iteration, when it reads, to its writes.
    pub latency: u64,
}

/// Consecutive iterations with the same reads and writes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Phase {
    /// Number of iterations.
    pub iterations: u64,
    /// Initiation interval: clock cycles from the start of an iteration to that of the next.
    pub interval: u64,
    /// Channels of which each iteration reads a token.
    pub reads: Vec<ChannelId>,
    /// Channels to which each iteration writes a token.
    pub writes: Vec<ChannelId>,
}

/// A FIFO between two processes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Channel {
    /// Its name.
    pub name: String,
    /// Width of a token in bits.
    pub token_bits: u64,
    /// Use of a slot by the two processes.
    pub slots: Slots,
}

/// The time for which a token occupies a slot of its channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Slots {
    /// From its write to its read: a FIFO of words.
    Words,
    /// From the start of the writing iteration to the end of the reading one: a token is an array,
    /// which a process fills or reads during its whole iteration (a ping-pong buffer).
    Arrays,
}

/// A network of processes. Every channel has one writer and one reader, which pass the same number
/// of tokens in a frame.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Network {
    processes: Vec<Process>,
    channels: Vec<Channel>,
    /// Writer and reader of each channel.
    ends: Vec<(ProcessId, ProcessId)>,
}

/// A rule that a network breaks.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NetworkError {
    /// A channel with no or several writers, or readers.
    #[error("channel '{channel}' has {count} {role}s instead of one")]
    Ends {
        /// The channel.
        channel: String,
        /// `writer` or `reader`.
        role: &'static str,
        /// The number of processes in this role.
        count: usize,
    },
    /// Different numbers of tokens written and read in a frame.
    #[error("channel '{channel}': {written} tokens of a frame are written, {read} are read")]
    Rates {
        /// The channel.
        channel: String,
        /// Tokens written in a frame.
        written: u64,
        /// Tokens read in a frame.
        read: u64,
    },
    /// A process without iterations, or one whose iterations take no time.
    #[error("process '{process}' has no iterations, or an initiation interval of 0")]
    Idle {
        /// The process.
        process: String,
    },
    /// A process that passes a channel two tokens in an iteration.
    #[error("process '{process}' passes two tokens of one channel in an iteration")]
    Twice {
        /// The process.
        process: String,
    },
    /// A channel that is not of this network.
    #[error("process '{process}' uses a channel that does not exist")]
    Channel {
        /// The process.
        process: String,
    },
}

impl Network {
    /// A network of `processes` and `channels`.
    ///
    /// # Errors
    /// If a channel does not have one writer and one reader that pass the same number of tokens in
    /// a frame, or a process has no iterations.
    pub fn new(mut processes: Vec<Process>, channels: Vec<Channel>) -> Result<Self, NetworkError> {
        for process in &mut processes {
            process.phases.retain(|phase| phase.iterations > 0);
        }
        for process in &processes {
            let name = || process.name.clone();
            let takes_no_time = process.phases.iter().any(|phase| phase.interval == 0);
            if takes_no_time || process.phases.is_empty() {
                return Err(NetworkError::Idle { process: name() });
            }
            for phase in &process.phases {
                for list in [&phase.reads, &phase.writes] {
                    if list.iter().any(|channel| channel.0 >= channels.len()) {
                        return Err(NetworkError::Channel { process: name() });
                    }
                    if (1..list.len()).any(|n| list[..n].contains(&list[n])) {
                        return Err(NetworkError::Twice { process: name() });
                    }
                }
            }
        }
        let ends = channels.iter().enumerate().map(|(position, channel)| {
            let id = ChannelId(position);
            let (writer, written) = only(&processes, channel, "writer", |p| p.written(id))?;
            let (reader, read) = only(&processes, channel, "reader", |p| p.read(id))?;
            if written != read {
                let channel = channel.name.clone();
                return Err(NetworkError::Rates { channel, written, read });
            }
            Ok((writer, reader))
        });
        let ends = ends.collect::<Result<_, _>>()?;
        Ok(Self { processes, channels, ends })
    }

    /// The processes.
    pub fn processes(&self) -> &[Process] {
        &self.processes
    }

    /// The channels.
    pub fn channels(&self) -> &[Channel] {
        &self.channels
    }

    /// The process that writes `channel`.
    pub fn writer(&self, channel: ChannelId) -> ProcessId {
        self.ends[channel.0].0
    }

    /// The process that reads `channel`.
    pub fn reader(&self, channel: ChannelId) -> ProcessId {
        self.ends[channel.0].1
    }
}

/// The only process with tokens by `tokens`, and their number.
fn only(
    processes: &[Process],
    channel: &Channel,
    role: &'static str,
    tokens: impl Fn(&Process) -> u64,
) -> Result<(ProcessId, u64), NetworkError> {
    let found = processes.iter().map(tokens).enumerate().filter(|(_, tokens)| *tokens > 0);
    let found: Vec<(usize, u64)> = found.collect();
    match found[..] {
        [(process, tokens)] => Ok((ProcessId(process), tokens)),
        _ => Err(NetworkError::Ends { channel: channel.name.clone(), role, count: found.len() }),
    }
}

impl Process {
    /// Clock cycles for the iterations of a frame, if nothing blocks them.
    pub fn cycles(&self) -> u64 {
        self.phases.iter().map(|phase| phase.iterations * phase.interval).sum()
    }

    /// Tokens of `channel` that a frame reads.
    pub fn read(&self, channel: ChannelId) -> u64 {
        self.tokens(|phase| phase.reads.contains(&channel))
    }

    /// Tokens of `channel` that a frame writes.
    pub fn written(&self, channel: ChannelId) -> u64 {
        self.tokens(|phase| phase.writes.contains(&channel))
    }

    fn tokens(&self, passes: impl Fn(&Phase) -> bool) -> u64 {
        self.phases.iter().filter(|phase| passes(phase)).map(|phase| phase.iterations).sum()
    }
}
