//! Types for what has no quantizer: statistics of the values, the use that they make of the types
//! they have, and a proposal for better ones.
//!
//! `profile` runs samples through the trained network in float64 ([`crate::float`]) and through
//! the network of integers. Integer bits of a proposed type hold the range of the samples; a
//! `search` finds the widths. Each of its steps is a trial: the network is lowered with the types
//! and simulated, and its outputs are compared with those of the trained network.

mod correction;
mod distribution;
mod error;
mod observe;
mod plan;
mod rows;
mod search;
mod trial;
mod variables;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::Serialize;

use crate::config::{self, ConfiguredValue};
use crate::fixed::{Format, Overflow, Quantization, Rounding};
use crate::float::Samples;
use crate::ir::{Graph, Op};
use crate::lower::{LowerWarning, Settings, TypedVariable, Unquantized};
use crate::model::Model;

use correction::{FEWEST_SAMPLES, corrected};
pub use distribution::{Distribution, TypeUse};
pub use error::ProfileError;
use observe::selected;
use plan::Plan;
pub use rows::ProfileRow;
use search::{Bits, Search, is_better, total};
pub use trial::Accuracy;
use trial::{closest, outputs, spread};
use variables::{Role, Variable, variables};

/// The most trials of a search.
const TRIALS: usize = 300;
/// Multiplications of a trial, about: they limit its number of samples.
const WORK: usize = 1 << 25;
/// The fewest and the most samples of a trial.
const SAMPLES: (usize, usize) = (16, 512);
/// Width at which results without a type are found to be wide, if the goal states none.
const WIDTH: u32 = 16;
/// Bits that are added to every type if the goal is missed on all samples.
const MORE_BITS: u32 = 4;

/// The aim of proposed types.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// Every type has this width; the outputs are as near to those of the trained network as that
    /// allows.
    Bits(u32),
    /// The fewest bits with an absolute error of every output of at most this.
    MaxError(f64),
    /// The fewest bits with this share of samples whose largest output is that of the trained
    /// network.
    Agreement(f64),
}

impl Goal {
    fn check(self, expected: &[Samples]) -> Result<(), ProfileError> {
        let (narrowest, widest) = (search::NARROWEST, search::WIDEST);
        match self {
            Self::Bits(bits) if !(narrowest..=widest).contains(&bits) => {
                Err(ProfileError::Width { bits, narrowest, widest })
            }
            Self::MaxError(error) if !(error.is_finite() && error > 0.0) => {
                Err(ProfileError::ErrorGoal(error))
            }
            Self::Agreement(share) if !(share > 0.0 && share <= 1.0) => {
                Err(ProfileError::AgreementGoal(share))
            }
            Self::Agreement(_) if expected.iter().all(|it| trial::classes(it).is_none()) => {
                Err(ProfileError::NoClasses)
            }
            Self::Bits(_) | Self::MaxError(_) | Self::Agreement(_) => Ok(()),
        }
    }

    fn is_met(self, accuracy: &Accuracy) -> bool {
        match self {
            Self::Bits(_) => true,
            Self::MaxError(error) => accuracy.max_error <= error,
            Self::Agreement(share) => accuracy.disagreements <= allowed(share, accuracy.decisions),
        }
    }
}

/// Disagreements of `decisions` that leave `share` of them.
fn allowed(share: f64, decisions: usize) -> usize {
    // Shares are decimal: 0.9 of 10 leaves one.
    ((1.0 - share) * decisions as f64 + 1e-9).floor() as usize
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bits(bits) => write!(f, "{bits} bits"),
            Self::MaxError(error) => write!(f, "an output error of at most {error}"),
            Self::Agreement(share) => write!(f, "an argmax agreement of at least {share}"),
        }
    }
}

/// The wanted proposal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProposalOptions {
    /// The aim.
    pub goal: Goal,
    /// Weights may get a power-of-two scale for each output channel, where that lowers the error.
    pub channel_scales: bool,
    /// Biases may be corrected by the mean error of their layer's sums.
    pub bias_correction: bool,
}

impl From<Goal> for ProposalOptions {
    /// The options with which the fewest bits reach `goal`.
    fn from(goal: Goal) -> Self {
        Self { goal, channel_scales: true, bias_correction: true }
    }
}

/// A variable of a layer in a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProfileVariable {
    /// An input of the network.
    Input,
    /// The kernel.
    Weight,
    /// The bias.
    Bias,
    /// The scale of sums, or of a batch normalization.
    Scale,
    /// The result of the layer's own operation.
    Result,
    /// The result of the activation fused into the layer.
    Activation,
}

impl ProfileVariable {
    /// Its key under `Precision` in a configuration.
    pub fn key(self) -> &'static str {
        match self {
            Self::Weight => "weight",
            Self::Bias => "bias",
            Self::Scale => "scale",
            Self::Input | Self::Result | Self::Activation => "result",
        }
    }
}

impl From<TypedVariable> for ProfileVariable {
    fn from(variable: TypedVariable) -> Self {
        match variable {
            TypedVariable::Weight => Self::Weight,
            TypedVariable::Bias => Self::Bias,
            TypedVariable::Scale => Self::Scale,
            TypedVariable::Result => Self::Result,
            TypedVariable::Activation => Self::Activation,
        }
    }
}

impl fmt::Display for ProfileVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Input => "input",
            Self::Weight => "weight",
            Self::Bias => "bias",
            Self::Scale => "scale",
            Self::Result => "result",
            Self::Activation => "activation",
        })
    }
}

/// The origin of the integer bits of a proposed type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RangeBasis {
    /// The type holds every value, for every input: no value saturates.
    Proven,
    /// The type holds the values of the samples; others may saturate.
    Observed,
    /// Some values saturate, so that all others are rounded less.
    Clipped,
}

impl fmt::Display for RangeBasis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Proven => "proven",
            Self::Observed => "observed",
            Self::Clipped => "clipped",
        })
    }
}

/// A proposed type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProposedType {
    /// The layer.
    pub layer: String,
    /// Its name in a configuration: that of the layer, or of an activation fused into it.
    pub entry: String,
    /// The variable.
    pub variable: ProfileVariable,
    /// The type.
    #[serde(rename = "type")]
    pub precision: Quantization,
    /// The origin of its integer bits.
    pub range: RangeBasis,
    /// True for weights with a power-of-two scale for each output channel.
    pub per_channel: bool,
}

/// Types for what has no quantizer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Proposal {
    /// The aim.
    pub goal: Goal,
    /// The types, those of inputs first, then in topological order.
    pub types: Vec<ProposedType>,
    /// Numbers that are added to the biases of layers, one per output channel, by layer.
    pub corrections: BTreeMap<String, Vec<f32>>,
    /// The accuracy of the network with these types on all samples.
    pub accuracy: Accuracy,
    /// Simulations that the search took.
    pub trials: usize,
    /// Samples of each of them.
    pub trial_samples: usize,
    /// Bits of all parameters with a proposed type.
    pub parameter_bits: u64,
    /// Bits of all inputs and results of one sample with a proposed type.
    pub result_bits: u64,
    /// Types of inputs that the user chose outside of a configuration.
    #[serde(skip)]
    set_inputs: Vec<(String, Format)>,
}

/// Statistics of a network, and a proposal.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Profile {
    /// Name of the model.
    pub model: String,
    /// Number of samples.
    pub samples: usize,
    /// Parameters and results, in the model's order.
    pub rows: Vec<ProfileRow>,
    /// The accuracy of the network with the types that it has now.
    pub accuracy: Accuracy,
    /// The proposal; `None` if every variable has a quantizer or a configured type.
    pub proposal: Option<Proposal>,
}

impl Proposal {
    /// The type of `variable` of `layer`.
    pub fn type_of(&self, layer: &str, variable: ProfileVariable) -> Option<&ProposedType> {
        self.types.iter().find(|it| it.layer == layer && it.variable == variable)
    }

    /// A configuration with the proposed types: the file `base`, or an empty one, with an entry in
    /// `LayerName` for each layer.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn to_yaml(&self, base: Option<&Path>) -> Result<String, ProfileError> {
        let set = self.set_inputs.iter().map(|(input, format)| {
            let plain = Quantization::new(*format, Rounding::Trn, Overflow::WRAP);
            (input.as_str(), ProfileVariable::Input.key(), plain)
        });
        let types = self.types.iter();
        let types = types.map(|it| (it.entry.as_str(), it.variable.key(), it.precision)).chain(set);
        let types =
            types.map(|(entry, key, to)| (entry, ConfiguredValue::Type { key, precision: to }));
        let scaled = self.types.iter().filter(|it| it.per_channel);
        let scales = scaled.map(|it| (it.entry.as_str(), ConfiguredValue::ScalePerChannel));
        let corrections = self.corrections.iter();
        let corrections = corrections
            .map(|(layer, numbers)| (layer.as_str(), ConfiguredValue::BiasCorrection(numbers)));
        let values: Vec<_> = types.chain(scales).chain(corrections).collect();
        let yaml = config::with_values(base, &values)?;
        let about = &self.accuracy;
        let agreement = about
            .agreement()
            .map_or_else(String::new, |share| format!(", argmax agreement {share:.4}"));
        Ok(format!(
            "# Types proposed by bitkiln profile for {}: on {} samples, largest output error \
             {:.3e}{agreement}.\n{yaml}",
            self.goal, about.samples, about.max_error
        ))
    }
}

/// A lowered network whose types are in question.
pub(crate) struct Subject<'a> {
    pub model: &'a Model,
    /// The model, lowered with `settings`.
    pub graph: &'a Graph,
    pub settings: &'a Settings,
    /// The inputs with a type that the user chose, and that type unless the configuration has it.
    pub set_inputs: BTreeMap<String, Option<Format>>,
    /// The layers without a result of their own.
    pub folded: &'a BTreeMap<String, String>,
    /// The parameters and results without a quantizer.
    pub unquantized: &'a [Unquantized],
}

/// Profiles `subject` with `samples`, an array per input whose first axis counts at least one sample.
pub(crate) fn profile(
    subject: &Subject<'_>,
    samples: &[Samples],
    options: ProposalOptions,
) -> Result<Profile, ProfileError> {
    let observed = observe::observe(subject, samples)?;
    options.goal.check(&observed.outputs)?;
    let accuracy = Accuracy::of(&outputs(subject.graph, samples)?, &observed.outputs);
    let width = if let Goal::Bits(bits) = options.goal { bits } else { WIDTH };
    let variables = variables(subject, samples, &observed, width)?;
    let proposal = match variables.is_empty() {
        true => None,
        false => {
            let plan = Plan::new(variables);
            Some(propose(subject, (samples, &observed.outputs), plan, options)?)
        }
    };
    Ok(Profile {
        model: subject.model.name.clone(),
        samples: accuracy.samples,
        rows: rows::rows(subject, observed),
        accuracy,
        proposal,
    })
}

/// The types of the variables of `plan` that reach the goal.
fn propose(
    subject: &Subject<'_>,
    (samples, expected): (&[Samples], &[Samples]),
    plan: Plan,
    options: ProposalOptions,
) -> Result<Proposal, ProfileError> {
    let goal = options.goal;
    let all = expected.first().map_or(0, |outputs| outputs.shape()[0]);
    let count = (WORK / work(subject.graph).max(1)).clamp(SAMPLES.0, SAMPLES.1);
    let chosen = match goal {
        Goal::Bits(_) | Goal::MaxError(_) => spread(all, count),
        // Where the two largest outputs lie near to each other, the argmax changes first.
        Goal::Agreement(_) => closest(expected, count),
    };
    let [some, wanted] = [samples, expected].map(|arrays| selected(arrays, &chosen));
    let decisions = Accuracy::of(expected, expected).decisions;
    let accept = |accuracy: &Accuracy| match goal {
        Goal::Bits(_) | Goal::MaxError(_) => goal.is_met(accuracy),
        Goal::Agreement(share) => accuracy.disagreements <= allowed(share, decisions),
    };
    let start = plan.start(options.channel_scales);
    let mut trial = |bits: &[Bits]| plan.measure(subject, bits, (&some, &wanted));
    let mut search = Search::new(&mut trial, TRIALS);
    let found = match goal {
        Goal::Bits(width) => search.of_width(&start, width)?.ok_or(None),
        Goal::MaxError(_) | Goal::Agreement(_) => search.fewest(&start, accept)?,
    };
    let mut trials = search.trials;
    let mut bits = found.map_err(|best| unreached(goal, best.as_ref()))?;
    let mut plan = plan;
    if options.bias_correction && chosen.len() >= FEWEST_SAMPLES {
        // The mean error is that of typical samples.
        let typical = selected(samples, &spread(all, count));
        let (other, corrected) = corrected(subject, (&plan, &bits), &typical)?;
        let [before, after] = [(&plan, &bits), (&other, &corrected)]
            .map(|(plan, bits)| plan.measure(subject, bits, (&some, &wanted)));
        let is_taken = match (before?, after?) {
            (Some(before), Some(after)) => accept(&after) && is_better(&after, &before),
            (_, None) | (None, _) => false,
        };
        let narrowed = match goal {
            _ if !is_taken => None,
            Goal::Bits(_) => Some(corrected),
            Goal::MaxError(_) | Goal::Agreement(_) => {
                let mut trial = |bits: &[Bits]| other.measure(subject, bits, (&some, &wanted));
                let mut search = Search::new(&mut trial, TRIALS.saturating_sub(trials));
                let fewer = search.narrowed(corrected, &start, &accept)?;
                trials += search.trials;
                Some(fewer).filter(|fewer| total(fewer, &start) < total(&bits, &start))
            }
        };
        if let Some(narrowed) = narrowed {
            (plan, bits) = (other, narrowed);
        }
    }
    let mut more = 0;
    let (types, accuracy) = loop {
        let lowered = plan.lowered(subject, &bits)?;
        let accuracy = Accuracy::of(&outputs(&lowered.graph, samples)?, expected);
        if goal.is_met(&accuracy) {
            break (
                proposed(&plan.variables, &bits, &plan.types(&bits)?, &lowered.warnings),
                accuracy,
            );
        }
        if more == MORE_BITS {
            return Err(unreached(goal, Some(&accuracy)));
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
    Ok(Proposal {
        goal,
        types,
        corrections: plan.corrections,
        accuracy,
        trials,
        trial_samples: chosen.len(),
        parameter_bits,
        result_bits,
        set_inputs: subject
            .set_inputs
            .iter()
            .filter_map(|(name, format)| Some((name.clone(), (*format)?)))
            .collect(),
    })
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
        ProposedType { layer, entry, variable: own, precision: *to, range, per_channel }
    };
    variables.iter().zip(bits).zip(types).map(one).collect()
}

fn unreached(goal: Goal, reached: Option<&Accuracy>) -> ProfileError {
    let reached = match (goal, reached) {
        (_, None) => "the network cannot be built".to_owned(),
        (Goal::Agreement(_), Some(it)) => {
            format!("it is {}", it.agreement().unwrap_or_default())
        }
        (Goal::Bits(_) | Goal::MaxError(_), Some(it)) => format!("it is {:.3e}", it.max_error),
    };
    ProfileError::Unreached { goal: goal.to_string(), widest: search::WIDEST, reached }
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
