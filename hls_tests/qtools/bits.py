#!/usr/bin/env python3
"""Write AutoQKeras' sizes in bits of a model and of its reference, the model of Keras that it was quantized from.

Usage: bits.py   (writes folded.h5, shared.h5 and bits.json beside it)

Environment: that of fused.py. AutoQKeras has no size for shared.h5, which calls a layer twice.
"""
import json

from fused import HERE, bits, q, tf
from qkeras.autoqkeras.forgiving_metrics.forgiving_bits import ForgivingFactorBits
from qkeras.utils import model_quantize

L = tf.keras.layers
COUNTED = {"default": ["parameters", "activations"]}


def build():
    x = inputs = L.Input((8, 8, 3), name="input_1")
    x = L.BatchNormalization(name="bn_conv")(L.Conv2D(4, 3, name="conv")(x))
    x = L.Activation("relu", name="relu_conv")(x)
    x = L.BatchNormalization(name="bn_depthwise", scale=False)(L.DepthwiseConv2D(3, name="depthwise")(x))
    x = L.Activation("relu", name="relu_depthwise")(x)
    x = L.Conv2D(5, 1, activation="relu", name="conv_relu")(x)
    x = L.Flatten(name="flatten")(L.Activation("tanh", name="tanh")(x))
    x = L.BatchNormalization(name="bn_dense", center=False)(L.Dense(6, name="dense")(x))
    x = L.Activation("sigmoid", name="sigmoid")(x)
    return tf.keras.Model(inputs, L.Dense(4, activation="softmax", name="classes")(x), name="folded")


FOLDED = {"kernel_quantizer": "quantized_bits(4,0,1,alpha=1)", "bias_quantizer": "quantized_bits(5,1,1,alpha=1)"}
QUANTIZERS = {
    "QConv2D": {**FOLDED, "activation_quantizer": "quantized_relu(6,2)"},
    "QDense": {"kernel_quantizer": "quantized_bits(3,0,1,alpha=1)", "bias_quantizer": "quantized_bits(7,1,1,alpha=1)"},
    "QConv2DBatchnorm": FOLDED,
    "QDepthwiseConv2DBatchnorm": {"depthwise_quantizer": FOLDED["kernel_quantizer"], "bias_quantizer": FOLDED["bias_quantizer"]},
    "QBatchNormalization": {},
    "QActivation": {"relu": "quantized_relu(5,2)", "tanh": "quantized_tanh(6)", "sigmoid": "quantized_sigmoid(7)"},
}


def shared():
    dense = q.QDense(6, kernel_quantizer=bits(4), bias_quantizer=bits(4), name="dense")
    first, second = (q.QActivation(q.quantized_relu(4, 1), name=name) for name in ("first", "second"))
    inputs = tf.keras.Input((6,), name="input_1")
    return tf.keras.Model(inputs, second(dense(first(dense(inputs)))), name="shared")


def main():
    tf.keras.utils.set_random_seed(1)
    shared().save(HERE / "shared.h5")
    reference = build()
    trial = model_quantize(reference, QUANTIZERS, 4, transfer_weights=True, enable_bn_folding=True)
    trial.save(HERE / "folded.h5")
    factor = ForgivingFactorBits(8, 8, 2.0, config=COUNTED)
    sizes = {"reference_size": int(factor.get_reference(reference)), "trial_size": int(factor.get_trial(trial)), "delta": float(factor.delta())}
    (HERE / "bits.json").write_text(json.dumps(sizes) + "\n")


if __name__ == "__main__":
    main()
