//! What a doctor does: signs documents, asks for records, opens what was granted.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use countersign_ledger::{Identity, Subject};
use countersign_records::{
    Cut, FIRST_SECTION, MAX_DOCUMENT, Mark, Part, Role, Rule, SHARED, Section, State, Unsigned, View,
};
use countersign_wallet::{
    AccessState, ActError, AskFor, AskState, ClientError, Issuer, Offered, RecordError, ShownRecord,
    StoredKey,
};
use getrandom::SysRng;
use getrandom::rand_core::{Rng as _, UnwrapErr};
use serde_json::{Value, json};

use super::super::act::KEY;
use super::examine::DOCUMENT;
use super::{Desk, found, log_named, request_name, short};
use crate::args::{RequestRecord, SignRecord};
use crate::file;
use crate::home::{Home, now};
use crate::output::{say, warn};

/// Signs a FHIR document for a patient's record.
pub fn sign(home: &Home, args: &SignRecord, as_json: bool) -> Result<()> {
    getrandom::u32().context("the operating system gives no randomness")?;
    let document = file::read(&args.file, DOCUMENT, MAX_DOCUMENT)?;
    let (mut snapshot, client, keys) = (home.snapshot()?, home.client()?, home.vault()?);
    let certificate = Issuer::new(&mut snapshot, &client, Arc::clone(&keys)).certificate(KEY)?;
    let signer = StoredKey::find(keys, KEY)?;
    let mut random = UnwrapErr(SysRng);
    let mut cut = Cut::new(&document)?;
    let unsigned = Unsigned::new(&mut cut, &[], &mut random);
    let draft = unsigned.draft(&args.record, args.version, &Rule::any(unsigned.count()), &args.holder)?;
    let mut cti = [0; 16];
    random.fill_bytes(&mut cti);
    let statement = draft.sign(&certificate, &signer, now(), cti)?;
    let (id, count) = (statement.id(), unsigned.count());
    let signed = unsigned.signed(statement, &certificate).to_bytes();
    file::write_private(&args.output, &signed)?;
    if as_json {
        say!("{}", json!({ "document": id.to_string(), "parts": count, "version": args.version }));
    } else {
        say!(
            "{}: {count} parts, version {}, signed by {}",
            args.output.display(),
            args.version,
            certificate.identity()
        );
    }
    Ok(())
}

/// Asks for a record by its link.
pub fn request(home: &Home, args: &RequestRecord, as_json: bool) -> Result<()> {
    let (service, authority) = home.authority()?;
    let (mut desk, client) = (Desk::synced(home)?, home.client()?);
    let link = args.link.as_str();
    let record = desk.clinician(&authority)?.add(link)?;
    desk.sync()?;
    let mut clinician = desk.clinician(&authority)?;
    if !clinician.has_key(now())? || args.renew {
        clinician.fetch_key(&service, now()).context("the attribute authority gives no key")?;
    }
    let offers = clinician.offers(&record)?;
    if args.list {
        for offer in &offers {
            offer_told(offer, as_json);
        }
        return Ok(());
    }
    let offer = match &args.line {
        Some(digits) => Some(found(offers, digits, "line", |offer| offer.label.to_string())?),
        None if args.patient => None,
        None => {
            let fits = offers.into_iter().find(|offer| offer.fits);
            Some(fits.context(
                "no line of this record fits your attributes: ask the patient with --patient, or see --list",
            )?)
        }
    };
    let shared = SHARED.map_err(|_| anyhow::anyhow!("no log for records"))?;
    let wanted = AskFor {
        record,
        log: offer.as_ref().map_or(shared, |offer| offer.log),
        label: offer.as_ref().map(|offer| offer.label),
        minutes: args.minutes.unwrap_or_else(|| offer.as_ref().map_or(60, |offer| offer.minutes)),
        purpose: args.purpose.clone(),
        reason: args.reason.clone(),
        name: args.name.clone().unwrap_or_default(),
    };
    let thread =
        clinician.ask(&client, &service, &wanted, now()).context("the request did not get through")?;
    desk.sync()?;
    let state = state(&mut desk, &authority, &thread)?;
    if as_json {
        say!("{}", json!({ "request": request_name(&thread), "record": record.to_string(), "state": state }));
    } else {
        say!("request {}: {state}", short(request_name(&thread)));
    }
    Ok(())
}

/// Opens what was granted into a folder.
pub fn open(home: &Home, request: Option<&str>, output: &Path, as_json: bool) -> Result<()> {
    let ((service, authority), store) = (home.authority()?, home.store()?);
    let mut desk = Desk { snapshot: home.snapshot()?, client: home.client()?, keys: home.vault()? };
    // Without a network there is what is kept.
    let online = desk.sync().is_ok();
    let client = home.client()?;
    let mut clinician = desk.clinician(&authority)?;
    let mut asked = clinician.asked(now())?;
    let asked = match request {
        Some(digits) => found(asked, digits, "request", |one| request_name(&one.thread).to_owned())?,
        None => {
            let granted =
                |one: &countersign_wallet::AskedRecord| one.state == AskState::Sent(AccessState::Granted);
            asked.retain(granted);
            match asked.pop() {
                Some(one) if asked.is_empty() => one,
                Some(_) => bail!("several requests are granted: say which, by its digits"),
                None => bail!("no request is granted: ask with `countersign record request LINK`"),
            }
        }
    };
    let shown = if online {
        if !clinician.has_key(now())? {
            clinician.fetch_key(&service, now()).context("the attribute authority gives no key")?;
        }
        match clinician.open(&client, &store, &asked.thread, now()) {
            Err(RecordError::Act(ActError::Client(ClientError::Transport(_)))) => {
                kept(&mut clinician, &asked.thread)?
            }
            shown => shown?,
        }
    } else {
        kept(&mut clinician, &asked.thread)?
    };
    write(&shown, output, as_json)
}

fn kept(clinician: &mut countersign_wallet::Clinician<'_>, thread: &Subject) -> Result<ShownRecord> {
    let shown = clinician.read(thread, now())?;
    warn(format_args!("no way to the record's store: this was fetched {}", shown.fetched_at));
    Ok(shown)
}

fn state(desk: &mut Desk, authority: &Identity, thread: &Subject) -> Result<&'static str> {
    let asked = desk.clinician(authority)?.asked(now())?;
    let state = asked.into_iter().find(|one| one.thread == *thread).map(|one| one.state);
    Ok(match state {
        Some(AskState::Sent(AccessState::Waiting)) => "waiting for the patient",
        Some(AskState::Sent(AccessState::Granted)) => "granted",
        Some(AskState::Sent(AccessState::Denied)) => "denied",
        Some(AskState::Sent(AccessState::Withdrawn)) => "withdrawn",
        Some(AskState::Sent(AccessState::Ended)) => "ended",
        Some(AskState::Unsent) | None => "not sent yet",
    })
}

fn offer_told(offer: &Offered, as_json: bool) {
    let label = offer.label.to_string();
    if as_json {
        say!(
            "{}",
            json!({ "line": label, "log": offer.log.to_string(), "policy": offer.policy.as_str(),
                    "minutes": offer.minutes, "fits": offer.fits })
        );
    } else {
        let fits = if offer.fits { "you fit it" } else { "you do not fit it" };
        say!(
            "line {} ({}): {}; {} minutes; {fits}",
            short(&label),
            log_named(offer.log),
            offer.policy,
            offer.minutes
        );
    }
}

/// Writes what was opened: a text for people, each section as it was signed, the proof, and the document if it is whole.
fn write(shown: &ShownRecord, output: &Path, as_json: bool) -> Result<()> {
    file::private_folder(output).with_context(|| output.display().to_string())?;
    let parts = shown.opened.parts();
    let view = View::of(parts);
    let text = told(shown, &view);
    file::write_private(&output.join("record.txt"), text.as_bytes())?;
    file::write_private(&output.join("proof.cbor"), &shown.opened.to_extraction().to_bytes())?;
    for part in parts.iter().filter(|part| part.number() >= FIRST_SECTION) {
        let section = view.sections.iter().find(|section| section.part == part.number());
        let name = section.and_then(|section| section.code.as_deref()).unwrap_or("section");
        let name: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(32).collect();
        file::write_private(&output.join(format!("{:02}-{name}.json", part.number())), &fragments(part))?;
    }
    if let Some(whole) = shown.opened.whole() {
        file::write_private(&output.join("document.json"), whole)?;
    }
    if as_json {
        view.sections.iter().for_each(|section| say!("{}", section_json(section)));
        say!(
            "{}",
            json!({
                "withheld": shown.opened.withheld(),
                "not_delivered": shown.not_delivered.numbers().collect::<Vec<_>>(),
                "whole": shown.opened.whole().is_some(),
                "author": shown.opened.author().identity().as_str(),
                "version": shown.opened.commitment().version(),
                "until": shown.until.to_string(),
                "fetched": shown.fetched_at.to_string(),
            })
        );
    } else {
        crate::output::show!("{text}");
    }
    Ok(())
}

/// The signed values of a part, as they were signed.
fn fragments(part: &Part) -> Vec<u8> {
    let values =
        part.fragments().filter(|(role, _)| matches!(role, Role::Section | Role::Entry | Role::Contained));
    let values: Vec<&[u8]> = values.map(|(_, bytes)| bytes).collect();
    [&b"["[..], &values.join(&b",\n"[..]), b"]\n"].concat()
}

fn told(shown: &ShownRecord, view: &View) -> String {
    let mut text = String::new();
    let mut line = |line: String| {
        // A write into memory cannot fail.
        let _ = writeln!(text, "{line}");
    };
    line(format!("{}, {}, {}, by {}", view.title, view.date, view.status, view.authors.join(", ")));
    line(format!("{}, born {}", view.patient, view.birth_date));
    line(format!(
        "version {}, signed by {} and unaltered; fetched {}, open until {}",
        shown.opened.commitment().version(),
        shown.opened.author().identity(),
        shown.fetched_at,
        shown.until
    ));
    for section in &view.sections {
        match &section.state {
            State::Empty(None) => continue,
            State::Empty(Some(reason)) => line(format!("{}: empty; {reason}", section.title)),
            State::Withheld(reason) => line(format!("{}: {reason}", section.title)),
            State::Present => line(section.title.clone()),
        }
        section.lines.iter().for_each(|entry| line(format!("  {entry}")));
        section.marks.iter().for_each(|mark| line(format!("  ! {}", mark.sentence())));
    }
    view.nothing_stated().into_iter().for_each(&mut line);
    if shown.not_delivered.count() > 0 {
        line(format!("{} parts are shared, and the store did not deliver them", shown.not_delivered.count()));
    }
    match shown.opened.withheld() {
        0 => {}
        1 => line("1 section is withheld".to_owned()),
        more => line(format!("{more} sections are withheld")),
    }
    text
}

fn section_json(section: &Section) -> Value {
    json!({
        "part": section.part,
        "code": section.code,
        "title": section.title,
        "state": section.state.as_str(),
        "lines": section.lines,
        "marks": section.marks.iter().map(Mark::sentence).collect::<Vec<_>>(),
    })
}
