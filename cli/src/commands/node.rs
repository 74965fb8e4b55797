//! `node`: run a ledger node, or manage one.

use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use countersign_node::{Config, Node, Registrar, system_clock};
use tracing_subscriber::EnvFilter;

use crate::args::{Node as Args, NodeCommand};
use crate::output::{say, show};

/// The documented configuration.
const EXAMPLE: &str = include_str!("../../../node/countersign-node.example.toml");
/// The default log filter of a node.
const LOG_LEVEL: &str = "info";

/// Runs one of the node's commands.
pub fn run(args: &Args) -> Result<()> {
    if let NodeCommand::Example = args.command {
        show!("{EXAMPLE}");
        return Ok(());
    }
    let config = Config::load(&args.config).with_context(|| {
        format!(
            "{} cannot be used; `countersign node example` prints one to start from",
            args.config.display()
        )
    })?;
    match &args.command {
        NodeCommand::Run => serve(config),
        NodeCommand::Code { role, name, hours } => {
            let registrar = Registrar::open(&config, system_clock())?;
            say!("{}", registrar.new_code(role, name, Duration::from_secs(hours * 3600))?);
            Ok(())
        }
        NodeCommand::Genesis => {
            show!("{}", Node::open(config)?.genesis().to_json());
            Ok(())
        }
        NodeCommand::Revoke { certificate } => {
            let fingerprint = certificate
                .parse()
                .context("a certificate is named by its SHA-256, 64 hexadecimal digits")?;
            Node::open(config)?.revoke(fingerprint)?;
            say!("revoked: from now on the certificate is not valid");
            Ok(())
        }
        NodeCommand::Example => Ok(()),
    }
}

/// Serves until the process is asked to stop.
fn serve(config: Config) -> Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(LOG_LEVEL));
    tracing_subscriber::fmt().with_env_filter(filter).json().with_writer(std::io::stderr).init();
    let genesis = config.data.join("genesis.json");
    let node = Node::open(config)?;
    std::fs::write(&genesis, node.genesis().to_json())?;
    let running = node.start()?;
    say!("listening on https://{}; clients pin {}", running.addr(), genesis.display());
    let (stop, stopped) = mpsc::channel();
    ctrlc::set_handler(move || {
        // The receiver is gone once the node is stopping.
        let _ = stop.send(());
    })?;
    stopped.recv()?;
    running.stop();
    Ok(())
}
