//! A phone's clock is held against what is proven, across restarts.

use countersign_custody::{Clock, VerdictKind};
use countersign_ledger::{LogName, UnixMillis};

use crate::world::{CLASS, LOT, PACK, START, Scene, World, item, subject};

const DAY: u64 = 24 * 3600 * 1000;

fn told(scene: &Scene, clock: UnixMillis) -> (VerdictKind, Option<&'static str>, Option<u64>) {
    let verdict = scene.open().check(&item(LOT, "S001"), clock);
    (verdict.kind, verdict.reasons.first().map(countersign_custody::Reason::key), verdict.age_millis)
}

#[test]
fn a_clock_that_was_set_back_makes_nothing_young_and_is_said_to_be_wrong() {
    let scene = Scene::new(World::with_lot());
    drop(scene.synced());
    assert_eq!(told(&scene, scene.now()), (VerdictKind::Authentic, None, Some(3600 * 1000)));
    for clock in [0, START - 365 * DAY, scene.now().0 - DAY] {
        let wrong = (VerdictKind::CannotTell, Some("clock-behind"), None);
        assert_eq!(told(&scene, UnixMillis(clock)), wrong, "{clock}");
    }
}

#[test]
fn every_checkpoint_that_was_seen_is_a_bound() {
    let scene = Scene::new(World::with_lot());
    let mut snapshot = scene.synced();
    let before = scene.now();
    scene.world().now.0 += 40 * DAY;
    scene.world().dispense(PACK);
    // Somebody who signs sees a newer checkpoint, while what is told is still as of the older one.
    snapshot.see_newest(&scene.client, LogName::SUPPLY).unwrap();
    drop(snapshot);
    assert_eq!(told(&scene, before), (VerdictKind::CannotTell, Some("clock-behind"), None));
}

#[test]
fn a_clock_that_is_ahead_of_the_nodes_at_a_sync_is_told_until_it_is_set() {
    let scene = Scene::new(World::with_lot());
    let ahead = UnixMillis(scene.now().0 + 800 * DAY);
    scene.world().phone = Some(ahead);
    drop(scene.synced());
    let verdict = scene.open().check(&item(LOT, "S001"), ahead);
    assert!(matches!(verdict.clock, Clock::Ahead { .. }), "{:?}", verdict.clock);
    // By the clock alone it has expired; that is not known.
    assert_eq!((verdict.kind, verdict.reasons[0].key()), (VerdictKind::CannotTell, "clock-ahead"));
    assert_eq!(told(&scene, scene.now()), (VerdictKind::Authentic, None, Some(3600 * 1000)));
    // Synced again by a clock that is right, it is what has been shown last that counts.
    let mut snapshot = scene.open();
    let right = scene.world().now;
    scene.world().phone = Some(right);
    scene.sync(&mut snapshot);
    assert_eq!(snapshot.now(ahead).clock(), Clock::Trusted);
}

#[test]
fn a_node_whose_clock_is_behind_makes_nothing_younger() {
    let scene = Scene::new(World::with_lot());
    drop(scene.synced());
    let later = UnixMillis(scene.now().0 + 30 * DAY);
    let age = told(&scene, later).2;
    scene.world().phone = Some(later);
    let mut snapshot = scene.open();
    snapshot.follow(&subject(CLASS)).unwrap();
    scene.sync(&mut snapshot);
    let stale = told(&scene, later);
    assert_eq!((stale.0, stale.2), (VerdictKind::CannotTell, age));
}

#[test]
fn a_clock_that_was_slow_at_the_sync_is_known_by_how_much() {
    const HOUR: u64 = 3600 * 1000;
    let scene = Scene::new(World::with_lot());
    let truly = scene.world().now;
    let slow = |lag: u64, later: u64| UnixMillis(truly.0 - lag + later);
    // Of another zone: as good as a right one, and told.
    scene.world().phone = Some(slow(6 * HOUR, 0));
    drop(scene.synced());
    for later in [0, 2 * HOUR, 7 * HOUR, 2 * DAY] {
        assert_eq!(told(&scene, slow(6 * HOUR, later)), (VerdictKind::Authentic, None, Some(later)));
        let at = UnixMillis(truly.0 + later);
        let clock = scene.open().now(slow(6 * HOUR, later)).clock();
        assert_eq!(clock, Clock::Behind { by_millis: 6 * HOUR, at });
    }
    // Forty days slow: what expired in these is not called good once the clock has come past the sync.
    let until = (crate::world::EXPIRY.0 - truly.0).div_ceil(DAY) * DAY;
    scene.world().phone = Some(slow(40 * DAY, 0));
    let mut snapshot = scene.open();
    snapshot.follow(&subject(CLASS)).unwrap();
    scene.sync(&mut snapshot);
    drop(snapshot);
    let (kind, reason, age) = told(&scene, slow(40 * DAY, until + 20 * DAY));
    assert_eq!((kind, reason), (VerdictKind::CannotTell, Some("clock-behind")));
    assert_eq!(age, Some(until + 20 * DAY));
    let late = told(&scene, slow(40 * DAY, until + 41 * DAY));
    assert_eq!((late.0, late.1), (VerdictKind::Attention, Some("expired")));
    // Before that it may have lost its time again, and tells nothing.
    assert_eq!(told(&scene, slow(40 * DAY, 0)), (VerdictKind::CannotTell, Some("clock-behind"), None));
}
