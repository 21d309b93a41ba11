#!/usr/bin/env python3
"""Write the corpus of this environment's Keras: every model of models.py in every format that it saves.

Usage: write.py OUT [--models PART_OF_A_NAME,...] [--formats h5,keras,...]

OUT/MODEL-FORMAT/ is a case as in ../reference: the model, inputs.npz, trace.npz (the output of every layer of the saved model, as
Keras computes it) and case.json. Keras loads every file again: where it cannot, or the loaded model gives other outputs than
the saved one, this is printed and noted in case.json.
"""
import argparse, json, os, pathlib, shutil, sys, warnings
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
warnings.filterwarnings("ignore")
import absl.logging
absl.logging.set_verbosity("error")
import numpy as np
import tensorflow as tf
from tensorflow.python.ops import array_ops
for _name in ("stack", "unstack"):  # QKeras 0.9 calls two functions that TensorFlow 2.15 moved.
    if not hasattr(array_ops, _name):
        setattr(array_ops, _name, getattr(tf, _name))
import keras
import qkeras as q

if keras.__version__.startswith("2."):  # The pooling of QKeras' octave names an argument that QAveragePooling2D renamed.
    import qkeras.qoctave
    qkeras.qoctave.QAveragePooling2D = lambda quantizer=None, **more: q.QAveragePooling2D(average_quantizer=quantizer, **more)

sys.path += [str(pathlib.Path(__file__).parent.parent / "reference"), str(pathlib.Path(__file__).parent)]
import models
from graphs import trace

tf.config.threading.set_intra_op_parallelism_threads(1)
VERSION = models.VERSION
SAMPLES = 8


def custom_objects():
    objects = {name: value for name, value in vars(q).items() if isinstance(value, type) or callable(value)}
    if VERSION == 2:
        from tensorflow_model_optimization.python.core.sparsity.keras.pruning_wrapper import PruneLowMagnitude
        objects["PruneLowMagnitude"] = PruneLowMagnitude
        from qkeras.utils import _add_supported_quantized_objects
        _add_supported_quantized_objects(objects)
    return objects


OBJECTS = custom_objects()


def load(path, **more):
    with keras.utils.custom_object_scope(OBJECTS):
        return keras.models.load_model(path, compile=False, **more)


def from_json(folder):
    with keras.utils.custom_object_scope(OBJECTS):
        return keras.models.model_from_json((folder / "model.json").read_text())


# Formats: functions that save a model to a folder and return the file of the model, that of the weights if there is one, and a
# function that loads both.


def with_weights(name):
    def save(model, folder):
        (folder / "model.json").write_text(model.to_json())
        model.save_weights(folder / name)
        def again():
            loaded = from_json(folder)
            loaded.load_weights(folder / name)
            return loaded
        return "model.json", name, again
    return save


def whole(name, **more):
    def save(model, folder):
        model.save(folder / name, **more)
        return name, None, lambda: load(folder / name)
    return save


def resaved(model, folder):
    """Loaded from HDF5, and saved again as an archive."""
    first = folder / "first.h5"
    model.save(first)
    load(first).save(folder / "model.keras")
    first.unlink()
    return "model.keras", None, lambda: load(folder / "model.keras")


def exported(model, folder):
    model.export(folder / "model", verbose=False)
    return "model", None, None


def unzipped(model, folder):
    keras.saving.save_model(model, folder / "model", zipped=False)
    return "model", None, lambda: load(folder / "model")


def sharded(model, folder):
    (folder / "model.json").write_text(model.to_json())
    model.save_weights(folder / "model.weights.json", max_shard_size=1)
    return "model.json", "model.weights.json", None


FORMATS = {
    "h5": whole("model.h5"), "keras": whole("model.keras"), "resaved": resaved, "json_weights_h5": with_weights("model.weights.h5"),
    **({"json_h5": with_weights("weights.h5"), "saved_model": whole("model", save_format="tf"), "json_checkpoint": with_weights("weights")}
       if VERSION == 2 else {"export": exported, "unzipped": unzipped, "json_sharded": sharded}),
}


def randomise(model, rng):
    adapted = {id(weight) for layer in model.layers if isinstance(layer, keras.layers.Normalization) for weight in layer.weights}
    for weight in model.weights:
        if id(weight) in adapted:
            continue
        name, shape = getattr(weight, "path", weight.name), tuple(weight.shape)
        if "float" not in str(weight.dtype) or any(word in name for word in ("seed", "count", "pruning", "mask", "threshold")):
            continue
        if "ema_max" in name or "ema_min" in name:
            values = np.full(shape, 3.0 if "max" in name else -2.0)
        elif "variance" in name:
            values = rng.uniform(0.2, 2.0, shape)
        elif "gamma" in name:
            values = rng.uniform(0.5, 1.5, shape)
        else:
            values = rng.normal(0, 0.5, shape)
        weight.assign(values)


def train(model, rng):
    shapes = [tuple(output.shape[1:]) for output in model.outputs]
    x = rng.normal(size=(32, *model.inputs[0].shape[1:])).astype("float32")
    y = [rng.normal(size=(32, *shape)).astype("float32") for shape in shapes]
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss="mse", metrics=["mae"])
    model.fit(x, y[0] if len(y) == 1 else y, batch_size=8, epochs=1, verbose=0)


def samples(rng, kind, shape, limit):
    sign, (width, integer) = not kind.startswith("u"), map(int, kind.split("<")[1].rstrip(">").split(","))
    low, high = (-(1 << (width - 1)), 1 << (width - 1)) if sign else (0, 1 << width)
    return rng.integers(low, limit or high, size=shape).astype(np.float64) / 2.0 ** (width - integer)


def input_names(model):
    return [tensor._keras_history[0].name for tensor in model.inputs]


def outputs(model, feed):
    found = model(feed[0] if len(feed) == 1 else feed, training=False)
    return [np.asarray(value) for value in tf.nest.flatten(found)]


def build(name, rng):
    made = models.MODELS[name]()
    model, kinds = made if isinstance(made, tuple) else (made, {})
    if not name.startswith("pruned"):
        randomise(model, rng)
    if name in models.TRAINED:
        train(model, rng)
    names = input_names(model)
    kinds = {at: kinds.get(at, "fixed<8,1>") for at in names}
    given = models.SHAPES.get(name, {})
    feed = []
    for tensor, at in zip(model.inputs, names):
        shape = tuple(map(int, given[at].split(","))) if at in given else tuple(tensor.shape[1:])
        values = samples(rng, kinds[at], (tensor.shape[0] or SAMPLES, *shape), models.LIMITS.get(name))
        feed.append(values.astype("float64" if name == "plain_float64" else "float32"))
    outputs(model, feed)  # Layers that set their state when they are first called.
    return model, kinds, feed


def traced(model, feed):
    return {at: value.astype(np.float64) for at, value in trace(model, feed[0] if len(feed) == 1 else feed).items()}


def write(out, name, formats):
    keras.backend.clear_session()
    rng = np.random.default_rng(sum(map(ord, name)))
    try:
        model, kinds, feed = build(name, rng)
        steps, wanted = traced(model, feed), outputs(model, feed)
    except Exception as error:
        return print(f"{name}: no such model here: {first_line(error)}", flush=True)
    for form in formats:
        save = FORMATS[form]
        folder = out / f"{name}-{form}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            file, weights, again = save(model, folder)
        except Exception as error:
            shutil.rmtree(folder)
            print(f"{name}-{form}: Keras cannot save it: {first_line(error)}", flush=True)
            continue
        note = None
        if again:
            try:
                loaded = again()
                outputs(loaded, feed)
                found = outputs(loaded, feed)
                if not all(a.shape == b.shape and np.allclose(a, b, rtol=0, atol=1e-6) for a, b in zip(found, wanted)):
                    note = "loaded by Keras, it gives other outputs than the saved model"
            except Exception as error:
                note = f"Keras cannot load it: {first_line(error)}"
        np.savez_compressed(folder / "inputs.npz", **dict(zip(kinds, feed)))
        np.savez_compressed(folder / "trace.npz", **steps)
        case = {"model": file, "inputs": kinds, "outputs": [tensor._keras_history[0].name for tensor in model.outputs], "keras": keras.__version__}
        case |= {"weights": weights} if weights else {}
        case |= {"shapes": models.SHAPES[name]} if name in models.SHAPES else {}
        case |= {"precision": models.UNQUANTIZED[name]} if name in models.UNQUANTIZED else {}
        case |= {"note": note} if note else {}
        (folder / "case.json").write_text(json.dumps(case, indent=1) + "\n")
        print(f"{name}-{form}: written" + (f" ({note})" if note else ""), flush=True)


def first_line(error):
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0][:160]}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--models", default="")
    parser.add_argument("--formats", type=lambda text: text.split(","), default=list(FORMATS))
    given = parser.parse_args()
    for name in models.MODELS:
        if any(part in name for part in given.models.split(",")):
            write(given.out, name, [form for form in given.formats if form in FORMATS])
