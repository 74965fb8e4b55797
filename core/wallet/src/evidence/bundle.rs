//! The file's form.

use countersign_custody::Item;
use countersign_ledger::cbor::{Written, encode, optional};
use countersign_ledger::{Hash, Subject, UnixMillis};
use minicbor::Decoder;

use super::EvidenceError;
use super::form::{self, Writer, array, each, entry, list, subject, write_entry};
use super::trust_part::TrustPart;
use crate::store::Stored;

const MAGIC: &str = "countersign evidence 1";

/// What the file holds.
pub(super) struct Bundle {
    pub(super) genesis: Hash,
    pub(super) item: Item,
    pub(super) trust: TrustPart,
    pub(super) notes: Vec<String>,
    pub(super) families: Vec<(Subject, Vec<u8>)>,
    pub(super) histories: Vec<(Subject, Vec<Stored>)>,
    pub(super) certificates: Vec<Vec<u8>>,
    pub(super) filter: Option<Vec<u8>>,
    pub(super) contents: Vec<Vec<u8>>,
}

impl Bundle {
    pub(super) fn to_cbor(&self) -> Vec<u8> {
        form::with_sum(&encode(|e| self.write(e)))
    }

    fn write(&self, e: Writer<'_, '_>) -> Written {
        e.array(8)?.str(MAGIC)?.bytes(self.genesis.as_bytes())?;
        write_item(e, &self.item)?;
        self.trust.write(e)?;
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
        Self::decode(&mut Decoder::new(form::body(file)?)).ok_or(EvidenceError::Malformed)
    }

    fn decode(d: &mut Decoder<'_>) -> Option<Self> {
        array(d, 8)?;
        (d.str().ok()? == MAGIC).then_some(())?;
        let genesis = Hash::from_slice(d.bytes().ok()?)?;
        let item = item(d)?;
        let trust = TrustPart::decode(d)?;
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
        Some(Self { genesis, item, trust, notes, families, histories, certificates, filter, contents })
    }
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
