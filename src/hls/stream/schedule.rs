//! Rates and depths of a streaming design, from its network of processes.

use crate::hls::network::{self, Channel, ChannelId, Network, Phase, Slots};
use crate::hls::plan::Flow;
use crate::hls::{Design, EdgeId, EdgeKind, EdgeRole, HlsError, Kernel, ProcessForm, Schedule};

/// Least depth of a FIFO: that of Vitis by default.
const DEPTH: u64 = 2;

/// Cycles of a process from a read to a write, on top of its kernel's: the registers of both.
const REGISTERS: u64 = 2;

/// Schedules `design` without its network: the intervals of steps, and that of the slowest process,
/// which is that of all if no stream is too short.
pub(super) fn schedule(design: &mut Design) {
    for at in 0..design.processes.len() {
        let mut form = design.processes[at].form.clone();
        if let ProcessForm::Recurrence(recurrence) = &mut form {
            design.processes[at].plan = recurrence.schedule(design);
            design.processes[at].form = form;
        }
    }
    let slowest = design.processes.iter().map(|process| process.cycles(design)).max();
    let multipliers = design.kernels.iter().map(Kernel::multiplier_instances).sum();
    let initiation_interval = slowest.unwrap_or(1);
    design.schedule = Schedule { flow: Flow::Dataflow, initiation_interval, multipliers };
}

/// Sets the network of `design`, the depths of its streams, and the interval at these depths.
pub(in crate::hls) fn connect(design: &mut Design) -> Result<(), HlsError> {
    let streams = streams(design);
    let defect = |error: &dyn std::fmt::Display| HlsError::Graph {
        node: design.name.clone(),
        rule: error.to_string(),
    };
    let network = network(design, &streams).map_err(|error| defect(&error))?;
    let least = network.least_depths().map_err(|error| defect(&error))?;
    let depths = network.full_rate_depths(&least).map_err(|error| defect(&error))?;
    let bounded: Vec<Option<u64>> = depths.iter().copied().map(Some).collect();
    let run = network.steady(&bounded).map_err(|error| defect(&error))?;
    design.schedule.initiation_interval = run.interval();
    design.network = Some(network);
    for (position, edge) in streams.iter().enumerate() {
        if let EdgeKind::Stream(stream) = &mut design.edges[edge.0].kind {
            stream.depth = depths[position].max(DEPTH);
            stream.least_depth = least[position];
        }
    }
    Ok(())
}

/// The streams of a design: the channels of its network, in order.
pub(super) fn streams(design: &Design) -> Vec<EdgeId> {
    let is_stream = |edge: &EdgeId| matches!(design[*edge].kind, EdgeKind::Stream(_));
    (0..design.edges.len()).map(EdgeId).filter(is_stream).collect()
}

/// The network of a design: its processes, one that writes each input, and one that reads each
/// output.
fn network(design: &Design, streams: &[EdgeId]) -> Result<Network, network::NetworkError> {
    let channel = |edge: &EdgeId| {
        let position = streams.iter().position(|stream| stream == edge);
        ChannelId(position.expect("processes are connected by streams"))
    };
    let channels = streams.iter().map(|edge| {
        let edge = &design[*edge];
        let token_bits = match edge.kind {
            EdgeKind::Stream(stream) => {
                let width = design[edge.element].quantization.format.width();
                design[stream.token].lanes as u64 * u64::from(width)
            }
            EdgeKind::Array(_) => 0,
        };
        Channel { name: edge.name.clone(), token_bits, slots: Slots::Words }
    });
    let processes = design.processes.iter().map(|process| network::Process {
        name: process.name.clone(),
        phases: process.phases(design, channel),
        latency: REGISTERS + process.latency(design),
    });
    let ports = streams.iter().filter_map(|stream| {
        let edge = &design[*stream];
        let EdgeKind::Stream(kind) = edge.kind else { return None };
        let (reads, writes) = match edge.role {
            EdgeRole::Input => (vec![], vec![channel(stream)]),
            EdgeRole::Output => (vec![channel(stream)], vec![]),
            EdgeRole::Internal | EdgeRole::Local(_) => return None,
        };
        let phases = vec![Phase { iterations: kind.tokens as u64, interval: 1, reads, writes }];
        Some(network::Process { name: edge.name.clone(), phases, latency: 0 })
    });
    Network::new(processes.chain(ports).collect(), channels.collect())
}
