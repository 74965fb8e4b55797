//! Drafts: what follows from the rules is filled in, so that whoever signs gives only what is theirs to say.

use countersign_ledger::{Draft, Fields, Hash, Identity, Kind, Placed, Subject, UnixMillis};

use crate::chain::chain_head;
use crate::engine::{Context, open_suspensions};
use crate::lot::SerialSet;
use crate::profile::Profile;
use crate::step::{Effect, LinkRule};

impl Profile {
    /// The next statement of `kind` on `subject` by `signer`: `fields`, and the statement that it follows, its links and
    /// its chain value, as the rules have them. `None` if the profile has no such step.
    ///
    /// `past.linked` holds the statements that may be linked; of several that fit, the latest is. Nothing is judged:
    /// [`Profile::check`] does that once it is signed.
    pub fn draft(
        &self,
        kind: &Kind,
        subject: &Subject,
        signer: &Identity,
        mut fields: Fields,
        past: &Context<'_>,
    ) -> Option<Draft> {
        let step = self.step(kind)?;
        if let (Some(field), Some((_, value))) = (step.chain_field(), chain_head(self, past.subject)) {
            fields = fields.with(field, value);
        }
        let asked = |rule: &&LinkRule| rule.when_signer.as_ref().is_none_or(|role| role == signer.role());
        let links = step
            .links
            .iter()
            .filter(asked)
            .filter_map(|rule| self.candidate(rule, subject, signer, past))
            .collect();
        let prev = past.subject.last().map(Placed::id);
        Some(Draft { kind: kind.clone(), subject: subject.clone(), fields, prev, links, sealed: None })
    }

    /// The fields by which the step of `kind` commissions `serials`, whose labelled day ends at `expires` (which goods
    /// that do not expire leave out); `None` if it commissions nothing.
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

    fn candidate(
        &self,
        rule: &LinkRule,
        subject: &Subject,
        signer: &Identity,
        past: &Context<'_>,
    ) -> Option<Hash> {
        let open = open_suspensions(self, past.subject);
        let suspends = self.step(&rule.kind).is_some_and(|step| step.effect == Effect::Suspend);
        let known = past.linked.iter().copied().chain(past.subject).filter(|one| {
            one.statement().kind() == &rule.kind
                && one.signer().identity().domain() == signer.domain()
                && rule.on.holds(subject, one.statement().subject())
                && (!suspends || open.iter().any(|suspension| suspension.id() == one.id()))
        });
        known.max_by_key(|one| one.index()).map(Placed::id)
    }
}
