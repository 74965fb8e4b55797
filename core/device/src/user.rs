//! The user at the bed: asks, has the answer judged, and speaks with the device.

use p256::SecretKey;

use crate::credential::Credential;
use crate::envelope::{
    Answer, AnswerSecrets, Header, M1_SIGNED, Request, SIGNATURE, agree, digest, point, read_point, scalar,
};
use crate::frame::{Closed, Direction, Frame, direction_key, seal};
use crate::gateway::{FRESH, SKEW};
use crate::mac::{Key, Macs};
use crate::message::{Bytes, Id, Nonce, Point, end_to_end_key};
use crate::reading::{Command, Reading};
use crate::record::COUNTER_END;
use crate::scope::{Ops, Scope};
use crate::time::UnixMillis;

/// Why a user's side refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum UserRefusal {
    /// The random bytes are no secret of the curve: take others.
    #[error("unusable random bytes: take others")]
    Random,
    /// The gateway's key is not a point on the curve.
    #[error("the gateway's key is none")]
    GatewayKey,
    /// To act on a patient needs the user's signature, and there was none.
    #[error("to act on a patient needs your signature")]
    Unsigned,
    /// Not a message of its type and length.
    #[error("not a message of the protocol")]
    Malformed,
    /// Not from the gateway, not an answer to this request, or altered: neither gateway nor device is trusted.
    #[error("not the gateway's answer to this request")]
    NotTheGateway,
    /// The answer is for another device than the one that was scanned.
    #[error("an answer for another device")]
    OtherDevice,
    /// The answer permits what was not asked for.
    #[error("the answer permits what was not asked for")]
    Scope,
    /// The answer is too old, or its time is ahead.
    #[error("an answer of another time: look at the clock, and ask again")]
    Stale,
    /// An end-to-end key was asked for and is not there.
    #[error("no end-to-end key")]
    NotEndToEnd,
    /// The frame is of another session.
    #[error("a frame of another session")]
    OtherSession,
    /// The frame's number was used.
    #[error("an old frame, or one that comes again")]
    Replayed,
    /// Its tag is not the device's.
    #[error("not from the device, or altered")]
    Tag,
    /// The session does not permit it.
    #[error("not permitted in this session")]
    NotPermitted,
    /// The session is over.
    #[error("the session is over: sign in again")]
    Over,
}

/// A gateway, as the user's registry names it: its certificate was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayKey {
    /// The gateway.
    pub id: Id,
    /// The number of its daily key.
    pub kid: u32,
    /// The key.
    pub point: Point,
}

/// What a user wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// The device that was scanned.
    pub sid: Id,
    /// Which operations.
    pub ops: Ops,
    /// For how many minutes.
    pub ttl: u8,
    /// For which patient, if the user says so; 0 if not.
    pub association: u32,
    /// Whether the gateway is kept from reading along. It must still be honest: one that exchanges points is not found out.
    pub end_to_end: bool,
}

/// What must be new at every request.
#[derive(Debug, Clone, Copy)]
pub struct Random {
    /// For the ephemeral key.
    pub secret: [u8; 32],
    /// `N_u`.
    pub nonce: Nonce,
}

/// A request that was sent. Dropped, it can be answered by nothing.
#[derive(Debug)]
pub struct Attempt {
    credential: Credential,
    gateway: Id,
    request: Request,
    secret: SecretKey,
    point: Point,
    static_shared: Key,
    asked: [u8; 32],
}

impl Attempt {
    /// Asks for a session: m1, to be sent as it is, and again as it is if no answer comes.
    ///
    /// `sign` signs SHA-256 of its argument by the user's P-256 key (r || s, low s). It is called if `ops` act on a patient, or
    /// break the glass; `None` from it gives [`UserRefusal::Unsigned`].
    pub fn new(
        credential: &Credential,
        gateway: &GatewayKey,
        wish: Wish,
        now: UnixMillis,
        random: Random,
        sign: impl FnOnce(&[u8]) -> Option<[u8; SIGNATURE]>,
    ) -> Result<(Self, Bytes<M1_SIGNED>), UserRefusal> {
        let secret = scalar(&random.secret).ok_or(UserRefusal::Random)?;
        let theirs = read_point(&gateway.point).ok_or(UserRefusal::GatewayKey)?;
        let (point, static_shared) = (point(&secret), agree(&secret, &theirs));
        let Wish { sid, ops, ttl, association, end_to_end } = wish;
        let want = Scope { role: credential.role, ops, ttl, association };
        let (id, cred) = (credential.id, credential.cred);
        let request = Request { id, cred, sid, want, n_u: random.nonce, time: now, end_to_end };
        let header = Header { kid: gateway.kid, point: &point, gateway: &gateway.id };
        let signature = if ops.needs_a_signature() {
            Some(sign(&request.to_sign(header)).ok_or(UserRefusal::Unsigned)?)
        } else {
            None
        };
        let proof = request.proof(&credential.secret, header, signature.is_some(), &mut Macs::default());
        let m1 = request.seal(&static_shared, header, &proof, signature.as_ref());
        let asked = digest(m1.as_ref());
        let (credential, gateway) = (credential.clone(), gateway.id);
        Ok((Self { credential, gateway, request, secret, point, static_shared, asked }, m1))
    }

    /// Judges m5. A refusal changes nothing: the gateway's own answer may still come.
    pub fn answer(&self, m5: &[u8], now: UnixMillis) -> Result<UserSession, UserRefusal> {
        let theirs = Answer::point(m5).ok_or(UserRefusal::Malformed)?;
        let theirs = read_point(&theirs).ok_or(UserRefusal::NotTheGateway)?;
        let secrets = AnswerSecrets {
            ephemeral: &agree(&self.secret, &theirs),
            gateway: &self.static_shared,
            credential: &self.credential.secret,
        };
        let answer =
            Answer::open(m5, &secrets, &self.asked, &self.gateway).ok_or(UserRefusal::NotTheGateway)?;
        if answer.sid != self.request.sid {
            return Err(UserRefusal::OtherDevice);
        }
        if !answer.scope.within(self.request.want) {
            return Err(UserRefusal::Scope);
        }
        let at = answer.time.0;
        if at > now.0.saturating_add(SKEW) || now.0 > at.saturating_add(FRESH) {
            return Err(UserRefusal::Stale);
        }
        let mut macs = Macs::default();
        let root = match (self.request.end_to_end, &answer.point) {
            (false, None) => answer.kappa.clone(),
            (true, Some(theirs)) => {
                let shared = agree(&self.secret, &read_point(theirs).ok_or(UserRefusal::NotEndToEnd)?);
                end_to_end_key(&answer.kappa, &shared, &self.point, theirs, &mut macs)
            }
            _ => return Err(UserRefusal::NotEndToEnd),
        };
        let scope = answer.scope;
        let mut key =
            |direction| direction_key(&root, direction, &answer.sid, &self.gateway, scope, &mut macs);
        let (up, down) = (key(Direction::Up), key(Direction::Down));
        let until = UnixMillis(now.0.saturating_add(scope.millis()));
        Ok(UserSession { q: answer.q, scope, up, down, until, sent: 0, heard: None, macs })
    }
}

/// A reading that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// What was measured.
    pub reading: Reading,
    /// The frame's number.
    pub seq: u32,
    /// How many frames before it did not come: to be shown.
    pub missed: u32,
}

/// A session with a device.
#[derive(Debug)]
pub struct UserSession {
    q: u32,
    scope: Scope,
    up: Key,
    down: Key,
    until: UnixMillis,
    sent: u32,
    heard: Option<u32>,
    macs: Macs,
}

impl UserSession {
    /// The frame that confirms the session, to be sent until the first reading comes: the same bytes each time.
    pub fn confirmation(&mut self) -> Frame {
        // safe: no contents are never too long.
        seal(&self.down, Direction::Down, self.q, 0, &[], &mut self.macs).unwrap_or_else(|| Frame::new(&[]))
    }

    /// Seals an operation. It can be lost; a new frame then asks again.
    pub fn command(&mut self, command: Command, now: UnixMillis) -> Result<Frame, UserRefusal> {
        if now >= self.until || self.sent >= COUNTER_END {
            return Err(UserRefusal::Over);
        }
        if !command.op.is_one() || !command.op.within(self.scope.ops) {
            return Err(UserRefusal::NotPermitted);
        }
        self.sent += 1;
        let contents = command.to_bytes();
        seal(&self.down, Direction::Down, self.q, self.sent, &contents, &mut self.macs)
            .ok_or(UserRefusal::Malformed)
    }

    /// Opens a reading.
    pub fn open(&mut self, frame: &[u8], now: UnixMillis) -> Result<Received, UserRefusal> {
        if now >= self.until {
            return Err(UserRefusal::Over);
        }
        let closed = Closed::parse(frame, Direction::Up).ok_or(UserRefusal::Malformed)?;
        if u32::from(closed.q_low) != self.q & 0xffff {
            return Err(UserRefusal::OtherSession);
        }
        if self.heard.is_some_and(|heard| closed.seq <= heard) {
            return Err(UserRefusal::Replayed);
        }
        let (contents, length) = closed.open(&self.up, &mut self.macs).ok_or(UserRefusal::Tag)?;
        let reading = Reading::parse(&contents[..length]).ok_or(UserRefusal::Malformed)?;
        let missed = closed.seq - self.heard.map_or(0, |heard| heard + 1);
        self.heard = Some(closed.seq);
        Ok(Received { reading, seq: closed.seq, missed })
    }

    /// What the session permits.
    pub const fn scope(&self) -> Scope {
        self.scope
    }

    /// Whether a reading came: only then is it proven that the device itself has the session's key.
    pub const fn device_spoke(&self) -> bool {
        self.heard.is_some()
    }

    /// How many MACs were computed since this was last asked.
    pub fn take_macs(&mut self) -> u32 {
        self.macs.take()
    }

    /// Until when it lasts.
    pub const fn until(&self) -> UnixMillis {
        self.until
    }
}
