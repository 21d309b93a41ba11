//! `bitkiln run`.

use std::path::{Path, PathBuf};

use bitkiln::{CompilerOptions, NamedArrays, Network, front};
use miette::Result;

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
    /// Print the names of the arrays and the diagnostics as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<Status> {
    let [model, weights, config] = args.model.files();
    spare(&args.output, &[model, weights, config, Some(&args.input)])?;
    check_extension(&args.output, &["npz", "npy"], "outputs are written")?;
    let network = args.model.load(CompilerOptions::default())?;
    let computed = compute(args, &network);
    say(&network);
    let (samples, results) = computed?;
    let names = write(&args.output, results)?;
    if args.json {
        let all = serde_json::json!({
            "samples": samples,
            "file": args.output.to_string_lossy(),
            "arrays": names,
            "diagnostics": network.diagnostics(),
        });
        print_json(&all)?;
    } else {
        let to = args.output.display();
        print(&format!("{samples} samples: wrote {} to {to}", names.join(", ")));
    }
    Ok(Status::Success)
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
