//! A ledger whose witnesses are all elsewhere: one node, three notaries, each in a process of its own, over TLS. One lies, one
//! sleeps, one is behind, and any of them may be killed.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that fails should stop")]

mod liar;
mod place;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use countersign_ledger::{AddCheckpoint, Hash, Note, NoteSigner, TreeHead};

use self::liar::{Liar, Says};
use self::place::{Desk, Notary, Place, SUPPLY, http};

/// Longer than anything here may take: a witness has five seconds for an answer, and is asked again five seconds later.
const SOON: Duration = Duration::from_secs(40);

/// Waits until it holds.
fn soon(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < SOON, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn one_lies_one_sleeps_one_is_behind_and_the_node_goes_on_with_the_quorum_that_is_there() {
    let place = Place::new();
    let (honest, other) = (Notary::new(&place, "honest"), Notary::new(&place, "other"));
    let liar = Liar::new(&place);
    let node = place.node(&[&honest.outside, &other.outside, &liar.outside]);
    // Nobody knows the node's keys yet, and it cannot begin; but its trust anchors are told.
    let keys = place.log_keys();
    assert_eq!(keys.len(), 4, "{keys:?}");
    let [honest, mut other] = [honest, other].map(|one| one.cosigns(&keys).start());
    let node = node.start();
    let desk = Desk::enrol(&node, &place);
    let health = || String::from_utf8(desk.get("/health").1).unwrap();

    // One lies: whatever it says counts for nothing, and the other two suffice.
    for says in [Says::OtherText, Says::OtherKey, Says::Far, Says::Yesterday, Says::Nonsense] {
        liar.now(says);
        let asked = liar.asked();
        let began = Instant::now();
        assert!(desk.submit().is_ok(), "{says:?}");
        assert!(began.elapsed() < Duration::from_secs(4), "{says:?}: {:?}", began.elapsed());
        soon("the liar is asked", || liar.asked() > asked);
        let cosigned = desk.cosigned(SUPPLY);
        assert_eq!(cosigned.names, ["honest", "other"], "{says:?}");
    }

    // One sleeps as well: nothing is acknowledged, and nothing new is shown.
    other.sleep();
    let before = desk.cosigned(SUPPLY);
    let held = desk.submit().expect_err("it was acknowledged without a quorum");
    assert_eq!(held.status, 503);
    assert!(desk.receipt(held.id).is_none());
    assert_eq!(desk.cosigned(SUPPLY).size, before.size);
    assert!(health().contains("\"halted\":\"witnesses\""), "{}", health());
    other.wake();
    soon("the node goes on by itself", || desk.receipt(held.id).is_some());
    assert!(health().contains("\"halted\":null"), "{}", health());
    assert!(desk.submit().is_ok());

    // The liar has come to its senses; one sleeps, and nobody waits for it.
    liar.now(Says::Truth);
    other.sleep();
    for _ in 0..8 {
        let began = Instant::now();
        assert!(desk.submit().is_ok());
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
        assert_eq!(desk.cosigned(SUPPLY).names, ["honest", "liar"]);
    }
    other.wake();

    // One is behind: its state is of yesterday. It says so, and catches up by the proof.
    liar.now(Says::OtherKey);
    soon("it has caught up", || {
        desk.submit().is_ok() && other.size(SUPPLY) == Some(desk.cosigned(SUPPLY).size)
    });
    let yesterday = other.copy();
    let was = other.size(SUPPLY).unwrap();
    for _ in 0..3 {
        assert!(desk.submit().is_ok());
    }
    other.kill();
    Notary::set_back(&yesterday);
    other.run();
    assert_eq!(other.size(SUPPLY), Some(was));
    soon("it has caught up", || desk.submit().is_ok());
    let cosigned = desk.cosigned(SUPPLY);
    assert_eq!((cosigned.names, other.size(SUPPLY)), (vec!["honest", "other"], Some(cosigned.size)));
    assert!(cosigned.size > was + 3);

    // The node as well is killed and comes back, with one witness gone for good.
    liar.now(Says::Truth);
    other.kill();
    let all = desk.acknowledged();
    drop(node);
    let node = place.start_node();
    let desk = desk.at(&node);
    for id in all {
        assert!(desk.receipt(id).is_some());
    }
    assert!(desk.submit().is_ok());
    assert_eq!(desk.cosigned(SUPPLY).names, ["honest", "liar"]);
    drop(honest);
}

#[test]
fn notaries_killed_between_cosignatures_lose_nothing_and_cosign_no_fork() {
    const KILLS: usize = 12;
    let place = Place::new();
    let notaries = ["one", "two", "three"].map(|name| Notary::new(&place, name));
    let node = place.node(&notaries.each_ref().map(|notary| &*notary.outside));
    let keys = place.log_keys();
    let mut notaries = notaries.map(|notary| notary.cosigns(&keys).start());
    let node = node.start();
    let desk = Desk::enrol(&node, &place);
    let log = place.log_signer();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // However this ends, the writer does.
        let (writer, done, end) = (&desk, &done, Done(&done));
        let writing = scope.spawn(move || {
            while !done.load(Ordering::SeqCst) {
                // Refused for want of a quorum, most likely: it goes on when there is one.
                let _ = writer.submit();
            }
        });
        let mut seen: BTreeMap<String, u64> = BTreeMap::new();
        for kill in 0..KILLS {
            let acknowledged = desk.acknowledged().len();
            soon("the writer writes", || desk.acknowledged().len() > acknowledged + 2);
            let cosigned = desk.cosigned(SUPPLY);
            for name in &cosigned.names {
                seen.insert((*name).to_owned(), cosigned.size);
            }
            // Sometimes one, so that a quorum is there, sometimes all.
            let struck = if kill % 4 == 3 { 0..3 } else { kill % 3..kill % 3 + 1 };
            for notary in &mut notaries[struck.clone()] {
                notary.kill();
            }
            for notary in &mut notaries[struck] {
                notary.run();
                let held = notary.held(SUPPLY).expect("it has forgotten the log");
                let signed = seen.get(notary.name).copied().unwrap_or(0);
                assert!(held.size >= signed, "{}: {} after {signed}", notary.name, held.size);
                no_fork(notary, &held, &log);
            }
        }
        drop(end);
        writing.join().unwrap();
    });
    let last = desk.submit_until_it_is_taken();
    let all = desk.acknowledged();
    assert!(all.len() > KILLS && all.contains(&last));
    for id in all {
        assert!(desk.receipt(id).is_some(), "{id} is lost");
    }
    // All of them saw one history: whoever lags behind is brought to its end.
    soon("all are at the end", || {
        desk.submit().is_ok() && {
            let size = desk.cosigned(SUPPLY).size;
            let ends: Vec<_> = notaries.iter().filter_map(|notary| notary.held(SUPPLY)).collect();
            ends.len() == 3 && ends.iter().all(|head| head.size == size && head.root == ends[0].root)
        }
    });
}

/// Is set when this is dropped.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// The log itself signs another history, at the size that the witness holds and beyond it, with and without proofs.
fn no_fork(notary: &Notary, held: &TreeHead, log: &NoteSigner) {
    let size = held.size;
    for (old, new, proof) in [
        (size, size, vec![]),
        (size, size + 1, vec![]),
        (size, size + 1, vec![Hash::of(b"another"); 7]),
        (0, size + 1, vec![]),
        (size - 1, size, vec![Hash::of(b"another")]),
    ] {
        let mut note = Note::new(place::checkpoint(new, Hash::of(b"another history"))).unwrap();
        note.add(log.sign(note.text())).unwrap();
        let request = AddCheckpoint { old, proof, note }.to_string();
        let status = http(&notary.root).post(format!("{}/add-checkpoint", notary.url)).body(request).send();
        let status = status.unwrap().status().as_u16();
        // Meanwhile the node may have asked: then the old size is another.
        assert!([409, 422].contains(&status), "a fork from {old} to {new}: {status}");
    }
}
