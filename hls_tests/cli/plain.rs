//! Plain Keras models: no layer has a quantizer.
//!
//! `hls_tests/plain_keras` has an autoencoder of Dense, BatchNormalization and ReLU that Keras 2
//! trained, 60 samples, Keras' outputs for them, and two configurations as hls4ml has them.

use std::fs::File;
use std::path::{Path, PathBuf};

use ndarray::ArrayD;
use ndarray_npy::NpzReader;

use super::{Outcome, bitkiln, text};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("hls_tests/plain_keras").join(name)
}

/// The largest difference to Keras' outputs with the configuration `config`.
fn error(config: &str) -> Result<f64, Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let output = folder.path().join("y.npz");
    let [model, config, inputs] = ["autoencoder.h5", config, "inputs.npz"].map(file);
    let ran = bitkiln(&[
        "run".as_ref(),
        model.as_os_str(),
        "--config".as_ref(),
        config.as_os_str(),
        "--input".as_ref(),
        inputs.as_os_str(),
        "--output".as_ref(),
        output.as_os_str(),
    ])?;
    assert!(ran.status.success(), "{}", text(&ran));
    let found: ArrayD<f64> = NpzReader::new(File::open(&output)?)?.by_name("out")?;
    let keras: ArrayD<f32> = NpzReader::new(File::open(file("outputs.npz"))?)?.by_name("out")?;
    assert_eq!(found.shape(), keras.shape());
    let differences = found.iter().zip(&keras).map(|(a, b)| (a - f64::from(*b)).abs());
    Ok(differences.fold(0.0, f64::max))
}

/// hls4ml 1.3.0 has the errors 0.24158 and 0.07148 with these two files.
#[test]
fn results_are_no_worse_than_those_of_hls4ml() -> Outcome {
    let (model, name) = (error("model.yml")?, error("name.yml")?);
    assert!(model < 0.072, "{model}");
    assert!(name < 0.07148, "{name}");
    Ok(())
}

/// Scales of 54 bits once made accumulators of 81 bits and 10578 DSP slices.
#[test]
fn batch_normalisations_are_folded_into_narrow_arithmetic() -> Outcome {
    for (config, backend) in
        [("model.yml", "vitis"), ("name.yml", "vitis"), ("name.yml", "catapult")]
    {
        let folder = tempfile::tempdir()?;
        let project = folder.path().join("project");
        let [model, config] = ["autoencoder.h5", config].map(file);
        let ran = bitkiln(&[
            "build".as_ref(),
            model.as_os_str(),
            "--config".as_ref(),
            config.as_os_str(),
            "--backend".as_ref(),
            backend.as_ref(),
            "--json".as_ref(),
            "-o".as_ref(),
            project.as_os_str(),
        ])?;
        assert!(ran.status.success(), "{}", text(&ran));
        let report: serde_json::Value = serde_json::from_slice(&ran.stdout)?;
        let layers = report["layers"].as_array().ok_or("no layers")?;
        for layer in layers {
            assert!(layer["scale"].is_null(), "{layer}");
            for part in ["accumulator", "result"] {
                let Some(format) = layer[part].as_str() else { continue };
                let format: bitkiln::fixed::Format = format.parse()?;
                assert!(format.width() <= 32, "{layer}");
            }
        }
        let multiplications: u64 =
            layers.iter().filter_map(|it| it["multiplications"].as_u64()).sum();
        assert!((4000..5000).contains(&multiplications), "{multiplications}");
    }
    Ok(())
}

#[test]
fn what_holds_for_several_layers_is_printed_once() -> Outcome {
    let output = bitkiln(&["inspect".as_ref(), file("autoencoder.h5").as_os_str()])?;
    let notes = String::from_utf8_lossy(&output.stderr).into_owned();
    let warnings = || notes.lines().filter(|line| line.contains("no quantizer for"));
    assert_eq!(warnings().count(), 1, "{notes}");
    let start = "warning: layers 'dense_0', 'dense_1'";
    assert!(warnings().all(|line| line.starts_with(start) && line.contains("'out'")), "{notes}");
    Ok(())
}
