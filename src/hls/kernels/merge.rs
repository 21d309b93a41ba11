//! Elements of several arrays.

use serde::Serialize;

use super::super::build::{Builder, Site};
use super::super::{HlsError, TypeId};
use crate::fixed::{Format, Range};
use crate::ir;

/// What the elements at one place become.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Merge {
    /// How many elements.
    pub elements: usize,
    /// Which operation.
    pub kind: ir::Elementwise,
    /// For a maximum or minimum, a type that holds every operand.
    pub compared: Option<TypeId>,
}

impl Merge {
    /// The operation's name.
    pub fn name(&self) -> &'static str {
        ir::text::Described::name(&self.kind)
    }

    /// The operator between two elements; for a maximum or minimum, the one that the element to
    /// keep fulfils.
    pub fn operator(&self) -> &'static str {
        match self.kind {
            ir::Elementwise::Add => "+",
            ir::Elementwise::Subtract => "-",
            ir::Elementwise::Multiply => "*",
            ir::Elementwise::Maximum => ">",
            ir::Elementwise::Minimum => "<",
        }
    }
}

pub(super) fn build(
    builder: &mut Builder<'_>,
    site: &Site<'_>,
    kind: ir::Elementwise,
) -> Result<Merge, HlsError> {
    let tensors: Vec<&ir::Tensor> = site.operands.iter().map(|node| &node.tensor).collect();
    let compared = match kind {
        ir::Elementwise::Maximum | ir::Elementwise::Minimum => {
            let fraction = site.node.tensor.format.fraction();
            let fine = |x: &&ir::Tensor| x.range().refined(fraction.abs_diff(x.format.fraction()));
            let all = tensors.iter().map(fine).reduce(|a, b| a.hull(&b));
            let all = all.unwrap_or_else(|| Range::point(0));
            let format = Format::covering(&all, fraction)
                .map_err(site.too_wide("the comparison of its operands"))?;
            Some(builder.local_type(site, "compare", "operands as compared", format, all))
        }
        _ => None,
    };
    Ok(Merge { elements: site.node.tensor.len(), kind, compared })
}
