//! The rate, the latency and the estimated resources of a design, against the part.

use std::fmt;

use serde::Serialize;

use crate::hls::estimate::{Part, Resource, Resources};
use crate::hls::{Design, Process};

/// A design as a whole.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Summary {
    /// Clock cycles between two samples.
    pub initiation_interval: u64,
    /// Clock cycles from the first input of a sample to its last output, estimated.
    pub latency: u64,
    /// Nanoseconds of a clock cycle.
    pub clock_period: f64,
    /// The process, or layer without processes, that needs most cycles for a sample, and its cycles,
    /// where they are more than one.
    pub slowest: Option<(String, u64)>,
    /// Recurrent layers that compute step after step.
    pub recurrences: Vec<Steps>,
    /// Largest number of multipliers.
    pub multipliers: u64,
    /// Estimated resources.
    pub resources: Resources,
    /// The device with all that it holds; none for an unknown part.
    pub part: Option<Part>,
}

/// The steps of a recurrent layer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Steps {
    /// The process, by its C++ name.
    pub process: String,
    /// Steps of a sample.
    pub steps: usize,
    /// Clock cycles of a step.
    pub interval: u64,
    /// The kernels that limit the interval, by their C++ names: the longest way from a state to a
    /// state of the next step.
    pub carried: Vec<String>,
}

/// The summary of `design`.
pub fn summary(design: &Design) -> Summary {
    let estimate = design.estimate();
    // A layer may have several processes, such as one that changes the size of tokens.
    let slowest = match design.slowest() {
        Some(process) => Some((process.name.clone(), process.cycles(design))),
        None => {
            let layers = estimate.layers.iter().rev();
            layers.map(|it| (it.layer.clone(), it.cycles)).max_by_key(|(_, cycles)| *cycles)
        }
    };
    Summary {
        initiation_interval: design.schedule.initiation_interval,
        latency: estimate.latency,
        clock_period: design.options.clock_period,
        recurrences: design.processes.iter().filter_map(|it| steps(design, it)).collect(),
        slowest: slowest.filter(|(_, cycles)| *cycles > 1),
        multipliers: design.schedule.multipliers,
        resources: estimate.total,
        part: estimate.budget,
    }
}

fn steps(design: &Design, process: &Process) -> Option<Steps> {
    let recurrence = process.recurrence()?;
    let (steps, interval) = (recurrence.steps, recurrence.interval);
    let carried = recurrence.carried.iter().map(|id| design[*id].name.clone()).collect();
    Some(Steps { process: process.name.clone(), steps, interval, carried })
}

impl fmt::Display for Summary {
    /// Two lines: rate and latency; resources, with their share of the part. Before them a line for
    /// each recurrent layer.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = |cycles: u64| {
            let time = cycles as f64 * self.clock_period;
            match time {
                ns if ns < 1e3 => format!("{} ns", super::layers::rounded(ns)),
                ns if ns < 1e6 => format!("{} us", super::layers::rounded(ns / 1e3)),
                ns => format!("{} ms", super::layers::rounded(ns / 1e6)),
            }
        };
        let cycles = |cycles: u64| if cycles == 1 { "cycle" } else { "cycles" };
        for Steps { process, steps, interval, carried } in &self.recurrences {
            let carried = carried.join(", ");
            writeln!(
                f,
                "'{process}': {steps} steps of {interval} {}, from state to state through {carried}",
                cycles(*interval)
            )?;
        }
        let (interval, latency) = (self.initiation_interval, self.latency);
        write!(f, "II {interval} {} ({})", cycles(interval), time(interval))?;
        if let Some((layer, count)) = &self.slowest {
            write!(f, ", slowest is '{layer}' with {count}")?;
        }
        writeln!(
            f,
            "; latency about {latency} {} ({}); at most {} multiplier{}",
            cycles(latency),
            time(latency),
            self.multipliers,
            if self.multipliers == 1 { "" } else { "s" }
        )?;
        write!(f, "estimate:")?;
        for (position, resource) in Resource::ALL.into_iter().enumerate() {
            let number = self.resources.of(resource);
            if resource == Resource::Uram && number == 0 {
                continue;
            }
            let comma = if position == 0 { "" } else { "," };
            write!(f, "{comma} {number} {}", resource.short())?;
            match self.part.map(|part| part.resources.of(resource)) {
                Some(all) if all > 0 => {
                    write!(f, " ({:.1} %)", number as f64 * 100.0 / all as f64)?;
                }
                Some(_) | None => {}
            }
        }
        match &self.part {
            Some(part) => write!(f, " of {}", part.device),
            None => write!(f, " of an unknown part"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(part: &str) -> Summary {
        Summary {
            initiation_interval: 900,
            latency: 250_000,
            clock_period: 5.0,
            slowest: Some(("conv".into(), 900)),
            recurrences: vec![],
            multipliers: 12,
            resources: Resources { dsp: 22, lut: 5320, ff: 1064, bram18: 7, uram: 0 },
            part: Part::find(part),
        }
    }

    #[test]
    fn shares_are_those_of_the_part() {
        assert_eq!(
            example("xc7z020clg400-1").to_string(),
            "II 900 cycles (4.5 us), slowest is 'conv' with 900; latency about 250000 cycles \
             (1.25 ms); at most 12 multipliers\nestimate: 22 DSP (10.0 %), 5320 LUT (10.0 %), \
             1064 FF (1.0 %), 7 BRAM18 (2.5 %) of xc7z020"
        );
    }

    #[test]
    fn a_recurrent_layer_names_the_chain_of_a_step() {
        let carried = ["products", "sums", "h"].map(str::to_owned).to_vec();
        let steps = Steps { process: "lstm".into(), steps: 20, interval: 5, carried };
        let summary = Summary { recurrences: vec![steps], ..example("asic") };
        let first = summary.to_string().lines().next().map(str::to_owned);
        let expected =
            "'lstm': 20 steps of 5 cycles, from state to state through products, sums, h";
        assert_eq!(first.as_deref(), Some(expected));
    }

    #[test]
    fn an_unknown_part_has_no_shares() {
        let summary = Summary { slowest: None, initiation_interval: 1, ..example("asic") };
        assert_eq!(
            summary.to_string(),
            "II 1 cycle (5 ns); latency about 250000 cycles (1.25 ms); at most 12 multipliers\n\
             estimate: 22 DSP, 5320 LUT, 1064 FF, 7 BRAM18 of an unknown part"
        );
    }
}
