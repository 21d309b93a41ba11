//! The table, the JSON, the manifest and the comments of the generated code count the same
//! operations, for every case and both strategies.

use std::collections::BTreeMap;
use std::error::Error;

use bitkiln::back::{File, Manifest, Tool, Vectors, files};
use bitkiln::config::Strategy;
use bitkiln::hls::estimate::Resources;
use bitkiln::hls::{Body, Design, Operations, Options, Terms};
use bitkiln::ir::Graph;
use bitkiln::{passes, report, sim};

use super::cases::committed;

/// The project of `design` with one random vector.
fn project(graph: &Graph, design: &Design, backend: Tool) -> Result<Vec<File>, Box<dyn Error>> {
    let inputs = sim::vectors(graph, 1);
    let outputs = sim::run(graph, &inputs)?.outputs(graph);
    let names = graph.inputs.iter().map(|id| graph[*id].name.clone());
    let vectors = Vectors { inputs: names.zip(inputs).collect(), outputs };
    Ok(files(design, backend, &vectors, None)?)
}

fn contents<'a>(files: &'a [File], path: &str) -> Result<&'a str, Box<dyn Error>> {
    let file = files.iter().find(|file| file.path == path).ok_or(format!("no {path}"))?;
    Ok(&file.contents)
}

/// The operations that a comment states after its last colon: `fc: ...: 12 multiplications, 3 shifts.`
fn stated(comment: &str) -> Operations {
    let mut operations = Operations::default();
    let (_, list) = comment.trim_end_matches('.').rsplit_once(": ").unwrap_or_default();
    for part in list.split(", ") {
        let Some((count, what)) = part.split_once(' ') else { continue };
        let Ok(count) = count.parse::<u64>() else { continue };
        match what {
            "multiplication" | "multiplications" => operations.multiplications += count,
            "addition" | "additions" => operations.additions += count,
            "shift" | "shifts" => operations.shifts += count,
            "comparison of signs" | "comparisons of signs" => operations.xnors += count,
            _ => {}
        }
    }
    operations
}

/// The operations that the generated code states, by layer.
fn comments(design: &Design, source: &str) -> Result<BTreeMap<String, Operations>, Box<dyn Error>> {
    let mut layers: BTreeMap<String, Operations> = BTreeMap::new();
    for kernel in &design.kernels {
        let (before, _) = source
            .split_once(&format!("\nstatic void {}(", kernel.name))
            .ok_or_else(|| format!("no kernel {}", kernel.name))?;
        let mut comment = before.lines().rev().take_while(|line| line.starts_with("// "));
        let first = comment.by_ref().last().ok_or("a kernel without a comment")?;
        *layers.entry(kernel.layer.clone()).or_default() += stated(first);
    }
    for process in &design.processes {
        let (before, _) = source
            .split_once(&format!("\nstatic void {}(", process.name))
            .ok_or_else(|| format!("no process {}", process.name))?;
        let mut comment = before.lines().rev().take_while(|line| !line.is_empty());
        let title = comment.find(|line| line.starts_with("// "));
        let title = title.ok_or("a process without a comment")?;
        *layers.entry(process.layer.clone()).or_default() += stated(title);
    }
    Ok(layers)
}

/// The counts in the last line of a table, its totals.
fn totals(table: &str) -> Result<Vec<u64>, Box<dyn Error>> {
    let line = table.lines().find(|line| line.contains(" total ")).ok_or("no totals")?;
    Ok(line.split(['│', '┆', '|']).filter_map(|cell| cell.trim().parse().ok()).collect())
}

fn check(graph: &Graph, options: &Options, backend: Tool) -> Result<(), Box<dyn Error>> {
    let design = Design::new(graph, options)?;
    let all = design.operations();
    let rows = report::layers(graph, &design);

    let files = project(graph, &design, backend)?;
    let source = contents(&files, &format!("firmware/{}.cpp", design.name))?;
    let comments = comments(&design, source)?;
    for row in &rows {
        let stated = comments.get(&row.layer).copied().unwrap_or_default();
        assert_eq!(row.counts, stated, "layer '{}': table and comments", row.layer);
    }

    let manifest = Manifest::from_json(contents(&files, "bitkiln.json")?)?;
    assert_eq!(manifest.operations, all, "manifest");
    assert_eq!(manifest.multipliers, design.schedule.multipliers);
    if design.schedule.initiation_interval == 1 {
        assert_eq!(manifest.multipliers, all.multiplications, "a multiplier a multiplication");
    }

    let json = serde_json::to_value(&rows)?;
    let json = json.as_array().ok_or("no rows")?;
    let sum = |key: &str| json.iter().filter_map(|row| row[key].as_u64()).sum::<u64>();
    let in_json = Operations {
        multiplications: sum("multiplications"),
        additions: sum("additions"),
        shifts: sum("shifts"),
        xnors: sum("xnors"),
    };
    assert_eq!(in_json, all, "JSON");

    let bits = [sum("weight_bits"), sum("table_bits")];
    let idle = sum("idle_multiplications");
    assert!(idle <= all.multiplications, "multiplications with a weight of 0");
    let counts = [all.multiplications, all.additions, idle, all.shifts, all.xnors];
    let Resources { dsp, lut, ff, bram18, .. } = design.estimate().total;
    let totals = totals(&report::table(&rows, true))?;
    assert_eq!(totals, [&counts[..], &bits, &[dsp, lut, ff, bram18]].concat(), "table");

    for kernel in &design.kernels {
        let Body::Linear(linear) = &kernel.body else { continue };
        if matches!(linear.terms, Terms::Products { .. }) && !linear.tiles.is_whole() {
            let products = (linear.rows * linear.inputs * linear.outputs) as u64;
            let products = products * kernel.repetitions;
            assert_eq!(kernel.cost.operations.multiplications, products, "{}", kernel.name);
        }
    }
    Ok(())
}

#[test]
fn operations_are_counted_once() -> Result<(), Box<dyn Error>> {
    let mut checked = Operations::default();
    for case in committed()? {
        let run = case.run()?;
        let (graph, _) = passes::for_hardware(&run.graph)?;
        for (strategy, reuse_factor) in [(Strategy::Latency, 1), (Strategy::Resource, 8)] {
            for backend in Tool::ALL {
                let mut options = Options::new(case.name.as_str(), backend.default_part());
                (options.strategy, options.reuse_factor) = (strategy, reuse_factor);
                check(&graph, &options, backend)
                    .map_err(|error| format!("{}, {backend}: {error}", case.name))?;
                checked += Design::new(&graph, &options)?.operations();
            }
        }
    }
    if std::env::var_os("BITKILN_CASE").is_none() {
        let Operations { multiplications, additions, shifts, .. } = checked;
        assert!(multiplications > 0 && additions > 0 && shifts > 0, "{checked:?}");
    }
    Ok(())
}
