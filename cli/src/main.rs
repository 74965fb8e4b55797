//! The `countersign` command: every role on the command line.

#![allow(clippy::print_stdout, reason = "a command prints to standard output")]

// First: it defines this program's `println!`.
#[macro_use]
mod terminal;

mod args;
mod camera;
mod code;
mod commands;
mod demo;
mod draft;
mod fields;
mod home;
mod pack;
mod print;
mod progress;

use std::process::{self, ExitCode};
use std::{io, panic};

use clap::Parser as _;

use crate::args::{Cli, Command};
use crate::home::Home;

/// The exit code of a process whose reader is gone: 128 and SIGPIPE.
const NOBODY_READS: u8 = 141;

fn main() -> ExitCode {
    end_with_the_reader();
    let cli = Cli::try_parse().unwrap_or_else(|refused| misused(&refused));
    match run(&cli) {
        Ok(code) => ExitCode::from(code),
        Err(error) if error.downcast_ref().map(io::Error::kind) == Some(io::ErrorKind::BrokenPipe) => {
            ExitCode::from(NOBODY_READS)
        }
        Err(error) => {
            eprintln!("countersign: {}", terminal::told(&error));
            ExitCode::from(print::failure(&error))
        }
    }
}

/// Ends with what is wrong with the command line, in which the text of a code may stand.
fn misused(refused: &clap::Error) -> ! {
    if refused.use_stderr() {
        eprintln!("{}", refused.render());
        process::exit(refused.exit_code());
    }
    refused.exit()
}

/// Ends quietly when the reader of standard output is gone, as in `countersign trace … | head`; `println!` can only
/// panic. The default action of the signal would also end the command when a node closes its connection.
fn end_with_the_reader() {
    let otherwise = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        let said = panic.payload_as_str().unwrap_or_default();
        if said.starts_with("failed printing to stdout") && said.contains("Broken pipe") {
            process::exit(NOBODY_READS.into());
        }
        otherwise(panic);
    }));
}

fn run(cli: &Cli) -> anyhow::Result<u8> {
    let home = || Home::new(cli.home.as_deref());
    let json = cli.json;
    match &cli.command {
        Command::Demo(args) => demo::run(args)?,
        Command::Check(args) => return commands::check::run(&home()?, args, json),
        Command::Scan(args) => return commands::scan::run(args, json),
        Command::Gs1 => return commands::gs1::run(json),
        Command::Label(args) => commands::label::run(args)?,
        Command::Trace(args) => commands::check::trace(&home()?, args, json)?,
        Command::Init(args) => commands::wallet::init(&home()?, args)?,
        Command::Follow(args) => commands::wallet::follow(&home()?, args, json)?,
        Command::Sync => commands::wallet::sync(&home()?, json)?,
        Command::Enrol(args) => commands::act::enrol(&home()?, args, json)?,
        Command::Sign(args) => commands::act::sign(&home()?, args, json)?,
        Command::Node(args) => return commands::node::run(args, json),
        Command::Completion(args) => commands::completion(args),
        Command::Import(args) => commands::epcis::import(args, json)?,
        Command::Export(args) => commands::evidence::export(&home()?, args)?,
        Command::Verify(args) => return commands::evidence::verify(&home()?, args, json),
    }
    Ok(0)
}
