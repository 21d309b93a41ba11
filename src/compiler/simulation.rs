//! Simulation of a network for any number of samples.

use std::borrow::Cow;
use std::num::NonZeroUsize;
use std::path::Path;

use ndarray::ArrayD;
use num_bigint::BigInt;

use super::samples::InputCounts;
use super::{CompileError, NamedArrays, Network};
use crate::diagnostic::Diagnostic;
use crate::fixed::{Codes, Range};
use crate::front::Rows;
use crate::ir::{Graph, NodeId, Op, Operand};
use crate::lower::{LowerWarning, PrecisionOverflow, SATURATES, saturation_note};
use crate::progress::Activity;
use crate::sim::{Kept, Runner, Trace};

impl Network {
    /// Simulates the network on codes, in the order of its inputs. The results of all layers are
    /// kept, so memory grows with the number of samples times the size of the network.
    ///
    /// # Errors
    /// If the samples do not fit the inputs.
    pub fn run(&self, inputs: &[Codes]) -> Result<Simulation<'_>, CompileError> {
        self.simulate(inputs, &self.result_nodes(true))
    }

    /// The outputs for codes, in the order of the inputs, by the names of the output layers. Memory
    /// grows with the number of samples by inputs and outputs only.
    ///
    /// # Errors
    /// If the samples do not fit the inputs.
    pub fn outputs(&self, inputs: &[Codes]) -> Result<NamedArrays, CompileError> {
        Ok(self.run_outputs(inputs)?.outputs())
    }

    /// A simulation that keeps the outputs only.
    pub(super) fn run_outputs(&self, inputs: &[Codes]) -> Result<Simulation<'_>, CompileError> {
        self.simulate(inputs, &self.result_nodes(false))
    }

    /// The nodes of the outputs, and of all layers if so.
    fn result_nodes(&self, with_layers: bool) -> Vec<NodeId> {
        let graph = self.graph();
        let layers = if with_layers { &graph.layers[..] } else { &[] };
        let outputs = graph.outputs.iter().map(|output| output.node);
        layers.iter().map(|(_, node)| *node).chain(outputs).collect()
    }

    fn simulate(&self, inputs: &[Codes], keep: &[NodeId]) -> Result<Simulation<'_>, CompileError> {
        let mut overflows = self.overflows();
        let samples = samples_of(inputs);
        let simulation = self.runner(keep, &overflows, samples).run(inputs, |trace| {
            overflows.iter_mut().for_each(|overflow| overflow.count(self.graph(), trace));
        });
        let kept = simulation?;
        self.log_overflows(&overflows);
        Ok(Simulation { network: self, samples, kept })
    }

    /// A run that keeps the results of `keep`, and shows what `overflows` counts.
    fn runner(
        &self,
        keep: &[NodeId],
        overflows: &[OverflowCount<'_>],
        samples: usize,
    ) -> Runner<'_> {
        let graph = self.graph();
        let counted = overflows.iter().flat_map(|overflow| &overflow.nodes);
        let watch: Vec<NodeId> =
            counted.filter_map(|(node, _)| graph.operands(*node).first().copied()).collect();
        Runner::new(self.options.executor, graph, keep, &watch, samples)
    }

    /// Simulates the network on the samples of a `.npz` or `.npy` file, and gives the results to `each` a
    /// part at a time: memory does not grow with the number of samples.
    ///
    /// # Errors
    /// If the file cannot be read or has no samples for an input, and those of `each`.
    pub fn run_file<E: From<CompileError>>(
        &self,
        file: &Path,
        run: FileRun,
        mut each: impl FnMut(FilePart) -> Result<(), E>,
    ) -> Result<(), E> {
        let graph = self.graph();
        let source = file.display().to_string();
        let rows = match run.chunk {
            None => Rows::open(file),
            Some(_) => Rows::open_larger(file, 0),
        };
        let mut rows = rows.map_err(CompileError::from)?;
        let chunk = match (rows.row_bytes(), run.chunk) {
            // The samples depend on those before them.
            _ if graph.is_stateful() => usize::MAX,
            (_, Some(chunk)) => chunk.get(),
            (bytes, None) => (CHUNK_BYTES / bytes.unwrap_or(1).max(1)).max(1),
        };
        let mut overflows = self.overflows();
        let keep = self.result_nodes(run.with_layers);
        let mut counts = InputCounts::default();
        let (mut runner, mut done) = (None, 0);
        let task = self.observer.begin(Activity::Simulation, None);
        while let Some(part) = rows.next(chunk).map_err(CompileError::from)? {
            let inputs = self.quantize_part(&source, &part, &mut counts)?;
            let samples = samples_of(&inputs);
            let runner = runner.get_or_insert_with(|| self.runner(&keep, &overflows, samples));
            let kept = runner.run(&inputs, |trace| {
                overflows.iter_mut().for_each(|overflow| overflow.count(graph, trace));
            });
            let kept = kept.map_err(CompileError::from)?;
            let simulation = Simulation { network: self, samples, kept };
            done += samples;
            let results = if run.with_layers { simulation.layers() } else { simulation.outputs() };
            // A file in memory may have arrays that are no inputs.
            let all = if rows.row_bytes().is_some() { rows.len() } else { done };
            each(FilePart { samples: all, done, results })?;
            task.add_of(samples, all);
        }
        self.log_rounded(&counts);
        self.log_overflows(&overflows);
        Ok(())
    }

    /// The results that may overflow, before any sample is counted.
    fn overflows(&self) -> Vec<OverflowCount<'_>> {
        let graph = self.graph();
        let node = |(name, ranges): &'_ (String, Vec<Range>)| {
            // A pass may have removed the node.
            let node = graph.nodes.node_indices().find(|id| graph[*id].name == *name)?;
            Some((node, ranges.clone()))
        };
        let mut counts = Vec::new();
        for overflow in self.lowered.warnings.iter().filter_map(LowerWarning::overflow) {
            let nodes = overflow.nodes.iter().filter_map(node).collect();
            counts.push(OverflowCount { overflow, nodes, values: 0, all: 0 });
        }
        counts
    }

    /// Adds to the warnings about results that may overflow, and to the note on those that saturate, the
    /// numbers of values that do.
    fn log_overflows(&self, counts: &[OverflowCount<'_>]) {
        let mut log = self.logged();
        for count in counts.iter().filter(|it| !it.overflow.saturates()) {
            let plain = count.overflow.diagnostic(None);
            let is_it = |known: &&mut Diagnostic| {
                known.code == plain.code && known.message.starts_with(&plain.message)
            };
            if let Some(known) = log.iter_mut().find(is_it) {
                *known = count.overflow.diagnostic(count.counted());
            }
        }
        let note = saturation_note(counts.iter().map(|it| (it.overflow, it.counted())));
        let known = log.iter_mut().find(|it| it.code == SATURATES);
        if let Some((known, note)) = known.zip(note) {
            *known = note;
        }
    }
}

/// A result that may overflow, and the number of values that do.
struct OverflowCount<'a> {
    overflow: &'a PrecisionOverflow,
    /// The nodes that apply the type, each with the codes that do not fit.
    nodes: Vec<(NodeId, Vec<Range>)>,
    values: usize,
    all: usize,
}

impl OverflowCount<'_> {
    /// The numbers of overflowing and of all values; `None` for parameters.
    fn counted(&self) -> Option<(usize, usize)> {
        (self.all > 0).then_some((self.values, self.all))
    }

    fn count(&mut self, graph: &Graph, trace: &Trace) {
        for (node, ranges) in &self.nodes {
            let Some(codes) = before_precision(graph, *node, trace) else { continue };
            let inside = |code: &BigInt| {
                ranges.iter().any(|range| range.low() <= code && code <= range.high())
            };
            self.values += codes.iter().filter(inside).count();
            self.all += codes.len();
        }
    }
}

/// Bound on the samples of a file that are in memory, in bytes as float64.
const CHUNK_BYTES: usize = 64 << 20;

/// The way the samples of a file are run.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileRun {
    /// The results of all layers, not those of the outputs alone.
    pub with_layers: bool,
    /// Samples in memory at a time; by default those of a small file, or as many as take 64 MiB.
    pub chunk: Option<NonZeroUsize>,
}

/// Results of a part of the samples of a file.
#[derive(Debug)]
pub struct FilePart {
    /// Samples of the file.
    pub samples: usize,
    /// Samples that are done, with this part.
    pub done: usize,
    /// The results of this part, by name.
    pub results: NamedArrays,
}

/// Number of samples.
fn samples_of(inputs: &[Codes]) -> usize {
    inputs.first().and_then(|codes| codes.shape().first()).copied().unwrap_or(0)
}

/// The codes to which `node` applies a type: those of its operand, or the probabilities of a
/// softmax, which includes its type.
fn before_precision<'t>(graph: &Graph, node: NodeId, trace: &'t Trace) -> Option<Cow<'t, Codes>> {
    let operand = *graph.operands(node).first()?;
    let codes = trace.of(operand)?;
    let Op::Softmax(softmax) = &graph[node].op else { return Some(Cow::Borrowed(codes)) };
    let unlimited = Op::from(softmax.without_overflow().ok()?);
    let x = &graph[operand].tensor;
    let y = unlimited.infer(&[x]).ok()?;
    unlimited.evaluate(&[Operand { tensor: x, codes }], &y).map(Cow::Owned)
}

/// Results of a network for samples; the first axis counts samples.
#[derive(Debug)]
pub struct Simulation<'n> {
    network: &'n Network,
    samples: usize,
    kept: Kept,
}

impl Simulation<'_> {
    /// Number of samples.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// The outputs as codes of their types, by the names of the output layers.
    pub fn codes(&self) -> Vec<(String, Codes)> {
        let outputs = &self.network.graph().outputs;
        outputs.iter().map(|it| (it.name.clone(), self.of(it.node).clone())).collect()
    }

    fn of(&self, node: NodeId) -> &Codes {
        self.kept.of(node).expect("a simulation keeps the nodes of its results")
    }

    /// The outputs, by the names of the output layers.
    pub fn outputs(&self) -> NamedArrays {
        let outputs = &self.network.graph().outputs;
        outputs.iter().map(|output| self.values(&output.name, output.node)).collect()
    }

    /// The result of every layer that has one, by the names of the layers: a layer into which a batch
    /// normalisation is folded has none. A function that a quantizer computes as one table with itself
    /// has the values of the function in float64.
    pub fn layers(&self) -> NamedArrays {
        let lowered = &self.network.lowered;
        let layers = lowered.graph.layers.iter();
        let layers = layers.filter(|(name, _)| !lowered.folded.contains_key(name));
        layers.map(|(name, node)| self.values(name, *node)).collect()
    }

    /// The values of a node that is the result of layer `name`; a note if float64 rounds them.
    fn values(&self, name: &str, node: NodeId) -> (String, ArrayD<f64>) {
        let tensor = &self.network.graph()[node].tensor;
        if tensor.range().bits().1 > f64::MANTISSA_DIGITS.into() {
            let message =
                format!("'{name}' is {}: float64 holds its values to 53 bits only", tensor.format);
            self.network.log(Diagnostic::note("float64-width", message).in_layer(name));
        }
        let mut values = self.of(node).to_values(tensor.format);
        if let Some(function) = self.network.lowered.functions.get(name) {
            values.mapv_inplace(|x| function.value(x));
        }
        (name.to_owned(), values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compiler::{Compiler, CompilerOptions};
    use crate::config::Config;

    const MODEL: &str = "examples/digits/model.h5";

    fn load(config: &str) -> Result<Network, Box<dyn std::error::Error>> {
        let options = CompilerOptions {
            config: Config::parse(config)?,
            input_types: vec!["ufixed<4,0>".parse()?],
            ..CompilerOptions::default()
        };
        Ok(Compiler::new(options).load(MODEL.as_ref())?)
    }

    /// The warning of the network configured by `config` is `start` with `help`, and counts in the
    /// samples the values of `layer` that satisfy `is_over` in the network without configuration.
    fn counted(
        config: &str,
        [start, help]: [&str; 2],
        layer: &str,
        is_over: fn(f64) -> bool,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let (plain, network) = (load("{}")?, load(config)?);
        let text = || network.diagnostics().iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(text(), [format!("{start}{help}")]);
        let samples = network.read_samples("examples/digits/test.npz".as_ref())?;
        network.run(&samples)?;
        let layers = plain.run(&samples)?.layers();
        let (_, exact) = layers.into_iter().find(|(name, _)| name == layer).expect("a layer");
        let over = exact.iter().filter(|value| is_over(**value)).count();
        assert!(over > 0);
        let all = exact.len();
        assert_eq!(
            text(),
            [format!("{start}; {over} of {all} values do so in these samples{help}")]
        );
        Ok(())
    }

    #[test]
    fn results_that_overflow_are_counted_in_the_samples() -> Result<(), Box<dyn std::error::Error>>
    {
        let warning = [
            "warning: layer 'relu1': result precision fixed<4,1> cannot hold the range [0, 1.9375]; \
             values wrap",
            ". Use ufixed<4,1> or set overflow SAT.",
        ];
        let config = "LayerName: {relu1: {Precision: 'fixed<4,1>'}}";
        counted(config, warning, "relu1", |value| value >= 1.0)
    }

    #[test]
    fn probabilities_that_overflow_are_counted_in_the_samples()
    -> Result<(), Box<dyn std::error::Error>> {
        let config = "LayerName: {probabilities: {Precision: 'ufixed<6,0,RND,SAT>'}}";
        let (plain, network) = (load("{}")?, load(config)?);
        let text = || network.diagnostics().iter().map(ToString::to_string).collect::<Vec<_>>();
        let note = "note: 1 configured type saturates, because the range of its value is larger: \
                    result of 'probabilities'";
        assert_eq!(text(), [note]);
        let samples = network.read_samples("examples/digits/test.npz".as_ref())?;
        network.run(&samples)?;
        let layers = plain.run(&samples)?.layers();
        let (_, exact) =
            layers.into_iter().find(|(name, _)| name == "probabilities").ok_or("none")?;
        let over = exact.iter().filter(|value| **value >= 1.0 - 1.0 / 128.0).count();
        assert!(over > 0);
        let counted = format!(
            "{note}; values that do in these samples: {over} of {} (result of 'probabilities')",
            exact.len()
        );
        assert_eq!(text(), [counted]);
        Ok(())
    }
}
