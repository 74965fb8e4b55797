//! Verifying pages of histories: every signature, every inclusion path, every link to the statement before.

use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use countersign_ledger::{
    Entry, Hash, HistoryEntry, HistoryError, Inclusions, Subject, TrustStore, TrustedCheckpoint,
};

/// How many statements there must be for each thread: to wake one takes about as long as a verification.
const WORTH_A_THREAD: usize = 2;

/// Has one thread for each core started, if it is not. They wait for work as long as the process lives: to start one takes
/// longer than several verifications. All wallets of a process share them, so a verdict may wait for the end of a batch that
/// a sync has verified, tens of milliseconds.
pub(crate) fn cores() -> usize {
    rayon_core::current_num_threads()
}

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

impl Page<'_> {
    /// Verifies the statement of this number.
    fn verify(
        &self,
        number: usize,
        inclusions: &mut Inclusions<'_>,
        trust: &TrustStore,
    ) -> Result<Entry, HistoryError> {
        let before = number.checked_sub(1).map(|before| &self.entries[before]);
        // Our statements' unprotected header is empty, so the id that the next must name is the digest of the bytes.
        let prev = before.map_or(self.prev, |before| Some(Hash::of(&before.statement)));
        self.entries[number].verify(self.subject, prev, inclusions, trust)
    }
}

/// Verifies a page: the statements on `subject` that follow `prev`, in the order of the log. Those whose signer was since
/// revoked from an earlier place on are void, and in their place.
///
/// That the page ends the history is not asked here: the subject index says how many there are and which is the latest.
pub fn verify_page(
    entries: &[HistoryEntry],
    subject: &Subject,
    prev: Option<Hash>,
    checkpoint: &TrustedCheckpoint,
    trust: &TrustStore,
) -> Result<Vec<Entry>, HistoryError> {
    let mut verified = verify_pages(&[Page { subject, prev, entries, checkpoint }], trust);
    verified.pop().unwrap_or(Err(HistoryError::Incomplete))
}

/// The same for several pages, an answer for each.
pub(crate) fn verify_pages(pages: &[Page<'_>], trust: &TrustStore) -> Vec<Result<Vec<Entry>, HistoryError>> {
    sweep(pages, trust, cores().saturating_sub(1), |entry| entry, || ()).0
}

/// The same, and of each statement only what is to be kept, while this thread first does something else that does not rely
/// on it. That may wait for the disk or the network, so there are as many others as there are cores.
pub(crate) fn verify_pages_beside<T: Send + Sync, R>(
    pages: &[Page<'_>],
    trust: &TrustStore,
    keep: impl Fn(Entry) -> T + Sync,
    beside: impl FnOnce() -> R,
) -> (Vec<Result<Vec<T>, HistoryError>>, R) {
    sweep(pages, trust, cores(), keep, beside)
}

fn sweep<T: Send + Sync, R>(
    pages: &[Page<'_>],
    trust: &TrustStore,
    others: usize,
    keep: impl Fn(Entry) -> T + Sync,
    beside: impl FnOnce() -> R,
) -> (Vec<Result<Vec<T>, HistoryError>>, R) {
    let tasks: Vec<(&Page<'_>, usize)> =
        pages.iter().flat_map(|page| (0..page.entries.len()).map(move |at| (page, at))).collect();
    let answers: Vec<OnceLock<_>> = tasks.iter().map(|_| OnceLock::new()).collect();
    let next = AtomicUsize::new(0);
    // Takes up whichever statement is next until none is left.
    let work = || {
        let Some((first, _)) = tasks.first() else { return };
        let mut inclusions = Inclusions::new(first.checkpoint);
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let (Some((page, number)), Some(answer)) = (tasks.get(at), answers.get(at)) else { return };
            if !ptr::eq(inclusions.checkpoint(), page.checkpoint.checkpoint()) {
                inclusions = Inclusions::new(page.checkpoint);
            }
            // Nobody else has this number, so the place is empty.
            let _ = answer.set(page.verify(*number, &mut inclusions, trust).map(&keep));
        }
    };
    let others = others.min((tasks.len() / WORTH_A_THREAD).saturating_sub(1));
    let beside = rayon_core::in_place_scope(|scope| {
        // A panic there is a panic here: nothing is trusted on half of the work.
        (0..others).for_each(|_| scope.spawn(|_| work()));
        let beside = beside();
        work();
        beside
    });
    let mut answers =
        answers.into_iter().map(|answer| answer.into_inner().unwrap_or(Err(HistoryError::Incomplete)));
    let verified = pages.iter().map(|page| {
        let of_page: Vec<_> = answers.by_ref().take(page.entries.len()).collect();
        if !page.entries.is_sorted_by(|one, next| one.index < next.index) {
            return Err(HistoryError::Order);
        }
        of_page.into_iter().collect()
    });
    (verified.collect(), beside)
}
