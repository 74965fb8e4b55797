//! CBOR written by hand, right or wrong: each function gives the bytes of one item.

pub fn head(major: u8, value: u64) -> Vec<u8> {
    let major = major << 5;
    let bytes = value.to_be_bytes();
    match value {
        0..=23 => vec![major | bytes[7]],
        24..=0xff => vec![major | 0x18, bytes[7]],
        0x100..=0xffff => [&[major | 0x19][..], &bytes[6..]].concat(),
        0x1_0000..=0xffff_ffff => [&[major | 0x1a][..], &bytes[4..]].concat(),
        _ => [&[major | 0x1b][..], &bytes].concat(),
    }
}

pub fn uint(value: u64) -> Vec<u8> {
    head(0, value)
}

pub fn int(value: i64) -> Vec<u8> {
    if value < 0 { head(1, value.unsigned_abs() - 1) } else { head(0, value.unsigned_abs()) }
}

pub fn bytes(value: &[u8]) -> Vec<u8> {
    [head(2, value.len() as u64), value.to_vec()].concat()
}

pub fn text(value: &str) -> Vec<u8> {
    [head(3, value.len() as u64), value.as_bytes().to_vec()].concat()
}

pub fn array(items: &[Vec<u8>]) -> Vec<u8> {
    [head(4, items.len() as u64), items.concat()].concat()
}

/// In the order given.
pub fn map(pairs: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let pairs = pairs.iter().flat_map(|(key, value)| [key.clone(), value.clone()]);
    [head(5, pairs.clone().count() as u64 / 2), pairs.collect::<Vec<_>>().concat()].concat()
}

/// `null`, and the item that our format never has.
pub const NULL: [u8; 1] = [0xf6];
pub const UNDEFINED: [u8; 1] = [0xf7];
