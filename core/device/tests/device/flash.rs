//! A flash whose power can be cut at any step, and which leaves the slot that was being changed with anything in it.

use countersign_device::{Flash, FlashError, RECORD, Slot};

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Memory {
    pub slots: [[u8; RECORD]; 2],
    /// How often a slot was changed.
    pub changes: u32,
    /// After how many more changes the power fails, and how many bytes of the last one are done.
    pub cut: Option<(u32, usize)>,
    off: bool,
}

impl Memory {
    pub fn new() -> Self {
        Self { slots: [[0xff; RECORD]; 2], changes: 0, cut: None, off: false }
    }

    /// The power is back.
    pub fn power(&mut self) {
        (self.cut, self.off) = (None, false);
    }

    fn change(&mut self, slot: Slot, to: &[u8; RECORD]) -> Result<(), FlashError> {
        let slot = &mut self.slots[place(slot)];
        match &mut self.cut {
            _ if self.off => return Err(FlashError),
            Some((0, done)) => {
                slot[..*done].copy_from_slice(&to[..*done]);
                self.off = true;
                return Err(FlashError);
            }
            Some((left, _)) => *left -= 1,
            None => {}
        }
        *slot = *to;
        self.changes += 1;
        Ok(())
    }
}

const fn place(slot: Slot) -> usize {
    match slot {
        Slot::A => 0,
        Slot::B => 1,
    }
}

impl Flash for Memory {
    fn read(&mut self, slot: Slot) -> Result<[u8; RECORD], FlashError> {
        if self.off { Err(FlashError) } else { Ok(self.slots[place(slot)]) }
    }

    fn write(&mut self, slot: Slot, record: &[u8; RECORD]) -> Result<(), FlashError> {
        self.change(slot, record)
    }

    fn erase(&mut self, slot: Slot) -> Result<(), FlashError> {
        self.change(slot, &[0; RECORD])
    }
}
