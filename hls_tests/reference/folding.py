#!/usr/bin/env python3
"""Write the reference cases of batch normalisations without quantizers.

Usage: folding.py OUT_DIR [--only SUBSTRING]

Every case is one folder: model.h5 as Keras 2 saves it, inputs.npz on the grid that case.json
names, trace.npz with the output of every layer as Keras computes it, case.json. The configured
type is so fine that results differ from Keras' by float32's precision only, except in cases whose
numbers are halves.

The committed cases were written with Python 3.11, tensorflow-cpu 2.15.1, numpy 1.26.4 and
QKeras 0.9.0.
"""
import argparse
import json
import os
import pathlib

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf
import qkeras as q
from qkeras import quantizers as Q

L = tf.keras.layers
CASES = {}
FINE = "fixed<40,12>"


def case(build):
    CASES[build.__name__] = build
    return build


def norm(name, **arguments):
    return L.BatchNormalization(name=name, **arguments)


def model(inputs, *outputs):
    return tf.keras.Model(inputs, list(outputs))


@case
def fold_kinds():
    """Every layer with weights, each before a batch normalisation."""
    x = L.Input((4, 4, 2), name="input_1")
    line = L.Reshape((8, 4), name="line")(x)
    layers = {
        "dense": (L.Dense(3), x),
        "plain": (L.Dense(3, use_bias=False), x),
        "conv1d": (L.Conv1D(3, 2), line),
        "conv2d": (L.Conv2D(3, 2, padding="same"), x),
        "groups": (L.Conv2D(4, 2, groups=2), x),
        "depthwise": (L.DepthwiseConv2D(2, depth_multiplier=2), x),
        "depthwise1d": (L.DepthwiseConv1D(2), line),
        "separable": (L.SeparableConv2D(3, 2), x),
        "separable1d": (L.SeparableConv1D(3, 2), line),
        "transpose": (L.Conv2DTranspose(3, 2, strides=2), x),
        "transpose1d": (L.Conv1DTranspose(3, 3, strides=2), line),
        "steps": (L.TimeDistributed(L.Dense(2)), line),
    }
    outputs = []
    for name, (layer, operand) in layers.items():
        layer._name = name
        outputs.append(norm("bn_" + name, scale=name != "plain")(layer(operand)))
    return model(x, *outputs)


@case
def fold_between():
    """Layers that do nothing between the two, a wrapped batch normalisation, and a relu after it."""
    x = L.Input((3, 4), name="input_1")
    y = L.Dense(4, activation="linear", name="dense")(x)
    y = L.Dropout(0.5, name="dropout")(y)
    y = L.Activation("linear", name="linear")(y)
    y = L.ReLU(name="relu")(norm("bn", center=False)(y))
    z = L.TimeDistributed(L.Dense(2), name="steps")(y)
    return model(x, L.TimeDistributed(norm("inner"), name="bn_steps")(z))


@case
def fold_before_quantizer():
    """The result stays exact where a quantizer takes it."""
    x = L.Input((3, 4), name="input_1")
    y = norm("bn")(L.Dense(4, name="dense")(x))
    y = q.QActivation("quantized_relu(6,2)", name="act")(L.ReLU(name="relu")(y))
    return model(x, y)


@case
def fold_none():
    """Batch normalisations that stay operations of their own, with the configured types."""
    x = L.Input((3, 4), name="input_1")
    first = norm("bn_input")(x)
    rectified = norm("bn_relu")(L.Dense(4, activation="relu", name="rectified")(first))
    twice = L.Dense(4, name="twice")(L.ReLU(name="relu")(rectified))
    quantized = q.QDense(
        3,
        kernel_quantizer=Q.quantized_bits(4, 0, 1, alpha=1),
        bias_quantizer=Q.quantized_bits(4, 0, 1, alpha=1),
        name="quantized",
    )(x)
    sum_ = L.Add(name="add")([norm("bn_twice")(twice), twice])
    seen = L.Dense(3, name="seen")(x)
    again = norm("bn_again")(norm("bn_seen")(seen))
    return model(x, sum_, norm("bn_quantized")(quantized), seen, again)


@case
def fold_halves():
    """The default type of 16 bits holds every number."""
    x = L.Input((4, 4, 2), name="input_1")
    y = norm("bn_conv", epsilon=2**-10)(L.Conv2D(3, 2, name="conv")(x))
    y = L.Flatten(name="flat")(L.ReLU(name="relu")(y))
    y = norm("bn_flat", epsilon=2**-10)(y)
    return model(x, norm("bn_dense", epsilon=2**-10)(L.Dense(3, name="dense")(y)))


def weights(model, rng, halves):
    """Random numbers, halves or real ones, for all weights."""
    for layer in model.layers:
        values = []
        for variable in layer.weights:
            shape, name = variable.shape, variable.name
            if "variance" in name:
                own = rng.uniform(0.2, 2.0, shape)
                if halves:
                    own = rng.choice([0.25, 1.0, 4.0], shape) - 2.0**-10
            elif halves:
                own = rng.integers(-2, 3, shape) / 2.0
            else:
                own = rng.normal(0.0, 0.5, shape)
            values.append(own.astype(np.float32))
        layer.set_weights(values)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    for number, (name, build) in enumerate(CASES.items()):
        if arguments.only not in name:
            continue
        tf.keras.backend.clear_session()
        rng = np.random.default_rng(number)
        net = build()
        halves = name == "fold_halves"
        weights(net, rng, halves)
        folder = arguments.out / name
        folder.mkdir(parents=True, exist_ok=True)
        net.save(folder / "model.h5", include_optimizer=False)
        shape = net.inputs[0].shape[1:]
        step = 2.0 if halves else 128.0
        samples = rng.integers(-step, step, (8, *shape)) / step
        layers = [layer for layer in net.layers if not isinstance(layer, L.InputLayer)]
        traced = tf.keras.Model(net.inputs, [layer.output for layer in layers])
        results = traced.predict(samples.astype(np.float32), verbose=0)
        np.savez_compressed(folder / "inputs.npz", input_1=samples.astype(np.float32))
        named = {layer.name: result for layer, result in zip(layers, results)}
        np.savez_compressed(folder / "trace.npz", **named)
        case = {"inputs": {"input_1": "fixed<8,1>"}, "outputs": net.output_names}
        if not halves:
            case["precision"] = FINE
        (folder / "case.json").write_text(json.dumps(case, indent=1) + "\n")
        print(name)


main()
