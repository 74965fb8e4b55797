//! Medical records on their owner's phone: who may see what, who asked, who got what.

use std::fs::File;
use std::sync::Arc;

use countersign_ledger::{Hash, Identity, LogName, Subject};
use countersign_records::rules::{LOGS, Mode};
use countersign_records::{Image, Paper, Parts, RecordId};
use countersign_wallet::{
    self as wallet, Access, Allow, HeldRecord, NewLine, Publishing, RecordError, RecordStore,
};

use crate::clock::now;
use crate::document::{MedicalDocument, write_whole};
use crate::error::CountersignError as Error;
use crate::wallet::Wallet;

/// A patient, with the medical records of this phone.
///
/// What is to hold from now on is said with `share`, `set_parts`, `close` and the like; `step` makes it so. Each step is durable,
/// so the app may be killed at any moment, and goes on with `step`. What a doctor has read has been read.
#[derive(uniffi::Object)]
pub struct Records {
    pub(crate) wallet: Arc<Wallet>,
}

/// A medical record.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct MedicalRecord {
    /// Its number, in hexadecimal.
    pub id: String,
    /// The region that it belongs to; absent before the owner is enrolled.
    pub region: Option<String>,
    /// The version of its document; absent before there is one.
    pub version: Option<u64>,
    /// Whether somebody whom no line fits may ask.
    pub open: bool,
    /// Who may see what, as published.
    pub lines: Vec<RecordLine>,
    /// What is about to be published; absent if nothing is on its way. Until then `lines` holds.
    pub changing_to: Option<Vec<RecordLine>>,
    /// Whether the ledger has it.
    pub published: bool,
    /// Whether it comes from its paper: once the owner is enrolled, `step` fetches what there is of it.
    pub restoring: bool,
}

/// Who may see some parts of a record.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct RecordLine {
    /// By which it is named, in hexadecimal.
    pub label: String,
    /// Whether it is of the private log, and not of the shared one.
    pub is_private: bool,
    /// Who, such as `role: cardiologist and hospital: north`.
    pub policy: String,
    /// How it is opened.
    pub mode: LineMode,
    /// For how long, at most.
    pub minutes: u32,
    /// The parts, by number: see [`crate::MedicalSection::part`].
    pub parts: Vec<u8>,
}

/// How a line is opened to those who fit it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum LineMode {
    /// At once.
    AtOnce,
    /// When the patient says so.
    Ask,
    /// At once, in an emergency; whoever asks types a reason.
    Emergency,
}

/// A line to be made.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct NewRecordLine {
    /// Whether it is of the private log, and not of the shared one.
    pub is_private: bool,
    /// Who, such as `role: cardiologist and hospital: north`.
    pub policy: String,
    /// How it is opened.
    pub mode: LineMode,
    /// For how long, at most.
    pub minutes: u32,
    /// The parts, by number; the header is always among them.
    pub parts: Vec<u8>,
}

/// Who asked for a record, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct RecordAccesses {
    /// Emergencies first, then what waits for an answer, then the newest.
    pub list: Vec<RecordAccess>,
    /// Requests that do not count: nobody was let see anything by them.
    pub unread: u64,
    /// The list is complete as of then.
    pub complete_millis: u64,
}

/// A request, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct RecordAccess {
    /// By which it is answered.
    pub thread: String,
    /// When it was asked for.
    pub asked_millis: u64,
    /// The authority that vouched for it, and answers for it if nobody is named.
    pub authority: String,
    /// Who asked.
    pub requester: Option<RecordRequester>,
    /// If nobody is named: why, a sentence.
    pub unnamed: Option<String>,
    /// The policy of the line; absent if none was asked for, or it is no more.
    pub policy: Option<String>,
    /// Whether it was opened as an emergency: show it at once.
    pub emergency: bool,
    /// Until when.
    pub until_millis: u64,
    /// What came of it.
    pub state: AccessState,
    /// When something was handed over.
    pub delivered_millis: Vec<u64>,
    /// If the ledger holds what its rules do not allow: a sentence. Warn.
    pub fault: Option<String>,
    /// Whether the patient's answer is signed and not yet recorded.
    pub unrecorded: bool,
}

/// Who asked for a record.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct RecordRequester {
    /// A SPIFFE ID.
    pub identity: String,
    /// The name, by their own word.
    pub name: String,
    /// What for: a code of HL7's `PurposeOfUse`.
    pub purpose: String,
    /// Why, in their own words.
    pub reason: Option<String>,
}

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum AccessState {
    /// It waits for the patient.
    Waiting,
    /// It is granted, and its time runs.
    Granted,
    /// It was denied, by the patient or by what the patient decided before.
    Denied,
    /// It was granted, and then withdrawn.
    Withdrawn,
    /// Its time is over.
    Ended,
}

/// The result of a step of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum RecordStep {
    /// There is more to do.
    Further,
    /// Nothing is on its way: what is published is what holds.
    Done,
}

#[uniffi::export]
impl Records {
    /// The records of this wallet's owner.
    #[uniffi::constructor]
    pub fn new(wallet: Arc<Wallet>) -> Self {
        Self { wallet }
    }

    /// Begins a record in the store of the node in use. `authority` says who fits a policy: a SPIFFE ID. Show the number that is
    /// returned where the owner is enrolled.
    pub fn begin(&self, authority: &str) -> Result<String, Error> {
        let authority = Identity::parse(authority).map_err(|_| Error::invalid("member"))?;
        let store = self.wallet.record_store().identity()?;
        let record = self.act(|records| records.begin(&store, &authority))?;
        self.wallet.replan();
        Ok(record.to_string())
    }

    /// Begins to restore a record from its paper, as a person has typed or scanned it. Show the number that is returned where the owner
    /// is enrolled again; after `enrol`, `step` fetches what there is of it.
    pub fn restore(&self, paper: &str, authority: &str) -> Result<String, Error> {
        let paper = Paper::parse(paper).map_err(RecordError::from)?;
        let authority = Identity::parse(authority).map_err(|_| Error::invalid("member"))?;
        let store = self.wallet.record_store().identity()?;
        let record = self.act(|records| records.restore(&paper, &store, &authority))?;
        self.wallet.replan();
        Ok(record.to_string())
    }

    /// The record's secret, seven lines to be written on paper. Whoever has it and a code of the registrar's owns the record: show it
    /// when it is asked for, and let it be in no backup and no screenshot.
    pub fn paper(&self, record: &str) -> Result<String, Error> {
        let record = id(record)?;
        Ok(self.act(|records| records.paper(&record))?.to_text().to_string())
    }

    /// Has the record's owner enrolled by the code that was made for its number.
    pub fn enrol(&self, record: &str, code: &str) -> Result<(), Error> {
        let (record, client) = (id(record)?, self.wallet.client());
        self.act(|records| records.enrol(&client, &record, code)).map(drop)
    }

    /// The public key that a doctor signs the document for: SEC1, uncompressed.
    pub fn holder(&self, record: &str) -> Result<Vec<u8>, Error> {
        let record = id(record)?;
        Ok(self.act(|records| records.holder(&record))?.as_sec1().to_vec())
    }

    /// The records of this phone.
    pub fn all(&self) -> Result<Vec<MedicalRecord>, Error> {
        let held = self.act(|records| Ok(records.all()?.into_iter().map(MedicalRecord::from).collect()))?;
        Ok(held)
    }

    /// The record's link, to be shown as a QR code to whoever may ask. A secret: it shows who may ask, and opens nothing by itself.
    pub fn link(&self, record: &str) -> Result<String, Error> {
        let record = id(record)?;
        Ok(self.act(|records| records.link(&record))?.to_text().to_string())
    }

    /// Takes a document that a doctor signed. Each line opens of a newer version what it opened of the one before.
    #[expect(clippy::needless_pass_by_value, reason = "Kotlin hands over an array, and not a buffer")]
    pub fn take(&self, record: &str, document: Vec<u8>) -> Result<MedicalDocument, Error> {
        let record = id(record)?;
        self.act(|records| {
            records.take(&record, &document)?;
            own(records, &record)
        })
    }

    /// The document on this phone.
    pub fn document(&self, record: &str) -> Result<MedicalDocument, Error> {
        let record = id(record)?;
        self.act(|records| own(records, &record))
    }

    /// Takes an image that the document names, from a file that its author handed over. With the next steps it is shared with the part
    /// that names it, when all images of that part are here.
    pub fn take_image(&self, record: &str, digest: &str, path: &str) -> Result<(), Error> {
        let (record, digest) = (id(record)?, hash(digest)?);
        let mut file = File::open(path).map_err(|_| Error::invalid("image-file"))?;
        self.act(|records| {
            let image = image(records, &record, digest)?;
            records.take_image(&record, &image, &mut file)
        })
    }

    /// Writes an image that is on this phone to a file, whole or not at all.
    pub fn write_image(&self, record: &str, digest: &str, path: &str) -> Result<(), Error> {
        let (record, digest) = (id(record)?, hash(digest)?);
        write_whole(path, |to| {
            self.act(|records| {
                let image = image(records, &record, digest)?;
                records.write_image(&record, &image, to)
            })
        })
    }

    /// Opens some parts to somebody. Returns the line's label.
    pub fn share(&self, record: &str, line: NewRecordLine) -> Result<String, Error> {
        let (record, line) = (id(record)?, NewLine::try_from(line)?);
        Ok(self.act(|records| records.add_line(&record, &line))?.to_string())
    }

    /// Changes which parts a line opens. Of fewer, those that it no longer opens are sealed anew.
    pub fn set_parts(&self, record: &str, label: &str, parts: Vec<u8>) -> Result<(), Error> {
        let (record, label) = (id(record)?, hash(label)?);
        self.act(|records| records.set_parts(&record, label, Parts::of(parts)))
    }

    /// Changes how a line is opened, and for how long.
    pub fn set_mode(&self, record: &str, label: &str, mode: LineMode, minutes: u32) -> Result<(), Error> {
        let (record, label) = (id(record)?, hash(label)?);
        self.act(|records| records.set_mode(&record, label, (mode.into(), minutes)))
    }

    /// Closes a line: its grants end, and what it opened is sealed anew.
    pub fn close(&self, record: &str, label: &str) -> Result<(), Error> {
        let (record, label) = (id(record)?, hash(label)?);
        self.act(|records| records.remove_line(&record, label))
    }

    /// Says whether somebody whom no line fits may ask.
    pub fn set_open(&self, record: &str, open: bool) -> Result<(), Error> {
        let record = id(record)?;
        self.act(|records| records.set_open(&record, open))
    }

    /// Erases a record: from the store, and with the last step from this phone. Digests stay on the ledger.
    pub fn erase(&self, record: &str) -> Result<(), Error> {
        let record = id(record)?;
        self.act(|records| records.erase(&record))
    }

    /// Does the next step of what was said. Call it until it returns `Done`; a step that fails is done again.
    pub fn step(&self, record: &str) -> Result<RecordStep, Error> {
        let (record, client, store) = (id(record)?, self.wallet.client(), self.wallet.record_store());
        let done = self.act(|records| records.step(&client, &store, &record, now()))?;
        // The last step of an erasure follows it no longer.
        self.wallet.replan();
        Ok(match done {
            Publishing::Further => RecordStep::Further,
            Publishing::Done => RecordStep::Done,
        })
    }

    /// Begins a change if the record is due for this quarter's keys. Call it now and then.
    pub fn roll(&self, record: &str) -> Result<bool, Error> {
        let record = id(record)?;
        self.act(|records| records.roll(&record, now()))
    }

    /// Who asked, who was let see what, and what was handed over: complete as of the last sync.
    pub fn accesses(&self, record: &str) -> Result<RecordAccesses, Error> {
        let record = id(record)?;
        let accesses = self.act(|records| records.accesses(&record, now()))?;
        Ok(RecordAccesses {
            list: accesses.list.into_iter().map(RecordAccess::from).collect(),
            unread: accesses.unread as u64,
            complete_millis: accesses.complete_as_of.0,
        })
    }

    /// Grants a request that waits for the line that it asks for.
    pub fn allow(&self, record: &str, thread: &str) -> Result<(), Error> {
        self.allow_what(record, thread, Allow::Asked)
    }

    /// Grants a request that waits some parts, by a line of the requester's own: with the last step.
    pub fn allow_parts(&self, record: &str, thread: &str, parts: Vec<u8>) -> Result<(), Error> {
        self.allow_what(record, thread, Allow::Parts(Parts::of(parts)))
    }

    /// Denies a request that waits.
    pub fn deny(&self, record: &str, thread: &str) -> Result<(), Error> {
        let (record, thread, client) = (id(record)?, subject(thread)?, self.wallet.client());
        self.act(|records| records.deny(&client, &record, &thread, now())).map(drop)
    }

    /// Withdraws what was granted. Until it is recorded ([`RecordAccess::unrecorded`]) it does not hold.
    pub fn withdraw(&self, record: &str, thread: &str) -> Result<(), Error> {
        let (record, thread, client) = (id(record)?, subject(thread)?, self.wallet.client());
        self.act(|records| records.withdraw(&client, &record, &thread, now())).map(drop)
    }
}

impl Records {
    /// With its own snapshot: no lock is held while the key store waits for a person.
    pub(crate) fn act<T>(
        &self,
        act: impl FnOnce(&mut wallet::Records<'_>) -> Result<T, RecordError>,
    ) -> Result<T, Error> {
        self.wallet.act(|snapshot| Ok(act(&mut wallet::Records::new(snapshot, self.wallet.keys()))?))
    }

    fn allow_what(&self, record: &str, thread: &str, what: Allow) -> Result<(), Error> {
        let (record, thread, client) = (id(record)?, subject(thread)?, self.wallet.client());
        self.act(|records| records.allow(&client, &record, &thread, what, now())).map(drop)
    }
}

/// The patient's own document, with what is here of its images.
fn own(records: &wallet::Records<'_>, record: &RecordId) -> Result<MedicalDocument, RecordError> {
    let document = MedicalDocument::own(&records.document(record)?);
    let images = records.images(record)?.into_iter().filter(|held| held.here);
    Ok(document.with_images(images.map(|held| (held.part, held.image.digest))))
}

fn image(records: &wallet::Records<'_>, record: &RecordId, digest: Hash) -> Result<Image, RecordError> {
    let mut named = records.images(record)?.into_iter().map(|held| held.image);
    named.find(|image| image.digest == digest).ok_or(RecordError::Unknown)
}

impl Wallet {
    pub(crate) fn record_store(&self) -> RecordStore {
        RecordStore::new(self.https())
    }
}

/// A record's number.
pub(crate) fn id(text: &str) -> Result<RecordId, Error> {
    let subject = Subject::new(format!("urn:countersign:record:{text}")).ok();
    let record = subject.as_ref().and_then(RecordId::of);
    record.filter(|record| record.to_string() == text).ok_or_else(|| Error::invalid("record"))
}

pub(crate) fn hash(text: &str) -> Result<Hash, Error> {
    text.parse().map_err(|_| Error::invalid("line"))
}

pub(crate) fn subject(text: &str) -> Result<Subject, Error> {
    Subject::new(text).map_err(|_| Error::invalid("request"))
}

pub(crate) const fn log(is_private: bool) -> LogName {
    if is_private { LOGS[0] } else { LOGS[1] }
}

impl From<HeldRecord> for MedicalRecord {
    fn from(held: HeldRecord) -> Self {
        let lines = |lines: Vec<wallet::Line>| lines.into_iter().map(RecordLine::from).collect();
        Self {
            id: held.record.to_string(),
            region: held.region,
            version: held.version,
            open: held.open,
            lines: lines(held.lines),
            changing_to: held.changing_to.map(lines),
            published: held.published,
            restoring: held.restoring,
        }
    }
}

impl From<wallet::Line> for RecordLine {
    fn from(line: wallet::Line) -> Self {
        Self {
            label: line.label.to_string(),
            is_private: line.log == log(true),
            policy: line.policy.to_string(),
            mode: line.mode.into(),
            minutes: line.minutes,
            parts: line.parts.numbers().collect(),
        }
    }
}

impl TryFrom<NewRecordLine> for NewLine {
    type Error = Error;

    fn try_from(line: NewRecordLine) -> Result<Self, Error> {
        Ok(Self {
            log: log(line.is_private),
            policy: line.policy.parse().map_err(|_| Error::invalid("policy"))?,
            mode: line.mode.into(),
            minutes: line.minutes,
            parts: Parts::of(line.parts),
        })
    }
}

impl From<Mode> for LineMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::AtOnce => Self::AtOnce,
            // The owner's own line is on no screen.
            Mode::Ask | Mode::Owner => Self::Ask,
            Mode::Emergency => Self::Emergency,
        }
    }
}

impl From<LineMode> for Mode {
    fn from(mode: LineMode) -> Self {
        match mode {
            LineMode::AtOnce => Self::AtOnce,
            LineMode::Ask => Self::Ask,
            LineMode::Emergency => Self::Emergency,
        }
    }
}

impl From<Access> for RecordAccess {
    fn from(access: Access) -> Self {
        let unnamed = access.who.as_ref().err().map(ToString::to_string);
        Self {
            thread: access.thread.to_string(),
            asked_millis: access.asked_at.0,
            authority: access.authority.to_string(),
            requester: access.who.ok().map(|who| RecordRequester {
                identity: who.certificate.identity().to_string(),
                name: who.ask.name,
                purpose: who.ask.purpose,
                reason: who.ask.reason,
            }),
            unnamed,
            policy: access.policy.map(|policy| policy.to_string()),
            emergency: access.emergency,
            until_millis: access.until.0,
            state: access.state.into(),
            delivered_millis: access.deliveries.iter().map(|one| one.at.0).collect(),
            fault: access.fault,
            unrecorded: access.unrecorded,
        }
    }
}

impl From<wallet::AccessState> for AccessState {
    fn from(state: wallet::AccessState) -> Self {
        match state {
            wallet::AccessState::Waiting => Self::Waiting,
            wallet::AccessState::Granted => Self::Granted,
            wallet::AccessState::Denied => Self::Denied,
            wallet::AccessState::Withdrawn => Self::Withdrawn,
            wallet::AccessState::Ended => Self::Ended,
        }
    }
}
