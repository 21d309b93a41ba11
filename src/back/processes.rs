//! Processes of streaming designs as C++: one template for each form, shared by the dialects.

mod conditions;
mod folds;
mod grid;
mod pool;
mod ports;
mod recurrence;
mod windows;

use std::borrow::Borrow;

use askama::Template;

use self::folds::Folds;
use self::ports::Port;
use super::BackError;
use super::dialect::Dialect;
use super::kernels::{self, AccumulatedSums};
use super::text::{comment, counted, indent, operations, whole_lines};
use crate::hls::{Design, EdgeId, EdgeKind, Loop, Memory, Partition, Process, ProcessForm, Repack};
use crate::ir::PoolKind;

/// A loop that copies a token, or takes a step, in each iteration.
const STEP: Loop = Loop::Pipeline { interval: 1, unroll: 1 };

/// The C++ function of `process`.
pub(super) fn render(
    design: &Design,
    process: &Process,
    dialect: &dyn Dialect,
) -> Result<String, BackError> {
    let cx = Scope { design, process, dialect };
    let text = match &process.form {
        ProcessForm::Rows { tokens, copies } => match Folds::of(design, process) {
            Some(folds) => {
                let steps = *tokens as u64 * folds.count();
                FoldedRowsTemplate { cx, tokens: *tokens, folds, steps }.render()
            }
            None => RowsTemplate { cx, tokens: *tokens, copies: *copies }.render(),
        },
        ProcessForm::Fork { tokens } => ForkTemplate { cx, tokens: *tokens }.render(),
        ProcessForm::Repack(repack) => RepackTemplate { cx, repack }.render(),
        ProcessForm::Concat { rounds, runs } => {
            ConcatTemplate { cx, rounds: *rounds, runs, turn: runs.iter().sum() }.render()
        }
        ProcessForm::Accumulate { tokens } => accumulate(cx, *tokens).render(),
        ProcessForm::FromArray { tokens } => FromArrayTemplate { cx, tokens: *tokens }.render(),
        ProcessForm::ToArray { tokens } => ToArrayTemplate { cx, tokens: *tokens }.render(),
        ProcessForm::Reduce { kind, tokens, positions } => {
            let is_max = *kind == PoolKind::Max;
            ReduceTemplate { cx, tokens: *tokens, positions: *positions, is_max }.render()
        }
        ProcessForm::Pool(pool) => pool::render(cx, pool),
        ProcessForm::Recurrence(steps) => recurrence::render(cx, steps),
        ProcessForm::Frame => FrameTemplate { cx }.render(),
        ProcessForm::Windows(lines) => windows::render(cx, lines),
    };
    Ok(indent(&text?))
}

#[derive(Template)]
#[template(path = "processes/rows.cpp")]
struct RowsTemplate<'a> {
    cx: Scope<'a>,
    tokens: usize,
    /// Positions of a token, each with a kernel of its own.
    copies: usize,
}

#[derive(Template)]
#[template(path = "processes/fork.cpp")]
struct ForkTemplate<'a> {
    cx: Scope<'a>,
    tokens: usize,
}

#[derive(Template)]
#[template(path = "processes/repack.cpp")]
struct RepackTemplate<'a> {
    cx: Scope<'a>,
    repack: &'a Repack,
}

#[derive(Template)]
#[template(path = "processes/concat.cpp")]
struct ConcatTemplate<'a> {
    cx: Scope<'a>,
    rounds: usize,
    runs: &'a [usize],
    /// Tokens of a run of each input.
    turn: usize,
}

impl ConcatTemplate<'_> {
    /// The end of the run of input `position` in a turn.
    fn end(&self, position: &usize) -> usize {
        self.runs[..=*position].iter().sum()
    }
}

#[derive(Template)]
#[template(path = "processes/accumulate.cpp")]
struct AccumulateTemplate<'a> {
    cx: Scope<'a>,
    sums: AccumulatedSums<'a>,
    tokens: usize,
    folds: Option<Folds>,
    /// Iterations of the process for a sample.
    steps: u64,
}

fn accumulate(cx: Scope<'_>, tokens: usize) -> AccumulateTemplate<'_> {
    let kernel = cx.process.kernel.map(|id| &cx.design[id]);
    let sums = kernel.and_then(|kernel| kernels::sums(cx.design, kernel, cx.dialect));
    let sums = sums.expect("a process that accumulates has a kernel that does");
    let folds = Folds::of(cx.design, cx.process);
    let steps = tokens as u64 * folds.as_ref().map_or(1, Folds::count);
    AccumulateTemplate { cx, sums, tokens, folds, steps }
}

#[derive(Template)]
#[template(path = "processes/from_array.cpp")]
struct FromArrayTemplate<'a> {
    cx: Scope<'a>,
    tokens: usize,
}

#[derive(Template)]
#[template(path = "processes/to_array.cpp")]
struct ToArrayTemplate<'a> {
    cx: Scope<'a>,
    tokens: usize,
}

#[derive(Template)]
#[template(path = "processes/reduce.cpp")]
struct ReduceTemplate<'a> {
    cx: Scope<'a>,
    tokens: usize,
    /// Positions of a token.
    positions: usize,
    is_max: bool,
}

#[derive(Template)]
#[template(path = "processes/frame.cpp")]
struct FrameTemplate<'a> {
    cx: Scope<'a>,
}

#[derive(Template)]
#[template(path = "processes/rows_folded.cpp")]
struct FoldedRowsTemplate<'a> {
    cx: Scope<'a>,
    tokens: usize,
    folds: Folds,
    /// Iterations of the process for a sample.
    steps: u64,
}

/// A process, as its template asks for it.
struct Scope<'a> {
    design: &'a Design,
    process: &'a Process,
    dialect: &'a dyn Dialect,
}

/// An array inside a process.
struct Array<'a> {
    name: &'a str,
    ty: &'a str,
    len: usize,
    partition: Partition,
    /// Its memories, if it is none of registers.
    memory: Option<Memory>,
}

impl<'a> Scope<'a> {
    /// The layer's name, for a comment.
    fn title(&self) -> String {
        comment(&self.process.layer)
    }

    /// So many of `noun`, for a comment.
    fn counted(&self, count: impl Borrow<usize>, noun: &str) -> String {
        counted(*count.borrow(), noun)
    }

    /// The operations of a sample besides those of kernels, for a comment.
    fn cost(&self) -> String {
        operations(&self.process.operations(self.design))
    }

    /// The declaration of an array.
    fn declare(&self, array: &Array<'_>) -> String {
        self.declare_as("", array)
    }

    /// The declaration of an array with `specifier` before it.
    fn declare_as(&self, specifier: &str, array: &Array<'_>) -> String {
        let Array { name, ty, len, partition, memory } = array;
        let mut pragmas = self.dialect.at_array(name, *len, *partition);
        pragmas.extend(memory.iter().flat_map(|memory| self.dialect.at_memory(memory)));
        self.dialect.declare_array(&format!("{specifier}{ty}"), name, &[*len], pragmas)
    }

    /// The declaration of an array of registers.
    fn registers(&self, ty: &str, name: &str, len: impl Borrow<usize>) -> String {
        self.dialect.declare_registers(ty, name, &[*len.borrow()])
    }

    /// The pragmas of a static variable.
    fn at_static(&self, name: &str) -> String {
        whole_lines(self.dialect.at_static(name))
    }

    /// The function's declaration.
    fn signature(&self) -> String {
        let vendor = self.dialect.vendor();
        let streams = |port: Port<'_>| {
            let stream = |(name, word)| format!("{}<{word}> &{name}", vendor.stream);
            port.streams().into_iter().map(stream).collect::<Vec<_>>()
        };
        let array = |edge: &EdgeId, name: &str| match self.design[*edge].kind {
            EdgeKind::Array(_) => {
                let edge = &self.design[*edge];
                Some(format!("{} {name}[{}]", self.design[edge.element].name, edge.len()))
            }
            EdgeKind::Stream(_) => None,
        };
        let from = self.process.inputs.iter().filter_map(|edge| array(edge, "input"));
        let from = from.map(|array| format!("const {array}"));
        let to = self.process.outputs.iter().filter_map(|edge| array(edge, "output"));
        let streams = self.inputs().into_iter().chain(self.outputs()).flat_map(streams);
        let reset = self.process.takes_reset().then(|| "bool reset".to_owned());
        let arguments: Vec<String> = from.chain(streams).chain(to).chain(reset).collect();
        let declaration = format!("static void {}({})", self.process.name, arguments.join(", "));
        let before = vendor.before_process.iter().map(|line| format!("{line}\n"));
        before.collect::<String>() + &declaration
    }

    /// The name of the kernel.
    fn kernel(&self) -> &'a str {
        self.process.kernel.map_or("", |id| &self.design[id].name)
    }

    /// The argument of the kernel for the current token, which holds `copies` positions, if it
    /// takes one.
    fn position(&self, copies: &usize) -> String {
        let takes = self.process.kernel.is_some_and(|id| self.design[id].takes_position());
        match (takes, copies) {
            (false, _) => String::new(),
            (true, 1) => ", n".to_owned(),
            (true, _) => format!(", n * {copies} + p"),
        }
    }

    /// The type of an element of the first input.
    fn element(&self) -> &'a str {
        &self.design[self.design[self.process.inputs[0]].element].name
    }

    /// The type of an element of the first output.
    fn result_type(&self) -> &'a str {
        &self.design[self.design[self.process.outputs[0]].element].name
    }

    /// The arrays of operands and result, the result last.
    fn arrays(&self) -> Vec<Array<'a>> {
        let design = self.design;
        let kernels = self.process.kernel.iter().map(|id| &design[*id]);
        let edges = kernels.flat_map(|kernel| kernel.inputs.iter().chain([&kernel.output]));
        edges.map(|edge| self.array(*edge)).collect()
    }

    /// An array inside the process.
    fn array(&self, id: EdgeId) -> Array<'a> {
        let edge = &self.design[id];
        let partition = match edge.kind {
            EdgeKind::Array(partition) => partition,
            EdgeKind::Stream(_) => Partition::Complete,
        };
        let ty = &self.design[edge.element].name;
        let kernel = self.process.kernel.filter(|_| self.process.form == ProcessForm::Frame);
        let memory = kernel.and_then(|kernel| self.design.frame_memory(&self.design[kernel], edge));
        Array { name: &edge.name, ty, len: edge.len(), partition, memory }
    }

    /// The array of the first operand.
    fn operand_array(&self) -> Array<'a> {
        self.arrays().swap_remove(0)
    }

    fn array_of(&self, position: &usize) -> Array<'a> {
        self.arrays().swap_remove(*position)
    }

    fn result_array(&self) -> Array<'a> {
        self.arrays().pop().expect("a process has an array")
    }

    fn array_names(&self) -> String {
        self.arrays().iter().map(|array| array.name).collect::<Vec<_>>().join(", ")
    }

    /// The declarations of the counters of steps.
    fn counters(&self, folds: &Folds) -> String {
        folds.counters(self.dialect)
    }

    /// The type of a variable that counts from 0 to `most`.
    fn counter(&self, most: usize) -> String {
        self.dialect.counter(most)
    }

    /// The pragmas before the function of a process that is one loop, or takes one token.
    fn before_process(&self) -> String {
        match self.dialect.vendor().pipelines_processes {
            true => self.before_tokens(),
            false => String::new(),
        }
    }

    /// The pragmas in the innermost loop of a process that does nothing else.
    fn in_frame(&self) -> String {
        self.dialect.inside(self.dialect.frame_pragmas(self.process.plan))
    }

    /// The pragmas before the loop over tokens.
    fn before_tokens(&self) -> String {
        self.dialect.before(self.dialect.token_pragmas(self.process.plan))
    }

    /// The pragmas in the loop over tokens, or in the function of a process that takes one.
    fn in_tokens(&self) -> String {
        self.dialect.inside(self.dialect.token_pragmas(self.process.plan))
    }

    /// The pragmas before a loop that copies a token, or takes a step, in each iteration.
    fn before_steps(&self) -> String {
        self.dialect.before(self.dialect.token_pragmas(STEP))
    }

    fn in_steps(&self) -> String {
        self.dialect.inside(self.dialect.token_pragmas(STEP))
    }

    fn before_unrolled(&self) -> String {
        self.dialect.before_loop(Loop::Unroll)
    }

    fn in_unrolled(&self) -> String {
        self.dialect.in_loop(Loop::Unroll)
    }
}
