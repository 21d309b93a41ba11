//! From a graph to the design that meets its targets, or comes as near as possible.

use super::missed::TargetMiss;
use super::warnings;
use super::{Design, Flow, HlsError, Options, build, pipeline, stream, unroll};
use crate::config::IoType;
use crate::ir::Graph;

impl Design {
    /// Designs hardware for `graph`: one pipeline of arrays, or a process for each operation with
    /// streams between them. With parallel interfaces, it is a pipeline if every kernel can be
    /// unrolled fully, else processes behind array ports: so no array is read at an index that
    /// varies and has all its elements in registers.
    ///
    /// A target interval that the slowest process misses is replaced by others, from 1 to the
    /// shortest interval that was reached: more positions at a time may be slower where tokens of
    /// another size meet, and nothing needs to be faster than the slowest process. Of the fastest
    /// designs, the one with the slowest target is taken.
    ///
    /// # Errors
    /// If an option makes no sense, or the graph needs a type or a literal that C++ lacks.
    /// Problems to expect in synthesis are no errors but [`Design::warnings`].
    pub fn new(graph: &Graph, options: &Options) -> Result<Self, HlsError> {
        build::check(graph, options)?;
        let graph = unroll::unrolled(graph, options)?;
        Self::planned(&graph, options)?.completed()
    }

    /// The design for `options` without the depths of its streams, which take most of the time, and
    /// without the warnings about it as a whole. Its interval and its resources are at most those of
    /// the [completed](Self::completed) one.
    pub(super) fn planned(graph: &Graph, options: &Options) -> Result<Self, HlsError> {
        let mut best = for_targets(graph, options, options)?;
        if !best.is_held_up() {
            return Ok(best);
        }
        let own: Vec<(String, u64)> =
            best.processes.iter().map(|it| (it.layer.clone(), it.cycles(&best))).collect();
        if options.io == IoType::Parallel
            && let Some(design) = pipeline::design(graph, &options.with_targets(1))?
        {
            return Ok(Design { options: options.clone(), ..design });
        }
        let mut target = 0;
        while target < best.schedule.initiation_interval {
            target = (target + 1 + target / 2).min(best.schedule.initiation_interval);
            let other = for_targets(graph, options, &options.with_targets(target))?;
            if other.schedule.initiation_interval <= best.schedule.initiation_interval {
                best = other;
            }
        }
        let reached = best.schedule.initiation_interval;
        let limiting = own.into_iter().filter(|(_, cycles)| *cycles >= reached);
        best.limiting = limiting.map(|(layer, _)| layer).collect();
        Ok(best)
    }

    /// The design with depths and warnings.
    pub(super) fn completed(mut self) -> Result<Self, HlsError> {
        if self.schedule.flow == Flow::Dataflow {
            stream::connect(&mut self)?;
        }
        let found = warnings::check(&self);
        self.warnings.extend(found);
        Ok(self)
    }

    /// Tells whether a process that misses its target is the slowest of all.
    fn is_held_up(&self) -> bool {
        let missed = self.processes.iter().filter_map(|it| TargetMiss::of(self, it));
        let slowest = self.processes.iter().map(|process| process.cycles(self)).max();
        missed.map(|miss| miss.interval).max().is_some_and(|missed| Some(missed) >= slowest)
    }
}

/// The design for `options`, planned for the targets of `others`.
///
/// With parallel interfaces, either form may meet a target: a pipeline is taken unless processes have
/// less than half its area. Where there is time, a pipeline that takes a sample in every cycle is taken
/// instead if it is smaller: sharing a multiplier may cost more than the multiplier.
fn for_targets(graph: &Graph, options: &Options, others: &Options) -> Result<Design, HlsError> {
    let pipeline = |targets: &Options| match options.io {
        IoType::Parallel => pipeline::design(graph, targets),
        IoType::Stream => Ok(None),
    };
    let area = |design: &Design| design.estimate().total.area();
    let has_time = others.shortest_target().is_some_and(|target| target > 1);
    let design = match pipeline(others)? {
        // Operations without weights, which a pipeline does not share.
        Some(design) if has_time => match stream::design(graph, others) {
            Ok(processes) if 2 * area(&processes) < area(&design) => processes,
            Ok(_) | Err(_) => design,
        },
        Some(design) => design,
        None => stream::design(graph, others)?,
    };
    let fastest = match has_time {
        // A pipeline that is too wide for its ports is none.
        true => pipeline(&others.with_targets(1)).unwrap_or_default(),
        false => None,
    };
    let design = match fastest {
        Some(fastest) if area(&fastest) < area(&design) => fastest,
        Some(_) | None => design,
    };
    Ok(Design { options: options.clone(), ..design })
}
