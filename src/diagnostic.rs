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
}
