//! `record`: medical records at a desk: a document examined, an author's signature, what a patient decides, what a doctor asks for.

mod clinician;
mod examine;
mod patient;
mod shared_links;

pub use self::examine::described;
pub use self::patient::access_told;
pub use self::shared_links::{end_link, links, share_by_link};

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use countersign_ledger::{Hash, Identity, LogName, Subject};
use countersign_records::{FIRST_SECTION, HEADER, PATIENT, Parts, REMAINDER, RecordId, View};
use countersign_wallet::{Client, Clinician, KeyStore, Records, Snapshot};

use crate::args::{OnOff, Record, RecordCommand as C};
use crate::home::Home;
use crate::output::say;
use crate::progress;

/// Runs a command on records.
pub fn run(home: impl Fn() -> Result<Home>, args: &Record, as_json: bool) -> Result<u8> {
    match &args.command {
        C::Inspect { files } => return Ok(examine::each(files, as_json, examine::inspect)),
        C::Prove { files } => return Ok(examine::each(files, as_json, examine::prove)),
        C::Authority { address, root } => use_authority(&home()?, address, root.as_deref(), as_json)?,
        C::New => patient::new(&home()?, as_json)?,
        C::Enrol { code, record } => patient::enrol(&home()?, record.as_ref(), code, as_json)?,
        C::Sign(args) => clinician::sign(&home()?, args, as_json)?,
        C::Take { file, images, record } => {
            patient::take(&home()?, record.as_ref(), (file, images), as_json)?;
        }
        C::List => patient::list(&home()?, as_json)?,
        C::Share(args) => patient::share(&home()?, args, as_json)?,
        C::Redefine(args) => patient::redefine(&home()?, args, as_json)?,
        C::AskMe { may, record } => patient::ask_me(&home()?, record.as_ref(), *may == OnOff::On, as_json)?,
        C::HealthLink(command) => return super::link::run(&home()?, command, as_json),
        C::Link { record } => patient::link(&home()?, record.as_ref(), as_json)?,
        C::Paper { record } => patient::paper(&home()?, record.as_ref(), as_json)?,
        C::Restore { file } => patient::restore(&home()?, file.as_deref(), as_json)?,
        C::Log { record } => patient::log(&home()?, record.as_ref(), as_json)?,
        C::Allow { request, sections, record } => {
            patient::allow(&home()?, record.as_ref(), request, sections.as_deref(), as_json)?;
        }
        C::Deny { request, record } => patient::deny(&home()?, record.as_ref(), request, as_json)?,
        C::Withdraw { request, record } => patient::withdraw(&home()?, record.as_ref(), request, as_json)?,
        C::Request(args) => clinician::request(&home()?, args, as_json)?,
        C::Open { output, request } => clinician::open(&home()?, request.as_deref(), output, as_json)?,
    }
    Ok(0)
}

/// Says which authority this wallet uses.
fn use_authority(home: &Home, address: &str, root: Option<&Path>, as_json: bool) -> Result<()> {
    let identity = home.use_authority(address, root).context("the attribute authority does not answer")?;
    if as_json {
        say!("{}", serde_json::json!({ "authority": identity.as_str() }));
    } else {
        say!("this wallet uses {identity}");
    }
    Ok(())
}

/// A wallet at work on records: its snapshot, its keys, and the way to the node.
struct Desk {
    snapshot: Snapshot,
    client: Client,
    keys: Arc<dyn KeyStore>,
}

impl Desk {
    /// The wallet, with what the ledger says now.
    fn synced(home: &Home) -> Result<Self> {
        let mut desk = Self { snapshot: home.snapshot()?, client: home.client()?, keys: home.vault()? };
        desk.sync()?;
        Ok(desk)
    }

    fn sync(&mut self) -> Result<()> {
        progress::sync(&mut self.snapshot, &self.client)?;
        Ok(())
    }

    fn records(&mut self) -> Records<'_> {
        Records::new(&mut self.snapshot, Arc::clone(&self.keys))
    }

    fn clinician(&mut self, authority: &Identity) -> Result<Clinician<'_>> {
        let keys = Arc::clone(&self.keys);
        Ok(Clinician::new(&mut self.snapshot, keys, super::act::KEY, authority)?)
    }

    /// The record that is meant: the one that was named, or the only one.
    fn record(&mut self, named: Option<&RecordId>) -> Result<RecordId> {
        if let Some(record) = named {
            return Ok(*record);
        }
        match self.records().all()?.as_slice() {
            [only] => Ok(only.record),
            [] => bail!("there is no record here: begin one with `countersign record new`"),
            _ => bail!("there are several records here: say which with --record"),
        }
    }
}

/// Sections as people name them: `all`, or codes or titles, with commas between. The header, and with all sections the rest, is
/// among the parts.
pub fn parts(view: &View, count: usize, named: &str) -> Result<Parts> {
    if named == "all" {
        return Ok(Parts::all(count));
    }
    let mut parts = vec![HEADER];
    for name in named.split(',').map(str::trim) {
        if name == "patient" {
            parts.push(PATIENT);
            continue;
        }
        let is = |title: &str| title.eq_ignore_ascii_case(name);
        let before = parts.len();
        let sections = view.sections.iter();
        let found = sections.filter(|one| is(&one.title) || one.code.as_deref().is_some_and(is));
        parts.extend(found.map(|section| section.part));
        ensure!(
            parts.len() > before,
            "no section has the title or the code `{name}`: `countersign record list` shows them"
        );
    }
    Ok(Parts::of(parts))
}

/// The titles of what some parts show.
pub fn titles(view: &View, parts: Parts) -> Vec<String> {
    let sections = view.sections.iter().filter(|section| parts.has(section.part));
    let details = [(PATIENT, "patient details"), (REMAINDER, "the rest")];
    let details = details.into_iter().filter(|(part, _)| parts.has(*part)).map(|(_, title)| title.to_owned());
    sections.map(|section| section.title.clone()).chain(details).collect()
}

/// How many sections are among some parts.
fn sections(parts: Parts) -> usize {
    parts.numbers().filter(|part| *part >= FIRST_SECTION).count()
}

/// The name of a request within its record.
fn request_name(thread: &Subject) -> &str {
    thread.as_str().rsplit(':').next().unwrap_or_default()
}

fn log_named(log: LogName) -> &'static str {
    if Ok(log) == countersign_records::FULL { "whole records" } else { "shared" }
}

fn recorded(id: Hash, index: u64, as_json: bool) {
    if as_json {
        say!("{}", serde_json::json!({ "statement": id.to_string(), "index": index }));
    } else {
        say!("recorded at index {index}");
    }
}

/// What was on its way has come through; the wallet's snapshot says so from now on.
fn settle(desk: &mut Desk) -> Result<()> {
    desk.sync().context("what was done is recorded; the wallet could not be synced after it")
}
