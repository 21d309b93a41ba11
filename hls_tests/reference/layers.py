#!/usr/bin/env python3
"""Write the reference cases of layers that plain Keras models use beside dense layers and convolutions.

Usage: layers.py OUT_DIR [CASE..]

Under TensorFlow 2.15 (Keras 2) with QKeras it writes keras2_*, under Keras 3 with qkeras-v3 keras3_*. Each case is a folder as
hls_tests/reference_cases/cases.rs reads it.
"""
import json, os, pathlib, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
# With oneDNN, TensorFlow 2.19 computes "...x,xy->...y" wrongly for samples of several axes.
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
import numpy as np
import tensorflow as tf

from tensorflow.python.ops import array_ops
for f in ("stack", "unstack"):  # QKeras calls two functions that TensorFlow 2.15 moved
    if not hasattr(array_ops, f):
        setattr(array_ops, f, getattr(tf, f))
import qkeras as q

if hasattr(tf.keras, "version") or tf.__version__ >= "2.16":
    import keras
    THREE = True
else:
    keras = tf.keras
    THREE = False
L = keras.layers
GENERATION = "keras3" if THREE else "keras2"
SLOPE = "negative_slope" if THREE else "alpha"
RNG = np.random.default_rng(11)


def grid(shape, fraction, low, high):
    """Random numbers with so many fractional bits."""
    return (RNG.integers(low * 2**fraction, high * 2**fraction, shape) / 2.0**fraction).astype("float32")


def randomize(model, fraction=4, low=-1, high=1):
    """Weights on a grid; variances are positive."""
    for layer in model.layers:
        weights = []
        for variable in layer.weights:
            name = variable.name.split("/")[-1].split(":")[0]
            if "iteration" in name:
                value = np.asarray(3)
            elif "variance" in name:
                value = grid(variable.shape, 4, 0.5, 4)
            elif "gamma" in name:
                value = grid(variable.shape, 4, 0.5, 2)
            else:
                value = grid(variable.shape, fraction, low, high)
            weights.append(value)
        if weights:
            layer.set_weights(weights)


def save(folder, model, inputs, formats, **more):
    """Writes the case: `inputs` and `formats` by name of the input."""
    folder.mkdir(parents=True, exist_ok=True)
    layers = [layer for layer in model.layers if not isinstance(layer, L.InputLayer)]
    ys = keras.Model(model.inputs, [layer.output for layer in layers]).predict(inputs, verbose=0)
    ys = ys if isinstance(ys, list) else [ys]
    model.save(folder / ("model.keras" if THREE else "model.h5"))
    np.savez_compressed(folder / "inputs.npz", **inputs)
    np.savez_compressed(folder / "trace.npz", **{layer.name: np.asarray(y) for layer, y in zip(layers, ys)})
    outputs = [tensor.name.split("/")[0] for tensor in model.outputs]
    names = {id(layer.output): layer.name for layer in layers}
    outputs = [names.get(id(tensor), output) for tensor, output in zip(model.outputs, outputs)]
    case = {"inputs": formats, "outputs": outputs, **more}
    (folder / "case.json").write_text(json.dumps(case, indent=1) + "\n")


def bits(n, integer=0):
    return q.quantized_bits(n, integer, 1, alpha=1)


def activation_objects(folder):
    """Layers as the activation of other layers."""
    i = keras.Input((4, 4, 3), name="input_1")
    conv = q.QConv2D(4, 2, kernel_quantizer=bits(5), bias_quantizer=bits(5), activation=L.LeakyReLU(**{SLOPE: 0.125}), name="conv")(i)
    plain = L.Conv2D(3, 1, activation=L.ReLU(max_value=1.5, negative_slope=0.25, threshold=0.5), name="plain")(conv)
    norm = L.BatchNormalization(name="norm", epsilon=0.0)(conv)
    after = L.Activation(L.ReLU(max_value=3.0), name="after")(norm)
    quantized = q.QActivation("quantized_bits(8,2,1,alpha=1)", name="quantized")(after)
    row = L.Flatten(name="row")(quantized)
    dense = q.QDense(6, kernel_quantizer=bits(5), bias_quantizer=bits(5), activation=L.Activation("relu"), name="dense")(row)
    bent = q.QActivation(L.LeakyReLU(**{SLOPE: 0.25}), name="bent")(dense)
    last = [plain, bent]
    if not THREE:
        last.append(L.Dense(3, activation=L.ThresholdedReLU(0.5), name="thresholded")(dense))
    elu = L.Activation(L.ELU(), name="elu")(bent)
    last.append(q.QActivation("quantized_bits(6,2,1,alpha=1)", name="elu_quantized")(elu))
    soft = q.QDense(5, kernel_quantizer=bits(5), bias_quantizer=bits(5), activation=L.Softmax(axis=-1), name="soft")(bent)
    model = keras.Model(i, [*last, soft])
    randomize(model)
    model.get_layer("norm").set_weights([grid((4,), 2, 0.25, 2), grid((4,), 2, -1, 1), grid((4,), 2, -1, 1), 4.0 ** RNG.integers(-1, 2, (4,))])
    save(folder, model, {"input_1": grid((24, 4, 4, 3), 4, -2, 2)}, {"input_1": "fixed<6,2>"}, precision="fixed<32,10,RND,SAT>")


def folded(folder):
    """Batch normalizations folded into dense layers and convolutions, with and without biases and scales."""
    try:
        from qkeras import QDenseBatchnorm
    except ImportError:
        from qdense_batchnorm import QDenseBatchnorm  # from QKeras' repository: QKeras 0.9 does not have it
    modes = {"ema": "ema_stats_folding", "batch": "batch_stats_folding"}
    i = keras.Input((5, 5, 3), name="input_1")
    x = q.QConv2DBatchnorm(4, 2, kernel_quantizer=bits(6, 1), bias_quantizer=bits(8, 3), folding_mode=modes["ema"], ema_freeze_delay=2,
                           activation="quantized_relu(6,2)", name="conv")(i)
    x = q.QDepthwiseConv2DBatchnorm(2, depthwise_quantizer=bits(6, 1), bias_quantizer=bits(8, 3), folding_mode=modes["ema"],
                                    activation="quantized_relu(6,2)", name="depthwise")(x)
    x = QDenseBatchnorm(6, kernel_quantizer=bits(6, 1), bias_quantizer=bits(8, 3), folding_mode=modes["batch"], use_bias=False,
                        activation="quantized_relu(6,2)", name="rows")(x)
    x = L.Flatten(name="flat")(x)
    x = QDenseBatchnorm(5, kernel_quantizer=bits(6, 1), bias_quantizer=bits(8, 3), folding_mode=modes["ema"], ema_freeze_delay=10,
                        epsilon=0.01, activation="quantized_relu(6,2)", name="ema")(x)
    # Without a quantizer the folded bias stays a float32 number.
    x = QDenseBatchnorm(3, kernel_quantizer=q.quantized_bits(4, 0, alpha="auto_po2"), folding_mode=modes["batch"], name="batch")(x)
    x = q.QActivation("quantized_bits(10,4,1,alpha=1)", name="last")(x)
    model = keras.Model(i, x)
    randomize(model)
    save(folder, model, {"input_1": grid((24, 5, 5, 3), 5, -1, 1)}, {"input_1": "fixed<6,1>"})


def embedding(folder):
    """Tables of rows of numbers, before a quantizer and without one."""
    i = keras.Input((6,), name="input_1", dtype="int32")
    j = keras.Input((2, 3), name="input_2")
    words = L.Embedding(11, 4, name="words", mask_zero=True)(i)
    row = q.QDense(3, kernel_quantizer=bits(5), bias_quantizer=bits(5), name="row")(words)
    pairs = L.Embedding(8, 3, name="pairs")(j)
    quantized = q.QActivation("quantized_bits(6,0,1,alpha=1)", name="quantized")(pairs)
    flat = L.Flatten(name="flat")(quantized)
    last = q.QDense(2, kernel_quantizer=bits(5), bias_quantizer=bits(5), name="last")(flat)
    model = keras.Model([i, j], [row, last])
    randomize(model)
    model.get_layer("pairs").set_weights([RNG.uniform(-1, 1, (8, 3))])
    x = {"input_1": RNG.integers(0, 11, (32, 6)).astype("float32"), "input_2": RNG.integers(0, 8, (32, 2, 3)).astype("float32")}
    # Indices with a fraction: Keras drops it.
    x["input_2"][:4] += 0.75
    save(folder, model, x, {"input_1": "ufixed<4,4>", "input_2": "ufixed<5,3>"})


def rescaling(folder):
    """Scales and offsets, before a quantizer and without one."""
    i = keras.Input((3, 2), name="input_1", dtype="uint8")
    fine = L.Rescaling(1 / 255, name="fine")(i)
    quantized = q.QActivation("quantized_relu(6,0)", name="quantized")(fine)
    centred = L.Rescaling(1 / 127.5, offset=-1, name="centred")(i)
    short = L.Rescaling(1 / 256, offset=-0.5, name="short")(i)
    channels = L.Rescaling(scale=[0.25, 0.1], offset=[0.0, -1.5], name="channels")(i) if THREE else short
    x = {"input_1": RNG.integers(0, 256, (40, 3, 2)).astype("float32")}
    save(folder, keras.Model(i, [quantized, centred, short, channels]), x, {"input_1": "ufixed<8,8>"}, precision="fixed<40,10,RND,SAT>")


def normalization(folder):
    """Statistics that are stated or adapted, along several axes."""
    i = keras.Input((4, 3), name="input_1")
    data = grid((50, 4, 3), 5, -3, 4)
    adapted = L.Normalization(name="adapted")
    each = L.Normalization(axis=(1, -1), name="each")
    whole = L.Normalization(axis=None, name="whole")
    rows = L.Normalization(axis=1, name="rows")
    for layer in (adapted, each, whole, rows):
        layer.adapt(data)
    stated = L.Normalization(mean=[0.5, -1.0, 2.0], variance=[4.0, 0.25, 0.0625], name="stated")
    one = L.Normalization(axis=None, mean=0.75, variance=2.0, name="one")
    invert = L.Normalization(mean=[0.5, -1.0, 2.0], variance=[2.0, 0.25, 3.0], invert=True, name="invert")
    ends = [q.QActivation("quantized_bits(8,2,1,alpha=1)", name=f"q_{layer.name}")(layer(i)) for layer in (adapted, each, rows)]
    model = keras.Model(i, [*ends, *(layer(i) for layer in (whole, stated, one, invert))])
    save(folder, model, {"input_1": grid((40, 4, 3), 5, -3, 4)}, {"input_1": "fixed<8,3>"}, precision="fixed<40,10,RND,SAT>")


def resizing(folder):
    """Sizes that are multiples and fractions, and any size for nearest interpolation."""
    i = keras.Input((6, 8, 2), name="input_1")
    sizes = {"nearest": [(12, 16), (3, 4), (7, 5), (2, 8)], "bilinear": [(12, 16), (3, 4), (2, 2), (6, 16), (12, 4), (3, 2)]}
    layers = [L.Resizing(*size, interpolation=kind, name=f"{kind}_{size[0]}_{size[1]}") for kind in sizes for size in sizes[kind]]
    layers.append(L.Resizing(3, 4, crop_to_aspect_ratio=True, name="crop"))
    model = keras.Model(i, [layer(i) for layer in layers])
    save(folder, model, {"input_1": grid((8, 6, 8, 2), 4, -2, 2)}, {"input_1": "fixed<6,2>"})


def einsum(folder):
    """Contractions of the axes of samples and kernels."""
    i = keras.Input((3, 4, 2), name="input_1")
    layers = [
        L.EinsumDense("abcd,de->abce", output_shape=(3, 4, 5), bias_axes="e", activation="relu", name="last"),
        L.EinsumDense("abcd,cde->abe", output_shape=(None, 6), bias_axes="e", name="two"),
        L.EinsumDense("abcd,def->abefc", output_shape=(3, 2, 3, 4), name="turned"),
        L.EinsumDense("...x,xy->...y", output_shape=5, bias_axes="y", name="ellipsis"),
        L.EinsumDense("ab...,bc->ac...", output_shape=5, bias_axes="c", name="first"),
        L.EinsumDense("abcd,bde->abce", output_shape=(3, 4, 5), bias_axes="be", activation="relu", name="groups"),
        L.EinsumDense("abcd,de->abce", output_shape=(3, 4, 5), bias_axes="ce", name="bias_by_row"),
        L.EinsumDense("abcd,bcde->ae", output_shape=5, bias_axes="e", activation="softmax", name="all"),
    ]
    model = keras.Model(i, [layer(i) for layer in layers])
    randomize(model)
    save(folder, model, {"input_1": grid((16, 3, 4, 2), 4, -2, 2)}, {"input_1": "fixed<6,2>"}, precision="fixed<24,10,RND,SAT>")


def training_only(folder):
    """Layers that act in training only, and crops."""
    h = i = keras.Input((8, 6, 2), name="input_1")
    layers = [
        L.RandomFlip(name="flip"),
        L.RandomRotation(0.2, name="rotation"),
        L.RandomZoom(0.2, name="zoom"),
        L.RandomTranslation(0.2, 0.2, name="translation"),
        L.RandomContrast(0.2, name="contrast"),
        L.RandomBrightness(0.2, name="brightness"),
        L.RandomCrop(8, 6, name="same"),
        L.CenterCrop(5, 4, name="middle"),
        L.GaussianNoise(0.1, name="noise"),
        L.SpatialDropout2D(0.5, name="spatial"),
    ]
    if THREE:
        layers += [
            L.RandomShear(x_factor=0.1, name="shear"),
            L.RandomHue(0.2, name="hue"),
            L.RandomSaturation(0.2, name="saturation"),
            L.RandomSharpness(0.2, name="sharpness"),
            L.RandomErasing(name="erasing"),
            L.RandomGaussianBlur(name="blur"),
            L.RandomElasticTransform(name="elastic"),
            L.RandomPerspective(name="perspective"),
            L.RandomGrayscale(name="grayscale"),
            L.RandomInvert(name="invert"),
            L.RandomColorJitter(name="jitter"),
            L.RandomPosterization(4, name="posterization"),
            L.Solarization(name="solarization"),
            L.MixUp(name="mix_up"),
            L.CutMix(name="cut_mix"),
            L.AugMix(name="aug_mix"),
            L.RandAugment(name="rand_augment"),
        ]
    for layer in layers:
        h = layer(h)
    h = L.Flatten(name="flat")(h)
    for layer in [L.AlphaDropout(0.5, name="alpha"), L.GaussianDropout(0.5, name="gaussian"), L.ActivityRegularization(0.1, name="activity")]:
        h = layer(h)
    model = keras.Model(i, q.QDense(3, kernel_quantizer=bits(4), bias_quantizer=bits(4), name="fc")(h))
    randomize(model)
    save(folder, model, {"input_1": grid((12, 8, 6, 2), 4, -4, 4)}, {"input_1": "fixed<8,4>"})


def before_layouts(folder):
    """Layers whose result is exact, because quantizers take it after layers that only move or compare elements."""
    i, token = keras.Input((8, 6, 2), name="input_1"), keras.Input((3,), name="input_2")
    scaled = L.Rescaling(0.3, offset=-0.1, name="scaled")(i)
    scaled = L.Flatten(name="flat")(L.MaxPooling2D(2, name="pool")(scaled))
    normed = L.Normalization(axis=-1, mean=[0.3, -0.2], variance=[0.7, 1.3], name="normed")(i)
    normed = L.Flatten(name="flat_again")(L.Permute((3, 1, 2), name="turned")(normed))
    rows = L.Reshape((12,), name="joined")(L.Embedding(5, 4, name="rows")(token))
    parts = [
        q.QActivation("quantized_bits(8,2,1,alpha=1)", name="quantized_scaled")(scaled),
        q.QActivation("quantized_relu(7,2)", name="quantized_normed")(normed),
        q.QActivation("quantized_bits(6,1,1,alpha=1)", name="quantized_rows")(rows),
    ]
    model = keras.Model([i, token], L.Concatenate(name="all")(parts))
    model.get_layer("rows").set_weights([RNG.normal(size=(5, 4)).astype("float32")])
    inputs = {"input_1": grid((12, 8, 6, 2), 4, -4, 4), "input_2": RNG.integers(0, 5, (12, 3)).astype("float32")}
    save(folder, model, inputs, {"input_1": "fixed<8,4>", "input_2": "ufixed<3,3>"})


CASES = {
    "training_only": training_only,
    "before_layouts": before_layouts,
    "einsum": einsum,
    "rescaling": rescaling,
    "normalization": normalization,
    "resizing": resizing,
    "embedding": embedding,
    "folded": folded,
    "activation_objects": activation_objects,
}

if __name__ == "__main__":
    out = pathlib.Path(sys.argv[1])
    for name in sys.argv[2:] or CASES:
        RNG = np.random.default_rng(11)
        CASES[name](out / f"{GENERATION}_{name}")
