//! Tables and JSON for a user: data first, text made from it.

mod layers;
pub mod quantizers;

pub use layers::{LayerRow, layers, table};
