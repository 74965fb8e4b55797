//! The engine in this process: threads that submit fill a queue, one thread commits what has gathered there as a block.
//!
//! Threads that submit read the statement and verify its signature themselves; the ordering thread takes what has
//! gathered while the last block went to disk. So a lone client waits for one commit, and many clients share one.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use countersign_ledger::{Hash, LogName, UnixMillis};
use tokio::sync::oneshot;

use crate::committer::{CommitError, Committer};
use crate::halt::{Halt, Halts};
use crate::machine::Candidate;
use crate::metrics::Metrics;
use crate::parallel::in_parallel;
use crate::published::Published;
use crate::sequencer::{Block, Health, Outcome, Sequencer, Status, Ticket};
use crate::store::StoreError;
use crate::timekeeper::Timekeeper;

/// Most statements in a block: at full load about a fifth of a second's work.
const MAX_BLOCK: usize = 2048;
/// Longest wait for statements that are being verified while a block is gathered.
const GATHER: Duration = Duration::from_micros(700);
/// How often this is checked.
const GATHER_STEP: Duration = Duration::from_micros(100);
/// When the queue is full, clients are asked to retry after this time.
const RETRY_AFTER: Duration = Duration::from_secs(1);

struct Job {
    candidate: Candidate,
    id: Hash,
}

/// The engine in this process.
pub struct Local {
    published: Arc<Published>,
    time: Arc<Timekeeper>,
    halts: Arc<Halts>,
    metrics: Arc<Metrics>,
    waiting: Arc<Waiting>,
    /// `None` once the engine stops.
    queue: Mutex<Option<SyncSender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Submissions that are not answered yet.
#[derive(Default)]
struct Waiting {
    /// By statement, those who have submitted it, in the order in which they did.
    askers: Mutex<HashMap<Hash, VecDeque<oneshot::Sender<Outcome>>>>,
    count: AtomicUsize,
    /// Threads that are verifying a statement now.
    arriving: AtomicUsize,
}

impl Waiting {
    fn add(&self, id: Hash) -> oneshot::Receiver<Outcome> {
        let (reply, outcome) = oneshot::channel();
        self.askers().entry(id).or_default().push_back(reply);
        self.count.fetch_add(1, Ordering::Relaxed);
        outcome
    }

    /// Tells each statement's outcome to whoever waits for it. A client that no longer waits finds the statement when it asks.
    fn answer(&self, outcomes: impl IntoIterator<Item = (Hash, Outcome)>) {
        let mut askers = self.askers();
        for (id, outcome) in outcomes {
            let Some(waiting) = askers.get_mut(&id) else { continue };
            if let Some(asker) = waiting.pop_front() {
                self.count.fetch_sub(1, Ordering::Relaxed);
                let _ = asker.send(outcome);
            }
            if waiting.is_empty() {
                askers.remove(&id);
            }
        }
    }

    /// Tells everybody that ordering has halted. Their statements keep their place in the queue.
    fn answer_all(&self, halt: Halt, metrics: &Metrics) {
        for asker in self.askers().drain().flat_map(|(_, askers)| askers) {
            self.count.fetch_sub(1, Ordering::Relaxed);
            metrics.outcome(&Outcome::Halted(halt));
            let _ = asker.send(Outcome::Halted(halt));
        }
    }

    fn contains(&self, id: Hash) -> bool {
        self.askers().contains_key(&id)
    }

    fn askers(&self) -> MutexGuard<'_, HashMap<Hash, VecDeque<oneshot::Sender<Outcome>>>> {
        self.askers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Local {
    /// Starts the ordering thread. Up to `queue` submissions wait; when nothing happens, the witnesses cosign again after
    /// `recosign`.
    pub fn start(committer: Committer, queue: usize, recosign: Duration) -> Result<Self, CommitError> {
        let (sender, receiver) = sync_channel(queue);
        let waiting = Arc::new(Waiting::default());
        let local = Self {
            published: Arc::clone(&committer.published),
            time: Arc::clone(&committer.time),
            halts: Arc::clone(&committer.halts),
            metrics: Arc::clone(&committer.metrics),
            waiting: Arc::clone(&waiting),
            queue: Mutex::new(Some(sender)),
            thread: Mutex::new(None),
        };
        let (told, metrics) = (Arc::clone(&waiting), Arc::clone(&committer.metrics));
        local.halts.on_halt(Box::new(move |halt| told.answer_all(halt, &metrics)));
        let worker = Worker { committer, recosign, queue: receiver, waiting };
        let thread = std::thread::Builder::new().name("sequencer".to_owned()).spawn(move || worker.run())?;
        *local.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(local)
    }

    /// Queues a statement that has passed its first checks.
    fn ticket(&self, candidate: Result<Candidate, Outcome>, statement: &[u8]) -> Ticket {
        match candidate {
            // In our own form the unprotected header is empty, so the id is the digest of what was sent.
            Ok(candidate) => self.enqueue(candidate, Hash::of(statement)),
            Err(outcome) => {
                self.metrics.outcome(&outcome);
                Ticket::known(outcome)
            }
        }
    }

    fn enqueue(&self, candidate: Candidate, id: Hash) -> Ticket {
        let busy = Outcome::Busy { retry_after: RETRY_AFTER };
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(queue) = queue else { return Ticket::known(busy) };
        let outcome = self.waiting.add(id);
        match queue.try_send(Job { candidate, id }) {
            Ok(()) => {
                // Ordering may have halted since it was looked at, and everybody been told but this one.
                if let Some(halt) = self.halts.now() {
                    self.waiting.answer_all(halt, &self.metrics);
                }
            }
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.metrics.outcome(&busy);
                self.waiting.answer([(id, busy.clone())]);
                return Ticket::known(busy);
            }
        }
        Ticket::pending(outcome)
    }

    /// The time, unless ordering has halted.
    fn time(&self) -> Result<UnixMillis, Halt> {
        match self.halts.now() {
            Some(halt) => Err(halt),
            None => self.time.now().map_err(|_| Halt::Clock),
        }
    }
}

impl Sequencer for Local {
    fn submit(&self, log: LogName, statement: &[u8]) -> Ticket {
        self.waiting.arriving.fetch_add(1, Ordering::AcqRel);
        let time = self.time().map_err(Outcome::Halted);
        let candidate = time.and_then(|now| self.published.candidate(log, statement, now));
        // Before it is queued, or the ordering thread would wait for the very statement that it has.
        self.waiting.arriving.fetch_sub(1, Ordering::AcqRel);
        self.ticket(candidate, statement)
    }

    /// The signatures are verified on all cores, and the order is kept.
    fn submit_all(&self, log: LogName, statements: &[&[u8]]) -> Vec<Ticket> {
        let count = statements.len();
        self.waiting.arriving.fetch_add(count, Ordering::AcqRel);
        let time = self.time().map_err(Outcome::Halted);
        let candidates = in_parallel(statements, |statement| {
            time.clone().and_then(|now| self.published.candidate(log, statement, now))
        });
        self.waiting.arriving.fetch_sub(count, Ordering::AcqRel);
        let mut tickets = Vec::with_capacity(statements.len());
        for (candidate, statement) in candidates.into_iter().zip(statements) {
            let ticket = self.ticket(candidate, statement);
            let busy = matches!(ticket.outcome(), Some(Outcome::Busy { .. }));
            tickets.push(ticket);
            if busy {
                break;
            }
        }
        tickets
    }

    fn status(&self, id: Hash) -> Status {
        match self.published.status(id) {
            Status::Unknown if self.waiting.contains(id) => Status::Pending,
            known => known,
        }
    }

    fn blocks(&self, height: u64, limit: u32) -> Result<Vec<Block>, StoreError> {
        self.published.blocks(height, limit)
    }

    fn health(&self) -> Health {
        let halted = self.time().err();
        Health {
            height: self.published.height(),
            cosigned_at: self.published.cosigned_at(),
            waiting: self.waiting.count.load(Ordering::Relaxed),
            accepting: halted.is_none()
                && self.queue.lock().unwrap_or_else(PoisonError::into_inner).is_some(),
            halted,
        }
    }

    fn shutdown(&self) {
        // Without a sender the queue runs dry, and the thread ends when it has.
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.halts.give_up();
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

/// The ordering thread.
struct Worker {
    committer: Committer,
    recosign: Duration,
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
                Err(RecvTimeoutError::Timeout) => self.committer.recosign(),
                Err(RecvTimeoutError::Disconnected) => break,
            };
            match done {
                Ok(()) => {}
                // The node stops while ordering stands still. A block that was not committed was acknowledged to nobody; one
                // that was not signed is signed at the next start.
                Err(error) if error.halt().is_some() => break,
                Err(error) => abort(&error),
            }
        }
        self.committer.close();
    }

    /// The jobs that are waiting, and those that are about to: a commit costs the same for one as for many, so it is
    /// worth a moment to wait for those that are being verified right now. A lone client is not delayed.
    fn gather(&self, first: Job) -> Vec<Job> {
        let (mut jobs, started) = (vec![first], Instant::now());
        while jobs.len() < MAX_BLOCK {
            // Read before the queue: what has been verified since is in the queue.
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

    /// Commits the jobs as a block, and sends their outcomes.
    fn order(&mut self, jobs: Vec<Job>) -> Result<(), CommitError> {
        let (candidates, ids): (_, Vec<Hash>) = jobs.into_iter().map(|job| (job.candidate, job.id)).unzip();
        let (waiting, metrics) = (&self.waiting, Arc::clone(&self.committer.metrics));
        self.committer.commit(candidates, |outcomes| {
            for outcome in &outcomes {
                metrics.outcome(outcome);
            }
            waiting.answer(ids.into_iter().zip(outcomes));
        })
    }

    fn until_recosign(&self) -> Duration {
        // A clock in doubt is waited out where its time is needed: by signing again.
        let Ok(now) = self.committer.time.now() else { return Duration::ZERO };
        let age = now.since(self.committer.published.cosigned_at());
        self.recosign.saturating_sub(Duration::from_millis(age))
    }
}

/// Memory may be ahead of the disk, so this process can no longer be relied on. It stops at once, and starts again from what is
/// durable.
fn abort(error: &CommitError) -> ! {
    tracing::error!(%error, "a block could not be committed; stopping at once");
    eprintln!("countersign node: a block could not be committed; stopping at once: {error}");
    std::process::abort()
}
