//! From graph to design.

use std::collections::{HashMap, HashSet};

use num_bigint::BigInt;

use super::design::{
    Constant, ConstantId, Design, Edge, EdgeId, EdgeKind, EdgeRole, Kernel, Number, Schedule, Type,
    TypeId,
};
use super::kernels::{self, Body, Convert};
use super::{Finding, Flow, HlsError, Names, Options, Partition, preflight, schedule};
use crate::fixed::{Codes, Format, FormatError, Overflow, Quantization, Range, Rounding};
use crate::ir::{self, Graph, NodeId, Op};

/// What kernels are built with: names, types, and constants made so far.
pub(super) struct Builder<'a> {
    pub(super) graph: &'a Graph,
    pub(super) options: &'a Options,
    names: Names,
    pub(super) types: Vec<Type>,
    pub(super) constants: Vec<Constant>,
    pub(super) findings: Vec<Finding>,
}

/// A node on its way to become a kernel.
pub(super) struct Site<'a> {
    /// The graph's node.
    pub(super) node: &'a ir::Node,
    /// Its place in the graph.
    pub(super) id: NodeId,
    /// The place of `operand`.
    pub(super) source: NodeId,
    /// The node whose result it takes; the first of them, if several.
    pub(super) operand: &'a ir::Node,
    /// All nodes whose results it takes, in order.
    pub(super) operands: &'a [&'a ir::Node],
    /// The C++ name that its own names begin with.
    pub(super) stem: &'a str,
}

impl Site<'_> {
    /// What is wrong with the node's operation, as an error.
    pub(super) fn broken(&self, rule: impl Into<String>) -> HlsError {
        HlsError::Graph { node: self.node.name.clone(), rule: rule.into() }
    }

    /// A type that a number of this node needs and that does not exist, as an error.
    pub(super) fn too_wide(&self, what: &'static str) -> impl FnOnce(FormatError) -> HlsError {
        let layer = self.node.layer.clone();
        move |source| HlsError::TooWide { layer, what, source }
    }
}

impl Builder<'_> {
    /// A type for what `layer` `holds`, named `wanted`.
    pub(super) fn add_type(
        &mut self,
        wanted: &str,
        layer: &str,
        holds: &'static str,
        quantization: Quantization,
        range: Range,
    ) -> TypeId {
        let name = self.names.unique(wanted);
        let integer = false;
        self.types.push(Type { name, integer, quantization, layer: layer.into(), holds, range });
        TypeId(self.types.len() - 1)
    }

    /// A type of plain numbers for a node: what does not fit it does not occur.
    pub(super) fn local_type(
        &mut self,
        site: &Site<'_>,
        suffix: &str,
        holds: &'static str,
        format: Format,
        range: Range,
    ) -> TypeId {
        let wanted = format!("{}_{suffix}_t", site.stem);
        self.add_type(&wanted, &site.node.layer, holds, plain(format), range)
    }

    /// The narrowest integer type for `range`.
    pub(super) fn integer_type(
        &mut self,
        site: &Site<'_>,
        suffix: &str,
        holds: &'static str,
        range: Range,
    ) -> Result<TypeId, HlsError> {
        let format = Format::covering(&range, 0).map_err(site.too_wide(holds))?;
        let id = self.local_type(site, suffix, holds, format, range);
        self.types[id.0].integer = true;
        Ok(id)
    }

    /// Integers of a node, in the narrowest type for them.
    pub(super) fn integers(
        &mut self,
        site: &Site<'_>,
        suffix: &str,
        holds: &'static str,
        codes: Codes,
    ) -> Result<ConstantId, HlsError> {
        let range = codes.range().unwrap_or_else(|| Range::point(0));
        let element = self.integer_type(site, suffix, holds, range)?;
        self.constant_of(site, suffix, holds, element, codes)
    }

    /// A constant of a node, with a type of its own.
    pub(super) fn constant(
        &mut self,
        site: &Site<'_>,
        suffix: &str,
        holds: &'static str,
        constant: &ir::Constant,
    ) -> Result<ConstantId, HlsError> {
        let range = constant.codes.range().unwrap_or_else(|| Range::point(0));
        if !constant.format.codes().contains(&range) {
            return Err(site.broken(format!("{holds} beyond their type {}", constant.format)));
        }
        let element = self.local_type(site, suffix, holds, constant.format, range);
        self.constant_of(site, suffix, holds, element, constant.codes.clone())
    }

    /// A constant of a node, in a type that is there already.
    pub(super) fn constant_of(
        &mut self,
        site: &Site<'_>,
        suffix: &str,
        holds: &'static str,
        element: TypeId,
        codes: Codes,
    ) -> Result<ConstantId, HlsError> {
        self.check_literals(site, holds, element)?;
        // As with types, the plural goes with the array: fc1_weight_t, fc1_weights.
        let is_number = |(_, number): &(&str, &str)| number.parse::<u32>().is_ok();
        let plural = match (suffix, suffix.rsplit_once('_').filter(is_number)) {
            ("bias", _) => "biases".to_owned(),
            ("negative", _) => suffix.to_owned(),
            (_, Some((one, number))) => format!("{one}s_{number}"),
            _ => format!("{suffix}s"),
        };
        let name = self.names.unique(&format!("{}_{plural}", site.stem));
        self.constants.push(Constant {
            name,
            element,
            layer: site.node.layer.clone(),
            holds,
            codes,
        });
        Ok(ConstantId(self.constants.len() - 1))
    }

    /// One number of a node, in a type that is there already.
    pub(super) fn number(
        &self,
        site: &Site<'_>,
        holds: &'static str,
        element: TypeId,
        code: BigInt,
    ) -> Result<Number, HlsError> {
        self.check_literals(site, holds, element)?;
        Ok(Number { element, code })
    }

    /// Constants are written as literals of type double, or sums of them: the steps of their
    /// type must be normal doubles.
    fn check_literals(
        &self,
        site: &Site<'_>,
        what: &'static str,
        element: TypeId,
    ) -> Result<(), HlsError> {
        let format = self.types[element.0].quantization.format;
        if format.fraction() > 1022 || format.integer() > 1023 {
            return Err(HlsError::Literal { layer: site.node.layer.clone(), what });
        }
        Ok(())
    }
}

/// The type of numbers that always fit.
pub(super) fn plain(format: Format) -> Quantization {
    Quantization::new(format, Rounding::Trn, Overflow::WRAP)
}

/// See [`Design::new`].
pub(super) fn design(graph: &Graph, options: &Options) -> Result<Design, HlsError> {
    options.check()?;
    check_layers(graph, options)?;
    let mut names = Names::default();
    let name = names.project(&options.name);
    let order = graph.live_nodes();
    // Layers come first when names are handed out, so that they keep their own.
    let stems: HashMap<NodeId, String> =
        order.iter().map(|node| (*node, names.stem(&graph[*node].name))).collect();

    let mut builder = Builder {
        graph,
        options,
        names,
        types: Vec::new(),
        constants: Vec::new(),
        findings: Vec::new(),
    };
    let mut edges = Edges { list: Vec::new(), of: HashMap::new() };
    let mut kernels = Vec::new();
    let direct = results_that_are_ports(graph);

    for node in &order {
        let stem = &stems[node];
        let this = &graph[*node];
        let operands = graph.operands(*node);
        match (&this.op, operands.first()) {
            (Op::Reshape(_), Some(source)) => edges.alias(*node, *source, &this.name)?,
            (op, Some(source)) => {
                let nodes: Vec<&ir::Node> = operands.iter().map(|id| &graph[*id]).collect();
                let site = Site {
                    node: this,
                    id: *node,
                    source: *source,
                    operand: &graph[*source],
                    operands: &nodes,
                    stem,
                };
                let element = result_type(&mut builder, this, stem);
                let (body, multipliers) = kernels::build(&mut builder, &site, op)?;
                let interval = match &body {
                    Body::Linear(linear) => linear.interval,
                    _ => multipliers.map_or(1, |multipliers| multipliers.reuse_factor),
                };
                let channels = this.tensor.channel_count() as u64;
                let source = edges.get(*source, &this.name)?;
                let EdgeKind::Array(partition) = edges.list[source.0].kind;
                let loops = body.nest().loops(channels, interval).reading(&body, partition);
                let multipliers = multipliers.map(|multipliers| multipliers.in_loops(loops));
                let (name, role) = match direct.get(node) {
                    Some(port) => (port.as_str(), EdgeRole::Output),
                    None => (this.layer.as_str(), EdgeRole::Internal),
                };
                let wanted = match role {
                    EdgeRole::Output => port_name(&mut builder.names, name, &this.name, stem),
                    _ => builder.names.unique(&format!("{stem}_out")),
                };
                let inputs = operands.iter().map(|id| edges.get(*id, &this.name));
                let inputs = inputs.collect::<Result<_, _>>()?;
                let output = edges.add(*node, wanted, element, this, role, name);
                kernels.push(Kernel {
                    name: stem.clone(),
                    layer: this.layer.clone(),
                    operation: op.name(),
                    inputs,
                    output,
                    body,
                    loops,
                    initiation_interval: loops.initiation_interval(interval),
                    multipliers,
                });
            }
            (_, None) => {
                let element = result_type(&mut builder, this, stem);
                edges.add(*node, stem.clone(), element, this, EdgeRole::Input, &this.layer);
            }
        }
    }

    let mut outputs = Vec::new();
    for output in &graph.outputs {
        let edge = edges.get(output.node, &output.name)?;
        let is_port = edges.list[edge.0].role == EdgeRole::Output && !outputs.contains(&edge);
        if is_port {
            outputs.push(edge);
            continue;
        }
        // An input that leaves as it came, a result that is also used inside, or one that
        // leaves twice: the port gets a copy.
        let stem = builder.names.stem(&format!("{}_port", output.name));
        let source = edges.list[edge.0].clone();
        let name = builder.names.unique(&format!("{stem}_out"));
        let role = EdgeRole::Output;
        edges.list.push(Edge { name, role, layer: output.name.clone(), ..source });
        let port = EdgeId(edges.list.len() - 1);
        let body = Body::Convert(Convert { elements: edges.list[port.0].len() });
        let channels = edges.list[port.0].shape.last().copied().unwrap_or(1);
        let loops = body.nest().loops(channels as u64, 1);
        kernels.push(Kernel {
            name: stem,
            layer: output.name.clone(),
            operation: "copy",
            inputs: vec![edge],
            output: port,
            body,
            loops,
            initiation_interval: loops.initiation_interval(1),
            multipliers: None,
        });
        outputs.push(port);
    }

    let (flow, initiation_interval) = schedule::flow(&kernels, &edges.list);
    if flow == Flow::Pipeline {
        for kernel in kernels.iter_mut().filter(|kernel| kernel.multipliers.is_none()) {
            // A kernel that waits for slower ones may share its operators as well.
            kernel.initiation_interval = initiation_interval;
        }
    }
    let multipliers = kernels.iter().filter_map(|k| k.multipliers).map(|m| m.limit).sum();
    let mut design = Design {
        name,
        options: options.clone(),
        types: builder.types,
        constants: builder.constants,
        inputs: graph
            .inputs
            .iter()
            .map(|node| edges.get(*node, &graph.name))
            .collect::<Result<_, _>>()?,
        edges: edges.list,
        kernels,
        outputs,
        schedule: Schedule { flow, initiation_interval, multipliers },
        findings: builder.findings,
    };
    let found = preflight::check(&design);
    design.findings.extend(found);
    Ok(design)
}

/// Refuses an option for a layer that is not there.
fn check_layers(graph: &Graph, options: &Options) -> Result<(), HlsError> {
    let mut known: Vec<&str> = graph.nodes.node_weights().map(|n| n.layer.as_str()).collect();
    known.extend(graph.layers.iter().map(|(layer, _)| layer.as_str()));
    let reuse = options.layer_reuse_factors.keys().map(|layer| (layer, "reuse factor"));
    let strategies = options.layer_strategies.keys().map(|layer| (layer, "strategy"));
    let tables = options.table_sizes.layers.keys().map(|layer| (layer, "table size"));
    match reuse.chain(strategies).chain(tables).find(|(layer, _)| !known.contains(&layer.as_str()))
    {
        None => Ok(()),
        Some((layer, what)) => {
            let mut seen = HashSet::new();
            let layers = graph.layers.iter().map(|(layer, _)| layer.as_str());
            let layers: Vec<&str> = layers.filter(|layer| seen.insert(*layer)).collect();
            let (layer, known) = (layer.clone(), layers.join(", "));
            Err(HlsError::UnknownLayer { what, layer, known })
        }
    }
}

/// Nodes whose kernel may write a port of the top function: results that nothing else reads.
/// With each, the name of the output.
fn results_that_are_ports(graph: &Graph) -> HashMap<NodeId, String> {
    let producer = |mut node: NodeId| {
        while let (Op::Reshape(_), [source]) = (&graph[node].op, graph.operands(node).as_slice()) {
            node = *source;
        }
        node
    };
    let mut reads: HashMap<NodeId, usize> = HashMap::new();
    let built = graph.live_nodes();
    for node in built.into_iter().filter(|n| !matches!(graph[*n].op, Op::Reshape(_))) {
        for operand in graph.operands(node) {
            *reads.entry(producer(operand)).or_default() += 1;
        }
    }
    let mut ports = HashMap::new();
    for output in &graph.outputs {
        let node = producer(output.node);
        if !reads.contains_key(&node) && !matches!(graph[node].op, Op::Input(_)) {
            ports.entry(node).or_insert_with(|| output.name.clone());
        }
    }
    ports
}

/// The name of a port that carries the output `output` of the node called `node`.
fn port_name(names: &mut Names, output: &str, node: &str, stem: &str) -> String {
    if output == node {
        return names.unique(&format!("{stem}_out"));
    }
    // The output is a layer whose name no node has taken.
    let stem = Names::default().stem(output);
    names.unique(&format!("{stem}_out"))
}

/// The type of a node's result. Where the operation rounds, the type says how.
fn result_type(builder: &mut Builder<'_>, node: &ir::Node, stem: &str) -> TypeId {
    let format = node.tensor.format;
    let (suffix, holds, quantization) = match &node.op {
        Op::Linear(_) | Op::Conv(_) => ("_acc", "sums", plain(format)),
        Op::Cast(cast) => ("", "values", cast.uniform().unwrap_or_else(|| plain(format))),
        Op::Softmax(softmax) => {
            let Quantization { rounding, overflow, .. } = softmax.to;
            ("", "probabilities", Quantization::new(format, rounding, overflow))
        }
        _ => ("", "values", plain(format)),
    };
    let range = node.tensor.range();
    builder.add_type(&format!("{stem}{suffix}_t"), &node.layer, holds, quantization, range)
}

/// Edges made so far, by the node that makes them.
struct Edges {
    list: Vec<Edge>,
    of: HashMap<NodeId, EdgeId>,
}

impl Edges {
    fn add(
        &mut self,
        node: NodeId,
        name: String,
        element: TypeId,
        of: &ir::Node,
        role: EdgeRole,
        layer: &str,
    ) -> EdgeId {
        let id = EdgeId(self.list.len());
        let shape = of.tensor.shape.clone();
        let kind = EdgeKind::Array(Partition::Complete);
        let mut edge = Edge { name, element, shape, kind, role, layer: layer.into() };
        edge.kind = EdgeKind::Array(schedule::partition(&edge));
        self.list.push(edge);
        self.of.insert(node, id);
        id
    }

    /// Lets `node` share the array of `source`: the same elements in the same order.
    fn alias(&mut self, node: NodeId, source: NodeId, name: &str) -> Result<(), HlsError> {
        let edge = self.get(source, name)?;
        self.of.insert(node, edge);
        Ok(())
    }

    fn get(&self, node: NodeId, user: &str) -> Result<EdgeId, HlsError> {
        self.of.get(&node).copied().ok_or_else(|| HlsError::Graph {
            node: user.into(),
            rule: "takes a result that no node before it makes".into(),
        })
    }
}
