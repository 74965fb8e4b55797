//! What the notary group decides on by ballot: what is in force, and what is proposed instead.

use countersign_ledger::cbor::{self, Written};
use countersign_ledger::{State, UnixMillis};
use minicbor::{Decoder, Encoder};

use crate::ballot::{Ballot, Standing, Vote};

/// Something that may be proposed.
pub trait Motion: Sized {
    /// Writes it.
    fn encode(&self, e: &mut Encoder<&mut Vec<u8>>) -> Written;

    /// Reads it.
    fn decode(d: &mut Decoder<'_>) -> Option<Self>;
}

/// The state of a subject on which there are motions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Matter<M> {
    /// What was carried last.
    pub current: Option<M>,
    /// What is proposed, with its ballot.
    pub pending: Option<(M, Ballot)>,
}

impl<M> Default for Matter<M> {
    fn default() -> Self {
        Self { current: None, pending: None }
    }
}

impl<M> Matter<M> {
    /// Whether something may be proposed at `at`: nothing is, or its time is over. So a motion that nobody votes on
    /// is proposed again, by whoever may.
    pub fn is_free(&self, at: UnixMillis) -> bool {
        self.pending.as_ref().is_none_or(|(_, ballot)| ballot.has_lapsed(at))
    }

    /// The ballot, if one is open at `at`.
    pub fn ballot(&self, at: UnixMillis) -> Option<&Ballot> {
        self.pending.as_ref().map(|(_, ballot)| ballot).filter(|ballot| !ballot.has_lapsed(at))
    }

    /// The matter after a vote.
    pub(crate) fn after_vote(mut self, vote: Vote) -> Self {
        if let Some((motion, mut ballot)) = self.pending.take() {
            ballot.count(vote);
            match ballot.standing() {
                Standing::Carried => self.current = Some(motion),
                Standing::Open => self.pending = Some((motion, ballot)),
                Standing::Lost => {}
            }
        }
        self
    }
}

impl<M: Motion> Matter<M> {
    /// Reads a state; nothing is in force before the first statement. `None` if it is no state of this sort.
    pub fn from_state(state: &State) -> Option<Self> {
        if state.is_empty() {
            return Some(Self::default());
        }
        let mut d = Decoder::new(&state.0);
        (d.array().ok()? == Some(2)).then_some(())?;
        let current = cbor::optional(&mut d, M::decode)?;
        let pending = cbor::optional(&mut d, |d| {
            (d.array().ok()? == Some(2)).then_some(())?;
            Some((M::decode(d)?, Ballot::decode(d)?))
        })?;
        (d.position() == state.0.len()).then_some(Self { current, pending })
    }

    /// What a node keeps of it.
    pub fn to_state(&self) -> State {
        State(cbor::encode(|e| {
            e.array(2)?;
            match &self.current {
                Some(motion) => motion.encode(e)?,
                None => e.null()?.ok()?,
            }
            match &self.pending {
                Some((motion, ballot)) => {
                    motion.encode(e.array(2)?)?;
                    ballot.encode(e)
                }
                None => e.null()?.ok(),
            }
        }))
    }
}
