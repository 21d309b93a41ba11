//! Flatten.

use serde_json::json;

use super::{Built, Class, Site};
use crate::front::error::FrontError;
use crate::front::layer_problem::LayerProblem;
use crate::model::LayerKind;

pub(super) const CLASSES: &[Class] = &[("Flatten", read)];

fn read(site: &mut Site<'_>) -> Result<Built, FrontError> {
    site.attributes.only("data_format", &[json!("channels_last")])?;
    site.flattened()
}

impl Site<'_> {
    /// All axes of the only input in one.
    pub(in crate::front::keras) fn flattened(&self) -> Result<Built, FrontError> {
        let elements = self.input()?.iter().try_fold(1_usize, |all, &axis| all.checked_mul(axis));
        let elements = elements.ok_or_else(|| self.owner.wrong(LayerProblem::TooLarge))?;
        Ok(Built { kind: LayerKind::Flatten, shape: vec![elements] })
    }
}
