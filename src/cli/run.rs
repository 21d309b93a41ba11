//! `bitkiln run`.

use std::path::PathBuf;

use bitkiln::{CompilerOptions, NamedArrays, Network, front};
use miette::{IntoDiagnostic, Result};

use super::model::{ModelArgs, say};
use super::{Status, print, spare};

/// Compute the outputs of a model, bit for bit as the hardware does
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,
    /// Samples: .npz with one array per input, or .npy for a single input; the first axis counts samples
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// Outputs: .npz with one float64 array per output layer
    #[arg(long, value_name = "FILE")]
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
    let network = args.model.load(CompilerOptions::default())?;
    let computed = compute(args, &network);
    say(&network);
    let (samples, results) = computed?;
    let (names, values): (Vec<String>, Vec<_>) = results.into_iter().unzip();
    let arrays: Vec<_> = names.iter().map(String::as_str).zip(values).collect();
    front::write_npz(&args.output, &arrays)?;
    if args.json {
        let all = serde_json::json!({
            "samples": samples,
            "file": args.output.to_string_lossy(),
            "arrays": names,
            "diagnostics": network.diagnostics(),
        });
        print(&serde_json::to_string_pretty(&all).into_diagnostic()?)?;
    } else {
        let to = args.output.display();
        print(&format!("{samples} samples: wrote {} to {to}", names.join(", ")))?;
    }
    Ok(Status::Success)
}

/// The number of samples, and the results by name.
fn compute(args: &Args, network: &Network) -> Result<(usize, NamedArrays)> {
    let inputs = network.read_samples(&args.input)?;
    let simulation = network.run(&inputs)?;
    let arrays = if args.trace { simulation.layers() } else { simulation.outputs() };
    Ok((simulation.samples(), arrays))
}
