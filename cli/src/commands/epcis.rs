//! `export epcis` and `import`: histories for partners whose systems read events, and their events as drafts.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use countersign_custody::epcis::{self, Around, Exported, LeftOut, Proposal};
use countersign_custody::words::sanitize;
use countersign_custody::{Contents, Facts, Mark, Profile, Standing, Stop};
use countersign_ledger::{Entry, Placed, Subject};
use countersign_wallet::Snapshot;
use serde_json::json;

use super::check;
use crate::args::Import;
use crate::draft::Draft;
use crate::home::{Home, now, year};
use crate::pack;

/// Writes the history of a product, or of a logistic unit, as an EPCIS 2.0 document, and tells what is not in it.
pub fn export(home: &Home, goods: &str, output: &Path) -> Result<()> {
    let mut snapshot = home.snapshot()?;
    let (exported, wrong) = match pack::unit(goods, year()) {
        Some(unit) => of_unit(home, &mut snapshot, &unit)?,
        None => of_product(&mut snapshot, goods)?,
    };
    let events = exported.document["epcisBody"]["eventList"].as_array().map_or(0, Vec::len);
    fs::write(output, format!("{:#}\n", exported.document)).with_context(|| output.display().to_string())?;
    let sound = events + exported.left_out.len();
    println!("{}: {events} events, of {sound} statements", output.display());
    for LeftOut { statement, kind, why } in &exported.left_out {
        println!("  left out: {kind} {statement}: {why}");
    }
    if wrong > 0 {
        println!("  {wrong} more do not fit their place and are left out: see `countersign trace`");
    }
    Ok(())
}

/// The events of a product, and how many statements do not fit their place.
fn of_product(snapshot: &mut Snapshot, goods: &str) -> Result<(Exported, usize)> {
    let (item, verdict) = check::verdict(snapshot, goods)?;
    let facts = snapshot.facts(&item)?.context("this wallet has no data on it: follow it and sync")?;
    let known = statements(&facts);
    let (sound, wrong): (Vec<_>, Vec<_>) =
        verdict.timeline.iter().partition(|event| event.mark == Mark::Verified);
    let sound: Vec<&Placed> = sound
        .iter()
        .filter_map(|event| known.iter().find(|one| one.id() == event.statement))
        .copied()
        .collect();
    let contents: Vec<Contents> = facts.units.iter().flat_map(|unit| unit.contents.clone()).collect();
    let around = Around { linked: &known, contents: &contents };
    Ok((epcis::document(snapshot.profile_for(&verdict), &sound, around, now()), wrong.len()))
}

/// The events of a logistic unit, and how many statements do not fit their place.
fn of_unit(home: &Home, snapshot: &mut Snapshot, unit: &Subject) -> Result<(Exported, usize)> {
    let (asked, route, profile) = check::unit(home, snapshot, unit)?;
    let profile = profile.clone();
    let is_sound = |one: &Placed| {
        route.stops.iter().any(|stop| {
            let Stop::Leg(leg) = stop else { return false };
            leg.statement == one.id() && !matches!(leg.standing, Standing::AtFault(_) | Standing::Void)
        })
    };
    let sound: Vec<&Placed> =
        asked.history().iter().filter_map(Entry::standing).filter(|one| is_sound(one)).collect();
    let linked: Vec<&Placed> = asked.dependencies().filter_map(Entry::standing).collect();
    let mut contents = Vec::new();
    for digest in sound.iter().filter_map(|one| one.fields().hash("contents")) {
        contents.extend(snapshot.contents(digest)?);
    }
    let around = Around { linked: &linked, contents: &contents };
    let wrong = asked.history().len() - sound.len();
    Ok((epcis::document(&profile, &sound, around, now()), wrong))
}

fn statements(facts: &Facts) -> Vec<&Placed> {
    let of_lots = facts.lots.iter().flat_map(|lot| lot.history.iter().chain(lot.followed.values().flatten()));
    let of_units = facts.units.iter().flat_map(|unit| &unit.history);
    let all = facts.history.iter().chain(of_lots).chain(of_units).chain(&facts.alerts);
    all.filter_map(Entry::standing).collect()
}

/// Writes a draft for each commissioning and each shipment in a partner's document, or none if one would overwrite
/// another draft.
pub fn import(args: &Import, as_json: bool) -> Result<()> {
    let profiles = Profile::all();
    let known = || profiles.iter().map(Profile::name).collect::<Vec<_>>().join(", ");
    let profile = profiles.iter().find(|profile| profile.name() == args.profile);
    let profile = profile.with_context(|| format!("the profiles are {}", known()))?;
    let events = epcis::read(profile, &bounded(&args.document, epcis::MAX_DOCUMENT)?)?;
    let numbered = (1..).zip(events.iter().flatten().flatten());
    let drafts: Vec<(PathBuf, String)> = numbered
        .map(|(number, proposal)| {
            let path = args.output.join(format!("{number}-{}.json", proposal.kind));
            (path, Draft::new(proposal, profile).to_json())
        })
        .collect();
    drafts.iter().try_for_each(|(path, draft)| is_free(path, draft))?;
    fs::create_dir_all(&args.output).with_context(|| args.output.display().to_string())?;
    let mut written = drafts.iter();
    for (number, event) in (1..).zip(&events) {
        match event {
            Ok(proposals) => {
                for (proposal, (path, draft)) in proposals.iter().zip(written.by_ref()) {
                    fs::write(path, draft).with_context(|| path.display().to_string())?;
                    report(number, proposal, profile, path, as_json);
                }
            }
            Err(reason) if as_json => {
                println!("{}", json!({ "event": number, "refused": reason.to_string() }));
            }
            Err(reason) => println!("event {number}: left out: {}", sanitize(&reason.to_string())),
        }
    }
    if drafts.is_empty() {
        bail!("none of the {} events was accepted", events.len());
    }
    Ok(())
}

/// Checks that a draft can be written there: the file does not exist, or is the same. Edited drafts, and drafts from
/// other documents, are never overwritten.
fn is_free(path: &Path, draft: &str) -> Result<()> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Ok(file) if file.len() == draft.len() as u64 && fs::read(path)? == draft.as_bytes() => return Ok(()),
        _ => {}
    }
    bail!("{} is another draft: sign it or remove it, or choose another folder with --output", path.display())
}

fn report(number: u32, proposal: &Proposal, profile: &Profile, path: &Path, as_json: bool) {
    let missing = proposal.missing(profile);
    if as_json {
        println!(
            "{}",
            json!({
                "event": number,
                "draft": path.display().to_string(),
                "kind": proposal.kind.as_str(),
                "about": proposal.subject.as_str(),
                "missing": missing,
                "receiver": proposal.receiver,
            })
        );
        return;
    }
    println!("event {number}: {} about {}", proposal.kind, proposal.subject);
    if let Some(receiver) = &proposal.receiver {
        println!("  to {}, a name that the ledger does not have", sanitize(receiver));
    }
    let missing = if missing.is_empty() { String::new() } else { format!("; add {}", missing.join(", ")) };
    println!("  sign it with: countersign sign --draft {}{missing}", path.display());
}

/// Reads a file of at most so many bytes.
pub fn bounded(path: &Path, most: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path).with_context(|| path.display().to_string())?;
    file.take(most as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > most {
        bail!("{} has more than {most} bytes", path.display());
    }
    Ok(bytes)
}
