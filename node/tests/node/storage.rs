//! A database that another process has locked, and a disk that is full: the node takes no statements, reads on, says why, and
//! goes on by itself.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use countersign_ledger::{LogName, Statement};
use countersign_node::{Config, Halt, Node, Outcome, Running, Status};

use crate::world::{Client, Member, Site, accepted, enrol, submit};

/// Waits until something is so.
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Takes no statements, says so, and reads.
fn stands_still(running: &Running, client: &Client, statement: &Statement) {
    let answer = client.post("/supply/entries", statement.as_bytes());
    assert_eq!((answer.header("retry-after"), answer.problem()), ("5", (503, "storage".to_owned())));
    let health = String::from_utf8(client.get("/health").body).unwrap();
    assert!(health.contains("\"halted\":\"storage\"") && health.contains("\"accepting\":false"), "{health}");
    let metrics = crate::world::metrics(running);
    assert!(metrics.contains("countersign_halted{reason=\"storage\"} 1"), "{metrics}");
    let started = Instant::now();
    assert_eq!(client.get("/supply/checkpoint").status, 200);
    let size = running.node().checkpoint(LogName::SUPPLY).lines().nth(1).unwrap().to_owned();
    assert_eq!(client.get(&format!("/supply/families/{size}?s=x")).status, 200);
    assert!(started.elapsed() < Duration::from_secs(1), "reading waits as well");
}

/// Everything that was submitted is ordered once, whatever was answered.
fn all_ordered(node: &Node, statements: &[Statement]) {
    for statement in statements {
        match submit(node, LogName::SUPPLY, statement) {
            Outcome::Accepted(_) | Outcome::Duplicate(_) => {}
            other => panic!("{other:?}"),
        }
    }
    let blocks = node.sequencer().blocks(1, 256).unwrap();
    let ordered: Vec<_> = blocks.iter().flat_map(|block| &block.statements).collect();
    for statement in statements {
        let times = ordered.iter().filter(|(_, bytes)| bytes == statement.as_bytes()).count();
        assert_eq!(times, 1);
    }
}

#[test]
fn a_database_locked_by_another_process_stops_writing_alone_until_it_is_released() {
    let site = Site::new();
    let running = site.open().start().unwrap();
    let node = running.node();
    let client = Client::new(node.genesis(), running.addr());
    let member = enrol(node, "manufacturer", "dm");
    let statements: Vec<_> = (0..8).map(|number| member.sign(&site.request(number))).collect();
    accepted(node, LogName::SUPPLY, &statements[0]);
    let other = rusqlite::Connection::open(site.database()).unwrap();
    for round in 1..=2 {
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        // Those that wait are told, each of them, and soon.
        let started = Instant::now();
        std::thread::scope(|scope| {
            let waiting: Vec<_> = statements[..4 * round]
                .iter()
                .skip(1)
                .map(|one| scope.spawn(|| submit(node, LogName::SUPPLY, one)))
                .collect();
            for outcome in waiting {
                let outcome = outcome.join().unwrap();
                assert!(
                    matches!(outcome, Outcome::Halted(Halt::Storage) | Outcome::Duplicate(_)),
                    "{outcome:?}"
                );
            }
        });
        assert!(started.elapsed() < Duration::from_secs(10));
        stands_still(&running, &client, &statements[7]);
        other.execute_batch("ROLLBACK").unwrap();
        eventually("it goes on", || node.sequencer().health().accepting);
        all_ordered(node, &statements[..4 * round]);
    }
    let metrics = crate::world::metrics(&running);
    assert!(metrics.contains("countersign_halts_total{reason=\"storage\"} 2"), "{metrics}");
    let checkpoint = node.checkpoint(LogName::SUPPLY);
    running.stop();
    let text = |note: &str| note.split("\n\n").next().unwrap().to_owned();
    assert_eq!(text(&site.open().checkpoint(LogName::SUPPLY)), text(&checkpoint));
}

#[test]
fn a_node_stops_while_the_database_is_locked_and_nothing_is_lost() {
    let site = Site::new();
    let node = site.open();
    let member = enrol(&node, "manufacturer", "dm");
    let first = member.sign(&site.request(1));
    accepted(&node, LogName::SUPPLY, &first);
    let other = rusqlite::Connection::open(site.database()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let second = member.sign(&site.request(2));
    assert_eq!(submit(&node, LogName::SUPPLY, &second), Outcome::Halted(Halt::Storage));
    let started = Instant::now();
    drop(node);
    assert!(started.elapsed() < Duration::from_secs(15));
    drop(other);
    let node = site.open();
    assert!(matches!(node.sequencer().status(first.id()), Status::Ordered(_)));
    all_ordered(&node, &[first, second]);
}

/// A file system of a few megabytes, as only root may make one.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn new() -> Option<Self> {
        let directory = tempfile::TempDir::new().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=4m", "countersign-test"])
            .arg(directory.path())
            .status()
            .is_ok_and(|status| status.success());
        mounted.then(|| Self(directory))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Fills it, but for so many bytes.
    fn fill(&self, but: usize) {
        use std::io::Write as _;
        let mut ballast = fs::File::create(self.path().join("ballast")).unwrap();
        let mut block = 64 * 1024;
        while block > 0 {
            if ballast.write_all(&vec![1; block]).is_err() {
                block /= 2;
            }
        }
        let length = ballast.metadata().unwrap().len();
        ballast.set_len(length.saturating_sub(but as u64)).unwrap();
    }

    fn free(&self) {
        fs::remove_file(self.path().join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

#[test]
fn a_full_disk_stops_writing_alone_until_there_is_room_whichever_write_fails() {
    let Some(disk) = SmallDisk::new() else {
        println!("skipped: only root may make a small disk");
        return;
    };
    let mut site = Site::new();
    site.config = Config::development(disk.path().join("data"));
    let running = site.open().start().unwrap();
    let node = running.node();
    let client = Client::new(node.genesis(), running.addr());
    let member: Member = enrol(node, "manufacturer", "dm");
    let mut statements = Vec::new();
    let mut stood_still = 0;
    // With more and more room the write that fails is a later one, until none does.
    for room in [0, 4, 8, 12, 16, 24, 32] {
        disk.fill(room * 1024);
        for _ in 0..6 {
            let statement = member.sign(&site.request(statements.len() as u64));
            statements.push(statement.clone());
            match submit(node, LogName::SUPPLY, &statement) {
                Outcome::Accepted(_) => {}
                Outcome::Halted(Halt::Storage) => {
                    stood_still += 1;
                    stands_still(&running, &client, &statement);
                    break;
                }
                other => panic!("{other:?}"),
            }
        }
        disk.free();
        eventually("it goes on", || node.sequencer().health().accepting);
        all_ordered(node, &statements);
    }
    assert!(stood_still >= 5, "{stood_still}");
    running.stop();
    all_ordered(&site.open(), &statements);
}

#[test]
fn a_node_that_starts_on_a_full_disk_reads_and_goes_on_when_there_is_room() {
    let Some(disk) = SmallDisk::new() else {
        println!("skipped: only root may make a small disk");
        return;
    };
    let mut site = Site::new();
    site.config = Config::development(disk.path().join("data"));
    let node = site.open();
    let member = enrol(&node, "manufacturer", "dm");
    let statement = member.sign(&site.request(1));
    drop(node);
    disk.fill(0);
    let Ok(node) = site.try_open() else {
        // SQLite's own memory of the log has no room either: then it starts when there is.
        disk.free();
        accepted(&site.open(), LogName::SUPPLY, &statement);
        return;
    };
    let _ = submit(&node, LogName::SUPPLY, &statement);
    assert!(node.checkpoint(LogName::SUPPLY).contains("ledger.meds.example/supply"));
    disk.free();
    eventually("it goes on", || node.sequencer().health().accepting);
    all_ordered(&node, &[statement]);
}
