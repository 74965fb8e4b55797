//! Medical records of others: ask, open, keep until the grant ends.

use std::sync::Arc;

use countersign_ledger::{Base64, Identity};
use countersign_wallet::{
    self as wallet, AskFor, AskState, AskedRecord, AttributeAuthority, Https, Offered, RecordError,
};

use crate::clock::now;
use crate::document::{MedicalDocument, write_whole};
use crate::error::CountersignError as Error;
use crate::records::{AccessState, LineMode, hash, id, log, subject};
use crate::wallet::Wallet;

/// A clinician who is let see medical records, with one of the wallet's certified keys.
///
/// What was opened is kept sealed on this phone until its grant ends, and can be read without a network. Call `tidy` at every start
/// and after every sync: it erases what may be kept no longer.
#[derive(uniffi::Object)]
pub struct Clinician {
    wallet: Arc<Wallet>,
    key: String,
    authority: Identity,
    https: Https,
}

/// A line of a record that may be asked for.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct RecordOffer {
    /// By which it is asked for, in hexadecimal.
    pub label: String,
    /// Whether it is of the private log, and not of the shared one.
    pub is_private: bool,
    /// Who may open it.
    pub policy: String,
    /// How it is opened.
    pub mode: LineMode,
    /// For how long, at most.
    pub minutes: u32,
    /// Whether this clinician's attributes fit it, as far as this phone knows.
    pub fits: bool,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct RecordQuestion {
    /// The record.
    pub record: String,
    /// The line; none asks the patient for a line of one's own.
    pub label: Option<String>,
    /// Whether on the private log, and not on the shared one.
    pub is_private: bool,
    /// For how long.
    pub minutes: u32,
    /// What for: a code of HL7's `PurposeOfUse`, such as `TREAT`.
    pub purpose: String,
    /// Why, in words. An emergency needs it.
    pub reason: Option<String>,
    /// The clinician's name, as the patient knows it.
    pub name: String,
}

/// A request of this clinician's.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct RecordRequest {
    /// By which it is named.
    pub thread: String,
    /// The record.
    pub record: String,
    /// Until when.
    pub until_millis: u64,
    /// What came of it, as of the last sync; absent while the ledger has not been seen to have it.
    pub state: Option<AccessState>,
    /// Whether what was opened is kept on this phone.
    pub kept: bool,
}

#[uniffi::export]
impl Clinician {
    /// A clinician with the member's key `key`. `authority` issues keys for the clinician's attributes: its SPIFFE ID, and its
    /// address, such as `https://authority.example:8445`. `roots` are the TLS roots (DER) that it is known by, if those are others
    /// than the node's.
    #[uniffi::constructor]
    pub fn new(
        wallet: Arc<Wallet>,
        key: String,
        authority: &str,
        address: &str,
        roots: Vec<Vec<u8>>,
    ) -> Result<Self, Error> {
        let authority = Identity::parse(authority).map_err(|_| Error::invalid("member"))?;
        let mut genesis = wallet.genesis().clone();
        if !roots.is_empty() {
            genesis.tls = roots.into_iter().map(Base64).collect();
        }
        let https = Https::new(address, &genesis)?;
        Ok(Self { wallet, key, authority, https })
    }

    /// Takes a record's link, as scanned. What may be asked for is known after a sync. Returns the record's number.
    pub fn add(&self, link: &str) -> Result<String, Error> {
        let record = self.act(|clinician| clinician.add(link))?;
        self.wallet.replan();
        Ok(record.to_string())
    }

    /// The records whose links are here.
    pub fn records(&self) -> Result<Vec<String>, Error> {
        Ok(self.act(|clinician| clinician.records())?.iter().map(ToString::to_string).collect())
    }

    /// Forgets a record, with all that is kept of it.
    pub fn remove(&self, record: &str) -> Result<(), Error> {
        let record = id(record)?;
        self.act(|clinician| clinician.remove(&record))?;
        self.wallet.replan();
        Ok(())
    }

    /// What may be asked for of a record.
    pub fn offers(&self, record: &str) -> Result<Vec<RecordOffer>, Error> {
        let record = id(record)?;
        Ok(self.act(|clinician| clinician.offers(&record))?.into_iter().map(RecordOffer::from).collect())
    }

    /// Whether the key for this quarter's records is here; if not, fetch it.
    pub fn has_key(&self) -> Result<bool, Error> {
        self.act(|clinician| clinician.has_key(now()))
    }

    /// Fetches the key for the attributes that the authority has registered of this clinician.
    pub fn fetch_key(&self) -> Result<(), Error> {
        let authority = self.authority();
        self.act(|clinician| clinician.fetch_key(&authority, now()))
    }

    /// Asks. Returns the request's thread; what came of it, `asked` says, after a sync, and `open`.
    pub fn ask(&self, question: RecordQuestion) -> Result<String, Error> {
        let wanted = AskFor {
            record: id(&question.record)?,
            log: log(question.is_private),
            label: question.label.as_deref().map(hash).transpose()?,
            minutes: question.minutes,
            purpose: question.purpose,
            reason: question.reason,
            name: question.name,
        };
        let (client, authority) = (self.wallet.client(), self.authority());
        Ok(self.act(|clinician| clinician.ask(&client, &authority, &wanted, now()))?.to_string())
    }

    /// Goes on with a request that was cut off.
    pub fn resume(&self, thread: &str) -> Result<(), Error> {
        let (thread, client, authority) = (subject(thread)?, self.wallet.client(), self.authority());
        self.act(|clinician| clinician.send(&client, &authority, &thread, now()))
    }

    /// What was asked for.
    pub fn asked(&self) -> Result<Vec<RecordRequest>, Error> {
        Ok(self.act(|clinician| clinician.asked(now()))?.into_iter().map(RecordRequest::from).collect())
    }

    /// Fetches and verifies what was granted, and keeps it until the grant ends.
    pub fn open(&self, thread: &str) -> Result<MedicalDocument, Error> {
        let (thread, client, store) = (subject(thread)?, self.wallet.client(), self.wallet.record_store());
        Ok(self.act(|clinician| clinician.open(&client, &store, &thread, now()))?.into())
    }

    /// What is kept of a request's answer, also without a network.
    pub fn read(&self, thread: &str) -> Result<MedicalDocument, Error> {
        let thread = subject(thread)?;
        Ok(self.act(|clinician| clinician.read(&thread, now()))?.into())
    }

    /// Fetches an image of what was opened into a file, verified, whole or not at all. It is the app's to erase when the grant ends.
    pub fn write_image(&self, thread: &str, digest: &str, path: &str) -> Result<(), Error> {
        let (thread, digest) = (subject(thread)?, hash(digest)?);
        let (client, store) = (self.wallet.client(), self.wallet.record_store());
        write_whole(path, |to| {
            self.act(|clinician| clinician.write_image(&client, &store, &thread, digest, to, now()))
        })
    }

    /// Erases what may be kept no longer. Returns how many answers were erased.
    pub fn tidy(&self) -> Result<u64, Error> {
        Ok(self.act(|clinician| clinician.tidy(now()))? as u64)
    }

    /// Forgets a request, with what is kept of its answer.
    pub fn dismiss(&self, thread: &str) -> Result<(), Error> {
        let thread = subject(thread)?;
        self.act(|clinician| clinician.dismiss(&thread))
    }
}

impl Clinician {
    /// With its own snapshot: no lock is held while the key store waits for a person.
    fn act<T>(
        &self,
        act: impl FnOnce(&mut wallet::Clinician<'_>) -> Result<T, RecordError>,
    ) -> Result<T, Error> {
        let keys = self.wallet.keys();
        self.wallet.act(|snapshot| {
            Ok(act(&mut wallet::Clinician::new(snapshot, keys, &self.key, &self.authority)?)?)
        })
    }

    fn authority(&self) -> AttributeAuthority {
        AttributeAuthority::new(self.https.clone())
    }
}

impl From<Offered> for RecordOffer {
    fn from(offer: Offered) -> Self {
        Self {
            label: offer.label.to_string(),
            is_private: offer.log == log(true),
            policy: offer.policy.to_string(),
            mode: offer.mode.into(),
            minutes: offer.minutes,
            fits: offer.fits,
        }
    }
}

impl From<AskedRecord> for RecordRequest {
    fn from(asked: AskedRecord) -> Self {
        Self {
            thread: asked.thread.to_string(),
            record: asked.record.to_string(),
            until_millis: asked.until.0,
            state: match asked.state {
                AskState::Unsent => None,
                AskState::Sent(state) => Some(state.into()),
            },
            kept: asked.kept,
        }
    }
}
