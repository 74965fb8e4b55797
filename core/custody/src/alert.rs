//! Recalls and suspensions that stand.
//!
//! A warning is believed on the word of an entitled party alone: if the log let something in before it that should not
//! be there, the warning still stands. What takes a warning back must satisfy every rule.

use std::collections::BTreeMap;

use countersign_ledger::{Hash, Identity, Placed, Subject, UnixMillis};

use crate::audit::History;
use crate::dossier::Facts;
use crate::engine::Context;
use crate::subject_type::Log;
use crate::profile::Profile;
use crate::step::Effect;
use crate::timeline::TimelineEvent;

/// The field that gives an alert's reason to people.
const REASON: &str = "reason";

/// A recall or a suspension that stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Alert {
    /// Which of them.
    pub kind: AlertKind,
    /// What it is about: the class, a lot or a pack.
    pub subject: Subject,
    /// Who signed it.
    pub by: Identity,
    /// When.
    pub at: UnixMillis,
    /// Why, in the signer's words.
    pub reason: String,
    /// The statement.
    pub statement: Hash,
}

/// The kind of an [`Alert`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AlertKind {
    /// For good.
    Recall,
    /// Until lifted.
    Suspension,
}

type BySubject<T> = BTreeMap<Subject, Vec<T>>;

/// The alerts that stand, and all that was said by those entitled to, by subject.
pub(crate) fn standing_alerts(
    profile: &Profile,
    facts: &Facts,
) -> (BySubject<Alert>, BySubject<TimelineEvent>) {
    let mut histories: BySubject<Placed> = BTreeMap::new();
    for statement in &facts.alerts {
        histories.entry(statement.statement().subject().clone()).or_default().push(statement.clone());
    }
    let (mut alerts, mut events) = (BTreeMap::new(), BTreeMap::new());
    for (subject, statements) in histories {
        let (standing, seen) = judge(profile, facts, &statements);
        alerts.insert(subject.clone(), standing);
        events.insert(subject, seen);
    }
    (alerts, events)
}

fn judge(profile: &Profile, facts: &Facts, statements: &[Placed]) -> (Vec<Alert>, Vec<TimelineEvent>) {
    let class = History { log: Log::Supply, domain: Some(&facts.domain), statements: &facts.history };
    let history = History { log: Log::Trust, statements, ..class };
    let linked: Vec<&Placed> = facts.history.iter().chain(statements).collect();
    let (mut standing, mut seen): (Vec<Alert>, _) = (Vec::new(), Vec::new());
    for (statement, step) in statements.iter().zip(profile.audit(&history, &[class]).steps) {
        let past = Context { log: Log::Trust, domain: class.domain, subject: &[], linked: &linked };
        // What nobody was entitled to say was not said.
        if !profile.is_entitled(statement, &past) {
            continue;
        }
        match profile.step(&step.kind).map(|step| &step.effect) {
            Some(Effect::Recall) => standing.push(alert(AlertKind::Recall, statement)),
            Some(Effect::Suspend) => standing.push(alert(AlertKind::Suspension, statement)),
            Some(Effect::Lift) if step.fault.is_none() => {
                standing.retain(|alert| !statement.links().contains(&alert.statement));
            }
            _ => {}
        }
        seen.push(TimelineEvent::new(profile, &step));
    }
    (standing, seen)
}

fn alert(kind: AlertKind, statement: &Placed) -> Alert {
    Alert {
        kind,
        subject: statement.statement().subject().clone(),
        by: statement.signer().identity().clone(),
        at: statement.statement().issued_at(),
        reason: statement.fields().text(REASON).unwrap_or_default().to_owned(),
        statement: statement.id(),
    }
}
