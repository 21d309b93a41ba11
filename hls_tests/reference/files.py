#!/usr/bin/env python3
"""Write the reference cases of file formats: wrappers of tfmot, and what versions of Keras save differently.

Usage: files.py OUT_DIR [CASE ...]

Run it with Keras 2 (tensorflow-cpu==2.15.1, qkeras==0.9.0, tensorflow-model-optimization==0.7.5) for the cases pruned_* and
saved_model*, with Keras 2.13 (tensorflow-cpu==2.13.1) for keras213_*, and with Keras 3 (keras==3.15.1, qkeras-v3==1.2.1) for keras3_*.
Each case is a folder as the other ones: the model, inputs.npz, trace.npz, case.json. The cases prune_low_magnitude_wrapped,
keras2131_*, k3_legacy_h5 and k3_ops_h5 are models of users, with Keras' results; Keras does not load the last one itself.
"""
import json, os, pathlib, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy as np
import qkeras as q

from graphs import shapes, trace

L = keras.layers
B = lambda: q.quantized_bits(5, 1, 1, alpha=1)


def dense(units, name):
    return q.QDense(units, kernel_quantizer=B(), bias_quantizer=B(), name=name)


def act(name):
    return q.QActivation("quantized_relu(6,2)", name=name)


def pruned(layer):
    import tensorflow_model_optimization as tfmot
    keras_sparsity = tfmot.sparsity.keras
    return keras_sparsity.prune_low_magnitude(layer, keras_sparsity.ConstantSparsity(0.5, 0))


def pruned_kinds():
    """Layers with one mask, two masks, one mask for the second of two kernels, and none."""
    x = L.Input((5, 5, 2), name="x")
    y = pruned(q.QConv2D(3, 2, kernel_quantizer=B(), bias_quantizer=B(), name="conv"))(x)
    y = pruned(L.BatchNormalization(name="norm"))(y)
    y = pruned(act("a1"))(y)
    y = pruned(q.QSeparableConv2D(2, 2, depthwise_quantizer=B(), pointwise_quantizer=B(), bias_quantizer=B(), name="separable"))(y)
    y = act("a2")(y)
    y = pruned(q.QDepthwiseConv2D(2, depthwise_quantizer=B(), bias_quantizer=B(), name="depthwise"))(y)
    y = act("a3")(y)
    y = pruned(L.SeparableConv2D(2, 1, name="float"))(y)
    y = pruned(L.Flatten(name="flat"))(y)
    return keras.Model(x, y)


def pruned_nested():
    """Wrappers in a model in the model; its layers were built before they were wrapped, or not."""
    inner = keras.Sequential([L.Input((4,)), dense(4, "fc"), act("fc_act"), pruned(dense(3, "second"))], name="inner")
    x = L.Input((6,), name="x")
    y = act("mid")(inner(act("first_act")(pruned(dense(4, "first"))(x))))
    built = dense(2, "last")
    built(y)
    return keras.Model(x, pruned(built)(y))


def keras213_nested():
    inner = keras.Sequential([L.Input((5,)), dense(6, "d"), act("da"), dense(4, "e"), L.Dropout(0.5, name="drop"), dense(3, "f")], name="inner")
    x = L.Input((4,), name="x")
    y = inner(act("a")(L.BatchNormalization(name="norm")(dense(5, "first")(x))))
    y = dense(3, "second")(act("b")(y))
    return keras.Model(x, dense(2, "third")(act("c")(y)))


def keras3_nested():
    """Layers of one name in the model and in its inner model, operations beside layers of the same name."""
    inner = keras.Sequential([L.Input((3,)), dense(4, "d"), act("a")], name="inner")
    x = L.Input((6,), name="x")
    y = L.TimeDistributed(dense(3, "steps"), name="time")(L.Reshape((2, 3), name="rows")(x))
    y = act("b")(y)
    y = L.Add(name="sum")([inner(y[:, 0]), inner(y[:, 1])])
    y = keras.ops.concatenate([y * np.array([1, 2, 0.5, -1], "float32"), 1.5 - y], axis=-1)
    return keras.Model(x, dense(2, "last")(act("c")(y)))


def saved_model(traces=True):
    """A pruned layer, models in the model, a model over time, and a layer that is called twice."""
    inner = keras.Sequential([L.Input((3,)), dense(4, "d"), act("a"), pruned(dense(3, "e"))], name="inner")
    steps = keras.Sequential([dense(3, "d"), act("a")], name="steps")
    x, y = L.Input((2, 3), name="x"), L.Input((3,), name="y")
    image = pruned(q.QSeparableConv1D(3, 1, depthwise_quantizer=B(), pointwise_quantizer=B(), bias_quantizer=B(), name="separable"))
    shared, both = act("shared"), dense(3, "both")
    first = L.TimeDistributed(steps, name="time")(act("image")(image(x)) if traces else x)
    second = inner(shared(both(y)))
    return keras.Model([x, y], dense(2, "last")(act("c")(L.Add(name="sum")([first[:, 1], second, both(shared(both(y)))]))))


CASES = {
    "pruned_kinds": (pruned_kinds, "model.keras", "2.15"),
    "pruned_nested": (pruned_nested, "model.h5", "2.15"),
    "saved_model": (saved_model, "model", "2.15"),
    "saved_model_without_traces": (lambda: saved_model(False), "model", "2.15"),
    "keras213_nested": (keras213_nested, "model.keras", "2.13"),
    "keras3_nested_h5": (keras3_nested, "model.h5", "3.15"),
}


def case(name, out):
    build, file, version = CASES[name]
    keras.utils.set_random_seed(5)
    rng = np.random.default_rng(sum(map(ord, name)))
    model = build()
    for variable in model.weights:
        path = getattr(variable, "path", variable.name)
        if any(part in path for part in ("step:", "threshold", "seed")):
            continue
        values = np.round(rng.uniform(-1.5, 1.5, variable.shape) * 16) / 16
        if "mask" in path:
            values = rng.integers(0, 2, variable.shape)
        variable.assign(abs(values) + 1 if "variance" in path else values)
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    # Prediction multiplies the kernels of pruned layers by their masks, so that the file comes first.
    model.save(folder / file, **({"save_traces": name == "saved_model"} if file == "model" else {}))
    if file == "model":
        # The operations of TensorFlow, which Bitkiln does not read.
        (folder / file / "saved_model.pb").write_bytes(b"")
        (folder / file / "fingerprint.pb").unlink()
    ends = shapes(model)
    feed = [rng.integers(-128, 128, size=(8,) + shape).astype(np.float32) / 128 for shape in ends.values()]
    steps = trace(model, feed if len(feed) > 1 else feed[0])
    np.savez_compressed(folder / "inputs.npz", **dict(zip(ends, feed)))
    np.savez_compressed(folder / "trace.npz", **steps)
    case = {"inputs": {name: "fixed<8,1>" for name in ends}, "outputs": list(model.output_names)}
    if name == "pruned_kinds":
        case["precision"] = "fixed<32,12>"
    (folder / "case.json").write_text(json.dumps(case) + "\n")
    print(name)


if __name__ == "__main__":
    for name in sys.argv[2:] or [name for name in CASES if keras.__version__.startswith(CASES[name][2])]:
        case(name, pathlib.Path(sys.argv[1]))
