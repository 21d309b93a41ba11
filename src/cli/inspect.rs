//! `bitkiln inspect`.

use std::path::{Path, PathBuf};

use bitkiln::{Hardware, Network, ir, report};
use miette::{IntoDiagnostic, Result};
use serde_json::{Value, json};

use super::hardware::HardwareArgs;
use super::model::{ModelArgs, say};
use super::{Status, complaint, print, print_json, spare};

/// Longest list of numbers that --ir prints without --wide.
const ELIDE: usize = 16;

/// Show types, proven ranges and hardware cost of every layer
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    hardware: HardwareArgs,
    /// Print the layers and diagnostics as JSON
    #[arg(long)]
    json: bool,
    /// Print all columns of the table; with --ir, all weights
    #[arg(long, conflicts_with = "json")]
    wide: bool,
    /// Print the graph of integer operations as text
    #[arg(long, conflicts_with = "json")]
    ir: bool,
    /// Pass after which --ir prints the graph, or 'lower' [default: after all passes]
    #[arg(long, value_name = "PASS", requires = "ir")]
    after: Option<String>,
    /// Write the graph of integer operations for Graphviz
    #[arg(long, value_name = "FILE")]
    dot: Option<PathBuf>,
    /// Draw the schedule of a streaming design as SVG: processes over cycles, and FIFOs
    #[arg(long, value_name = "FILE")]
    schedule: Option<PathBuf>,
}

pub fn run(args: &Args) -> Result<Status> {
    for file in [&args.dot, &args.schedule].into_iter().flatten() {
        spare(file, &args.model.files())?;
    }
    let network = args.model.load(args.hardware.options())?;
    let hardware = network.design();
    say(&network);
    if args.ir && args.dot.is_none() && args.schedule.is_none() {
        // The graph needs no hardware.
        return print_graph(&network, args);
    }
    let hardware = hardware?;
    if let Some(path) = &args.dot {
        write(path, &ir::to_dot(&hardware.graph))?;
    }
    let schedule = report::schedule(&hardware.design);
    if let Some(path) = &args.schedule {
        let schedule = schedule
            .as_ref()
            .ok_or_else(|| complaint("--schedule: the design has no streams", "add --io stream"))?;
        write(path, &schedule.svg(&hardware.design.name).into_diagnostic()?)?;
    }
    if args.ir {
        return print_graph(&network, args);
    } else if args.json {
        print_json(&json(&network, &hardware))?;
    } else {
        print_table(&hardware, args.wide);
        if let Some(schedule) = &schedule {
            print(&format!("\n{}", schedule.tables()));
        }
    }
    Ok(Status::Success)
}

fn print_graph(network: &Network, args: &Args) -> Result<Status> {
    let elide = (!args.wide).then_some(ELIDE);
    print(&ir::text::print(&network.graph_after(args.after.as_deref())?, elide));
    Ok(Status::Success)
}

/// Writes `text` to the file `path`.
fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(|error| {
        let message = format!("{}: {error}", path.display());
        complaint(message, "choose a file that can be written")
    })
}

/// The table of layers, the rate and resources of all, and the types of real-valued scales.
pub fn print_table(hardware: &Hardware<'_>, wide: bool) {
    let rows = report::layers(&hardware.graph, &hardware.design);
    print(&report::table(&rows, wide));
    print(&report::summary(&hardware.design).to_string());
    let scales = hardware.report.scales.iter().filter(|scale| !scale.is_limited());
    scales.for_each(|scale| print(&scale.to_string()));
}

/// The same as data, with the diagnostics.
pub fn json(network: &Network, hardware: &Hardware<'_>) -> Value {
    json!({
        "model": network.model().name,
        "layers": report::layers(&hardware.graph, &hardware.design),
        "scales": hardware.report.scales,
        "summary": report::summary(&hardware.design),
        "schedule": report::schedule(&hardware.design),
        "diagnostics": network.diagnostics(),
    })
}
