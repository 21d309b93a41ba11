#!/usr/bin/env python3
"""Write the values that QKeras gives to parameters: cases.json and arrays.npz beside this file.

Usage: generate.py [--out DIR] [--seed N] [--draws N]

A case names a quantizer, as a call or as class and configuration, whether it acts inside a layer's
kernel (where QKeras computes an alpha that is not stated), and a shape; its weights and values follow
one another in arrays.npz, both as float32. Values are free of the rounding error of QKeras'
straight-through estimator: that is switched off, or the value is divided by the scale and rounded.
"own_sums" marks scales that come from sums whose order TensorFlow chooses by the processor, "own_powers"
values that it takes from a power function which is not the nearest float32 number in all lanes.

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
        x = rng.integers(-16, 17, shape) / 16.0  # multiples of an LSB: ties
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
    """The weights without those whose result in QKeras is an accident of float32."""
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


SCALED_SHAPES = [(6, 3), (16, 8), (3, 3, 2, 4), (7,), (40, 9), (3, 3, 4, 1), (5, 2, 6), (3, 3, 4, 2), (20, 16), (4, 6)]


def axis(rng, rank, lists=True):
    """A scale_axis that QKeras accepts."""
    kind = rng.integers(0, 4)
    if kind == 0 or rank == 1:
        return None
    if kind == 1 or not lists:
        return int(rng.integers(0, rank))
    return sorted(map(int, rng.choice(rank, rng.integers(0, rank + 1), replace=False)))


def groups(rng, shape):
    """scale_axis and elements_per_scale."""
    scale_axis = axis(rng, len(shape))
    if scale_axis is None or scale_axis == [] or rng.random() < 0.4:
        return {"scale_axis": scale_axis}
    divisor = lambda a: int(rng.choice([d for d in range(1, shape[a] + 1) if shape[a] % d == 0]))
    if isinstance(scale_axis, int):
        return {"scale_axis": scale_axis, "elements_per_scale": divisor(scale_axis)}
    elements = [divisor(a) for a in scale_axis]
    return {"scale_axis": scale_axis, "elements_per_scale": elements if rng.random() < 0.7 else 1}


def exponents(rng):
    draw = lambda low: int(rng.integers(low, low + 6)) if rng.random() < 0.4 else None
    return {"min_po2_exponent": draw(-6), "max_po2_exponent": draw(-3)}


def tensor(rng, shape):
    """Numbers that broadcast to the shape: for each output, or for other axes too."""
    kind = rng.integers(0, 4)
    spread = [shape[-1:], (1,) * (len(shape) - 1) + shape[-1:], shape[:-1] + (1,), shape][kind]
    numbers = rng.choice([0.5, 1.0, 2.0], spread) if rng.random() < 0.3 else rng.uniform(0.05, 2, spread)
    return numbers.astype(np.float32)


def stated(rng, shape):
    return [None, 0.25, 0.3, 1.7, tensor(rng, shape)][rng.integers(0, 5)]


def scaled_bits(rng, shape):
    c = {"bits": int(rng.choice([1, 2, 3, 4, 6, 8, 12])), "integer": int(rng.choice([-2, 0, 0, 1, 3])),
         "symmetric": int(rng.integers(0, 2)), "keep_negative": bool(rng.random() < 0.8)}
    kind = rng.integers(0, 6)
    if kind == 0:
        return c | {"alpha": stated(rng, shape)}, False
    if kind == 1:
        scale = tensor(rng, shape) if rng.random() < 0.7 else np.array(rng.choice([0.5, 0.3]))
        return c | {"alpha": str(rng.choice(["auto", "auto_po2"])), "post_training_scale": scale}, False
    if kind == 2:
        c["bits"] = max(c["bits"], 2)
        return c | {"alpha": "auto", "scale_axis": axis(rng, len(shape))}, False
    in_kernel = bool(rng.integers(0, 2))
    alpha = None if in_kernel else "auto_po2"
    return c | {"alpha": alpha} | groups(rng, shape) | exponents(rng), in_kernel


def scaled_linear(rng, shape):
    c = {"bits": int(rng.choice([1, 1, 2, 3, 4, 6, 8, 12])), "integer": int(rng.choice([-2, 0, 0, 1, 3])),
         "symmetric": int(rng.integers(0, 2)), "keep_negative": bool(rng.random() < 0.8)}
    in_kernel = bool(rng.integers(0, 2))
    alpha = [stated(rng, shape), "auto", "auto_po2"][rng.integers(0, 3)]
    return c | {"alpha": alpha, "scale_axis": axis(rng, len(shape))}, in_kernel


def scaled_binary(rng, shape):
    c = {"use_01": bool(rng.integers(0, 2))}
    if rng.random() < 0.3:
        return c | {"alpha": stated(rng, shape)}, False
    alpha = str(rng.choice(["auto", "auto_po2"]))
    return c | {"alpha": alpha} | groups(rng, shape) | (exponents(rng) if alpha == "auto_po2" else {}), False


def scaled_ternary(rng, shape):
    alpha = ["auto", "auto_po2", stated(rng, shape)][rng.integers(0, 3)]
    c = {"alpha": alpha, "number_of_unrolls": int(rng.integers(1, 7))}
    if not isinstance(alpha, str):
        c["threshold"] = [None, 0.2, 0.5][rng.integers(0, 3)]
        return c, False
    return c, bool(rng.integers(0, 2))


def scaled_sign(rng, shape):
    return {"alpha": ["auto", "auto_po2", stated(rng, shape)][rng.integers(0, 3)]}, bool(rng.integers(0, 2))


SCALED = [("quantized_bits", scaled_bits), ("quantized_linear", scaled_linear), ("binary", scaled_binary),
          ("quantized_bits", scaled_bits), ("quantized_linear", scaled_linear), ("ternary", scaled_ternary),
          ("stochastic_ternary", scaled_ternary), ("stochastic_binary", scaled_sign), ("bernoulli", scaled_sign)]


def scaled(rng, draws):
    """Cases of computed and stated scales, with their weights."""
    for n in range(draws):
        name, draw = SCALED[n % len(SCALED)]
        shape = SCALED_SHAPES[rng.integers(0, len(SCALED_SHAPES))]
        config, in_kernel = draw(rng, shape)
        config = {k: v for k, v in config.items() if v is not None}
        x = np.clip(weights(rng, shape), -1e3, 1e3)
        yield name, config, in_kernel, x, scaled_values(name, config, in_kernel, x)


def uneven(rng, draws):
    """Cases with fractional exponents: bounds of a computed scale, bits of an exponent."""
    bound = lambda low: float(np.round(rng.uniform(low, low + 6), 3)) if rng.random() < 0.7 else None
    for n in range(draws):
        shape = SCALED_SHAPES[rng.integers(0, len(SCALED_SHAPES))]
        x = np.clip(weights(rng, shape), -1e3, 1e3)
        bounds = {"min_po2_exponent": bound(-6), "max_po2_exponent": bound(-4)}
        name, config = [
            ("quantized_bits", {"bits": int(rng.integers(2, 7)), "integer": int(rng.integers(-1, 3)), "alpha": "auto_po2"} | bounds),
            ("binary", {"use_01": bool(rng.integers(0, 2)), "alpha": "auto_po2"} | bounds),
            ("quantized_po2", {"bits": float(rng.integers(4, 30)) / 4, "max_value": [None, 1.0, 3.0][rng.integers(0, 3)]}),
            ("quantized_relu_po2", {"bits": float(rng.integers(0, 26)) / 4, "negative_slope": [0.0, 0.5][rng.integers(0, 2)]}),
        ][n % 4]
        config = {k: v for k, v in config.items() if v is not None}
        yield name, config, False, x, scaled_values(name, config, False, x)


def scaled_values(name, config, in_kernel, x):
    # quantized_bits compares alpha with a string, which fails for an array.
    arrays = {k: v.tolist() if k == "alpha" and isinstance(v, np.ndarray) and name == "quantized_bits" else v for k, v in config.items()}
    quantizer = getattr(Q, name)(**arrays)
    if in_kernel:
        quantizer._set_trainable_parameter()
    if hasattr(quantizer, "use_ste"):
        quantizer.use_ste = False
    x = tf.constant(x)
    y = np.asarray(quantizer(x))
    if name == "quantized_linear":
        scale = quantizer.quantization_scale
        y = np.asarray(quantizer._scale_clip_and_round(x, scale) * scale)
    elif name == "bernoulli":  # QKeras draws 0 and 1; it computes scales with the likelier
        y = np.asarray(quantizer.scale * tf.cast(x >= 0, tf.float32))
    elif not hasattr(quantizer, "use_ste"):
        scale = np.broadcast_to(np.asarray(quantizer.scale, np.float32), y.shape)
        y = scale * np.round(y / np.where(scale == 0, np.float32(1), scale))
    return y + np.float32(0)


def own_sums(name, config, x):
    """True if a real scale comes from sums over other axes than all but the last."""
    if name.startswith("quantized") or not isinstance(config.get("alpha"), str) or config["alpha"] != "auto":
        return False
    last = config.get("scale_axis", x.ndim - 1) in (x.ndim - 1, [x.ndim - 1])
    return x.ndim > 1 and not (last and config.get("elements_per_scale", 1) in (1, [1]) and x.shape[-1] > 1)


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
    computed = scaled(np.random.default_rng(a.seed + 1), 4 * a.draws)
    for name, config, in_kernel, x, y in itertools.chain(computed, uneven(np.random.default_rng(a.seed + 2), a.draws)):
        assert np.isfinite(y).all(), (name, config)
        plain = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in config.items()}
        case = {"class": name, "config": plain, "in_kernel": in_kernel, "shape": x.shape}
        own = {"own_sums": own_sums(name, config, x), "own_powers": "_po2" in name and config["bits"] % 1 != 0}
        cases.append(case | {key: True for key, is_so in own.items() if is_so})
        xs.append(x.ravel())
        ys.append(y.ravel())
    a.out.mkdir(parents=True, exist_ok=True)
    (a.out / "cases.json").write_text("[\n" + ",\n".join(map(json.dumps, cases)) + "\n]\n")
    np.savez_compressed(a.out / "arrays.npz", weights=np.concatenate(xs), values=np.concatenate(ys))
    print(len(cases), "cases,", sum(map(len, xs)), "weights")


if __name__ == "__main__":
    main()
