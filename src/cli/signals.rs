//! Signals that end the program: no temporary folder and no compiler survives them.

use std::os::raw::c_int;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

/// Cleans up before one of the signals ends the program.
pub fn watch() {
    // `nohup` and shells that start a job in the background ignore signals for it.
    let ignored = ignored();
    let ends = |signal: &c_int| ignored & (1 << (signal - 1)) == 0;
    let signals = [SIGHUP, SIGINT, SIGTERM].into_iter().filter(ends);
    // Without a thread or the pipe to it, the signals end the program as in any other.
    let Ok(mut signals) = Signals::new(signals) else { return };
    let watch = move || {
        for signal in signals.forever() {
            bitkiln::clean_up();
            let _ = emulate_default_handler(signal);
        }
    };
    let _ = thread::Builder::new().spawn(watch);
}

/// The signals that the program was started with as ignored: bit n - 1 is signal n. Linux tells;
/// elsewhere none.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
