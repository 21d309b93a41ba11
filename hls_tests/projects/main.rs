//! Projects written for both back ends, compiled, and run.

mod forms;
mod networks;
mod snapshots;
mod verified;
mod writing;
