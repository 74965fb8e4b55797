//! What each message costs in our protocol: bytes, signatures, verifications, time on the processor, by role.

use std::time::Duration;

use countersign_ledger::certificate::{self, Period};
use countersign_ledger::{
    CODE, Draft, ENROL, Fields, Genesis, Identity, Kind, LogName, Note, Signer as _, Statement, Subject,
    TrustStore, UnixMillis, Value,
};

use countersign_wallet::Client;

use crate::Outcome;
use crate::parties::{CountedKey, Item, Made, Parties, Work, now};
use crate::published::{DRUG_PHASES, LUXURY_PHASES, Phase};
use crate::schemes::{class, drugs, luxury};

/// Which paper.
#[derive(Clone, Copy, PartialEq)]
pub enum Scheme {
    /// S000.
    Drugs,
    /// S001.
    Luxury,
}

impl Scheme {
    /// The paper's symbol for a role.
    pub fn symbol(self, who: &str) -> &'static str {
        match (self, who) {
            (Self::Drugs, "manufacturer") | (_, "courier a" | "courier b") => "DM",
            (Self::Drugs, "distributor") => "DD",
            (Self::Drugs, "authority") => "DA",
            (_, "supplier") => "MS",
            (_, "brand") => "BP",
            (_, "manufacturer") => "PM",
            (_, "distributor") => "PD",
            (_, "logistics") => "LP",
            (_, "consumer") => "CO",
            // Whoever it is.
            _ => "X",
        }
    }

    pub fn phases(self) -> &'static [Phase] {
        match self {
            Self::Drugs => &DRUG_PHASES,
            Self::Luxury => &LUXURY_PHASES,
        }
    }

    /// The number of the first message of each phase, as far as the papers number them.
    const fn first(self) -> &'static [u8] {
        match self {
            Self::Drugs => &[1, 3, 5, 7],
            Self::Luxury => &[1, 4, 6, 10, 14],
        }
    }
}

/// What a phase costs.
#[derive(Default)]
pub struct Cost {
    /// Between the parties.
    pub messages: u32,
    /// Bytes of these.
    pub exchanged: usize,
    /// Bytes of what the ledger keeps of them.
    pub recorded: usize,
    /// By the paper's symbol, in the order in which they appear.
    pub roles: Vec<(&'static str, Work)>,
    pub node: Work,
}

impl Cost {
    pub fn of(scheme: Scheme, made: &[&Made]) -> Self {
        let mut cost = Self::default();
        for one in made {
            cost.messages += if one.shown.is_some() { 2 } else { 1 };
            cost.exchanged += one.shown.map_or(one.bytes, |shown| shown.iter().sum());
            cost.recorded += one.bytes;
            cost.add(scheme.symbol(one.from), one.sender);
            if let Some(to) = one.to {
                cost.add(scheme.symbol(to), one.receiver);
            }
            cost.node += one.node;
        }
        cost
    }

    fn add(&mut self, role: &'static str, work: Work) {
        match self.roles.iter_mut().find(|(known, _)| *known == role) {
            Some((_, done)) => *done += work,
            None => self.roles.push((role, work)),
        }
    }
}

/// The messages of a scheme, each with the median times of so many runs.
pub fn messages(scheme: Scheme, parties: &Parties, runs: u32) -> Outcome<Vec<Made>> {
    let played = (0..runs).map(|run| match scheme {
        Scheme::Drugs => lot(parties, run),
        Scheme::Luxury => piece(parties, run),
    });
    let played = played.collect::<Outcome<Vec<_>>>()?;
    let first = played.first().ok_or("no run")?;
    let middle = |at: usize, of: fn(&Made) -> Duration| median(played.iter().map(|run| of(&run[at])));
    let each = first.iter().enumerate().map(|(at, one)| Made {
        sender: Work { time: middle(at, |one| one.sender.time), ..one.sender },
        receiver: Work { time: middle(at, |one| one.receiver.time), ..one.receiver },
        node: Work { time: middle(at, |one| one.node.time), ..one.node },
        ..one.clone()
    });
    Ok(each.collect())
}

fn lot(parties: &Parties, run: u32) -> Outcome<Vec<Made>> {
    let mut of = Item::new(class(run))?;
    drugs::certify(parties, &mut of)?;
    let mut lot = Item::new(format!("{}/10/L1", of.subject.as_str()))?;
    drugs::lot(parties, &mut lot, &of)?;
    Ok([of.made, lot.made].concat())
}

fn piece(parties: &Parties, run: u32) -> Outcome<Vec<Made>> {
    let (mut of, mut order) = (Item::new(class(run))?, Item::new(format!("urn:example:order:{run}"))?);
    luxury::design(parties, &mut of)?;
    luxury::evaluation(parties, &mut of)?;
    luxury::ordering(parties, &mut order, &of)?;
    let mut lot = Item::new(format!("{}/10/L1", of.subject.as_str()))?;
    luxury::commission(parties, &mut lot, [&of, &order], &luxury::serials(9)?)?;
    let mut piece = Item::new(format!("{}/21/{}", lot.subject.as_str(), luxury::serial(1)))?;
    luxury::purchase(parties, &mut piece, &lot)?;
    Ok([of.made, order.made, lot.made, piece.made].concat())
}

/// The costs of the phases whose messages the paper numbers, and of what no paper has.
pub fn phases(scheme: Scheme, made: &[Made]) -> (Vec<Cost>, Cost) {
    let within = |from: u8, until: u8| {
        let numbered = |one: &&Made| one.number.is_some_and(|number| (from..until).contains(&number));
        Cost::of(scheme, &made.iter().filter(numbered).collect::<Vec<_>>())
    };
    let phases = scheme.first().windows(2).map(|pair| within(pair[0], pair[1])).collect();
    let besides: Vec<&Made> = made.iter().filter(|one| one.number.is_none()).collect();
    (phases, Cost::of(scheme, &besides))
}

/// The registration of a member: a code and a request, answered by a certificate, which is recorded. Median times of so many
/// runs.
pub fn registration(runs: u32) -> Outcome<Cost> {
    let costs = (0..runs).map(|run| register(run.into())).collect::<Outcome<Vec<_>>>()?;
    let middle = |of: &dyn Fn(&Cost) -> Duration| median(costs.iter().map(of));
    let (mut times, node) = (Vec::new(), middle(&|cost| cost.node.time));
    for role in 0..2 {
        times.push(middle(&|cost| cost.roles[role].1.time));
    }
    let mut cost = costs.into_iter().next().ok_or("no run")?;
    cost.node.time = node;
    for ((_, work), time) in cost.roles.iter_mut().zip(times) {
        work.time = time;
    }
    Ok(cost)
}

fn register(run: u128) -> Outcome<Cost> {
    const DOMAIN: &str = "meds.example";
    let at = now();
    let day = 24 * 3600 * 1000;
    let period = Period { from: UnixMillis(at.0 - day), until: UnixMillis(at.0 + 365 * day) };
    let (root, registrar) = (CountedKey::of("root")?, CountedKey::of("registrar")?);
    let member = CountedKey::of("member")?;
    let named = |role: &str| Identity::new(DOMAIN, role, "first");
    let mut trust = TrustStore::new();
    trust.pin(DOMAIN, &certificate::root(DOMAIN, &root, period, [1; 16])?);
    let office = certificate::issue(&named("registrar")?, &registrar.public_key(), &root, period, [2; 16])?;
    trust.appoint(office.as_der(), ["manufacturer".to_owned()])?;
    let (before, code) = (root.signatures() + registrar.signatures(), "0123-4567-89AB-CDEF");

    let (request, requesting) = Work::measure(|| Ok(certificate::request(&member)?))?;
    let identity = named("manufacturer")?;
    let ((issued, enrolment), certifying) = Work::measure(|| {
        let key = certificate::requested_key(&request)?;
        let issued = certificate::issue(&identity, &key, &root, period, run.to_be_bytes())?;
        let mut fields = Fields::new();
        fields.insert("certificate", Value::Bytes(issued.as_der().to_vec()));
        fields.insert(CODE, Value::Bytes(vec![7; 16]));
        let (kind, subject) = (Kind::new(ENROL)?, Subject::new(identity.as_str())?);
        let draft = Draft { kind, subject, fields, prev: None, links: Vec::new(), sealed: None };
        Ok((issued, draft.sign(&office, &registrar, at, run.to_be_bytes())?))
    })?;
    let ((), recording) = Work::measure(|| {
        let verified = trust.verify(Statement::parse(enrolment.as_bytes())?)?;
        Ok(trust.check(&verified)?)
    })?;
    let mut own = trust.clone();
    let (_, taking) = Work::measure(|| Ok(own.enrol(issued.as_der())?))?;

    let asked = Work { signatures: member.signatures(), verifications: 1, time: requesting + taking };
    let signatures = root.signatures() + registrar.signatures() - before;
    Ok(Cost {
        messages: 2,
        exchanged: code.len() + request.len() + issued.as_der().len(),
        recorded: enrolment.as_bytes().len(),
        // The request shows that its sender has the key; the registrar, which is a part of the node, certifies it and states that.
        roles: vec![("X", asked), ("BCC", Work { signatures, verifications: 1, time: certifying })],
        // The statement, and the certificate in it.
        node: Work { signatures: 0, verifications: 2, time: recording },
    })
}

/// What trusting the newest checkpoint takes: the log's signatures and those of its witnesses. Median time of so many runs.
pub fn checkpoint(genesis: &Genesis, client: &Client, runs: u32) -> Outcome<Work> {
    let (policy, _) = genesis.trust_anchors()?;
    let note = client.checkpoint(LogName::SUPPLY)?;
    let times = (0..runs).map(|_| Ok(Work::measure(|| Ok(policy.trust(&note)?))?.1));
    let times = times.collect::<Outcome<Vec<_>>>()?;
    let verifications = u32::try_from(Note::parse(&note)?.signatures().len())?;
    Ok(Work { signatures: 0, verifications, time: median(times.into_iter()) })
}

/// One signature and one verification alone: medians of so many runs.
pub fn raw(runs: u32) -> Outcome<[Duration; 2]> {
    let key = CountedKey::of("raw")?;
    let (public, message) = (key.public_key(), [7; 400]);
    let signature = key.sign(&message)?;
    let signing = (0..runs).map(|_| Ok(Work::measure(|| Ok(key.sign(&message)?))?.1));
    let signing = signing.collect::<Outcome<Vec<_>>>()?;
    let verifying = (0..runs).map(|_| Ok(Work::measure(|| Ok(public.verify(&message, &signature)?))?.1));
    let verifying = verifying.collect::<Outcome<Vec<_>>>()?;
    Ok([median(signing.into_iter()), median(verifying.into_iter())])
}

fn median(times: impl Iterator<Item = Duration>) -> Duration {
    let mut times: Vec<Duration> = times.collect();
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
