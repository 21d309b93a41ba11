//! From graph to design.

use std::collections::{HashMap, HashSet};

use num_bigint::BigInt;

use super::design::{
    ConstantArray, ConstantId, Cost, Edge, EdgeId, EdgeKind, Kernel, Number, Type, TypeId,
};
use super::kernels::{self, Built};
use super::plan::{Partition, Plan, Positions, Sharing};
use super::warnings::{DesignWarning, DesignWarningKind, UsedReuseFactor};
use super::{HlsError, Names, Options};
use crate::config::Pace;
use crate::fixed::{
    Codes, Format, FormatError, MAX_WIDTH, Overflow, Quantization, Range, Rounding,
};
use crate::ir::{self, Graph, NodeId};

/// Names, types and constants made so far.
pub(super) struct Parts {
    pub(super) names: Names,
    pub(super) types: Vec<Type>,
    pub(super) constants: Vec<ConstantArray>,
    pub(super) warnings: Vec<DesignWarning>,
}

impl Parts {
    /// No parts yet of a project called `name`, and its identifier.
    pub(super) fn new(name: &str) -> (Self, String) {
        let mut names = Names::default();
        let name = names.project(name);
        let (types, constants, warnings) = (Vec::new(), Vec::new(), Vec::new());
        (Self { names, types, constants, warnings }, name)
    }

    /// The C++ names that those of each node in `order` begin with. Layers come first when names
    /// are handed out, so that they keep their own.
    pub(super) fn stems(&mut self, graph: &Graph, order: &[NodeId]) -> HashMap<NodeId, String> {
        order.iter().map(|node| (*node, self.names.stem(&graph[*node].name))).collect()
    }

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

    /// Adds a warning if `used` is not the reuse factor asked for a matrix \[inputs, outputs\] of
    /// `layer`.
    pub(super) fn warn_of_reuse_factor(
        &mut self,
        layer: &str,
        pace: Pace,
        used: u64,
        (inputs, outputs): (usize, usize),
    ) {
        // An interval is met by whatever factor is below it.
        let Pace::ReuseFactor(asked) = pace else { return };
        if asked == used {
            return;
        }
        let matrix = UsedReuseFactor { inputs, outputs, used };
        let mut same = self.warnings.iter_mut().filter(|it| it.layer == layer);
        let same = same.find_map(|it| {
            let DesignWarningKind::ReuseFactorChanged { asked: known, matrices } = &mut it.kind
            else {
                return None;
            };
            (*known == asked).then_some(matrices)
        });
        match same {
            Some(matrices) if matrices.contains(&matrix) => {}
            // The halves of a separable convolution have a matrix each.
            Some(matrices) => matrices.push(matrix),
            None => {
                let kind = DesignWarningKind::ReuseFactorChanged { asked, matrices: vec![matrix] };
                self.warnings.push(DesignWarning { layer: layer.to_owned(), kind });
            }
        }
    }
}

/// Builds the kernel of a node: the node, and the parts of the design to which its kernel adds.
pub(super) struct NodeBuilder<'a> {
    pub(super) graph: &'a Graph,
    pub(super) options: &'a Options,
    /// The graph's node.
    pub(super) node: &'a ir::Node,
    /// Its first operand.
    pub(super) operand: &'a ir::Node,
    /// All its operands, in order.
    pub(super) operands: &'a [&'a ir::Node],
    /// The p for which every element of the first operand is ± 2^p, both occurring.
    pub(super) sign_power: Option<i32>,
    /// The C++ name that its own names begin with.
    pub(super) stem: &'a str,
    pub(super) parts: &'a mut Parts,
    /// Number of constants of the nodes before.
    pub(super) constants_before: usize,
    /// Positions that the kernel computes one after the other.
    pub(super) positions: Positions,
    /// The sharing of its arithmetic; none for that which the layer's options lead to.
    pub(super) sharing: Option<Sharing>,
}

impl NodeBuilder<'_> {
    /// The cost of an operation without arithmetic by constants: its name alone.
    pub(super) fn cost(&self) -> Cost {
        Cost { hardware: vec![self.node.op.name().to_owned()], ..Cost::default() }
    }

    /// The error of a node that breaks `rule`.
    pub(super) fn broken(&self, rule: impl Into<String>) -> HlsError {
        HlsError::Graph { node: self.node.name.clone(), rule: rule.into() }
    }

    /// Format of the product of the operand and a number of the format `factor`.
    pub(super) fn product(&self, factor: Format) -> Result<Format, HlsError> {
        let operand = self.operand.tensor.format;
        let integer = operand.integer_bits().saturating_add(factor.integer_bits());
        Format::signed(operand.width() + factor.width(), integer)
            .map_err(self.too_wide("a product"))
    }

    /// Checks that a number of the format `term` can be added to one of the format `sum`: C++ aligns
    /// the binary points of both.
    pub(super) fn check_sum(&self, sum: Format, term: Format) -> Result<(), HlsError> {
        let either = |of: fn(Format) -> i32| of(sum).max(of(term));
        let (integer, fraction) = (either(Format::integer_bits), either(Format::fractional_bits));
        let bits = i64::from(integer) + i64::from(fraction);
        if bits <= MAX_WIDTH.into() {
            return Ok(());
        }
        let layer = self.node.layer.clone();
        Err(HlsError::Alignment { layer, sum, term, bits })
    }

    /// The error of a node that needs a type that does not exist.
    pub(super) fn too_wide(
        &self,
        what: &'static str,
    ) -> impl FnOnce(FormatError) -> HlsError + use<> {
        let layer = self.node.layer.clone();
        move |source| HlsError::TooWide { layer, what, source }
    }

    /// The type of the node's result, which never overflows.
    pub(super) fn values_type(&mut self) -> TypeId {
        self.result_type("values", plain(self.node.tensor.format))
    }

    /// The type of the node's result.
    pub(super) fn result_type(&mut self, holds: &'static str, to: Quantization) -> TypeId {
        self.add_type("", holds, to, self.node.tensor.range())
    }

    /// A type named after the node and `suffix`.
    pub(super) fn add_type(
        &mut self,
        suffix: &str,
        holds: &'static str,
        quantization: Quantization,
        range: Range,
    ) -> TypeId {
        let separator = if suffix.is_empty() { "" } else { "_" };
        let wanted = format!("{}{separator}{suffix}_t", self.stem);
        self.parts.add_type(&wanted, &self.node.layer, holds, quantization, range)
    }

    /// A type of the node's intermediate numbers, which never overflow.
    pub(super) fn local_type(
        &mut self,
        suffix: &str,
        holds: &'static str,
        format: Format,
        range: Range,
    ) -> TypeId {
        self.add_type(suffix, holds, plain(format), range)
    }

    /// A type that holds both the operand and `codes` with its fractional bits, for `what`.
    pub(super) fn compared_type<'c>(
        &mut self,
        what: &'static str,
        codes: impl IntoIterator<Item = &'c BigInt>,
    ) -> Result<TypeId, HlsError> {
        let operand = &self.operand.tensor;
        let points = codes.into_iter().cloned().map(Range::point);
        let all = points.fold(operand.format.codes(), |all, point| all.hull(&point));
        let format = Format::covering(&all, operand.format.fractional_bits())
            .map_err(self.too_wide(what))?;
        Ok(self.local_type("compare", "compared values", format, operand.range()))
    }

    /// The narrowest integer type for `range`.
    pub(super) fn integer_type(
        &mut self,
        suffix: &str,
        holds: &'static str,
        range: Range,
    ) -> Result<TypeId, HlsError> {
        let format = Format::covering(&range, 0).map_err(self.too_wide(holds))?;
        let id = self.local_type(suffix, holds, format, range);
        self.parts.types[id.0].integer = true;
        Ok(id)
    }

    /// Integers of the node, in the narrowest type for them.
    pub(super) fn integers(
        &mut self,
        suffix: &str,
        holds: &'static str,
        codes: Codes,
    ) -> Result<ConstantId, HlsError> {
        let range = codes.range().unwrap_or_else(|| Range::point(0));
        let element = self.integer_type(suffix, holds, range)?;
        self.constant_of(suffix, holds, element, codes)
    }

    /// A constant of the node, with a type of its own.
    pub(super) fn constant(
        &mut self,
        suffix: &str,
        holds: &'static str,
        constant: &ir::Constant,
    ) -> Result<ConstantId, HlsError> {
        let (range, format) = (constant.range(), constant.format);
        if !format.codes().contains(&range) {
            return Err(self.broken(format!("{holds} that exceed their type {format}")));
        }
        let element = self.local_type(suffix, holds, format, range);
        self.constant_of(suffix, holds, element, constant.codes.clone())
    }

    /// A constant of the node, in an existing type.
    pub(super) fn constant_of(
        &mut self,
        suffix: &str,
        holds: &'static str,
        element: TypeId,
        codes: Codes,
    ) -> Result<ConstantId, HlsError> {
        self.check_literals(holds, element)?;
        // As with types, the plural goes with the array: fc1_weight_t, fc1_weights.
        let is_number = |(_, number): &(&str, &str)| number.parse::<u32>().is_ok();
        let plural = match (suffix, suffix.rsplit_once('_').filter(is_number)) {
            ("bias", _) => "biases".to_owned(),
            ("negative", _) => suffix.to_owned(),
            (_, Some((one, number))) => format!("{one}s_{number}"),
            _ => format!("{suffix}s"),
        };
        let name = self.parts.names.unique(&format!("{}_{plural}", self.stem));
        let layer = self.node.layer.clone();
        self.parts.constants.push(ConstantArray { name, element, layer, holds, codes });
        Ok(ConstantId(self.parts.constants.len() - 1))
    }

    /// The constants made for this node.
    pub(super) fn constants(&mut self) -> impl Iterator<Item = (ConstantId, &mut ConstantArray)> {
        let all = self.parts.constants.iter_mut().enumerate().skip(self.constants_before);
        all.map(|(position, constant)| (ConstantId(position), constant))
    }

    /// One number of the node, in an existing type.
    pub(super) fn number(
        &self,
        holds: &'static str,
        element: TypeId,
        code: BigInt,
    ) -> Result<Number, HlsError> {
        self.check_literals(holds, element)?;
        Ok(Number { element, code })
    }

    /// Constants are written as literals of type double, or sums of them: the LSB of their type
    /// must be a normal double.
    fn check_literals(&self, what: &'static str, element: TypeId) -> Result<(), HlsError> {
        let format = self.parts.types[element.0].quantization.format;
        if format.fractional_bits() > 1022 || format.integer_bits() > 1023 {
            return Err(HlsError::Literal { layer: self.node.layer.clone(), what });
        }
        Ok(())
    }
}

/// A type without rounding or overflow.
pub(super) fn plain(format: Format) -> Quantization {
    Quantization::new(format, Rounding::Trn, Overflow::WRAP)
}

/// The planned kernel with these names, between `inputs` and `output`.
pub(super) fn kernel(
    constants: &[ConstantArray],
    edges: &[Edge],
    (name, layer, operation): (String, String, &'static str),
    (inputs, output): (Vec<EdgeId>, EdgeId),
    built: Built,
) -> Kernel {
    let Built { body, structure, cost, mut multipliers, interval, .. } = built;
    let channels = edges[output.0].shape.last().copied().unwrap_or(1) as u64;
    let operand = match edges[inputs[0].0].kind {
        EdgeKind::Array(partition) => partition,
        EdgeKind::Stream(_) => Partition::Complete,
    };
    let plan = Plan::new(&structure, (channels, interval), operand, constants, &mut multipliers);
    let (repetitions, copies) = (1, 1);
    Kernel {
        name,
        layer,
        operation,
        inputs,
        output,
        body,
        structure,
        plan,
        cost,
        multipliers,
        repetitions,
        copies,
    }
}

/// Refuses options out of range, and an option for a layer that is not there.
pub(super) fn check(graph: &Graph, options: &Options) -> Result<(), HlsError> {
    options.check()?;
    let mut known: Vec<&str> = graph.nodes.node_weights().map(|n| n.layer.as_str()).collect();
    known.extend(graph.layers.iter().map(|(layer, _)| layer.as_str()));
    let reuse = options.layer_reuse_factors.keys().map(|layer| (layer, "reuse factor"));
    let recurrent = options.layer_recurrent_reuse_factors.keys();
    let recurrent = recurrent.map(|layer| (layer, "recurrent reuse factor"));
    let recurrences = options.layer_recurrences.keys().map(|layer| (layer, "recurrence"));
    let strategies = options.layer_strategies.keys().map(|layer| (layer, "strategy"));
    let targets = options.layer_target_intervals.keys().map(|layer| (layer, "target interval"));
    let tables = options.table_sizes.layers.keys().map(|layer| (layer, "table size"));
    let factors = options.layer_parallelization_factors.keys();
    let factors = factors.map(|layer| (layer, "parallelization factor"));
    match reuse
        .chain(recurrent)
        .chain(recurrences)
        .chain(targets)
        .chain(factors)
        .chain(strategies)
        .chain(tables)
        .find(|(layer, _)| !known.contains(&layer.as_str()))
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

/// The node that computes the elements of `node`: a reshape has those of its operand.
pub(super) fn source(graph: &Graph, mut node: NodeId) -> NodeId {
    while let (true, [operand]) =
        (kernels::is_alias(&graph[node].op), graph.operands(node).as_slice())
    {
        node = *operand;
    }
    node
}

/// The name of a port that carries the output `output` of the node called `node`.
pub(super) fn port_name(names: &mut Names, output: &str, node: &str, stem: &str) -> String {
    if output == node {
        return names.unique(&format!("{stem}_out"));
    }
    // The output is a layer whose name no node has taken.
    let stem = Names::default().stem(output);
    names.unique(&format!("{stem}_out"))
}
