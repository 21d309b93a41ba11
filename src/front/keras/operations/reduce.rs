//! Operations that make one element of many.

use serde_json::{Value, json};

use super::{Call, Operation};
use crate::front::error::FrontError;
use crate::front::keras::attributes::shown;
use crate::front::keras::layers::Built;
use crate::front::keras::layers::windows::{Dimensions, numbers};
use crate::model::{Activation, LayerKind, Padding, Pool, PoolKind, Sliding};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(&["math.reduce_mean", "Mean"], &["x", "axis", "keepdims"], |call| {
        over_positions(call, PoolKind::Average)
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
    Operation::new(&["math.reduce_max", "Max", "Amax"], &["x", "axis", "keepdims"], |call| {
        over_positions(call, PoolKind::Max)
    }),
];

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
    let padding = match call.arguments.get(3) {
        Some(Some(_)) => call.value(3, "padding")?,
        _ => &Value::Null,
    };
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

/// What the elements of all positions have together, for each channel: where the axes are all but the
/// batch and the channels, this is a global pooling.
fn over_positions(call: &mut Call<'_, '_>, kind: PoolKind) -> Result<Built, FrontError> {
    let shape = call.site.input()?.to_vec();
    let value = match call.arguments.get(1) {
        Some(Some(_)) => call.value(1, "axis")?,
        _ => &Value::Null,
    };
    let axes = if value.is_null() { vec![] } else { call.axes("axis", value)? };
    let (positions, channels) = (1..shape.len(), shape.last());
    let all = axes.iter().copied().eq(0..positions.len()) && matches!(positions.len(), 1 | 2);
    let (true, Some(channels)) = (all, channels) else {
        let help = "supported are all axes but the batch and the channels, one or two, as a global \
                    pooling takes them: axis = 1 or axis = [1, 2]";
        return Err(call.site.attributes.unsupported("axis", value, help.to_owned()));
    };
    call.only(2, "keepdims", &[json!(false), json!(true)])?;
    let keep_axes = match call.arguments.get(2) {
        Some(Some(_)) => *call.value(2, "keepdims")? == json!(true),
        _ => false,
    };
    let mut result = vec![1; if keep_axes { shape.len() - 1 } else { 0 }];
    result.push(*channels);
    let pool = Pool { sliding: None, kind, keep_axes, activation: Activation::Linear };
    Ok(Built { kind: LayerKind::Pool(pool), shape: result })
}
