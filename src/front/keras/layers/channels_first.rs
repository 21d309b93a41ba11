//! Layers whose channels come before rows and columns.
//!
//! No family of layers knows of them: each is read as if its tensors had their channels last, and
//! what comes of it is marked as [`LayerKind::ChannelsFirst`]. Kernels are stored alike for both.

use std::borrow::Cow;

use serde_json::json;

use super::{Built, Read, Site};
use crate::front::error::FrontError;
use crate::model::{Activation, LayerKind, Layout};
use crate::quantizer::Quantizer;

/// Layers along one axis, which they name in `axis`.
const OF_ONE_AXIS: &[&str] = &["BatchNormalization", "QBatchNormalization", "Softmax"];

/// Whether the attribute `data_format` or `axis` asks for it; any other value is left to the layer.
pub(super) fn is_asked(site: &mut Site<'_>) -> bool {
    let has_axes = site.inputs.first().is_some_and(|shape| shape.len() > 1);
    let asked = if OF_ONE_AXIS.contains(&site.owner.class) {
        let axis = site.attributes.get("axis");
        let is_first = axis == Some(&json!(1)) || axis == Some(&json!([1]));
        (is_first && has_axes).then_some("axis")
    } else {
        let format = site.attributes.get("data_format");
        (format == Some(&json!("channels_first"))).then_some("data_format")
    };
    if let Some(attribute) = asked {
        site.attributes.settle(attribute);
    }
    asked.is_some()
}

/// Reads a layer that takes and gives tensors with channels first.
pub(super) fn read(site: &mut Site<'_>, read: Read) -> Result<Built, FrontError> {
    // Inside of a layer both act along the last axis, which here is none of channels.
    let activation = site.attributes.activation("activation")?;
    let has_scales = |quantizer: &Quantizer| quantizer.scaled().is_some();
    let help = if activation == Activation::Softmax {
        Some("use a Softmax layer behind, with an axis of its own")
    } else if activation.quantizer().is_some_and(has_scales) {
        Some("state one scale, or use a QActivation behind, whose scales spread over all axes")
    } else {
        None
    };
    if let Some(help) = help {
        let value = site.attributes.get("activation").cloned().unwrap_or_default();
        return Err(site.attributes.unsupported("activation", &value, help.into()));
    }
    let last = |shape: &Vec<usize>| Layout::to_channels_last(shape.len()).result_shape(shape);
    let inputs: Option<Vec<Vec<usize>>> = site.inputs.iter().map(last).collect();
    let own = std::mem::replace(&mut site.inputs, Cow::Owned(inputs.unwrap_or_default()));
    let built = read(site);
    site.inputs = own;
    let built = built?;
    if let LayerKind::Identity = built.kind {
        return site.same_shape(LayerKind::Identity);
    }
    let first = Layout::to_channels_first(built.shape.len());
    let shape = first.result_shape(&built.shape).unwrap_or(built.shape);
    Ok(Built { kind: LayerKind::ChannelsFirst(Box::new(built.kind)), shape })
}
