//! `gateway`: run a bedside gateway, a process of its own, or tell the one that runs what to do.

use std::fs;

use anyhow::{Context as _, Result, bail};
use countersign_bedside::{Bed, document};
use countersign_ledger::Identity;
use countersign_node::{
    BedsideGateway, GatewayConfig, GatewayRequest, bedside_readings, operate_gateway, restored_gateway,
};
use countersign_wallet::Cost;
use serde_json::Value;

use super::node::{log_to_stderr, until_asked_to_stop};
use crate::args::{Gateway as Args, GatewayCommand, Observations};
use crate::home::{chosen_passphrase, now, passphrase};
use crate::output::{say, show};

/// The documented configuration.
const EXAMPLE: &str = include_str!("../../../node/countersign-gateway.example.toml");
const PROMPT: &str = "Passphrase of the gateway's vault: ";

/// Runs one of the gateway's commands.
pub fn run(args: &Args, as_json: bool) -> Result<()> {
    let config = || {
        GatewayConfig::load(&args.config).with_context(|| {
            let path = args.config.display();
            format!("{path} cannot be used; `countersign gateway example` prints one to start from")
        })
    };
    let ask = |request: GatewayRequest| Ok::<_, anyhow::Error>(operate_gateway(&config()?, &request)?);
    match &args.command {
        GatewayCommand::Example => show!("{EXAMPLE}"),
        GatewayCommand::Init { code } => {
            let config = config()?;
            let begun = config.data.join("keys/vault").exists();
            let passphrase = if begun { passphrase(PROMPT)? } else { chosen_passphrase()? };
            let certificate = BedsideGateway::init(&config, passphrase.as_bytes(), Cost::RECOMMENDED, code)?;
            let (member, fingerprint) = (certificate.identity(), certificate.fingerprint());
            say!("enrolled as {member}, certificate {fingerprint}, until {}", certificate.not_after());
        }
        GatewayCommand::Run => {
            let config = config()?;
            log_to_stderr();
            let running = BedsideGateway::open(config, passphrase(PROMPT)?.as_bytes())?.start()?;
            say!("listening on udp://{} as {}", running.addr(), running.certificate().identity());
            until_asked_to_stop()?;
            running.stop();
        }
        GatewayCommand::Device { class, ops, again } => {
            let (class, ops, again) = (class.clone(), ops.clone(), again.clone());
            let reply: Value = serde_json::from_str(&ask(GatewayRequest::Device { class, ops, again })?)?;
            told(&reply, as_json, &["sid", "label", "epoch", "record"]);
        }
        GatewayCommand::Retire { sid } => say!("{}", ask(GatewayRequest::Retire { sid: sid.clone() })?),
        GatewayCommand::Associate { sid, association } => {
            let (sid, association) = (sid.clone(), *association);
            say!("{}", ask(GatewayRequest::Associate { sid, association })?);
        }
        GatewayCommand::Credential { member, hours } => {
            let member = member.as_str().to_owned();
            let request = GatewayRequest::Credential { member, hours: *hours };
            told(&serde_json::from_str(&ask(request)?)?, as_json, &["credential", "until", "badge"]);
        }
        GatewayCommand::Revoke { credential } => {
            say!("{}", ask(GatewayRequest::Revoke { cred: credential.clone() })?);
        }
        GatewayCommand::Status => {
            let status: Value = serde_json::from_str(&ask(GatewayRequest::Status)?)?;
            if as_json {
                say!("{status}");
            } else {
                let fields = status.as_object().context("a status has fields")?;
                fields.iter().for_each(|(name, value)| say!("{:<20} {value}", name.replace('_', " ")));
            }
        }
        GatewayCommand::Observations(wanted) => observations(&config()?, wanted)?,
        GatewayCommand::Restored { newest } => {
            let devices = restored_gateway(&config()?, *newest)?;
            say!("{devices} devices may be ahead of this database, once each");
        }
    }
    Ok(())
}

/// Shows what a person copies, a line each.
fn told(reply: &Value, as_json: bool, names: &[&str]) {
    if as_json {
        say!("{reply}");
        return;
    }
    for name in names {
        match &reply[name] {
            Value::String(text) => say!("{name:<11} {text}"),
            other => say!("{name:<11} {other}"),
        }
    }
}

/// Writes the readings of a bed as a FHIR document, to be signed for the patient's record as any other.
fn observations(config: &GatewayConfig, wanted: &Observations) -> Result<()> {
    let readings = bedside_readings(config, wanted.association)?;
    let gateway = wanted.gateway.clone().map_or_else(|| own(config), Ok)?;
    let bed = Bed {
        patient: (&wanted.patient, &wanted.system),
        name: (&wanted.family, &wanted.given),
        association: wanted.association,
        gateway: &gateway,
    };
    let Some(document) = document(&bed, &readings, now()) else {
        bail!("no readings came while a device was with patient {}", wanted.association);
    };
    fs::write(&wanted.output, document).with_context(|| wanted.output.display().to_string())?;
    say!("{} readings in {}", readings.len(), wanted.output.display());
    Ok(())
}

/// The gateway that runs.
fn own(config: &GatewayConfig) -> Result<Identity> {
    let status: Value = serde_json::from_str(&operate_gateway(config, &GatewayRequest::Status)?)?;
    Ok(Identity::parse(status["gateway"].as_str().unwrap_or_default())?)
}
