//! Layers that act in training only or not at all, and crops of preprocessing that do nothing to their own size.

use serde_json::json;

use super::windows::Dimensions::Two;
use super::{Built, Class, LayerReader};
use crate::front::error::FrontError;
use crate::model::{AxisSlice, LayerKind, Layout};

pub(super) const CLASSES: &[Class] = &[
    ("Dropout", identity),
    ("SpatialDropout1D", identity),
    ("SpatialDropout2D", identity),
    ("SpatialDropout3D", identity),
    ("AlphaDropout", identity),
    ("GaussianDropout", identity),
    ("GaussianNoise", identity),
    ("ActivityRegularization", identity),
    ("Identity", identity),
];

/// Layers of images, which Keras 3 calls with `training=True` unless they are called otherwise.
pub(super) const IMAGES: &[Class] = &[
    ("AugMix", identity),
    ("CutMix", identity),
    ("MixUp", identity),
    ("RandAugment", identity),
    ("RandomBrightness", identity),
    ("RandomColorDegeneration", identity),
    ("RandomColorJitter", identity),
    ("RandomContrast", identity),
    ("RandomElasticTransform", identity),
    ("RandomErasing", identity),
    ("RandomFlip", identity),
    ("RandomGaussianBlur", identity),
    ("RandomGrayscale", identity),
    ("RandomHeight", identity),
    ("RandomHue", identity),
    ("RandomInvert", identity),
    ("RandomPerspective", identity),
    ("RandomPosterization", identity),
    ("RandomRotation", identity),
    ("RandomSaturation", identity),
    ("RandomSharpness", identity),
    ("RandomShear", identity),
    ("RandomTranslation", identity),
    ("RandomWidth", identity),
    ("RandomZoom", identity),
    ("Solarization", identity),
    ("RandomCrop", random_crop),
    ("CenterCrop", center_crop),
];

/// Returns true for a layer that Keras 3 saves with the argument `training=True`, which `predict`
/// replaces.
pub(in crate::front::keras) fn states_training(class: &str) -> bool {
    class == "Resizing" || IMAGES.iter().any(|(name, _)| *name == class)
}

/// Attributes that state the noise, the regularization or the augmentation of training.
const OF_TRAINING: &[&str] = &[
    "rate",
    "noise_shape",
    "seed",
    "stddev",
    "data_format",
    "l1",
    "l2",
    "addition_factor",
    "all_ops",
    "alpha",
    "brightness_factor",
    "chain_depth",
    "contrast_factor",
    "factor",
    "fill_mode",
    "fill_value",
    "height_factor",
    "hue_factor",
    "interpolation",
    "kernel_size",
    "mode",
    "num_chains",
    "num_ops",
    "saturation_factor",
    "scale",
    "sigma",
    "threshold_factor",
    "value_range",
    "width_factor",
    "x_factor",
    "y_factor",
];

fn identity(layer: &mut LayerReader<'_>) -> Result<Built, FrontError> {
    layer.attributes.inert(OF_TRAINING);
    layer.same_shape(LayerKind::Identity)
}

/// At inference Keras 2 resizes to the crop's aspect ratio and crops, Keras 3 does neither or both.
fn random_crop(layer: &mut LayerReader<'_>) -> Result<Built, FrontError> {
    layer.attributes.inert(&["seed"]);
    let (size, target) = sizes(layer)?;
    if size != target {
        let [height, width] = size;
        let help = format!(
            "supported: [{height}, {width}], the size of its input, where it does nothing at \
             inference; start the model after the layer, or use Resizing"
        );
        return Err(layer.attributes.unsupported("[height, width]", &json!(target), help));
    }
    layer.same_shape(LayerKind::Identity)
}

/// The middle of an image. Keras resizes a smaller one.
fn center_crop(layer: &mut LayerReader<'_>) -> Result<Built, FrontError> {
    let (size, target) = sizes(layer)?;
    if size.iter().zip(&target).any(|(length, count)| length < count) {
        let help = "supported: at most the size of its input; use Resizing before it".to_owned();
        return Err(layer.attributes.unsupported("[height, width]", &json!(target), help));
    }
    let middle = |axis: usize| AxisSlice {
        start: (size[axis] - target[axis]) / 2,
        step: 1,
        count: target[axis],
    };
    let channels = AxisSlice::whole(layer.image(Two)?.channels);
    layer.with_layout(vec![Layout::Slice(vec![middle(0), middle(1), channels])])
}

/// Height and width of the input, and those of the crop.
fn sizes(layer: &mut LayerReader<'_>) -> Result<([usize; 2], [usize; 2]), FrontError> {
    let target = [layer.attributes.count("height")?, layer.attributes.count("width")?];
    layer.require_channels_last()?;
    Ok((layer.image(Two)?.size, target))
}
