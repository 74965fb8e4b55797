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

/// Statements on one subject, in the order of the log.
#[derive(Clone, Copy)]
pub(crate) struct Page<'a> {
    pub(crate) subject: &'a Subject,
    /// Id of the statement that the first must follow.
    pub(crate) prev: Option<Hash>,
    pub(crate) entries: &'a [HistoryEntry],
    /// The checkpoint that their paths lead to.
    pub(crate) checkpoint: &'a TrustedCheckpoint,
}

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
    let (mut believed, ()) =
        verify_pages_beside(&[Page { subject, prev, entries, checkpoint }], trust, || ());
    believed.pop().unwrap_or(Err(HistoryError::Incomplete))
}

/// The same for several pages, an answer for each, while this thread first does something else that does not rely on it.
pub(crate) fn verify_pages_beside<R>(
    pages: &[Page<'_>],
    trust: &Trust,
    beside: impl FnOnce() -> R,
) -> (Vec<Result<Vec<Logged>, HistoryError>>, R) {
    let mut tasks = Vec::new();
    for page in pages {
        let mut prev = page.prev;
        for entry in page.entries {
            tasks.push((page, prev, entry));
            // Our statements' unprotected header is empty, so the id that the next must name is the digest of the bytes.
            prev = Some(Hash::of(&entry.statement));
        }
    }
    let next = AtomicUsize::new(0);
    // Takes up whichever statement is next until none is left.
    let work = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some((page, prev, entry)) = tasks.get(at) else { return done };
            done.push((at, entry.verify(page.subject, *prev, page.checkpoint, trust)));
        }
    };
    let others = (*CORES).min(tasks.len() / WORTH_A_THREAD).saturating_sub(1);
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
    done.sort_unstable_by_key(|(at, _)| *at);
    let mut done = done.into_iter().map(|(_, answer)| answer);
    let believed = pages.iter().map(|page| {
        let mut of_page: Vec<_> = done.by_ref().take(page.entries.len()).collect();
        if !page.entries.is_sorted_by(|one, next| one.index < next.index) {
            return Err(HistoryError::Order);
        }
        of_page.retain(|answer| !matches!(answer, Err(HistoryError::Refused(Refusal::Revoked))));
        of_page.into_iter().collect()
    });
    (believed.collect(), beside)
}
