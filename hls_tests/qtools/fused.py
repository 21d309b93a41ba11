#!/usr/bin/env python3
"""Write QTools' types of a model whose batch normalizations are fused into convolutions.

Usage: fused.py   (writes fused.h5 and fused.json beside it)

Environment: that of hls_tests/reference, with the repository's June 2025 state of QKeras.
"""
import json
import os
import pathlib

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf
from tensorflow.python.ops import array_ops

for function in ("stack", "unstack"):  # QKeras calls two functions that TensorFlow 2.15 moved
    if not hasattr(array_ops, function):
        setattr(array_ops, function, getattr(tf, function))

import qkeras as q
from qkeras.qtools import interface, qgraph, run_qtools
from qkeras.qtools.quantized_operators.quantizer_impl import QuantizedBits
from qkeras.utils import load_qmodel, model_save_quantized_weights

HERE = pathlib.Path(__file__).parent


def bits(count, integer=0, alpha=1):
    return q.quantized_bits(count, integer, 1, alpha=alpha)


def build():
    x = inputs = tf.keras.Input((6, 6, 2), name="input_1")

    def relu(x, name):
        return q.QActivation(q.quantized_relu(6, 2), name=name)(x)

    def norm(x, name, **more):
        return q.QBatchNormalization(name=name, **more)(x)

    inverse = dict(gamma_quantizer=None, variance_quantizer=None)
    # A bias, and an inverse in fixed point.
    x = q.QConv2D(3, 2, kernel_quantizer=bits(4), bias_quantizer=bits(5, 1), name="conv_bias")(x)
    x = norm(x, "bn_bias", beta_quantizer=bits(6, 2), mean_quantizer=bits(7, 2),
             inverse_quantizer=bits(8, 1), **inverse)
    x = relu(x, "act_bias")
    # Scales of the kernel and of the inverse, no offset.
    x = q.QDepthwiseConv2D(2, depthwise_quantizer=bits(4, 0, "auto_po2"), use_bias=False, name="depthwise")(x)
    x = norm(x, "bn_depthwise", mean_quantizer=bits(7, 2), beta_quantizer=None, center=False,
             inverse_quantizer=bits(6, 0, "auto_po2"), **inverse)
    x = relu(x, "act_depthwise")
    # QKeras' default quantizers, and no inverse; scales of the kernel.
    x = q.QConv2D(4, 2, kernel_quantizer=bits(4, 0, "auto_po2"), bias_quantizer=bits(4), name="conv_default")(x)
    x = norm(x, "bn_default")
    x = relu(x, "act_default")
    # An offset and a mean without a quantizer; its result has two readers.
    x = q.QConv2D(2, 1, kernel_quantizer=q.ternary(alpha=1), bias_quantizer=q.quantized_po2(4), name="conv_plain")(x)
    x = norm(x, "bn_plain", beta_quantizer=None, mean_quantizer=None, inverse_quantizer=q.quantized_po2(5), **inverse)
    x = tf.keras.layers.Add(name="add")([relu(x, "act_plain"), x])
    # Two readers of the convolution: not fused.
    x = q.QConv2D(2, 2, kernel_quantizer=bits(4, 0, "auto_po2"), bias_quantizer=bits(4), name="conv_twice")(x)
    x = tf.keras.layers.Add(name="add_twice")([norm(x, "bn_twice"), x])
    x = q.QConv2DBatchnorm(2, 1, kernel_quantizer=bits(5, 0, "auto_po2"), bias_quantizer=bits(6), name="folded")(x)
    x = tf.keras.layers.Flatten(name="flatten")(x)
    # Not a convolution: not fused; scales of a dense kernel.
    x = q.QDense(3, kernel_quantizer=bits(4, 0, "auto_po2"), bias_quantizer=bits(4), name="dense")(x)
    x = norm(x, "bn_dense")
    model = tf.keras.Model(inputs, x, name="fused")
    random = np.random.RandomState(7)
    for layer in model.layers:
        values = []
        for weight in layer.weights:
            low, high = {"gamma:0": (0.4, 6), "moving_variance:0": (0.1, 2)}.get(weight.name.split("/")[-1], (-0.7, 0.7))
            value = random.uniform(low, high, weight.shape)
            if "kernel" in weight.name and weight.shape[-1] > 1:
                value *= 2.0 ** -np.arange(weight.shape[-1])
            value *= {"depthwise": 4, "folded": 1 / 8}.get(layer.name, 1) if "kernel" in weight.name else 1
            values.append(np.round(value * 256) / 256 if weight.dtype != tf.int64 else -1)
        layer.set_weights(values)
    return model


def main():
    build().save(HERE / "fused.h5")
    model = load_qmodel(str(HERE / "fused.h5"), compile=False)
    weights = model_save_quantized_weights(model)
    source = q.quantized_bits(8, 0, 1, alpha=1)
    result = {"fused": {name: it["fused_bn_layer_name"] for name, it in weights.items() if "fused_bn_layer_name" in it}}
    for name, trained in (("types", False), ("trained", True)):
        tools = run_qtools.QTools(model, process="horowitz", source_quantizers=[source], is_inference=trained,
                                  weights_path=None, keras_quantizer="fp32", keras_accumulator="fp32",
                                  for_reference=False, hw_weight_dict=weights)
        result[name] = tools._output_dict
    plain = lambda it: it.tolist() if hasattr(it, "tolist") else str(it)
    (HERE / "fused.json").write_text(json.dumps(result, default=plain) + "\n")


if __name__ == "__main__":
    main()
