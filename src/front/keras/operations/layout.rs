//! Operations that move elements.

use serde_json::{Value, json};

use super::{Call, Operation, number};
use crate::front::error::FrontError;
use crate::front::keras::attributes::shown;
use crate::front::keras::layers::Built;
use crate::model::{AxisSlice, LayerKind, Layout};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::new(&["concat", "Concatenate"], &["xs", "axis"], concatenate),
    Operation::new(&["reshape", "Reshape"], &["x", "newshape"], reshape),
    Operation::new(&["expand_dims", "ExpandDims"], &["x", "axis"], expand_dims),
    Operation::new(&["squeeze", "compat.v1.squeeze", "Squeeze"], &["x", "axis"], squeeze),
    Operation::new(&["repeat", "Repeat"], &["x", "repeats", "axis"], repeat),
    Operation::new(&["image.resize", "Resize"], OF_RESIZING, resize),
    Operation::new(&["slice"], &["x", "begin", "size"], slice),
    Operation::new(&["Swapaxes"], &["x", "axis1", "axis2"], swap_axes),
    Operation::new(&["Moveaxis"], &["x", "source", "destination"], move_axes),
    Operation::new(&["keras.backend.batch_flatten"], &["x"], |call| call.site.flattened()),
    Operation::new(&["cast", "Cast"], &["x", "dtype"], |call| {
        call.only(1, "dtype", &[json!("float32"), json!("<dtype: 'float32'>")])?;
        call.site.same_shape(LayerKind::Identity)
    }),
    Operation::new(&["identity", "stop_gradient", "StopGradient"], &["x"], |call| {
        call.site.same_shape(LayerKind::Identity)
    }),
    Operation::new(&["transpose", "compat.v1.transpose", "Transpose"], &["x", "axes"], transpose),
    Operation::new(&["__operators__.getitem", "GetItem"], &["x", "key"], item),
];

fn concatenate(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let axis = call.site.axis("axis", call.value(1, "axis")?)?;
    call.tensors(0)?;
    call.site.concatenated(axis)
}

fn reshape(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let value = call.value(1, "newshape")?;
    let lengths = value.as_array().map(Vec::as_slice).unwrap_or_default();
    match lengths.split_first() {
        // What is left for the batch is the batch: the others have as many elements as a sample.
        Some((batch, rest))
            if matches!(batch.as_i64(), Some(-1))
                || batch.is_null() && !rest.contains(&json!(-1)) =>
        {
            call.site.reshaped("newshape", value, rest)
        }
        _ => Err(call.refuse("newshape", shown(value))),
    }
}

fn transpose(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let value = call.value(1, "axes")?;
    let axes = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let count = axes.len() as i64;
    let own = |axis: &Value| {
        let axis = axis.as_i64()?;
        usize::try_from(if axis < 0 { axis + count } else { axis }).ok()
    };
    let axes: Option<Vec<usize>> = axes.iter().map(own).collect();
    match axes.as_deref() {
        Some([0, rest @ ..]) if rest.iter().all(|axis| *axis > 0) => {
            call.site.moved(vec![Layout::Permute(rest.iter().map(|axis| axis - 1).collect())])
        }
        _ => Err(call.refuse("axes", shown(value))),
    }
}

/// Each element so many times, one behind the other.
fn repeat(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let value = call.value(1, "repeats")?;
    let count = number(value).ok_or_else(|| call.refuse("repeats", shown(value)))?;
    let axis = call.value(2, "axis")?;
    let axis = call.site.axis("axis", axis)?;
    let mut times = vec![1; call.site.input()?.len()];
    times[axis] = count;
    call.site.moved(vec![Layout::Repeat(times)])
}

/// An axis of length 1 more.
fn expand_dims(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let mut shape = call.site.input()?.to_vec();
    shape.insert(call.new_axis(1)?, 1);
    call.site.moved(vec![Layout::Reshape(shape)])
}

/// Axes of length 1 less: those that are named.
fn squeeze(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let value = call.value(1, "axis")?;
    let axes = call.axes("axis", value)?;
    let shape = call.site.input()?;
    if axes.iter().any(|axis| shape[*axis] != 1) || axes.len() >= shape.len() {
        return Err(call.refuse("axis", shown(value)));
    }
    let left = shape.iter().enumerate().filter(|(axis, _)| !axes.contains(axis));
    let left = left.map(|(_, length)| *length).collect();
    call.site.moved(vec![Layout::Reshape(left)])
}

/// The arguments of [`resize`].
const OF_RESIZING: &[&str] = &[
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

/// An image whole times as large, as `UpSampling2D` makes it.
fn resize(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    call.only(2, "interpolation", &[json!("bilinear"), json!("nearest")])?;
    call.only(4, "data_format", &[json!("channels_last")])?;
    for (at, name) in OF_RESIZING.iter().enumerate().skip(3).filter(|(at, _)| *at != 4) {
        // What fills is not used where nothing is padded.
        if !name.starts_with("fill") {
            call.only(at, name, &[json!(false)])?;
        }
    }
    let value = call.value(1, "size")?;
    let factor = |size: &Value, length: usize| {
        number(size).filter(|size| size % length == 0).map(|size| size / length)
    };
    let factors = match (call.site.input()?, value.as_array().map(Vec::as_slice)) {
        ([rows, columns, _], Some([height, width])) => {
            factor(height, *rows).zip(factor(width, *columns))
        }
        _ => None,
    };
    let Some((height, width)) = factors else {
        let help = "supported are whole times the size of [height, width, channels]".to_owned();
        return Err(call.site.attributes.unsupported("size", value, help));
    };
    let built = call.site.moved(vec![Layout::Repeat(vec![height, width, 1])])?;
    match *call.value_or(2, "interpolation", &Value::Null)? == json!("nearest") {
        true => Ok(built),
        false => Ok(Built { kind: LayerKind::Bilinear { factors: [height, width] }, ..built }),
    }
}

/// So many elements along each axis from one on, the batch's own among them; -1 stands for all.
fn slice(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let list = |at, name| -> Result<&[Value], FrontError> {
        let value = call.value(at, name)?;
        let list = value.as_array().map(Vec::as_slice);
        list.ok_or_else(|| call.refuse(name, shown(value)))
    };
    let (begin, size) = (list(1, "begin")?, list(2, "size")?);
    let shape = call.site.input()?;
    let range = |((begin, size), length): ((&Value, &Value), &usize)| {
        let start = number(begin)?;
        let count = match size.as_i64() {
            Some(-1) => length.checked_sub(start)?,
            _ => number(size)?,
        };
        Some(AxisSlice { start, step: 1, count })
    };
    let whole = begin.first() == Some(&json!(0)) && size.first() == Some(&json!(-1));
    let axes = begin.iter().zip(size).skip(1).zip(shape);
    let ranges: Option<Vec<AxisSlice>> = axes.map(range).collect();
    match ranges {
        Some(ranges) if whole && begin.len() == size.len() => {
            call.site.moved(vec![Layout::Slice(ranges)])
        }
        _ => Err(call.refuse("size", shown(&json!(size)))),
    }
}

/// Two axes in each other's place.
fn swap_axes(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let axis = |at, name| call.site.axis(name, call.value(at, name)?);
    let (one, other) = (axis(1, "axis1")?, axis(2, "axis2")?);
    let mut axes: Vec<usize> = (0..call.site.input()?.len()).collect();
    axes.swap(one, other);
    call.site.moved(vec![Layout::Permute(axes)])
}

/// Axes in other places, all others in order around them.
fn move_axes(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let axes = |at, name| -> Result<Vec<usize>, FrontError> {
        let value = call.value(at, name)?;
        let one = std::slice::from_ref(value);
        let axes = value.as_array().map_or(one, Vec::as_slice);
        axes.iter().map(|axis| call.site.axis(name, axis)).collect()
    };
    let (from, to) = (axes(1, "source")?, axes(2, "destination")?);
    let all = 0..call.site.input()?.len();
    let mut others = all.clone().filter(|axis| !from.contains(axis));
    let axis = |at: usize| match to.iter().position(|place| *place == at) {
        Some(number) => from.get(number).copied(),
        None => others.next(),
    };
    // Axes named twice, or unequal in number, make no permutation.
    let order: Vec<usize> = all.filter_map(axis).collect();
    call.site.moved(vec![Layout::Permute(order)])
}

/// `x[:, ...]`: slices, numbers, whose axes go, new axes, and the `...` that stands for whole axes.
fn item(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let value = call.value(1, "key")?;
    let refused = || call.refuse("key", shown(value));
    let shape = call.site.input()?.to_vec();
    let one = std::slice::from_ref(value);
    let keys = spelled_out(value.as_array().map_or(one, Vec::as_slice), shape.len() + 1);
    let keys = keys.ok_or_else(refused)?;
    let (batch, keys) = keys.split_first().ok_or_else(refused)?;
    if Key::read(batch, usize::MAX) != Some(Key::Range(AxisSlice::whole(usize::MAX))) {
        return Err(refused());
    }
    let mut lengths = shape.iter();
    let mut ranges = vec![];
    let mut left = vec![];
    for key in keys {
        if key.is_null() {
            left.push(1);
            continue;
        }
        let length = lengths.next().ok_or_else(refused)?;
        match Key::read(key, *length).ok_or_else(refused)? {
            Key::Range(range) => {
                left.push(range.count);
                ranges.push(range);
            }
            Key::One(start) => ranges.push(AxisSlice { start, step: 1, count: 1 }),
        }
    }
    if left.is_empty() {
        return Err(refused());
    }
    call.site.moved(vec![Layout::Slice(ranges), Layout::Reshape(left)])
}

/// A key for each of so many axes, the batch's among them, and for each new axis; `None` if there
/// are more keys than axes. What is not said at the end, or by `...`, is all of an axis.
fn spelled_out(keys: &[Value], axes: usize) -> Option<Vec<Value>> {
    let is_rest = |key: &Value| {
        let class = key.get("class_name").and_then(Value::as_str);
        key.as_str() == Some("Ellipsis") || class == Some("__ellipsis__")
    };
    let rest = keys.iter().position(is_rest);
    let (before, after) = match rest {
        Some(at) => (&keys[..at], &keys[at + 1..]),
        None => (keys, &[][..]),
    };
    let said = before.iter().chain(after).filter(|key| !key.is_null()).count();
    let whole = json!({"start": null, "stop": null, "step": null});
    let more = std::iter::repeat_n(whole, axes.checked_sub(said)?);
    Some(before.iter().cloned().chain(more).chain(after.iter().cloned()).collect())
}

/// What is taken along one axis.
#[derive(PartialEq)]
enum Key {
    Range(AxisSlice),
    One(usize),
}

impl Key {
    /// A key as either Keras writes it, for an axis of `length` elements; `None` where it is none,
    /// or takes nothing.
    fn read(value: &Value, length: usize) -> Option<Self> {
        if let Some(number) = value.as_i64() {
            let place =
                if number < 0 { number.checked_add_unsigned(length as u64)? } else { number };
            return usize::try_from(place).ok().filter(|place| *place < length).map(Self::One);
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
            // The batch, of which all is to be taken.
            let whole = start.is_none() && stop.is_none() && step == 1;
            return whole.then_some(Self::Range(AxisSlice::whole(length)));
        }
        // As Python's `slice.indices` has it.
        let length = i64::try_from(length).ok()?;
        let (lowest, highest) = if step > 0 { (0, length) } else { (-1, length - 1) };
        let limit = |place: i64| {
            let place = if place < 0 { place.saturating_add(length) } else { place };
            place.clamp(lowest, highest)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_are_not_said_are_whole_axes() {
        let whole = json!({"start": null, "stop": null, "step": null});
        let all = |keys: Value, axes| spelled_out(keys.as_array().unwrap(), axes);
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
