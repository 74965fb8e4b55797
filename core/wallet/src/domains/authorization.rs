//! The log across domains, replayed from its first entry: who notarises, who takes part, whose data it is, who asked, and
//! what followed.
//!
//! Every statement is judged again by the rules that the node judged it by, with the states that it was judged against. One
//! that the rules do not allow where it is counts for nothing here, and is told ([`Authorization::faults`]). What hangs on the
//! time at which the log took a statement is the node's alone to judge; notaries look at their own clocks.

mod replay;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use countersign_domains::rules::{GROUP, INVALIDATE, NOTARY, REGISTER, REPORT, REVOKE_ACCESS};
use countersign_domains::{
    AUTHORIZATION, Admission, Admitted, Anchor, Cause, DataKey, DataPolicy, Election, Held, Invalidation,
    Licence, Matter, Motion, Office, Phase, Policy, Pseudonym, Registration, Report, Reporter, Request,
    Sitting, Thread, Topic, domain_id, domain_subject, group_subject, notary_id,
};
use countersign_ledger::{
    Entry, Folded, Hash, Held as HeldLog, Identity, Placed, State, Subject, Tree, UnixMillis,
};

use super::error::DomainsError;
use super::rows::{
    AccessRequest, AdmittedUser, Fault, Notaries, NotarySeat, OpenBallot, Participant, Proposed,
    PublishedData, Revoked,
};
use crate::snapshot::Snapshot;

/// The log across domains, as of the snapshot's head.
#[derive(Clone)]
pub struct Authorization {
    /// The names of the domains that the ledger's genesis has.
    domains: Vec<String>,
    as_of: UnixMillis,
    tree: Tree,
    entries: Vec<Arc<Entry>>,
    places: HashMap<Hash, usize>,
    /// The places of the statements on each subject, but for those at fault.
    subjects: BTreeMap<Subject, Vec<usize>>,
    states: BTreeMap<Subject, Folded<State>>,
    /// When data was declared invalid: the vote that settled it.
    invalidated: BTreeMap<DataKey, usize>,
    faults: Vec<Fault>,
    has_void: bool,
}

impl Authorization {
    /// What the snapshot of the shared ledger holds of it.
    pub fn of(snapshot: &Snapshot) -> Result<Self, DomainsError> {
        let spec = snapshot.genesis().log(AUTHORIZATION);
        if spec.is_none_or(|log| log.held != HeldLog::Whole) {
            return Err(DomainsError::NotShared);
        }
        let head = snapshot.checkpoint(AUTHORIZATION).ok_or(DomainsError::NotSynced)?;
        let (entries, tree) = snapshot.whole_log(AUTHORIZATION).ok_or(DomainsError::NotSynced)?;
        let mut log = Self {
            domains: snapshot.genesis().domains.iter().map(|domain| domain.name.clone()).collect(),
            as_of: head.cosigned_at(),
            tree,
            entries: Vec::with_capacity(entries.len()),
            places: HashMap::with_capacity(entries.len()),
            subjects: BTreeMap::new(),
            states: BTreeMap::new(),
            invalidated: BTreeMap::new(),
            faults: Vec::new(),
            has_void: false,
        };
        let trust = snapshot.trust()?;
        for entry in entries {
            log.push(entry, &trust);
        }
        Ok(log)
    }

    /// When the checkpoint was cosigned as of which all of this is.
    pub const fn as_of(&self) -> UnixMillis {
        self.as_of
    }

    /// How many statements there are.
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// How much has been seen of it, for whoever states something on a domain's own log.
    pub fn anchor(&self) -> Anchor {
        Anchor { size: self.tree.size(), root: self.tree.root() }
    }

    /// Statements that the rules do not allow where they are: a node has let them through. They count for nothing here.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// The group in office, with the statement that names it.
    pub fn sitting(&self) -> Option<Sitting> {
        let office = self.matter::<Office>(&group_subject()).current?;
        let group = Election::of(self.entry(office.statement)?.verified())?.group;
        Some(Sitting { statement: office.statement, group })
    }

    /// Who notarises.
    pub fn notaries(&self) -> Option<Notaries> {
        let office = self.matter::<Office>(&group_subject()).current?;
        let named = self.entry(office.statement)?.verified();
        let group = Election::of(named)?.group;
        let known: HashMap<Hash, &Identity> = self
            .entries
            .iter()
            .map(|entry| entry.verified().signer().identity())
            .filter(|identity| identity.role() == NOTARY)
            .map(|identity| (notary_id(identity), identity))
            .collect();
        let seats = group.seats().iter().map(|seat| NotarySeat {
            notary: seat.notary,
            identity: known.get(&seat.notary).map(|identity| (*identity).clone()),
            domain: self.domain_named(seat.domain),
            credit: seat.credit,
        });
        Some(Notaries {
            statement: office.statement,
            epoch: office.epoch,
            transactions: group.transactions(),
            named_at: named.statement().issued_at(),
            seats: seats.collect(),
        })
    }

    /// What the notaries vote on at `now`, the oldest first.
    pub fn ballots(&self, now: UnixMillis) -> Vec<OpenBallot> {
        let mut open: Vec<_> = self.subjects.keys().filter_map(|subject| self.ballot(subject, now)).collect();
        open.sort_by_key(|ballot| ballot.opened);
        open
    }

    /// What the notaries vote on at `now` about a subject.
    pub fn ballot(&self, subject: &Subject, now: UnixMillis) -> Option<OpenBallot> {
        let (kind, ballot) = match Topic::of(subject)? {
            Topic::Group => (GROUP, self.matter::<Office>(subject).ballot(now).cloned()?),
            Topic::Domain(_) => (REGISTER, self.matter::<Registration>(subject).ballot(now).cloned()?),
            Topic::Validity(_) => (INVALIDATE, self.matter::<Invalidation>(subject).ballot(now).cloned()?),
            Topic::Thread(_) => {
                let thread = self.thread(subject).filter(|thread| thread.phase == Phase::Voted)?;
                let open = Some(thread.ballot).filter(|ballot| !ballot.has_lapsed(now))?;
                (countersign_domains::rules::REQUEST, open)
            }
            _ => return None,
        };
        let (_, statement) = self.latest_of(subject, kind)?;
        let proposed = Proposed::of(statement)?;
        Some(OpenBallot::new(subject.clone(), proposed, statement, &ballot))
    }

    /// The domains of the ledger, and whether each takes part.
    pub fn participants(&self) -> Vec<Participant> {
        let participant = |domain: &String| {
            let matter = domain_subject(domain).map(|subject| self.matter::<Registration>(&subject));
            let Matter { current, pending } = matter.unwrap_or_default();
            Participant {
                domain: domain.clone(),
                registration: current,
                proposed: pending.map(|(registration, ballot)| (registration, ballot.opened)),
            }
        };
        let mut names = self.domains.clone();
        names.sort();
        names.dedup();
        names.iter().map(participant).collect()
    }

    /// By which authority a domain takes part.
    pub fn registration(&self, domain: &str) -> Option<Registration> {
        let current = self.matter::<Registration>(&domain_subject(domain)?).current;
        current.filter(|registration| registration.active)
    }

    /// The data for which somebody has published a policy.
    pub fn data(&self) -> Vec<PublishedData> {
        self.topics(|topic| if let Topic::Data(key) = topic { self.published(key) } else { None })
    }

    /// The policy of data.
    pub fn published(&self, key: DataKey) -> Option<PublishedData> {
        let held = Held::from_state(self.state(&key.subject()))?;
        let statement = self.entry(held.policy)?.verified();
        let DataPolicy { policy, location, version } = DataPolicy::of(statement)?;
        Some(PublishedData {
            key,
            owner: statement.signer().identity().clone(),
            statement: held.policy,
            policy,
            location,
            version,
            at: statement.statement().issued_at(),
            invalid: self.invalid(key),
        })
    }

    /// Whether data was declared invalid, and from which state on.
    pub fn invalid(&self, key: DataKey) -> Option<Invalidation> {
        self.matter::<Invalidation>(&key.validity()).current
    }

    /// The users of other domains whom a domain knows, or knew.
    pub fn admissions(&self) -> Vec<AdmittedUser> {
        self.topics(|topic| if let Topic::User(user) = topic { self.admission(user) } else { None })
    }

    /// What a domain says of a user of another.
    pub fn admission(&self, user: Pseudonym) -> Option<AdmittedUser> {
        let admitted = Admitted::from_state(self.state(&user.subject()))?;
        let statement = self.entry(admitted.statement)?.verified();
        Some(AdmittedUser {
            user,
            by: statement.signer().identity().clone(),
            statement: admitted.statement,
            admission: Admission::of(statement)?,
        })
    }

    /// All requests, the newest first.
    pub fn requests(&self) -> Vec<AccessRequest> {
        let mut requests: Vec<_> = self.subjects.keys().filter_map(|subject| self.request(subject)).collect();
        requests.sort_by_key(|request| std::cmp::Reverse(request.asked_at));
        requests
    }

    /// A request, by its thread.
    pub fn request(&self, subject: &Subject) -> Option<AccessRequest> {
        let Topic::Thread(key) = Topic::of(subject)? else { return None };
        let thread = self.thread(subject)?;
        let statement = self.entry(thread.request)?.verified();
        let licence = match thread.phase {
            Phase::Decided(id) | Phase::Revoked(id) => Some(id),
            Phase::Voted | Phase::Agreed | Phase::Rejected => None,
        };
        Some(AccessRequest {
            key,
            request: Request::of(statement)?,
            by: statement.signer().identity().clone(),
            asked_at: thread.at,
            decided_at: licence.and_then(|id| Some(self.entry(id)?.verified().statement().issued_at())),
            revoked: self.revoked(subject, key),
            thread: subject.clone(),
            state: thread,
        })
    }

    /// The licences by their ids, with the requests that they answer.
    pub fn licences(&self) -> BTreeMap<Hash, (Subject, Licence)> {
        let licence = |request: AccessRequest| {
            let revoked = request.revoked.map(|revoked| revoked.at);
            let licence = Licence { key: request.key, thread: request.state, revoked };
            Some((licence.id()?, (request.thread, licence)))
        };
        self.requests().into_iter().filter_map(licence).collect()
    }

    /// The policy of data that was in force before a place.
    pub(super) fn published_before(&self, key: DataKey, before: u64) -> Option<Policy> {
        let places = self.subjects.get(&key.subject())?.iter().rev();
        let mut policies = places.skip_while(|place| **place as u64 >= before);
        policies.find_map(|place| Some(DataPolicy::of(self.entries.get(*place)?.standing()?)?.policy))
    }

    /// Whether data had been declared invalid before a place.
    pub(super) fn was_invalid(&self, key: DataKey, before: u64) -> bool {
        self.invalidated.get(&key).is_some_and(|place| (*place as u64) < before)
    }

    /// The place of a statement in the log.
    pub fn place(&self, id: Hash) -> Option<u64> {
        self.places.get(&id).map(|place| *place as u64)
    }

    /// A statement that counts.
    pub(super) fn entry(&self, id: Hash) -> Option<&Placed> {
        self.entries.get(*self.places.get(&id)?)?.standing()
    }

    pub(super) fn thread(&self, subject: &Subject) -> Option<Thread> {
        Thread::from_state(self.state(subject))
    }

    pub(super) fn matter<M: Motion>(&self, subject: &Subject) -> Matter<M> {
        Matter::from_state(self.state(subject)).unwrap_or_default()
    }

    /// The root of the log at a size that it has had.
    pub(super) fn root_at(&self, size: u64) -> Option<Hash> {
        self.tree.root_at(size)
    }

    /// What the notaries have reported between two places, the latest of each.
    pub(super) fn reports(&self, from: u64, until: u64) -> Vec<Reporter> {
        let mut latest = BTreeMap::new();
        let (from, until) = (usize::try_from(from), usize::try_from(until));
        let (Ok(from), Ok(until)) = (from, until) else { return Vec::new() };
        let range = self.entries.get(from..until.min(self.entries.len())).unwrap_or_default();
        for statement in range.iter().filter_map(|entry| entry.standing()) {
            if statement.statement().kind().as_str() == REPORT
                && self.counts(statement.id())
                && let Some(report) = Report::of(statement)
            {
                let identity = statement.signer().identity();
                let domain = identity.domain().to_owned();
                latest.insert(notary_id(identity), Reporter { id: notary_id(identity), domain, report });
            }
        }
        latest.into_values().collect()
    }

    /// The statements that count, each with its place.
    pub(super) fn standing(&self) -> impl Iterator<Item = (u64, &Placed)> {
        let entries = (0_u64..).zip(&self.entries);
        entries.filter_map(|(place, entry)| Some((place, entry.standing()?)))
    }

    /// Whether a statement is none of those at fault.
    fn counts(&self, id: Hash) -> bool {
        !self.faults.iter().any(|fault| fault.statement == id)
    }

    pub(super) fn domain_named(&self, id: Hash) -> Option<String> {
        self.domains.iter().find(|name| domain_id(name) == id).cloned()
    }

    fn state(&self, subject: &Subject) -> &State {
        static EMPTY: State = State(Vec::new());
        self.states.get(subject).map_or(&EMPTY, |folded| &folded.standing)
    }

    fn topics<T>(&self, row: impl Fn(Topic) -> Option<T>) -> Vec<T> {
        self.subjects.keys().filter_map(|subject| row(Topic::of(subject)?)).collect()
    }

    /// The latest statement of a kind on a subject that counts, with its place.
    pub(super) fn latest_of(&self, subject: &Subject, kind: &str) -> Option<(u64, &Placed)> {
        self.subjects.get(subject)?.iter().rev().find_map(|place| {
            let placed = self.entries.get(*place)?.standing()?;
            (placed.statement().kind().as_str() == kind).then_some((*place as u64, placed))
        })
    }

    /// When a licence ended before its time, for what reason: it was revoked, or the data was declared invalid.
    fn revoked(&self, subject: &Subject, key: DataKey) -> Option<Revoked> {
        let by_statement = self.latest_of(subject, REVOKE_ACCESS).and_then(|(place, placed)| {
            Some(Revoked { at: placed.statement().issued_at(), place, cause: Cause::of(placed)? })
        });
        let by_ballot = self.invalidated.get(&key).and_then(|place| {
            let at = self.entries.get(*place)?.verified().statement().issued_at();
            Some(Revoked { at, place: *place as u64, cause: Cause::Invalid })
        });
        by_statement.into_iter().chain(by_ballot).min_by_key(|revoked| revoked.place)
    }
}
