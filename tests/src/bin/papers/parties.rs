//! Everybody in both schemes, with real keys, and what they state; what each statement costs them.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::ops::AddAssign;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use countersign_custody::handover::{
    Answer, Condition, CustodyChain, CustodyRules, Key, OFFER_MILLIS, Offered, Terms,
};
use countersign_custody::{Past, Profile, Voids};
use countersign_ledger::{
    Certificate, Entry, Fields, Genesis, Hash, Kind, LogName, PublicKey, Signature, Signer, SignerError,
    SoftwareKey, Statement, Subject, TrustStore, UnixMillis,
};

use crate::Outcome;

/// Role and name of everybody.
pub const PEOPLE: [&str; 9] = [
    "authority",
    "supplier",
    "manufacturer",
    "distributor",
    "brand",
    "logistics",
    "courier a",
    "courier b",
    "consumer",
];

/// What somebody computes.
#[derive(Clone, Copy, Default)]
pub struct Work {
    pub signatures: u32,
    /// Of signatures: on statements and on certificates.
    pub verifications: u32,
    /// On the processor.
    pub time: Duration,
}

impl AddAssign for Work {
    fn add_assign(&mut self, other: Self) {
        self.signatures += other.signatures;
        self.verifications += other.verifications;
        self.time += other.time;
    }
}

impl Work {
    /// Does it, and tells how long this thread was on the processor.
    pub fn measure<T>(work: impl FnOnce() -> Outcome<T>) -> Outcome<(T, Duration)> {
        let before = on_the_processor();
        let done = work()?;
        Ok((done, on_the_processor().saturating_sub(before)))
    }
}

fn on_the_processor() -> Duration {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(spent.tv_sec.try_into().unwrap_or_default(), spent.tv_nsec.try_into().unwrap_or_default())
}

/// A key that counts its signatures.
pub struct CountedKey(SoftwareKey, Cell<u32>);

impl CountedKey {
    /// The same for the same name: it guards nothing.
    pub fn of(name: &str) -> Outcome<Self> {
        Ok(Self(SoftwareKey::from_bytes(&Hash::of(name.as_bytes()).0)?, Cell::new(0)))
    }

    pub fn signatures(&self) -> u32 {
        self.1.get()
    }
}

impl Signer for CountedKey {
    fn public_key(&self) -> PublicKey {
        self.0.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignerError> {
        self.1.set(self.1.get() + 1);
        self.0.sign(message)
    }
}

struct Member {
    key: CountedKey,
    certificate: Arc<Certificate>,
}

impl Member {
    fn key(&self) -> Key<'_> {
        Key { certificate: &self.certificate, signer: &self.key }
    }
}

/// Everybody.
pub struct Parties {
    members: BTreeMap<&'static str, Member>,
    domain: String,
    /// What a phone without a network has: the pinned roots, and nobody's certificate.
    anchors: TrustStore,
    /// What the node has, and whoever is in touch with it: all certificates.
    trust: TrustStore,
    nonce: Cell<u128>,
}

/// What is stated next on a product, a lot or an order.
pub struct Message {
    /// The number of the paper's message; `None` for what the paper has not.
    pub number: Option<u8>,
    pub kind: &'static str,
    pub from: &'static str,
    pub to: Option<&'static str>,
    pub fields: Fields,
}

/// What was stated, and what that costs.
#[derive(Clone)]
pub struct Made {
    pub number: Option<u8>,
    pub kind: &'static str,
    pub from: &'static str,
    pub to: Option<&'static str>,
    /// Of the statement, as it is recorded.
    pub bytes: usize,
    /// Of an offer and its answer, as two phones show them to each other.
    pub shown: Option<[usize; 2]>,
    pub sender: Work,
    pub receiver: Work,
    /// Form, signatures and rules; not its disk, its proofs and its network.
    pub node: Work,
}

/// A product, a lot, an order or a piece: its history, and what making each statement of it cost.
pub struct Item {
    pub subject: Subject,
    pub history: Vec<Entry>,
    pub made: Vec<Made>,
}

impl Item {
    pub fn new(subject: impl Into<String>) -> Outcome<Self> {
        Ok(Self { subject: Subject::new(subject)?, history: Vec::new(), made: Vec::new() })
    }

    /// The statements from the one at `from` on.
    pub fn statements(&self, from: usize) -> Vec<Vec<u8>> {
        let rest = self.history.iter().skip(from);
        rest.map(|entry| entry.verified().statement().as_bytes().to_vec()).collect()
    }
}

impl Parties {
    /// Everybody, certified by `enrol`, which is given role, name and key.
    pub fn new(
        genesis: &Genesis,
        mut enrol: impl FnMut(&str, &str, &CountedKey) -> Outcome<Vec<u8>>,
    ) -> Outcome<Self> {
        let (_, anchors) = genesis.trust_anchors()?;
        let domain = genesis.domains.first().ok_or("a domain")?.name.clone();
        let (mut trust, mut members) = (anchors.clone(), BTreeMap::new());
        for who in PEOPLE {
            let (role, name) = who.split_once(' ').unwrap_or((who, "first"));
            let key = CountedKey::of(who)?;
            let certificate = trust.enrol(&enrol(role, name, &key)?)?;
            members.insert(who, Member { key, certificate });
        }
        Ok(Self { members, domain, anchors, trust, nonce: Cell::new(0) })
    }

    fn member(&self, who: &str) -> Outcome<&Member> {
        Ok(self.members.get(who).ok_or("nobody has this name")?)
    }

    pub fn identity(&self, who: &str) -> Outcome<String> {
        Ok(self.member(who)?.certificate.identity().to_string())
    }

    fn nonce(&self) -> [u8; 16] {
        self.nonce.set(self.nonce.get() + 1);
        self.nonce.get().to_be_bytes()
    }

    /// States the next message on `item`; `others` has what it may link.
    pub fn state(&self, item: &mut Item, others: &[Entry], message: Message) -> Outcome {
        let Message { number, kind, from, to, mut fields } = message;
        let (name, sender) = (Kind::new(kind)?, self.member(from)?);
        let profile = Profile::of_kind(Profile::all(), &name).ok_or("a profile of that kind")?;
        if let Some(to) = to {
            fields = fields.with("to", self.identity(to)?.as_str());
        }
        let (signed, nonce) = (sender.key.signatures(), self.nonce());
        let (statement, time) = Work::measure(|| {
            let signer = sender.certificate.identity();
            let draft = profile.draft(&name, &item.subject, signer, fields, &item.history, others);
            Ok(draft.ok_or("a draft")?.sign(&sender.certificate, &sender.key, now(), nonce)?)
        })?;
        let sender = Work { signatures: sender.key.signatures() - signed, verifications: 0, time };
        let (entry, node) = self.judge(profile, &statement, &item.history, others)?;
        // Whoever receives it verifies what the node does, and takes nobody's word for it.
        let receiver = if to.is_some() {
            self.judge(profile, &statement, &item.history, others)?.1
        } else {
            Work::default()
        };
        let bytes = statement.as_bytes().len();
        item.made.push(Made { number, kind, from, to, bytes, shown: None, sender, receiver, node });
        item.history.push(entry);
        Ok(())
    }

    /// Goods go from hand to hand, both phones without a network.
    pub fn hand_over(
        &self,
        item: &mut Item,
        number: u8,
        kind: &'static str,
        from: &'static str,
        to: &'static str,
    ) -> Outcome {
        let profile = Profile::of_kind(Profile::all(), &Kind::new(kind)?).ok_or("a profile of that kind")?;
        let log = LogName::SUPPLY;
        let rules = CustodyRules { profile, trust: &self.anchors, log, domain: &self.domain };
        let (giver, taker) = (self.member(from)?, self.member(to)?);
        let signed = [giver.key.signatures(), taker.key.signatures()];
        let chain = CustodyChain::new(&item.history)?;
        let to_make = verifications(&chain);
        let terms = Terms { to: None, place: Some("Rue A".into()), seen: None, millis: OFFER_MILLIS };
        let (nonces, at) = ([self.nonce(), self.nonce()], now());
        let (offered, making) =
            Work::measure(|| Ok(Offered::make(chain, &terms, giver.key(), &rules, at, nonces[0])?))?;
        let offer = offered.to_bytes();
        // Each proves the whole line, then the statement that the other adds to it: an answer with the offer that it carries.
        let to_prove = verifications(offered.chain());
        let (answered, answering) = Work::measure(|| {
            let examined = Offered::from_bytes(&offer)?.examine(&rules, at)?;
            let answer = Answer { condition: Condition::Intact, place: None, seen: None };
            let scanned = [item.subject.clone()];
            Ok(examined.answer(&scanned, &answer, taker.key(), at, nonces[1])?)
        })?;
        let answer = answered.answer_message();
        let (closed, closing) = Work::measure(|| Ok(offered.close(&answer, &rules)?))?;
        let (statement, added) = (closed.last(), closed.certificates().len() - to_prove.certificates);
        let added = u32::try_from(added)? + carried(statement);
        let (entry, node) = self.judge(profile, statement, &item.history, &[])?;
        if entry.verified().statement().kind().as_str() != kind {
            return Err("the step that answers the offer is another one".into());
        }
        item.made.push(Made {
            number: Some(number),
            kind,
            from,
            to: Some(to),
            bytes: statement.as_bytes().len(),
            shown: Some([offer.len(), answer.len()]),
            sender: Work {
                signatures: giver.key.signatures() - signed[0],
                verifications: to_make.all + to_prove.all + added,
                time: making + closing,
            },
            receiver: Work {
                signatures: taker.key.signatures() - signed[1],
                verifications: to_prove.all + 1 + added,
                time: answering,
            },
            node,
        });
        item.history.push(entry);
        Ok(())
    }

    /// Reads, verifies and judges a statement as the node does.
    fn judge(
        &self,
        profile: &Profile,
        statement: &Statement,
        history: &[Entry],
        others: &[Entry],
    ) -> Outcome<(Entry, Work)> {
        let state = profile.state_after(history);
        let linked: HashMap<Hash, &Entry> =
            history.iter().chain(others).map(|entry| (entry.id(), entry)).collect();
        let past = Past {
            log: LogName::SUPPLY,
            domain: Some(&self.domain),
            subject: &state,
            prev: history.last().map(Entry::id),
            linked: &linked,
            rival: None,
            voids: Voids::PassedOver,
        };
        let (verified, time) = Work::measure(|| {
            let verified = self.trust.verify(Statement::parse(statement.as_bytes())?)?;
            profile.check(&verified, &past).map_err(|fault| fault.to_string())?;
            Ok(verified)
        })?;
        let work = Work { signatures: 0, verifications: carried(statement), time };
        // Anywhere in the log: nobody here is revoked.
        Ok((self.trust.place(verified, LogName::SUPPLY, history.len() as u64), work))
    }
}

/// Signatures on a statement: its own, and that of what it carries.
fn carried(statement: &Statement) -> u32 {
    u32::try_from(statement.certificates().count()).unwrap_or(u32::MAX)
}

/// What proving a line takes.
struct Proof {
    certificates: usize,
    all: u32,
}

fn verifications(chain: &CustodyChain) -> Proof {
    let certificates = chain.certificates().len();
    let statements: u32 = chain.statements().iter().map(carried).sum();
    Proof { certificates, all: statements + u32::try_from(certificates).unwrap_or(u32::MAX) }
}

pub fn now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
