//! The network as a drawing: a box for each layer with the type of its result below it.

use super::text::{pixels, shape, short};
use crate::report::page::layout::place;
use crate::report::page::{Edge, Group, LayerEntry, Page};

/// Longest text of a box in characters.
const LONGEST: usize = 26;

/// Width of a character, and the border around the texts.
const CHARACTER: f64 = 7.3;
const BORDER: f64 = 20.0;

/// Heights of the box and of the tag below it.
const BOX: f64 = 42.0;
const TAG: f64 = 20.0;

/// Space around the drawing.
const MARGIN: f64 = 16.0;

/// The drawing, in pixels.
pub(super) struct GraphView {
    pub width: String,
    pub height: String,
    pub description: String,
    pub nodes: Vec<NodeView>,
    pub edges: Vec<EdgeView>,
    /// The kinds of layers that occur.
    pub groups: Vec<GroupView>,
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
    /// The type and shape of its result.
    pub tag: String,
    /// Left, center, top, width of the box.
    pub left: String,
    pub center: String,
    pub top: String,
    pub width: String,
    /// Baselines of name, class and tag, and the top of the tag.
    pub name_y: String,
    pub class_y: String,
    pub tag_top: String,
    pub tag_y: String,
    pub is_output: bool,
}

/// A tensor.
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
        let width = |texts: &[String; 3]| {
            let longest = texts.iter().map(|text| text.chars().count()).max().unwrap_or(0);
            longest as f64 * CHARACTER + BORDER
        };
        let sizes: Vec<(f64, f64)> = texts.iter().map(|it| (width(it), BOX + TAG)).collect();
        let ends: Vec<(usize, usize)> = page.edges.iter().map(|it| (it.from, it.to)).collect();
        let placement = place(&sizes, &ends);
        let center = |at: usize| {
            let (x, y) = placement.centers[at];
            (x + MARGIN, y + MARGIN)
        };
        let node = |(index, [name, class, tag]): (usize, [String; 3])| {
            let layer = &page.layers[index];
            let ((x, y), (width, height)) = (center(index), sizes[index]);
            let top = y - height / 2.0;
            NodeView {
                index,
                group: key(layer.group),
                label: format!("{}, {}, {tag}", layer.name, layer.class),
                name,
                class,
                tag,
                left: pixels(x - width / 2.0),
                center: pixels(x),
                top: pixels(top),
                width: pixels(width),
                name_y: pixels(top + 18.0),
                class_y: pixels(top + 34.0),
                tag_top: pixels(top + BOX),
                tag_y: pixels(top + BOX + 14.0),
                is_output: layer.is_output,
            }
        };
        let half = (BOX + TAG) / 2.0;
        let edge = |(edge, way): (&Edge, &Vec<(f64, f64)>)| {
            let (start, end) = (center(edge.from), center(edge.to));
            let between = way.iter().map(|(x, y)| (x + MARGIN, y + MARGIN));
            let points: Vec<(f64, f64)> = [(start.0, start.1 + half)]
                .into_iter()
                .chain(between)
                .chain([(end.0, end.1 - half)])
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
        let has = |group: &Group| page.layers.iter().any(|layer| layer.group == *group);
        let group = |group: Group| GroupView { key: key(group), title: group.title() };
        Self {
            width: pixels(placement.size.0 + 2.0 * MARGIN),
            height: pixels(placement.size.1 + 2.0 * MARGIN),
            description: format!(
                "{} layers from top to bottom, {} edges; each box links to the details of its layer",
                page.layers.len(),
                page.edges.len()
            ),
            edges: page.edges.iter().zip(&placement.ways).map(edge).collect(),
            nodes: texts.into_iter().enumerate().map(node).collect(),
            groups: Group::ALL.into_iter().filter(has).map(group).collect(),
        }
    }
}

/// The name, the class, and the type and shape of the result of a layer.
fn texts(layer: &LayerEntry) -> [String; 3] {
    let tag = match (&layer.folded_into, &layer.hardware) {
        (Some(_), _) => "folded".to_owned(),
        (None, None) => "not built".to_owned(),
        (None, Some(row)) => {
            let shape: Vec<String> = row.shape.iter().map(usize::to_string).collect();
            format!("{} {}", row.result, shape.join("×"))
        }
    };
    [short(&layer.name, LONGEST), short(&layer.class, LONGEST), tag]
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
