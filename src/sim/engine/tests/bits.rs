//! Factors from -1 to 1, and the step functions that give them.

use super::{Level, Outcome, check, check_inputs};
use crate::fixed::Codes;
use crate::ir::Graph;
use crate::ir::text::parse;
use crate::sim::engine::Plan;
use ndarray::{ArrayD, IxDyn};

/// `count` codes out of `values`, in any order.
fn codes(count: usize, values: &[i64]) -> String {
    let mut state = count as u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        values[(state >> 33) as usize % values.len()].to_string()
    };
    (0..count).map(|_| next()).collect::<Vec<_>>().join(", ")
}

/// Checks a graph, and the algorithm of its last step.
fn check_algorithm(text: &str, algorithm: &str) -> Outcome {
    let graph = parse(text)?;
    let plan = Plan::new(&graph, &[graph.outputs[0].node]);
    let last = plan.steps().last().map(|(_, algorithm)| algorithm);
    // Those processors multiply bytes faster.
    if Level::detect() != Level::Avx512 {
        assert_eq!(last.as_deref(), Some(algorithm), "{}", &text[text.len() - 60..]);
    }
    check(&graph, 7)?;
    Ok(())
}

/// Step functions whose values are signs; and an input of the codes 0 and 1.
const SIGNS: [&str; 3] = [
    "s = step_function x thresholds=fixed<4,4>[1]{1} values=fixed<2,2>[2]{-1, 1}",
    "s = step_function x thresholds=fixed<4,4>[2]{-2, 3} values=fixed<2,2>[3]{1, 0, -1}",
    "s = step_function x thresholds=fixed<4,4>[1]{0} values=ufixed<1,1>[2]{0, 1}",
];

const WEIGHTS: [&[i64]; 3] = [&[-1, 1], &[-1, 0, 1], &[-2, 2]];

#[test]
fn long_dense_rows_of_signs_are_bits() -> Outcome {
    for signs in SIGNS {
        for weights in WEIGHTS {
            for (inputs, outputs) in [(160, 1), (200, 17), (257, 70)] {
                let weights = codes(inputs * outputs, weights);
                let bias = codes(outputs, &[-9, 4, 31]);
                let text = format!(
                    "x = input shape=[2, {inputs}] format=fixed<4,4>
                     {signs}
                     y = linear s weights=fixed<3,3>[{inputs}, {outputs}]{{{weights}}} \
                         bias=fixed<6,6>[{outputs}]{{{bias}}}
                     output y"
                );
                check_algorithm(&text, "1-bit dot products")?;
            }
        }
    }
    Ok(())
}

#[test]
fn windows_of_signs_are_bits() -> Outcome {
    for signs in SIGNS {
        for weights in WEIGHTS {
            for channels in [56, 64] {
                let weights = codes(6 * channels * 5, weights);
                for window in [
                    "input=[6, 5], kernel=[3, 2], output=[4, 4]",
                    "input=[6, 5], kernel=[3, 2], pad_before=[1, 1], stride=[2, 1], output=[3, 6]",
                    "input=[6, 5], kernel=[3, 2], dilation=[2, 3], output=[2, 2]",
                ] {
                    let text = format!(
                        "x = input shape=[6, 5, {channels}] format=fixed<4,4>
                         {signs}
                         y = conv s window=({window}) groups=1 \
                             weights=fixed<3,3>[{}, 5]{{{weights}}}
                         output y",
                        6 * channels
                    );
                    check_algorithm(&text, "1-bit dot products")?;
                }
            }
        }
    }
    Ok(())
}

#[test]
fn short_rows_of_signs_are_bytes() -> Outcome {
    let signs = SIGNS[0];
    let weights = codes(64 * 9, &[-1, 1]);
    check_algorithm(
        &format!(
            "x = input shape=[64] format=fixed<4,4>\n{signs}
             y = linear s weights=fixed<2,2>[64, 9]{{{weights}}}\noutput y"
        ),
        "8-bit dot products",
    )?;
    // Each position would be padded to 32 bits.
    let weights = codes(4 * 4 * 8 * 3, &[-1, 1]);
    check_algorithm(
        &format!(
            "x = input shape=[5, 5, 8] format=fixed<4,4>\n{signs}
             y = conv s window=(input=[5, 5], kernel=[4, 4], output=[2, 2]) groups=1 \
                 weights=fixed<2,2>[128, 3]{{{weights}}}\noutput y"
        ),
        "8-bit dot products",
    )
}

/// All codes of an input of 12 bits in each of `channels` channels.
fn all(channels: usize) -> Codes {
    let code = |at: IxDyn| at[0] as i64 - (1 << 11);
    Codes::Narrow(ArrayD::from_shape_fn(IxDyn(&[1 << 12, channels]), code))
}

/// A graph with the step function of `count` thresholds after `scale`.
fn steps(count: i64, scale: &str) -> Result<Graph, Box<dyn std::error::Error>> {
    let list = |codes: Vec<String>| codes.join(", ");
    let thresholds = list((0..count).map(|at| ((at - count / 2) * 7).to_string()).collect());
    let values = list((0..=count).map(|at| (at * at % 29 - 14).to_string()).collect());
    let text = format!(
        "x = input shape=[3] format=fixed<12,12>
         {scale}
         y = step_function z thresholds=fixed<12,12>[{count}]{{{thresholds}}} \
             values=fixed<6,6>[{}]{{{values}}}
         output y",
        count + 1
    );
    Ok(parse(&text)?)
}

#[test]
fn every_number_of_steps_is_exact() -> Outcome {
    for count in [0, 1, 2, 4, 5, 16, 17, 40] {
        let graph = steps(count, "z = cast x to=fixed<12,12>")?;
        check_inputs(&graph, &[all(3)]).map_err(|error| format!("{count}: {error}"))?;
    }
    Ok(())
}

/// A scale of 64 significant bits, as of a batch normalisation, takes more than a machine word. Its
/// channels grow, fall and stay.
#[test]
fn a_scale_and_its_steps_are_thresholds_of_each_channel() -> Outcome {
    for count in [1, 2, 5, 16, 17, 40] {
        let scale = "z = affine x scale=fixed<66,2>[3]{11068046444225730969, \
                     -23835058055282163713, 0} bias=fixed<40,6>[3]{12345678901, -5, 99999999}";
        let text = steps(count, scale);
        let graph = text.map_err(|error| format!("{count}: {error}"))?;
        let plan = Plan::new(&graph, &[graph.outputs[0].node]);
        let steps: Vec<_> = plan.steps().collect();
        assert_eq!(steps, [("y", "elements, steps".to_owned())]);
        check_inputs(&graph, &[all(3)]).map_err(|error| format!("{count}: {error}"))?;
    }
    Ok(())
}
