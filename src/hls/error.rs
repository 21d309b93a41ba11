//! Errors of designing hardware.

use super::estimate::Resource;
use super::limits::WORD_BITS;
use crate::fixed::{Format, FormatError, MAX_WIDTH};
use crate::naming::did_you_mean;

/// A graph or options without a design.
#[derive(Debug, Clone, PartialEq, thiserror::Error, miette::Diagnostic)]
pub enum HlsError {
    /// A part with characters that have a meaning in Tcl.
    #[error("'{0}' is no part")]
    #[diagnostic(help(
        "write a part as the vendor's tool lists it, for instance xcvu13p-flga2577-2-e"
    ))]
    Part(String),
    /// A clock period out of range.
    #[error("a clock period of {0} ns")]
    #[diagnostic(help("the clock period is a number of nanoseconds from 0.001 to 1000000"))]
    ClockPeriod(f64),
    /// A clock uncertainty out of range.
    #[error("a clock uncertainty of {0} periods")]
    #[diagnostic(help(
        "the clock uncertainty is less than the period: ClockUncertainty takes a share of it (27%) or \
         nanoseconds"
    ))]
    ClockUncertainty(f64),
    /// A reuse factor of zero.
    #[error("a reuse factor of 0 for {0}")]
    #[diagnostic(help("a reuse factor of 1 gives each product a multiplier of its own"))]
    ReuseFactor(String),
    /// A recurrent reuse factor of zero.
    #[error("a recurrent reuse factor of 0 for {0}")]
    #[diagnostic(help("a reuse factor of 1 gives each product a multiplier of its own"))]
    RecurrentReuseFactor(String),
    /// A target interval of zero, or a rate above that of the clock.
    #[error("a target interval below 1 clock cycle for {of}")]
    #[diagnostic(help(
        "a target interval of 1 takes a sample in every clock cycle: {fastest} samples a second, the \
         highest rate of this clock"
    ))]
    TargetInterval {
        /// The layer, or the model.
        of: String,
        /// Clock cycles a second.
        fastest: f64,
    },
    /// A parallelization factor of zero.
    #[error("a parallelization factor of 0 for {0}")]
    #[diagnostic(help("a parallelization factor of 1 computes one position at a time"))]
    ParallelizationFactor(String),
    /// A share of a part out of range.
    #[error("a utilization of {0}")]
    #[diagnostic(help("the utilization is a share of the part's resources, above 0 and up to 1"))]
    Utilization(f64),
    /// A design that is to fit in a part whose resources are unknown.
    #[error("the resources of the part '{part}' are unknown{}", did_you_mean(*nearest))]
    #[diagnostic(help("name an AMD device, as xczu7ev or xc7z020, or set a target interval"))]
    UnknownPart {
        /// The part.
        part: String,
        /// The known device whose name is nearest.
        nearest: Option<&'static str>,
    },
    /// A design that fits at no interval.
    #[error(
        "no interval makes the design fit in {part}: it needs {needed} {resource} of {allowed}"
    )]
    #[diagnostic(help("use narrower types, a larger part, or a larger share of it"))]
    TooLarge {
        /// The part.
        part: String,
        /// The resource that is exhausted.
        resource: Resource,
        /// Estimated at the longest interval.
        needed: u64,
        /// The share of the part.
        allowed: u64,
    },
    /// An option for a layer that the graph does not have.
    #[error("a {what} for the layer '{layer}', which the network does not have")]
    #[diagnostic(help("its layers are: {known}"))]
    UnknownLayer {
        /// The option.
        what: &'static str,
        /// The name in the options.
        layer: String,
        /// The names that exist.
        known: String,
    },
    /// A number inside of a kernel needs a type that does not exist.
    #[error("layer '{layer}': {what} needs a type that is too wide: {source}")]
    #[diagnostic(help("give the layer's operand or its tables fewer bits"))]
    TooWide {
        /// The layer's name.
        layer: String,
        /// The number.
        what: &'static str,
        /// The rule that the type breaks.
        source: FormatError,
    },
    /// Numbers whose binary points lie too far from each other to be added.
    #[error(
        "layer '{layer}': numbers of {sum} and {term} are added, which takes {bits} bits; at most \
         {MAX_WIDTH} are supported"
    )]
    #[diagnostic(help(
        "one of these types is configured far from the values of the layer: give its weight, bias or \
         operand a type with a binary point near that of the others, or none"
    ))]
    Alignment {
        /// The layer's name.
        layer: String,
        /// The format of the sum.
        sum: Format,
        /// The format of what is added.
        term: Format,
        /// The width of both.
        bits: i64,
    },
    /// A constant that no C++ literal holds.
    #[error("layer '{layer}': {what} lie beyond what a C++ literal of type double holds")]
    #[diagnostic(help("scale the layer's weights and the values around it nearer to 1"))]
    Literal {
        /// The layer's name.
        layer: String,
        /// The constants.
        what: &'static str,
    },
    /// A word that is wider than the vendors' tools accept.
    #[error(
        "layer '{layer}': its {holds} are words of {bits} bits; Vitis HLS refuses more than {}",
        WORD_BITS
    )]
    #[diagnostic(help("give '{layer}' fewer channels or narrower types"))]
    TooWideWord {
        /// The layer's name.
        layer: String,
        /// The contents of a word.
        holds: &'static str,
        /// Its width.
        bits: u64,
    },
    /// More elements of a step of a recurrent layer than registers can hold.
    #[error(
        "layer '{layer}': a step has {elements} elements of '{result}', registers hold {most} at most",
        most = super::plan::UNROLL_LIMIT
    )]
    #[diagnostic(help(
        "give '{layer}' fewer units: an LSTM has four elements for each, a GRU three"
    ))]
    WideStep {
        /// The layer's name.
        layer: String,
        /// The widest intermediate result of a step.
        result: String,
        /// Its elements.
        elements: usize,
    },
    /// Too many steps of a recurrent layer as copies.
    #[error("layer '{layer}': {steps} steps are unrolled, {most} can be at most", most = super::unroll::MAX_UNROLLED_STEPS)]
    #[diagnostic(help(
        "set Recurrence of the layer to iterated: one copy that computes step after step"
    ))]
    UnrolledSteps {
        /// The layer's name.
        layer: String,
        /// Its steps.
        steps: usize,
    },
    /// A recurrent layer as copies, whose states outlive a sample.
    #[error("layer '{layer}': its steps are unrolled, and it is stateful")]
    #[diagnostic(help(
        "set Recurrence of the layer to iterated: its states are then registers that outlive a sample"
    ))]
    UnrolledState {
        /// The layer's name.
        layer: String,
    },
    /// The graph breaks a rule that `ir::validate` would have found.
    #[error("node '{node}' of the graph: {rule}")]
    #[diagnostic(help("this is a defect of the program, not of the model: please report it"))]
    Graph {
        /// The node's name.
        node: String,
        /// The rule.
        rule: String,
    },
}
