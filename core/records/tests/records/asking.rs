//! What a store is asked: demands for what was granted, and tickets for what is about to come.

use countersign_ledger::certificate::{self, Period};
use countersign_ledger::{
    Certificate, Draft, Fields, Hash, Identity, Kind, PublicKey, Signer as _, SoftwareKey, Statement,
    TrustStore, UnixMillis, Value, Verified,
};
use countersign_records::rules::{DELIVERY, OWNER, STORE};
use countersign_records::{
    Announced, Asked, DEMAND_MILLIS, Delivered, Demand, DemandError, Demanded, MAX_OBJECT, MAX_ROWS,
    MAX_TICKET, RecordId, Row, Submission, TICKET, TICKET_MILLIS, Taken, Ticket, TicketError, Wanted,
};
use proptest::prelude::*;

use crate::support::{NOW, RECORD};

fn key(seed: u8) -> SoftwareKey {
    SoftwareKey::from_bytes(&[seed; 32]).unwrap()
}

fn store(name: &str) -> Identity {
    Identity::new("north.example", STORE, name).unwrap()
}

fn wanted() -> Wanted {
    Wanted {
        request: Hash([1; 32]),
        store: store("cloud"),
        nonce: [2; 16],
        time: NOW,
        seen_size: 7,
        seen_root: Hash([3; 32]),
    }
}

/// What a store knows, of its own.
struct Knows {
    holder: PublicKey,
    store: Identity,
    now: UnixMillis,
    before: Option<Hash>,
}

fn verify(demand: &Demand, change: impl FnOnce(&mut Knows)) -> Result<Demanded, DemandError> {
    let mut knows = Knows { holder: key(5).public_key(), store: store("cloud"), now: NOW, before: None };
    change(&mut knows);
    let Knows { holder, store, now, before } = knows;
    demand.clone().verify(&Asked { holder: &holder, store: &store, now, before })
}

#[test]
fn a_demand_is_the_holders_fresh_and_for_this_store() {
    let demand = wanted().sign(&key(5)).unwrap();
    assert_eq!(verify(&demand, |_| ()).unwrap().wanted(), &wanted());
    let other = (key(6).public_key(), store("cellar"));
    assert_eq!(verify(&demand, |asked| asked.store = other.1), Err(DemandError::OtherStore));
    assert_eq!(verify(&demand, |asked| asked.holder = other.0), Err(DemandError::Signature));
    for (now, result) in [
        (NOW.0 + DEMAND_MILLIS, None),
        (NOW.0 + DEMAND_MILLIS + 1, Some(DemandError::Old)),
        (NOW.0 - DEMAND_MILLIS, None),
        (NOW.0 - DEMAND_MILLIS - 1, Some(DemandError::Ahead)),
    ] {
        assert_eq!(verify(&demand, |asked| asked.now = UnixMillis(now)).err(), result, "{now}");
    }
}

#[test]
fn a_nonce_is_for_one_demand_which_may_come_again() {
    let demand = wanted().sign(&key(5)).unwrap();
    let again = verify(&demand, |asked| asked.before = Some(demand.proof())).unwrap();
    assert_eq!(again.proof(), demand.proof());
    let later = Wanted { time: UnixMillis(NOW.0 + 1), ..wanted() }.sign(&key(5)).unwrap();
    assert_ne!(later.proof(), demand.proof());
    assert_eq!(verify(&later, |asked| asked.before = Some(demand.proof())), Err(DemandError::Nonce));
}

#[test]
fn a_delivery_states_the_row_and_the_demand_on_the_threads_latest() {
    let demanded = verify(&wanted().sign(&key(5)).unwrap(), |_| ()).unwrap();
    let (row, prev) = (Hash([8; 32]), Hash([9; 32]));
    let draft = demanded.delivery(RECORD.thread(&key(5).public_key()), row, prev);
    assert_eq!(draft.kind.as_str(), DELIVERY);
    assert_eq!((draft.fields.hash("row"), draft.fields.hash("proof")), (Some(row), Some(demanded.proof())));
    assert_eq!((draft.prev, draft.subject), (Some(prev), RECORD.thread(&key(5).public_key())));
}

#[test]
fn a_demand_is_malformed_in_every_other_form() {
    let bytes = wanted().sign(&key(5)).unwrap().as_bytes().to_vec();
    assert_eq!(Demand::parse(&bytes).unwrap().as_bytes(), bytes);
    let with = |from: &[u8], to: &[u8]| {
        let at = bytes.windows(from.len()).position(|window| window == from).expect("is there");
        [&bytes[..at], to, &bytes[at + from.len()..]].concat()
    };
    let malformed = |bytes: &[u8]| Demand::parse(bytes).unwrap_err() == DemandError::Malformed;
    assert!(malformed(&with(b"record-demand", b"record-dEmand")), "another type");
    assert!(malformed(&with(b"spiffe://", b"spiffy://")), "no name");
    assert!(malformed(&bytes[1..]), "without the tag");
    assert!(malformed(&[&bytes[..], &[0]].concat()), "bytes follow");
    assert!(malformed(&vec![0; 2000]), "too long");
    // The unprotected bucket, which nobody signed, is empty.
    let protected = 2 + 2 + usize::from(bytes[3]);
    assert_eq!(bytes[protected], 0xa0);
    let bucket = [&bytes[..protected], &[0xa1, 4, 0x41, 1], &bytes[protected + 1..]].concat();
    assert!(malformed(&bucket), "something in the unprotected bucket");
}

/// The people around a record's store.
struct World {
    trust: TrustStore,
    owner: (SoftwareKey, Certificate),
    stranger: (SoftwareKey, Certificate),
    clerk: (SoftwareKey, Certificate),
}

impl World {
    fn new() -> Self {
        let year = Period { from: UnixMillis(1_790_000_000_000), until: UnixMillis(1_821_536_000_000) };
        let root = certificate::root("north.example", &key(1), year, [1; 16]).unwrap();
        let mut trust = TrustStore::new();
        trust.pin("north.example", &root);
        let mut member = |seed: u8, role: &str, name: &str| {
            let identity = Identity::new("north.example", role, name).unwrap();
            let certificate =
                certificate::issue(&identity, &key(seed).public_key(), &key(1), year, [seed; 16]).unwrap();
            trust.enrol(certificate.as_der()).unwrap();
            (key(seed), certificate)
        };
        let owner = member(10, OWNER, &RECORD.to_string());
        let stranger = member(11, OWNER, &RecordId([1; 16]).to_string());
        let clerk = member(12, STORE, &RECORD.to_string());
        Self { trust, owner, stranger, clerk }
    }

    fn sign(&self, (key, certificate): &(SoftwareKey, Certificate), draft: &Draft) -> Verified {
        let statement = draft.sign(certificate, key, NOW, [7; 16]).unwrap();
        self.trust.verify(Statement::parse(statement.as_bytes()).unwrap()).unwrap()
    }
}

fn announced(count: u8) -> Vec<Announced> {
    (0..count).map(|at| Announced { digest: Hash([at; 32]), size: 1000 + u32::from(at) }).collect()
}

fn rows(count: u8) -> Vec<Hash> {
    (0..count).map(|at| Hash([0x80 + at; 32])).collect()
}

#[test]
fn a_ticket_is_the_owners_fresh_and_for_this_store() {
    let world = World::new();
    let draft = Ticket::draft(&RECORD, &store("cloud"), &announced(3), &rows(2)).unwrap();
    let ticket = world.sign(&world.owner, &draft);
    let read = Ticket::read(&ticket, &store("cloud"), NOW).unwrap();
    assert_eq!((read.record(), read.objects(), read.rows()), (RECORD, &announced(3)[..], &rows(2)[..]));
    assert_eq!(read.until(), UnixMillis(NOW.0 + TICKET_MILLIS));
    assert_eq!(Ticket::read(&ticket, &store("cellar"), NOW), Err(TicketError::OtherStore));
    for (now, result) in [
        (NOW.0 + TICKET_MILLIS, None),
        (NOW.0 + TICKET_MILLIS + 1, Some(TicketError::Old)),
        (NOW.0 - 300_001, Some(TicketError::Ahead)),
    ] {
        assert_eq!(Ticket::read(&ticket, &store("cloud"), UnixMillis(now)).err(), result, "{now}");
    }
    for other in [&world.stranger, &world.clerk] {
        let ticket = world.sign(other, &draft);
        assert_eq!(Ticket::read(&ticket, &store("cloud"), NOW), Err(TicketError::NotTheOwner));
    }
}

#[test]
fn a_ticket_names_each_object_once_and_none_that_is_too_large() {
    let most = u32::try_from(MAX_OBJECT).unwrap();
    let draft = |objects: &[Announced]| Ticket::draft(&RECORD, &store("cloud"), objects, &[]);
    let of = |size| Announced { digest: Hash([1; 32]), size };
    assert!(draft(&[of(most)]).is_ok());
    let all = u8::try_from(MAX_TICKET).unwrap();
    assert!(draft(&announced(all)).is_ok());
    for wrong in [vec![], vec![of(0)], vec![of(most + 1)], vec![of(1), of(2)], announced(all + 1)] {
        assert_eq!(draft(&wrong).err(), Some(TicketError::Malformed), "{wrong:?}");
    }
    let with = |count| Ticket::draft(&RECORD, &store("cloud"), &[], &rows(count));
    assert!(with(u8::try_from(MAX_ROWS).unwrap()).is_ok(), "rights change without an upload");
    assert!(with(u8::try_from(MAX_ROWS).unwrap() + 1).is_err());
    assert_eq!(Announced::of(b"abc"), Some(Announced { digest: Hash::of(b"abc"), size: 3 }));
}

#[test]
fn a_ticket_is_malformed_in_every_other_form() {
    let world = World::new();
    let draft = Ticket::draft(&RECORD, &store("cloud"), &announced(2), &rows(2)).unwrap();
    let read = |draft: &Draft| Ticket::read(&world.sign(&world.owner, draft), &store("cloud"), NOW).err();
    assert_eq!(read(&draft), None);
    let changed = |change: &dyn Fn(&mut Draft)| {
        let mut draft = draft.clone();
        change(&mut draft);
        read(&draft)
    };
    let set = |name: &'static str, value: Vec<u8>| {
        changed(&move |draft| draft.fields.insert(name, Value::Bytes(value.clone())))
    };
    let (one, two) = ([1; 32], [2; 32]);
    for refused in [
        changed(&|draft| draft.kind = Kind::new("record.document").unwrap()),
        changed(&|draft| draft.subject = RECORD.thread(&key(5).public_key())),
        changed(&|draft| draft.prev = Some(Hash::default())),
        changed(&|draft| draft.links = vec![Hash::default()]),
        changed(&|draft| draft.sealed = Some(vec![1])),
        changed(&|draft| draft.fields.insert("more", 1.into())),
        changed(&|draft| draft.fields = Fields::new()),
        set("digests", [two, one].concat()),
        set("digests", [one, one].concat()),
        set("digests", one.to_vec()),
        set("sizes", vec![0, 0, 0, 1, 0, 0, 0]),
        set("rows", [two, one].concat()),
        set("rows", vec![1; 33]),
        set("sizes", vec![0; 8]),
        set("sizes", vec![0xff; 8]),
    ] {
        assert_eq!(refused, Some(TicketError::Malformed));
    }
    assert_eq!(draft.kind.as_str(), TICKET);
}

fn row(parts: u8) -> Row {
    let parts = (0..parts).map(|at| Hash([at; 32])).collect();
    Row::new(Hash([0x41; 32]), Hash([0x42; 32]), parts, vec![])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_a_store_is_sent_and_answers_is_read_back_and_cut_short_is_not(
        parts in 0_u8..64, message in prop::collection::vec(any::<u8>(), 0..300), until: u64, digests: [[u8; 32]; 3], cut: prop::sample::Index,
    ) {
        let (token, until) = (message.clone(), UnixMillis(until));
        let delivered = Delivered { row: row(parts), delivery: message.clone(), receipt: message.clone(), token: token.clone(), until };
        let submission = Submission { ticket: message, rows: vec![row(parts), row(3)] };
        let taken = Taken { token, until, lacking: digests.map(Hash).to_vec() };
        let (one, two, three) = (delivered.to_bytes(), submission.to_bytes(), taken.to_bytes());
        prop_assert_eq!(Delivered::from_bytes(&one), Some(delivered));
        prop_assert_eq!(Submission::from_bytes(&two), Some(submission));
        prop_assert_eq!(Taken::from_bytes(&three), Some(taken));
        prop_assert_eq!(Delivered::from_bytes(&one[..cut.index(one.len())]), None);
        prop_assert_eq!(Submission::from_bytes(&two[..cut.index(two.len())]), None);
        prop_assert_eq!(Taken::from_bytes(&three[..cut.index(three.len())]), None);
    }

    #[test]
    fn what_a_demand_says_is_read_back_and_one_changed_byte_is_refused(
        request: [u8; 32], nonce: [u8; 16], time: u64, size: u64, root: [u8; 32], name in "[a-z][a-z0-9.-]{0,40}",
        at: prop::sample::Index, flip in 1_u8..,
    ) {
        let wanted = Wanted {
            request: Hash(request), store: store(&name), nonce, time: UnixMillis(time), seen_size: size, seen_root: Hash(root),
        };
        let demand = wanted.sign(&key(5)).unwrap();
        let read = Demand::parse(demand.as_bytes()).unwrap();
        prop_assert_eq!((read.proof(), read.request(), read.nonce()), (demand.proof(), Hash(request), nonce));
        let (holder, own) = (key(5).public_key(), store(&name));
        let asked = Asked { holder: &holder, store: &own, now: UnixMillis(time), before: None };
        let demanded = read.verify(&asked).unwrap();
        prop_assert_eq!(demanded.wanted(), &wanted);
        let mut altered = demand.as_bytes().to_vec();
        altered[at.index(demand.as_bytes().len())] ^= flip;
        prop_assert!(Demand::parse(&altered).and_then(|altered| altered.verify(&asked)).is_err());
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(Demand::parse(&bytes).is_err());
    }

    #[test]
    fn a_tickets_objects_are_read_back_in_one_order(sizes in prop::collection::btree_map(any::<[u8; 32]>(), 1..=u32::try_from(MAX_OBJECT).unwrap(), 1..=MAX_TICKET)) {
        let world = World::new();
        let objects: Vec<_> = sizes.iter().map(|(digest, size)| Announced { digest: Hash(*digest), size: *size }).collect();
        let mut shuffled = objects.clone();
        shuffled.reverse();
        let draft = Ticket::draft(&RECORD, &store("cloud"), &shuffled, &[]).unwrap();
        prop_assert_eq!(&draft.fields, &Ticket::draft(&RECORD, &store("cloud"), &objects, &[]).unwrap().fields);
        let ticket = Ticket::read(&world.sign(&world.owner, &draft), &store("cloud"), NOW).unwrap();
        prop_assert_eq!(ticket.objects(), &objects[..]);
    }
}
