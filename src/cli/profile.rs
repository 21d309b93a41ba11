//! `bitkiln profile`.

use std::path::PathBuf;

use bitkiln::diagnostic::{Diagnostic, grouped};
use bitkiln::profile::{Goal, Profile, ProposalOptions};
use bitkiln::{CompilerOptions, report};
use miette::Result;

use super::model::ModelArgs;
use super::{Status, check_extension, complaint, note, print, print_json, spare};

/// Show the values and types of every layer for some samples, and propose types for what has no
/// quantizer
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,
    /// Samples: .npz with one array per input, or .npy for a single input; the first axis counts samples
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// Propose types of N bits each, 16 at most for operands of functions that become tables [default: 16]
    #[arg(long, value_name = "N", group = "goal")]
    bits: Option<u32>,
    /// Propose the fewest bits with an absolute error of each output of at most E
    #[arg(long, value_name = "E", group = "goal", allow_negative_numbers = true)]
    max_error: Option<f64>,
    /// Propose the fewest bits with which this share of samples keeps its largest output: 0.999
    #[arg(long, value_name = "SHARE", group = "goal", allow_negative_numbers = true)]
    agreement: Option<f64>,
    /// Propose no power-of-two scales of weights per output channel
    #[arg(long)]
    no_channel_scales: bool,
    /// Propose no corrections of biases
    #[arg(long)]
    no_bias_correction: bool,
    /// Write the proposed types as a configuration, with all other keys of --config
    #[arg(short, long, value_name = "FILE.yml")]
    output: Option<PathBuf>,
    /// Print the profile as JSON
    #[arg(long)]
    json: bool,
}

/// Width of proposed types by default: that of hls4ml's default type.
const BITS: u32 = 16;

impl Args {
    fn options(&self) -> ProposalOptions {
        ProposalOptions {
            goal: self.goal(),
            channel_scales: !self.no_channel_scales,
            bias_correction: !self.no_bias_correction,
        }
    }

    fn goal(&self) -> Goal {
        let error = self.max_error.map(Goal::MaxError);
        let agreement = self.agreement.map(Goal::Agreement);
        error.or(agreement).unwrap_or(Goal::Bits(self.bits.unwrap_or(BITS)))
    }
}

pub fn run(args: &Args) -> Result<Status> {
    let [model, weights, config] = args.model.files();
    if let Some(output) = &args.output {
        spare(output, &[model, weights, Some(&args.input)])?;
        check_extension(output, &["yml", "yaml"], "types are written")?;
    }
    args.goal().check()?;
    let network = args.model.load(CompilerOptions::default())?;
    let profile = network.profile_file(&args.input, args.options());
    // The profile itself is about these two.
    let is_answered = |it: &&Diagnostic| {
        ["no-quantizer", "result-overflow", "result-saturates"].contains(&it.code)
    };
    let others = grouped(&network.diagnostics());
    others.iter().filter(|it| !is_answered(it)).for_each(|it| note(format_args!("{it}")));
    let profile = profile?;
    profile.warnings.iter().for_each(|it| note(format_args!("{it}")));
    if profile.proposal.is_none() && args.output.is_some() {
        return Err(complaint(
            "nothing to propose: every parameter, result and input has a quantizer or a configured type",
            "remove types from --config or --input-type, or leave out -o",
        ));
    }
    let written = write(args, &profile, config)?;
    if args.json {
        print_json(&profile)?;
        return Ok(Status::Success);
    }
    print(&report::profile::table(&profile));
    match (&profile.proposal, written) {
        (None, _) => note(format_args!(
            "note: nothing to propose: every parameter, result and input has a quantizer or a \
             configured type"
        )),
        (Some(_), Some(written)) => print(&written),
        (Some(_), None) => {}
    }
    Ok(Status::Success)
}

/// Writes the proposal to the output file, if there are both.
fn write(
    args: &Args,
    profile: &Profile,
    config: Option<&std::path::Path>,
) -> Result<Option<String>> {
    let (Some(output), Some(proposal)) = (&args.output, &profile.proposal) else { return Ok(None) };
    let yaml = proposal.to_yaml(config)?;
    std::fs::write(output, yaml).map_err(|error| {
        complaint(format!("{}: {error}", output.display()), "choose a file that can be written")
    })?;
    Ok(Some(format!("wrote the types to {}", output.display())))
}
