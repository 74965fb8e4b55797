//! What a patient does with records of their own.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_abe::Policy;
use countersign_ledger::{
    Certificate, CertificateError, Hash, Identity, LogName, Signer as _, Subject, UnixMillis,
};
use countersign_records::rules::{LOGS, MAX_LINES, Mode, OWNER};
use countersign_records::{
    Answer, Epoch, Extraction, FIRST_SECTION, HEADER, Offer, Opened, Parts, RecordId, RecordLink, Secret,
    Section, View,
};
use getrandom::rand_core::Rng as _;
use zeroize::Zeroizing;

use super::access::{Access, AccessState, Accesses};
use super::error::RecordError;
use super::random;
use super::state::{Change, Content, HeldDocument, HeldLine, Holding, Later, Stage};
use crate::act::ActError;
use crate::client::Client;
use crate::issuer::{Issuer, Recorded};
use crate::key_store::{KeyStore, KeyStoreError, StoredKey};
use crate::snapshot::Snapshot;
use crate::store::{self, StoreError};

/// Names under which a phone keeps what it seals of a record.
pub(super) const STATE: &str = "state";
pub(super) const DOCUMENT: &str = "document";
/// For a line that was made for one requester, the longest that it is granted.
const PERSONAL_MINUTES: u32 = 24 * 60;

/// A record, as its owner's screen shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldRecord {
    /// The record.
    pub record: RecordId,
    /// The trust domain that the owner is enrolled in; none before.
    pub region: Option<String>,
    /// The version that is published, or about to be; none before there is a document.
    pub version: Option<u64>,
    /// Whether somebody who fits no line may ask.
    pub open: bool,
    /// Who may see what, as published.
    pub lines: Vec<Line>,
    /// The lines as they will be, if a change is on its way.
    pub changing_to: Option<Vec<Line>>,
    /// Whether the ledger has an index of it, as far as this phone knows.
    pub published: bool,
    /// Whether it comes from its paper, and is still to be fetched.
    pub restoring: bool,
}

/// A line, as its owner's screen shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its label, by which it is named.
    pub label: Hash,
    /// The log.
    pub log: LogName,
    /// Who may open it.
    pub policy: Policy,
    /// How it is opened.
    pub mode: Mode,
    /// For how long, at most.
    pub minutes: u32,
    /// The parts that it opens.
    pub parts: Parts,
    /// The epoch that it is wrapped for.
    pub epoch: Epoch,
}

/// A line to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLine {
    /// The log: that of whole records, or that of what is shared.
    pub log: LogName,
    /// Who may open it.
    pub policy: Policy,
    /// How it is opened: at once, on asking, in an emergency.
    pub mode: Mode,
    /// For how long, at most.
    pub minutes: u32,
    /// The parts that it opens; the header is always among them.
    pub parts: Parts,
}

/// What a waiting request is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allow {
    /// The line that it asks for.
    Asked,
    /// These parts, by a line of the requester's own.
    Parts(Parts),
}

/// A patient: a snapshot, and the key store with the keys and secrets of records.
pub struct Records<'a> {
    pub(super) snapshot: &'a mut Snapshot,
    pub(super) keys: Arc<dyn KeyStore>,
}

impl<'a> Records<'a> {
    /// The owner of these keys.
    pub fn new(snapshot: &'a mut Snapshot, keys: Arc<dyn KeyStore>) -> Self {
        Self { snapshot, keys }
    }

    /// Begins a record: its number, key and secret are made here, and it is followed from now on. `store` keeps its objects,
    /// `authority` says who fits a policy; both are of the region that the owner will be enrolled in.
    pub fn begin(&mut self, store: &Identity, authority: &Identity) -> Result<RecordId, RecordError> {
        let (mut id, mut secret) = ([0; 16], Zeroizing::new([0; 32]));
        let mut random = random()?;
        random.fill_bytes(&mut id);
        random.fill_bytes(secret.as_mut_slice());
        let record = RecordId(id);
        self.keys.keep_secret(secret_name(&record), secret.to_vec())?;
        StoredKey::make(Arc::clone(&self.keys), &key_name(&record))?;
        // What is followed without a record costs nothing; a record that is not followed would hide who asks.
        LOGS.iter().try_for_each(|log| self.snapshot.follow_family(*log, &record.subject()))?;
        self.save(&record, &Secret::new(secret), &Holding::new(store, authority))?;
        Ok(record)
    }

    /// Has the record's key certified by a one-time code, which was made for [`RecordId`] in the role of a patient.
    pub fn enrol(
        &mut self,
        client: &Client,
        record: &RecordId,
        code: &str,
    ) -> Result<Certificate, RecordError> {
        let (secret, mut holding) = self.load(record)?;
        let key = key_name(record);
        let certificate = self.issuer(client).enrol(&key, code)?;
        let identity = certificate.identity();
        if identity.role() != OWNER || identity.name() != record.to_string() {
            return Err(RecordError::OtherOwner);
        }
        holding.region = Some(identity.domain().to_owned());
        self.save(record, &secret, &holding)?;
        Ok(certificate)
    }

    /// The public key that a doctor signs documents for.
    pub fn holder(&self, record: &RecordId) -> Result<countersign_ledger::PublicKey, RecordError> {
        Ok(StoredKey::find(Arc::clone(&self.keys), &key_name(record))?.public_key())
    }

    /// The records of this phone.
    pub fn all(&mut self) -> Result<Vec<HeldRecord>, RecordError> {
        let mut all = Vec::new();
        for id in store::records(self.snapshot.store.read())? {
            let record = RecordId(id.try_into().map_err(|_| RecordError::Damaged)?);
            match self.one(&record) {
                // It was being erased, and its secret is gone.
                Err(RecordError::Act(ActError::KeyStore(KeyStoreError::Missing))) => self.forget(&record)?,
                one => all.push(one?),
            }
        }
        Ok(all)
    }

    /// One record.
    pub fn one(&self, record: &RecordId) -> Result<HeldRecord, RecordError> {
        let (_, holding) = self.load(record)?;
        let lines = |content: &Content| content.lines.iter().map(|line| shown(record, line)).collect();
        let newest = holding.change.as_ref().map_or(&holding.content, |change| &change.to);
        Ok(HeldRecord {
            record: *record,
            version: newest.document.as_ref().map(|document| document.version),
            open: holding.content.open,
            lines: lines(&holding.content),
            changing_to: holding.change.as_ref().map(|change| lines(&change.to)),
            published: holding.heads.iter().all(Option::is_some),
            restoring: holding.restoring,
            region: holding.region,
        })
    }

    /// The record's link, to be shown as a QR code to whoever may ask for it.
    pub fn link(&self, record: &RecordId) -> Result<RecordLink, RecordError> {
        let (secret, holding) = self.load(record)?;
        let region = holding.region.ok_or(RecordError::OtherOwner)?;
        let ledger = Hash::of(self.snapshot.genesis().to_json().as_bytes());
        Ok(RecordLink { record: *record, ledger, region, secret: secret.link() })
    }

    /// Takes a signed document from its author, whole. It is published with the next step ([`Records::proceed`]); each line opens
    /// of it the sections of the same code that it opened before, and nothing more.
    pub fn take(&mut self, record: &RecordId, document: &[u8]) -> Result<View, RecordError> {
        let (secret, holding) = self.load(record)?;
        let extraction = Extraction::from_bytes(document)?;
        let opened = self.verify(record, extraction)?;
        let holder = opened.commitment().statement().fields().bytes("holder");
        if holder != Some(&self.holder(record)?.as_sec1()[..]) {
            return Err(RecordError::OtherHolder);
        }
        let (author, trust) = (opened.author().fingerprint(), self.trust()?);
        if LOGS.iter().any(|log| trust.is_revoked(author, *log, u64::MAX)) {
            return Err(RecordError::AuthorRevoked);
        }
        let version = opened.commitment().version();
        let before = holding.change.as_ref().map_or(&holding.content, |change| &change.to);
        let current = before.document.as_ref().map_or(0, |document| document.version);
        if version <= current {
            return Err(RecordError::NotNewer { shown: version, current });
        }
        let (view, id) = (View::of(opened.parts()), opened.commitment().statement().statement().id());
        let mut to = before.clone();
        if let Some(old) = self.copy(record, &secret, true)? {
            let old = View::of(self.verify(record, old)?.parts());
            to.lines.iter_mut().for_each(|line| line.parts = carried_over(line.parts, &old, &view));
        }
        let rule = opened.commitment().rule();
        to.lines.retain(|line| rule.permits(line.parts));
        to.document = Some(HeldDocument { version, id, inventory: None });
        let sealed = secret.copy().seal(Some(record), DOCUMENT, document, &mut random()?)?;
        let change = Change { taken: true, ..Change::new(to) };
        self.begin_change(record, &secret, holding, change, |tx| {
            store::take_document(tx, &record.0, &sealed)
        })?;
        Ok(view)
    }

    /// The patient's own copy of the document, verified, as a screen shows it.
    pub fn document(&self, record: &RecordId) -> Result<Opened, RecordError> {
        let (secret, _) = self.load(record)?;
        let copy = self.copy(record, &secret, true)?.ok_or(RecordError::NoDocument)?;
        self.verify(record, copy)
    }

    /// Opens a line to somebody more.
    pub fn add_line(&mut self, record: &RecordId, line: &NewLine) -> Result<Hash, RecordError> {
        let held = new_line(line)?;
        let label = held.label(record);
        self.change(record, |to| {
            to.lines.push(held);
            Ok(())
        })?;
        Ok(label)
    }

    /// Changes which parts a line opens: more (wraps alone), or fewer, for which those that it no longer opens are sealed under
    /// new keys. Who has read them has read them.
    pub fn set_parts(&mut self, record: &RecordId, label: Hash, parts: Parts) -> Result<(), RecordError> {
        self.change(record, |to| {
            line_mut(record, to, label)?.parts = with_header(parts);
            Ok(())
        })
    }

    /// Changes how a line is opened, and for how long.
    pub fn set_mode(
        &mut self,
        record: &RecordId,
        label: Hash,
        (mode, minutes): (Mode, u32),
    ) -> Result<(), RecordError> {
        self.change(record, |to| {
            let line = line_mut(record, to, label)?;
            (line.mode, line.minutes) = (mode, minutes);
            Ok(())
        })
    }

    /// Closes a line: what it opened is sealed under new keys. Open grants of it end with it.
    pub fn remove_line(&mut self, record: &RecordId, label: Hash) -> Result<(), RecordError> {
        self.change(record, |to| {
            line_mut(record, to, label)?;
            to.lines.retain(|line| line.label(record) != label);
            Ok(())
        })
    }

    /// Whether somebody who fits no line may ask.
    pub fn set_open(&mut self, record: &RecordId, open: bool) -> Result<(), RecordError> {
        self.change(record, |to| {
            to.open = open;
            Ok(())
        })
    }

    /// What an auditor needs to read who asked: the record's number and this key. It opens no part.
    pub fn audit_key(&self, record: &RecordId) -> Result<Zeroizing<[u8; 32]>, RecordError> {
        let (secret, holding) = self.load(record)?;
        Ok(secret.agreement(holding.content.agreement).to_bytes())
    }

    /// Ends what an auditor can read: later requesters are named to another key.
    pub fn end_audit(&mut self, record: &RecordId) -> Result<(), RecordError> {
        self.change(record, |to| {
            to.agreement += 1;
            Ok(())
        })
    }

    /// Publishes the record again for keys of this quarter, if it is wrapped for those of an earlier one, at a time of its first week
    /// that is the record's own. Whether a change has begun.
    pub fn roll(&mut self, record: &RecordId, now: UnixMillis) -> Result<bool, RecordError> {
        let (secret, holding) = self.load(record)?;
        let epoch = Epoch::at(now);
        let old = holding.content.lines.iter().any(|line| line.epoch < epoch);
        if !old || holding.change.is_some() || now < secret.roll_at(epoch) {
            return Ok(false);
        }
        let change = Change::new(holding.content.clone());
        self.begin_change(record, &secret, holding, change, |_| Ok(()))?;
        Ok(true)
    }

    /// Erases a record: indexes without lines are published, the store removes its objects, and this phone forgets the secret and
    /// the document when both are proven. Digests stay on the logs.
    pub fn erase(&mut self, record: &RecordId) -> Result<(), RecordError> {
        let (secret, holding) = self.load(record)?;
        if holding.heads == [None, None] && holding.change.is_none() {
            return self.forget(record);
        }
        let mut to = holding.content.clone();
        (to.open, to.own) = (false, None);
        to.lines.clear();
        let change = Change { erase: true, ..Change::new(to) };
        self.begin_change(record, &secret, holding, change, |_| Ok(()))
    }

    /// Who asked, who was let see what, and what was handed over: all of it, as of the last sync.
    pub fn accesses(&mut self, record: &RecordId, now: UnixMillis) -> Result<Accesses, RecordError> {
        let (secret, holding) = self.load(record)?;
        let contents = [Some(&holding.content), holding.change.as_ref().map(|change| &change.to)];
        let lines = contents.into_iter().flatten().flat_map(|content| &content.lines);
        let policies: BTreeMap<Hash, Policy> =
            lines.map(|line| (line.label(record), line.offer.policy.clone())).collect();
        let newest =
            contents.into_iter().flatten().map(|content| content.agreement).max().unwrap_or_default();
        let agreements: Vec<_> = (0..=newest).map(|generation| secret.agreement(generation)).collect();
        Accesses::of(self.snapshot, record, &agreements, &policies, now)
    }

    /// Grants a request that waits: the line that it asks for, or parts by a line of the requester's own, which is published first;
    /// then nothing is returned yet, and [`Records::proceed`] answers.
    pub fn allow(
        &mut self,
        client: &Client,
        record: &RecordId,
        thread: &Subject,
        what: Allow,
        now: UnixMillis,
    ) -> Result<Option<Recorded>, RecordError> {
        let access = self.access(record, thread, now)?;
        if access.state != AccessState::Waiting {
            return Err(RecordError::NotWaiting);
        }
        let (secret, holding) = self.load(record)?;
        match (what, access.label) {
            (Allow::Asked, Some(label)) => {
                let line = holding.content.lines.iter().find(|line| line.label(record) == label);
                let line = line.ok_or(RecordError::Unknown)?;
                let until = access.until.min(UnixMillis(now.0 + u64::from(line.minutes) * 60_000));
                let answer = Answer::Grant { label, until };
                self.answer(client, record, access.log, thread, answer, now).map(Some)
            }
            (Allow::Asked, None) => Err(RecordError::Unknown),
            (Allow::Parts(parts), _) => {
                let requester = access.who?;
                let member = format!("member: {}", requester.certificate.identity());
                let line = NewLine {
                    log: access.log,
                    policy: member.parse()?,
                    mode: Mode::Ask,
                    minutes: PERSONAL_MINUTES,
                    parts,
                };
                let held = new_line(&line)?;
                let (log, thread, salt) = (access.log, thread.clone(), held.offer.salt);
                let answer = Later { log, thread, salt, until: access.until };
                let mut to = holding.content.clone();
                to.lines.push(held);
                self.check_permitted(record, &secret, &to)?;
                let change = Change { answer: Some(answer), ..Change::new(to) };
                self.begin_change(record, &secret, holding, change, |_| Ok(()))?;
                Ok(None)
            }
        }
    }

    /// Denies a request that waits.
    pub fn deny(
        &mut self,
        client: &Client,
        record: &RecordId,
        thread: &Subject,
        now: UnixMillis,
    ) -> Result<Recorded, RecordError> {
        self.answer_in(client, record, thread, (AccessState::Waiting, Answer::Deny), now)
    }

    /// Withdraws what was granted: nothing more is delivered from its place in the log on. What was read stays read.
    pub fn withdraw(
        &mut self,
        client: &Client,
        record: &RecordId,
        thread: &Subject,
        now: UnixMillis,
    ) -> Result<Recorded, RecordError> {
        self.answer_in(client, record, thread, (AccessState::Granted, Answer::Withdraw), now)
    }

    fn answer_in(
        &mut self,
        client: &Client,
        record: &RecordId,
        thread: &Subject,
        (state, answer): (AccessState, Answer),
        now: UnixMillis,
    ) -> Result<Recorded, RecordError> {
        let access = self.access(record, thread, now)?;
        if access.state != state {
            return Err(RecordError::NotWaiting);
        }
        self.answer(client, record, access.log, thread, answer, now)
    }

    fn access(
        &mut self,
        record: &RecordId,
        thread: &Subject,
        now: UnixMillis,
    ) -> Result<Access, RecordError> {
        let mut list = self.accesses(record, now)?.list;
        let at = list.iter().position(|access| access.thread == *thread).ok_or(RecordError::Unknown)?;
        Ok(list.swap_remove(at))
    }

    pub(super) fn answer(
        &mut self,
        client: &Client,
        record: &RecordId,
        log: LogName,
        thread: &Subject,
        answer: Answer,
        now: UnixMillis,
    ) -> Result<Recorded, RecordError> {
        // The predecessor is filled in from the ledger when it is signed.
        let draft = answer.draft(thread, Hash::default());
        Ok(self.issuer(client).in_log(log).record(&key_name(record), &draft, None, now)?)
    }

    /// Begins a change from what is published, or alters one that is only planned.
    fn change(
        &mut self,
        record: &RecordId,
        edit: impl FnOnce(&mut Content) -> Result<(), RecordError>,
    ) -> Result<(), RecordError> {
        let (secret, holding) = self.load(record)?;
        let mut change = match &holding.change {
            Some(planned) if planned.stage == Stage::Planned && !planned.erase => planned.clone(),
            Some(_) => return Err(RecordError::UnderWay),
            None => Change::new(holding.content.clone()),
        };
        edit(&mut change.to)?;
        self.check_permitted(record, &secret, &change.to)?;
        self.begin_change(record, &secret, holding, change, |_| Ok(()))
    }

    /// Writes a change down, with whatever belongs to it. Replaces one that is only planned.
    pub(super) fn begin_change(
        &mut self,
        record: &RecordId,
        secret: &Secret,
        mut holding: Holding,
        mut change: Change,
        also: impl FnOnce(&rusqlite::Transaction<'_>) -> Result<(), StoreError>,
    ) -> Result<(), RecordError> {
        match &holding.change {
            _ if holding.restoring => return Err(RecordError::UnderWay),
            Some(planned) if planned.stage != Stage::Planned => return Err(RecordError::UnderWay),
            // A document that was taken and is not published yet stays part of it.
            Some(planned) => change.taken |= planned.taken,
            None => {}
        }
        if change.to.document.is_none() {
            return Err(RecordError::NoDocument);
        }
        for log in LOGS {
            // One line on the log of whole records is the owner's own.
            if change.to.lines.iter().filter(|line| line.log == log).count() >= MAX_LINES {
                return Err(RecordError::TooManyLines);
            }
        }
        if change.to.lines.iter().any(|line| line.mode == Mode::Owner || line.minutes == 0) {
            return Err(RecordError::NotALine);
        }
        change.rotate = narrowed(record, &holding.content, &change.to);
        holding.change = Some(change);
        let state = Self::sealed(record, secret, &holding)?;
        self.snapshot.store.write::<_, StoreError>(|tx| {
            store::set_record_state(tx, &record.0, &state)?;
            also(tx)
        })?;
        Ok(())
    }

    /// Refuses lines that the author's rule does not permit.
    fn check_permitted(&self, record: &RecordId, secret: &Secret, to: &Content) -> Result<(), RecordError> {
        let copy = self.copy(record, secret, true)?.ok_or(RecordError::NoDocument)?;
        let opened = self.verify(record, copy)?;
        let rule = opened.commitment().rule();
        if to.lines.iter().all(|line| rule.permits(line.parts)) {
            Ok(())
        } else {
            Err(RecordError::NotPermitted)
        }
    }

    pub(super) fn trust(&self) -> Result<countersign_ledger::TrustStore, RecordError> {
        Ok(self.snapshot.trust().map_err(|_| CertificateError::UnknownDomain)?)
    }

    /// Verifies a document as one of this record, whole. One that was published by another phone was signed for that one's key.
    fn verify(&self, record: &RecordId, extraction: Extraction) -> Result<Opened, RecordError> {
        let opened = extraction.verify(&self.trust()?, record, None)?;
        if opened.whole().is_none() {
            return Err(RecordError::NotWhole(opened.withheld()));
        }
        Ok(opened)
    }

    /// The phone's copy of the document; the one that is not published yet, if that is asked for.
    pub(super) fn copy(
        &self,
        record: &RecordId,
        secret: &Secret,
        taken: bool,
    ) -> Result<Option<Extraction>, RecordError> {
        let Some(sealed) = store::record_document(self.snapshot.store.read(), &record.0, taken)? else {
            return Ok(None);
        };
        let document = secret.copy().open(Some(record), DOCUMENT, &sealed)?;
        Ok(Some(Extraction::from_bytes(&document)?))
    }

    pub(super) fn load(&self, record: &RecordId) -> Result<(Secret, Holding), RecordError> {
        let sealed = store::record_state(self.snapshot.store.read(), &record.0)?;
        let sealed = sealed.ok_or(RecordError::Unknown)?;
        let secret = Zeroizing::new(self.keys.recall_secret(secret_name(record))?);
        let secret: [u8; 32] = secret.as_slice().try_into().map_err(|_| RecordError::Damaged)?;
        let secret = Secret::new(Zeroizing::new(secret));
        let state = secret.copy().open(Some(record), STATE, &sealed)?;
        Ok((secret, Holding::from_bytes(&state).ok_or(RecordError::Damaged)?))
    }

    pub(super) fn sealed(
        record: &RecordId,
        secret: &Secret,
        holding: &Holding,
    ) -> Result<Vec<u8>, RecordError> {
        Ok(secret.copy().seal(Some(record), STATE, &Zeroizing::new(holding.to_bytes()), &mut random()?)?)
    }

    pub(super) fn save(
        &mut self,
        record: &RecordId,
        secret: &Secret,
        holding: &Holding,
    ) -> Result<(), RecordError> {
        let state = Self::sealed(record, secret, holding)?;
        self.snapshot.store.write::<_, StoreError>(|tx| store::set_record_state(tx, &record.0, &state))?;
        Ok(())
    }

    /// Forgets a record on this phone, its secret first: without that, what else there is says nothing.
    pub(super) fn forget(&mut self, record: &RecordId) -> Result<(), RecordError> {
        self.keys.delete(secret_name(record))?;
        self.keys.delete(key_name(record))?;
        self.snapshot.store.write::<_, StoreError>(|tx| store::forget_record(tx, &record.0))?;
        LOGS.iter().try_for_each(|log| self.snapshot.unfollow_family(*log, &record.subject()))?;
        Ok(())
    }

    pub(super) fn issuer<'b>(&'b mut self, client: &'b Client) -> Issuer<'b> {
        Issuer::new(self.snapshot, client, Arc::clone(&self.keys))
    }
}

impl Change {
    pub(super) fn new(to: Content) -> Self {
        let rotate = Parts::default();
        Self { to, rotate, taken: false, erase: false, answer: None, stage: Stage::Planned }
    }
}

/// The name of a record's signing key in the key store.
pub(super) fn key_name(record: &RecordId) -> String {
    format!("record-{record}")
}

pub(super) fn secret_name(record: &RecordId) -> String {
    format!("record-secret-{record}")
}

fn shown(record: &RecordId, line: &HeldLine) -> Line {
    Line {
        label: line.label(record),
        log: line.log,
        policy: line.offer.policy.clone(),
        mode: line.mode,
        minutes: line.minutes,
        parts: line.parts,
        epoch: line.epoch,
    }
}

/// A line with a fresh salt, so that its label is like no other.
fn new_line(line: &NewLine) -> Result<HeldLine, RecordError> {
    if !LOGS.contains(&line.log) {
        return Err(RecordError::NoLogs);
    }
    let mut salt = [0; 16];
    random()?.fill_bytes(&mut salt);
    Ok(HeldLine {
        log: line.log,
        offer: Offer { salt, policy: line.policy.clone() },
        mode: line.mode,
        minutes: line.minutes,
        parts: with_header(line.parts),
        epoch: Epoch(0),
        row: Hash::default(),
    })
}

fn line_mut<'a>(
    record: &RecordId,
    content: &'a mut Content,
    label: Hash,
) -> Result<&'a mut HeldLine, RecordError> {
    content.lines.iter_mut().find(|line| line.label(record) == label).ok_or(RecordError::Unknown)
}

pub(super) fn with_header(parts: Parts) -> Parts {
    Parts(parts.0 | Parts::of([HEADER]).0)
}

/// The parts that a line opened and opens no more: somebody may have their keys.
fn narrowed(record: &RecordId, before: &Content, after: &Content) -> Parts {
    let same_document =
        before.document.as_ref().map(|one| one.id) == after.document.as_ref().map(|one| one.id);
    if !same_document {
        // Its parts are sealed for the first time.
        return Parts::default();
    }
    let lost = before.lines.iter().map(|line| {
        let label = line.label(record);
        let kept = after.lines.iter().find(|other| other.label(record) == label && other.log == line.log);
        line.parts.0 & !kept.map_or(0, |kept| kept.parts.0)
    });
    Parts(lost.fold(0, |all, lost| all | lost))
}

/// The parts of a newer document that stand for those of an older one: what is no section keeps its number; sections are found by
/// their code, or by their title if they have none, where as many have it as before and all of those were open.
fn carried_over(parts: Parts, old: &View, new: &View) -> Parts {
    let name = |section: &Section| section.code.clone().unwrap_or_else(|| section.title.clone());
    let of = |view: &View, wanted: &str| {
        let named = view.sections.iter().filter(|section| name(section) == wanted);
        Parts::of(named.map(|section| section.part).collect::<Vec<_>>())
    };
    let fixed = parts.numbers().filter(|number| *number < FIRST_SECTION);
    let mut carried = Parts::of(fixed.collect::<Vec<_>>());
    for section in old.sections.iter().filter(|section| parts.has(section.part)) {
        let (before, after) = (of(old, &name(section)), of(new, &name(section)));
        if before.within(parts) && before.count() == after.count() {
            carried = Parts(carried.0 | after.0);
        }
    }
    carried
}

#[cfg(test)]
mod tests {
    use countersign_records::State;

    use super::*;

    fn view(sections: &[(u8, Option<&str>, &str)]) -> View {
        let section = |(part, code, title): &(u8, Option<&str>, &str)| Section {
            part: *part,
            code: code.map(str::to_owned),
            title: (*title).to_owned(),
            state: State::Present,
            narrative: None,
            lines: vec![],
            marks: vec![],
            resources: 0,
        };
        View { sections: sections.iter().map(section).collect(), ..View::default() }
    }

    #[test]
    fn a_line_opens_of_a_newer_document_what_it_opened_and_nothing_more() {
        let old = view(&[
            (3, Some("A"), "a"),
            (4, Some("B"), "b"),
            (5, None, "c"),
            (6, Some("D"), "x"),
            (7, Some("D"), "y"),
        ]);
        let new = view(&[
            (3, Some("D"), "y"),
            (4, Some("D"), "x"),
            (5, Some("A"), "other words"),
            (6, None, "c"),
            (7, Some("E"), "b"),
        ]);
        let carried =
            |parts: &[u8]| carried_over(Parts::of(parts.to_vec()), &old, &new).numbers().collect::<Vec<_>>();
        assert_eq!(carried(&[0, 3]), [0, 5], "by code, whatever the title");
        assert_eq!(carried(&[0, 2, 5]), [0, 2, 6], "by title, where there is no code");
        assert_eq!(carried(&[0, 4]), [0], "a section that is gone");
        assert_eq!(carried(&[0, 6, 7]), [0, 3, 4], "both of one code");
        assert_eq!(carried(&[0, 6]), [0], "one of two: nobody knows which");
        let more = view(&[(3, Some("A"), "a"), (4, Some("A"), "a")]);
        let carried = carried_over(Parts::of([0, 3]), &old, &more);
        assert_eq!(carried, Parts::of([0]), "there was one, and there are two");
    }
}
