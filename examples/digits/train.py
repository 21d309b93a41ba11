#!/usr/bin/env python3
"""Train a small quantized network on scikit-learn's handwritten digits.

Writes, beside this file:
  model.h5      the trained network, as Keras 2 saves it
  test.npz      the test images, by input name: 8x8 pixels as 64 values k/16, k = 0..15
  labels.npy    which digit each test image shows
  expected.npz  what QKeras itself computes for them: the outputs of the last two layers

Environment (Python 3.11):
  pip install tensorflow-cpu==2.15.1 numpy==1.26.4 'setuptools<81' \\
      tensorflow-model-optimization==0.7.5 keras-tuner==1.4.7 pyparser pyparsing networkx \\
      tqdm requests 'scipy<1.14' 'scikit-learn<1.6'
  pip install --no-deps qkeras==0.9.0
"""
import os
import pathlib

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_DETERMINISTIC_OPS"] = "1"

import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from tensorflow.python.ops import array_ops

for name in ("stack", "unstack"):  # QKeras calls two functions that TensorFlow 2.15 moved
    if not hasattr(array_ops, name):
        setattr(array_ops, name, getattr(tf, name))

from qkeras import QActivation, QDense, quantized_bits  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
EPOCHS = 120


def dataset():
    """Pixels count 0..16; 16 becomes 15, so that a pixel fits four bits: ufixed<4,0>."""
    digits = load_digits()
    x = np.minimum(digits.data, 15).astype(np.float32) / 16
    return train_test_split(
        x, digits.target, test_size=450, random_state=1, stratify=digits.target
    )


def network():
    bits = lambda n, integer=0: quantized_bits(n, integer, 1, alpha=1)
    power_of_two = lambda n: quantized_bits(n, 0, 1, alpha="auto_po2")
    dense = lambda units, kernel, name: QDense(
        units, kernel_quantizer=kernel, bias_quantizer=bits(6), name=name
    )
    x = inputs = tf.keras.layers.Input((64,), name="pixels")
    x = dense(32, bits(6), "hidden1")(x)
    x = QActivation("quantized_relu(5,1)", name="relu1")(x)
    x = dense(16, power_of_two(4), "hidden2")(x)
    x = QActivation("quantized_relu(5,2)", name="relu2")(x)
    x = dense(10, bits(6), "scores")(x)
    x = QActivation("quantized_bits(10,4,0,alpha=1)", name="logits")(x)
    x = tf.keras.layers.Activation("softmax", name="probabilities")(x)
    return tf.keras.Model(inputs, x, name="digits")


def main():
    tf.keras.utils.set_random_seed(3)
    x_train, x_test, y_train, y_test = dataset()
    model = network()
    model.compile(
        optimizer=tf.keras.optimizers.Adam(
            tf.keras.optimizers.schedules.CosineDecay(4e-3, EPOCHS * (len(x_train) // 64 + 1))
        ),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(x_train, y_train, batch_size=64, epochs=EPOCHS, verbose=0)

    taps = tf.keras.Model(
        model.input, [model.get_layer(name).output for name in ("logits", "probabilities")]
    )
    logits, probabilities = (np.asarray(y) for y in taps(x_test, training=False))
    print(f"test accuracy {np.mean(probabilities.argmax(1) == y_test):.4f}")

    model.save(HERE / "model.h5", include_optimizer=False)
    np.savez_compressed(HERE / "test.npz", pixels=x_test)
    np.save(HERE / "labels.npy", y_test.astype(np.int64))
    np.savez_compressed(HERE / "expected.npz", logits=logits, probabilities=probabilities)


if __name__ == "__main__":
    main()
