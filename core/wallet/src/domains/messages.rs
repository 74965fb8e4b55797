//! Messages between trust domains, as people carry them: a signed statement, and the certificates of whoever signed it.
//!
//! ```cddl
//! message = [statement: bstr, [1*4 certificate: bstr]]
//! ```
//!
//! A user need not be enrolled on the shared ledger: their certificate leads to their domain's root, which is pinned, and
//! comes with what they say.

use countersign_domains::{ANSWER, AUTH_RECORD, CHALLENGE, HELLO, PRESENTATION, VOUCH};
use countersign_ledger::cbor::{self, encode};
use countersign_ledger::{Identity, MAX_STATEMENT, Statement, TrustStore, Verified};
use minicbor::Decoder;

use super::error::DomainsError;

/// Most certificates of one message: of its signer, and of who signed what it carries.
const MAX_CERTIFICATES: u64 = 4;
/// Largest message.
const MAX_MESSAGE: usize = MAX_STATEMENT + 4 * 2048 + 64;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// A user wants to be known in another domain (A1), for the authority of their own.
    Hello,
    /// Their domain vouches for them (A2), for the authority of the other.
    Vouch,
    /// The other domain asks whether it is they (A3), for the user.
    Challenge,
    /// It is they (A4), for the authority of the other domain.
    Answer,
    /// The other domain knows them (A5), for the user.
    Record,
    /// What they want under a licence, for the authority of the domain that holds the data.
    Presentation,
}

/// A message that has not been verified yet.
#[derive(Clone, Debug)]
pub struct DomainMessage {
    pub(super) statement: Statement,
    pub(super) certificates: Vec<Vec<u8>>,
}

impl DomainMessage {
    /// Reads a message.
    pub fn parse(bytes: &[u8]) -> Result<Self, DomainsError> {
        Self::read(bytes).ok_or(DomainsError::NoMessage)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > MAX_MESSAGE {
            return None;
        }
        cbor::check_deterministic(bytes).ok()?;
        let mut d = Decoder::new(bytes);
        (d.array().ok()? == Some(2)).then_some(())?;
        let statement = Statement::parse(d.bytes().ok()?).ok()?;
        let count = d.array().ok()?.filter(|count| (1..=MAX_CERTIFICATES).contains(count))?;
        let certificates = (0..count).map(|_| Some(d.bytes().ok()?.to_vec())).collect::<Option<_>>()?;
        (d.position() == bytes.len()).then_some(Self { statement, certificates })
    }

    /// Its bytes: for a file, or for codes.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(|e| {
            e.array(2)?.bytes(self.statement.as_bytes())?.array(self.certificates.len() as u64)?;
            self.certificates.iter().try_for_each(|certificate| e.bytes(certificate)?.ok())
        })
    }

    /// What it is, by its own word: so that a reader knows what to do with it.
    pub fn kind(&self) -> Option<MessageKind> {
        Some(match self.statement.kind().as_str() {
            HELLO => MessageKind::Hello,
            VOUCH => MessageKind::Vouch,
            CHALLENGE => MessageKind::Challenge,
            ANSWER => MessageKind::Answer,
            AUTH_RECORD => MessageKind::Record,
            PRESENTATION => MessageKind::Presentation,
            _ => return None,
        })
    }

    /// Who says it, by its own word.
    pub const fn by(&self) -> &Identity {
        self.statement.issuer()
    }

    /// Verifies it: each certificate leads to a pinned root, and the signatures are theirs.
    pub(super) fn verify(&self, trust: &mut TrustStore) -> Result<Verified, DomainsError> {
        for certificate in &self.certificates {
            trust.enrol(certificate)?;
        }
        trust.verify(self.statement.clone()).map_err(|_| DomainsError::NoMessage)
    }
}
