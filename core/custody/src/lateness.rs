//! When a log took a statement in, as far as that can be known: never the hour, only that it was not before some moment.
//!
//! A statement says itself when it was signed, and may come a month later: a phone had no signal, or somebody dates back.
//! The log has no clock that could be proven; what bounds its record from below is its order. An entry came after the
//! witnesses had signed a checkpoint that does not cover it, and after every entry before it, none of which a log takes
//! before it was signed. If that is long after the time that a statement gives, it came late, and its time is its signer's
//! word alone. That is told with both times and held against nobody: goods without signal are what the outbox is for.

use countersign_ledger::{Entry, MAX_SKEW_MILLIS, UnixMillis};

use crate::facts::AsOf;

/// From when on a statement has come late. A shift without signal is everyday, and so is a night in a drawer.
pub const LATE_MILLIS: u64 = 24 * 3600 * 1000;

/// What is known of when a log recorded its entries.
pub(crate) struct Lateness {
    /// Entries from this index on were recorded no earlier than at this time; both rise.
    bounds: Vec<(u64, UnixMillis)>,
}

impl Lateness {
    /// What follows from checkpoints that were believed, and from statements at their places.
    pub(crate) fn new<'a>(checkpoints: &[AsOf], statements: impl Iterator<Item = &'a Entry>) -> Self {
        let checkpoints = checkpoints.iter().map(|checkpoint| (checkpoint.size, checkpoint.at));
        let statements = statements.map(|one| {
            // A signer's clock may be as far ahead as a log allows.
            let signed = one.verified().statement().issued_at().0.saturating_sub(MAX_SKEW_MILLIS);
            (one.index() + 1, UnixMillis(signed))
        });
        let mut bounds: Vec<(u64, UnixMillis)> = checkpoints.chain(statements).collect();
        bounds.sort_unstable();
        let mut latest = UnixMillis(0);
        for (_, at) in &mut bounds {
            latest = latest.max(*at);
            *at = latest;
        }
        Self { bounds }
    }

    /// The moment before which a statement was not recorded, if that is long after it was signed.
    pub(crate) fn late(&self, entry: &Entry) -> Option<UnixMillis> {
        let before = self.bounds.partition_point(|(from, _)| *from <= entry.index());
        let (_, recorded) = self.bounds[..before].last()?;
        (recorded.since(entry.verified().statement().issued_at()) > LATE_MILLIS).then_some(*recorded)
    }
}
