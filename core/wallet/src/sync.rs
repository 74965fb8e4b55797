//! Bringing a snapshot up to date, in steps of a few bounded requests each.
//!
//! # A round
//!
//! 1. The trust log's checkpoint, and the proof that it extends the one seen before.
//! 2. The trust log's statements, each verified, until they lead to the checkpoint's root and subject index.
//! 3. The supply log's checkpoint, and its proof. Checkpoints that other phones showed are compared with it.
//! 4. For each class that is followed: the proof of its family (all its lots, with the number and the latest of their
//!    statements), the lots' names, the histories that have grown, the proofs of the lots' families (the packs that have
//!    something on record), the histories of packs that are followed, and the filters over serials. Then the histories
//!    elsewhere that these build on, such as an order.
//! 5. One transaction moves the head. Until then the snapshot tells what it told before.
//!
//! Whatever was fetched and verified is stored by the next step at the latest, and found again: a round that was killed is
//! taken up where it stood, since each step first looks at what is here. What is unchanged is not fetched again, but hashed again, so that
//! damage is seen and repaired.

mod histories;
mod plan;
mod products;
mod trust_log;

use std::time::Duration;

use countersign_ledger::{Hash, HistoryError, IndexError, Subject, TrustedCheckpoint};

use self::plan::Plan;
use crate::trust_log::{TrustLogState, TrustLogError};
use crate::client::{Client, ClientError};
use crate::log::Log;
use crate::snapshot::{AdvanceError, Head, Snapshot};
use crate::store::StoreError;

/// How often a round begins anew because the node has moved on, before it is given up.
const MAX_RESTARTS: u32 = 8;

/// Why a sync stopped. The snapshot tells what it told before, and the next step takes the round up again.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The node gave no answer that can be used.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A checkpoint was refused.
    #[error(transparent)]
    Advance(#[from] AdvanceError),
    /// The trust log is not the one that its checkpoint commits to.
    #[error(transparent)]
    TrustLog(#[from] TrustLogError),
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
    /// The node does not say where a statement is that another one builds on, or says it wrongly.
    #[error("the node does not show the statement {statement}, on which another builds")]
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
    Checkpoint(Log),
    /// The trust log's statements.
    TrustLog,
    /// A product class, a lot or a pack.
    Product(Subject),
}

/// A round under way. All of it can be found again from what is stored.
pub(crate) struct Round {
    stage: Stage,
    restarts: u32,
    done: u64,
}

enum Stage {
    /// To ask for a log's checkpoint.
    Checkpoint(Log, Option<Box<Trusted>>),
    /// To ask for the proof that a log's checkpoint extends the one seen.
    Proof(Log, String, (u64, u64), Option<Box<Trusted>>),
    /// To fetch the trust log.
    TrustLog(Box<trust_log::Fetching>),
    /// To compare checkpoints that other phones showed, before the products are fetched.
    Meetings(Box<Trusted>, Vec<String>),
    /// To fetch what is followed.
    Products(Box<Plan>),
}

/// The trust log as of the round's checkpoint.
pub(crate) struct Trusted {
    checkpoint: TrustedCheckpoint,
    trust_log: TrustLogState,
}

impl Round {
    const fn new() -> Self {
        Self { stage: Stage::Checkpoint(Log::Trust, None), restarts: 0, done: 0 }
    }
}

/// What comes after a step.
enum Next {
    Stage(Stage, Part),
    Finished(Box<Head>, Vec<Subject>),
}

impl Snapshot {
    /// Does the next step of bringing the snapshot up to date; a few requests at most, bounded in size and time. Call it
    /// until it says [`Step::Done`]. It may be stopped, or the process killed, at any moment.
    pub fn sync_step(&mut self, client: &Client) -> Result<Step, SyncError> {
        let Round { stage, restarts, done } = self.round.take().unwrap_or(Round::new());
        match self.run(client, stage) {
            Ok(Next::Stage(stage, what)) => {
                let done = done + 1;
                let of = done + stage.remaining();
                self.round = Some(Round { stage, restarts, done });
                Ok(Step::Progress(Progress { done, of, what }))
            }
            Ok(Next::Finished(head, complete)) => {
                self.stand_on(*head, &complete)?;
                Ok(Step::Done)
            }
            Err(SyncError::Client(ClientError::Busy { retry_after })) => Ok(Step::Waiting { retry_after }),
            // The log has grown beyond what the node still proves: what is here stays, the rest is asked for anew.
            Err(SyncError::Client(ClientError::Gone)) if restarts < MAX_RESTARTS => {
                self.round = Some(Round { restarts: restarts + 1, done, ..Round::new() });
                Ok(Step::Progress(Progress { done, of: done + 1, what: Part::Checkpoint(Log::Trust) }))
            }
            Err(error) => Err(error),
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

    /// Sees the newest checkpoint of a log, without moving the head: at most two requests.
    pub fn see_newest(&mut self, client: &Client, log: Log) -> Result<TrustedCheckpoint, SyncError> {
        let note = client.checkpoint(log)?;
        let proof = match self.needs_proof(log, &note)? {
            Some((old, new)) => client.consistency(log, old, new)?,
            None => Vec::new(),
        };
        self.advance(log, &note, &proof)?;
        self.seen(log).cloned().ok_or(ClientError::Malformed("checkpoint").into())
    }

    /// The sizes between which a proof must lead before this note can be believed. A note that is not to be trusted makes
    /// no further request.
    fn needs_proof(&self, log: Log, note: &str) -> Result<Option<(u64, u64)>, AdvanceError> {
        let new = self.policy.trust(note)?.checkpoint().size();
        let old = self.seen(log).map_or(0, |seen| seen.checkpoint().size());
        Ok((0 < old && old < new).then_some((old, new)))
    }

    fn run(&mut self, client: &Client, stage: Stage) -> Result<Next, SyncError> {
        match stage {
            Stage::Checkpoint(log, trusted) => {
                let note = client.checkpoint(log)?;
                match self.needs_proof(log, &note)? {
                    Some(sizes) => {
                        Ok(Next::Stage(Stage::Proof(log, note, sizes, trusted), Part::Checkpoint(log)))
                    }
                    None => {
                        self.advance(log, &note, &[])?;
                        self.after_checkpoint(log, trusted)
                    }
                }
            }
            Stage::Proof(log, note, (old, new), trusted) => {
                let proof = client.consistency(log, old, new)?;
                self.advance(log, &note, &proof)?;
                self.after_checkpoint(log, trusted)
            }
            Stage::TrustLog(fetching) => self.fetch_trust_log(client, *fetching),
            Stage::Meetings(trusted, met) => self.compare_met(client, trusted, met),
            Stage::Products(plan) => self.fetch_products(client, *plan),
        }
    }

    fn after_checkpoint(&mut self, log: Log, trusted: Option<Box<Trusted>>) -> Result<Next, SyncError> {
        let Some(checkpoint) = self.seen(log).cloned() else { return Ok(again(log)) };
        let stage = match (log, trusted) {
            (Log::Trust, _) => Stage::TrustLog(Box::new(self.begin_trust_log(checkpoint)?)),
            (Log::Supply, Some(trusted)) => match self.meetings()? {
                met if met.is_empty() => Stage::Products(Box::new(self.plan(*trusted, checkpoint)?)),
                met => Stage::Meetings(trusted, met),
            },
            (Log::Supply, None) => return Ok(again(Log::Trust)),
        };
        Ok(Next::Stage(stage, Part::Checkpoint(log)))
    }
}

impl Snapshot {
    /// Compares one checkpoint that another phone showed with the newest one. What the node does not prove today is asked
    /// again at the next sync, and holds nothing up.
    fn compare_met(
        &mut self,
        client: &Client,
        trusted: Box<Trusted>,
        mut met: Vec<String>,
    ) -> Result<Next, SyncError> {
        if let Some(note) = met.pop() {
            let proof = match self.proof_of(&note) {
                Some((old, new)) => client.consistency(Log::Supply, old, new).map(Some),
                None => Ok(Some(Vec::new())),
            };
            let proof = match proof {
                Err(error @ (ClientError::Busy { .. } | ClientError::Transport(_))) => {
                    return Err(error.into());
                }
                answer => answer.unwrap_or(None),
            };
            if let Some(proof) = proof {
                self.settle(&note, &proof)?;
            }
        }
        let stage = match self.seen(Log::Supply).cloned() {
            Some(checkpoint) if met.is_empty() => Stage::Products(Box::new(self.plan(*trusted, checkpoint)?)),
            _ => Stage::Meetings(trusted, met),
        };
        Ok(Next::Stage(stage, Part::Checkpoint(Log::Supply)))
    }
}

const fn again(log: Log) -> Next {
    Next::Stage(Stage::Checkpoint(log, None), Part::Checkpoint(log))
}

impl Stage {
    /// Parts that are known to be left.
    fn remaining(&self) -> u64 {
        match self {
            Self::Checkpoint(Log::Trust, _) | Self::Proof(Log::Trust, ..) => 3,
            Self::TrustLog(fetching) => fetching.remaining() + 2,
            Self::Checkpoint(Log::Supply, _) | Self::Proof(Log::Supply, ..) => 2,
            Self::Meetings(_, met) => met.len() as u64 + 1,
            Self::Products(plan) => plan.work.remaining(),
        }
    }
}
