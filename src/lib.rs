//! Bitkiln turns a quantized neural network into an FPGA/HLS project whose every output bit is
//! known in advance.
//!
//! Data flows one way through the modules, in this order:
//!
//! | module | job |
//! |---|---|
//! | [`front`] | model files to [`model::Model`]; nothing else knows a file format |
//! | [`model`] | the trained network in its own words: layers, quantizers, float weights |
//! | [`function`] | the functions of Keras and the sigmoids of QKeras as real numbers |
//! | [`quantizer`] | what each quantizer of QKeras computes, and as which fixed-point type |
//! | [`lower`] | [`model::Model`] to [`ir::Graph`]: the one place where real numbers become integers |
//! | [`ir`] | a small closed set of integer operations with exact formats and proven intervals |
//! | [`passes`] | graph to graph |
//! | [`sim`] | runs a graph, bit for bit |
//! | [`hls`] | graph to [`hls::Design`]: kernels, types, schedule, free of any vendor |
//! | [`back`] | a design to project files for one vendor, and the check of such a project |
//! | [`report`] | what tables and JSON show |
//!
//! [`Compiler`] runs them all, stage by stage; begin there.
//!
//! [`fixed`] lies below all of them: fixed-point formats, rounding, overflow, intervals.
//! [`config`] holds what a user may set, in the words of hls4ml; [`diagnostic`] the warnings and notes.
#![warn(missing_docs)]

pub mod back;
mod compiler;
pub mod config;
pub mod diagnostic;
pub mod fixed;
pub mod front;
pub mod function;
pub mod hls;
pub mod ir;
pub mod lower;
pub mod model;
mod naming;
pub mod passes;
pub mod quantizer;
pub mod report;
pub mod sim;

pub use compiler::{
    CompileError, Compiler, CompilerOptions, Hardware, InputType, InputTypeError, NamedArrays,
    Network, Simulation, SoftmaxMethod,
};

/// The examples of the README, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
