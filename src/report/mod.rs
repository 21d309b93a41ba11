//! What tables and JSON show: data first, text made from it.

mod layers;
mod text;

pub use layers::{LayerRow, layers};
pub use text::table;
