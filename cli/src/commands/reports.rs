//! `report` and `reports`: a suspicion, from whoever scanned a pack to the authority that reads it.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use countersign_custody::report::{MAX_PHOTOGRAPH, Report, Scanned, word};
use countersign_custody::words::{counted, sanitize};
use countersign_wallet::{Issuer, ReceivedReport, ReportState, Words};
use serde_json::{Value, json};

use super::act::KEY;
use super::check;
use crate::args::{ReportsCommand, Suspicion};
use crate::file;
use crate::home::{Home, now};
use crate::output::{say, warn};

/// Seals a report of a scan to the authority, and sends it. What cannot be sent now is kept, and goes with the next one.
pub fn report(home: &Home, args: &Suspicion, as_json: bool) -> Result<()> {
    let (mut snapshot, client) = (home.snapshot()?, home.client()?);
    let photograph = args.photo.as_deref().map(photograph).transpose()?;
    if !args.send {
        let pack = args.pack.as_deref().context("name the pack: a picture, or the text of its code")?;
        let (item, verdict) = check::verdict(&mut snapshot, pack)?;
        let words = Words {
            words: args.words.clone().unwrap_or_default(),
            place: args.place.clone(),
            photograph,
            answer: args.answer.clone(),
        };
        snapshot.report(Scanned::new(&item, &verdict, now()), words, now())?;
    }
    let round = snapshot.send_reports_now(&client, now())?;
    for sent in snapshot.reports()? {
        let (state, why) = match &sent.state {
            ReportState::Waiting => ("waiting", None),
            ReportState::Received => ("received", None),
            ReportState::Refused(why) => ("refused", Some(why)),
        };
        if as_json {
            let written = sent.written.to_string();
            say!("{}", json!({ "id": sent.id.to_string(), "written": written, "state": state, "why": why }));
        } else {
            let why = why.map(|why| format!(" ({})", sanitize(why))).unwrap_or_default();
            say!("{}  {state}{why}", sent.written);
        }
    }
    if round.waiting > 0 {
        warn(format_args!(
            "{} kept, to be sent later: `countersign report --send`",
            counted(round.waiting as u64, "report")
        ));
    }
    Ok(())
}

/// What an authority does with the reports that came.
pub fn reports(home: &Home, command: &ReportsCommand, as_json: bool) -> Result<()> {
    let (mut snapshot, client) = (home.snapshot()?, home.client()?);
    let mut issuer = Issuer::new(&mut snapshot, &client, home.vault()?);
    match command {
        ReportsCommand::Key => {
            let recorded = issuer.publish_report_key(KEY, now())?;
            if as_json {
                say!("{}", json!({ "id": recorded.id.to_string(), "index": recorded.index }));
            } else {
                say!("Phones seal their reports to this wallet from their next sync on: {}", recorded.id);
            }
        }
        ReportsCommand::List { after } => {
            let mut last = *after;
            let mut listed = 0;
            loop {
                let page = issuer.read_reports(KEY, last, now())?;
                let Some(latest) = page.last() else { break };
                last = latest.number;
                listed += page.len() as u64;
                for one in &page {
                    list(one, as_json);
                }
            }
            if !as_json && listed == 0 {
                say!("No reports.");
            }
        }
        ReportsCommand::Show { number, photo } => {
            let page = issuer.read_reports(KEY, number.saturating_sub(1), now())?;
            let found = page.into_iter().find(|one| one.number == *number);
            let found = found.with_context(|| format!("there is no report {number}, or no longer"))?;
            show(&found, photo.as_deref(), as_json)?;
        }
        ReportsCommand::Remove { number } => {
            issuer.remove_report(KEY, *number, now())?;
            if !as_json {
                say!("Report {number} was removed from the node.");
            }
        }
    }
    Ok(())
}

fn photograph(path: &Path) -> Result<Vec<u8>> {
    file::read(path, "a photograph, JPEG or PNG", MAX_PHOTOGRAPH)
}

fn list(one: &ReceivedReport, as_json: bool) {
    if as_json {
        say!("{}", line(one));
        return;
    }
    match &one.report {
        Some(report) => {
            let first = report.words.lines().next().unwrap_or_default();
            let scan = &report.scan;
            say!(
                "{:>5}  {}  {:<11}  {}  {}",
                one.number,
                one.received,
                word(scan.verdict),
                scan.link,
                sanitize(first)
            );
        }
        None => say!("{:>5}  {}  sealed to a key that this wallet does not have", one.number, one.received),
    }
}

fn line(one: &ReceivedReport) -> Value {
    let report = one.report.as_ref().map(|Report { written, scan, words, place, photograph, answer }| {
        json!({
            "written": written.to_string(),
            "about": scan.link.as_str(),
            "serial": scan.serial,
            "label": scan.label.map(|label| label.to_string()),
            "verdict": word(scan.verdict),
            "reason": scan.reason,
            "checkpoint": scan.checkpoint,
            "scanned": scan.at.to_string(),
            "words": words,
            "place": place,
            "photograph": photograph.as_ref().map(Vec::len),
            "answer": answer,
        })
    });
    json!({ "number": one.number, "received": one.received.to_string(), "report": report })
}

fn show(one: &ReceivedReport, photo: Option<&Path>, as_json: bool) -> Result<()> {
    let Some(report) = &one.report else {
        bail!("report {} is sealed to a key that this wallet does not have", one.number);
    };
    if let (Some(path), Some(photograph)) = (photo, &report.photograph) {
        file::write(path, photograph.as_slice())?;
    }
    if as_json {
        say!("{}", line(one));
        return Ok(());
    }
    let scan = &report.scan;
    say!("Report {}, received {}", one.number, one.received);
    say!("  about      {}", scan.link);
    let reason = scan.reason.as_deref().map(|reason| format!(": {}", sanitize(reason))).unwrap_or_default();
    let as_of = scan.checkpoint.map(|size| format!(", as of checkpoint {size}")).unwrap_or_default();
    say!("  verdict    {}{reason}{as_of}", word(scan.verdict));
    say!("  scanned    {}; written {}", scan.at, report.written);
    for (name, value) in [("place", &report.place), ("answer to", &report.answer)] {
        say!("  {name:<10} {}", value.as_deref().map_or_else(|| "not said".to_owned(), sanitize));
    }
    match (&report.photograph, photo) {
        (Some(_), Some(path)) => say!("  photograph {}", path.display()),
        (Some(bytes), None) => say!("  photograph {} bytes: --photo FILE writes it", bytes.len()),
        (None, _) => say!("  photograph none"),
    }
    for words in report.words.lines() {
        say!("  | {}", sanitize(words));
    }
    Ok(())
}
