//! The example of the README: its results and its accuracy.

use std::error::Error;
use std::path::{Path, PathBuf};

use bitkiln::front::Arrays;
use bitkiln::lower::{Settings, lower};
use bitkiln::{front, sim};
use ndarray::{ArrayD, Axis};

/// The example's logits and probabilities, as Bitkiln computes them for the test images.
struct Results {
    logits: ArrayD<f64>,
    probabilities: ArrayD<f64>,
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/digits").join(name)
}

/// An array of an .npz file beside the model.
fn array(archive: &str, name: &str) -> Result<ArrayD<f64>, Box<dyn Error>> {
    let Arrays::Named(arrays) = front::read_arrays(&file(archive))? else {
        return Err(format!("{archive} is no .npz").into());
    };
    let found = arrays.into_iter().find(|(known, _)| known == name);
    Ok(found.ok_or_else(|| format!("{archive} lacks {name}"))?.1)
}

fn results() -> Result<Results, Box<dyn Error>> {
    let model = front::load(&file("model.h5"), None)?;
    let settings = Settings { input: "ufixed<4,0>".parse()?, ..Settings::default() };
    let lowered = lower(&model, &settings)?;
    assert_eq!(lowered.warnings, [], "every layer of the example is quantized");
    let graph = lowered.graph;

    let format = graph[graph.inputs[0]].tensor.format;
    let samples = array("test.npz", "pixels")?;
    let quantized = sim::quantize(&samples.view(), format).ok_or("a sample is NaN")?;
    assert_eq!((quantized.rounded, quantized.saturated), (0, 0), "the samples lie on the grid");

    let trace = sim::run(&graph, &[quantized.codes])?;
    let layer = |name: &str| -> Result<ArrayD<f64>, Box<dyn Error>> {
        let (_, node) = graph.layers.iter().find(|(layer, _)| layer == name).ok_or("no layer")?;
        let codes = trace.of(*node).ok_or("not computed")?;
        Ok(codes.to_values(graph[*node].tensor.format))
    };
    Ok(Results { logits: layer("logits")?, probabilities: layer("probabilities")? })
}

/// The position of the largest value in each row.
fn largest(rows: &ArrayD<f64>) -> Vec<usize> {
    let row = |row: ndarray::ArrayViewD<'_, f64>| {
        row.iter().enumerate().fold(0, |at, (n, v)| if *v > row[at] { n } else { at })
    };
    rows.axis_iter(Axis(0)).map(row).collect()
}

#[test]
fn the_logits_are_those_of_qkeras() -> Result<(), Box<dyn Error>> {
    // QKeras' floats lie at most this far off their grid, whose LSB is 1/32.
    let slack = 1e-4;
    let (found, expected) = (results()?.logits, array("expected.npz", "logits")?);
    assert_eq!(found.shape(), [450, 10]);
    let off = found.iter().zip(&expected).filter(|(f, e)| (*f - *e).abs() > slack).count();
    assert_eq!(off, 0);
    Ok(())
}

#[test]
fn the_probabilities_are_near_those_of_qkeras() -> Result<(), Box<dyn Error>> {
    let (found, expected) = (results()?.probabilities, array("expected.npz", "probabilities")?);
    let farthest = found.iter().zip(&expected).map(|(f, e)| (f - e).abs()).fold(0.0, f64::max);
    assert!(farthest < 1.0 / 512.0, "{farthest}");
    Ok(())
}

#[test]
fn the_network_reads_97_percent_of_the_digits() -> Result<(), Box<dyn Error>> {
    let Arrays::One(labels) = front::read_arrays(&file("labels.npy"))? else {
        return Err("labels.npy is no .npy".into());
    };
    let answers = largest(&results()?.probabilities);
    let right = answers.iter().zip(&labels).filter(|(a, l)| **a as f64 == **l).count();
    assert_eq!((right, labels.len()), (437, 450));
    Ok(())
}

#[test]
fn the_project_has_the_name_of_the_example() {
    assert_eq!(bitkiln::hls::Design::project_name("digits"), "digits");
}
