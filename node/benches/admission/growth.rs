//! How admission, opening again, disk and memory grow with the log. The log is filled as it is measured: by clients that
//! submit signed statements, so that tree, subject index, replay table and database are those of a node of that age. Every
//! statement opens a subject of its own, which is the largest index that a log of that length can have.
//!
//! And how admission grows with the history of one subject (`-- histories` for that alone).

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use countersign_ledger::LogName;
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
    let member = Member::enrol(running.node(), "manufacturer");
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

/// Statements that are admitted at each length of a history.
const EACH: u64 = 1000;
/// One client, whose statements come in the order in which they follow each other.
const IN_ORDER: Way = Way::InProcess { in_flight: 1024 };

/// By default up to a history of 1,000; `COUNTERSIGN_BENCH_FULL=1` goes up to 100,000 and compares 10,000 statements on one
/// subject with as many on subjects of their own.
pub fn histories() {
    let full = std::env::var_os("COUNTERSIGN_BENCH_FULL").is_some();
    let lengths: &[u64] = if full { &[10, 100, 1000, 10_000, 100_000] } else { &[10, 100, 1000] };
    let directory = tempfile::TempDir::new().unwrap();
    let running = open(directory.path()).start().unwrap();
    let authority = Member::enrol(running.node(), "authority");
    let client = Clients::new(1, IN_ORDER, &running);
    let admit = |statements: &[Vec<u8>]| {
        let raw = raw::verification_on_the_processor();
        let used = raw::processor_time();
        let took = client.submit(statements, IN_ORDER, &running);
        let used = raw::processor_time().saturating_sub(used);
        let count = f64::from(u32::try_from(statements.len()).unwrap());
        (count / took.as_secs_f64(), used.as_secs_f64() / count / raw.as_secs_f64())
    };
    let mut history = authority.certificates();
    let mut length = 0;
    for &until in lengths {
        while length < until {
            let more = (until - length).min(FILL);
            client.submit(&history.on_one_subject(more), IN_ORDER, &running);
            length += more;
        }
        let (rate, processor) = admit(&history.on_one_subject(EACH));
        length += EACH;
        println!(
            "histories: after {until} statements on the subject {rate:.0}/s, {processor:.2} x one verification of processor \
             time each"
        );
    }
    let each = if full { 10_000 } else { EACH };
    for run in 1..=RUNS {
        let ((one, of_one), (many, of_many)) =
            (admit(&history.on_one_subject(each)), admit(&history.on_subjects_of_their_own(each)));
        println!(
            "histories: run {run}: {each} on one subject {one:.0}/s and {of_one:.2} x, on as many {many:.0}/s and {of_many:.2} x"
        );
    }
}

fn open(directory: &Path) -> Node {
    let mut config = Config::development(directory.join("data"));
    (config.limits.write_burst, config.limits.writes_per_second) = (1_000_000, 1_000_000);
    Node::open(config).unwrap()
}

fn count(node: &Node) -> u64 {
    let logs = [LogName::TRUST, LogName::SUPPLY];
    logs.iter().map(|&log| node.checkpoint(log).lines().nth(1).unwrap().parse::<u64>().unwrap()).sum()
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
