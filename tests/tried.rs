//! A row of the table that `tests/faults` prints: what was tried, how often, what was looked up after it, and what was lost.
//! Tests that try a fault include this file; without `COUNTERSIGN_FAULTS`, which names a file, they tell nobody.

use std::fs::File;
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

/// Set for the long form.
const FULL: &str = "COUNTERSIGN_FAULTS_FULL";

/// A fault that is being tried; the row is told when it is dropped. Rows of the same fault are one in the table.
pub struct Tried {
    fault: &'static str,
    /// What is looked up.
    of: &'static str,
    times: AtomicU64,
    found: AtomicU64,
    lost: AtomicU64,
}

impl Tried {
    /// A fault, after which so-and-so is looked up.
    pub fn new(fault: &'static str, of: &'static str) -> Self {
        Self { fault, of, times: AtomicU64::new(0), found: AtomicU64::new(0), lost: AtomicU64::new(0) }
    }

    /// It was tried so many times more.
    pub fn times(&self, more: usize) {
        self.times.fetch_add(more as u64, Ordering::Relaxed);
    }

    /// So many were looked up after it, of which so many were lost.
    pub fn looked_up(&self, all: usize, lost: usize) {
        self.found.fetch_add(all as u64, Ordering::Relaxed);
        self.lost.fetch_add(lost as u64, Ordering::Relaxed);
    }
}

impl Drop for Tried {
    fn drop(&mut self) {
        let Some(path) = std::env::var_os("COUNTERSIGN_FAULTS") else { return };
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        // A test that stops has found what the row would not show.
        let end = if std::thread::panicking() { "failed" } else { "held" };
        let row = format!(
            "{}\t{}\t{}\t{}\t{}\t{end}\n",
            self.fault,
            count(&self.times),
            count(&self.found),
            self.of,
            count(&self.lost)
        );
        let told = File::options()
            .create(true)
            .append(true)
            .open(path)
            .and_then(|mut file| file.write_all(row.as_bytes()));
        if let Err(error) = told {
            eprintln!("the table of faults lacks a row: {error}");
        }
    }
}

/// How much of something is tried: a little with every run of the tests, and as much as this in the long form.
pub fn size(short: usize, long: usize) -> usize {
    if std::env::var_os(FULL).is_some() { long } else { short }
}
