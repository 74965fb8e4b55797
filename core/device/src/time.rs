//! Time, which is an argument everywhere.

/// Milliseconds since 1970-01-01 (UTC), as gateway and user know them. A sensor has no clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(pub u64);

/// Milliseconds since the device was switched on, by a clock that never goes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uptime(pub u64);

impl Uptime {
    /// The low 32 bits, as they go on the wire: they wrap after 49 days.
    #[allow(clippy::cast_possible_truncation, reason = "the low bits are what is sent")]
    pub const fn tick(self) -> u32 {
        self.0 as u32
    }

    pub(crate) const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}
