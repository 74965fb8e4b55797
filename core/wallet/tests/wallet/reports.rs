//! Reports of suspicions on a phone: sealed to whom the snapshot trusts, kept until the node has them, and told how far they are.

use std::sync::{Arc, Mutex};

use countersign_custody::VerdictKind;
use countersign_custody::report::{Envelope, Scanned, key_draft};
use countersign_ledger::{Hash, LogName, Signer as _, SoftwareKey, UnixMillis};
use countersign_wallet::{Method, ReportError, ReportState, Response, Snapshot, Words};

use crate::world::{DOMAIN, LOT, Scene, World, item, refused};

/// The authority's secret key for reports.
fn secret() -> SoftwareKey {
    SoftwareKey::from_bytes(&[9; 32]).unwrap()
}

/// Has `who` publish a key for reports.
fn publish(world: &mut World, who: &str, key: &SoftwareKey, prev: Option<Hash>) -> Hash {
    let statement = world.sign_draft(who, &key_draft(DOMAIN, &key.public_key(), prev));
    let id = statement.id();
    world.log_mut(LogName::TRUST).append(statement);
    id
}

/// A node that answers each report with the next of these statuses, and then takes all; and what it took.
fn node(scene: &Scene, statuses: &[(u16, &'static str)]) -> Arc<Mutex<Vec<Vec<u8>>>> {
    let taken: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
    let (kept, mut answers) = (Arc::clone(&taken), statuses.to_vec());
    scene.world().service = Some(Box::new(move |_, request| {
        if request.method != Method::Post || request.path != "/reports" {
            return None;
        }
        if !answers.is_empty() {
            let (status, title) = answers.remove(0);
            return Some(refused(status, title));
        }
        kept.lock().unwrap().push(request.body.to_vec());
        Some(Response { status: 204, ..Response::default() })
    }));
    taken
}

fn scan(snapshot: &mut Snapshot, now: UnixMillis) -> Scanned {
    let pack = item(LOT, "X999");
    Scanned::new(&pack, &snapshot.check(&pack, now), now)
}

fn words(words: &str) -> Words {
    Words { words: words.to_owned(), ..Words::default() }
}

fn states(snapshot: &Snapshot) -> Vec<ReportState> {
    snapshot.reports().unwrap().into_iter().map(|report| report.state).collect()
}

#[test]
fn a_report_is_sealed_to_the_key_that_an_authority_published_last() {
    let scene = Scene::new(World::with_lot());
    let mut snapshot = scene.synced();
    let now = scene.now();
    let about = scan(&mut snapshot, now);
    assert!(!snapshot.takes_reports());
    let refused = snapshot.report(about.clone(), words("blank"), now).unwrap_err();
    assert!(matches!(refused, ReportError::NoKey), "{refused}");
    // A pharmacy's key is none, whatever a node lets into the log; nor is one that was replaced.
    let other = SoftwareKey::from_bytes(&[8; 32]).unwrap();
    let pharmacy = publish(&mut scene.world(), "pharmacy", &other, None);
    scene.sync(&mut snapshot);
    assert!(!snapshot.takes_reports());
    let old = publish(&mut scene.world(), "authority", &other, Some(pharmacy));
    let current = publish(&mut scene.world(), "authority", &secret(), Some(old));
    scene.sync(&mut snapshot);
    let taken = node(&scene, &[]);
    snapshot.report(about.clone(), words("blank"), now).unwrap();
    let round = snapshot.send_reports(&scene.client, now).unwrap();
    assert_eq!((round.proven, round.refused, round.waiting, round.next_due), (1, 0, 0, None));
    let envelope = Envelope::from_bytes(&taken.lock().unwrap()[0]).unwrap();
    assert_eq!(envelope.key, current);
    assert!(envelope.open(DOMAIN, &other.to_bytes()).is_err());
    let report = envelope.open(DOMAIN, &secret().to_bytes()).unwrap();
    assert_eq!((report.words.as_str(), &report.scan), ("blank", &about));
    assert_eq!((about.verdict, about.reason.as_deref()), (VerdictKind::Suspect, Some("unknown-serial")));
    assert_eq!((report.place, report.photograph, report.answer), (None, None, None), "anonymous");
}

#[test]
fn it_waits_until_the_node_has_it_and_a_killed_app_loses_nothing() {
    let mut world = World::with_lot();
    publish(&mut world, "authority", &secret(), None);
    let scene = Scene::new(world);
    let mut snapshot = scene.synced();
    let now = scene.now();
    let about = scan(&mut snapshot, now);
    let id = snapshot.report(about, words("blank"), now).unwrap();
    let taken = node(&scene, &[(500, "internal"), (503, "storage")]);
    let mut at = now;
    for tries in 1..=2 {
        drop(snapshot);
        snapshot = scene.open();
        let round = snapshot.send_reports(&scene.client, at).unwrap();
        assert_eq!((round.proven, round.waiting), (0, 1));
        assert_eq!(
            (states(&snapshot), snapshot.reports().unwrap()[0].tries),
            (vec![ReportState::Waiting], tries)
        );
        // Before it is due again nobody is asked.
        let due = round.next_due.unwrap();
        assert!(due > at, "{due} {at}");
        assert_eq!(snapshot.send_reports(&scene.client, UnixMillis(due.0 - 1)).unwrap().proven, 0);
        assert_eq!(snapshot.reports().unwrap()[0].tries, tries);
        // One that waits is not taken off.
        snapshot.settle_report(id).unwrap();
        at = UnixMillis(due.0 + 60_000);
    }
    drop(snapshot);
    snapshot = scene.open();
    assert_eq!(snapshot.send_reports(&scene.client, at).unwrap().proven, 1);
    let bytes = taken.lock().unwrap().clone();
    assert_eq!(bytes.iter().map(|one| Hash::of(one)).collect::<Vec<_>>(), [id]);
    assert_eq!(states(&snapshot), [ReportState::Received]);
    assert_eq!(snapshot.send_reports(&scene.client, at).unwrap().proven, 0, "sent once");
    snapshot.settle_report(id).unwrap();
    assert_eq!(states(&snapshot), []);
}

#[test]
fn who_wants_it_sent_need_not_wait_and_puts_nothing_off() {
    let mut world = World::with_lot();
    publish(&mut world, "authority", &secret(), None);
    let scene = Scene::new(world);
    let mut snapshot = scene.synced();
    let now = scene.now();
    let about = scan(&mut snapshot, now);
    snapshot.report(about, words("blank"), now).unwrap();
    let taken = node(&scene, &[(500, "internal"), (500, "internal")]);
    let due = snapshot.send_reports(&scene.client, now).unwrap().next_due;
    assert!(due > Some(now));
    assert_eq!(snapshot.send_reports(&scene.client, now).unwrap().waiting, 1);
    assert_eq!(snapshot.send_reports_now(&scene.client, now).unwrap().next_due, due, "asked in vain");
    assert_eq!(snapshot.send_reports_now(&scene.client, now).unwrap().proven, 1);
    assert_eq!(taken.lock().unwrap().len(), 1);
}

#[test]
fn one_that_is_refused_is_told_and_holds_no_other_up_for_long() {
    let mut world = World::with_lot();
    publish(&mut world, "authority", &secret(), None);
    let scene = Scene::new(world);
    let mut snapshot = scene.synced();
    let now = scene.now();
    let about = scan(&mut snapshot, now);
    for number in 0..2 {
        snapshot.report(about.clone(), words(&format!("{number}")), now).unwrap();
    }
    let taken = node(&scene, &[(400, "malformed")]);
    assert_eq!(snapshot.send_reports(&scene.client, now).unwrap().refused, 1);
    assert_eq!(snapshot.send_reports(&scene.client, now).unwrap().proven, 1);
    let refused = ReportState::Refused("malformed".to_owned());
    assert_eq!(states(&snapshot), [ReportState::Received, refused]);
    assert_eq!(taken.lock().unwrap().len(), 1);
    // So many may wait.
    let mut all = (0..40).map(|number| snapshot.report(about.clone(), words(&format!("{number}")), now));
    let first = all.position(|report| matches!(report, Err(ReportError::TooMany)));
    assert_eq!(first, Some(32));
}
