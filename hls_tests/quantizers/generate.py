#!/usr/bin/env python3
"""Write what QKeras makes of parameters: cases.json and arrays.npz beside this file.

Usage: generate.py [--out DIR] [--seed N] [--draws N]

A case names a quantizer, whether it acts inside a layer's kernel (where QKeras computes an alpha
that is not stated), and a shape; its weights and values follow one another in arrays.npz, both as
float32. Values are free of the rounding error of QKeras' straight-through estimator: that is
switched off, or the value is divided by the scale and rounded.

Environment (Python 3.11): tensorflow-cpu==2.15.1 numpy==1.26.4 'setuptools<81'
tensorflow-model-optimization==0.7.5, and QKeras 0.9.0 or its repository's state of June 2025.
"""
import argparse, itertools, json, os, pathlib
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf
from tensorflow.python.ops import array_ops
for _f in ("stack", "unstack"):  # QKeras calls two functions that TensorFlow 2.15 moved
    if not hasattr(array_ops, _f):
        setattr(array_ops, _f, getattr(tf, _f))
from qkeras import quantizers as Q

# The kernels of the dense reference cases, all of them inside a layer.
DENSE = [
    "quantized_bits(4,0,1,alpha=1)", "quantized_bits(6,2,0,alpha=1)", "quantized_bits(8,0,0,alpha=1)",
    "quantized_bits(4,0,1)", "quantized_bits(4,0,1,alpha='auto_po2')", "quantized_bits(1,0,1,alpha=1)",
    "ternary(alpha=1)", "ternary(alpha=1,threshold=0.2)", "ternary(alpha='auto_po2')",
    "binary(alpha=1)", "binary(alpha='auto_po2')", "binary(use_01=True,alpha=1)",
    "quantized_po2(4)", "quantized_po2(3,max_value=1)",
]
SHAPES = [(6, 3), (1, 4), (9, 1), (3, 3, 2, 2), (2, 5, 3), (7,), (1,), (16, 2)]


def weights(rng, shape):
    """Weights of many kinds; the last axis has a column of zeros now and then."""
    kind = rng.integers(0, 9)
    x = rng.normal(0, 1, shape)
    if kind == 0:
        x = rng.uniform(-1, 1, shape)
    elif kind == 1:
        x = rng.integers(-16, 17, shape) / 16.0  # on a grid: ties
    elif kind == 2:
        x = x * 10.0 ** rng.uniform(-9, -3)  # near and below epsilon
    elif kind == 3:
        x = x * 10.0 ** rng.uniform(1, 12)
    elif kind == 4:
        x = rng.choice([-1.0, 0.0, 1.0], shape) * 10.0 ** rng.uniform(-4, 1)
    elif kind == 5:
        x = np.abs(x)
    elif kind == 6:
        x = x * 10.0 ** rng.uniform(-4, 1, shape[-1:])
    elif kind == 7:
        x = np.exp2(rng.integers(-9, 4, shape)) * rng.choice([-1.0, 1.0], shape)
    if rng.random() < 0.3:
        x = x * (rng.random(shape[-1:]) < 0.7)
    return x.astype(np.float32)


def bits(rng, alpha):
    b, i = int(rng.choice([1, 2, 3, 4, 5, 6, 8, 12, 16])), int(rng.choice([-2, 0, 0, 1, 3, 7]))
    # An 'auto' scale of unsigned numbers is QKeras' signed one.
    keep = bool(rng.random() < 0.85)
    return f"quantized_bits({b},{i},{int(rng.integers(0, 2))},keep_negative={keep},alpha={alpha})"


def po2(rng, relu):
    b = int(rng.integers(1 if relu else 2, 8))
    more = [f"quadratic_approximation={bool(rng.random() < 0.3)}"]
    if rng.random() < 0.5:
        more.append(f"max_value={rng.choice([0.25, 1, 2, 3, 8])}")
    if relu:
        more.append(f"negative_slope={rng.choice([0, 0.25, 1])}")
        return f"quantized_relu_po2({b},{','.join(more)})" if b > 1 else "quantized_relu_po2(3)"
    return f"quantized_po2({b},{','.join(more)})"


def relu(rng):
    b, i = int(rng.integers(1, 10)), int(rng.integers(0, 4))
    return f"quantized_relu({b},{i},{int(rng.random() < 0.3)},negative_slope={rng.choice([0, 0.125, 0.5])})"


def calls(rng, draws):
    for _ in range(draws):
        yield bits(rng, "'auto_po2'"), False
        yield bits(rng, None), True
    for _ in range(draws // 2):
        yield bits(rng, rng.choice([0.5, 1, 2, None])), False
        yield "ternary(alpha='auto_po2')", False
        yield f"ternary(number_of_unrolls={int(rng.integers(1, 8))})", True
        yield "binary(alpha='auto_po2')", False
        yield f"binary(use_01={bool(rng.integers(0, 2))})", True
    for _ in range(draws // 4):
        yield f"ternary(alpha={rng.choice([1, 0.5])},threshold={rng.choice([0.2, 0.5, None])})", True
        yield f"binary(use_01={bool(rng.integers(0, 2))},alpha=0.25)", True
        yield po2(rng, False), True
        yield po2(rng, True), False
        yield relu(rng), False


def askable(call, x):
    """The weights without those for which QKeras' own answer is an accident of float32."""
    if call.startswith(("ternary", "binary")) and "auto" not in call:
        x = np.clip(x, -1e3, 1e3)  # x + (q(x) - x) loses q(x) beyond
    if "quadratic_approximation=True" in call:
        # A tie of log2(sqrt(x)): TensorFlow's logarithm differs between the lanes of one tensor.
        x = np.where(np.frexp(np.abs(x))[0] == 0.5, x * np.float32(1.25), x)
    return x


def quantize(call, in_kernel, x):
    quantizer = Q.get_quantizer(call)
    if hasattr(quantizer, "use_ste"):
        quantizer.use_ste = False
    if in_kernel:
        quantizer._set_trainable_parameter()
    y = np.asarray(quantizer(tf.constant(x)))
    if isinstance(quantizer, (Q.ternary, Q.binary)):
        scale = np.broadcast_to(np.asarray(quantizer.scale, np.float32), y.shape)
        y = scale * np.round(y / scale)
    return y + np.float32(0)  # no negative zeros


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--out", default=pathlib.Path(__file__).parent, type=pathlib.Path)
    p.add_argument("--seed", type=int, default=11)
    p.add_argument("--draws", type=int, default=60)
    a = p.parse_args()
    rng = np.random.default_rng(a.seed)
    cases, xs, ys = [], [], []
    dense = [(call, True, rng.normal(0, 0.5, (12, 7)).astype(np.float32)) for call in DENSE]
    drawn = ((call, in_kernel, weights(rng, SHAPES[n % len(SHAPES)])) for n, (call, in_kernel) in enumerate(calls(rng, a.draws)))
    for call, in_kernel, x in itertools.chain(dense, drawn):
        x = askable(call, x)
        y = quantize(call, in_kernel, x)
        assert np.isfinite(y).all(), call
        cases.append({"quantizer": call, "in_kernel": in_kernel, "shape": x.shape})
        xs.append(x.ravel())
        ys.append(y.ravel())
    a.out.mkdir(parents=True, exist_ok=True)
    (a.out / "cases.json").write_text("[\n" + ",\n".join(map(json.dumps, cases)) + "\n]\n")
    np.savez_compressed(a.out / "arrays.npz", weights=np.concatenate(xs), values=np.concatenate(ys))
    print(len(cases), "cases,", sum(map(len, xs)), "weights")


if __name__ == "__main__":
    main()
