//! A witness: it sees every entry of a log and cosigns the checkpoints that follow from them.
//!
//! In scope: the witness's rule (C2SP tlog-cosignature: cosign only what extends what was cosigned before), and ours,
//! that the subject index follows from the entries as well. Out of scope: fetching entries, storing anything.
//!
//! A witness must never lose the last checkpoint of each log that it cosigned: the caller has it recomputed
//! ([`Witness::follow`]), stores it, and has it cosigned then ([`Witness::cosign`]). A crash between the two costs one
//! cosignature; in the other order the witness could cosign two histories.

use std::collections::BTreeMap;

use crate::index::{Index, IndexKey};
use crate::note::{Note, NoteSignature};
use crate::policy::Policy;
use crate::signer::Cosigner;
use crate::tree::{Frontier, leaf_hash};
use crate::vkey::VerifierKey;
use crate::{Checkpoint, CheckpointError, ForkEvidence, Hash, UnixMillis};

/// Why a witness does not cosign. Checks run in this order; the first failure is reported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WitnessRefusal {
    /// Not a checkpoint signed by a log that the witness follows.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Smaller than the last one cosigned.
    #[error("the checkpoint is older than the one cosigned last")]
    Rollback,
    /// Of the same size as the last one cosigned, but different: the log has signed both.
    #[error("the log has signed two different checkpoints of one size")]
    Fork(Box<ForkEvidence>),
    /// The entries given are not those between the last checkpoint and this one.
    #[error("the checkpoint is of size {size}, but the log with the entries given is of size {reached}")]
    Size {
        /// Size that the checkpoint states.
        size: u64,
        /// Size that the entries lead to.
        reached: u64,
    },
    /// The entries do not lead to the checkpoint's root.
    #[error("the entries do not lead to the root of the checkpoint")]
    TreeRoot,
    /// The entries do not lead to the checkpoint's subject index.
    #[error("the entries do not lead to the subject index of the checkpoint")]
    IndexRoot,
}

/// A log as of the last checkpoint that was cosigned.
#[derive(Clone, Debug, Default)]
struct Followed {
    tree: Frontier,
    index: Index,
    last: Option<(Checkpoint, Note)>,
}

/// A witness for the logs of a policy. A refusal changes nothing.
#[derive(Debug)]
pub struct Witness {
    cosigner: Cosigner,
    policy: Policy,
    logs: BTreeMap<String, Followed>,
}

impl Witness {
    /// A witness that has cosigned nothing yet. It uses only the logs and their keys of the policy.
    pub fn new(cosigner: Cosigner, policy: Policy) -> Self {
        Self { cosigner, policy, logs: BTreeMap::new() }
    }

    /// The key that verifies this witness's cosignatures.
    pub fn verifier_key(&self) -> &VerifierKey {
        self.cosigner.verifier_key()
    }

    /// The last checkpoint of a log that was cosigned or restored.
    pub fn last(&self, origin: &str) -> Option<&Checkpoint> {
        self.logs.get(origin).and_then(|log| log.last.as_ref()).map(|(checkpoint, _)| checkpoint)
    }

    /// Number of entries of a log that it has seen.
    pub fn size(&self, origin: &str) -> u64 {
        self.logs.get(origin).map_or(0, |log| log.tree.size())
    }

    /// Recomputes what the log is about to sign, from the entries since [`Witness::size`]: each statement's id, which is the
    /// entry, and its place in the subject index. It is cosigned once the log has signed it.
    pub fn follow(
        &mut self,
        entries: &[(Hash, IndexKey)],
        checkpoint: &Checkpoint,
    ) -> Result<(), WitnessRefusal> {
        if self.policy.log_keys(checkpoint.origin()).next().is_none() {
            return Err(CheckpointError::UnknownLog.into());
        }
        self.logs.entry(checkpoint.origin().to_owned()).or_default().grow(entries, checkpoint)
    }

    /// Cosigns a checkpoint, as of `now`. `entries` are the log's entries since [`Witness::size`], as in [`Witness::follow`].
    /// Cosigning the last checkpoint again, without entries, states that it is still the latest.
    pub fn cosign(
        &mut self,
        entries: &[(Hash, IndexKey)],
        note: &Note,
        now: UnixMillis,
    ) -> Result<NoteSignature, WitnessRefusal> {
        self.restore(entries, note)?;
        Ok(self.cosigner.cosign(note.text(), now))
    }

    /// Advances to a checkpoint without cosigning it. This restores the state at start: the last checkpoint cosigned,
    /// and all entries up to it.
    pub fn restore(&mut self, entries: &[(Hash, IndexKey)], note: &Note) -> Result<(), WitnessRefusal> {
        let checkpoint = self.policy.log_signed(note)?;
        let log = self.logs.entry(checkpoint.origin().to_owned()).or_default();
        log.accept(entries, checkpoint, note)
    }
}

impl Followed {
    /// Appends `entries` to the log, if it then matches the checkpoint, which the log has signed.
    fn accept(
        &mut self,
        entries: &[(Hash, IndexKey)],
        checkpoint: Checkpoint,
        note: &Note,
    ) -> Result<(), WitnessRefusal> {
        match &self.last {
            Some((last, held)) if last.size() == checkpoint.size() && *last != checkpoint => {
                let (held, offered) = (held.clone(), note.clone());
                return Err(WitnessRefusal::Fork(Box::new(ForkEvidence { held, offered })));
            }
            _ => self.grow(entries, &checkpoint)?,
        }
        self.last = Some((checkpoint, note.clone()));
        Ok(())
    }

    /// Appends `entries` to the log, if it then matches the checkpoint.
    fn grow(&mut self, entries: &[(Hash, IndexKey)], checkpoint: &Checkpoint) -> Result<(), WitnessRefusal> {
        let (size, reached) = (checkpoint.size(), self.tree.size() + entries.len() as u64);
        if size < self.tree.size() {
            return Err(WitnessRefusal::Rollback);
        }
        if size != reached {
            return Err(WitnessRefusal::Size { size, reached });
        }
        // The index is changed in place and, on failure, changed back: with a copy, every branch on the way would be
        // rebuilt.
        let tree = self.tree.clone();
        let mut before = Vec::new();
        for (id, key) in entries {
            if tree.size() > 0 {
                before.push(self.index.get(key));
            }
            self.tree.push(leaf_hash(&id.0));
            self.index.record(*key, *id);
        }
        let refusal = if self.tree.root() != checkpoint.root() {
            WitnessRefusal::TreeRoot
        } else if self.index.root() != checkpoint.index_root() {
            WitnessRefusal::IndexRoot
        } else {
            return Ok(());
        };
        if tree.size() == 0 {
            self.index = Index::new();
        }
        self.tree = tree;
        for ((_, key), before) in entries.iter().zip(before).rev() {
            match before {
                Some(before) => self.index.insert(*key, before),
                None => self.index.remove(key),
            }
        }
        Err(refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Tree;
    use crate::{CheckpointTextError, NoteSigner};

    const LOG: &str = "example.com/log";

    /// A log that signs whatever it is given, and its witness.
    struct World {
        log: NoteSigner,
        witness: Witness,
    }

    fn world() -> World {
        let log = NoteSigner::ed25519(LOG, &[1; 32]).unwrap();
        let cosigner = || Cosigner::new("witness", &[2; 32]).unwrap();
        let (log_key, key) = (log.verifier_key(), cosigner().verifier_key().clone());
        let policy = format!("log {log_key}\nwitness witness {key}\nquorum witness\n");
        World { witness: Witness::new(cosigner(), policy.parse().unwrap()), log }
    }

    fn entries(range: std::ops::Range<u32>) -> Vec<(Hash, IndexKey)> {
        let entry = |i: u32| {
            let subject = (i % 7).to_string();
            (Hash::of(&i.to_be_bytes()), IndexKey::new("family", &subject))
        };
        range.map(entry).collect()
    }

    /// The checkpoint after `entries`.
    fn checkpoint(entries: &[(Hash, IndexKey)]) -> Checkpoint {
        let (mut tree, mut index) = (Tree::new(), Index::new());
        for (id, key) in entries {
            tree.push(leaf_hash(&id.0));
            index.record(*key, *id);
        }
        Checkpoint::new(LOG, tree.size(), tree.root(), index.root()).unwrap()
    }

    impl World {
        fn signed(&self, checkpoint: &Checkpoint) -> Note {
            let mut note = Note::new(checkpoint.to_string()).unwrap();
            note.add(self.log.sign(note.text())).unwrap();
            note
        }

        fn cosign(
            &mut self,
            entries: &[(Hash, IndexKey)],
            checkpoint: &Checkpoint,
        ) -> Result<(), WitnessRefusal> {
            let mut note = self.signed(checkpoint);
            let line = self.witness.cosign(entries, &note, UnixMillis::from_seconds(77))?;
            note.add(line).unwrap();
            let trusted = self.witness.policy.trust(&note.to_string()).unwrap();
            assert_eq!((trusted.cosigned_at().seconds(), trusted.checkpoint()), (77, checkpoint));
            Ok(())
        }
    }

    #[test]
    fn a_growing_log_is_cosigned_step_by_step_and_the_last_step_again() {
        let mut world = world();
        for (from, to) in [(0, 0), (0, 5), (5, 6), (6, 300), (300, 300)] {
            assert_eq!(world.cosign(&entries(from..to), &checkpoint(&entries(0..to))), Ok(()));
        }
        assert_eq!(world.witness.last(LOG), Some(&checkpoint(&entries(0..300))));
        assert_eq!(world.witness.last("example.com/other"), None);
    }

    #[test]
    fn each_refusal_has_its_own_error_and_changes_nothing() {
        let mut world = world();
        let (first, all) = (checkpoint(&entries(0..9)), checkpoint(&entries(0..20)));
        let mut unknown = entries(0..9);
        unknown[5].1 = IndexKey::new("family", "another subject");
        assert_eq!(world.cosign(&unknown, &first), Err(WitnessRefusal::IndexRoot));
        world.cosign(&entries(0..9), &first).unwrap();
        let (size, root) = (all.size(), all.root());
        let mut other = entries(0..20);
        other[15].0 = Hash::of(b"another statement");
        let mut moved = entries(0..20);
        moved[15].1 = IndexKey::new("family", "another subject");
        let refused = [
            (entries(0..0), checkpoint(&entries(0..8)), WitnessRefusal::Rollback),
            (entries(9..19), all.clone(), WitnessRefusal::Size { size, reached: 19 }),
            (entries(0..20), all.clone(), WitnessRefusal::Size { size, reached: 29 }),
            (other[9..].to_vec(), all.clone(), WitnessRefusal::TreeRoot),
            (entries(9..20), checkpoint(&other), WitnessRefusal::TreeRoot),
            (moved[9..].to_vec(), all.clone(), WitnessRefusal::IndexRoot),
            (entries(9..20), checkpoint(&moved), WitnessRefusal::IndexRoot),
            (
                entries(9..20),
                Checkpoint::new(LOG, size, root, Hash::of(b"index")).unwrap(),
                WitnessRefusal::IndexRoot,
            ),
        ];
        for (entries, checkpoint, refusal) in refused {
            assert_eq!(world.cosign(&entries, &checkpoint), Err(refusal));
            assert_eq!(world.witness.last(LOG), Some(&first));
        }
        assert_eq!(world.cosign(&entries(9..20), &all), Ok(()));
    }

    #[test]
    fn two_checkpoints_of_one_size_are_never_both_cosigned() {
        let mut world = world();
        let first = checkpoint(&entries(0..9));
        world.cosign(&entries(0..9), &first).unwrap();
        let mut other = entries(0..9);
        other[3].0 = Hash::of(b"another statement");
        let index_only = Checkpoint::new(LOG, 9, first.root(), Hash::of(b"index")).unwrap();
        for second in [checkpoint(&other), index_only] {
            let (held, offered) = (world.signed(&first), world.signed(&second));
            let fork = WitnessRefusal::Fork(Box::new(ForkEvidence { held, offered }));
            assert_eq!(world.cosign(&[], &second), Err(fork));
        }
    }

    #[test]
    fn only_a_followed_log_that_has_signed_is_cosigned() {
        let mut world = world();
        let first = checkpoint(&entries(0..2));
        let mut forged = Note::new(first.to_string()).unwrap();
        forged.add(NoteSigner::ed25519(LOG, &[9; 32]).unwrap().sign(forged.text())).unwrap();
        let refused = world.witness.cosign(&entries(0..2), &forged, UnixMillis(0));
        let missing = CheckpointError::LogSignatureMissing(world.log.verifier_key().to_string());
        assert_eq!(refused, Err(missing.into()));
        let stranger = Checkpoint::new("example.com/other", 2, first.root(), first.index_root()).unwrap();
        let refused = world.cosign(&entries(0..2), &stranger);
        assert_eq!(refused, Err(CheckpointError::UnknownLog.into()));
        let text = format!("{LOG}\n1\n");
        let mut short = Note::new(text.clone()).unwrap();
        short.add(world.log.sign(&text)).unwrap();
        let refused = world.witness.cosign(&[], &short, UnixMillis(0));
        assert_eq!(refused, Err(CheckpointError::from(CheckpointTextError::Lines).into()));
        assert_eq!(world.witness.last(LOG), None);
    }

    #[test]
    fn what_a_witness_follows_is_recomputed_and_cosigned_only_when_the_log_has_signed_it() {
        let mut world = world();
        let first = checkpoint(&entries(0..9));
        assert_eq!(
            world.witness.follow(&entries(0..8), &first),
            Err(WitnessRefusal::Size { size: 9, reached: 8 })
        );
        assert_eq!(world.witness.follow(&entries(1..10), &first), Err(WitnessRefusal::TreeRoot));
        assert_eq!(world.witness.follow(&entries(0..9), &first), Ok(()));
        assert_eq!((world.witness.size(LOG), world.witness.last(LOG)), (9, None));
        let stranger = Checkpoint::new("example.com/other", 9, first.root(), first.index_root()).unwrap();
        assert_eq!(world.witness.follow(&[], &stranger), Err(CheckpointError::UnknownLog.into()));
        let unsigned = Note::new(first.to_string()).unwrap();
        assert!(matches!(
            world.witness.cosign(&[], &unsigned, UnixMillis(0)),
            Err(WitnessRefusal::Checkpoint(_))
        ));
        // Nor does it cosign another one of that size.
        let other = Checkpoint::new(LOG, 9, first.root(), Hash::of(b"index")).unwrap();
        assert_eq!(world.cosign(&[], &other), Err(WitnessRefusal::IndexRoot));
        assert_eq!(world.cosign(&[], &first), Ok(()));
        assert_eq!(world.witness.last(LOG), Some(&first));
    }

    #[test]
    fn a_restarted_witness_refuses_what_it_refused_before() {
        let mut world = world();
        let last = checkpoint(&entries(0..30));
        let note = world.signed(&last);
        world.witness.restore(&entries(0..30), &note).unwrap();
        assert_eq!(world.cosign(&[], &checkpoint(&entries(0..29))), Err(WitnessRefusal::Rollback));
        assert_eq!(world.cosign(&entries(30..40), &checkpoint(&entries(0..40))), Ok(()));
        let mut restarted = self::world();
        let short = WitnessRefusal::Size { size: 30, reached: 29 };
        assert_eq!(restarted.witness.restore(&entries(0..29), &note), Err(short));
    }
}
