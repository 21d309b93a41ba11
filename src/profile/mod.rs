//! Types for what has no quantizer: statistics of the values, the use that they make of the types
//! they have, and a proposal for better ones.
//!
//! `profile` runs samples through the trained network in float64 ([`crate::float`]) and through
//! the network of integers. Integer bits of a proposed type hold the range of the samples; a
//! `search` finds the widths. Each of its steps is a trial: the network is lowered with the types
//! and simulated, and its outputs are compared with those of the trained network.

mod distribution;
mod error;
mod observe;
mod rows;
mod search;
mod trial;
mod variables;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::Serialize;

use crate::config;
use crate::fixed::{Format, FormatError, Overflow, Quantization, Rounding};
use crate::float::Samples;
use crate::ir::{Graph, Op};
use crate::lower::{LowerWarning, Settings, TypedVariable, Unquantized};
use crate::model::Model;

pub use distribution::{Distribution, TypeUse};
pub use error::ProfileError;
use observe::selected;
pub use rows::ProfileRow;
use search::{Bits, Search};
pub use trial::Accuracy;
use trial::{closest, lowered, outputs, settings, spread};
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
}

/// Types for what has no quantizer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Proposal {
    /// The aim.
    pub goal: Goal,
    /// The types, those of inputs first, then in topological order.
    pub types: Vec<ProposedType>,
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
        let yaml = config::with_types(base, &types.collect::<Vec<_>>())?;
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
    goal: Goal,
) -> Result<Profile, ProfileError> {
    let observed = observe::observe(subject, samples)?;
    goal.check(&observed.outputs)?;
    let accuracy = Accuracy::of(&outputs(subject.graph, samples)?, &observed.outputs);
    let width = if let Goal::Bits(bits) = goal { bits } else { WIDTH };
    let variables = variables(subject, samples, &observed, width)?;
    let proposal = match variables.is_empty() {
        true => None,
        false => Some(propose(subject, samples, &observed.outputs, &variables, goal)?),
    };
    Ok(Profile {
        model: subject.model.name.clone(),
        samples: accuracy.samples,
        rows: rows::rows(subject, observed),
        accuracy,
        proposal,
    })
}

/// The types of `variables` that reach `goal`.
fn propose(
    subject: &Subject<'_>,
    samples: &[Samples],
    expected: &[Samples],
    variables: &[Variable],
    goal: Goal,
) -> Result<Proposal, ProfileError> {
    let all = expected.first().map_or(0, |outputs| outputs.shape()[0]);
    let count = (WORK / work(subject.graph).max(1)).clamp(SAMPLES.0, SAMPLES.1);
    let chosen = match goal {
        Goal::Bits(_) | Goal::MaxError(_) => spread(all, count),
        // Where the two largest outputs lie near to each other, the argmax changes first.
        Goal::Agreement(_) => closest(expected, count),
    };
    let [some, wanted] = [samples, expected].map(|arrays| selected(arrays, &chosen));
    let mut trial = |bits: &[Bits]| -> Result<Option<Accuracy>, ProfileError> {
        let types = types(variables, bits)?;
        // A table may have too many entries, a sum too many bits.
        let Ok(lowered) = lowered(subject, &settings(subject, variables, &types)) else {
            return Ok(None);
        };
        Ok(Some(Accuracy::of(&outputs(&lowered.graph, &some)?, &wanted)))
    };
    let integers: Vec<i32> = variables.iter().map(|it| it.integer).collect();
    let counts: Vec<u64> = variables.iter().map(|it| it.count).collect();
    let decisions = Accuracy::of(expected, expected).decisions;
    let mut search = Search::new(&mut trial, TRIALS);
    let found = match goal {
        Goal::Bits(width) => search.of_width(&integers, width)?.ok_or(None),
        Goal::MaxError(_) => search.fewest(&integers, &counts, |it| goal.is_met(it))?,
        Goal::Agreement(share) => {
            let most = allowed(share, decisions);
            search.fewest(&integers, &counts, |it| it.disagreements <= most)?
        }
    };
    let trials = search.trials;
    let mut bits = found.map_err(|best| unreached(goal, best.as_ref()))?;
    let mut more = 0;
    let (types, accuracy) = loop {
        let types = types(variables, &bits)?;
        let lowered = lowered(subject, &settings(subject, variables, &types))?;
        let accuracy = Accuracy::of(&outputs(&lowered.graph, samples)?, expected);
        if goal.is_met(&accuracy) {
            break (proposed(variables, &types, &lowered.warnings), accuracy);
        }
        if more == MORE_BITS {
            return Err(unreached(goal, Some(&accuracy)));
        }
        more += 1;
        bits.iter_mut().for_each(|bits| bits.width += 1);
    };
    let total = |is_parameter: bool| -> u64 {
        let own = variables.iter().zip(&types);
        let own = own.filter(|(it, _)| it.role.is_parameter() == is_parameter);
        own.map(|(it, own)| it.count * u64::from(own.precision.format.width())).sum()
    };
    let (parameter_bits, result_bits) = (total(true), total(false));
    Ok(Proposal {
        goal,
        types,
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

fn types(variables: &[Variable], bits: &[Bits]) -> Result<Vec<Quantization>, FormatError> {
    variables.iter().zip(bits).map(|(it, bits)| it.precision(bits.width, bits.integer)).collect()
}

/// The types with the origin of their integer bits, which the warnings of lowering tell.
fn proposed(
    variables: &[Variable],
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
    let one = |(variable, to): (&Variable, &Quantization)| {
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
        ProposedType { layer, entry, variable: own, precision: *to, range }
    };
    variables.iter().zip(types).map(one).collect()
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
