//! Layers with several inputs: element-wise functions, concatenation, dot products.

use serde_json::{Value, json};

use super::{Built, Class, LayerReader, check_size};
use crate::front::error::FrontError;

use crate::model::{LayerKind, Merge, broadcast};

pub(super) const CLASSES: &[Class] = &[
    ("Add", |layer| merge(layer, Merge::Add)),
    ("Subtract", |layer| merge(layer, Merge::Subtract)),
    ("Multiply", |layer| merge(layer, Merge::Multiply)),
    ("Maximum", |layer| merge(layer, Merge::Maximum)),
    ("Minimum", |layer| merge(layer, Merge::Minimum)),
    ("Average", |layer| merge(layer, Merge::Average)),
    ("Concatenate", concatenate),
    ("Dot", dot),
];

/// An element-wise function of two tensors or more; Subtract takes exactly two.
fn merge(layer: &mut LayerReader<'_>, merge: Merge) -> Result<Built, FrontError> {
    let most = if merge == Merge::Subtract { 2 } else { usize::MAX };
    layer.at_least_two(most)?;
    let shapes: Vec<&[usize]> = layer.inputs.iter().map(Vec::as_slice).collect();
    let shape = broadcast(&shapes).ok_or_else(|| layer.incompatible_shapes())?;
    Ok(Built { kind: LayerKind::Merge(merge), shape })
}

fn concatenate(layer: &mut LayerReader<'_>) -> Result<Built, FrontError> {
    let value = layer.attributes.get("axis").cloned().unwrap_or(json!(-1));
    let axis = layer.axis("axis", &value)?;
    layer.concatenated(axis)
}

fn dot(layer: &mut LayerReader<'_>) -> Result<Built, FrontError> {
    layer.attributes.only("normalize", &[json!(false)])?;
    layer.at_least_two(2)?;
    let value = layer.attributes.require("axes")?;
    let axes = match value.as_array().map(Vec::as_slice) {
        None => [value, value],
        Some([one, other]) => [one, other],
        Some(_) => return Err(layer.attributes.malformed("axes", value, "one axis or two")),
    };
    let axes = [0, 1].map(|at| layer.axis_of("axes", axes[at], &layer.inputs[at]));
    let [one, other] = axes;
    let axes = [one?, other?];
    let [x, y] = [0, 1].map(|at| &layer.inputs[at]);
    if x[axes[0]] != y[axes[1]] {
        return Err(layer.incompatible_shapes());
    }
    let rest = |shape: &[usize], axis: usize| -> Vec<usize> {
        shape.iter().enumerate().filter(|(at, _)| *at != axis).map(|(_, length)| *length).collect()
    };
    let mut shape = [rest(x, axes[0]), rest(y, axes[1])].concat();
    if shape.is_empty() {
        shape.push(1);
    }
    check_size(layer.owner, &shape)?;
    Ok(Built { kind: LayerKind::Dot { axes }, shape })
}

impl LayerReader<'_> {
    /// Rejects fewer than two inputs, and more than `most`.
    fn at_least_two(&self, most: usize) -> Result<(), FrontError> {
        match self.inputs.len() {
            found if found < 2 || found > most => Err(self.wrong_inputs(2)),
            _ => Ok(()),
        }
    }

    /// Reads an axis of the first input's samples. Axes in the file include the batch.
    pub(in crate::front::keras) fn axis(
        &self,
        name: &str,
        value: &Value,
    ) -> Result<usize, FrontError> {
        match self.inputs.first() {
            Some(shape) => self.axis_of(name, value, shape),
            None => Err(self.wrong_inputs(2)),
        }
    }

    fn axis_of(&self, name: &str, value: &Value, shape: &[usize]) -> Result<usize, FrontError> {
        let axes = shape.len() as i64;
        let axis = value.as_i64().map(|axis| if axis < 0 { axis + axes } else { axis - 1 });
        let axis = axis.filter(|axis| (0..axes).contains(axis));
        axis.and_then(|axis| usize::try_from(axis).ok())
            .ok_or_else(|| self.attributes.malformed(name, value, "an axis of its samples"))
    }

    /// Returns a layer that concatenates its inputs along `axis`.
    pub(in crate::front::keras) fn concatenated(&self, axis: usize) -> Result<Built, FrontError> {
        let Some((first, others)) = self.inputs.split_first() else {
            return Err(self.wrong_inputs(2));
        };
        let mut shape = first.clone();
        for other in others {
            let alike = other.len() == shape.len()
                && (0..shape.len()).all(|at| at == axis || shape[at] == other[at]);
            if !alike {
                return Err(self.incompatible_shapes());
            }
            shape[axis] = shape[axis].saturating_add(other[axis]);
        }
        check_size(self.owner, &shape)?;
        Ok(Built { kind: LayerKind::Concatenate { axis }, shape })
    }
}
