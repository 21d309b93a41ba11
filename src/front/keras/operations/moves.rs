//! Operations that move elements.

use serde_json::{Value, json};

use super::{Call, text};
use crate::front::error::FrontError;
use crate::front::keras::architecture::Argument;
use crate::front::keras::attributes::shown;
use crate::front::keras::layers::Built;
use crate::model::{Move, Range};

pub(super) fn concatenate(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let value = call.value(1, "axis")?;
    let axis = call.site.axis("axis", value)?;
    let are_tensors = match &call.arguments[0] {
        Some(Argument::List(list)) => list.iter().all(|x| matches!(x, Argument::Tensor(_))),
        _ => false,
    };
    match (&call.arguments[0], are_tensors) {
        (_, true) => call.site.concatenated(axis),
        (Some(argument), false) => Err(call.refuse("xs", text(argument))),
        (None, false) => Err(call.site.attributes.missing("xs")),
    }
}

pub(super) fn reshape(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
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

pub(super) fn transpose(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
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
            call.site.moved(vec![Move::Permute(rest.iter().map(|axis| axis - 1).collect())])
        }
        _ => Err(call.refuse("axes", shown(value))),
    }
}

/// Zeros before and after the elements along each axis, the batch's own among them.
pub(super) fn pad(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    call.only(2, "mode", &[json!("CONSTANT"), json!("constant")])?;
    call.only(3, "constant_values", &[json!(0), json!(0.0)])?;
    let value = call.value(1, "pad_width")?;
    let pair = |value: &Value| match value.as_array().map(Vec::as_slice) {
        Some([before, after]) => Some([number(before)?, number(after)?]),
        _ => None,
    };
    let by: Option<Vec<[usize; 2]>> =
        value.as_array().and_then(|pairs| pairs.iter().map(pair).collect());
    match by.as_deref() {
        Some([[0, 0], rest @ ..]) => call.site.moved(vec![Move::Pad(rest.to_vec())]),
        _ => Err(call.refuse("pad_width", shown(value))),
    }
}

/// Each element so many times, one behind the other.
pub(super) fn repeat(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let value = call.value(1, "repeats")?;
    let count = number(value).ok_or_else(|| call.refuse("repeats", shown(value)))?;
    let axis = call.value(2, "axis")?;
    let axis = call.site.axis("axis", axis)?;
    let mut times = vec![1; call.site.input()?.len()];
    times[axis] = count;
    call.site.moved(vec![Move::Repeat(times)])
}

/// An axis of length 1 more.
pub(super) fn expand_dims(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let value = call.value(1, "axis")?;
    let mut shape = call.site.input()?.to_vec();
    // Axes of the result, the batch being the first.
    let axes = shape.len() as i64 + 2;
    let axis = value.as_i64().map(|axis| if axis < 0 { axis + axes } else { axis });
    let axis = axis.filter(|axis| (1..axes).contains(axis));
    let axis = axis.and_then(|axis| usize::try_from(axis - 1).ok());
    shape.insert(axis.ok_or_else(|| call.refuse("axis", shown(value)))?, 1);
    call.site.moved(vec![Move::Reshape(shape)])
}

/// Axes of length 1 less: those that are named.
pub(super) fn squeeze(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let value = call.value(1, "axis")?;
    let axes = call.axes("axis", value)?;
    let shape = call.site.input()?;
    if axes.iter().any(|axis| shape[*axis] != 1) || axes.len() >= shape.len() {
        return Err(call.refuse("axis", shown(value)));
    }
    let left = shape.iter().enumerate().filter(|(axis, _)| !axes.contains(axis));
    let left = left.map(|(_, length)| *length).collect();
    call.site.moved(vec![Move::Reshape(left)])
}

fn number(value: &Value) -> Option<usize> {
    value.as_u64().and_then(|number| usize::try_from(number).ok())
}

/// `x[:, ...]`: slices, and numbers, whose axes go.
pub(super) fn item(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let value = call.value(1, "key")?;
    let refused = || call.refuse("key", shown(value));
    let shape = call.site.input()?.to_vec();
    let one = std::slice::from_ref(value);
    let keys = value.as_array().map_or(one, Vec::as_slice);
    let (batch, keys) = keys.split_first().ok_or_else(refused)?;
    if Key::read(batch, usize::MAX) != Some(Key::Range(Range::whole(usize::MAX))) {
        return Err(refused());
    }
    if keys.len() > shape.len() {
        return Err(refused());
    }
    let mut ranges = vec![];
    let mut left = vec![];
    for (axis, length) in shape.iter().enumerate() {
        let key = match keys.get(axis) {
            None => Some(Key::Range(Range::whole(*length))),
            Some(key) => Key::read(key, *length),
        };
        match key.ok_or_else(refused)? {
            Key::Range(range) => {
                left.push(range.count);
                ranges.push(range);
            }
            Key::One(start) => ranges.push(Range { start, step: 1, count: 1 }),
        }
    }
    if left.is_empty() {
        return Err(refused());
    }
    call.site.moved(vec![Move::Slice(ranges), Move::Reshape(left)])
}

/// What is taken along one axis.
#[derive(PartialEq)]
enum Key {
    Range(Range),
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
            return whole.then_some(Self::Range(Range::whole(length)));
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
        Some(Self::Range(Range { start, step, count }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_python() {
        let range = |start, step, count| Some(Key::Range(Range { start, step, count }));
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
