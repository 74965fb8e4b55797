//! Limits per client: a token bucket for writes, and budgets of which each client has its share.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use countersign_custody::report::MAX_ENVELOPE;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::Limits;
use crate::metrics::Metrics;

/// Most addresses remembered; beyond these, those that have not written for a while are forgotten.
const MAX_ADDRESSES: usize = 65_536;
/// Tokens are counted in thousandths, so that slow rates need no floating point.
const TOKEN: u64 = 1000;

/// What counts as one client: an IPv4 address, or the 64-bit IPv6 network that one subscriber gets.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Client(IpAddr);

impl From<IpAddr> for Client {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(v6) => Self(IpAddr::V6((v6.to_bits() >> 64 << 64).into())),
            v4 @ IpAddr::V4(_) => Self(v4),
        }
    }
}

/// What holds a server's connections and requests within bounds, and counts them.
pub(crate) struct Bounds {
    pub(crate) budgets: Budgets,
    pub(crate) rate: WriteRate,
    pub(crate) metrics: Arc<Metrics>,
}

impl Bounds {
    pub(crate) fn new(limits: &Limits, metrics: Arc<Metrics>) -> Self {
        let rate = WriteRate::new(limits.writes_per_second, limits.write_burst);
        Self { budgets: Budgets::new(limits), rate, metrics }
    }
}

/// What requests are answered from, within bounds.
pub(crate) trait Bounded: Send + Sync + 'static {
    fn bounds(&self) -> &Bounds;
}

/// Everything of which there is only so much. What a client has taken of one is never missing in another.
#[derive(Clone)]
pub(crate) struct Budgets {
    /// Open connections.
    pub(crate) connections: Budget,
    /// Bytes in memory for requests and answers.
    pub(crate) memory: Budget,
    /// Answers that are being looked up at one time.
    pub(crate) reads: Budget,
    /// Whole requests to write that are being carried out at one time.
    pub(crate) writes: Budget,
    /// Blobs that are being received at one time.
    pub(crate) uploads: Budget,
    /// Bytes on disk for blobs that are not whole.
    pub(crate) unfinished: Budget,
    /// Bytes of reports that came within a day.
    pub(crate) reports: Budget,
}

impl Budgets {
    pub(crate) fn new(limits: &Limits) -> Self {
        let budget = |total, least| Budget::new(total, limits.address_percent, least);
        Self {
            connections: budget(limits.connections, 1),
            memory: budget(limits.memory_bytes, Limits::LEAST_MEMORY / 4),
            reads: budget(limits.reads, 1),
            writes: budget(limits.writes, 1),
            uploads: budget(limits.uploads, 1),
            unfinished: budget(limits.unfinished_bytes, limits.blob_bytes),
            reports: budget(limits.report_bytes, MAX_ENVELOPE),
        }
    }

    /// Each with its name in the metrics.
    pub(crate) fn named(&self) -> [(&'static str, &Budget); 7] {
        [
            ("connections", &self.connections),
            ("memory_bytes", &self.memory),
            ("reads", &self.reads),
            ("writes", &self.writes),
            ("uploads", &self.uploads),
            ("unfinished_bytes", &self.unfinished),
            ("report_bytes_of_a_day", &self.reports),
        ]
    }
}

/// So much of something, of which one client has no more than its share. Who waits is served in turn.
#[derive(Clone)]
pub(crate) struct Budget(Arc<Inner>);

struct Inner {
    total: usize,
    share: usize,
    left: Arc<Semaphore>,
    /// What is left of each client's share, and how many hold or wait for some of it.
    clients: Mutex<HashMap<Client, (Arc<Semaphore>, usize)>>,
}

impl Budget {
    /// A client's share is `percent` of the total, but never less than `least`.
    pub(crate) fn new(total: usize, percent: usize, least: usize) -> Self {
        let share = (total / 100 * percent + total % 100 * percent / 100).max(least).min(total);
        let left = Arc::new(Semaphore::new(total));
        Self(Arc::new(Inner { total, share, left, clients: Mutex::default() }))
    }

    pub(crate) fn total(&self) -> usize {
        self.0.total
    }

    pub(crate) fn used(&self) -> usize {
        self.0.total - self.0.left.available_permits()
    }

    /// Takes some, at most the client's share, as soon as there is as much.
    pub(crate) async fn take(&self, client: Client, amount: usize) -> Room {
        let (account, amount) = (self.account(client), self.amount(amount));
        let own = Arc::clone(&account.left).acquire_many_owned(amount).await.ok();
        let all = Arc::clone(&self.0.left).acquire_many_owned(amount).await.ok();
        Room { permits: [own, all], _account: account }
    }

    /// Takes some, at most the client's share, if there is as much now.
    pub(crate) fn try_take(&self, client: Client, amount: usize) -> Option<Room> {
        let (account, amount) = (self.account(client), self.amount(amount));
        let own = Arc::clone(&account.left).try_acquire_many_owned(amount).ok()?;
        let all = Arc::clone(&self.0.left).try_acquire_many_owned(amount).ok()?;
        Some(Room { permits: [Some(own), Some(all)], _account: account })
    }

    fn amount(&self, amount: usize) -> u32 {
        u32::try_from(amount.min(self.0.share)).unwrap_or(u32::MAX)
    }

    fn account(&self, client: Client) -> Account {
        let mut clients = self.0.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, users) =
            clients.entry(client).or_insert_with(|| (Arc::new(Semaphore::new(self.0.share)), 0));
        *users += 1;
        Account { budget: self.clone(), client, left: Arc::clone(left) }
    }
}

/// What was taken of a budget; given back when dropped.
pub(crate) struct Room {
    permits: [Option<OwnedSemaphorePermit>; 2],
    /// Dropped last.
    _account: Account,
}

impl Room {
    /// Gives back what is more than `amount`.
    pub(crate) fn shrink(&mut self, amount: usize) {
        for permits in self.permits.iter_mut().flatten() {
            drop(permits.num_permits().checked_sub(amount).and_then(|more| permits.split(more)));
        }
    }
}

/// A client's account with a budget, which is forgotten when nobody uses it.
struct Account {
    budget: Budget,
    client: Client,
    left: Arc<Semaphore>,
}

impl Drop for Account {
    fn drop(&mut self) {
        let mut clients = self.budget.0.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, users)) = clients.get_mut(&self.client) {
            *users -= 1;
            if *users == 0 {
                clients.remove(&self.client);
            }
        }
    }
}

/// Bounds the writes of each client.
pub(crate) struct WriteRate {
    per_second: u64,
    burst: u64,
    buckets: Mutex<HashMap<Client, Bucket>>,
}

struct Bucket {
    tokens: u64,
    at: Instant,
}

impl WriteRate {
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        Self { per_second: per_second.into(), burst: u64::from(burst) * TOKEN, buckets: Mutex::default() }
    }

    /// Takes a token, or returns the time until there is one.
    pub(crate) fn take(&self, client: Client, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_ADDRESSES && !buckets.contains_key(&client) {
            buckets.retain(|_, bucket| self.filled(bucket, now) < self.burst);
            if buckets.len() >= MAX_ADDRESSES {
                return Err(Duration::from_secs(1));
            }
        }
        let bucket = buckets.entry(client).or_insert(Bucket { tokens: self.burst, at: now });
        *bucket = Bucket { tokens: self.filled(bucket, now), at: now };
        match bucket.tokens.checked_sub(TOKEN) {
            Some(left) => {
                bucket.tokens = left;
                Ok(())
            }
            None => Err(Duration::from_millis((TOKEN - bucket.tokens).div_ceil(self.per_second))),
        }
    }

    fn filled(&self, bucket: &Bucket, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(bucket.at).as_millis();
        // Thousandths of a token per millisecond are tokens per second.
        let gained = u64::try_from(elapsed).unwrap_or(u64::MAX).saturating_mul(self.per_second);
        bucket.tokens.saturating_add(gained).min(self.burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(text: &str) -> Client {
        text.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn a_burst_passes_and_then_the_rate_does() {
        let (rate, start) = (WriteRate::new(10, 3), Instant::now());
        let take = |after| rate.take(client("192.0.2.1"), start + Duration::from_millis(after));
        assert!((0..3).all(|_| take(0).is_ok()));
        assert_eq!(take(0), Err(Duration::from_millis(100)));
        assert_eq!(take(60), Err(Duration::from_millis(40)));
        assert_eq!(take(100), Ok(()));
        assert!(take(100).is_err());
        assert!((0..3).all(|_| take(60_000).is_ok()));
        assert!(take(60_000).is_err());
    }

    #[test]
    fn one_subscriber_is_one_client() {
        assert_eq!(client("2001:db8::1"), client("2001:db8::ffff:2"));
        assert_ne!(client("2001:db8::1"), client("2001:db8:0:1::1"));
        assert_eq!(client("::ffff:192.0.2.1"), client("192.0.2.1"));
        let (rate, now) = (WriteRate::new(1, 1), Instant::now());
        assert!(rate.take(client("192.0.2.1"), now).is_ok());
        assert!(rate.take(client("192.0.2.2"), now).is_ok());
    }

    #[test]
    fn a_client_has_its_share_and_all_together_have_the_total() {
        let budget = Budget::new(10, 40, 1);
        let (greedy, other) = (client("2001:db8::1"), client("192.0.2.1"));
        let held: Vec<_> = (0..9).filter_map(|_| budget.try_take(greedy, 1)).collect();
        assert_eq!((held.len(), budget.used()), (4, 4));
        assert!(budget.try_take(client("2001:db8::9"), 1).is_none(), "the same network");
        // More than a share is a share.
        let all_of_it = budget.try_take(other, 100).unwrap();
        assert_eq!(budget.used(), 8);
        assert!(budget.try_take(client("192.0.2.3"), 3).is_none());
        let mut other = budget.try_take(client("192.0.2.3"), 2).unwrap();
        other.shrink(3);
        assert_eq!(budget.used(), 10);
        other.shrink(1);
        assert_eq!(budget.used(), 9);
        drop(other);
        drop((held, all_of_it));
        assert_eq!(budget.used(), 0);
        assert!(budget.0.clients.lock().unwrap().is_empty(), "nobody is remembered who holds nothing");
        assert_eq!(Budget::new(10, 1, 3).0.share, 3);
        assert_eq!(Budget::new(usize::MAX >> 4, 100, 1).0.share, usize::MAX >> 4);
    }

    #[tokio::test]
    async fn who_waits_for_its_own_share_keeps_nobody_else_waiting() {
        let budget = Budget::new(4, 50, 1);
        let (greedy, other) = (client("192.0.2.1"), client("192.0.2.2"));
        let held = budget.take(greedy, 2).await;
        let waits = budget.take(greedy, 2);
        tokio::pin!(waits);
        let at_once = tokio::time::timeout(Duration::from_millis(10), &mut waits).await;
        assert!(at_once.is_err());
        assert!(tokio::time::timeout(Duration::from_secs(10), budget.take(other, 2)).await.is_ok());
        drop(held);
        assert!(tokio::time::timeout(Duration::from_secs(10), waits).await.is_ok());
    }
}
