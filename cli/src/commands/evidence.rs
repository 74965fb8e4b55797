//! `export` and `verify`: evidence that anyone can verify offline.

use std::path::Path;

use anyhow::{Context as _, Result};
use countersign_custody::{Leg, Profile, Standing, Stop, VerdictKind};
use countersign_ledger::{Genesis, Hash};
use countersign_wallet::{ProvenDelivery, is_delivery, verify_delivery, verify_evidence};

use super::{check, epcis};
use crate::args::{Export, ExportWhat, Verify};
use crate::file;
use crate::home::{GENESIS, Home, MAX_GENESIS, now};
use crate::output::{say, show};
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
const BUNDLE: &str = "an evidence bundle, as `countersign export evidence` writes it, or a proof of delivery, as the app sends it";

/// Verifies a bundle, or a proof of delivery, from the genesis alone; the exit code is that of its verdict.
pub fn verify(home: &Home, args: &Verify, as_json: bool) -> Result<u8> {
    let genesis = match &args.genesis {
        Some(path) => Genesis::parse(&file::read(path, GENESIS, MAX_GENESIS)?)?,
        None => home.genesis()?,
    };
    let bundle = file::read(&args.bundle, BUNDLE, MAX_BUNDLE)?;
    if is_delivery(&bundle) {
        return Ok(delivery(&verify_delivery(&bundle, &genesis)?, as_json));
    }
    let report = verify_evidence(&bundle, &genesis, now())?;
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

/// Prints what a proof of delivery proves; the exit code says whether every statement in it counts.
fn delivery(proven: &ProvenDelivery, as_json: bool) -> u8 {
    let all = proven.route.stops.len();
    let revoked = match &proven.trust {
        Some(as_of) => {
            format!("Revocations are known up to checkpoint {} of the trust log, {}.", as_of.size, as_of.at)
        }
        None => "Whether a signer was revoked is not known: the phone had never synced.".to_owned(),
    };
    let notes = [
        format!("Of its {all} statements the log is proven to hold {}.", proven.recorded.len()),
        revoked,
        "Every signature and receipt was verified from the genesis file alone. What came after, the ledger tells.".to_owned(),
    ];
    if as_json {
        for line in print::route_json(&proven.route, None, &notes) {
            say!("{line}");
        }
    } else {
        show!("{}", print::route(&proven.route, None));
        for note in &notes {
            say!("  {note}");
        }
    }
    let counts = |stop: &Stop| {
        stop.accountable().is_none() && !matches!(stop, Stop::Leg(Leg { standing: Standing::Void, .. }))
    };
    let kind =
        if proven.route.stops.iter().all(counts) { VerdictKind::Authentic } else { VerdictKind::Attention };
    print::exit_code(kind)
}
