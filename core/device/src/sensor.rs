//! The sensor: four MACs a session (five or three after a lost message), no curve, no heap, no clock.
//!
//! # What is durable before what leaves
//!
//! | before this leaves | this is durable |
//! | --- | --- |
//! | m3 | the new record, read back, and the older slot erased |
//! | the first reading of a recovered session | the step of the ratchet |
//!
//! Whatever is refused is answered by silence, and writes nothing.

use crate::frame::{Closed, Direction, Frame, direction_key, seal};
use crate::mac::{Key, Macs};
use crate::message::{self, Ask, Bytes, Id, M3_END_TO_END, Nonce, Point, Reply};
use crate::reading::{Command, Reading};
use crate::record::{COUNTER_END, Flash, FlashError, RECORD, Record, Slot, is_erased};
use crate::scope::{Ops, Scope};
use crate::time::Uptime;

use zeroize::Zeroize as _;

/// How long a session waits for its confirmation, in milliseconds.
pub const CONFIRM_WITHIN: u64 = 10_000;
/// By how many sessions a gateway that was restored may be behind.
pub const BEHIND: i64 = 64;

/// What a device is given at the bench, over a wire, and keeps in memory that is written once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    sid: Id,
    gateway: Id,
    auth: Key,
    max_ops: Ops,
}

impl Identity {
    /// An identity: the device, its gateway, the key `K^a` that authenticates it, and all that it will ever do.
    ///
    /// Refuses a key that is a pattern: a default or a test key that was left in.
    pub fn new(sid: Id, gateway: Id, auth: Key, max_ops: Ops) -> Result<Self, ProvisionError> {
        if auth.is_a_pattern() {
            return Err(ProvisionError::Key);
        }
        Ok(Self { sid, gateway, auth, max_ops })
    }
}

/// Why a device is not provisioned, or does not start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ProvisionError {
    /// A key is a pattern.
    #[error("a default or test key: make a random one for each device")]
    Key,
    /// The device was provisioned with this epoch or a later one.
    #[error("provisioned before: take the next epoch")]
    Epoch,
    /// Neither slot has a record: the device was never provisioned, was retired, or its flash is damaged.
    #[error("no record in either slot: provision the device at the bench")]
    NoRecord,
    /// The flash failed.
    #[error(transparent)]
    Flash(#[from] FlashError),
}

/// Why a sensor is silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum SensorRefusal {
    /// Not a message of its type and length.
    #[error("not a message of the protocol")]
    Malformed,
    /// Its number was used. Costs no MAC.
    #[error("an old message, or one that comes again")]
    Old,
    /// Its tag is not the gateway's.
    #[error("not from the gateway, or altered")]
    Tag,
    /// The gateway is ahead by more than one session, or too far behind: a copied or rolled-back device.
    #[error("out of step with the gateway: provision the device at the bench")]
    OutOfStep,
    /// It permits more than the device will ever do.
    #[error("more than this device will ever do")]
    Scope,
    /// A counter is at its end.
    #[error("a counter is used up: provision the device at the bench")]
    Exhausted,
    /// An end-to-end key was asked for and the device has no curve, or the point is none.
    #[error("no end-to-end key here")]
    NoCurve,
    /// There is no session, or it has ended.
    #[error("no session")]
    NoSession,
    /// The frame is of another session.
    #[error("a frame of another session")]
    OtherSession,
    /// The session was not confirmed yet.
    #[error("the session is not confirmed")]
    Unconfirmed,
    /// The frame's number was used.
    #[error("an old frame, or one that comes again")]
    Replayed,
    /// The session does not permit it.
    #[error("not permitted in this session")]
    NotPermitted,
    /// The flash failed: the device must be switched off and on.
    #[error("the flash failed: switch the device off and on")]
    Flash,
}

impl From<FlashError> for SensorRefusal {
    fn from(_: FlashError) -> Self {
        Self::Flash
    }
}

/// A curve in the device, for end-to-end keys.
pub trait Curve {
    /// Makes a fresh key pair and agrees with the holder of `point`: the new public point and the shared x-coordinate. `None` if
    /// there is no curve, or `point` is not on it.
    fn agree(&mut self, point: &Point) -> Option<(Point, Key)>;
}

/// A device without curves.
#[derive(Debug, Clone, Copy)]
pub struct NoCurve;

impl Curve for NoCurve {
    fn agree(&mut self, _: &Point) -> Option<(Point, Key)> {
        None
    }
}

/// What a frame told the sensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Heard {
    /// The user has the session's keys: readings may be sent.
    Confirmed,
    /// An operation that the session permits.
    Command(Command),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Keys {
    Waiting { root: Key },
    Confirmed { up: Key, down: Key, sent: u32, heard: u32 },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Session {
    q: u32,
    index: u32,
    scope: Scope,
    since: Uptime,
    recovered: bool,
    keys: Keys,
}

/// A sensor that is switched on. All that it must not lose is in its flash.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sensor {
    identity: Identity,
    record: Record,
    slot: Slot,
    session: Option<Session>,
    failed: bool,
    macs: Macs,
}

impl Sensor {
    /// Provisions a device at the bench: for the first time, or anew with the next epoch (and with new keys). `ratchet` is
    /// `K^d_0`.
    pub fn provision(
        identity: Identity,
        epoch: u16,
        ratchet: Key,
        flash: &mut impl Flash,
    ) -> Result<Self, ProvisionError> {
        if ratchet.is_a_pattern() {
            return Err(ProvisionError::Key);
        }
        let before = newest(flash)?;
        if before.as_ref().is_some_and(|(_, record)| record.epoch >= epoch) {
            return Err(ProvisionError::Epoch);
        }
        let slot = before.map_or(Slot::A, |(slot, _)| slot.other());
        let record = Record { epoch, index: 0, q: 0, key: ratchet };
        write(slot, &record, flash)?;
        erase(slot.other(), flash)?;
        Ok(Self::on(identity, slot, record))
    }

    /// Switches a device on: the newest whole record counts, the other slot is erased, and there is no session.
    pub fn boot(identity: Identity, flash: &mut impl Flash) -> Result<Self, ProvisionError> {
        let (slot, record) = newest(flash)?.ok_or(ProvisionError::NoRecord)?;
        erase(slot.other(), flash)?;
        Ok(Self::on(identity, slot, record))
    }

    /// Takes m2 and gives m3, to be sent: by then the new record is durable. `nonce` is new at every call, from a hardware
    /// generator, also after a rollback.
    pub fn request(
        &mut self,
        m2: &[u8],
        now: Uptime,
        nonce: Nonce,
        flash: &mut impl Flash,
    ) -> Result<Bytes<M3_END_TO_END>, SensorRefusal> {
        self.request_with(m2, now, nonce, &mut NoCurve, flash)
    }

    /// [`Sensor::request`] for a device with a curve, which can agree on an end-to-end key.
    pub fn request_with(
        &mut self,
        m2: &[u8],
        now: Uptime,
        nonce: Nonce,
        curve: &mut impl Curve,
        flash: &mut impl Flash,
    ) -> Result<Bytes<M3_END_TO_END>, SensorRefusal> {
        self.works()?;
        let (ask, tag) = Ask::parse(m2).ok_or(SensorRefusal::Malformed)?;
        if ask.q <= self.record.q {
            return Err(SensorRefusal::Old);
        }
        let asked = ask.mac(&self.identity.auth, &self.identity.sid, &mut self.macs);
        if !message::agrees(&asked, &tag) {
            return Err(SensorRefusal::Tag);
        }
        let ahead = i64::from(ask.index) - i64::from(self.record.index);
        if !(-BEHIND..=1).contains(&ahead) {
            return Err(SensorRefusal::OutOfStep);
        }
        if !ask.scope.ops.within(self.identity.max_ops) {
            return Err(SensorRefusal::Scope);
        }
        if ask.q >= COUNTER_END || self.record.index >= COUNTER_END {
            return Err(SensorRefusal::Exhausted);
        }
        let agreed = match &ask.point {
            Some(point) => Some(curve.agree(point).ok_or(SensorRefusal::NoCurve)?),
            None => None,
        };

        // The key of this session: the gateway may have missed our last reply (we do not step), or we its commit (we catch up).
        let mut record = Record { q: ask.q, ..self.record.clone() };
        if ahead == 1 {
            self.step(&mut record);
        }
        let (index, recovered) = (record.index, ahead < 0);
        let kappa = message::kappa(&record.key, &ask, &nonce, &mut self.macs);
        let reply = Reply::new(ask.q, index, nonce, now, agreed.as_ref().map(|(point, _)| *point));
        let mac = reply.mac(&self.identity.auth, &asked, &kappa, &mut self.macs);
        if !recovered {
            self.step(&mut record);
        }
        let root = match (&agreed, &ask.point) {
            (Some((ours, shared)), Some(theirs)) => {
                message::end_to_end_key(&kappa, shared, theirs, ours, &mut self.macs)
            }
            _ => kappa,
        };
        self.persist(record, flash)?;
        let keys = Keys::Waiting { root };
        self.session = Some(Session { q: ask.q, index, scope: ask.scope, since: now, recovered, keys });
        Ok(reply.to_bytes(&mac))
    }

    /// Takes a frame: the confirmation first, then commands. What a refused frame asks for is not done.
    pub fn frame(
        &mut self,
        frame: &[u8],
        now: Uptime,
        flash: &mut impl Flash,
    ) -> Result<Heard, SensorRefusal> {
        self.works()?;
        self.expire(now);
        let session = self.session.as_mut().ok_or(SensorRefusal::NoSession)?;
        let closed = Closed::parse(frame, Direction::Down).ok_or(SensorRefusal::Malformed)?;
        if u32::from(closed.q_low) != session.q & 0xffff {
            return Err(SensorRefusal::OtherSession);
        }
        match &mut session.keys {
            Keys::Waiting { root } => {
                if closed.seq != 0 || !closed.sealed.is_empty() {
                    return Err(SensorRefusal::Unconfirmed);
                }
                let Identity { sid, gateway, .. } = &self.identity;
                let down = direction_key(root, Direction::Down, sid, gateway, session.scope, &mut self.macs);
                closed.open(&down, &mut self.macs).ok_or(SensorRefusal::Tag)?;
                let up = direction_key(root, Direction::Up, sid, gateway, session.scope, &mut self.macs);
                // A confirmation proves that the gateway committed the session's key: now it can be given up here as well.
                if session.recovered && session.index == self.record.index {
                    let mut record = self.record.clone();
                    self.step(&mut record);
                    self.persist(record, flash)?;
                }
                if let Some(session) = &mut self.session {
                    session.keys = Keys::Confirmed { up, down, sent: 0, heard: 0 };
                }
                Ok(Heard::Confirmed)
            }
            Keys::Confirmed { down, heard, .. } => {
                if closed.seq <= *heard {
                    return Err(SensorRefusal::Replayed);
                }
                let (contents, length) = closed.open(down, &mut self.macs).ok_or(SensorRefusal::Tag)?;
                let command = Command::parse(&contents[..length]).ok_or(SensorRefusal::Malformed)?;
                if !command.op.within(session.scope.ops) {
                    return Err(SensorRefusal::NotPermitted);
                }
                *heard = closed.seq;
                Ok(Heard::Command(command))
            }
        }
    }

    /// Seals a reading for the session's user.
    pub fn reading(&mut self, reading: &Reading, now: Uptime) -> Result<Frame, SensorRefusal> {
        self.works()?;
        self.expire(now);
        let session = self.session.as_mut().ok_or(SensorRefusal::NoSession)?;
        let Keys::Confirmed { up, sent, .. } = &mut session.keys else {
            return Err(SensorRefusal::Unconfirmed);
        };
        if !session.scope.ops.meets(Ops::LOOKS) {
            return Err(SensorRefusal::NotPermitted);
        }
        if *sent >= COUNTER_END {
            return Err(SensorRefusal::Exhausted);
        }
        let frame = seal(up, Direction::Up, session.q, *sent, &reading.to_bytes(), &mut self.macs);
        *sent += 1;
        frame.ok_or(SensorRefusal::Malformed)
    }

    /// Ends a session whose time is over, and wipes its keys. To be called now and then; every other call does the same.
    pub fn expire(&mut self, now: Uptime) {
        let over = |session: &Session| {
            let confirmed = matches!(session.keys, Keys::Confirmed { .. });
            let age = now.since(session.since);
            (!confirmed && age >= CONFIRM_WITHIN) || age >= session.scope.millis()
        };
        if self.session.as_ref().is_some_and(over) {
            self.session = None;
        }
    }

    /// Takes the device out of service: nothing secret is left in its flash. The identity's memory is its owner's to erase.
    pub fn retire(self, flash: &mut impl Flash) -> Result<(), FlashError> {
        erase(self.slot, flash)?;
        erase(self.slot.other(), flash)
    }

    /// What the session that is going on permits, once it is confirmed: what the device may show as signed in.
    pub fn scope(&self) -> Option<Scope> {
        let session = self.session.as_ref()?;
        matches!(session.keys, Keys::Confirmed { .. }).then_some(session.scope)
    }

    /// How many times the device was provisioned.
    pub const fn epoch(&self) -> u16 {
        self.record.epoch
    }

    /// c: how far the ratchet has gone.
    pub const fn index(&self) -> u32 {
        self.record.index
    }

    /// q: the last number that was accepted.
    pub const fn last(&self) -> u32 {
        self.record.q
    }

    /// How many MACs were computed since this was last asked.
    pub fn take_macs(&mut self) -> u32 {
        self.macs.take()
    }

    fn on(identity: Identity, slot: Slot, record: Record) -> Self {
        Self { identity, record, slot, session: None, failed: false, macs: Macs::default() }
    }

    fn works(&self) -> Result<(), SensorRefusal> {
        if self.failed { Err(SensorRefusal::Flash) } else { Ok(()) }
    }

    fn step(&mut self, record: &mut Record) {
        record.key = message::step(&record.key, &mut self.macs);
        record.index += 1;
    }

    /// Makes a record durable, and the one before it unreadable. After a failure nobody knows what is in the flash, so the sensor
    /// does nothing more until it boots from it.
    fn persist(&mut self, record: Record, flash: &mut impl Flash) -> Result<(), SensorRefusal> {
        let slot = self.slot.other();
        if let Err(error) = write(slot, &record, flash).and_then(|()| erase(self.slot, flash)) {
            (self.failed, self.session) = (true, None);
            return Err(error.into());
        }
        (self.record, self.slot) = (record, slot);
        Ok(())
    }
}

/// The newest whole record.
fn newest(flash: &mut impl Flash) -> Result<Option<(Slot, Record)>, FlashError> {
    let mut found: Option<(Slot, Record)> = None;
    for slot in [Slot::A, Slot::B] {
        let mut bytes = flash.read(slot)?;
        if let Some(record) = Record::parse(&bytes)
            && found.as_ref().is_none_or(|(_, other)| record.order() > other.order())
        {
            found = Some((slot, record));
        }
        bytes.zeroize();
    }
    Ok(found)
}

/// Writes a record and reads it back.
fn write(slot: Slot, record: &Record, flash: &mut impl Flash) -> Result<(), FlashError> {
    let mut bytes: [u8; RECORD] = record.to_bytes();
    flash.write(slot, &bytes)?;
    let same = flash.read(slot)? == bytes;
    bytes.zeroize();
    if same { Ok(()) } else { Err(FlashError) }
}

/// Erases a slot, and looks.
fn erase(slot: Slot, flash: &mut impl Flash) -> Result<(), FlashError> {
    if is_erased(&flash.read(slot)?) {
        return Ok(());
    }
    flash.erase(slot)?;
    if is_erased(&flash.read(slot)?) { Ok(()) } else { Err(FlashError) }
}
