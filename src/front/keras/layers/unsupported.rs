//! Classes of Keras and QKeras without support, and the nearest supported way.

use super::FAMILIES;
use crate::front::layer_problem::LayerProblem;
use crate::naming::nearest;

/// Classes, and what to use instead.
const INSTEAD: &[(&[&str], &str)] = &[
    (
        &["MultiHeadAttention", "GroupedQueryAttention", "Attention", "AdditiveAttention"],
        "build the attention from Dense, Dot and Softmax layers",
    ),
    (
        &[
            "LayerNormalization",
            "GroupNormalization",
            "RMSNormalization",
            "UnitNormalization",
            "SpectralNormalization",
        ],
        "train with BatchNormalization, whose statistics are constants at inference",
    ),
    (
        &["Conv3D", "Conv3DTranspose"],
        "use Conv2D with the third axis among the channels, or TimeDistributed",
    ),
    (
        &[
            "MaxPooling3D",
            "AveragePooling3D",
            "GlobalMaxPooling3D",
            "GlobalAveragePooling3D",
            "AdaptiveMaxPooling3D",
            "AdaptiveAveragePooling3D",
            "ZeroPadding3D",
            "Cropping3D",
            "UpSampling3D",
        ],
        "use the layer of two dimensions with the third axis among the channels, or TimeDistributed",
    ),
    (
        &["ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"],
        "use Conv1D along the time axis, or QLSTM, QGRU or QSimpleRNN",
    ),
    (
        &["LocallyConnected1D", "LocallyConnected2D"],
        "use Conv1D or Conv2D, whose kernel is the same at each position",
    ),
    (
        &["Lambda"],
        "the file does not hold its Python code; write it with operations on tensors (docs/graphs.md)",
    ),
    (
        &[
            "Discretization",
            "CategoryEncoding",
            "Hashing",
            "HashedCrossing",
            "IntegerLookup",
            "StringLookup",
            "TextVectorization",
        ],
        "apply it to the samples before the network, and start the model after it",
    ),
    (&["MelSpectrogram", "STFTSpectrogram"], "compute it before the network"),
    (
        &["AutoContrast", "Equalization"],
        "apply it to the samples before the network, and start the model after it",
    ),
    (
        &["AdaptiveMaxPooling1D", "AdaptiveMaxPooling2D"],
        "use MaxPooling1D or MaxPooling2D with a pool_size",
    ),
    (
        &["AdaptiveAveragePooling1D", "AdaptiveAveragePooling2D"],
        "use AveragePooling1D or AveragePooling2D with a pool_size",
    ),
    (&["TensorFlowOpLayer"], "save the model with TensorFlow 2.4 or later"),
];

/// The problem of a layer of the class `name`, which is not supported.
pub(super) fn problem(name: &str) -> LayerProblem {
    let known = INSTEAD.iter().find(|(classes, _)| classes.contains(&name));
    let nearest = match known {
        Some(_) => None,
        None => {
            let supported = FAMILIES.iter().copied().flatten().map(|(supported, _)| *supported);
            nearest(name, supported).map(str::to_owned)
        }
    };
    LayerProblem::Class { nearest, instead: known.map(|(_, instead)| *instead) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_supported_class_is_in_the_table() {
        let mut seen = vec![];
        for class in INSTEAD.iter().flat_map(|(classes, _)| *classes) {
            assert!(!super::super::is_class(class), "{class} is supported");
            assert!(!seen.contains(&class), "{class} is stated twice");
            seen.push(class);
        }
    }
}
