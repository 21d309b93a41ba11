//! Where a function of codes changes.

use super::Word;

/// Each code after `low`, up to `high`, at which `f` has another value than at the code before, with
/// that value, in ascending order; `None` if there are more than `most`. Between two codes at which
/// `f` has the same value it has no other, as a monotone function has not: that is what makes
/// bisection find all.
pub(crate) fn changes<W: Word, V: Clone + PartialEq>(
    low: W,
    high: W,
    most: usize,
    f: impl Fn(&W) -> V,
) -> Option<Vec<(W, V)>> {
    let mut found = Vec::new();
    let ends = [low, high].map(|code| {
        let value = f(&code);
        (code, value)
    });
    let [low, high] = ends;
    // A stack instead of recursion: the lower half is searched first, so codes ascend.
    let mut waiting = vec![(low, high)];
    while let Some((low, high)) = waiting.pop() {
        if low.1 == high.1 {
            continue;
        }
        if low.0.clone() + W::one() == high.0 {
            if found.len() == most {
                return None;
            }
            found.push(high);
            continue;
        }
        let middle = middle(&low.0, &high.0);
        let middle = (middle.clone(), f(&middle));
        waiting.push((middle.clone(), high));
        waiting.push((low, middle));
    }
    Some(found)
}

/// A code between two that are not neighbours; nothing on the way leaves the word.
fn middle<W: Word>(low: &W, high: &W) -> W {
    let two = W::one() + W::one();
    if *low < W::zero() && *high >= W::zero() {
        (low.clone() + high.clone()) / two
    } else {
        low.clone() + (high.clone() - low.clone()) / two
    }
}

#[cfg(test)]
mod tests {
    use num_bigint::BigInt;

    use super::*;

    #[test]
    fn every_change_is_found_in_order() {
        let found = changes(-9, 7, 9, |x: &i64| x.div_euclid(4)).unwrap();
        assert_eq!(found, [(-8, -2), (-4, -1), (0, 0), (4, 1)]);
        assert_eq!(changes(-9, 7, 3, |x: &i64| x.div_euclid(4)), None);
        assert_eq!(changes(3, 3, 0, |x: &i64| *x), Some(vec![]));
        let big = changes(BigInt::from(0), BigInt::from(1) << 90, 1, |x: &BigInt| x.bits() > 80);
        assert_eq!(big, Some(vec![(BigInt::from(1) << 80, true)]));
    }

    #[test]
    fn the_whole_word_can_be_searched() {
        for at in [i64::MIN + 1, -1, 0, 1, 2, i64::MAX] {
            assert_eq!(changes(i64::MIN, i64::MAX, 1, |x| *x >= at), Some(vec![(at, true)]));
        }
    }
}
