//! Who signs a checkpoint: the log with its two keys, then the witnesses.
//!
//! Witnesses in this process each have a key, a clock, and a state of their own: each recomputes tree and subject index from the
//! entries before anybody signs, so an error in this node's own tree stops it here. Then it is recorded what all of them are about
//! to sign ([`SignedFile`]); then they sign. Those elsewhere are asked last.

use std::collections::BTreeMap;
use std::thread;

use countersign_ledger::{
    Checkpoint, Cosigner, Hash, IndexKey, LogName, Note, NoteError, NoteSigner, Policy, Shortfall,
    UnixMillis, Witness, WitnessRefusal,
};

use crate::clock::Clock;
use crate::halt::{Halt, Passing};
use crate::last_signed::{LastSignedError, SignedFile};
use crate::ledger_state::LedgerState;
use crate::outside_witnesses::OutsideWitnesses;
use crate::timekeeper::agrees;

/// Entries that a witness has followed before a thread for it has begun.
const FEW: usize = 32;

/// Why a checkpoint was not signed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The note could not be written.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// It does not extend what was signed before, or that it is signed could not be recorded.
    #[error(transparent)]
    LastSigned(#[from] LastSignedError),
    /// A witness in this process does not reach the same roots.
    #[error("witness {name} refuses the checkpoint: {reason}")]
    Witness {
        /// Its name.
        name: String,
        /// Its reason.
        reason: WitnessRefusal,
    },
    /// Too few witnesses elsewhere have cosigned.
    #[error(transparent)]
    Outside(#[from] Shortfall),
    /// Too few witnesses have the same time.
    #[error("only {agree} of the {quorum} witnesses that are needed have the same time as the log")]
    Clocks {
        /// How many have.
        agree: usize,
        /// How many must.
        quorum: usize,
    },
}

impl Passing for SealError {
    fn halt(&self) -> Option<Halt> {
        match self {
            Self::LastSigned(error) => error.halt(),
            Self::Clocks { .. } => Some(Halt::Clock),
            Self::Outside(_) => Some(Halt::Witnesses),
            Self::Note(_) | Self::Witness { .. } => None,
        }
    }
}

/// The keys under a checkpoint.
pub(crate) struct CheckpointSigners {
    /// Each log's two keys.
    pub(crate) logs: BTreeMap<LogName, [NoteSigner; 2]>,
    pub(crate) witnesses: Vec<LocalWitness>,
    /// How many witnesses in this process must cosign.
    pub(crate) quorum: usize,
    /// What each of these has signed last.
    pub(crate) signed: SignedFile,
    /// Witnesses elsewhere, if there are any.
    pub(crate) outside: Option<OutsideWitnesses>,
    /// The entries of each log that the witnesses have not seen.
    pub(crate) unseen: BTreeMap<LogName, Vec<(Hash, IndexKey)>>,
}

/// The name of a log as a signer.
pub(crate) fn log_signer(log: LogName) -> String {
    format!("log-{log}")
}

/// A witness in this process.
pub(crate) struct LocalWitness {
    name: String,
    witness: Witness,
    clock: Clock,
}

impl LocalWitness {
    /// A witness that follows the logs of `policy`.
    pub(crate) fn new(name: String, cosigner: Cosigner, policy: &Policy, clock: Clock) -> Self {
        Self { name, witness: Witness::new(cosigner, policy.clone()), clock }
    }

    /// Recomputes the checkpoint. `entries` are the last ones; some of them it may have seen, when others failed.
    fn follow(&mut self, entries: &[(Hash, IndexKey)], checkpoint: &Checkpoint) -> Result<(), SealError> {
        let first = checkpoint.size().saturating_sub(entries.len() as u64);
        let seen = self.witness.size(checkpoint.origin()).saturating_sub(first);
        let unseen = usize::try_from(seen).ok().and_then(|seen| entries.get(seen..)).unwrap_or_default();
        self.witness.follow(unseen, checkpoint).map_err(|reason| self.refused(reason))
    }

    /// The time of its own clock, if that is the log's.
    fn time(&self, now: UnixMillis) -> Option<UnixMillis> {
        if agrees(&self.clock, now) {
            return Some((self.clock)());
        }
        tracing::warn!(witness = self.name, "a witness has another time, and does not cosign");
        None
    }

    fn refused(&self, reason: WitnessRefusal) -> SealError {
        SealError::Witness { name: self.name.clone(), reason }
    }
}

impl CheckpointSigners {
    /// Signs and cosigns `checkpoint` as of `now`, each witness at the time of its own clock; `recorded` is called when all of
    /// them have recorded it, and nobody has signed. After an error that passes, the same may be signed again.
    pub(crate) fn sign(
        &mut self,
        log: LogName,
        checkpoint: &Checkpoint,
        now: UnixMillis,
        state: &dyn LedgerState,
        recorded: impl FnOnce(),
    ) -> Result<Note, SealError> {
        let Self { logs, witnesses, quorum, signed, outside, unseen } = self;
        let entries = unseen.get(&log).map_or(&[][..], |entries| entries);
        let follow = |witness: &mut LocalWitness| witness.follow(entries, checkpoint);
        if entries.len() < FEW {
            witnesses.iter_mut().try_for_each(follow)?;
        } else {
            side_by_side(witnesses.iter_mut(), follow)?;
        }
        let times: Vec<_> = witnesses.iter().map(|witness| witness.time(now)).collect();
        let agree = times.iter().flatten().count();
        if agree < *quorum {
            return Err(SealError::Clocks { agree, quorum: *quorum });
        }

        let own = log_signer(log);
        let cosigners =
            witnesses.iter().zip(&times).filter_map(|(w, time)| Some((w.name.as_str(), (*time)?)));
        let signers: Vec<_> = [(own.as_str(), now)].into_iter().chain(cosigners).collect();
        signed.record(&signers, checkpoint, |signed| proof(state, checkpoint, signed))?;
        recorded();

        let mut note = Note::new(checkpoint.to_string())?;
        for key in logs.get(&log).into_iter().flatten() {
            note.add(key.sign(note.text()))?;
        }
        let by_log = note.clone();
        for (witness, time) in witnesses.iter_mut().zip(times) {
            if let Some(time) = time {
                let cosignature = witness.witness.cosign(&[], &by_log, time);
                note.add(cosignature.map_err(|reason| witness.refused(reason))?)?;
            }
        }
        if let Some(outside) = outside {
            outside.complete(&mut note, log, checkpoint.size(), now)?;
        }
        unseen.remove(&log);
        Ok(note)
    }

    /// Brings every witness back to where it was: all entries up to a checkpoint that the log signed.
    pub(crate) fn restore(&mut self, entries: &[(Hash, IndexKey)], note: &Note) -> Result<(), SealError> {
        side_by_side(self.witnesses.iter_mut(), |witness| {
            witness.witness.restore(entries, note).map_err(|reason| witness.refused(reason))
        })
    }
}

/// The proof that `checkpoint` extends its log's tree of `signed` entries. Without one there are no hashes, and they prove
/// nothing.
fn proof(state: &dyn LedgerState, checkpoint: &Checkpoint, signed: u64) -> Vec<Hash> {
    let log = checkpoint.log();
    let hashes = log.and_then(|log| state.consistency(log, signed, checkpoint.size()).ok().flatten());
    hashes.unwrap_or_default()
}

/// What all witnesses do at one time: each has a tree to compute.
fn side_by_side<'a>(
    witnesses: impl Iterator<Item = &'a mut LocalWitness>,
    each: impl Fn(&mut LocalWitness) -> Result<(), SealError> + Sync,
) -> Result<(), SealError> {
    thread::scope(|scope| {
        let each = &each;
        let threads: Vec<_> = witnesses.map(|witness| scope.spawn(move || each(witness))).collect();
        // All of them end before the first error is returned. safe: a panic in a witness's thread is this thread's panic.
        let ended =
            threads.into_iter().map(|t| t.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        ended.fold(Ok(()), Result::and)
    })
}
