//! `authority`: run an attribute authority, a process of its own, or manage its register.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, Result};
use countersign_abe::Attribute;
use countersign_node::{AttributeAuthority, AuthorityConfig, Register};
use countersign_wallet::{AttributeAuthority as Online, AuthorityAddress, Cost, Https};
use serde_json::json;

use super::node::{log_to_stderr, until_asked_to_stop};
use crate::args::{Authority as Args, AuthorityCommand};
use crate::home::{chosen_passphrase, passphrase};
use crate::output::{say, show};

/// The documented configuration.
const EXAMPLE: &str = include_str!("../../../node/countersign-authority.example.toml");
const PROMPT: &str = "Passphrase of the authority's vault: ";

/// Runs one of the authority's commands.
pub fn run(args: &Args, as_json: bool) -> Result<()> {
    let config = || {
        AuthorityConfig::load(&args.config).with_context(|| {
            let path = args.config.display();
            format!("{path} cannot be used; `countersign authority example` prints one to start from")
        })
    };
    match &args.command {
        AuthorityCommand::Example => show!("{EXAMPLE}"),
        AuthorityCommand::Init { code } => {
            let config = config()?;
            let begun = config.data.join("keys/vault").exists();
            let passphrase = if begun { passphrase(PROMPT)? } else { chosen_passphrase()? };
            let certificate =
                AttributeAuthority::init(&config, passphrase.as_bytes(), Cost::RECOMMENDED, code)?;
            let (member, fingerprint) = (certificate.identity(), certificate.fingerprint());
            say!("enrolled as {member}, certificate {fingerprint}, until {}", certificate.not_after());
        }
        AuthorityCommand::Run => {
            let config = config()?;
            log_to_stderr();
            let authority = AttributeAuthority::open(config, passphrase(PROMPT)?.as_bytes())?;
            let running = authority.start()?;
            say!("listening on https://{} as {}", running.addr(), running.certificate().identity());
            until_asked_to_stop()?;
            running.stop();
        }
        AuthorityCommand::Codes { address, output } => codes(&config()?, address, output, as_json)?,
        AuthorityCommand::Register { member, attributes } => {
            let attributes =
                attributes.iter().map(|text| text.parse::<Attribute>().with_context(|| format!("`{text}`")));
            let attributes = attributes.collect::<Result<BTreeSet<_>>>()?;
            Register::open(&config()?)?.set(member, &attributes)?;
            told(member.as_str(), &attributes, as_json);
        }
        AuthorityCommand::Unregister { member } => {
            let was = Register::open(&config()?)?.remove(member)?;
            anyhow::ensure!(was, "{member} is not registered");
            if as_json {
                say!("{}", json!({ "member": member.as_str(), "attributes": null }));
            } else {
                say!(
                    "{member} is registered no longer; keys that were issued open what they fit until the epochs have gone by"
                );
            }
        }
        AuthorityCommand::Members => {
            for (member, attributes) in Register::open(&config()?)?.members()? {
                told(&member, &attributes, as_json);
            }
        }
    }
    Ok(())
}

/// Draws the codes of the authority that runs at an address.
fn codes(config: &AuthorityConfig, address: &str, output: &Path, as_json: bool) -> Result<()> {
    // Where its certificate is one that everybody trusts, there is none.
    let roots: Vec<Vec<u8>> = std::fs::read(config.data.join("keys/tls-root.crt")).into_iter().collect();
    let authority = Online::new(Https::service(address, &roots)?);
    let identity = authority.identity().context("the authority does not answer there: is it running?")?;
    let there = AuthorityAddress { identity, address: address.to_owned(), roots };
    std::fs::create_dir_all(output).with_context(|| output.display().to_string())?;
    let pictures = crate::codes::draw(output, "authority", &there.message())?;
    if as_json {
        say!("{}", json!({ "authority": there.identity.as_str(), "pictures": pictures }));
    } else {
        let first = pictures.first().map_or_else(String::new, |path| path.display().to_string());
        say!("{} pictures: {first} and on", pictures.len());
    }
    Ok(())
}

fn told(member: &str, attributes: &BTreeSet<Attribute>, as_json: bool) {
    let attributes: Vec<_> = attributes.iter().map(Attribute::as_str).collect();
    if as_json {
        say!("{}", json!({ "member": member, "attributes": attributes }));
    } else if attributes.is_empty() {
        say!("{member}: no attributes");
    } else {
        say!("{member}: {}", attributes.join(", "));
    }
}
