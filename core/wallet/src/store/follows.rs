//! What the user follows.

use countersign_ledger::Subject;
use rusqlite::{Connection, Transaction, params};

use super::StoreError;

/// A followed class or pack.
pub(crate) struct Row {
    /// The class or pack.
    pub(crate) subject: String,
    /// Its class.
    pub(crate) class: String,
    /// Size of the supply checkpoint as of which all of it is here.
    pub(crate) ready: Option<u64>,
}

/// All that is followed, classes before their packs.
pub(crate) fn followed(connection: &Connection) -> Result<Vec<Row>, StoreError> {
    let mut query =
        connection.prepare_cached("SELECT subject, class, ready FROM followed ORDER BY subject")?;
    let rows = query
        .query_map([], |row| Ok(Row { subject: row.get(0)?, class: row.get(1)?, ready: row.get(2)? }))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Follows a class or pack; nothing changes if it is followed already.
pub(crate) fn follow(
    transaction: &Transaction<'_>,
    subject: &Subject,
    class: &str,
) -> Result<(), StoreError> {
    let insert = "INSERT OR IGNORE INTO followed (subject, class) VALUES (?1, ?2)";
    transaction.execute(insert, [subject.as_str(), class])?;
    Ok(())
}

/// Follows it no longer, and drops what was kept for its class unless something else of it is followed.
pub(crate) fn unfollow(
    transaction: &Transaction<'_>,
    subject: &Subject,
    class: &str,
) -> Result<(), StoreError> {
    transaction.execute("DELETE FROM followed WHERE subject = ?1", [subject.as_str()])?;
    let left: u64 =
        transaction.query_row("SELECT count(*) FROM followed WHERE class = ?1", [class], |row| row.get(0))?;
    if left == 0 {
        // Everything of the class begins with its link, followed by nothing or by a slash.
        let below = format!("{class}/");
        let beyond = format!("{class}0");
        let of_class = "(text = ?1 OR (text >= ?2 AND text < ?3))";
        let bounds = params![class, below, beyond];
        let ids = format!("SELECT id FROM subjects WHERE {of_class}");
        transaction.execute(&format!("DELETE FROM statements WHERE entry >> 24 IN ({ids})"), bounds)?;
        transaction.execute(&format!("DELETE FROM commissions WHERE subject IN ({ids})"), bounds)?;
        transaction
            .execute("DELETE FROM filters WHERE digest NOT IN (SELECT filter FROM commissions)", [])?;
        transaction.execute(&format!("DELETE FROM subjects WHERE {of_class}"), bounds)?;
        let proofs = "DELETE FROM families WHERE family = ?1 OR (family >= ?2 AND family < ?3)";
        transaction.execute(proofs, bounds)?;
    }
    let any: u64 = transaction.query_row("SELECT count(*) FROM followed", [], |row| row.get(0))?;
    if any == 0 {
        // What products build on elsewhere may serve several, so it goes with the last of them.
        transaction.execute_batch(
            "DELETE FROM links; DELETE FROM families; DELETE FROM statements; DELETE FROM subjects;",
        )?;
    }
    Ok(())
}

/// Says that all that is followed is here, as of a supply checkpoint.
pub(crate) fn set_ready(
    transaction: &Transaction<'_>,
    subjects: &[Subject],
    size: u64,
) -> Result<(), StoreError> {
    let mut update = transaction.prepare_cached("UPDATE followed SET ready = ?2 WHERE subject = ?1")?;
    for subject in subjects {
        update.execute(params![subject.as_str(), size])?;
    }
    Ok(())
}
