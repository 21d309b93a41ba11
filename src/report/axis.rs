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
}

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
            Tick { at: format!("{:.2}", self.pixel(value)), label: label(value) }
        };
        (0..count).map(tick).collect()
    }
}
