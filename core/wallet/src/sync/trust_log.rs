//! The trust log, whole: each statement verified, and root and subject index recomputed, so that nothing is left out.

use std::collections::VecDeque;

use countersign_ledger::{Hash, TILE_WIDTH, TileKind, TilePath, TrustedCheckpoint};

use super::{Next, Part, Stage, SyncError, Trusted};
use crate::trust_log::{self, TrustLogState, TrustLogError};
use crate::client::{Client, ClientError};
use crate::log::Log;
use crate::snapshot::Snapshot;
use crate::store;

/// The trust log on its way to a checkpoint.
pub(super) struct Fetching {
    checkpoint: TrustedCheckpoint,
    trust_log: TrustLogState,
    /// Statements that are here and wait for a signer's certificate.
    waiting: VecDeque<Vec<u8>>,
    /// Some of `trust_log` came from the database without having been proven by a checkpoint before.
    unproven: bool,
}

impl Fetching {
    /// Bundles left to fetch.
    pub(super) fn remaining(&self) -> u64 {
        let held = self.trust_log.size() + self.waiting.len() as u64;
        self.checkpoint.checkpoint().size().saturating_sub(held).div_ceil(TILE_WIDTH.into()) + 1
    }

    /// The certificate that the next waiting statement lacks.
    fn lacks(&self) -> Option<Hash> {
        let signers = trust_log::signers(self.waiting.front()?);
        signers.into_iter().find(|signer| self.trust_log.trust().certificate(*signer).is_none())
    }
}

impl Snapshot {
    /// What is held of the trust log up to `checkpoint`: the head's part is proven, what lies beyond was fetched by a
    /// round that did not end.
    pub(super) fn begin_trust_log(&mut self, checkpoint: TrustedCheckpoint) -> Result<Fetching, SyncError> {
        let held = self.head.as_ref().filter(|head| head.trust_log.size() <= checkpoint.checkpoint().size());
        let mut trust_log = match held {
            Some(head) => head.trust_log.clone(),
            None => self.pinned_beliefs()?,
        };
        let proven = trust_log.size();
        // Where what is stored does not hold up, the rest is fetched.
        self.replay(&mut trust_log, checkpoint.checkpoint().size())?;
        let unproven = trust_log.size() > proven;
        Ok(Fetching { checkpoint, trust_log, waiting: VecDeque::new(), unproven })
    }

    pub(super) fn fetch_trust_log(
        &mut self,
        client: &Client,
        mut fetching: Fetching,
    ) -> Result<Next, SyncError> {
        let target = fetching.checkpoint.checkpoint().size();
        if let Some(signer) = fetching.lacks() {
            self.fetch_signer(client, signer, &mut fetching)?;
        } else if fetching.waiting.is_empty() && fetching.trust_log.size() < target {
            let held = fetching.trust_log.size();
            let number = held / u64::from(TILE_WIDTH);
            let path = TilePath::at_size(TileKind::Bodies, number, target)
                .ok_or(ClientError::Malformed("bundle"))?;
            let skip = usize::try_from(held % u64::from(TILE_WIDTH)).unwrap_or(usize::MAX);
            fetching.waiting = client.bodies(Log::Trust, &path)?.into_iter().skip(skip).collect();
        }
        self.take_in(&mut fetching)?;
        if fetching.trust_log.size() < target {
            return Ok(Next::Stage(Stage::TrustLog(Box::new(fetching)), Part::TrustLog));
        }
        match fetching.trust_log.check(fetching.checkpoint.checkpoint()) {
            Ok(()) => {
                let Fetching { checkpoint, trust_log, .. } = fetching;
                let trusted = Box::new(Trusted { checkpoint, trust_log });
                Ok(Next::Stage(Stage::Checkpoint(Log::Supply, Some(trusted)), Part::TrustLog))
            }
            // The database may be to blame: all that it held is fetched again, and then the node is.
            Err(_) if fetching.unproven => {
                self.store.stage(|tx| store::cut_trust_statements(tx, 0))?;
                let trust_log = self.pinned_beliefs()?;
                let fetching = Fetching { trust_log, waiting: VecDeque::new(), unproven: false, ..fetching };
                Ok(Next::Stage(Stage::TrustLog(Box::new(fetching)), Part::TrustLog))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn pinned_beliefs(&self) -> Result<TrustLogState, SyncError> {
        // The genesis was believed when the snapshot was opened.
        let (_, trust) = self.genesis.trust_anchors().map_err(|_| SyncError::Certificate)?;
        Ok(TrustLogState::new(self.genesis.origin(Log::Trust.as_str()), trust))
    }

    fn fetch_signer(
        &mut self,
        client: &Client,
        signer: Hash,
        fetching: &mut Fetching,
    ) -> Result<(), SyncError> {
        let der = client.certificate(signer)?;
        if Hash::of(&der) != signer || fetching.trust_log.trust_mut().enrol(&der).is_err() {
            return Err(SyncError::Certificate);
        }
        Ok(self.store.stage(|tx| store::insert_certificate(tx, &der))?)
    }

    /// Takes in waiting statements up to one that lacks its signer, and keeps them.
    fn take_in(&mut self, fetching: &mut Fetching) -> Result<(), SyncError> {
        let first = fetching.trust_log.size();
        let mut taken = Vec::new();
        while fetching.lacks().is_none()
            && let Some(bytes) = fetching.waiting.pop_front()
        {
            match fetching.trust_log.append(&bytes) {
                Ok(()) => taken.push(bytes),
                // Behind a statement that was damaged here an honest one may be refused.
                Err(TrustLogError::Refused { .. }) if fetching.unproven => {
                    self.store.stage(|tx| store::cut_trust_statements(tx, 0))?;
                    fetching.trust_log = self.pinned_beliefs()?;
                    fetching.waiting.clear();
                    fetching.unproven = false;
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.store.stage(|tx| {
            for (position, bytes) in (first..).zip(&taken) {
                store::append_trust_statement(tx, position, bytes)?;
            }
            Ok(())
        })
    }
}
