//! Every message, as a user reads it.

use miette::Diagnostic;

use super::super::Config;
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
            "keys here are: Precision, ReuseFactor, Strategy, TableSize, InternalSigmoid, TraceOutput, BitExact, BramFactor, Compression, ConvImplementation, PipelineStyle, PipelineInterval, AllowDAFallback, AllowV2Fallback",
        ),
        (
            "LayerName: {a: {InternalSigmoid: hard}}",
            "unknown key 'InternalSigmoid' in LayerName.a",
            "InternalSigmoid belongs to Model",
        ),
        (
            "HLSConfig: {LayerNames: {}}",
            "unknown key 'LayerNames' in HLSConfig, did you mean 'LayerName'?",
            "keys here are: Model, LayerType, LayerName",
        ),
        (
            "ReuseFactor: 1",
            "unknown key 'ReuseFactor' at the top of the file",
            "ReuseFactor belongs to Model, or the entries of LayerType and LayerName",
        ),
        (
            "LayerName: {fc1: {Precision: {wieght: 'int<4>'}}}",
            "unknown key 'wieght' in LayerName.fc1.Precision, did you mean 'weight'?",
            "keys here are: default, result, weight, bias, scale, exp_table, inv_table, accum, inv_inp",
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
            "keys here are: Namespace, WriteWeightsTxt, WriteTar, TBOutputStream, WriteEmulationConstants",
        ),
    ]);
}

#[test]
fn what_hls4ml_knows_and_is_not_built_says_so() {
    let remove = "remove the key";
    let idle = "remove the key: only hls4ml's default value is supported";
    says(&[
        ("Model: {BramFactor: 100}", "Model.BramFactor: 100 is not supported", idle),
        ("Model: {BitExact: false}", "Model.BitExact: false is not supported", idle),
        ("Model: {TargetCycles: 3}", "Model.TargetCycles is not supported", remove),
        ("HLSConfig: {SkipOptimizers: [a]}", "HLSConfig.SkipOptimizers is not supported", remove),
        (
            "LayerName: {fc: {Precision: {table: 'fixed<9,3>'}}}",
            "LayerName.fc.Precision.table is not supported",
            remove,
        ),
        (
            "Model: {Precision: {maximum: 'fixed<9,3>'}}",
            "Model.Precision.maximum is not supported",
            remove,
        ),
        ("IOType: io_stream", "IOType: io_stream is not supported", "supported: io_parallel"),
        (
            "Model: {Strategy: distributed_arithmetic}",
            "Model.Strategy: distributed_arithmetic is not supported",
            "supported: Latency, Resource",
        ),
        ("Backend: quartus", "Backend: Quartus is not supported", "supported: Vitis, Catapult"),
        (
            "LayerName: {s: {Implementation: argmax}}",
            "LayerName.s.Implementation: argmax is not supported",
            "supported: stable",
        ),
        ("WriterConfig: {WriteTar: true}", "WriterConfig.WriteTar: true is not supported", idle),
    ]);
}

#[test]
fn keys_that_are_not_applicable_are_noted_with_the_reason() {
    let text = "KerasH5: model.h5\nKerasModel: !keras_model 'prj/keras_model.keras'\nInputData: x.npy\n\
                OutputPredictions: null\nStamp: 6c733bef\nInputShapes: {x: [16]}";
    let expected = [
        ("KerasH5", "the command line names the model"),
        ("KerasModel", "the command line names the model"),
        ("InputData", "--input names the samples"),
        ("Stamp", "a project has no stamp"),
        ("InputShapes", "the model states its shapes"),
    ];
    let found = super::config(text).without_effect;
    let found: Vec<_> = found.iter().map(|(key, reason)| (key.as_str(), *reason)).collect();
    assert_eq!(found, expected);
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
        ("Part: a\nXilinxPart: b", "Part and XilinxPart are the same setting", help),
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
