//! `node`: run a ledger node, or manage one.

use std::path::Path;
use std::sync::mpsc;

use anyhow::{Context as _, Result};
use countersign_ledger::{Day, UnixMillis};
use countersign_node::{Config, Finding, Node, Request, Surroundings, operate, restore, verify};
use countersign_wallet::Register;
use serde_json::json;
use tracing_subscriber::EnvFilter;

use crate::args::{Node as Args, NodeCommand};
use crate::codes;
use crate::output::{say, show};
use crate::progress;

/// The documented configuration.
const EXAMPLE: &str = include_str!("../../../node/countersign-node.example.toml");
/// The default log filter of a server.
const LOG_LEVEL: &str = "info";

/// Runs one of the node's commands.
pub fn run(args: &Args, json: bool) -> Result<u8> {
    if let NodeCommand::Example = args.command {
        show!("{EXAMPLE}");
        return Ok(0);
    }
    let config = Config::load(&args.config).with_context(|| {
        format!(
            "{} cannot be used; `countersign node example` prints one to start from",
            args.config.display()
        )
    })?;
    let request = match &args.command {
        NodeCommand::Run { today } => {
            serve(config, today.as_deref())?;
            return Ok(0);
        }
        NodeCommand::Verify => return report(&config, json),
        NodeCommand::Example => return Ok(0),
        NodeCommand::Genesis => {
            show!("{}", Node::anchors(&config, &Surroundings::default().families)?.to_json());
            return Ok(0);
        }
        NodeCommand::Register { address, output } => return register(&config, address, output, json),
        NodeCommand::Certify { root } => return certify(&config, root),
        NodeCommand::Restore { from } => {
            say!("{}", restore(&config, from)?);
            return Ok(0);
        }
        NodeCommand::Code { role, name, hours } => {
            Request::Code { role: role.clone(), name: name.clone(), hours: *hours }
        }
        NodeCommand::Revoke { certificate, from } => {
            Request::Revoke { certificate: certificate.clone(), from: from.iter().cloned().collect() }
        }
        NodeCommand::Introduce { certificate, after } => {
            Request::Introduce { certificate: certificate.clone(), prev: after.clone() }
        }
        NodeCommand::Withdraw { certificate, from, after } => Request::Withdraw {
            certificate: certificate.clone(),
            from: from.iter().cloned().collect(),
            prev: after.clone(),
        },
        NodeCommand::Found { notaries } => Request::Found { notaries: notaries.clone() },
        // The node that makes it may run in another directory.
        NodeCommand::Backup { to } => Request::Backup { to: std::path::absolute(to)? },
    };
    say!("{}", operate(&config, &request)?);
    Ok(0)
}

/// Draws the codes of a register, and prints its words.
fn register(config: &Config, address: &str, output: &Path, json: bool) -> Result<u8> {
    let genesis = Node::anchors(config, &Surroundings::default().families)?;
    let register = Register::new(address, genesis)?;
    std::fs::create_dir_all(output).with_context(|| output.display().to_string())?;
    let pictures = codes::draw(output, "register", &register.message())?;
    if json {
        say!("{}", json!({ "words": register.words(), "pictures": pictures }));
    } else {
        say!(
            "{} pictures: {} and on",
            pictures.len(),
            pictures.first().map_or_else(String::new, |path| path.display().to_string())
        );
        say!("publish these words, which people compare before they pin:\n  {}", register.words().join(" "));
    }
    Ok(0)
}

/// Certifies who waits; the exit code is 1 if somebody was not.
fn certify(config: &Config, root: &Path) -> Result<u8> {
    #[cfg(unix)]
    {
        use countersign_node::Certified;
        let certified = countersign_node::certify(config, root)?;
        for Certified { member, published } in &certified {
            match published {
                Ok(()) => say!("certified: {}", member.as_str()),
                Err(reason) => say!("not certified: {}: {reason}", member.as_str()),
            }
        }
        if certified.is_empty() {
            say!("nobody waits for a certificate");
        }
        Ok(u8::from(certified.iter().any(|one| one.published.is_err())))
    }
    #[cfg(not(unix))]
    {
        let _ = (config, root);
        anyhow::bail!("a node is reached by its socket, which this system does not have")
    }
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
            say!(
                "{}",
                json!({ "part": part.to_string(), "name": name, "whole": result.is_ok(), "says": says })
            );
        } else {
            say!("  {} {part:<11} {name:<12} {says}", if result.is_ok() { "✓" } else { "✗" });
        }
    }
    if !json {
        say!("{}", if report.is_whole() { "Whole." } else { "Not whole." });
    }
    Ok(u8::from(!report.is_whole()))
}

/// Serves until the process is asked to stop.
fn serve(config: Config, today: Option<&str>) -> Result<()> {
    log_to_stderr();
    let genesis = config.data.join("genesis.json");
    let surroundings = Surroundings { today: midnight(today)?, ..Surroundings::default() };
    let node = Node::open_with(config, surroundings)?;
    let running = node.start()?;
    say!("listening on https://{}; clients pin {}", running.addr(), genesis.display());
    until_asked_to_stop()?;
    running.stop();
    Ok(())
}

/// Writes what a server logs to standard error, as JSON.
pub(super) fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(LOG_LEVEL));
    tracing_subscriber::fmt().with_env_filter(filter).json().with_writer(std::io::stderr).init();
}

/// The beginning of a day, UTC.
pub(super) fn midnight(day: Option<&str>) -> Result<Option<UnixMillis>> {
    day.map(|day| Ok(day.parse::<Day>()?.begins())).transpose()
}

/// Waits until the process is asked to stop.
pub(super) fn until_asked_to_stop() -> Result<()> {
    let (stop, stopped) = mpsc::channel();
    ctrlc::set_handler(move || {
        // The receiver is gone once the node is stopping.
        let _ = stop.send(());
    })?;
    stopped.recv()?;
    Ok(())
}
