//! The engine in this process: threads that submit fill a queue, one thread commits what has gathered there as a block.
//!
//! Threads that submit read the statement and verify its signature themselves; the ordering thread takes what has
//! gathered while the last block went to disk. So a lone client waits for one commit, and many clients share one.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use countersign_ledger::{Hash, LogName};
use tokio::sync::oneshot;

use crate::checkpoint_signers::SealError;
use crate::clock::Clock;
use crate::committer::{CommitError, Committer};
use crate::machine::Candidate;
use crate::metrics::Metrics;
use crate::published::Published;
use crate::sequencer::{Block, Health, Outcome, Sequencer, Status, Ticket};
use crate::store::StoreError;

/// Most statements in a block: at full load about a fifth of a second's work.
const MAX_BLOCK: usize = 2048;
/// Longest wait for statements that are being verified while a block is gathered.
const GATHER: Duration = Duration::from_micros(700);
/// How often this is checked.
const GATHER_STEP: Duration = Duration::from_micros(100);
/// When the queue is full, clients are asked to retry after this time.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Least time between two cosignings of what has not changed.
const RECOSIGN_PAUSE: Duration = Duration::from_millis(500);

struct Job {
    candidate: Candidate,
    asker: Asker,
}

/// Where the outcome of a statement is sent.
struct Asker {
    id: Hash,
    reply: oneshot::Sender<Outcome>,
}

/// The engine in this process.
pub struct Local {
    published: Arc<Published>,
    clock: Clock,
    metrics: Arc<Metrics>,
    waiting: Arc<Waiting>,
    /// `None` once the engine stops.
    queue: Mutex<Option<SyncSender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Submissions that are not answered yet.
#[derive(Default)]
struct Waiting {
    ids: Mutex<HashSet<Hash>>,
    count: AtomicUsize,
    /// Threads that are verifying a statement now.
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

    fn contains(&self, id: Hash) -> bool {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).contains(&id)
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
            clock: committer.clock.clone(),
            metrics: Arc::clone(&committer.metrics),
            waiting: Arc::clone(&waiting),
            queue: Mutex::new(Some(sender)),
            thread: Mutex::new(None),
        };
        let worker = Worker { committer, recosign, queue: receiver, waiting };
        let thread = std::thread::Builder::new().name("sequencer".to_owned()).spawn(move || worker.run())?;
        *local.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(local)
    }

    fn enqueue(&self, candidate: Candidate, id: Hash) -> Ticket {
        let (reply, outcome) = oneshot::channel();
        let busy = Outcome::Busy { retry_after: RETRY_AFTER };
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(queue) = queue else { return Ticket::known(busy) };
        self.waiting.add(id);
        match queue.try_send(Job { candidate, asker: Asker { id, reply } }) {
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
    fn submit(&self, log: LogName, statement: &[u8]) -> Ticket {
        self.waiting.arriving.fetch_add(1, Ordering::AcqRel);
        let candidate = self.published.candidate(log, statement, (self.clock)());
        // Before it is queued, or the ordering thread would wait for the very statement that it has.
        self.waiting.arriving.fetch_sub(1, Ordering::AcqRel);
        match candidate {
            // In our own form the unprotected header is empty, so the id is the digest of what was sent.
            Ok(candidate) => self.enqueue(candidate, Hash::of(statement)),
            Err(outcome) => {
                self.metrics.outcome(&outcome);
                Ticket::known(outcome)
            }
        }
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
        Health {
            height: self.published.height(),
            cosigned_at: self.published.cosigned_at(),
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
                // Only a node that stops gives up on witnesses elsewhere; nothing of the block was written.
                Err(CommitError::Seal(SealError::Quorum(_))) => return,
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
        let (candidates, askers): (_, Vec<Asker>) =
            jobs.into_iter().map(|job| (job.candidate, job.asker)).unzip();
        let (waiting, metrics) = (&self.waiting, Arc::clone(&self.committer.metrics));
        self.committer.commit(candidates, |outcomes| {
            waiting.remove(askers.iter().map(|asker| &asker.id));
            for (asker, outcome) in askers.into_iter().zip(outcomes) {
                metrics.outcome(&outcome);
                // A client that no longer waits finds the statement when it asks.
                let _ = asker.reply.send(outcome);
            }
        })
    }

    fn until_recosign(&self) -> Duration {
        let age = (self.committer.clock)().since(self.committer.published.cosigned_at());
        // Where it could not be done, it is tried again, and not without a pause.
        self.recosign.saturating_sub(Duration::from_millis(age)).max(RECOSIGN_PAUSE)
    }
}

/// Memory may be ahead of the disk, or a witness ahead of the log, so this process can no longer be relied on. It stops at
/// once, and starts again from what is durable.
fn abort(error: &CommitError) -> ! {
    tracing::error!(%error, "a block could not be committed; stopping at once");
    eprintln!("countersign node: a block could not be committed; stopping at once: {error}");
    std::process::abort()
}
