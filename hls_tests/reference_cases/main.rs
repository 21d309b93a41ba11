//! Every layer of every reference case, as QKeras computed it: simulation gives the same codes.
//!
//! A case is a folder with a model, `inputs.npz`, `trace.npz` (every layer's output) and `case.json`
//! (the inputs' formats). QKeras returns x + (q(x) - x) in float32, which lies a float error off the
//! grid, so codes are compared: its value must be nearer to ours than to any other value of the
//! layer's type.
//!
//! The second reference is [`bitkiln::float`], the same network in float64: every value of every layer is its
//! result, rounded to the layer's type. QKeras may have another code in one value of a thousand: the
//! next one, and only if operands that float32 cannot tell from the layer's lead to it.

mod cases;
mod compare;
mod counts;
mod projects;
mod qtools;
mod targets;
#[path = "../vendors/mod.rs"]
mod vendors;

use std::collections::HashMap;

use bitkiln::float::{Reference, Samples};
use bitkiln::model::LayerKind;
use cases::{Case, committed, trained};
use compare::{FLOAT32, Found, largest, nth};
use petgraph::visit::Topo;

/// Error of softmax' tables and multiplications before a probability is rounded: about a thousandth
/// of an LSB.
const SOFTMAX: f64 = 1.0 / (1_u64 << 25) as f64;

/// One value in this many may have the next code in QKeras.
const RARELY: usize = 1000;

#[test]
fn every_layer_of_the_committed_cases_is_exact() -> Result<(), Box<dyn std::error::Error>> {
    let cases = committed()?;
    assert!(!cases.is_empty(), "no cases found");
    let mut checked = Checked::default();
    for case in &cases {
        checked.case(case)?;
    }
    println!("{}", checked.summary());
    assert!(checked.failures.is_empty(), "{}", checked.failures.join("\n"));
    Ok(())
}

/// One wrong number in a trace is found: a code that float32 does not explain, a code far away, a
/// number of a fine type.
#[test]
fn other_traces_are_no_good() -> Result<(), Box<dyn std::error::Error>> {
    for (name, layer, by, words) in [
        ("norm_boundaries", "act", 1.0 / 512.0, "no rounding"),
        ("norm_boundaries", "act", 1.0 / 128.0, "far from QKeras"),
        ("norm_boundaries", "bn", 1.0 / 1024.0, "far from QKeras"),
        ("dense_bits4", "act", 1.0 / 64.0, "other codes"),
        ("net_mlp_softmax", "softmax", 1.0 / 32768.0, "no rounding"),
    ] {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("hls_tests/reference");
        let mut case = Case::read(&root.join(name))?;
        let mut checked = Checked::default();
        checked.case(&case)?;
        assert_eq!(checked.failures, [""; 0]);
        let values = case.trace.get_mut(layer).ok_or("no such layer")?;
        // A value inside of the range.
        let least = values.iter_mut().min_by(|a, b| a.abs().total_cmp(&b.abs()));
        *least.ok_or("no values")? += by;
        checked.case(&case)?;
        let found = checked.failures.iter().any(|failure| failure.contains(words));
        assert!(found, "{name}, {layer}: {:?}", checked.failures);
    }
    Ok(())
}

#[test]
fn the_layers_of_trained_models_are_exact() -> Result<(), Box<dyn std::error::Error>> {
    for case in
        trained("the_layers_of_trained_models_are_exact", &["qkeras_3layer", "qkeras_v3_3layer"])?
    {
        let mut checked = Checked::default();
        checked.case(&case)?;
        println!("{}: {}", case.name, checked.summary());
        assert!(checked.failures.is_empty(), "{}", checked.failures.join("\n"));
    }
    Ok(())
}

/// The trained network in float64, which proposed types are measured against, is Keras' own in
/// float32: networks without any quantizer.
#[test]
fn plain_networks_in_float64_are_those_of_keras() -> Result<(), Box<dyn std::error::Error>> {
    let names = ["KERAS_3layer", "KERAS_conv1d_small", "KERAS_conv2d_model"];
    for case in trained("plain_networks_in_float64_are_those_of_keras", &names)? {
        assert_is_keras(&case)?;
    }
    Ok(())
}

/// As above, for recurrent layers. Rounding at each step moves the results of the typed network from
/// Keras', so that their trace is apart from the cases.
#[test]
fn plain_recurrent_networks_in_float64_are_those_of_keras() -> Result<(), Box<dyn std::error::Error>>
{
    for name in ["rnn_float", "rnn3_float", "rnn_tutorial", "rnn3_tutorial"] {
        let folder =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("hls_tests/reference").join(name);
        let trace = cases::arrays(&folder.join("keras.npz"))?;
        assert_is_keras(&Case { trace, ..Case::read(&folder)? })?;
    }
    Ok(())
}

/// Asserts that every layer of a network without quantizers is Keras' within an error of float32.
fn assert_is_keras(case: &Case) -> Result<(), Box<dyn std::error::Error>> {
    let mut values: HashMap<_, Samples> = HashMap::new();
    let mut order = Topo::new(&case.model.graph);
    while let Some(index) = order.next(&case.model.graph) {
        let layer = &case.model.graph[index];
        if let LayerKind::Input { .. } = layer.kind {
            let input = case.inputs.get(&layer.name).ok_or("no such input")?;
            values.insert(index, input.clone());
            continue;
        }
        let sources = case.model.sources(index);
        let x: Option<Vec<Samples>> = sources.iter().map(|s| values.get(s).cloned()).collect();
        let expected = case.trace.get(&layer.name).ok_or("a layer is not in the trace")?;
        let x = x.ok_or("a layer before its sources")?;
        let y = Reference::TRAINED.layer(&layer.kind, &x, expected.shape())?;
        let error = y.iter().zip(expected).fold(0.0_f64, |most, (a, b)| most.max((a - b).abs()));
        let scale = largest(expected).max(1.0);
        assert!(error < 1e-5 * scale, "{}: layer '{}': {error}", case.name, layer.name);
        values.insert(index, y);
    }
    Ok(())
}

/// Results of the comparison of cases.
#[derive(Default)]
struct Checked {
    failures: Vec<String>,
    /// Values that were compared with QKeras' code.
    codes: usize,
    /// Values of types that are finer than float32.
    fine: usize,
    /// Probabilities.
    probabilities: usize,
    /// For each layer where QKeras has other codes: their number, and that of all codes.
    other: Vec<(String, usize, usize)>,
}

impl Checked {
    fn summary(&self) -> String {
        let others: usize = self.other.iter().map(|(_, others, _)| others).sum();
        let layers =
            self.other.iter().map(|(layer, others, of)| format!("\n  {layer}: {others} of {of}"));
        format!(
            "{} codes, of which QKeras has {others} otherwise; {} values of finer types; {} probabilities{}",
            self.codes,
            self.fine,
            self.probabilities,
            layers.collect::<String>()
        )
    }

    /// Compares every layer of `case` with QKeras and with float64.
    fn case(&mut self, case: &Case) -> Result<(), Box<dyn std::error::Error>> {
        let run = case.run()?;
        let mut values: HashMap<_, Samples> = HashMap::new();
        let mut order = Topo::new(&case.model.graph);
        while let Some(index) = order.next(&case.model.graph) {
            let layer = &case.model.graph[index];
            let place = format!("{}: layer '{}'", case.name, layer.name);
            if let LayerKind::Input { .. } = layer.kind {
                let input = case.inputs.get(&layer.name).ok_or("no such input")?;
                values.insert(index, input.clone());
                continue;
            }
            let found = run.result_of(&layer.name).ok_or("a layer is not in the trace")?;
            let sources = case.model.sources(index);
            let x: Option<Vec<Samples>> = sources.iter().map(|s| values.get(s).cloned()).collect();
            let x = x.ok_or("a layer before its sources")?;
            if run.folded.contains_key(&layer.name) {
                // Its parameters are part of the batch normalisation's.
                values.insert(index, x.into_iter().next().ok_or("no operand")?);
                continue;
            }
            let (kind, folded) = case.folded(&run, index)?;
            let exact = Reference {
                precision: Some(&case.settings.precision),
                before_quantizers: case.quantizers_follow(index),
                reaches_quantizer: case.reaches_quantizer(index),
                folded,
                fused: true,
            };
            let y = exact.layer(kind, &x, found.values.shape())?;
            let expected = case.trace.get(&layer.name);
            let mut open = 0.0;
            if case.is_softmax(&layer.name) {
                self.probabilities += y.len();
                open = SOFTMAX;
                let same = |y: &Samples| compare::argmax(&found.values) == compare::argmax(y);
                if ![Some(&y), expected].into_iter().flatten().all(same) {
                    self.failures.push(format!("{place}: another class is the likeliest"));
                }
            }
            if let Err(difference) = found.is_exact(&y, open) {
                self.failures.push(format!("{place}: {difference}"));
            }
            if let Some(expected) = expected {
                match found.other_codes(expected) {
                    Ok(other) => {
                        let shown = |at: &usize| {
                            let to = nth(expected, *at);
                            let off = (nth(&y, *at) - to).abs();
                            open > 0.0 && off <= FLOAT32
                                || is_float32(&exact, kind, &x, &found, (*at, to))
                        };
                        if !other.iter().all(shown) {
                            self.failures.push(format!("{place}: QKeras' code is no rounding"));
                        }
                        self.note(place, &found, expected, other.len());
                    }
                    Err(difference) => self.failures.push(format!("{place}: {difference}")),
                }
            }
            values.insert(index, found.operand_of_next(y));
        }
        let named = |layer: &&String| case.model.graph.node_weights().all(|l| l.name != **layer);
        let unknown = case.trace.keys().filter(named);
        self.failures.extend(unknown.map(|layer| format!("{}: no layer '{layer}'", case.name)));
        Ok(())
    }

    fn note(&mut self, place: String, found: &Found, expected: &Samples, other: usize) {
        if found.resolvable_lsb(expected, FLOAT32).is_none() {
            self.fine += expected.len();
            return;
        }
        self.codes += expected.len();
        if other * RARELY > expected.len() {
            self.failures.push(format!("{place}: QKeras has {other} other codes"));
        }
        if other > 0 {
            self.other.push((place, other, expected.len()));
        }
    }
}

/// Reports whether operands that float32 cannot tell from `x` lead to QKeras' code of one value.
fn is_float32(
    exact: &Reference<'_>,
    kind: &LayerKind,
    x: &[Samples],
    found: &Found,
    (at, expected): (usize, f64),
) -> bool {
    let lsb = found.lsb.unwrap_or(f64::MIN_POSITIVE);
    [-FLOAT32, FLOAT32].into_iter().any(|part| {
        let moved: Vec<Samples> = x.iter().map(|x| x + largest(x) * part).collect();
        let y = exact.layer(kind, &moved, found.values.shape());
        y.is_ok_and(|y| (nth(&y, at) / lsb).round() == (expected / lsb).round())
    })
}
