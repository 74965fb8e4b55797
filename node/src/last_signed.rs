//! What each signer of this process signed last, in a file beside the database, so that none ever signs two histories.
//!
//! Signers are the logs and the witnesses here; `data/last-signed` is theirs together, so that a block costs one flush, however many
//! sign it. A checkpoint is recorded there, durably, before it is signed, and recorded only if it extends the one that stands
//! there: of the same size it must be the same, a larger one needs a proof of consistency (RFC 9162), a smaller one is refused.
//! The file also says which keys sign: a key that was exchanged is named.
//!
//! ```text
//! countersign-last-signed 2 <counter> <bytes of the body> <SHA-256 of the counter's line and the body>
//! signer <name>                      for each signer, with an empty line before each but the first
//! <key>                              one line for each verifier key
//! <milliseconds since 1970>          when it signed
//!                                    then for each log an empty line and the checkpoint's text
//! ```
//!
//! There are two such slots, written in turn: a write that is torn by a power cut leaves the one before. One write and one
//! flush (`fdatasync`) make it durable; the file never grows, so it can be written when the disk is full. A slot that cannot be
//! read is passed over if the other can: it was torn, and nothing was signed with it; or it has rotted, and then the signers
//! are sure of one checkpoint less. The database has both.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use countersign_ledger::{Checkpoint, Hash, ProofError, UnixMillis, VerifierKey, verify_consistency};

use crate::files;
use crate::halt::{Halt, Passing};

/// The file.
pub(crate) const LAST_SIGNED: &str = "last-signed";
const MAGIC: &str = "countersign-last-signed 2";
/// Opens the lines of a signer. No log's origin begins so: there is no space in one.
const SIGNER: &str = "signer ";
/// Bytes of a slot: room for some two hundred checkpoints.
const SLOT: usize = 64 * 1024;

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
        "{0} is missing, and its signers have signed: restore it from a backup. An older one will do, as long as the ledger \
         goes on from what it says"
    )]
    Missing(PathBuf),
    /// The ledger has begun, and the file says nothing of a signer.
    #[error("{path} says nothing of `{signer}`: restore the file of this ledger")]
    Unknown {
        /// The file.
        path: PathBuf,
        /// The signer.
        signer: String,
    },
    /// Neither slot can be read.
    #[error(
        "{0} is damaged: restore it from a backup. An older one will do, as long as the ledger goes on from what it says"
    )]
    Damaged(PathBuf),
    /// More logs and witnesses than there is room for.
    #[error("{0}: there are too many logs and witnesses for it")]
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LastSigned {
    signer: String,
    keys: Vec<String>,
    at: UnixMillis,
    heads: BTreeMap<String, Checkpoint>,
}

/// The file of all signers.
pub(crate) struct SignedFile {
    path: PathBuf,
    file: File,
    counter: u64,
    signers: Vec<LastSigned>,
}

/// A signer's name and its keys.
pub(crate) type Signer<'a> = (String, Vec<&'a VerifierKey>);

impl SignedFile {
    /// That of a data directory.
    pub(crate) fn open(data: &Path) -> Result<Self, LastSignedError> {
        let path = data.join(LAST_SIGNED);
        let failed = |source| LastSignedError::File { path: path.clone(), source };
        let file = match File::options().read(true).write(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(LastSignedError::Missing(path));
            }
            // A file that may only be read is enough for who looks and does not sign.
            opened => opened.or_else(|_| File::open(&path)).map_err(failed)?,
        };
        let (counter, signers) =
            read(&file).map_err(failed)?.ok_or_else(|| LastSignedError::Damaged(path.clone()))?;
        Ok(Self { path, file, counter, signers })
    }

    /// The same at a first start: where nothing was signed, it is made.
    pub(crate) fn begin(data: &Path, signers: &[Signer<'_>]) -> Result<Self, LastSignedError> {
        match Self::open(data) {
            Ok(there) if there.signers.iter().any(LastSigned::has_signed) => Ok(there),
            Ok(_) | Err(LastSignedError::Missing(_)) => {
                let path = data.join(LAST_SIGNED);
                let new: Vec<_> = signers.iter().map(LastSigned::new).collect();
                make(&path, &new).map_err(|source| LastSignedError::File { path, source })?;
                Self::open(data)
            }
            Err(error) => Err(error),
        }
    }

    /// What a signer has signed last, if it has signed with these keys.
    pub(crate) fn of(&self, (signer, keys): &Signer<'_>) -> Result<&LastSigned, LastSignedError> {
        let last = self.signers.iter().find(|last| last.signer == *signer);
        let last =
            last.ok_or_else(|| LastSignedError::Unknown { path: self.path.clone(), signer: signer.clone() })?;
        match last.keys.iter().find(|signed| !keys.iter().any(|key| key.to_string() == **signed)) {
            Some(signed) => Err(LastSignedError::OtherKey { signer: signer.clone(), signed: signed.clone() }),
            None => Ok(last),
        }
    }

    /// What each signer has signed last.
    pub(crate) fn signers(&self) -> impl Iterator<Item = &LastSigned> {
        self.signers.iter()
    }

    /// Records that `signers`, each at its time, are about to sign `checkpoint`, if it extends what each of them signed. Durable
    /// when this returns; an error changes nothing, and the same may be recorded again.
    pub(crate) fn record(
        &mut self,
        signers: &[(&str, UnixMillis)],
        checkpoint: &Checkpoint,
        proof: impl Fn(u64) -> Vec<Hash>,
    ) -> Result<(), LastSignedError> {
        let mut all = self.signers.clone();
        for last in &mut all {
            let Some((_, at)) = signers.iter().find(|(name, _)| *name == last.signer) else { continue };
            last.extended_by(checkpoint, &proof)?;
            last.at = last.at.max(*at);
            last.heads.insert(checkpoint.origin().to_owned(), checkpoint.clone());
        }
        write(&mut self.file, self.counter + 1, &all).map_err(|source| {
            let path = self.path.clone();
            if source.kind() == io::ErrorKind::FileTooLarge {
                return LastSignedError::TooLong(path);
            }
            LastSignedError::File { path, source }
        })?;
        (self.counter, self.signers) = (self.counter + 1, all);
        Ok(())
    }
}

impl LastSigned {
    fn new((signer, keys): &Signer<'_>) -> Self {
        let keys = keys.iter().map(ToString::to_string).collect();
        Self { signer: signer.clone(), keys, at: UnixMillis(0), heads: BTreeMap::new() }
    }

    /// The signer's name.
    pub(crate) fn signer(&self) -> &str {
        &self.signer
    }

    /// When it was signed; nought if nothing was.
    pub(crate) const fn at(&self) -> UnixMillis {
        self.at
    }

    /// The checkpoint of a log that was signed last.
    pub(crate) fn of(&self, origin: &str) -> Option<&Checkpoint> {
        self.heads.get(origin)
    }

    /// Whether anything was signed that is not empty.
    pub(crate) fn has_signed(&self) -> bool {
        self.heads.values().any(|head| head.size() > 0)
    }

    /// What is to be said when nothing of what was signed is there.
    pub(crate) fn all_missing(&self) -> Option<LastSignedError> {
        let head = self.heads.values().find(|head| head.size() > 0)?;
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
}

/// Makes a file that is there in whole after a crash, or not at all.
fn make(path: &Path, signers: &[LastSigned]) -> io::Result<()> {
    let unfinished = path.with_extension("unfinished");
    let mut file = files::private().truncate(true).open(&unfinished)?;
    file.write_all(&vec![b'\n'; 2 * SLOT])?;
    write(&mut file, 1, signers)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

/// Writes a slot and flushes it.
fn write(file: &mut File, counter: u64, signers: &[LastSigned]) -> io::Result<()> {
    let slot = slot(counter, signers);
    if slot.len() > SLOT {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    file.seek(SeekFrom::Start((counter % 2) * SLOT as u64))?;
    file.write_all(slot.as_bytes())?;
    file.sync_data()
}

fn slot(counter: u64, signers: &[LastSigned]) -> String {
    let mut body = String::new();
    for LastSigned { signer, keys, at, heads } in signers {
        let before = if body.is_empty() { "" } else { "\n" };
        // safe: writing to a string cannot fail.
        let _ = writeln!(body, "{before}{SIGNER}{signer}\n{}\n{}", keys.join("\n"), at.0);
        for head in heads.values() {
            let _ = write!(body, "\n{head}");
        }
    }
    format!("{MAGIC} {counter} {} {}\n{body}", body.len(), digest(counter, &body))
}

fn digest(counter: u64, body: &str) -> Hash {
    Hash::framed("countersign/last-signed/v1", &[&counter.to_be_bytes(), body.as_bytes()])
}

/// The newer of the slots that can be read.
fn read(mut file: &File) -> io::Result<Option<(u64, Vec<LastSigned>)>> {
    let mut bytes = Vec::with_capacity(2 * SLOT);
    file.seek(SeekFrom::Start(0))?;
    file.take(2 * SLOT as u64).read_to_end(&mut bytes)?;
    let (first, second) = bytes.split_at(SLOT.min(bytes.len()));
    Ok([first, second].into_iter().filter_map(parse).max_by_key(|(counter, _)| *counter))
}

fn parse(slot: &[u8]) -> Option<(u64, Vec<LastSigned>)> {
    let end = slot.iter().position(|&byte| byte == b'\n')?;
    let head = std::str::from_utf8(&slot[..end]).ok()?.strip_prefix(MAGIC)?;
    let mut words = head.split(' ').skip(1);
    let (counter, length): (u64, usize) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let body = std::str::from_utf8(slot.get(end + 1..)?.get(..length)?).ok()?;
    if words.next()?.parse::<Hash>().ok()? != digest(counter, body) {
        return None;
    }
    let mut signers: Vec<LastSigned> = Vec::new();
    for part in body.strip_suffix('\n')?.split("\n\n") {
        if let Some(lines) = part.strip_prefix(SIGNER) {
            let mut lines: Vec<_> = lines.split('\n').map(str::to_owned).collect();
            let at = UnixMillis(lines.pop()?.parse().ok()?);
            let mut lines = lines.into_iter();
            signers.push(LastSigned {
                signer: lines.next()?,
                keys: lines.collect(),
                at,
                heads: BTreeMap::new(),
            });
        } else {
            let checkpoint = Checkpoint::parse(&format!("{part}\n")).ok()?;
            signers.last_mut()?.heads.insert(checkpoint.origin().to_owned(), checkpoint);
        }
    }
    Some((counter, signers))
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

    fn record(file: &mut SignedFile, who: &[&str], tree: &Tree, at: u64) -> Result<(), LastSignedError> {
        let proof = |old| tree.consistency(old, tree.size()).unwrap_or_default();
        let who: Vec<_> = who.iter().map(|name| (*name, UnixMillis(at))).collect();
        file.record(&who, &checkpoint(tree), proof)
    }

    fn key(seed: u8) -> VerifierKey {
        Cosigner::new("w", &[seed; 32]).unwrap().verifier_key().clone()
    }

    /// The file of two signers, made.
    fn begin(directory: &Path) -> SignedFile {
        let (v, w) = (key(1), key(2));
        SignedFile::begin(directory, &[("v".to_owned(), vec![&v]), ("w".to_owned(), vec![&w])]).unwrap()
    }

    fn size(file: &SignedFile, signer: &str) -> Option<u64> {
        file.signers().find(|last| last.signer() == signer).unwrap().of(ORIGIN).map(Checkpoint::size)
    }

    #[test]
    fn it_is_read_as_it_was_recorded() {
        let directory = tempfile::TempDir::new().unwrap();
        let mut file = begin(directory.path());
        assert!(!file.signers().any(LastSigned::has_signed));
        for size in 0..5 {
            // The second signer signs every other time.
            let who = if size % 2 == 0 { &["v", "w"][..] } else { &["v"] };
            record(&mut file, who, &tree(size, b"a"), size).unwrap();
            let again = SignedFile::open(directory.path()).unwrap();
            assert_eq!(again.signers, file.signers);
            let [v, w] = again.signers.as_slice() else { panic!("{:?}", again.signers) };
            assert_eq!((v.at().0, v.of(ORIGIN)), (size, Some(&checkpoint(&tree(size, b"a")))));
            assert_eq!((w.at().0, w.of(ORIGIN)), (size & !1, Some(&checkpoint(&tree(size & !1, b"a")))));
        }
        // What was begun is not made anew.
        assert_eq!(begin(directory.path()).signers, file.signers);
    }

    #[test]
    fn nothing_is_recorded_that_does_not_extend_what_each_has_signed() {
        let directory = tempfile::TempDir::new().unwrap();
        let mut file = begin(directory.path());
        record(&mut file, &["w"], &tree(5, b"a"), 1).unwrap();
        for (size, first) in [(4, b"a"), (0, b"a"), (5, b"b"), (9, b"b")] {
            let error = record(&mut file, &["v", "w"], &tree(size, first), 2).unwrap_err();
            let fork = matches!(error, LastSignedError::Fork { signed: 5, .. });
            let behind = matches!(error, LastSignedError::Behind { signed: 5, .. });
            assert!(if size < 5 { behind } else { fork }, "{error}");
        }
        let larger = tree(9, b"a");
        let without = file.record(&[("w", UnixMillis(2))], &checkpoint(&larger), |_| Vec::new());
        assert!(matches!(without, Err(LastSignedError::Proof { .. })));
        // Another subject index over the same entries.
        let same = tree(5, b"a");
        let other = Checkpoint::new(ORIGIN, 5, same.root(), Hash::of(b"index")).unwrap();
        let other = file.record(&[("w", UnixMillis(2))], &other, |_| Vec::new());
        assert!(matches!(other, Err(LastSignedError::Fork { .. })));
        let again = SignedFile::open(directory.path()).unwrap();
        assert_eq!(again.signers, file.signers);
        assert_eq!((size(&again, "v"), size(&again, "w")), (None, Some(5)));
        record(&mut file, &["w"], &same, 3).unwrap();
        record(&mut file, &["v", "w"], &larger, 3).unwrap();
    }

    #[test]
    fn a_file_that_is_gone_or_of_another_key_or_ledger_is_named() {
        let directory = tempfile::TempDir::new().unwrap();
        assert!(matches!(SignedFile::open(directory.path()), Err(LastSignedError::Missing(_))));
        let mut file = begin(directory.path());
        record(&mut file, &["v"], &tree(1, b"a"), 1).unwrap();
        let (v, w) = (key(1), key(2));
        let file = SignedFile::begin(directory.path(), &[]).unwrap();
        assert!(file.of(&("w".to_owned(), vec![&w])).is_ok());
        let other = file.of(&("w".to_owned(), vec![&v]));
        assert!(matches!(other, Err(LastSignedError::OtherKey { signer, .. }) if signer == "w"));
        let unknown = file.of(&("u".to_owned(), vec![&v]));
        assert!(matches!(unknown, Err(LastSignedError::Unknown { signer, .. }) if signer == "u"));
    }

    #[test]
    fn a_torn_write_or_a_flipped_bit_leaves_the_checkpoint_before_or_is_named() {
        let directory = tempfile::TempDir::new().unwrap();
        let mut file = begin(directory.path());
        record(&mut file, &["v", "w"], &tree(4, b"a"), 1).unwrap();
        record(&mut file, &["v", "w"], &tree(5, b"a"), 1).unwrap();
        let path = directory.path().join(LAST_SIGNED);
        let sound = fs::read(&path).unwrap();
        let length = slot(file.counter, &file.signers).len();
        let read = || {
            let file = SignedFile::open(directory.path()).unwrap();
            assert_eq!(size(&file, "v"), size(&file, "w"));
            size(&file, "w").unwrap()
        };
        for at in (0..length).step_by(5).flat_map(|at| [at, SLOT + at]) {
            let mut damaged = sound.clone();
            damaged[at] ^= 4;
            fs::write(&path, &damaged).unwrap();
            assert!([4, 5].contains(&read()), "{at}");
        }
        // The newer of the two is torn off at any place: the one before stands.
        let newer = usize::try_from(file.counter % 2).unwrap() * SLOT;
        for keep in 0..=length {
            let mut torn = sound.clone();
            torn[newer + keep..newer + SLOT].fill(b'\n');
            fs::write(&path, &torn).unwrap();
            // Its last byte is a newline, as all bytes after it are.
            assert_eq!(read(), if keep + 1 < length { 4 } else { 5 }, "{keep}");
        }
        for length in [0, 1, 100] {
            fs::write(&path, &sound[..length]).unwrap();
            assert!(matches!(SignedFile::open(directory.path()), Err(LastSignedError::Damaged(_))));
            assert!(matches!(SignedFile::begin(directory.path(), &[]), Err(LastSignedError::Damaged(_))));
        }
    }
}
