//! `node`: run a ledger node, or manage one.

use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use countersign_ledger::UnixMillis;
use countersign_node::{Config, Finding, Node, Registrar, Surroundings, system_clock, verify};
use serde_json::json;
use tracing_subscriber::EnvFilter;

use super::act::end_of_day;
use crate::args::{Node as Args, NodeCommand};
use crate::progress;

/// The documented configuration.
const EXAMPLE: &str = include_str!("../../../node/countersign-node.example.toml");
/// The default log filter of a node.
const LOG_LEVEL: &str = "info";
const DAY_MILLIS: u64 = 24 * 3600 * 1000;

/// Runs one of the node's commands.
pub fn run(args: &Args, json: bool) -> Result<u8> {
    if let NodeCommand::Example = args.command {
        print!("{EXAMPLE}");
        return Ok(0);
    }
    let config = Config::load(&args.config).with_context(|| {
        format!(
            "{} cannot be used; `countersign node example` prints one to start from",
            args.config.display()
        )
    })?;
    match &args.command {
        NodeCommand::Run { today } => serve(config, today.as_deref())?,
        NodeCommand::Verify => return report(&config, json),
        NodeCommand::Code { role, name, hours } => {
            let registrar = Registrar::open(&config, system_clock())?;
            println!("{}", registrar.new_code(role, name, Duration::from_secs(hours * 3600))?);
        }
        NodeCommand::Genesis => print!("{}", Node::open(config)?.genesis().to_json()),
        NodeCommand::Revoke { certificate } => {
            let fingerprint = certificate
                .parse()
                .context("a certificate is named by its SHA-256, 64 hexadecimal digits")?;
            Node::open(config)?.revoke(fingerprint)?;
            println!("revoked: from now on the certificate is not valid");
        }
        NodeCommand::Example => {}
    }
    Ok(0)
}

/// Verifies the node's data and prints what was found; the exit code is 1 if something is missing or damaged.
fn report(config: &Config, json: bool) -> Result<u8> {
    let bar = progress::Bar::new("verifying");
    let report = verify(config, Surroundings::default().families, |part, done, all| {
        bar.show(done, all, &part.to_string());
    })?;
    bar.finish();
    for Finding { part, name, result } in &report.findings {
        let (Ok(says) | Err(says)) = result;
        if json {
            println!(
                "{}",
                json!({ "part": part.to_string(), "name": name, "whole": result.is_ok(), "says": says })
            );
        } else {
            println!("  {} {part:<11} {name:<12} {says}", if result.is_ok() { "✓" } else { "✗" });
        }
    }
    if !json {
        println!("{}", if report.is_whole() { "Whole." } else { "Not whole." });
    }
    Ok(u8::from(!report.is_whole()))
}

/// Serves until the process is asked to stop.
fn serve(config: Config, today: Option<&str>) -> Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(LOG_LEVEL));
    tracing_subscriber::fmt().with_env_filter(filter).json().with_writer(std::io::stderr).init();
    let genesis = config.data.join("genesis.json");
    let today = today.map(|day| end_of_day(day).map(|end| UnixMillis(end.0 / DAY_MILLIS * DAY_MILLIS)));
    let surroundings = Surroundings { today: today.transpose()?, ..Surroundings::default() };
    let node = Node::open_with(config, surroundings)?;
    std::fs::write(&genesis, node.genesis().to_json())?;
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
