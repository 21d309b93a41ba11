//! Codes from -1 to 1 as bits, for dot products that count them.

use super::Level;

/// Codes of a group.
pub(in crate::sim) const GROUP: usize = u32::BITS as usize;

/// A group of codes from -1 to 1, a bit each, the first one in the lowest bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub(in crate::sim) struct Signs {
    /// Codes of -1.
    pub(super) negative: u32,
    /// Codes other than 0.
    pub(super) nonzero: u32,
}

/// Packs `codes` into `groups`. Bits after the last code are those of 0.
///
/// # Panics
/// Unless there is a group for every [`GROUP`] codes or part of them.
pub(in crate::sim) fn pack(level: Level, codes: &[i8], groups: &mut [Signs]) {
    assert_eq!(groups.len(), codes.len().div_ceil(GROUP), "a group for its codes");
    match level {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the processor has the features of its level.
        Level::Avx512 | Level::Avx512Popcount => unsafe { x86::pack512(codes, groups) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Level::Avx2 => unsafe { x86::pack256(codes, groups) },
        _ => scalar(codes, groups),
    }
}

/// See [`pack`]; the definition of the others.
fn scalar(codes: &[i8], groups: &mut [Signs]) {
    for (group, codes) in groups.iter_mut().zip(codes.chunks(GROUP)) {
        *group = Signs::default();
        for (at, code) in codes.iter().enumerate() {
            group.negative |= u32::from(*code < 0) << at;
            group.nonzero |= u32::from(*code != 0) << at;
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{GROUP, Signs};

    /// See [`super::pack`].
    #[target_feature(enable = "avx512bw,avx512vl")]
    pub(super) fn pack512(codes: &[i8], groups: &mut [Signs]) {
        for (group, codes) in groups.iter_mut().zip(codes.chunks(GROUP)) {
            let mask = u32::MAX >> (GROUP - codes.len());
            // SAFETY: the mask excludes what is not in the chunk.
            let codes = unsafe { _mm256_maskz_loadu_epi8(mask, codes.as_ptr()) };
            *group = Signs {
                negative: _mm256_movepi8_mask(codes),
                nonzero: _mm256_test_epi8_mask(codes, codes),
            };
        }
    }

    /// See [`super::pack`].
    #[target_feature(enable = "avx2")]
    pub(super) fn pack256(codes: &[i8], groups: &mut [Signs]) {
        let (whole, rest) = codes.as_chunks::<GROUP>();
        for (group, codes) in groups.iter_mut().zip(whole) {
            *group = signs(codes);
        }
        if let Some(last) = groups.get_mut(whole.len()) {
            let mut codes = [0; GROUP];
            codes[..rest.len()].copy_from_slice(rest);
            *last = signs(&codes);
        }
    }

    /// The bits of a whole group.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn signs(codes: &[i8; GROUP]) -> Signs {
        // SAFETY: the array has the bytes of a register.
        let codes = unsafe { _mm256_loadu_si256(codes.as_ptr().cast()) };
        let zeros = _mm256_cmpeq_epi8(codes, _mm256_setzero_si256());
        Signs {
            negative: _mm256_movemask_epi8(codes).cast_unsigned(),
            nonzero: !_mm256_movemask_epi8(zeros).cast_unsigned(),
        }
    }
}
