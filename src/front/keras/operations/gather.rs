//! Operations that gather elements along an axis: pad, reverse, tile, roll, take, space to depth.

use serde_json::{Value, json};

use super::arithmetic::numbers;
use super::{Call, Operation};
use crate::front::error::FrontError;
use crate::front::keras::attributes::{list, natural, shown};
use crate::front::keras::layers::{Built, check_size};
use crate::model::Layout;

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(
        &["pad", "compat.v1.pad", "Pad"],
        &["x", "pad_width", "mode", "constant_values"],
        pad,
    ),
    Operation::new(&["reverse", "Flip"], &["x", "axis"], reverse),
    Operation::new(&["tile", "Tile"], &["x", "repeats"], tile),
    Operation::new(&["roll", "Roll"], &["x", "shift", "axis"], roll),
    Operation::new(
        &["gather", "compat.v1.gather"],
        &["x", "indices", "axis", "batch_dims", "validate_indices"],
        |call| {
            call.only(3, "batch_dims", &[json!(0)])?;
            take(call, false)
        },
    ),
    Operation::new(&["Take"], &["x", "indices", "axis"], |call| take(call, true)),
    Operation::new(&["nn.depth_to_space"], BLOCK_ARGUMENTS, depth_to_space),
    Operation::new(&["nn.space_to_depth"], BLOCK_ARGUMENTS, space_to_depth),
];

/// Arguments of [`depth_to_space`] and [`space_to_depth`].
const BLOCK_ARGUMENTS: &[&str] = &["x", "block_size", "data_format"];

/// Pads each axis, the batch included, with zeros or a mirror image.
fn pad(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let modes = ["CONSTANT", "REFLECT", "SYMMETRIC", "constant", "reflect", "symmetric"];
    call.only(2, "mode", &modes.map(Value::from))?;
    let mode = call.value_or(2, "mode", &Value::Null)?.as_str().map(str::to_lowercase);
    let mirror_ends = match mode.as_deref() {
        Some("reflect") => Some(false),
        Some("symmetric") => Some(true),
        // "constant", as checked above.
        _ => None,
    };
    call.only(3, "constant_values", &[json!(0), json!(0.0)])?;
    let value = call.value(1, "pad_width")?;
    let rejected = || call.reject("pad_width", shown(value));
    let pair = |value: &Value| match value.as_array().map(Vec::as_slice) {
        Some([before, after]) => Some([natural(before)?, natural(after)?]),
        _ => None,
    };
    let by: Option<Vec<[usize; 2]>> =
        value.as_array().and_then(|pairs| pairs.iter().map(pair).collect());
    let Some([[0, 0], by @ ..]) = by.as_deref() else { return Err(rejected()) };
    let Some(mirror_ends) = mirror_ends else {
        return call.layer.with_layout(vec![Layout::Pad(by.to_vec())]);
    };
    let shape = call.layer.input()?;
    if by.len() != shape.len() {
        return Err(rejected());
    }
    let axes = shape.iter().zip(by).enumerate().filter(|(_, (_, by))| **by != [0, 0]);
    let takes = axes.map(|(axis, (length, by))| {
        Some(Layout::Take { axis, indices: mirrored(*length, *by, mirror_ends)? })
    });
    let takes = takes.collect::<Option<Vec<Layout>>>().ok_or_else(rejected)?;
    call.layer.with_layout(takes)
}

/// Returns the indices of `length` elements with mirrored padding before and after. The mirror image
/// contains the end itself if `with_ends`. `None` if the padding is longer than the axis.
fn mirrored(length: usize, [before, after]: [usize; 2], with_ends: bool) -> Option<Vec<usize>> {
    let skipped = usize::from(!with_ends);
    if before.max(after).checked_add(skipped)? > length {
        return None;
    }
    let left = (skipped..before + skipped).rev();
    let right = (length - skipped - after..length - skipped).rev();
    Some(left.chain(0..length).chain(right).collect())
}

/// Reverses axes.
fn reverse(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let axes = call.axes("axis", call.value(1, "axis")?)?;
    let shape = call.layer.input()?;
    let reversed = |axis| Layout::Take { axis, indices: (0..shape[axis]).rev().collect() };
    call.layer.with_layout(axes.into_iter().map(reversed).collect())
}

/// Repeats the tensor along each axis, the batch included. Keras 3 may omit leading axes.
fn tile(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let value = call.value(1, "repeats")?;
    let rejected = || call.reject("repeats", shown(value));
    let times = |value: &Value| natural(value).filter(|times| *times > 0);
    let times: Option<Vec<usize>> = list(value).iter().map(times).collect();
    let shape = call.layer.input()?;
    let mut times = times.filter(|times| times.len() <= shape.len() + 1).ok_or_else(rejected)?;
    while times.len() <= shape.len() {
        times.insert(0, 1);
    }
    let (1, times) = (times[0], &times[1..]) else { return Err(rejected()) };
    let tiled: Option<Vec<usize>> =
        shape.iter().zip(times).map(|(length, times)| length.checked_mul(*times)).collect();
    let tiled = tiled.ok_or_else(rejected)?;
    check_size(call.layer.owner, &tiled)?;
    let axes = (0..shape.len()).filter(|axis| times[*axis] != 1);
    let take = |axis: usize| {
        let indices = (0..tiled[axis]).map(|at| at % shape[axis]).collect();
        Layout::Take { axis, indices }
    };
    call.layer.with_layout(axes.map(take).collect())
}

/// Rotates axes: elements shifted beyond the end come first.
fn roll(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let value = call.value(1, "shift")?;
    let rejected = || call.reject("shift", shown(value));
    let shape = call.layer.input()?;
    let (shifts, axes) = (list(value), list(call.value(2, "axis")?));
    if shifts.len() != axes.len() {
        return Err(rejected());
    }
    let mut takes = vec![];
    for (shift, axis) in shifts.iter().zip(axes) {
        let axis = call.layer.axis("axis", axis)?;
        let shift = shift.as_i64().ok_or_else(rejected)?;
        let length = shape[axis];
        let first = i64::try_from(length).map(|length| shift.rem_euclid(length.max(1)));
        let first =
            first.ok().and_then(|first| usize::try_from(first).ok()).ok_or_else(rejected)?;
        let indices = (0..length).map(|at| (at + length - first) % length).collect();
        takes.push(Layout::Take { axis, indices });
    }
    call.layer.with_layout(takes)
}

/// Gathers elements along an axis; a single index removes the axis. Keras 3 counts negative indices
/// from the end.
fn take(call: &mut Call<'_, '_>, from_the_end: bool) -> Result<Built, FrontError> {
    let axis = call.axis(2)?;
    let value = call.value(1, "indices")?;
    let rejected = || call.reject("indices", shown(value));
    let indices = numbers(value).filter(|indices| indices.ndim() <= 1).ok_or_else(rejected)?;
    let mut shape = call.layer.input()?.to_vec();
    let length = shape[axis];
    let valid = |index: &f32| {
        let index = if *index < 0.0 && from_the_end { *index + length as f32 } else { *index };
        let inside = index >= 0.0 && index < length as f32 && index.fract() == 0.0;
        inside.then_some(index as usize)
    };
    let is_scalar = indices.ndim() == 0;
    let indices: Option<Vec<usize>> = indices.iter().map(valid).collect();
    let mut operations = vec![Layout::Take { axis, indices: indices.ok_or_else(rejected)? }];
    if is_scalar {
        shape.remove(axis);
        if shape.is_empty() {
            return Err(rejected());
        }
        operations.push(Layout::Reshape(shape));
    }
    call.layer.with_layout(operations)
}

/// Moves channels to blocks of positions.
fn depth_to_space(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let (block, [rows, columns, channels]) = blocks(call)?;
    if channels % (block * block) != 0 {
        return Err(call.reject("block_size", block.to_string()));
    }
    let inside = channels / (block * block);
    call.layer.with_layout(vec![
        Layout::Reshape(vec![rows, columns, block, block, inside]),
        Layout::Permute(vec![0, 2, 1, 3, 4]),
        Layout::Reshape(vec![rows * block, columns * block, inside]),
    ])
}

/// Moves blocks of positions to channels.
fn space_to_depth(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let (block, [rows, columns, channels]) = blocks(call)?;
    if rows % block != 0 || columns % block != 0 {
        return Err(call.reject("block_size", block.to_string()));
    }
    call.layer.with_layout(vec![
        Layout::Reshape(vec![rows / block, block, columns / block, block, channels]),
        Layout::Permute(vec![0, 2, 1, 3, 4]),
        Layout::Reshape(vec![rows / block, columns / block, block * block * channels]),
    ])
}

/// Reads the length of a block, and the shape of the image.
fn blocks(call: &Call<'_, '_>) -> Result<(usize, [usize; 3]), FrontError> {
    call.only(2, "data_format", &[json!("NHWC")])?;
    let value = call.value(1, "block_size")?;
    let rejected = || call.reject("block_size", shown(value));
    let shape: [usize; 3] = call.layer.input()?.try_into().map_err(|_| rejected())?;
    // No block is larger than the tensor.
    let most: usize = shape.iter().product();
    let block = natural(value).filter(|block| (1..=most).contains(block)).ok_or_else(rejected)?;
    block.checked_mul(block).ok_or_else(rejected)?;
    Ok((block, shape))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrored_indices() {
        assert_eq!(mirrored(3, [2, 1], false), Some(vec![2, 1, 0, 1, 2, 1]));
        assert_eq!(mirrored(3, [2, 3], true), Some(vec![1, 0, 0, 1, 2, 2, 1, 0]));
        assert_eq!(mirrored(3, [3, 0], false), None);
        assert_eq!(mirrored(3, [0, 4], true), None);
        assert_eq!(mirrored(3, [usize::MAX, 0], false), None);
    }
}
