//! A log as a server keeps one, honest or not, and what its checkpoints are signed with.

use countersign_ledger::{
    Checkpoint, Cosigner, Hash, HistoryEntry, Index, IndexKey, Note, NoteSigner, Statement, Subject,
    SubjectHistory, Tree, UnixMillis, leaf_hash,
};

pub const ORIGIN: &str = "ledger.example/supply";

/// The log's keys. Their secrets are SHA-256 of its name, and of its name and "ed25519".
pub fn log_keys(origin: &str) -> [NoteSigner; 2] {
    let (one, other) = (Hash::of(origin.as_bytes()), Hash::of(format!("{origin} ed25519").as_bytes()));
    [NoteSigner::p256(origin, &one.0).unwrap(), NoteSigner::ed25519(origin, &other.0).unwrap()]
}

/// Three witnesses, whose secrets are 32 times 21, 22 and 23.
pub fn witnesses() -> [Cosigner; 3] {
    [21, 22, 23].map(|seed| Cosigner::new(&format!("witness-{seed}.example"), &[seed; 32]).unwrap())
}

/// The logs `origins` with their keys, of which all must sign, and the witnesses, of which two must.
pub fn policy(origins: &[&str]) -> String {
    let keys = origins.iter().flat_map(|origin| log_keys(origin));
    let logs: String = keys.map(|key| format!("log {}\n", key.verifier_key())).collect();
    let witness = |(n, key): (usize, &Cosigner)| format!("witness w{n} {}\n", key.verifier_key());
    let witnesses: String = witnesses().iter().enumerate().map(witness).collect();
    format!("{logs}{witnesses}group witnesses 2 w0 w1 w2\nquorum witnesses\n")
}

/// The text, signed by both of the log's keys and cosigned by the first two witnesses.
pub fn cosigned(origin: &str, text: &str, at: UnixMillis) -> Note {
    let mut note = Note::new(text.to_owned()).unwrap();
    for key in log_keys(origin) {
        note.add(key.sign(text)).unwrap();
    }
    for witness in &witnesses()[..2] {
        note.add(witness.cosign(text, at)).unwrap();
    }
    note
}

#[derive(Clone, Default)]
pub struct Log {
    pub statements: Vec<Statement>,
    pub tree: Tree,
    pub index: Index,
}

impl Log {
    pub fn append(&mut self, statement: Statement) -> Hash {
        let id = statement.id();
        self.tree.push(leaf_hash(id.as_bytes()));
        self.index.record(IndexKey::of(statement.subject()), id);
        self.statements.push(statement);
        id
    }

    /// The id of the latest statement on a subject.
    pub fn latest(&self, subject: &Subject) -> Option<Hash> {
        self.index.get(&IndexKey::of(subject)).map(|entry| entry.latest)
    }

    /// The checkpoint of all that is in it, under the log's name `origin`.
    pub fn checkpoint(&self, origin: &str) -> Checkpoint {
        Checkpoint::new(origin, self.tree.size(), self.tree.root(), self.index.root()).unwrap()
    }

    /// The whole history of a subject.
    pub fn history(&self, subject: &Subject, certificates: Vec<Vec<u8>>) -> SubjectHistory {
        let all = self.statements.iter().zip(0..).filter(|(one, _)| one.subject() == subject);
        let entry = |(one, index): (&Statement, u64)| HistoryEntry {
            index,
            statement: one.as_bytes().to_vec(),
            path: self.tree.inclusion(index, self.tree.size()).unwrap(),
        };
        let index_proof = self.index.prove(&IndexKey::of(subject));
        SubjectHistory { index_proof, entries: all.map(entry).collect(), certificates }
    }
}
