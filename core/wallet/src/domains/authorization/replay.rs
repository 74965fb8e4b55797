//! How the log is replayed: each statement is judged against the states of all subjects at its place.

use std::sync::Arc;

use countersign_domains::rules::DomainRules;
use countersign_domains::{AUTHORIZATION, Topic};
use countersign_ledger::{
    Context, Entry, Folded, Placed, Problem, Rules as _, State, Subject, TrustStore, UnixMillis, Verified,
    Violation,
};

use super::{Authorization, Fault};

/// How long after it was signed a statement may have been ordered, at most: when that was no client knows, so rules about
/// time are given all that they allow, and the rest is the node's to judge.
const LATEST_MILLIS: u64 = 5 * 60 * 1000;

impl Authorization {
    /// Adds the next entry.
    pub(super) fn push(&mut self, entry: Entry, trust: &TrustStore) {
        let (at, id) = (self.entries.len(), entry.id());
        let subject = entry.verified().statement().subject().clone();
        self.places.insert(id, at);
        self.has_void |= entry.standing().is_none();
        match entry.standing().and_then(|placed| self.fault(placed, trust)) {
            Some(text) => self.faults.push(Fault { statement: id, index: at as u64, text }),
            None => {
                let folded = self.states.entry(subject.clone()).or_default();
                let may_follow = |before: &State, next: &Verified| DomainRules.may_follow(before, next);
                folded.push(&entry, may_follow, |before, next| DomainRules.fold(before, next));
                self.subjects.entry(subject.clone()).or_default().push(at);
            }
        }
        self.entries.push(Arc::new(entry));
        if let Some(Topic::Validity(key)) = Topic::of(&subject)
            && self.invalid(key).is_some()
        {
            self.invalidated.entry(key).or_insert(at);
        }
    }

    /// Why the rules do not allow a statement where it is. One that was admitted while a void one still counted is not at
    /// fault.
    fn fault(&self, statement: &Placed, trust: &TrustStore) -> Option<String> {
        let violation = self.judge(statement, trust, |folded| &folded.standing).err()?;
        if self.has_void {
            let presumed =
                self.judge(statement, trust, |folded| folded.presumed.as_ref().unwrap_or(&folded.standing));
            if violation.problem == Problem::VoidLink || presumed.is_ok() {
                return None;
            }
        }
        Some(violation.text)
    }

    fn judge<'a>(
        &'a self,
        statement: &Placed,
        trust: &TrustStore,
        of: impl Fn(&'a Folded<State>) -> &'a State,
    ) -> Result<(), Violation> {
        let empty = State::default();
        let state =
            |subject: &Subject| self.states.get(subject).map_or_else(State::default, |one| of(one).clone());
        let subject = statement.statement().subject();
        let head = Subject::new(subject.family()).ok().map(|head| state(&head));
        let elsewhere: Vec<_> =
            DomainRules.looks_at(statement).iter().map(|(_, subject)| state(subject)).collect();
        let linked: Vec<_> = statement
            .links()
            .iter()
            .filter(|id| self.counts(**id))
            .filter_map(|id| self.entries.get(*self.places.get(id)?).map(Arc::clone))
            .collect();
        let context = Context {
            log: AUTHORIZATION,
            domain: None,
            time: Some(UnixMillis(statement.statement().issued_at().0.saturating_add(LATEST_MILLIS))),
            subject: &state(subject),
            head: head.as_ref().unwrap_or(&empty),
            linked: &linked,
            rival: None,
            elsewhere: &elsewhere,
            trust,
            checkpoints: None,
        };
        DomainRules.check(statement, &context)
    }
}
