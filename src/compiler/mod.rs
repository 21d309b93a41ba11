//! The pipeline from a model file to a verified project. See [`Compiler`].

mod error;
mod hardware;
mod options;
mod samples;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ndarray::ArrayD;
use num_bigint::BigInt;

use crate::diagnostic::Diagnostic;
use crate::fixed::Codes;
use crate::front::{self, Arrays};
use crate::ir::{Graph, NodeId};
use crate::lower::{self, Lowered};
use crate::model::Model;
use crate::naming::nearest;
use crate::passes;
use crate::profile::{self, Goal, Profile, Subject};
use crate::sim::{self, Trace};

pub use error::CompileError;
pub use hardware::Hardware;
pub use options::{CompilerOptions, InputType, InputTypeError, SoftmaxMethod};

/// Arrays by name; the first axis counts samples.
pub type NamedArrays = Vec<(String, ArrayD<f64>)>;

/// Turns model files into networks of integers and those into hardware, stage by stage:
///
/// | stage | call | result |
/// |---|---|---|
/// | load and lower | [`Compiler::load`] | [`Network`]: model, graph of integer operations |
/// | simulate | [`Network::predict`], [`Network::trace`], [`Network::run`] | outputs, every layer |
/// | optimise and design | [`Network::design`] | [`Hardware`]: graph, kernels, schedule |
/// | emit | [`Hardware::emit`] | a project with test vectors |
/// | verify | [`Hardware::verify`] | a comparison of every output in C simulation |
///
/// Warnings and notes of all stages are values: [`Network::diagnostics`].
///
/// ```
/// use bitkiln::{Compiler, CompilerOptions, back::Headers, front};
///
/// # let folder = tempfile::tempdir()?;
/// # let project = folder.path().join("prj");
/// let input_types = vec!["ufixed<4,0>".parse()?];
/// let compiler = Compiler::new(CompilerOptions { input_types, ..Default::default() });
/// let network = compiler.load("examples/digits/model.h5".as_ref())?;
/// let images = front::read_arrays("examples/digits/test.npz".as_ref())?;
/// let outputs = network.predict(&images)?;
/// assert_eq!(outputs[0].0, "probabilities");
/// assert_eq!(outputs[0].1.shape(), [450, 10]);
///
/// let hardware = network.design()?;
/// hardware.emit(&project, &hardware.vectors(network.quantize(&images)?)?, false)?;
/// let verdict = hardware.verify(&project, Headers::Builtin)?;
/// assert_eq!((verdict.compared, verdict.mismatches), (4500, 0));
/// assert!(network.diagnostics().is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Compiler {
    options: CompilerOptions,
}

impl Compiler {
    /// A compiler with these options.
    pub fn new(options: CompilerOptions) -> Self {
        Self { options }
    }

    /// Reads and lowers the model in `file`.
    ///
    /// # Errors
    /// If a file cannot be read, the configuration does not fit the model, or a layer is
    /// unsupported or has no exact form within 128 bits.
    pub fn load(&self, file: &Path) -> Result<Network, CompileError> {
        let weights = self.options.weights.as_deref();
        let model = front::load_with(file, weights, &self.options.read())?;
        Ok(Network { file: Some(file.to_owned()), ..self.lower(model)? })
    }

    /// Lowers a model that is in memory.
    ///
    /// # Errors
    /// As [`Compiler::load`].
    pub fn lower(&self, model: Model) -> Result<Network, CompileError> {
        let mut lowered = lower::lower(&model, &self.options.lowering(&model)?)?;
        passes::run(&mut lowered.graph)?;
        let config = &self.options.config;
        let mut log = Vec::from_iter(options::without_effect(config));
        log.extend(lowered.warnings.iter().map(lower::LowerWarning::diagnostic));
        log.extend(options::missing_activations(config, &model));
        log.extend(options::proven(config, &model, &lowered.graph));
        let options = self.options.clone();
        Ok(Network { options, file: None, model, lowered, log: Mutex::new(log) })
    }
}

/// A network of integers, ready to be simulated or designed.
#[derive(Debug)]
pub struct Network {
    options: CompilerOptions,
    file: Option<PathBuf>,
    model: Model,
    lowered: Lowered,
    log: Mutex<Vec<Diagnostic>>,
}

impl Network {
    /// The trained model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The options that it was made with.
    pub fn options(&self) -> &CompilerOptions {
        &self.options
    }

    /// The graph that is simulated. It has a result for every layer, and its scales are exact.
    pub fn graph(&self) -> &Graph {
        &self.lowered.graph
    }

    /// The graph after the first pass called `pass`, or as lowered for `lower`; without a name the
    /// graph that hardware is built from.
    ///
    /// # Errors
    /// If there is no such pass; the error lists all.
    pub fn graph_after(&self, pass: Option<&str>) -> Result<Graph, CompileError> {
        const LOWER: &str = "lower";
        let Some(name) = pass else { return Ok(passes::for_hardware(self.graph())?.0) };
        let all = || passes::PASSES.iter().chain(passes::HARDWARE_PASSES);
        let mut lowered = lower::lower(&self.model, &self.options.lowering(&self.model)?)?;
        if name == LOWER {
            return Ok(lowered.graph);
        }
        let Some(count) = all().position(|pass| pass.name == name) else {
            let known: Vec<&str> = [LOWER].into_iter().chain(all().map(|pass| pass.name)).collect();
            let (name, nearest) = (name.to_owned(), nearest(name, known.iter().copied()));
            return Err(CompileError::UnknownPass { name, nearest, known: known.join(", ") });
        };
        let mut report = passes::Report::default();
        all().take(count + 1).try_for_each(|pass| pass.apply(&mut lowered.graph, &mut report))?;
        Ok(lowered.graph)
    }

    /// The warnings and notes so far, in the order in which they arose.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        self.logged().clone()
    }

    fn logged(&self) -> MutexGuard<'_, Vec<Diagnostic>> {
        // A list is whole whatever its last writer died of.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a diagnostic, unless the same one is there: stages may run several times.
    fn log(&self, diagnostic: Diagnostic) {
        let mut log = self.logged();
        if !log.contains(&diagnostic) {
            log.push(diagnostic);
        }
    }

    /// The outputs for `samples`, by the names of the output layers.
    ///
    /// # Errors
    /// If the samples do not fit the inputs.
    pub fn predict(&self, samples: &Arrays) -> Result<NamedArrays, CompileError> {
        Ok(self.run(&self.quantize(samples)?)?.outputs())
    }

    /// The result of every layer for `samples`, by the names of the layers.
    ///
    /// # Errors
    /// If the samples do not fit the inputs.
    pub fn trace(&self, samples: &Arrays) -> Result<NamedArrays, CompileError> {
        Ok(self.run(&self.quantize(samples)?)?.layers())
    }

    /// Simulates the network on codes, in the order of its inputs.
    ///
    /// # Errors
    /// If the samples do not fit the inputs.
    pub fn run(&self, inputs: &[Codes]) -> Result<Simulation<'_>, CompileError> {
        let trace = sim::run(self.graph(), inputs)?;
        self.count_overflows(&trace);
        Ok(Simulation { network: self, trace })
    }

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
    pub fn profile(&self, samples: &Arrays, goal: Goal) -> Result<Profile, CompileError> {
        self.profile_of("the samples", samples, goal)
    }

    /// Reads a `.npz` or `.npy` file; then as [`Network::profile`].
    ///
    /// # Errors
    /// If the file cannot be read, and as [`Network::profile`].
    pub fn profile_file(&self, samples: &Path, goal: Goal) -> Result<Profile, CompileError> {
        self.profile_of(&samples.display().to_string(), &front::read_arrays(samples)?, goal)
    }

    fn profile_of(
        &self,
        source: &str,
        samples: &Arrays,
        goal: Goal,
    ) -> Result<Profile, CompileError> {
        let values = self.real_samples(source, samples)?;
        let settings = self.options.lowering(&self.model)?;
        let graph = self.graph();
        let names = graph.inputs.iter().map(|id| graph[*id].name.clone());
        let is_set = |name: &String| {
            let of_all = self.options.input_types.iter().any(|it| it.input.is_none());
            of_all || settings.inputs.contains_key(name)
        };
        let set_inputs = names.filter(is_set).collect();
        let (model, unquantized) = (&self.model, &self.lowered.unquantized[..]);
        let subject = Subject { model, graph, settings: &settings, set_inputs, unquantized };
        Ok(profile::profile(&subject, &values, goal)?)
    }

    /// Adds to each warning about a result that may overflow the number of values that do.
    fn count_overflows(&self, trace: &Trace) {
        for warning in &self.lowered.warnings {
            let lower::LowerWarning::PrecisionOverflow(overflow) = warning else { continue };
            let (mut count, mut all) = (0, 0);
            for (node, ranges) in &overflow.nodes {
                let Some(codes) = self.operand_of(node, trace) else { continue };
                let inside = |code: &BigInt| {
                    ranges.iter().any(|range| range.low() <= code && code <= range.high())
                };
                count += codes.iter().filter(inside).count();
                all += codes.len();
            }
            let plain = overflow.diagnostic(None);
            let is_it = |known: &&mut Diagnostic| {
                known.code == plain.code && known.message.starts_with(&plain.message)
            };
            if let Some(known) = self.logged().iter_mut().find(is_it) {
                *known = overflow.diagnostic((all > 0).then_some((count, all)));
            }
        }
    }

    /// The codes of the operand of the node `name`; `None` if a pass has removed the node.
    fn operand_of<'t>(&self, name: &str, trace: &'t Trace) -> Option<&'t Codes> {
        let graph = self.graph();
        let node = graph.nodes.node_indices().find(|id| graph[*id].name == name)?;
        trace.of(*graph.operands(node).first()?)
    }
}

/// Results of a network for samples; the first axis counts samples.
#[derive(Debug)]
pub struct Simulation<'n> {
    network: &'n Network,
    trace: Trace,
}

impl Simulation<'_> {
    /// Number of samples.
    pub fn samples(&self) -> usize {
        let graph = self.network.graph();
        let input = graph.inputs.first().and_then(|id| self.trace.of(*id));
        input.and_then(|codes| codes.shape().first().copied()).unwrap_or(0)
    }

    /// The outputs as codes of their types, by the names of the output layers.
    pub fn codes(&self) -> Vec<(String, Codes)> {
        self.trace.outputs(self.network.graph())
    }

    /// The outputs, by the names of the output layers.
    pub fn outputs(&self) -> NamedArrays {
        let outputs = &self.network.graph().outputs;
        outputs.iter().map(|output| self.values(&output.name, output.node)).collect()
    }

    /// The result of every layer, by the names of the layers. A function that a quantizer computes
    /// as one table with itself has the values of the function in float64.
    pub fn layers(&self) -> NamedArrays {
        let layers = &self.network.graph().layers;
        layers.iter().map(|(name, node)| self.values(name, *node)).collect()
    }

    /// The values of a node that is the result of layer `name`; a note if float64 rounds them.
    fn values(&self, name: &str, node: NodeId) -> (String, ArrayD<f64>) {
        let tensor = &self.network.graph()[node].tensor;
        if tensor.range().bits().1 > f64::MANTISSA_DIGITS.into() {
            let message =
                format!("'{name}' is {}: float64 holds its values to 53 bits only", tensor.format);
            self.network.log(Diagnostic::note("float64-width", message).in_layer(name));
        }
        let codes = self.trace.of(node).expect("a simulation computes every node of its graph");
        let mut values = codes.to_values(tensor.format);
        if let Some(function) = self.network.lowered.functions.get(name) {
            values.mapv_inplace(|x| function.value(x));
        }
        (name.to_owned(), values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn results_that_overflow_are_counted_in_the_samples() -> Result<(), Box<dyn std::error::Error>>
    {
        let config = "LayerName: {relu1: {Precision: 'fixed<4,1>'}}";
        let options = CompilerOptions {
            config: Config::parse(config)?,
            input_types: vec!["ufixed<4,0>".parse()?],
            ..CompilerOptions::default()
        };
        let network = Compiler::new(options).load("examples/digits/model.h5".as_ref())?;
        let text = || network.diagnostics().iter().map(ToString::to_string).collect::<Vec<_>>();
        let start = "warning: layer 'relu1': result precision fixed<4,1> cannot hold the range [0, 1.9375]; \
                     values wrap";
        let help = ". Use ufixed<4,1> or set overflow SAT.";
        assert_eq!(text(), [format!("{start}{help}")]);
        let samples = network.read_samples("examples/digits/test.npz".as_ref())?;
        let relu1 = |network: &Network| -> Result<ArrayD<f64>, CompileError> {
            let layers = network.run(&samples)?.layers();
            Ok(layers.into_iter().find(|(name, _)| name == "relu1").expect("a layer").1)
        };
        let plain = CompilerOptions { config: Config::default(), ..network.options().clone() };
        let plain = Compiler::new(plain).load("examples/digits/model.h5".as_ref())?;
        let exact = relu1(&plain)?;
        let wrapped = exact.iter().filter(|value| **value >= 1.0).count();
        assert!(wrapped > 0);
        relu1(&network)?;
        let counted = format!("{start}; {wrapped} of 14400 values do so in these samples{help}");
        assert_eq!(text(), [counted]);
        Ok(())
    }
}
