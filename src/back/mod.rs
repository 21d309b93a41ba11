//! back
pub mod standin;
