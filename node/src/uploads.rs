//! Blobs that are being received: in files without a name, hashed as they come.
//!
//! The system removes such a file with the last handle on it, so nothing is left behind whatever happens to the node. What
//! came of a blob before its connection was cut is kept for a while, for whoever sent it alone: nobody can spoil what another one
//! sends.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{Context, SHA256};
use countersign_ledger::Hash;
use countersign_records::RecordId;

use crate::limits::{Client, Room};

/// For how long the beginning of a blob is kept.
const KEPT: Duration = Duration::from_mins(15);

/// Who sends something.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Sender {
    /// Whoever has this address.
    Address(Client),
    /// The owner of a record, by a token.
    Owner(RecordId),
}

/// What came of blobs and objects whose connections were cut.
pub(crate) struct Uploads {
    directory: PathBuf,
    kept: Mutex<HashMap<(Sender, Hash), (Upload, Instant)>>,
}

/// The beginning of a blob, on disk.
pub(crate) struct Upload {
    file: File,
    hash: Context,
    received: u64,
    /// Room on disk for the whole blob.
    _room: Room,
}

impl Uploads {
    /// Files are made in `directory`.
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self { directory, kept: Mutex::default() }
    }

    /// Begins a blob, which has room on disk.
    pub(crate) fn begin(&self, room: Room) -> io::Result<Upload> {
        let file = tempfile::tempfile_in(&self.directory)?;
        Ok(Upload { file, hash: Context::new(&SHA256), received: 0, _room: room })
    }

    /// Takes out what `sender` has sent of a blob before, if it is kept. What was kept for too long is removed.
    pub(crate) fn take(&self, sender: Sender, digest: Hash) -> Option<Upload> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, (_, since)| since.elapsed() < KEPT);
        Some(kept.remove(&(sender, digest))?.0)
    }

    /// Keeps what `sender` has sent of a blob.
    pub(crate) fn keep(&self, sender: Sender, digest: Hash, upload: Upload) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert((sender, digest), (upload, Instant::now()));
    }

    /// How many bytes `sender` has sent of a blob that is kept.
    pub(crate) fn received(&self, sender: Sender, digest: Hash) -> u64 {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&(sender, digest)).map_or(0, |(upload, _)| upload.received)
    }
}

impl Upload {
    pub(crate) const fn received(&self) -> u64 {
        self.received
    }

    /// Appends what came. After an error the upload must not be used again.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.hash.update(bytes);
        self.received += bytes.len() as u64;
        Ok(())
    }

    /// The file from its beginning, if its bytes have this digest.
    pub(crate) fn finish(mut self, digest: Hash) -> io::Result<Option<File>> {
        if self.hash.finish().as_ref() != digest.as_bytes() {
            return Ok(None);
        }
        self.file.rewind()?;
        Ok(Some(self.file))
    }
}
