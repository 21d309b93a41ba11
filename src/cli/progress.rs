//! A progress bar for runs of many samples.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Time after which a bar appears: shorter runs have none.
const PATIENCE: Duration = Duration::from_millis(700);

/// A bar on standard error, if that is a terminal.
pub struct Progress {
    start: Instant,
    bar: ProgressBar,
}

impl Progress {
    /// No bar if `is_quiet`.
    pub fn new(is_quiet: bool) -> Self {
        let target =
            if is_quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let style = ProgressStyle::with_template(
            "{wide_bar} {human_pos} of {human_len} samples, {per_sec}, {eta} left",
        );
        let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(None, target).with_style(style);
        Self { start: Instant::now(), bar }
    }

    /// `done` of `samples` samples are done.
    pub fn set(&self, done: usize, samples: usize) {
        if self.start.elapsed() >= PATIENCE {
            self.bar.set_length(samples as u64);
            self.bar.set_position(done as u64);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
