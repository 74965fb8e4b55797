//! The route of goods for an inspector: from whom, to whom, when, where, signed by whom, and what is missing or
//! disputed on the way.
//!
//! A route shows a verdict's timeline as legs. It judges nothing itself: faults, gaps and accountable parties come from
//! the engine, and a route is as old as its verdict.

mod svg;
mod text;

use countersign_ledger::{Hash, Kind, LogName, Subject, UnixMillis};

use crate::audit::{History, Signature};
use crate::clock::{Clock, Now};
use crate::conflict::{conflicts, dispute};
use crate::contents::{Aggregate, Opened};
use crate::facts::AsOf;
use crate::fault::{Fault, Party};
use crate::item::Item;
use crate::profile::Profile;
use crate::reason::Reason;
use crate::step::{After, Effect};
use crate::timeline::{Mark, TimelineEvent};
use crate::verdict::Verdict;
use crate::words::{counted, sanitize};

/// The route of an item, as of its verdict.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Route {
    /// The narrowest subject that the item names.
    pub subject: Subject,
    /// The legs and the gap, in order.
    pub stops: Vec<Stop>,
    /// Who is accountable for the gravest fault, by the verdict.
    pub accountable: Option<Party>,
    /// Size of the supply log's checkpoint; `None` if the product is not followed.
    pub checkpoint: Option<u64>,
    /// The moment up to which everything is known: the older one of `logs`.
    pub as_of: Option<UnixMillis>,
    /// The logs, each with the checkpoint that it is known up to.
    pub logs: Vec<(LogName, AsOf)>,
    /// How long ago `as_of` was, in milliseconds; `None` also if the clock cannot tell.
    pub age_millis: Option<u64>,
    /// Whether the phone's clock can be right.
    pub clock: Clock,
}

/// One stop of a route.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stop {
    /// A statement.
    Leg(Leg),
    /// A missing statement.
    Gap(Gap),
}

/// One statement of a route.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Leg {
    /// When the last of its parties signed.
    pub at: UnixMillis,
    /// Its kind; apps keep its title under this key.
    pub kind: Kind,
    /// Its title in English, from the profile.
    pub title: String,
    /// The giver, or the signer.
    pub from: Party,
    /// The receiver; `None` if nothing was handed over.
    pub to: Option<Party>,
    /// Where, coarsely, in the words of the last signer. This and the following texts can be shown anywhere: control
    /// characters are replaced.
    pub place: Option<String>,
    /// The condition of the goods.
    pub condition: Option<String>,
    /// The stated reason.
    pub reason: Option<String>,
    /// If a unit was received: how many packs are in it, and how many of them are inferred.
    pub aggregate: Option<Aggregate>,
    /// Its signatures, in the order in which they were made: of a handover the giver's and the receiver's.
    pub signatures: Vec<Signature>,
    /// Its standing.
    pub standing: Standing,
    /// If it came late: the lower bound on its time of inclusion in the log. Its signing time is then only the signers'
    /// claim.
    pub late: Option<UnixMillis>,
    /// The statement in the log.
    pub statement: Hash,
}

/// The standing of a leg. Its signatures have been verified in any case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It fits its place.
    Sound,
    /// It does not fit its place.
    AtFault(Box<Fault>),
    /// One of its signers had been revoked: it is void, and shown struck out.
    Void,
    /// The receiver refused the goods: `from` still has them, and is accountable for them.
    Disputed,
    /// `from` gave the same goods to `to` and to somebody else.
    Conflict,
    /// `from` opened a unit, and other contents came out than went in. Only the unpacker, `from`, is accountable.
    Differs(Opened),
}

/// A statement that is missing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Gap {
    /// Its kind.
    pub kind: Kind,
    /// Its title in English, from the profile.
    pub title: String,
    /// Who should make it, and is accountable for the gap.
    pub party: Party,
    /// The role of its receiver; `None` if it has none.
    pub to: Option<Party>,
}

impl Route {
    /// The route of `item`, made from its verdict.
    pub fn new(item: &Item, verdict: &Verdict, profile: &Profile) -> Self {
        let rivals: Vec<Hash> = verdict.reasons.iter().filter_map(rival).collect();
        let legs = verdict.timeline.iter().map(|event| Stop::Leg(Leg::new(event, profile, &rivals)));
        let mut stops: Vec<Stop> = legs.collect();
        for reason in &verdict.reasons {
            if let Reason::MissingStep { step, party } = reason {
                let at = gap_place(step, profile, &stops);
                stops.insert(at, Stop::Gap(Gap::new(step, party, profile)));
            }
        }
        Self {
            subject: item.pack.as_ref().or(item.lot.as_ref()).unwrap_or(&item.class).clone(),
            stops,
            accountable: verdict.accountable.clone(),
            checkpoint: verdict.checkpoint,
            as_of: verdict.as_of,
            logs: verdict.logs.clone(),
            age_millis: verdict.age_millis,
            clock: verdict.clock,
        }
    }

    /// The route of goods that are not a product, such as a logistic unit, made from the verification of their whole
    /// history. The history was complete as of the supply log's checkpoint; `logs` has that one first, and then what else
    /// it was judged by. `dependencies` has the histories that it builds on. `None` if there is no statement on them.
    pub fn of_history(
        profile: &Profile,
        history: &History<'_>,
        dependencies: &[History<'_>],
        logs: &[(LogName, AsOf)],
        now: impl Into<Now>,
    ) -> Option<Self> {
        let as_of = logs.iter().map(|(_, as_of)| as_of.at).min()?;
        let now = logs.iter().fold(now.into(), |now, (_, as_of)| now.after(as_of.at));
        let subject = history.entries.first()?.verified().statement().subject().clone();
        let audit = profile.audit(history, dependencies);
        let contested = conflicts(profile, history.entries, &audit);
        let rivals: Vec<Hash> = contested.iter().map(|conflict| conflict.rival).collect();
        let timeline = audit.timeline(profile);
        let stops: Vec<Stop> =
            timeline.iter().map(|event| Stop::Leg(Leg::new(event, profile, &rivals))).collect();
        let dispute = dispute(profile, history.entries, &audit);
        let accountable = audit.finding.as_ref().map(|finding| finding.accountable().clone());
        let accountable = accountable.or_else(|| contested.first().map(|conflict| conflict.giver.clone()));
        let accountable = accountable.or_else(|| dispute.map(|dispute| dispute.holder));
        let differs = |stop: &&Stop| matches!(stop, Stop::Leg(Leg { standing: Standing::Differs(_), .. }));
        let opener = stops.iter().rfind(differs).map(|stop| stop.from().clone());
        Some(Self {
            subject,
            stops,
            accountable: accountable.or(opener),
            checkpoint: logs.first().map(|(_, as_of)| as_of.size),
            as_of: Some(as_of),
            logs: logs.to_vec(),
            age_millis: now.age_of(as_of),
            clock: now.clock(),
        })
    }

    /// The route that a chain of custody proves by itself, made from its timeline: what else the ledger has, it cannot tell.
    pub fn of_custody(subject: &Subject, timeline: &[TimelineEvent], profile: &Profile) -> Self {
        Self {
            subject: subject.clone(),
            stops: timeline.iter().map(|event| Stop::Leg(Leg::new(event, profile, &[]))).collect(),
            accountable: None,
            checkpoint: None,
            as_of: None,
            logs: Vec::new(),
            age_millis: None,
            clock: Clock::Trusted,
        }
    }

    /// All parties on the route, each once, in order of appearance.
    pub fn parties(&self) -> Vec<&Party> {
        let mut parties: Vec<&Party> = Vec::new();
        for party in self.stops.iter().flat_map(|stop| [Some(stop.from()), stop.to()]).flatten() {
            if !parties.contains(&party) {
                parties.push(party);
            }
        }
        parties
    }

    /// The route as a picture, a complete SVG document: parties are lanes, time runs downwards.
    pub fn svg(&self) -> String {
        svg::draw(self)
    }
}

impl Stop {
    /// The giver or signer, or who should have been.
    pub const fn from(&self) -> &Party {
        match self {
            Self::Leg(leg) => &leg.from,
            Self::Gap(gap) => &gap.party,
        }
    }

    /// The receiver, or who should have been.
    pub const fn to(&self) -> Option<&Party> {
        match self {
            Self::Leg(leg) => leg.to.as_ref(),
            Self::Gap(gap) => gap.to.as_ref(),
        }
    }

    /// Who is accountable for what is wrong here; `None` if nothing is wrong.
    pub const fn accountable(&self) -> Option<&Party> {
        match self {
            Self::Leg(leg) => leg.accountable(),
            Self::Gap(gap) => Some(&gap.party),
        }
    }
}

impl Leg {
    /// `rivals` are the handovers of goods to a second person. A handover that the same two signed twice, and a refusal
    /// that came second, are recorded in the same way but accuse nobody.
    fn new(event: &TimelineEvent, profile: &Profile, rivals: &[Hash]) -> Self {
        // The receiver signs last, and carries what was signed before.
        let mut hands = event.countersigned.iter().map(|signature| Party::from(&signature.by));
        let (from, to) = match hands.next() {
            Some(giver) => (giver, Some(hands.next().unwrap_or_else(|| event.party.clone()))),
            None => (event.party.clone(), event.receiver.clone()),
        };
        let own = event.party.identity.clone();
        let own = own.map(|by| Signature { statement: event.statement, by, at: event.at });
        let is_rival = |event: &TimelineEvent| {
            event.countersigned.last().is_some_and(|signature| rivals.contains(&signature.statement))
        };
        let standing = match (&event.fault, profile.step(&event.kind).map(|step| &step.effect)) {
            _ if event.mark == Mark::Void => Standing::Void,
            (Some(fault), _) => Standing::AtFault(fault.clone()),
            (None, Some(Effect::Dispute)) => Standing::Disputed,
            (None, Some(Effect::Conflict)) if is_rival(event) => Standing::Conflict,
            (None, _) => match event.opened {
                Some(opened) if !opened.same => Standing::Differs(opened),
                _ => Standing::Sound,
            },
        };
        Self {
            at: event.at,
            kind: event.kind.clone(),
            title: event.title.clone(),
            from,
            to,
            place: event.place.as_deref().map(sanitize),
            condition: event.condition.as_deref().map(sanitize),
            reason: event.reason.as_deref().map(sanitize),
            aggregate: event.aggregate,
            signatures: event.countersigned.iter().cloned().chain(own).collect(),
            standing,
            late: event.late,
            statement: event.statement,
        }
    }

    /// The signers' words: contents, condition, reason and place.
    pub fn said(&self) -> String {
        let packs = self.aggregate.map(|held| match held.inferred() {
            0 if held.count == 1 => "1 pack, scanned".to_owned(),
            0 => format!("{} packs, each scanned", held.count),
            inferred => format!("{}, {inferred} of them inferred", counted(held.count, "pack")),
        });
        let said = [&packs, &self.condition, &self.reason, &self.place];
        said.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" · ")
    }

    /// Who is accountable for what is wrong with it; `None` if nothing is wrong.
    pub const fn accountable(&self) -> Option<&Party> {
        match &self.standing {
            Standing::Sound | Standing::Void => None,
            Standing::AtFault(fault) => Some(&fault.accountable),
            Standing::Disputed | Standing::Conflict | Standing::Differs(_) => Some(&self.from),
        }
    }
}

impl Standing {
    /// What is wrong, in English; `None` if nothing is.
    pub fn wrong(&self) -> Option<String> {
        match self {
            Self::Sound => None,
            Self::AtFault(fault) => Some(fault.reason.to_string()),
            Self::Void => Some("void: the signer's certificate had been revoked".to_owned()),
            Self::Disputed => Some("not accepted".to_owned()),
            Self::Conflict => Some("given to two people".to_owned()),
            Self::Differs(Opened { packed, unpacked, .. }) if packed != unpacked => {
                Some(format!("{} went in, {unpacked} came out", counted(*packed, "pack")))
            }
            Self::Differs(_) => Some("other packs came out than went in".to_owned()),
        }
    }
}

impl Gap {
    fn new(kind: &Kind, party: &Party, profile: &Profile) -> Self {
        let step = profile.step(kind);
        let role = step.and_then(|step| step.receiver.as_ref()?.roles.first().cloned());
        Self {
            kind: kind.clone(),
            title: step.map_or_else(|| kind.to_string(), |step| step.title.clone()),
            party: party.clone(),
            to: role.map(|role| Party { role, identity: None }),
        }
    }
}

/// The handover that came second, if goods were given to two people.
const fn rival(reason: &Reason) -> Option<Hash> {
    match reason {
        Reason::ConflictingCustody(conflict) => Some(conflict.rival),
        _ => None,
    }
}

/// The position of a missing step among the stops: after the last of those that it follows, or first if it follows
/// none.
fn gap_place(missing: &Kind, profile: &Profile, stops: &[Stop]) -> usize {
    let after = profile.step(missing).map_or(&[][..], |step| &step.after);
    let before = |stop: &Stop| match stop {
        Stop::Leg(leg) => after.iter().any(|after| matches!(after, After::Kind(kind) if *kind == leg.kind)),
        Stop::Gap(_) => false,
    };
    stops.iter().rposition(before).map_or(0, |at| at + 1)
}
