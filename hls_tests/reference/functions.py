#!/usr/bin/env python3
"""Write the reference cases of non-linear functions: Keras' own, and the corners of QKeras'.

Usage: functions.py OUT_DIR

Under TensorFlow 2.15 (Keras 2) with QKeras it writes keras2_*, sigmoid_*, act_corners and functions_quantized, under
Keras 3.10 keras3_*. Each case is a folder as hls_tests/reference_cases/cases.rs reads it, with two
more keys in case.json: "precision", what results without a quantizer are rounded to, and
"sigmoid", what set_internal_sigmoid was given.

Real-valued functions are compared after rounding, so samples are left out at which a result lies
so near to the middle between two numbers of the precision that float32 may round it the other way.
"""
import json, os, pathlib, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
import tensorflow as tf

keras = tf.keras
L = keras.layers
THREE = hasattr(keras, "version")
GENERATION = "keras3" if THREE else "keras2"
SLOPE = "negative_slope" if THREE else "alpha"
FRACTION = 10
PRECISION = "fixed<18,8,RND,SAT>"
NAMES = ["relu6", "leaky_relu", "tanh", "sigmoid", "hard_sigmoid", "softplus", "softsign", "elu", "selu", "swish", "gelu", "mish"]
if THREE:
    NAMES += ["hard_tanh", "celu", "hard_silu", "log_sigmoid", "tanh_shrink", "hard_shrink", "soft_shrink", "squareplus",
              "sparse_plus", "sparse_sigmoid"]
CODES = (np.arange(1024) - 512) / 64.0  # every number of fixed<10,4>


def save(folder, model, x, **more):
    folder.mkdir(parents=True, exist_ok=True)
    layers = model.layers
    ys = keras.Model(model.inputs, [layer.output for layer in layers]).predict(x, verbose=0)
    model.save(folder / ("model.keras" if THREE else "model.h5"))
    np.savez_compressed(folder / "inputs.npz", input_1=x)
    np.savez_compressed(folder / "trace.npz", **{layer.name: np.asarray(y) for layer, y in zip(layers, ys) if layer.name != "input_1"})
    case = {"inputs": {"input_1": "fixed<10,4>"}, "outputs": [layer.name for layer in layers[1:]], **more}
    (folder / "case.json").write_text(json.dumps(case, indent=1) + "\n")


def decided(values):
    """Whether every value is far from the middle between two numbers with FRACTION bits."""
    position = np.asarray(values, np.float64) * 2.0**FRACTION
    return np.all(np.abs(position - np.floor(position) - 0.5) > 0.02, axis=0)


def functions(out):
    def outputs(x):
        short = L.ReLU(max_value=2, negative_slope=1, name="short")(x)
        inside = L.Dense(16, activation="tanh", kernel_initializer="identity", name="inside")
        return [L.Activation(n, name=n)(x) for n in NAMES] + [short, L.Activation("exponential", name="exponential")(short), inside(x)]

    x = keras.Input((16,), name="input_1")
    model = keras.Model(x, outputs(x))
    every = np.asarray(model.predict(np.repeat(CODES[:, None], 16, axis=1), verbose=0))[:, :, 0]
    codes = CODES[decided(every)]
    chosen = np.random.default_rng(5).permutation(codes)[: len(codes) // 16 * 16]
    save(out / f"{GENERATION}_functions", model, chosen.reshape(-1, 16), precision=PRECISION)


def rectifiers(out):
    i = keras.Input((4, 4), name="input_1")

    def slopes(shape, dtype=None):
        return (np.random.default_rng(7).integers(-8, 16, tuple(int(n) for n in shape)) / 16.0).astype("float32")

    layers = [
        L.ReLU(max_value=2.5, name="relu_max"), L.ReLU(negative_slope=0.25, name="relu_slope"),
        L.ReLU(threshold=0.5, name="relu_threshold"), L.ReLU(max_value=3, negative_slope=0.125, threshold=0.5, name="relu_all"),
        L.ReLU(max_value=2, negative_slope=0.5, threshold=4, name="relu_beyond"), L.ReLU(max_value=0, name="relu_nothing"),
        L.LeakyReLU(**{SLOPE: 0.375}, name="leaky_short"), L.LeakyReLU(**{SLOPE: 0.3}, name="leaky_long"),
        L.PReLU(alpha_initializer=slopes, name="prelu"), L.PReLU(alpha_initializer=slopes, shared_axes=[1], name="prelu_channels"),
        L.PReLU(alpha_initializer=slopes, shared_axes=[2], name="prelu_rows"), L.PReLU(alpha_initializer=slopes, shared_axes=[1, 2], name="prelu_one"),
        L.ELU(name="elu"),
    ]
    if not THREE:
        layers += [L.ThresholdedReLU(1.5, name="thresholded"), L.ELU(alpha=0.5, name="elu_half")]
    model = keras.Model(i, [layer(i) for layer in layers])
    every = np.asarray(model.predict(np.broadcast_to(CODES[:, None, None], (1024, 4, 4)), verbose=0))
    codes = CODES[decided(np.moveaxis(every, 1, -1).reshape(-1, 1024))]
    chosen = np.random.default_rng(5).permutation(codes)[: len(codes) // 16 * 16]
    save(out / f"{GENERATION}_rectifiers", model, chosen.reshape(-1, 4, 4), precision=PRECISION)


def qkeras_cases(out):
    from tensorflow.python.ops import array_ops
    for f in ("stack", "unstack"):  # QKeras calls two functions that TensorFlow 2.15 moved
        if not hasattr(array_ops, f):
            setattr(array_ops, f, getattr(tf, f))
    import qkeras as q
    from qkeras import quantizers as Q

    x = np.random.default_rng(6).permutation(CODES).reshape(64, 16)

    def all_of(activations):
        i = keras.Input((16,), name="input_1")
        return keras.Model(i, [q.QActivation(a, name=f"a{n}")(i) for n, a in enumerate(activations)])

    kinds = [Q.quantized_tanh(6), Q.quantized_tanh(5, symmetric=True), Q.quantized_sigmoid(6), Q.quantized_sigmoid(5, symmetric=True),
             Q.quantized_relu(6, 2, 1), Q.quantized_relu(6, 2, 1, negative_slope=0.25), Q.quantized_ulaw(6, 1), Q.quantized_ulaw(5, 0, 1, 31.0)]
    for kind in ("smooth", "real"):
        Q.set_internal_sigmoid(kind)
        save(out / f"sigmoid_{kind}", all_of(kinds), x, sigmoid=kind)
    Q.set_internal_sigmoid("hard")
    corners = kinds + [
        "binary_tanh", "hard_sigmoid", Q.quantized_tanh(1), Q.quantized_tanh(1, symmetric=True), Q.quantized_sigmoid(1),
        Q.quantized_sigmoid(1, symmetric=True), Q.quantized_tanh(7, symmetric=True, use_real_tanh=True),
        Q.quantized_sigmoid(7, symmetric=True, use_real_sigmoid=True),
        Q.quantized_hswish(5, 1, 1), Q.quantized_hswish(7, 2, 0, relu_shift=5, relu_upper_bound=2),
        Q.quantized_hswish(6, 3, 0, relu_shift=2, relu_upper_bound=1, alpha=0.75),
        Q.quantized_po2(4, quadratic_approximation=True, log2_rounding="floor"),
        Q.quantized_relu_po2(3, quadratic_approximation=True, log2_rounding="floor"),
        Q.quantized_relu_po2(3, 4, negative_slope=0.5, quadratic_approximation=True, log2_rounding="floor"),
        Q.binary(alpha=-1.0), Q.quantized_bits(4, 1, alpha=-0.75), Q.ternary(alpha=-2.0, threshold=0.5),
        # As text: QKeras' get_config leaves is_quantized_clip out.
        "quantized_relu(5,2,relu_upper_bound=2.7,is_quantized_clip=False)",
        "quantized_relu(4,1,negative_slope=0.5,relu_upper_bound=1.25,is_quantized_clip=False)",
    ]
    save(out / "act_corners", all_of(corners), x)

    # A quantizer behind a function computes both at once.
    i = keras.Input((16,), name="input_1")
    ends = [q.QActivation("quantized_bits(8,2,alpha=1)", name=f"q_{n}")(L.Activation(n, name=n)(i)) for n in ("tanh", "softplus", "swish")]
    inside = L.Dense(16, activation="sigmoid", kernel_initializer="identity", name="inside")(i)
    save(out / "functions_quantized", keras.Model(i, [*ends, q.QActivation("quantized_relu(8)", name="q_inside")(inside)]), x)


if __name__ == "__main__":
    out = pathlib.Path(sys.argv[1])
    functions(out)
    rectifiers(out)
    if not THREE:
        qkeras_cases(out)
