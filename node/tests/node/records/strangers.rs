//! What a stranger, an owner or a doctor who means ill can cause at the record store, and what others notice of it.
//!
//! Floods come from 127.0.0.1, honest people from 127.0.0.2. Of every budget one address has a quarter.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use countersign_ledger::Hash;
use countersign_node::Running;
use countersign_records::{Announced, Submission, Taken, Ticket};

use super::clinic::{AT_ONCE, Clinic, Owner, Shared, bearer, eventually, noise, shared, site, store};
use crate::floods::{Hostile, used};
use crate::tried::{Tried, size};
use crate::world::{Client, random};

const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// What the head of a request and a small answer may need.
const SLACK: u64 = 1 << 20;
const OTHERS: &str = "requests of others, answered";

fn running(clinic: &Clinic) -> &Running {
    clinic.running.as_ref().unwrap()
}

/// A quarter of what the node has in memory for all.
fn share(clinic: &Clinic) -> u64 {
    (clinic.site.config.limits.memory_bytes / 4) as u64
}

/// Somebody who shows a token with each request.
fn hostile(clinic: &Clinic, token: &[u8]) -> Hostile {
    let mut hostile = Hostile::new(running(clinic));
    hostile.headers = vec![("authorization", bearer(token))];
    hostile
}

/// The same clinic by way of another address.
fn elsewhere(clinic: &Clinic) -> Client {
    Client::at(clinic.node().genesis(), running(clinic).addr(), ELSEWHERE)
}

/// How long a person elsewhere waits for an object: the longest of so many.
fn longest_wait(client: &Client, digest: Hash, token: &[u8], tried: &Tried) -> Duration {
    let mut longest = Duration::ZERO;
    for _ in 0..20 {
        let asked = Instant::now();
        let url = format!("{}/store/objects/{digest}", client.base);
        let answer = client.http.get(url).header("authorization", bearer(token)).send().unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(Hash::of(&answer.bytes().unwrap()), digest);
        longest = longest.max(asked.elapsed());
    }
    tried.looked_up(20, 0);
    longest
}

fn taken(clinic: &Clinic, owner: &Owner, shared: &[&Shared]) -> Taken {
    let answer = clinic.take(&owner.ticket(shared));
    assert_eq!(answer.status, 200, "{:?}", String::from_utf8_lossy(&answer.body));
    Taken::from_bytes(&answer.body).unwrap()
}

#[test]
fn uploads_without_a_ticket_are_answered_by_their_heads_and_cost_no_disk() {
    let clinic = Clinic::new();
    let nine = Shared::new(2, 4000);
    let owner = clinic.record(&nine);
    let ask = clinic.ask(&owner, shared(), AT_ONCE, 60);
    let delivered = clinic.delivered(&ask);
    let upload = taken(&clinic, &owner, &[&nine]).token;
    let mut forged = upload.clone();
    *forged.last_mut().unwrap() ^= 1;
    let tried = Tried::new("uploads to the record store without a ticket", OTHERS);
    let (others, large) = (elsewhere(&clinic), 64 << 20);
    let held = clinic.objects();
    // None, a forged one, one that is for reading; and a good one for what no ticket announced.
    for (token, problem) in
        [(&[][..], "token"), (&forged, "token"), (&delivered.token, "token"), (&upload, "unnamed")]
    {
        let hostile = hostile(&clinic, token);
        for at in 0..size(10, 100) {
            let path = format!("/store/objects/{}", Hash::of(&at.to_be_bytes()));
            let (status, document) = hostile.answer_to_head("PUT", &path, large);
            let told = document.windows(problem.len()).any(|window| window == problem.as_bytes());
            assert!(status == 403 && told, "{problem}: {status}");
            assert_eq!(
                (used(running(&clinic), "unfinished_bytes"), used(running(&clinic), "uploads")),
                (0, 0)
            );
        }
        tried.times(size(10, 100));
    }
    assert_eq!(clinic.objects(), held);
    longest_wait(&others, Hash::of(nine.wraps()), &delivered.token, &tried);
    eventually("room is not given back", || used(running(&clinic), "memory_bytes") == 0);
}

#[test]
fn slow_uploads_take_a_quarter_of_the_places_and_end_in_time() {
    let mut site = site();
    (site.config.limits.request_seconds, site.config.limits.upload_pace) = (2, 1 << 20);
    let clinic = Clinic::of(site);
    let owner = Owner::new(&clinic.site, clinic.node());
    // Sixteen objects of a megabyte, of which a kilobyte comes.
    let large = Shared::of((0..16).map(|_| noise(1 << 20)).collect());
    let token = taken(&clinic, &owner, &[&large]).token;
    let hostile = hostile(&clinic, &token);
    let tried = Tried::new("uploads to the record store that come slowly", OTHERS);
    let held: Vec<_> = large.objects[2..]
        .iter()
        .map(|object| {
            let path = format!("/store/objects/{}", Hash::of(object));
            hostile.hold("PUT", &path, object.len(), &object[..1024])
        })
        .collect();
    tried.times(held.len());
    eventually("nothing arrives", || used(running(&clinic), "uploads") > 0);
    // Of 32 places a quarter, and room on disk for as many.
    let limits = &clinic.site.config.limits;
    assert!(used(running(&clinic), "uploads") <= limits.uploads as u64 / 4);
    assert!(used(running(&clinic), "unfinished_bytes") <= (limits.uploads as u64 / 4) << 20);
    assert!(used(running(&clinic), "memory_bytes") <= share(&clinic) + SLACK);
    // Somebody elsewhere uploads meanwhile.
    let (other, small) = (Owner::new(&clinic.site, clinic.node()), Shared::new(2, 5000));
    let others = elsewhere(&clinic);
    let body = other.ticket(&[&small]).to_bytes();
    let answer = others.post("/store/tickets", &body);
    let good = Taken::from_bytes(&answer.body).unwrap();
    for object in &small.objects {
        let url = format!("{}/store/objects/{}", others.base, Hash::of(object));
        let put = others.http.put(url).header("authorization", bearer(&good.token)).body(object.clone());
        assert_eq!(put.send().unwrap().status(), 204);
    }
    tried.looked_up(small.objects.len() + 1, 0);
    // After two seconds each is told so, or was told before that it has no place.
    let statuses: Vec<u16> = held.into_iter().map(|one| hostile.status_of(one)).collect();
    assert!(statuses.iter().all(|status| [408, 503].contains(status)), "{statuses:?}");
    assert!(statuses.iter().filter(|status| **status == 408).count() <= limits.uploads / 4, "{statuses:?}");
    eventually("places are not given back", || used(running(&clinic), "uploads") == 0);
    assert_eq!(clinic.objects(), small.objects.len());
}

#[test]
fn many_ranges_and_large_objects_that_nobody_takes_stay_within_a_quarter_of_the_memory() {
    let mut site = site();
    site.config.limits.request_seconds = 3;
    let clinic = Clinic::of(site);
    let large = Shared::of(vec![noise(size(40, 120) << 20)]);
    let owner = clinic.record(&large);
    let (object, wraps) = (Hash::of(&large.objects[2]), Hash::of(large.wraps()));
    let delivered = clinic.delivered(&clinic.ask(&owner, shared(), AT_ONCE, 60));
    let (others, path) = (elsewhere(&clinic), format!("/store/objects/{object}"));
    let tried = Tried::new("ranges and objects of the record store that nobody takes", OTHERS);
    // The whole of it, one byte of it, its last megabytes, and a thousand ranges at once, which are as good as none.
    let thousand = (0..1000).map(|at| format!("{}-{}", 7 * at, 7 * at)).collect::<Vec<_>>().join(",");
    for (window, range) in [
        (0, None),
        (1, None),
        (0, Some("bytes=5-5".to_owned())),
        (1, Some("bytes=-9000000".to_owned())),
        (1, Some(format!("bytes={thousand}"))),
    ] {
        let mut hostile = hostile(&clinic, &delivered.token);
        hostile.headers.extend(range.clone().map(|range| ("range", range)));
        let asked = hostile.ask_and_take_nothing(4, window, &path);
        tried.times(asked.responses.len());
        eventually("nothing is asked", || used(running(&clinic), "memory_bytes") > 0);
        assert!(used(running(&clinic), "memory_bytes") <= share(&clinic) + SLACK, "{range:?}");
        let waited = longest_wait(&others, wraps, &delivered.token, &tried);
        assert!(waited < Duration::from_secs(2), "{waited:?}");
        assert!(used(running(&clinic), "memory_bytes") <= share(&clinic) + SLACK, "{range:?}");
        drop(asked);
        drop(hostile);
        eventually("room is not given back", || used(running(&clinic), "memory_bytes") == 0);
    }
}

#[test]
fn an_owner_announces_so_many_objects_and_bytes_and_no_more() {
    let mut small = site();
    small.config.record_store.as_mut().unwrap().record_bytes = 1 << 20;
    let clinic = Clinic::of(small);
    let owner = Owner::new(&clinic.site, clinic.node());
    let announce = |first: u32, count: u32, size: u32| {
        let objects: Vec<_> = (first..first + count)
            .map(|at| Announced { digest: Hash::of(&at.to_be_bytes()), size })
            .collect();
        let draft = Ticket::draft(&owner.record, &store(), &objects, &[]).unwrap();
        let ticket =
            draft.sign(&owner.member.certificate, &owner.member.key, clinic.now(), random()).unwrap();
        clinic.take(&Submission { ticket: ticket.as_bytes().to_vec(), rows: vec![] })
    };
    // Bytes: what is announced counts, as what is held does.
    assert_eq!(announce(0, 64, 16 << 10).status, 200);
    assert_eq!(announce(64, 1, 1).problem(), (413, "too-large".to_owned()));
    assert_eq!(announce(0, 64, 16 << 10).status, 200, "the same ones again");

    // Objects, however small.
    let clinic = Clinic::new();
    let owner = Owner::new(&clinic.site, clinic.node());
    let announce = |first: u32| {
        let objects: Vec<_> = (first..first + 64)
            .map(|at| Announced { digest: Hash::of(&at.to_be_bytes()), size: 1 })
            .collect();
        let draft = Ticket::draft(&owner.record, &store(), &objects, &[]).unwrap();
        let ticket =
            draft.sign(&owner.member.certificate, &owner.member.key, clinic.now(), random()).unwrap();
        clinic.take(&Submission { ticket: ticket.as_bytes().to_vec(), rows: vec![] })
    };
    for ticket in 0..64 {
        assert_eq!(announce(64 * ticket).status, 200, "{ticket}");
    }
    assert_eq!(announce(64 * 64).problem(), (413, "too-large".to_owned()));
    // A day later none of them is waited for any more.
    clinic.site.clock.advance(25 * 3600 * 1000);
    let deadline = Instant::now() + Duration::from_secs(90);
    while announce(64 * 64).status != 200 {
        assert!(Instant::now() < deadline, "they are not forgotten");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn what_is_no_ticket_and_no_demand_is_refused_before_anything_is_looked_up() {
    let clinic = Clinic::new();
    let tried = Tried::new("nonsense in place of tickets and demands", OTHERS);
    let nonsense = [noise(1), noise(1000), vec![0x82; 2000], [&[0x82, 0x58][..], &noise(400)].concat()];
    for body in &nonsense {
        for path in ["/store/tickets", "/store/deliveries"] {
            let answer = clinic.client.post(path, body);
            assert!([400, 413, 422].contains(&answer.status), "{path}: {}", answer.status);
        }
    }
    // Longer than either may be, told by the head alone.
    let hostile = Hostile::new(running(&clinic));
    for path in ["/store/tickets", "/store/deliveries"] {
        assert_eq!(hostile.answer_to_head("POST", path, 8 << 20).0, 413, "{path}");
    }
    tried.times(2 * nonsense.len() + 2);
    assert_eq!(clinic.objects(), 0);
    eventually("room is not given back", || used(running(&clinic), "memory_bytes") == 0);
    tried.looked_up(1, 0);
}
