//! What a signer signed last, in a file of its own beside the database, so that it never signs two histories.
//!
//! A log and each witness have one, `data/signed/<signer>`. A checkpoint is recorded there, durably, before it is signed,
//! and recorded only if it extends the one that stands there: of the same size it must be the same, a larger one needs a proof
//! of consistency (RFC 9162), a smaller one is refused. The file also says which keys sign: a key that was exchanged is named.
//!
//! ```text
//! countersign-last-signed 1 <counter> <bytes of the body> <SHA-256 of the counter's line and the body>
//! <key>                              one line for each verifier key
//! <milliseconds since 1970>          when it was signed
//!                                    then for each log an empty line and the checkpoint's text
//! ```
//!
//! There are two such slots, written in turn: a write that is torn by a power cut leaves the one before. One write and one
//! flush (`fdatasync`) make it durable; the file never grows, so it can be written when the disk is full. A slot that cannot be
//! read is passed over if the other can: it was torn, and nothing was signed with it; or it has rotted, and then the signer
//! is sure of one checkpoint less. The database has both.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use countersign_ledger::{Checkpoint, Hash, ProofError, UnixMillis, VerifierKey, verify_consistency};

use crate::files;
use crate::halt::{Halt, Passing};

const MAGIC: &str = "countersign-last-signed 1";
/// Bytes of a slot: room for some fifty logs.
const SLOT: usize = 16 * 1024;

/// Why a signer does not sign.
#[derive(Debug, thiserror::Error)]
pub enum LastSignedError {
    /// The file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// The ledger has begun, and the file is gone.
    #[error(
        "{0} is missing, and its signer has signed: restore it from a backup. An older one will do, as long as the ledger \
         goes on from what it says"
    )]
    Missing(PathBuf),
    /// Neither slot can be read.
    #[error(
        "{0} is damaged: restore it from a backup. An older one will do, as long as the ledger goes on from what it says"
    )]
    Damaged(PathBuf),
    /// More logs than there is room for.
    #[error("{0}: there are too many logs for it")]
    TooLong(PathBuf),
    /// It was written for other keys.
    #[error(
        "`{signer}` has another key than the one that it has signed with ({signed}): restore the file of its secret key"
    )]
    OtherKey {
        /// The signer.
        signer: String,
        /// The verifier key that it signed with.
        signed: String,
    },
    /// Smaller than what was signed.
    #[error(
        "`{signer}` has signed {origin} with {signed} entries, and here are {found}: {} are missing. Nothing was changed. Restore \
         the newest copy of the database, with its write-ahead log (-wal); without them this node cannot go on, for under \
         these keys it would be another history. If they are lost for good, begin another ledger, with keys and a data \
         folder of its own",
        .signed - .found
    )]
    Behind {
        /// The signer.
        signer: String,
        /// The log's origin.
        origin: String,
        /// Entries that were signed.
        signed: u64,
        /// Entries that there are.
        found: u64,
    },
    /// Not what was signed at that size.
    #[error(
        "`{signer}` has signed another history of {origin}: they part before entry {signed}. Restore the database that it signed"
    )]
    Fork {
        /// The signer.
        signer: String,
        /// The log's origin.
        origin: String,
        /// The size that was signed.
        signed: u64,
    },
    /// There is no proof that it extends what was signed.
    #[error("`{signer}`: {reason}")]
    Proof {
        /// The signer.
        signer: String,
        /// What is wrong with it.
        reason: ProofError,
    },
}

impl Passing for LastSignedError {
    fn halt(&self) -> Option<Halt> {
        matches!(self, Self::File { .. }).then_some(Halt::Storage)
    }
}

/// What one signer has signed last.
pub(crate) struct LastSigned {
    signer: String,
    path: PathBuf,
    file: File,
    counter: u64,
    content: Content,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Content {
    keys: Vec<String>,
    at: UnixMillis,
    heads: BTreeMap<String, Checkpoint>,
}

/// The folder of these files.
pub(crate) struct SignedFiles {
    directory: PathBuf,
    may_make: bool,
}

impl SignedFiles {
    /// Those of a data directory; at a first start they may be made.
    pub(crate) fn new(data: &Path, may_make: bool) -> Self {
        Self { directory: data.join("signed"), may_make }
    }

    /// What `signer` has signed last, if it is this signer, with these keys.
    pub(crate) fn open(&self, signer: &str, keys: &[&VerifierKey]) -> Result<LastSigned, LastSignedError> {
        let path = self.directory.join(signer);
        let keys: Vec<_> = keys.iter().map(ToString::to_string).collect();
        let failed = |source| LastSignedError::File { path: path.clone(), source };
        let file = match File::options().read(true).write(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.may_make => {
                let new = Content { keys: keys.clone(), at: UnixMillis(0), heads: BTreeMap::new() };
                self.make(&path, &new).map_err(failed)?
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(LastSignedError::Missing(path));
            }
            // A file that may only be read is enough for who looks and does not sign.
            Err(_) => File::open(&path).map_err(failed)?,
        };
        let (counter, content) =
            read(&file).map_err(failed)?.ok_or_else(|| LastSignedError::Damaged(path.clone()))?;
        if let Some(other) = content.keys.iter().find(|key| !keys.contains(key)) {
            return Err(LastSignedError::OtherKey { signer: signer.to_owned(), signed: other.clone() });
        }
        Ok(LastSigned { signer: signer.to_owned(), path, file, counter, content })
    }

    /// Makes a file that is there in whole after a crash, or not at all.
    fn make(&self, path: &Path, new: &Content) -> io::Result<File> {
        let unfinished = path.with_extension("unfinished");
        files::make_directory(&self.directory)?;
        let mut file = files::private().read(true).truncate(true).open(&unfinished)?;
        file.write_all(&vec![b'\n'; 2 * SLOT])?;
        write(&mut file, 1, new)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        // The directory, and its own place in the one above.
        for directory in self.directory.ancestors().take(2) {
            File::open(directory)?.sync_all()?;
        }
        Ok(file)
    }
}

impl LastSigned {
    /// The signer's name.
    pub(crate) fn signer(&self) -> &str {
        &self.signer
    }

    /// When it was signed; nought if nothing was.
    pub(crate) const fn at(&self) -> UnixMillis {
        self.content.at
    }

    /// The checkpoint of a log that was signed last.
    pub(crate) fn of(&self, origin: &str) -> Option<&Checkpoint> {
        self.content.heads.get(origin)
    }

    /// Whether anything was signed that is not empty.
    pub(crate) fn has_signed(&self) -> bool {
        self.content.heads.values().any(|head| head.size() > 0)
    }

    /// What is to be said when nothing of what was signed is there.
    pub(crate) fn all_missing(&self) -> Option<LastSignedError> {
        let head = self.content.heads.values().find(|head| head.size() > 0)?;
        let (signer, origin) = (self.signer.clone(), head.origin().to_owned());
        Some(LastSignedError::Behind { signer, origin, signed: head.size(), found: 0 })
    }

    /// Whether `checkpoint` extends what was signed, by a proof from the size that was signed to that of the checkpoint.
    pub(crate) fn extended_by(
        &self,
        checkpoint: &Checkpoint,
        proof: impl FnOnce(u64) -> Vec<Hash>,
    ) -> Result<(), LastSignedError> {
        let Some(last) = self.of(checkpoint.origin()) else { return Ok(()) };
        let (signer, origin, signed) = (self.signer.clone(), last.origin().to_owned(), last.size());
        if checkpoint.size() < signed {
            return Err(LastSignedError::Behind { signer, origin, signed, found: checkpoint.size() });
        }
        if checkpoint.size() == signed {
            return if checkpoint == last {
                Ok(())
            } else {
                Err(LastSignedError::Fork { signer, origin, signed })
            };
        }
        let proof = if signed == 0 { Vec::new() } else { proof(signed) };
        verify_consistency(signed, checkpoint.size(), last.root(), checkpoint.root(), &proof).map_err(
            |reason| match reason {
                ProofError::OldRootMismatch => LastSignedError::Fork { signer, origin, signed },
                reason => LastSignedError::Proof { signer, reason },
            },
        )
    }

    /// Records that `checkpoint` is about to be signed, if it extends what was signed. Durable when this returns; an error
    /// changes nothing, and the same may be recorded again.
    pub(crate) fn record(
        &mut self,
        checkpoint: &Checkpoint,
        now: UnixMillis,
        proof: impl FnOnce(u64) -> Vec<Hash>,
    ) -> Result<(), LastSignedError> {
        self.extended_by(checkpoint, proof)?;
        let mut content = self.content.clone();
        content.at = content.at.max(now);
        content.heads.insert(checkpoint.origin().to_owned(), checkpoint.clone());
        write(&mut self.file, self.counter + 1, &content).map_err(|source| {
            let path = self.path.clone();
            if source.kind() == io::ErrorKind::FileTooLarge {
                return LastSignedError::TooLong(path);
            }
            LastSignedError::File { path, source }
        })?;
        (self.counter, self.content) = (self.counter + 1, content);
        Ok(())
    }
}

/// Writes a slot and flushes it.
fn write(file: &mut File, counter: u64, content: &Content) -> io::Result<()> {
    let slot = slot(counter, content);
    if slot.len() > SLOT {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    file.seek(SeekFrom::Start((counter % 2) * SLOT as u64))?;
    file.write_all(slot.as_bytes())?;
    file.sync_data()
}

fn slot(counter: u64, content: &Content) -> String {
    let mut body = content.keys.join("\n");
    // safe: writing to a string cannot fail.
    let _ = writeln!(body, "\n{}", content.at.0);
    for head in content.heads.values() {
        let _ = write!(body, "\n{head}");
    }
    format!("{MAGIC} {counter} {} {}\n{body}", body.len(), digest(counter, &body))
}

fn digest(counter: u64, body: &str) -> Hash {
    Hash::framed("countersign/last-signed/v1", &[&counter.to_be_bytes(), body.as_bytes()])
}

/// The newer of the slots that can be read.
fn read(mut file: &File) -> io::Result<Option<(u64, Content)>> {
    let mut bytes = Vec::with_capacity(2 * SLOT);
    file.seek(SeekFrom::Start(0))?;
    file.take(2 * SLOT as u64).read_to_end(&mut bytes)?;
    let (first, second) = bytes.split_at(SLOT.min(bytes.len()));
    Ok([first, second].into_iter().filter_map(parse).max_by_key(|(counter, _)| *counter))
}

fn parse(slot: &[u8]) -> Option<(u64, Content)> {
    let end = slot.iter().position(|&byte| byte == b'\n')?;
    let head = std::str::from_utf8(&slot[..end]).ok()?.strip_prefix(MAGIC)?;
    let mut words = head.split(' ').skip(1);
    let (counter, length): (u64, usize) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let body = std::str::from_utf8(slot.get(end + 1..)?.get(..length)?).ok()?;
    if words.next()?.parse::<Hash>().ok()? != digest(counter, body) {
        return None;
    }
    let mut parts = body.strip_suffix('\n')?.split("\n\n");
    let mut lines: Vec<_> = parts.next()?.split('\n').map(str::to_owned).collect();
    let at = UnixMillis(lines.pop()?.parse().ok()?);
    let heads = parts.map(|text| {
        let checkpoint = Checkpoint::parse(&format!("{text}\n")).ok()?;
        Some((checkpoint.origin().to_owned(), checkpoint))
    });
    Some((counter, Content { keys: lines, at, heads: heads.collect::<Option<_>>()? }))
}

#[cfg(test)]
mod tests {
    use countersign_ledger::{Cosigner, IndexKey, Tree, leaf_hash};

    use super::*;

    const ORIGIN: &str = "example.com/log";

    fn tree(size: u64, first: &[u8]) -> Tree {
        let mut tree = Tree::new();
        for i in 0..size {
            tree.push(leaf_hash(if i == 0 { first } else { &[7] }));
        }
        tree
    }

    fn checkpoint(tree: &Tree) -> Checkpoint {
        let mut index = countersign_ledger::Index::new();
        index.record(IndexKey::new("f", "s"), tree.root());
        Checkpoint::new(ORIGIN, tree.size(), tree.root(), index.root()).unwrap()
    }

    fn record(last: &mut LastSigned, tree: &Tree, at: u64) -> Result<(), LastSignedError> {
        let proof = |old| tree.consistency(old, tree.size()).unwrap_or_default();
        last.record(&checkpoint(tree), UnixMillis(at), proof)
    }

    fn key(seed: u8) -> VerifierKey {
        Cosigner::new("w", &[seed; 32]).unwrap().verifier_key().clone()
    }

    #[test]
    fn it_is_read_as_it_was_recorded() {
        let directory = tempfile::TempDir::new().unwrap();
        let files = SignedFiles::new(directory.path(), true);
        let mut last = files.open("w", &[&key(1)]).unwrap();
        assert!(!last.has_signed());
        for size in 0..5 {
            record(&mut last, &tree(size, b"a"), size).unwrap();
            let again = SignedFiles::new(directory.path(), false).open("w", &[&key(1)]).unwrap();
            assert_eq!(again.content, last.content);
            assert_eq!((again.at().0, again.of(ORIGIN)), (size, Some(&checkpoint(&tree(size, b"a")))));
        }
    }

    #[test]
    fn nothing_is_recorded_that_does_not_extend_what_was() {
        let directory = tempfile::TempDir::new().unwrap();
        let files = SignedFiles::new(directory.path(), true);
        let mut last = files.open("w", &[&key(1)]).unwrap();
        record(&mut last, &tree(5, b"a"), 1).unwrap();
        for (size, first) in [(4, b"a"), (0, b"a"), (5, b"b"), (9, b"b")] {
            let error = record(&mut last, &tree(size, first), 2).unwrap_err();
            let fork = matches!(error, LastSignedError::Fork { signed: 5, .. });
            let behind = matches!(error, LastSignedError::Behind { signed: 5, .. });
            assert!(if size < 5 { behind } else { fork }, "{error}");
        }
        let larger = tree(9, b"a");
        let without = last.record(&checkpoint(&larger), UnixMillis(2), |_| Vec::new());
        assert!(matches!(without, Err(LastSignedError::Proof { .. })));
        // Another subject index over the same entries.
        let same = tree(5, b"a");
        let other = Checkpoint::new(ORIGIN, 5, same.root(), Hash::of(b"index")).unwrap();
        assert!(matches!(
            last.record(&other, UnixMillis(2), |_| Vec::new()),
            Err(LastSignedError::Fork { .. })
        ));
        assert_eq!(files.open("w", &[&key(1)]).unwrap().content, last.content);
        record(&mut last, &same, 3).unwrap();
        record(&mut last, &larger, 3).unwrap();
    }

    #[test]
    fn a_file_that_is_gone_or_of_another_key_is_named() {
        let directory = tempfile::TempDir::new().unwrap();
        let gone = SignedFiles::new(directory.path(), false).open("w", &[&key(1)]);
        assert!(matches!(gone, Err(LastSignedError::Missing(_))));
        SignedFiles::new(directory.path(), true).open("w", &[&key(1)]).unwrap();
        let other = SignedFiles::new(directory.path(), true).open("w", &[&key(2)]);
        assert!(matches!(other, Err(LastSignedError::OtherKey { signer, .. }) if signer == "w"));
    }

    #[test]
    fn a_torn_write_or_a_flipped_bit_leaves_the_checkpoint_before_or_is_named() {
        let directory = tempfile::TempDir::new().unwrap();
        let files = SignedFiles::new(directory.path(), true);
        let mut last = files.open("w", &[&key(1)]).unwrap();
        record(&mut last, &tree(4, b"a"), 1).unwrap();
        record(&mut last, &tree(5, b"a"), 1).unwrap();
        let path = directory.path().join("signed/w");
        let sound = fs::read(&path).unwrap();
        for (at, flipped) in (0..sound.len()).step_by(5).map(|at| (at, sound[at] ^ 4)) {
            let mut damaged = sound.clone();
            damaged[at] = flipped;
            fs::write(&path, &damaged).unwrap();
            let size = files.open("w", &[&key(1)]).unwrap().of(ORIGIN).unwrap().size();
            assert!(size == 4 || size == 5, "{at}");
        }
        // The newer of the two is torn off at any place: the one before stands.
        let (newer, length) =
            (usize::try_from(last.counter % 2).unwrap() * SLOT, slot(last.counter, &last.content).len());
        for keep in 0..=length {
            let mut torn = sound.clone();
            let before = vec![b'\n'; SLOT - keep];
            torn[newer + keep..newer + SLOT].copy_from_slice(&before);
            fs::write(&path, &torn).unwrap();
            let size = files.open("w", &[&key(1)]).unwrap().of(ORIGIN).unwrap().size();
            // Its last byte is a newline, as all bytes after it are.
            assert_eq!(size, if keep + 1 < length { 4 } else { 5 }, "{keep}");
        }
        for length in [0, 1, 100] {
            fs::write(&path, &sound[..length]).unwrap();
            assert!(matches!(files.open("w", &[&key(1)]), Err(LastSignedError::Damaged(_))));
        }
    }
}
