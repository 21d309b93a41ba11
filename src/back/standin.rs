//! The C++ headers that stand in for the vendors' own where those are not installed.
//!
//! They are C++17, need nothing but g++, keep numbers in native 64 and 128 bit words, and spell
//! everything as the vendors do: a project that compiles against them compiles against
//! `ap_types` or `ac_types` and computes the same bits. `hls_tests/conformance` holds them to it.
//! All of them belong into one folder, which `g++ -I` then names.

/// Every header: its name, its text.
pub const FILES: &[(&str, &str)] = &[
    ("bitkiln_fixed.h", include_str!("../../templates/standin/bitkiln_fixed.h")),
    ("ap_int.h", include_str!("../../templates/standin/ap_int.h")),
    ("ap_fixed.h", include_str!("../../templates/standin/ap_fixed.h")),
    ("hls_stream.h", include_str!("../../templates/standin/hls_stream.h")),
    ("ac_int.h", include_str!("../../templates/standin/ac_int.h")),
    ("ac_fixed.h", include_str!("../../templates/standin/ac_fixed.h")),
    ("ac_channel.h", include_str!("../../templates/standin/ac_channel.h")),
    ("mc_scverify.h", include_str!("../../templates/standin/mc_scverify.h")),
];
