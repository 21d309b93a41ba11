//! What synthesis will find hard, said before it starts.

use std::fmt;

use serde::Serialize;

use super::{Body, Design, Kernel, Multipliers, dsp_slices};

/// Vitis refuses to partition an array completely, or to unroll a loop, beyond this many elements
/// (its messages XFORM 203-103 and 203-504), and takes hours shortly before.
pub const UNROLL_LIMIT: u64 = 4096;

/// Products with a factor of fewer bits than this are built from lookup tables rather than DSP
/// slices (Duarte et al., "Fast inference of deep neural networks in FPGAs for particle physics",
/// 2018: DSP use falls to none between 9 and 11 bits).
const NARROW_FACTOR: u32 = 10;

/// The larger and the smaller factor of one DSP48E2 slice, signs included (UG579).
const DSP_FACTORS: (u32, u32) = (27, 18);

/// Something that a user should know before synthesis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The layer that it is about; the model's name where it is about all of them.
    pub layer: String,
    /// What it is.
    pub obstacle: Obstacle,
}

/// What stands in the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Obstacle {
    /// A kernel is too large to be unrolled; loops of it stay loops.
    Loops {
        /// Copies, were it unrolled.
        copies: u64,
        /// The copies as a product of the loops' bounds.
        bounds: String,
        /// Clock cycles that a sample takes.
        cycles: u64,
    },
    /// More multipliers than the part has.
    Multipliers {
        /// DSP slices, estimated.
        needed: u64,
        /// DSP slices of the part.
        available: u64,
        /// The part.
        part: String,
        /// The layer that needs most, and how many.
        largest: String,
        /// A reuse factor for the whole model at which they would fit.
        reuse_factor: u64,
    },
    /// The number of multipliers could not be compared with the part.
    UnknownPart {
        /// The part.
        part: String,
        /// DSP slices, estimated.
        needed: u64,
    },
    /// A reuse factor that does not cut a matrix into equal parts, or into too large ones.
    ReuseFactorMoved {
        /// The user's wish.
        asked: u64,
        /// The nearest legal factor.
        used: u64,
        /// Rows of the matrix.
        inputs: usize,
        /// Columns of the matrix.
        outputs: usize,
    },
}

impl Finding {
    /// Whether synthesis may fail or take hours if nothing changes.
    pub fn is_serious(&self) -> bool {
        matches!(self.obstacle, Obstacle::Multipliers { .. })
    }

    /// What to change.
    pub fn advice(&self) -> String {
        let layer = &self.layer;
        match &self.obstacle {
            Obstacle::Loops { .. } => {
                format!("make '{layer}' smaller, if that is too slow")
            }
            Obstacle::Multipliers { reuse_factor, .. } => format!(
                "set a reuse factor of {reuse_factor} for the model, use narrower types, or \
                 choose a larger part"
            ),
            Obstacle::UnknownPart { .. } => {
                "compare the estimate with the part's data sheet".to_owned()
            }
            Obstacle::ReuseFactorMoved { used, .. } => {
                format!("set the reuse factor of '{layer}' to {used}, or another such number")
            }
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layer = &self.layer;
        match &self.obstacle {
            Obstacle::Loops { copies, bounds, cycles } => {
                let product = match bounds.contains('·') {
                    true => format!("{bounds} = {copies}"),
                    false => copies.to_string(),
                };
                write!(
                    f,
                    "layer '{layer}' would unroll to {product} copies; beyond {UNROLL_LIMIT} \
                     synthesis fails or takes hours, so that loops stay: {cycles} cycles for a sample"
                )
            }
            Obstacle::Multipliers { needed, available, part, largest, .. } => write!(
                f,
                "'{layer}' needs about {needed} DSP slices, {part} has {available}; most of them \
                 go to {largest}"
            ),
            Obstacle::UnknownPart { part, needed } => write!(
                f,
                "the DSP slices of {part} are not known, so that the estimate of {needed} was \
                 not compared"
            ),
            Obstacle::ReuseFactorMoved { asked, used, inputs, outputs } => write!(
                f,
                "layer '{layer}': a reuse factor of {asked} does not cut its {inputs} x {outputs} \
                 products into equal parts of at most {UNROLL_LIMIT}; {used} is used"
            ),
        }
    }
}

impl Multipliers {
    /// DSP slices that these multipliers take, estimated: none for narrow factors, and at a reuse
    /// factor of 1 none for constants that are 0 or powers of two.
    pub fn dsp_slices(&self) -> u64 {
        let narrow = self.operand_width.min(self.constant_width);
        if narrow < NARROW_FACTOR {
            return 0;
        }
        let wide = self.operand_width.max(self.constant_width);
        // A slice's factors lose their sign bit when several slices share a wide product.
        let tiles = |width: u32, slice: u32| match width {
            w if w <= slice => 1,
            w => u64::from((w - 1).div_ceil(slice - 1)),
        };
        let each = tiles(wide, DSP_FACTORS.0) * tiles(narrow, DSP_FACTORS.1);
        each * self.limit.min(self.nontrivial_products)
    }
}

/// Looks at a design that is otherwise complete.
pub(super) fn check(design: &Design) -> Vec<Finding> {
    let mut findings = Vec::new();
    for kernel in &design.kernels {
        // A matrix in blocks is as large as its reuse factor says.
        let in_blocks = matches!(&kernel.body, Body::Linear(it) if !it.blocks.is_whole());
        let nest = kernel.body.nest();
        let (copies, cycles) = (nest.copies(), kernel.initiation_interval);
        if copies > UNROLL_LIMIT && !in_blocks {
            let obstacle = Obstacle::Loops { copies, bounds: nest.text(), cycles };
            findings.push(Finding { layer: kernel.layer.clone(), obstacle });
        }
    }
    findings.extend(check_multipliers(design));
    findings
}

/// Compares the multipliers with the part.
fn check_multipliers(design: &Design) -> Option<Finding> {
    let slices = |kernel: &Kernel| kernel.multipliers.map_or(0, |m| m.dsp_slices());
    let needed: u64 = design.kernels.iter().map(slices).sum();
    let largest = design.kernels.iter().max_by_key(|kernel| slices(kernel))?;
    let part = design.options.part.clone();
    let layer = design.options.name.clone();
    let obstacle = match dsp_slices(&part) {
        None => Obstacle::UnknownPart { part, needed },
        Some(available) if needed > available => Obstacle::Multipliers {
            needed,
            available,
            part,
            largest: format!("'{}' ({})", largest.layer, slices(largest)),
            reuse_factor: (needed * design.schedule.initiation_interval)
                .div_ceil(available)
                .next_power_of_two(),
        },
        Some(_) => return None,
    };
    Some(Finding { layer, obstacle })
}
