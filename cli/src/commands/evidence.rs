//! `export` and `verify`: evidence that anyone can verify offline.

use std::path::Path;

use anyhow::{Context as _, Result};
use countersign_custody::Profile;
use countersign_ledger::{Genesis, Hash};
use countersign_wallet::verify_evidence;

use super::{check, epcis};
use crate::args::{Export, ExportWhat, Verify};
use crate::file;
use crate::home::{GENESIS, Home, MAX_GENESIS, now};
use crate::output::say;
use crate::print;

/// Largest bundle that is read.
const MAX_BUNDLE: usize = 256 * 1024 * 1024;

/// Writes a bundle or a receipt to a file.
pub fn export(home: &Home, args: &Export) -> Result<()> {
    match &args.what {
        ExportWhat::Epcis { pack, output } => epcis::export(home, pack, output),
        ExportWhat::Evidence { pack, output } => {
            let mut snapshot = home.snapshot()?;
            let bundle = snapshot.export(&check::whole(pack)?)?;
            write(output, &bundle)
        }
        ExportWhat::Receipt { id, output } => {
            let id: Hash = id.parse().context("a statement is named by its id, 64 hexadecimal digits")?;
            write(output, &receipt(home, id)?)
        }
    }
}

/// The receipt that this wallet kept when it recorded the statement, or else the node's.
fn receipt(home: &Home, id: Hash) -> Result<Vec<u8>> {
    if let Some((_, receipt)) = home.snapshot()?.receipt(id)? {
        return Ok(receipt);
    }
    let client = home.client()?;
    let found = home.genesis()?.logs.iter().find_map(|log| client.receipt(log.name, id).ok().flatten());
    found.with_context(|| format!("no log of this ledger holds {id}"))
}

fn write(output: &Path, bytes: &[u8]) -> Result<()> {
    file::write(output, bytes)?;
    say!("{}: {} bytes", output.display(), bytes.len());
    Ok(())
}

/// What `verify` reads.
const BUNDLE: &str = "an evidence bundle, as `countersign export evidence` writes it";

/// Verifies a bundle from the genesis alone; the exit code is that of its verdict.
pub fn verify(home: &Home, args: &Verify, as_json: bool) -> Result<u8> {
    let genesis = match &args.genesis {
        Some(path) => Genesis::parse(&file::read(path, GENESIS, MAX_GENESIS)?)?,
        None => home.genesis()?,
    };
    let report = verify_evidence(&file::read(&args.bundle, BUNDLE, MAX_BUNDLE)?, &genesis, now())?;
    let verdict = &report.verdict;
    let profiles = Profile::all();
    // A verdict that mentions no step can be printed by any profile.
    let profile = verdict.profile(profiles).unwrap_or(&profiles[0]);
    if as_json {
        say!("{}", print::verdict_json(verdict, profile));
    } else {
        say!("{}\n{}", print::narrowest(&report.item), print::verdict(verdict, profile));
        say!(
            "    Every signature, inclusion and completeness proof in the bundle was verified from the genesis file alone."
        );
    }
    Ok(print::exit_code(verdict.kind))
}
