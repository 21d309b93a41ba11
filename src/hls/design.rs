//! The parts of a design.

use std::ops::Index;

use num_bigint::BigInt;
use serde::Serialize;

use super::kernels::Body;
use super::{Finding, Flow, HlsError, Loops, Names, Options, Partition, build};
use crate::fixed::{Codes, Quantization, Range};
use crate::ir::Graph;

/// A hardware design: what the generated C++ says, in no vendor's words.
#[derive(Clone, Debug, Serialize)]
pub struct Design {
    /// The top function, a valid identifier.
    pub name: String,
    /// The choices that led to this design.
    pub options: Options,
    /// Every type, each before its first use.
    pub types: Vec<Type>,
    /// Weights and tables.
    pub constants: Vec<Constant>,
    /// What runs between kernels, and the top function's arguments.
    pub edges: Vec<Edge>,
    /// In an order in which they can run.
    pub kernels: Vec<Kernel>,
    /// The arguments that samples enter by, in the model's order.
    pub inputs: Vec<EdgeId>,
    /// The arguments that results leave by, in the model's order.
    pub outputs: Vec<EdgeId>,
    /// When what runs.
    pub schedule: Schedule,
    /// What synthesis will find hard, worth reading before it starts.
    pub findings: Vec<Finding>,
}

/// A place in [`Design::types`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct TypeId(pub(super) usize);

/// A place in [`Design::constants`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct ConstantId(pub(super) usize);

/// A place in [`Design::edges`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct EdgeId(pub(super) usize);

/// A type with a name.
#[derive(Clone, Debug, Serialize)]
pub struct Type {
    /// The C++ name.
    pub name: String,
    /// Whether it is spelled as an integer type: a count, a sign, an amount to shift by. Any other
    /// is fixed-point.
    pub integer: bool,
    /// What it is.
    pub quantization: Quantization,
    /// The layer that it belongs to, in the model's spelling.
    pub layer: String,
    /// What it holds: `sums`, `weights`.
    pub holds: &'static str,
    /// The codes that occur, proven.
    pub range: Range,
}

/// Numbers that are part of the design.
#[derive(Clone, Debug, Serialize)]
pub struct Constant {
    /// The C++ name.
    pub name: String,
    /// Its elements' type; holds every code exactly.
    pub element: TypeId,
    /// The layer that it belongs to, in the model's spelling.
    pub layer: String,
    /// What it is: `weights`, `exponentials`.
    pub holds: &'static str,
    /// Row-major, in steps of the type.
    #[serde(skip)]
    pub codes: Codes,
}

/// One number that is part of the design.
#[derive(Clone, Debug, Serialize)]
pub struct Number {
    /// Its type.
    pub element: TypeId,
    /// In steps of the type.
    #[serde(serialize_with = "decimal")]
    pub code: BigInt,
}

fn decimal<S: serde::Serializer>(code: &BigInt, out: S) -> Result<S::Ok, S::Error> {
    out.collect_str(code)
}

/// A tensor on its way.
#[derive(Clone, Debug, Serialize)]
pub struct Edge {
    /// The C++ name.
    pub name: String,
    /// Its elements' type.
    pub element: TypeId,
    /// Elements along each axis of one sample.
    pub shape: Vec<usize>,
    /// How it is handed over.
    pub kind: EdgeKind,
    /// Whether it crosses the top function's border.
    pub role: EdgeRole,
    /// The node that made it, in the graph's spelling; for a port, the model's input or output
    /// layer.
    pub layer: String,
}

impl Edge {
    /// How many elements one sample has.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether a sample has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// How a tensor is handed from kernel to kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeKind {
    /// All elements, row-major (hls4ml's `io_parallel`).
    Array(Partition),
}

/// Where an edge runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeRole {
    /// An argument that the top function reads.
    Input,
    /// An argument that the top function writes.
    Output,
    /// Inside of the top function.
    Internal,
}

/// One C++ function.
#[derive(Clone, Debug, Serialize)]
pub struct Kernel {
    /// The C++ name.
    pub name: String,
    /// The graph's node, in the graph's spelling.
    pub layer: String,
    /// The operation's name, as the graph has it.
    pub operation: &'static str,
    /// What it reads, in the order of the operation's operands.
    pub inputs: Vec<EdgeId>,
    /// What it writes.
    pub output: EdgeId,
    /// What it computes.
    pub body: Body,
    /// How its loops run.
    pub loops: Loops,
    /// Clock cycles between two samples.
    pub initiation_interval: u64,
    /// The multipliers of a kernel that has any.
    pub multipliers: Option<Multipliers>,
}

/// What a kernel multiplies.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Multipliers {
    /// Products for one sample, those with constant zeros included.
    pub products: u64,
    /// Products with a constant that is neither 0 nor a power of two: the others are wires. All of
    /// them, if constants come from a memory.
    pub nontrivial_products: u64,
    /// How often one multiplier is used for a sample.
    pub reuse_factor: u64,
    /// At most this many multipliers: products / reuse factor, rounded up.
    pub limit: u64,
    /// The operand's width in bits.
    pub operand_width: u32,
    /// The constants' width in bits.
    pub constant_width: u32,
}

/// When what runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Schedule {
    /// How the kernels run together.
    pub flow: Flow,
    /// Clock cycles between two samples: the largest of the kernels', or their sum if they run
    /// one after the other.
    pub initiation_interval: u64,
    /// Multipliers of all kernels together, at most.
    pub multipliers: u64,
}

impl Multipliers {
    /// Those of a kernel with these loops: an iteration of one that is kept uses them anew.
    pub(super) fn in_loops(self, loops: Loops) -> Self {
        let Loops::Pipelined { iterations, interval, .. } = loops else { return self };
        Self { limit: self.nontrivial_products.div_ceil(iterations * interval.max(1)), ..self }
    }
}

impl Design {
    /// Designs hardware for `graph`.
    ///
    /// # Errors
    /// If an option makes no sense, or the graph needs a type or a literal that C++ lacks.
    /// What is merely hard to synthesise is no error but one of [`Design::findings`].
    pub fn new(graph: &Graph, options: &Options) -> Result<Self, HlsError> {
        build::design(graph, options)
    }

    /// The constants that an iteration of `kernel` reads several elements of, and how they are
    /// split for that.
    pub fn constants_of(&self, kernel: &Kernel) -> Vec<(&Constant, Partition)> {
        if let Body::Linear(linear) = &kernel.body
            && !linear.blocks.is_whole()
        {
            let (inputs, outputs) = (linear.block_inputs() as u64, linear.block_outputs() as u64);
            let matrices = linear.matrices().into_iter().map(|id| (id, inputs * outputs));
            let vectors = linear.vectors().into_iter().map(|id| (id, outputs));
            let several = matrices.chain(vectors).filter(|(_, elements)| *elements > 1);
            return several
                .map(|(id, elements)| (&self[id], Partition::Words { elements }))
                .collect();
        }
        let parallel = match kernel.loops {
            Loops::Unrolled => 1,
            Loops::Pipelined { parallel, .. } => parallel,
        };
        let constants = kernel.body.constants().into_iter().map(|id| &self[id]);
        constants.map(|it| (it, Partition::of(it.codes.len(), parallel))).collect()
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

impl Index<ConstantId> for Design {
    type Output = Constant;
    fn index(&self, id: ConstantId) -> &Constant {
        &self.constants[id.0]
    }
}

impl Index<EdgeId> for Design {
    type Output = Edge;
    fn index(&self, id: EdgeId) -> &Edge {
        &self.edges[id.0]
    }
}
