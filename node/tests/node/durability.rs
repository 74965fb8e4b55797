//! What survives: a stop, a kill at every commit point and at random, and a damaged file, which is noticed.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use countersign_ledger::{Hash, LogName, Statement};
use countersign_node::{CommitPoint, Config, Node, OpenError, Outcome, RecoveryError, Status, Surroundings};

use crate::life::{Life, STEPS};
use crate::tried::{Tried, size};
use crate::world::{Site, accepted, enrol, open_patiently, random, submit};

/// Set in the environment of a child process: the test then plays the victim.
const VICTIM: &str = "COUNTERSIGN_TEST_VICTIM";

fn roots(node: &Node) -> BTreeMap<String, String> {
    let running = [LogName::TRUST, LogName::SUPPLY].map(|log| (log.to_string(), checkpoint_text(node, log)));
    running.into()
}

/// The text of a log's newest checkpoint, without its signatures.
fn checkpoint_text(node: &Node, log: LogName) -> String {
    node.checkpoint(log).split("\n\n").next().unwrap().to_owned()
}

#[test]
fn the_ledger_is_the_same_after_a_restart_between_any_two_steps() {
    let site = Site::new();
    let mut node = site.open();
    let mut life = Life::new(&site, &node);
    for step in STEPS {
        // The earlier statements come from the database, for nothing is left in memory.
        life.admit(&node, step);
        let before = roots(&node);
        let blocks = node.sequencer().blocks(1, 256).unwrap();
        drop(node);
        node = site.open();
        assert_eq!(roots(&node), before, "{step}");
        assert_eq!(node.sequencer().blocks(1, 256).unwrap(), blocks, "{step}");
    }
}

#[test]
fn revocations_and_replays_are_remembered_over_a_restart() {
    let site = Site::new();
    let node = site.open();
    let manufacturer = enrol(&node, "manufacturer", "dm");
    let good = enrol(&node, "manufacturer", "dm-2");
    let spec = site.request(1);
    accepted(&node, LogName::SUPPLY, &good.sign(&spec));
    node.revoke(manufacturer.certificate.fingerprint()).unwrap();
    drop(node);
    let node = site.open();
    let replayed = {
        let mut other = site.request(2);
        other.cti = spec.cti;
        good.sign(&other)
    };
    let refused = |statement: &Statement| crate::world::refusal(&node, LogName::SUPPLY, statement);
    assert_eq!(refused(&replayed), "replay");
    assert_eq!(refused(&manufacturer.sign(&site.request(3))), "revoked");
    accepted(&node, LogName::SUPPLY, &good.sign(&site.request(4)));
}

#[test]
fn a_second_node_is_kept_out_of_the_directory() {
    let site = Site::new();
    let node = site.open();
    assert!(matches!(site.try_open(), Err(OpenError::Locked(_))));
    drop(node);
    site.open();
}

#[test]
fn a_key_that_is_gone_is_named_and_never_made_anew() {
    for name in [
        "root.crt",
        "registrar.crt",
        "log-supply.p256",
        "log-trust.ed25519",
        "witness-2.seed",
        "tls-root.pem",
    ] {
        let site = Site::new();
        drop(site.open());
        std::fs::remove_file(site.config.data.join("keys").join(name)).unwrap();
        let error = site.try_open().err().unwrap().to_string();
        assert!(error.contains(name) && error.contains("missing"), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn everything_is_made_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut site = Site::new();
    site.config.listen.set_port(0);
    let running = site.open().start().unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let (mut folders, mut files) = (vec![site.config.data.clone()], Vec::new());
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        assert_eq!(mode(&folder), 0o700, "{}", folder.display());
        for path in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            seen += 1;
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    // A folder, 14 secrets, what was signed; genesis, lock, socket, and three files of each database.
    assert_eq!(seen, 1 + 14 + 1 + 3 + 2 * 3);
    running.stop();
}

/// A ledger with a few statements, stopped, with everything in one file.
fn small_ledger() -> (Site, Vec<Statement>) {
    let site = Site::new();
    let node = site.open();
    let manufacturer = enrol(&node, "manufacturer", "dm");
    let statements: Vec<_> = (0..6).map(|i| manufacturer.sign(&site.request(i))).collect();
    for statement in &statements {
        accepted(&node, LogName::SUPPLY, statement);
    }
    drop(node);
    (site, statements)
}

#[test]
fn one_flipped_byte_in_a_statement_is_found_at_open() {
    let (site, statements) = small_ledger();
    let sound = std::fs::read(site.database()).unwrap();
    let body = statements[3].as_bytes();
    let tried = Tried::new("a bit flipped in the database", "starts: refused, or with the same ledger");
    let at = sound.windows(body.len()).position(|window| window == body).unwrap();
    for offset in (0..body.len()).step_by(7) {
        let mut damaged = sound.clone();
        damaged[at + offset] ^= 0x10;
        tried.times(1);
        std::fs::write(site.database(), &damaged).unwrap();
        match site.try_open() {
            Err(OpenError::Damaged(RecoveryError::Entry { log: LogName::SUPPLY, index: 4, .. })) => {}
            Err(other) => panic!("byte {offset}: {other}"),
            Ok(_) => panic!("byte {offset} was not missed"),
        }
        tried.looked_up(1, 0);
    }
    std::fs::write(site.database(), &sound).unwrap();
    site.open();
}

#[test]
fn any_flipped_byte_that_matters_is_found_at_open() {
    let (site, _) = small_ledger();
    let sound = std::fs::read(site.database()).unwrap();
    let node = site.open();
    let whole = roots(&node);
    drop(node);
    let tried = Tried::new("a bit flipped in the database", "starts: refused, or with the same ledger");
    for at in (0..sound.len()).step_by(size(211, 19)) {
        tried.times(1);
        let mut damaged = sound.clone();
        damaged[at] ^= 0x01;
        std::fs::write(site.database(), &damaged).unwrap();
        // Either the node refuses, or the byte was none of the ledger's (free space, counters of SQLite).
        if let Ok(node) = site.try_open() {
            assert_eq!(roots(&node), whole, "byte {at}");
            let blocks = node.sequencer().blocks(1, 256).unwrap();
            assert_eq!(blocks.iter().map(|block| block.statements.len()).sum::<usize>(), 7, "byte {at}");
        }
        tried.looked_up(1, 0);
        std::fs::write(site.database(), &sound).unwrap();
        let _ = std::fs::remove_file(site.database().with_extension("sqlite-wal"));
        let _ = std::fs::remove_file(site.database().with_extension("sqlite-shm"));
    }
}

#[test]
fn a_statement_that_was_taken_out_of_the_database_is_missed() {
    let tried = Tried::new("a row of the database removed, moved or changed", "refusals to start");
    for sql in [
        "DELETE FROM statements WHERE number = (SELECT max(number) FROM statements)",
        "DELETE FROM statements WHERE number = 3",
        "UPDATE statements SET number = number + 1 WHERE number = (SELECT max(number) FROM statements)",
        "UPDATE statements SET log = 'trust' WHERE number = 3",
        "DELETE FROM blocks WHERE height = 3",
        "DELETE FROM blocks WHERE height = (SELECT max(height) FROM blocks)",
        "DELETE FROM checkpoints",
        "UPDATE checkpoints SET note = replace(note, 'ledger.meds.example/supply', 'ledger.meds.example/trust')",
        "UPDATE blocks SET time = time + 1 WHERE height = 2",
        "UPDATE statements SET id = randomblob(32) WHERE number = 4",
        "UPDATE checkpoints SET note = (SELECT note FROM checkpoints WHERE log = 'trust') WHERE log = 'supply'",
        "UPDATE checkpoints SET note = replace(note, '7', '6')",
    ] {
        let (site, _) = small_ledger();
        let connection = rusqlite::Connection::open(site.database()).unwrap();
        assert!(connection.execute(sql, []).unwrap() > 0, "{sql}");
        drop(connection);
        tried.times(1);
        assert!(matches!(site.try_open(), Err(OpenError::Damaged(_))), "{sql}");
        tried.looked_up(1, 0);
    }
}

/// What a victim tells its parent: one line for each acknowledged statement.
fn play_victim(mode: &str) {
    let directory = std::env::var("COUNTERSIGN_TEST_DIRECTORY").unwrap();
    let point = mode.strip_prefix("point:").map(|at| CommitPoint::ALL[at.parse::<usize>().unwrap()]);
    let passed = AtomicUsize::new(0);
    // The first blocks enrol, and each log is signed when it is empty; the one that dies is a later one.
    let dies = if point == Some(CommitPoint::Recorded) { 5 } else { 3 };
    let observer = move |at: CommitPoint| {
        if Some(at) == point && passed.fetch_add(1, Ordering::SeqCst) == dies {
            // By its own hand, and as a stranger would: nothing is flushed, closed or rolled back.
            let _ = Command::new("kill").args(["-KILL", &std::process::id().to_string()]).status();
            std::thread::park();
        }
    };
    let surroundings = Surroundings { observer: Box::new(observer), ..Surroundings::default() };
    let node =
        Node::open_with(Config::development(Path::new(&directory).join("data")), surroundings).unwrap();
    let mut site = Site::new();
    site.config.data = Path::new(&directory).join("data");
    let member = enrol(&node, "manufacturer", &format!("dm-{}", u64::from_be_bytes(random())));
    std::thread::scope(|scope| {
        for _ in 0..if point.is_some() { 1 } else { 4 } {
            scope.spawn(|| {
                loop {
                    let mut spec = site.request(u64::from_be_bytes(random()) >> 8);
                    spec.at = countersign_node::system_clock()();
                    let statement = member.sign(&spec);
                    println!("submitted {}", statement.id());
                    match submit(&node, LogName::SUPPLY, &statement) {
                        Outcome::Accepted(ordered) => {
                            println!("acknowledged {} {}", statement.id(), ordered.place.index);
                        }
                        other => panic!("{other:?}"),
                    }
                }
            });
        }
    });
}

/// Runs this test binary again as a victim and returns what it said before it died.
fn run_victim(test: &str, mode: &str, directory: &Path, kill_after: Option<Duration>) -> String {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(VICTIM, mode)
        .env("COUNTERSIGN_TEST_DIRECTORY", directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    if let Some(delay) = kill_after {
        std::thread::sleep(delay);
        child.kill().unwrap();
    }
    let output = child.wait_with_output().unwrap();
    assert!(!output.status.success(), "the victim did not die");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn left_behind(directory: &Path) -> Node {
    open_patiently(|| Node::open(Config::development(directory.join("data")))).unwrap()
}

/// Opens what a victim left behind and checks that each acknowledged statement stands, once, where it was said to.
fn examine(directory: &Path, said: &str, tried: &Tried) -> usize {
    tried.times(1);
    let node = left_behind(directory);
    let (mut acknowledged, mut lost) = (0, Vec::new());
    for line in said.lines() {
        if let ["acknowledged", id, index] = line.split(' ').collect::<Vec<_>>()[..] {
            acknowledged += 1;
            match node.sequencer().status(id.parse().unwrap()) {
                Status::Ordered(ordered) if ordered.place.index.to_string() == index => {}
                other => lost.push((id, other)),
            }
        }
    }
    tried.looked_up(acknowledged, lost.len());
    assert!(lost.is_empty(), "acknowledged, and gone: {lost:?}");
    let mut seen = std::collections::BTreeSet::new();
    let mut height = 1;
    loop {
        let blocks = node.sequencer().blocks(height, 256).unwrap();
        let Some(last) = blocks.last() else { break };
        height = last.height + 1;
        for (_, statement) in blocks.iter().flat_map(|block| &block.statements) {
            assert!(seen.insert(Hash::of(statement)), "a statement stands twice");
        }
    }
    let size = node.checkpoint(LogName::SUPPLY).lines().nth(1).unwrap().parse::<usize>().unwrap();
    assert_eq!(seen.len(), size);
    acknowledged
}

#[test]
fn a_crash_at_any_commit_point_loses_nothing_that_was_acknowledged() {
    if let Ok(mode) = std::env::var(VICTIM) {
        return play_victim(&mode);
    }
    let name = "durability::a_crash_at_any_commit_point_loses_nothing_that_was_acknowledged";
    let tried = Tried::new("kill -9 at each commit point in turn", "acknowledged statements");
    let points = || CommitPoint::ALL.into_iter().enumerate();
    for (at, point) in std::iter::repeat_with(points).take(size(1, 20)).flatten() {
        let directory = tempfile::TempDir::new().unwrap();
        let said = run_victim(name, &format!("point:{at}"), directory.path(), None);
        let submitted: Vec<Hash> =
            said.lines().filter_map(|line| line.strip_prefix("submitted ")?.parse().ok()).collect();
        let acknowledged = examine(directory.path(), &said, &tried);
        // Enrolled, two acknowledged, and the third on its way when the process died. Who has been told of the third may
        // have submitted a fourth before.
        let most = if point == CommitPoint::Acknowledged { 4 } else { 3 };
        assert!((3..=most).contains(&submitted.len()), "{point:?}: {said}");
        assert!(acknowledged >= 2, "{point:?}: {said}");
        let node = left_behind(directory.path());
        let survived = matches!(node.sequencer().status(submitted[2]), Status::Ordered(_));
        let durable = at >= CommitPoint::ALL.iter().position(|p| *p == CommitPoint::Committed).unwrap();
        assert_eq!(survived, durable, "{point:?}");
    }
}

#[test]
fn a_kill_at_a_random_moment_under_load_loses_nothing_that_was_acknowledged() {
    if let Ok(mode) = std::env::var(VICTIM) {
        return play_victim(&mode);
    }
    let name = "durability::a_kill_at_a_random_moment_under_load_loses_nothing_that_was_acknowledged";
    let directory = tempfile::TempDir::new().unwrap();
    let mut acknowledged = 0;
    let tried = Tried::new("kill -9 at a random moment, 4 threads submitting", "acknowledged statements");
    for _ in 0..size(5, 50) {
        // One directory throughout: each victim takes up what the one before it left.
        let [byte] = random::<1>();
        let delay = Duration::from_millis(400 + 4 * u64::from(byte));
        let said = run_victim(name, "random", directory.path(), Some(delay));
        acknowledged += examine(directory.path(), &said, &tried);
    }
    assert!(acknowledged > 0);
}
