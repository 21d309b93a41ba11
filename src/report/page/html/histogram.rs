//! A histogram of values with the range of their type.

use super::text::{count, number, percent, pixels};
use crate::profile::{ProfileRow, TypeUse};
use crate::report::axis::{Axis, Tick};

/// The size of the chart and its borders, in pixels.
const WIDTH: f64 = 340.0;
const BASE: f64 = 84.0;
const TOP: f64 = 8.0;
const SIDE: f64 = 6.0;

/// Share of the range of the values by which the axis goes on for the ends of the type.
const ROOM: f64 = 0.3;

/// Exponent of the least width of a bin: a float64 far from its smallest.
const FINEST: i32 = -1000;

/// A histogram.
pub(super) struct HistogramView {
    pub title: String,
    /// All of it in a sentence.
    pub label: String,
    /// The outline of all bins.
    pub path: String,
    pub ticks: Vec<Tick>,
    /// Parts of the axis that the type does not hold: left end and width.
    pub outside: Vec<(String, String)>,
    /// Ends of the type within the chart.
    pub ends: Vec<String>,
    /// Facts below it.
    pub facts: String,
}

impl HistogramView {
    pub(super) fn new(row: &ProfileRow) -> Self {
        let (values, TypeUse { precision, clipped, .. }) = (&row.values, &row.usage);
        let format = precision.format;
        let bins = values.histogram.at_least((-format.fractional_bits()).max(FINEST));
        let width = libm::ldexp(1.0, bins.exponent);
        let edge = |bin: usize| (bins.first as f64 + bin as f64) * width;
        let (low, high) = (edge(0), edge(bins.counts.len().max(1)));
        let (type_low, type_high) = format.codes().values(format.fractional_bits());
        // The last code stands for the values up to the next one.
        let type_high = type_high + format.lsb();
        let room = (high - low) * ROOM;
        let near = |end: f64| (low - room..=high + room).contains(&end).then_some(end);
        let axis = Axis {
            low: near(type_low).map_or(low, |end| end.min(low)),
            high: near(type_high).map_or(high, |end| end.max(high)),
            pixels: (SIDE, WIDTH - SIDE),
        };
        let most = bins.counts.iter().max().copied().unwrap_or(1).max(1);
        let y = |count: u64| {
            let height = count as f64 / most as f64 * (BASE - TOP);
            // A single value is still seen.
            BASE - if count > 0 { height.max(1.0) } else { 0.0 }
        };
        let mut path = format!("M{} {}", pixels(axis.pixel(edge(0))), pixels(BASE));
        for (at, number) in bins.counts.iter().enumerate() {
            let end = pixels(axis.pixel(edge(at + 1)));
            path.push_str(&format!("V{}H{end}", pixels(y(*number))));
        }
        path.push_str(&format!("V{}Z", pixels(BASE)));
        let part = |from: f64, to: f64| {
            let (from, to) = (axis.pixel(from.max(axis.low)), axis.pixel(to.min(axis.high)));
            (to - from > 0.5).then(|| (pixels(from), pixels(to - from)))
        };
        let outside = [part(axis.low, type_low), part(type_high, axis.high)];
        let ends = [type_low, type_high].into_iter().filter(|end| {
            let at = axis.pixel(*end);
            (SIDE - 0.5..=WIDTH - SIDE + 0.5).contains(&at)
        });
        let zeros = values.zeros as f64 / values.count.max(1) as f64;
        let facts = format!(
            "{} values in [{}, {}], mean {}, {} zeros; {format} holds [{}, {}], LSB {}",
            count(values.count),
            number(values.low),
            number(values.high),
            number(values.mean),
            percent(zeros),
            number(type_low),
            number(type_high - format.lsb()),
            number(format.lsb()),
        );
        let clipped = match clipped {
            0 => String::new(),
            clipped => format!("; {} clipped", count(*clipped)),
        };
        let title = row.title();
        Self {
            label: format!("Histogram of the {title} of {}: {facts}{clipped}", row.layer),
            title,
            path,
            ticks: axis.ticks(5.0, number),
            outside: outside.into_iter().flatten().collect(),
            ends: ends.map(|end| pixels(axis.pixel(end))).collect(),
            facts: facts + &clipped,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Distribution, ProfileVariable};

    fn view(values: &[f64], precision: &str) -> HistogramView {
        HistogramView::new(&ProfileRow {
            layer: "fc".into(),
            variable: ProfileVariable::Weight,
            part: None,
            unquantized: false,
            values: Distribution::of(values),
            usage: TypeUse {
                precision: precision.parse().expect("a type"),
                clipped: 0,
                unused_high: 0,
                unused_low: 0,
            },
            channel_integer_bits: None,
            difference: None,
            reference: None,
        })
    }

    #[test]
    fn bins_are_at_least_an_lsb_wide() {
        // Bins of 1/2 from -1 to 1.
        let found = view(&[-1.0, -1.0, 0.5], "fixed<2,1>");
        assert_eq!(found.path, "M6 84V8H88V84H170V84H252V46H334V84Z");
        assert_eq!((found.ends, found.outside), (vec!["6".to_owned(), "334".to_owned()], vec![]));
    }

    #[test]
    fn the_axis_has_what_a_type_does_not_hold() {
        let found = view(&[0.0, 4.0], "ufixed<2,1>");
        // The type ends at 2, the last bin at 4.5.
        assert_eq!(found.ends, ["6", "151.8"]);
        assert_eq!(found.outside, [("151.8".to_owned(), "182.2".to_owned())]);
    }

    #[test]
    fn one_value_and_far_ends_have_an_axis() {
        for values in [&[0.0, 0.0][..], &[3.0], &[]] {
            let found = view(values, "fixed<16,6>");
            assert!(!found.path.contains("NaN") && found.path.starts_with('M'), "{}", found.path);
            assert!(!found.ticks.is_empty());
        }
    }
}
