//! Projects written for both back ends, compiled, and run.

mod factors;
mod forms;
mod networks;
mod pragmas;
mod resource;
mod scripts;
mod snapshots;
mod streams;
#[path = "../vendors/mod.rs"]
mod vendors;
mod verified;
mod writing;
