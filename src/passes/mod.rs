//! Optimization passes over a graph. No pass changes an output of the network.
//!
//! Each pass has a file. It also runs on the body of a recurrent layer, whose outputs it keeps. Two lists
//! set the order; after each pass the graph is validated.
//!
//! - [`PASSES`], run by [`run`], keep the result of every layer: simulation and traces use their
//!   graph.
//! - [`HARDWARE_PASSES`], run by [`for_hardware`], keep the outputs of the network and may change
//!   intermediate results, with a proof: hardware is generated from their graph.

mod compose_layouts;
mod drop_noops;
mod merge_padding;
mod merge_scans;
mod narrow_scales;
mod sink_layouts;
#[cfg(test)]
mod test;

use serde::Serialize;

use crate::ir::{Graph, Inferences, Invalid, Op};

pub use narrow_scales::{MAX_THRESHOLDS, Outcome, Scale, ScaleTypes};

/// A pass.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    /// Name of the pass and of its file.
    pub name: &'static str,
    /// Description in one sentence.
    pub purpose: &'static str,
    run: fn(&mut Graph, &mut Report),
}

/// Results of the passes for the user.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// The type of each real-valued scale, and the reason for it.
    pub scales: Vec<Scale>,
}

/// Passes that run on every graph, in order.
pub const PASSES: &[Pass] =
    &[drop_noops::PASS, merge_scans::PASS, sink_layouts::PASS, compose_layouts::PASS];

/// Passes that follow for hardware, in order.
pub const HARDWARE_PASSES: &[Pass] = &[narrow_scales::PASS, drop_noops::PASS, merge_padding::PASS];

/// Runs [`PASSES`].
///
/// # Errors
/// If a pass breaks the graph, which is a bug of the pass.
pub fn run(graph: &mut Graph) -> Result<Report, Invalid> {
    run_all(PASSES, graph)
}

/// The graph that hardware is generated from: `graph` after [`HARDWARE_PASSES`]. Its outputs equal
/// those of `graph` for every input; intermediate results may have fewer fractional bits.
///
/// # Errors
/// If a pass breaks the graph, which is a bug of the pass.
pub fn for_hardware(graph: &Graph) -> Result<(Graph, Report), Invalid> {
    let mut graph = graph.clone();
    let report = run_all(HARDWARE_PASSES, &mut graph)?;
    Ok((graph, report))
}

fn run_all(passes: &[Pass], graph: &mut Graph) -> Result<Report, Invalid> {
    let mut report = Report::default();
    let mut inferences = Inferences::default();
    passes.iter().try_for_each(|pass| pass.apply(graph, &mut report, &mut inferences))?;
    Ok(report)
}

impl Pass {
    /// Runs the pass on the bodies of operations and on the graph, and validates the graph. `inferences`
    /// are those of the passes before.
    ///
    /// # Errors
    /// If the pass breaks the graph, which is a bug of the pass.
    pub fn apply(
        &self,
        graph: &mut Graph,
        report: &mut Report,
        inferences: &mut Inferences,
    ) -> Result<(), Invalid> {
        self.run_on_all(graph, report);
        inferences.validate(graph)
    }

    /// Runs the pass on each body as on a network, whose outputs it keeps, then on the graph.
    fn run_on_all(&self, graph: &mut Graph, report: &mut Report) {
        for node in graph.topological_order() {
            if let Op::Scan(scan) = &mut graph[node].op {
                self.run_on_all(&mut scan.body, report);
            }
        }
        (self.run)(graph, report);
    }
}
