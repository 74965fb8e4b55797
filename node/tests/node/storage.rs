//! A database that another process has locked, and a disk that is full: the node takes no statements, reads on, says why, and
//! goes on by itself.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use countersign_custody::SerialSet;
use countersign_ledger::{Hash, LogName, Statement};
use countersign_node::{Config, Halt, Node, Outcome, Request, Running, Status, operate, restore};

use crate::life::{Life, STEPS};
use crate::tried::{Tried, size};
use crate::world::{Client, Member, Site, accepted, enrol, stream, submit};

const LOCKED: &str = "the database locked by another process";
const FULL: &str = "a full disk, at every write in turn";
/// How much more room is left each time: what such a file system gives at once.
const PAGE: usize = 4096;

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
fn all_ordered(node: &Node, statements: &[Statement], tried: &Tried) {
    for statement in statements {
        match submit(node, LogName::SUPPLY, statement) {
            Outcome::Accepted(_) | Outcome::Duplicate(_) => {}
            other => panic!("{other:?}"),
        }
    }
    let ordered = stream(node.sequencer());
    let times = |one: &Statement| ordered.iter().filter(|(_, bytes)| bytes == one.as_bytes()).count();
    let lost = statements.iter().filter(|one| times(one) != 1).count();
    tried.looked_up(statements.len(), lost);
    assert_eq!(lost, 0);
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
    let tried = Tried::new(LOCKED, "submitted statements");
    for round in 1..=2 {
        tried.times(1);
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
        all_ordered(node, &statements[..4 * round], &tried);
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
    let tried = Tried::new(LOCKED, "submitted statements");
    tried.times(1);
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
    all_ordered(&node, &[first, second], &tried);
}

/// A file system of a few megabytes, as only root may make one.
pub struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    pub fn new() -> Option<Self> {
        let directory = tempfile::TempDir::new().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=16m", "countersign-test"])
            .arg(directory.path())
            .status()
            .is_ok_and(|status| status.success());
        mounted.then(|| Self(directory))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Fills it, but for so many bytes.
    pub fn fill(&self, but: usize) {
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

    pub fn free(&self) {
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
    let tried = Tried::new(FULL, "submitted statements");
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
    for room in 0..size(9, 100) {
        disk.fill(room * PAGE);
        tried.times(1);
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
        all_ordered(node, &statements, &tried);
    }
    assert!(stood_still >= 5, "{stood_still}");
    running.stop();
    all_ordered(&site.open(), &statements, &tried);
}

#[test]
fn a_node_that_starts_on_a_full_disk_reads_and_goes_on_when_there_is_room() {
    let tried = Tried::new(FULL, "submitted statements");
    let Some(disk) = SmallDisk::new() else {
        println!("skipped: only root may make a small disk");
        return;
    };
    let mut site = Site::new();
    site.config = Config::development(disk.path().join("data"));
    let node = site.open();
    let member = enrol(&node, "manufacturer", "dm");
    drop(node);
    let mut statements = Vec::new();
    for room in 0..size(4, 40) {
        let statement = member.sign(&site.request(room as u64));
        statements.push(statement.clone());
        tried.times(1);
        disk.fill(room * PAGE);
        if let Ok(node) = site.try_open() {
            let _ = submit(&node, LogName::SUPPLY, &statement);
            assert!(node.checkpoint(LogName::SUPPLY).contains("ledger.meds.example/supply"));
            disk.free();
            eventually("it goes on", || node.sequencer().health().accepting);
            all_ordered(&node, &statements, &tried);
        } else {
            // SQLite's own memory of the log has no room either: then it starts when there is.
            disk.free();
            all_ordered(&site.open(), &statements, &tried);
        }
    }
}

#[test]
fn a_first_start_that_a_full_disk_cuts_off_is_completed_by_the_next() {
    let tried = Tried::new("a full disk, at every write of a first start", "submitted statements");
    let Some(disk) = SmallDisk::new() else {
        println!("skipped: only root may make a small disk");
        return;
    };
    let (mut cut, mut room) = (0, 0);
    loop {
        let mut site = Site::new();
        site.config = Config::development(disk.path().join("data"));
        disk.fill(room * PAGE);
        tried.times(1);
        let first = site.try_open().map(drop);
        disk.free();
        let node =
            site.try_open().unwrap_or_else(|error| panic!("after {first:?} with {room} pages: {error}"));
        let member = enrol(&node, "manufacturer", "dm");
        all_ordered(&node, &[member.sign(&site.request(1))], &tried);
        drop(node);
        fs::remove_dir_all(&site.config.data).unwrap();
        if first.is_ok() {
            break;
        }
        cut += 1;
        room += 5 / size(1, 5);
    }
    assert!(cut >= 5, "{cut}");
}

#[test]
fn uploads_backups_and_restores_that_a_full_disk_cuts_off_leave_nothing_and_are_completed() {
    let tried = Tried::new("a full disk, during an upload, a backup or a restore", "blobs and backups");
    let Some(disk) = SmallDisk::new() else {
        println!("skipped: only root may make a small disk");
        return;
    };
    let mut site = Site::new();
    site.config = Config::development(disk.path().join("data"));
    let running = site.open().start().unwrap();
    let client = Client::new(running.node().genesis(), running.addr());
    let mut life = Life::new(&site, running.node());
    life.serials = SerialSet::new((0..200_000).map(|serial| format!("S{serial}"))).unwrap();
    STEPS[..5].iter().for_each(|step| life.admit(running.node(), step));
    let commission = life.sign("commission");
    let waits = client.post("/supply/entries", commission.as_bytes());
    assert_eq!(waits.problem(), (409, "promise-not-held".to_owned()));
    let filter = life.serials.filter_bytes();
    let path = format!("/blob/{}", Hash::of(filter));
    let pages = filter.len() / PAGE;
    let mut cut = 0;
    // Its file has no room, or the database has none for it.
    let rooms = || (0..3 * pages).step_by((3 * pages) / size(12, 80));
    for room in rooms() {
        disk.fill(room * PAGE);
        tried.times(1);
        let answer = client.put(&path, filter);
        let read = client.get("/supply/checkpoint").status;
        disk.free();
        assert_eq!(read, 200);
        if answer.status == 204 {
            break;
        }
        assert_eq!(answer.problem(), (503, "storage".to_owned()), "{room} pages");
        cut += 1;
    }
    assert!(cut >= 6, "{cut}");
    assert_eq!(client.put(&path, filter).status, 204);
    assert_eq!(client.get(&path).body, filter);
    tried.looked_up(1, 0);
    eventually("it goes on", || running.node().sequencer().health().accepting);
    assert_eq!(client.post("/supply/entries", commission.as_bytes()).status, 303);

    let to = disk.path().join("backup");
    let backup = || operate(&site.config, &Request::Backup { to: to.clone() });
    let mut cut = 0;
    for room in rooms() {
        disk.fill(room * PAGE);
        tried.times(1);
        let made = backup();
        disk.free();
        if made.is_ok() {
            break;
        }
        assert!(!to.exists(), "{room} pages: what is unfinished is left");
        cut += 1;
    }
    assert!(cut >= 2, "{cut}");
    if !to.exists() {
        backup().unwrap();
    }
    running.stop();
    let data = disk.path().join("restored");
    fs::create_dir_all(data.join("keys")).unwrap();
    for file in fs::read_dir(site.config.data.join("keys")).unwrap().map(Result::unwrap) {
        fs::copy(file.path(), data.join("keys").join(file.file_name())).unwrap();
    }
    fs::copy(site.config.data.join("last-signed"), data.join("last-signed")).unwrap();
    let restored = Config { data, ..site.config.clone() };
    for room in rooms() {
        disk.fill(room * PAGE);
        tried.times(1);
        let whole = restore(&restored, &to);
        disk.free();
        if whole.is_ok() {
            break;
        }
        let left =
            ["ledger.sqlite", "ledger.sqlite-wal", "genesis.json"].map(|name| restored.data.join(name));
        assert!(left.iter().all(|path| !path.exists()), "{room} pages: what is unfinished is left");
    }
    if !restored.data.join("ledger.sqlite").exists() {
        restore(&restored, &to).unwrap();
    }
    assert!(matches!(Node::open(restored).unwrap().sequencer().status(commission.id()), Status::Ordered(_)));
    tried.looked_up(1, 0);
}
