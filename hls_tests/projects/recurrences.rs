//! Recurrent layers: steps of kernels with states in registers.

use bitkiln::back::Tool;
use bitkiln::config::{IoType, Recurrence, Strategy};
use bitkiln::hls::Process;
use bitkiln::ir::{text, validate};

use crate::networks::Network;
use crate::verified::assert_exact_for;

fn recurrent(graph: &str, samples: usize) -> Network {
    let graph = text::parse(graph).unwrap();
    validate(&graph).unwrap();
    let mut network = Network::new(graph, samples, 4);
    network.options.io = IoType::Stream;
    network
}

/// Two states, one of which takes the value of the other.
const DELAYED: &str = "graph delayed
    x = input shape=[5, 3] format=fixed<5,2>
    gains = input shape=[5, 3] format=ufixed<2,1>
    start = input shape=[3] format=fixed<6,3>
    before = input shape=[3] format=fixed<6,3>
    sum = scan x gains start before body=(
        row = input shape=[3] format=fixed<5,2>
        gain = input shape=[3] format=ufixed<2,1>
        sum = input shape=[3] format=fixed<6,3>
        late = input shape=[3] format=fixed<6,3>
        mixed = linear sum weights=fixed<3,1>[3, 3]{1, -2, 3, 0, -4, 2, 1, 1, -3} layer=sum
        scaled = multiply row gain layer=sum
        added = add mixed scaled layer=sum
        both = add added late layer=sum
        kept = cast added to=fixed<6,3,RND,SAT> layer=sum
        output both
        output kept
        output sum
    )
    last = scan x initial=(fixed<6,3>[3]{1, -2, 31}) last=true body=(
        row = input shape=[3] format=fixed<5,2>
        state = input shape=[3] format=fixed<6,3>
        added = add state row layer=last
        kept = cast added to=fixed<6,3,TRN,WRAP> layer=last
        output kept
        output kept
    )
    output sum
    output last";

/// A recurrent layer with two states, small enough to be read.
pub fn small_recurrence() -> Network {
    recurrent(DELAYED, 8)
}

#[test]
fn states_start_from_tokens_and_constants_and_change_at_once() {
    let mut network = small_recurrence();
    for backend in Tool::ALL {
        assert_exact_for(&network, backend);
    }
    network.options.io = IoType::Parallel;
    assert_exact_for(&network, Tool::Vitis);
    network.options.recurrence = Recurrence::Unrolled;
    let design = network.design(Tool::Vitis);
    assert!(design.processes.is_empty(), "one pipeline");
    assert_exact_for(&network, Tool::Catapult);
}

#[test]
fn one_step_is_a_step() {
    for (last, backend) in ["", "last=true "].into_iter().zip(Tool::ALL) {
        let text = format!(
            "graph one
            x = input shape=[1, 2] format=fixed<4,4>
            y = scan x initial=(fixed<4,4>[2]{{-8, -8}}) {last}body=(
                row = input shape=[2] format=fixed<4,4>
                state = input shape=[2] format=fixed<4,4>
                sum = add state row layer=y
                next = cast sum to=fixed<4,4,TRN,SAT> layer=y
                output sum
                output next
            )
            output y"
        );
        assert_exact_for(&recurrent(&text, 20), backend);
    }
}

/// The states of a sample are those that the sample before it ended in.
#[test]
fn states_outlive_a_sample() {
    let starts = "initial=(fixed<6,3>[3]{3, -4, 0}, fixed<6,3>[3]{1, 1, 1}) stateful=true";
    let text = DELAYED.replace("scan x gains start before", &format!("scan x gains {starts}"));
    let text = ["start", "before"].into_iter().fold(text, |text, input| {
        text.replace(&format!("    {input} = input shape=[3] format=fixed<6,3>\n"), "")
    });
    let mut network = recurrent(&text, 8);
    for (io, backend) in [IoType::Stream, IoType::Parallel].into_iter().zip(Tool::ALL) {
        network.options.io = io;
        assert!(network.design(backend).is_stateful());
        assert_exact_for(&network, backend);
    }
}

/// Matrices that share their multipliers over several clock cycles of a step, one after the other.
#[test]
fn matrices_of_a_step_are_folded() {
    let weights = |inputs: usize, outputs: usize| {
        let codes = (0..inputs * outputs).map(|at| (at * 5 + at / 7) % 15);
        let codes: Vec<String> = codes.map(|code| (code as i64 - 7).to_string()).collect();
        format!("fixed<4,1>[{inputs}, {outputs}]{{{}}}", codes.join(", "))
    };
    let text = format!(
        "graph folded
        x = input shape=[4, 6] format=fixed<5,2>
        y = scan x initial=(fixed<6,2>[6]{{0, 0, 0, 0, 0, 0}}) body=(
            row = input shape=[6] format=fixed<5,2>
            state = input shape=[6] format=fixed<6,2>
            first = linear state weights={} layer=y
            wide = cast first to=fixed<5,2,RND,SAT> layer=y
            second = linear wide weights={} layer=y
            sum = add second row layer=y
            next = cast sum to=fixed<6,2,RND,SAT> layer=y
            output sum
            output next
        )
        output y",
        weights(6, 8),
        weights(8, 6)
    );
    let mut network = recurrent(&text, 12);
    network.options.strategy = Strategy::Resource;
    for reuse_factor in [2, 3, 4, 8, 16, 48] {
        network.options.reuse_factor = reuse_factor;
        let design = network.design(Tool::Vitis);
        let folded = design.kernels.iter().filter(|it| it.plan.folds == reuse_factor).count();
        assert_eq!(folded, 2, "{reuse_factor}");
        let steps = design.processes.iter().find_map(Process::recurrence).unwrap();
        assert!(steps.interval > 2 * reuse_factor, "{reuse_factor}: {}", steps.interval);
        if let Some(at) = [3, 16].iter().position(|it| *it == reuse_factor) {
            assert_exact_for(&network, Tool::ALL[at]);
        }
    }
}
