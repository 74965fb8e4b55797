//! A complete history verifies; each manipulation by a dishonest server has its own error.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails should stop")]

use countersign_ledger::certificate::{self, Period};
use countersign_ledger::receipt::{self, Inclusion, Receipt, ReceiptError, ReceiptKey};
use countersign_ledger::{
    Certificate, Checkpoint, Cosigner, Draft, Entry, Fields, Hash, HistoryEntry, HistoryError, Identity,
    Index, IndexError, IndexKey, Kind, Known, LogName, LogProof, LogProofError, Note, NoteSigner, Policy,
    ProofError, REGISTRAR, REVOKE, Refusal, Signer as _, SoftwareKey, Statement, Subject, SubjectHistory,
    Tree, TrustStore, TrustedCheckpoint, UnixMillis, leaf_hash,
};

const DOMAIN: &str = "meds.example";
const ORIGIN: &str = "ledger.example/supply";
const NOW: UnixMillis = UnixMillis(1_795_000_000_000);
const YEAR: Period = Period { from: UnixMillis(1_790_000_000_000), until: UnixMillis(1_821_536_000_000) };

fn key(seed: u8) -> SoftwareKey {
    SoftwareKey::from_bytes(&[seed; 32]).unwrap()
}

fn member(role: &str, seed: u8) -> Certificate {
    let identity = Identity::new(DOMAIN, role, &format!("m{seed}")).unwrap();
    certificate::issue(&identity, &key(seed).public_key(), &key(1), YEAR, [seed; 16]).unwrap()
}

fn subject(text: &str) -> Subject {
    Subject::new(format!("https://id.gs1.org/01/09506000134352/10/{text}")).unwrap()
}

/// A log as a server keeps one, honest or not.
#[derive(Default)]
struct Log {
    statements: Vec<Statement>,
    tree: Tree,
    index: Index,
}

impl Log {
    fn append(&mut self, statement: Statement) -> Hash {
        let id = statement.id();
        self.tree.push(leaf_hash(id.as_bytes()));
        self.index.record(index_key(statement.subject()), id);
        self.statements.push(statement);
        id
    }

    /// Signs `count` statements about `subject`, each following the one before.
    fn play(&mut self, subject: &Subject, count: u8) -> Vec<Hash> {
        let mut ids: Vec<Hash> = Vec::new();
        for n in 0..count {
            let (kind, fields) = (Kind::new("test.step").unwrap(), Fields::new().with("n", u64::from(n)));
            let prev = ids.last().copied();
            let draft =
                Draft { kind, subject: subject.clone(), fields, prev, links: Vec::new(), sealed: None };
            let cti = Hash::framed("test", &[subject.as_str().as_bytes(), &[n]]).0[..16].try_into().unwrap();
            ids.push(self.append(draft.sign(&member("maker", 2), &key(2), NOW, cti).unwrap()));
        }
        ids
    }

    fn checkpoint(&self) -> TrustedCheckpoint {
        let checkpoint = Checkpoint::new(ORIGIN, self.tree.size(), self.tree.root(), self.index.root())
            .unwrap()
            .to_string();
        let mut note = Note::new(checkpoint.clone()).unwrap();
        note.add(log_key().sign(&checkpoint)).unwrap();
        note.add(witness().cosign(&checkpoint, NOW)).unwrap();
        policy().trust(&note.to_string()).unwrap()
    }

    fn history(&self, subject: &Subject) -> SubjectHistory {
        let of_subject = |(_, statement): &(usize, &Statement)| statement.subject() == subject;
        let entries =
            self.statements.iter().enumerate().filter(of_subject).map(|(index, statement)| HistoryEntry {
                index: index as u64,
                statement: statement.as_bytes().to_vec(),
                path: self.tree.inclusion(index as u64, self.tree.size()).unwrap(),
            });
        SubjectHistory {
            index_proof: self.index.prove(&index_key(subject)),
            entries: entries.collect(),
            certificates: vec![member("maker", 2).as_der().to_vec()],
        }
    }
}

fn index_key(subject: &Subject) -> IndexKey {
    IndexKey::new(subject.family(), subject.as_str())
}

fn log_key() -> NoteSigner {
    NoteSigner::p256(ORIGIN, &[11; 32]).unwrap()
}

fn witness() -> Cosigner {
    Cosigner::new("witness.example/a", &[12; 32]).unwrap()
}

fn policy() -> Policy {
    let (log, witness) = (log_key(), witness());
    format!("log {}\nwitness a {}\nquorum a\n", log.verifier_key(), witness.verifier_key()).parse().unwrap()
}

fn trust() -> TrustStore {
    let mut trust = TrustStore::new();
    trust.pin(DOMAIN, &certificate::root(DOMAIN, &key(1), YEAR, [1; 16]).unwrap());
    trust
}

/// A log of two subjects, interleaved with others.
fn log() -> Log {
    let mut log = Log::default();
    log.play(&subject("A"), 3);
    log.play(&subject("B"), 5);
    log.play(&subject("C"), 1);
    log
}

fn verify(history: &SubjectHistory, log: &Log) -> Result<usize, HistoryError> {
    history
        .verify(&subject("B"), Known::default(), &log.checkpoint(), &mut trust())
        .map(|placed| placed.len())
}

#[test]
fn a_complete_history_verifies_in_one_piece_or_in_two() {
    let log = log();
    let history = log.history(&subject("B"));
    let history = SubjectHistory::from_cbor(&history.to_cbor()).unwrap();
    assert_eq!(verify(&history, &log), Ok(5));
    let second = &log.statements[4];
    let known = Known { count: 2, latest: Some(second.id()) };
    let rest = SubjectHistory { entries: history.entries[2..].to_vec(), ..history };
    let placed = rest.verify(&subject("B"), known, &log.checkpoint(), &mut trust()).unwrap();
    assert_eq!(placed.iter().map(Entry::index).collect::<Vec<_>>(), [5, 6, 7]);
    assert_eq!(verify(&rest, &log), Err(HistoryError::Chain));
}

#[test]
fn a_subject_without_statements_is_proven_to_have_none() {
    let log = log();
    let history = log.history(&subject("D"));
    assert_eq!(
        history.verify(&subject("D"), Known::default(), &log.checkpoint(), &mut trust()).unwrap().len(),
        0
    );
    let denied = SubjectHistory { entries: Vec::new(), ..log.history(&subject("B")) };
    assert_eq!(verify(&denied, &log), Err(HistoryError::Incomplete));
}

#[test]
fn a_withheld_latest_statement_is_detected() {
    let log = log();
    let mut history = log.history(&subject("B"));
    history.entries.pop();
    assert_eq!(verify(&history, &log), Err(HistoryError::Incomplete));
    // The index of an earlier state, at which the history ended, is not the checkpoint's.
    let mut earlier = Log::default();
    earlier.play(&subject("A"), 3);
    earlier.play(&subject("B"), 4);
    history.index_proof = earlier.index.prove(&index_key(&subject("B")));
    assert_eq!(verify(&history, &log), Err(HistoryError::Index(IndexError::RootMismatch)));
}

#[test]
fn a_statement_left_out_or_added_is_detected() {
    let log = log();
    let mut history = log.history(&subject("B"));
    history.entries.remove(2);
    assert_eq!(verify(&history, &log), Err(HistoryError::Chain));
    let mut history = log.history(&subject("B"));
    history.entries.insert(1, log.history(&subject("A")).entries.remove(0));
    assert_eq!(verify(&history, &log), Err(HistoryError::Order));
    history.entries.swap(0, 1);
    assert_eq!(verify(&history, &log), Err(HistoryError::OtherSubject));
}

#[test]
fn a_reordered_history_is_refused() {
    let log = log();
    let mut history = log.history(&subject("B"));
    history.entries.swap(1, 2);
    assert_eq!(verify(&history, &log), Err(HistoryError::Chain));
    let index = history.entries[1].index;
    history.entries[2].index = index;
    history.entries.swap(1, 2);
    assert_eq!(verify(&history, &log), Err(HistoryError::NotIncluded(ProofError::RootMismatch)));
}

#[test]
fn another_place_or_another_log_is_refused() {
    let log = log();
    let mut history = log.history(&subject("B"));
    history.entries[0].index = 2;
    assert_eq!(verify(&history, &log), Err(HistoryError::NotIncluded(ProofError::RootMismatch)));
    history.entries[0].index = 99;
    assert_eq!(verify(&history, &log), Err(HistoryError::NotIncluded(ProofError::IndexOutOfRange)));
    let mut other = Log::default();
    other.play(&subject("B"), 5);
    other.play(&subject("A"), 4);
    let mixed = SubjectHistory {
        index_proof: log.history(&subject("B")).index_proof,
        ..other.history(&subject("B"))
    };
    assert!(matches!(verify(&mixed, &log), Err(HistoryError::NotIncluded(_))));
}

#[test]
fn signers_that_lead_to_no_pinned_root_are_refused_and_those_revoked_leave_void_entries() {
    let log = log();
    let mut history = log.history(&subject("B"));
    history.certificates.clear();
    assert_eq!(verify(&history, &log), Err(HistoryError::Refused(Refusal::UnknownSigner)));
    let identity = Identity::new(DOMAIN, "maker", "m2").unwrap();
    let forged = certificate::issue(&identity, &key(2).public_key(), &key(9), YEAR, [2; 16]).unwrap();
    history.certificates.push(forged.as_der().to_vec());
    assert!(matches!(verify(&history, &log), Err(HistoryError::Certificate(_))));

    let (registrar, maker) = (member(REGISTRAR, 5), member("maker", 2));
    let fields = Fields::new().with("certificate", maker.fingerprint()).with("from-supply", 5);
    let revoked = Subject::new(maker.identity().as_str()).unwrap();
    let kind = Kind::new(REVOKE).unwrap();
    let draft = Draft { kind, subject: revoked, fields, prev: None, links: Vec::new(), sealed: None };
    let mut trust = trust();
    trust.appoint(registrar.as_der(), []).unwrap();
    let revocation = trust.verify(draft.sign(&registrar, &key(5), NOW, [1; 16]).unwrap()).unwrap();
    trust.apply(&trust.place(revocation, LogName::TRUST, 0).into_standing().unwrap()).unwrap();
    let mut verify = |name: &str| {
        let history = log.history(&subject(name));
        let entries =
            history.verify(&subject(name), Known::default(), &log.checkpoint(), &mut trust).unwrap();
        entries.iter().map(|entry| (entry.index(), entry.standing().is_some())).collect::<Vec<_>>()
    };
    assert_eq!(verify("A"), [(0, true), (1, true), (2, true)]);
    // The history is complete with them, and each still names the one before it.
    assert_eq!(verify("B"), [(3, true), (4, true), (5, false), (6, false), (7, false)]);
}

#[test]
fn no_altered_byte_of_the_message_changes_what_is_verified() {
    let log = log();
    let bytes = log.history(&subject("B")).to_cbor();
    let honest: Vec<_> = log.statements[3..8].iter().map(Statement::id).collect();
    for position in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[position] ^= 1 << (position % 8);
        let Ok(history) = SubjectHistory::from_cbor(&altered) else { continue };
        let verified = history.verify(&subject("B"), Known::default(), &log.checkpoint(), &mut trust());
        if let Ok(verified) = verified {
            assert_eq!(verified.iter().map(Entry::id).collect::<Vec<_>>(), honest, "byte {position}");
        }
    }
}

#[test]
fn a_receipt_gives_the_place_only_with_the_checkpoint_of_its_size_and_root() {
    let log = log();
    let (id, subject) = (log.statements[3].id(), subject("B"));
    let inclusion = Inclusion { size: 9, index: 3, path: log.tree.inclusion(3, 9).unwrap() };
    let bytes = receipt::issue(ORIGIN, &subject, id, &inclusion, NOW, &key(21)).unwrap();
    let receipt = Receipt::parse(&bytes).unwrap();
    assert_eq!(receipt.subject(), Some(subject));
    let log_key = ReceiptKey::Es256(key(21).public_key());
    assert_eq!(receipt.verify(id, &log_key), Ok(log.tree.root()));
    assert_eq!(receipt.place(id, &log_key, &log.checkpoint()), Ok(3));
    assert_eq!(receipt.verify(log.statements[4].id(), &log_key), Err(ReceiptError::Signature));
    let stranger = ReceiptKey::Es256(key(22).public_key());
    assert_eq!(receipt.verify(id, &stranger), Err(ReceiptError::Signature));
    assert_eq!(receipt.verify(id, &ReceiptKey::EdDsa([0; 32])), Err(ReceiptError::Algorithm));

    // Size 10 gives entry 3 a path of the same shape: the signature holds, the place does not.
    let resized = {
        let at = bytes.windows(3).position(|window| window == [0x83, 9, 3]).unwrap();
        [&bytes[..=at], &[10], &bytes[at + 2..]].concat()
    };
    let resized = Receipt::parse(&resized).unwrap();
    assert_eq!(resized.claimed().size, 10);
    assert_eq!(resized.verify(id, &log_key), Ok(log.tree.root()));
    assert_eq!(resized.place(id, &log_key, &log.checkpoint()), Err(ReceiptError::OtherCheckpoint));

    let mut longer = log;
    longer.play(&self::subject("E"), 1);
    assert_eq!(receipt.place(id, &log_key, &longer.checkpoint()), Err(ReceiptError::OtherCheckpoint));
}

#[test]
fn a_tlog_proof_shows_one_entry_of_a_cosigned_checkpoint() {
    let mut log = Log::default();
    let ids = log.play(&subject("L1"), 5);
    let checkpoint = log.checkpoint();
    let path = log.tree.inclusion(3, 5).unwrap();
    let text =
        LogProof { extra: None, index: 3, path, checkpoint: checkpoint.note().to_string() }.to_string();
    let proof: LogProof = text.parse().unwrap();
    assert_eq!(proof.verify(ids[3], &policy()), Ok(checkpoint));

    assert_eq!(proof.verify(ids[2], &policy()), Err(LogProofError::Path(ProofError::RootMismatch)));
    let elsewhere = LogProof { index: 2, ..proof.clone() };
    assert_eq!(elsewhere.verify(ids[3], &policy()), Err(LogProofError::Path(ProofError::RootMismatch)));
    let cosignature = proof.checkpoint.lines().last().unwrap();
    let alone = LogProof { checkpoint: proof.checkpoint.replace(&format!("{cosignature}\n"), ""), ..proof };
    assert!(matches!(alone.verify(ids[3], &policy()), Err(LogProofError::Checkpoint(_))));
}
