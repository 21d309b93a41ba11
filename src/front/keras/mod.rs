//! What Keras 2, Keras 3 and QKeras save.

mod quantizers;
