//! Progress of work that may take long, as events for an [`Observer`].

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

/// A kind of work that may take long, with the units in which it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Activity {
    /// Simulation, in samples.
    Simulation,
    /// Trials of types for a profile.
    Trials,
    /// Designs for a part, each with another interval.
    Designs,
    /// Measurements of a benchmark.
    Measurements,
    /// Compilation of a project, not counted.
    Compilation,
    /// C simulation of a project, not counted.
    CSimulation,
}

/// An event of an activity. Activities follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It goes on.
    Running {
        /// The activity.
        activity: Activity,
        /// Units that are done.
        done: usize,
        /// All units, if their number is known.
        total: Option<usize>,
    },
    /// It has ended, with success or not.
    Ended(Activity),
}

/// A function that is told the progress of long work; nobody by default.
#[derive(Clone, Default)]
pub struct Observer(Option<Arc<dyn Fn(Progress) + Send + Sync>>);

impl Observer {
    /// Tells `observe` every event. It is called often and should return at once.
    pub fn new(observe: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(observe)))
    }

    /// Begins an activity of `total` units, if their number is known.
    pub fn begin(&self, activity: Activity, total: Option<usize>) -> Task<'_> {
        let task = Task { observer: self, activity, total: Cell::new(total), done: Cell::new(0) };
        task.tick();
        task
    }

    fn tell(&self, event: Progress) {
        if let Some(observe) = &self.0 {
            observe(event);
        }
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Observer(..)" } else { "Observer" })
    }
}

/// An activity that is going on, until it is dropped.
#[derive(Debug)]
pub struct Task<'o> {
    observer: &'o Observer,
    activity: Activity,
    total: Cell<Option<usize>>,
    done: Cell<usize>,
}

impl Task<'_> {
    /// `count` more units are done.
    pub fn add(&self, count: usize) {
        self.done.set(self.done.get() + count);
        self.tick();
    }

    /// `count` more units are done of `total`.
    pub fn add_of(&self, count: usize, total: usize) {
        self.total.set(Some(total));
        self.add(count);
    }

    /// Nothing new is done, but time has passed.
    pub fn tick(&self) {
        let (activity, done, total) = (self.activity, self.done.get(), self.total.get());
        self.observer.tell(Progress::Running { activity, done, total });
    }
}

impl Drop for Task<'_> {
    fn drop(&mut self) {
        self.observer.tell(Progress::Ended(self.activity));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn an_observer_sees_every_unit_and_the_end() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let events = Arc::clone(&seen);
        let observer = Observer::new(move |event| {
            if let Ok(mut events) = events.lock() {
                events.push(event);
            }
        });
        drop(observer.begin(Activity::Trials, None));
        let task = observer.begin(Activity::Simulation, None);
        task.add(1);
        task.add_of(2, 4);
        drop(task);
        let running = |activity, done, total| Progress::Running { activity, done, total };
        let expected = [
            running(Activity::Trials, 0, None),
            Progress::Ended(Activity::Trials),
            running(Activity::Simulation, 0, None),
            running(Activity::Simulation, 1, None),
            running(Activity::Simulation, 3, Some(4)),
            Progress::Ended(Activity::Simulation),
        ];
        assert_eq!(seen.lock().map(|events| events.clone()).unwrap_or_default(), expected);
    }

    #[test]
    fn nobody_observes_by_default() {
        Observer::default().begin(Activity::Designs, Some(2)).add(1);
        assert_eq!(format!("{:?}", Observer::default()), "Observer");
        assert_eq!(format!("{:?}", Observer::new(|_| {})), "Observer(..)");
    }
}
