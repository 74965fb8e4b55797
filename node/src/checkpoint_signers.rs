//! Who signs a checkpoint: the log with its two keys, then the witnesses.
//!
//! Witnesses in this process each have a key and a state of their own: each recomputes tree and subject index from the entries
//! before it cosigns, so an error in this node's own tree stops it here. Those elsewhere are asked last.

use std::collections::BTreeMap;

use countersign_ledger::{
    Checkpoint, Cosigner, Hash, IndexKey, LogName, Note, NoteError, NoteSigner, Policy, Shortfall,
    UnixMillis, Witness, WitnessRefusal,
};

use crate::outside_witnesses::OutsideWitnesses;

/// Why a checkpoint was not signed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The note could not be written.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// A witness in this process does not reach the same roots.
    #[error("witness {name} refuses the checkpoint: {reason}")]
    Witness {
        /// Its name.
        name: String,
        /// Its reason.
        reason: WitnessRefusal,
    },
    /// Too few witnesses elsewhere have cosigned. Nothing has been published.
    #[error(transparent)]
    Quorum(#[from] Shortfall),
}

/// The keys under a checkpoint.
pub(crate) struct CheckpointSigners {
    logs: BTreeMap<LogName, [NoteSigner; 2]>,
    witnesses: Vec<Witness>,
    outside: Option<OutsideWitnesses>,
}

impl CheckpointSigners {
    /// The logs' keys, and a witness for each cosigner that follows the logs of `policy`.
    pub(crate) fn new(
        logs: BTreeMap<LogName, [NoteSigner; 2]>,
        cosigners: Vec<Cosigner>,
        policy: &Policy,
    ) -> Self {
        let witnesses =
            cosigners.into_iter().map(|cosigner| Witness::new(cosigner, policy.clone())).collect();
        Self { logs, witnesses, outside: None }
    }

    /// Has witnesses elsewhere cosign as well.
    pub(crate) fn ask_outside(&mut self, outside: OutsideWitnesses) {
        self.outside = Some(outside);
    }

    /// Signs and cosigns `checkpoint` as of `now`. `entries` are those since the last one; none when only the time has
    /// moved. With entries, witnesses elsewhere are asked until a quorum has cosigned or the node stops.
    pub(crate) fn sign(
        &mut self,
        log: LogName,
        checkpoint: &Checkpoint,
        entries: &[(Hash, IndexKey)],
        now: UnixMillis,
    ) -> Result<Note, SealError> {
        let mut note = Note::new(checkpoint.to_string())?;
        for key in self.logs.get(&log).into_iter().flatten() {
            note.add(key.sign(note.text()))?;
        }
        let signed = note.clone();
        for witness in &mut self.witnesses {
            let cosignature = witness.cosign(entries, &signed, now);
            note.add(cosignature.map_err(|reason| Self::refused(witness, reason))?)?;
        }
        if let Some(outside) = &self.outside {
            outside.complete(&mut note, log, checkpoint.size(), !entries.is_empty())?;
        }
        Ok(note)
    }

    /// Brings every witness back to where it was: all entries up to a checkpoint that the log signed. They recompute it
    /// side by side.
    pub(crate) fn restore(&mut self, entries: &[(Hash, IndexKey)], note: &Note) -> Result<(), SealError> {
        std::thread::scope(|scope| {
            let restore = |witness: &mut Witness| {
                witness.restore(entries, note).map_err(|reason| Self::refused(witness, reason))
            };
            let threads: Vec<_> =
                self.witnesses.iter_mut().map(|n| scope.spawn(move || restore(n))).collect();
            // safe: a panic in a witness's thread is this thread's panic.
            threads
                .into_iter()
                .try_for_each(|t| t.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        })
    }

    fn refused(witness: &Witness, reason: WitnessRefusal) -> SealError {
        SealError::Witness { name: witness.verifier_key().name().to_owned(), reason }
    }
}
