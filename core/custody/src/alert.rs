//! Recalls and suspensions in force.
//!
//! A warning counts if an entitled party signed it, even if the log accepted something invalid before it. A statement
//! that lifts a warning must satisfy every rule.

use std::collections::{BTreeMap, HashMap};

use countersign_ledger::{Entry, Hash, Identity, LogName, Subject, UnixMillis, Verified};

use crate::audit::History;
use crate::engine::{Past, Voids};
use crate::facts::Facts;
use crate::field::REASON;
use crate::profile::Profile;
use crate::state::SubjectState;
use crate::step::Effect;
use crate::timeline::TimelineEvent;

/// A recall or a suspension in force.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Alert {
    /// Recall or suspension.
    pub kind: AlertKind,
    /// Its subject: the class, a lot or a pack.
    pub subject: Subject,
    /// Who signed it.
    pub by: Identity,
    /// When it was signed.
    pub at: UnixMillis,
    /// Why, in the signer's words.
    pub reason: String,
    /// The statement.
    pub statement: Hash,
}

/// The kind of an [`Alert`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AlertKind {
    /// Final.
    Recall,
    /// Until lifted.
    Suspension,
}

type BySubject<T> = BTreeMap<Subject, Vec<T>>;

/// The alerts in force, and every warning that an entitled party has signed, by subject.
pub(crate) fn standing_alerts(
    profile: &Profile,
    facts: &Facts,
) -> (BySubject<Alert>, BySubject<TimelineEvent>) {
    let mut histories: BySubject<Entry> = BTreeMap::new();
    for entry in &facts.alerts {
        let subject = entry.verified().statement().subject();
        histories.entry(subject.clone()).or_default().push(entry.clone());
    }
    let (mut alerts, mut events) = (BTreeMap::new(), BTreeMap::new());
    for (subject, entries) in histories {
        let (standing, seen) = judge(profile, facts, &entries);
        alerts.insert(subject.clone(), standing);
        events.insert(subject, seen);
    }
    (alerts, events)
}

fn judge(profile: &Profile, facts: &Facts, entries: &[Entry]) -> (Vec<Alert>, Vec<TimelineEvent>) {
    let class = History { log: LogName::SUPPLY, domain: Some(&facts.domain), entries: &facts.history };
    let history = History { log: LogName::TRUST, entries, ..class };
    let every: HashMap<Hash, &Entry> =
        facts.history.iter().chain(entries).map(|entry| (entry.id(), entry)).collect();
    let past = Past {
        log: LogName::TRUST,
        domain: class.domain,
        subject: &SubjectState::default(),
        prev: None,
        linked: &every,
        rival: None,
        // A warning that links a void certificate still counts. A void warning is shown, and has no effect.
        voids: Voids::Presumed,
    };
    let (mut standing, mut seen): (Vec<Alert>, _) = (Vec::new(), Vec::new());
    for (entry, step) in entries.iter().zip(profile.audit(&history, &[class]).steps) {
        let statement = entry.verified();
        // Statements of parties who were not entitled to make them are ignored.
        if !profile.is_entitled(statement, &past) {
            continue;
        }
        let effect = entry.standing().and_then(|_| profile.step(&step.kind)).map(|step| &step.effect);
        match effect {
            Some(Effect::Recall) => standing.push(alert(AlertKind::Recall, statement)),
            Some(Effect::Suspend) => standing.push(alert(AlertKind::Suspension, statement)),
            Some(Effect::Lift) if step.judged.counts() => {
                standing.retain(|alert| !statement.links().contains(&alert.statement));
            }
            _ => {}
        }
        seen.push(TimelineEvent::new(profile, &step));
    }
    (standing, seen)
}

fn alert(kind: AlertKind, statement: &Verified) -> Alert {
    Alert {
        kind,
        subject: statement.statement().subject().clone(),
        by: statement.signer().identity().clone(),
        at: statement.statement().issued_at(),
        reason: statement.fields().text(REASON).unwrap_or_default().to_owned(),
        statement: statement.statement().id(),
    }
}
