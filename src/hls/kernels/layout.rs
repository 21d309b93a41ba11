//! Elements that move.

use serde::Serialize;

use super::super::HlsError;
use super::super::build::Site;
use crate::ir;

/// `output[n] = input[places[n]]`.
#[derive(Clone, Debug, Serialize)]
pub struct Gather {
    /// The operand's element for each of the result; `None` for 0.
    #[serde(skip)]
    pub places: Vec<Option<usize>>,
}

impl Gather {
    /// Whether some element is 0.
    pub fn has_zeros(&self) -> bool {
        self.places.contains(&None)
    }
}

pub(super) fn gather(op: &ir::Gather) -> Gather {
    Gather { places: op.indices.clone() }
}

/// In each row, the rows of the operands one behind the other.
#[derive(Clone, Debug, Serialize)]
pub struct Concat {
    /// How many rows.
    pub rows: usize,
    /// Elements of a row of the result.
    pub columns: usize,
    /// What each operand has of a row.
    pub parts: Vec<Part>,
}

/// A part of a row.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Part {
    /// Its first column in the result.
    pub first: usize,
    /// Its columns.
    pub columns: usize,
}

pub(super) fn concat(site: &Site<'_>, axis: usize) -> Result<Concat, HlsError> {
    let tensors: Vec<&ir::Tensor> = site.operands.iter().map(|node| &node.tensor).collect();
    let shape = &site.node.tensor.shape;
    let rows = shape.iter().take(axis).product();
    let mut first = 0;
    let mut parts = Vec::with_capacity(tensors.len());
    for tensor in tensors {
        let columns = tensor.shape.iter().skip(axis).product();
        parts.push(Part { first, columns });
        first += columns;
    }
    Ok(Concat { rows, columns: first, parts })
}
