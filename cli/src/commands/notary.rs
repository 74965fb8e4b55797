//! `notary`: run a witness in a process of its own.

use anyhow::{Context as _, Result};
use countersign_node::{Notary, NotaryConfig};

use super::node::{log_to_stderr, midnight, until_asked_to_stop};
use crate::args::{Notary as Args, NotaryCommand};
use crate::output::{say, show};

/// The documented configuration.
const EXAMPLE: &str = include_str!("../../../node/countersign-notary.example.toml");

/// Runs one of the witness's commands.
pub fn run(args: &Args) -> Result<()> {
    let config = || {
        NotaryConfig::load(&args.config).with_context(|| {
            let path = args.config.display();
            format!("{path} cannot be used; `countersign notary example` prints one to start from")
        })
    };
    match &args.command {
        NotaryCommand::Example => show!("{EXAMPLE}"),
        NotaryCommand::Key => say!("{}", Notary::key(&config()?)?),
        NotaryCommand::Run { today } => {
            let (config, today) = (config()?, midnight(today.as_deref())?);
            log_to_stderr();
            let notary = Notary::open(config, today)?;
            let key = notary.verifier_key().clone();
            let running = notary.start()?;
            say!("listening on https://{}; the key of its cosignatures is {key}", running.addr());
            until_asked_to_stop()?;
            running.stop();
        }
    }
    Ok(())
}
