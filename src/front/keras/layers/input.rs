//! InputLayer.

use serde_json::Value;

use super::{Built, Class, Site};
use crate::front::error::FrontError;
use crate::front::layer_problem::LayerProblem;
use crate::model::LayerKind;

pub(super) const CLASSES: &[Class] = &[("InputLayer", read)];

fn read(site: &mut Site<'_>) -> Result<Built, FrontError> {
    if !site.inputs.is_empty() {
        let problem = LayerProblem::Inputs { expected: 0, found: site.inputs.len() };
        return Err(site.owner.wrong(problem));
    }
    for kind_of_tensor in ["sparse", "ragged", "optional"] {
        site.attributes.only(kind_of_tensor, &[Value::Bool(false)])?;
    }
    // Keras 2 and 3 name it differently.
    let shape = match site.attributes.sample_shape("batch_input_shape")? {
        Some(shape) => Some(shape),
        None => site.attributes.sample_shape("batch_shape")?,
    };
    let shape = shape.ok_or_else(|| site.owner.wrong(LayerProblem::Unbuilt))?;
    Ok(Built { kind: LayerKind::Input { shape: shape.clone() }, shape })
}
