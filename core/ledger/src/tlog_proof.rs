//! The proof that a log holds an entry, as a text of its own (C2SP tlog-proof).
//!
//! In scope: the text, both ways and strictly; its verification. Out of scope: the meaning of the extra data, which
//! nobody signs.
//!
//! ```text
//! c2sp.org/tlog-proof@v1
//! extra ZXh0cmEgaW5mb3JtYXRpb24=                        may be left out
//! index 1
//! rzFuy5Go7nrpkhBwKy1HWPMM3eO/YePY54fXRoH5Cm4=          hashes from the leaf's sibling up
//!
//! example.com/supply                                    the signed checkpoint as it is
//! …
//! ```

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::checkpoint::CheckpointError;
use crate::policy::Policy;
use crate::tree::{MAX_PATH, ProofError, verify_inclusion};
use crate::{Hash, MAX_NOTE_LEN, MAX_STATEMENT, TrustedCheckpoint, leaf_hash};

const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// Why text is not a tlog-proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LogProofTextError {
    /// The first line is a different one.
    #[error("the text does not begin with {HEADER}")]
    Header,
    /// The extra data is not canonical Base64, or longer than a statement.
    #[error("the proof's extra data is malformed")]
    Extra,
    /// The index is missing, or is not a decimal number of 64 bits without leading zeros.
    #[error("the proof's index is malformed")]
    Index,
    /// A line of the path is not the canonical Base64 of 32 bytes.
    #[error("a hash of the proof is malformed")]
    Hash,
    /// More than [`MAX_PATH`] hashes.
    #[error("the proof has more than {MAX_PATH} hashes")]
    TooManyHashes,
    /// No blank line and checkpoint below the path, or one that is too long.
    #[error("the proof has no checkpoint")]
    Checkpoint,
}

/// Why a tlog-proof proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogProofError {
    /// The checkpoint is not trusted.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The path does not lead from the entry to the checkpoint's root.
    #[error(transparent)]
    Path(#[from] ProofError),
}

/// An entry's place in a log, the path to a checkpoint's root, and the checkpoint. Nothing in it has been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogProof {
    /// The application's extra data; nobody signs it.
    pub extra: Option<Vec<u8>>,
    /// The entry's index.
    pub index: u64,
    /// Sibling hashes, from the leaf to the root.
    pub path: Vec<Hash>,
    /// The signed checkpoint, as a note.
    pub checkpoint: String,
}

impl LogProof {
    /// Verifies that the log holds the statement `id` at the index, under a checkpoint that `policy` trusts.
    pub fn verify(&self, id: Hash, policy: &Policy) -> Result<TrustedCheckpoint, LogProofError> {
        let trusted = policy.trust(&self.checkpoint)?;
        let head = trusted.checkpoint();
        verify_inclusion(leaf_hash(id.as_bytes()), self.index, head.size(), &self.path, head.root())?;
        Ok(trusted)
    }
}

impl FromStr for LogProof {
    type Err = LogProofTextError;

    fn from_str(text: &str) -> Result<Self, LogProofTextError> {
        let (proof, checkpoint) = text.split_once("\n\n").ok_or(LogProofTextError::Checkpoint)?;
        if checkpoint.is_empty() || checkpoint.len() > MAX_NOTE_LEN {
            return Err(LogProofTextError::Checkpoint);
        }
        let mut lines = proof.split('\n').peekable();
        if lines.next() != Some(HEADER) {
            return Err(LogProofTextError::Header);
        }
        let extra = lines.next_if(|line| line.starts_with("extra ")).map(|line| read_extra(&line[6..]));
        let extra = extra.transpose()?;
        let index = lines.next().and_then(|line| line.strip_prefix("index "));
        let index = index.and_then(read_index).ok_or(LogProofTextError::Index)?;
        let path: Vec<Hash> = lines
            .take(MAX_PATH + 1)
            .map(|line| STANDARD.decode(line).ok().and_then(|bytes| Hash::from_slice(&bytes)))
            .collect::<Option<_>>()
            .ok_or(LogProofTextError::Hash)?;
        if path.len() > MAX_PATH {
            return Err(LogProofTextError::TooManyHashes);
        }
        Ok(Self { extra, index, path, checkpoint: checkpoint.to_owned() })
    }
}

fn read_extra(text: &str) -> Result<Vec<u8>, LogProofTextError> {
    let bytes = STANDARD.decode(text).map_err(|_| LogProofTextError::Extra)?;
    if bytes.len() <= MAX_STATEMENT { Ok(bytes) } else { Err(LogProofTextError::Extra) }
}

fn read_index(text: &str) -> Option<u64> {
    text.parse().ok().filter(|index: &u64| index.to_string() == text)
}

impl fmt::Display for LogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.path.iter().try_for_each(|hash| writeln!(f, "{}", STANDARD.encode(hash.0)))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof() -> LogProof {
        let path = vec![Hash::of(b"sibling"), Hash::of(b"uncle")];
        LogProof { extra: Some(b"more".to_vec()), index: 2, path, checkpoint: "log\n3\n".into() }
    }

    fn parse_with(from: &str, to: &str) -> Result<LogProof, LogProofTextError> {
        let text = proof().to_string();
        assert!(text.contains(from), "{from} is not in the text");
        text.replacen(from, to, 1).parse()
    }

    #[test]
    fn a_proof_is_read_as_it_was_written() {
        for extra in [None, Some(vec![]), Some(b"more".to_vec())] {
            for path in [vec![], proof().path] {
                let proof = LogProof { extra: extra.clone(), path, ..proof() };
                assert_eq!(proof.to_string().parse(), Ok(proof));
            }
        }
    }

    #[test]
    fn each_way_not_to_be_a_proof_has_its_name() {
        use LogProofTextError as E;
        assert_eq!("".parse::<LogProof>(), Err(E::Checkpoint));
        assert_eq!(parse_with("log\n3\n", ""), Err(E::Checkpoint));
        assert_eq!(parse_with("log\n", &"l".repeat(MAX_NOTE_LEN)), Err(E::Checkpoint));
        assert_eq!(parse_with("@v1", "@v2"), Err(E::Header));
        assert_eq!(parse_with("extra bW9yZQ==", "extra bW9yZQ"), Err(E::Extra));
        assert_eq!(parse_with("bW9yZQ==", &STANDARD.encode(vec![0; MAX_STATEMENT + 1])), Err(E::Extra));
        assert_eq!(parse_with("extra bW9yZQ==\n", "extra bW9yZQ==\nextra bW9yZQ==\n"), Err(E::Index));
        for index in ["index 02", "index -2", "index 2 ", "index", "18446744073709551616"] {
            assert_eq!(parse_with("index 2", index), Err(E::Index), "{index}");
        }
        assert_eq!(parse_with("=\n\n", "\n\n"), Err(E::Hash));
        assert_eq!(parse_with("=\n\n", "=\nAAAA\n\n"), Err(E::Hash));
        let hash = STANDARD.encode([7; 32]);
        let many = |count| format!("index 2\n{}", format!("{hash}\n").repeat(count));
        assert_eq!(parse_with("index 2\n", &many(MAX_PATH - 1)), Err(E::TooManyHashes));
        assert!(parse_with("index 2\n", &many(MAX_PATH - 2)).is_ok());
    }
}
