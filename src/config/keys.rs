//! The keys that hls4ml knows, and what becomes of each here.

use serde_json::Value;

use super::ConfigError;
use super::error::TYPES_IN_BRACES;
use super::node::Node;
use crate::naming::nearest;

/// A kind of mapping in the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Level {
    /// The file itself. The keys of `HLSConfig` may stand here as well: hls4ml's
    /// `config_from_keras_model` returns that mapping alone.
    File,
    /// `HLSConfig`.
    Hls,
    /// `Model`.
    Model,
    /// An entry of `LayerType` or `LayerName`.
    Layer,
    /// `Precision` of the model.
    ModelPrecision,
    /// `Precision` of a layer or a class.
    LayerPrecision,
    /// `WriterConfig`.
    Writer,
}

/// What becomes of a key.
#[derive(Clone, Copy)]
enum Use {
    /// It is read.
    Read,
    /// Known to hls4ml. A value that fulfils the condition, the one that hls4ml writes by itself,
    /// changes nothing and passes; any other is not supported yet.
    Idle(fn(&Value) -> bool),
    /// Known to hls4ml, not supported yet.
    Later,
    /// Known to hls4ml, and without a meaning here, for this reason.
    Never(&'static str),
}

use Use::{Idle, Later, Never, Read};

const MODEL_FILE: &str = "the model is named on the command line";
const ACCUMULATOR: &str = "accumulators are proven from the weights, none can overflow or round";

const FILE: &[(&str, Use)] = &[
    ("Backend", Read),
    ("Part", Read),
    ("XilinxPart", Read),
    ("ClockPeriod", Read),
    ("ClockUncertainty", Read),
    ("IOType", Read),
    ("ProjectName", Read),
    ("OutputDir", Read),
    ("HLSConfig", Read),
    ("WriterConfig", Read),
    ("TraceOutput", Idle(Value::is_boolean)),
    ("Version", Idle(|v| v == "1.0.0")),
    ("Technology", Idle(|v| v == "fpga")),
    ("ASICLibs", Idle(Value::is_null)),
    ("FIFO", Idle(Value::is_null)),
    ("AcceleratorConfig", Later),
    ("FPGAFamily", Later),
    ("Board", Later),
    ("SmartHLSPath", Later),
    ("HyperoptHandshake", Later),
    ("Compiler", Later),
    ("HLSIncludePath", Later),
    ("HLSLibsPath", Later),
    ("InputShape", Later),
    ("NSymbols", Later),
    ("ProjectDir", Later),
    ("Stamp", Later),
    ("KerasModel", Never(MODEL_FILE)),
    ("KerasJson", Never(MODEL_FILE)),
    ("KerasH5", Never(MODEL_FILE)),
    ("OnnxModel", Never(MODEL_FILE)),
    ("PytorchModel", Never(MODEL_FILE)),
    ("InputData", Never("samples are named on the command line, by --input")),
    ("OutputPredictions", Never("expected outputs are computed, not read")),
];

const HLS: &[(&str, Use)] = &[
    ("Model", Read),
    ("LayerType", Read),
    ("LayerName", Read),
    ("Optimizers", Later),
    ("SkipOptimizers", Later),
    ("Flows", Later),
];

const MODEL: &[(&str, Use)] = &[
    ("Precision", Read),
    ("ReuseFactor", Read),
    ("Strategy", Read),
    ("TableSize", Read),
    // hls4ml does not have this one.
    ("InternalSigmoid", Read),
    ("TraceOutput", Idle(Value::is_boolean)),
    ("BitExact", Idle(|v| v.is_null() || v == true)),
    ("BramFactor", Idle(|v| v.as_f64().is_some_and(|n| n >= 1e9))),
    ("Compression", Idle(|v| v == false)),
    ("ConvImplementation", Idle(|v| v == "LineBuffer")),
    ("PipelineStyle", Idle(|v| v == "auto")),
    ("PipelineInterval", Idle(Value::is_null)),
    ("AllowDAFallback", Idle(Value::is_boolean)),
    ("AllowV2Fallback", Idle(Value::is_boolean)),
    ("TargetCycles", Later),
    ("ChannelsLastConversion", Later),
    ("TransposeOutputs", Later),
];

const LAYER: &[(&str, Use)] = &[
    ("Precision", Read),
    ("ReuseFactor", Read),
    ("Strategy", Read),
    ("Trace", Read),
    ("TableSize", Read),
    ("Implementation", Read),
    ("Skip", Read),
    ("exp_table_t", Read),
    ("inv_table_t", Read),
    ("Compression", Idle(|v| v == false)),
    ("ConvImplementation", Idle(|v| v == "LineBuffer")),
    ("ParallelizationFactor", Idle(|v| v == 1)),
    ("TargetCycles", Later),
    ("TableRangePower2", Later),
    ("RecurrentReuseFactor", Later),
    ("ForwardReuseFactor", Later),
    ("BackwardReuseFactor", Later),
    ("ForwardRecurrentReuseFactor", Later),
    ("BackwardRecurrentReuseFactor", Later),
    ("DepthwiseReuseFactor", Later),
    ("PointwiseReuseFactor", Later),
    ("Static", Later),
    ("TimeStepLoopParallelism", Later),
    ("Algorithm", Later),
    ("ApplyResetGate", Later),
    ("Direction", Later),
    ("PoolOp", Later),
];

/// The types of things that this stage does not build; `auto` leaves them open.
const OTHER_TYPES: &[&str] = &[
    "param",
    "depthwise",
    "pointwise",
    "depthwise_accum",
    "pointwise_accum",
    "depthwise_result",
    "dw_output",
    "embeddings",
    "recurrent_weight",
    "recurrent_bias",
    "forward_weight",
    "forward_bias",
    "forward_recurrent_weight",
    "forward_recurrent_bias",
    "backward_weight",
    "backward_bias",
    "backward_recurrent_weight",
    "backward_recurrent_bias",
    "shift",
    "slope",
    "expr",
    "inp_norm",
];

/// The types that are read, and those around softmax that hls4ml writes into every file.
const TYPES: &[(&str, Use)] = &[
    ("default", Read),
    ("result", Read),
    ("weight", Read),
    ("bias", Read),
    ("scale", Read),
    ("exp_table", Read),
    ("inv_table", Read),
    ("accum", Never(ACCUMULATOR)),
    ("table", Later),
    ("inv_inp", Later),
    ("maximum", Later),
];

const WRITER: &[(&str, Use)] = &[
    ("Namespace", Idle(Value::is_null)),
    ("WriteWeightsTxt", Idle(Value::is_boolean)),
    ("WriteTar", Idle(|v| v == false)),
    ("TBOutputStream", Idle(Value::is_string)),
    ("WriteEmulationConstants", Idle(|v| v == false)),
];

impl Level {
    /// The keys of this level.
    fn keys(self) -> impl Iterator<Item = &'static (&'static str, Use)> {
        let (own, inner): (_, &[(&str, Use)]) = match self {
            Level::File => (FILE, HLS),
            Level::Hls => (HLS, &[]),
            Level::Model => (MODEL, &[]),
            Level::Layer => (LAYER, &[]),
            Level::ModelPrecision | Level::LayerPrecision => (TYPES, &[]),
            Level::Writer => (WRITER, &[]),
        };
        own.iter().chain(inner)
    }

    /// What becomes of `key` at this level.
    fn lookup(self, key: &str) -> Option<Use> {
        let types = matches!(self, Level::ModelPrecision | Level::LayerPrecision);
        // hls4ml's attributes end in _t, its configuration drops that; both are in use.
        let bare = if types { key.strip_suffix("_t").unwrap_or(key) } else { key };
        let found = self.keys().find(|(known, _)| *known == bare).map(|(_, used)| *used);
        match found {
            None if types && OTHER_TYPES.contains(&bare) => Some(Later),
            _ => found,
        }
    }

    /// Where mappings of this level stand.
    fn name(self) -> &'static str {
        match self {
            Level::File => "the top of the file",
            Level::Hls => "HLSConfig",
            Level::Model => "Model",
            Level::Layer => "the entries of LayerType and LayerName",
            Level::ModelPrecision | Level::LayerPrecision => "Precision",
            Level::Writer => "WriterConfig",
        }
    }
}

const LEVELS: [Level; 6] =
    [Level::File, Level::Hls, Level::Model, Level::Layer, Level::LayerPrecision, Level::Writer];

/// The entries of a mapping that are to be read. Every other entry has been found harmless.
pub(super) fn read<'a>(
    level: Level,
    mapping: &Node<'a>,
) -> Result<Vec<(&'a str, Node<'a>)>, ConfigError> {
    let mut read = Vec::new();
    for (key, node) in mapping.entries()? {
        match level.lookup(key) {
            Some(Read) => read.push((key, node)),
            Some(Idle(harmless)) if harmless(node.value) => {}
            Some(Later | Never(_)) if is_left_open(level, node.value) => {}
            Some(Never(reason)) => {
                return Err(ConfigError::NeedsNone { place: node.place, reason });
            }
            Some(Idle(_)) => {
                let place = format!("{}: {}", node.place, node.value);
                let help = "remove the key: only the value that hls4ml writes by itself passes";
                return Err(ConfigError::Unsupported { place, help: help.into() });
            }
            Some(Later) => {
                let help = "remove the key".into();
                return Err(ConfigError::Unsupported { place: node.place, help });
            }
            None => return Err(unknown(level, key, &mapping.place)),
        }
    }
    Ok(read)
}

/// Whether a type is the one that hls4ml writes where nobody chose one: `auto`, or for tables and
/// sums of activations fixed<18,8>.
fn is_left_open(level: Level, value: &Value) -> bool {
    let default = ["auto", "fixed<18,8,TRN,WRAP,0>", "fixed<18,8,RND,SAT,0>", "fixed<18,8>"];
    level == Level::LayerPrecision && value.as_str().is_some_and(|text| default.contains(&text))
}

/// The error that nobody knows `key`.
fn unknown(level: Level, key: &str, place: &str) -> ConfigError {
    let elsewhere: Vec<&str> =
        LEVELS.iter().filter(|l| l.lookup(key).is_some()).map(|l| l.name()).collect();
    let is_torn = key.ends_with('>') || key.parse::<i32>().is_ok();
    let help = if is_torn {
        TYPES_IN_BRACES.to_owned()
    } else if elsewhere.is_empty() {
        let taken = level.keys().filter(|(_, used)| matches!(used, Read | Idle(_)));
        format!("keys here are: {}", taken.map(|(k, _)| *k).collect::<Vec<_>>().join(", "))
    } else {
        format!("{key} belongs to {}", elsewhere.join(", or "))
    };
    let place = match place {
        "" => "at the top of the file".to_owned(),
        place => format!("in {place}"),
    };
    let nearest = if elsewhere.is_empty() {
        nearest(key, level.keys().map(|(known, _)| *known))
    } else {
        None
    };
    ConfigError::UnknownKey { key: key.to_owned(), place, nearest, help }
}

/// Activations inside of layers, each of which hls4ml makes a layer of its own.
pub(super) const ACTIVATIONS: &[&str] = &[
    "linear",
    "relu",
    "softmax",
    "tanh",
    "sigmoid",
    "hard_sigmoid",
    "hard_tanh",
    "binary_tanh",
    "ternary_tanh",
    "binary",
    "ternary",
    "quantized_bits",
    "quantized_relu",
    "quantized_tanh",
    "quantized_sigmoid",
];

/// Classes of layers that hls4ml reads from Keras and QKeras, for `LayerType`.
pub(super) const CLASSES: &[&str] = &[
    "Activation",
    "Add",
    "Average",
    "AveragePooling1D",
    "AveragePooling2D",
    "BatchNormalization",
    "Bidirectional",
    "BinaryDense",
    "Concatenate",
    "Conv1D",
    "Conv2D",
    "Conv2DBatchnorm",
    "Cropping1D",
    "Cropping2D",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Dot",
    "Dropout",
    "ELU",
    "EinsumDense",
    "Embedding",
    "Flatten",
    "GRU",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "HardActivation",
    "Input",
    "InputLayer",
    "LSTM",
    "LayerNormalization",
    "LeakyReLU",
    "MaxPooling1D",
    "MaxPooling2D",
    "Maximum",
    "Merge",
    "Minimum",
    "Multiply",
    "PReLU",
    "Permute",
    "QActivation",
    "QBatchNormalization",
    "QConv1D",
    "QConv2D",
    "QConv2DBatchnorm",
    "QDense",
    "QDepthwiseConv2D",
    "QGRU",
    "QLSTM",
    "QSeparableConv1D",
    "QSeparableConv2D",
    "QSimpleRNN",
    "ReLU",
    "Reshape",
    "SeparableConv1D",
    "SeparableConv2D",
    "SimpleRNN",
    "Softmax",
    "Subtract",
    "TernaryDense",
    "TernaryTanh",
    "ThresholdedReLU",
    "TimeDistributed",
    "UpSampling1D",
    "UpSampling2D",
    "ZeroPadding1D",
    "ZeroPadding2D",
];
