//! What the user follows.

use countersign_ledger::Subject;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::{StoreError, find_ends};

/// A followed class, pack or unit.
pub(crate) struct Row {
    /// The class, pack or unit.
    pub(crate) subject: String,
    /// Its class; of a unit, itself.
    pub(crate) class: String,
    /// Size of the supply checkpoint as of which all of it is here.
    pub(crate) ready: Option<u64>,
}

const ALL: &str = "SELECT subject, class, ready FROM followed ORDER BY subject";
// A verdict asks for its own product alone, however many are followed: what follows is answered from an index.
const OF_CLASS: &str = "SELECT subject, class, ready FROM followed WHERE class = ?1 ORDER BY subject";
const BETWEEN: &str =
    "SELECT subject, class, ready FROM followed WHERE subject >= ?1 AND subject < ?2 ORDER BY subject";
const READY: &str = "SELECT ready FROM followed WHERE subject = ?1";

/// All that is followed, classes before their packs.
pub(crate) fn followed(connection: &Connection) -> Result<Vec<Row>, StoreError> {
    rows(connection, ALL, &[])
}

/// What is followed of a class: itself, packs of it.
pub(crate) fn followed_of(connection: &Connection, class: &str) -> Result<Vec<Row>, StoreError> {
    rows(connection, OF_CLASS, &[class])
}

/// The logistic units that are followed.
pub(crate) fn followed_units(connection: &Connection) -> Result<Vec<Row>, StoreError> {
    // From the first text below the prefix to the first beyond: `0` comes after `/`.
    rows(connection, BETWEEN, &["https://id.gs1.org/00/", "https://id.gs1.org/000"])
}

fn rows(connection: &Connection, sql: &str, parameters: &[&str]) -> Result<Vec<Row>, StoreError> {
    let mut query = connection.prepare_cached(sql)?;
    let row =
        |row: &rusqlite::Row<'_>| Ok(Row { subject: row.get(0)?, class: row.get(1)?, ready: row.get(2)? });
    let rows = query.query_map(rusqlite::params_from_iter(parameters), row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Size of the supply checkpoint as of which all of a followed class, pack or unit is here.
pub(crate) fn ready(connection: &Connection, subject: &Subject) -> Result<Option<u64>, StoreError> {
    let mut query = connection.prepare_cached(READY)?;
    Ok(query.query_row([subject.as_str()], |row| row.get(0)).optional()?.flatten())
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
    if left > 0 {
        return Ok(());
    }
    // Everything of the class begins with its link, followed by nothing or by a slash.
    let below = format!("{class}/");
    let beyond = format!("{class}0");
    let of_class = "(text = ?1 OR (text >= ?2 AND text < ?3))";
    let bounds = params![class, below, beyond];
    let ids = format!("SELECT id FROM subjects WHERE {of_class}");
    transaction.execute(&format!("DELETE FROM statements WHERE entry >> 24 IN ({ids})"), bounds)?;
    transaction.execute(&format!("DELETE FROM commissions WHERE subject IN ({ids})"), bounds)?;
    transaction.execute("DELETE FROM filters WHERE digest NOT IN (SELECT filter FROM commissions)", [])?;
    transaction.execute(&format!("DELETE FROM families WHERE family IN ({ids})"), bounds)?;
    transaction.execute(&format!("DELETE FROM subjects WHERE {of_class}"), bounds)?;
    let any: u64 = transaction.query_row("SELECT count(*) FROM followed", [], |row| row.get(0))?;
    if any == 0 {
        // What products build on elsewhere may serve several, so it goes with the last of them.
        transaction.execute_batch(
            "DELETE FROM links; DELETE FROM families; DELETE FROM statements; DELETE FROM subjects;",
        )?;
    }
    find_ends(transaction)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_verdict_asks_for_is_found_by_index() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("../schema.sql")).unwrap();
        let plan = |sql: &str| -> Vec<String> {
            let mut query = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let parameters = rusqlite::params_from_iter(vec!["any"; query.parameter_count()]);
            query.query_map(parameters, |row| row.get("detail")).unwrap().collect::<Result<_, _>>().unwrap()
        };
        assert!(plan(ALL).iter().any(|step| step.starts_with("SCAN")), "{:?}", plan(ALL));
        for sql in [OF_CLASS, BETWEEN, READY] {
            let plan = plan(sql);
            assert!(
                matches!(&plan[..], [step] if step.starts_with("SEARCH followed USING")),
                "{sql}: {plan:?}"
            );
        }
    }
}
