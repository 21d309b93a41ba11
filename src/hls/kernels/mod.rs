//! The kernels: one file for each operation, or for those that share a body.

mod affine;
mod clamp;
mod convert;
mod leaky;
mod linear;
mod merge;
mod moves;
mod pool;
mod powers;
mod scale;
mod softmax;
mod steps;

use serde::Serialize;

pub use affine::{Affine, Offsets};
pub use clamp::Clamp;
pub use convert::Convert;
pub use leaky::{Leaky, Slopes};
pub use linear::{Linear, MovedSums, Products, Shifts, Signs, Terms, Windows, Xnor};
pub use merge::Merge;
pub use moves::{Concat, Gather, Part};
pub use pool::Pool;
pub use powers::{Down, FactorSigns, Factors, Numbers, Places, Powers, SignCodes};
pub use scale::Scale;
pub use softmax::Softmax;
pub use steps::{Search, Steps, Table};

use super::build::{Builder, Site};
use super::schedule::Outer;
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
    /// The largest or the sum of windows.
    Pool(Pool),
    /// Elements in other places.
    Gather(Gather),
    /// Arrays one behind the other.
    Concat(Concat),
    /// Elements of several arrays.
    Merge(Merge),
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
            Body::Pool(pool) => pool.window.windows() * pool.window.taps() * pool.channels,
            Body::Gather(gather) => gather.places.len(),
            Body::Concat(concat) => concat.rows * concat.columns,
            Body::Merge(merge) => merge.elements,
        };
        count as u64
    }

    /// Constants that the unrolled kernel reads all at once.
    pub fn constants_read_at_once(&self) -> Vec<ConstantId> {
        match self {
            Body::Linear(linear) => [linear.matrices(), linear.vectors()].concat(),
            Body::Steps(steps) => steps.boundaries.into_iter().chain([steps.values]).collect(),
            Body::Affine(affine) => {
                let offsets = affine.offsets.iter().map(|offsets| offsets.constant);
                affine.scales.constants().into_iter().chain(offsets).collect()
            }
            Body::Leaky(leaky) => leaky.slopes.constants(),
            _ => Vec::new(),
        }
    }
}

impl Body {
    /// The outermost loop, which a large kernel keeps.
    pub(super) fn outer(&self) -> Outer {
        match self {
            Body::Linear(linear) if linear.blocks.is_whole() => Outer::rows(linear.rows),
            Body::Linear(linear) => Outer::blocks(linear.rows, linear.blocks),
            Body::Convert(convert) => Outer::elements(convert.elements),
            Body::Clamp(clamp) => Outer::elements(clamp.elements),
            Body::Leaky(leaky) => Outer::elements(leaky.elements),
            Body::Scale(scale) => Outer::elements(scale.elements),
            Body::Steps(steps) => Outer::elements(steps.elements),
            Body::Table(table) => Outer::elements(table.elements),
            Body::Search(search) => Outer::elements(search.elements),
            Body::Softmax(softmax) => Outer::rows(softmax.rows),
            Body::Affine(affine) => Outer::rows(affine.rows),
            Body::Pool(pool) => Outer::rows(pool.window.windows()),
            Body::Gather(gather) => Outer::elements(gather.places.len()),
            Body::Concat(concat) => Outer::rows(concat.rows),
            Body::Merge(merge) => Outer::elements(merge.elements),
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
            return Ok((Body::Affine(affine), multipliers));
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
        Op::Conv(op) => {
            let (linear, multipliers) = linear::build_windows(builder, site, op)?;
            return Ok((Body::Linear(linear), multipliers));
        }
        Op::Pool(op) => Body::Pool(pool::build(builder, site, op)?),
        Op::Gather(op) => Body::Gather(moves::gather(op)),
        Op::Concat { axis } => Body::Concat(moves::concat(site, *axis)?),
        Op::Merge(op) => Body::Merge(merge::build(builder, site, *op)?),
        Op::Input | Op::Reshape => return Err(site.broken("is no operation that computes")),
    };
    Ok((body, None))
}
