//! Operations on tensors.
use super::layers::{Built, Site};
use crate::front::error::FrontError;
pub(super) fn build(site: Site<'_>) -> Result<Built, FrontError> {
    Err(site.attributes.missing("x"))
}
