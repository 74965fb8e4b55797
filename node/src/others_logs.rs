//! A witness, for the logs of others (C2SP tlog-witness).
//!
//! Of a log that is not ours a witness sees no entries: it cosigns what the log has signed and what extends the checkpoint
//! that it cosigned before. That one it keeps in a file of its own, apart from the database, durable before the cosignature
//! leaves.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use countersign_ledger::{
    AddCheckpoint, AddCheckpointRefusal, Cosigner, Hash, MAX_NOTE_LEN, Note, NoteError, TreeHead, UnixMillis,
    VerifierKey,
};

use crate::files;
use crate::keys::{KeysError, file_error, write_whole};
use crate::limits::{Bounded, Bounds};
use crate::timekeeper::Timekeeper;

/// Why a checkpoint was not cosigned.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CosignError {
    /// The witness refuses.
    #[error(transparent)]
    Refused(#[from] AddCheckpointRefusal),
    /// The note has no room for a cosignature.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// What was cosigned could not be kept.
    #[error(transparent)]
    Kept(#[from] KeysError),
}

/// What a witness cosigns for others.
pub(crate) struct OthersLogs {
    cosigner: Cosigner,
    /// Keys of the logs that it follows.
    keys: Vec<VerifierKey>,
    folder: PathBuf,
    /// What it cosigned last, by the digest of the log's origin: the names of the files.
    held: BTreeMap<Hash, Held>,
}

struct Held {
    head: TreeHead,
    note: Note,
    at: UnixMillis,
}

impl OthersLogs {
    /// Reads from `folder` what the witness cosigned last of the logs with these `keys`, in their text form.
    pub(crate) fn open(folder: PathBuf, cosigner: Cosigner, keys: &[String]) -> Result<Self, KeysError> {
        files::make_directory(&folder).map_err(|source| file_error(&folder, source))?;
        let keys = keys.iter().map(|key| key.parse()).collect::<Result<_, _>>()?;
        let mut logs = Self { cosigner, keys, folder, held: BTreeMap::new() };
        for key in &logs.keys {
            let origin = Hash::of(key.name().as_bytes());
            let path = logs.folder.join(origin.to_string());
            let bytes = match files::read(&path, MAX_NOTE_LEN as u64) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(source) => return Err(file_error(&path, source)),
            };
            let text = std::str::from_utf8(&bytes).ok();
            let held = text.and_then(|text| logs.reread(text, key.name()));
            logs.held.insert(origin, held.ok_or(KeysError::Malformed(path))?);
        }
        Ok(logs)
    }

    /// What this witness has cosigned, from its file.
    fn reread(&self, text: &str, origin: &str) -> Option<Held> {
        let note = Note::parse(text).ok()?;
        let at = self.cosigner.verifier_key().verify(&note).ok()??;
        let head = TreeHead::parse(note.text()).ok().filter(|head| head.origin == origin)?;
        Some(Held { head, note, at })
    }

    /// Cosigns a checkpoint as of `now`: a signature line. Returns when that is durable.
    pub(crate) fn cosign(&mut self, request: &AddCheckpoint, now: UnixMillis) -> Result<String, CosignError> {
        let origin = request.note.text().split('\n').next().unwrap_or_default();
        let origin = Hash::of(origin.as_bytes());
        let head = request.verify(&self.keys, self.held.get(&origin).map(|held| &held.head))?;
        // Lines of keys that nobody here knows are left out.
        let mut note = Note::new(request.note.text().to_owned())?;
        for line in self.keys.iter().flat_map(|key| key.signatures(&request.note)) {
            note.add(line.clone())?;
        }
        let line = self.cosigner.cosign(note.text(), now);
        note.add(line.clone())?;
        // A crash after this costs one cosignature; before it, nothing.
        let path = self.folder.join(origin.to_string());
        write_whole(&path, note.to_string().as_bytes()).map_err(|source| file_error(&path, source))?;
        self.held.insert(origin, Held { head, note, at: now });
        Ok(format!("{line}\n"))
    }

    /// The checkpoint that was cosigned last, with its cosignature, of the log whose origin has this digest.
    pub(crate) fn last(&self, origin: Hash) -> Option<String> {
        self.held.get(&origin).map(|held| held.note.to_string())
    }

    /// When anything was cosigned last; nought if nothing was.
    pub(crate) fn last_at(&self) -> UnixMillis {
        self.held.values().map(|held| held.at).max().unwrap_or_default()
    }

    /// The key of its cosignatures.
    pub(crate) fn verifier_key(&self) -> &VerifierKey {
        self.cosigner.verifier_key()
    }
}

/// A witness that others may ask.
pub(crate) struct Cosigning {
    logs: Mutex<OthersLogs>,
    pub(crate) time: Arc<Timekeeper>,
    bounds: Arc<Bounds>,
}

impl Cosigning {
    pub(crate) fn new(logs: OthersLogs, time: &Arc<Timekeeper>, bounds: &Arc<Bounds>) -> Arc<Self> {
        Arc::new(Self { logs: Mutex::new(logs), time: Arc::clone(time), bounds: Arc::clone(bounds) })
    }

    pub(crate) fn logs(&self) -> MutexGuard<'_, OthersLogs> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bounded for Cosigning {
    fn bounds(&self) -> &Bounds {
        &self.bounds
    }
}
