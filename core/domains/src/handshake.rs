//! How a user of one domain is authenticated in another: five messages, none of which any log takes.
//!
//! | message | signer | says |
//! | --- | --- | --- |
//! | `domain.hello` (A1) | the user | to which domain, a nonce |
//! | `domain.vouch` (A2) | the authority of their own domain | carries A1; the level, a nonce |
//! | `domain.challenge` (A3) | the authority of the other domain | the user's nonce, and its own |
//! | `domain.answer` (A4) | the user | both nonces, and from where to where |
//! | `domain.auth-record` (A5) | the authority of the other domain | pseudonym, certificate, level, until when |
//!
//! The paper names the messages; their fields and checks are our reconstruction. The public log gets the id of the
//! record alone ([`crate::Admission`]). Each message is a statement: whoever receives it has verified it by the
//! ledger's trust first. Here it is checked that it is fresh, new, of the right signer, and belongs to the one
//! before.
//!
//! Authentication opens nothing by itself: data needs a licence as well.

use std::collections::BTreeMap;

use countersign_ledger::{Draft, Fields, Hash, TrustStore, UnixMillis, Value, Verified};

use crate::admission::Admission;
use crate::names::{AUTHORIZATION, Pseudonym, Topic};
use crate::policy::is_domain;
use crate::registration::Registration;
use crate::rules::{AUTHORITY, draft};

/// A1.
pub const HELLO: &str = "domain.hello";
/// A2.
pub const VOUCH: &str = "domain.vouch";
/// A3.
pub const CHALLENGE: &str = "domain.challenge";
/// A4.
pub const ANSWER: &str = "domain.answer";
/// A5.
pub const AUTH_RECORD: &str = "domain.auth-record";

/// How old a message may be: people carry them from one phone to another.
pub const MESSAGE_MILLIS: u64 = 5 * 60_000;
/// How far ahead a message's time may be.
pub const MESSAGE_SKEW_MILLIS: u64 = 5_000;
/// Most messages that are remembered: a stranger cannot add one, since whoever signs is enrolled.
pub const MAX_SEEN: usize = 10_000;

/// Why a message is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NotAuthenticated {
    /// Another kind of message, or not of the format.
    #[error("the message is not the one that is due")]
    Format,
    /// Too old.
    #[error("the message is too old")]
    Stale,
    /// From the future.
    #[error("the message's time is ahead")]
    Ahead,
    /// It came before.
    #[error("the message came before")]
    Replayed,
    /// Too many messages at once.
    #[error("too many messages came at once")]
    Busy,
    /// The certificate was revoked.
    #[error("the signer's certificate was revoked")]
    Revoked,
    /// The signer is of another domain than the message says.
    #[error("the signer is of another domain")]
    OtherDomain,
    /// The message is for another domain.
    #[error("the message is for another domain")]
    OtherTarget,
    /// The domain has no such authority on the log.
    #[error("the signer is not the authority that its domain has registered")]
    NotRegistered,
    /// It does not echo the nonce.
    #[error("the message does not answer the one before it")]
    OtherNonce,
    /// Another user's.
    #[error("the message is that of another user or certificate")]
    OtherUser,
}

/// The messages that came, until they would be too old anyway.
#[derive(Clone, Debug, Default)]
pub struct SeenMessages(BTreeMap<Hash, UnixMillis>);

impl SeenMessages {
    /// Those that were remembered before a restart.
    pub fn restored(seen: impl IntoIterator<Item = (Hash, UnixMillis)>) -> Self {
        Self(seen.into_iter().take(MAX_SEEN).collect())
    }

    /// What is to be remembered over a restart: of each message a digest, and until when.
    pub fn remembered(&self) -> impl Iterator<Item = (Hash, UnixMillis)> {
        self.0.iter().map(|(message, until)| (*message, *until))
    }

    /// Checks that a message is fresh and new, and remembers it.
    pub fn take(&mut self, message: &Verified, now: UnixMillis) -> Result<(), NotAuthenticated> {
        let at = message.statement().issued_at();
        if now.since(at) > MESSAGE_MILLIS {
            return Err(NotAuthenticated::Stale);
        }
        if at.since(now) > MESSAGE_SKEW_MILLIS {
            return Err(NotAuthenticated::Ahead);
        }
        self.0.retain(|_, until| *until >= now);
        let key = message.statement().replay_key();
        if self.0.contains_key(&key) {
            return Err(NotAuthenticated::Replayed);
        }
        if self.0.len() == MAX_SEEN {
            return Err(NotAuthenticated::Busy);
        }
        self.0.insert(key, UnixMillis(at.0.saturating_add(MESSAGE_MILLIS)));
        Ok(())
    }
}

/// What a domain knows when a message comes.
#[derive(Debug)]
pub struct Desk<'a> {
    /// The domain.
    pub domain: &'a str,
    /// The members whom the ledger trusts.
    pub trust: &'a TrustStore,
    /// The messages that came.
    pub seen: &'a mut SeenMessages,
    /// The time.
    pub now: UnixMillis,
}

impl Desk<'_> {
    /// In the order of the checks: kind, freshness, replay, revocation.
    pub(crate) fn take(&mut self, message: &Verified, kind: &str) -> Result<(), NotAuthenticated> {
        if message.statement().kind().as_str() != kind {
            return Err(NotAuthenticated::Format);
        }
        self.seen.take(message, self.now)?;
        let revoked = self.trust.is_revoked(message.signer().fingerprint(), AUTHORIZATION, u64::MAX);
        if revoked { Err(NotAuthenticated::Revoked) } else { Ok(()) }
    }
}

/// A1, which the user keeps until A3 comes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hello {
    /// The domain to which the user wants.
    pub to: String,
    /// How that domain will know them.
    pub user: Pseudonym,
    /// Fresh randomness.
    pub nonce: [u8; 16],
}

impl Hello {
    /// The message for the user to sign.
    pub fn draft(&self) -> Draft {
        let fields =
            Fields::new().with("to", self.to.as_str()).with("nonce", Value::Bytes(self.nonce.to_vec()));
        draft(HELLO, self.user.subject(), fields, None, Vec::new())
    }

    fn of(message: &Verified) -> Option<Self> {
        let Topic::User(user) = Topic::of(message.statement().subject())? else { return None };
        let fields = message.fields();
        let to = fields.text("to").filter(|to| is_domain(to))?.to_owned();
        Some(Self { to, user, nonce: nonce(fields, "nonce")? })
    }

    /// At the user's own domain: A1 becomes A2, which [`Draft::countersign`] signs around it.
    pub fn vouch(
        hello: &Verified,
        level: u8,
        fresh: [u8; 16],
        desk: &mut Desk<'_>,
    ) -> Result<Draft, NotAuthenticated> {
        desk.take(hello, HELLO)?;
        let said = Self::of(hello).ok_or(NotAuthenticated::Format)?;
        if hello.signer().identity().domain() != desk.domain {
            return Err(NotAuthenticated::OtherDomain);
        }
        if said.to == desk.domain {
            return Err(NotAuthenticated::OtherTarget);
        }
        let fields =
            Fields::new().with("level", u64::from(level)).with("nonce", Value::Bytes(fresh.to_vec()));
        Ok(draft(VOUCH, said.user.subject(), fields, None, Vec::new()))
    }

    /// At the user: A3 becomes A4. `registered` is what the log says of the other domain.
    pub fn answer(
        &self,
        challenge: &Verified,
        registered: Registration,
        desk: &mut Desk<'_>,
    ) -> Result<Draft, NotAuthenticated> {
        desk.take(challenge, CHALLENGE)?;
        is_authority(challenge, &self.to, registered)?;
        let fields = challenge.fields();
        let echoed = nonce(fields, "yours") == Some(self.nonce)
            && *challenge.statement().subject() == self.user.subject();
        if !echoed {
            return Err(NotAuthenticated::OtherNonce);
        }
        let theirs = nonce(fields, "nonce").ok_or(NotAuthenticated::Format)?;
        let fields = Fields::new()
            .with("to", self.to.as_str())
            .with("own", Value::Bytes(self.nonce.to_vec()))
            .with("theirs", Value::Bytes(theirs.to_vec()));
        Ok(draft(ANSWER, self.user.subject(), fields, None, Vec::new()))
    }
}

/// What the other domain keeps between A3 and A4: plain, so that it can be stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Challenged {
    /// Who wants in.
    pub user: Pseudonym,
    /// Their domain.
    pub home: String,
    /// The fingerprint of their certificate.
    pub certificate: Hash,
    /// How well their domain knows them.
    pub level: u8,
    /// The user's nonce.
    pub theirs: [u8; 16],
    /// The domain's own nonce.
    pub own: [u8; 16],
}

impl Challenged {
    /// At the other domain: A2 becomes A3. `registered` is what the log says of the user's domain.
    pub fn new(
        vouch: &Verified,
        registered: Registration,
        fresh: [u8; 16],
        desk: &mut Desk<'_>,
    ) -> Result<(Self, Draft), NotAuthenticated> {
        desk.take(vouch, VOUCH)?;
        let hello = vouch.countersigned().ok_or(NotAuthenticated::Format)?;
        desk.take(hello, HELLO)?;
        let said = Hello::of(hello).ok_or(NotAuthenticated::Format)?;
        let home = hello.signer().identity().domain();
        is_authority(vouch, home, registered)?;
        if said.to != desk.domain {
            return Err(NotAuthenticated::OtherTarget);
        }
        if vouch.statement().subject() != hello.statement().subject() {
            return Err(NotAuthenticated::OtherUser);
        }
        let level = vouch.fields().uint("level").and_then(|level| u8::try_from(level).ok());
        let challenged = Self {
            user: said.user,
            home: home.to_owned(),
            certificate: hello.signer().fingerprint(),
            level: level.ok_or(NotAuthenticated::Format)?,
            theirs: said.nonce,
            own: fresh,
        };
        let fields = Fields::new()
            .with("yours", Value::Bytes(said.nonce.to_vec()))
            .with("nonce", Value::Bytes(fresh.to_vec()));
        let draft = draft(CHALLENGE, said.user.subject(), fields, None, Vec::new());
        Ok((challenged, draft))
    }

    /// At the other domain: A4 becomes A5. The user is known until `until`.
    pub fn admit(
        self,
        answer: &Verified,
        until: UnixMillis,
        desk: &mut Desk<'_>,
    ) -> Result<AuthRecord, NotAuthenticated> {
        desk.take(answer, ANSWER)?;
        let same = answer.signer().fingerprint() == self.certificate
            && *answer.statement().subject() == self.user.subject();
        if !same {
            return Err(NotAuthenticated::OtherUser);
        }
        let fields = answer.fields();
        if fields.text("to") != Some(desk.domain) {
            return Err(NotAuthenticated::OtherTarget);
        }
        if nonce(fields, "theirs") != Some(self.own) || nonce(fields, "own") != Some(self.theirs) {
            return Err(NotAuthenticated::OtherNonce);
        }
        let Self { user, home, certificate, level, .. } = self;
        Ok(AuthRecord { user, home, certificate, level, until })
    }
}

/// A5: who a domain has authenticated. It stays with the domain and the user.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuthRecord {
    /// The user, as the domain knows them.
    pub user: Pseudonym,
    /// Their own domain.
    pub home: String,
    /// The fingerprint of their certificate.
    pub certificate: Hash,
    /// How well they are known.
    pub level: u8,
    /// Until when.
    pub until: UnixMillis,
}

impl AuthRecord {
    /// The record, for the domain's authority to sign.
    pub fn draft(&self) -> Draft {
        let fields = Fields::new()
            .with("home", self.home.as_str())
            .with("certificate", self.certificate)
            .with("level", u64::from(self.level))
            .with("until", self.until.0);
        draft(AUTH_RECORD, self.user.subject(), fields, None, Vec::new())
    }

    /// Reads a record; `None` if it is none.
    pub fn of(statement: &Verified) -> Option<Self> {
        let signed = statement.statement();
        let Topic::User(user) = Topic::of(signed.subject())? else { return None };
        let fields = statement.fields();
        let authority = statement.signer().identity().role() == AUTHORITY;
        (signed.kind().as_str() == AUTH_RECORD && authority).then_some(())?;
        Some(Self {
            user,
            home: fields.text("home").filter(|home| is_domain(home))?.to_owned(),
            certificate: fields.hash("certificate")?,
            level: u8::try_from(fields.uint("level")?).ok()?,
            until: UnixMillis(fields.uint("until")?),
        })
    }

    /// What the log gets of it; `record` is the id of the signed record.
    pub fn admission(&self, record: Hash) -> Admission {
        Admission { home: self.home.clone(), level: self.level, until: self.until, record, active: true }
    }
}

fn is_authority(message: &Verified, domain: &str, registered: Registration) -> Result<(), NotAuthenticated> {
    let signer = message.signer();
    if signer.identity().domain() != domain {
        return Err(NotAuthenticated::OtherDomain);
    }
    let registered = registered.active && registered.certificate == signer.fingerprint();
    if registered && signer.identity().role() == AUTHORITY {
        Ok(())
    } else {
        Err(NotAuthenticated::NotRegistered)
    }
}

fn nonce(fields: &Fields, name: &str) -> Option<[u8; 16]> {
    fields.bytes(name)?.try_into().ok()
}
