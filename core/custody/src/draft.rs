//! Drafts: fields, links and predecessor that follow from the rules are filled in, so that the signer gives only the
//! rest.

use countersign_ledger::{Draft, Entry, Fields, Folded, Hash, Identity, Kind, Placed, Subject, UnixMillis};

use crate::lot::SerialSet;
use crate::profile::Profile;
use crate::state::SubjectState;
use crate::step::{Effect, LinkRule};

impl Profile {
    /// The next statement of `kind` on `subject` by `signer`: `fields`, the statement that it follows, its links and
    /// its chain value, as the rules require. `None` if the profile has no such step.
    ///
    /// `history` is the subject's, in the log of the kind; `others` are further statements that may be linked; if
    /// several fit, the latest is linked. Nothing is judged: [`Profile::check`] does that once the draft is signed.
    pub fn draft(
        &self,
        kind: &Kind,
        subject: &Subject,
        signer: &Identity,
        mut fields: Fields,
        history: &[Entry],
        others: &[Entry],
    ) -> Option<Draft> {
        let step = self.step(kind)?;
        let state = self.state_after(history);
        if let (Some(field), Some((_, value))) = (step.chain_field(), state.chain_head()) {
            fields = fields.with(field, value);
        }
        let asked = |rule: &&LinkRule| rule.when_signer.as_ref().is_none_or(|role| role == signer.role());
        let links = step
            .links
            .iter()
            .filter(asked)
            .filter_map(|rule| self.candidate(rule, subject, signer, &state, history.iter().chain(others)))
            .collect();
        let prev = history.last().map(Entry::id);
        Some(Draft { kind: kind.clone(), subject: subject.clone(), fields, prev, links, sealed: None })
    }

    /// The fields with which the step of `kind` commissions `serials`; `expires` is the end of the expiry day on the
    /// label (absent for goods that do not expire). `None` if the step commissions nothing.
    pub fn commission_fields(&self, kind: &Kind, serials: &SerialSet, expires: UnixMillis) -> Option<Fields> {
        let Effect::Commission { expiry, count, serials: root, filter, filter_length } =
            &self.step(kind)?.effect
        else {
            return None;
        };
        let mut fields = Fields::new().with(count, serials.count()).with(root, serials.root());
        if let Some(expiry) = expiry {
            fields.insert(expiry, expires.0.into());
        }
        Some(
            fields
                .with(filter, serials.filter_digest())
                .with(filter_length, serials.filter_bytes().len() as u64),
        )
    }

    /// The state of a subject, folded from its history.
    pub fn state_after(&self, history: &[Entry]) -> SubjectState {
        let mut folded = Folded::<SubjectState>::default();
        for entry in history {
            self.push(&mut folded, entry);
        }
        folded.standing
    }

    /// Adds the next entry of a history to the state.
    pub(crate) fn push(&self, folded: &mut Folded<SubjectState>, entry: &Entry) {
        folded.push(
            entry,
            |state, statement| self.follows(state, statement),
            |state, statement| {
                let mut state = state.clone();
                state.push(self, statement);
                state
            },
        );
    }

    fn candidate<'a>(
        &self,
        rule: &LinkRule,
        subject: &Subject,
        signer: &Identity,
        state: &SubjectState,
        known: impl Iterator<Item = &'a Entry>,
    ) -> Option<Hash> {
        let suspends = self.step(&rule.kind).is_some_and(|step| step.effect == Effect::Suspend);
        let fits = known.filter_map(Entry::standing).filter(|one| {
            one.statement().kind() == &rule.kind
                && one.signer().identity().domain() == signer.domain()
                && rule.on.holds(subject, one.statement().subject())
                && (!suspends || state.suspensions().contains(&one.id()))
        });
        fits.max_by_key(|one| one.index()).map(Placed::id)
    }
}
