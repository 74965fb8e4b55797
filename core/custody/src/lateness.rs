//! When a log recorded a statement. The log proves only a lower bound on the time of inclusion.
//!
//! A statement gives the time at which it was signed. It may reach the log up to a month later: a phone was offline, or
//! somebody backdates. The log has no provable clock; its order gives the lower bound. An entry was recorded after each
//! cosigned checkpoint that does not cover it, and after every entry before it, which the log does not accept before
//! the entry is signed. If the bound is long after the time that a statement gives, the statement is late, and its time
//! is the signer's claim alone. Both times are shown and nobody is blamed: working offline is what the outbox is for.

use countersign_ledger::{Entry, MAX_SKEW_MILLIS, UnixMillis};

use crate::facts::AsOf;

/// The delay from which a statement is late, in milliseconds. A shift without a signal is normal, and so is a night in
/// a drawer.
pub const LATE_MILLIS: u64 = 24 * 3600 * 1000;

/// Lower bounds on the times at which a log recorded its entries.
pub(crate) struct Lateness {
    /// Entries from this index on were recorded no earlier than at this time; both rise.
    bounds: Vec<(u64, UnixMillis)>,
}

impl Lateness {
    /// The bounds that follow from trusted checkpoints, and from statements at their places.
    pub(crate) fn new<'a>(checkpoints: &[AsOf], statements: impl Iterator<Item = &'a Entry>) -> Self {
        let checkpoints = checkpoints.iter().map(|checkpoint| (checkpoint.size, checkpoint.at));
        let statements = statements.map(|one| {
            // A signer's clock may be ahead by as much as the log allows.
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

    /// The lower bound on a statement's time of inclusion, if that is long after it was signed.
    pub(crate) fn late(&self, entry: &Entry) -> Option<UnixMillis> {
        let before = self.bounds.partition_point(|(from, _)| *from <= entry.index());
        let (_, recorded) = self.bounds[..before].last()?;
        (recorded.since(entry.verified().statement().issued_at()) > LATE_MILLIS).then_some(*recorded)
    }
}
