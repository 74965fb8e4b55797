//! What a session may do.

use core::fmt;

/// What can be done at a device: a set, 16 bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Ops(u16);

impl Ops {
    /// Nothing. A session of no operation ends the one before it.
    pub const NONE: Self = Self(0);
    /// Ask for a reading.
    pub const READ: Self = Self(1);
    /// Receive readings as they come.
    pub const STREAM: Self = Self(1 << 1);
    /// Change what the device does: a rate, a limit.
    pub const SETTINGS: Self = Self(1 << 2);
    /// Start the therapy.
    pub const START: Self = Self(1 << 3);
    /// Stop the therapy.
    pub const STOP: Self = Self(1 << 4);
    /// Silence an alarm.
    pub const SILENCE: Self = Self(1 << 5);
    /// Maintain the device.
    pub const SERVICE: Self = Self(1 << 6);
    /// Look, in an emergency, without the usual permission. It permits nothing else.
    pub const BREAK_GLASS: Self = Self(1 << 15);

    /// What acts on the patient, and is therefore asked for with a signature.
    pub const ACTS: Self = Self(Self::SETTINGS.0 | Self::START.0 | Self::STOP.0);
    /// What only looks.
    pub const LOOKS: Self = Self(Self::READ.0 | Self::STREAM.0);

    /// The set with these bits.
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// The bits.
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether nothing is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of it is in `other`.
    pub const fn within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// Whether some of it is in `other`.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether the user signs a request for it: what acts on the patient, or breaks the glass.
    pub const fn needs_a_signature(self) -> bool {
        self.meets(Self::ACTS.with(Self::BREAK_GLASS))
    }

    /// Whether it is exactly one operation.
    pub const fn is_one(self) -> bool {
        self.0.is_power_of_two()
    }
}

impl fmt::Debug for Ops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ops({:#06x})", self.0)
    }
}

/// What a device is for, as its registration says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// It measures: a monitor, a thermometer.
    Diagnostic,
    /// It acts on the patient: an infusion pump, a ventilator.
    Treatment,
    /// Neither: a bed, a call button.
    Auxiliary,
}

/// What a session may do, for how long and for which patient: 8 bytes.
///
/// | field | offset | size |
/// | --- | --- | --- |
/// | role | 0 | 1 |
/// | ops | 1 | 2 |
/// | ttl, minutes | 3 | 1 |
/// | association | 4 | 4 |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The role of the user, by the number that the registry gives it.
    pub role: u8,
    /// What may be done.
    pub ops: Ops,
    /// For how many minutes.
    pub ttl: u8,
    /// Which patient the device is with, by the gateway's number; 0: none, and what it measures is assigned to nobody.
    pub association: u32,
}

impl Scope {
    /// Length in bytes.
    pub const LEN: usize = 8;
    /// Permits nothing and ends at once: what ends the session before it.
    pub const CLOSING: Self = Self { role: 0, ops: Ops::NONE, ttl: 0, association: 0 };

    /// The bytes.
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let (ops, [a, b, c, d]) = (self.ops.bits().to_be_bytes(), self.association.to_be_bytes());
        [self.role, ops[0], ops[1], self.ttl, a, b, c, d]
    }

    /// Reads the bytes; all are a scope.
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        let [role, high, low, ttl, association @ ..] = bytes;
        let ops = Ops::from_bits(u16::from_be_bytes([high, low]));
        Self { role, ops, ttl, association: u32::from_be_bytes(association) }
    }

    /// Whether it permits no more than was wanted: operations and time, and the patient if one was named.
    pub const fn within(self, want: Self) -> bool {
        self.role == want.role
            && self.ops.within(want.ops)
            && self.ttl <= want.ttl
            && (want.association == 0 || self.association == want.association)
    }

    /// How long it lasts, in milliseconds.
    pub(crate) const fn millis(self) -> u64 {
        self.ttl as u64 * 60_000
    }
}
