//! Code lists that values must come from, generated from `data/codes.tsv`.

include!(concat!(env!("OUT_DIR"), "/codes.rs"));

/// ISO 3166-1 numeric.
pub(super) fn is_country(code: &[u8]) -> bool {
    listed(COUNTRY, code)
}

/// ISO 3166-1 alpha-2.
pub(super) fn is_country2(code: &[u8]) -> bool {
    listed(COUNTRY2, code)
}

/// ISO 4217 numeric.
pub(super) fn is_currency(code: &[u8]) -> bool {
    listed(CURRENCY, code)
}

/// GS1 `PackageTypeCode`.
pub(super) fn is_package(code: &[u8]) -> bool {
    listed(PACKAGE, code)
}

/// AIDC media types: 01 to 10 assigned by ICCBBA, 80 to 99 for local use.
pub(super) fn is_media(code: &[u8]) -> bool {
    matches!(code, [b'0', b'1'..=b'9'] | [b'1', b'0'] | [b'8' | b'9', b'0'..=b'9'])
}

fn listed(list: &[&str], code: &[u8]) -> bool {
    list.binary_search_by(|entry| entry.as_bytes().cmp(code)).is_ok()
}
