//! Recurrent layers of Keras and QKeras, and their cells.

use ndarray::Axis;
use serde_json::json;

use super::linear::RANGE_ATTRIBUTES;
use super::{Built, Class, LayerReader};
use crate::front::error::FrontError;
use crate::front::keras::attributes::Attributes;
use crate::front::keras::quantizers::Generation;
use crate::front::keras::weights::Variables;
use crate::front::layer_problem::LayerProblem;
use crate::model::{Activation, Cell, CellKind, LayerKind, Recurrent};
use crate::quantizer::Quantizer;

pub(super) const CLASSES: &[Class] = &[
    ("SimpleRNN", |layer| recurrent(layer, Equations::Simple)),
    ("QSimpleRNN", |layer| recurrent(layer, Equations::Simple)),
    ("LSTM", |layer| recurrent(layer, Equations::Lstm)),
    ("QLSTM", |layer| recurrent(layer, Equations::Lstm)),
    ("GRU", |layer| recurrent(layer, Equations::Gru)),
    ("QGRU", |layer| recurrent(layer, Equations::Gru)),
];

/// Family of a class, whose attributes state the rest.
#[derive(Clone, Copy)]
enum Equations {
    Simple,
    Lstm,
    Gru,
}

/// Attributes of a cell that do not change inference: dropout acts in training only, `implementation`
/// orders the products, `unroll` and `use_cudnn` choose between equal computations.
const INERT: &[&str] = &[
    "recurrent_initializer",
    "recurrent_regularizer",
    "recurrent_constraint",
    "recurrent_range",
    "state_range",
    "unit_forget_bias",
    "dropout",
    "recurrent_dropout",
    "seed",
    "implementation",
    "unroll",
    "use_cudnn",
    "zero_output_for_mask",
    "enable_caching_device",
];

fn recurrent(layer: &mut LayerReader<'_>, equations: Equations) -> Result<Built, FrontError> {
    let [steps, inputs] = *layer.input()? else {
        let found = layer.input()?.to_vec();
        return Err(layer.owner.wrong(LayerProblem::Axes { expected: 2, found }));
    };
    let calls = Calls::read(&mut layer.attributes)?;
    let cell = CellReader::read(layer, equations)?;
    let mut variables = layer.weights.variables(&cell.names(Place::Only))?;
    let cell = cell.variables(&mut variables, inputs)?;
    let units = cell.units();
    let shape = if calls.return_sequences { vec![steps, units] } else { vec![units] };
    let Calls { go_backwards, return_sequences } = calls;
    let kind = LayerKind::Recurrent(Recurrent { cell, go_backwards, return_sequences });
    Ok(Built { kind, shape })
}

/// Attributes of the iteration.
#[derive(Clone, Copy)]
struct Calls {
    go_backwards: bool,
    return_sequences: bool,
}

impl Calls {
    fn read(attributes: &mut Attributes<'_>) -> Result<Self, FrontError> {
        attributes.only("time_major", &[json!(false)])?;
        attributes.only("return_state", &[json!(false)])?;
        if attributes.flag("stateful", false)? {
            let help = "set stateful to false: each sample then starts from the initial state; to keep a \
                        state from call to call, make it an input (initial_state) and an output \
                        (return_state) of the model";
            return Err(attributes.unsupported("stateful", &json!(true), help.to_owned()));
        }
        Ok(Self {
            go_backwards: attributes.flag("go_backwards", false)?,
            return_sequences: attributes.flag("return_sequences", false)?,
        })
    }
}

/// A cell before its variables are read.
struct CellReader {
    kind: CellKind,
    units: usize,
    use_bias: bool,
    activation: Activation,
    recurrent_activation: Activation,
    kernel_quantizer: Option<Quantizer>,
    recurrent_quantizer: Option<Quantizer>,
    bias_quantizer: Option<Quantizer>,
    state_quantizer: Option<Quantizer>,
}

impl CellReader {
    fn read(layer: &mut LayerReader<'_>, equations: Equations) -> Result<Self, FrontError> {
        layer.check_training_attributes()?;
        layer.attributes.inert(RANGE_ATTRIBUTES);
        layer.attributes.inert(INERT);
        let activation = function(layer, "activation")?;
        let (kind, recurrent_activation) = match equations {
            Equations::Simple => (CellKind::Simple, Activation::Linear),
            Equations::Lstm => (CellKind::Lstm, function(layer, "recurrent_activation")?),
            Equations::Gru => {
                let reset_after = layer.attributes.flag("reset_after", false)?;
                (CellKind::Gru { reset_after }, function(layer, "recurrent_activation")?)
            }
        };
        let mut quantizer = |name| match layer.attributes.is_of_qkeras() {
            true => layer.attributes.quantizer(name),
            false => Ok(None),
        };
        let kernel_quantizer = quantizer("kernel_quantizer")?;
        let recurrent_quantizer = quantizer("recurrent_quantizer")?;
        let bias_quantizer = quantizer("bias_quantizer")?;
        let state_quantizer = quantizer("state_quantizer")?;
        let is_of_qkeras = layer.attributes.is_of_qkeras();
        if let (CellKind::Gru { .. }, None, true, Generation::Two) =
            (kind, &recurrent_quantizer, is_of_qkeras, layer.attributes.generation())
        {
            let help = "QKeras 0.9 then multiplies the state by the kernel, not by the recurrent kernel; \
                        state a recurrent_quantizer, and train again";
            let none = serde_json::Value::Null;
            let wrong = layer.attributes.unsupported("recurrent_quantizer", &none, help.to_owned());
            return Err(wrong);
        }
        Ok(Self {
            kind,
            units: layer.attributes.count("units")?,
            use_bias: layer.attributes.flag("use_bias", true)?,
            activation,
            recurrent_activation,
            kernel_quantizer,
            recurrent_quantizer,
            bias_quantizer,
            state_quantizer,
        })
    }

    /// The variables of the cell at `place`, in the order of the file.
    fn names(&self, place: Place) -> Vec<&'static str> {
        let [kernel, recurrent_kernel, bias] = place.names();
        [kernel, recurrent_kernel].into_iter().chain(self.use_bias.then_some(bias)).collect()
    }

    /// Reads the variables of a cell with so many inputs.
    fn variables(self, variables: &mut Variables<'_>, inputs: usize) -> Result<Cell, FrontError> {
        let Self { kind, units, .. } = self;
        let columns = kind.gates().saturating_mul(units);
        let kernel = variables.next([inputs, columns])?;
        let recurrent_kernel = variables.next([units, columns])?;
        let bias = match (self.use_bias, kind) {
            (false, _) => None,
            (true, CellKind::Gru { reset_after: true }) => Some(variables.next([2, columns])?),
            (true, CellKind::Simple | CellKind::Lstm | CellKind::Gru { reset_after: false }) => {
                Some(variables.next([columns])?.insert_axis(Axis(0)))
            }
        };
        Ok(Cell {
            kind,
            kernel,
            recurrent_kernel,
            bias,
            kernel_quantizer: self.kernel_quantizer,
            recurrent_quantizer: self.recurrent_quantizer,
            bias_quantizer: self.bias_quantizer,
            state_quantizer: self.state_quantizer,
            activation: self.activation,
            recurrent_activation: self.recurrent_activation,
        })
    }
}

/// Reads the activation `name` of a cell.
fn function(layer: &mut LayerReader<'_>, name: &'static str) -> Result<Activation, FrontError> {
    let activation = layer.activation(name)?;
    if activation == Activation::Softmax {
        let value = layer.attributes.get(name).cloned().unwrap_or_default();
        let help = "use a function of each element, such as tanh or quantized_tanh(8)".to_owned();
        return Err(layer.attributes.unsupported(name, &value, help));
    }
    Ok(activation)
}

/// Place of a cell in a layer, which names its variables.
#[derive(Clone, Copy)]
enum Place {
    /// The cell of the layer.
    Only,
}

impl Place {
    fn names(self) -> [&'static str; 3] {
        match self {
            Self::Only => ["cell/kernel", "cell/recurrent_kernel", "cell/bias"],
        }
    }
}
