//! Members of three domains, and a log as a node keeps it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use countersign_domains::rules::{AUTHORITY, DATA_OWNER, DomainRules, ENTRY, NOTARY, STATE};
use countersign_domains::{
    AUTHORIZATION, Admission, Credit, DATA, DataKey, DataPolicy, Decision, Election, Grounds, Group, Op, Ops,
    Policy, Pseudonym, Registration, Request, Sitting, Thread, Vote, domain_id, domain_subject,
    group_subject, notary_id,
};
use countersign_ledger::certificate::{self, Period};
use countersign_ledger::{
    Certificate, Context, Draft, Entry, Hash, Identity, LogName, Rules as _, Signer as _, SoftwareKey, State,
    Statement, Subject, TrustStore, UnixMillis, Verified,
};

pub const NOW: UnixMillis = UnixMillis(1_795_000_000_000);
pub const NORTH: &str = "north.example";
pub const SOUTH: &str = "south.example";
pub const WEST: &str = "west.example";
pub const POLICY: &str = "allow read, derive for TREAT from north.example level 2 credit 30";

pub struct Member {
    pub key: SoftwareKey,
    pub certificate: Certificate,
}

impl Member {
    pub fn identity(&self) -> &Identity {
        self.certificate.identity()
    }
}

/// A log with its members.
#[derive(Clone)]
pub struct World {
    pub trust: TrustStore,
    pub members: HashMap<&'static str, Arc<Member>>,
    pub now: UnixMillis,
    entries: HashMap<Hash, Arc<Entry>>,
    states: BTreeMap<(LogName, Subject), State>,
    latest: BTreeMap<(LogName, Subject), Hash>,
    statements: u64,
}

fn year() -> Period {
    Period { from: UnixMillis(1_790_000_000_000), until: UnixMillis(1_821_536_000_000) }
}

impl World {
    /// Members, and nothing on the log.
    pub fn empty() -> Self {
        let mut trust = TrustStore::new();
        let mut members = HashMap::new();
        let member = |seed: u8, domain: &str, role: &str, name: &str, registrar: &SoftwareKey| {
            let key = SoftwareKey::from_bytes(&[seed; 32]).unwrap();
            let identity = Identity::new(domain, role, name).unwrap();
            let issued = certificate::issue(&identity, &key.public_key(), registrar, year(), [seed; 16]);
            Member { key, certificate: issued.unwrap() }
        };
        for (at, domain) in (0_u8..).zip([NORTH, SOUTH, WEST]) {
            let seed = 1 + 30 * at;
            let root = SoftwareKey::from_bytes(&[seed; 32]).unwrap();
            trust.pin(domain, &certificate::root(domain, &root, year(), [seed; 16]).unwrap());
            let names: [(&str, &str, &str); 8] = [
                ("registrar", "registrar", "office"),
                ("authority", AUTHORITY, "desk"),
                ("second authority", AUTHORITY, "second-desk"),
                ("owner", DATA_OWNER, "lab"),
                ("second owner", DATA_OWNER, "ward"),
                ("user", "doctor", "ada"),
                ("notary", NOTARY, "n1"),
                ("second notary", NOTARY, "n2"),
            ];
            for (number, (name, role, id)) in (0_u8..).zip(names) {
                let member = member(seed + 1 + number, domain, role, id, &root);
                let name: &'static str = format!("{} {name}", domain.split('.').next().unwrap()).leak();
                if role == "registrar" && domain == NORTH {
                    let roles = [AUTHORITY, DATA_OWNER, NOTARY].map(str::to_owned);
                    trust.appoint(member.certificate.as_der(), roles).unwrap();
                } else {
                    trust.enrol(member.certificate.as_der()).unwrap();
                }
                members.insert(name, Arc::new(member));
            }
        }
        Self {
            trust,
            members,
            now: NOW,
            entries: HashMap::new(),
            states: BTreeMap::new(),
            latest: BTreeMap::new(),
            statements: 0,
        }
    }

    /// North and south take part, the lab of the south has published a policy, and knows a doctor of the north.
    pub fn new() -> Self {
        let mut world = Self::empty();
        world.say("north registrar", &Election { epoch: 1, group: world.group() }.draft(None, None)).unwrap();
        for (who, domain) in [("north authority", NORTH), ("south authority", SOUTH)] {
            world.register(who, domain);
        }
        world.publish(POLICY);
        world.admit(2);
        world
    }

    /// Six notaries of equal credit, of whom much was seen.
    pub fn group(&self) -> Group {
        self.group_of(&[5000; 6], 100)
    }

    /// The first notaries, with these credits, falling.
    pub fn group_of(&self, credits: &[u16], transactions: u64) -> Group {
        let mut ids: Vec<_> = SEATS.into_iter().zip(credits).collect();
        ids.sort_by_key(|(name, credit)| (u16::MAX - **credit, notary_id(self.members[name].identity())));
        let row = |(name, credit): (&'static str, &u16)| {
            let identity = self.members[name].identity();
            [&notary_id(identity).0[..], &domain_id(identity.domain()).0, &credit.to_be_bytes()].concat()
        };
        let rows: Vec<u8> = ids.into_iter().flat_map(row).collect();
        Group::from_rows(&rows, transactions).unwrap()
    }

    /// The group that was stated last.
    pub fn sitting(&self) -> Sitting {
        let statement =
            self.matter::<countersign_domains::Office>(&group_subject()).current.unwrap().statement;
        let group = Election::of(self.entries[&statement].verified()).unwrap().group;
        Sitting { statement, group }
    }

    pub fn matter<M: countersign_domains::Motion>(
        &self,
        subject: &Subject,
    ) -> countersign_domains::Matter<M> {
        countersign_domains::Matter::from_state(&self.state(AUTHORIZATION, subject)).unwrap()
    }

    pub fn state(&self, log: LogName, subject: &Subject) -> State {
        self.states.get(&(log, subject.clone())).cloned().unwrap_or_default()
    }

    pub fn latest(&self, subject: &Subject) -> Option<Hash> {
        self.latest.get(&(AUTHORIZATION, subject.clone())).copied()
    }

    /// The key of the lab's data.
    pub fn key() -> DataKey {
        DataKey::of_data(&[7; 32], b"results")
    }

    /// The doctor of the north, as the south knows them.
    pub fn user(&self) -> Pseudonym {
        Pseudonym::derive(&[8; 32], self.members["north user"].identity(), SOUTH)
    }

    pub fn sign(&mut self, who: &str, draft: &Draft) -> Statement {
        self.statements += 1;
        let cti = [self.statements.to_be_bytes(), [0; 8]].concat().try_into().unwrap();
        let member = &self.members[who];
        draft.sign(&member.certificate, &member.key, self.now, cti).unwrap()
    }

    pub fn verified(&mut self, who: &str, draft: &Draft) -> Verified {
        let statement = self.sign(who, draft);
        self.trust.verify(statement).unwrap()
    }

    /// Orders a statement after the latest on its subject, or says why not.
    pub fn say(&mut self, who: &str, draft: &Draft) -> Result<Hash, String> {
        let prev = self.latest.get(&(log_of(draft.kind.as_str()), draft.subject.clone())).copied();
        let statement = self.verified(who, &Draft { prev, ..draft.clone() });
        self.judge(&statement)?;
        let (id, log) = (statement.statement().id(), log_of(statement.statement().kind().as_str()));
        let place = (log, statement.statement().subject().clone());
        let after = DomainRules.fold(&self.state(log, &place.1), &statement);
        self.states.insert(place.clone(), after);
        self.latest.insert(place, id);
        let entry = self.trust.place(statement, log, self.entries.len() as u64);
        self.entries.insert(id, Arc::new(entry));
        Ok(id)
    }

    /// What the rules say of a statement, at a node and at a client.
    pub fn judge(&self, statement: &Verified) -> Result<(), String> {
        let log = log_of(statement.statement().kind().as_str());
        let of = statement.statement().subject();
        let linked: Vec<_> =
            statement.links().iter().filter_map(|id| self.entries.get(id).cloned()).collect();
        let elsewhere = DomainRules.looks_at(statement);
        let elsewhere: Vec<_> = elsewhere.iter().map(|(log, subject)| self.state(*log, subject)).collect();
        let (subject, head) = (self.state(log, of), self.state(log, &Subject::new(of.family()).unwrap()));
        let context = Context {
            log,
            domain: (log == DATA).then_some(SOUTH),
            time: Some(self.now),
            subject: &subject,
            head: &head,
            linked: &linked,
            rival: None,
            elsewhere: &elsewhere,
            trust: &self.trust,
            checkpoints: None,
        };
        DomainRules.check(statement, &context).map_err(|violation| violation.text)?;
        assert!(DomainRules.may_follow(&subject, statement), "what is admitted may follow");
        // Whoever holds less of the log, and no order of two subjects, refuses nothing of it.
        let client = Context { time: None, linked: &[], elsewhere: &[], head: &State::default(), ..context };
        DomainRules.check(statement, &client).map_err(|violation| format!("client: {}", violation.text))
    }

    /// Why a statement is refused.
    pub fn refused(&mut self, who: &str, draft: &Draft) -> String {
        let (states, latest) = (self.states.clone(), self.latest.clone());
        let text = self.say(who, draft).expect_err("refused");
        assert!(states == self.states && latest == self.latest, "a refusal changes nothing");
        text
    }

    pub fn vote(&mut self, who: &'static str, subject: &Subject, yes: bool) -> Result<Hash, String> {
        let draft = self.vote_draft(who, subject, yes);
        self.say(who, &draft)
    }

    pub fn vote_draft(&self, who: &'static str, subject: &Subject, yes: bool) -> Draft {
        let sitting = self.sitting();
        let seat = sitting.group.seat_of(notary_id(self.members[who].identity())).unwrap_or_default();
        let vote = Vote { seat, credit: sitting.group.seats()[seat].credit, yes };
        vote.draft(subject, Hash::default(), sitting.statement)
    }

    /// Votes of five of six.
    pub fn carry(&mut self, subject: &Subject) {
        for who in &SEATS[..5] {
            self.vote(who, subject, true).unwrap();
        }
    }

    pub fn register(&mut self, who: &str, domain: &str) {
        let certificate = self.members[who].certificate.fingerprint();
        let epoch = self
            .matter::<Registration>(&domain_subject(domain).unwrap())
            .current
            .map_or(1, |one| one.epoch + 1);
        let registration = Registration { certificate, epoch, active: true };
        let draft = registration.draft(domain, None, &self.sitting()).unwrap();
        self.say(who, &draft).unwrap();
        self.carry(&domain_subject(domain).unwrap());
    }

    pub fn publish(&mut self, policy: &str) {
        let version =
            countersign_domains::Held::from_state(&self.state(AUTHORIZATION, &Self::key().subject()))
                .map_or(1, |held| held.version + 1);
        let policy = DataPolicy { policy: Policy::parse(policy).unwrap(), location: Hash([4; 32]), version };
        self.say("south owner", &policy.draft(Self::key(), None)).unwrap();
    }

    pub fn admission(&self, level: u8) -> Admission {
        let until = UnixMillis(self.now.0 + 24 * 3_600_000);
        Admission { home: NORTH.to_owned(), level, until, record: Hash([6; 32]), active: true }
    }

    pub fn admit(&mut self, level: u8) {
        let draft = self.admission(level).draft(self.user(), None);
        self.say("south authority", &draft).unwrap();
    }

    /// What a request rests on now.
    pub fn grounds(&self) -> Grounds {
        Grounds {
            policy: self.latest(&Self::key().subject()).unwrap(),
            admission: self.latest(&self.user().subject()).unwrap(),
            group: self.sitting().statement,
        }
    }

    /// A request of the doctor's, with the outcome that follows.
    pub fn request(&self, nonce: u8) -> Request {
        let sitting = self.sitting();
        let grounds = self.grounds();
        let policy = DataPolicy::of(self.entries[&grounds.policy].verified()).unwrap().policy;
        let admission = Admission::of(self.entries[&grounds.admission].verified()).unwrap();
        let mut request = Request {
            to: SOUTH.to_owned(),
            user: self.user(),
            nonce: [nonce; 16],
            ops: Ops::of([Op::Read]),
            purpose: "TREAT".to_owned(),
            until: UnixMillis(self.now.0 + 3_600_000),
            level: admission.level,
            credit: sitting.group.credit_of(domain_id(NORTH)),
            behaviour: countersign_domains::Behaviour { kept: 3, broken: 1 },
            policy: policy.hash(),
            outcome: Decision::Permitted,
            total: sitting.group.total(),
        };
        request.outcome = policy.decide(&request.asked(NORTH, self.now, true));
        request
    }

    pub fn ask(&mut self, request: &Request) -> Result<Subject, String> {
        let draft = request.draft(Self::key(), self.grounds());
        self.say("north authority", &draft).map(|_| draft.subject)
    }

    pub fn thread(&self, subject: &Subject) -> Thread {
        Thread::from_state(&self.state(AUTHORIZATION, subject)).unwrap()
    }

    /// A request that is decided: its thread.
    pub fn licensed(&mut self, nonce: u8) -> Subject {
        let subject = self.ask(&self.request(nonce)).unwrap();
        self.carry(&subject);
        let master = self.master(&subject, 0);
        let decision = self.thread(&subject).decision(&subject, Hash::default());
        self.say(master, &decision).unwrap();
        subject
    }

    /// Who is master of a request, after so many take-overs.
    pub fn master(&self, subject: &Subject, turn: u64) -> &'static str {
        let (group, request) = (self.sitting().group, self.thread(subject).request);
        let is_master = |who: &&'static str| {
            let seat = group.seat_of(notary_id(self.members[*who].identity()));
            seat.and_then(|seat| group.turn(seat, request)) == Some(turn)
        };
        SEATS.into_iter().find(is_master).unwrap()
    }

    pub fn entry(&self, id: Hash) -> &Verified {
        self.entries[&id].verified()
    }

    pub fn credit(hundredths: u16) -> Credit {
        Credit::new(hundredths).unwrap()
    }
}

fn log_of(kind: &str) -> LogName {
    if [STATE, ENTRY].contains(&kind) { DATA } else { AUTHORIZATION }
}

/// The notaries with a seat.
pub const SEATS: [&str; 6] = [
    "north notary",
    "south notary",
    "west notary",
    "north second notary",
    "south second notary",
    "west second notary",
];
