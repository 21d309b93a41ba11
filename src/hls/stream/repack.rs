//! Tokens of one size to tokens of another.

use serde::Serialize;

use crate::hls::plan::gcd;

/// The elements of tokens of one size, in their order, in tokens of another.
///
/// Elements wait in a shift register. An iteration reads a token if too few elements wait, and
/// writes one if enough do, so that all it takes is an iteration for each of the smaller tokens.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Repack {
    /// Elements of a token that is read.
    pub from: usize,
    /// Elements of a token that is written.
    pub to: usize,
    /// Elements of a sample, a multiple of both.
    pub elements: usize,
}

impl Repack {
    /// The greatest common divisor of both sizes: the number of waiting elements is a multiple of it.
    pub fn unit(&self) -> usize {
        gcd(self.from, self.to)
    }

    /// Elements that wait at most.
    pub fn registers(&self) -> usize {
        self.from + self.to - self.unit()
    }

    /// Iterations for a sample.
    pub fn iterations(&self) -> usize {
        self.elements / self.from.min(self.to).max(1)
    }

    /// The iterations of a sample: the reads and the writes of each.
    pub(super) fn steps(self) -> impl Iterator<Item = (bool, bool)> {
        let mut waiting = 0;
        (0..self.iterations()).map(move |_| {
            let reads = waiting < self.to;
            waiting += if reads { self.from } else { 0 };
            let writes = waiting >= self.to;
            waiting -= if writes { self.to } else { 0 };
            (reads, writes)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Every element is read and written once, no element waits longer than it must, and no more
        /// elements wait than there are registers for.
        #[test]
        fn elements_wait_for_a_token_at_most(
            from in 1_usize..20,
            to in 1_usize..20,
            times in 1_usize..4,
        ) {
            let elements = times * from * to / gcd(from, to);
            let repack = Repack { from, to, elements };
            let (mut read, mut written, mut most) = (0, 0, 0);
            for (reads, writes) in repack.steps() {
                read += if reads { from } else { 0 };
                most = most.max(read - written);
                prop_assert!(most <= repack.registers());
                prop_assert_eq!(writes, read - written >= to);
                written += if writes { to } else { 0 };
            }
            prop_assert_eq!((read, written), (elements, elements));
        }
    }

    #[test]
    fn sizes_without_a_common_divisor_need_the_most_registers() {
        let repack = |from, to| Repack { from, to, elements: 24 };
        assert_eq!([repack(3, 8), repack(8, 3)].map(|it| it.registers()), [10, 10]);
        assert_eq!([repack(4, 8), repack(8, 4)].map(|it| it.registers()), [8, 8]);
        assert_eq!([repack(3, 8), repack(8, 3)].map(|it| it.iterations()), [8, 8]);
        let steps: Vec<(bool, bool)> = repack(12, 4).steps().collect();
        let (both, write) = ((true, true), (false, true));
        assert_eq!(steps, [both, write, write, both, write, write]);
    }
}
