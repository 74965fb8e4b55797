//! A record on a new phone, by its secret on paper.

use std::sync::Arc;

use countersign_ledger::{
    Entry, Hash, Identity, LogName, Problem, SignError, Signer as _, SoftwareKey, UnixMillis,
};
use countersign_records::rules::{Head, LOGS, OWN_MINUTES, SLOTS};
use countersign_records::{
    Ask, Current, Delivered, Delivery, DeliveryError, Epoch, Inventory, Opened, Paper, Reader, RecordId,
    Request, Secret, line_of, open_sheet, seal_ask,
};
use getrandom::rand_core::Rng as _;

use super::error::RecordError;
use super::patient::{DOCUMENT, Records, key_name, secret_name};
use super::state::{Change, Content, HeldDocument, HeldLine, Holding};
use super::{current, fetch, random, wanted};
use crate::act::ActError;
use crate::client::{Client, RecordStore};
use crate::key_store::{KeyStoreError, StoredKey};
use crate::store::{self, StoreError};

/// What an owner says that they fetch a line for: HL7's `PurposeOfUse`, a patient's own request.
const PURPOSE: &str = "PATRQT";
/// As many keys as requesters' names may have been sealed to: another one for each audit that was ended.
const GENERATIONS: u32 = 1024;

/// Where the lines of a record come from.
#[derive(Clone, Copy)]
struct Source<'a> {
    client: &'a Client,
    store: &'a RecordStore,
    record: &'a RecordId,
    secret: &'a Secret,
    now: UnixMillis,
}

impl Records<'_> {
    /// The record's secret, to be written on paper and kept where the phone is not. With it, and a code of the registrar's, somebody
    /// is the record's owner.
    pub fn paper(&self, record: &RecordId) -> Result<Paper, RecordError> {
        let (secret, _) = self.load(record)?;
        Ok(Paper::new(*record, self.ledger(), secret))
    }

    /// Begins to restore a record from its paper: as [`Records::begin`], with the record's own number and secret. Once its owner is
    /// enrolled anew, [`Records::proceed`] fetches what there is of it. A record that is here already stays as it is.
    pub fn restore(
        &mut self,
        paper: &Paper,
        store: &Identity,
        authority: &Identity,
    ) -> Result<RecordId, RecordError> {
        let record = paper.record;
        if !paper.is_of(self.ledger()) {
            return Err(RecordError::OtherLedger);
        }
        match self.load(&record) {
            Ok(_) => return Ok(record),
            // Nothing, or nothing that can be read.
            Err(
                RecordError::Unknown
                | RecordError::Damaged
                | RecordError::Act(ActError::KeyStore(KeyStoreError::Missing)),
            ) => {}
            Err(error) => return Err(error),
        }
        self.keys.keep_secret(secret_name(&record), paper.secret.as_bytes().to_vec())?;
        StoredKey::make(Arc::clone(&self.keys), &key_name(&record))?;
        LOGS.iter().try_for_each(|log| self.snapshot.follow_family(*log, &record.subject()))?;
        let holding = Holding { restoring: true, ..Holding::new(store, authority) };
        self.save(&record, &paper.secret, &holding)?;
        Ok(record)
    }

    fn ledger(&self) -> Hash {
        Hash::of(self.snapshot.genesis().to_json().as_bytes())
    }

    /// Fetches what there is of a record, and keeps all of it at once. Of a try that fails nothing is kept; its requests stay on the
    /// ledger.
    pub(super) fn recover(
        &mut self,
        (client, store): (&Client, &RecordStore),
        record: &RecordId,
        secret: &Secret,
        mut holding: Holding,
        now: UnixMillis,
    ) -> Result<(), RecordError> {
        let source = Source { client, store, record, secret, now };
        let [full, shared] = LOGS.map(|log| self.issuer(client).history(log, &record.subject()));
        let histories = [full?, shared?];
        let heads = histories.each_ref().map(|history| current(history));
        let (full, _) = heads[0].as_ref().ok_or(RecordError::OtherPaper)?;
        let generation = |head: &Head| {
            let mut generations = 0..GENERATIONS;
            generations.find(|generation| secret.agreement(*generation).public_key() == head.agree)
        };
        let generations: Option<Vec<u32>> =
            heads.iter().flatten().map(|(head, _)| generation(head)).collect();
        let agreement = generations.and_then(|all| all.into_iter().max()).ok_or(RecordError::OtherPaper)?;

        let (opened, inventory) = self.own_line(source, full)?;
        let mut lines = Vec::new();
        for (log, current) in LOGS.into_iter().zip(&heads) {
            // A phone that was lost while it published a newer document has left lines of that one: they are made again with it.
            let Some((head, index)) = current.as_ref().filter(|(head, _)| head.version == full.version)
            else {
                continue;
            };
            lines.extend(self.lines(source, (log, head, index))?);
        }

        let (all, document) = (inventory.parts(), opened.to_extraction().to_bytes());
        let document = secret.copy().seal(Some(record), DOCUMENT, &document, &mut random()?)?;
        let (certificate, _) = self.snapshot.membership(&key_name(record))?;
        holding.region = Some(certificate.identity().domain().to_owned());
        holding.restoring = false;
        holding.store = Identity::parse(&full.store).map_err(|_| RecordError::Unlawful)?;
        holding.heads =
            heads.each_ref().map(|current| current.as_ref().map(|(head, _)| (head.index, head.wrap)));
        holding.content = Content {
            agreement,
            open: full.open,
            document: Some(HeldDocument {
                version: full.version,
                id: full.document,
                inventory: Some(inventory),
            }),
            own: full.line(secret.own_label(record)).map(|line| line.row),
            lines,
        };
        // Each change is published on both logs. A phone that was lost between the two may have closed something to somebody, and its
        // own line has the keys from before.
        let [full, shared] = holding.heads.map(|head| head.map(|(_, wrap)| wrap));
        holding.change =
            (full != shared).then(|| Change { rotate: all, ..Change::new(holding.content.clone()) });
        let state = Self::sealed(record, secret, &holding)?;
        self.snapshot.store.write::<_, StoreError>(|tx| {
            store::take_document(tx, &record.0, &document)?;
            store::settle_document(tx, &record.0, true)?;
            store::set_record_state(tx, &record.0, &state)
        })?;
        Ok(())
    }

    /// The document by the owner's own line, whole and verified, and its objects. Its images are kept as they come.
    fn own_line(&mut self, source: Source<'_>, head: &Head) -> Result<(Opened, Inventory), RecordError> {
        let Source { store, record, secret, .. } = source;
        let (log, label) = (LOGS[0], secret.own_label(record));
        let line = *head.line(label).ok_or(RecordError::OtherPaper)?;
        let delivered = self.reclaim(source, (log, head), label)?;
        let objects = fetch(store, &delivered)?;
        let there: Vec<Option<&[u8]>> = objects.iter().map(|object| object.as_deref()).collect();
        let [document, wraps, parts @ ..] = there.as_slice() else {
            return Err(DeliveryError::Incomplete.into());
        };
        let (row, version) = (&delivered.row, head.version);
        let reader = Reader {
            record,
            link: &secret.link(),
            log,
            label,
            row: line.row,
            current: Current { version, document: head.document },
            trust: &self.trust()?,
        };
        let delivery = Delivery { row, document: *document, wraps: *wraps, parts };
        let received = reader.open_own(delivery, secret)?;
        if received.opened.whole().is_none() {
            return Err(DeliveryError::Missing(received.not_delivered.count()).into());
        }
        for image in &received.images {
            self.recover_image(record, secret, image, |digest| Ok(store.object(digest, &delivered.token)?))?;
        }
        let wraps = wraps.ok_or(DeliveryError::Incomplete)?;
        let inventory = Inventory::of_own_line(secret, record, log, version, row, wraps)?;
        Ok((received.opened, inventory))
    }

    /// The lines of a log that others may open.
    fn lines(
        &mut self,
        source: Source<'_>,
        (log, head, index): (LogName, &Head, &Entry),
    ) -> Result<Vec<HeldLine>, RecordError> {
        let Source { store, record, secret, .. } = source;
        let sheet = index.verified().sealed().unwrap_or_default();
        let mut lines = Vec::new();
        for offer in open_sheet(sheet, &secret.link(), record, (log, head.wrap))? {
            let label = offer.label(record);
            let Some(line) = head.line(label) else { continue };
            let delivered = self.reclaim(source, (log, head), label)?;
            let wraps = store.object(delivered.row.wraps, &delivered.token)?;
            if Hash::of(&wraps) != delivered.row.wraps {
                return Err(DeliveryError::Altered.into());
            }
            let (parts, epoch) = line_of(&secret.link(), record, label, &wraps)?;
            let (mode, minutes, row) = (line.mode, line.minutes, line.row);
            let epoch = epoch.unwrap_or(Epoch(0));
            lines.push(HeldLine { log, offer, mode, minutes, parts, epoch, row });
        }
        Ok(lines)
    }

    /// Has a line of one's own record delivered: a request, which the ledger grants its owner, and a demand. The holder's key is of
    /// use once, and is kept nowhere.
    fn reclaim(
        &mut self,
        source: Source<'_>,
        (log, head): (LogName, &Head),
        label: Hash,
    ) -> Result<Delivered, RecordError> {
        let Source { client, store, record, now, .. } = source;
        let holder = SoftwareKey::generate(&mut random()?);
        let request = self.request(source, (log, head), label, &holder)?;
        // A holder names a checkpoint that it has verified, and the store looks the request up in what is published.
        let history = self.issuer(client).history(log, &record.thread(&holder.public_key()))?;
        if !history.iter().any(|entry| entry.id() == request) {
            return Err(RecordError::Unlawful);
        }
        let wanted = wanted(self.snapshot, log, head, request, now)?;
        let demand = wanted.sign(&holder).map_err(SignError::from)?;
        let delivered = store.deliver(demand.as_bytes())?;
        let named = head.line(label).is_some_and(|line| line.row == delivered.row.hash());
        if named { Ok(delivered) } else { Err(DeliveryError::Row.into()) }
    }

    /// Has the owner's request for a line ordered. Which of the day's slots are used nobody here remembers.
    fn request(
        &mut self,
        source: Source<'_>,
        (log, head): (LogName, &Head),
        label: Hash,
        holder: &SoftwareKey,
    ) -> Result<Hash, RecordError> {
        let Source { client, record, now, .. } = source;
        let (mut random, public) = (random()?, holder.public_key());
        let (certificate, _) = self.snapshot.membership(&key_name(record))?;
        // A statement's time is in whole seconds, and the end is reckoned from that.
        let until = UnixMillis(UnixMillis::from_seconds(now.seconds()).0 + OWN_MINUTES * 60_000);
        let (label, thread) = (Some(label), record.thread(&public));
        let name = certificate.identity().name().to_owned();
        let ask =
            Ask { holder: public.clone(), label, until, purpose: PURPOSE.to_owned(), reason: None, name };
        let ask = self.sign(record, &ask.draft(record), now)?;
        let first = random.next_u64() % SLOTS;
        for slot in (first..SLOTS).chain(0..first) {
            let sealed = seal_ask(&ask, &certificate, &head.agree, &thread, &mut random);
            let sealed = sealed.map_err(|_| RecordError::Unlawful)?;
            let request = Request { holder: &public, label, fits: true, until, slot };
            let request = self.sign(record, &request.own_draft(record, head, sealed), now)?;
            match client.submit(log, request.as_bytes()) {
                Err(error) if error.problem() == Some(Problem::CodeUsed) => {}
                submitted => return Ok(submitted.map(|_| request.id())?),
            }
        }
        Err(RecordError::Tomorrow)
    }
}
