//! Who signs what is admitted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign_ledger::certificate::request;
use countersign_ledger::{Certificate, Draft, Fields, Hash, Kind, SoftwareKey, Statement, Subject};
use countersign_node::{Node, system_clock};

/// A manufacturer, and how many statements it has signed.
pub struct Member {
    key: SoftwareKey,
    certificate: Certificate,
    next: AtomicU64,
}

impl Member {
    pub fn enrol(node: &Node, role: &str) -> Self {
        let key = SoftwareKey::from_bytes(&[3; 32]).unwrap();
        let code = node.registrar().new_code(role, "dm", Duration::from_hours(1)).unwrap();
        let certificate = node.enrol(&code, &request(&key).unwrap()).unwrap();
        Self { key, certificate, next: AtomicU64::new(0) }
    }

    pub fn signed(&self) -> u64 {
        self.next.load(Ordering::Relaxed)
    }

    /// Fresh statements, signed by two threads.
    pub fn statements(&self, count: u64) -> Vec<Vec<u8>> {
        std::thread::scope(|scope| {
            let halves = [count / 2, count - count / 2];
            let threads =
                halves.map(|n| scope.spawn(move || (0..n).map(|_| self.statement()).collect::<Vec<_>>()));
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        })
    }

    /// The first statement on a lot that nobody has spoken of.
    fn statement(&self) -> Vec<u8> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let fields =
            Fields::new().with("to", "spiffe://meds.example/supplier/ms").with("materials", "starch, 10 kg");
        let subject = format!("https://id.gs1.org/01/09506000134352/10/L{number}");
        self.sign("medicine.material-request", subject, fields, None, number).as_bytes().to_vec()
    }

    fn sign(
        &self,
        kind: &str,
        subject: String,
        fields: Fields,
        prev: Option<Hash>,
        number: u64,
    ) -> Statement {
        let mut cti = [0; 16];
        cti[..8].copy_from_slice(&number.to_be_bytes());
        let (kind, subject) = (Kind::new(kind).unwrap(), Subject::new(subject).unwrap());
        let draft = Draft { kind, subject, fields, prev, links: Vec::new(), sealed: None };
        draft.sign(&self.certificate, &self.key, system_clock()(), cti).unwrap()
    }

    /// An authority's certificates for products: any number of them may follow each other on one.
    pub fn certificates(&self) -> Certificates<'_> {
        Certificates { member: self, latest: None }
    }
}

/// A history, and statements of the same kind that stand by themselves.
pub struct Certificates<'a> {
    member: &'a Member,
    latest: Option<Hash>,
}

impl Certificates<'_> {
    pub fn on_one_subject(&mut self, count: u64) -> Vec<Vec<u8>> {
        let next = |_| {
            let statement = self.sign(0, self.latest);
            self.latest = Some(statement.id());
            statement.as_bytes().to_vec()
        };
        (0..count).map(next).collect()
    }

    pub fn on_subjects_of_their_own(&self, count: u64) -> Vec<Vec<u8>> {
        (0..count).map(|_| self.sign(1 + self.member.signed(), None).as_bytes().to_vec()).collect()
    }

    fn sign(&self, class: u64, prev: Option<Hash>) -> Statement {
        let number = self.member.next.fetch_add(1, Ordering::Relaxed);
        let fields = Fields::new().with("class", "C-1").with("product", "Example 5 mg");
        let fields = fields.with("holder", "spiffe://meds.example/manufacturer/dm");
        let fields = fields.with("nbf", 1_700_000_000_000).with("exp", 2_000_000_000_000);
        let subject = format!("https://id.gs1.org/01/{class:014}");
        self.member.sign("medicine.certificate", subject, fields, prev, number)
    }
}
