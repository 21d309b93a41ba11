//! Kernels one after the other, with an array between each two: a whole network as one pipeline, or
//! a step of a recurrent layer.

use std::collections::HashMap;

use super::build::{self, NodeBuilder, Parts, plain};
use super::design::{Cost, Design, Edge, EdgeId, EdgeKind, EdgeRole, Kernel};
use super::kernels::{self, Body, Built};
use super::plan::{self, Nest, Partition, Positions, Structure};
use super::{HlsError, Names, Options, TypeId, limits};
use crate::ir::{self, Graph, NodeId};

/// The kernels of a graph in the order of its nodes, and the arrays between them.
pub(super) struct Sequence<'a> {
    graph: &'a Graph,
    options: &'a Options,
    /// The times that each kernel runs for a sample.
    positions: Positions,
    /// The array with the result of each node.
    arrays: HashMap<NodeId, EdgeId>,
    /// The p for which every element of a result is ± 2^p, both occurring.
    sign_powers: HashMap<NodeId, i32>,
}

/// An array that a kernel writes.
pub(super) struct Place {
    /// The C++ name.
    pub(super) name: String,
    pub(super) role: EdgeRole,
    /// The node that made it; for a port, the model's output.
    pub(super) layer: String,
}

impl Place {
    fn edge(self, element: TypeId, shape: Vec<usize>) -> Edge {
        let kind = EdgeKind::Array(Partition::of_tensor(&shape));
        let Self { name, role, layer } = self;
        Edge { name, element, shape, kind, role, layer, parts: Vec::new() }
    }
}

impl<'a> Sequence<'a> {
    pub(super) fn new(graph: &'a Graph, options: &'a Options, positions: Positions) -> Self {
        let (arrays, sign_powers) = (HashMap::new(), HashMap::new());
        Self { graph, options, positions, arrays, sign_powers }
    }

    /// An array for the input `node`, of the type `element`.
    pub(super) fn input(
        &mut self,
        node: NodeId,
        element: TypeId,
        place: Place,
        edges: &mut Vec<Edge>,
    ) -> EdgeId {
        edges.push(place.edge(element, self.graph[node].tensor.shape.clone()));
        let array = EdgeId(edges.len() - 1);
        self.arrays.insert(node, array);
        array
    }

    /// The array with the result of `node`, which `user` takes.
    pub(super) fn array(&self, node: NodeId, user: &str) -> Result<EdgeId, HlsError> {
        self.arrays.get(&node).copied().ok_or_else(|| HlsError::Graph {
            node: user.into(),
            rule: "takes a result that no node before it computes".into(),
        })
    }

    /// The kernel of `node`, which has operands, with names that begin with `stem`, and an array
    /// for its result. `None` for another name of the operand's array.
    pub(super) fn kernel(
        &mut self,
        node: NodeId,
        stem: &str,
        (parts, edges): (&mut Parts, &mut Vec<Edge>),
        place: impl FnOnce(&mut Names) -> Place,
    ) -> Result<Option<Kernel>, HlsError> {
        let this = &self.graph[node];
        let operands = self.graph.operands(node);
        let Some(source) = operands.first() else { return Ok(None) };
        let sign_power = self.sign_powers.get(source).copied();
        if kernels::is_alias(&this.op) {
            // The same elements in the same order.
            let shared = self.array(*source, &this.name)?;
            self.arrays.insert(node, shared);
            self.sign_powers.extend(sign_power.map(|power| (node, power)));
            return Ok(None);
        }
        let nodes: Vec<&ir::Node> = operands.iter().map(|id| &self.graph[*id]).collect();
        let mut builder = NodeBuilder {
            graph: self.graph,
            options: self.options,
            node: this,
            operand: &self.graph[*source],
            operands: &nodes,
            sign_power,
            stem,
            constants_before: parts.constants.len(),
            positions: self.positions,
            sharing: None,
            parts,
        };
        let built = kernels::build(&mut builder, &this.op)?;
        self.sign_powers.extend(built.sign_power.map(|power| (node, power)));
        let inputs = operands.iter().map(|id| self.array(*id, &this.name));
        let inputs = inputs.collect::<Result<_, _>>()?;
        let place = place(&mut parts.names);
        edges.push(place.edge(built.element, this.tensor.shape.clone()));
        let output = EdgeId(edges.len() - 1);
        self.arrays.insert(node, output);
        let labels = (stem.to_owned(), this.layer.clone(), this.op.name());
        Ok(Some(build::kernel(&parts.constants, edges, labels, (inputs, output), built)))
    }
}

/// A kernel called `stem` of `layer` that copies the array `from` to another.
pub(super) fn copy(
    (parts, edges): (&Parts, &mut Vec<Edge>),
    (stem, layer): (String, &str),
    from: EdgeId,
    place: Place,
) -> Kernel {
    let (element, shape) = (edges[from.0].element, edges[from.0].shape.clone());
    let structure = Structure::new(Nest::new(&[edges[from.0].len()]));
    edges.push(place.edge(element, shape));
    let to = EdgeId(edges.len() - 1);
    let (body, cost) = (Body::Cast, Cost::default());
    let (multipliers, interval, sign_power) = (None, 1, None);
    let built = Built { body, structure, element, cost, multipliers, interval, sign_power };
    let labels = (stem, layer.to_owned(), "copy");
    build::kernel(&parts.constants, edges, labels, (vec![from], to), built)
}

/// The design of `graph` as one pipeline; `None` if a kernel has too many operations to be unrolled
/// or shares them in a loop, or an array has too many elements for registers. See [`Design::new`],
/// which checks the design.
pub(super) fn design(graph: &Graph, options: &Options) -> Result<Option<Design>, HlsError> {
    let order = graph.live_nodes();
    if order.iter().any(|node| matches!(graph[*node].op, ir::Op::Scan(_))) {
        return Ok(None);
    }
    let (mut parts, name) = Parts::new(&options.name);
    let stems = parts.stems(graph, &order);
    let mut sequence = Sequence::new(graph, options, Positions::ONE);
    let (mut edges, mut kernels) = (Vec::new(), Vec::new());
    let direct = results_that_are_ports(graph);

    for node in &order {
        let (stem, this) = (&stems[node], &graph[*node]);
        if graph.operands(*node).is_empty() {
            let (name, layer) = (format!("{stem}_t"), &this.layer);
            let (format, range) = (plain(this.tensor.format), this.tensor.range());
            let element = parts.add_type(&name, layer, "values", format, range);
            let place = Place { name: stem.clone(), role: EdgeRole::Input, layer: layer.clone() };
            sequence.input(*node, element, place, &mut edges);
            continue;
        }
        let place = |names: &mut Names| match direct.get(node) {
            Some(port) => {
                let name = build::port_name(names, port, &this.name, stem);
                Place { name, role: EdgeRole::Output, layer: port.clone() }
            }
            None => {
                let name = names.unique(&format!("{stem}_out"));
                Place { name, role: EdgeRole::Internal, layer: this.layer.clone() }
            }
        };
        let kernel = sequence.kernel(*node, stem, (&mut parts, &mut edges), place)?;
        if kernel.as_ref().is_some_and(|kernel| !kernel.plan.is_unrolled()) {
            return Ok(None);
        }
        kernels.extend(kernel);
    }

    let mut outputs = Vec::new();
    for output in &graph.outputs {
        let edge = sequence.array(output.node, &output.name)?;
        let is_port = edges[edge.0].role == EdgeRole::Output && !outputs.contains(&edge);
        if is_port {
            outputs.push(edge);
            continue;
        }
        // An input that is an output, a result that is also used inside, or one that is an output
        // twice: the port gets a copy.
        let stem = parts.names.stem(&format!("{}_port", output.name));
        let name = parts.names.unique(&format!("{stem}_out"));
        let place = Place { name, role: EdgeRole::Output, layer: output.name.clone() };
        let names = (stem, graph[output.node].layer.as_str());
        let kernel = copy((&parts, &mut edges), names, edge, place);
        outputs.push(kernel.output);
        kernels.push(kernel);
    }

    let is_registers = |edge: &Edge| edge.kind == EdgeKind::Array(Partition::Complete);
    if !edges.iter().all(is_registers) || !kernels.iter().all(|it| it.plan.is_unrolled()) {
        return Ok(None);
    }
    let schedule = plan::pipeline(&mut kernels);
    let inputs = graph.inputs.iter().map(|node| sequence.array(*node, &graph.name));
    let design = Design {
        name,
        options: options.clone(),
        types: parts.types,
        constants: parts.constants,
        tokens: Vec::new(),
        processes: Vec::new(),
        network: None,
        inputs: inputs.collect::<Result<_, _>>()?,
        edges,
        kernels,
        outputs,
        schedule,
        warnings: parts.warnings,
        limiting: Vec::new(),
    };
    limits::check_words(&design)?;
    Ok(Some(design))
}

/// Nodes whose kernel may write a port of the top function, because nothing else reads their
/// result. With each, the name of the output.
fn results_that_are_ports(graph: &Graph) -> HashMap<NodeId, String> {
    let producer = |node: NodeId| build::source(graph, node);
    let mut reads: HashMap<NodeId, usize> = HashMap::new();
    let built = graph.live_nodes();
    for node in built.into_iter().filter(|n| !kernels::is_alias(&graph[*n].op)) {
        for operand in graph.operands(node) {
            *reads.entry(producer(operand)).or_default() += 1;
        }
    }
    let mut ports = HashMap::new();
    for output in &graph.outputs {
        let node = producer(output.node);
        if !reads.contains_key(&node) && !graph.operands(node).is_empty() {
            ports.entry(node).or_insert_with(|| output.name.clone());
        }
    }
    ports
}
