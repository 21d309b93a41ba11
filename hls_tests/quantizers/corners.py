#!/usr/bin/env python3
"""Write the results of QKeras in corner cases: corners.json and float32.json beside this file.

Usage: corners.py [--out DIR]

corners.json holds what quantizers make of numbers where implementations differ; all of it is exact.
float32.json holds worked examples of QKeras' own float32 arithmetic giving another number than exact
arithmetic does. `alone` is the result of a tensor of one element; `lanes` are the first and the last
result of a tensor of eleven equal elements, of which TensorFlow computes eight at once and the others one
by one.

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
from qkeras import quantizers as Q

T = float(np.float32(0.33))
BELOW, ABOVE = (float(np.nextafter(np.float32(0.33), np.float32(end))) for end in (0, 1))
STEPS = [k / 16 for k in range(-40, 41)]
# name: calls, numbers, sigmoid
CORNERS = {
    "bits_equal_to_integer": (["quantized_bits(4,4,alpha=1)", "quantized_bits(4,5,alpha=1)", "quantized_relu(3,3)"], list(range(-40, 41)), "hard"),
    "one_bit_is_the_sign": (["quantized_bits(1,0,alpha=1)", "quantized_bits(1,3,alpha=1)"], [-2, -0.5, 0, 0.25, 3], "hard"),
    "without_negative_numbers": (["quantized_bits(4,0,0,keep_negative=False,alpha=1)", "quantized_bits(1,0,keep_negative=False,alpha=1)"], STEPS, "hard"),
    "symmetric_saturation": (["quantized_bits(4,0,1,alpha=1)", "quantized_bits(4,0,0,alpha=1)", "quantized_tanh(4,symmetric=True)"], STEPS, "hard"),
    "leaky_minimum": (["quantized_relu(6,2,negative_slope=0.25)", "quantized_relu(4,1,negative_slope=0.5)"], [-100, -16, -5, -4, -3.5, -2, -1, -0.125, 0, 1, 9], "hard"),
    "upper_bound": (["quantized_relu(6,3,relu_upper_bound=5,is_quantized_clip=False)", "quantized_relu(6,3,relu_upper_bound=5)", "quantized_relu(6,3,relu_upper_bound=5.01,is_quantized_clip=False)"], [-1, 4.9, 5, 5.0625, 5.2, 7, 100], "hard"),
    "ternary_threshold": (["ternary(alpha=1)"], [-ABOVE, -T, -BELOW, 0, BELOW, T, ABOVE], "hard"),
    "binary_of_zero": (["binary(alpha=1)", "binary_tanh", "binary_sigmoid", "binary(use_01=True,alpha=1)"], [-1, 0, 1], "hard"),
    "powers_are_never_zero": (["quantized_po2(4)", "quantized_relu_po2(4)", "quantized_po2(4,max_value=1)"], [-3, -1e-8, 0, 1e-8, 3], "hard"),
}
for _kind in ("hard", "smooth", "real"):
    _calls = ["quantized_sigmoid(6)", "quantized_tanh(6)", "quantized_relu(6,2,1)"]
    CORNERS[f"{_kind}_sigmoid"] = (_calls, [-3, -1, -0.3125, 0, 0.3125, 1, 3], _kind)

# Values that are no binary fractions: compared without the straight-through estimator.
UNEVEN = [call[:-1] + ",use_ste=False)" for call in (
    "quantized_po2(1)", "quantized_po2(1,quadratic_approximation=True)", "quantized_po2(4.5)", "quantized_po2(0)",
    "quantized_po2(10)", "quantized_relu_po2(2.5,negative_slope=0.5)", "quantized_relu_po2(9)", "quantized_po2(4,max_value=3)")]
UNEVEN_X = [-100, -5, -3, -1, -0.3, -1e-9, 0, 1e-9, 1e-6, 0.3, 0.7, 1, 2, 2.9, 3, 5, 100, 1e30]
# Calls that give NaN or an error.
WITHOUT_VALUES = ["quantized_bits(1,0,1,alpha='auto')", "quantized_bits(1,2,0,keep_negative=False,alpha='auto')",
                  "quantized_relu(4,0.5)", "quantized_relu(4.5,1)", "quantized_tanh(4.5)", "quantized_sigmoid(2.5)",
                  "quantized_relu(4,1,negative_slope=0.3)", "quantized_relu_po2(4,negative_slope=0.3)"]

# call, number, reason
EXAMPLES = [
    ("quantized_po2(6)", 0.7071067690849304, "just below √½, where the float32 logarithm is -½ in eight lanes and less in the others"),
    ("quantized_po2(6)", 11.31370735168457, "just below 8√2, where the float32 logarithm is 3½ already"),
    ("quantized_po2(8,log2_rounding='floor')", 32768.0, "ln(2^15) / ln(2) is less than 15 in float32"),
    ("quantized_po2(6,quadratic_approximation=True)", 0.5, "log2(√½) is a tie, which the lanes break differently"),
    ("binary_tanh", 2.0 ** -24, "x/2 + ½ is ½ in float32"),
    ("quantized_sigmoid(12,use_real_sigmoid=True)", -0.00146484375, "the sigmoid is 2046.5000003 LSBs, and 2046.5 in float32"),
    ("quantized_tanh(12,use_real_tanh=True)", -3.22216796875, "tanh is -2041.49974 LSBs, TensorFlow's approximation -2041.5 or less"),
    ("quantized_hswish(16,2,alpha=1)", 0.749755859375, "the hard swish is 3838.50008 LSBs, and 3838.5 in float32"),
    ("quantized_ulaw(6)", 0.25, "a logarithm, rounded to float32"),
    ("ternary(alpha=1)", 16777218.0, "x + (q(x) - x), and x is too large for the difference"),
    ("binary(alpha=1)", 1e9, "x + (q(x) - x), and x is too large for the difference"),
    ("quantized_bits(8,0,alpha=0.1)", 0.0234375, "3 · 0.1 / 128, rounded, then x + (q(x) - x) once more"),
]


def ask(call, xs, sigmoid="hard"):
    Q.set_internal_sigmoid(sigmoid)
    quantizer = Q.get_quantizer(call)
    return [float(y) for y in np.asarray(quantizer(tf.constant(np.asarray(xs, np.float32)))).astype(np.float64)]


def rounded(call, xs, sigmoid):
    """Without the float32 error of x + (q(x) - x)."""
    return [float(np.round(y * 2**20) / 2**20) for y in ask(call, xs, sigmoid)]


def without_values(call):
    """The result of QKeras: "nan", or the name of an error."""
    try:
        y = np.asarray(Q.get_quantizer(call)(tf.constant([[-1.0], [0.5], [3.0]])))
    except Exception as error:
        return {"quantizer": call, "answer": type(error).__name__}
    assert np.isnan(y).all(), call
    return {"quantizer": call, "answer": "nan"}


def half_away():
    """A column whose scale is a power of two, with ties: a computed alpha rounds them away from zero."""
    x = np.array([[7.0], [2.5], [-2.5], [0.5], [-0.5], [1.5]], np.float32) / 8
    out = []
    for alpha in ("1", "'auto_po2'"):
        call = f"quantized_bits(4,0,1,alpha={alpha})"
        y = np.asarray(Q.get_quantizer(call)(tf.constant(x)))
        out.append({"quantizer": call, "sigmoid": "hard", "x": x.ravel().tolist(), "y": (np.round(y.ravel() * 2**20) / 2**20).tolist()})
    return out


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--out", default=pathlib.Path(__file__).parent, type=pathlib.Path)
    out = p.parse_args().out
    corners = {
        name: [{"quantizer": call, "sigmoid": kind, "x": xs, "y": rounded(call, xs, kind)} for call in calls]
        for name, (calls, xs, kind) in CORNERS.items()
    }
    corners["halves"] = half_away()
    corners["uneven_exponents"] = [{"quantizer": call, "sigmoid": "hard", "x": UNEVEN_X, "y": ask(call, UNEVEN_X)} for call in UNEVEN]
    corners["without_values"] = [without_values(call) for call in WITHOUT_VALUES]
    (out / "corners.json").write_text("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in corners.items()) + "\n}\n")
    examples = [
        {"quantizer": call, "x": x, "alone": ask(call, [x])[0], "lanes": ask(call, [x] * 11)[::10], "why": why}
        for call, x, why in EXAMPLES
    ]
    (out / "float32.json").write_text("[\n" + ",\n".join(json.dumps(e, ensure_ascii=False) for e in examples) + "\n]\n")


if __name__ == "__main__":
    main()
