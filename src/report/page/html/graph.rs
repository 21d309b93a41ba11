//! The network as a drawing: a box for each layer, and on the edges that leave it the type of its result.

use super::parts::{PartView, parts};
use super::text::{pixels, shape, short};
use crate::report::page::layout::{Size, place};
use crate::report::page::{Edge, Group, LayerEntry, Page};

/// Longest text of a box in characters.
const LONGEST: usize = 26;

/// Width of a character, and the border around the texts.
const CHARACTER: f64 = 7.3;
const BORDER: f64 = 20.0;

/// Height of a box.
const BOX: f64 = 42.0;

/// Height of a label, the width of a character, and the border around it.
const LABEL: f64 = 18.0;
const LABEL_CHARACTER: f64 = 6.7;
const LABEL_BORDER: f64 = 8.0;

/// Space around the drawing.
const MARGIN: f64 = 16.0;

/// The drawing, in pixels.
pub(super) struct GraphView {
    pub width: String,
    pub height: String,
    pub description: String,
    pub nodes: Vec<NodeView>,
    pub labels: Vec<LabelView>,
    pub edges: Vec<EdgeView>,
    /// The kinds of layers that occur.
    pub groups: Vec<GroupView>,
    /// The drawing in parts that fit on pages.
    pub parts: Vec<PartView>,
}

/// A layer.
pub(super) struct NodeView {
    /// Its position in the model.
    pub index: usize,
    pub group: &'static str,
    /// The name for a reader without the drawing.
    pub label: String,
    pub name: String,
    pub class: String,
    /// Left, center, top, width of the box.
    pub left: String,
    pub center: String,
    pub top: String,
    pub width: String,
    /// Baselines of name and class.
    pub name_y: String,
    pub class_y: String,
    pub is_output: bool,
}

/// The type and shape of a result, on the edges to its readers.
pub(super) struct LabelView {
    /// The position of its layer in the model.
    pub from: usize,
    pub text: String,
    /// The way from the layer.
    pub path: String,
    pub left: String,
    pub center: String,
    pub top: String,
    pub width: String,
    pub baseline: String,
    /// True for a result that the network returns.
    pub is_output: bool,
}

/// The way of a tensor from its label to a reader.
pub(super) struct EdgeView {
    pub path: String,
    pub title: String,
    /// Positions of its ends, for the choice of a layer.
    pub from: usize,
    pub to: usize,
}

/// A kind of layers in the legend.
pub(super) struct GroupView {
    pub key: &'static str,
    pub title: &'static str,
}

impl GraphView {
    pub(super) fn new(page: &Page) -> Self {
        let texts: Vec<[String; 3]> = page.layers.iter().map(texts).collect();
        let sizes: Vec<(Size, Size)> = texts.iter().map(sizes).collect();
        let ends: Vec<(usize, usize)> = page.edges.iter().map(|it| (it.from, it.to)).collect();
        let placement = place(&sizes, &ends);
        let moved = |(x, y): (f64, f64)| (x + MARGIN, y + MARGIN);
        let center = |at: usize| moved(placement.layers[at]);
        let label_center = |at: usize| moved(placement.labels[at]);
        let node = |(index, [name, class, label]): (usize, &[String; 3])| {
            let layer = &page.layers[index];
            let ((x, y), (width, height)) = (center(index), sizes[index].0);
            let top = y - height / 2.0;
            NodeView {
                index,
                group: key(layer.group),
                label: format!("{}, {}, {label}", layer.name, layer.class),
                name: name.clone(),
                class: class.clone(),
                left: pixels(x - width / 2.0),
                center: pixels(x),
                top: pixels(top),
                width: pixels(width),
                name_y: pixels(top + 18.0),
                class_y: pixels(top + 34.0),
                is_output: layer.is_output,
            }
        };
        let label = |(from, [_, _, text]): (usize, &[String; 3])| {
            let ((x, y), (width, height)) = (label_center(from), sizes[from].1);
            let (above, top) = (center(from), y - height / 2.0);
            LabelView {
                from,
                text: text.clone(),
                path: curve(&[(above.0, above.1 + BOX / 2.0), (x, top)]),
                left: pixels(x - width / 2.0),
                center: pixels(x),
                top: pixels(top),
                width: pixels(width),
                baseline: pixels(top + 13.0),
                is_output: page.layers[from].is_output,
            }
        };
        // Straight beside layers and labels, in turn, and bent between them only.
        let through = |(at, point): (usize, &(f64, f64))| {
            let ((x, y), half) = (moved(*point), if at % 2 == 0 { BOX } else { LABEL } / 2.0);
            [(x, y - half), (x, y + half)]
        };
        let edge = |(edge, way): (&Edge, &Vec<(f64, f64)>)| {
            let (start, end) = (label_center(edge.from), center(edge.to));
            let points: Vec<(f64, f64)> = [(start.0, start.1 + LABEL / 2.0)]
                .into_iter()
                .chain(way.iter().enumerate().flat_map(through))
                .chain([(end.0, end.1 - BOX / 2.0)])
                .collect();
            let names = [edge.from, edge.to].map(|at| page.layers[at].name.as_str());
            let format = edge.format.map_or_else(String::new, |format| format!(": {format}"));
            EdgeView {
                path: curve(&points),
                title: format!("{} to {}{format} {}", names[0], names[1], shape(&edge.shape)),
                from: edge.from,
                to: edge.to,
            }
        };
        let layers = 0..page.layers.len();
        let spans = layers.map(|at| (center(at).1 - BOX / 2.0, label_center(at).1 + LABEL / 2.0));
        let height = placement.size.1 + 2.0 * MARGIN;
        let has = |group: &Group| page.layers.iter().any(|layer| layer.group == *group);
        let group = |group: Group| GroupView { key: key(group), title: group.title() };
        Self {
            width: pixels(placement.size.0 + 2.0 * MARGIN),
            height: pixels(height),
            description: format!(
                "{} layers from top to bottom, {} edges; each box links to the details of its layer",
                page.layers.len(),
                page.edges.len()
            ),
            edges: page.edges.iter().zip(&placement.ways).map(edge).collect(),
            nodes: texts.iter().enumerate().map(node).collect(),
            labels: texts.iter().enumerate().map(label).collect(),
            parts: parts(spans.collect(), height),
            groups: Group::ALL.into_iter().filter(has).map(group).collect(),
        }
    }
}

/// The sizes of the box and of the label with these texts.
fn sizes([name, class, label]: &[String; 3]) -> (Size, Size) {
    let length = |text: &String| text.chars().count() as f64;
    let longest = length(name).max(length(class));
    ((longest * CHARACTER + BORDER, BOX), (length(label) * LABEL_CHARACTER + LABEL_BORDER, LABEL))
}

/// The name, the class, and the type and shape of the result of a layer.
fn texts(layer: &LayerEntry) -> [String; 3] {
    let label = match (&layer.folded_into, &layer.hardware) {
        (Some(_), _) => "folded".to_owned(),
        (None, None) => "not built".to_owned(),
        (None, Some(row)) => {
            let shape: Vec<String> = row.shape.iter().map(usize::to_string).collect();
            format!("{} {}", row.result, shape.join("×"))
        }
    };
    [short(&layer.name, LONGEST), short(&layer.class, LONGEST), label]
}

/// The name of a kind in the style sheet.
pub(super) fn key(group: Group) -> &'static str {
    match group {
        Group::Input => "input",
        Group::Matrix => "matrix",
        Group::Recurrent => "recurrent",
        Group::Normalization => "normalization",
        Group::Activation => "activation",
        Group::Arithmetic => "arithmetic",
        Group::Layout => "layout",
    }
}

/// A smooth way downwards through `points`.
fn curve(points: &[(f64, f64)]) -> String {
    let Some((x, y)) = points.first() else { return String::new() };
    let mut path = format!("M{} {}", pixels(*x), pixels(*y));
    for pair in points.windows(2) {
        let ((x, y), (to_x, to_y)) = (pair[0], pair[1]);
        if (x - to_x).abs() < 0.05 {
            path.push_str(&format!("V{}", pixels(to_y)));
            continue;
        }
        let middle = pixels((y + to_y) / 2.0);
        path.push_str(&format!(
            "C{} {middle} {} {middle} {} {}",
            pixels(x),
            pixels(to_x),
            pixels(to_x),
            pixels(to_y)
        ));
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_are_vertical_at_points() {
        let points = [(10.0, 0.0), (10.0, 20.0), (30.0, 40.0)];
        assert_eq!(curve(&points), "M10 0V20C10 30 30 30 30 40");
    }
}
