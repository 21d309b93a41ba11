//! Tables and JSON for the user: rows of data, and the text of each.

mod layers;
pub mod profile;
pub mod quantizers;

pub use layers::{LayerRow, layers, table};
