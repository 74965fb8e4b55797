//! The machine without a node: members whom it trusts, and their statements as a store would hold them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use countersign_ledger::{
    Draft, Families, Fields, Folded, Hash, Held, IndexKey, Kind, LogName, LogSpec, REGISTRAR, SoftwareKey,
    State, Statement, Subject, TrustStore, UnixMillis, certificate,
};
use countersign_node::{Admission, Applied, Bodies, InMemory, Ledger, Place, StateMachine, StoreError};

use crate::world::{DAY_MILLIS, Member, Spec, certified, random};

pub const NOW: UnixMillis = UnixMillis(1_795_000_000_000);
pub const DOMAIN: &str = "meds.example";

/// The statements of a ledger, as a store would hold them.
#[derive(Default)]
pub struct Memory(pub HashMap<Place, Vec<u8>>);

impl Bodies for Memory {
    fn body(&self, place: Place) -> Result<Vec<u8>, StoreError> {
        self.0.get(&place).cloned().ok_or(StoreError::Damaged("memory"))
    }
}

/// The logs that every node has.
pub fn two_logs() -> Vec<LogSpec> {
    let supply = LogSpec { name: LogName::SUPPLY, held: Held::Followed, domain: Some(DOMAIN.to_owned()) };
    vec![LogSpec { name: LogName::TRUST, held: Held::Whole, domain: None }, supply]
}

pub fn ledger(logs: Vec<LogSpec>, families: Families) -> Arc<Ledger> {
    Arc::new(Ledger { name: "ledger.example".to_owned(), logs, families })
}

/// A machine of an empty ledger.
pub fn machine(ledger: &Arc<Ledger>, trust: &TrustStore) -> StateMachine {
    let state = Arc::new(InMemory::new(ledger.log_names()));
    StateMachine::new(Arc::clone(ledger), trust.clone(), state)
}

/// A machine, its members and its store.
pub struct Pure {
    pub root: SoftwareKey,
    pub trust: TrustStore,
    pub machine: StateMachine,
    pub memory: Memory,
    pub members: BTreeMap<&'static str, Member>,
    pub now: UnixMillis,
}

impl Pure {
    /// With members of these roles and names, and the registrar.
    pub fn new(ledger: &Arc<Ledger>, members: &[(&str, &'static str)]) -> Self {
        let root = SoftwareKey::from_bytes(&[7; 32]).unwrap();
        let period = certificate::Period {
            from: UnixMillis(NOW.0 - DAY_MILLIS),
            until: UnixMillis(NOW.0 + 365 * DAY_MILLIS),
        };
        let mut trust = TrustStore::new();
        trust.pin(DOMAIN, &certificate::root(DOMAIN, &root, period, [1; 16]).unwrap());
        let all = members.iter().copied().chain([(REGISTRAR, REGISTRAR)]);
        let members: BTreeMap<_, _> =
            all.map(|(role, name)| (name, certified(&root, role, name, NOW))).collect();
        for member in members.values() {
            trust.enrol(member.certificate.as_der()).unwrap();
        }
        let roles = ledger.families.roles().into_iter().map(str::to_owned);
        trust.appoint(members[REGISTRAR].certificate.as_der(), roles).unwrap();
        let machine = machine(ledger, &trust);
        Self { root, trust, machine, memory: Memory::default(), members, now: NOW }
    }

    /// Applies one statement as a block that came as bytes. A dry run says the same before.
    pub fn apply(&mut self, log: LogName, statement: &Statement) -> Admission {
        let block = [(log, statement.as_bytes().to_vec())];
        let dry = self.machine.read(&block).remove(0);
        let dry = self.machine.check(self.now, dry, &self.memory).unwrap();
        let admission = self.apply_block(&block).admissions.remove(0);
        assert_eq!(dry, Some(admission.clone()).filter(|one| !matches!(one, Admission::New(_))));
        admission
    }

    pub fn apply_block(&mut self, block: &[(LogName, Vec<u8>)]) -> Applied {
        let candidates = self.machine.read(block);
        let applied = self.machine.apply(self.now, candidates, &self.memory).unwrap();
        for new in &applied.admitted {
            let bytes = new.statement.verified().statement().as_bytes().to_vec();
            self.memory.0.insert(new.place, bytes);
        }
        applied
    }

    pub fn admit(&mut self, log: LogName, statement: &Statement) -> Place {
        match self.apply(log, statement) {
            Admission::New(place) => place,
            other => panic!("not admitted: {other:?}"),
        }
    }

    /// The name of the problem for which a statement is refused.
    pub fn refusal(&mut self, log: LogName, statement: &Statement) -> &'static str {
        match self.apply(log, statement) {
            Admission::Refused(reason) => reason.problem().as_str(),
            other => panic!("not refused: {other:?}"),
        }
    }

    /// What `name` states on `subject` after the latest there.
    pub fn state(
        &self,
        name: &str,
        log: LogName,
        kind: &'static str,
        subject: &str,
        fields: Fields,
    ) -> Statement {
        self.state_linked(name, log, kind, subject, fields, &[])
    }

    pub fn state_linked(
        &self,
        name: &str,
        log: LogName,
        kind: &'static str,
        subject: &str,
        fields: Fields,
        links: &[Hash],
    ) -> Statement {
        let prev = self.latest(log, subject);
        let (subject, links, at) = (subject.to_owned(), links.to_vec(), self.now);
        self.members[name].sign(&Spec { kind, subject, fields, prev, links, at, cti: random() })
    }

    /// The registrar's revocation of the certificate of `name`, from these indices on.
    pub fn revocation(&self, name: &str, from: &[(LogName, u64)]) -> Statement {
        let certificate = &self.members[name].certificate;
        let mut fields = Fields::new().with("certificate", certificate.fingerprint());
        for (log, index) in from {
            fields.insert(&format!("from-{log}"), (*index).into());
        }
        self.state(REGISTRAR, LogName::TRUST, "revoke", certificate.identity().as_str(), fields)
    }

    /// `receiver` receives, or refuses, what `giver` offered after `prev`.
    pub fn receive(&self, giver: &str, receiver: &str, subject: &str, prev: Hash) -> Statement {
        let draft = |kind: &str, fields| Draft {
            kind: Kind::new(kind).unwrap(),
            subject: Subject::new(subject).unwrap(),
            fields,
            prev: Some(prev),
            links: Vec::new(),
            sealed: None,
        };
        let (from, to) = (&self.members[giver], &self.members[receiver]);
        let terms = Fields::new().with("expires", self.now.0 + 60_000);
        let offer =
            draft("custody.offer", terms).sign(&from.certificate, &from.key, self.now, random()).unwrap();
        let handover = draft("medicine.handover", Fields::new().with("condition", "intact"));
        handover.countersign(&offer, &to.certificate, &to.key, self.now, random()).unwrap()
    }

    pub fn latest(&self, log: LogName, subject: &str) -> Option<Hash> {
        let key = IndexKey::of(&Subject::new(subject).unwrap());
        self.machine.state().latest(log, &key).unwrap().map(|entry| entry.latest)
    }

    pub fn remembered(&mut self, log: LogName, subject: &str) -> Folded<State> {
        self.machine.remembered(log, &Subject::new(subject).unwrap(), &self.memory).unwrap()
    }

    /// The texts of all checkpoints.
    pub fn roots(&self) -> Vec<String> {
        let text = |log| self.machine.checkpoint(log).unwrap().unwrap().to_string();
        self.machine.ledger().log_names().map(text).collect()
    }
}
