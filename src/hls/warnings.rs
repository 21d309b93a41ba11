//! Problems to expect in synthesis: large loops, changed reuse factors, too few DSP slices.

use std::fmt;

use serde::Serialize;

use super::plan::UNROLL_LIMIT;
use super::{Design, Kernel, Multipliers, Process};
use crate::config::Pace;

/// Narrowest factor whose products use DSP slices; narrower ones are built from LUTs (Duarte et
/// al., "Fast inference of deep neural networks in FPGAs for particle physics", 2018: DSP use falls
/// to none between 9 and 11 bits).
const NARROW_FACTOR: u32 = 10;

/// The larger and the smaller factor of one DSP48E2 slice, signs included (UG579).
const DSP_FACTORS: (u32, u32) = (27, 18);

/// A problem to expect in synthesis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DesignWarning {
    /// The layer that it is about; the model's name where it is about all of them.
    pub layer: String,
    /// The problem.
    pub kind: DesignWarningKind,
}

/// The problem of a [`DesignWarning`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DesignWarningKind {
    /// A kernel is too large to be unrolled fully: some of its loops are rolled.
    RolledLoops {
        /// Copies of the innermost statement, were it unrolled.
        copies: u64,
        /// The copies as a product of the loops' bounds.
        bounds: String,
        /// Clock cycles for a sample.
        cycles: u64,
    },
    /// A target interval that a layer does not reach.
    TargetMissed {
        /// The target: clock cycles between two samples.
        target: u64,
        /// Clock cycles between two samples that the layer takes.
        interval: u64,
        /// Positions of a sample, one in a clock cycle at most.
        positions: u64,
    },
    /// More multipliers than the part has.
    TooFewDsps {
        /// DSP slices, estimated.
        needed: u64,
        /// DSP slices of the part.
        available: u64,
        /// The part.
        part: String,
        /// The layer that needs most, and its DSP slices.
        largest: String,
        /// A reuse factor for the whole model at which they would fit.
        reuse_factor: u64,
    },
    /// The DSP slices of the part are unknown.
    UnknownPart {
        /// The part.
        part: String,
        /// DSP slices, estimated.
        needed: u64,
    },
    /// A reuse factor that does not divide a matrix into equal tiles, or into too large ones.
    ReuseFactorChanged {
        /// The configured factor.
        asked: u64,
        /// The nearest legal factor.
        used: u64,
        /// Rows of the matrix.
        inputs: usize,
        /// Columns of the matrix.
        outputs: usize,
    },
}

impl DesignWarning {
    /// A stable name of the problem.
    pub fn code(&self) -> &'static str {
        match self.kind {
            DesignWarningKind::RolledLoops { .. } => "rolled-loops",
            DesignWarningKind::TargetMissed { .. } => "target-missed",
            DesignWarningKind::TooFewDsps { .. } => "too-few-dsps",
            DesignWarningKind::UnknownPart { .. } => "unknown-part",
            DesignWarningKind::ReuseFactorChanged { .. } => "reuse-factor",
        }
    }

    /// Tells whether synthesis may fail or take hours if nothing changes; any other warning is a
    /// note.
    pub fn is_serious(&self) -> bool {
        matches!(
            self.kind,
            DesignWarningKind::TooFewDsps { .. } | DesignWarningKind::TargetMissed { .. }
        )
    }

    /// The change that removes the problem.
    pub fn help(&self) -> String {
        let layer = &self.layer;
        match &self.kind {
            DesignWarningKind::RolledLoops { .. } => {
                format!("make '{layer}' smaller if that is too slow")
            }
            DesignWarningKind::TargetMissed { interval, .. } => {
                format!("set a target interval of {interval}, or make '{layer}' smaller")
            }
            DesignWarningKind::TooFewDsps { reuse_factor, .. } => format!(
                "set ReuseFactor: {reuse_factor} for the model, use narrower types, or choose a \
                 larger part"
            ),
            DesignWarningKind::UnknownPart { .. } => {
                "compare the estimate with the part's data sheet".to_owned()
            }
            DesignWarningKind::ReuseFactorChanged { used, .. } => {
                format!("set ReuseFactor: {used} for '{layer}'")
            }
        }
    }
}

impl fmt::Display for DesignWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layer = &self.layer;
        match &self.kind {
            DesignWarningKind::RolledLoops { copies, bounds, cycles } => {
                let product = match bounds.contains('·') {
                    true => format!("{bounds} = {copies}"),
                    false => copies.to_string(),
                };
                write!(
                    f,
                    "layer '{layer}': {product} operations are too many to unroll (the limit is \
                     {UNROLL_LIMIT}); its outer loops are pipelined: {cycles} cycles for a sample"
                )
            }
            DesignWarningKind::TargetMissed { target, interval, positions } => {
                write!(
                    f,
                    "layer '{layer}': {interval} cycles for a sample miss the target of {target}"
                )?;
                match positions {
                    0 | 1 => Ok(()),
                    _ => write!(f, "; each of its {positions} positions takes at least one"),
                }
            }
            DesignWarningKind::TooFewDsps { needed, available, part, largest, .. } => write!(
                f,
                "'{layer}' needs about {needed} DSP slices, {part} has {available}; most of them \
                 are used by {largest}"
            ),
            DesignWarningKind::UnknownPart { part, needed } => write!(
                f,
                "the number of DSP slices of {part} is unknown; the design needs about {needed}"
            ),
            DesignWarningKind::ReuseFactorChanged { asked, used, inputs, outputs } => write!(
                f,
                "layer '{layer}': a reuse factor of {asked} does not divide its {inputs} x \
                 {outputs} products into equal tiles of at most {UNROLL_LIMIT}; {used} is used"
            ),
        }
    }
}

impl Multipliers {
    /// Estimated number of DSP slices: none for narrow factors, and at a reuse factor of 1 none
    /// for constants that are 0 or powers of two.
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

/// The warnings about a design that is otherwise complete.
pub(super) fn check(design: &Design) -> Vec<DesignWarning> {
    let mut warnings = Vec::new();
    for kernel in &design.kernels {
        let (nest, cycles) = (&kernel.structure.nest, kernel.plan.initiation_interval);
        let copies = nest.copies();
        if copies > UNROLL_LIMIT && !kernel.structure.is_tiled {
            let kind = DesignWarningKind::RolledLoops { copies, bounds: nest.text(), cycles };
            warnings.push(DesignWarning { layer: kernel.layer.clone(), kind });
        }
    }
    warnings.extend(design.processes.iter().filter_map(|it| check_target(design, it)));
    warnings.extend(check_multipliers(design));
    warnings
}

/// Compares the clock cycles of a process for a sample with the target of its layer.
fn check_target(design: &Design, process: &Process) -> Option<DesignWarning> {
    let Pace::Interval(target) = design.options.pace_of(&process.layer) else { return None };
    let interval = process.cycles(design);
    (interval > target).then(|| DesignWarning {
        layer: process.layer.clone(),
        kind: DesignWarningKind::TargetMissed {
            target,
            interval,
            positions: process.positions(design),
        },
    })
}

/// Compares the multipliers with the part.
fn check_multipliers(design: &Design) -> Option<DesignWarning> {
    let slices = |kernel: &Kernel| kernel.multipliers.map_or(0, |m| m.dsp_slices());
    let needed: u64 = design.kernels.iter().map(slices).sum();
    let largest = design.kernels.iter().max_by_key(|kernel| slices(kernel))?;
    let part = design.options.part.clone();
    let layer = design.options.name.clone();
    let kind = match dsp_slices(&part) {
        None => DesignWarningKind::UnknownPart { part, needed },
        Some(available) if needed > available => DesignWarningKind::TooFewDsps {
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
    Some(DesignWarning { layer, kind })
}

/// Devices and their DSP slices, from the product tables named below. A part is a device's name
/// followed by package, speed and temperature grade.
const DEVICES: &[(&str, u64)] = &[
    // Zynq-7000, DS190.
    ("xc7z007s", 66),
    ("xc7z010", 80),
    ("xc7z012s", 120),
    ("xc7z014s", 170),
    ("xc7z015", 160),
    ("xc7z020", 220),
    ("xc7z030", 400),
    ("xc7z035", 900),
    ("xc7z045", 900),
    ("xc7z100", 2020),
    // 7 series, DS180.
    ("xc7a35t", 90),
    ("xc7a50t", 120),
    ("xc7a75t", 180),
    ("xc7a100t", 240),
    ("xc7a200t", 740),
    ("xc7k70t", 240),
    ("xc7k160t", 600),
    ("xc7k325t", 840),
    ("xc7k410t", 1540),
    ("xc7k480t", 1920),
    ("xc7vx485t", 2800),
    ("xc7vx690t", 3600),
    // UltraScale, DS890.
    ("xcku025", 1152),
    ("xcku035", 1700),
    ("xcku040", 1920),
    ("xcku060", 2760),
    ("xcku085", 4100),
    ("xcku095", 768),
    ("xcku115", 5520),
    // UltraScale+, DS890.
    ("xcku3p", 1368),
    ("xcku5p", 1824),
    ("xcku9p", 2520),
    ("xcku11p", 2928),
    ("xcku13p", 3528),
    ("xcku15p", 1968),
    ("xcvu3p", 2280),
    ("xcvu5p", 3474),
    ("xcvu7p", 4560),
    ("xcvu9p", 6840),
    ("xcvu11p", 9216),
    ("xcvu13p", 12288),
    ("xcvu31p", 2880),
    ("xcvu33p", 2880),
    ("xcvu35p", 5952),
    ("xcvu37p", 9024),
    // Zynq UltraScale+, DS891, and its RFSoC, DS889.
    ("xczu2", 240),
    ("xczu3", 360),
    ("xczu4", 728),
    ("xczu5", 1248),
    ("xczu6", 1973),
    ("xczu7", 1728),
    ("xczu9", 2520),
    ("xczu11", 2928),
    ("xczu15", 3528),
    ("xczu17", 1590),
    ("xczu19", 1968),
    ("xczu21", 4272),
    ("xczu25", 3145),
    ("xczu27", 4272),
    ("xczu28", 4272),
    ("xczu29", 4272),
    ("xczu48", 4272),
    ("xczu49", 4272),
    // Cards and modules: the slices of the whole device, before a shell takes its share.
    ("xck26", 1248),
    ("xcu50", 5952),
    ("xcu55", 9024),
    ("xcu200", 6840),
    ("xcu250", 12288),
    ("xcu280", 9024),
];

/// Number of DSP slices of `part`; `None` for an unknown part.
///
/// ```
/// assert_eq!(bitkiln::hls::dsp_slices("xcvu13p-flga2577-2-e"), Some(12288));
/// assert_eq!(bitkiln::hls::dsp_slices("nangate-45nm_beh"), None);
/// ```
pub fn dsp_slices(part: &str) -> Option<u64> {
    let part = part.to_ascii_lowercase();
    let device = |name: &str| {
        // The name must end there: xczu2 is not xczu21.
        part.strip_prefix(name).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    DEVICES.iter().find(|(name, _)| device(name)).map(|(_, slices)| *slices)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_by_their_device() {
        assert_eq!(dsp_slices("xc7z020clg400-1"), Some(220));
        assert_eq!(dsp_slices("xcku115-flvb2104-2-i"), Some(5520));
        assert_eq!(dsp_slices("XCZU7EV-ffvc1156-2-e"), Some(1728));
        assert_eq!(dsp_slices("xczu28dr-ffvg1517-2-e"), Some(4272));
        assert_eq!(dsp_slices("xczu2cg-sbva484-1-e"), Some(240));
        assert_eq!(dsp_slices("xcu250-figd2104-2L-e"), Some(12288));
    }

    #[test]
    fn unknown_parts_are_unknown() {
        for part in ["", "xcvu", "xcvu999p-x", "10AX115N2F45E1SG", "xczu2222"] {
            assert_eq!(dsp_slices(part), None, "{part}");
        }
    }
}
