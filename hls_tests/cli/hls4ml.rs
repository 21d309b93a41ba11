//! Configurations that hls4ml 1.3.0 wrote: `config_from_keras_model(granularity='name')` for the
//! example and reference cases, and the file of a project, `digits_project.yml`.

use std::path::{Path, PathBuf};

use bitkiln::config::Config;
use bitkiln::{Compiler, CompilerOptions, Network};

use super::{Outcome, case};

fn model(name: &str) -> PathBuf {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/digits/model.h5");
    if name.starts_with("digits") { example } else { case(name, "model.h5") }
}

fn load(name: &str, config: Config) -> Result<Network, Box<dyn std::error::Error>> {
    let input_types = vec!["fixed<8,3>".parse()?];
    let options = CompilerOptions { config, input_types, ..CompilerOptions::default() };
    Ok(Compiler::new(options).load(&model(name))?)
}

/// They load as they are and change no number, but for those of softmax: hls4ml writes a type for
/// its table of exponentials.
#[test]
fn what_hls4ml_wrote_loads_unchanged() -> Outcome {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("hls_tests/hls4ml");
    let mut files = 0;
    for entry in std::fs::read_dir(folder)? {
        let file = entry?.path();
        let name = file.file_stem().ok_or("no name")?.to_string_lossy().into_owned();
        let plain = load(&name, Config::default())?;
        let configured = load(&name, Config::load(&file)?)?;
        let samples = plain.random_samples(20);
        let (expected, found) = (plain.run(&samples)?.layers(), configured.run(&samples)?.layers());
        assert_eq!(found.len(), expected.len());
        for ((layer, found), (_, expected)) in found.iter().zip(&expected) {
            assert!(found == expected || layer == "probabilities", "{name}, {layer}");
        }
        let codes: Vec<_> = configured.diagnostics().iter().map(|d| d.code).collect();
        assert_eq!(codes.contains(&"config-without-effect"), name == "digits_project", "{codes:?}");
        files += 1;
    }
    assert_eq!(files, 12);
    Ok(())
}

#[test]
fn entries_of_activations_that_a_layer_lacks_are_noted() -> Outcome {
    // Beside an entry that the layer has.
    let config = "LayerName: {hidden1_relu: {Precision: 'fixed<8,3>'}, \
                  hidden1_linear: {Precision: 'fixed<26,11>'}}";
    let network = load("digits", Config::parse(config)?)?;
    let notes: Vec<String> = network.diagnostics().iter().map(ToString::to_string).collect();
    let expected = "note: LayerName.hidden1_relu has no effect: layer 'hidden1' has no such \
                    activation";
    assert_eq!(notes, [expected]);
    Ok(())
}

#[test]
fn types_that_are_proven_are_noted_with_the_proven_one() -> Outcome {
    let config = "LayerName: {hidden1: {Precision: {accum: 'fixed<20,8>'}}, \
                  relu1: {Precision: {accum: 'fixed<9,3>', inv_inp: 'fixed<8,4>'}}, \
                  probabilities: {Precision: {inv_inp: 'fixed<18,9>'}}}";
    let network = load("digits", Config::parse(config)?)?;
    let notes: Vec<String> = network.diagnostics().iter().map(ToString::to_string).collect();
    let expected = [
        "note: layer 'hidden1': accum fixed<20,8> is not used; fixed<18,8> is proven to hold every sum",
        "note: layer 'relu1': accum fixed<9,3> is not used; the layer has no sum",
        "note: layer 'relu1': inv_inp fixed<8,4> is not used; the layer has no softmax",
        "note: layer 'probabilities': inv_inp fixed<18,9> is not used; ufixed<31,4> is proven to hold \
         every sum",
    ];
    assert_eq!(notes, expected);
    Ok(())
}
