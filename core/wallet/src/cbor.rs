//! Reading CBOR lists without trusting their length.

use minicbor::Decoder;

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
