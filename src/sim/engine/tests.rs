//! The engine gives the codes of the reference evaluation, at the edges of every width.

mod bits;

use std::num::NonZeroUsize;

use ndarray::{ArrayD, IxDyn};

use super::{Level, Plan, Threads};
use crate::fixed::Codes;
use crate::ir::text::parse;
use crate::ir::{Graph, NodeId, validate};
use crate::sim::{Executor, SimError, run, vectors};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Compares all results, and the outputs alone, with those of the reference for `samples` samples.
fn check(graph: &Graph, samples: usize) -> Outcome {
    check_inputs(graph, &vectors(graph, samples))
}

/// The same for samples `inputs`.
fn check_inputs(graph: &Graph, inputs: &[Codes]) -> Outcome {
    validate(graph)?;
    let expected = run(graph, inputs)?;
    let outputs: Vec<NodeId> = graph.outputs.iter().map(|output| output.node).collect();
    for keep in [graph.topological_order(), outputs] {
        let plan = Plan::new(graph, &keep);
        for threads in [1, 3] {
            let found = plan.run(inputs, &Threads::new(threads))?;
            for node in &keep {
                let steps: Vec<_> = plan.steps().collect();
                let name = &graph[*node].name;
                assert_eq!(found.of(*node), expected.of(*node), "'{name}' of {steps:?}");
            }
        }
    }
    Ok(())
}

/// Every kind of arithmetic on an input of `format` with `width` bits.
fn arithmetic(format: &str, width: u32) -> String {
    let small = width.min(5);
    format!(
        "x = input shape=[4, 2] format={format}
         z = input shape=[4, 2] format={format}
         fc = linear x weights=fixed<4,1>[2, 3]{{7, -8, 3, -5, 0, 1}} bias=fixed<6,2>[3]{{-32, 31, 5}}
         deep = linear x weights=fixed<34,1>[2, 1]{{8589934591, -8589934592}}
         act = cast fc to=fixed<{small},2,RND_CONV,SAT>
         wrapped = cast fc to=ufixed<{small},1,RND_ZERO,WRAP>
         zeroed = cast fc to=fixed<{width},{width},RND_INF,SAT_ZERO>
         finer = cast x to=fixed<{width},1,TRN_ZERO,SAT_SYM>
         sum = add x z
         difference = subtract x z
         product = multiply x z
         largest = maximum x z
         scaled = affine x scale=fixed<8,1>[2]{{127, -128}} bias=fixed<4,4>[1]{{-8}}
         scaled_act = cast scaled to=fixed<6,3,RND,SAT>
         scaled_clamp = clamp scaled_act low=-3 high=9
         leaky = leaky z threshold=0 slopes=ufixed<3,0>[1]{{5}}
         moved = gather x shape=[3] indices=[7, _, 0]
         joined = concat x z axis=1
         steps = step_function x thresholds=fixed<1,1>[1]{{0}} values=fixed<9,4>[2]{{-256, 255}}
         output act
         output wrapped
         output zeroed
         output deep
         output finer
         output sum
         output difference
         output product
         output largest
         output scaled_clamp
         output leaky
         output moved
         output joined
         output steps"
    )
}

#[test]
fn every_width_is_exact_at_its_edges() -> Outcome {
    for width in 1..=64 {
        for signedness in ["", "u"] {
            let format = format!("{signedness}fixed<{width},{}>", width / 2);
            let graph = parse(&arithmetic(&format, width)).map_err(|e| format!("{format}: {e}"))?;
            check(&graph, 12).map_err(|error| format!("{format}: {error}"))?;
        }
    }
    Ok(())
}

#[test]
fn blocks_of_samples_are_joined() -> Outcome {
    let graph = parse(&arithmetic("fixed<8,4>", 8))?;
    let block = Plan::new(&graph, &[graph.outputs[0].node]).block();
    for samples in [0, 1, block - 1, block, 2 * block + 1] {
        check(&graph, samples)?;
    }
    let inputs = vectors(&graph, 3 * block);
    let executor = Executor { threads: NonZeroUsize::new(2), ..Executor::default() };
    let outputs: Vec<NodeId> = graph.outputs.iter().map(|output| output.node).collect();
    let mut seen = 0;
    let sum = outputs[5];
    let kept = executor.run_in_batches(&graph, &inputs, &outputs, &[sum], |trace| {
        seen += trace.of(sum).map_or(0, |codes| codes.shape()[0]);
    })?;
    assert_eq!(seen, 3 * block);
    assert_eq!(kept.of(sum), run(&graph, &inputs)?.of(sum));
    Ok(())
}

/// The scale of a batch normalisation, of 64 significant bits, and a quantizer after it are one
/// multiplication; the codes are those of exact arithmetic, for all codes of the operand.
#[test]
fn a_scale_and_its_quantizer_are_one_line() -> Outcome {
    for (width, to, scales, line) in [
        (14, "fixed<6,2,RND_CONV,SAT>", "{11068046444225730969, -13835058055282163713, 1}", "line"),
        (14, "ufixed<6,0,TRN,SAT>", "{9223372036854775809, -9223372036854775809, 0}", "line"),
        (
            14,
            "fixed<4,1,RND_INF,SAT_SYM>",
            "{12297829382473034411, 18446744073709551615, -3}",
            "line",
        ),
        (
            17,
            "ufixed<6,0,RND_CONV,SAT>",
            "{12297829382473034411, -7905747460161236406, 5270498306774157604}",
            "float line",
        ),
    ] {
        let from = if width == 14 { 6 } else { 3 };
        let graph = parse(&format!(
            "x = input shape=[3] format=fixed<{width},{from}>
             y = affine x scale=fixed<65,1>[3]{scales} bias=fixed<40,2>[3]{{12345678901, -5, 0}}
             q = cast y to={to}
             output q"
        ))?;
        let plan = Plan::new(&graph, &[graph.outputs[0].node]);
        let steps: Vec<_> = plan.steps().collect();
        assert_eq!(steps, [("q", format!("elements, {line}"))]);
        let all =
            ArrayD::from_shape_fn(IxDyn(&[1 << width, 3]), |at| at[0] as i64 - (1 << (width - 1)));
        check_inputs(&graph, &[Codes::Narrow(all)])?;
    }
    Ok(())
}

#[test]
fn a_code_outside_of_its_proven_range_is_found() -> Outcome {
    let mut graph =
        parse("x = input shape=[2] format=fixed<4,1>\ny = scale x power=1\nz = add x y\noutput z")?;
    let z = graph.outputs[0].node;
    graph[z].tensor.ranges = vec![crate::fixed::Range::new(-3, 3)];
    let inputs = vectors(&graph, 3);
    let run = || Plan::new(&graph, &[z]).run(&inputs, &Threads::new(1));
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
    assert_eq!(panic.is_err(), cfg!(debug_assertions));
    Ok(())
}

/// Pooling of codes as they are stored, in every type, for few channels and many.
#[test]
fn the_largest_elements_of_windows_are_found_in_every_type() -> Outcome {
    for width in [4, 12, 24, 40, 70] {
        for channels in [1, 3, 4, 7, 16, 24, 65] {
            let graph = parse(&format!(
                "x = input shape=[4, 5, {channels}] format=fixed<{width},3>
                 y = max_pool x window=(input=[4, 5], kernel=[2, 2], stride=[2, 3], output=[2, 2])
                 p = max_pool x window=(input=[4, 5], kernel=[3, 3], pad_before=[1, 1], output=[4, 5])
                 output y
                 output p"
            ))?;
            check(&graph, 3).map_err(|error| format!("{width} bits, {channels}: {error}"))?;
        }
    }
    Ok(())
}

/// A recurrence whose second state is the first one of the step before.
fn recurrence(attributes: &str) -> String {
    format!(
        "x = input shape=[5, 4] format=fixed<6,2>
         s = scan x initial=(fixed<6,2>[2]{{3, -7}}, fixed<6,2>[2]{{0, 1}}) {attributes} body=(
         row = input shape=[4] format=fixed<6,2>
         h = input shape=[2] format=fixed<6,2>
         older = input shape=[2] format=fixed<6,2>
         gate = gather row shape=[2] indices=[1, 2]
         gate_act = cast gate to=fixed<4,2,RND_CONV,SAT>
         twin = cast gate to=fixed<4,2,RND_CONV,SAT>
         reversed = gather row shape=[2] indices=[3, 0]
         product = multiply gate_act older
         sum = add product reversed
         all = add sum h
         more = add all twin
         next = cast more to=fixed<6,2,RND,SAT>
         output more
         output next
         output h
         )
         output s"
    )
}

#[test]
fn states_go_from_step_to_step_and_from_sample_to_sample() -> Outcome {
    for attributes in ["", "last=true", "stateful=true", "last=true stateful=true"] {
        let graph = parse(&recurrence(attributes))?;
        for samples in [0, 1, 7, 130] {
            check(&graph, samples).map_err(|error| format!("{attributes}: {error}"))?;
        }
    }
    Ok(())
}

#[test]
fn equal_operations_are_one_step() -> Outcome {
    let graph = parse(
        "x = input shape=[3] format=fixed<8,3>
         a = cast x to=fixed<4,2,RND,SAT>
         b = cast x to=fixed<4,2,RND,SAT>
         c = cast x to=fixed<4,2,TRN,SAT>
         y = add a c
         z = multiply b c
         output y
         output z
         output b",
    )?;
    let plan = Plan::new(&graph, &graph.outputs.iter().map(|it| it.node).collect::<Vec<_>>());
    let names: Vec<&str> = plan.steps().map(|(name, _)| name).collect();
    assert_eq!(names, ["a", "c", "y", "z"]);
    check(&graph, 9)
}

#[test]
fn a_code_outside_of_the_format_of_an_input_is_an_error() -> Outcome {
    let graph = parse("x = input shape=[2] format=fixed<4,1>\ny = scale x power=1\noutput y")?;
    let plan = Plan::new(&graph, &[graph.outputs[0].node]);
    for (code, is_fit) in [(7, true), (8, false), (-8, true), (-9, false)] {
        let codes = Codes::Narrow(ndarray::array![[0, 0], [0, code]].into_dyn());
        let error = plan.run(&[codes], &Threads::new(1)).err();
        let expected = (!is_fit).then(|| SimError::Code { input: "x".to_owned() });
        assert_eq!(error, expected, "{code}");
    }
    Ok(())
}
