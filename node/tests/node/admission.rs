//! What the sequencer accepts and refuses, each refusal for its own reason.

use countersign_ledger::{Fields, LogName, MAX_STATEMENT, Statement};
use std::sync::{Arc, Mutex};

use countersign_node::{CommitPoint, Node, Outcome, Place, Reason, Status, Surroundings};

use crate::world::{DAY_MILLIS, Site, accepted, certified, enrol, fresh_key, lot, refusal, submit};

#[test]
fn statements_are_ordered_in_their_logs_and_a_second_submission_is_told_the_place() {
    let site = Site::new();
    let node = site.open();
    let manufacturer = enrol(&node, "manufacturer", "dm");
    let first = manufacturer.sign(&site.request(1));
    let ordered = accepted(&node, LogName::SUPPLY, &first);
    // The enrolment stands before it.
    assert_eq!((ordered.place, ordered.size), (Place { log: LogName::SUPPLY, index: 1 }, 2));
    accepted(&node, LogName::SUPPLY, &manufacturer.sign(&site.request(2)));
    let Outcome::Duplicate(again) = submit(&node, LogName::SUPPLY, &first) else { panic!("not a duplicate") };
    assert_eq!((again.place, again.size), (ordered.place, 3));
    assert_eq!(node.sequencer().status(first.id()), Status::Ordered(again));
    assert_eq!(node.sequencer().status(countersign_ledger::Hash::of(b"other")), Status::Unknown);
}

#[test]
fn each_refusal_has_its_own_reason_and_changes_nothing() {
    let site = Site::new();
    let node = site.open();
    let manufacturer = enrol(&node, "manufacturer", "dm");
    let pharmacy = enrol(&node, "pharmacy", "tp");
    let good = site.request(1);
    let first = manufacturer.sign(&good);
    accepted(&node, LogName::SUPPLY, &first);
    let before = node.sequencer().health().height;
    let supply = |statement: &Statement| refusal(&node, LogName::SUPPLY, statement);
    let with = |change: &dyn Fn(&mut crate::world::Spec)| {
        let mut spec = site.request(2);
        change(&mut spec);
        manufacturer.sign(&spec)
    };

    assert_eq!(refusal(&node, LogName::TRUST, &manufacturer.sign(&site.request(2))), "other-log");
    assert_eq!(supply(&with(&|spec| spec.kind = "parcel.order")), "unknown-kind");
    assert_eq!(supply(&with(&|spec| spec.at.0 += 10 * 60 * 1000)), "future");
    assert_eq!(supply(&with(&|spec| spec.at.0 -= 32 * DAY_MILLIS)), "stale");
    // The certificate begins to hold five minutes before it was issued.
    assert_eq!(supply(&with(&|spec| spec.at.0 -= DAY_MILLIS)), "not-yet-valid");
    assert_eq!(supply(&with(&|spec| spec.cti = good.cti)), "replay");
    assert_eq!(supply(&with(&|spec| spec.subject = lot(1))), "not-latest");
    assert_eq!(supply(&with(&|spec| spec.prev = Some(first.id()))), "not-latest");
    assert_eq!(supply(&with(&|spec| spec.fields = Fields::new().with("materials", "starch"))), "rule");
    assert_eq!(supply(&pharmacy.sign(&site.request(2))), "rule");
    let stranger = certified(&fresh_key(), "manufacturer", "dm", site.clock.now());
    assert_eq!(supply(&stranger.sign(&site.request(2))), "unknown-signer");

    // Statements are read before they are verified, so these are altered as bytes.
    let bytes = |bytes: &[u8]| match node.sequencer().submit(LogName::SUPPLY, bytes).wait() {
        Outcome::Refused(reason) => reason.problem().as_str(),
        other => panic!("not refused: {other:?}"),
    };
    let sound = manufacturer.sign(&site.request(2));
    let altered = |needle: &[u8], by: &[u8]| {
        let at = sound.as_bytes().windows(needle.len()).position(|window| window == needle).unwrap();
        [&sound.as_bytes()[..at], by, &sound.as_bytes()[at + needle.len()..]].concat()
    };
    assert_eq!(bytes(&altered(b"starch", b"chalk!")), "signature");
    assert_eq!(bytes(&altered(b"manufacturer/dm", b"manufacturer/dn")), "wrong-issuer");
    assert_eq!(bytes(&sound.as_bytes()[1..]), "format");
    assert_eq!(bytes(&vec![0; MAX_STATEMENT + 1]), "too-large");
    assert_eq!(bytes(&high_s(sound.as_bytes())), "high-s");

    assert_eq!(node.sequencer().health().height, before);
    accepted(&node, LogName::SUPPLY, &sound);
}

/// The malleable twin: the same statement with the other signature that verifies.
fn high_s(statement: &[u8]) -> Vec<u8> {
    let (rest, signature) = statement.split_at(statement.len() - 64);
    let signature = p256::ecdsa::Signature::from_slice(signature).unwrap();
    let (r, s) = signature.split_scalars();
    let twin = p256::ecdsa::Signature::from_scalars(*r, -*s).unwrap();
    [rest, &twin.to_bytes()].concat()
}

#[test]
fn an_expired_certificate_signs_nothing_more() {
    let mut site = Site::new();
    site.config.certificate_days = 1;
    let node = site.open();
    let manufacturer = enrol(&node, "manufacturer", "dm");
    accepted(&node, LogName::SUPPLY, &manufacturer.sign(&site.request(1)));
    site.clock.advance(2 * DAY_MILLIS);
    assert_eq!(refusal(&node, LogName::SUPPLY, &manufacturer.sign(&site.request(2))), "expired");
}

#[test]
fn a_revoked_signer_signs_nothing_more_and_what_was_signed_before_stays() {
    let site = Site::new();
    let node = site.open();
    let manufacturer = enrol(&node, "manufacturer", "dm");
    let other = enrol(&node, "manufacturer", "dm-2");
    let before = manufacturer.sign(&site.request(1));
    accepted(&node, LogName::SUPPLY, &before);
    node.revoke(manufacturer.certificate.fingerprint()).unwrap();
    assert_eq!(refusal(&node, LogName::SUPPLY, &manufacturer.sign(&site.request(2))), "revoked");
    assert!(matches!(submit(&node, LogName::SUPPLY, &before), Outcome::Duplicate(_)));
    accepted(&node, LogName::SUPPLY, &other.sign(&site.request(2)));
}

#[test]
fn a_statement_that_was_ordered_long_ago_is_still_told_its_place() {
    let site = Site::new();
    let node = site.open();
    let manufacturer = enrol(&node, "manufacturer", "dm");
    let first = manufacturer.sign(&site.request(1));
    let ordered = accepted(&node, LogName::SUPPLY, &first);
    site.clock.advance(40 * DAY_MILLIS);
    assert_eq!(submit(&node, LogName::SUPPLY, &first), Outcome::Duplicate(ordered));
}

#[test]
fn only_the_registrar_enrols_and_revokes() {
    let site = Site::new();
    let node = site.open();
    let manufacturer = enrol(&node, "manufacturer", "dm");
    let mut spec = site.request(1);
    spec.kind = "enrol";
    spec.subject = manufacturer.certificate.identity().to_string();
    spec.fields = Fields::new();
    spec.fields
        .insert("certificate", countersign_ledger::Value::Bytes(manufacturer.certificate.as_der().to_vec()));
    let Outcome::Refused(Reason::NotLatest { latest }) =
        submit(&node, LogName::SUPPLY, &manufacturer.sign(&spec))
    else {
        panic!("the enrolment is not on the subject")
    };
    spec.prev = latest;
    assert_eq!(refusal(&node, LogName::SUPPLY, &manufacturer.sign(&spec)), "role");
    spec.kind = "revoke";
    spec.prev = None;
    spec.fields =
        Fields::new().with("certificate", manufacturer.certificate.fingerprint()).with("from-supply", 0);
    assert_eq!(refusal(&node, LogName::TRUST, &manufacturer.sign(&spec)), "role");
}

#[test]
fn a_stopped_engine_answers_busy_and_may_be_stopped_again() {
    let site = Site::new();
    let node = site.open();
    let manufacturer = enrol(&node, "manufacturer", "dm");
    node.sequencer().shutdown();
    let outcome = submit(&node, LogName::SUPPLY, &manufacturer.sign(&site.request(1)));
    assert!(matches!(outcome, Outcome::Busy { .. }), "{outcome:?}");
    assert!(!node.sequencer().health().accepting);
    node.sequencer().shutdown();
}

#[test]
fn a_full_queue_answers_busy_and_what_waits_is_pending() {
    let mut site = Site::new();
    site.config.limits.queue = 1;
    // Once the door is shut, the ordering thread stands still at its next block until it opens.
    let door = Arc::new(Mutex::new(()));
    let held = Arc::clone(&door);
    let observer = move |point| {
        if point == CommitPoint::Applied {
            drop(held.lock().unwrap());
        }
    };
    let surroundings = Surroundings { observer: Box::new(observer), ..site.clock.surroundings() };
    let node = Node::open_with(site.config.clone(), surroundings).unwrap();
    let manufacturer = enrol(&node, "manufacturer", "dm");
    let statements: Vec<_> = (0..200).map(|i| manufacturer.sign(&site.request(i))).collect();
    let shut = door.lock().unwrap();
    let mut tickets = Vec::new();
    let refused = statements.iter().find(|statement| {
        let ticket = node.sequencer().submit(LogName::SUPPLY, statement.as_bytes());
        // The first is taken up by the ordering thread, some may join its block, one waits, and then it is full.
        std::thread::sleep(std::time::Duration::from_millis(20));
        if node.sequencer().status(statement.id()) == Status::Pending {
            tickets.push(ticket);
            return false;
        }
        assert!(matches!(ticket.wait(), Outcome::Busy { .. }));
        true
    });
    let refused = refused.expect("the queue is never full");
    assert_eq!(node.sequencer().health().waiting, tickets.len());
    drop(shut);
    for ticket in tickets {
        assert!(matches!(ticket.wait(), Outcome::Accepted(_)));
    }
    accepted(&node, LogName::SUPPLY, refused);
}

#[test]
fn many_threads_submit_and_each_statement_stands_once() {
    let site = Site::new();
    let node = site.open();
    let manufacturer = enrol(&node, "manufacturer", "dm");
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (site, node, manufacturer) = (&site, &node, &manufacturer);
            scope.spawn(move || {
                for i in 0..20 {
                    let statement = manufacturer.sign(&site.request(thread * 100 + i));
                    accepted(node, LogName::SUPPLY, &statement);
                    assert!(matches!(submit(node, LogName::SUPPLY, &statement), Outcome::Duplicate(_)));
                }
            });
        }
    });
    let blocks = node.sequencer().blocks(1, 256).unwrap();
    let statements: usize = blocks.iter().map(|block| block.statements.len()).sum();
    assert_eq!(statements, 161);
    assert!(blocks.windows(2).all(|pair| pair[0].height + 1 == pair[1].height));
}
