//! `check` and `trace`: verdict and route of a pack, offline.

use anyhow::{Context as _, Result, bail};
use countersign_custody::{Item, PackingFault, Profile, Route, Verdict, VerdictKind, packing_fault};
use countersign_ledger::{Hash, Subject};
use countersign_wallet::{Asked, Named, Snapshot};
use serde_json::json;

use crate::args::{Check, Trace};
use crate::home::{Home, now, year};
use crate::output::{say, show, told};
use crate::{file, pack, print};

/// Checks packs; the exit code is that of the worst verdict.
pub fn run(home: &Home, args: &Check, as_json: bool) -> Result<u8> {
    let mut snapshot = home.snapshot()?;
    let mut worst = VerdictKind::Authentic;
    let mut failure = 0;
    for argument in &args.packs {
        match verdict(&mut snapshot, argument) {
            Ok((_, verdict)) => {
                worst = worst.max(verdict.kind);
                show(argument, &verdict, &snapshot, as_json);
            }
            Err(error) => {
                failure = failure.max(print::failure(&error));
                let told = told(&error);
                if as_json {
                    say!("{}", json!({ "file": argument, "error": told }));
                } else {
                    say!("{argument}\n  ↻ {told}");
                }
            }
        }
    }
    // A code that was refused counts as a scan to check.
    if failure == print::exit_code(VerdictKind::CheckScan) {
        worst = worst.max(VerdictKind::CheckScan);
    }
    Ok(failure.min(1).max(print::exit_code(worst)))
}

fn show(argument: &str, verdict: &Verdict, snapshot: &Snapshot, as_json: bool) {
    if as_json {
        let mut line = print::verdict_json(verdict, snapshot.profile_for(verdict));
        line["file"] = json!(argument);
        say!("{line}");
    } else {
        say!("{}\n{}", argument, print::verdict(verdict, snapshot.profile_for(verdict)));
    }
}

/// The verdict on the pack that an argument shows.
pub fn verdict(snapshot: &mut Snapshot, argument: &str) -> Result<(Item, Verdict)> {
    let item = read(argument)?;
    let verdict = snapshot.check(&item, now());
    Ok((item, verdict))
}

/// The item that an argument shows.
pub fn read(argument: &str) -> Result<Item> {
    pack::read(argument, year())
}

/// What an argument shows, if it was read fully.
pub fn certain(argument: &str) -> Result<Named> {
    let named = pack::named(argument, year())?;
    named.certain()?;
    Ok(named)
}

/// The item that an argument shows, if it was read fully.
pub fn whole(argument: &str) -> Result<Item> {
    match certain(argument)? {
        Named::Item { item, .. } => Ok(item),
        Named::Unit(subject) | Named::Matter(subject) => bail!("{subject} is no product"),
    }
}

/// What the ledger holds on a logistic unit, its route, and the profile that has the rules for it. It is not part of a product's
/// snapshot, so its history is fetched from the node.
pub fn unit<'a>(
    home: &Home,
    snapshot: &'a mut Snapshot,
    unit: &Subject,
) -> Result<(Asked, Route, &'a Profile)> {
    let asked = snapshot.ask(&home.client()?, unit)?;
    let nothing = || format!("the ledger holds nothing about {unit}");
    let first = asked.history().first().with_context(nothing)?;
    let profile = snapshot
        .profile_of(first.verified().statement().kind())
        .context("no profile has rules for these goods")?;
    let route = asked.route(profile, snapshot.now(now())).with_context(nothing)?;
    Ok((asked, route, profile))
}

/// What is to be said of what is in a unit, by the digest of the list of what was packed.
fn packed(snapshot: &mut Snapshot, unit: &Subject, list: Hash) -> Result<Option<String>> {
    Ok(match snapshot.contents(list)? {
        Some(list) => packing_fault(unit, list.packs(), &snapshot.closed_units()?).map(|fault| match fault {
            PackingFault::Itself => "It is in itself, by the list of what was packed.".to_owned(),
            PackingFault::Elsewhere { .. } => format!("It cannot be as it was packed: {fault}."),
        }),
        None => Some(
            "No list on this machine is that of its packs: get the one it came with, and follow it with --contents."
                .to_owned(),
        ),
    })
}

/// Prints a product's route, or draws it.
pub fn trace(home: &Home, args: &Trace, as_json: bool) -> Result<()> {
    let mut snapshot = home.snapshot()?;
    let mut judged = None;
    let (route, notes) = match pack::named(&args.pack, year())? {
        Named::Unit(goods) => {
            let (asked, route, profile) = unit(home, &mut snapshot, &goods)?;
            let list = profile.closed_list(asked.history());
            let note = list.map(|list| packed(&mut snapshot, &goods, list)).transpose()?;
            (route, note.into_iter().flatten().collect())
        }
        Named::Matter(matter) => bail!("{matter} has no route"),
        Named::Item { item, .. } => {
            let verdict = judged.insert(snapshot.check(&item, now()));
            (Route::new(&item, verdict, snapshot.profile_for(verdict)), Vec::new())
        }
    };
    let judged = judged.as_ref().map(|verdict| (verdict, snapshot.profile_for(verdict)));
    if let Some(path) = &args.svg {
        file::write(path, route.svg())?;
    }
    if as_json {
        for line in print::route_json(&route, judged, &notes) {
            say!("{line}");
        }
    } else {
        show!("{}", print::route(&route, judged));
        for note in notes {
            say!("  {note}");
        }
    }
    Ok(())
}
