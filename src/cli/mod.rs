//! The command line: one file per subcommand.

mod bench;
mod build;
mod compared;
mod energy;
mod export;
mod hardware;
mod inspect;
mod model;
mod profile;
mod progress;
mod quantizers;
mod report;
mod run;
mod shell;
mod signals;
mod stats;
mod types;
mod verify;

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use clap::{ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand};
use miette::{IntoDiagnostic, MietteHandlerOpts, Report};

/// Compiles quantized Keras and QKeras networks to HLS projects for FPGAs. Simulation and hardware
/// agree on every output bit.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Color of help and messages; by default after the terminal and the environment variable NO_COLOR
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true
    )]
    color: ColorChoice,
}

#[derive(Subcommand)]
enum Command {
    Build(build::Args),
    Verify(verify::Args),
    Run(run::Args),
    Bench(bench::Args),
    Inspect(inspect::Args),
    Report(report::Args),
    Profile(profile::Args),
    Types(types::Args),
    Energy(energy::Args),
    Stats(stats::Args),
    Export(export::Args),
    Completions(shell::Completions),
    Man(shell::Man),
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
    // The library turns panics of its file parsers into errors.
    let report_panic = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !bitkiln::front::is_guarded() {
            report_panic(panic);
        }
    }));
    // Help and errors of usage need the color before the command line is parsed.
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let color = color_of(&arguments);
    let command = Cli::command().color(color);
    let parsed = command.try_get_matches_from(arguments);
    let parsed = parsed.and_then(|matches| Cli::from_arg_matches(&matches));
    // The hook can be set only once, and nobody set it before.
    let _ = miette::set_hook(Box::new(move |_| {
        let options = MietteHandlerOpts::new().width(100).wrap_lines(true);
        Box::new(match color {
            // The handler lets CLICOLOR_FORCE outrank NO_COLOR, unlike the parser of the command line.
            ColorChoice::Auto if has_no_color() => options.color(false).build(),
            ColorChoice::Auto => options.build(),
            ColorChoice::Always => options.color(true).force_graphical(true).build(),
            ColorChoice::Never => options.color(false).build(),
        })
    }));
    let command = match parsed {
        Ok(Cli { command, .. }) => command,
        // Help and version as well.
        Err(error) => return usage(&error),
    };
    signals::watch();
    let result = match command {
        Command::Build(args) => build::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Profile(args) => profile::run(&args),
        Command::Types(args) => types::run(&args),
        Command::Energy(args) => energy::run(&args),
        Command::Stats(args) => stats::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Completions(args) => shell::completions(&args),
        Command::Man(args) => shell::man(&args),
        Command::Quantizers(args) => quantizers::run(&args),
    };
    let unprinted = unprinted();
    for error in result.as_ref().err().into_iter().chain(&unprinted) {
        note(format_args!("{error:?}"));
    }
    match result {
        Ok(Status::Mismatch) => ExitCode::from(1),
        Ok(Status::Success) if unprinted.is_none() => ExitCode::SUCCESS,
        Ok(Status::Success) | Err(_) => ExitCode::from(2),
    }
}

/// True if the user wants no colors (no-color.org).
fn has_no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// The last valid choice of `--color` among arguments that may have errors.
fn color_of(arguments: &[OsString]) -> ColorChoice {
    const OPTION: &str = "--color";
    let words = arguments.iter().map(|word| word.to_str().unwrap_or_default());
    let words: Vec<&str> = words.take_while(|word| *word != "--").collect();
    let values =
        words.iter().enumerate().filter_map(|(at, word)| match word.strip_prefix(OPTION)? {
            "" => words.get(at + 1).copied(),
            joined => joined.strip_prefix('='),
        });
    let mut choices = values.filter_map(|value| value.parse().ok());
    choices.next_back().unwrap_or(ColorChoice::Auto)
}

/// Prints what the parser of the command line answers: help, the version, or an error of usage.
fn usage(answer: &clap::Error) -> ExitCode {
    let printed = answer.print();
    if answer.use_stderr() {
        return ExitCode::from(2);
    }
    keep_failure(printed);
    match unprinted() {
        None => ExitCode::SUCCESS,
        Some(error) => {
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

/// Refuses a file `target` that is a folder, or in a folder that cannot be found, before any work.
fn check_place(target: &Path) -> miette::Result<()> {
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
    let found = folder.map_or(Ok(()), |folder| std::fs::read_dir(folder).map(|_| ()));
    let problem = match found {
        Err(error) => error.to_string(),
        Ok(()) if target.is_dir() => "is a folder".to_owned(),
        Ok(()) => return Ok(()),
    };
    let what = format!("{}: {problem}", target.display());
    Err(complaint(what, "choose a file that can be written"))
}

/// Refuses to write to a file `target` whose name asks for another format than `extensions`, the first
/// of which is proposed.
fn check_extension(target: &Path, extensions: &[&str], what: &str) -> miette::Result<()> {
    let stated = target.extension().map(|it| it.to_string_lossy().to_ascii_lowercase());
    let is_known = match &stated {
        Some(stated) => extensions.contains(&stated.as_str()),
        // A device, or a name of the user's own.
        None => target.as_os_str() != "-",
    };
    if is_known {
        return check_place(target);
    }
    let all = extensions.iter().map(|it| format!(".{it}")).collect::<Vec<_>>().join(" or ");
    let help = match &stated {
        Some(_) => {
            format!("choose a name such as {}", target.with_extension(extensions[0]).display())
        }
        None => {
            "name a file; standard output is for people, or for programs with --json".to_owned()
        }
    };
    Err(complaint(format!("{}: {what} as {all}", target.display()), help))
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

/// Prints to standard output. A closed pipe is no failure: its reader has read enough, and results do
/// not depend on it. The first other failure is kept for the end, so that no command stops half-way.
fn print(text: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    keep_failure(writeln!(out, "{}", text.trim_end_matches('\n')).and_then(|()| out.flush()));
}

/// Prints `value` as JSON.
fn print_json(value: &impl serde::Serialize) -> miette::Result<()> {
    print(&serde_json::to_string_pretty(value).into_diagnostic()?);
    Ok(())
}

/// The first failure of standard output.
static FAILURE: Mutex<Option<std::io::Error>> = Mutex::new(None);

fn keep_failure(printed: std::io::Result<()>) {
    if let Err(error) = printed
        && error.kind() != ErrorKind::BrokenPipe
    {
        FAILURE.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }
}

/// The error of a standard output that did not take everything.
fn unprinted() -> Option<Report> {
    let error = FAILURE.lock().unwrap_or_else(PoisonError::into_inner).take()?;
    Some(complaint(
        format!("standard output: {error}"),
        "the command itself is done; free space, or choose another target",
    ))
}
