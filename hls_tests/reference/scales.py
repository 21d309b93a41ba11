#!/usr/bin/env python3
"""Write the reference cases of activation quantizers with several scales beside this file.

Usage: scales.py [--out DIR]

QKeras saves such an alpha only where it is a list, in quantized_bits and quantized_linear; it neither
loads one of binary, ternary and bernoulli, nor one that is an array, which this script asserts. The
traces are those of models loaded from the saved files.

Environment (Python 3.11): tensorflow-cpu==2.15.1 numpy==1.26.4 'setuptools<81'
tensorflow-model-optimization==0.7.5, and QKeras' repository of June 2025.
"""
import argparse, json, os, pathlib, tempfile
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf
from tensorflow.python.ops import array_ops
for _f in ("stack", "unstack"):  # QKeras calls two functions that TensorFlow 2.15 moved
    if not hasattr(array_ops, _f):
        setattr(array_ops, _f, getattr(tf, _f))
import qkeras as q
from qkeras.quantizers import quantized_linear
from qkeras.utils import _add_supported_quantized_objects

L = tf.keras.layers
KNOWN = {"quantized_linear": quantized_linear}
_add_supported_quantized_objects(KNOWN)
CODES = (np.arange(1024) - 512) / 64.0  # every number of fixed<10,4>
# Their multiples lie off the ties of quantizers behind, which float32 breaks in its own way.
REAL, POWERS = [0.71, 1.0, 3.0], [0.5, 1.0, 4.0]


def load(path):
    return tf.keras.models.load_model(path, custom_objects=KNOWN, compile=False)


def save(folder, model, x, outputs):
    folder.mkdir(parents=True, exist_ok=True)
    model.save(folder / "model.h5")
    model = load(folder / "model.h5")
    layers = model.layers[1:]
    ys = tf.keras.Model(model.inputs, [layer.output for layer in layers]).predict(x, verbose=0)
    np.savez_compressed(folder / "inputs.npz", x=x)
    np.savez_compressed(folder / "trace.npz", **{layer.name: np.asarray(y) for layer, y in zip(layers, ys)})
    case = {"inputs": {"x": "fixed<10,4>"}, "outputs": outputs}
    (folder / "case.json").write_text(json.dumps(case, indent=1) + "\n")


def samples(rng, shape):
    """Every code in each channel."""
    count = int(np.prod(shape))
    columns = [rng.permutation(CODES) for _ in range(count)]
    return np.stack(columns, axis=1).reshape((-1,) + shape).astype(np.float32)


def activations(out, rng):
    quantizers = {
        "bits_real": q.quantized_bits(5, 1, 1, alpha=REAL),
        "bits_powers": q.quantized_bits(5, 1, 0, alpha=POWERS),
        "bits_negative": q.quantized_bits(4, 2, 0, alpha=[-1.0, 0.25, 0.0]),
        "sign": q.quantized_bits(1, 0, 1, alpha=POWERS),
        "text": "quantized_bits(4,2,0,alpha=[0.5 1.0 0.3])",
        "linear_real": quantized_linear(4, 1, alpha=[0.6875, 1.0, 3.0]),
        "linear_powers": quantized_linear(4, 1, 0, alpha=POWERS),
        "linear_sign": quantized_linear(1, 1, alpha=[0.7, -1.0, 0.5]),
        "frozen": q.quantized_bits(4, 1, 1, alpha="auto", post_training_scale=np.array([0.6875, 1.0, 0.25])),
        "rows": q.quantized_bits(4, 1, 1, alpha=[[0.5], [3.0]]),
        "elements": quantized_linear(4, 1, alpha=[[0.5, 1.0, 3.0], [1.0, 0.75, 0.5]]),
        "batch": q.quantized_bits(4, 1, 1, alpha=[[[0.5, 1.0, 3.0]]]),
    }
    x = tf.keras.Input((2, 3), name="x")
    outputs = [q.QActivation(quantizer, name=name)(x) for name, quantizer in quantizers.items()]
    save(out / "act_scales", tf.keras.Model(x, outputs), samples(rng, (2, 3)), list(quantizers))


def between_layers(out, rng):
    """Inside of layers, in time, and with quantizers behind, for which scales can be narrowed."""
    kernel = q.quantized_bits(4, 0, 1, alpha=1)
    normal = lambda seed: tf.keras.initializers.RandomNormal(seed=seed)
    x = tf.keras.Input((4, 3), name="x")
    y = q.QActivation(q.quantized_bits(5, 2, 1, alpha=REAL), name="scaled")(x)
    y = q.QActivation("quantized_bits(6,3,0,alpha=1)", name="again")(y)
    inside = quantized_linear(5, 2, alpha=[0.5, 2.0, 1.0, 0.25])
    y = q.QDense(4, kernel_quantizer=kernel, use_bias=False, kernel_initializer=normal(3), activation=inside, name="dense")(y)
    step = q.QActivation(q.quantized_bits(4, 1, 1, alpha=[[0.5, 1.0, 3.0, 0.29]]), name="step")
    z = L.TimeDistributed(step, name="time")(y)
    z = q.QActivation("quantized_relu(5,2)", name="act")(z)
    save(out / "scales_between_layers", tf.keras.Model(x, z), samples(rng, (4, 3)), ["act"])


def refused():
    """What QKeras does not save and load."""
    x = tf.keras.Input((3,))
    array = np.array(REAL, np.float32)
    for quantizer in [q.binary(alpha=array), q.ternary(alpha=array), q.stochastic_binary(alpha=array), q.bernoulli(alpha=array)]:
        model = tf.keras.Model(x, q.QActivation(quantizer)(x))
        for ending in (".h5", ".keras"):
            with tempfile.NamedTemporaryFile(suffix=ending) as file:
                model.save(file.name)
                try:
                    load(file.name)
                except TypeError:
                    continue
                raise AssertionError(f"{quantizer} was loaded")
    for call in (q.binary(alpha=REAL), q.ternary(alpha=REAL), q.quantized_bits(4, alpha=array)):
        try:
            q.QActivation(call)(x)
        except (TypeError, ValueError):
            continue
        raise AssertionError(f"{call} was called")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--out", default=pathlib.Path(__file__).parent, type=pathlib.Path)
    out = p.parse_args().out
    rng = np.random.default_rng(5)
    activations(out, rng)
    between_layers(out, rng)
    refused()


if __name__ == "__main__":
    main()
