//! Statistics and types from samples.

use std::path::Path;

use ndarray::ArrayD;

use super::{CompileError, InputType, Network};
use crate::front::{self, Arrays};
use crate::profile::{self, Profile, ProposalOptions, Subject};

impl Network {
    /// Statistics of parameters and results for `samples`, and types for what has no quantizer, which
    /// reach `goal`.
    ///
    /// ```
    /// use bitkiln::{Compiler, front, profile::Goal};
    ///
    /// let network = Compiler::default().load("examples/digits/model.h5".as_ref())?;
    /// let images = front::read_arrays("examples/digits/test.npz".as_ref())?;
    /// let profile = network.profile(&images, Goal::MaxError(0.01))?;
    /// // All layers have quantizers: the input alone needs a type.
    /// let types = profile.proposal.ok_or("no proposal")?.types;
    /// assert_eq!(types.len(), 1);
    /// assert_eq!(types[0].precision.to_string(), "ufixed<4,0,RND_CONV,SAT>");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the samples do not fit the inputs or there are none, or no type reaches the goal.
    pub fn profile(
        &self,
        samples: &Arrays,
        options: impl Into<ProposalOptions>,
    ) -> Result<Profile, CompileError> {
        self.profile_of("the samples", samples, options.into())
    }

    /// Reads a `.npz` or `.npy` file; then as [`Network::profile`].
    ///
    /// # Errors
    /// If the file cannot be read, and as [`Network::profile`].
    pub fn profile_file(
        &self,
        samples: &Path,
        options: impl Into<ProposalOptions>,
    ) -> Result<Profile, CompileError> {
        let source = samples.display().to_string();
        self.profile_of(&source, &front::read_arrays(samples)?, options.into())
    }

    fn profile_of(
        &self,
        source: &str,
        samples: &Arrays,
        options: ProposalOptions,
    ) -> Result<Profile, CompileError> {
        let values: Vec<_> = self.arrays(source, samples)?.into_iter().cloned().collect();
        if values.iter().any(ArrayD::is_empty) {
            return Err(CompileError::NoSamples { source_name: source.to_owned() });
        }
        let settings = self.options.lowering(&self.model)?;
        let graph = self.graph();
        let names = graph.inputs.iter().map(|id| graph[*id].name.clone());
        let set = |name: String| {
            let is_it = |it: &&InputType| it.input.as_ref().is_none_or(|input| *input == name);
            // Later ones take precedence.
            let chosen = self.options.input_types.iter().rfind(is_it).map(|it| it.format);
            let is_set = chosen.is_some() || settings.inputs.contains_key(&name);
            is_set.then_some((name, chosen))
        };
        let set_inputs = names.filter_map(set).collect();
        let (model, lowered) = (&self.model, &self.lowered);
        let (unquantized, folded) = (&lowered.unquantized[..], &lowered.folded);
        let settings = &settings;
        let observer = &self.observer;
        let subject = Subject { model, graph, settings, set_inputs, folded, unquantized, observer };
        Ok(profile::profile(&subject, &values, options)?)
    }
}
