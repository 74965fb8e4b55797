//! How a change of a record is made so: one durable step after the other.

use std::sync::Arc;

use countersign_ledger::{Draft, Hash, Identity, LogName, Problem, Signer as _, Statement, UnixMillis};
use countersign_records::rules::{IndexLine, LOGS, Mode, Outcome, Thread};
use countersign_records::{
    Announced, Answer, Epoch, Index, Inventory, Lock, MAX_TICKET, RecordId, Row, Sealed, Secret, Submission,
    Ticket, seal_sheet,
};
use getrandom::rand_core::Rng as _;
use zeroize::Zeroizing;

use super::error::RecordError;
use super::patient::{Records, key_name};
use super::state::{Change, HeldLine, Holding, Later, Stage};
use super::{fold, random};
use crate::act::{self, ActError};
use crate::client::{Client, ClientError, RecordStore};
use crate::key_store::StoredKey;
use crate::store::{self, StoreError};

/// How far a change has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publishing {
    /// Nothing is on its way: what is published is what holds.
    Done,
    /// A step was done; there are more.
    Further,
}

impl Records<'_> {
    /// Does the next step of the change that is on its way, or of a restoring, if there is one. Each step is durable when this returns; one that fails
    /// has done nothing and is done again by the next call, after a restart too.
    pub fn step(
        &mut self,
        client: &Client,
        store: &RecordStore,
        record: &RecordId,
        now: UnixMillis,
    ) -> Result<Publishing, RecordError> {
        let (secret, mut holding) = self.load(record)?;
        if holding.restoring {
            self.recover((client, store), record, &secret, holding, now)?;
            return Ok(Publishing::Further);
        }
        let Some(change) = holding.change.take() else { return Ok(Publishing::Done) };
        match change.stage.clone() {
            Stage::Planned => self.seal_up(record, &secret, holding, change, now)?,
            Stage::Sealed { published, rows } => {
                if change.erase {
                    self.end_links(store, record, &mut holding, now)?;
                }
                self.upload(store, record, &holding.store, &rows, now)?;
                self.post(client, record, &secret, holding, change, (published, rows), now)?;
            }
            Stage::Posted { published, rows, ids } => {
                let erase = change.erase;
                self.prove(client, record, &secret, holding, change, (published, rows, ids), now)?;
                // There is no record any more to look at.
                if erase {
                    return Ok(Publishing::Done);
                }
            }
        }
        Ok(Publishing::Further)
    }

    /// Makes the change that is on its way hold, if there is one: every step, to its end.
    pub fn proceed(
        &mut self,
        client: &Client,
        store: &RecordStore,
        record: &RecordId,
        now: UnixMillis,
    ) -> Result<(), RecordError> {
        while self.step(client, store, record, now)? != Publishing::Done {}
        Ok(())
    }

    /// Seals what has to be sealed, and wraps every line.
    fn seal_up(
        &mut self,
        record: &RecordId,
        secret: &Secret,
        mut holding: Holding,
        mut change: Change,
        now: UnixMillis,
    ) -> Result<(), RecordError> {
        let mut random = random()?;
        let document = change.to.document.as_mut().ok_or(RecordError::NoDocument)?;
        let copy = || self.copy(record, secret, true)?.ok_or(RecordError::NoDocument);
        let (mut inventory, mut objects): (Inventory, Vec<Vec<u8>>) = match &document.inventory {
            None => {
                let sealed = Sealed::new(&copy()?, secret, record, document.version, &mut random)?;
                (sealed.inventory, sealed.objects)
            }
            Some(kept) if change.rotate.count() > 0 && !change.erase => {
                let sealed = Sealed::anew(kept, &copy()?, secret, change.rotate, &mut random)?;
                (sealed.inventory, sealed.objects)
            }
            Some(kept) => (kept.clone(), vec![]),
        };
        if !change.erase {
            self.seal_images(record, secret, &mut inventory, |records| {
                records.copy(record, secret, true)?.ok_or(RecordError::NoDocument)
            })?;
        }
        let mut rows = Vec::new();
        if !change.to.lines.is_empty() {
            let keys = self.snapshot.authority_keys(&holding.authority)?;
            let key = keys.first().ok_or(RecordError::NoAuthorityKey)?;
            for line in &mut change.to.lines {
                line.epoch = Epoch::at(now);
                let mut seed = Zeroizing::new([0; 32]);
                random.fill_bytes(seed.as_mut_slice());
                let (lock, opened) =
                    Lock::new(&line.offer.policy, line.epoch, &holding.authority, key, &seed)?;
                let label = line.label(record);
                let made =
                    inventory.line(secret, line.log, label, (lock, &opened), line.parts, &mut random)?;
                line.row = made.row.hash();
                objects.push(made.wraps);
                rows.push(made.row);
            }
        }
        change.to.own = None;
        if !change.erase {
            let own = inventory.own_line(secret, LOGS[0], &mut random)?;
            change.to.own = Some(own.row.hash());
            objects.push(own.wraps);
            rows.push(own.row);
        }
        if let Some(document) = &mut change.to.document {
            document.inventory = Some(inventory);
        }
        change.stage = Stage::Sealed { published: [false; 2], rows };
        holding.change = Some(change);
        let state = Self::sealed(record, secret, &holding)?;
        self.snapshot.store.write::<_, StoreError>(|tx| {
            objects.iter().try_for_each(|object| store::set_object(tx, &record.0, object))?;
            store::set_record_state(tx, &record.0, &state)
        })?;
        Ok(())
    }

    /// Announces the objects and rows to the store, and uploads what it lacks. Again is harmless.
    fn upload(
        &mut self,
        client: &RecordStore,
        record: &RecordId,
        store: &Identity,
        rows: &[Row],
        now: UnixMillis,
    ) -> Result<(), RecordError> {
        let objects = store::objects(self.snapshot.store.read(), &record.0)?;
        let announced = objects.iter().map(|(digest, size)| {
            let size = u32::try_from(*size).map_err(|_| RecordError::Damaged)?;
            Ok(Announced { digest: *digest, size })
        });
        let announced = announced.collect::<Result<Vec<_>, RecordError>>()?;
        let mut tickets: Vec<(&[Announced], &[Row])> =
            announced.chunks(MAX_TICKET).map(|objects| (objects, &[][..])).collect();
        match tickets.last_mut() {
            // A row may name what came before it.
            Some(last) => last.1 = rows,
            None if rows.is_empty() => return Ok(()),
            None => tickets.push((&[][..], rows)),
        }
        for (objects, rows) in tickets {
            let hashes: Vec<_> = rows.iter().map(Row::hash).collect();
            let draft = Ticket::draft(record, store, objects, &hashes)?;
            let ticket = self.sign(record, &draft, now)?.as_bytes().to_vec();
            let mut rows = rows.to_vec();
            rows.sort_unstable_by_key(Row::hash);
            let taken = client.submit(&Submission { ticket, rows })?;
            for digest in taken.lacking {
                let object = store::object(self.snapshot.store.read(), &record.0, digest)?;
                client.upload(&object.ok_or(RecordError::Damaged)?, &taken.token)?;
            }
        }
        Ok(())
    }

    /// Signs an index for each log that has it not yet, and puts both into the outbox, in one transaction.
    #[expect(clippy::too_many_arguments, reason = "a step of one story")]
    fn post(
        &mut self,
        client: &Client,
        record: &RecordId,
        secret: &Secret,
        mut holding: Holding,
        mut change: Change,
        (published, rows): ([bool; 2], Vec<Row>),
        now: UnixMillis,
    ) -> Result<(), RecordError> {
        let mut signed: Vec<(LogName, Statement)> = Vec::new();
        // What is shared comes first: from there on nobody is served by what was before.
        for at in [1, 0] {
            if published[at] {
                continue;
            }
            let (log, before) = (LOGS[at], holding.heads[at]);
            let latest = self.issuer(client).latest(log, &record.subject())?.map(|entry| entry.latest);
            if latest != before.map(|(index, _)| index) {
                return Err(RecordError::Moved);
            }
            let index = Self::index(record, secret, &holding, &change, at)?;
            signed.push((log, self.sign(record, &index, now)?));
        }
        let ids: Vec<_> = signed.iter().map(|(_, statement)| statement.id()).collect();
        change.stage = Stage::Posted { published, rows, ids: ids.clone() };
        holding.change = Some(change);
        let (state, key) = (Self::sealed(record, secret, &holding)?, key_name(record));
        self.snapshot.store.write::<_, StoreError>(|tx| {
            let follows = std::iter::once(None).chain(ids.iter().copied().map(Some));
            for ((log, statement), follows) in signed.iter().zip(follows) {
                store::post(tx, (*log, &key), statement, follows, None)?;
            }
            store::set_record_state(tx, &record.0, &state)
        })?;
        Ok(())
    }

    /// The index of a log as it will be.
    fn index(
        record: &RecordId,
        secret: &Secret,
        holding: &Holding,
        change: &Change,
        at: usize,
    ) -> Result<Draft, RecordError> {
        let (log, to) = (LOGS[at], &change.to);
        let document = to.document.as_ref().ok_or(RecordError::NoDocument)?;
        let shown = || to.lines.iter().filter(|line| line.log == log);
        let line = |line: &HeldLine| IndexLine {
            label: line.label(record),
            mode: line.mode,
            minutes: line.minutes,
            row: line.row,
        };
        let own = to.own.filter(|_| at == 0).map(|row| IndexLine {
            label: secret.own_label(record),
            mode: Mode::Owner,
            minutes: 0,
            row,
        });
        let mut lines: Vec<_> = shown().map(line).chain(own).collect();
        // Their order would tell which is the owner's, and which is new.
        lines.sort_unstable_by_key(|line| line.label);
        let wrap = holding.heads[at].map_or(1, |(_, wrap)| wrap + 1);
        let offers: Vec<_> = shown().map(|line| line.offer.clone()).collect();
        let sheet = seal_sheet(&offers, &secret.link(), record, (log, wrap), &mut random()?)?;
        let index = Index {
            wrap,
            version: document.version,
            document: document.id,
            agree: secret.agreement(to.agreement).public_key(),
            store: holding.store.to_string(),
            open: to.open,
            lines,
        };
        Ok(index.draft(record, holding.heads[at].map(|(index, _)| index), sheet))
    }

    /// Sends the indexes and has them proven; then the change holds.
    #[expect(clippy::too_many_arguments, reason = "a step of one story")]
    fn prove(
        &mut self,
        client: &Client,
        record: &RecordId,
        secret: &Secret,
        mut holding: Holding,
        mut change: Change,
        (mut published, rows, ids): ([bool; 2], Vec<Row>, Vec<Hash>),
        now: UnixMillis,
    ) -> Result<(), RecordError> {
        let order: Vec<usize> = [1, 0].into_iter().filter(|at| !published[*at]).collect();
        for (at, id) in order.into_iter().zip(&ids) {
            let completed = self.issuer(client).complete(*id, now);
            let error = match completed {
                Ok(_) => None,
                // A round of sending had it proven before.
                Err(ActError::NotBegun) if self.snapshot.receipt(*id)?.is_some() => None,
                Err(error) => Some(error),
            };
            let Some(error) = error else {
                published[at] = true;
                holding.heads[at] = Some((*id, holding.heads[at].map_or(1, |(_, wrap)| wrap + 1)));
                continue;
            };
            let refused =
                matches!(&error, ActError::Client(ClientError::Refused { .. }) | ActError::NotBegun);
            if !refused {
                return Err(error.into());
            }
            // Nothing of these is on its way any more. What the ledger did not take for want of objects is uploaded and signed again;
            // so is what follows an index that it did take. Else the change is given up, and what is published holds.
            let lacking =
                matches!(&error, ActError::Client(error) if error.problem() == Some(Problem::PromiseNotHeld));
            let go_on = lacking || published != [false; 2];
            holding.change = go_on.then(|| Change { stage: Stage::Sealed { published, rows }, ..change });
            let state = Self::sealed(record, secret, &holding)?;
            self.snapshot.store.write::<_, StoreError>(|tx| {
                ids.iter().try_for_each(|id| store::take_out(tx, *id))?;
                if !go_on {
                    store::clear_objects(tx, &record.0)?;
                    store::settle_document(tx, &record.0, false)?;
                }
                store::set_record_state(tx, &record.0, &state)
            })?;
            return Err(error.into());
        }
        if change.erase {
            return self.forget(record);
        }
        let answered = match change.answer.take() {
            Some(later) => self.answer_later(client, record, &change, &later, now),
            None => Ok(()),
        };
        match &answered {
            Err(RecordError::Act(ActError::Client(ClientError::Refused { .. }))) | Ok(()) => {}
            // The request still waits: the step is done again.
            Err(_) => return answered,
        }
        holding.content = change.to;
        let state = Self::sealed(record, secret, &holding)?;
        let images = match self.copy(record, secret, true)? {
            Some(document) if change.taken => Some(Self::images_of(&document)),
            _ => None,
        };
        self.snapshot.store.write::<_, StoreError>(|tx| {
            store::clear_objects(tx, &record.0)?;
            store::settle_document(tx, &record.0, true)?;
            images.iter().try_for_each(|named| store::forget_images(tx, &record.0, named))?;
            store::set_record_state(tx, &record.0, &state)
        })?;
        answered
    }

    /// Grants the request for whose sake a line was made, unless that was done before a crash.
    fn answer_later(
        &mut self,
        client: &Client,
        record: &RecordId,
        change: &Change,
        later: &Later,
        now: UnixMillis,
    ) -> Result<(), RecordError> {
        let line = change.to.lines.iter().find(|line| line.offer.salt == later.salt);
        let label = line.ok_or(RecordError::Damaged)?.label(record);
        let history = self.issuer(client).history(later.log, &later.thread)?;
        let thread = Thread::from_state(&fold(&history)).ok_or(RecordError::Unknown)?;
        if thread.outcome != Outcome::Waiting {
            return Ok(());
        }
        let answer = Answer::Grant { label, until: later.until };
        self.answer(client, record, later.log, &later.thread, answer, now).map(drop)
    }

    pub(super) fn sign(
        &self,
        record: &RecordId,
        draft: &Draft,
        now: UnixMillis,
    ) -> Result<Statement, RecordError> {
        let key = key_name(record);
        let (certificate, _) = self.snapshot.membership(&key)?;
        let signer = StoredKey::find(Arc::clone(&self.keys), &key)?;
        Ok(draft.sign(&certificate, &signer, now, act::random()?)?)
    }
}
