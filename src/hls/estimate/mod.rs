//! Estimates of the hardware that synthesis makes of a design: DSP slices, LUTs, flip-flops, block
//! RAMs, and clock cycles.
//!
//! Each rule is a function with its source: [`arithmetic`] has operators, [`memory`] memories,
//! `datapath` the registers of pipelines, and `parts.json` the devices. `docs/estimates.md` lists
//! them all and compares them with published syntheses. A [`Design`] decides nothing by an
//! estimate that it does not state.

pub mod arithmetic;
mod arrivals;
mod datapath;
mod kernels;
mod matrix;
pub mod memory;
mod parts;
#[cfg(test)]
mod tests;

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Mul};

use serde::{Deserialize, Serialize};

use self::arrivals::{Arrivals, Stage};
use self::datapath::Moment;
use self::kernels::Iterations;
use super::plan::{Flow, Memory};
use super::{
    Design, Edge, EdgeId, EdgeKind, Kernel, KernelId, LineBuffer, Process, ProcessForm, Recurrence,
    RunningPool,
};
use crate::ir::PoolKind;

pub(super) use datapath::Datapath;
pub(super) use kernels::{constant_products, shared_product};
pub(super) use matrix::ConstantProducts;
pub use parts::{DspSlice, Part};

/// LUTs and flip-flops of the handshake of a process: an assumption.
const PROCESS_CONTROL: (u64, u64) = (30, 20);

/// Resources of an FPGA.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Resources {
    /// DSP slices.
    pub dsp: u64,
    /// Lookup tables of six inputs.
    pub lut: u64,
    /// Flip-flops.
    pub ff: u64,
    /// Block RAMs of 18 Kbit.
    pub bram18: u64,
    /// UltraRAMs of 288 Kbit. No estimate has any: the tools take them only where asked.
    pub uram: u64,
}

/// A kind of [`Resources`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Resource {
    /// DSP slices.
    Dsp,
    /// Lookup tables of six inputs.
    Lut,
    /// Flip-flops.
    Ff,
    /// Block RAMs of 18 Kbit.
    Bram18,
    /// UltraRAMs of 288 Kbit.
    Uram,
}

impl Resource {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Dsp, Self::Lut, Self::Ff, Self::Bram18, Self::Uram];

    /// The name in tables: `BRAM18`.
    pub fn short(self) -> &'static str {
        match self {
            Self::Dsp => "DSP",
            Self::Lut => "LUT",
            Self::Ff => "FF",
            Self::Bram18 => "BRAM18",
            Self::Uram => "URAM",
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dsp => "DSP slices",
            Self::Lut => "LUTs",
            Self::Ff => "flip-flops",
            Self::Bram18 => "block RAMs of 18 Kbit",
            Self::Uram => "UltraRAMs",
        })
    }
}

/// LUTs of a part for each of its DSP slices, and for each of its block RAMs: the medians of
/// `parts.json`.
const LUTS_OF_DSP: u64 = 154;
const LUTS_OF_BRAM18: u64 = 208;

impl Resources {
    /// The share of a part that they take, in half LUTs of a part of the usual proportions: a part has
    /// two flip-flops for each LUT. A single number to compare designs by; UltraRAMs have no part in
    /// it, as no estimate has any.
    pub fn area(&self) -> u64 {
        let Self { dsp, lut, ff, bram18, uram: _ } = self;
        2 * (lut + LUTS_OF_DSP * dsp + LUTS_OF_BRAM18 * bram18) + ff
    }

    /// The number of one kind.
    pub fn of(&self, resource: Resource) -> u64 {
        match resource {
            Resource::Dsp => self.dsp,
            Resource::Lut => self.lut,
            Resource::Ff => self.ff,
            Resource::Bram18 => self.bram18,
            Resource::Uram => self.uram,
        }
    }
}

impl Add for Resources {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            dsp: self.dsp + other.dsp,
            lut: self.lut + other.lut,
            ff: self.ff + other.ff,
            bram18: self.bram18 + other.bram18,
            uram: self.uram + other.uram,
        }
    }
}

impl AddAssign for Resources {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Mul<u64> for Resources {
    type Output = Self;

    fn mul(self, times: u64) -> Self {
        Self {
            dsp: self.dsp * times,
            lut: self.lut * times,
            ff: self.ff * times,
            bram18: self.bram18 * times,
            uram: self.uram * times,
        }
    }
}

impl Sum for Resources {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

/// The estimate of a design.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Estimate {
    /// By layer, in the order of the design.
    pub layers: Vec<LayerEstimate>,
    /// Of everything.
    pub total: Resources,
    /// The part with all that it holds; none for an unknown part.
    pub budget: Option<Part>,
    /// Clock cycles from the first input of a sample to its last output.
    pub latency: u64,
}

/// The estimate of a layer: its kernels, processes, and the edges that it writes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LayerEstimate {
    /// The layer, in the model's spelling.
    pub layer: String,
    /// Its resources.
    #[serde(flatten)]
    pub resources: Resources,
    /// Clock cycles of its slowest kernel or process for a sample.
    pub cycles: u64,
    /// Clock cycles from its first operand to its last result.
    pub latency: u64,
}

/// Estimates `kernel` alone, with its operands in registers.
pub fn kernel(design: &Design, kernel: &Kernel) -> Resources {
    let slice = DspSlice::of_part(&design.options.part);
    path(design, kernel, slice, Moment::default()).resources
}

/// The datapath of a kernel whose operands arrive at `start`, and its arrays.
fn path(design: &Design, kernel: &Kernel, slice: DspSlice, start: Moment) -> Datapath {
    let operands = kernel.inputs.iter().map(|input| bits(design, &design[*input])).sum();
    let mut path = Datapath::new(&design.options, slice, start, operands);
    kernels::add(&mut path, design, kernel);
    path
}

/// Clock cycles of `kernel` from its last operand to its last result, as a stage of a process: its
/// datapath up to a register, and its rolled loops and steps to their end.
pub(super) fn latency(design: &Design, kernel: &Kernel) -> u64 {
    let slice = DspSlice::of_part(&design.options.part);
    let mut path = path(design, kernel, slice, Moment::default());
    path.cut();
    cycles(kernel, path.now)
}

/// The longest way through `kernels`, which run in order, from one of `sources` to one of `ends`:
/// its clock cycles, and the kernels on it. Operands that come from elsewhere are there.
pub(super) fn longest_way(
    design: &Design,
    kernels: &[KernelId],
    sources: &[EdgeId],
    ends: impl Iterator<Item = EdgeId>,
) -> (u64, Vec<KernelId>) {
    let slice = DspSlice::of_part(&design.options.part);
    let mut arrivals = Arrivals::new(design, slice, 1, sources);
    for id in kernels {
        if arrivals.reaches(&design[*id]) {
            arrivals.add(*id, true);
        }
    }
    let ends = ends.filter_map(|edge| Some((arrivals.of(edge)?, edge)));
    match ends.max_by_key(|(moment, _)| *moment) {
        Some((end, edge)) => (end.registered(), arrivals.way(edge)),
        None => (0, Vec::new()),
    }
}

/// Bits of a sample of `edge`.
fn bits(design: &Design, edge: &Edge) -> u64 {
    edge.len() as u64 * u64::from(kernels::width(design, edge.element))
}

/// Clock cycles from the first operand to the last result of a kernel that ends its datapath at
/// `end`.
fn cycles(kernel: &Kernel, end: Moment) -> u64 {
    let Iterations { interval, .. } = Iterations::of(kernel);
    let last = kernel.plan.initiation_interval.saturating_sub(interval);
    let shared = if kernel.plan.is_unrolled() { interval - 1 } else { 0 };
    end.registered() + last + shared
}

/// Memories with a reader and a writer.
fn ram(memory: &Memory) -> Resources {
    memory::ram(memory.words, memory.bits) * memory.count
}

/// An array inside a process: memories, or registers.
fn array(design: &Design, kernel: &Kernel, edge: &Edge) -> Resources {
    match design.frame_memory(kernel, edge) {
        Some(memory) => ram(&memory),
        None => Resources { ff: bits(design, edge), ..Resources::default() },
    }
}

/// The FIFOs of a stream.
fn stream(design: &Design, edge: &Edge) -> Resources {
    let EdgeKind::Stream(stream) = edge.kind else { return Resources::default() };
    stream.word_bits(design).map(|bits| memory::fifo(stream.depth, bits)).sum()
}

/// The buffers and the control of a process, without its kernel.
fn process(design: &Design, process: &Process) -> Resources {
    let (lut, ff) = PROCESS_CONTROL;
    let control = Resources { lut, ff, ..Resources::default() };
    let registers = |bits: u64| Resources { ff: bits, ..Resources::default() };
    let buffers = match &process.form {
        // What a folded kernel keeps from step to step, sums, and elements between tokens.
        // So are states, and what a step keeps.
        ProcessForm::Rows { .. }
        | ProcessForm::Accumulate { .. }
        | ProcessForm::Repack(_)
        | ProcessForm::Recurrence(_) => registers(process.state_bits),
        ProcessForm::Concat { .. }
        | ProcessForm::FromArray { .. }
        | ProcessForm::ToArray { .. }
        | ProcessForm::Fork { .. } => Resources::default(),
        ProcessForm::Windows(lines) => {
            let width = u64::from(kernels::width(design, lines.element));
            let steps = process.state_bits.saturating_sub(lines.elements() as u64 * width);
            line_buffer(design, process, lines) + registers(steps) + turns(design, lines)
        }
        ProcessForm::Reduce { positions, .. } => {
            let lut = process.state_bits * *positions as u64;
            Resources { lut, ff: process.state_bits, ..Resources::default() }
        }
        ProcessForm::Pool(pool) => running_pool(design, process, pool),
        ProcessForm::Frame => {
            let kernels = process.kernel.iter().map(|id| &design[*id]);
            let arrays = kernels.flat_map(|kernel| {
                let edges = kernel.inputs.iter().chain([&kernel.output]);
                edges.map(move |edge| array(design, kernel, &design[*edge]))
            });
            arrays.sum()
        }
    };
    control + buffers
}

/// Line buffers, memories or a shift register for each row above the current one, and the window in
/// registers.
fn line_buffer(design: &Design, process: &Process, lines: &LineBuffer) -> Resources {
    let width = u64::from(kernels::width(design, lines.element));
    let channels = lines.channels as u64 * width;
    let registers = lines.registers() as u64 * width;
    let kept = kept(design, process, (lines.rows() as u64 * channels, lines.input()[1]));
    kept + Resources { ff: registers, ..Resources::default() }
}

/// The memories of a process for its lines, or shift registers of `bits` bits and `stages` stages.
fn kept(design: &Design, process: &Process, (bits, stages): (u64, usize)) -> Resources {
    match process.line_memory(design) {
        Some(memory) => ram(&memory),
        None => {
            // The stages before the last are in the LUT of a bit.
            let lut = if stages > 1 { bits } else { 0 };
            Resources { lut, ff: bits, ..Resources::default() }
        }
    }
}

/// The sums or maxima of windows that do not overlap, and the operation of a pixel for each channel.
fn running_pool(design: &Design, process: &Process, pool: &RunningPool) -> Resources {
    let width = kernels::width(design, pool.element);
    let bits = pool.channels as u64 * u64::from(width);
    let sums = match pool.kept() {
        0 => Resources::default(),
        stages => kept(design, process, (bits, stages)),
    };
    let is_chosen = pool.is_running() && pool.kept() > 0;
    let operation = match pool.kind {
        // The choice of what a pixel is added to is in the LUTs of the adder.
        PoolKind::Sum => arithmetic::adder(width),
        PoolKind::Max => {
            let choices = 1 + u64::from(is_chosen);
            arithmetic::comparator(width) + choices * arithmetic::selector(width)
        }
    };
    let lut = pool.channels as u64 * operation;
    let ff = if pool.is_running() { bits } else { 0 };
    sums + Resources { lut, ff, ..Resources::default() }
}

/// The choice of the result among those of kernels that select lanes in turn.
fn turns(design: &Design, lines: &LineBuffer) -> Resources {
    let (Some(_), Some(kernel)) = (&lines.turns, lines.kernels.first()) else {
        return Resources::default();
    };
    let bits = bits(design, &design[design[kernel.kernel].output]);
    let lut = arithmetic::multiplexer(lines.kernels.len() as u64, 1) * bits;
    Resources { lut, ..Resources::default() }
}

impl Design {
    /// Estimates the hardware of the design.
    pub fn estimate(&self) -> Estimate {
        let budget = Part::find(&self.options.part);
        let slice = DspSlice::of_part(&self.options.part);
        let mut layers = Layers::default();
        let latency = match self.schedule.flow {
            Flow::Pipeline => self.pipeline(slice, &mut layers),
            Flow::Dataflow => self.dataflow(slice, &mut layers),
        };
        let total = layers.list.iter().map(|layer| layer.resources).sum();
        Estimate { layers: layers.list, total, budget, latency }
    }

    /// The layer that writes `edge`. A port has the name of an output, which may be no layer.
    fn writer(&self, edge: EdgeId) -> &str {
        let kernel = self.kernels.iter().find(|kernel| kernel.output == edge);
        let process = self.processes.iter().find(|process| process.outputs.contains(&edge));
        let layer = process.map(|it| &it.layer).or(kernel.map(|it| &it.layer));
        layer.unwrap_or(&self[edge].layer)
    }

    /// Adds the kernels of one pipeline; operands that arrive early wait in registers.
    fn pipeline(&self, slice: DspSlice, layers: &mut Layers) -> u64 {
        let mut arrivals = Arrivals::new(self, slice, self.schedule.initiation_interval, &[]);
        for (position, kernel) in self.kernels.iter().enumerate() {
            let Stage { start, path, delays } = arrivals.add(KernelId(position), false);
            let layer = layers.of(&kernel.layer);
            layer.resources += path.resources + delays;
            layer.cycles = layer.cycles.max(kernel.plan.initiation_interval);
            layer.latency += path.now.cycles - start.cycles;
        }
        let end = |edge: &EdgeId| arrivals.of(*edge).map_or(0, Moment::registered);
        for edge in &self.outputs {
            layers.of(self.writer(*edge)).resources.ff += bits(self, &self[*edge]);
        }
        let last = self.outputs.iter().map(end).max().unwrap_or(0);
        last + self.schedule.initiation_interval - 1
    }

    /// Adds the kernels of processes, their buffers, and the streams between them.
    fn dataflow(&self, slice: DspSlice, layers: &mut Layers) -> u64 {
        let steps: Vec<&Recurrence> =
            self.processes.iter().filter_map(Process::recurrence).collect();
        let in_step = |id: &KernelId| steps.iter().any(|step| step.kernels.contains(id));
        let alone = (0..self.kernels.len()).map(KernelId).filter(|id| !in_step(id));
        for id in alone {
            let mut path = path(self, &self[id], slice, Moment::default());
            path.cut();
            layers.add(&self[id], path.resources);
        }
        // Kernels of a step share clock cycles: only what leaves the step is in registers.
        for Recurrence { kernels: step, interval, .. } in steps {
            let mut arrivals = Arrivals::new(self, slice, *interval, &[]);
            for id in step {
                let Stage { mut path, delays, .. } = arrivals.add(*id, true);
                let kernel = &self[*id];
                let is_read = step.iter().any(|other| self[*other].inputs.contains(&kernel.output));
                if !is_read || !kernel.plan.is_unrolled() {
                    path.cut();
                }
                layers.add(&self[*id], path.resources + delays);
            }
        }
        for (position, edge) in self.edges.iter().enumerate() {
            layers.of(self.writer(EdgeId(position))).resources += stream(self, edge);
        }
        for process in &self.processes {
            let layer = layers.of(&process.layer);
            layer.resources += self::process(self, process);
            layer.cycles = layer.cycles.max(process.cycles(self));
            layer.latency += process.latency(self);
        }
        self.stream_latency().unwrap_or(0)
    }

    /// Clock cycles of a sample through the processes of a streaming design.
    fn stream_latency(&self) -> Option<u64> {
        let (network, streams) = self.network()?;
        let depth = |edge: &EdgeId| match self[*edge].kind {
            EdgeKind::Stream(stream) => Some(stream.depth),
            EdgeKind::Array(_) => None,
        };
        let depths: Vec<Option<u64>> = streams.iter().map(depth).collect();
        network.run(&depths, 1).ok().map(|run| run.latency())
    }
}

/// Estimates by layer.
#[derive(Default)]
struct Layers {
    list: Vec<LayerEstimate>,
}

impl Layers {
    /// Adds a kernel of a process, each copy of which takes `resources`.
    fn add(&mut self, kernel: &Kernel, resources: Resources) {
        let layer = self.of(&kernel.layer);
        layer.resources += resources * kernel.copies;
        let calls = kernel.repetitions.div_ceil(kernel.copies);
        layer.cycles = layer.cycles.max(kernel.plan.initiation_interval * calls);
    }

    fn of(&mut self, layer: &str) -> &mut LayerEstimate {
        let position = self.list.iter().position(|known| known.layer == layer);
        let position = position.unwrap_or_else(|| {
            let resources = Resources::default();
            let layer = layer.into();
            self.list.push(LayerEstimate { layer, resources, cycles: 0, latency: 0 });
            self.list.len() - 1
        });
        &mut self.list[position]
    }
}
