//! The registry's rules, and the key of the day.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails should stop")]

use std::sync::Arc;

use countersign_bedside::{
    BEDSIDE, BedsideRules, CredentialRow, DailyKey, DeviceRow, GATEWAY, NURSE, NotAKey, SessionRow, Status,
    credential, device, gateway_id,
};
use countersign_device::{Class, Id, Ops, Scope};
use countersign_ledger::certificate::{Period, issue, root};
use countersign_ledger::{
    Certificate, Context, Draft, Entry, Hash, Identity, LogName, Problem, Rules as _, Signer as _,
    SoftwareKey, State, TrustStore, UnixMillis, Verified,
};
use getrandom::SysRng;
use getrandom::rand_core::{Rng as _, UnwrapErr};

const NOW: UnixMillis = UnixMillis(1_795_219_200_000);
const DAY: u64 = 24 * 3_600_000;
const SID: Id = [0xb1; 16];

struct Member {
    key: SoftwareKey,
    certificate: Certificate,
}

struct World {
    trust: TrustStore,
    root: SoftwareKey,
}

impl World {
    fn new() -> Self {
        let key = SoftwareKey::generate(&mut UnwrapErr(SysRng));
        let mut trust = TrustStore::new();
        trust.pin("meds.example", &root("meds.example", &key, period(), [1; 16]).unwrap());
        Self { trust, root: key }
    }

    fn member(&mut self, role: &str, name: &str) -> Member {
        let key = SoftwareKey::generate(&mut UnwrapErr(SysRng));
        let identity = Identity::new("meds.example", role, name).unwrap();
        let certificate = issue(&identity, &key.public_key(), &self.root, period(), cti()).unwrap();
        self.trust.enrol(certificate.as_der()).unwrap();
        Member { key, certificate }
    }

    fn verified(&self, member: &Member, draft: &Draft) -> Verified {
        let statement = draft.sign(&member.certificate, &member.key, NOW, cti()).unwrap();
        self.trust.verify(statement).unwrap()
    }

    /// Whether the rules take it, after a state.
    fn check(&self, statement: &Verified, before: &State, linked: &[Arc<Entry>]) -> Result<(), Problem> {
        let log = if statement.statement().kind().as_str() == countersign_bedside::SESSION {
            BEDSIDE
        } else {
            LogName::TRUST
        };
        let context = Context {
            elsewhere: &[],
            log,
            domain: None,
            time: Some(NOW),
            subject: before,
            head: before,
            linked,
            rival: None,
            trust: &self.trust,
            checkpoints: None,
        };
        BedsideRules.check(statement, &context).map_err(|violation| violation.problem)
    }
}

fn period() -> Period {
    Period { from: UnixMillis(NOW.0 - DAY), until: UnixMillis(NOW.0 + 365 * DAY) }
}

fn cti() -> [u8; 16] {
    let mut bytes = [0; 16];
    UnwrapErr(SysRng).fill_bytes(&mut bytes);
    bytes
}

fn row(epoch: u64, status: Status) -> Draft {
    let commitment = DeviceRow::commitment(&[9; 32]);
    DeviceRow { class: Class::Treatment, max_ops: Ops::LOOKS, commitment, epoch, status }.draft(&SID)
}

#[test]
fn a_row_begins_ends_and_begins_a_later_epoch_and_nothing_else() {
    let mut world = World::new();
    let gateway = world.member(GATEWAY, "north");
    let after = |drafts: &[Draft]| {
        drafts.iter().fold(State::default(), |state, draft| {
            BedsideRules.fold(&state, &world.verified(&gateway, draft))
        })
    };
    let (active, ended) = (|epoch| row(epoch, Status::Active), |epoch| row(epoch, Status::Ended));
    let takes = |before: &[Draft], next: &Draft| {
        let (state, statement) = (after(before), world.verified(&gateway, next));
        let taken = world.check(&statement, &state, &[]).is_ok();
        assert_eq!(BedsideRules.may_follow(&state, &statement), taken);
        taken
    };
    assert!(takes(&[], &active(1)) && takes(&[], &active(3)));
    assert!(!takes(&[], &ended(1)));
    assert!(takes(&[active(1)], &ended(1)) && takes(&[active(1)], &active(2)));
    assert!(!takes(&[active(1)], &active(1)) && !takes(&[active(2)], &active(1)));
    assert!(!takes(&[active(2)], &ended(1)) && !takes(&[active(1), ended(1)], &ended(1)));
    assert!(takes(&[active(1), ended(1)], &active(2)));
}

#[test]
fn only_a_gateway_writes_rows_and_only_about_its_own() {
    let mut world = World::new();
    let (north, south) = (world.member(GATEWAY, "north"), world.member(GATEWAY, "south"));
    let nurse = world.member(NURSE, "ana");
    let (begins, none) = (row(1, Status::Active), State::default());
    let by = |member: &Member, draft: &Draft, state: &State| {
        world.check(&world.verified(member, draft), state, &[])
    };
    assert_eq!(by(&nurse, &begins, &none), Err(Problem::Role));
    let state = BedsideRules.fold(&none, &world.verified(&north, &begins));
    assert_eq!(by(&south, &row(1, Status::Ended), &state), Err(Problem::Rule));
    assert_eq!(by(&north, &row(1, Status::Ended), &state), Ok(()));

    // The subject is a digest of the right sort, and the fields are those of the format.
    let elsewhere = Draft { subject: credential(&SID), ..begins.clone() };
    assert_eq!(by(&north, &elsewhere, &none), Err(Problem::Rule));
    for field in ["class", "max-ops", "commitment", "epoch", "status"] {
        let mut wrong = begins.clone();
        wrong.fields.insert(field, 70_000_u64.into());
        assert_eq!(by(&north, &wrong, &none), Err(Problem::Fields), "{field}");
    }
    let of = CredentialRow {
        certificate: nurse.certificate.fingerprint(),
        epoch: 1,
        role: 2,
        may: [Ops::LOOKS, Ops::READ, Ops::NONE],
        until: NOW.0,
        status: Status::Active,
    };
    let statement = world.verified(&north, &of.draft(&[3; 16]));
    assert_eq!((CredentialRow::of(&statement), world.check(&statement, &none, &[])), (Some(of), Ok(())));
}

#[test]
fn a_session_links_the_row_that_its_own_gateway_wrote_of_the_device() {
    let mut world = World::new();
    let (north, south) = (world.member(GATEWAY, "north"), world.member(GATEWAY, "south"));
    let placed = |member: &Member, draft: &Draft| {
        let verified = world.verified(member, draft);
        let id = verified.statement().id();
        (id, Arc::new(world.trust.place(verified, LogName::TRUST, 0)))
    };
    let (id, linked) = placed(&north, &row(1, Status::Active));
    let scope = Scope { role: 2, ops: Ops::LOOKS, ttl: 30, association: 1001 };
    let told = SessionRow { user: [1; 16], scope, asked: NOW.0, act: Some(Hash::of(b"signed")) };
    let session = told.draft(&SID, id);
    let statement = world.verified(&north, &session);
    assert_eq!(SessionRow::of(&statement), Some(told.clone()));
    let none = State::default();
    assert_eq!(world.check(&statement, &none, &[Arc::clone(&linked)]), Ok(()));
    assert_eq!(world.check(&statement, &none, &[]), Err(Problem::Rule), "the row is not there");
    let other = world.verified(&south, &session);
    assert_eq!(world.check(&other, &none, &[Arc::clone(&linked)]), Err(Problem::Rule), "another's row");
    let elsewhere = world.verified(&north, &told.draft(&[2; 16], id));
    assert_eq!(world.check(&elsewhere, &none, &[linked]), Err(Problem::Rule), "another device's row");
    let (id, ended) = placed(&north, &row(1, Status::Ended));
    let late = world.verified(&north, &told.draft(&SID, id));
    assert_eq!(world.check(&late, &none, &[ended]), Err(Problem::Rule), "a device that was retired");
    assert_eq!(BedsideRules.fold(&none, &statement), none);
}

#[test]
fn the_key_of_the_day_is_a_gateways_of_this_domain_and_of_this_day() {
    let mut world = World::new();
    let (gateway, nurse) = (world.member(GATEWAY, "north"), world.member(NURSE, "ana"));
    let key = DailyKey { kid: 7, point: [2; 33], until: UnixMillis(NOW.0 + DAY) };
    let identity = gateway.certificate.identity().clone();
    let sign = |member: &Member, draft: &Draft| {
        draft.sign(&member.certificate, &member.key, NOW, cti()).unwrap().as_bytes().to_vec()
    };
    let draft = key.draft(&identity);
    let verify = |statement: &[u8], member: &Member, trust: &TrustStore, domain: &str, now: u64| {
        DailyKey::verify(statement, member.certificate.as_der(), trust, domain, UnixMillis(now))
            .map(|(key, _)| (key.id, key.kid, key.point))
    };
    let good = sign(&gateway, &draft);
    let trust = &world.trust;
    let taken = verify(&good, &gateway, trust, "meds.example", NOW.0);
    assert_eq!(taken, Ok((gateway_id(&identity), 7, [2; 33])));
    assert_eq!(verify(&good, &gateway, trust, "other.example", NOW.0), Err(NotAKey::NotAGateway));
    assert_eq!(verify(&good, &gateway, trust, "meds.example", NOW.0 + DAY), Err(NotAKey::OtherDay));
    assert_eq!(verify(&good, &gateway, trust, "meds.example", NOW.0 - DAY), Err(NotAKey::OtherDay));
    assert_eq!(
        verify(&sign(&nurse, &draft), &nurse, trust, "meds.example", NOW.0),
        Err(NotAKey::NotAGateway)
    );
    // Another statement of the gateway's is no key, and neither is one in another's name.
    let row = sign(&gateway, &row(1, Status::Active));
    assert_eq!(verify(&row, &gateway, trust, "meds.example", NOW.0), Err(NotAKey::Malformed));
    let other = key.draft(nurse.certificate.identity());
    assert_eq!(
        verify(&sign(&gateway, &other), &gateway, trust, "meds.example", NOW.0),
        Err(NotAKey::Malformed)
    );
    for at in 0..good.len() {
        let mut altered = good.clone();
        altered[at] ^= 1;
        assert!(verify(&altered, &gateway, trust, "meds.example", NOW.0).is_err(), "byte {at}");
    }
    assert_ne!(device(&SID), device(&[2; 16]));
}
