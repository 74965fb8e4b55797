//! Reports of suspicions, kept sealed for the domain's authority: a SQLite database of its own, so that a flood of them bloats no
//! ledger and holds up no statement.
//!
//! Who sends one stays unknown: no address is written down. What one address leaves within a day is bounded by its share, which is
//! remembered in memory alone. A report is durable before it is acknowledged, and stays until an authority has it removed.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use countersign_custody::report::{Envelope, Kept, MAX_PAGE, MAX_REPORTS};
use countersign_ledger::{Hash, UnixMillis};
use rusqlite::{Connection, TransactionBehavior, params};

use crate::limits::Room;
use crate::store::{self, StoreError, StoreResult};

const SCHEMA: &str = include_str!("reports.sql");
/// `PRAGMA user_version` of [`SCHEMA`].
const VERSION: i64 = 1;
/// The file in the data directory.
const FILE: &str = "reports.sqlite";
/// For how long a report counts against the share of the address that it came from.
const DAY: Duration = Duration::from_hours(24);

/// The reports of a node.
pub(crate) struct Reports {
    kept: Mutex<Database>,
    most: u64,
    /// What each report of the last day has of its address's share.
    rooms: Mutex<VecDeque<(Instant, Room)>>,
}

struct Database {
    connection: Connection,
    /// Bytes of all reports.
    bytes: u64,
}

/// What became of a report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Taken {
    /// It is durable.
    Kept,
    /// It was kept already.
    Known,
    /// There is no room for it until an authority has removed some.
    Full,
}

impl Reports {
    /// Opens the database in the data directory, or begins it; it takes `most` bytes of reports.
    pub(crate) fn open(data: &Path, most: usize) -> StoreResult<Self> {
        let connection = store::open_beside(&data.join(FILE), SCHEMA, VERSION)?;
        let sum = "SELECT coalesce(sum(length(envelope)), 0) FROM reports";
        let bytes: i64 = connection.query_row(sum, [], |row| row.get(0))?;
        let kept = Mutex::new(Database { connection, bytes: bytes.cast_unsigned() });
        Ok(Self { kept, most: most as u64, rooms: Mutex::default() })
    }

    /// Keeps a report, which has room in its address's share. The same again is the same report.
    pub(crate) fn take(&self, envelope: &[u8], room: Room, now: UnixMillis) -> StoreResult<Taken> {
        let taken = self.kept().take(envelope, self.most, now)?;
        if taken == Taken::Kept {
            self.rooms().push_back((Instant::now(), room));
        }
        Ok(taken)
    }

    /// Gives back what was left in the shares for longer than a day.
    pub(crate) fn forget_old(&self) {
        let mut rooms = self.rooms();
        while rooms.front().is_some_and(|(since, _)| since.elapsed() > DAY) {
            rooms.pop_front();
        }
    }

    /// The reports after a number, oldest first: at least one, if there are any, and as many as go into a page.
    pub(crate) fn after(&self, number: u64) -> StoreResult<Vec<Kept>> {
        let database = self.kept();
        let sql = "SELECT number, received, envelope FROM reports WHERE number > ? ORDER BY number LIMIT ?";
        let mut query = database.connection.prepare_cached(sql)?;
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        let mut rows = query.query(params![number, MAX_REPORTS.cast_signed()])?;
        let (mut kept, mut bytes) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            let envelope: Vec<u8> = row.get(2)?;
            bytes += envelope.len() + 32;
            if bytes > MAX_PAGE && !kept.is_empty() {
                break;
            }
            let envelope = Envelope::from_bytes(&envelope).ok_or(StoreError::Damaged("reports"))?;
            let (number, received) = (row.get::<_, i64>(0)?, row.get::<_, i64>(1)?);
            let received = UnixMillis(received.cast_unsigned());
            kept.push(Kept { number: number.cast_unsigned(), received, envelope });
        }
        Ok(kept)
    }

    /// Removes a report; returns whether there was one of that number.
    pub(crate) fn remove(&self, number: u64) -> StoreResult<bool> {
        let mut database = self.kept();
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        let tx = database.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let delete = "DELETE FROM reports WHERE number = ? RETURNING length(envelope)";
        let removed: Vec<i64> =
            tx.prepare_cached(delete)?.query_map([number], |row| row.get(0))?.collect::<Result<_, _>>()?;
        tx.commit()?;
        database.bytes -= removed.iter().map(|bytes| bytes.cast_unsigned()).sum::<u64>().min(database.bytes);
        Ok(!removed.is_empty())
    }

    /// Number of reports, and their bytes.
    pub(crate) fn sums(&self) -> StoreResult<[u64; 2]> {
        let database = self.kept();
        let count = "SELECT count(*) FROM reports";
        let count: i64 = database.connection.query_row(count, [], |row| row.get(0))?;
        Ok([count.cast_unsigned(), database.bytes])
    }

    /// A panic leaves a transaction undone, and a sum that is made again at the next start.
    fn kept(&self) -> MutexGuard<'_, Database> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rooms(&self) -> MutexGuard<'_, VecDeque<(Instant, Room)>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Database {
    fn take(&mut self, envelope: &[u8], most: u64, now: UnixMillis) -> StoreResult<Taken> {
        let (id, length) = (Hash::of(envelope), envelope.len() as u64);
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let known = "SELECT count(*) FROM reports WHERE id = ?";
        if tx.prepare_cached(known)?.query_row([id.as_bytes()], |row| row.get::<_, i64>(0))? > 0 {
            return Ok(Taken::Known);
        }
        if self.bytes + length > most {
            return Ok(Taken::Full);
        }
        let insert = "INSERT INTO reports (id, received, envelope) VALUES (?, ?, ?)";
        let received = i64::try_from(now.0).unwrap_or(i64::MAX);
        tx.prepare_cached(insert)?.execute(params![id.as_bytes(), received, envelope])?;
        tx.commit()?;
        self.bytes += length;
        Ok(Taken::Kept)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::halt::{Halt, Passing as _};
    use crate::limits::Budget;

    fn envelope(number: u8) -> Vec<u8> {
        let sealed = vec![number; 4000];
        let head = [&[0x82, 0x58, 32][..], &[1; 32], &[0x59, 0x0f, 0xa0]].concat();
        [head, sealed].concat()
    }

    fn room() -> Room {
        let client = IpAddr::from(Ipv4Addr::LOCALHOST).into();
        Budget::new(1 << 20, 100, 1).try_take(client, 1).unwrap()
    }

    #[test]
    fn a_full_disk_acknowledges_nothing_and_loses_nothing() {
        let data = tempfile::tempdir().unwrap();
        let reports = Reports::open(data.path(), 1 << 20).unwrap();
        let take = |number| reports.take(&envelope(number), room(), UnixMillis(7));
        assert_eq!(take(1).unwrap(), Taken::Kept);
        reports.kept().connection.pragma_update(None, "max_page_count", 1).unwrap();
        let mut kept = 1;
        let refused = (2..50).find_map(|number| match take(number) {
            Ok(taken) => {
                assert_eq!(taken, Taken::Kept);
                kept += 1;
                None
            }
            Err(error) => Some(error),
        });
        assert_eq!(refused.unwrap().halt(), Some(Halt::Storage));
        reports.kept().connection.pragma_update(None, "max_page_count", 10_000).unwrap();
        assert_eq!(reports.sums().unwrap()[0], kept);
        assert_eq!(take(77).unwrap(), Taken::Kept);
        assert_eq!(reports.after(0).unwrap().len() as u64, kept + 1);
    }

    #[test]
    fn beyond_its_bytes_it_takes_none_until_some_are_removed_and_numbers_are_not_used_again() {
        let data = tempfile::tempdir().unwrap();
        let most = envelope(0).len() * 2;
        let reports = Reports::open(data.path(), most).unwrap();
        let take =
            |reports: &Reports, number| reports.take(&envelope(number), room(), UnixMillis(7)).unwrap();
        assert_eq!(
            [1, 2, 1, 3].map(|n| take(&reports, n)),
            [Taken::Kept, Taken::Kept, Taken::Known, Taken::Full]
        );
        assert!(reports.remove(2).unwrap() && !reports.remove(2).unwrap());
        drop(reports);
        // After a restart the same holds.
        let reports = Reports::open(data.path(), most).unwrap();
        assert_eq!([3, 4].map(|n| take(&reports, n)), [Taken::Kept, Taken::Full]);
        let numbers: Vec<u64> = reports.after(0).unwrap().iter().map(|kept| kept.number).collect();
        assert_eq!(numbers, [1, 3]);
        assert_eq!(reports.after(1).unwrap().len(), 1);
    }
}
