//! Cells of recurrent layers: a layer's own, the cell of an RNN, and the cells of StackedRNNCells.

use ndarray::Axis;
use serde_json::{Map, Value, json};

use super::LayerReader;
use super::linear::RANGE_ATTRIBUTES;
use crate::front::error::FrontError;
use crate::front::keras::architecture::check_origin;
use crate::front::keras::attributes::{Owner, class_of};
use crate::front::keras::quantizers::Generation;
use crate::front::keras::weights::{LayerWeights, Variables};
use crate::model::{Activation, Cell, CellKind};
use crate::quantizer::Quantizer;

/// Family of a class, whose attributes state the rest.
#[derive(Clone, Copy)]
enum Equations {
    Simple,
    Lstm,
    Gru,
}

/// Classes of layers and of cells.
const EQUATIONS: &[(&str, Equations)] =
    &[("SimpleRNN", Equations::Simple), ("LSTM", Equations::Lstm), ("GRU", Equations::Gru)];

/// The equations of a layer or a cell; `None` for another class.
fn equations(class: &str) -> Option<Equations> {
    let name = class.strip_suffix("Cell").unwrap_or(class);
    let name = name.strip_prefix('Q').unwrap_or(name);
    EQUATIONS.iter().find(|(known, _)| *known == name).map(|(_, equations)| *equations)
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

/// Places and names of variables, in the order of the file.
pub(super) type Names = Vec<(String, &'static str)>;

/// A cell before its variables are read.
pub(super) struct CellReader {
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

/// Class that stacks cells.
const STACKED: &str = "StackedRNNCells";

impl CellReader {
    /// Reads the cells of a layer, and the places and names of their variables, which begin with
    /// `place`.
    pub(super) fn all(
        layer: &mut LayerReader<'_>,
        place: &str,
    ) -> Result<(Vec<Self>, Names), FrontError> {
        if let Some(equations) = equations(layer.owner.class) {
            let cell = Self::read(layer, equations)?;
            let names = cell.names(place);
            return Ok((vec![cell], names));
        }
        layer.attributes.inert(INERT);
        let value = layer.attributes.require("cell")?;
        let (class, config) = object(layer, value)?;
        if class != STACKED {
            let cell = Self::wrapped(layer, class, config)?;
            let names = cell.names(place);
            return Ok((vec![cell], names));
        }
        let owner = Owner { class, ..layer.owner };
        let mut own = layer.attributes.of_wrapped(owner, config);
        let list = own.require("cells")?;
        if own.flag("reverse_state_order", false)? {
            let help = "stack recurrent layers instead of cells".to_owned();
            return Err(own.unsupported("reverse_state_order", &json!(true), help));
        }
        own.finish()?;
        let Some(list) = list.as_array().filter(|list| !list.is_empty()) else {
            return Err(layer.attributes.malformed("cells", list, "a list of cells"));
        };
        let (mut cells, mut names, mut classes) = (vec![], vec![], vec![]);
        for value in list {
            let (class, config) = object(layer, value)?;
            let cell = Self::wrapped(layer, class, config)?;
            let group = LayerWeights::group_in_list(class, classes.iter().copied());
            names.extend(cell.names(&format!("{place}/cells/{group}")));
            classes.push(class);
            cells.push(cell);
        }
        Ok((cells, names))
    }

    /// Reads the cell of `class` with the attributes `config`.
    fn wrapped<'a>(
        layer: &mut LayerReader<'a>,
        class: &'a str,
        config: &'a Map<String, Value>,
    ) -> Result<Self, FrontError> {
        let Some(equations) = equations(class).filter(|_| class.ends_with("Cell")) else {
            let help = "supported cells: SimpleRNNCell, LSTMCell, GRUCell, their QKeras classes, \
                        StackedRNNCells";
            return Err(layer.attributes.unsupported("cell", &json!(class), help.to_owned()));
        };
        let mut cell = layer.of_wrapped(class, config);
        let read = Self::read(&mut cell, equations)?;
        cell.attributes.finish()?;
        Ok(read)
    }

    /// Reads the attributes of a cell.
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
        let is_of_qkeras = layer.attributes.is_of_qkeras();
        let mut quantizer = |name| match is_of_qkeras {
            true => layer.attributes.quantizer(name),
            false => Ok(None),
        };
        let kernel_quantizer = quantizer("kernel_quantizer")?;
        let recurrent_quantizer = quantizer("recurrent_quantizer")?;
        let bias_quantizer = quantizer("bias_quantizer")?;
        let state_quantizer = quantizer("state_quantizer")?;
        if let (Equations::Gru, None, true, Generation::Two) =
            (equations, &recurrent_quantizer, is_of_qkeras, layer.attributes.generation())
        {
            let help = "QKeras 0.9 then multiplies the state by the kernel, not by the recurrent kernel; \
                        state a recurrent_quantizer, and train again";
            let (name, none) = ("recurrent_quantizer", Value::Null);
            return Err(layer.attributes.unsupported(name, &none, help.to_owned()));
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

    /// Places and names of the variables, in the order of the file.
    fn names(&self, place: &str) -> Names {
        let names = ["kernel", "recurrent_kernel"].into_iter();
        let names = names.chain(self.use_bias.then_some("bias"));
        names.map(|name| (format!("{place}/{name}"), name)).collect()
    }

    /// Reads the variables of a cell with so many inputs.
    pub(super) fn variables(
        self,
        variables: &mut Variables<'_>,
        inputs: usize,
    ) -> Result<Cell, FrontError> {
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

/// The class and the attributes of a cell.
fn object<'v>(
    layer: &LayerReader<'_>,
    value: &'v Value,
) -> Result<(&'v str, &'v Map<String, Value>), FrontError> {
    let (Some(class), Some(Value::Object(config))) = (class_of(value), value.get("config")) else {
        return Err(layer.attributes.malformed("cell", value, "a cell"));
    };
    check_origin(Owner { class, ..layer.owner }, value)?;
    Ok((class, config))
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
