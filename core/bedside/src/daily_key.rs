//! A gateway's key of the day, signed. No log takes it: a tablet asks its gateway, and holds the signature against the ledger's
//! trust. So the phones that hold the trust log whole are not filled with keys that a hospital needs for a day.
//!
//! ```cddl
//! daily-key = { "kid" => uint, "point" => bstr .size 33, "until" => uint }    ; about the gateway's SPIFFE ID
//! ```

use countersign_device::{GatewayKey, Point};
use countersign_ledger::{
    Certificate, Draft, Fields, Identity, Kind, LogName, MAX_SKEW_MILLIS, Statement, Subject, TrustStore,
    UnixMillis, Value,
};

use crate::names::gateway_id;
use crate::rules::GATEWAY;

/// The kind of a signed key of the day. On no log.
pub const DAILY_KEY: &str = "bedside.key";

/// Why a key of the day is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAKey {
    /// Not of the format, or not what it says.
    #[error("this is no gateway's key")]
    Malformed,
    /// Not signed by a gateway of this domain, or by one that was revoked.
    #[error("no gateway of this domain has signed this key")]
    NotAGateway,
    /// Its day is over, or has not come.
    #[error("the key is of another day: look at the clock")]
    OtherDay,
}

/// A gateway's key of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DailyKey {
    /// Its number, by which requests name it.
    pub kid: u32,
    /// The key.
    pub point: Point,
    /// Until when it is used.
    pub until: UnixMillis,
}

impl DailyKey {
    /// The key as a statement to be signed by the gateway.
    #[expect(clippy::expect_used, reason = "a constant of the format, and an identity is a subject")]
    pub fn draft(&self, gateway: &Identity) -> Draft {
        let fields = Fields::new()
            .with("kid", u64::from(self.kid))
            .with("point", Value::Bytes(self.point.to_vec()))
            .with("until", self.until.0);
        Draft {
            kind: Kind::new(DAILY_KEY).expect("a kind"),
            subject: Subject::new(gateway.as_str()).expect("a subject"),
            fields,
            prev: None,
            links: Vec::new(),
            sealed: None,
        }
    }

    /// Verifies a key as one of a gateway of `domain`. Gives the gateway's certificate as well: who it is.
    pub fn verify(
        statement: &[u8],
        certificate: &[u8],
        trust: &TrustStore,
        domain: &str,
        now: UnixMillis,
    ) -> Result<(GatewayKey, Certificate), NotAKey> {
        let statement = Statement::parse(statement).map_err(|_| NotAKey::Malformed)?;
        let mut trust = trust.clone();
        trust.enrol(certificate).map_err(|_| NotAKey::NotAGateway)?;
        let verified = trust.verify(statement).map_err(|_| NotAKey::NotAGateway)?;
        let signer = verified.signer();
        let identity = signer.identity();
        let revoked = trust.is_revoked(signer.fingerprint(), LogName::TRUST, u64::MAX);
        if identity.role() != GATEWAY || identity.domain() != domain || revoked {
            return Err(NotAKey::NotAGateway);
        }
        let (of, fields) = (verified.statement(), verified.fields());
        let read = || {
            let kid = u32::try_from(fields.uint("kid")?).ok()?;
            let point: Point = fields.bytes("point")?.try_into().ok()?;
            let is_own = of.kind().as_str() == DAILY_KEY && of.subject().as_str() == identity.as_str();
            is_own.then_some((kid, point, fields.uint("until")?))
        };
        let (kid, point, until) = read().ok_or(NotAKey::Malformed)?;
        if now.0 >= until || of.issued_at().0 > now.0.saturating_add(MAX_SKEW_MILLIS) {
            return Err(NotAKey::OtherDay);
        }
        Ok((GatewayKey { id: gateway_id(identity), kid, point }, signer.clone()))
    }
}
