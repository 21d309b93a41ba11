//! Places of layers and of the labels of their results, and ways of edges, in the drawing of a network.
//!
//! Crossings and coordinates are those of the crate `rust_sugiyama`. It gives no ways for edges and no places
//! for labels. So an edge over several ranks has a vertex of its own in each rank between, and a label is a
//! vertex below its layer that all edges of the layer leave from.

use std::collections::HashMap;

use rust_sugiyama::configure::{Config, CrossingMinimization, RankingType};

/// Distance of neighbors.
const SPACING: f64 = 24.0;

/// Width that an edge takes between layers.
const WAY: f64 = 12.0;

/// Vertices beyond which long edges are drawn straight: the layout takes time of their square.
const MOST_VERTICES: usize = 4000;

/// Width and height of a box.
pub(super) type Size = (f64, f64);

/// A network on a plane; y grows downwards, and all coordinates are at least 0.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Placement {
    /// The center of each layer.
    pub layers: Vec<(f64, f64)>,
    /// The center of the label of each layer.
    pub labels: Vec<(f64, f64)>,
    /// The points of each edge between the label that it leaves and its end: beside a layer, beside a label,
    /// and so on.
    pub ways: Vec<Vec<(f64, f64)>>,
    /// The size of the plane.
    pub size: Size,
}

/// Places layers, the size of each with that of its label, and the edges from layer to layer between them. The
/// edges have no cycle.
pub(super) fn place(boxes: &[(Size, Size)], edges: &[(usize, usize)]) -> Placement {
    let count = boxes.len();
    let ranks = ranks(count, edges);
    // A layer has two ranks: its own and that of its label.
    let between = |(from, to): &(usize, usize)| 2 * ranks[*to].saturating_sub(ranks[*from] + 1);
    let all = 2 * count + edges.iter().map(between).sum::<usize>();
    let id = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    let sizes = boxes.iter().map(|it| it.0).chain(boxes.iter().map(|it| it.1));
    let mut vertices: Vec<(u32, Size)> = (0..).zip(sizes).collect();
    let label = |layer: usize| count + layer;
    let mut steps: Vec<(u32, u32)> = (0..count).map(|at| (id(at), id(label(at)))).collect();
    let mut ways: Vec<std::ops::Range<usize>> = Vec::new();
    for edge in edges {
        let first = vertices.len();
        let count = if all > MOST_VERTICES { 0 } else { between(edge) };
        let mut last = id(label(edge.0));
        for at in first..first + count {
            vertices.push((id(at), (WAY, 0.0)));
            steps.push((last, id(at)));
            last = id(at);
        }
        steps.push((last, id(edge.1)));
        ways.push(first..first + count);
    }
    let config = Config {
        vertex_spacing: SPACING,
        ranking_type: RankingType::MinimizeEdgeLength,
        c_minimization: CrossingMinimization::Barycenter,
        ..Config::default()
    };
    let parts = rust_sugiyama::from_vertices_and_edges(&vertices, &steps, &config);
    let mut points = vec![(0.0, 0.0); vertices.len()];
    let mut right = 0.0;
    for (mut part, _, _) in parts {
        if is_mirrored(&part, edges) {
            part.iter_mut().for_each(|(_, (x, _))| *x = -*x);
        }
        // Parts that no edge connects lie side by side.
        let half = |at: usize| vertices[at].1.0 / 2.0;
        let left = part.iter().map(|(at, (x, _))| x - half(*at)).fold(f64::INFINITY, f64::min);
        let mut end: f64 = right;
        for (at, (x, y)) in part {
            points[at] = (x - left + right, y);
            end = end.max(points[at].0 + half(at));
        }
        right = end + SPACING;
    }
    shifted(&mut points, &vertices);
    let corner = |at: usize| {
        let ((x, y), (_, (width, height))) = (points[at], vertices[at]);
        (x + width / 2.0, y + height / 2.0)
    };
    let size = (0..vertices.len())
        .map(corner)
        .fold((0.0, 0.0), |(x, y): Size, corner| (x.max(corner.0), y.max(corner.1)));
    Placement {
        layers: points[..count].to_vec(),
        labels: points[count..2 * count].to_vec(),
        ways: ways.into_iter().map(|way| points[way].to_vec()).collect(),
        size,
    }
}

/// True if the readers of results, which `edges` name in the order of the model, lie from right to left more
/// often than from left to right.
fn is_mirrored(part: &[(usize, (f64, f64))], edges: &[(usize, usize)]) -> bool {
    let x: HashMap<usize, f64> = part.iter().map(|(at, (x, _))| (*at, *x)).collect();
    let mut before: HashMap<usize, f64> = HashMap::new();
    let mut balance = 0;
    for (from, to) in edges {
        let Some(x) = x.get(to) else { continue };
        match before.insert(*from, *x) {
            Some(last) if last < *x => balance += 1,
            Some(last) if last > *x => balance -= 1,
            Some(_) | None => {}
        }
    }
    balance < 0
}

/// Moves all points so that the vertices around them begin at 0.
fn shifted(points: &mut [(f64, f64)], vertices: &[(u32, (f64, f64))]) {
    let tops = points.iter().zip(vertices).map(|((_, y), (_, (_, height)))| y - height / 2.0);
    let top = tops.fold(f64::INFINITY, f64::min);
    points.iter_mut().for_each(|(_, y)| *y -= top);
}

/// The rank of each layer: 0 on top, below all its producers, and inputs right above their first consumer.
fn ranks(count: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut ranks = vec![0; count];
    // The longest way has an edge less than there are layers.
    for _ in 0..count {
        let mut is_done = true;
        for (from, to) in edges {
            if ranks[*to] <= ranks[*from] {
                ranks[*to] = ranks[*from] + 1;
                is_done = false;
            }
        }
        if is_done {
            break;
        }
    }
    for layer in (0..count).filter(|layer| edges.iter().all(|(_, to)| to != layer)) {
        let consumers = edges.iter().filter(|(from, _)| *from == layer).map(|(_, to)| ranks[*to]);
        ranks[layer] = consumers.min().map_or(0, |rank| rank - 1);
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A layer and its label.
    const BOX: (Size, Size) = ((120.0, 40.0), (90.0, 18.0));

    /// True if two of the layers and labels overlap.
    fn overlaps(boxes: &[(Size, Size)], placement: &Placement) -> bool {
        let layers = placement.layers.iter().zip(boxes.iter().map(|it| it.0));
        let labels = placement.labels.iter().zip(boxes.iter().map(|it| it.1));
        let all: Vec<_> = layers.chain(labels).collect();
        let is_near = |a: usize, b: usize| {
            let (((x, y), size), ((to_x, to_y), to_size)) = (all[a], all[b]);
            (x - to_x).abs() < (size.0 + to_size.0) / 2.0
                && (y - to_y).abs() < (size.1 + to_size.1) / 2.0
        };
        (0..all.len()).any(|a| (0..a).any(|b| is_near(a, b)))
    }

    #[test]
    fn a_chain_is_a_column() {
        let label = (50.0, 18.0);
        let boxes = [((100.0, 40.0), label), ((60.0, 40.0), label), ((100.0, 40.0), label)];
        let found = place(&boxes, &[(0, 1), (1, 2)]);
        let all = || found.layers.iter().chain(&found.labels);
        assert!(all().all(|(x, _)| *x == 50.0), "{found:?}");
        let y = |points: &[(f64, f64)]| points.iter().map(|(_, y)| *y).collect::<Vec<_>>();
        assert_eq!(y(&found.layers), [20.0, 126.0, 232.0]);
        assert_eq!(y(&found.labels), [73.0, 179.0, 285.0]);
        assert_eq!((found.size, found.ways), ((100.0, 294.0), vec![vec![], vec![]]));
    }

    #[test]
    fn nothing_and_single_layers_have_a_place() {
        assert_eq!(place(&[], &[]).size, (0.0, 0.0));
        assert_eq!(place(&[BOX], &[]).layers, [(60.0, 20.0)]);
        let apart = place(&[BOX; 2], &[]);
        assert!(!overlaps(&[BOX; 2], &apart), "{apart:?}");
    }

    #[test]
    fn a_residual_edge_goes_around_its_block() {
        // 40 blocks of two layers and an addition.
        let block = |at: usize| [(at, at + 1), (at + 1, at + 2), (at + 2, at + 3), (at, at + 3)];
        let edges: Vec<_> = (0..40).flat_map(|at| block(3 * at)).collect();
        let boxes = [BOX; 121];
        let found = place(&boxes, &edges);
        assert!(!overlaps(&boxes, &found));
        for (edge, way) in edges.iter().zip(&found.ways) {
            assert_eq!(way.len(), 2 * (edge.1 - edge.0 - 1));
            let crosses = |(x, y): &(f64, f64)| {
                let hits = |size: Size| {
                    move |(to_x, to_y): &(f64, f64)| {
                        (x - to_x).abs() < size.0 / 2.0 && (y - to_y).abs() < size.1 / 2.0
                    }
                };
                found.layers.iter().any(hits(BOX.0)) || found.labels.iter().any(hits(BOX.1))
            };
            assert!(!way.iter().any(crosses), "{edge:?} {way:?}");
        }
    }

    #[test]
    fn a_result_with_several_readers_has_one_label() {
        let found = place(&[BOX; 4], &[(0, 1), (0, 2), (1, 3), (2, 3)]);
        assert!(!overlaps(&[BOX; 4], &found), "{found:?}");
        // Straight below its layer, above all readers.
        assert_eq!(found.labels[0].0, found.layers[0].0);
        assert!(found.layers[1..].iter().all(|(_, y)| *y > found.labels[0].1), "{found:?}");
    }

    #[test]
    fn readers_lie_in_the_order_of_the_model() {
        let readers: Vec<_> = (1..7).map(|to| (0, to)).collect();
        let joined: Vec<_> = (1..7).map(|from| (from, 7)).collect();
        let found = place(&[BOX; 8], &[readers, joined].concat());
        let in_order = found.layers[1..7].windows(2).all(|pair| pair[0].0 < pair[1].0);
        assert!(in_order, "{found:?}");
    }

    #[test]
    fn a_late_input_is_beside_its_consumer() {
        let edges = [(0, 1), (1, 2), (2, 3), (4, 3)];
        assert_eq!(ranks(5, &edges), [0, 1, 2, 3, 2]);
    }
}
