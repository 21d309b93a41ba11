//! Projects written for both back ends, compiled, and run.

mod factors;
mod forms;
mod networks;
mod resource;
mod snapshots;
mod verified;
mod writing;
