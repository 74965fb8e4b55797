//! The same statements lead to the same roots, whatever blocks they come in, and wherever they are applied.

use std::collections::BTreeMap;

use countersign_ledger::{
    CODE, ENROL, Fields, Folded, Hash, LogName, REGISTRAR, SoftwareKey, State, Statement, Value,
};
use countersign_node::{Admission, Ledger, Place, Reason};
use proptest::prelude::*;
use std::sync::Arc;

use crate::pure::{Memory, NOW, Pure, ledger, machine, two_logs};
use crate::world::{Spec, certified, lot};

const AUTHORITIES: [&str; 3] = ["a", "b", "c"];
const LOTS: u64 = 5;

fn all_rules() -> Arc<Ledger> {
    ledger(two_logs(), countersign_families::families())
}

/// What a machine has come to: what it answered, its roots, and what it remembers of every lot.
type End = (Vec<Admission>, Vec<String>, Vec<Folded<State>>);

struct World {
    pure: Pure,
    latest: BTreeMap<u64, Hash>,
    members: BTreeMap<&'static str, Hash>,
    statements: Vec<(LogName, Statement)>,
}

impl World {
    fn new() -> Self {
        let members = AUTHORITIES.map(|name| ("authority", name)).into_iter();
        let members: Vec<_> = members.chain([("manufacturer", "dm")]).collect();
        let pure = Pure::new(&all_rules(), &members);
        Self { pure, latest: BTreeMap::new(), members: BTreeMap::new(), statements: Vec::new() }
    }

    fn sign(
        &self,
        name: &str,
        kind: &'static str,
        subject: String,
        fields: Fields,
        prev: Option<Hash>,
        cti: [u8; 16],
    ) -> Statement {
        self.pure.members[name].sign(&Spec { kind, subject, fields, prev, links: Vec::new(), at: NOW, cti })
    }

    /// Statements on few lots, so that many follow each other and many are refused, and revocations of their signers from
    /// places that lie behind or ahead. Who is revoked speaks in the trust log alone: between two logs the cut counts.
    fn add(&mut self, picks: &[(u8, u8, u8)]) {
        for (i, &(what, who, cti)) in picks.iter().enumerate() {
            let number = u64::from(what) % LOTS;
            let mut unique = [0; 16];
            unique[..8].copy_from_slice(&i.to_be_bytes());
            match what % 4 {
                0 => {
                    let fields = Fields::new()
                        .with("to", "spiffe://meds.example/supplier/ms")
                        .with("materials", "starch");
                    let statement = self.sign(
                        "dm",
                        "medicine.material-request",
                        lot(number),
                        fields,
                        None,
                        [cti % 16; 16],
                    );
                    self.statements.push((LogName::SUPPLY, statement));
                }
                1 if cti % 3 == 0 => {
                    let name = AUTHORITIES[usize::from(who) % AUTHORITIES.len()];
                    let certificate = &self.pure.members[name].certificate;
                    let fields = Fields::new().with("certificate", certificate.fingerprint());
                    let fields = fields.with("from-trust", u64::from(cti) % 24).with("from-supply", 0);
                    let subject = certificate.identity().to_string();
                    let prev = self.members.get(name).copied();
                    let statement = self.sign(REGISTRAR, "revoke", subject, fields, prev, unique);
                    self.members.insert(name, statement.id());
                    self.statements.push((LogName::TRUST, statement));
                }
                _ => {
                    let name = AUTHORITIES[usize::from(who) % AUTHORITIES.len()];
                    let latest = self.latest.get(&number).copied();
                    let prev = latest.filter(|_| cti % 8 != 0);
                    let fields = Fields::new().with("reason", "under examination");
                    let statement = self.sign(name, "medicine.suspend", lot(number), fields, prev, unique);
                    // Whether it is admitted, only the machine knows: this one stands for a phone that has seen it.
                    let admitted = self.pure.apply(LogName::TRUST, &statement);
                    self.follow_revocations();
                    if matches!(admitted, Admission::New(_)) {
                        self.latest.insert(number, statement.id());
                    }
                    self.statements.push((LogName::TRUST, statement));
                }
            }
        }
    }

    /// The machine by which statements are made hears of the revocations as they come.
    fn follow_revocations(&mut self) {
        let revocations: Vec<_> =
            self.statements.iter().filter(|(_, one)| one.kind().as_str() == "revoke").cloned().collect();
        for (log, statement) in revocations {
            self.pure.apply(log, &statement);
        }
    }

    /// Applies the statements in blocks that end where `cuts` says.
    fn apply(&self, cuts: &[usize]) -> End {
        let mut fresh = Pure {
            machine: machine(self.pure.machine.ledger(), &self.pure.trust),
            memory: Memory::default(),
            members: BTreeMap::new(),
            trust: self.pure.trust.clone(),
            root: SoftwareKey::from_bytes(&[7; 32]).unwrap(),
            now: NOW,
        };
        let bytes = |(log, one): &(LogName, Statement)| (*log, one.as_bytes().to_vec());
        let block: Vec<_> = self.statements.iter().map(bytes).collect();
        let mut ends: Vec<_> = cuts.iter().map(|cut| cut % (block.len() + 1)).chain([block.len()]).collect();
        ends.sort_unstable();
        let (mut admissions, mut from) = (Vec::new(), 0);
        for end in ends {
            admissions.extend(fresh.apply_block(&block[from..end]).admissions);
            from = end;
        }
        let state = Arc::clone(fresh.machine.state());
        let mut states = || (0..LOTS).map(|number| fresh.remembered(LogName::TRUST, &lot(number))).collect();
        let remembered: Vec<_> = states();
        for name in AUTHORITIES {
            let certificate = self.pure.members[name].certificate.fingerprint();
            state.forget(LogName::TRUST, certificate, 0).unwrap();
        }
        // What was folded step by step is what the histories come to from their beginning.
        assert_eq!(states(), remembered);
        (admissions, fresh.roots(), remembered)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn however_statements_are_cut_into_blocks_roots_and_states_are_the_same(
        picks in prop::collection::vec(any::<(u8, u8, u8)>(), 1..50),
        cuts in prop::collection::vec(any::<usize>(), 0..6),
        other_cuts in prop::collection::vec(any::<usize>(), 0..6),
    ) {
        let mut world = World::new();
        world.add(&picks);
        let once = world.apply(&cuts);
        prop_assert_eq!(&once, &world.apply(&cuts));
        prop_assert_eq!(&once, &world.apply(&other_cuts));
    }
}

fn request(world: &Pure, number: u64) -> Statement {
    let fields = Fields::new().with("to", "spiffe://meds.example/supplier/ms").with("materials", "starch");
    world.state("dm", LogName::SUPPLY, "medicine.material-request", &lot(number), fields)
}

fn supply(statement: &Statement) -> (LogName, Vec<u8>) {
    (LogName::SUPPLY, statement.as_bytes().to_vec())
}

#[test]
fn a_block_of_refusals_is_no_block() {
    let mut world = World::new().pure;
    let before = world.machine.last();
    let (first, second) = (request(&world, 1), request(&world, 1));
    assert_eq!(world.apply_block(&[supply(&first)]).block.map(|block| block.height), Some(1));
    let after = world.machine.last();
    assert_ne!(before, after);
    let refused = world.apply_block(&[supply(&second), (LogName::SUPPLY, b"no statement".to_vec())]);
    assert!(matches!(refused.admissions[..], [Admission::Refused(_), Admission::Refused(_)]));
    assert_eq!((refused.block, world.machine.last()), (None, after));
}

#[test]
fn the_same_statement_twice_in_one_block_stands_once() {
    let mut world = World::new().pure;
    let one = supply(&request(&world, 1));
    let place = Place { log: LogName::SUPPLY, index: 0 };
    let admissions = world.apply_block(&[one.clone(), one]).admissions;
    assert_eq!(admissions, [Admission::New(place), Admission::Known(place)]);
}

/// The registrar enrols somebody new, with a code.
fn enrolment(world: &Pure, name: &'static str, code: &[u8]) -> (crate::world::Member, Statement) {
    let member = certified(&world.root, "manufacturer", name, NOW);
    let mut fields = Fields::new();
    fields.insert("certificate", Value::Bytes(member.certificate.as_der().to_vec()));
    fields.insert(CODE, Value::Bytes(code.to_vec()));
    let subject = member.certificate.identity().to_string();
    let enrolment = world.state(REGISTRAR, LogName::SUPPLY, ENROL, &subject, fields);
    (member, enrolment)
}

#[test]
fn who_is_enrolled_in_a_block_is_known_to_the_rest_of_it_and_not_before() {
    let mut world = World::new().pure;
    let (member, enrolment) = enrolment(&world, "new", b"code");
    world.members.insert("new", member);
    let fields = Fields::new().with("to", "spiffe://meds.example/supplier/ms").with("materials", "starch");
    let stated = world.state("new", LogName::SUPPLY, "medicine.material-request", &lot(1), fields);
    let admissions = world.apply_block(&[supply(&stated), supply(&enrolment), supply(&stated)]).admissions;
    let Admission::Refused(reason) = &admissions[0] else { panic!("{admissions:?}") };
    assert_eq!(reason.problem().as_str(), "unknown-signer");
    assert!(matches!(admissions[1..], [Admission::New(_), Admission::New(_)]), "{admissions:?}");
}

#[test]
fn a_code_is_burnt_by_the_statement_whatever_the_registrar_signs_afterwards() {
    let mut world = World::new().pure;
    let [(_, one), (_, two), (_, three)] = [("one", &b"code"[..]), ("two", b"code"), ("three", b"other")]
        .map(|(name, code)| enrolment(&world, name, code));
    let admissions = world.apply_block(&[supply(&one), supply(&two), supply(&three)]).admissions;
    assert!(matches!(admissions[0], Admission::New(_)));
    assert_eq!(admissions[1], Admission::Refused(Reason::Code));
    assert!(matches!(admissions[2], Admission::New(_)));
    assert_eq!(world.refusal(LogName::SUPPLY, &two), "code-used");
}
