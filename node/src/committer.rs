//! Makes a block durable, whichever engine has put it together: check, apply, write, seal, publish.
//!
//! Each step consumes the result of the one before, so none can be left out or done twice. [`Committer::commit`] runs them in
//! a row; an engine with replicas may call them one by one.
//!
//! What is signed is always durable already: first the block in the database, then, in a file of the signers, that it
//! is about to be signed ([`SignedFile`](crate::last_signed::SignedFile)), then the signature. So a signer is never ahead of a
//! database that is whole, and a node whose signers are ahead has lost something, and does not start.
//!
//! A step that fails because the disk is full, locked or failing waits until it succeeds ([`Halts`]). After any other error a
//! committer must not be used again: memory may be ahead of the disk.

use std::sync::Arc;
use std::time::Instant;

use countersign_ledger::{CheckpointTextError, Folded, LogName, Promise, State, Subject, UnixMillis};
use rusqlite::{Connection, TransactionBehavior};

use crate::checkpoint_signers::{CheckpointSigners, SealError};
use crate::halt::{Halt, Halts, Passing};
use crate::ledger::Place;
use crate::machine::{Admission, Applied, Candidate, StateMachine};
use crate::metrics::Metrics;
use crate::published::{Head, Published, View};
use crate::registrar::CodeUse;
use crate::sequencer::{Ordered, Outcome};
use crate::store::{self, Bodies, StoreError, StoreResult, StoredBlock};
use crate::timekeeper::{ClockError, Timekeeper};

/// The steps of a commit. A crash between any two of them loses nothing that was acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CommitPoint {
    /// The block is applied in memory.
    Applied,
    /// Its rows are written in a transaction that is not committed.
    Written,
    /// The transaction is committed: the block is durable.
    Committed,
    /// A log and its witnesses have recorded the checkpoint that they are about to sign.
    Recorded,
    /// The block's checkpoints are signed and cosigned.
    Signed,
    /// Readers see the block.
    Published,
    /// The outcomes are sent.
    Acknowledged,
}

impl CommitPoint {
    /// Every step, in order.
    pub const ALL: [Self; 7] = [
        Self::Applied,
        Self::Written,
        Self::Committed,
        Self::Recorded,
        Self::Signed,
        Self::Published,
        Self::Acknowledged,
    ];
}

/// Sees each [`CommitPoint`] as it is passed, on the thread that commits.
pub type Observer = Box<dyn Fn(CommitPoint) + Send>;

/// Why a block could not be made durable.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The database fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The checkpoint is not signed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The log's name cannot stand in a checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointTextError),
    /// The clock cannot be trusted.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// No thread could be started.
    #[error("no thread for the sequencer: {0}")]
    Thread(#[from] std::io::Error),
}

impl CommitError {
    /// What the node halts for; `None` if trying again is of no use.
    pub fn halt(&self) -> Option<Halt> {
        match self {
            Self::Store(error) => error.halt(),
            Self::Seal(error) => error.halt(),
            Self::Clock(error) => error.halt(),
            Self::Checkpoint(_) | Self::Thread(_) => None,
        }
    }
}

impl Passing for CommitError {
    fn halt(&self) -> Option<Halt> {
        self.halt()
    }
}

impl From<rusqlite::Error> for CommitError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// A block that is durable.
pub struct Written(Applied);

/// A block that is durable and whose checkpoints are signed.
pub struct Sealed {
    applied: Applied,
    heads: Vec<(LogName, Head)>,
}

/// The machine, and what a block passes through until readers see it.
pub struct Committer {
    pub(crate) machine: StateMachine,
    pub(crate) connection: Connection,
    pub(crate) checkpoint_signers: CheckpointSigners,
    pub(crate) published: Arc<Published>,
    pub(crate) time: Arc<Timekeeper>,
    pub(crate) halts: Arc<Halts>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) observer: Observer,
}

impl Committer {
    /// What readers see.
    pub const fn published(&self) -> &Arc<Published> {
        &self.published
    }

    /// The machine.
    pub const fn machine(&self) -> &StateMachine {
        &self.machine
    }

    /// Commits the candidates as one block at the current time, and acknowledges the outcome of each. The comments say what
    /// a crash leaves behind at each step. Recovery is the same in every case: `recovery` replays the blocks in the
    /// database, which are whole, and their end is signed again. Under a clock in doubt nothing is ordered.
    pub fn commit(
        &mut self,
        candidates: Vec<Candidate>,
        acknowledge: impl FnOnce(Vec<Outcome>),
    ) -> Result<(), CommitError> {
        let started = Instant::now();
        let now = match self.time.now() {
            Ok(now) => now,
            Err(error) => {
                tracing::error!(%error, "the clock is in doubt: a block is not ordered");
                acknowledge(vec![Outcome::Halted(Halt::Clock); candidates.len()]);
                return Ok(());
            }
        };
        let applied = self.apply(now, candidates)?;
        // A crash from here on loses this process's memory: the block never existed, and nobody was told that it did.
        (self.observer)(CommitPoint::Applied);

        let written = self.write(applied)?;
        // Durable, and nobody has signed it: after a crash here the node starts with this block and signs it then. A client
        // that heard nothing submits again and is told the place.
        (self.observer)(CommitPoint::Committed);

        let sealed = self.seal(written)?;
        // Within: log and witnesses have recorded what they are about to sign (`Recorded`). After a crash there, or while they
        // did, some may be ahead of others; all of them are at this block or at the one before, and the node starts with this
        // block.
        // Here: the signatures have not left this process. After a crash the same checkpoints are signed again.
        (self.observer)(CommitPoint::Signed);

        let admitted = sealed.applied.admitted.len();
        let outcomes = self.publish(sealed);
        // Readers may have seen the block, which is durable.
        (self.observer)(CommitPoint::Published);

        if admitted > 0 {
            self.metrics.block(admitted, started.elapsed());
        }
        acknowledge(outcomes);
        // Acknowledged: from now on the statements must not be lost, and they are durable since Committed.
        (self.observer)(CommitPoint::Acknowledged);
        Ok(())
    }

    /// Reads the statements of a block that came as bytes, and verifies them on all cores.
    pub fn read(&self, block: &[(LogName, Vec<u8>)]) -> Vec<Candidate> {
        self.machine.read(block)
    }

    /// A dry run: what would become of a candidate if it were the next block; `None` if it would be admitted.
    pub fn check(&mut self, candidate: Candidate) -> Result<Option<Admission>, CommitError> {
        let time = self.time.now()?;
        Ok(self.machine.check(time, candidate, &self.connection)?)
    }

    /// The rules' state of a subject.
    pub fn remembered(&mut self, log: LogName, subject: &Subject) -> StoreResult<Folded<State>> {
        self.machine.remembered(log, subject, &self.connection)
    }

    /// Applies a block in memory.
    pub fn apply(&mut self, time: UnixMillis, candidates: Vec<Candidate>) -> StoreResult<Applied> {
        let bodies = Patient { connection: &self.connection, halts: &self.halts };
        let mut applied = self.machine.apply(time, candidates, &bodies)?;
        // A block that came as bytes, from another engine or replica: its objects stay from here on, as far as they are here.
        for new in applied.admitted.iter_mut().filter(|new| new.pin.is_none()) {
            if let Some(Promise::Objects(objects)) = &new.promise {
                new.pin = self.published.pin(objects)?;
            }
        }
        Ok(applied)
    }

    /// One transaction: the block, its statements, what they promise, the codes that they use up, and the checkpoints that
    /// are published now, so that there is something to show if the node starts and cannot sign.
    pub fn write(&mut self, applied: Applied) -> Result<Written, CommitError> {
        let heads = self.published.view();
        let Self { connection, observer, halts, .. } = self;
        halts.patiently(|| Self::try_write(connection, observer, &applied, &heads))?;
        Ok(Written(applied))
    }

    fn try_write(
        connection: &mut Connection,
        observer: &Observer,
        applied: &Applied,
        heads: &View,
    ) -> Result<(), CommitError> {
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (height, mut number) = store::last_block(&tx)?;
        // A commit may fail after it has succeeded: then the block is there.
        if let Some(block) = applied.block.filter(|block| block.height > height) {
            for new in &applied.admitted {
                let statement = new.statement.verified();
                number += 1;
                store::put_statement(
                    &tx,
                    number,
                    new.place,
                    new.statement.id(),
                    statement.statement().as_bytes(),
                )?;
                if let Some(blob) = new.promise.as_ref().and_then(Promise::blob) {
                    store::promise_blob(&tx, blob)?;
                }
                if let Some(CodeUse { code, key, certificate }) = CodeUse::of(statement) {
                    store::use_code(&tx, &code, key, certificate)?;
                }
            }
            let (height, time, digest) = (block.height, block.time, block.digest);
            store::put_block(&tx, &StoredBlock { height, time, statements: number, digest })?;
            put_checkpoints(&tx, heads)?;
        }
        // A crash now leaves an unfinished transaction, which SQLite rolls back when the database is opened.
        observer(CommitPoint::Written);
        tx.commit()?;
        Ok(())
    }

    /// Signs a checkpoint of each log that has grown.
    pub fn seal(&mut self, written: Written) -> Result<Sealed, CommitError> {
        let Written(applied) = written;
        let mut grown = Vec::new();
        for new in &applied.admitted {
            let unseen = self.checkpoint_signers.unseen.entry(new.place.log).or_default();
            unseen.push((new.statement.id(), new.key));
            if grown.last() != Some(&new.place.log) {
                grown.push(new.place.log);
            }
        }
        let heads = grown.into_iter().map(|log| Ok((log, self.sign(log)?)));
        let heads = heads.collect::<Result<_, CommitError>>()?;
        Ok(Sealed { applied, heads })
    }

    /// Makes a block visible to readers, and returns the outcome of each candidate.
    pub fn publish(&mut self, sealed: Sealed) -> Vec<Outcome> {
        let Sealed { applied, heads } = sealed;
        if let Some(block) = applied.block {
            let mut view = self.published.view().as_ref().clone();
            view.height = block.height;
            view.trust = Arc::clone(self.machine.trust());
            view.heads.extend(heads);
            self.published.publish(view);
        }
        // What its statements promise is named by the published state now.
        drop(applied.admitted);
        let view = self.published.view();
        applied.admissions.into_iter().map(|admission| outcome(admission, &view)).collect()
    }

    /// Signs the same state again at the current time, so that phones see that nothing newer exists.
    pub fn recosign(&mut self) -> Result<(), CommitError> {
        let logs: Vec<_> = self.machine.ledger().log_names().collect();
        let heads = logs.into_iter().map(|log| Ok((log, self.sign(log)?)));
        let heads: Vec<_> = heads.collect::<Result<_, CommitError>>()?;
        let mut view = self.published.view().as_ref().clone();
        view.heads.extend(heads);
        self.published.publish(view);
        self.keep_checkpoints()
    }

    /// Stores the checkpoints that are published.
    fn keep_checkpoints(&mut self) -> Result<(), CommitError> {
        let heads = self.published.view();
        let Self { connection, halts, .. } = self;
        halts.patiently(|| {
            let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            put_checkpoints(&tx, &heads)?;
            Ok(tx.commit()?)
        })
    }

    /// Leaves one file behind instead of a file and its write-ahead log; an error has no other effect.
    pub fn close(mut self) {
        self.halts.give_up();
        if let Err(error) = self.keep_checkpoints() {
            tracing::warn!(%error, "the newest checkpoints were not stored");
        }
        if let Err(error) = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
            tracing::warn!(%error, "the write-ahead log was left in place");
        }
    }

    fn sign(&mut self, log: LogName) -> Result<Head, CommitError> {
        let checkpoint = self.machine.checkpoint(log)??;
        let Self { machine, checkpoint_signers, observer, time, halts, .. } = self;
        let state = &**machine.state();
        halts.patiently(|| {
            let cosigned_at = time.now()?;
            let recorded = || observer(CommitPoint::Recorded);
            let note = checkpoint_signers.sign(log, &checkpoint, cosigned_at, state, recorded)?;
            Ok(Head { checkpoint: checkpoint.clone(), note: note.to_string().into(), cosigned_at })
        })
    }
}

fn put_checkpoints(tx: &rusqlite::Transaction<'_>, view: &View) -> StoreResult<()> {
    view.heads.iter().try_for_each(|(log, head)| store::put_checkpoint(tx, *log, &head.note))
}

/// Reads that wait until the disk can be read: a block is never half applied for a fault that passes.
struct Patient<'a> {
    connection: &'a Connection,
    halts: &'a Halts,
}

impl Bodies for Patient<'_> {
    fn body(&self, place: Place) -> StoreResult<Vec<u8>> {
        self.halts.patiently(|| self.connection.body(place))
    }
}

fn outcome(admission: Admission, view: &View) -> Outcome {
    match admission {
        Admission::New(place) => Outcome::Accepted(Ordered { place, size: view.size(place.log) }),
        Admission::Known(place) => Outcome::Duplicate(Ordered { place, size: view.size(place.log) }),
        Admission::Refused(reason) => Outcome::Refused(reason),
    }
}
