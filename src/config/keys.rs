//! The keys of hls4ml, and the support for each.

use serde_json::Value;

use super::ConfigError;
use super::error::TYPES_IN_BRACES;
use super::notes::{NoteKind, Notes};
use super::tree::PlacedValue;
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
    /// It would change results or interfaces. Supported with a value that fulfils the condition only:
    /// the one that hls4ml writes by default.
    Default(fn(&Value) -> bool),
    /// Unsupported.
    None,
    /// No effect, for this reason; it changes no result in hls4ml either. It is noted unless its
    /// value fulfils the condition: the one that hls4ml writes by default.
    Noted(fn(&Value) -> bool, &'static str),
}

use Level::{File, Hls, Layer, LayerPrecision, Model, Writer};
use Support::{Default, Full, None as Unsupported, Noted};

const MODEL_FILE: &str = "the command line names the model";
const SHAPES: &str = "the model states its shapes";
const PASSES: &str = "Bitkiln has passes of its own";
const CONVOLUTIONS: &str = "Bitkiln plans convolutions itself";
const SCHEDULE: &str = "Bitkiln plans the schedule itself";
const INSIDE: &str = "weights are constants or memories of the design";
const COMPRESSION: &str = "products with weights of 0 are left out in any case";
const PYTORCH: &str = "the model has channels as Keras states them";

/// The keys of each level, separated by blanks. hls4ml 1.3.0: `HLSConfig` in `model/graph.py`, the
/// attributes of layers in `model/layers.py` and of each backend, `create_initial_config` of each
/// backend, and `utils/config.py`.
const KEYS: &[(Level, Support, &str)] = &[
    (File, Full, "Backend Part XilinxPart ClockPeriod ClockUncertainty IOType ProjectName"),
    (File, Full, "OutputDir HLSConfig WriterConfig"),
    (File, Noted(Value::is_boolean, "bitkiln run --trace"), "TraceOutput"),
    (File, Noted(|v| v == "1.0.0", "a project has no version"), "Version"),
    (File, Default(|v| v == "fpga"), "Technology"),
    (File, Default(Value::is_null), "ASICLibs FIFO"),
    (File, Noted(Value::is_null, "boards are not supported yet"), "AcceleratorConfig Board"),
    (File, Unsupported, "FPGAFamily SmartHLSPath HyperoptHandshake Compiler"),
    (File, Unsupported, "HLSIncludePath HLSLibsPath NSymbols"),
    (File, Noted(Value::is_null, "OutputDir is the folder of the project"), "ProjectDir"),
    (File, Noted(Value::is_null, SHAPES), "InputShape InputShapes OutputShapes"),
    (File, Noted(Value::is_null, "a project has no stamp"), "Stamp"),
    (
        File,
        Noted(Value::is_null, MODEL_FILE),
        "KerasModel KerasJson KerasH5 OnnxModel PytorchModel",
    ),
    (File, Noted(Value::is_null, "--input names the samples"), "InputData"),
    (File, Noted(Value::is_null, "expected outputs are simulated"), "OutputPredictions"),
    (Hls, Full, "Model LayerType LayerName"),
    (Hls, Noted(Value::is_null, PASSES), "Optimizers SkipOptimizers Flows"),
    // InternalSigmoid, WeightScale, BiasCorrection and Recurrence are not keys of hls4ml.
    (Model, Full, "Precision ReuseFactor TargetCycles Strategy TableSize InternalSigmoid"),
    (Model, Full, "WeightScale ParallelizationFactor RecurrentReuseFactor Recurrence"),
    (Model, Noted(Value::is_boolean, "bitkiln run --trace"), "TraceOutput"),
    (Model, Noted(|v| v.is_null() || v == true, "types are exact in any case"), "BitExact"),
    (Model, Noted(|v| v.as_f64().is_some_and(|n| n >= 1e9), INSIDE), "BramFactor"),
    (Model, Noted(|v| v == false, COMPRESSION), "Compression"),
    (Model, Noted(|v| v == "LineBuffer", CONVOLUTIONS), "ConvImplementation"),
    (Model, Noted(|v| v == "auto", SCHEDULE), "PipelineStyle"),
    (Model, Noted(Value::is_null, SCHEDULE), "PipelineInterval"),
    (Model, Noted(Value::is_boolean, PASSES), "AllowDAFallback AllowV2Fallback"),
    (Model, Noted(Value::is_null, PYTORCH), "ChannelsLastConversion TransposeOutputs"),
    (
        Layer,
        Full,
        "Precision ReuseFactor TargetCycles Strategy Trace TableSize Implementation Skip",
    ),
    (Layer, Full, "exp_table_t inv_table_t WeightScale BiasCorrection ParallelizationFactor"),
    (Layer, Full, "RecurrentReuseFactor Recurrence Static"),
    (Layer, Noted(|v| v == false, COMPRESSION), "Compression"),
    (Layer, Noted(|v| v == "LineBuffer", CONVOLUTIONS), "ConvImplementation"),
    (Layer, Noted(|v| v == 1, "ReuseFactor holds"), "DepthwiseReuseFactor PointwiseReuseFactor"),
    (Layer, Default(|v| v == "nearest"), "Algorithm"),
    (Layer, Default(|v| v == 0), "TableRangePower2"),
    (Layer, Noted(|v| v == 1, "ReuseFactor holds"), "ForwardReuseFactor BackwardReuseFactor"),
    (
        Layer,
        Noted(|v| v == 1, "RecurrentReuseFactor holds"),
        "ForwardRecurrentReuseFactor BackwardRecurrentReuseFactor",
    ),
    (Layer, Noted(|v| v == "Off" || v == false, SCHEDULE), "TimeStepLoopParallelism"),
    (Layer, Default(|v| v == "forward"), "Direction"),
    (Layer, Unsupported, "ApplyResetGate PoolOp"),
    (LayerPrecision, Full, "default result weight bias scale exp_table inv_table accum inv_inp"),
    (LayerPrecision, Full, "table depthwise pointwise depthwise_accum pointwise_accum"),
    (LayerPrecision, Unsupported, "maximum param depthwise_result dw_output embeddings"),
    // state is not a key of hls4ml.
    (LayerPrecision, Full, "recurrent_weight recurrent_bias state"),
    (LayerPrecision, Full, "forward_weight forward_bias forward_recurrent_weight"),
    (LayerPrecision, Full, "forward_recurrent_bias backward_weight backward_bias"),
    (LayerPrecision, Full, "backward_recurrent_weight backward_recurrent_bias"),
    (LayerPrecision, Unsupported, "shift slope expr inp_norm"),
    (Writer, Noted(Value::is_null, "the top function has no namespace"), "Namespace"),
    (Writer, Noted(Value::is_boolean, "weights are headers of the project"), "WriteWeightsTxt"),
    (Writer, Noted(|v| v == false, "a project is a folder"), "WriteTar"),
    (Writer, Noted(Value::is_string, "the testbench prints its verdict"), "TBOutputStream"),
    (Writer, Noted(|v| v == false, "the testbench compares codes"), "WriteEmulationConstants"),
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
    fn keys(self) -> impl Iterator<Item = (&'static str, Support)> {
        let is_here = move |level: Level| match self {
            Self::File => matches!(level, File | Hls),
            Self::ModelPrecision => level == LayerPrecision,
            Self::Hls | Self::Model | Self::Layer | Self::LayerPrecision | Self::Writer => {
                level == self
            }
        };
        let rows = KEYS.iter().filter(move |(level, ..)| is_here(*level));
        rows.flat_map(|(_, support, keys)| keys.split(' ').map(|key| (key, *support)))
    }

    /// The support for `key` at this level; `None` if hls4ml has no such key.
    fn support(self, key: &str) -> Option<Support> {
        let key = if self.is_precision() { bare(key) } else { key };
        self.keys().find(|(known, _)| *known == key).map(|(_, support)| support)
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

/// The key of corrections, for single layers.
pub(super) const BIAS_CORRECTION: &str = "BiasCorrection";

/// Help for a mapping at the top of the file that nothing reads.
const SHARED: &str = "layers belong into LayerName; a mapping that several layers share has no key of its \
     own: write its anchor where it is used first, LayerName: {a: &it {...}, b: *it}";

/// The supported entries of a mapping. Every other entry has no effect; `notes` says so where its
/// value is not hls4ml's default.
pub(super) fn read<'a>(
    level: Level,
    mapping: &PlacedValue<'a>,
    notes: &mut Notes,
) -> Result<Vec<(&'a str, PlacedValue<'a>)>, ConfigError> {
    let mut read = Vec::new();
    for (key, node) in mapping.entries()? {
        match level.support(key) {
            Some(Full | Unsupported) if is_inferred(level, key, node.value) => {}
            Some(Full) => read.push((key, node)),
            Some(Default(is_default)) if is_default(node.value) => {}
            Some(Noted(is_default, _)) if is_default(node.value) => {}
            Some(Noted(_, reason)) => notes.add(NoteKind::WithoutEffect, key, mapping, reason),
            Some(Default(_)) => {
                let place = format!("{}: {}", node.place, node.value);
                let help = "remove the key: only hls4ml's default value is supported";
                return Err(ConfigError::Unsupported { place, help: help.into() });
            }
            Some(Unsupported) => {
                let help = "remove the key".into();
                return Err(ConfigError::Unsupported { place: node.place, help });
            }
            None => return Err(unknown(level, key, &node, &mapping.place)),
        }
    }
    Ok(read)
}

/// True for a type that hls4ml writes by default and infers or does not use: `auto`, or
/// `fixed<18,8>` for a table that is not softmax', an accumulator, or the sum of softmax.
fn is_inferred(level: Level, key: &str, value: &Value) -> bool {
    let used = [
        "default",
        "result",
        "weight",
        "bias",
        "scale",
        "exp_table",
        "inv_table",
        "depthwise",
        "pointwise",
    ];
    let default = ["fixed<18,8,TRN,WRAP,0>", "fixed<18,8,RND,SAT,0>", "fixed<18,8>"];
    let is = |types: &[&str]| value.as_str().is_some_and(|text| types.contains(&text));
    let layer = level == Level::LayerPrecision;
    (level.is_precision() && is(&["auto"])) || (layer && !used.contains(&bare(key)) && is(&default))
}

/// The error for a `key` that hls4ml does not have.
fn unknown(level: Level, key: &str, node: &PlacedValue<'_>, place: &str) -> ConfigError {
    let name = |level: &Level| match key {
        // It has a number for each output channel of one layer.
        BIAS_CORRECTION => "the entries of LayerName",
        _ => level.name(),
    };
    let elsewhere: Vec<&str> =
        LEVELS.iter().filter(|l| l.support(key).is_some()).map(name).collect();
    let known = level.keys().map(|(known, _)| known);
    let nearest = if elsewhere.is_empty() { nearest(key, known) } else { None };
    let is_torn = key.ends_with('>') || key.parse::<i32>().is_ok();
    let help = if is_torn {
        TYPES_IN_BRACES.to_owned()
    } else if level == Level::File
        && node.value.is_object()
        && nearest.is_none()
        && elsewhere.is_empty()
    {
        SHARED.to_owned()
    } else if elsewhere.is_empty() {
        let names = |is_listed: fn(&Support) -> bool| -> Vec<&str> {
            level.keys().filter(|(_, support)| is_listed(support)).map(|(key, _)| key).collect()
        };
        let mut listed = names(|support| matches!(support, Full));
        if listed.is_empty() {
            listed = names(|support| matches!(support, Default(_) | Noted(..)));
        }
        format!("keys here are: {}; docs/config.md lists all", listed.join(", "))
    } else {
        format!("{key} belongs to {}", elsewhere.join(", or "))
    };
    let place = match place {
        "" => "at the top of the file".to_owned(),
        place => format!("in {place}"),
    };
    ConfigError::UnknownKey { key: key.to_owned(), place, nearest, help }
}

/// Fused activations, each of which is a layer of its own in hls4ml: functions, then quantizers.
const FUSED: &str = "linear relu relu6 leaky_relu softmax tanh sigmoid hard_sigmoid hard_tanh elu selu \
     softplus softsign exponential silu swish gelu mish ternary_tanh \
     quantized_bits quantized_linear quantized_relu quantized_po2 quantized_relu_po2 ternary \
     stochastic_ternary binary stochastic_binary bernoulli quantized_ulaw quantized_tanh \
     quantized_sigmoid quantized_hswish smooth_sigmoid binary_sigmoid smooth_tanh binary_tanh";

/// Classes of layers that hls4ml reads from Keras and QKeras, for `LayerType`.
pub(super) const CLASSES: &str = "Activation Add Average AveragePooling1D AveragePooling2D BatchNormalization \
     Bidirectional BinaryDense Concatenate Conv1D Conv2D Conv2DBatchnorm Cropping1D Cropping2D Dense \
     DepthwiseConv1D DepthwiseConv2D Dot Dropout ELU EinsumDense Embedding Flatten GRU \
     GlobalAveragePooling1D GlobalAveragePooling2D GlobalMaxPooling1D GlobalMaxPooling2D \
     HardActivation Input InputLayer LSTM LayerGroup LayerNormalization LeakyReLU MaxPooling1D MaxPooling2D \
     Maximum Merge Minimum Multiply PReLU Permute QActivation QBatchNormalization QConv1D QConv2D \
     QConv2DBatchnorm QDense QDepthwiseConv2D QGRU QLSTM QSeparableConv1D QSeparableConv2D QSimpleRNN \
     ReLU Reshape SeparableConv1D SeparableConv2D SimpleRNN Softmax Subtract TernaryDense TernaryTanh \
     ThresholdedReLU TimeDistributed UpSampling1D UpSampling2D ZeroPadding1D ZeroPadding2D";

/// True for an activation that may be fused into a layer.
pub(super) fn is_fused(activation: &str) -> bool {
    FUSED.split(' ').any(|known| known == activation)
}
