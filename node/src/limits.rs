//! Limits per client: a token bucket for writes, a count of connections.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

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

/// Counts the open connections of each client.
#[derive(Clone, Default)]
pub(crate) struct Connections(Arc<Mutex<HashMap<Client, usize>>>);

impl Connections {
    /// One more connection, unless the client has `most` already. It counts until the guard is dropped.
    pub(crate) fn open(&self, client: Client, most: usize) -> Option<ConnectionGuard> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(client).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(ConnectionGuard { connections: self.clone(), client })
    }
}

/// An open connection.
pub(crate) struct ConnectionGuard {
    connections: Connections,
    client: Client,
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        let mut open = self.connections.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.client);
            }
        }
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
    fn a_closed_connection_makes_room() {
        let connections = Connections::default();
        let first = connections.open(client("192.0.2.1"), 1);
        assert!(first.is_some());
        assert!(connections.open(client("192.0.2.1"), 1).is_none());
        assert!(connections.open(client("192.0.2.2"), 1).is_some());
        drop(first);
        assert!(connections.open(client("192.0.2.1"), 1).is_some());
    }
}
