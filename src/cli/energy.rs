//! `bitkiln energy`.

use std::path::Path;

use bitkiln::qtools::{
    AssumedBits, Bits, Energy, Forgiveness, HOROWITZ, Memories, Memory, Options, Process, TypeMap,
};
use bitkiln::{Network, report};
use clap::builder::PossibleValue;
use miette::Result;
use serde_json::json;

use super::model::{Choice, say};
use super::types::TypeArgs;
use super::{Status, complaint, print, print_json};

/// Estimate the energy of every layer as QTools does, and compare it with a reference model
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    types: TypeArgs,
    /// Energies of operations and memories: 'horowitz' (45 nm, ISSCC 2014), or a JSON file
    #[arg(long, value_name = "NAME|FILE.json", default_value = HOROWITZ)]
    process: String,
    /// Memory of the weights
    #[arg(long, value_enum, value_name = "MEMORY", default_value = "dram")]
    weights_memory: Choice<Memory>,
    /// Memory of the tensors between layers
    #[arg(long, value_enum, value_name = "MEMORY", default_value = "dram")]
    activations_memory: Choice<Memory>,
    /// Least number of bits of an SRAM
    #[arg(long, value_name = "N", default_value_t = 0)]
    min_sram_size: u64,
    /// Inputs and outputs of the model are in DRAM, and tensors in DRAM pass through an SRAM
    #[arg(long)]
    rd_wr_on_io: bool,
    /// Compare with the model in these types: energy, bits, and AutoQKeras' forgiving factor
    #[arg(long, value_enum, value_name = "TYPE")]
    reference: Option<Reference>,
    /// Type of the sums of the reference model: fp16, fp32, int16 or int32 [default: fp32]
    #[arg(long, value_name = "TYPE", requires = "reference")]
    reference_accumulator: Option<String>,
    /// Accuracy in percent that a model smaller by --rate may lose
    #[arg(long, value_name = "PERCENT", default_value_t = Forgiveness::default().delta_p)]
    #[arg(requires = "reference")]
    delta_p: f64,
    /// Accuracy in percent that a model larger by --rate must gain
    #[arg(long, value_name = "PERCENT", default_value_t = Forgiveness::default().delta_n)]
    #[arg(requires = "reference")]
    delta_n: f64,
    /// Ratio of sizes for --delta-p and --delta-n
    #[arg(long, value_name = "RATIO", default_value_t = Forgiveness::default().rate)]
    #[arg(requires = "reference")]
    rate: f64,
    /// Factor of the bits of the reference model
    #[arg(long, value_name = "FACTOR", default_value_t = Forgiveness::default().stress)]
    #[arg(requires = "reference")]
    stress: f64,
    /// Print JSON in the names of QTools
    #[arg(long)]
    json: bool,
}

/// Types of the reference model.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Reference {
    Fp16,
    Fp32,
    Int8,
}

impl Reference {
    fn name(self) -> &'static str {
        match self {
            Self::Fp16 => "fp16",
            Self::Fp32 => "fp32",
            Self::Int8 => "int8",
        }
    }
}

impl clap::ValueEnum for Choice<Memory> {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self(Memory::Sram), Self(Memory::Dram), Self(Memory::Fixed)]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self.0 {
            Memory::Sram => PossibleValue::new("sram").help("On the chip"),
            Memory::Dram => PossibleValue::new("dram").help("Beside the chip"),
            Memory::Fixed => PossibleValue::new("fixed").help("Registers or wires, without cost"),
        })
    }
}

pub fn run(args: &Args) -> Result<Status> {
    if !(args.rate > 0.0 && args.rate.is_finite() && args.rate != 1.0) {
        let what = format!("--rate {}: the ratio of two different sizes", args.rate);
        return Err(complaint(what, "state a positive number other than 1"));
    }
    let process = match args.process.as_str() {
        HOROWITZ => Process::horowitz(),
        file => Process::load(Path::new(file))?,
    };
    let internal = args.reference.map_or("fp32", Reference::name);
    let accumulator = args.reference_accumulator.as_deref().unwrap_or("fp32");
    let (network, options) = args.types.load([internal, accumulator])?;
    let types = TypeMap::new(network.model(), network.graph(), &options)?;
    let energy = Energy::new(&types, &args.memories(), &process);
    say(&network);
    let against = args.reference.map(|it| args.against(it, &network, &options, &process));
    let against = against.transpose()?;
    if args.json {
        let mut all = json!({
            "process": args.process,
            "memory": args.memories(),
            "per_layer": energy,
            "profile": energy.profile(),
            "total": energy.total(),
            "uncounted": energy.uncounted,
        });
        if let Some(reference) = against {
            let factor = args.forgiveness();
            let compared = factor.compare(energy.total() as f64, reference.energy.total() as f64);
            all["reference"] = json!({
                "per_layer": reference.energy,
                "profile": reference.energy.profile(),
                "total": reference.energy.total(),
            });
            all["forgiving_factor"] = json!({
                "parameters": factor,
                "energy": compared,
                "bits": reference.bits_compared(&factor),
            });
        }
        print_json(&all)?;
        return Ok(Status::Success);
    }
    print(&report::qtools::energy(&energy));
    if let Some(reference) = against {
        let factor = args.forgiveness();
        let compared = factor.compare(energy.total() as f64, reference.energy.total() as f64);
        let bits = reference.bits_compared(&factor);
        print(&format!("\n{}", report::qtools::forgiving(&compared, &bits, reference.bits)));
    }
    Ok(Status::Success)
}

/// The reference model.
struct Against {
    energy: Energy,
    /// Bits of the model and of the reference.
    bits: [Bits; 2],
}

impl Against {
    fn bits_compared(&self, factor: &Forgiveness) -> bitkiln::qtools::Comparison {
        let [trial, reference] = self.bits.map(|bits| bits.total() as f64);
        factor.compare(trial, reference * factor.stress)
    }
}

impl Args {
    fn memories(&self) -> Memories {
        Memories {
            weights: self.weights_memory.0,
            activations: self.activations_memory.0,
            min_sram_size: self.min_sram_size,
            rd_wr_on_io: self.rd_wr_on_io,
        }
    }

    fn forgiveness(&self) -> Forgiveness {
        let Self { delta_p, delta_n, rate, stress, .. } = *self;
        Forgiveness { delta_p, delta_n, rate, stress }
    }

    fn against(
        &self,
        reference: Reference,
        network: &Network,
        options: &Options,
        process: &Process,
    ) -> Result<Against> {
        let (model, graph) = (network.model(), network.graph());
        let source = reference.name().parse()?;
        let options = Options {
            sources: vec![source; model.inputs.len()],
            is_reference: true,
            ..options.clone()
        };
        let types = TypeMap::new(model, graph, &options)?;
        let bits = |is_reference| Bits::new(model, graph, AssumedBits::default(), is_reference);
        Ok(Against {
            energy: Energy::new(&types, &self.memories(), process),
            bits: [bits(false)?, bits(true)?],
        })
    }
}
