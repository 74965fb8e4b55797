//! A notary: it sees every entry of a log and cosigns the checkpoints that follow from them.
//!
//! In scope: the witness's rule (C2SP tlog-cosignature: cosign only what extends what was cosigned before), and ours,
//! that the subject index follows from the entries as well. Out of scope: fetching entries, storing anything.
//!
//! What a notary must not forget is the last checkpoint of each log that it cosigned: the caller stores that note
//! before the cosignature leaves the machine, and gives it to [`Notary::restore`] at the next start. A crash between
//! the two costs one cosignature; the other order could have the notary cosign two histories.

use std::collections::BTreeMap;

use crate::index::{Index, IndexKey};
use crate::note::{Note, NoteSignature};
use crate::policy::Policy;
use crate::signer::Cosigner;
use crate::tree::{Frontier, leaf_hash};
use crate::vkey::VerifierKey;
use crate::{Checkpoint, CheckpointError, ForkEvidence, Hash, UnixMillis};

/// Why a notary does not cosign. In this order: the first that applies is told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotaryRefusal {
    /// Not a checkpoint signed by a log that the notary follows.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Smaller than the last one cosigned.
    #[error("the checkpoint is older than the one cosigned last")]
    Rollback,
    /// Of the size of the last one cosigned and different from it: the log has signed both.
    #[error("the log has signed two different checkpoints of one size")]
    Fork(Box<ForkEvidence>),
    /// The entries given are not those between the last checkpoint and this one.
    #[error("the checkpoint is of size {size}, but the log with the entries given is of size {reached}")]
    Size {
        /// What the checkpoint says.
        size: u64,
        /// Entries held and given.
        reached: u64,
    },
    /// The entries do not lead to the checkpoint's root.
    #[error("the entries do not lead to the root of the checkpoint")]
    TreeRoot,
    /// The entries do not lead to the checkpoint's subject index.
    #[error("the entries do not lead to the subject index of the checkpoint")]
    IndexRoot,
}

/// A log as of the last checkpoint that was cosigned.
#[derive(Clone, Debug, Default)]
struct Followed {
    tree: Frontier,
    index: Index,
    last: Option<(Checkpoint, Note)>,
}

/// A notary for the logs of a policy. A refusal changes nothing.
#[derive(Debug)]
pub struct Notary {
    cosigner: Cosigner,
    policy: Policy,
    logs: BTreeMap<String, Followed>,
}

impl Notary {
    /// A notary that has cosigned nothing yet. Of the policy only the logs and their keys matter.
    pub fn new(cosigner: Cosigner, policy: Policy) -> Self {
        Self { cosigner, policy, logs: BTreeMap::new() }
    }

    /// The key that verifies this notary's cosignatures.
    pub fn verifier_key(&self) -> &VerifierKey {
        self.cosigner.verifier_key()
    }

    /// The last checkpoint of a log that was cosigned or restored.
    pub fn last(&self, origin: &str) -> Option<&Checkpoint> {
        self.logs.get(origin).and_then(|log| log.last.as_ref()).map(|(checkpoint, _)| checkpoint)
    }

    /// Cosigns a checkpoint, as of `now`. `entries` are the log's entries since [`Notary::last`]: each statement's id,
    /// which is the entry, and its place in the subject index. Cosigning the last checkpoint again, without entries,
    /// tells that it is still the latest.
    pub fn cosign(
        &mut self,
        entries: &[(Hash, IndexKey)],
        note: &Note,
        now: UnixMillis,
    ) -> Result<NoteSignature, NotaryRefusal> {
        self.restore(entries, note)?;
        Ok(self.cosigner.cosign(note.text(), now))
    }

    /// Moves on to a checkpoint without cosigning it. At start this is how the state comes back: the last checkpoint
    /// cosigned, and all entries up to it.
    pub fn restore(&mut self, entries: &[(Hash, IndexKey)], note: &Note) -> Result<(), NotaryRefusal> {
        let checkpoint = self.policy.log_signed(note)?;
        let held = self.logs.get(checkpoint.origin()).cloned().unwrap_or_default();
        let origin = checkpoint.origin().to_owned();
        self.logs.insert(origin, held.follow(entries, checkpoint, note)?);
        Ok(())
    }
}

impl Followed {
    /// The log with `entries` appended, if it then is what the checkpoint says.
    fn follow(
        mut self,
        entries: &[(Hash, IndexKey)],
        checkpoint: Checkpoint,
        note: &Note,
    ) -> Result<Self, NotaryRefusal> {
        let (size, reached) = (checkpoint.size(), self.tree.size() + entries.len() as u64);
        if size < self.tree.size() {
            return Err(NotaryRefusal::Rollback);
        }
        if let Some((last, held)) = self.last.filter(|(last, _)| last.size() == size && *last != checkpoint) {
            debug_assert_eq!(last.origin(), checkpoint.origin());
            return Err(NotaryRefusal::Fork(Box::new(ForkEvidence { held, offered: note.clone() })));
        }
        if size != reached {
            return Err(NotaryRefusal::Size { size, reached });
        }
        for (id, key) in entries {
            self.tree.push(leaf_hash(&id.0));
            self.index.record(*key, *id);
        }
        if self.tree.root() != checkpoint.root() {
            return Err(NotaryRefusal::TreeRoot);
        }
        if self.index.root() != checkpoint.index_root() {
            return Err(NotaryRefusal::IndexRoot);
        }
        self.last = Some((checkpoint, note.clone()));
        Ok(self)
    }
}
