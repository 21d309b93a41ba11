//! `bitkiln run`.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use bitkiln::fixed::Range;
use bitkiln::front::Arrays;
use bitkiln::report::{self, AccuracyError};
use bitkiln::sim::Executor;
use bitkiln::{CompilerOptions, NamedArrays, Network, front, ir};
use miette::Result;
use ndarray::ArrayD;

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
    let (samples, results) = computed?;
    let accuracy = compared(&network, &results, args.labels.as_deref(), report::accuracy)?;
    let agreement = compared(&network, &results, args.reference.as_deref(), report::agreement)?;
    let names = match &args.output {
        Some(output) => write(output, results)?,
        None => vec![],
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

/// The number of samples, and the results by name.
fn compute(args: &Args, network: &Network) -> Result<(usize, NamedArrays)> {
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
    let inputs = network.read_samples(&args.input)?;
    let samples = inputs.first().and_then(|codes| codes.shape().first()).copied();
    let arrays =
        if args.trace { network.run(&inputs)?.layers() } else { network.outputs(&inputs)? };
    Ok((samples.unwrap_or(0), arrays))
}

/// A comparison of the values of an output, whose codes have this range and this LSB, with others.
type Compare<R> =
    fn(&str, &ArrayD<f64>, (&Range, f64), &ArrayD<f64>) -> std::result::Result<R, AccuracyError>;

/// The comparison of each output with its array in `file`; none without a file.
fn compared<R>(
    network: &Network,
    results: &NamedArrays,
    file: Option<&Path>,
    compare: Compare<R>,
) -> Result<Vec<R>> {
    let Some(file) = file else { return Ok(vec![]) };
    let arrays = front::read_arrays(file)?;
    let graph = network.graph();
    let one = |output: &ir::Output| {
        let name = output.name.as_str();
        let array = match &arrays {
            Arrays::One(array) if graph.outputs.len() == 1 => Some(array),
            Arrays::Named(arrays) if graph.outputs.len() == 1 && arrays.len() == 1 => {
                Some(&arrays[0].1)
            }
            Arrays::Named(arrays) => arrays.iter().find(|(known, _)| known == name).map(|it| &it.1),
            Arrays::One(_) => None,
        };
        let missing = || {
            complaint(
                format!("{}: no array for the output '{name}'", file.display()),
                "write a .npz with an array for each output, by the names of the output layers",
            )
        };
        let array = array.ok_or_else(missing)?;
        let values = results.iter().find(|(known, _)| known == name).map(|(_, values)| values);
        let values = values.ok_or_else(missing)?;
        let tensor = &graph[output.node].tensor;
        let types = (&tensor.range(), tensor.format.lsb());
        compare(name, values, types, array).map_err(|error| {
            complaint(
                format!("{}: {error}", file.display()),
                "labels are the numbers of classes, one for each sample, or rows like those of the output",
            )
        })
    };
    graph.outputs.iter().map(one).collect()
}

/// True for a file of one array without a name.
fn is_npy(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("npy"))
}

/// Writes the results; their names.
fn write(file: &Path, results: NamedArrays) -> Result<Vec<String>> {
    let (names, values): (Vec<String>, Vec<_>) = results.into_iter().unzip();
    match &values[..] {
        [array] if is_npy(file) => front::write_npy(file, array)?,
        _ => {
            let arrays: Vec<_> = names.iter().map(String::as_str).zip(values).collect();
            front::write_npz(file, &arrays)?;
        }
    }
    Ok(names)
}
