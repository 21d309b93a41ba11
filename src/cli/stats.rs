//! `bitkiln stats`.

use bitkiln::qtools::Statistics;
use bitkiln::{CompilerOptions, report};
use miette::Result;

use super::model::{ModelArgs, say};
use super::{Status, print, print_json};

/// Count operations, weights and zeros of every layer as QKeras does, and list the quantizers
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,
    /// Print JSON in the names of QKeras
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<Status> {
    let network = args.model.load(CompilerOptions::default())?;
    let statistics = Statistics::new(network.model(), network.graph())?;
    say(&network);
    if args.json {
        print_json(&statistics)?;
    } else {
        print(&report::qtools::statistics(&statistics));
    }
    Ok(Status::Success)
}
