//! Pooling.

use super::windows::Dimensions::{self, One, Two};
use super::{Built, Class, Site};
use crate::front::error::FrontError;
use crate::model::{Activation, LayerKind, Pool, PoolKind};

pub(super) const CLASSES: &[Class] = &[
    ("MaxPooling1D", |site| windows(site, One, Elements::Max)),
    ("MaxPooling2D", |site| windows(site, Two, Elements::Max)),
    ("AveragePooling1D", |site| windows(site, One, Elements::Average)),
    ("AveragePooling2D", |site| windows(site, Two, Elements::Average)),
    ("QAveragePooling2D", |site| windows(site, Two, Elements::Quantized)),
    ("GlobalMaxPooling1D", |site| global(site, One, Elements::Max)),
    ("GlobalMaxPooling2D", |site| global(site, Two, Elements::Max)),
    ("GlobalAveragePooling1D", |site| global(site, One, Elements::Average)),
    ("GlobalAveragePooling2D", |site| global(site, Two, Elements::Average)),
    ("QGlobalAveragePooling2D", |site| global(site, Two, Elements::Quantized)),
];

/// What a class does with the elements of a window.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Elements {
    Max,
    Average,
    /// An average with QKeras' attributes.
    Quantized,
}

impl Elements {
    fn read(self, site: &mut Site<'_>) -> Result<(PoolKind, Activation), FrontError> {
        if self != Self::Quantized {
            let kind = if self == Self::Max { PoolKind::Max } else { PoolKind::Average };
            return Ok((kind, Activation::Linear));
        }
        let kind = match site.attributes.quantizer("average_quantizer")? {
            Some(quantizer) => PoolKind::QuantizedAverage(quantizer),
            None => PoolKind::Average,
        };
        Ok((kind, site.attributes.activation("activation")?))
    }
}

fn windows(
    site: &mut Site<'_>,
    dimensions: Dimensions,
    elements: Elements,
) -> Result<Built, FrontError> {
    site.channels_last()?;
    let positions = site.positions(dimensions)?;
    let sliding = site.pool(dimensions)?;
    site.refuse_causal(&sliding)?;
    let (kind, activation) = elements.read(site)?;
    let shape = site.slid(&sliding, positions, positions.channels)?;
    let pool = Pool { sliding: Some(sliding), kind, keep_axes: true, activation };
    Ok(Built { kind: LayerKind::Pool(pool), shape })
}

fn global(
    site: &mut Site<'_>,
    dimensions: Dimensions,
    elements: Elements,
) -> Result<Built, FrontError> {
    site.channels_last()?;
    let positions = site.positions(dimensions)?;
    let keep_axes = site.attributes.get("keepdims").is_some() && site.attributes.yes("keepdims")?;
    let (kind, activation) = elements.read(site)?;
    let shape = match keep_axes {
        true => positions.shape([1, 1], positions.channels),
        false => vec![positions.channels],
    };
    let pool = Pool { sliding: None, kind, keep_axes, activation };
    Ok(Built { kind: LayerKind::Pool(pool), shape })
}
