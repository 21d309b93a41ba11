//! Tests of softmax: errors of probabilities, settings, warnings.

use std::error::Error;

use ndarray::ArrayD;

use super::tests::{Outcome, chain, message, plain_relu, settings};
use super::{Settings, lower};
use crate::fixed::Range;
use crate::ir::{Graph, Op};
use crate::model::{Activation, AxisSlice, LayerKind, Layout};
use crate::sim;

/// The probabilities of random samples, and those of double precision.
fn probabilities(graph: &Graph, count: usize) -> Result<[ArrayD<f64>; 2], Box<dyn Error>> {
    let samples = sim::vectors(graph, count);
    let logits = samples[0].to_values(graph[graph.inputs[0]].tensor.format);
    let trace = sim::run(graph, &samples)?;
    let node = graph.layers[1].1;
    let found = trace.of(node).ok_or("no result")?.to_values(graph[node].tensor.format);
    let mut exact = logits;
    for mut row in exact.rows_mut() {
        let highest = row.iter().copied().fold(f64::MIN, f64::max);
        row.mapv_inplace(|x| (x - highest).exp());
        let sum = row.sum();
        row.mapv_inplace(|x| x / sum);
    }
    Ok([found, exact])
}

#[test]
fn softmax_has_the_nearest_code_but_for_ties() -> Outcome {
    let (mut values, mut other) = (0, 0);
    for (input, classes) in [
        ("fixed<16,7>", 5),
        ("fixed<16,6>", 10),
        ("fixed<6,1>", 3),
        ("fixed<8,8>", 4),
        ("ufixed<12,2>", 33),
        ("fixed<3,8>", 2),
        ("fixed<40,4>", 7),
        ("fixed<16,12>", 1),
        ("fixed<16,3>", 200),
    ] {
        let softmax = LayerKind::Activation(Activation::Softmax);
        let model = chain(classes, vec![("softmax", softmax)]);
        let graph = lower(&model, &settings(input)?)?.graph;
        let [found, exact] = probabilities(&graph, 300)?;
        for (found, exact) in found.iter().zip(&exact) {
            let (code, nearest) = (found * 32768.0, (exact * 32768.0).round());
            let distance = (code - exact * 32768.0).abs();
            assert!(distance < 0.5 + 1.0 / 1024.0, "{input}, {classes}: {distance} steps");
            values += 1;
            other += usize::from(code != nearest);
        }
    }
    assert!(other * 2000 < values, "{other} of {values} are the code beside the nearest one");
    Ok(())
}

#[test]
fn smaller_tables_are_more_in_number() -> Outcome {
    let model = chain(4, vec![("softmax", LayerKind::Activation(Activation::Softmax))]);
    let mut settings = settings("fixed<16,6>")?;
    let sizes = |settings: &Settings| -> Result<_, Box<dyn Error>> {
        let graph = lower(&model, settings)?.graph;
        let Op::Softmax(op) = &graph[graph.layers[1].1].op else { return Err("no softmax".into()) };
        let sizes: Vec<usize> = op.tables().map(|table| table.codes.len()).collect();
        let [found, exact] = probabilities(&graph, 50)?;
        let worst = (found - exact).iter().fold(0.0, |worst: f64, off| worst.max(off.abs()));
        Ok((sizes, worst * 32768.0))
    };
    // Differences with 10 fractional and 5 integer bits: exp(-32) is below every LSB.
    let (tables, worst) = sizes(&settings)?;
    assert_eq!(tables, [256, 128, 1024]);
    assert!(worst < 0.501, "{worst}");
    settings.softmax.exp_address = 4;
    settings.softmax.inverse_address = 8;
    let (tables, worst) = sizes(&settings)?;
    assert_eq!(tables, [16, 16, 16, 8, 256]);
    assert!(worst < 0.51, "{worst}");
    // Four tables of 4 entries resolve differences to 1/8.
    settings.softmax.exp_address = 2;
    let (tables, worst) = sizes(&settings)?;
    assert_eq!(tables, [4, 4, 4, 4, 256]);
    assert!((100.0..4096.0).contains(&worst), "{worst}");
    // Configured types apply to exponentials and probabilities.
    settings.softmax.exp_address = 16;
    settings.softmax.exp_table = Some("ufixed<9,1,RND,SAT>".parse()?);
    let (tables, worst) = sizes(&settings)?;
    assert_eq!(tables, [4096, 256]);
    assert!((20.0..200.0).contains(&worst), "{worst}");
    Ok(())
}

#[test]
fn coarse_tables_warn() -> Outcome {
    let softmax = LayerKind::Activation(Activation::Softmax);
    let model = chain(4, vec![("softmax", softmax.clone())]);
    let warns = |change: &dyn Fn(&mut Settings)| -> Result<Vec<String>, Box<dyn Error>> {
        let mut settings = settings("fixed<16,6>")?;
        change(&mut settings);
        let lowered = lower(&model, &settings)?;
        Ok(lowered.warnings.iter().map(ToString::to_string).collect())
    };
    assert_eq!(warns(&|_| {})?, [""; 0]);
    assert_eq!(warns(&|s| s.softmax.inverse_address = 7)?, [""; 0]);
    assert_eq!(warns(&|s| s.softmax.result = "fixed<18,8,RND,SAT>".parse().ok())?, [""; 0]);
    let small = warns(&|s| (s.softmax.exp_address, s.softmax.inverse_address) = (2, 2))?;
    let text = "layer 'softmax': the softmax tables are too coarse; probabilities of \
                ufixed<16,1,RND,SAT> are off by up to 1089 LSB. Use larger tables (TableSize), a finer \
                type for exponentials (Precision: exp_table), or a coarser type for probabilities \
                (Precision: result).";
    assert_eq!(small, [text]);
    for change in [
        &(|s: &mut Settings| s.softmax.exp_table = "fixed<18,8,RND,SAT>".parse().ok())
            as &dyn Fn(&mut Settings),
        &|s| s.softmax.result = "ufixed<40,1>".parse().ok(),
        &|s| s.softmax.inverse_address = 3,
    ] {
        assert!(warns(change)?.iter().any(|text| text.contains("too coarse")));
    }

    // Layers that compute with probabilities take more fractional bits.
    let followed_by = |layers: Vec<(&str, LayerKind)>| -> Result<String, Box<dyn Error>> {
        let first = [("softmax", softmax.clone())].into_iter();
        let graph =
            lower(&chain(4, first.chain(layers).collect()), &settings("fixed<8,3>")?)?.graph;
        Ok(graph[graph.layers[1].1].tensor.format.to_string())
    };
    let relu = || LayerKind::Activation(plain_relu());
    assert_eq!(followed_by(vec![("flat", LayerKind::Flatten)])?, "ufixed<16,1>");
    assert_eq!(followed_by(vec![("flat", LayerKind::Flatten), ("relu", relu())])?, "ufixed<28,1>");
    assert_eq!(followed_by(vec![("relu", relu()), ("flat", LayerKind::Flatten)])?, "ufixed<28,1>");
    Ok(())
}

#[test]
fn probabilities_wrap_in_a_type_without_one() -> Outcome {
    let model = chain(2, vec![("softmax", LayerKind::Activation(Activation::Softmax))]);
    let mut settings = settings("fixed<8,5>")?;
    for (result, range) in [
        ("fixed<16,1>", Range::new(-32768, 32767)),
        ("fixed<16,1,TRN,SAT>", Range::new(0, 32767)),
        ("ufixed<8,0>", Range::new(0, 255)),
        ("ufixed<8,0,RND,SAT_ZERO>", Range::new(0, 255)),
        ("ufixed<9,1,RND_CONV>", Range::new(0, 256)),
    ] {
        settings.softmax.result = Some(result.parse()?);
        let lowered = lower(&model, &settings)?;
        let graph = lowered.graph;
        assert_eq!(graph[graph.layers[1].1].tensor.range(), range, "{result}");
        let warnings: Vec<String> = lowered.warnings.iter().map(ToString::to_string).collect();
        let begin =
            format!("layer 'softmax': result precision {result} cannot hold the range [0, 1]");
        let warned = warnings.iter().any(|warning| warning.starts_with(&begin));
        assert_eq!(warned, result != "ufixed<9,1,RND_CONV>", "{warnings:?}");
        let [found, _] = probabilities(&graph, 100)?;
        // The difference is large: the probability 1 wraps or saturates.
        let largest = found.iter().copied().fold(f64::MIN, f64::max);
        assert!(largest > 0.9, "{result}: {largest}");
    }
    Ok(())
}

#[test]
fn a_softmax_can_be_skipped_at_an_output() -> Outcome {
    let softmax = || LayerKind::Activation(Activation::Softmax);
    let mut settings = Settings::default();
    settings.softmax.skip = true;
    let lowered = lower(
        &chain(3, vec![("relu", LayerKind::Activation(plain_relu())), ("s", softmax())]),
        &settings,
    )?;
    assert_eq!(lowered.graph.outputs[0].name, "s");
    assert_eq!(lowered.graph.nodes.node_count(), 2);
    let warning = "layer 's': softmax is skipped; the output is its operand";
    assert_eq!(lowered.warnings[0].to_string(), warning);
    let middle = chain(3, vec![("s", softmax()), ("f", LayerKind::Flatten)]);
    assert_eq!(
        message(&middle, &settings),
        "layer 's': only a softmax that is the model's output can be skipped"
    );
    Ok(())
}

/// Pairs of the softmax and itself, sliced to one again: each doubles the number of paths.
#[test]
fn branches_that_join_again_are_visited_once() -> Outcome {
    let softmax = LayerKind::Activation(Activation::Softmax);
    let first = AxisSlice { start: 0, step: 1, count: 4 };
    let pair = [
        ("pair", LayerKind::Concatenate { axis: 0 }),
        ("half", LayerKind::Layout(vec![Layout::Slice(vec![first])])),
    ];
    let pairs = std::iter::repeat_n(pair, 60).flatten();
    let layers: Vec<_> = [("softmax", softmax)].into_iter().chain(pairs).collect();
    let mut model = chain(4, layers);
    for (place, layer) in model.graph.node_weights_mut().enumerate().skip(2) {
        layer.name += &place.to_string();
    }
    for node in model.graph.node_indices().collect::<Vec<_>>() {
        if let LayerKind::Concatenate { .. } = model.graph[node].kind {
            let before = model.sources(node)[0];
            model.graph.add_edge(before, node, 1);
        }
    }
    let graph = lower(&model, &settings("fixed<8,3>")?)?.graph;
    assert_eq!(graph[graph.layers[1].1].tensor.format, "ufixed<16,1>".parse()?);
    Ok(())
}
