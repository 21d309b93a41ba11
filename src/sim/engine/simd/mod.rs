//! The only module with `unsafe`: instructions beyond the baseline of the target.
//!
//! [`Level`] is what the processor at hand offers, found at run time. [`Level::run`] compiles a safe
//! loop for each level, so that the compiler vectorises it with that level's registers. [`dot`] has
//! integer dot products by the instructions for them, which the compiler does not find by itself; each
//! has a scalar twin, and the tests compare them.

pub(in crate::sim) mod dot;
#[cfg(test)]
mod tests;

/// Instructions that a processor offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::sim) enum Level {
    /// Those that every processor of the target has.
    Baseline,
    /// x86-64 with AVX2.
    Avx2,
    /// x86-64 with AVX-512 F, BW, DQ, VL and VNNI.
    Avx512,
}

impl Level {
    /// The highest level of this processor.
    pub(in crate::sim) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let has_avx2 = std::arch::is_x86_feature_detected!("avx2");
            let has_avx512 = std::arch::is_x86_feature_detected!("avx512f")
                && std::arch::is_x86_feature_detected!("avx512bw")
                && std::arch::is_x86_feature_detected!("avx512dq")
                && std::arch::is_x86_feature_detected!("avx512vl")
                && std::arch::is_x86_feature_detected!("avx512vnni");
            if has_avx2 && has_avx512 {
                return Self::Avx512;
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
        [Self::Baseline, Self::Avx2, Self::Avx512].into_iter().filter(move |it| *it <= highest)
    }

    /// Calls `work`, compiled with the instructions of this level. `work` is a function with
    /// `#[inline(always)]`, down to its loops: a closure, or a function that is called, has those of the
    /// baseline.
    #[inline]
    pub(in crate::sim) fn run<A, R>(self, work: impl FnOnce(A) -> R, arguments: A) -> R {
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx2")]
            fn with_avx2<A, R>(work: impl FnOnce(A) -> R, arguments: A) -> R {
                work(arguments)
            }
            #[target_feature(enable = "avx2,avx512f,avx512bw,avx512dq,avx512vl")]
            fn with_avx512<A, R>(work: impl FnOnce(A) -> R, arguments: A) -> R {
                work(arguments)
            }
            match self {
                // SAFETY: `detect` gives a level above the baseline only where the processor has its
                // features, and nothing else makes one.
                Self::Avx512 => return unsafe { with_avx512(work, arguments) },
                // SAFETY: as above.
                Self::Avx2 => return unsafe { with_avx2(work, arguments) },
                Self::Baseline => {}
            }
        }
        work(arguments)
    }
}
