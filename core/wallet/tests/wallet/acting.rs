//! What a role at a desk does, and what it does not accept.

use std::collections::HashMap;
use std::sync::Arc;

use countersign_ledger::receipt::ReceiptError;
use countersign_ledger::{
    CertificateError, Draft, Entry, Fields, HistoryError, IndexError, LogName, ProofError, Statement, Subject,
};
use countersign_wallet::{
    ActError, AdvanceError, Consent, Cost, Issuer, KeyStore, KeyStoreError, Recorded, Response, Snapshot,
    Vault,
};

use crate::world::{CLASS, LOT, Scene, World, kind, messages, subject};

const CHEAP: Cost = Cost { memory_kib: 32, passes: 1, lanes: 4 };

pub struct Office {
    pub scene: Scene,
    snapshot: Snapshot,
    keys: Arc<dyn KeyStore>,
}

impl Office {
    pub fn new() -> Self {
        let scene = Scene::new(World::with_lot());
        let vault = Vault::create_at_cost(&scene.directory.path().join("vault"), b"p", CHEAP).unwrap();
        Self { snapshot: scene.open(), keys: Arc::new(vault), scene }
    }

    pub fn issuer(&mut self) -> Issuer<'_> {
        Issuer::new(&mut self.snapshot, &self.scene.client, Arc::clone(&self.keys)).consenting(Consent::ALL)
    }

    fn submit(&mut self, statement: &Statement) -> Result<Recorded, ActError> {
        self.scene.client.submit(LogName::SUPPLY, statement.as_bytes())?;
        self.issuer().confirm(LogName::SUPPLY, statement.id())
    }

    fn lie(&self, part: &'static str, mut lie: impl FnMut(Response) -> Response + Send + 'static) {
        self.scene.world().lie = Some(Box::new(move |path, response| {
            Ok(if path.contains(part) { lie(response) } else { response })
        }));
    }
}

fn dispense(serial: &str) -> Draft {
    draft("medicine.dispense", &format!("{LOT}/21/{serial}"))
}

pub fn draft(name: &str, about: &str) -> Draft {
    Draft {
        kind: kind(name),
        subject: subject(about),
        fields: Fields::new(),
        prev: None,
        links: Vec::new(),
        sealed: None,
    }
}

#[test]
fn a_member_enrols_signs_and_is_recorded() {
    let mut office = Office::new();
    let now = office.scene.now();
    let mut issuer = office.issuer();
    let certificate = issuer.enrol("pharmacy key", "pharmacy").unwrap();
    assert_eq!(certificate.identity().as_str(), "spiffe://meds.example/pharmacy/second");
    assert_eq!(issuer.enrol("pharmacy key", "pharmacy").unwrap(), certificate);
    assert_eq!(issuer.enrolled().unwrap(), ["pharmacy key"]);
    let recorded = issuer.record("pharmacy key", &dispense("S001"), None, now).unwrap();
    assert_eq!((recorded.log, recorded.index, recorded.size), (LogName::SUPPLY, 9, 10));
    // The next on the same subject follows it, whatever its author assumed.
    let next = issuer.sign("pharmacy key", &dispense("S001"), now).unwrap();
    assert_eq!(office.submit(&next).unwrap().index, 10);
    let again = office.submit(&next).unwrap();
    assert_eq!((again.index, again.id), (10, next.id()));
    let history = office.issuer().history(LogName::SUPPLY, &subject(&format!("{LOT}/21/S001"))).unwrap();
    assert_eq!(history.iter().map(Entry::id).collect::<Vec<_>>(), [recorded.id, next.id()]);
    assert_eq!(history[1].verified().prev(), Some(recorded.id));
    let (log, receipt) = office.scene.open().receipt(next.id()).unwrap().unwrap();
    assert!(log == LogName::SUPPLY && !receipt.is_empty());
}

#[test]
fn a_long_history_is_fetched_and_verified_whole() {
    let mut office = Office::new();
    office.scene.world().pile_up(CLASS, 300);
    let history = office.issuer().history(LogName::SUPPLY, &subject(CLASS)).unwrap();
    assert_eq!(history.len(), 301);
    let none = office.issuer().history(LogName::SUPPLY, &subject("urn:example:none")).unwrap();
    assert!(none.is_empty());
}

#[test]
fn a_lie_about_the_latest_statement_signs_nothing() {
    let mut office = Office::new();
    office.issuer().enrol("key", "manufacturer").unwrap();
    let (lot, class): (Subject, _) = (subject(LOT), subject(CLASS));
    let other = office.scene.world().logs[&LogName::SUPPLY]
        .history(&class, 9, u64::MAX, &HashMap::default())
        .to_cbor();
    let other = messages(&[other]);
    office.lie("/subjects/", move |response| Response { body: other.clone(), ..response });
    let error = office.issuer().latest(LogName::SUPPLY, &lot).unwrap_err();
    assert!(matches!(error, ActError::History(HistoryError::Index(IndexError::RootMismatch))), "{error}");
}

#[test]
fn a_certificate_for_another_key_or_from_another_root_is_not_taken() {
    let mut office = Office::new();
    let other = office.scene.world().members["supplier"].certificate.as_der().to_vec();
    office.lie("/enrol", move |response| Response { body: other.clone(), ..response });
    assert!(matches!(office.issuer().enrol("key", "supplier").unwrap_err(), ActError::OtherKey));
    office.lie("/enrol", |mut response| {
        let last = response.body.len() - 1;
        response.body[last] ^= 1;
        response
    });
    let error = office.issuer().enrol("key", "supplier").unwrap_err();
    assert!(matches!(error, ActError::Certificate(CertificateError::Path)), "{error}");
    assert!(office.issuer().enrolled().unwrap().is_empty());
    let now = office.scene.now();
    assert!(matches!(
        office.issuer().sign("key", &dispense("S001"), now).unwrap_err(),
        ActError::NotEnrolled
    ));
}

#[test]
fn nothing_is_recorded_on_the_nodes_word_alone() {
    let mut office = Office::new();
    let now = office.scene.now();
    office.issuer().enrol("key", "pharmacy").unwrap();
    let statement = office.issuer().sign("key", &dispense("S002"), now).unwrap();
    // Acknowledged, and then never shown: the log's checkpoint does not grow.
    let old = office.scene.world().note(LogName::SUPPLY);
    office.lie("/supply/checkpoint", move |response| Response { body: old.clone().into_bytes(), ..response });
    let error = office.submit(&statement).unwrap_err();
    assert!(matches!(error, ActError::NotYet), "{error}");
    assert_eq!(office.snapshot.receipt(statement.id()).unwrap(), None);
    office.scene.world().lie = None;
    assert_eq!(office.issuer().confirm(LogName::SUPPLY, statement.id()).unwrap().index, 9);
}

#[test]
fn a_receipt_of_another_size_index_statement_or_log_proves_nothing() {
    let mut office = Office::new();
    let now = office.scene.now();
    office.issuer().enrol("key", "pharmacy").unwrap();
    let statement: Statement = office.issuer().sign("key", &dispense("S003"), now).unwrap();
    office.submit(&statement).unwrap();
    let honest = office.snapshot.receipt(statement.id()).unwrap().unwrap().1;
    // Size and index stand outside the signature: 9 of 10 becomes 9 of 12, and 8 of 10.
    let shape = [0x83, 10, 9];
    let at = honest.windows(3).position(|window| window == shape).unwrap();
    for (offset, value) in [(1, 12), (2, 8)] {
        let mut altered = honest.clone();
        altered[at + offset] = value;
        office.lie("/entries/", move |response| Response { body: altered.clone(), ..response });
        let error = office.issuer().confirm(LogName::SUPPLY, statement.id()).unwrap_err();
        let refused = matches!(error, ActError::Receipt(_) | ActError::NotProven(_) | ActError::NotYet);
        assert!(refused, "{error}");
    }
    let mut forged = honest.clone();
    let last = forged.len() - 1;
    forged[last] ^= 1;
    office.lie("/entries/", move |response| Response { body: forged.clone(), ..response });
    let error = office.issuer().confirm(LogName::SUPPLY, statement.id()).unwrap_err();
    assert!(matches!(error, ActError::Receipt(ReceiptError::Signature)), "{error}");
    let other = office.scene.world().logs[&LogName::SUPPLY].statements[3].id();
    office.lie("/entries/", move |response| Response { body: honest.clone(), ..response });
    let error = office.issuer().confirm(LogName::SUPPLY, other).unwrap_err();
    assert!(matches!(error, ActError::Receipt(ReceiptError::Signature)), "{error}");
    office.scene.world().lie = None;
    // The log has grown since: the receipt leads into the newer checkpoint by a consistency proof, or not at all.
    let old = office.snapshot.receipt(statement.id()).unwrap().unwrap().1;
    office.scene.world().pile_up("urn:example:more", 5);
    office.lie("/entries/", move |response| Response { body: old.clone(), ..response });
    assert_eq!(office.issuer().confirm(LogName::SUPPLY, statement.id()).unwrap().size, 15);
    office.lie("/consistency/10/15", |response| Response { body: vec![0x80], ..response });
    let old = office.snapshot.receipt(statement.id()).unwrap().unwrap().1;
    let keep = std::sync::Mutex::new(old);
    office.scene.world().lie = Some(Box::new(move |path, response| {
        let body = match path {
            path if path.contains("/entries/") => keep.lock().unwrap().clone(),
            path if path.contains("/consistency/10/") => vec![0x80],
            _ => response.body,
        };
        Ok(Response { body, ..response })
    }));
    let error = office.issuer().confirm(LogName::SUPPLY, statement.id()).unwrap_err();
    assert!(matches!(error, ActError::NotProven(ProofError::WrongLength)), "{error}");
}

#[test]
fn a_desk_notices_a_rolled_back_log() {
    let mut office = Office::new();
    let old = office.scene.world().note(LogName::SUPPLY);
    office.scene.world().pile_up(CLASS, 3);
    office.issuer().latest(LogName::SUPPLY, &subject(CLASS)).unwrap();
    office.lie("/supply/checkpoint", move |response| Response { body: old.clone().into_bytes(), ..response });
    let error = office.issuer().latest(LogName::SUPPLY, &subject(CLASS)).unwrap_err();
    assert!(matches!(error, ActError::Advance(AdvanceError::Rollback)), "{error}");
}

#[test]
fn an_unknown_kind_and_a_missing_key_are_told() {
    let mut office = Office::new();
    let now = office.scene.now();
    let draft = Draft { kind: kind("elsewhere.step"), ..dispense("S001") };
    assert!(matches!(office.issuer().sign("key", &draft, now).unwrap_err(), ActError::UnknownKind));
    office.issuer().enrol("key", "pharmacy").unwrap();
    office.keys.delete("key".into()).unwrap();
    let error = office.issuer().sign("key", &dispense("S001"), now).unwrap_err();
    assert!(matches!(error, ActError::KeyStore(KeyStoreError::Missing)), "{error}");
}
