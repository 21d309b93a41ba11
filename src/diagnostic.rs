//! Warnings and notes as values: the library returns them, its callers print them.

use std::fmt;

use serde::Serialize;

/// Weight of a [`Diagnostic`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Information without consequences for the results.
    Note,
    /// A difference between hardware and trained network, or an obstacle to synthesis.
    Warning,
}

/// A warning or note about a model, its configuration, its samples or its hardware.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Its weight.
    pub severity: Severity,
    /// The layer that it is about; `None` if it is about the whole model or a file.
    pub layer: Option<String>,
    /// A stable name of its kind, `result-overflow`, for filters.
    pub code: &'static str,
    /// The fact: place, value and consequence.
    pub message: String,
    /// A sentence that says what to do.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A warning about the whole model, without help.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { severity: Severity::Warning, layer: None, code, message, help: None }
    }

    /// A note about the whole model, without help.
    pub fn note(code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Note, ..Self::warning(code, message) }
    }

    /// The same diagnostic about `layer`.
    #[must_use]
    pub fn in_layer(self, layer: impl Into<String>) -> Self {
        Self { layer: Some(layer.into()), ..self }
    }

    /// The same diagnostic with a sentence that says what to do.
    #[must_use]
    pub fn with_help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

/// A number in a message: exact, in scientific notation if it is long.
pub fn number(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || (1e-9..1e9).contains(&size) || !value.is_finite() {
        value.to_string()
    } else {
        format!("{value:.3e}")
    }
}

/// `diagnostics` for a reader: those that say the same of several layers, `layer 'fc1': ...`, are one
/// with all of the layers, at the place of the first.
pub fn grouped(diagnostics: &[Diagnostic]) -> Vec<Diagnostic> {
    let mut groups: Vec<(Vec<&str>, &str, &Diagnostic)> = Vec::new();
    for diagnostic in diagnostics {
        let (layer, fact) = diagnostic.split();
        let is_same = |group: &&mut (Vec<&str>, &str, &Diagnostic)| {
            let (layers, known, first) = group;
            let kind = |it: &Diagnostic| (it.severity, it.code, it.help.clone());
            !layers.is_empty() && *known == fact && kind(first) == kind(diagnostic)
        };
        match (layer, groups.iter_mut().find(is_same)) {
            (Some(layer), Some((layers, ..))) => layers.push(layer),
            (layer, _) => groups.push((Vec::from_iter(layer), fact, diagnostic)),
        }
    }
    let joined = |(layers, fact, first): (Vec<&str>, &str, &Diagnostic)| match layers.len() {
        0 | 1 => first.clone(),
        _ => {
            let message = format!("layers '{}': {fact}", layers.join("', '"));
            Diagnostic { layer: None, message, ..first.clone() }
        }
    };
    groups.into_iter().map(joined).collect()
}

impl Diagnostic {
    /// The layer that the message starts with, and the rest of the message.
    fn split(&self) -> (Option<&str>, &str) {
        let named = self.layer.as_deref().and_then(|layer| {
            let rest = self.message.strip_prefix("layer '")?.strip_prefix(layer)?;
            Some((layer, rest.strip_prefix("': ")?))
        });
        match named {
            Some((layer, fact)) => (Some(layer), fact),
            None => (None, &self.message),
        }
    }
}

impl fmt::Display for Diagnostic {
    /// `warning: layer 'fc1': ... . Use ...`, on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.severity {
            Severity::Note => "note: ",
            Severity::Warning => "warning: ",
        })?;
        f.write_str(&self.message)?;
        self.help.iter().try_for_each(|help| write!(f, ". {help}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_messages_are_short() {
        let all = [0.0, -0.015625, 44.78056621551514, 1e300, 1e-300, f64::INFINITY].map(number);
        assert_eq!(all, ["0", "-0.015625", "44.78056621551514", "1.000e300", "1.000e-300", "inf"]);
    }

    #[test]
    fn a_line_and_json() {
        let plain = Diagnostic::note("float64-width", "'y' is fixed<60,4>");
        assert_eq!(plain.to_string(), "note: 'y' is fixed<60,4>");
        let diagnostic = Diagnostic::warning("result-overflow", "values wrap")
            .in_layer("fc1")
            .with_help("Set overflow SAT.");
        assert_eq!(diagnostic.to_string(), "warning: values wrap. Set overflow SAT.");
        let expected = serde_json::json!({
            "severity": "warning", "layer": "fc1", "code": "result-overflow",
            "message": "values wrap", "help": "Set overflow SAT.",
        });
        assert_eq!(serde_json::to_value(diagnostic).ok(), Some(expected));
    }

    #[test]
    fn what_is_said_of_several_layers_is_said_once() {
        let of = |code, layer: &str, fact: &str| {
            Diagnostic::warning(code, format!("layer '{layer}': {fact}")).in_layer(layer)
        };
        let all = [
            of("a", "fc1", "no quantizer"),
            Diagnostic::note("b", "layer 'fc1': no layer of its own"),
            of("a", "it's", "no quantizer"),
            of("a", "fc3", "another fact"),
            of("c", "fc4", "no quantizer"),
            of("a", "fc5", "no quantizer").with_help("Train again."),
            of("a", "fc6", "no quantizer"),
            Diagnostic::note("b", "layer 'fc1': no layer of its own"),
        ];
        let lines: Vec<String> = grouped(&all).iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "warning: layers 'fc1', 'it's', 'fc6': no quantizer",
                "note: layer 'fc1': no layer of its own",
                "warning: layer 'fc3': another fact",
                "warning: layer 'fc4': no quantizer",
                "warning: layer 'fc5': no quantizer. Train again.",
                "note: layer 'fc1': no layer of its own",
            ]
        );
        assert_eq!(grouped(&all)[2], all[3]);
    }
}
