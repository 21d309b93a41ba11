#!/usr/bin/env python3
"""Throughput of Bitkiln's engine beside that of its peers, measured in one run.

    hls_tests/bench/compare.py --bitkiln target/release/bitkiln

The networks are built here with QKeras and random weights. The peers run in a virtual environment that the
script makes from pinned packages (--environment keeps it, --python takes another one). Samples per second:

- TensorFlow: the QKeras model under tf.function, in float32, warm, in batches of 1024 and of 1;
- hls4ml: the compiled C simulation of hls4ml 1.3.0 (--csim; takes minutes to compile), of 64 samples;
- alkaid: the interpreter of alkaid 0.8.2 on one thread (--alkaid; takes half a minute to trace), batch 1024, of networks
  of dense layers and activations with up to 10,000 weights, without their softmax;
- reference: Bitkiln's reference evaluation, batch 1024;
- engine: `bitkiln bench`, in batches of 1024 and of 1.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

PACKAGES = [
    "tensorflow-cpu==2.15.1", "qkeras==0.9.0", "tensorflow-model-optimization==0.7.5",
    "keras-tuner==1.4.7",
    "numpy==1.26.4", "pyparsing==3.3.3", "hls4ml==1.3.0", "alkaid==0.8.2", "setuptools<81",
]
BATCHES = [1024, 1]
SECONDS = 2.0

# name: (type of the input, ratio to TensorFlow that is the target)
NETWORKS = {
    "jets": ("fixed<16,6>", 5.0),
    "mlp": ("ufixed<4,0>", 3.0),
    "wide": ("fixed<16,6>", 1.0),
    "mnist": ("ufixed<8,0>", 5.0),
    "images": ("ufixed<8,0>", 5.0),
    "lstm": ("fixed<8,1>", 3.0),
}


def build(name):
    """The network `name` as a Keras model, with the same random weights in every run."""
    import numpy as np
    import tensorflow as tf
    from tensorflow.python.ops import array_ops

    for function in ("stack", "unstack"):  # QKeras calls two functions that TensorFlow 2.15 moved
        if not hasattr(array_ops, function):
            setattr(array_ops, function, getattr(tf, function))

    from qkeras import (QActivation, QConv2D, QDense, QLSTM, quantized_bits, quantized_relu,
                        quantized_sigmoid, quantized_tanh)
    from tensorflow.keras import layers

    tf.keras.utils.set_random_seed(1)

    def bits(count):
        return quantized_bits(count, 0, alpha=1)

    def dense(x, units, count):
        return QDense(units, kernel_quantizer=bits(count), bias_quantizer=bits(count))(x)

    def conv(x, filters, count):
        return QConv2D(filters, 3, kernel_quantizer=bits(count), bias_quantizer=bits(count))(x)

    def relu(x, count):
        return QActivation(quantized_relu(count))(x)

    if name == "jets":
        inputs = x = layers.Input((16,))
        for units in (64, 32, 32):
            x = relu(dense(x, units, 6), 6)
        x = layers.Activation("softmax")(dense(x, 5, 6))
    elif name == "mlp":
        inputs = x = layers.Input((784,))
        for units in (512, 512):
            x = relu(dense(x, units, 4), 4)
        x = dense(x, 10, 4)
    elif name == "wide":
        inputs = x = layers.Input((16,))
        for _ in range(5):
            x = layers.Dense(200, activation="relu")(x)
        x = layers.Dense(5)(x)
    elif name == "mnist":
        inputs = x = layers.Input((28, 28, 1))
        for _ in range(2):
            x = layers.MaxPooling2D()(relu(conv(x, 16, 6), 6))
        x = dense(layers.Flatten()(x), 10, 6)
    elif name == "images":
        inputs = x = layers.Input((32, 32, 3))
        for filters in (16, 16, 24):
            x = relu(layers.BatchNormalization()(conv(x, filters, 6)), 6)
            x = layers.MaxPooling2D()(x)
        x = layers.Flatten()(x)
        for units in (42, 64):
            x = relu(dense(x, units, 6), 6)
        x = dense(x, 10, 6)
    else:
        inputs = x = layers.Input((20, 6))
        x = QLSTM(20, kernel_quantizer=bits(8), recurrent_quantizer=bits(8), bias_quantizer=bits(8),
                  activation=quantized_tanh(8), recurrent_activation=quantized_sigmoid(8),
                  state_quantizer=bits(8))(x)
        x = dense(x, 5, 8)
    model = tf.keras.Model(inputs, x)
    random = np.random.RandomState(3)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            shape = layer.get_weights()[0].shape
            layer.set_weights([random.uniform(low, high, shape) for low, high in
                               ((0.5, 1.5), (-0.2, 0.2), (-0.3, 0.3), (0.3, 2))])
    return model


def rate(run, samples):
    """Samples per second of `run`, which takes `samples` of them, after two runs to warm up."""
    run(), run()
    start, runs = time.perf_counter(), 0
    while time.perf_counter() - start < SECONDS:
        run()
        runs += 1
    return runs * samples / (time.perf_counter() - start)


def build_models(folder):
    for name in NETWORKS:
        build(name).save(Path(folder) / f"{name}.h5")


def tensorflow(name):
    import numpy as np
    import tensorflow as tf
    model = build(name)
    function = tf.function(lambda x: model(x, training=False), jit_compile=False)

    def of_batch(batch):
        samples = np.random.RandomState(2).uniform(0, 1, (batch, *model.input_shape[1:]))
        samples = tf.constant(samples, tf.float32)
        return rate(lambda: function(samples).numpy(), batch)

    return json.dumps([of_batch(batch) for batch in BATCHES])


def csim(name):
    import hls4ml
    import numpy as np
    model = build(name)
    precision = NETWORKS[name][0].replace("fixed", "ap_fixed").replace("uap_", "ap_u")
    config = hls4ml.utils.config_from_keras_model(model, granularity="name", backend="Vitis")
    for layer in config["LayerName"].values():
        if "Strategy" in layer:
            layer["Strategy"] = "Resource"
    config["LayerName"][model.input_names[0]]["Precision"] = precision
    samples = np.random.RandomState(2).uniform(0, 1, (64, *model.input_shape[1:]))
    with tempfile.TemporaryDirectory() as folder:
        project = hls4ml.converters.convert_from_keras_model(
            model, hls_config=config, output_dir=folder, backend="Vitis",
            io_type="io_stream" if len(model.input_shape) == 4 else "io_parallel")
        project.compile()
        samples = np.ascontiguousarray(samples, dtype=np.float32)
        return rate(lambda: project.predict(samples), len(samples))


def alkaid(name):
    import re

    import numpy as np
    from alkaid.trace import FVArrayInput, HWConfig, trace
    model = build(name)
    if sum(np.prod(weight.shape) for weight in model.weights) > 10_000:
        sys.exit("more weights than alkaid traces in a minute")
    unsigned, width, integer = re.fullmatch(r"(u?)fixed<(\d+),(\d+)>", NETWORKS[name][0]).groups()
    inputs = FVArrayInput(model.input_shape[1:], hwconf=HWConfig(1, -1, -1))
    signed = 0 if unsigned else 1
    x = inputs.quantize(signed, int(integer) - signed, int(width) - int(integer))
    for layer in model.layers:
        if type(layer).__name__ == "QDense":
            quantized = [np.array(quantizer(weight)) for quantizer, weight
                         in zip(layer.get_quantizers(), layer.get_weights())]
            x = x @ quantized[0].astype(np.float64) + quantized[1].astype(np.float64)
        elif type(layer).__name__ == "QActivation":
            relu = layer.quantizer
            fraction = relu.bits - relu.integer
            x = x.relu().quantize(0, relu.integer, fraction, overflow_mode="SAT", round_mode="RND")
        elif type(layer).__name__ not in ("InputLayer", "Activation"):
            sys.exit(f"a layer of the class {type(layer).__name__}, which is not traced here")
    program = trace(inputs, x)
    samples = np.random.RandomState(2).uniform(0, 1, (BATCHES[0], *model.input_shape[1:]))
    return rate(lambda: program.predict(samples, n_threads=1), BATCHES[0])


def in_environment(python, task, *arguments):
    """The last line that this script prints under `python` for a task; `None` if it fails."""
    done = subprocess.run([python, __file__, "--task", task, *arguments], text=True, capture_output=True)
    if done.returncode != 0:
        print(f"{task} {' '.join(arguments)}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    return done.stdout.strip().splitlines()[-1]


def bitkiln(program, model, input_type, reference):
    """The rates of the batches; of the first one for the reference."""
    command = [program, "bench", model, "--input-type", input_type, "--seconds", str(SECONDS), "--json"]
    for batch in BATCHES[:1] if reference else BATCHES:
        command += ["--batch", str(batch)]
    done = subprocess.run(command + (["--reference"] if reference else []), text=True,
                          capture_output=True, check=True)
    return [batch["rate"] for batch in json.loads(done.stdout)["batches"]]


def environment(folder):
    """The Python of a virtual environment in `folder` that has the packages."""
    python = Path(folder) / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *PACKAGES], check=True)
    return str(python)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bitkiln", default="target/release/bitkiln", help="the program")
    parser.add_argument("--python", help="a Python that has the packages")
    parser.add_argument("--environment", help="folder of the environment to make or to use again")
    parser.add_argument("--csim", action="store_true", help="run hls4ml's C simulation as well")
    parser.add_argument("--alkaid", action="store_true", help="run alkaid's interpreter as well")
    parser.add_argument("--networks", nargs="*", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--task", nargs="*", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.task:
        task, argument = arguments.task
        print({"models": build_models, "tensorflow": tensorflow, "csim": csim, "alkaid": alkaid}[task](argument))
        return
    with tempfile.TemporaryDirectory() as folder:
        python = arguments.python or environment(arguments.environment or f"{folder}/environment")
        if in_environment(python, "models", folder) is None:
            sys.exit("the networks cannot be built")
        print("| network | TensorFlow /s | of 1 | hls4ml /s | alkaid /s | reference /s | engine /s | of 1 "
              "| engine : TensorFlow | target |")
        print("|---|---|---|---|---|---|---|---|---|---|")
        for name in arguments.networks:
            input_type, target = NETWORKS[name]
            model = f"{folder}/{name}.h5"
            floats = in_environment(python, "tensorflow", name)
            floats = json.loads(floats) if floats else [None] * len(BATCHES)
            peers = [in_environment(python, task, name) if is_run else None
                     for task, is_run in (("csim", arguments.csim), ("alkaid", arguments.alkaid))]
            own = [rate for it in (True, False) for rate in bitkiln(arguments.bitkiln, model, input_type, it)]
            rates = [*floats, *(float(peer) if peer else None for peer in peers), *own]
            cells = ["-" if it is None else f"{it:,.0f}" for it in rates]
            ratio = f"{own[1] / floats[0]:.1f}" if floats[0] else "-"
            print("|", " | ".join([name, *cells, ratio, f"{target:g}"]), "|", flush=True)


if __name__ == "__main__":
    main()
