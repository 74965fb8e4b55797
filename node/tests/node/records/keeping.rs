//! What owners bring, and for how long it stays.

use countersign_ledger::{Hash, Statement};
use countersign_node::Outcome;
use countersign_records::rules::Mode;
use countersign_records::{Announced, Row, Submission, Ticket};

use super::clinic::{
    ASK, AT_ONCE, Clinic, Owner, Shared, eventually, full, line, noise, refused, refused_by_the_log, shared,
    site, store,
};
use crate::world::{Client, certified, enrol, random, submit};

#[test]
fn an_index_is_ordered_only_with_its_objects_there() {
    let clinic = Clinic::new();
    let mut owner = Owner::new(&clinic.site, clinic.node());
    let nine = Shared::new(9, 3000);
    let index = owner.index(shared(), 1, &[line(AT_ONCE, Mode::AtOnce, &nine.row)]);
    let lacking = |what: &str| {
        let (problem, text) = refused_by_the_log(clinic.node(), shared(), &index);
        assert_eq!((problem, text.contains("upload them")), ("promise-not-held", true), "{what}");
        let answer = clinic.client.post("/records-shared/entries", index.as_bytes());
        assert_eq!(answer.problem(), (409, "promise-not-held".to_owned()), "{what}");
    };
    lacking("nothing is there");
    let taken = clinic.take(&owner.ticket(&[&nine]));
    let taken = countersign_records::Taken::from_bytes(&taken.body).unwrap();
    assert_eq!(taken.lacking.len(), 11);
    lacking("its objects are announced alone");
    let (last, others) = nine.objects.split_last().unwrap();
    for object in others {
        assert_eq!(clinic.put(object, &taken.token).status, 204);
    }
    lacking("one object is not there");
    assert_eq!(clinic.put(last, &taken.token).status, 204);
    assert!(matches!(submit(clinic.node(), shared(), &index), Outcome::Accepted(_)));
    owner.was_published(shared(), &index);

    // A row that no ticket brought, of objects that are all there.
    let fewer = Row { parts: nine.row.parts[..4].to_vec(), ..nine.row.clone() };
    let narrowed = owner.index(shared(), 1, &[line(AT_ONCE, Mode::AtOnce, &fewer)]);
    assert_eq!(refused_by_the_log(clinic.node(), shared(), &narrowed).0, "promise-not-held");
    let draft = Ticket::draft(&owner.record, &store(), &[], &[fewer.hash()]).unwrap();
    let ticket = draft.sign(&owner.member.certificate, &owner.member.key, clinic.now(), random()).unwrap();
    let submission = Submission { ticket: ticket.as_bytes().to_vec(), rows: vec![fewer] };
    assert_eq!(clinic.take(&submission).status, 200);
    assert!(matches!(submit(clinic.node(), shared(), &narrowed), Outcome::Accepted(_)));
}

#[test]
fn an_index_that_names_another_store_or_is_anothers_promises_nothing_here() {
    let clinic = Clinic::new();
    let nine = Shared::new(2, 500);
    let owner = clinic.record(&nine);
    // A stranger's index on somebody else's record is refused for that, whatever is there.
    let mut stranger = Owner::new(&clinic.site, clinic.node());
    stranger.record = owner.record;
    stranger.published.clone_from(&owner.published);
    let theft = stranger.index(shared(), 1, &[line(AT_ONCE, Mode::AtOnce, &nine.row)]);
    assert_eq!(refused_by_the_log(clinic.node(), shared(), &theft).0, "role");
    // The same bytes under another record: they are not there.
    let other = Owner::new(&clinic.site, clinic.node());
    let copied = other.index(shared(), 1, &[line(AT_ONCE, Mode::AtOnce, &nine.row)]);
    assert_eq!(refused_by_the_log(clinic.node(), shared(), &copied).0, "promise-not-held");
    // Without a store here every index lacks its objects.
    let mut without = site();
    without.config.record_store = None;
    let without = Clinic::of(without);
    let owner = Owner::new(&without.site, without.node());
    let index = owner.index(shared(), 1, &[line(AT_ONCE, Mode::AtOnce, &nine.row)]);
    assert_eq!(refused_by_the_log(without.node(), shared(), &index).0, "promise-not-held");
    assert_eq!(without.client.get("/store").problem(), (404, "not-found".to_owned()));
}

#[test]
fn a_ticket_is_refused_for_its_own_reason_and_leaves_nothing() {
    let mut small = site();
    small.config.record_store.as_mut().unwrap().record_bytes = 128 << 20;
    let clinic = Clinic::of(small);
    let owner = Owner::new(&clinic.site, clinic.node());
    let nine = Shared::new(2, 500);
    let good = owner.ticket(&[&nine]);
    let says = |submission: &Submission| refused(&clinic.take(submission));
    let resigned = |sign: &dyn Fn() -> Statement| Submission {
        ticket: sign().as_bytes().to_vec(),
        rows: good.rows.clone(),
    };
    let objects: Vec<_> = nine.objects.iter().map(|object| Announced::of(object).unwrap()).collect();
    let draft = |record, store| Ticket::draft(&record, &store, &objects, &[nine.row.hash()]).unwrap();
    let own = draft(owner.record, store());
    let by = |member: &crate::world::Member, at| {
        let (own, member) = (own.clone(), member);
        own.sign(&member.certificate, &member.key, at, random()).unwrap()
    };
    let now = clinic.now();

    assert_eq!(says(&Submission { ticket: vec![1, 2, 3], rows: vec![] }).1, "format");
    assert_eq!(refused(&clinic.client.post("/store/tickets", b"no ticket")).1, "malformed");
    let other_rows = Submission { rows: vec![Shared::new(1, 1).row], ..good.clone() };
    assert_eq!(says(&other_rows).1, "malformed");
    let stranger = enrol(clinic.node(), "patient", &countersign_records::RecordId([9; 16]).to_string());
    let (status, title, text) = says(&resigned(&|| by(&stranger, now)));
    assert_eq!((status, title.as_str()), (403, "role"));
    assert_eq!(text, "an upload ticket is signed by the owner of its record");
    let root = countersign_ledger::SoftwareKey::from_bytes(&[7; 32]).unwrap();
    let nobody = certified(&root, "patient", &owner.record.to_string(), now);
    assert_eq!(says(&resigned(&|| by(&nobody, now))).1, "unknown-signer");
    let yesterday = countersign_ledger::UnixMillis(now.0 - 24 * 3600 * 1000 - 2000);
    assert_eq!(says(&resigned(&|| by(&owner.member, yesterday))).1, "not-yet-valid");
    let tomorrow = countersign_ledger::UnixMillis(now.0 + 3600 * 1000);
    assert_eq!(says(&resigned(&|| by(&owner.member, tomorrow))).1, "future");
    let elsewhere = countersign_ledger::Identity::new("meds.example", "record-store", "cellar").unwrap();
    let elsewhere = draft(owner.record, elsewhere);
    let elsewhere = || elsewhere.sign(&owner.member.certificate, &owner.member.key, now, random()).unwrap();
    assert_eq!(says(&resigned(&elsewhere)).1, "other-store");
    // Two objects of 100 MB each are more than this record may have.
    let large = [1, 2].map(|at| Announced { digest: Hash([at; 32]), size: 100 << 20 });
    let large = Ticket::draft(&owner.record, &store(), &large, &[]).unwrap();
    let large = large.sign(&owner.member.certificate, &owner.member.key, now, random()).unwrap();
    let large = Submission { ticket: large.as_bytes().to_vec(), rows: vec![] };
    assert_eq!(says(&large).1, "too-large");
    // Of none of these anything is left: all that is announced is what the good one announces.
    assert_eq!(clinic.upload(&owner, &[&nine]).lacking.len(), 4);
    assert_eq!(clinic.objects(), 4);
    clinic.node().revoke(owner.member.certificate.fingerprint()).unwrap();
    assert_eq!(says(&good).1, "revoked");
}

#[test]
fn an_upload_needs_its_token_and_is_what_was_announced() {
    let clinic = Clinic::new();
    let owner = Owner::new(&clinic.site, clinic.node());
    let nine = Shared::new(2, 5000);
    let answer = clinic.take(&owner.ticket(&[&nine]));
    let token = countersign_records::Taken::from_bytes(&answer.body).unwrap().token;
    let object = &nine.objects[2];
    let digest = Hash::of(object);
    let mut forged = token.clone();
    forged[3] ^= 1;
    for wrong in [&[][..], &forged, &token[1..], &noise(56)] {
        assert_eq!(clinic.put(object, wrong).problem(), (403, "token".to_owned()));
        assert_eq!(clinic.head(digest, wrong).status, 403);
    }
    assert_eq!(clinic.put(&noise(5000), &token).problem(), (403, "unnamed".to_owned()));
    assert_eq!(clinic.put_as(digest, &noise(5000), &token, &[]).problem(), (400, "malformed".to_owned()));
    assert_eq!(clinic.put_as(digest, &object[1..], &token, &[]).problem(), (400, "malformed".to_owned()));
    assert_eq!(clinic.head(digest, &token).status, 404);
    assert_eq!(clinic.put(object, &token).status, 204);
    assert_eq!(clinic.put(object, &token).status, 204, "again");
    let held = clinic.head(digest, &token);
    assert_eq!((held.status, held.header("content-length")), (200, "5000"));
    // After an hour the token is no longer good, and the same ticket brings another.
    clinic.site.clock.advance(3600 * 1000);
    assert_eq!(clinic.put(&nine.objects[3], &token).problem(), (403, "token".to_owned()));
    let again = countersign_records::Taken::from_bytes(&clinic.take(&owner.ticket(&[&nine])).body).unwrap();
    assert!(!again.lacking.contains(&digest) && again.lacking.len() == 3);
}

#[test]
fn an_upload_that_was_cut_goes_on_from_another_address_by_its_token_alone() {
    let clinic = Clinic::new();
    let owner = Owner::new(&clinic.site, clinic.node());
    let large = Shared::of(vec![noise(300_000)]);
    let answer = clinic.take(&owner.ticket(&[&large]));
    let token = countersign_records::Taken::from_bytes(&answer.body).unwrap().token;
    let (object, digest) = (&large.objects[2], Hash::of(&large.objects[2]));
    let range = |first: usize, until: usize| {
        let range = format!("bytes {first}-{}/300000", until - 1);
        clinic.put_as(digest, &object[first..until], &token, &[("content-range", &range)])
    };
    let first = range(0, 100_000);
    assert_eq!((first.status, first.header("upload-offset")), (202, "100000"));
    let elsewhere = std::net::Ipv4Addr::new(127, 0, 0, 2);
    let genesis = clinic.node().genesis().clone();
    let moved = Client::at(&genesis, clinic.running.as_ref().unwrap().addr(), elsewhere);
    let url = format!("{}/store/objects/{digest}", moved.base);
    let held = moved.http.head(&url).header("authorization", super::clinic::bearer(&token)).send().unwrap();
    assert_eq!(held.headers()["upload-offset"], "100000");
    assert_eq!(range(50_000, 60_000).problem(), (409, "offset".to_owned()));
    let rest = moved.http.put(&url).header("authorization", super::clinic::bearer(&token));
    let rest = rest.header("content-range", "bytes 100000-299999/300000").body(object[100_000..].to_vec());
    assert_eq!(rest.send().unwrap().status(), 204);
    assert!(clinic.lies(&owner, object));
}

#[test]
fn rights_change_without_a_second_upload_and_what_is_superseded_goes() {
    let clinic = Clinic::new();
    let nine = Shared::new(9, 4000);
    let mut owner = clinic.record(&nine);
    assert_eq!(clinic.objects(), 11, "one upload, one copy, for two logs and two lines");
    // Other wraps over the same bodies, on one log: both logs' rows are kept.
    let again = nine.wrapped_anew();
    assert_eq!(clinic.upload(&owner, &[&again]).lacking, [Hash::of(again.wraps())]);
    owner.publish(clinic.node(), shared(), 1, &[line(AT_ONCE, Mode::AtOnce, &again.row)]);
    std::thread::sleep(std::time::Duration::from_millis(200));
    assert!(clinic.lies(&owner, nine.wraps()), "the other log names it still");
    owner.publish(clinic.node(), full(), 1, &[line(ASK, Mode::Ask, &again.row)]);
    eventually("the superseded wraps are gone", || !clinic.lies(&owner, nine.wraps()));
    assert_eq!(clinic.objects(), 11);
    // A part that nobody may read any more.
    let mut fewer = again.wrapped_anew();
    let gone = fewer.objects.pop().unwrap();
    fewer.row.parts.pop();
    clinic.upload(&owner, &[&fewer]);
    for log in [shared(), full()] {
        owner.publish(clinic.node(), log, 1, &[line(AT_ONCE, Mode::AtOnce, &fewer.row)]);
    }
    eventually("the body is gone", || !clinic.lies(&owner, &gone));
    assert!(fewer.objects.iter().all(|object| clinic.lies(&owner, object)));
    // Erasure: an index without lines.
    for log in [shared(), full()] {
        owner.publish(clinic.node(), log, 1, &[]);
    }
    eventually("all is gone", || clinic.objects() == 0);
}

#[test]
fn what_a_ticket_announced_and_no_index_named_goes_with_the_ticket() {
    let mut clinic = Clinic::new();
    let nine = Shared::new(2, 700);
    let owner = Owner::new(&clinic.site, clinic.node());
    clinic.upload(&owner, &[&nine]);
    clinic.site.clock.advance(23 * 3600 * 1000);
    clinic.restart();
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(clinic.objects(), 4, "within the day");
    clinic.site.clock.advance(2 * 3600 * 1000);
    eventually("the day is over", || clinic.objects() == 0);
    let index = owner.index(shared(), 1, &[line(AT_ONCE, Mode::AtOnce, &nine.row)]);
    assert_eq!(refused_by_the_log(clinic.node(), shared(), &index).0, "promise-not-held");
}

#[test]
fn two_records_do_not_keep_each_others_objects() {
    let clinic = Clinic::new();
    let nine = Shared::new(2, 700);
    let mut owner = clinic.record(&nine);
    // Somebody who has the bytes brings them under a record of their own.
    let other = clinic.record(&nine);
    assert_eq!(clinic.objects(), 8);
    for log in [shared(), full()] {
        owner.publish(clinic.node(), log, 1, &[]);
    }
    eventually("the owner's are gone", || clinic.objects() == 4);
    assert!(!clinic.lies(&owner, nine.wraps()) && clinic.lies(&other, nine.wraps()));
}

#[test]
fn the_stores_certificate_is_renewed_before_it_ends_and_deliveries_go_on() {
    let mut site = site();
    site.config.certificate_days = 40;
    let clinic = Clinic::of(site);
    let nine = Shared::new(2, 700);
    let owner = clinic.record(&nine);
    let path = clinic.site.config.data.join("keys/record-store.crt");
    let signer = |delivered: &countersign_records::Delivered| {
        Statement::parse(&delivered.delivery).unwrap().certificate()
    };
    let deliver = || clinic.delivered(&clinic.ask(&owner, shared(), AT_ONCE, 60));
    let first = std::fs::read(&path).unwrap();
    assert_eq!(signer(&deliver()), Hash::of(&first));
    // Nine days later it is as it was; a day after that it would end within a month.
    clinic.site.clock.advance(9 * 24 * 3600 * 1000);
    assert_eq!(signer(&deliver()), Hash::of(&first));
    clinic.site.clock.advance(2 * 24 * 3600 * 1000);
    let renewed = deliver();
    let second = std::fs::read(&path).unwrap();
    assert!(second != first && signer(&renewed) == Hash::of(&second));
    let [old, new] = [&first, &second].map(|der| countersign_ledger::Certificate::from_der(der).unwrap());
    assert_eq!((old.key(), old.identity()), (new.key(), new.identity()), "the same key of the same store");
    assert!(new.not_after() > old.not_after());
    assert_eq!(signer(&deliver()), Hash::of(&second), "once");
}

#[cfg(unix)]
#[test]
fn a_store_whose_root_is_kept_elsewhere_delivers_when_whoever_has_it_has_certified_it() {
    let mut site = site();
    let store = site.config.record_store.take();
    let mut clinic = Clinic::of(site);
    let mut owner = Owner::new(&clinic.site, clinic.node());
    clinic.running.take().unwrap().stop();
    let (kept, away) = (clinic.site.config.data.join("keys/root.p256"), tempfile::tempdir().unwrap());
    let root = away.path().join("root.p256");
    std::fs::copy(&kept, &root).unwrap();
    std::fs::remove_file(&kept).unwrap();
    clinic.site.config.record_store = store;
    clinic.start();
    // What needs no certificate goes on: uploads, indexes, requests.
    let nine = Shared::new(2, 700);
    clinic.upload(&owner, &[&nine]);
    owner.publish(clinic.node(), shared(), 1, &[line(AT_ONCE, Mode::AtOnce, &nine.row)]);
    let ask = clinic.ask(&owner, shared(), AT_ONCE, 60);
    let demand = clinic.demand(&ask);
    for _ in 0..2 {
        let waits = clinic.deliver(&demand);
        assert_eq!(waits.problem(), (503, "busy".to_owned()));
    }
    let certified = countersign_node::certify(&clinic.site.config, &root).unwrap();
    let [countersign_node::Certified { member, published: Ok(()) }] = &certified[..] else {
        panic!("one waits: {certified:?}")
    };
    assert_eq!(member.as_str(), "spiffe://meds.example/record-store/cloud");
    let delivered = super::clinic::read(&clinic.deliver(&demand));
    assert_eq!(clinic.get(Hash::of(nine.wraps()), &delivered.token).body, nine.wraps());
    assert!(countersign_node::certify(&clinic.site.config, &root).unwrap().is_empty());
}

#[test]
fn the_store_enrols_itself_and_is_told_by_name() {
    let mut clinic = Clinic::new();
    let about = clinic.client.get("/store");
    let mut d = minicbor::Decoder::new(&about.body);
    assert_eq!(d.array().unwrap(), Some(2));
    assert_eq!(d.str().unwrap(), "spiffe://meds.example/record-store/cloud");
    assert_eq!(d.u64().unwrap(), 256 << 20);
    let certificate = clinic.site.config.data.join("keys/record-store.crt");
    let before = std::fs::read(&certificate).unwrap();
    clinic.restart();
    assert_eq!(std::fs::read(&certificate).unwrap(), before, "one certificate, kept");
}
