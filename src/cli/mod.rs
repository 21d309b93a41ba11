//! The command line: one file per subcommand.

mod build;
mod inspect;
mod model;
mod profile;
mod quantizers;
mod run;
mod verify;

use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use miette::{MietteHandlerOpts, Report};

/// Compiles quantized Keras and QKeras networks to HLS projects for FPGAs. Simulation and hardware
/// agree on every output bit.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Build(build::Args),
    Verify(verify::Args),
    Run(run::Args),
    Inspect(inspect::Args),
    Profile(profile::Args),
    Quantizers(quantizers::Args),
}

/// Result of a command without errors.
enum Status {
    /// Success.
    Success,
    /// A project with outputs other than expected.
    Mismatch,
}

/// Runs the program: exit code 0, or 1 for a mismatch, or 2 for an error.
pub fn main() -> ExitCode {
    // The hook can be set only once, and nobody set it before.
    let _ = miette::set_hook(Box::new(|_| {
        Box::new(MietteHandlerOpts::new().width(100).wrap_lines(true).build())
    }));
    // The library turns panics of its file parsers into errors.
    let report_panic = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !bitkiln::front::is_guarded() {
            report_panic(panic);
        }
    }));
    let result = match Cli::parse().command {
        Command::Build(args) => build::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Profile(args) => profile::run(&args),
        Command::Quantizers(args) => quantizers::run(&args),
    };
    match result {
        Ok(Status::Success) => ExitCode::SUCCESS,
        Ok(Status::Mismatch) => ExitCode::from(1),
        Err(error) => {
            note(format_args!("{error:?}"));
            ExitCode::from(2)
        }
    }
}

/// An error of the command line itself, with what to do about it.
fn complaint(what: impl Into<String>, help: impl Into<String>) -> Report {
    let help: String = help.into();
    miette::miette!(help = help, "{}", what.into())
}

/// Prints to standard error, unless nobody reads it.
fn note(text: std::fmt::Arguments<'_>) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Refuses to write to `target` if it is one of the files that the command reads.
fn spare(target: &Path, read: &[Option<&Path>]) -> miette::Result<()> {
    let Ok(place) = target.canonicalize() else { return Ok(()) };
    let same = |file: &&Path| file.canonicalize().is_ok_and(|file| file == place);
    match read.iter().flatten().find(|file| same(file)) {
        None => Ok(()),
        Some(file) => Err(complaint(
            format!("{} would overwrite {}, which is read", target.display(), file.display()),
            "choose another output file",
        )),
    }
}

/// Prints to standard output; a closed pipe ends the program quietly, any other failure is one.
fn print(text: &str) -> miette::Result<()> {
    use std::io::{ErrorKind, Write};
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{}", text.trim_end_matches('\n')).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(complaint(
            format!("standard output: {error}"),
            "free space, or choose another target",
        )),
        Ok(()) => Ok(()),
    }
}
