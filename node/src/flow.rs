//! Whether a peer takes what it asked for: a connection has a slowest pace.
//!
//! In scope: what waits for the peer, and how fast it leaves. Out of scope: memory, which answers hold in a budget until they
//! have left. HTTP/2's window and a socket that nobody reads look the same from here: an answer is there and does not leave.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// What a connection has to send and how much has left. Clones are of the same connection.
#[derive(Clone, Default)]
pub(crate) struct Flow(Arc<Counts>);

#[derive(Default)]
struct Counts {
    /// Answers, and pieces of them, that wait for the peer.
    owed: AtomicUsize,
    /// Bytes that have left.
    sent: AtomicU64,
    /// There was a moment without anything that waits for the peer.
    idle: AtomicBool,
}

/// Something waits for the peer until this is dropped.
pub(crate) struct Owed(Flow);

impl Drop for Owed {
    fn drop(&mut self) {
        if self.0.0.owed.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.0.idle.store(true, Ordering::Release);
        }
    }
}

impl Flow {
    /// From now on something waits for the peer.
    pub(crate) fn owe(&self) -> Owed {
        self.0.owed.fetch_add(1, Ordering::AcqRel);
        Owed(self.clone())
    }

    /// So many bytes have left.
    pub(crate) fn sent(&self, bytes: usize) {
        self.0.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Returns when something has waited for the peer throughout `patience`, in which it has taken less than `pace` bytes a
    /// second.
    pub(crate) async fn stalled(&self, patience: Duration, pace: u64) {
        let Counts { owed, sent, idle } = &*self.0;
        let least = pace.saturating_mul(patience.as_secs().max(1));
        loop {
            let before = sent.load(Ordering::Relaxed);
            idle.store(owed.load(Ordering::Acquire) == 0, Ordering::Release);
            tokio::time::sleep(patience).await;
            let taken = sent.load(Ordering::Relaxed) - before;
            if !idle.load(Ordering::Acquire) && owed.load(Ordering::Acquire) > 0 && taken < least {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn stalls(flow: &Flow, during: Duration) -> bool {
        tokio::time::timeout(during, flow.stalled(Duration::from_millis(50), 1000)).await.is_ok()
    }

    #[tokio::test]
    async fn only_a_peer_that_is_owed_something_and_takes_too_little_stalls() {
        let flow = Flow::default();
        assert!(!stalls(&flow, Duration::from_millis(200)).await, "nothing is owed");
        let owed = flow.owe();
        assert!(stalls(&flow, Duration::from_secs(20)).await);
        let taking = async {
            loop {
                flow.sent(1000);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            () = taking => (),
            stalled = stalls(&flow, Duration::from_millis(500)) => assert!(!stalled, "it takes what it is owed"),
        }
        drop(owed);
        let turns = async {
            loop {
                let owed = flow.owe();
                tokio::time::sleep(Duration::from_millis(5)).await;
                drop(owed);
            }
        };
        tokio::select! {
            () = turns => (),
            stalled = stalls(&flow, Duration::from_millis(500)) => assert!(!stalled, "small answers, each taken"),
        }
    }
}
