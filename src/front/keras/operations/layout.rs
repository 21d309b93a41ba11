//! Layout operations: reshape, transpose, slice, split, stack, concatenate.

use serde_json::{Value, json};

use super::{Call, Operation};
use crate::front::error::FrontError;
use crate::front::keras::attributes::{list, natural, shown};
use crate::front::keras::batch_axis::BatchAxis;
use crate::front::keras::layers::RESIZE_HELP;
use crate::front::keras::layers::{Built, check_size};
use crate::model::{AxisSlice, LayerKind, Layout};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(&["concat", "Concatenate"], &["xs", "axis"], concatenate),
    Operation::new(&["reshape", "Reshape"], &["x", "newshape"], reshape),
    Operation::new(&["expand_dims", "ExpandDims"], &["x", "axis"], expand_dims),
    Operation::new(&["squeeze", "compat.v1.squeeze", "Squeeze"], &["x", "axis"], squeeze),
    Operation::new(&["repeat", "Repeat"], &["x", "repeats", "axis"], repeat),
    Operation::new(&["image.resize", "Resize"], RESIZE_ARGUMENTS, resize),
    Operation::new(&["slice"], &["x", "begin", "size"], slice),
    Operation::new(&["Swapaxes"], &["x", "axis1", "axis2"], swap_axes),
    Operation::new(&["Moveaxis"], &["x", "source", "destination"], move_axes),
    Operation::new(&["keras.backend.batch_flatten"], &["x"], |call| call.layer.flattened()),
    Operation::new(&["cast", "Cast"], &["x", "dtype"], |call| {
        call.only(1, "dtype", &[json!("float32"), json!("<dtype: 'float32'>")])?;
        call.layer.same_shape(LayerKind::Identity)
    }),
    Operation::new(&["identity", "stop_gradient", "StopGradient"], &["x"], |call| {
        call.layer.same_shape(LayerKind::Identity)
    }),
    Operation::new(&["transpose", "compat.v1.transpose", "Transpose"], &["x", "axes"], transpose),
    Operation::new(&["__operators__.getitem", "GetItem"], &["x", "key"], item),
    Operation::with_several_results(
        &["split"],
        &["x", "num_or_size_splits", "axis", "num"],
        split_by_size,
    ),
    Operation::with_several_results(&["Split"], &["x", "indices_or_sections", "axis"], split_at),
    Operation::with_several_results(&["unstack", "Unstack"], &["x", "num", "axis"], unstack),
    Operation::new(&["stack", "Stack"], &["xs", "axis"], stack),
];

fn concatenate(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let axis = call.layer.axis("axis", call.value(1, "axis")?)?;
    call.tensors(0)?;
    call.layer.concatenated(axis)
}

fn reshape(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let value = call.value(1, "newshape")?;
    match value.as_array().and_then(|lengths| lengths.split_first()) {
        // The batch axis is -1 or unknown; the other axes have the elements of a sample.
        Some((batch, rest))
            if matches!(batch.as_i64(), Some(-1))
                || batch.is_null() && !rest.contains(&json!(-1)) =>
        {
            call.layer.reshaped("newshape", value, rest)
        }
        _ => Err(call.reject("newshape", shown(value))),
    }
}

fn transpose(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let value = call.value(1, "axes")?;
    let count = value.as_array().map_or(0, Vec::len) as i64;
    let own = |axis: &Value| {
        let axis = axis.as_i64()?;
        usize::try_from(if axis < 0 { axis + count } else { axis }).ok()
    };
    let axes: Option<Vec<usize>> = value.as_array().and_then(|axes| axes.iter().map(own).collect());
    let batch = call.layer.batch_axis.index();
    let position = axes.iter().flatten().position(|axis| *axis == batch);
    match (axes, position.and_then(BatchAxis::at)) {
        (Some(axes), Some(moved)) => {
            // The axes of a sample are counted without the batch.
            let rest = axes.iter().filter(|axis| **axis != batch);
            let rest = rest.map(|axis| axis - usize::from(*axis > batch)).collect();
            call.layer.moved_batch.set(Some(moved));
            call.layer.with_layout(vec![Layout::Permute(rest)])
        }
        _ => Err(call.reject("axes", shown(value))),
    }
}

/// Repeats each element along an axis.
fn repeat(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let value = call.value(1, "repeats")?;
    let count = natural(value).ok_or_else(|| call.reject("repeats", shown(value)))?;
    let axis = call.value(2, "axis")?;
    let axis = call.layer.axis("axis", axis)?;
    let mut times = vec![1; call.layer.input()?.len()];
    times[axis] = count;
    call.layer.with_layout(vec![Layout::Repeat(times)])
}

/// Inserts an axis of length 1.
fn expand_dims(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let mut shape = call.layer.input()?.to_vec();
    shape.insert(call.new_axis(1)?, 1);
    call.layer.with_layout(vec![Layout::Reshape(shape)])
}

/// Removes the given axes of length 1.
fn squeeze(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let value = call.value(1, "axis")?;
    let axes = call.axes("axis", value)?;
    let shape = call.layer.input()?;
    if axes.iter().any(|axis| shape[*axis] != 1) || axes.len() >= shape.len() {
        return Err(call.reject("axis", shown(value)));
    }
    let left = shape.iter().enumerate().filter(|(axis, _)| !axes.contains(axis));
    let left = left.map(|(_, length)| *length).collect();
    call.layer.with_layout(vec![Layout::Reshape(left)])
}

/// Arguments of [`resize`].
const RESIZE_ARGUMENTS: &[&str] = &[
    "x",
    "size",
    "interpolation",
    "antialias",
    "data_format",
    "crop_to_aspect_ratio",
    "pad_to_aspect_ratio",
    "preserve_aspect_ratio",
    "fill_mode",
    "fill_value",
];

/// Resizes an image, as the layer Resizing.
fn resize(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    call.only(2, "interpolation", &[json!("bilinear"), json!("nearest")])?;
    call.only(4, "data_format", &[json!("channels_last")])?;
    for (at, name) in RESIZE_ARGUMENTS.iter().enumerate().skip(3).filter(|(at, _)| *at != 4) {
        // The fill value is not used without padding.
        if !name.starts_with("fill") {
            call.only(at, name, &[json!(false)])?;
        }
    }
    let value = call.value(1, "size")?;
    let is_image = call.layer.input()?.len() == 3;
    let sizes = value.as_array().map(Vec::as_slice).filter(|_| is_image);
    let nearest = *call.value_or(2, "interpolation", &Value::Null)? == json!("nearest");
    let resized = match sizes {
        Some([height, width]) => match (natural(height), natural(width)) {
            (Some(height), Some(width)) => call.layer.resized([height, width], nearest)?,
            _ => None,
        },
        _ => None,
    };
    resized.ok_or_else(|| call.layer.attributes.unsupported("size", value, RESIZE_HELP.to_owned()))
}

/// Slices by start and size of each axis, the batch included; size -1 extends to the end.
fn slice(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let list = |at, name| -> Result<&[Value], FrontError> {
        let value = call.value(at, name)?;
        let list = value.as_array().map(Vec::as_slice);
        list.ok_or_else(|| call.reject(name, shown(value)))
    };
    let (begin, size) = (list(1, "begin")?, list(2, "size")?);
    let shape = call.layer.input()?;
    let range = |((begin, size), length): ((&Value, &Value), &usize)| {
        let start = natural(begin)?;
        let count = match size.as_i64() {
            Some(-1) => length.checked_sub(start)?,
            _ => natural(size)?,
        };
        Some(AxisSlice { start, step: 1, count })
    };
    let is_whole_batch = begin.first() == Some(&json!(0)) && size.first() == Some(&json!(-1));
    let axes = begin.iter().zip(size).skip(1).zip(shape);
    let ranges: Option<Vec<AxisSlice>> = axes.map(range).collect();
    match ranges {
        Some(ranges) if is_whole_batch && begin.len() == size.len() => {
            call.layer.with_layout(vec![Layout::Slice(ranges)])
        }
        _ => Err(call.reject("size", shown(&json!(size)))),
    }
}

/// Swaps two axes.
fn swap_axes(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let axis = |at, name| call.layer.axis(name, call.value(at, name)?);
    let (one, other) = (axis(1, "axis1")?, axis(2, "axis2")?);
    let mut axes: Vec<usize> = (0..call.layer.input()?.len()).collect();
    axes.swap(one, other);
    call.layer.with_layout(vec![Layout::Permute(axes)])
}

/// Moves axes; the others keep their order.
fn move_axes(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let axes = |at, name| -> Result<Vec<usize>, FrontError> {
        let axes = list(call.value(at, name)?);
        axes.iter().map(|axis| call.layer.axis(name, axis)).collect()
    };
    let (from, to) = (axes(1, "source")?, axes(2, "destination")?);
    let all = 0..call.layer.input()?.len();
    let mut others = all.clone().filter(|axis| !from.contains(axis));
    let axis = |at: usize| match to.iter().position(|target| *target == at) {
        Some(number) => from.get(number).copied(),
        None => others.next(),
    };
    // If axes are listed twice or the lists differ in length, this is not a permutation: an error.
    let order: Vec<usize> = all.filter_map(axis).collect();
    call.layer.with_layout(vec![Layout::Permute(order)])
}

/// `x[:, ...]`: slices, indices, which remove their axis, new axes, and an ellipsis.
fn item(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let value = call.value(1, "key")?;
    let rejected = || call.reject("key", shown(value));
    let shape = call.layer.input()?.to_vec();
    let keys = expand_ellipsis(list(value), shape.len() + 1);
    let keys = keys.ok_or_else(rejected)?;
    let (batch, keys) = keys.split_first().ok_or_else(rejected)?;
    if Key::read(batch, usize::MAX) != Some(Key::Range(AxisSlice::whole(usize::MAX))) {
        return Err(rejected());
    }
    let mut lengths = shape.iter();
    let mut ranges = vec![];
    let mut left = vec![];
    for key in keys {
        if key.is_null() {
            left.push(1);
            continue;
        }
        let length = lengths.next().ok_or_else(rejected)?;
        match Key::read(key, *length).ok_or_else(rejected)? {
            Key::Range(range) => {
                left.push(range.count);
                ranges.push(range);
            }
            Key::One(start) => ranges.push(AxisSlice { start, step: 1, count: 1 }),
        }
    }
    if left.is_empty() {
        return Err(rejected());
    }
    call.layer.with_layout(vec![Layout::Slice(ranges), Layout::Reshape(left)])
}

/// Returns a key for each of `axes` axes, the batch included, and for each new axis; `None` if there
/// are more keys than axes. Axes without a key, and those of an ellipsis, are taken whole.
fn expand_ellipsis(keys: &[Value], axes: usize) -> Option<Vec<Value>> {
    let is_rest = |key: &Value| {
        let class = key.get("class_name").and_then(Value::as_str);
        key.as_str() == Some("Ellipsis") || class == Some("__ellipsis__")
    };
    let rest = keys.iter().position(is_rest);
    let (before, after) = match rest {
        Some(at) => (&keys[..at], &keys[at + 1..]),
        None => (keys, &[][..]),
    };
    let stated = before.iter().chain(after).filter(|key| !key.is_null()).count();
    let whole = json!({"start": null, "stop": null, "step": null});
    let more = std::iter::repeat_n(whole, axes.checked_sub(stated)?);
    Some(before.iter().cloned().chain(more).chain(after.iter().cloned()).collect())
}

/// Selection along one axis.
#[derive(PartialEq)]
enum Key {
    Range(AxisSlice),
    One(usize),
}

impl Key {
    /// Reads a key of Keras 2 or 3 for an axis of `length` elements; `None` if it is invalid or
    /// selects nothing.
    fn read(value: &Value, length: usize) -> Option<Self> {
        if let Some(number) = value.as_i64() {
            let index =
                if number < 0 { number.checked_add_unsigned(length as u64)? } else { number };
            return usize::try_from(index).ok().filter(|index| *index < length).map(Self::One);
        }
        let slice = match value.get("class_name").and_then(Value::as_str) {
            None => value,
            Some("__slice__") => value.get("config")?,
            Some(_) => return None,
        };
        let slice = slice.as_object()?;
        let part = |name: &str| match slice.get(name) {
            None | Some(Value::Null) => Some(None),
            Some(value) => value.as_i64().map(Some),
        };
        let (start, stop) = (part("start")?, part("stop")?);
        let step = part("step")?.unwrap_or(1);
        if length == usize::MAX {
            // The batch, which must be taken whole.
            let whole = start.is_none() && stop.is_none() && step == 1;
            return whole.then_some(Self::Range(AxisSlice::whole(length)));
        }
        // As Python's `slice.indices`.
        let length = i64::try_from(length).ok()?;
        let (lowest, highest) = if step > 0 { (0, length) } else { (-1, length - 1) };
        let limit = |index: i64| {
            let index = if index < 0 { index.saturating_add(length) } else { index };
            index.clamp(lowest, highest)
        };
        let (first, last) = if step > 0 { (lowest, highest) } else { (highest, lowest) };
        let (start, stop) = (start.map_or(first, limit), stop.map_or(last, limit));
        let distance = if step > 0 { stop - start } else { start - stop };
        let count = u64::try_from(distance).ok()?.div_ceil(step.unsigned_abs().max(1));
        let count = usize::try_from(count).ok().filter(|count| *count > 0 && step != 0)?;
        let (start, step) = (usize::try_from(start).ok()?, isize::try_from(step).ok()?);
        Some(Self::Range(AxisSlice { start, step, count }))
    }
}

/// `tf.split`: a number of equal parts, or lengths of the parts, one of which may be -1.
fn split_by_size(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let axis = call.axis(2)?;
    let value = call.value(1, "num_or_size_splits")?;
    let rejected = || call.reject("num_or_size_splits", shown(value));
    let Some(sizes) = value.as_array() else {
        return equal_parts(call, axis, "num_or_size_splits", value);
    };
    call.only(3, "num", &[json!(sizes.len())])?;
    let length = call.layer.input()?[axis];
    let known = sizes.iter().filter_map(Value::as_u64).try_fold(0_u64, u64::checked_add);
    let rest = (length as u64).checked_sub(known.ok_or_else(rejected)?).ok_or_else(rejected)?;
    let is_rest = |size: &Value| size.as_i64() == Some(-1);
    let rests = sizes.iter().filter(|size| is_rest(size)).count();
    if rests > 1 || rests == 0 && rest > 0 {
        return Err(rejected());
    }
    let mut ends = Vec::with_capacity(sizes.len());
    let mut end = 0_usize;
    for size in sizes {
        let size = if is_rest(size) { Some(rest) } else { size.as_u64() };
        let size = size.and_then(|size| usize::try_from(size).ok()).ok_or_else(rejected)?;
        end = end.saturating_add(size);
        ends.push(end);
    }
    part(call, axis, &ends)
}

/// `keras.ops.split`: a number of equal parts, or indices at which the parts are separated.
fn split_at(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let axis = call.axis(2)?;
    let value = call.value(1, "indices_or_sections")?;
    let Some(indices) = value.as_array() else {
        return equal_parts(call, axis, "indices_or_sections", value);
    };
    let ends: Option<Vec<usize>> = indices.iter().map(natural).collect();
    let mut ends = ends.ok_or_else(|| call.reject("indices_or_sections", shown(value)))?;
    ends.push(call.layer.input()?[axis]);
    if !ends.is_sorted() {
        return Err(call.reject("indices_or_sections", shown(value)));
    }
    part(call, axis, &ends)
}

/// The requested one of `count` equal parts.
fn equal_parts(
    call: &Call<'_, '_>,
    axis: usize,
    name: &str,
    count: &Value,
) -> Result<Built, FrontError> {
    let length = call.layer.input()?[axis];
    let parts = natural(count).filter(|parts| *parts > 0 && length % parts == 0);
    let parts = parts.ok_or_else(|| call.reject(name, shown(count)))?;
    let ends: Vec<usize> = (1..=parts).map(|number| length / parts * number).collect();
    part(call, axis, &ends)
}

/// The requested one of the parts that end at `ends`.
fn part(call: &Call<'_, '_>, axis: usize, ends: &[usize]) -> Result<Built, FrontError> {
    let index = call.result_index(ends.len())?;
    let start = index.checked_sub(1).map_or(0, |before| ends[before]);
    let range = AxisSlice { start, step: 1, count: ends[index] - start };
    call.layer.with_layout(vec![along(call, axis, range)?])
}

/// A slice along one axis.
fn along(call: &Call<'_, '_>, axis: usize, range: AxisSlice) -> Result<Layout, FrontError> {
    let shape = call.layer.input()?;
    let mut ranges: Vec<AxisSlice> = shape.iter().map(|length| AxisSlice::whole(*length)).collect();
    ranges[axis] = range;
    Ok(Layout::Slice(ranges))
}

/// The requested element along an axis, which is removed.
fn unstack(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let axis = call.axis(2)?;
    let mut shape = call.layer.input()?.to_vec();
    let length = shape.remove(axis);
    call.only(1, "num", &[json!(length)])?;
    if shape.is_empty() {
        let value = call.value_or(2, "axis", &Value::Null)?;
        return Err(call.reject("axis", shown(value)));
    }
    let start = call.result_index(length)?;
    let one = along(call, axis, AxisSlice { start, step: 1, count: 1 })?;
    call.layer.with_layout(vec![one, Layout::Reshape(shape)])
}

/// Stacks tensors of one shape along a new axis.
fn stack(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    call.tensors(0)?;
    let axis = call.new_axis(1)?;
    let [first, others @ ..] = &call.layer.inputs[..] else {
        return Err(call.layer.attributes.missing("xs"));
    };
    if others.iter().any(|other| other != first) {
        return Err(call.layer.incompatible_shapes());
    }
    let mut shape = first.clone();
    shape.insert(axis, call.layer.inputs.len());
    check_size(call.layer.owner, &shape)?;
    Ok(Built { kind: LayerKind::Stack { axis }, shape })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_without_a_key_are_whole() {
        let whole = json!({"start": null, "stop": null, "step": null});
        let all = |keys: Value, axes| expand_ellipsis(keys.as_array().unwrap(), axes);
        let expected = Some(vec![json!(1), whole.clone(), whole.clone()]);
        assert_eq!(all(json!([1]), 3), expected);
        for rest in [json!("Ellipsis"), json!({"class_name": "__ellipsis__", "config": {}})] {
            let expected = Some(vec![whole.clone(), whole.clone(), json!(1), Value::Null]);
            assert_eq!(all(json!([rest, 1, null]), 3), expected);
        }
        assert_eq!(all(json!([1, 2, 3]), 2), None);
    }

    #[test]
    fn keys_are_those_of_python() {
        let range = |start, step, count| Some(Key::Range(AxisSlice { start, step, count }));
        let slice = |start: Value, stop: Value, step: Value| json!({"start": start, "stop": stop, "step": step});
        let none = || Value::Null;
        assert!(Key::read(&slice(none(), none(), none()), 5) == range(0, 1, 5));
        assert!(Key::read(&slice(json!(1), json!(-1), json!(2)), 6) == range(1, 2, 2));
        assert!(Key::read(&slice(none(), none(), json!(-2)), 6) == range(5, -2, 3));
        assert!(Key::read(&slice(json!(9), json!(0), json!(-1)), 3) == range(2, -1, 2));
        assert!(Key::read(&slice(json!(-2), none(), none()), 3) == range(1, 1, 2));
        assert!(Key::read(&json!(-1), 3) == Some(Key::One(2)));
        for nothing in [
            json!(3),
            json!("..."),
            slice(json!(2), json!(1), none()),
            slice(none(), none(), json!(0)),
        ] {
            assert!(Key::read(&nothing, 3).is_none(), "{nothing}");
        }
    }
}
