//! What the node counts, as Prometheus text (exposition format 0.0.4).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::sequencer::Outcome;

/// Upper bounds of the commit-time buckets, in microseconds.
const COMMIT_BUCKETS: [u64; 8] = [1_000, 2_500, 5_000, 10_000, 25_000, 100_000, 500_000, 2_500_000];

/// Counters since the process started.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    blocks: AtomicU64,
    statements: AtomicU64,
    commit_micros: AtomicU64,
    commits: [AtomicU64; COMMIT_BUCKETS.len()],
    /// By outcome and, where refused, reason.
    outcomes: Mutex<BTreeMap<(&'static str, &'static str), u64>>,
    /// By route and status.
    requests: Mutex<BTreeMap<(String, u16), u64>>,
    connections: AtomicU64,
    open: AtomicU64,
}

impl Metrics {
    pub(crate) fn block(&self, statements: usize, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.blocks.fetch_add(1, Ordering::Relaxed);
        self.statements.fetch_add(statements as u64, Ordering::Relaxed);
        self.commit_micros.fetch_add(micros, Ordering::Relaxed);
        for (bound, bucket) in COMMIT_BUCKETS.iter().zip(&self.commits) {
            if micros <= *bound {
                bucket.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    pub(crate) fn outcome(&self, outcome: &Outcome) {
        let key = match outcome {
            Outcome::Accepted(_) => ("accepted", ""),
            Outcome::Duplicate(_) => ("duplicate", ""),
            Outcome::Busy { .. } => ("busy", ""),
            Outcome::Halted(halt) => ("halted", halt.problem().as_str()),
            Outcome::Refused(reason) => ("refused", reason.problem().as_str()),
        };
        *self.outcomes.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default() += 1;
    }

    pub(crate) fn request(&self, route: &str, status: u16) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        *requests.entry((route.to_owned(), status)).or_default() += 1;
    }

    pub(crate) fn connection_opened(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
        self.open.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn connection_closed(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    /// The counters as text, without the gauges that the caller knows.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        metric(&mut text, "counter", "countersign_blocks_total", "Blocks committed.", load(&self.blocks));
        let statements = load(&self.statements);
        metric(&mut text, "counter", "countersign_statements_total", "Statements committed.", statements);
        let opened = load(&self.connections);
        metric(&mut text, "counter", "countersign_connections_total", "Connections accepted.", opened);
        metric(&mut text, "gauge", "countersign_connections_open", "Connections open now.", load(&self.open));
        self.commits_to(&mut text);
        header(&mut text, "counter", "countersign_submissions_total", "Submissions by outcome.");
        for ((outcome, reason), count) in self.outcomes.lock().unwrap_or_else(PoisonError::into_inner).iter()
        {
            let labels = format!("outcome=\"{outcome}\",reason=\"{reason}\"");
            line(&mut text, &format!("countersign_submissions_total{{{labels}}}"), *count);
        }
        header(&mut text, "counter", "countersign_http_requests_total", "Requests by route and status.");
        for ((route, status), count) in self.requests.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let labels = format!("route=\"{route}\",status=\"{status}\"");
            line(&mut text, &format!("countersign_http_requests_total{{{labels}}}"), *count);
        }
        text
    }

    fn commits_to(&self, text: &mut String) {
        let name = "countersign_commit_seconds";
        header(text, "histogram", name, "From taking up a block to publishing it.");
        for (bound, bucket) in COMMIT_BUCKETS.iter().zip(&self.commits) {
            let le = seconds(*bound);
            line(text, &format!("{name}_bucket{{le=\"{le}\"}}"), bucket.load(Ordering::Relaxed));
        }
        let count = self.blocks.load(Ordering::Relaxed);
        line(text, &format!("{name}_bucket{{le=\"+Inf\"}}"), count);
        let sum = seconds(self.commit_micros.load(Ordering::Relaxed));
        // safe: writing to a string cannot fail.
        let _ = writeln!(text, "{name}_sum {sum}");
        line(text, &format!("{name}_count"), count);
    }
}

fn seconds(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

/// Writes one metric of one value.
pub(crate) fn metric(text: &mut String, kind: &str, name: &str, help: &str, value: u64) {
    header(text, kind, name, help);
    line(text, name, value);
}

/// Writes what a metric is.
pub(crate) fn header(text: &mut String, kind: &str, name: &str, help: &str) {
    // safe: writing to a string cannot fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

/// Writes one value.
pub(crate) fn line(text: &mut String, name: &str, value: u64) {
    // safe: writing to a string cannot fail.
    let _ = writeln!(text, "{name} {value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_come_out_as_prometheus_reads_them() {
        let metrics = Metrics::default();
        metrics.block(3, Duration::from_micros(1_500));
        metrics.outcome(&Outcome::Refused(crate::Reason::Replay));
        metrics.request("/{log}/entries", 303);
        let text = metrics.to_text();
        for expected in [
            "countersign_statements_total 3\n",
            "countersign_commit_seconds_bucket{le=\"0.001000\"} 0\n",
            "countersign_commit_seconds_bucket{le=\"0.002500\"} 1\n",
            "countersign_commit_seconds_sum 0.001500\n",
            "countersign_submissions_total{outcome=\"refused\",reason=\"replay\"} 1\n",
            "countersign_http_requests_total{route=\"/{log}/entries\",status=\"303\"} 1\n",
        ] {
            assert!(text.contains(expected), "{expected} is not in\n{text}");
        }
    }
}
