//! An upload ticket: the owner of a record says which objects are about to come, before they do.
//!
//! An ordinary statement of a kind that no log takes: signed with the owner's enrolled key, sent to the store alone. The store
//! takes exactly these bytes and no others, so a stranger cannot fill it, and a ticket that was recorded brings nobody anything
//! but the upload of the same bytes.
//!
//! ```cddl
//! ; record.ticket, about urn:countersign:record:<id>
//! body = { "store" => tstr, "digests" => bstr, "sizes" => bstr, "rows" => bstr }
//! ; store: its SPIFFE ID; digests: up to 64 of 32 bytes, sorted; sizes: as many numbers of 4 bytes, big-endian, in their order;
//! ; rows: the hashes of up to 16 rows, 32 bytes each, sorted
//! ```
//!
//! ```cddl
//! submission = [ticket: bstr .cbor statement, rows: [* bstr .cbor row]]     ; the rows whose hashes are in the ticket
//! taken = [token: bstr, until: uint, lacking: [* digest]]                   ; the objects that are to be uploaded
//! ```
//!
//! Rows come with the ticket, objects one by one. A row may name objects that are there already: so a record's rights change
//! without a second upload.

use countersign_ledger::cbor::{self, encode};
use countersign_ledger::{Draft, Fields, Hash, Identity, Kind, MAX_STATEMENT, UnixMillis, Value, Verified};

use minicbor::Decoder;

use crate::line::{MAX_ROW, Row};
use crate::object::MAX_OBJECT;
use crate::record::RecordId;
use crate::rules::{MAX_LINES, OWNER};

/// The kind of an upload ticket.
pub const TICKET: &str = "record.ticket";
/// For how long objects may be uploaded on a ticket, and are kept on it: a phone that was offline for a day goes on.
pub const TICKET_MILLIS: u64 = 24 * 3600 * 1000;
/// How far ahead of the store's clock a ticket may be dated.
const AHEAD_MILLIS: u64 = 5 * 60 * 1000;
/// Most objects of a ticket. A record that has more needs several tickets.
pub const MAX_TICKET: usize = 64;
/// Most rows of a ticket: those of a record's index on both logs.
pub const MAX_ROWS: usize = 2 * MAX_LINES;

/// Why a ticket is refused, in the order in which it is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TicketError {
    /// Not of the format.
    #[error("this is no upload ticket")]
    Malformed,
    /// It is for another store.
    #[error("the ticket is for another store")]
    OtherStore,
    /// Not by the owner, of the store's own region, of the record that it is about.
    #[error("an upload ticket is signed by the owner of its record")]
    NotTheOwner,
    /// It has ended.
    #[error("the ticket is more than a day old: sign a new one")]
    Old,
    /// It is dated ahead.
    #[error("the ticket is dated ahead: set the clock")]
    Ahead,
}

/// An object that is to come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Announced {
    /// SHA-256 of its bytes.
    pub digest: Hash,
    /// Their number.
    pub size: u32,
}

impl Announced {
    /// An object, announced; `None` if it is larger than objects are.
    pub fn of(object: &[u8]) -> Option<Self> {
        let size = u32::try_from(object.len()).ok().filter(|_| object.len() <= MAX_OBJECT)?;
        Some(Self { digest: Hash::of(object), size })
    }
}

/// A ticket whose signature was verified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ticket {
    record: RecordId,
    issued: UnixMillis,
    objects: Vec<Announced>,
    rows: Vec<Hash>,
}

impl Ticket {
    /// The ticket to be signed, for up to [`MAX_TICKET`] objects and the hashes of up to [`MAX_ROWS`] rows, at least one of
    /// either.
    pub fn draft(
        record: &RecordId,
        store: &Identity,
        objects: &[Announced],
        rows: &[Hash],
    ) -> Result<Draft, TicketError> {
        let mut rows = rows.to_vec();
        rows.sort_unstable();
        rows.dedup();
        let mut objects = objects.to_vec();
        objects.sort_unstable();
        objects.dedup();
        let digests: Vec<u8> = objects.iter().flat_map(|object| object.digest.0).collect();
        let sizes: Vec<u8> = objects.iter().flat_map(|object| object.size.to_be_bytes()).collect();
        let rows: Vec<u8> = rows.iter().flat_map(|row| row.0).collect();
        read(&digests, &sizes, &rows).ok_or(TicketError::Malformed)?;
        let mut fields = Fields::new().with("store", store.as_str());
        fields.insert("rows", Value::Bytes(rows));
        fields.insert("digests", Value::Bytes(digests));
        fields.insert("sizes", Value::Bytes(sizes));
        let kind = Kind::new(TICKET).map_err(|_| TicketError::Malformed)?;
        Ok(Draft { kind, subject: record.subject(), fields, prev: None, links: vec![], sealed: None })
    }

    /// Reads a ticket for `store`. Whether the owner's certificate was revoked, the caller looks up.
    pub fn read(statement: &Verified, store: &Identity, now: UnixMillis) -> Result<Self, TicketError> {
        let (fields, signer) = (statement.fields(), statement.signer().identity());
        let (headers, known) = (statement.statement(), ["store", "digests", "sizes", "rows"]);
        let record = RecordId::of(headers.subject()).filter(|record| record.subject() == *headers.subject());
        let bare = statement.prev().is_none() && statement.links().is_empty() && statement.sealed().is_none();
        let only =
            fields.iter().all(|(name, _)| known.contains(&name)) && statement.countersigned().is_none();
        let parts = || read(fields.bytes("digests")?, fields.bytes("sizes")?, fields.bytes("rows")?);
        let (Some(record), Some((objects, rows)), Some(named)) = (record, parts(), fields.text("store"))
        else {
            return Err(TicketError::Malformed);
        };
        if headers.kind().as_str() != TICKET || !bare || !only {
            return Err(TicketError::Malformed);
        }
        if named != store.as_str() {
            return Err(TicketError::OtherStore);
        }
        let of_region = signer.domain() == store.domain();
        if !of_region || signer.role() != OWNER || signer.name() != record.to_string() {
            return Err(TicketError::NotTheOwner);
        }
        let issued = headers.issued_at();
        if now.since(issued) > TICKET_MILLIS {
            return Err(TicketError::Old);
        }
        if issued.since(now) > AHEAD_MILLIS {
            return Err(TicketError::Ahead);
        }
        Ok(Self { record, issued, objects, rows })
    }

    /// The record.
    pub const fn record(&self) -> RecordId {
        self.record
    }

    /// Until when objects are taken and kept on it.
    pub const fn until(&self) -> UnixMillis {
        UnixMillis(self.issued.0.saturating_add(TICKET_MILLIS))
    }

    /// The objects, by digest.
    pub fn objects(&self) -> &[Announced] {
        &self.objects
    }

    /// The hashes of the rows that come with it, sorted.
    pub fn rows(&self) -> &[Hash] {
        &self.rows
    }
}

/// Largest submission: a ticket and its rows.
pub const MAX_SUBMISSION: usize = MAX_STATEMENT + MAX_ROWS * MAX_ROW;

/// A ticket on its way to the store, with the rows that it names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Submission {
    /// The statement.
    pub ticket: Vec<u8>,
    /// The rows.
    pub rows: Vec<Row>,
}

impl Submission {
    /// The submission as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(|e| {
            e.array(2)?.bytes(&self.ticket)?.array(self.rows.len() as u64)?;
            self.rows.iter().try_for_each(|row| e.bytes(&row.to_bytes())?.ok())
        })
    }

    /// Reads what [`Submission::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MAX_SUBMISSION || cbor::check_deterministic(bytes).is_err() {
            return None;
        }
        let mut d = Decoder::new(bytes);
        let two = d.array().ok()? == Some(2);
        let ticket = d.bytes().ok()?.to_vec();
        let count = d.array().ok()?.filter(|count| two && *count <= MAX_ROWS as u64)?;
        let rows = (0..count).map(|_| Row::from_bytes(d.bytes().ok()?).ok()).collect::<Option<_>>()?;
        Some(Self { ticket, rows })
    }
}

/// What a store answers to a ticket.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Taken {
    /// What the store wants to see with each upload.
    pub token: Vec<u8>,
    /// Until when the token is good. The same ticket brings another.
    pub until: UnixMillis,
    /// The objects that are not there yet.
    pub lacking: Vec<Hash>,
}

impl Taken {
    /// The answer as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(|e| {
            e.array(3)?.bytes(&self.token)?.u64(self.until.0)?.array(self.lacking.len() as u64)?;
            self.lacking.iter().try_for_each(|digest| e.bytes(digest.as_bytes())?.ok())
        })
    }

    /// Reads what [`Taken::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        cbor::check_deterministic(bytes).ok()?;
        let mut d = Decoder::new(bytes);
        let three = d.array().ok()? == Some(3);
        let (token, until) = (d.bytes().ok()?.to_vec(), UnixMillis(d.u64().ok()?));
        let count = d.array().ok()?.filter(|count| three && *count <= MAX_TICKET as u64)?;
        let lacking = (0..count).map(|_| Hash::from_slice(d.bytes().ok()?)).collect::<Option<_>>()?;
        Some(Self { token, until, lacking })
    }
}

fn read(digests: &[u8], sizes: &[u8], rows: &[u8]) -> Option<(Vec<Announced>, Vec<Hash>)> {
    let ((digests, []), (sizes, []), (rows, [])) =
        (digests.as_chunks::<{ Hash::LEN }>(), sizes.as_chunks::<4>(), rows.as_chunks::<{ Hash::LEN }>())
    else {
        return None;
    };
    let some = !(digests.is_empty() && rows.is_empty());
    let few = digests.len() <= MAX_TICKET && rows.len() <= MAX_ROWS;
    let one = |(digest, size): (&[u8; Hash::LEN], &[u8; 4])| {
        let size = u32::from_be_bytes(*size);
        let whole = size > 0 && usize::try_from(size).is_ok_and(|size| size <= MAX_OBJECT);
        whole.then_some(Announced { digest: Hash(*digest), size })
    };
    let objects = digests.iter().zip(sizes).map(one).collect::<Option<Vec<_>>>()?;
    let sorted =
        objects.is_sorted_by(|one, next| one.digest < next.digest) && rows.is_sorted_by(|a, b| a < b);
    let rows = rows.iter().copied().map(Hash).collect();
    (some && few && sorted && digests.len() == sizes.len()).then_some((objects, rows))
}
