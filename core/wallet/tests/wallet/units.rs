//! Packs in a unit: whoever follows the unit and has the list of what is in it knows the packs' way, and what is wrong on it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign_custody::{Aggregate, Contents, Item, Mark, Reason, Verdict, VerdictKind};
use countersign_ledger::Subject;
use countersign_node::{Config, Node, Running};
use countersign_wallet::{Courier, FollowError, OfferTo, Snapshot, verify_evidence};

use crate::couriers::{Phone, UNIT, intact, now, unit};
use crate::node::{Office, client};
use crate::world::{CLASS, LOT, item, subject};

const PATIENCE: Duration = Duration::from_secs(5);

fn pack(serial: &str) -> Subject {
    subject(&format!("{LOT}/21/{serial}"))
}

fn list() -> Contents {
    Contents::new(["S001", "S002"].map(pack)).unwrap()
}

fn label(office: &Office, serial: &str) -> Item {
    Item { expires_at: Some(office.expiry), ..item(LOT, serial) }
}

fn keys(verdict: &Verdict) -> Vec<&'static str> {
    verdict.reasons.iter().map(Reason::key).collect()
}

/// How much of the unit was scanned, each time it came into somebody's hands.
fn hands(verdict: &Verdict) -> Vec<u64> {
    verdict.timeline.iter().filter_map(|event| Some(event.aggregate?.scanned)).collect()
}

/// A unit that is packed and given to the first of three couriers.
fn scene(directory: &Path) -> (Running, Office, [Phone; 3]) {
    let running = Node::open(Config::development(directory.join("node"))).unwrap().start().unwrap();
    let mut phones = ["a", "b", "c"].map(|name| Phone::new(&running, directory, "courier", name));
    let mut office = Office::open(&running, directory);
    office.play();
    office.state("distributor", "pack", UNIT, list().fields());
    let mut distributor =
        Courier::new(&mut office.snapshot, Arc::clone(&office.keys), "distributor").unwrap();
    distributor.load(&office.client, &unit()).unwrap();
    let offer = distributor.offer(&unit(), &OfferTo::default(), now()).unwrap();
    phones[0].courier().answer(&offer.message, &[unit()], &intact(), now()).unwrap();
    (running, office, phones)
}

fn follower(running: &Running, path: &Path) -> Snapshot {
    let mut snapshot = Snapshot::open(path, running.node().genesis()).unwrap();
    snapshot.follow(&subject(CLASS)).unwrap();
    snapshot.follow_unit(&unit()).unwrap();
    snapshot.sync(&client(running), PATIENCE).unwrap();
    snapshot
}

#[test]
fn a_pack_has_gone_the_way_of_its_unit_and_what_was_not_scanned_is_inferred() {
    let directory = tempfile::tempdir().unwrap();
    let (running, office, [mut a, mut b, _]) = scene(directory.path());
    let offer = a.courier().offer(&unit(), &OfferTo::default(), now()).unwrap();
    b.courier().keep_contents(&list()).unwrap();
    b.courier().answer(&offer.message, &[unit(), pack("S002")], &intact(), now()).unwrap();
    assert_eq!(b.send(now()).proven, 2);
    let path = directory.path().join("follower.db");
    let genesis = running.node().genesis().clone();
    let mut snapshot = follower(&running, &path);
    running.stop();

    // The ledger says nowhere what is in the unit: without the list, or with another one, nothing follows for a pack.
    let told = snapshot.check(&label(&office, "S001"), now());
    assert_eq!((told.kind, hands(&told)), (VerdictKind::Authentic, vec![]));
    snapshot.keep_contents(&Contents::new(["S001", "S003"].map(pack)).unwrap()).unwrap();
    assert_eq!(hands(&snapshot.check(&label(&office, "S001"), now())), [0; 0]);
    snapshot.keep_contents(&list()).unwrap();
    for restart in [false, true] {
        if restart {
            snapshot = Snapshot::open(&path, &genesis).unwrap();
        }
        for serial in ["S001", "S002"] {
            let told = snapshot.check(&label(&office, serial), now());
            assert_eq!((told.kind, keys(&told)), (VerdictKind::Authentic, vec![]));
            assert_eq!(hands(&told), [2, 0, 1]);
            assert!(told.timeline.iter().all(|event| event.mark == Mark::Verified));
            let inferred = told.timeline.iter().filter_map(|event| event.aggregate.map(Aggregate::inferred));
            assert_eq!(inferred.collect::<Vec<_>>(), [0, 2, 1]);
        }
        assert_eq!(hands(&snapshot.check(&label(&office, "S050"), now())), [0; 0]);
    }
    let told = snapshot.check(&label(&office, "S001"), now());
    let report =
        verify_evidence(&snapshot.export(&label(&office, "S001")).unwrap(), &genesis, now()).unwrap();
    assert_eq!((report.verdict.kind, report.verdict.timeline), (told.kind, told.timeline));
    let other = verify_evidence(&snapshot.export(&label(&office, "S050")).unwrap(), &genesis, now()).unwrap();
    assert_eq!(hands(&other.verdict), [0; 0]);
}

#[test]
fn a_unit_that_was_handed_to_two_people_makes_suspects_of_its_packs_and_of_no_others() {
    let directory = tempfile::tempdir().unwrap();
    let (running, office, [mut a, mut b, mut c]) = scene(directory.path());
    let offer = a.courier().offer(&unit(), &OfferTo::default(), now()).unwrap();
    for phone in [&mut b, &mut c] {
        phone.courier().answer(&offer.message, &[unit()], &intact(), now()).unwrap();
    }
    assert_eq!(b.send(now()).proven, 2);
    c.send(now());
    let genesis = running.node().genesis().clone();
    let mut snapshot = follower(&running, &directory.path().join("follower.db"));
    running.stop();
    snapshot.keep_contents(&list()).unwrap();
    let told = snapshot.check(&label(&office, "S001"), now());
    assert_eq!((told.kind, keys(&told)), (VerdictKind::Suspect, vec!["conflicting-custody"]));
    assert_eq!(told.accountable.as_ref().unwrap().identity.as_ref().unwrap().name(), "a");
    assert_eq!(snapshot.check(&label(&office, "S050"), now()).kind, VerdictKind::Authentic);
    let report =
        verify_evidence(&snapshot.export(&label(&office, "S001")).unwrap(), &genesis, now()).unwrap();
    assert_eq!((report.verdict.kind, report.verdict.reasons), (told.kind, told.reasons));
}

#[test]
fn a_unit_that_held_something_else_than_was_packed_asks_for_attention_by_both_lists() {
    let directory = tempfile::tempdir().unwrap();
    let running = Node::open(Config::development(directory.path().join("node"))).unwrap().start().unwrap();
    let mut office = Office::open(&running, directory.path());
    office.play();
    let out = Contents::new(["S001", "S003"].map(pack)).unwrap();
    office.state("distributor", "pack", UNIT, list().fields());
    office.state("distributor", "unpack", UNIT, out.fields());
    let genesis = running.node().genesis().clone();
    let path = directory.path().join("follower.db");
    let mut snapshot = follower(&running, &path);
    running.stop();

    // Without the list of what came out it is known that something differs, and not what.
    snapshot.keep_contents(&list()).unwrap();
    let told = snapshot.check(&label(&office, "S002"), now());
    assert_eq!((told.kind, keys(&told)), (VerdictKind::Attention, vec!["contents-differ"]));
    snapshot.keep_contents(&out).unwrap();
    for restart in [false, true] {
        if restart {
            snapshot = Snapshot::open(&path, &genesis).unwrap();
        }
        for (serial, key) in [("S002", "not-unpacked"), ("S003", "not-packed")] {
            let told = snapshot.check(&label(&office, serial), now());
            assert_eq!((told.kind, keys(&told)), (VerdictKind::Attention, vec![key]), "{serial}");
            let accountable = told.accountable.as_ref().unwrap();
            assert_eq!(accountable.identity.as_ref().unwrap().role(), "distributor");
        }
        let told = snapshot.check(&label(&office, "S001"), now());
        assert_eq!((told.kind, keys(&told)), (VerdictKind::Authentic, vec![]));
    }
    let told = snapshot.check(&label(&office, "S002"), now());
    let report =
        verify_evidence(&snapshot.export(&label(&office, "S002")).unwrap(), &genesis, now()).unwrap();
    assert_eq!((report.verdict.kind, report.verdict.reasons), (told.kind, told.reasons));
}

#[test]
fn only_a_unit_is_followed_as_one() {
    let directory = tempfile::tempdir().unwrap();
    let running = Node::open(Config::development(directory.path().join("node"))).unwrap().start().unwrap();
    let path = directory.path().join("follower.db");
    let mut snapshot = Snapshot::open(&path, running.node().genesis()).unwrap();
    assert!(matches!(snapshot.follow_unit(&subject(CLASS)), Err(FollowError::NotAUnit)));
    // One that nothing is stated of yet is waited for.
    snapshot.follow_unit(&unit()).unwrap();
    snapshot.sync(&client(&running), PATIENCE).unwrap();
    snapshot.unfollow(&unit()).unwrap();
    assert!(snapshot.following().unwrap().is_empty());
    running.stop();
}
