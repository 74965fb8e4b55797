//! Reports of suspicions: from whoever has scanned a pack, to the authority of the pack's trust domain.
//!
//! # The life of a report
//!
//! 1. An authority publishes an agreement key ([`key_draft`]) on the trust log, which every phone holds whole.
//! 2. A person writes what they saw. Their phone seals it to that key, tied to the scan ([`Report::seal`]).
//! 3. A node keeps what is sealed, and learns neither what is in it nor who sent it.
//! 4. The authority asks for what came by a signed [`Request`], which no log takes, and opens it ([`Envelope::open`]).
//!
//! ```cddl
//! envelope = [key: bstr .size 32, sealed: bstr]      ; key: the id of the statement that published the agreement key
//! padded = length: 4 bytes, big-endian, then a report, then zeros up to a multiple of 4096 bytes
//! report = [written: uint, scan, words: tstr, place: tstr / nil, photograph: bstr / nil, answer: tstr / nil]
//! scan = [link: tstr, serial: tstr / nil, label: uint / nil, verdict: tstr, reason: tstr / nil, checkpoint: uint / nil,
//!         at: uint]
//! page = [* [number: uint, received: uint, envelope: bstr]]
//! ```
//!
//! In scope: what is in a report, sealing (HPKE, as [`countersign_ledger::sealed`] has it), the rules for the key. Out of scope:
//! who sends and keeps it.

use countersign_ledger::cbor::{self, Written, encode, optional};
use countersign_ledger::sealed::{self, SealError};
use countersign_ledger::{
    Context, Draft, Entry, Fields, Hash, Kind, LogName, MAX_SKEW_MILLIS, Problem, PublicKey, Rules, State,
    Subject, UnixMillis, Value, Verified, Violation,
};
use minicbor::{Decoder, Encoder};
use zeroize::Zeroizing;

use crate::item::Item;
use crate::verdict::{Verdict, VerdictKind};

/// An authority publishes the key that reports are sealed to. On the trust log.
pub const KEY: &str = "report.key";
/// An authority asks for the reports that came. On no log.
pub const READ: &str = "report.read";
/// An authority has a report removed that it has. On no log.
pub const REMOVE: &str = "report.remove";
/// The role of who reads reports.
pub const AUTHORITY: &str = "authority";

/// Longest words of a report, in bytes.
pub const MAX_WORDS: usize = 4000;
/// Longest place, and longest way to answer, in bytes.
pub const MAX_LINE: usize = 200;
/// Largest photograph, in bytes: 1280 pixels wide as JPEG is less.
pub const MAX_PHOTOGRAPH: usize = 256 * 1024;
/// Largest envelope.
pub const MAX_ENVELOPE: usize = 272 * 1024;
/// Largest page of reports, in bytes.
pub const MAX_PAGE: usize = 4 << 20;
/// Most reports of a page.
pub const MAX_REPORTS: u64 = 512;
/// How old a request may be.
const REQUEST_MILLIS: u64 = 5 * 60 * 1000;
/// A report's length says no more of it than that it has a photograph or none.
const PADDED: usize = 4096;
/// An encapsulated key and a tag.
const LEAST_SEALED: usize = 65 + 16;

/// Why a report is not taken as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAReport {
    /// Nothing was written and nothing photographed.
    #[error("the report is empty: write what you saw, or add a photograph")]
    Empty,
    /// The words, the place or the way to answer are too long.
    #[error("the report is too long: up to {MAX_WORDS} bytes of words, {MAX_LINE} of place and answer each")]
    TooLong,
    /// The photograph is too large, or is none.
    #[error("the photograph has to be a JPEG or PNG of up to {} KiB", MAX_PHOTOGRAPH / 1024)]
    Photograph,
    /// It cannot be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// What a person reports, tied to what was scanned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// When it was written.
    pub written: UnixMillis,
    /// The scan that it is about.
    pub scan: Scanned,
    /// In the person's words.
    pub words: String,
    /// Where, if the person says so.
    pub place: Option<String>,
    /// A photograph, JPEG or PNG.
    pub photograph: Option<Vec<u8>>,
    /// How the person can be answered; `None` if they stay anonymous.
    pub answer: Option<String>,
}

/// A scan, and what the phone told about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scanned {
    /// The narrowest subject that was read.
    pub link: Subject,
    /// The serial number.
    pub serial: Option<String>,
    /// The last moment of the day on the label.
    pub label: Option<UnixMillis>,
    /// The verdict.
    pub verdict: VerdictKind,
    /// The key of its first reason.
    pub reason: Option<String>,
    /// Size of the product log's checkpoint that it was as of.
    pub checkpoint: Option<u64>,
    /// When.
    pub at: UnixMillis,
}

impl Scanned {
    /// What was read, with its verdict.
    pub fn new(item: &Item, verdict: &Verdict, at: UnixMillis) -> Self {
        Self {
            link: item.pack.as_ref().or(item.lot.as_ref()).unwrap_or(&item.class).clone(),
            serial: item.serial.clone(),
            label: item.expires_at,
            verdict: verdict.kind,
            reason: verdict.reasons.first().map(|reason| reason.key().to_owned()),
            checkpoint: verdict.checkpoint,
            at,
        }
    }
}

/// A sealed report, as it is sent and kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Envelope {
    /// The statement that published the key that it is sealed to.
    pub key: Hash,
    sealed: Vec<u8>,
}

/// A report as a node kept it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    /// Its number there.
    pub number: u64,
    /// When it came, by the node's clock.
    pub received: UnixMillis,
    /// What came.
    pub envelope: Envelope,
}

impl Report {
    /// Seals it to an authority's key, which the statement `id` published.
    pub fn seal(
        &self,
        domain: &str,
        (id, key): (Hash, &PublicKey),
        random: &mut impl rand_core::CryptoRng,
    ) -> Result<Envelope, NotAReport> {
        self.check()?;
        let sealed = sealed::seal(&self.padded(), key, &kind(KEY), &subject(domain), random)?;
        Ok(Envelope { key: id, sealed })
    }

    fn check(&self) -> Result<(), NotAReport> {
        let lines = [&self.place, &self.answer].into_iter().flatten();
        if self.words.trim().is_empty() && self.photograph.is_none() {
            Err(NotAReport::Empty)
        } else if self.words.len() > MAX_WORDS || lines.into_iter().any(|line| line.len() > MAX_LINE) {
            Err(NotAReport::TooLong)
        } else if self.photograph.as_ref().is_some_and(|bytes| !is_picture(bytes)) {
            Err(NotAReport::Photograph)
        } else {
            Ok(())
        }
    }

    fn padded(&self) -> Zeroizing<Vec<u8>> {
        let report = Zeroizing::new(self.to_bytes());
        let length = u32::try_from(report.len()).unwrap_or(u32::MAX);
        let whole = (4 + report.len()).next_multiple_of(PADDED);
        // Made whole, so that no part is left behind where it would have grown.
        let mut padded = Zeroizing::new(Vec::with_capacity(whole));
        padded.extend_from_slice(&length.to_be_bytes());
        padded.extend_from_slice(&report);
        padded.resize(whole, 0);
        padded
    }

    /// The bytes that are sealed, without padding.
    pub fn to_bytes(&self) -> Vec<u8> {
        let scan = &self.scan;
        encode(|e| {
            e.array(6)?.u64(self.written.0)?.array(7)?.str(scan.link.as_str())?;
            or_nil(e, scan.serial.as_deref(), |e, serial| e.str(serial)?.ok())?;
            or_nil(e, scan.label, |e, label| e.u64(label.0)?.ok())?;
            e.str(word(scan.verdict))?;
            or_nil(e, scan.reason.as_deref(), |e, reason| e.str(reason)?.ok())?;
            or_nil(e, scan.checkpoint, |e, size| e.u64(size)?.ok())?;
            e.u64(scan.at.0)?.str(&self.words)?;
            or_nil(e, self.place.as_deref(), |e, place| e.str(place)?.ok())?;
            or_nil(e, self.photograph.as_deref(), |e, photograph| e.bytes(photograph)?.ok())?;
            or_nil(e, self.answer.as_deref(), |e, answer| e.str(answer)?.ok())
        })
    }

    /// Reads what [`Report::to_bytes`] wrote: anybody may have sealed it.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        cbor::check_deterministic(bytes).ok()?;
        let d = &mut Decoder::new(bytes);
        let array = |d: &mut Decoder<'_>, count| (d.array().ok()? == Some(count)).then_some(());
        let words = |d: &mut Decoder<'_>| Some(d.str().ok()?.to_owned());
        let moment = |d: &mut Decoder<'_>| Some(UnixMillis(d.u64().ok()?));
        array(d, 6)?;
        let written = moment(d)?;
        array(d, 7)?;
        let scan = Scanned {
            link: Subject::new(d.str().ok()?).ok()?,
            serial: optional(d, words)?,
            label: optional(d, moment)?,
            verdict: verdict_of(d.str().ok()?)?,
            reason: optional(d, words)?,
            checkpoint: optional(d, |d| d.u64().ok())?,
            at: moment(d)?,
        };
        let report = Self {
            written,
            scan,
            words: words(d)?,
            place: optional(d, words)?,
            photograph: optional(d, |d| Some(d.bytes().ok()?.to_vec()))?,
            answer: optional(d, words)?,
        };
        report.check().ok()?;
        Some(report)
    }
}

impl Envelope {
    /// Opens it with the authority's secret agreement key.
    pub fn open(&self, domain: &str, secret: &[u8; 32]) -> Result<Report, SealError> {
        let padded = sealed::open(&self.sealed, secret, &kind(KEY), &subject(domain))?;
        let (length, rest) = padded.split_first_chunk::<4>().ok_or(SealError)?;
        let report = usize::try_from(u32::from_be_bytes(*length)).ok().and_then(|length| rest.get(..length));
        report.and_then(Report::from_bytes).ok_or(SealError)
    }

    /// The bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(|e| e.array(2)?.bytes(self.key.as_bytes())?.bytes(&self.sealed)?.ok())
    }

    /// Reads what [`Envelope::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MAX_ENVELOPE || cbor::check_deterministic(bytes).is_err() {
            return None;
        }
        let mut d = Decoder::new(bytes);
        (d.array().ok()? == Some(2)).then_some(())?;
        let (key, sealed) = (Hash::from_slice(d.bytes().ok()?)?, d.bytes().ok()?.to_vec());
        (sealed.len() > LEAST_SEALED).then_some(Self { key, sealed })
    }
}

/// Reports in one answer.
pub fn page(kept: &[Kept]) -> Vec<u8> {
    encode(|e| {
        e.array(kept.len() as u64)?;
        kept.iter().try_for_each(|one| {
            e.array(3)?.u64(one.number)?.u64(one.received.0)?.bytes(&one.envelope.to_bytes())?.ok()
        })
    })
}

/// Reads what [`page`] wrote.
pub fn read_page(bytes: &[u8]) -> Option<Vec<Kept>> {
    cbor::check_deterministic(bytes).ok()?;
    let mut d = Decoder::new(bytes);
    let count = d.array().ok()?.filter(|count| *count <= MAX_REPORTS)?;
    let mut kept = Vec::new();
    for _ in 0..count {
        (d.array().ok()? == Some(3)).then_some(())?;
        let (number, received) = (d.u64().ok()?, UnixMillis(d.u64().ok()?));
        kept.push(Kept { number, received, envelope: Envelope::from_bytes(d.bytes().ok()?)? });
    }
    Some(kept)
}

/// What an authority asks a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Request {
    /// The reports after this number, a page of them.
    Read {
        /// The number of the last one that it has; 0 for all.
        after: u64,
    },
    /// To remove a report that it has.
    Remove {
        /// Its number.
        number: u64,
    },
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Not a request for reports of this domain.
    #[error("this is no request for the reports of this domain")]
    Malformed,
    /// Not by an authority of the domain.
    #[error("reports are for the authorities of their domain alone")]
    Role,
    /// Signed too long ago.
    #[error("the request is too old: sign another")]
    Old,
    /// Signed in the future.
    #[error("the request is dated in the future: look at the clocks")]
    Ahead,
}

impl Request {
    /// The request as a statement to be signed by an authority of `domain`.
    pub fn draft(self, domain: &str) -> Draft {
        let (name, field, number) = match self {
            Self::Read { after } => (READ, "after", after),
            Self::Remove { number } => (REMOVE, "number", number),
        };
        let fields = Fields::new().with(field, number);
        Draft {
            kind: kind(name),
            subject: subject(domain),
            fields,
            prev: None,
            links: Vec::new(),
            sealed: None,
        }
    }

    /// What a verified statement asks for, if its signer may, at `now`.
    pub fn of(statement: &Verified, domain: &str, now: UnixMillis) -> Result<Self, Denied> {
        let (of, fields) = (statement.statement(), statement.fields());
        let asked = match of.kind().as_str() {
            READ => fields.uint("after").map(|after| Self::Read { after }),
            REMOVE => fields.uint("number").map(|number| Self::Remove { number }),
            _ => None,
        };
        let asked = asked.filter(|_| *of.subject() == subject(domain)).ok_or(Denied::Malformed)?;
        if !is_authority(statement, domain) {
            return Err(Denied::Role);
        }
        if now.since(of.issued_at()) > REQUEST_MILLIS {
            return Err(Denied::Old);
        }
        if of.issued_at().since(now) > MAX_SKEW_MILLIS {
            return Err(Denied::Ahead);
        }
        Ok(asked)
    }
}

/// The subject on which a domain's key is published.
#[expect(clippy::expect_used, reason = "the name of a domain has no character that a subject may not have")]
pub fn subject(domain: &str) -> Subject {
    Subject::new(format!("urn:countersign:reports:{domain}")).expect("a subject")
}

/// An authority's key as a statement to be signed, after `prev`.
pub fn key_draft(domain: &str, key: &PublicKey, prev: Option<Hash>) -> Draft {
    let fields = Fields::new().with("key", Value::Bytes(key.as_sec1().to_vec()));
    Draft { kind: kind(KEY), subject: subject(domain), fields, prev, links: Vec::new(), sealed: None }
}

/// The key that reports of a domain are sealed to, with the id of the statement that published it: the latest that stands.
pub fn current_key(domain: &str, history: &[Entry]) -> Option<(Hash, PublicKey)> {
    let mut standing = history.iter().rev().filter_map(Entry::standing);
    standing.find_map(|one| Some((one.id(), key_of(one, domain)?)))
}

fn key_of(statement: &Verified, domain: &str) -> Option<PublicKey> {
    let of = statement.statement();
    let right = of.kind().as_str() == KEY && *of.subject() == subject(domain);
    (right && is_authority(statement, domain)).then_some(())?;
    PublicKey::from_sec1(statement.fields().bytes("key")?).ok()
}

fn is_authority(statement: &Verified, domain: &str) -> bool {
    let signer = statement.signer().identity();
    signer.role() == AUTHORITY && signer.domain() == domain
}

/// The rules for the key that reports are sealed to.
pub struct ReportRules;

impl Rules for ReportRules {
    fn logs(&self, kind: &Kind) -> Option<&[LogName]> {
        (kind.as_str() == KEY).then_some(&[LogName::TRUST])
    }

    fn roles(&self) -> Vec<&str> {
        vec![AUTHORITY]
    }

    fn check(&self, statement: &Verified, _: &Context<'_>) -> Result<(), Violation> {
        let refuse = |problem, text: &str| Err(Violation { problem, text: text.to_owned() });
        let signer = statement.signer().identity();
        if signer.role() != AUTHORITY {
            return refuse(Problem::Role, "an authority publishes the key that reports are sealed to");
        }
        if *statement.statement().subject() != subject(signer.domain()) {
            return refuse(Problem::Domain, "an authority publishes the key of its own domain");
        }
        let fields = statement.fields();
        let key = fields.bytes("key").map(PublicKey::from_sec1);
        let bare = statement.links().is_empty() && statement.countersigned().is_none();
        match key {
            Some(Ok(_)) if bare && fields.iter().count() == 1 => Ok(()),
            _ => refuse(Problem::Fields, "the statement has an agreement key, P-256, and nothing else"),
        }
    }

    fn fold(&self, _: &State, statement: &Verified) -> State {
        State(statement.statement().id().0.to_vec())
    }
}

fn is_picture(bytes: &[u8]) -> bool {
    const JPEG: [u8; 3] = [0xff, 0xd8, 0xff];
    const PNG: [u8; 8] = [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n'];
    bytes.len() <= MAX_PHOTOGRAPH && (bytes.starts_with(&JPEG) || bytes.starts_with(&PNG))
}

const WORDS: [(VerdictKind, &str); 5] = [
    (VerdictKind::Authentic, "authentic"),
    (VerdictKind::CannotTell, "cannot-tell"),
    (VerdictKind::CheckScan, "check-scan"),
    (VerdictKind::Attention, "attention"),
    (VerdictKind::Suspect, "suspect"),
];

/// A verdict as a stable word.
pub fn word(verdict: VerdictKind) -> &'static str {
    WORDS.iter().find(|(kind, _)| *kind == verdict).map_or("", |(_, word)| word)
}

fn verdict_of(word: &str) -> Option<VerdictKind> {
    WORDS.iter().find(|(_, known)| *known == word).map(|(kind, _)| *kind)
}

fn or_nil<T>(
    e: &mut Encoder<&mut Vec<u8>>,
    value: Option<T>,
    write: impl FnOnce(&mut Encoder<&mut Vec<u8>>, T) -> Written,
) -> Written {
    match value {
        Some(value) => write(e, value),
        None => e.null()?.ok(),
    }
}

#[expect(clippy::expect_used, reason = "the kinds of this module are constants")]
fn kind(name: &str) -> Kind {
    Kind::new(name).expect("a kind")
}

#[cfg(test)]
mod tests {
    use countersign_ledger::{Signer as _, SoftwareKey};

    use super::*;

    /// A counter: random enough for a test of what is sealed, not of how well.
    struct Counter(u8);

    impl rand_core::TryRng for Counter {
        type Error = std::convert::Infallible;

        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            let mut bytes = [0; 4];
            self.try_fill_bytes(&mut bytes).map(|()| u32::from_be_bytes(bytes))
        }

        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            let mut bytes = [0; 8];
            self.try_fill_bytes(&mut bytes).map(|()| u64::from_be_bytes(bytes))
        }

        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
            for byte in bytes {
                self.0 = self.0.wrapping_add(1);
                *byte = self.0;
            }
            Ok(())
        }
    }

    impl rand_core::TryCryptoRng for Counter {}

    const DOMAIN: &str = "meds.example";

    fn report() -> Report {
        Report {
            written: UnixMillis(5),
            scan: Scanned {
                link: Subject::new("https://id.gs1.org/01/09506000134352/10/L1/21/S1").unwrap(),
                serial: Some("S1".to_owned()),
                label: Some(UnixMillis(4)),
                verdict: VerdictKind::Suspect,
                reason: Some("unknown-serial".to_owned()),
                checkpoint: Some(77),
                at: UnixMillis(3),
            },
            words: "The blister is blank.".to_owned(),
            place: Some("Gare du Nord".to_owned()),
            photograph: Some([&[0xff, 0xd8, 0xff][..], &[7; 5000]].concat()),
            answer: Some("ana@mail.example".to_owned()),
        }
    }

    fn key(byte: u8) -> ([u8; 32], PublicKey) {
        ([byte; 32], SoftwareKey::from_bytes(&[byte; 32]).unwrap().public_key())
    }

    fn sealed(report: &Report) -> Envelope {
        report.seal(DOMAIN, (Hash([9; 32]), &key(7).1), &mut Counter(0)).unwrap()
    }

    #[test]
    fn only_the_authority_opens_it_and_only_as_of_its_domain() {
        let bare = Report { place: None, photograph: None, answer: None, ..report() };
        for report in [report(), bare] {
            let envelope = sealed(&report);
            let envelope = Envelope::from_bytes(&envelope.to_bytes()).unwrap();
            assert_eq!(envelope.open(DOMAIN, &key(7).0), Ok(report));
            assert_eq!(envelope.open(DOMAIN, &key(8).0), Err(SealError));
            assert_eq!(envelope.open("other.example", &key(7).0), Err(SealError));
        }
        let envelope = sealed(&report());
        let whole = envelope.to_bytes();
        for at in (0..whole.len()).step_by(37) {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            let opened = Envelope::from_bytes(&damaged).map(|one| (one.key, one.open(DOMAIN, &key(7).0)));
            // The name of the key is outside the seal, and leads to it alone.
            let other = opened.is_none_or(|(key, opened)| key != envelope.key || opened == Err(SealError));
            assert!(other, "byte {at}");
        }
    }

    #[test]
    fn its_length_says_whether_there_is_a_photograph_and_no_more() {
        let with = |words: &str, answer: Option<&str>| {
            let answer = answer.map(str::to_owned);
            let one = Report { words: words.to_owned(), answer, photograph: None, place: None, ..report() };
            sealed(&one).to_bytes().len()
        };
        assert_eq!(with("x", None), with(&"long words ".repeat(200), Some("ana@mail.example")));
        let largest = Report {
            words: "x".repeat(MAX_WORDS),
            photograph: Some([&[0xff, 0xd8, 0xff][..], &vec![7; MAX_PHOTOGRAPH - 3]].concat()),
            ..report()
        };
        assert!(sealed(&largest).to_bytes().len() <= MAX_ENVELOPE);
    }

    #[test]
    fn what_is_too_much_or_nothing_is_told_before_it_is_sealed() {
        let refused =
            |report: Report| report.seal(DOMAIN, (Hash([9; 32]), &key(7).1), &mut Counter(0)).unwrap_err();
        let empty = Report { words: " ".to_owned(), photograph: None, ..report() };
        assert_eq!(refused(empty), NotAReport::Empty);
        assert_eq!(refused(Report { words: "x".repeat(MAX_WORDS + 1), ..report() }), NotAReport::TooLong);
        let long = Some("x".repeat(MAX_LINE + 1));
        assert_eq!(refused(Report { answer: long.clone(), ..report() }), NotAReport::TooLong);
        assert_eq!(refused(Report { place: long, ..report() }), NotAReport::TooLong);
        for picture in [b"GIF89a".to_vec(), [&[0xff, 0xd8, 0xff][..], &vec![7; MAX_PHOTOGRAPH]].concat()] {
            assert_eq!(refused(Report { photograph: Some(picture), ..report() }), NotAReport::Photograph);
        }
    }

    #[test]
    fn a_page_reads_back_and_no_part_of_one_does() {
        let kept = |number| Kept { number, received: UnixMillis(number), envelope: sealed(&report()) };
        let all = [kept(1), kept(7)];
        let bytes = page(&all);
        assert_eq!(read_page(&bytes).as_deref(), Some(&all[..]));
        assert_eq!(read_page(&page(&[])), Some(Vec::new()));
        (0..bytes.len()).step_by(101).for_each(|end| assert_eq!(read_page(&bytes[..end]), None));
    }
}
