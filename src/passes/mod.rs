//! Graph to graph: each pass makes a graph cheaper and leaves every result as it was.
//!
//! A pass has a name, a sentence, and a file; [`PASSES`] lists them in the order in which [`run`]
//! takes them. After each the graph is validated.

mod drop_noops;

use crate::ir::{Graph, Invalid, validate};

/// A pass.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    /// Its name: that of its file.
    pub name: &'static str,
    /// What it does, in a sentence.
    pub purpose: &'static str,
    run: fn(&mut Graph),
}

/// All passes, in their order.
pub const PASSES: &[Pass] = &[drop_noops::PASS];

/// Runs all passes.
///
/// # Errors
/// If a pass breaks the graph, which is a defect of the pass.
pub fn run(graph: &mut Graph) -> Result<(), Invalid> {
    for pass in PASSES {
        (pass.run)(graph);
        validate(graph)?;
    }
    Ok(())
}
