//! The two shapes of a file, and the values of its keys.

use super::super::{ClockUncertainty, Config, Variable};
use super::config;
use crate::config::{Pace, Recurrence, Tool};

const FULL: &str = "
Backend: Catapult
Part: xcku115-flvb2104-2-i
ClockPeriod: 2.5
ClockUncertainty: 27%
IOType: io_parallel
ProjectName: tagger
OutputDir: my prj
HLSConfig:
  Model:
    Precision: fixed<16,6>
    ReuseFactor: 2
    Strategy: Latency
  LayerName:
    softmax: {TableSize: 512, Skip: false, Implementation: stable, exp_table_t: 'ufixed<10,1>', Trace: true}
";

#[test]
fn a_whole_file_sets_the_project_and_the_layers() {
    let config = config(FULL);
    assert_eq!(config.backend, Some(Tool::Catapult));
    assert_eq!(config.part.as_deref(), Some("xcku115-flvb2104-2-i"));
    assert_eq!(config.clock_period, Some(2.5));
    assert_eq!(config.clock_uncertainty, Some(ClockUncertainty::Percent(27.0)));
    assert_eq!(config.project_name.as_deref(), Some("tagger"));
    assert_eq!(config.output_dir, Some("my prj".into()));
    assert_eq!(config.pace("fc", "QDense"), Some(Pace::ReuseFactor(2)));
    let softmax = config.softmax("softmax");
    assert_eq!(softmax.table_size, Some(512));
    assert_eq!(softmax.exp_table, "ufixed<10,1>".parse().ok());
    assert_eq!(softmax.inv_table, None);
    assert_eq!(softmax.skip, Some(false));
}

#[test]
fn json_is_read_as_well() {
    let json = r#"{"ClockPeriod": 4, "HLSConfig": {"Model": {"ReuseFactor": 3}}}"#;
    assert_eq!(config(json).clock_period, Some(4.0));
    assert_eq!(config(json).pace("fc", "Dense"), Some(Pace::ReuseFactor(3)));
}

#[test]
fn the_part_under_hlsconfig_may_stand_alone() {
    let inner = "Model: {ReuseFactor: 3}\nLayerName:\n  fc: {Precision: 'int<4>'}";
    let wrapped =
        "HLSConfig:\n  Model: {ReuseFactor: 3}\n  LayerName:\n    fc: {Precision: 'int<4>'}";
    assert_eq!(config(inner), config(wrapped));
    assert_eq!(config(inner).pace("fc", "Dense"), Some(Pace::ReuseFactor(3)));
}

#[test]
fn an_empty_mapping_sets_nothing() {
    assert_eq!(config("{}"), Config::default());
    assert_eq!(
        config("HLSConfig: {Model: , LayerType: , LayerName: {fc: }}").pace("fc", "Dense"),
        None
    );
}

#[test]
fn the_first_versions_name_of_part_is_read() {
    assert_eq!(config("XilinxPart: xc7z020").part.as_deref(), Some("xc7z020"));
}

#[test]
fn an_uncertainty_is_a_share_of_the_period() {
    for text in ["0.5", "0.5ns"] {
        let nanoseconds = config(&format!("ClockUncertainty: {text}")).clock_uncertainty;
        assert_eq!(nanoseconds, Some(ClockUncertainty::Nanoseconds(0.5)));
    }
    for text in ["4", "4ns", "250MHz"] {
        assert_eq!(config(&format!("ClockPeriod: {text}")).clock_period, Some(4.0));
    }
    assert_eq!(ClockUncertainty::Nanoseconds(0.5).of(4.0), 0.125);
    assert_eq!(ClockUncertainty::Percent(12.5).of(4.0), 0.125);
    assert_eq!(ClockUncertainty::Percent(12.5).to_string(), "12.5%");
    assert_eq!(ClockUncertainty::Nanoseconds(0.5).to_string(), "0.5");
}

/// As `config_from_keras_model(model, granularity='name', backend='Vitis')` returns it.
const WRITTEN_BY_HLS4ML: &str = "
Model:
  Precision: {default: 'fixed<16,6>'}
  ReuseFactor: 1
  Strategy: Latency
  BramFactor: 1000000000
  TraceOutput: false
LayerName:
  input_1:
    Trace: false
    Precision: {result: auto}
  fc1:
    Trace: false
    Precision: {result: auto, weight: 'fixed<6,1,RND_CONV,SAT,0>', bias: 'fixed<6,1,RND_CONV,SAT,0>', accum: auto}
    ReuseFactor: 1
  fc1_linear:
    Trace: false
    Precision: {result: auto, table: 'fixed<18,8,TRN,WRAP,0>'}
    ReuseFactor: 1
    TableSize: 1024
  softmax:
    Trace: false
    Precision:
      result: auto
      table: 'fixed<18,8,TRN,WRAP,0>'
      exp_table: 'fixed<18,8,RND,SAT,0>'
      inv_table: 'fixed<18,8,RND,SAT,0>'
      inv_inp: 'fixed<18,8,RND,SAT,0>'
      accum: 'fixed<18,8,RND,SAT,0>'
    ReuseFactor: 1
    TableSize: 1024
    Implementation: stable
    Skip: false
";

#[test]
fn what_hls4ml_writes_by_itself_passes() {
    let config = config(WRITTEN_BY_HLS4ML);
    let weight = config.precision_of("fc1", "QDense", Variable::Weight);
    assert_eq!(weight, "fixed<6,1,RND_CONV,SAT>".parse().ok());
    assert_eq!(config.own_precision_of("fc1", "QDense", Variable::Result), None);
    let layers = [("input_1", "InputLayer"), ("fc1", "QDense"), ("softmax", "Activation")];
    assert!(config.check_layers(&layers).is_ok());
    assert_eq!(config.softmax("softmax").exp_table, "fixed<18,8,RND,SAT>".parse().ok());
}

#[test]
fn switches_in_their_off_position_pass() {
    config("Version: 1.0.0\nTechnology: fpga\nASICLibs: null\nFIFO: null\nTraceOutput: true");
    config(
        "WriterConfig: {Namespace: null, WriteWeightsTxt: true, WriteTar: false, TBOutputStream: both, WriteEmulationConstants: false}",
    );
    config(
        "Model: {BitExact: true, Compression: false, ConvImplementation: LineBuffer, PipelineStyle: auto, PipelineInterval: null, AllowDAFallback: true, AllowV2Fallback: true}",
    );
    config(
        "Model: {BitExact: null}\nLayerType: {Conv2D: {ParallelizationFactor: 1, Compression: false, ConvImplementation: LineBuffer}}",
    );
}

#[test]
fn parallelization_factors_are_read() {
    let text = "Model: {ParallelizationFactor: 2}\nLayerName: {conv: {ParallelizationFactor: 4}}";
    let config = config(text);
    let factors = ["conv", "other"].map(|layer| config.parallelization_factor(layer, "Conv2D"));
    assert_eq!(factors, [Some(4), Some(2)]);
}

#[test]
fn recurrent_layers_have_a_reuse_factor_and_hardware_of_their_steps() {
    let text = "
Model: {RecurrentReuseFactor: 2, Recurrence: unrolled}
LayerType: {LSTM: {RecurrentReuseFactor: 3}}
LayerName:
  written: {RecurrentReuseFactor: 1, Static: true}
  own: {RecurrentReuseFactor: 4, Recurrence: Iterated, Static: false}
  copies: {Static: false}";
    let config = config(text);
    let factors = [("written", "QLSTM"), ("own", "LSTM"), ("other", "GRU")]
        .map(|(layer, class)| config.recurrent_reuse_factor(layer, class));
    assert_eq!(factors, [Some(3), Some(4), Some(2)]);
    let kinds = ["written", "own", "copies"].map(|layer| config.recurrence(layer, "LSTM"));
    let unrolled = Some(Recurrence::Unrolled);
    assert_eq!(kinds, [unrolled, Some(Recurrence::Iterated), unrolled]);
    let notes: Vec<String> = config.notes.iter().map(ToString::to_string).collect();
    assert_eq!(notes, ["Static: false of LayerName.copies is taken as Recurrence: Unrolled"]);
}

#[test]
fn the_manuals_example_is_read() {
    let manual = include_str!("../../../docs/config.md");
    let block: Vec<&str> = manual
        .lines()
        .skip_while(|line| !line.starts_with("    "))
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("    "))
        .collect();
    let config = config(&block.join("\n"));
    assert_eq!(config.softmax("softmax").table_size, Some(2048));
    assert_eq!(config.pace("fc2", "QDense"), Some(Pace::ReuseFactor(4)));
}
