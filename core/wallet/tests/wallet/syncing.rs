//! What an honest node's answers lead to.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_custody::{Reason, VerdictKind};
use countersign_ledger::{Fields, LogName, UnixMillis};
use countersign_wallet::{
    Client, FollowState, Health, Request, Response, Snapshot, Step, Transport, TransportError,
};

use crate::world::{CLASS, LOT, PACK, Scene, Wire, World, client, item, lock, subject};

fn keys(verdict: &countersign_custody::Verdict) -> Vec<&'static str> {
    verdict.reasons.iter().map(Reason::key).collect()
}

#[test]
fn a_pack_of_a_lot_whose_history_verifies_is_authentic_without_a_network() {
    let scene = Scene::new(World::with_lot());
    let mut snapshot = scene.synced();
    scene.world().lie = Some(Box::new(|path, _| panic!("{path} was asked for")));
    let verdict = snapshot.check(&item(LOT, "S007"), scene.now());
    assert_eq!((verdict.kind, keys(&verdict)), (VerdictKind::Authentic, vec![]));
    assert_eq!((verdict.checkpoint, verdict.timeline.len()), (Some(9), 9));
    assert_eq!(snapshot.health(), Health::Sound);
    drop(snapshot);
    let verdict = scene.open().check(&item(LOT, "S007"), scene.now());
    assert_eq!(verdict.kind, VerdictKind::Authentic);
}

#[test]
fn what_is_not_so_has_its_reason() {
    let mut world = World::with_lot();
    world.play_lot(&format!("{CLASS}/10/L2"), 'T');
    world.play_lot(&format!("{CLASS}/10/L3"), 'U');
    world.recall(&format!("{CLASS}/10/L3"));
    world.dispense(PACK);
    let scene = Scene::new(world);
    let mut snapshot = scene.synced();
    let now = scene.now();
    let mut ask = |lot: &str, serial: &str| {
        let verdict = snapshot.check(&item(&format!("{CLASS}/10/{lot}"), serial), now);
        (verdict.kind, keys(&verdict))
    };
    assert_eq!(ask("L1", "S001"), (VerdictKind::Authentic, vec![]));
    assert_eq!(ask("L1", "S100"), (VerdictKind::Suspect, vec!["unknown-serial"]));
    assert_eq!(ask("L1", "T001"), (VerdictKind::Suspect, vec!["lot-serial-mismatch", "unknown-serial"]));
    assert_eq!(ask("L4", "S001"), (VerdictKind::Suspect, vec!["lot-serial-mismatch", "unknown-lot"]));
    assert_eq!(ask("L3", "U001"), (VerdictKind::Attention, vec!["recalled"]));
    assert_eq!(ask("L1", "S007"), (VerdictKind::Attention, vec!["dispensed-recorded"]));
    let other = snapshot.check(&item("https://id.gs1.org/01/09506000134369/10/L1", "S001"), now);
    assert_eq!((other.kind, keys(&other)), (VerdictKind::CannotTell, vec!["not-followed"]));
    let late = UnixMillis(now.0 + 8 * 24 * 3600 * 1000);
    assert_eq!(keys(&snapshot.check(&item(LOT, "S001"), late)), ["snapshot-too-old"]);
}

#[test]
fn a_followed_pack_brings_its_own_history_and_only_its_lot() {
    let mut world = World::with_lot();
    world.play_lot(&format!("{CLASS}/10/L2"), 'T');
    world.dispense(PACK);
    let scene = Scene::new(world);
    let mut snapshot = scene.open();
    snapshot.follow_pack(&subject(PACK)).unwrap();
    assert_eq!(snapshot.following().unwrap()[0].state, FollowState::Waiting);
    scene.sync(&mut snapshot);
    assert_eq!(snapshot.following().unwrap()[0].state, FollowState::Ready);
    let verdict = snapshot.check(&item(LOT, "S007"), scene.now());
    assert_eq!(keys(&verdict), ["dispensed"]);
    assert_eq!(verdict.timeline.len(), 10);
    assert_eq!(keys(&snapshot.check(&item(LOT, "S001"), scene.now())), [""; 0]);
    let elsewhere = snapshot.check(&item(&format!("{CLASS}/10/L2"), "T001"), scene.now());
    assert_eq!(keys(&elsewhere), ["not-followed"]);
    assert!(!scene.world().requests.iter().any(|path| path.contains("L2")));
}

#[test]
fn what_is_unchanged_is_not_fetched_again() {
    let mut world = World::with_lot();
    world.play_lot(&format!("{CLASS}/10/L2"), 'T');
    let scene = Scene::new(world);
    let mut snapshot = scene.synced();
    scene.world().state("registrar", "note.unrelated", "urn:example:x", Fields::new());
    scene.world().dispense(PACK);
    scene.world().play_lot(&format!("{CLASS}/10/L3"), 'U');
    scene.world().requests.clear();
    scene.sync(&mut snapshot);
    let requests = scene.world().requests.clone();
    let subjects: Vec<_> = requests.iter().filter(|path| path.contains("/subjects/")).collect();
    assert_eq!(subjects.len(), 1, "{requests:?}");
    assert!(subjects[0].contains("L3"));
    let families = requests.iter().filter(|path| path.contains("/families/")).count();
    assert_eq!(families, 2, "one of the class, one of all lots: {requests:?}");
    for (lot, serial) in [("L1", "S001"), ("L2", "T001"), ("L3", "U001")] {
        let verdict = snapshot.check(&item(&format!("{CLASS}/10/{lot}"), serial), scene.now());
        assert_eq!(verdict.kind, VerdictKind::Authentic, "{lot}: {:?}", verdict.reasons);
    }
    scene.world().requests.clear();
    scene.sync(&mut snapshot);
    assert_eq!(scene.world().requests, ["/trust/checkpoint", "/supply/checkpoint"]);
}

#[test]
fn a_later_cosignature_under_the_same_checkpoint_makes_the_answer_younger() {
    let scene = Scene::new(World::with_lot());
    let mut snapshot = scene.synced();
    let before = snapshot.check(&item(LOT, "S001"), scene.now()).as_of.unwrap();
    scene.world().now.0 += 24 * 3600 * 1000;
    scene.sync(&mut snapshot);
    let after = snapshot.check(&item(LOT, "S001"), scene.now()).as_of.unwrap();
    assert_eq!(after.0 - before.0, 24 * 3600 * 1000);
}

#[test]
fn short_histories_are_asked_for_together_and_a_long_one_among_them_in_pages() {
    let mut world = World::new();
    world.certify(CLASS);
    for lot in 0..70 {
        world.pile_up(&format!("{CLASS}/10/L{lot}"), if lot == 40 { 300 } else { 2 });
    }
    let scene = Scene::new(world);
    let snapshot = scene.synced();
    let asked = |part: &str| {
        let world = scene.world();
        let requests = world.requests.iter().filter(|path| path.contains(part));
        requests.map(|path| path.matches("s=").count()).collect::<Vec<_>>()
    };
    // The long one ends the first question and goes on in the second.
    let histories = asked("/subjects/");
    assert!(histories.len() <= 5, "{histories:?}");
    assert!(histories.iter().all(|&count| count <= 64), "{histories:?}");
    assert_eq!(asked("/families/"), [1, 64, 6]);
    drop(snapshot);
    let mut again = scene.open();
    scene.world().requests.clear();
    scene.sync(&mut again);
    assert_eq!(scene.world().requests, ["/trust/checkpoint", "/supply/checkpoint"]);
    let stored = rusqlite::Connection::open(scene.path()).unwrap();
    let count: u64 = stored.query_row("SELECT count(*) FROM statements", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 69 * 2 + 300 + 1);
}

#[test]
fn a_class_with_more_names_than_one_answer_holds_is_whole_and_taken_up_where_the_signal_went() {
    let mut world = World::new();
    world.certify(CLASS);
    (0..600).for_each(|lot| world.pile_up(&format!("{CLASS}/10/L{lot}"), 1));
    let scene = Scene::new(world);
    let mut snapshot = scene.open();
    snapshot.follow(&subject(CLASS)).unwrap();
    // The second page of names does not come.
    scene.world().lie = Some(Box::new(|path, response| {
        (!path.contains("names/") || !path.contains("=512"))
            .then_some(response)
            .ok_or(TransportError::Timeout)
    }));
    assert!(snapshot.sync(&scene.client, Duration::ZERO).is_err());
    drop(snapshot);
    let mut snapshot = scene.open();
    let count = |table: &str| -> u64 {
        let stored = rusqlite::Connection::open(scene.path()).unwrap();
        stored.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    };
    assert_eq!(count("subjects"), 512);
    assert_eq!(count("statements"), 512, "what was answered is verified before the error is reported");
    scene.world().lie = None;
    scene.world().requests.clear();
    scene.sync(&mut snapshot);
    let requests = scene.world().requests.clone();
    let names: Vec<_> = requests.iter().filter(|path| path.contains("/names/")).collect();
    assert_eq!(names.len(), 1, "{names:?}");
    let histories: usize = requests
        .iter()
        .filter(|path| path.contains("/subjects/"))
        .map(|path| path.matches("s=").count())
        .sum();
    assert_eq!(histories, 601 - 512);
    assert_eq!((count("subjects"), count("statements")), (601, 601));
}

#[test]
fn a_checkpoint_is_kept_as_long_as_a_path_leads_to_it() {
    let other = "https://id.gs1.org/01/09506000134369";
    let mut world = World::with_lot();
    world.certify(other);
    let scene = Scene::new(world);
    let mut snapshot = scene.synced();
    let sizes = || -> Vec<u64> {
        let connection = rusqlite::Connection::open(scene.path()).unwrap();
        let mut query =
            connection.prepare("SELECT size FROM checkpoints WHERE log = 'supply' ORDER BY size").unwrap();
        query.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    };
    let first = sizes();
    assert_eq!(first.len(), 1);
    // A newer one to which nothing leads, and one to which the other product's paths lead.
    scene.world().pile_up("urn:example:x", 1);
    scene.sync(&mut snapshot);
    scene.world().certify(other);
    snapshot.follow(&subject(other)).unwrap();
    scene.sync(&mut snapshot);
    let third = first[0] + 2;
    assert_eq!(sizes(), [first[0], third]);
    snapshot.unfollow(&subject(CLASS)).unwrap();
    scene.world().pile_up("urn:example:x", 1);
    scene.sync(&mut snapshot);
    assert_eq!(sizes(), [third, third + 1]);
}

#[test]
fn a_history_of_many_pages_is_whole() {
    let mut world = World::new();
    world.pile_up(CLASS, 600);
    let scene = Scene::new(world);
    let mut snapshot = scene.synced();
    let pages = scene.world().requests.iter().filter(|path| path.contains("/subjects/")).count();
    assert_eq!(pages, 3);
    assert_eq!(snapshot.check(&item(LOT, "S001"), scene.now()).kind, VerdictKind::Suspect);
    scene.world().pile_up(CLASS, 600);
    scene.sync(&mut snapshot);
    let verdict = scene.open().check(&item(LOT, "S001"), scene.now());
    assert_eq!(keys(&verdict), ["unknown-lot"]);
}

#[test]
fn a_trust_log_of_several_bundles_is_taken_in_whole() {
    let mut world = World::with_lot();
    for i in 0..300 {
        world.state(
            "authority",
            "medicine.suspend",
            &format!("{CLASS}/10/X{i}"),
            Fields::new().with("reason", "r"),
        );
    }
    let scene = Scene::new(world);
    let mut snapshot = scene.synced();
    let bundles = scene.world().requests.iter().filter(|path| path.contains("bodies")).count();
    assert_eq!(bundles, 2);
    scene.world().recall(LOT);
    scene.sync(&mut snapshot);
    assert_eq!(keys(&snapshot.check(&item(LOT, "S001"), scene.now())), ["recalled"]);
    assert_eq!(keys(&scene.open().check(&item(LOT, "S001"), scene.now())), ["recalled"]);
}

#[test]
fn a_node_that_has_moved_on_is_asked_anew() {
    let scene = Scene::new(World::with_lot());
    let mut snapshot = scene.open();
    snapshot.follow(&subject(CLASS)).unwrap();
    while !scene.world().requests.iter().any(|path| path.contains("/names/")) {
        snapshot.sync_step(&scene.client).unwrap();
    }
    scene.world().play_lot(&format!("{CLASS}/10/L2"), 'T');
    let size = scene.world().size(LogName::SUPPLY);
    scene.world().oldest = size;
    scene.sync(&mut snapshot);
    let verdict = snapshot.check(&item(&format!("{CLASS}/10/L2"), "T001"), scene.now());
    assert_eq!((verdict.kind, verdict.checkpoint), (VerdictKind::Authentic, Some(size)));
}

#[test]
fn a_busy_node_is_waited_for_and_a_lost_one_is_an_error_that_changes_nothing() {
    let scene = Scene::new(World::with_lot());
    let mut snapshot = scene.synced();
    scene.world().lie = Some(Box::new(|_, mut response| {
        (response.status, response.retry_after) = (503, Some(Duration::from_secs(7)));
        Ok(response)
    }));
    let waits = Duration::from_secs(7)..=Duration::from_millis(8_750);
    let asked = snapshot.sync_step(&scene.client).unwrap();
    assert!(matches!(asked, Step::Waiting { retry_after } if waits.contains(&retry_after)), "{asked:?}");
    scene.world().lie = Some(Box::new(|_, _| Err(TransportError::Timeout)));
    assert!(snapshot.sync_step(&scene.client).is_err());
    assert_eq!(snapshot.check(&item(LOT, "S001"), scene.now()).kind, VerdictKind::Authentic);
}

#[test]
fn what_was_verified_before_the_signal_went_is_not_fetched_again() {
    let mut world = World::new();
    world.pile_up(CLASS, 600);
    let scene = Scene::new(world);
    let mut snapshot = scene.open();
    snapshot.follow(&subject(CLASS)).unwrap();
    let asked_from = |start: &str| {
        let world = scene.world();
        let asked = world.requests.iter().filter(|path| path.contains("/subjects/")).count();
        asked == 1 && world.requests.iter().any(|path| path.contains(start))
    };
    // The third page of three is lost on its way, and the fourth question is never put.
    scene.world().lie = Some(Box::new(|path, response| {
        (!path.contains("=512")).then_some(response).ok_or(TransportError::Timeout)
    }));
    assert!(snapshot.sync(&scene.client, Duration::ZERO).is_err());
    scene.world().lie = None;
    scene.world().requests.clear();
    scene.sync(&mut snapshot);
    assert!(asked_from("=512"), "{:?}", scene.world().requests);
    let stored = rusqlite::Connection::open(scene.path()).unwrap();
    let count: u64 = stored.query_row("SELECT count(*) FROM statements", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 600);
}

#[test]
fn what_is_followed_no_longer_is_dropped() {
    let scene = Scene::new(World::with_lot());
    let mut snapshot = scene.synced();
    snapshot.follow_pack(&subject(PACK)).unwrap();
    scene.sync(&mut snapshot);
    snapshot.unfollow(&subject(CLASS)).unwrap();
    assert_eq!(snapshot.check(&item(LOT, "S001"), scene.now()).kind, VerdictKind::Authentic);
    snapshot.unfollow(&subject(PACK)).unwrap();
    assert_eq!(keys(&snapshot.check(&item(LOT, "S001"), scene.now())), ["not-followed"]);
    assert!(snapshot.following().unwrap().is_empty());
    let rows: u64 = rusqlite::Connection::open(scene.path())
        .unwrap()
        .query_row("SELECT (SELECT count(*) FROM statements) + (SELECT count(*) FROM subjects) + (SELECT count(*) FROM filters)", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(rows, 0);
    assert!(snapshot.follow(&subject(LOT)).is_err());
    assert!(snapshot.follow_pack(&subject(LOT)).is_err());
}

#[test]
fn one_product_is_dropped_whole_and_another_stays() {
    let other = "https://id.gs1.org/01/09506000134369";
    let mut world = World::with_lot();
    world.certify(other);
    world.pile_up(&format!("{other}/10/X1"), 3);
    let scene = Scene::new(world);
    let mut snapshot = scene.synced();
    let rows = || {
        let connection = rusqlite::Connection::open(scene.path()).unwrap();
        let tables = ["statements", "subjects", "families", "filters", "commissions"];
        let count =
            |table| connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0));
        tables.map(|table| count(table).unwrap())
    };
    let before: [u64; 5] = rows();
    snapshot.follow(&subject(other)).unwrap();
    scene.sync(&mut snapshot);
    assert!(rows()[..3].iter().zip(before).all(|(now, before)| *now > before));
    snapshot.unfollow(&subject(other)).unwrap();
    assert_eq!(rows(), before);
    assert_eq!(snapshot.check(&item(LOT, "S001"), scene.now()).kind, VerdictKind::Authentic);
}

#[test]
fn what_a_revoked_key_signed_after_its_revocation_counts_no_longer() {
    let scene = Scene::new(World::with_lot());
    let mut snapshot = scene.synced();
    scene.world().revoke("distributor", LogName::SUPPLY, 0);
    scene.sync(&mut snapshot);
    let verdict = snapshot.check(&item(LOT, "S001"), scene.now());
    assert_ne!(verdict.kind, VerdictKind::Authentic);
    scene.world().revoke("supplier", LogName::SUPPLY, 100);
    scene.sync(&mut snapshot);
}

#[test]
fn the_node_that_was_chosen_is_kept_and_what_all_of_it_takes_is_told() {
    let scene = Scene::new(World::with_lot());
    let mut snapshot = scene.open();
    assert_eq!(snapshot.node().unwrap(), None);
    for address in ["https://one.example", "https://two.example:7443"] {
        snapshot.set_node(address).unwrap();
    }
    let empty = snapshot.bytes_on_disk();
    assert!(empty > 4096, "{empty}");
    drop(snapshot);
    let snapshot = scene.synced();
    assert_eq!(snapshot.node().unwrap().as_deref(), Some("https://two.example:7443"));
    assert!(snapshot.bytes_on_disk() > empty);
}

/// A line on which another process moves the same wallet on, while the answer to a request for a checkpoint is on its way.
struct Overtaken {
    world: Arc<Mutex<World>>,
    log: LogName,
    other: Mutex<Option<Snapshot>>,
}

impl Transport for Overtaken {
    fn send(&self, request: &Request<'_>) -> Result<Response, TransportError> {
        let answer = Wire(Arc::clone(&self.world)).send(request)?;
        if request.path == format!("/{}/checkpoint", self.log)
            && let Some(mut other) = self.other.lock().unwrap().take()
        {
            lock(&self.world).recall(LOT);
            lock(&self.world).dispense(PACK);
            other.sync(&client(&self.world), Duration::ZERO).unwrap();
        }
        Ok(answer)
    }
}

#[test]
fn what_another_process_overtakes_goes_on_from_where_that_one_is() {
    for log in [LogName::TRUST, LogName::SUPPLY] {
        let scene = Scene::new(World::with_lot());
        drop(scene.synced());
        scene.world().dispense(&format!("{LOT}/21/S001"));
        scene.world().recall(&format!("{CLASS}/10/L2"));
        let overtaken = || {
            let other = Mutex::new(Some(scene.open()));
            Client::new(Overtaken { world: Arc::clone(&scene.world), log, other })
        };
        let mut snapshot = scene.open();
        let seen = snapshot.see_newest(&overtaken(), log).unwrap();
        assert_eq!(Some(seen), scene.open().seen(log).cloned(), "{log}: not behind what the other has seen");
        let mut snapshot = scene.open();
        snapshot.sync(&overtaken(), Duration::ZERO).unwrap();
        let verdict = snapshot.check(&item(LOT, "S002"), scene.now());
        assert_eq!(keys(&verdict), ["recalled"; 2], "{log}: what came meanwhile is here");
    }
}
