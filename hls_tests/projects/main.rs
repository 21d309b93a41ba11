//! Projects written for both back ends, compiled, and run.

mod factors;
mod forms;
#[path = "../lint/mod.rs"]
mod lint;
mod networks;
mod pragmas;
mod resource;
mod snapshots;
mod verified;
mod writing;
