//! The timeline of a product, in the order of signing.

use countersign_ledger::{Hash, Kind, UnixMillis};

use crate::audit::{Audit, Examined, Judged, Signature};
use crate::contents::{Aggregate, Opened};
use crate::fault::{Fault, Party};
use crate::profile::Profile;

/// One event in a product's timeline.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TimelineEvent {
    /// When it was signed.
    pub at: UnixMillis,
    /// Its kind; apps keep its title under this key.
    pub kind: Kind,
    /// Its title in English, from the profile.
    pub title: String,
    /// Who signed it.
    pub party: Party,
    /// Its receiver.
    pub receiver: Option<Party>,
    /// The signers of what it carries, in the order of signing: the giver, if the party received something.
    pub countersigned: Vec<Signature>,
    /// Where, coarsely.
    pub place: Option<String>,
    /// The condition of the goods.
    pub condition: Option<String>,
    /// Why, in the party's words.
    pub reason: Option<String>,
    /// If the party received a unit: how many packs are in it, how many were scanned and how many are inferred.
    pub aggregate: Option<Aggregate>,
    /// If it opened a unit: how many packs came out, and how many went in.
    pub opened: Option<Opened>,
    /// The statement.
    pub statement: Hash,
    /// What is wrong with it, if it does not fit its place.
    pub fault: Option<Box<Fault>>,
    /// Its mark.
    pub mark: Mark,
    /// If it came late: the lower bound on its time of inclusion in the log, at least [`crate::LATE_MILLIS`] after
    /// `at`. Then `at` is only the signer's claim. Being late is no accusation.
    pub late: Option<UnixMillis>,
}

/// The mark of a statement in its history. Its signature has been verified in any case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark {
    /// It fits its place.
    Verified,
    /// It does not fit its place.
    AtFault,
    /// Its signer's certificate, or that of the signer whom it countersigns, had been revoked: it is void, and shown
    /// struck out.
    Void,
}

impl Audit {
    /// The verified history as a timeline.
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
