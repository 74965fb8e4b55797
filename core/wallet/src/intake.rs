//! Taking in pages of histories: every signature, every inclusion path, every link to the statement before.

use std::num::NonZero;
use std::thread;

use countersign_ledger::{
    Hash, HistoryEntry, HistoryError, Logged, Refusal, Subject, Trust, TrustedCheckpoint,
};

/// A page with fewer statements is verified on the calling thread: starting others would cost more than it saves.
const WORTH_A_THREAD: usize = 16;

/// Believes a page: the statements on `subject` that follow `prev`, in the order of the log. Statements whose signer was
/// since revoked from an earlier place on stand in the log and in the count, but are not among those returned.
///
/// That the page ends the history is not asked here: the subject index says how many there are and which is the latest.
pub fn verify_page(
    entries: &[HistoryEntry],
    subject: &Subject,
    prev: Option<Hash>,
    checkpoint: &TrustedCheckpoint,
    trust: &Trust,
) -> Result<Vec<Logged>, HistoryError> {
    if !entries.is_sorted_by(|one, next| one.index < next.index) {
        return Err(HistoryError::Order);
    }
    // Our statements' unprotected header is empty, so the id that the next one must name is the digest of the bytes.
    let ids: Vec<Hash> = entries.iter().map(|entry| Hash::of(&entry.statement)).collect();
    let before = |at: usize| at.checked_sub(1).map_or(prev, |before| Some(ids[before]));
    let verify = |from: usize, part: &[HistoryEntry]| {
        let each = part.iter().enumerate().map(|(at, entry)| {
            match entry.verify(subject, before(from + at), checkpoint, trust) {
                Ok(logged) => Ok(Some(logged)),
                Err(HistoryError::Refused(Refusal::Revoked)) => Ok(None),
                Err(error) => Err(error),
            }
        });
        each.collect::<Result<Vec<_>, _>>()
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(entries.len() / WORTH_A_THREAD);
    if threads < 2 {
        return Ok(verify(0, entries)?.into_iter().flatten().collect());
    }
    let share = entries.len().div_ceil(threads);
    let parts = thread::scope(|scope| {
        let spawn = |(number, part)| scope.spawn(move || verify(number * share, part));
        let running: Vec<_> = entries.chunks(share).enumerate().map(spawn).collect();
        // A panic there is a panic here: nothing is believed on half of the work.
        running
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect::<Vec<_>>()
    });
    let mut logged = Vec::with_capacity(entries.len());
    for part in parts {
        logged.extend(part?.into_iter().flatten());
    }
    Ok(logged)
}
