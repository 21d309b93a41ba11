//! A hardware design and its parts.

use std::ops::Index;

use num_bigint::BigInt;
use serde::Serialize;

use super::form::Operations;
use super::function::FunctionSize;
use super::kernels::Body;
use super::network::{Network, ProcessId};
use super::plan::{Flow, Partition, Plan, Storage, Structure};
use super::stream::Process;
use super::{DesignWarning, Names, Options};
use crate::fixed::{Codes, Format, Quantization, Range};

/// A hardware design, independent of a vendor: all that the generated C++ states.
#[derive(Clone, Debug, Serialize)]
pub struct Design {
    /// The top function, a valid identifier.
    pub name: String,
    /// The choices that led to this design.
    pub options: Options,
    /// Every type, each before its first use.
    pub types: Vec<Type>,
    /// Weights and tables.
    pub constants: Vec<ConstantArray>,
    /// Tokens of streams.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tokens: Vec<Token>,
    /// Tensors between kernels or processes, and the top function's arguments.
    pub edges: Vec<Edge>,
    /// In topological order.
    pub kernels: Vec<Kernel>,
    /// The processes of a streaming design, in topological order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub processes: Vec<Process>,
    /// The rates of the processes of a streaming design, and of those that write its inputs and
    /// read its outputs, which have the names of these edges.
    #[serde(skip)]
    pub network: Option<Network>,
    /// The top function's input arguments, in the model's order.
    pub inputs: Vec<EdgeId>,
    /// The top function's output arguments, in the model's order.
    pub outputs: Vec<EdgeId>,
    /// Execution of the kernels together.
    pub schedule: Schedule,
    /// Problems to expect in synthesis.
    pub warnings: Vec<DesignWarning>,
    /// The layers that no plan makes faster than the slowest process, if that misses its target:
    /// others that are as slow share arithmetic for that time.
    #[serde(skip)]
    pub limiting: Vec<String>,
}

/// An index into [`Design::types`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct TypeId(pub(super) usize);

/// An index into [`Design::constants`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct ConstantId(pub(super) usize);

/// An index into [`Design::edges`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize)]
pub struct EdgeId(pub(super) usize);

/// An index into [`Design::tokens`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct TokenId(pub(super) usize);

/// An index into [`Design::kernels`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct KernelId(pub(super) usize);

/// A word of a stream: the channels of one position, or of several side by side.
#[derive(Clone, Debug, Serialize)]
pub struct Token {
    /// The C++ name.
    pub name: String,
    /// Type of a lane.
    pub element: TypeId,
    /// Number of its elements.
    pub lanes: usize,
    /// The words of the streams that carry it side by side, in order; none if one stream does.
    pub parts: Vec<TokenPart>,
}

/// A part of a token that is too wide for one stream.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct TokenPart {
    /// The C++ name: that of all parts with as many elements.
    pub name: String,
    /// Number of its elements.
    pub lanes: usize,
}

impl Token {
    /// One of the parts of each type.
    pub fn part_types(&self) -> impl Iterator<Item = &TokenPart> {
        let is_other = |at: &usize| *at == 0 || self.parts[at - 1] != self.parts[*at];
        (0..self.parts.len()).filter(is_other).map(|at| &self.parts[at])
    }

    /// The words of the streams that carry it: C++ name, number of elements.
    pub fn words(&self) -> impl Iterator<Item = (&str, usize)> {
        let whole = self.parts.is_empty().then_some((&self.name, self.lanes));
        let parts = self.parts.iter().map(|part| (&part.name, part.lanes));
        parts.chain(whole).map(|(name, lanes)| (name.as_str(), lanes))
    }
}

impl Stream {
    /// Bits of a word of each FIFO.
    pub fn word_bits(self, design: &Design) -> impl Iterator<Item = u64> {
        let token = &design[self.token];
        let width = u64::from(design[token.element].quantization.format.width());
        token.words().map(move |(_, lanes)| lanes as u64 * width)
    }

    /// The hardware of its widest FIFO: shift registers of LUTs, or block RAMs.
    pub fn storage(&self, design: &Design) -> Storage {
        Storage::of(self.depth, self.word_bits(design).max().unwrap_or(0))
    }
}

/// A type with a name.
#[derive(Clone, Debug, Serialize)]
pub struct Type {
    /// The C++ name.
    pub name: String,
    /// Set for an integer type (a count, a sign, a shift amount); any other is fixed-point.
    pub integer: bool,
    /// Format, rounding and overflow mode.
    pub quantization: Quantization,
    /// The layer that it belongs to, in the model's spelling.
    pub layer: String,
    /// Its contents: `sums`, `weights`.
    pub holds: &'static str,
    /// The proven range of codes.
    pub range: Range,
}

/// An array of constants.
#[derive(Clone, Debug, Serialize)]
pub struct ConstantArray {
    /// The C++ name.
    pub name: String,
    /// Its elements' type; holds every code exactly.
    pub element: TypeId,
    /// The layer that it belongs to, in the model's spelling.
    pub layer: String,
    /// Its contents: `weights`, `exponentials`.
    pub holds: &'static str,
    /// Row-major, in LSBs of the type.
    #[serde(skip)]
    pub codes: Codes,
}

/// One constant number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Number {
    /// Its type.
    pub element: TypeId,
    /// In LSBs of the type.
    #[serde(serialize_with = "decimal")]
    pub code: BigInt,
}

fn decimal<S: serde::Serializer>(code: &BigInt, out: S) -> Result<S::Ok, S::Error> {
    out.collect_str(code)
}

/// A tensor between kernels, or an argument of the top function.
#[derive(Clone, Debug, Serialize)]
pub struct Edge {
    /// The C++ name.
    pub name: String,
    /// Its elements' type.
    pub element: TypeId,
    /// Elements along each axis of one sample.
    pub shape: Vec<usize>,
    /// The C++ object that carries it.
    pub kind: EdgeKind,
    /// Argument of the top function, or internal.
    pub role: EdgeRole,
    /// The node that made it, in the graph's spelling; for a port, the model's input or output
    /// layer.
    pub layer: String,
    /// The C++ names of the streams that carry its tokens side by side; none if one does, or for an
    /// array.
    pub parts: Vec<String>,
}

impl Edge {
    /// The C++ names of the streams that carry it, or of the array.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let whole = self.parts.is_empty().then_some(&self.name);
        self.parts.iter().chain(whole).map(String::as_str)
    }

    /// Number of elements of one sample.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Tells whether a sample has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The C++ object that carries a tensor from kernel to kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeKind {
    /// All elements, row-major (hls4ml's `io_parallel`).
    Array(Partition),
    /// A FIFO of tokens, row-major (hls4ml's `io_stream`).
    Stream(Stream),
}

/// A FIFO between two processes, or between the top function and its caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Stream {
    /// Its words.
    pub token: TokenId,
    /// Tokens of a sample.
    pub tokens: usize,
    /// Slots of the FIFO.
    pub depth: u64,
    /// Least depth that cannot deadlock.
    pub least_depth: u64,
}

/// An edge's role in the top function.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeRole {
    /// An argument that the top function reads.
    Input,
    /// An argument that the top function writes.
    Output,
    /// A tensor inside the top function.
    Internal,
    /// An array inside a process of [`Design::processes`].
    Local(ProcessId),
}

/// One C++ function.
#[derive(Clone, Debug, Serialize)]
pub struct Kernel {
    /// The C++ name.
    pub name: String,
    /// The layer that it belongs to, in the model's spelling.
    pub layer: String,
    /// The operation's name, as the graph has it.
    pub operation: &'static str,
    /// Its operands, in the operation's order.
    pub inputs: Vec<EdgeId>,
    /// Its result.
    pub output: EdgeId,
    /// Its computation.
    pub body: Body,
    /// Its loops and arrays, from which its plan follows.
    #[serde(skip)]
    pub(super) structure: Structure,
    /// Its loops, initiation interval and partitions.
    pub plan: Plan,
    /// Its arithmetic and memory.
    pub cost: Cost,
    /// Its multipliers, if it has any.
    pub multipliers: Option<Multipliers>,
    /// Calls for a sample.
    pub repetitions: u64,
    /// Instances side by side, each for a position of a token.
    pub copies: u64,
}

impl Kernel {
    /// Tells whether its constants depend on the position that it computes.
    pub fn takes_position(&self) -> bool {
        matches!(&self.body, Body::Affine(affine) if affine.positions > 1)
    }

    /// Words of a constant that its instances read at a time: one each, but of a table in all iterations
    /// of an unrolled loop.
    pub(super) fn readers(&self) -> u64 {
        let of_one = match &self.body {
            Body::Lookup(lookup) if self.plan.is_unrolled() => lookup.elements as u64,
            _ => 1,
        };
        of_one * self.copies
    }

    /// The arithmetic of its weight matrix in a clock cycle; `None` without one.
    pub fn parallelism(&self) -> Option<Parallelism> {
        let (simd, pe, tiles) = self.body.tiles()?;
        let reuse_factor = self.multipliers.map_or(tiles.count(), |it| it.reuse_factor);
        Some(Parallelism { pixels: self.copies, simd: simd as u64, pe: pe as u64, reuse_factor })
    }

    /// Largest number of its multipliers.
    pub fn multiplier_instances(&self) -> u64 {
        match self.multipliers {
            Some(multipliers) => multipliers.limit * self.copies,
            // Products of two values: those of the iterations of rolled loops share multipliers.
            None => {
                let calls = self.repetitions.div_ceil(self.copies);
                let interval = self.plan.initiation_interval.max(1) * calls;
                self.cost.operations.multiplications.div_ceil(interval)
            }
        }
    }

    /// The same kernel, which is called so many times for a sample. Its operations are those of all
    /// calls: the weights of each differ.
    pub(super) fn of_calls(mut self, calls: u64) -> Self {
        self.repetitions = calls;
        self.plan.inlined = true;
        if let Some(multipliers) = &mut self.multipliers {
            multipliers.products *= calls;
            multipliers.nontrivial_products *= calls;
        }
        self
    }

    /// The same kernel as a part of a step, of which a sample has `steps`.
    pub(super) fn in_step(self, steps: u64) -> Self {
        let mut kernel = self.repeated(steps, 1);
        // Operators of kernels that follow one another share a clock cycle if there is time.
        kernel.plan.inlined |= kernel.plan.is_unrolled() && kernel.plan.initiation_interval == 1;
        kernel
    }

    /// The same kernel, which runs `repetitions` times for a sample, on `copies` positions at a time.
    pub(super) fn repeated(mut self, repetitions: u64, copies: u64) -> Self {
        (self.repetitions, self.copies) = (repetitions, copies);
        self.cost.operations = self.cost.operations * repetitions;
        self.cost.idle_multiplications *= repetitions;
        if let Some(multipliers) = &mut self.multipliers {
            multipliers.products *= repetitions;
            multipliers.nontrivial_products *= repetitions;
        }
        self
    }
}

/// The arithmetic of a weight matrix in a clock cycle, in the words of FINN and of hls4ml.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Parallelism {
    /// Positions at a time: hls4ml's parallelization factor.
    pub pixels: u64,
    /// Inputs of the matrix at a time: FINN's SIMD.
    pub simd: u64,
    /// Outputs of the matrix at a time: FINN's PE.
    pub pe: u64,
    /// Clock cycles for a position, in which a multiplier is used again: hls4ml's reuse factor.
    pub reuse_factor: u64,
}

/// Arithmetic and memory of a kernel, for one sample.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Cost {
    /// Its form in hardware: `shift-add`, `table 64 x 6 bits`.
    pub hardware: Vec<String>,
    /// Arithmetic operations.
    pub operations: Operations,
    /// Multiplications with weights of 0, which a memory has like any other.
    pub idle_multiplications: u64,
    /// Step functions and lookup tables.
    pub functions: Vec<FunctionSize>,
    /// The type of its weights.
    pub weight: Option<Format>,
    /// The type of its scales.
    pub scale: Option<Format>,
    /// The type of its biases.
    pub bias: Option<Format>,
    /// Bits of weights, scales and biases.
    pub weight_bits: usize,
    /// Bits of tables and thresholds.
    pub table_bits: usize,
}

/// The multipliers of a kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Multipliers {
    /// Products for one sample, those with constant zeros included.
    pub products: u64,
    /// Products with a constant that is neither 0 nor a power of two: the others are wires. All of
    /// them, if constants come from a memory.
    pub nontrivial_products: u64,
    /// Uses of one multiplier for a sample.
    pub reuse_factor: u64,
    /// Largest number of multipliers: non-trivial products / reuse factor, rounded up.
    pub limit: u64,
    /// The operand's width in bits.
    pub operand_width: u32,
    /// The constants' width in bits.
    pub constant_width: u32,
}

/// Execution of the kernels together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Schedule {
    /// Pipeline or dataflow.
    pub flow: Flow,
    /// Clock cycles between two samples.
    pub initiation_interval: u64,
    /// Largest number of multipliers of all kernels together.
    pub multipliers: u64,
}

impl Multipliers {
    /// The multipliers for `operations` among `products` products of the formats of an operand and
    /// of constants; `None` if none takes one.
    pub(super) fn new(
        products: u64,
        operations: &Operations,
        reuse_factor: u64,
        [operand, constant]: [Format; 2],
    ) -> Option<Self> {
        let nontrivial_products = operations.multiplications;
        (nontrivial_products > 0).then(|| Self {
            products,
            nontrivial_products,
            reuse_factor,
            limit: nontrivial_products.div_ceil(reuse_factor),
            operand_width: operand.width(),
            constant_width: constant.width(),
        })
    }
}

impl Design {
    /// Arithmetic operations of all kernels and processes for one sample.
    pub fn operations(&self) -> Operations {
        self.operations_of(|_| true)
    }

    /// Arithmetic operations of the layers that `is_meant` takes, for one sample.
    pub fn operations_of(&self, is_meant: impl Fn(&str) -> bool) -> Operations {
        let kernels = self.kernels.iter().filter(|kernel| is_meant(&kernel.layer));
        let processes = self.processes.iter().filter(|process| is_meant(&process.layer));
        let mut all = Operations::default();
        kernels.for_each(|kernel| all += kernel.cost.operations);
        processes.for_each(|process| all += process.operations(self));
        all
    }

    /// The slowest process: of several, the first of those that no plan makes faster.
    pub fn slowest(&self) -> Option<&Process> {
        let slowest = self.processes.iter().map(|process| process.cycles(self)).max()?;
        let mut all = self.processes.iter().filter(|process| process.cycles(self) == slowest);
        let is_limiting = |process: &&Process| self.limiting.contains(&process.layer);
        all.clone().find(is_limiting).or_else(|| all.next())
    }

    /// Tells whether the arguments of the top function are streams, not arrays.
    pub fn has_stream_ports(&self) -> bool {
        let mut ports = self.inputs.iter().chain(&self.outputs);
        ports.any(|port| matches!(self[*port].kind, EdgeKind::Stream(_)))
    }

    /// Set if a sample depends on the samples before it: the top function has the argument `reset`.
    pub fn is_stateful(&self) -> bool {
        self.processes.iter().any(Process::takes_reset)
    }

    /// The name that a project called `name` gets.
    pub fn project_name(name: &str) -> String {
        Names::default().project(name)
    }
}

impl Index<TypeId> for Design {
    type Output = Type;
    fn index(&self, id: TypeId) -> &Type {
        &self.types[id.0]
    }
}

impl Index<TokenId> for Design {
    type Output = Token;
    fn index(&self, id: TokenId) -> &Token {
        &self.tokens[id.0]
    }
}

impl Index<KernelId> for Design {
    type Output = Kernel;
    fn index(&self, id: KernelId) -> &Kernel {
        &self.kernels[id.0]
    }
}

impl Index<ConstantId> for Design {
    type Output = ConstantArray;
    fn index(&self, id: ConstantId) -> &ConstantArray {
        &self.constants[id.0]
    }
}

impl Index<EdgeId> for Design {
    type Output = Edge;
    fn index(&self, id: EdgeId) -> &Edge {
        &self.edges[id.0]
    }
}
