//! P-256 in software, for a device that can afford it.

use crate::envelope::{agree, point, read_point, scalar};
use crate::mac::Key;
use crate::message::Point;
use crate::sensor::Curve;

/// P-256 from 32 random bytes, new for every request.
pub struct SoftwareCurve(Key);

impl SoftwareCurve {
    /// Takes the random bytes.
    pub const fn new(random: [u8; 32]) -> Self {
        Self(Key::new(random))
    }
}

impl Curve for SoftwareCurve {
    fn agree(&mut self, theirs: &Point) -> Option<(Point, Key)> {
        let secret = scalar(self.0.as_bytes())?;
        Some((point(&secret), agree(&secret, &read_point(theirs)?)))
    }
}
