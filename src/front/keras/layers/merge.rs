//! Layers that make one tensor of several.

use serde_json::{Value, json};

use super::{Built, Class, Site};
use crate::front::error::FrontError;
use crate::front::layer_problem::LayerProblem;
use crate::model::{LayerKind, Merge, broadcast};

pub(super) const CLASSES: &[Class] = &[
    ("Add", |site| merge(site, Merge::Add)),
    ("Subtract", |site| merge(site, Merge::Subtract)),
    ("Multiply", |site| merge(site, Merge::Multiply)),
    ("Maximum", |site| merge(site, Merge::Maximum)),
    ("Minimum", |site| merge(site, Merge::Minimum)),
    ("Average", |site| merge(site, Merge::Average)),
    ("Concatenate", concatenate),
    ("Dot", dot),
];

/// Two tensors or more, and two where their order matters.
fn merge(site: &mut Site<'_>, merge: Merge) -> Result<Built, FrontError> {
    let most = if merge == Merge::Subtract { 2 } else { usize::MAX };
    site.at_least_two(most)?;
    let shapes: Vec<&[usize]> = site.inputs.iter().map(Vec::as_slice).collect();
    let shape = broadcast(&shapes).ok_or_else(|| site.differ())?;
    Ok(Built { kind: LayerKind::Merge(merge), shape })
}

fn concatenate(site: &mut Site<'_>) -> Result<Built, FrontError> {
    let value = site.attributes.get("axis").cloned().unwrap_or(json!(-1));
    let axis = site.axis("axis", &value)?;
    site.concatenated(axis)
}

fn dot(site: &mut Site<'_>) -> Result<Built, FrontError> {
    site.attributes.only("normalize", &[json!(false)])?;
    site.at_least_two(2)?;
    let value = site.attributes.get("axes").ok_or_else(|| site.attributes.missing("axes"))?;
    let axes = match value.as_array().map(Vec::as_slice) {
        None => [value, value],
        Some([one, other]) => [one, other],
        Some(_) => return Err(site.attributes.malformed("axes", value, "one axis or two")),
    };
    let axes = [0, 1].map(|at| site.axis_of("axes", axes[at], &site.inputs[at]));
    let [one, other] = axes;
    let axes = [one?, other?];
    let [x, y] = [0, 1].map(|at| &site.inputs[at]);
    if x[axes[0]] != y[axes[1]] {
        return Err(site.differ());
    }
    let rest = |shape: &[usize], axis: usize| -> Vec<usize> {
        shape.iter().enumerate().filter(|(at, _)| *at != axis).map(|(_, length)| *length).collect()
    };
    let mut shape = [rest(x, axes[0]), rest(y, axes[1])].concat();
    if shape.is_empty() {
        shape.push(1);
    }
    site.check_size(&shape)?;
    Ok(Built { kind: LayerKind::Dot { axes }, shape })
}

impl Site<'_> {
    /// Refuses fewer than two inputs, and more than `most`.
    fn at_least_two(&self, most: usize) -> Result<(), FrontError> {
        match self.inputs.len() {
            found if found < 2 || found > most => {
                Err(self.owner.wrong(LayerProblem::Inputs { expected: 2, found }))
            }
            _ => Ok(()),
        }
    }

    pub(in crate::front::keras) fn differ(&self) -> FrontError {
        let shapes: Vec<_> = self.inputs.iter().map(|shape| format!("{shape:?}")).collect();
        self.owner.wrong(LayerProblem::Shapes { shapes: shapes.join(" and ") })
    }

    /// An axis of the first input's samples, stated with the batch axis counted.
    pub(in crate::front::keras) fn axis(
        &self,
        name: &str,
        value: &Value,
    ) -> Result<usize, FrontError> {
        match self.inputs.first() {
            Some(shape) => self.axis_of(name, value, shape),
            None => Err(self.owner.wrong(LayerProblem::Inputs { expected: 2, found: 0 })),
        }
    }

    fn axis_of(&self, name: &str, value: &Value, shape: &[usize]) -> Result<usize, FrontError> {
        let axes = shape.len() as i64;
        let axis = value.as_i64().map(|axis| if axis < 0 { axis + axes } else { axis - 1 });
        let axis = axis.filter(|axis| (0..axes).contains(axis));
        axis.and_then(|axis| usize::try_from(axis).ok())
            .ok_or_else(|| self.attributes.malformed(name, value, "an axis of its samples"))
    }

    /// The inputs one behind the other along `axis`.
    pub(in crate::front::keras) fn concatenated(&self, axis: usize) -> Result<Built, FrontError> {
        let Some((first, others)) = self.inputs.split_first() else {
            return Err(self.owner.wrong(LayerProblem::Inputs { expected: 2, found: 0 }));
        };
        let mut shape = first.clone();
        for other in others {
            let alike = other.len() == shape.len()
                && (0..shape.len()).all(|at| at == axis || shape[at] == other[at]);
            if !alike {
                return Err(self.differ());
            }
            shape[axis] = shape[axis].saturating_add(other[axis]);
        }
        self.check_size(&shape)?;
        Ok(Built { kind: LayerKind::Concatenate { axis }, shape })
    }
}
