//! What a sensor must not lose, and where it keeps it: two slots of its flash.
//!
//! | field | offset | size |
//! | --- | --- | --- |
//! | format, 0001 | 0 | 2 |
//! | epoch | 2 | 2 |
//! | c, the index of the key | 4 | 4 |
//! | q, the last number accepted | 8 | 4 |
//! | `K^d_c` | 12 | 32 |
//! | CRC-32 (ISO-HDLC) of the above | 44 | 4 |

use zeroize::ZeroizeOnDrop;

use crate::bytes::{Fields, concat};
use crate::mac::Key;

/// Length of a record.
pub const RECORD: usize = 48;
const FORMAT: [u8; 2] = [0, 1];
/// Where counters end. They never wrap: the device is provisioned anew, years before.
pub const COUNTER_END: u32 = u32::MAX - 0xffff;

/// One of the two places for a record. Each must be erasable without the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Slot {
    /// The first.
    A,
    /// The second.
    B,
}

impl Slot {
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// The flash did not do what it was asked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("the flash failed")]
pub struct FlashError;

/// Two slots in flash. Each call returns when its work is durable; the power may fail at any moment, and leave the slot that
/// was being changed with anything in it, but the other as it was.
pub trait Flash {
    /// Reads a slot.
    fn read(&mut self, slot: Slot) -> Result<[u8; RECORD], FlashError>;

    /// Writes a slot.
    fn write(&mut self, slot: Slot, record: &[u8; RECORD]) -> Result<(), FlashError>;

    /// Makes all bytes of a slot 00 or ff, physically: no copy of what was there remains. Some parts refuse a second write to a
    /// word (error-correcting flash); learn how yours erases, and prove it by a dump.
    fn erase(&mut self, slot: Slot) -> Result<(), FlashError>;
}

/// Two slots in memory, for a device that is simulated: they end with it.
#[derive(Clone, PartialEq, Eq, ZeroizeOnDrop)]
pub struct Memory(pub [[u8; RECORD]; 2]);

impl Memory {
    /// A part as it leaves the factory.
    pub const fn blank() -> Self {
        Self([[0xff; RECORD]; 2])
    }
}

impl Flash for Memory {
    fn read(&mut self, slot: Slot) -> Result<[u8; RECORD], FlashError> {
        Ok(self.0[slot as usize])
    }

    fn write(&mut self, slot: Slot, record: &[u8; RECORD]) -> Result<(), FlashError> {
        self.0[slot as usize] = *record;
        Ok(())
    }

    fn erase(&mut self, slot: Slot) -> Result<(), FlashError> {
        self.write(slot, &[0; RECORD])
    }
}

/// What is in a slot.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Record {
    pub(crate) epoch: u16,
    pub(crate) index: u32,
    pub(crate) q: u32,
    pub(crate) key: Key,
}

impl Record {
    pub(crate) fn to_bytes(&self) -> [u8; RECORD] {
        let mut bytes = concat::<RECORD>(&[
            &FORMAT,
            &self.epoch.to_be_bytes(),
            &self.index.to_be_bytes(),
            &self.q.to_be_bytes(),
            self.key.as_bytes(),
            &[0; 4],
        ]);
        let sum = crc32(&bytes[..44]);
        bytes[44..].copy_from_slice(&sum.to_be_bytes());
        bytes
    }

    /// Reads a slot; `None` if it was erased or torn.
    pub(crate) fn parse(bytes: &[u8; RECORD]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let format = fields.take::<2>()?;
        let epoch = u16::from_be_bytes(fields.take()?);
        let (index, q, key) = (fields.u32()?, fields.u32()?, Key::new(fields.take()?));
        let whole = format == FORMAT && fields.u32()? == crc32(&bytes[..44]);
        whole.then_some(Self { epoch, index, q, key })
    }

    /// Which of two is newer: a session raises q, a step after it raises c alone.
    pub(crate) const fn order(&self) -> (u16, u32, u32) {
        (self.epoch, self.q, self.index)
    }
}

/// Whether nothing is left in a slot.
pub(crate) fn is_erased(bytes: &[u8; RECORD]) -> bool {
    bytes.iter().all(|&byte| byte == 0) || bytes.iter().all(|&byte| byte == 0xff)
}

/// CRC-32/ISO-HDLC, the one of Ethernet and zip, bit by bit: a table would cost more flash than it saves time.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_catalogued_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn a_record_reads_back_and_every_damaged_bit_is_seen() {
        let record = Record { epoch: 1, index: 7, q: 41, key: Key::new([9; 32]) };
        let bytes = record.to_bytes();
        assert_eq!(Record::parse(&bytes), Some(record));
        for bit in 0..RECORD * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Record::parse(&damaged), None, "bit {bit}");
        }
        assert_eq!(Record::parse(&[0; RECORD]), None);
        assert_eq!(Record::parse(&[0xff; RECORD]), None);
    }
}
