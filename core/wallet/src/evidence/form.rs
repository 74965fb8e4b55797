//! What the forms of both files have in common.

use countersign_ledger::cbor::{Written, check_deterministic, encode};
use countersign_ledger::{Hash, HistoryEntry, MAX_PATH, Subject};
use minicbor::{Decoder, Encoder};

use super::EvidenceError;

pub(super) type Writer<'a, 'b> = &'a mut Encoder<&'b mut Vec<u8>>;

/// A file: a body and its sum.
pub(super) fn with_sum(body: &[u8]) -> Vec<u8> {
    encode(|e| e.array(2)?.bytes(body)?.bytes(Hash::of(body).as_bytes())?.ok())
}

/// The body of a file, undamaged.
pub(super) fn body(file: &[u8]) -> Result<&[u8], EvidenceError> {
    check_deterministic(file).map_err(|_| EvidenceError::Malformed)?;
    let mut d = Decoder::new(file);
    let parts = (d.array().ok(), d.bytes().ok(), d.bytes().ok());
    let (Some(Some(2)), Some(body), Some(sum)) = parts else { return Err(EvidenceError::Malformed) };
    if Hash::of(body).as_bytes()[..] != *sum {
        return Err(EvidenceError::Sum);
    }
    // Its arrays nest seven deep, one less than the check allows.
    check_deterministic(body).map_err(|_| EvidenceError::Malformed)?;
    Ok(body)
}

pub(super) fn each<T>(
    e: Writer<'_, '_>,
    items: &[T],
    mut write: impl FnMut(Writer<'_, '_>, &T) -> Written,
) -> Written {
    e.array(items.len() as u64)?;
    items.iter().try_for_each(|item| write(e, item))
}

pub(super) fn write_entry(e: Writer<'_, '_>, entry: &HistoryEntry) -> Written {
    e.u64(entry.index)?.bytes(&entry.statement)?;
    each(e, &entry.path, |e, hash| e.bytes(hash.as_bytes())?.ok())
}

pub(super) fn entry(d: &mut Decoder<'_>) -> Option<HistoryEntry> {
    let (index, statement) = (d.u64().ok()?, d.bytes().ok()?.to_vec());
    let path = list(d, |d| Hash::from_slice(d.bytes().ok()?)).filter(|path| path.len() <= MAX_PATH)?;
    Some(HistoryEntry { index, statement, path })
}

pub(super) fn subject(d: &mut Decoder<'_>) -> Option<Subject> {
    Subject::new(d.str().ok()?).ok()
}

pub(super) fn array(d: &mut Decoder<'_>, items: u64) -> Option<()> {
    (d.array().ok()? == Some(items)).then_some(())
}

pub(super) fn list<T>(
    d: &mut Decoder<'_>,
    mut item: impl FnMut(&mut Decoder<'_>) -> Option<T>,
) -> Option<Vec<T>> {
    let count = d.array().ok()??;
    (0..count).map(|_| item(d)).collect()
}
