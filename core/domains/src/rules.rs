//! The family of rules of trust domains: who takes part, who notarises, whose data it is, who may look across, and
//! who did.
//!
//! | kind (log) | signer; subject | says |
//! | --- | --- | --- |
//! | `notary.group` (authorization) | a registrar founds it, then a seat; the group | who has a seat, with which credit |
//! | `notary.report` (authorization) | a notary; its reports | what it saw of the others, and its votes for them |
//! | `notary.vote` (authorization) | a seat; what is voted on | yes or no, with the seat's credit |
//! | `domain.register` (authorization) | the domain's authority, or a seat to end it; the domain | its certificate |
//! | `domain.admission` (authorization) | the authority that admits; the user, by a pseudonym | home, level, until when |
//! | `data.policy` (authorization) | the owner; the data | who may do what |
//! | `data.invalidate` (authorization) | a seat; the data's validity | from which state on, on which evidence |
//! | `access.request` (authorization) | the authority that asks; a new thread | who, what, what for, and what follows |
//! | `access.decision` (authorization) | the master; the thread | what was agreed: a permit is a licence |
//! | `access.revoke` (authorization) | the owner, either authority, or a notary where the data is invalid; the thread | why |
//! | `data.state` (data) | a member of the log's domain; the state | what it was made of, and by whom |
//! | `access.entry` (data) | the log's authority; the data | who did what under which licence |
//!
//! A group, a registration, an invalidity takes effect when more than two thirds of the credit have voted for it; a
//! request is agreed on in the same way. Each ballot belongs to the group that was in office when it was opened,
//! which the motion links. Rules that need the state of another subject are checked where the log's order is known,
//! at a node and by each notary; a client checks the rest.

use countersign_ledger::{
    Context, Draft, Fields, Hash, Kind, LogName, Rules, State, Subject, UnixMillis, Verified, Violation,
};

use crate::access_log::AccessEntry;
use crate::admission::{Admission, Admitted};
use crate::anchor::Anchor;
use crate::ballot::{Ballot, Vote};
use crate::data::{DataPolicy, Held, Invalidation, owner_id};
use crate::data_state::DataState;
use crate::election::{Election, Office};
use crate::group::{Group, TAKE_OVER_MILLIS, domain_id, notary_id};
use crate::matter::Matter;
use crate::names::{AUTHORIZATION, DATA, Topic, domain_subject, group_subject};
use crate::policy::Decision;
use crate::refusal::Refusal;
use crate::registration::Registration;
use crate::report::Report;
use crate::request::{Cause, MAX_LICENCE_MILLIS, Phase, Request, Thread};

/// A notary group.
pub const GROUP: &str = "notary.group";
/// What a notary saw of the others.
pub const REPORT: &str = "notary.report";
/// A notary's vote.
pub const VOTE: &str = "notary.vote";
/// A domain takes part, or no longer.
pub const REGISTER: &str = "domain.register";
/// A domain knows a user of another.
pub const ADMISSION: &str = "domain.admission";
/// The policy of data.
pub const POLICY: &str = "data.policy";
/// Data is invalid.
pub const INVALIDATE: &str = "data.invalidate";
/// A state of data.
pub const STATE: &str = "data.state";
/// Somebody asks.
pub const REQUEST: &str = "access.request";
/// What was decided.
pub const DECISION: &str = "access.decision";
/// A licence ends before its time.
pub const REVOKE_ACCESS: &str = "access.revoke";
/// An access.
pub const ENTRY: &str = "access.entry";

/// The role of notaries.
pub const NOTARY: &str = "notary";
/// The role of a domain's authority (the paper's AS and CMS).
pub const AUTHORITY: &str = "domain-authority";
/// The role of who owns data.
pub const DATA_OWNER: &str = "data-owner";

/// How old a request, a vote or a proposal may be when it is ordered.
const FRESH_MILLIS: u64 = 5 * 60 * 1000;

/// A statement of this family, to be signed.
#[expect(clippy::expect_used, reason = "the kinds are constants of the format")]
pub(crate) fn draft(
    kind: &str,
    subject: Subject,
    fields: Fields,
    prev: Option<Hash>,
    links: Vec<Hash>,
) -> Draft {
    Draft { kind: Kind::new(kind).expect("a kind"), subject, fields, prev, links, sealed: None }
}

/// The family of rules of trust domains.
#[derive(Clone, Copy, Debug, Default)]
pub struct DomainRules;

impl Rules for DomainRules {
    fn logs(&self, kind: &Kind) -> Option<&[LogName]> {
        match kind.as_str() {
            GROUP | REPORT | VOTE | REGISTER | ADMISSION | POLICY | INVALIDATE | REQUEST | DECISION
            | REVOKE_ACCESS => Some(&[AUTHORIZATION]),
            STATE | ENTRY => Some(&[DATA]),
            _ => None,
        }
    }

    fn roles(&self) -> Vec<&str> {
        vec![NOTARY, AUTHORITY, DATA_OWNER]
    }

    /// The group in office, for whoever opens a ballot; for a request also both domains, the user, and whether the
    /// data is valid; for a revocation that alone.
    fn looks_at(&self, statement: &Verified) -> Vec<(LogName, Subject)> {
        let home = || domain_subject(statement.signer().identity().domain());
        let subjects = match kind(statement) {
            REGISTER | INVALIDATE => vec![Some(group_subject())],
            ADMISSION => vec![home()],
            REVOKE_ACCESS => match Topic::of(statement.statement().subject()) {
                Some(Topic::Thread(key)) => vec![Some(key.validity())],
                _ => Vec::new(),
            },
            REQUEST => {
                let (request, topic) = (Request::of(statement), Topic::of(statement.statement().subject()));
                let (Some(request), Some(Topic::Thread(key))) = (request, topic) else { return Vec::new() };
                let users = Some(request.user.subject());
                vec![Some(group_subject()), home(), domain_subject(&request.to), users, Some(key.validity())]
            }
            _ => Vec::new(),
        };
        subjects.into_iter().flatten().map(|subject| (AUTHORIZATION, subject)).collect()
    }

    fn check(&self, statement: &Verified, context: &Context<'_>) -> Result<(), Violation> {
        check(statement, context).map_err(Violation::from)
    }

    fn fold(&self, before: &State, statement: &Verified) -> State {
        folded(before, statement).unwrap_or_else(|| before.clone())
    }

    fn may_follow(&self, before: &State, statement: &Verified) -> bool {
        follows(before, statement).is_ok()
    }
}

fn kind(statement: &Verified) -> &str {
    statement.statement().kind().as_str()
}

fn rule(holds: bool, refusal: Refusal) -> Result<(), Refusal> {
    if holds { Ok(()) } else { Err(refusal) }
}

/// The state after a statement that may follow.
fn folded(before: &State, statement: &Verified) -> Option<State> {
    let id = statement.statement().id();
    let at = statement.statement().issued_at();
    let ballot = |total: u64| Some(Ballot::open(*statement.links().first()?, total, at));
    Some(match kind(statement) {
        GROUP => {
            let office = Office::of(statement)?;
            let mut matter = Matter::<Office>::from_state(before)?;
            match statement.links() {
                [] => matter.current = Some(office),
                _ => matter.pending = Some((office, ballot(total(statement)?)?)),
            }
            matter.to_state()
        }
        REGISTER => {
            let mut matter = Matter::<Registration>::from_state(before)?;
            matter.pending = Some((Registration::of(statement)?, ballot(total(statement)?)?));
            matter.to_state()
        }
        INVALIDATE => {
            let mut matter = Matter::<Invalidation>::from_state(before)?;
            matter.pending = Some((Invalidation::of(statement)?, ballot(total(statement)?)?));
            matter.to_state()
        }
        VOTE => {
            let vote = Vote::of(statement)?;
            match Topic::of(statement.statement().subject())? {
                Topic::Group => Matter::<Office>::from_state(before)?.after_vote(vote).to_state(),
                Topic::Domain(_) => Matter::<Registration>::from_state(before)?.after_vote(vote).to_state(),
                Topic::Validity(_) => Matter::<Invalidation>::from_state(before)?.after_vote(vote).to_state(),
                _ => Thread::from_state(before)?.after_vote(vote, at).to_state(),
            }
        }
        REPORT => State(Report::of(statement)?.period.to_be_bytes().to_vec()),
        ADMISSION => Admitted::of(statement)?.to_state(),
        POLICY => Held::of(statement)?.to_state(),
        REQUEST => Thread::of(statement)?.to_state(),
        DECISION => Thread::from_state(before)?.after_decision(id).to_state(),
        REVOKE_ACCESS => Thread::from_state(before)?.after_revocation().to_state(),
        STATE => State(vec![1]),
        _ => before.clone(),
    })
}

/// The weight of all votes on a motion, as it states it.
fn total(statement: &Verified) -> Option<u64> {
    statement.fields().uint("total")
}

/// Whether a statement is of the format, is about what its kind is about, and may come after `before`. All that needs
/// neither time nor other statements.
fn follows(before: &State, statement: &Verified) -> Result<(), Refusal> {
    let at = statement.statement().issued_at();
    let topic = Topic::of(statement.statement().subject()).ok_or(Refusal::Subject)?;
    let damaged = Refusal::Damaged;
    match (kind(statement), topic) {
        (GROUP, Topic::Group) => {
            let election = Election::of(statement).ok_or(Refusal::Fields)?;
            let matter = Matter::<Office>::from_state(before).ok_or(damaged)?;
            rule(matter.is_free(at), Refusal::OtherMotion)?;
            let epoch = matter.current.map_or(1, |office| office.epoch.saturating_add(1));
            rule(election.epoch == epoch, Refusal::Epoch)
        }
        (REGISTER, Topic::Domain(_)) => {
            let registration = Registration::of(statement).ok_or(Refusal::Fields)?;
            let matter = Matter::<Registration>::from_state(before).ok_or(damaged)?;
            rule(matter.is_free(at), Refusal::OtherMotion)?;
            let epoch = matter.current.map_or(1, |current| current.epoch.saturating_add(1));
            rule(registration.epoch == epoch, Refusal::Epoch)?;
            rule(
                registration.active || matter.current.is_some_and(|current| current.active),
                Refusal::NotRegistered,
            )
        }
        (INVALIDATE, Topic::Validity(_)) => {
            Invalidation::of(statement).ok_or(Refusal::Fields)?;
            let matter = Matter::<Invalidation>::from_state(before).ok_or(damaged)?;
            rule(matter.current.is_none(), Refusal::AlreadyInvalid)?;
            rule(matter.is_free(at), Refusal::OtherMotion)
        }
        (VOTE, topic) => {
            let vote = Vote::of(statement).ok_or(Refusal::Fields)?;
            let ballot = open_ballot(before, &topic, at)?;
            rule(!ballot.has_voted(vote.seat), Refusal::VotedBefore)?;
            rule(statement.links() == [ballot.group], Refusal::OtherGroup)
        }
        (REPORT, Topic::Report(notary)) => {
            let report = Report::of(statement).ok_or(Refusal::Fields)?;
            rule(notary == notary_id(statement.signer().identity()), Refusal::Subject)?;
            rule(period(before).is_none_or(|before| report.period > before), Refusal::Epoch)
        }
        (ADMISSION, Topic::User(_)) => {
            let admission = Admission::of(statement).ok_or(Refusal::Fields)?;
            let by = domain_id(statement.signer().identity().domain());
            let before = Admitted::from_state(before);
            rule(before.is_none_or(|before| before.by == by), Refusal::OtherDomain)?;
            rule(admission.active || before.is_some_and(|before| before.active), Refusal::NotAdmitted)
        }
        (POLICY, Topic::Data(_)) => {
            let policy = DataPolicy::of(statement).ok_or(Refusal::Fields)?;
            let before = Held::from_state(before);
            rule(
                before.is_none_or(|before| before.owner == owner_id(statement.signer().identity())),
                Refusal::NotTheOwner,
            )?;
            rule(
                policy.version == before.map_or(1, |before| before.version.saturating_add(1)),
                Refusal::Epoch,
            )
        }
        (REQUEST, Topic::Thread(key)) => {
            let request = Request::of(statement).ok_or(Refusal::Fields)?;
            let own = key.thread(request.user, &request.nonce) == *statement.statement().subject();
            rule(own, Refusal::Subject)?;
            rule(before.is_empty(), Refusal::Repeated)
        }
        (DECISION, Topic::Thread(_)) => {
            let thread = Thread::from_state(before).ok_or(Refusal::NoRequest)?;
            match thread.phase {
                Phase::Agreed => {}
                Phase::Voted => return Err(Refusal::NoQuorum),
                Phase::Rejected => return Err(Refusal::Rejected),
                Phase::Decided(_) | Phase::Revoked(_) => return Err(Refusal::Decided),
            }
            rule(thread.is_decided_by(statement), Refusal::OtherOutcome)?;
            rule(statement.links() == [thread.ballot.group], Refusal::OtherGroup)
        }
        (REVOKE_ACCESS, Topic::Thread(_)) => {
            Cause::of(statement).ok_or(Refusal::Fields)?;
            let thread = Thread::from_state(before).ok_or(Refusal::NoRequest)?;
            rule(!matches!(thread.phase, Phase::Revoked(_)), Refusal::AlreadyRevoked)?;
            let licensed = matches!(thread.phase, Phase::Decided(_)) && thread.outcome == Decision::Permitted;
            rule(licensed, Refusal::NoLicence)
        }
        (STATE, Topic::State(sid)) => {
            let state = DataState::of(statement).ok_or(Refusal::Fields)?;
            Anchor::of(statement).ok_or(Refusal::Fields)?;
            rule(state.sid() == sid, Refusal::Subject)?;
            rule(before.is_empty(), Refusal::Repeated)
        }
        (ENTRY, Topic::Data(_)) => {
            AccessEntry::of(statement).and(Anchor::of(statement)).map(|_| ()).ok_or(Refusal::Fields)
        }
        _ => Err(Refusal::Subject),
    }
}

/// The period of a notary's latest report.
fn period(before: &State) -> Option<u64> {
    before.0.as_slice().try_into().ok().map(u64::from_be_bytes)
}

/// The ballot on a subject on which a vote may be cast at `at`.
fn open_ballot(before: &State, topic: &Topic, at: UnixMillis) -> Result<Ballot, Refusal> {
    let ballot = match topic {
        Topic::Group => Matter::<Office>::from_state(before).and_then(|matter| matter.ballot(at).cloned()),
        Topic::Domain(_) => {
            Matter::<Registration>::from_state(before).and_then(|matter| matter.ballot(at).cloned())
        }
        Topic::Validity(_) => {
            Matter::<Invalidation>::from_state(before).and_then(|matter| matter.ballot(at).cloned())
        }
        Topic::Thread(_) => Thread::from_state(before)
            .filter(|thread| thread.phase == Phase::Voted && !thread.ballot.has_lapsed(at))
            .map(|thread| thread.ballot),
        Topic::Report(_) | Topic::User(_) | Topic::Data(_) | Topic::State(_) => None,
    };
    ballot.ok_or(Refusal::NoBallot)
}

fn check(statement: &Verified, context: &Context<'_>) -> Result<(), Refusal> {
    follows(context.subject, statement)?;
    let issued = statement.statement().issued_at();
    let signer = statement.signer().identity();
    match kind(statement) {
        GROUP | REGISTER | INVALIDATE | VOTE | REQUEST | DECISION => {
            rule(context.time.is_none_or(|time| time.since(issued) <= FRESH_MILLIS), Refusal::Stale)?;
        }
        STATE | ENTRY => {
            rule(context.domain.is_none_or(|domain| domain == signer.domain()), Refusal::OtherDomain)?;
        }
        _ => {}
    }
    match kind(statement) {
        GROUP => check_group(statement, context),
        REGISTER => check_registration(statement, context),
        INVALIDATE => opens_ballot(statement, context, total(statement)),
        REPORT => rule(signer.role() == NOTARY, Refusal::Role),
        VOTE => check_vote(statement, context),
        ADMISSION => check_admission(statement, context),
        POLICY => rule(signer.role() == DATA_OWNER, Refusal::Role),
        REQUEST => check_request(statement, context),
        DECISION => check_decision(statement, context),
        REVOKE_ACCESS => check_revocation(statement, context),
        STATE => rule([DATA_OWNER, AUTHORITY].contains(&signer.role()), Refusal::Role),
        _ => rule(signer.role() == AUTHORITY, Refusal::Role),
    }
}

/// The linked statement with this id and kind, if it stands; `None` on a client that does not know it.
fn linked<'a>(context: &Context<'a>, id: Option<&Hash>, sort: &str) -> Result<Option<&'a Verified>, Refusal> {
    let id = *id.ok_or(Refusal::Links)?;
    match context.linked.iter().find(|entry| entry.id() == id).map(|entry| &**entry) {
        Some(entry) => {
            let placed = entry.standing().ok_or(Refusal::VoidLink)?;
            rule(kind(placed) == sort, Refusal::Links)?;
            Ok(Some(placed.verified()))
        }
        None if context.time.is_none() => Ok(None),
        None => Err(Refusal::Links),
    }
}

/// The group that a statement links.
fn group(context: &Context<'_>, id: Option<&Hash>) -> Result<Option<Group>, Refusal> {
    let statement = linked(context, id, GROUP)?;
    Ok(statement.and_then(Election::of).map(|election| election.group))
}

/// The state of a subject elsewhere, by its place in [`DomainRules::looks_at`]; `None` on a client.
fn elsewhere<'a>(context: &Context<'a>, at: usize) -> Option<&'a State> {
    context.elsewhere.get(at)
}

/// The seat of the signer in a group.
fn seat(statement: &Verified, group: &Group) -> Result<usize, Refusal> {
    let signer = statement.signer().identity();
    rule(signer.role() == NOTARY, Refusal::Role)?;
    group.seat_of(notary_id(signer)).ok_or(Refusal::NoSeat)
}

/// A motion by whoever has a seat in the group in office, which it links.
fn opens_ballot(statement: &Verified, context: &Context<'_>, total: Option<u64>) -> Result<(), Refusal> {
    let Some(group) = in_office(statement, context, statement.links().first(), total)? else { return Ok(()) };
    seat(statement, &group).map(|_| ())
}

/// The linked group, if it is in office and all its votes weigh `total`; `None` on a client that does not know it.
fn in_office(
    statement: &Verified,
    context: &Context<'_>,
    id: Option<&Hash>,
    total: Option<u64>,
) -> Result<Option<Group>, Refusal> {
    let office = match kind(statement) {
        GROUP => Some(context.subject),
        _ => elsewhere(context, 0),
    };
    if let Some(office) = office {
        let current = Matter::<Office>::from_state(office).ok_or(Refusal::Damaged)?.current;
        rule(current.is_some_and(|current| Some(&current.statement) == id), Refusal::NotInOffice)?;
    }
    let group = group(context, id)?;
    if let Some(group) = &group {
        rule(total == Some(group.total()), Refusal::Total)?;
    }
    Ok(group)
}

fn check_group(statement: &Verified, context: &Context<'_>) -> Result<(), Refusal> {
    let founded = !context.subject.is_empty();
    match statement.links() {
        // What founds everything that follows is a trust anchor's word.
        [] if !founded => {
            rule(context.trust.is_registrar(statement.signer().fingerprint()), Refusal::Founder)
        }
        [_] if founded => opens_ballot(statement, context, total(statement)),
        _ => Err(Refusal::Links),
    }
}

fn check_registration(statement: &Verified, context: &Context<'_>) -> Result<(), Refusal> {
    let registration = Registration::of(statement).ok_or(Refusal::Fields)?;
    let group = in_office(statement, context, statement.links().first(), total(statement))?;
    let signer = statement.signer();
    if !registration.active {
        return group.map_or(Ok(()), |group| seat(statement, &group).map(|_| ()));
    }
    rule(signer.identity().role() == AUTHORITY, Refusal::Role)?;
    let own = domain_subject(signer.identity().domain()).as_ref() == Some(statement.statement().subject());
    rule(own, Refusal::OtherDomain)?;
    rule(registration.certificate == signer.fingerprint(), Refusal::OtherCertificate)
}

fn check_vote(statement: &Verified, context: &Context<'_>) -> Result<(), Refusal> {
    let vote = Vote::of(statement).ok_or(Refusal::Fields)?;
    let Some(group) = group(context, statement.links().first())? else { return Ok(()) };
    rule(seat(statement, &group)? == vote.seat, Refusal::OtherSeat)?;
    rule(group.seats()[vote.seat].credit == vote.credit, Refusal::Total)
}

/// Whether the signer is the authority that its domain has registered.
fn is_registered(statement: &Verified, state: Option<&State>) -> Result<(), Refusal> {
    rule(statement.signer().identity().role() == AUTHORITY, Refusal::Role)?;
    let Some(state) = state else { return Ok(()) };
    let current = Matter::<Registration>::from_state(state).ok_or(Refusal::Damaged)?.current;
    let active = current.filter(|current| current.active).ok_or(Refusal::NotRegistered)?;
    rule(active.certificate == statement.signer().fingerprint(), Refusal::OtherCertificate)
}

fn check_admission(statement: &Verified, context: &Context<'_>) -> Result<(), Refusal> {
    is_registered(statement, elsewhere(context, 0))?;
    let admission = Admission::of(statement).ok_or(Refusal::Fields)?;
    rule(admission.home != statement.signer().identity().domain(), Refusal::OwnDomain)?;
    rule(!admission.active || admission.until > statement.statement().issued_at(), Refusal::Window)
}

fn check_request(statement: &Verified, context: &Context<'_>) -> Result<(), Refusal> {
    is_registered(statement, elsewhere(context, 1))?;
    let request = Request::of(statement).ok_or(Refusal::Fields)?;
    let grounds = Request::grounds(statement).ok_or(Refusal::Links)?;
    let (issued, home) = (statement.statement().issued_at(), statement.signer().identity().domain());
    rule(request.to != home, Refusal::OwnDomain)?;
    let within = request.until > issued && request.until.since(issued) <= MAX_LICENCE_MILLIS;
    rule(within, Refusal::Window)?;
    rule(request.behaviour.is_forwarded(), Refusal::Behaviour)?;
    let group = in_office(statement, context, Some(&grounds.group), Some(request.total))?;
    if let Some(state) = elsewhere(context, 2) {
        let to = Matter::<Registration>::from_state(state).ok_or(Refusal::Damaged)?.current;
        rule(to.is_some_and(|to| to.active), Refusal::NotRegistered)?;
    }

    let admitted = linked(context, Some(&grounds.admission), ADMISSION)?;
    if let Some(admitted) = admitted {
        let admission = Admission::of(admitted).ok_or(Refusal::Links)?;
        let same = *admitted.statement().subject() == request.user.subject()
            && admitted.signer().identity().domain() == request.to
            && admission.home == home;
        rule(same, Refusal::OtherUser)?;
        rule(admission.level == request.level, Refusal::OtherLevel)?;
        rule(admission.active && issued < admission.until, Refusal::NotAdmitted)?;
    }
    if let Some(state) = elsewhere(context, 3) {
        let latest = Admitted::from_state(state).is_some_and(|latest| latest.statement == grounds.admission);
        rule(latest, Refusal::NotAdmitted)?;
    }

    let policy = linked(context, Some(&grounds.policy), POLICY)?;
    if context.time.is_some() {
        let current = Held::from_state(context.head).is_some_and(|held| held.policy == grounds.policy);
        rule(current, Refusal::OtherPolicy)?;
    }
    if let Some(group) = &group {
        rule(group.credit_of(domain_id(home)) == request.credit, Refusal::OtherCredit)?;
    }
    // A client may have the policy, and not know whether the data was valid then.
    let (Some(held), Some(validity)) = (policy, elsewhere(context, 4)) else { return Ok(()) };
    rule(
        held.statement().subject().as_str() == statement.statement().subject().family(),
        Refusal::OtherPolicy,
    )?;
    rule(held.signer().identity().domain() == request.to, Refusal::OtherDomain)?;
    let policy = DataPolicy::of(held).ok_or(Refusal::Links)?.policy;
    rule(policy.hash() == request.policy, Refusal::OtherPolicy)?;
    let valid = Matter::<Invalidation>::from_state(validity).ok_or(Refusal::Damaged)?.current.is_none();
    rule(policy.decide(&request.asked(home, issued, valid)) == request.outcome, Refusal::OtherOutcome)
}

fn check_decision(statement: &Verified, context: &Context<'_>) -> Result<(), Refusal> {
    let thread = Thread::from_state(context.subject).ok_or(Refusal::NoRequest)?;
    let Some(group) = group(context, statement.links().first())? else { return Ok(()) };
    let turn = group.turn(seat(statement, &group)?, thread.request).ok_or(Refusal::NoSeat)?;
    let waited = context.time.is_none_or(|time| time.since(thread.settled) >= turn * TAKE_OVER_MILLIS);
    rule(waited, Refusal::NotYetMaster)
}

fn check_revocation(statement: &Verified, context: &Context<'_>) -> Result<(), Refusal> {
    let thread = Thread::from_state(context.subject).ok_or(Refusal::NoRequest)?;
    let signer = statement.signer().identity();
    let concerned = match signer.role() {
        AUTHORITY => [thread.from, thread.to].contains(&domain_id(signer.domain())),
        DATA_OWNER => Held::from_state(context.head).is_none_or(|held| held.owner == owner_id(signer)),
        NOTARY => Cause::of(statement) == Some(Cause::Invalid),
        _ => false,
    };
    rule(concerned, Refusal::NotTheOwner)?;
    match (Cause::of(statement), elsewhere(context, 0)) {
        (Some(Cause::Invalid), Some(state)) => {
            let validity = Matter::<Invalidation>::from_state(state).ok_or(Refusal::Damaged)?;
            rule(validity.current.is_some(), Refusal::NotInvalid)
        }
        _ => Ok(()),
    }
}
