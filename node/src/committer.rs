//! Makes a block durable, whichever engine has put it together: check, apply, seal, write, publish.
//!
//! Each step consumes the result of the one before, so none can be left out or done twice. [`Committer::commit`] runs them in
//! a row; an engine with replicas may call them one by one.

use std::sync::Arc;
use std::time::Instant;

use countersign_ledger::{CheckpointTextError, Folded, Hash, IndexKey, LogName, State, Subject, UnixMillis};
use rusqlite::{Connection, TransactionBehavior};

use crate::checkpoint_signers::{CheckpointSigners, SealError};
use crate::clock::Clock;
use crate::machine::{Admission, Applied, Candidate, StateMachine};
use crate::metrics::Metrics;
use crate::published::{Head, Published, View};
use crate::registrar::CodeUse;
use crate::sequencer::{Ordered, Outcome};
use crate::store::{self, StoreError, StoreResult, StoredBlock};

/// The steps of a commit. A crash between any two of them loses nothing that was acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CommitPoint {
    /// The block is applied in memory.
    Applied,
    /// Its checkpoints are signed and cosigned.
    Signed,
    /// Its rows are written in a transaction that is not committed.
    Written,
    /// The transaction is committed: the block is durable.
    Committed,
    /// Readers see the block.
    Published,
    /// The outcomes are sent.
    Acknowledged,
}

impl CommitPoint {
    /// Every step, in order.
    pub const ALL: [Self; 6] =
        [Self::Applied, Self::Signed, Self::Written, Self::Committed, Self::Published, Self::Acknowledged];
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
    /// No thread could be started.
    #[error("no thread for the sequencer: {0}")]
    Thread(#[from] std::io::Error),
}

impl From<rusqlite::Error> for CommitError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// A block whose checkpoints are signed.
pub struct Sealed {
    applied: Applied,
    heads: Vec<(LogName, Head)>,
}

/// A block that is durable.
pub struct Written(Sealed);

/// The machine, and what a block passes through until readers see it. After an error it must not be used again: memory may
/// be ahead of the disk, or a witness ahead of the log.
pub struct Committer {
    pub(crate) machine: StateMachine,
    pub(crate) connection: Connection,
    pub(crate) checkpoint_signers: CheckpointSigners,
    pub(crate) published: Arc<Published>,
    pub(crate) clock: Clock,
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
    /// database, which are whole.
    pub fn commit(
        &mut self,
        candidates: Vec<Candidate>,
        acknowledge: impl FnOnce(Vec<Outcome>),
    ) -> Result<(), CommitError> {
        let started = Instant::now();
        let applied = self.apply((self.clock)(), candidates)?;
        // A crash from here on loses this process's memory: the block never existed, and nobody was told that it did.
        (self.observer)(CommitPoint::Applied);

        let sealed = self.seal(applied)?;
        // The signatures have not left this process. After a crash others are made, perhaps over another block: nobody
        // holds both, so nobody can be shown two histories.
        (self.observer)(CommitPoint::Signed);

        let written = self.write(sealed)?;
        // Durable, with its checkpoints: after a crash here the node starts with this block, and a client that heard nothing
        // submits again and is told the place.
        (self.observer)(CommitPoint::Committed);

        let admitted = written.0.applied.admitted.len();
        let outcomes = self.publish(written);
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
    pub fn check(&mut self, candidate: Candidate) -> StoreResult<Option<Admission>> {
        self.machine.check((self.clock)(), candidate, &self.connection)
    }

    /// The rules' state of a subject.
    pub fn remembered(&mut self, log: LogName, subject: &Subject) -> StoreResult<Folded<State>> {
        self.machine.remembered(log, subject, &self.connection)
    }

    /// Applies a block in memory.
    pub fn apply(&mut self, time: UnixMillis, candidates: Vec<Candidate>) -> StoreResult<Applied> {
        self.machine.apply(time, candidates, &self.connection)
    }

    /// Signs a checkpoint of each log that has grown.
    pub fn seal(&mut self, applied: Applied) -> Result<Sealed, CommitError> {
        let mut heads = Vec::new();
        for log in self.log_names() {
            let grown = applied.admitted.iter().filter(|new| new.place.log == log);
            let entries: Vec<(Hash, IndexKey)> = grown.map(|new| (new.statement.id(), new.key)).collect();
            if !entries.is_empty() {
                heads.push((log, self.sign(log, &entries)?));
            }
        }
        Ok(Sealed { applied, heads })
    }

    /// One transaction: the block, its statements, what they promise, the codes that they use up, the checkpoints.
    pub fn write(&mut self, sealed: Sealed) -> Result<Written, CommitError> {
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if let Some(block) = sealed.applied.block {
            let (_, mut number) = store::last_block(&tx)?;
            for new in &sealed.applied.admitted {
                let statement = new.statement.verified();
                number += 1;
                store::put_statement(
                    &tx,
                    number,
                    new.place,
                    new.statement.id(),
                    statement.statement().as_bytes(),
                )?;
                if let Some(promise) = new.promise {
                    store::promise_blob(&tx, promise)?;
                }
                if let Some(CodeUse { code, key, certificate }) = CodeUse::of(statement) {
                    store::use_code(&tx, &code, key, certificate)?;
                }
            }
            let (height, time, digest) = (block.height, block.time, block.digest);
            store::put_block(&tx, &StoredBlock { height, time, statements: number, digest })?;
            put_checkpoints(&tx, &sealed.heads)?;
        }
        // A crash now leaves an unfinished transaction, which SQLite rolls back when the database is opened.
        (self.observer)(CommitPoint::Written);
        tx.commit()?;
        Ok(Written(sealed))
    }

    /// Makes a block visible to readers, and returns the outcome of each candidate.
    pub fn publish(&mut self, written: Written) -> Vec<Outcome> {
        let Written(Sealed { applied, heads }) = written;
        if let Some(block) = applied.block {
            let mut view = self.published.view().as_ref().clone();
            view.height = block.height;
            view.trust = Arc::clone(self.machine.trust());
            view.heads.extend(heads);
            self.published.publish(view);
        }
        let view = self.published.view();
        applied.admissions.into_iter().map(|admission| outcome(admission, &view)).collect()
    }

    /// Signs the same state again at the current time, so that phones see that nothing newer exists.
    pub fn recosign(&mut self) -> Result<(), CommitError> {
        let mut heads = Vec::new();
        for log in self.log_names() {
            match self.sign(log, &[]) {
                // What stands keeps standing, and its age shows it.
                Err(CommitError::Seal(SealError::Quorum(shortfall))) if self.is_published(log) => {
                    tracing::warn!(%log, %shortfall, "not cosigned anew");
                }
                signed => heads.push((log, signed?)),
            }
        }
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        put_checkpoints(&tx, &heads)?;
        tx.commit()?;
        let mut view = self.published.view().as_ref().clone();
        view.heads.extend(heads);
        self.published.publish(view);
        Ok(())
    }

    /// Leaves one file behind instead of a file and its write-ahead log; an error has no other effect.
    pub fn close(self) {
        if let Err(error) = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
            tracing::warn!(%error, "the write-ahead log was left in place");
        }
    }

    fn is_published(&self, log: LogName) -> bool {
        self.published.view().heads.get(&log).is_some_and(|head| !head.note.is_empty())
    }

    fn log_names(&self) -> Vec<LogName> {
        self.machine.ledger().log_names().collect()
    }

    fn sign(&mut self, log: LogName, entries: &[(Hash, IndexKey)]) -> Result<Head, CommitError> {
        let (now, checkpoint) = ((self.clock)(), self.machine.checkpoint(log)??);
        let note = self.checkpoint_signers.sign(log, &checkpoint, entries, now)?.to_string().into();
        Ok(Head { checkpoint, note, cosigned_at: now })
    }
}

fn put_checkpoints(tx: &rusqlite::Transaction<'_>, heads: &[(LogName, Head)]) -> StoreResult<()> {
    heads.iter().try_for_each(|(log, head)| store::put_checkpoint(tx, *log, &head.note))
}

fn outcome(admission: Admission, view: &View) -> Outcome {
    match admission {
        Admission::New(place) => Outcome::Accepted(Ordered { place, size: view.size(place.log) }),
        Admission::Known(place) => Outcome::Duplicate(Ordered { place, size: view.size(place.log) }),
        Admission::Refused(reason) => Outcome::Refused(reason),
    }
}
