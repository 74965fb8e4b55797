//! The genesis file in the data directory: what this ledger's clients pin.
//!
//! It is written at the first start. At every other it must be what the keys and the configuration give.

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

/// The genesis that clients have pinned, if the keys and the configuration still give the same, as `current` has it; `None`
/// where no node was ever started. How to reach the node by TLS may differ.
pub(crate) fn pinned(data: &Path, current: &Genesis) -> Result<Option<Genesis>, PinnedError> {
    let Some(pinned) = read(data)? else { return Ok(None) };
    let parts = [
        ("the name", pinned.name == current.name),
        ("the list of logs", pinned.logs == current.logs),
        ("the policy of keys and witnesses", pinned.policy == current.policy),
        ("the trust domains", pinned.domains == current.domains),
    ];
    match parts.iter().find(|(_, same)| !same) {
        Some((what, _)) => Err(PinnedError::Changed { what, path: data.join(GENESIS) }),
        None => Ok(Some(pinned)),
    }
}

/// As [`pinned`], for a node that starts: a first start writes the file, and a new way to reach the node is written to it.
/// Clients with an older file need a newer one only for that.
pub(crate) fn keep(data: &Path, first_start: bool, current: Genesis) -> Result<Genesis, PinnedError> {
    let path = data.join(GENESIS);
    let genesis = match pinned(data, &current)? {
        Some(pinned) if pinned.tls == current.tls => return Ok(pinned),
        Some(pinned) => Genesis { tls: current.tls, ..pinned },
        None if first_start => current,
        None => return Err(KeysError::Missing(path).into()),
    };
    match write_whole(&path, genesis.to_json().as_bytes()) {
        Ok(()) => Ok(genesis),
        Err(source) => Err(KeysError::File { path, source }.into()),
    }
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
