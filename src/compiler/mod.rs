//! The pipeline from a model file to a verified project. See [`Compiler`].

mod error;
mod hardware;
mod notes;
mod options;
mod page;
mod profile;
mod samples;
mod simulation;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ndarray::ArrayD;

use crate::config::Shared;
use crate::diagnostic::Diagnostic;
use crate::front::{self, Arrays};
use crate::ir::{Graph, Inferences};
use crate::lower::{self, LowerWarning, Lowered};
use crate::model::{Layer, Model, Origin};
use crate::naming::nearest;
use crate::passes::{self, Pass};
use crate::progress::Observer;

pub use error::CompileError;
pub use hardware::Hardware;
pub use options::{CompilerOptions, InputType, InputTypeError, SoftmaxMethod, Target};
pub use page::PageSources;
pub use simulation::{FilePart, FileRun, Simulation};

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
    observer: Observer,
}

impl Compiler {
    /// A compiler with these options.
    pub fn new(options: CompilerOptions) -> Self {
        Self { options, observer: Observer::default() }
    }

    /// The same compiler, whose networks tell `observer` of work that may take long.
    #[must_use]
    pub fn with_observer(self, observer: Observer) -> Self {
        Self { observer, ..self }
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
        let names: Vec<&str> = model.graph.node_weights().map(|it| it.name.as_str()).collect();
        let shared: Vec<_> =
            model.graph.node_weights().map(|it| (it.name.as_str(), shared(it))).collect();
        let config = self.options.config.with_pruned_names(&names)?.with_shared_names(&shared)?;
        let options = CompilerOptions { config, ..self.options.clone() };
        let mut lowered = lower::lower(&model, &options.lowering(&model)?)?;
        passes::run(&mut lowered.graph)?;
        let mut log = model.notes.clone();
        let overflows = lowered.warnings.iter().filter_map(LowerWarning::overflow);
        let saturating = lower::saturation_note(overflows.map(|it| (it, None)));
        let is_alone = |it: &&LowerWarning| it.overflow().is_none_or(|it| !it.saturates());
        log.extend(lowered.warnings.iter().filter(is_alone).map(LowerWarning::diagnostic));
        log.extend(saturating);
        log.extend(notes::notes(&options.config, &model, &lowered.graph));
        let (observer, log) = (self.observer.clone(), Mutex::new(log));
        Ok(Network { options, observer, file: None, model, lowered, log })
    }
}

/// The layer whose entry in a configuration holds for `layer` too.
fn shared(layer: &Layer) -> Option<Shared<'_>> {
    layer.origin.as_ref().map(|origin| match origin {
        Origin::Call(name) => Shared::Call(name),
        Origin::Result(name) => Shared::Result(name),
    })
}

/// A network of integers, ready to be simulated or designed.
#[derive(Debug)]
pub struct Network {
    options: CompilerOptions,
    observer: Observer,
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
        let mut inferences = Inferences::default();
        let apply = |pass: &Pass| pass.apply(&mut lowered.graph, &mut report, &mut inferences);
        all().take(count + 1).try_for_each(apply)?;
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
        self.outputs(&self.quantize(samples)?)
    }

    /// The result of every layer for `samples`, by the names of the layers.
    ///
    /// # Errors
    /// If the samples do not fit the inputs.
    pub fn trace(&self, samples: &Arrays) -> Result<NamedArrays, CompileError> {
        Ok(self.run(&self.quantize(samples)?)?.layers())
    }
}
