//! What the snapshot stands on, and how it is found again after a restart.

use countersign_ledger::{TrustStore, TrustedCheckpoint};

use super::{Health, Snapshot};
use crate::trust_log::{self, TrustLogState};
use crate::log::Log;
use crate::store::{self, Position, StoreError};

/// How many statements are read from the database at once.
const BATCH: u64 = 256;
/// How many signers' certificates are verified when the snapshot is opened, so that the first verdict need not wait for
/// them: some tens of milliseconds. Any more are verified as they are met.
const SIGNERS: u64 = 512;

/// The checkpoints that the snapshot stands on, and what the trust log says as of its own.
#[derive(Clone)]
pub(crate) struct Head {
    checkpoints: [TrustedCheckpoint; 2],
    pub(crate) trust_log: TrustLogState,
}

impl Head {
    pub(crate) const fn new(trust: TrustedCheckpoint, supply: TrustedCheckpoint, trust_log: TrustLogState) -> Self {
        Self { checkpoints: [trust, supply], trust_log }
    }

    pub(crate) const fn checkpoint(&self, log: Log) -> &TrustedCheckpoint {
        &self.checkpoints[log as usize]
    }

    /// Takes a checkpoint that says the same and was cosigned later; returns whether it did.
    pub(super) fn refresh(&mut self, log: Log, next: &TrustedCheckpoint) -> bool {
        let held = &mut self.checkpoints[log as usize];
        let same = held.checkpoint() == next.checkpoint() && held.cosigned_at() < next.cosigned_at();
        if same {
            *held = next.clone();
        }
        same
    }
}

impl Snapshot {
    /// A stored checkpoint, believed anew under the policy; `None` if there is none or it does not hold up.
    pub(super) fn stored_checkpoint(
        &mut self,
        log: Log,
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
        let trusted = found.and_then(|(size, note)| self.believe(log, size, &note));
        if trusted.is_none() {
            self.health = Health::Damaged;
        }
        trusted
    }

    /// Believes a note that is to be the checkpoint of a log at some size.
    pub(crate) fn believe(&self, log: Log, size: u64, note: &str) -> Option<TrustedCheckpoint> {
        let trusted = self.policy.trust(note).ok()?;
        let checkpoint = trusted.checkpoint();
        let right = checkpoint.origin() == self.genesis.origin(log.as_str()) && checkpoint.size() == size;
        right.then_some(trusted)
    }

    /// The head as stored, with the trust log replayed up to it. What does not hold up is no head.
    pub(super) fn restore_head(&mut self, trust: TrustStore) -> Option<Head> {
        let [trust_log, supply] = Log::ALL.map(|log| self.stored_checkpoint(log, |position| position.head));
        let (trust_log, supply) = trust_log.zip(supply)?;
        let mut trust_log = TrustLogState::new(self.genesis.origin(Log::Trust.as_str()), trust);
        for der in store::certificates(self.store.read(), SIGNERS).unwrap_or_default() {
            // A damaged one is missed where its signer is met.
            let _ = trust_log.trust_mut().enrol(&der);
        }
        let replayed = self.replay(&mut trust_log, trust_log.checkpoint().size());
        if matches!(replayed, Ok(true)) && trust_log.check(trust_log.checkpoint()).is_ok() {
            Some(Head::new(trust_log, supply, trust_log))
        } else {
            self.health = Health::Damaged;
            None
        }
    }

    /// Takes in stored statements of the trust log until there are `until`; returns whether all held up. Those after the
    /// first that does not are left aside.
    pub(crate) fn replay(&self, trust_log: &mut TrustLogState, until: u64) -> Result<bool, StoreError> {
        while trust_log.size() < until {
            let most = BATCH.min(until - trust_log.size());
            let batch = store::trust_statements(self.store.read(), trust_log.size(), most)?;
            if batch.is_empty() {
                return Ok(false);
            }
            for bytes in batch {
                for signer in trust_log::signers(&bytes) {
                    if trust_log.trust().certificate(signer).is_none()
                        && let Some(der) = store::certificate(self.store.read(), signer)?
                    {
                        // A damaged certificate is refused here, and the statement then lacks its signer.
                        let _ = trust_log.trust_mut().enrol(&der);
                    }
                }
                if trust_log.append(&bytes).is_err() {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}
