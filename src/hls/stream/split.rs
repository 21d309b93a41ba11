//! Selections that are less hardware as two selections, one after the other.
//!
//! A selection of channels that is the same for every position is wires, and one of whole positions in
//! their order drops tokens: neither keeps a state. Together they would collect the sample. Elements in
//! another order that are repeated as a whole are brought into their order once, and then repeated
//! token by token.

use std::borrow::Cow;

use super::select;
use crate::hls::HlsError;
use crate::ir::{Gather, Graph, NodeId, Op, OpError, Tensor};

/// `graph` with two selections for each that takes the same channels of some positions, or repeats
/// elements in another order.
///
/// # Errors
/// If the graph breaks a rule.
pub(super) fn split(graph: &Graph) -> Result<Cow<'_, Graph>, HlsError> {
    let steps: Vec<(NodeId, [Gather; 2])> =
        graph.live_nodes().into_iter().filter_map(|id| Some((id, steps(graph, id)?))).collect();
    if steps.is_empty() {
        return Ok(Cow::Borrowed(graph));
    }
    let mut graph = graph.clone();
    for (id, steps) in steps {
        apply(&mut graph, id, steps).map_err(|error| HlsError::Graph {
            node: graph[id].name.clone(),
            rule: error.to_string(),
        })?;
    }
    Ok(Cow::Owned(graph))
}

/// The two selections that the node `id` is, in the order with the smaller tensor between them.
fn steps(graph: &Graph, id: NodeId) -> Option<[Gather; 2]> {
    let Op::Gather(gather) = &graph[id].op else { return None };
    let x = &graph[*graph.operands(id).first()?].tensor;
    table_steps(gather, x).or_else(|| repeated_steps(gather, x))
}

/// A selection of rows and a selection of channels.
fn table_steps(gather: &Gather, x: &Tensor) -> Option<[Gather; 2]> {
    let from = x.channel_count();
    let [rows, channels] = gather.rows_and_channels(from)?;
    let is_all =
        |selected: &[Option<usize>], all: usize| selected.iter().copied().eq((0..all).map(Some));
    if is_all(&channels, from) || is_all(&rows, x.rows()) {
        return None;
    }
    let table =
        |shape: &[usize], rows: &[Option<usize>], from: usize, channels: &[Option<usize>]| {
            let of_row = |row: &Option<usize>| {
                let row = *row;
                let of = move |channel: &Option<usize>| Some(row? * from + (*channel)?);
                channels.iter().map(of).collect::<Vec<_>>()
            };
            Gather { shape: shape.to_vec(), indices: rows.iter().flat_map(of_row).collect() }
        };
    let all = |count: usize| (0..count).map(Some).collect::<Vec<_>>();
    let with_channels = |shape: &[usize], channels: usize| {
        let leading = shape.iter().take(shape.len().saturating_sub(1)).copied();
        leading.chain([channels]).collect::<Vec<_>>()
    };
    let to = channels.len();
    Some(match to <= from {
        true => [
            table(&with_channels(&x.shape, to), &all(x.rows()), from, &channels),
            table(&gather.shape, &rows, to, &all(to)),
        ],
        false => [
            table(&with_channels(&gather.shape, from), &rows, from, &all(from)),
            table(&gather.shape, &all(rows.len()), from, &channels),
        ],
    })
}

/// Rows in another order, none of which is one of `x`, and their repetition as a whole.
fn repeated_steps(gather: &Gather, x: &Tensor) -> Option<[Gather; 2]> {
    let columns = *gather.shape.last().filter(|columns| **columns > 0)?;
    let (len, rows) = (gather.indices.len(), gather.indices.len() / columns);
    let is_period = |period: &usize| {
        let end = len - period;
        len.is_multiple_of(*period) && gather.indices[..end] == gather.indices[*period..]
    };
    let period = (1..rows).map(|rows| rows * columns).find(is_period)?;
    let (rows, from) = (&gather.indices[..period], x.channel_count());
    let is_in_rows = columns.is_multiple_of(from) && select::tokens(rows, from).is_some();
    if is_in_rows || rows.iter().copied().eq((0..x.len()).map(Some)) {
        return None;
    }
    let once = vec![period / columns, columns];
    let again = (0..len).map(|at| Some(at % period)).collect();
    Some([
        Gather { shape: once, indices: rows.to_vec() },
        Gather { shape: gather.shape.clone(), indices: again },
    ])
}

/// Makes the node `id` the second of `steps`, of a node that is the first.
fn apply(graph: &mut Graph, id: NodeId, [first, second]: [Gather; 2]) -> Result<(), OpError> {
    let name = graph.unique_name(&format!("{}_selected", graph[id].name));
    let operands = graph.operands(id);
    let before = graph.add(name, first, &operands)?;
    graph[before].layer = graph[id].layer.clone();
    graph.set_operands(id, &[before]);
    graph.set_op(id, second.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixed::Format;

    /// The shapes and indices of the two selections of `indices` in an image of 3 rows of 4 channels.
    fn split_of(
        shape: &[usize],
        indices: &[Option<usize>],
    ) -> Vec<(Vec<usize>, Vec<Option<usize>>)> {
        let mut graph = Graph::new("split");
        let x = graph.add_input("x", vec![3, 4], Format::signed(4, 1).expect("a format"));
        let op = Gather { shape: shape.to_vec(), indices: indices.to_vec() };
        let node = graph.add("picked", op, &[x]).expect("a selection");
        graph.add_output("picked", node);
        let graph = split(&graph).expect("a graph");
        let gathers = graph.topological_order().into_iter().filter_map(|id| match &graph[id].op {
            Op::Gather(gather) => Some((gather.shape.clone(), gather.indices.clone())),
            _ => None,
        });
        gathers.collect()
    }

    #[test]
    fn a_part_of_the_last_position_is_two_selections() {
        let channels = [1, 2, 5, 6, 9, 10].map(Some);
        let expected = [(vec![3, 2], channels.to_vec()), (vec![2], vec![Some(4), Some(5)])];
        assert_eq!(split_of(&[2], &[Some(9), Some(10)]), expected);
    }

    #[test]
    fn positions_come_first_where_channels_are_added() {
        let indices: Vec<Option<usize>> =
            [8, 9, 10, 11, 11].map(Some).into_iter().chain([None; 5]).collect();
        let found = split_of(&[2, 5], &indices);
        let rows: Vec<Option<usize>> = (8..12).map(Some).chain([None; 4]).collect();
        let channels = [0, 1, 2, 3, 3, 4, 5, 6, 7, 7].map(Some).to_vec();
        assert_eq!(found, [(vec![2, 4], rows), (vec![2, 5], channels)]);
    }

    #[test]
    fn columns_are_repeated_after_they_are_rows() {
        let turned = || (0..4).flat_map(|column| (0..3).map(move |row| Some(row * 4 + column)));
        let twice: Vec<Option<usize>> = turned().chain(turned()).collect();
        let again = (0..24).map(|at| Some(at % 12)).collect();
        assert_eq!(
            split_of(&[8, 3], &twice),
            [(vec![4, 3], turned().collect()), (vec![8, 3], again)]
        );
        // Once is enough, and so are whole rows.
        assert_eq!(split_of(&[4, 3], &turned().collect::<Vec<_>>()).len(), 1);
        let rows: Vec<Option<usize>> = (0..24).map(|at| Some(at % 12)).collect();
        assert_eq!(split_of(&[6, 4], &rows).len(), 1);
    }

    #[test]
    fn other_selections_stay() {
        for indices in [[1, 5], [4, 8], [3, 4], [8, 3]] {
            assert_eq!(split_of(&[2], &indices.map(Some)).len(), 1, "{indices:?}");
        }
        // Whole positions, and the same channels of all.
        assert_eq!(split_of(&[1, 4], &[4, 5, 6, 7].map(Some)).len(), 1);
        assert_eq!(split_of(&[3, 1], &[0, 4, 8].map(Some)).len(), 1);
    }
}
