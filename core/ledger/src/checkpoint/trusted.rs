//! The checkpoint that enough of the right keys have signed, and the only step from one to the next.

use crate::note::{Note, NoteError};
use crate::policy::{Policy, Shortfall};
use crate::tree::{ProofError, verify_consistency};
use crate::vkey::{SignatureError, VerifierKey};
use crate::{Checkpoint, CheckpointTextError, Hash, UnixMillis};

/// Why a note is not a trusted checkpoint under a policy. Checks run in this order; the first failure is reported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Not a signed note at all.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The policy names no log with this origin.
    #[error("the policy names no log with the checkpoint's origin")]
    UnknownLog,
    /// A line that claims to be by a key of the policy does not verify: the note was altered or the signer is broken.
    #[error("a signature by {0} does not verify")]
    BadSignature(String),
    /// One of the log's own keys has not signed.
    #[error("the checkpoint lacks a signature by the log's own key {0}")]
    LogSignatureMissing(String),
    /// The log signed the text, but it is not a checkpoint in the form that we require.
    #[error(transparent)]
    Text(#[from] CheckpointTextError),
    /// Too few witnesses have cosigned.
    #[error(transparent)]
    TooFewCosignatures(#[from] Shortfall),
}

impl CheckpointError {
    fn by(key: &VerifierKey, error: SignatureError) -> Self {
        match error {
            SignatureError::Invalid => Self::BadSignature(key.name().to_owned()),
            SignatureError::Missing => Self::LogSignatureMissing(key.to_string()),
        }
    }
}

/// Two checkpoints, both trusted under the policy, that contradict each other. Both notes are whole, so anyone can
/// verify the fork.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForkEvidence {
    /// The checkpoint that was trusted first.
    pub held: Note,
    /// The one that was offered as its successor.
    pub offered: Note,
}

/// Why a checkpoint cannot follow the one held.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdvanceError {
    /// Of another log.
    #[error("the checkpoint is of another log")]
    OtherLog,
    /// Smaller than the one held.
    #[error("the checkpoint is older than the one held")]
    Rollback,
    /// Of the same size with another tree or another subject index. Both are signed, so the log has forked.
    #[error("two different checkpoints of one size are signed")]
    Fork(Box<ForkEvidence>),
    /// The proof does not show that the log is append-only. Either the proof is wrong or the log has forked; only a
    /// valid proof, or its lasting absence, decides.
    #[error("no valid proof shows that the log is append-only: {reason}")]
    NotAnExtension {
        /// What is wrong with the proof.
        reason: ProofError,
        /// Both checkpoints.
        evidence: Box<ForkEvidence>,
    },
}

/// A checkpoint that a policy trusts. Only [`Policy::trust`] makes one; to keep it, keep the note's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedCheckpoint {
    checkpoint: Checkpoint,
    cosigned_at: UnixMillis,
    note: Note,
}

impl TrustedCheckpoint {
    /// What was signed.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The latest time such that the cosignatures made at that time or later meet the quorum on their own. No fewer
    /// than a quorum of witnesses can make a checkpoint look younger than it is.
    pub fn cosigned_at(&self) -> UnixMillis {
        self.cosigned_at
    }

    /// The note, with all its signatures.
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// Advances to `newer`, which `consistency` proves to extend this checkpoint. Of two checkpoints with the same
    /// content, the one cosigned later is kept, and no proof is needed.
    pub fn advance(&self, newer: Self, consistency: &[Hash]) -> Result<Self, AdvanceError> {
        let (held, next) = (&self.checkpoint, &newer.checkpoint);
        if held.origin() != next.origin() {
            return Err(AdvanceError::OtherLog);
        }
        if next.size() < held.size() {
            return Err(AdvanceError::Rollback);
        }
        if held == next {
            return Ok(if newer.cosigned_at > self.cosigned_at { newer } else { self.clone() });
        }
        if held.size() == next.size() {
            return Err(AdvanceError::Fork(Box::new(self.evidence_against(newer))));
        }
        match verify_consistency(held.size(), next.size(), held.root(), next.root(), consistency) {
            Ok(()) => Ok(newer),
            Err(reason) => {
                Err(AdvanceError::NotAnExtension { reason, evidence: Box::new(self.evidence_against(newer)) })
            }
        }
    }

    fn evidence_against(&self, newer: Self) -> ForkEvidence {
        ForkEvidence { held: self.note.clone(), offered: newer.note }
    }
}

impl Policy {
    /// Reads a signed checkpoint and trusts it if all the log's keys have signed it and a quorum of witnesses has
    /// cosigned it.
    pub fn trust(&self, note: &str) -> Result<TrustedCheckpoint, CheckpointError> {
        let note = Note::parse(note)?;
        let checkpoint = self.log_signed(&note)?;
        let times = self.witnesses().map(|(_, key)| match key.verify(&note) {
            Ok(time) => Ok(time),
            Err(SignatureError::Missing) => Ok(None),
            Err(error) => Err(CheckpointError::by(key, error)),
        });
        let cosigned_at = self.quorum_time(&times.collect::<Result<Vec<_>, _>>()?)?;
        Ok(TrustedCheckpoint { checkpoint, cosigned_at, note })
    }

    /// Reads a checkpoint that all of its log's keys have signed. Cosignatures are not checked: this is for those who
    /// are about to cosign.
    pub fn log_signed(&self, note: &Note) -> Result<Checkpoint, CheckpointError> {
        let origin = note.text().split('\n').next().unwrap_or_default();
        let mut known = false;
        for key in self.log_keys(origin) {
            known = true;
            key.verify(note).map_err(|error| CheckpointError::by(key, error))?;
        }
        if known { Ok(Checkpoint::parse(note.text())?) } else { Err(CheckpointError::UnknownLog) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Tree, leaf_hash};
    use crate::{Cosigner, NoteSigner};

    const LOG: &str = "example.com/log";

    struct World {
        keys: Vec<NoteSigner>,
        witnesses: Vec<Cosigner>,
        policy: Policy,
        tree: Tree,
    }

    /// One log with both keys, three witnesses of which two suffice, and a log that is not ours.
    fn world() -> World {
        let keys = vec![
            NoteSigner::p256(LOG, &[1; 32]).unwrap(),
            NoteSigner::ed25519(LOG, &[2; 32]).unwrap(),
            NoteSigner::ed25519("example.com/other", &[3; 32]).unwrap(),
        ];
        let witness = |i: u8| Cosigner::new(&format!("w{i}"), &[10 + i; 32]).unwrap();
        let witnesses: Vec<_> = (0..3).map(witness).collect();
        let logs = keys.iter().map(|key| format!("log {}\n", key.verifier_key()));
        let witness_line = |key: &VerifierKey| format!("witness {} {key}\n", key.name());
        let lines = logs.chain(witnesses.iter().map(|witness| witness_line(witness.verifier_key())));
        let text = lines.collect::<Vec<_>>().concat() + "group all-of-us 2 w0 w1 w2\nquorum all-of-us\n";
        let mut tree = Tree::new();
        (0..20u8).for_each(|i| {
            tree.push(leaf_hash(&[i]));
        });
        World { keys, witnesses, policy: text.parse().unwrap(), tree }
    }

    impl World {
        fn checkpoint(&self, size: u64) -> Checkpoint {
            Checkpoint::new(LOG, size, self.tree.root_at(size).unwrap(), Hash::of(b"index")).unwrap()
        }

        /// Signed by the keys `logs`, cosigned by witness i at `times[i]` seconds.
        fn note(&self, checkpoint: &Checkpoint, logs: &[usize], times: &[Option<u64>]) -> Note {
            let text = checkpoint.to_string();
            let mut note = Note::new(text.clone()).unwrap();
            for &key in logs {
                note.add(self.keys[key].sign(&text)).unwrap();
            }
            for (witness, time) in self.witnesses.iter().zip(times) {
                if let Some(time) = time {
                    note.add(witness.cosign(&text, UnixMillis::from_seconds(*time))).unwrap();
                }
            }
            note
        }

        fn trust(&self, checkpoint: &Checkpoint) -> TrustedCheckpoint {
            let note = self.note(checkpoint, &[0, 1], &[Some(5), Some(9), None]);
            self.policy.trust(&note.to_string()).unwrap()
        }
    }

    #[test]
    fn the_age_is_that_of_the_quorum_and_not_of_one_eager_notary() {
        let world = world();
        for (times, expected) in [
            ([Some(5), Some(9), None], 5),
            ([Some(5), Some(9), Some(7)], 7),
            ([Some(1), Some(u64::MAX / 2), Some(2)], 2),
        ] {
            let note = world.note(&world.checkpoint(7), &[0, 1], &times);
            let trusted = world.policy.trust(&note.to_string()).unwrap();
            assert_eq!(trusted.cosigned_at(), UnixMillis::from_seconds(expected));
            assert_eq!(trusted.checkpoint(), &world.checkpoint(7));
            assert_eq!(trusted.note(), &note);
        }
    }

    #[test]
    fn each_refusal_of_a_checkpoint_has_its_name() {
        let world = world();
        let checkpoint = world.checkpoint(7);
        let trust = |note: &Note| world.policy.trust(&note.to_string()).map(|_| ());
        let both = [Some(5), Some(9), None];
        assert_eq!(world.policy.trust("text\n"), Err(NoteError::Unsigned.into()));
        let foreign =
            Checkpoint::new("example.com/foreign", 0, crate::empty_root(), Hash::default()).unwrap();
        assert_eq!(trust(&world.note(&foreign, &[0, 1], &both)), Err(CheckpointError::UnknownLog));
        for (signing, missing) in [(1, 0), (0, 1)] {
            let key = world.keys[missing].verifier_key().to_string();
            let note = world.note(&checkpoint, &[signing], &both);
            assert_eq!(trust(&note), Err(CheckpointError::LogSignatureMissing(key)));
        }
        let other = world.note(&checkpoint, &[2], &both);
        assert!(matches!(trust(&other), Err(CheckpointError::LogSignatureMissing(_))));
        let few =
            Shortfall { name: "all-of-us".into(), have: 1, need: 2, missing: vec!["w1".into(), "w2".into()] };
        let note = world.note(&checkpoint, &[0, 1], &[Some(5)]);
        assert_eq!(trust(&note), Err(CheckpointError::TooFewCosignatures(few)));
    }

    #[test]
    fn one_bad_signature_by_a_known_key_spoils_the_note() {
        let world = world();
        let (checkpoint, other) = (world.checkpoint(7), world.checkpoint(8));
        let good = world.note(&checkpoint, &[0, 1], &[Some(5), Some(9), None]);
        for (signer, name) in [
            (world.keys[0].sign(&other.to_string()), LOG),
            (world.witnesses[2].cosign(&other.to_string(), UnixMillis(0)), "w2"),
        ] {
            let mut note = good.clone();
            note.add(signer).unwrap();
            let refused = world.policy.trust(&note.to_string());
            assert_eq!(refused, Err(CheckpointError::BadSignature(name.into())));
        }
        let mut stranger = good;
        stranger.add(Cosigner::new("w9", &[9; 32]).unwrap().cosign("x\n", UnixMillis(0))).unwrap();
        assert!(world.policy.trust(&stranger.to_string()).is_ok());
    }

    #[test]
    fn a_signed_text_without_the_index_root_is_refused() {
        let world = world();
        let text = world.checkpoint(7).to_string().lines().take(3).collect::<Vec<_>>().join("\n") + "\n";
        let mut note = Note::new(text.clone()).unwrap();
        world.keys[..2].iter().for_each(|key| note.add(key.sign(&text)).unwrap());
        let refused = world.policy.trust(&note.to_string());
        assert_eq!(refused, Err(CheckpointTextError::Extension.into()));
    }

    #[test]
    fn a_log_may_grow_and_nothing_else() {
        let world = world();
        let held = world.trust(&world.checkpoint(7));
        let newer = world.trust(&world.checkpoint(20));
        let proof = world.tree.consistency(7, 20).unwrap();
        assert_eq!(held.advance(newer.clone(), &proof), Ok(newer.clone()));
        assert_eq!(newer.advance(held.clone(), &proof), Err(AdvanceError::Rollback));
        let evidence = Box::new(ForkEvidence { held: held.note().clone(), offered: newer.note().clone() });
        let reason = ProofError::WrongLength;
        assert_eq!(held.advance(newer, &proof[1..]), Err(AdvanceError::NotAnExtension { reason, evidence }));
    }

    #[test]
    fn two_checkpoints_of_one_size_are_a_fork_whichever_root_differs() {
        let world = world();
        let held = world.trust(&world.checkpoint(7));
        let root = world.tree.root_at(7).unwrap();
        for (root, index_root) in [(Hash::of(b"x"), Hash::of(b"index")), (root, Hash::of(b"x"))] {
            let other = world.trust(&Checkpoint::new(LOG, 7, root, index_root).unwrap());
            let evidence =
                Box::new(ForkEvidence { held: held.note().clone(), offered: other.note().clone() });
            assert_eq!(held.advance(other, &[]), Err(AdvanceError::Fork(evidence)));
        }
    }

    #[test]
    fn another_log_never_follows() {
        let world = world();
        let held = world.trust(&world.checkpoint(7));
        let other =
            Checkpoint::new("example.com/other", 7, held.checkpoint().root(), Hash::of(b"index")).unwrap();
        let note = world.note(&other, &[2], &[Some(5), Some(9), None]);
        let other = world.policy.trust(&note.to_string()).unwrap();
        assert_eq!(held.advance(other, &[]), Err(AdvanceError::OtherLog));
    }

    #[test]
    fn an_older_cosigning_of_the_same_checkpoint_does_not_age_the_one_held() {
        let world = world();
        let trusted = |times: &[Option<u64>]| {
            world.policy.trust(&world.note(&world.checkpoint(7), &[0, 1], times).to_string()).unwrap()
        };
        let (old, new) = (trusted(&[Some(1), Some(2), None]), trusted(&[Some(8), Some(9), None]));
        assert_eq!(old.advance(new.clone(), &[]), Ok(new.clone()));
        assert_eq!(new.advance(old, &[]), Ok(new));
    }
}
