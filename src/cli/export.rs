//! `bitkiln export`.

use std::path::PathBuf;

use bitkiln::front::{self, InputShape, Problem, ReadOptions};
use bitkiln::function::Sigmoid;
use bitkiln::qtools::Export;
use miette::Result;

use super::model::Choice;
use super::{Status, complaint, note, print, print_json, spare};

/// Write the quantized weights: as arrays, as integers with scales, and in a copy of the model
#[derive(clap::Args)]
pub struct Args {
    /// Model of Keras 2 or 3: .h5, .keras, SavedModel folder, or architecture .json with --weights
    model: PathBuf,
    /// Weights of an architecture .json: .h5, .weights.h5, or a complete model
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// Shape of one sample, for a model file that leaves axes open: '128,6', or 'input_1=128,6' for one of
    /// several inputs
    #[arg(long, value_name = "SHAPE")]
    input_shape: Vec<InputShape>,
    /// Sigmoid of QKeras' quantizers: the argument of set_internal_sigmoid before training [default: hard]
    #[arg(long, value_enum, value_name = "KIND")]
    sigmoid: Option<Choice<Sigmoid>>,
    /// Folder for weights.npz, integers.npz, scales.npz, export.json and the model
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Print JSON: the contents of export.json
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<Status> {
    let sigmoid = args.sigmoid.map(|choice| choice.0).unwrap_or_default();
    let options = ReadOptions { sigmoid, input_shapes: args.input_shape.clone() };
    let stored = front::load_stored(&args.model, args.weights.as_deref(), &options)?;
    let export = Export::new(&stored)?;
    std::fs::create_dir_all(&args.output).map_err(|error| {
        let what = format!("{}: {error}", args.output.display());
        complaint(what, "choose a folder that can be written")
    })?;
    let file = args.weights.as_ref().unwrap_or(&args.model);
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned());
    let target = args.output.join(format!("quantized_{}", name.unwrap_or_default()));
    let written = ["weights.npz", "integers.npz", "scales.npz", "export.json"];
    let written = written.map(|name| args.output.join(name));
    for path in written.iter().chain([&target]) {
        spare(path, &[Some(&args.model), args.weights.as_deref()])?;
    }
    export.write(&args.output)?;
    let count = export.layers.len();
    let mut lines = vec![format!(
        "{}: {count} {} with quantized weights",
        args.output.display(),
        if count == 1 { "layer" } else { "layers" }
    )];
    match export.write_model(&stored, file, &target) {
        Ok(()) => lines.push(format!("{}: the model with quantized weights", target.display())),
        Err(error) if matches!(*error.problem, Problem::Fixed { .. }) => {
            note(format_args!(
                "warning: {error}, so that no model is written; load it with Keras and save it as .h5 or .keras"
            ));
        }
        Err(error) => return Err(error.into()),
    }
    if !export.unquantized.is_empty() {
        let layers = export.unquantized.join(", ");
        note(format_args!("note: layers without a quantizer of weights: {layers}"));
    }
    for parameter in export.changing() {
        note(format_args!(
            "warning: {}: {} quantizes the quantized values to others, with which QKeras computes if it \
             loads the written model",
            parameter.key,
            parameter.quantizer.as_deref().unwrap_or("its quantizer"),
        ));
    }
    if args.json {
        print_json(&export)?;
    } else {
        print(&lines.join("\n"));
    }
    Ok(Status::Success)
}
