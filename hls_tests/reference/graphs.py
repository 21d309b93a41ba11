#!/usr/bin/env python3
"""Write the reference cases of models that are graphs: merges, moves, models in models, shared layers.

Usage: graphs.py OUT_DIR [CASE ...]

Run it with Keras 2 (tensorflow-cpu==2.15.1, qkeras at its state of June 2025) for the cases graph_*, and with
Keras 3 (keras==3.10.0, tensorflow-cpu==2.19.0, qkeras-v3==1.2.1) for the cases graph3_* and v3_*.
Each case is a folder as the other ones: the model, inputs.npz, trace.npz, case.json. Layers of a model in the
model are traced as `outer/inner`, later calls of a layer as `name_1`, results of an operation behind its first one as `name:1`.
"""
import json, os, pathlib, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy as np
import tensorflow as tf
import qkeras as q

VERSION = int(keras.__version__[0])
L = keras.layers
CASES = {}


def case(fn):
    CASES[fn.__name__] = fn
    return fn


def bits(bits, integer=0, symmetric=1):
    return q.quantized_bits(bits, integer, symmetric, alpha=1)


def dense(units, name):
    return q.QDense(units, kernel_quantizer=bits(4), bias_quantizer=bits(4), name=name)


def act(name, text="quantized_bits(6,1,0,alpha=1)"):
    return q.QActivation(text, name=name)


def inner_model(name):
    """One input, two results, one of which an inner layer takes as well; a model in it."""
    x = L.Input((3,), name="inner_in")
    h = act("h_act")(dense(4, "h")(x))
    deep = keras.Sequential([L.Input((4,)), dense(2, "fc"), act("fc_act")], name="deep")
    return keras.Model(x, [deep(h), h], name=name)


def nested():
    a, b = L.Input((3,), name="a"), L.Input((3,), name="b")
    shared, inner = act("shared"), inner_model("inner")
    y, h = inner(shared(a))
    z, k = inner(shared(b))
    return keras.Model([a, b], [L.Add(name="add")([y, z]), L.Concatenate(name="cat")([h, k, y]), h])


def operations():
    ops = tf if VERSION == 2 else keras.ops
    x, y = L.Input((4, 6), name="x"), L.Input((4, 6), name="y")
    both = x + y
    both = 1.5 - both * 0.5
    scaled = both * np.array([1, 2, -0.75, 0, 4, 0.125], "float32")
    top = ops.maximum(x, y) - 0.25
    low = ops.minimum(-top, 0.5)
    part = low[:, 1:3, ::-2]
    row = top[:, 2]
    joined = ops.concat([part, scaled[:, :2, :3]], axis=1) if VERSION == 2 else ops.concatenate([part, scaled[:, :2, :3]], axis=1)
    turned = ops.transpose(ops.reshape(joined, (-1, 3, 4)), (0, 2, 1))
    rect = ops.nn.relu(turned) if VERSION == 2 else ops.relu(turned)
    cut = ops.clip_by_value(row, -1.0, 0.75) if VERSION == 2 else ops.clip(row, -1.0, 0.75)
    return keras.Model([x, y], [rect, cut, scaled, ops.multiply(x, y)])


def more_operations():
    """Averages and maxima over all positions, and other operations that are layers by other names."""
    x, m = L.Input((4, 2, 3), name="x"), L.Input((3, 5), name="m")
    if VERSION == 2:
        mean, kept = tf.reduce_mean(x, [1, 2]), tf.reduce_mean(x, axis=(-2, -3), keepdims=True)
        third, top = tf.reduce_mean(m, axis=1), tf.reduce_max(m, axis=1, keepdims=True)
        wide = tf.pad(x, [[0, 0], [1, 0], [0, 2], [0, 0]])
        square = tf.matmul(m, tf.transpose(m, (0, 2, 1)))
        line, longer = tf.expand_dims(tf.squeeze(kept, [1, 2]), 1), tf.repeat(m, 2, axis=1)
        soft = tf.nn.leaky_relu(m, alpha=0.25)
        both = tf.add_n([tf.nn.relu6(m), tf.identity(soft), m / 4.0])
    else:
        ops = keras.ops
        mean, kept = ops.mean(x, [1, 2]), ops.mean(x, axis=(-2, -3), keepdims=True)
        third, top = ops.mean(m, axis=1), ops.max(m, axis=1, keepdims=True)
        wide = ops.pad(x, [[0, 0], [1, 0], [0, 2], [0, 0]])
        square = ops.matmul(m, ops.transpose(m, (0, 2, 1)))
        line, longer = ops.expand_dims(ops.squeeze(kept, [1, 2]), 1), ops.repeat(m, 2, axis=1)
        soft = ops.leaky_relu(m, negative_slope=0.25)
        both = ops.relu6(m) + ops.stop_gradient(soft) + m / 4.0
    return keras.Model([x, m], [mean, act("third")(third), top, wide, square, line, longer, both])


def image_operations():
    """Windows, interpolation and places, as operations."""
    x = L.Input((4, 6, 2), name="x")
    if VERSION == 2:
        pools = [tf.nn.max_pool2d(x, 3, 2, "SAME"), tf.nn.avg_pool2d(x, (2, 4), [1, 2, 1, 1], "VALID")]
        sizes = [tf.image.resize(x, (8, 6), method="nearest"), tf.image.resize(x, (4, 12))]
        part = tf.slice(x, [0, 1, 0, 0], [-1, 2, 5, -1])
        flat = keras.backend.batch_flatten(tf.cast(tf.nn.bias_add(part, [0.5, -1.0]), tf.float32))
        turned = tf.transpose(x, (0, 2, 1, 3))
    else:
        ops = keras.ops
        pools = [ops.max_pool(x, 3, 2, "same"), ops.average_pool(x, (2, 4), (2, 1))]
        sizes = [ops.image.resize(x, (8, 6), interpolation="nearest"), ops.image.resize(x, (4, 12))]
        part = x[:, 1:3, :5]
        flat = keras.activations.relu(ops.cast(part, "float32"), max_value=1.0)
        turned = ops.swapaxes(x, 1, 2)
    return keras.Model(x, [*pools, *sizes, flat, turned, x[..., 1], x[:, None, 1:2, -1]])


def halves(name):
    """A model whose results are one part and the sum of all of a split, two steps apart."""
    ops = tf if VERSION == 2 else keras.ops
    x = L.Input((4, 6), name="halves_in")
    a, b, c = ops.split(x, 3, axis=-1)
    return keras.Model(x, [c, ops.stack([a, b, c], axis=1), a * c], name=name)


def parts():
    """Parts of tensors and what is made of them: each a layer for each result that is taken."""
    x, m = L.Input((4, 6), name="x"), L.Input((2, 4, 3), name="m")
    if VERSION == 2:
        first, _, last = tf.split(x, [1, -1, 2], axis=2)
        one, _, three, _ = tf.unstack(x, axis=1)
        low, high = tf.split(m, 2, axis=1)
        turned = [tf.reverse(x, [1, 2]), tf.roll(x, [1, -2], [1, 2]), tf.tile(m, [1, 2, 1, 3])]
        picked = [tf.gather(x, [2, 0, 2], axis=1), tf.gather(m, 1, axis=3)]
        edges = [tf.pad(x, [[0, 0], [3, 1], [0, 2]], "REFLECT"), tf.pad(x, [[0, 0], [1, 0], [6, 2]], mode="SYMMETRIC")]
        blocks = tf.nn.space_to_depth(tf.nn.depth_to_space(tf.pad(m, [[0, 0], [0, 0], [0, 0], [1, 0]]), 2), 4)
        products = [tf.matmul(x, x, transpose_b=True), tf.matmul(m, tf.concat([low, high], axis=1), transpose_a=True)]
        stacked = tf.stack([one, three, one], axis=-1)
    else:
        ops = keras.ops
        first, _, last = ops.split(x, [1, 4], axis=2)
        one, _, three, _ = ops.unstack(x, axis=1)
        low, high = ops.split(m, 2, axis=1)
        turned = [ops.flip(x, 1), ops.roll(x, [1, -2], [1, 2]), ops.tile(m, [2, 1, 3])]
        picked = [ops.take(x, [2, 0, -2], axis=1), ops.take(m, 1, axis=3)]
        edges = [ops.pad(x, [[0, 0], [3, 1], [0, 2]], "reflect"), ops.pad(x, [[0, 0], [1, 0], [6, 2]], mode="symmetric")]
        blocks = ops.moveaxis(m, 1, -1)
        products = [ops.matmul(x, ops.swapaxes(x, 1, 2)), ops.matmul(ops.transpose(m, (0, 1, 3, 2)), ops.concatenate([low, high], axis=1))]
        stacked = ops.stack([one, three, one], axis=-1)
    nested, shared = halves("halves"), halves("again")
    c, rows, product = nested(x)
    again = shared(turned[0])[2] + shared(x)[2]
    return keras.Model([x, m], [last, high, three, first * last[..., :1], stacked, *turned[1:], *picked, *edges, blocks, *products,
                                c, rows, product + again])


def numbers():
    """Sums and other numbers of many, and quotients that are no binary numbers, rounded by what follows."""
    x, m = L.Input((4, 6), name="x"), L.Input((2, 4, 3), name="m")
    ops = tf if VERSION == 2 else keras.ops
    if VERSION == 2:
        total, mean, top, least = tf.reduce_sum, tf.reduce_mean, tf.reduce_max, tf.reduce_min
    else:
        total, mean, top, least = ops.sum, ops.mean, ops.max, ops.min
    sums = [total(x, 1), total(m, axis=[1, 2], keepdims=True), total(x, axis=-1), total(m, axis=[1, 3])]
    means = [act("act_mean")(mean(x, axis=2)), mean(m, axis=2, keepdims=True)]
    ends = [top(m, axis=[-1, 1], keepdims=True), top(m, axis=1), least(x, axis=1), least(m, axis=[2, 3])]
    by_channel = np.array([1, 3, -0.75, 7, 4, 0.2], "float32")
    by_element = np.arange(-12, 12, dtype="float32").reshape(4, 6) + 0.5
    quotients = [act(f"act_{at}")(x / by) for at, by in enumerate([3, -0.7, by_channel, by_element])]
    if VERSION == 2:
        rest = [tf.realdiv(m, 0.1), tf.math.scalar_mul(2.0, m) / 8.0, keras.activations.relu(x, max_value=1.5), keras.activations.relu(x, alpha=0.25)]
    else:
        rest = [ops.divide(m, 0.1), keras.activations.relu(x, negative_slope=0.25, max_value=1.0, threshold=0.5)]
    return keras.Model([x, m], [*sums, *means, *ends, *quotients, *rest, abs(x), ops.square(m), x ** 2])


def over_steps():
    """Models for each step: one of a branch, a merge and windows, one in it, and a Sequential one."""
    a, b = L.Input((3, 5, 2), name="a"), L.Input((2, 3, 4), name="b")
    x = i = L.Input((5, 2), name="inner_in")
    x = act("conv_act")(q.QConv1D(2, 3, padding="same", kernel_quantizer=bits(4), bias_quantizer=bits(4), name="conv")(x))
    x = L.Add(name="sum")([x, i])
    x = L.GlobalMaxPooling1D(name="top")(x)
    inner = keras.Model(i, L.Concatenate(name="both")([dense(2, "fc")(x), x]), name="inner")
    deep = keras.Sequential([L.Input((4,)), dense(3, "h"), act("h_act"), L.BatchNormalization(name="bn")], name="deep")
    twice = keras.Model(j := L.Input((3, 4), name="twice_in"), L.TimeDistributed(deep, name="td_deep")(j), name="twice")
    return keras.Model([a, b], [L.TimeDistributed(inner, name="td")(a), act("act")(L.TimeDistributed(twice, name="td_twice")(b))])


if VERSION == 2:
    @case
    def graph_parts():
        return parts()

    @case
    def graph_numbers():
        return numbers()

    @case
    def graph_image_operations():
        return image_operations()

    @case
    def graph_more_operations():
        return more_operations()

    @case
    def graph_time_models():
        return over_steps()

    @case
    def graph_nested():
        return nested()

    @case
    def graph_operations():
        return operations()

    @case
    def graph_several():
        """An output used inside, one tensor returned twice, an input returned, a layer called three times."""
        a, b = L.Input((4,), name="a"), L.Input((4,), name="b")
        fc = dense(4, "fc")
        x = act("act")(fc(a))
        y = act("act_b")(fc(x))
        z = fc(b)
        both = L.Multiply(name="mul")([x, y, x])
        return keras.Model([b, a], [x, both, L.Subtract(name="sub")([both, z]), x])

    @case
    def graph_broadcast():
        a, b, c = (L.Input(shape, name=name) for shape, name in [((3, 4, 2), "a"), ((1, 4, 1), "b"), ((2,), "c")])
        row = L.Reshape((1, 1, 2), name="row")(c)
        sums = L.Add(name="add")([a, b, row, a])
        return keras.Model([a, b, c], [L.Multiply(name="mul")([b, row]), L.Maximum(name="max")([sums, c]),
                                       L.Minimum(name="min")([a, row]), L.Average(name="avg")([a, b, row, a]),
                                       L.Concatenate(axis=1, name="cat")([a, sums]), L.Concatenate(axis=-2, name="cat2")([b, b])])

    @case
    def graph_dot():
        a, b, v, w = (L.Input(shape, name=name) for shape, name in [((3, 4), "a"), ((4, 2), "b"), ((4,), "v"), ((4,), "w")])
        return keras.Model([a, b, v, w], [L.Dot((2, 1), name="matrix")([a, b]), L.Dot(1, name="scalar")([v, w]),
                                          L.Dot((2, 1), name="vector")([a, v])])

    @case
    def graph_moves():
        a, v = L.Input((5, 3), name="a"), L.Input((4,), name="v")
        x = L.ZeroPadding1D((1, 2), name="pad")(a)
        x = L.UpSampling1D(2, name="up")(x)
        x = L.Cropping1D((3, 1), name="crop")(x)
        y = act("act")(L.Permute((2, 1), name="perm")(x))
        y = L.Permute((2, 1), name="back")(y)
        r = L.Permute((2, 1), name="turned")(L.RepeatVector(3, name="rep")(v))
        return keras.Model([a, v], [y, L.GaussianNoise(0.5, name="noise")(r), L.Reshape((2, -1, 3), name="resh")(r)])

    @case
    def graph_bilinear():
        a = L.Input((3, 4, 2), name="a")
        return keras.Model(a, [L.UpSampling2D((2, 4), interpolation="bilinear", name="wide")(a),
                               L.UpSampling2D((1, 2), interpolation="bilinear", name="flat")(a),
                               L.UpSampling2D((3, 2), name="near")(a)])

    @case
    def graph_time():
        a, b = L.Input((3, 5), name="a"), L.Input((3, 2, 4), name="b")
        x = L.TimeDistributed(dense(4, "fc"), name="td")(a)
        y = L.TimeDistributed(L.Permute((2, 1)), name="td_perm")(b)
        y = L.TimeDistributed(L.Flatten(), name="td_flat")(y)
        return keras.Model([a, b], [L.TimeDistributed(act("inside"), name="td_act")(x), y])

    @case
    def graph_thirds():
        """Factors that are no powers of two, rounded by what follows."""
        a, b, c = (L.Input((3, 2, 2), name=name) for name in "abc")
        up = L.UpSampling2D((3, 5), interpolation="bilinear", name="up")(a)
        return keras.Model([a, b, c], [act("act")(L.Average(name="avg")([a, b, c])), up])

    @case
    def graph_turned():
        """What a CPU computes with channels last; `turned` makes the same network with channels first of it."""
        x = a = L.Input((6, 5, 2), name="a")
        x = q.QConv2D(3, (3, 2), padding="same", kernel_quantizer=bits(4), bias_quantizer=bits(4), name="conv")(x)
        x = act("act")(x)
        y = q.QDepthwiseConv2D(3, padding="same", depthwise_quantizer=bits(4), use_bias=False, name="dw")(x)
        x = L.Add(name="add")([x, act("act_dw")(y)])
        x = L.MaxPooling2D(2, name="pool")(x)
        x = q.QConv2D(2, 1, kernel_quantizer=bits(4), use_bias=False, activation="quantized_relu(6,3)", name="point")(x)
        return keras.Model(a, dense(2, "fc")(L.Flatten(name="flat")(x)))

    @case
    def graph_channels_first():
        """Channels come first: only layers that Keras computes so on a CPU."""
        first = {"data_format": "channels_first"}
        a, b = L.Input((2, 3, 4), name="a"), L.Input((2, 6, 8), name="b")
        x = L.UpSampling2D(2, name="up", **first)(a)
        x = act("act")(x)
        x = L.Add(name="add")([x, act("act_b")(L.ZeroPadding2D((0, 1), name="pad", **first)(L.Cropping2D((0, 1), name="crop", **first)(b)))])
        x = L.ZeroPadding2D(((1, 0), (0, 2)), name="pad2", **first)(x)
        y = L.Flatten(name="flat", **first)(L.Cropping2D(((4, 0), (2, 3)), name="crop2", **first)(x))
        return keras.Model([a, b], [x, dense(3, "fc")(y)])
else:
    @case
    def v3_batchnorm_folded():
        """Layers with a normalisation inside, whose variables lie in a group of their own."""
        x = i = L.Input((5, 6, 2), name="x")
        x = q.QConv2DBatchnorm(4, (2, 3), strides=(1, 2), kernel_quantizer=bits(5, 1), bias_quantizer=bits(8, 2), name="convbn")(x)
        x = act("act", "quantized_relu(6,2)")(x)
        x = q.QDepthwiseConv2DBatchnorm(3, depth_multiplier=2, padding="same", use_bias=False, depthwise_quantizer=bits(5, 1),
                                        bias_quantizer=None, folding_mode="batch_stats_folding", name="dwbn")(x)
        return keras.Model(i, act("last", "quantized_bits(8,3,0,alpha=1)")(x))

    @case
    def graph3_parts():
        return parts()

    @case
    def graph3_numbers():
        return numbers()

    @case
    def graph3_image_operations():
        return image_operations()

    @case
    def graph3_more_operations():
        return more_operations()

    @case
    def graph3_time_models():
        return over_steps()

    @case
    def graph3_nested():
        return nested()

    @case
    def graph3_operations():
        return operations()


def turned(model):
    """The same network with channels first."""
    def layer(old):
        config = old.get_config()
        if "data_format" in config:
            config["data_format"] = "channels_first"
        if isinstance(old, L.InputLayer):
            _, *positions, channels = config["batch_input_shape"]
            config["batch_input_shape"] = (None, channels, *positions)
        return config
    config = model.get_config()
    for entry, old in zip(config["layers"], model.layers):
        entry["config"] = layer(old)
        entry.pop("build_config", None)
    result = keras.Model.from_config(config, custom_objects={name: getattr(q, name) for name in ("QConv2D", "QDepthwiseConv2D", "QDense", "QActivation", "quantized_bits")})
    result.set_weights(model.get_weights())
    return result


def channels_first(array):
    return np.moveaxis(array, -1, 1)


def shapes(model):
    return {tensor.name.split(":")[0]: tuple(tensor.shape[1:]) for tensor in model.inputs}


def calls(model, layer):
    """The calls of a layer that belong to a model."""
    nodes = {id(node) for depth in model._nodes_by_depth.values() for node in depth}
    return [node for node in layer._inbound_nodes if id(node) in nodes]


def results_taken(graph):
    """Which results of layers other layers take, or the model gives."""
    def tensors(layer):
        for node in calls(graph, layer):
            yield from tf.nest.flatten(node.input_tensors if VERSION == 2 else node.arguments.keras_tensors)
    layers = graph._self_tracked_trackables if VERSION == 2 else graph.operations
    taken = [tensor for layer in layers for tensor in tensors(layer)] + list(graph.outputs)
    histories = [tensor._keras_history for tensor in taken if hasattr(tensor, "_keras_history")]
    return {(layer.name, call, of_call) for layer, call, of_call in histories}


def trace(model, feed, prefix=""):
    """What every call of every layer gives, those of layers of models in the model included."""
    result = {}
    flat = lambda value: list(tf.nest.flatten(value))
    graph = model._functional if VERSION == 3 and isinstance(model, keras.Sequential) else model
    taken = results_taken(graph)
    # Keras 2 hides the input of a Sequential model.
    layers = graph._self_tracked_trackables if VERSION == 2 else graph.operations
    nodes = [(layer, number, node) for layer in layers for number, node in enumerate(calls(graph, layer))]
    tensors = [flat(node.outputs if VERSION == 2 else node.output_tensors) for _, _, node in nodes]
    given = [flat(node.input_tensors if VERSION == 2 else node.arguments.keras_tensors) for _, _, node in nodes]
    tensors += [[tensor for tensor in one if hasattr(tensor, "_keras_history")] for one in given]  # No constants.
    computed = iter(flat(keras.Model(graph.inputs, flat(tensors))(feed, training=False)))
    computed = [[np.asarray(next(computed)) for _ in one] for one in tensors]
    for (layer, number, node), values, given in zip(nodes, computed, computed[len(nodes):]):
        name = layer.name if number == 0 else f"{layer.name}_{number}"
        if isinstance(layer, keras.Model):
            result.update(trace(layer, given if len(given) > 1 else given[0], f"{prefix}{name}/"))
        if isinstance(layer, L.TimeDistributed) and isinstance(layer.layer, keras.Model):
            inside = trace(layer.layer, given[0].reshape(-1, *given[0].shape[2:]), f"{prefix}{name}/")
            result.update({at: steps.reshape(*given[0].shape[:2], *steps.shape[1:]) for at, steps in inside.items()})
        if isinstance(layer, keras.Model):
            result[prefix + name] = values[0]
        elif prefix or not isinstance(layer, L.InputLayer):
            at = layer._inbound_nodes.index(node)
            for of_call, value in enumerate(values):
                if len(values) == 1 or (layer.name, at, of_call) in taken:
                    result[prefix + name + (f":{of_call}" if of_call else "")] = value
    return result


def main(out, only):
    for name, build in CASES.items():
        if only and name not in only:
            continue
        keras.backend.clear_session()
        rng = np.random.default_rng(sum(map(ord, name)))
        model = build()
        for weight in model.weights:
            draw = rng.normal(0, 0.5, weight.shape)
            weight.assign(abs(draw) + 0.25 if "variance" in getattr(weight, "path", weight.name) else draw)
        ends = shapes(model)
        feed = [rng.integers(-128, 128, size=(8,) + shape).astype(np.float32) / 64 for shape in ends.values()]
        steps = trace(model, feed if len(feed) > 1 else feed[0])
        if name == "graph_turned":
            model, feed = turned(model), [channels_first(array) for array in feed]
            steps = {name: channels_first(array) for name, array in steps.items()}
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        model.save(folder / ("model.h5" if VERSION == 2 else "model.keras"))
        np.savez_compressed(folder / "inputs.npz", **dict(zip(ends, feed)))
        np.savez_compressed(folder / "trace.npz", **steps)
        text = json.dumps({"inputs": {name: "fixed<8,2>" for name in ends}, "outputs": list(model.output_names)})
        (folder / "case.json").write_text(text + "\n")
        print(name)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2:])
