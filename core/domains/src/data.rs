//! Data on the log across domains: whose it is, under which policy, and whether it is valid.
//!
//! ```cddl
//! data-policy = { "policy" => tstr, "location" => digest, "version" => uint }
//! data-invalidate = { "state" => digest, "evidence" => digest, "total" => uint }         ; links the group
//! ```

use countersign_ledger::cbor::{Written, encode};
use countersign_ledger::{Draft, Fields, Hash, Identity, State, Verified};
use minicbor::{Decoder, Encoder};

use crate::group::{Sitting, domain_id};
use crate::matter::Motion;
use crate::names::DataKey;
use crate::policy::Policy;
use crate::rules::{INVALIDATE, POLICY, draft};

/// What an owner says of their data.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DataPolicy {
    /// Who may do what.
    pub policy: Policy,
    /// The state that the data is in, on the owner's own log.
    pub location: Hash,
    /// How many policies of it there have been, with this one.
    pub version: u64,
}

impl DataPolicy {
    /// The statement for the owner.
    pub fn draft(&self, key: DataKey, prev: Option<Hash>) -> Draft {
        let fields = Fields::new()
            .with("policy", self.policy.to_string().as_str())
            .with("location", self.location)
            .with("version", self.version);
        draft(POLICY, key.subject(), fields, prev, Vec::new())
    }

    /// Reads it; `None` if the fields are not of the format, or the policy's text is not canonical.
    pub fn of(statement: &Verified) -> Option<Self> {
        let fields = statement.fields();
        let text = fields.text("policy")?;
        let policy = Policy::parse(text).ok().filter(|policy| policy.to_string() == text)?;
        Some(Self { policy, location: fields.hash("location")?, version: fields.uint("version")? })
    }
}

/// The state of data: its latest policy, and its owner, who never changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Held {
    /// The statement of the policy.
    pub policy: Hash,
    /// Its version.
    pub version: u64,
    /// The owner, by the hash of their identity.
    pub owner: Hash,
    /// The domain that holds it: [`domain_id`].
    pub domain: Hash,
}

impl Held {
    pub(crate) fn of(statement: &Verified) -> Option<Self> {
        Some(Self {
            policy: statement.statement().id(),
            version: DataPolicy::of(statement)?.version,
            owner: owner_id(statement.signer().identity()),
            domain: domain_id(statement.signer().identity().domain()),
        })
    }

    /// Reads a state; `None` before the first policy.
    pub fn from_state(state: &State) -> Option<Self> {
        let mut d = Decoder::new(&state.0);
        (d.array().ok()? == Some(4)).then_some(())?;
        let digest = |d: &mut Decoder<'_>| Hash::from_slice(d.bytes().ok()?);
        Some(Self {
            policy: digest(&mut d)?,
            version: d.u64().ok()?,
            owner: digest(&mut d)?,
            domain: digest(&mut d)?,
        })
    }

    pub(crate) fn to_state(self) -> State {
        State(encode(|e| {
            e.array(4)?.bytes(self.policy.as_bytes())?.u64(self.version)?;
            e.bytes(self.owner.as_bytes())?.bytes(self.domain.as_bytes())?.ok()
        }))
    }
}

/// An owner in statements: the hash of their SPIFFE ID.
pub fn owner_id(owner: &Identity) -> Hash {
    Hash::framed("countersign/data-owner/v1", &[owner.as_str().as_bytes()])
}

/// A motion to declare data invalid: its owner was proven malicious. What descends from the state is so as well
/// ([`crate::Trace::invalid`]), and each notary proposes it for each key that it finds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Invalidation {
    /// The state from which on.
    pub state: Hash,
    /// The digest of the evidence.
    pub evidence: Hash,
}

impl Invalidation {
    /// The statement for a notary.
    pub fn draft(&self, key: DataKey, prev: Option<Hash>, office: &Sitting) -> Draft {
        let fields = Fields::new()
            .with("state", self.state)
            .with("evidence", self.evidence)
            .with("total", office.group.total());
        draft(INVALIDATE, key.validity(), fields, prev, vec![office.statement])
    }

    /// Reads it; `None` if the fields are not of the format.
    pub fn of(statement: &Verified) -> Option<Self> {
        let fields = statement.fields();
        Some(Self { state: fields.hash("state")?, evidence: fields.hash("evidence")? })
    }
}

impl Motion for Invalidation {
    fn encode(&self, e: &mut Encoder<&mut Vec<u8>>) -> Written {
        e.array(2)?.bytes(self.state.as_bytes())?.bytes(self.evidence.as_bytes())?.ok()
    }

    fn decode(d: &mut Decoder<'_>) -> Option<Self> {
        (d.array().ok()? == Some(2)).then_some(())?;
        let mut digest = || Hash::from_slice(d.bytes().ok()?);
        Some(Self { state: digest()?, evidence: digest()? })
    }
}
