//! Processor time, which other work on the machine does not lengthen.

/// Processor time of this thread.
pub fn nanos() -> i64 {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    spent.tv_sec * 1_000_000_000 + spent.tv_nsec
}

/// The value that so many per cent of the sorted times do not exceed, in milliseconds.
#[allow(clippy::cast_precision_loss, reason = "milliseconds with two decimals")]
pub fn percentile(sorted: &[i64], percent: usize) -> f64 {
    sorted[(sorted.len() - 1) * percent / 100] as f64 / 1e6
}
