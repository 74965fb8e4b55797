//! Which of the statements that others link are still to be found.
//!
//! A lot's statements may build on an order, whose history is about another subject: a URN of the buyer's. Without it the
//! rules cannot be asked, and leaving it out would make a sound history look broken. So whoever follows a product fetches,
//! loads, exports and demands it as well.

use std::collections::{BTreeSet, HashSet};

use countersign_ledger::{Entry, Hash};

/// Statements that were met, and those that they link and that were not.
#[derive(Clone, Debug, Default)]
pub(crate) struct MissingLinks {
    met: HashSet<Hash>,
    missing: BTreeSet<Hash>,
}

impl MissingLinks {
    /// Meets a statement that is in the log, void or not, and what it links.
    pub(crate) fn meet(&mut self, statement: Hash, links: &[Hash]) {
        self.met.insert(statement);
        self.missing.remove(&statement);
        self.missing.extend(links.iter().filter(|linked| !self.met.contains(*linked)));
    }

    /// Meets a history.
    pub(crate) fn meet_all(&mut self, history: &[Entry]) {
        for entry in history {
            self.meet(entry.id(), entry.verified().links());
        }
    }

    /// Whether a statement was met.
    pub(crate) fn has_met(&self, statement: Hash) -> bool {
        self.met.contains(&statement)
    }

    /// A statement that is linked and was not met.
    pub(crate) fn missing(&self) -> Option<Hash> {
        self.missing.first().copied()
    }
}
