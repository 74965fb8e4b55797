//! Conflicts and disputes in a history: goods that were handed to two people, and goods that somebody refused.
//!
//! Both follow from sound statements alone. A conflict needs two offers of the same giver, each answered by somebody
//! else, so nobody can raise one against a stranger. These are not conflicts:
//!
//! - the same two people signed the same handover twice, because an answer was not seen: it is one handover;
//! - one of the two is a refusal: a refusal puts the goods into nobody's hands.

use countersign_ledger::{Entry, Hash, Identity, Placed, UnixMillis, Verified};

use crate::audit::Audit;
use crate::fault::Party;
use crate::field::REASON;
use crate::profile::Profile;
use crate::step::Effect;

/// Goods that one person handed to two people, who both accepted. It does not end when the goods move on: of two items
/// with one number one is a copy, and no ledger can decide which.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Conflict {
    /// Who offered them twice, and is accountable.
    pub giver: Party,
    /// Who received them according to the ledger.
    pub first: Identity,
    /// Who received them too.
    pub second: Identity,
    /// When the second receiver signed.
    pub at: UnixMillis,
    /// The handover that is in the log.
    pub stands: Hash,
    /// The other handover, which the log refused.
    pub rival: Hash,
    /// The statement that carries it as evidence.
    pub statement: Hash,
}

/// Goods that were refused, and have not moved since.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dispute {
    /// Who still has them, and is accountable for them.
    pub holder: Party,
    /// Who refused them.
    pub by: Identity,
    /// When.
    pub at: UnixMillis,
    /// Why, in the refuser's words.
    pub reason: String,
    /// The refusal.
    pub statement: Hash,
}

/// Every conflict of a history, each once, in the order in which they were recorded.
pub(crate) fn conflicts(profile: &Profile, history: &[Entry], audit: &Audit) -> Vec<Conflict> {
    let mut shown: Vec<Hash> = Vec::new();
    let recorded = sound(history, audit).filter(|one| effect(profile, one) == Some(&Effect::Conflict));
    let conflicts = recorded.filter_map(|statement| {
        let rival = statement.countersigned()?;
        // Each of the two receivers holds the evidence and may record it.
        if shown.contains(&rival.statement().id()) {
            return None;
        }
        shown.push(rival.statement().id());
        conflict(profile, history, statement, rival)
    });
    conflicts.collect()
}

fn conflict(profile: &Profile, history: &[Entry], statement: &Placed, rival: &Verified) -> Option<Conflict> {
    let giver = rival.countersigned()?.signer().identity();
    let second = profile.holder_after(rival)?;
    // A refusal may come between: the first who received the goods after the statement that both offers follow.
    let after = history.iter().position(|one| Some(one.id()) == rival.prev())?;
    let mut later = history.get(after + 1..)?.iter().filter_map(Entry::standing);
    let moved = later.find(|one| profile.holder_after(one).is_some())?;
    let (first, by) = (profile.holder_after(moved)?, moved.countersigned()?.signer().identity());
    (by == giver && first != second).then(|| Conflict {
        giver: giver.into(),
        first,
        second,
        at: rival.statement().issued_at(),
        stands: moved.id(),
        rival: rival.statement().id(),
        statement: statement.id(),
    })
}

/// The refusal after which the goods have not moved, if there is one.
pub(crate) fn dispute(profile: &Profile, history: &[Entry], audit: &Audit) -> Option<Dispute> {
    let mut open = None;
    for statement in sound(history, audit) {
        if profile.holder_after(statement).is_some() {
            open = None;
        } else if effect(profile, statement) == Some(&Effect::Dispute) {
            open = Some(statement);
        }
    }
    let refusal = open?;
    Some(Dispute {
        holder: refusal.countersigned()?.signer().identity().into(),
        by: refusal.signer().identity().clone(),
        at: refusal.statement().issued_at(),
        reason: refusal.fields().text(REASON).unwrap_or_default().to_owned(),
        statement: refusal.id(),
    })
}

/// The standing statements in which the audit of their history found no fault.
fn sound<'a>(history: &'a [Entry], audit: &'a Audit) -> impl Iterator<Item = &'a Placed> {
    let counts = history.iter().zip(&audit.steps).filter(|(_, step)| step.judged.counts());
    counts.filter_map(|(entry, _)| entry.standing())
}

fn effect<'a>(profile: &'a Profile, statement: &Verified) -> Option<&'a Effect> {
    profile.step(statement.statement().kind()).map(|step| &step.effect)
}
