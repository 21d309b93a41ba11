//! Problems to expect in synthesis: a part that is too small, arrays beyond the tool's limits,
//! changed reuse factors.

use std::fmt;

use serde::Serialize;

use super::estimate::{Estimate, LayerEstimate, Resource};
use super::limits::{self, WORD_BITS};
use super::missed::{MissReason, TargetMiss};
use super::plan::UNROLL_LIMIT;
use super::{Design, ProcessForm};
use crate::config::Pace;
use crate::ir::Window;

/// A problem to expect in synthesis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DesignWarning {
    /// The layer that it is about; the model's name where it is about all of them.
    pub layer: String,
    /// The problem.
    pub kind: DesignWarningKind,
}

/// The problem of a [`DesignWarning`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DesignWarningKind {
    /// A target interval that a layer does not reach.
    TargetMissed {
        /// The target: clock cycles between two samples.
        target: u64,
        /// Clock cycles between two samples that the layer takes.
        interval: u64,
        /// The reason.
        reason: MissReason,
    },
    /// A layer with a pace of its own, which makes all wait longer than the target of the model.
    TargetOverridden {
        /// The target of the model: clock cycles between two samples.
        target: u64,
        /// Clock cycles between two samples that the layer takes.
        interval: u64,
    },
    /// Another parallelization factor than the one asked for.
    ParallelizationFactorChanged {
        /// The factor asked for.
        asked: u64,
        /// The factor used.
        used: u64,
        /// The rule that forbids the factor asked for.
        reason: FactorReason,
    },
    /// More of a resource than the part has.
    OverBudget {
        /// The resource.
        resource: Resource,
        /// Its number, estimated.
        needed: u64,
        /// Its number in the part.
        available: u64,
        /// The part.
        part: String,
        /// The layer that needs most, and its number.
        largest: (String, u64),
        /// A reuse factor for the whole model at which they would fit.
        reuse_factor: u64,
    },
    /// The resources of the part are unknown.
    UnknownPart {
        /// The part.
        part: String,
    },
    /// An array that is partitioned into more elements than the tool accepts.
    PartitionLimit {
        /// The array in the generated code.
        array: String,
        /// Its elements.
        elements: u64,
    },
    /// A loop that indexes registers.
    IndexedRegisters {
        /// The kernel with the loop.
        kernel: String,
    },
    /// A reuse factor that does not divide a matrix into equal tiles, or into too large ones.
    ReuseFactorChanged {
        /// The factor asked for.
        asked: u64,
        /// The matrices of the layer that have another one.
        matrices: Vec<UsedReuseFactor>,
    },
}

/// The rule that forbids a parallelization factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "rule", rename_all = "snake_case")]
pub enum FactorReason {
    /// It does not divide the positions of the result, a row of them where windows slide, or the
    /// pixels that so many windows take.
    Divisor {
        /// The positions.
        positions: usize,
    },
    /// A position depends on the one before, or on the whole sample.
    Dependent,
    /// So many positions need more weights, registers or bits of a token than the limits.
    Limit,
}

/// The reuse factor of a matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct UsedReuseFactor {
    /// Inputs of the matrix.
    pub inputs: usize,
    /// Outputs of the matrix.
    pub outputs: usize,
    /// The factor.
    pub used: u64,
}

impl DesignWarning {
    /// A stable name of the problem.
    pub fn code(&self) -> &'static str {
        match self.kind {
            DesignWarningKind::OverBudget { .. } => "over-budget",
            DesignWarningKind::TargetMissed { .. } => "target-missed",
            DesignWarningKind::TargetOverridden { .. } => "target-overridden",
            DesignWarningKind::UnknownPart { .. } => "unknown-part",
            DesignWarningKind::PartitionLimit { .. } => "partition-limit",
            DesignWarningKind::IndexedRegisters { .. } => "indexed-registers",
            DesignWarningKind::ReuseFactorChanged { .. } => "reuse-factor",
            DesignWarningKind::ParallelizationFactorChanged { .. } => "parallelization-factor",
        }
    }

    /// Tells whether synthesis may fail or take hours if nothing changes.
    pub fn is_serious(&self) -> bool {
        match self.kind {
            DesignWarningKind::OverBudget { .. }
            | DesignWarningKind::PartitionLimit { .. }
            | DesignWarningKind::IndexedRegisters { .. }
            | DesignWarningKind::TargetMissed { .. } => true,
            DesignWarningKind::UnknownPart { .. }
            | DesignWarningKind::TargetOverridden { .. }
            | DesignWarningKind::ParallelizationFactorChanged { .. }
            | DesignWarningKind::ReuseFactorChanged { .. } => false,
        }
    }

    /// Tells whether it is information alone: nothing differs from what was asked for.
    pub fn is_note(&self) -> bool {
        match self.kind {
            DesignWarningKind::UnknownPart { .. } => true,
            DesignWarningKind::OverBudget { .. }
            | DesignWarningKind::PartitionLimit { .. }
            | DesignWarningKind::IndexedRegisters { .. }
            | DesignWarningKind::TargetMissed { .. }
            | DesignWarningKind::TargetOverridden { .. }
            | DesignWarningKind::ParallelizationFactorChanged { .. }
            | DesignWarningKind::ReuseFactorChanged { .. } => false,
        }
    }

    /// The change that removes the problem.
    pub fn help(&self) -> String {
        let layer = &self.layer;
        match &self.kind {
            DesignWarningKind::OverBudget { resource, reuse_factor, .. } => {
                let sharing = match resource {
                    Resource::Dsp | Resource::Lut | Resource::Ff => {
                        format!(
                            "set a slower --target-interval, or Strategy: Resource and ReuseFactor: \
                             {reuse_factor}, "
                        )
                    }
                    Resource::Bram18 | Resource::Uram => String::new(),
                };
                format!("{sharing}use narrower types, or choose a larger part")
            }
            DesignWarningKind::TargetMissed { interval, reason, .. } => {
                let or = if matches!(reason, MissReason::Steps { .. }) { "" } else { "or " };
                format!("set a target interval of {interval}, {or}{}", reason.help(layer))
            }
            DesignWarningKind::TargetOverridden { .. } => {
                format!("remove the ReuseFactor or TargetCycles of '{layer}', or set a faster one")
            }
            DesignWarningKind::UnknownPart { .. } => {
                "compare the estimates with the part's data sheet".to_owned()
            }
            DesignWarningKind::PartitionLimit { .. } => {
                format!(
                    "give '{layer}' smaller windows or fewer channels, or choose the other --io"
                )
            }
            DesignWarningKind::IndexedRegisters { .. } => {
                format!("give '{layer}' fewer channels, or more rows of fewer channels")
            }
            DesignWarningKind::ParallelizationFactorChanged { used, .. } => {
                format!("set ParallelizationFactor: {used} for '{layer}'")
            }
            DesignWarningKind::ReuseFactorChanged { matrices, .. } => match &matrices[..] {
                [UsedReuseFactor { inputs, outputs, used }] => format!(
                    "set ReuseFactor: {used} for '{layer}', or another divisor of {inputs} times one \
                     of {outputs}"
                ),
                [first, others @ ..] if others.iter().all(|it| it.used == first.used) => {
                    format!("set ReuseFactor: {} for '{layer}'", first.used)
                }
                _ => format!(
                    "set TargetCycles for '{layer}' instead: each of its matrices then has a reuse \
                     factor of its own"
                ),
            },
        }
    }
}

impl fmt::Display for DesignWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layer = &self.layer;
        match &self.kind {
            DesignWarningKind::OverBudget {
                resource, needed, available, part, largest, ..
            } => {
                let (most, number) = largest;
                write!(
                    f,
                    "'{layer}' needs about {needed} {resource}, {part} has {available}; most of \
                     them are used by '{most}' ({number})"
                )
            }
            DesignWarningKind::TargetOverridden { target, interval } => write!(
                f,
                "layer '{layer}': with a pace of its own it takes {interval} cycles for a sample, \
                 which all others wait for; their target is {target}"
            ),
            DesignWarningKind::TargetMissed { target, interval, reason } => write!(
                f,
                "layer '{layer}': {interval} cycles for a sample miss the target of {target}{}",
                reason.text()
            ),
            DesignWarningKind::UnknownPart { part } => write!(
                f,
                "the part {part} is unknown: the estimates are those of an UltraScale+ device, \
                 and no budget is checked"
            ),
            DesignWarningKind::PartitionLimit { array, elements } => write!(
                f,
                "layer '{layer}': the array '{array}' is partitioned into {elements} elements; \
                 Vitis HLS refuses more than {UNROLL_LIMIT}"
            ),
            DesignWarningKind::IndexedRegisters { kernel } => write!(
                f,
                "layer '{layer}': a loop of '{kernel}' indexes registers; each access is a \
                 multiplexer over all of them"
            ),
            DesignWarningKind::ParallelizationFactorChanged { asked, used, reason } => {
                write!(f, "layer '{layer}': ")?;
                match reason {
                    FactorReason::Divisor { positions: 1 } => write!(f, "it has one position")?,
                    FactorReason::Divisor { positions } => write!(
                        f,
                        "its {positions} positions, or the pixels that they take, cannot be \
                         divided into groups of {asked}"
                    )?,
                    FactorReason::Dependent => write!(
                        f,
                        "{asked} positions at a time depend on one another or on the whole sample"
                    )?,
                    FactorReason::Limit => write!(
                        f,
                        "{asked} positions at a time need more than {UNROLL_LIMIT} weights or \
                         registers"
                    )?,
                }
                write!(f, "; {used} {} computed", if *used == 1 { "is" } else { "are" })
            }
            DesignWarningKind::ReuseFactorChanged { asked, matrices } => {
                let shape = |it: &UsedReuseFactor| format!("{} x {}", it.inputs, it.outputs);
                let shapes: Vec<String> = matrices.iter().map(shape).collect();
                let used: Vec<String> = matrices.iter().map(|it| it.used.to_string()).collect();
                write!(
                    f,
                    "layer '{layer}': a reuse factor of {asked} does not divide its {} products into \
                     equal tiles of at most {UNROLL_LIMIT} weights and {WORD_BITS} bits; {} {} used",
                    shapes.join(" and "),
                    used.join(" and "),
                    if used.len() == 1 { "is" } else { "are" }
                )
            }
        }
    }
}

/// The warnings about a design that is otherwise complete.
pub(super) fn check(design: &Design) -> Vec<DesignWarning> {
    let partitions = limits::partitions(design).into_iter().map(|(layer, array, elements)| {
        let kind = DesignWarningKind::PartitionLimit { array, elements };
        DesignWarning { layer, kind }
    });
    let indexed = limits::indexed_registers(design).into_iter().map(|(layer, kernel)| {
        let kind = DesignWarningKind::IndexedRegisters { kernel };
        DesignWarning { layer, kind }
    });
    let slowest = TargetMiss::slowest(design).into_iter();
    let targets = slowest.map(TargetMiss::warning).chain(overridden(design));
    let factors = design.options.layer_parallelization_factors.iter();
    let factors = factors.filter_map(|(layer, asked)| check_factor(design, layer, *asked));
    let limits = partitions.chain(indexed);
    limits.chain(targets).chain(factors).chain(check_budget(design)).collect()
}

/// Compares the positions that the processes of `layer` compute at a time with those `asked` for. A
/// layer without processes computes all at once.
fn check_factor(design: &Design, layer: &str, asked: u64) -> Option<DesignWarning> {
    let own = design.processes.iter().filter(|process| process.layer == layer);
    let divided = |positions: usize| match (positions as u64).is_multiple_of(asked) {
        true => FactorReason::Limit,
        false => FactorReason::Divisor { positions },
    };
    let of_row = |[row, pixels]: [usize; 2]| match divided(pixels) {
        FactorReason::Divisor { .. } if asked != row as u64 => {
            FactorReason::Divisor { positions: row }
        }
        _ => divided(row),
    };
    let computed = own.filter_map(|process| {
        let used = process.positions().unwrap_or(1) as u64;
        let (is_missed, reason) = match &process.form {
            ProcessForm::Windows(lines) => {
                (used != asked, of_row([lines.windows_of_row(), lines.pixels_of_row()]))
            }
            ProcessForm::Pool(pool) => {
                let Window { input, output, .. } = pool.window;
                (used != asked, of_row([output[1], input[1]]))
            }
            ProcessForm::Recurrence(_) | ProcessForm::Frame => {
                (used != asked, FactorReason::Dependent)
            }
            ProcessForm::Rows { tokens, copies } if process.has_weights(design) => {
                (used != asked, divided(tokens * copies))
            }
            // They compute all positions that come in a token, if these are more.
            ProcessForm::Rows { tokens, copies } => {
                (used < asked && *tokens > 1, divided(tokens * copies))
            }
            ProcessForm::Reduce { tokens, positions, .. } => {
                (used < asked && *tokens > 1, divided(tokens * positions))
            }
            ProcessForm::Accumulate { .. }
            | ProcessForm::Concat { .. }
            | ProcessForm::Repack(_)
            | ProcessForm::FromArray { .. }
            | ProcessForm::ToArray { .. }
            | ProcessForm::Fork { .. } => return None,
        };
        Some((used, is_missed, reason))
    });
    let (used, is_missed, reason) = computed.max_by_key(|(used, ..)| *used)?;
    let kind = DesignWarningKind::ParallelizationFactorChanged { asked, used, reason };
    is_missed.then(|| DesignWarning { layer: layer.to_owned(), kind })
}

/// The slowest process, if its layer has another pace than the target of the model, which it misses.
fn overridden(design: &Design) -> Option<DesignWarning> {
    let target = design.options.target_interval?;
    let slowest = design.slowest()?;
    let (layer, interval) = (slowest.layer.clone(), slowest.cycles(design));
    let kind = DesignWarningKind::TargetOverridden { target, interval };
    let is_own = design.options.pace_of(&layer) != Pace::Interval(target);
    (is_own && interval > target).then_some(DesignWarning { layer, kind })
}

/// Compares the estimate with the part.
fn check_budget(design: &Design) -> Vec<DesignWarning> {
    let layer = design.options.name.clone();
    let part = design.options.part.clone();
    let Estimate { layers, total, budget, .. } = design.estimate();
    let Some(budget) = budget else {
        return vec![DesignWarning { layer, kind: DesignWarningKind::UnknownPart { part } }];
    };
    let over = Resource::ALL.into_iter().filter_map(|resource| {
        let (needed, available) = (total.of(resource), budget.resources.of(resource));
        let number = |layer: &&LayerEstimate| layer.resources.of(resource);
        let most = layers.iter().max_by_key(number).filter(|_| needed > available)?;
        let kind = DesignWarningKind::OverBudget {
            resource,
            needed,
            available,
            part: part.clone(),
            largest: (most.layer.clone(), number(&most)),
            reuse_factor: (needed * design.schedule.initiation_interval)
                .div_ceil(available.max(1))
                .next_power_of_two(),
        };
        Some(DesignWarning { layer: layer.clone(), kind })
    });
    over.collect()
}
