//! The types that Bitkiln proves beside those of QTools, and the bits between them.
//!
//! QTools knows quantizers only. The graph of integers has the weights and the ranges of all tensors, and
//! so the fewest bits in which no sum can overflow.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::types::{LayerTypes, Operators, TypeMap};
use crate::fixed::Format;
use crate::ir::{Graph, Linear, Node, NodeId, Op};

/// Proven types of a layer, the widest where it has several.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Proven {
    /// Type that holds its weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<Format>,
    /// Type that holds its biases.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bias: Option<Format>,
    /// Type that holds every partial sum of its products, or its sums.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accumulator: Option<Format>,
    /// Narrowest type that holds its results.
    pub output: Format,
    /// Least and largest result.
    pub range: (f64, f64),
    /// Bits that QTools has more.
    pub saved_bits: Saved,
}

/// Bits that QTools' types have more than the proven ones; negative where they have fewer. 0 beside
/// floating point, which is no width that a proof could save.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Saved {
    /// Of all weights.
    pub weights: i64,
    /// Of a sum.
    pub accumulator: i64,
    /// Of all results of a sample.
    pub outputs: i64,
}

/// A type map with the proven types of each layer.
#[derive(Clone, Debug)]
pub struct ProvenMap {
    /// QTools' types.
    pub types: TypeMap,
    /// Proven types of each of its layers; `None` for a layer without a result of its own.
    pub proven: Vec<Option<Proven>>,
}

impl ProvenMap {
    /// The types of `types`' layers in `graph`.
    pub fn new(types: TypeMap, graph: &Graph) -> Self {
        let proven = types.layers.iter().map(|layer| Proven::new(layer, graph)).collect();
        Self { types, proven }
    }

    /// The bits saved in all layers.
    pub fn saved(&self) -> Saved {
        let all = self.proven.iter().flatten().map(|proven| proven.saved_bits);
        all.fold(Saved::default(), |sum, it| Saved {
            weights: sum.weights + it.weights,
            accumulator: sum.accumulator + it.accumulator,
            outputs: sum.outputs + it.outputs,
        })
    }
}

impl Serialize for ProvenMap {
    /// QTools' file with one more field in each layer, `proven`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Both<'a>(&'a LayerTypes, &'a Option<Proven>);
        impl Serialize for Both<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(None)?;
                self.0.fields(&mut map)?;
                map.serialize_entry("proven", self.1)?;
                map.end()
            }
        }
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("source_quantizers", &self.types.sources)?;
        for (layer, proven) in self.types.layers.iter().zip(&self.proven) {
            map.serialize_entry(&layer.name, &Both(layer, proven))?;
        }
        map.end()
    }
}

impl Proven {
    fn new(layer: &LayerTypes, graph: &Graph) -> Option<Self> {
        let (_, result) = graph.layers.iter().find(|(name, _)| *name == layer.name)?;
        let tensor = &graph[*result].tensor;
        let fraction = tensor.format.fractional_bits();
        let mut proven = Self {
            weight: None,
            bias: None,
            accumulator: None,
            output: Format::covering(&tensor.range(), fraction).unwrap_or(tensor.format),
            range: tensor.range().values(fraction),
            saved_bits: Saved::default(),
        };
        let order = graph.topological_order();
        let own = || order.iter().copied().filter(|id| graph[*id].layer == layer.name);
        own().for_each(|id| proven.add(graph, id));
        // Without a kernel, the sum of tensors or of a window is the widest value.
        if proven.accumulator.is_none() && layer.sum().is_some() {
            own().for_each(|id| widen(&mut proven.accumulator, graph[id].tensor.format));
        }
        proven.saved_bits = proven.saved(layer);
        Some(proven)
    }

    /// Takes the types of a node with weights, and of those in the body of a recurrent layer.
    fn add(&mut self, graph: &Graph, id: NodeId) {
        let node = &graph[id];
        if let Op::Linear(linear) = &node.op {
            self.add_linear(linear, node);
        } else if let Op::Conv(conv) = &node.op {
            self.add_linear(&conv.linear, node);
        } else if let Op::Scan(scan) = &node.op {
            scan.body.topological_order().into_iter().for_each(|id| self.add(&scan.body, id));
        }
    }

    fn add_linear(&mut self, linear: &Linear, node: &Node) {
        widen(&mut self.weight, linear.weights.format);
        if let Some(bias) = &linear.bias {
            widen(&mut self.bias, bias.format);
        }
        widen(&mut self.accumulator, node.tensor.format);
    }

    fn saved(&self, layer: &LayerTypes) -> Saved {
        let more = |theirs: Option<i64>, ours: Option<Format>| match (theirs, ours) {
            (Some(theirs), Some(ours)) => theirs - i64::from(ours.width()),
            (None, _) | (_, None) => 0,
        };
        let elements = |shape: &[usize]| shape.iter().product::<usize>() as i64;
        let output = (!layer.output.is_float()).then_some(layer.output.bits);
        let mut saved = Saved {
            outputs: more(output, Some(self.output)) * elements(&layer.shape),
            accumulator: more(layer.sum().map(|sum| sum.bits), self.accumulator),
            weights: 0,
        };
        if let Operators::Matrix { weight, weight_shape, .. } = &layer.operators
            && !weight.is_float()
            && layer.has_own_parameters
        {
            saved.weights = more(Some(weight.bits), self.weight) * elements(weight_shape);
        }
        saved
    }
}

fn widen(widest: &mut Option<Format>, format: Format) {
    if widest.is_none_or(|widest| widest.width() < format.width()) {
        *widest = Some(format);
    }
}
