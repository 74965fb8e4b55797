//! What a screen by a bed shows of a session: the latest reading of each metric and how old it is, whether the device goes on
//! speaking, and whether it shows what was asked of it.
//!
//! Moments are milliseconds of a clock that only goes on, and are arguments.
//!
//! A network can hold readings back and then let them through in their order: each would look new. So the age of a reading is
//! counted from when it was measured, by the device's own clock, held against the quickest one that ever came.

use std::collections::BTreeMap;

use countersign_device::{Command, Float, Ops, Reading, Received, Value};

/// How long what was asked for may take to show, in milliseconds.
pub const SHOWS_WITHIN: u64 = 10_000;

/// What is known of a session's device.
#[derive(Debug)]
pub struct Board {
    latest: BTreeMap<u32, Latest>,
    /// The least that this clock was ever ahead of the device's, in the low 32 bits.
    ahead: Option<u32>,
    heard: u64,
    missed: u32,
    asked: Option<Requested>,
}

/// The latest reading of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latest {
    /// What came.
    pub received: Received,
    /// When it was measured.
    pub measured: u64,
}

/// An operation that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requested {
    /// Which.
    pub command: Command,
    /// When.
    pub at: u64,
    /// Whether a reading that was measured since shows it. Of what sets no value, no reading tells.
    pub shown: bool,
}

impl Board {
    /// A session that begins now.
    pub const fn new(now: u64) -> Self {
        Self { latest: BTreeMap::new(), ahead: None, heard: now, missed: 0, asked: None }
    }

    /// A reading came.
    pub fn take(&mut self, received: Received, now: u64) {
        let Received { reading, missed, .. } = received;
        let measured = now.saturating_sub(self.delay(reading.tick, now));
        self.heard = self.heard.max(measured);
        self.missed = self.missed.saturating_add(missed);
        if let Some(asked) = &mut self.asked {
            asked.shown |= measured >= asked.at && shows(&reading, &asked.command);
        }
        self.latest.insert(reading.metric, Latest { received, measured });
    }

    /// How much longer than the quickest one a reading was under way. Only the low bits of both clocks are compared, and a
    /// session is shorter than what they count.
    fn delay(&mut self, tick: u32, now: u64) -> u64 {
        let low = u32::try_from(now & u64::from(u32::MAX)).unwrap_or_default();
        let ahead = low.wrapping_sub(tick);
        let base = *self.ahead.get_or_insert(ahead);
        let delay = ahead.wrapping_sub(base);
        if delay > u32::MAX / 2 {
            self.ahead = Some(ahead);
            return 0;
        }
        u64::from(delay)
    }

    /// An operation was sent.
    pub const fn asked(&mut self, command: Command, now: u64) {
        self.asked = Some(Requested { command, at: now, shown: false });
    }

    /// What came is shown no more: the screen was left, and the clocks may have stood still.
    pub fn wipe(&mut self, now: u64) {
        *self = Self { missed: self.missed, asked: self.asked, ..Self::new(now) };
    }

    /// The latest reading of each metric.
    pub fn readings(&self) -> impl Iterator<Item = &Latest> {
        self.latest.values()
    }

    /// When the device was last heard of; at first, when the session began.
    pub const fn heard(&self) -> u64 {
        self.heard
    }

    /// How many readings did not come.
    pub const fn missed(&self) -> u32 {
        self.missed
    }

    /// The operation that was sent last.
    pub const fn requested(&self) -> Option<Requested> {
        self.asked
    }
}

/// Whether a reading shows what a command sets.
fn shows(reading: &Reading, command: &Command) -> bool {
    command.op == Ops::SETTINGS
        && (reading.metric, reading.unit) == (command.metric, command.unit)
        && reading.status == 0
        && number(reading.value).is_some_and(|value| number(command.value) == Some(value))
}

/// A number with no zeros at its end, so that 12.50 is 12.5.
fn number(float: Float) -> Option<(i32, i8)> {
    let Value::Number { mut mantissa, mut exponent } = float.value() else { return None };
    if mantissa == 0 {
        return Some((0, 0));
    }
    while mantissa % 10 == 0 && exponent < i8::MAX {
        (mantissa, exponent) = (mantissa / 10, exponent + 1);
    }
    Some((mantissa, exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PULSE: u32 = 147_842;
    const RATE: u32 = 157_784;

    fn received(metric: u32, mantissa: i32, exponent: i8, tick: u32) -> Received {
        let value = Float::new(mantissa, exponent).unwrap();
        Received { reading: Reading { metric, value, unit: 3_122, status: 0, tick }, seq: 0, missed: 0 }
    }

    fn age(board: &Board, now: u64) -> u64 {
        now - board.readings().next().unwrap().measured
    }

    #[test]
    fn a_reading_that_was_held_back_is_as_old_as_it_is() {
        let mut board = Board::new(1_000);
        board.take(received(PULSE, 72, 0, 500), 1_100);
        assert_eq!(age(&board, 1_150), 50);
        // Measured half a minute later, and held back for twenty seconds.
        board.take(received(PULSE, 72, 0, 30_500), 51_100);
        assert_eq!((age(&board, 51_100), board.heard()), (20_000, 31_100));
        // One that is quicker than the first: the others were slower than they seemed.
        board.take(received(PULSE, 72, 0, 60_500), 61_050);
        assert_eq!(age(&board, 61_050), 0);
        board.take(received(PULSE, 72, 0, 61_500), 62_100);
        assert_eq!(age(&board, 62_100), 50);
    }

    #[test]
    fn the_low_bits_of_the_clocks_go_round() {
        let mut board = Board::new(0);
        board.take(received(PULSE, 72, 0, u32::MAX - 9), u64::from(u32::MAX) - 100);
        board.take(received(PULSE, 72, 0, 990), u64::from(u32::MAX) + 900);
        assert_eq!(age(&board, u64::from(u32::MAX) + 900), 0);
    }

    #[test]
    fn what_was_asked_for_is_shown_once_a_later_reading_has_it() {
        let mut board = Board::new(0);
        let value = Float::new(125, -1).unwrap();
        let command = Command { op: Ops::SETTINGS, unit: 3_122, metric: RATE, value };
        board.take(received(RATE, 125, -1, 100), 100);
        board.asked(command, 200);
        assert!(!board.requested().unwrap().shown, "it was so before");
        board.take(received(RATE, 125, -1, 150), 250);
        assert!(!board.requested().unwrap().shown, "measured before it was asked for");
        board.take(received(RATE, 124, -1, 300), 300);
        board.take(received(PULSE, 125, -1, 300), 300);
        assert!(!board.requested().unwrap().shown, "something else");
        board.take(received(RATE, 1_250, -2, 400), 400);
        assert!(board.requested().unwrap().shown);
        board.take(received(RATE, 0, 0, 500), 500);
        assert!(board.requested().unwrap().shown, "it was shown");
        board.asked(Command { op: Ops::STOP, value: Float::new(0, 0).unwrap(), ..command }, 600);
        board.take(received(RATE, 0, 0, 700), 700);
        assert!(!board.requested().unwrap().shown, "no reading tells that the therapy stopped");
    }

    #[test]
    fn a_screen_that_was_left_shows_nothing_old() {
        let mut board = Board::new(0);
        board.take(Received { missed: 3, ..received(PULSE, 72, 0, 100) }, 100);
        board.wipe(5_000);
        assert_eq!((board.readings().count(), board.heard(), board.missed()), (0, 5_000, 3));
    }
}
