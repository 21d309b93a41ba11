//! Builds the graph.

use std::collections::{BTreeMap, HashMap, HashSet};

use ndarray::ArrayD;
use petgraph::graph::NodeIndex;

use super::fold::Folds;
use super::overflow::PrecisionOverflow;
use super::result::TypedResult;
use super::step_function::KnownTables;
use super::{LowerError, LowerWarning, Lowered, Settings, TypedVariable, Unquantized};
use crate::fixed::Quantization;
use crate::function::Function;
use crate::ir::analysis::{Quotients, quotients};
use crate::ir::{Graph, NodeId, Op, OpError, Tensor, validate};
use crate::model::{Layer, Model};
use crate::naming;

/// The graph so far, and the node that holds the result of each layer.
pub(super) struct Builder<'a> {
    pub(super) model: &'a Model,
    pub(super) settings: &'a Settings,
    pub(super) folds: Folds<'a>,
    graph: Graph,
    results: HashMap<NodeIndex, NodeId>,
    /// Layers whose function is merged into the quantizers that follow.
    deferred: HashMap<NodeIndex, Function>,
    /// Nodes that hold rounded quotients.
    pub(super) quotients: HashMap<NodeId, Quotients>,
    names: HashSet<String>,
    warnings: Vec<LowerWarning>,
    unquantized: Vec<Unquantized>,
    /// Sums of layers without quantizers.
    sums: BTreeMap<String, Vec<NodeId>>,
    /// Nested layers that are being lowered, the innermost last.
    nested: Vec<Nested>,
    /// Number of bodies around the graph.
    bodies: usize,
    pub(super) tables: KnownTables,
}

/// Names and messages at some time, to which a builder returns.
#[derive(Clone)]
pub(super) struct Mark {
    names: HashSet<String>,
    warnings: Vec<LowerWarning>,
    unquantized: Vec<Unquantized>,
}

/// A layer inside of a layer.
struct Nested {
    operands: Vec<NodeId>,
    part: String,
}

impl<'a> Builder<'a> {
    pub(super) fn new(model: &'a Model, settings: &'a Settings) -> Self {
        // Nodes of results have the names of their layers; other nodes must not take these.
        let names = model.graph.node_weights().map(|layer| layer.name.clone()).collect();
        let (folds, warnings) = Folds::of(model, settings);
        Self {
            model,
            settings,
            folds,
            graph: Graph::new(&model.name),
            results: HashMap::new(),
            deferred: HashMap::new(),
            quotients: HashMap::new(),
            names,
            warnings,
            unquantized: Vec::new(),
            sums: BTreeMap::new(),
            nested: Vec::new(),
            bodies: 0,
            tables: KnownTables::default(),
        }
    }

    pub(super) fn input(&mut self, index: NodeIndex, name: &str, shape: &[usize]) {
        let format = self.settings.input_format(name);
        let node = self.graph.add_input(name, shape.to_vec(), format);
        self.results.insert(index, node);
    }

    /// The node that holds the only operand of layer `index`.
    pub(super) fn operand(&self, index: NodeIndex) -> Result<NodeId, LowerError> {
        match self.operands(index)?[..] {
            [operand] => Ok(operand),
            _ => Err(LowerError::Inputs { layer: self.model.graph[index].name.clone() }),
        }
    }

    /// The nodes that hold the operands of layer `index`, in order.
    pub(super) fn operands(&self, index: NodeIndex) -> Result<Vec<NodeId>, LowerError> {
        if let Some(nested) = self.nested.last() {
            return Ok(nested.operands.clone());
        }
        let sources = self.model.sources(index).into_iter();
        let operands: Option<Vec<NodeId>> =
            sources.map(|source| self.results.get(&source).copied()).collect();
        operands.ok_or_else(|| LowerError::Inputs { layer: self.model.graph[index].name.clone() })
    }

    /// The result of `lower` for a layer nested in layer `index`, which takes `operands`. Its nodes
    /// have
    /// `part` in their names.
    pub(super) fn nested(
        &mut self,
        index: NodeIndex,
        operands: Vec<NodeId>,
        part: &str,
        lower: impl FnOnce(&mut Self) -> Result<(), LowerError>,
    ) -> Result<NodeId, LowerError> {
        self.nested.push(Nested { operands, part: part.to_string() });
        let done = lower(self);
        self.nested.pop();
        done?;
        let result = self.results.get(&index).copied();
        result.ok_or_else(|| LowerError::Inputs { layer: self.model.graph[index].name.clone() })
    }

    /// Adds the nodes of `lower` with `part` in their names.
    pub(super) fn named<T>(
        &mut self,
        part: &str,
        lower: impl FnOnce(&mut Self) -> Result<T, LowerError>,
    ) -> Result<T, LowerError> {
        let operands = self.nested.last().map_or(vec![], |outer| outer.operands.clone());
        self.nested.push(Nested { operands, part: part.to_string() });
        let done = lower(self);
        self.nested.pop();
        done
    }

    /// The graph that `lower` builds for a step of `layer`, and its result. The nodes outside are not
    /// accessible to it.
    pub(super) fn body<T>(
        &mut self,
        layer: &str,
        lower: impl FnOnce(&mut Self) -> Result<T, LowerError>,
    ) -> Result<(Graph, T), LowerError> {
        let graph = std::mem::replace(&mut self.graph, Graph::new(layer));
        let quotients = std::mem::take(&mut self.quotients);
        self.bodies += 1;
        let done = lower(self);
        self.bodies -= 1;
        self.quotients = quotients;
        let body = std::mem::replace(&mut self.graph, graph);
        done.map(|done| (body, done))
    }

    /// Adds an input to the body of `layer`.
    pub(super) fn body_input(&mut self, layer: &str, part: &str, tensor: Tensor) -> NodeId {
        let name = self.part_name(layer, part);
        let node = self.graph.add_body_input(name, tensor);
        self.graph[node].layer = layer.to_string();
        node
    }

    /// Makes `node` an output of the body.
    pub(super) fn body_output(&mut self, node: NodeId) {
        let name = self.graph[node].name.clone();
        self.graph.add_output(name, node);
    }

    /// True in the body of an operation, whose nodes are no results of layers.
    pub(super) fn is_body(&self) -> bool {
        self.bodies > 0
    }

    /// The names and messages so far.
    pub(super) fn mark(&self) -> Mark {
        Mark {
            names: self.names.clone(),
            warnings: self.warnings.clone(),
            unquantized: self.unquantized.clone(),
        }
    }

    /// Lowers without messages what has been lowered with them.
    pub(super) fn silently<R>(&mut self, lower: impl FnOnce(&mut Self) -> R) -> R {
        let (warnings, unquantized) = (self.warnings.clone(), self.unquantized.clone());
        let lowered = lower(self);
        (self.warnings, self.unquantized) = (warnings, unquantized);
        lowered
    }

    /// Forgets the names and messages since `mark`.
    pub(super) fn rewind(&mut self, mark: &Mark) {
        let Mark { names, warnings, unquantized } = mark.clone();
        (self.names, self.warnings, self.unquantized) = (names, warnings, unquantized);
    }

    /// The quotients that `node` holds; `None` if it holds none.
    pub(super) fn quotients_of(&self, node: NodeId) -> Option<Quotients> {
        quotients(&self.graph, &self.quotients, node)
    }

    /// The graph so far.
    pub(super) fn graph(&self) -> &Graph {
        &self.graph
    }

    pub(super) fn tensor(&self, node: NodeId) -> &Tensor {
        &self.graph[node].tensor
    }

    /// Adds a node to `layer`, with the name of the layer and the suffix `part`, which may be
    /// empty.
    ///
    /// # Errors
    /// If the operation does not admit the operand, or its result takes more than 128 bits.
    pub(super) fn add(
        &mut self,
        layer: &str,
        part: &str,
        op: impl Into<Op>,
        operand: NodeId,
    ) -> Result<NodeId, LowerError> {
        self.add_to(layer, part, op, &[operand])
    }

    /// Like [`Builder::add`], for several operands.
    pub(super) fn add_to(
        &mut self,
        layer: &str,
        part: &str,
        op: impl Into<Op>,
        operands: &[NodeId],
    ) -> Result<NodeId, LowerError> {
        let name = self.part_name(layer, part);
        let is_body = self.is_body();
        let own = name.strip_prefix(layer).unwrap_or(&name);
        let value = own.trim_start_matches('_').to_owned();
        let node = self.graph.add(name, op, operands).map_err(|error| match error {
            OpError::Format { error, .. } if is_body => {
                LowerError::Step { layer: layer.into(), value: value.clone(), error }
            }
            OpError::Format { what, error } => {
                LowerError::Format { layer: layer.into(), part: what, error }
            }
            OpError::Operands { .. } | OpError::Mismatch(_) => {
                LowerError::Operation { layer: layer.into(), rule: error.to_string() }
            }
        })?;
        self.graph[node].layer = layer.to_string();
        Ok(node)
    }

    /// The name of a new node of `layer`.
    fn part_name(&mut self, layer: &str, part: &str) -> String {
        let parts = self.nested.iter().map(|nested| nested.part.as_str()).chain([part]);
        let part = parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("_");
        if part.is_empty() {
            return layer.to_string();
        }
        let name = naming::unique(&format!("{layer}_{part}"), |name| self.names.contains(name));
        self.names.insert(name.clone());
        name
    }

    /// Makes `node` the result of layer `index`.
    pub(super) fn result(&mut self, index: NodeIndex, node: NodeId) {
        self.results.insert(index, node);
    }

    /// Makes `node` the result of layer `index`, in the configured type.
    pub(super) fn finished(
        &mut self,
        index: NodeIndex,
        layer: &Layer,
        node: NodeId,
    ) -> Result<(), LowerError> {
        let node = TypedResult::of_layer(self, &layer.name).apply(self, "result", node)?;
        self.result(index, node);
        Ok(())
    }

    /// Type of the result of layer `index`, which has no quantizer, if none is configured. A result of
    /// the network without an activation has none if its type is `auto`: it stays exact.
    pub(super) fn default_result(&self, index: NodeIndex) -> Option<Quantization> {
        let Layer { name, kind, .. } = &self.model.graph[index];
        let layer = self.settings.layer(name).filter(|_| kind.is_linear());
        let infers = layer.is_some_and(|chosen| chosen.infers_result && chosen.result.is_none());
        let is_exact = infers && self.model.outputs.contains(&index);
        (!is_exact).then_some(self.settings.precision)
    }

    /// Makes the operand of layer `index` its result, in the configured type.
    pub(super) fn identity(&mut self, index: NodeIndex) -> Result<(), LowerError> {
        let operand = self.operand(index)?;
        self.finished(index, &self.model.graph[index], operand)
    }

    /// Leaves `function` of the result of layer `source` to the layers that take it.
    pub(super) fn defer(&mut self, source: NodeIndex, function: Function) {
        self.deferred.insert(source, function);
    }

    /// The function that the operand of layer `index` left to it.
    pub(super) fn deferred(&self, index: NodeIndex) -> Option<Function> {
        match self.model.sources(index)[..] {
            [source] => self.deferred.get(&source).copied(),
            _ => None,
        }
    }

    pub(super) fn warn(&mut self, warning: LowerWarning) {
        // A TimeDistributed layer has the same warning for each step.
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// Warns of the `variables` of `layer` without a quantizer, each with its configured type: those
    /// without one have the type of the whole model. A configured type is a decision.
    pub(super) fn warn_of_floats(
        &mut self,
        layer: &str,
        variables: &[(&str, Option<Quantization>)],
    ) {
        let names: Vec<&str> =
            variables.iter().filter(|(_, to)| to.is_none()).map(|(name, _)| *name).collect();
        let parts = match &names[..] {
            [] => return,
            [one] => format!("the {one}"),
            [before @ .., last] => format!("{} and {last}", before.join(", ")),
        };
        let precision = self.settings.precision;
        self.warn(LowerWarning::Float { layer: layer.to_owned(), parts, precision });
    }

    /// Records that `variable` of `layer` has no quantizer, so that it has the type `precision`.
    /// `entry` is its name in a configuration, `values` are those of a parameter.
    pub(super) fn unquantized(
        &mut self,
        (layer, entry): (&str, &str),
        variable: TypedVariable,
        precision: Quantization,
        values: Option<ArrayD<f64>>,
    ) {
        let is_it = |known: &&mut Unquantized| (&*known.entry, known.variable) == (entry, variable);
        match self.unquantized.iter_mut().find(is_it) {
            // A separable layer has two kernels, a TimeDistributed one the same kernel in each step.
            Some(known) => {
                known.values.extend(values.filter(|values| !known.values.contains(values)));
            }
            None => self.unquantized.push(Unquantized {
                layer: layer.to_owned(),
                entry: entry.to_owned(),
                variable,
                precision,
                values: Vec::from_iter(values),
            }),
        }
    }

    /// Records that `node` holds sums of `layer`, which has no quantizers.
    pub(super) fn sum(&mut self, layer: &str, node: NodeId) {
        self.sums.entry(layer.to_owned()).or_default().push(node);
    }

    /// Adds the nodes of `overflow` to the warning about the same result, or warns.
    pub(super) fn warn_of_overflow(&mut self, overflow: PrecisionOverflow) {
        let known = self.warnings.iter_mut().find_map(|warning| match warning {
            LowerWarning::PrecisionOverflow(known) => known.includes(&overflow).then_some(known),
            _ => None,
        });
        match known {
            Some(known) => known.add(overflow),
            None => self.warnings.push(LowerWarning::PrecisionOverflow(overflow)),
        }
    }

    pub(super) fn finish(mut self) -> Result<Lowered, LowerError> {
        let results = &self.results;
        let named = |index: &NodeIndex| {
            let name = self.model.graph[*index].name.clone();
            let node = results.get(index).copied();
            node.map(|node| (name.clone(), node)).ok_or(LowerError::Inputs { layer: name })
        };
        for index in self.model.graph.node_indices() {
            self.graph.layers.push(named(&index)?);
        }
        // One tensor may be returned twice, but ports differ in their names.
        let mut names = HashSet::new();
        for index in &self.model.outputs {
            let (name, node) = named(index)?;
            let name = naming::unique_from(&name, 1, |name| names.contains(name));
            names.insert(name.clone());
            self.graph.add_output(name, node);
        }
        validate(&self.graph)?;
        let name = |index: NodeIndex| self.model.graph[index].name.clone();
        let functions = self.deferred.iter().map(|(at, function)| (name(*at), *function)).collect();
        let warning = |it| match it {
            LowerWarning::PrecisionOverflow(it) => {
                it.without_rectified(self.model).map(LowerWarning::PrecisionOverflow)
            }
            other => Some(other),
        };
        let warnings = self.warnings.into_iter().filter_map(warning).collect();
        let Self { graph, unquantized, sums, folds, .. } = self;
        let folded = folds.inner;
        Ok(Lowered { graph, warnings, unquantized, functions, folded, sums })
    }
}
