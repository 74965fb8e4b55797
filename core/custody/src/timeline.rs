//! What happened to a product, in the order in which it was signed.

use countersign_ledger::{Hash, Kind, UnixMillis};

use crate::audit::{Audit, Examined, Judged, Signature};
use crate::contents::{Aggregate, Opened};
use crate::fault::{Fault, Party};
use crate::profile::Profile;

/// One event in a product's life.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TimelineEvent {
    /// When it was signed.
    pub at: UnixMillis,
    /// What it was; the key under which apps keep its title.
    pub kind: Kind,
    /// Its title in English, from the profile.
    pub title: String,
    /// Who signed it.
    pub party: Party,
    /// Whom it was for.
    pub receiver: Option<Party>,
    /// Who signed before the party what it carries, the first that signed first: whoever gave what the party received.
    pub countersigned: Vec<Signature>,
    /// Where, coarsely.
    pub place: Option<String>,
    /// In which condition the goods were.
    pub condition: Option<String>,
    /// Why, in the party's words.
    pub reason: Option<String>,
    /// If a unit came into the party's hands: how many packs are in it, how many were scanned and how many are inferred.
    pub aggregate: Option<Aggregate>,
    /// If it opened a unit: how many packs came out, beside how many went in.
    pub opened: Option<Opened>,
    /// The statement.
    pub statement: Hash,
    /// What is wrong with it, if it does not fit its place.
    pub fault: Option<Box<Fault>>,
    /// What is to be thought of it.
    pub mark: Mark,
    /// If it came late: the moment before which the log had not recorded it, at least [`crate::LATE_MILLIS`] after `at`.
    /// `at` is then its signer's word alone. It is no accusation.
    pub late: Option<UnixMillis>,
}

/// What is to be thought of a statement in its history. Its signature has been verified in any case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark {
    /// It fits its place.
    Verified,
    /// It does not fit its place.
    AtFault,
    /// Its signer's certificate, or that of whom it countersigns, had been revoked: it is void, and shown struck out.
    Void,
}

impl Audit {
    /// The history that was verified, as a timeline.
    pub fn timeline(&self, profile: &Profile) -> Vec<TimelineEvent> {
        self.steps.iter().map(|step| TimelineEvent::new(profile, step)).collect()
    }
}

impl TimelineEvent {
    pub(crate) fn new(profile: &Profile, step: &Examined) -> Self {
        let title =
            profile.step(&step.kind).map_or_else(|| step.kind.to_string(), |known| known.title.clone());
        Self {
            at: step.at,
            kind: step.kind.clone(),
            title,
            party: (&step.signer).into(),
            receiver: step.receiver.as_ref().map(Party::from),
            countersigned: step.countersigned.clone(),
            place: step.place.clone(),
            condition: step.condition.clone(),
            reason: step.reason.clone(),
            aggregate: step.aggregate,
            opened: step.opened,
            statement: step.statement,
            fault: step.judged.fault().cloned().map(Box::new),
            mark: match step.judged {
                Judged::Sound | Judged::RestsOn(_) => Mark::Verified,
                Judged::AtFault(_) => Mark::AtFault,
                Judged::Void => Mark::Void,
            },
            late: None,
        }
    }
}
