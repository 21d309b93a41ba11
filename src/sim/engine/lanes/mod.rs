//! Steps that compute in lanes: a [`Source`] gives the codes of some rows in `i32` or `i64`, the
//! [`Stages`] of the operations after it change them in place, and the result is stored in its own
//! type. A few thousand codes at a time stay in the first cache from the source to the result.

pub(super) mod dot;
pub(super) mod elements;
mod geometry;
mod image;
mod line;
mod stages;
mod thresholds;
pub(super) mod windows;

use std::ops::Range as Span;

use num_bigint::BigInt;
use num_traits::{AsPrimitive, Bounded, WrappingAdd, WrappingMul, WrappingShl, WrappingSub};

use super::kernel::{Kernel, Scratch};
use super::simd::{Level, Loop};
use super::storage::{Buffer, Stored, Width, wide, with_elements};
use crate::fixed::{Range, Wide};
use crate::ir::{Graph, NodeId, Op, Tensor};
use stages::Stages;

/// Codes that a step has in lanes at a time.
const CHUNK: usize = 2048;

/// Fewest rows of a chunk: dot products share weights among rows.
const CHUNK_ROWS: usize = 24;

/// An integer type to compute in.
pub(super) trait Lane:
    Stored
    + Wide
    + Bounded
    + WrappingAdd
    + WrappingMul
    + WrappingSub
    + WrappingShl
    + Into<BigInt>
    + AsPrimitive<f32>
    + AsPrimitive<i8>
    + AsPrimitive<i16>
{
    /// Bits of the type.
    const BITS: u32;

    /// The code in a lane, modulo 2^bits.
    fn of(code: i64) -> Self;

    /// The memory for lanes of this type.
    fn lanes(scratch: &mut Scratch) -> &mut Vec<Self>;

    /// The lanes as `i32`, if they are.
    fn as_i32(lanes: &mut [Self]) -> Option<&mut [i32]>;

    /// True if every code of `range` fits.
    fn holds(range: &Range) -> bool {
        Range::new(Self::min_value(), Self::max_value()).contains(range)
    }
}

impl Lane for i32 {
    const BITS: u32 = Self::BITS;

    #[inline(always)]
    fn of(code: i64) -> Self {
        code as i32
    }

    fn lanes(scratch: &mut Scratch) -> &mut Vec<Self> {
        &mut scratch.lanes32
    }

    fn as_i32(lanes: &mut [Self]) -> Option<&mut [i32]> {
        Some(lanes)
    }
}

impl Lane for i64 {
    const BITS: u32 = Self::BITS;

    #[inline(always)]
    fn of(code: i64) -> Self {
        code
    }

    fn lanes(scratch: &mut Scratch) -> &mut Vec<Self> {
        &mut scratch.lanes64
    }

    fn as_i32(_: &mut [Self]) -> Option<&mut [i32]> {
        None
    }
}

/// The codes that a step starts from.
pub(super) trait Source<T>: Send + Sync {
    /// Readies `scratch` for the samples of a block.
    fn prepare(&self, _operands: &[&Buffer], _samples: usize, _scratch: &mut Scratch) {}

    /// Computes the rows `rows` of the results of all samples.
    fn fill(&self, operands: &[&Buffer], scratch: &mut Scratch, rows: Span<usize>, y: &mut [T]);

    /// A few words on the algorithm, for a table of times.
    fn algorithm(&self) -> String;

    /// See [`Kernel::macs`].
    fn macs(&self) -> usize {
        0
    }
}

/// A source and the stages after it.
struct Fused<T: Lane> {
    level: Level,
    source: Box<dyn Source<T>>,
    stages: Stages<T>,
    /// Elements of a row, its channels.
    channels: usize,
}

impl<T: Lane> Kernel for Fused<T> {
    fn run(
        &self,
        operands: &[&Buffer],
        result: &mut Buffer,
        samples: usize,
        scratch: &mut Scratch,
    ) -> Option<()> {
        self.source.prepare(operands, samples, scratch);
        let mut lanes = std::mem::take(T::lanes(scratch));
        with_elements!(result, all => {
            let rows = all.len() / self.channels;
            let chunk = (CHUNK / self.channels).max(CHUNK_ROWS);
            for first in (0..rows).step_by(chunk) {
                let rows = first..rows.min(first + chunk);
                let results = &mut all[rows.start * self.channels..rows.end * self.channels];
                lanes.resize(results.len(), T::zero());
                self.source.fill(operands, scratch, rows, &mut lanes);
                self.level.run(Apply, (&self.stages, &mut lanes[..]));
                self.level.run(Store, (&lanes[..], results));
            }
        }, _ => return None);
        *T::lanes(scratch) = lanes;
        Some(())
    }

    fn macs(&self) -> usize {
        self.source.macs()
    }

    fn algorithm(&self) -> String {
        let lanes = if T::BITS == 32 { "" } else { ", in 64 bits" };
        format!("{}{}{lanes}", self.source.algorithm(), self.stages.describe())
    }
}

/// `y = join(y, x)`, element by element of slices of one length.
#[inline(always)]
fn zip<S: Stored, T: Lane>(y: &mut [T], x: &[S], join: impl Fn(T, T) -> T) {
    debug_assert_eq!(y.len(), x.len(), "operands of one length");
    for (y, x) in y.iter_mut().zip(x) {
        *y = join(*y, T::of(wide(*x)));
    }
}

/// The stages of the lanes.
struct Apply;

impl<T: Lane> Loop<(&Stages<T>, &mut [T])> for Apply {
    type Result = ();

    #[inline(always)]
    fn run((stages, lanes): (&Stages<T>, &mut [T])) {
        stages.apply(lanes);
    }
}

/// Lanes as they are stored.
struct Store;

impl<T: AsPrimitive<S>, S: Copy + 'static> Loop<(&[T], &mut [S])> for Store {
    type Result = ();

    #[inline(always)]
    fn run((lanes, results): (&[T], &mut [S])) {
        for (result, code) in results.iter_mut().zip(lanes) {
            *result = code.as_();
        }
    }
}

/// A step in lanes for the first nodes of `chain`, and the number of these nodes; `None` if the first
/// one does not compute in lanes of 64 bits. Narrow lanes are taken where they fuse as many nodes.
pub(super) fn compile(graph: &Graph, chain: &[NodeId]) -> Option<(Box<dyn Kernel>, usize)> {
    let level = Level::detect();
    let narrow = fused::<i32>(graph, chain, level);
    match narrow {
        Some((kernel, nodes)) if nodes == chain.len() => Some((Box::new(kernel), nodes)),
        narrow => match (narrow, fused::<i64>(graph, chain, level)) {
            (Some((kernel, nodes)), other) if other.as_ref().is_none_or(|it| it.1 <= nodes) => {
                Some((Box::new(kernel), nodes))
            }
            (_, other) => other.map(|(kernel, nodes)| (Box::new(kernel) as Box<dyn Kernel>, nodes)),
        },
    }
}

fn fused<T: Lane>(graph: &Graph, chain: &[NodeId], level: Level) -> Option<(Fused<T>, usize)> {
    let node = chain[0];
    let operands = graph.operands(node);
    let operands: Vec<&Tensor> = operands.iter().map(|id| &graph[*id].tensor).collect();
    if operands.iter().any(|x| Width::of(&x.range()) == Width::Big) {
        return None;
    }
    // The first operation gives the codes, or is the first stage after its operand's.
    let (source, start, from) =
        match source::<T>(&graph[node].op, &operands, &graph[node].tensor, level) {
            Some(source) => (source, &graph[node].tensor, 1),
            None => {
                let [x] = operands[..] else { return None };
                let source: Box<dyn Source<T>> = Box::new(elements::Load { level });
                (source, x, 0)
            }
        };
    let (stages, fused) = Stages::compile(graph, start, &chain[from..]);
    let nodes = from + fused;
    // A selection alone is faster on codes as they are stored.
    if fused == 0 && matches!(graph[node].op, Op::Gather(_)) {
        return None;
    }
    // The rows are those of the source: a later change of shape moves no element.
    let channels = start.channel_count();
    (nodes > 0).then_some((Fused { level, source, stages, channels }, nodes))
}

/// The source of the result of `op`, if it computes its codes in lanes from several ones; `None` for
/// an operation on single elements, and where `T` does not hold the codes.
fn source<T: Lane>(
    op: &Op,
    operands: &[&Tensor],
    result: &Tensor,
    level: Level,
) -> Option<Box<dyn Source<T>>> {
    if !T::holds(&result.range()) {
        return None;
    }
    let x = *operands.first()?;
    Some(match op {
        Op::Linear(linear) => Box::new(dot::Dot::linear(linear, x, result, level)?),
        Op::Conv(conv) => match windows::Depthwise::new(conv, x, level) {
            Some(depthwise) => Box::new(depthwise),
            None => Box::new(dot::Dot::conv(conv, x, result, level)?),
        },
        Op::Pool(pool) => Box::new(windows::Pooling::new(pool, x, level)),
        Op::Elementwise(merge) => {
            Box::new(elements::Merge::new::<T>(*merge, operands, result, level)?)
        }
        Op::Lookup(lookup) => Box::new(elements::Rows::new(lookup)?),
        Op::Gather(gather) => Box::new(elements::Slice::new(gather, x, level)?),
        Op::Input(_)
        | Op::Affine(_)
        | Op::Cast(_)
        | Op::Clamp(_)
        | Op::Leaky(_)
        | Op::Scale(_)
        | Op::StepFunction(_)
        | Op::Softmax(_)
        | Op::Reshape(_)
        | Op::Concat(_)
        | Op::Scan(_) => return None,
    })
}
