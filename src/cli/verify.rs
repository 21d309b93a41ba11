//! `bitkiln verify`.

use std::convert::Infallible;
use std::path::PathBuf;

use bitkiln::back::{self, Headers, Verdict};
use miette::Result;

use super::progress::ProgressArgs;
use super::{Status, print, print_json};

/// Compile a project with g++, run its testbench, and compare every output
#[derive(clap::Args)]
pub struct Args {
    /// Folder of the project
    project: PathBuf,
    /// Fixed-point headers: 'builtin', 'vendor', or a folder
    #[arg(long, default_value = "builtin", value_name = "HEADERS", value_parser = headers)]
    headers: Headers,
    #[command(flatten)]
    progress: ProgressArgs,
    /// Print the verdict as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<Status> {
    let verdict =
        back::verify_observed(&args.project, args.headers.clone(), &args.progress.observer())?;
    if args.json {
        print_json(&verdict)?;
    } else {
        print(&describe(&verdict));
    }
    Ok(outcome(&verdict))
}

/// The headers that a word on the command line names.
pub fn headers(word: &str) -> std::result::Result<Headers, Infallible> {
    Ok(match word {
        "builtin" => Headers::Builtin,
        "vendor" => Headers::Vendor,
        folder => Headers::Dir(folder.into()),
    })
}

/// Exit code 1 for any mismatch.
pub fn outcome(verdict: &Verdict) -> Status {
    if verdict.is_exact() { Status::Success } else { Status::Mismatch }
}

/// A verdict in words.
pub fn describe(verdict: &Verdict) -> String {
    let mut text: String = verdict.details.iter().map(|line| format!("{line}\n")).collect();
    let network = verdict.network.as_ref().map_or_else(String::new, |network| {
        format!(
            "; {} samples with bounded FIFOs, at their depths and at the least ones: {} mismatches",
            network.samples, network.mismatches
        )
    });
    text.push_str(&format!(
        "{} values compared, {} mismatches{network} (headers: {}; compiled in {:.1} s, run in {:.2} s)",
        verdict.compared,
        verdict.mismatches,
        verdict.headers,
        verdict.compile_seconds,
        verdict.run_seconds
    ));
    text
}
