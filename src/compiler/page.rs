//! A report of a network and its hardware, from samples.

use ndarray::{ArrayD, Axis};

use super::{CompileError, Hardware, Network};
use crate::diagnostic::Diagnostic;
use crate::front::Arrays;
use crate::ir::{Graph, Output};
use crate::profile::{OutputPair, Statistics};
use crate::qtools::{Energy, Memories, Memory, Options, Process, TypeMap, source_types};
use crate::report::page::{
    Classification, Comparison, EnergyTable, Evidence, Page, ProjectState, SampleSet, Stages,
    trained_comparison,
};

/// Sources of a page besides a network and its hardware.
#[derive(Clone, Debug, Default)]
pub struct PageSources {
    /// The samples; random ones by default.
    pub samples: Option<Arrays>,
    /// The file of the samples, for messages.
    pub file: Option<String>,
    /// The most samples that the statistics of layers take: the first ones.
    pub statistics: usize,
    /// Results of the trained network for the samples, by the names of layers.
    pub reference: Vec<(String, ArrayD<f64>)>,
    /// Outputs against those of the trained network that the user stated; by default those in float64 are
    /// computed.
    pub comparisons: Vec<Comparison>,
    /// Outputs against labels.
    pub classifications: Vec<Classification>,
    /// The written project whose hardware is shown.
    pub project: Option<ProjectState>,
}

/// Number of random samples where there are no others.
const RANDOM_SAMPLES: usize = 100;

/// QTools' own choice of memories.
const MEMORIES: Memories = Memories {
    weights: Memory::Dram,
    activations: Memory::Dram,
    min_sram_size: 0,
    rd_wr_on_io: false,
};

impl Hardware<'_> {
    /// The page of the network and this hardware.
    ///
    /// ```
    /// use bitkiln::{Compiler, CompilerOptions, PageSources, front};
    ///
    /// let input_types = vec!["ufixed<4,0>".parse()?];
    /// let compiler = Compiler::new(CompilerOptions { input_types, ..Default::default() });
    /// let network = compiler.load("examples/digits/model.h5".as_ref())?;
    /// let images = front::read_arrays("examples/digits/test.npz".as_ref())?;
    /// let sources =
    ///     PageSources { samples: Some(images), statistics: 100, ..PageSources::default() };
    /// let page = network.design()?.page(sources)?;
    /// assert_eq!((page.layers.len(), page.samples.count), (8, 450));
    /// assert!(page.html()?.starts_with("<!DOCTYPE html>"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the samples do not fit the inputs or there are none, or a layer cannot be computed in float64.
    pub fn page(&self, sources: PageSources) -> Result<Page, CompileError> {
        let network = self.network;
        let source = sources.file.as_deref().unwrap_or("the samples");
        let most = sources.statistics.max(1);
        let (samples, all) = match &sources.samples {
            Some(arrays) => {
                let values = network.profiled_arrays(source, arrays)?;
                // A note counts the values that the types of the inputs do not hold.
                network.quantize(arrays)?;
                first(values, most)
            }
            None => (network.random_values(), RANDOM_SAMPLES),
        };
        let used = samples.first().map_or(0, |samples| samples.shape()[0]);
        let reference = network.stated_results(sources.reference, all, used);
        let statistics = network.statistics(&samples, &reference)?;
        let mut comparisons = sources.comparisons;
        if comparisons.is_empty() {
            comparisons = trained(network.graph(), &statistics);
        }
        let stages = Stages {
            model: &network.model,
            graph: network.graph(),
            hardware: &self.graph,
            design: &self.design,
            tool: self.backend,
            folded: &network.lowered.folded,
            statistics: &statistics,
        };
        let evidence = Evidence {
            file: self.model_source()?,
            samples: SampleSet {
                file: sources.samples.is_some().then(|| source.to_owned()),
                count: all,
                statistics: used,
            },
            energy: network.energy(),
            comparisons,
            classifications: sources.classifications,
            project: sources.project,
            diagnostics: network.diagnostics(),
        };
        Ok(Page::new(stages, evidence))
    }
}

impl Network {
    /// The random samples of a testbench, as real numbers in the order of the inputs.
    fn random_values(&self) -> Vec<ArrayD<f64>> {
        let graph = self.graph();
        let codes = self.random_samples(RANDOM_SAMPLES);
        let inputs = graph.inputs.iter().zip(&codes);
        inputs.map(|(id, codes)| codes.to_values(graph[*id].tensor.format)).collect()
    }

    /// The arrays of `stated` that are results of layers for all samples, for the first `used` of them. A note
    /// names the others.
    fn stated_results(
        &self,
        stated: Vec<(String, ArrayD<f64>)>,
        all: usize,
        used: usize,
    ) -> Vec<(String, ArrayD<f64>)> {
        let graph = self.graph();
        let fits = |(name, values): &(String, ArrayD<f64>)| {
            let layer = graph.layers.iter().find(|(layer, _)| layer == name);
            let Some((samples, shape)) = values.shape().split_first() else { return false };
            layer.is_some_and(|(layer, node)| {
                !self.lowered.folded.contains_key(layer)
                    && *samples == all
                    && graph[*node].tensor.shape == shape
            })
        };
        let (fitting, others): (Vec<_>, Vec<_>) = stated.into_iter().partition(fits);
        let is_output = |name: &str| graph.outputs.iter().any(|output| output.name == name);
        for (name, values) in others.iter().filter(|(name, _)| !is_output(name)) {
            let message = format!(
                "reference '{name}' of the shape {:?} is no result of a layer for these samples and is left \
                 aside",
                values.shape()
            );
            self.log(Diagnostic::note("unused-array", message));
        }
        fitting
            .into_iter()
            .map(|(name, values)| (name, values.slice_axis(Axis(0), (0..used).into()).to_owned()))
            .collect()
    }

    /// The energy of QTools' model with the types of the inputs, in its memories by default.
    fn energy(&self) -> EnergyTable {
        let (model, graph) = (&self.model, self.graph());
        let energy = source_types(&[], model, graph).and_then(|sources| {
            let types = TypeMap::new(model, graph, &Options { sources, ..Options::default() })?;
            Ok(Energy::new(&types, &MEMORIES, &Process::horowitz()))
        });
        energy.into()
    }
}

/// The first `most` samples of each array, and the number of all.
fn first(arrays: Vec<ArrayD<f64>>, most: usize) -> (Vec<ArrayD<f64>>, usize) {
    let all = arrays.first().map_or(0, |array| array.shape()[0]);
    let cut = |array: ArrayD<f64>| match all > most {
        true => array.slice_axis(Axis(0), (0..most).into()).to_owned(),
        false => array,
    };
    (arrays.into_iter().map(cut).collect(), all)
}

/// Each output against that of the trained network.
fn trained(graph: &Graph, statistics: &Statistics) -> Vec<Comparison> {
    let one = |(output, pair): (&Output, &OutputPair)| {
        let tensor = &graph[output.node].tensor;
        trained_comparison(pair, (&tensor.range(), tensor.format.lsb())).ok()
    };
    graph.outputs.iter().zip(&statistics.outputs).filter_map(one).collect()
}
