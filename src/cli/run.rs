//! `bitkiln run`.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use bitkiln::front::ArrayWriter;
use bitkiln::report;
use bitkiln::sim::Executor;
use bitkiln::{CompilerOptions, FileRun, NamedArrays, Network};
use miette::{Report, Result};
use ndarray::Axis;

use super::compared::{StatedArrays, compared};
use super::model::{ModelArgs, say};
use super::{Status, check_extension, complaint, print, print_json, spare};

/// Compute the outputs of a model, bit for bit as the hardware does
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,
    /// Samples: .npz with one array per input, or .npy for a single input; the first axis counts samples
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// Outputs, float64: .npy for a model with one output, else .npz with one array per output layer
    #[arg(short, long, value_name = "FILE", required_unless_present_any = ["labels", "reference"])]
    output: Option<PathBuf>,
    /// Write the result of every layer
    #[arg(long)]
    trace: bool,
    /// Print the accuracy for these labels: .npy for one output, else .npz with one array per output
    ///
    /// A label is the number of a class, or a row with the largest value at the class.
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Print the errors against these outputs, such as those of the trained model: .npy or .npz
    #[arg(long, value_name = "FILE")]
    reference: Option<PathBuf>,
    /// Threads that share the samples [default: one for each processor]
    #[arg(long, value_name = "COUNT")]
    threads: Option<NonZeroUsize>,
    /// Samples of a file in memory at a time [default: those of a small file, or as many as take 64 MiB]
    #[arg(long, value_name = "SAMPLES")]
    chunk: Option<NonZeroUsize>,
    /// Print the names of the arrays, the comparisons and the diagnostics as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<Status> {
    let [model, weights, config] = args.model.files();
    if let Some(output) = &args.output {
        let compared = [args.labels.as_deref(), args.reference.as_deref()];
        let read = [model, weights, config, Some(args.input.as_path())];
        spare(output, &[&read[..], &compared].concat())?;
        check_extension(output, &["npz", "npy"], "outputs are written")?;
    }
    let executor = Executor { threads: args.threads, ..Executor::default() };
    let network = args.model.load(CompilerOptions { executor, ..CompilerOptions::default() })?;
    let computed = compute(args, &network);
    say(&network);
    let Computed { samples, results, writer } = computed?;
    let labels = StatedArrays::read(&network, args.labels.as_deref())?;
    let reference = StatedArrays::read(&network, args.reference.as_deref())?;
    let accuracy = compared(&network, &results, labels.as_ref(), report::accuracy)?;
    let agreement = compared(&network, &results, reference.as_ref(), report::agreement)?;
    let names = match (&args.output, writer) {
        (Some(output), Some(writer)) => writer.finish(is_npy(output))?,
        _ => vec![],
    };
    if args.json {
        let all = serde_json::json!({
            "samples": samples,
            "file": args.output.as_ref().map(|output| output.to_string_lossy()),
            "arrays": names,
            "accuracy": accuracy,
            "agreement": agreement,
            "diagnostics": network.diagnostics(),
        });
        return print_json(&all).map(|()| Status::Success);
    }
    match &args.output {
        Some(to) => {
            print(&format!("{samples} samples: wrote {} to {}", names.join(", "), to.display()));
        }
        None => print(&format!("{samples} samples")),
    }
    accuracy.iter().for_each(|it| print(&it.to_string()));
    agreement.iter().for_each(|it| print(&it.to_string()));
    Ok(Status::Success)
}

/// The results of a run.
#[derive(Default)]
struct Computed {
    samples: usize,
    /// All results, if they are compared with others.
    results: NamedArrays,
    /// The file of the results.
    writer: Option<ArrayWriter>,
}

/// Runs all samples, and writes the results as they come.
fn compute(args: &Args, network: &Network) -> Result<Computed> {
    let results = network.graph().outputs.len();
    if let Some(output) = args.output.as_ref().filter(|output| is_npy(output))
        && (args.trace || results > 1)
    {
        let results = if args.trace {
            "--trace".to_owned()
        } else {
            format!("a model with {results} outputs")
        };
        return Err(complaint(
            format!("{}: .npy holds one array, not those of {results}", output.display()),
            "choose a name that ends in .npz, which holds any number of arrays",
        ));
    }
    let is_compared = args.labels.is_some() || args.reference.is_some();
    let mut all = Computed::default();
    let run = FileRun { with_layers: args.trace, chunk: args.chunk };
    network.run_file(&args.input, run, |part| {
        all.samples = part.done;
        if let Some(output) = &args.output {
            let writer = match &mut all.writer {
                Some(writer) => writer,
                none => none.insert(ArrayWriter::create(output, part.samples)?),
            };
            writer.append(&part.results)?;
        }
        if is_compared {
            append(&mut all.results, part.results);
        }
        Ok::<(), Report>(())
    })?;
    Ok(all)
}

/// Appends the rows of each array of `part`.
fn append(all: &mut NamedArrays, part: NamedArrays) {
    if all.is_empty() {
        *all = part;
        return;
    }
    for ((_, all), (_, part)) in all.iter_mut().zip(part) {
        all.append(Axis(0), part.view()).expect("the parts of a result have one shape");
    }
}

/// True for a file of one array without a name.
fn is_npy(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("npy"))
}
