//! Configurations that hls4ml 1.3.0 wrote: `config_from_keras_model(granularity='name')` for the
//! example and reference cases, and the `hls4ml_config.yml` of projects.

use std::path::{Path, PathBuf};

use bitkiln::config::{Config, IoType, Pace, Recurrence};
use bitkiln::{Compiler, CompilerOptions, Network, front};

use super::{Outcome, case};

fn model(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    match name {
        "digits" => root.join("examples/digits/model.h5"),
        "jet_mlp" => root.join("hls_tests/hls4ml/jet_mlp.h5"),
        _ => case(name, "model.h5"),
    }
}

fn load(name: &str, config: Config) -> Result<Network, Box<dyn std::error::Error>> {
    let input_types = vec!["fixed<8,3>".parse()?];
    let options = CompilerOptions { config, input_types, ..CompilerOptions::default() };
    Ok(Compiler::new(options).load(&model(name))?)
}

/// They load as they are and change no number but by the types that they state: inferred ones of
/// results, and one of the table of exponentials of softmax. A file is named after its model, the
/// backend of hls4ml, and the granularity; `project` is the file of a project.
#[test]
fn what_hls4ml_wrote_loads_unchanged() -> Outcome {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("hls_tests/hls4ml");
    let mut files = 0;
    for entry in std::fs::read_dir(folder)? {
        let file = entry?.path();
        if file.extension().is_none_or(|extension| extension != "yml") {
            continue;
        }
        let stem = file.file_stem().ok_or("no name")?.to_string_lossy().into_owned();
        let name = stem.split('.').next().ok_or("no name")?;
        let mut plain = load(name, Config::default())?;
        if std::fs::read_to_string(&file)?.contains("result: auto") {
            plain = load(name, inferred_results(&plain)?)?;
        }
        let configured = load(name, Config::load(&file)?)?;
        let samples = plain.random_samples(20);
        let (expected, found) = (plain.run(&samples)?.layers(), configured.run(&samples)?.layers());
        assert_eq!(found.len(), expected.len());
        for ((layer, found), (_, expected)) in found.iter().zip(&expected) {
            let is_softmax = ["probabilities", "softmax"].contains(&layer.as_str());
            assert!(found == expected || is_softmax, "{stem}, {layer}");
        }
        let codes: Vec<_> = configured.diagnostics().iter().map(|d| d.code).collect();
        let is_project = stem.ends_with("project");
        assert_eq!(codes.contains(&"config-without-effect"), is_project, "{stem}: {codes:?}");
        let is_taken = stem.contains("Vivado") && is_project;
        assert_eq!(codes.contains(&"config-taken-as"), is_taken, "{stem}: {codes:?}");
        configured.design()?;
        files += 1;
    }
    assert_eq!(files, 24);
    Ok(())
}

/// A configuration that says only what hls4ml writes for every result: its type is inferred, also
/// without a quantizer.
fn inferred_results(network: &Network) -> Result<Config, Box<dyn std::error::Error>> {
    let names = network.model().graph.node_weights().map(|layer| layer.name.as_str());
    let entries: Vec<String> =
        names.map(|name| format!("  {name:?}: {{Precision: {{result: auto}}}}\n")).collect();
    Ok(Config::parse(&format!("LayerName:\n{}", entries.concat()))?)
}

/// The file of a tutorial: `Strategy: Stable` of softmax, and a type for each result.
#[test]
fn a_configuration_of_a_tutorial_is_applied() -> Outcome {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("hls_tests/config/tutorial.yml");
    let fc1 = |config: Config| -> Result<String, Box<dyn std::error::Error>> {
        let options = CompilerOptions { config, ..CompilerOptions::default() };
        let network = Compiler::new(options).load(&model("jet_mlp"))?;
        network.design()?;
        let graph = network.graph();
        let (_, fc1) = graph.layers.iter().find(|(name, _)| name == "fc1").ok_or("no layer fc1")?;
        Ok(graph[*fc1].tensor.format.to_string())
    };
    assert_eq!(fc1(Config::load(&file)?)?, "fixed<16,6>");
    assert_eq!(fc1(Config::default())?, "fixed<24,9>");
    Ok(())
}

/// The command line outranks the interface of a file.
#[test]
fn the_interface_of_a_file_is_used() -> Outcome {
    let io_of = |io_type| -> Result<IoType, Box<dyn std::error::Error>> {
        let network = load("digits", Config::parse("IOType: io_stream")?)?;
        let options = CompilerOptions { io_type, ..network.options().clone() };
        let network = Compiler::new(options).load(&model("digits"))?;
        Ok(network.design()?.design.options.io)
    };
    assert_eq!(io_of(None)?, IoType::Stream);
    assert_eq!(io_of(Some(IoType::Parallel))?, IoType::Parallel);
    Ok(())
}

/// Layers without a state have none of it.
#[test]
fn the_hardware_of_steps_is_that_of_recurrent_layers() -> Outcome {
    let text = "
Model: {RecurrentReuseFactor: 3}
LayerName:
  simple: {Recurrence: Unrolled}
  lstm: {RecurrentReuseFactor: 9}
  input_1: {Recurrence: Unrolled, RecurrentReuseFactor: 4}";
    let network = load("rnn_float", Config::parse(text)?)?;
    let options = network.design()?.design.options;
    assert_eq!(options.recurrence_of("simple"), Recurrence::Unrolled);
    assert_eq!(options.recurrence_of("lstm"), Recurrence::Iterated);
    let paces = ["simple", "lstm"].map(|layer| options.recurrent_pace_of(layer));
    assert_eq!(paces, [Pace::ReuseFactor(3), Pace::ReuseFactor(9)]);
    let layers: Vec<&String> = options.layer_recurrent_reuse_factors.keys().collect();
    assert_eq!(layers, ["both", "lstm", "simple"]);
    let notes: Vec<String> = network.diagnostics().iter().map(ToString::to_string).collect();
    let expected = "note: configuration keys without effect: RecurrentReuseFactor of LayerName.input_1 (the \
                    layer is not recurrent), Recurrence of LayerName.input_1 (the layer is not recurrent)";
    assert_eq!(notes.last().map(String::as_str), Some(expected));
    Ok(())
}

/// The modes of an input's type quantize samples, as hls4ml's testbench does; --input-type takes
/// precedence.
#[test]
fn modes_of_an_input_quantize_its_samples() -> Outcome {
    let samples = front::Arrays::One(ndarray::ArrayD::from_elem(vec![1, 64], 0.40625));
    let first = |config: &str, input_types: &[&str]| -> Result<f64, Box<dyn std::error::Error>> {
        let input_types = input_types.iter().map(|it| it.parse()).collect::<Result<_, _>>()?;
        let options = CompilerOptions {
            config: Config::parse(config)?,
            input_types,
            ..CompilerOptions::default()
        };
        let network = Compiler::new(options).load(&model("digits"))?;
        Ok(network.trace(&samples)?[0].1[[0, 0]])
    };
    let config =
        |modes: &str| format!("LayerName: {{pixels: {{Precision: 'ufixed<4,0{modes}>'}}}}");
    // 6.5 LSB.
    assert_eq!(first(&config(""), &[])?, 0.375);
    assert_eq!(first(&config(",RND,SAT"), &[])?, 0.4375);
    assert_eq!(first(&config(",TRN_ZERO,SAT"), &[])?, 0.375);
    assert_eq!(first(&config(",RND,SAT"), &["ufixed<4,0>"])?, 0.375);
    assert_eq!(first("{}", &["ufixed<4,0,RND,SAT>"])?, 0.4375);
    // 0.40625 is 0.15625 above 1/4, the smallest value that does not fit.
    assert_eq!(first("{}", &["ufixed<4,-2,RND,WRAP>"])?, 0.15625);
    Ok(())
}

#[test]
fn keys_without_effect_on_a_layer_are_noted_once() -> Outcome {
    let config = "LayerName:
  hidden1: {Skip: true, ReuseFactor: 2}
  relu1: {TableSize: 64, ReuseFactor: 4, Precision: {weight: 'int<4>'}}
  relu2: {TableSize: 1024, ReuseFactor: 4, Skip: false}
  scores: {Precision: {scale: 'ufixed<8,0>', exp_table: 'ufixed<18,1>'}}
";
    let network = load("digits", Config::parse(config)?)?;
    let notes: Vec<String> = network.diagnostics().iter().map(ToString::to_string).collect();
    let expected = "note: configuration keys without effect: Skip of LayerName.hidden1 (the layer has \
                    no softmax), weight of LayerName.relu1 (the layer has no weights), TableSize of \
                    LayerName.relu1 (the layer has no table), ReuseFactor of LayerName.relu1 and 1 more \
                    (the layer has no multipliers to share), scale of LayerName.scores (the layer has \
                    no scale), exp_table of LayerName.scores (the layer has no softmax)";
    assert_eq!(notes, [expected]);
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

/// The entry of an activation that is fused into a separable convolution is not one of the depthwise
/// part, which has none.
#[test]
fn the_activation_of_a_separable_convolution_has_one_type() -> Outcome {
    let text = "LayerName: {sep_relu: {Precision: {result: 'ufixed<5,2,RND,SAT>'}}}";
    let network = load("separable1d_float", Config::parse(text)?)?;
    let printed = bitkiln::ir::text::print(network.graph(), None);
    assert_eq!(printed.matches("to=ufixed<5,2,RND,SAT>").count(), 1, "{printed}");
    Ok(())
}
