//! Every message, as a user reads it.

use miette::Diagnostic;

use super::super::{Config, IoType, WeightScale};
use super::error;

/// Each text gives this message, and this help.
fn says(cases: &[(&str, &str, &str)]) {
    for (text, message, help) in cases {
        let error = error(text);
        assert_eq!(error.to_string(), *message, "{text}");
        let found = error.help().map(|h| h.to_string()).unwrap_or_default();
        assert_eq!(found, *help, "{text}");
    }
}

#[test]
fn unknown_keys_are_named_with_the_nearest_known_one() {
    says(&[
        (
            "Model: {ReuseFactr: 1}",
            "unknown key 'ReuseFactr' in Model, did you mean 'ReuseFactor'?",
            "keys here are: Precision, ReuseFactor, TargetCycles, Strategy, TableSize, InternalSigmoid, WeightScale, ParallelizationFactor, RecurrentReuseFactor, Recurrence; docs/config.md lists all",
        ),
        (
            "LayerName: {a: {InternalSigmoid: hard}}",
            "unknown key 'InternalSigmoid' in LayerName.a",
            "InternalSigmoid belongs to Model",
        ),
        (
            "Model: {BiasCorrection: [1]}",
            "unknown key 'BiasCorrection' in Model",
            "BiasCorrection belongs to the entries of LayerName",
        ),
        (
            "HLSConfig: {LayerNames: {}}",
            "unknown key 'LayerNames' in HLSConfig, did you mean 'LayerName'?",
            "keys here are: Model, LayerType, LayerName; docs/config.md lists all",
        ),
        (
            "shared: 1",
            "unknown key 'shared' at the top of the file",
            "keys here are: Backend, Part, XilinxPart, ClockPeriod, ClockUncertainty, IOType, ProjectName, OutputDir, HLSConfig, WriterConfig, Model, LayerType, LayerName; docs/config.md lists all",
        ),
        (
            "shared: &it {ReuseFactor: 2}\nLayerName: {a: *it}",
            "unknown key 'shared' at the top of the file",
            "layers belong into LayerName; a mapping that several layers share has no key of its own: write its anchor where it is used first, LayerName: {a: &it {...}, b: *it}",
        ),
        (
            "ReuseFactor: 1",
            "unknown key 'ReuseFactor' at the top of the file",
            "ReuseFactor belongs to Model, or the entries of LayerType and LayerName",
        ),
        (
            "LayerName: {fc1: {Precision: {wieght: 'int<4>'}}}",
            "unknown key 'wieght' in LayerName.fc1.Precision, did you mean 'weight'?",
            "keys here are: default, result, weight, bias, scale, exp_table, inv_table, accum, inv_inp, table, depthwise, pointwise, depthwise_accum, pointwise_accum, recurrent_weight, recurrent_bias, state, forward_weight, forward_bias, forward_recurrent_weight, forward_recurrent_bias, backward_weight, backward_bias, backward_recurrent_weight, backward_recurrent_bias; docs/config.md lists all",
        ),
        (
            "LayerName: {fc1: {Precision: {weight: fixed<4,2>}}}",
            "unknown key '2>' in LayerName.fc1.Precision",
            "inside of braces, quote a type that has a comma: 'fixed<16,6>'",
        ),
        (
            "Model: {Precision: fixed<14,6,RND,SAT>}",
            "unknown key '6' in Model",
            "inside of braces, quote a type that has a comma: 'fixed<16,6>'",
        ),
        (
            "WriterConfig: {Zzzzzzz: 1}",
            "unknown key 'Zzzzzzz' in WriterConfig",
            "keys here are: Namespace, WriteWeightsTxt, WriteTar, TBOutputStream, WriteEmulationConstants; docs/config.md lists all",
        ),
    ]);
}

#[test]
fn what_changes_results_and_is_not_supported_says_so() {
    let remove = "remove the key";
    let idle = "remove the key: only hls4ml's default value is supported";
    says(&[
        ("Technology: asic", "Technology: \"asic\" is not supported", idle),
        (
            "LayerName: {u: {Algorithm: bilinear}}",
            "LayerName.u.Algorithm: \"bilinear\" is not supported",
            idle,
        ),
        (
            "LayerName: {rnn: {Direction: backward}}",
            "LayerName.rnn.Direction: \"backward\" is not supported",
            idle,
        ),
        (
            "LayerName: {n: {TableRangePower2: 3}}",
            "LayerName.n.TableRangePower2: 3 is not supported",
            idle,
        ),
        (
            "LayerName: {fc: {Precision: {param: 'fixed<9,3>'}}}",
            "LayerName.fc.Precision.param is not supported",
            remove,
        ),
        (
            "Model: {Precision: {maximum: 'fixed<9,3>'}}",
            "Model.Precision.maximum is not supported",
            remove,
        ),
        ("Backend: quartus", "Backend: Quartus is not supported", "supported: Vitis, Catapult"),
        (
            "LayerName: {s: {Implementation: argmax}}",
            "LayerName.s.Implementation: argmax is not supported",
            "supported: stable; Skip: true leaves the operand of softmax, whose largest element is the same",
        ),
    ]);
}

/// The notes on a text, as a user reads them.
fn notes(text: &str) -> Vec<String> {
    super::config(text).notes.iter().map(ToString::to_string).collect()
}

#[test]
fn keys_that_are_not_applicable_are_noted_with_the_reason() {
    let text = "KerasH5: model.h5\nKerasModel: !keras_model 'prj/keras_model.keras'\nInputData: x.npy\n\
                OutputPredictions: null\nStamp: 66e85333\nInputShapes: {x: [16]}\nVersion: 2.0.0\n\
                AcceleratorConfig: {Board: pynq-z2, Interface: axi_stream}\n\
                WriterConfig: {Namespace: nn, WriteTar: true, WriteWeightsTxt: true}";
    let expected = [
        "KerasH5 (the command line names the model)",
        "KerasModel (the command line names the model)",
        "InputData (--input names the samples)",
        "Stamp (a project has no stamp)",
        "InputShapes (the model states its shapes)",
        "Version (a project has no version)",
        "AcceleratorConfig (boards are not supported yet)",
        "Namespace of WriterConfig (the top function has no namespace)",
        "WriteTar of WriterConfig (a project is a folder)",
    ];
    assert_eq!(notes(text), expected);
}

#[test]
fn keys_that_change_no_result_are_noted_once() {
    let text = "
HLSConfig:
  SkipOptimizers: [fuse_bias_add]
  Model: {BramFactor: 100, BitExact: false, PipelineInterval: 3, ConvImplementation: Encoded}
  LayerName:
    a: {Compression: true}
    b: {Compression: true, ConvImplementation: LineBuffer}
    c: {Compression: false, ConvImplementation: LineBuffer}
    d: {Compression: true}
    rnn: {ForwardReuseFactor: 1, BackwardReuseFactor: 4, ForwardRecurrentReuseFactor: 3, Direction: forward}
    steps: {TimeStepLoopParallelism: Unroll}
    plain: {TimeStepLoopParallelism: Off}
";
    let expected = [
        "SkipOptimizers of HLSConfig (Bitkiln has passes of its own)",
        "BramFactor of HLSConfig.Model (weights are constants or memories of the design)",
        "BitExact of HLSConfig.Model (types are exact in any case)",
        "PipelineInterval of HLSConfig.Model (Bitkiln plans the schedule itself)",
        "ConvImplementation of HLSConfig.Model (Bitkiln plans convolutions itself)",
        "Compression of HLSConfig.LayerName.a and 2 more (products with weights of 0 are left out in any case)",
        "BackwardReuseFactor of HLSConfig.LayerName.rnn (ReuseFactor holds)",
        "ForwardRecurrentReuseFactor of HLSConfig.LayerName.rnn (RecurrentReuseFactor holds)",
        "TimeStepLoopParallelism of HLSConfig.LayerName.steps (Bitkiln plans the schedule itself)",
    ];
    assert_eq!(notes(text), expected);
}

#[test]
fn values_that_are_taken_as_another_one_are_noted() {
    use super::super::{Strategy, Tool};
    for (word, strategy, note) in [
        ("Unrolled", Strategy::Resource, "Resource"),
        ("resource_unrolled", Strategy::Resource, "Resource"),
        ("Compressed", Strategy::Resource, "Resource"),
        (
            "distributed_arithmetic",
            Strategy::Latency,
            "Latency, whose weights are constants as well",
        ),
        ("da", Strategy::Latency, "Latency, whose weights are constants as well"),
    ] {
        let text = format!("LayerName: {{fc: {{Strategy: {word}}}}}");
        assert_eq!(super::config(&text).strategy("fc", "Dense"), Some(strategy), "{word}");
        let [found] = &notes(&text)[..] else { panic!("{word}") };
        assert!(found.to_lowercase().starts_with(&format!("strategy: {}", word.to_lowercase())));
        assert!(found.ends_with(&format!(" of LayerName.fc is taken as {note}")), "{found}");
    }
    for word in ["Vivado", "vivado", "VivadoAccelerator", "VitisAccelerator"] {
        let text = format!("Backend: {word}");
        assert_eq!(super::config(&text).backend, Some(Tool::Vitis));
        let found = notes(&text).concat().to_lowercase();
        assert_eq!(found, format!("backend: {} is taken as vitis", word.to_lowercase()));
    }
    let serial = "IOType: io_serial";
    assert_eq!(super::config(serial).io_type, Some(IoType::Stream));
    assert_eq!(notes(serial), ["IOType: io_serial is taken as io_stream"]);
    let text = "LayerName: {s: {Implementation: latency, Strategy: argmax}, t: {Strategy: stable}}";
    let expected = [
        "Implementation: latency of LayerName.s is taken as stable",
        "Strategy: argmax of LayerName.s (the key of softmax is Implementation)",
    ];
    assert_eq!(notes(text), expected);
}

#[test]
fn two_parts_are_one_or_the_newer_key() {
    let part = |text: &str| (super::config(text).part, notes(text).len());
    assert_eq!(part("Part: a\nXilinxPart: a"), (Some("a".into()), 0));
    assert_eq!(part("XilinxPart: b\nPart: a"), (Some("a".into()), 1));
    assert_eq!(part("XilinxPart: b"), (Some("b".into()), 0));
}

#[test]
fn types_that_are_proven_are_accepted() {
    use super::super::Variable;
    let config = super::config(
        "Model: {Precision: {accum_t: auto}}\n\
         LayerName: {fc: {Strategy: Stable, Precision: {accum: 'fixed<20,8>', inv_inp: 'fixed<9,3>'}}}",
    );
    assert_eq!(config.strategy("fc", "Dense"), None);
    let of = |variable| config.precision_of("fc", "Dense", variable).map(|p| p.to_string());
    assert_eq!(of(Variable::Accum).as_deref(), Some("fixed<20,8>"));
    assert_eq!(of(Variable::InvInp).as_deref(), Some("fixed<9,3>"));
}

#[test]
fn unknown_values_are_named_with_the_nearest_known_one() {
    says(&[
        (
            "Backend: Vitus",
            "Backend: unknown value 'Vitus', did you mean 'Vitis'?",
            "supported: Vitis, Catapult",
        ),
        (
            "Model: {Strategy: quick}",
            "Model.Strategy: unknown value 'quick'",
            "supported: Latency, Resource",
        ),
        (
            "Model: {Strategy: ''}",
            "Model.Strategy: unknown value ''",
            "supported: Latency, Resource",
        ),
    ]);
}

#[test]
fn values_of_the_wrong_kind_are_named() {
    let count = "a whole number from 1 on";
    let period = "a positive number of nanoseconds, a time (5ns), or a frequency (200MHz)";
    let cases = [
        ("Model: {ReuseFactor: 0}", "Model.ReuseFactor", count, "0"),
        ("Model: {ReuseFactor: -1}", "Model.ReuseFactor", count, "-1"),
        ("Model: {ReuseFactor: 1.5}", "Model.ReuseFactor", count, "1.5"),
        ("Model: {ReuseFactor: [1]}", "Model.ReuseFactor", count, "a list"),
        ("Model: {ReuseFactor: many}", "Model.ReuseFactor", count, "the text 'many'"),
        ("Model: {ReuseFactor: }", "Model.ReuseFactor", count, "nothing"),
        ("Model: {RecurrentReuseFactor: 0}", "Model.RecurrentReuseFactor", count, "0"),
        ("Model: [1]", "Model", "a mapping", "a list"),
        ("[1]", "the file", "a mapping", "a list"),
        ("", "the file", "a mapping", "nothing"),
        ("LayerName: {fc: 'fixed<8,2>'}", "LayerName.fc", "a mapping", "the text 'fixed<8,2>'"),
        (
            "LayerName: {fc: {Precision: {weight: 8}}}",
            "LayerName.fc.Precision.weight",
            "a type such as fixed<16,6>",
            "8",
        ),
        (
            "Model: {Precision: 8}",
            "Model.Precision",
            "a type such as fixed<16,6>, or a mapping of types",
            "8",
        ),
        (
            "LayerName: {s: {TableSize: 1000}}",
            "LayerName.s.TableSize",
            "a power of two from 2 to 65536",
            "1000",
        ),
        (
            "LayerName: {s: {TableSize: 1}}",
            "LayerName.s.TableSize",
            "a power of two from 2 to 65536",
            "1",
        ),
        ("LayerName: {s: {Skip: 1}}", "LayerName.s.Skip", "true or false", "1"),
        ("LayerName: {s: {Trace: {}}}", "LayerName.s.Trace", "true or false", "a mapping"),
        ("LayerName: {s: {Strategy: true}}", "LayerName.s.Strategy", "a text", "true"),
        (
            "Part: 'x; exec rm'",
            "Part",
            "a part such as xcvu13p-flga2577-2-e",
            "the text 'x; exec rm'",
        ),
        ("ClockPeriod: 0", "ClockPeriod", period, "0"),
        ("ClockPeriod: 5V", "ClockPeriod", period, "the text '5V'"),
        ("ClockPeriod: -5ns", "ClockPeriod", period, "the text '-5ns'"),
        (
            "ClockUncertainty: 100%",
            "ClockUncertainty",
            "a percentage below 100, such as 27%, or a number of nanoseconds",
            "the text '100%'",
        ),
        (
            "ClockUncertainty: NaN%",
            "ClockUncertainty",
            "a percentage below 100, such as 27%, or a number of nanoseconds",
            "the text 'NaN%'",
        ),
        ("ProjectName: 3d", "ProjectName", "a name of letters, digits and _", "the text '3d'"),
        ("ProjectName: a-b", "ProjectName", "a name of letters, digits and _", "the text 'a-b'"),
        ("OutputDir: 3", "OutputDir", "a folder", "3"),
    ];
    for (text, place, expected, found) in cases {
        let message = format!("{place}: expected {expected}, found {found}");
        says(&[(text, &message, &format!("write {expected}"))]);
    }
}

#[test]
fn wrong_types_are_named() {
    let help = "types are spelled as in hls4ml: fixed<16,6>, ufixed<8,0>, ap_fixed<16,6,AP_RND,AP_SAT>, int<4>";
    says(&[
        (
            "Model: {Precision: 'fixed<0,1>'}",
            "Model.Precision: a format is 1 to 128 bits wide, not 0",
            help,
        ),
        (
            "LayerType: {Dense: {Precision: {bias: 'fixed<8,1,RNDD>'}}}",
            "LayerType.Dense.Precision.bias: 'RNDD' is no rounding or overflow mode",
            help,
        ),
    ]);
}

#[test]
fn the_same_thing_twice_is_an_error() {
    let help = "remove one of them";
    says(&[
        (
            "LayerName: {s: {Precision: {weight: 'int<4>', weight_t: 'int<4>'}}}",
            "LayerName.s.Precision.weight_t and weight are the same setting",
            help,
        ),
        (
            "HLSConfig: {}\nModel: {}",
            "'Model' is beside HLSConfig; hls4ml reads it inside only",
            "move it into HLSConfig",
        ),
    ]);
}

#[test]
fn a_file_is_named_in_front_of_what_is_wrong_in_it() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("cfg.yml");
    std::fs::write(&file, "Model: {ReuseFactor: 0}")?;
    let Err(error) = Config::load(&file) else { panic!("accepted") };
    let expected = "Model.ReuseFactor: expected a whole number from 1 on, found 0";
    assert_eq!(error.to_string(), format!("{}: {expected}", file.display()));
    assert_eq!(
        error.help().map(|h| h.to_string()).as_deref(),
        Some("write a whole number from 1 on")
    );
    Ok(())
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let Err(error) = Config::load(std::path::Path::new("no/such.yml")) else { panic!("accepted") };
    assert!(error.to_string().starts_with("no/such.yml: "), "{error}");
    assert_eq!(
        error.help().map(|h| h.to_string()).as_deref(),
        Some("--config takes a YAML or JSON file")
    );
}

#[test]
fn scales_and_corrections_of_weights() {
    says(&[
        (
            "LayerType: {Dense: {BiasCorrection: [1]}}",
            "LayerType.Dense.BiasCorrection is not supported",
            "move it to the entry of a layer in LayerName: it has a number for each output channel",
        ),
        (
            "LayerName: {fc1: {BiasCorrection: [1, x]}}",
            "LayerName.fc1.BiasCorrection[1]: expected a finite number of float32, found the text 'x'",
            "write a finite number of float32",
        ),
        (
            "LayerName: {fc1: {BiasCorrection: [1, 1e300]}}",
            "LayerName.fc1.BiasCorrection[1]: expected a finite number of float32, found 1e+300",
            "write a finite number of float32",
        ),
        (
            "LayerName: {fc1: {BiasCorrection: [.nan]}}",
            "LayerName.fc1.BiasCorrection[0]: expected a finite number of float32, found the text '.nan'",
            "write a finite number of float32",
        ),
        (
            "LayerName: {fc1: {BiasCorrection: 3}}",
            "LayerName.fc1.BiasCorrection: expected a list of numbers, found 3",
            "write a list of numbers",
        ),
        (
            "LayerName: {fc1: {WeightScale: per_chanel}}",
            "LayerName.fc1.WeightScale: unknown value 'per_chanel', did you mean 'per_channel'?",
            "supported: per_layer, per_channel",
        ),
    ]);
    let config = Config::parse(
        "Model: {WeightScale: per_channel}\nLayerType: {Conv2D: {WeightScale: per_layer}}\n\
         LayerName: {fc1: {BiasCorrection: [0.5, -1]}}",
    );
    let config = config.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(config.weight_scale("fc1", "Dense"), Some(WeightScale::PerChannel));
    assert_eq!(config.weight_scale("conv", "Conv2D"), Some(WeightScale::PerLayer));
    assert_eq!(config.bias_correction("FC1"), Some(&[0.5, -1.0][..]));
    assert_eq!(config.bias_correction("fc2"), None);
}
