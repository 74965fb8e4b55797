//! Drafts: what follows from the rules is looked up, verified and filled in.

use countersign_ledger::{Draft, Fields, Kind, Subject, UnixMillis};

use crate::act::ActError;
use crate::issuer::{Issuer, Recorded};

impl Issuer<'_> {
    /// Drafts the next statement of `kind` on `subject` by the key `key`: its predecessor's chain value, and the fields and links
    /// that follow from the rules. `with` are further subjects to link. Nothing is signed.
    pub fn draft(
        &mut self,
        key: &str,
        kind: &Kind,
        subject: &Subject,
        fields: Fields,
        with: &[Subject],
    ) -> Result<Draft, ActError> {
        let profile = self.snapshot.profile_of(kind).ok_or(ActError::UnknownKind)?;
        let step = profile.step(kind).ok_or(ActError::UnknownKind)?;
        let signer = self.certificate(key)?.identity().clone();
        let history = self.history(step.log, subject)?;
        let mut others = Vec::new();
        for rule in &step.links {
            let Some(linked) = profile.step(&rule.kind) else { continue };
            for place in dependencies(subject).iter().chain(with) {
                others.extend(self.history(linked.log, place)?);
            }
        }
        profile.draft(kind, subject, &signer, fields, &history, &others).ok_or(ActError::UnknownKind)
    }

    /// Drafts, signs and records a statement that promises no blob. One that was begun with these fields and cut off is
    /// completed instead.
    pub fn act(
        &mut self,
        key: &str,
        kind: &Kind,
        subject: &Subject,
        fields: Fields,
        now: UnixMillis,
    ) -> Result<Recorded, ActError> {
        if let Some(begun) = self.begun(kind, subject, &fields)? {
            return self.complete(begun, now);
        }
        self.send_about(subject, now)?;
        let draft = self.draft(key, kind, subject, fields, &[])?;
        self.record(key, &draft, None, now)
    }
}

/// A subject and what it belongs to: a pack, its lot, its class.
fn dependencies(subject: &Subject) -> Vec<Subject> {
    let mut places = vec![subject.clone()];
    while let Some(wider) = places.last().and_then(|last| Subject::new(last.family()).ok()) {
        if places.contains(&wider) {
            break;
        }
        places.push(wider);
    }
    places
}
