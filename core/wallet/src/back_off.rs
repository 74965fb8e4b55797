//! When something is tried again that failed.

use std::time::Duration;

use countersign_ledger::UnixMillis;

use crate::client::{ClientError, jittered};

/// How long to wait between tries, while nobody asks.
pub(crate) struct BackOff {
    /// After the first try that failed; twice as long after each further one.
    pub(crate) first: Duration,
    /// The longest.
    pub(crate) most: Duration,
}

/// What is tried until it succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    /// How often it was tried when it was due.
    pub(crate) tries: u32,
    /// When it is.
    pub(crate) at: UnixMillis,
}

impl BackOff {
    /// After a try that failed: as long as the node asks for, else ever longer. What a person tried before its time is not put
    /// off by that.
    pub(crate) fn after(&self, due: Due, error: Option<&ClientError>, now: UnixMillis) -> Due {
        let early = due.at > now;
        let wait = match error {
            Some(ClientError::Busy { retry_after }) => *retry_after,
            _ if early => return due,
            _ => jittered(self.first.saturating_mul(1 << due.tries.min(20)).min(self.most)),
        };
        let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        Due { tries: due.tries + u32::from(!early), at: UnixMillis(now.0.saturating_add(wait)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACK_OFF: BackOff = BackOff { first: Duration::from_secs(5), most: Duration::from_mins(1) };
    const NOW: UnixMillis = UnixMillis(1_000_000);

    fn due(tries: u32, at: u64) -> Due {
        Due { tries, at: UnixMillis(at) }
    }

    #[test]
    fn the_wait_grows_up_to_the_longest() {
        let wait = |tries| BACK_OFF.after(due(tries, NOW.0), None, NOW).at.since(NOW);
        assert!((5_000..=6_250).contains(&wait(0)), "{}", wait(0));
        assert!((20_000..=25_000).contains(&wait(2)), "{}", wait(2));
        assert!((60_000..=75_000).contains(&wait(30)), "{}", wait(30));
        assert_eq!(BACK_OFF.after(due(2, NOW.0), None, NOW).tries, 3);
    }

    #[test]
    fn a_try_before_its_time_puts_nothing_off_unless_the_node_asks_for_it() {
        let early = due(3, NOW.0 + 40_000);
        assert_eq!(BACK_OFF.after(early, None, NOW), early);
        let busy = ClientError::Busy { retry_after: Duration::from_secs(90) };
        assert_eq!(BACK_OFF.after(early, Some(&busy), NOW), due(3, NOW.0 + 90_000));
        assert_eq!(BACK_OFF.after(early, Some(&ClientError::Failed(500)), NOW), early);
    }
}
