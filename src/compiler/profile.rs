//! Statistics and types from samples.

use std::path::Path;

use ndarray::ArrayD;

use super::{CompileError, InputType, Network};
use crate::front::{self, Arrays};
use crate::profile::{self, Profile, ProposalOptions, Statistics, Subject};

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
        let values = self.profiled_arrays(source, samples)?;
        self.with_subject(|subject| Ok(profile::profile(subject, &values, options)?))
    }

    /// Statistics of parameters and results for `samples`, without a proposal. `stated` are results of layers
    /// for the same samples, by name.
    pub(super) fn statistics(
        &self,
        samples: &[ArrayD<f64>],
        stated: &[(String, ArrayD<f64>)],
    ) -> Result<Statistics, CompileError> {
        self.with_subject(|subject| Ok(profile::statistics(subject, samples, stated)?))
    }

    /// The array of each input, with at least one sample.
    pub(super) fn profiled_arrays(
        &self,
        source: &str,
        samples: &Arrays,
    ) -> Result<Vec<ArrayD<f64>>, CompileError> {
        let values: Vec<_> = self.arrays(source, samples)?.into_iter().cloned().collect();
        if values.iter().any(ArrayD::is_empty) {
            return Err(CompileError::NoSamples { source_name: source.to_owned() });
        }
        Ok(values)
    }

    fn with_subject<R>(
        &self,
        work: impl FnOnce(&Subject<'_>) -> Result<R, CompileError>,
    ) -> Result<R, CompileError> {
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
        let lowered = &self.lowered;
        work(&Subject {
            model: &self.model,
            graph,
            settings: &settings,
            set_inputs,
            folded: &lowered.folded,
            unquantized: &lowered.unquantized,
            functions: &lowered.functions,
            observer: &self.observer,
        })
    }
}
