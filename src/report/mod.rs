//! What tables and JSON show: data first, text made from it.

mod layers;
pub mod quantizers;
mod text;

pub use layers::{LayerRow, layers};
pub use text::table;
