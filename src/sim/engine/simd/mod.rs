//! The only module with `unsafe`: instructions beyond the baseline of the target.
//!
//! [`Level`] is what the processor at hand offers, found at run time. [`Level::run`] compiles a safe
//! loop for each level, so that the compiler vectorises it with that level's registers. [`dot`] has
//! integer dot products and [`signs`] packs bits, by the instructions for them, which the compiler does
//! not find by itself; each has a scalar twin, and the tests compare them.

pub(in crate::sim) mod dot;
pub(in crate::sim) mod signs;
#[cfg(test)]
mod tests;

/// A loop that is compiled for each [`Level`]. It is a method of a type, not a function value, whose call
/// the compiler may leave in a function of the baseline.
pub(in crate::sim) trait Loop<Arguments> {
    /// Result of the loop.
    type Result;

    /// Runs the loop: an `#[inline(always)]` function, as are those that it calls.
    fn run(arguments: Arguments) -> Self::Result;
}

/// Instructions that a processor offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::sim) enum Level {
    /// Those that every processor of the target has.
    Baseline,
    /// x86-64 with AVX2 and POPCNT.
    Avx2,
    /// x86-64 with AVX-512 F, BW, DQ, VL and VNNI.
    Avx512,
    /// The same with VPOPCNTDQ, which counts bits.
    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "other processors lack it"))]
    Avx512Popcount,
}

impl Level {
    /// The highest level of this processor.
    pub(in crate::sim) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let has_avx2 = std::arch::is_x86_feature_detected!("avx2")
                && std::arch::is_x86_feature_detected!("popcnt");
            let has_avx512 = std::arch::is_x86_feature_detected!("avx512f")
                && std::arch::is_x86_feature_detected!("avx512bw")
                && std::arch::is_x86_feature_detected!("avx512dq")
                && std::arch::is_x86_feature_detected!("avx512vl")
                && std::arch::is_x86_feature_detected!("avx512vnni");
            if has_avx2 && has_avx512 {
                return match std::arch::is_x86_feature_detected!("avx512vpopcntdq") {
                    true => Self::Avx512Popcount,
                    false => Self::Avx512,
                };
            }
            if has_avx2 {
                return Self::Avx2;
            }
        }
        Self::Baseline
    }

    /// The levels up to this one, which the processor offers as well.
    #[cfg(test)]
    pub(in crate::sim) fn all() -> impl Iterator<Item = Self> {
        let highest = Self::detect();
        let all = [Self::Baseline, Self::Avx2, Self::Avx512, Self::Avx512Popcount];
        all.into_iter().filter(move |it| *it <= highest)
    }

    /// Runs a loop, compiled with the instructions of this level.
    #[inline]
    pub(in crate::sim) fn run<A, L: Loop<A>>(self, _: L, arguments: A) -> L::Result {
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx2")]
            fn with_avx2<A, L: Loop<A>>(arguments: A) -> L::Result {
                L::run(arguments)
            }
            #[target_feature(enable = "avx2,avx512f,avx512bw,avx512dq,avx512vl")]
            fn with_avx512<A, L: Loop<A>>(arguments: A) -> L::Result {
                L::run(arguments)
            }
            match self {
                // SAFETY: `detect` gives a level above the baseline only where the processor has its
                // features, and nothing else makes one.
                Self::Avx512 | Self::Avx512Popcount => {
                    return unsafe { with_avx512::<A, L>(arguments) };
                }
                // SAFETY: as above.
                Self::Avx2 => return unsafe { with_avx2::<A, L>(arguments) },
                Self::Baseline => {}
            }
        }
        L::run(arguments)
    }
}
