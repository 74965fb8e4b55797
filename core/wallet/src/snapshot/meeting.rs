//! Phones that meet compare what the ledger has shown them.
//!
//! Two checkpoints of one size show at once whether they are of the same log. Of those of different sizes nobody knows
//! without the ledger: the other's is kept, and the next sync asks for the proof that it is the beginning of the newest one,
//! which this phone's own is shown to be as well. What fails is evidence: both notes are signed by the log and its witnesses.

use countersign_custody::handover::{Meeting, Seen};
use countersign_ledger::{AdvanceError, CheckpointError, Hash, LogName, TrustedCheckpoint};

use super::Snapshot;
use crate::store::{self, StoreError};

/// Why another phone's checkpoint was not compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// It is not to be trusted.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Snapshot {
    /// Compares another phone's newest checkpoint of a log, a note's text, with this one's. `None` if it is of another
    /// ledger, or if this phone has none.
    pub fn compare(&mut self, note: &str) -> Result<Option<Meeting>, CompareError> {
        let theirs = self.policy.trust(note)?;
        let log = theirs.checkpoint().log();
        let Some((log, mine)) = log.and_then(|log| Some((log, self.seen(log)?.clone()))) else {
            return Ok(None);
        };
        if theirs.checkpoint().origin() != mine.checkpoint().origin() {
            return Ok(None);
        }
        let meeting = seen(&mine).meet(seen(&theirs));
        match meeting {
            Meeting::Same => {}
            Meeting::Fork => self.keep_fork(&mine, &theirs)?,
            Meeting::Older | Meeting::Newer => {
                let (note, size) = (theirs.note().to_string(), theirs.checkpoint().size());
                self.store.write::<_, StoreError>(|tx| store::meet(tx, log, &note, size))?;
            }
        }
        Ok(Some(meeting))
    }

    /// Checkpoints that others showed and that can be compared with the newest one of their log.
    pub(crate) fn meetings(&self) -> Result<Vec<(LogName, String)>, StoreError> {
        let mut met = Vec::new();
        for log in self.logs(None) {
            if let Some(newest) = self.seen(log) {
                let notes = store::meetings(self.store.read(), log, newest.checkpoint().size())?;
                met.extend(notes.into_iter().map(|note| (log, note)));
            }
        }
        Ok(met)
    }

    /// The sizes between which a proof must lead before a checkpoint that was met can be compared; `None` if it needs none.
    pub(crate) fn proof_of(&self, log: LogName, met: &str) -> Option<(u64, u64)> {
        let old = self.policy.trust(met).ok()?.checkpoint().size();
        let new = self.seen(log)?.checkpoint().size();
        (0 < old && old < new).then_some((old, new))
    }

    /// Compares a checkpoint that was met with the newest one, which `consistency` is to show to extend it.
    pub(crate) fn settle_meeting(
        &mut self,
        log: LogName,
        met: &str,
        consistency: &[Hash],
    ) -> Result<(), StoreError> {
        // What was trusted when it was met and is not now was damaged in the database.
        if let (Ok(theirs), Some(newest)) = (self.policy.trust(met), self.seen(log).cloned())
            && let Err(AdvanceError::Fork(_) | AdvanceError::NotAnExtension { .. }) =
                theirs.advance(newest.clone(), consistency)
        {
            self.keep_fork(&newest, &theirs)?;
        }
        self.store.write(|tx| store::compared(tx, met))
    }

    fn keep_fork(&mut self, held: &TrustedCheckpoint, other: &TrustedCheckpoint) -> Result<(), StoreError> {
        self.keep_contradiction(&held.note().to_string(), &other.note().to_string())
    }
}

fn seen(checkpoint: &TrustedCheckpoint) -> Seen {
    Seen { size: checkpoint.checkpoint().size(), root: checkpoint.checkpoint().root() }
}
