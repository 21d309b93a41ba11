//! `bitkiln types`, and the options that the commands after QTools share.

use bitkiln::qtools::{DataType, Options, Parameters, ProvenMap, Source, TypeMap, source_types};
use bitkiln::{CompilerOptions, InputType, Network, report};
use miette::Result;

use super::model::{ModelArgs, say};
use super::{Status, print, print_json};

/// Derive QTools' worst-case type of every layer, and the proven type beside it
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    types: TypeArgs,
    /// Fuse batch normalizations into the convolutions before them, and take the scales of
    /// alpha='auto_po2' as known: the types of inference in hardware
    #[arg(long)]
    fused: bool,
    /// Print QTools' JSON, with the proven types as one more field of each layer
    #[arg(long)]
    json: bool,
}

/// A model and what QTools derives its types from.
#[derive(clap::Args)]
pub struct TypeArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    /// Quantizer of all inputs, 'quantized_bits(8,0,1)', or of one, 'input_1=quantized_relu(6)'
    /// [default: that of --input-type, else quantized_bits(8,0,1)]
    #[arg(long, value_name = "QUANTIZER")]
    source: Vec<String>,
    /// Type of parameters of Keras' layers: fp16, fp32, int8, int16, int32, or a quantizer
    /// [default: fp32]
    #[arg(long, value_name = "TYPE")]
    keras_quantizer: Option<String>,
    /// Type of sums and results of Keras' layers [default: fp32]
    #[arg(long, value_name = "TYPE")]
    keras_accumulator: Option<String>,
    /// Take trained powers of two as known: shifts by constants cost less energy
    #[arg(long)]
    trained: bool,
}

impl TypeArgs {
    /// Loads the model; types of Keras' layers that are not stated are `unstated`, parameters and sums.
    pub fn load(&self, unstated: [&str; 2]) -> Result<(Network, Options)> {
        let mut sources = Vec::new();
        for text in &self.source {
            sources.push(text.parse::<Source>()?);
        }
        if sources.is_empty() && !self.model.has_input_types() {
            sources.push(Source::default());
        }
        let input_type = |source: &Source| {
            Some(InputType { input: source.input.clone(), format: source.format?, modes: None })
        };
        let input_types = sources.iter().filter_map(input_type).collect();
        let network =
            self.model.load(CompilerOptions { input_types, ..CompilerOptions::default() })?;
        let of = |stated: &Option<String>, unstated: &str| {
            stated.as_deref().unwrap_or(unstated).parse::<DataType>()
        };
        let options = Options {
            sources: source_types(&sources, network.model(), network.graph())?,
            parameter: of(&self.keras_quantizer, unstated[0])?,
            accumulator: of(&self.keras_accumulator, unstated[1])?,
            is_reference: false,
            parameters: if self.trained { Parameters::Trained } else { Parameters::Typed },
            is_fused: false,
        };
        Ok((network, options))
    }
}

pub fn run(args: &Args) -> Result<Status> {
    let (network, options) = args.types.load(["fp32"; 2])?;
    let options = Options { is_fused: args.fused, ..options };
    let types = TypeMap::new(network.model(), network.graph(), &options)?;
    let map = ProvenMap::new(types, network.graph());
    say(&network);
    if args.json {
        print_json(&map)?;
    } else {
        print(&report::qtools::types(&map));
    }
    Ok(Status::Success)
}
