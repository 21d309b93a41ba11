//! Bitkiln turns a quantized neural network into an FPGA/HLS project whose every output bit is
//! known in advance.
//!
//! Data flows through the modules in this order:
//!
//! | module | job |
//! |---|---|
//! | [`front`] | reads model files into a [`model::Model`]; the only module that knows file formats |
//! | [`model`] | the trained network: layers, quantizers, float weights |
//! | [`float`] | the layers of a model in float64: the reference for types and tests |
//! | [`function`] | the functions of Keras and the sigmoids of QKeras over real numbers |
//! | [`quantizer`] | the quantizers of QKeras, their values and fixed-point types |
//! | [`lower`] | lowers a [`model::Model`] to an [`ir::Graph`]: the only module in which real numbers become integers |
//! | [`ir`] | a closed set of integer operations with exact formats and proven ranges |
//! | [`passes`] | optimizes a graph without changing its outputs |
//! | [`sim`] | bit-exact simulation of a graph |
//! | [`hls`] | maps a graph to an [`hls::Design`]: kernels, types and schedule, independent of the vendor |
//! | [`back`] | writes a design as a project for one vendor's tool, and verifies such a project |
//! | [`profile`] | statistics of every layer, and types for what has no quantizer |
//! | [`qtools`] | QKeras' QTools: types in the worst case, energy, statistics, exported weights |
//! | [`report`] | tables and JSON for the user |
//!
//! [`Compiler`] runs all stages; start there.
//!
//! All modules use [`fixed`]: fixed-point formats, rounding, overflow, ranges. [`config`] reads
//! configurations in the format of hls4ml; [`diagnostic`] holds warnings and notes; [`progress`] tells an
//! observer of work that may take long.
#![warn(missing_docs)]

pub mod back;
mod compiler;
pub mod config;
pub mod diagnostic;
pub mod fixed;
pub mod float;
pub mod front;
pub mod function;
pub mod hls;
pub mod ir;
pub mod lower;
pub mod model;
mod naming;
pub mod passes;
pub mod profile;
pub mod progress;
pub mod qtools;
pub mod quantizer;
pub mod report;
pub mod sim;
mod temporary;

pub use compiler::{
    CompileError, Compiler, CompilerOptions, FilePart, FileRun, Hardware, InputType,
    InputTypeError, NamedArrays, Network, PageSources, Simulation, SoftmaxMethod, Target,
};

pub use temporary::clean_up;

/// The examples of the README, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
