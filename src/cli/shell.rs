//! `bitkiln completions` and `bitkiln man`: the command line for shells and for man.

use clap::CommandFactory;
use clap_complete::Shell;
use miette::{IntoDiagnostic, Result};

use super::{Cli, Status, complaint, print};

/// Print a script that completes commands and options: `source <(bitkiln completions bash)`
#[derive(clap::Args)]
pub struct Completions {
    /// Shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Print the man page of the program or of a command: `bitkiln man build | man -l -`
#[derive(clap::Args)]
pub struct Man {
    /// Command [default: the program]
    command: Option<String>,
}

pub fn completions(args: &Completions) -> Result<Status> {
    let mut command = Cli::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    print(&String::from_utf8(script).into_diagnostic()?);
    Ok(Status::Success)
}

pub fn man(args: &Man) -> Result<Status> {
    let mut program = Cli::command();
    program.build();
    let command = match &args.command {
        None => program,
        Some(name) => program.find_subcommand(name).cloned().ok_or_else(|| {
            let known: Vec<&str> = program.get_subcommands().map(clap::Command::get_name).collect();
            complaint(format!("no command '{name}'"), format!("commands: {}", known.join(", ")))
        })?,
    };
    // A page is named after the program and the command.
    let name = command.get_bin_name().unwrap_or_default().replace(' ', "-");
    let name = if name.is_empty() { command.get_name().to_owned() } else { name };
    let mut page = Vec::new();
    clap_mangen::Man::new(command).title(name).render(&mut page).into_diagnostic()?;
    print(&String::from_utf8(page).into_diagnostic()?);
    Ok(Status::Success)
}
