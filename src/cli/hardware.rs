//! The options of the hardware, which `build` and `inspect` share.

use bitkiln::back::Tool;
use bitkiln::config::{ClockPeriod, IoType, SampleRate, Strategy};
use bitkiln::{CompilerOptions, Target};
use clap::Args;
use clap::builder::PossibleValue;

use super::model::Choice;

/// Share of a part that routing leaves to a design without trouble.
const UTILIZATION: f64 = 0.7;

/// Tool, device, clock, and the sharing of multipliers.
#[derive(Args)]
pub struct HardwareArgs {
    /// HLS tool that the project is for [default: vitis]
    #[arg(long, value_enum, ignore_case = true, value_name = "TOOL")]
    backend: Option<Choice<Tool>>,
    /// Device, as the HLS tool spells it
    #[arg(long)]
    part: Option<String>,
    /// Clock period in nanoseconds, or with a unit: 5ns, 200MHz [default: 5]
    #[arg(long, value_name = "PERIOD", allow_negative_numbers = true)]
    clock_period: Option<ClockPeriod>,
    /// Uses of one multiplier for a sample; entries of --config for layers take precedence [default: 1]
    #[arg(long, value_name = "N", value_parser = uses, allow_negative_numbers = true)]
    reuse_factor: Option<u64>,
    /// Clock cycles between two samples: every layer gets the fewest multipliers that reach it;
    /// entries of --config for layers take precedence
    #[arg(long, value_name = "CYCLES", value_parser = cycles)]
    #[arg(conflicts_with = "reuse_factor", allow_negative_numbers = true)]
    target_interval: Option<u64>,
    /// Samples per second, instead of --target-interval: 20000, 20k, 40MHz
    #[arg(long, value_name = "RATE", conflicts_with_all = ["reuse_factor", "target_interval"])]
    target_rate: Option<SampleRate>,
    /// Device to fill: the fastest design whose estimate fits in it, instead of --part and a target;
    /// entries of --config for layers take precedence
    #[arg(long, value_name = "PART")]
    #[arg(conflicts_with_all = ["part", "reuse_factor", "target_interval", "target_rate"])]
    fit: Option<String>,
    /// Share of each resource of the --fit device that the design may take: 0.7, 70% [default: 0.7]
    #[arg(long, value_name = "SHARE", requires = "fit", value_parser = share)]
    #[arg(allow_negative_numbers = true)]
    utilization: Option<f64>,
    /// Sharing of multipliers; entries of --config for layers take precedence [default: latency]
    #[arg(long, value_enum, ignore_case = true, value_name = "STRATEGY")]
    strategy: Option<Choice<Strategy>>,
    /// Interfaces, and connections of layers [default: parallel]
    #[arg(long, value_enum, ignore_case = true, value_name = "KIND")]
    io: Option<Choice<IoType>>,
}

/// A number of clock cycles.
fn cycles(text: &str) -> Result<u64, String> {
    let number = text.parse().ok().filter(|cycles| *cycles > 0);
    number.ok_or_else(|| "write a whole number of clock cycles, from 1 on: 20000".to_owned())
}

/// A number of uses of a multiplier.
fn uses(text: &str) -> Result<u64, String> {
    let number = text.parse().ok().filter(|uses| *uses > 0);
    number.ok_or_else(|| "write a whole number of uses, from 1 on: 4".to_owned())
}

/// A share: a number up to 1, or one with a percent sign.
fn share(text: &str) -> Result<f64, String> {
    let (number, whole) = match text.strip_suffix('%') {
        Some(percent) => (percent.trim_end(), 100.0),
        None => (text, 1.0),
    };
    let share = number.parse::<f64>().map(|number| number / whole);
    share.map_err(|_| "write a number above 0 and up to 1, or per cent: 0.7, 70%".to_owned())
}

impl HardwareArgs {
    /// The compiler's options with these of the hardware.
    pub fn options(&self) -> CompilerOptions {
        CompilerOptions {
            backend: self.backend.map(|choice| choice.0),
            part: self.fit.as_ref().or(self.part.as_ref()).cloned(),
            utilization: self.fit.as_ref().map(|_| self.utilization.unwrap_or(UTILIZATION)),
            clock_period: self.clock_period.map(|period| period.nanoseconds),
            reuse_factor: self.reuse_factor,
            target: self
                .target_interval
                .map(Target::Interval)
                .or(self.target_rate.map(Target::Rate)),
            strategy: self.strategy.map(|choice| choice.0),
            io_type: self.io.map(|choice| choice.0),
            ..CompilerOptions::default()
        }
    }
}

impl clap::ValueEnum for Choice<Tool> {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self(Tool::Vitis), Self(Tool::Catapult)]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.0.name()).help(format!("{}, C++", self.0.title())))
    }
}

impl clap::ValueEnum for Choice<Strategy> {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self(Strategy::Latency), Self(Strategy::Resource)]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self.0 {
            Strategy::Latency => PossibleValue::new("latency").help(
                "Fully unrolled, pipelined with the reuse factor as II; weights are constants",
            ),
            Strategy::Resource => PossibleValue::new("resource")
                .help("A loop of as many iterations as the reuse factor; weights are in memories"),
        })
    }
}

impl clap::ValueEnum for Choice<IoType> {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self(IoType::Parallel), Self(IoType::Stream)]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self.0 {
            IoType::Parallel => PossibleValue::new("parallel")
                .alias("io_parallel")
                .help("Arrays that hold all elements of a tensor"),
            IoType::Stream => PossibleValue::new("stream")
                .alias("io_stream")
                .help("FIFOs; a word holds the channels of one position"),
        })
    }
}
