//! A plan: the variables that get types, and the corrections of biases.

use super::correction::Corrections;
use super::search::{Bits, Start};
use super::trial::{Accuracy, outputs};
use super::variables::{Role, Variable};
use super::{ProfileError, Subject};
use crate::config::WeightScale;
use crate::fixed::{FormatError, Quantization};
use crate::float::Samples;
use crate::lower::{self, Lowered, Settings};
use crate::progress::Observer;

/// The variables that get types, and the corrections of biases that come with them.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub variables: Vec<Variable>,
    pub corrections: Corrections,
}

impl Plan {
    /// A plan without corrections.
    pub fn new(variables: Vec<Variable>) -> Self {
        Self { variables, corrections: Corrections::new() }
    }

    /// `width` bits for each variable.
    pub fn uniform(&self, width: u32) -> Vec<Bits> {
        self.start(false).iter().map(|start| start.bits(width)).collect()
    }

    /// The variables as a search sees them; weights have scales per channel if `may_scale`.
    pub fn start(&self, may_scale: bool) -> Vec<Start> {
        let start = |it: &Variable| Start {
            integer: it.integer,
            count: it.count,
            has_channels: may_scale && it.has_channels,
            widest: it.widest,
        };
        self.variables.iter().map(start).collect()
    }

    /// The types of the variables.
    pub fn types(&self, bits: &[Bits]) -> Result<Vec<Quantization>, FormatError> {
        let each = self.variables.iter().zip(bits);
        each.map(|(it, bits)| it.precision(bits.width, bits.integer)).collect()
    }

    /// The network with these types.
    pub fn lowered(&self, subject: &Subject<'_>, bits: &[Bits]) -> Result<Lowered, ProfileError> {
        Ok(lower::lower(subject.model, &self.settings(subject, bits)?)?)
    }

    /// The accuracy on `samples` with these types; `None` if the network cannot be built with them.
    pub fn measure(
        &self,
        subject: &Subject<'_>,
        bits: &[Bits],
        (samples, expected): (&[Samples], &[Samples]),
    ) -> Result<Option<Accuracy>, ProfileError> {
        // A table may have too many entries, a sum too many bits.
        match self.lowered(subject, bits) {
            Ok(lowered) => {
                // A trial is one unit of a search.
                let found = outputs(&lowered.graph, samples, &Observer::default())?;
                Ok(Some(Accuracy::of(&found, expected)))
            }
            Err(ProfileError::Lower(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn settings(&self, subject: &Subject<'_>, bits: &[Bits]) -> Result<Settings, FormatError> {
        let mut settings = subject.settings.clone();
        for ((variable, bits), to) in self.variables.iter().zip(bits).zip(self.types(bits)?) {
            match variable.role {
                Role::Input => {
                    settings.inputs.insert(variable.layer.clone(), to.format);
                }
                Role::Typed(typed) => {
                    let own = settings.layers.entry(variable.layer.clone()).or_default();
                    *own.precision_mut(typed) = Some(to);
                    if bits.per_channel {
                        own.weight_scale = WeightScale::PerChannel;
                    }
                }
            }
        }
        for (layer, correction) in &self.corrections {
            let own = settings.layers.entry(layer.clone()).or_default();
            own.bias_correction.clone_from(correction);
        }
        Ok(settings)
    }
}
