//! Errors and warnings of lowering.

use miette::Diagnostic;
use num_bigint::BigInt;

use super::overflow::PrecisionOverflow;
use crate::diagnostic;
use crate::fixed::{FormatError, MAX_WIDTH, Quantization, Range};
use crate::ir::Invalid;
use crate::quantizer::QuantizerError;

/// A network that cannot be lowered.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum LowerError {
    /// A layer with fewer or more operands than its class takes.
    #[error("layer '{layer}' needs exactly one operand")]
    #[diagnostic(help("connect it to one layer"))]
    Inputs {
        /// The layer.
        layer: String,
    },
    /// An operation without a result for its operands.
    #[error("layer '{layer}': {rule}")]
    #[diagnostic(help("quantize the layer's inputs to fewer bits, or connect it differently"))]
    Operation {
        /// The layer.
        layer: String,
        /// The rule that does not hold.
        rule: String,
    },
    /// Weights of another shape than the operand's.
    #[error("layer '{layer}' has weights for {weights} inputs, its operand has {inputs}")]
    #[diagnostic(help("the weights belong to another model, or the file is damaged"))]
    Shape {
        /// The layer.
        layer: String,
        /// Length of the last axis of the operand.
        inputs: usize,
        /// First axis of the kernel.
        weights: usize,
    },
    /// Steps that a mask may skip.
    #[error(
        "layer '{layer}': {}",
        match user {
            Some(user) => format!("'{user}' skips each step whose values are all {value}, which is not supported"),
            None => format!("a step whose values are all {value} becomes 0, which is not supported"),
        }
    )]
    #[diagnostic(help(
        "choose a mask_value that the operand never has, so that no step is skipped, or pass samples of one \
         length and remove the layer"
    ))]
    Mask {
        /// The layer.
        layer: String,
        /// The value.
        value: f32,
        /// A layer that skips steps.
        user: Option<String>,
    },
    /// A quantizer that is unsupported here.
    #[error("layer '{layer}', {part}: {error}")]
    #[diagnostic(help("train with another quantizer, or state its scale as a number"))]
    Quantizer {
        /// The layer.
        layer: String,
        /// The attribute: `kernel_quantizer`, `activation`.
        part: &'static str,
        /// The reason.
        error: QuantizerError,
    },
    /// A type beyond 128 bits.
    #[error("layer '{layer}': {}", beyond(part, error))]
    #[diagnostic(help(
        "add a quantizer before the layer, set the result precision of a layer before it (LayerName: \
         <layer>: Precision: {{result: 'fixed<24,8,RND,SAT>'}}) or a narrower input (--input-type); \
         `bitkiln profile` finds types"
    ))]
    Format {
        /// The layer.
        layer: String,
        /// The variable of the type.
        part: &'static str,
        /// The reason.
        error: FormatError,
    },
    /// A value in the step of a recurrent layer beyond 128 bits.
    #[error("layer '{layer}': {}", beyond(&format!("'{value}' in each step"), error))]
    #[diagnostic(help(
        "quantize its kernels, functions and states to fewer bits, or its input \
         (`bitkiln inspect MODEL --ir` shows the steps of a layer that fits)"
    ))]
    Step {
        /// The layer.
        layer: String,
        /// The value: `cell1_new_c`.
        value: String,
        /// The reason.
        error: FormatError,
    },
    /// A step function with too many values.
    #[error("layer '{layer}': '{function}' has more than {limit} values here")]
    #[diagnostic(help(
        "use at most 16 bits for its operand or result, or an alpha that is a power of two"
    ))]
    TooManySteps {
        /// The layer.
        layer: String,
        /// The quantizer or the function of Keras.
        function: String,
        /// Maximum number of values.
        limit: usize,
    },
    /// A weight that is NaN or infinite.
    #[error("layer '{layer}', {part}: {value} is not a finite number")]
    #[diagnostic(help("the training diverged, or the file is damaged: train again"))]
    NotFinite {
        /// The layer.
        layer: String,
        /// The parameter: kernel, bias, scale.
        part: &'static str,
        /// The value.
        value: f64,
    },
    /// A type of a softmax table that does not suffice.
    #[error("layer '{layer}': the type {table} of the table '{name}' {fault}")]
    #[diagnostic(help(
        "remove '{name}', or use one integer bit without the sign and 8 to 48 fractional bits"
    ))]
    Table {
        /// The layer.
        layer: String,
        /// The setting.
        name: &'static str,
        /// Its type.
        table: Quantization,
        /// The reason.
        fault: &'static str,
    },
    /// A softmax that cannot be skipped, because other layers take its result.
    #[error("layer '{layer}': only a softmax that is the model's output can be skipped")]
    #[diagnostic(help("remove the setting for this layer"))]
    Skip {
        /// The layer.
        layer: String,
    },
    /// A type for an input that the model does not have.
    #[error("the model has no input '{name}'; its inputs are: {known}")]
    #[diagnostic(help("name one of them, or give one type for all: --input-type 'fixed<8,1>'"))]
    UnknownInput {
        /// The name.
        name: String,
        /// The model's inputs.
        known: String,
    },
    /// Corrections of biases that the layer cannot apply.
    #[error("layer '{layer}': BiasCorrection {fault}")]
    #[diagnostic(help(
        "run `bitkiln profile` on this model again, or remove the key: it holds a number for each \
         output channel of a layer with weights and without quantizers"
    ))]
    Correction {
        /// The layer.
        layer: String,
        /// The reason.
        fault: String,
    },
    /// A state that no type holds at every step.
    #[error("layer '{layer}': no type holds the state {states} at every step")]
    #[diagnostic(help(
        "set Precision: state in a configuration, or train with a state_quantizer of a fixed range, \
         such as quantized_bits(8,1,1,alpha=1)"
    ))]
    State {
        /// The layer.
        layer: String,
        /// Names of its states.
        states: String,
    },
    /// A bug of Bitkiln.
    #[error(transparent)]
    #[diagnostic(help("this is a defect of Bitkiln: please report it with the model"))]
    Invalid(#[from] Invalid),
}

/// A difference between the hardware and the trained network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LowerWarning {
    /// Parameters or results without a quantizer, quantized to a configured type.
    Float {
        /// The layer.
        layer: String,
        /// The variables without a quantizer: "kernel, bias and result", "the bias".
        parts: String,
        /// Their type: that of the whole model.
        precision: Quantization,
    },
    /// States without a quantizer that would grow at each step, cast to the type of the model.
    State {
        /// The layer.
        layer: String,
        /// Names of its states: "h and c".
        states: String,
        /// Their type: that of the whole model.
        precision: Quantization,
    },
    /// A type that cannot hold the range of a result or parameter.
    PrecisionOverflow(PrecisionOverflow),
    /// A real-valued scale or bias that the configured type does not hold.
    ParameterRounded {
        /// The layer.
        layer: String,
        /// "scale" or "bias".
        part: &'static str,
        /// The type.
        precision: Quantization,
    },
    /// Values that are taken as 0, because exact constants with them would be too wide.
    Negligible {
        /// The layer.
        layer: String,
        /// "kernel", "scale" or "bias".
        part: &'static str,
        /// Number of the values.
        count: usize,
        /// The largest of them.
        largest: String,
        /// Bound of the change of a result.
        bound: String,
    },
    /// Batch normalisations that are folded into the layers before them.
    Folded {
        /// The batch normalisation and the layer, by name.
        pairs: Vec<(String, String)>,
    },
    /// Batch normalisations that are not folded because of configured types.
    NotFolded {
        /// The batch normalisation and the layer, by name.
        pairs: Vec<(String, String)>,
    },
    /// Layers with biases that the configuration corrects.
    Corrected {
        /// The layers.
        layers: Vec<String>,
    },
    /// Values that are rounded because exact results would be too wide.
    Rounded {
        /// The layer.
        layer: String,
        /// The values: "scales and biases".
        what: &'static str,
        /// Significant bits of the largest.
        bits: u32,
    },
    /// A type for parameters whose quantizer takes precedence.
    Overruled {
        /// The layer.
        layer: String,
        /// The key under Precision: "weight", "bias" or "state".
        key: &'static str,
        /// The type.
        precision: Quantization,
        /// The attribute that takes precedence: "kernel_quantizer".
        attribute: &'static str,
    },
    /// An operand of an Embedding whose type does not hold the indices of its rows and no others.
    Indices {
        /// The layer.
        layer: String,
        /// Number of rows.
        rows: usize,
        /// Range of the operand, in integers.
        range: Range,
        /// The operand holds other numbers than indices.
        exceeds: bool,
    },
    /// QAdaptiveActivations whose averages QKeras updates at inference.
    MovingAverage {
        /// The layers.
        layers: Vec<String>,
    },
    /// Quantizers with noise or stochastic rounding, which apply in training only.
    Training {
        /// Each with its layers.
        quantizers: Vec<(String, Vec<String>)>,
        /// Differences from inference in QKeras.
        differences: Vec<&'static str>,
    },
    /// A softmax whose tables are coarser than its type.
    Coarse {
        /// The layer.
        layer: String,
        /// Error bound of a probability in LSB of its type, without rounding.
        error_lsb: u64,
        /// Its type.
        result: Quantization,
    },
    /// A softmax that is skipped.
    Skipped {
        /// The layer.
        layer: String,
    },
}

impl LowerWarning {
    /// The type that overflows, if the warning is about one.
    pub fn overflow(&self) -> Option<&PrecisionOverflow> {
        if let Self::PrecisionOverflow(overflow) = self { Some(overflow) } else { None }
    }

    /// The warning as a diagnostic.
    pub fn diagnostic(&self) -> diagnostic::Diagnostic {
        use diagnostic::Diagnostic;
        match self {
            Self::Float { layer, parts, precision } => Diagnostic::warning(
                "no-quantizer",
                format!(
                    "layer '{layer}': no quantizer for {parts}; quantized to {precision}, so results \
                     differ from the trained network"
                ),
            )
            .in_layer(layer)
            .with_help(
                "Find types with `bitkiln profile MODEL --input x.npz -o config.yml`, or train with \
                 QKeras.",
            ),
            Self::State { layer, states, precision } => Diagnostic::warning(
                "no-quantizer",
                format!(
                    "layer '{layer}': no quantizer for the state {states}, which would grow at each \
                     step; cast to {precision}, so results differ from the trained network"
                ),
            )
            .in_layer(layer)
            .with_help("Set Precision: state in a configuration, or train with a state_quantizer."),
            Self::PrecisionOverflow(overflow) => overflow.diagnostic(None),
            Self::ParameterRounded { layer, part, precision } => Diagnostic::warning(
                "parameter-rounded",
                format!(
                    "layer '{layer}': the {part} is quantized to {precision}, so results differ from \
                     the trained network"
                ),
            )
            .in_layer(layer)
            .with_help("Without this type it is exact."),
            Self::Coarse { layer, error_lsb, result } => Diagnostic::warning(
                "softmax-coarse",
                format!(
                    "layer '{layer}': the softmax tables are too coarse; probabilities of {result} \
                     are off by up to {error_lsb} LSB"
                ),
            )
            .in_layer(layer)
            .with_help(
                "Use larger tables (TableSize), a finer type for exponentials (Precision: exp_table), \
                 or a coarser type for probabilities (Precision: result).",
            ),
            Self::Negligible { layer, part, count, largest, bound } => Diagnostic::warning(
                "negligible-dropped",
                format!(
                    "layer '{layer}': {count} value{} of the {part}, of at most {largest}, below 2^-40 of \
                     the largest, taken as 0; results change by at most {bound}",
                    if *count == 1 { "" } else { "s" }
                ),
            )
            .in_layer(layer)
            .with_help("Set such values to 0, or quantize them."),
            Self::Folded { pairs } => Diagnostic::note(
                "batch-norm-folded",
                format!(
                    "folded batch normalizations: {}; a trace has the result of both under the name of \
                     the first",
                    list_pairs(pairs)
                ),
            ),
            Self::NotFolded { pairs } => Diagnostic::note(
                "batch-norm-not-folded",
                format!(
                    "batch normalizations that are not folded, because the configuration has types for \
                     what folding removes: {}",
                    list_pairs(pairs)
                ),
            )
            .with_help(
                "To fold one, remove the result type of the layer before it, and the types of its \
                 scale and bias.",
            ),
            Self::Corrected { layers } => Diagnostic::note(
                "bias-corrected",
                format!("{}: biases are those of the model plus BiasCorrection", named(layers)),
            ),
            Self::Rounded { layer, what, bits } => Diagnostic::warning(
                "wide-rounded",
                format!(
                    "layer '{layer}': {what} are rounded to {bits} bits, because exact results \
                     exceed 128 bits"
                ),
            )
            .in_layer(layer)
            .with_help(
                "Quantize before this layer, or set the result type of the layer before it \
                 (LayerName: Precision: result).",
            ),
            Self::Overruled { layer, key, precision, attribute } => Diagnostic::warning(
                "type-overruled",
                format!(
                    "layer '{layer}': Precision {key} {precision} is not used; {attribute} takes \
                     precedence and has values that this type cannot hold"
                ),
            )
            .in_layer(layer)
            .with_help("Remove the type, or train with another quantizer."),
            Self::Indices { layer, rows, range, exceeds } => {
                let effect = match exceeds {
                    true => "an index outside selects the nearest row, where Keras raises an error",
                    false => "the rows beyond are never selected",
                };
                let last = rows.saturating_sub(1);
                let bits = (usize::BITS - last.leading_zeros()).max(1);
                // With the narrowest type that holds all indices, nothing is left to do.
                let is_narrowest = *range.low() == BigInt::ZERO && range.high().bits() == u64::from(bits);
                let help = format!("Give the input the type ufixed<{bits},{bits}> (--input-type).");
                let warning = Diagnostic::warning(
                    "indices",
                    format!(
                        "layer '{layer}': its operand has the range [{}, {}], its table the rows 0 to \
                         {last}; {effect}",
                        range.low(),
                        range.high()
                    ),
                )
                .in_layer(layer);
                if is_narrowest { warning } else { warning.with_help(help) }
            }
            Self::MovingAverage { layers } => Diagnostic::warning(
                "moving-average",
                format!(
                    "{}: QKeras updates the averages of QAdaptiveActivation at inference, so its \
                     results depend on earlier samples; here the stored averages are used",
                    named(layers)
                ),
            )
            .with_help("QKeras stops if training went beyond ema_freeze_delay, or with trainable=False."),
            Self::Training { quantizers, differences } => {
                let quantizers = quantizers
                    .iter()
                    .map(|(quantizer, layers)| format!("{quantizer} in {}", named(layers)));
                let message = format!(
                    "noise and stochastic rounding apply in training only, inference is \
                     deterministic: {}",
                    quantizers.collect::<Vec<_>>().join("; ")
                );
                let help = (!differences.is_empty()).then(|| differences.join(". ") + ".");
                Diagnostic { help, ..Diagnostic::warning("training-only", message) }
            }
            Self::Skipped { layer } => Diagnostic::warning(
                "softmax-skipped",
                format!("layer '{layer}': softmax is skipped; the output is its operand"),
            )
            .in_layer(layer),
        }
    }
}

/// The fault of the type of `part`.
fn beyond(part: &str, error: &FormatError) -> String {
    match error {
        FormatError::Width(width) => {
            format!("its {part} takes {width} bits; at most {MAX_WIDTH} are supported")
        }
        FormatError::Position(_)
        | FormatError::Syntax(_)
        | FormatError::Modes(_)
        | FormatError::Mode(_) => {
            format!("its {part}: {error}")
        }
    }
}

/// `'bn1' into 'fc1', 'bn2' into 'fc2'`.
fn list_pairs(pairs: &[(String, String)]) -> String {
    let pairs = pairs.iter().map(|(norm, layer)| format!("'{norm}' into '{layer}'"));
    pairs.collect::<Vec<_>>().join(", ")
}

/// `layer 'a'`, `layers 'a', 'b'`.
fn named(layers: &[String]) -> String {
    let plural = if layers.len() == 1 { "" } else { "s" };
    format!("layer{plural} '{}'", layers.join("', '"))
}

impl std::fmt::Display for LowerWarning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let diagnostic::Diagnostic { message, help, .. } = self.diagnostic();
        f.write_str(&message)?;
        help.iter().try_for_each(|help| write!(f, ". {help}"))
    }
}
