//! Phones that meet compare what the ledger has shown them, and a ledger that has told two stories is found out.

use std::sync::Arc;

use countersign_custody::VerdictKind;
use countersign_custody::handover::Meeting;
use countersign_ledger::{Hash, LogName, Tree};
use countersign_wallet::{Cost, Courier, Issuer, KeyStore, Response, Snapshot, Vault};

use crate::lies::fork;
use crate::world::{CLASS, LOT, Scene, World, encode, item};

const CHEAP: Cost = Cost { memory_kib: 32, passes: 1, lanes: 4 };
const LOT_2: &str = "https://id.gs1.org/01/09506000134352/10/L2";

/// A courier's phone, up to date with a ledger of one lot.
struct Phone {
    scene: Scene,
    snapshot: Snapshot,
    keys: Arc<dyn KeyStore>,
}

impl Phone {
    fn new() -> Self {
        let scene = Scene::new(World::with_lot());
        let vault = Vault::create_at_cost(&scene.directory.path().join("vault"), b"p", CHEAP).unwrap();
        let keys: Arc<dyn KeyStore> = Arc::new(vault);
        let mut snapshot = scene.synced();
        Issuer::new(&mut snapshot, &scene.client, Arc::clone(&keys)).enrol("mine", "courier").unwrap();
        Self { scene, snapshot, keys }
    }

    fn compare(&mut self, note: &str) -> Option<Meeting> {
        Courier::new(&mut self.snapshot, Arc::clone(&self.keys), "mine").unwrap().compare(note).unwrap()
    }

    /// Syncs, and returns what was asked to compare checkpoints with.
    fn sync(&mut self) -> Vec<String> {
        self.scene.world().requests.clear();
        self.scene.sync(&mut self.snapshot);
        assert_eq!(self.snapshot.check(&item(LOT, "S001"), self.scene.now()).kind, VerdictKind::Authentic);
        let world = self.scene.world();
        world.requests.iter().filter(|path| path.starts_with("/supply/consistency/")).cloned().collect()
    }

    /// The ledger goes on, honestly.
    fn grow(&self) {
        self.scene.world().play_lot(LOT_2, 'T');
    }
}

#[test]
fn two_checkpoints_of_one_size_are_evidence_at_once_and_for_good() {
    let mut phone = Phone::new();
    let other = fork(&phone.scene, 5, 4).note(LogName::SUPPLY);
    let mine = phone.snapshot.seen(LogName::SUPPLY).unwrap().note().to_string();
    assert_eq!(phone.compare(&mine), Some(Meeting::Same));
    assert!(phone.snapshot.forks().unwrap().is_empty());
    for _ in 0..2 {
        assert_eq!(phone.compare(&other), Some(Meeting::Fork));
    }
    let kept = [(mine, other)];
    assert_eq!(phone.snapshot.forks().unwrap(), kept);
    assert_eq!(phone.scene.open().forks().unwrap(), kept);
}

#[test]
fn what_nobody_signed_is_not_compared() {
    let mut phone = Phone::new();
    let forged = fork(&phone.scene, 5, 4).note(LogName::SUPPLY).replacen("\n9\n", "\n10\n", 1);
    let mut courier = Courier::new(&mut phone.snapshot, Arc::clone(&phone.keys), "mine").unwrap();
    assert_eq!(courier.compare(&forged).unwrap_err().reason(), "checkpoint");
    let trust_log = phone.scene.world().note(LogName::TRUST);
    // Another log of this ledger is compared with this phone's own checkpoint of it; one of another ledger with nothing.
    assert_eq!(phone.compare(&trust_log), Some(Meeting::Same));
    let elsewhere = trust_log.replace("ledger.meds", "other.meds");
    let mut courier = Courier::new(&mut phone.snapshot, Arc::clone(&phone.keys), "mine").unwrap();
    assert_eq!(courier.compare(&elsewhere).unwrap_err().reason(), "checkpoint");
    phone.grow();
    phone.sync();
    assert!(phone.snapshot.forks().unwrap().is_empty());
}

#[test]
fn a_newer_and_an_older_checkpoint_of_the_same_log_are_shown_to_be_so_by_the_next_sync() {
    let mut phone = Phone::new();
    let older = phone.scene.world().note(LogName::SUPPLY);
    phone.grow();
    let newer = phone.scene.world().note(LogName::SUPPLY);
    assert_eq!(phone.compare(&newer), Some(Meeting::Newer));
    phone.scene.world().certify(CLASS);
    // The app is killed in between.
    phone.snapshot = phone.scene.open();
    assert_eq!(phone.sync(), ["/supply/consistency/9/18", "/supply/consistency/17/18"]);
    assert_eq!(phone.compare(&older), Some(Meeting::Older));
    assert_eq!(phone.sync(), ["/supply/consistency/9/18"]);
    assert_eq!(phone.sync(), [""; 0]);
    assert!(phone.snapshot.forks().unwrap().is_empty());
}

#[test]
fn a_checkpoint_that_the_ledger_cannot_explain_is_evidence_whichever_is_larger() {
    for (common, more) in [(5, 6), (3, 2)] {
        let mut phone = Phone::new();
        let other = fork(&phone.scene, common, more).note(LogName::SUPPLY);
        let expected = if common + more > 9 { Meeting::Newer } else { Meeting::Older };
        assert_eq!(phone.compare(&other), Some(expected));
        assert!(phone.snapshot.forks().unwrap().is_empty());
        phone.grow();
        // The node proves what it can; the other's root is not the beginning of its log.
        assert_eq!(phone.sync().len(), 2);
        let newest = phone.snapshot.seen(LogName::SUPPLY).unwrap().note().to_string();
        assert_eq!(phone.scene.open().forks().unwrap(), [(newest, other)]);
        // It is asked once.
        assert_eq!(phone.sync(), [""; 0]);
    }
}

#[test]
fn a_node_that_proves_the_other_story_is_caught_by_its_own_proof() {
    let mut phone = Phone::new();
    let other = fork(&phone.scene, 5, 6);
    phone.compare(&other.note(LogName::SUPPLY));
    phone.grow();
    // It answers from the log that it had shown to the other phone, which is as long.
    let mut longer = other;
    longer.pile_up("urn:example:fork", 6);
    let tree: Tree = longer.logs[&LogName::SUPPLY].tree.clone();
    phone.scene.world().lie = Some(Box::new(move |path, response| {
        Ok(match path {
            "/supply/consistency/11/17" => proof(&tree.consistency(11, 17).unwrap()),
            _ => response,
        })
    }));
    phone.sync();
    assert_eq!(phone.snapshot.forks().unwrap().len(), 1);
}

fn proof(hashes: &[Hash]) -> Response {
    let body = encode(hashes.len(), |e, i| e.bytes(hashes[i].as_bytes()).map(drop));
    Response { status: 200, body, ..Response::default() }
}

#[test]
fn a_node_that_will_not_say_holds_nothing_up_and_is_asked_again() {
    let mut phone = Phone::new();
    phone.grow();
    let newer = phone.scene.world().note(LogName::SUPPLY);
    phone.compare(&newer);
    phone.scene.world().certify(CLASS);
    phone.scene.world().lie = Some(Box::new(|path, response| {
        Ok(match path {
            "/supply/consistency/17/18" => Response { status: 404, ..Response::default() },
            _ => response,
        })
    }));
    assert_eq!(phone.sync().len(), 2);
    assert_eq!(phone.sync(), ["/supply/consistency/17/18"]);
    phone.scene.world().lie = None;
    assert_eq!(phone.sync(), ["/supply/consistency/17/18"]);
    assert_eq!(phone.sync(), [""; 0]);
    assert!(phone.snapshot.forks().unwrap().is_empty());
}

#[test]
fn a_checkpoint_beyond_the_node_s_own_waits_for_it_to_grow() {
    let mut phone = Phone::new();
    let other = fork(&phone.scene, 9, 2).note(LogName::SUPPLY);
    assert_eq!(phone.compare(&other), Some(Meeting::Newer));
    assert_eq!(phone.sync(), [""; 0]);
    phone.grow();
    assert_eq!(phone.sync().len(), 2);
    assert_eq!(phone.snapshot.forks().unwrap().len(), 1);
}
