//! What is told of the log across domains, row by row.

use countersign_domains::rules::{GROUP, INVALIDATE, REGISTER, REQUEST};
use countersign_domains::{
    Admission, BALLOT_MILLIS, Ballot, Cause, Credit, DataKey, Decision, Denial, Election, Invalidation,
    MAX_SEATS, Phase, Policy, Pseudonym, Registration, Request, Tally, Thread, Topic,
};
use countersign_ledger::{Hash, Identity, Placed, Subject, UnixMillis, Verified};

/// A statement that the rules do not allow where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The statement.
    pub statement: Hash,
    /// Its place in the log.
    pub index: u64,
    /// Which rule it breaks.
    pub text: String,
}

/// The notary group in office.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notaries {
    /// The statement that names it.
    pub statement: Hash,
    /// How many groups there have been, with this one.
    pub epoch: u64,
    /// On how many transactions its credits rest.
    pub transactions: u64,
    /// When it was named.
    pub named_at: UnixMillis,
    /// The seats, the highest credit first.
    pub seats: Vec<NotarySeat>,
}

/// A seat of the group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotarySeat {
    /// Whose: [`countersign_domains::notary_id`].
    pub notary: Hash,
    /// The notary's name, once they have said anything.
    pub identity: Option<Identity>,
    /// Their domain, if it is one of the ledger's.
    pub domain: Option<String>,
    /// The weight of their vote.
    pub credit: Credit,
}

/// What notaries vote on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proposed {
    /// Another group.
    Group(Election),
    /// A domain takes part, or no longer.
    Registration {
        /// The domain.
        domain: String,
        /// By which authority.
        registration: Registration,
    },
    /// Data is invalid.
    Invalidation {
        /// The data.
        key: DataKey,
        /// From which state on, on which evidence.
        invalidation: Invalidation,
    },
    /// What is stated to follow from a request does.
    Request {
        /// The data.
        key: DataKey,
        /// The request.
        request: Request,
    },
}

impl Proposed {
    pub(super) fn of(statement: &Verified) -> Option<Self> {
        let topic = Topic::of(statement.statement().subject())?;
        match (statement.statement().kind().as_str(), topic) {
            (GROUP, Topic::Group) => Election::of(statement).map(Self::Group),
            (REGISTER, Topic::Domain(domain)) => {
                Some(Self::Registration { domain, registration: Registration::of(statement)? })
            }
            (INVALIDATE, Topic::Validity(key)) => {
                Some(Self::Invalidation { key, invalidation: Invalidation::of(statement)? })
            }
            (REQUEST, Topic::Thread(key)) => Some(Self::Request { key, request: Request::of(statement)? }),
            _ => None,
        }
    }

    /// Whether it is for a person to say: what is evidence, and whether a domain is to be put out, no program computes.
    pub const fn is_for_people(&self) -> bool {
        match self {
            Self::Invalidation { .. } => true,
            Self::Registration { registration, .. } => !registration.active,
            Self::Group(_) | Self::Request { .. } => false,
        }
    }
}

/// Something that is voted on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenBallot {
    /// The subject on which votes are cast.
    pub subject: Subject,
    /// What is proposed.
    pub proposed: Proposed,
    /// The statement that proposes it.
    pub statement: Hash,
    /// Who proposes it.
    pub by: Identity,
    /// When.
    pub opened: UnixMillis,
    /// Until when votes may be cast.
    pub until: UnixMillis,
    /// What the votes weigh.
    pub tally: Tally,
    /// The seats that have voted.
    pub voted: Vec<usize>,
    /// The statement that names the group whose ballot it is.
    pub group: Hash,
}

impl OpenBallot {
    pub(super) fn new(subject: Subject, proposed: Proposed, statement: &Placed, ballot: &Ballot) -> Self {
        Self {
            subject,
            proposed,
            statement: statement.id(),
            by: statement.signer().identity().clone(),
            opened: ballot.opened,
            until: UnixMillis(ballot.opened.0.saturating_add(BALLOT_MILLIS)),
            tally: ballot.tally(),
            voted: (0..MAX_SEATS).filter(|seat| ballot.has_voted(*seat)).collect(),
            group: ballot.group,
        }
    }
}

/// A domain of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Participant {
    /// Its name.
    pub domain: String,
    /// What the notaries agreed on last: by which authority it takes part, or no longer.
    pub registration: Option<Registration>,
    /// What was proposed after that, and when; nobody votes on it any more when its time is over.
    pub proposed: Option<(Registration, UnixMillis)>,
}

/// Data for which a policy was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedData {
    /// The data.
    pub key: DataKey,
    /// Whose it is.
    pub owner: Identity,
    /// The statement of the policy.
    pub statement: Hash,
    /// Who may do what.
    pub policy: Policy,
    /// The state that the data is in, on the owner's own log.
    pub location: Hash,
    /// How many policies there have been, with this one.
    pub version: u64,
    /// When it was published.
    pub at: UnixMillis,
    /// Whether it was declared invalid, from which state on.
    pub invalid: Option<Invalidation>,
}

/// A user of another domain whom a domain knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdmittedUser {
    /// The user, as that domain knows them.
    pub user: Pseudonym,
    /// The authority that admitted them.
    pub by: Identity,
    /// The statement.
    pub statement: Hash,
    /// What it says.
    pub admission: Admission,
}

/// Why and when a licence ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// When, by whoever revoked or voted last.
    pub at: UnixMillis,
    /// The place of that in the log.
    pub place: u64,
    /// Why.
    pub cause: Cause,
}

/// A request, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessRequest {
    /// Its thread, by which it is named.
    pub thread: Subject,
    /// The data.
    pub key: DataKey,
    /// What was asked.
    pub request: Request,
    /// The authority that asked.
    pub by: Identity,
    /// When.
    pub asked_at: UnixMillis,
    /// When it was decided.
    pub decided_at: Option<UnixMillis>,
    /// When and why the licence ended before its time.
    pub revoked: Option<Revoked>,
    /// What the log has on it.
    pub state: Thread,
}

/// How a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestState {
    /// The notaries vote.
    Voting,
    /// They have agreed; a notary is to write the decision.
    Agreed,
    /// The time for votes is over.
    Lapsed,
    /// They do not find that what was stated follows.
    Rejected,
    /// It was denied, for this reason.
    Denied(Denial),
    /// It is a licence, and holds.
    Licensed,
    /// It is a licence whose time is over.
    Ended,
    /// It is a licence that was revoked.
    Revoked(Cause),
}

impl AccessRequest {
    /// How it stands.
    pub fn standing(&self, now: UnixMillis) -> RequestState {
        match (self.state.phase, self.state.outcome) {
            (Phase::Voted, _) if self.state.ballot.has_lapsed(now) => RequestState::Lapsed,
            (Phase::Voted, _) => RequestState::Voting,
            (Phase::Agreed, _) => RequestState::Agreed,
            (Phase::Rejected, _) => RequestState::Rejected,
            (_, Decision::Denied(denial)) => RequestState::Denied(denial),
            (_, Decision::Permitted) => match self.revoked {
                Some(revoked) => RequestState::Revoked(revoked.cause),
                None if now >= self.state.until => RequestState::Ended,
                None => RequestState::Licensed,
            },
        }
    }

    /// The licence, if it ever was one.
    pub const fn licence(&self) -> Option<Hash> {
        match (self.state.outcome, self.state.phase) {
            (Decision::Permitted, Phase::Decided(id) | Phase::Revoked(id)) => Some(id),
            _ => None,
        }
    }
}
