//! What a user may set, in the words of hls4ml.
