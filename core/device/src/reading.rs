//! What frames contain: readings and commands, in the codes of ISO/IEEE 11073.
//!
//! | reading, 16 bytes | offset | size | | command, 12 bytes | offset | size |
//! | --- | --- | --- | --- | --- | --- | --- |
//! | metric, a code of ISO/IEEE 11073-10101 with its partition | 0 | 4 | | operation, one bit of [`Ops`] | 0 | 2 |
//! | value, FLOAT of ISO/IEEE 11073-20601 | 4 | 4 | | unit | 2 | 2 |
//! | unit, a code of partition 4 | 8 | 2 | | metric | 4 | 4 |
//! | status, MeasurementStatus of 11073-10201 | 10 | 2 | | value | 8 | 4 |
//! | tick, milliseconds since the device was switched on | 12 | 4 | | | | |

use crate::bytes::{Fields, concat};
use crate::scope::Ops;

/// A number as medical devices write it: a decimal exponent (8 bits) and a mantissa (24 bits), or a special value. The special
/// values have mantissas of their own, to be looked at first: read as numbers, they have been charted as pressures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Float(u32);

/// What a FLOAT means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Value {
    /// `mantissa * 10^exponent`.
    Number {
        /// The digits.
        mantissa: i32,
        /// The power of ten.
        exponent: i8,
    },
    /// No number (NaN): invalid, or nothing was measured.
    NotANumber,
    /// The sensor cannot express the value at this resolution (`NRes`).
    NotAtThisResolution,
    /// Above what the device measures.
    Above,
    /// Below what the device measures.
    Below,
    /// Reserved: no meaning that is known.
    Reserved,
}

impl Float {
    /// No number.
    pub const NOT_A_NUMBER: Self = Self(0x007f_ffff);

    /// The 32 bits.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The 32 bits.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// `mantissa * 10^exponent`; `None` if the mantissa needs more than 24 bits or is that of a special value.
    pub fn new(mantissa: i32, exponent: i8) -> Option<Self> {
        let [_, a, b, c] = mantissa.to_be_bytes();
        let float = Self(u32::from_be_bytes([exponent.to_be_bytes()[0], a, b, c]));
        (float.value() == Value::Number { mantissa, exponent }).then_some(float)
    }

    /// What it means.
    pub const fn value(self) -> Value {
        let [exponent, a, b, c] = self.0.to_be_bytes();
        match self.0 & 0x00ff_ffff {
            0x7f_ffff => Value::NotANumber,
            0x80_0000 => Value::NotAtThisResolution,
            0x7f_fffe => Value::Above,
            0x80_0002 => Value::Below,
            0x80_0001 => Value::Reserved,
            _ => Value::Number {
                // An arithmetic shift keeps the sign.
                mantissa: i32::from_be_bytes([a, b, c, 0]) >> 8,
                exponent: i8::from_be_bytes([exponent]),
            },
        }
    }
}

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reading {
    /// What was measured.
    pub metric: u32,
    /// The value.
    pub value: Float,
    /// The unit, a code of partition 4.
    pub unit: u16,
    /// The status, as the device tells it; 0: nothing is wrong.
    pub status: u16,
    /// When: milliseconds since the device was switched on, the low 32 bits.
    pub tick: u32,
}

impl Reading {
    /// Length in bytes.
    pub const LEN: usize = 16;

    /// The bytes.
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        concat(&[
            &self.metric.to_be_bytes(),
            &self.value.0.to_be_bytes(),
            &self.unit.to_be_bytes(),
            &self.status.to_be_bytes(),
            &self.tick.to_be_bytes(),
        ])
    }

    /// Reads the bytes; `None` if they are not 16.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let (metric, value) = (fields.u32()?, Float(fields.u32()?));
        let (unit, status) = (u16::from_be_bytes(fields.take()?), u16::from_be_bytes(fields.take()?));
        let tick = fields.u32()?;
        fields.0.is_empty().then_some(Self { metric, value, unit, status, tick })
    }
}

/// One operation at a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Command {
    /// Which, one of [`Ops`].
    pub op: Ops,
    /// The unit of `value`, a code of partition 4.
    pub unit: u16,
    /// What it concerns, a code of ISO/IEEE 11073-10101; 0 for the device as a whole.
    pub metric: u32,
    /// To which value, if it sets one.
    pub value: Float,
}

impl Command {
    /// Length in bytes.
    pub const LEN: usize = 12;

    /// The bytes.
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        concat(&[
            &self.op.bits().to_be_bytes(),
            &self.unit.to_be_bytes(),
            &self.metric.to_be_bytes(),
            &self.value.0.to_be_bytes(),
        ])
    }

    /// Reads the bytes; `None` if they are not 12 or not one operation.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        let op = Ops::from_bits(u16::from_be_bytes(fields.take()?));
        let unit = u16::from_be_bytes(fields.take()?);
        let (metric, value) = (fields.u32()?, Float(fields.u32()?));
        (fields.0.is_empty() && op.is_one()).then_some(Self { op, unit, metric, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_those_of_the_standard() {
        // 36.4: examples of ISO/IEEE 11073-20601 write 0xff00016c.
        let float = Float::from_bits(0xff00_016c);
        assert_eq!(float.value(), Value::Number { mantissa: 364, exponent: -1 });
        assert_eq!(Float::new(364, -1), Some(float));
        let negative = Float::new(-5, 2).unwrap();
        assert_eq!(negative.value(), Value::Number { mantissa: -5, exponent: 2 });
        assert_eq!(Float::NOT_A_NUMBER.value(), Value::NotANumber);
        assert_eq!(Float::from_bits(0x0080_0000).value(), Value::NotAtThisResolution);
        assert_eq!(Float::from_bits(0x007f_fffe).value(), Value::Above);
        assert_eq!(Float::from_bits(0x0080_0002).value(), Value::Below);
        assert_eq!(Float::from_bits(0x0080_0001).value(), Value::Reserved);
        for special in [0x7f_ffff, 0x7f_fffe, -0x80_0000, -0x7f_fffe, 0x80_0000, i32::MIN] {
            assert_eq!(Float::new(special, 0), None, "{special}");
        }
    }

    #[test]
    fn readings_and_commands_read_back_and_only_at_their_length() {
        let value = Float::new(12, 0).unwrap();
        let reading = Reading { metric: 0x0002_4a04, value, unit: 3872, status: 1, tick: 9 };
        assert_eq!(Reading::parse(&reading.to_bytes()), Some(reading));
        assert_eq!(Reading::parse(&reading.to_bytes()[..15]), None);
        assert_eq!(Reading::parse(&[0; 17]), None);
        let command = Command { op: Ops::SETTINGS, unit: 3122, metric: 1, value };
        assert_eq!(Command::parse(&command.to_bytes()), Some(command));
        assert_eq!(Command::parse(&[0; 12]), None, "no operation");
        assert_eq!(Command::parse(&[0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), None, "two operations");
        assert_eq!(Command::parse(&command.to_bytes()[..11]), None);
    }
}
