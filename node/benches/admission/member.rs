//! Who signs what is admitted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign_ledger::certificate::request;
use countersign_ledger::{Certificate, Draft, Fields, Kind, SoftwareKey, Subject};
use countersign_node::{Node, system_clock};

/// A manufacturer, and how many statements it has signed.
pub struct Member {
    key: SoftwareKey,
    certificate: Certificate,
    next: AtomicU64,
}

impl Member {
    pub fn enrol(node: &Node) -> Self {
        let key = SoftwareKey::from_bytes(&[3; 32]).unwrap();
        let code = node.registrar().new_code("manufacturer", "dm", Duration::from_hours(1)).unwrap();
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
        let mut cti = [0; 16];
        cti[..8].copy_from_slice(&number.to_be_bytes());
        let draft = Draft {
            kind: Kind::new("medicine.material-request").unwrap(),
            subject: Subject::new(format!("https://id.gs1.org/01/09506000134352/10/L{number}")).unwrap(),
            fields: Fields::new()
                .with("to", "spiffe://meds.example/supplier/ms")
                .with("materials", "starch, 10 kg"),
            prev: None,
            links: Vec::new(),
            sealed: None,
        };
        let signed = draft.sign(&self.certificate, &self.key, system_clock()(), cti);
        signed.unwrap().as_bytes().to_vec()
    }
}
