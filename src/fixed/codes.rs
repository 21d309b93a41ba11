//! Tensors of codes.

use std::borrow::Cow;
use std::ops::{BitAnd, Shl, Shr};

use ndarray::{ArrayD, ArrayViewD, Axis, IxDyn};
use num_bigint::BigInt;
use num_traits::{ToPrimitive, Zero};

use super::{Format, Range, code_value};

/// An integer type for arithmetic on codes: `i64` if every format is narrow enough, else [`BigInt`].
pub trait Word:
    Clone
    + Ord
    + num_traits::Num
    + num_integer::Average
    + std::ops::Neg<Output = Self>
    + Send
    + Sync
    + 'static
{
    /// Integer type for the intermediate results of a cast.
    #[doc(hidden)]
    type Wide: Wide;
    /// Maximum dropped bits of a cast: dropping more gives the same.
    #[doc(hidden)]
    const MAX_DROP: u32;

    /// True if every code of `format` fits.
    fn holds(format: Format) -> bool;
    /// The number as a `BigInt`.
    fn to_big(&self) -> BigInt;
    /// The number from a `BigInt`; `None` if it does not fit.
    fn from_big(big: &BigInt) -> Option<Self>;
    /// The number times 2^`bits`. The caller ensures that the result fits.
    #[must_use]
    fn shifted_left(&self, bits: u32) -> Self;
    /// Adds `a` · `b`; correct if the complete sum fits, even if a partial sum does not.
    fn add_product(&mut self, a: &Self, b: &Self);
    /// The codes of a tensor in this type; `None` if one does not fit.
    fn view(codes: &Codes) -> Option<Cow<'_, ArrayD<Self>>>;
    #[doc(hidden)]
    fn widened(&self) -> Self::Wide;
    /// The caller ensures that the number fits.
    #[doc(hidden)]
    fn narrowed(wide: Self::Wide) -> Self;
}

/// An integer type for the intermediate results of a cast.
#[doc(hidden)]
pub trait Wide:
    Clone
    + Ord
    + num_traits::Num
    + Shl<u32, Output = Self>
    + Shr<u32, Output = Self>
    + BitAnd<Output = Self>
    + std::fmt::Debug
{
}

impl Wide for i32 {}
impl Wide for i64 {}
impl Wide for i128 {}
impl Wide for BigInt {}

impl Word for i64 {
    // A narrow target is at most 64 bits wide, so a code shifted left by its width fits.
    type Wide = i128;
    // Then the magnitude, at most 2^63, is below half an LSB.
    const MAX_DROP: u32 = 65;

    fn holds(format: Format) -> bool {
        format.is_narrow()
    }
    fn to_big(&self) -> BigInt {
        BigInt::from(*self)
    }
    fn from_big(big: &BigInt) -> Option<Self> {
        big.to_i64()
    }
    fn shifted_left(&self, bits: u32) -> Self {
        // Only 0 still fits after a shift by 64 bits or more.
        self.checked_shl(bits).unwrap_or(0)
    }
    fn add_product(&mut self, a: &Self, b: &Self) {
        // Two's complement: intermediate wraps cancel if the sum fits.
        *self = self.wrapping_add(a.wrapping_mul(*b));
    }
    fn view(codes: &Codes) -> Option<Cow<'_, ArrayD<Self>>> {
        match codes {
            Codes::Narrow(array) => Some(Cow::Borrowed(array)),
            Codes::Wide(array) => narrowed(array).map(Cow::Owned),
        }
    }
    #[inline]
    fn widened(&self) -> i128 {
        (*self).into()
    }
    #[inline]
    fn narrowed(wide: i128) -> Self {
        wide as i64
    }
}

impl Word for BigInt {
    type Wide = Self;
    const MAX_DROP: u32 = u32::MAX;

    fn holds(_: Format) -> bool {
        true
    }
    fn to_big(&self) -> BigInt {
        self.clone()
    }
    fn from_big(big: &BigInt) -> Option<Self> {
        Some(big.clone())
    }
    fn shifted_left(&self, bits: u32) -> Self {
        self << bits
    }
    fn add_product(&mut self, a: &Self, b: &Self) {
        *self += a * b;
    }
    fn view(codes: &Codes) -> Option<Cow<'_, ArrayD<Self>>> {
        Some(match codes {
            Codes::Wide(array) => Cow::Borrowed(array),
            Codes::Narrow(array) => Cow::Owned(array.mapv(BigInt::from)),
        })
    }
    fn widened(&self) -> Self {
        self.clone()
    }
    fn narrowed(wide: Self) -> Self {
        wide
    }
}

/// The codes in 64 bits; `None` if one does not fit.
fn narrowed(codes: &ArrayD<BigInt>) -> Option<ArrayD<i64>> {
    let narrow: Option<Vec<i64>> = codes.iter().map(BigInt::to_i64).collect();
    ArrayD::from_shape_vec(codes.raw_dim(), narrow?).ok()
}

/// A tensor of codes, stored as its format requires.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Codes {
    /// Every code fits 64 bits.
    Narrow(ArrayD<i64>),
    /// Some code needs more than 64 bits.
    Wide(ArrayD<BigInt>),
}

impl Codes {
    /// `codes`, stored narrow if all of them fit.
    pub fn from_big(codes: ArrayD<BigInt>) -> Self {
        narrowed(&codes).map_or(Self::Wide(codes), Self::Narrow)
    }

    /// The exact codes of `values` with `fraction` fractional bits; `None` if a value is no multiple of the
    /// LSB or not finite.
    pub fn from_values(values: &ArrayViewD<'_, f64>, fraction: i32) -> Option<Self> {
        let codes: Option<Vec<BigInt>> =
            values.iter().map(|v| super::exact_code(*v, fraction)).collect();
        ArrayD::from_shape_vec(values.raw_dim(), codes?).ok().map(Self::from_big)
    }

    /// The shape.
    pub fn shape(&self) -> &[usize] {
        match self {
            Self::Narrow(a) => a.shape(),
            Self::Wide(a) => a.shape(),
        }
    }

    /// Number of codes.
    pub fn len(&self) -> usize {
        self.shape().iter().product()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The codes in row-major order, each as a big integer.
    pub fn iter(&self) -> Box<dyn Iterator<Item = BigInt> + '_> {
        match self {
            Self::Narrow(a) => Box::new(a.iter().map(|c| BigInt::from(*c))),
            Self::Wide(a) => Box::new(a.iter().cloned()),
        }
    }

    /// The code at `index` in row-major order.
    pub fn get(&self, index: usize) -> Option<BigInt> {
        match self {
            // Contiguous in the standard layout, which all codes are stored in.
            Self::Narrow(a) => a.as_slice()?.get(index).map(|c| BigInt::from(*c)),
            Self::Wide(a) => a.as_slice()?.get(index).cloned(),
        }
    }

    /// The range of the codes; `None` if there are none.
    pub fn range(&self) -> Option<Range> {
        match self {
            Self::Narrow(a) => Some(Range::new(*a.iter().min()?, *a.iter().max()?)),
            Self::Wide(a) => Some(Range::new(a.iter().min()?.clone(), a.iter().max()?.clone())),
        }
    }

    /// The codes at `samples` of the first axis.
    ///
    /// # Panics
    /// If there are fewer.
    pub fn samples(&self, samples: std::ops::Range<usize>) -> Self {
        fn part<T: Clone>(codes: &ArrayD<T>, samples: std::ops::Range<usize>) -> ArrayD<T> {
            codes.slice_axis(Axis(0), samples.into()).to_owned()
        }
        match self {
            Self::Narrow(codes) => Self::Narrow(part(codes, samples)),
            // The part may be narrow.
            Self::Wide(codes) => Self::from_big(part(codes, samples)),
        }
    }

    /// Appends samples, which the first axis counts.
    ///
    /// # Panics
    /// If the samples differ in shape.
    pub fn append(&mut self, samples: Self) {
        match (&mut *self, samples) {
            (Self::Narrow(codes), Self::Narrow(more)) => append(codes, &more),
            (Self::Wide(codes), Self::Wide(more)) => append(codes, &more),
            (Self::Wide(codes), Self::Narrow(more)) => append(codes, &more.mapv(BigInt::from)),
            (Self::Narrow(codes), Self::Wide(more)) => {
                let mut wide = codes.mapv(BigInt::from);
                append(&mut wide, &more);
                *self = Self::Wide(wide);
            }
        }
    }

    /// The codes in another shape; `None` if the number of elements differs.
    pub fn reshaped(self, shape: &[usize]) -> Option<Self> {
        let shape = IxDyn(shape);
        match self {
            Self::Narrow(a) => a.into_shape_with_order(shape).ok().map(Self::Narrow),
            Self::Wide(a) => a.into_shape_with_order(shape).ok().map(Self::Wide),
        }
    }

    /// The codes with their axes permuted to the order `axes`.
    ///
    /// # Panics
    /// If `axes` is no permutation.
    pub fn permuted(self, axes: &[usize]) -> Self {
        fn permuted<T: Clone>(codes: ArrayD<T>, axes: &[usize]) -> ArrayD<T> {
            codes.permuted_axes(IxDyn(axes)).as_standard_layout().into_owned()
        }
        match self {
            Self::Narrow(codes) => Self::Narrow(permuted(codes, axes)),
            Self::Wide(codes) => Self::Wide(permuted(codes, axes)),
        }
    }

    /// The parts at `indices` along the first axis.
    ///
    /// # Panics
    /// If there is no such part.
    pub fn selected(&self, indices: &[usize]) -> Self {
        match self {
            Self::Narrow(codes) => Self::Narrow(codes.select(Axis(0), indices)),
            Self::Wide(codes) => Self::Wide(codes.select(Axis(0), indices)),
        }
    }

    /// The parts at `indices` along the first axis; zeros for `None`.
    ///
    /// # Panics
    /// If there is no such part.
    pub fn selected_or_zero(&self, indices: &[Option<usize>]) -> Self {
        fn selected<T: Clone + Zero>(codes: &ArrayD<T>, indices: &[Option<usize>]) -> ArrayD<T> {
            let mut shape = codes.shape().to_vec();
            shape[0] = indices.len();
            let mut all = ArrayD::zeros(shape);
            for (mut part, index) in all.outer_iter_mut().zip(indices) {
                if let Some(index) = index {
                    part.assign(&codes.index_axis(Axis(0), *index));
                }
            }
            all
        }
        match self {
            Self::Narrow(codes) => Self::Narrow(selected(codes, indices)),
            Self::Wide(codes) => Self::Wide(selected(codes, indices)),
        }
    }

    /// The part of each sample at `index` along the axis after that of the samples.
    ///
    /// # Panics
    /// If there is no such part.
    pub fn row(&self, index: usize) -> Self {
        match self {
            Self::Narrow(codes) => Self::Narrow(codes.index_axis(Axis(1), index).to_owned()),
            Self::Wide(codes) => Self::from_big(codes.index_axis(Axis(1), index).to_owned()),
        }
    }

    /// The codes as those of one sample, so many times.
    pub fn repeated(&self, samples: usize) -> Self {
        fn repeated<T: Clone>(codes: &ArrayD<T>, samples: usize) -> ArrayD<T> {
            let shape: Vec<usize> =
                std::iter::once(samples).chain(codes.shape().iter().copied()).collect();
            codes.broadcast(IxDyn(&shape)).expect("an axis is added").to_owned()
        }
        match self {
            Self::Narrow(codes) => Self::Narrow(repeated(codes, samples)),
            Self::Wide(codes) => Self::Wide(repeated(codes, samples)),
        }
    }

    /// The values: each code times the LSB of `format`. Exact up to 53 significant bits.
    pub fn to_values(&self, format: Format) -> ArrayD<f64> {
        let fraction = format.fractional_bits();
        match self {
            Self::Narrow(a) => a.mapv(|c| libm::ldexp(c as f64, -fraction)),
            Self::Wide(a) => a.map(|c| code_value(c, fraction)),
        }
    }
}

fn append<T: Clone>(codes: &mut ArrayD<T>, more: &ArrayD<T>) {
    codes.append(Axis(0), more.view()).expect("samples of one tensor have one shape");
}

#[cfg(test)]
mod tests {
    use ndarray::array;
    use num_traits::One;

    use super::*;

    fn wide() -> ArrayD<BigInt> {
        array![BigInt::one() << 70, BigInt::from(-1)].into_dyn()
    }

    #[test]
    fn storage_follows_the_numbers() {
        let narrow = Codes::from_big(array![BigInt::from(i64::MIN), BigInt::from(3)].into_dyn());
        assert_eq!(narrow, Codes::Narrow(array![i64::MIN, 3].into_dyn()));
        assert_eq!(Codes::from_big(wide()), Codes::Wide(wide()));
    }

    #[test]
    fn only_multiples_of_the_lsb_have_codes() {
        let codes = |values: [f64; 2], fraction| {
            Codes::from_values(&array![values[0], values[1]].into_dyn().view(), fraction)
        };
        assert_eq!(codes([0.5, -1.25], 2), Some(Codes::Narrow(array![2, -5].into_dyn())));
        assert_eq!(codes([0.5, -1.25], 1), None);
        assert_eq!(codes([0.5, f64::NAN], 2), None);
    }

    #[test]
    fn parts_are_selected_or_zero() {
        let codes = Codes::Narrow(array![[1, 2], [3, 4]].into_dyn());
        let selected = codes.selected_or_zero(&[Some(1), None, Some(0)]);
        assert_eq!(selected, Codes::Narrow(array![[3, 4], [0, 0], [1, 2]].into_dyn()));
        let selected = Codes::Wide(wide()).selected_or_zero(&[None, Some(0)]);
        let expected = array![BigInt::ZERO, BigInt::one() << 70].into_dyn();
        assert_eq!(selected, Codes::Wide(expected));
    }

    #[test]
    fn values_come_back() {
        let codes = Codes::Narrow(array![[2, -5]].into_dyn());
        assert_eq!(codes.to_values("fixed<8,6>".parse().unwrap()), array![[0.5, -1.25]].into_dyn());
        let format = "fixed<80,80>".parse().unwrap();
        assert_eq!(Codes::Wide(wide()).to_values(format), array![70f64.exp2(), -1.0].into_dyn());
    }

    #[test]
    fn shape_range_and_order() {
        let codes = Codes::Narrow(array![[4, -2, 0], [1, 9, 3]].into_dyn());
        assert_eq!((codes.shape(), codes.len(), codes.is_empty()), (&[2, 3][..], 6, false));
        assert_eq!(codes.range(), Some(Range::new(-2, 9)));
        assert_eq!(
            codes.iter().map(|c| c.to_i64().unwrap()).collect::<Vec<_>>(),
            [4, -2, 0, 1, 9, 3]
        );
        let flat = codes.clone().reshaped(&[6]).unwrap();
        assert_eq!(flat, Codes::Narrow(array![4, -2, 0, 1, 9, 3].into_dyn()));
        assert_eq!(codes.reshaped(&[5]), None);

        let empty = Codes::Narrow(ArrayD::zeros(vec![0, 3]));
        assert!(empty.is_empty() && empty.range().is_none());
        let big = Codes::Wide(wide());
        assert_eq!(big.range(), Some(Range::new(-1, BigInt::one() << 70)));
        assert_eq!(big.iter().collect::<Vec<_>>(), wide().into_iter().collect::<Vec<_>>());
        assert_eq!(big.reshaped(&[2, 1]).unwrap().shape(), [2, 1]);
    }

    #[test]
    fn views_in_either_word() {
        let (narrow, big) = (Codes::Narrow(array![1, -2].into_dyn()), Codes::Wide(wide()));
        assert_eq!(i64::view(&narrow).unwrap().as_slice(), Some(&[1, -2][..]));
        assert!(i64::view(&big).is_none());
        assert_eq!(BigInt::view(&narrow).unwrap().sum(), BigInt::from(-1));
        assert_eq!(BigInt::view(&big).unwrap().into_owned(), wide());
        let small = Codes::Wide(array![BigInt::from(7)].into_dyn());
        assert_eq!(i64::view(&small).unwrap().as_slice(), Some(&[7][..]));
    }

    #[test]
    fn words_convert_where_they_fit() {
        assert_eq!(i64::from_big(&BigInt::from(i64::MAX)), Some(i64::MAX));
        assert_eq!(i64::from_big(&(BigInt::one() << 63)), None);
        assert_eq!(BigInt::from_big(&(BigInt::one() << 63)), Some(BigInt::one() << 63));
        assert_eq!((-3i64).shifted_left(4), -48);
        assert_eq!(BigInt::from(-3).shifted_left(70), BigInt::from(-3) << 70);
        assert_eq!((-3i64).to_big(), BigInt::from(-3));
    }
}
