//! Who signs a checkpoint: the log with its two keys, then the witnesses.
//!
//! The witnesses are held in this process for now, each with a key, a clock, and a state of its own: each recomputes tree and
//! subject index from the entries before it cosigns, so an error in this node's own tree stops it here. Whoever signs records
//! it first ([`LastSigned`]).

use std::collections::BTreeMap;
use std::thread;

use countersign_ledger::{
    Checkpoint, Cosigner, Hash, IndexKey, LogName, Note, NoteError, NoteSignature, NoteSigner, Policy,
    UnixMillis, Witness, WitnessRefusal,
};

use crate::clock::Clock;
use crate::halt::{Halt, Passing};
use crate::last_signed::{LastSigned, LastSignedError};
use crate::ledger_state::LedgerState;
use crate::timekeeper::agrees;

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
            Self::Note(_) | Self::Witness { .. } => None,
        }
    }
}

/// The keys under a checkpoint.
pub(crate) struct CheckpointSigners {
    pub(crate) logs: BTreeMap<LogName, LogSigner>,
    pub(crate) witnesses: Vec<LocalWitness>,
    /// How many witnesses must cosign.
    pub(crate) quorum: usize,
    /// The entries of each log that the witnesses have not seen.
    pub(crate) unseen: BTreeMap<LogName, Vec<(Hash, IndexKey)>>,
}

/// A log's keys.
pub(crate) struct LogSigner {
    pub(crate) keys: [NoteSigner; 2],
    pub(crate) last: LastSigned,
}

/// A witness in this process.
pub(crate) struct LocalWitness {
    witness: Witness,
    clock: Clock,
    last: LastSigned,
}

impl LocalWitness {
    /// A witness that follows the logs of `policy`.
    pub(crate) fn new(cosigner: Cosigner, policy: &Policy, clock: Clock, last: LastSigned) -> Self {
        Self { witness: Witness::new(cosigner, policy.clone()), clock, last }
    }

    /// Follows the log to what `note` says, if it has not got there yet. `entries` are the last ones; some of them it may have
    /// seen, when others failed.
    fn follow(
        &mut self,
        entries: &[(Hash, IndexKey)],
        note: &Note,
        checkpoint: &Checkpoint,
    ) -> Result<(), SealError> {
        let last = self.witness.last(checkpoint.origin());
        if last == Some(checkpoint) {
            return Ok(());
        }
        let (seen, first) =
            (last.map_or(0, Checkpoint::size), checkpoint.size().saturating_sub(entries.len() as u64));
        let seen = usize::try_from(seen.saturating_sub(first)).unwrap_or(usize::MAX);
        let refused = |reason| SealError::Witness { name: self.last.signer().to_owned(), reason };
        self.witness.restore(entries.get(seen..).unwrap_or_default(), note).map_err(refused)
    }

    /// Follows the log, and cosigns at the time of its own clock: not if that differs from the log's.
    fn cosign(
        &mut self,
        entries: &[(Hash, IndexKey)],
        note: &Note,
        checkpoint: &Checkpoint,
        now: UnixMillis,
        state: &dyn LedgerState,
    ) -> Result<Option<NoteSignature>, SealError> {
        self.follow(entries, note, checkpoint)?;
        if !agrees(&self.clock, now) {
            tracing::warn!(witness = self.last.signer(), "a witness has another time, and does not cosign");
            return Ok(None);
        }
        let time = (self.clock)();
        self.last.record(checkpoint, time, |signed| proof(state, checkpoint, signed))?;
        Ok(self.witness.cosign_last(checkpoint.origin(), time))
    }
}

impl CheckpointSigners {
    /// What each signer has signed last.
    pub(crate) fn last_signed(&self) -> impl Iterator<Item = &LastSigned> {
        self.logs.values().map(|log| &log.last).chain(self.witnesses.iter().map(|witness| &witness.last))
    }

    /// Signs and cosigns `checkpoint` as of `now`. Whoever signs has recorded it before; `recorded` is called when the log has.
    /// After an error that passes, the same may be signed again.
    pub(crate) fn sign(
        &mut self,
        log: LogName,
        checkpoint: &Checkpoint,
        now: UnixMillis,
        state: &dyn LedgerState,
        recorded: impl FnOnce(),
    ) -> Result<Note, SealError> {
        let mut note = Note::new(checkpoint.to_string())?;
        if let Some(LogSigner { keys, last }) = self.logs.get_mut(&log) {
            last.record(checkpoint, now, |signed| proof(state, checkpoint, signed))?;
            recorded();
            for key in keys {
                note.add(key.sign(note.text()))?;
            }
        }
        let entries = self.unseen.get(&log).map_or(&[][..], |entries| entries);
        let signed = note.clone();
        let cosigned: Vec<_> = side_by_side(&mut self.witnesses, |witness| {
            witness.cosign(entries, &signed, checkpoint, now, state)
        });
        let mut agree = 0;
        for cosignature in cosigned {
            if let Some(cosignature) = cosignature? {
                note.add(cosignature)?;
                agree += 1;
            }
        }
        if agree < self.quorum {
            return Err(SealError::Clocks { agree, quorum: self.quorum });
        }
        self.unseen.remove(&log);
        Ok(note)
    }

    /// Brings every witness back to where it was: all entries up to a checkpoint that the log signed.
    pub(crate) fn restore(
        &mut self,
        entries: &[(Hash, IndexKey)],
        note: &Note,
        checkpoint: &Checkpoint,
    ) -> Result<(), SealError> {
        side_by_side(&mut self.witnesses, |witness| witness.follow(entries, note, checkpoint))
            .into_iter()
            .collect()
    }
}

/// The proof that `checkpoint` extends its log's tree of `signed` entries. Without one there are no hashes, and they prove
/// nothing.
fn proof(state: &dyn LedgerState, checkpoint: &Checkpoint, signed: u64) -> Vec<Hash> {
    let log = checkpoint.log();
    let hashes = log.and_then(|log| state.consistency(log, signed, checkpoint.size()).ok().flatten());
    hashes.unwrap_or_default()
}

/// What all witnesses do at one time: most of it is waiting for the disk.
fn side_by_side<T: Send>(
    witnesses: &mut [LocalWitness],
    each: impl Fn(&mut LocalWitness) -> T + Sync,
) -> Vec<T> {
    thread::scope(|scope| {
        let each = &each;
        let threads: Vec<_> =
            witnesses.iter_mut().map(|witness| scope.spawn(move || each(witness))).collect();
        // safe: a panic in a witness's thread is this thread's panic.
        threads
            .into_iter()
            .map(|t| t.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}
