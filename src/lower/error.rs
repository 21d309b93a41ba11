//! What can go wrong, and what a user should know.

use miette::Diagnostic;

use crate::fixed::{Format, FormatError, Quantization};
use crate::ir::Invalid;
use crate::quantizer::QuantizerError;

/// A network that cannot be lowered.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum LowerError {
    /// A layer takes fewer or more tensors than its class does.
    #[error("layer '{layer}' does not take exactly one tensor")]
    #[diagnostic(help("connect it to one layer"))]
    Inputs {
        /// The layer.
        layer: String,
    },
    /// An operation that has no result for what it takes.
    #[error("layer '{layer}': {rule}")]
    #[diagnostic(help("quantize the layer's inputs more coarsely, or connect it otherwise"))]
    Operation {
        /// The layer.
        layer: String,
        /// What is wrong.
        rule: String,
    },
    /// A layer's weights do not fit what it takes.
    #[error("layer '{layer}' has weights for {weights} inputs, but takes {inputs}")]
    #[diagnostic(help("the weights belong to another model, or the file is damaged"))]
    Shape {
        /// The layer.
        layer: String,
        /// The length of the last axis that it takes.
        inputs: usize,
        /// The first axis of its kernel.
        weights: usize,
    },
    /// A quantizer that cannot act where it stands.
    #[error("layer '{layer}', {part}: {error}")]
    #[diagnostic(help("train with another quantizer there, or state its scale as a number"))]
    Quantizer {
        /// The layer.
        layer: String,
        /// Where in the layer: `kernel_quantizer`, `activation`.
        part: &'static str,
        /// Why not.
        error: QuantizerError,
    },
    /// A type beyond 128 bits.
    #[error("layer '{layer}', {part}: {error}")]
    #[diagnostic(help(
        "quantize before the layer, give a layer before it a result type (LayerName: <layer>: \
         Precision: {{result: 'fixed<24,8,RND,SAT>'}}), or the input fewer bits (--input-type)"
    ))]
    Format {
        /// The layer.
        layer: String,
        /// What the type is for.
        part: &'static str,
        /// What is wrong with it.
        error: FormatError,
    },
    /// A function with too many steps.
    #[error("layer '{layer}': '{function}' takes more than {limit} values here")]
    #[diagnostic(help(
        "give what it takes or its result at most 16 bits, or an alpha that is a power of two"
    ))]
    Steps {
        /// The layer.
        layer: String,
        /// The quantizer or the function of Keras.
        function: String,
        /// How many are possible.
        limit: usize,
    },
    /// A weight that is NaN or infinite.
    #[error("layer '{layer}', {part}: {value} is not a finite number")]
    #[diagnostic(help("the training diverged, or the file is damaged: train again"))]
    NotFinite {
        /// The layer.
        layer: String,
        /// Kernel, bias or scale.
        part: &'static str,
        /// The number.
        value: f64,
    },
    /// A setting for a softmax table that leaves no softmax.
    #[error("layer '{layer}': the type {table} of the table '{name}' {fault}")]
    #[diagnostic(help(
        "leave '{name}' out, or give it one bit above the binary point, the sign not counted, and 8 to 48 \
         behind it"
    ))]
    Table {
        /// The layer.
        layer: String,
        /// The setting.
        name: &'static str,
        /// Its type.
        table: Quantization,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// A softmax to be left out in the midst of a network.
    #[error("layer '{layer}': a softmax can be left out only where it is the model's output")]
    #[diagnostic(help("remove the setting for this layer"))]
    Skip {
        /// The layer.
        layer: String,
    },
    /// A type is given for an input that the model does not have.
    #[error("the model has no input '{name}', but: {known}")]
    #[diagnostic(help("name one of them, or give one type for all: --input-type 'fixed<8,1>'"))]
    UnknownInput {
        /// The name.
        name: String,
        /// The model's inputs.
        known: String,
    },
    /// A bug of Bitkiln.
    #[error(transparent)]
    #[diagnostic(help("this is a defect of Bitkiln: please report it with the model"))]
    Invalid(#[from] Invalid),
}

/// Where the hardware's numbers are not those of the trained network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// Parameters or results without a quantizer, cut to a configured type.
    Float {
        /// The layer.
        layer: String,
        /// What has no quantizer: "kernel and bias", "bias".
        parts: String,
        /// The type.
        precision: Quantization,
    },
    /// A result that may leave the configured type.
    MayOverflow {
        /// The layer.
        layer: String,
        /// The type.
        precision: Quantization,
        /// One that would hold every result.
        needed: Format,
    },
    /// A real-valued scale or summand that the configured type does not hold.
    Cut {
        /// The layer.
        layer: String,
        /// "scale" or "bias".
        part: &'static str,
        /// The type.
        precision: Quantization,
    },
    /// Numbers that would make a layer's results too wide.
    Rounded {
        /// The layer.
        layer: String,
        /// What they are: "factors and summands".
        what: &'static str,
        /// What is kept of the largest.
        bits: u32,
    },
    /// A type for parameters whose quantizer decides otherwise.
    Overruled {
        /// The layer.
        layer: String,
        /// The key under Precision: "weight" or "bias".
        key: &'static str,
        /// The type.
        precision: Quantization,
        /// What decides: "kernel_quantizer".
        attribute: &'static str,
    },
    /// QAdaptiveActivations whose averages QKeras goes on moving at inference.
    Moving {
        /// The layers.
        layers: Vec<String>,
    },
    /// Quantizers with noise or chance, which are for training.
    Training {
        /// Each with the layers that have it.
        quantizers: Vec<(String, Vec<String>)>,
        /// Where QKeras' own inference does something else.
        differences: Vec<&'static str>,
    },
    /// A softmax whose tables tell less than its type shows.
    Coarse {
        /// The layer.
        layer: String,
        /// How many steps of its type a probability may be off, rounding not counted.
        steps: u64,
        /// Its type.
        result: Quantization,
    },
    /// A softmax that is left out.
    Skipped {
        /// The layer.
        layer: String,
    },
}

impl Warning {
    /// The warning as a value for users.
    pub fn diagnostic(&self) -> crate::diagnostic::Diagnostic {
        crate::diagnostic::Diagnostic::warning("lower", self.to_string())
    }
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Float { layer, parts, precision } => write!(
                f,
                "layer '{layer}': no quantizer for {parts}; cut to {precision}, so results differ \
                 from the trained network's. Calibrate: set Precision for this layer in --config, \
                 or train with QKeras"
            ),
            Self::MayOverflow { layer, precision, needed } => write!(
                f,
                "layer '{layer}': results may leave {precision} and wrap around or saturate; by \
                 its weights {needed} holds them all"
            ),
            Self::Cut { layer, part, precision } => write!(
                f,
                "layer '{layer}': its {part} is cut to {precision}, so results differ from the \
                 trained network's; without that type it is exact"
            ),
            Self::Coarse { layer, steps, result } => write!(
                f,
                "layer '{layer}': its tables are so coarse that probabilities of {result} are up to \
                 {steps} steps off. Give it larger tables (TableSize) or a finer type for exponentials \
                 (Precision: exp_table), or a coarser one for probabilities (Precision: result)"
            ),
            Self::Rounded { layer, what, bits } => write!(
                f,
                "layer '{layer}': its {what} are rounded to {bits} bits, as exact results \
                 would exceed 128 bits. A quantizer before it, or a result type for the layer before it \
                 (LayerName: Precision: result), keeps them exact and the hardware small"
            ),
            Self::Overruled { layer, key, precision, attribute } => write!(
                f,
                "layer '{layer}': Precision {key} {precision} is not used; its {attribute} decides, \
                 and gives numbers that this type does not hold. Leave the type out, or train with \
                 another quantizer"
            ),
            Self::Moving { layers } => write!(
                f,
                "layer{} '{}': QKeras' own inference goes on moving the averages of this \
                 QAdaptiveActivation, so that its results depend on the samples before; here they \
                 are those of the stored averages. QKeras stops where the step of the training is \
                 beyond ema_freeze_delay, or trainable is False",
                if layers.len() == 1 { "" } else { "s" },
                layers.join("', '")
            ),
            Self::Training { quantizers, differences } => {
                f.write_str(
                    "noise and random rounding are for training; inference quantizes in full and \
                     without chance:",
                )?;
                for (position, (quantizer, layers)) in quantizers.iter().enumerate() {
                    let separator = if position == 0 { "" } else { ";" };
                    let plural = if layers.len() == 1 { "" } else { "s" };
                    let layers = layers.join("', '");
                    write!(f, "{separator} {quantizer} in layer{plural} '{layers}'")?;
                }
                differences.iter().try_for_each(|difference| write!(f, ". {difference}"))
            }
            Self::Skipped { layer } => write!(
                f,
                "layer '{layer}': softmax left out, the output holds what it would have taken"
            ),
        }
    }
}
