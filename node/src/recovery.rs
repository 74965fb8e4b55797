//! Recovery: the whole history is read, hashed and compared, each time the node starts.
//!
//! What is checked: SQLite's own structure; that no block, entry or index is missing; that each body is a statement and
//! hashes to its id; that each statement was allowed at its place; the chain of block digests; that tree and
//! subject index lead to the stored checkpoint, which the log's own keys signed; by each witness, the same again; and that the
//! end extends what each signer has signed last, by its own file. The stored checkpoint may be older than that.
//! What is not checked: members' signatures on statements that do not change the trust store. They were verified on
//! admission, and the checkpoint's root covers them. The rules' states of subjects are folded on the way.

use std::collections::BTreeMap;

use countersign_ledger::{
    Checkpoint, CheckpointError, CheckpointTextError, Hash, IndexKey, LogName, Note, NoteError, Policy,
    UnixMillis,
};
use rusqlite::Connection;

use crate::checkpoint_signers::{CheckpointSigners, SealError};
use crate::last_signed::{LastSigned, LastSignedError};
use crate::ledger::Place;
use crate::machine::{Admitted, Damage, StateMachine};
use crate::published::Head;
use crate::store::{self, StoreError, StoredStatement};

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
    /// A signer has signed what is not here.
    #[error(transparent)]
    LastSigned(#[from] LastSignedError),
}

/// Brings an empty machine and the witnesses to the end of the database, and returns the checkpoints that are stored.
pub(crate) fn restore(
    connection: &Connection,
    machine: &mut StateMachine,
    checkpoint_signers: &mut CheckpointSigners,
    policy: &Policy,
) -> Result<BTreeMap<LogName, Head>, RecoveryError> {
    store::check_structure(connection)?;
    let mut entries = Entries::new();
    replay(connection, machine, |_, _, restored| {
        for entry in restored {
            entries.entry(entry.place.log).or_default().push((entry.statement.id(), entry.key));
        }
        Ok(())
    })?;
    all_accounted(connection, machine)?;
    let mut heads = BTreeMap::new();
    for log in machine.ledger().log_names() {
        // First: it says what is missing, whatever else is wrong.
        for last in checkpoint_signers.signed.signers() {
            extends(machine, last, log)?;
        }
        let mut entries = entries.remove(&log).unwrap_or_default();
        if let Some((checkpoint, note)) = stored(connection, machine, policy, log)? {
            let seen = usize::try_from(checkpoint.size()).unwrap_or(usize::MAX).min(entries.len());
            let unseen = entries.split_off(seen);
            checkpoint_signers.restore(&entries, &note)?;
            entries = unseen;
            let cosigned_at =
                policy.trust(&note.to_string()).map_or(UnixMillis(0), |trusted| trusted.cosigned_at());
            heads.insert(log, Head { checkpoint, note: note.to_string().into(), cosigned_at });
        }
        checkpoint_signers.unseen.insert(log, entries);
    }
    Ok(heads)
}

/// The entries of each log, as witnesses see them.
type Entries = BTreeMap<LogName, Vec<(Hash, IndexKey)>>;

/// Applies every block of the database to an empty machine. `each` sees the machine after a block, the block as it is stored,
/// and its entries.
pub(crate) fn replay(
    connection: &Connection,
    machine: &mut StateMachine,
    mut each: impl FnMut(&StateMachine, &[StoredStatement], Vec<Admitted>) -> Result<(), RecoveryError>,
) -> Result<(), RecoveryError> {
    let mut after = 0;
    loop {
        let blocks = store::blocks(connection, machine.last().height + 1, PAGE)?;
        if blocks.is_empty() {
            return Ok(());
        }
        for block in blocks {
            let statements = store::applied(connection, after, block.statements)?;
            if Some(statements.len() as u64) != block.statements.checked_sub(after) {
                return Err(damaged(None, block.height, Damage::Gap));
            }
            after = block.statements;
            let restored = machine.restore(&block, &statements, connection);
            let restored = restored.map_err(|(place, damage)| damaged(place, block.height, damage))?;
            each(machine, &statements, restored)?;
        }
    }
}

/// Whether there are no entries beside those of the blocks.
pub(crate) fn all_accounted(connection: &Connection, machine: &StateMachine) -> Result<(), RecoveryError> {
    let (stored, mut accounted) = (store::statement_count(connection)?, 0);
    for log in machine.ledger().log_names() {
        accounted += machine.state().size(log)?;
    }
    if stored == accounted { Ok(()) } else { Err(RecoveryError::Entries { stored, accounted }) }
}

/// Whether the machine extends what a signer has signed.
pub(crate) fn extends(machine: &StateMachine, last: &LastSigned, log: LogName) -> Result<(), RecoveryError> {
    let (state, reached) = (machine.state(), machine.checkpoint(log)??);
    let proof = |signed| state.consistency(log, signed, reached.size()).ok().flatten().unwrap_or_default();
    Ok(last.extended_by(&reached, proof)?)
}

fn damaged(place: Option<Place>, height: u64, damage: Damage) -> RecoveryError {
    match place {
        Some(Place { log, index }) => RecoveryError::Entry { log, index, damage },
        None => RecoveryError::Block { height, damage },
    }
}

/// The stored checkpoint of a log, if the machine has come by it.
pub(crate) fn stored(
    connection: &Connection,
    machine: &StateMachine,
    policy: &Policy,
    log: LogName,
) -> Result<Option<(Checkpoint, Note)>, RecoveryError> {
    let reached = machine.checkpoint(log)??;
    let Some(text) = store::checkpoint(connection, log)? else {
        return if reached.size() == 0 { Ok(None) } else { Err(RecoveryError::NoCheckpoint(log)) };
    };
    let note = Note::parse(&text)?;
    let signed = policy.log_signed(&note).map_err(|reason| RecoveryError::Checkpoint { log, reason })?;
    let same = if signed.size() == reached.size() {
        signed == reached
    } else {
        machine.state().root_at(log, signed.size())? == Some(signed.root())
    };
    if same && signed.origin() == reached.origin() {
        Ok(Some((signed, note)))
    } else {
        Err(RecoveryError::OtherRoot(log))
    }
}
