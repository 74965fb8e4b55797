//! `check` and `trace`: verdict and route of a pack, offline.

use std::fs;

use anyhow::{Context as _, Result};
use countersign_custody::{Item, Profile, Route, Verdict, VerdictKind};
use countersign_ledger::Subject;
use countersign_wallet::{Asked, Snapshot};
use serde_json::json;

use crate::args::{Check, Trace};
use crate::home::{Home, now, year};
use crate::{pack, print};

/// Checks packs; the exit code is that of the worst verdict.
pub fn run(home: &Home, args: &Check, as_json: bool) -> Result<u8> {
    let mut snapshot = home.snapshot()?;
    let mut worst = VerdictKind::Authentic;
    let mut failed = false;
    for argument in &args.packs {
        match verdict(&mut snapshot, argument) {
            Ok((_, verdict)) => {
                worst = worst.max(verdict.kind);
                show(argument, &verdict, &snapshot, as_json);
            }
            Err(error) => {
                failed = true;
                if as_json {
                    println!("{}", json!({ "file": argument, "error": format!("{error:#}") }));
                } else {
                    println!("{argument}\n  ↻ {error:#}");
                }
            }
        }
    }
    Ok(if failed { 1.max(print::exit_code(worst)) } else { print::exit_code(worst) })
}

fn show(argument: &str, verdict: &Verdict, snapshot: &Snapshot, as_json: bool) {
    if as_json {
        let mut line = print::verdict_json(verdict, snapshot.profile_for(verdict));
        line["file"] = json!(argument);
        println!("{line}");
    } else {
        println!("{argument}\n{}", print::verdict(verdict, snapshot.profile_for(verdict)));
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
    let route = asked.route(profile, now()).with_context(nothing)?;
    Ok((asked, route, profile))
}

/// Prints a product's route, or draws it.
pub fn trace(home: &Home, args: &Trace, as_json: bool) -> Result<()> {
    let mut snapshot = home.snapshot()?;
    let route = match pack::unit(&args.pack, year()) {
        Some(goods) => unit(home, &mut snapshot, &goods)?.1,
        None => {
            let (item, verdict) = verdict(&mut snapshot, &args.pack)?;
            Route::new(&item, &verdict, snapshot.profile_for(&verdict))
        }
    };
    if let Some(path) = &args.svg {
        fs::write(path, route.svg()).with_context(|| path.display().to_string())?;
    }
    if as_json {
        for line in print::route_json(&route) {
            println!("{line}");
        }
    } else {
        print!("{}", print::route(&route));
    }
    Ok(())
}
