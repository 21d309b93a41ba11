//! The process of a recurrent layer.

use askama::Template;

use super::folds::Folds;
use super::{Array, Port, Scope};
use crate::back::text::literal;
use crate::hls::{KernelId, Recurrence, Start};

/// A state, and the text of an element of its initial value.
struct StateText<'a> {
    now: Array<'a>,
    next: Array<'a>,
    start: String,
}

/// A stream, and the array that a step takes from its token.
struct Row<'a> {
    port: Port<'a>,
    array: Array<'a>,
}

/// A kernel, and the array with its result.
struct Call<'a> {
    name: &'a str,
    output: Array<'a>,
    arguments: String,
    /// Its calls, if it is folded.
    folds: Option<Folds>,
}

#[derive(Template)]
#[template(path = "processes/recurrence.cpp")]
struct RecurrenceTemplate<'a> {
    cx: Scope<'a>,
    steps: usize,
    last: bool,
    /// The states outlive a call.
    stateful: bool,
    states: Vec<StateText<'a>>,
    /// Streams with initial states.
    starts: Vec<Port<'a>>,
    rows: Vec<Row<'a>>,
    kernels: Vec<Call<'a>>,
    result: Array<'a>,
}

impl RecurrenceTemplate<'_> {
    /// The declaration of a state.
    fn declare(&self, state: &StateText<'_>) -> String {
        self.cx.declare_as(if self.stateful { "static " } else { "" }, &state.now)
    }

    /// A token of `port`, read into its variable.
    fn read(&self, port: &Port<'_>) -> String {
        self.cx.read(port, &port.word)
    }
}

pub(super) fn render(cx: Scope<'_>, recurrence: &Recurrence) -> askama::Result<String> {
    let design = cx.design;
    let mut ports = cx.inputs();
    let starts = ports.split_off(recurrence.rows.len());
    let states = recurrence.states.iter().map(|state| {
        let now = cx.array(state.now);
        let start = match &state.start {
            Start::Number(number) => {
                let fraction = design[number.element].quantization.format.fractional_bits();
                literal(&number.code, fraction, now.ty)
            }
            Start::Constants(id) => format!("{}[c]", design[*id].name),
            Start::Input(position) => {
                format!("{}.lanes[c]", starts[position - recurrence.rows.len()].word)
            }
        };
        StateText { now, next: cx.array(state.next), start }
    });
    let rows = ports.into_iter().zip(&recurrence.rows);
    let rows = rows.map(|(port, array)| Row { port, array: cx.array(*array) });
    let call = |id: &KernelId| {
        let kernel = &design[*id];
        let output = cx.array(kernel.output);
        let inputs = kernel.inputs.iter().map(|edge| design[*edge].name.as_str());
        let folds = Folds::of_kernel(design, kernel, &format!("{}_sums", kernel.name));
        let arguments = match &folds {
            Some(folds) => folds.arguments(&[&design[kernel.inputs[0]].name, output.name], None),
            None => inputs.chain([output.name]).collect::<Vec<_>>().join(", "),
        };
        Call { name: &kernel.name, output, arguments, folds }
    };
    RecurrenceTemplate {
        steps: recurrence.steps,
        last: recurrence.last,
        stateful: recurrence.stateful,
        states: states.collect(),
        rows: rows.collect(),
        kernels: recurrence.kernels.iter().map(call).collect(),
        result: cx.array(recurrence.result),
        starts,
        cx,
    }
    .render()
}
