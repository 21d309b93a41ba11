"""The models of the corpus: functions of one name each, for Keras 2 and Keras 3.

A function returns a model, or a pair of a model and the types of its inputs, by name. The type of an input
without an entry is fixed<8,1>. A function that this version of Keras or QKeras cannot run is no case there:
`write.py` prints why.
"""
import keras
import numpy as np
import qkeras as q
import tensorflow as tf

VERSION = int(keras.__version__[0])
L = keras.layers
MODELS = {}
# Models whose results depend on the configured type, and that type. Functions such as tanh take at most 16 bits.
WIDE, NARROW = "fixed<32,12,RND,SAT>", "fixed<16,6,RND,SAT>"
UNQUANTIZED = {}
# Shapes of inputs whose own ones have None, as `--input-shape` takes them.
SHAPES = {}
# Inputs that take integers below a limit.
LIMITS = {"embedding": 11}
# Models that are trained for a few steps before they are saved, so that files hold an optimizer's state.
TRAINED = set()


def model(fn=None, *, unquantized=None, trained=False, shapes=None):
    if fn is None:
        return lambda fn: model(fn, unquantized=unquantized, trained=trained, shapes=shapes)
    name = fn.__name__
    MODELS[name] = fn
    if unquantized:
        UNQUANTIZED[name] = unquantized
    if trained:
        TRAINED.add(name)
    if shapes:
        SHAPES[name] = shapes
    return fn


def bits(width, integer=0, symmetric=1, alpha=1, **more):
    return q.quantized_bits(width, integer, symmetric, alpha=alpha, **more)


def dense(units, name=None, **more):
    return q.QDense(units, **{"kernel_quantizer": bits(4), "bias_quantizer": bits(4), **more}, name=name)


def conv(filters, size=3, name=None, **more):
    return q.QConv2D(filters, size, **{"kernel_quantizer": bits(4), "bias_quantizer": bits(4), **more}, name=name)


def linear_bits(*arguments, **more):
    """QKeras 0.9 has no quantized_linear."""
    return getattr(q, "quantized_linear", q.quantized_bits)(*arguments, **more)


def act(name=None, text="quantized_relu(6,2)"):
    return q.QActivation(text, name=name)


def chain(shape, *layers, name="input_1"):
    x = i = L.Input(shape, name=name)
    for layer in layers:
        x = layer(x)
    return keras.Model(i, x)


def sequential(shape, *layers, name=None):
    return keras.Sequential([L.Input(shape, name="input_1"), *layers], name=name)


# Sequential and functional models of QKeras.


@model(trained=True)
def seq_mlp():
    return sequential((16,), dense(24, kernel_quantizer=bits(6)), act(text="quantized_relu(6)"),
                      dense(12, activation="quantized_relu(5,1)", kernel_quantizer="quantized_bits(5,0,1,alpha=1)"),
                      dense(5, kernel_quantizer=q.quantized_bits(6, 0, 1, alpha="auto_po2")), L.Activation("softmax"))


@model(trained=True)
def seq_cnn():
    return sequential((10, 10, 2), conv(4), L.BatchNormalization(), act(), L.MaxPooling2D(2),
                      conv(6, padding="same", use_bias=False), act(text=q.quantized_relu(4)), L.Flatten(), L.Dropout(0.2),
                      dense(4))


@model
def seq_unnamed_input():
    """A Sequential model that is built by its first layer, without an Input."""
    first = {"input_shape": (9,)} if VERSION == 2 else {}
    m = keras.Sequential([dense(7, **first), act(), dense(3)])
    m.build((None, 9))
    return m


@model
def conv1d():
    return chain((20, 3), q.QConv1D(5, 3, padding="causal" if VERSION == 2 else "same", kernel_quantizer=bits(4), bias_quantizer=bits(4), dilation_rate=2),
                 act(), L.MaxPooling1D(2), q.QSeparableConv1D(4, 3, depthwise_quantizer=bits(4), pointwise_quantizer=bits(4),
                                                             bias_quantizer=bits(4)), act(), L.GlobalAveragePooling1D(), dense(3))


@model
def two_inputs_two_outputs():
    a, b = L.Input((8, 8, 3), name="image"), L.Input((5,), name="scalars")
    x = act("a1")(conv(6, name="c1", padding="same")(a))
    y = act("a2")(conv(6, name="c2", padding="same")(x))
    x = act("a3")(L.Add(name="skip")([x, y]))
    x = L.Flatten(name="flat")(L.AveragePooling2D(4, name="avg")(x))
    y = act("a4")(dense(4, "d1")(b))
    z = L.Concatenate(name="both")([x, y])
    return keras.Model([a, b], [dense(3, "first")(z), dense(2, "second")(y)]), {"scalars": "fixed<6,3>"}


@model
def odd_names():
    """Names that Keras takes in this version, as people give them."""
    names = ["dense.1", "Layer-2", "3rd", "a>b", "_act", "conv/one", "relu:0", "with space", "größe"]
    x = i = L.Input((6,), name="in.put-1")
    for at, name in enumerate(names):
        try:
            x = (dense(5, name) if at % 2 == 0 else act(name))(x)
        except ValueError:
            pass
    return keras.Model(i, x, name="a-model.of>mine")


@model
def renamed():
    """Layers whose names were changed after the model was built."""
    m = sequential((6,), dense(5, "old"), act("old_act"), dense(3, "old_out"))
    for layer in m.layers:
        setattr(layer, "_name" if VERSION == 2 else "name", layer.name.replace("old", "new"))
    return m


# Models in models, shared layers.


@model
def nested():
    x = L.Input((3,), name="inner_in")
    h = act("h_act")(dense(4, "h")(x))
    deep = keras.Sequential([L.Input((4,)), dense(2, "fc"), act("fc_act")], name="deep")
    inner = keras.Model(x, [deep(h), h], name="inner")
    a, b = L.Input((3,), name="a"), L.Input((3,), name="b")
    y, h = inner(a)
    z, k = inner(b)
    return keras.Model([a, b], [L.Add(name="add")([y, z]), L.Concatenate(name="cat")([h, k, y])])


@model
def nested_sequentials():
    body = keras.Sequential([L.Input((8, 8, 2)), conv(4), act(), L.MaxPooling2D(2)], name="body")
    head = keras.Sequential([L.Input((3, 3, 4)), L.Flatten(), dense(5), act(), dense(2)], name="head")
    return keras.Sequential([L.Input((8, 8, 2), name="input_1"), body, head])


@model
def shared():
    a, b = L.Input((6,), name="a"), L.Input((6,), name="b")
    fc, relu = dense(4, "fc"), act("relu")
    x, y = relu(fc(a)), relu(fc(b))
    z = relu(L.Subtract(name="diff")([x, y]))
    return keras.Model([a, b], [dense(2, "out")(z), x]), {"b": "fixed<6,2>"}


@model(trained=True)
def transfer():
    """The trained layers of a model in a new one, some of them frozen."""
    old = chain((8, 8, 2), conv(4, name="c1"), act("a1"), L.Flatten(name="flat"), dense(3, "old_head"))
    for layer in old.layers:
        layer.trainable = False
    x = act("new_act")(dense(5, "new_hidden")(old.get_layer("flat").output))
    return keras.Model(old.inputs, dense(2, "new_head")(x))


# Quantizers.


@model
def alpha_auto():
    return chain((10,), dense(8, "auto", kernel_quantizer=q.quantized_bits(4, 0, 1, alpha="auto")), act("a1"),
                 dense(8, "auto_po2", kernel_quantizer=q.quantized_bits(4, 0, 1, alpha="auto_po2")), act("a2"),
                 dense(6, "default", kernel_quantizer=q.quantized_bits(4, 0, 1)), act("a3"),
                 dense(6, "string", kernel_quantizer="quantized_bits(6,1,1,alpha='auto')"), act("a4"),
                 dense(4, "binary", kernel_quantizer=q.binary(alpha="auto_po2")), act("a5"),
                 dense(4, "ternary", kernel_quantizer=q.ternary(alpha="auto")), act("a6"),
                 dense(3, "po2", kernel_quantizer=q.quantized_po2(4), bias_quantizer=q.quantized_po2(4)))


@model
def alpha_auto_conv():
    return chain((9, 9, 2), conv(4, name="auto", kernel_quantizer=q.quantized_bits(4, 0, 1, alpha="auto"), use_bias=False),
                 act("a1"), q.QDepthwiseConv2D(3, depthwise_quantizer=q.quantized_bits(4, 0, 1, alpha="auto_po2"),
                                               bias_quantizer=bits(4), name="dw"),
                 act("a2"), conv(3, 1, name="linear", kernel_quantizer=linear_bits(4, 0, 1, alpha="auto_po2")),
                 act("a3"), conv(3, 1, name="stochastic", kernel_quantizer=q.stochastic_ternary(alpha=1, threshold=0.3)))


@model
def activation_strings():
    texts = ["quantized_bits(8,3,0,alpha=1)", "quantized_relu(6,2,negative_slope=0.25)", "quantized_tanh(6)", "quantized_relu(4)",
             "quantized_sigmoid(6)", "hard_tanh", "quantized_relu_po2(4)", "quantized_bits(9,2,1)", "binary_tanh", "ternary(alpha=1)",
             "quantized_po2(4)", "smooth_sigmoid"]
    layers = [layer for at, text in enumerate(texts) for layer in (dense(6, f"d{at}"), act(f"a{at}", text))]
    return chain((6,), *layers)


@model
def activation_objects():
    objects = [bits(8, 3, 0), q.quantized_relu(6, 2, negative_slope=0.25), q.quantized_tanh(6, use_real_tanh=True),
               q.quantized_relu(5, 2, relu_upper_bound=3), q.quantized_sigmoid(6, use_real_sigmoid=True),
               q.quantized_relu_po2(4, max_value=2), q.quantized_hswish(6, 2, 0, alpha=1), q.binary(alpha=1), q.ternary(alpha=1),
               linear_bits(6, 2, 0, alpha=1.0), q.quantized_ulaw(6)]
    layers = [layer for at, thing in enumerate(objects)
              for layer in (dense(6, f"d{at}"), q.QActivation(thing, name=f"a{at}"))]
    return chain((6,), *layers)


@model
def activation_in_layers():
    """Quantizers as the activation of layers, as string and as object."""
    return chain((8, 8, 2), conv(4, activation="quantized_relu(5,1)"), conv(4, activation=q.quantized_tanh(5)),
                 q.QDepthwiseConv2D(3, depthwise_quantizer=bits(4), bias_quantizer=bits(4), activation=q.quantized_relu(6, 2)),
                 L.Flatten(), dense(5, activation=q.quantized_bits(6, 2, 1, alpha=1)), dense(3, activation="relu"))


@model
def adaptive():
    return chain((8,), dense(6), q.QAdaptiveActivation("quantized_relu", 6, quantization_delay=1), dense(4),
                 q.QAdaptiveActivation("quantized_bits", 7, quantization_delay=1))


# Layer objects as activations.


@model
def layer_activations():
    leaky = L.LeakyReLU(0.125) if VERSION == 2 else L.LeakyReLU(negative_slope=0.125)
    return chain((8,), dense(6, "d1", activation=leaky), act("a1", "quantized_bits(8,3,0,alpha=1)"),
                 dense(6, "d2"), L.Activation(L.ReLU(max_value=2.0), name="relu"), act("a2"),
                 dense(5, "d3", activation=L.ReLU()), act("a3"), dense(4, "d4"))


@model
def activation_layers():
    leaky = L.LeakyReLU(0.25, name="leaky") if VERSION == 2 else L.LeakyReLU(negative_slope=0.25, name="leaky")
    return chain((8, 8, 2), conv(3), L.ReLU(name="relu"), act(), conv(3), leaky, act(text="quantized_bits(7,2,0,alpha=1)"), L.Flatten(),
                 dense(5), L.ELU(name="elu"), act(text="quantized_bits(7,2,0,alpha=1)"),
                 dense(5, activation="tanh"), act(text="quantized_bits(7,2,0,alpha=1)"),
                 dense(4), L.Activation("sigmoid", name="sigmoid"), act(text="quantized_bits(7,2,0,alpha=1)"),
                 dense(4), L.Softmax(name="softmax"))


@model(unquantized=NARROW)
def prelu():
    """Slopes have no quantizer."""
    return chain((6, 6, 2), conv(3), L.PReLU(shared_axes=[1, 2]), act(text="quantized_bits(7,2,0,alpha=1)"), L.Flatten(), dense(4), L.PReLU())


# Normalization.


@model
def batchnorm():
    return chain((8, 8, 2), conv(4, use_bias=False), L.BatchNormalization(scale=False), act(),
                 conv(4), L.BatchNormalization(center=False, epsilon=0.01), act(), L.Flatten(), dense(4), L.BatchNormalization(), act())


@model
def qbatchnorm():
    quantized = dict(gamma_quantizer=bits(6, 2), beta_quantizer=bits(6, 2), mean_quantizer=bits(6, 2),
                     variance_quantizer=q.quantized_relu_po2(6, 8))
    return chain((8, 8, 2), conv(4, use_bias=False), q.QBatchNormalization(), act(), L.Flatten(),
                 dense(5, use_bias=False), q.QBatchNormalization(**quantized), act(), dense(3))


@model(trained=True)
def folded_ema():
    folded = dict(folding_mode="ema_stats_folding", kernel_quantizer=bits(4, 1), bias_quantizer=bits(8, 2))
    return chain((9, 8, 3), q.QConv2DBatchnorm(4, 3, **folded), act(),
                 q.QDepthwiseConv2DBatchnorm(3, depthwise_quantizer=bits(4, 1), bias_quantizer=bits(8, 2), use_bias=False,
                                             folding_mode="ema_stats_folding"), act(), L.Flatten(), dense(3))


@model
def folded_batch():
    folded = dict(folding_mode="batch_stats_folding", kernel_quantizer=bits(4, 1), bias_quantizer=bits(8, 2), use_bias=False)
    return chain((9, 8, 3), q.QConv2DBatchnorm(4, 3, strides=2, **folded), act(text="quantized_relu(6,3)"))


@model
def folded_dense():
    folded = dict(kernel_quantizer=bits(5, 1), bias_quantizer=bits(8, 2))
    return chain((10,), q.QDenseBatchnorm(8, folding_mode="ema_stats_folding", **folded), act("a1"),
                 q.QDenseBatchnorm(6, folding_mode="batch_stats_folding", use_bias=False, **folded), act("a2"), dense(3))


@model
def scale_shift():
    return chain((7,), q.QScaleShift(weight_quantizer=bits(6, 2), bias_quantizer=bits(6, 2), use_bias=True), act(), dense(3))


# Convolutions and pooling.


@model
def separable_transposed():
    return chain((8, 8, 2), q.QSeparableConv2D(4, 3, padding="same", depthwise_quantizer=bits(4), pointwise_quantizer=bits(4),
                                               bias_quantizer=bits(4)), act(),
                 q.QDepthwiseConv2D(3, strides=2, depth_multiplier=2, depthwise_quantizer=bits(4), use_bias=False), act(),
                 q.QConv2DTranspose(3, 3, strides=2, padding="same", kernel_quantizer=bits(4), bias_quantizer=bits(4)), act())


@model
def transposed_depthwise():
    return chain((5, 6, 4), q.QDepthwiseConv2DTranspose(4, 3, strides=(2, 2), padding="same", depthwise_kernel_quantizer=bits(4),
                                                        bias_quantizer=bits(4)), act(),
                 q.QSeparableConv2DTranspose(3, 3, strides=(2, 2), depthwise_kernel_quantizer=bits(4),
                                             pointwise_kernel_quantizer=bits(4), bias_quantizer=bits(4)), act())


@model
def pooling():
    x = i = L.Input((12, 12, 3), name="input_1")
    a, c = L.MaxPooling2D(3, 2, padding="same", name="maxp")(x), L.AveragePooling2D(2, name="avg")(x)
    b = q.QAveragePooling2D(2, average_quantizer=bits(5), activation=bits(8, 1, 0), name="qavg")(x)
    y = L.Concatenate(name="cat")([a, b, c])
    g = q.QGlobalAveragePooling2D(average_quantizer=bits(8), activation=bits(8, 1, 0), name="qgap")(y)
    return keras.Model(i, [g, L.GlobalMaxPooling2D(name="gmp")(y), L.GlobalAveragePooling2D(keepdims=True, name="gap")(c)])


@model
def octave():
    from qkeras.qoctave import QOctaveConv2D
    one = dict(kernel_quantizer="quantized_bits(4,0,1,alpha=1)", bias_quantizer="quantized_bits(4,0,1,alpha=1)",
               acc_quantizer="quantized_bits(16,7,1,alpha=1)", activation="quantized_relu(6,2)", padding="same", use_separable=False)
    x = i = L.Input((12, 12, 3), name="input_1")
    h, l = QOctaveConv2D(8, (3, 3), alpha=0.5, name="oct1", **one)([x, None])
    h, l = QOctaveConv2D(8, (3, 3), alpha=0.0, name="oct2", **one)([h, l])
    return keras.Model(i, h)


@model
def channels_first():
    x = i = L.Input((2, 6, 6), name="input_1")
    x = L.ZeroPadding2D(1, data_format="channels_first")(x)
    x = act()(L.UpSampling2D(2, data_format="channels_first")(x))
    x = act(text="quantized_bits(8,3,0,alpha=1)")(L.BatchNormalization(axis=1)(x))
    return keras.Model(i, dense(3)(L.Flatten(data_format="channels_first")(x)))


# Merging layers, layout, tensor operations.


@model
def merges():
    a, b = L.Input((4, 6), name="a"), L.Input((4, 6), name="b")
    outs = [f(name=f.__name__.lower())([a, b]) for f in (L.Add, L.Subtract, L.Multiply, L.Maximum, L.Minimum, L.Average, L.Concatenate)]
    outs.append(L.Dot(axes=2, name="dot")([a, b]))
    outs.append(L.Add(name="three")([a, b, a]))
    return keras.Model([a, b], outs), {"b": "fixed<6,3>"}


@model
def layout():
    return chain((6, 4, 2), L.ZeroPadding2D(((1, 2), (0, 1))), L.UpSampling2D((2, 1)), L.Cropping2D(((1, 0), (1, 1))),
                 L.Permute((2, 1, 3)), L.Reshape((-1, 6)), L.Cropping1D(1), L.UpSampling1D(2), L.ZeroPadding1D(1), L.Flatten(),
                 L.RepeatVector(2), act(text="quantized_bits(6,1,0,alpha=1)"), dense(3))


@model
def bilinear():
    return chain((4, 5, 2), L.UpSampling2D((2, 4), interpolation="bilinear"), act(text="quantized_bits(6,1,0,alpha=1)"))


@model
def operators():
    """Operators of Python on tensors, with constants."""
    x, y = L.Input((4, 6), name="x"), L.Input((4, 6), name="y")
    both = 1.5 - (x + y) * 0.5
    scaled = both * np.array([1, 2, -0.75, 0, 4, 0.125], "float32")
    part = x[:, 1:3, ::-2]
    return keras.Model([x, y], [scaled - 0.25, part, -y[..., 2], x * y, y / 4, abs(x), x ** 2])


@model
def operations():
    """Functions of tf or keras.ops, with constants."""
    x = L.Input((4, 6), name="x")
    if VERSION == 2:
        y = tf.concat([tf.nn.relu(x), tf.maximum(x, -0.5)], axis=-1)
        y = tf.transpose(tf.reshape(y, (-1, 6, 8)), (0, 2, 1))
        one, two = tf.split(y, 2, axis=1)
        outs = [tf.clip_by_value(one, -1.0, 0.75), tf.reduce_mean(two, 1), tf.matmul(one, two, transpose_b=True),
                tf.pad(two, [[0, 0], [1, 0], [0, 2]]), tf.stack([one, two], axis=1), tf.math.add(one, tf.constant([1.0, 0.5, 0.25, 0, 0, -2])),
                tf.tile(one, [1, 2, 1]), tf.gather(two, [2, 0], axis=1), tf.reduce_max(one, axis=-1, keepdims=True)]
    else:
        ops = keras.ops
        y = ops.concatenate([ops.relu(x), ops.maximum(x, -0.5)], axis=-1)
        y = ops.transpose(ops.reshape(y, (-1, 6, 8)), (0, 2, 1))
        one, two = ops.split(y, 2, axis=1)
        outs = [ops.clip(one, -1.0, 0.75), ops.mean(two, 1), ops.matmul(one, ops.transpose(two, (0, 2, 1))),
                ops.pad(two, [[0, 0], [1, 0], [0, 2]]), ops.stack([one, two], axis=1), ops.add(one, np.array([1, 0.5, 0.25, 0, 0, -2], "float32")),
                ops.tile(one, [1, 2, 1]), ops.take(two, [2, 0], axis=1), ops.max(one, axis=-1, keepdims=True)]
    return keras.Model(x, outs)


@model
def gate():
    """Attention over channels, written with operators: squeeze and excitation."""
    x = i = L.Input((6, 6, 4), name="input_1")
    x = act("a1")(conv(4, name="c1", padding="same")(x))
    mean = tf.reduce_mean(x, axis=[1, 2], keepdims=True) if VERSION == 2 else keras.ops.mean(x, axis=[1, 2], keepdims=True)
    g = act("a2", "quantized_relu(5,1)")(conv(2, 1, name="squeeze")(act("q", "quantized_relu(8,2)")(mean)))
    g = act("g", "quantized_sigmoid(5)")(conv(4, 1, name="excite")(g))
    return keras.Model(i, act("out")(x * g))


# Preprocessing and other layers.


@model
def rescaling():
    return chain((6, 6, 3), L.Rescaling(1 / 128.0, offset=-1.0), conv(3), act(), L.Flatten(), dense(2)), {"input_1": "ufixed<8,8>"}


@model
def rescaling_255():
    return chain((5,), L.Rescaling(1 / 255), act(text="quantized_relu(8,0)"), dense(2)), {"input_1": "ufixed<8,8>"}


@model
def normalization():
    layer = L.Normalization(axis=-1)
    layer.adapt(np.random.default_rng(5).normal([0, 1, 2, -3], [1, 2, 0.5, 3], (200, 4)).astype("float32"))
    return chain((4,), layer, act(text="quantized_bits(8,3,0,alpha=1)"), dense(3)), {"input_1": "fixed<10,4>"}


@model
def normalization_given():
    return chain((3, 4), L.Normalization(mean=[0.5, -1, 2, 0], variance=[4, 0.25, 1, 2]), act(text="quantized_bits(8,3,0,alpha=1)"),
                 L.Normalization(axis=None, mean=0.25, variance=0.0625), act(text="quantized_bits(8,3,0,alpha=1)"), L.Flatten(), dense(3))


@model
def resizing():
    return chain((4, 6, 2), L.Resizing(8, 12, interpolation="nearest"), conv(3), act(), L.Resizing(12, 20), act())


@model
def embedding():
    return chain((5,), L.Embedding(11, 4, name="tokens"), act(text="quantized_bits(6,1,0,alpha=1)"), L.Flatten(), dense(3)), {"input_1": "ufixed<4,4>"}


@model
def time_distributed():
    step = keras.Sequential([L.Input((6, 2)), q.QConv1D(3, 3, kernel_quantizer=bits(4), bias_quantizer=bits(4), name="c"), act("ca"), L.Flatten(name="cf")], name="step")
    return chain((4, 6, 2), L.TimeDistributed(step, name="steps"), L.TimeDistributed(dense(5, "td_inner"), name="td"),
                 L.TimeDistributed(act("ta_inner"), name="ta"), L.Flatten(), dense(2))


@model
def training_only():
    return chain((6, 6, 4), L.GaussianNoise(0.1), conv(4), L.SpatialDropout2D(0.1), act(), L.ActivityRegularization(0.01), L.Flatten(),
                 L.GaussianDropout(0.1), dense(5, kernel_regularizer=keras.regularizers.L1L2(1e-4, 1e-4), kernel_constraint="max_norm"),
                 L.Dropout(0.5), act(), dense(3))


# Shapes, attributes, dtypes.


@model
def fixed_batch():
    size = {"batch_size": 4}
    i = L.Input((7,), name="input_1", **size)
    return keras.Model(i, dense(3)(act()(dense(5)(i))))


@model(shapes={"input_1": "7,8,2"})
def none_2d():
    return chain((None, None, 2), conv(3), act(), conv(4, padding="same"), act(), L.GlobalMaxPooling2D(), dense(2))


@model(shapes={"input_1": "12,3"})
def none_1d():
    return chain((None, 3), q.QConv1D(4, 3, kernel_quantizer=bits(4), bias_quantizer=bits(4)), act(), dense(3), L.GlobalMaxPooling1D())


@model
def numpy_attributes():
    """Attributes that are numbers and booleans of numpy, as loops over arrays leave them."""
    units = np.array([6, 4])
    return chain((tuple(np.array([5, 4]))), q.QConv1D(units[0], 3, use_bias=np.bool_(True), kernel_quantizer=bits(4), bias_quantizer=bits(4)),
                 act(), L.Flatten(), dense(units[1], use_bias=np.bool_(False)),
                 L.LeakyReLU(np.float32(0.25)), act())


@model
def mixed_float16():
    """Layers of Keras that compute in float16 between quantized ones; few bits, so that float16 is exact."""
    x = i = L.Input((6, 6, 2), name="input_1")
    x = act("a1", "quantized_relu(4,1)")(conv(4, name="c1")(x))
    x = L.MaxPooling2D(2, dtype="mixed_float16", name="pool")(x)
    x = L.ReLU(dtype="float16", name="relu")(x)
    y = L.Add(dtype="mixed_float16", name="add")([x, x])
    return keras.Model(i, dense(3, "out")(L.Flatten(name="flat")(act("a2")(L.Activation("linear", dtype="float32", name="cast")(y)))))


# Models without quantizers.


@model(unquantized=WIDE, trained=True)
def plain_mlp():
    return sequential((16,), L.Dense(24, activation="relu"), L.BatchNormalization(), L.Dense(12, use_bias=False), L.BatchNormalization(),
                      L.ReLU(), L.Dense(5), L.Softmax())


@model(unquantized=NARROW)
def plain_cnn():
    return sequential((10, 10, 3), L.Conv2D(4, 3, activation="relu", padding="same"), L.MaxPooling2D(2), L.Conv2D(6, 3, use_bias=False),
                      L.BatchNormalization(), L.Activation("relu"), L.Flatten(), L.Dense(8, activation="tanh"), L.Dense(3, activation="sigmoid"))


@model(unquantized=WIDE)
def plain_mobilenet():
    return sequential((8, 8, 3), L.Conv2D(4, 3, strides=2, padding="same", use_bias=False), L.BatchNormalization(), L.ReLU(6.0),
                      L.DepthwiseConv2D(3, padding="same", use_bias=False), L.BatchNormalization(), L.ReLU(6.0),
                      L.Conv2D(8, 1, use_bias=False), L.BatchNormalization(), L.ReLU(6.0), L.SeparableConv2D(6, 3, padding="same"),
                      L.GlobalAveragePooling2D(), L.Dropout(0.001), L.Dense(3))


@model(unquantized=WIDE)
def plain_resnet():
    x = i = L.Input((8, 8, 3), name="input_1")
    x = L.Activation("relu")(L.BatchNormalization()(L.Conv2D(6, 3, padding="same")(x)))
    y = L.Activation("relu")(L.BatchNormalization()(L.Conv2D(8, 3, strides=2, padding="same")(x)))
    y = L.BatchNormalization()(L.Conv2D(8, 3, padding="same")(y))
    x = L.Activation("relu")(L.Add()([L.Conv2D(8, 1, strides=2)(x), y]))
    return keras.Model(i, L.Dense(4, activation="softmax")(L.Flatten()(L.AveragePooling2D(4)(x))))


@model(unquantized=WIDE)
def plain_autoencoder():
    x = i = L.Input((12,), name="input_1")
    for units in (8, 4, 8):
        x = L.LeakyReLU(0.1)(L.BatchNormalization()(L.Dense(units)(x)))
    return keras.Model(i, L.Dense(12)(x))


@model(unquantized=NARROW)
def plain_1d():
    return sequential((16, 2), L.Conv1D(4, 3, activation="elu"), L.AveragePooling1D(2), L.Conv1DTranspose(3, 2, strides=2), L.PReLU(),
                      L.SeparableConv1D(4, 3), L.DepthwiseConv1D(3), L.GlobalMaxPooling1D(), L.Dense(2, activation="softplus"))


@model(unquantized=WIDE)
def einsum_dense():
    return chain((4, 6), L.EinsumDense("abc,cd->abd", output_shape=(4, 5), bias_axes="d", activation="relu"),
                 L.EinsumDense("abc,bcd->ad", output_shape=3, bias_axes="d"))


@model(unquantized=NARROW)
def plain_operations():
    x = i = L.Input((4, 6), name="input_1")
    x = L.Dense(4)(x * 0.3 + 0.1)
    return keras.Model(i, (tf.nn.tanh(x) if VERSION == 2 else keras.ops.tanh(x)) / 3)


@model(unquantized=WIDE)
def plain_float64():
    old = keras.backend.floatx()
    keras.backend.set_floatx("float64")
    try:
        return chain((6,), L.Dense(5), L.BatchNormalization(), L.ReLU(), L.Dense(3))
    finally:
        keras.backend.set_floatx(old)


@model(unquantized=WIDE)
def partly_quantized():
    """Quantized kernels with biases of no quantizer, and layers of Keras between quantized ones."""
    return chain((8, 8, 2), conv(4, bias_quantizer=None), L.ReLU(), L.Conv2D(3, 3), act("a1", "quantized_relu(12,4)"), L.Flatten(),
                 dense(4, bias_quantizer=None), L.BatchNormalization())


# Pruned models: tfmot, for Keras 2 alone.


def pruning():
    import tensorflow_model_optimization as tfmot
    if VERSION == 3:
        raise ImportError("tfmot wraps layers of Keras 2 alone")
    return tfmot.sparsity.keras


def pruned_steps(model):
    """Trains `model` for as many steps as the schedule prunes."""
    mot = pruning()
    rng = np.random.default_rng(3)
    x = rng.normal(size=(32, *model.input_shape[1:])).astype("float32")
    y = rng.normal(size=(32, *model.output_shape[1:])).astype("float32")
    model.compile("adam", "mse")
    model.fit(x, y, epochs=2, batch_size=8, verbose=0, callbacks=[mot.UpdatePruningStep()])
    return model


def schedule():
    return pruning().PolynomialDecay(0.0, 0.6, begin_step=0, end_step=6, frequency=1)


@model
def pruned_whole():
    base = sequential((16,), dense(12, "fc1", kernel_quantizer=bits(6)), act("relu1"), dense(5, "fc2", kernel_quantizer=bits(6)))
    return pruned_steps(pruning().prune_low_magnitude(base, pruning_schedule=schedule()))


@model
def pruned_layers():
    wrap = lambda layer: pruning().prune_low_magnitude(layer, pruning_schedule=schedule())
    x = i = L.Input((8, 8, 2), name="input_1")
    x = act("a1")(wrap(conv(4, name="c1"))(x))
    x = act("a2")(L.BatchNormalization(name="bn")(wrap(q.QDepthwiseConv2D(3, depthwise_quantizer=bits(4), bias_quantizer=bits(4), name="dw"))(x)))
    return pruned_steps(keras.Model(i, wrap(dense(3, "out"))(L.Flatten(name="flat")(x))))


@model
def pruned_constant():
    """The schedule of hls4ml's tutorials, of a functional model."""
    base = chain((16,), dense(8, "fc1"), act("relu1"), dense(4, "fc2"))
    constant = pruning().ConstantSparsity(0.75, begin_step=0, frequency=1)
    return pruned_steps(pruning().prune_low_magnitude(base, pruning_schedule=constant))


@model
def pruned_stripped():
    base = sequential((16,), dense(8, "fc1"), act("relu1"), dense(4, "fc2"))
    return pruning().strip_pruning(pruned_steps(pruning().prune_low_magnitude(base, pruning_schedule=schedule())))


@model(unquantized=WIDE)
def pruned_plain():
    base = sequential((8, 8, 3), L.Conv2D(4, 3, name="c1"), L.ReLU(name="r1"), L.Flatten(name="flat"), L.Dense(4, name="out"))
    return pruned_steps(pruning().prune_low_magnitude(base, pruning_schedule=schedule()))
