//! Operations that make one element of many.

use serde_json::{Value, json};

use super::{Call, Operation};
use crate::front::error::FrontError;
use crate::front::keras::attributes::shown;
use crate::front::keras::layers::Built;
use crate::front::keras::layers::windows::{Dimensions, numbers};
use crate::model::{Activation, LayerKind, Padding, Pool, PoolKind, Reduce, Sliding};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(&["math.reduce_sum", "Sum"], OF_REDUCTION, |call| reduce(call, PoolKind::Sum)),
    Operation::new(&["math.reduce_mean", "Mean"], OF_REDUCTION, |call| {
        reduce(call, PoolKind::Average)
    }),
    Operation::new(&["math.reduce_max", "Max", "Amax"], OF_REDUCTION, |call| {
        reduce(call, PoolKind::Max)
    }),
    Operation::new(&["math.reduce_min", "Min", "Amin"], OF_REDUCTION, |call| {
        reduce(call, PoolKind::Min)
    }),
    Operation::new(
        &["nn.max_pool2d", "nn.max_pool1d", "compat.v1.nn.max_pool", "MaxPool"],
        OF_POOLING,
        |call| over_windows(call, PoolKind::Max),
    ),
    Operation::new(
        &["nn.avg_pool2d", "nn.avg_pool1d", "compat.v1.nn.avg_pool", "AveragePool"],
        OF_POOLING,
        |call| over_windows(call, PoolKind::Average),
    ),
];

/// The arguments of [`reduce`].
const OF_REDUCTION: &[&str] = &["x", "axis", "keepdims"];

/// The arguments of a pooling over windows.
const OF_POOLING: &[&str] = &["x", "pool_size", "strides", "padding", "data_format"];

/// What the elements of each window have together, for each channel.
fn over_windows(call: &mut Call<'_, '_>, kind: PoolKind) -> Result<Built, FrontError> {
    call.only(4, "data_format", &["channels_last", "NHWC", "NWC"].map(Value::from))?;
    let dimensions = match call.site.input()?.len() {
        2 => Dimensions::One,
        _ => Dimensions::Two,
    };
    let positions = call.site.positions(dimensions)?;
    let along = |call: &Call<'_, '_>, at, name| -> Result<[usize; 2], FrontError> {
        let value = call.value(at, name)?;
        // TensorFlow may state the batch and the channels, too.
        let inner = match value.as_array().map(Vec::as_slice) {
            Some([one, inner @ .., other]) if *one == json!(1) && *other == json!(1) => {
                Value::Array(inner.to_vec())
            }
            _ => value.clone(),
        };
        let lengths = numbers(&inner, dimensions, 1).or_else(|| numbers(value, dimensions, 1));
        lengths.ok_or_else(|| call.refuse(name, shown(value)))
    };
    let kernel = along(call, 1, "pool_size")?;
    let strides = match call.arguments.get(2) {
        Some(Some(_)) => along(call, 2, "strides")?,
        _ => kernel,
    };
    let padding = call.value_or(3, "padding", &Value::Null)?;
    let padding = match padding.as_str().map(str::to_lowercase).as_deref() {
        None | Some("valid") => Padding::Valid,
        Some("same") => Padding::Same,
        Some(_) => return Err(call.refuse("padding", shown(padding))),
    };
    let sliding = Sliding { kernel, strides, padding, ..Sliding::POINTWISE };
    let shape = call.site.slid(&sliding, positions, positions.channels)?;
    let (sliding, activation) = (Some(sliding), Activation::Linear);
    let pool = Pool { sliding, kind, keep_axes: true, activation };
    Ok(Built { kind: LayerKind::Pool(pool), shape })
}

/// What the elements along some axes have together: where the axes are all but the batch and the
/// channels, this is a global pooling.
fn reduce(call: &mut Call<'_, '_>, kind: PoolKind) -> Result<Built, FrontError> {
    let shape = call.site.input()?.to_vec();
    let value = call.value_or(1, "axis", &Value::Null)?;
    let axes = if value.is_null() { vec![] } else { call.axes("axis", value)? };
    if axes.is_empty() {
        let help = "supported are axes of a sample, without the batch: axis = 1 or axis = [1, 2]";
        return Err(call.site.attributes.unsupported("axis", value, help.to_owned()));
    }
    call.only(2, "keepdims", &[json!(false), json!(true)])?;
    let keep_axes = *call.value_or(2, "keepdims", &Value::Bool(false))? == json!(true);
    let gone = |axis: usize| axes.contains(&axis);
    let result: Vec<usize> = match keep_axes {
        true => (0..shape.len()).map(|axis| if gone(axis) { 1 } else { shape[axis] }).collect(),
        false => (0..shape.len()).filter(|axis| !gone(*axis)).map(|axis| shape[axis]).collect(),
    };
    if result.is_empty() {
        let help = "no axis of a sample is left: keep them with keepdims = true";
        return Err(call.site.attributes.unsupported("axis", value, help.to_owned()));
    }
    let is_global = axes.len() + 1 == shape.len() && axes.len() <= 2 && !gone(axes.len());
    let kind = match is_global {
        true => {
            let activation = Activation::Linear;
            LayerKind::Pool(Pool { sliding: None, kind, keep_axes, activation })
        }
        false => LayerKind::Reduce(Reduce { axes, kind, keep_axes }),
    };
    Ok(Built { kind, shape: result })
}
