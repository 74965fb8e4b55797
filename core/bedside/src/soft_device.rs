//! A device in software: the sensor's own machine with flash in memory, and the datagrams around it. For wards that are tried out
//! and for tests; a real device has the same machine, its own flash and its own radio.

use countersign_device::{
    Flash, FlashError, Heard, Id, Identity, Nonce, ProvisionError, RECORD, Reading, Scope, Sensor,
    SensorRefusal, Slot, Uptime,
};

use crate::bench::Bench;
use crate::datagram::Datagram;

/// Flash in memory.
#[derive(Clone)]
struct Memory([[u8; RECORD]; 2]);

impl Memory {
    fn slot(&mut self, slot: Slot) -> &mut [u8; RECORD] {
        &mut self.0[usize::from(slot == Slot::B)]
    }
}

impl Flash for Memory {
    fn read(&mut self, slot: Slot) -> Result<[u8; RECORD], FlashError> {
        Ok(*self.slot(slot))
    }

    fn write(&mut self, slot: Slot, record: &[u8; RECORD]) -> Result<(), FlashError> {
        *self.slot(slot) = *record;
        Ok(())
    }

    fn erase(&mut self, slot: Slot) -> Result<(), FlashError> {
        *self.slot(slot) = [0xff; RECORD];
        Ok(())
    }
}

/// What a message brought about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Response {
    /// A datagram to be sent.
    Answer(Vec<u8>),
    /// The user is there, or an operation was asked for.
    Heard(Heard),
}

/// A device in software. A copy of it is a captured device.
#[derive(Clone)]
pub struct SoftDevice {
    sid: Id,
    identity: Identity,
    sensor: Sensor,
    flash: Memory,
}

impl SoftDevice {
    /// Provisions a device at the bench, for the first time.
    pub fn provision(bench: &Bench) -> Result<Self, ProvisionError> {
        let identity = Identity::new(bench.sid, bench.gateway, bench.auth.clone(), bench.max_ops)?;
        let mut flash = Memory([[0xff; RECORD]; 2]);
        let sensor = Sensor::provision(identity.clone(), bench.epoch, bench.ratchet.clone(), &mut flash)?;
        Ok(Self { sid: bench.sid, identity, sensor, flash })
    }

    /// Switches it off and on.
    pub fn reboot(&mut self) -> Result<(), ProvisionError> {
        self.sensor = Sensor::boot(self.identity.clone(), &mut self.flash)?;
        Ok(())
    }

    /// The datagram that says where it is.
    pub fn here(&self) -> Vec<u8> {
        Datagram::Here { sid: self.sid }.to_bytes()
    }

    /// Takes a message.
    pub fn hear(&mut self, message: &[u8], now: Uptime, nonce: Nonce) -> Result<Response, SensorRefusal> {
        match message.first() {
            // The types of m2.
            Some(kind) if kind & 0x0f == 2 => {
                let m3 = self.sensor.request(message, now, nonce, &mut self.flash)?;
                let datagram = Datagram::FromDevice { sid: self.sid, message: m3.as_ref() };
                Ok(Response::Answer(datagram.to_bytes()))
            }
            _ => Ok(Response::Heard(self.sensor.frame(message, now, &mut self.flash)?)),
        }
    }

    /// The datagram with a reading, if somebody is signed in who may have it.
    pub fn reading(&mut self, reading: &Reading, now: Uptime) -> Result<Vec<u8>, SensorRefusal> {
        let frame = self.sensor.reading(reading, now)?;
        Ok(Datagram::FromDevice { sid: self.sid, message: frame.as_ref() }.to_bytes())
    }

    /// What the session that goes on permits.
    pub fn scope(&self) -> Option<Scope> {
        self.sensor.scope()
    }

    /// The device.
    pub const fn sid(&self) -> &Id {
        &self.sid
    }

    /// c: how far its ratchet has gone.
    pub const fn index(&self) -> u32 {
        self.sensor.index()
    }

    /// How many MACs it computed since this was last asked.
    pub fn take_macs(&mut self) -> u32 {
        self.sensor.take_macs()
    }
}
