//! What the user follows.

use countersign_ledger::{LogName, Subject};
use rusqlite::{Connection, Transaction, params};

use super::{StoreResult, change, find_ends, one};

/// A followed class, pack or family.
pub(crate) struct Row {
    /// The log.
    pub(crate) log: String,
    /// The class, pack or head of the family.
    pub(crate) subject: String,
    /// Of a pack, its class; else the same.
    pub(crate) family: String,
    /// Size of the log's checkpoint as of which all of it is here.
    pub(crate) ready: Option<u64>,
}

const ALL: &str = "SELECT log, subject, family, ready FROM followed ORDER BY log, subject";
// A verdict asks for its own product alone, however many are followed: what follows is answered from an index.
const OF_FAMILY: &str =
    "SELECT log, subject, family, ready FROM followed WHERE log = ?1 AND family = ?2 ORDER BY subject";
const BETWEEN: &str = "SELECT log, subject, family, ready FROM followed
                       WHERE log = ?1 AND subject >= ?2 AND subject < ?3 ORDER BY subject";
const READY: &str = "SELECT ready FROM followed WHERE log = ?1 AND subject = ?2";

/// All that is followed, log by log, classes before their packs.
pub(crate) fn followed(connection: &Connection) -> StoreResult<Vec<Row>> {
    rows(connection, ALL, &[])
}

/// What is followed of a class: itself, packs of it.
pub(crate) fn followed_of(connection: &Connection, log: LogName, class: &str) -> StoreResult<Vec<Row>> {
    rows(connection, OF_FAMILY, &[log.as_str(), class])
}

/// The logistic units that are followed.
pub(crate) fn followed_units(connection: &Connection, log: LogName) -> StoreResult<Vec<Row>> {
    // From the first text below the prefix to the first beyond: `0` comes after `/`.
    rows(connection, BETWEEN, &[log.as_str(), "https://id.gs1.org/00/", "https://id.gs1.org/000"])
}

fn rows(connection: &Connection, sql: &str, parameters: &[&str]) -> StoreResult<Vec<Row>> {
    let mut query = connection.prepare_cached(sql)?;
    let row = |row: &rusqlite::Row<'_>| {
        Ok(Row { log: row.get(0)?, subject: row.get(1)?, family: row.get(2)?, ready: row.get(3)? })
    };
    let rows = query.query_map(rusqlite::params_from_iter(parameters), row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Size of the checkpoint as of which all of a followed class, pack or family is here.
pub(crate) fn ready(connection: &Connection, log: LogName, subject: &Subject) -> StoreResult<Option<u64>> {
    Ok(one(connection, READY, [log.as_str(), subject.as_str()])?.flatten())
}

/// Whether a class, pack or family is followed.
pub(crate) fn follows(connection: &Connection, log: LogName, subject: &Subject) -> StoreResult<bool> {
    let sql = "SELECT 1 FROM followed WHERE log = ?1 AND subject = ?2";
    Ok(one::<u8>(connection, sql, [log.as_str(), subject.as_str()])?.is_some())
}

/// Follows a class, pack or family; nothing changes if it is followed already.
pub(crate) fn follow(tx: &Transaction<'_>, log: LogName, subject: &Subject, family: &str) -> StoreResult<()> {
    let insert = "INSERT OR IGNORE INTO followed (log, subject, family) VALUES (?1, ?2, ?3)";
    change(tx, insert, [log.as_str(), subject.as_str(), family])
}

/// Follows it no longer, and drops what was kept for its class or family unless something else of it is followed.
pub(crate) fn unfollow(
    tx: &Transaction<'_>,
    log: LogName,
    subject: &Subject,
    family: &str,
) -> StoreResult<()> {
    let delete = "DELETE FROM followed WHERE log = ?1 AND subject = ?2";
    tx.execute(delete, [log.as_str(), subject.as_str()])?;
    let left = "SELECT count(*) FROM followed WHERE log = ?1 AND family = ?2";
    let left: u64 = tx.query_row(left, [log.as_str(), family], |row| row.get(0))?;
    if left > 0 {
        return Ok(());
    }
    // Everything below it begins with its name and one of the signs that divide subjects.
    let [(slash, after_slash), (colon, after_colon)] =
        [('/', '0'), (':', ';')].map(|(from, until)| (format!("{family}{from}"), format!("{family}{until}")));
    let below = "SELECT id FROM subjects WHERE log = ?1 AND
                     (text = ?2 OR (text >= ?3 AND text < ?4) OR (text >= ?5 AND text < ?6))";
    let bounds = params![log.as_str(), family, slash, after_slash, colon, after_colon];
    for delete in [
        format!("DELETE FROM statements WHERE entry >> 24 IN ({below})"),
        format!("DELETE FROM commissions WHERE subject IN ({below})"),
        format!("DELETE FROM families WHERE family IN ({below})"),
        format!("DELETE FROM subjects WHERE id IN ({below})"),
    ] {
        tx.execute(&delete, bounds)?;
    }
    tx.execute("DELETE FROM filters WHERE digest NOT IN (SELECT filter FROM commissions)", [])?;
    let any = "SELECT count(*) FROM followed WHERE log = ?1";
    let any: u64 = tx.query_row(any, [log.as_str()], |row| row.get(0))?;
    if any == 0 {
        // The dependencies may serve several products, so they go with the last of them.
        let of_log = "SELECT id FROM subjects WHERE log = ?1";
        for delete in [
            format!("DELETE FROM families WHERE family IN ({of_log})"),
            format!("DELETE FROM statements WHERE entry >> 24 IN ({of_log})"),
            "DELETE FROM links WHERE log = ?1".to_owned(),
            "DELETE FROM subjects WHERE log = ?1".to_owned(),
        ] {
            tx.execute(&delete, [log.as_str()])?;
        }
    }
    find_ends(tx, log)
}

/// Says that all of these is here, as of a log's checkpoint.
pub(crate) fn set_ready(
    tx: &Transaction<'_>,
    log: LogName,
    subjects: &[Subject],
    size: u64,
) -> StoreResult<()> {
    let mut update = tx.prepare_cached("UPDATE followed SET ready = ?3 WHERE log = ?1 AND subject = ?2")?;
    for subject in subjects {
        update.execute(params![log.as_str(), subject.as_str(), size])?;
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
        for sql in [OF_FAMILY, BETWEEN, READY] {
            let plan = plan(sql);
            assert!(
                matches!(&plan[..], [step] if step.starts_with("SEARCH followed USING")),
                "{sql}: {plan:?}"
            );
        }
    }
}
