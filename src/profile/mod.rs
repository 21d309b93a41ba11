//! Types for what has no quantizer: statistics of the values, the use that they make of the types
//! they have, and a proposal for better ones.
//!
//! `profile` runs samples through the trained network in float64 ([`crate::float`]) and through
//! the network of integers. Integer bits of a proposed type hold the range of the samples; a
//! `search` finds the widths. Each of its steps is a trial: the network is lowered with the types
//! and simulated, and its outputs are compared with those of the trained network.

mod correction;
mod difference;
mod distribution;
mod error;
mod gates;
mod histogram;
mod observe;
mod plan;
mod propose;
mod rows;
mod sanity;
mod search;
mod statistics;
mod trial;
mod variables;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::Serialize;

use crate::config::{self, ConfiguredValue};
use crate::diagnostic::{Diagnostic, number};
use crate::fixed::{Format, Overflow, Quantization, Rounding};
use crate::float::Samples;
use crate::function::Function;
use crate::ir::Graph;
use crate::lower::{Settings, TypedVariable, Unquantized};
use crate::model::Model;
use crate::progress::Observer;

pub use difference::Difference;
pub use distribution::{Distribution, TypeUse};
pub use error::ProfileError;
pub use histogram::Histogram;
pub use rows::ProfileRow;
pub(crate) use statistics::statistics;
pub use statistics::{OutputPair, Statistics};
pub use trial::Accuracy;

use plan::Plan;
use propose::propose;
use variables::variables;

/// The fewest samples that stand for all that the network will see: with fewer, biases are not
/// corrected, and a warning tells so.
const FEWEST_SAMPLES: usize = 32;
/// Width at which results without a type are found to be wide, if the goal states none.
const WIDTH: u32 = 16;

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
    /// Checks the value of the goal, which no model and no samples are needed for.
    ///
    /// # Errors
    /// If the value is out of range.
    pub fn check(self) -> Result<(), ProfileError> {
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
            Self::Bits(_) | Self::MaxError(_) | Self::Agreement(_) => Ok(()),
        }
    }

    /// Checks that outputs like `expected` can reach the goal.
    fn check_outputs(self, expected: &[Samples]) -> Result<(), ProfileError> {
        let has_classes = || expected.iter().any(|it| trial::classes(it).is_some());
        match self {
            Self::Agreement(_) if !has_classes() => Err(ProfileError::NoClasses),
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
            Self::MaxError(error) => write!(f, "an output error of at most {}", number(*error)),
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
    /// The kernel of the state of a recurrent layer.
    RecurrentWeight,
    /// The bias of the products of the state.
    RecurrentBias,
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
            Self::RecurrentWeight => "recurrent_weight",
            Self::RecurrentBias => "recurrent_bias",
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
            Self::RecurrentWeight => "recurrent weight",
            Self::RecurrentBias => "recurrent bias",
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
    /// The width, if more bits are impossible because a function of the values becomes a table.
    pub limit: Option<u32>,
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
    /// For [`Goal::Bits`], the accuracy on all samples of types of that width alone, without scales,
    /// corrections and clipped ranges.
    pub plain: Option<Accuracy>,
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
    /// Reasons not to trust the proposal.
    pub warnings: Vec<Diagnostic>,
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
    /// The functions of layers whose node holds the operand of the function.
    pub functions: &'a BTreeMap<String, Function>,
    /// Watches the simulations.
    pub observer: &'a Observer,
}

/// Profiles `subject` with `samples`, an array per input whose first axis counts at least one sample.
pub(crate) fn profile(
    subject: &Subject<'_>,
    samples: &[Samples],
    options: ProposalOptions,
) -> Result<Profile, ProfileError> {
    options.goal.check()?;
    let observed = observe::observe(subject, samples, &[])?;
    options.goal.check_outputs(&observed.outputs)?;
    let accuracy = Accuracy::of(&observed.simulated, &observed.outputs);
    let (width, widest) = match options.goal {
        Goal::Bits(bits) => (bits, bits),
        Goal::MaxError(_) | Goal::Agreement(_) => (WIDTH, search::WIDEST),
    };
    let variables = variables(subject, samples, &observed, (width, widest))?;
    let proposal = match variables.is_empty() {
        true => None,
        false => {
            let plan = Plan::new(variables);
            Some(propose(subject, (samples, &observed.outputs), plan, options)?)
        }
    };
    let names: Vec<&str> =
        subject.graph.inputs.iter().map(|id| &*subject.graph[*id].name).collect();
    let warnings = match &proposal {
        None => Vec::new(),
        Some(proposal) => {
            let fallen = sanity::fallen_agreement(proposal);
            sanity::samples(&names, samples).into_iter().chain(fallen).collect()
        }
    };
    Ok(Profile {
        model: subject.model.name.clone(),
        samples: accuracy.samples,
        rows: rows::rows(subject, observed),
        accuracy,
        proposal,
        warnings,
    })
}
