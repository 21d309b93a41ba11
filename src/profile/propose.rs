//! The proposal: a search for types on some samples, corrections of biases, and a check on all samples.

use super::correction::corrected;
use super::observe::{samples_of, selected};
use super::plan::Plan;
use super::search::{Bits, CHEAP_WORTH, Search, Start, WIDEST, Widest, is_better, total};
use super::trial::{Accuracy, closest, outputs, spread};
use super::variables::{Role, Variable};
use super::{
    FEWEST_SAMPLES, Goal, ProfileError, ProfileVariable, Proposal, ProposalOptions, ProposedType,
    RangeBasis, Subject,
};
use crate::fixed::Quantization;
use crate::float::Samples;
use crate::ir::{Graph, Op};
use crate::lower::LowerWarning;
use crate::progress::{Activity, Task};

/// The most trials of a search.
const TRIALS: usize = 300;
/// Multiplications of a trial, about: they limit its number of samples.
const WORK: usize = 1 << 25;
/// The fewest and the most samples of a trial.
const SAMPLES: (usize, usize) = (16, 512);
/// Bits that are added to every type if the goal is missed on all samples.
const MORE_BITS: u32 = 4;

/// The samples of the trials, and the outputs of the trained network for them.
struct Trials<'a> {
    subject: &'a Subject<'a>,
    samples: Vec<Samples>,
    expected: Vec<Samples>,
    goal: Goal,
    /// Number of classifications in all samples.
    decisions: usize,
    task: Task<'a>,
}

impl Trials<'_> {
    fn measure(&self, plan: &Plan, bits: &[Bits]) -> Result<Option<Accuracy>, ProfileError> {
        self.task.add(1);
        plan.measure(self.subject, bits, (&self.samples, &self.expected))
    }

    /// True if the accuracy of a trial is that of the goal: for an agreement, with no more other
    /// classifications than all samples may have.
    fn accept(&self, accuracy: &Accuracy) -> bool {
        match self.goal {
            Goal::Bits(_) | Goal::MaxError(_) => self.goal.is_met(accuracy),
            Goal::Agreement(share) => {
                accuracy.disagreements <= super::allowed(share, self.decisions)
            }
        }
    }
}

/// A plan with the bits of its variables, and the number of trials that led to it.
struct Found {
    plan: Plan,
    bits: Vec<Bits>,
    trials: usize,
}

/// The types of the variables of `plan` that reach the goal.
pub(super) fn propose(
    subject: &Subject<'_>,
    (samples, expected): (&[Samples], &[Samples]),
    plan: Plan,
    options: ProposalOptions,
) -> Result<Proposal, ProfileError> {
    let goal = options.goal;
    let all = samples_of(expected);
    let count = (WORK / work(subject.graph).max(1)).clamp(SAMPLES.0, SAMPLES.1);
    let typical = spread(all, count);
    let chosen = match goal {
        Goal::Bits(_) | Goal::MaxError(_) => typical.clone(),
        // Where the two largest outputs lie near to each other, the argmax changes first.
        Goal::Agreement(_) => closest(expected, count),
    };
    let start = plan.start(options.channel_scales);
    let plain = match goal {
        Goal::Bits(width) => {
            let lowered = plan.lowered(subject, &plan.uniform(width))?;
            Some(Accuracy::of(&outputs(&lowered.graph, samples, subject.observer)?, expected))
        }
        Goal::MaxError(_) | Goal::Agreement(_) => None,
    };
    let trials = Trials {
        subject,
        samples: selected(samples, &chosen),
        expected: selected(expected, &chosen),
        goal,
        decisions: Accuracy::of(expected, expected).decisions,
        task: subject.observer.begin(Activity::Trials, None),
    };
    let mut found = searched(&trials, plan, &start)?;
    if options.bias_correction && typical.len() >= FEWEST_SAMPLES {
        // The mean error is that of typical samples.
        found = with_corrections(&trials, found, &start, &selected(samples, &typical))?;
    }
    // The check on all samples is another activity.
    drop(trials);
    let Found { plan, mut bits, trials } = found;
    let mut more = 0;
    let (types, accuracy) = loop {
        let lowered = plan.lowered(subject, &bits)?;
        let accuracy = Accuracy::of(&outputs(&lowered.graph, samples, subject.observer)?, expected);
        if goal.is_met(&accuracy) {
            let types = plan.types(&bits)?;
            break (proposed(&plan.variables, &bits, &types, &lowered.warnings), accuracy);
        }
        if more == MORE_BITS {
            let widest = bits.iter().map(|bits| bits.width).max().unwrap_or(WIDEST);
            return Err(unreached(goal, Some((widest, accuracy)), &start));
        }
        more += 1;
        bits.iter_mut().for_each(|bits| bits.width += 1);
    };
    let total = |is_parameter: bool| -> u64 {
        let own = plan.variables.iter().zip(&types);
        let own = own.filter(|(it, _)| it.role.is_parameter() == is_parameter);
        own.map(|(it, own)| it.count * u64::from(own.precision.format.width())).sum()
    };
    let (parameter_bits, result_bits) = (total(true), total(false));
    let set_inputs = subject.set_inputs.iter();
    Ok(Proposal {
        goal,
        types,
        corrections: plan.corrections,
        accuracy,
        plain,
        trials,
        trial_samples: chosen.len(),
        parameter_bits,
        result_bits,
        set_inputs: set_inputs.filter_map(|(name, to)| Some((name.clone(), (*to)?))).collect(),
    })
}

/// The result of the search.
fn searched(trials: &Trials<'_>, plan: Plan, start: &[Start]) -> Result<Found, ProfileError> {
    let mut trial = |bits: &[Bits]| trials.measure(&plan, bits);
    let mut search = Search::new(&mut trial, TRIALS);
    let found = match trials.goal {
        Goal::Bits(width) => search.of_width(start, width)?.ok_or(None),
        Goal::MaxError(_) | Goal::Agreement(_) => {
            search.fewest(start, |accuracy| trials.accept(accuracy))?
        }
    };
    let count = search.trials;
    let bits = found.map_err(|best| unreached(trials.goal, best, start))?;
    Ok(Found { plan, bits, trials: count })
}

/// `found` with corrections of biases by the mean errors for `typical` samples, if they lower the error,
/// and for a goal of accuracy the number of bits.
fn with_corrections(
    trials: &Trials<'_>,
    found: Found,
    start: &[Start],
    typical: &[Samples],
) -> Result<Found, ProfileError> {
    let (plan, bits) = corrected(trials.subject, (&found.plan, &found.bits), typical)?;
    let before = trials.measure(&found.plan, &found.bits)?;
    let after = trials.measure(&plan, &bits)?;
    let plain = match trials.goal {
        Goal::Bits(width) => trials.measure(&found.plan, &found.plan.uniform(width))?,
        Goal::MaxError(_) | Goal::Agreement(_) => before,
    };
    let lost = plain.map_or(0, |plain| plain.disagreements);
    let is_worth_it = match (before, after) {
        (Some(before), Some(after)) => {
            trials.accept(&after) && is_better(&after, &before, CHEAP_WORTH, lost)
        }
        (_, None) | (None, _) => false,
    };
    if !is_worth_it {
        return Ok(found);
    }
    match trials.goal {
        Goal::Bits(_) => Ok(Found { plan, bits, ..found }),
        Goal::MaxError(_) | Goal::Agreement(_) => {
            let mut trial = |bits: &[Bits]| trials.measure(&plan, bits);
            let mut search = Search::new(&mut trial, TRIALS.saturating_sub(found.trials));
            let fewer = search.narrowed(bits, start, &|accuracy| trials.accept(accuracy))?;
            let count = found.trials + search.trials;
            let saves = total(&fewer, start) < total(&found.bits, start);
            match saves {
                true => Ok(Found { plan, bits: fewer, trials: count }),
                false => Ok(Found { trials: count, ..found }),
            }
        }
    }
}

/// The types with the origin of their integer bits, which the warnings of lowering tell.
fn proposed(
    variables: &[Variable],
    bits: &[Bits],
    types: &[Quantization],
    warnings: &[LowerWarning],
) -> Vec<ProposedType> {
    let overflows = |entry: &str, key: &str| {
        let overflows = |warning: &LowerWarning| {
            let LowerWarning::PrecisionOverflow(it) = warning else { return false };
            it.entry == entry && it.variable == key
        };
        warnings.iter().any(overflows)
    };
    let one = |((variable, bits), to): ((&Variable, &Bits), &Quantization)| {
        let own = match variable.role {
            Role::Input => ProfileVariable::Input,
            Role::Typed(typed) => typed.into(),
        };
        let is_clipped = to.format.integer_bits() < variable.integer;
        let range = match (variable.role, is_clipped) {
            (_, true) => RangeBasis::Clipped,
            (Role::Input, false) => RangeBasis::Observed,
            (Role::Typed(_), false) if overflows(&variable.entry, own.key()) => {
                RangeBasis::Observed
            }
            (Role::Typed(_), false) => RangeBasis::Proven,
        };
        let (layer, entry) = (variable.layer.clone(), variable.entry.clone());
        let per_channel = bits.per_channel;
        let limit = (variable.widest < WIDEST && to.format.width() == variable.widest)
            .then_some(variable.widest);
        ProposedType { layer, entry, variable: own, precision: *to, range, per_channel, limit }
    };
    variables.iter().zip(bits).zip(types).map(one).collect()
}

/// The error of a `goal` that the widest common width does not reach, with that width and its
/// accuracy; `None` if the network cannot be built with any.
fn unreached(goal: Goal, reached: Option<Widest>, start: &[Start]) -> ProfileError {
    let limit = start.iter().map(|it| it.widest).filter(|widest| *widest < WIDEST).min();
    let limit = limit.map_or_else(String::new, |limit| {
        format!(" (at most {limit} for operands of tables of functions)")
    });
    let reached = match reached {
        None => format!("with {WIDEST} or fewer bits for each type the network cannot be built"),
        Some((width, accuracy)) => {
            let found = match goal {
                Goal::Agreement(_) => format!("{}", accuracy.agreement().unwrap_or_default()),
                Goal::Bits(_) | Goal::MaxError(_) => format!("{:.3e}", accuracy.max_error),
            };
            format!("with {width} bits for each type{limit} it is {found}")
        }
    };
    ProfileError::Unreached { goal: goal.to_string(), reached }
}

/// Multiplications of one sample, about.
fn work(graph: &Graph) -> usize {
    let linear = |op: &Op| {
        let Op::Linear(linear) = op else { return None };
        Some(linear.weights.codes.len())
    };
    let conv = |op: &Op| {
        let Op::Conv(conv) = op else { return None };
        Some(conv.linear.weights.codes.len())
    };
    let nodes = graph.nodes.node_weights();
    let each = nodes.map(|node| match linear(&node.op).or_else(|| conv(&node.op)) {
        Some(weights) => weights * node.tensor.rows(),
        None => node.tensor.len(),
    });
    each.sum()
}
