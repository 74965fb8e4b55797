//! `node`: run a ledger node, or manage one.

use std::sync::mpsc;

use anyhow::{Context as _, Result};
use countersign_node::{Config, Node, Request, operate, restore};
use tracing_subscriber::EnvFilter;

use crate::args::{Node as Args, NodeCommand};

/// The documented configuration.
const EXAMPLE: &str = include_str!("../../../node/countersign-node.example.toml");
/// The default log filter of a node.
const LOG_LEVEL: &str = "info";

/// Runs one of the node's commands.
pub fn run(args: &Args) -> Result<()> {
    if let NodeCommand::Example = args.command {
        print!("{EXAMPLE}");
        return Ok(());
    }
    let config = Config::load(&args.config).with_context(|| {
        format!(
            "{} cannot be used; `countersign node example` prints one to start from",
            args.config.display()
        )
    })?;
    let request = match &args.command {
        NodeCommand::Run => return serve(config),
        NodeCommand::Example => return Ok(()),
        NodeCommand::Genesis => {
            print!("{}", pinned(&config)?);
            return Ok(());
        }
        NodeCommand::Restore { from } => {
            println!("{}", restore(&config, from)?);
            return Ok(());
        }
        NodeCommand::Code { role, name, hours } => {
            Request::Code { role: role.clone(), name: name.clone(), hours: *hours }
        }
        NodeCommand::Revoke { certificate, from } => {
            Request::Revoke { certificate: certificate.clone(), from: from.iter().cloned().collect() }
        }
        // The node that makes it may run in another directory.
        NodeCommand::Backup { to } => Request::Backup { to: std::path::absolute(to)? },
    };
    println!("{}", operate(&config, &request)?);
    Ok(())
}

/// What clients pin. It is there from the node's first start on.
fn pinned(config: &Config) -> Result<String> {
    let path = config.data.join("genesis.json");
    match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Ok(Node::open(config.clone())?.genesis().to_json())
        }
        read => read.with_context(|| path.display().to_string()),
    }
}

/// Serves until the process is asked to stop.
fn serve(config: Config) -> Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(LOG_LEVEL));
    tracing_subscriber::fmt().with_env_filter(filter).json().with_writer(std::io::stderr).init();
    let genesis = config.data.join("genesis.json");
    let node = Node::open(config)?;
    let running = node.start()?;
    println!("listening on https://{}; clients pin {}", running.addr(), genesis.display());
    let (stop, stopped) = mpsc::channel();
    ctrlc::set_handler(move || {
        // The receiver is gone once the node is stopping.
        let _ = stop.send(());
    })?;
    stopped.recv()?;
    running.stop();
    Ok(())
}
