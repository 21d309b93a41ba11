//! The keys of hls4ml, and the support for each.

use serde_json::Value;

use super::ConfigError;
use super::error::TYPES_IN_BRACES;
use super::scope::Variable;
use super::tree::Node;
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

/// Support for a key of hls4ml.
#[derive(Clone, Copy)]
enum Support {
    /// Supported.
    Full,
    /// Supported with a value that fulfils the condition only: the one that hls4ml writes by
    /// default, which changes nothing.
    Default(fn(&Value) -> bool),
    /// Unsupported.
    None,
    /// Not applicable, for this reason. The key is noted and has no effect.
    Inapplicable(&'static str),
}

use Support::{Default, Full, Inapplicable, None as Unsupported};

const MODEL_FILE: &str = "the command line names the model";
const SHAPES: &str = "the model states its shapes";

const FILE: &[(&str, Support)] = &[
    ("Backend", Full),
    ("Part", Full),
    ("XilinxPart", Full),
    ("ClockPeriod", Full),
    ("ClockUncertainty", Full),
    ("IOType", Full),
    ("ProjectName", Full),
    ("OutputDir", Full),
    ("HLSConfig", Full),
    ("WriterConfig", Full),
    ("TraceOutput", Default(Value::is_boolean)),
    ("Version", Default(|v| v == "1.0.0")),
    ("Technology", Default(|v| v == "fpga")),
    ("ASICLibs", Default(Value::is_null)),
    ("FIFO", Default(Value::is_null)),
    ("AcceleratorConfig", Unsupported),
    ("FPGAFamily", Unsupported),
    ("Board", Unsupported),
    ("SmartHLSPath", Unsupported),
    ("HyperoptHandshake", Unsupported),
    ("Compiler", Unsupported),
    ("HLSIncludePath", Unsupported),
    ("HLSLibsPath", Unsupported),
    ("NSymbols", Unsupported),
    ("ProjectDir", Unsupported),
    ("InputShape", Inapplicable(SHAPES)),
    ("InputShapes", Inapplicable(SHAPES)),
    ("OutputShapes", Inapplicable(SHAPES)),
    ("Stamp", Inapplicable("a project has no stamp")),
    ("KerasModel", Inapplicable(MODEL_FILE)),
    ("KerasJson", Inapplicable(MODEL_FILE)),
    ("KerasH5", Inapplicable(MODEL_FILE)),
    ("OnnxModel", Inapplicable(MODEL_FILE)),
    ("PytorchModel", Inapplicable(MODEL_FILE)),
    ("InputData", Inapplicable("--input names the samples")),
    ("OutputPredictions", Inapplicable("expected outputs are simulated")),
];

const HLS: &[(&str, Support)] = &[
    ("Model", Full),
    ("LayerType", Full),
    ("LayerName", Full),
    ("Optimizers", Unsupported),
    ("SkipOptimizers", Unsupported),
    ("Flows", Unsupported),
];

const MODEL: &[(&str, Support)] = &[
    ("Precision", Full),
    ("ReuseFactor", Full),
    ("Strategy", Full),
    ("TableSize", Full),
    // hls4ml does not have this one.
    ("InternalSigmoid", Full),
    ("TraceOutput", Default(Value::is_boolean)),
    ("BitExact", Default(|v| v.is_null() || v == true)),
    ("BramFactor", Default(|v| v.as_f64().is_some_and(|n| n >= 1e9))),
    ("Compression", Default(|v| v == false)),
    ("ConvImplementation", Default(|v| v == "LineBuffer")),
    ("PipelineStyle", Default(|v| v == "auto")),
    ("PipelineInterval", Default(Value::is_null)),
    ("AllowDAFallback", Default(Value::is_boolean)),
    ("AllowV2Fallback", Default(Value::is_boolean)),
    ("TargetCycles", Unsupported),
    ("ChannelsLastConversion", Unsupported),
    ("TransposeOutputs", Unsupported),
];

const LAYER: &[(&str, Support)] = &[
    ("Precision", Full),
    ("ReuseFactor", Full),
    ("Strategy", Full),
    ("Trace", Full),
    ("TableSize", Full),
    ("Implementation", Full),
    ("Skip", Full),
    ("exp_table_t", Full),
    ("inv_table_t", Full),
    ("Compression", Default(|v| v == false)),
    ("ConvImplementation", Default(|v| v == "LineBuffer")),
    ("ParallelizationFactor", Default(|v| v == 1)),
    ("TargetCycles", Unsupported),
    ("TableRangePower2", Unsupported),
    ("RecurrentReuseFactor", Unsupported),
    ("ForwardReuseFactor", Unsupported),
    ("BackwardReuseFactor", Unsupported),
    ("ForwardRecurrentReuseFactor", Unsupported),
    ("BackwardRecurrentReuseFactor", Unsupported),
    ("DepthwiseReuseFactor", Default(|v| v == 1)),
    ("PointwiseReuseFactor", Default(|v| v == 1)),
    ("Static", Unsupported),
    ("TimeStepLoopParallelism", Unsupported),
    ("Algorithm", Default(|v| v == "nearest")),
    ("ApplyResetGate", Unsupported),
    ("Direction", Unsupported),
    ("PoolOp", Unsupported),
];

/// Variables of hls4ml whose types are supported as `auto` only.
const OTHER_TYPES: &[&str] = &[
    "table",
    "maximum",
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

const WRITER: &[(&str, Support)] = &[
    ("Namespace", Default(Value::is_null)),
    ("WriteWeightsTxt", Default(Value::is_boolean)),
    ("WriteTar", Default(|v| v == false)),
    ("TBOutputStream", Default(Value::is_string)),
    ("WriteEmulationConstants", Default(|v| v == false)),
];

/// A key without the suffix `_t`: hls4ml's attributes have it, its configuration drops it.
pub(super) fn bare(key: &str) -> &str {
    key.strip_suffix("_t").unwrap_or(key)
}

impl Level {
    fn is_precision(self) -> bool {
        matches!(self, Self::ModelPrecision | Self::LayerPrecision)
    }

    /// The keys of this level.
    fn keys(self) -> Vec<(&'static str, Support)> {
        match self {
            Self::File => [FILE, HLS].concat(),
            Self::Hls => HLS.to_vec(),
            Self::Model => MODEL.to_vec(),
            Self::Layer => LAYER.to_vec(),
            Self::ModelPrecision | Self::LayerPrecision => {
                Variable::KEYS.map(|(key, _)| (key, Full)).to_vec()
            }
            Self::Writer => WRITER.to_vec(),
        }
    }

    /// The support for `key` at this level; `None` if hls4ml has no such key.
    fn support(self, key: &str) -> Option<Support> {
        let key = if self.is_precision() { bare(key) } else { key };
        let found = self.keys().into_iter().find(|(known, _)| *known == key);
        let other = self.is_precision() && OTHER_TYPES.contains(&key);
        found.map(|(_, support)| support).or(other.then_some(Unsupported))
    }

    /// The place of mappings of this level.
    fn name(self) -> &'static str {
        match self {
            Self::File => "the top of the file",
            Self::Hls => "HLSConfig",
            Self::Model => "Model",
            Self::Layer => "the entries of LayerType and LayerName",
            Self::ModelPrecision | Self::LayerPrecision => "Precision",
            Self::Writer => "WriterConfig",
        }
    }
}

const LEVELS: [Level; 6] =
    [Level::File, Level::Hls, Level::Model, Level::Layer, Level::LayerPrecision, Level::Writer];

/// The supported entries of a mapping. Every other entry has no effect.
pub(super) fn read<'a>(
    level: Level,
    mapping: &Node<'a>,
) -> Result<Vec<(&'a str, Node<'a>)>, ConfigError> {
    let mut read = Vec::new();
    for (key, node) in mapping.entries()? {
        match level.support(key) {
            Some(Full | Unsupported) if is_inferred(level, key, node.value) => {}
            Some(Full) => read.push((key, node)),
            Some(Default(is_default)) if is_default(node.value) => {}
            Some(Inapplicable(_)) => {}
            Some(Default(_)) => {
                let place = format!("{}: {}", node.place, node.value);
                let help = "remove the key: only hls4ml's default value is supported";
                return Err(ConfigError::Unsupported { place, help: help.into() });
            }
            Some(Unsupported) => {
                let help = "remove the key".into();
                return Err(ConfigError::Unsupported { place: node.place, help });
            }
            None => return Err(unknown(level, key, &mapping.place)),
        }
    }
    Ok(read)
}

/// The entries of a mapping without effect that have a value, each with the reason.
pub(super) fn inapplicable(
    level: Level,
    mapping: &Node<'_>,
) -> Result<Vec<(String, &'static str)>, ConfigError> {
    let reason = |(key, node): (&str, Node<'_>)| match level.support(key)? {
        Inapplicable(reason) if !node.value.is_null() => Some((key.to_owned(), reason)),
        Inapplicable(_) | Full | Default(_) | Unsupported => None,
    };
    Ok(mapping.entries()?.into_iter().filter_map(reason).collect())
}

/// True for a type that hls4ml writes by default and infers or does not use: `auto`, or
/// `fixed<18,8>` for a table that is not softmax', an accumulator, or the sum of softmax.
fn is_inferred(level: Level, key: &str, value: &Value) -> bool {
    let used = ["default", "result", "weight", "bias", "scale", "exp_table", "inv_table"];
    let default = ["fixed<18,8,TRN,WRAP,0>", "fixed<18,8,RND,SAT,0>", "fixed<18,8>"];
    let is = |types: &[&str]| value.as_str().is_some_and(|text| types.contains(&text));
    let layer = level == Level::LayerPrecision;
    (level.is_precision() && is(&["auto"])) || (layer && !used.contains(&bare(key)) && is(&default))
}

/// The error for a `key` that hls4ml does not have.
fn unknown(level: Level, key: &str, place: &str) -> ConfigError {
    let elsewhere: Vec<&str> =
        LEVELS.iter().filter(|l| l.support(key).is_some()).map(|l| l.name()).collect();
    let is_torn = key.ends_with('>') || key.parse::<i32>().is_ok();
    let help = if is_torn {
        TYPES_IN_BRACES.to_owned()
    } else if elsewhere.is_empty() {
        let taken = level.keys().into_iter().filter(|(_, s)| matches!(s, Full | Default(_)));
        format!("keys here are: {}", taken.map(|(k, _)| k).collect::<Vec<_>>().join(", "))
    } else {
        format!("{key} belongs to {}", elsewhere.join(", or "))
    };
    let place = match place {
        "" => "at the top of the file".to_owned(),
        place => format!("in {place}"),
    };
    let known = level.keys().into_iter().map(|(known, _)| known);
    let nearest = if elsewhere.is_empty() { nearest(key, known) } else { None };
    ConfigError::UnknownKey { key: key.to_owned(), place, nearest, help }
}

/// Fused activations, each of which is a layer of its own in hls4ml.
pub(super) const FUSED: &[&str] = &[
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
