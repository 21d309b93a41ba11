#!/usr/bin/env python3
"""Write the reference cases of recurrent layers: their classes, wrappers, quantizers, and Keras' own without quantizers.

Usage: recurrent.py OUT_DIR [CASE ...]

Under TensorFlow 2.15 (Keras 2) with qkeras 0.9.0 it writes rnn_*, under Keras 3 with qkeras-v3 1.2.1 rnn3_*. Each case is a folder as
hls_tests/reference_cases/cases.rs reads it. The cases simple_rnn, lstm, lstm_sequences, gru, gru_reset_after, bidirectional and
v3_lstm are older and have other scripts.

Layers without quantizers have weights that are multiples of 1/8, so that the type that they are rounded to by default holds them.
"""
import json, os, pathlib, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy as np
import qkeras as q
from qkeras import quantizers as Q

if not keras.__version__.startswith("3"):
    import tensorflow as tf
    from tensorflow.python.ops import array_ops
    from tensorflow.python.util import nest

    nest.is_sequence = nest.is_nested
    for _name in ("stack", "unstack"):  # QKeras calls functions that TensorFlow 2.15 moved
        if not hasattr(array_ops, _name):
            setattr(array_ops, _name, getattr(tf, _name))

L = keras.layers
THREE = keras.__version__.startswith("3")
GENERATION = "rnn3" if THREE else "rnn"
TANH, SIGMOID = "quantized_tanh(6)", "quantized_sigmoid(6)"
CASES = {}


def case(build):
    CASES[f"{GENERATION}_{build.__name__}"] = build
    return build


def bits(width, integer=0, symmetric=1, alpha=1):
    return Q.quantized_bits(width, integer, symmetric, alpha=alpha)


def quantized(kernel=None, recurrent=None, bias=None, state=None):
    return dict(kernel_quantizer=kernel or bits(4), recurrent_quantizer=recurrent or bits(4), bias_quantizer=bias or bits(4),
                state_quantizer=state or bits(6, 1, 0))


def lstm(units=3, name="rnn", activation=TANH, recurrent_activation=SIGMOID, quantizers=None, **more):
    return q.QLSTM(units, activation=activation, recurrent_activation=recurrent_activation, **(quantizers or quantized()), name=name, **more)


def gru(units=3, name="rnn", activation=TANH, recurrent_activation=SIGMOID, quantizers=None, **more):
    return q.QGRU(units, activation=activation, recurrent_activation=recurrent_activation, **(quantizers or quantized()), name=name, **more)


def simple(units=3, name="rnn", activation=TANH, quantizers=None, **more):
    return q.QSimpleRNN(units, activation=activation, **(quantizers or quantized()), name=name, **more)


def dense(units, name):
    return q.QDense(units, kernel_quantizer=bits(4), bias_quantizer=bits(4), name=name)


def chain(*layers, shape=(5, 4)):
    x = y = L.Input(shape, name="input_1")
    for layer in layers:
        y = layer(y)
    return keras.Model(x, y)


@case
def merges():
    """A direction each way, merged in every mode, with and without sequences."""
    x = L.Input((4, 3), name="input_1")
    outputs = []
    for mode in ["concat", "sum", "mul", "ave"]:
        outputs.append(q.QBidirectional(lstm(2, f"a_{mode}", return_sequences=True), merge_mode=mode, name=mode)(x))
        outputs.append(q.QBidirectional(gru(2, f"b_{mode}"), merge_mode=mode, name=f"{mode}_last")(x))
    both = q.QBidirectional(simple(2, "c", return_sequences=True), merge_mode=None, name="both")(x)
    return keras.Model(x, outputs + [L.Subtract(name="difference")(list(both))])


@case
def directions():
    """Two layers of different kinds and directions, stacked; a backward layer of its own."""
    backward = gru(3, "back", return_sequences=True, go_backwards=True)
    return chain(
        simple(4, "first", return_sequences=True, go_backwards=True),
        lstm(3, "second", return_sequences=True),
        q.QBidirectional(lstm(3, "forth", return_sequences=True), backward_layer=backward, name="both"),
        gru(3, "last", go_backwards=True, reset_after=True, use_bias=False),
        dense(2, "fc"))


@case
def states():
    """The states of one layer start another one, and reach a dense layer."""
    x = L.Input((5, 4), name="input_1")
    z = L.Input((3, 4), name="input_2")
    y, h, c = lstm(3, "encoder", return_sequences=True, return_state=True)(x)
    decoded, state_h, state_c = lstm(3, "decoder", return_state=True)(z, initial_state=[h, c])
    last, g = gru(3, "gru", return_state=True)(y)
    sequence = gru(3, "gru_from", return_sequences=True)(z, initial_state=g)
    features = L.Concatenate(name="all")([decoded, state_h, state_c, last])
    return keras.Model([x, z], [dense(2, "fc")(features), sequence, c])


@case
def starts():
    """Initial states are inputs of the model, states are outputs: a state from call to call."""
    x = L.Input((4, 3), name="input_1")
    h, c = L.Input((2,), name="h"), L.Input((2,), name="c")
    return keras.Model([x, h, c], lstm(2, "rnn", return_state=True)(x, initial_state=[h, c]))


@case
def kernels():
    """Binary, ternary, power-of-two and scaled kernels, and binary states."""
    x = L.Input((5, 4), name="input_1")
    one = quantized(Q.binary(alpha=1), Q.binary(alpha=1))
    two = quantized(Q.ternary(alpha=1), Q.ternary(alpha=1, threshold=0.3))
    po2 = quantized(Q.quantized_po2(4, 1), Q.quantized_po2(4, 1), Q.quantized_po2(4, 1))
    scaled = quantized(bits(4, alpha="auto_po2"), bits(4, alpha="auto_po2"))
    signs = quantized(state=Q.binary(alpha=1))
    pairs = dict(one=one, two=two, po2=po2, scaled=scaled, signs=signs)
    return keras.Model(x, [build(3, f"{build.__name__}_{name}", quantizers=each)(x) for name, each in pairs.items() for build in [lstm, gru]]
                       + [simple(3, f"simple_{name}", quantizers=each)(x) for name, each in pairs.items()])


@case
def po2_states():
    """States that begin with a power of two, which the next ones, all of one sign, do not reach."""
    x = L.Input((4, 2), name="input_1")
    states = dict(po2=Q.quantized_po2(3, 1), relu=Q.quantized_relu_po2(3, 1), max=Q.quantized_po2(4, 0.5))
    builds = [lstm, gru, simple]
    return keras.Model(x, [build(2, f"{build.__name__}_{name}_{sign}", quantizers=quantized(state=each), return_sequences=True)(x)
                           for name, each in states.items() for build in builds for sign in ["low", "high"]])


@case
def functions():
    """Activations: quantizers of every kind."""
    x = L.Input((5, 4), name="input_1")
    pairs = [("quantized_tanh(6, use_real_tanh=1)", "quantized_sigmoid(6, use_real_sigmoid=1)"), ("quantized_relu(5, 1)", "hard_sigmoid"),
             ("quantized_bits(6, 1, 1, alpha=1)", "quantized_relu(4, 0)"), ("binary(alpha=1)", "ternary(alpha=1)"), ("hard_tanh", "hard_sigmoid")]
    return keras.Model(x, [build(3, f"{build.__name__}_{at}", a, r)(x) for at, (a, r) in enumerate(pairs) for build in [lstm, gru]])


@case
def implementation2():
    """The order of products does not matter, nor do dropout and unrolled loops."""
    return chain(lstm(3, "a", implementation=2, dropout=0.5, recurrent_dropout=0.25, return_sequences=True),
                 gru(3, "b", implementation=2, unroll=True, reset_after=True, return_sequences=True),
                 simple(3, "c", unroll=True, dropout=0.5))


@case
def nested():
    """In a nested model, for each step of TimeDistributed, and before other layers of sequences."""
    inner = keras.Sequential([L.Input((4, 3)), lstm(2, "inner", return_sequences=True)], name="model")
    x = L.Input((2, 4, 3), name="input_1")
    y = L.TimeDistributed(inner, name="frames")(x)
    y = L.TimeDistributed(gru(3, "step"), name="times")(y)
    y = simple(2, "outer", return_sequences=True)(y)
    y = L.TimeDistributed(dense(3, "row"), name="rows")(y)
    return keras.Model(x, L.GlobalMaxPooling1D(name="pool")(y))


@case
def cells():
    """RNN around a cell."""
    cell = q.QLSTMCell(3, activation=TANH, recurrent_activation=SIGMOID, **quantized())
    other = q.QGRUCell(3, activation=TANH, recurrent_activation=SIGMOID, **quantized())
    last = q.QSimpleRNNCell(2, activation=TANH, **quantized())
    return chain(L.RNN(cell, return_sequences=True, name="lstm"), L.RNN(other, return_sequences=True, go_backwards=True, name="gru"), L.RNN(last, name="simple"))


@case
def stacked():
    """Several cells of one layer."""
    build = [lambda: q.QLSTMCell(3, activation=TANH, recurrent_activation=SIGMOID, **quantized()),
             lambda: q.QGRUCell(2, activation=TANH, recurrent_activation=SIGMOID, **quantized()),
             lambda: q.QLSTMCell(4, activation=TANH, recurrent_activation=SIGMOID, **quantized())]
    cells = L.StackedRNNCells([one() for one in build])
    return chain(L.RNN(cells, return_sequences=True, go_backwards=True, name="all"), simple(2, "last"))


@case
def stacked_states():
    """The states of several cells are outputs of the model."""
    cells = [q.QLSTMCell(2, activation=TANH, recurrent_activation=SIGMOID, **quantized()), q.QSimpleRNNCell(3, activation=TANH, **quantized())]
    x = L.Input((3, 2), name="input_1")
    return keras.Model(x, L.RNN(L.StackedRNNCells(cells), return_state=True, name="all")(x))


@case
def float():
    """Keras' layers without quantizers, in a type that saturates. Rounding at each step moves their results by some LSB from Keras', so
    that Keras' trace is in a file of its own, keras.npz."""
    x = L.Input((5, 4), name="input_1")
    y = L.LSTM(3, return_sequences=True, name="lstm")(x)
    y = L.Bidirectional(L.GRU(3, return_sequences=True, name="gru"), name="both")(y)
    return keras.Model(x, L.SimpleRNN(2, name="simple")(y))


@case
def stateful():
    """States go on from call to call, a sample each; with returned states, and in both directions."""
    x = L.Input(batch_shape=(1, 3, 4), name="input_1")
    y, h, c = lstm(3, "first", return_sequences=True, return_state=True, stateful=True)(x)
    both = q.QBidirectional(gru(2, "gru", stateful=True), name="both")(y)
    cells = L.StackedRNNCells([q.QSimpleRNNCell(2, activation=TANH, **quantized()), q.QGRUCell(3, activation=TANH, recurrent_activation=SIGMOID, **quantized())])
    z = L.RNN(cells, stateful=True, name="cells")(y)
    return keras.Model(x, [dense(2, "fc")(L.Concatenate(name="all")([h, c, both])), z])


def time_major():
    """Steps before the batch: in an input of the model, and in a transposed tensor. The samples and the trace have the batch first."""
    x, z = L.Input(batch_shape=(4, None, 3), name="input_1"), L.Input((4, 3), name="input_2")
    y, h, c = lstm(3, "lstm", return_sequences=True, return_state=True, time_major=True)(x)
    y = q.QBidirectional(gru(2, "gru", return_sequences=True, time_major=True), name="both")(y)
    rows = q.QActivation("quantized_bits(4, 0, 1)", name="short")(dense(3, "rows")(y))
    last = simple(2, "last", time_major=True, go_backwards=True)(rows)
    first = tf.transpose(z, [1, 0, 2], name="steps_first")
    other = lstm(3, "other", return_sequences=True, time_major=True)(first, initial_state=[h, c])
    other = tf.transpose(other, [1, 0, 2], name="batch_first")
    return keras.Model([x, z], [dense(2, "fc")(last), rows, dense(2, "fc_other")(L.Flatten(name="flat")(other))])


def masks():
    """Values that no sample has mask no step, and a mask that no layer uses changes nothing."""
    x = L.Input((4, 3), name="input_1")
    y = lstm(3, return_sequences=True)(L.Masking(-2.0, name="mask")(x))
    return keras.Model(x, [y, L.TimeDistributed(dense(2, "row"), name="rows")(L.Masking(name="zeros")(x))])


if not THREE:  # Keras 3 does not load the mask of a functional model that it saved.
    case(masks)
    case(time_major)  # Keras 3 has no such attribute.


def published(layer):
    """The shape that papers on triggers publish: 20 steps of 6 features, 20 units, dense layers of 64, 32 and 6."""
    x = y = L.Input((20, 6), name="input_1")
    y = layer(y)
    for width, name in [(64, "fc1"), (32, "fc2")]:
        y = q.QActivation("quantized_relu(6, 2)", name=f"{name}_relu")(dense(width, name)(y))
    return keras.Model(x, dense(6, "fc3")(y))


@case
def published_lstm():
    return published(lstm(20, "lstm"))


@case
def published_gru():
    return published(gru(20, "gru"))


@case
def tutorial():
    """The network of QKeras' tutorial on recurrent layers, with fewer words, steps and units."""
    x = y = L.Input((12,), dtype="int32", name="input_1")
    y = L.Embedding(32, 8, name="embedding")(y)
    y = q.QActivation("binary", name="embedding_act")(y)
    y = q.QLSTM(8, activation="quantized_tanh(4)", recurrent_activation="quantized_relu(4,0,1)", kernel_quantizer='stochastic_ternary("auto")',
                recurrent_quantizer="quantized_bits(2,1,1,alpha=1.0)", bias_quantizer="quantized_bits(4,0,1)", name="qlstm")(y)
    y = q.QDense(1, kernel_quantizer="quantized_bits(4,0,1)", bias_quantizer="quantized_bits(4,0,1)", name="qdense")(y)
    return keras.Model(x, q.QActivation("sigmoid", name="sigmoid")(y))


PRECISION = {"float": "fixed<18,6,RND,SAT>", "tutorial": "fixed<18,6,RND,SAT>"}


def batch_axis(tensor):
    """The axis of the batch: the open one, else the first."""
    shape = list(tensor.shape)
    return shape.index(None) if None in shape else 0


def samples(model, rng):
    def values(shape, is_word):
        return rng.integers(0, 32, shape) if is_word else rng.integers(-128, 128, shape) / 128

    def shape(tensor):
        lengths = list(tensor.shape)
        del lengths[batch_axis(tensor)]
        return (8, *lengths)

    return {t.name.split(":")[0]: values(shape(t), t.dtype == "int32").astype(np.float32) for t in model.inputs}


def trace(model, x):
    """Every layer's output; a layer with several has a name for each."""
    names, tensors = [], []
    for layer in model.layers:
        if isinstance(layer, L.InputLayer):
            continue
        # The states of stacked cells are lists in the list.
        outputs = keras.tree.flatten(layer.output) if THREE else tf.nest.flatten(layer.output)
        for at, tensor in enumerate(outputs):
            names.append(layer.name if at == 0 else f"{layer.name}:{at}")
            tensors.append(tensor)
    traced = keras.Model(model.inputs, tensors)
    arrays = [np.moveaxis(x[t.name.split(":")[0]], 0, batch_axis(t)) for t in model.inputs]
    if any(map(batch_axis, model.inputs)):  # predict would take batches along the first axis.
        values = traced(arrays)
    else:
        values = traced.predict(arrays, batch_size=model.inputs[0].shape[0] or 8, verbose=0)
    values = values if isinstance(values, list) else [values]
    return {name: np.moveaxis(np.asarray(value), batch_axis(tensor), 0) for name, value, tensor in zip(names, values, tensors)}


def write(out, name, build):
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(len(name))
    rng = np.random.default_rng(7)
    model = build()
    model.set_weights([np.clip(np.round(rng.normal(0, 0.5, w.shape) * 8) / 8, -1, 1) if w.dtype == np.float32 else w for w in model.get_weights()])
    if build.__name__ == "po2_states":
        for layer in filter(lambda layer: layer.get_weights(), model.layers):
            *kernels, bias = layer.get_weights()
            layer.set_weights([*kernels, np.full_like(bias, -0.875 if layer.name.endswith("low") else 0.875)])
    x = samples(model, rng)
    used = trace(model, x)
    model.save(folder / ("model.keras" if THREE else "model.h5"))
    np.savez_compressed(folder / "inputs.npz", **x)
    is_float = build.__name__ in PRECISION
    if is_float:
        np.savez_compressed(folder / "keras.npz", **used)
    np.savez_compressed(folder / "trace.npz", **({} if is_float else used))
    more = {"precision": PRECISION[build.__name__]} if is_float else {}
    spec = {"inputs": {i: "ufixed<5,5>" if build.__name__ == "tutorial" else "fixed<8,1>" for i in x}, **more}
    (folder / "case.json").write_text(json.dumps(spec, indent=1) + "\n")


if __name__ == "__main__":
    for name, build in CASES.items():
        if not sys.argv[2:] or name in sys.argv[2:]:
            write(pathlib.Path(sys.argv[1]), name, build)
