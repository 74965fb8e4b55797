//! A state of data: what it was made of, how, and by whom.
//!
//! A change never consumes what it changes: who may modify a state makes a further child of it, beside those of
//! others (the paper's Rule 1). The id covers all of a state, its parents' ids among it, so no state can come to
//! descend from itself.
//!
//! ```cddl
//! data-state = { "key" => digest, "parents" => bstr, "step" => 1..4, "actor" => digest, "owner" => digest,
//!                "seq" => uint, anchor, ? "licence" => digest }  ; 0 to 8 ids of 32 bytes, ascending
//! ```

use countersign_ledger::{Draft, Fields, Hash, Value, Verified};

use crate::anchor::Anchor;
use crate::group::domain_id;
use crate::names::{DataKey, state_subject};
use crate::rules::{STATE, draft};

/// Most parents of one state.
pub const MAX_PARENTS: usize = 8;

/// How a state was made.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Step {
    /// Of nothing: it has no parent.
    Create = 1,
    /// By a change of its one parent.
    Modify = 2,
    /// Of one parent or several: a merge, a result.
    Derive = 3,
    /// By giving its one parent to somebody else.
    Share = 4,
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 4] = [Self::Create, Self::Modify, Self::Derive, Self::Share];

    fn admits(self, parents: usize) -> bool {
        match self {
            Self::Create => parents == 0,
            Self::Modify | Self::Share => parents == 1,
            Self::Derive => (1..=MAX_PARENTS).contains(&parents),
        }
    }
}

/// A state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DataState {
    /// The data in this state.
    pub key: DataKey,
    /// The states that it was made of, ascending.
    pub parents: Vec<Hash>,
    /// How.
    pub step: Step,
    /// By whom: a pseudonym, or a hash of an identity.
    pub actor: Hash,
    /// Whose it is.
    pub owner: Hash,
    /// On which chain: [`domain_id`] of the log's domain.
    pub chain: Hash,
    /// The number on that chain.
    pub seq: u64,
    /// The licence under which it was made, if its parents are another's.
    pub licence: Option<Hash>,
}

impl DataState {
    /// Its id.
    pub fn sid(&self) -> Hash {
        let parents: Vec<u8> = self.parents.iter().flat_map(|parent| parent.0).collect();
        let licence = self.licence.map(|licence| licence.0.to_vec()).unwrap_or_default();
        let parts = [
            &parents[..],
            &self.key.0.0,
            &[self.step as u8],
            &self.actor.0,
            &self.owner.0,
            &self.chain.0,
            &self.seq.to_be_bytes(),
            &licence,
        ];
        Hash::framed("countersign/data-state/v1", &parts)
    }

    /// Whether the parents are as many as the step has, ascending, and each once.
    pub fn is_sound(&self) -> bool {
        self.step.admits(self.parents.len()) && self.parents.is_sorted_by(|one, other| one < other)
    }

    /// The statement, for a member of the chain's domain who has seen that much of the log across domains.
    pub fn draft(&self, seen: Anchor) -> Draft {
        let parents = self.parents.iter().flat_map(|parent| parent.0).collect();
        let mut fields = Fields::new()
            .with("key", self.key.0)
            .with("step", self.step as u64)
            .with("actor", self.actor)
            .with("owner", self.owner)
            .with("seq", self.seq);
        fields.insert("parents", Value::Bytes(parents));
        if let Some(licence) = self.licence {
            fields.insert("licence", licence.into());
        }
        draft(STATE, state_subject(self.sid()), seen.with(fields), None, Vec::new())
    }

    /// Reads a state; `None` if the fields are not of the format. Its chain is that of the signer's domain.
    pub fn of(statement: &Verified) -> Option<Self> {
        let fields = statement.fields();
        let (parents, rest) = fields.bytes("parents")?.as_chunks::<{ Hash::LEN }>();
        let licence = fields.hash("licence");
        let step = fields.uint("step")?;
        let state = Self {
            key: DataKey(fields.hash("key")?),
            parents: parents.iter().copied().map(Hash).collect(),
            step: Step::ALL.into_iter().find(|one| *one as u64 == step)?,
            actor: fields.hash("actor")?,
            owner: fields.hash("owner")?,
            chain: domain_id(statement.signer().identity().domain()),
            seq: fields.uint("seq")?,
            licence,
        };
        let whole = rest.is_empty() && fields.get("licence").is_none() == licence.is_none();
        (whole && state.is_sound()).then_some(state)
    }
}
