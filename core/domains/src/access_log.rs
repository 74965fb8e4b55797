//! What a domain notes of each access, on its own log, and the audit that holds it against the licences (the paper's
//! joint audit).
//!
//! One function finds what is wrong with an access ([`Licence::findings`]). The domain asks it before it answers
//! ([`Licence::admit`], step 12 of the paper's flow), whoever audits asks it afterwards ([`joint`]).
//!
//! ```cddl
//! access-entry = { "licence" => digest, "user" => digest, "state" => digest, "op" => 1 / 2 / 4 / 8,
//!                  "answer" => digest, anchor }
//! ```

use std::collections::BTreeMap;

use countersign_ledger::{Draft, Fields, Hash, UnixMillis, Verified};

use crate::anchor::Anchor;
use crate::handshake::AuthRecord;
use crate::names::{DataKey, Pseudonym};
use crate::op::Op;
use crate::policy::Decision;
use crate::request::{Phase, Thread};
use crate::rules::{ENTRY, draft};
use crate::trace::Trace;

/// An access.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccessEntry {
    /// The licence that was shown.
    pub licence: Hash,
    /// Who accessed.
    pub user: Pseudonym,
    /// Which state.
    pub state: Hash,
    /// What was done.
    pub op: Op,
    /// The digest of what was answered.
    pub answer: Hash,
}

impl AccessEntry {
    /// The statement, for the authority of the domain that holds the data, which has seen that much of the log across
    /// domains.
    pub fn draft(&self, key: DataKey, seen: Anchor) -> Draft {
        let fields = Fields::new()
            .with("licence", self.licence)
            .with("user", self.user.0)
            .with("state", self.state)
            .with("op", self.op as u64)
            .with("answer", self.answer);
        draft(ENTRY, key.subject(), seen.with(fields), None, Vec::new())
    }

    /// Reads an entry; `None` if the fields are not of the format.
    pub fn of(statement: &Verified) -> Option<Self> {
        let fields = statement.fields();
        let op = fields.uint("op")?;
        Some(Self {
            licence: fields.hash("licence")?,
            user: Pseudonym(fields.hash("user")?),
            state: fields.hash("state")?,
            op: Op::ALL.into_iter().find(|one| *one as u64 == op)?,
            answer: fields.hash("answer")?,
        })
    }
}

/// What is wrong with an access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Finding {
    /// No permit on the log has this id.
    #[error("the log has no such licence")]
    NoLicence,
    /// The licence is another user's.
    #[error("the licence is another user's")]
    OtherUser,
    /// The licence is for other data, and the state does not come from it.
    #[error("the state is neither that of the licensed data nor comes from it")]
    OtherData,
    /// The licence does not grant this operation.
    #[error("the licence does not grant this operation")]
    OpNotGranted,
    /// Before the licence begins, or after it ends.
    #[error("the licence does not hold at this time")]
    OutsideTime,
    /// After the licence was revoked.
    #[error("the licence had been revoked")]
    Revoked,
}

/// A licence as the log has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Licence {
    /// The data.
    pub key: DataKey,
    /// What became of the request.
    pub thread: Thread,
    /// When it was revoked, or the data was declared invalid, if either happened.
    pub revoked: Option<UnixMillis>,
}

/// An access that nothing is wrong with. Made by [`Licence::admit`] alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pass {
    /// Until when it may be relied on.
    until: UnixMillis,
}

impl Pass {
    /// Until when the domain's short-lived certificate may hold.
    pub const fn until(self) -> UnixMillis {
        self.until
    }
}

/// Why a domain does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoPass {
    /// The authentication is that of somebody else.
    #[error("the record of authentication is not that of this user and certificate")]
    OtherIdentity,
    /// The authentication is over.
    #[error("the authentication has ended")]
    NotAuthenticated,
    /// The licence does not permit it.
    #[error(transparent)]
    Licence(#[from] Finding),
}

impl Licence {
    /// Its id, if it ever was one.
    pub const fn id(&self) -> Option<Hash> {
        match (self.thread.outcome, self.thread.phase) {
            (Decision::Permitted, Phase::Decided(id) | Phase::Revoked(id)) => Some(id),
            _ => None,
        }
    }

    /// All that is wrong with an access at `at`, in the order of [`Finding`].
    pub fn findings(&self, access: &AccessEntry, at: UnixMillis, trace: &Trace) -> Vec<Finding> {
        let thread = &self.thread;
        [
            (Finding::NoLicence, self.id() == Some(access.licence)),
            (Finding::OtherUser, thread.user == access.user),
            (Finding::OtherData, trace.comes_from(access.state, self.key)),
            (Finding::OpNotGranted, thread.ops.has(access.op)),
            (Finding::OutsideTime, thread.at <= at && at < thread.until),
            (Finding::Revoked, self.revoked.is_none_or(|revoked| at < revoked)),
        ]
        .into_iter()
        .filter(|(_, good)| !good)
        .map(|(finding, _)| finding)
        .collect()
    }

    /// Whether the domain that holds the data answers: the user is the one whom it authenticated, *and* the licence
    /// is the one on the log, and permits it now. `certificate` is what the user signed with.
    pub fn admit(
        &self,
        access: &AccessEntry,
        record: &AuthRecord,
        certificate: Hash,
        now: UnixMillis,
        trace: &Trace,
    ) -> Result<Pass, NoPass> {
        if record.user != access.user || record.certificate != certificate {
            return Err(NoPass::OtherIdentity);
        }
        if now >= record.until {
            return Err(NoPass::NotAuthenticated);
        }
        match self.findings(access, now, trace).first() {
            Some(finding) => Err((*finding).into()),
            None => Ok(Pass { until: self.thread.until.min(record.until) }),
        }
    }
}

/// What is wrong with each of these accesses, in their order; nothing with most. Licences are by their ids, times
/// those at which the log took an access.
pub fn joint<'a>(
    accesses: impl IntoIterator<Item = (&'a AccessEntry, UnixMillis)>,
    licences: &BTreeMap<Hash, Licence>,
    trace: &Trace,
) -> Vec<Vec<Finding>> {
    let findings = |(access, at): (&AccessEntry, UnixMillis)| match licences.get(&access.licence) {
        Some(licence) => licence.findings(access, at, trace),
        None => vec![Finding::NoLicence],
    };
    accesses.into_iter().map(findings).collect()
}
