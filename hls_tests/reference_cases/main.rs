//! Every layer of every reference case, as QKeras computed it: simulation gives the same codes.
//!
//! A case is a folder with a model, `inputs.npz`, `trace.npz` (every layer's output) and `case.json`
//! (the inputs' formats). QKeras returns x + (q(x) - x) in float32, which lies a float error off the
//! grid, so codes are compared: its value must be nearer to ours than to any other number of the
//! layer's type.

mod cases;
mod compare;
mod projects;

use cases::{Case, committed, real};
use compare::{Difference, compare};

/// Layers that compute floats: near, not equal.
const SOFTMAX_TOLERANCE: f64 = 1.0 / 512.0;

#[test]
fn every_layer_of_the_committed_cases_is_exact() -> Result<(), Box<dyn std::error::Error>> {
    let cases = committed()?;
    assert!(!cases.is_empty(), "no cases found");
    let mut failures = Vec::new();
    for case in &cases {
        failures.extend(check(case)?);
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}

#[test]
fn the_layers_of_trained_models_before_the_softmax_are_exact()
-> Result<(), Box<dyn std::error::Error>> {
    for name in ["qkeras_3layer", "qkeras_v3_3layer"] {
        let Some(case) = real(name)? else { continue };
        let failures = check(&case)?;
        assert!(failures.is_empty(), "{}", failures.join("\n"));
    }
    Ok(())
}

/// What differs in a case.
fn check(case: &Case) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let run = case.run()?;
    let mut failures = Vec::new();
    for (layer, expected) in &case.trace {
        let Some(found) = run.result_of(layer) else {
            failures.push(format!("{}: layer '{layer}' is not in the trace", case.name));
            continue;
        };
        match compare(&found, expected) {
            Ok(()) => {}
            Err(Difference::Codes(_)) if case.is_softmax(layer) => {
                let near = found
                    .values
                    .iter()
                    .zip(expected.iter())
                    .all(|(found, expected)| (found - expected).abs() <= SOFTMAX_TOLERANCE);
                let same = compare::argmax(&found.values) == compare::argmax(expected);
                if !near || !same {
                    failures.push(format!("{}: softmax '{layer}' is off", case.name));
                }
            }
            Err(difference) => {
                failures.push(format!("{}: layer '{layer}': {difference}", case.name));
            }
        }
    }
    Ok(failures)
}
