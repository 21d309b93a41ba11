//! The search for the fewest bits: from one width for all variables, bit by bit to a width for each.
//!
//! Every step is measured by a trial, and the number of trials is limited. The search knows nothing
//! of networks, so that it is tested on functions; it is the same on every machine.

use super::ProfileError;
use super::trial::Accuracy;

/// The narrowest width that is tried.
pub(super) const NARROWEST: u32 = 2;
/// The widest one: sums of 64-bit words are several times as fast as wider ones.
pub(super) const WIDEST: u32 = 24;
/// Bits above the narrowest common width at which variables start to lose bits: one that matters
/// keeps them, so that others may lose more.
const HEADROOM: u32 = 2;

/// Share of the mean square error that is left if an integer bit is worth giving up: other samples
/// may saturate more.
const WORTH: f64 = 0.9;
/// As [`WORTH`], for what costs no arithmetic: scales per channel, corrections of biases.
pub(super) const CHEAP_WORTH: f64 = 0.99;

/// The type of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bits {
    pub width: u32,
    pub integer: i32,
    /// True for weights with a scale for each output channel.
    pub per_channel: bool,
}

/// A variable of the search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Start {
    /// Integer bits at first.
    pub integer: i32,
    /// Number of values.
    pub count: u64,
    /// True for weights that may have a scale for each output channel.
    pub has_channels: bool,
    /// The most bits that it may have.
    pub widest: u32,
}

impl Start {
    /// `width` bits, or as many as the variable may have.
    pub fn bits(&self, width: u32) -> Bits {
        Bits { width: width.min(self.widest), integer: self.integer, per_channel: false }
    }
}

/// Bits of all values.
pub(super) fn total(bits: &[Bits], start: &[Start]) -> u64 {
    bits.iter().zip(start).map(|(bits, it)| u64::from(bits.width) * it.count).sum()
}

/// A trial of one [`Bits`] per variable; `None` if the network cannot be built with them.
pub(super) type Trial<'t> = dyn FnMut(&[Bits]) -> Result<Option<Accuracy>, ProfileError> + 't;

/// The widest common width that a network can be built with, and its accuracy.
pub(super) type Widest = (u32, Accuracy);

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

    /// The bits of fewest that `accept` admits, near a minimum. An error holds the widest common width
    /// that the network can be built with, and its accuracy, if even that is not admitted.
    pub fn fewest(
        &mut self,
        start: &[Start],
        accept: impl Fn(&Accuracy) -> bool,
    ) -> Result<Result<Vec<Bits>, Option<Widest>>, ProfileError> {
        let uniform =
            |width: u32| -> Vec<Bits> { start.iter().map(|start| start.bits(width)).collect() };
        let is_admitted = |accuracy: &Option<Accuracy>| accuracy.as_ref().is_some_and(&accept);
        // The widest type that the network can be built with is the best that there is.
        let mut best = None;
        let mut high = None;
        for width in (NARROWEST..=WIDEST).rev().step_by(4) {
            let accuracy = self.measure(&uniform(width))?;
            best = best.or(accuracy.map(|accuracy| (width, accuracy)));
            match (is_admitted(&accuracy), accuracy) {
                (true, Some(accuracy)) => high = Some((width, accuracy)),
                (true, None) | (false, _) if high.is_some() => break,
                (true, None) | (false, _) => {}
            }
        }
        let Some((mut width, mut reached)) = high else { return Ok(Err(best)) };
        while width > NARROWEST {
            match self.measure(&uniform(width - 1))? {
                Some(accuracy) if accept(&accuracy) => reached = accuracy,
                Some(_) | None => break,
            }
            width -= 1;
        }
        let plain = uniform(width);
        let best = self.narrowed_from(plain.clone(), width, start, &accept)?;
        let mut scaled = self.scaled(plain, start, (reached, reached.disagreements))?;
        if scaled.iter().all(|bits| !bits.per_channel) {
            return Ok(Ok(best));
        }
        // With scales, fewer bits may do.
        while width > NARROWEST {
            let fewer = with_width(&scaled, start, width - 1);
            if !is_admitted(&self.measure(&fewer)?) {
                break;
            }
            (scaled, width) = (fewer, width - 1);
        }
        let scaled = self.narrowed_from(scaled, width, start, &accept)?;
        Ok(Ok(if total(&scaled, start) < total(&best, start) { scaled } else { best }))
    }

    /// The fewest bits near `narrow`, which has the common width `width`: from a few bits more, so that
    /// variables that matter keep them and others lose more; from `narrow` itself if that saves none.
    fn narrowed_from(
        &mut self,
        narrow: Vec<Bits>,
        width: u32,
        start: &[Start],
        accept: &impl Fn(&Accuracy) -> bool,
    ) -> Result<Vec<Bits>, ProfileError> {
        let wider = with_width(&narrow, start, (width + HEADROOM).min(WIDEST));
        let is_admitted = self.measure(&wider)?.as_ref().is_some_and(accept);
        let wider = if is_admitted { wider } else { narrow.clone() };
        let bits = self.narrowed(wider, start, accept)?;
        if total(&bits, start) <= total(&narrow, start) {
            return Ok(bits);
        }
        self.narrowed(narrow, start, accept)
    }

    /// `bits`, of which each loses a bit in turn, those with the most values first, as long as
    /// `accept` admits the result.
    pub fn narrowed(
        &mut self,
        mut bits: Vec<Bits>,
        start: &[Start],
        accept: &impl Fn(&Accuracy) -> bool,
    ) -> Result<Vec<Bits>, ProfileError> {
        let mut open: Vec<usize> = (0..bits.len()).collect();
        open.sort_by_key(|at| std::cmp::Reverse(start[*at].count));
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
                if self.measure(&bits)?.as_ref().is_some_and(accept) {
                    still.push(at);
                } else {
                    bits[at].width += 1;
                }
            }
            open = still;
        }
        Ok(bits)
    }

    /// `width` bits for each variable, with the scales and the integer bits that give the least mean
    /// square error: fewer integer bits saturate some values and round all others less.
    pub fn of_width(
        &mut self,
        start: &[Start],
        width: u32,
    ) -> Result<Option<Vec<Bits>>, ProfileError> {
        let mut bits: Vec<Bits> = start.iter().map(|start| start.bits(width)).collect();
        let Some(mut best) = self.measure(&bits)? else { return Ok(None) };
        // As many as with types of this width alone.
        let lost = best.disagreements;
        for at in 0..bits.len() {
            while !self.is_exhausted() {
                bits[at].integer -= 1;
                match self.measure(&bits)? {
                    Some(accuracy) if is_better(&accuracy, &best, WORTH, lost) => {
                        best = accuracy;
                    }
                    Some(_) | None => {
                        bits[at].integer += 1;
                        break;
                    }
                }
            }
        }
        Ok(Some(self.scaled(bits, start, (best, lost))?))
    }

    /// `bits`, whose accuracy is `reached`, with scales per channel for those weights that have a
    /// smaller error with them while no more than `lost` samples change their class.
    fn scaled(
        &mut self,
        mut bits: Vec<Bits>,
        start: &[Start],
        (mut reached, lost): (Accuracy, usize),
    ) -> Result<Vec<Bits>, ProfileError> {
        for at in 0..bits.len() {
            if !start[at].has_channels || self.is_exhausted() {
                continue;
            }
            bits[at].per_channel = true;
            match self.measure(&bits)? {
                Some(accuracy) if is_better(&accuracy, &reached, CHEAP_WORTH, lost) => {
                    reached = accuracy
                }
                Some(_) | None => bits[at].per_channel = false,
            }
        }
        Ok(bits)
    }
}

/// `bits` with another width, or as many as each variable may have.
fn with_width(bits: &[Bits], start: &[Start], width: u32) -> Vec<Bits> {
    let each = bits.iter().zip(start);
    each.map(|(bits, start)| Bits { width: width.min(start.widest), ..*bits }).collect()
}

/// True if the mean square error falls from `before` to less than the share `worth` of it, and no more
/// than `lost` samples change their class.
pub(super) fn is_better(accuracy: &Accuracy, before: &Accuracy, worth: f64, lost: usize) -> bool {
    accuracy.mean_square < before.mean_square * worth && accuracy.disagreements <= lost
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

    /// Variables with one integer bit each, without channels.
    fn starts(counts: &[u64]) -> Vec<Start> {
        let start =
            |count: &u64| Start { integer: 1, count: *count, has_channels: false, widest: WIDEST };
        counts.iter().map(start).collect()
    }

    fn bits(width: u32, integer: i32) -> Bits {
        Bits { width, integer, per_channel: false }
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
        let found = search.fewest(&starts(&[10; 3]), |it| it.max_error <= 0.01)?;
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
    fn no_class_is_given_up_for_a_smaller_square() -> Outcome {
        // With a scale the error is smaller, but a class changes.
        for (lost, scaled) in [(0, true), (1, false)] {
            let mut trial = |bits: &[Bits]| {
                let has_scale = usize::from(bits[0].per_channel);
                let error = if has_scale == 1 { 0.1 } else { 0.2 };
                Ok(Some(Accuracy { disagreements: lost * has_scale, ..accuracy(error) }))
            };
            let start = [Start { has_channels: true, ..starts(&[1])[0] }];
            let found = Search::new(&mut trial, 300).of_width(&start, 8)?.ok_or("not built")?;
            assert_eq!(found[0].per_channel, scaled);
        }
        Ok(())
    }

    #[test]
    fn a_variable_keeps_its_limit_while_the_others_widen() -> Outcome {
        let start = [Start { widest: 6, ..starts(&[1])[0] }, starts(&[1])[0]];
        let mut trial = |bits: &[Bits]| Ok(sum_error(&[1.0, 1.0], bits));
        let found = Search::new(&mut trial, 300).of_width(&start, 12)?.ok_or("not built")?;
        assert_eq!([found[0].width, found[1].width], [6, 12]);
        let found = Search::new(&mut trial, 300).fewest(&start, |it| it.max_error <= 0.05)?;
        let found = found.map_err(|_| "not reached")?;
        assert!(found[0].width <= 6 && found[1].width <= 8, "{found:?}");
        Ok(())
    }

    #[test]
    fn an_error_out_of_reach_is_stated() -> Outcome {
        let mut trial = |_: &[Bits]| Ok(Some(accuracy(0.25)));
        let found = Search::new(&mut trial, 300).fewest(&starts(&[1]), |it| it.max_error < 0.1)?;
        assert_eq!(found, Err(Some((WIDEST, accuracy(0.25)))));
        // Tables end at 16 bits: wider types cannot be built.
        let weights = [1.0];
        let mut trial =
            |bits: &[Bits]| Ok(sum_error(&weights, bits).filter(|_| bits[0].width <= 16));
        let found = Search::new(&mut trial, 300).fewest(&starts(&[1]), |it| it.max_error < 0.01)?;
        assert_eq!(found, Ok(vec![bits(8, 1)]));
        Ok(())
    }

    #[test]
    fn the_number_of_trials_is_limited() -> Outcome {
        let weights = [1.0; 100];
        let mut trial = |bits: &[Bits]| Ok(sum_error(&weights, bits));
        let mut search = Search::new(&mut trial, 50);
        let found = search.fewest(&starts(&[1; 100]), |it| it.max_error <= 0.01)?;
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
        let start = [3, 4].map(|integer| Start { integer, ..starts(&[1])[0] });
        let found = Search::new(&mut trial, 300).of_width(&start, 8)?;
        assert_eq!(found.as_deref(), Some(&[bits(8, 1), bits(8, 4)][..]));
        Ok(())
    }

    #[test]
    fn scales_are_taken_where_they_pay_and_save_bits() -> Outcome {
        // With scales the first variable has two bits more; they do nothing for the second one.
        let with_scale = |all: &[Bits]| {
            let bonus = i32::from(all[0].per_channel) * 2;
            let first = Bits { integer: all[0].integer - bonus, ..all[0] };
            sum_error(&[1.0, 1.0, 1.0], &[first, all[1], all[2]])
        };
        let start =
            [true, true, false].map(|has_channels| Start { has_channels, ..starts(&[1])[0] });
        let mut trial = |bits: &[Bits]| Ok(with_scale(bits));
        let found = Search::new(&mut trial, 300).of_width(&start, 8)?.ok_or("not built")?;
        let scaled = found.iter().map(|bits| bits.per_channel);
        assert_eq!(scaled.collect::<Vec<_>>(), [true, false, false]);
        let found = Search::new(&mut trial, 300).fewest(&start, |it| it.max_error <= 0.01)?;
        let found = found.map_err(|_| "not reached")?;
        assert!(found[0].per_channel && found[0].width < found[1].width, "{found:?}");
        let without = starts(&[1; 3]);
        let other = Search::new(&mut trial, 300).fewest(&without, |it| it.max_error <= 0.01)?;
        let other = other.map_err(|_| "not reached")?;
        assert!(total(&found, &start) < total(&other, &without), "{found:?} {other:?}");
        Ok(())
    }
}
