//! What a record's store is asked: a demand by whoever holds a request's key, and the objects that a ticket announces. And what an
//! attribute authority is asked.
#![no_main]

use std::sync::LazyLock;

use countersign_ledger::certificate::{self, Certificate, Period};
use countersign_ledger::{
    Draft, Fields, Identity, Kind, Signer as _, SoftwareKey, TrustStore, UnixMillis, Value,
};
use countersign_records::rules::{OWNER, STORE};
use countersign_records::{
    Asked, Delivered, Demand, KeyAsk, RecordId, Submission, TICKET, Taken, Ticket, Vouch,
};
use libfuzzer_sys::fuzz_target;

const NOW: UnixMillis = UnixMillis(1_795_000_000_000);
const RECORD: RecordId = RecordId([0x5a; 16]);

struct World {
    key: SoftwareKey,
    owner: Certificate,
    trust: TrustStore,
    store: Identity,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let key = SoftwareKey::from_bytes(&[5; 32]).expect("a key");
    let year = Period { from: UnixMillis(1_790_000_000_000), until: UnixMillis(1_821_536_000_000) };
    let root = certificate::root("north.example", &key, year, [1; 16]).expect("a root");
    let identity = Identity::new("north.example", OWNER, &RECORD.to_string()).expect("a name");
    let owner = certificate::issue(&identity, &key.public_key(), &key, year, [2; 16]).expect("a certificate");
    let mut trust = TrustStore::new();
    trust.pin("north.example", &root);
    trust.enrol(owner.as_der()).expect("a member");
    World { key, owner, trust, store: Identity::new("north.example", STORE, "cloud").expect("a name") }
});

fuzz_target!(|bytes: &[u8]| {
    let World { key, owner, trust, store } = &*WORLD;
    if let Ok(demand) = Demand::parse(bytes) {
        assert_eq!(demand.as_bytes(), bytes);
        let asked = Asked { holder: &key.public_key(), store, now: NOW, before: None };
        if let Ok(demanded) = demand.clone().verify(&asked) {
            assert_eq!((demanded.wanted().request, demanded.proof()), (demand.request(), demand.proof()));
        }
    }
    if let Some(submission) = Submission::from_bytes(bytes) {
        assert_eq!(submission.to_bytes(), bytes);
    }
    if let Some(delivered) = Delivered::from_bytes(bytes) {
        assert_eq!(delivered.to_bytes(), bytes);
    }
    if let Some(taken) = Taken::from_bytes(bytes) {
        assert_eq!(taken.to_bytes(), bytes);
    }
    if let Some(vouch) = Vouch::from_bytes(bytes) {
        assert_eq!(vouch.to_bytes(), bytes);
    }
    if let Some(ask) = KeyAsk::from_bytes(bytes) {
        assert_eq!(ask.to_bytes(), bytes);
    }
    // A ticket is foreign where its owner is.
    let Some((count, rest)) = bytes.split_first() else { return };
    let (rows, rest) = rest.split_at(rest.len().min(usize::from(*count)));
    let (digests, sizes) = rest.split_at(rest.len() / 36 * 32);
    let mut fields = Fields::new().with("store", store.as_str());
    fields.insert("digests", Value::Bytes(digests.to_vec()));
    fields.insert("sizes", Value::Bytes(sizes.to_vec()));
    fields.insert("rows", Value::Bytes(rows.to_vec()));
    let kind = Kind::new(TICKET).expect("a kind");
    let draft = Draft { kind, subject: RECORD.subject(), fields, prev: None, links: vec![], sealed: None };
    let Ok(statement) = draft.sign(owner, key, NOW, [3; 16]) else { return };
    let ticket = trust.verify(statement).expect("what the owner signed");
    if let Ok(read) = Ticket::read(&ticket, store, NOW) {
        let again = Ticket::draft(&RECORD, store, read.objects(), read.rows()).expect("what was read");
        assert_eq!(again.fields, draft.fields);
    }
});
