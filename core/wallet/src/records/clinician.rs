//! What a clinician does with records of others: ask, open, keep until the grant ends.

use std::io::Write;
use std::sync::Arc;

use countersign_abe::{Policy, SecretKey};
use countersign_ledger::cbor::{self, encode};
use countersign_ledger::{
    Certificate, Entry, Hash, Identity, LogName, MAX_SKEW_MILLIS, Problem, Signer as _, SoftwareKey,
    Statement, Subject, TrustStore, TrustedCheckpoint, UnixMillis,
};
use countersign_records::rules::{Head, LOGS, Mode, REQUEST};
use countersign_records::{
    Ask, CopyKey, Current, Delivery, DeliveryError, Epoch, Extraction, KeyAsk, MAX_PIECES, Opened, Parts,
    Reader, RecordId, RecordLink, SharedImage, Vouch, open_key, open_sheet,
};
use getrandom::rand_core::Rng as _;
use minicbor::Decoder;
use zeroize::Zeroizing;

use super::access::{AccessState, Judged, access_state, judge};
use super::error::RecordError;
use super::{current, fetch, head, random, wanted};
use crate::act::{self, ActError};
use crate::client::{AttributeAuthority, Client, ClientError, RecordStore};
use crate::issuer::Issuer;
use crate::key_store::{KeyStore, KeyStoreError, StoredKey};
use crate::snapshot::Snapshot;
use crate::store::{self, StoreError};

/// The secret under which links, asks and keys for attributes are sealed.
const SECRET: &str = "clinician-records";
/// Names under which they are.
const LINK: &str = "link";
const ASK: &str = "ask";
const KEY: &str = "attribute-key";
const KEPT: &str = "kept";
/// How often a delivery is asked for, where the record changes meanwhile.
const TRIES: usize = 3;

/// A line that may be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offered {
    /// The log.
    pub log: LogName,
    /// Its label.
    pub label: Hash,
    /// Who may open it.
    pub policy: Policy,
    /// How it is opened.
    pub mode: Mode,
    /// For how long, at most.
    pub minutes: u32,
    /// Whether the key that is here fits it.
    pub fits: bool,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskFor {
    /// The record.
    pub record: RecordId,
    /// The log.
    pub log: LogName,
    /// The line; none asks the patient for a line of one's own.
    pub label: Option<Hash>,
    /// For how long.
    pub minutes: u32,
    /// What for: a code of HL7's `PurposeOfUse`, such as `TREAT`.
    pub purpose: String,
    /// Why, in words. An emergency needs it.
    pub reason: Option<String>,
    /// The clinician's name, as the patient knows it.
    pub name: String,
}

/// A request of one's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Its thread, by which it is named.
    pub thread: Subject,
    /// The record.
    pub record: RecordId,
    /// The log.
    pub log: LogName,
    /// The line that is asked for; none where the patient is asked.
    pub label: Option<Hash>,
    /// Until when.
    pub until: UnixMillis,
    /// How far it has come, as of the last sync.
    pub state: AskState,
    /// Whether what was opened is kept here.
    pub kept: bool,
}

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskState {
    /// The authority has not vouched for it, or the ledger has not taken it.
    Unsent,
    /// The ledger's word on it.
    Sent(AccessState),
}

/// What was opened, verified.
pub struct Shown {
    /// The parts.
    pub opened: Opened,
    /// Parts that the patient shares and the store did not deliver.
    pub not_delivered: Parts,
    /// The images of these parts that the patient shares: see [`Clinician::write_image`].
    pub images: Vec<SharedImage>,
    /// Until when they may be shown.
    pub until: UnixMillis,
    /// When it was fetched: nothing later is in it.
    pub fetched_at: UnixMillis,
}

/// A request as it is kept.
struct HeldAsk {
    record: RecordId,
    log: LogName,
    label: Option<Hash>,
    until: UnixMillis,
    /// Name of the holder's key.
    holder: String,
    /// The signed ask.
    ask: Vec<u8>,
    /// The authority's request, once it has vouched.
    request: Option<Hash>,
}

/// A clinician: a snapshot, a certified key, and the authority that issues keys for attributes.
pub struct Clinician<'a> {
    snapshot: &'a mut Snapshot,
    keys: Arc<dyn KeyStore>,
    key: String,
    certificate: Certificate,
    trust: TrustStore,
    authority: Identity,
}

impl<'a> Clinician<'a> {
    /// The owner of the key `key`, which must be certified; `authority` is that of the clinician's own house.
    pub fn new(
        snapshot: &'a mut Snapshot,
        keys: Arc<dyn KeyStore>,
        key: &str,
        authority: &Identity,
    ) -> Result<Self, RecordError> {
        let (certificate, trust) = snapshot.membership(key)?;
        Ok(Self { snapshot, keys, key: key.to_owned(), certificate, trust, authority: authority.clone() })
    }

    /// Takes a record's link, as scanned. The record is followed from now on: what may be asked for is known after a sync.
    pub fn add(&mut self, link: &str) -> Result<RecordId, RecordError> {
        let link = RecordLink::parse(link)?;
        if link.ledger != Hash::of(self.snapshot.genesis().to_json().as_bytes()) {
            return Err(RecordError::OtherLedger);
        }
        let record = link.record;
        let sealed = self.secret()?.seal(Some(&record), LINK, link.to_text().as_bytes(), &mut random()?)?;
        LOGS.iter().try_for_each(|log| self.snapshot.follow_family(*log, &record.subject()))?;
        self.snapshot.store.write::<_, StoreError>(|tx| store::set_record_link(tx, &record.0, &sealed))?;
        Ok(record)
    }

    /// The records whose links are here.
    pub fn records(&self) -> Result<Vec<RecordId>, RecordError> {
        let links = store::record_links(self.snapshot.store.read())?;
        Ok(links.into_iter().filter_map(|[record, _]| record.try_into().ok().map(RecordId)).collect())
    }

    /// Forgets a record: its link, what was asked for, and what is kept of it.
    pub fn remove(&mut self, record: &RecordId) -> Result<(), RecordError> {
        for (thread, held) in self.held()? {
            if held.record == *record {
                self.dismiss(&thread)?;
            }
        }
        LOGS.iter().try_for_each(|log| self.snapshot.unfollow_family(*log, &record.subject()))?;
        self.snapshot.store.write::<_, StoreError>(|tx| store::forget_record_link(tx, &record.0))?;
        Ok(())
    }

    /// What may be asked for of a record, as of the last sync.
    pub fn offers(&mut self, record: &RecordId) -> Result<Vec<Offered>, RecordError> {
        let (link, held) = (self.link(record)?, self.attribute_key()?);
        let mut offered = Vec::new();
        for log in LOGS {
            let history = self.snapshot.history(log, &record.subject())?.ok_or(RecordError::Sync)?;
            let Some((head, index)) = current(&history) else { continue };
            let sheet = index.verified().sealed().unwrap_or_default();
            for offer in open_sheet(sheet, &link.secret, record, (log, head.wrap))? {
                let label = offer.label(record);
                // A policy that belongs to no line opens nothing.
                let Some(line) = head.line(label) else { continue };
                let fits = held.as_ref().is_some_and(|key| offer.policy.is_satisfied_by(&key.attributes()));
                let (policy, mode, minutes) = (offer.policy, line.mode, line.minutes);
                offered.push(Offered { log, label, policy, mode, minutes, fits });
            }
        }
        Ok(offered)
    }

    /// Fetches the key for the attributes that the authority has registered of this clinician.
    pub fn fetch_key(&mut self, authority: &AttributeAuthority, now: UnixMillis) -> Result<(), RecordError> {
        let mut random = random()?;
        let agreement = SoftwareKey::generate(&mut random);
        let ask = self.sign(&KeyAsk::draft(&self.authority, &agreement.public_key()), now)?;
        let ask = KeyAsk { ask: ask.as_bytes().to_vec(), certificate: self.certificate.as_der().to_vec() };
        let sealed = authority.key(&ask)?;
        let key = open_key(&sealed, &self.authority, &agreement).map_err(|_| RecordError::Unlawful)?;
        let parsed = SecretKey::parse(&key).map_err(|_| RecordError::Unlawful)?;
        // What is wrapped is wrapped for the key that the ledger has.
        let published = self.snapshot.authority_keys(&self.authority)?;
        if !published.iter().any(|public| public.id() == parsed.public_key()) {
            return Err(RecordError::NoAuthorityKey);
        }
        let sealed = self.secret()?.seal(None, KEY, &key, &mut random)?;
        let name = self.authority.to_string();
        self.snapshot.store.write::<_, StoreError>(|tx| store::set_attribute_key(tx, &name, &sealed))?;
        Ok(())
    }

    /// Whether a key for attributes is here, and of this quarter.
    pub fn has_key(&self, now: UnixMillis) -> Result<bool, RecordError> {
        let key = self.attribute_key()?;
        Ok(key.is_some_and(|key| key.attributes().contains(&Epoch::at(now).attribute())))
    }

    /// Asks for a line, or asks the patient: the authority vouches, the ledger takes the request, and what follows from the patient's
    /// rules follows at once. If this is cut off, [`Clinician::send`] goes on.
    pub fn ask(
        &mut self,
        client: &Client,
        authority: &AttributeAuthority,
        wanted: &AskFor,
        now: UnixMillis,
    ) -> Result<Subject, RecordError> {
        let offers = self.offers(&wanted.record)?;
        let offer = offers.iter().find(|offer| Some(offer.label) == wanted.label && offer.log == wanted.log);
        if wanted.label.is_some() && offer.is_none() {
            return Err(RecordError::Unknown);
        }
        let reason = wanted.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
        if offer.is_some_and(|offer| offer.mode == Mode::Emergency) && reason.is_none() {
            return Err(RecordError::ReasonNeeded);
        }
        let minutes = offer.map_or(wanted.minutes, |offer| wanted.minutes.min(offer.minutes));
        let mut number = [0; 16];
        random()?.fill_bytes(&mut number);
        let holder = format!("record-ask-{}", RecordId(number));
        let key = StoredKey::make(Arc::clone(&self.keys), &holder)?;
        // A statement's time is in whole seconds, and the end is reckoned from that.
        let until = UnixMillis(UnixMillis::from_seconds(now.seconds()).0 + u64::from(minutes) * 60_000);
        let ask = Ask {
            holder: key.public_key(),
            label: wanted.label,
            until,
            purpose: wanted.purpose.clone(),
            reason: reason.map(str::to_owned),
            name: wanted.name.clone(),
        };
        let signed = self.sign(&ask.draft(&wanted.record), now)?;
        let thread = wanted.record.thread(&ask.holder);
        let held = HeldAsk {
            record: wanted.record,
            log: wanted.log,
            label: wanted.label,
            until,
            holder,
            ask: signed.as_bytes().to_vec(),
            request: None,
        };
        let sealed = self.seal_ask(&thread, &held)?;
        self.snapshot
            .store
            .write::<_, StoreError>(|tx| store::set_record_ask(tx, thread.as_str(), &sealed))?;
        self.send(client, authority, &thread, now)?;
        Ok(thread)
    }

    /// Goes on with a request that was cut off.
    pub fn send(
        &mut self,
        client: &Client,
        authority: &AttributeAuthority,
        thread: &Subject,
        now: UnixMillis,
    ) -> Result<(), RecordError> {
        let mut held = self.held_ask(thread)?;
        let id = match held.request {
            Some(id) => id,
            None => {
                let request = self.vouched(authority, thread, &held)?;
                held.request = Some(request.id());
                let sealed = self.seal_ask(thread, &held)?;
                self.snapshot.store.write::<_, StoreError>(|tx| {
                    store::post(tx, (held.log, &self.key), &request, None, None)?;
                    store::set_record_ask(tx, thread.as_str(), &sealed)
                })?;
                request.id()
            }
        };
        let completed = self.issuer(client).complete(id, now);
        match completed {
            Ok(_) => Ok(()),
            Err(ActError::NotBegun) if self.snapshot.receipt(id)?.is_some() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The authority's request, if it is the one that was asked for.
    fn vouched(
        &mut self,
        authority: &AttributeAuthority,
        thread: &Subject,
        held: &HeldAsk,
    ) -> Result<Statement, RecordError> {
        let policy = match held.label {
            Some(label) => {
                let offers = self.sheet(&held.record, held.log)?;
                let offer = offers.into_iter().find(|offer| offer.label(&held.record) == label);
                let offer = offer.ok_or(RecordError::Unknown)?;
                Some((offer.salt, offer.policy.to_string()))
            }
            None => None,
        };
        let (log, ask) = (held.log, held.ask.clone());
        let vouch = Vouch { log, ask, certificate: self.certificate.as_der().to_vec(), policy };
        let request = self.trust.verify(Statement::parse(&authority.vouch(&vouch)?)?);
        let request = request.map_err(|_| RecordError::Unlawful)?;
        let (fields, statement) = (request.fields(), request.statement());
        let same = statement.kind().as_str() == REQUEST
            && statement.subject() == thread
            && fields.hash("label") == held.label
            && fields.uint("until") == Some(held.until.0)
            && *request.signer().identity() == self.authority;
        if same { Ok(statement.clone()) } else { Err(RecordError::Unlawful) }
    }

    /// What was asked for, with what came of it as of the last sync.
    pub fn asked(&mut self, now: UnixMillis) -> Result<Vec<Asked>, RecordError> {
        let mut asked = Vec::new();
        for (thread, held) in self.held()? {
            let judged = self.judged(&thread, &held)?;
            let state = judged.as_ref().map(|judged| access_state(&judged.thread, now));
            asked.push(Asked {
                record: held.record,
                log: held.log,
                label: judged.as_ref().and_then(|judged| judged.thread.label).or(held.label),
                until: judged.as_ref().map_or(held.until, |judged| judged.thread.until),
                state: state.map_or(AskState::Unsent, AskState::Sent),
                kept: store::kept(self.snapshot.store.read(), thread.as_str())?.is_some(),
                thread,
            });
        }
        Ok(asked)
    }

    /// Fetches what was granted, verifies it, and keeps it until the grant ends.
    pub fn open(
        &mut self,
        client: &Client,
        store: &RecordStore,
        thread: &Subject,
        now: UnixMillis,
    ) -> Result<Shown, RecordError> {
        self.check_clock(now)?;
        let held = self.held_ask(thread)?;
        let link = self.link(&held.record)?;
        let key = self.attribute_key()?.ok_or(RecordError::NoKey)?;
        let public = self.snapshot.authority_keys(&self.authority)?;
        let public = public.iter().find(|public| public.id() == key.public_key());
        let public = public.ok_or(RecordError::NoAuthorityKey)?;
        for _ in 1..TRIES {
            let heads = self.issuer(client).history(held.log, &held.record.subject())?;
            let history = self.issuer(client).history(held.log, thread)?;
            let judged = judge(held.log, &heads, &history, &self.trust).ok_or(RecordError::Unknown)?;
            granted(&judged, now)?;
            let head = head(&heads).ok_or(RecordError::Unlawful)?;
            let label = judged.thread.label.ok_or(RecordError::Unlawful)?;
            // The patient has closed the line since.
            let line = head.line(label).ok_or(RecordError::Withdrawn)?;
            let demand = self.demand(&held, &judged, &head, now)?;
            let delivered = store.deliver(&demand)?;
            if delivered.row.hash() != line.row {
                // The record has changed in between, or the store lists what it should not: the next look shows which.
                continue;
            }
            let objects = fetch(store, &delivered)?;
            let there: Vec<Option<&[u8]>> = objects.iter().map(|object| object.as_deref()).collect();
            let [document, wraps, parts @ ..] = there.as_slice() else {
                return Err(DeliveryError::Incomplete.into());
            };
            let reader = Reader {
                record: &held.record,
                link: &link.secret,
                log: held.log,
                label,
                row: line.row,
                current: Current { version: head.version, document: head.document },
                trust: &self.trust,
            };
            let delivery = Delivery { row: &delivered.row, document: *document, wraps: *wraps, parts };
            let received = reader.open(delivery, |lock| lock.open(&key, public))?;
            self.check_author(&received.opened, held.log, &heads, head.document)?;
            let shown = Shown {
                opened: received.opened,
                not_delivered: received.not_delivered,
                images: received.images,
                until: judged.thread.until,
                fetched_at: now,
            };
            self.keep(thread, &held.record, &shown, (&delivered.token, delivered.until))?;
            return Ok(shown);
        }
        Err(DeliveryError::Row.into())
    }

    /// What is kept of an answer, verified again; also without a network.
    pub fn read(&mut self, thread: &Subject, now: UnixMillis) -> Result<Shown, RecordError> {
        self.tidy(now)?;
        self.check_clock(now)?;
        let record = self.held_ask(thread)?.record;
        let kept = self.kept(thread, &record)?;
        let opened = Extraction::from_bytes(&kept.extraction)?.verify(&self.trust, &record, None)?;
        let Kept { until, fetched_at, not_delivered, images, .. } = kept;
        Ok(Shown { opened, not_delivered, images, until, fetched_at })
    }

    /// Fetches an image of what was opened, piece by piece, verified as it comes: what was written is to be thrown away if this fails.
    pub fn write_image(
        &mut self,
        client: &Client,
        store: &RecordStore,
        thread: &Subject,
        image: Hash,
        to: &mut dyn Write,
        now: UnixMillis,
    ) -> Result<(), RecordError> {
        self.tidy(now)?;
        self.check_clock(now)?;
        let record = self.held_ask(thread)?.record;
        let mut kept = self.kept(thread, &record)?;
        let mut fresh = false;
        loop {
            if now >= kept.token_until {
                self.open(client, store, thread, now)?;
                (kept, fresh) = (self.kept(thread, &record)?, true);
            }
            let mut named = kept.images.iter();
            let shared = named.find(|one| one.image().digest == image).ok_or(RecordError::Unknown)?;
            let mut fetched = 0;
            let fetch = |digest| match store.object(digest, &kept.token) {
                Ok(object) => {
                    fetched += 1;
                    Ok(Some(object))
                }
                Err(ClientError::NotFound | ClientError::Gone) => Ok(None),
                Err(error) => Err(error.into()),
            };
            match shared.write::<RecordError>(fetch, to) {
                // The store was started anew, or the record has changed: another delivery shows which.
                Err(error) if fetched == 0 && !fresh && of_another_day(&error) => kept.token_until = now,
                done => return done,
            }
        }
    }

    /// Erases what may be kept no longer: its grant has ended, or was withdrawn as far as the last sync shows, or the clock is behind
    /// what is proven. To be called at every start, after every sync, and when a grant ends. Returns how many were erased.
    pub fn tidy(&mut self, now: UnixMillis) -> Result<usize, RecordError> {
        let (now, behind) = (self.not_before_seen(now), self.check_clock(now).is_err());
        let mut erased = 0;
        for (thread, held) in self.held()? {
            let Some(kept) = store::kept(self.snapshot.store.read(), thread.as_str())? else { continue };
            // Where the key is gone or the record damaged, nothing can be read that would have to go.
            let until = self.kept_key(&thread).ok().and_then(|key| {
                let bytes = key.open(Some(&held.record), KEPT, &kept).ok()?;
                Some(Kept::from_bytes(held.record, &bytes)?.until)
            });
            let withdrawn = self.judged(&thread, &held)?.is_some_and(|judged| judged.thread.withdrawn);
            if behind || withdrawn || until.is_none_or(|until| now >= until) {
                self.erase(&thread)?;
                erased += 1;
            }
        }
        Ok(erased)
    }

    /// Forgets a request, with what is kept of its answer.
    pub fn dismiss(&mut self, thread: &Subject) -> Result<(), RecordError> {
        let held = self.held_ask(thread)?;
        self.erase(thread)?;
        self.keys.delete(held.holder)?;
        self.snapshot.store.write::<_, StoreError>(|tx| store::forget_record_ask(tx, thread.as_str()))?;
        Ok(())
    }

    /// The key goes first: without it the rest says nothing.
    fn erase(&mut self, thread: &Subject) -> Result<(), RecordError> {
        self.keys.delete(kept_name(thread))?;
        self.snapshot.store.write::<_, StoreError>(|tx| store::set_kept(tx, thread.as_str(), None))?;
        Ok(())
    }

    fn keep(
        &mut self,
        thread: &Subject,
        record: &RecordId,
        shown: &Shown,
        (token, token_until): (&[u8], UnixMillis),
    ) -> Result<(), RecordError> {
        let (mut key, mut random) = (Zeroizing::new([0; 32]), random()?);
        random.fill_bytes(key.as_mut_slice());
        let Shown { until, fetched_at, not_delivered, .. } = *shown;
        let (images, token) = (shown.images.clone(), token.to_vec());
        let extraction = shown.opened.to_extraction().to_bytes();
        let kept = Kept { until, fetched_at, not_delivered, extraction, images, token, token_until };
        let bytes = kept.to_bytes();
        let sealed = CopyKey::new(key.clone()).seal(Some(record), KEPT, &bytes, &mut random)?;
        self.keys.keep_secret(kept_name(thread), key.to_vec())?;
        self.snapshot
            .store
            .write::<_, StoreError>(|tx| store::set_kept(tx, thread.as_str(), Some(&sealed)))?;
        Ok(())
    }

    fn kept(&self, thread: &Subject, record: &RecordId) -> Result<Kept, RecordError> {
        let kept = store::kept(self.snapshot.store.read(), thread.as_str())?;
        let kept = kept.ok_or(RecordError::NothingKept)?;
        let bytes = self.kept_key(thread)?.open(Some(record), KEPT, &kept)?;
        Kept::from_bytes(*record, &bytes).ok_or(RecordError::Damaged)
    }

    fn kept_key(&self, thread: &Subject) -> Result<CopyKey, RecordError> {
        copy_key(self.keys.recall_secret(kept_name(thread))?)
    }

    /// A demand by the request's holder key, for what is current of the record.
    fn demand(
        &self,
        held: &HeldAsk,
        judged: &Judged,
        head: &Head,
        now: UnixMillis,
    ) -> Result<Vec<u8>, RecordError> {
        let wanted = wanted(self.snapshot, held.log, head, judged.request.id(), now)?;
        let holder = StoredKey::find(Arc::clone(&self.keys), &held.holder)?;
        let demand = wanted.sign(&holder).map_err(countersign_ledger::SignError::from)?;
        Ok(demand.as_bytes().to_vec())
    }

    /// Whether the author had been revoked when the document was first published.
    fn check_author(
        &self,
        opened: &Opened,
        log: LogName,
        heads: &[Entry],
        document: Hash,
    ) -> Result<(), RecordError> {
        let of = |entry: &&Entry| {
            let index = entry.standing().and_then(|index| Head::of(index));
            index.is_some_and(|index| index.document == document)
        };
        let place = heads.iter().find(of).map_or(u64::MAX, Entry::index);
        let revoked = self.trust.is_revoked(opened.author().fingerprint(), log, place);
        if revoked { Err(RecordError::AuthorRevoked) } else { Ok(()) }
    }

    /// A thread as of the last sync; nothing before the ledger is seen to have it.
    fn judged(&mut self, thread: &Subject, held: &HeldAsk) -> Result<Option<Judged>, RecordError> {
        let heads = self.snapshot.history(held.log, &held.record.subject())?;
        let history = self.snapshot.history(held.log, thread)?;
        let both = heads.zip(history);
        Ok(both.and_then(|(heads, history)| judge(held.log, &heads, &history, &self.trust)))
    }

    fn sheet(
        &mut self,
        record: &RecordId,
        log: LogName,
    ) -> Result<Vec<countersign_records::Offer>, RecordError> {
        let link = self.link(record)?;
        let history = self.snapshot.history(log, &record.subject())?.ok_or(RecordError::Sync)?;
        let (head, index) = current(&history).ok_or(RecordError::Unknown)?;
        let sheet = index.verified().sealed().unwrap_or_default();
        Ok(open_sheet(sheet, &link.secret, record, (log, head.wrap))?)
    }

    fn link(&self, record: &RecordId) -> Result<RecordLink, RecordError> {
        let links = store::record_links(self.snapshot.store.read())?;
        let [_, sealed] = links.into_iter().find(|[id, _]| *id == record.0).ok_or(RecordError::Unknown)?;
        let text = self.secret()?.open(Some(record), LINK, &sealed)?;
        let text = std::str::from_utf8(&text).map_err(|_| RecordError::Damaged)?;
        Ok(RecordLink::parse(text)?)
    }

    fn attribute_key(&self) -> Result<Option<SecretKey>, RecordError> {
        let name = self.authority.to_string();
        let Some(sealed) = store::attribute_key(self.snapshot.store.read(), &name)? else { return Ok(None) };
        let key = self.secret()?.open(None, KEY, &sealed)?;
        SecretKey::parse(&key).map(Some).map_err(|_| RecordError::Damaged)
    }

    fn held(&self) -> Result<Vec<(Subject, HeldAsk)>, RecordError> {
        let asks = store::record_asks(self.snapshot.store.read())?;
        let secret = if asks.is_empty() { return Ok(vec![]) } else { self.secret()? };
        let held = asks.into_iter().map(|(thread, sealed)| {
            let thread = Subject::new(thread).map_err(|_| RecordError::Damaged)?;
            let bytes = secret.open(RecordId::of(&thread).as_ref(), ASK, &sealed)?;
            Ok((thread, HeldAsk::from_bytes(&bytes).ok_or(RecordError::Damaged)?))
        });
        held.collect()
    }

    fn held_ask(&self, thread: &Subject) -> Result<HeldAsk, RecordError> {
        let mut held = self.held()?.into_iter();
        held.find(|(other, _)| other == thread).map(|(_, held)| held).ok_or(RecordError::Unknown)
    }

    fn seal_ask(&self, thread: &Subject, held: &HeldAsk) -> Result<Vec<u8>, RecordError> {
        let record = RecordId::of(thread);
        Ok(self.secret()?.seal(record.as_ref(), ASK, &Zeroizing::new(held.to_bytes()), &mut random()?)?)
    }

    /// The clinician's own secret, made when it is first needed.
    fn secret(&self) -> Result<CopyKey, RecordError> {
        match self.keys.recall_secret(SECRET.to_owned()) {
            Ok(secret) => copy_key(secret),
            Err(KeyStoreError::Missing) => {
                let mut secret = Zeroizing::new([0; 32]);
                random()?.fill_bytes(secret.as_mut_slice());
                self.keys.keep_secret(SECRET.to_owned(), secret.to_vec())?;
                Ok(CopyKey::new(secret))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn sign(&self, draft: &countersign_ledger::Draft, now: UnixMillis) -> Result<Statement, RecordError> {
        let signer = StoredKey::find(Arc::clone(&self.keys), &self.key)?;
        Ok(draft.sign(&self.certificate, &signer, now, act::random()?)?)
    }

    /// A clock that is well behind what witnesses said is wrong: by it nothing would ever end.
    fn check_clock(&self, now: UnixMillis) -> Result<(), RecordError> {
        let seen = self.not_before_seen(UnixMillis(0));
        if seen.since(now) > MAX_SKEW_MILLIS { Err(RecordError::Clock) } else { Ok(()) }
    }

    fn not_before_seen(&self, now: UnixMillis) -> UnixMillis {
        let logs = self.snapshot.genesis().logs.iter();
        let seen = logs.filter_map(|log| self.snapshot.seen(log.name));
        seen.map(TrustedCheckpoint::cosigned_at).fold(now, UnixMillis::max)
    }

    fn issuer<'b>(&'b mut self, client: &'b Client) -> Issuer<'b> {
        Issuer::new(self.snapshot, client, Arc::clone(&self.keys))
    }
}

/// Refuses what is not granted, with its reason.
fn granted(judged: &Judged, now: UnixMillis) -> Result<(), RecordError> {
    match access_state(&judged.thread, now) {
        _ if judged.fault.is_some() => Err(RecordError::Unlawful),
        AccessState::Granted => Ok(()),
        AccessState::Waiting => Err(RecordError::Waiting),
        AccessState::Denied => Err(RecordError::Denied),
        AccessState::Withdrawn => Err(RecordError::Withdrawn),
        AccessState::Ended => Err(RecordError::Ended),
    }
}

fn copy_key(secret: Vec<u8>) -> Result<CopyKey, RecordError> {
    let secret = Zeroizing::new(secret);
    let secret: [u8; 32] = secret.as_slice().try_into().map_err(|_| RecordError::Damaged)?;
    Ok(CopyKey::new(Zeroizing::new(secret)))
}

/// The name in the key store of what seals an answer.
fn kept_name(thread: &Subject) -> String {
    format!("record-kept-{}", &Hash::of(thread.as_str().as_bytes()).to_string()[..32])
}

/// Whether a token was refused that this phone held to be good.
fn of_another_day(error: &RecordError) -> bool {
    let RecordError::Act(ActError::Client(error)) = error else { return false };
    error.problem() == Some(Problem::Token)
}

/// What is kept of an answer.
struct Kept {
    until: UnixMillis,
    fetched_at: UnixMillis,
    not_delivered: Parts,
    extraction: Zeroizing<Vec<u8>>,
    images: Vec<SharedImage>,
    /// What the store wants to see before it hands out an image, and until when.
    token: Vec<u8>,
    token_until: UnixMillis,
}

impl Kept {
    fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(encode(|e| {
            e.array(7)?.u64(self.until.0)?.u64(self.fetched_at.0)?.u64(self.not_delivered.0)?;
            e.bytes(&self.extraction)?.array(self.images.len() as u64)?;
            self.images.iter().try_for_each(|image| e.bytes(&image.to_bytes())?.ok())?;
            e.bytes(&self.token)?.u64(self.token_until.0)?.ok()
        }))
    }

    fn from_bytes(record: RecordId, bytes: &[u8]) -> Option<Self> {
        let mut d = Decoder::new(bytes);
        (d.array().ok()? == Some(7)).then_some(())?;
        let (until, fetched_at) = (UnixMillis(d.u64().ok()?), UnixMillis(d.u64().ok()?));
        let (not_delivered, extraction) = (Parts(d.u64().ok()?), Zeroizing::new(d.bytes().ok()?.to_vec()));
        let count = d.array().ok()?.filter(|count| *count <= MAX_PIECES as u64)?;
        let images = (0..count).map(|_| SharedImage::from_bytes(record, d.bytes().ok()?));
        let images = images.collect::<Option<_>>()?;
        let (token, token_until) = (d.bytes().ok()?.to_vec(), UnixMillis(d.u64().ok()?));
        Some(Self { until, fetched_at, not_delivered, extraction, images, token, token_until })
    }
}

impl HeldAsk {
    fn to_bytes(&self) -> Vec<u8> {
        encode(|e| {
            e.array(7)?.bytes(&self.record.0)?.str(self.log.as_str())?;
            e.bytes(self.label.as_ref().map_or(&[], |label| &label.0[..]))?.u64(self.until.0)?;
            e.str(&self.holder)?.bytes(&self.ask)?;
            e.bytes(self.request.as_ref().map_or(&[], |request| &request.0[..]))?.ok()
        })
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        cbor::check_deterministic(bytes).ok()?;
        let mut d = Decoder::new(bytes);
        (d.array().ok()? == Some(7)).then_some(())?;
        let (record, log) = (RecordId(d.bytes().ok()?.try_into().ok()?), LogName::new(d.str().ok()?).ok()?);
        Some(Self {
            record,
            log,
            label: Hash::from_slice(d.bytes().ok()?),
            until: UnixMillis(d.u64().ok()?),
            holder: d.str().ok()?.to_owned(),
            ask: d.bytes().ok()?.to_vec(),
            request: Hash::from_slice(d.bytes().ok()?),
        })
    }
}
