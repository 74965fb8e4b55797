//! What a doctor does: signs documents, asks for records, opens what was granted.

use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use countersign_ledger::{Hash, Identity, LogName, Subject};
use countersign_records::{
    Cut, FIRST_SECTION, HEADER, Image, MAX_DOCUMENT, Mark, Pair, Part, Parts, RecordId, Role, Rule, SHARED,
    Section, State, Unsigned, View,
};
use countersign_wallet::{
    AccessState, ActError, AskFor, AskState, AttributeAuthority, Client, ClientError, Clinician, Issuer,
    Offered, RecordError, RecordStore, ShownRecord, StoredKey,
};
use getrandom::SysRng;
use getrandom::rand_core::{Rng as _, UnwrapErr};
use serde_json::{Value, json};

use super::super::act::KEY;
use super::examine::DOCUMENT;
use super::{Desk, log_named, request_name};
use crate::args::{RequestRecord, SignRecord};
use crate::digits::{found, short};
use crate::file;
use crate::home::{Home, now};
use crate::output::{say, warn};

/// Endings of files of images, and their media types.
const MEDIA_TYPES: [(&str, &str); 6] = [
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("tif", "image/tiff"),
    ("dcm", "application/dicom"),
    ("pdf", "application/pdf"),
];
const CUT_OFF: &str = "the request did not get through; the same command again goes on with it";

/// Signs a FHIR document for a patient's record.
pub fn sign(home: &Home, args: &SignRecord, as_json: bool) -> Result<()> {
    getrandom::u32().context("the operating system gives no randomness")?;
    let document = file::read(&args.file, DOCUMENT, MAX_DOCUMENT)?;
    let (mut snapshot, client, keys) = (home.snapshot()?, home.client()?, home.vault()?);
    let certificate = Issuer::new(&mut snapshot, &client, Arc::clone(&keys)).certificate(KEY)?;
    let signer = StoredKey::find(keys, KEY)?;
    let mut random = UnwrapErr(SysRng);
    let images =
        args.images.iter().map(|(address, path)| image(address, path)).collect::<Result<Vec<_>>>()?;
    let unsigned = Unsigned::new(&mut Cut::new(&document)?, &images, &mut random);
    for image in &images {
        let named = unsigned.parts().any(|part| part.images().contains(image));
        ensure!(
            named,
            "the document does not refer to {}: an image is named as an attachment's url",
            image.locator
        );
    }
    let rule = rule(&unsigned, &args.permits)?;
    let draft = unsigned.draft(&args.record, args.version, &rule, &args.holder)?;
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

/// An image by its file.
fn image(address: &str, path: &Path) -> Result<Image> {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    let known = MEDIA_TYPES.iter().find(|(known, _)| *known == ending);
    let media_type = known.map_or("application/octet-stream", |(_, media_type)| media_type);
    let named = || path.display().to_string();
    let image = Image::read(address, media_type, &mut File::open(path).with_context(named)?);
    let image = image.with_context(named)?;
    ensure!(image.length > 0, "{} is empty", path.display());
    Ok(image)
}

/// What the author permits to show: any sections, or what was said.
fn rule(unsigned: &Unsigned, permits: &[String]) -> Result<Rule> {
    let count = unsigned.count();
    if permits.is_empty() {
        return Ok(Rule::any(count));
    }
    let parts: Vec<Part> = unsigned.parts().cloned().collect();
    let view = View::of(&parts);
    let named = |sections: &str| match sections.trim() {
        "" => Ok(Parts::of([HEADER])),
        sections => super::parts(&view, count, sections),
    };
    let pair = |permit: &String| {
        let (must, may) = permit.split_once('/').with_context(|| {
            format!("`{permit}` is no MUST/MAY: sections that must be shown, a slash, and those that may")
        })?;
        let (must, may) = (named(must)?, named(may)?);
        // What must be shown may be.
        Ok(Pair { must, may: Parts(must.0 | may.0) })
    };
    let mut pairs = permits.iter().map(pair).collect::<Result<Vec<_>>>()?;
    let whole = Parts::all(count);
    if !pairs.iter().any(|pair| whole.within(pair.may)) {
        // The patient has all of it, whatever may be shown to others.
        pairs.push(Pair { must: whole, may: whole });
    }
    Rule::new(pairs, count)
        .context("a rule has at most eight times MUST/MAY, one of them for the whole document")
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
    let log = offer.as_ref().map_or(shared, |offer| offer.log);
    let label = offer.as_ref().map(|offer| offer.label);
    if let Some(thread) = resumed(&mut clinician, (&client, &service), (record, log, label))? {
        return asked(&mut desk, &authority, &record, &thread, as_json);
    }
    let wanted = AskFor {
        record,
        log,
        label,
        minutes: args.minutes.unwrap_or_else(|| offer.as_ref().map_or(60, |offer| offer.minutes)),
        purpose: args.purpose.clone(),
        reason: args.reason.clone(),
        name: args.name.clone().unwrap_or_default(),
    };
    let thread = clinician.ask(&client, &service, &wanted, now()).context(CUT_OFF)?;
    asked(&mut desk, &authority, &record, &thread, as_json)
}

/// Goes on with a request for the same that was cut off before. What cannot be sent any more is forgotten.
fn resumed(
    clinician: &mut Clinician<'_>,
    (client, service): (&Client, &AttributeAuthority),
    (record, log, label): (RecordId, LogName, Option<Hash>),
) -> Result<Option<Subject>> {
    for one in clinician.asked(now())? {
        let same = one.record == record && one.log == log && one.label == label;
        if !same || one.state != AskState::Unsent {
            continue;
        }
        match clinician.send(client, service, &one.thread, now()) {
            Ok(()) => return Ok(Some(one.thread)),
            Err(RecordError::Act(ActError::Client(ClientError::Refused { .. }))) => {
                clinician.dismiss(&one.thread)?;
            }
            Err(error) if one.until <= now() => {
                clinician.dismiss(&one.thread)?;
                warn(format_args!("an earlier request was never sent, and its time is over: {error}"));
            }
            Err(error) => return Err(error).context(CUT_OFF),
        }
    }
    Ok(None)
}

/// Says what has come of a request.
fn asked(
    desk: &mut Desk,
    authority: &Identity,
    record: &RecordId,
    thread: &Subject,
    as_json: bool,
) -> Result<()> {
    desk.sync()?;
    let state = state(desk, authority, thread)?;
    if as_json {
        say!("{}", json!({ "request": request_name(thread), "record": record.to_string(), "state": state }));
    } else {
        say!("request {}: {state}", short(request_name(thread)));
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
    write(&shown, output, as_json)?;
    if online {
        write_images(&mut clinician, (&client, &store), (&asked.thread, &shown), output)?;
    }
    Ok(())
}

/// Writes the images that the patient shares, each verified before it has its name.
fn write_images(
    clinician: &mut Clinician<'_>,
    (client, store): (&Client, &RecordStore),
    (thread, shown): (&Subject, &ShownRecord),
    output: &Path,
) -> Result<()> {
    for (number, shared) in (1..).zip(&shown.images) {
        let image = shared.image();
        let known = MEDIA_TYPES.iter().find(|(_, media_type)| *media_type == image.media_type);
        let ending = known.map_or("bin", |(ending, _)| ending);
        let path = output.join(format!("{:02}-image-{number}.{ending}", shared.part()));
        file::write_whole(&path, |to| {
            Ok(clinician.write_image(client, store, thread, image.digest, to, now())?)
        })?;
    }
    Ok(())
}

fn kept(clinician: &mut Clinician<'_>, thread: &Subject) -> Result<ShownRecord> {
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
