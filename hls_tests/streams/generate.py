"""Writes the networks of this folder with QKeras, with fixed random weights.

Needs tensorflow 2.15 and qkeras 0.9.0: python generate.py [FOLDER]
"""

import sys
from pathlib import Path

import h5py
import numpy as np
import tensorflow as tf
from qkeras import QActivation, QConv2D, QDense, QDepthwiseConv2D
from tensorflow.keras.layers import Add, AveragePooling2D, BatchNormalization, Concatenate
from tensorflow.keras.layers import Flatten, GlobalAveragePooling2D, Input, MaxPooling2D, UpSampling2D


def convolution(x, name, filters, kernel, bits, activation=True, **options):
    x = QConv2D(filters, kernel, padding="same", kernel_quantizer=f"quantized_bits({bits},0,1,alpha=1)",
                bias_quantizer=f"quantized_bits({bits},0,1,alpha=1)", name=name, **options)(x)
    return QActivation(f"quantized_relu({bits},1)", name=f"{name}_relu")(x) if activation else x


def mobilenet():
    """MobileNet v1 of width 1/4 for images of 96 x 96: 13 depthwise separable blocks (MLPerf Tiny's
    visual wake words), 4 bits."""
    x = first = Input((96, 96, 3), name="image")
    x = convolution(x, "conv", 8, 3, 4, strides=2)
    blocks = [(16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2)] + 5 * [(128, 1)] + [(256, 2), (256, 1)]
    for n, (filters, stride) in enumerate(blocks, 1):
        x = QDepthwiseConv2D(3, strides=stride, padding="same", use_bias=False, name=f"depthwise{n}",
                             depthwise_quantizer="quantized_bits(4,0,1,alpha=1)")(x)
        x = QActivation("quantized_relu(4,1)", name=f"depthwise{n}_relu")(x)
        x = convolution(x, f"pointwise{n}", filters, 1, 4)
    x = GlobalAveragePooling2D(name="average")(x)
    x = QDense(2, kernel_quantizer="quantized_bits(4,0,1,alpha=1)",
               bias_quantizer="quantized_bits(4,0,1,alpha=1)", name="scores")(x)
    return tf.keras.Model(first, x)


def resnet8():
    """MLPerf Tiny's ResNet-8 for images of 32 x 32, 8 bits."""
    def normalized(x, name, filters, kernel, stride):
        x = convolution(x, name, filters, kernel, 8, activation=False, strides=stride)
        return BatchNormalization(name=f"{name}_norm")(x)

    def relu(x, name):
        return QActivation("quantized_relu(8,3)", name=name)(x)

    first = Input((32, 32, 3), name="image")
    x = relu(normalized(first, "conv", 16, 3, 1), "relu")
    for n, (filters, stride) in enumerate([(16, 1), (32, 2), (64, 2)], 1):
        y = relu(normalized(x, f"block{n}_conv1", filters, 3, stride), f"block{n}_relu1")
        y = normalized(y, f"block{n}_conv2", filters, 3, 1)
        if stride > 1:
            x = convolution(x, f"block{n}_skip", filters, 1, 8, activation=False, strides=stride)
        x = relu(Add(name=f"block{n}_add")([x, y]), f"block{n}_relu2")
    x = Flatten(name="flatten")(AveragePooling2D(8, name="average")(x))
    x = QDense(10, kernel_quantizer="quantized_bits(8,0,1,alpha=1)",
               bias_quantizer="quantized_bits(8,0,1,alpha=1)", name="scores")(x)
    return tf.keras.Model(first, x)


def unet():
    """A U-Net of three levels for images of 32 x 32, 6 bits."""
    x = first = Input((32, 32, 1), name="image")
    skips = []
    for n, filters in enumerate([8, 16], 1):
        x = convolution(x, f"down{n}_conv1", filters, 3, 6)
        x = convolution(x, f"down{n}_conv2", filters, 3, 6)
        skips.append(x)
        x = MaxPooling2D(name=f"down{n}_pool")(x)
    x = convolution(x, "bottom", 32, 3, 6)
    for n, filters in [(2, 16), (1, 8)]:
        x = Concatenate(name=f"up{n}_join")([UpSampling2D(name=f"up{n}_scale")(x), skips.pop()])
        x = convolution(x, f"up{n}_conv1", filters, 3, 6)
        x = convolution(x, f"up{n}_conv2", filters, 3, 6)
    x = convolution(x, "mask", 1, 1, 6, activation=False)
    return tf.keras.Model(first, x)


def quantized_weights(layer, rng):
    """Weights on the grids of the layer's quantizers, most of them small, so that files are small."""
    weights = []
    for weight in layer.weights:
        name, shape = weight.name, weight.shape
        if "variance" in name or "gamma" in name:
            weights.append(rng.integers(4, 17, shape) / 8)
        elif isinstance(layer, BatchNormalization):
            weights.append(rng.integers(-8, 9, shape) / 16)
        else:
            quantizers = getattr(layer, "quantizers", layer.get_quantizers())
            lsb = 2.0 ** (1 - quantizers[0].bits)
            spread = 1.2 / np.sqrt(np.prod(shape[:-1]) if "depthwise" not in name else 9)
            codes = np.clip(np.round(rng.normal(0, spread, shape) / lsb), 1 - 1 / lsb, 1 / lsb - 1)
            weights.append(codes * lsb)
    return weights


def write(model, path):
    rng = np.random.default_rng(22)
    for layer in model.layers:
        if layer.weights:
            layer.set_weights(quantized_weights(layer, rng))
    plain = path.with_suffix(".plain.h5")
    model.save(plain, include_optimizer=False)
    with h5py.File(plain) as source, h5py.File(path, "w", libver="latest") as target:
        target.attrs.update(source.attrs)

        def copy(name, item):
            if isinstance(item, h5py.Dataset):
                options = dict(compression="gzip", compression_opts=9, shuffle=True) if item.shape else {}
                target.create_dataset(name, data=item[()], **options)
            else:
                target.require_group(name)
            target[name].attrs.update(item.attrs)

        source.visititems(copy)
    plain.unlink()


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent)
    for build in (mobilenet, resnet8, unet):
        write(build(), folder / f"{build.__name__}.h5")
