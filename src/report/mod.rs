//! Tables and JSON for the user: rows of data, and the text of each.

mod accuracy;
mod axis;
mod benchmark;
mod layers;
pub mod page;
pub mod profile;
pub mod qtools;
pub mod quantizers;
mod schedule;
mod summary;

pub use accuracy::{Accuracy, AccuracyError, Agreement, accuracy, agreement};
pub use benchmark::benchmark;
pub use layers::{LayerRow, layers, table};
pub use schedule::{ChannelRow, ProcessRow, Schedule, schedule};
pub use summary::{Summary, summary};
