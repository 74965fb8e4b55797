//! Writing CBOR into memory, which cannot fail, and reading lists without believing their length.

use std::convert::Infallible;

use minicbor::encode::Error;
use minicbor::{Decoder, Encoder};

/// Encodes into a new buffer.
pub(crate) fn encode(
    write: impl FnOnce(&mut Encoder<&mut Vec<u8>>) -> Result<(), Error<Infallible>>,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    append(&mut bytes, write);
    bytes
}

/// Encodes onto the end of `buffer`.
pub(crate) fn append(
    buffer: &mut Vec<u8>,
    write: impl FnOnce(&mut Encoder<&mut Vec<u8>>) -> Result<(), Error<Infallible>>,
) {
    // safe: a `Vec` accepts every write, and we encode no type that can refuse.
    let _ = write(&mut Encoder::new(buffer));
}

/// Reads an array that fills `bytes`, of at most `most` items. Allocates by what is there, not by the length written.
pub(crate) fn list<T>(
    bytes: &[u8],
    most: u64,
    mut item: impl FnMut(&mut Decoder<'_>) -> Option<T>,
) -> Option<Vec<T>> {
    let mut d = Decoder::new(bytes);
    let count = d.array().ok()?.filter(|&count| count <= most)?;
    let items = (0..count).map(|_| item(&mut d)).collect::<Option<_>>()?;
    (d.position() == bytes.len()).then_some(items)
}
