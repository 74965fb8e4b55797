//! This node's witnesses, for the logs of others (C2SP tlog-witness).
//!
//! Of a log that is not ours a witness sees no entries: it cosigns what the log has signed and what extends the checkpoint
//! that it cosigned before. That one it keeps in a file of its own, apart from the database, durable before the cosignature
//! leaves.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use countersign_ledger::{
    AddCheckpoint, AddCheckpointRefusal, Cosigner, Hash, MAX_NOTE_LEN, Note, NoteError, TreeHead, UnixMillis,
    VerifierKey,
};

use crate::config::Config;
use crate::files;
use crate::keys::{KeysError, cosigner, file_error, write_whole};

/// Why a checkpoint was not cosigned.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CosignError {
    /// No witness of that name serves others.
    #[error("no witness of this name cosigns for others")]
    NoWitness,
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

/// The witnesses that cosign for others, by name.
pub(crate) struct OthersLogs(BTreeMap<String, Mutex<Notary>>);

struct Notary {
    cosigner: Cosigner,
    /// Keys of the logs that it follows.
    keys: Vec<VerifierKey>,
    folder: PathBuf,
    /// What it cosigned last, by the digest of the log's origin: the names of the files.
    held: BTreeMap<Hash, (TreeHead, Note)>,
}

impl OthersLogs {
    /// Reads what each witness cosigned last.
    pub(crate) fn open(config: &Config) -> Result<Self, KeysError> {
        let serving = config.witnesses.iter().filter(|witness| !witness.cosigns.is_empty());
        let open = |witness: &crate::config::WitnessConfig| {
            let folder = config.data.join("cosigned").join(&witness.name);
            files::make_directory(&folder).map_err(|source| file_error(&folder, source))?;
            let keys = witness.cosigns.iter().map(|key| key.parse()).collect::<Result<_, _>>()?;
            let cosigner = cosigner(config, witness)?;
            let mut notary = Notary { cosigner, keys, folder, held: BTreeMap::new() };
            notary.read()?;
            Ok((witness.name.clone(), Mutex::new(notary)))
        };
        Ok(Self(serving.map(open).collect::<Result<_, KeysError>>()?))
    }

    /// Cosigns a checkpoint as of `now`: a signature line. Returns when that is durable.
    pub(crate) fn cosign(
        &self,
        witness: &str,
        request: &AddCheckpoint,
        now: UnixMillis,
    ) -> Result<String, CosignError> {
        let notary = self.0.get(witness).ok_or(CosignError::NoWitness)?;
        notary.lock().unwrap_or_else(PoisonError::into_inner).cosign(request, now)
    }

    /// The checkpoint that a witness cosigned last, with its cosignature, of the log whose origin has this digest.
    pub(crate) fn last(&self, witness: &str, origin: Hash) -> Option<String> {
        let notary = self.0.get(witness)?.lock().unwrap_or_else(PoisonError::into_inner);
        notary.held.get(&origin).map(|(_, note)| note.to_string())
    }
}

impl Notary {
    fn read(&mut self) -> Result<(), KeysError> {
        for key in &self.keys {
            let origin = Hash::of(key.name().as_bytes());
            let path = self.folder.join(origin.to_string());
            let bytes = match files::read(&path, MAX_NOTE_LEN as u64) {
                Ok(bytes) => bytes,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(source) => return Err(file_error(&path, source)),
            };
            let text = std::str::from_utf8(&bytes).ok();
            let held = text.and_then(|text| self.reread(text, key.name()));
            let held = held.ok_or(KeysError::Malformed(path))?;
            self.held.insert(origin, held);
        }
        Ok(())
    }

    /// What this witness has cosigned, from its file.
    fn reread(&self, text: &str, origin: &str) -> Option<(TreeHead, Note)> {
        let note = Note::parse(text).ok()?;
        self.cosigner.verifier_key().verify(&note).ok()?;
        let head = TreeHead::parse(note.text()).ok().filter(|head| head.origin == origin)?;
        Some((head, note))
    }

    fn cosign(&mut self, request: &AddCheckpoint, now: UnixMillis) -> Result<String, CosignError> {
        let origin = request.note.text().split('\n').next().unwrap_or_default();
        let origin = Hash::of(origin.as_bytes());
        let head = request.verify(&self.keys, self.held.get(&origin).map(|(head, _)| head))?;
        // Lines of keys that nobody here knows are left out.
        let mut note = Note::new(request.note.text().to_owned())?;
        for line in self.keys.iter().flat_map(|key| key.signatures(&request.note)) {
            note.add(line.clone())?;
        }
        let line = self.cosigner.cosign(note.text(), now);
        note.add(line.clone())?;
        // A crash after this costs one cosignature; before it, nothing.
        keep(&self.folder.join(origin.to_string()), &note)?;
        self.held.insert(origin, (head, note));
        Ok(format!("{line}\n"))
    }
}

fn keep(path: &Path, note: &Note) -> Result<(), KeysError> {
    write_whole(path, note.to_string().as_bytes()).map_err(|source| file_error(path, source))
}
