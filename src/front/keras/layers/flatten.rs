//! Flatten.

use serde_json::json;

use super::{Built, Class, Site};
use crate::front::error::FrontError;
use crate::front::layer_problem::LayerProblem;
use crate::model::LayerKind;

pub(super) const CLASSES: &[Class] = &[("Flatten", read)];

fn read(site: &mut Site<'_>) -> Result<Built, FrontError> {
    site.attributes.only("data_format", &[json!("channels_last")])?;
    let elements = site.input()?.iter().try_fold(1_usize, |all, &axis| all.checked_mul(axis));
    let elements = elements.ok_or_else(|| site.owner.wrong(LayerProblem::TooLarge))?;
    Ok(Built { kind: LayerKind::Flatten, shape: vec![elements] })
}
