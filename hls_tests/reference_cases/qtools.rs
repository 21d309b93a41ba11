//! QTools' type maps, as QKeras (June 2025) wrote them.
//!
//! `qtools.json` in the folder of a case holds the type map, the energies for three memories, and
//! `extract_model_operations`.

use std::error::Error;
use std::path::Path;

use bitkiln::lower::lower;
use bitkiln::passes;
use bitkiln::qtools::{
    Energy, Memories, Memory, Options, Process, Statistics, TypeMap, source_types,
};
use serde_json::Value;

use super::cases::{Case, committed};

/// A case with QTools' results.
struct Oracle {
    case: Case,
    json: Value,
}

impl Oracle {
    fn all() -> Result<Vec<Self>, Box<dyn Error>> {
        let mut all = Vec::new();
        for case in committed()? {
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("hls_tests/reference");
            let file = root.join(&case.name).join("qtools.json");
            if file.exists() {
                let json = serde_json::from_reader(std::fs::File::open(file)?)?;
                all.push(Self { case, json });
            }
        }
        Ok(all)
    }

    /// Our type map for the same types of the inputs.
    fn types(&self, options: Options) -> Result<TypeMap, Box<dyn Error>> {
        let Case { model, settings, .. } = &self.case;
        let mut graph = lower(model, settings)?.graph;
        passes::run(&mut graph)?;
        let sources = source_types(&[], model, &graph)?;
        Ok(TypeMap::new(model, &graph, &Options { sources, ..options })?)
    }
}

#[test]
fn qtools_type_maps_are_equal_in_every_field() -> Result<(), Box<dyn Error>> {
    let all = Oracle::all()?;
    assert!(std::env::var("BITKILN_CASE").is_ok() || all.len() >= 65, "{} cases", all.len());
    let mut failures = Vec::new();
    for oracle in &all {
        // Texts compare the order of the fields too, and Python's True with its 1.
        let ours = serde_json::to_string_pretty(&oracle.types(Options::default())?)?;
        let theirs = serde_json::to_string_pretty(&oracle.json["data_type_map"])?;
        if ours != theirs {
            let line = ours.lines().zip(theirs.lines()).position(|(a, b)| a != b);
            let line = line.unwrap_or_default();
            let (a, b) = (ours.lines().nth(line), theirs.lines().nth(line));
            failures.push(format!("{}: line {line}: {a:?}, QTools has {b:?}", oracle.case.name));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}

/// The memories of `qtools.json`.
const MEMORIES: [(&str, Memories); 3] = [
    (
        "sram",
        Memories {
            weights: Memory::Sram,
            activations: Memory::Sram,
            min_sram_size: 8 * 16 * 1024 * 1024,
            rd_wr_on_io: false,
        },
    ),
    (
        "dram_io",
        Memories {
            weights: Memory::Dram,
            activations: Memory::Dram,
            min_sram_size: 0,
            rd_wr_on_io: true,
        },
    ),
    (
        "fixed",
        Memories {
            weights: Memory::Fixed,
            activations: Memory::Sram,
            min_sram_size: 0,
            rd_wr_on_io: false,
        },
    ),
];

#[test]
fn qtools_energies_are_equal_to_the_cent() -> Result<(), Box<dyn Error>> {
    let mut failures = Vec::new();
    for oracle in &Oracle::all()? {
        let types = oracle.types(Options::default())?;
        for (name, memories) in &MEMORIES {
            let energy = Energy::new(&types, memories, &Process::horowitz());
            let theirs = &oracle.json["energy"][name];
            let ours = [
                ("per_layer", serde_json::to_string_pretty(&energy)?),
                ("profile", serde_json::to_string_pretty(&energy.profile())?),
                ("total", energy.total().to_string()),
            ];
            for (what, ours) in ours {
                // Both are read by one parser, which may lose the last bit of a number.
                let ours: Value = serde_json::from_str(&ours)?;
                let ours = serde_json::to_string_pretty(&ours)?;
                let theirs = serde_json::to_string_pretty(&theirs[what])?;
                if ours != theirs {
                    failures.push(format!("{}, {name}: {what}: {ours} {theirs}", oracle.case.name));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}

#[test]
fn operations_are_those_of_qkeras() -> Result<(), Box<dyn Error>> {
    let mut failures = Vec::new();
    for oracle in &Oracle::all()? {
        let theirs = &oracle.json["operations"];
        // QKeras fails for a bidirectional layer.
        if theirs.is_null() {
            continue;
        }
        let Case { model, settings, .. } = &oracle.case;
        let mut graph = lower(model, settings)?.graph;
        passes::run(&mut graph)?;
        let ours = serde_json::to_value(Statistics::new(model, &graph)?)?;
        if &ours["operations"] != theirs {
            failures.push(format!("{}: {} {theirs}", oracle.case.name, ours["operations"]));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}
