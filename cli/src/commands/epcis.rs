//! `export epcis` and `import`: histories for partners whose systems read events, and their events as drafts.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use countersign_custody::epcis::{self, Around, Exported, LeftOut, Proposal};
use countersign_custody::words::sanitize;
use countersign_custody::{Contents, Facts, Item, Mark, Profile, Standing, Stop};
use countersign_ledger::{Entry, Placed, Subject};
use countersign_wallet::{Named, Snapshot};
use serde_json::json;

use super::check;
use crate::args::Import;
use crate::draft::{DRAFT, Draft, MAX_DRAFT};
use crate::file;
use crate::home::{Home, now};
use crate::output::say;

/// What `import` reads.
const DOCUMENT: &str = "an EPCIS document in JSON or XML";

/// Writes the history of a product, or of a logistic unit, as an EPCIS 2.0 document, and tells what is not in it.
pub fn export(home: &Home, goods: &str, output: &Path) -> Result<()> {
    let mut snapshot = home.snapshot()?;
    let (mut exported, wrong, nothing) = match check::certain(goods)? {
        Named::Item { item, .. } => of_product(&mut snapshot, &item)?,
        Named::Unit(unit) => of_unit(home, &mut snapshot, &unit)?,
        Named::Matter(matter) => bail!("{matter} has no history for partners"),
    };
    epcis::extend(&mut exported.document, |statement| {
        let kept = snapshot.extensions(statement).ok().flatten()?;
        serde_json::from_str(&kept).ok()
    });
    let events = exported.document["epcisBody"]["eventList"].as_array().map_or(0, Vec::len);
    let sound = events + exported.left_out.len();
    if events == 0 {
        bail!("nothing is exported: {nothing}");
    }
    file::write(output, epcis::text(&exported.document))?;
    say!("{}: {events} events, of {sound} statements", output.display());
    for LeftOut { statement, kind, why } in &exported.left_out {
        say!("  left out: {kind} {statement}: {why}");
    }
    if wrong > 0 {
        say!("  {wrong} more do not fit their place and are left out: see `countersign trace`");
    }
    Ok(())
}

/// What is exported, how many statements do not fit their place, and what is said if there is no event.
type Events = (Exported, usize, String);

fn of_product(snapshot: &mut Snapshot, item: &Item) -> Result<Events> {
    let verdict = snapshot.check(item, now());
    let facts = snapshot.facts(item)?.context("this wallet has no data on it: follow it and sync")?;
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
    let exported = epcis::document(snapshot.profile_for(&verdict), &sound, around, now());
    let nothing = nothing(item, &facts, sound.len(), wrong.len());
    Ok((exported, wrong.len(), nothing))
}

fn of_unit(home: &Home, snapshot: &mut Snapshot, unit: &Subject) -> Result<Events> {
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
    let nothing =
        format!("of the {} statements on {unit}, none is an event for partners", asked.history().len());
    Ok((epcis::document(&profile, &sound, around, now()), wrong, nothing))
}

/// Why a document would be empty.
fn nothing(item: &Item, facts: &Facts, sound: usize, wrong: usize) -> String {
    let here = |lot: &Subject| facts.lots.iter().any(|one| one.subject == *lot && !one.history.is_empty());
    match &item.lot {
        Some(lot) if !here(lot) => format!("this wallet has nothing on {lot}: follow the product and sync"),
        None => "the code names no lot, and a product's history is that of its lots: name one".to_owned(),
        Some(_) if wrong > 0 => {
            format!("{wrong} statements do not fit their place: see `countersign trace`")
        }
        Some(_) => format!("none of the {sound} statements is an event for partners"),
    }
}

fn statements(facts: &Facts) -> Vec<&Placed> {
    let of_lots = facts.lots.iter().flat_map(|lot| lot.history.iter().chain(lot.followed.values().flatten()));
    let of_units = facts.units.iter().flat_map(|unit| &unit.history);
    let all = facts.history.iter().chain(of_lots).chain(of_units).chain(&facts.alerts);
    all.filter_map(Entry::standing).collect()
}

/// Writes a draft for each commissioning and each shipment in a partner's document, or none if one would overwrite
/// another draft.
pub fn import(home: &Home, args: &Import, as_json: bool) -> Result<()> {
    let profiles = Profile::all();
    let known = || profiles.iter().map(Profile::name).collect::<Vec<_>>().join(", ");
    let profile = profiles.iter().find(|profile| profile.name() == args.profile);
    let profile = profile.with_context(|| format!("the profiles are {}", known()))?;
    // A document can be read without a wallet; only one knows lots.
    let mut snapshot = home.genesis().is_ok().then(|| home.snapshot()).transpose()?;
    let mut lot_of = |class: &Subject, serial: Option<&str>| {
        let known = serial.and_then(|serial| snapshot.as_mut()?.lot_of(class, serial).ok()?);
        known.and_then(|lot| epcis::lot_number(&lot)).or_else(|| args.lot.clone())
    };
    let events =
        epcis::read(profile, &file::read(&args.document, DOCUMENT, epcis::MAX_DOCUMENT)?, &mut lot_of)?;
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
                    file::write(path, draft)?;
                    report(number, proposal, profile, path, as_json);
                }
            }
            Err(reason) if as_json => {
                let (reason, field) = (reason.to_string(), reason.field());
                say!("{}", json!({ "event": number, "refused": reason, "field": field }));
            }
            Err(reason) => {
                say!("event {number}: left out: {}", sanitize(&reason.to_string()));
                if !reason.field().is_empty() {
                    say!("  the field: {}", sanitize(reason.field()));
                }
            }
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
        Ok(_) if file::read(path, DRAFT, MAX_DRAFT)? == draft.as_bytes() => return Ok(()),
        _ => {}
    }
    bail!("{} is another draft: sign it or remove it, or choose another folder with --output", path.display())
}

fn report(number: u32, proposal: &Proposal, profile: &Profile, path: &Path, as_json: bool) {
    let missing = proposal.missing(profile);
    if as_json {
        say!(
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
    say!("event {number}: {} about {}", proposal.kind, proposal.subject);
    if let Some(receiver) = &proposal.receiver {
        say!("  to {}, a name that the ledger does not have", sanitize(receiver));
    }
    let missing = if missing.is_empty() { String::new() } else { format!("; add {}", missing.join(", ")) };
    say!("  sign it with: countersign sign --draft {}{missing}", path.display());
}
