//! A quantizer's staircase as an SVG picture.

use askama::Template;

use super::StaircaseError;
use crate::quantizer::{Edge, Owner, Quantizer, Staircase, Step};

/// Places of the picture, in pixels.
const LEFT: f64 = 80.0;
const RIGHT: f64 = 700.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 420.0;

/// Steps that are drawn one by one; more of them are narrower than a pixel.
const MOST_STEPS: usize = 512;

/// The part of a function without steps that is drawn: all of QKeras' reach their limits in it.
const WITHOUT_STEPS: (f64, f64) = (-3.0, 3.0);

/// Steps whose edges are marked with the side that they belong to.
const MOST_MARKED: usize = 40;

/// A picture of what `quantizer` makes of real numbers: each value over the numbers that give it,
/// beside the straight line y = x. A filled dot shows which step an edge belongs to.
///
/// # Errors
/// If its values depend on the data.
pub fn plot(quantizer: &Quantizer) -> Result<String, StaircaseError> {
    let staircase = Staircase::new(quantizer)?;
    let steps: Vec<Step> =
        staircase.iter().flat_map(|all| all.from_left().take(MOST_STEPS + 1)).collect();
    let (first, last) = staircase.as_ref().map_or(WITHOUT_STEPS, edges);
    let margin = if last > first { (last - first) / 8.0 } else { 1.0 };
    let x = Axis::new(first - margin, last + margin, (LEFT, RIGHT));

    let samples = if (1..=MOST_STEPS).contains(&steps.len()) {
        steps.iter().flat_map(|step| ends(step, &x).map(|at| (at, step.value))).collect()
    } else {
        sampled(quantizer, &x)
    };
    let low = samples.iter().map(|(_, y)| *y).fold(f64::INFINITY, f64::min);
    let high = samples.iter().map(|(_, y)| *y).fold(f64::NEG_INFINITY, f64::max);
    let margin = if high > low { (high - low) / 12.0 } else { 1.0 };
    let y = Axis::new(low - margin, high + margin, (BOTTOM, TOP));

    let points: Vec<String> = samples
        .iter()
        .map(|(at, value)| format!("{:.2},{:.2}", x.place(*at), y.place(*value)))
        .collect();
    let dots = if steps.len() <= MOST_MARKED { dots(&steps, &x, &y) } else { vec![] };
    let picture = Picture {
        title: quantizer.to_string(),
        staircase: points.join(" "),
        identity: identity(&x, &y),
        x_ticks: x.ticks(),
        y_ticks: y.ticks(),
        dots,
    };
    Ok(picture.render()? + "\n")
}

/// The first and the last edge; the origin is always in sight.
fn edges(staircase: &Staircase<'_>) -> (f64, f64) {
    let first = staircase.from_left().next().and_then(|step| step.right);
    let last = staircase.from_right().next().and_then(|step| step.left);
    (first.map_or(0.0, |edge| edge.at).min(0.0), last.map_or(0.0, |edge| edge.at).max(0.0))
}

#[derive(Template)]
#[template(path = "staircase.svg")]
struct Picture {
    title: String,
    /// `x,y` of each corner.
    staircase: String,
    /// The ends of y = x, where any of it is in sight.
    identity: Option<[(String, String); 2]>,
    x_ticks: Vec<Tick>,
    y_ticks: Vec<Tick>,
    dots: Vec<Dot>,
}

struct Tick {
    at: String,
    label: String,
}

struct Dot {
    x: String,
    y: String,
    /// Whether the edge belongs to this step.
    filled: bool,
}

/// Numbers along one side of the picture.
struct Axis {
    low: f64,
    high: f64,
    pixels: (f64, f64),
}

impl Axis {
    fn new(low: f64, high: f64, pixels: (f64, f64)) -> Self {
        Self { low, high, pixels }
    }

    fn place(&self, x: f64) -> f64 {
        let (start, end) = self.pixels;
        start + (x - self.low) / (self.high - self.low) * (end - start)
    }

    /// Some five to ten multiples of a power of two, the grid of fixed point.
    fn ticks(&self) -> Vec<Tick> {
        let distance = ((self.high - self.low) / 10.0).log2().ceil().exp2();
        let (first, last) = ((self.low / distance).ceil(), (self.high / distance).floor());
        let count = (last - first) as usize + 1;
        let tick = |k: usize| {
            let value = (first + k as f64) * distance;
            Tick { at: format!("{:.2}", self.place(value)), label: super::number(value) }
        };
        (0..count).map(tick).collect()
    }
}

/// Where a step begins and ends within sight.
fn ends(step: &Step, x: &Axis) -> [f64; 2] {
    [step.left.map_or(x.low, |edge| edge.at), step.right.map_or(x.high, |edge| edge.at)]
}

/// The value over each pixel.
fn sampled(quantizer: &Quantizer, x: &Axis) -> Vec<(f64, f64)> {
    let pixels = (RIGHT - LEFT) as usize;
    let at = |pixel: usize| x.low + (x.high - x.low) * pixel as f64 / pixels as f64;
    (0..=pixels).map(at).map(|at| (at, quantizer.apply(at))).collect()
}

fn dots(steps: &[Step], x: &Axis, y: &Axis) -> Vec<Dot> {
    let dot = |step: &Step, edge: Option<Edge>, owner| {
        let edge = edge.filter(|edge| edge.owner != Owner::Neither)?;
        let (x, y) = (format!("{:.2}", x.place(edge.at)), format!("{:.2}", y.place(step.value)));
        Some(Dot { x, y, filled: edge.owner == owner })
    };
    let of = |step: &Step| [dot(step, step.left, Owner::Right), dot(step, step.right, Owner::Left)];
    steps.iter().flat_map(of).flatten().collect()
}

/// y = x from border to border.
fn identity(x: &Axis, y: &Axis) -> Option<[(String, String); 2]> {
    let (low, high) = (x.low.max(y.low), x.high.min(y.high));
    let point = |at| (format!("{:.2}", x.place(at)), format!("{:.2}", y.place(at)));
    (low < high).then(|| [point(low), point(high)])
}
