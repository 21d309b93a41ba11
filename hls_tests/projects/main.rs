//! Projects written for both back ends, compiled, and run.

mod depths;
mod factors;
mod forms;
mod layouts;
mod networks;
mod pooled;
mod ports;
mod pragmas;
mod recurrences;
mod resource;
mod rows;
mod scripts;
mod snapshots;
mod streams;
mod trained;
mod transposed;
#[path = "../vendors/mod.rs"]
mod vendors;
mod verified;
mod writing;
