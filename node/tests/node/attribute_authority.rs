//! An attribute authority beside a node: whom it gives keys, for whom it vouches, whom it refuses and why.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_abe::{Attribute, DecapsulateError, Policy, PublicKey as AbeKey, SecretKey};
use countersign_ledger::certificate::{Period, issue};
use countersign_ledger::{
    Certificate, Context, Families, Hash, Identity, Kind, LogName, Membership, PublicKey, Rules, Signer as _,
    SoftwareKey, State, Statement, Subject, TrustStore, UnixMillis, Verified, Violation,
};
use countersign_node::{
    AttributeAuthority, AttributeAuthorityError, AuthorityConfig, Config, KeysError, Node, OpenError,
    Outcome, Register, RegisterError, Running, RunningAuthority, ServiceHomeError, Surroundings,
};
use countersign_records::rules::{
    AUTHORITY, DOCTOR, IndexLine, Mode, OWNER, Outcome as Granted, RecordRules, SLOTS, Thread,
};
use countersign_records::{
    Answer, Ask, AuthorityKey, Epoch, FULL, Index, KeyAsk, RecordId, SHARED, Secret, Vouch, authority, label,
    open_ask, open_key,
};
use countersign_wallet::{Client as Wallet, Cost, Https, Snapshot};
use zeroize::Zeroizing;

use crate::world::{
    Client, DAY_MILLIS, Member, Site, WEEK, certified, enrol, fresh_key, open_patiently, random, submit,
};

const PASSPHRASE: &[u8] = b"a passphrase of some length";
/// As little as a vault may ask for: what is tested is not how long a passphrase is guessed.
const COST: Cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };
const LOGS: &str = "\n[[log]]\nname = \"records-full\"\nheld = \"followed\"\ndomain = \"meds.example\"\n\
                    [[log]]\nname = \"records-shared\"\nheld = \"followed\"\ndomain = \"meds.example\"\n";
const SALT: [u8; 16] = [5; 16];
const MINUTES: u32 = 120;
const SOON: Duration = Duration::from_secs(30);

/// Waits until it holds.
fn soon(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < SOON, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn policy(text: &str) -> Policy {
    text.parse().unwrap()
}

fn attributes(texts: &[&str]) -> BTreeSet<Attribute> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// The rules of records, but for the objects that an index promises: there is no store here.
struct WithoutObjects;

impl Rules for WithoutObjects {
    fn logs(&self, kind: &Kind) -> Option<&[LogName]> {
        RecordRules.logs(kind)
    }

    fn roles(&self) -> Vec<&str> {
        vec![OWNER, DOCTOR, AUTHORITY]
    }

    fn check(&self, statement: &Verified, context: &Context<'_>) -> Result<(), Violation> {
        RecordRules.check(statement, context)
    }

    fn fold(&self, before: &State, statement: &Verified) -> State {
        RecordRules.fold(before, statement)
    }

    fn may_follow(&self, before: &State, statement: &Verified) -> bool {
        RecordRules.may_follow(before, statement)
    }

    fn uses_up(&self, statement: &Verified) -> Option<Hash> {
        RecordRules.uses_up(statement)
    }
}

/// A node, an authority beside it, and a doctor.
struct Town {
    site: Site,
    node: Running,
    config: AuthorityConfig,
    authority: Option<RunningAuthority>,
    ada: Member,
}

impl Town {
    fn new() -> Self {
        Self::at(Site::new())
    }

    fn at(mut site: Site) -> Self {
        let example = include_str!("../../countersign-node.example.toml");
        site.config.logs = Config::parse(&format!("{example}{LOGS}")).unwrap().logs;
        let families = || Families::new([Arc::new(Membership) as Arc<dyn Rules>, Arc::new(WithoutObjects)]);
        let node = open_patiently(|| {
            let surroundings = Surroundings { families: families(), ..site.clock.surroundings() };
            Node::open_with(site.config.clone(), surroundings)
        });
        let node = node.unwrap().start().unwrap();
        let folder = site.config.data.parent().unwrap();
        let config = AuthorityConfig {
            data: folder.join("authority"),
            listen: "127.0.0.1:0".parse().unwrap(),
            node: format!("https://{}", node.addr()),
            genesis: site.config.data.join("genesis.json"),
            follow_seconds: 1,
            vocabulary: [("role", "what"), ("hospital", "where")].map(|(a, b)| (a.into(), b.into())).into(),
            tls: countersign_node::TlsConfig::default(),
        };
        let code = node.node().registrar().new_code(AUTHORITY, "clinics", WEEK).unwrap();
        let code = code.to_string();
        AttributeAuthority::init(&config, PASSPHRASE, COST, &code).unwrap();
        let ada = enrol(node.node(), DOCTOR, "ada");
        let mut town = Self { site, node, config, authority: None, ada };
        town.register(&town.ada.certificate, &["role: cardiologist", "hospital: A"]);
        town.start();
        town
    }

    fn open(&self) -> Result<AttributeAuthority, AttributeAuthorityError> {
        AttributeAuthority::open_with(self.config.clone(), PASSPHRASE, self.site.clock.clock())
    }

    fn start(&mut self) {
        self.authority = Some(self.open().unwrap().start().unwrap());
        soon("the key is published", || {
            self.health()["epoch"] == Epoch::at(self.site.clock.now()).to_string()
        });
    }

    fn stop(&mut self) {
        self.authority.take().unwrap().stop();
    }

    fn node(&self) -> &Node {
        self.node.node()
    }

    fn register(&self, member: &Certificate, texts: &[&str]) {
        Register::open(&self.config).unwrap().set(member.identity(), &attributes(texts)).unwrap();
    }

    fn identity() -> Identity {
        Identity::new("meds.example", AUTHORITY, "clinics").unwrap()
    }

    fn client(&self) -> Client {
        let running = self.authority.as_ref().unwrap();
        let root = reqwest::Certificate::from_der(running.tls_root().unwrap()).unwrap();
        let http = reqwest::blocking::Client::builder().tls_certs_only([root]).build().unwrap();
        Client { http, base: format!("https://{}", running.addr()) }
    }

    fn health(&self) -> serde_json::Value {
        serde_json::from_slice(&self.client().get("/health").body).unwrap()
    }

    fn now(&self) -> UnixMillis {
        self.site.clock.now()
    }

    fn key_ask(member: &Member, agree: &PublicKey, at: UnixMillis) -> KeyAsk {
        let draft = KeyAsk::draft(&Self::identity(), agree);
        let ask = draft.sign(&member.certificate, &member.key, at, random()).unwrap();
        KeyAsk { ask: ask.as_bytes().to_vec(), certificate: member.certificate.as_der().to_vec() }
    }

    fn key_of(&self, member: &Member) -> SecretKey {
        let agreement = fresh_key();
        let ask = Self::key_ask(member, &agreement.public_key(), self.now());
        let answer = self.client().post("/keys", &ask.to_bytes());
        assert_eq!(answer.status, 200, "{:?}", answer.problem());
        assert!(open_key(&answer.body, &Self::identity(), &fresh_key()).is_err(), "sealed to who asked");
        SecretKey::parse(&open_key(&answer.body, &Self::identity(), &agreement).unwrap()).unwrap()
    }

    /// Why a member gets no key, and is not vouched for.
    fn refused(&self, member: &Member) -> &'static str {
        let ask = Self::key_ask(member, &fresh_key().public_key(), self.now());
        let (_, no_key) = self.client().post("/keys", &ask.to_bytes()).problem();
        let record = RecordId([1; 16]);
        let (_, not_vouched) = self.vouch(&asks(self.now(), None).by(member, &record, self.now())).problem();
        assert_eq!(no_key, not_vouched);
        no_key.leak()
    }

    fn vouch(&self, message: &Vouch) -> crate::world::Answer {
        self.client().post("/vouch", &message.to_bytes())
    }

    /// A snapshot of the ledger, as a phone has it.
    fn phone(&self) -> (Snapshot, Wallet) {
        let path = self.site.config.data.parent().unwrap().join(format!("{}.db", Hash(random())));
        let client = Wallet::new(Https::new(&self.config.node, self.node().genesis()).unwrap());
        let mut snapshot = Snapshot::open(&path, self.node().genesis()).unwrap();
        snapshot.sync(&client, SOON).unwrap();
        (snapshot, client)
    }

    fn published(&self) -> Vec<AuthorityKey> {
        let (mut phone, _) = self.phone();
        let history = phone.history(LogName::TRUST, &authority(&Self::identity())).unwrap().unwrap();
        history.iter().map(|entry| AuthorityKey::of(entry.standing().unwrap()).unwrap()).collect()
    }
}

/// A record of a patient whose phone is a key.
struct Record {
    id: RecordId,
    owner: Member,
    secret: Secret,
    log: LogName,
}

impl Record {
    fn new(town: &Town, log: LogName, lines: &[(&str, Mode)], open: bool) -> Self {
        let id = RecordId(random());
        let owner = enrol(town.node(), OWNER, &id.to_string());
        let secret = Secret::new(Zeroizing::new(random()));
        let lines = lines.iter().map(|(text, mode)| IndexLine {
            label: label(&id, &SALT, &policy(text)),
            mode: *mode,
            minutes: MINUTES,
            row: Hash([3; 32]),
        });
        let index = Index {
            wrap: 1,
            version: 1,
            document: Hash([2; 32]),
            agree: secret.agreement(0).public_key(),
            store: "spiffe://meds.example/record-store/cloud".to_owned(),
            open,
            lines: lines.collect(),
        };
        let draft = index.draft(&id, None, vec![1; 64]);
        let head = draft.sign(&owner.certificate, &owner.key, town.now(), random()).unwrap();
        town.accepted(log, &head);
        Self { id, owner, secret, log }
    }
}

impl Town {
    fn accepted(&self, log: LogName, statement: &Statement) {
        let outcome = submit(self.node(), log, statement);
        assert!(matches!(outcome, Outcome::Accepted(_)), "{outcome:?}");
    }

    /// What a thread is, as the ledger has it.
    fn thread(&self, record: &Record, thread: &Subject) -> Option<Thread> {
        let (mut phone, client) = self.phone();
        phone.follow_family(record.log, &record.id.subject()).unwrap();
        phone.sync(&client, SOON).unwrap();
        let history = phone.history(record.log, thread).unwrap().unwrap();
        let state = history
            .iter()
            .fold(State::default(), |state, entry| RecordRules.fold(&state, entry.standing().unwrap()));
        Thread::from_state(&state)
    }
}

/// An ask, and the key that its answer goes to.
struct Asks {
    ask: Ask,
    policy: Option<([u8; 16], String)>,
    log: LogName,
}

fn asks(now: UnixMillis, line: Option<(&Record, &str)>) -> Asks {
    let holder = fresh_key().public_key();
    Asks {
        ask: Ask {
            holder,
            label: line.map(|(record, text)| label(&record.id, &SALT, &policy(text))),
            until: UnixMillis(now.0 + 3_600_000),
            purpose: "TREAT".to_owned(),
            reason: None,
            name: "Dr. Ada".to_owned(),
        },
        policy: line.map(|(_, text)| (SALT, text.to_owned())),
        log: line.map_or(SHARED.unwrap(), |(record, _)| record.log),
    }
}

impl Asks {
    fn by(&self, member: &Member, record: &RecordId, at: UnixMillis) -> Vouch {
        let draft = self.ask.draft(record);
        let ask = draft.sign(&member.certificate, &member.key, at, random()).unwrap();
        Vouch {
            log: self.log,
            ask: ask.as_bytes().to_vec(),
            certificate: member.certificate.as_der().to_vec(),
            policy: self.policy.clone(),
        }
    }
}

#[test]
fn a_member_gets_a_key_for_today_and_the_last_eight_epochs() {
    let town = Town::new();
    let [published] = town.published().try_into().unwrap();
    let epoch = Epoch::at(town.now());
    assert_eq!(published.epoch, u64::from(epoch.0));
    let vocabulary = town.client().get("/vocabulary").body;
    assert_eq!(published.vocabulary, Hash::of(&vocabulary));
    assert!(String::from_utf8(vocabulary).unwrap().contains("\nhospital: where\n"));

    let key = town.key_of(&town.ada);
    let own = format!("member: {}", town.ada.certificate.identity());
    let mut expected = attributes(&["role: cardiologist", "hospital: A", &own]);
    expected.extend(epoch.held().map(Epoch::attribute));
    assert_eq!(key.attributes(), expected);

    let public = AbeKey::parse(&published.key).unwrap();
    let opens = |text: &str, epoch: Epoch| {
        let (encapsulation, shared) = public.encapsulate(&epoch.policy(&policy(text)).unwrap(), &random());
        key.decapsulate(&public, &encapsulation).map(|opened| assert_eq!(opened, shared))
    };
    assert_eq!(opens("role: cardiologist and hospital: A", epoch), Ok(()));
    assert_eq!(opens(&own, Epoch(epoch.0 - 7)), Ok(()));
    let no = Err(DecapsulateError::NotSatisfied);
    assert_eq!(opens("role: cardiologist and hospital: B", epoch), no);
    assert_eq!(opens(&own, Epoch(epoch.0 - 8)), no);
    assert_eq!(opens(&own, Epoch(epoch.0 + 1)), no);

    // What the operator changes counts from the next key on, while the authority runs.
    town.register(&town.ada.certificate, &["role: surgeon"]);
    let moved = town.key_of(&town.ada).attributes();
    assert!(moved.contains(&"role: surgeon".parse().unwrap()));
    assert!(!moved.contains(&"hospital: A".parse().unwrap()));
}

#[test]
fn whoever_is_refused_is_told_why() {
    let town = Town::new();
    let now = town.now();
    assert_eq!(town.refused(&enrol(town.node(), OWNER, "p")), "role");

    // Somebody whom another root certified.
    let elsewhere = fresh_key();
    assert_eq!(town.refused(&certified(&elsewhere, DOCTOR, "eve", now)), "unknown-signer");

    // Somebody whose certificate has run out, although the root is right.
    let identity = Identity::new("meds.example", DOCTOR, "old").unwrap();
    let domain = fs::read_to_string(town.site.config.data.join("keys/root.p256")).unwrap();
    let domain = SoftwareKey::from_bytes(&domain.trim().parse::<Hash>().unwrap().0).unwrap();
    let key = fresh_key();
    let period = Period { from: UnixMillis(now.0 - 9 * DAY_MILLIS), until: UnixMillis(now.0 - DAY_MILLIS) };
    let certificate = issue(&identity, &key.public_key(), &domain, period, random()).unwrap();
    assert_eq!(town.refused(&Member { key, certificate }), "expired");

    // Somebody with another's certificate.
    let thief = Member { key: fresh_key(), certificate: town.ada.certificate.clone() };
    assert_eq!(town.refused(&thief), "signature");

    // Asks that are old, of tomorrow, for another authority, or none at all.
    let agree = fresh_key().public_key();
    // An old one is also from before the certificate, which is told first.
    for (at, status, problem) in
        [(now.0 - 6 * 60_000, 403, "not-yet-valid"), (now.0 + 6 * 60_000, 400, "stale")]
    {
        let ask = Town::key_ask(&town.ada, &agree, UnixMillis(at));
        assert_eq!(town.client().post("/keys", &ask.to_bytes()).problem(), (status, problem.to_owned()));
    }
    let other = Identity::new("meds.example", AUTHORITY, "other").unwrap();
    let ask =
        KeyAsk::draft(&other, &agree).sign(&town.ada.certificate, &town.ada.key, now, random()).unwrap();
    let ask = KeyAsk { ask: ask.as_bytes().to_vec(), ..Town::key_ask(&town.ada, &agree, now) };
    assert_eq!(town.client().post("/keys", &ask.to_bytes()).problem(), (422, "rule".to_owned()));
    let good = Town::key_ask(&town.ada, &agree, now).to_bytes();
    assert_eq!(town.client().post("/vouch", &good).problem().1, "malformed");
    assert_eq!(town.client().post("/keys", &good[1..]).problem().1, "malformed");
    assert_eq!(town.client().post("/keys", &vec![0; 1 << 20]).problem().1, "too-large");

    // Somebody who was revoked, a moment later.
    assert_eq!(town.client().post("/keys", &good).status, 200);
    town.node().revoke(town.ada.certificate.fingerprint()).unwrap();
    soon("the revocation is seen", || town.client().post("/keys", &good).status != 200);
    assert_eq!(town.refused(&town.ada), "revoked");
}

#[test]
fn nobody_gets_anything_while_the_ledger_is_not_seen() {
    let town = Town::new();
    let (client, agree) = (town.client(), fresh_key().public_key());
    let key = Town::key_ask(&town.ada, &agree, town.now()).to_bytes();
    let vouch = asks(town.now(), None).by(&town.ada, &RecordId([1; 16]), town.now()).to_bytes();
    assert_eq!(client.post("/keys", &key).status, 200);
    assert_eq!(client.post("/vouch", &vouch).problem(), (422, "rule".to_owned()), "there is no such record");
    let Town { node, .. } = town;
    node.stop();
    soon("it is seen no longer", || client.post("/keys", &key).status != 200);
    for (path, body) in [("/keys", &key), ("/vouch", &vouch)] {
        assert_eq!(client.post(path, body).problem(), (503, "busy".to_owned()));
    }
}

#[test]
fn a_request_is_granted_or_denied_by_the_ledger_and_names_the_doctor_to_the_owner_alone() {
    let town = Town::new();
    let text = "hospital: A and role: cardiologist";
    let other = "role: dentist";
    let lines = [(text, Mode::AtOnce), (other, Mode::AtOnce)];
    let record = Record::new(&town, SHARED.unwrap(), &lines, true);
    let asked = asks(town.now(), Some((&record, text)));
    let message = asked.by(&town.ada, &record.id, town.now());
    let answer = town.vouch(&message);
    assert_eq!(answer.status, 200, "{:?}", answer.problem());
    // An answer that was lost is given again.
    assert_eq!(town.vouch(&message).body, answer.body);
    for name in ["doctor/ada", "Ada"] {
        assert!(!answer.body.windows(name.len()).any(|part| part == name.as_bytes()));
    }
    let request = Statement::parse(&answer.body).unwrap();
    town.accepted(record.log, &request);
    let thread = record.id.thread(&asked.ask.holder);
    assert!(town.thread(&record, &thread).unwrap().is_open(town.now()));

    // The owner reads who it was.
    let mut trust = TrustStore::clone(&town.phone().0.trust().unwrap());
    trust.enrol(town.authority.as_ref().unwrap().certificate().as_der()).unwrap();
    let placed = trust.place(trust.verify(request).unwrap(), record.log, 1).into_standing().unwrap();
    let named = open_ask(&placed, record.log, &record.secret.agreement(0), &trust).unwrap();
    assert_eq!((named.ask, named.certificate.identity()), (asked.ask, town.ada.certificate.identity()));

    // A doctor whose clock is a little ahead asks for as long as the line allows.
    let ahead = UnixMillis(town.now().0 + 20_000);
    let mut asked = asks(ahead, Some((&record, text)));
    asked.ask.until = UnixMillis(UnixMillis::from_seconds(ahead.seconds()).0 + u64::from(MINUTES) * 60_000);
    let answer = town.vouch(&asked.by(&town.ada, &record.id, ahead));
    assert_eq!(answer.status, 200, "{:?}", answer.problem());
    town.accepted(record.log, &Statement::parse(&answer.body).unwrap());

    // Who does not fit is an entry as well, and denied; who asks the owner waits.
    for (line, granted, waits) in [(Some(other), false, false), (None, false, true)] {
        let asked = Asks { log: record.log, ..asks(town.now(), line.map(|line| (&record, line))) };
        let answer = town.vouch(&asked.by(&town.ada, &record.id, town.now()));
        assert_eq!(answer.status, 200, "{:?}", answer.problem());
        town.accepted(record.log, &Statement::parse(&answer.body).unwrap());
        let thread = town.thread(&record, &record.id.thread(&asked.ask.holder)).unwrap();
        assert_eq!(thread.is_open(town.now()), granted);
        assert_eq!(thread.outcome == Granted::Waiting, waits);
    }
}

#[test]
fn it_does_not_vouch_for_what_the_ledger_would_refuse() {
    let town = Town::new();
    let (text, urgent) = ("hospital: A", "role: cardiologist");
    let lines = [(text, Mode::AtOnce), (urgent, Mode::Emergency)];
    let record = Record::new(&town, FULL.unwrap(), &lines, false);
    let now = town.now();
    let refused = |asked: &Asks| {
        let answer = town.vouch(&asked.by(&town.ada, &record.id, now));
        (answer.status, answer.problem().1)
    };
    let fields = || (400, "fields".to_owned());
    // Another salt, another policy, none, one that is no policy.
    let asked = asks(now, Some((&record, text)));
    for policy in [Some(([6; 16], text.to_owned())), Some((SALT, urgent.to_owned())), None] {
        assert_eq!(refused(&Asks { policy, ..asks(now, Some((&record, text))) }), fields());
    }
    assert_eq!(
        refused(&Asks { policy: Some((SALT, "hospital".to_owned())), ..asks(now, Some((&record, text))) }),
        fields()
    );
    // An end that has passed, or is too late.
    for until in [now.0 - 1, now.0 + u64::from(MINUTES) * 60_000 + 2000] {
        let mut asked = asks(now, Some((&record, text)));
        asked.ask.until = UnixMillis(until);
        assert_eq!(refused(&asked), fields());
    }
    // An emergency has a reason.
    let mut asked_urgently = asks(now, Some((&record, urgent)));
    assert_eq!(refused(&asked_urgently), fields());
    asked_urgently.ask.reason = Some("unconscious in the emergency room".to_owned());
    let answer = town.vouch(&asked_urgently.by(&town.ada, &record.id, now));
    let request = Statement::parse(&answer.body).unwrap();
    town.accepted(record.log, &request);
    // A record that is not there, or not in this log.
    assert_eq!(
        town.vouch(&asked.by(&town.ada, &RecordId([9; 16]), now)).problem(),
        (400, "fields".to_owned())
    );
    let elsewhere = Asks { log: SHARED.unwrap(), ..asks(now, None) };
    assert_eq!(refused(&elsewhere), (422, "rule".to_owned()));
}

#[test]
fn a_day_has_so_many_requests_and_one_member_cannot_use_them_up() {
    let town = Town::new();
    let text = "hospital: A";
    let record = Record::new(&town, SHARED.unwrap(), &[(text, Mode::AtOnce)], false);
    let vouch = |member: &Member| {
        let answer = town.vouch(&asks(town.now(), Some((&record, text))).by(member, &record.id, town.now()));
        if answer.status == 200 { Ok(Statement::parse(&answer.body).unwrap()) } else { Err(answer.problem()) }
    };
    let full = (422, "rule".to_owned());
    let mut requests = Vec::new();
    let doctors: Vec<_> = (0..5).map(|number| enrol(town.node(), DOCTOR, &format!("d{number}"))).collect();
    for doctor in &doctors[..4] {
        for _ in 0..16 {
            requests.push(vouch(doctor).unwrap());
        }
        assert_eq!(vouch(doctor).unwrap_err(), full);
    }
    assert_eq!(requests.len() as u64, SLOTS);
    assert_eq!(vouch(&doctors[4]).unwrap_err(), full, "the record's day is full");
    // Each of them has a slot of its own, or the ledger would refuse it.
    for request in &requests {
        town.accepted(record.log, request);
    }
}

#[test]
fn the_open_grants_of_a_revoked_doctor_are_withdrawn_and_nobody_elses() {
    let mut town = Town::new();
    let (text, waits) = ("role: cardiologist", "hospital: A");
    let lines = [(text, Mode::AtOnce), (waits, Mode::Ask)];
    let record = Record::new(&town, SHARED.unwrap(), &lines, false);
    let bob = enrol(town.node(), DOCTOR, "bob");
    town.register(&bob.certificate, &["role: cardiologist"]);
    let request = |member: &Member, line: &str, is_submitted: bool| {
        let asked = asks(town.now(), Some((&record, line)));
        let answer = town.vouch(&asked.by(member, &record.id, town.now()));
        let request = Statement::parse(&answer.body).unwrap();
        if is_submitted {
            town.accepted(record.log, &request);
        }
        (record.id.thread(&asked.ask.holder), request)
    };
    let (granted, _) = request(&town.ada, text, true);
    let (waiting, asked) = request(&town.ada, waits, true);
    let (late, on_its_way) = request(&town.ada, text, false);
    let (other, _) = request(&bob, text, true);

    // The authority is not running when it happens: what is to be done follows from ledger and register.
    town.stop();
    town.node().revoke(town.ada.certificate.fingerprint()).unwrap();
    town.start();
    let withdrawn = |thread: &Subject| town.thread(&record, thread).is_some_and(|thread| thread.withdrawn);
    soon("the grant is withdrawn", || withdrawn(&granted));
    assert!(!withdrawn(&waiting) && !withdrawn(&other));

    // One that reaches the ledger only now, and one that the owner grants only now.
    town.accepted(record.log, &on_its_way);
    soon("what came late is withdrawn", || withdrawn(&late));
    let until = UnixMillis(town.now().0 + 3_600_000);
    let answer = Answer::Grant { label: label(&record.id, &SALT, &policy(waits)), until };
    let answer = answer.draft(&waiting, asked.id());
    let owner = &record.owner;
    town.accepted(record.log, &answer.sign(&owner.certificate, &owner.key, town.now(), random()).unwrap());
    town.site.clock.advance(61_000);
    soon("what the owner granted since is withdrawn", || withdrawn(&waiting));
    assert!(!withdrawn(&other));
}

#[test]
fn each_epoch_is_published_once_and_its_key_opens_what_was_wrapped_before_and_not_after() {
    const HOUR: u64 = 3_600_000;
    let site = Site::new();
    let start = Epoch::at(site.clock.now()).start();
    site.clock.set_by((start.0 - HOUR).cast_signed() - site.clock.now().0.cast_signed());
    let mut town = Town::at(site);
    let old = town.key_of(&town.ada);
    let before = town.published();
    town.stop();
    town.start();
    assert_eq!(town.published(), before, "one statement an epoch");

    town.site.clock.advance(2 * HOUR);
    soon("the next epoch is published", || town.published().len() == 2);
    let [first, second] = town.published().try_into().unwrap();
    assert_eq!((&first.key, first.epoch + 1), (&second.key, second.epoch));
    soon("its keys are given", || town.key_of(&town.ada).attributes() != old.attributes());
    let new = town.key_of(&town.ada);
    let public = AbeKey::parse(&second.key).unwrap();
    let opens = |key: &SecretKey, epoch: u64| {
        let epoch = Epoch(u32::try_from(epoch).unwrap());
        let (encapsulation, _) =
            public.encapsulate(&epoch.policy(&policy("hospital: A")).unwrap(), &random());
        key.decapsulate(&public, &encapsulation).is_ok()
    };
    assert_eq!([opens(&old, first.epoch), opens(&old, second.epoch)], [true, false]);
    assert_eq!([opens(&new, first.epoch), opens(&new, second.epoch)], [true, true]);
}

#[test]
fn what_it_holds_is_for_its_owner_alone_and_never_made_anew() {
    let mut town = Town::new();
    town.stop();
    let vault = town.config.data.join("keys/vault");
    let wrong = AttributeAuthority::open(town.config.clone(), b"another passphrase").err().unwrap();
    assert!(matches!(wrong, AttributeAuthorityError::Home(ServiceHomeError::Vault { .. })), "{wrong}");
    let sealed = fs::read(&vault).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |mode| fs::set_permissions(&vault, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(fs::metadata(&vault).unwrap().permissions().mode() & 0o777, 0o600);
        mode(0o640);
        let exposed = town.open().err().unwrap();
        let AttributeAuthorityError::Home(ServiceHomeError::Open(error)) = &exposed else {
            panic!("{exposed}")
        };
        assert!(matches!(error, OpenError::Keys(KeysError::Exposed(_))), "{exposed}");
        mode(0o600);
    }
    // Another vault in its place, and none.
    let other = AuthorityConfig { data: town.config.data.with_file_name("other"), ..town.config.clone() };
    let code = town.node().registrar().new_code(AUTHORITY, "other", WEEK).unwrap().to_string();
    AttributeAuthority::init(&other, PASSPHRASE, COST, &code).unwrap();
    fs::copy(other.data.join("keys/vault"), &vault).unwrap();
    assert!(matches!(town.open().err().unwrap(), AttributeAuthorityError::OtherMaster));
    fs::remove_file(&vault).unwrap();
    let refused = town.open().err().unwrap();
    assert!(matches!(refused, AttributeAuthorityError::Home(ServiceHomeError::NotBegun(_))), "{refused}");
    fs::write(&vault, sealed).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&vault, fs::Permissions::from_mode(0o600)).unwrap();
    }
    town.start();

    // Two of them do not use one folder, and none a node's.
    let refused = town.open().err().unwrap();
    let home = |refused| match refused {
        AttributeAuthorityError::Home(home) => home,
        other => panic!("{other}"),
    };
    assert!(matches!(home(refused), ServiceHomeError::Open(OpenError::Locked(_))));
    let of_a_node = AuthorityConfig { data: town.site.config.data.clone(), ..town.config.clone() };
    let refused = AttributeAuthority::open(of_a_node, PASSPHRASE).err().unwrap();
    assert!(matches!(home(refused), ServiceHomeError::NodeThere(_)));
}

#[test]
fn a_code_for_another_role_begins_no_authority() {
    let town = Town::new();
    let other = AuthorityConfig { data: town.config.data.with_file_name("other"), ..town.config.clone() };
    let code = town.node().registrar().new_code(DOCTOR, "eve", WEEK).unwrap().to_string();
    let refused = AttributeAuthority::init(&other, PASSPHRASE, COST, &code).unwrap_err();
    let wanted = "the code was for the role `doctor`, and this service has the role `attribute-authority`";
    assert!(refused.to_string().starts_with(wanted), "{refused}");
}

#[test]
fn the_register_takes_the_labels_of_its_vocabulary_alone() {
    let town = Town::new();
    let mut register = Register::open(&town.config).unwrap();
    let bob = Identity::new("meds.example", DOCTOR, "bob").unwrap();
    let mut set = |texts: &[&str]| register.set(&bob, &attributes(texts));
    assert!(matches!(set(&["ward: 3"]), Err(RegisterError::Label { label, .. }) if label == "ward"));
    for own in ["member: spiffe://meds.example/doctor/eve", "epoch: 2026-Q4"] {
        assert!(matches!(set(&[own]), Err(RegisterError::Own(_))));
    }
    let many: Vec<String> = (0..33).map(|number| format!("role: r{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert!(matches!(set(&many), Err(RegisterError::TooMany)));
    assert!(register.attributes(&bob).unwrap().is_empty(), "a refusal changes nothing");
    register.set(&bob, &attributes(&many[..32])).unwrap();
    drop(register);
    let mut register = Register::open(&town.config).unwrap();
    assert_eq!(register.attributes(&bob).unwrap().len(), 32);
    assert_eq!(register.members().unwrap().len(), 2);
    assert!(register.remove(&bob).unwrap() && !register.remove(&bob).unwrap());
}
