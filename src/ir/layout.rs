//! Operations that move elements and compute nothing.

use super::Tensor;
use crate::fixed::Range;

/// Elements of the operand in other indices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gather {
    /// For each element of the result, row-major, the operand's element that it is; `None` for 0.
    pub indices: Vec<Option<usize>>,
}

impl Gather {
    /// What comes of `x` in `shape`.
    ///
    /// # Errors
    /// If the indices are not as many as the shape has, or name elements that `x` lacks.
    pub fn result(&self, x: &Tensor, shape: &[usize]) -> Result<Tensor, String> {
        let mut tensor = Tensor { shape: shape.to_vec(), ..x.clone() };
        if tensor.len() != self.indices.len() {
            return Err("its indices are not as many as its elements".into());
        }
        if self.indices.iter().flatten().any(|place| *place >= x.len()) {
            return Err("it takes an element that the operand lacks".into());
        }
        let channels = tensor.channel_count().max(1);
        let among = x.channel_count().max(1);
        let mut found: Vec<Option<Range>> = vec![None; channels];
        // Intervals are by channel, so each pair of channels matters once.
        let mut seen = std::collections::HashSet::new();
        for (element, place) in self.indices.iter().enumerate() {
            let (to, from) = (element % channels, place.map(|place| place % among));
            if !seen.insert((to, from)) {
                continue;
            }
            let codes = from.map_or_else(|| Range::point(0), |c| x.range_of(c).clone());
            found[to] = Some(match found[to].take() {
                None => codes,
                Some(before) => before.hull(&codes),
            });
        }
        tensor.channels = found.into_iter().map(|i| i.unwrap_or_else(|| Range::point(0))).collect();
        tensor.merge_equal_channels();
        Ok(tensor)
    }
}

/// What `operands` become one behind the other along `axis`; all of one format.
///
/// # Errors
/// If they have different formats, or lengths that differ along another axis.
pub fn concatenated(operands: &[&Tensor], axis: usize) -> Result<Tensor, String> {
    let [first, others @ ..] = operands else { return Err("it takes nothing".into()) };
    if axis >= first.shape.len() {
        return Err("it has no such axis".into());
    }
    let mut tensor = (*first).clone();
    for other in others {
        let same = |(a, (one, two)): (usize, (&usize, &usize))| a == axis || one == two;
        let like = first.shape.len() == other.shape.len()
            && first.shape.iter().zip(&other.shape).enumerate().all(same);
        if !like {
            return Err("its operands differ in another axis than the one along which".into());
        }
        if other.format != first.format {
            return Err("its operands differ in their formats".into());
        }
        tensor.shape[axis] += other.shape[axis];
    }
    let count = |x: &&Tensor| x.channel_count();
    tensor.channels = if axis + 1 == first.shape.len() {
        let of =
            |x: &&Tensor| -> Vec<Range> { (0..count(x)).map(|c| x.range_of(c).clone()).collect() };
        operands.iter().flat_map(of).collect()
    } else {
        let all = |c| operands.iter().map(|x| x.range_of(c).clone()).reduce(|a, b| a.hull(&b));
        (0..first.channel_count()).filter_map(all).collect()
    };
    tensor.merge_equal_channels();
    Ok(tensor)
}
