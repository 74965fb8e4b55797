//! The gateway's end of one sensor's leg: one message outstanding, four waiting, no curve, no heap.
//!
//! # What is durable before what leaves
//!
//! | before this leaves | this is durable |
//! | --- | --- |
//! | m2 | its number, or the block of 64 that it is from |
//! | the answer to the user | c and `K^d`, and whatever the store writes with them in one transaction |

use crate::mac::{Key, Macs, TAG};
use crate::message::{self, Ask, Bytes, Id, M2_END_TO_END, Nonce, Point, Reply};
use crate::record::COUNTER_END;
use crate::scope::Scope;
use crate::sensor::BEHIND;
use crate::time::UnixMillis;

/// How many requests wait behind the one that is outstanding.
pub const QUEUE: usize = 4;
/// How many numbers are reserved at once.
pub const BLOCK: u32 = 64;
/// After how many milliseconds of silence a request is sent again, with a new number.
pub const SILENCE: u64 = 3_000;
/// How often a request is sent.
pub const TRIES: u8 = 3;
/// How many false answers in a row call a technician.
pub const FALSE_ANSWERS: u32 = 5;

/// What a gateway knows about a device's leg, and keeps.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LegRow {
    /// The device.
    pub sid: Id,
    /// `K^a`, which authenticates it.
    pub auth: Key,
    /// c: how far the ratchet has gone.
    pub index: u32,
    /// `K^d_c`. Never in a backup: an old one opens sessions that are over.
    pub ratchet: Key,
    /// The last number that may have been used.
    pub reserved: u32,
    /// From a backup, or on another machine after a failure: the device may be ahead by up to 64 sessions, once.
    pub restored: bool,
}

impl LegRow {
    /// A row as after [`crate::Sensor::provision`].
    pub const fn new(sid: Id, auth: Key, ratchet: Key) -> Self {
        Self { sid, auth, index: 0, ratchet, reserved: 0, restored: false }
    }

    /// The row after a restore or a failover: numbers go on above all that were used. `newest` is the time of the newest
    /// checkpoint that is known; at most 64 numbers are used in a minute.
    #[must_use]
    pub fn restored(self, newest: UnixMillis) -> Self {
        let floor = u32::try_from(newest.0 / 60_000 * u64::from(BLOCK)).unwrap_or(u32::MAX);
        Self { reserved: self.reserved.max(floor), restored: true, ..self }
    }
}

/// The store did not do what it was asked to, and changed nothing, or nobody knows whether it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("the store failed")]
pub struct StoreError;

/// Where a leg is kept. Each call returns when its work is durable.
pub trait LegStore {
    /// Numbers up to and with `until` may be used.
    fn reserve(&mut self, until: u32) -> Result<(), StoreError>;

    /// Overwrites c and `K^d`, clears `restored`; nothing is left of the old key, in a log of the database neither.
    fn commit(&mut self, index: u32, ratchet: &Key) -> Result<(), StoreError>;
}

/// What a session is asked of a sensor for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Wanted {
    /// By which whoever asks knows it again.
    pub ticket: u64,
    /// The user's nonce.
    pub n_u: Nonce,
    /// What is permitted.
    pub scope: Scope,
    /// The user's point, for an end-to-end key.
    pub point: Option<Point>,
}

/// What a leg does next.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Next {
    /// Nothing is outstanding.
    Idle,
    /// The sensor is to answer until then.
    Wait(UnixMillis),
    /// Send this m2.
    Send(Bytes<M2_END_TO_END>),
    /// The sensor did not answer three times; the request with this ticket is dropped.
    Unreachable(u64),
}

/// A sensor and its gateway agree.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Agreed {
    /// For which request.
    pub ticket: u64,
    /// The message's number, which the session's frames carry.
    pub q: u32,
    /// The session's key; with an end-to-end key, what that is mixed with.
    pub kappa: Key,
    /// What was permitted.
    pub scope: Scope,
    /// The gateway's nonce.
    pub n_g: Nonce,
    /// The sensor's nonce.
    pub n_s: Nonce,
    /// Milliseconds since the sensor was switched on, the low 32 bits.
    pub tick: u32,
    /// The sensor's point, for an end-to-end key.
    pub point: Option<Point>,
}

/// Why a leg refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum LegRefusal {
    /// Four requests wait.
    #[error("the device is busy: try again in some seconds")]
    Busy,
    /// Not a message of its type and length.
    #[error("not a message of the protocol")]
    Malformed,
    /// An answer to an earlier message: it came too late, or again.
    #[error("an answer that came too late, or again")]
    Late,
    /// An answer to no message.
    #[error("an answer to what was never asked")]
    NeverAsked,
    /// The sensor's index is not one that it can have.
    #[error("the device is out of step: provision it at the bench")]
    OutOfStep,
    /// Its tag is not the sensor's.
    #[error("not from the device, or altered")]
    Tag,
    /// A counter is at its end.
    #[error("a counter is used up: provision the device at the bench")]
    Exhausted,
    /// The store failed; nothing was sent.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Pending {
    wanted: Wanted,
    ask: Ask,
    asked: Key,
    tries: u8,
}

/// The gateway's end of a sensor's leg.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Leg {
    row: LegRow,
    q: u32,
    pending: Option<Pending>,
    queue: [Option<Wanted>; QUEUE],
    late: u32,
    false_in_a_row: u32,
    macs: Macs,
}

impl Leg {
    /// A leg as the store has it: numbers go on after the block, and nothing is outstanding.
    pub fn boot(row: LegRow) -> Self {
        let q = row.reserved;
        Self {
            row,
            q,
            pending: None,
            queue: [const { None }; QUEUE],
            late: 0,
            false_in_a_row: 0,
            macs: Macs::default(),
        }
    }

    /// Queues a request; [`Leg::next`] sends it.
    pub fn want(&mut self, wanted: Wanted) -> Result<(), LegRefusal> {
        let place = self.queue.iter_mut().find(|place| place.is_none()).ok_or(LegRefusal::Busy)?;
        *place = Some(wanted);
        Ok(())
    }

    /// The request that the sensor is to answer.
    pub fn outstanding(&self) -> Option<&Wanted> {
        self.pending.as_ref().map(|pending| &pending.wanted)
    }

    /// Whether another request would be refused.
    pub fn is_busy(&self) -> bool {
        self.queue.iter().all(Option::is_some)
    }

    /// Whether there is anything to do.
    pub fn is_idle(&self) -> bool {
        self.pending.is_none() && self.queue[0].is_none()
    }

    /// What to do at this time. `nonce` is new at every call. After an error nothing was sent, and the call can be made again.
    pub fn next(
        &mut self,
        now: UnixMillis,
        nonce: Nonce,
        store: &mut impl LegStore,
    ) -> Result<Next, LegRefusal> {
        let (wanted, tries) = match &self.pending {
            Some(pending) => {
                let until = UnixMillis(pending.ask.time.0.saturating_add(SILENCE));
                // A clock that was set back makes nobody wait longer.
                if now < until && now >= pending.ask.time {
                    return Ok(Next::Wait(until));
                }
                if pending.tries >= TRIES {
                    let ticket = pending.wanted.ticket;
                    self.pending = None;
                    return Ok(Next::Unreachable(ticket));
                }
                (pending.wanted.clone(), pending.tries)
            }
            None => match &self.queue[0] {
                Some(wanted) => (wanted.clone(), 0),
                None => return Ok(Next::Idle),
            },
        };
        let q = self.number(store)?;
        let Wanted { n_u, scope, point, .. } = wanted;
        let ask = Ask { q, index: self.row.index, n_u, n_g: nonce, time: now, scope, point };
        let asked = ask.mac(&self.row.auth, &self.row.sid, &mut self.macs);
        let m2 = ask.to_bytes(&asked);
        if tries == 0 {
            self.queue.rotate_left(1);
            self.queue[QUEUE - 1] = None;
        }
        self.pending = Some(Pending { wanted, ask, asked, tries: tries + 1 });
        Ok(Next::Send(m2))
    }

    /// Takes m3. When this returns, c and `K^d` are durable.
    pub fn reply(&mut self, m3: &[u8], store: &mut impl LegStore) -> Result<Agreed, LegRefusal> {
        let (reply, tag) = Reply::parse(m3).ok_or(LegRefusal::Malformed)?;
        let Some(pending) = self.pending.as_ref().filter(|pending| pending.ask.q == reply.q) else {
            if reply.q > self.q {
                return Err(LegRefusal::NeverAsked);
            }
            self.late = self.late.saturating_add(1);
            return Err(LegRefusal::Late);
        };
        if reply.point.is_some() != pending.ask.point.is_some() {
            return Err(LegRefusal::Malformed);
        }
        let most = if self.row.restored { BEHIND } else { 1 };
        let ahead = i64::from(reply.index) - i64::from(self.row.index);
        if !(0..=most).contains(&ahead) {
            return Err(LegRefusal::OutOfStep);
        }
        let pending = pending.clone();
        let Some((kappa, ratchet)) = self.judge(&pending, &reply, &tag) else {
            self.false_in_a_row = self.false_in_a_row.saturating_add(1);
            return Err(LegRefusal::Tag);
        };
        let index = reply.index.checked_add(1).ok_or(LegRefusal::Exhausted)?;
        store.commit(index, &ratchet)?;
        (self.row.index, self.row.ratchet, self.row.restored) = (index, ratchet, false);
        self.false_in_a_row = 0;
        let Pending { wanted, ask, .. } = pending;
        self.pending = None;
        Ok(Agreed {
            ticket: wanted.ticket,
            q: ask.q,
            kappa,
            scope: ask.scope,
            n_g: ask.n_g,
            n_s: reply.n_s,
            tick: reply.tick,
            point: reply.point,
        })
    }

    /// Forgets all requests, for instance because the device was revoked.
    pub fn forget(&mut self) {
        (self.pending, self.queue) = (None, [const { None }; QUEUE]);
    }

    /// Whether a technician should look: five answers in a row were not the sensor's.
    pub const fn needs_a_technician(&self) -> bool {
        self.false_in_a_row >= FALSE_ANSWERS
    }

    /// How many answers came too late or again.
    pub const fn late(&self) -> u32 {
        self.late
    }

    /// c: how far the ratchet has gone.
    pub const fn index(&self) -> u32 {
        self.row.index
    }

    /// The last number that was used.
    pub const fn last(&self) -> u32 {
        self.q
    }

    /// How many MACs were computed since this was last asked.
    pub fn take_macs(&mut self) -> u32 {
        self.macs.take()
    }

    /// The next number, from a block that is durable.
    fn number(&mut self, store: &mut impl LegStore) -> Result<u32, LegRefusal> {
        if self.q >= COUNTER_END - BLOCK || self.row.index >= COUNTER_END {
            return Err(LegRefusal::Exhausted);
        }
        if self.q >= self.row.reserved {
            store.reserve(self.q + BLOCK)?;
            self.row.reserved = self.q + BLOCK;
        }
        self.q += 1;
        Ok(self.q)
    }

    /// The session's key and the ratchet after it, if the tag is right. Nothing of it counts before it is committed.
    fn judge(&mut self, pending: &Pending, reply: &Reply, tag: &[u8; TAG]) -> Option<(Key, Key)> {
        let mut ratchet = self.row.ratchet.clone();
        for _ in self.row.index..reply.index {
            ratchet = message::step(&ratchet, &mut self.macs);
        }
        let kappa = message::kappa(&ratchet, &pending.ask, &reply.n_s, &mut self.macs);
        let mac = reply.mac(&self.row.auth, &pending.asked, &kappa, &mut self.macs);
        let right = message::agrees(&mac, tag);
        right.then(|| (kappa, message::step(&ratchet, &mut self.macs)))
    }
}
