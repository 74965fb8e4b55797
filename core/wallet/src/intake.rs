//! Taking in pages of histories: every signature, every inclusion path, every link to the statement before.

use std::num::NonZero;
use std::thread;

use countersign_ledger::{
    Hash, HistoryEntry, HistoryError, Logged, Refusal, Subject, Trust, TrustedCheckpoint,
};

/// How many statements another thread must have to verify for it to be worth starting: about ten times what that costs.
const WORTH_A_THREAD: usize = 4;

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
    let share = entries.len().div_ceil(threads.max(1)).max(1);
    let parts = thread::scope(|scope| {
        let mut parts = entries.chunks(share).enumerate();
        let first = parts.next();
        let spawn = |(number, part)| scope.spawn(move || verify(number * share, part));
        let others: Vec<_> = parts.map(spawn).collect();
        let mut done = Vec::from_iter(first.map(|(_, part)| verify(0, part)));
        // A panic there is a panic here: nothing is believed on half of the work.
        done.extend(
            others
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))),
        );
        done
    });
    let mut logged = Vec::with_capacity(entries.len());
    for part in parts {
        logged.extend(part?.into_iter().flatten());
    }
    Ok(logged)
}
