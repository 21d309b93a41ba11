//! Operations that take a tensor apart, whose results are a list, and the one that puts it together.

use serde_json::{Value, json};

use super::{Call, Operation};
use crate::front::error::FrontError;
use crate::front::keras::attributes::shown;
use crate::front::keras::layers::Built;
use crate::front::layer_problem::LayerProblem;
use crate::model::{AxisSlice, LayerKind, Layout};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::of_several(&["split"], &["x", "num_or_size_splits", "axis", "num"], split_by_size),
    Operation::of_several(&["Split"], &["x", "indices_or_sections", "axis"], split_at),
    Operation::of_several(&["unstack", "Unstack"], &["x", "num", "axis"], unstack),
    Operation::new(&["stack", "Stack"], &["xs", "axis"], stack),
];

/// `tf.split`: so many parts of one length, or parts of these lengths, one of which may be -1.
fn split_by_size(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let axis = call.axis(2)?;
    let value = call.value(1, "num_or_size_splits")?;
    let refused = || call.refuse("num_or_size_splits", shown(value));
    let Some(sizes) = value.as_array() else {
        return equal_parts(call, axis, "num_or_size_splits", value);
    };
    call.only(3, "num", &[json!(sizes.len())])?;
    let whole = call.site.input()?[axis];
    let known = sizes.iter().filter_map(Value::as_u64).try_fold(0_u64, u64::checked_add);
    let rest = (whole as u64).checked_sub(known.ok_or_else(refused)?).ok_or_else(refused)?;
    let is_rest = |size: &Value| size.as_i64() == Some(-1);
    let rests = sizes.iter().filter(|size| is_rest(size)).count();
    if rests > 1 || rests == 0 && rest > 0 {
        return Err(refused());
    }
    let mut ends = Vec::with_capacity(sizes.len());
    let mut end = 0_usize;
    for size in sizes {
        let size = if is_rest(size) { Some(rest) } else { size.as_u64() };
        let size = size.and_then(|size| usize::try_from(size).ok()).ok_or_else(refused)?;
        end = end.saturating_add(size);
        ends.push(end);
    }
    part(call, axis, &ends)
}

/// `keras.ops.split`: so many parts of one length, or parts from one of these places to the next.
fn split_at(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let axis = call.axis(2)?;
    let value = call.value(1, "indices_or_sections")?;
    let Some(places) = value.as_array() else {
        return equal_parts(call, axis, "indices_or_sections", value);
    };
    let place = |place: &Value| place.as_u64().and_then(|place| usize::try_from(place).ok());
    let ends: Option<Vec<usize>> = places.iter().map(place).collect();
    let mut ends = ends.ok_or_else(|| call.refuse("indices_or_sections", shown(value)))?;
    ends.push(call.site.input()?[axis]);
    if !ends.is_sorted() {
        return Err(call.refuse("indices_or_sections", shown(value)));
    }
    part(call, axis, &ends)
}

/// One of so many parts of one length.
fn equal_parts(
    call: &Call<'_, '_>,
    axis: usize,
    name: &str,
    count: &Value,
) -> Result<Built, FrontError> {
    let whole = call.site.input()?[axis];
    let parts = count.as_u64().and_then(|count| usize::try_from(count).ok());
    let parts = parts.filter(|parts| *parts > 0 && whole % parts == 0);
    let parts = parts.ok_or_else(|| call.refuse(name, shown(count)))?;
    let ends: Vec<usize> = (1..=parts).map(|number| whole / parts * number).collect();
    part(call, axis, &ends)
}

/// The part that this layer gives, of those that end at these places.
fn part(call: &Call<'_, '_>, axis: usize, ends: &[usize]) -> Result<Built, FrontError> {
    let number = call.result_of(ends.len())?;
    let start = number.checked_sub(1).map_or(0, |before| ends[before]);
    let range = AxisSlice { start, step: 1, count: ends[number] - start };
    call.site.moved(vec![along(call, axis, range)?])
}

/// `range` of one axis, and the whole of all others.
fn along(call: &Call<'_, '_>, axis: usize, range: AxisSlice) -> Result<Layout, FrontError> {
    let shape = call.site.input()?;
    let mut ranges: Vec<AxisSlice> = shape.iter().map(|length| AxisSlice::whole(*length)).collect();
    ranges[axis] = range;
    Ok(Layout::Slice(ranges))
}

/// Each element along an axis by itself.
fn unstack(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    let axis = call.axis(2)?;
    let mut shape = call.site.input()?.to_vec();
    let length = shape.remove(axis);
    call.only(1, "num", &[json!(length)])?;
    if shape.is_empty() {
        let value = call.value_or(2, "axis", &Value::Null)?;
        return Err(call.refuse("axis", shown(value)));
    }
    let start = call.result_of(length)?;
    let one = along(call, axis, AxisSlice { start, step: 1, count: 1 })?;
    call.site.moved(vec![one, Layout::Reshape(shape)])
}

/// Tensors of one shape one behind the other along a new axis.
fn stack(call: &mut Call<'_, '_>) -> Result<Built, FrontError> {
    call.tensors(0)?;
    let axis = call.new_axis(1)?;
    let inputs = &call.site.inputs;
    let mut shape = inputs.first().cloned().unwrap_or_default();
    if inputs.iter().any(|other| *other != shape) {
        return Err(call.site.differ());
    }
    shape.insert(axis, inputs.len());
    call.site.check_size(&shape)?;
    Ok(Built { kind: LayerKind::Stack { axis }, shape })
}

impl Call<'_, '_> {
    /// Which of `count` results this layer gives.
    fn result_of(&self, count: usize) -> Result<usize, FrontError> {
        let number = usize::try_from(self.site.result).ok().filter(|number| *number < count);
        let taken = self.site.result;
        number.ok_or_else(|| self.site.owner.wrong(LayerProblem::Result { count, taken }))
    }
}
