//! The gateway: knows staff and devices, judges requests, and agrees with devices on behalf of users.
//!
//! It is a plain machine: bytes, time and random bytes go in; bytes, or a refusal that changes nothing, come out. The caller
//! fills it from the registry, keeps what [`Store`] is given, and carries the bytes.

mod live;
mod policy;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use p256::SecretKey;
use zeroize::ZeroizeOnDrop;

use crate::credential::Credential;
use crate::envelope::{
    self, Answer, AnswerSecrets, Header, M5_END_TO_END, OpenedRequest, Request, SIGNATURE, SealedRequest,
    agree, digest, read_point, scalar, verifies,
};
use crate::leg::{Leg, LegRefusal, LegRow, LegStore, Next, StoreError, Wanted};
use crate::mac::{Key, Macs};
use crate::message::{self, Bytes, Id, Nonce, Point};
use crate::scope::{Class, Ops, Scope};
use crate::time::UnixMillis;

use live::Live;
pub use live::{RelayRefusal, Relayed};

/// How old a request may be, in milliseconds.
pub const FRESH: u64 = 60_000;
/// How far a clock may be ahead, in milliseconds.
pub const SKEW: u64 = 5_000;
/// For how many milliseconds the same request gets the same answer again.
pub const AGAIN: u64 = 30_000;
/// How many requests are remembered. Only users with a right proof fill this.
pub const REMEMBERED: usize = 8_192;
/// After how many wrong proofs a credential is made to wait.
pub const WRONG_PROOFS: u32 = 5;
/// The longest wait, in milliseconds.
pub const LONGEST_WAIT: u64 = 15 * 60_000;
/// How old the registry may be for acting on patients, in milliseconds; looking goes on.
pub const REGISTRY_FRESH: u64 = 24 * 3_600_000;
/// The longest session that breaks the glass, in minutes.
pub const BREAK_GLASS_TTL: u8 = 15;

/// A member of staff, as the registry has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staff {
    /// Who.
    pub id: Id,
    /// The credential.
    pub cred: Id,
    /// Its epoch.
    pub epoch: u32,
    /// The role, by its number.
    pub role: u8,
    /// What may be done at each class of devices: diagnostic, treatment, auxiliary.
    pub may: [Ops; 3],
    /// The key that signs requests to act; `None`: this person acts on no patient.
    pub key: Option<Point>,
    /// Until when the credential counts: the end of a shift.
    pub until: UnixMillis,
}

/// A device, as the registry has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// What it is for.
    pub class: Class,
    /// All that it will ever do.
    pub max_ops: Ops,
    /// With which patient it is; 0: with none.
    pub association: u32,
    /// Its leg.
    pub leg: LegRow,
}

/// A session that was agreed on: what the log is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// The user.
    pub user: Id,
    /// What was permitted.
    pub scope: Scope,
    /// When it was asked for, by the user's clock.
    pub asked: UnixMillis,
    /// What the user signed, with the signature: nobody else can have asked to act.
    pub signed: Option<(Vec<u8>, [u8; SIGNATURE])>,
}

/// Where the gateway's state is kept. Each call returns when its work is durable, and does all of it or nothing.
pub trait Store {
    /// The device's numbers up to and with `until` may be used.
    fn reserve(&mut self, sid: &Id, until: u32) -> Result<(), StoreError>;

    /// Overwrites c and `K^d` of the device, and puts the audit into the outbox; nothing is left of the old key. Without an audit
    /// the session was one that only ends another.
    fn commit(
        &mut self,
        sid: &Id,
        index: u32,
        ratchet: &Key,
        audit: Option<&Audit>,
    ) -> Result<(), StoreError>;

    /// So many wrong proofs came in a row for a credential, the last at this time.
    fn wrong_proofs(&mut self, cred: &Id, wrong: WrongProofs) -> Result<(), StoreError>;
}

/// Wrong proofs in a row for a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrongProofs {
    /// How many.
    pub count: u32,
    /// When the last came.
    pub last: UnixMillis,
}

impl WrongProofs {
    /// Until when the credential waits: a second after the fifth, then twice as long each time, a quarter of an hour at most.
    fn wait_until(self) -> UnixMillis {
        let Some(beyond) = self.count.checked_sub(WRONG_PROOFS) else { return UnixMillis(0) };
        let wait = 1_000u64.checked_shl(beyond.min(32)).unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT);
        UnixMillis(self.last.0.saturating_add(wait))
    }
}

/// Why a gateway refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum GatewayRefusal {
    /// Not a message of its type and length.
    #[error("not a message of the protocol")]
    Malformed,
    /// The request is for a key that is no longer, or not yet, in use.
    #[error("sealed for another of the gateway's keys: sync, and ask again")]
    OtherKey,
    /// It came before. The answer is sent again for 30 seconds.
    #[error("this request came before")]
    Seen,
    /// It does not open: altered, or for another gateway.
    #[error("altered, or for another gateway")]
    Sealed,
    /// It is older than a minute.
    #[error("too old: look at the clock, and ask again")]
    Stale,
    /// Its time is ahead.
    #[error("its time is ahead: look at the clock, and ask again")]
    Ahead,
    /// It may be from before the gateway started, which no longer knows what it saw then.
    #[error("from before the gateway started: ask again")]
    BeforeStart,
    /// The credential is not known, was revoked or has expired.
    #[error("no such credential, or no longer: sign on for the shift")]
    NoCredential,
    /// Too many wrong proofs: the credential waits.
    #[error("too many wrong attempts: wait, and ask again")]
    Wait,
    /// The proof is not that of the credential.
    #[error("not the holder of this credential")]
    Proof,
    /// Acting on a patient needs the user's signature, and there is none, or the registry knows no key.
    #[error("to act on a patient needs the user's signature")]
    Unsigned,
    /// The signature is not the user's.
    #[error("not the user's signature")]
    Signature,
    /// The device is not known, or was revoked.
    #[error("no such device here")]
    NoDevice,
    /// The role does not permit it at this device.
    #[error("not permitted to this role at this device")]
    NotPermitted,
    /// The device is with another patient.
    #[error("the device is with another patient")]
    OtherPatient,
    /// The registry is older than a day: looking is permitted, acting is not.
    #[error("the registry is too old to act on a patient: sync the gateway")]
    RegistryStale,
    /// Too many requests are remembered, or wait.
    #[error("busy: try again in some seconds")]
    Busy,
    /// The random bytes are no secret of the curve: take others.
    #[error("unusable random bytes: take others")]
    Random,
    /// The device's leg refuses.
    #[error(transparent)]
    Leg(LegRefusal),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<LegRefusal> for GatewayRefusal {
    fn from(refusal: LegRefusal) -> Self {
        match refusal {
            LegRefusal::Busy => Self::Busy,
            LegRefusal::Malformed => Self::Malformed,
            LegRefusal::Store(error) => Self::Store(error),
            other => Self::Leg(other),
        }
    }
}

/// What a request led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requested {
    /// The device is to be asked: [`Gateway::next`] says when. The answer to the user is known by this ticket.
    Device {
        /// The device.
        sid: Id,
        /// The ticket.
        ticket: u64,
    },
    /// It came before; this is the answer again.
    Again(Bytes<M5_END_TO_END>),
}

/// What an answer of a device led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replied {
    /// m5 for the user who asked.
    Answer {
        /// The request's ticket.
        ticket: u64,
        /// m5.
        m5: Bytes<M5_END_TO_END>,
    },
    /// Nobody is to be told: the session only ended another, or its user was revoked meanwhile.
    Nobody,
}

struct Asked {
    request: Request,
    point: Point,
    digest: [u8; 32],
    static_shared: Key,
    secret: Key,
    signed: Option<(Vec<u8>, [u8; SIGNATURE])>,
}

/// Who asks, once that is proven.
struct Judged {
    staff: Staff,
    secret: Key,
    signed: Option<(Vec<u8>, [u8; SIGNATURE])>,
}

struct Seen {
    at: UnixMillis,
    digest: [u8; 32],
    answer: Option<(UnixMillis, Bytes<M5_END_TO_END>)>,
}

struct Known {
    class: Class,
    max_ops: Ops,
    association: u32,
    leg: Leg,
    live: Option<Live>,
}

/// The secrets of a gateway beside those of its devices.
#[derive(ZeroizeOnDrop)]
struct Secrets {
    credentials: Key,
    #[zeroize(skip)]
    daily: [Option<(u32, SecretKey)>; 2],
}

/// A gateway that is running.
pub struct Gateway {
    id: Id,
    started: UnixMillis,
    registry: UnixMillis,
    secrets: Secrets,
    staff: BTreeMap<Id, Staff>,
    devices: BTreeMap<Id, Known>,
    wrong: BTreeMap<Id, WrongProofs>,
    seen: BTreeMap<Point, Seen>,
    pruned: UnixMillis,
    asked: BTreeMap<u64, Asked>,
    tickets: u64,
    macs: Macs,
}

impl Gateway {
    /// A gateway that starts at this time. `credentials` is `K_cred`, from which the secrets of all credentials are derived. It
    /// knows nobody: add staff and devices from the registry. `now` is later than anything before the restart: the clock did not go
    /// back meanwhile.
    pub fn start(id: Id, credentials: Key, now: UnixMillis) -> Self {
        Self {
            id,
            started: now,
            registry: UnixMillis(0),
            secrets: Secrets { credentials, daily: [None, None] },
            staff: BTreeMap::new(),
            devices: BTreeMap::new(),
            wrong: BTreeMap::new(),
            seen: BTreeMap::new(),
            pruned: now,
            asked: BTreeMap::new(),
            tickets: 0,
            macs: Macs::default(),
        }
    }

    /// Takes the next daily key, from 32 random bytes; the one before it still opens requests, earlier ones are gone. Gives the
    /// point, to be certified under the number `kid`.
    pub fn rotate(&mut self, kid: u32, random: &[u8; 32]) -> Result<Point, GatewayRefusal> {
        let secret = scalar(random).ok_or(GatewayRefusal::Random)?;
        let point = envelope::point(&secret);
        self.secrets.daily.swap(0, 1);
        self.secrets.daily[0] = Some((kid, secret));
        Ok(point)
    }

    /// As of when the registry is known: the time of its newest checkpoint.
    pub fn registry_as_of(&mut self, checkpoint: UnixMillis) {
        self.registry = checkpoint;
    }

    /// The credential of a member of staff, for the one secret channel over which it is handed out.
    pub fn issue(&self, staff: &Staff) -> Credential {
        let Staff { id, cred, epoch, role, .. } = *staff;
        Credential { id, cred, epoch, role, secret: self.secret_of(staff) }
    }

    /// Adds a member of staff, or replaces the row of the credential. What it no longer permits ends at once.
    pub fn enrol(&mut self, staff: Staff) {
        let cred = staff.cred;
        let differs = self.staff.get(&cred).is_some_and(|before| *before != staff);
        self.staff.insert(cred, staff);
        if differs {
            self.cut(&cred);
        }
    }

    /// Revokes a credential: at once, and in the sessions that are going on.
    pub fn revoke(&mut self, cred: &Id) {
        self.staff.remove(cred);
        self.wrong.remove(cred);
        self.cut(cred);
    }

    /// Takes up what the store was told of wrong proofs before a restart.
    pub fn recall_wrong_proofs(&mut self, cred: Id, wrong: WrongProofs) {
        self.wrong.insert(cred, wrong);
    }

    /// Adds a device, or one that was provisioned anew. No other device is touched.
    pub fn add(&mut self, device: Device) {
        let Device { class, max_ops, association, leg } = device;
        let sid = leg.sid;
        let leg = Leg::boot(leg);
        self.devices.insert(sid, Known { class, max_ops, association, leg, live: None });
        self.asked.retain(|_, asked| asked.request.sid != sid);
    }

    /// Revokes a device: it is asked nothing more, and what it says is not relayed.
    pub fn remove(&mut self, sid: &Id) {
        self.devices.remove(sid);
        self.asked.retain(|_, asked| asked.request.sid != *sid);
    }

    /// The device is with another patient now, or with none (0). Its sessions end; a request that waits is refused.
    pub fn associate(&mut self, sid: &Id, association: u32) -> Result<(), GatewayRefusal> {
        let device = self.devices.get_mut(sid).ok_or(GatewayRefusal::NoDevice)?;
        if device.association != association {
            device.association = association;
            self.asked.retain(|_, asked| asked.request.sid != *sid);
            self.close(sid);
        }
        Ok(())
    }

    /// Takes m1.
    pub fn request(
        &mut self,
        m1: &[u8],
        now: UnixMillis,
        store: &mut impl Store,
    ) -> Result<Requested, GatewayRefusal> {
        self.prune(now);
        let sealed = SealedRequest::parse(m1).ok_or(GatewayRefusal::Malformed)?;
        if let Some(seen) = self.seen.get(&sealed.point) {
            return match &seen.answer {
                Some((until, m5)) if now < *until && seen.digest == digest(m1) => Ok(Requested::Again(*m5)),
                _ => Err(GatewayRefusal::Seen),
            };
        }
        let mut keys = self.secrets.daily.iter().flatten();
        let (_, secret) = keys.find(|(kid, _)| *kid == sealed.kid).ok_or(GatewayRefusal::OtherKey)?;
        let theirs = read_point(&sealed.point).ok_or(GatewayRefusal::Sealed)?;
        let static_shared = agree(secret, &theirs);
        let opened = sealed.open(&static_shared, &self.id).ok_or(GatewayRefusal::Sealed)?;
        self.is_timely(opened.request.time, now)?;
        let Judged { staff, secret, signed } = self.judge(&sealed, &opened, now, store)?;
        let request = opened.request;
        let device = self.devices.get(&request.sid).ok_or(GatewayRefusal::NoDevice)?;
        let registry_age = now.0.saturating_sub(self.registry.0);
        let scope = policy::scope(&staff, device, request.want, registry_age)?;
        if device.leg.is_busy() || self.seen.len() >= REMEMBERED {
            return Err(GatewayRefusal::Busy);
        }
        self.tickets += 1;
        let (ticket, point, digest, sid) = (self.tickets, sealed.point, digest(m1), request.sid);
        let end_to_end = request.end_to_end.then_some(point);
        let wanted = Wanted { ticket, n_u: request.n_u, scope, point: end_to_end };
        if let Some(device) = self.devices.get_mut(&sid) {
            device.leg.want(wanted)?;
        }
        self.seen.insert(point, Seen { at: now, digest, answer: None });
        self.asked.insert(ticket, Asked { request, point, digest, static_shared, secret, signed });
        Ok(Requested::Device { sid, ticket })
    }

    /// The devices for which [`Gateway::next`] has something to do, now or later.
    pub fn busy(&self) -> impl Iterator<Item = &Id> {
        self.devices.iter().filter(|(_, device)| !device.leg.is_idle()).map(|(sid, _)| sid)
    }

    /// What to do with a device at this time. `nonce` is new at every call.
    pub fn next(
        &mut self,
        sid: &Id,
        now: UnixMillis,
        nonce: Nonce,
        store: &mut impl Store,
    ) -> Result<Next, GatewayRefusal> {
        let device = self.devices.get_mut(sid).ok_or(GatewayRefusal::NoDevice)?;
        let next = device.leg.next(now, nonce, &mut OfDevice { sid, audit: None, store })?;
        if let Next::Unreachable(ticket) = next {
            self.asked.remove(&ticket);
        }
        Ok(next)
    }

    /// Takes m3. When this returns, the device's key is durable, and the audit with it. `random` is for an ephemeral key, new at
    /// every call.
    pub fn reply(
        &mut self,
        sid: &Id,
        m3: &[u8],
        now: UnixMillis,
        random: &[u8; 32],
        store: &mut impl Store,
    ) -> Result<Replied, GatewayRefusal> {
        let ephemeral = scalar(random).ok_or(GatewayRefusal::Random)?;
        let device = self.devices.get_mut(sid).ok_or(GatewayRefusal::NoDevice)?;
        let asked =
            device.leg.outstanding().and_then(|wanted| Some((self.asked.get(&wanted.ticket)?, wanted)));
        let audit = asked.map(|(asked, wanted)| asked.audit(wanted.scope));
        let agreed = device.leg.reply(m3, &mut OfDevice { sid, audit, store })?;
        let Some(asked) = self.asked.remove(&agreed.ticket) else {
            device.live = None;
            return Ok(Replied::Nobody);
        };
        device.live = Some(Live::new(&agreed, asked.request.cred, sid, &self.id, now, &mut self.macs));
        let answer = Answer {
            kappa: agreed.kappa,
            n_g: agreed.n_g,
            n_s: agreed.n_s,
            sid: *sid,
            scope: agreed.scope,
            time: now,
            q: agreed.q,
            point: agreed.point,
        };
        let point = envelope::point(&ephemeral);
        let theirs = read_point(&asked.point).ok_or(GatewayRefusal::Sealed)?;
        let secrets = AnswerSecrets {
            ephemeral: &agree(&ephemeral, &theirs),
            gateway: &asked.static_shared,
            credential: &asked.secret,
        };
        let m5 = answer.seal(&secrets, &asked.digest, &point, &self.id);
        if let Some(seen) = self.seen.get_mut(&asked.point) {
            seen.answer = Some((UnixMillis(now.0.saturating_add(AGAIN)), m5));
        }
        Ok(Replied::Answer { ticket: agreed.ticket, m5 })
    }

    /// Judges a frame on its way to a device; relay it only if this succeeds.
    pub fn down(&mut self, sid: &Id, frame: &[u8], now: UnixMillis) -> Result<Relayed, RelayRefusal> {
        live(&mut self.devices, sid)?.down(frame, now, &mut self.macs)
    }

    /// Judges a frame on its way from a device; relay it only if this succeeds.
    pub fn up(&mut self, sid: &Id, frame: &[u8], now: UnixMillis) -> Result<Relayed, RelayRefusal> {
        live(&mut self.devices, sid)?.up(frame, now, &mut self.macs)
    }

    /// A device's leg: its counters, and whether a technician should look.
    pub fn leg(&self, sid: &Id) -> Option<&Leg> {
        self.devices.get(sid).map(|device| &device.leg)
    }

    /// With which patient a device is.
    pub fn association(&self, sid: &Id) -> Option<u32> {
        self.devices.get(sid).map(|device| device.association)
    }

    /// Whether a session with a device goes on.
    pub fn has_session(&self, sid: &Id) -> bool {
        self.devices.get(sid).is_some_and(|device| device.live.is_some())
    }

    /// How many MACs were computed since this was last asked, for users and devices.
    pub fn take_macs(&mut self) -> u32 {
        self.macs.take() + self.devices.values_mut().map(|device| device.leg.take_macs()).sum::<u32>()
    }

    fn secret_of(&self, staff: &Staff) -> Key {
        envelope::credential_secret(&self.secrets.credentials, &staff.id, &staff.cred, staff.epoch)
    }

    /// Whether a request may be of this time. What was seen before the start is forgotten, so nothing from then is taken, nor what
    /// a clock that is ahead may have made then.
    const fn is_timely(&self, time: UnixMillis, now: UnixMillis) -> Result<(), GatewayRefusal> {
        if now.0 > time.0.saturating_add(FRESH) {
            return Err(GatewayRefusal::Stale);
        }
        if time.0 > now.0.saturating_add(SKEW) {
            return Err(GatewayRefusal::Ahead);
        }
        if time.0 <= self.started.0.saturating_add(SKEW) {
            return Err(GatewayRefusal::BeforeStart);
        }
        Ok(())
    }

    /// Judges who asks: credential, waiting time, proof, signature.
    fn judge(
        &mut self,
        sealed: &SealedRequest<'_>,
        opened: &OpenedRequest,
        now: UnixMillis,
        store: &mut impl Store,
    ) -> Result<Judged, GatewayRefusal> {
        let request = &opened.request;
        let staff = self.staff.get(&request.cred).ok_or(GatewayRefusal::NoCredential)?.clone();
        if staff.id != request.id || now >= staff.until {
            return Err(GatewayRefusal::NoCredential);
        }
        let wrong = self.wrong.get(&staff.cred).copied().unwrap_or(WrongProofs { count: 0, last: now });
        if now < wrong.wait_until() {
            return Err(GatewayRefusal::Wait);
        }
        let secret = self.secret_of(&staff);
        let header = Header { kid: sealed.kid, point: &sealed.point, gateway: &self.id };
        let proof = request.proof(&secret, header, opened.signature.is_some(), &mut self.macs);
        if !message::agrees(&proof, &opened.proof) {
            let wrong = WrongProofs { count: wrong.count.saturating_add(1), last: now };
            store.wrong_proofs(&staff.cred, wrong)?;
            self.wrong.insert(staff.cred, wrong);
            return Err(GatewayRefusal::Proof);
        }
        let signed = match (opened.signature, request.want.ops.needs_a_signature()) {
            (None, false) => None,
            (None, true) => return Err(GatewayRefusal::Unsigned),
            (Some(signature), _) => {
                let message = request.to_sign(header);
                let key = staff.key.ok_or(GatewayRefusal::Unsigned)?;
                if !verifies(&key, &message, &signature) {
                    return Err(GatewayRefusal::Signature);
                }
                Some((message, signature))
            }
        };
        if wrong.count > 0 {
            store.wrong_proofs(&staff.cred, WrongProofs { count: 0, last: now })?;
            self.wrong.remove(&staff.cred);
        }
        Ok(Judged { staff, secret, signed })
    }

    /// Forgets what is too old to be taken again.
    fn prune(&mut self, now: UnixMillis) {
        if now.0.abs_diff(self.pruned.0) >= 1_000 {
            self.seen.retain(|_, seen| now.0 <= seen.at.0.saturating_add(FRESH + SKEW));
            self.pruned = now;
        }
    }

    /// Ends all that a credential has going.
    fn cut(&mut self, cred: &Id) {
        self.asked.retain(|_, asked| asked.request.cred != *cred);
        let of = |device: &Known| device.live.as_ref().is_some_and(|live| live.cred() == cred);
        let cut: Vec<Id> =
            self.devices.iter().filter(|(_, device)| of(device)).map(|(sid, _)| *sid).collect();
        for sid in cut {
            self.close(&sid);
        }
    }

    /// Ends a device's session: here at once, and in the device by a session that permits nothing.
    fn close(&mut self, sid: &Id) {
        self.tickets += 1;
        let closing = Wanted { ticket: self.tickets, n_u: [0; 16], scope: Scope::CLOSING, point: None };
        if let Some(device) = self.devices.get_mut(sid) {
            device.live = None;
            // If the queue is full, what waits in it ends the session as well.
            let _ = device.leg.want(closing);
        }
    }
}

fn live<'a>(devices: &'a mut BTreeMap<Id, Known>, sid: &Id) -> Result<&'a mut Live, RelayRefusal> {
    devices.get_mut(sid).and_then(|device| device.live.as_mut()).ok_or(RelayRefusal::NoSession)
}

impl Asked {
    fn audit(&self, scope: Scope) -> Audit {
        Audit { user: self.request.id, scope, asked: self.request.time, signed: self.signed.clone() }
    }
}

/// The store, for the leg of one device.
struct OfDevice<'a, S> {
    sid: &'a Id,
    audit: Option<Audit>,
    store: &'a mut S,
}

impl<S: Store> LegStore for OfDevice<'_, S> {
    fn reserve(&mut self, until: u32) -> Result<(), StoreError> {
        self.store.reserve(self.sid, until)
    }

    fn commit(&mut self, index: u32, ratchet: &Key) -> Result<(), StoreError> {
        self.store.commit(self.sid, index, ratchet, self.audit.as_ref())
    }
}
