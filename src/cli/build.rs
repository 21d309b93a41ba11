//! `bitkiln build`.

use std::path::PathBuf;

use bitkiln::back::{self, Backend, Headers, ModelFile, Vectors, WriteOptions};
use bitkiln::fixed::Codes;
use bitkiln::hls::{Design, Options};
use bitkiln::ir::Graph;
use bitkiln::{report, sim};
use miette::{IntoDiagnostic, Result};

use super::model::{ModelArgs, Prepared, say};
use super::{Outcome, complaint, note, print, samples, verify};

/// How many samples are made up where none are given.
const MADE_UP: usize = 100;

/// Write a project for Vitis or Catapult, with vectors that check it
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,
    /// The project's folder
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,
    /// Whose tools the project is for [default: vitis]
    #[arg(long)]
    backend: Option<Backend>,
    /// The device, as the vendor's tool lists it
    #[arg(long)]
    part: Option<String>,
    /// The clock period in nanoseconds [default: 5]
    #[arg(long, value_name = "NS", allow_negative_numbers = true)]
    clock_period: Option<f64>,
    /// Samples for the testbench [default: 100 made-up ones]
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Compile the written project with g++ and compare every output
    #[arg(long)]
    verify: bool,
    /// The fixed-point headers for --verify: 'vendor', 'builtin', or a folder
    #[arg(long, default_value = "builtin", value_name = "WHICH", value_parser = verify::headers)]
    headers: Headers,
    /// Overwrite a folder that Bitkiln did not write
    #[arg(long)]
    force: bool,
}

pub fn run(args: &Args) -> Result<Outcome> {
    let prepared = args.model.prepare()?;
    let (graph, proofs) = prepared.for_hardware()?;
    let backend = args.backend.or(prepared.config.backend).unwrap_or(Backend::Vitis);
    let folder = args.output.clone().or_else(|| prepared.config.output_dir.clone());
    let folder = folder.ok_or_else(|| {
        complaint("no folder for the project", "name one: bitkiln build model.h5 -o prj")
    })?;
    if args.verify {
        // Before anything is written: a project whose check cannot start helps nobody.
        back::find_headers(backend, &args.headers)?;
    }
    let design =
        Design::new(&graph, &options(&prepared, backend, args.part.clone(), args.clock_period))?;
    let inputs = match &args.input {
        Some(path) => {
            let inputs = samples::read(path, &graph)?;
            if inputs.iter().any(Codes::is_empty) {
                return Err(complaint(
                    format!("{} has no samples", path.display()),
                    "give at least one, which the testbench can compare",
                ));
            }
            inputs
        }
        None => sim::vectors(&graph, MADE_UP),
    };
    let outputs = sim::run(&graph, &inputs).into_diagnostic()?.outputs(&graph);
    check_outputs(&prepared.graph, &inputs, &outputs)?;

    // Only now: whatever the user may have got wrong has been found.
    print(&report::table(&report::layers(&graph, &design), false))?;
    say(&proofs)?;
    for warning in &design.warnings {
        note(format_args!("{warning}"));
    }
    if let Some(name) = prepared.config.project_name.as_ref().filter(|name| **name != design.name) {
        note(format_args!(
            "ProjectName: '{name}' cannot name a top function; it is '{}' here",
            design.name
        ));
    }
    let names = graph.inputs.iter().map(|id| graph[*id].name.clone());
    let vectors = Vectors { inputs: names.zip(inputs).collect(), outputs };
    let contents = std::fs::read(&prepared.file).into_diagnostic()?;
    let model = Some(ModelFile::new(&prepared.file, &contents));
    back::write(&design, backend, &vectors, &folder, &WriteOptions { force: args.force, model })?;
    print(&format!("wrote the {} project to {}", backend.title(), folder.display()))?;

    if !args.verify {
        return Ok(Outcome::Good);
    }
    let verdict = back::verify(&folder, args.headers.clone())?;
    print(&verify::describe(&verdict))?;
    Ok(verify::outcome(&verdict))
}

/// Refuses to go on if hardware would give other outputs than the network, which no pass may do.
fn check_outputs(exact: &Graph, inputs: &[Codes], found: &[(String, Codes)]) -> Result<()> {
    let expected = sim::run(exact, inputs).into_diagnostic()?.outputs(exact);
    if expected == found {
        return Ok(());
    }
    Err(complaint(
        "the graph for hardware gives other outputs than the network",
        "this is a defect of Bitkiln: please report it with the model",
    ))
}

/// The command line's word counts more than the configuration's, that more than the default.
pub fn options(
    prepared: &Prepared,
    backend: Backend,
    part: Option<String>,
    clock_period: Option<f64>,
) -> Options {
    let config = &prepared.config;
    let name = config.project_name.clone().unwrap_or_else(|| prepared.model.name.clone());
    let part = part.or_else(|| config.part.clone());
    let mut options =
        Options::new(name, part.unwrap_or_else(|| backend.default_part().to_string()));
    if let Some(period) = clock_period.or(config.clock_period) {
        options.clock_period = period;
    }
    if let Some(uncertainty) = config.clock_uncertainty {
        options.clock_uncertainty = uncertainty.of(options.clock_period);
    }
    options.table_sizes = prepared.table_sizes.clone();
    for layer in prepared.model.graph.node_weights() {
        if let Some(factor) = config.reuse_factor(&layer.name, &layer.class) {
            options.layer_reuse_factors.insert(layer.name.clone(), factor);
        }
        if let Some(strategy) = config.strategy(&layer.name, &layer.class) {
            options.layer_strategies.insert(layer.name.clone(), strategy);
        }
    }
    options
}

#[cfg(test)]
mod tests {
    use bitkiln::ir::Reshape;

    use super::*;

    #[test]
    fn other_outputs_than_the_networks_are_a_defect() -> Result<()> {
        let mut graph = Graph::new("g");
        let x = graph.add_input("x", vec![2], "fixed<4,1>".parse().into_diagnostic()?);
        let y = graph.add("y", Reshape { shape: vec![2] }, &[x]).into_diagnostic()?;
        graph.add_output("y", y);
        let inputs = sim::vectors(&graph, 3);
        let mut outputs = vec![("y".to_string(), inputs[0].clone())];
        check_outputs(&graph, &inputs, &outputs)?;
        outputs[0].1 = sim::vectors(&graph, 4)[0].clone();
        let error = check_outputs(&graph, &inputs, &outputs).err().map(|error| error.to_string());
        let expected = "the graph for hardware gives other outputs than the network";
        assert_eq!(error.as_deref(), Some(expected));
        Ok(())
    }
}
