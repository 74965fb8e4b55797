//! The state of a subject: everything that the rules need to know about its history, in a size that does not grow with
//! it.
//!
//! ```cddl
//! state = [count: uint, latest: tstr / nil, holder: tstr / nil, suspensions: [* bstr .size 32],
//!          chain: [uint, bstr .size 32] / nil, made: [* made]]
//! made = [kind: tstr, number: uint,
//!         ? (signer: tstr, receiver: tstr / nil, at: uint, fields: { * tstr => uint / tstr / bstr })]
//! ```
//!
//! The format is private to this module: it is stored by a node and never sent.

use std::collections::BTreeMap;

use countersign_ledger::cbor::{Written, optional};
use countersign_ledger::{Fields, Hash, Identity, Kind, State, UnixMillis, Verified, cbor};
use minicbor::{Decoder, Encoder};

use crate::chain::chain_value;
use crate::field::receiver;
use crate::profile::Profile;
use crate::step::Effect;

/// Most suspensions of one subject that may be open at a time. One is enough to stop a product.
pub const MAX_SUSPENSIONS: usize = 64;

/// The state of one subject in one log.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SubjectState {
    /// Number of statements.
    count: u64,
    /// Kind of the latest.
    latest: Option<Kind>,
    /// Who holds the goods.
    holder: Option<Identity>,
    /// Suspensions that no later statement has lifted.
    suspensions: Vec<Hash>,
    /// The latest numbered transfer, and the chain value that the next statement uploads.
    chain: Option<(u8, Hash)>,
    /// The kinds of the statements so far, each with the latest of its kind.
    made: BTreeMap<Kind, Made>,
}

/// The latest statement of a kind.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Made {
    /// Its number among the statements on the subject.
    number: u64,
    /// Its content, if a rule of the profile refers to statements of its kind.
    said: Option<Said>,
}

/// The content that a later statement may have to agree with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Said {
    pub(crate) signer: Identity,
    pub(crate) receiver: Option<Identity>,
    /// When it was signed.
    pub(crate) at: UnixMillis,
    /// The fields that rules refer to.
    pub(crate) fields: Fields,
}

impl SubjectState {
    /// The kind of the latest statement; `None` before the first.
    pub const fn latest(&self) -> Option<&Kind> {
        self.latest.as_ref()
    }

    /// Who holds the goods, if a statement says so.
    pub const fn holder(&self) -> Option<&Identity> {
        self.holder.as_ref()
    }

    /// The suspensions that no later statement has lifted.
    pub fn suspensions(&self) -> &[Hash] {
        &self.suspensions
    }

    /// The chain value that the next statement uploads, with the number of the transfer that it belongs to; `None` before the
    /// first transfer.
    pub const fn chain_head(&self) -> Option<(u8, Hash)> {
        self.chain
    }

    /// The kinds of the statements so far.
    pub(crate) fn made(&self) -> impl Iterator<Item = &Kind> {
        self.made.keys()
    }

    /// The content of the latest statement of one of these kinds.
    pub(crate) fn said(&self, kinds: &[Kind]) -> Option<&Said> {
        let made = kinds.iter().filter_map(|kind| self.made.get(kind));
        made.max_by_key(|made| made.number)?.said.as_ref()
    }

    /// The latest party in `role`, among those that the state has.
    pub(crate) fn party(&self, role: &str) -> Option<&Identity> {
        let mut made: Vec<&Made> = self.made.values().collect();
        made.sort_by_key(|made| std::cmp::Reverse(made.number));
        let said = made.into_iter().filter_map(|made| made.said.as_ref());
        said.flat_map(|said| [Some(&said.signer), said.receiver.as_ref()])
            .flatten()
            .find(|identity| identity.role() == role)
    }

    /// Adds the next statement on the subject.
    pub(crate) fn push(&mut self, profile: &Profile, statement: &Verified) {
        let kind = statement.statement().kind();
        self.count += 1;
        self.latest = Some(kind.clone());
        if let Some(holder) = profile.holder_after(statement) {
            self.holder = Some(holder);
        }
        match profile.step(kind).map(|step| &step.effect) {
            Some(Effect::Suspend) => self.suspensions.push(statement.statement().id()),
            Some(Effect::Lift) => self.suspensions.retain(|open| !statement.links().contains(open)),
            _ => {}
        }
        if let Some(value) = chain_value(profile, statement) {
            self.chain = Some(value);
        }
        let said = profile.referred(kind).map(|names| {
            let named = names.iter().filter_map(|name| Some((name, statement.fields().get(name)?)));
            let mut fields = Fields::new();
            named.for_each(|(name, value)| fields.insert(name, value.clone()));
            let signer = statement.signer().identity().clone();
            Said { signer, receiver: receiver(statement), at: statement.statement().issued_at(), fields }
        });
        self.made.insert(kind.clone(), Made { number: self.count, said });
    }

    /// The state as bytes.
    pub(crate) fn to_state(&self) -> State {
        State(cbor::encode(|e| {
            e.array(6)?.u64(self.count)?;
            write_optional(e, self.latest.as_ref(), |e, kind| e.str(kind.as_str())?.ok())?;
            write_optional(e, self.holder.as_ref(), |e, holder| e.str(holder.as_str())?.ok())?;
            e.array(self.suspensions.len() as u64)?;
            self.suspensions.iter().try_for_each(|open| e.bytes(open.as_bytes())?.ok())?;
            write_optional(e, self.chain.as_ref(), |e, (number, value)| {
                e.array(2)?.u8(*number)?.bytes(value.as_bytes())?.ok()
            })?;
            e.array(self.made.len() as u64)?;
            self.made.iter().try_for_each(|(kind, made)| {
                e.array(if made.said.is_some() { 6 } else { 2 })?.str(kind.as_str())?.u64(made.number)?;
                let Some(said) = &made.said else { return Ok(()) };
                e.str(said.signer.as_str())?;
                write_optional(e, said.receiver.as_ref(), |e, receiver| e.str(receiver.as_str())?.ok())?;
                e.u64(said.at.0)?;
                said.fields.encode(e)
            })
        }))
    }

    /// Reads what [`SubjectState::to_state`] wrote; `None` if it is damaged.
    pub(crate) fn from_state(state: &State) -> Option<Self> {
        if state.is_empty() {
            return Some(Self::default());
        }
        let d = &mut Decoder::new(&state.0);
        (d.array().ok()?? == 6).then_some(())?;
        let count = d.u64().ok()?;
        let latest = optional(d, |d| Kind::new(d.str().ok()?).ok())?;
        let holder = optional(d, identity)?;
        let suspensions = (0..d.array().ok()??).map(|_| digest(d)).collect::<Option<_>>()?;
        let chain = optional(d, |d| {
            (d.array().ok()?? == 2).then_some(())?;
            Some((d.u8().ok()?, digest(d)?))
        })?;
        let mut made = BTreeMap::new();
        for _ in 0..d.array().ok()?? {
            let parts = d.array().ok()??;
            let (kind, number) = (Kind::new(d.str().ok()?).ok()?, d.u64().ok()?);
            let said = match parts {
                2 => None,
                _ => Some(Said {
                    signer: identity(d)?,
                    receiver: optional(d, identity)?,
                    at: UnixMillis(d.u64().ok()?),
                    fields: Fields::decode(d).ok()?,
                }),
            };
            made.insert(kind, Made { number, said });
        }
        Some(Self { count, latest, holder, suspensions, chain, made })
    }
}

fn write_optional<T>(
    e: &mut Encoder<&mut Vec<u8>>,
    value: Option<&T>,
    write: impl FnOnce(&mut Encoder<&mut Vec<u8>>, &T) -> Written,
) -> Written {
    match value {
        Some(value) => write(e, value),
        None => e.null()?.ok(),
    }
}

fn identity(d: &mut Decoder<'_>) -> Option<Identity> {
    Identity::parse(d.str().ok()?).ok()
}

fn digest(d: &mut Decoder<'_>) -> Option<Hash> {
    Hash::from_slice(d.bytes().ok()?)
}
