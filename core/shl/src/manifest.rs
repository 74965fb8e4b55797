//! The manifest: which files a link has, asked for with a name and perhaps a passcode.
//!
//! ```text
//! request  = { "recipient", ? "passcode", ? "embeddedLengthMax" }
//! manifest = { "files": [* { "contentType", "embedded": JWE or "location": URL, ? "lastUpdated", ? "status", ? "fhirVersion" }] }
//! 401      = { "remainingAttempts" }
//! ```

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::content_type::ContentType;
use crate::jwe::MAX_JWE;
use crate::object;

/// Largest manifest: one file of the largest size in it, or many smaller ones.
pub const MAX_MANIFEST: usize = MAX_JWE + 64 * 1024;
/// Most files of a manifest.
pub const MAX_FILES: usize = 64;
/// Longest address of a file in bytes: addresses that a store signs have some hundred.
const MAX_LOCATION: usize = 4096;
/// Longest of the other texts, in characters.
const MAX_TEXT: usize = 64;

/// Why a manifest is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// More than [`MAX_MANIFEST`] bytes.
    #[error("the list of the link's files has more than {} MiB", MAX_MANIFEST / 1024 / 1024)]
    TooLarge,
    /// Not JSON of the form.
    #[error("the link does not lead to a list of files (manifest)")]
    Malformed,
    /// More than [`MAX_FILES`] files.
    #[error("the link has more than {MAX_FILES} files")]
    TooManyFiles,
    /// A file is neither in the manifest nor anywhere else.
    #[error("file {0} of the link has neither contents nor an address")]
    NoSource(usize),
    /// An address that is too long to be one.
    #[error("file {0} of the link has an address of more than {MAX_LOCATION} bytes")]
    Location(usize),
}

/// The files of a link.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Manifest {
    /// The files, as they are listed.
    pub files: Vec<Entry>,
}

/// A file of a link, still encrypted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// What it is said to be. What it says itself, once it is open, is authenticated.
    pub content_type: ContentType,
    /// Where it is.
    pub source: Source,
    /// When it was changed last, as written.
    pub last_updated: Option<String>,
    /// Whether it may change.
    pub status: Option<Status>,
    /// The version of FHIR that it is in; 4.0.1 if none is named.
    pub fhir_version: Option<String>,
}

/// Where a file is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// Here, as a JWE.
    Embedded(String),
    /// At this address, for an hour at the most and perhaps once.
    Location(String),
}

/// Whether a file may change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// It will not.
    Finalized,
    /// It may.
    CanChange,
    /// It no longer holds.
    NoLongerValid,
}

#[derive(Deserialize)]
struct Read {
    #[serde(default)]
    files: Vec<ReadFile>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReadFile {
    content_type: String,
    embedded: Option<String>,
    location: Option<String>,
    last_updated: Option<String>,
    status: Option<String>,
    fhir_version: Option<String>,
}

#[derive(Serialize)]
struct Written<'a> {
    files: Vec<WrittenFile<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WrittenFile<'a> {
    content_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    embedded: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_updated: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fhir_version: Option<&'a str>,
}

impl Status {
    const ALL: [Self; 3] = [Self::Finalized, Self::CanChange, Self::NoLongerValid];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Finalized => "finalized",
            Self::CanChange => "can-change",
            Self::NoLongerValid => "no-longer-valid",
        }
    }
}

impl Manifest {
    /// Reads a manifest.
    pub fn parse(json: &[u8]) -> Result<Self, ManifestError> {
        if json.len() > MAX_MANIFEST {
            return Err(ManifestError::TooLarge);
        }
        let read: Read = object(json).ok_or(ManifestError::Malformed)?;
        if read.files.len() > MAX_FILES {
            return Err(ManifestError::TooManyFiles);
        }
        let files = read.files.into_iter().zip(1..).map(|(file, number)| {
            let source = match (file.embedded, file.location) {
                (Some(jwe), _) => Source::Embedded(jwe),
                (None, Some(url)) if url.len() > MAX_LOCATION => return Err(ManifestError::Location(number)),
                (None, Some(url)) => Source::Location(url),
                (None, None) => return Err(ManifestError::NoSource(number)),
            };
            Ok(Entry {
                content_type: ContentType::parse(&file.content_type),
                source,
                last_updated: file.last_updated.as_deref().map(short),
                status: file
                    .status
                    .and_then(|text| Status::ALL.into_iter().find(|known| known.as_str() == text)),
                fhir_version: file.fhir_version.as_deref().map(short),
            })
        });
        Ok(Self { files: files.collect::<Result<_, _>>()? })
    }

    /// The manifest as it is sent.
    pub fn to_json(&self) -> Vec<u8> {
        let files = self.files.iter().map(|entry| WrittenFile {
            content_type: entry.content_type.as_str(),
            embedded: if let Source::Embedded(jwe) = &entry.source { Some(jwe) } else { None },
            location: if let Source::Location(url) = &entry.source { Some(url) } else { None },
            last_updated: entry.last_updated.as_deref(),
            status: entry.status.map(Status::as_str),
            fhir_version: entry.fhir_version.as_deref(),
        });
        // safe: texts are always JSON.
        serde_json::to_vec(&Written { files: files.collect() }).unwrap_or_default()
    }
}

fn short(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

/// What is asked of a manifest's address.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// Who asks, in words that the patient may be shown.
    pub recipient: String,
    /// What the patient told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passcode: Option<Zeroizing<String>>,
    /// Longest JWE that may be in the manifest itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embedded_length_max: Option<usize>,
}

impl Request {
    /// Reads the body of a `POST`.
    pub fn parse(json: &[u8]) -> Option<Self> {
        object(json)
    }

    /// The body of the `POST`.
    pub fn to_json(&self) -> Zeroizing<Vec<u8>> {
        // safe: texts and a number are always JSON.
        Zeroizing::new(serde_json::to_vec(self).unwrap_or_default())
    }
}

/// The answer to a wrong passcode (status 401).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wrong {
    /// How often one may still try before the link ends for good.
    pub remaining_attempts: u32,
}

impl Wrong {
    /// The body.
    pub fn to_json(self) -> Vec<u8> {
        // safe: a number is always JSON.
        serde_json::to_vec(&self).unwrap_or_default()
    }

    /// Reads the body; nothing if it does not say.
    pub fn parse(json: &[u8]) -> Option<Self> {
        object(json)
    }
}
