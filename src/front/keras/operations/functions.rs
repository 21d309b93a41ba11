//! Functions of each element by itself, and softmax.

use serde_json::json;

use super::{Call, Operation};
use crate::front::error::FrontError;
use crate::front::keras::attributes::shown;
use crate::front::keras::functions::LEAKY_SLOPE;
use crate::front::keras::layers::Built;
use crate::front::keras::quantizers::{self, Dialect};
use crate::front::layer_problem::LayerProblem;
use crate::function::{Function, Relu};
use crate::model::{Activation, LayerKind};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(&["nn.leaky_relu", "LeakyRelu"], &["x", "negative_slope"], leaky_relu),
    Operation::new(&["nn.gelu", "Gelu"], &["x", "approximate"], |call| {
        // Keras 3 approximates unless it is told not to.
        let is_two = call.site.attributes.get("function").is_some();
        let missing = if is_two { json!(false) } else { json!(true) };
        call.only_or(1, "approximate", &[json!(false)], &missing)?;
        call.activation("gelu")
    }),
    Operation::new(&["nn.elu", "Elu"], &["x", "alpha"], |call| {
        call.only(1, "alpha", &[json!(1)])?;
        call.activation("elu")
    }),
    Operation::new(&["nn.silu", "Silu"], &["x", "beta"], |call| {
        call.only(1, "beta", &[json!(1)])?;
        call.activation("silu")
    }),
    Operation::new(&["ReLU"], &["x", "negative_slope", "max_value", "threshold"], relu),
    Operation::new(&["math.abs", "Absolute", "Abs"], &["x"], |call| {
        // The line that falls up to 0 is a leaky one.
        call.rectified(Relu::leaky(-1.0))
    }),
    Operation::new(&["nn.relu6", "Relu6"], &["x"], |call| call.activation("relu6")),
    Operation::new(&["nn.selu", "Selu"], &["x"], |call| call.activation("selu")),
    Operation::new(&["math.softplus", "nn.softplus", "Softplus"], &["x"], |call| {
        call.activation("softplus")
    }),
    Operation::new(&["nn.softsign", "Softsign"], &["x"], |call| call.activation("softsign")),
    Operation::new(&["math.exp", "Exp"], &["x"], |call| call.activation("exponential")),
    Operation::new(&["HardSigmoid"], &["x"], |call| call.activation("hard_sigmoid")),
    Operation::new(&["HardSilu"], &["x"], |call| call.activation("hard_silu")),
    Operation::new(&["HardTanh"], &["x"], |call| call.activation("hard_tanh")),
    Operation::new(&["math.log_sigmoid", "LogSigmoid"], &["x"], |call| {
        call.activation("log_sigmoid")
    }),
    Operation::new(&["nn.relu", "Relu"], &["x"], |call| call.activation("relu")),
    Operation::new(&["math.sigmoid", "nn.sigmoid", "Sigmoid"], &["x"], |call| {
        call.activation("sigmoid")
    }),
    Operation::new(&["math.tanh", "nn.tanh", "Tanh"], &["x"], |call| call.activation("tanh")),
    Operation::new(&["nn.softmax", "Softmax"], &["x", "axis"], softmax),
];

impl Call<'_, '_> {
    /// A function of Keras.
    fn activation(&mut self, name: &'static str) -> Result<Built, FrontError> {
        let activation = quantizers::activation(&json!(name), Dialect::default());
        let activation = activation.map_err(|error| {
            self.site.owner.wrong(LayerProblem::Config { attribute: name.to_owned(), error })
        })?;
        self.site.same_shape(LayerKind::Activation(activation))
    }

    fn rectified(&self, relu: Relu) -> Result<Built, FrontError> {
        let kind = LayerKind::Activation(Activation::Function(Function::Relu(relu)));
        self.site.same_shape(kind)
    }
}

fn leaky_relu(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let negative_slope = call.number(1, "negative_slope")?.unwrap_or(LEAKY_SLOPE);
    call.rectified(Relu::leaky(negative_slope))
}

/// `keras.activations.relu` of Keras 3.
fn relu(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    call.rectified(Relu {
        negative_slope: call.number(1, "negative_slope")?.unwrap_or(0.0),
        max_value: call.number(2, "max_value")?,
        threshold: call.number(3, "threshold")?.unwrap_or(0.0),
    })
}

fn softmax(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    if let Some(Some(_)) = call.arguments.get(1) {
        let value = call.value(1, "axis")?;
        let axis = call.site.axis("axis", value)?;
        if axis + 1 != call.site.input()?.len() {
            return Err(call.refuse("axis", shown(value)));
        }
    }
    call.activation("softmax")
}
