//! A session that is going on, as the gateway relays it. It is in memory alone and ends with the process.

use crate::frame::{Closed, Direction, direction_key};
use crate::leg::Agreed;
use crate::mac::{Key, Macs};
use crate::message::Id;
use crate::reading::{Command, Reading};
use crate::scope::{Ops, Scope};
use crate::time::UnixMillis;

/// What was relayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relayed {
    /// The user's confirmation.
    Confirmation,
    /// An operation, which the session permits.
    Command {
        /// What is asked of the device.
        command: Command,
        /// The frame's number.
        seq: u32,
    },
    /// A reading: with device, `q` and `seq` it has a name that no other reading has.
    Reading {
        /// What was measured.
        reading: Reading,
        /// The session's number.
        q: u32,
        /// The frame's number.
        seq: u32,
        /// How many frames before it did not come.
        missed: u32,
        /// For which patient: the session's association, 0 if none.
        association: u32,
    },
    /// A frame that only user and device can read.
    Sealed,
}

/// Why a frame is not relayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum RelayRefusal {
    /// There is no session: none was agreed on, it was cut, or it is over.
    #[error("no session with this device: sign in again")]
    NoSession,
    /// Not a frame of this direction and length.
    #[error("not a frame of the protocol")]
    Malformed,
    /// The frame is of another session.
    #[error("a frame of another session")]
    OtherSession,
    /// The session was not confirmed yet.
    #[error("the session is not confirmed")]
    Unconfirmed,
    /// The frame's number was used.
    #[error("an old frame, or one that comes again")]
    Replayed,
    /// Its tag is wrong.
    #[error("altered, or of somebody else")]
    Tag,
    /// The session does not permit it.
    #[error("not permitted in this session")]
    NotPermitted,
}

struct Keys {
    up: Key,
    down: Key,
}

/// A session that is going on.
pub(super) struct Live {
    cred: Id,
    q: u32,
    scope: Scope,
    until: UnixMillis,
    /// `None`: the key is end to end.
    keys: Option<Keys>,
    confirmed: bool,
    down: u32,
    up: Option<u32>,
}

impl Live {
    pub(super) fn new(
        agreed: &Agreed,
        cred: Id,
        sid: &Id,
        gateway: &Id,
        now: UnixMillis,
        macs: &mut Macs,
    ) -> Self {
        let scope = agreed.scope;
        let keys = agreed.point.is_none().then(|| {
            let mut key = |direction| direction_key(&agreed.kappa, direction, sid, gateway, scope, macs);
            Keys { up: key(Direction::Up), down: key(Direction::Down) }
        });
        let until = UnixMillis(now.0.saturating_add(scope.millis()));
        Self { cred, q: agreed.q, scope, until, keys, confirmed: false, down: 0, up: None }
    }

    /// Whose session it is.
    pub(super) const fn cred(&self) -> &Id {
        &self.cred
    }

    pub(super) fn down(
        &mut self,
        frame: &[u8],
        now: UnixMillis,
        macs: &mut Macs,
    ) -> Result<Relayed, RelayRefusal> {
        let closed = self.closed(frame, Direction::Down, now)?;
        let Some(keys) = &self.keys else { return Ok(Relayed::Sealed) };
        // The confirmation may come again: the one before it may be lost behind us.
        if closed.seq == 0 && closed.sealed.is_empty() {
            closed.open(&keys.down, macs).ok_or(RelayRefusal::Tag)?;
            self.confirmed = true;
            return Ok(Relayed::Confirmation);
        }
        if !self.confirmed {
            return Err(RelayRefusal::Unconfirmed);
        }
        if closed.seq <= self.down {
            return Err(RelayRefusal::Replayed);
        }
        let (contents, length) = closed.open(&keys.down, macs).ok_or(RelayRefusal::Tag)?;
        let command = Command::parse(&contents[..length]).ok_or(RelayRefusal::Malformed)?;
        if !command.op.within(self.scope.ops) {
            return Err(RelayRefusal::NotPermitted);
        }
        self.down = closed.seq;
        Ok(Relayed::Command { command, seq: closed.seq })
    }

    pub(super) fn up(
        &mut self,
        frame: &[u8],
        now: UnixMillis,
        macs: &mut Macs,
    ) -> Result<Relayed, RelayRefusal> {
        let closed = self.closed(frame, Direction::Up, now)?;
        let Some(keys) = &self.keys else { return Ok(Relayed::Sealed) };
        if !self.confirmed {
            return Err(RelayRefusal::Unconfirmed);
        }
        if self.up.is_some_and(|last| closed.seq <= last) {
            return Err(RelayRefusal::Replayed);
        }
        let (contents, length) = closed.open(&keys.up, macs).ok_or(RelayRefusal::Tag)?;
        if !self.scope.ops.meets(Ops::LOOKS) {
            return Err(RelayRefusal::NotPermitted);
        }
        let reading = Reading::parse(&contents[..length]).ok_or(RelayRefusal::Malformed)?;
        let missed = closed.seq - self.up.map_or(0, |last| last + 1);
        self.up = Some(closed.seq);
        let (q, seq, association) = (self.q, closed.seq, self.scope.association);
        Ok(Relayed::Reading { reading, q, seq, missed, association })
    }

    fn closed<'a>(
        &self,
        frame: &'a [u8],
        direction: Direction,
        now: UnixMillis,
    ) -> Result<Closed<'a>, RelayRefusal> {
        if now >= self.until {
            return Err(RelayRefusal::NoSession);
        }
        let closed = Closed::parse(frame, direction).ok_or(RelayRefusal::Malformed)?;
        if u32::from(closed.q_low) != self.q & 0xffff {
            return Err(RelayRefusal::OtherSession);
        }
        Ok(closed)
    }
}
