//! Which of the statements that others link are still to be found.
//!
//! A lot's statements may build on an order, whose history is about another subject: a URN of the buyer's. Without it the
//! rules cannot be asked, and leaving it out would make a sound history look broken. So whoever follows a product fetches,
//! loads, exports and demands it as well.

use std::collections::BTreeSet;

use countersign_ledger::Hash;

/// Statements that were met, and those that they link.
#[derive(Clone, Debug, Default)]
pub(crate) struct Links {
    met: BTreeSet<Hash>,
    linked: BTreeSet<Hash>,
}

impl Links {
    /// Meets a statement that stands in the log, and what it links.
    pub(crate) fn meet(&mut self, statement: Hash, links: &[Hash]) {
        self.met.insert(statement);
        self.linked.extend(links);
    }

    /// Whether a statement was met.
    pub(crate) fn has_met(&self, statement: Hash) -> bool {
        self.met.contains(&statement)
    }

    /// A statement that is linked and was not met.
    pub(crate) fn missing(&self) -> Option<Hash> {
        self.linked.difference(&self.met).next().copied()
    }
}
