//! `record`: medical records at a desk.
//!
//! `inspect` says what is in each part of a document; `prove` sends a document through cutting, signing, sealing, sharing,
//! opening and joining, under keys that are thrown away.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use countersign_ledger::certificate::{self, Period};
use countersign_ledger::{
    Certificate, Hash, Identity, LogName, Signer as _, SoftwareKey, TrustStore, UnixMillis,
};
use countersign_records::{
    Current, Cut, Delivery, FIRST_SECTION, HEADER, Key, Line, Lock, MAX_DOCUMENT, PATIENT, Part, Parts,
    REMAINDER, Reader, Received, RecordId, Role, Rule, SHARED, Sealed, Secret, Section, State, Unsigned,
    View, label,
};
use getrandom::SysRng;
use getrandom::rand_core::{Rng as _, UnwrapErr};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::args::{Record, RecordCommand};
use crate::file;
use crate::home::now;
use crate::output::{say, show, told, warn};

/// Randomness of the operating system. Without it no key is made, and [`prove`] has looked whether it is there.
type Random = UnwrapErr<SysRng>;

/// Runs a command on each file; the exit code is 1 if one of them could not be read.
pub fn run(args: &Record, as_json: bool) -> u8 {
    let (files, command): (_, fn(&Path, bool) -> Result<()>) = match &args.command {
        RecordCommand::Inspect { files } => (files, inspect),
        RecordCommand::Prove { files } => (files, prove),
    };
    let mut code = 0;
    for file in files {
        if let Err(error) = command(file, as_json) {
            // The other files are still answered.
            let (error, named) = (told(&error), file.display().to_string());
            warn(format_args!(
                "{}",
                if error.contains(&named) { error } else { format!("{named}: {error}") }
            ));
            code = 1;
        }
    }
    code
}

/// What the files are.
const DOCUMENT: &str = "a FHIR document, a JSON Bundle of type document";

/// Prints a line for each part of a document.
fn inspect(file: &Path, as_json: bool) -> Result<()> {
    let document = file::read(file, DOCUMENT, MAX_DOCUMENT)?;
    let cut = Cut::new(&document)?;
    let parts = cut.parts();
    let view = View::of(&parts);
    if !as_json {
        show!("{}", described(file, &cut, &parts, &view));
        return Ok(());
    }
    for part in &parts {
        let section = view.sections.iter().find(|section| section.part == part.number());
        let mut line = json!({
            "file": file.display().to_string(),
            "part": part.number(),
            "section": section.map(|section| section.part - FIRST_SECTION + 1),
            "code": section.and_then(|section| section.code.as_deref()),
            "title": title(part, section),
            "state": state(part, section).as_str(),
            "resources": resources(part),
            "bytes": part.size(),
            "sha256": part.digest().to_string(),
        });
        if let State::Empty(Some(reason)) | State::Withheld(reason) = state(part, section) {
            line["reason"] = reason.into();
        }
        if let Some(section) = section {
            line["lines"] = section.lines.clone().into();
            line["marks"] = section.marks.iter().map(|mark| Value::from(mark.sentence())).collect();
            line["narrative"] = section.narrative.as_ref().map(|narrative| narrative.text.as_str()).into();
        }
        line["outside"] = loose(&cut, part, true).into();
        line["elsewhere"] = loose(&cut, part, false).into();
        say!("{line}");
    }
    Ok(())
}

fn title(part: &Part, section: Option<&Section>) -> String {
    match (section, part.number()) {
        (Some(section), _) => section.title.clone(),
        (None, HEADER) => "Header".to_owned(),
        (None, REMAINDER) => "Remainder".to_owned(),
        (None, PATIENT) => "Patient details".to_owned(),
        (None, _) => "A section that does not read".to_owned(),
    }
}

fn state(part: &Part, section: Option<&Section>) -> State {
    match section {
        Some(section) => section.state.clone(),
        None if part.fragments().next().is_none() => State::Empty(None),
        None => State::Present,
    }
}

/// How many resources a part brings, beside composition and patient.
fn resources(part: &Part) -> usize {
    part.fragments().filter(|(role, _)| matches!(role, Role::Entry | Role::Contained)).count()
}

/// The references of a part that a reader cannot follow: those that lead outside of the document, or into other sections.
fn loose(cut: &Cut<'_>, part: &Part, outside: bool) -> Vec<String> {
    let own = cut.loose().iter().filter(|one| Parts(one.parts).has(part.number()));
    own.filter(|one| (one.target == 0) == outside).map(|one| one.reference.clone()).collect()
}

/// A document as a person reads it.
fn described(file: &Path, cut: &Cut<'_>, parts: &[Part], view: &View) -> String {
    let mut text = String::new();
    // A write into memory cannot fail.
    let mut line = |line: &str| {
        let _ = writeln!(text, "{line}");
    };
    line(&format!(
        "{}: {} parts, {} bytes",
        file.display(),
        parts.len(),
        parts.iter().map(Part::size).sum::<usize>()
    ));
    line(&format!("  {}, {}, {}, by {}", view.title, view.date, view.status, view.authors.join(", ")));
    line(&format!("  {}, born {}", named(&view.patient), named(&view.birth_date)));
    for section in &view.sections {
        let Some(part) = parts.get(usize::from(section.part)) else { continue };
        match &section.state {
            State::Empty(None) => continue,
            State::Empty(Some(reason)) => line(&format!("  {}: empty; {reason}", section.title)),
            State::Withheld(reason) => line(&format!("  {}: {reason}", section.title)),
            State::Present => line(&format!("  {} ({} bytes)", section.title, part.size())),
        }
        section.lines.iter().for_each(|entry| line(&format!("    {entry}")));
        section.marks.iter().for_each(|mark| line(&format!("    ! {}", mark.sentence())));
        for reference in loose(cut, part, true) {
            line(&format!("    ! leads outside of the document: {reference}"));
        }
    }
    view.nothing_stated().iter().for_each(|nothing| line(&format!("  {nothing}")));
    text
}

fn named(text: &str) -> &str {
    if text.is_empty() { "not stated" } else { text }
}

/// Sends a document through the life of a record, and prints what came of it.
fn prove(file: &Path, as_json: bool) -> Result<()> {
    // Everything that follows needs it.
    getrandom::u32().context("the operating system gives no randomness")?;
    let document = file::read(file, DOCUMENT, MAX_DOCUMENT)?;
    let mut clock = Clock::default();
    let hospital = Hospital::new()?;
    let mut random = UnwrapErr(SysRng);

    let mut cut = clock.time("cut", || Cut::new(&document))?;
    let record = RecordId(bytes(&mut random));
    let (unsigned, statement) = clock.time("sign", || -> Result<_> {
        let unsigned = Unsigned::new(&mut cut, &[], &mut random);
        let holder = SoftwareKey::generate(&mut random).public_key();
        let draft = unsigned.draft(&record, 1, &Rule::any(unsigned.count()), &holder)?;
        let statement =
            draft.sign(&hospital.certificate, &hospital.doctor, hospital.now, bytes(&mut random))?;
        Ok((unsigned, statement))
    })?;
    let current = Current { version: 1, document: statement.id() };
    let signed = unsigned.signed(statement, &hospital.certificate);
    let count = signed.disclosures().len();
    let secret = Secret::new(Zeroizing::new(bytes(&mut random)));
    let sealed = clock.time("seal", || Sealed::new(&signed, &secret, &record, 1, |_| 0, &mut random))?;

    let half = Parts::of([HEADER].into_iter().chain((FIRST_SECTION..64).step_by(2)));
    let half = Parts(half.0 & Parts::all(count).0);
    let all = clock
        .time("share", || Shared::new(&sealed, &secret, &record, current, Parts::all(count), &mut random))?;
    let some =
        clock.time("share_half", || Shared::new(&sealed, &secret, &record, current, half, &mut random))?;

    let whole = clock.time("open", || all.open(&hospital.trust, Some(&all.policy_key)));
    let whole = whole.context("what was shared whole does not open")?;
    let opened = clock.time("open_half", || some.open(&hospital.trust, Some(&some.policy_key)));
    let opened = opened.context("the half that was shared does not open")?.opened;
    let identical = whole.opened.whole() == Some(document.as_slice());
    let half_opens = opened.parts().iter().map(Part::number).eq(half.numbers());
    let other = Key::new(Zeroizing::new(bytes(&mut random)));
    let outsider_refused = [&all, &some].iter().all(|shared| {
        let by_key = [None, Some(&other)].iter().all(|key| shared.open(&hospital.trust, *key).is_err());
        by_key && shared.without_link(&mut random).open(&hospital.trust, Some(&shared.policy_key)).is_err()
    });

    if as_json {
        let line = json!({
            "file": file.display().to_string(),
            "parts": count,
            "bytes": document.len(),
            "identical": identical,
            "half_opens": half_opens,
            "outsider_refused": outsider_refused,
            "policy_keys": "symmetric",
            "ms": clock.milliseconds(),
        });
        say!("{line}");
    } else {
        say!(
            "{}: {count} parts, {} bytes; joined: {}; half of it: {}; an outsider: {}",
            file.display(),
            document.len(),
            if identical { "the very same bytes" } else { "OTHER BYTES" },
            if half_opens { "opens" } else { "DOES NOT OPEN" },
            if outsider_refused { "refused" } else { "NOT REFUSED" },
        );
    }
    ensure!(identical && half_opens && outsider_refused, "the record does not hold");
    Ok(())
}

/// A hospital that exists for one proof.
struct Hospital {
    doctor: SoftwareKey,
    certificate: Certificate,
    trust: TrustStore,
    now: UnixMillis,
}

impl Hospital {
    fn new() -> Result<Self> {
        let (mut random, now) = (UnwrapErr(SysRng), now());
        let day = 24 * 3600 * 1000;
        let period = Period { from: UnixMillis(now.0.saturating_sub(day)), until: UnixMillis(now.0 + day) };
        let registrar = SoftwareKey::generate(&mut random);
        let doctor = SoftwareKey::generate(&mut random);
        let root = certificate::root("hospital.example", &registrar, period, bytes(&mut random))?;
        let identity = Identity::new("hospital.example", "doctor", "throw-away")?;
        let certificate =
            certificate::issue(&identity, &doctor.public_key(), &registrar, period, bytes(&mut random))?;
        let mut trust = TrustStore::new();
        trust.pin("hospital.example", &root);
        Ok(Self { doctor, certificate, trust, now })
    }
}

/// A line of a record, with all that a reader of it has. What a policy opens is a random key here: the policy itself is not
/// part of what is proven.
struct Shared<'a> {
    sealed: &'a Sealed,
    record: RecordId,
    link: countersign_records::Link,
    log: LogName,
    label: Hash,
    policy_key: Key,
    current: Current,
    line: Line,
}

impl<'a> Shared<'a> {
    fn new(
        sealed: &'a Sealed,
        secret: &Secret,
        record: &RecordId,
        current: Current,
        parts: Parts,
        random: &mut Random,
    ) -> Result<Self> {
        let (link, policy) = (secret.link(), "role: reader");
        let log = SHARED.context("no log for what is shared")?;
        let label = label(record, &bytes(random), policy);
        let policy_key = Key::new(Zeroizing::new(bytes(random)));
        let lock = Lock { header: vec![], authority: String::new(), epoch: 0, policy: policy.to_owned() };
        let key = link.line(&policy_key, record, log, label, lock.epoch);
        let line = sealed.line(lock, &key, &link, label, parts, random)?;
        Ok(Self { sealed, record: *record, link, log, label, policy_key, current, line })
    }

    /// The same for somebody who has the policy's key and another link.
    fn without_link(&self, random: &mut Random) -> Self {
        let link = countersign_records::Link::new(Zeroizing::new(bytes(random)));
        let line = Line { wraps: self.line.wraps.clone(), row: self.line.row.clone() };
        Self { link, line, policy_key: self.policy_key.clone(), ..*self }
    }

    fn open(&self, trust: &TrustStore, key: Option<&Key>) -> Result<Received> {
        let row = &self.line.row;
        let reader = Reader {
            record: &self.record,
            link: &self.link,
            log: self.log,
            label: self.label,
            row: row.hash(),
            current: self.current,
            trust,
        };
        let objects: Vec<&[u8]> = self.sealed.objects().chain([self.line.wraps.as_slice()]).collect();
        let kept: std::collections::HashMap<Hash, &[u8]> =
            objects.into_iter().map(|object| (Hash::of(object), object)).collect();
        let there: Vec<Option<&[u8]>> = row.digests().map(|digest| kept.get(&digest).copied()).collect();
        let [document, wraps, parts @ ..] = there.as_slice() else { bail!("the row is empty") };
        let delivery = Delivery { row, document: *document, wraps: *wraps, parts };
        Ok(reader.open(delivery, |_| key.cloned())?)
    }
}

fn bytes<const N: usize>(random: &mut Random) -> [u8; N] {
    let mut bytes = [0; N];
    random.fill_bytes(&mut bytes);
    bytes
}

/// How long each step took.
#[derive(Default)]
struct Clock(Vec<(&'static str, Duration)>);

impl Clock {
    fn time<R>(&mut self, step: &'static str, act: impl FnOnce() -> R) -> R {
        let start = Instant::now();
        let result = act();
        self.0.push((step, start.elapsed()));
        result
    }

    fn milliseconds(&self) -> Value {
        let steps = self.0.iter().map(|(step, took)| {
            // To the microsecond.
            let thousandths = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
            ((*step).to_owned(), Value::from(f64::from(thousandths) / 1000.0))
        });
        Value::Object(steps.collect())
    }
}
