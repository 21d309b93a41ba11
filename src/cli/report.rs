//! `bitkiln report`.

use std::path::{Path, PathBuf};

use bitkiln::back::{self, Headers, Manifest, ModelSource};
use bitkiln::diagnostic::Diagnostic;
use bitkiln::report::page::{Page, ProjectState, Verification, classification, comparison};
use bitkiln::{CompilerOptions, Hardware, InputType, Network, PageSources, front};
use miette::{IntoDiagnostic, Result};

use super::compared::{StatedArrays, compared};
use super::hardware::HardwareArgs;
use super::model::{ModelArgs, say};
use super::{Status, check_extension, complaint, note, print, print_json, spare, verify};

/// Write a report of a model and its hardware as one HTML file
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    hardware: HardwareArgs,
    /// Samples, .npz or .npy [default: 100 random samples]
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Labels for the accuracy: .npy for one output, else .npz with one array per output
    #[arg(long, value_name = "FILE", requires = "input")]
    labels: Option<PathBuf>,
    /// Outputs of the trained model to compare with, .npy or .npz, which may have results of other layers as
    /// well [default: the model in float64]
    #[arg(long, value_name = "FILE", requires = "input")]
    reference: Option<PathBuf>,
    /// Samples for the statistics of layers: the first ones of --input
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    samples: u64,
    /// Project that `build` wrote: the report shows its hardware, and what differs in it
    #[arg(long, value_name = "FOLDER")]
    #[arg(conflicts_with_all = ["backend", "part", "clock_period", "reuse_factor", "target_interval",
        "target_rate", "fit", "strategy", "io"])]
    project: Option<PathBuf>,
    /// Compile the project with g++ and compare every output
    #[arg(long, requires = "project")]
    verify: bool,
    /// Fixed-point headers for --verify: 'builtin', 'vendor', or a folder
    #[arg(long, default_value = "builtin", value_name = "HEADERS", value_parser = verify::headers)]
    headers: Headers,
    /// The report, .html
    #[arg(short, long, value_name = "FILE", required_unless_present = "json")]
    output: Option<PathBuf>,
    /// Print the data of the report as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<Status> {
    if let Some(output) = &args.output {
        let others = [&args.input, &args.labels, &args.reference].map(|file| file.as_deref());
        spare(output, &[&args.model.files()[..], &others].concat())?;
        check_extension(output, &["html", "htm"], "a report is written")?;
    }
    let manifest = args.project.as_deref().map(back::read_manifest).transpose()?;
    let other = manifest.as_ref().and_then(|manifest| other_model(args, manifest));
    other.iter().for_each(|other| note(format_args!("{other}")));
    let network = args.model.load(options(args, manifest.as_ref()))?;
    let page = page(args, &network, manifest.as_ref());
    say(&network);
    let mut page = page?;
    let mismatches = page.project.as_ref().and_then(mismatches);
    mismatches.iter().for_each(|it| note(format_args!("{it}")));
    page.diagnostics.extend(other.into_iter().chain(mismatches));
    if let Some(output) = &args.output {
        let html = page.html().into_diagnostic()?;
        std::fs::write(output, html).map_err(|error| {
            let message = format!("{}: {error}", output.display());
            complaint(message, "choose a file that can be written")
        })?;
        if !args.json {
            print(&format!("wrote the report to {}", output.display()));
        }
    }
    if args.json {
        print_json(&page)?;
    }
    let is_exact = page.project.as_ref().is_none_or(ProjectState::is_exact);
    Ok(if is_exact { Status::Success } else { Status::Mismatch })
}

/// A warning if the testbench of a project found mismatches.
fn mismatches(project: &ProjectState) -> Option<Diagnostic> {
    let Verification::Run(verdict) = &project.verification else { return None };
    let of_network = verdict.network.as_ref().map_or(0, |network| network.mismatches);
    let message = match (verdict.mismatches, of_network) {
        (0, 0) => return None,
        (0, count) => format!("{count} values with bounded FIFOs"),
        (count, _) => format!("{count} of {} values", verdict.compared),
    };
    let message = format!("C simulation of the project differs in {message}");
    Some(Diagnostic::warning("mismatches", message))
}

/// A warning if the project was built from another model file.
fn other_model(args: &Args, project: &Manifest) -> Option<Diagnostic> {
    let (built, [Some(file), ..]) = (project.model.as_ref()?, args.model.files()) else {
        return None;
    };
    // Loading the model tells what is wrong with its file.
    let own = ModelSource::new(file, &front::model_bytes(file).ok()?);
    (own.sha256 != built.sha256).then(|| {
        let message = format!(
            "the project was built from {}, which is another file than {}",
            built.file, own.file
        );
        Diagnostic::warning("other-model", message)
    })
}

/// The options of the compiler; the inputs have the types of a project, unless the user states others.
fn options(args: &Args, project: Option<&Manifest>) -> CompilerOptions {
    let inputs = project.map_or(&[][..], |project| &project.inputs);
    let input_types = inputs.iter().map(|port| InputType {
        input: Some(port.layer.clone()),
        format: port.element.format,
        modes: None,
    });
    CompilerOptions { input_types: input_types.collect(), ..args.hardware.options() }
}

/// The data of the report.
fn page(args: &Args, network: &Network, manifest: Option<&Manifest>) -> Result<Page> {
    let hardware = match manifest {
        Some(manifest) => network.design_like(manifest)?,
        None => network.design()?,
    };
    let project = match (manifest, &args.project) {
        (Some(manifest), Some(folder)) => Some(project(args, &hardware, manifest, folder)?),
        _ => None,
    };
    let mut sources = PageSources {
        statistics: usize::try_from(args.samples).unwrap_or(usize::MAX),
        project,
        ..PageSources::default()
    };
    if let Some(file) = &args.input {
        let samples = front::read_arrays(file)?;
        sources.file = Some(file.display().to_string());
        let labels = StatedArrays::read(network, args.labels.as_deref())?;
        let reference = StatedArrays::read(network, args.reference.as_deref())?;
        if labels.is_some() || reference.is_some() {
            let outputs = network.predict(&samples)?;
            sources.classifications = compared(network, &outputs, labels.as_ref(), classification)?;
            sources.comparisons = compared(network, &outputs, reference.as_ref(), comparison)?;
        }
        sources.reference = reference.map_or_else(Vec::new, |stated| stated.arrays);
        sources.samples = Some(samples);
    }
    Ok(hardware.page(sources)?)
}

/// The state of the project in `folder`.
fn project(
    args: &Args,
    hardware: &Hardware<'_>,
    manifest: &Manifest,
    folder: &Path,
) -> Result<ProjectState> {
    let headers = args.verify.then(|| args.headers.clone());
    let verdict = headers.map(|headers| hardware.verify(folder, headers)).transpose()?;
    let model = hardware.model_source()?;
    let place = folder.display().to_string();
    Ok(ProjectState::new(&place, manifest, (&hardware.design, model.as_ref()), verdict))
}
