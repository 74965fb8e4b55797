//! Recovery of a stored block: tree, index and what is remembered grow by the step that admission takes as well.

use std::sync::Arc;

use countersign_ledger::{FormatError, IndexKey, Refusal, Statement};

use super::{Admitted, Fitting, StateMachine};
use crate::ledger::Place;
use crate::parallel::in_parallel;
use crate::reason::Reason;
use crate::store::{Bodies, StoreError, StoredBlock, StoredStatement};

/// Why a stored history is not one that this machine could have written.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// Bytes that are no statement, or none of an enrolled member.
    #[error("the entry is no statement: {0}")]
    Statement(#[from] Refusal),
    /// The id beside the statement is not its digest.
    #[error("the entry's id is not the digest of its bytes")]
    Id,
    /// An index or a height is missing, twice, or out of order.
    #[error("entries or blocks are missing or out of order")]
    Gap,
    /// An entry breaks a rule that it once passed.
    #[error("the entry cannot have been admitted: {0}")]
    Reason(Reason),
    /// The digest of the block is another.
    #[error("block {0} is not what its digest says")]
    Block(u64),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl StateMachine {
    /// Applies one stored block again. Bodies are read and hashed, tree, index and states grow by the same step as in
    /// [`Self::apply`]; signatures are verified where a statement changes whom the ledger trusts, the rest stands under the
    /// signed checkpoint that the caller compares in the end.
    pub(crate) fn restore(
        &mut self,
        block: &StoredBlock,
        statements: &[StoredStatement],
        bodies: &dyn Bodies,
    ) -> Result<Vec<Admitted>, (Option<Place>, Damage)> {
        if block.height != self.last.height + 1 || block.time < self.last.time || statements.is_empty() {
            return Err((None, Damage::Gap));
        }
        self.recent.trim();
        let mut entries = Vec::with_capacity(statements.len());
        let parsed = in_parallel(statements, |stored| Statement::parse(&stored.bytes));
        for (stored, statement) in statements.iter().zip(parsed) {
            let restored = self.restore_one(stored, statement, bodies);
            entries.push(restored.map_err(|damage| (Some(stored.place), damage))?);
        }
        let closed = self.close(block.time, statements.iter().map(|stored| (stored.place, stored.id)));
        match closed {
            Ok(record) if record.digest == block.digest => Ok(entries),
            Ok(_) => Err((None, Damage::Block(block.height))),
            Err(error) => Err((None, error.into())),
        }
    }

    fn restore_one(
        &mut self,
        stored: &StoredStatement,
        statement: Result<Statement, FormatError>,
        bodies: &dyn Bodies,
    ) -> Result<Admitted, Damage> {
        let Place { log, index } = stored.place;
        let statement = statement.map_err(Refusal::from)?;
        if statement.id() != stored.id {
            return Err(Damage::Id);
        }
        self.ledger.takes(log, statement.kind()).map_err(Damage::Reason)?;
        let rules = self.ledger.families.of(statement.kind()).ok_or(Damage::Reason(Reason::UnknownKind))?;
        let rules = Arc::clone(rules);
        if index != self.state.size(log)? {
            return Err(Damage::Gap);
        }
        let entry = self.trust.recall(statement, log, index)?;
        let placed = entry.standing().ok_or(Refusal::Revoked)?;
        self.trust.check(placed)?;
        let uses_up = self.unused(&*rules, placed)?.map_err(Damage::Reason)?;
        let key = IndexKey::of(placed.statement().subject());
        let folded = self.folded(log, &key, bodies)?;
        Ok(self.append(Fitting { log, key, entry, rules, folded, uses_up, promise: None })?)
    }
}
