//! Projects written for both back ends, compiled, and run.

mod networks;
mod snapshots;
mod verified;
mod writing;
