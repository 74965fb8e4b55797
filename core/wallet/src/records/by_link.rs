//! Sections of a record for people without this app: a SMART Health Link (HL7, 1.0.0 STU 1). The document is encrypted for the link
//! alone, lies in the record's store, and has the author's signature with it. The ledger knows nothing of it: who opened a link is
//! on no list of accesses.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_ledger::{Identity, UnixMillis};
use countersign_records::{Announced, Parts, RecordId, Secret, Submission, Ticket, excerpt};
use countersign_shl::{Access, ContentType, Gate, Key, Link, seal};
use getrandom::rand_core::Rng as _;
use zeroize::Zeroizing;

use super::error::RecordError;
use super::patient::{Records, with_header};
use super::random;
use super::state::{HeldLink, Holding, MANY};
use crate::client::{LINKS, RecordStore};

const DAY_MILLIS: u64 = 24 * 3600 * 1000;
/// Longest that a link leads to something, in days.
const MAX_DAYS: u16 = 365;
/// Shortest passcode: four digits in ten attempts are found once in a thousand times.
pub const LEAST_PASSCODE: usize = 4;

/// A link to be made.
#[derive(Clone, Debug)]
pub struct NewLink {
    /// The parts that it shows; the header is always among them.
    pub parts: Parts,
    /// For how many days, up to a year.
    pub days: u16,
    /// A passcode that whoever opens it has to know, of four characters or more.
    pub passcode: Option<Zeroizing<String>>,
    /// What whoever opens it reads first.
    pub label: Option<String>,
}

/// A link that was made.
#[derive(Clone, PartialEq, Eq)]
pub struct SharedLink {
    /// By which it is ended.
    pub name: String,
    /// The link. Whoever has it reads what it shows.
    pub uri: Zeroizing<String>,
    /// What whoever opens it reads first.
    pub label: Option<String>,
    /// Until when it leads to something.
    pub until: UnixMillis,
    /// Whether it wants a passcode.
    pub passcode: bool,
    /// The version of the document that it shows.
    pub version: u64,
    /// The parts that it shows.
    pub parts: Parts,
}

/// Why there is no such link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkNotMade {
    /// It would lead nowhere, or for too long.
    #[error("a link lasts a day at least, and {MAX_DAYS} at most")]
    Days,
    /// Anybody could guess it.
    #[error("the passcode is too short: it needs {LEAST_PASSCODE} characters or more")]
    Passcode,
    /// Longer than a link's label may be, or the store's address is none of the web.
    #[error("the label is too long, or the store has no address on the web")]
    Link,
    /// More links than there may be.
    #[error("a record has at most {MANY} links at a time: end one that nobody needs")]
    TooMany,
    /// The document is too large for a link.
    #[error("what the link would show is too large for one")]
    TooLarge,
}

impl Records<'_> {
    /// Has sections of a record given out to whoever has a link. `address` is that of the store, such as `https://store.example`.
    /// Nothing is kept here before the store has it: what was cut off there nobody can open, and the store removes it.
    pub fn share_by_link(
        &mut self,
        (store, address): (&RecordStore, &str),
        record: &RecordId,
        new: &NewLink,
        now: UnixMillis,
    ) -> Result<SharedLink, RecordError> {
        let (secret, mut holding) = self.load(record)?;
        holding.links.retain(|link| link.is_open(now));
        if holding.links.len() as u64 >= MANY {
            return Err(LinkNotMade::TooMany.into());
        }
        if !(1..=MAX_DAYS).contains(&new.days) {
            return Err(LinkNotMade::Days.into());
        }
        let passcode = new.passcode.as_ref().map(|passcode| passcode.as_str());
        if passcode.is_some_and(|passcode| passcode.chars().count() < LEAST_PASSCODE) {
            return Err(LinkNotMade::Passcode.into());
        }
        let mut random = random()?;
        let (document, version, parts) = self.excerpt(record, &secret, with_header(new.parts))?;

        let mut name = [0; 32];
        random.fill_bytes(&mut name);
        let name = URL_SAFE_NO_PAD.encode(name);
        let url = format!("{}{LINKS}{name}", address.trim_end_matches('/'));
        let access = if passcode.is_some() { Access::Passcode } else { Access::Direct };
        let until = UnixMillis(now.0.saturating_add(u64::from(new.days) * DAY_MILLIS));
        let link = Link::new(&url, Key::random(&mut random), access).map_err(|_| LinkNotMade::Link)?;
        let mut link = link.with_expiry(until.seconds());
        if let Some(label) = &new.label {
            link = link.with_label(label).map_err(|_| LinkNotMade::Link)?;
        }
        let sealed = seal(&document, &ContentType::Fhir, link.key(), &mut random);
        let sealed = sealed.map_err(|_| LinkNotMade::TooLarge)?.into_bytes();
        let object = Announced::of(&sealed).ok_or(LinkNotMade::TooLarge)?;
        let gate = Gate::new(&url, until.seconds(), passcode, &mut random).ok_or(LinkNotMade::Passcode)?;

        let (token, lacking) = self.announce(store, record, &holding.store, object, now)?;
        if lacking {
            store.upload(&sealed, &token)?;
        }
        store.link(&name, object.digest, &gate.to_json(), &token)?;
        holding.links.push(HeldLink { uri: link.to_uri(), parts, version, object });
        self.save(record, &secret, &holding)?;
        let made = holding.links.last().and_then(HeldLink::shown);
        made.ok_or(RecordError::Damaged)
    }

    /// The links of a record that lead to something.
    pub fn shared_links(&self, record: &RecordId, now: UnixMillis) -> Result<Vec<SharedLink>, RecordError> {
        let (_, holding) = self.load(record)?;
        let open = holding.links.iter().filter(|link| link.is_open(now));
        open.map(|link| link.shown().ok_or(RecordError::Damaged)).collect()
    }

    /// Ends a link: it leads nowhere any more. Who has opened it has read it.
    pub fn end_link(
        &mut self,
        store: &RecordStore,
        record: &RecordId,
        name: &str,
        now: UnixMillis,
    ) -> Result<(), RecordError> {
        let (secret, mut holding) = self.load(record)?;
        let named = |link: &HeldLink| link.shown().is_some_and(|shown| shown.name == name);
        let at = holding.links.iter().position(named).ok_or(RecordError::Unknown)?;
        self.take_back(store, record, &holding, at, now)?;
        holding.links.remove(at);
        self.save(record, &secret, &holding)
    }

    /// Ends all links of a record that is being erased.
    pub(super) fn end_links(
        &mut self,
        store: &RecordStore,
        record: &RecordId,
        holding: &mut Holding,
        now: UnixMillis,
    ) -> Result<(), RecordError> {
        while let Some(last) = holding.links.len().checked_sub(1) {
            self.take_back(store, record, holding, last, now)?;
            holding.links.truncate(last);
        }
        Ok(())
    }

    fn take_back(
        &mut self,
        store: &RecordStore,
        record: &RecordId,
        holding: &Holding,
        at: usize,
        now: UnixMillis,
    ) -> Result<(), RecordError> {
        let Some(link) = holding.links.get(at).filter(|link| link.is_open(now)) else { return Ok(()) };
        let name = link.shown().ok_or(RecordError::Damaged)?.name;
        let (token, _) = self.announce(store, record, &holding.store, link.object, now)?;
        Ok(store.unlink(&name, &token)?)
    }

    /// A token for uploads, and whether the store lacks this object.
    fn announce(
        &self,
        store: &RecordStore,
        record: &RecordId,
        to: &Identity,
        object: Announced,
        now: UnixMillis,
    ) -> Result<(Vec<u8>, bool), RecordError> {
        let draft = Ticket::draft(record, to, &[object], &[])?;
        let ticket = self.sign(record, &draft, now)?.as_bytes().to_vec();
        let taken = store.submit(&Submission { ticket, rows: vec![] })?;
        Ok((taken.token, !taken.lacking.is_empty()))
    }

    /// What a link shows, as a FHIR document with its proof in it; the document's version, and the parts.
    fn excerpt(
        &self,
        record: &RecordId,
        secret: &Secret,
        parts: Parts,
    ) -> Result<(Zeroizing<Vec<u8>>, u64, Parts), RecordError> {
        let copy = self.copy(record, secret, true)?.ok_or(RecordError::NoDocument)?;
        let part = copy.extract(parts);
        let bytes = part.to_bytes();
        let opened = part.verify(&self.trust()?, record, None)?;
        if !opened.commitment().rule().permits(parts) {
            return Err(RecordError::NotPermitted);
        }
        Ok((excerpt(&opened, &bytes), opened.commitment().version(), parts))
    }
}

impl HeldLink {
    fn is_open(&self, now: UnixMillis) -> bool {
        Link::parse(&self.uri).is_ok_and(|link| !link.has_expired(now.seconds()))
    }

    fn shown(&self) -> Option<SharedLink> {
        let link = Link::parse(&self.uri).ok()?;
        Some(SharedLink {
            name: link.url().rsplit('/').next()?.to_owned(),
            uri: self.uri.clone(),
            label: link.label().map(str::to_owned),
            until: UnixMillis::from_seconds(link.expires()?),
            passcode: link.access() == Access::Passcode,
            version: self.version,
            parts: self.parts,
        })
    }
}
