//! Reasons not to trust a proposal: samples that are too few or all the same, classes that change.

use ndarray::Axis;

use super::{FEWEST_SAMPLES, Proposal};
use crate::diagnostic::Diagnostic;
use crate::float::Samples;

const TYPICAL: &str = "Give typical samples, some hundred or more.";

/// Warnings about `samples`, an array for each of the inputs `names`: types hold the range of them and
/// nothing else.
pub(super) fn samples(names: &[&str], samples: &[Samples]) -> Vec<Diagnostic> {
    let count = samples.first().map_or(0, |first| first.shape()[0]);
    let warning = |message: String| Diagnostic::warning("samples", message).with_help(TYPICAL);
    let mut warnings = Vec::new();
    if count < FEWEST_SAMPLES {
        let plural = if count == 1 { "" } else { "s" };
        warnings.push(warning(format!(
            "{count} sample{plural}: types hold the range of these values, others may saturate; biases \
             are corrected from {FEWEST_SAMPLES} samples on"
        )));
    }
    if count > 1 {
        let constant: Vec<&str> = names
            .iter()
            .zip(samples)
            .filter(|(_, values)| is_constant(values))
            .map(|(name, _)| *name)
            .collect();
        if !constant.is_empty() {
            let plural = if constant.len() == 1 { ("", "has") } else { ("s", "have") };
            warnings.push(warning(format!(
                "input{} '{}' {} the same values in all {count} samples: the errors are those of one \
                 sample",
                plural.0,
                constant.join("', '"),
                plural.1
            )));
        }
    }
    warnings
}

/// True if every sample equals the first one.
fn is_constant(values: &Samples) -> bool {
    let mut each = values.axis_iter(Axis(0));
    let Some(first) = each.next() else { return true };
    each.all(|sample| sample == first)
}

/// A warning if fewer samples keep their class than with types of the same width alone: on the samples
/// of the search they do not.
pub(super) fn fallen_agreement(proposal: &Proposal) -> Option<Diagnostic> {
    let plain = proposal.plain?;
    let lost = proposal.accuracy.disagreements.checked_sub(plain.disagreements)?;
    (lost > 0).then(|| {
        Diagnostic::warning(
            "agreement-falls",
            format!(
                "scales, corrections and clipped ranges lower the error, but change {lost} more of {} \
                 classes on all samples",
                plain.decisions
            ),
        )
        .with_help("Compare with --no-channel-scales --no-bias-correction, or state --agreement.")
    })
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn few_or_equal_samples_are_named() {
        let varied = Array2::from_shape_fn((40, 2), |(at, _)| at as f64).into_dyn();
        let equal = Array2::from_elem((40, 2), 0.5).into_dyn();
        let text = |all: &[Samples]| -> Vec<String> {
            samples(&["a", "b"], all).iter().map(ToString::to_string).collect()
        };
        assert!(text(&[varied.clone(), varied.clone()]).is_empty());
        let one = text(&[varied, equal.clone()]);
        assert_eq!(
            one,
            [
                "warning: input 'b' has the same values in all 40 samples: the errors are those of one \
              sample. Give typical samples, some hundred or more."
            ]
        );
        let both = text(&[equal.clone(), equal]);
        assert!(both[0].starts_with("warning: inputs 'a', 'b' have the same values"), "{both:?}");
        let few = text(&[array![[1.0]].into_dyn()]);
        assert_eq!(few.len(), 1);
        assert!(few[0].starts_with("warning: 1 sample: types hold the range"), "{few:?}");
        assert!(few[0].contains("from 32 samples on"), "{few:?}");
    }
}
