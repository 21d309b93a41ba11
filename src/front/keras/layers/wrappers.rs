//! Wrappers of layers: TimeDistributed, and layers with channels first.

use serde_json::{Value, json};

use super::{Built, Class, LayerReader, Read, check_size};
use crate::front::error::FrontError;
use crate::front::keras::architecture::check_origin;
use crate::front::keras::attributes::{Owner, class_of};
use crate::front::keras::batch_axis::BatchAxis;
use crate::front::layer_problem::LayerProblem;
use crate::model::{Activation, LayerKind, Layout};
use crate::quantizer::Quantizer;

pub(super) const CLASSES: &[Class] = &[("TimeDistributed", time_distributed)];

fn time_distributed(layer: &mut LayerReader<'_>) -> Result<Built, FrontError> {
    let value = layer.attributes.require("layer")?;
    let (Some(class), Some(Value::Object(config))) = (class_of(value), value.get("config")) else {
        return Err(layer.attributes.malformed("layer", value, "a layer"));
    };
    let owner = Owner { class, ..layer.owner };
    check_origin(owner, value)?;
    layer.input()?;
    let inner = LayerReader { result: layer.result, ..layer.of_wrapped(class, config) };
    over_time(inner, 1, super::build)
}

/// Reads a layer that `build` reads for each element along the first `axes` axes of its samples.
pub(in crate::front::keras) fn over_time<'a>(
    mut layer: LayerReader<'a>,
    axes: usize,
    build: fn(LayerReader<'a>) -> Result<Built, FrontError>,
) -> Result<Built, FrontError> {
    let Some(axes) = axes.checked_sub(1) else { return build(layer) };
    let owner = layer.owner;
    let mut inner = Vec::with_capacity(layer.inputs.len());
    let mut steps = None;
    for shape in &*layer.inputs {
        let (first, rest) = shape.split_first().ok_or_else(|| owner.wrong(LayerProblem::Scalar))?;
        if *steps.get_or_insert(*first) != *first {
            return Err(layer.incompatible_shapes());
        }
        inner.push(rest.to_vec());
    }
    let steps = steps.ok_or_else(|| layer.wrong_inputs(1))?;
    let aligned = inner.iter().all(|shape| inner[0].len() == shape.len());
    layer.inputs = inner;
    layer.is_single = false;
    let batch = std::mem::replace(&mut layer.batch_axis, BatchAxis::First);
    let moved = layer.moved_batch;
    let built = over_time(layer, axes, build)?;
    // The rows have a batch of their own, which is not that of the layer.
    moved.set(None);
    if batch == BatchAxis::Second && !acts_on_rows(&built.kind, aligned) {
        return Err(owner.wrong(LayerProblem::BatchSecond));
    }
    let shape = std::iter::once(steps).chain(built.shape).collect::<Vec<_>>();
    check_size(owner, &shape)?;
    let kind = match built.kind {
        kind if acts_on_rows(&kind, aligned) => kind,
        kind => LayerKind::TimeDistributed(Box::new(kind)),
    };
    Ok(Built { kind, shape })
}

/// Returns true if a layer acts on each row along the last axis by itself, so that it also accepts
/// another leading axis. Several operands must be `aligned`, that is, have as many axes.
pub(in crate::front::keras) fn acts_on_rows(kind: &LayerKind, aligned: bool) -> bool {
    let activation = match kind {
        LayerKind::Dense(dense) => &dense.activation,
        LayerKind::Activation(activation) => activation,
        LayerKind::Adaptive(_)
        | LayerKind::BatchNorm(_)
        | LayerKind::ScaleShift(_)
        | LayerKind::Clip { .. }
        | LayerKind::Identity => return true,
        LayerKind::Merge(_) => return aligned,
        LayerKind::Input { .. }
        | LayerKind::Conv(_)
        | LayerKind::Separable(_)
        | LayerKind::Pool(_)
        | LayerKind::Reduce(_)
        | LayerKind::PRelu(_)
        | LayerKind::Flatten
        | LayerKind::Layout(_)
        | LayerKind::MergeConstant(_)
        | LayerKind::Divide(_)
        | LayerKind::Square
        | LayerKind::Concatenate { .. }
        | LayerKind::Stack { .. }
        | LayerKind::Dot { .. }
        | LayerKind::Bilinear(_)
        | LayerKind::Einsum(_)
        | LayerKind::Rescaling(_)
        | LayerKind::Normalization(_)
        | LayerKind::Embedding(_)
        | LayerKind::Masking { .. }
        | LayerKind::Recurrent(_)
        | LayerKind::Bidirectional(_)
        | LayerKind::TimeDistributed(_)
        | LayerKind::ChannelsFirst(_) => return false,
    };
    // Scales of a quantizer may differ along the axes of a step.
    activation.quantizer().is_none_or(|quantizer| quantizer.scaled().is_none())
}

/// Classes whose channel axis is stated in `axis`.
const WITH_AXIS: &[&str] = &["BatchNormalization", "QBatchNormalization", "Softmax"];

/// Returns the number of axes of a sample before that of the channels, if `data_format` or `axis` states
/// that channels do not come last. The layer reads any other value itself.
pub(super) fn axes_before_channels(layer: &mut LayerReader<'_>) -> Option<usize> {
    let (attribute, before) = if WITH_AXIS.contains(&layer.owner.class) {
        let axes = layer.inputs.first().map_or(0, Vec::len) as i64;
        let stated = layer.attributes.get("axis")?;
        let axis = match stated.as_array().map(Vec::as_slice) {
            Some([axis]) => axis.as_i64(),
            Some(_) => None,
            None => stated.as_i64(),
        }?;
        // Axes include the batch.
        let axis = if axis < 0 { axis + axes + 1 } else { axis };
        let before = (1..axes).contains(&axis).then(|| axis.unsigned_abs() as usize - 1)?;
        ("axis", before)
    } else {
        let format = layer.attributes.get("data_format")?;
        (*format == json!("channels_first")).then_some(("data_format", 0))?
    };
    layer.attributes.consume(attribute);
    Some(before)
}

/// Reads a layer, whose tensors have channels first.
pub(super) fn build_channels_first(mut layer: LayerReader<'_>) -> Result<Built, FrontError> {
    let read = super::find(layer.owner)?;
    let built = channels_first(&mut layer, read)?;
    layer.finish()?;
    Ok(built)
}

/// Reads a layer whose tensors have channels first: as if channels were last, in a
/// [`LayerKind::ChannelsFirst`]. Kernels are stored alike for both.
fn channels_first(layer: &mut LayerReader<'_>, read: Read) -> Result<Built, FrontError> {
    // An inner softmax or scale acts along the last axis, which is not the channels'.
    let activation = layer.activation("activation")?;
    let has_scales = |quantizer: &Quantizer| quantizer.scaled().is_some();
    let help = if activation == Activation::Softmax {
        Some("use a separate Softmax layer with its own axis")
    } else if activation.quantizer().is_some_and(has_scales) {
        Some("use a single scale, or a separate QActivation, whose scales broadcast over all axes")
    } else {
        None
    };
    if let Some(help) = help {
        let value = layer.attributes.get("activation").cloned().unwrap_or_default();
        return Err(layer.attributes.unsupported("activation", &value, help.into()));
    }
    let last = |shape: &Vec<usize>| Layout::to_channels_last(shape.len()).result_shape(shape);
    let inputs: Option<Vec<Vec<usize>>> = layer.inputs.iter().map(last).collect();
    let owner = layer.owner;
    let too_large = || owner.wrong(LayerProblem::TooLarge);
    let original = std::mem::replace(&mut layer.inputs, inputs.ok_or_else(too_large)?);
    let built = read(layer)?;
    layer.inputs = original;
    if let LayerKind::Identity = built.kind {
        return layer.same_shape(LayerKind::Identity);
    }
    let first = Layout::to_channels_first(built.shape.len());
    let shape = first.result_shape(&built.shape).ok_or_else(too_large)?;
    Ok(Built { kind: LayerKind::ChannelsFirst(Box::new(built.kind)), shape })
}
