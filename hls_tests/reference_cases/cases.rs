//! Cases on disk.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::path::{Path, PathBuf};

use bitkiln::fixed::Codes;
use bitkiln::front::ReadOptions;
use bitkiln::ir::Graph;
use bitkiln::lower::{Settings, lower};
use bitkiln::model::{Activation, LayerKind, Model};
use bitkiln::sim::{self, Trace};
use bitkiln::{front, passes};
use ndarray::ArrayD;
use ndarray_npy::NpzReader;

use super::compare::Found;

/// A model with samples and what QKeras makes of them.
pub struct Case {
    pub name: String,
    pub model: Model,
    pub settings: Settings,
    pub inputs: BTreeMap<String, ArrayD<f64>>,
    /// Every layer's result.
    pub trace: BTreeMap<String, ArrayD<f64>>,
}

/// A case that has been run.
pub struct Run {
    pub graph: Graph,
    pub inputs: Vec<Codes>,
    pub trace: Trace,
}

/// Cases whose quantizers are not supported yet: real-valued scales, `quantized_linear`, and the
/// stochastic ones.
const WAITING: [&str; 5] = [
    "dense_bits4_auto",
    "dense_linear4",
    "dense_linear4_auto_po2",
    "dense_stochastic_binary",
    "dense_stochastic_ternary",
];

/// The folders of the repository's cases: those that must be exact, and those that wait.
pub fn folders() -> Result<(Vec<PathBuf>, Vec<PathBuf>), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("hls_tests/reference");
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(root)?.map(|e| e.map(|e| e.path())).collect::<Result<_, _>>()?;
    folders.retain(|folder| folder.join("case.json").exists());
    folders.sort();
    Ok(folders.into_iter().partition(|folder| !WAITING.iter().any(|name| folder.ends_with(name))))
}

/// The cases of the repository that must be exact.
pub fn committed() -> Result<Vec<Case>, Box<dyn Error>> {
    folders()?.0.iter().map(|folder| Case::read(folder)).collect()
}

/// A trained model from the field, which the repository does not hold; `None` where it is not
/// beside the repository.
pub fn real(name: &str) -> Result<Option<Case>, Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/real").join(name);
    if !folder.exists() {
        println!("skipped: {name} is not here");
        return Ok(None);
    }
    Case::read(&folder).map(Some)
}

impl Case {
    pub fn read(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let case: serde_json::Value =
            serde_json::from_reader(File::open(folder.join("case.json"))?)?;
        let mut settings = Settings::default();
        for (input, format) in case["inputs"].as_object().ok_or("no inputs")? {
            let format = format.as_str().ok_or("no format")?.parse()?;
            settings.inputs.insert(input.clone(), format);
        }
        if let Some(precision) = case["precision"].as_str() {
            settings.precision = precision.parse()?;
        }
        let mut options = ReadOptions::default();
        if let Some(kind) = case["sigmoid"].as_str() {
            options.sigmoid = kind.parse()?;
        }
        let file = ["model.h5", "model.keras", "model.json"]
            .map(|file| folder.join(file))
            .into_iter()
            .find(|path| path.exists())
            .ok_or("no model")?;
        let weights = folder.join("weights.h5");
        let weights = weights.exists().then_some(weights.as_path());
        Ok(Self {
            name: folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            model: front::load_with(&file, weights, &options)?,
            settings,
            inputs: arrays(&folder.join("inputs.npz"))?,
            trace: arrays(&folder.join("trace.npz"))?,
        })
    }

    /// Lowers the model and runs it on the samples, all of which lie on the inputs' grids.
    pub fn run(&self) -> Result<Run, Box<dyn Error>> {
        let mut graph = lower(&self.model, &self.settings)?.graph;
        passes::run(&mut graph)?;
        let mut inputs = Vec::new();
        for id in &graph.inputs {
            let node = &graph[*id];
            let values = self.inputs.get(&node.name).ok_or("no such input")?;
            let quantized =
                sim::quantize(&values.view(), node.tensor.format).ok_or("a sample is NaN")?;
            inputs.push(quantized.codes);
        }
        let trace = sim::run(&graph, &inputs)?;
        Ok(Run { graph, inputs, trace })
    }

    pub fn is_softmax(&self, layer: &str) -> bool {
        self.model.graph.node_weights().any(|l| {
            l.name == layer
                && match &l.kind {
                    LayerKind::Activation(a) => *a == Activation::Softmax,
                    LayerKind::Dense(dense) => dense.activation == Activation::Softmax,
                    _ => false,
                }
        })
    }
}

impl Run {
    pub fn result_of(&self, layer: &str) -> Option<Found> {
        let (_, node) = self.graph.layers.iter().find(|(name, _)| name == layer)?;
        let format = self.graph[*node].tensor.format;
        Some(Found { values: self.trace.of(*node)?.to_values(format), format })
    }
}

/// All arrays of an `.npz` file, which holds float32 or float64.
fn arrays(path: &Path) -> Result<BTreeMap<String, ArrayD<f64>>, Box<dyn Error>> {
    let mut npz = NpzReader::new(File::open(path)?)?;
    let mut arrays = BTreeMap::new();
    for name in npz.names()? {
        let array: ArrayD<f64> = match npz.by_name::<ndarray::OwnedRepr<f32>, ndarray::IxDyn>(&name)
        {
            Ok(array) => array.mapv(f64::from),
            Err(_) => npz.by_name(&name)?,
        };
        arrays.insert(name.trim_end_matches(".npy").to_string(), array);
    }
    Ok(arrays)
}
