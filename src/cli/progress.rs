//! Progress of long work on the terminal.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bitkiln::progress::{Activity, Observer, Progress};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Time after which a bar appears: shorter work has none.
const PATIENCE: Duration = Duration::from_millis(700);

/// The choice of a progress bar.
#[derive(Clone, Copy, clap::Args)]
pub struct ProgressArgs {
    /// Show no progress
    #[arg(long)]
    quiet: bool,
}

impl ProgressArgs {
    /// Draws a bar for each activity on standard error, if that is a terminal.
    pub fn observer(self) -> Observer {
        if self.quiet || !std::io::stderr().is_terminal() {
            return Observer::default();
        }
        observer(ProgressDrawTarget::stderr, PATIENCE)
    }
}

/// Draws a bar on a `target` for each activity that takes longer than `patience`.
fn observer(
    target: impl Fn() -> ProgressDrawTarget + Send + Sync + 'static,
    patience: Duration,
) -> Observer {
    let shown: Mutex<Option<Shown>> = Mutex::new(None);
    Observer::new(move |event| {
        let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
        let Progress::Running { activity, done, total } = event else {
            *shown = None;
            return;
        };
        let Shown { start, bar, is_drawn } = shown.get_or_insert_with(Shown::new);
        if let Some(total) = total {
            bar.set_length(total as u64);
        }
        bar.set_position(done as u64);
        if !*is_drawn && start.elapsed() >= patience {
            *is_drawn = true;
            bar.set_style(style(activity, total.is_some()));
            bar.set_draw_target(target());
        }
        bar.tick();
    })
}

/// The bar of an activity. It counts from the start, so that its rate is right once it is drawn.
struct Shown {
    start: Instant,
    bar: ProgressBar,
    is_drawn: bool,
}

impl Shown {
    fn new() -> Self {
        Self { start: Instant::now(), bar: ProgressBar::hidden(), is_drawn: false }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// The style of the bar of `activity`, whose number of units is known or not.
fn style(activity: Activity, is_bounded: bool) -> ProgressStyle {
    let counted = |unit: &str| match is_bounded {
        true => {
            format!("{{wide_bar}} {{human_pos}} of {{human_len}} {unit}, {{per_sec}}, {{eta}} left")
        }
        false => format!("{{spinner}} {{human_pos}} {unit}, {{per_sec}}, {{elapsed}}"),
    };
    let text = match activity {
        Activity::Simulation => counted("samples"),
        Activity::Trials => counted("trials of types"),
        Activity::Designs => counted("designs"),
        Activity::Measurements => counted("measurements"),
        Activity::Compilation => "{spinner} compiling the project, {elapsed}".to_owned(),
        Activity::CSimulation => "{spinner} C simulation, {elapsed}".to_owned(),
    };
    ProgressStyle::with_template(&text).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use std::io::Result;
    use std::sync::Arc;

    use indicatif::TermLike;

    use super::*;

    /// A terminal that keeps its lines.
    #[derive(Clone, Debug, Default)]
    struct Terminal(Arc<Mutex<String>>);

    impl Terminal {
        fn write(&self, text: &str) -> Result<()> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push_str(text);
            Ok(())
        }

        /// The lines since the last call.
        fn take(&self) -> String {
            std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
        }
    }

    impl TermLike for Terminal {
        fn width(&self) -> u16 {
            80
        }

        fn move_cursor_up(&self, _: usize) -> Result<()> {
            Ok(())
        }

        fn move_cursor_down(&self, _: usize) -> Result<()> {
            Ok(())
        }

        fn move_cursor_right(&self, _: usize) -> Result<()> {
            Ok(())
        }

        fn move_cursor_left(&self, _: usize) -> Result<()> {
            Ok(())
        }

        fn write_line(&self, text: &str) -> Result<()> {
            self.write(text).and_then(|()| self.write("\n"))
        }

        fn write_str(&self, text: &str) -> Result<()> {
            self.write(text)
        }

        fn clear_line(&self) -> Result<()> {
            self.write("<clear>")
        }

        fn flush(&self) -> Result<()> {
            Ok(())
        }
    }

    fn observed(patience: Duration) -> (Terminal, Observer) {
        let terminal = Terminal::default();
        let copy = terminal.clone();
        let target = move || ProgressDrawTarget::term_like(Box::new(copy.clone()));
        (terminal, observer(target, patience))
    }

    #[test]
    fn each_activity_counts_in_its_units() {
        let (terminal, observer) = observed(Duration::ZERO);
        for (activity, total, text) in [
            (Activity::Simulation, Some(4), " 3 of 4 samples, "),
            (Activity::Simulation, None, " 3 samples, "),
            (Activity::Trials, None, " 3 trials of types, "),
            (Activity::Designs, None, " 3 designs, "),
            (Activity::Measurements, Some(5), " 3 of 5 measurements, "),
            (Activity::Compilation, None, " compiling the project, "),
            (Activity::CSimulation, None, " C simulation, "),
        ] {
            let task = observer.begin(activity, total);
            task.add(3);
            let shown = terminal.take();
            assert!(shown.contains(text), "{shown}");
            drop(task);
            assert!(terminal.take().ends_with("<clear>"));
        }
    }

    #[test]
    fn short_work_has_no_bar() {
        let (terminal, observer) = observed(Duration::from_secs(3600));
        observer.begin(Activity::Simulation, Some(2)).add(1);
        assert_eq!(terminal.take(), "");
    }
}
