//! Statements from screen to camera: bytes as the texts of QR codes, and back.
//!
//! In scope: `CS1:` and base45 (RFC 9285) for what fits into one code; multi-part UR of type `bytes` (BCR-2020-005,
//! BCR-2020-006, BCR-2024-001: fountain codes, so that no lost part need be waited for) for more. Out of scope: drawing
//! and reading the codes, and what the bytes mean: they are a claim until they are verified.
//!
//! Both forms use only characters that a QR code keeps in alphanumeric mode, 5.5 bits each.

mod assembly;
mod base45;
mod codes;

pub use assembly::{Assembly, NotTaken, Progress, Received};
pub use codes::{Codes, NotEncoded, Parts, encode};

/// The most bytes that go into one code: with base45 a version 19 code, which phones read from each other's screens.
pub const MAX_ONE: usize = 700;

/// The most bytes that go into codes at all; at three codes a second that is a minute, and a file serves better.
pub const MAX_BYTES: usize = 64 * 1024;

/// The most parts that a message is taken to have. Ours have at most 165; others may cut theirs smaller.
pub const MAX_PARTS: usize = 512;

/// How a text begins that is a whole message.
const PREFIX: &str = "CS1:";
