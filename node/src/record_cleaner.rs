//! Removes what is superseded: what no current row of either log, no running delivery, no ticket and no submission under check
//! names.
//!
//! What is current is read from the published state, which is durable, and never from a block that a crash may undo: while a
//! submission on a record is under check nothing of it is removed, and when it is over the record is looked at again.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use countersign_ledger::{Hash, LogName};
use countersign_records::rules::Head;
use countersign_records::{FULL, RecordId, SHARED};

use crate::published::Published;
use crate::record_store::{RecordStore, Told};
use crate::store::StoreResult;
use crate::timekeeper::Timekeeper;

/// How often it is looked whether tickets or deliveries have ended.
const PAUSE: Duration = Duration::from_secs(2);

/// The thread that removes what is superseded. Dropping it stops it.
pub(crate) struct Cleaner {
    store: Arc<RecordStore>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Cleaner {
    fn drop(&mut self) {
        self.store.tell(Told::Stop);
        if let Some(thread) = self.thread.take() {
            // A thread that has panicked removes nothing more, either.
            let _ = thread.join();
        }
    }
}

impl Cleaner {
    /// Compares all that the store holds with the logs, and goes on doing so as things change.
    pub(crate) fn start(
        store: Arc<RecordStore>,
        published: Arc<Published>,
        time: Arc<Timekeeper>,
    ) -> std::io::Result<Self> {
        let (sender, told) = channel();
        store.tells(sender);
        let (thread, own) = (std::thread::Builder::new().name("record-store".to_owned()), Arc::clone(&store));
        let thread = thread.spawn(move || {
            let store = own;
            let mut due = store.records().unwrap_or_else(|error| {
                tracing::error!(%error, "the record store could not be compared with the logs");
                BTreeSet::new()
            });
            tell_what_is_missing(&store, &published, &due);
            loop {
                due = clean_all(&store, &published, &time, due);
                match next(&told) {
                    Some(changed) => due.extend(changed),
                    None => return,
                }
            }
        })?;
        Ok(Self { store, thread: Some(thread) })
    }
}

/// The records of which something has changed, as soon as there is one or after a pause; `None` when the node stops.
fn next(told: &Receiver<Told>) -> Option<BTreeSet<RecordId>> {
    let first = match told.recv_timeout(PAUSE) {
        Err(RecvTimeoutError::Timeout) => return Some(BTreeSet::new()),
        first => first.ok()?,
    };
    let record = |told| if let Told::Changed(record) = told { Some(record) } else { None };
    std::iter::once(first).chain(told.try_iter()).map(record).collect()
}

/// Cleans the records that are due and those of which something has ended, and returns those to be looked at again.
fn clean_all(
    store: &RecordStore,
    published: &Published,
    time: &Timekeeper,
    mut due: BTreeSet<RecordId>,
) -> BTreeSet<RecordId> {
    // By a clock in doubt nothing ends.
    let now = time.now().unwrap_or_default();
    due.extend(store.ended(now).unwrap_or_default());
    due.extend(store.end_deliveries(now));
    due.retain(|record| match store.clean(*record, now, || current(store, published, *record)) {
        Ok(whole) => !whole,
        Err(error) => {
            tracing::warn!(%error, "what is superseded of a record could not be removed; it will be tried again");
            true
        }
    });
    due
}

/// The rows of a record's current indexes in which this store is named.
fn current(store: &RecordStore, published: &Published, record: RecordId) -> StoreResult<BTreeSet<Hash>> {
    let mut rows = BTreeSet::new();
    for log in logs(published) {
        let head = Head::from_state(&published.standing(log, &record.subject())?);
        let own = head.into_iter().filter(|head| head.store == store.identity().as_str());
        rows.extend(own.flat_map(|head| head.lines).map(|line| line.row));
    }
    Ok(rows)
}

/// Says how many current rows are not here, as after a restored backup: their owners have to upload them again.
fn tell_what_is_missing(store: &RecordStore, published: &Published, records: &BTreeSet<RecordId>) {
    let missing = |record: &RecordId| -> StoreResult<usize> {
        let mut missing = 0;
        for row in current(store, published, *record)? {
            missing += usize::from(!store.is_whole(*record, row)?);
        }
        Ok(missing)
    };
    let count = records.iter().map(|record| missing(record).unwrap_or(1)).sum::<usize>();
    if count > 0 {
        tracing::error!(
            count,
            "the record store lacks what current indexes name: their owners upload it again"
        );
    }
}

/// The logs of records that this ledger has.
fn logs(published: &Published) -> impl Iterator<Item = LogName> {
    let view = published.view();
    [FULL, SHARED].into_iter().flatten().filter(move |log| view.heads.contains_key(log))
}
