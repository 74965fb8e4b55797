//! One module per theme; each command is a function.

pub mod act;
pub mod authority;
pub mod check;
pub mod domain;
pub mod epcis;
pub mod evidence;
pub mod gateway;
pub mod gs1;
mod kinds;
pub mod label;
pub(crate) mod link;
pub mod live;
pub mod node;
pub mod notary;
pub mod record;
pub mod reports;
pub mod scan;
pub mod wallet;

use clap::CommandFactory as _;

use crate::args::{Cli, Completion};
use crate::output::show;

/// Prints a completion script.
pub fn completion(args: &Completion) {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "countersign", &mut script);
    show!("{}", String::from_utf8_lossy(&script));
}
