//! SMART Health Links: what somebody who does not have this app shares.

use countersign_ledger::TrustStore;
use countersign_records::{Cut, Provenance, View, provenance};
use countersign_shl::{ContentType, Link, LinkError, Status};
use countersign_wallet::{FetchError, Fetched, Hosts, Links};

use crate::clock::now;
use crate::document::MedicalDocument;
use crate::error::CountersignError as Error;
use crate::wallet::Wallet;

/// A file behind a SMART Health Link.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct LinkedFile {
    /// Its media type.
    pub content_type: String,
    /// What it says, if it is a FHIR document.
    pub document: Option<MedicalDocument>,
    /// What is known of who wrote it: show it before the document.
    pub signature: LinkSignature,
    /// Whether its sender says that it no longer holds.
    pub no_longer_valid: bool,
    /// Why it could not be fetched or read, if it could not: the key of a text.
    pub failure: Option<String>,
}

/// What is known of who wrote a document that came by a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum LinkSignature {
    /// The author signed what is shown. Whether there is a newer version, no link says.
    Verified,
    /// The link says something else than what was signed: shown is what was signed.
    Differs,
    /// There is a signature, and it could not be checked: nobody vouches for what is shown.
    Unverified,
    /// There is none: nobody vouches for what is shown.
    Missing,
}

#[uniffi::export]
impl Wallet {
    /// Fetches what a SMART Health Link leads to, and reads it. `recipient` is who asks, as the patient may be shown it. A link that
    /// wants a passcode is `Invalid` with the reason `passcode`, and may be tried again with one: a wrong one costs an attempt.
    pub fn read_health_link(
        &self,
        link: &str,
        recipient: &str,
        passcode: Option<String>,
    ) -> Result<Vec<LinkedFile>, Error> {
        let link = Link::parse(link).map_err(|_: LinkError| Error::invalid("health-link"))?;
        let files = Links::new(Hosts::Web)?.fetch(&link, recipient, passcode.map(Into::into), now())?;
        let trust = self.act(|snapshot| Ok(snapshot.trust()?))?;
        Ok(files.into_iter().map(|file| LinkedFile::of(file, &trust)).collect())
    }
}

impl LinkedFile {
    fn of(fetched: Fetched, trust: &TrustStore) -> Self {
        let kind = fetched.content_type.unwrap_or(ContentType::Fhir);
        let mut file = Self {
            content_type: kind.as_str().to_owned(),
            document: None,
            signature: LinkSignature::Missing,
            no_longer_valid: fetched.status == Some(Status::NoLongerValid),
            failure: None,
        };
        match fetched.contents {
            Err(error) => file.failure = Some(error.reason().to_owned()),
            Ok(contents) if kind == ContentType::Fhir => file.read(&contents, trust),
            Ok(_) => {}
        }
        file
    }

    fn read(&mut self, document: &[u8], trust: &TrustStore) {
        let (signature, opened) = match provenance(document, trust) {
            Provenance::Verified(opened) => (LinkSignature::Verified, Some(opened)),
            Provenance::Differs(opened) => (LinkSignature::Differs, Some(opened)),
            Provenance::Refused(_) => (LinkSignature::Unverified, None),
            Provenance::Missing(_) => (LinkSignature::Missing, None),
        };
        self.signature = signature;
        match (opened, Cut::new(document)) {
            (Some(opened), _) => self.document = Some(MedicalDocument::own(&opened)),
            (None, Ok(cut)) => self.document = Some(MedicalDocument::unsigned(View::of(&cut.parts()))),
            (None, Err(_)) => self.failure = Some("document-malformed".to_owned()),
        }
    }
}

impl From<FetchError> for Error {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Unreachable(_) | FetchError::Broken(_) | FetchError::Timeout | FetchError::Tls(_) => {
                Self::Retry { after_millis: None }
            }
            FetchError::PasscodeNeeded | FetchError::WrongPasscode { .. } | FetchError::Address => {
                Self::invalid(error.reason())
            }
            _ => Self::Refused { reason: error.reason().to_owned() },
        }
    }
}
