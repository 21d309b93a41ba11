//! Quantizers and activations as a Keras configuration writes them.
