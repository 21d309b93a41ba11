#!/usr/bin/env python3
"""Write model.h5: an untrained network of the size of the jet taggers in use, 16-64-32-32-5.

Environment: as for examples/digits/train.py.
"""
import os
import pathlib

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import tensorflow as tf
from tensorflow.python.ops import array_ops

for name in ("stack", "unstack"):  # QKeras calls two functions that TensorFlow 2.15 moved
    if not hasattr(array_ops, name):
        setattr(array_ops, name, getattr(tf, name))

from qkeras import QActivation, QDense, quantized_bits  # noqa: E402

tf.keras.utils.set_random_seed(1)
bits = lambda: quantized_bits(6, 0, 1, alpha=1)
x = inputs = tf.keras.layers.Input((16,), name="input_1")
for n, units in enumerate((64, 32, 32), start=1):
    x = QDense(units, kernel_quantizer=bits(), bias_quantizer=bits(), name=f"fc{n}")(x)
    x = QActivation("quantized_relu(6)", name=f"relu{n}")(x)
x = QDense(5, kernel_quantizer=bits(), bias_quantizer=bits(), name="output")(x)
x = tf.keras.layers.Activation("softmax", name="softmax")(x)
model = tf.keras.Model(inputs, x, name="jets")
model.save(pathlib.Path(__file__).resolve().parent / "model.h5", include_optimizer=False)
