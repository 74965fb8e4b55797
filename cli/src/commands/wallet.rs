//! `init`, `follow` and `sync`: set up a wallet and keep it up to date.

use std::path::Path;

use anyhow::{Error, Result, bail};
use countersign_custody::words::counted;
use countersign_custody::{Contents, Profile, SubjectType};
use countersign_ledger::{Genesis, LogName, Subject};
use countersign_wallet::{FollowState, Named, Snapshot, StoreError, SyncError};
use serde_json::json;

use crate::args::{Follow, Init};
use crate::home::{GENESIS, Home, MAX_GENESIS, now, year};
use crate::output::{say, warn};
use crate::{file, pack, print, progress};

/// Creates a wallet.
pub fn init(home: &Home, args: &Init) -> Result<()> {
    let genesis = Genesis::parse(&file::read(&args.genesis, GENESIS, MAX_GENESIS)?)?;
    home.init(&genesis, &args.node)?;
    say!(
        "This wallet now trusts the ledger {}, as pinned by its genesis file. Next: follow a product, then sync.",
        genesis.name
    );
    Ok(())
}

/// Follows a product, or lists what is followed.
pub fn follow(home: &Home, args: &Follow, as_json: bool) -> Result<()> {
    let mut snapshot = home.snapshot()?;
    if let Some(product) = &args.product {
        let subject = followed(product, args)?;
        let contents =
            args.contents.as_deref().map(|path| listed(&mut snapshot, &subject, path)).transpose()?;
        match (args.stop, SubjectType::of(&subject)) {
            (true, _) => snapshot.unfollow(&subject)?,
            (false, Some(SubjectType::Pack)) => snapshot.follow_pack(&subject)?,
            (false, Some(SubjectType::Unit)) => snapshot.follow_unit(&subject)?,
            (false, _) => snapshot.follow(&subject)?,
        }
        if let Some(contents) = contents {
            snapshot.keep_contents(&contents)?;
        }
    }
    for following in snapshot.following()? {
        let ready = following.state == FollowState::Ready;
        if as_json {
            say!("{}", json!({ "subject": following.subject.as_str(), "ready": ready }));
        } else {
            say!("{}  {}", if ready { "ready  " } else { "waiting" }, following.subject);
        }
    }
    Ok(())
}

/// The list of what is in a unit, which must be the one that was packed if that is known here.
fn listed(snapshot: &mut Snapshot, unit: &Subject, path: &Path) -> Result<Contents> {
    let contents = pack::contents(&pack::listed(path, year())?)?;
    let history = snapshot.history(LogName::SUPPLY, unit)?.unwrap_or_default();
    let packed = Profile::all().iter().find_map(|profile| profile.closed_list(&history));
    if packed.is_some_and(|packed| packed != contents.digest()) {
        bail!("{} is not the list of what was packed into {unit}: nothing of it is kept", path.display());
    }
    Ok(contents)
}

/// The subject that a person wants to follow.
fn followed(product: &str, args: &Follow) -> Result<Subject> {
    let named = pack::named(product, year())?;
    named.certain()?;
    let item = match named {
        Named::Unit(unit) => return Ok(unit),
        Named::Matter(matter) => bail!("{matter} is no product, pack or logistic unit"),
        Named::Item { item, .. } => item,
    };
    if args.contents.is_some() {
        bail!("--contents needs the code of a logistic unit");
    }
    match (args.pack, item.pack) {
        (true, Some(pack)) => Ok(pack),
        (true, None) => bail!("the code names no single pack: it needs lot and serial number"),
        (false, _) => Ok(item.class),
    }
}

/// Syncs until nothing is left to fetch.
pub fn sync(home: &Home, as_json: bool) -> Result<()> {
    let (mut snapshot, client) = (home.snapshot()?, home.client()?);
    let damaged =
        |error: &Error| matches!(error.downcast_ref(), Some(SyncError::Store(StoreError::Damaged(_))));
    match progress::sync(&mut snapshot, &client) {
        // Opened again it is replaced, and what the ledger proves is fetched anew.
        Err(error) if damaged(&error) => {
            drop(snapshot);
            snapshot = home.snapshot()?;
            progress::sync(&mut snapshot, &client)?;
        }
        synced => drop(synced?),
    }
    for log in snapshot.genesis().logs.iter().map(|log| log.name) {
        let Some(checkpoint) = snapshot.checkpoint(log) else { continue };
        let (size, at) = (checkpoint.checkpoint().size(), checkpoint.cosigned_at());
        if as_json {
            say!("{}", json!({ "log": log.as_str(), "size": size, "cosigned_at": at.to_string() }));
        } else {
            say!("{log}: {}, as of {at}", counted(size, "statement"));
        }
    }
    if let Some(wrong) = print::clock(snapshot.now(now()).clock()) {
        warn(format_args!("{wrong}"));
    }
    Ok(())
}
