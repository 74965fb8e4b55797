//! What a patient's phone keeps of a record, between one call and the next.
//!
//! ```cddl
//! state = [region: tstr, store: tstr, authority: tstr, restoring: bool, [head / null, head / null], content, change / null, [* link]]
//! head = [index: digest, wrap: uint]                              ; the last index of each log that this phone published
//! content = [agreement: uint, open: bool, document / null, own: digest / null, [* line]]
//! document = [version: uint, id: digest, inventory: bstr]
//! line = [log: tstr, salt: bstr .size 16, policy: tstr, mode: uint, minutes: uint, parts: uint, epoch: uint, row: digest]
//! change = [to: content, rotate: uint, taken: bool, erase: bool, answer / null, stage]
//! answer = [log: tstr, thread: tstr, salt: bstr .size 16, until: uint]
//! link = [uri: tstr, parts: uint, version: uint, object: digest, size: uint]   ; a SMART Health Link, key and all
//! stage = [0] / [1, [bool, bool], [* row: bstr]] / [2, [bool, bool], [* row: bstr], [* index: digest]]
//! ```

use countersign_ledger::cbor;
use countersign_ledger::{Hash, Identity, LogName, Subject, UnixMillis};
use countersign_records::rules::Mode;
use countersign_records::{Announced, Epoch, Inventory, Offer, Parts, RecordId, Row};
use minicbor::data::Type;
use minicbor::encode::Error;
use minicbor::{Decoder, Encoder};
use std::convert::Infallible;
use zeroize::Zeroizing;

/// Most entries of any list here: lines of both logs, with their rows, or links.
pub(super) const MANY: u64 = 32;

/// A record as this phone keeps it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Holding {
    /// The trust domain that the owner was enrolled in; none before.
    pub region: Option<String>,
    pub store: Identity,
    pub authority: Identity,
    /// Whether what there is of it is still to be fetched, by the secret alone.
    pub restoring: bool,
    /// The last index of each log, in the order of [`countersign_records::rules::LOGS`], and its number.
    pub heads: [Option<(Hash, u64)>; 2],
    /// What is published.
    pub content: Content,
    /// What is about to be.
    pub change: Option<Change>,
    /// What is given out to people without this app.
    pub links: Vec<HeldLink>,
}

/// A SMART Health Link that leads to some of the record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct HeldLink {
    /// The link, with its key.
    pub uri: Zeroizing<String>,
    pub parts: Parts,
    /// The document's version.
    pub version: u64,
    /// The encrypted file in the store.
    pub object: Announced,
}

/// Who may see what.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Content {
    /// The generation of the key to which requesters' names are sealed.
    pub agreement: u32,
    /// Whether somebody who fits no line may ask.
    pub open: bool,
    pub document: Option<HeldDocument>,
    /// The row of the owner's own line.
    pub own: Option<Hash>,
    pub lines: Vec<HeldLine>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct HeldDocument {
    pub version: u64,
    /// The statement that signs it.
    pub id: Hash,
    /// Its sealed objects; none before they are sealed for the first time.
    pub inventory: Option<Inventory>,
}

/// A line, and where it is published.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct HeldLine {
    pub log: LogName,
    pub offer: Offer,
    pub mode: Mode,
    pub minutes: u32,
    pub parts: Parts,
    /// The epoch that it was wrapped for.
    pub epoch: Epoch,
    /// Its row; all zero before it is wrapped.
    pub row: Hash,
}

impl HeldLine {
    pub(crate) fn label(&self, record: &RecordId) -> Hash {
        self.offer.label(record)
    }
}

/// A change that is under way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Change {
    pub to: Content,
    /// The parts that somebody may no longer read, to be sealed under new keys.
    pub rotate: Parts,
    /// Whether a newer document comes with it.
    pub taken: bool,
    /// Whether the record is erased when it is published.
    pub erase: bool,
    /// A request to be granted with it.
    pub answer: Option<Later>,
    pub stage: Stage,
}

/// A grant that waits for its line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Later {
    pub log: LogName,
    pub thread: Subject,
    /// The salt of the line, by which it is found.
    pub salt: [u8; 16],
    pub until: UnixMillis,
}

/// How far a change has come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Stage {
    /// It was said what is to change.
    Planned,
    /// The objects are sealed and wait for their upload.
    Sealed { published: [bool; 2], rows: Vec<Row> },
    /// The indexes are signed and on their way, those that were not yet published: the objects were uploaded.
    Posted { published: [bool; 2], rows: Vec<Row>, ids: Vec<Hash> },
}

type Written = Result<(), Error<Infallible>>;
type E<'a> = Encoder<&'a mut Vec<u8>>;

impl Holding {
    /// A record of which there is nothing yet.
    pub(crate) fn new(store: &Identity, authority: &Identity) -> Self {
        Self {
            region: None,
            store: store.clone(),
            authority: authority.clone(),
            restoring: false,
            heads: [None, None],
            content: Content::default(),
            change: None,
            links: vec![],
        }
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // safe: nothing fails that writes into memory
        let _ = self.write(&mut Encoder::new(&mut bytes));
        bytes
    }

    fn write(&self, e: &mut E<'_>) -> Written {
        e.array(8)?.str(self.region.as_deref().unwrap_or_default())?;
        e.str(self.store.as_str())?.str(self.authority.as_str())?.bool(self.restoring)?.array(2)?;
        for head in &self.heads {
            match head {
                Some((index, wrap)) => e.array(2)?.bytes(index.as_bytes())?.u64(*wrap)?,
                None => e.null()?,
            };
        }
        self.content.write(e)?;
        match &self.change {
            Some(change) => change.write(e)?,
            None => {
                e.null()?;
            }
        }
        // Links have keys: a buffer that grew while they are written would leave copies behind that nobody erases.
        let room: usize = self.links.iter().map(|link| link.uri.len() + 64).sum();
        e.writer_mut().reserve(room + 16);
        e.array(self.links.len() as u64)?;
        self.links.iter().try_for_each(|HeldLink { uri, parts, version, object }| {
            e.array(5)?.str(uri)?.u64(parts.0)?.u64(*version)?.bytes(object.digest.as_bytes())?;
            e.u32(object.size)?.ok()
        })
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        cbor::check_deterministic(bytes).ok()?;
        let d = &mut Decoder::new(bytes);
        array(d, 8)?;
        let region = Some(d.str().ok()?.to_owned()).filter(|region| !region.is_empty());
        let (store, authority) = (Identity::parse(d.str().ok()?).ok()?, Identity::parse(d.str().ok()?).ok()?);
        let restoring = d.bool().ok()?;
        array(d, 2)?;
        let mut head = || {
            optional(d, |d| {
                array(d, 2)?;
                Some((hash(d)?, d.u64().ok()?))
            })
        };
        let heads = [head()?, head()?];
        let content = Content::read(d)?;
        let change = optional(d, Change::read)?;
        let links = list(d, |d| {
            array(d, 5)?;
            let uri = Zeroizing::new(d.str().ok()?.to_owned());
            let (parts, version) = (Parts(d.u64().ok()?), d.u64().ok()?);
            let object = Announced { digest: hash(d)?, size: d.u32().ok()? };
            Some(HeldLink { uri, parts, version, object })
        })?;
        Some(Self { region, store, authority, restoring, heads, content, change, links })
    }
}

impl Content {
    fn write(&self, e: &mut E<'_>) -> Written {
        e.array(5)?.u32(self.agreement)?.bool(self.open)?;
        match &self.document {
            Some(one) => {
                let inventory = one.inventory.as_ref().map(Inventory::to_bytes).unwrap_or_default();
                e.array(3)?.u64(one.version)?.bytes(one.id.as_bytes())?.bytes(&inventory)?;
            }
            None => {
                e.null()?;
            }
        }
        match &self.own {
            Some(row) => e.bytes(row.as_bytes())?,
            None => e.null()?,
        };
        e.array(self.lines.len() as u64)?;
        self.lines.iter().try_for_each(|line| {
            e.array(8)?.str(line.log.as_str())?.bytes(&line.offer.salt)?.str(line.offer.policy.as_str())?;
            e.u8(line.mode as u8)?.u32(line.minutes)?.u64(line.parts.0)?.u32(line.epoch.0)?;
            e.bytes(line.row.as_bytes())?.ok()
        })
    }

    fn read(d: &mut Decoder<'_>) -> Option<Self> {
        array(d, 5)?;
        let (agreement, open) = (d.u32().ok()?, d.bool().ok()?);
        let document = optional(d, |d| {
            array(d, 3)?;
            let (version, id, inventory) = (d.u64().ok()?, hash(d)?, d.bytes().ok()?);
            let inventory = if inventory.is_empty() { None } else { Some(Inventory::from_bytes(inventory)?) };
            Some(HeldDocument { version, id, inventory })
        })?;
        let own = optional(d, hash)?;
        let lines = list(d, |d| {
            array(d, 8)?;
            let log = LogName::new(d.str().ok()?).ok()?;
            let offer = Offer { salt: d.bytes().ok()?.try_into().ok()?, policy: d.str().ok()?.parse().ok()? };
            let mode = Mode::from_number(d.u8().ok()?)?;
            let (minutes, parts) = (d.u32().ok()?, Parts(d.u64().ok()?));
            Some(HeldLine { log, offer, mode, minutes, parts, epoch: Epoch(d.u32().ok()?), row: hash(d)? })
        })?;
        Some(Self { agreement, open, document, own, lines })
    }
}

impl Change {
    fn write(&self, e: &mut E<'_>) -> Written {
        e.array(6)?;
        self.to.write(e)?;
        e.u64(self.rotate.0)?.bool(self.taken)?.bool(self.erase)?;
        match &self.answer {
            Some(one) => {
                e.array(4)?.str(one.log.as_str())?.str(one.thread.as_str())?;
                e.bytes(&one.salt)?.u64(one.until.0)?;
            }
            None => {
                e.null()?;
            }
        }
        let rows = |e: &mut E<'_>, published: &[bool; 2], rows: &[Row]| -> Written {
            e.array(2)?.bool(published[0])?.bool(published[1])?.array(rows.len() as u64)?;
            rows.iter().try_for_each(|row| e.bytes(&row.to_bytes())?.ok())
        };
        match &self.stage {
            Stage::Planned => e.array(1)?.u8(0)?.ok(),
            Stage::Sealed { published, rows: all } => {
                e.array(3)?.u8(1)?;
                rows(e, published, all)
            }
            Stage::Posted { published, rows: all, ids } => {
                e.array(4)?.u8(2)?;
                rows(e, published, all)?;
                e.array(ids.len() as u64)?;
                ids.iter().try_for_each(|id| e.bytes(id.as_bytes())?.ok())
            }
        }
    }

    fn read(d: &mut Decoder<'_>) -> Option<Self> {
        array(d, 6)?;
        let (to, rotate) = (Content::read(d)?, Parts(d.u64().ok()?));
        let (taken, erase) = (d.bool().ok()?, d.bool().ok()?);
        let answer = optional(d, |d| {
            array(d, 4)?;
            let (log, thread) = (LogName::new(d.str().ok()?).ok()?, Subject::new(d.str().ok()?).ok()?);
            let (salt, until) = (d.bytes().ok()?.try_into().ok()?, UnixMillis(d.u64().ok()?));
            Some(Later { log, thread, salt, until })
        })?;
        let _ = d.array().ok()?;
        let rows = |d: &mut Decoder<'_>| {
            array(d, 2)?;
            let published = [d.bool().ok()?, d.bool().ok()?];
            Some((published, list(d, |d| Row::from_bytes(d.bytes().ok()?).ok())?))
        };
        let stage = match d.u8().ok()? {
            0 => Stage::Planned,
            1 => {
                let (published, rows) = rows(d)?;
                Stage::Sealed { published, rows }
            }
            2 => {
                let (published, rows) = rows(d)?;
                Stage::Posted { published, rows, ids: list(d, hash)? }
            }
            _ => return None,
        };
        Some(Self { to, rotate, taken, erase, answer, stage })
    }
}

fn array(d: &mut Decoder<'_>, count: u64) -> Option<()> {
    (d.array().ok()? == Some(count)).then_some(())
}

fn hash(d: &mut Decoder<'_>) -> Option<Hash> {
    Hash::from_slice(d.bytes().ok()?)
}

fn list<T>(d: &mut Decoder<'_>, mut item: impl FnMut(&mut Decoder<'_>) -> Option<T>) -> Option<Vec<T>> {
    let count = d.array().ok()?.filter(|count| *count <= MANY)?;
    (0..count).map(|_| item(d)).collect()
}

/// What may be null.
fn optional<T>(d: &mut Decoder<'_>, item: impl FnOnce(&mut Decoder<'_>) -> Option<T>) -> Option<Option<T>> {
    if d.datatype().ok()? == Type::Null { d.null().map(|()| None).ok() } else { item(d).map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(salt: u8, log: LogName) -> HeldLine {
        HeldLine {
            log,
            offer: Offer { salt: [salt; 16], policy: "role: a and (b: 1 or c: 2)".parse().unwrap() },
            mode: Mode::Ask,
            minutes: 60,
            parts: Parts::of([0, 3]),
            epoch: Epoch(227),
            row: Hash([salt; 32]),
        }
    }

    #[test]
    fn every_state_reads_back_as_it_was_written() {
        let identity = |role: &str| Identity::new("north.example", role, "one").unwrap();
        let log = LogName::new("records-full").unwrap();
        let row = Row::new(Hash([1; 32]), Hash([2; 32]), vec![Hash([3; 32])], vec![vec![Hash([4; 32])]]);
        let content = Content {
            agreement: 2,
            open: true,
            document: Some(HeldDocument { version: 4, id: Hash([5; 32]), inventory: None }),
            own: Some(Hash([6; 32])),
            lines: vec![line(1, log), line(2, log)],
        };
        let (thread, until) = (Subject::new("urn:countersign:record:aa:bb").unwrap(), UnixMillis(9));
        let stages = [
            Stage::Planned,
            Stage::Sealed { published: [false, true], rows: vec![row.clone()] },
            Stage::Posted { published: [false; 2], rows: vec![row.clone(), row], ids: vec![Hash([7; 32])] },
        ];
        for (at, stage) in stages.into_iter().enumerate() {
            let answer = Later { log, thread: thread.clone(), salt: [3; 16], until };
            let change = Change {
                to: content.clone(),
                rotate: Parts::of([1, 63]),
                taken: at == 1,
                erase: at == 2,
                answer: (at > 0).then_some(answer),
                stage,
            };
            let holding = Holding {
                region: (at > 0).then(|| "north.example".to_owned()),
                store: identity("record-store"),
                authority: identity("attribute-authority"),
                restoring: at == 2,
                heads: [Some((Hash([8; 32]), 3)), None],
                content: content.clone(),
                change: (at > 0).then_some(change),
                links: vec![
                    HeldLink {
                        uri: Zeroizing::new("shlink:/eyJ1".to_owned()),
                        parts: Parts::of([0, 4]),
                        version: 4,
                        object: Announced { digest: Hash([9; 32]), size: 3 },
                    };
                    at
                ],
            };
            let bytes = holding.to_bytes();
            assert_eq!(Holding::from_bytes(&bytes), Some(holding));
            (0..bytes.len()).for_each(|end| assert_eq!(Holding::from_bytes(&bytes[..end]), None, "{end}"));
        }
    }
}
