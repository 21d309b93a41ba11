//! Wrappers of layers: those that are read as their layer, and those that are refused.

use serde_json::{Map, Value};

use super::container::Container;
use super::entry::{Role, check_entries, check_origin, is_model, role};
use crate::front::error::FrontError;
use crate::front::keras::attributes::{Attributes, Owner, class_of};
use crate::front::keras::quantizers::Namespace;
use crate::front::layer_problem::LayerProblem;

/// Wrapper of tfmot that sets weights of small magnitude to zero during training.
const PRUNE: &str = "PruneLowMagnitude";

/// Attribute of a wrapper that holds its layer.
const LAYER: &str = "layer";

/// Attributes of [`PRUNE`] that act in training only.
const PRUNING_ATTRIBUTES: &[&str] =
    &[LAYER, "pruning_schedule", "block_size", "block_pooling_type", "sparsity_m_by_n"];

/// Wrappers that are not supported, each with the remedy.
const REFUSED: &[(&str, &str)] = &[
    ("ClusterWeights", "save tfmot.clustering.keras.strip_clustering(model)"),
    ("QuantizeAnnotate", "save the model before tfmot.quantization.keras.quantize_annotate_layer"),
    ("QuantizeWrapper", QUANTIZED),
    ("QuantizeWrapperV2", QUANTIZED),
    ("QuantizeLayer", QUANTIZED),
    (
        "SpectralNormalization",
        "replace the wrapper by its layer, wrapper.layer, whose kernel training has normalized",
    ),
    (
        "WeightNormalization",
        "replace the wrapper by a layer with the kernel wrapper.g * l2_normalize(wrapper.v)",
    ),
    (PRUNE, PRUNED),
];

/// Remedy for [`PRUNE`] in or around another wrapper.
const PRUNED: &str = "save tfmot.sparsity.keras.strip_pruning(model)";

/// Remedy for tfmot's quantization-aware training.
const QUANTIZED: &str =
    "save the model before tfmot.quantization.keras.quantize_apply, or train with QKeras' layers";

/// The layer in a [`PRUNE`] wrapper.
pub(super) struct Pruned<'a> {
    pub(super) name: &'a str,
    pub(super) class: &'a str,
    /// Its attributes, and the input shape that the wrapper states.
    pub(super) attributes: Map<String, Value>,
}

/// Returns the layer in a [`PRUNE`] wrapper; `None` if `object` is not one.
pub(super) fn pruned<'a>(
    owner: Owner<'a>,
    object: &Value,
    attributes: &'a Map<String, Value>,
) -> Result<Option<Pruned<'a>>, FrontError> {
    if owner.class != PRUNE {
        return Ok(None);
    }
    check_entries(owner, object)?;
    let mut own = Attributes::new(owner, attributes, Namespace::default());
    own.inert(PRUNING_ATTRIBUTES);
    let value = own.require(LAYER)?;
    let config = value.get("config").and_then(Value::as_object);
    let (Some(class), Some(config)) = (class_of(value), config) else {
        return Err(own.malformed(LAYER, value, "a layer"));
    };
    own.finish()?;
    let name = config.get("name").and_then(Value::as_str).unwrap_or_default();
    let owner = Owner { class, ..owner };
    // tfmot wraps the layers of a model one by one, and no operations.
    if is_model(value) || role(owner, value)? == Role::Operation {
        return Err(owner.wrong(LayerProblem::Wrapper { help: PRUNED.to_owned() }));
    }
    let mut merged = config.clone();
    if let Some(shape) = attributes.get("batch_input_shape") {
        merged.entry("batch_input_shape").or_insert_with(|| shape.clone());
    }
    Ok(Some(Pruned { name, class, attributes: merged }))
}

/// Reads the model in a TimeDistributed layer; `None` if the layer is another one.
pub(super) fn time_distributed_model<'a>(
    owner: Owner<'a>,
    attributes: &'a Map<String, Value>,
) -> Result<Option<Container<'a>>, FrontError> {
    let inner = attributes.get(LAYER).filter(|inner| is_model(inner));
    let Some(inner) = inner.filter(|_| owner.class == "TimeDistributed") else { return Ok(None) };
    let mut own = Attributes::new(owner, attributes, Namespace::default());
    own.inert(&[LAYER]);
    own.finish()?;
    let class = class_of(inner).unwrap_or_default();
    let owner = Owner { class, ..owner };
    check_origin(owner, inner)?;
    let config = inner.get("config").unwrap_or(&Value::Null);
    Container::read(owner, inner, config).map(Some)
}

/// Rejects a wrapper of [`REFUSED`].
pub(super) fn check(owner: Owner<'_>, object: &Value) -> Result<(), FrontError> {
    let is_wrapper = |class: &str| {
        class == "QuantizeLayer" || object.get("config").is_some_and(|it| it.get(LAYER).is_some())
    };
    let name = owner.class.rsplit('>').next().unwrap_or_default();
    match REFUSED.iter().find(|(class, _)| *class == name && is_wrapper(class)) {
        Some((_, help)) => Err(owner.wrong(LayerProblem::Wrapper { help: (*help).to_owned() })),
        None => Ok(()),
    }
}
