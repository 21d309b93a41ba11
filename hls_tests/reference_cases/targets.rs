//! More time for a sample never takes noticeably more hardware, for every case as a streaming design.

use std::error::Error;

use bitkiln::back::Tool;
use bitkiln::config::IoType;
use bitkiln::hls::{Design, Options};
use bitkiln::passes;

use super::cases::committed;

/// Targets in clock cycles: powers of nine.
const TARGETS: u32 = 6;

/// Per cent by which the area may grow from a target to the next slower one. The planner compares the
/// tiles of each matrix by their estimated area, but the sizes of tokens follow from the neighbours,
/// and repack processes and FIFOs from these.
const TOLERANCE: u64 = 6;

#[test]
fn more_time_takes_no_more_area() -> Result<(), Box<dyn Error>> {
    let (mut saved, mut larger) = (0, Vec::new());
    for case in committed()? {
        let run = case.run()?;
        let (graph, _) = passes::for_hardware(&run.graph)?;
        let mut before = None;
        for target in (0..TARGETS).map(|power| 9_u64.pow(power)) {
            let mut options = Options::new(case.name.as_str(), Tool::Vitis.default_part());
            options.io = IoType::Stream;
            options.target_interval = Some(target);
            let area = Design::new(&graph, &options)?.estimate().total.area();
            if let Some(before) = before {
                if area * 100 > before * (100 + TOLERANCE) {
                    let name = &case.name;
                    larger.push(format!("{name}, {target} cycles: {area}, in a ninth: {before}"));
                }
                saved += u64::from(area < before);
            }
            before = Some(area);
        }
    }
    assert!(larger.is_empty(), "{larger:#?}");
    assert!(saved > 0 || std::env::var_os("BITKILN_CASE").is_some(), "no target saves anything");
    Ok(())
}
