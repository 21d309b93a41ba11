//! Operations that take elements from other places along an axis: in another order, more than once.

use serde_json::{Value, json};

use super::arithmetic::numbers;
use super::{Call, Operation, number};
use crate::front::error::FrontError;
use crate::front::keras::attributes::shown;
use crate::front::keras::layers::Built;
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
    Operation::new(&["nn.depth_to_space"], OF_BLOCKS, depth_to_space),
    Operation::new(&["nn.space_to_depth"], OF_BLOCKS, space_to_depth),
];

/// The arguments of [`depth_to_space`] and its inverse.
const OF_BLOCKS: &[&str] = &["x", "block_size", "data_format"];

/// What lies beyond the ends of an axis.
#[derive(Clone, Copy, PartialEq)]
enum Beyond {
    Zeros,
    /// The elements once more, backwards from the one beside the last.
    Reflected,
    /// The elements once more, backwards from the last.
    Symmetric,
}

/// Elements before and after those along each axis, the batch's own among them.
fn pad(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let modes = ["CONSTANT", "REFLECT", "SYMMETRIC", "constant", "reflect", "symmetric"];
    call.only(2, "mode", &modes.map(Value::from))?;
    let mode = call.value_or(2, "mode", &Value::Null)?.as_str().map(str::to_lowercase);
    let beyond = match mode.as_deref() {
        Some("reflect") => Beyond::Reflected,
        Some("symmetric") => Beyond::Symmetric,
        _ => Beyond::Zeros,
    };
    call.only(3, "constant_values", &[json!(0), json!(0.0)])?;
    let value = call.value(1, "pad_width")?;
    let refused = || call.refuse("pad_width", shown(value));
    let pair = |value: &Value| match value.as_array().map(Vec::as_slice) {
        Some([before, after]) => Some([number(before)?, number(after)?]),
        _ => None,
    };
    let by: Option<Vec<[usize; 2]>> =
        value.as_array().and_then(|pairs| pairs.iter().map(pair).collect());
    let Some([[0, 0], by @ ..]) = by.as_deref() else { return Err(refused()) };
    if beyond == Beyond::Zeros {
        return call.site.moved(vec![Layout::Pad(by.to_vec())]);
    }
    let shape = call.site.input()?;
    if by.len() != shape.len() {
        return Err(refused());
    }
    let axes = shape.iter().zip(by).enumerate().filter(|(_, (_, by))| **by != [0, 0]);
    let moves = axes.map(|(axis, (length, by))| {
        let places = mirrored(*length, *by, beyond == Beyond::Symmetric)?;
        Some(Layout::Take { axis, indices: places })
    });
    let moves = moves.collect::<Option<Vec<Layout>>>().ok_or_else(refused)?;
    call.site.moved(moves)
}

/// The places of `length` elements, of those `before` them and of those `after` them, which are the
/// same backwards; the elements at the ends are repeated if `with_ends`. `None` where there are not
/// so many.
fn mirrored(length: usize, [before, after]: [usize; 2], with_ends: bool) -> Option<Vec<usize>> {
    let beside = usize::from(!with_ends);
    if before.max(after).checked_add(beside)? > length {
        return None;
    }
    let left = (beside..before + beside).rev();
    let right = (length - beside - after..length - beside).rev();
    Some(left.chain(0..length).chain(right).collect())
}

/// Elements in backward order along one axis or several.
fn reverse(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let axes = call.axes("axis", call.value(1, "axis")?)?;
    let shape = call.site.input()?;
    let back = |axis| Layout::Take { axis, indices: (0..shape[axis]).rev().collect() };
    call.site.moved(axes.into_iter().map(back).collect())
}

/// All elements so many times along each axis, the batch's own among them. Keras 3 says nothing of
/// the first axes where nothing is repeated.
fn tile(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let value = call.value(1, "repeats")?;
    let refused = || call.refuse("repeats", shown(value));
    let one = std::slice::from_ref(value);
    let times = |value: &Value| number(value).filter(|times| *times > 0);
    let times: Option<Vec<usize>> =
        value.as_array().map_or(one, Vec::as_slice).iter().map(times).collect();
    let shape = call.site.input()?;
    let mut times = times.filter(|times| times.len() <= shape.len() + 1).ok_or_else(refused)?;
    while times.len() <= shape.len() {
        times.insert(0, 1);
    }
    let (1, times) = (times[0], &times[1..]) else { return Err(refused()) };
    let tiled: Option<Vec<usize>> =
        shape.iter().zip(times).map(|(length, times)| length.checked_mul(*times)).collect();
    let tiled = tiled.ok_or_else(refused)?;
    call.site.check_size(&tiled)?;
    let axes = (0..shape.len()).filter(|axis| times[*axis] != 1);
    let again = |axis: usize| {
        let places = (0..tiled[axis]).map(|at| at % shape[axis]).collect();
        Layout::Take { axis, indices: places }
    };
    call.site.moved(axes.map(again).collect())
}

/// Elements so many places further along one axis or several; those beyond the end come first.
fn roll(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let (shifts, axes) = (call.value(1, "shift")?, call.value(2, "axis")?);
    let list = |value| -> Vec<Value> {
        let one = std::slice::from_ref(value);
        Value::as_array(value).map_or(one, Vec::as_slice).to_vec()
    };
    let refused = || call.refuse("shift", shown(shifts));
    let shape = call.site.input()?;
    let (shifts, axes) = (list(shifts), list(axes));
    if shifts.len() != axes.len() {
        return Err(refused());
    }
    let mut moves = vec![];
    for (shift, axis) in shifts.iter().zip(&axes) {
        let axis = call.site.axis("axis", axis)?;
        let shift = shift.as_i64().ok_or_else(refused)?;
        let length = shape[axis];
        let first = i64::try_from(length).map(|length| shift.rem_euclid(length.max(1)));
        let first = first.ok().and_then(|first| usize::try_from(first).ok()).ok_or_else(refused)?;
        let places = (0..length).map(|at| (at + length - first) % length).collect();
        moves.push(Layout::Take { axis, indices: places });
    }
    call.site.moved(moves)
}

/// The elements at these places along an axis; a single place takes the axis away. Keras 3 counts
/// negative ones from the end.
fn take(call: &mut Call<'_, '_>, from_the_end: bool) -> Result<Built, FrontError> {
    let axis = call.axis(2)?;
    let value = call.value(1, "indices")?;
    let refused = || call.refuse("indices", shown(value));
    let indices = numbers(value).filter(|indices| indices.ndim() <= 1).ok_or_else(refused)?;
    let mut shape = call.site.input()?.to_vec();
    let length = shape[axis];
    let place = |index: &f32| {
        let index = if *index < 0.0 && from_the_end { *index + length as f32 } else { *index };
        let inside = index >= 0.0 && index < length as f32 && index.fract() == 0.0;
        inside.then_some(index as usize)
    };
    let places: Option<Vec<usize>> = indices.iter().map(place).collect();
    let mut moves = vec![Layout::Take { axis, indices: places.ok_or_else(refused)? }];
    if indices.ndim() == 0 {
        shape.remove(axis);
        if shape.is_empty() {
            return Err(refused());
        }
        moves.push(Layout::Reshape(shape));
    }
    call.site.moved(moves)
}

/// Channels to blocks of positions.
fn depth_to_space(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let (block, [rows, columns, channels]) = blocks(call)?;
    if channels % (block * block) != 0 {
        return Err(call.refuse("block_size", block.to_string()));
    }
    let inside = channels / (block * block);
    call.site.moved(vec![
        Layout::Reshape(vec![rows, columns, block, block, inside]),
        Layout::Permute(vec![0, 2, 1, 3, 4]),
        Layout::Reshape(vec![rows * block, columns * block, inside]),
    ])
}

/// Blocks of positions to channels.
fn space_to_depth(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let (block, [rows, columns, channels]) = blocks(call)?;
    if rows % block != 0 || columns % block != 0 {
        return Err(call.refuse("block_size", block.to_string()));
    }
    call.site.moved(vec![
        Layout::Reshape(vec![rows / block, block, columns / block, block, channels]),
        Layout::Permute(vec![0, 2, 1, 3, 4]),
        Layout::Reshape(vec![rows / block, columns / block, block * block * channels]),
    ])
}

/// The length of a block, and the shape of an image.
fn blocks(call: &Call<'_, '_>) -> Result<(usize, [usize; 3]), FrontError> {
    call.only(2, "data_format", &[json!("NHWC")])?;
    let value = call.value(1, "block_size")?;
    let refused = || call.refuse("block_size", shown(value));
    let shape: [usize; 3] = call.site.input()?.try_into().map_err(|_| refused())?;
    // No block is larger than the tensor.
    let most: usize = shape.iter().product();
    let block = number(value).filter(|block| (1..=most).contains(block)).ok_or_else(refused)?;
    block.checked_mul(block).ok_or_else(refused)?;
    Ok((block, shape))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_stand_at_the_ends_or_beside() {
        assert_eq!(mirrored(3, [2, 1], false), Some(vec![2, 1, 0, 1, 2, 1]));
        assert_eq!(mirrored(3, [2, 3], true), Some(vec![1, 0, 0, 1, 2, 2, 1, 0]));
        assert_eq!(mirrored(3, [3, 0], false), None);
        assert_eq!(mirrored(3, [0, 4], true), None);
        assert_eq!(mirrored(3, [usize::MAX, 0], false), None);
    }
}
