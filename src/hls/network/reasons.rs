//! The reason why a channel needs more than a slot or two.

use std::collections::VecDeque;
use std::fmt;

use serde::Serialize;

use super::{Channel, ChannelId, Network, Process, ProcessId};

/// The reason for the depth of a channel.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DepthReason {
    /// Tokens wait where two branches meet again until those of the other branch arrive.
    Reconvergence {
        /// The process at which the branches part.
        from: String,
        /// The process at which they meet.
        to: String,
    },
    /// The writer writes several tokens in a row, then none for a while.
    Bursts {
        /// The writer.
        process: String,
    },
    /// The reader does not read in every iteration.
    Pauses {
        /// The reader.
        process: String,
    },
    /// Reader and writer keep pace.
    Chain,
}

impl fmt::Display for DepthReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reconvergence { from, to } => write!(f, "branches of '{from}' meet at '{to}'"),
            Self::Bursts { process } => write!(f, "bursts of '{process}'"),
            Self::Pauses { process } => write!(f, "pauses of '{process}'"),
            Self::Chain => f.write_str("chain"),
        }
    }
}

impl Network {
    /// The reason for the depth of `channel`.
    pub fn reason(&self, channel: ChannelId) -> DepthReason {
        let (writer, reader) = (self.writer(channel), self.reader(channel));
        let name = |id: ProcessId| self.process(id).name.clone();
        let is_fork = |id: &ProcessId| self.outputs(*id).count() > 1;
        let is_merge = |id: &ProcessId| self.inputs(*id).count() > 1;
        // The nearest fork before and the nearest merge behind that another branch connects.
        let before = self.reached(writer, |id| self.inputs(id).map(|it| self.writer(it)).collect());
        let behind =
            self.reached(reader, |id| self.outputs(id).map(|it| self.reader(it)).collect());
        for from in before.into_iter().filter(is_fork) {
            let others = |id: ProcessId| {
                let outputs = self.outputs(id).filter(|it| *it != channel);
                outputs.map(|it| self.reader(it)).collect()
            };
            let around = self.reached(from, others);
            if let Some(to) = behind.iter().filter(|id| is_merge(id)).find(|id| around.contains(id))
            {
                return DepthReason::Reconvergence { from: name(from), to: name(*to) };
            }
        }
        match (self.process(writer).writes_in_bursts(channel), self.process(reader).pauses(channel))
        {
            (true, _) => DepthReason::Bursts { process: name(writer) },
            (false, true) => DepthReason::Pauses { process: name(reader) },
            (false, false) => DepthReason::Chain,
        }
    }

    fn process(&self, id: ProcessId) -> &Process {
        &self.processes[id.0]
    }

    fn inputs(&self, id: ProcessId) -> impl Iterator<Item = ChannelId> {
        self.ids().filter(move |channel| self.reader(*channel) == id)
    }

    fn outputs(&self, id: ProcessId) -> impl Iterator<Item = ChannelId> {
        self.ids().filter(move |channel| self.writer(*channel) == id)
    }

    fn ids(&self) -> impl Iterator<Item = ChannelId> + use<'_> {
        self.channels.iter().enumerate().map(|(position, _): (usize, &Channel)| ChannelId(position))
    }

    /// `first` and the processes that `next` leads to, the nearest first.
    fn reached(
        &self,
        first: ProcessId,
        next: impl Fn(ProcessId) -> Vec<ProcessId>,
    ) -> Vec<ProcessId> {
        let mut found = vec![first];
        let mut queue = VecDeque::from([first]);
        while let Some(process) = queue.pop_front() {
            for other in next(process) {
                if !found.contains(&other) {
                    found.push(other);
                    queue.push_back(other);
                }
            }
        }
        found
    }
}

impl Process {
    /// Tells whether it writes tokens of `channel` in a row in some iterations, and none in others.
    fn writes_in_bursts(&self, channel: ChannelId) -> bool {
        let writes = |phase: &super::Phase| phase.writes.contains(&channel);
        self.phases.iter().any(|phase| writes(phase) && phase.iterations > 1)
            && self.phases.iter().any(|phase| !writes(phase))
    }

    /// Tells whether it reads no token of `channel` in some iterations.
    fn pauses(&self, channel: ChannelId) -> bool {
        self.phases.iter().any(|phase| !phase.reads.contains(&channel))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Phase, Slots};
    use super::*;

    fn process(name: &str, phases: &[(u64, &[usize], &[usize])]) -> Process {
        let ids = |list: &[usize]| list.iter().map(|id| ChannelId(*id)).collect();
        let phases = phases.iter().map(|(iterations, reads, writes)| Phase {
            iterations: *iterations,
            interval: 1,
            reads: ids(reads),
            writes: ids(writes),
        });
        Process { name: name.into(), phases: phases.collect(), latency: 1 }
    }

    fn network(processes: Vec<Process>, channels: usize) -> Network {
        let channel = |position: usize| Channel {
            name: format!("c{position}"),
            token_bits: 8,
            slots: Slots::Words,
        };
        Network::new(processes, (0..channels).map(channel).collect()).unwrap()
    }

    #[test]
    fn branches_that_meet_are_named() {
        // x -0-> fork -1-> conv -2-> add -4-> y, fork -3-> add.
        let network = network(
            vec![
                process("x", &[(8, &[], &[0])]),
                process("fork", &[(8, &[0], &[1, 3])]),
                process("conv", &[(2, &[1], &[]), (6, &[1], &[2]), (2, &[], &[2])]),
                process("add", &[(8, &[2, 3], &[4])]),
                process("y", &[(8, &[4], &[])]),
            ],
            5,
        );
        let reasons: Vec<String> =
            (0..5).map(|id| network.reason(ChannelId(id)).to_string()).collect();
        let meet = "branches of 'fork' meet at 'add'";
        assert_eq!(reasons, ["chain", meet, meet, meet, "chain"]);
    }

    #[test]
    fn bursts_and_pauses_are_those_of_one_end() {
        let network = network(
            vec![
                process("x", &[(4, &[], &[0])]),
                process("frame", &[(4, &[0], &[]), (4, &[], &[1])]),
                process("y", &[(4, &[1], &[])]),
            ],
            2,
        );
        assert_eq!(network.reason(ChannelId(0)).to_string(), "pauses of 'frame'");
        assert_eq!(network.reason(ChannelId(1)).to_string(), "bursts of 'frame'");
    }
}
