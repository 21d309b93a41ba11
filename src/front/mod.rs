//! Model files to [`crate::model::Model`]; nothing else knows a file format.

mod keras;
