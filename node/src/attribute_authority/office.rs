//! What an attribute authority is asked: for the key of an epoch, and to vouch for whoever asks for a record.
//!
//! Who asks is verified as a phone would: the certificate leads to the domain's root, is valid now and was not revoked, and the ask
//! is signed by it and a few minutes old. So an ask that somebody has recorded is soon worth nothing, and within that time it gets
//! what its signer got: a key that is sealed to the signer, or the same request.

use std::collections::BTreeSet;

use countersign_abe::{Attribute, Policy};
use countersign_ledger::{
    Certificate, Identity, MAX_SKEW_MILLIS, Problem, Refusal, Statement, UnixMillis, Verified,
};
use countersign_records::rules::{ASK_MINUTES, DOCTOR, Head, Mode, REQUEST_AGE_MILLIS};
use countersign_records::{Ask, KeyAsk, RecordId, Request, Vouch, label, seal_ask, seal_key};
use countersign_wallet::{ActError, StoredKey};
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;

use super::follower::is_revoked;
use super::register::{Asked, Full};
use super::{KEY, Shared};
use crate::keys::{KeysError, random};
use crate::routes::problem::ProblemDetails;
use crate::store::StoreError;

/// Why an authority does not do what it is asked. It has then changed nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("this is not what an attribute authority is asked")]
    Malformed,
    #[error("the certificate leads to no root of the ledger: {0}")]
    Unknown(countersign_ledger::CertificateError),
    #[error(transparent)]
    Refusal(#[from] Refusal),
    #[error(
        "the ask is more than five minutes old, or the clock that it was signed by is wrong: sign it again"
    )]
    Stale,
    #[error("members in the role `{DOCTOR}` ask for records, and nobody else")]
    Role,
    #[error("the ask is for another authority")]
    OtherAuthority,
    #[error("the authority publishes no key for now: try again in a minute")]
    NoKey,
    #[error("the record has no index in this log")]
    NoRecord,
    #[error("salt and policy are not those of the line that is asked for")]
    Label,
    #[error("no policy: {0}")]
    Policy(countersign_abe::PolicyError),
    #[error("whoever opens an emergency line states the reason")]
    Reason,
    #[error("the end of the ask is in the past")]
    Past,
    #[error("the record is opened for {0} minutes at most, and the ask is for longer")]
    TooLong(u64),
    #[error("this authority has vouched for as many requests for this record as it may in a day")]
    RecordFull,
    #[error("this member has asked for this record as often as one may in a day")]
    MemberFull,
    #[error("this authority was revoked, or its certificate has run out")]
    Ended,
    #[error(
        "the ledger was not seen for a while, so nobody is known not to be revoked: try again in a minute"
    )]
    Unseen,
    #[error("the clock is behind the ledger's")]
    Clock,
    #[error(transparent)]
    Register(#[from] StoreError),
    #[error("{0}")]
    Internal(String),
}

impl From<KeysError> for Refused {
    fn from(error: KeysError) -> Self {
        Self::Internal(error.to_string())
    }
}

/// What the ledger does not say now it says in a minute.
impl From<ActError> for Refused {
    fn from(error: ActError) -> Self {
        tracing::warn!(%error, "the ledger did not say what was asked");
        Self::Unseen
    }
}

impl From<Refused> for ProblemDetails {
    fn from(refused: Refused) -> Self {
        let said = refused.to_string();
        let problem = match refused {
            Refused::Malformed => Problem::Malformed,
            Refused::Unknown(_) => Problem::UnknownSigner,
            Refused::Refusal(refusal) => refusal.into(),
            Refused::Stale => Problem::Stale,
            Refused::Role => Problem::Role,
            Refused::Label | Refused::Policy(_) | Refused::Reason | Refused::Past | Refused::TooLong(_) => {
                Problem::Fields
            }
            Refused::OtherAuthority
            | Refused::NoRecord
            | Refused::RecordFull
            | Refused::MemberFull
            | Refused::Ended => Problem::Rule,
            Refused::NoKey | Refused::Unseen => Problem::Busy,
            Refused::Clock => Problem::Clock,
            Refused::Register(error) => return error.into(),
            Refused::Internal(error) => {
                tracing::error!(error, "an ask could not be answered");
                return Self::internal();
            }
        };
        let details = Self::new(problem, said);
        if matches!(problem, Problem::Busy | Problem::Clock) {
            return details.retry_after(std::time::Duration::from_secs(10));
        }
        details
    }
}

/// A member whose ask was verified.
struct Asking {
    ask: Verified,
    certificate: Certificate,
}

impl Shared {
    /// `POST /keys`: a key for the member's attributes of today, sealed to the agreement key that the ask names.
    pub(crate) fn issue(&self, body: &[u8]) -> Result<Vec<u8>, Refused> {
        let message = KeyAsk::from_bytes(body).ok_or(Refused::Malformed)?;
        let now = self.now()?;
        let Asking { ask, certificate } = self.verify(&message.ask, &message.certificate, now)?;
        let own = self.certificate.identity();
        let agree = KeyAsk::agree(&ask, own).ok_or(Refused::OtherAuthority)?;
        let epoch = self.seen().0.epoch.ok_or(Refused::NoKey)?;
        let mut attributes = self.attributes(certificate.identity())?;
        attributes.extend(epoch.held().map(countersign_records::Epoch::attribute));
        let key = self.master.issue(&attributes, &zeroize::Zeroizing::new(random()?));
        let key = key.map_err(|error| Refused::Internal(error.to_string()))?;
        let sealed = seal_key(&key.to_bytes(), own, &agree, &mut UnwrapErr(SysRng));
        tracing::info!(member = %certificate.identity(), %epoch, "a key was issued");
        sealed.map_err(|error| Refused::Internal(error.to_string()))
    }

    /// `POST /vouch`: a request that names the member to the record's owner alone.
    pub(crate) fn vouch(&self, body: &[u8]) -> Result<Vec<u8>, Refused> {
        let message = Vouch::from_bytes(body).ok_or(Refused::Malformed)?;
        let now = self.now()?;
        let Asking { ask: statement, certificate } = self.verify(&message.ask, &message.certificate, now)?;
        let ask = Ask::of(&statement).ok_or(Refused::Malformed)?;
        let record = RecordId::of(statement.statement().subject()).ok_or(Refused::Malformed)?;
        if *statement.statement().subject() != record.thread(&ask.holder) {
            return Err(Refused::Malformed);
        }
        let id = statement.statement().id();
        if let Some(request) = self.register().answer(id)? {
            return Ok(request);
        }
        let fits = self.fits(&ask, &record, &message, certificate.identity())?;
        let head = self.follower().head(message.log, &record)?.ok_or(Refused::NoRecord)?;
        let line = ask.label.and_then(|label| head.line(label));
        let emergency = line.is_some_and(|line| line.mode == Mode::Emergency);
        if emergency && ask.reason.as_deref().unwrap_or_default().trim().is_empty() {
            return Err(Refused::Reason);
        }
        // In whole seconds, as a statement's time is; no earlier than what is vouched for, whose clock may be a little ahead.
        let issued = UnixMillis::from_seconds(now.seconds()).max(statement.statement().issued_at());
        let minutes = line.map_or(ASK_MINUTES, |line| u64::from(line.minutes));
        if ask.until <= issued.max(now) {
            return Err(Refused::Past);
        }
        if ask.until.since(issued) > minutes * 60_000 {
            return Err(Refused::TooLong(minutes));
        }
        let thread = record.thread(&ask.holder);
        let sealed =
            seal_ask(statement.statement(), &certificate, &head.agree, &thread, &mut UnwrapErr(SysRng))
                .map_err(|error| Refused::Internal(error.to_string()))?;
        let asked = Asked {
            ask: id,
            record,
            log: message.log,
            thread: &thread,
            certificate: certificate.fingerprint(),
            at: issued,
            emergency,
        };
        let sign = |slot| {
            let request = Request { holder: &ask.holder, label: ask.label, fits, until: ask.until, slot };
            self.sign_request(&request, (&record, &head), sealed, issued)
        };
        match self.register().vouch(&asked, sign)? {
            Ok(request) => request,
            Err(Full::Record) => Err(Refused::RecordFull),
            Err(Full::Member) => Err(Refused::MemberFull),
        }
    }

    fn sign_request(
        &self,
        request: &Request<'_>,
        (record, head): (&RecordId, &Head),
        sealed: Vec<u8>,
        issued: UnixMillis,
    ) -> Result<Vec<u8>, Refused> {
        let failed = |error: &dyn std::fmt::Display| Refused::Internal(error.to_string());
        let signer =
            StoredKey::find(std::sync::Arc::clone(&self.keys), KEY).map_err(|error| failed(&error))?;
        let signed = request.draft(record, head, sealed).sign(&self.certificate, &signer, issued, random()?);
        Ok(signed.map_err(|error| failed(&error))?.as_bytes().to_vec())
    }

    /// Whether the member's attributes fit the policy of the line that is asked for. Who asks the owner fits.
    fn fits(
        &self,
        ask: &Ask,
        record: &RecordId,
        message: &Vouch,
        member: &Identity,
    ) -> Result<bool, Refused> {
        let Some(asked) = ask.label else { return Ok(true) };
        let (salt, text) = message.policy.as_ref().ok_or(Refused::Label)?;
        let policy: Policy = text.parse().map_err(Refused::Policy)?;
        if label(record, salt, &policy) != asked {
            return Err(Refused::Label);
        }
        Ok(policy.is_satisfied_by(&self.attributes(member)?))
    }

    /// What the operator has registered of a member, and who it is.
    fn attributes(&self, member: &Identity) -> Result<BTreeSet<Attribute>, Refused> {
        let mut attributes = self.register().attributes(member)?;
        let who = Attribute::new("member", member.as_str());
        attributes.insert(who.map_err(|error| Refused::Internal(error.to_string()))?);
        Ok(attributes)
    }

    /// The time, once the ledger has been looked at, by which it cannot be earlier.
    fn now(&self) -> Result<UnixMillis, Refused> {
        self.look().map_err(|error| {
            tracing::warn!(%error, "the ledger is not seen");
            Refused::Unseen
        })?;
        let (now, guard) = ((self.clock)(), self.seen());
        let seen = &guard.0;
        if seen.cosigned_at.since(now) > MAX_SKEW_MILLIS {
            return Err(Refused::Clock);
        }
        let own = &self.certificate;
        if own.not_after() < now || is_revoked(&seen.trust, own.fingerprint()) {
            return Err(Refused::Ended);
        }
        Ok(now)
    }

    fn verify(&self, ask: &[u8], certificate: &[u8], now: UnixMillis) -> Result<Asking, Refused> {
        let ask = Statement::parse(ask).map_err(Refusal::from)?;
        let mut guard = self.seen();
        let seen = &mut guard.0;
        let certificate = seen.trust.enrol(certificate).map_err(Refused::Unknown)?;
        if is_revoked(&seen.trust, certificate.fingerprint()) {
            return Err(Refusal::Revoked.into());
        }
        if now > certificate.not_after() {
            return Err(Refusal::Expired.into());
        }
        if certificate.identity().role() != DOCTOR {
            return Err(Refused::Role);
        }
        if ask.certificate() != certificate.fingerprint() {
            return Err(Refusal::WrongIssuer.into());
        }
        let ask = seen.trust.verify(ask)?;
        let issued = ask.statement().issued_at();
        if now.since(issued) > REQUEST_AGE_MILLIS || issued.since(now) > MAX_SKEW_MILLIS {
            return Err(Refused::Stale);
        }
        Ok(Asking { ask, certificate: Certificate::clone(&certificate) })
    }
}
