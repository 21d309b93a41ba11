//! How many DSP slices a part has: numbers for a first check, to be compared with the product tables
//! named below before anyone relies on them.

/// Devices and their DSP slices. A part is a device's name with package, speed and temperature
/// grade behind it.
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

/// How many DSP slices `part` has; `None` for a part that the table does not know.
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
