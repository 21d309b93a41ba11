//! The stages that only hardware needs: optimise, design, emit, verify.

use std::path::Path;

use super::{CompileError, Network};
use crate::back::{self, Headers, Manifest, ModelSource, Tool, Vectors, Verdict, WriteOptions};
use crate::diagnostic::Diagnostic;
use crate::fixed::Codes;
use crate::front;
use crate::hls::{self, Design};
use crate::ir::{Graph, NodeId};
use crate::passes::{self, Report};

/// A network as hardware for one vendor's tools.
#[derive(Debug)]
pub struct Hardware<'n> {
    pub(super) network: &'n Network,
    /// The vendor.
    pub backend: Tool,
    /// The graph that is built: the outputs are those of [`Network::graph`], types between inputs
    /// and outputs may be narrower.
    pub graph: Graph,
    /// The kernels, types and schedule.
    pub design: Design,
    /// The findings of the passes.
    pub report: Report,
}

impl Network {
    /// Optimises the network for hardware and designs its kernels.
    ///
    /// # Errors
    /// If an option is out of its range, or a type or constant has no C++ form.
    pub fn design(&self) -> Result<Hardware<'_>, CompileError> {
        self.design_with(&self.options.hardware(&self.model), self.options.backend())
    }

    /// Designs the hardware of a written project: its tool and options are those of its manifest.
    ///
    /// # Errors
    /// As [`Network::design`].
    pub fn design_like(&self, project: &Manifest) -> Result<Hardware<'_>, CompileError> {
        self.design_with(&project.options, project.backend)
    }

    fn design_with(
        &self,
        options: &hls::Options,
        backend: Tool,
    ) -> Result<Hardware<'_>, CompileError> {
        let (graph, report) = passes::for_hardware(self.graph())?;
        for scale in report.scales.iter().filter(|scale| scale.is_limited()) {
            let message = scale.to_string();
            self.log(Diagnostic::warning("scale-limited", message).in_layer(&scale.layer));
        }
        let design = match self.options.utilization {
            Some(share) => Design::fit(&graph, options, share, &self.observer)?,
            None => Design::new(&graph, options)?,
        };
        for warning in &design.warnings {
            let diagnostic = match warning.is_note() {
                true => Diagnostic::note(warning.code(), warning.to_string()),
                false => Diagnostic::warning(warning.code(), warning.to_string()),
            };
            self.log(diagnostic.in_layer(&warning.layer).with_help(sentence(&warning.help())));
        }
        let asked = self.options.config.project_name.as_ref();
        if let Some(name) = asked.filter(|name| **name != design.name) {
            let message = format!(
                "ProjectName: '{name}' cannot name a top function; it is '{}' here",
                design.name
            );
            self.log(Diagnostic::note("project-name", message));
        }
        Ok(Hardware { network: self, backend, graph, design, report })
    }
}

impl Hardware<'_> {
    /// The samples with their outputs, for the testbench.
    ///
    /// # Errors
    /// If the samples do not fit the inputs.
    pub fn vectors(&self, inputs: Vec<Codes>) -> Result<Vectors, CompileError> {
        let nodes: Vec<NodeId> = self.graph.outputs.iter().map(|output| output.node).collect();
        let executor = self.network.options.executor;
        let kept = executor.run_in_batches(&self.graph, &inputs, &nodes, &[], |_| {})?;
        let outputs = self.network.run_outputs(&inputs)?.codes();
        let is_same =
            |(node, (_, codes)): (&NodeId, &(String, Codes))| kept.of(*node) == Some(codes);
        if nodes.len() != outputs.len() || !nodes.iter().zip(&outputs).all(is_same) {
            return Err(CompileError::OutputsDiffer);
        }
        let names = self.graph.inputs.iter().map(|id| self.graph[*id].name.clone());
        Ok(Vectors { inputs: names.zip(inputs).collect(), outputs })
    }

    /// Writes the project to `folder`, with a testbench that compares the outputs of `vectors`.
    /// `force` allows a folder that Bitkiln did not write.
    ///
    /// # Errors
    /// If the project cannot be written.
    pub fn emit(&self, folder: &Path, vectors: &Vectors, force: bool) -> Result<(), CompileError> {
        let options = WriteOptions { force, model: self.model_source()? };
        Ok(back::write(&self.design, self.backend, vectors, folder, &options)?)
    }

    /// The model file; `None` for a model that was lowered from memory.
    ///
    /// # Errors
    /// If the file cannot be read again.
    pub fn model_source(&self) -> Result<Option<ModelSource>, CompileError> {
        let Some(file) = &self.network.file else { return Ok(None) };
        let failed = |source| CompileError::ModelSource { file: file.clone(), source };
        Ok(Some(ModelSource::new(file, &front::model_bytes(file).map_err(failed)?)))
    }

    /// Compiles the project in `folder` with a C++ compiler and compares every output.
    ///
    /// # Errors
    /// If the project cannot be compiled or run. Mismatches are part of the verdict.
    pub fn verify(&self, folder: &Path, headers: Headers) -> Result<Verdict, CompileError> {
        Ok(back::verify_observed(folder, headers, &self.network.observer)?)
    }
}

/// `text` with a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let mut rest = text.chars();
    rest.next()
        .map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), rest.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::Reshape;

    #[test]
    fn other_outputs_than_the_networks_are_a_defect() -> Result<(), Box<dyn std::error::Error>> {
        let compiler = crate::Compiler::default();
        let network = compiler.load("hls_tests/reference/dense_bits4/model.h5".as_ref())?;
        let mut hardware = network.design()?;
        let inputs = network.random_samples(3);
        hardware.vectors(inputs.clone())?;
        let mut other = Graph::new("other");
        let x = other.add_input("input_1", vec![12], "fixed<16,6>".parse()?);
        let y = other.add("act", Reshape { shape: vec![12] }, &[x])?;
        other.add_output("act", y);
        hardware.graph = other;
        let error = hardware.vectors(inputs).err().map(|error| error.to_string());
        let expected = "the graph for hardware gives other outputs than the network";
        assert_eq!(error.as_deref(), Some(expected));
        Ok(())
    }
}
