//! A sensor and its gateway's leg, with their memories.

use countersign_device::{
    Agreed, Heard, Id, Identity, Key, Leg, LegRow, LegStore, Next, Nonce, Ops, Scope, Sensor, SensorRefusal,
    StoreError, UnixMillis, Uptime, Wanted,
};

use crate::flash::Memory;
use crate::peer::Peer;

pub const SID: Id = [0xa5; 16];
pub const GATEWAY: Id = [0xc5; 16];
pub const SCOPE: Scope = Scope { role: 2, ops: Ops::LOOKS.with(Ops::SETTINGS), ttl: 60, association: 1001 };
pub const NOW: UnixMillis = UnixMillis(1_795_000_000_000);

/// A key that is no pattern.
pub fn key(name: u8) -> Key {
    Key::new(crate::peer::mac(&[name; 32], "a key of a test", &[]))
}

pub fn identity() -> Identity {
    let max = Ops::LOOKS.with(Ops::ACTS).with(Ops::SILENCE);
    Identity::new(SID, GATEWAY, key(1), max).unwrap()
}

/// What a leg keeps, and how often it is to fail.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rows {
    pub row: LegRow,
    pub fails: bool,
    pub writes: u32,
}

impl LegStore for Rows {
    fn reserve(&mut self, until: u32) -> Result<(), StoreError> {
        self.written()?;
        self.row.reserved = until;
        Ok(())
    }

    fn commit(&mut self, index: u32, ratchet: &Key) -> Result<(), StoreError> {
        self.written()?;
        (self.row.index, self.row.ratchet, self.row.restored) = (index, ratchet.clone(), false);
        Ok(())
    }
}

impl Rows {
    fn written(&mut self) -> Result<(), StoreError> {
        if self.fails {
            return Err(StoreError);
        }
        self.writes += 1;
        Ok(())
    }
}

#[derive(Clone)]
pub struct World {
    pub sensor: Sensor,
    pub flash: Memory,
    pub leg: Leg,
    pub rows: Rows,
    pub now: UnixMillis,
    pub uptime: Uptime,
    drawn: u64,
}

impl World {
    pub fn new() -> Self {
        let mut flash = Memory::new();
        let sensor = Sensor::provision(identity(), 1, key(2), &mut flash).unwrap();
        let rows = Rows { row: LegRow::new(SID, key(1), key(2)), fails: false, writes: 0 };
        let leg = Leg::boot(rows.row.clone());
        Self { sensor, flash, leg, rows, now: NOW, uptime: Uptime(1_000), drawn: 0 }
    }

    pub fn nonce(&mut self) -> Nonce {
        self.drawn += 1;
        let mut nonce = [0x77; 16];
        nonce[..8].copy_from_slice(&self.drawn.to_be_bytes());
        nonce
    }

    pub fn want(&mut self) {
        self.want_scope(SCOPE);
    }

    pub fn want_scope(&mut self, scope: Scope) {
        let n_u = self.nonce();
        self.leg.want(Wanted { ticket: self.drawn, n_u, scope, point: None }).unwrap();
    }

    /// Lets the gateway do what is next; time goes on if it waits.
    pub fn next(&mut self) -> Next {
        let nonce = self.nonce();
        let next = self.leg.next(self.now, nonce, &mut self.rows).unwrap();
        if let Next::Wait(until) = next {
            self.pass(until.0 - self.now.0);
            let nonce = self.nonce();
            return self.leg.next(self.now, nonce, &mut self.rows).unwrap();
        }
        next
    }

    /// A request's m2.
    pub fn m2(&mut self) -> Vec<u8> {
        if self.leg.is_idle() {
            self.want();
        }
        match self.next() {
            Next::Send(m2) => m2.as_ref().to_vec(),
            other => panic!("{other:?}"),
        }
    }

    pub fn pass(&mut self, millis: u64) {
        (self.now.0, self.uptime.0) = (self.now.0 + millis, self.uptime.0 + millis);
    }

    pub fn m3(&mut self, m2: &[u8]) -> Result<Vec<u8>, SensorRefusal> {
        let nonce = self.nonce();
        let m3 = self.sensor.request(m2, self.uptime, nonce, &mut self.flash)?;
        Ok(m3.as_ref().to_vec())
    }

    pub fn hear(&mut self, frame: &[u8]) -> Result<Heard, SensorRefusal> {
        self.sensor.frame(frame, self.uptime, &mut self.flash)
    }

    /// A session in which nothing is lost.
    pub fn agree(&mut self) -> Agreed {
        let m2 = self.m2();
        let m3 = self.m3(&m2).unwrap();
        self.leg.reply(&m3, &mut self.rows).unwrap()
    }

    /// A session in which nothing is lost, confirmed.
    pub fn session(&mut self) -> Peer {
        let agreed = self.agree();
        let peer = peer(&agreed);
        assert_eq!(self.hear(&peer.frame(0, &[])), Ok(Heard::Confirmed));
        peer
    }

    /// The gap between the two sides' ratchets.
    pub fn gap(&self) -> i64 {
        i64::from(self.sensor.index()) - i64::from(self.leg.index())
    }

    /// The sensor is switched off and on.
    pub fn reboot_sensor(&mut self) {
        self.flash.power();
        self.sensor = Sensor::boot(identity(), &mut self.flash).unwrap();
    }

    /// The gateway is killed and started again.
    pub fn reboot_gateway(&mut self) {
        self.rows.fails = false;
        self.leg = Leg::boot(self.rows.row.clone());
    }
}

pub fn peer(agreed: &Agreed) -> Peer {
    Peer::new(agreed.q, agreed.kappa.as_bytes(), &SID, &GATEWAY, agreed.scope.to_bytes())
}
