//! A store that is killed at each of its steps, or has no room at one of them: nothing that was acknowledged is lost, and no
//! wrap that was withdrawn is ever served again.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use countersign_ledger::{Certificate, Hash, SoftwareKey};
use countersign_node::{CommitPoint, KeepPoint, Node, Outcome, Surroundings};
use countersign_records::rules::{AUTHORITY, Mode, OWNER};
use countersign_records::{RecordId, Row, Taken};

use super::clinic::{
    AT_ONCE, Ask, Clinic, MINUTE, Owner, Shared, eventually, file, full, line, read, refused, shared, site,
};
use crate::storage::SmallDisk;
use crate::tried::{Tried, size};
use crate::world::{Client, Member, Site, enrol, submit};

const VICTIM: &str = "COUNTERSIGN_TEST_VICTIM";
const DIRECTORY: &str = "COUNTERSIGN_TEST_DIRECTORY";
const RECORD: RecordId = RecordId([0x77; 16]);

/// The same bytes for the same seed, so that a parent knows what its victim has brought.
fn bytes(seed: &str, length: usize) -> Vec<u8> {
    let chunk = |at: usize| Hash::of(format!("{seed} {at}").as_bytes()).0;
    (0..length.div_ceil(32)).flat_map(chunk).take(length).collect()
}

/// The objects of a round: wraps and one body are new, the others are those of every round.
fn objects(round: usize) -> Shared {
    let bodies = [format!("body {round}"), "body a".to_owned(), "body b".to_owned()];
    let mut shared = Shared::of(bodies.iter().map(|seed| bytes(seed, 2500)).collect());
    shared.objects[0] = bytes("document", 1500);
    shared.objects[1] = bytes(&format!("wraps {round}"), 1100);
    shared.row.document = Hash::of(&shared.objects[0]);
    shared.row.wraps = Hash::of(&shared.objects[1]);
    shared
}

fn site_at(directory: &Path) -> Site {
    let mut site = site();
    site.config.data = directory.join("data");
    site
}

/// Dies by its own hand, and as a stranger would: nothing is flushed, closed or rolled back.
fn die() {
    let _ = Command::new("kill").args(["-KILL", &std::process::id().to_string()]).status();
    std::thread::park();
}

fn keep_member(directory: &Path, name: &str, member: &Member) {
    std::fs::write(directory.join(format!("{name}.key")), member.key.to_bytes()).unwrap();
    std::fs::write(directory.join(format!("{name}.crt")), member.certificate.as_der()).unwrap();
}

fn kept_member(directory: &Path, name: &str) -> Member {
    let read = |extension: &str| std::fs::read(directory.join(format!("{name}.{extension}"))).unwrap();
    Member {
        key: SoftwareKey::from_bytes(&read("key")).unwrap(),
        certificate: Certificate::from_der(&read("crt")).unwrap(),
    }
}

/// Brings, publishes, delivers and withdraws, round after round, and tells what was acknowledged.
fn play_victim(mode: &str) {
    let directory = PathBuf::from(std::env::var(DIRECTORY).unwrap());
    let (kind, at) = mode.split_once(':').unwrap();
    let at = at.parse::<usize>().unwrap();
    let (kept, committed) = (KeepPoint::ALL[at % 7], CommitPoint::ALL[at % 7]);
    let passed = AtomicUsize::new(0);
    let keep = kind == "keep";
    let keep_observer = move |point| {
        if keep && point == kept && passed.fetch_add(1, Ordering::SeqCst) == 5 {
            die();
        }
    };
    let passed = AtomicUsize::new(0);
    let observer = move |point| {
        if !keep && point == committed && passed.fetch_add(1, Ordering::SeqCst) == 24 {
            die();
        }
    };
    let site = site_at(&directory);
    let surroundings = Surroundings {
        clock: site.clock.clock(),
        uptime: site.clock.uptime(),
        observer: Box::new(observer),
        keep_observer: Box::new(keep_observer),
        ..Surroundings::default()
    };
    let running = Node::open_with(site.config.clone(), surroundings).unwrap().start().unwrap();
    let client = Client::new(running.node().genesis(), running.addr());
    let authority = enrol(running.node(), AUTHORITY, "clinics");
    let member = enrol(running.node(), OWNER, &RECORD.to_string());
    keep_member(&directory, "authority", &authority);
    keep_member(&directory, "owner", &member);
    println!("began");
    let clinic = Clinic { site, running: Some(running), client, authority, slot: Cell::new(0) };
    let mut owner = Owner { member, record: RECORD, published: vec![], now: clinic.site.clock.clone() };
    for round in 1.. {
        let shared_objects = objects(round);
        println!("uploads {round}");
        clinic.upload(&owner, &[&shared_objects]);
        println!("uploaded {round}");
        for log in [shared(), full()] {
            owner.publish(clinic.node(), log, 1, &[line(AT_ONCE, Mode::AtOnce, &shared_objects.row)]);
            println!("published {log} {round} {}", owner.head(log));
        }
        let ask = clinic.ask(&owner, shared(), AT_ONCE, 60);
        let delivered = clinic.delivered(&ask);
        println!("delivered {}", Hash::of(&delivered.delivery));
        std::fs::write(directory.join(format!("{round}.holder")), ask.holder.to_bytes()).unwrap();
        clinic.withdraw(&owner, &ask);
        println!("withdrawn {round} {}", ask.id);
        // Its token ends, so that what is superseded goes.
        clinic.site.clock.advance(11 * MINUTE);
    }
}

fn run_victim(test: &str, mode: &str, directory: &Path) -> String {
    let child = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(VICTIM, mode)
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(!output.status.success(), "the victim did not die");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The numbers after a word, in the lines that begin with it.
fn said<'a>(lines: &'a str, word: &'a str) -> impl Iterator<Item = Vec<&'a str>> + 'a {
    lines.lines().filter_map(move |line| Some(line.strip_prefix(word)?.split_whitespace().collect()))
}

/// Opens what a victim left, and looks up all that it acknowledged.
fn examine(directory: &Path, lines: &str, tried: &Tried) {
    tried.times(1);
    let clinic_site = site_at(directory);
    // Later than the victim ever was.
    clinic_site.clock.advance(6 * 60 * MINUTE);
    let mut looked_up = 0;
    let running = clinic_site.open().start().unwrap();
    let client = Client::new(running.node().genesis(), running.addr());
    let authority = kept_member(directory, "authority");
    let clinic = Clinic { site: clinic_site, running: Some(running), client, authority, slot: Cell::new(32) };
    let owner = Owner {
        member: kept_member(directory, "owner"),
        record: RECORD,
        published: vec![],
        now: clinic.site.clock.clone(),
    };
    // What was uploaded and is not superseded is there: the same ticket lacks nothing.
    let uploaded = said(lines, "uploaded ").last().map_or(0, |words| words[0].parse().unwrap());
    let begun: usize = said(lines, "uploads ").last().map_or(0, |words| words[0].parse().unwrap());
    if uploaded > 0 {
        let taken = clinic.take(&owner.ticket(&[&objects(uploaded)]));
        let taken = Taken::from_bytes(&taken.body).unwrap();
        assert_eq!(taken.lacking, [], "acknowledged, and gone");
        looked_up += 5;
    }
    // The rows that are current on each log are whole, and what is delivered of them is what was brought.
    let mut current = Vec::new();
    for log in [shared(), full()] {
        let name = log.to_string();
        let published = said(lines, "published ").filter(|words| words[0] == name).last();
        let Some(words) = published else { continue };
        let round: usize = words[1].parse().unwrap();
        let mut owner = Owner {
            member: kept_member(directory, "owner"),
            record: RECORD,
            published: vec![],
            now: clinic.site.clock.clone(),
        };
        // Who was not told of the next may find it ordered.
        owner.published.push((log, 0, clinic.latest(log, &RECORD.subject())));
        let ask = clinic.ask(&owner, log, AT_ONCE, 60);
        let delivered = clinic.delivered(&ask);
        let rows = [round, round + 1].map(|round| (round, objects(round)));
        let (round, whole) = rows
            .into_iter()
            .find(|(_, one)| one.row == delivered.row)
            .expect("the acknowledged row or the next");
        for object in &whole.objects {
            assert_eq!(clinic.get(Hash::of(object), &delivered.token).body, *object);
            looked_up += 1;
        }
        current.push(round);
    }
    // What was withdrawn is refused, for good.
    for words in said(lines, "withdrawn ") {
        let holder = std::fs::read(directory.join(format!("{}.holder", words[0]))).unwrap();
        let holder = SoftwareKey::from_bytes(&holder).unwrap();
        let ask = Ask { record: RECORD, log: shared(), holder, id: words[1].parse().unwrap() };
        assert_eq!(refused(&clinic.deliver(&clinic.demand(&ask))).2, "the grant was withdrawn");
        looked_up += 1;
    }
    // Superseded wraps and bodies are gone: what lies there is what current rows and a ticket under way name.
    let kept: Vec<usize> = current.iter().copied().chain([uploaded, begun]).collect();
    for round in 1..=begun {
        if kept.contains(&round) {
            continue;
        }
        let [wraps, body] = [1, 2].map(|at| file(&clinic.site, &owner, &objects(round).objects[at]));
        eventually("what was superseded is gone", || !wraps.exists() && !body.exists());
        looked_up += 2;
    }
    tried.looked_up(looked_up, 0);
}

#[test]
fn a_store_killed_at_any_of_its_steps_loses_nothing_and_serves_nothing_that_was_withdrawn() {
    if let Ok(mode) = std::env::var(VICTIM) {
        return play_victim(&mode);
    }
    let name = "records::cut_off::a_store_killed_at_any_of_its_steps_loses_nothing_and_serves_nothing_that_was_withdrawn";
    let tried =
        Tried::new("kill -9 at each step of the record store in turn", "objects, rows and withdrawals");
    let points = || (0..KeepPoint::ALL.len()).map(|at| format!("keep:{at}"));
    let commits = || (0..CommitPoint::ALL.len()).map(|at| format!("commit:{at}"));
    for _ in 0..size(1, 10) {
        for mode in points().chain(commits()) {
            let directory = tempfile::TempDir::new().unwrap();
            let lines = run_victim(name, &mode, directory.path());
            assert!(said(&lines, "published ").count() >= 2, "{mode}: {lines}");
            examine(directory.path(), &lines, &tried);
        }
    }
}

#[test]
fn a_full_disk_is_told_at_whichever_write_and_nothing_acknowledged_is_lost() {
    let tried = Tried::new("a full disk, at every write of the record store in turn", "objects");
    let Some(disk) = SmallDisk::new() else {
        println!("skipped: only root may make a small disk");
        return;
    };
    let clinic = Clinic::of(site_at(disk.path()));
    let member = enrol(clinic.node(), OWNER, &RECORD.to_string());
    let mut owner = Owner { member, record: RECORD, published: vec![], now: clinic.site.clock.clone() };
    let (mut held, mut told): (Vec<Vec<u8>>, usize) = (Vec::new(), 0);
    let mut row: Option<Row> = None;
    for room in 0..size(10, 80) {
        disk.fill(room * 4096);
        tried.times(1);
        let round = objects(room);
        let answer = clinic.take(&owner.ticket(&[&round]));
        let mut whole = answer.status == 200;
        if whole {
            let taken = Taken::from_bytes(&answer.body).unwrap();
            for object in &round.objects {
                let answer = clinic.put(object, &taken.token);
                match answer.status {
                    204 => held.push(object.clone()),
                    _ => {
                        assert_eq!(answer.problem(), (503, "storage".to_owned()));
                        (told, whole) = (told + 1, false);
                    }
                }
            }
        } else {
            assert_eq!(answer.problem(), (503, "storage".to_owned()));
            told += 1;
        }
        // The record goes on as it was, as soon as there is room.
        let index = row.as_ref().map(|row| owner.index(shared(), 1, &[line(AT_ONCE, Mode::AtOnce, row)]));
        let _ = index.as_ref().map(|index| submit(clinic.node(), shared(), index));
        disk.free();
        eventually("it goes on", || clinic.node().sequencer().health().accepting);
        if let Some(index) = index {
            let again = submit(clinic.node(), shared(), &index);
            assert!(matches!(again, Outcome::Accepted(_) | Outcome::Duplicate(_)), "{again:?}");
            owner.was_published(shared(), &index);
        }
        // What was acknowledged is held: the same ticket does not lack it.
        let taken = Taken::from_bytes(&clinic.take(&owner.ticket(&[&round])).body).unwrap();
        let gone = round.objects.iter().filter(|object| held.contains(object));
        let gone = gone.filter(|object| taken.lacking.contains(&Hash::of(object))).count();
        tried.looked_up(round.objects.len(), gone);
        assert_eq!((gone, whole && !taken.lacking.is_empty()), (0, false));
        clinic.upload(&owner, &[&round]);
        owner.publish(clinic.node(), shared(), 1, &[line(AT_ONCE, Mode::AtOnce, &round.row)]);
        let ask = clinic.ask(&owner, shared(), AT_ONCE, 60);
        let delivered = read(&clinic.deliver(&clinic.demand(&ask)));
        for object in &round.objects {
            assert_eq!(clinic.get(Hash::of(object), &delivered.token).body, *object);
        }
        row = Some(round.row.clone());
        held.clear();
    }
    assert!(told >= 3, "{told}");
}
