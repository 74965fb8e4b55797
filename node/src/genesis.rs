//! The genesis file in the data directory: what this ledger's clients pin.
//!
//! It is written at the first start and read at every other. The roles that the registrar may give are those of the first
//! start; a later version of the software that knows more changes nothing that clients have pinned.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use countersign_ledger::{Genesis, GenesisError};

use crate::keys::{KeysError, write_whole};

/// Its name in the data directory.
pub(crate) const GENESIS: &str = "genesis.json";

/// Why the pinned trust anchors cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PinnedError {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] KeysError),
    /// The file is not a genesis.
    #[error("{path}: {source}")]
    Format {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: GenesisError,
    },
    /// The keys or the configuration were changed since clients pinned the file.
    #[error("{what} in {path}, which clients have pinned, is not that of the keys and the configuration")]
    Changed {
        /// Which part.
        what: &'static str,
        /// Which file.
        path: PathBuf,
    },
}

/// The genesis that clients have pinned, if the keys and the configuration still give the same, as `current` has it. Where to
/// reach the node by TLS may change; clients with an older file need a newer one only for that.
pub(crate) fn keep(data: &Path, first_start: bool, current: Genesis) -> Result<Genesis, PinnedError> {
    let path = data.join(GENESIS);
    let write = |genesis: Genesis| match write_whole(&path, genesis.to_json().as_bytes(), 0o644) {
        Ok(()) => Ok(genesis),
        Err(source) => Err(KeysError::File { path: path.clone(), source }.into()),
    };
    let pinned = match read(data)? {
        None if first_start => return write(current),
        None => return Err(KeysError::Missing(path).into()),
        Some(pinned) => pinned,
    };
    let mut kept = Genesis { tls: current.tls.clone(), ..pinned.clone() };
    for (kept, current) in kept.domains.iter_mut().zip(&current.domains) {
        kept.roles.clone_from(&current.roles);
    }
    let parts = [
        ("the name", kept.name == current.name),
        ("the list of logs", kept.logs == current.logs),
        ("the policy of keys and witnesses", kept.policy == current.policy),
        ("the trust domain", kept.domains == current.domains),
    ];
    if let Some((what, _)) = parts.iter().find(|(_, same)| !same) {
        return Err(PinnedError::Changed { what, path });
    }
    if pinned.tls == current.tls { Ok(pinned) } else { write(Genesis { tls: current.tls, ..pinned }) }
}

/// The genesis in a data directory; `None` where no node was ever started.
pub(crate) fn read(data: &Path) -> Result<Option<Genesis>, PinnedError> {
    let path = data.join(GENESIS);
    match fs::read(&path) {
        Ok(json) => Genesis::parse(&json).map(Some).map_err(|source| PinnedError::Format { path, source }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(KeysError::File { path, source }.into()),
    }
}
