//! Whatever is lost from what a node keeps, or damaged in it: it does not start with less than was acknowledged, it says what
//! is missing, and it changes nothing.

use std::fs;
use std::path::{Path, PathBuf};

use countersign_ledger::{LogName, Statement};
use countersign_node::{
    Config, LastSignedError, Node, OpenError, RecoveryError, Status, Surroundings, verify,
};
use tempfile::TempDir;

use crate::tried::{Tried, size};
use crate::world::{Member, Site, accepted, enrol};

/// A node that was killed: half of its statements are in the database, half in the write-ahead log.
struct Killed {
    site: Site,
    member: Member,
    statements: Vec<Statement>,
    /// What it left behind.
    left: TempDir,
    /// The same, half way.
    before: TempDir,
    tried: Tried,
}

const STATEMENTS: u64 = 16;

/// What is done to a copy.
type Harm = Box<dyn Fn(&Data<'_>)>;

impl Killed {
    /// One to which a fault happens.
    fn new(tried: Tried) -> Self {
        let site = Site::new();
        let mut node = site.open();
        let member = enrol(&node, "manufacturer", "dm");
        let mut statements = Vec::new();
        let before = TempDir::new().unwrap();
        for number in 0..STATEMENTS {
            if number == STATEMENTS / 2 {
                drop(node);
                copy(&site.config.data, before.path());
                node = site.open();
            }
            let statement = member.sign(&site.request(number));
            accepted(&node, LogName::SUPPLY, &statement);
            statements.push(statement);
        }
        let left = TempDir::new().unwrap();
        // With all of it durable, a copy is what a kill would have left.
        copy(&site.config.data, left.path());
        drop(node);
        Self { site, member, statements, left, before, tried }
    }

    /// A copy of what was left.
    fn copy(&self) -> Data<'_> {
        let directory = TempDir::new().unwrap();
        copy(self.left.path(), directory.path());
        Data { killed: self, directory }
    }
}

/// A fault after which a node has what it acknowledged.
fn lost_by(fault: &'static str) -> Tried {
    Tried::new(fault, "acknowledged statements")
}

struct Data<'a> {
    killed: &'a Killed,
    directory: TempDir,
}

impl Data<'_> {
    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn config(&self) -> Config {
        Config { data: self.directory.path().to_owned(), ..self.killed.site.config.clone() }
    }

    fn open(&self) -> Result<Node, OpenError> {
        Node::open_with(self.config(), self.killed.site.clock.surroundings())
    }

    /// Every statement stands, and the next one as well.
    fn is_whole(&self, node: &Node) {
        let all = &self.killed.statements;
        let stands = |one: &&Statement| matches!(node.sequencer().status(one.id()), Status::Ordered(_));
        let lost = all.len() - all.iter().filter(stands).count();
        self.killed.tried.looked_up(all.len(), lost);
        assert_eq!(lost, 0);
        accepted(node, LogName::SUPPLY, &self.killed.member.sign(&self.killed.site.request(1000)));
    }

    /// The node does not start, says how many entries are missing and whose word that is, and changes nothing.
    fn is_refused(&self, what: &str) {
        let harmed = files(self.directory.path());
        let error = self.open().err().unwrap_or_else(|| panic!("{what}: the node starts"));
        let OpenError::Damaged(RecoveryError::LastSigned(LastSignedError::Behind { signed, found, .. })) =
            &error
        else {
            panic!("{what}: {error}")
        };
        assert!(*signed == STATEMENTS + 1 && found < signed, "{what}: {error}");
        let said = error.to_string();
        for word in ["log-supply", "missing", "Restore"] {
            assert!(said.contains(word), "{what}: {said}");
        }
        let left = files(self.directory.path());
        for (path, bytes) in harmed.iter().filter(|(path, _)| !path.ends_with("ledger.sqlite-shm")) {
            assert!(left.contains(&(path.clone(), bytes.clone())), "{what}: {} was changed", path.display());
        }
        // With what was lost the node starts again.
        for name in ["ledger.sqlite", "ledger.sqlite-wal"] {
            fs::copy(self.killed.left.path().join(name), self.file(name)).unwrap();
        }
        let _ = fs::remove_file(self.file("ledger.sqlite-shm"));
        self.is_whole(&self.open().unwrap());
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false if entry.file_name() == "ledger.sqlite-shm" => {}
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// All files below a directory, and what is in them.
fn files(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push((entry.path(), fs::read(entry.path()).unwrap()));
        }
    }
    found
}

#[test]
fn what_is_gone_from_the_database_is_missed_and_the_node_does_not_start() {
    let killed =
        Killed::new(lost_by("a node's database or write-ahead log removed, cut, emptied or set back"));
    killed.copy().is_whole(&killed.copy().open().unwrap());
    let wal = fs::metadata(killed.left.path().join("ledger.sqlite-wal")).unwrap().len();
    let remove = |names: &'static [&str]| -> Harm {
        Box::new(move |data| names.iter().for_each(|name| fs::remove_file(data.file(name)).unwrap()))
    };
    let cut = |name: &'static str, length: u64| -> Harm {
        Box::new(move |data| {
            fs::File::options().write(true).open(data.file(name)).unwrap().set_len(length).unwrap();
        })
    };
    let harms: Vec<(&str, Harm)> = vec![
        ("the write-ahead log is removed", remove(&["ledger.sqlite-wal"])),
        ("the write-ahead log is emptied", cut("ledger.sqlite-wal", 0)),
        ("the write-ahead log is cut in its first frame", cut("ledger.sqlite-wal", 1000)),
        ("the write-ahead log is cut in the middle", cut("ledger.sqlite-wal", wal / 2)),
        ("the end of the write-ahead log is cut off", cut("ledger.sqlite-wal", wal - 1)),
        ("the database is removed", remove(&["ledger.sqlite"])),
        ("all of it is removed", remove(&["ledger.sqlite", "ledger.sqlite-wal"])),
        (
            "the database is emptied, and its log gone",
            Box::new(|data| {
                fs::write(data.file("ledger.sqlite"), "").unwrap();
                fs::remove_file(data.file("ledger.sqlite-wal")).unwrap();
            }),
        ),
        (
            "an old copy is put in its place",
            Box::new(|data| {
                fs::copy(data.killed.before.path().join("ledger.sqlite"), data.file("ledger.sqlite"))
                    .unwrap();
                fs::remove_file(data.file("ledger.sqlite-wal")).unwrap();
            }),
        ),
    ];
    for (what, harm) in harms {
        let data = killed.copy();
        harm(&data);
        killed.tried.times(1);
        data.is_refused(what);
    }
}

#[test]
fn a_flipped_bit_in_the_write_ahead_log_is_missed() {
    let killed = Killed::new(lost_by("a bit flipped in the write-ahead log"));
    let length = fs::metadata(killed.left.path().join("ledger.sqlite-wal")).unwrap().len();
    // Each frame has 24 bytes of header and a page; each carries the sum of all before it.
    for at in (40..length).step_by(usize::try_from(length).unwrap() / size(12, 200)) {
        killed.tried.times(1);
        let data = killed.copy();
        flip(&data.file("ledger.sqlite-wal"), at);
        data.is_refused(&format!("a bit of byte {at} of the write-ahead log is flipped"));
    }
}

fn flip(path: &Path, at: u64) {
    let mut bytes = fs::read(path).unwrap();
    bytes[usize::try_from(at).unwrap()] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_flipped_bit_in_any_file_is_named_or_changes_nothing() {
    let killed = Killed::new(lost_by("a bit flipped in any file of a node"));
    let genesis = killed.copy().open().unwrap().genesis().clone();
    for (path, bytes) in files(killed.left.path()) {
        let name = path.strip_prefix(killed.left.path()).unwrap().to_str().unwrap().to_owned();
        if name == "lock" || name.starts_with("keys/tls") {
            continue;
        }
        let length = bytes.len() as u64;
        // In `last-signed` there is a slot at the beginning and one in the middle, and nothing between.
        let slots = (0..4000).step_by(size(600, 7)).flat_map(|at| [at, length / 2 + at]);
        let places: Vec<u64> = if name == "last-signed" {
            slots.collect()
        } else {
            (0..length).step_by((usize::try_from(length).unwrap() / size(8, 80)).max(1)).collect()
        };
        for at in places {
            killed.tried.times(1);
            let data = killed.copy();
            flip(&data.file(&name), at);
            match data.open() {
                Ok(node) => {
                    assert!(*node.genesis() == genesis, "{name} at {at}: other trust anchors");
                    data.is_whole(&node);
                }
                Err(error) => {
                    let said = error.to_string();
                    let file = name.rsplit('/').next().unwrap();
                    let signer = file.split('.').next().unwrap();
                    // The genesis says what is wrong with the registrar's certificate.
                    let ledger = name.starts_with("ledger.sqlite") || file == "registrar.crt";
                    let named = ledger || said.contains(file) || said.contains(signer);
                    assert!(named, "{name} at {at}: {said}");
                }
            }
        }
    }
}

#[test]
fn a_key_that_was_exchanged_is_named_at_once() {
    let killed = Killed::new(lost_by("a key exchanged for another"));
    for (file, named) in [
        ("log-supply.p256", "log-supply"),
        ("log-supply.ed25519", "log-supply"),
        ("log-trust.p256", "log-trust"),
        ("witness-2.seed", "witness-2"),
        ("root.p256", "root.p256"),
        ("registrar.p256", "registrar.p256"),
    ] {
        let data = killed.copy();
        fs::write(data.file("keys").join(file), "07".repeat(32) + "\n").unwrap();
        killed.tried.times(1);
        let said = data.open().err().unwrap().to_string();
        assert!(said.contains(named) && said.contains("another key"), "{file}: {said}");
        fs::copy(killed.left.path().join("keys").join(file), data.file("keys").join(file)).unwrap();
        data.is_whole(&data.open().unwrap());
    }
    // Two witnesses with each other's seeds.
    let data = killed.copy();
    let seed = |name| data.file("keys").join(format!("{name}.seed"));
    fs::rename(seed("witness-1"), seed("x")).unwrap();
    fs::rename(seed("witness-3"), seed("witness-1")).unwrap();
    fs::rename(seed("x"), seed("witness-3")).unwrap();
    assert!(data.open().err().unwrap().to_string().contains("witness-1"));
}

#[test]
fn what_was_last_signed_is_restored_from_an_older_copy_and_never_made_anew() {
    let killed = Killed::new(lost_by("what was last signed removed, older, or of another history"));
    killed.tried.times(1);
    let data = killed.copy();
    let file = data.file("last-signed");
    fs::remove_file(&file).unwrap();
    let said = data.open().err().unwrap().to_string();
    assert!(said.contains("last-signed") && said.contains("missing"), "{said}");
    assert!(!file.exists());
    fs::copy(killed.before.path().join("last-signed"), &file).unwrap();
    data.is_whole(&data.open().unwrap());
    // Signers that have signed another history of the same log refuse this one, be that longer or shorter.
    for statements in [2, STATEMENTS] {
        let other = Site::new();
        copy(killed.before.path(), &other.config.data);
        let node = other.open();
        for number in 0..statements {
            accepted(&node, LogName::SUPPLY, &killed.member.sign(&other.request(5000 + number)));
        }
        drop(node);
        killed.tried.times(1);
        let data = killed.copy();
        fs::copy(other.config.data.join("last-signed"), data.file("last-signed")).unwrap();
        match data.open().err().unwrap() {
            OpenError::Damaged(RecoveryError::LastSigned(
                LastSignedError::Fork { signer, .. } | LastSignedError::Behind { signer, .. },
            )) => assert_eq!(signer, "log-supply"),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn verify_tells_what_is_whole_of_a_node_that_runs_and_of_one_that_is_stopped() {
    let killed = Killed::new(Tried::new("a part of a node's data damaged, and verified", "findings"));
    let data = killed.copy();
    let families = || Surroundings::default().families;
    let whole = |data: &Data<'_>| verify(&data.config(), families(), |_, _, _| ()).unwrap();
    let (stopped, mut seen) = (whole(&data), Vec::new());
    assert!(stopped.is_whole(), "{stopped:?}");
    let said: Vec<_> = stopped.findings.iter().map(|found| found.result.clone().unwrap()).collect();
    assert!(said.iter().any(|said| said.contains("17 in 17 blocks")), "{said:?}");
    assert_eq!(stopped.findings.len(), 2 + 2 + 5 + 1);
    let node = data.open().unwrap();
    let running = verify(&data.config(), families(), |_, done, all| seen.push((done, all))).unwrap();
    assert!(running.is_whole(), "{running:?}");
    assert_eq!(seen.last(), Some(&(17, 17)));
    drop(node);

    let data = killed.copy();
    fs::remove_file(data.file("ledger.sqlite")).unwrap();
    let bad: Vec<_> = whole(&data).findings.into_iter().filter_map(|found| found.result.err()).collect();
    // Neither the database, nor what was signed last in `supply` by its log and by three witnesses.
    assert_eq!(bad.len(), 1 + 4, "{bad:?}");

    for (what, harm, parts) in [
        ("DELETE FROM blocks WHERE height = 9", "", "statements"),
        ("UPDATE checkpoints SET note = replace(note, '6', '7')", "", "log"),
        ("INSERT INTO blobs (digest, length) VALUES (zeroblob(32), 9)", "", "blobs"),
        ("", "last-signed", "signer"),
        ("", "ledger.sqlite-wal", "signer"),
    ] {
        killed.tried.times(1);
        let data = killed.copy();
        if !what.is_empty() {
            rusqlite::Connection::open(data.file("ledger.sqlite")).unwrap().execute(what, []).unwrap();
        }
        if !harm.is_empty() {
            fs::write(data.file(harm), "").unwrap();
        }
        let report = whole(&data);
        let bad: Vec<_> = report.findings.iter().filter(|found| found.result.is_err()).collect();
        assert!(
            !report.is_whole() && bad.iter().all(|found| found.part.to_string() == parts),
            "{what}{harm}: {bad:?}"
        );
        killed.tried.looked_up(1, 0);
    }
}

#[test]
fn verify_finds_a_statement_whose_signature_is_not_its_signers() {
    let killed = Killed::new(Tried::new("a part of a node's data damaged, and verified", "findings"));
    let data = killed.copy();
    // A statement that another key has signed in the member's name, entered as an intruder with the disk would: with its
    // id, block and checkpoint all made to fit, which takes every key of the node, so only the signature tells.
    let sound = verify(&data.config(), Surroundings::default().families, |_, _, _| ()).unwrap();
    assert!(sound.is_whole());
    let connection = rusqlite::Connection::open(data.file("ledger.sqlite")).unwrap();
    let body = killed.statements[3].as_bytes();
    let mut forged = body.to_vec();
    *forged.last_mut().unwrap() ^= 1;
    let changed = connection
        .execute(
            "UPDATE statements SET bytes = ?, id = ? WHERE bytes = ?",
            rusqlite::params![forged, countersign_ledger::Hash::of(&forged).as_bytes(), body],
        )
        .unwrap();
    assert_eq!(changed, 1);
    drop(connection);
    killed.tried.times(1);
    let report = verify(&data.config(), Surroundings::default().families, |_, _, _| ()).unwrap();
    let statements = report.findings.iter().find(|found| found.part.to_string() == "statements").unwrap();
    assert!(statements.result.is_err(), "{report:?}");
    killed.tried.looked_up(1, 0);
}
