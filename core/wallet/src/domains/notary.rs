//! What a notary does: look at what was proposed, compute it again, vote; write down what was agreed, when it is their turn.
//!
//! A round ([`Domains::tend`]) may be made as often as one likes, and be cut off anywhere: what was voted on is on the log or in
//! the outbox, and is not voted on again. What no program computes is left to people ([`Domains::vote`]): whether evidence shows
//! that an owner is malicious, whether a domain is to be put out.

use std::collections::BTreeMap;

use countersign_domains::rules::{DECISION, REQUEST};
use countersign_domains::{
    DataKey, Election, Group, Invalidation, MAX_SEATS, Observed, Office, Phase, Report, Seat, Sitting,
    TAKE_OVER_MILLIS, Topic, Vote, candidates, group_subject, notary_id, rank,
};
use countersign_ledger::{Draft, Hash, Problem, Subject, UnixMillis};

use super::authority::in_office;
use super::authorization::Authorization;
use super::error::DomainsError;
use super::rows::{OpenBallot, Proposed};
use super::{Domains, recorded};
use crate::client::Client;
use crate::issuer::Recorded;

/// How long a vote may take for half of the full efficiency. Votes are statements on a log, so it is seconds.
const HALF_EFFICIENCY_MILLIS: u64 = 10_000;

/// A vote that was cast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voted {
    /// On what.
    pub subject: Subject,
    /// For it, or against it.
    pub yes: bool,
    /// Why against it.
    pub why: Option<String>,
}

/// What a round did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tended {
    /// Votes that were cast.
    pub voted: Vec<Voted>,
    /// Requests whose decision was written down.
    pub decided: Vec<Subject>,
    /// What the ledger refused, in its words: it keeps nothing else from being done, and is tried again in the next round.
    pub refused: Vec<(Subject, String)>,
    /// What waits for this notary's own word.
    pub for_people: Vec<OpenBallot>,
    /// When this notary may take over from a silent master, if there is anything to take over.
    pub next: Option<UnixMillis>,
}

impl Tended {
    /// Whether something was done; a refusal is noted. Any other failure ends the round.
    fn is_done(&mut self, subject: &Subject, done: Result<bool, DomainsError>) -> Result<bool, DomainsError> {
        match done {
            Err(error) if error.problem().is_some() => {
                self.refused.push((subject.clone(), error.to_string()));
                Ok(false)
            }
            done => done,
        }
    }
}

impl Domains<'_> {
    /// A round: votes on all that can be computed again, and writes the decisions that it is this notary's turn to write.
    pub fn tend(&mut self, client: &Client, now: UnixMillis) -> Result<Tended, DomainsError> {
        let log = self.refresh(client, now)?;
        let mut tended = Tended::default();
        for ballot in log.ballots(now) {
            let Some(seat) = self.seat_in(&log, ballot.group) else { continue };
            if ballot.voted.contains(&seat.seat) {
                continue;
            }
            if ballot.proposed.is_for_people() {
                tended.for_people.push(ballot);
                continue;
            }
            let why = log.why_not(&ballot);
            let cast = self.cast(client, &ballot, Vote { yes: why.is_none(), ..seat }, now);
            if tended.is_done(&ballot.subject, cast)? {
                tended.voted.push(Voted { subject: ballot.subject, yes: why.is_none(), why });
            }
        }
        self.decide(client, now, &mut tended)?;
        Ok(tended)
    }

    /// A notary's own word on what is voted on.
    pub fn vote(
        &mut self,
        client: &Client,
        subject: &Subject,
        yes: bool,
        now: UnixMillis,
    ) -> Result<(), DomainsError> {
        let log = self.refresh(client, now)?;
        let ballot = log.ballot(subject, now).ok_or(DomainsError::NoBallot)?;
        let seat = self.seat_in(&log, ballot.group).ok_or(DomainsError::NoSeat)?;
        if ballot.voted.contains(&seat.seat) {
            return Err(DomainsError::Voted);
        }
        let cast = self.cast(client, &ballot, Vote { yes, ..seat }, now)?;
        if cast { Ok(()) } else { Err(DomainsError::NoBallot) }
    }

    /// Proposes that data is invalid from a state on. Each notary says by a vote of their own whether the evidence shows it.
    pub fn propose_invalid(
        &mut self,
        client: &Client,
        key: DataKey,
        invalidation: Invalidation,
        now: UnixMillis,
    ) -> Result<Recorded, DomainsError> {
        let log = self.refresh(client, now)?;
        let sitting = in_office(&log)?;
        let subject = key.validity();
        if let Some(open) = log.ballot(&subject, now) {
            let same = open.proposed == Proposed::Invalidation { key, invalidation };
            return recorded(&log, open.statement).filter(|_| same).ok_or(DomainsError::OtherMotion);
        }
        self.record(client, &invalidation.draft(key, None, &sitting), now)
    }

    /// Reports what the log shows of the other notaries since the group came into office, and votes for them by it.
    pub fn report(&mut self, client: &Client, now: UnixMillis) -> Result<Recorded, DomainsError> {
        let log = self.refresh(client, now)?;
        let (own, sitting) = (notary_id(self.identity()), in_office(&log)?);
        let rows = log.observed(&sitting).into_iter().filter(|row| row.notary != own).collect();
        let report = Report::new(now.seconds(), rows).ok_or(DomainsError::NoGroup)?;
        self.record(client, &report.draft(own, None), now)
    }

    /// Proposes the group that follows from what the notaries have reported since the last one came into office.
    pub fn propose_group(&mut self, client: &Client, now: UnixMillis) -> Result<Recorded, DomainsError> {
        let log = self.refresh(client, now)?;
        let sitting = in_office(&log)?;
        if log.ballot(&group_subject(), now).is_some() {
            return Err(DomainsError::OtherMotion);
        }
        let group = log.elected(log.size()).ok_or(DomainsError::TooFewReports)?;
        let office = log.matter::<Office>(&group_subject()).current.ok_or(DomainsError::NoGroup)?;
        let election = Election { epoch: office.epoch.saturating_add(1), group };
        self.record(client, &election.draft(None, Some(&sitting)), now)
    }

    /// One's seat in the group that a statement names, as a vote of no opinion yet.
    fn seat_in(&self, log: &Authorization, group: Hash) -> Option<Vote> {
        let group = Election::of(log.entry(group)?)?.group;
        let seat = group.seat_of(notary_id(self.identity()))?;
        Some(Vote { seat, credit: group.seats().get(seat)?.credit, yes: false })
    }

    /// Casts a vote; `false` if meanwhile there is nothing to vote on any more.
    fn cast(
        &mut self,
        client: &Client,
        ballot: &OpenBallot,
        vote: Vote,
        now: UnixMillis,
    ) -> Result<bool, DomainsError> {
        let draft = vote.draft(&ballot.subject, Hash::default(), ballot.group);
        self.record_unless_settled(client, &draft, now)
    }

    /// Writes the decisions that it is this notary's turn to write.
    fn decide(&mut self, client: &Client, now: UnixMillis, tended: &mut Tended) -> Result<(), DomainsError> {
        let log = if tended.voted.is_empty() { self.authorization()? } else { self.refresh(client, now)? };
        for request in log.requests() {
            let thread = &request.state;
            let Some(seat) = self.seat_in(&log, thread.ballot.group) else { continue };
            let Some(turn) = log.turn(thread.ballot.group, seat.seat, thread.request) else { continue };
            if thread.phase != Phase::Agreed {
                continue;
            }
            // A second more: what was settled is known to the second.
            let wait = turn.saturating_mul(TAKE_OVER_MILLIS) + if turn == 0 { 0 } else { 1000 };
            let at = UnixMillis(thread.settled.0.saturating_add(wait));
            if at > now {
                tended.next = Some(tended.next.map_or(at, |next| next.min(at)));
                continue;
            }
            let decision = thread.decision(&request.thread, Hash::default());
            let written = self.record_unless_settled(client, &decision, now);
            if tended.is_done(&request.thread, written)? {
                tended.decided.push(request.thread);
            }
        }
        Ok(())
    }

    /// Records a statement, unless the rules say that others have settled the matter meanwhile.
    fn record_unless_settled(
        &mut self,
        client: &Client,
        draft: &Draft,
        now: UnixMillis,
    ) -> Result<bool, DomainsError> {
        match self.record(client, draft, now) {
            Ok(_) => Ok(true),
            Err(error) if error.problem() == Some(Problem::Rule) => {
                let log = self.refresh(client, now)?;
                let settled = match draft.kind.as_str() {
                    DECISION => log.thread(&draft.subject).is_none_or(|one| one.phase != Phase::Agreed),
                    _ => log.ballot(&draft.subject, now).is_none(),
                };
                if settled { Ok(false) } else { Err(error) }
            }
            Err(error) => Err(error),
        }
    }
}

impl Authorization {
    /// Why what is proposed does not follow; nothing if it does. What the rules do not allow was at fault when it was replayed, and is
    /// not voted on at all.
    fn why_not(&self, ballot: &OpenBallot) -> Option<String> {
        match &ballot.proposed {
            Proposed::Request { key, request } => {
                let Some((place, stated)) = self.latest_of(&ballot.subject, REQUEST) else {
                    return Some("there is no such request".to_owned());
                };
                let Some(published) = self.published_before(*key, place) else {
                    return Some("nobody had published a policy".to_owned());
                };
                let home = stated.signer().identity().domain();
                let at = stated.statement().issued_at();
                let valid = !self.was_invalid(*key, place);
                let follows = published.decide(&request.asked(home, at, valid));
                let same = published.hash() == request.policy && follows == request.outcome;
                (!same).then(|| "another outcome follows from the policy in force".to_owned())
            }
            // The rules have held the certificate against its domain, whose root is pinned.
            Proposed::Registration { .. } => None,
            Proposed::Group(election) => {
                let place = self.place(ballot.statement).unwrap_or_default();
                let same = self.elected(place).is_some_and(|group| group == election.group);
                (!same).then(|| "another group follows from the reports".to_owned())
            }
            Proposed::Invalidation { .. } => Some("that is for people to say".to_owned()),
        }
    }

    /// How many take-overs it needs until a seat is master of a request.
    fn turn(&self, group: Hash, seat: usize, request: Hash) -> Option<u64> {
        Election::of(self.entry(group)?)?.group.turn(seat, request)
    }

    /// The group that follows from what was reported before a place, since the one in office then was named; `None` unless more than
    /// two thirds of its seats have reported.
    fn elected(&self, before: u64) -> Option<Group> {
        let sitting = self.sitting()?;
        let reporters = self.reports(self.place(sitting.statement)?, before);
        let seated = reporters.iter().filter(|one| sitting.group.seat_of(one.id).is_some()).count();
        if seated * 3 <= sitting.group.seats().len() * 2 {
            return None;
        }
        let ranking = rank(&candidates(&reporters)).ok()?;
        Some(Group::elected(&ranking, MAX_SEATS, self.decided_before(before)))
    }

    /// How many requests were decided before a place.
    fn decided_before(&self, before: u64) -> u64 {
        let decisions = self.standing().take_while(|(place, _)| *place < before);
        decisions.filter(|(_, placed)| placed.statement().kind().as_str() == DECISION).count() as u64
    }

    /// What the log shows of each seat since the group came into office: in how many ballots it could vote, in how many it did,
    /// and how soon. Everybody who holds the log sees the same.
    fn observed(&self, sitting: &Sitting) -> Vec<Observed> {
        let mut opened: BTreeMap<Subject, UnixMillis> = BTreeMap::new();
        let mut asked = 0_u16;
        let mut took: BTreeMap<Hash, Vec<u64>> = BTreeMap::new();
        for (_, placed) in self.standing() {
            let (statement, at) = (placed.statement(), placed.statement().issued_at());
            let opens = Proposed::of(placed).is_some() && placed.links().contains(&sitting.statement);
            if opens {
                opened.insert(statement.subject().clone(), at);
                asked = asked.saturating_add(1);
            } else if Vote::of(placed).is_some()
                && Topic::of(statement.subject()).is_some()
                && placed.links() == [sitting.statement]
                && let Some(since) = opened.get(statement.subject())
            {
                took.entry(notary_id(placed.signer().identity())).or_default().push(at.since(*since));
            }
        }
        let row = |seat: &Seat| {
            let votes = took.get(&seat.notary).map(Vec::as_slice).unwrap_or_default();
            let part =
                |took: &u64| u64::from(u16::MAX) * HALF_EFFICIENCY_MILLIS / (HALF_EFFICIENCY_MILLIS + took);
            let efficiency = votes.iter().map(part).sum::<u64>().checked_div(votes.len() as u64);
            let answered = u16::try_from(votes.len()).unwrap_or(u16::MAX).min(asked);
            let efficiency = efficiency.and_then(|mean| u16::try_from(mean).ok()).unwrap_or_default();
            // A vote for whoever was there: never nothing, or a newcomer could never begin.
            let vote = 1 + u16::try_from(u64::from(answered) * 99 / u64::from(asked.max(1))).unwrap_or(99);
            Observed { notary: seat.notary, vote, participations: answered, efficiency, asked, answered }
        };
        sitting.group.seats().iter().map(row).collect()
    }
}
