//! A request for data of another domain, and what becomes of it.
//!
//! The authority of the domain that asks states the outcome, which follows from the log by one function
//! ([`Policy::decide`]); the rules refuse a request that states another. Each notary computes it again, and votes
//! whether it is so; so permits and denials are recorded alike, with their reason, and a node that orders statements
//! by other rules has no quorum.
//!
//! ```cddl
//! access-request = { "to" => tstr, "user" => digest, "nonce" => bstr .size 16, "ops" => 1..15, "purpose" => tstr,
//!                    "until" => uint, "level" => 0..255, "credit" => 0..10000, "kept" => uint, "broken" => uint, "policy" => digest,
//!                    "outcome" => 0..10, "total" => uint }         ; links the policy, the admission, the group
//! access-decision = { "outcome" => 0..10, "policy" => digest, "user" => digest, "ops" => 1..15, "from" => uint,
//!                     "until" => uint }                             ; links the group
//! access-revoke = { "cause" => 1..3 }
//! ```
//!
//! [`Policy::decide`]: crate::Policy::decide

use countersign_ledger::cbor::{self, encode};
use countersign_ledger::{Draft, Fields, Hash, State, Subject, UnixMillis, Value, Verified};
use minicbor::Decoder;

use crate::ballot::{Ballot, Standing, Vote};
use crate::behaviour::Behaviour;
use crate::credit::Credit;
use crate::group::domain_id;
use crate::names::{DataKey, Pseudonym};
use crate::op::{Op, Ops};
use crate::policy::{Asked, Decision, is_domain, is_purpose};
use crate::rules::{DECISION, REQUEST, REVOKE_ACCESS, draft};

/// Longest time that may be asked for: 30 days.
pub const MAX_LICENCE_MILLIS: u64 = 30 * 24 * 3600 * 1000;

/// A request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// The domain that holds the data.
    pub to: String,
    /// Who asks, as that domain knows them.
    pub user: Pseudonym,
    /// Fresh randomness: each request is a subject of its own, so none can be made twice.
    pub nonce: [u8; 16],
    /// What is to be done.
    pub ops: Ops,
    /// What for.
    pub purpose: String,
    /// Until when.
    pub until: UnixMillis,
    /// The level of the admission that it links.
    pub level: u8,
    /// The credit of the domain that asks, in the group that it links.
    pub credit: Credit,
    /// How the user has behaved, by their own domain.
    pub behaviour: Behaviour,
    /// The hash of the policy.
    pub policy: Hash,
    /// What follows.
    pub outcome: Decision,
    /// The weight of all votes of the group that it links.
    pub total: u64,
}

/// The statements that a request rests on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Grounds {
    /// The policy of the data.
    pub policy: Hash,
    /// The admission of the user.
    pub admission: Hash,
    /// The notary group in office.
    pub group: Hash,
}

impl Request {
    /// The statement, for the authority of the user's own domain.
    pub fn draft(&self, key: DataKey, grounds: Grounds) -> Draft {
        let fields = Fields::new()
            .with("to", self.to.as_str())
            .with("user", self.user.0)
            .with("nonce", Value::Bytes(self.nonce.to_vec()))
            .with("ops", self.ops.bits())
            .with("purpose", self.purpose.as_str())
            .with("until", self.until.0)
            .with("level", u64::from(self.level))
            .with("credit", u64::from(self.credit.hundredths()))
            .with("kept", u64::from(self.behaviour.kept))
            .with("broken", u64::from(self.behaviour.broken))
            .with("policy", self.policy)
            .with("outcome", self.outcome.number())
            .with("total", self.total);
        let links = vec![grounds.policy, grounds.admission, grounds.group];
        draft(REQUEST, key.thread(self.user, &self.nonce), fields, None, links)
    }

    /// Reads a request; `None` if the fields are not of the format.
    pub fn of(statement: &Verified) -> Option<Self> {
        let fields = statement.fields();
        let count = |name: &str| u32::try_from(fields.uint(name)?).ok();
        Some(Self {
            to: fields.text("to").filter(|to| is_domain(to))?.to_owned(),
            user: Pseudonym(fields.hash("user")?),
            nonce: fields.bytes("nonce")?.try_into().ok()?,
            ops: Ops::from_bits(fields.uint("ops")?)?,
            purpose: fields.text("purpose").filter(|purpose| is_purpose(purpose))?.to_owned(),
            until: UnixMillis(fields.uint("until")?),
            level: u8::try_from(fields.uint("level")?).ok()?,
            credit: Credit::new(u16::try_from(fields.uint("credit")?).ok()?)?,
            behaviour: Behaviour { kept: count("kept")?, broken: count("broken")? },
            policy: fields.hash("policy")?,
            outcome: Decision::from_number(fields.uint("outcome")?)?,
            total: fields.uint("total")?,
        })
    }

    /// The statements that it rests on; `None` if it does not link three.
    pub fn grounds(statement: &Verified) -> Option<Grounds> {
        let [policy, admission, group] = *statement.links() else { return None };
        Some(Grounds { policy, admission, group })
    }

    /// What a policy is asked. `domain` asks, at `at`.
    pub fn asked<'a>(&'a self, domain: &'a str, at: UnixMillis, valid: bool) -> Asked<'a> {
        Asked {
            ops: self.ops,
            purpose: &self.purpose,
            domain,
            level: self.level,
            at,
            until: self.until,
            credit: self.credit,
            behaviour: self.behaviour,
            valid,
        }
    }
}

/// Why a licence was revoked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// The owner wants it so.
    Owner = 1,
    /// The user did what they were not permitted.
    Misuse = 2,
    /// The data, or what it comes from, is invalid.
    Invalid = 3,
}

impl Cause {
    fn from_number(number: u64) -> Option<Self> {
        [Self::Owner, Self::Misuse, Self::Invalid].into_iter().find(|cause| *cause as u64 == number)
    }

    /// The statement that revokes the licence of `thread`.
    pub fn draft(self, thread: &Subject, prev: Hash) -> Draft {
        let fields = Fields::new().with("cause", self as u64);
        draft(REVOKE_ACCESS, thread.clone(), fields, Some(prev), Vec::new())
    }

    /// Reads the cause of a revocation.
    pub fn of(statement: &Verified) -> Option<Self> {
        Self::from_number(statement.fields().uint("cause")?)
    }
}

/// How far a request has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// The notaries vote.
    Voted,
    /// More than two thirds of the credit has found that the outcome is so; the master is to write the decision.
    Agreed,
    /// More than two thirds can no longer find so. Another request may be made.
    Rejected,
    /// It is decided, by this statement; a permit is a licence.
    Decided(Hash),
    /// The licence that this statement gave was revoked.
    Revoked(Hash),
}

/// The state of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Thread {
    /// The request.
    pub request: Hash,
    /// The domain that asks: [`domain_id`].
    pub from: Hash,
    /// The domain that holds the data: [`domain_id`].
    pub to: Hash,
    /// Who asks.
    pub user: Pseudonym,
    /// What is to be done.
    pub ops: Ops,
    /// When it was asked: from then on a licence holds.
    pub at: UnixMillis,
    /// Until when.
    pub until: UnixMillis,
    /// The hash of the policy.
    pub policy: Hash,
    /// What follows.
    pub outcome: Decision,
    /// The notaries' votes.
    pub ballot: Ballot,
    /// When the vote that settled it was cast.
    pub settled: UnixMillis,
    /// How far it has come.
    pub phase: Phase,
}

impl Thread {
    /// The state after a request.
    pub(crate) fn of(statement: &Verified) -> Option<Self> {
        let (request, grounds) = (Request::of(statement)?, Request::grounds(statement)?);
        let at = statement.statement().issued_at();
        Some(Self {
            request: statement.statement().id(),
            from: domain_id(statement.signer().identity().domain()),
            to: domain_id(&request.to),
            user: request.user,
            ops: request.ops,
            at,
            until: request.until,
            policy: request.policy,
            outcome: request.outcome,
            ballot: Ballot::open(grounds.group, request.total, at),
            settled: at,
            phase: Phase::Voted,
        })
    }

    /// The licence, if there is one that permits `op` at `at`.
    pub fn licence(&self, op: Op, at: UnixMillis) -> Option<Hash> {
        match self.phase {
            Phase::Decided(licence) if self.outcome == Decision::Permitted => {
                (self.ops.has(op) && self.at <= at && at < self.until).then_some(licence)
            }
            _ => None,
        }
    }

    pub(crate) fn after_vote(mut self, vote: Vote, at: UnixMillis) -> Self {
        self.ballot.count(vote);
        self.phase = match self.ballot.standing() {
            Standing::Open => Phase::Voted,
            Standing::Carried => Phase::Agreed,
            Standing::Lost => Phase::Rejected,
        };
        self.settled = at;
        self
    }

    pub(crate) fn after_decision(self, statement: Hash) -> Self {
        Self { phase: Phase::Decided(statement), ..self }
    }

    pub(crate) fn after_revocation(self) -> Self {
        match self.phase {
            Phase::Decided(licence) => Self { phase: Phase::Revoked(licence), ..self },
            _ => self,
        }
    }

    /// The statement with which the master closes it, permit or denial.
    pub fn decision(&self, thread: &Subject, prev: Hash) -> Draft {
        let fields = Fields::new()
            .with("outcome", self.outcome.number())
            .with("policy", self.policy)
            .with("user", self.user.0)
            .with("ops", self.ops.bits())
            .with("from", self.at.0)
            .with("until", self.until.0);
        draft(DECISION, thread.clone(), fields, Some(prev), vec![self.ballot.group])
    }

    /// Whether a decision says what was agreed.
    pub(crate) fn is_decided_by(&self, statement: &Verified) -> bool {
        *statement.fields() == self.decision(statement.statement().subject(), Hash::default()).fields
    }

    /// Reads a state; `None` before the request.
    pub fn from_state(state: &State) -> Option<Self> {
        let mut d = Decoder::new(&state.0);
        (d.array().ok()? == Some(13)).then_some(())?;
        let digest = |d: &mut Decoder<'_>| Hash::from_slice(d.bytes().ok()?);
        let request = digest(&mut d)?;
        let (from, to, user) = (digest(&mut d)?, digest(&mut d)?, Pseudonym(digest(&mut d)?));
        let ops = Ops::from_bits(d.u64().ok()?)?;
        let (at, until) = (UnixMillis(d.u64().ok()?), UnixMillis(d.u64().ok()?));
        let policy = digest(&mut d)?;
        let outcome = Decision::from_number(d.u64().ok()?)?;
        let ballot = Ballot::decode(&mut d)?;
        let settled = UnixMillis(d.u64().ok()?);
        let phase = d.u8().ok()?;
        let decision = cbor::optional(&mut d, digest)?;
        let phase = match (phase, decision) {
            (1, None) => Phase::Voted,
            (2, None) => Phase::Agreed,
            (3, None) => Phase::Rejected,
            (4, Some(decision)) => Phase::Decided(decision),
            (5, Some(decision)) => Phase::Revoked(decision),
            _ => return None,
        };
        let whole = d.position() == state.0.len();
        whole.then_some(Self {
            request,
            from,
            to,
            user,
            ops,
            at,
            until,
            policy,
            outcome,
            ballot,
            settled,
            phase,
        })
    }

    /// What a node keeps of it.
    pub fn to_state(&self) -> State {
        let (phase, decision) = match self.phase {
            Phase::Voted => (1, None),
            Phase::Agreed => (2, None),
            Phase::Rejected => (3, None),
            Phase::Decided(decision) => (4, Some(decision)),
            Phase::Revoked(decision) => (5, Some(decision)),
        };
        State(encode(|e| {
            e.array(13)?.bytes(self.request.as_bytes())?.bytes(self.from.as_bytes())?;
            e.bytes(self.to.as_bytes())?.bytes(self.user.0.as_bytes())?.u64(self.ops.bits())?;
            e.u64(self.at.0)?.u64(self.until.0)?.bytes(self.policy.as_bytes())?;
            self.ballot.encode(e.u64(self.outcome.number())?)?;
            e.u64(self.settled.0)?.u8(phase)?;
            match decision {
                Some(decision) => e.bytes(decision.as_bytes())?.ok(),
                None => e.null()?.ok(),
            }
        }))
    }
}
