//! TimeDistributed.

use serde_json::Value;

use super::{Built, Class, Site};
use crate::front::error::FrontError;
use crate::front::keras::architecture::check_origin;
use crate::front::keras::attributes::Owner;
use crate::front::layer_problem::LayerProblem;
use crate::model::LayerKind;

pub(super) const CLASSES: &[Class] = &[("TimeDistributed", read)];

fn read(site: &mut Site<'_>) -> Result<Built, FrontError> {
    let value = site.attributes.get("layer").ok_or_else(|| site.attributes.missing("layer"))?;
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let (Some(class), Some(Value::Object(config))) = (text("class_name"), value.get("config"))
    else {
        return Err(site.attributes.malformed("layer", value, "a layer"));
    };
    let owner = Owner { class, ..site.owner };
    check_origin(owner, value)?;
    let input = site.input()?.to_vec();
    let (steps, step) =
        input.split_first().ok_or_else(|| site.owner.wrong(LayerProblem::Scalar))?;
    let inputs = vec![step.to_vec()];
    let inner = Site {
        owner,
        attributes: site.attributes.of_wrapped(owner, config),
        inputs: inputs.into(),
        arguments: site.arguments,
        weights: site.weights.of_wrapped(),
    };
    let built = super::build(inner)?;
    let shape = std::iter::once(*steps).chain(built.shape).collect::<Vec<_>>();
    site.check_size(&shape)?;
    let kind = match built.kind {
        // Each of these treats every row by itself already, and all rows alike.
        kind if is_by_row(&kind) => kind,
        kind => LayerKind::TimeDistributed(Box::new(kind)),
    };
    Ok(Built { kind, shape })
}

/// Whether a layer does with all rows of a sample what it does with those of one step.
fn is_by_row(kind: &LayerKind) -> bool {
    let activation = match kind {
        LayerKind::Identity => return true,
        LayerKind::Dense(dense) => &dense.activation,
        LayerKind::Activation(activation) => activation,
        _ => return false,
    };
    // Scales may differ along the axes of a step.
    activation.quantizer().is_none_or(|quantizer| quantizer.scaled().is_none())
}
