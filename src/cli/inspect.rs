//! `bitkiln inspect`.

use std::path::PathBuf;

use bitkiln::back::Backend;
use bitkiln::hls::Design;
use bitkiln::{ir, report};
use miette::{IntoDiagnostic, Result};

use super::model::{ModelArgs, say};
use super::{Outcome, build, complaint, print, spare};

/// Show what hardware a model becomes: types, proven intervals, cost
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,
    /// Print the table as JSON
    #[arg(long)]
    json: bool,
    /// Print all columns of the table
    #[arg(long, conflicts_with = "json")]
    wide: bool,
    /// Write the graph of integer operations for Graphviz
    #[arg(long, value_name = "FILE")]
    dot: Option<PathBuf>,
}

pub fn run(args: &Args) -> Result<Outcome> {
    if let Some(dot) = &args.dot {
        spare(dot, &args.model.files())?;
    }
    let prepared = args.model.prepare()?;
    let (graph, proofs) = prepared.for_hardware()?;
    let backend = prepared.config.backend.unwrap_or(Backend::Vitis);
    let design = Design::new(&graph, &build::options(&prepared, backend, None, None))?;
    let rows = report::layers(&graph, &design);
    if let Some(path) = &args.dot {
        std::fs::write(path, ir::to_dot(&graph)).map_err(|error| {
            complaint(format!("{}: {error}", path.display()), "choose a place that can be written")
        })?;
    }
    if args.json {
        let all = serde_json::json!({ "model": prepared.model.name, "layers": rows, "scales": proofs.scales });
        print(&serde_json::to_string_pretty(&all).into_diagnostic()?)?;
    } else {
        print(&report::table(&rows, args.wide))?;
        say(&proofs)?;
    }
    Ok(Outcome::Good)
}
