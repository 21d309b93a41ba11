//! Shapes of inputs that the user states, for model files that leave them open.

use std::fmt;
use std::str::FromStr;

/// Shape of a sample of one input or of all inputs, without the batch axis: `128,6`, `input_1=128,6`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputShape {
    /// The input; `None` for all inputs.
    pub input: Option<String>,
    /// Its shape; no axis is 0.
    pub shape: Vec<usize>,
}

/// Text that is not an [`InputShape`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
#[error("'{text}' is not a shape")]
#[diagnostic(help(
    "write '128,6' for all inputs, 'input_1=128,6' for one: positive lengths without the batch axis"
))]
pub struct InputShapeError {
    text: String,
}

impl FromStr for InputShape {
    type Err = InputShapeError;

    fn from_str(text: &str) -> Result<Self, InputShapeError> {
        // A shape has no '=', the name of a layer may have one.
        let (input, shape) = match text.rsplit_once('=') {
            Some((name, shape)) => (Some(name.to_owned()), shape),
            None => (None, text),
        };
        let length = |text: &str| text.trim().parse().ok().filter(|&length| length > 0);
        let shape: Option<Vec<usize>> = shape.split(',').map(length).collect();
        let shape = shape.ok_or_else(|| InputShapeError { text: text.to_owned() })?;
        Ok(Self { input, shape })
    }
}

/// Shape that a file states, without the batch axis. An axis is `None` if any length is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OpenShape(pub(super) Vec<Option<usize>>);

impl OpenShape {
    /// Returns the shape if it has no open axis.
    pub(super) fn closed(&self) -> Option<Vec<usize>> {
        self.0.iter().copied().collect()
    }

    /// Returns true for a shape with the same number of axes and the stated lengths.
    pub(super) fn accepts(&self, shape: &[usize]) -> bool {
        let fits = |(stated, given): (&Option<usize>, &usize)| stated.is_none_or(|it| it == *given);
        self.0.len() == shape.len() && self.0.iter().zip(shape).all(fits)
    }

    /// Returns the text of an [`InputShape`] with N for the open axes.
    pub(super) fn template(&self) -> String {
        let length = |axis: &Option<usize>| axis.map_or("N".to_owned(), |axis| axis.to_string());
        self.0.iter().map(length).collect::<Vec<_>>().join(",")
    }
}

impl fmt::Display for OpenShape {
    /// `[None, 4]`, as in Python.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = |axis: &Option<usize>| axis.map_or("None".to_owned(), |axis| axis.to_string());
        write!(f, "[{}]", self.0.iter().map(length).collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_for_one_or_all_inputs() {
        let read = |text: &str| text.parse::<InputShape>().map(|it| (it.input, it.shape));
        assert_eq!(read("128,6"), Ok((None, vec![128, 6])));
        assert_eq!(read("a=b=28, 28, 1"), Ok((Some("a=b".to_owned()), vec![28, 28, 1])));
        for text in ["", "x=", "0,4", "4,", "None,4", "-1", "4x4", "99999999999999999999"] {
            let error = read(text).unwrap_err().to_string();
            assert_eq!(error, format!("'{text}' is not a shape"));
        }
    }

    #[test]
    fn open_axes_accept_any_length() {
        let open = OpenShape(vec![None, Some(4)]);
        assert_eq!((open.to_string(), open.template()), ("[None, 4]".into(), "N,4".into()));
        assert!(open.accepts(&[7, 4]) && !open.accepts(&[7, 5]) && !open.accepts(&[7, 4, 1]));
        assert_eq!(open.closed(), None);
        assert_eq!(OpenShape(vec![Some(3)]).closed(), Some(vec![3]));
    }
}
