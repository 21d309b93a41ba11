//! The model and its options, which `build`, `run` and `inspect` share.

use std::path::{Path, PathBuf};

use bitkiln::config::Config;
use bitkiln::diagnostic::grouped;
use bitkiln::front::InputShape;
use bitkiln::function::Sigmoid;
use bitkiln::{Compiler, CompilerOptions, InputType, Network, SoftmaxMethod};
use clap::Args;
use clap::builder::PossibleValue;
use miette::Result;

use super::progress::ProgressArgs;
use super::{complaint, note};

/// A model and what its file leaves open.
#[derive(Args)]
pub struct ModelArgs {
    /// Model of Keras 2 or 3: .h5, .keras, SavedModel folder, or architecture .json with --weights
    model: PathBuf,
    /// Weights of an architecture .json: .h5, .weights.h5, or a complete model
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// Configuration in hls4ml's keys, YAML or JSON
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Type of all inputs, 'fixed<8,1>', or of one input, 'input_1=fixed<8,1>' [default: fixed<16,6>]
    #[arg(long, value_name = "TYPE")]
    input_type: Vec<String>,
    /// Shape of one sample, for a model file that leaves axes open: '128,6', or 'input_1=128,6' for one of
    /// several inputs
    #[arg(long, value_name = "SHAPE")]
    input_shape: Vec<InputShape>,
    /// Computation of softmax
    #[arg(long, value_enum, value_name = "METHOD")]
    softmax: Option<Choice<SoftmaxMethod>>,
    /// Sigmoid of QKeras' quantizers: the argument of set_internal_sigmoid before training, which
    /// model files do not state [default: hard]
    #[arg(long, value_enum, value_name = "KIND")]
    sigmoid: Option<Choice<Sigmoid>>,
    #[command(flatten)]
    pub progress: ProgressArgs,
}

/// A choice of the library as one of the command line.
#[derive(Clone, Copy)]
pub struct Choice<T>(pub T);

impl clap::ValueEnum for Choice<SoftmaxMethod> {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self(SoftmaxMethod::Stable), Self(SoftmaxMethod::Skip)]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self.0 {
            SoftmaxMethod::Stable => PossibleValue::new("stable")
                .help("Lookup tables of exp(x - max) and of reciprocals"),
            SoftmaxMethod::Skip => PossibleValue::new("skip")
                .help("No softmax: the model's output is the operand of softmax"),
        })
    }
}

impl clap::ValueEnum for Choice<Sigmoid> {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self(Sigmoid::Hard), Self(Sigmoid::Smooth), Self(Sigmoid::Real)]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self.0 {
            Sigmoid::Hard => PossibleValue::new("hard")
                .help("x/2 + 1/2, clipped to [0, 1]: the default of QKeras"),
            Sigmoid::Smooth => PossibleValue::new("smooth").help("3x/16 + 1/2, clipped to [0, 1]"),
            Sigmoid::Real => PossibleValue::new("real").help("1 / (1 + exp(-x))"),
        })
    }
}

impl ModelArgs {
    /// The files that are read.
    pub fn files(&self) -> [Option<&Path>; 3] {
        [Some(&self.model), self.weights.as_deref(), self.config.as_deref()]
    }

    /// True if the user states the types of inputs.
    pub fn has_input_types(&self) -> bool {
        !self.input_type.is_empty() || self.config.is_some()
    }

    /// Loads the model. `options` are those besides the model's own.
    pub fn load(&self, options: CompilerOptions) -> Result<Network> {
        let config = self.config.as_deref().map_or_else(|| Ok(Config::default()), Config::load)?;
        let input_type = |text: &String| {
            text.parse::<InputType>().map_err(|error| {
                let help = "write --input-type 'fixed<8,1>', or 'input_1=fixed<8,1>' for one input";
                complaint(format!("--input-type {error}"), help)
            })
        };
        let options = CompilerOptions {
            config,
            weights: self.weights.clone(),
            input_shapes: self.input_shape.clone(),
            input_types: match self.input_type.is_empty() {
                true => options.input_types,
                false => self.input_type.iter().map(input_type).collect::<Result<_>>()?,
            },
            softmax: self.softmax.map(|choice| choice.0),
            sigmoid: self.sigmoid.map(|choice| choice.0),
            ..options
        };
        let compiler = Compiler::new(options).with_observer(self.progress.observer());
        Ok(compiler.load(&self.model)?)
    }
}

/// Prints the warnings and notes of `network` on standard error, those that say the same of several
/// layers as one.
pub fn say(network: &Network) {
    grouped(&network.diagnostics())
        .iter()
        .for_each(|diagnostic| note(format_args!("{diagnostic}")));
}
