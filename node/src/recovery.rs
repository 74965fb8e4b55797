//! Taking up the ledger again: the whole history is read, hashed and compared, each time the node starts.
//!
//! What is checked: SQLite's own structure; that no block, entry or index is missing; that each body is a statement and
//! hashes to its id; that each statement was allowed to stand where it stands; the chain of block digests; that tree and
//! subject index lead to the stored checkpoint, which the log's own keys signed; and, by each witness, the same again.
//! What is not checked: members' signatures on statements that change nobody's trust. They were verified on admission, and the
//! checkpoint's root covers them.

use std::collections::VecDeque;

use countersign_ledger::{
    CheckpointError, CheckpointTextError, Hash, Index, IndexKey, Note, NoteError, Policy,
};
use rusqlite::Connection;

use crate::log::{LogId, Place};
use crate::machine::{Damage, Entry, StateMachine};
use crate::checkpoint_signers::{SealError, CheckpointSigners};
use crate::store::{self, StoreError};

/// Blocks read at a time.
const PAGE: u32 = 256;

/// Why the node refuses to start with this database.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The database cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An entry is not what was once admitted.
    #[error("entry {index} of the log `{log}` is damaged: {damage}")]
    Entry {
        /// The log.
        log: LogId,
        /// The entry's index.
        index: u64,
        /// What is wrong with it.
        damage: Damage,
    },
    /// A block is not what was once committed.
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
    NoCheckpoint(LogId),
    /// The stored checkpoint is not signed by the log's own keys.
    #[error("the checkpoint of the log `{log}`: {reason}")]
    Checkpoint {
        /// The log.
        log: LogId,
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
    OtherRoot(LogId),
    /// A witness does not reach the checkpoint.
    #[error(transparent)]
    Witness(#[from] SealError),
}

/// The subject index of a log as of its last blocks, by size.
pub(crate) type Recent = [VecDeque<(u64, Index)>; LogId::COUNT];

/// Brings an empty machine, and the witnesses, to where the database ends. `keep` is for how many of the last blocks the
/// subject index is kept.
pub(crate) fn restore(
    connection: &Connection,
    machine: &mut StateMachine,
    checkpoint_signers: &mut CheckpointSigners,
    policy: &Policy,
    keep: u64,
) -> Result<Recent, RecoveryError> {
    store::check_structure(connection)?;
    let (mut entries, recent) = replay(connection, machine, keep)?;
    let (stored, accounted) = (store::statement_count(connection)?, LogId::ALL.map(|log| machine.size(log)));
    let accounted = accounted.iter().sum();
    if stored != accounted {
        return Err(RecoveryError::Entries { stored, accounted });
    }
    for log in LogId::ALL {
        if let Some(note) = compare(connection, machine, policy, log)? {
            checkpoint_signers.restore(&std::mem::take(&mut entries[log.slot()]), &note)?;
        }
    }
    Ok(recent)
}

type Entries = [Vec<(Hash, IndexKey)>; LogId::COUNT];

fn replay(
    connection: &Connection,
    machine: &mut StateMachine,
    keep: u64,
) -> Result<(Entries, Recent), RecoveryError> {
    let (mut entries, mut recent) = (Entries::default(), Recent::default());
    let newest = store::height(connection)?;
    let mut from = [0; LogId::COUNT];
    loop {
        let blocks = store::blocks(connection, machine.last().height + 1, PAGE)?;
        if blocks.is_empty() {
            return Ok((entries, recent));
        }
        for block in blocks {
            let mut statements = Vec::new();
            for log in LogId::ALL {
                statements.extend(store::statements(
                    connection,
                    log,
                    from[log.slot()],
                    block.sizes[log.slot()],
                )?);
            }
            let restored = machine.restore(&block, &statements);
            for Entry { log, id, key } in
                restored.map_err(|(place, damage)| damaged(place, block.height, damage))?
            {
                entries[log.slot()].push((id, key));
            }
            from = LogId::ALL.map(|log| machine.size(log));
            if from != block.sizes {
                return Err(damaged(None, block.height, Damage::Gap));
            }
            if block.height + keep > newest {
                for log in LogId::ALL {
                    recent[log.slot()].push_back((machine.size(log), machine.index(log).clone()));
                }
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

/// The stored checkpoint of a log, if the machine has come to the same.
fn compare(
    connection: &Connection,
    machine: &StateMachine,
    policy: &Policy,
    log: LogId,
) -> Result<Option<Note>, RecoveryError> {
    let Some(text) = store::checkpoint(connection, log)? else {
        return if machine.size(log) == 0 { Ok(None) } else { Err(RecoveryError::NoCheckpoint(log)) };
    };
    let note = Note::parse(&text)?;
    let signed = policy.log_signed(&note).map_err(|reason| RecoveryError::Checkpoint { log, reason })?;
    if signed == machine.checkpoint(log)? { Ok(Some(note)) } else { Err(RecoveryError::OtherRoot(log)) }
}
