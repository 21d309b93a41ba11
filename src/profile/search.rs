//! The search for the fewest bits: from one width for all variables, bit by bit to a width for each.
//!
//! Every step is measured by a trial, and the number of trials is limited. The search knows nothing
//! of networks, so that it is tested on functions; it is the same on every machine.

use super::ProfileError;
use super::trial::Accuracy;

/// The narrowest width that is tried.
pub(super) const NARROWEST: u32 = 2;
/// The widest one. Tables of functions have operands of at most 16 bits, sums of 64-bit words are
/// several times as fast as wider ones.
pub(super) const WIDEST: u32 = 24;
/// Bits above the narrowest common width at which variables start to lose bits: one that matters
/// keeps them, so that others may lose more.
const HEADROOM: u32 = 2;

/// Share of the mean square error that is left if an integer bit is worth giving up: other samples
/// may saturate more.
const WORTH: f64 = 0.9;

/// Width and integer bits of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bits {
    pub width: u32,
    pub integer: i32,
}

/// A trial of one [`Bits`] per variable; `None` if the network cannot be built with them.
pub(super) type Trial<'t> = dyn FnMut(&[Bits]) -> Result<Option<Accuracy>, ProfileError> + 't;

/// Trials so far, up to a limit.
pub(super) struct Search<'t> {
    trial: &'t mut Trial<'t>,
    /// Trials so far.
    pub trials: usize,
    limit: usize,
}

impl<'t> Search<'t> {
    pub fn new(trial: &'t mut Trial<'t>, limit: usize) -> Self {
        Self { trial, trials: 0, limit }
    }

    fn measure(&mut self, bits: &[Bits]) -> Result<Option<Accuracy>, ProfileError> {
        self.trials += 1;
        (self.trial)(bits)
    }

    fn is_exhausted(&self) -> bool {
        self.trials >= self.limit
    }

    /// The bits of fewest that `accept` admits, near a minimum: variable i has `counts[i]` values and
    /// at first `integers[i]` integer bits. An error holds the accuracy of [`WIDEST`] bits if even
    /// those are not admitted.
    pub fn fewest(
        &mut self,
        integers: &[i32],
        counts: &[u64],
        accept: impl Fn(&Accuracy) -> bool,
    ) -> Result<Result<Vec<Bits>, Option<Accuracy>>, ProfileError> {
        let uniform = |width: u32| -> Vec<Bits> {
            integers.iter().map(|integer| Bits { width, integer: *integer }).collect()
        };
        let is_admitted = |accuracy: &Option<Accuracy>| accuracy.as_ref().is_some_and(&accept);
        // The widest type that the network can be built with is the best that there is.
        let mut best = None;
        let mut high = None;
        for width in (NARROWEST..=WIDEST).rev().step_by(4) {
            let accuracy = self.measure(&uniform(width))?;
            best = best.or(accuracy);
            match (is_admitted(&accuracy), high) {
                (true, _) => high = Some(width),
                (false, Some(_)) => break,
                (false, None) => {}
            }
        }
        let Some(mut width) = high else { return Ok(Err(best)) };
        while width > NARROWEST {
            let accuracy = self.measure(&uniform(width - 1))?;
            if !is_admitted(&accuracy) {
                break;
            }
            width -= 1;
        }
        let narrow = uniform(width);
        let start = uniform((width + HEADROOM).min(WIDEST));
        let start = if is_admitted(&self.measure(&start)?) { start } else { narrow.clone() };
        let bits = self.narrowed(start, counts, &is_admitted)?;
        let total = |bits: &[Bits]| -> u64 {
            bits.iter().zip(counts).map(|(bits, count)| u64::from(bits.width) * count).sum()
        };
        let other = if total(&bits) <= total(&narrow) {
            bits
        } else {
            self.narrowed(narrow, counts, &is_admitted)?
        };
        Ok(Ok(other))
    }

    /// `bits`, of which each loses a bit in turn, those with the most values first, as long as the
    /// result is admitted.
    fn narrowed(
        &mut self,
        mut bits: Vec<Bits>,
        counts: &[u64],
        is_admitted: &impl Fn(&Option<Accuracy>) -> bool,
    ) -> Result<Vec<Bits>, ProfileError> {
        let mut open: Vec<usize> = (0..bits.len()).collect();
        open.sort_by_key(|at| std::cmp::Reverse(counts[*at]));
        while !open.is_empty() {
            let mut still = Vec::new();
            for at in open {
                if self.is_exhausted() {
                    return Ok(bits);
                }
                if bits[at].width <= NARROWEST {
                    continue;
                }
                bits[at].width -= 1;
                if is_admitted(&self.measure(&bits)?) {
                    still.push(at);
                } else {
                    bits[at].width += 1;
                }
            }
            open = still;
        }
        Ok(bits)
    }

    /// `width` bits for each variable, with the integer bits that give the least mean square error:
    /// fewer of them saturate some values and round all others less.
    pub fn of_width(
        &mut self,
        integers: &[i32],
        width: u32,
    ) -> Result<Option<Vec<Bits>>, ProfileError> {
        let bits = integers.iter().map(|integer| Bits { width, integer: *integer });
        let mut bits: Vec<Bits> = bits.collect();
        let Some(mut best) = self.measure(&bits)? else { return Ok(None) };
        for at in 0..bits.len() {
            while !self.is_exhausted() {
                bits[at].integer -= 1;
                match self.measure(&bits)? {
                    Some(accuracy) if accuracy.mean_square < best.mean_square * WORTH => {
                        best = accuracy;
                    }
                    Some(_) | None => {
                        bits[at].integer += 1;
                        break;
                    }
                }
            }
        }
        Ok(Some(bits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Outcome = Result<(), Box<dyn std::error::Error>>;

    fn accuracy(max_error: f64) -> Accuracy {
        Accuracy {
            samples: 1,
            max_error,
            mean_error: max_error,
            mean_square: max_error * max_error,
            decisions: 0,
            disagreements: 0,
        }
    }

    /// The error of a sum: variable i adds `weights[i]` LSB.
    fn sum_error(weights: &[f64], bits: &[Bits]) -> Option<Accuracy> {
        let lsb = |it: &Bits| f64::powi(2.0, it.integer - it.width as i32);
        Some(accuracy(weights.iter().zip(bits).map(|(weight, it)| weight * lsb(it)).sum()))
    }

    #[test]
    fn a_variable_that_matters_less_gets_fewer_bits() -> Outcome {
        let weights = [1.0, 64.0, 1.0 / 64.0];
        let mut trial = |bits: &[Bits]| Ok(sum_error(&weights, bits));
        let mut search = Search::new(&mut trial, 300);
        let found = search.fewest(&[1, 1, 1], &[10, 10, 10], |it| it.max_error <= 0.01)?;
        let found = found.map_err(|_| "not reached")?;
        let reached = sum_error(&weights, &found).ok_or("no error")?.max_error;
        assert!(reached <= 0.01);
        let widths: Vec<u32> = found.iter().map(|bits| bits.width).collect();
        assert!(widths[1] > widths[0] && widths[0] > widths[2], "{widths:?}");
        // No variable can lose a bit.
        for at in 0..3 {
            let mut fewer = found.clone();
            fewer[at].width -= 1;
            assert!(sum_error(&weights, &fewer).ok_or("no error")?.max_error > 0.01);
        }
        assert!(search.trials < 60);
        Ok(())
    }

    #[test]
    fn an_error_out_of_reach_is_stated() -> Outcome {
        let mut trial = |_: &[Bits]| Ok(Some(accuracy(0.25)));
        let found = Search::new(&mut trial, 300).fewest(&[1], &[1], |it| it.max_error < 0.1)?;
        assert_eq!(found, Err(Some(accuracy(0.25))));
        // Tables end at 16 bits: wider types cannot be built.
        let weights = [1.0];
        let mut trial =
            |bits: &[Bits]| Ok(sum_error(&weights, bits).filter(|_| bits[0].width <= 16));
        let found = Search::new(&mut trial, 300).fewest(&[1], &[1], |it| it.max_error < 0.01)?;
        assert_eq!(found, Ok(vec![Bits { width: 8, integer: 1 }]));
        Ok(())
    }

    #[test]
    fn the_number_of_trials_is_limited() -> Outcome {
        let weights = [1.0; 100];
        let mut trial = |bits: &[Bits]| Ok(sum_error(&weights, bits));
        let mut search = Search::new(&mut trial, 50);
        let found = search.fewest(&[0; 100], &[1; 100], |it| it.max_error <= 0.01)?;
        let found = found.map_err(|_| "not reached")?;
        assert!(sum_error(&weights, &found).ok_or("no error")?.max_error <= 0.01);
        assert!(search.trials <= 51);
        Ok(())
    }

    #[test]
    fn integer_bits_are_given_up_where_that_pays() -> Outcome {
        // Saturation costs nothing down to 1 integer bit of the first variable.
        let mut trial = |bits: &[Bits]| {
            let cost = |it: &Bits, least: i32| f64::from((it.integer - least).abs());
            Ok(Some(accuracy(cost(&bits[0], 1) + cost(&bits[1], 4))))
        };
        let found = Search::new(&mut trial, 300).of_width(&[3, 4], 8)?;
        let expected = [Bits { width: 8, integer: 1 }, Bits { width: 8, integer: 4 }];
        assert_eq!(found.as_deref(), Some(&expected[..]));
        Ok(())
    }
}
