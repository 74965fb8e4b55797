//! What a patient does with records of their own.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use countersign_abe::Policy;
use countersign_ledger::LogName;
use countersign_records::rules::Mode;
use countersign_records::{FULL, Image, Paper, RecordId, SHARED, View};
use countersign_wallet::{Access, AccessState, Allow, HeldRecord, Line, NewLine, RecordError};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{Desk, log_named, parts, recorded, request_name, sections, settle, titles};
use crate::args::{HowOpened, Redefine, Share};
use crate::digits::{found, short};
use crate::file;
use crate::home::{Home, now};
use crate::output::{say, show, warn};

/// Largest signed document: the largest FHIR document, with its salts.
const MAX_SIGNED: usize = 32 << 20;
/// Largest text of a paper.
const MAX_PAPER: usize = 1024;
/// For how long a line is opened, unless it is said.
const MINUTES: u32 = 8 * 60;

/// Begins a record.
pub fn new(home: &Home, as_json: bool) -> Result<()> {
    let (_, authority) = home.authority()?;
    let store = home.store()?.identity().context("this wallet's node has no record store")?;
    let mut desk = Desk::synced(home)?;
    let record = desk.records().begin(&store, &authority)?;
    let holder = hex(desk.records().holder(&record)?.as_sec1());
    if as_json {
        say!("{}", json!({ "record": record.to_string(), "holder": holder }));
        return Ok(());
    }
    say!("record {record}");
    say!("1. The registrar makes a code for it, and you enrol:");
    say!("     countersign node code patient {record}");
    say!("     countersign record enrol CODE");
    say!("2. A doctor signs a document for it:");
    say!("     countersign record sign FILE -o SIGNED --record {record} --holder {holder}");
    say!("     countersign record take SIGNED");
    Ok(())
}

/// Has a record's key certified.
pub fn enrol(home: &Home, record: Option<&RecordId>, code: &str, as_json: bool) -> Result<()> {
    let mut desk = Desk::synced(home)?;
    let record = desk.record(record)?;
    let client = home.client()?;
    let certificate = desk.records().enrol(&client, &record, code)?;
    if as_json {
        say!(
            "{}",
            json!({ "identity": certificate.identity().as_str(), "until": certificate.not_after().to_string() })
        );
    } else {
        say!("enrolled as {}, until {}", certificate.identity(), certificate.not_after());
    }
    if desk.records().one(&record)?.restoring {
        fetch(home, &mut desk, &record, as_json)?;
    }
    Ok(())
}

/// Prints a record's secret, for paper.
pub fn paper(home: &Home, record: Option<&RecordId>, as_json: bool) -> Result<()> {
    let mut desk = Desk { snapshot: home.snapshot()?, client: home.client()?, keys: home.vault()? };
    let record = desk.record(record)?;
    let paper = desk.records().paper(&record)?.to_text();
    if as_json {
        say!("{}", json!({ "record": record.to_string(), "paper": paper.as_str() }));
        return Ok(());
    }
    warn(format_args!(
        "whoever has this, and a code of the registrar's, owns the record: keep it on paper, apart from the phone"
    ));
    show!("{}", paper.as_str());
    Ok(())
}

/// Begins to restore a record from its paper, or goes on with it.
pub fn restore(home: &Home, file: Option<&Path>, as_json: bool) -> Result<()> {
    let text = Zeroizing::new(match file {
        Some(file) => file::text(file, "a record's paper: seven lines of letters and digits", MAX_PAPER)?,
        None => typed()?,
    });
    let paper = Paper::parse(&text)?;
    let (_, authority) = home.authority()?;
    let store = home.store()?.identity().context("this wallet's node has no record store")?;
    let mut desk = Desk::synced(home)?;
    let record = desk.records().restore(&paper, &store, &authority)?;
    let held = desk.records().one(&record)?;
    if held.region.is_some() {
        return fetch(home, &mut desk, &record, as_json);
    }
    if as_json {
        say!("{}", json!({ "record": record.to_string(), "restoring": true }));
        return Ok(());
    }
    say!("record {record}");
    say!(
        "The registrar makes another code for it, and revokes the certificate of the phone that is lost. Then:"
    );
    say!("  countersign record enrol CODE --record {record}");
    Ok(())
}

/// The lines of a paper, as they are typed.
fn typed() -> Result<String> {
    const LINES: usize = 7;
    let mut text = String::with_capacity(MAX_PAPER);
    for line in 1..=LINES {
        let line = rpassword::prompt_password(format!("Line {line} of {LINES}: "));
        let line = Zeroizing::new(line.context("no paper: type its lines at a terminal, or name a file")?);
        text.push_str(&line);
        text.push('\n');
    }
    Ok(text)
}

/// Fetches what there is of a record that is restored.
fn fetch(home: &Home, desk: &mut Desk, record: &RecordId, as_json: bool) -> Result<()> {
    desk.sync()?;
    publish(home, desk, record)?;
    let held = desk.records().one(record)?;
    let view = view(desk, record).unwrap_or_default();
    if as_json {
        say!("{}", described(&held, &view));
    } else {
        let version = held.version.unwrap_or_default();
        say!("version {version} of {record} is here again; {} lines open it to others", held.lines.len());
    }
    Ok(())
}

/// Takes a signed document, and publishes it.
pub fn take(
    home: &Home,
    record: Option<&RecordId>,
    (signed, images): (&Path, &[PathBuf]),
    as_json: bool,
) -> Result<()> {
    let mut desk = Desk::synced(home)?;
    let record = desk.record(record)?;
    let signed = file::read(signed, "a signed document, as `countersign record sign` writes it", MAX_SIGNED)?;
    let view = match desk.records().take(&record, &signed) {
        // It is here, and its images come later.
        Err(RecordError::NotNewer { shown, current }) if shown == current && !images.is_empty() => {
            document(&mut desk, &record)?.0
        }
        view => view?,
    };
    for path in images {
        take_image(&mut desk, &record, path)?;
    }
    publish(home, &mut desk, &record)?;
    let held = desk.records().one(&record)?;
    if as_json {
        say!("{}", described(&held, &view));
    } else {
        let version = held.version.unwrap_or_default();
        say!("version {version} of {record}: {}, {}, by {}", view.title, view.date, view.authors.join(", "));
    }
    Ok(())
}

/// Takes an image: whichever it is of those that the document names.
fn take_image(desk: &mut Desk, record: &RecordId, path: &Path) -> Result<()> {
    let named = || path.display().to_string();
    let open = || File::open(path).with_context(named);
    let image = Image::read("", "", &mut open()?).with_context(named)?;
    let held = desk.records().images(record)?;
    let held = held.into_iter().find(|held| held.image.digest == image.digest);
    let held = held.with_context(|| format!("{} is no image that the document names", path.display()))?;
    desk.records().take_image(record, &held.image, &mut open()?).with_context(named)
}

/// Prints what there is, and who may see it.
pub fn list(home: &Home, as_json: bool) -> Result<()> {
    let mut desk = Desk::synced(home)?;
    for held in desk.records().all()? {
        let view = view(&mut desk, &held.record).unwrap_or_default();
        if as_json {
            say!("{}", described(&held, &view));
            continue;
        }
        let version =
            held.version.map_or_else(|| "no document".to_owned(), |version| format!("version {version}"));
        say!("record {}, {version}", held.record);
        for section in &view.sections {
            say!("  {} ({})", section.title, section.code.as_deref().unwrap_or("no code"));
        }
        for image in desk.records().images(&held.record).unwrap_or_default() {
            let here = if image.here { "here" } else { "not here: ask the doctor for the file" };
            say!("  image {}, {} bytes, {here}", image.image.locator, image.image.length);
        }
        for line in &held.lines {
            say!("  {}", line_told(line, &view));
        }
        if held.restoring {
            say!(
                "  from its paper, and not here yet: enrol again, and `countersign record restore` fetches it"
            );
        }
        if held.changing_to.is_some() {
            say!("  a change is on its way: any command that changes the record goes on with it");
        }
    }
    Ok(())
}

/// Opens parts to whoever fits a policy.
pub fn share(home: &Home, args: &Share, as_json: bool) -> Result<()> {
    let mut desk = Desk::synced(home)?;
    let record = desk.record(args.record.as_ref())?;
    let (view, count) = document(&mut desk, &record)?;
    let parts = parts(&view, count, &args.sections)?;
    let policy: Policy = args.policy.parse().with_context(|| format!("the policy `{}`", args.policy))?;
    let minutes = args.minutes.unwrap_or(MINUTES);
    let line = NewLine { log: log_of(args.whole)?, policy, mode: mode(args.opened), minutes, parts };
    // A line that was cut off on its way is not made a second time.
    let same = |held: &HeldRecord| {
        let mut lines = held.changing_to.iter().flatten();
        lines.any(|one| one.policy == line.policy && one.parts == line.parts && one.log == line.log)
    };
    if !same(&desk.records().one(&record)?) {
        desk.records().add_line(&record, &line)?;
    }
    publish(home, &mut desk, &record)?;
    let held = desk.records().one(&record)?;
    let made = held.lines.iter().rev().find(|one| one.policy == line.policy && one.log == line.log);
    if let Some(made) = made {
        if as_json {
            say!("{}", line_json(made, &view));
        } else {
            say!("{}", line_told(made, &view));
        }
    }
    Ok(())
}

/// Changes what a line opens and how, or closes it.
pub fn redefine(home: &Home, args: &Redefine, as_json: bool) -> Result<()> {
    let mut desk = Desk::synced(home)?;
    let record = desk.record(args.record.as_ref())?;
    let (view, count) = document(&mut desk, &record)?;
    let lines = desk.records().one(&record)?.lines;
    let line = found(lines, &args.line, "line", |line| line.label.to_string())?;
    let mut records = desk.records();
    if args.close {
        records.remove_line(&record, line.label)?;
    }
    if let Some(named) = &args.sections {
        records.set_parts(&record, line.label, parts(&view, count, named)?)?;
    }
    if args.opened.is_some() || args.minutes.is_some() {
        let mode = args.opened.map_or(line.mode, mode);
        records.set_mode(&record, line.label, (mode, args.minutes.unwrap_or(line.minutes)))?;
    }
    publish(home, &mut desk, &record)?;
    let held = desk.records().one(&record)?;
    let current = held.lines.iter().find(|one| one.label == line.label);
    let closed = line.parts.0 & !current.map_or(0, |one| one.parts.0) != 0;
    if closed && !as_json {
        let accesses = desk.records().accesses(&record, now())?;
        accesses.readers_of(line.label).for_each(read_told);
    }
    match (current, as_json) {
        (Some(line), true) => say!("{}", line_json(line, &view)),
        (Some(line), false) => say!("{}", line_told(line, &view)),
        (None, true) => say!("{}", json!({ "line": line.label.to_string(), "closed": true })),
        (None, false) => say!("line {} is closed; what was read stays read", short(&line.label.to_string())),
    }
    Ok(())
}

/// Says whether those who fit no line may ask.
pub fn ask_me(home: &Home, record: Option<&RecordId>, may: bool, as_json: bool) -> Result<()> {
    let mut desk = Desk::synced(home)?;
    let record = desk.record(record)?;
    desk.records().set_open(&record, may)?;
    publish(home, &mut desk, &record)?;
    if as_json {
        say!("{}", json!({ "record": record.to_string(), "open": may }));
    } else if may {
        say!("whoever has the link, and is vouched for, may ask you");
    } else {
        say!("those who fit no line are denied at once");
    }
    Ok(())
}

/// Prints the record's link.
pub fn link(home: &Home, record: Option<&RecordId>, as_json: bool) -> Result<()> {
    let mut desk = Desk::synced(home)?;
    let record = desk.record(record)?;
    let link = desk.records().link(&record)?.to_text();
    if as_json {
        say!("{}", json!({ "record": record.to_string(), "link": link.as_str() }));
    } else {
        say!("{}", link.as_str());
    }
    Ok(())
}

/// Prints who asked, and who was let see what: all of it, proven.
pub fn log(home: &Home, record: Option<&RecordId>, as_json: bool) -> Result<()> {
    let mut desk = Desk::synced(home)?;
    let record = desk.record(record)?;
    let accesses = desk.records().accesses(&record, now())?;
    for access in &accesses.list {
        if as_json {
            say!("{}", access_json(access));
        } else {
            access_told(access);
        }
    }
    if !as_json {
        if accesses.unread > 0 {
            say!(
                "{} more are on the ledger that were never requests: nobody was let see anything by them",
                accesses.unread
            );
        }
        say!("Complete as of {}: {} in all.", accesses.complete_as_of, accesses.list.len());
    }
    Ok(())
}

/// Grants a request that waits.
pub fn allow(
    home: &Home,
    record: Option<&RecordId>,
    request: &str,
    named: Option<&str>,
    as_json: bool,
) -> Result<()> {
    let mut desk = Desk::synced(home)?;
    let record = desk.record(record)?;
    let access = access(&mut desk, &record, request)?;
    let what = match named {
        None if access.label.is_none() => {
            bail!("it asks for no line: say what it is allowed, with --sections");
        }
        None => Allow::Asked,
        Some(named) => {
            let (view, count) = document(&mut desk, &record)?;
            Allow::Parts(parts(&view, count, named)?)
        }
    };
    let client = home.client()?;
    match desk.records().allow(&client, &record, &access.thread, what, now())? {
        Some(done) => recorded(done.id, done.index, as_json),
        None => {
            publish(home, &mut desk, &record)?;
            if !as_json {
                say!("a line of the requester's own is published, and the request is granted");
            }
        }
    }
    settle(&mut desk)
}

/// Denies a request that waits.
pub fn deny(home: &Home, record: Option<&RecordId>, request: &str, as_json: bool) -> Result<()> {
    let mut desk = Desk::synced(home)?;
    let record = desk.record(record)?;
    let access = access(&mut desk, &record, request)?;
    let client = home.client()?;
    let done = desk.records().deny(&client, &record, &access.thread, now())?;
    recorded(done.id, done.index, as_json);
    settle(&mut desk)
}

/// Withdraws a grant.
pub fn withdraw(home: &Home, record: Option<&RecordId>, request: &str, as_json: bool) -> Result<()> {
    let mut desk = Desk::synced(home)?;
    let record = desk.record(record)?;
    let access = access(&mut desk, &record, request)?;
    let client = home.client()?;
    let done = desk.records().withdraw(&client, &record, &access.thread, now())?;
    recorded(done.id, done.index, as_json);
    if !as_json {
        say!("nothing more is delivered; what was read stays read");
    }
    settle(&mut desk)
}

/// Makes what is on its way hold.
fn publish(home: &Home, desk: &mut Desk, record: &RecordId) -> Result<()> {
    let (client, store) = (home.client()?, home.store()?);
    let done = desk.records().proceed(&client, &store, record, now());
    done.context("the change is kept, and does not hold yet; the same command again goes on with it")?;
    settle(desk)
}

fn access(desk: &mut Desk, record: &RecordId, request: &str) -> Result<Access> {
    let list = desk.records().accesses(record, now())?.list;
    found(list, request, "request", |access| request_name(&access.thread).to_owned())
}

pub(super) fn document(desk: &mut Desk, record: &RecordId) -> Result<(View, usize)> {
    let opened = desk.records().document(record)?;
    Ok((View::of(opened.parts()), opened.commitment().count()))
}

pub(super) fn view(desk: &mut Desk, record: &RecordId) -> Option<View> {
    document(desk, record).ok().map(|(view, _)| view)
}

fn log_of(is_whole: bool) -> Result<LogName> {
    let log = if is_whole { FULL } else { SHARED };
    log.map_err(|_| anyhow::anyhow!("no log for records"))
}

const fn mode(opened: HowOpened) -> Mode {
    match opened {
        HowOpened::AtOnce => Mode::AtOnce,
        HowOpened::Ask => Mode::Ask,
        HowOpened::Emergency => Mode::Emergency,
    }
}

const fn how(mode: Mode) -> &'static str {
    match mode {
        Mode::Owner => "for the owner alone",
        Mode::AtOnce => "at once",
        Mode::Ask => "when you allow it",
        Mode::Emergency => "at once in an emergency, with a reason",
    }
}

fn line_told(line: &Line, view: &View) -> String {
    let Line { policy, mode, minutes, parts, .. } = line;
    let label = line.label.to_string();
    let (count, titles) = (sections(*parts), titles(view, *parts).join(", "));
    format!(
        "line {} ({}): {policy}; {}, for {minutes} minutes; {count} sections: {titles}",
        short(&label),
        log_named(line.log),
        how(*mode)
    )
}

fn line_json(line: &Line, view: &View) -> Value {
    json!({
        "line": line.label.to_string(),
        "log": line.log.to_string(),
        "policy": line.policy.as_str(),
        "opened": how(line.mode),
        "minutes": line.minutes,
        "sections": titles(view, line.parts),
        "epoch": line.epoch.to_string(),
    })
}

fn described(held: &HeldRecord, view: &View) -> Value {
    let section = |section: &countersign_records::Section| json!({ "title": section.title, "code": section.code, "part": section.part, "state": section.state.as_str() });
    json!({
        "record": held.record.to_string(),
        "version": held.version,
        "open": held.open,
        "published": held.published,
        "sections": view.sections.iter().map(section).collect::<Vec<_>>(),
        "lines": held.lines.iter().map(|line| line_json(line, view)).collect::<Vec<_>>(),
    })
}

const fn state(state: AccessState) -> &'static str {
    match state {
        AccessState::Waiting => "waiting",
        AccessState::Granted => "granted",
        AccessState::Denied => "denied",
        AccessState::Withdrawn => "withdrawn",
        AccessState::Ended => "ended",
    }
}

/// Says who has read what is closed from now on.
fn read_told(access: &Access) {
    let who = match &access.who {
        Ok(who) => format!("{} ({})", who.ask.name, who.certificate.identity()),
        Err(_) => format!("somebody for whom {} vouched", access.authority),
    };
    let last = access.deliveries.iter().map(|one| one.at).max().unwrap_or_default();
    say!("! {who} was handed it, last at {last}: what was read stays read");
}

/// Prints a request, who made it, and what followed.
pub fn access_told(access: &Access) {
    let request = short(request_name(&access.thread));
    let who = match &access.who {
        Ok(who) => format!("{} ({}), {}", who.ask.name, who.certificate.identity(), who.ask.purpose),
        Err(error) => format!("somebody for whom {} vouches: {error}", access.authority),
    };
    let what = access.policy.as_ref().map_or_else(|| "asks you".to_owned(), Policy::to_string);
    let urgent = if access.emergency { "EMERGENCY, " } else { "" };
    say!("{request}  {}  {who}", access.asked_at);
    say!("          {urgent}{what}: {}, until {}", state(access.state), access.until);
    if let Ok(who) = &access.who
        && let Some(reason) = &who.ask.reason
    {
        say!("          reason: {reason}");
    }
    for delivery in &access.deliveries {
        say!("          handed over {}", delivery.at);
    }
    if let Some(fault) = &access.fault {
        say!("          ! {fault}");
    }
    if access.unrecorded {
        say!("          ! your answer is not yet recorded");
    }
}

fn access_json(access: &Access) -> Value {
    let who = access.who.as_ref();
    json!({
        "request": request_name(&access.thread),
        "log": access.log.to_string(),
        "asked": access.asked_at.to_string(),
        "who": who.map(|who| who.certificate.identity().to_string()).ok(),
        "name": who.map(|who| who.ask.name.clone()).ok(),
        "purpose": who.map(|who| who.ask.purpose.clone()).ok(),
        "reason": who.ok().and_then(|who| who.ask.reason.clone()),
        "unnamed": who.err().map(ToString::to_string),
        "authority": access.authority.as_str(),
        "policy": access.policy.as_ref().map(Policy::as_str),
        "emergency": access.emergency,
        "state": state(access.state),
        "until": access.until.to_string(),
        "deliveries": access.deliveries.iter().map(|one| one.at.to_string()).collect::<Vec<_>>(),
        "fault": access.fault,
        "unrecorded": access.unrecorded,
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
