//! A demand becomes a delivery, once, if the log says so.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};

use countersign_ledger::{Hash, Statement, UnixMillis};
use countersign_node::{CommitPoint, Node, Outcome, Surroundings};
use countersign_records::rules::Mode;
use countersign_records::{Demand, Wanted};

use super::clinic::{
    ASK, AT_ONCE, Ask, Clinic, MINUTE, Owner, Shared, eventually, full, line, noise, proven, read, refused,
    shared, site, store,
};
use crate::world::{Site, accepted, fresh_key, open_patiently};

/// A record of nine parts and a request that was granted at once.
fn granted() -> (Clinic, Owner, Shared, Ask) {
    let clinic = Clinic::new();
    let nine = Shared::new(9, 3000);
    let owner = clinic.record(&nine);
    let ask = clinic.ask(&owner, shared(), AT_ONCE, 60);
    (clinic, owner, nine, ask)
}

fn signed(wanted: &Wanted, ask: &Ask) -> Vec<u8> {
    wanted.sign(&ask.holder).unwrap().as_bytes().to_vec()
}

#[test]
fn what_was_granted_is_delivered_and_recorded() {
    let (clinic, _, nine, ask) = granted();
    let demand = clinic.demand(&ask);
    let delivered = read(&clinic.deliver(&demand));
    assert_eq!(delivered.row, nine.row);
    for object in &nine.objects {
        let answer = clinic.get(Hash::of(object), &delivered.token);
        assert_eq!((answer.status, &answer.body), (200, object));
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    let statement = Statement::parse(&delivered.delivery).unwrap();
    assert_eq!(statement.issuer(), &store());
    assert_eq!(statement.id(), clinic.latest(shared(), &ask.thread()));
    proven(&clinic, shared(), &delivered);
    let proof = Demand::parse(&demand).unwrap().proof();
    assert!(delivered.delivery.windows(32).any(|window| window == proof.as_bytes()));
}

#[test]
fn each_wrong_demand_is_refused_for_its_own_reason_and_nothing_is_ordered() {
    let (clinic, owner, _, ask) = granted();
    let before = clinic.latest(shared(), &ask.thread());
    let wanted = clinic.wanted(&ask);
    let says = |demand: &[u8]| refused(&clinic.deliver(demand));
    let with = |change: &dyn Fn(&mut Wanted)| {
        let mut wanted = wanted.clone();
        change(&mut wanted);
        says(&signed(&wanted, &ask))
    };
    assert_eq!(says(b"nothing").1, "malformed");
    assert_eq!(says(&noise(1025)).1, "too-large");
    assert_eq!(with(&|wanted| wanted.request = Hash([1; 32])).1, "not-found");
    assert_eq!(
        with(&|wanted| wanted.request = owner.head(shared())).1,
        "not-found",
        "an index is no request"
    );
    let cellar = countersign_ledger::Identity::new("meds.example", "record-store", "cellar").unwrap();
    assert_eq!(with(&|wanted| wanted.store = cellar.clone()).1, "other-store");
    let at = |time: u64| with(&|wanted| wanted.time = UnixMillis(time)).1;
    let now = clinic.now().0;
    assert_eq!((at(now - 61_000), at(now + 61_000)), ("stale".to_owned(), "future".to_owned()));
    assert_eq!(with(&|wanted| wanted.seen_root = Hash([2; 32])).1, "foreign-checkpoint");
    assert_eq!(with(&|wanted| wanted.seen_size += 1000).1, "foreign-checkpoint");
    let (status, title, text) = says(wanted.sign(&fresh_key()).unwrap().as_bytes());
    assert_eq!((status, title.as_str()), (403, "signature"));
    assert_eq!(text, "the demand is not signed with the key that the request names");
    assert_eq!(clinic.latest(shared(), &ask.thread()), before, "nothing was ordered");
    read(&clinic.deliver(&signed(&wanted, &ask)));
}

#[test]
fn the_same_demand_is_the_same_delivery_also_after_a_restart() {
    let (mut clinic, _, nine, ask) = granted();
    let wanted = clinic.wanted(&ask);
    let demand = signed(&wanted, &ask);
    let first = read(&clinic.deliver(&demand));
    let again = read(&clinic.deliver(&demand));
    assert_eq!((&again.delivery, &again.token, again.until), (&first.delivery, &first.token, first.until));
    // Another demand with the same nonce.
    let other = Wanted { time: UnixMillis(wanted.time.0 + 1), ..wanted };
    assert_eq!(refused(&clinic.deliver(&signed(&other, &ask))).1, "replay");
    clinic.restart();
    assert_eq!(clinic.get(Hash::of(nine.wraps()), &first.token).problem(), (403, "token".to_owned()));
    let later = read(&clinic.deliver(&demand));
    assert_eq!(later.delivery, first.delivery);
    assert_eq!(clinic.get(Hash::of(nine.wraps()), &later.token).body, nine.wraps());
    // Whoever has recorded it is a minute too late.
    clinic.site.clock.advance(61_000);
    assert_eq!(refused(&clinic.deliver(&demand)).1, "stale");
}

#[test]
fn one_demand_that_comes_from_eight_sides_at_once_is_one_delivery() {
    let (clinic, _, _, ask) = granted();
    let demand = clinic.demand(&ask);
    let start = Barrier::new(8);
    let deliveries = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    loop {
                        let answer = crate::world::Answer::of(
                            clinic
                                .client
                                .http
                                .post(format!("{}/store/deliveries", clinic.client.base))
                                .body(demand.clone())
                                .send()
                                .unwrap(),
                        );
                        if answer.status == 200 {
                            return read(&answer).delivery;
                        }
                        assert_eq!(answer.problem(), (503, "busy".to_owned()));
                        std::thread::sleep(std::time::Duration::from_millis(5));
                    }
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(deliveries.iter().all(|one| *one == deliveries[0]));
    assert_eq!(clinic.latest(shared(), &ask.thread()), Hash::of(&deliveries[0]));
}

#[test]
fn a_grant_is_delivered_sixteen_times() {
    let (clinic, _, _, ask) = granted();
    for _ in 0..16 {
        clinic.delivered(&ask);
    }
    let (status, title, text) = refused(&clinic.deliver(&clinic.demand(&ask)));
    assert_eq!((status, title.as_str()), (422, "rule"));
    assert_eq!(text, "the grant has been delivered as often as a grant may be");
}

#[test]
fn nothing_is_delivered_that_was_not_granted_was_withdrawn_or_has_ended() {
    let (clinic, owner, nine, ask) = granted();
    let says = |ask: &Ask| refused(&clinic.deliver(&clinic.demand(ask))).2;
    let waits = clinic.ask(&owner, shared(), ASK, 60);
    assert_eq!(says(&waits), "nothing was granted");
    accepted(clinic.node(), shared(), &owner.answer(&waits, 1, waits.id));
    let delivered = clinic.delivered(&waits);
    clinic.withdraw(&owner, &waits);
    assert_eq!(says(&waits), "the grant was withdrawn");
    // What was delivered before is handed out no more, either.
    let (status, title, text) = refused(&clinic.get(Hash::of(nine.wraps()), &delivered.token));
    assert_eq!((status, title.as_str(), text.as_str()), (403, "token", "the grant was withdrawn"));
    let denied = clinic.ask(&owner, shared(), ASK, 60);
    accepted(clinic.node(), shared(), &owner.answer(&denied, 2, denied.id));
    assert_eq!(says(&denied), "nothing was granted");

    let short = clinic.ask(&owner, shared(), AT_ONCE, 2);
    let delivered = clinic.delivered(&short);
    assert_eq!(delivered.until.0 / 1000, (clinic.now().0 + 2 * MINUTE) / 1000, "no longer than the grant");
    clinic.site.clock.advance(2 * MINUTE + 1000);
    assert_eq!(says(&short), "the grant has ended");
    assert_eq!(clinic.get(Hash::of(nine.wraps()), &delivered.token).problem().1, "token");
    read(&clinic.deliver(&clinic.demand(&ask)));
}

#[test]
fn a_token_is_for_its_own_objects_and_ten_minutes() {
    let (clinic, _, nine, ask) = granted();
    let delivered = clinic.delivered(&ask);
    let other_objects = Shared::new(2, 400);
    let other = clinic.record(&other_objects);
    let other = clinic.delivered(&clinic.ask(&other, full(), AT_ONCE, 60));
    let digest = Hash::of(nine.wraps());
    assert_eq!(clinic.get(digest, &other.token).problem(), (404, "not-found".to_owned()));
    assert_eq!(clinic.get(Hash::of(other_objects.wraps()), &delivered.token).problem().0, 404);
    let mut forged = delivered.token.clone();
    *forged.last_mut().unwrap() ^= 1;
    for wrong in [&forged[..], &[], &noise(64)] {
        assert_eq!(clinic.get(digest, wrong).problem(), (403, "token".to_owned()));
    }
    assert_eq!(clinic.client.get(&format!("/store/objects/{digest}")).problem().0, 403, "without one");
    assert_eq!(clinic.put(nine.wraps(), &delivered.token).problem().0, 403, "to read is not to write");
    clinic.site.clock.advance(10 * MINUTE - 1000);
    assert_eq!(clinic.get(digest, &delivered.token).status, 200);
    clinic.site.clock.advance(2000);
    assert_eq!(clinic.get(digest, &delivered.token).problem(), (403, "token".to_owned()));
}

#[test]
fn a_large_object_comes_in_ranges_and_whole() {
    let clinic = Clinic::new();
    let large = Shared::of(vec![noise(3_000_001)]);
    let owner = clinic.record(&large);
    let delivered = clinic.delivered(&clinic.ask(&owner, shared(), AT_ONCE, 60));
    let (object, digest) = (&large.objects[2], Hash::of(&large.objects[2]));
    let whole = clinic.get(digest, &delivered.token);
    assert_eq!((whole.status, whole.header("accept-ranges")), (200, "bytes"));
    assert!(whole.body == *object);
    for (range, bytes) in [
        ("bytes=0-0", 0..1),
        ("bytes=262143-262145", 262_143..262_146),
        ("bytes=2999990-", 2_999_990..3_000_001),
        ("bytes=-5", 2_999_996..3_000_001),
        ("bytes=100-99999999", 100..3_000_001),
    ] {
        let part = clinic.get_range(digest, &delivered.token, Some(range));
        assert_eq!(part.status, 206, "{range}");
        let told = format!("bytes {}-{}/3000001", bytes.start, bytes.end - 1);
        assert_eq!(part.header("content-range"), told);
        assert!(part.body == object[bytes], "{range}");
    }
    let beyond = clinic.get_range(digest, &delivered.token, Some("bytes=3000001-"));
    assert_eq!((beyond.status, beyond.header("content-range")), (416, "bytes */3000001"));
    assert_eq!(clinic.get_range(digest, &delivered.token, Some("bytes=0-1,5-6")).status, 200);
}

#[test]
fn the_pieces_of_an_image_are_objects_of_their_row_as_its_parts_are() {
    let clinic = Clinic::new();
    let (mut shared_objects, pieces) = (Shared::new(2, 400), [noise(4_200_000), noise(900)]);
    let digests = pieces.iter().map(|piece| Hash::of(piece)).collect();
    shared_objects.row.images = vec![vec![], digests];
    let mut owner = Owner::new(&clinic.site, clinic.node());
    let announced = clinic.upload(&owner, &[&shared_objects]);
    assert_eq!(announced.lacking.len(), 4);
    let index = owner.index(shared(), 1, &[line(AT_ONCE, Mode::AtOnce, &shared_objects.row)]);
    let (problem, _) = super::clinic::refused_by_the_log(clinic.node(), shared(), &index);
    assert_eq!(problem, "promise-not-held", "its images are not there");
    shared_objects.objects.extend(pieces.clone());
    clinic.upload(&owner, &[&shared_objects]);
    accepted(clinic.node(), shared(), &index);
    owner.was_published(shared(), &index);
    let ask = clinic.ask(&owner, shared(), AT_ONCE, 60);
    let delivered = clinic.delivered(&ask);
    assert_eq!(delivered.row, shared_objects.row);
    for piece in &pieces {
        assert!(clinic.get(Hash::of(piece), &delivered.token).body == *piece);
    }
    // Without them, they go.
    let fewer = Shared {
        row: countersign_records::Row { images: vec![], ..shared_objects.row.clone() },
        ..shared_objects
    };
    clinic.upload(&owner, &[&fewer]);
    owner.publish(clinic.node(), shared(), 1, &[line(AT_ONCE, Mode::AtOnce, &fewer.row)]);
    clinic.site.clock.advance(25 * 3600 * 1000);
    eventually("the images are gone", || pieces.iter().all(|piece| !clinic.lies(&owner, piece)));
    assert!(clinic.lies(&owner, fewer.wraps()));
}

#[test]
fn what_is_superseded_stays_for_a_running_delivery_and_goes_with_it() {
    let (clinic, mut owner, nine, ask) = granted();
    let delivered = clinic.delivered(&ask);
    let again = nine.wrapped_anew();
    clinic.upload(&owner, &[&again]);
    let before = clinic.demand(&ask);
    for log in [shared(), full()] {
        owner.publish(clinic.node(), log, 1, &[line(AT_ONCE, Mode::AtOnce, &again.row)]);
    }
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(clinic.get(Hash::of(nine.wraps()), &delivered.token).body, nine.wraps(), "it runs");
    assert_eq!(read(&clinic.deliver(&before)).row, again.row, "a new delivery is of the new row");
    clinic.site.clock.advance(10 * MINUTE + 1000);
    eventually("the superseded wraps are gone", || !clinic.lies(&owner, nine.wraps()));
    assert!(clinic.lies(&owner, again.wraps()) && clinic.lies(&owner, &nine.objects[3]));
}

/// Holds the ordering thread before its next block, so that what is submitted meanwhile is one block.
struct Gate {
    closed: Arc<AtomicBool>,
    waits: Arc<AtomicBool>,
}

impl Gate {
    fn new() -> Self {
        Self { closed: Arc::default(), waits: Arc::default() }
    }

    /// What a node is given whose ordering thread waits at this gate.
    fn surroundings(&self, site: &Site) -> Surroundings {
        let (held, waiting) = (Arc::clone(&self.closed), Arc::clone(&self.waits));
        let observer = move |point| {
            while point == CommitPoint::Acknowledged && held.load(Ordering::SeqCst) {
                waiting.store(true, Ordering::SeqCst);
                std::thread::yield_now();
            }
            waiting.store(false, Ordering::SeqCst);
        };
        Surroundings { observer: Box::new(observer), ..site.clock.surroundings() }
    }

    /// Closes after the block that `last` makes.
    fn close(&self, last: impl FnOnce()) {
        self.closed.store(true, Ordering::SeqCst);
        last();
        eventually("the ordering thread waits", || self.waits.load(Ordering::SeqCst));
    }

    fn open(&self) {
        self.closed.store(false, Ordering::SeqCst);
    }
}

#[test]
fn a_withdrawal_and_a_delivery_in_one_block_are_decided_by_their_order() {
    for withdrawal_first in [true, false] {
        let site = site();
        let gate = Gate::new();
        let node = open_patiently(|| Node::open_with(site.config.clone(), gate.surroundings(&site))).unwrap();
        let running = node.start().unwrap();
        let client = crate::world::Client::new(running.node().genesis(), running.addr());
        let authority = crate::world::enrol(running.node(), "attribute-authority", "clinics");
        let clinic =
            Clinic { site, running: Some(running), client, authority, slot: std::cell::Cell::new(0) };
        let nine = Shared::new(2, 400);
        let owner = clinic.record(&nine);
        let ask = clinic.ask(&owner, shared(), AT_ONCE, 60);
        let (withdrawal, demand) = (owner.answer(&ask, 3, ask.id), clinic.demand(&ask));
        let height = clinic.node().sequencer().health().height;
        gate.close(|| {
            // Its ticket is not waited for: the thread that would answer is held.
            let other = clinic.record_request(&owner);
            drop(clinic.node().sequencer().submit(full(), other.as_bytes()));
        });
        let waiting = |count: usize| {
            eventually("it is queued", || clinic.node().sequencer().health().waiting == count);
        };
        let queued = clinic.node().sequencer().health().waiting;
        let (withdrawn, delivered) = std::thread::scope(|scope| {
            let deliver = || {
                let client = &clinic.client;
                let (http, base) = (client.http.clone(), client.base.clone());
                let demand = demand.clone();
                scope.spawn(move || {
                    crate::world::Answer::of(
                        http.post(format!("{base}/store/deliveries")).body(demand).send().unwrap(),
                    )
                })
            };
            let withdraw = || clinic.node().sequencer().submit(shared(), withdrawal.as_bytes());
            let (ticket, thread) = if withdrawal_first {
                let ticket = withdraw();
                waiting(queued + 1);
                let thread = deliver();
                waiting(queued + 2);
                (ticket, thread)
            } else {
                let thread = deliver();
                waiting(queued + 1);
                let ticket = withdraw();
                waiting(queued + 2);
                (ticket, thread)
            };
            gate.open();
            (ticket.wait(), thread.join().unwrap())
        });
        if withdrawal_first {
            assert!(matches!(withdrawn, Outcome::Accepted(_)), "{withdrawn:?}");
            assert_eq!(refused(&delivered).2, "the grant was withdrawn");
        } else {
            let delivered = read(&delivered);
            assert!(
                matches!(&withdrawn, Outcome::Refused(reason) if reason.problem().as_str() == "not-latest")
            );
            // The owner's phone signs it anew, after the delivery, which the owner sees.
            let id = Statement::parse(&delivered.delivery).unwrap().id();
            accepted(clinic.node(), shared(), &owner.answer(&ask, 3, id));
            assert_eq!(clinic.get(Hash::of(nine.wraps()), &delivered.token).problem().1, "token");
        }
        let blocks = clinic.node().sequencer().blocks(height + 2, 1).unwrap();
        let of_the_thread = blocks[0].statements.iter().filter(|(log, _)| *log == shared()).count();
        assert!(of_the_thread >= 1, "the two were judged in one block");
    }
}

#[test]
fn a_store_that_lost_its_objects_says_so_and_orders_nothing() {
    let (mut clinic, owner, nine, ask) = granted();
    clinic.running.take().unwrap().stop();
    // As after a restored backup: the catalogue is an old one.
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(clinic.site.config.data.join(format!("records.sqlite{suffix}")));
    }
    clinic.start();
    let before = clinic.latest(shared(), &ask.thread());
    let (status, title, text) = refused(&clinic.deliver(&clinic.demand(&ask)));
    assert_eq!((status, title.as_str()), (404, "not-found"));
    assert!(text.contains("upload it again"), "{text}");
    assert_eq!(clinic.latest(shared(), &ask.thread()), before);
    // The owner's phone still has everything.
    clinic.upload(&owner, &[&nine]);
    assert_eq!(clinic.delivered(&ask).row, nine.row);
}
