//! What was read from a product's code, as custody needs it.

use countersign_ledger::{Subject, UnixMillis};

/// What was read from a product's code. None of it is trusted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Item {
    /// The product class.
    pub class: Subject,
    /// The lot, if the code names one.
    pub lot: Option<Subject>,
    /// The pack, if the code names one.
    pub pack: Option<Subject>,
    /// The pack's serial as commissioned: without the escapes of a link.
    pub serial: Option<String>,
    /// The last moment of the day on the label, in UTC.
    pub expires_at: Option<UnixMillis>,
    /// What else the code may say, the likeliest first.
    pub readings: Vec<Reading>,
}

/// What a code says if a slip has happened to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reading {
    /// What it says then; without readings of its own.
    pub item: Item,
    /// The slip.
    pub slip: Slip,
    /// Whether the slip can have happened to this code. If not, its likeness to what is known is no excuse.
    pub excuses: bool,
}

/// What may have happened to a code between its print and its text, such as a lost separator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slip {
    /// Its stable name, under which apps keep its text.
    pub key: &'static str,
    /// What it is and what mends it, in English.
    pub mend: &'static str,
}

impl Item {
    /// Whether the code violates the rules as it was read, so that only one of `readings` can be meant.
    pub fn is_unread(&self) -> bool {
        self.lot.is_none() && self.serial.is_none() && !self.readings.is_empty()
    }
}
