//! Processes whose kernel computes a position in several steps.

use crate::hls::{Body, Design, Process, Tiles};

/// The calls of a kernel that computes a position in several steps, a tile of its matrix in each.
pub(super) struct Folds {
    tiles: Tiles,
    /// Channels of a group, where the channels are in groups.
    pub(super) group_channels: Option<usize>,
    /// The declaration of the sums that are carried from tile to tile, if any.
    pub(super) sums: Option<String>,
}

impl Folds {
    /// The calls of the kernel of a process, if it is folded.
    pub(super) fn of(design: &Design, process: &Process) -> Option<Self> {
        let kernel = &design[process.kernel?];
        let Body::Linear(linear) = &kernel.body else { return None };
        if !linear.is_folded() {
            return None;
        }
        let sum = linear.sum_type(design[kernel.output].element);
        let sums = format!("{} sums[{}];", design[sum].name, linear.tile_outputs());
        let windows = linear.windows.filter(|_| linear.groups() > 1);
        Some(Self {
            tiles: linear.tiles,
            group_channels: windows.map(|windows| windows.group_channels),
            sums: (linear.tiles.inputs > 1).then_some(sums),
        })
    }

    pub(super) fn count(&self) -> u64 {
        self.tiles.count()
    }

    /// Counters of tiles, the outer one first, with their bounds.
    fn used(&self) -> impl DoubleEndedIterator<Item = (&'static str, usize)> {
        let counters = [("output_tile", self.tiles.outputs), ("input_tile", self.tiles.inputs)];
        counters.into_iter().filter(|(_, bound)| *bound > 1)
    }

    /// The declarations of the counters.
    pub(super) fn counters(&self) -> String {
        self.used().map(|(name, _)| format!("int {name} = 0;")).collect::<Vec<_>>().join("\n")
    }

    /// The condition of the first step of a position.
    pub(super) fn is_first(&self) -> String {
        self.used().map(|(name, _)| format!("{name} == 0")).collect::<Vec<_>>().join(" && ")
    }

    /// The condition of the last step of a position.
    pub(super) fn is_last(&self) -> String {
        let at_end = |(name, bound): (&str, usize)| format!("{name} == {}", bound - 1);
        self.used().map(at_end).collect::<Vec<_>>().join(" && ")
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
                "if ({inner} == {}) {{\n{inner} = 0;\n{outer}++;\n}} else {{\n{inner}++;\n}}",
                bound - 1
            ),
            _ => counters.iter().map(|(name, _)| format!("{name}++;")).collect(),
        }
    }

    /// The arguments of the kernel; `input` is the array of its operand.
    pub(super) fn arguments(&self, input: &str) -> String {
        let sums = self.sums.as_ref().map(|_| "sums");
        let counters = self.used().map(|(name, _)| name);
        let arrays = [input].into_iter().chain(sums).chain(["result.lanes"]);
        arrays.chain(counters).collect::<Vec<_>>().join(", ")
    }
}
