//! The `countersign` command: every role on the command line.

mod args;
mod camera;
mod codes;
mod commands;
mod demo;
mod digits;
mod draft;
mod fields;
mod file;
mod home;
mod output;
mod pack;
mod print;
mod progress;
mod ward;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Cli, Command};
use crate::home::Home;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return output::usage(&error),
    };
    let code = run(&cli).unwrap_or_else(|error| output::failed(&error));
    output::flush();
    ExitCode::from(code)
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
        Command::Notary(args) => commands::notary::run(args)?,
        Command::Authority(args) => commands::authority::run(args, json)?,
        Command::Gateway(args) => commands::gateway::run(args, json)?,
        Command::Ward(args) => return ward::run(args, json),
        Command::Record(args) => return commands::record::run(home, args, json),
        Command::Domain(args) => commands::domain::run(&home()?, &args.command, json)?,
        Command::Report(args) => commands::reports::report(&home()?, args, json)?,
        Command::Reports(args) => commands::reports::reports(&home()?, &args.command, json)?,
        Command::Completion(args) => commands::completion(args),
        Command::Import(args) => commands::epcis::import(&home()?, args, json)?,
        Command::Export(args) => commands::evidence::export(&home()?, args)?,
        Command::Verify(args) => return commands::evidence::verify(&home()?, args, json),
    }
    Ok(0)
}
