//! Reading CBOR lists and maps without trusting their length.

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

/// The number under a name in a map.
pub(crate) fn member(bytes: &[u8], name: &str) -> Option<u64> {
    let mut d = Decoder::new(bytes);
    for _ in 0..d.map().ok()?? {
        if d.str().ok()? == name {
            return d.u64().ok();
        }
        d.skip().ok()?;
    }
    None
}
