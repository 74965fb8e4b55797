//! The trust log, replayed: whom to believe, and which warnings stand.

use std::collections::BTreeMap;

use countersign_ledger::{
    Certificate, Checkpoint, Hash, HistoryEntry, Index, IndexKey, Logged, Refusal, Statement, Subject, Tree,
    Trust, leaf_hash,
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
pub(crate) struct Beliefs {
    origin: String,
    trust: Trust,
    tree: Tree,
    index: Index,
    logged: Vec<Logged>,
    /// Positions in `logged`, by subject.
    by_subject: BTreeMap<Subject, Vec<usize>>,
}

impl Beliefs {
    /// What follows from the genesis alone.
    pub(crate) fn new(origin: String, trust: Trust) -> Self {
        let (tree, index) = (Tree::new(), Index::new());
        Self { origin, trust, tree, index, logged: Vec::new(), by_subject: BTreeMap::new() }
    }

    /// Number of entries.
    pub(crate) fn size(&self) -> u64 {
        self.tree.size()
    }

    /// Whom to believe.
    pub(crate) const fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Whom to believe, for certificates that lead to a pinned root.
    pub(crate) const fn trust_mut(&mut self) -> &mut Trust {
        &mut self.trust
    }

    /// Takes in the log's next entry; a refusal changes nothing.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<(), TrustLogError> {
        let index = self.size();
        let refused = |reason| TrustLogError::Refused { index, reason };
        let statement = Statement::parse(bytes).map_err(|reason| refused(reason.into()))?;
        let verified = self.trust.verify(statement).map_err(refused)?;
        let logged = self.trust.log(verified, &self.origin, index).map_err(refused)?;
        self.trust.apply(&logged).map_err(refused)?;
        let subject = logged.statement().subject();
        self.tree.push(leaf_hash(logged.id().as_bytes()));
        self.index.record(IndexKey::new(subject.family(), subject.as_str()), logged.id());
        self.by_subject.entry(subject.clone()).or_default().push(self.logged.len());
        self.logged.push(logged);
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
    pub(crate) fn about(&self, class: &Subject) -> Vec<Logged> {
        let below = format!("{class}/");
        let of_class = self.by_subject.range(class.clone()..).take_while(|(subject, _)| {
            let subject = subject.as_str();
            subject.starts_with(class.as_str())
        });
        let of_class =
            of_class.filter(|(subject, _)| *subject == class || subject.as_str().starts_with(&below));
        let mut found: Vec<usize> = of_class.flat_map(|(_, positions)| positions).copied().collect();
        found.sort_unstable();
        found.into_iter().filter_map(|at| self.still_stands(&self.logged[at])).collect()
    }

    fn still_stands(&self, logged: &Logged) -> Option<Logged> {
        self.trust.log(logged.verified().clone(), &self.origin, logged.index()).ok()
    }

    /// All entries on one subject, with their inclusion paths.
    pub(crate) fn history(&self, subject: &Subject) -> Vec<HistoryEntry> {
        let positions = self.by_subject.get(subject).into_iter().flatten();
        let entries = positions.filter_map(|&at| {
            let logged = &self.logged[at];
            let path = self.tree.inclusion(logged.index(), self.size())?;
            Some(HistoryEntry {
                index: logged.index(),
                statement: logged.statement().as_bytes().to_vec(),
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
        positions.map(|&at| self.logged[at].signer()).collect()
    }
}

/// The fingerprints of the certificates that are to verify a statement and what it countersigns; none if the bytes are no
/// statement.
pub(crate) fn signers(bytes: &[u8]) -> Vec<Hash> {
    Statement::parse(bytes).map(|statement| statement.certificates().collect()).unwrap_or_default()
}
