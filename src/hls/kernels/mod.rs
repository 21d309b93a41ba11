//! The kernels: one file for each operation, or for those that share a body.

mod affine;
mod clamp;
mod convert;
mod layout;
mod leaky;
mod linear;
mod merge;
mod pool;
mod powers;
mod scale;
mod softmax;
mod steps;

use serde::Serialize;

pub use affine::{Affine, Offsets};
pub use clamp::Clamp;
pub use convert::Convert;
pub use layout::{Concat, Gather, Part};
pub use leaky::{Leaky, Slopes};
pub use linear::{Linear, MovedSums, Products, Shifts, Signs, Terms, Windows, Xnor};
pub use merge::Merge;
pub use pool::Pool;
pub use powers::{Down, FactorSigns, Factors, Numbers, Places, Powers, SignCodes};
pub use scale::Scale;
pub use softmax::Softmax;
pub use steps::{Search, Steps, Table};

use super::build::{Builder, Site};
use super::schedule::Nest;
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
    /// Comparisons with thresholds.
    Steps(Steps),
    /// One entry for each code that makes a difference.
    Table(Table),
    /// Thresholds halved.
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
    /// Its constants, but for tables: those are memories.
    pub(super) fn constants(&self) -> Vec<ConstantId> {
        match self {
            Body::Linear(linear) => [linear.matrices(), linear.vectors()].concat(),
            Body::Steps(steps) => steps.thresholds.into_iter().chain([steps.values]).collect(),
            Body::Affine(affine) => {
                let offsets = affine.offsets.iter().map(|offsets| offsets.constant);
                affine.scales.constants().into_iter().chain(offsets).collect()
            }
            Body::Leaky(leaky) => leaky.slopes.constants(),
            Body::Scale(scale) => scale.factor.constants(),
            _ => Vec::new(),
        }
    }
}

impl Body {
    /// How many elements of one bank of the operand, which is split into `banks` memories, an
    /// iteration reads where `depth` loops stay.
    pub(super) fn reads_of_a_bank(&self, depth: usize, banks: u64) -> u64 {
        let elements = match self {
            Body::Pool(pool) => return pool.reads_of_a_bank(depth),
            Body::Linear(linear) => match &linear.windows {
                // Blocks read a window that was filled before.
                Some(_) if !linear.blocks.is_whole() => 1,
                Some(windows) => windows.len(),
                None => linear.block_inputs(),
            },
            Body::Affine(affine) if depth == 1 => affine.channels,
            Body::Softmax(softmax) if depth == 1 => softmax.columns,
            Body::Concat(concat) if depth == 1 => concat.columns,
            _ => 1,
        };
        (elements as u64).div_ceil(banks.max(1))
    }

    /// Its loops.
    pub(super) fn nest(&self) -> Nest {
        match self {
            Body::Linear(linear) => linear.nest(),
            Body::Convert(convert) => Nest::new(&[convert.elements]),
            Body::Clamp(clamp) => Nest::new(&[clamp.elements]),
            Body::Leaky(leaky) => Nest::new(&[leaky.elements]),
            Body::Scale(scale) => Nest::new(&[scale.elements]),
            Body::Steps(steps) => Nest::new(&[steps.elements, steps.comparisons]),
            Body::Table(table) => Nest::new(&[table.elements]),
            Body::Search(search) => Nest::new(&[search.elements, search.levels as usize]),
            // The largest element, then exponentials, then probabilities.
            Body::Softmax(softmax) => Nest::new(&[softmax.rows, softmax.columns]).sequence(3),
            Body::Affine(affine) => Nest::new(&[affine.rows, affine.channels]),
            Body::Pool(pool) => pool.nest(),
            Body::Gather(gather) => Nest::new(&[gather.places.len()]),
            Body::Concat(concat) => Nest::new(&[concat.rows, concat.columns]),
            Body::Merge(merge) => Nest::new(&[merge.elements]),
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
        Op::Cast(_) => Body::Convert(Convert { elements: site.node.tensor.len() }),
        Op::Clamp(op) => Body::Clamp(clamp::build(builder, site, &op.low, &op.high)?),
        Op::Leaky(op) => {
            let (leaky, multipliers) = leaky::build(builder, site, op)?;
            return Ok((Body::Leaky(leaky), multipliers));
        }
        Op::Scale(op) => Body::Scale(scale::build(builder, site, op.power)?),
        Op::StepFunction(op) => steps::build(builder, site, op)?,
        Op::Softmax(op) => Body::Softmax(softmax::build(builder, site, op)?),
        Op::Conv(op) => {
            let (linear, multipliers) = linear::build_windows(builder, site, op)?;
            return Ok((Body::Linear(linear), multipliers));
        }
        Op::Pool(op) => Body::Pool(pool::build(builder, site, op)?),
        Op::Gather(op) => Body::Gather(layout::gather(op)),
        Op::Concat(op) => Body::Concat(layout::concat(site, op.axis)?),
        Op::Elementwise(op) => Body::Merge(merge::build(builder, site, *op)?),
        Op::Input(_) | Op::Reshape(_) => return Err(site.broken("is no operation that computes")),
    };
    Ok((body, None))
}
