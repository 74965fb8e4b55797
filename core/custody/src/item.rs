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
    /// Other readings of the code, if a separator may have been lost.
    pub readings: Vec<Item>,
}

impl Item {
    /// Whether the code violates the rules as it was read, so that only one of `readings` can be meant.
    pub fn is_unread(&self) -> bool {
        self.lot.is_none() && self.serial.is_none() && !self.readings.is_empty()
    }
}
