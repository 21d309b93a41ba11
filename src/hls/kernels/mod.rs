//! The kernels: one file for each operation, or for those that share a body.

mod affine;
mod clamp;
mod convert;
mod leaky;
mod linear;
mod scale;
mod softmax;
mod steps;

use serde::Serialize;

pub use affine::{Affine, Factors};
pub use clamp::Clamp;
pub use convert::Convert;
pub use leaky::{Leaky, Slopes};
pub use linear::{
    Down, Linear, MovedSums, Places, Products, Shifts, SignCodes, Signs, Terms, Xnor,
};
pub use scale::Scale;
pub use softmax::Softmax;
pub use steps::{Search, Steps, Table};

use super::build::{Builder, Site};
use super::{ConstantId, HlsError, Multipliers};
use crate::ir::Op;

/// What a kernel computes. The templates print these and decide nothing.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Body {
    /// Sums of products.
    Linear(Linear),
    /// A factor and a summand for each channel.
    Affine(Affine),
    /// A type for another.
    Convert(Convert),
    /// Limits.
    Clamp(Clamp),
    /// A leaky ReLU.
    Leaky(Leaky),
    /// A factor that is a power of two.
    Scale(Scale),
    /// Comparisons with boundaries.
    Steps(Steps),
    /// One entry for each code that makes a difference.
    Table(Table),
    /// Boundaries halved.
    Search(Search),
    /// Softmax by tables.
    Softmax(Softmax),
}

impl Body {
    /// How many copies of its innermost statement the unrolled kernel has.
    pub fn unrolled(&self) -> u64 {
        let count = match self {
            Body::Linear(linear) => linear.rows * linear.inputs * linear.outputs,
            Body::Affine(affine) => affine.rows * affine.channels,
            Body::Convert(convert) => convert.elements,
            Body::Clamp(clamp) => clamp.elements,
            Body::Leaky(leaky) => leaky.elements,
            Body::Scale(scale) => scale.elements,
            Body::Steps(steps) => steps.elements * steps.comparisons,
            Body::Table(table) => table.elements,
            Body::Search(search) => search.elements * search.levels as usize,
            Body::Softmax(softmax) => softmax.rows * softmax.columns,
        };
        count as u64
    }

    /// Constants that the unrolled kernel reads all at once.
    pub fn constants_read_at_once(&self) -> Vec<ConstantId> {
        match self {
            Body::Linear(linear) => linear.constants(),
            Body::Steps(steps) => steps.boundaries.into_iter().chain([steps.values]).collect(),
            Body::Affine(affine) => {
                let factors = std::iter::once(affine.scales).chain(affine.offsets);
                factors.map(|factors| factors.constant).collect()
            }
            Body::Leaky(leaky) => vec![leaky.slopes],
            _ => Vec::new(),
        }
    }
}

/// The kernel that computes `op`.
pub(super) fn build(
    builder: &mut Builder<'_>,
    site: &Site<'_>,
    op: &Op,
) -> Result<(Body, Option<Multipliers>), HlsError> {
    let body = match op {
        Op::Linear(op) => {
            let (linear, multipliers) = linear::build(builder, site, op)?;
            return Ok((Body::Linear(linear), multipliers));
        }
        Op::Affine(op) => {
            let (affine, multipliers) = affine::build(builder, site, op)?;
            return Ok((Body::Affine(affine), Some(multipliers)));
        }
        Op::Cast { .. } => Body::Convert(Convert { elements: site.node.tensor.len() }),
        Op::Clamp { low, high } => Body::Clamp(clamp::build(builder, site, low, high)?),
        Op::Leaky(op) => {
            let (leaky, multipliers) = leaky::build(builder, site, op)?;
            return Ok((Body::Leaky(leaky), multipliers));
        }
        Op::Scale { power } => Body::Scale(scale::build(builder, site, *power)?),
        Op::Steps(op) => steps::build(builder, site, op)?,
        Op::Softmax(op) => Body::Softmax(softmax::build(builder, site, op)?),
        Op::Input | Op::Reshape => return Err(site.broken("is no operation that computes")),
    };
    Ok((body, None))
}
