//! `bitkiln quantizers`.

use std::path::PathBuf;

use bitkiln::quantizer::Quantizer;
use bitkiln::report;
use miette::Result;

use super::{Status, complaint, print, print_json};

/// Width of a table if the terminal does not state its own.
const WIDTH: u16 = 150;

/// List the quantizers of QKeras, or show the values and thresholds of one
#[derive(clap::Args)]
pub struct Args {
    /// Quantizer in QKeras' notation, 'quantized_relu(6,2)' [default: list all]
    quantizer: Option<String>,
    /// List all values, however many
    #[arg(long, requires = "quantizer")]
    all: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Plot the quantizer as SVG
    #[arg(long, value_name = "FILE.svg", requires = "quantizer")]
    plot: Option<PathBuf>,
}

pub fn run(args: &Args) -> Result<Status> {
    match &args.quantizer {
        Some(call) => one(args, call)?,
        None => all(args)?,
    }
    Ok(Status::Success)
}

fn all(args: &Args) -> Result<()> {
    let rows = report::quantizers::catalogue();
    if args.json {
        return print_json(&rows);
    }
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    print(&report::quantizers::table(&rows, columns.unwrap_or(WIDTH)));
    Ok(())
}

fn one(args: &Args, call: &str) -> Result<()> {
    let quantizer = call.parse::<Quantizer>()?;
    let detail = report::quantizers::detail(&quantizer, args.all)?;
    if let Some(path) = &args.plot {
        let picture = report::quantizers::plot(&quantizer)?;
        std::fs::write(path, picture).map_err(|error| {
            complaint(format!("{}: {error}", path.display()), "choose a file that can be written")
        })?;
    }
    if args.json {
        return print_json(&detail);
    }
    print(&detail.to_string());
    Ok(())
}
