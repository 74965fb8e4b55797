//! The file's form.

use countersign_custody::Item;
use countersign_ledger::cbor::{Written, check_deterministic, encode, optional};
use countersign_ledger::{Hash, HistoryEntry, MAX_PATH, Subject, UnixMillis};
use minicbor::{Decoder, Encoder};

use super::EvidenceError;
use crate::store::Stored;

const MAGIC: &str = "countersign evidence 1";

/// The trust log's entries on one subject, and the proof that there are no others.
pub(super) struct TrustHistory {
    pub(super) subject: Subject,
    pub(super) index_proof: Vec<u8>,
    pub(super) entries: Vec<HistoryEntry>,
}

/// What the file holds.
pub(super) struct Bundle {
    pub(super) genesis: Hash,
    pub(super) item: Item,
    pub(super) trust_note: String,
    pub(super) trust: Vec<TrustHistory>,
    pub(super) notes: Vec<String>,
    pub(super) families: Vec<(Subject, Vec<u8>)>,
    pub(super) histories: Vec<(Subject, Vec<Stored>)>,
    pub(super) certificates: Vec<Vec<u8>>,
    pub(super) filter: Option<Vec<u8>>,
    pub(super) contents: Vec<Vec<u8>>,
}

type Writer<'a, 'b> = &'a mut Encoder<&'b mut Vec<u8>>;

impl Bundle {
    pub(super) fn to_cbor(&self) -> Vec<u8> {
        let body = encode(|e| self.write(e));
        encode(|e| e.array(2)?.bytes(&body)?.bytes(Hash::of(&body).as_bytes())?.ok())
    }

    fn write(&self, e: Writer<'_, '_>) -> Written {
        e.array(8)?.str(MAGIC)?.bytes(self.genesis.as_bytes())?;
        write_item(e, &self.item)?;
        e.array(2)?.str(&self.trust_note)?;
        each(e, &self.trust, |e, history| {
            e.array(3)?.str(history.subject.as_str())?.bytes(&history.index_proof)?;
            each(e, &history.entries, |e, entry| write_entry(e.array(3)?, entry))
        })?;
        e.array(3)?;
        each(e, &self.notes, |e, note| e.str(note)?.ok())?;
        each(e, &self.families, |e, (family, proof)| e.array(2)?.str(family.as_str())?.bytes(proof)?.ok())?;
        each(e, &self.histories, |e, (subject, stored)| {
            e.array(2)?.str(subject.as_str())?;
            each(e, stored, |e, stored| {
                write_entry(e.array(4)?, &stored.entry)?;
                e.u64(stored.size)?.ok()
            })
        })?;
        each(e, &self.certificates, |e, certificate| e.bytes(certificate)?.ok())?;
        match &self.filter {
            Some(filter) => e.bytes(filter)?,
            None => e.null()?,
        };
        each(e, &self.contents, |e, contents| e.bytes(contents)?.ok())
    }

    /// Reads a file. Allocates by what is there, never by a length that is written.
    pub(super) fn read(file: &[u8]) -> Result<Self, EvidenceError> {
        check_deterministic(file).map_err(|_| EvidenceError::Malformed)?;
        let mut d = Decoder::new(file);
        let parts = (d.array().ok(), d.bytes().ok(), d.bytes().ok());
        let (Some(Some(2)), Some(body), Some(sum)) = parts else { return Err(EvidenceError::Malformed) };
        if Hash::of(body).as_bytes()[..] != *sum {
            return Err(EvidenceError::Sum);
        }
        // Its arrays nest seven deep, one less than the check allows.
        check_deterministic(body).map_err(|_| EvidenceError::Malformed)?;
        Self::decode(&mut Decoder::new(body)).ok_or(EvidenceError::Malformed)
    }

    fn decode(d: &mut Decoder<'_>) -> Option<Self> {
        array(d, 8)?;
        (d.str().ok()? == MAGIC).then_some(())?;
        let genesis = Hash::from_slice(d.bytes().ok()?)?;
        let item = item(d)?;
        array(d, 2)?;
        let trust_note = d.str().ok()?.to_owned();
        let trust = list(d, |d| {
            array(d, 3)?;
            let (subject, index_proof) = (subject(d)?, d.bytes().ok()?.to_vec());
            let entries = list(d, |d| {
                array(d, 3)?;
                entry(d)
            });
            Some(TrustHistory { subject, index_proof, entries: entries? })
        })?;
        array(d, 3)?;
        let notes = list(d, |d| d.str().ok().map(str::to_owned))?;
        let families = list(d, |d| {
            array(d, 2)?;
            Some((subject(d)?, d.bytes().ok()?.to_vec()))
        })?;
        let histories = list(d, |d| {
            array(d, 2)?;
            let subject = subject(d)?;
            let stored = list(d, |d| {
                array(d, 4)?;
                Some(Stored { entry: entry(d)?, size: d.u64().ok()? })
            });
            Some((subject, stored?))
        })?;
        let certificates = list(d, |d| d.bytes().ok().map(<[u8]>::to_vec))?;
        let filter = optional(d, |d| d.bytes().ok().map(<[u8]>::to_vec))?;
        let contents = list(d, |d| d.bytes().ok().map(<[u8]>::to_vec))?;
        Some(Self {
            genesis,
            item,
            trust_note,
            trust,
            notes,
            families,
            histories,
            certificates,
            filter,
            contents,
        })
    }
}

fn each<T>(e: Writer<'_, '_>, items: &[T], mut write: impl FnMut(Writer<'_, '_>, &T) -> Written) -> Written {
    e.array(items.len() as u64)?;
    items.iter().try_for_each(|item| write(e, item))
}

fn write_entry(e: Writer<'_, '_>, entry: &HistoryEntry) -> Written {
    e.u64(entry.index)?.bytes(&entry.statement)?;
    each(e, &entry.path, |e, hash| e.bytes(hash.as_bytes())?.ok())
}

fn write_item(e: Writer<'_, '_>, item: &Item) -> Written {
    let text = |e: Writer<'_, '_>, text: Option<&str>| match text {
        Some(text) => e.str(text)?.ok(),
        None => e.null()?.ok(),
    };
    e.array(5)?.str(item.class.as_str())?;
    text(e, item.lot.as_ref().map(Subject::as_str))?;
    text(e, item.pack.as_ref().map(Subject::as_str))?;
    text(e, item.serial.as_deref())?;
    match item.expires_at {
        Some(UnixMillis(at)) => e.u64(at)?.ok(),
        None => e.null()?.ok(),
    }
}

fn item(d: &mut Decoder<'_>) -> Option<Item> {
    array(d, 5)?;
    Some(Item {
        class: subject(d)?,
        lot: optional(d, subject)?,
        pack: optional(d, subject)?,
        serial: optional(d, |d| d.str().ok().map(str::to_owned))?,
        expires_at: optional(d, |d| d.u64().ok().map(UnixMillis))?,
        readings: Vec::new(),
    })
}

fn entry(d: &mut Decoder<'_>) -> Option<HistoryEntry> {
    let (index, statement) = (d.u64().ok()?, d.bytes().ok()?.to_vec());
    let path = list(d, |d| Hash::from_slice(d.bytes().ok()?)).filter(|path| path.len() <= MAX_PATH)?;
    Some(HistoryEntry { index, statement, path })
}

fn subject(d: &mut Decoder<'_>) -> Option<Subject> {
    Subject::new(d.str().ok()?).ok()
}

fn array(d: &mut Decoder<'_>, items: u64) -> Option<()> {
    (d.array().ok()? == Some(items)).then_some(())
}

fn list<T>(d: &mut Decoder<'_>, mut item: impl FnMut(&mut Decoder<'_>) -> Option<T>) -> Option<Vec<T>> {
    let count = d.array().ok()??;
    (0..count).map(|_| item(d)).collect()
}
