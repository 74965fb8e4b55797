//! The family of rules of membership: who is enrolled, and whose certificate is revoked.
//!
//! Its statements change the [`TrustStore`] ([`TrustStore::apply`]); no state is kept for their subjects.

use crate::log_name::LogName;
use crate::rules::{Context, Rules, State, Violation};
use crate::statement::Verified;
use crate::subject::Kind;
use crate::trust_store::{ENROL, REVOKE, Refusal};
use crate::{Hash, Problem};

/// The field of an enrolment that names its one-time code.
pub const CODE: &str = "code";

/// The family of membership.
#[derive(Clone, Copy, Debug, Default)]
pub struct Membership;

impl Rules for Membership {
    fn logs(&self, kind: &Kind) -> Option<&[LogName]> {
        match kind.as_str() {
            REVOKE => Some(&[LogName::TRUST]),
            ENROL => Some(&[LogName::SUPPLY]),
            _ => None,
        }
    }

    fn check(&self, statement: &Verified, context: &Context<'_>) -> Result<(), Violation> {
        let refused =
            |refusal: Refusal| Violation { problem: Problem::from(refusal), text: refusal.to_string() };
        context.trust.check(statement).map_err(refused)
    }

    fn fold(&self, _before: &State, _statement: &Verified) -> State {
        State::default()
    }

    /// The one-time code of an enrolment: it can be used once, even if the registrar signs a second enrolment with it.
    fn uses_up(&self, statement: &Verified) -> Option<Hash> {
        let code =
            (statement.statement().kind().as_str() == ENROL).then(|| statement.fields().bytes(CODE))??;
        Some(Hash::framed("countersign/code/v1", &[code]))
    }
}
