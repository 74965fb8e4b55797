//! How long the steps of a live scanner need on this machine, measured on the frames so far.

use std::time::Duration;

/// After this many skipped steps in a row a measured time is forgotten: it may have been an outlier.
const REFUSALS: u32 = 32;

/// The time that one kind of step needs, in nanoseconds for 1024 pixels.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    measured: Option<u64>,
    refusals: u32,
}

impl Pace {
    /// The expected time for so many pixels; `None` if nothing has been measured.
    pub(crate) fn expected(&self, pixels: usize) -> Option<Duration> {
        let nanos = self.measured?.saturating_mul(pixels as u64) / 1024;
        Some(Duration::from_nanos(nanos))
    }

    /// Learns from a step that read every pixel. A slower time counts at once, but at most twofold, since one frame may
    /// have been interrupted; a faster one counts gradually.
    pub(crate) fn learn(&mut self, pixels: usize, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let found = nanos.saturating_mul(1024) / (pixels as u64).max(1);
        self.refusals = 0;
        self.measured = Some(match self.measured {
            None => found,
            Some(before) if found > before => found.min(before.saturating_mul(2).max(1)),
            Some(before) => before - (before - found) / 4,
        });
    }

    /// The step was not tried, as it was expected to take too long.
    pub(crate) fn refuse(&mut self) {
        self.refusals += 1;
        if self.refusals >= REFUSALS {
            *self = Pace::default();
        }
    }
}
