//! What was read from a pack, as custody needs it.

use countersign_ledger::{Subject, UnixMillis};

/// What was read from a product's code. Nothing of it is believed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Item {
    /// The product class.
    pub class: Subject,
    /// The lot, if the code names one.
    pub lot: Option<Subject>,
    /// The pack, if the code names one.
    pub pack: Option<Subject>,
    /// The pack's serial, as it was commissioned: without the escapes of a link.
    pub serial: Option<String>,
    /// The last moment of the day on the label, in UTC.
    pub expires_at: Option<UnixMillis>,
    /// What else the code may have said, if a separator was lost on the way.
    pub readings: Vec<Item>,
}

impl Item {
    /// Whether the code broke the rules as it was read, so that nothing but one of its readings can be meant.
    pub fn is_unread(&self) -> bool {
        self.lot.is_none() && self.serial.is_none() && !self.readings.is_empty()
    }
}
