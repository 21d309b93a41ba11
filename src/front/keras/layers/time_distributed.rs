//! TimeDistributed, of layers and of the layers of a model.

use serde_json::Value;

use super::layout::check_size;
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
    site.input()?;
    let inner = Site {
        owner,
        attributes: site.attributes.of_wrapped(owner, config),
        inputs: site.inputs.clone(),
        result: site.result,
        arguments: site.arguments,
        weights: site.weights.of_wrapped(),
    };
    over_steps(inner, 1, super::build)
}

/// What `build` makes of a layer for each element along the first `axes` axes of its samples.
pub(in crate::front::keras) fn over_steps<'a>(
    mut site: Site<'a>,
    axes: usize,
    build: fn(Site<'a>) -> Result<Built, FrontError>,
) -> Result<Built, FrontError> {
    let Some(axes) = axes.checked_sub(1) else { return build(site) };
    let owner = site.owner;
    let mut inner = Vec::with_capacity(site.inputs.len());
    let mut steps = None;
    for shape in &*site.inputs {
        let (first, rest) = shape.split_first().ok_or_else(|| owner.wrong(LayerProblem::Scalar))?;
        if *steps.get_or_insert(*first) != *first {
            return Err(site.differ());
        }
        inner.push(rest.to_vec());
    }
    let no_input = || owner.wrong(LayerProblem::Inputs { expected: 1, found: 0 });
    let steps = steps.ok_or_else(no_input)?;
    let aligned = inner.iter().all(|shape| inner[0].len() == shape.len());
    site.inputs = inner.into();
    let built = over_steps(site, axes, build)?;
    let shape = std::iter::once(steps).chain(built.shape).collect::<Vec<_>>();
    check_size(owner, &shape)?;
    let kind = match built.kind {
        kind if acts_on_rows(&kind, aligned) => kind,
        kind => LayerKind::TimeDistributed(Box::new(kind)),
    };
    Ok(Built { kind, shape })
}

/// Whether a layer treats every row along the last axis by itself already, so that one more axis
/// before the others changes nothing. Several operands must be `aligned`: have as many axes.
fn acts_on_rows(kind: &LayerKind, aligned: bool) -> bool {
    let activation = match kind {
        LayerKind::Dense(dense) => &dense.activation,
        LayerKind::Activation(activation) => activation,
        LayerKind::Adaptive(_)
        | LayerKind::BatchNorm(_)
        | LayerKind::ScaleShift(_)
        | LayerKind::Clip { .. }
        | LayerKind::Identity => return true,
        LayerKind::Merge(_) => return aligned,
        _ => return false,
    };
    // Scales may differ along the axes of a step.
    activation.quantizer().is_none_or(|quantizer| quantizer.scaled().is_none())
}
