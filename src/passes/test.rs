//! Tests of passes on the text form.

use super::{Pass, Report};
use crate::ir::{Graph, text, validate};
use crate::sim;

/// The valid graph of `lines`.
pub(super) fn graph(lines: &str) -> Graph {
    let graph = text::parse(&format!("graph g\n{lines}")).expect("a graph in text");
    validate(&graph).expect("a valid graph");
    graph
}

/// Asserts that `pass` turns `before` into `expected`, a valid graph with the same outputs for
/// random vectors.
pub(super) fn assert_pass(pass: Pass, before: &str, expected: &str) -> Report {
    let before = graph(before);
    let mut after = before.clone();
    let mut report = Report::default();
    (pass.run)(&mut after, &mut report);
    let expected: Vec<&str> = expected.lines().map(str::trim).collect();
    assert_eq!(text::print(&after, None), format!("graph g\n{}\n", expected.join("\n")));
    validate(&after).expect("a valid graph after the pass");
    let samples = sim::vectors(&before, 200);
    let outputs = |graph: &Graph| {
        let trace = sim::run(graph, &samples).expect("samples of the inputs' formats");
        assert!(trace.out_of_range(graph).is_none(), "{:?}", trace.out_of_range(graph));
        trace.outputs(graph)
    };
    assert_eq!(outputs(&before), outputs(&after));
    report
}
