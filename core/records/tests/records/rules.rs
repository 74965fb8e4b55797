//! The rules of the logs: who may see what, who asked, and who got what.

use std::collections::{BTreeMap, BTreeSet};

use countersign_ledger::certificate::{self, Period};
use countersign_ledger::{
    Certificate, Context, Draft, Fields, Hash, Identity, Kind, LogName, Problem, PublicKey, Rules as _,
    Signer as _, SoftwareKey, State, Subject, TrustStore, UnixMillis, Value, Verified,
};
use countersign_records::rules::{
    ANSWER, AUTHORITY, AUTHORITY_KEY, DELIVERY, Head, INDEX, IndexLine, Mode, OWNER, Outcome, REQUEST,
    RecordRules, STORE, Thread,
};
use countersign_records::{FULL, RecordId, SHARED};
use proptest::prelude::*;

use crate::support::{NOW, RECORD};

const REGION: &str = "north.example";
const MINUTE: u64 = 60_000;

struct Member {
    key: SoftwareKey,
    certificate: Certificate,
}

/// A log with the members of a region, as a node keeps it.
struct Log {
    trust: TrustStore,
    members: BTreeMap<String, Member>,
    name: LogName,
    now: UnixMillis,
    states: BTreeMap<Subject, State>,
    used: BTreeSet<Hash>,
    statements: u64,
}

impl Log {
    fn new() -> Self {
        let year = Period { from: UnixMillis(1_790_000_000_000), until: UnixMillis(1_821_536_000_000) };
        let registrar = SoftwareKey::from_bytes(&[1; 32]).unwrap();
        let root = certificate::root(REGION, &registrar, year, [1; 16]).unwrap();
        let (mut trust, mut members) = (TrustStore::new(), BTreeMap::new());
        trust.pin(REGION, &root);
        let owner = RECORD.to_string();
        let stranger = RecordId([1; 16]).to_string();
        for (seed, (name, role, id)) in [
            ("owner", OWNER, owner.as_str()),
            ("stranger", OWNER, stranger.as_str()),
            ("authority", AUTHORITY, "clinics"),
            ("other authority", AUTHORITY, "practices"),
            ("store", STORE, "cloud"),
            ("other store", STORE, "cellar"),
        ]
        .into_iter()
        .enumerate()
        {
            let key = SoftwareKey::from_bytes(&[10 + u8::try_from(seed).unwrap(); 32]).unwrap();
            let identity = Identity::new(REGION, role, id).unwrap();
            let certificate = certificate::issue(
                &identity,
                &key.public_key(),
                &registrar,
                year,
                [u8::try_from(seed).unwrap() + 2; 16],
            );
            let certificate = certificate.unwrap();
            trust.enrol(certificate.as_der()).unwrap();
            members.insert(name.to_owned(), Member { key, certificate });
        }
        let name = SHARED.unwrap();
        Self { trust, members, name, now: NOW, states: BTreeMap::new(), used: BTreeSet::new(), statements: 0 }
    }

    fn sign(&mut self, who: &str, what: &Said) -> Verified {
        self.statements += 1;
        let draft = Draft {
            kind: Kind::new(what.kind).unwrap(),
            subject: what.subject.clone(),
            fields: what.fields.clone(),
            prev: None,
            links: what.links.clone(),
            sealed: (what.kind == REQUEST).then(|| vec![7]),
        };
        let member = &self.members[who];
        let cti = [self.statements.to_be_bytes(), [0; 8]].concat().try_into().unwrap();
        let statement = draft.sign(&member.certificate, &member.key, self.now, cti).unwrap();
        self.trust.verify(statement).unwrap()
    }

    /// Orders a statement, or says why not.
    fn order(&mut self, statement: &Verified) -> Result<Hash, (Problem, String)> {
        let subject = statement.statement().subject().clone();
        let head = Subject::new(subject.family()).unwrap();
        let empty = State::default();
        let context = Context {
            log: self.name,
            domain: Some(REGION),
            time: Some(self.now),
            subject: self.states.get(&subject).unwrap_or(&empty),
            head: self.states.get(&head).unwrap_or(&empty),
            linked: &[],
            rival: None,
            elsewhere: &[],
            trust: &self.trust,
            checkpoints: None,
        };
        RecordRules.check(statement, &context).map_err(|violation| (violation.problem, violation.text))?;
        assert!(RecordRules.may_follow(context.subject, statement), "what is admitted may follow");
        if let Some(slot) = RecordRules.uses_up(statement)
            && !self.used.insert(slot)
        {
            return Err((Problem::CodeUsed, "the slot is used".to_owned()));
        }
        let after = RecordRules.fold(context.subject, statement);
        self.states.insert(subject, after);
        Ok(statement.statement().id())
    }

    fn say(&mut self, who: &str, what: &Said) -> Result<Hash, (Problem, String)> {
        let statement = self.sign(who, what);
        self.order(&statement)
    }

    fn refused(&mut self, who: &str, what: &Said) -> String {
        let before = self.states.clone();
        let (_, text) = self.say(who, what).expect_err("refused");
        assert_eq!(before, self.states, "a refusal changes nothing");
        text
    }

    fn head(&self) -> Head {
        Head::from_state(&self.states[&RECORD.subject()]).unwrap()
    }

    fn thread(&self, holder: u8) -> Thread {
        Thread::from_state(&self.states[&RECORD.thread(&key(holder))]).unwrap()
    }
}

/// A statement to be made.
#[derive(Clone)]
struct Said {
    kind: &'static str,
    subject: Subject,
    fields: Fields,
    links: Vec<Hash>,
}

impl Said {
    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(name, value.into());
        self
    }
}

fn key(seed: u8) -> PublicKey {
    SoftwareKey::from_bytes(&[seed; 32]).unwrap().public_key()
}

const AT_ONCE: Hash = Hash([0xa1; 32]);
const ASK: Hash = Hash([0xa2; 32]);
const EMERGENCY: Hash = Hash([0xa3; 32]);
const ROW: Hash = Hash([0xb1; 32]);

fn lines() -> Vec<IndexLine> {
    let line = |label, mode, minutes| IndexLine { label, mode, minutes, row: ROW };
    vec![line(AT_ONCE, Mode::AtOnce, 60), line(ASK, Mode::Ask, 600), line(EMERGENCY, Mode::Emergency, 30)]
}

fn index(wrap: u64, version: u64, document: u8, lines: &[IndexLine]) -> Said {
    let store = Identity::new(REGION, STORE, "cloud").unwrap();
    let mut fields = Fields::new()
        .with("wrap", wrap)
        .with("version", version)
        .with("document", Hash([document; 32]))
        .with("store", store.as_str())
        .with("open", 1);
    fields.insert("agree", Value::Bytes(key(99).as_sec1().to_vec()));
    fields.insert("lines", Value::Bytes(IndexLine::write(lines)));
    Said { kind: INDEX, subject: RECORD.subject(), fields, links: vec![] }
}

fn request(log: &Log, holder: u8, label: Option<Hash>, slot: u64, minutes: u64) -> Said {
    let head = log.head();
    let mut fields = Fields::new()
        .with("fits", 1)
        .with("until", log.now.0 + minutes * MINUTE)
        .with("slot", slot)
        .with("outcome", head.outcome(label, true).number());
    fields.insert("holder", Value::Bytes(key(holder).as_sec1().to_vec()));
    if let Some(label) = label {
        fields.insert("label", label.into());
    }
    Said { kind: REQUEST, subject: RECORD.thread(&key(holder)), fields, links: vec![head.index] }
}

fn answer(log: &Log, holder: u8, decision: u64) -> Said {
    let mut fields = Fields::new().with("decision", decision);
    if decision == 1 {
        fields = fields.with("label", ASK).with("until", log.now.0 + 60 * MINUTE);
    }
    Said { kind: ANSWER, subject: RECORD.thread(&key(holder)), fields, links: vec![] }
}

fn delivery(holder: u8) -> Said {
    let fields = Fields::new().with("row", ROW).with("proof", Hash([1; 32]));
    Said { kind: DELIVERY, subject: RECORD.thread(&key(holder)), fields, links: vec![] }
}

fn published() -> Log {
    let mut log = Log::new();
    log.say("owner", &index(1, 1, 1, &lines())).unwrap();
    log
}

#[test]
fn what_the_owner_decided_before_is_granted_at_once_and_delivered() {
    let mut log = published();
    let asked = request(&log, 50, Some(AT_ONCE), 0, 60);
    log.say("authority", &asked).unwrap();
    assert_eq!(log.thread(50).outcome, Outcome::Granted);
    for _ in 0..16 {
        log.say("store", &delivery(50)).unwrap();
    }
    assert_eq!(
        log.refused("store", &delivery(50)),
        "the grant has been delivered as often as a grant may be"
    );
}

#[test]
fn what_waits_is_the_owners_to_grant_or_deny() {
    let mut log = published();
    for (holder, label) in [(50, Some(ASK)), (51, None)] {
        let asked = request(&log, holder, label, u64::from(holder), 60);
        log.say("authority", &asked).unwrap();
        assert_eq!(log.thread(holder).outcome, Outcome::Waiting);
        assert_eq!(log.refused("store", &delivery(holder)), "nothing was granted");
        let grant = answer(&log, holder, 1);
        for other in ["authority", "stranger", "store"] {
            assert!(log.refused(other, &grant).starts_with("only the owner answers"), "{other}");
        }
    }
    let grant = answer(&log, 50, 1);
    let too_long = grant.clone().with("until", log.now.0 + 601 * MINUTE);
    assert_eq!(log.refused("owner", &too_long), "the grant is for longer than the line allows");
    let nowhere = grant.clone().with("label", Hash([9; 32]));
    assert_eq!(log.refused("owner", &nowhere), "the record has no such line to grant");
    log.say("owner", &grant).unwrap();
    log.say("store", &delivery(50)).unwrap();
    let deny = answer(&log, 51, 2);
    log.say("owner", &deny).unwrap();
    assert_eq!(log.refused("store", &delivery(51)), "nothing was granted");
    for decision in [1, 2, 3, 4] {
        let again = answer(&log, 51, decision);
        assert_eq!(log.refused("owner", &again), "the request does not wait for this answer");
    }
}

#[test]
fn a_withdrawal_and_a_delivery_are_in_the_logs_order() {
    for who in ["owner", "authority"] {
        let mut log = published();
        let asked = request(&log, 50, Some(AT_ONCE), 0, 60);
        log.say("authority", &asked).unwrap();
        let withdrawal = answer(&log, 50, 3);
        assert!(log.refused("other authority", &withdrawal).starts_with("only the owner answers"));
        log.say("store", &delivery(50)).unwrap();
        log.say(who, &withdrawal).unwrap();
        assert_eq!(log.refused("store", &delivery(50)), "the grant was withdrawn");
        assert_eq!(log.refused(who, &withdrawal), "the request does not wait for this answer");
    }
}

#[test]
fn each_misuse_of_a_request_has_its_own_reason() {
    let mut log = published();
    let good = request(&log, 50, Some(AT_ONCE), 0, 60);
    let refused = |log: &mut Log, what: &Said| log.refused("authority", what);
    for who in ["store", "stranger"] {
        assert_eq!(log.refused(who, &good), "the signer's role does not allow this statement");
    }
    let mut other = good.clone();
    other.subject = RECORD.thread(&key(51));
    assert_eq!(refused(&mut log, &other), "the request's thread is not that of its holder");
    let long = good.clone().with("until", log.now.0 + 61 * MINUTE);
    assert_eq!(refused(&mut log, &long), "the request is for longer than the owner allows");
    let past = good.clone().with("until", log.now.0);
    assert_eq!(refused(&mut log, &past), "the request is for longer than the owner allows");
    for outcome in [2, 3] {
        assert_eq!(
            refused(&mut log, &good.clone().with("outcome", outcome)),
            "the request states another outcome than follows"
        );
    }
    assert_eq!(
        refused(&mut log, &good.clone().with("fits", 0)),
        "the request states another outcome than follows"
    );
    assert_eq!(
        refused(&mut log, &good.clone().with("slot", 64)),
        "the slot is not one of its kind of request"
    );
    let emergency = request(&log, 60, Some(EMERGENCY), 0, 30);
    assert_eq!(refused(&mut log, &emergency), "the slot is not one of its kind of request");
    log.say("authority", &emergency.with("slot", 64)).unwrap();

    // Ordered late; or after the record has changed; or again.
    let signed = log.sign("authority", &good);
    log.now.0 += 6 * MINUTE;
    assert_eq!(log.order(&signed).unwrap_err().0, Problem::Stale);
    log.now.0 -= 6 * MINUTE;
    log.say("owner", &index(2, 1, 1, &lines())).unwrap();
    assert_eq!(refused(&mut log, &good), "the request does not link what is current of the record");
    let current = request(&log, 50, Some(AT_ONCE), 0, 60);
    log.say("authority", &current).unwrap();
    assert_eq!(refused(&mut log, &current), "the holder's key has been used for a request");
}

#[test]
fn an_owner_fetches_every_line_of_their_own_record_and_of_no_other() {
    let mut log = Log::new();
    log.name = FULL.unwrap();
    let own = IndexLine { label: Hash([0xa4; 32]), mode: Mode::Owner, minutes: 0, row: ROW };
    log.say("owner", &index(1, 1, 1, &[lines(), vec![own]].concat())).unwrap();
    for (holder, label) in (50..).zip([AT_ONCE, ASK, EMERGENCY, own.label]) {
        let granted = |said: Said| said.with("outcome", Outcome::Granted.number());
        let asked = granted(request(&log, holder, Some(label), u64::from(holder), 60));
        for (who, sentence) in [
            ("stranger", "the signer's role does not allow this statement"),
            ("store", "the signer's role does not allow this statement"),
        ] {
            assert_eq!(log.refused(who, &asked), sentence, "{label:?}");
        }
        if label == own.label {
            // Whatever an authority says, nobody else opens that line.
            assert!(log.refused("authority", &asked).contains("longer than the owner allows"));
        }
        let long = asked.clone().with("until", log.now.0 + 61 * MINUTE);
        assert_eq!(log.refused("owner", &long), "the request is for longer than the owner allows");
        let emergency = asked.clone().with("slot", 64);
        assert_eq!(log.refused("owner", &emergency), "the slot is not one of its kind of request");
        log.say("owner", &asked).unwrap();
        log.say("store", &delivery(holder)).unwrap();
    }
    for label in [None, Some(Hash([9; 32]))] {
        let granted = request(&log, 60, label, 1, 60).with("outcome", Outcome::Granted.number());
        assert_eq!(log.refused("owner", &granted), "the request states another outcome than follows");
    }
}

#[test]
fn an_authority_has_so_many_requests_a_day_and_no_more() {
    let mut log = published();
    for slot in 0..64 {
        let asked = request(&log, 50 + u8::try_from(slot).unwrap(), Some(AT_ONCE), slot, 60);
        log.say("authority", &asked).unwrap();
    }
    let more = request(&log, 200, Some(AT_ONCE), 63, 60);
    assert_eq!(log.refused("authority", &more), "the slot is used");
    log.say("other authority", &more).unwrap();
    log.now.0 += 24 * 60 * MINUTE;
    let tomorrow = request(&log, 201, Some(AT_ONCE), 63, 60);
    log.say("authority", &tomorrow).unwrap();
}

#[test]
fn each_misuse_of_a_delivery_has_its_own_reason() {
    let mut log = published();
    assert_eq!(log.refused("store", &delivery(50)), "nobody has asked for this delivery");
    let asked = request(&log, 50, Some(AT_ONCE), 0, 60);
    log.say("authority", &asked).unwrap();
    assert_eq!(log.refused("other store", &delivery(50)), "the signer is not the record's store");
    assert_eq!(log.refused("owner", &delivery(50)), "the signer's role does not allow this statement");
    let other = delivery(50).with("row", Hash([2; 32]));
    assert_eq!(log.refused("store", &other), "the record's line has another row, or is no more");
    log.now.0 += 60 * MINUTE;
    assert_eq!(log.refused("store", &delivery(50)), "the grant has ended");
    log.now.0 -= 60 * MINUTE;
    // The line is narrowed away: an open grant delivers nothing more.
    log.say("owner", &index(2, 1, 1, &lines()[1..])).unwrap();
    assert_eq!(log.refused("store", &delivery(50)), "the record's line has another row, or is no more");
    // It comes back as it was: grants live on.
    log.say("owner", &index(3, 1, 1, &lines())).unwrap();
    log.say("store", &delivery(50)).unwrap();
}

#[test]
fn an_index_follows_the_one_before_it_and_is_the_owners() {
    let mut log = Log::new();
    let follows = "the index does not follow the one before it, by wrap, version and document";
    assert_eq!(log.refused("owner", &index(2, 1, 1, &lines())), follows);
    assert_eq!(log.refused("owner", &index(1, 0, 1, &lines())), follows);
    assert_eq!(log.refused("stranger", &index(1, 1, 1, &lines())), "only its owner publishes a record");
    assert_eq!(log.refused("store", &index(1, 1, 1, &lines())), "only its owner publishes a record");
    log.say("owner", &index(1, 5, 1, &lines())).unwrap();
    for (wrap, version, document) in [(1, 5, 1), (3, 5, 1), (2, 4, 1), (2, 5, 2)] {
        assert_eq!(log.refused("owner", &index(wrap, version, document, &lines())), follows);
    }
    let mut thread = index(2, 5, 1, &lines());
    thread.subject = RECORD.thread(&key(50));
    assert_eq!(log.refused("owner", &thread), "an index is about the record itself");
    let line = |mode| IndexLine { label: AT_ONCE, mode, minutes: 1, row: ROW };
    let format = "the index is not of the format";
    assert_eq!(log.refused("owner", &index(2, 5, 1, &[line(Mode::Ask), line(Mode::AtOnce)])), format);
    let nine: Vec<_> = (0..9).map(|at| IndexLine { label: Hash([at; 32]), ..line(Mode::Ask) }).collect();
    assert_eq!(log.refused("owner", &index(2, 5, 1, &nine)), format);
    assert_eq!(log.refused("owner", &index(2, 5, 1, &[]).with("open", 2)), format);
    let own = index(2, 5, 1, &[line(Mode::Owner)]);
    assert_eq!(log.refused("owner", &own), "a line of the owner's own is on the log of whole records alone");
    log.name = FULL.unwrap();
    log.say("owner", &own).unwrap();
    // A new version, and erasure: no lines.
    log.say("owner", &index(3, 6, 2, &[])).unwrap();
    assert_eq!(log.head().outcome(Some(AT_ONCE), true), Outcome::Denied);
}

#[test]
fn an_authority_publishes_its_own_key_and_epochs_rise() {
    let mut log = Log::new();
    let subject = |name: &str| Subject::new(format!("urn:countersign:authority:{REGION}:{name}")).unwrap();
    let said = |name: &str, epoch: u64| {
        let mut fields =
            Fields::new().with("suite", 2).with("epoch", epoch).with("vocabulary", Hash([1; 32]));
        fields.insert("key", Value::Bytes(vec![1; 1400]));
        Said { kind: AUTHORITY_KEY, subject: subject(name), fields, links: vec![] }
    };
    log.say("authority", &said("clinics", 3)).unwrap();
    assert_eq!(log.refused("authority", &said("practices", 4)), "an authority publishes its own key");
    assert_eq!(log.refused("owner", &said("clinics", 4)), "the signer's role does not allow this statement");
    assert_eq!(log.refused("authority", &said("clinics", 3)), "the epoch does not rise");
    log.say("authority", &said("clinics", 4)).unwrap();
}

#[test]
fn the_log_of_a_region_takes_its_members_alone() {
    let mut log = published();
    let statement = log.sign("owner", &index(2, 1, 1, &lines()));
    let empty = State::default();
    let context = Context {
        log: log.name,
        domain: Some("south.example"),
        time: Some(log.now),
        subject: &empty,
        head: &empty,
        linked: &[],
        rival: None,
        elsewhere: &[],
        trust: &log.trust,
        checkpoints: None,
    };
    assert_eq!(RecordRules.check(&statement, &context).unwrap_err().problem, Problem::Domain);
}

/// What a reader of the table in the protocol would expect, kept as simply as can be.
#[derive(Default)]
struct Model {
    wrap: u64,
    has_line: bool,
    /// For each holder: granted, waiting or neither, and whether it was withdrawn.
    threads: BTreeMap<u8, (Option<Outcome>, bool)>,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn random_orders_of_all_kinds_are_admitted_as_the_protocol_says(acts in prop::collection::vec((0_u8..6, 50_u8..53, any::<bool>()), 1..24)) {
        let mut log = Log::new();
        let mut model = Model::default();
        for (at, (act, holder, flag)) in acts.into_iter().enumerate() {
            let thread = model.threads.get(&holder).copied();
            let waiting = thread.is_some_and(|(outcome, _)| outcome == Some(Outcome::Waiting));
            let granted = thread.is_some_and(|(outcome, withdrawn)| outcome == Some(Outcome::Granted) && !withdrawn);
            match act {
                0 => {
                    let some = if flag { lines() } else { lines()[2..].to_vec() };
                    let done = log.say("owner", &index(model.wrap + 1, 1, 1, &some));
                    prop_assert!(done.is_ok());
                    (model.wrap, model.has_line) = (model.wrap + 1, flag);
                }
                1 if model.wrap > 0 => {
                    let label = if flag { AT_ONCE } else { ASK };
                    let asked = request(&log, holder, Some(label), at as u64, 1);
                    let done = log.say("authority", &asked);
                    prop_assert_eq!(done.is_ok(), thread.is_none());
                    if thread.is_none() {
                        let outcome = if flag { Outcome::Granted } else { Outcome::Waiting };
                        model.threads.insert(holder, (Some(outcome).filter(|_| model.has_line), false));
                    }
                }
                2 => {
                    let said = answer(&log, holder, 1);
                    let done = log.say("owner", &said);
                    prop_assert_eq!(done.is_ok(), waiting && model.has_line);
                    if done.is_ok() {
                        model.threads.insert(holder, (Some(Outcome::Granted), false));
                    }
                }
                3 => {
                    let said = answer(&log, holder, 2);
                    prop_assert_eq!(log.say("owner", &said).is_ok(), waiting);
                    if waiting {
                        model.threads.insert(holder, (None, false));
                    }
                }
                4 => {
                    let said = answer(&log, holder, 3);
                    prop_assert_eq!(log.say(if flag { "owner" } else { "authority" }, &said).is_ok(), granted);
                    if granted {
                        model.threads.insert(holder, (Some(Outcome::Granted), true));
                    }
                }
                _ => {
                    let done = log.say("store", &delivery(holder));
                    let spent = granted && log.thread(holder).deliveries >= 16 && done.is_err();
                    prop_assert_eq!(done.is_ok() || spent, granted && model.has_line);
                }
            }
        }
    }
}
