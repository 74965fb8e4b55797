//! Recovery: the whole history is read, hashed and compared, each time the node starts.
//!
//! What is checked: SQLite's own structure; that no block, entry or index is missing; that each body is a statement and
//! hashes to its id; that each statement was allowed at its place; the chain of block digests; that tree and
//! subject index lead to the stored checkpoint, which the log's own keys signed; and, by each witness, the same again.
//! What is not checked: members' signatures on statements that do not change the trust store. They were verified on
//! admission, and the checkpoint's root covers them. The rules' states of subjects are folded on the way.

use std::collections::BTreeMap;

use countersign_ledger::{
    CheckpointError, CheckpointTextError, Hash, IndexKey, LogName, Note, NoteError, Policy,
};
use rusqlite::Connection;

use crate::checkpoint_signers::{CheckpointSigners, SealError};
use crate::ledger::Place;
use crate::machine::{Damage, StateMachine};
use crate::store::{self, StoreError};

/// Blocks read at a time.
const PAGE: u32 = 256;

/// Why the node refuses to start with this database.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The database cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An entry is not what was admitted.
    #[error("entry {index} of the log `{log}` is damaged: {damage}")]
    Entry {
        /// The log.
        log: LogName,
        /// The entry's index.
        index: u64,
        /// What is wrong with it.
        damage: Damage,
    },
    /// A block is not what was committed.
    #[error("block {height} is damaged: {damage}")]
    Block {
        /// Its number.
        height: u64,
        /// What is wrong with it.
        damage: Damage,
    },
    /// Entries that no block accounts for.
    #[error("the database holds {stored} entries, its blocks account for {accounted}")]
    Entries {
        /// Rows in the table.
        stored: u64,
        /// Entries in blocks.
        accounted: u64,
    },
    /// A log with entries has no checkpoint.
    #[error("the log `{0}` has entries and no checkpoint")]
    NoCheckpoint(LogName),
    /// The stored checkpoint is not signed by the log's own keys.
    #[error("the checkpoint of the log `{log}`: {reason}")]
    Checkpoint {
        /// The log.
        log: LogName,
        /// What is wrong with it.
        reason: CheckpointError,
    },
    /// The stored checkpoint is no note.
    #[error("the checkpoint of a log is damaged: {0}")]
    Note(#[from] NoteError),
    /// The log's name cannot stand in a checkpoint.
    #[error(transparent)]
    Text(#[from] CheckpointTextError),
    /// The entries lead to another tree or subject index than the log once signed.
    #[error("the entries of the log `{0}` do not lead to its signed checkpoint")]
    OtherRoot(LogName),
    /// A witness does not reach the checkpoint.
    #[error(transparent)]
    Witness(#[from] SealError),
}

/// Brings an empty machine and the witnesses to the end of the database.
pub(crate) fn restore(
    connection: &Connection,
    machine: &mut StateMachine,
    checkpoint_signers: &mut CheckpointSigners,
    policy: &Policy,
) -> Result<(), RecoveryError> {
    store::check_structure(connection)?;
    let mut entries = replay(connection, machine)?;
    let stored = store::statement_count(connection)?;
    let accounted = entries.values().map(|entries| entries.len() as u64).sum();
    if stored != accounted {
        return Err(RecoveryError::Entries { stored, accounted });
    }
    for log in machine.ledger().log_names() {
        if let Some(note) = compare(connection, machine, policy, log)? {
            checkpoint_signers.restore(&entries.remove(&log).unwrap_or_default(), &note)?;
        }
    }
    Ok(())
}

/// The entries of each log, as witnesses see them.
type Entries = BTreeMap<LogName, Vec<(Hash, IndexKey)>>;

fn replay(connection: &Connection, machine: &mut StateMachine) -> Result<Entries, RecoveryError> {
    let (mut entries, mut after) = (Entries::new(), 0);
    loop {
        let blocks = store::blocks(connection, machine.last().height + 1, PAGE)?;
        if blocks.is_empty() {
            return Ok(entries);
        }
        for block in blocks {
            let statements = store::applied(connection, after, block.statements)?;
            if Some(statements.len() as u64) != block.statements.checked_sub(after) {
                return Err(damaged(None, block.height, Damage::Gap));
            }
            after = block.statements;
            let restored = machine.restore(&block, &statements, connection);
            for entry in restored.map_err(|(place, damage)| damaged(place, block.height, damage))? {
                entries.entry(entry.place.log).or_default().push((entry.statement.id(), entry.key));
            }
        }
    }
}

fn damaged(place: Option<Place>, height: u64, damage: Damage) -> RecoveryError {
    match place {
        Some(Place { log, index }) => RecoveryError::Entry { log, index, damage },
        None => RecoveryError::Block { height, damage },
    }
}

/// The stored checkpoint of a log, if the machine has reached it.
fn compare(
    connection: &Connection,
    machine: &StateMachine,
    policy: &Policy,
    log: LogName,
) -> Result<Option<Note>, RecoveryError> {
    let reached = machine.checkpoint(log)??;
    let Some(text) = store::checkpoint(connection, log)? else {
        return if reached.size() == 0 { Ok(None) } else { Err(RecoveryError::NoCheckpoint(log)) };
    };
    let note = Note::parse(&text)?;
    let signed = policy.log_signed(&note).map_err(|reason| RecoveryError::Checkpoint { log, reason })?;
    if signed == reached { Ok(Some(note)) } else { Err(RecoveryError::OtherRoot(log)) }
}
