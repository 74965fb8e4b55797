//! Checkpoints: what a log commits to at one size (C2SP tlog-checkpoint).
//!
//! In scope: the text of a checkpoint, both ways and strictly; our one extension line, with the root of the subject
//! index. Out of scope: signatures (`vkey`), which signatures suffice (`policy`).
//!
//! ```text
//! example.com/supply                                              origin: the log's name, as in its keys
//! 20852163                                                        size
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=                    root of the tree (RFC 9162)
//! subject-index 8Qm0Wz0cNWf6pV0H0kQ0Y2sX0bD4b7Yb1u3K5r0aZkE=      root of the subject index (`index`)
//! ```

mod trusted;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub use self::trusted::{AdvanceError, CheckpointError, ForkEvidence, TrustedCheckpoint};
use crate::Hash;
use crate::log_name::LogName;
use crate::note::is_key_name;
use crate::tree::empty_root;

/// The beginning of the extension line.
const INDEX_LINE: &str = "subject-index ";

/// Why text is not a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointTextError {
    /// Fewer than three lines, or no newline after the last.
    #[error("a checkpoint has at least three lines, each ended by a newline")]
    Lines,
    /// The origin is empty, or not fit to be a key's name.
    #[error("the checkpoint's origin is malformed")]
    Origin,
    /// The size is not a decimal number of 64 bits without leading zeros.
    #[error("the checkpoint's size is malformed")]
    Size,
    /// A root is not canonical Base64.
    #[error("a root in the checkpoint is not Base64")]
    RootEncoding,
    /// A root is not 32 bytes long.
    #[error("a root in the checkpoint is not 32 bytes long")]
    RootLength,
    /// The size is 0, but the root is not that of the empty tree.
    #[error("the root is not that of an empty tree")]
    EmptyTree,
    /// An extension line is empty.
    #[error("an extension line of the checkpoint is empty")]
    EmptyLine,
    /// Not exactly one extension line, or another one than the root of the subject index.
    #[error("the checkpoint does not carry exactly the root of the subject index")]
    Extension,
}

/// The text of any log's checkpoint, with any extension lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeHead {
    /// The log's name.
    pub origin: String,
    /// Number of entries.
    pub size: u64,
    /// Root over the entries.
    pub root: Hash,
    /// The lines after the third, without their newlines.
    pub extensions: Vec<String>,
}

impl TreeHead {
    /// Reads a checkpoint's text (a note's text, without signatures).
    pub fn parse(text: &str) -> Result<Self, CheckpointTextError> {
        let text = text.strip_suffix('\n').ok_or(CheckpointTextError::Lines)?;
        let mut lines = text.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(CheckpointTextError::Lines);
        };
        if origin.is_empty() {
            return Err(CheckpointTextError::Origin);
        }
        let size = parse_size(size)?;
        let root = parse_root(root)?;
        if size == 0 && root != empty_root() {
            return Err(CheckpointTextError::EmptyTree);
        }
        let extensions: Vec<_> = lines.map(str::to_owned).collect();
        if extensions.iter().any(String::is_empty) {
            return Err(CheckpointTextError::EmptyLine);
        }
        Ok(Self { origin: origin.to_owned(), size, root, extensions })
    }
}

fn parse_size(text: &str) -> Result<u64, CheckpointTextError> {
    let size: u64 = text.parse().map_err(|_| CheckpointTextError::Size)?;
    if size.to_string() == text { Ok(size) } else { Err(CheckpointTextError::Size) }
}

fn parse_root(text: &str) -> Result<Hash, CheckpointTextError> {
    let bytes = STANDARD.decode(text).map_err(|_| CheckpointTextError::RootEncoding)?;
    Hash::from_slice(&bytes).ok_or(CheckpointTextError::RootLength)
}

/// A checkpoint of one of our logs. Its text is what the log and the witnesses sign; nothing in it has been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: Hash,
    index_root: Hash,
}

impl Checkpoint {
    /// A checkpoint to sign. `origin` is the name of the log's keys.
    pub fn new(origin: &str, size: u64, root: Hash, index_root: Hash) -> Result<Self, CheckpointTextError> {
        if !is_key_name(origin) {
            return Err(CheckpointTextError::Origin);
        }
        if size == 0 && root != empty_root() {
            return Err(CheckpointTextError::EmptyTree);
        }
        Ok(Self { origin: origin.to_owned(), size, root, index_root })
    }

    /// Reads a checkpoint's text (a note's text, without signatures).
    pub fn parse(text: &str) -> Result<Self, CheckpointTextError> {
        let head = TreeHead::parse(text)?;
        let [line] = &head.extensions[..] else { return Err(CheckpointTextError::Extension) };
        let index_root = line.strip_prefix(INDEX_LINE).ok_or(CheckpointTextError::Extension)?;
        Self::new(&head.origin, head.size, head.root, parse_root(index_root)?)
    }

    /// The name of its log within a ledger: the last part of the origin; `None` if that names no log of a ledger.
    pub fn log(&self) -> Option<LogName> {
        LogName::new(self.origin().rsplit('/').next()?).ok()
    }

    /// The log's name.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Number of entries.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Root of the tree over the entries.
    pub fn root(&self) -> Hash {
        self.root
    }

    /// Root of the subject index over the same entries.
    pub fn index_root(&self) -> Hash {
        self.index_root
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (root, index_root) = (STANDARD.encode(self.root.0), STANDARD.encode(self.index_root.0));
        writeln!(f, "{}\n{}\n{root}\n{INDEX_LINE}{index_root}", self.origin, self.size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint() -> Checkpoint {
        Checkpoint::new("example.com/log", 12, Hash::of(b"root"), Hash::of(b"index")).unwrap()
    }

    fn parse_with(from: &str, to: &str) -> Result<Checkpoint, CheckpointTextError> {
        let text = checkpoint().to_string();
        assert!(text.contains(from), "{from} is not in the text");
        Checkpoint::parse(&text.replacen(from, to, 1))
    }

    #[test]
    fn a_checkpoint_is_written_as_it_is_read() {
        assert_eq!(Checkpoint::parse(&checkpoint().to_string()), Ok(checkpoint()));
        assert_eq!(checkpoint().to_string().lines().count(), 4);
    }

    #[test]
    fn each_malformed_checkpoint_has_its_own_error() {
        use CheckpointTextError as E;
        assert_eq!(Checkpoint::parse(""), Err(E::Lines));
        assert_eq!(Checkpoint::parse("log\n0\n"), Err(E::Lines));
        assert_eq!(Checkpoint::parse(checkpoint().to_string().trim_end()), Err(E::Lines));
        assert_eq!(parse_with("example.com/log", ""), Err(E::Origin));
        assert_eq!(parse_with("example.com/log", "example log"), Err(E::Origin));
        for size in ["", "012", "+12", "-12", "12 ", "0x12", "18446744073709551616"] {
            assert_eq!(parse_with("\n12\n", &format!("\n{size}\n")), Err(E::Size), "{size}");
        }
        assert_eq!(parse_with("\n12\n", "\n0\n"), Err(E::EmptyTree));
        assert_eq!(parse_with("=\n", "\n"), Err(E::RootEncoding));
        assert_eq!(parse_with("=\n", "= \n"), Err(E::RootEncoding));
        assert_eq!(parse_with("subject-index ", "subject-index  "), Err(E::RootEncoding));
        assert_eq!(parse_with("subject-index ", "subject-index AAAA"), Err(E::RootLength));
        assert_eq!(parse_with("\nsubject-index", "\n\nsubject-index"), Err(E::EmptyLine));
        assert_eq!(parse_with("subject-index", "subject-indices"), Err(E::Extension));
        assert_eq!(parse_with("\nsubject-index", "\nmore\nsubject-index"), Err(E::Extension));
        assert_eq!(Checkpoint::new("a\nb", 0, empty_root(), Hash::default()), Err(E::Origin));
        assert_eq!(Checkpoint::new("a", 0, Hash::default(), Hash::default()), Err(E::EmptyTree));
    }

    #[test]
    fn another_kind_of_log_is_read_as_a_tree_head_but_not_as_our_checkpoint() {
        let text = "Log\n18446744073709551615\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
        assert_eq!(TreeHead::parse(text).map(|head| (head.size, head.extensions)), Ok((u64::MAX, vec![])));
        assert_eq!(Checkpoint::parse(text), Err(CheckpointTextError::Extension));
    }
}
