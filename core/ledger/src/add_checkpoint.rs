//! How a log asks a witness to cosign a checkpoint (C2SP tlog-witness, add-checkpoint), from both sides.
//!
//! In scope: the request's text, and what a witness checks of a log whose entries it does not read: the log's signature, and
//! that the checkpoint extends the one it cosigned before. Out of scope: storing that, HTTP, `sign-subtree`. A witness that
//! reads every entry is `witness`.
//!
//! ```text
//! old 20852014                                      size of the checkpoint that the witness cosigned last
//! PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=      consistency proof
//!
//! example.com/behind-the-sofa                       the signed checkpoint
//! …
//! ```

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::checkpoint::TreeHead;
use crate::note::Note;
use crate::tree::{MAX_PATH, ProofError, empty_root, verify_consistency};
use crate::vkey::{SignatureError, VerifierKey};
use crate::{CheckpointTextError, Hash, NoteError};

/// Why text is no request to cosign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddCheckpointTextError {
    /// The first line is not `old` and a size.
    #[error("the request does not begin with the old size")]
    Old,
    /// A line of the proof is not the canonical Base64 of 32 bytes.
    #[error("a hash of the consistency proof is malformed")]
    Hash,
    /// More than [`MAX_PATH`] hashes.
    #[error("the consistency proof has more than {MAX_PATH} hashes")]
    TooManyHashes,
    /// No blank line below the proof.
    #[error("the request has no checkpoint")]
    Checkpoint,
    /// What is below is no signed note.
    #[error(transparent)]
    Note(#[from] NoteError),
}

/// Why a witness does not cosign another's checkpoint. Checks run in this order; the first failure is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddCheckpointRefusal {
    /// The note is no checkpoint. A checkpoint of no entries under another root is [`AddCheckpointRefusal::Inconsistent`].
    #[error(transparent)]
    Text(CheckpointTextError),
    /// The witness does not know the log.
    #[error("this witness does not follow the log")]
    UnknownLog,
    /// No key that the witness trusts has signed, or one of them only in appearance.
    #[error("the checkpoint is not signed by the log")]
    Signature,
    /// The old size is beyond the checkpoint.
    #[error("the old size is larger than the checkpoint")]
    OldSize,
    /// The old size is not that of the checkpoint cosigned last, which is this.
    #[error("the checkpoint cosigned last has {0} entries")]
    Conflict(u64),
    /// No proof that the checkpoint extends the one cosigned last.
    #[error("the checkpoint does not extend the one cosigned last: {0}")]
    Inconsistent(ProofError),
}

/// A request to cosign. Nothing in it has been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// Size of the checkpoint that the witness cosigned last; 0 if it never did.
    pub old: u64,
    /// Consistency proof from there.
    pub proof: Vec<Hash>,
    /// The checkpoint, signed by its log.
    pub note: Note,
}

impl AddCheckpoint {
    /// The checkpoint to cosign, once `keys` of its log (any of them) have signed it and it extends `held`, which the
    /// witness cosigned last. The caller makes it the new `held`, durably, before the cosignature leaves.
    pub fn verify<'a>(
        &self,
        keys: impl IntoIterator<Item = &'a VerifierKey>,
        held: Option<&TreeHead>,
    ) -> Result<TreeHead, AddCheckpointRefusal> {
        use AddCheckpointRefusal as R;
        let origin = self.note.text().split('\n').next().unwrap_or_default();
        let mut keys = keys.into_iter().filter(|key| key.name() == origin).peekable();
        keys.peek().ok_or(R::UnknownLog)?;
        let signatures: Vec<_> = keys.map(|key| key.verify(&self.note)).collect();
        if signatures.contains(&Err(SignatureError::Invalid)) || !signatures.iter().any(Result::is_ok) {
            return Err(R::Signature);
        }
        let head = TreeHead::parse(self.note.text()).map_err(|error| match error {
            CheckpointTextError::EmptyTree => R::Inconsistent(ProofError::RootMismatch),
            error => R::Text(error),
        })?;
        if self.old > head.size {
            return Err(R::OldSize);
        }
        let (size, root) = held.map_or((0, empty_root()), |held| (held.size, held.root));
        if self.old != size {
            return Err(R::Conflict(size));
        }
        verify_consistency(size, head.size, root, head.root, &self.proof).map_err(R::Inconsistent)?;
        Ok(head)
    }
}

impl FromStr for AddCheckpoint {
    type Err = AddCheckpointTextError;

    fn from_str(text: &str) -> Result<Self, AddCheckpointTextError> {
        use AddCheckpointTextError as E;
        let (head, note) = text.split_once("\n\n").ok_or(E::Checkpoint)?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old ")).ok_or(E::Old)?;
        let old = old.parse().ok().filter(|size: &u64| size.to_string() == old).ok_or(E::Old)?;
        let hash = |line| STANDARD.decode(line).ok().and_then(|bytes| Hash::from_slice(&bytes));
        let proof: Vec<Hash> = lines.take(MAX_PATH + 1).map(hash).collect::<Option<_>>().ok_or(E::Hash)?;
        if proof.len() > MAX_PATH {
            return Err(E::TooManyHashes);
        }
        Ok(Self { old, proof, note: Note::parse(note)? })
    }
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{}", STANDARD.encode(hash.0)))?;
        write!(f, "\n{}", self.note)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NoteSigner;
    use crate::tree::{Tree, leaf_hash};

    const LOG: &str = "example.com/behind-the-sofa";

    fn tree() -> Tree {
        let mut tree = Tree::new();
        (0..20u8).for_each(|i| {
            tree.push(leaf_hash(&[i]));
        });
        tree
    }

    fn signer(seed: u8) -> NoteSigner {
        NoteSigner::ed25519(LOG, &[seed; 32]).unwrap()
    }

    fn signed(text: String, by: &[&NoteSigner]) -> Note {
        let mut note = Note::new(text).unwrap();
        for key in by {
            note.add(key.sign(note.text())).unwrap();
        }
        note
    }

    /// A log like others: its checkpoints have no extension of ours.
    fn checkpoint(size: u64) -> String {
        let root = if size == 0 { empty_root() } else { tree().root_at(size).unwrap() };
        format!("{LOG}\n{size}\n{}\n", STANDARD.encode(root.0))
    }

    fn request(old: u64, new: u64) -> AddCheckpoint {
        let proof = if old == 0 { vec![] } else { tree().consistency(old, new).unwrap() };
        AddCheckpoint { old, proof, note: signed(checkpoint(new), &[&signer(1)]) }
    }

    fn head(size: u64) -> TreeHead {
        TreeHead::parse(&checkpoint(size)).unwrap()
    }

    #[test]
    fn a_log_that_grows_is_cosigned_step_by_step() {
        let key = signer(1).verifier_key().clone();
        let mut held = None;
        for (old, new) in [(0, 0), (0, 5), (5, 5), (5, 8), (8, 20)] {
            let request: AddCheckpoint = request(old, new).to_string().parse().unwrap();
            held = Some(request.verify([&key], held.as_ref()).unwrap());
            assert_eq!(held, Some(head(new)));
        }
    }

    #[test]
    fn each_refusal_has_its_name() {
        use AddCheckpointRefusal as R;
        let (ours, other) = (signer(1), signer(2));
        let key = ours.verifier_key();
        let verify = |request: &AddCheckpoint| request.verify([key], Some(&head(5)));
        assert_eq!(verify(&request(5, 8)), Ok(head(8)));
        let with = |note| AddCheckpoint { note, ..request(5, 8) };
        assert_eq!(request(5, 8).verify([], Some(&head(5))), Err(R::UnknownLog));
        let foreign = NoteSigner::ed25519("example.com/other", &[1; 32]).unwrap();
        assert_eq!(request(5, 8).verify([foreign.verifier_key()], None), Err(R::UnknownLog));
        assert_eq!(verify(&with(signed(checkpoint(8), &[&other]))), Err(R::Signature));
        let mut forged = signed(checkpoint(8), &[&ours]);
        forged.add(ours.sign("another text\n")).unwrap();
        assert_eq!(verify(&with(forged)), Err(R::Signature));
        let short = signed(format!("{LOG}\n8\n"), &[&ours]);
        assert_eq!(verify(&with(short)), Err(R::Text(CheckpointTextError::Lines)));
        assert_eq!(verify(&AddCheckpoint { old: 9, ..request(5, 8) }), Err(R::OldSize));
        assert_eq!(verify(&request(0, 8)), Err(R::Conflict(5)));
        assert_eq!(verify(&request(8, 20)), Err(R::Conflict(5)));
        let proof = request(5, 8).proof;
        let inconsistent = |request: AddCheckpoint| {
            assert!(matches!(verify(&request), Err(R::Inconsistent(_))), "{request}");
        };
        inconsistent(AddCheckpoint { proof: proof[1..].to_vec(), ..request(5, 8) });
        inconsistent(with(signed(checkpoint(8).replacen("\n8\n", "\n9\n", 1), &[&ours])));
        inconsistent(AddCheckpoint { proof, ..request(5, 5) });
        let other_root = checkpoint(4).replacen("\n4\n", "\n5\n", 1);
        inconsistent(AddCheckpoint { proof: vec![], ..with(signed(other_root, &[&ours])) });
        let nothing = signed(checkpoint(4).replacen("\n4\n", "\n0\n", 1), &[&ours]);
        let nothing = AddCheckpoint { old: 0, proof: vec![], note: nothing };
        assert!(matches!(nothing.verify([key], None), Err(R::Inconsistent(_))));
        let proof = vec![Hash::of(b"x")];
        let never = AddCheckpoint { proof, ..request(0, 5) }.verify([key], None);
        assert!(matches!(never, Err(R::Inconsistent(_))));
    }

    #[test]
    fn each_way_not_to_be_a_request_has_its_name() {
        use AddCheckpointTextError as E;
        let text = request(5, 8).to_string();
        let parse = |from: &str, to: &str| {
            assert!(text.contains(from), "{from} is not in the text");
            text.replacen(from, to, 1).parse::<AddCheckpoint>()
        };
        for old in ["old 05", "old", "old -5", "old 5 ", "new 5", "old 18446744073709551616"] {
            assert_eq!(parse("old 5", old), Err(E::Old), "{old}");
        }
        assert_eq!(parse("old 5\n", "old 5\nAAAA\n"), Err(E::Hash));
        assert_eq!("old 0\n".parse::<AddCheckpoint>(), Err(E::Checkpoint));
        assert_eq!("old 0\n\nlog\n".parse::<AddCheckpoint>(), Err(E::Note(NoteError::Unsigned)));
        let hashes = format!("{}\n", STANDARD.encode([7; 32])).repeat(MAX_PATH);
        assert_eq!(parse("old 5\n", &format!("old 5\n{hashes}")), Err(E::TooManyHashes));
    }
}
