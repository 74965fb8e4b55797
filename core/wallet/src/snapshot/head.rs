//! What the snapshot is pinned to, and how it is found again after a restart.

use std::collections::BTreeMap;

use countersign_ledger::{Held, LogName, TrustStore, TrustedCheckpoint};

use super::{Health, Snapshot};
use crate::store::{self, Position, StoreError};
use crate::whole_logs::{self, WholeLogs};

/// How many statements are read from the database at once.
const BATCH: u64 = 256;
/// How many signers' certificates are verified when the snapshot is opened, so that the first verdict need not wait for
/// them: some tens of milliseconds. Any more are verified as they are met.
const SIGNERS: u64 = 512;

/// The checkpoints that the snapshot is pinned to, one of each log, and what the logs that are held whole say as of theirs.
#[derive(Clone)]
pub(crate) struct Head {
    pub(crate) checkpoints: BTreeMap<LogName, TrustedCheckpoint>,
    pub(crate) whole: WholeLogs,
}

impl Head {
    /// `None` for a log that the genesis does not name.
    pub(crate) fn checkpoint(&self, log: LogName) -> Option<&TrustedCheckpoint> {
        self.checkpoints.get(&log)
    }

    /// Takes a checkpoint that says the same and was cosigned later; returns whether it did.
    pub(super) fn refresh(&mut self, log: LogName, next: &TrustedCheckpoint) -> bool {
        let Some(held) = self.checkpoints.get_mut(&log) else { return false };
        let same = held.checkpoint() == next.checkpoint() && held.cosigned_at() < next.cosigned_at();
        if same {
            *held = next.clone();
        }
        same
    }
}

impl Snapshot {
    /// A stored checkpoint, trusted anew under the policy; `None` if there is none or it does not hold up.
    pub(super) fn stored_checkpoint(
        &mut self,
        log: LogName,
        size: impl FnOnce(Position) -> Option<u64>,
    ) -> Option<TrustedCheckpoint> {
        let read = |size: u64| store::note(self.store.read(), log, size);
        let found = match store::position(self.store.read(), log) {
            Ok(None) => return None,
            Ok(Some(position)) => match size(position) {
                None => return None,
                Some(size) => read(size).ok().flatten().map(|note| (size, note)),
            },
            Err(_) => None,
        };
        let trusted = found.and_then(|(size, note)| self.trust_note(log, size, &note));
        if trusted.is_none() {
            self.health = Health::Damaged;
        }
        trusted
    }

    /// Trusts a note that is to be the checkpoint of a log at some size.
    pub(crate) fn trust_note(&self, log: LogName, size: u64, note: &str) -> Option<TrustedCheckpoint> {
        let trusted = self.policy.trust(note).ok()?;
        let checkpoint = trusted.checkpoint();
        let right = checkpoint.origin() == self.genesis.origin(log) && checkpoint.size() == size;
        right.then_some(trusted)
    }

    /// The head as stored, with the logs that are held whole replayed up to it. What does not hold up is no head.
    pub(super) fn restore_head(&mut self, trust: TrustStore) -> Option<Head> {
        // Each of them, so that damage to any is seen.
        let names = self.logs(None);
        let stored: Vec<_> = names
            .into_iter()
            .map(|log| Some((log, self.stored_checkpoint(log, |position| position.head)?)))
            .collect();
        let checkpoints: BTreeMap<_, _> = stored.into_iter().collect::<Option<_>>()?;
        let mut whole = WholeLogs::new(trust);
        for der in store::certificates(self.store.read(), SIGNERS).unwrap_or_default() {
            // A damaged one is missed where its signer is met.
            let _ = whole.trust_mut().enrol(&der);
        }
        for log in self.logs(Some(Held::Whole)) {
            let checkpoint = checkpoints.get(&log)?.checkpoint();
            let replayed = self.replay(&mut whole, log, checkpoint.size());
            if !matches!(replayed, Ok(true)) || whole.check(log, checkpoint).is_err() {
                self.health = Health::Damaged;
                return None;
            }
        }
        Some(Head { checkpoints, whole })
    }

    /// The ledger's logs, those held whole first and the trust log before all others; only those held so, if that is asked.
    pub(crate) fn logs(&self, held: Option<Held>) -> Vec<LogName> {
        let mut logs: Vec<_> =
            self.genesis.logs.iter().filter(|log| held.is_none_or(|held| held == log.held)).collect();
        logs.sort_by_key(|log| (log.held != Held::Whole, log.name != LogName::TRUST));
        logs.into_iter().map(|log| log.name).collect()
    }

    /// Adds stored statements of a log until there are `until`; returns whether all held up. Those after the first that does
    /// not are left aside.
    pub(crate) fn replay(&self, whole: &mut WholeLogs, log: LogName, until: u64) -> Result<bool, StoreError> {
        while whole.size(log) < until {
            let most = BATCH.min(until - whole.size(log));
            let batch = store::whole_log(self.store.read(), log, whole.size(log), most)?;
            if batch.is_empty() {
                return Ok(false);
            }
            for bytes in batch {
                for signer in whole_logs::signers(&bytes) {
                    if whole.trust().certificate(signer).is_none()
                        && let Some(der) = store::certificate(self.store.read(), signer)?
                    {
                        // A damaged certificate is refused here, and the statement then lacks its signer.
                        let _ = whole.trust_mut().enrol(&der);
                    }
                }
                if whole.append(log, &bytes).is_err() {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}
