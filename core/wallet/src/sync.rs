//! Bringing a snapshot up to date, in steps of a few bounded requests each.
//!
//! # A round
//!
//! 1. For each log that is held whole, the trust log before all others: its checkpoint, the proof that it extends the one seen
//!    before, and its statements, each verified, until they lead to the checkpoint's root and subject index.
//! 2. For each other log: its checkpoint and its proof. Checkpoints that other phones showed are compared with the newest.
//! 3. What is followed. A planner (`plan`) says what to find out next, and learns what was found: the proof of each
//!    followed family, its members' names, the histories that have grown; for products also the proofs of lots' families (the
//!    packs that have something on record), the filters over serials, and the dependencies, such as an order.
//! 4. One transaction moves the head. Until then the snapshot answers as before.
//!
//! Whatever was fetched and verified is stored by the next step at the latest, and found again: a round that was killed goes
//! on where it was, since each step first looks at what is here. What is unchanged is not fetched again, but hashed again,
//! so that damage is seen and repaired.

mod fetch;
mod histories;
mod plan;
mod whole;

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::time::Duration;

use countersign_ledger::{Hash, Held, HistoryError, IndexError, LogName, Subject, TrustedCheckpoint};

use self::fetch::Fetch;
use self::plan::Fault;
use crate::client::{Client, ClientError};
use crate::snapshot::{AdvanceError, Head, OpenError, Snapshot};
use crate::store::StoreError;
use crate::whole_logs::{WholeLogError, WholeLogs};

/// How often a round begins anew because the node or another process has moved on, before it is given up.
const MAX_RESTARTS: u32 = 8;

/// Why a sync stopped. The snapshot answers as before, and the next step takes the round up again.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The node gave no answer that can be used.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A checkpoint was refused.
    #[error(transparent)]
    Advance(#[from] AdvanceError),
    /// A log that is held whole is not the one that its checkpoint commits to.
    #[error("the {log} log: {reason}")]
    WholeLog {
        /// The log.
        log: LogName,
        /// What is wrong.
        reason: WholeLogError,
    },
    /// A certificate is not the one that was asked for, or leads to no pinned root.
    #[error("a signer's certificate is not good")]
    Certificate,
    /// What the node says of a family is not what the checkpoint commits to: something was left out, added or altered.
    #[error("the members of {family} are not those of the checkpoint: {reason}")]
    Family {
        /// The family.
        family: Subject,
        /// What is wrong with the proof.
        reason: IndexError,
    },
    /// The node does not name all members of a family.
    #[error("the node leaves out members of {family}")]
    Names {
        /// The family.
        family: Subject,
    },
    /// A history is refused.
    #[error("the history of {subject} is refused: {reason}")]
    History {
        /// What it is about.
        subject: Subject,
        /// Why.
        reason: HistoryError,
    },
    /// The node does not say where a statement is that another one links, or says it wrongly.
    #[error("the node does not show the statement {statement}, which another one links")]
    Linked {
        /// The statement.
        statement: Hash,
    },
    /// A filter is not the one that the lot's commission names.
    #[error("the filter over the serials of {lot} is not the one that was commissioned")]
    Filter {
        /// The lot.
        lot: Subject,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl SyncError {
    /// Whether another process has moved the wallet on.
    const fn is_moved(&self) -> bool {
        matches!(self, Self::Store(StoreError::Moved) | Self::Advance(AdvanceError::Store(StoreError::Moved)))
    }
}

impl From<Fault> for SyncError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Names(family) => Self::Names { family },
            Fault::Linked(statement) => Self::Linked { statement },
        }
    }
}

/// What a step did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Something; there is more to do.
    Progress(Progress),
    /// Nothing: the node asks for patience.
    Waiting {
        /// How long.
        retry_after: Duration,
    },
    /// The last thing there was to do: the snapshot is up to date.
    Done,
}

/// How far a round is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Parts done.
    pub done: u64,
    /// Parts known so far; more may turn up.
    pub of: u64,
    /// What the step was about.
    pub what: Part,
}

/// What a step is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A log's checkpoint.
    Checkpoint(LogName),
    /// The statements of a log that is held whole.
    WholeLog(LogName),
    /// Something that is followed, or that this builds on.
    Subject(Subject),
}

/// A round under way. All of it can be found again from what is stored.
pub(crate) struct SyncRound {
    stage: Stage,
    restarts: u32,
    done: u64,
}

enum Stage {
    /// To ask for the checkpoint of a log.
    Checkpoint(LogName, Box<Reached>),
    /// To ask for the proof that its checkpoint extends the one seen.
    Proof(LogName, Box<Reached>, String, (u64, u64)),
    /// To fetch a log that is held whole.
    Whole(Box<whole::Fetching>),
    /// To compare checkpoints that other phones showed.
    Meetings(Box<Reached>, Vec<(LogName, String)>),
    /// To fetch what is followed.
    Follow(Box<Fetch>),
}

/// How far the round has come with the logs.
struct Reached {
    /// Those still to come.
    left: VecDeque<LogName>,
    checkpoints: BTreeMap<LogName, TrustedCheckpoint>,
    /// What the logs that are held whole say, and whom to trust.
    whole: WholeLogs,
}

/// What comes after a step.
enum Next {
    Stage(Stage, Part),
    Finished(Box<Head>, BTreeMap<LogName, Vec<Subject>>),
}

impl Snapshot {
    /// Does the next step of bringing the snapshot up to date; a few requests at most, bounded in size and time. Call it
    /// until it says [`Step::Done`]. It may be stopped, or the process killed, at any moment.
    pub fn sync_step(&mut self, client: &Client) -> Result<Step, SyncError> {
        let SyncRound { stage, restarts, done } = match self.round.take() {
            Some(round) => round,
            None => SyncRound { stage: self.first()?, restarts: 0, done: 0 },
        };
        match self.run(client, stage) {
            Ok(Next::Stage(stage, what)) => {
                let done = done + 1;
                let of = done + stage.remaining();
                self.round = Some(SyncRound { stage, restarts, done });
                Ok(Step::Progress(Progress { done, of, what }))
            }
            Ok(Next::Finished(head, complete)) => {
                self.pin_to(*head, &complete, client.clocks())?;
                Ok(Step::Done)
            }
            Err(SyncError::Client(ClientError::Busy { retry_after })) => Ok(Step::Waiting { retry_after }),
            // The log has grown beyond what the node still proves: what is here stays, the rest is asked for anew.
            Err(SyncError::Client(ClientError::Gone)) if restarts < MAX_RESTARTS => {
                self.round = Some(SyncRound { stage: self.first()?, restarts: restarts + 1, done });
                Ok(Step::Progress(Progress { done, of: done + 1, what: Part::Checkpoint(LogName::TRUST) }))
            }
            // Another process has moved the wallet on: the round begins again from there.
            Err(error) if error.is_moved() && restarts < MAX_RESTARTS => {
                self.open_again()?;
                self.round = Some(SyncRound { stage: self.first()?, restarts: restarts + 1, done });
                Ok(Step::Progress(Progress { done, of: done + 1, what: Part::Checkpoint(LogName::TRUST) }))
            }
            Err(error) => {
                if let SyncError::Store(StoreError::Damaged(_)) = error {
                    self.store.mark_damaged();
                }
                Err(error)
            }
        }
    }

    /// Brings the snapshot up to date, with patience for a busy node up to `patience` altogether.
    pub fn sync(&mut self, client: &Client, patience: Duration) -> Result<(), SyncError> {
        let mut left = patience;
        loop {
            match self.sync_step(client)? {
                Step::Done => return Ok(()),
                Step::Progress(_) => {}
                Step::Waiting { retry_after } if retry_after <= left => {
                    left -= retry_after;
                    std::thread::sleep(retry_after);
                }
                Step::Waiting { retry_after } => return Err(ClientError::Busy { retry_after }.into()),
            }
        }
    }

    /// Sees the newest checkpoint of a log, without moving the head: at most two requests, and two more each time that another
    /// process moves the wallet on meanwhile.
    pub fn see_newest(&mut self, client: &Client, log: LogName) -> Result<TrustedCheckpoint, SyncError> {
        for _ in 0..MAX_RESTARTS {
            match self.look(client, log) {
                Err(error) if error.is_moved() => self.open_again()?,
                seen => return seen,
            }
        }
        self.look(client, log)
    }

    /// The same as another process has left it.
    fn open_again(&mut self) -> Result<(), StoreError> {
        let path = self.store.read().path().map(PathBuf::from).ok_or(StoreError::Moved)?;
        *self = Self::open(&path, &self.genesis).map_err(|error| match error {
            OpenError::Store(error) => error,
            // The genesis is the one that this was opened with.
            OpenError::Genesis(_) | OpenError::NoDomain => StoreError::Moved,
        })?;
        Ok(())
    }

    fn look(&mut self, client: &Client, log: LogName) -> Result<TrustedCheckpoint, SyncError> {
        let note = client.checkpoint(log)?;
        let proof = match self.needs_proof(log, &note)? {
            Some((old, new)) => client.consistency(log, old, new)?,
            None => Vec::new(),
        };
        self.advance(log, &note, &proof)?;
        self.seen(log).cloned().ok_or(ClientError::Malformed("checkpoint").into())
    }

    /// The sizes between which a proof must lead before this note can be trusted. A note that is not to be trusted makes
    /// no further request.
    fn needs_proof(&self, log: LogName, note: &str) -> Result<Option<(u64, u64)>, AdvanceError> {
        let new = self.policy.trust(note)?.checkpoint().size();
        let old = self.seen(log).map_or(0, |seen| seen.checkpoint().size());
        Ok((0 < old && old < new).then_some((old, new)))
    }

    /// A round begins from the head, or from the genesis alone.
    fn first(&self) -> Result<Stage, SyncError> {
        let whole = match &self.head {
            Some(head) => head.whole.clone(),
            None => WholeLogs::new(self.pinned()?),
        };
        // The trust log is in every genesis that is accepted, and comes first.
        let left = self.logs(None).into_iter().skip(1).collect();
        Ok(Stage::Checkpoint(LogName::TRUST, Box::new(Reached { left, checkpoints: BTreeMap::new(), whole })))
    }

    fn run(&mut self, client: &Client, stage: Stage) -> Result<Next, SyncError> {
        match stage {
            Stage::Checkpoint(log, reached) => {
                let note = client.checkpoint(log)?;
                match self.needs_proof(log, &note)? {
                    Some(sizes) => {
                        Ok(Next::Stage(Stage::Proof(log, reached, note, sizes), Part::Checkpoint(log)))
                    }
                    None => self.advance_to(log, &note, &[], *reached),
                }
            }
            Stage::Proof(log, reached, note, (old, new)) => {
                let proof = client.consistency(log, old, new)?;
                self.advance_to(log, &note, &proof, *reached)
            }
            Stage::Whole(fetching) => self.fetch_whole(client, *fetching),
            Stage::Meetings(reached, met) => self.compare_met(client, *reached, met),
            Stage::Follow(fetch) => self.fetch(client, fetch),
        }
    }

    fn advance_to(
        &mut self,
        log: LogName,
        note: &str,
        proof: &[Hash],
        reached: Reached,
    ) -> Result<Next, SyncError> {
        self.advance(log, note, proof)?;
        let checkpoint = self.seen(log).cloned().ok_or(ClientError::Malformed("checkpoint"))?;
        if self.logs(Some(Held::Whole)).contains(&log) {
            let fetching = self.begin_whole(log, checkpoint, reached)?;
            return Ok(Next::Stage(Stage::Whole(Box::new(fetching)), Part::Checkpoint(log)));
        }
        self.reach(log, checkpoint, reached)
    }

    /// All of a log that is to be here before what is followed is here.
    fn reach(
        &mut self,
        log: LogName,
        checkpoint: TrustedCheckpoint,
        mut reached: Reached,
    ) -> Result<Next, SyncError> {
        reached.checkpoints.insert(log, checkpoint);
        match reached.left.pop_front() {
            Some(next) => Ok(Next::Stage(Stage::Checkpoint(next, Box::new(reached)), Part::Checkpoint(log))),
            None => self.meet(reached, self.meetings()?, log),
        }
    }

    /// All logs are reached: what others showed is compared, and then what is followed is fetched.
    fn meet(&self, reached: Reached, met: Vec<(LogName, String)>, log: LogName) -> Result<Next, SyncError> {
        let stage = if met.is_empty() {
            Stage::Follow(Box::new(Fetch::new(&self.following()?, reached)))
        } else {
            Stage::Meetings(Box::new(reached), met)
        };
        Ok(Next::Stage(stage, Part::Checkpoint(log)))
    }

    /// Compares one checkpoint that another phone showed with the newest one. What the node does not prove today is asked
    /// again at the next sync, and holds nothing up.
    fn compare_met(
        &mut self,
        client: &Client,
        reached: Reached,
        mut met: Vec<(LogName, String)>,
    ) -> Result<Next, SyncError> {
        let Some((log, note)) = met.pop() else { return self.meet(reached, met, LogName::TRUST) };
        let proof = match self.proof_of(log, &note) {
            Some((old, new)) => client.consistency(log, old, new).map(Some),
            None => Ok(Some(Vec::new())),
        };
        let proof = match proof {
            Err(error @ (ClientError::Busy { .. } | ClientError::Transport(_))) => return Err(error.into()),
            answer => answer.unwrap_or(None),
        };
        if let Some(proof) = proof {
            self.settle_meeting(log, &note, &proof)?;
        }
        self.meet(reached, met, log)
    }
}

impl Stage {
    /// Parts that are known to be left.
    fn remaining(&self) -> u64 {
        match self {
            Self::Checkpoint(_, reached) | Self::Proof(_, reached, ..) => reached.left.len() as u64 + 2,
            Self::Whole(fetching) => fetching.remaining(),
            Self::Meetings(_, met) => met.len() as u64 + 1,
            Self::Follow(fetch) => fetch.remaining(),
        }
    }
}
