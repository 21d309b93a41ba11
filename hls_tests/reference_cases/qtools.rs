//! QTools' type maps, energies and operators, as QKeras (June 2025) wrote them.
//!
//! `qtools.json` in the folder of a case holds the type map, the energies for three memories, and
//! `extract_model_operations`.

use std::error::Error;
use std::path::Path;

use bitkiln::lower::lower;
use bitkiln::passes;
use bitkiln::qtools::operators::{
    BatchNormOperators, Gate, accumulator, adder, divider, merge, multiplier,
};
use bitkiln::qtools::{
    AssumedBits, Bits, DataType, Energy, Forgiveness, Memories, Memory, Options, Parameters,
    Process, ProvenMap, Statistics, TypeMap, source_types,
};
use bitkiln::{Compiler, Network};
use serde_json::{Value, json};

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

/// A model in `hls_tests/qtools`, and what QTools says of it.
fn special(model: &str, results: &str) -> Result<(Network, Value), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("hls_tests/qtools");
    let results = serde_json::from_reader(std::fs::File::open(folder.join(results))?)?;
    Ok((Compiler::default().load(&folder.join(model))?, results))
}

/// `hls_tests/qtools/fused.json`: types of a model whose batch normalizations are fused.
#[test]
fn types_of_fused_batch_normalizations_are_equal_in_every_field() -> Result<(), Box<dyn Error>> {
    let (network, theirs) = special("fused.h5", "fused.json")?;
    let (model, graph) = (network.model(), network.graph());
    let sources = source_types(&["quantized_bits(8,0,1)".parse()?], model, graph)?;
    for (name, parameters) in [("types", Parameters::Typed), ("trained", Parameters::Trained)] {
        let sources = sources.clone();
        let options = Options { sources, parameters, is_fused: true, ..Options::default() };
        let ours = serde_json::to_value(TypeMap::new(model, graph, &options)?)?;
        let layers = theirs[name].as_object().ok_or("no types")?;
        assert!(ours.as_object().is_some_and(|ours| ours.keys().eq(layers.keys())));
        for (layer, theirs) in layers {
            let [ours, theirs] = [&ours[layer], theirs]
                .map(|it| serde_json::to_string_pretty(it).unwrap_or_default());
            assert_eq!(ours, theirs, "{layer}");
        }
    }
    Ok(())
}

/// The reference of a folded layer is a convolution and its batch normalization.
#[test]
fn sizes_of_a_folded_model_and_its_reference_are_those_of_autoqkeras() -> Result<(), Box<dyn Error>>
{
    let (network, theirs) = special("folded.h5", "bits.json")?;
    let size = |is_reference| {
        let assumed = AssumedBits::default();
        Bits::new(network.model(), network.graph(), assumed, is_reference).map(Bits::total)
    };
    let (trial, reference) = (size(false)?, size(true)?);
    assert_eq!(json!([trial, reference]), json!([theirs["trial_size"], theirs["reference_size"]]));
    let compared = Forgiveness::default().compare(trial as f64, reference as f64);
    // QKeras takes the logarithm of the rate in 32 bits.
    let delta = theirs["delta"].as_f64().ok_or("no delta")?;
    let own = compared.delta.ok_or("no delta of our own")?;
    assert!((own - delta).abs() <= f64::from(f32::EPSILON) * delta, "{compared:?}");
    Ok(())
}

/// A dense layer of 6 by 6 weights that is called twice.
#[test]
fn weights_of_a_shared_layer_count_once() -> Result<(), Box<dyn Error>> {
    let (network, _) = special("shared.h5", "bits.json")?;
    let (model, graph) = (network.model(), network.graph());
    let bits = Bits::new(model, graph, AssumedBits::default(), false)?;
    assert_eq!((bits.parameters, bits.activations), (4 * (36 + 6), 8 * 6 + 2 * 4 * 6));
    assert_eq!(Statistics::new(model, graph)?.total_bits, 4 * (36 + 6));
    let sources = source_types(&["quantized_bits(8,0,1)".parse()?], model, graph)?;
    let types = TypeMap::new(model, graph, &Options { sources, ..Options::default() })?;
    let own: Vec<bool> = types.layers.iter().map(|layer| layer.has_own_parameters).collect();
    assert_eq!(own, [true, true, false, true]);
    let saved = ProvenMap::new(types, graph);
    let weights: Vec<i64> =
        saved.proven.iter().flatten().map(|proven| proven.saved_bits.weights).collect();
    assert_eq!(saved.saved().weights, weights[0]);
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

/// QTools' operators for pairs of types, which `qtools_operators.py` asked for.
fn operators() -> Result<Value, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("hls_tests/reference");
    Ok(serde_json::from_reader(std::fs::File::open(root.join("qtools_operators.json"))?)?)
}

/// A gate as `qtools_operators.json` has it.
fn described(gate: &Gate) -> Result<Value, Box<dyn Error>> {
    let mut output = serde_json::to_value(&gate.output)?;
    output["op_type"] = serde_json::to_value(gate.operation)?;
    Ok(json!([output, gate.factor, gate.bits]))
}

/// True for equal texts, with numbers that are equal but for the last bits.
fn agrees(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap_or(f64::NAN), b.as_f64().unwrap_or(f64::NAN));
            a == b || (a - b).abs() <= 1e-12 * b.abs()
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| agrees(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.keys().eq(b.keys()) && a.values().zip(b.values()).all(|(a, b)| agrees(a, b))
        }
        (a, b) => a == b,
    }
}

#[test]
fn every_pair_of_types_has_the_operators_of_qtools() -> Result<(), Box<dyn Error>> {
    let pairs = &operators()?["pairs"];
    let mut failures = Vec::new();
    let mut count = 0;
    for (pair, theirs) in pairs.as_object().ok_or("no pairs")? {
        let (a, b) = pair.split_once(" | ").ok_or("no pair")?;
        let (a, b): (DataType, DataType) = (a.parse()?, b.parse()?);
        let both = [a.clone(), b.clone()];
        let ours = [
            ("multiplier", described(&multiplier(&a, &b))?),
            ("divider", described(&divider(&a, &b))?),
            ("adder", serde_json::to_value(adder(&a, &b))?),
            ("Add", described(&merge::add(&both))?),
            ("Maximum", described(&merge::select(&both))?),
        ];
        // QTools has no divider by signs.
        for (what, ours) in ours.iter().filter(|(what, _)| !theirs[what].is_null()) {
            count += 1;
            if !agrees(ours, &theirs[what]) {
                failures.push(format!("{pair}: {what}: {ours}, QTools has {}", theirs[what]));
            }
        }
    }
    assert!(count > 800, "{count}");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    Ok(())
}

#[test]
fn accumulators_and_normalizations_are_those_of_qtools() -> Result<(), Box<dyn Error>> {
    let all = operators()?;
    for (sum, theirs) in all["sums"].as_object().ok_or("no sums")? {
        let parts: Vec<&str> = sum.split(" | ").collect();
        let [product, terms, bias] = parts[..] else { return Err("no sum".into()) };
        let ours = accumulator(terms.parse()?, &product.parse()?, bias == "1");
        assert!(agrees(&serde_json::to_value(&ours)?, theirs), "{sum}: {ours:?} {theirs}");
    }
    for (norm, theirs) in all["norms"].as_object().ok_or("no norms")? {
        let parts: Vec<&str> = norm.split(" | ").collect();
        let [x, gamma, variance, scale, center] = parts[..] else { return Err("no norm".into()) };
        let (gamma, beta): (DataType, DataType) = (gamma.parse()?, "quantized_po2(3,4)".parse()?);
        let found = BatchNormOperators::new(
            &x.parse()?,
            (scale == "1").then_some(&gamma),
            (center == "1").then_some(&beta),
            &variance.parse()?,
        );
        let multiplier = found.multiplier.as_ref().map(described).transpose()?;
        let ours = json!([described(&found.divider)?, multiplier, found.accumulator]);
        assert!(agrees(&ours, theirs), "{norm}: {ours} {theirs}");
    }
    Ok(())
}
