//! Buffers of codes, each in the narrowest integer type that holds a tensor's proven range.

use ndarray::{ArrayD, IxDyn};
use num_bigint::BigInt;
use num_traits::{AsPrimitive, ToPrimitive};

use super::simd::{Level, Loop};
use crate::fixed::{Codes, Range};
#[cfg(debug_assertions)]
use crate::ir::Tensor;

/// An integer type that a buffer is stored in.
pub(super) trait Stored:
    Copy + Default + Ord + Send + Sync + AsPrimitive<i32> + AsPrimitive<i64> + Into<i64> + 'static
{
}

impl Stored for i8 {}
impl Stored for i16 {}
impl Stored for i32 {}
impl Stored for i64 {}

/// Integer type of the elements of a [`Buffer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Width {
    /// `i8`.
    Bits8,
    /// `i16`.
    Bits16,
    /// `i32`.
    Bits32,
    /// `i64`.
    Bits64,
    /// Big integers.
    Big,
}

impl Width {
    /// The narrowest type that holds every code of `range`.
    pub(super) fn of(range: &Range) -> Self {
        let holds = |low: i64, high: i64| Range::new(low, high).contains(range);
        if holds(i8::MIN.into(), i8::MAX.into()) {
            Self::Bits8
        } else if holds(i16::MIN.into(), i16::MAX.into()) {
            Self::Bits16
        } else if holds(i32::MIN.into(), i32::MAX.into()) {
            Self::Bits32
        } else if holds(i64::MIN, i64::MAX) {
            Self::Bits64
        } else {
            Self::Big
        }
    }

    /// Bytes of an element; a big integer is three words and a block on the heap.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::Bits8 => 1,
            Self::Bits16 => 2,
            Self::Bits32 => 4,
            Self::Bits64 => 8,
            Self::Big => 64,
        }
    }
}

/// The elements of a tensor for the samples of a block, samples first, each sample row-major.
#[derive(Clone, Debug)]
pub(super) enum Buffer {
    /// See [`Width::Bits8`].
    Bits8(Vec<i8>),
    /// See [`Width::Bits16`].
    Bits16(Vec<i16>),
    /// See [`Width::Bits32`].
    Bits32(Vec<i32>),
    /// See [`Width::Bits64`].
    Bits64(Vec<i64>),
    /// See [`Width::Big`].
    Big(Vec<BigInt>),
}

/// Evaluates `$body` with `$slice` bound to the elements of a buffer of machine integers, of
/// whichever type; `$big` for big integers.
macro_rules! with_elements {
    ($buffer:expr, $elements:ident => $body:expr, $big:pat => $other:expr) => {
        match $buffer {
            $crate::sim::engine::storage::Buffer::Bits8($elements) => $body,
            $crate::sim::engine::storage::Buffer::Bits16($elements) => $body,
            $crate::sim::engine::storage::Buffer::Bits32($elements) => $body,
            $crate::sim::engine::storage::Buffer::Bits64($elements) => $body,
            $crate::sim::engine::storage::Buffer::Big($big) => $other,
        }
    };
}

pub(super) use with_elements;

impl Buffer {
    /// An empty buffer.
    pub(super) fn new(width: Width) -> Self {
        match width {
            Width::Bits8 => Self::Bits8(Vec::new()),
            Width::Bits16 => Self::Bits16(Vec::new()),
            Width::Bits32 => Self::Bits32(Vec::new()),
            Width::Bits64 => Self::Bits64(Vec::new()),
            Width::Big => Self::Big(Vec::new()),
        }
    }

    /// Type of the elements.
    pub(super) fn width(&self) -> Width {
        match self {
            Self::Bits8(_) => Width::Bits8,
            Self::Bits16(_) => Width::Bits16,
            Self::Bits32(_) => Width::Bits32,
            Self::Bits64(_) => Width::Bits64,
            Self::Big(_) => Width::Big,
        }
    }

    /// Makes room for `len` elements, which have any values.
    pub(super) fn resize(&mut self, len: usize) {
        with_elements!(self, own => own.resize(len, 0), own => own.resize(len, BigInt::ZERO));
    }

    /// Takes the codes of `samples` of the first axis; `None` if one is outside of `range`, whose codes
    /// the buffer holds.
    pub(super) fn load(
        &mut self,
        codes: &Codes,
        samples: std::ops::Range<usize>,
        range: &Range,
    ) -> Option<()> {
        let each: usize = codes.shape()[1..].iter().product();
        let (from, count) = (samples.start * each, samples.len() * each);
        match codes {
            Codes::Narrow(array) => match array.as_slice() {
                Some(all) => self.refill(&all[from..from + count], range),
                None => {
                    let all: Vec<i64> = array.iter().skip(from).take(count).copied().collect();
                    self.refill(&all, range)
                }
            },
            Codes::Wide(array) => {
                let all = array.iter().skip(from).take(count);
                if let Self::Big(own) = self {
                    own.clear();
                    own.extend(all.cloned());
                    let is_inside = |code: &BigInt| range.low() <= code && code <= range.high();
                    return own.iter().all(is_inside).then_some(());
                }
                let narrow: Option<Vec<i64>> = all.map(ToPrimitive::to_i64).collect();
                self.refill(&narrow?, range)
            }
        }
    }

    /// As [`Self::load`], for all `codes`.
    fn refill(&mut self, codes: &[i64], range: &Range) -> Option<()> {
        let level = Level::detect();
        // A limit beyond 64 bits excludes no code.
        let low = range.low().to_i64().unwrap_or(i64::MIN);
        let high = range.high().to_i64().unwrap_or(i64::MAX);
        if !level.run(AreWithin, (codes, low, high)) {
            return None;
        }
        self.resize(codes.len());
        with_elements!(self, own => level.run(Narrow, (&mut own[..], codes)), own => {
            own.iter_mut().zip(codes).for_each(|(own, code)| *own = BigInt::from(*code));
        });
        Some(())
    }

    /// Copies runs of elements of `x`, whose codes fit.
    pub(super) fn copy(&mut self, x: &Self, runs: impl Iterator<Item = Run>) {
        match (&mut *self, x) {
            (Self::Bits8(y), Self::Bits8(x)) => copy(y, x, runs),
            (Self::Bits16(y), Self::Bits16(x)) => copy(y, x, runs),
            (Self::Bits32(y), Self::Bits32(x)) => copy(y, x, runs),
            (Self::Bits64(y), Self::Bits64(x)) => copy(y, x, runs),
            (Self::Big(y), Self::Big(x)) => {
                for Run { to, from, len } in runs {
                    y[to..to + len].clone_from_slice(&x[from..from + len]);
                }
            }
            (y, x) => with_elements!(x, x => {
                for Run { to, from, len } in runs {
                    let x = &x[from..from + len];
                    with_elements!(&mut *y,
                        y => for (y, x) in y[to..to + len].iter_mut().zip(x) { *y = wide(*x) as _; },
                        y => for (y, x) in y[to..to + len].iter_mut().zip(x) { *y = wide(*x).into(); })
                }
            }, _ => {}),
        }
    }

    /// Sets `len` elements to 0.
    pub(super) fn clear(&mut self, to: usize, len: usize) {
        with_elements!(self, y => y[to..to + len].fill(0), y => y[to..to + len].fill(BigInt::ZERO));
    }

    /// Number of elements.
    pub(super) fn len(&self) -> usize {
        with_elements!(self, own => own.len(), own => own.len())
    }

    /// The elements as codes \[samples, ..shape\]; `None` if they are not as many.
    pub(super) fn codes(&self, samples: usize, shape: &[usize]) -> Option<Codes> {
        let shape: Vec<usize> = std::iter::once(samples).chain(shape.iter().copied()).collect();
        let shape = IxDyn(&shape);
        with_elements!(self,
            own => {
                let mut codes = vec![0; own.len()];
                Level::detect().run(Widen, (&mut codes[..], &own[..]));
                ArrayD::from_shape_vec(shape, codes).ok().map(Codes::Narrow)
            },
            own => ArrayD::from_shape_vec(shape, own.clone()).ok().map(Codes::from_big)
        )
    }

    /// The first element outside of the range that is proven for it in `tensor`, whose codes the buffer
    /// holds.
    #[cfg(debug_assertions)]
    pub(super) fn outside(&self, tensor: &Tensor) -> Option<BigInt> {
        let bound = |code: &BigInt| code.to_i64().expect("the buffer holds the range");
        with_elements!(self,
            own => {
                let bounds = tensor.ranges.iter().map(|it| (bound(it.low()), bound(it.high())));
                let bounds: Vec<(i64, i64)> = bounds.collect();
                let mut all = own.iter().copied().map(wide).zip(bounds.iter().cycle());
                let found = all.find(|(code, (low, high))| !(low..=high).contains(&code));
                found.map(|(code, _)| code.into())
            },
            own => own.iter().enumerate().find_map(|(element, code)| {
                let is_inside = tensor.range_at(element).contains(&Range::point(code.clone()));
                (!is_inside).then(|| code.clone())
            })
        )
    }
}

/// Neighbouring elements that are copied.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// The first of the result.
    pub(super) to: usize,
    /// The first of the operand.
    pub(super) from: usize,
    pub(super) len: usize,
}

fn copy<S: Copy>(y: &mut [S], x: &[S], runs: impl Iterator<Item = Run>) {
    for Run { to, from, len } in runs {
        match len {
            1 => y[to] = x[from],
            _ => y[to..to + len].copy_from_slice(&x[from..from + len]),
        }
    }
}

/// A code as the widest integer type.
#[inline(always)]
pub(super) fn wide<S: Stored>(code: S) -> i64 {
    code.into()
}

/// True if all codes lie between two limits.
struct AreWithin;

impl Loop<(&[i64], i64, i64)> for AreWithin {
    type Result = bool;

    #[inline(always)]
    fn run((codes, low, high): (&[i64], i64, i64)) -> bool {
        let mut all = true;
        // All are read: a loop that ends early is not vectorised.
        for code in codes {
            all = all & (low <= *code) & (*code <= high);
        }
        all
    }
}

/// Codes as they are stored.
struct Narrow;

impl<S: Stored> Loop<(&mut [S], &[i64])> for Narrow
where
    i64: AsPrimitive<S>,
{
    type Result = ();

    #[inline(always)]
    fn run((own, codes): (&mut [S], &[i64])) {
        for (own, code) in own.iter_mut().zip(codes) {
            *own = code.as_();
        }
    }
}

/// Stored codes as the widest type.
struct Widen;

impl<S: Stored> Loop<(&mut [i64], &[S])> for Widen {
    type Result = ();

    #[inline(always)]
    fn run((wide, own): (&mut [i64], &[S])) {
        for (wide, own) in wide.iter_mut().zip(own) {
            *wide = (*own).into();
        }
    }
}
