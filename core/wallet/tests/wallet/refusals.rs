//! What the ledger refuses stays in the outbox, with the reason and what to do, and stands in nothing else's way.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign_custody::handover::{CustodyChain, CustodyRules, Key, OFFER_MILLIS, Offered, Seen, Terms};
use countersign_ledger::{LogName, UnixMillis};
use countersign_node::{Config, Node, Running, Surroundings, system_uptime};
use countersign_wallet::{
    AdvanceError, Cause, Courier, Delivery, NextStep, OfferTo, Round, StoredKey, SyncError,
};

use crate::couriers::{KEY, Phone, custody_only, intact, now, pack, scene, unit, units_only};

const HOUR: u64 = 3600 * 1000;

fn refused(reason: &str, next: NextStep) -> Delivery {
    Delivery::Refused { reason: reason.into(), next }
}

/// What became of the statements of a round.
fn counts(round: &Round) -> (usize, usize, usize) {
    (round.proven, round.refused, round.waiting)
}

/// A node whose clock goes ahead of the real one.
fn ahead(directory: &Path) -> (Running, Arc<AtomicU64>) {
    let hours = Arc::new(AtomicU64::new(0));
    let shown = Arc::clone(&hours);
    let clock = Arc::new(move || UnixMillis(now().0 + shown.load(Ordering::Relaxed) * HOUR));
    let shown = Arc::clone(&hours);
    let uptime = system_uptime();
    let uptime = Arc::new(move || uptime() + Duration::from_hours(shown.load(Ordering::Relaxed)));
    let surroundings = Surroundings { families: custody_only(), clock, uptime, ..Surroundings::default() };
    let node = Node::open_with(Config::development(directory.join("node")), surroundings).unwrap();
    (node.start().unwrap(), hours)
}

fn later(hours: u64) -> UnixMillis {
    UnixMillis(now().0 + hours * HOUR)
}

fn hand_over(from: &mut Phone, to: &mut Phone, at: UnixMillis) {
    let offer = from.courier().offer(&unit(), &OfferTo::default(), at).unwrap();
    to.courier().answer(&offer.message, &[unit()], &intact(), at).unwrap();
}

#[test]
fn what_follows_a_refused_handover_names_it_and_what_to_do() {
    let directory = tempfile::tempdir().unwrap();
    let (running, mut distributor, [mut a, mut b, mut c]) = scene(directory.path(), ["a", "b", "c"]);
    let offer = distributor.courier().offer(&unit(), &OfferTo::default(), now()).unwrap();
    a.courier().answer(&offer.message, &[unit()], &intact(), now()).unwrap();
    b.courier().answer(&offer.message, &[unit()], &intact(), now()).unwrap();
    hand_over(&mut b, &mut c, now());
    assert_eq!(counts(&a.send(now())), (1, 0, 0));
    assert_eq!(counts(&c.send(now())), (0, 2, 0));

    let [first, follows] = c.snapshot.outbox().unwrap().try_into().unwrap();
    assert_eq!(first.delivery, refused("custody-conflict", NextStep::ConflictRecorded));
    assert_eq!((first.cause, follows.delivery), (None, refused("follows-refused", NextStep::HandOverAgain)));
    let cause = Cause { statement: first.id, reason: "custody-conflict".into() };
    assert_eq!(follows.cause, Some(cause));
    // It is not tried: nothing can come of it.
    assert_eq!((follows.tries, counts(&c.send(now()))), (0, (0, 0, 0)));
    let stuck = c.courier().offer(&unit(), &OfferTo::default(), now()).unwrap_err();
    assert_eq!(stuck.reason(), "goods-refused");

    // What follows goes with its cause, and not without it.
    assert_eq!(c.snapshot.settle(follows.id).unwrap(), 0);
    assert_eq!(c.snapshot.settle(first.id).unwrap(), 2);
    assert!(c.snapshot.outbox().unwrap().is_empty() && c.courier().goods().unwrap().is_empty());
    c.load(&unit());
    assert_eq!(c.courier().goods().unwrap()[0].holder.as_ref().unwrap().name(), "a");
    running.stop();
}

#[test]
fn an_earlier_refusal_does_not_stand_in_the_way_of_the_same_goods_later() {
    let directory = tempfile::tempdir().unwrap();
    let (running, mut distributor, [mut a, mut b, mut c]) = scene(directory.path(), ["a", "b", "c"]);
    let offer = distributor.courier().offer(&unit(), &OfferTo::default(), now()).unwrap();
    a.courier().answer(&offer.message, &[unit()], &intact(), now()).unwrap();
    b.courier().answer(&offer.message, &[unit()], &intact(), now()).unwrap();
    a.send(now());
    assert_eq!(counts(&b.send(now())), (0, 1, 0));
    // The refused handover is still on the list when the same goods come to B, from whoever holds them.
    a.load(&unit());
    hand_over(&mut a, &mut b, now());
    hand_over(&mut b, &mut c, now());
    let round = c.send(now());
    assert_eq!((round.refused, round.waiting), (0, 0));
    let round = b.send(now());
    assert_eq!((round.refused, round.waiting), (0, 0));
    let rows = b.snapshot.outbox().unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].delivery, refused("custody-conflict", NextStep::ConflictRecorded));
    assert_eq!(b.issuer().history(LogName::SUPPLY, &unit()).unwrap().len(), 5);
    running.stop();
}

#[test]
fn a_handover_by_a_clock_that_ran_ahead_waits_until_the_ledger_has_caught_up() {
    let directory = tempfile::tempdir().unwrap();
    let (running, hours) = ahead(directory.path());
    let [mut giver, mut receiver] = [("distributor", "dd"), ("courier", "a")]
        .map(|(role, name)| Phone::new(&running, directory.path(), role, name));
    pack(&mut giver, now());
    hand_over(&mut giver, &mut receiver, later(1));
    let round = receiver.send(now());
    assert_eq!(counts(&round), (0, 0, 1));
    assert_eq!(receiver.snapshot.outbox().unwrap()[0].delivery, Delivery::Waiting);
    hours.store(1, Ordering::Relaxed);
    assert_eq!(counts(&receiver.send(round.next_due.unwrap())), (1, 0, 0));
    running.stop();
}

/// The giver's clock is set back to before what they have seen, and the receiver's phone, which has seen nothing, with it.
#[test]
fn a_handover_that_is_older_than_the_checkpoint_it_names_is_refused_as_backdated() {
    let directory = tempfile::tempdir().unwrap();
    let (running, hours) = ahead(directory.path());
    let [mut giver, mut receiver] = [("distributor", "dd"), ("courier", "a")]
        .map(|(role, name)| Phone::new(&running, directory.path(), role, name));
    hours.store(2, Ordering::Relaxed);
    pack(&mut giver, later(2));
    let history = giver.issuer().history(LogName::SUPPLY, &unit()).unwrap();
    let certificate = giver.issuer().certificate(KEY).unwrap();
    let signer = StoredKey::find(Arc::clone(&giver.keys), KEY).unwrap();
    let newest = giver.snapshot.seen(LogName::SUPPLY).unwrap().checkpoint();
    let seen = Some(Seen { size: newest.size(), root: newest.root() });
    let terms = Terms { to: None, place: None, seen, millis: OFFER_MILLIS };
    let trust = giver.snapshot.trust().unwrap();
    let domain = certificate.identity().domain();
    let rules = CustodyRules { profile: &units_only(), trust: &trust, log: LogName::SUPPLY, domain };
    let key = Key { certificate: &certificate, signer: &signer };
    let offered =
        Offered::make(CustodyChain::new(&history).unwrap(), &terms, key, &rules, now(), [7; 16]).unwrap();

    receiver.courier().answer(&offered.to_bytes(), &[unit()], &intact(), now()).unwrap();
    assert_eq!(counts(&receiver.send(later(2))), (0, 1, 0));
    let row = receiver.snapshot.outbox().unwrap().remove(0);
    assert_eq!(row.delivery, refused("backdated", NextStep::HandOverAgain));
    // With a clock that is right the same two hand the same goods over.
    receiver.load(&unit());
    assert_eq!(receiver.courier().goods().unwrap()[0].holder.as_ref().unwrap().name(), "dd");
    hand_over(&mut giver, &mut receiver, later(2));
    assert_eq!(counts(&receiver.send(later(2))), (1, 0, 0));
    assert_eq!(receiver.snapshot.settle(row.id).unwrap(), 1);
    running.stop();
}

/// The same ledger's keys sign two logs: what an operator would do who tells two people two stories.
#[test]
fn a_handover_whose_signer_was_shown_another_log_is_refused_and_the_fork_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let (running, mut distributor, [mut a, ..]) = scene(directory.path(), ["a", "b", "c"]);
    running.stop();
    let (one, other) = (directory.path().join("node"), directory.path().join("other"));
    copy(&one, &other);
    let open = |path: &Path| {
        let surroundings = Surroundings { families: custody_only(), ..Surroundings::default() };
        Node::open_with(Config::development(path.to_owned()), surroundings).unwrap().start().unwrap()
    };
    let running = open(&other);
    Phone::new(&running, directory.path(), "courier", "x");
    a.reach(&running);
    a.issuer().latest(LogName::SUPPLY, &unit()).unwrap();
    running.stop();

    let running = open(&one);
    Phone::new(&running, directory.path(), "courier", "y");
    hand_over(&mut distributor, &mut a, now());
    a.reach(&running);
    assert_eq!(counts(&a.send(now())), (0, 1, 0));
    let row = a.snapshot.outbox().unwrap().remove(0);
    assert_eq!((row.delivery, row.cause), (refused("foreign-checkpoint", NextStep::AskOffice), None));
    // The phone itself finds out at its next sync.
    let error = a.sync().unwrap_err();
    let found =
        matches!(error, SyncError::Advance(AdvanceError::Fork(_) | AdvanceError::NotAnExtension { .. }));
    assert!(found, "{error}");
    assert_eq!(a.snapshot.forks().unwrap().len(), 1);
    // Whoever meets it now keeps the evidence as well.
    let note = Courier::new(&mut a.snapshot, Arc::clone(&a.keys), KEY).unwrap().note().unwrap();
    distributor.courier().compare(&note).unwrap();
    distributor.reach(&running);
    distributor.sync().unwrap();
    assert_eq!(distributor.snapshot.forks().unwrap().len(), 1);
    running.stop();
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
