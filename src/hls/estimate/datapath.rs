//! A pipelined datapath: its operators level by level, and the registers that cut it.

use super::{DspSlice, Resources};
use crate::hls::Options;

/// Delays of operators in picoseconds, wires included: assumptions, in the order of magnitude that
/// Vitis HLS 2023 reports for operators of 8 to 16 bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Delays {
    /// An addition, comparison or choice of no bits, and each bit of its carry chain.
    adder: (u64, u64),
    /// A product in a DSP slice.
    pub(super) product: u64,
    /// A read of a memory.
    pub(super) memory: u64,
}

impl Delays {
    /// The delays in a device with these DSP slices.
    fn of(slice: DspSlice) -> Self {
        match slice {
            DspSlice::Dsp48E1 => Self { adder: (1000, 30), product: 3500, memory: 2500 },
            DspSlice::Dsp48E2 => Self { adder: (550, 15), product: 2400, memory: 1500 },
            DspSlice::Dsp58 => Self { adder: (450, 12), product: 2000, memory: 1300 },
        }
    }

    /// The delay of an addition, comparison or choice of `width` bits.
    pub(super) fn adder(&self, width: u32) -> u64 {
        let (fixed, bit) = self.adder;
        fixed + bit * u64::from(width)
    }
}

/// A moment of a pipeline: whole clock cycles, and picoseconds since the last register.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(super) struct Moment {
    pub(super) cycles: u64,
    pub(super) delay: u64,
}

impl Moment {
    /// The cycle in which a register takes the value.
    pub(super) fn registered(self) -> u64 {
        self.cycles + u64::from(self.delay > 0)
    }
}

/// A datapath that is built level by level, from operands to results. Where a level does not fit
/// the clock period, registers before it hold every value that is alive there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::hls) struct Datapath {
    pub(super) delays: Delays,
    /// Picoseconds of a clock period that synthesis may use.
    period: u64,
    pub(super) slice: DspSlice,
    pub(in crate::hls) resources: Resources,
    pub(super) now: Moment,
    live_bits: u64,
}

impl Datapath {
    /// An empty datapath for `options`, whose operands of `live_bits` are there.
    pub(in crate::hls) fn of(options: &Options, live_bits: u64) -> Self {
        Self::new(options, DspSlice::of_part(&options.part), Moment::default(), live_bits)
    }

    /// An empty datapath, whose operands of `live_bits` arrive at `now`.
    pub(super) fn new(options: &Options, slice: DspSlice, now: Moment, live_bits: u64) -> Self {
        let usable = options.clock_period * 1000.0 * (1.0 - options.clock_uncertainty);
        Self {
            delays: Delays::of(slice),
            period: usable as u64,
            slice,
            resources: Resources::default(),
            now,
            live_bits,
        }
    }

    /// Operators side by side, after which `live_bits` are alive. An operator that is slower than a
    /// clock period has registers inside.
    pub(super) fn level(&mut self, delay: u64, resources: Resources, live_bits: u64) {
        self.resources += resources;
        if self.now.delay + delay > self.period {
            self.cut();
            let inside = delay.saturating_sub(1) / self.period.max(1);
            self.resources.ff += inside * live_bits;
            self.now = Moment { cycles: self.now.cycles + inside, delay: 0 };
            self.now.delay = delay - inside * self.period;
        } else {
            self.now.delay += delay;
        }
        self.live_bits = live_bits;
    }

    /// A level of adders, comparators or selectors of `width` bits and of `lut` LUTs in all.
    pub(super) fn logic(&mut self, width: u32, lut: u64, live_bits: u64) {
        let delay = self.delays.adder(width);
        self.level(delay, Resources { lut, ..Resources::default() }, live_bits);
    }

    /// Registers for every value that is alive, unless they have just been there.
    pub(in crate::hls) fn cut(&mut self) {
        if self.now.delay > 0 {
            self.resources.ff += self.live_bits;
            self.now = Moment { cycles: self.now.registered(), delay: 0 };
        }
    }

    /// Trees of adders: `terms` by sum, of `width` bits each; a sum takes at most `widest` bits.
    pub(in crate::hls) fn trees(&mut self, mut terms: Vec<u64>, width: u32, widest: u32) {
        let mut width = width.min(widest);
        while terms.iter().any(|terms| *terms > 1) {
            width = (width + 1).min(widest);
            let additions: u64 = terms.iter().map(|terms| terms / 2).sum();
            terms.iter_mut().for_each(|terms| *terms = terms.div_ceil(2));
            let live = terms.iter().sum::<u64>() * u64::from(width);
            self.logic(width, additions * super::arithmetic::adder(width), live);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datapath() -> Datapath {
        // 3.65 of 5 ns: four levels of 20 bits and 0.85 ns.
        let options = Options::new("m", "xcvu13p");
        Datapath::new(&options, DspSlice::Dsp48E2, Moment::default(), 16)
    }

    #[test]
    fn registers_cut_where_a_level_does_not_fit() {
        let mut path = datapath();
        (0..4).for_each(|_| path.logic(20, 10, 20));
        assert_eq!((path.now, path.resources.ff), (Moment { cycles: 0, delay: 3400 }, 0));
        path.logic(20, 10, 30);
        assert_eq!((path.now, path.resources.ff), (Moment { cycles: 1, delay: 850 }, 20));
        path.cut();
        path.cut();
        assert_eq!((path.now, path.resources.ff), (Moment { cycles: 2, delay: 0 }, 50));
        assert_eq!(path.resources.lut, 50);
    }

    #[test]
    fn a_slow_operator_has_registers_inside() {
        let mut path = datapath();
        path.level(8000, Resources::default(), 7);
        assert_eq!((path.now, path.resources.ff), (Moment { cycles: 2, delay: 700 }, 14));
    }

    #[test]
    fn a_tree_halves_its_terms() {
        let mut path = datapath();
        path.trees(vec![5, 1], 8, 10);
        // 2 additions of 9 bits, 1 and 1 of 10.
        assert_eq!(path.resources.lut, 18 + 10 + 10);
        assert_eq!(path.live_bits, 20);
        assert_eq!(path.now.delay, 3 * 550 + 15 * (9 + 10 + 10));
    }
}
