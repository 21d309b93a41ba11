//! Elements by index: loops over strides, or a table.

use askama::Template;

use super::{Scope, times};
use crate::hls::GatherKernel;
use crate::ir::{StridedAxis, Strides};

/// The C++ function of a selection by index.
pub(super) fn render(cx: Scope<'_>, body: &GatherKernel) -> askama::Result<String> {
    match &body.strides {
        Some(strides) => StridesTemplate {
            axes: strides.axes.iter().enumerate().map(Counter::new).collect(),
            present: present(strides),
            input: input(strides),
            output: output(strides),
            cx,
        }
        .render(),
        None => GatherTemplate { cx, body }.render(),
    }
}

#[derive(Template)]
#[template(path = "kernels/gather.cpp")]
struct GatherTemplate<'a> {
    cx: Scope<'a>,
    body: &'a GatherKernel,
}

#[derive(Template)]
#[template(path = "kernels/strides.cpp")]
struct StridesTemplate<'a> {
    cx: Scope<'a>,
    axes: Vec<Counter>,
    /// The condition that an element is not padding; empty for always.
    present: String,
    /// The index of an element in the operand, and in the result.
    input: String,
    output: String,
}

/// A loop over an axis.
struct Counter {
    label: String,
    variable: String,
    bound: usize,
}

impl Counter {
    fn new((position, axis): (usize, &StridedAxis)) -> Self {
        let label = format!("axis_{}", position + 1);
        Self { label, variable: variable(position), bound: axis.len }
    }
}

fn variable(position: usize) -> String {
    format!("i{}", position + 1)
}

fn present(strides: &Strides) -> String {
    let axes = strides.axes.iter().enumerate().flat_map(|(position, axis)| {
        let (at, end) = (variable(position), axis.first + axis.present);
        [
            (axis.first > 0).then(|| format!("{at} >= {}", axis.first)),
            (end < axis.len).then(|| format!("{at} < {end}")),
        ]
    });
    axes.flatten().collect::<Vec<_>>().join(" && ")
}

fn input(strides: &Strides) -> String {
    let mut text = String::new();
    for (position, axis) in strides.axes.iter().enumerate().filter(|(_, axis)| axis.stride != 0) {
        let term = times(&variable(position), axis.stride.unsigned_abs());
        text += match (text.is_empty(), axis.stride < 0) {
            (true, false) => "",
            (true, true) => "-",
            (false, false) => " + ",
            (false, true) => " - ",
        };
        text += &term;
    }
    match strides.offset {
        offset if text.is_empty() => offset.to_string(),
        0 => text,
        offset if offset < 0 => format!("{text} - {}", -offset),
        // A term is subtracted from it.
        offset if text.starts_with('-') => format!("{offset} - {}", &text[1..]),
        offset => format!("{text} + {offset}"),
    }
}

fn output(strides: &Strides) -> String {
    let mut text = String::new();
    for (position, axis) in strides.axes.iter().enumerate() {
        let at = variable(position);
        text = match text.contains(' ') {
            _ if text.is_empty() => at,
            true => format!("({text}) * {} + {at}", axis.len),
            false => format!("{text} * {} + {at}", axis.len),
        };
    }
    if text.is_empty() { "0".to_owned() } else { text }
}

impl Scope<'_> {
    /// Indices of elements, some on each line; -1 for none.
    fn indices(&self, indices: &[Option<usize>]) -> String {
        const A_LINE: usize = 16;
        let text = |index: &Option<usize>| index.map_or("-1".to_owned(), |n| n.to_string());
        let line = |line: &[Option<usize>]| line.iter().map(text).collect::<Vec<_>>().join(", ");
        indices.chunks(A_LINE).map(line).collect::<Vec<_>>().join(",\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_are_sums_of_strides() {
        let axis = |len, stride, first, present| StridedAxis { len, stride, first, present };
        let flipped = Strides { offset: 8, axes: vec![axis(3, -4, 0, 3), axis(4, 1, 0, 4)] };
        assert_eq!(input(&flipped), "8 - i1 * 4 + i2");
        assert_eq!((output(&flipped).as_str(), present(&flipped).as_str()), ("i1 * 4 + i2", ""));
        let padded = Strides { offset: -5, axes: vec![axis(6, 4, 1, 3), axis(5, 1, 1, 4)] };
        assert_eq!(input(&padded), "i1 * 4 + i2 - 5");
        assert_eq!(present(&padded), "i1 >= 1 && i1 < 4 && i2 >= 1");
        let repeated = Strides { offset: 3, axes: vec![axis(2, 0, 0, 2), axis(2, 0, 0, 2)] };
        assert_eq!(input(&repeated), "3");
    }
}
