//! Values against the bits of their types: a column for each power of two.
//!
//! The columns of a type are its bits, the sign bit of a signed one first: it weighs -2^(i - 1). A value
//! is in the column of the power of two at or below its magnitude. So values left of the type are clipped,
//! values right of it are less than an LSB, and columns of the type without values are never used.

use super::text::{count, number, percent, pixels};
use crate::profile::{ProfileRow, ProfileVariable};
use crate::report::page::Page;
use crate::report::profile::share;

/// Width of a chart, its bars and its height, in pixels.
const WIDTH: f64 = 380.0;
const HEIGHT: f64 = 26.0;

/// Columns below the lowest LSB: smaller values are in the last one.
const BELOW: i32 = 3;

/// Columns above the highest bit: larger values are in the first one.
const ABOVE: i32 = 8;

/// Charts with one axis.
pub(super) struct BitsView {
    pub width: String,
    pub ticks: Vec<BitTick>,
    pub rows: Vec<BitsRow>,
}

/// A power of two on the axis.
pub(super) struct BitTick {
    pub x: String,
    pub label: String,
}

/// A parameter or a result.
pub(super) struct BitsRow {
    pub index: usize,
    pub layer: String,
    pub variable: String,
    pub precision: String,
    pub range: String,
    pub clipped: String,
    pub is_clipped: bool,
    pub unused: String,
    /// All of it in a sentence.
    pub label: String,
    /// The columns of the type.
    pub format: Span,
    /// Those that no value needs: high ones, low ones.
    pub unused_spans: Vec<Span>,
    pub bars: Vec<Bar>,
}

/// An interval of the axis.
pub(super) struct Span {
    pub x: String,
    pub width: String,
}

/// Values of a column.
pub(super) struct Bar {
    pub x: String,
    pub y: String,
    pub width: String,
    pub height: String,
    /// Left of the type, right of it, or in it.
    pub place: &'static str,
    pub title: String,
}

/// The powers of two of an axis, the highest on the left.
struct Axis {
    low: i32,
    high: i32,
}

impl Axis {
    fn new(rows: &[&ProfileRow]) -> Self {
        let formats = || rows.iter().map(|row| row.usage.precision.format);
        let octaves = || rows.iter().flat_map(|row| row.values.octaves.keys().copied());
        let top = formats().map(|format| format.integer_bits() - 1).max().unwrap_or(0);
        let bottom = formats().map(|format| -format.fractional_bits()).min().unwrap_or(0);
        Self {
            high: octaves().max().unwrap_or(top).min(top + ABOVE).max(top),
            low: octaves().min().unwrap_or(bottom).clamp(bottom - BELOW, bottom),
        }
    }

    fn column(&self) -> f64 {
        WIDTH / f64::from(self.high - self.low + 1)
    }

    /// The left end of the column of 2^`exponent`.
    fn x(&self, exponent: i32) -> f64 {
        f64::from(self.high - exponent) * self.column()
    }

    /// The columns from 2^`high` down to 2^`low`.
    fn span(&self, high: i32, low: i32) -> Span {
        let (start, end) = (self.x(high), self.x(low - 1));
        Span { x: pixels(start), width: pixels(end - start) }
    }

    /// Five to ten powers of two.
    fn ticks(&self) -> Vec<BitTick> {
        let distance = ((self.high - self.low) / 8).max(1);
        let tick = |exponent: i32| BitTick {
            x: pixels(self.x(exponent) + self.column() / 2.0),
            label: exponent.to_string(),
        };
        let ticks = (self.low..=self.high).filter(|exponent| exponent.rem_euclid(distance) == 0);
        ticks.map(tick).collect()
    }
}

impl BitsView {
    /// The parameters of all layers, or their results.
    pub(super) fn new(page: &Page, are_results: bool) -> Self {
        let is_meant = |row: &&ProfileRow| is_result(row.variable) == are_results;
        let rows = || {
            let layers = page.layers.iter().enumerate();
            layers.flat_map(|(at, layer)| layer.values.iter().map(move |row| (at, row)))
        };
        let meant: Vec<&ProfileRow> = rows().map(|(_, row)| row).filter(is_meant).collect();
        let axis = Axis::new(&meant);
        let rows = rows().filter(|(_, row)| is_meant(row));
        Self {
            width: pixels(WIDTH),
            ticks: axis.ticks(),
            rows: rows.map(|(at, row)| bits_row(&axis, at, row)).collect(),
        }
    }
}

/// True for an input or a result, false for a parameter.
fn is_result(variable: ProfileVariable) -> bool {
    match variable {
        ProfileVariable::Input | ProfileVariable::Result | ProfileVariable::Activation => true,
        ProfileVariable::Weight
        | ProfileVariable::Bias
        | ProfileVariable::RecurrentWeight
        | ProfileVariable::RecurrentBias
        | ProfileVariable::Scale => false,
    }
}

fn bits_row(axis: &Axis, index: usize, row: &ProfileRow) -> BitsRow {
    let (values, usage) = (&row.values, &row.usage);
    let format = usage.precision.format;
    let (top, bottom) = (format.integer_bits() - 1, -format.fractional_bits());
    let most = values.octaves.values().max().copied().unwrap_or(1).max(1);
    // Octaves beyond the axis are in its first and last column.
    let mut columns = std::collections::BTreeMap::<i32, u64>::new();
    for (octave, number) in &values.octaves {
        *columns.entry((*octave).clamp(axis.low, axis.high)).or_default() += number;
    }
    let bar = |(exponent, number): (&i32, &u64)| {
        let share = *number as f64 / most as f64;
        // A single value is still seen.
        let height = (share.min(1.0) * (HEIGHT - 4.0)).max(1.5);
        Bar {
            x: pixels(axis.x(*exponent) + 0.5),
            y: pixels(HEIGHT - 1.0 - height),
            width: pixels(axis.column() - 1.0),
            height: pixels(height),
            place: match exponent {
                exponent if *exponent > top => "above",
                exponent if *exponent < bottom => "below",
                _ => "inside",
            },
            title: format!("2^{exponent}: {} of {} values", count(*number), count(values.count)),
        }
    };
    let high = usage.unused_high.min(format.width());
    let low = usage.unused_low.min(format.width() - high);
    let mut unused_spans = Vec::new();
    if high > 0 {
        unused_spans.push(axis.span(top, top - high.cast_signed() + 1));
    }
    if low > 0 {
        unused_spans.push(axis.span(bottom + low.cast_signed() - 1, bottom));
    }
    let unused = match (usage.unused_high, usage.unused_low) {
        (0, 0) => "–".to_owned(),
        (high, low) => format!("{high} high, {low} low"),
    };
    let clipped = share(usage.clipped, values.count);
    let range = format!("[{}, {}]", number(values.low), number(values.high));
    let zeros = percent(values.zeros as f64 / values.count.max(1) as f64);
    BitsRow {
        index,
        layer: row.layer.clone(),
        variable: row.title(),
        precision: format.to_string(),
        label: format!(
            "{} of {}: {} values in {range}, {zeros} zeros; type {format} with bits 2^{top} to 2^{bottom}; \
             clipped {clipped}; unused bits {unused}",
            row.title(),
            row.layer,
            count(values.count)
        ),
        range,
        clipped: if usage.clipped == 0 { "–".to_owned() } else { clipped },
        is_clipped: usage.clipped > 0,
        unused,
        format: axis.span(top, bottom),
        unused_spans,
        bars: columns.iter().map(bar).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Distribution, TypeUse};

    /// Values of a type, with these numbers of clipped values and of unused bits.
    fn row(values: &[f64], precision: &str, [clipped, high, low]: [u32; 3]) -> ProfileRow {
        ProfileRow {
            layer: "fc".into(),
            variable: ProfileVariable::Result,
            part: None,
            unquantized: false,
            values: Distribution::of(values),
            usage: TypeUse {
                precision: precision.parse().expect("a type"),
                clipped: clipped.into(),
                unused_high: high,
                unused_low: low,
            },
            channel_integer_bits: None,
            difference: None,
            reference: None,
        }
    }

    #[test]
    fn bars_are_above_inside_and_below_a_type() {
        // Bits 2^1 (the sign), 2^0, 2^-1.
        let row = row(&[5.0, -2.0, 1.0, 0.5, 0.1, 0.0], "fixed<3,2>", [1, 0, 0]);
        let axis = Axis::new(&[&row]);
        assert_eq!((axis.high, axis.low), (2, -4));
        let found = bits_row(&axis, 0, &row);
        let places: Vec<&str> = found.bars.iter().map(|bar| bar.place).collect();
        assert_eq!(places, ["below", "inside", "inside", "inside", "above"]);
        assert_eq!((found.clipped.as_str(), found.is_clipped), ("16.67 %", true));
        let column = WIDTH / 7.0;
        assert_eq!(found.format.x, pixels(column));
        assert_eq!(found.format.width, pixels(3.0 * column));
        assert!(found.label.contains("16.67 % zeros; type fixed<3,2> with bits 2^1 to 2^-1"));
    }

    #[test]
    fn unused_bits_are_at_the_ends_of_a_type() {
        let row = row(&[0.5], "ufixed<4,2>", [0, 2, 1]);
        let axis = Axis::new(&[&row]);
        let found = bits_row(&axis, 0, &row);
        let spans: Vec<(&str, &str)> =
            found.unused_spans.iter().map(|it| (it.x.as_str(), it.width.as_str())).collect();
        assert_eq!(spans, [("0", "190"), ("285", "95")]);
        assert_eq!(found.unused, "2 high, 1 low");
    }

    #[test]
    fn far_values_do_not_stretch_the_axis() {
        let row = row(&[1e-30, 1e30, 1.0], "fixed<1,1>", [1, 0, 0]);
        let axis = Axis::new(&[&row]);
        assert_eq!((axis.high, axis.low), (8, -3));
        assert_eq!(bits_row(&axis, 0, &row).bars.len(), 3);
    }
}
