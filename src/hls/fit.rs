//! The fastest design within the resources of a part.

use super::estimate::{Part, Resource};
use super::{Design, DesignWarningKind, HlsError, Options, build, unroll};
use crate::config::Pace;
use crate::ir::Graph;
use crate::progress::{Activity, Observer};

/// Longest interval that is tried, in clock cycles.
const MOST_CYCLES: u64 = 1 << 30;

/// Error of a product of a count and a share: 0.7 of 90 is 63.
const ROUNDING: f64 = 1e-6;

/// A resource of which a design needs too much.
struct Excess {
    resource: Resource,
    needed: u64,
    allowed: u64,
}

impl Design {
    /// Designs hardware for `graph` with the shortest interval between two samples at which its
    /// estimate takes at most `share` of each resource of the part, above 0 and up to 1.
    ///
    /// Layers without a pace of their own get that interval as their target. The fastest design is
    /// tried first; its interval then doubles until the design fits and is bisected, on the
    /// assumption that more time never takes more hardware. Where the fastest one that fits does so
    /// only without its streams, the same search goes on from there with the depths of all streams.
    ///
    /// # Errors
    /// If the part is unknown, no interval makes the design fit, or a design has an error: see
    /// [`Design::new`].
    pub fn fit(
        graph: &Graph,
        options: &Options,
        share: f64,
        observer: &Observer,
    ) -> Result<Self, HlsError> {
        let unknown = || HlsError::UnknownPart {
            part: options.part.clone(),
            nearest: Part::nearest(&options.part),
        };
        let part = Part::find(&options.part).ok_or_else(unknown)?;
        if !(share > 0.0 && share <= 1.0) {
            return Err(HlsError::Utilization(share));
        }
        let task = observer.begin(Activity::Designs, None);
        build::check(graph, options)?;
        let graph = &*unroll::unrolled(graph, options)?;
        let planned = |interval: u64| {
            let target_interval = Some(interval);
            Self::planned(graph, &Options { target_interval, ..options.clone() })
        };
        let fitted = |design: Self| {
            task.add(1);
            let excess = excess(&design, part, share);
            (design, excess)
        };
        // Depths take most of the time.
        let without_depths = |interval| Ok(fitted(planned(interval)?));
        let whole = |interval| Ok(fitted(planned(interval)?.completed()?));
        let found = match shortest(1, without_depths)? {
            Some((begin, _)) => shortest(begin, whole)?,
            None => None,
        };
        let mut best = match found {
            Some((_, best)) => best,
            None => match whole(MOST_CYCLES)? {
                (best, None) => best,
                (_, Some(Excess { resource, needed, allowed })) => {
                    let part = options.part.clone();
                    return Err(HlsError::TooLarge { part, resource, needed, allowed });
                }
            },
        };
        // The targets are not the user's.
        best.warnings.retain(|warning| {
            let is_missed = matches!(warning.kind, DesignWarningKind::TargetMissed { .. });
            !is_missed || matches!(options.pace_of(&warning.layer), Pace::Interval(_))
        });
        Ok(best)
    }
}

/// The shortest target from `begin` on at which a design fits, and that design; `None` if none does. `at` a
/// target, it is a design, and what is in excess.
fn shortest(
    begin: u64,
    at: impl Fn(u64) -> Result<(Design, Option<Excess>), HlsError>,
) -> Result<Option<(u64, Design)>, HlsError> {
    let (mut best, mut excess) = at(begin)?;
    let mut fast = best.schedule.initiation_interval;
    let mut slow = fast;
    if excess.is_none() {
        return Ok(Some((begin, best)));
    }
    while excess.is_some() {
        if slow >= MOST_CYCLES {
            return Ok(None);
        }
        (fast, slow) = (slow, 2 * slow);
        (best, excess) = at(slow)?;
    }
    // It fits at `slow`, but not at `fast`.
    while fast + 1 < slow {
        let between = fast + (slow - fast) / 2;
        match at(between)? {
            (design, None) => (best, slow) = (design, between),
            (_, Some(_)) => fast = between,
        }
    }
    Ok(Some((slow, best)))
}

/// The resource of which `design` exceeds `share` of `part` by the largest factor.
fn excess(design: &Design, part: Part, share: f64) -> Option<Excess> {
    let total = design.estimate().total;
    let all = Resource::ALL.into_iter().map(|resource| {
        let allowed = (part.resources.of(resource) as f64 * share + ROUNDING) as u64;
        Excess { resource, needed: total.of(resource), allowed }
    });
    let factor = |it: &Excess| it.needed as f64 / it.allowed.max(1) as f64;
    all.filter(|it| it.needed > it.allowed).max_by(|a, b| factor(a).total_cmp(&factor(b)))
}
