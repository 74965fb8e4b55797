//! The ways to open the database: to write it, or only to read it.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::StoreResult;

/// SQLite's file system without locks, which needs no file beside the database.
#[cfg(unix)]
const WITHOUT_LOCKS: &str = "unix-none";
#[cfg(windows)]
const WITHOUT_LOCKS: &str = "win32-none";

/// How the database is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Access {
    /// To read and write, with other processes.
    Write,
    /// To read beside other processes, whose shared index is there: the folder may not be writable.
    Read,
    /// To read where no index can be shared, so that no process has it open to write. One that came meanwhile could
    /// change what is read; it would be seen to be damaged, as everything that is read is verified.
    Alone,
}

impl Access {
    pub(super) fn connect(self, path: &Path) -> StoreResult<Connection> {
        let common = OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_EXRESCODE;
        let read = common | OpenFlags::SQLITE_OPEN_READ_ONLY;
        let write = common | OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        match self {
            Self::Write => Ok(Connection::open_with_flags(path, write)?),
            Self::Read => Ok(Connection::open_with_flags(path, read)?),
            Self::Alone if has_wal(path) => {
                let connection = Connection::open_with_flags_and_vfs(path, read, WITHOUT_LOCKS)?;
                // The index of the WAL is then kept in memory.
                connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
                // Else closing would write the WAL into the file, and remove it.
                connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
                Ok(connection)
            }
            // Without a WAL, which could not be made, the file is all there is.
            Self::Alone => {
                let uri = format!("file:{}?immutable=1", escaped(path));
                Ok(Connection::open_with_flags(uri, read | OpenFlags::SQLITE_OPEN_URI)?)
            }
        }
    }
}

fn has_wal(path: &Path) -> bool {
    fs::metadata(beside(path, "-wal")).is_ok_and(|wal| wal.is_file())
}

/// The file beside the database that has this at the end of its name.
pub(super) fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// A path as it stands in SQLite's URIs.
fn escaped(path: &Path) -> String {
    let path = path.to_string_lossy().replace('\\', "/");
    path.replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}
