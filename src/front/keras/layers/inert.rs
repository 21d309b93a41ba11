//! Layers that do nothing once the network is trained.

use super::{Built, Class, Site};
use crate::front::error::FrontError;
use crate::model::LayerKind;

pub(super) const CLASSES: &[Class] = &[
    ("Dropout", read),
    ("SpatialDropout1D", read),
    ("SpatialDropout2D", read),
    ("SpatialDropout3D", read),
    ("AlphaDropout", read),
    ("GaussianDropout", read),
    ("GaussianNoise", read),
    ("ActivityRegularization", read),
];

/// What they do in training.
const OF_TRAINING: &[&str] = &["rate", "noise_shape", "seed", "stddev", "data_format", "l1", "l2"];

fn read(site: &mut Site<'_>) -> Result<Built, FrontError> {
    site.attributes.inert(OF_TRAINING);
    site.same_shape(LayerKind::Identity)
}
