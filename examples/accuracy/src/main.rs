//! How often a network is right, as the hardware computes it.
//!
//!     cargo run --package accuracy -- MODEL SAMPLES.npz LABELS.npy INPUT_TYPE
//!
//! The label of a sample is the position of the right output.

use std::error::Error;
use std::path::Path;

use bitkiln::front::Arrays;
use bitkiln::lower::{Settings, lower};
use bitkiln::{front, passes, sim};
use ndarray::Axis;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, samples, labels, input_type] = arguments.as_slice() else {
        return Err("usage: accuracy MODEL SAMPLES.npz LABELS.npy INPUT_TYPE".into());
    };

    // From the trained network to integer operations.
    let model = front::load(Path::new(model), None)?;
    let settings = Settings { input: input_type.parse()?, ..Settings::default() };
    let mut graph = lower(&model, &settings)?.graph;
    passes::run(&mut graph)?;

    // From samples to codes, and through the network.
    let input = &graph[*graph.inputs.first().ok_or("the network has no input")?];
    let Arrays::Named(samples) = front::read_arrays(Path::new(samples))? else {
        return Err("the samples have no names: save them with numpy.savez".into());
    };
    let (_, samples) =
        samples.iter().find(|(name, _)| *name == input.name).ok_or("no samples for the input")?;
    let codes = sim::quantize(&samples.view(), input.tensor.format).ok_or("a sample is NaN")?.codes;
    let trace = sim::run(&graph, &[codes])?;

    // The largest output of each sample is the network's answer.
    let output = graph.outputs.first().ok_or("the network has no output")?;
    let results = trace.of(output.node).ok_or("the output was not computed")?;
    let results = results.to_values(graph[output.node].tensor.format);
    let Arrays::One(labels) = front::read_arrays(Path::new(labels))? else {
        return Err("the labels are one array: save them with numpy.save".into());
    };
    let answers = results.axis_iter(Axis(0)).map(|row| {
        let largest = row.iter().copied().fold(f64::MIN, f64::max);
        row.iter().position(|value| *value == largest)
    });
    let right = answers
        .zip(&labels)
        .filter(|(answer, label)| answer.is_some_and(|at| at as f64 == **label))
        .count();
    let all = labels.len();
    println!("{right} of {all} samples right: {:.2} %", 100.0 * right as f64 / all as f64);
    Ok(())
}
