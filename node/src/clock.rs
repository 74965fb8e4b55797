//! The time, as an argument: nothing but a node's outermost layer asks the system's clock.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use countersign_ledger::UnixMillis;

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> UnixMillis + Send + Sync>;

/// Tells the time since some moment, by a clock that nobody can set.
pub type Uptime = Arc<dyn Fn() -> Duration + Send + Sync>;

/// The system's clock.
pub fn system_clock() -> Clock {
    Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    })
}

/// The system's monotonic clock.
pub fn system_uptime() -> Uptime {
    let started = Instant::now();
    Arc::new(move || started.elapsed())
}
