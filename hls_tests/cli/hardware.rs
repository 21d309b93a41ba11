//! Arithmetic, memories and ports are sized for the work of a network.
//!
//! `hls_tests/hardware` has a dense layer of which nine weights in ten are 0, a network that scales an
//! image up and flattens it, and a CNN for images of 32 x 32 pixels.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{Outcome, bitkiln, text};

/// The manifest and the source of the project of a model of `hls_tests/hardware`.
fn built(model: &str, more: &[&str]) -> Result<(Value, String), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let project = folder.path().join("prj");
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("hls_tests/hardware").join(model);
    let mut arguments = vec!["build".as_ref(), model.as_os_str(), "-o".as_ref()];
    arguments.push(project.as_os_str());
    arguments.extend(more.iter().map(std::ffi::OsStr::new));
    let output = bitkiln(&arguments)?;
    assert!(output.status.success(), "{}", text(&output));
    let manifest: Value = serde_json::from_str(&fs::read_to_string(project.join("bitkiln.json"))?)?;
    let name = manifest["name"].as_str().ok_or("no name")?;
    let source = fs::read_to_string(project.join(format!("firmware/{name}.cpp")))?;
    Ok((manifest, source))
}

#[test]
fn a_mostly_zero_matrix_is_unrolled_with_its_weights() -> Outcome {
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("fixed20.yml");
    fs::write(&config, "Model: {Precision: 'fixed<20,10>', Strategy: Latency, ReuseFactor: 1}")?;
    let config = config.to_str().ok_or("path")?;
    for more in [&["--verify"][..], &["--config", config]] {
        let (manifest, source) = built("pruned.h5", more)?;
        assert_eq!(manifest["initiation_interval"], 1);
        assert_eq!(manifest["operations"]["multiplications"], 336);
        assert_eq!(manifest["multipliers"], 336);
        assert!(source.contains("weights: for (int n = 0; n < 785; n++) {"), "{source}");
        assert!(!source.contains("cyclic factor"), "{source}");
    }
    Ok(())
}

#[test]
fn layout_operations_take_no_table_and_a_cycle_a_pixel() -> Outcome {
    let (manifest, source) = built("upsampling.keras", &[])?;
    assert_eq!(manifest["initiation_interval"], 32 * 32);
    assert!(!source.contains("places["), "{source}");
    Ok(())
}

/// A reuse factor of one layer shares the multipliers of a position, of which one layer has 169.
#[test]
fn a_reuse_factor_of_a_layer_holds_for_each_position() -> Outcome {
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("rf169.yml");
    let text = "Model: {Precision: 'fixed<16,6>', ReuseFactor: 1, Strategy: Latency}\n\
                LayerName: {bn_conv_1: {ReuseFactor: 169}}\n";
    fs::write(&config, text)?;
    let (plain, _) = built("cnn32.h5", &[])?;
    let (manifest, source) = built("cnn32.h5", &["--config", config.to_str().ok_or("path")?])?;
    // 16 channels of a position, one after the other.
    assert_eq!(manifest["initiation_interval"], 169 * 16);
    let multipliers = |it: &Value| it["multipliers"].as_u64().ok_or("no multipliers");
    assert_eq!(multipliers(&manifest)? + 15, multipliers(&plain)?);
    let (_, kernel) = source.split_once("static void bn_conv_1_row(").ok_or("no kernel")?;
    let body = kernel.split("\n}").next().unwrap_or_default();
    assert!(
        body.contains("PIPELINE II=16\n") && body.contains("instances=mul limit=1\n"),
        "{body}"
    );
    Ok(())
}

#[test]
fn large_images_pass_as_pixels() -> Outcome {
    for more in [&[][..], &["--input-type", "fixed<32,16>"]] {
        let (manifest, source) = built("cnn32.h5", more)?;
        assert_eq!(manifest["initiation_interval"], 32 * 32);
        // A word of the port has the channels of a pixel: 98,304 bits would be too wide.
        assert!(source.contains("ARRAY_RESHAPE variable=input_1 cyclic factor=3\n"), "{source}");
        // One position of the batch normalization, not all 169.
        assert!(source.contains("bn_conv_1_row(const conv_1_acc_t input[16]"), "{source}");
    }
    Ok(())
}
