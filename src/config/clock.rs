//! The clock: its period and uncertainty, in the spellings of hls4ml and of the vendors' tools.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use super::ConfigError;
use super::tree::PlacedValue;

/// A clock period: a number of nanoseconds, a time (`5ns`), or a frequency (`200MHz`).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ClockPeriod {
    /// The period in nanoseconds. Its range is checked with the other options of the hardware.
    pub nanoseconds: f64,
}

/// Text that is not a [`ClockPeriod`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write nanoseconds (5), a time (5ns, 800ps), or a frequency (200MHz)")]
pub struct ClockPeriodError;

impl FromStr for ClockPeriod {
    type Err = ClockPeriodError;

    /// Units match in any letter case: no clock is a mHz.
    fn from_str(text: &str) -> Result<Self, ClockPeriodError> {
        let text = text.trim();
        let end = text.rfind(|c: char| c.is_ascii_digit() || c == '.').map_or(0, |last| last + 1);
        let (number, unit) = text.split_at(end);
        let number: f64 = number.parse().map_err(|_| ClockPeriodError)?;
        let nanoseconds = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "ns" => number,
            "ps" => number / 1e3,
            "us" => number * 1e3,
            "khz" => 1e6 / number,
            "mhz" => 1e3 / number,
            "ghz" => 1.0 / number,
            _ => return Err(ClockPeriodError),
        };
        if nanoseconds.is_finite() { Ok(Self { nanoseconds }) } else { Err(ClockPeriodError) }
    }
}

/// A rate of samples, per second: `40MHz`, `1.5k`, `20000`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SampleRate {
    /// Samples in a second, more than 0.
    pub per_second: f64,
}

/// Text that is not a [`SampleRate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write samples per second: 20000, 20k, 40MHz")]
pub struct SampleRateError;

impl FromStr for SampleRate {
    type Err = SampleRateError;

    fn from_str(text: &str) -> Result<Self, SampleRateError> {
        let text = text.trim();
        let end = text.rfind(|c: char| c.is_ascii_digit() || c == '.').map_or(0, |last| last + 1);
        let (number, unit) = text.split_at(end);
        let number: f64 = number.parse().map_err(|_| SampleRateError)?;
        let unit = unit.trim().to_ascii_lowercase();
        let factor = match unit.strip_suffix("hz").unwrap_or(&unit) {
            "" => 1.0,
            "k" => 1e3,
            "m" => 1e6,
            "g" => 1e9,
            _ => return Err(SampleRateError),
        };
        let per_second = number * factor;
        match per_second.is_finite() && per_second > 0.0 {
            true => Ok(Self { per_second }),
            false => Err(SampleRateError),
        }
    }
}

impl SampleRate {
    /// The most clock cycles between two samples at a clock period of `period` nanoseconds; 0 if
    /// the rate is above the clock's.
    pub fn interval(self, period: f64) -> u64 {
        // Half a millionth of a cycle more than the quotient, which is rounded.
        (1e9 / (period * self.per_second) + 5e-7) as u64
    }
}

/// Part of the clock period that synthesis leaves to placement and routing.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum ClockUncertainty {
    /// A share of the period, in percent.
    Percent(f64),
    /// A time in nanoseconds.
    Nanoseconds(f64),
}

impl ClockUncertainty {
    /// The share of a clock period of `period` nanoseconds.
    pub fn of(self, period: f64) -> f64 {
        match self {
            Self::Percent(percent) => percent / 100.0,
            Self::Nanoseconds(time) => time / period,
        }
    }
}

impl fmt::Display for ClockUncertainty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percent(percent) => write!(f, "{percent}%"),
            Self::Nanoseconds(time) => write!(f, "{time}"),
        }
    }
}

/// The value of `ClockPeriod`, in nanoseconds.
pub(super) fn period(node: &PlacedValue<'_>) -> Result<f64, ConfigError> {
    let period = match node.value {
        Value::String(text) => text.parse().ok().map(|period: ClockPeriod| period.nanoseconds),
        value => value.as_f64(),
    };
    let period = period.filter(|time| time.is_finite() && *time > 0.0);
    period.ok_or_else(|| {
        node.kind("a positive number of nanoseconds, a time (5ns), or a frequency (200MHz)")
    })
}

/// The value of `ClockUncertainty`. hls4ml writes a percentage, `27%`; the tools take a time as well.
pub(super) fn uncertainty(node: &PlacedValue<'_>) -> Result<ClockUncertainty, ConfigError> {
    let expected = "a percentage below 100, such as 27%, or a number of nanoseconds";
    let number = |text: &str| text.trim().parse::<f64>().ok();
    let uncertainty = match node.value {
        Value::String(text) => match (text.strip_suffix('%'), text.strip_suffix("ns")) {
            (Some(percent), _) => number(percent)
                .filter(|percent| (0.0..100.0).contains(percent))
                .map(ClockUncertainty::Percent),
            (None, time) => number(time.unwrap_or(text)).map(ClockUncertainty::Nanoseconds),
        },
        value => value.as_f64().map(ClockUncertainty::Nanoseconds),
    };
    let is_time = |uncertainty: &ClockUncertainty| match uncertainty {
        ClockUncertainty::Percent(_) => true,
        ClockUncertainty::Nanoseconds(time) => time.is_finite() && *time >= 0.0,
    };
    uncertainty.filter(is_time).ok_or_else(|| node.kind(expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_have_units() {
        let of = |text: &str| text.parse::<ClockPeriod>().map(|period| period.nanoseconds);
        for text in ["5", "5.0", "5ns", "5 ns", "0.5e1", "5000ps", "0.005us", "200MHz", "0.2 GHz"] {
            assert_eq!(of(text), Ok(5.0), "{text}");
        }
        assert_eq!(of("200000khz"), Ok(5.0));
        assert_eq!(of("-3"), Ok(-3.0));
        for text in ["", "fast", "ns", "5m", "5s", "0MHz", "inf", "nan", "5ns5"] {
            assert_eq!(of(text), Err(ClockPeriodError), "{text}");
        }
    }

    #[test]
    fn rates_have_units_and_become_intervals() {
        let of = |text: &str| text.parse::<SampleRate>().map(|rate| rate.per_second);
        for text in ["40000000", "40M", "40MHz", "40 mhz", "0.04G", "40000k"] {
            assert_eq!(of(text), Ok(4e7), "{text}");
        }
        for text in ["", "fast", "0", "-3", "5s", "inf", "nan", "1e999"] {
            assert_eq!(of(text), Err(SampleRateError), "{text}");
        }
        let interval = |per_second, period| SampleRate { per_second }.interval(period);
        assert_eq!(interval(4e7, 5.0), 5);
        assert_eq!(interval(4e7, 25.0), 1);
        assert_eq!(interval(1e6 / 3.0, 10.0), 300);
        assert_eq!(interval(3e7, 5.0), 6);
        assert_eq!(interval(4e7, 26.0), 0);
    }
}
