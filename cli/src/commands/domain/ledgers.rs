//! The ledgers that a wallet has, and how its member gets onto the shared one.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_ledger::{ENROL, Genesis, LogName, REVOKE, Statement, Subject};
use countersign_wallet::{DataLedger, DataLedgers, Domains, Issuer, Register};
use serde_json::json;

use super::Desk;
use crate::args::DomainLedger;
use crate::commands::act::KEY;
use crate::file;
use crate::home::{GENESIS, Home, MAX_GENESIS};
use crate::output::say;

/// Largest statement in base64.
const MAX_STATEMENT: usize = 64 << 10;
/// What such a file is.
const SIGNED: &str = "what `countersign node introduce` or `countersign node withdraw` printed";

/// Adds the ledger of a domain, takes one away, or lists them.
pub fn ledger(home: &Home, args: &DomainLedger, as_json: bool) -> Result<()> {
    // A wallet there must be.
    home.genesis()?;
    let mut ledgers = home.domain_ledgers()?;
    if let (Some(genesis), Some(node)) = (&args.genesis, &args.node) {
        let genesis = Genesis::parse(&file::read(genesis, GENESIS, MAX_GENESIS)?)?;
        ledgers.add(&Register::new(node, genesis)?)?;
    }
    if let Some(domain) = &args.stop {
        ledgers.remove(domain)?;
    }
    for ledger in ledgers.iter() {
        let (domain, node) = (ledger.domain(), &ledger.register().node);
        if as_json {
            say!("{}", json!({ "domain": domain, "node": node }));
        } else {
            say!("{domain:<24} {node}");
        }
    }
    Ok(())
}

/// Has this wallet's key certified by the registrar of its own domain. The shared ledger takes it when that registrar
/// has introduced it.
pub fn enrol(home: &Home, code: &str, domain: Option<&str>, as_json: bool) -> Result<()> {
    let mut desk = Desk::synced(home)?;
    let keys = desk.keys()?;
    let ledger = own(&mut desk.ledgers, domain)?;
    let certificate = ledger.enrol(&keys, KEY, code)?;
    Domains::adopt(&mut desk.snapshot, &keys, KEY, &certificate)?;
    let (identity, fingerprint) = (certificate.identity(), certificate.fingerprint());
    let mut issuer = Issuer::new(&mut desk.snapshot, &desk.client, keys);
    let latest = issuer.latest(LogName::SUPPLY, &Subject::new(identity.as_str())?)?;
    let latest = latest.map(|entry| entry.latest);
    let after = latest.map_or_else(String::new, |id| format!(" --after {id}"));
    if as_json {
        say!(
            "{}",
            json!({
                "identity": identity.as_str(),
                "certificate": fingerprint.to_string(),
                "until": certificate.not_after().to_string(),
                "after": latest.map(|id| id.to_string()),
            })
        );
    } else {
        say!("enrolled as {identity}, certificate {fingerprint}, until {}", certificate.not_after());
        say!("have your domain's registrar print the introduction, and submit it:");
        say!("  countersign node introduce {fingerprint}{after} > introduction.txt");
        say!("  countersign domain submit introduction.txt");
    }
    Ok(())
}

/// Submits to the shared ledger what a domain's registrar has signed.
pub fn submit(home: &Home, path: &Path, as_json: bool) -> Result<()> {
    let text = file::text(path, SIGNED, MAX_STATEMENT)?;
    let wrong = || format!("{} is not {SIGNED}", path.display());
    let bytes = STANDARD.decode(text.trim()).with_context(wrong)?;
    let statement = Statement::parse(&bytes).with_context(wrong)?;
    let log = match statement.kind().as_str() {
        ENROL => LogName::SUPPLY,
        REVOKE => LogName::TRUST,
        _ => bail!(wrong()),
    };
    let (subject, client) = (statement.subject().clone(), home.client()?);
    let acknowledged = client.submit(log, &bytes)?;
    if as_json {
        say!("{}", json!({ "about": subject.as_str(), "log": log.as_str(), "index": acknowledged.index }));
    } else {
        say!("{subject}: recorded at index {} of the log {log}", acknowledged.index);
    }
    Ok(())
}

/// The ledger of the domain that is named, or the only one.
fn own<'a>(ledgers: &'a mut DataLedgers, domain: Option<&str>) -> Result<&'a mut DataLedger> {
    let names: Vec<String> = ledgers.iter().map(|ledger| ledger.domain().to_owned()).collect();
    let name = match (domain, names.as_slice()) {
        (Some(domain), _) => domain,
        (None, [only]) => only,
        (None, []) => bail!(
            "this wallet has no domain's ledger: add it with `countersign domain ledger GENESIS --node URL`"
        ),
        (None, _) => bail!("this wallet has the ledgers of several domains: name yours with --domain"),
    };
    ledgers.get(name).with_context(|| format!("this wallet has no ledger of the domain {name}"))
}
