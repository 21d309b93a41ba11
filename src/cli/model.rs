//! From a model file and what the user set to a graph; every subcommand starts so.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bitkiln::config::Config;
use bitkiln::fixed::Format;
use bitkiln::front::{self, ReadOptions};
use bitkiln::function::{Function, Sigmoid};
use bitkiln::hls::TableSizes;
use bitkiln::ir::Graph;
use bitkiln::lower::{self, Settings};
use bitkiln::model::Model;
use bitkiln::passes::{self, Report};
use clap::{Args, ValueEnum};
use miette::{IntoDiagnostic, Result};

use super::{complaint, note, print};

/// A model and what it leaves open.
#[derive(Args)]
pub struct ModelArgs {
    /// The model: Keras 2 .h5, Keras 3 .keras, or an architecture .json with --weights
    model: PathBuf,
    /// The weights of an architecture .json (.h5)
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// Settings in hls4ml's keys, YAML or JSON
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The inputs' type, 'fixed<8,1>', or one input's, 'input_1=fixed<8,1>' [default: fixed<16,6>]
    #[arg(long, value_name = "TYPE")]
    input_type: Vec<String>,
    /// How softmax is computed
    #[arg(long, value_enum, value_name = "HOW")]
    softmax: Option<SoftmaxChoice>,
    /// The sigmoid of QKeras' quantizers: what set_internal_sigmoid was given, which no model file
    /// states [default: hard]
    #[arg(long, value_enum, value_name = "KIND")]
    sigmoid: Option<SigmoidChoice>,
}

/// The sigmoid of QKeras' quantizers.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SigmoidChoice {
    /// x/2 + 1/2, from 0 to 1: QKeras' default
    Hard,
    /// 3x/16 + 1/2, from 0 to 1
    Smooth,
    /// 1 / (1 + exp(-x))
    Real,
}

impl From<SigmoidChoice> for Sigmoid {
    fn from(choice: SigmoidChoice) -> Self {
        match choice {
            SigmoidChoice::Hard => Self::Hard,
            SigmoidChoice::Smooth => Self::Smooth,
            SigmoidChoice::Real => Self::Real,
        }
    }
}

/// How softmax is computed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SoftmaxChoice {
    /// By tables, shifted by the largest element
    Stable,
    /// Not at all: the output is what softmax would take
    Skip,
}

/// A model, ready.
pub struct Prepared {
    pub model: Model,
    pub config: Config,
    /// What is simulated: scales are exact.
    pub graph: Graph,
    /// Functions that no node computes by itself: see [`lower::Lowered::functions`].
    pub functions: BTreeMap<String, Function>,
    /// The most entries of functions' tables.
    pub table_sizes: TableSizes,
    /// The file, for the manifest.
    pub file: PathBuf,
}

impl Prepared {
    /// What hardware is built from, and what there is to say of it.
    pub fn for_hardware(&self) -> Result<(Graph, Report)> {
        passes::for_hardware(&self.graph).into_diagnostic()
    }
}

/// Prints what passes found out; on standard error, what a limit of Bitkiln made worse.
pub fn say(report: &Report) -> Result<()> {
    for scale in &report.scales {
        if scale.is_limited() {
            note(format_args!("warning: {scale}"));
        } else {
            print(&scale.to_string())?;
        }
    }
    Ok(())
}

impl ModelArgs {
    /// The files that are read.
    pub fn files(&self) -> [Option<&Path>; 3] {
        [Some(&self.model), self.weights.as_deref(), self.config.as_deref()]
    }

    /// Reads the model, lowers it, and says on standard error what is not as trained.
    pub fn prepare(&self) -> Result<Prepared> {
        let config = match &self.config {
            Some(path) => Config::load(path)?,
            None => Config::default(),
        };
        let sigmoid = self.sigmoid.map(Sigmoid::from).or(config.internal_sigmoid());
        let options = ReadOptions { sigmoid: sigmoid.unwrap_or_default() };
        let model = front::load_with(&self.model, self.weights.as_deref(), &options)?;
        let mut settings = Settings::configured(&config, &model)?;
        self.apply(&mut settings)?;
        let mut lowered = lower::lower(&model, &settings)?;
        passes::run(&mut lowered.graph).into_diagnostic()?;
        for warning in &lowered.warnings {
            note(format_args!("warning: {warning}"));
        }
        let mut table_sizes = TableSizes::default();
        for layer in model.graph.node_weights() {
            if let Some(entries) = config.table_size(&layer.name, &layer.class) {
                table_sizes.layers.insert(layer.name.clone(), entries);
            }
        }
        let lower::Lowered { graph, functions, .. } = lowered;
        let file = self.model.clone();
        Ok(Prepared { model, config, graph, functions, table_sizes, file })
    }

    fn apply(&self, settings: &mut Settings) -> Result<()> {
        for text in &self.input_type {
            // A type has no '=', a layer's name may.
            let (name, format) = match text.rsplit_once('=') {
                Some((name, format)) => (Some(name), format),
                None => (None, text.as_str()),
            };
            let format: Format = format.parse().map_err(|error| {
                let help = "write --input-type 'fixed<8,1>', or 'input_1=fixed<8,1>' for one input";
                complaint(format!("--input-type {text}: {error}"), help)
            })?;
            match name {
                Some(name) => {
                    settings.inputs.insert(name.into(), format);
                }
                None => {
                    settings.input = format;
                    settings.inputs.clear();
                }
            }
        }
        if let Some(choice) = self.softmax {
            settings.softmax.skip = choice == SoftmaxChoice::Skip;
            for layer in settings.layers.values_mut() {
                if let Some(softmax) = &mut layer.softmax {
                    softmax.skip = choice == SoftmaxChoice::Skip;
                }
            }
        }
        Ok(())
    }
}
