//! What an attribute authority publishes and is asked.

use countersign_ledger::certificate::{self, Period};
use countersign_ledger::{
    Certificate, Draft, Hash, Identity, Signer as _, SoftwareKey, TrustStore, UnixMillis, Verified,
};
use countersign_records::rules::{AUTHORITY, DOCTOR};
use countersign_records::{AuthorityKey, FULL, KeyAsk, SHARED, Vouch, authority, open_key, seal_key};
use proptest::prelude::*;

use crate::support::{NOW, Numbers};

const YEAR: Period = Period { from: UnixMillis(1_790_000_000_000), until: UnixMillis(1_821_536_000_000) };

fn key(seed: u8) -> SoftwareKey {
    SoftwareKey::from_bytes(&[seed; 32]).unwrap()
}

fn identity(role: &str, name: &str) -> Identity {
    Identity::new("north.example", role, name).unwrap()
}

fn verified(draft: &Draft, who: &Identity) -> Verified {
    let root = key(1);
    let certificate: Certificate =
        certificate::issue(who, &key(2).public_key(), &root, YEAR, [2; 16]).unwrap();
    let mut trust = TrustStore::new();
    trust.pin("north.example", &certificate::root("north.example", &root, YEAR, [1; 16]).unwrap());
    trust.enrol(certificate.as_der()).unwrap();
    trust.verify(draft.sign(&certificate, &key(2), NOW, [3; 16]).unwrap()).unwrap()
}

#[test]
fn a_published_key_reads_back_and_nothing_else_is_one() {
    let clinics = identity(AUTHORITY, "clinics");
    let published = AuthorityKey { suite: 1, key: vec![7; 1345], epoch: 227, vocabulary: Hash([4; 32]) };
    let statement = verified(&published.draft(&clinics, None), &clinics);
    assert_eq!(statement.statement().subject().as_str(), "urn:countersign:authority:north.example:clinics");
    assert_eq!(AuthorityKey::of(&statement), Some(published));
    let ask = KeyAsk::draft(&clinics, &key(5).public_key());
    assert_eq!(AuthorityKey::of(&verified(&ask, &clinics)), None);
}

#[test]
fn an_ask_is_for_one_authority_and_names_the_key_that_the_answer_is_sealed_to() {
    let (clinics, other) = (identity(AUTHORITY, "clinics"), identity(AUTHORITY, "other"));
    let draft = KeyAsk::draft(&clinics, &key(5).public_key());
    let ask = verified(&draft, &identity(DOCTOR, "ada"));
    assert_eq!(KeyAsk::agree(&ask, &clinics), Some(key(5).public_key()));
    assert_eq!(KeyAsk::agree(&ask, &other), None);
    let published = AuthorityKey { suite: 1, key: vec![7], epoch: 1, vocabulary: Hash([4; 32]) };
    let published = verified(&published.draft(&clinics, None), &clinics);
    assert_eq!(KeyAsk::agree(&published, &clinics), None, "another kind on the same subject");

    let sealed = seal_key(b"a key", &clinics, &key(5).public_key(), &mut Numbers(1)).unwrap();
    assert_eq!(open_key(&sealed, &clinics, &key(5)).unwrap().as_slice(), b"a key");
    assert!(open_key(&sealed, &other, &key(5)).is_err(), "another authority's answer");
    assert!(open_key(&sealed, &clinics, &key(6)).is_err(), "another's key");
    assert_ne!(authority(&clinics), authority(&other));
}

proptest! {
    #[test]
    fn what_is_asked_reads_back(
        ask in prop::collection::vec(any::<u8>(), 0..2000),
        certificate in prop::collection::vec(any::<u8>(), 0..2049),
        policy in prop::option::of((any::<[u8; 16]>(), "[ -~]{0,200}")),
        is_whole in any::<bool>(),
    ) {
        let log = if is_whole { FULL } else { SHARED }.unwrap();
        let vouch = Vouch { log, ask: ask.clone(), certificate: certificate.clone(), policy };
        prop_assert_eq!(Vouch::from_bytes(&vouch.to_bytes()), Some(vouch));
        let key_ask = KeyAsk { ask, certificate };
        prop_assert_eq!(KeyAsk::from_bytes(&key_ask.to_bytes()), Some(key_ask));
    }

    #[test]
    fn what_was_not_written_is_not_read(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Some(vouch) = Vouch::from_bytes(&bytes) {
            prop_assert_eq!(vouch.to_bytes(), bytes.clone());
        }
        if let Some(ask) = KeyAsk::from_bytes(&bytes) {
            prop_assert_eq!(ask.to_bytes(), bytes);
        }
    }
}

#[test]
fn messages_are_bounded_and_cut_ones_are_refused() {
    let vouch = Vouch {
        log: SHARED.unwrap(),
        ask: vec![1; 100],
        certificate: vec![2; 100],
        policy: Some(([3; 16], "role: doctor".to_owned())),
    };
    let bytes = vouch.to_bytes();
    (0..bytes.len()).for_each(|end| assert_eq!(Vouch::from_bytes(&bytes[..end]), None));
    for long in [
        Vouch { ask: vec![1; 16 * 1024 + 1], ..vouch.clone() },
        Vouch { certificate: vec![2; 2049], ..vouch.clone() },
        Vouch { policy: Some(([3; 16], "r".repeat(4097))), ..vouch },
    ] {
        assert_eq!(Vouch::from_bytes(&long.to_bytes()), None);
    }
    let long = KeyAsk { ask: vec![1; 16 * 1024 + 1], certificate: vec![] };
    assert_eq!(KeyAsk::from_bytes(&long.to_bytes()), None);
}
