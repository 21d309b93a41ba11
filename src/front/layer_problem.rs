//! Errors of layers in a model file.

use miette::Diagnostic;

use super::keras::ActivationError;
use crate::naming::did_you_mean;

/// Cure for an unsupported call argument.
fn argument_help(argument: &str) -> &'static str {
    match argument {
        "mask" => {
            "masks are not supported: build the model again with mask_zero=False, or without Masking, pass \
             samples of one length, and copy the weights: new.set_weights(old.get_weights())"
        }
        _ => "call the layer with its inputs only",
    }
}

/// A problem of a layer.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum LayerProblem {
    /// An unsupported class.
    #[error("this class of layer is not supported{}", did_you_mean(nearest.as_deref()))]
    #[diagnostic(help("{}docs/models.md lists the supported layers", clause(*instead)))]
    Class {
        /// The supported class closest in spelling.
        nearest: Option<String>,
        /// Replacement of a known class.
        instead: Option<&'static str>,
    },
    /// An unsupported wrapper of a layer.
    #[error("this wrapper of a layer is not supported")]
    #[diagnostic(help("{help}"))]
    Wrapper {
        /// The remedy.
        help: String,
    },
    /// An unsupported operation on tensors.
    #[error("the operation '{name}' is not supported{}", did_you_mean(nearest.as_deref()))]
    #[diagnostic(help("docs/graphs.md lists the supported operations on tensors"))]
    Operation {
        /// Name in Keras.
        name: String,
        /// The supported operation closest in spelling.
        nearest: Option<String>,
    },
    /// A class that is defined neither in Keras nor in QKeras.
    #[error("the class comes from '{origin}', not from Keras or QKeras")]
    #[diagnostic(help("replace the layer with one of Keras or QKeras"))]
    Foreign {
        /// Python module or registered name.
        origin: String,
    },
    /// A name that another layer has too.
    #[error("another layer has the same name")]
    #[diagnostic(help("give each layer a unique name"))]
    Duplicate,
    /// An unsupported argument of the call.
    #[error("call argument {argument} = {value} is not supported")]
    #[diagnostic(help("{}", argument_help(argument)))]
    Argument {
        /// The argument.
        argument: String,
        /// Its value as JSON.
        value: String,
    },
    /// An unsupported connection.
    #[error("unsupported connection {value}")]
    #[diagnostic(help("connect layers by tensors only and save the model again"))]
    Connection {
        /// The connection as JSON.
        value: String,
    },
    /// A connection to a missing layer.
    #[error("its input '{source_layer}' is not a layer of the model")]
    #[diagnostic(help("save the model again"))]
    Source {
        /// Name of the missing layer.
        source_layer: String,
    },
    /// A layer that depends on itself.
    #[error("depends on its own result")]
    #[diagnostic(help("save the model again"))]
    Cycle,
    /// A wrong number of inputs.
    #[error("expects {expected} input(s), but has {found}")]
    #[diagnostic(help("save the model again"))]
    Inputs {
        /// Number that the class expects.
        expected: usize,
        /// Number of connected inputs.
        found: usize,
    },
    /// A use of a result that the layer does not have.
    #[error("has {count} result(s), but index {index} is used")]
    #[diagnostic(help("save the model again"))]
    Result {
        /// Number of results.
        count: usize,
        /// Index of the used result, from 0.
        index: u64,
    },
    /// Inputs of incompatible shapes.
    #[error("its inputs have incompatible shapes {shapes}")]
    #[diagnostic(help("save the model again"))]
    Shapes {
        /// Without the batch axis.
        shapes: String,
    },
    /// Attributes that do not match the input shape.
    #[error("its attributes do not match its input shape {shape:?}")]
    #[diagnostic(help("save the model again"))]
    Unfit {
        /// Without the batch axis.
        shape: Vec<usize>,
    },
    /// An InputLayer that is not an input of the model.
    #[error("is not an input of the model")]
    #[diagnostic(help("list it in the model's inputs or remove it"))]
    Unfed,
    /// A missing input shape.
    #[error("its input shape is not stated")]
    #[diagnostic(help(
        "add an Input layer, build the model before saving it, or pass --input-shape 128,6"
    ))]
    Unbuilt,
    /// An input shape with axes of any length.
    #[error("its shape {shape} leaves the length of an axis open")]
    #[diagnostic(help(
        "pass --input-shape {template} with a number for N, or --input-shape {input}={template} for one of several inputs"
    ))]
    OpenShape {
        /// Without the batch axis.
        shape: String,
        /// Name of the input.
        input: String,
        /// The shape with N for the open axes.
        template: String,
    },
    /// An input shape that contradicts the file's.
    #[error("its shape is {stated} in the file, not {given:?}")]
    #[diagnostic(help("state the shape of one of several inputs as --input-shape NAME=128,6"))]
    GivenShape {
        /// Shape in the file, without the batch axis.
        stated: String,
        /// Shape that the user states.
        given: Vec<usize>,
    },
    /// A sample without axes.
    #[error("its input has no axis besides the batch")]
    #[diagnostic(help("give each sample at least one axis"))]
    Scalar,
    /// Samples of a wrong number of axes.
    #[error("expects samples of {expected} axes, but its input shape is {found:?}")]
    #[diagnostic(help("save the model again"))]
    Axes {
        /// Number that the class expects.
        expected: usize,
        /// Input shape.
        found: Vec<usize>,
    },
    /// Windows larger than the input.
    #[error("its windows do not fit its input shape {shape:?}")]
    #[diagnostic(help("check its kernel or pool size, strides and padding"))]
    Windows {
        /// Input shape.
        shape: Vec<usize>,
    },
    /// Channels that cannot be divided into groups.
    #[error("{channels} channels cannot be divided into {groups} equal groups")]
    #[diagnostic(help("save the model again"))]
    Groups {
        /// Channels of the input or of the result.
        channels: usize,
        /// Number of groups.
        groups: usize,
    },
    /// More elements than the limit.
    #[error("a sample has too many elements")]
    #[diagnostic(help("check the shape of the model's input"))]
    TooLarge,
    /// A missing attribute.
    #[error("has no attribute '{attribute}'")]
    #[diagnostic(help("save the model again"))]
    Missing {
        /// The attribute.
        attribute: String,
    },
    /// An invalid value.
    #[error("{attribute} = {value} is not {expected}")]
    #[diagnostic(help("save the model again"))]
    Form {
        /// The attribute.
        attribute: String,
        /// Its value as JSON.
        value: String,
        /// Description of a valid value.
        expected: String,
    },
    /// An unsupported value that changes the result.
    #[error("{attribute} = {value} is not supported")]
    #[diagnostic(help("{help}"))]
    Value {
        /// The attribute.
        attribute: String,
        /// Its value as JSON.
        value: String,
        /// The remedy.
        help: String,
    },
    /// An unknown attribute.
    #[error("unknown attribute {attribute} = {value} might change the result")]
    #[diagnostic(help("remove it from the configuration"))]
    Unknown {
        /// The attribute.
        attribute: String,
        /// Its value as JSON.
        value: String,
    },
    /// A tensor with the batch as second axis, which is not one step or row after the other.
    #[error("takes samples along its first axis, but has the steps of a time-major layer there")]
    #[diagnostic(help(
        "transpose axes 0 and 1 back before it, or build the model again with time_major = false"
    ))]
    BatchSecond,
    /// A recurrent layer that takes another axis as the steps than its input has there.
    #[error("time_major = {is_set}, but its input has {} first", if *is_set { "the batch" } else { "the steps" })]
    #[diagnostic(help(
        "an input of a time-major layer has the shape (steps, batch, features): \
         Input(batch_shape=(20, None, 6)), or a transposed tensor; else set time_major to false"
    ))]
    TimeMajor {
        /// The attribute.
        is_set: bool,
    },
    /// A call of a shared layer whose result goes nowhere.
    #[error("nothing uses the result of this call of a layer that is called several times")]
    #[diagnostic(help(
        "Keras 3.2 saves the first call in place of the later ones, so that the file is not the \
         trained network, for Keras either: save the model with Keras 3.3 or later"
    ))]
    UnusedCall,
    /// A problem of a quantizer or activation.
    #[error("{attribute}: {error}")]
    #[diagnostic(forward(error))]
    Config {
        /// The attribute.
        attribute: String,
        /// The problem.
        error: ActivationError,
    },
    /// A layer without weights in the file.
    #[error("its weights ({expected}) are missing at '{group}'")]
    #[diagnostic(help("the file holds weights at {available}; pass the weights of this model"))]
    WeightsMissing {
        /// Names of the weights.
        expected: String,
        /// Expected group in the file.
        group: String,
        /// Groups of the file that hold weights.
        available: String,
    },
    /// A wrong number of weights.
    #[error("'{group}' holds {found}, but the layer has {expected}")]
    #[diagnostic(help("pass the weights of this model, saved by the same version of Keras"))]
    WeightCount {
        /// Names of the layer's weights.
        expected: String,
        /// Group in the file.
        group: String,
        /// Names of the datasets in the file.
        found: String,
    },
    /// Weights of another layer.
    #[error("the weights at '{group}' belong to layer '{found}'")]
    #[diagnostic(help("save the model again"))]
    WeightsOfAnother {
        /// Group in the file.
        group: String,
        /// Name of the layer in the file.
        found: String,
    },
    /// Weights of a wrong shape.
    #[error("{weight} must have shape {expected:?}, but '{dataset}' has {found:?}")]
    #[diagnostic(help("pass the weights of this model"))]
    WeightShape {
        /// Name of the weight.
        weight: &'static str,
        /// Shape that follows from the layer.
        expected: Vec<usize>,
        /// Dataset in the file.
        dataset: String,
        /// Shape in the file.
        found: Vec<usize>,
    },
    /// Weights of an unsupported element type.
    #[error("{weight} at '{dataset}' has unsupported element type {element}")]
    #[diagnostic(help("convert the weights to float16, float32, float64 or an integer type"))]
    WeightType {
        /// Name of the weight.
        weight: &'static str,
        /// Dataset in the file.
        dataset: String,
        /// Element type.
        element: String,
    },
    /// A weight that is infinite or not a number.
    #[error("{weight} at '{dataset}' is {value} at index {index:?}")]
    #[diagnostic(help("training diverged or the file is damaged; use other weights"))]
    NotFinite {
        /// Name of the weight.
        weight: &'static str,
        /// Dataset in the file.
        dataset: String,
        /// Index of the element.
        index: Vec<usize>,
        /// Value as float32.
        value: f32,
    },
}

/// A clause that others follow; empty for none.
fn clause(text: Option<&str>) -> String {
    text.map_or_else(String::new, |text| format!("{text}; "))
}
