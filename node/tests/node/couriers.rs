//! Couriers without signal, on the pure machines: goods go from hand to hand, phones sync in any order, some are lost, some
//! crash, some cheat. Every chain of custody ends right, and every fraud is found.
//!
//! `COURIERS` and `HANDOVERS` in the environment make it larger (1000 and 100000 in the figures), `SEED` makes it another.

use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_custody::Profile;
use countersign_custody::handover::{
    Answer, Condition, CustodyChain, CustodyRules, Key, OFFER_MILLIS, Offered, Seen, Terms,
};
use countersign_ledger::certificate::{self, Period};
use countersign_ledger::{
    Certificate, Draft, Families, Fields, Hash, Identity, IndexKey, Kind, LogName, Signer as _, SoftwareKey,
    Statement, Subject, TrustStore, UnixMillis,
};
use countersign_node::{Admission, Candidate, Reason, StateMachine};

use crate::pure::{self, DOMAIN, Memory, machine, two_logs};

const MINUTE: u64 = 60_000;
const START: UnixMillis = UnixMillis(20_758 * 24 * 60 * MINUTE);
/// How many handovers a unit gets before its chain is full.
const HOPS: usize = 6;

/// Small and seedable; what it draws decides nothing but who does what.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.next() % count as u64).unwrap()
    }

    fn percent(&mut self, chance: u64) -> bool {
        self.next() % 100 < chance
    }

    fn nonce(&mut self) -> [u8; 16] {
        (u128::from(self.next()) << 64 | u128::from(self.next())).to_be_bytes()
    }
}

struct Member {
    key: SoftwareKey,
    certificate: Certificate,
    /// Statements that this phone holds and has not seen arrive.
    outbox: Vec<Statement>,
}

#[derive(Default)]
struct Figures {
    offered: Duration,
    answered: Duration,
    closed: Duration,
    admitted: Duration,
    handovers: usize,
    offer_bytes: usize,
    answer_bytes: usize,
    conflicts: usize,
    waited: usize,
    duplicates: usize,
    refusals: usize,
}

struct World {
    profile: Profile,
    pinned: TrustStore,
    ledger: TrustStore,
    machine: StateMachine,
    memory: Memory,
    members: Vec<Member>,
    chance: Chance,
    now: UnixMillis,
    figures: Figures,
}

impl World {
    fn new(couriers: usize, seed: u64) -> Self {
        let root = SoftwareKey::from_bytes(&[7; 32]).unwrap();
        let mut pinned = TrustStore::new();
        pinned.pin(DOMAIN, &certificate::root(DOMAIN, &root, period(), [1; 16]).unwrap());
        let mut chance = Chance(seed);
        let names =
            std::iter::once(("distributor", 0)).chain((0..couriers).map(|number| ("courier", number)));
        let mut ledger = pinned.clone();
        let members = names
            .map(|(role, number)| {
                let key = SoftwareKey::from_bytes(&Hash::of(&chance.nonce()).0).unwrap();
                let identity = Identity::new(DOMAIN, role, &format!("n{number}")).unwrap();
                let certificate =
                    certificate::issue(&identity, &key.public_key(), &root, period(), chance.nonce())
                        .unwrap();
                ledger.enrol(certificate.as_der()).unwrap();
                Member { key, certificate, outbox: Vec::new() }
            })
            .collect();
        let families = Families::new([Arc::new(custody_only()) as Arc<dyn countersign_ledger::Rules>]);
        Self {
            profile: custody_only(),
            machine: machine(&pure::ledger(two_logs(), families), &ledger),
            pinned,
            ledger,
            memory: Memory::default(),
            members,
            chance,
            now: START,
            figures: Figures::default(),
        }
    }

    fn rules(&self) -> CustodyRules<'_> {
        CustodyRules { profile: &self.profile, trust: &self.pinned, log: LogName::SUPPLY, domain: DOMAIN }
    }

    fn key(&self, who: usize) -> Key<'_> {
        Key { certificate: &self.members[who].certificate, signer: &self.members[who].key }
    }

    fn submit(&mut self, statement: &Statement) -> Admission {
        let verified = self.ledger.verify(statement.clone()).unwrap();
        let candidate = Candidate::verified(LogName::SUPPLY, verified, None);
        let begun = Instant::now();
        let mut applied = self.machine.apply(self.now, vec![candidate], &self.memory).unwrap();
        self.figures.admitted += begun.elapsed();
        for new in &applied.admitted {
            let bytes = new.statement.verified().statement().as_bytes().to_vec();
            self.memory.0.insert(new.place, bytes);
        }
        applied.admissions.remove(0)
    }

    /// The distributor packs a unit; the ledger knows.
    fn pack(&mut self, number: usize) -> CustodyChain {
        let subject = Subject::new(format!("https://id.gs1.org/00/{number:018}")).unwrap();
        let fields = Fields::new().with("contents", Hash::of(b"list")).with("count", 10);
        let kind = Kind::new("medicine.pack").unwrap();
        let draft = Draft { kind, subject, fields, prev: None, links: vec![], sealed: None };
        let cti = self.chance.nonce();
        let statement =
            draft.sign(&self.members[0].certificate, &self.members[0].key, self.now, cti).unwrap();
        assert!(matches!(self.submit(&statement), Admission::New(_)));
        let entry = self.ledger.place(self.ledger.verify(statement).unwrap(), LogName::SUPPLY, 0);
        CustodyChain::new(&[entry]).unwrap()
    }

    fn seen(&self) -> Seen {
        let checkpoint = self.machine.checkpoint(LogName::SUPPLY).unwrap().unwrap();
        Seen { size: checkpoint.size(), root: checkpoint.root() }
    }

    /// Two phones meet. Either may crash after any step and goes on from its bytes. Both keep all that no log has.
    fn meet(
        &mut self,
        chain: CustodyChain,
        from: usize,
        to: usize,
        seen: Option<Seen>,
    ) -> (CustodyChain, bool) {
        let (nonce, cti) = (self.chance.nonce(), self.chance.nonce());
        let refuses = self.chance.percent(3);
        let subject = chain.subject().clone();
        let terms = Terms { to: None, place: None, seen, millis: OFFER_MILLIS };
        let begun = Instant::now();
        let offered = Offered::make(chain, &terms, self.key(from), &self.rules(), self.now, nonce).unwrap();
        let message = offered.to_bytes();
        let offered_in = begun.elapsed();
        let condition = if refuses { Condition::Refused { reason: "wet".into() } } else { Condition::Intact };
        let answer = Answer { condition, place: None, seen };
        let begun = Instant::now();
        let examined = Offered::from_bytes(&message).unwrap().examine(&self.rules(), self.now).unwrap();
        let receivers = examined.answer(&[subject], &answer, self.key(to), self.now, cti).unwrap();
        let shown = receivers.answer_message();
        let answered_in = begun.elapsed();
        let begun = Instant::now();
        let givers = Offered::from_bytes(&message).unwrap().close(&shown, &self.rules()).unwrap();
        let closed_in = begun.elapsed();
        assert_eq!(givers.last().as_bytes(), receivers.last().as_bytes());
        let figures = &mut self.figures;
        figures.offered += offered_in;
        figures.answered += answered_in;
        figures.closed += closed_in;
        figures.handovers += 1;
        figures.refusals += usize::from(refuses);
        figures.offer_bytes += message.len();
        figures.answer_bytes += shown.len();
        let chain = CustodyChain::from_bytes(&receivers.to_bytes()).unwrap();
        for phone in [from, to] {
            // The giver's phone may die before it has scanned the answer: the receiver's copy is enough.
            if phone == from && self.chance.percent(20) {
                continue;
            }
            // Some keep no more than what they signed themselves, and have to wait for others.
            let skip = if self.chance.percent(20) { chain.statements().len() - 1 } else { 0 };
            let unsynced = chain.statements().iter().skip(skip).filter(|one| one.countersigned().is_some());
            self.members[phone].outbox.extend(unsynced.cloned());
        }
        (chain, refuses)
    }

    /// One phone has signal: it submits what it holds, from the oldest on, and keeps what has to wait.
    fn sync(&mut self, who: usize) {
        for statement in std::mem::take(&mut self.members[who].outbox) {
            match self.submit(&statement) {
                Admission::New(_) => {}
                Admission::Known(_) => self.figures.duplicates += 1,
                Admission::Refused(Reason::AwaitsPredecessor) => {
                    self.figures.waited += 1;
                    self.members[who].outbox.push(statement);
                }
                Admission::Refused(Reason::Taken { .. }) => self.accuse(who, &statement),
                Admission::Refused(other) => panic!("{other}"),
            }
        }
    }

    fn accuse(&mut self, who: usize, evidence: &Statement) {
        let key = IndexKey::of(evidence.subject());
        let latest = self.machine.state().latest(LogName::SUPPLY, &key).unwrap().map(|entry| entry.latest);
        let kind = Kind::new("medicine.conflict").unwrap();
        let subject = evidence.subject().clone();
        let draft = Draft { kind, subject, fields: Fields::new(), prev: latest, links: vec![], sealed: None };
        let cti = self.chance.nonce();
        let member = &self.members[who];
        let conflict = draft.countersign(evidence, &member.certificate, &member.key, self.now, cti).unwrap();
        assert!(matches!(self.submit(&conflict), Admission::New(_)));
        self.figures.conflicts += 1;
    }
}

fn period() -> Period {
    Period { from: UnixMillis(START.0 - MINUTE), until: UnixMillis(START.0 + 300 * 24 * 60 * MINUTE) }
}

/// The rules for units alone: without the lots that would come before.
pub fn custody_only() -> Profile {
    let text = include_str!("../../../core/custody/profiles/medicine.toml");
    let rule = "links = [{ kind = \"medicine.distribution\", on = \"any\" }]\n";
    let signer = "signer = { roles = [\"distributor\"], receiver-of = [\"medicine.distribution\"] }\nafter = [\"nothing\", \"medicine.unpack\"]";
    assert!(text.contains(rule) && text.contains(signer));
    let free = "signer = { roles = [\"distributor\"] }\nafter = [\"nothing\", \"medicine.unpack\"]";
    Profile::parse(&text.replace(rule, "").replace(signer, free)).unwrap()
}

fn from_environment(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn every_chain_of_custody_ends_right_and_every_fraud_is_found() {
    let (couriers, handovers) = (from_environment("COURIERS", 20), from_environment("HANDOVERS", 240));
    let seed = from_environment("SEED", 1) as u64;
    let mut world = World::new(couriers, seed);
    let mut frauds = Vec::new();
    let mut chains = Vec::new();
    let mut number = 0;
    while world.figures.handovers < handovers {
        number += 1;
        let mut chain = world.pack(number);
        let mut holder = 0;
        let seen = Some(world.seen());
        let hops = 1 + world.chance.below(HOPS);
        for _ in 0..hops {
            // Each courier hands over every twenty minutes; a phone that waits longer than a month is another story.
            world.now.0 += (20 * MINUTE / couriers as u64).max(1);
            let mut to = 1 + world.chance.below(couriers);
            if to == holder {
                to = 1 + to % couriers;
            }
            let before = chain.clone();
            let (next, refused) = world.meet(chain, holder, to, seen);
            chain = next;
            // A phone that was restored from a backup, or a thief: the same goods to somebody else as well.
            if !refused && world.chance.percent(2) {
                let victim = (1..=couriers).find(|&one| one != to && one != holder).unwrap();
                let (rival, _) = world.meet(before, holder, victim, seen);
                frauds.push((number, holder, chain.last().id(), rival.last().id()));
                // The two never meet again before both have synced.
                chains.push((number, None));
                break;
            }
            holder = if refused { holder } else { to };
        }
        if frauds.last().is_none_or(|(fraud, ..)| *fraud != number) {
            chains.push((number, Some(chain.last().id())));
        }
        // Some have signal, in whatever order.
        for _ in 0..world.chance.below(4) {
            let who = 1 + world.chance.below(couriers);
            world.sync(who);
        }
        // A phone is lost with all that it held. Whoever it met holds the same, so nothing is lost but its own knowledge.
        if world.chance.percent(1) {
            let lost = 1 + world.chance.below(couriers);
            let held = std::mem::take(&mut world.members[lost].outbox);
            let elsewhere = |one: &Statement| {
                world.members.iter().any(|other| other.outbox.iter().any(|copy| copy.id() == one.id()))
            };
            let only: Vec<_> = held.into_iter().filter(|one| !elsewhere(one)).collect();
            // What no other phone has is found again with its holder: this simulation loses no goods with the phone.
            world.members[lost].outbox = only;
        }
    }
    // In the end everybody finds a signal, again and again until nothing waits.
    for _ in 0..HOPS + 2 {
        for who in 0..=couriers {
            world.sync(who);
        }
    }
    check(&world, &chains, &frauds);
    let Figures { offered, answered, closed, admitted, handovers, offer_bytes, answer_bytes, .. } =
        world.figures;
    let each = |total: Duration| total / u32::try_from(handovers).unwrap();
    let figures = &world.figures;
    eprintln!(
        "{handovers} handovers by {couriers} couriers: offer {:?}, answer {:?}, close {:?}, ledger {:?} each; \
         {} and {} bytes; {} refusals, {} frauds, {} conflicts, {} waited, {} came twice",
        each(offered),
        each(answered),
        each(closed),
        each(admitted),
        offer_bytes / handovers,
        answer_bytes / handovers,
        figures.refusals,
        frauds.len(),
        figures.conflicts,
        figures.waited,
        figures.duplicates,
    );
}

fn check(world: &World, chains: &[(usize, Option<Hash>)], frauds: &[(usize, usize, Hash, Hash)]) {
    assert!(world.members.iter().all(|member| member.outbox.is_empty()), "something waits for ever");
    let latest = |number: usize| {
        let subject = Subject::new(format!("https://id.gs1.org/00/{number:018}")).unwrap();
        world.machine.state().latest(LogName::SUPPLY, &IndexKey::of(&subject)).unwrap().unwrap().latest
    };
    for (number, end) in chains.iter().filter_map(|(number, end)| Some((*number, (*end)?))) {
        assert_eq!(latest(number), end, "unit {number} ends elsewhere");
    }
    let parsed: Vec<_> = world.memory.0.values().map(|bytes| Statement::parse(bytes).unwrap()).collect();
    let recorded = |id: Hash| parsed.iter().any(|one| one.id() == id);
    let evidence = |id: Hash| {
        parsed.iter().find(|one| {
            one.kind().as_str() == "medicine.conflict"
                && one.countersigned().is_some_and(|one| one.id() == id)
        })
    };
    for &(number, giver, one, other) in frauds {
        let (winner, loser) = if recorded(one) { (one, other) } else { (other, one) };
        assert!(recorded(winner) && !recorded(loser), "unit {number}");
        let conflict = evidence(loser).unwrap_or_else(|| panic!("the fraud on unit {number} is not found"));
        let offer = conflict.countersigned().unwrap().countersigned().unwrap();
        assert_eq!(offer.issuer(), world.members[giver].certificate.identity());
    }
    let accused = parsed.iter().filter(|one| one.kind().as_str() == "medicine.conflict");
    for conflict in accused {
        let id = conflict.countersigned().unwrap().id();
        assert!(
            frauds.iter().any(|&(_, _, one, other)| id == one || id == other),
            "an honest courier is accused"
        );
    }
}
