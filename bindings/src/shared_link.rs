//! Sections of a record for people without this app: SMART Health Links that the patient makes.

use countersign_records::Parts;
use countersign_wallet as wallet;

use crate::clock::now;
use crate::error::CountersignError as Error;
use crate::records::{Records, id};

/// A link to be made.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct NewSharedLink {
    /// The parts that it shows, by number; the header is always among them.
    pub parts: Vec<u8>,
    /// For how many days: up to 365.
    pub days: u16,
    /// A passcode that whoever opens it has to know, of four characters or more. To be told on another way than the link.
    pub passcode: Option<String>,
    /// What whoever opens it reads first: up to 80 characters.
    pub label: Option<String>,
}

/// A link by which somebody without this app reads sections of a record.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct SharedLink {
    /// By which it is ended.
    pub name: String,
    /// The link: `shlink:/…`. Whoever has it reads what it shows: let it be in no log and no screenshot.
    pub link: String,
    /// What whoever opens it reads first.
    pub label: Option<String>,
    /// Until when it leads to something.
    pub until_millis: u64,
    /// Whether it wants a passcode.
    pub passcode: bool,
    /// The version of the document that it shows.
    pub version: u64,
    /// The parts that it shows, by number.
    pub parts: Vec<u8>,
}

#[uniffi::export]
impl Records {
    /// Has sections of a record given out to whoever has a link, by the record's store. Who opens it is on no list of accesses.
    pub fn share_by_link(&self, record: &str, new: NewSharedLink) -> Result<SharedLink, Error> {
        let record = id(record)?;
        let new = wallet::NewLink {
            parts: Parts::of(new.parts),
            days: new.days,
            passcode: new.passcode.map(Into::into),
            label: new.label,
        };
        let (store, address) = (self.wallet.record_store(), self.wallet.node_address());
        Ok(self.act(|records| records.share_by_link((&store, &address), &record, &new, now()))?.into())
    }

    /// The links of a record that lead to something.
    pub fn shared_links(&self, record: &str) -> Result<Vec<SharedLink>, Error> {
        let record = id(record)?;
        let links = self.act(|records| records.shared_links(&record, now()))?;
        Ok(links.into_iter().map(SharedLink::from).collect())
    }

    /// Ends a link, by its name: it leads nowhere any more. What was read stays read.
    pub fn end_link(&self, record: &str, name: &str) -> Result<(), Error> {
        let (record, store) = (id(record)?, self.wallet.record_store());
        self.act(|records| records.end_link(&store, &record, name, now()))
    }
}

impl From<wallet::SharedLink> for SharedLink {
    fn from(link: wallet::SharedLink) -> Self {
        Self {
            name: link.name,
            link: link.uri.to_string(),
            label: link.label,
            until_millis: link.until.0,
            passcode: link.passcode,
            version: link.version,
            parts: link.parts.numbers().collect(),
        }
    }
}
