//! From bytes to the texts of codes.

use thiserror::Error;

use super::{MAX_BYTES, MAX_ONE, PREFIX, base45};

/// The most bytes of the message in a part. At two characters a byte, its code is as large as that of a whole message.
const MAX_FRAGMENT: usize = 340;

/// The texts to be shown.
pub enum Codes {
    /// One code holds the whole message.
    One(String),
    /// Codes to show one after the other until the other side has enough.
    Parts(Parts),
}

/// Why bytes cannot be encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotEncoded {
    /// There is nothing to show.
    #[error("there is nothing to show")]
    Empty,
    /// More than [`MAX_BYTES`].
    #[error("more than {MAX_BYTES} bytes")]
    TooLarge,
}

/// The texts that show the bytes.
pub fn encode(bytes: &[u8]) -> Result<Codes, NotEncoded> {
    match bytes.len() {
        0 => Err(NotEncoded::Empty),
        1..=MAX_ONE => Ok(Codes::One(format!("{PREFIX}{}", base45::encode(bytes)))),
        _ if bytes.len() > MAX_BYTES => Err(NotEncoded::TooLarge),
        _ => Ok(Codes::Parts(Parts::new(bytes).ok_or(NotEncoded::TooLarge)?)),
    }
}

/// Bytes as words, one each (bytewords, BCR-2020-012, without its checksum): for two people to compare.
pub fn words(bytes: &[u8]) -> Vec<String> {
    let words = ur::bytewords::encode(bytes, ur::bytewords::Style::Standard);
    words.split(' ').take(bytes.len()).map(str::to_owned).collect()
}

/// The parts of a message, without end: first each fragment once, then mixtures of fragments, any of which may stand in
/// for one that was missed.
pub struct Parts(ur::Encoder<'static>);

impl Parts {
    fn new(bytes: &[u8]) -> Option<Self> {
        let payload: &minicbor::bytes::ByteSlice = bytes.into();
        let payload = minicbor::to_vec(payload).ok()?;
        Some(Self(ur::Encoder::bytes(&payload, MAX_FRAGMENT).ok()?))
    }

    /// How many different parts are needed at least.
    #[must_use]
    pub fn needed(&self) -> usize {
        self.0.fragment_count()
    }
}

impl Iterator for Parts {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        self.0.next_part().ok().map(|part| part.to_ascii_uppercase())
    }
}
