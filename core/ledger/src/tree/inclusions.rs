//! Inclusion proofs of many entries of one log.

use super::{Edge, ProofError};
use crate::{Checkpoint, Hash, TrustedCheckpoint};

/// Checks inclusion proofs against one checkpoint, one after the other.
///
/// Paths of neighbouring entries share their upper part. When a path reaches a node of the path before it, with the
/// same siblings from there on, it leads to the same root, and nothing more is hashed.
#[derive(Clone, Debug)]
pub struct Inclusions<'a> {
    checkpoint: &'a TrustedCheckpoint,
    /// Siblings on the last path that was verified.
    siblings: Vec<Hash>,
    /// The nodes it went through, one before each sibling.
    nodes: Vec<(Edge, Hash)>,
}

impl<'a> Inclusions<'a> {
    /// No entry is verified yet.
    pub const fn new(checkpoint: &'a TrustedCheckpoint) -> Self {
        Self { checkpoint, siblings: Vec::new(), nodes: Vec::new() }
    }

    /// The checkpoint.
    pub fn checkpoint(&self) -> &'a Checkpoint {
        self.checkpoint.checkpoint()
    }

    /// Checks that the entry with hash `leaf` is number `index` of the log (RFC 9162 section 2.1.3.2).
    pub fn verify(&mut self, leaf: Hash, index: u64, proof: &[Hash]) -> Result<(), ProofError> {
        let head = self.checkpoint.checkpoint();
        let mut edge = Edge::new(proof, index, head.size())?;
        let mut hash = leaf;
        let mut nodes = Vec::with_capacity(proof.len());
        let mut rest = proof;
        while let Some((&sibling, beyond)) = rest.split_first() {
            if let Some(known) = self.nodes_from(edge, hash, rest) {
                nodes.extend_from_slice(known);
                break;
            }
            nodes.push((edge, hash));
            hash = edge.join(hash, sibling)?;
            rest = beyond;
        }
        if rest.is_empty() {
            edge.finish()?;
            if hash != head.root() {
                return Err(ProofError::RootMismatch);
            }
        }
        self.nodes = nodes;
        self.siblings.clear();
        self.siblings.extend_from_slice(proof);
        Ok(())
    }

    /// The nodes from this one on, if the last path went through it and on along the same siblings.
    fn nodes_from(&self, edge: Edge, hash: Hash, rest: &[Hash]) -> Option<&[(Edge, Hash)]> {
        let from = self.siblings.len().checked_sub(rest.len())?;
        let known = self.nodes.get(from..)?;
        (known.first() == Some(&(edge, hash)) && self.siblings[from..] == *rest).then_some(known)
    }
}
