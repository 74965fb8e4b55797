//! What is published: durable, cosigned, and open to every reader.
//!
//! Readers never see further than the newest published checkpoints, though the machine may already be ahead.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use countersign_ledger::{
    Checkpoint, Entry, Folded, Hash, IndexKey, LogName, Objects, Promise, Refusal, State, Statement, Subject,
    TrustStore, UnixMillis, Verified, check_fresh,
};
use rusqlite::Connection;

use crate::ledger::{Ledger, Place};
use crate::ledger_state::LedgerState;
use crate::machine::{self, Candidate, StateMachine};
use crate::record_store::{Pin, RecordStore};
use crate::sequencer::{Block, Ordered, Outcome, STOPPED, Status};
use crate::store::{self, Bodies, Readers, StoreError, StoreResult};

/// Most blocks in one answer of [`Published::blocks`].
const MAX_BLOCKS: u32 = 256;

/// A log as of its newest checkpoint.
#[derive(Clone)]
pub(crate) struct Head {
    pub(crate) checkpoint: Checkpoint,
    pub(crate) note: Arc<str>,
    pub(crate) cosigned_at: UnixMillis,
}

/// All logs and the trust store, as of one moment.
#[derive(Clone)]
pub(crate) struct View {
    pub(crate) height: u64,
    pub(crate) trust: Arc<TrustStore>,
    pub(crate) heads: BTreeMap<LogName, Head>,
}

impl View {
    /// What readers see of the machine under these checkpoints.
    pub(crate) fn new(machine: &StateMachine, heads: BTreeMap<LogName, Head>) -> Self {
        Self { height: machine.last().height, trust: Arc::clone(machine.trust()), heads }
    }

    /// Number of entries in a log; none in one that is none of this ledger's.
    pub(crate) fn size(&self, log: LogName) -> u64 {
        self.heads.get(&log).map_or(0, |head| head.checkpoint.size())
    }
}

/// The published state and the ways to read it.
pub struct Published {
    view: RwLock<Arc<View>>,
    ledger: Arc<Ledger>,
    state: Arc<dyn LedgerState>,
    readers: Readers,
    records: Option<Arc<RecordStore>>,
}

impl Published {
    pub(crate) fn new(
        view: View,
        machine: &StateMachine,
        readers: Readers,
        records: Option<Arc<RecordStore>>,
    ) -> Self {
        let (ledger, state) = (Arc::clone(machine.ledger()), Arc::clone(machine.state()));
        Self { view: RwLock::new(Arc::new(view)), ledger, state, readers, records }
    }

    pub(crate) fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn publish(&self, view: View) {
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(view);
    }

    pub(crate) fn state(&self) -> &dyn LedgerState {
        &*self.state
    }

    pub(crate) const fn readers(&self) -> &Readers {
        &self.readers
    }

    /// Whether there is a signed checkpoint of every log.
    pub(crate) fn is_signed(&self) -> bool {
        let view = self.view();
        self.ledger.log_names().all(|log| view.heads.contains_key(&log))
    }

    /// Number of the newest block.
    pub fn height(&self) -> u64 {
        self.view().height
    }

    /// When the witnesses last cosigned every log.
    pub fn cosigned_at(&self) -> UnixMillis {
        self.view().heads.values().map(|head| head.cosigned_at).min().unwrap_or_default()
    }

    /// Checks what can be checked before a statement is ordered: its form, whether it is in the log already, its age, its
    /// signer and its signature, and whether what it promises is held. The machine checks again whatever may have changed
    /// when its turn comes.
    pub fn candidate(&self, log: LogName, bytes: &[u8], now: UnixMillis) -> Result<Candidate, Outcome> {
        let refused = |refusal: Refusal| Outcome::Refused(refusal.into());
        let statement = Statement::parse(bytes).map_err(|error| refused(error.into()))?;
        self.ledger.takes(log, statement.kind()).map_err(Outcome::Refused)?;
        // Whoever submits again, be it after a year, is told the place and not that the statement has become stale.
        if let Some(ordered) = self.ordered(statement.id()).map_err(|error| unreadable(&error))? {
            return Err(Outcome::Duplicate(ordered));
        }
        check_fresh(&statement, now).map_err(refused)?;
        let verified = self.view().trust.verify(statement).map_err(refused)?;
        let (lacks, pin) = self.promised(&verified, now).map_err(|error| unreadable(&error))?;
        Ok(Candidate::verified(log, verified, lacks).pinned(pin))
    }

    /// What a statement promises, unless it is held. Objects that are held are pinned: they stay until it is ordered or refused.
    fn promised(&self, statement: &Verified, now: UnixMillis) -> StoreResult<(Option<Promise>, Option<Pin>)> {
        let rules = self.ledger.families.of(statement.statement().kind());
        let Some(promise) = rules.and_then(|rules| rules.promise(statement)) else { return Ok((None, None)) };
        let (held, pin) = match &promise {
            Promise::Blob(blob) => (self.readers.with(|c| store::holds_blob(c, *blob, now))?, None),
            Promise::Objects(objects) => {
                let pin = self.pin(objects)?;
                (pin.is_some(), pin)
            }
        };
        Ok(((!held).then_some(promise), pin))
    }

    /// Pins objects that the record store of this node holds.
    pub(crate) fn pin(&self, objects: &Objects) -> StoreResult<Option<Pin>> {
        Ok(self.records.as_ref().map(|records| records.pin(objects)).transpose()?.flatten())
    }

    /// The rules' state of a subject: what follows from the statements on it that stand.
    pub(crate) fn standing(&self, log: LogName, subject: &Subject) -> StoreResult<State> {
        let key = IndexKey::of(subject);
        if let Some(folded) = self.state.folded(log, &key)? {
            return Ok(folded.standing);
        }
        let (mut folded, trust) = (Folded::default(), Arc::clone(&self.view().trust));
        for place in machine::history(&*self.state, log, &key)?.into_iter().rev() {
            let entry = self.entry(&trust, place)?;
            if let Some(rules) = self.ledger.families.of(entry.verified().statement().kind()) {
                machine::push(&mut folded, &entry, &**rules);
            }
        }
        Ok(folded.standing)
    }

    /// The entry at a place, which was verified when it was admitted.
    pub(crate) fn entry(&self, trust: &TrustStore, place: Place) -> StoreResult<Entry> {
        let damaged = || StoreError::Damaged("statements");
        let statement = Statement::parse(&self.body(place)?).map_err(|_| damaged())?;
        trust.recall(statement, place.log, place.index).map_err(|_| damaged())
    }

    /// Where a statement stands, once published.
    pub(crate) fn ordered(&self, id: Hash) -> StoreResult<Option<Ordered>> {
        let Some(place) = self.state.place(id)? else { return Ok(None) };
        let size = self.view().size(place.log);
        Ok((place.index < size).then_some(Ordered { place, size }))
    }

    /// What is known of a statement: whether it stands, once published.
    pub fn status(&self, id: Hash) -> Status {
        match self.ordered(id) {
            Ok(ordered) => ordered.map_or(Status::Unknown, Status::Ordered),
            Err(error) => {
                unreadable(&error);
                Status::Unknown
            }
        }
    }

    /// Up to `limit` committed blocks from `height` on.
    pub fn blocks(&self, height: u64, limit: u32) -> StoreResult<Vec<Block>> {
        self.readers.with(|connection| read_blocks(connection, height, limit.min(MAX_BLOCKS)))
    }
}

/// Nothing can be said of a statement when the store cannot be read.
fn unreadable(error: &StoreError) -> Outcome {
    tracing::error!(%error, "a statement could not be looked up");
    STOPPED
}

fn read_blocks(connection: &Connection, height: u64, limit: u32) -> StoreResult<Vec<Block>> {
    // One transaction, so that blocks and statements are of one moment.
    let tx = connection.unchecked_transaction()?;
    let before = store::blocks(&tx, height.saturating_sub(1), 1)?;
    let mut after = before.first().filter(|block| block.height < height).map_or(0, |block| block.statements);
    let mut blocks = Vec::new();
    for block in store::blocks(&tx, height, limit)? {
        let applied = store::applied(&tx, after, block.statements)?;
        let statements = applied.into_iter().map(|stored| (stored.place.log, stored.bytes)).collect();
        after = block.statements;
        blocks.push(Block { height: block.height, time: block.time, digest: block.digest, statements });
    }
    Ok(blocks)
}

impl Bodies for Published {
    fn body(&self, place: Place) -> StoreResult<Vec<u8>> {
        self.readers.with(|connection| connection.body(place))
    }
}
