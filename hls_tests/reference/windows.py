#!/usr/bin/env python3
"""Write the reference cases of convolutions and pooling that try what windows can do.

Usage: windows.py OUT_DIR [--only SUBSTRING]

Every case is one folder: model.h5 as Keras 2 saves it, inputs.npz on the grid that case.json
names, trace.npz with the output of every layer as QKeras computes it, case.json.

Layers without quantizers have weights that are halves, so that the type that they are
cut to by default holds them and their results exactly.

The committed cases were written with Python 3.11, tensorflow-cpu 2.15.1, numpy 1.26.4 and the
state of QKeras of June 2025.
"""
import argparse
import json
import os
import pathlib

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf
from tensorflow.python.ops import array_ops

for _name in ("stack", "unstack"):  # QKeras calls two functions that TensorFlow 2.15 moved
    if not hasattr(array_ops, _name):
        setattr(array_ops, _name, getattr(tf, _name))

import qkeras as q
from qkeras import quantizers as Q
from qkeras.qdepthwise_conv2d_transpose import QDepthwiseConv2DTranspose
from qkeras.qseparable_conv2d_transpose import QSeparableConv2DTranspose

L = tf.keras.layers
CASES = {}
SIGNED = (8, 1, True)


def case(build):
    CASES[build.__name__] = build
    return build


def bits(width, integer=0, symmetric=1, alpha=1):
    return Q.quantized_bits(width, integer, symmetric, alpha=alpha)


def auto(width):
    return Q.quantized_bits(width, 0, 1, alpha="auto_po2")


def chain(shape, *layers, form=SIGNED):
    x = inputs = L.Input(shape, name="input_1")
    for layer in layers:
        x = layer(x)
    return tf.keras.Model(inputs, x), form


KERNEL = dict(kernel_quantizer=bits(4), bias_quantizer=bits(4))
DEPTHWISE = dict(depthwise_quantizer=bits(4), bias_quantizer=bits(4))
SEPARABLE = dict(pointwise_quantizer=bits(4), **DEPTHWISE)


@case
def conv1d_causal_stride():
    return chain((17, 3), q.QConv1D(4, 4, strides=3, padding="causal", **KERNEL, name="conv"))


@case
def conv1d_same_dilated():
    return chain((13, 2), q.QConv1D(3, 4, dilation_rate=3, padding="same", **KERNEL, name="conv"))


@case
def conv1d_float():
    return chain(
        (11, 3),
        L.Conv1D(4, 3, strides=2, padding="same", activation="relu", name="conv"),
        L.DepthwiseConv1D(3, strides=2, padding="same", depth_multiplier=2, name="dw"),
    )


@case
def conv2d_groups():
    return chain(
        (7, 6, 4),
        q.QConv2D(6, (3, 2), strides=(2, 1), padding="same", groups=2, kernel_quantizer=auto(4),
                  bias_quantizer=bits(4), name="conv"),
    )


@case
def conv2d_mask():
    mask = np.array([[1, 0, 1], [0, 1, 0]], dtype=np.float32)
    return chain((6, 7, 3), q.QConv2D(4, (2, 3), mask=mask, **KERNEL, name="conv"))


@case
def conv2d_same_dilated():
    return chain(
        (8, 7, 2),
        q.QConv2D(3, (3, 2), dilation_rate=(2, 3), padding="same", **KERNEL, name="conv"),
    )


@case
def conv2d_wider_than_its_input():
    return chain(
        (3, 4, 2), q.QConv2D(3, (5, 6), strides=(2, 3), padding="same", **KERNEL, name="conv")
    )


@case
def conv2d_float():
    return chain(
        (6, 5, 2),
        L.Conv2D(3, (2, 3), strides=(1, 2), padding="same", activation="relu", name="conv"),
        L.DepthwiseConv2D(2, depth_multiplier=2, name="dw"),
    )


@case
def conv2d_transpose_float():
    return chain(
        (3, 4, 2),
        L.Conv2DTranspose(3, (3, 2), strides=(2, 3), padding="same", output_padding=(1, 2),
                          name="deconv"),
    )


@case
def conv2d_transpose_output_padding():
    return chain(
        (3, 4, 2),
        L.Conv2DTranspose(3, (3, 2), strides=(2, 3), output_padding=(1, 0), name="deconv"),
    )


@case
def conv2d_transpose_dilated():
    return chain(
        (5, 4, 2),
        q.QConv2DTranspose(3, (3, 2), dilation_rate=(2, 2), padding="same", **KERNEL, name="same"),
        q.QActivation(bits(6, 2, 0), name="between"),
        q.QConv2DTranspose(2, (2, 3), dilation_rate=(2, 2), **KERNEL, name="valid"),
    )


@case
def conv2d_transpose_gaps():
    return chain((3, 2, 2), q.QConv2DTranspose(3, 2, strides=3, kernel_quantizer=auto(4),
                                               bias_quantizer=bits(4), name="deconv"))


@case
def conv1d_transpose_float():
    return chain(
        (5, 2),
        L.Conv1DTranspose(3, 4, strides=3, padding="same", name="same"),
        L.Conv1DTranspose(2, 2, strides=2, output_padding=1, name="valid"),
    )


@case
def depthwise2d_multiplier():
    return chain(
        (8, 7, 3),
        q.QDepthwiseConv2D((3, 2), dilation_rate=(2, 2), padding="same", depth_multiplier=3,
                           depthwise_quantizer=auto(4), bias_quantizer=bits(4), name="dw"),
    )


@case
def depthwise2d_transpose_groups():
    return chain(
        (3, 4, 4),
        QDepthwiseConv2DTranspose(4, (3, 2), group_size=2, strides=(2, 2),
                                  depthwise_kernel_quantizer=bits(4), name="dwt"),
    )


@case
def separable1d_dilated():
    return chain(
        (12, 2),
        q.QSeparableConv1D(3, 3, dilation_rate=2, padding="same", depth_multiplier=2,
                           activation="quantized_relu(6,2)", **SEPARABLE, name="sep"),
    )


@case
def separable2d_stride():
    return chain(
        (7, 8, 2),
        q.QSeparableConv2D(3, 3, strides=2, padding="same", depth_multiplier=2, use_bias=False,
                           depthwise_quantizer=auto(4), pointwise_quantizer=auto(4), name="sep"),
    )


@case
def separable1d_float():
    return chain(
        (9, 4),
        L.SeparableConv1D(3, 2, strides=2, padding="causal", activation="relu", name="sep"),
    )


@case
def separable2d_transpose():
    return chain(
        (3, 4, 3),
        QSeparableConv2DTranspose(4, (3, 3), strides=(2, 2), padding="same",
                                  depthwise_kernel_quantizer=bits(4),
                                  pointwise_kernel_quantizer=bits(4), bias_quantizer=bits(4),
                                  name="sept"),
    )


@case
def mobilenet_separable():
    x = inputs = L.Input((6, 7, 2), name="input_1")
    x = q.qconvolutional.QMobileNetSeparableConv2D(
        4, (3, 3), strides=(2, 2), padding="same", depth_multiplier=2, **SEPARABLE,
        depthwise_activation="quantized_relu(6,2)", depthwise_dropout_rate=0.1, name="one")(x)
    x = q.QActivation("quantized_bits(6,2,0,alpha=1)", name="between")(x)
    x = q.qconvolutional.QMobileNetSeparableConv2D(
        3, (2, 2), pw_first=True, **SEPARABLE, depthwise_activation="quantized_relu(6,2)",
        name="two")(x)
    return tf.keras.Model(inputs, x), SIGNED


@case
def conv2d_batchnorm_batch_stats():
    return chain(
        (5, 6, 2),
        q.QConv2DBatchnorm(4, (2, 3), strides=(1, 2), padding="same", use_bias=False, scale=False,
                           kernel_quantizer=auto(4), bias_quantizer=bits(8, 2),
                           folding_mode="batch_stats_folding", epsilon=0.01, name="convbn"),
    )


@case
def depthwise_batchnorm_multiplier():
    return chain(
        (5, 6, 2),
        q.QDepthwiseConv2DBatchnorm(3, depth_multiplier=3, padding="same", use_bias=False,
                                    depthwise_quantizer=bits(4, 1), bias_quantizer=bits(8, 2),
                                    folding_mode="batch_stats_folding", name="dwbn"),
    )


@case
def batchnorm_float_bias():
    """QKeras keeps a folded bias without a quantizer as the float that it is."""
    return chain(
        (5, 6, 2),
        q.QConv2DBatchnorm(4, (2, 3), kernel_quantizer=auto(4), bias_quantizer=None, name="convbn"),
        q.QActivation("quantized_bits(8,3,0,alpha=1)", name="act"),
        q.QDepthwiseConv2DBatchnorm(2, depthwise_quantizer=bits(4, 1), bias_quantizer=None,
                                    activation="quantized_relu(7,3)", name="dwbn"),
        q.QConv2DBatchnorm(2, 1, kernel_quantizer=bits(4), bias_quantizer=None, name="open"),
    )


@case
def pool_max_same_unsigned():
    return chain(
        (5, 6, 2),
        L.MaxPooling2D((2, 4), strides=(3, 1), padding="same", name="two"),
        form=(6, 2, False),
    )


@case
def pool_max_overlapping():
    return chain(
        (11, 3),
        L.MaxPooling1D(3, strides=1, padding="same", name="same"),
        L.MaxPooling1D(4, strides=2, name="valid"),
        L.GlobalMaxPooling1D(keepdims=True, name="all"),
    )


@case
def pool_keepdims():
    x = inputs = L.Input((4, 2, 3), name="input_1")
    names = [L.GlobalAveragePooling2D, L.GlobalMaxPooling2D, q.QGlobalAveragePooling2D]
    outputs = [layer(keepdims=True, name=f"keep{n}")(x) for n, layer in enumerate(names)]
    return tf.keras.Model(inputs, outputs), SIGNED


@case
def pool_average_thirds():
    return chain(
        (7, 9, 2),
        L.AveragePooling2D((3, 3), strides=(2, 2), name="avg"),
        q.QActivation(bits(8, 0, 0), name="act"),
        L.GlobalAveragePooling2D(name="gap"),
        q.QActivation("quantized_relu(6,0)", name="relu"),
    )


@case
def pool_average_same_thirds():
    return chain(
        (7, 8, 2),
        L.AveragePooling2D((3, 3), strides=(2, 2), padding="same", name="avg"),
        q.QActivation(bits(8, 0, 0), name="act"),
    )


@case
def pool_average1d_same():
    return chain(
        (9, 2),
        L.AveragePooling1D(3, strides=2, padding="same", name="avg"),
        q.QActivation(bits(9, 0, 0), name="act"),
    )


@case
def qpool_thirds():
    return chain(
        (7, 6, 2),
        q.QAveragePooling2D((3, 2), strides=(2, 2), average_quantizer=bits(7), name="pool"),
        q.QActivation(bits(8, 1, 0), name="act"),
        q.QGlobalAveragePooling2D(average_quantizer=bits(8), activation=bits(8, 1, 0), name="gap"),
    )


@case
def qpool_same_borders():
    return chain(
        (5, 6, 2),
        q.QAveragePooling2D((2, 2), strides=(2, 2), padding="same", average_quantizer=bits(5),
                            activation=bits(8, 1, 0), name="halves"),
        q.QAveragePooling2D((3, 3), strides=(2, 2), padding="same", average_quantizer=bits(7),
                            activation=bits(8, 1, 0), name="thirds"),
    )


def randomise(model, rng):
    for layer in model.layers:
        exact = not hasattr(layer, "get_quantizers")
        for weight in layer.weights:
            name, shape = weight.name, weight.shape
            if weight.dtype != tf.float32:
                continue
            if "variance" in name:
                weight.assign(rng.uniform(0.2, 2.0, shape))
            elif "gamma" in name:
                weight.assign(rng.uniform(0.5, 1.5, shape))
            elif exact:
                weight.assign(rng.integers(-2, 3, shape) / 2)
            else:
                weight.assign(rng.normal(0, 0.5, shape))


def samples(rng, shape, width, integer, signed, count=8):
    low, high = (-(1 << (width - 1)), 1 << (width - 1)) if signed else (0, 1 << width)
    return (rng.integers(low, high, size=(count, *shape)) / 2.0 ** (width - integer)).astype(np.float32)


def write(folder, name, build):
    tf.keras.backend.clear_session()
    rng = np.random.default_rng(sum(map(ord, name)))
    model, (width, integer, signed) = build()
    randomise(model, rng)
    inputs = samples(rng, model.input_shape[1:], width, integer, signed)
    names = [layer.name for layer in model.layers if layer.name != "input_1"]
    tracer = tf.keras.Model(model.inputs, [model.get_layer(n).output for n in names])
    outputs = tracer(inputs, training=False)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    folder.mkdir(parents=True, exist_ok=True)
    model.save(folder / "model.h5", include_optimizer=False)
    np.savez_compressed(folder / "inputs.npz", input_1=inputs)
    np.savez_compressed(folder / "trace.npz", **dict(zip(names, map(np.asarray, outputs))))
    form = f"{'' if signed else 'u'}fixed<{width},{integer}>"
    text = json.dumps({"inputs": {"input_1": form}, "outputs": model.output_names}, indent=1)
    (folder / "case.json").write_text(text + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    for name, build in CASES.items():
        if arguments.only in name:
            write(arguments.out / name, name, build)
            print(name)
