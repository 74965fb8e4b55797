//! A wallet that is erased, whatever it ever kept.

use std::fs;
use std::path::Path;

use crate::act::ActError;
use crate::domains::DataLedgers;
use crate::key_store::KeyStore;
use crate::store::StoreError;

/// Erases every key and secret in `keys`, and then the wallet's database at `database` with all that lies beside it, the folder
/// of domains' ledgers ([`DataLedgers::FOLDER`]) included. It may be damaged, or not there; nobody may have it open.
///
/// The keys go first: what is left on the disk if this is cut off was sealed under them. And all of them, not those that the
/// database names: a kill or a damage may have left some that nothing names any more.
pub fn erase(database: &Path, keys: &dyn KeyStore) -> Result<(), ActError> {
    keys.delete_all()?;
    let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty());
    let named = |name: &std::ffi::OsStr| {
        let own = database.file_name().unwrap_or_default();
        name.as_encoded_bytes().starts_with(own.as_encoded_bytes())
    };
    let refused = |_| StoreError::ReadOnly;
    let entries = match fs::read_dir(folder.unwrap_or(Path::new("."))) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(refused)?,
    };
    // SQLite's files beside it, and copies of what was damaged.
    for entry in entries {
        let entry = entry.map_err(refused)?;
        if entry.file_name() == DataLedgers::FOLDER && entry.path().is_dir() {
            fs::remove_dir_all(entry.path()).map_err(refused)?;
        } else if named(&entry.file_name()) && entry.path().is_file() {
            fs::remove_file(entry.path()).map_err(refused)?;
        }
    }
    Ok(())
}
