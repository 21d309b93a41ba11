//! A report of a network and its hardware on one page: the data, and the page in HTML.
//!
//! [`Page`] is data: `bitkiln report --json` prints it. [`Page::html`] draws it as one file that needs no
//! other: `html` has a file for each drawing, `templates/report` the page, its style and its script.

mod classification;
mod comparison;
mod html;
mod layers;
mod layout;
mod project;
mod settings;

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Schedule, Summary, schedule, summary};
use crate::back::ModelSource;
use crate::config::Tool;
use crate::diagnostic::Diagnostic;
use crate::hls::{Design, Operations};
use crate::ir::Graph;
use crate::model::Model;
use crate::profile::{Accuracy as FloatAccuracy, Statistics};
use crate::qtools::Energy;

pub use classification::{Classification, Roc, classification};
pub(crate) use comparison::trained_comparison;
pub use comparison::{Against, Comparison, Scatter, comparison};
pub use layers::{Edge, Group, LayerEntry};
pub use project::{ProjectState, Verification};
pub use settings::Setting;

/// A network, its hardware, and both for some samples.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Page {
    /// Name of the model.
    pub model: String,
    /// The file of the model.
    pub file: Option<ModelSource>,
    /// The version of Bitkiln.
    pub version: &'static str,
    /// The samples of the statistics.
    pub samples: SampleSet,
    /// The choices that led to the hardware.
    pub settings: Vec<Setting>,
    /// The written project whose hardware this is.
    pub project: Option<ProjectState>,
    /// Rate, latency and resources.
    pub summary: Summary,
    /// Arithmetic operations for one sample.
    pub operations: Operations,
    /// The layers, in the model's order.
    pub layers: Vec<LayerEntry>,
    /// Tensors between layers.
    pub edges: Vec<Edge>,
    /// The energy of QTools' model, by layer.
    pub energy: EnergyTable,
    /// The schedule of a streaming design.
    pub schedule: Option<Schedule>,
    /// The outputs in simulation against those of the trained network in float64.
    pub float: FloatAccuracy,
    /// Each output against that of the trained network in float64, or against the stated reference.
    pub comparisons: Vec<Comparison>,
    /// The accuracy of each output for labels.
    pub classifications: Vec<Classification>,
    /// Warnings and notes.
    pub diagnostics: Vec<Diagnostic>,
}

/// The samples that a page is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SampleSet {
    /// The file; `None` for random samples.
    pub file: Option<String>,
    /// Samples of the file, or random ones.
    pub count: usize,
    /// Samples of the statistics of layers: the first ones.
    pub statistics: usize,
}

/// Energy by layer, or the reason that there is none.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EnergyTable {
    /// In pJ for a sample.
    Layers {
        /// The layers in the order of the model file.
        layers: Vec<crate::qtools::LayerEnergy>,
        /// Names of these layers.
        names: Vec<String>,
        /// The costs that QTools counts, in whole pJ.
        total: i64,
        /// Names of the layers whose operations QTools gives no energy.
        uncounted: Vec<String>,
    },
    /// QTools has no energy for the model.
    Missing(String),
}

impl From<Result<Energy, crate::qtools::QtoolsError>> for EnergyTable {
    fn from(energy: Result<Energy, crate::qtools::QtoolsError>) -> Self {
        match energy {
            Ok(energy) => Self::Layers {
                total: energy.total(),
                names: energy.layers.iter().map(|it| it.name.clone()).collect(),
                uncounted: energy.uncounted,
                layers: energy.layers,
            },
            Err(error) => Self::Missing(error.to_string()),
        }
    }
}

/// The stages of the pipeline that a page is made of.
#[derive(Clone, Copy, Debug)]
pub struct Stages<'a> {
    /// The trained network.
    pub model: &'a Model,
    /// The graph that is simulated.
    pub graph: &'a Graph,
    /// The graph that hardware is built from.
    pub hardware: &'a Graph,
    /// The hardware.
    pub design: &'a Design,
    /// The vendor's tool.
    pub tool: Tool,
    /// Layers without a result of their own, and the batch normalization folded into them.
    pub folded: &'a BTreeMap<String, String>,
    /// Values of every layer.
    pub statistics: &'a Statistics,
}

/// Contents of a page besides those of the stages.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// The file of the model.
    pub file: Option<ModelSource>,
    /// The samples.
    pub samples: SampleSet,
    /// Energy by layer.
    pub energy: EnergyTable,
    /// Outputs against others.
    pub comparisons: Vec<Comparison>,
    /// Outputs against labels.
    pub classifications: Vec<Classification>,
    /// The written project whose hardware this is.
    pub project: Option<ProjectState>,
    /// Warnings and notes.
    pub diagnostics: Vec<Diagnostic>,
}

impl Page {
    /// The page of these stages.
    pub fn new(stages: Stages<'_>, evidence: Evidence) -> Self {
        let layers = layers::layers(&stages);
        Self {
            model: stages.model.name.clone(),
            file: evidence.file,
            version: env!("CARGO_PKG_VERSION"),
            samples: evidence.samples,
            settings: settings::settings(stages.tool, &stages.design.options),
            project: evidence.project,
            summary: summary(stages.design),
            operations: stages.design.operations(),
            edges: layers::edges(&stages, &layers),
            layers,
            energy: evidence.energy,
            schedule: schedule(stages.design),
            float: stages.statistics.accuracy,
            comparisons: evidence.comparisons,
            classifications: evidence.classifications,
            diagnostics: evidence.diagnostics,
        }
    }
}
