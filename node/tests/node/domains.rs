//! A ledger that several trust domains share: who may enrol whom, and that the rules across domains are judged here.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_domains::rules::{AUTHORITY, DATA_OWNER, DomainRules, NOTARY};
use countersign_domains::{
    AUTHORIZATION, Admission, Behaviour, DataKey, DataPolicy, Decision, Denial, Election, Grounds, Group,
    Matter, Office, Op, Ops, Policy, Pseudonym, Registration, Request as Asking, Sitting, TAKE_OVER_MILLIS,
    Thread, Vote, WARM_UP, domain_id, domain_subject, group_subject, notary_id,
};
use countersign_ledger::certificate::{self, Period, issue};
use countersign_ledger::{
    Base64, Certificate, Draft, ENROL, Fields, Genesis, GenesisDomain, Hash, Held, Identity, Kind, LogName,
    LogSpec, REGISTRAR, Rules as _, Signer as _, SoftwareKey, State, Statement, Subject, TrustStore,
    UnixMillis, Value, Verified,
};
use countersign_node::{
    Config, ConfigError, Node, OpenError, OtherDomain, Outcome, Request, Running, operate,
};

use crate::world::{DAY_MILLIS, Member, Site, enrol, fresh_key, random, stream, submit};

const SOUTH: &str = "south.example";
const OWN: &str = "meds.example";
const ROLES: [&str; 3] = [NOTARY, AUTHORITY, DATA_OWNER];

/// Another domain, whose keys no node here has.
struct Other {
    root: SoftwareKey,
    registrar: Member,
    period: Period,
}

impl Other {
    fn new(now: UnixMillis) -> Self {
        let (root, key) = (fresh_key(), fresh_key());
        let period =
            Period { from: UnixMillis(now.0 - DAY_MILLIS), until: UnixMillis(now.0 + 365 * DAY_MILLIS) };
        let registrar = Identity::new(SOUTH, REGISTRAR, REGISTRAR).unwrap();
        let certificate = issue(&registrar, &key.public_key(), &root, period, random()).unwrap();
        Self { root, registrar: Member { key, certificate }, period }
    }

    fn genesis(&self) -> Genesis {
        let domain = GenesisDomain {
            name: SOUTH.to_owned(),
            root: Base64(certificate::root(SOUTH, &self.root, self.period, [1; 16]).unwrap()),
            registrar: Base64(self.registrar.certificate.as_der().to_vec()),
            roles: vec!["doctor".to_owned()],
        };
        let logs = vec![LogSpec { name: LogName::TRUST, held: Held::Whole, domain: None }];
        let name = "ledger.south.example".to_owned();
        Genesis { name, logs, policy: String::new(), domains: vec![domain], tls: Vec::new() }
    }

    fn member(&self, role: &str, name: &str) -> Member {
        let key = fresh_key();
        let identity = Identity::new(SOUTH, role, name).unwrap();
        let certificate = issue(&identity, &key.public_key(), &self.root, self.period, random()).unwrap();
        Member { key, certificate }
    }
}

/// The enrolment of a member, signed by somebody.
fn enrolment(by: &Member, of: &Certificate, prev: Option<Hash>, at: UnixMillis) -> Statement {
    let mut fields = Fields::new();
    fields.insert("certificate", Value::Bytes(of.as_der().to_vec()));
    let draft = Draft {
        kind: Kind::new(ENROL).unwrap(),
        subject: Subject::new(of.identity().as_str()).unwrap(),
        fields,
        prev,
        links: Vec::new(),
        sealed: None,
    };
    draft.sign(&by.certificate, &by.key, at, random()).unwrap()
}

/// A node of a ledger that two domains share.
struct Shared {
    site: Site,
    other: Other,
}

impl Shared {
    fn new() -> Self {
        let mut site = Site::new();
        let other = Other::new(site.clock.now());
        let genesis = site.config.data.with_file_name("south.json");
        std::fs::write(&genesis, other.genesis().to_json()).unwrap();
        site.config.logs = [
            (LogName::TRUST, Held::Whole, None),
            (LogName::SUPPLY, Held::Followed, Some(OWN.to_owned())),
            (AUTHORIZATION, Held::Whole, None),
        ]
        .map(|(name, held, domain)| LogSpec { name, held, domain })
        .to_vec();
        site.config.other_domains = vec![south(&genesis, &ROLES)];
        Self { site, other }
    }

    fn introduce(&self, node: &Node, role: &str, name: &str) -> Member {
        let member = self.other.member(role, name);
        let statement = enrolment(&self.other.registrar, &member.certificate, None, self.site.clock.now());
        assert!(matches!(submit(node, LogName::SUPPLY, &statement), Outcome::Accepted(_)));
        member
    }
}

fn south(genesis: &Path, roles: &[&str]) -> OtherDomain {
    let roles = roles.iter().map(|&role| role.to_owned()).collect();
    OtherDomain { name: SOUTH.to_owned(), genesis: genesis.to_owned(), roles }
}

fn reason(node: &Node, log: LogName, statement: &Statement) -> String {
    match submit(node, log, statement) {
        Outcome::Refused(reason) => reason.to_string(),
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn each_registrar_enrols_the_members_of_its_own_domain_in_the_roles_that_it_may_give() {
    let shared = Shared::new();
    let node = shared.site.open();
    let names: Vec<_> = node.genesis().domains.iter().map(|domain| domain.name.as_str()).collect();
    assert_eq!(names, [OWN, SOUTH]);
    assert_eq!(node.genesis().domains[1].roles, ROLES, "not those that it gives at home");

    let (other, now) = (&shared.other, shared.site.clock.now());
    let notary = other.member(NOTARY, "n1");
    let by_own = enrol(&node, AUTHORITY, "desk");
    let (_, enrolled) = stream(node.sequencer()).pop().unwrap();
    let enrolled = Statement::parse(&enrolled).unwrap().id();
    let cases = [
        (enrolment(&notary, &notary.certificate, None, now), "the signer is not enrolled"),
        (
            enrolment(&by_own, &notary.certificate, None, now),
            "the signer's role does not allow this statement",
        ),
        (
            enrolment(&other.registrar, &by_own.certificate, Some(enrolled), now),
            "the signer belongs to another trust domain",
        ),
        (
            enrolment(&other.registrar, &other.member("doctor", "ada").certificate, None, now),
            "the registrar may not enrol members in this role",
        ),
    ];
    for (statement, text) in cases {
        assert_eq!(reason(&node, LogName::SUPPLY, &statement), text);
    }
    let good = enrolment(&other.registrar, &notary.certificate, None, now);
    assert!(matches!(submit(&node, LogName::SUPPLY, &good), Outcome::Accepted(_)));
    drop(node);
    let node = shared.site.open();
    assert!(matches!(submit(&node, LogName::SUPPLY, &good), Outcome::Duplicate(_)));
}

#[test]
fn a_domains_own_node_signs_what_introduces_and_withdraws_its_members() {
    // The other domain's own node, whose registrar the shared ledger pins.
    let mut home = Site::new();
    home.config.domain = SOUTH.to_owned();
    home.config.name = "ledger.south.example".to_owned();
    let own = home.open();
    let mut shared = Shared::new();
    let genesis = home.config.data.join("genesis.json");
    shared.site.config.other_domains = vec![south(&genesis, &ROLES)];
    let node = shared.site.open();
    let member = enrol(&own, NOTARY, "n1");
    let fingerprint = member.certificate.fingerprint().to_string();
    drop(own);

    let signed = |request: &Request| {
        let reply = operate(&home.config, request).unwrap();
        Statement::parse(&STANDARD.decode(reply).unwrap()).unwrap()
    };
    let report = |at| {
        let row = countersign_domains::Observed {
            notary: Hash([1; 32]),
            vote: 1,
            participations: 0,
            efficiency: 0,
            asked: 0,
            answered: 0,
        };
        let report = countersign_domains::Report::new(at, vec![row]).unwrap();
        let draft = report.draft(notary_id(member.certificate.identity()), None);
        draft.sign(&member.certificate, &member.key, shared.site.clock.now(), random()).unwrap()
    };
    assert_eq!(reason(&node, AUTHORIZATION, &report(1)), "the signer is not enrolled");
    let introduction = signed(&Request::Introduce { certificate: fingerprint.clone(), prev: None });
    assert!(matches!(submit(&node, LogName::SUPPLY, &introduction), Outcome::Accepted(_)));
    let first = report(1);
    assert!(matches!(submit(&node, AUTHORIZATION, &first), Outcome::Accepted(_)));

    let from = BTreeMap::from([("authorization".to_owned(), 1)]);
    let withdrawal = signed(&Request::Withdraw { certificate: fingerprint.clone(), from, prev: None });
    assert!(matches!(submit(&node, LogName::TRUST, &withdrawal), Outcome::Accepted(_)));
    let second = Draft {
        kind: first.kind().clone(),
        subject: first.subject().clone(),
        fields: Fields::new(),
        prev: Some(first.id()),
        links: Vec::new(),
        sealed: None,
    };
    let second = second.sign(&member.certificate, &member.key, shared.site.clock.now(), random()).unwrap();
    assert_eq!(reason(&node, AUTHORIZATION, &second), "the signer's certificate was revoked");

    for wrong in [
        Request::Introduce { certificate: "12".to_owned(), prev: None },
        Request::Introduce { certificate: Hash([9; 32]).to_string(), prev: None },
        Request::Introduce { certificate: fingerprint, prev: Some("x".to_owned()) },
    ] {
        assert!(operate(&home.config, &wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn other_domains_are_checked_and_fixed_at_the_first_start() {
    let shared = Shared::new();
    let good = shared.site.config.other_domains[0].clone();
    let with = |others: Vec<OtherDomain>| Config { other_domains: others, ..shared.site.config.clone() };
    let named = |name: &str| OtherDomain { name: name.to_owned(), ..good.clone() };
    for wrong in [
        vec![good.clone(), good.clone()],
        vec![named(OWN)],
        vec![OtherDomain { roles: Vec::new(), ..good.clone() }],
        (0..33).map(|number| named(&format!("d{number}.example"))).collect(),
    ] {
        assert!(matches!(with(wrong).check(), Err(ConfigError::OtherDomain(_))));
    }
    assert!(matches!(with(vec![named("South")]).check(), Err(ConfigError::Name(_))));

    let refused = |others: Vec<OtherDomain>| match Node::open(with(others)).err() {
        Some(OpenError::Keys(error)) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let gone = OtherDomain { genesis: PathBuf::from("/nowhere/south.json"), ..good.clone() };
    assert!(refused(vec![gone]).contains("/nowhere/south.json"));
    assert!(refused(vec![named("west.example")]).contains("names no trust domain `west.example`"));
    let unknown = OtherDomain { roles: vec!["baker".to_owned()], ..good.clone() };
    assert!(refused(vec![unknown]).contains("`baker`"));
    let garbage = shared.site.config.data.with_file_name("garbage.json");
    std::fs::write(&garbage, "{}").unwrap();
    assert!(refused(vec![OtherDomain { genesis: garbage, ..good.clone() }]).contains("not of the format"));
    assert!(!shared.site.config.data.join("keys/root.p256").exists(), "nothing was begun");

    // A registrar that another root certified.
    let forged = shared.site.config.data.with_file_name("forged.json");
    let mut genesis = shared.other.genesis();
    genesis.domains[0].root = Other::new(shared.site.clock.now()).genesis().domains[0].root.clone();
    std::fs::write(&forged, genesis.to_json()).unwrap();
    let elsewhere = Site::new();
    let config = Config {
        data: elsewhere.config.data.clone(),
        ..with(vec![OtherDomain { genesis: forged, ..good.clone() }])
    };
    assert!(matches!(Node::open(config).err(), Some(OpenError::Genesis(_))));

    drop(shared.site.open());
    let fewer = OtherDomain { roles: vec![NOTARY.to_owned()], ..good };
    let changed = Node::open(with(vec![fewer])).err().unwrap().to_string();
    assert!(changed.contains("the trust domains") && changed.contains("pinned"), "{changed}");
    let text = "[[other_domain]]\nname = \"south.example\"\ngenesis = \"s.json\"\nroles = [\"notary\"]\n";
    let example = include_str!("../../countersign-node.example.toml");
    let config = Config::parse(&format!("{example}\n{text}")).unwrap();
    assert_eq!(config.other_domains[0].roles, [NOTARY]);
}

/// A shared ledger with six notaries, an authority of each domain, and an owner in the south.
struct Town {
    shared: Shared,
    running: Running,
    members: HashMap<&'static str, Member>,
    /// The states and the latest statements of subjects, as the rules fold them.
    states: HashMap<Subject, State>,
    latest: HashMap<Subject, Hash>,
    verified: HashMap<Hash, Verified>,
    trust: TrustStore,
}

const SEATS: [&str; 6] = ["n1", "n2", "n3", "s1", "s2", "s3"];
const POLICY: &str = "allow read for TREAT from meds.example level 2 credit 30";

impl Town {
    /// The group is founded by the registrar of the node's own domain, both domains take part, the lab of the south has published a
    /// policy, and the south knows a user of the other domain.
    fn new() -> Self {
        let mut town = Self::founded();
        for (desk, domain) in [("own desk", OWN), ("south desk", SOUTH)] {
            let certificate = town.members[desk].certificate.fingerprint();
            let registration = Registration { certificate, epoch: 1, active: true };
            town.say(desk, &registration.draft(domain, None, &town.sitting()).unwrap()).unwrap();
            town.carry(&domain_subject(domain).unwrap());
        }
        let policy =
            DataPolicy { policy: Policy::parse(POLICY).unwrap(), location: Hash([4; 32]), version: 1 };
        town.say("lab", &policy.draft(key(), None)).unwrap();
        let until = UnixMillis(town.now().0 + DAY_MILLIS);
        let admission =
            Admission { home: OWN.to_owned(), level: 2, until, record: Hash([6; 32]), active: true };
        town.say("south desk", &admission.draft(user(), None)).unwrap();
        town
    }

    fn founded() -> Self {
        let shared = Shared::new();
        let running = shared.site.open().start().unwrap();
        let node = running.node();
        let mut trust = node.genesis().trust_anchors().unwrap().1;
        let mut members = HashMap::new();
        for name in SEATS {
            let of_south = name.starts_with('s');
            let member =
                if of_south { shared.introduce(node, NOTARY, name) } else { enrol(node, NOTARY, name) };
            members.insert(name, member);
        }
        members.insert("own desk", enrol(node, AUTHORITY, "desk"));
        members.insert("south desk", shared.introduce(node, AUTHORITY, "desk"));
        members.insert("lab", shared.introduce(node, DATA_OWNER, "lab"));
        for member in members.values() {
            trust.enrol(member.certificate.as_der()).unwrap();
        }
        let certificates = SEATS.map(|name| members[name].certificate.fingerprint().to_string()).to_vec();
        let found = |notaries: Vec<String>| {
            operate(&shared.site.config, &Request::Found { notaries }).map_err(|error| error.to_string())
        };
        let desk = members["own desk"].certificate.fingerprint().to_string();
        assert!(found(vec![desk]).unwrap_err().contains("members in the role `notary`"));
        assert!(found(Vec::new()).is_err() && found(vec![certificates[0].clone(); 2]).is_err());
        let founded: Hash = found(certificates.clone()).unwrap().parse().unwrap();
        assert!(found(certificates).is_err(), "once");

        let (states, latest, verified) = Default::default();
        let mut town = Self { shared, running, members, states, latest, verified, trust };
        let founding = stream(town.running.node().sequencer()).into_iter().rev();
        let mut founding = founding.filter_map(|(_, bytes)| Statement::parse(&bytes).ok());
        let founding = founding.find(|statement| statement.id() == founded).unwrap();
        town.take(founding);
        town
    }

    fn now(&self) -> UnixMillis {
        self.shared.site.clock.now()
    }

    /// Signs a draft as following the latest on its subject.
    fn sign(&self, who: &str, draft: &Draft) -> Statement {
        let prev = self.latest.get(&draft.subject).copied();
        let member = &self.members[who];
        let draft = Draft { prev, ..draft.clone() };
        draft.sign(&member.certificate, &member.key, self.now(), random()).unwrap()
    }

    fn take(&mut self, statement: Statement) {
        let (id, subject) = (statement.id(), statement.subject().clone());
        let verified = self.trust.verify(statement).unwrap();
        let before = self.states.get(&subject).cloned().unwrap_or_default();
        self.states.insert(subject.clone(), DomainRules.fold(&before, &verified));
        self.latest.insert(subject, id);
        self.verified.insert(id, verified);
    }

    /// Has a draft ordered, or tells the reason for which the node refuses it.
    fn say(&mut self, who: &str, draft: &Draft) -> Result<Hash, String> {
        let statement = self.sign(who, draft);
        let id = statement.id();
        match submit(self.running.node(), AUTHORIZATION, &statement) {
            Outcome::Accepted(_) => {
                self.take(statement);
                Ok(id)
            }
            Outcome::Refused(reason) => Err(reason.to_string()),
            other => panic!("{other:?}"),
        }
    }

    fn sitting(&self) -> Sitting {
        let office = Matter::<Office>::from_state(&self.states[&group_subject()]).unwrap().current.unwrap();
        let group = Election::of(&self.verified[&office.statement]).unwrap().group;
        Sitting { statement: office.statement, group }
    }

    fn vote(&self, who: &str, subject: &Subject, yes: bool) -> Draft {
        let sitting = self.sitting();
        let seat = sitting.group.seat_of(notary_id(self.members[who].certificate.identity())).unwrap();
        let vote = Vote { seat, credit: sitting.group.seats()[seat].credit, yes };
        vote.draft(subject, Hash::default(), sitting.statement)
    }

    /// Votes of five of six.
    fn carry(&mut self, subject: &Subject) {
        for who in &SEATS[..5] {
            let vote = self.vote(who, subject, true);
            self.say(who, &vote).unwrap();
        }
    }

    fn grounds(&self) -> Grounds {
        Grounds {
            policy: self.latest[&key().subject()],
            admission: self.latest[&user().subject()],
            group: self.sitting().statement,
        }
    }

    /// A request of the user's, with the outcome that follows.
    fn request(&self, nonce: u8, op: Op) -> Asking {
        let group = self.sitting().group;
        let policy = DataPolicy::of(&self.verified[&self.grounds().policy]).unwrap().policy;
        let mut request = Asking {
            to: SOUTH.to_owned(),
            user: user(),
            nonce: [nonce; 16],
            ops: Ops::of([op]),
            purpose: "TREAT".to_owned(),
            until: UnixMillis(self.now().0 + 3_600_000),
            level: 2,
            credit: group.credit_of(domain_id(OWN)),
            behaviour: Behaviour { kept: 3, broken: 1 },
            policy: policy.hash(),
            outcome: Decision::Permitted,
            total: group.total(),
        };
        let at = UnixMillis::from_seconds(self.now().seconds());
        request.outcome = policy.decide(&request.asked(OWN, at, true));
        request
    }

    fn thread(&self, subject: &Subject) -> Thread {
        Thread::from_state(&self.states[subject]).unwrap()
    }

    /// Who is master of a request, after so many take-overs.
    fn master(&self, subject: &Subject, turn: u64) -> &'static str {
        let (group, request) = (self.sitting().group, self.thread(subject).request);
        let turn_of = |who: &str| {
            let seat = group.seat_of(notary_id(self.members[who].certificate.identity()));
            seat.and_then(|seat| group.turn(seat, request))
        };
        SEATS.into_iter().find(|who| turn_of(who) == Some(turn)).unwrap()
    }
}

fn key() -> DataKey {
    DataKey::of_data(&[7; 32], b"results")
}

fn user() -> Pseudonym {
    Pseudonym(Hash([8; 32]))
}

#[test]
fn a_request_is_judged_against_other_subjects_what_it_links_and_the_time() {
    let mut town = Town::new();
    let request = town.request(1, Op::Read);
    assert_eq!(request.outcome, Decision::Permitted);
    let good = request.draft(key(), town.grounds());
    let with = |name: &str, value: Value| {
        let mut draft = good.clone();
        draft.fields.insert(name, value);
        draft
    };
    let denied = Decision::Denied(Denial::Op).number();
    let grounds = |change: fn(&mut Grounds, &Town)| {
        let mut grounds = town.grounds();
        change(&mut grounds, &town);
        request.draft(key(), grounds)
    };
    let cases = [
        // What follows is computed here as well.
        (with("outcome", denied.into()), "it states another outcome than follows"),
        (with("level", 3.into()), "the level is not that of the admission"),
        (with("credit", 9_000.into()), "the credit is not what the notary group says of the domain"),
        (with("total", 1.into()), "the weight of votes is not that of the notary group"),
        (with("policy", Hash([1; 32]).into()), "the policy is not the one in force for this data"),
        (with("broken", 9.into()), "the user has broken too many rules for a request to be forwarded"),
        // What it rests on must be what it says.
        (
            grounds(|grounds, _| grounds.admission = Hash([1; 32])),
            "it does not link the statements that it rests on",
        ),
        (
            grounds(|grounds, town| grounds.policy = town.latest[&user().subject()]),
            "it does not link the statements that it rests on",
        ),
    ];
    for (draft, text) in cases {
        assert_eq!(town.say("own desk", &draft).unwrap_err(), text);
    }
    let by_other = town.say("south desk", &good).unwrap_err();
    assert_eq!(by_other, "both sides are of one domain");
    // Signed a while ago.
    let late = town.sign("own desk", &good);
    town.shared.site.clock.advance(6 * 60_000);
    assert_eq!(reason(town.running.node(), AUTHORIZATION, &late), "it is more than five minutes old");

    // A change of the policy, and the end of an admission, are seen at once.
    let fresh = town.request(2, Op::Read).draft(key(), town.grounds());
    let policy = DataPolicy { policy: Policy::parse("nobody").unwrap(), location: Hash([4; 32]), version: 2 };
    town.say("lab", &policy.draft(key(), None)).unwrap();
    let stale = town.say("own desk", &fresh).unwrap_err();
    assert_eq!(stale, "the policy is not the one in force for this data");
    let request = town.request(3, Op::Read);
    assert_eq!(request.outcome, Decision::Denied(Denial::Nobody), "a denial is recorded as well");
    let draft = request.draft(key(), town.grounds());
    town.say("own desk", &draft).unwrap();
    let again = town.say("own desk", &draft).unwrap_err();
    assert_eq!(again, "it has been stated before");
    let mut ended = Admission::of(&town.verified[&town.grounds().admission]).unwrap();
    ended.active = false;
    let fresh = town.request(4, Op::Read).draft(key(), town.grounds());
    town.say("south desk", &ended.draft(user(), None)).unwrap();
    let not_admitted = town.say("own desk", &fresh).unwrap_err();
    assert_eq!(not_admitted, "the user is not admitted by the other domain, or no longer");
}

#[test]
fn it_takes_two_thirds_and_a_master_or_whoever_may_take_over() {
    let mut town = Town::new();
    let subject = {
        let draft = town.request(1, Op::Read).draft(key(), town.grounds());
        town.say("own desk", &draft).unwrap();
        draft.subject
    };
    let decision = |town: &Town| town.thread(&subject).decision(&subject, Hash::default());
    for who in &SEATS[..4] {
        let vote = town.vote(who, &subject, true);
        town.say(who, &vote).unwrap();
    }
    let (master, next) = (town.master(&subject, 0), town.master(&subject, 1));
    let early = decision(&town);
    assert_eq!(
        town.say(master, &early).unwrap_err(),
        "two thirds of the notaries' credit have not agreed",
        "four of six are exactly two thirds"
    );
    let twice = town.vote("n1", &subject, true);
    assert_eq!(town.say("n1", &twice).unwrap_err(), "the seat has voted");
    let stolen = town.vote("s3", &subject, true);
    assert_eq!(town.say("n1", &stolen).unwrap_err(), "the seat is another notary's");
    let outsider = town.vote("s3", &subject, true);
    assert_eq!(
        town.say("own desk", &outsider).unwrap_err(),
        "the signer's role does not allow this statement"
    );
    let last = town.vote("s3", &subject, true);
    town.say("s3", &last).unwrap();

    let mut forged = decision(&town);
    forged.fields.insert("outcome", Decision::Denied(Denial::Op).number().into());
    assert_eq!(town.say(master, &forged).unwrap_err(), "it states another outcome than follows");
    let agreed = decision(&town);
    let not_yet = "it is the turn of a notary of higher credit";
    assert_eq!(town.say(next, &agreed).unwrap_err(), not_yet);
    // The master says nothing.
    town.shared.site.clock.advance(TAKE_OVER_MILLIS - 1000);
    assert_eq!(town.say(next, &agreed).unwrap_err(), not_yet);
    town.shared.site.clock.advance(2000);
    town.say(next, &agreed).unwrap();
    assert_eq!(town.say(master, &agreed).unwrap_err(), "the request has been decided");
    assert!(town.thread(&subject).licence(Op::Read, town.now()).is_some());
}

#[test]
fn what_was_begun_under_one_group_is_not_gone_on_with_under_another() {
    let mut town = Town::new();
    let old = town.sitting();
    let request = town.request(1, Op::Read).draft(key(), town.grounds());
    let waiting = town.request(2, Op::Read).draft(key(), town.grounds());
    town.say("own desk", &waiting).unwrap();
    let election = Election { epoch: 2, group: Group::from_rows(&old.group.to_rows(), WARM_UP).unwrap() };
    let wrong = Election { epoch: 3, group: election.group.clone() }.draft(None, Some(&old));
    assert_eq!(town.say("n1", &wrong).unwrap_err(), "the epoch or version does not follow the one before");
    town.say("n1", &election.draft(None, Some(&old))).unwrap();
    town.carry(&group_subject());
    assert_ne!(town.sitting().statement, old.statement);

    assert_eq!(
        town.say("own desk", &request).unwrap_err(),
        "the notary group that it links is not in office"
    );
    let vote = town.vote("n1", &waiting.subject, true);
    let other = "the ballot is one of another notary group";
    assert_eq!(town.say("n1", &vote).unwrap_err(), other);
    // Those who were in office when it was opened still may.
    let vote = Draft { links: vec![old.statement], ..vote };
    town.say("n1", &vote).unwrap();
    let fresh = town.request(3, Op::Read).draft(key(), town.grounds());
    town.say("own desk", &fresh).unwrap();
}
