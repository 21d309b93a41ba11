//! What can be wrong with a layer.

use miette::Diagnostic;

use super::keras::ConfigError;

/// What is wrong with a layer.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub enum LayerProblem {
    /// A class that Bitkiln does not have.
    #[error("this class of layer is not supported")]
    #[diagnostic(help("supported are {supported}"))]
    Class {
        /// The names of all classes that are.
        supported: String,
    },
    /// An operation on tensors that Bitkiln does not have.
    #[error("the operation '{name}' is not supported")]
    #[diagnostic(help("supported are {supported}"))]
    Operation {
        /// Its name in Keras.
        name: String,
        /// The names of all operations that are.
        supported: String,
    },
    /// A class of somebody else's, whatever its name.
    #[error("the class comes from '{origin}', not from Keras or QKeras")]
    #[diagnostic(help("replace the layer by one of Keras or QKeras"))]
    Foreign {
        /// Python module or registered name.
        origin: String,
    },
    /// Two layers of one name.
    #[error("two layers have this name")]
    #[diagnostic(help("give each layer a name of its own"))]
    Duplicate,
    /// An argument of the call, beside the layer's inputs.
    #[error("the call's argument {argument} = {value} is not supported")]
    #[diagnostic(help("call the layer with its inputs alone"))]
    Argument {
        /// The argument.
        argument: String,
        /// Its value as JSON.
        value: String,
    },
    /// A connection that cannot be followed.
    #[error("its connection {value} is not understood")]
    #[diagnostic(help("connect layers by their tensors alone, and save the model again"))]
    Connection {
        /// The connection as JSON.
        value: String,
    },
    /// A connection to a layer that does not exist.
    #[error("takes the result of '{source_layer}', which the model does not have")]
    #[diagnostic(help("save the model again"))]
    Source {
        /// The name.
        source_layer: String,
    },
    /// A layer that depends on itself.
    #[error("depends on its own result")]
    #[diagnostic(help("save the model again"))]
    Cycle,
    /// The wrong number of inputs.
    #[error("takes {expected} input(s), but is connected to {found}")]
    #[diagnostic(help("save the model again"))]
    Inputs {
        /// How many the class takes.
        expected: usize,
        /// How many are connected.
        found: usize,
    },
    /// A result that the layer does not have.
    #[error("gives {count} result(s), counted from 0, but number {taken} is taken")]
    #[diagnostic(help("save the model again"))]
    Result {
        /// How many it gives.
        count: usize,
        /// Which one is taken.
        taken: u64,
    },
    /// Inputs whose shapes do not go together.
    #[error("takes tensors of the shapes {shapes}, which do not go together")]
    #[diagnostic(help("save the model again"))]
    Shapes {
        /// Without the batch axis.
        shapes: String,
    },
    /// A shape that the layer's attributes do not fit.
    #[error("its attributes do not fit its input, of the shape {shape:?}")]
    #[diagnostic(help("save the model again"))]
    Unfit {
        /// Without the batch axis.
        shape: Vec<usize>,
    },
    /// An input that no caller feeds.
    #[error("is not among the model's inputs")]
    #[diagnostic(help("name it in the model's inputs, or remove it"))]
    Unfed,
    /// A shape that is stated nowhere.
    #[error("the shape of its input is stated nowhere")]
    #[diagnostic(help("add an Input layer, or build the model before it is saved"))]
    Unbuilt,
    /// A sample without axes.
    #[error("takes samples without axes")]
    #[diagnostic(help("give each sample at least one axis"))]
    Scalar,
    /// Samples of another number of axes.
    #[error("takes samples of {expected} axes, but is connected to samples of the shape {found:?}")]
    #[diagnostic(help("save the model again"))]
    Axes {
        /// How many the class takes.
        expected: usize,
        /// The shape of its samples.
        found: Vec<usize>,
    },
    /// Windows of which none fits.
    #[error("its windows do not fit samples of the shape {shape:?}")]
    #[diagnostic(help("check its kernel or pool size, strides and padding"))]
    Windows {
        /// The shape of its samples.
        shape: Vec<usize>,
    },
    /// Channels that do not fall into groups.
    #[error("its {channels} channels do not fall into {groups} groups of equal size")]
    #[diagnostic(help("save the model again"))]
    Groups {
        /// Channels of its samples or of its result.
        channels: usize,
        /// Groups.
        groups: usize,
    },
    /// More elements than can be counted.
    #[error("a sample has too many elements")]
    #[diagnostic(help("check the shape of the model's input"))]
    TooLarge,
    /// An attribute that ought to be there.
    #[error("has no attribute '{attribute}'")]
    #[diagnostic(help("save the model again"))]
    Missing {
        /// The attribute.
        attribute: String,
    },
    /// A value of the wrong form.
    #[error("{attribute} = {value} is not {expected}")]
    #[diagnostic(help("save the model again"))]
    Form {
        /// The attribute.
        attribute: String,
        /// Its value as JSON.
        value: String,
        /// What it should be.
        expected: String,
    },
    /// A value that changes the result, and that is not implemented.
    #[error("{attribute} = {value} is not supported")]
    #[diagnostic(help("{help}"))]
    Value {
        /// The attribute.
        attribute: String,
        /// Its value as JSON.
        value: String,
        /// What is.
        help: String,
    },
    /// An attribute that Bitkiln knows nothing about.
    #[error("the attribute {attribute} = {value} is not known, so it might change the result")]
    #[diagnostic(help("save the layer without it"))]
    Unknown {
        /// The attribute.
        attribute: String,
        /// Its value as JSON.
        value: String,
    },
    /// A quantizer or activation.
    #[error("{attribute}: {error}")]
    #[diagnostic(forward(error))]
    Config {
        /// The attribute.
        attribute: String,
        /// What is wrong with its value.
        error: ConfigError,
    },
    /// A layer that the weights file does not have.
    #[error("its weights ({expected}) are missing at '{place}'")]
    #[diagnostic(help("the file holds {available}; pass the weights of this model"))]
    WeightsMissing {
        /// The names of the weights.
        expected: String,
        /// Where they should lie in the file.
        place: String,
        /// Where weights lie.
        available: String,
    },
    /// Too few or too many weights.
    #[error("has {expected} as weights, but at '{place}' lie {found}")]
    #[diagnostic(help("pass the weights of this model, saved by the same version of Keras"))]
    WeightCount {
        /// The layer's own.
        expected: String,
        /// Where.
        place: String,
        /// The names in the file.
        found: String,
    },
    /// Weights that lie where those of another layer belong.
    #[error("the weights at '{place}' are those of a layer '{found}'")]
    #[diagnostic(help("save the model again"))]
    WeightsOfAnother {
        /// Where.
        place: String,
        /// The name that the file gives.
        found: String,
    },
    /// Weights of another shape.
    #[error("{weight} should have the shape {expected:?}, but '{place}' has {found:?}")]
    #[diagnostic(help("pass the weights of this model"))]
    WeightShape {
        /// The weight's name.
        weight: &'static str,
        /// The shape that follows from the layer.
        expected: Vec<usize>,
        /// Where.
        place: String,
        /// The shape in the file.
        found: Vec<usize>,
    },
    /// Weights in a type that is not read.
    #[error("{weight} at '{place}' has elements of type {element}")]
    #[diagnostic(help("float16, float32, float64 and integers are read: convert the weights"))]
    WeightType {
        /// The weight's name.
        weight: &'static str,
        /// Where.
        place: String,
        /// The type.
        element: String,
    },
    /// A weight that is infinite or not a number.
    #[error("{weight} at '{place}' is {value} at index {index:?}")]
    #[diagnostic(help("training diverged, or the file is damaged: use other weights"))]
    NotFinite {
        /// The weight's name.
        weight: &'static str,
        /// Where.
        place: String,
        /// Which element.
        index: Vec<usize>,
        /// Its value as `float32`.
        value: f32,
    },
}
