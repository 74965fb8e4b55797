//! A log that is held whole: each statement verified, and root and subject index recomputed, so that nothing is left out.

use std::collections::VecDeque;

use countersign_ledger::{Hash, LogName, TILE_WIDTH, TileKind, TilePath, TrustStore, TrustedCheckpoint};

use super::{Next, Part, Reached, Stage, SyncError};
use crate::client::{Client, ClientError};
use crate::snapshot::Snapshot;
use crate::store;
use crate::whole_logs::{self, WholeLogError};

/// A log on its way to a checkpoint.
pub(super) struct Fetching {
    log: LogName,
    checkpoint: TrustedCheckpoint,
    reached: Reached,
    /// Statements that are here and wait for a signer's certificate.
    waiting: VecDeque<Vec<u8>>,
    /// Some of what is here came from the database without having been proven by a checkpoint before.
    unproven: bool,
}

impl Fetching {
    /// Bundles left to fetch.
    pub(super) fn remaining(&self) -> u64 {
        let held = self.size() + self.waiting.len() as u64;
        self.checkpoint.checkpoint().size().saturating_sub(held).div_ceil(TILE_WIDTH.into())
            + 1
            + self.reached.left.len() as u64
    }

    fn size(&self) -> u64 {
        self.reached.whole.size(self.log)
    }

    /// The certificate that the next waiting statement lacks.
    fn lacks(&self) -> Option<Hash> {
        let signers = whole_logs::signers(self.waiting.front()?);
        signers.into_iter().find(|signer| self.reached.whole.trust().certificate(*signer).is_none())
    }
}

impl Snapshot {
    /// What is held of a log up to `checkpoint`: the head's part is proven, what lies beyond was fetched by a round that did
    /// not end.
    pub(super) fn begin_whole(
        &mut self,
        log: LogName,
        checkpoint: TrustedCheckpoint,
        mut reached: Reached,
    ) -> Result<Fetching, SyncError> {
        if reached.whole.size(log) > checkpoint.checkpoint().size() {
            reached.whole.restart(log, self.pinned()?);
        }
        let proven = reached.whole.size(log);
        // Where what is stored does not hold up, the rest is fetched.
        self.replay(&mut reached.whole, log, checkpoint.checkpoint().size())?;
        let unproven = reached.whole.size(log) > proven;
        Ok(Fetching { log, checkpoint, reached, waiting: VecDeque::new(), unproven })
    }

    pub(super) fn fetch_whole(&mut self, client: &Client, mut fetching: Fetching) -> Result<Next, SyncError> {
        let (log, target) = (fetching.log, fetching.checkpoint.checkpoint().size());
        if let Some(signer) = fetching.lacks() {
            self.fetch_signer(client, signer, &mut fetching)?;
        } else if fetching.waiting.is_empty() && fetching.size() < target {
            let held = fetching.size();
            let number = held / u64::from(TILE_WIDTH);
            let path = TilePath::at_size(TileKind::Bodies, number, target)
                .ok_or(ClientError::Malformed("bundle"))?;
            let skip = usize::try_from(held % u64::from(TILE_WIDTH)).unwrap_or(usize::MAX);
            fetching.waiting = client.bodies(log, &path)?.into_iter().skip(skip).collect();
        }
        let appended = self.append_waiting(&mut fetching);
        let checked = appended.and_then(|()| {
            if fetching.size() < target {
                return Ok(false);
            }
            let checked = fetching.reached.whole.check(log, fetching.checkpoint.checkpoint());
            checked.map(|()| true).map_err(|reason| SyncError::WholeLog { log, reason })
        });
        match checked {
            Ok(false) => {}
            Ok(true) => {
                let Fetching { checkpoint, reached, .. } = fetching;
                return self.reach(log, checkpoint, reached);
            }
            // Damage here may be to blame, also for a refusal of the honest statements behind it: all that the database held
            // is fetched again, and then the node is.
            Err(SyncError::WholeLog { .. }) if fetching.unproven => {
                self.store.stage(|tx| store::drop_whole_log(tx, log))?;
                fetching.reached.whole.restart(log, self.pinned()?);
                fetching.waiting.clear();
                fetching.unproven = false;
            }
            Err(error) => return Err(error),
        }
        Ok(Next::Stage(Stage::Whole(Box::new(fetching)), Part::WholeLog(log)))
    }

    /// The members whom the genesis names.
    pub(super) fn pinned(&self) -> Result<TrustStore, SyncError> {
        // The genesis was accepted when the snapshot was opened.
        Ok(self.genesis.trust_anchors().map_err(|_| SyncError::Certificate)?.1)
    }

    fn fetch_signer(
        &mut self,
        client: &Client,
        signer: Hash,
        fetching: &mut Fetching,
    ) -> Result<(), SyncError> {
        let der = client.certificate(signer)?;
        if Hash::of(&der) != signer || fetching.reached.whole.trust_mut().enrol(&der).is_err() {
            return Err(SyncError::Certificate);
        }
        Ok(self.store.stage(|tx| store::insert_certificate(tx, &der))?)
    }

    /// Verifies waiting statements up to one that lacks its signer, and keeps them.
    fn append_waiting(&mut self, fetching: &mut Fetching) -> Result<(), SyncError> {
        let (log, first) = (fetching.log, fetching.size());
        let mut appended = Vec::new();
        while fetching.lacks().is_none()
            && let Some(bytes) = fetching.waiting.pop_front()
        {
            let refused = |reason: WholeLogError| SyncError::WholeLog { log, reason };
            fetching.reached.whole.append(log, &bytes).map_err(refused)?;
            appended.push(bytes);
        }
        self.store.stage(|tx| {
            for (position, bytes) in (first..).zip(&appended) {
                store::append_whole_log(tx, log, position, bytes)?;
            }
            Ok(())
        })
    }
}
