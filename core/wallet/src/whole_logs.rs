//! The logs that are held whole, replayed: whom to trust, and which warnings stand.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use countersign_ledger::{
    Certificate, Checkpoint, ENROL, Entry, Hash, HistoryEntry, Index, IndexKey, LogName, REVOKE, Refusal,
    Statement, Subject, Tree, TrustStore, Verified, leaf_hash,
};

/// How many verified statements a process remembers.
const MAX_KNOWN: usize = 1 << 14;

/// Why a log that is held whole is not the one that its checkpoint commits to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WholeLogError {
    /// A statement in it is refused.
    #[error("entry {index} is refused: {reason}")]
    Refused {
        /// Its index.
        index: u64,
        /// Why.
        reason: Refusal,
    },
    /// Its statements do not lead to the checkpoint's root: one was exchanged, left out or added.
    #[error("the statements do not lead to the checkpoint's root")]
    Root,
    /// Its statements do not lead to the checkpoint's subject index.
    #[error("the statements do not lead to the checkpoint's subject index")]
    IndexRoot,
}

/// What follows from the logs that are held whole, each up to some entry.
#[derive(Clone)]
pub(crate) struct WholeLogs {
    trust: TrustStore,
    logs: BTreeMap<LogName, WholeLog>,
}

#[derive(Clone, Default)]
struct WholeLog {
    tree: Tree,
    index: Index,
    /// Its entries, from the first on.
    entries: Vec<Arc<Verified>>,
    /// Positions in `entries`, by subject.
    by_subject: BTreeMap<Subject, Vec<u64>>,
}

impl WholeLogs {
    /// What follows from the genesis alone.
    pub(crate) fn new(trust: TrustStore) -> Self {
        Self { trust, logs: BTreeMap::new() }
    }

    /// Number of a log's entries.
    pub(crate) fn size(&self, log: LogName) -> u64 {
        self.logs.get(&log).map_or(0, |log| log.tree.size())
    }

    /// Whom to trust.
    pub(crate) const fn trust(&self) -> &TrustStore {
        &self.trust
    }

    /// Whom to trust, for certificates that lead to a pinned root.
    pub(crate) const fn trust_mut(&mut self) -> &mut TrustStore {
        &mut self.trust
    }

    /// Begins a log anew; what it said of others is forgotten with it, so this comes before any of them.
    pub(crate) fn restart(&mut self, log: LogName, trust: TrustStore) {
        self.logs.remove(&log);
        if log == LogName::TRUST {
            self.trust = trust;
        }
    }

    /// Adds a log's next entry; a refusal changes nothing.
    pub(crate) fn append(&mut self, log: LogName, bytes: &[u8]) -> Result<(), WholeLogError> {
        let index = self.size(log);
        let refused = |reason| WholeLogError::Refused { index, reason };
        let verified = self.verify(bytes).map_err(refused)?;
        let statement = verified.statement();
        if log == LogName::TRUST
            && matches!(statement.kind().as_str(), ENROL | REVOKE)
            && let Entry::Standing(placed) = self.trust.place(Verified::clone(&verified), log, index)
        {
            self.trust.apply(&placed).map_err(refused)?;
        }
        let (subject, id) = (statement.subject().clone(), statement.id());
        let log = self.logs.entry(log).or_default();
        log.tree.push(leaf_hash(id.as_bytes()));
        log.index.record(IndexKey::of(&subject), id);
        log.by_subject.entry(subject).or_default().push(index);
        log.entries.push(verified);
        Ok(())
    }

    /// Verifies a statement, unless this process has verified it before under certificates that are trusted here.
    fn verify(&self, bytes: &[u8]) -> Result<Arc<Verified>, Refusal> {
        if let Some(verified) = known(Hash::of(bytes), |verified| self.trusts_signers(verified)) {
            return Ok(verified);
        }
        let verified = Arc::new(self.trust.verify(Statement::parse(bytes)?)?);
        remember(Hash::of(bytes), &verified);
        Ok(verified)
    }

    fn trusts_signers(&self, verified: &Verified) -> bool {
        let mut signed = std::iter::successors(Some(verified), |one| one.countersigned());
        signed.all(|one| self.trust.certificate(one.signer().fingerprint()).is_some())
    }

    /// Checks that a log's entries are those of `checkpoint`, all of them and in this order.
    pub(crate) fn check(&self, log: LogName, checkpoint: &Checkpoint) -> Result<(), WholeLogError> {
        let empty = WholeLog::default();
        let log = self.logs.get(&log).unwrap_or(&empty);
        if log.tree.size() != checkpoint.size() || log.tree.root() != checkpoint.root() {
            return Err(WholeLogError::Root);
        }
        if log.index.root() == checkpoint.index_root() { Ok(()) } else { Err(WholeLogError::IndexRoot) }
    }

    /// What the trust log holds on a product class, its lots and its packs, in the order of the log. What a signer said after
    /// the place from which it was later revoked is void.
    pub(crate) fn about(&self, class: &Subject) -> Vec<Entry> {
        let mut found: Vec<u64> = self.places_about(class).copied().collect();
        found.sort_unstable();
        found.into_iter().filter_map(|index| self.entry(LogName::TRUST, index)).collect()
    }

    /// Whether it holds anything on a product class, its lots and its packs.
    pub(crate) fn has_about(&self, class: &Subject) -> bool {
        self.places_about(class).next().is_some()
    }

    fn places_about<'a>(&'a self, class: &'a Subject) -> impl Iterator<Item = &'a u64> {
        let below = format!("{class}/");
        let log = self.logs.get(&LogName::TRUST).into_iter();
        let from = log.flat_map(move |log| log.by_subject.range(class.clone()..));
        from.take_while(|(subject, _)| subject.as_str().starts_with(class.as_str()))
            .filter(move |(subject, _)| *subject == class || subject.as_str().starts_with(&below))
            .flat_map(|(_, positions)| positions)
    }

    /// All entries of a log, in its order.
    pub(crate) fn all(&self, log: LogName) -> impl Iterator<Item = Entry> {
        (0..self.size(log)).filter_map(move |index| self.entry(log, index))
    }

    /// The tree over a log's entries.
    pub(crate) fn tree(&self, log: LogName) -> Tree {
        self.logs.get(&log).map(|log| log.tree.clone()).unwrap_or_default()
    }

    /// All entries of a log on one subject.
    pub(crate) fn entries(&self, log: LogName, subject: &Subject) -> Vec<Entry> {
        self.positions(log, subject).filter_map(|index| self.entry(log, index)).collect()
    }

    /// The members of a family in a log.
    pub(crate) fn members<'a>(&'a self, log: LogName, family: &'a str) -> impl Iterator<Item = &'a Subject> {
        let subjects = self.logs.get(&log).into_iter().flat_map(|log| log.by_subject.keys());
        subjects.filter(move |subject| subject.family() == family)
    }

    /// All entries of a log on one subject, with their inclusion paths.
    pub(crate) fn history(&self, log: LogName, subject: &Subject) -> Vec<HistoryEntry> {
        let entries = self.positions(log, subject).filter_map(|index| {
            let path = self.logs.get(&log)?.tree.inclusion(index, self.size(log))?;
            Some(HistoryEntry {
                index,
                statement: self.at(log, index)?.statement().as_bytes().to_vec(),
                path,
            })
        });
        entries.collect()
    }

    /// A log's subject index.
    pub(crate) fn index(&self, log: LogName) -> Index {
        self.logs.get(&log).map(|log| log.index.clone()).unwrap_or_default()
    }

    /// Who signed the entries of a log on a subject.
    pub(crate) fn signers(&self, log: LogName, subject: &Subject) -> Vec<&Certificate> {
        self.positions(log, subject).filter_map(|index| Some(self.at(log, index)?.signer())).collect()
    }

    fn positions(&self, log: LogName, subject: &Subject) -> impl Iterator<Item = u64> {
        self.logs.get(&log).and_then(|log| log.by_subject.get(subject)).into_iter().flatten().copied()
    }

    fn at(&self, log: LogName, index: u64) -> Option<&Arc<Verified>> {
        self.logs.get(&log)?.entries.get(usize::try_from(index).ok()?)
    }

    fn entry(&self, log: LogName, index: u64) -> Option<Entry> {
        Some(self.trust.place(Verified::clone(self.at(log, index)?), log, index))
    }
}

/// Statements that this process has verified, by the digest of their bytes. An app opens its snapshot for every call; without
/// this each would verify all signatures of these logs again. A statement names its signer by the digest of the certificate,
/// so whoever trusts that certificate as well finds the signature good.
static KNOWN: Mutex<Option<HashMap<Hash, Arc<Verified>>>> = Mutex::new(None);

fn known(bytes: Hash, trusted: impl FnOnce(&Verified) -> bool) -> Option<Arc<Verified>> {
    let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.get(&bytes).cloned();
    known.filter(|verified| trusted(verified))
}

fn remember(bytes: Hash, verified: &Arc<Verified>) {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    if known.len() < MAX_KNOWN {
        known.insert(bytes, Arc::clone(verified));
    }
}

/// The fingerprints of the certificates that are to verify a statement and what it countersigns; none if the bytes are no
/// statement.
pub(crate) fn signers(bytes: &[u8]) -> Vec<Hash> {
    Statement::parse(bytes).map(|statement| statement.certificates().collect()).unwrap_or_default()
}
