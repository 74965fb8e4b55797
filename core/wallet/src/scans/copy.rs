//! A hint where the same number is seen as a copy would be.

use countersign_custody::{Dispensed, Effect, Reason, Verdict};
use countersign_ledger::{Identity, UnixMillis};

use super::ScansError;
use crate::snapshot::Snapshot;

/// A pack that is scanned on the shelf and given out the same day is the same pack.
const SAME_PACK_MILLIS: u64 = 24 * 3600 * 1000;

/// How the same number was seen as a copy would be. It is no verdict: people carry packs to and fro, and sign late.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopyHint {
    /// Somebody gave it out more than a day after this phone had it.
    GivenOutSince {
        /// Who.
        by: Identity,
        /// When.
        at: UnixMillis,
    },
    /// This phone's owner gives packs out, and somebody else gave this one out more than a day before it came here.
    GivenOutBefore {
        /// Who.
        by: Identity,
        /// When.
        at: UnixMillis,
    },
}

impl Snapshot {
    /// The hint on a pack that this phone first saw at `first`.
    pub(super) fn copy_hint(
        &self,
        first: UnixMillis,
        verdict: &Verdict,
    ) -> Result<Option<CopyHint>, ScansError> {
        let stated = verdict.reasons.iter().find_map(|reason| match reason {
            Reason::Dispensed(Dispensed::Stated { by, at, .. }) => Some((by.clone(), *at)),
            _ => None,
        });
        let Some((by, at)) = stated else { return Ok(None) };
        let own = self.identities()?;
        let dispense = self.profile_for(verdict).steps().iter().find(|step| step.effect == Effect::Dispense);
        let gives_out = |own: &Identity| {
            dispense.is_some_and(|step| step.signer.roles.iter().any(|role| role == own.role()))
        };
        Ok(if own.contains(&by) {
            None
        } else if at.since(first) > SAME_PACK_MILLIS {
            Some(CopyHint::GivenOutSince { by, at })
        } else if first.since(at) > SAME_PACK_MILLIS && own.iter().any(gives_out) {
            Some(CopyHint::GivenOutBefore { by, at })
        } else {
            None
        })
    }
}
