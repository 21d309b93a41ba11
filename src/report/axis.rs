//! Numbers along one side of a plot.

/// An interval of numbers, and its place in pixels.
pub(super) struct Axis {
    pub low: f64,
    pub high: f64,
    pub pixels: (f64, f64),
}

/// A number on an axis.
pub(super) struct Tick {
    pub at: String,
    pub label: String,
    /// The end of the label that is at `at` on a horizontal axis, so that no label leaves the plot.
    pub anchor: &'static str,
}

/// Width of a character of a label in pixels, at most.
const CHARACTER: f64 = 7.0;

impl Axis {
    pub(super) fn pixel(&self, x: f64) -> f64 {
        let (start, end) = self.pixels;
        start + (x - self.low) / (self.high - self.low) * (end - start)
    }

    /// Multiples of a power of two, from half of `most` up to `most` of them and one more.
    pub(super) fn ticks(&self, most: f64, label: impl Fn(f64) -> String) -> Vec<Tick> {
        let distance = ((self.high - self.low) / most).log2().ceil().exp2();
        let (first, last) = ((self.low / distance).ceil(), (self.high / distance).floor());
        let count = (last - first) as usize + 1;
        let tick = |k: usize| {
            let value = (first + k as f64) * distance;
            let (at, label) = (self.pixel(value), label(value));
            let half = label.chars().count() as f64 * CHARACTER / 2.0;
            let anchor = match at {
                at if at - half < self.pixels.0 => "start",
                at if at + half > self.pixels.1 => "end",
                _ => "middle",
            };
            Tick { at: format!("{at:.2}"), label, anchor }
        };
        (0..count).map(tick).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_stay_within_the_axis() {
        let axis = Axis { low: -1.0, high: 1.0, pixels: (6.0, 334.0) };
        let found: Vec<(String, &str)> = axis
            .ticks(5.0, |value| value.to_string())
            .into_iter()
            .map(|tick| (tick.label, tick.anchor))
            .collect();
        let expected =
            [("-1", "start"), ("-0.5", "middle"), ("0", "middle"), ("0.5", "middle"), ("1", "end")];
        assert_eq!(found, expected.map(|(label, anchor)| (label.to_owned(), anchor)));
    }
}
