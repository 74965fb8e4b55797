//! Who may ask, and who asked: what the link shows, and what only the owner opens.

use countersign_ledger::certificate::{self, Period};
use countersign_ledger::{
    Certificate, CertificateError, Draft, Fields, Hash, Identity, Kind, Placed, PublicKey, REVOKE, Refusal,
    Signer as _, SoftwareKey, Statement, Subject, TrustStore, UnixMillis, Value,
};
use countersign_records::rules::{AUTHORITY, DOCTOR, Head, IndexLine, Mode, Outcome, REQUEST};
use countersign_records::{
    Ask, AskError, FULL, Index, Offer, RecordId, Request, SHARED, Secret, SheetError, label, open_ask,
    open_sheet, seal_ask, seal_sheet,
};
use zeroize::Zeroizing;

use crate::support::{NOW, Numbers, RECORD};

const YEAR: Period = Period { from: UnixMillis(1_790_000_000_000), until: UnixMillis(1_821_536_000_000) };

fn key(seed: u8) -> SoftwareKey {
    SoftwareKey::from_bytes(&[seed; 32]).unwrap()
}

struct Member {
    key: SoftwareKey,
    certificate: Certificate,
}

/// A region with an authority and two doctors, as a patient's phone knows it.
struct Region {
    trust: TrustStore,
    registrar: Member,
    authority: Member,
    doctor: Member,
    other: Member,
    secret: Secret,
}

impl Region {
    fn new() -> Self {
        let root = key(1);
        let member = |seed: u8, role: &str, name: &str| {
            let identity = Identity::new("north.example", role, name).unwrap();
            let certificate = certificate::issue(&identity, &key(seed).public_key(), &root, YEAR, [seed; 16]);
            Member { key: key(seed), certificate: certificate.unwrap() }
        };
        let mut trust = TrustStore::new();
        trust.pin("north.example", &certificate::root("north.example", &root, YEAR, [1; 16]).unwrap());
        let registrar = member(2, "registrar", "one");
        trust.appoint(registrar.certificate.as_der(), [DOCTOR.to_owned()]).unwrap();
        let (authority, doctor) = (member(3, AUTHORITY, "clinics"), member(4, DOCTOR, "ada"));
        trust.enrol(authority.certificate.as_der()).unwrap();
        trust.enrol(doctor.certificate.as_der()).unwrap();
        let other = member(5, DOCTOR, "bob");
        Self { trust, registrar, authority, doctor, other, secret: Secret::new(Zeroizing::new([9; 32])) }
    }

    fn head(&self) -> Head {
        let line = IndexLine { label: LABEL, mode: Mode::AtOnce, minutes: 60, row: Hash([0xb1; 32]) };
        Head {
            index: Hash([1; 32]),
            wrap: 1,
            version: 1,
            document: Hash([2; 32]),
            agree: self.secret.agreement(0).public_key(),
            store: "spiffe://north.example/record-store/cloud".to_owned(),
            open: true,
            lines: vec![line],
        }
    }

    fn sign(who: &Member, draft: &Draft, cti: u8) -> Statement {
        draft.sign(&who.certificate, &who.key, NOW, [cti; 16]).unwrap()
    }

    /// The authority's request with this sealed in it, as the log orders it.
    fn request(&self, sealed: Vec<u8>) -> Placed {
        let (holder, label) = (key(50).public_key(), Some(LABEL));
        let until = UnixMillis(NOW.0 + 60_000);
        let request = Request { holder: &holder, label, fits: true, until, slot: 0 };
        let signed = Self::sign(&self.authority, &request.draft(&RECORD, &self.head(), sealed), 7);
        let verified = self.trust.verify(signed).unwrap();
        self.trust.place(verified, SHARED.unwrap(), 12).into_standing().unwrap()
    }

    fn seal(&self, draft: &Draft, who: &Member) -> Vec<u8> {
        let agree = self.secret.agreement(0).public_key();
        let thread = RECORD.thread(&key(50).public_key());
        let signed = Self::sign(who, draft, 8);
        seal_ask(&signed, &who.certificate, &agree, &thread, &mut Numbers(3)).unwrap()
    }

    fn open(&self, sealed: Vec<u8>) -> Result<String, AskError> {
        self.open_by(&self.trust, sealed)
    }

    fn open_by(&self, trust: &TrustStore, sealed: Vec<u8>) -> Result<String, AskError> {
        let asked = open_ask(&self.request(sealed), SHARED.unwrap(), &self.secret.agreement(0), trust)?;
        assert_eq!(asked.ask, ask(&key(50).public_key()));
        Ok(asked.certificate.identity().to_string())
    }
}

const LABEL: Hash = Hash([0xa1; 32]);

fn ask(holder: &PublicKey) -> Ask {
    Ask {
        holder: holder.clone(),
        label: Some(LABEL),
        until: UnixMillis(NOW.0 + 60_000),
        purpose: "TREAT".to_owned(),
        reason: Some("ward round".to_owned()),
        name: "Dr. Ada".to_owned(),
    }
}

#[test]
fn the_owner_reads_who_asked_and_the_log_does_not() {
    let region = Region::new();
    let sealed = region.seal(&ask(&key(50).public_key()).draft(&RECORD), &region.doctor);
    let request = region.request(sealed.clone());
    for words in ["ada", "Ada", "TREAT", "ward"] {
        let bytes = request.statement().as_bytes();
        assert!(!bytes.windows(words.len()).any(|window| window == words.as_bytes()), "{words}");
    }
    assert_eq!(region.open(sealed).unwrap(), "spiffe://north.example/doctor/ada");
}

#[test]
fn each_way_not_to_name_the_requester_has_its_own_reason() {
    let region = Region::new();
    let holder = key(50).public_key();
    let good = ask(&holder).draft(&RECORD);
    let refused = |draft: &Draft, who: &Member| region.open(region.seal(draft, who)).unwrap_err();

    // The seal: garbage, another receiver's, another thread's, or no statement of this kind.
    assert_eq!(region.open(vec![7; 200]), Err(AskError::Seal));
    let signed = Region::sign(&region.doctor, &good, 8);
    let seal = |agree: &PublicKey, holder: u8| {
        let thread = RECORD.thread(&key(holder).public_key());
        seal_ask(&signed, &region.doctor.certificate, agree, &thread, &mut Numbers(3)).unwrap()
    };
    let agree = |generation| region.secret.agreement(generation).public_key();
    assert!(region.open(seal(&agree(0), 50)).is_ok());
    assert_eq!(region.open(seal(&agree(1), 50)), Err(AskError::Seal), "a key that an auditor had");
    assert_eq!(region.open(seal(&agree(0), 51)), Err(AskError::Seal), "taken from another request");
    let other_kind = Draft { kind: Kind::new(REQUEST).unwrap(), ..good.clone() };
    assert_eq!(refused(&other_kind, &region.doctor), AskError::Seal);

    // Another's ask, which the authority sealed into this request.
    let until = Ask { until: UnixMillis(NOW.0 + 90_000), ..ask(&holder) }.draft(&RECORD);
    let line = Ask { label: Some(Hash([0xa2; 32])), ..ask(&holder) }.draft(&RECORD);
    let any = Ask { label: None, ..ask(&holder) }.draft(&RECORD);
    let other_record = ask(&holder).draft(&RecordId([1; 16]));
    let other_thread = ask(&key(51).public_key()).draft(&RECORD);
    for draft in [until, line, any, other_record, other_thread] {
        assert_eq!(refused(&draft, &region.doctor), AskError::OtherRequest);
    }
    // The holder's key is another than the one that the requester names.
    let mut other_holder = good.clone();
    other_holder.fields.insert("holder", Value::Bytes(key(51).public_key().as_sec1().to_vec()));
    assert_eq!(refused(&other_holder, &region.doctor), AskError::OtherHolder);

    // A doctor who did not sign; one of a domain that the ledger does not know.
    let framed = Member { key: key(60), certificate: region.doctor.certificate.clone() };
    assert_eq!(refused(&good, &framed), AskError::Signature(Refusal::Signature));
    let identity = Identity::new("south.example", DOCTOR, "eve").unwrap();
    let certificate = certificate::issue(&identity, &key(61).public_key(), &key(1), YEAR, [9; 16]).unwrap();
    let invented = Member { key: key(61), certificate };
    assert_eq!(refused(&good, &invented), AskError::Certificate(CertificateError::UnknownDomain));
}

#[test]
fn a_requester_who_was_revoked_when_the_request_was_ordered_is_told() {
    let region = Region::new();
    let sealed = region.seal(&ask(&key(50).public_key()).draft(&RECORD), &region.doctor);
    for (from, name) in [(12, Err(AskError::Revoked)), (13, Ok(()))] {
        let fields = Fields::new()
            .with("certificate", region.doctor.certificate.fingerprint())
            .with("from-records-shared", from);
        let subject = Subject::new(region.doctor.certificate.identity().as_str()).unwrap();
        let (kind, links) = (Kind::new(REVOKE).unwrap(), vec![]);
        let draft = Draft { kind, subject, fields, prev: None, links, sealed: None };
        let mut trust = region.trust.clone();
        let revocation = trust.verify(Region::sign(&region.registrar, &draft, 9)).unwrap();
        let placed = trust.place(revocation, countersign_ledger::LogName::TRUST, 5).into_standing();
        trust.apply(&placed.unwrap()).unwrap();
        assert_eq!(region.open_by(&trust, sealed.clone()).map(drop), name, "from {from}");
    }
}

#[test]
fn one_whose_certificate_has_the_root_but_no_entry_in_the_log_is_still_accountable() {
    let region = Region::new();
    let sealed = region.seal(&ask(&key(50).public_key()).draft(&RECORD), &region.other);
    assert_eq!(region.open(sealed).unwrap(), "spiffe://north.example/doctor/bob");
}

#[test]
fn the_sheet_says_who_may_ask_to_whoever_has_the_link_and_for_its_index_alone() {
    let secret = Secret::new(Zeroizing::new([9; 32]));
    let (link, full, shared) = (secret.link(), FULL.unwrap(), SHARED.unwrap());
    let offer = |salt, text: &str| Offer { salt: [salt; 16], policy: text.parse().unwrap() };
    let offers = vec![offer(1, "role: cardiologist"), offer(2, "role: a or (role: b and hospital: c)")];
    let sealed = seal_sheet(&offers, &link, &RECORD, (shared, 3), &mut Numbers(1)).unwrap();
    let open = |link, record, place| open_sheet(&sealed, link, record, place);
    assert_eq!(open(&link, &RECORD, (shared, 3)).unwrap(), offers);
    let other = Secret::new(Zeroizing::new([8; 32])).link();
    for refused in [
        open(&other, &RECORD, (shared, 3)),
        open(&link, &RecordId([1; 16]), (shared, 3)),
        open(&link, &RECORD, (full, 3)),
        open(&link, &RECORD, (shared, 2)),
    ] {
        assert_eq!(refused, Err(SheetError::Link));
    }
    let words = b"cardiologist";
    assert!(!sealed.windows(words.len()).any(|window| window == words));

    // The label is of record, salt and canonical text: each changes it.
    let label_of = |record: &RecordId, salt, text: &str| label(record, &[salt; 16], &text.parse().unwrap());
    let one = label_of(&RECORD, 1, "role: a and role: b");
    assert_eq!(one, label_of(&RECORD, 1, "(role:a) and   role: b"), "two ways to write one policy");
    assert_ne!(one, label_of(&RECORD, 2, "role: a and role: b"));
    assert_ne!(one, label_of(&RecordId([1; 16]), 1, "role: a and role: b"));
    assert_ne!(one, label_of(&RECORD, 1, "role: a or role: b"));

    let long = offer(3, &format!("role: {}", "x".repeat(250)));
    let many = vec![long; 9];
    let error = seal_sheet(&many, &link, &RECORD, (shared, 3), &mut Numbers(1)).unwrap_err();
    assert_eq!(error, SheetError::TooLong);
}

#[test]
fn drafts_are_what_the_rules_read() {
    let region = Region::new();
    let head = region.head();
    let index = Index {
        wrap: head.wrap,
        version: head.version,
        document: head.document,
        agree: head.agree.clone(),
        store: head.store.clone(),
        open: head.open,
        lines: head.lines.clone(),
    };
    // Who may sign it, the rules' own tests show; here any member does.
    let signed = Region::sign(&region.authority, &index.draft(&RECORD, None, vec![1]), 1);
    let verified = region.trust.verify(signed).unwrap();
    assert_eq!(Head::of(&verified).unwrap(), Head { index: verified.statement().id(), ..head.clone() });
    assert_eq!(head.outcome(Some(LABEL), true), Outcome::Granted);
}
