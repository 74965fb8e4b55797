//! An extraction as a FHIR document that any viewer reads, with the proof in it.
//!
//! In scope: a Bundle of type document of what is shown, for a reader who has no app of ours: the author's own bytes if all is shown,
//! else each value as the author wrote it and a section that says how many were not shown; and a last entry, a Provenance (HL7
//! FHIR R4) whose signature has the extraction itself. Out of scope: trusting that document. Who can verify shows the extraction.
//!
//! The same extraction gives the same bytes, so whoever has it can tell whether the document around it says the same.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_ledger::TrustStore;
use zeroize::Zeroizing;

use crate::document::{Extraction, Opened, Refused};
use crate::json::{Json, Kind, Value};
use crate::part::{Part, Role};
use crate::record::RecordId;

/// The media type of an extraction.
pub const EXTRACTION: &str = "application/vnd.countersign.extraction+cbor";

/// Why there is no proof in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoProof {
    /// The document has no proof of ours.
    #[error("the author's signature is missing: nobody vouches for what this says")]
    Missing,
    /// What should be the proof does not read.
    #[error("the author's signature is damaged: nobody vouches for what this says")]
    Damaged,
    /// It reads, and is no extraction.
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// What is known of who wrote a document that came from somewhere.
pub enum Provenance {
    /// The author signed what it says.
    Verified(Box<Opened>),
    /// The document around the proof says something else than what was signed: shown is what was signed.
    Differs(Box<Opened>),
    /// There is a proof, and it is refused.
    Refused(Refused),
    /// There is none, or it does not read.
    Missing(NoProof),
}

/// Judges a document by the proof that it has with it. Whether there is a newer one, it cannot say.
pub fn provenance(document: &[u8], trust: &TrustStore) -> Provenance {
    let extraction = match proof(document) {
        Ok(extraction) => extraction,
        Err(reason) => return Provenance::Missing(reason),
    };
    let bytes = extraction.to_bytes();
    let Some(record) = RecordId::of(extraction.document().subject()) else {
        return Provenance::Refused(Refused::NotADocument);
    };
    match extraction.verify(trust, &record, None) {
        Ok(opened) if excerpt(&opened, &bytes).as_slice() == document => {
            Provenance::Verified(Box::new(opened))
        }
        Ok(opened) => Provenance::Differs(Box::new(opened)),
        Err(refused) => Provenance::Refused(refused),
    }
}

/// The document. `extraction` is what was opened, as bytes.
pub fn excerpt(opened: &Opened, extraction: &[u8]) -> Zeroizing<Vec<u8>> {
    let parts = opened.parts();
    // A buffer that grows would leave copies behind that nobody erases.
    let room = parts.iter().map(|part| part.as_bytes().len()).sum::<usize>() + 2 * extraction.len() + 4096;
    let mut writer = Writer { json: Zeroizing::new(Vec::with_capacity(room)), comma: false };
    if let Some((before, after)) = opened.whole().and_then(around_end) {
        writer.raw(before);
        writer.object(|w| w.provenance(opened, extraction));
        writer.json.extend_from_slice(after);
        return writer.json;
    }
    writer.object(|w| {
        w.members(parts, Role::Bundle);
        w.name("entry");
        w.list(|w| {
            w.object(|w| {
                w.members(parts, Role::CompositionEntry);
                w.name("resource");
                w.object(|w| w.composition(parts, opened.withheld()));
            });
            if !subject_is_contained(parts) {
                w.object(|w| {
                    w.members(parts, Role::PatientEntry);
                    w.name("resource");
                    w.object(|w| w.members(parts, Role::Patient));
                });
            }
            w.values(parts, Role::Entry);
            w.object(|w| w.provenance(opened, extraction));
        });
    });
    writer.json
}

/// The extraction that a document has with it. Nothing in it is trusted until it is verified; whether the document says the
/// same, [`excerpt`] tells.
pub fn proof(document: &[u8]) -> Result<Extraction, NoProof> {
    let json = Json::parse(document).map_err(|_| NoProof::Missing)?;
    let signatures = json.root().at(&["entry", "resource", "signature"]);
    let ours =
        |signature: &Value<'_>| signature.text_of("sigFormat").is_some_and(|format| format == EXTRACTION);
    // The author's document may have one of its own.
    let signature = signatures.into_iter().rev().find(ours).ok_or(NoProof::Missing)?;
    let data = Zeroizing::new(signature.text_of("data").ok_or(NoProof::Damaged)?);
    let bytes = Zeroizing::new(STANDARD.decode(data.as_bytes()).map_err(|_| NoProof::Damaged)?);
    Ok(Extraction::from_bytes(&bytes)?)
}

/// A document before and from the end of its list of entries.
fn around_end(document: &[u8]) -> Option<(&[u8], &[u8])> {
    let json = Json::parse(document).ok()?;
    let entries = json.root().get("entry").filter(|entries| entries.kind() == Kind::List)?;
    Some(document.split_at(entries.range().end - 1))
}

/// Whether the composition has the patient within it, and no entry does.
fn subject_is_contained(parts: &[Part]) -> bool {
    let members = parts.iter().flat_map(Part::values).filter(|(role, _)| *role == Role::Composition);
    let read: Vec<_> = members.filter_map(|(_, member)| Json::parse(member).ok()).collect();
    let subject = read.iter().find_map(|json| json.root().get("subject")?.text_of("reference"));
    subject.is_some_and(|reference| reference.starts_with('#'))
}

/// Writes JSON: values as they were cut, and what stands between them.
struct Writer {
    json: Zeroizing<Vec<u8>>,
    /// Whether a comma is due before the next member or value.
    comma: bool,
}

impl Writer {
    fn raw(&mut self, bytes: &[u8]) {
        if std::mem::replace(&mut self.comma, true) {
            self.json.push(b',');
        }
        self.json.extend_from_slice(bytes);
    }

    fn name(&mut self, name: &str) {
        self.raw(format!("\"{name}\":").as_bytes());
        self.comma = false;
    }

    fn within(&mut self, ends: [u8; 2], contents: impl FnOnce(&mut Self)) {
        self.raw(&ends[..1]);
        self.comma = false;
        contents(self);
        self.json.push(ends[1]);
        self.comma = true;
    }

    fn object(&mut self, contents: impl FnOnce(&mut Self)) {
        self.within(*b"{}", contents);
    }

    fn list(&mut self, contents: impl FnOnce(&mut Self)) {
        self.within(*b"[]", contents);
    }

    fn members(&mut self, parts: &[Part], role: Role) {
        fragments(parts, role).for_each(|member| self.raw(member));
    }

    /// Values, each once: a resource that several sections need is in the part of each.
    fn values(&mut self, parts: &[Part], role: Role) {
        let mut written = BTreeSet::new();
        fragments(parts, role).filter(|value| written.insert(*value)).for_each(|value| self.raw(value));
    }

    fn composition(&mut self, parts: &[Part], withheld: usize) {
        self.members(parts, Role::Composition);
        let patient = subject_is_contained(parts);
        if patient || fragments(parts, Role::Contained).next().is_some() {
            self.name("contained");
            self.list(|w| {
                if patient {
                    w.object(|w| w.members(parts, Role::Patient));
                }
                w.values(parts, Role::Contained);
            });
        }
        if withheld > 0 || fragments(parts, Role::Section).next().is_some() {
            self.name("section");
            self.list(|w| {
                fragments(parts, Role::Section).for_each(|section| w.raw(section));
                if withheld > 0 {
                    w.raw(not_shown(withheld).as_bytes());
                }
            });
        }
    }

    fn provenance(&mut self, opened: &Opened, extraction: &[u8]) {
        let statement = opened.commitment().statement().statement();
        let (when, who) = (statement.issued_at(), statement.issuer());
        // An id of the statement's, so that the same extraction gives the same document (RFC 9562, version 8).
        let id = statement.id();
        let mut id: [u8; 16] = std::array::from_fn(|at| id.0[at]);
        (id[6], id[8]) = (id[6] & 0x0f | 0x80, id[8] & 0x3f | 0x80);
        let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        let uuid = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-");
        self.raw(format!("\"fullUrl\":\"urn:uuid:{uuid}\"").as_bytes());
        self.name("resource");
        let who = format!("{{\"identifier\":{{\"system\":\"urn:ietf:rfc:3986\",\"value\":\"{who}\"}}}}");
        self.object(|w| {
            w.raw(br#""resourceType":"Provenance""#);
            w.raw(format!("\"target\":[{{\"reference\":{}}}]", composition(opened.parts())).as_bytes());
            w.raw(format!("\"recorded\":\"{when}\"").as_bytes());
            w.raw(format!("\"agent\":[{{\"who\":{who}}}]").as_bytes());
            w.name("signature");
            w.list(|w| {
                w.object(|w| {
                    w.raw(AUTHORS_SIGNATURE.as_bytes());
                    w.raw(
                        format!("\"when\":\"{when}\",\"who\":{who},\"sigFormat\":\"{EXTRACTION}\"")
                            .as_bytes(),
                    );
                    w.raw(b"\"data\":\"");
                    w.json.extend_from_slice(Zeroizing::new(STANDARD.encode(extraction)).as_bytes());
                    w.json.push(b'"');
                });
            });
        });
    }
}

/// The type of a signature (ASTM E1762, as FHIR R4 lists them).
const AUTHORS_SIGNATURE: &str = r#""type":[{"system":"urn:iso-astm:E1762-95:2013","code":"1.2.840.10065.1.12.1.1","display":"Author's Signature"}]"#;

fn fragments(parts: &[Part], role: Role) -> impl Iterator<Item = &[u8]> {
    parts.iter().flat_map(Part::fragments).filter(move |(own, _)| *own == role).map(|(_, bytes)| bytes)
}

/// A section for those that are not shown: a reader must not take them for absent.
fn not_shown(withheld: usize) -> String {
    let words = match withheld {
        1 => "1 section of this document is not shown to you".to_owned(),
        many => format!("{many} sections of this document are not shown to you"),
    };
    format!(
        r#"{{"title":"Not shown","text":{{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">{words}</div>"}},"emptyReason":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/list-empty-reason","code":"withheld","display":"Information Withheld"}}]}}}}"#
    )
}

/// What refers to the composition, as a JSON text: its entry's address, or its type and id.
fn composition(parts: &[Part]) -> String {
    let member = |role: Role, name: &str| {
        let mut values = parts.iter().flat_map(Part::values).filter(|(own, _)| *own == role);
        values.find_map(|(_, value)| {
            let raw = Json::parse(value).ok()?.root().get(name)?.raw().to_vec();
            String::from_utf8(raw).ok().filter(|raw| raw.starts_with('"'))
        })
    };
    let by_id = || member(Role::Composition, "id").map(|id| format!("\"Composition/{}", &id[1..]));
    member(Role::CompositionEntry, "fullUrl").or_else(by_id).unwrap_or_else(|| "\"Composition\"".to_owned())
}
