//! Recurrent layers: the types of their states, and the warnings about those without a quantizer.

use ndarray::array;

use super::tests::{Outcome, chain, settings};
use super::{Settings, lower};
use crate::config::Config;
use crate::ir::{Graph, Op, Scan, Tensor};
use crate::model::{
    Activation, Cell, CellKind, LayerKind, Layout, Model, Origin, Recurrent, RecurrentResult,
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
        stateful: false,
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
    states_with(model, &settings("fixed<4,1>")?)
}

/// As [`states`], with these settings.
fn states_with(
    model: &Model,
    settings: &Settings,
) -> Result<(Vec<String>, Vec<String>), Box<dyn std::error::Error>> {
    let lowered = lower(model, settings)?;
    let scan = scan(&lowered.graph).ok_or("no scan")?;
    let inputs = scan.body.inputs.iter().skip(1).map(|input| &scan.body[*input].tensor);
    let types = inputs.map(|tensor| format!("{} {}", tensor.format, tensor.range())).collect();
    Ok((types, lowered.warnings.iter().map(|it| it.diagnostic().to_string()).collect()))
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
fn a_scale_of_all_states_is_an_error() -> Outcome {
    let model = model(CellKind::Simple, BITS, "quantized_bits(4,0,1,alpha='auto_po2')")?;
    let error = lower(&model, &settings("fixed<4,1>")?).err().map(|error| error.to_string());
    let expected = "layer 'rnn', state_quantizer: quantized_bits(4,0,1,alpha='auto_po2') as an \
                    activation: its scale depends on all values of a batch";
    assert_eq!(error.as_deref(), Some(expected));
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
    assert_eq!(types, ["fixed<4,1> [-7, 7]"]);
    assert_eq!(warnings, [""; 0]);
    for (kind, name) in [(CellKind::Lstm, "c"), (CellKind::Gru { reset_after: false }, "h")] {
        let (types, warnings) = states(&model(kind, BITS, "")?)?;
        let last = types.last().ok_or("no state")?;
        assert!(last.starts_with("fixed<16,6> "), "{types:?}");
        let message = format!(
            "warning: layer 'rnn': no quantizer for the state {name}, which would grow at each step; \
             cast to fixed<16,6>, so results differ from the trained network. Set Precision: state in a \
             configuration, or train with a state_quantizer."
        );
        assert!(warnings.contains(&message), "{warnings:?}");
    }
    Ok(())
}

#[test]
fn a_layer_without_quantizers_names_what_has_none() -> Outcome {
    let (_, warnings) = states(&model(CellKind::Lstm, "", "")?)?;
    let message = "layer 'rnn': no quantizer for kernel and recurrent kernel; quantized to ";
    assert!(warnings[0].contains(message), "{warnings:?}");
    assert!(
        warnings[1].contains("layer 'rnn': no quantizer for the state c, which"),
        "{warnings:?}"
    );
    Ok(())
}

/// The type under `state` holds for states without a quantizer, before that of the result.
#[test]
fn the_type_of_a_state_is_configured() -> Outcome {
    let configured = |model: &Model, text: &str| {
        let mut settings = Settings::configured(&Config::parse(text)?, model)?;
        settings.input = "fixed<4,1>".parse()?;
        states_with(model, &settings)
    };
    let lstm = model(CellKind::Lstm, BITS, "")?;
    for (text, expected) in [
        ("LayerName: {rnn: {Precision: {state: 'fixed<9,3,RND,SAT>', result: 'fixed<8,2>'}}}", 9),
        ("LayerType: {Any: {Precision: {state: 'fixed<9,3,RND,SAT>'}}}", 9),
        ("Model: {Precision: {state_t: 'fixed<9,3,RND,SAT>'}}", 9),
        ("LayerName: {rnn: {Precision: {result: 'fixed<8,2,RND,SAT>'}}}", 8),
        ("Model: {Precision: 'fixed<7,2,RND,SAT>'}", 7),
    ] {
        let (types, warnings) = configured(&lstm, text)?;
        assert!(types[1].starts_with(&format!("fixed<{expected},")), "{text}: {types:?}");
        let is_default = warnings.iter().any(|it| it.contains("which would grow at each step"));
        assert_eq!(is_default, expected == 7, "{warnings:?}");
    }
    // h of a QSimpleRNN is exact without it.
    let simple = model(CellKind::Simple, BITS, "")?;
    let (types, warnings) =
        configured(&simple, "LayerName: {rnn: {Precision: {state: 'fixed<3,0>'}}}")?;
    assert_eq!(types, ["fixed<3,0> [-4, 3]"]);
    let message = "warning: layer 'rnn': state precision fixed<3,0> cannot hold the range [-0.875, \
                   0.875]; values wrap. Use fixed<4,1> or set overflow SAT.";
    assert_eq!(warnings, [message]);
    let quantized = model(CellKind::Simple, BITS, "quantized_bits(4,0,1,alpha=1)")?;
    let (types, warnings) =
        configured(&quantized, "LayerName: {rnn: {Precision: {state: 'fixed<3,1>'}}}")?;
    assert_eq!(types, ["fixed<4,1> [-7, 7]"]);
    let message = "warning: layer 'rnn': Precision state fixed<3,1> is not used; state_quantizer takes \
                   precedence and has values that this type cannot hold. Remove the type, or train with \
                   another quantizer.";
    assert_eq!(warnings, [message]);
    let (_, warnings) =
        configured(&quantized, "LayerName: {rnn: {Precision: {state: 'fixed<5,2>'}}}")?;
    assert_eq!(warnings, [""; 0]);
    Ok(())
}

/// Kernel and recurrent kernel have types of their own, and those of a quantizer that does not fit warn.
#[test]
fn the_recurrent_kernel_has_a_type_of_its_own() -> Outcome {
    let formats = |model: &Model, text: &str| -> Result<_, Box<dyn std::error::Error>> {
        let settings = Settings::configured(&Config::parse(text)?, model)?;
        let lowered = lower(model, &settings)?;
        let weights = |graph: &Graph| {
            graph.nodes.node_weights().find_map(|node| match &node.op {
                Op::Linear(linear) => {
                    Some(linear.weights.codes.iter().map(|it| it.to_string()).next())
                }
                _ => None,
            })
        };
        let scan = scan(&lowered.graph).ok_or("no scan")?;
        let warnings: Vec<String> =
            lowered.warnings.iter().map(|it| it.diagnostic().to_string()).collect();
        Ok(([weights(&lowered.graph).flatten(), weights(&scan.body).flatten()], warnings))
    };
    let codes =
        |kernel: &str, recurrent: &str| [Some(kernel.to_owned()), Some(recurrent.to_owned())];
    let plain = model(CellKind::Simple, "", "")?;
    let text = "LayerName: {rnn: {Precision: {default: 'fixed<9,3>', weight: 'fixed<5,1>'}}}";
    assert_eq!(formats(&plain, text)?.0, codes("8", "4"));
    let text =
        "LayerName: {rnn: {Precision: {weight: 'fixed<5,1>', recurrent_weight: 'fixed<9,1>'}}}";
    assert_eq!(formats(&plain, text)?.0, codes("8", "64"));
    // A layer of two directions alone has such keys.
    let text = "LayerName: {rnn: {Precision: {weight: 'fixed<5,1>', forward_recurrent_weight: 'fixed<9,1>'}}}";
    assert_eq!(formats(&plain, text)?.0, codes("8", "4"));
    let quantized = model(CellKind::Simple, BITS, "")?;
    let text = "LayerName: {rnn: {Precision: {weight: 'int<3>', recurrent_weight: 'int<2>'}}}";
    let (_, warnings) = formats(&quantized, text)?;
    let overruled = |key, to, attribute| {
        format!(
            "warning: layer 'rnn': Precision {key} {to} is not used; {attribute} takes precedence and has \
             values that this type cannot hold. Remove the type, or train with another quantizer."
        )
    };
    let expected = [
        overruled("weight", "fixed<3,3>", "kernel_quantizer"),
        overruled("recurrent_weight", "fixed<2,2>", "recurrent_quantizer"),
    ];
    assert_eq!(warnings, expected);
    Ok(())
}

/// Types that do not fit name the parameter of the state, and the value in a step.
#[test]
fn types_of_a_step_that_do_not_fit() -> Outcome {
    let plain = model(CellKind::Simple, "", "")?;
    let text = "LayerName: {rnn: {Precision: {default: 'fixed<9,3>', recurrent_weight: 'fixed<4,-2>', state: 'fixed<20,4,RND,SAT>', result: 'fixed<20,4,RND,SAT>'}}}";
    let settings = Settings::configured(&Config::parse(text)?, &plain)?;
    let lowered = lower(&plain, &settings)?;
    let warnings: Vec<String> = lowered.warnings.iter().map(|it| it.to_string()).collect();
    let message = "layer 'rnn': recurrent_weight precision fixed<4,-2> cannot hold the range";
    assert!(warnings.iter().any(|it| it.starts_with(message)), "{warnings:?}");
    let text = "LayerName: {rnn: {Precision: {recurrent_weight: 'fixed<66,2>', state: 'fixed<66,2,RND,SAT>', result: 'fixed<66,2,RND,SAT>'}}}";
    let settings = Settings::configured(&Config::parse(text)?, &plain)?;
    let error = lower(&plain, &settings).map(drop).unwrap_err().to_string();
    let message = "layer 'rnn': its 'sum' in each step takes 135 bits; at most 128 are supported";
    assert_eq!(error, message);
    Ok(())
}

/// The results of one layer have its types and no messages of their own.
#[test]
fn further_results_are_told_with_the_first() -> Outcome {
    let mut model = model(CellKind::Lstm, "", "")?;
    let rnn = model.outputs[0];
    let mut state = model.graph[rnn].clone();
    let LayerKind::Recurrent(recurrent) = &mut state.kind else { return Err("no layer".into()) };
    recurrent.result = RecurrentResult::State { cell: 0, state: 1 };
    state.name = "rnn:2".to_owned();
    state.origin = Some(Origin::Result("rnn".to_owned()));
    let state = model.graph.add_node(state);
    for source in model.sources(rnn) {
        model.graph.add_edge(source, state, 0);
    }
    model.outputs.push(state);
    let precision = "LayerName: {rnn: {Precision: {state: 'fixed<9,3,RND,SAT>'}}}";
    let settings = Settings::configured(&Config::parse(precision)?, &model)?;
    let lowered = lower(&model, &settings)?;
    let told = lowered.warnings.iter().map(|it| it.diagnostic().to_string()).collect::<String>();
    assert!(told.contains("layer 'rnn'") && !told.contains("rnn:2"), "{told}");
    let bodies = lowered.graph.nodes.node_weights().filter_map(|node| match &node.op {
        Op::Scan(scan) => Some(scan.body.inputs.iter().map(|it| scan.body[*it].tensor.clone())),
        _ => None,
    });
    let types: Vec<Vec<Tensor>> = bodies.map(Iterator::collect).collect();
    assert_eq!(types.len(), 2);
    assert_eq!(types[0], types[1]);
    Ok(())
}
