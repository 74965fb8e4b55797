//! A signed document, and extractions of it: the author signs a commitment to each part, the patient shows some of them.
//!
//! In scope: salted commitments in one ordinary statement, and the author's [`Rule`] on what may be shown alone. The
//! construction is that of SD-CWT (draft-ietf-spice-sd-cwt), under our own headers: the draft's labels are not assigned. No
//! digest covers the whole, which would let a reader of some parts test guesses of the others.
//!
//! ```cddl
//! ; record.document, about urn:countersign:record:<id>
//! body = { "version" => uint, "parts" => bstr, "rule" => bstr, "holder" => bstr .size 65 }
//! ; parts: 3 to 64 digests of 32 bytes, sorted; rule: 1 to 8 times (must, may), 8 bytes each; holder: the owner's key
//! extraction = [document: bstr .cbor statement, certificate: bstr, disclosures: [* bstr .cbor disclosure]]   ; by number
//! disclosure = [salt: bstr .size 16, number: uint, part: bstr .cbor part]
//! ```
//!
//! The digest of a disclosure is framed with `countersign/record-part/v1`.

use std::collections::{BTreeMap, BTreeSet};

use countersign_ledger::cbor::{self, encode};
use countersign_ledger::{
    Certificate, CertificateError, Draft, Fields, FormatError, Hash, Kind, PublicKey, Refusal, Statement,
    TrustStore, Verified,
};
use minicbor::Decoder;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::cut::{Cut, FIRST_SECTION, MAX_PARTS, REMAINDER};
use crate::part::{Image, MAX_PART, Part, PartError, Role, join};
use crate::record::RecordId;
use crate::rule::{NotARule, Parts, Rule};

/// The kind of a signed document.
pub const DOCUMENT: &str = "record.document";
/// Largest certificate of an author.
const MAX_CERTIFICATE: usize = 4096;

const VERSION: &str = "version";
const PARTS: &str = "parts";
const RULE: &str = "rule";
const HOLDER: &str = "holder";

/// Why an extraction is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not of the format.
    #[error("this is no extraction of a record")]
    Malformed,
    /// The statement in it is not of the format.
    #[error(transparent)]
    Statement(#[from] FormatError),
    /// The author's certificate is not of a trusted domain.
    #[error("the author is not known here: {0}")]
    Author(#[from] CertificateError),
    /// The author's signature does not hold.
    #[error("the author's signature does not hold: {0}")]
    Signature(#[from] Refusal),
    /// A statement of another kind.
    #[error("what was signed is no document of a record")]
    NotADocument,
    /// The document is of another record, and so perhaps of another patient.
    #[error("the document is of another record")]
    OtherRecord,
    /// A newer version has been published.
    #[error("this is version {shown} of the document; the record has version {current}")]
    Older {
        /// The version shown.
        shown: u64,
        /// The version in the record's index.
        current: u64,
    },
    /// The version is newer than the index that it is compared with.
    #[error("this is version {shown} of the document, newer than the {current} known here: sync")]
    Newer {
        /// The version shown.
        shown: u64,
        /// The version in the record's index.
        current: u64,
    },
    /// Another document of the same version than the one that the record's index names.
    #[error("this is not the document that the record's index names")]
    OtherDocument,
    /// A part that is not one of those signed: altered, or of another document or version.
    #[error("part {0} is not as the author signed it")]
    NotSigned(u8),
    /// A part is there twice.
    #[error("part {0} is there twice")]
    Twice(u8),
    /// A part lies in the place of another.
    #[error("part {found} lies in the place of part {expected}")]
    Misplaced {
        /// The number that was asked for.
        expected: u8,
        /// The number that is signed.
        found: u8,
    },
    /// The author's rule is not of the format: nothing is permitted.
    #[error(transparent)]
    Rule(#[from] NotARule),
    /// The author does not permit to show these parts without others.
    #[error("the author does not permit to show these parts without others")]
    NotPermitted,
    /// A part does not read, or all parts together are not one document.
    #[error(transparent)]
    Part(#[from] PartError),
    /// Two parts have different bytes for one resource.
    #[error("two parts have different bytes for the same resource")]
    Copies,
}

/// A part, with the salt that hides it in its commitment.
#[derive(Clone, PartialEq)]
pub struct Disclosure {
    salt: [u8; 16],
    part: Part,
}

impl Disclosure {
    /// The part.
    pub const fn part(&self) -> &Part {
        &self.part
    }

    /// The disclosure as bytes.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(encode(|e| {
            e.array(3)?.bytes(&self.salt)?.u8(self.part.number())?.bytes(self.part.as_bytes())?.ok()
        }))
    }

    /// Reads what [`Disclosure::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Refused> {
        if bytes.len() > MAX_PART + 64 || cbor::check_deterministic(bytes).is_err() {
            return Err(Refused::Malformed);
        }
        let read = || {
            let mut d = Decoder::new(bytes);
            let three = d.array().ok()? == Some(3);
            let salt = d.bytes().ok()?.try_into().ok()?;
            let (number, part) = (d.u8().ok()?, d.bytes().ok()?);
            three.then(|| (salt, number, Zeroizing::new(part.to_vec())))
        };
        let (salt, number, part) = read().ok_or(Refused::Malformed)?;
        Ok(Self { salt, part: Part::from_bytes(number, part)? })
    }

    /// What the author signs.
    fn digest(&self) -> Hash {
        Hash::framed("countersign/record-part/v1", &[&self.to_bytes()])
    }
}

/// A document ready to be signed: cut, numbered at random and salted.
pub struct Unsigned {
    disclosures: Vec<Disclosure>,
}

impl Unsigned {
    /// Numbers the sections of a cut document at random and salts each part. `images` are large images that the document
    /// refers to and does not contain.
    pub fn new(cut: &mut Cut<'_>, images: &[Image], random: &mut impl CryptoRng) -> Self {
        cut.shuffle(random);
        let mut salted = |part: Part| {
            let mut salt = [0; 16];
            random.fill_bytes(&mut salt);
            let part = if images.is_empty() { part } else { part.with_images(images) };
            Disclosure { salt, part }
        };
        Self { disclosures: cut.parts().into_iter().map(&mut salted).collect() }
    }

    /// How many parts there are.
    pub fn count(&self) -> usize {
        self.disclosures.len()
    }

    /// The parts, by number.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.disclosures.iter().map(Disclosure::part)
    }

    /// The statement to be signed, as this version of the record whose owner has this key.
    pub fn draft(
        &self,
        record: &RecordId,
        version: u64,
        rule: &Rule,
        holder: &PublicKey,
    ) -> Result<Draft, Refused> {
        let mut digests: Vec<_> = self.disclosures.iter().map(Disclosure::digest).collect();
        digests.sort_unstable();
        let mut fields = Fields::new().with(VERSION, version);
        let bytes = |bytes: Vec<u8>| countersign_ledger::Value::Bytes(bytes);
        fields.insert(PARTS, bytes(digests.iter().flat_map(|digest| digest.0).collect()));
        // The rule must be one for as many parts as there are.
        fields.insert(RULE, bytes(Rule::from_bytes(&rule.to_bytes(), self.count())?.to_bytes()));
        fields.insert(HOLDER, bytes(holder.as_sec1().to_vec()));
        Ok(Draft {
            kind: Kind::new(DOCUMENT).map_err(|_| Refused::Malformed)?,
            subject: record.subject(),
            fields,
            prev: None,
            links: vec![],
            sealed: None,
        })
    }

    /// The whole document with the statement that signs it.
    pub fn signed(self, document: Statement, certificate: &Certificate) -> Extraction {
        Extraction { document, certificate: certificate.as_der().to_vec(), disclosures: self.disclosures }
    }
}

/// A signed document with some of its parts. Nothing in it is trusted until it is verified.
#[derive(Clone)]
pub struct Extraction {
    document: Statement,
    certificate: Vec<u8>,
    disclosures: Vec<Disclosure>,
}

impl Extraction {
    /// An extraction of parts that came one by one.
    pub fn new(document: Statement, certificate: Vec<u8>, disclosures: Vec<Disclosure>) -> Self {
        Self { document, certificate, disclosures }
    }

    /// Reads an extraction, refusing every form but the one we write.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Refused> {
        if cbor::check_deterministic(bytes).is_err() {
            return Err(Refused::Malformed);
        }
        let read = || {
            let mut d = Decoder::new(bytes);
            let three = d.array().ok()? == Some(3);
            let (document, certificate) = (d.bytes().ok()?, d.bytes().ok()?);
            let count = d.array().ok()??;
            if !three || certificate.len() > MAX_CERTIFICATE || count > MAX_PARTS as u64 {
                return None;
            }
            let disclosures = (0..count).map(|_| d.bytes().ok()).collect::<Option<Vec<_>>>()?;
            Some((document, certificate, disclosures))
        };
        let (document, certificate, disclosures) = read().ok_or(Refused::Malformed)?;
        Ok(Self {
            document: Statement::parse(document)?,
            certificate: certificate.to_vec(),
            disclosures: disclosures.into_iter().map(Disclosure::from_bytes).collect::<Result<_, _>>()?,
        })
    }

    /// The extraction as bytes, for a phone's copy, a hand-over, or beside a SMART Health Link.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(encode(|e| {
            e.array(3)?.bytes(self.document.as_bytes())?.bytes(&self.certificate)?;
            e.array(self.disclosures.len() as u64)?;
            self.disclosures.iter().try_for_each(|one| e.bytes(&one.to_bytes())?.ok())
        }))
    }

    /// The statement that signs the document.
    pub const fn document(&self) -> &Statement {
        &self.document
    }

    /// The author's certificate, in DER.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// Its parts.
    pub fn disclosures(&self) -> &[Disclosure] {
        &self.disclosures
    }

    /// An extraction with those of its parts that are in `parts`. Whether the author permits it, the reader checks.
    #[must_use]
    pub fn extract(&self, parts: Parts) -> Self {
        let kept = self.disclosures.iter().filter(|one| parts.has(one.part.number()));
        Self { disclosures: kept.cloned().collect(), ..self.clone() }
    }

    /// Verifies that this is a document of `record` by a member whom `trust` knows the domain of, that each part is as it was
    /// signed, and that the author permits to show these parts. `index` is what the record's index says is current.
    ///
    /// Whether the author had been revoked, the place of the first index with this document decides
    /// ([`TrustStore::is_revoked`]).
    pub fn verify(
        self,
        trust: &TrustStore,
        record: &RecordId,
        index: Option<Current>,
    ) -> Result<Opened, Refused> {
        let commitment = Commitment::verify(self.document, &self.certificate, trust, record, index)?;
        let mut disclosures = self.disclosures;
        disclosures.sort_by_key(|one| one.part.number());
        commitment.open(disclosures)
    }
}

/// What a record's index says is the current document.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Current {
    /// Its version.
    pub version: u64,
    /// The id of the statement that signs it.
    pub document: Hash,
}

/// A document whose signature was verified, before its parts are there.
#[derive(Clone, Debug)]
pub struct Commitment {
    statement: Verified,
    version: u64,
    digests: BTreeSet<Hash>,
    rule: Rule,
}

impl Commitment {
    /// Verifies the statement; see [`Extraction::verify`].
    pub fn verify(
        document: Statement,
        certificate: &[u8],
        trust: &TrustStore,
        record: &RecordId,
        index: Option<Current>,
    ) -> Result<Self, Refused> {
        let mut trust = trust.clone();
        trust.enrol(certificate)?;
        let statement = trust.verify(document)?;
        if statement.statement().kind().as_str() != DOCUMENT {
            return Err(Refused::NotADocument);
        }
        if *statement.statement().subject() != record.subject() {
            return Err(Refused::OtherRecord);
        }
        let commitment = Self::read(statement)?;
        match index {
            Some(Current { version: current, .. }) if commitment.version < current => {
                Err(Refused::Older { shown: commitment.version, current })
            }
            Some(Current { version: current, .. }) if commitment.version > current => {
                Err(Refused::Newer { shown: commitment.version, current })
            }
            Some(Current { document, .. }) if document != commitment.statement.statement().id() => {
                Err(Refused::OtherDocument)
            }
            _ => Ok(commitment),
        }
    }

    fn read(statement: Verified) -> Result<Self, Refused> {
        let fields = statement.fields();
        let version = fields.uint(VERSION).ok_or(Refused::NotADocument)?;
        let (digests, rest) = fields.bytes(PARTS).ok_or(Refused::NotADocument)?.as_chunks::<{ Hash::LEN }>();
        let counted = (usize::from(FIRST_SECTION)..=MAX_PARTS).contains(&digests.len());
        let sorted = digests.is_sorted_by(|one, next| one < next);
        let holder = fields.bytes(HOLDER).and_then(|key| PublicKey::from_sec1(key).ok());
        if !counted || !sorted || !rest.is_empty() || holder.is_none() {
            return Err(Refused::NotADocument);
        }
        let rule = Rule::from_bytes(fields.bytes(RULE).ok_or(NotARule)?, digests.len())?;
        let digests = digests.iter().map(|digest| Hash(*digest)).collect();
        Ok(Self { statement, version, digests, rule })
    }

    /// The statement.
    pub const fn statement(&self) -> &Verified {
        &self.statement
    }

    /// The version of the document.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// What the author permits to show.
    pub const fn rule(&self) -> &Rule {
        &self.rule
    }

    /// How many parts the document has.
    pub fn count(&self) -> usize {
        self.digests.len()
    }

    /// Opens the document with these parts, sorted by their numbers.
    pub fn open(self, disclosures: Vec<Disclosure>) -> Result<Opened, Refused> {
        let mut shown = Parts::default();
        for one in &disclosures {
            let number = one.part.number();
            if shown.has(number) {
                return Err(Refused::Twice(number));
            }
            if usize::from(number) >= self.count() || !self.digests.contains(&one.digest()) {
                return Err(Refused::NotSigned(number));
            }
            shown = Parts(shown.0 | Parts::of([number]).0);
        }
        if !self.rule.permits(shown) {
            return Err(Refused::NotPermitted);
        }
        let (salts, parts): (Vec<_>, Vec<_>) =
            disclosures.into_iter().map(|one| (one.salt, one.part)).unzip();
        let whole = if parts.len() == self.count() {
            Some(Zeroizing::new(join(&parts)?))
        } else {
            copies_agree(&parts)?;
            None
        };
        Ok(Opened { commitment: self, salts, parts, whole })
    }
}

/// Resources that several parts have are the same in each of them. Where a document has two of one name, each part that has
/// one has both.
fn copies_agree(parts: &[Part]) -> Result<(), Refused> {
    let mut known: BTreeMap<String, (u8, BTreeSet<&[u8]>)> = BTreeMap::new();
    for part in parts.iter().filter(|part| part.number() != REMAINDER) {
        let mut own: BTreeMap<String, BTreeSet<&[u8]>> = BTreeMap::new();
        for (role, bytes) in part.fragments() {
            if let Some(name) = crate::view::name_of(role, bytes).filter(|_| role != Role::Section) {
                own.entry(name).or_default().insert(bytes);
            }
        }
        for (name, bytes) in own {
            let (_, first) = known.entry(name).or_insert_with(|| (part.number(), bytes.clone()));
            if *first != bytes {
                return Err(Refused::Copies);
            }
        }
    }
    Ok(())
}

/// Some parts of a signed document, verified. Made only by [`Commitment::open`].
pub struct Opened {
    commitment: Commitment,
    salts: Vec<[u8; 16]>,
    parts: Vec<Part>,
    whole: Option<Zeroizing<Vec<u8>>>,
}

impl Opened {
    /// The verified statement.
    pub const fn commitment(&self) -> &Commitment {
        &self.commitment
    }

    /// Who signed the document.
    pub fn author(&self) -> &Certificate {
        self.commitment.statement.signer()
    }

    /// The parts that are shown, by number.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The parts with what proves them, to be kept, or shown to somebody else.
    pub fn to_extraction(&self) -> Extraction {
        let disclosures = self.salts.iter().zip(&self.parts);
        Extraction {
            document: self.commitment.statement.statement().clone(),
            certificate: self.author().as_der().to_vec(),
            disclosures: disclosures
                .map(|(salt, part)| Disclosure { salt: *salt, part: part.clone() })
                .collect(),
        }
    }

    /// The very bytes of the document, if all parts are there.
    pub fn whole(&self) -> Option<&[u8]> {
        self.whole.as_deref().map(Vec::as_slice)
    }

    /// How many sections were not shown. The author's signature covers their number and nothing else about them.
    pub fn withheld(&self) -> usize {
        let shown = self.parts.iter().filter(|part| part.number() >= FIRST_SECTION).count();
        self.commitment.count() - usize::from(FIRST_SECTION) - shown
    }
}
