//! `bitkiln run`.

use std::path::PathBuf;

use bitkiln::ir::{Graph, NodeId};
use bitkiln::{front, sim};
use miette::{IntoDiagnostic, Result};

use super::model::ModelArgs;
use super::{Outcome, note, print, samples, spare};

/// Compute a model's outputs, bit for bit as the hardware does
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,
    /// Samples: .npz with an array for each input, or .npy for one; the first axis counts samples
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// Where the outputs go: .npz of float64 by the names of the output layers
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Write the result of every layer
    #[arg(long)]
    trace: bool,
}

pub fn run(args: &Args) -> Result<Outcome> {
    let [model, weights, config] = args.model.files();
    spare(&args.output, &[model, weights, config, Some(&args.input)])?;
    let prepared = args.model.prepare()?;
    let graph = &prepared.graph;
    let inputs = samples::read(&args.input, graph)?;
    let trace = sim::run(graph, &inputs).into_diagnostic()?;
    let chosen: Vec<(&str, NodeId)> = if args.trace {
        graph.layers.iter().map(|(name, node)| (name.as_str(), *node)).collect()
    } else {
        graph.outputs.iter().map(|output| (output.name.as_str(), output.node)).collect()
    };
    let arrays: Vec<_> = chosen
        .iter()
        .filter_map(|(name, node)| {
            let values = trace.of(*node)?.to_values(graph[*node].tensor.format);
            let function = prepared.functions.get(*name);
            Some((*name, function.map_or_else(|| values.clone(), |f| values.mapv(|x| f.value(x)))))
        })
        .collect();
    for (name, node) in wide(graph, &chosen) {
        let format = graph[node].tensor.format;
        note(format_args!("note: '{name}' is {format}: float64 holds its values to 53 bits only"));
    }
    front::write_npz(&args.output, &arrays)?;
    let samples = inputs.first().and_then(|codes| codes.shape().first()).copied().unwrap_or(0);
    let names: Vec<&str> = arrays.iter().map(|(name, _)| *name).collect();
    let to = args.output.display();
    print(&format!("{samples} samples: wrote {} to {to}", names.join(", ")))?;
    Ok(Outcome::Good)
}

/// Those of the results that have more bits than a float64 number keeps.
fn wide<'n>(graph: &Graph, results: &[(&'n str, NodeId)]) -> Vec<(&'n str, NodeId)> {
    let is_wide = |node: NodeId| graph[node].tensor.range().bits().1 > f64::MANTISSA_DIGITS.into();
    results.iter().copied().filter(|(_, node)| is_wide(*node)).collect()
}
