//! The engine in this process: one thread orders, SQLite keeps, many commit together.
//!
//! Threads that submit read the statement and verify its signature themselves; the ordering thread takes what has
//! gathered while the last block went to disk and makes it the next. So a lone client waits for one commit, and many
//! clients share one.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use countersign_ledger::{CheckpointTextError, Hash, IndexKey, Refusal, Statement, UnixMillis, check_fresh};
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;

use crate::published::{Published, Head, View};
use crate::clock::Clock;
use crate::log::LogId;
use crate::machine::{Admission, Applied, BlockRecord, Candidate, Kinds, StateMachine};
use crate::metrics::Metrics;
use crate::sequencer::{Block, Health, Ordered, Outcome, Reason, Sequencer, Status, Ticket};
use crate::checkpoint_signers::{SealError, CheckpointSigners};
use crate::store::{self, StoreError, StoredBlock};

/// Most statements in a block: at full load about a fifth of a second's work.
const MAX_BLOCK: usize = 2048;
/// Longest wait for statements that are being verified while a block is gathered.
const GATHER: Duration = Duration::from_micros(700);
/// How often it is asked whether there still are any.
const GATHER_STEP: Duration = Duration::from_micros(100);
/// When the queue is full, a client is told to come back after this time.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Most blocks in one answer of [`Sequencer::blocks`].
const MAX_BLOCKS: u32 = 256;

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
    /// Those who submitted have been told.
    Acknowledged,
}

impl CommitPoint {
    /// Every step, in order.
    pub const ALL: [Self; 6] =
        [Self::Applied, Self::Signed, Self::Written, Self::Committed, Self::Published, Self::Acknowledged];
}

/// Sees each [`CommitPoint`] as it is passed, on the ordering thread.
pub type Observer = Box<dyn Fn(CommitPoint) + Send>;

/// An enrolment code that is used up together with the statement that it pays for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CodeUse {
    pub(crate) code: Hash,
    pub(crate) key: Hash,
    pub(crate) certificate: Hash,
}

struct Job {
    candidate: Candidate,
    asker: Asker,
}

/// Who is to be told what became of a statement.
struct Asker {
    id: Hash,
    code: Option<CodeUse>,
    reply: oneshot::Sender<Outcome>,
}

/// The engine in this process.
pub struct Local {
    published: Arc<Published>,
    kinds: Arc<Kinds>,
    clock: Clock,
    metrics: Arc<Metrics>,
    waiting: Arc<Waiting>,
    /// `None` once the engine stops.
    queue: Mutex<Option<SyncSender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Submissions taken in and not yet answered.
#[derive(Default)]
struct Waiting {
    ids: Mutex<HashSet<Hash>>,
    count: AtomicUsize,
    /// Threads that are reading and verifying a statement at this moment.
    arriving: AtomicUsize,
}

impl Waiting {
    fn add(&self, id: Hash) {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    fn remove<'a>(&self, answered: impl Iterator<Item = &'a Hash>) {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        for id in answered {
            ids.remove(id);
            self.count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// What the ordering thread needs to begin.
pub(crate) struct Parts {
    pub(crate) machine: StateMachine,
    pub(crate) connection: Connection,
    pub(crate) checkpoint_signers: CheckpointSigners,
    pub(crate) published: Arc<Published>,
    pub(crate) clock: Clock,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) observer: Observer,
    pub(crate) recosign: Duration,
    pub(crate) queue: usize,
}

impl Local {
    pub(crate) fn start(mut parts: Parts) -> Result<Self, CommitError> {
        // What was stored is signed anew: the witnesses have just recomputed it, and its age starts at nought.
        recosign(&mut parts)?;
        let (sender, receiver) = sync_channel(parts.queue);
        let waiting = Arc::new(Waiting::default());
        let local = Self {
            published: Arc::clone(&parts.published),
            kinds: Arc::clone(parts.machine.kinds()),
            clock: parts.clock.clone(),
            metrics: Arc::clone(&parts.metrics),
            waiting: Arc::clone(&waiting),
            queue: Mutex::new(Some(sender)),
            thread: Mutex::new(None),
        };
        let worker = Worker { parts, queue: receiver, waiting };
        let thread = std::thread::Builder::new().name("sequencer".to_owned()).spawn(move || worker.run())?;
        *local.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(local)
    }

    /// As [`Sequencer::submit`], using up an enrolment code in the same commit.
    pub(crate) fn submit_with(&self, log: LogId, bytes: &[u8], code: Option<CodeUse>) -> Ticket {
        self.waiting.arriving.fetch_add(1, Ordering::AcqRel);
        let examined = self.examine(log, bytes);
        // Before it is queued, or the ordering thread would wait for the very statement that it has.
        self.waiting.arriving.fetch_sub(1, Ordering::AcqRel);
        match examined {
            Ok(candidate) => self.enqueue(candidate, code),
            Err(outcome) => {
                self.metrics.outcome(&outcome);
                Ticket::known(outcome)
            }
        }
    }

    /// What can be said of a statement without ordering it: its form, whether it is there already, its age, its signer
    /// and its signature. The machine asks again whatever may change until the statement's turn comes.
    fn examine(&self, log: LogId, bytes: &[u8]) -> Result<Candidate, Outcome> {
        let refused = |refusal: Refusal| Outcome::Refused(refusal.into());
        let statement = Statement::parse(bytes).map_err(|error| refused(error.into()))?;
        self.kinds.check(log, &statement).map_err(Outcome::Refused)?;
        // Whoever submits again, be it after a year, is told the place and not that the statement has become stale.
        if let Some(ordered) = self.published.ordered(statement.id()) {
            return Err(Outcome::Duplicate(ordered));
        }
        check_fresh(&statement, (self.clock)()).map_err(refused)?;
        let statement = self.published.view().trust.verify(statement).map_err(refused)?;
        Ok(Candidate { log, statement })
    }

    fn enqueue(&self, candidate: Candidate, code: Option<CodeUse>) -> Ticket {
        let (reply, outcome) = oneshot::channel();
        let id = candidate.statement.statement().id();
        let busy = Outcome::Busy { retry_after: RETRY_AFTER };
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(queue) = queue else { return Ticket::known(busy) };
        self.waiting.add(id);
        match queue.try_send(Job { candidate, asker: Asker { id, code, reply } }) {
            Ok(()) => Ticket::pending(outcome),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.waiting.remove(std::iter::once(&id));
                self.metrics.outcome(&busy);
                Ticket::known(busy)
            }
        }
    }
}

impl Sequencer for Local {
    fn submit(&self, log: LogId, statement: &[u8]) -> Ticket {
        self.submit_with(log, statement, None)
    }

    fn status(&self, id: Hash) -> Status {
        match self.published.status(id) {
            Status::Unknown
                if self.waiting.ids.lock().unwrap_or_else(PoisonError::into_inner).contains(&id) =>
            {
                Status::Pending
            }
            known => known,
        }
    }

    fn blocks(&self, height: u64, limit: u32) -> Result<Vec<Block>, StoreError> {
        self.published.readers().with(|connection| read_blocks(connection, height, limit.min(MAX_BLOCKS)))
    }

    fn health(&self) -> Health {
        let view = self.published.view();
        Health {
            height: view.height,
            cosigned_at: view.cosigned_at(),
            waiting: self.waiting.count.load(Ordering::Relaxed),
            accepting: self.queue.lock().unwrap_or_else(PoisonError::into_inner).is_some(),
        }
    }

    fn shutdown(&self) {
        // Without a sender the queue runs dry, and the thread ends when it has.
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the sequencer thread had panicked");
        }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.shutdown();
    }
}

fn read_blocks(connection: &Connection, height: u64, limit: u32) -> Result<Vec<Block>, StoreError> {
    // One transaction, so that blocks and statements are of one moment.
    let tx = connection.unchecked_transaction()?;
    let before =
        store::blocks(&tx, height.saturating_sub(1), 1)?.into_iter().find(|block| block.height < height);
    let mut from = before.map_or([0; LogId::COUNT], |block| block.sizes);
    let mut blocks = Vec::new();
    for StoredBlock { height, time, sizes, digest } in store::blocks(&tx, height, limit)? {
        let mut statements = Vec::new();
        for log in LogId::ALL {
            let stored = store::statements(&tx, log, from[log.slot()], sizes[log.slot()])?;
            statements.extend(stored.into_iter().map(|stored| (log, stored.bytes)));
        }
        from = sizes;
        blocks.push(Block { height, time, digest, statements });
    }
    Ok(blocks)
}

/// Why a block could not be made durable.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The database does not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The checkpoint is not signed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The log's name cannot stand in a checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointTextError),
    /// The system gives no thread.
    #[error("no thread for the sequencer: {0}")]
    Thread(#[from] std::io::Error),
}

impl From<rusqlite::Error> for CommitError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// The ordering thread.
struct Worker {
    parts: Parts,
    queue: Receiver<Job>,
    waiting: Arc<Waiting>,
}

impl Worker {
    fn run(mut self) {
        loop {
            let done = match self.queue.recv_timeout(self.until_recosign()) {
                Ok(first) => {
                    let jobs = self.gather(first);
                    self.order(jobs)
                }
                Err(RecvTimeoutError::Timeout) => recosign(&mut self.parts),
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if let Err(error) = done {
                abort(&error);
            }
        }
        // Leaves one file behind instead of a file and its log; an error here costs nothing but that.
        if let Err(error) = self.parts.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        {
            tracing::warn!(%error, "the write-ahead log was left in place");
        }
    }

    /// The jobs that are waiting, and those that are about to: a commit costs the same for one as for many, so it is
    /// worth a moment to let in who is being verified right now. A lone client is not held up.
    fn gather(&self, first: Job) -> Vec<Job> {
        let (mut jobs, started) = (vec![first], Instant::now());
        while jobs.len() < MAX_BLOCK {
            // Read before the queue: who has arrived since is in the queue then.
            let arriving = self.waiting.arriving.load(Ordering::Acquire);
            match self.queue.try_recv() {
                Ok(job) => jobs.push(job),
                Err(TryRecvError::Empty) if arriving > 0 && started.elapsed() < GATHER => {
                    jobs.extend(self.queue.recv_timeout(GATHER_STEP));
                }
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        jobs
    }

    /// Makes the jobs a block. What a crash leaves behind is told at each step; recovery is in every case the one of
    /// [`crate::recovery`], which takes up the blocks in the database and finds them whole.
    fn order(&mut self, jobs: Vec<Job>) -> Result<(), CommitError> {
        let started = Instant::now();
        let now = (self.parts.clock)();
        let (jobs, spent) = self.check_codes(jobs, now)?;
        self.answer(spent.into_iter().map(|job| (job.asker, Outcome::Refused(Reason::Code))));

        let (candidates, askers) = jobs.into_iter().map(|job| (job.candidate, job.asker)).unzip();
        let askers: Vec<Asker> = askers;
        let applied = self.parts.machine.apply(now, candidates, &self.parts.connection)?;
        // A crash from here on loses this process's memory: the block was never there, nobody was told that it was.
        (self.parts.observer)(CommitPoint::Applied);

        let mut view = self.parts.published.view().as_ref().clone();
        if let Some(block) = applied.block {
            let sealed = self.seal(&applied, now)?;
            // The signatures exist in this process alone and have not left it. After a crash others are made, perhaps
            // over another block: nobody holds two, so nobody can be told two stories.
            (self.parts.observer)(CommitPoint::Signed);

            self.write(block, &applied, &askers, &sealed)?;
            // Durable, checkpoints and all: after a crash here the node starts with this block, and whoever submitted
            // and heard nothing submits again and is told the place.
            (self.parts.observer)(CommitPoint::Committed);

            view.height = block.height;
            view.trust = Arc::clone(self.parts.machine.trust());
            for (log, head) in sealed {
                view.heads[log.slot()] = head;
            }
            self.parts.published.publish(view.clone());
            // Readers may have seen the block, which is durable.
            (self.parts.observer)(CommitPoint::Published);
            self.parts.metrics.block(applied.admitted.len(), started.elapsed());
        }
        let outcomes = applied.admissions.into_iter().map(|admission| outcome(admission, &view));
        self.answer(askers.into_iter().zip(outcomes));
        // Told: from now on the statements must never be lost, and they are durable since Committed.
        (self.parts.observer)(CommitPoint::Acknowledged);
        Ok(())
    }

    /// Sorts out those whose enrolment code was used up since they asked.
    fn check_codes(&self, jobs: Vec<Job>, now: UnixMillis) -> Result<(Vec<Job>, Vec<Job>), StoreError> {
        let mut seen = HashSet::new();
        let (mut good, mut spent) = (Vec::with_capacity(jobs.len()), Vec::new());
        for job in jobs {
            let usable = match job.asker.code {
                None => true,
                Some(CodeUse { code, .. }) => {
                    let stored = store::code(&self.parts.connection, code)?;
                    stored.is_some_and(|stored| stored.used.is_none() && stored.expires >= now)
                        && seen.insert(code)
                }
            };
            if usable { good.push(job) } else { spent.push(job) }
        }
        Ok((good, spent))
    }

    /// Signs a checkpoint of each log that has grown.
    fn seal(&mut self, applied: &Applied, now: UnixMillis) -> Result<Vec<(LogId, Head)>, CommitError> {
        let view = self.parts.published.view();
        let mut sealed = Vec::new();
        for log in LogId::ALL {
            let grown = applied.admitted.iter().filter(|new| new.place.log == log);
            let entries: Vec<(Hash, IndexKey)> = grown.map(|new| (new.statement.id(), new.key)).collect();
            if !entries.is_empty() {
                sealed.push((log, seal(&mut self.parts, view.head(log), log, &entries, now)?));
            }
        }
        Ok(sealed)
    }

    /// One transaction: the block, its statements, what they promise, the codes they use up, the checkpoints.
    fn write(
        &mut self,
        block: BlockRecord,
        applied: &Applied,
        askers: &[Asker],
        sealed: &[(LogId, Head)],
    ) -> Result<(), CommitError> {
        let tx = self.parts.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let BlockRecord { height, time, digest } = block;
        let sizes = LogId::ALL.map(|log| self.parts.machine.size(log));
        store::put_block(&tx, &StoredBlock { height, time, sizes, digest })?;
        for new in &applied.admitted {
            let statement = new.statement.statement();
            store::put_statement(&tx, new.place, statement.id(), statement.as_bytes())?;
            if let Some((blob, length)) = self.parts.machine.kinds().blob(&new.statement) {
                store::promise_blob(&tx, blob, length)?;
            }
        }
        for (asker, admission) in askers.iter().zip(&applied.admissions) {
            if let (Some(code), Admission::New(_)) = (asker.code, admission) {
                store::use_code(&tx, code.code, code.key, code.certificate)?;
            }
        }
        for (log, head) in sealed {
            store::put_checkpoint(&tx, *log, &head.note)?;
        }
        // A crash now leaves an unfinished transaction, which SQLite rolls back when the database is opened.
        (self.parts.observer)(CommitPoint::Written);
        tx.commit()?;
        Ok(())
    }

    fn answer(&self, answers: impl Iterator<Item = (Asker, Outcome)>) {
        let answers: Vec<_> = answers.collect();
        self.waiting.remove(answers.iter().map(|(asker, _)| &asker.id));
        for (asker, outcome) in answers {
            self.parts.metrics.outcome(&outcome);
            // Whoever no longer waits will find the statement when they ask.
            let _ = asker.reply.send(outcome);
        }
    }

    fn until_recosign(&self) -> Duration {
        let age = (self.parts.clock)().since(self.parts.published.view().cosigned_at());
        self.parts.recosign.saturating_sub(Duration::from_millis(age))
    }
}

/// Signs the same state again, as of now, so that phones see how fresh the silence is.
fn recosign(parts: &mut Parts) -> Result<(), CommitError> {
    let now = (parts.clock)();
    let mut view = parts.published.view().as_ref().clone();
    for log in LogId::ALL {
        view.heads[log.slot()] = seal(parts, view.head(log), log, &[], now)?;
    }
    let tx = parts.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for log in LogId::ALL {
        store::put_checkpoint(&tx, log, &view.head(log).note)?;
    }
    tx.commit()?;
    parts.published.publish(view);
    Ok(())
}

fn seal(
    parts: &mut Parts,
    before: &Head,
    log: LogId,
    entries: &[(Hash, IndexKey)],
    now: UnixMillis,
) -> Result<Head, CommitError> {
    let checkpoint = parts.machine.checkpoint(log)?;
    let note = parts.checkpoint_signers.sign(log, &checkpoint, entries, now)?;
    Ok(before.next(checkpoint, note.to_string().into(), now, parts.machine.index(log)))
}

fn outcome(admission: Admission, view: &View) -> Outcome {
    match admission {
        Admission::New(place) => Outcome::Accepted(Ordered { place, size: view.size(place.log) }),
        Admission::Known(place) => Outcome::Duplicate(Ordered { place, size: view.size(place.log) }),
        Admission::Refused(reason) => Outcome::Refused(reason),
    }
}

/// Memory may be ahead of the disk, or a witness of the log: nothing that this process would say can be relied on. It
/// stops at once, and starts again from what is durable.
fn abort(error: &CommitError) -> ! {
    tracing::error!(%error, "a block could not be committed; stopping at once");
    eprintln!("countersign node: a block could not be committed; stopping at once: {error}");
    std::process::abort()
}
