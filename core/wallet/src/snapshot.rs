//! What this wallet holds of a ledger, proven from the pinned genesis on.
//!
//! A snapshot is pinned to one checkpoint of each log, its *head*: all that it tells is as of these. What it has *seen* may be
//! newer: from the moment a newer checkpoint is trusted nothing older or other is accepted from anyone, and the head follows
//! when all that belongs to it is here, in one transaction ([`Snapshot::sync_step`]).

mod database;
mod dossier;
mod follow;
mod head;
mod meeting;
mod settings;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign_custody::{Dossier, Now, Profile, Synced, Verdict};
use countersign_ledger::{
    CheckpointError, ForkEvidence, Genesis, GenesisError, Hash, Kind, LogName, Policy, ProofError, Subject,
    TrustStore, TrustedCheckpoint, UnixMillis,
};

pub(crate) use self::database::{Database, domain};
pub use self::dossier::SnapshotDamaged;
pub use self::follow::{FollowError, FollowState, Following};
pub(crate) use self::head::Head;
pub use self::meeting::CompareError;
use crate::facts::Scope;
use crate::store::{self, Position, Store, StoreError};
use crate::sync::SyncRound;
use crate::verify_pages;

/// Most contradicting pairs of checkpoints that are kept as evidence.
const MAX_FORKS: usize = 64;

/// Why a snapshot cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The genesis is not good.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// The genesis knows no trust domain, so nobody could be trusted.
    #[error("the genesis names no trust domain")]
    NoDomain,
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a snapshot does not move to a checkpoint. Nothing has changed, but for evidence that was kept.
#[derive(Debug, thiserror::Error)]
pub enum AdvanceError {
    /// Not a checkpoint to be trusted: altered, not signed by the log, or with too few cosignatures.
    #[error(transparent)]
    Untrusted(#[from] CheckpointError),
    /// Of another log.
    #[error("the checkpoint is of another log")]
    OtherLog,
    /// Smaller than one seen before.
    #[error("the checkpoint is older than one seen before")]
    Rollback,
    /// Of the same size as one seen before, and different: the log has lied to someone. The evidence is kept.
    #[error("two different checkpoints of one size are signed")]
    Fork(Box<ForkEvidence>),
    /// The proof does not show that the log has only grown. Both checkpoints are kept as evidence.
    #[error("the log is not shown to have only grown: {reason}")]
    NotAnExtension {
        /// What is wrong with the proof.
        reason: ProofError,
        /// Both checkpoints.
        evidence: Box<ForkEvidence>,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whether what was stored is what was proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It is, as far as has been looked at.
    Sound,
    /// It is not: something was changed or damaged in the database. The next sync fetches it again.
    Damaged,
}

/// What this wallet holds of a ledger. One at a time writes; opening it twice is safe, and the later sync wins.
pub struct Snapshot {
    pub(crate) store: Store,
    pub(crate) genesis: Genesis,
    pub(crate) policy: Policy,
    pub(crate) profiles: &'static [Profile],
    /// The newest checkpoint ever trusted, of each log.
    seen: BTreeMap<LogName, TrustedCheckpoint>,
    /// What the clocks of phone and node showed at the last sync. No proof: what hangs on it errs on the safe side.
    synced: Option<Synced>,
    pub(crate) head: Option<Head>,
    health: Health,
    /// A copy of the database as it was, if it was so damaged that it was begun anew.
    replaced: Option<PathBuf>,
    pub(crate) round: Option<SyncRound>,
    /// Dossiers of this head, by what they cover.
    warm: HashMap<Scope, Option<Arc<Dossier>>>,
    /// Checkpoints that stored paths lead to, by log and size.
    paths_to: HashMap<(LogName, u64), TrustedCheckpoint>,
    /// How often others had written to the database when this last looked.
    version: u32,
}

impl Snapshot {
    /// Opens the snapshot in the database at `path`, or begins one there. What it holds is verified again, from the
    /// genesis on; what does not hold up is left aside ([`Snapshot::health`]). A database that is damaged beyond opening is
    /// begun anew ([`Snapshot::replaced`]). Where the disk takes no write, a snapshot that is there is opened to be read.
    pub fn open(path: &Path, genesis: &Genesis) -> Result<Self, OpenError> {
        let (policy, trust) = genesis.trust_anchors()?;
        if genesis.domains.is_empty() {
            return Err(OpenError::NoDomain);
        }
        let (store, replaced) = Store::open_or_rescue(path, Hash::of(genesis.to_json().as_bytes()))?;
        let mut snapshot = Self {
            store,
            genesis: genesis.clone(),
            policy,
            profiles: Profile::all(),
            seen: BTreeMap::new(),
            synced: None,
            head: None,
            health: if replaced.is_none() { Health::Sound } else { Health::Damaged },
            replaced,
            round: None,
            warm: HashMap::new(),
            paths_to: HashMap::new(),
            version: 0,
        };
        snapshot.version = snapshot.store.version()?;
        for log in snapshot.logs(None) {
            let seen = snapshot.stored_checkpoint(log, |position| Some(position.seen));
            snapshot.seen.extend(seen.map(|seen| (log, seen)));
        }
        snapshot.head = snapshot.restore_head(trust);
        snapshot.synced = store::synced(snapshot.store.read()).unwrap_or_default();
        // The first verdict then finds threads that verify, and its queries prepared. What fails here fails there, too.
        let _ = (verify_pages::cores(), store::prepare_verdict(snapshot.store.read()));
        Ok(snapshot)
    }

    /// Whether the disk took writes when this was opened; if not, it is to be opened again once it may.
    pub const fn takes_writes(&self) -> bool {
        self.store.takes_writes()
    }

    /// The same, as the database is now: another one may have moved it on. It is opened anew only if its head is another one
    /// now; if nothing was written there, this costs one query.
    pub fn caught_up(mut self) -> Result<Self, OpenError> {
        let version = self.store.version()?;
        if self.version == version {
            return Ok(self);
        }
        for log in self.logs(None) {
            let position = store::position(self.store.read(), log)?;
            let head = self.checkpoint(log).map(|head| head.checkpoint().size());
            let at = position.map(|position| position.seen);
            let note = at.map(|size| store::note(self.store.read(), log, size)).transpose()?.flatten();
            let same = note == self.seen.get(&log).map(|seen| seen.note().to_string());
            if position.and_then(|position| position.head) != head || !same {
                let Some(path) = self.store.read().path().map(PathBuf::from) else { return Ok(self) };
                return Self::open(&path, &self.genesis);
            }
        }
        // What is followed may have changed, and lists of contents may have come.
        self.warm.clear();
        self.synced = store::synced(self.store.read()).unwrap_or_default();
        self.version = version;
        Ok(self)
    }

    /// The ledger that this is a snapshot of.
    pub const fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// Whether what was stored is what was proven.
    pub const fn health(&self) -> Health {
        self.health
    }

    /// A copy of the database as it was, if it was so damaged that it was begun anew when this was opened: with what could be
    /// read of the owner's own, while what the ledger proves is to be fetched again by a sync. The copy may hold more.
    pub fn replaced(&self) -> Option<&Path> {
        self.replaced.as_deref()
    }

    /// The checkpoint that the snapshot is pinned to; `None` before the first sync.
    pub fn checkpoint(&self, log: LogName) -> Option<&TrustedCheckpoint> {
        self.head.as_ref()?.checkpoint(log)
    }

    /// The newest checkpoint ever trusted.
    pub fn seen(&self, log: LogName) -> Option<&TrustedCheckpoint> {
        self.seen.get(&log)
    }

    /// The time, when the phone's clock shows `clock`: held against every checkpoint that was ever trusted, and against
    /// the clocks of the last sync.
    pub fn now(&self, clock: UnixMillis) -> Now {
        let now = Now::new(clock).with_synced(self.synced);
        self.seen.values().fold(now, |now, seen| now.after(seen.cosigned_at()))
    }

    /// Whom the snapshot trusts, as of its head: the genesis, the trust log, and certificates that lead to a root.
    pub fn trust(&self) -> Result<TrustStore, GenesisError> {
        match &self.head {
            Some(head) => Ok(head.whole.trust().clone()),
            None => Ok(self.genesis.trust_anchors()?.1),
        }
    }

    /// Which witnesses and logs are trusted.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The rules of the industry that has statements of this kind, if one is known.
    pub fn profile_of(&self, kind: &Kind) -> Option<&'static Profile> {
        Profile::of_kind(self.profiles, kind)
    }

    /// The rules by which a verdict was given.
    pub fn profile_for(&self, verdict: &Verdict) -> &Profile {
        // safe: there are built-in profiles.
        verdict.profile(self.profiles).unwrap_or(&self.profiles[0])
    }

    /// Moves on to a newer checkpoint, a note's text, that `consistency` proves to extend the one seen before. The only
    /// way by which a snapshot ever trusts a checkpoint.
    pub fn advance(&mut self, log: LogName, note: &str, consistency: &[Hash]) -> Result<(), AdvanceError> {
        use countersign_ledger::AdvanceError as Ledger;
        let newer = self.policy.trust(note)?;
        if newer.checkpoint().origin() != self.genesis.origin(log) {
            return Err(AdvanceError::OtherLog);
        }
        let next = match self.seen.get(&log) {
            None => newer,
            Some(held) => match held.advance(newer, consistency) {
                Ok(next) => next,
                Err(Ledger::OtherLog) => return Err(AdvanceError::OtherLog),
                Err(Ledger::Rollback) => return Err(AdvanceError::Rollback),
                Err(Ledger::Fork(evidence)) => {
                    self.keep_evidence(&evidence)?;
                    return Err(AdvanceError::Fork(evidence));
                }
                Err(Ledger::NotAnExtension { reason, evidence }) => {
                    self.keep_evidence(&evidence)?;
                    return Err(AdvanceError::NotAnExtension { reason, evidence });
                }
            },
        };
        let size = next.checkpoint().size();
        let head = self.checkpoint(log).map(|head| head.checkpoint().size());
        let damaged = self.health == Health::Damaged;
        self.store.write(|tx| {
            if damaged {
                // What stood there was not to be trusted, so it is no measure either.
                store::forget_position(tx, log)?;
            }
            store::insert_checkpoint(tx, log, size, &next.note().to_string())?;
            store::set_position(tx, log, Position { seen: size, head })
        })?;
        if let Some(head) = &mut self.head {
            // The same checkpoint, cosigned again later: the snapshot is as good as new.
            if head.refresh(log, &next) {
                self.warm.clear();
            }
        }
        self.seen.insert(log, next);
        Ok(())
    }

    /// Pairs of signed checkpoints that contradict each other, as notes, each with the one trusted before first.
    pub fn forks(&self) -> Result<Vec<(String, String)>, StoreError> {
        store::forks(self.store.read())
    }

    /// Moves the head, and with it all that the snapshot tells. What belongs to it is in the database by now; rows become
    /// visible by this transaction alone.
    pub(crate) fn pin_to(
        &mut self,
        head: Head,
        complete: &BTreeMap<LogName, Vec<Subject>>,
        clocks: Option<Synced>,
    ) -> Result<(), StoreError> {
        // A node's clock is not before what its own log and witnesses have signed.
        let proven = head.checkpoints.values().map(TrustedCheckpoint::cosigned_at).max();
        let clocks = clocks
            .map(|clocks| Synced { node: proven.map_or(clocks.node, |at| at.max(clocks.node)), ..clocks });
        self.store.write(|tx| {
            for (&log, checkpoint) in &head.checkpoints {
                let size = checkpoint.checkpoint().size();
                let seen = self.seen.get(&log).map_or(size, |seen| seen.checkpoint().size());
                store::set_position(tx, log, Position { seen, head: Some(size) })?;
                store::set_ready(tx, log, complete.get(&log).map_or(&[], Vec::as_slice), size)?;
            }
            if let Some(clocks) = clocks {
                store::set_synced(tx, clocks)?;
            }
            store::prune(tx)
        })?;
        self.synced = clocks.or(self.synced);
        self.head = Some(head);
        self.health = Health::Sound;
        self.warm.clear();
        self.paths_to.clear();
        Ok(())
    }

    fn keep_evidence(&mut self, evidence: &ForkEvidence) -> Result<(), StoreError> {
        self.keep_contradiction(&evidence.held.to_string(), &evidence.offered.to_string())
    }

    fn keep_contradiction(&mut self, held: &str, other: &str) -> Result<(), StoreError> {
        if self.forks()?.len() >= MAX_FORKS {
            return Ok(());
        }
        self.store.write(|tx| store::fork(tx, held, other))
    }
}
