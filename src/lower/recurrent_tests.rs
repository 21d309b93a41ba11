//! Recurrent layers: the types of their states, and the warnings about those without a quantizer.

use ndarray::array;

use super::lower;
use super::tests::{Outcome, chain, settings};
use crate::ir::{Graph, Op, Scan};
use crate::model::{
    Activation, Cell, CellKind, LayerKind, Layout, Model, Recurrent, RecurrentResult,
};

/// Two steps of two numbers, and a layer with a unit, whose quantizers all are `parameters` and
/// `state`.
fn model(
    kind: CellKind,
    parameters: &str,
    state: &str,
) -> Result<Model, Box<dyn std::error::Error>> {
    let quantizer = |text: &str| match text {
        "" => Ok(None),
        text => text.parse().map(Some),
    };
    let gates = kind.gates();
    let cell = Cell {
        kind,
        kernel: ndarray::Array2::from_elem((2, gates), 0.5),
        recurrent_kernel: ndarray::Array2::from_elem((1, gates), 0.25),
        bias: None,
        kernel_quantizer: quantizer(parameters)?,
        recurrent_quantizer: quantizer(parameters)?,
        bias_quantizer: None,
        state_quantizer: quantizer(state)?,
        activation: Activation::Quantizer("quantized_bits(4,0,1,alpha=1)".parse()?),
        recurrent_activation: Activation::Quantizer("quantized_relu(3,0)".parse()?),
    };
    let recurrent = Recurrent {
        cells: vec![cell],
        go_backwards: false,
        return_sequences: true,
        result: RecurrentResult::Output,
    };
    let steps = LayerKind::Layout(vec![Layout::Reshape(vec![2, 2])]);
    Ok(chain(4, vec![("steps", steps), ("rnn", LayerKind::Recurrent(recurrent))]))
}

fn scan(graph: &Graph) -> Option<&Scan> {
    graph.nodes.node_weights().find_map(|node| match &node.op {
        Op::Scan(scan) => Some(scan),
        _ => None,
    })
}

/// The types of the states of the lowered model, and the warnings.
fn states(model: &Model) -> Result<(Vec<String>, Vec<String>), Box<dyn std::error::Error>> {
    let lowered = lower(model, &settings("fixed<4,1>")?)?;
    let scan = scan(&lowered.graph).ok_or("no scan")?;
    let inputs = scan.body.inputs.iter().skip(1).map(|input| &scan.body[*input].tensor);
    let types = inputs.map(|tensor| format!("{} {}", tensor.format, tensor.range())).collect();
    Ok((types, lowered.warnings.iter().map(ToString::to_string).collect()))
}

const BITS: &str = "quantized_bits(4,0,1,alpha=1)";

#[test]
fn the_quantizer_of_a_state_is_its_type() -> Outcome {
    let (types, warnings) = states(&model(CellKind::Lstm, BITS, "quantized_bits(6,1,1,alpha=1)")?)?;
    // Symmetric: the lowest code does not occur.
    assert_eq!(types[1], "fixed<6,2> [-31, 31]");
    assert!(types[0].starts_with("fixed<6,2> "), "{types:?}");
    assert_eq!(warnings, [""; 0]);
    Ok(())
}

#[test]
fn a_state_begins_with_the_quantizer_of_0() -> Outcome {
    let model = model(CellKind::Gru { reset_after: true }, BITS, "binary(alpha=1)")?;
    let lowered = lower(&model, &settings("fixed<4,1>")?)?;
    let scan = scan(&lowered.graph).ok_or("no scan")?;
    let starts: Vec<_> = scan.initial.iter().map(|start| start.codes.clone()).collect();
    assert_eq!(starts, [crate::fixed::Codes::Narrow(array![1_i64].into_dyn())]);
    Ok(())
}

#[test]
fn a_state_without_a_quantizer_has_the_configured_type_unless_quantizers_make_it() -> Outcome {
    let (types, warnings) = states(&model(CellKind::Simple, BITS, "")?)?;
    // The codes of quantized_bits(4,0,1), which are those of the activation.
    assert_eq!(types, ["fixed<5,2> [-7, 7]"]);
    assert_eq!(warnings, [""; 0]);
    for (kind, name) in [(CellKind::Lstm, "c"), (CellKind::Gru { reset_after: false }, "h")] {
        let (types, warnings) = states(&model(kind, BITS, "")?)?;
        let last = types.last().ok_or("no state")?;
        assert!(last.starts_with("fixed<16,6> "), "{types:?}");
        let message =
            format!("layer 'rnn': no quantizer for the state {name}; quantized to fixed<16,6>");
        assert!(warnings.iter().any(|warning| warning.starts_with(&message)), "{warnings:?}");
    }
    Ok(())
}

#[test]
fn a_layer_without_quantizers_names_what_has_none() -> Outcome {
    let (_, warnings) = states(&model(CellKind::Lstm, "", "")?)?;
    let message =
        "layer 'rnn': no quantizer for kernel, recurrent kernel and state c; quantized to ";
    assert!(warnings.iter().any(|warning| warning.starts_with(message)), "{warnings:?}");
    Ok(())
}
