//! Cases on disk.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use bitkiln::fixed::Codes;
use bitkiln::front::ReadOptions;
use bitkiln::function::Function;
use bitkiln::ir::{Graph, NodeId};
use bitkiln::lower::{Lowered, Settings, lower};
use bitkiln::model::{Activation, BatchNorm, Layer, LayerKind, Model};
use bitkiln::sim::{self, Executor, Trace};
use bitkiln::{front, passes};
use ndarray::ArrayD;
use ndarray_npy::NpzReader;
use petgraph::graph::NodeIndex;

use super::compare::Found;

/// A model with samples and their results in QKeras.
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
    /// Functions that are fused into the following quantizer.
    functions: BTreeMap<String, Function>,
    /// Layers without a result of their own, and the batch normalisation that is folded into them.
    pub folded: BTreeMap<String, String>,
    pub inputs: Vec<Codes>,
    pub trace: Trace,
}

/// Environment variable that selects the cases whose names contain its value.
const FILTER: &str = "BITKILN_CASE";

fn is_wanted(name: &str) -> bool {
    std::env::var(FILTER).map_or(true, |part| name.contains(&part))
}

/// The cases of the repository.
pub fn committed() -> Result<Vec<Case>, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("hls_tests/reference");
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(root)?.map(|e| e.map(|e| e.path())).collect::<Result<_, _>>()?;
    folders.retain(|folder| folder.join("case.json").exists());
    folders.sort();
    let wanted = folders.iter().filter(|folder| is_wanted(&folder.to_string_lossy()));
    wanted.map(|folder| Case::read(folder)).collect()
}

/// Trained models from the field, which the repository does not hold. Without `../shared/real` there
/// are none: the test is then recorded as skipped in the file that `.ci/test` counts, and reports it
/// on the uncaptured standard error.
pub fn trained(test: &str, names: &[&str]) -> Result<Vec<Case>, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/real");
    if !root.exists() {
        let line = format!("{test} was skipped for want of ../shared/real\n");
        std::io::stderr().write_all(format!("SKIPPED: {line}").as_bytes())?;
        let record = Path::new(env!("CARGO_TARGET_TMPDIR")).join("skipped_tests");
        let mut record = OpenOptions::new().append(true).create(true).open(record)?;
        record.write_all(line.as_bytes())?;
        return Ok(vec![]);
    }
    let wanted = names.iter().filter(|name| is_wanted(name));
    wanted.map(|name| Case::read(&root.join(name))).collect()
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
        let file = ["model.h5", "model.keras", "model.json", "model"]
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
        let Lowered { mut graph, functions, folded, .. } = lower(&self.model, &self.settings)?;
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
        assert!(trace.out_of_range(&graph).is_none(), "{:?}", trace.out_of_range(&graph));
        assert_engine_agrees(&graph, &inputs, &trace)?;
        Ok(Run { graph, functions, folded, inputs, trace })
    }

    /// Reports whether only monotone quantizers read the result of a layer, so that a function at its
    /// end needs no type.
    pub fn quantizers_follow(&self, layer: NodeIndex) -> bool {
        let mut readers = self.model.graph.neighbors(layer).peekable();
        readers.peek().is_some()
            && !self.model.outputs.contains(&layer)
            && readers.all(|reader| match &self.model.graph[reader].kind {
                LayerKind::Activation(activation) => activation
                    .quantizer()
                    .is_some_and(|quantizer| quantizer.breakpoints().is_empty()),
                _ => false,
            })
    }

    /// Reports whether a quantizer takes the result of a layer, at once or after layers without weights.
    pub fn reaches_quantizer(&self, layer: NodeIndex) -> bool {
        self.model.graph.neighbors(layer).any(|reader| {
            let kind = &self.model.graph[reader].kind;
            let ends = matches!(
                kind,
                LayerKind::Dense(_)
                    | LayerKind::Conv(_)
                    | LayerKind::Separable(_)
                    | LayerKind::PRelu(_)
                    | LayerKind::Einsum(_)
                    | LayerKind::Embedding(_)
                    | LayerKind::Dot { .. }
                    | LayerKind::Activation(Activation::Softmax)
            );
            let quantizes = match kind {
                LayerKind::Activation(activation) => activation.quantizer().is_some(),
                LayerKind::Pool(pool) => pool.activation.quantizer().is_some(),
                LayerKind::ScaleShift(shift) => shift.activation.quantizer().is_some(),
                LayerKind::Adaptive(_) => true,
                _ => false,
            };
            quantizes || !ends && self.reaches_quantizer(reader)
        })
    }

    /// The layer that holds the result of a layer: itself, or the one into which it folds as a batch
    /// normalisation.
    pub fn folded<'c>(
        &'c self,
        run: &Run,
        index: NodeIndex,
    ) -> Result<(&'c LayerKind, Option<&'c BatchNorm>), Box<dyn Error>> {
        let graph = &self.model.graph;
        let Layer { name, kind, .. } = &graph[index];
        let into = |inner: &NodeIndex| {
            let inner = &graph[*inner];
            let has_weights = !matches!(inner.kind, LayerKind::Identity);
            has_weights && run.folded.get(&inner.name) == Some(name)
        };
        let Some(layer) = graph.node_indices().find(into) else { return Ok((kind, None)) };
        let mut norm = kind;
        while let LayerKind::TimeDistributed(inner) | LayerKind::ChannelsFirst(inner) = norm {
            norm = inner;
        }
        match norm {
            LayerKind::BatchNorm(norm) => Ok((&graph[layer].kind, Some(norm))),
            other => Err(format!("'{name}' is folded: {other:?}").into()),
        }
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

/// Asserts that the fast engine gives the results of `trace`: of every node, and of the outputs where
/// nothing else is kept.
fn assert_engine_agrees(
    graph: &Graph,
    inputs: &[Codes],
    trace: &Trace,
) -> Result<(), Box<dyn Error>> {
    let outputs: Vec<NodeId> = graph.outputs.iter().map(|output| output.node).collect();
    for keep in [graph.topological_order(), outputs] {
        let kept = Executor::default().run_in_batches(graph, inputs, &keep, &[], |_| {})?;
        for node in keep {
            let name = &graph[node].name;
            assert!(kept.of(node) == trace.of(node), "'{name}' differs in the engine");
        }
    }
    Ok(())
}

impl Run {
    pub fn result_of(&self, layer: &str) -> Option<Found> {
        let (_, node) = self.graph.layers.iter().find(|(name, _)| name == layer)?;
        let format = self.graph[*node].tensor.format;
        let values = self.trace.of(*node)?.to_values(format);
        Some(match self.functions.get(layer) {
            None => Found { values, lsb: Some(format.lsb()) },
            Some(function) => Found { values: values.mapv(|x| function.value(x)), lsb: None },
        })
    }
}

/// All arrays of an `.npz` file, which holds float32 or float64.
pub fn arrays(path: &Path) -> Result<BTreeMap<String, ArrayD<f64>>, Box<dyn Error>> {
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
