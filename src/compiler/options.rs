//! The choices of a user, and what they mean for a model.

use std::path::PathBuf;
use std::str::FromStr;

use crate::back::Tool;
use crate::config::{Config, ConfigError, IoType, Pace, SampleRate, Strategy, Variable};
use crate::fixed::{Format, FormatError, Overflow, Quantization, Rounding};
use crate::front::{InputShape, ReadOptions};
use crate::function::Sigmoid;
use crate::hls;
use crate::lower::Settings;
use crate::model::{Layer, Model};
use crate::sim::Executor;

/// All choices of a user. A field that is set takes precedence over [`CompilerOptions::config`],
/// which takes precedence over the default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CompilerOptions {
    /// Settings in the keys of hls4ml.
    pub config: Config,
    /// File with the weights, for an architecture without any.
    pub weights: Option<PathBuf>,
    /// Shapes of inputs, for model files that leave axes open. Later ones take precedence.
    pub input_shapes: Vec<InputShape>,
    /// Types of the inputs, `fixed<16,6>` by default. Later ones take precedence.
    pub input_types: Vec<InputType>,
    /// Computation of every softmax.
    pub softmax: Option<SoftmaxMethod>,
    /// Argument of QKeras' `set_internal_sigmoid` before training, which model files do not state.
    pub sigmoid: Option<Sigmoid>,
    /// Vendor whose tools the project is for; Vitis by default.
    pub backend: Option<Tool>,
    /// Device, as the vendor's tool spells it.
    pub part: Option<String>,
    /// Clock period in nanoseconds.
    pub clock_period: Option<f64>,
    /// Uses of one multiplier for a sample, at least 1. Unlike other fields, it takes precedence over
    /// the configuration's value for the whole model only, not over those for layers and classes.
    pub reuse_factor: Option<u64>,
    /// Rate that every layer must reach; precedence as of `reuse_factor`, which it outranks.
    pub target: Option<Target>,
    /// Share of the part's resources that the design may take, above 0 and up to 1: the shortest
    /// interval between two samples is taken that allows it.
    pub utilization: Option<f64>,
    /// Sharing of multipliers; precedence as of `reuse_factor`.
    pub strategy: Option<Strategy>,
    /// Arrays or streams between layers.
    pub io_type: Option<IoType>,
    /// The way samples are computed; every one gives the same codes.
    pub executor: Executor,
}

/// Type of one input or of all inputs: `input_1=fixed<8,1>`, `fixed<8,1>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputType {
    /// The input; `None` for all inputs.
    pub input: Option<String>,
    /// Its format.
    pub format: Format,
    /// Modes that quantize samples; `None` rounds half to even and saturates.
    pub modes: Option<(Rounding, Overflow)>,
}

/// Text that is not an [`InputType`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
#[error("{text}: {error}")]
#[diagnostic(help("write 'fixed<8,1>' for all inputs, 'input_1=fixed<8,1>' for one"))]
pub struct InputTypeError {
    text: String,
    error: FormatError,
}

impl FromStr for InputType {
    type Err = InputTypeError;

    fn from_str(text: &str) -> Result<Self, InputTypeError> {
        // A type has no '=', the name of a layer may have one.
        let (input, format) = match text.rsplit_once('=') {
            Some((name, format)) => (Some(name.to_owned()), format),
            None => (None, text),
        };
        let precision: Quantization =
            format.parse().map_err(|error| InputTypeError { text: text.to_owned(), error })?;
        Ok(Self { input, format: precision.format, modes: sample_modes(&precision) })
    }
}

/// The modes of an input's type that quantize samples; `None` for those of a type without modes,
/// `TRN` and `WRAP`.
fn sample_modes(precision: &Quantization) -> Option<(Rounding, Overflow)> {
    let modes = (precision.rounding, precision.overflow);
    (modes != (Rounding::Trn, Overflow::WRAP)).then_some(modes)
}

/// A rate of samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// Clock cycles between two samples.
    Interval(u64),
    /// Samples in a second.
    Rate(SampleRate),
}

/// Computation of softmax.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SoftmaxMethod {
    /// Tables of exponentials of x - max and of reciprocals.
    Stable,
    /// None: the output of the network is the operand of softmax.
    Skip,
}

impl CompilerOptions {
    /// The vendor whose tools the project is for.
    pub fn backend(&self) -> Tool {
        self.backend.or(self.config.backend).unwrap_or(Tool::Vitis)
    }

    pub(super) fn read(&self) -> ReadOptions {
        let sigmoid = self.sigmoid.or(self.config.internal_sigmoid());
        let input_shapes = self.input_shapes.clone();
        ReadOptions { sigmoid: sigmoid.unwrap_or_default(), input_shapes }
    }

    pub(super) fn lowering(&self, model: &Model) -> Result<Settings, ConfigError> {
        let mut settings = Settings::configured(&self.config, model)?;
        for InputType { input, format, .. } in &self.input_types {
            match input {
                Some(name) => {
                    settings.inputs.insert(name.clone(), *format);
                }
                None => {
                    settings.input = *format;
                    settings.inputs.clear();
                }
            }
        }
        if let Some(method) = self.softmax {
            let own = settings.layers.values_mut().filter_map(|layer| layer.softmax.as_mut());
            for softmax in own.chain([&mut settings.softmax]) {
                softmax.skip = method == SoftmaxMethod::Skip;
            }
        }
        Ok(settings)
    }

    /// The type that quantizes the samples of input `layer`, which has the format `format`. As in
    /// hls4ml, whose testbench assigns samples to the type of the input, its modes are applied.
    pub(super) fn sample_type(&self, layer: &Layer, format: Format) -> Quantization {
        let (name, class) = (&layer.name, &layer.class);
        let is_it = |given: &&InputType| given.input.as_ref().is_none_or(|input| input == name);
        let modes = match self.input_types.iter().rfind(is_it) {
            Some(given) => given.modes,
            // The modes of a type for all results are not meant for samples.
            None => {
                let own = self.config.layer_precision_of(name, class, Variable::Result);
                own.and_then(|precision| sample_modes(&precision))
            }
        };
        let (rounding, overflow) = modes.unwrap_or((Rounding::RndConv, Overflow::Sat));
        Quantization::new(format, rounding, overflow)
    }

    pub(super) fn hardware(&self, model: &Model) -> hls::Options {
        let clock_period = self.clock_period.or(self.config.clock_period);
        let clock_period = clock_period.unwrap_or(hls::CLOCK_PERIOD);
        let target = self.target.map(|target| match target {
            Target::Interval(interval) => Pace::Interval(interval),
            Target::Rate(rate) => Pace::Interval(rate.interval(clock_period)),
        });
        let pace = target.or(self.reuse_factor.map(Pace::ReuseFactor));
        let config = match self.utilization {
            Some(_) => self.config.without_model_pace(),
            None => self.config.clone(),
        };
        let config = &config.with_model_values(pace, self.strategy);
        let name = config.project_name.as_ref().unwrap_or(&model.name);
        let part = self.part.as_ref().or(config.part.as_ref());
        let part = part.map_or(self.backend().default_part(), String::as_str);
        let mut options = hls::Options::new(name, part);
        options.clock_period = clock_period;
        let of_model = config.model_pace();
        match of_model {
            Some(Pace::ReuseFactor(factor)) => options.reuse_factor = factor,
            Some(Pace::Interval(interval)) => options.target_interval = Some(interval),
            None => {}
        }
        if let Some(io) = self.io_type.or(config.io_type) {
            options.io = io;
        }
        if let Some(uncertainty) = config.clock_uncertainty {
            options.clock_uncertainty = uncertainty.of(options.clock_period);
        }
        for layer in model.graph.node_weights() {
            let (name, class) = (&layer.name, &layer.class);
            if let Some(entries) = config.table_size(name, class) {
                options.table_sizes.layers.insert(name.clone(), entries);
            }
            match config.pace(name, class).filter(|own| of_model != Some(*own)) {
                Some(Pace::ReuseFactor(factor)) => {
                    options.layer_reuse_factors.insert(name.clone(), factor);
                }
                Some(Pace::Interval(interval)) => {
                    options.layer_target_intervals.insert(name.clone(), interval);
                }
                None => {}
            }
            // hls4ml writes 1 for every convolution: that leaves the choice to the planner.
            let factor = config.parallelization_factor(name, class).filter(|factor| *factor > 1);
            if let Some(factor) = factor {
                options.layer_parallelization_factors.insert(name.clone(), factor);
            }
            if layer.kind.is_recurrent() {
                if let Some(factor) = config.recurrent_reuse_factor(name, class) {
                    options.layer_recurrent_reuse_factors.insert(name.clone(), factor);
                }
                if let Some(recurrence) = config.recurrence(name, class) {
                    options.layer_recurrences.insert(name.clone(), recurrence);
                }
            }
            if let Some(strategy) = config.strategy(name, class) {
                options.layer_strategies.insert(name.clone(), strategy);
            }
        }
        options
    }
}
