#!/usr/bin/env python3
"""Write the reference cases of normalisation layers, norm_*.

Usage: normalization.py OUT_DIR [CASE ...]

Run it with Keras 2 (tensorflow-cpu==2.15.1, qkeras at its state of June 2025). Each case is a folder as the other
ones: model.h5, inputs.npz, trace.npz, case.json.
"""
import json, os, pathlib, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf
import qkeras as q
from qkeras.qmac import QScaleShift

L = tf.keras.layers
CASES = {}


def case(fn):
    CASES[fn.__name__] = fn
    return fn


def bits(bits, integer=0, symmetric=1):
    return q.quantized_bits(bits, integer, symmetric, alpha=1)


def chain(shape, *layers):
    x = i = L.Input(shape, name="input_1")
    for layer in layers:
        x = layer(x)
    return tf.keras.Model(i, x)


@case
def norm_axis():
    """Scales along each of the axes."""
    norms = [L.BatchNormalization(axis=axis, name=f"bn_{at}") for at, axis in enumerate((2, -2, 1, 3))]
    acts = [q.QActivation("quantized_bits(8,3,alpha=1)", name=f"act_{at}") for at in range(4)]
    return chain((3, 4, 2), *[layer for pair in zip(norms, acts) for layer in pair])


@case
def norm_plain():
    act = q.QActivation("quantized_relu(6,2)", name="act")
    other = q.QActivation("quantized_bits(5,1,0,alpha=1)", name="other")
    return chain((5, 4), L.BatchNormalization(name="bn"), act, L.BatchNormalization(scale=False, name="no_gamma"), other,
                 L.BatchNormalization(center=False, epsilon=0.01, name="no_beta"), q.QActivation("quantized_bits(8,2,0,alpha=1)", name="last"))


@case
def norm_inverse():
    norm = q.QBatchNormalization(gamma_quantizer=None, variance_quantizer=None, beta_quantizer=bits(6, 1), mean_quantizer=bits(6, 1),
                                 inverse_quantizer="quantized_bits(8,2,1,alpha=1)", name="bn")
    return chain((7,), norm, q.QActivation("quantized_bits(7,2,0,alpha=1)", name="act"))


@case
def norm_po2():
    norm = q.QBatchNormalization(inverse_quantizer="quantized_relu_po2(5)", gamma_quantizer=None, variance_quantizer=None, name="bn")
    return chain((6,), norm, q.QBatchNormalization(center=False, name="quantized"), q.QActivation("quantized_relu(8,3)", name="act"))


@case
def norm_scale_shift():
    first = QScaleShift(weight_quantizer=bits(6, 1), use_bias=False, activation="quantized_relu(5,1)", name="first")
    return chain((3, 3), first, QScaleShift(weight_quantizer="quantized_po2(4)", bias_quantizer=bits(5, 1), name="second"))


@case
def norm_boundaries():
    """So fine a quantizer that float32 itself decides some of its codes."""
    return chain((32, 16, 4), L.BatchNormalization(name="bn"), q.QActivation("quantized_bits(14,4,0,alpha=1)", name="act"))


FORMS, SAMPLES = {"norm_boundaries": (16, 4)}, {"norm_boundaries": 6}


def main(out, only):
    for name, build in CASES.items():
        if only and name not in only:
            continue
        tf.keras.backend.clear_session()
        rng = np.random.default_rng(sum(map(ord, name)))
        model = build()
        for weight in model.weights:
            draw = rng.uniform(0.2, 2.0, weight.shape) if "variance" in weight.name else rng.normal(0.4, 0.5, weight.shape)
            weight.assign(draw)
        width, integer = FORMS.get(name, (8, 2))
        codes = rng.integers(-(1 << width - 1), 1 << width - 1, size=(SAMPLES.get(name, 16),) + model.input_shape[1:])
        feed = codes.astype(np.float32) / (1 << width - integer)
        names = [layer.name for layer in model.layers[1:]]
        outputs = tf.keras.Model(model.input, [layer.output for layer in model.layers[1:]])(feed, training=False)
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        model.save(folder / "model.h5")
        np.savez_compressed(folder / "inputs.npz", input_1=feed)
        np.savez_compressed(folder / "trace.npz", **dict(zip(names, map(np.asarray, outputs if len(names) > 1 else [outputs]))))
        (folder / "case.json").write_text(json.dumps({"inputs": {"input_1": f"fixed<{width},{integer}>"}, "outputs": model.output_names}) + "\n")
        print(name)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2:])
