//! FPGA parts: what a device holds.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::Resources;
use crate::naming::nearest;

/// The families of [`Part`]s, from the product tables that each names.
static FAMILIES: LazyLock<Vec<Family>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("parts.json")).expect("a test reads the same text")
});

/// Devices of one data sheet.
#[derive(Deserialize)]
struct Family {
    family: String,
    /// AMD's number of the data sheet.
    source: String,
    slice: DspSlice,
    devices: Vec<Device>,
}

/// A line of the table.
#[derive(Deserialize)]
struct Device {
    device: String,
    #[serde(flatten)]
    resources: Resources,
}

/// A kind of DSP slice.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum DspSlice {
    /// 7 series: 25 x 18 bits (UG479).
    #[serde(rename = "DSP48E1")]
    Dsp48E1,
    /// UltraScale and UltraScale+: 27 x 18 bits (UG579).
    #[default]
    #[serde(rename = "DSP48E2")]
    Dsp48E2,
    /// Versal: 27 x 24 bits (AM004).
    #[serde(rename = "DSP58")]
    Dsp58,
}

impl DspSlice {
    /// The slices of `part`; those of UltraScale+ for an unknown one.
    pub fn of_part(part: &str) -> Self {
        Part::find(part).map_or(Self::default(), |part| part.slice)
    }

    /// The wider and the narrower factor of its multiplier in bits, signs included.
    pub fn factors(self) -> (u32, u32) {
        match self {
            Self::Dsp48E1 => (25, 18),
            Self::Dsp48E2 => (27, 18),
            Self::Dsp58 => (27, 24),
        }
    }
}

/// An FPGA device with all that it holds, before a shell takes its share.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Part {
    /// The device, as the vendor spells it: `xcvu13p`.
    pub device: &'static str,
    /// Its family.
    pub family: &'static str,
    /// The data sheet of these numbers.
    pub source: &'static str,
    /// The kind of its DSP slices.
    pub slice: DspSlice,
    /// Their number, and that of everything else.
    pub resources: Resources,
}

impl Part {
    /// The device of `part`: its name, alone or followed by package, speed and temperature grade.
    /// `None` for an unknown one.
    ///
    /// ```
    /// use bitkiln::hls::estimate::Part;
    ///
    /// let dsp = |part: &str| Part::find(part).map(|part| part.resources.dsp);
    /// assert_eq!(dsp("xcvu13p-flga2577-2-e"), Some(12288));
    /// assert_eq!(dsp("xcvu13p"), Some(12288));
    /// assert_eq!(dsp("nangate-45nm_beh"), None);
    /// ```
    pub fn find(part: &str) -> Option<Self> {
        let part = part.to_ascii_lowercase();
        let is_it = |name: &str| {
            // The name must end there: xczu2 is not xczu21.
            let ends = |rest: &str| !rest.starts_with(|c: char| c.is_ascii_digit());
            part.strip_prefix(name).is_some_and(ends)
        };
        FAMILIES.iter().find_map(|family| {
            let device = family.devices.iter().find(|device| is_it(&device.device))?;
            Some(Self {
                device: &device.device,
                family: &family.family,
                source: &family.source,
                slice: family.slice,
                resources: device.resources,
            })
        })
    }

    /// The known device whose name is nearest to that of `part`, if one is near.
    pub fn nearest(part: &str) -> Option<&'static str> {
        let device = part.split('-').next().unwrap_or(part);
        let known = FAMILIES.iter().flat_map(|family| &family.devices);
        nearest(device, known.map(|device| device.device.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Tool;

    fn dsp(part: &str) -> Option<u64> {
        Part::find(part).map(|part| part.resources.dsp)
    }

    #[test]
    fn parts_are_found_by_their_device() {
        assert_eq!(dsp("xc7z020clg400-1"), Some(220));
        assert_eq!(dsp("xcku115-flvb2104-2-i"), Some(5520));
        assert_eq!(dsp("XCZU7EV-ffvc1156-2-e"), Some(1728));
        assert_eq!(dsp("xczu28dr-ffvg1517-2-e"), Some(4272));
        assert_eq!(dsp("xczu2cg-sbva484-1-e"), Some(240));
        assert_eq!(dsp("xcu250-figd2104-2L-e"), Some(12288));
        assert_eq!(dsp("xck26-sfvc784-2LV-c"), Some(1248));
        assert_eq!(dsp("xcvc1902-vsva2197-2MP-e-S"), Some(1968));
    }

    #[test]
    fn unknown_parts_are_unknown() {
        for part in ["", "xcvu", "xcvu999p-x", "10AX115N2F45E1SG", "xczu2222"] {
            assert_eq!(Part::find(part), None, "{part}");
        }
    }

    #[test]
    fn the_default_parts_are_known() {
        for tool in [Tool::Vitis, Tool::Catapult] {
            assert!(Part::find(tool.default_part()).is_some(), "{}", tool.default_part());
        }
    }

    #[test]
    fn every_device_is_found_and_holds_two_flip_flops_a_lut() {
        let names = || FAMILIES.iter().flat_map(|family| &family.devices);
        assert!(names().count() > 60);
        for Device { device, resources } in names() {
            let found = Part::find(device).map(|part| (part.device, part.resources));
            assert_eq!(found, Some((device.as_str(), *resources)));
            assert_eq!(resources.ff, 2 * resources.lut, "{device}");
            assert!(resources.bram18 > 0 && resources.bram18.is_multiple_of(2), "{device}");
        }
        let vu9p = Part::find("xcvu9p").map(|part| (part.source, part.resources));
        let resources =
            Resources { dsp: 6840, lut: 1_182_240, ff: 2_364_480, bram18: 4320, uram: 960 };
        assert_eq!(vu9p, Some(("DS890", resources)));
        assert_eq!(Part::find("xc7a35t").map(|part| part.slice), Some(DspSlice::Dsp48E1));
    }
}
