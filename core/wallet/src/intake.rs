//! Taking in pages of histories: every signature, every inclusion path, every link to the statement before.

use std::num::NonZero;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use countersign_ledger::{
    Hash, HistoryEntry, HistoryError, Logged, Refusal, Subject, Trust, TrustedCheckpoint,
};

/// How many statements there must be for each thread: to start one costs about half a verification.
const WORTH_A_THREAD: usize = 2;

/// Asking the system takes as long as verifying a signature.
static CORES: LazyLock<usize> = LazyLock::new(|| thread::available_parallelism().map_or(1, NonZero::get));

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
    verify_page_beside(entries, subject, prev, checkpoint, trust, || ()).0
}

/// The same, while this thread first does something else that does not rely on it.
pub(crate) fn verify_page_beside<R>(
    entries: &[HistoryEntry],
    subject: &Subject,
    prev: Option<Hash>,
    checkpoint: &TrustedCheckpoint,
    trust: &Trust,
    beside: impl FnOnce() -> R,
) -> (Result<Vec<Logged>, HistoryError>, R) {
    // Our statements' unprotected header is empty, so the id that the next one must name is the digest of the bytes.
    let ids: Vec<Hash> = entries.iter().map(|entry| Hash::of(&entry.statement)).collect();
    let next = AtomicUsize::new(0);
    // Takes up whichever statement is next until none is left.
    let work = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(entry) = entries.get(at) else { return done };
            let before = at.checked_sub(1).map_or(prev, |before| Some(ids[before]));
            done.push((at, entry.verify(subject, before, checkpoint, trust)));
        }
    };
    let others = (*CORES).min(entries.len() / WORTH_A_THREAD).saturating_sub(1);
    let (mut done, beside) = thread::scope(|scope| {
        let others: Vec<_> = (0..others).map(|_| scope.spawn(work)).collect();
        let beside = beside();
        let mut done = work();
        for other in others {
            // A panic there is a panic here: nothing is believed on half of the work.
            done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        (done, beside)
    });
    if !entries.is_sorted_by(|one, next| one.index < next.index) {
        return (Err(HistoryError::Order), beside);
    }
    done.sort_unstable_by_key(|(at, _)| *at);
    let believed = done.into_iter().filter_map(|(_, answer)| match answer {
        Err(HistoryError::Refused(Refusal::Revoked)) => None,
        answer => Some(answer),
    });
    (believed.collect(), beside)
}
