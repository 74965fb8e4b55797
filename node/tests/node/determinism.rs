//! The same statements lead to the same roots, whatever blocks they come in, and wherever they are applied.

use std::collections::BTreeMap;

use countersign_custody::Profile;
use countersign_ledger::{Fields, Hash, SoftwareKey, TrustStore, UnixMillis, certificate};
use countersign_node::{Admission, Bodies, Candidate, LogId, Place, StateMachine, StoreError};
use proptest::prelude::*;

use crate::world::{DAY_MILLIS, Member, Spec, certified, lot};

const NOW: UnixMillis = UnixMillis(1_795_000_000_000);

/// The statements of a ledger, as a store would hold them.
#[derive(Default)]
struct Memory(BTreeMap<Place, Vec<u8>>);

impl Bodies for Memory {
    fn body(&self, place: Place) -> Result<Vec<u8>, StoreError> {
        self.0.get(&place).cloned().ok_or(StoreError::Damaged("memory"))
    }
}

struct World {
    trust: TrustStore,
    authority: Member,
    manufacturer: Member,
}

impl World {
    fn new() -> Self {
        let root = SoftwareKey::from_bytes(&[7; 32]).unwrap();
        let period = certificate::Period {
            from: UnixMillis(NOW.0 - DAY_MILLIS),
            until: UnixMillis(NOW.0 + 365 * DAY_MILLIS),
        };
        let mut trust = TrustStore::new();
        trust.pin("meds.example", &certificate::root("meds.example", &root, period, [1; 16]).unwrap());
        let [authority, manufacturer] = [("authority", "da"), ("manufacturer", "dm")]
            .map(|(role, name)| certified(&root, role, name, NOW));
        trust.enrol(authority.certificate.as_der()).unwrap();
        trust.enrol(manufacturer.certificate.as_der()).unwrap();
        Self { trust, authority, manufacturer }
    }

    fn machine(&self) -> StateMachine {
        StateMachine::new("ledger.example", "meds.example", self.trust.clone(), vec![Profile::medicine()])
    }

    /// Candidates on few lots, so that many follow each other and many are refused.
    fn candidates(&self, picks: &[(u8, u8, bool)]) -> Vec<Candidate> {
        let mut latest: BTreeMap<u64, Hash> = BTreeMap::new();
        let mut made: Vec<Candidate> = Vec::new();
        for (i, &(lot_number, cti, request)) in picks.iter().enumerate() {
            let number = u64::from(lot_number % 5);
            let mut unique = [0; 16];
            unique[..8].copy_from_slice(&i.to_be_bytes());
            let (member, log, spec) = if request {
                let fields =
                    Fields::new().with("to", "spiffe://meds.example/supplier/ms").with("materials", "starch");
                let spec = spec("medicine.material-request", number, fields, None, [cti % 16; 16]);
                (&self.manufacturer, LogId::Supply, spec)
            } else {
                let prev =
                    latest.get(&number).copied().filter(|_| cti % 4 != 0 || !latest.contains_key(&number));
                let fields = Fields::new().with("reason", "under examination");
                (&self.authority, LogId::Trust, spec("medicine.suspend", number, fields, prev, unique))
            };
            let statement = member.sign(&spec);
            if log == LogId::Trust && spec.prev == latest.get(&number).copied() {
                latest.insert(number, statement.id());
            }
            made.push(Candidate { log, statement: self.trust.verify(statement).unwrap() });
        }
        made
    }

    /// Applies the candidates in blocks that end where `cuts` says.
    fn apply(&self, candidates: &[Candidate], cuts: &[usize]) -> (Vec<Admission>, [String; 2]) {
        let (mut machine, mut memory) = (self.machine(), Memory::default());
        let mut admissions = Vec::new();
        let mut ends: Vec<_> =
            cuts.iter().map(|cut| cut % (candidates.len() + 1)).chain([candidates.len()]).collect();
        ends.sort_unstable();
        let mut from = 0;
        for end in ends {
            let applied = machine.apply(NOW, candidates[from..end].to_vec(), &memory).unwrap();
            from = end;
            for new in applied.admitted {
                memory.0.insert(new.place, new.statement.statement().as_bytes().to_vec());
            }
            admissions.extend(applied.admissions);
        }
        (admissions, LogId::ALL.map(|log| machine.checkpoint(log).unwrap().to_string()))
    }
}

fn spec(kind: &'static str, number: u64, fields: Fields, prev: Option<Hash>, cti: [u8; 16]) -> Spec {
    Spec { kind, subject: lot(number), fields, prev, links: Vec::new(), at: NOW, cti }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn however_statements_are_cut_into_blocks_the_roots_are_the_same(
        picks in prop::collection::vec(any::<(u8, u8, bool)>(), 1..40),
        cuts in prop::collection::vec(any::<usize>(), 0..6),
        other_cuts in prop::collection::vec(any::<usize>(), 0..6),
    ) {
        let world = World::new();
        let candidates = world.candidates(&picks);
        let once = world.apply(&candidates, &cuts);
        prop_assert_eq!(&once, &world.apply(&candidates, &cuts));
        prop_assert_eq!(&once, &world.apply(&candidates, &other_cuts));
    }
}

#[test]
fn a_block_of_refusals_is_no_block() {
    let world = World::new();
    let mut machine = world.machine();
    let before = machine.last();
    let twice = world.candidates(&[(0, 0, true), (1, 0, true)]);
    let first = machine.apply(NOW, vec![twice[0].clone()], &Memory::default()).unwrap();
    assert_eq!(first.block.map(|block| block.height), Some(1));
    let after = machine.last();
    assert_ne!(before, after);
    let second = machine.apply(NOW, vec![twice[1].clone()], &Memory::default()).unwrap();
    assert!(matches!(second.admissions[..], [Admission::Refused(_)]));
    assert_eq!((second.block, machine.last()), (None, after));
}

#[test]
fn the_same_statement_twice_in_one_block_stands_once() {
    let world = World::new();
    let one = world.candidates(&[(0, 0, true)]);
    let (admissions, _) = world.apply(&[one[0].clone(), one[0].clone()], &[]);
    let place = Place { log: LogId::Supply, index: 0 };
    assert_eq!(admissions, [Admission::New(place), Admission::Known(place)]);
}
