//! CBOR (RFC 8949) for what the node itself answers and asks.

use std::convert::Infallible;

use minicbor::Encoder;
use minicbor::encode::Error;

/// Encodes into memory, which cannot fail.
pub(crate) fn encode(
    write: impl FnOnce(&mut Encoder<&mut Vec<u8>>) -> Result<(), Error<Infallible>>,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    // safe: a `Vec` accepts every write, and we encode no type of our own that can refuse.
    let _ = write(&mut Encoder::new(&mut bytes));
    bytes
}
