//! `init`, `follow` and `sync`: set up a wallet and keep it up to date.

use anyhow::{Result, bail};
use countersign_custody::SubjectType;
use countersign_ledger::{Genesis, Subject};
use countersign_wallet::{FollowState, Named};
use serde_json::json;

use crate::args::{Follow, Init};
use crate::home::{Home, MAX_GENESIS, year};
use crate::output::say;
use crate::{file, pack, progress};

/// Creates a wallet.
pub fn init(home: &Home, args: &Init) -> Result<()> {
    let genesis = Genesis::parse(&file::read(&args.genesis, MAX_GENESIS)?)?;
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
        match (args.stop, SubjectType::of(&subject)) {
            (true, _) => snapshot.unfollow(&subject)?,
            (false, Some(SubjectType::Pack)) => snapshot.follow_pack(&subject)?,
            (false, Some(SubjectType::Unit)) => snapshot.follow_unit(&subject)?,
            (false, _) => snapshot.follow(&subject)?,
        }
        if let Some(path) = &args.contents {
            snapshot.keep_contents(&pack::contents(&pack::listed(path, year())?)?)?;
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
    progress::sync(&mut snapshot, &client)?;
    for log in snapshot.genesis().logs.iter().map(|log| log.name) {
        let Some(checkpoint) = snapshot.checkpoint(log) else { continue };
        let (size, at) = (checkpoint.checkpoint().size(), checkpoint.cosigned_at());
        if as_json {
            say!("{}", json!({ "log": log.as_str(), "size": size, "cosigned_at": at.to_string() }));
        } else {
            say!("{log}: {size} statements, as of {at}");
        }
    }
    Ok(())
}
