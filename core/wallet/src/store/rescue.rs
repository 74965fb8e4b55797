//! A damaged database begun anew, with what can still be read of the owner's own.

use std::fs;
use std::path::{Path, PathBuf};

use countersign_ledger::Hash;
use rusqlite::config::DbConfig;
use rusqlite::types::Value;
use rusqlite::{Connection, Transaction, params_from_iter};

use super::access::{Access, beside};
use super::{Store, StoreError, StoreResult, configured};

/// The tables that no ledger has. All others are fetched again; of the checkpoints none is given up that was once seen.
const OWN: [&str; 27] = [
    "checkpoints",
    "positions",
    "forks",
    "followed",
    "memberships",
    // The owner's own is among them; each is known by its digest.
    "certificates",
    "node",
    "receipts",
    "meetings",
    "contents",
    "goods",
    "handovers",
    "outbox",
    "clocks",
    "extensions",
    "records",
    "record_objects",
    "record_images",
    "record_links",
    "record_asks",
    "attribute_keys",
    "scans",
    "remembering",
    "reports",
    "badges",
    "bedside_devices",
    "domains_kept",
];

/// Empties a damaged database and puts back every row of the owner's own that can be read. Returns the way to a copy of it as
/// it was: what was not read is in there, if anywhere. Others may have it open meanwhile: SQLite empties it, in a transaction.
pub(super) fn rescue(path: &Path, genesis: Hash) -> StoreResult<PathBuf> {
    let making = beside(path, "-rescuing");
    remove(&making)?;
    let mut store = Store::open(&making, genesis)?;
    if let Ok(damaged) = Access::Alone.connect(path) {
        store.write(|tx| copy(&damaged, tx))?;
    }
    drop(store);
    if beside(&making, "-wal").exists() {
        // Closing writes the WAL into the file, for which there was no room.
        return Err(StoreError::Full);
    }
    fs::rename(&making, beside(path, "-rescued")).map_err(|_| StoreError::ReadOnly)?;
    finish(path, genesis)
}

/// Whether a rescue was killed before its end, or is needed.
pub(super) fn is_due(path: &Path) -> bool {
    ["-rescued", "-broken"].iter().any(|end| beside(path, end).exists())
}

/// Does the rescue that is due.
pub(super) fn resume(path: &Path, genesis: Hash) -> StoreResult<PathBuf> {
    if beside(path, "-rescued").exists() { finish(path, genesis) } else { rescue(path, genesis) }
}

/// Says that the database is damaged in a way that opening it does not show.
pub(super) fn mark(path: &Path) {
    // Where it cannot be written there is no rescue either.
    let _ = fs::write(beside(path, "-broken"), []);
}

/// From here on a rescue that was killed goes on when the database is opened the next time.
fn finish(path: &Path, genesis: Hash) -> StoreResult<PathBuf> {
    let (kept, rescued) = (free(path), beside(path, "-rescued"));
    for end in ["-wal", ""] {
        let from = beside(path, end);
        if from.exists() {
            fs::copy(&from, beside(&kept, end)).map_err(|_| StoreError::Full)?;
        }
    }
    let connection = configured(Access::Write, path)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_RESET_DATABASE, true)?;
    connection.execute_batch("VACUUM")?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_RESET_DATABASE, false)?;
    drop(connection);
    let own = Access::Write.connect(&rescued)?;
    Store::open(path, genesis)?.write(|tx| copy(&own, tx))?;
    drop(own);
    remove(&rescued)?;
    remove(&beside(path, "-broken"))?;
    Ok(kept)
}

fn copy(damaged: &Connection, transaction: &Transaction<'_>) -> StoreResult<()> {
    for table in OWN {
        copy_table(damaged, transaction, table)?;
    }
    // What it told is fetched again.
    transaction.execute_batch("UPDATE positions SET head = NULL; UPDATE followed SET ready = NULL;")?;
    Ok(())
}

/// Copies the rows before the first that cannot be read, but for those that the schema refuses.
fn copy_table(damaged: &Connection, transaction: &Transaction<'_>, table: &str) -> StoreResult<()> {
    let Ok(mut query) = damaged.prepare(&format!("SELECT * FROM {table}")) else { return Ok(()) };
    let columns = query.column_count();
    let places = vec!["?"; columns].join(", ");
    let Ok(mut insert) = transaction.prepare(&format!("INSERT OR IGNORE INTO {table} VALUES ({places})"))
    else {
        return Ok(());
    };
    let Ok(mut rows) = query.query([]) else { return Ok(()) };
    while let Ok(Some(row)) = rows.next() {
        let values: Result<Vec<Value>, _> = (0..columns).map(|column| row.get(column)).collect();
        let Ok(values) = values else { continue };
        match insert.execute(params_from_iter(values)).map_err(StoreError::from) {
            Ok(_) | Err(StoreError::Damaged(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A name beside the database that no other damaged one has.
fn free(path: &Path) -> PathBuf {
    let mut names = (1_u32..).map(|number| beside(path, &format!("-damaged-{number}")));
    names.find(|name| !name.exists()).unwrap_or_else(|| beside(path, "-damaged"))
}

/// Removes what an earlier rescue left that was killed.
fn remove(path: &Path) -> StoreResult<()> {
    for end in ["", "-wal", "-shm"] {
        let file = beside(path, end);
        if file.exists() {
            fs::remove_file(file).map_err(|_| StoreError::ReadOnly)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a sync fetches again, and the ledger's name.
    const FETCHED: [&str; 8] =
        ["ledger", "whole_logs", "subjects", "statements", "families", "commissions", "filters", "links"];

    #[test]
    fn no_table_is_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("wallet.db"), Hash::of(b"genesis")).unwrap();
        let mut query = store.read().prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").unwrap();
        let tables = query.query_map([], |row| row.get::<_, String>(0)).unwrap();
        let mut tables: Vec<String> = tables.map(Result::unwrap).collect();
        let mut known: Vec<&str> = OWN.into_iter().chain(FETCHED).collect();
        tables.sort();
        known.sort_unstable();
        assert_eq!(tables, known);
    }

    #[test]
    fn a_rescue_that_was_killed_goes_on_where_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("wallet.db");
        let genesis = Hash::of(b"genesis");
        let mut store = Store::open(&path, genesis).unwrap();
        store.write(|tx| crate::store::set_node(tx, "https://here.example")).unwrap();
        drop(store);
        // Killed after everything was read, and before anything was put back.
        fs::rename(&path, beside(&path, "-rescued")).unwrap();
        fs::write(&path, [0xa5; 8192]).unwrap();
        let (store, kept) = Store::open_or_rescue(&path, genesis).unwrap();
        assert_eq!(crate::store::node(store.read()).unwrap().as_deref(), Some("https://here.example"));
        assert_eq!(fs::read(kept.unwrap()).unwrap(), [0xa5; 8192]);
        drop(store);
        assert!(Store::open_or_rescue(&path, genesis).unwrap().1.is_none());
    }
}
