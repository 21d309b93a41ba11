//! `bitkiln run`.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use bitkiln::front::Arrays;
use bitkiln::report::{Agreement, Classification};
use bitkiln::sim::Executor;
use bitkiln::{CompilerOptions, NamedArrays, Network, front};
use miette::{IntoDiagnostic, Result};

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
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Write the result of every layer
    #[arg(long)]
    trace: bool,
    /// Classes of the samples, .npy or .npz with one array: print accuracy, AUC and confusion
    #[arg(long, value_name = "FILE", conflicts_with = "trace")]
    labels: Option<PathBuf>,
    /// Outputs of another implementation, .npz with an array per output or .npy: print the differences
    #[arg(long, value_name = "FILE", conflicts_with = "trace")]
    reference: Option<PathBuf>,
    /// Threads that share the samples [default: one for each processor]
    #[arg(long, value_name = "COUNT")]
    threads: Option<NonZeroUsize>,
    /// Print the names of the arrays and the diagnostics as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<Status> {
    let [model, weights, config] = args.model.files();
    let (labels, reference) = (args.labels.as_deref(), args.reference.as_deref());
    let read = [model, weights, config, Some(&args.input), labels, reference];
    spare(&args.output, &read)?;
    check_extension(&args.output, &["npz", "npy"], "outputs are written")?;
    let executor = Executor { threads: args.threads, ..Executor::default() };
    let network = args.model.load(CompilerOptions { executor, ..CompilerOptions::default() })?;
    let computed = compute(args, &network);
    say(&network);
    let (samples, results) = computed?;
    let classes = labels.map(|file| classification(file, &results)).transpose()?;
    let agreements = reference.map(|file| agreements(file, &results)).transpose()?;
    let names = write(&args.output, results)?;
    if args.json {
        let mut all = serde_json::json!({
            "samples": samples,
            "file": args.output.to_string_lossy(),
            "arrays": names,
            "diagnostics": network.diagnostics(),
        });
        if let Some(classes) = &classes {
            all["classification"] = serde_json::to_value(classes).into_diagnostic()?;
        }
        if let Some(agreements) = &agreements {
            let outputs =
                agreements.iter().map(|(output, it)| (output.clone(), serde_json::json!(it)));
            all["reference"] = outputs.collect::<serde_json::Map<_, _>>().into();
        }
        print_json(&all)?;
    } else {
        let to = args.output.display();
        print(&format!("{samples} samples: wrote {} to {to}", names.join(", ")));
        classes.iter().for_each(|classes| print(&classes.text()));
        agreements.iter().flatten().for_each(|(output, it)| print(&it.text(output)));
    }
    Ok(Status::Success)
}

/// The only output compared with the labels in `file`.
fn classification(file: &Path, results: &NamedArrays) -> Result<Classification> {
    let unfit = |what: String| {
        let help = "labels are a class for each sample, or an array like the model's only output";
        complaint(format!("{}: {what}", file.display()), help)
    };
    let labels = match front::read_arrays(file)? {
        Arrays::One(labels) => labels,
        Arrays::Named(mut arrays) if arrays.len() == 1 => arrays.remove(0).1,
        Arrays::Named(arrays) => return Err(unfit(format!("it holds {} arrays", arrays.len()))),
    };
    match &results[..] {
        [(_, output)] => Classification::new(output, &labels).map_err(unfit),
        _ => Err(unfit(format!("the model has {} outputs", results.len()))),
    }
}

/// Each output compared with the array of its name in `file`, or with the only one.
fn agreements(file: &Path, results: &NamedArrays) -> Result<Vec<(String, Agreement)>> {
    let unfit = |what: String| {
        complaint(format!("{}: {what}", file.display()), "give an array for each output layer")
    };
    let expected = match (front::read_arrays(file)?, &results[..]) {
        (Arrays::One(array), [(output, _)]) => vec![(output.clone(), array)],
        (Arrays::One(_), _) => return Err(unfit("it holds one array without a name".to_owned())),
        (Arrays::Named(arrays), _) => arrays,
    };
    let compare = |(output, values): &(String, ndarray::ArrayD<f64>)| {
        let array = expected.iter().find(|(name, _)| name == output);
        let (_, array) = array.ok_or_else(|| unfit(format!("it has no array '{output}'")))?;
        let found =
            Agreement::new(values, array).map_err(|what| unfit(format!("'{output}': {what}")))?;
        Ok((output.clone(), found))
    };
    results.iter().map(compare).collect()
}

/// The number of samples, and the results by name.
fn compute(args: &Args, network: &Network) -> Result<(usize, NamedArrays)> {
    let results = network.graph().outputs.len();
    if is_npy(&args.output) && (args.trace || results > 1) {
        let results = if args.trace {
            "--trace".to_owned()
        } else {
            format!("a model with {results} outputs")
        };
        return Err(complaint(
            format!("{}: .npy holds one array, not those of {results}", args.output.display()),
            "choose a name that ends in .npz, which holds any number of arrays",
        ));
    }
    let inputs = network.read_samples(&args.input)?;
    let samples = inputs.first().and_then(|codes| codes.shape().first()).copied();
    let arrays =
        if args.trace { network.run(&inputs)?.layers() } else { network.outputs(&inputs)? };
    Ok((samples.unwrap_or(0), arrays))
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
