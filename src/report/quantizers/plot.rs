//! A quantizer's step function as an SVG plot.

use askama::Template;

use super::DetailError;
use crate::quantizer::{Piece, Quantizer, RealStepFunction, Side, Threshold};
use crate::report::axis::{Axis, Tick};

/// Borders of the plot, in pixels.
const LEFT: f64 = 80.0;
const RIGHT: f64 = 700.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 420.0;

/// Maximum number of pieces that are drawn one by one; more are narrower than a pixel.
const MAX_PIECES: usize = 512;

/// The interval of x for a function that does not round: all of QKeras' reach their limits in it.
const CONTINUOUS: (f64, f64) = (-3.0, 3.0);

/// Maximum number of pieces whose thresholds are marked with the piece that includes them.
const MAX_MARKED: usize = 40;

/// An SVG plot of `quantizer`: each value over the interval that gives it, and the line y = x. A filled
/// dot marks the piece that includes a threshold.
///
/// # Errors
/// If its values depend on the data.
pub fn plot(quantizer: &Quantizer) -> Result<String, DetailError> {
    let function = RealStepFunction::new(quantizer)?;
    let pieces: Vec<Piece> =
        function.iter().flat_map(|all| all.ascending().take(MAX_PIECES + 1)).collect();
    let (first, last) = function.as_ref().map_or(CONTINUOUS, thresholds);
    let margin = if last > first { (last - first) / 8.0 } else { 1.0 };
    let x = Axis { low: first - margin, high: last + margin, pixels: (LEFT, RIGHT) };

    let samples = if (1..=MAX_PIECES).contains(&pieces.len()) {
        pieces.iter().flat_map(|piece| ends(piece, &x).map(|at| (at, piece.value))).collect()
    } else {
        sampled(quantizer, &x)
    };
    let low = samples.iter().map(|(_, y)| *y).fold(f64::INFINITY, f64::min);
    let high = samples.iter().map(|(_, y)| *y).fold(f64::NEG_INFINITY, f64::max);
    let margin = if high > low { (high - low) / 12.0 } else { 1.0 };
    let y = Axis { low: low - margin, high: high + margin, pixels: (BOTTOM, TOP) };

    let points: Vec<String> = samples
        .iter()
        .map(|(at, value)| format!("{:.2},{:.2}", x.pixel(*at), y.pixel(*value)))
        .collect();
    let dots = if pieces.len() <= MAX_MARKED { dots(&pieces, &x, &y) } else { vec![] };
    let picture = Picture {
        title: quantizer.to_string(),
        points: points.join(" "),
        identity: identity(&x, &y),
        x_ticks: x.ticks(10.0, super::number),
        y_ticks: y.ticks(10.0, super::number),
        dots,
    };
    Ok(picture.render()? + "\n")
}

/// The first and the last threshold, or 0 to keep the origin in the plot.
fn thresholds(function: &RealStepFunction<'_>) -> (f64, f64) {
    let first = function.ascending().next().and_then(|piece| piece.high);
    let last = function.descending().next().and_then(|piece| piece.low);
    (first.map_or(0.0, |end| end.at).min(0.0), last.map_or(0.0, |end| end.at).max(0.0))
}

#[derive(Template)]
#[template(path = "step_function.svg")]
struct Picture {
    title: String,
    /// `x,y` of each corner.
    points: String,
    /// The ends of the visible part of y = x.
    identity: Option<[(String, String); 2]>,
    x_ticks: Vec<Tick>,
    y_ticks: Vec<Tick>,
    dots: Vec<Dot>,
}

struct Dot {
    x: String,
    y: String,
    /// True if the piece includes the threshold.
    filled: bool,
}

/// The ends of the visible part of a piece.
fn ends(piece: &Piece, x: &Axis) -> [f64; 2] {
    [piece.low.map_or(x.low, |end| end.at), piece.high.map_or(x.high, |end| end.at)]
}

/// The value at each pixel.
fn sampled(quantizer: &Quantizer, x: &Axis) -> Vec<(f64, f64)> {
    let pixels = (RIGHT - LEFT) as usize;
    let at = |pixel: usize| x.low + (x.high - x.low) * pixel as f64 / pixels as f64;
    (0..=pixels).map(at).map(|at| (at, quantizer.apply(at))).collect()
}

fn dots(pieces: &[Piece], x: &Axis, y: &Axis) -> Vec<Dot> {
    let dot = |piece: &Piece, end: Option<Threshold>, inside| {
        let end = end.filter(|end| end.side != Side::Neither)?;
        let (x, y) = (format!("{:.2}", x.pixel(end.at)), format!("{:.2}", y.pixel(piece.value)));
        Some(Dot { x, y, filled: end.side == inside })
    };
    let of =
        |piece: &Piece| [dot(piece, piece.low, Side::Above), dot(piece, piece.high, Side::Below)];
    pieces.iter().flat_map(of).flatten().collect()
}

/// y = x from border to border.
fn identity(x: &Axis, y: &Axis) -> Option<[(String, String); 2]> {
    let (low, high) = (x.low.max(y.low), x.high.min(y.high));
    let point = |at| (format!("{:.2}", x.pixel(at)), format!("{:.2}", y.pixel(at)));
    (low < high).then(|| [point(low), point(high)])
}
