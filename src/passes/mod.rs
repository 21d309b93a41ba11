//! Graph to graph: each pass makes a graph cheaper and leaves every result as it was.
//!
//! A pass has a name, a sentence, and a file; two lists say in which order they run. After each the
//! graph is validated.
//!
//! - [`PASSES`], taken by [`run`], leave every layer's result as it was: what comes of them is
//!   simulated and traced.
//! - [`HARDWARE_PASSES`], taken by [`for_hardware`], leave the network's outputs as they were, and
//!   what they do inside they prove: hardware is built from what comes of them.

mod compose_layouts;
mod drop_noops;
mod narrow_scales;
mod sink_layouts;
#[cfg(test)]
mod test;

use serde::Serialize;

use crate::ir::{Graph, Invalid, validate};

pub use narrow_scales::{MAX_THRESHOLDS, Outcome, Scale, ScaleTypes};

/// A pass.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    /// Its name: that of its file.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub purpose: &'static str,
    run: fn(&mut Graph, &mut Report),
}

/// What passes found out, for their users to see.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// The type of each real-valued scale, and why it suffices.
    pub scales: Vec<Scale>,
}

/// The passes of every graph, in their order.
pub const PASSES: &[Pass] = &[drop_noops::PASS, sink_layouts::PASS, compose_layouts::PASS];

/// The passes that follow for hardware, in their order.
pub const HARDWARE_PASSES: &[Pass] = &[narrow_scales::PASS, drop_noops::PASS];

/// Runs [`PASSES`].
///
/// # Errors
/// If a pass breaks the graph, which is a defect of the pass.
pub fn run(graph: &mut Graph) -> Result<Report, Invalid> {
    run_all(PASSES, graph)
}

/// What hardware is built from: `graph` after [`HARDWARE_PASSES`]. Its outputs are those of `graph`
/// for every input; what lies between may count in coarser steps.
///
/// # Errors
/// If a pass breaks the graph, which is a defect of the pass.
pub fn for_hardware(graph: &Graph) -> Result<(Graph, Report), Invalid> {
    let mut graph = graph.clone();
    let report = run_all(HARDWARE_PASSES, &mut graph)?;
    Ok((graph, report))
}

fn run_all(passes: &[Pass], graph: &mut Graph) -> Result<Report, Invalid> {
    let mut report = Report::default();
    passes.iter().try_for_each(|pass| pass.apply(graph, &mut report))?;
    Ok(report)
}

impl Pass {
    /// Runs the pass and validates its graph.
    ///
    /// # Errors
    /// If the pass breaks the graph, which is a defect of the pass.
    pub fn apply(&self, graph: &mut Graph, report: &mut Report) -> Result<(), Invalid> {
        (self.run)(graph, report);
        validate(graph)
    }
}
