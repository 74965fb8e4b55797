//! Statements from screen to camera: bytes as the texts of QR codes, and back.
//!
//! In scope: `CS1:` and base45 (RFC 9285) for what fits into one code; multi-part UR of type `bytes` (BCR-2020-005,
//! BCR-2020-006, BCR-2024-001: fountain codes, so that nobody waits for a lost part) for more. Out of scope: drawing
//! and reading the codes, and the meaning of the bytes: they are unverified.
//!
//! Both forms use only characters that a QR code keeps in alphanumeric mode, 5.5 bits each.

mod assembly;
mod base45;
mod codes;

pub use assembly::{Assembly, NotTaken, Progress, Received};
pub use codes::{Codes, NotEncoded, Parts, encode, words};

/// The most bytes that go into one code: with base45 a version 15 code, which a cheap camera
/// reads from another phone's screen at some distance.
pub const MAX_ONE: usize = 500;

/// The most bytes that go into codes at all: a minute at three codes a second. A file is better for more.
pub const MAX_BYTES: usize = 64 * 1024;

/// The most parts that are accepted for a message. Ours have at most 193; other senders may use smaller parts.
pub const MAX_PARTS: usize = 512;

/// The beginning of a text that is a whole message.
const PREFIX: &str = "CS1:";
