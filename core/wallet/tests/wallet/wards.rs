//! A family of rules that the wallet has never heard of, on a log of its own: followed, proven and folded like any other.

use std::sync::Arc;

use countersign_ledger::{
    Context, Entry, Families, Family, Fields, Folded, Held, Kind, LogName, Problem, Rules, State, Subject,
    Verified, Violation,
};
use countersign_wallet::{FollowError, FollowState, Health, Issuer, SyncError, Vault};

use crate::world::{CLASS, LOT, Scene, World, item, kind, subject};

const WARD: &str = "urn:countersign:ward:7";

/// Notes on a ward: each says how many beds are free.
struct Wards(LogName);

impl Rules for Wards {
    fn logs(&self, kind: &Kind) -> Option<&[LogName]> {
        (kind.as_str() == "ward.note").then_some(std::slice::from_ref(&self.0))
    }

    fn check(&self, statement: &Verified, _: &Context<'_>) -> Result<(), Violation> {
        let free = statement.fields().uint("free");
        free.map(drop)
            .ok_or_else(|| Violation { problem: Problem::Rule, text: "a note says how many".into() })
    }

    fn fold(&self, _: &State, statement: &Verified) -> State {
        State(statement.fields().uint("free").unwrap_or_default().to_be_bytes().to_vec())
    }
}

fn note(free: u64) -> Fields {
    Fields::new().with("free", free)
}

fn bed(number: u64) -> Subject {
    subject(&format!("{WARD}:{number}"))
}

/// A ledger with a lot, and three subjects of a ward on a third log.
fn scene(held: Held) -> (Scene, LogName) {
    let mut world = World::with_lot();
    let log = world.add_log("ward-notes", held);
    world.families = Families::new([Arc::new(Wards(log)) as Arc<dyn Rules>]);
    for (number, free) in [(1, 4), (2, 6), (1, 3), (3, 9)] {
        world.state("pharmacy", "ward.note", bed(number).as_str(), note(free));
    }
    world.state("pharmacy", "ward.note", "urn:countersign:ward:8:1", note(1));
    world.families = countersign_families::families();
    (Scene::new(world), log)
}

fn wards(scene: &Scene, log: LogName) {
    scene.world().families = Families::new([Arc::new(Wards(log)) as Arc<dyn Rules>]);
}

/// What a phone makes of a history, by the family's own fold.
fn free(log: LogName, history: &[Entry]) -> Option<u64> {
    let (rules, mut folded) = (Wards(log), Folded::<State>::default());
    for entry in history {
        folded.push(
            entry,
            |before, one| rules.may_follow(before, one),
            |before, one| rules.fold(before, one),
        );
    }
    folded.standing.0.try_into().ok().map(u64::from_be_bytes)
}

#[test]
fn a_phone_follows_any_family_on_any_log_and_knows_that_it_is_complete() {
    let (scene, log) = scene(Held::Followed);
    let mut snapshot = scene.synced();
    assert!(snapshot.history(log, &bed(1)).unwrap().is_none(), "nothing is told of what is not followed");
    assert!(snapshot.members(log, &subject(WARD)).unwrap().is_none());
    snapshot.follow_family(log, &subject(WARD)).unwrap();
    let state = |snapshot: &countersign_wallet::Snapshot| {
        let all = snapshot.following().unwrap();
        all.into_iter().find(|one| one.log == log).map(|one| (one.subject.to_string(), one.state)).unwrap()
    };
    assert_eq!(state(&snapshot), (WARD.to_owned(), FollowState::Waiting));
    scene.sync(&mut snapshot);
    assert_eq!(state(&snapshot), (WARD.to_owned(), FollowState::Ready));

    let members = snapshot.members(log, &subject(WARD)).unwrap().unwrap();
    let counts: Vec<_> = members.iter().map(|(name, entry)| (name.clone(), entry.count)).collect();
    let mut expected = vec![(bed(1), 2), (bed(2), 1), (bed(3), 1)];
    expected.sort();
    let mut sorted = counts.clone();
    sorted.sort();
    assert_eq!(sorted, expected);
    let history = snapshot.history(log, &bed(1)).unwrap().unwrap();
    assert_eq!((history.len(), free(log, &history)), (2, Some(3)));
    assert!(snapshot.history(log, &bed(99)).unwrap().unwrap().is_empty(), "proven to have none");
    assert!(snapshot.history(log, &subject("urn:countersign:ward:8:1")).unwrap().is_none());
    assert_eq!(snapshot.check(&item(LOT, "S001"), scene.now()).reasons, []);

    // After a restart, with the node gone.
    scene.world().lie = Some(Box::new(|path, _| panic!("{path} was asked for")));
    let mut again = scene.open();
    assert_eq!(free(log, &again.history(log, &bed(2)).unwrap().unwrap()), Some(6));
    scene.world().lie = None;

    // Only what has grown is asked for, and one who was revoked is void in his place.
    wards(&scene, log);
    scene.world().enlist("pharmacy", "night");
    scene.world().state("night", "ward.note", bed(2).as_str(), note(0));
    scene.world().state("pharmacy", "ward.note", bed(2).as_str(), note(5));
    scene.world().families = countersign_families::families();
    scene.world().revoke("night", log, 0);
    scene.world().requests.clear();
    scene.sync(&mut again);
    let asked = scene.world().requests.clone();
    let histories: Vec<_> = asked.iter().filter(|path| path.starts_with("/ward-notes/subjects/")).collect();
    assert!(matches!(&histories[..], [one] if one.matches("s=").count() == 1), "{histories:?}");
    let history = again.history(log, &bed(2)).unwrap().unwrap();
    let stands: Vec<_> = history.iter().map(|entry| entry.standing().is_some()).collect();
    assert_eq!((stands, free(log, &history)), (vec![true, false, true], Some(5)));
    assert_eq!(again.health(), Health::Sound);
}

#[test]
fn a_member_of_a_family_that_is_hidden_is_missed_and_what_is_damaged_is_repaired() {
    let (scene, log) = scene(Held::Followed);
    let mut snapshot = scene.open();
    snapshot.follow_family(log, &subject(WARD)).unwrap();
    // The ledger's answer as it was one statement ago leaves a member out; no name is given; an honest one repairs both.
    let before = scene.world().logs[&log].index.clone();
    wards(&scene, log);
    scene.world().state("pharmacy", "ward.note", bed(4).as_str(), note(8));
    let stale = before.prove_family(Family::new(WARD)).to_cbor();
    scene.world().lie = Some(Box::new(move |path, mut response| {
        if path.contains("/families/") {
            response.body = crate::world::messages(std::slice::from_ref(&stale));
        }
        Ok(response)
    }));
    let error = snapshot.sync(&scene.client, std::time::Duration::ZERO).unwrap_err();
    assert!(matches!(&error, SyncError::Family { family, .. } if family.as_str() == WARD), "{error}");
    scene.world().lie = Some(Box::new(|path, mut response| {
        if path.contains("/names/") {
            response.body = vec![0x80];
        }
        Ok(response)
    }));
    let error = snapshot.sync(&scene.client, std::time::Duration::ZERO).unwrap_err();
    assert!(matches!(&error, SyncError::Names { family } if family.as_str() == WARD), "{error}");
    scene.world().lie = None;
    scene.sync(&mut snapshot);
    drop(snapshot);
    let change = "UPDATE statements SET bytes = zeroblob(length(bytes))";
    rusqlite::Connection::open(scene.path()).unwrap().execute(change, []).unwrap();
    let mut snapshot = scene.open();
    assert!(snapshot.history(log, &bed(1)).is_err(), "nothing is told from it");
    scene.sync(&mut snapshot);
    assert_eq!(free(log, &snapshot.history(log, &bed(1)).unwrap().unwrap()), Some(3));
}

#[test]
fn what_cannot_be_followed_has_its_reason_and_what_is_followed_no_longer_is_dropped() {
    let (scene, log) = scene(Held::Followed);
    let mut snapshot = scene.synced();
    let elsewhere = LogName::new("elsewhere").unwrap();
    for wrong in [LogName::TRUST, elsewhere] {
        let error = snapshot.follow_family(wrong, &subject(WARD)).unwrap_err();
        assert!(matches!(error, FollowError::NotALog), "{error}");
    }
    assert!(matches!(snapshot.follow_family(log, &bed(1)), Err(FollowError::NotAFamily)));
    let rows = || -> u64 {
        let count = "SELECT (SELECT count(*) FROM statements) + (SELECT count(*) FROM subjects)
                          + (SELECT count(*) FROM families)";
        rusqlite::Connection::open(scene.path()).unwrap().query_row(count, [], |row| row.get(0)).unwrap()
    };
    let before = rows();
    snapshot.follow_family(log, &subject(WARD)).unwrap();
    scene.sync(&mut snapshot);
    assert_eq!(rows(), before + 4 + 4 + 1);
    // Another family of the log stays, whether it goes first or last.
    let other = subject("urn:countersign:ward:8");
    snapshot.follow_family(log, &other).unwrap();
    scene.sync(&mut snapshot);
    snapshot.unfollow_family(log, &subject(WARD)).unwrap();
    // Of it: a statement, its subject and the family's, and the proof.
    assert_eq!(rows(), before + 4);
    assert_eq!(snapshot.history(log, &subject("urn:countersign:ward:8:1")).unwrap().unwrap().len(), 1);
    snapshot.unfollow_family(log, &other).unwrap();
    assert_eq!(rows(), before);
    assert!(snapshot.history(log, &bed(1)).unwrap().is_none());
    snapshot.unfollow(&subject(CLASS)).unwrap();
    assert_eq!(rows(), 0);
}

#[test]
fn a_third_log_that_is_held_whole_is_replayed_whole() {
    let (scene, log) = scene(Held::Whole);
    let mut snapshot = scene.open();
    scene.sync(&mut snapshot);
    let told = |snapshot: &mut countersign_wallet::Snapshot| {
        let members = snapshot.members(log, &subject(WARD)).unwrap().unwrap();
        (members.len(), free(log, &snapshot.history(log, &bed(1)).unwrap().unwrap()))
    };
    assert_eq!(told(&mut snapshot), (3, Some(3)));
    assert_eq!(snapshot.checkpoint(log).unwrap().checkpoint().size(), 5);
    assert_eq!(told(&mut scene.open()), (3, Some(3)));
    drop(snapshot);
    let change = "UPDATE whole_logs SET bytes = zeroblob(length(bytes)) WHERE log = 'ward-notes'";
    rusqlite::Connection::open(scene.path()).unwrap().execute(change, []).unwrap();
    let mut damaged = scene.open();
    assert_eq!(damaged.health(), Health::Damaged);
    assert!(damaged.history(log, &bed(1)).unwrap().is_none());
    scene.sync(&mut damaged);
    assert_eq!(told(&mut damaged), (3, Some(3)));
    // An entry that is exchanged is refused, whatever stood before.
    let other = scene.world().logs[&log].statements[0].clone();
    wards(&scene, log);
    scene.world().state("pharmacy", "ward.note", bed(2).as_str(), note(2));
    scene.world().lie = Some(Box::new(move |path, mut response| {
        if path.starts_with("/ward-notes/tile/") {
            response.body =
                countersign_ledger::write_bundle([&other; 6].map(countersign_ledger::Statement::as_bytes))
                    .unwrap();
        }
        Ok(response)
    }));
    let error = damaged.sync(&scene.client, std::time::Duration::ZERO).unwrap_err();
    assert!(matches!(error, SyncError::WholeLog { log: at, .. } if at == log), "{error}");
}

#[test]
fn a_member_signs_by_a_family_that_only_they_know() {
    let (scene, log) = scene(Held::Followed);
    wards(&scene, log);
    let cost = countersign_wallet::Cost { memory_kib: 32, passes: 1, lanes: 4 };
    let keys = Arc::new(Vault::create_at_cost(&scene.directory.path().join("v"), b"p", cost).unwrap());
    let mut snapshot = scene.open();
    let families = Families::new([Arc::new(Wards(log)) as Arc<dyn Rules>]);
    let mut issuer = Issuer::new(&mut snapshot, &scene.client, keys).with_families(families);
    issuer.enrol("mine", "pharmacy").unwrap();
    let draft = countersign_ledger::Draft {
        kind: kind("ward.note"),
        subject: bed(1),
        fields: note(7),
        prev: None,
        links: Vec::new(),
        sealed: None,
    };
    let recorded = issuer.record("mine", &draft, None, scene.now()).unwrap();
    assert_eq!((recorded.log, recorded.index), (log, 5));
    assert_eq!(free(log, &issuer.history(log, &bed(1)).unwrap()), Some(7));
}
