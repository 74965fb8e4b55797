//! A profile as a family of rules, for node and client.

use std::collections::BTreeSet;

use countersign_ledger::{
    Blob, Context, Kind, LogName, MAX_SKEW_MILLIS, Problem, Promise, Rules, State, Subject, Verified,
    Violation,
};

use crate::engine::{Past, Voids, too_late};
use crate::fault::FaultReason;
use crate::filter::MAX_FILTER;
use crate::handover::Seen;
use crate::profile::Profile;
use crate::state::SubjectState;
use crate::step::Effect;
use crate::subject_type::class_of;

impl Rules for Profile {
    fn logs(&self, kind: &Kind) -> Option<&[LogName]> {
        self.step(kind).map(|step| std::slice::from_ref(&step.log))
    }

    fn roles(&self) -> Vec<&str> {
        Self::roles(self).iter().map(String::as_str).collect()
    }

    fn check(&self, statement: &Verified, context: &Context<'_>) -> Result<(), Violation> {
        check_seen(statement, context)?;
        let subject = SubjectState::from_state(context.subject).ok_or_else(damaged)?;
        let linked = context.linked.iter().map(|entry| (entry.id(), entry.as_ref())).collect();
        let past = Past {
            log: context.log,
            domain: context.domain,
            subject: &subject,
            // The log itself compares `prev` with the latest statement on the subject.
            prev: statement.prev(),
            linked: &linked,
            rival: context.rival,
            voids: Voids::PassedOver,
        };
        let undoes = self.undoes(statement);
        Self::check(self, statement, &past).map_err(|fault| {
            let problem = match fault.reason {
                FaultReason::VoidLink => Problem::VoidLink,
                FaultReason::TooLate(_) => Problem::TooLate,
                FaultReason::NotTheReceiver if undoes => Problem::Role,
                _ => Problem::Rule,
            };
            Violation { problem, text: fault.to_string() }
        })?;
        // A signer may date a statement back; the time at which it comes nobody chooses.
        let step = self.step(statement.statement().kind());
        if let Some(late) = step.zip(context.time).and_then(|(step, time)| too_late(step, &subject, time)) {
            return Err(Violation { problem: Problem::TooLate, text: late.to_string() });
        }
        let elsewhere = context.elsewhere.iter().filter_map(SubjectState::from_state);
        if undoes
            && elsewhere
                .flat_map(|state| state.made().cloned().collect::<Vec<_>>())
                .any(|kind| self.step(&kind).is_some_and(|step| step.effect == Effect::Recall))
        {
            let text = FaultReason::RecallIsFinal.to_string();
            return Err(Violation { problem: Problem::Recalled, text });
        }
        // What nobody reads nobody can judge by.
        match self.promise(statement) {
            Some(Promise::Blob(filter)) if filter.length > MAX_FILTER as u64 => {
                let text = format!("the filter over the serials has more than {MAX_FILTER} bytes");
                Err(Violation { problem: Problem::Rule, text })
            }
            _ => Ok(()),
        }
    }

    /// A pack that was recalled, or its lot or class, is not put back on the shelf.
    fn looks_at(&self, statement: &Verified) -> Vec<(LogName, Subject)> {
        if !self.undoes(statement) {
            return Vec::new();
        }
        let subject = statement.statement().subject();
        let places =
            [Some(subject.as_str()), Some(subject.family()), class_of(subject)].into_iter().flatten();
        let places = places.collect::<BTreeSet<_>>().into_iter().filter_map(|place| Subject::new(place).ok());
        let recalls = self.steps().iter().filter(|step| step.effect == Effect::Recall);
        let logs: BTreeSet<LogName> = recalls.map(|step| step.log).collect();
        places
            .flat_map(|place| logs.iter().map(move |log| (*log, place.clone())).collect::<Vec<_>>())
            .collect()
    }

    fn fold(&self, before: &State, statement: &Verified) -> State {
        let mut state = SubjectState::from_state(before).unwrap_or_default();
        state.push(self, statement);
        state.to_state()
    }

    fn may_follow(&self, before: &State, statement: &Verified) -> bool {
        let state = SubjectState::from_state(before).unwrap_or_default();
        self.follows(&state, statement)
    }

    fn promise(&self, statement: &Verified) -> Option<Promise> {
        match &self.step(statement.statement().kind())?.effect {
            Effect::Commission { filter, filter_length, .. } => Some(Promise::Blob(Blob {
                digest: statement.fields().hash(filter)?,
                length: statement.fields().uint(filter_length)?,
            })),
            _ => None,
        }
    }
}

impl Profile {
    fn undoes(&self, statement: &Verified) -> bool {
        let step = self.step(statement.statement().kind());
        step.is_some_and(|step| step.effect == Effect::UndoDispense)
    }

    /// Whether a statement may come next by its kind.
    pub(crate) fn follows(&self, before: &SubjectState, statement: &Verified) -> bool {
        let step = self.step(statement.statement().kind());
        step.is_some_and(|step| step.may_follow(before.latest()))
    }
}

fn damaged() -> Violation {
    Violation { problem: Problem::Internal, text: "the stored state of the subject is damaged".to_owned() }
}

/// Checks that the checkpoints that its signers name are this log's, and that no signature is older than the checkpoint
/// that its signer had seen. This bounds how far a statement can be backdated.
fn check_seen(statement: &Verified, context: &Context<'_>) -> Result<(), Violation> {
    let Some(checkpoints) = context.checkpoints else { return Ok(()) };
    for signed in [Some(statement), statement.countersigned()].into_iter().flatten() {
        let Some(seen) = Seen::of(signed).filter(|seen| seen.size > 0) else { continue };
        let Some((_, at)) = checkpoints.at(context.log, seen.size).filter(|(root, _)| *root == seen.root)
        else {
            let text = "the statement names a checkpoint that does not match this log".to_owned();
            return Err(Violation { problem: Problem::ForeignCheckpoint, text });
        };
        if at.since(signed.statement().issued_at()) > MAX_SKEW_MILLIS {
            let text = "the statement is dated before a checkpoint that its signer had seen".to_owned();
            return Err(Violation { problem: Problem::Backdated, text });
        }
    }
    Ok(())
}
