//! Processes whose kernel computes a position in several steps.

use super::super::dialect::Dialect;
use crate::hls::{Body, Design, Kernel, Process, Tiles};

/// The calls of a kernel that computes a position in several steps, a tile of its matrix in each.
pub(super) struct Folds {
    /// Counters of tiles with their bounds, the outer one first.
    counters: [(&'static str, usize); 2],
    /// The sums that are carried from tile to tile, if any.
    pub(super) sums: Option<CarriedSums>,
}

/// Sums of the outputs of a tile, carried to the next tile.
pub(super) struct CarriedSums {
    pub(super) name: String,
    pub(super) ty: String,
    pub(super) len: usize,
}

impl Folds {
    /// The calls of the kernel of a process, if it is folded.
    pub(super) fn of(design: &Design, process: &Process) -> Option<Self> {
        Self::of_kernel(design, &design[process.kernel?], "sums")
    }

    /// The calls of `kernel`, if it is folded, with `sums_name` for the sums that it carries.
    pub(super) fn of_kernel(design: &Design, kernel: &Kernel, sums_name: &str) -> Option<Self> {
        // Sums of all outputs are carried from token to token.
        if let Body::Accumulate(body) = &kernel.body {
            return Self::of_tiles(body.tiles);
        }
        let Body::Linear(linear) = &kernel.body else { return None };
        if !linear.is_folded() || linear.tiles.is_whole() {
            return None;
        }
        let Tiles { inputs, outputs } = linear.tiles;
        let sum = linear.sum_type(design[kernel.output].element);
        let sums = || CarriedSums {
            name: sums_name.to_owned(),
            ty: design[sum].name.clone(),
            len: linear.tile_outputs(),
        };
        Some(Self {
            counters: [("output_tile", outputs), ("input_tile", inputs)],
            sums: (inputs > 1).then(sums),
        })
    }

    /// The steps of a token whose terms are added to the sums of all outputs; `None` for one.
    fn of_tiles(tiles: Tiles) -> Option<Self> {
        let counters = [("input_tile", tiles.inputs), ("output_tile", tiles.outputs)];
        (tiles.count() > 1).then_some(Self { counters, sums: None })
    }

    /// Steps of a position.
    pub(super) fn count(&self) -> u64 {
        self.counters.iter().map(|(_, bound)| *bound as u64).product()
    }

    /// The counters that count.
    fn used(&self) -> impl DoubleEndedIterator<Item = (&'static str, usize)> {
        self.counters.into_iter().filter(|(_, bound)| *bound > 1)
    }

    /// The declarations of the counters.
    pub(super) fn counters(&self, dialect: &dyn Dialect) -> String {
        let declare = |(name, bound)| format!("{} {name} = 0;", dialect.counter(bound - 1));
        self.used().map(declare).collect::<Vec<_>>().join("\n")
    }

    /// The condition of the first step of a position.
    pub(super) fn is_first(&self) -> String {
        self.used().map(|(name, _)| format!("{name} == 0")).collect::<Vec<_>>().join(" && ")
    }

    /// The condition of the last step of a position.
    pub(super) fn is_last(&self) -> String {
        self.used().map(is_at_end).collect::<Vec<_>>().join(" && ")
    }

    /// As [`Self::is_last`], as one operand of another condition.
    pub(super) fn is_last_beside(&self) -> String {
        let condition = self.is_last();
        if self.used().count() > 1 { format!("({condition})") } else { condition }
    }

    /// The condition that the inner counter is at its end; `None` if it does not count.
    pub(super) fn is_last_inside(&self) -> Option<String> {
        let [_, inner] = self.counters;
        (inner.1 > 1).then(|| is_at_end(inner))
    }

    /// The statements before the first step of a position.
    pub(super) fn reset(&self) -> String {
        self.used().map(|(name, _)| format!("{name} = 0;")).collect::<Vec<_>>().join("\n")
    }

    /// The statements between two steps of a position.
    pub(super) fn advance(&self) -> String {
        let counters: Vec<(&str, usize)> = self.used().collect();
        match counters[..] {
            [(outer, _), (inner, bound)] => format!(
                "if ({}) {{\n{inner} = 0;\n{outer}++;\n}} else {{\n{inner}++;\n}}",
                is_at_end((inner, bound))
            ),
            _ => counters.iter().map(|(name, _)| format!("{name}++;")).collect(),
        }
    }

    /// The arguments of the kernel; `input` is the array of its operand, `result` that of its result,
    /// `phase` the last argument, if there is one.
    pub(super) fn arguments(&self, [input, result]: &[&str; 2], phase: Option<&str>) -> String {
        let sums = self.sums.as_ref().map(|sums| sums.name.as_str());
        let counters = self.used().map(|(name, _)| name);
        let arrays = [*input].into_iter().chain(sums).chain([*result]);
        arrays.chain(counters).chain(phase).collect::<Vec<_>>().join(", ")
    }
}

/// The condition that a counter is at its end.
fn is_at_end((name, bound): (&str, usize)) -> String {
    format!("{name} == {}", bound - 1)
}
