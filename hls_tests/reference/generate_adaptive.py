#!/usr/bin/env python3
"""Write the cases of QAdaptiveActivation beside this file, and integer_bits.npz.

Usage: generate_adaptive.py [--out DIR]

A QAdaptiveActivation computes with the integer bits that its call before left behind, and a model
that was just loaded with those of averages that are 0. The traces are those of the second call on a
model loaded from the saved file: the integer bits are those of the averages in the file.

integer_bits.npz holds what QKeras' _get_integer_bits gives for many ranges.

Environment (Python 3.11): tensorflow-cpu==2.15.1 numpy==1.26.4 'setuptools<81'
tensorflow-model-optimization==0.7.5, and QKeras' repository of June 2025.
"""
import argparse, json, os, pathlib
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf
from tensorflow.python.ops import array_ops
for _f in ("stack", "unstack"):  # QKeras calls two functions that TensorFlow 2.15 moved
    if not hasattr(array_ops, _f):
        setattr(array_ops, _f, getattr(tf, _f))
import qkeras as q
from qkeras.quantizers import _get_integer_bits
from qkeras.utils import _add_supported_quantized_objects

MAX = [0.3, 0.97, 1.7, 3.0, 5.9, 11.0]
MIN = [-0.2, -3.9, -0.5, -2.0, -9.0, -0.01]
WIDE = "fixed<12,5>"
# name: samples' shape, activation, bits, ema_min, ema_max, arguments
CASES = {
    "adaptive_relu_per_channel": ((3, 6), "quantized_relu", 6, MIN, MAX, {}),
    "adaptive_bits_per_channel": ((6,), "quantized_bits", 5, MIN, MAX, {}),
    "adaptive_bits_asymmetric": ((6,), "quantized_bits", 6, [-2.0], [1.2], {"symmetric": False}),
    "adaptive_leaky_per_channel": ((2, 2, 6), "quantized_relu", 6, MIN, MAX,
                                   {"relu_neg_slope": 0.25, "po2_rounding": True, "symmetric": False}),
}


def build(shape, activation, bits, low, high, arguments):
    tf.keras.backend.clear_session()
    x = tf.keras.Input(shape, name="x")
    per_channel = len(low) > 1
    act = q.QAdaptiveActivation(activation, bits, quantization_delay=1, per_channel=per_channel, name="act", **arguments)
    y = act(x)
    quantizer = q.quantized_bits(4, 0, 1, alpha=1)
    y = q.QDense(3, kernel_quantizer=quantizer, use_bias=False, kernel_initializer=tf.keras.initializers.RandomNormal(seed=3), name="fc")(y)
    model = tf.keras.Model(x, y)
    act.ema_min.assign(low)
    act.ema_max.assign(high)
    return model


def write(folder, spec, rng):
    shape = spec[0]
    folder.mkdir(parents=True, exist_ok=True)
    build(*spec).save(folder / "model.h5")
    known = {}
    _add_supported_quantized_objects(known)
    known["QAdaptiveActivation"] = q.QAdaptiveActivation
    model = tf.keras.models.load_model(folder / "model.h5", custom_objects=known, compile=False)
    x = (rng.integers(-2048, 2048, (24,) + shape) / 128.0).astype(np.float32)
    x[:4] /= 16  # many of them small
    x = np.round(x * 128) / 128
    tracer = tf.keras.Model(model.inputs, [layer.output for layer in model.layers[1:]])
    tracer(x, training=False)
    trace = dict(zip((layer.name for layer in model.layers[1:]), map(np.asarray, tracer(x, training=False))))
    np.savez_compressed(folder / "inputs.npz", x=x)
    np.savez_compressed(folder / "trace.npz", **trace)
    (folder / "case.json").write_text(json.dumps({"inputs": {"x": WIDE}, "outputs": ["fc"]}, indent=1) + "\n")
    print(folder.name, model.get_layer("act").quantizer.integer.numpy())


def integer_bits(path, rng):
    powers = np.float32(2.0) ** rng.integers(-3, 20, 400)
    edges = [powers, np.nextafter(powers, np.float32(0)), np.nextafter(powers, np.float32(1e30)),
             powers - powers / np.float32(2.0) ** rng.integers(1, 12, 400), rng.uniform(0, 40, 2000), np.zeros(20)]
    high = np.concatenate(edges).astype(np.float32) * rng.choice(np.float32([1, 1, 1, -1]), sum(map(len, edges)))
    low = -np.abs(rng.permutation(high)) * rng.choice(np.float32([1, 1, -1]), len(high))
    rows = []
    for maximum, minimum in zip(high, low):
        bits, symmetric, negative, clipping = int(rng.integers(1, 17)), *map(bool, rng.integers(0, 2, 3))
        integer = _get_integer_bits(tf.constant(minimum), tf.constant(maximum), bits, symmetric, negative, clipping)
        rows.append((minimum, maximum, bits, symmetric, negative, clipping, int(integer)))
    np.savez_compressed(path, rows=np.array(rows, np.float32))
    print(len(rows), "ranges")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--out", default=pathlib.Path(__file__).parent, type=pathlib.Path)
    out = p.parse_args().out
    rng = np.random.default_rng(5)
    for name, spec in CASES.items():
        write(out / name, spec, rng)
    integer_bits(out / "integer_bits.npz", rng)


if __name__ == "__main__":
    main()
