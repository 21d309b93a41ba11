//! `bitkiln build`.

use std::path::PathBuf;

use bitkiln::back::{self, Headers, Vectors};
use bitkiln::fixed::Codes;
use bitkiln::{CompileError, Hardware, Network};
use miette::{IntoDiagnostic, Result};

use super::hardware::HardwareArgs;
use super::model::{ModelArgs, say};
use super::{Status, complaint, inspect, print, print_json, verify};

/// Number of random samples for the testbench by default.
const RANDOM_SAMPLES: usize = 100;

/// Write an HLS project for Vitis or Catapult, with test vectors
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,
    /// Folder of the project [default: OutputDir of the configuration]
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,
    #[command(flatten)]
    hardware: HardwareArgs,
    /// Samples for the testbench, .npz or .npy [default: 100 random samples]
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Compile the project with g++ and compare every output
    #[arg(long)]
    verify: bool,
    /// Fixed-point headers for --verify: 'builtin', 'vendor', or a folder
    #[arg(long, default_value = "builtin", value_name = "HEADERS", value_parser = verify::headers)]
    headers: Headers,
    /// Overwrite a folder that Bitkiln did not write
    #[arg(long)]
    force: bool,
    /// Print all columns of the table
    #[arg(long, conflicts_with = "json")]
    wide: bool,
    /// Print the layers, diagnostics and verdict as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<Status> {
    let network = args.model.load(args.hardware.options())?;
    let prepared = prepare(args, &network);
    say(&network);
    let (folder, hardware, vectors) = prepared?;

    if !args.json {
        inspect::print_table(&hardware, args.wide);
    }
    hardware.emit(&folder, &vectors, args.force)?;
    let written = format!("wrote the {} project to {}", hardware.backend.title(), folder.display());
    if !args.json {
        print(&written);
    }
    let headers = args.verify.then(|| args.headers.clone());
    let verdict = headers.map(|headers| hardware.verify(&folder, headers)).transpose()?;
    if args.json {
        let mut all = inspect::json(&network, &hardware);
        all["project"] = folder.to_string_lossy().into();
        all["verdict"] = serde_json::to_value(&verdict).into_diagnostic()?;
        print_json(&all)?;
    } else if let Some(verdict) = &verdict {
        print(&verify::describe(verdict));
    }
    Ok(verdict.as_ref().map_or(Status::Success, verify::outcome))
}

/// All that may fail because of the user's files and options, before anything is written.
fn prepare<'n>(args: &Args, network: &'n Network) -> Result<(PathBuf, Hardware<'n>, Vectors)> {
    let options = network.options();
    let folder = args.output.as_ref().or(options.config.output_dir.as_ref()).ok_or_else(|| {
        complaint("no folder for the project", "name one: bitkiln build model.h5 -o prj")
    })?;
    if folder.as_os_str() == "-" {
        let what = "-: a project is a folder of files, not one file for standard output";
        return Err(complaint(what, "name a folder: bitkiln build model.h5 -o prj"));
    }
    if args.verify {
        back::find_headers(options.backend(), &args.headers)?;
    }
    let hardware = network.design()?;
    let inputs = match &args.input {
        Some(file) => {
            let inputs = network.read_samples(file)?;
            if inputs.iter().any(Codes::is_empty) {
                return Err(
                    CompileError::NoSamples { source_name: file.display().to_string() }.into()
                );
            }
            inputs
        }
        None => network.random_samples(RANDOM_SAMPLES),
    };
    let vectors = hardware.vectors(inputs)?;
    Ok((folder.clone(), hardware, vectors))
}
