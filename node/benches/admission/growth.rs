//! How admission, opening again, disk and memory grow with the log. The log is filled as it is measured: by clients that
//! submit signed statements, so that tree, subject index, replay table and database are those of a node of that age. Every
//! statement opens a subject of its own, which is the largest index that a log of that length can have.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use countersign_node::{Config, Node, Running};

use crate::clients::{Clients, Way};
use crate::member::Member;
use crate::raw;

/// Set in the environment of a child process, to the data directory that it opens.
pub const OPENED: &str = "COUNTERSIGN_BENCH_OPENED";
/// As in the row of [`crate::WAYS`] that shows the node at its fastest.
const WAY: Way = Way::InProcess { in_flight: 16 };
const CLIENTS: usize = 64;
/// Measured runs at each size; the median is told.
const RUNS: usize = 5;
/// Statements signed and submitted at a time while the log is filled: some 30 MB.
const FILL: u64 = 50_000;

/// By default small; `COUNTERSIGN_BENCH_FULL=1` goes up to a million statements, in some minutes.
pub fn growth() {
    let full = std::env::var_os("COUNTERSIGN_BENCH_FULL").is_some();
    let sizes: &[u64] = if full { &[10_000, 100_000, 1_000_000] } else { &[2_000] };
    let directory = tempfile::TempDir::new().unwrap();
    let mut running = open(directory.path()).start().unwrap();
    let member = Member::enrol(running.node());
    for &size in sizes {
        fill(&running, &member, size);
        let each = (size / 10).clamp(400, 10_000);
        let runs: Vec<_> = (0..RUNS).map(|_| member.statements(each)).collect();
        println!("growth: a log of {size}, measuring");
        let (rate, processor) = admit(&running, &runs);
        let held = count(running.node());
        running.stop();
        let (took, resident, most) = opened_elsewhere(directory.path());
        println!(
            "growth: from {size} statements on {rate:.0}/s, {processor:.2} x one verification of processor time each; \
             {held} statements opened again in {took:.1?}; {:.0} bytes a statement on disk, {:.0} in memory, \
             {:.0} while it opens",
            per(bytes(directory.path()), held),
            per(resident, held),
            per(most, held),
        );
        running = open(directory.path()).start().unwrap();
    }
}

fn open(directory: &Path) -> Node {
    let mut config = Config::development(directory.join("data"));
    (config.limits.write_burst, config.limits.writes_per_second) = (u32::MAX, u32::MAX);
    Node::open(config).unwrap()
}

fn count(node: &Node) -> u64 {
    LogId::ALL.iter().map(|&log| node.checkpoint(log).lines().nth(1).unwrap().parse::<u64>().unwrap()).sum()
}

fn fill(running: &Running, member: &Member, size: u64) {
    let clients = Clients::new(CLIENTS, WAY, running);
    loop {
        let missing = size.saturating_sub(count(running.node()));
        if missing == 0 {
            return;
        }
        clients.submit(&member.statements(missing.min(FILL)), WAY, running);
    }
}

/// Statements a second, and processor time for each in raw verifications: medians of the runs.
fn admit(running: &Running, runs: &[Vec<Vec<u8>>]) -> (f64, f64) {
    let clients = Clients::new(CLIENTS, WAY, running);
    let (mut rates, mut times) = (Vec::new(), Vec::new());
    for statements in runs {
        let before = raw::verification_on_the_processor();
        let used = raw::processor_time();
        let took = clients.submit(statements, WAY, running);
        let used = raw::processor_time().saturating_sub(used);
        let raw = (before + raw::verification_on_the_processor()) / 2;
        let count = f64::from(u32::try_from(statements.len()).unwrap());
        rates.push(count / took.as_secs_f64());
        times.push(used.as_secs_f64() / count / raw.as_secs_f64());
    }
    (median(rates), median(times))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

/// How long a process that does nothing else takes to open the ledger, and the memory that it then holds and held at most.
fn opened_elsewhere(directory: &Path) -> (Duration, u64, u64) {
    let child = Command::new(std::env::current_exe().unwrap()).env(OPENED, directory).output().unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
    let told = String::from_utf8(child.stdout).unwrap();
    let [took, resident, most] = told
        .split_whitespace()
        .map(|number| number.parse::<u64>().unwrap())
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();
    (Duration::from_micros(took), resident, most)
}

/// What the child process does.
pub fn opened(directory: &Path) {
    let started = Instant::now();
    let node = open(directory);
    let took = started.elapsed().as_micros();
    println!("{took} {} {}", memory("VmRSS:"), memory("VmHWM:"));
    drop(node);
}

/// Bytes of this process, as Linux tells them; nought elsewhere.
fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

fn bytes(directory: &Path) -> u64 {
    let files = std::fs::read_dir(directory.join("data")).unwrap();
    files
        .map(|file| file.unwrap().metadata().unwrap())
        .filter(std::fs::Metadata::is_file)
        .map(|file| file.len())
        .sum()
}

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
fn per(bytes: u64, statements: u64) -> f64 {
    bytes as f64 / statements as f64
}
