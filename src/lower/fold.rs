//! Batch normalisations that are folded into the layer before them.
//!
//! A batch normalisation without quantizers that takes the result of a layer without quantizers is no
//! operation of its own: kernel and bias are scaled before they are cast to their types, as in
//! hls4ml's `FuseBatchNormalization`. The result of both has the configured type of the batch
//! normalisation. The model stays as it was trained; only lowering looks at the pair.

use std::collections::{BTreeMap, HashMap, HashSet};

use ndarray::{Array1, ArrayD};
use petgraph::Direction;
use petgraph::graph::NodeIndex;

use super::normalization;
use super::{LayerSettings, LowerError, LowerWarning, Settings};
use crate::model::{Activation, BatchNorm, LayerKind, Matrix, Model};

/// A batch normalisation to fold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fold<'a> {
    pub(super) index: NodeIndex,
    /// Name of the layer.
    pub(super) name: &'a str,
    norm: &'a BatchNorm,
    /// True if a quantizer takes the result, which then stays exact by default.
    pub(super) is_quantized: bool,
}

/// `x · scale + bias`, a number each per output.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) scale: Array1<f64>,
    pub(super) bias: Array1<f64>,
}

impl Fold<'_> {
    /// Scale and bias, in double precision.
    pub(super) fn line(&self) -> Result<Line, LowerError> {
        normalization::line(self.name, self.norm)
    }
}

impl Line {
    /// The bias of the folded layer, whose own one is `bias`.
    pub(super) fn folded_bias(&self, bias: Option<ArrayD<f64>>) -> ArrayD<f64> {
        let own = self.bias.clone().into_dyn();
        match bias {
            None => own,
            Some(bias) => own + bias * &self.scale,
        }
    }
}

/// The batch normalisations of a network that are folded.
#[derive(Clone, Debug, Default)]
pub(super) struct Folds<'a> {
    by_layer: HashMap<NodeIndex, Fold<'a>>,
    norms: HashSet<NodeIndex>,
    /// The name of the batch normalisation for each layer that has no result of its own: the layer
    /// into which it is folded, and those between the two.
    pub(super) inner: BTreeMap<String, String>,
}

impl<'a> Folds<'a> {
    /// The folds of `model`, and notes on them. A pair with configured types that folding would
    /// remove stays apart.
    pub(super) fn of(model: &'a Model, settings: &Settings) -> (Self, Vec<LowerWarning>) {
        let mut folds = Self::default();
        let (mut folded, mut apart) = (vec![], vec![]);
        for index in model.graph.node_indices() {
            let Some(candidate) = Candidate::of(model, index) else { continue };
            let name = |index: NodeIndex| model.graph[index].name.as_str();
            let pair = (name(index).to_owned(), name(candidate.layer).to_owned());
            let is_own = |index: NodeIndex, is_own: fn(&LayerSettings) -> bool| {
                settings.layer(name(index)).is_some_and(is_own)
            };
            let has_result = |inner| is_own(inner, |chosen| chosen.has_own_result);
            if candidate.inner().any(has_result) || is_own(index, |chosen| chosen.has_own_scale) {
                apart.push(pair);
                continue;
            }
            folded.push(pair);
            let inner = candidate.inner();
            folds.inner.extend(inner.map(|at| (name(at).to_owned(), name(index).to_owned())));
            let is_quantized = normalization::reaches_quantizer(model, index);
            let fold = Fold { index, name: name(index), norm: candidate.norm, is_quantized };
            folds.by_layer.insert(candidate.layer, fold);
            folds.norms.insert(index);
        }
        let mut warnings = vec![];
        if !folded.is_empty() {
            warnings.push(LowerWarning::Folded { pairs: folded });
        }
        if !apart.is_empty() {
            warnings.push(LowerWarning::NotFolded { pairs: apart });
        }
        (folds, warnings)
    }

    /// The batch normalisation that is folded into layer `index`.
    pub(super) fn of_layer(&self, index: NodeIndex) -> Option<Fold<'a>> {
        self.by_layer.get(&index).copied()
    }

    /// True if layer `index` is a batch normalisation that is folded.
    pub(super) fn contains(&self, index: NodeIndex) -> bool {
        self.norms.contains(&index)
    }
}

/// A batch normalisation that can be folded.
struct Candidate<'a> {
    norm: &'a BatchNorm,
    /// The layer with weights.
    layer: NodeIndex,
    /// Layers between the two, which do nothing at inference.
    between: Vec<NodeIndex>,
}

impl<'a> Candidate<'a> {
    /// The batch normalisation `index`; `None` unless it can be folded.
    fn of(model: &'a Model, index: NodeIndex) -> Option<Self> {
        let mut between = vec![];
        let mut reader = index;
        loop {
            let [source] = model.sources(reader)[..] else { return None };
            let readers = model.graph.edges_directed(source, Direction::Outgoing).count();
            if readers != 1 || model.outputs.contains(&source) {
                return None;
            }
            let kind = &model.graph[source].kind;
            if !matches!(kind, LayerKind::Identity | LayerKind::Activation(Activation::Linear)) {
                let norm = foldable(kind, &model.graph[index].kind)?;
                return Some(Self { norm, layer: source, between });
            }
            between.push(source);
            reader = source;
        }
    }

    /// The layers without a result of their own if it is folded.
    fn inner(&self) -> impl Iterator<Item = NodeIndex> {
        std::iter::once(self.layer).chain(self.between.iter().copied())
    }
}

/// The batch normalisation in `norm`, if it has no quantizers and can be folded into `layer`.
fn foldable<'a>(layer: &LayerKind, norm: &'a LayerKind) -> Option<&'a BatchNorm> {
    match (layer, norm) {
        (LayerKind::TimeDistributed(layer), LayerKind::TimeDistributed(norm))
        | (LayerKind::ChannelsFirst(layer), LayerKind::ChannelsFirst(norm)) => {
            foldable(layer, norm)
        }
        // The channels of each step are those of all steps.
        (LayerKind::TimeDistributed(layer), norm) => foldable(layer, norm),
        (layer, LayerKind::BatchNorm(norm)) => {
            let outputs = layer.matrix().and_then(Matrix::plain_outputs);
            let fits = outputs == Some(norm.mean.len());
            (fits && norm.quantizers.is_empty()).then_some(norm)
        }
        (_, _) => None,
    }
}
