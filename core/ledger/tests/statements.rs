//! Invalid statements are refused, each with its own reason.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails should stop")]

use countersign_ledger::certificate::{self, Period};
use countersign_ledger::{Certificate, MAX_AGE_MILLIS, MAX_SKEW_MILLIS, Signer as _};
use countersign_ledger::{
    Draft, ENROL, Fields, FieldsError, FormatError, Hash, Identity, KeyError, Kind, LogName, REGISTRAR,
    REVOKE, Refusal, Signature, SoftwareKey, Statement, Subject, TrustStore, UnixMillis, Verified,
    check_fresh,
};

const DOMAIN: &str = "meds.example";
const NOW: UnixMillis = UnixMillis(1_795_000_000_000);
const YEAR: Period = Period { from: UnixMillis(1_790_000_000_000), until: UnixMillis(1_821_536_000_000) };

fn key(seed: u8) -> SoftwareKey {
    SoftwareKey::from_bytes(&[seed; 32]).unwrap()
}

/// A domain whose root has the key 1, and `name` in `role` with the key `seed`.
fn member(role: &str, name: &str, seed: u8) -> Certificate {
    let identity = Identity::new(DOMAIN, role, name).unwrap();
    certificate::issue(&identity, &key(seed).public_key(), &key(1), YEAR, [seed; 16]).unwrap()
}

fn trust(members: &[&Certificate]) -> TrustStore {
    let mut trust = TrustStore::new();
    trust.pin(DOMAIN, &certificate::root(DOMAIN, &key(1), YEAR, [1; 16]).unwrap());
    for member in members {
        trust.enrol(member.as_der()).unwrap();
        if member.identity().role() == REGISTRAR {
            trust.appoint(member.as_der(), ["supplier".to_owned()]).unwrap();
        }
    }
    trust
}

fn draft(kind: &str, subject: &str, fields: Fields) -> Draft {
    let (kind, subject) = (Kind::new(kind).unwrap(), Subject::new(subject).unwrap());
    Draft { kind, subject, fields, prev: None, links: Vec::new(), sealed: None }
}

fn sample() -> Draft {
    draft(
        "medicine.recall",
        "https://id.gs1.org/01/09506000134352/10/L1",
        Fields::new().with("reason", "glass"),
    )
}

fn signed(draft: &Draft, certificate: &Certificate, seed: u8) -> Statement {
    draft.sign(certificate, &key(seed), NOW, [9; 16]).unwrap()
}

fn at(bytes: &[u8], needle: &[u8]) -> usize {
    bytes.windows(needle.len()).position(|window| window == needle).unwrap()
}

#[test]
fn a_signed_statement_is_read_back_and_verified() {
    let authority = member("authority", "da", 2);
    let draft = Draft {
        prev: Some(Hash::of(b"prev")),
        links: vec![Hash::of(b"a"), Hash::of(b"b")],
        sealed: Some(vec![1, 2, 3]),
        ..sample()
    };
    let statement = Statement::parse(signed(&draft, &authority, 2).as_bytes()).unwrap();
    assert_eq!(statement.id(), Hash::of(statement.as_bytes()));
    assert_eq!((statement.kind(), statement.subject()), (&draft.kind, &draft.subject));
    assert_eq!(statement.issued_at(), NOW);
    let verified = trust(&[&authority]).verify(statement).unwrap();
    assert_eq!(verified.fields(), &draft.fields);
    assert_eq!((verified.prev(), verified.links()), (draft.prev, &draft.links[..]));
    assert_eq!(verified.sealed(), draft.sealed.as_deref());
    assert_eq!(verified.signer().identity().name(), "da");
}

#[test]
fn an_independent_reader_sees_the_same_and_verifies_it() {
    use coset::{CborSerializable as _, RegisteredLabel, TaggedCborSerializable as _, iana};
    let authority = member("authority", "da", 2);
    let statement = signed(&sample(), &authority, 2);
    let theirs = coset::CoseSign1::from_tagged_slice(statement.as_bytes()).unwrap();
    assert_eq!(
        theirs.protected.header.alg,
        Some(coset::RegisteredLabelWithPrivate::Assigned(iana::Algorithm::ES256))
    );
    assert_eq!(
        theirs.protected.header.content_type,
        Some(RegisteredLabel::Text("application/vnd.countersign.medicine.recall.v1+cbor".into()))
    );
    theirs
        .verify_signature(b"", |signature, message| {
            key(2).public_key().verify(message, &Signature::from_raw(signature).unwrap())
        })
        .unwrap();
    assert_eq!(theirs.to_vec().unwrap(), statement.as_bytes()[1..]);
}

#[test]
fn every_changed_byte_is_refused() {
    let authority = member("authority", "da", 2);
    let trust = trust(&[&authority]);
    let bytes = signed(&sample(), &authority, 2).as_bytes().to_vec();
    for position in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[position] ^= 1 << bit;
            let verified = Statement::parse(&changed)
                .map_err(Refusal::from)
                .and_then(|statement| trust.verify(statement));
            assert!(verified.is_err(), "byte {position}, bit {bit}");
        }
    }
    for length in 0..bytes.len() {
        assert!(Statement::parse(&bytes[..length]).is_err());
    }
}

#[test]
fn a_changed_body_and_another_kind_fail_the_signature() {
    let authority = member("authority", "da", 2);
    let trust = trust(&[&authority]);
    let bytes = signed(&sample(), &authority, 2).as_bytes().to_vec();
    for (from, to) in
        [(&b"glass"[..], &b"grass"[..]), (b"medicine.recall", b"medicine.regall"), (b"/10/L1", b"/10/L2")]
    {
        let mut changed = bytes.clone();
        let position = at(&bytes, from);
        changed[position..position + to.len()].copy_from_slice(to);
        assert_eq!(trust.verify(Statement::parse(&changed).unwrap()).unwrap_err(), Refusal::Signature);
    }
}

#[test]
fn the_high_s_twin_is_not_a_statement() {
    let bytes = signed(&sample(), &member("authority", "da", 2), 2).as_bytes().to_vec();
    let (rest, signature) = bytes.split_at(bytes.len() - 64);
    let (r, s) = p256::ecdsa::Signature::from_slice(signature).unwrap().split_scalars();
    let twin = p256::ecdsa::Signature::from_scalars(*r, -*s).unwrap().to_bytes();
    let twin = [rest, twin.as_slice()].concat();
    assert_eq!(Statement::parse(&twin).unwrap_err(), FormatError::Signature(KeyError::HighS));
}

#[test]
fn a_swapped_signer_is_refused() {
    let (authority, other) = (member("authority", "da", 2), member("authority", "other", 3));
    let trust = trust(&[&authority, &other]);
    // Another member's key under the first one's certificate, and another certificate under the first one's name.
    let forged = sample().sign(&authority, &key(3), NOW, [9; 16]).unwrap();
    assert_eq!(trust.verify(forged).unwrap_err(), Refusal::Signature);
    let mut bytes = signed(&sample(), &authority, 2).as_bytes().to_vec();
    let position = at(&bytes, authority.fingerprint().as_bytes());
    bytes[position..position + 32].copy_from_slice(other.fingerprint().as_bytes());
    assert_eq!(trust.verify(Statement::parse(&bytes).unwrap()).unwrap_err(), Refusal::WrongIssuer);
    let stranger = signed(&sample(), &member("authority", "stranger", 4), 4);
    assert_eq!(trust.verify(stranger).unwrap_err(), Refusal::UnknownSigner);
}

#[test]
fn a_certificate_holds_for_its_period_only() {
    let authority = member("authority", "da", 2);
    let trust = trust(&[&authority]);
    let on = |moment: UnixMillis| trust.verify(sample().sign(&authority, &key(2), moment, [9; 16]).unwrap());
    assert!(on(YEAR.from).is_ok() && on(YEAR.until).is_ok());
    assert_eq!(on(UnixMillis(YEAR.from.0 - 1000)).unwrap_err(), Refusal::NotYetValid);
    assert_eq!(on(UnixMillis(YEAR.until.0 + 1000)).unwrap_err(), Refusal::Expired);
}

#[test]
fn freshness_is_bounded_on_both_sides() {
    let statement = signed(&sample(), &member("authority", "da", 2), 2);
    for (now, expected) in [
        (NOW.0, Ok(())),
        (NOW.0 - MAX_SKEW_MILLIS, Ok(())),
        (NOW.0 - MAX_SKEW_MILLIS - 1, Err(Refusal::FromTheFuture)),
        (NOW.0 + MAX_AGE_MILLIS, Ok(())),
        (NOW.0 + MAX_AGE_MILLIS + 1, Err(Refusal::Stale)),
    ] {
        assert_eq!(check_fresh(&statement, UnixMillis(now)), expected);
    }
}

fn revocation(of: &Certificate, supply: u64) -> Draft {
    let fields = Fields::new().with("certificate", of.fingerprint()).with("from-supply", supply);
    draft(REVOKE, of.identity().as_str(), fields.with("from-trust", 9))
}

#[test]
fn a_revocation_ends_a_certificate_at_an_entry_of_each_log() {
    let (registrar, authority) = (member(REGISTRAR, "bcc", 5), member("authority", "da", 2));
    let mut trust = trust(&[&registrar, &authority]);
    let revoke = |from, trust: &mut TrustStore| {
        let revocation = trust.verify(signed(&revocation(&authority, from), &registrar, 5)).unwrap();
        let placed = trust.place(revocation, LogName::TRUST, 0).into_standing().unwrap();
        trust.apply(&placed).unwrap();
    };
    let stands = |trust: &TrustStore, log, index| {
        let verified: Verified = trust.verify(signed(&sample(), &authority, 2)).unwrap();
        let entry = trust.place(verified, log, index);
        assert_eq!((entry.index(), entry.id()), (index, signed(&sample(), &authority, 2).id()));
        entry.standing().is_some()
    };
    revoke(7, &mut trust);
    assert!(stands(&trust, LogName::SUPPLY, 6) && !stands(&trust, LogName::SUPPLY, 7));
    assert!(stands(&trust, LogName::TRUST, 8) && !stands(&trust, LogName::TRUST, 9));
    // In a log that the revocation does not name, perhaps because it is newer, the certificate is not valid from the
    // beginning.
    assert!(!stands(&trust, LogName::new("records").unwrap(), 0));
    // The lower index counts, whichever revocation names it.
    revoke(8, &mut trust);
    assert!(stands(&trust, LogName::SUPPLY, 6) && !stands(&trust, LogName::SUPPLY, 7));
    revoke(3, &mut trust);
    assert!(stands(&trust, LogName::SUPPLY, 2) && !stands(&trust, LogName::SUPPLY, 3));
}

#[test]
fn what_is_recalled_stands_at_its_place_and_what_changes_trust_is_verified_again() {
    let (registrar, authority) = (member(REGISTRAR, "bcc", 5), member("authority", "da", 2));
    let mut trust = trust(&[&registrar, &authority]);
    let recall = |trust: &TrustStore, statement, index| trust.recall(statement, LogName::SUPPLY, index);
    // Signed by another key: whoever has stored it has verified it.
    let forged = sample().sign(&authority, &key(3), NOW, [9; 16]).unwrap();
    let entry = recall(&trust, forged.clone(), 6).unwrap();
    assert_eq!((entry.standing().map(countersign_ledger::Placed::index), entry.id()), (Some(6), forged.id()));
    let newcomer = member("supplier", "ms", 6);
    let mut enrolment = Fields::new();
    enrolment.insert("certificate", countersign_ledger::Value::Bytes(newcomer.as_der().to_vec()));
    for draft in [revocation(&authority, 7), draft(ENROL, newcomer.identity().as_str(), enrolment)] {
        let forged = draft.sign(&registrar, &key(3), NOW, [9; 16]).unwrap();
        assert_eq!(recall(&trust, forged, 6).unwrap_err(), Refusal::Signature);
        assert!(recall(&trust, signed(&draft, &registrar, 5), 6).is_ok());
    }
    // Neither somebody who is not enrolled, nor a revoked certificate, gets by.
    let stranger = member("authority", "stranger", 4);
    assert_eq!(recall(&trust, signed(&sample(), &stranger, 4), 6).unwrap_err(), Refusal::UnknownSigner);
    let revoked = recall(&trust, signed(&revocation(&authority, 7), &registrar, 5), 6).unwrap();
    trust.apply(revoked.standing().unwrap()).unwrap();
    assert!(recall(&trust, signed(&sample(), &authority, 2), 6).unwrap().standing().is_some());
    assert!(recall(&trust, signed(&sample(), &authority, 2), 7).unwrap().standing().is_none());
}

#[test]
fn a_revocation_says_nothing_but_its_certificate_and_places_in_logs() {
    let (registrar, authority) = (member(REGISTRAR, "bcc", 5), member("authority", "da", 2));
    let trust = trust(&[&registrar, &authority]);
    let named = |name: &str, value: countersign_ledger::Value| {
        let mut draft = revocation(&authority, 7);
        draft.fields.insert(name, value);
        trust.check(&trust.verify(signed(&draft, &registrar, 5)).unwrap())
    };
    assert_eq!(named("from-records-full", 0.into()), Ok(()));
    for (name, value) in [
        ("from-supply", "7".into()),
        ("from-", 7.into()),
        ("from-abcdefghijklmnopq", 7.into()),
        ("reason", "theft".into()),
        ("certificate", "theft".into()),
    ] {
        assert_eq!(named(name, value), Err(Refusal::Fields), "{name}");
    }
}

#[test]
fn only_the_registrar_of_the_domain_enrols_and_revokes() {
    let (registrar, authority) = (member(REGISTRAR, "bcc", 5), member("authority", "da", 2));
    let mut trust = trust(&[&registrar, &authority]);
    let evil = member(REGISTRAR, "evil", 7);
    trust.enrol(evil.as_der()).unwrap();
    let newcomer = member("supplier", "ms", 6);
    let mut enrolment = draft(ENROL, newcomer.identity().as_str(), Fields::new());
    enrolment.fields.insert("certificate", countersign_ledger::Value::Bytes(newcomer.as_der().to_vec()));
    let check = |statement| trust.check(&trust.verify(statement).unwrap());
    assert_eq!(check(signed(&enrolment, &registrar, 5)), Ok(()));
    assert_eq!(check(signed(&enrolment, &authority, 2)), Err(Refusal::Role));
    assert_eq!(check(signed(&revocation(&authority, 0), &authority, 2)), Err(Refusal::Role));
    // Neither a role that the trust anchors do not let it give, nor a second registrar.
    for (other, seed) in [(member("authority", "other", 8), 8), (member(REGISTRAR, "second", 9), 9)] {
        let mut enrolment = draft(ENROL, other.identity().as_str(), Fields::new());
        enrolment.fields.insert("certificate", countersign_ledger::Value::Bytes(other.as_der().to_vec()));
        assert_eq!(check(signed(&enrolment, &registrar, 5)), Err(Refusal::RoleNotGiven), "{seed}");
    }
    // Nor whoever has a certificate in the role of a registrar, and was not appointed.
    assert_eq!(check(signed(&enrolment, &evil, 7)), Err(Refusal::Role));
    assert_eq!(check(signed(&revocation(&authority, 0), &evil, 7)), Err(Refusal::Role));
    let elsewhere = Draft { subject: authority.identity().as_str().parse_subject(), ..enrolment };
    assert_eq!(check(signed(&elsewhere, &registrar, 5)), Err(Refusal::Fields));
}

trait ParseSubject {
    fn parse_subject(&self) -> Subject;
}

impl ParseSubject for str {
    fn parse_subject(&self) -> Subject {
        Subject::new(self).unwrap()
    }
}

#[test]
fn the_same_cti_has_the_same_replay_key_whatever_it_says() {
    let authority = member("authority", "da", 2);
    let (one, mut other) = (sample(), sample());
    other.fields.insert("reason", "steel".into());
    let (one, other) = (signed(&one, &authority, 2), signed(&other, &authority, 2));
    assert_ne!(one.id(), other.id());
    assert_eq!(one.replay_key(), other.replay_key());
    assert_ne!(one.replay_key(), sample().sign(&authority, &key(2), NOW, [8; 16]).unwrap().replay_key());
}

#[test]
fn a_draft_outside_the_format_is_not_signed() {
    let authority = member("authority", "da", 2);
    let sign =
        |fields: Fields| Draft { fields, ..sample() }.sign(&authority, &key(2), NOW, [9; 16]).map(|_| ());
    let refused = |error| Err(FormatError::Fields(error).into());
    assert_eq!(sign(Fields::new().with("Upper", 1)), refused(FieldsError::Name));
    assert_eq!(sign(Fields::new().with("a", "x".repeat(1025).as_str())), refused(FieldsError::Length));
    let many = (0..25).fold(Fields::new(), |fields, n| fields.with(&format!("f{n}"), n));
    assert_eq!(sign(many), refused(FieldsError::Count));
}

#[test]
fn a_domain_goes_from_one_root_to_the_next_without_a_gap() {
    let root = |seed| certificate::root(DOMAIN, &key(seed), YEAR, [seed; 16]).unwrap();
    let by = |authority, seed| {
        let identity = Identity::new(DOMAIN, "authority", "da").unwrap();
        certificate::issue(&identity, &key(seed).public_key(), &key(authority), YEAR, [seed; 16]).unwrap()
    };
    let (before, after, foreign) = (by(1, 4), by(2, 5), by(3, 6));
    let mut trust = TrustStore::new();
    trust.pin(DOMAIN, &root(1));
    trust.enrol(before.as_der()).unwrap();
    assert!(trust.enrol(after.as_der()).is_err());
    trust.pin(DOMAIN, &root(2));
    trust.enrol(after.as_der()).unwrap();
    for (certificate, seed) in [(&before, 4), (&after, 5)] {
        assert!(trust.verify(signed(&sample(), certificate, seed)).is_ok());
    }
    assert!(trust.enrol(foreign.as_der()).is_err());
    assert_eq!(trust.domains().collect::<Vec<_>>(), [DOMAIN]);
}
