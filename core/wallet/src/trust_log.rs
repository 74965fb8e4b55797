//! The trust log, replayed: whom to believe, and which warnings stand.

use std::collections::BTreeMap;

use countersign_ledger::{
    Certificate, Checkpoint, Hash, HistoryEntry, Index, IndexKey, Placed, Refusal, Statement, Subject, Tree,
    TrustStore, leaf_hash,
};

/// Why the trust log is not the one that its checkpoint commits to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TrustLogError {
    /// A statement in it is not to be believed.
    #[error("entry {index} of the trust log is refused: {reason}")]
    Refused {
        /// Its index.
        index: u64,
        /// Why.
        reason: Refusal,
    },
    /// Its statements do not lead to the checkpoint's root: one was exchanged, left out or added.
    #[error("the statements of the trust log do not lead to its checkpoint's root")]
    Root,
    /// Its statements do not lead to the checkpoint's subject index.
    #[error("the statements of the trust log do not lead to its checkpoint's subject index")]
    IndexRoot,
}

/// What follows from the trust log up to some entry.
#[derive(Clone)]
pub(crate) struct TrustLogState {
    origin: String,
    trust: TrustStore,
    tree: Tree,
    index: Index,
    placed: Vec<Placed>,
    /// Positions in `placed`, by subject.
    by_subject: BTreeMap<Subject, Vec<usize>>,
}

impl TrustLogState {
    /// What follows from the genesis alone.
    pub(crate) fn new(origin: String, trust: TrustStore) -> Self {
        let (tree, index) = (Tree::new(), Index::new());
        Self { origin, trust, tree, index, placed: Vec::new(), by_subject: BTreeMap::new() }
    }

    /// Number of entries.
    pub(crate) fn size(&self) -> u64 {
        self.tree.size()
    }

    /// Whom to believe.
    pub(crate) const fn trust(&self) -> &TrustStore {
        &self.trust
    }

    /// Whom to believe, for certificates that lead to a pinned root.
    pub(crate) const fn trust_mut(&mut self) -> &mut TrustStore {
        &mut self.trust
    }

    /// Takes in the log's next entry; a refusal changes nothing.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<(), TrustLogError> {
        let index = self.size();
        let refused = |reason| TrustLogError::Refused { index, reason };
        let statement = Statement::parse(bytes).map_err(|reason| refused(reason.into()))?;
        let verified = self.trust.verify(statement).map_err(refused)?;
        let placed = self.trust.log(verified, &self.origin, index).map_err(refused)?;
        self.trust.apply(&placed).map_err(refused)?;
        let subject = placed.statement().subject();
        self.tree.push(leaf_hash(placed.id().as_bytes()));
        self.index.record(IndexKey::of(subject), placed.id());
        self.by_subject.entry(subject.clone()).or_default().push(self.placed.len());
        self.placed.push(placed);
        Ok(())
    }

    /// Checks that these entries are those of `checkpoint`, all of them and in this order.
    pub(crate) fn check(&self, checkpoint: &Checkpoint) -> Result<(), TrustLogError> {
        if self.size() != checkpoint.size() || self.tree.root() != checkpoint.root() {
            return Err(TrustLogError::Root);
        }
        if self.index.root() == checkpoint.index_root() { Ok(()) } else { Err(TrustLogError::IndexRoot) }
    }

    /// What stands on a product class, its lots and its packs, in the order of the log. What a signer said after the
    /// place from which it was later revoked counts no longer.
    pub(crate) fn about(&self, class: &Subject) -> Vec<Placed> {
        let below = format!("{class}/");
        let of_class = self.by_subject.range(class.clone()..).take_while(|(subject, _)| {
            let subject = subject.as_str();
            subject.starts_with(class.as_str())
        });
        let of_class =
            of_class.filter(|(subject, _)| *subject == class || subject.as_str().starts_with(&below));
        let mut found: Vec<usize> = of_class.flat_map(|(_, positions)| positions).copied().collect();
        found.sort_unstable();
        found.into_iter().filter_map(|at| self.still_stands(&self.placed[at])).collect()
    }

    fn still_stands(&self, placed: &Placed) -> Option<Placed> {
        self.trust.log(placed.verified().clone(), &self.origin, placed.index()).ok()
    }

    /// All entries on one subject, with their inclusion paths.
    pub(crate) fn history(&self, subject: &Subject) -> Vec<HistoryEntry> {
        let positions = self.by_subject.get(subject).into_iter().flatten();
        let entries = positions.filter_map(|&at| {
            let placed = &self.placed[at];
            let path = self.tree.inclusion(placed.index(), self.size())?;
            Some(HistoryEntry {
                index: placed.index(),
                statement: placed.statement().as_bytes().to_vec(),
                path,
            })
        });
        entries.collect()
    }

    /// The subject index.
    pub(crate) const fn index(&self) -> &Index {
        &self.index
    }

    /// Who signed the entries on a subject.
    pub(crate) fn signers(&self, subject: &Subject) -> Vec<&Certificate> {
        let positions = self.by_subject.get(subject).into_iter().flatten();
        positions.map(|&at| self.placed[at].signer()).collect()
    }
}

/// The fingerprints of the certificates that are to verify a statement and what it countersigns; none if the bytes are no
/// statement.
pub(crate) fn signers(bytes: &[u8]) -> Vec<Hash> {
    Statement::parse(bytes).map(|statement| statement.certificates().collect()).unwrap_or_default()
}
