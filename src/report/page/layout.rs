//! Places of layers and ways of edges in the drawing of a network.
//!
//! Crossings and coordinates are those of the crate `rust_sugiyama`. It gives no ways for edges, so that an edge
//! over several ranks gets a vertex of its own in each rank between.

use rust_sugiyama::configure::{Config, CrossingMinimization, RankingType};

/// Distance of neighbors.
const SPACING: f64 = 30.0;

/// Width that an edge takes between layers.
const WAY: f64 = 12.0;

/// Vertices beyond which long edges are drawn straight: the layout takes time of their square.
const MOST_VERTICES: usize = 4000;

/// A network on a plane; y grows downwards, and all coordinates are at least 0.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Placement {
    /// The center of each layer.
    pub centers: Vec<(f64, f64)>,
    /// The points of each edge between its ends.
    pub ways: Vec<Vec<(f64, f64)>>,
    /// The size of the plane.
    pub size: (f64, f64),
}

/// Places layers of these sizes, and the edges from layer to layer between them. The edges have no cycle.
pub(super) fn place(sizes: &[(f64, f64)], edges: &[(usize, usize)]) -> Placement {
    let ranks = ranks(sizes.len(), edges);
    let between = |(from, to): &(usize, usize)| ranks[*to].saturating_sub(ranks[*from] + 1);
    let all = sizes.len() + edges.iter().map(between).sum::<usize>();
    let mut vertices: Vec<(u32, (f64, f64))> = (0..).zip(sizes.iter().copied()).collect();
    let mut steps: Vec<(u32, u32)> = Vec::new();
    let mut ways: Vec<std::ops::Range<usize>> = Vec::new();
    let id = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    for edge in edges {
        let first = vertices.len();
        let count = if all > MOST_VERTICES { 0 } else { between(edge) };
        let mut last = id(edge.0);
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
    for (part, _, _) in parts {
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
        .fold((0.0, 0.0), |(x, y): (f64, f64), corner| (x.max(corner.0), y.max(corner.1)));
    Placement {
        centers: points[..sizes.len()].to_vec(),
        ways: ways.into_iter().map(|way| points[way].to_vec()).collect(),
        size,
    }
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

    /// True if two of the boxes overlap.
    fn overlaps(sizes: &[(f64, f64)], placement: &Placement) -> bool {
        let is_near = |a: usize, b: usize| {
            let ((x, y), (to_x, to_y)) = (placement.centers[a], placement.centers[b]);
            (x - to_x).abs() < (sizes[a].0 + sizes[b].0) / 2.0
                && (y - to_y).abs() < (sizes[a].1 + sizes[b].1) / 2.0
        };
        (0..sizes.len()).any(|a| (0..a).any(|b| is_near(a, b)))
    }

    #[test]
    fn a_chain_is_a_column() {
        let sizes = [(100.0, 40.0), (60.0, 40.0), (100.0, 40.0)];
        let found = place(&sizes, &[(0, 1), (1, 2)]);
        assert!(found.centers.iter().all(|(x, _)| *x == 50.0), "{found:?}");
        assert_eq!(found.centers.iter().map(|(_, y)| *y).collect::<Vec<_>>(), [20.0, 90.0, 160.0]);
        assert_eq!((found.size, found.ways), ((100.0, 180.0), vec![vec![], vec![]]));
    }

    #[test]
    fn nothing_and_single_layers_have_a_place() {
        assert_eq!(place(&[], &[]).size, (0.0, 0.0));
        assert_eq!(place(&[(80.0, 40.0)], &[]).centers, [(40.0, 20.0)]);
        let apart = place(&[(80.0, 40.0), (80.0, 40.0)], &[]);
        assert!(!overlaps(&[(80.0, 40.0); 2], &apart), "{apart:?}");
    }

    #[test]
    fn a_residual_edge_goes_around_its_block() {
        // 40 blocks of two layers and an addition.
        let block = |at: usize| [(at, at + 1), (at + 1, at + 2), (at + 2, at + 3), (at, at + 3)];
        let edges: Vec<_> = (0..40).flat_map(|at| block(3 * at)).collect();
        let sizes = [(120.0, 60.0); 121];
        let found = place(&sizes, &edges);
        assert!(!overlaps(&sizes, &found));
        for (edge, way) in edges.iter().zip(&found.ways) {
            assert_eq!(way.len(), edge.1 - edge.0 - 1);
            let crosses = |(x, y): &(f64, f64)| {
                let hits =
                    |(to_x, to_y): &(f64, f64)| (x - to_x).abs() < 60.0 && (y - to_y).abs() < 30.0;
                found.centers.iter().any(hits)
            };
            assert!(!way.iter().any(crosses), "{edge:?} {way:?}");
        }
    }

    #[test]
    fn a_late_input_is_beside_its_consumer() {
        let edges = [(0, 1), (1, 2), (2, 3), (4, 3)];
        assert_eq!(ranks(5, &edges), [0, 1, 2, 3, 2]);
    }
}
