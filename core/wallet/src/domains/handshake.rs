//! How a user is authenticated in another domain: five messages, carried from phone to phone. Each is good for five minutes.

use std::sync::Arc;

use countersign_domains::rules::AUTHORITY;
use countersign_domains::{
    AuthRecord, Challenged, Desk, Hello, MAX_SEEN, NotAuthenticated, Pseudonym, SeenMessages, Topic,
};
use countersign_ledger::cbor::encode;
use countersign_ledger::{Hash, Statement, TrustStore, UnixMillis, Verified};
use minicbor::Decoder;

use super::error::DomainsError;
use super::messages::DomainMessage;
use super::{Domains, StoredKey};
use crate::act;

/// The secret that pseudonyms are made of.
const PSEUDONYMS: &str = "trust-domain-pseudonyms";
/// The messages that came.
const SEEN: &str = "seen";

impl Domains<'_> {
    /// How one is known in another domain: another name in each, and nobody without one's secret can tell whose.
    pub fn pseudonym(&self, domain: &str) -> Result<Pseudonym, DomainsError> {
        Ok(Pseudonym::derive(&*self.secret(PSEUDONYMS)?, self.identity(), domain))
    }

    /// A1: the user wants to be known in the domain `to`. For the authority of one's own domain.
    pub fn hello(&mut self, to: &str, now: UnixMillis) -> Result<DomainMessage, DomainsError> {
        let hello = Hello { to: to.to_owned(), user: self.pseudonym(to)?, nonce: act::random()? };
        self.keep(&format!("hello/{to}"), &hello.nonce)?;
        let statement = self.sign(&hello.draft(), now)?;
        Ok(self.message(statement, &[]))
    }

    /// A2: the user's own domain vouches, at this level of assurance. For the authority of the other.
    pub fn vouch(
        &mut self,
        hello: &DomainMessage,
        level: u8,
        now: UnixMillis,
    ) -> Result<DomainMessage, DomainsError> {
        let nonce = act::random()?;
        let (said, draft) =
            self.at_desk(hello, now, |said, desk| Ok(Hello::vouch(said, level, nonce, desk)?))?;
        let signer = StoredKey::find(Arc::clone(&self.keys), &self.key)?;
        let vouch = draft.countersign(said.statement(), &self.certificate, &signer, now, act::random()?)?;
        Ok(self.message(vouch, &hello.certificates))
    }

    /// A3: the other domain asks the user whether it is they.
    pub fn challenge(
        &mut self,
        vouch: &DomainMessage,
        now: UnixMillis,
    ) -> Result<DomainMessage, DomainsError> {
        let (log, nonce) = (self.authorization()?, act::random()?);
        let (_, (challenged, draft)) = self.at_desk(vouch, now, |said, desk| {
            let home = said.signer().identity().domain();
            let registered = log.registration(home).ok_or(DomainsError::NotRegistered)?;
            Ok(Challenged::new(said, registered, nonce, desk)?)
        })?;
        self.keep(&challenged_name(challenged.user), &challenged_bytes(&challenged))?;
        let statement = self.sign(&draft, now)?;
        Ok(self.message(statement, &[]))
    }

    /// A4: the user answers. For the authority of the other domain.
    pub fn answer(
        &mut self,
        challenge: &DomainMessage,
        now: UnixMillis,
    ) -> Result<DomainMessage, DomainsError> {
        let log = self.authorization()?;
        let to = signer_domain(challenge);
        let nonce = self.kept(&format!("hello/{to}"))?.ok_or(DomainsError::NoRequest)?;
        let nonce = nonce.as_slice().try_into().map_err(|_| DomainsError::Kept)?;
        let hello = Hello { user: self.pseudonym(&to)?, to, nonce };
        let (_, draft) = self.at_desk(challenge, now, |said, desk| {
            let registered = log.registration(&hello.to).ok_or(DomainsError::NotRegistered)?;
            Ok(hello.answer(said, registered, desk)?)
        })?;
        let statement = self.sign(&draft, now)?;
        Ok(self.message(statement, &[]))
    }

    /// A5: the other domain knows the user until then, and keeps what it knows. What it signs is for the user, and for
    /// [`Domains::admit`].
    pub fn authenticate(
        &mut self,
        answer: &DomainMessage,
        until: UnixMillis,
        now: UnixMillis,
    ) -> Result<DomainMessage, DomainsError> {
        let user = Topic::of(answer.statement.subject());
        let Some(Topic::User(user)) = user else { return Err(DomainsError::NoMessage) };
        let kept = self.kept(&challenged_name(user))?.ok_or(DomainsError::NoRequest)?;
        let challenged = read_challenged(user, &kept).ok_or(DomainsError::Kept)?;
        let (_, record) = self.at_desk(answer, now, |said, desk| Ok(challenged.admit(said, until, desk)?))?;
        let statement = self.sign(&record.draft(), now)?;
        let message = self.message(statement, &[]);
        self.keep(&record_name(user), &message.to_bytes())?;
        Ok(message)
    }

    /// Keeps what another domain signed of this user, which says until when they are known there.
    pub fn keep_record(&mut self, record: &DomainMessage) -> Result<AuthRecord, DomainsError> {
        let verified = record.verify(&mut self.snapshot.trust()?)?;
        let (read, by) = (AuthRecord::of(&verified), verified.signer().identity().domain().to_owned());
        let own = read.filter(|read| read.certificate == self.certificate.fingerprint());
        let own = own.ok_or(NotAuthenticated::OtherUser)?;
        self.keep(&format!("known/{by}"), &record.to_bytes())?;
        Ok(own)
    }

    /// What another domain signed of this user, as it was kept.
    pub fn kept_record(&self, domain: &str) -> Result<Option<AuthRecord>, DomainsError> {
        let Some(kept) = self.kept(&format!("known/{domain}"))? else { return Ok(None) };
        let verified = DomainMessage::parse(&kept)?.verify(&mut self.snapshot.trust()?)?;
        Ok(AuthRecord::of(&verified))
    }

    /// What this domain has signed of a user of another.
    pub(super) fn record_of(&self, user: Pseudonym) -> Result<Option<(Hash, AuthRecord)>, DomainsError> {
        let Some(kept) = self.kept(&record_name(user))? else { return Ok(None) };
        let message = DomainMessage::parse(&kept)?;
        self.own_record(&message).map(Some)
    }

    /// A record that this domain's authority has signed, with its id.
    pub(super) fn own_record(&self, message: &DomainMessage) -> Result<(Hash, AuthRecord), DomainsError> {
        let verified = message.verify(&mut self.snapshot.trust()?)?;
        let by = verified.signer().identity();
        let own = by.domain() == self.identity().domain() && by.role() == AUTHORITY;
        let record = AuthRecord::of(&verified).filter(|_| own);
        Ok((verified.statement().id(), record.ok_or(DomainsError::NoMessage)?))
    }

    /// Verifies a message and has it judged; it is remembered, so that it comes once, whatever the judgement.
    pub(super) fn at_desk<T>(
        &mut self,
        message: &DomainMessage,
        now: UnixMillis,
        judge: impl FnOnce(&Verified, &mut Desk<'_>) -> Result<T, DomainsError>,
    ) -> Result<(Verified, T), DomainsError> {
        let mut trust: TrustStore = self.snapshot.trust()?;
        let verified = message.verify(&mut trust)?;
        let mut seen = match self.kept(SEEN)? {
            Some(kept) => read_seen(&kept).ok_or(DomainsError::Kept)?,
            None => SeenMessages::default(),
        };
        let domain = self.identity().domain().to_owned();
        let judged = judge(&verified, &mut Desk { domain: &domain, trust: &trust, seen: &mut seen, now });
        self.keep(SEEN, &seen_bytes(&seen))?;
        Ok((verified, judged?))
    }

    /// A message of one's own, with the certificates of those whose statements it carries.
    pub(super) fn message(&self, statement: Statement, others: &[Vec<u8>]) -> DomainMessage {
        let own = std::iter::once(self.certificate.as_der().to_vec());
        DomainMessage { statement, certificates: own.chain(others.iter().cloned()).collect() }
    }
}

fn signer_domain(message: &DomainMessage) -> String {
    message.statement.issuer().domain().to_owned()
}

fn challenged_name(user: Pseudonym) -> String {
    format!("challenged/{}", user.0)
}

fn record_name(user: Pseudonym) -> String {
    format!("record/{}", user.0)
}

fn challenged_bytes(challenged: &Challenged) -> Vec<u8> {
    encode(|e| {
        e.array(5)?.str(&challenged.home)?.bytes(challenged.certificate.as_bytes())?;
        e.u8(challenged.level)?.bytes(&challenged.theirs)?.bytes(&challenged.own)?.ok()
    })
}

fn read_challenged(user: Pseudonym, bytes: &[u8]) -> Option<Challenged> {
    let mut d = Decoder::new(bytes);
    (d.array().ok()? == Some(5)).then_some(())?;
    let (home, certificate) = (d.str().ok()?.to_owned(), Hash::from_slice(d.bytes().ok()?)?);
    let level = d.u8().ok()?;
    let (theirs, own) = (d.bytes().ok()?.try_into().ok()?, d.bytes().ok()?.try_into().ok()?);
    Some(Challenged { user, home, certificate, level, theirs, own })
}

fn seen_bytes(seen: &SeenMessages) -> Vec<u8> {
    let seen: Vec<_> = seen.remembered().collect();
    encode(|e| {
        e.array(seen.len() as u64)?;
        seen.iter().try_for_each(|(message, until)| e.array(2)?.bytes(message.as_bytes())?.u64(until.0)?.ok())
    })
}

fn read_seen(bytes: &[u8]) -> Option<SeenMessages> {
    let mut d = Decoder::new(bytes);
    let count = d.array().ok()?.filter(|count| *count <= MAX_SEEN as u64)?;
    let mut seen = Vec::new();
    for _ in 0..count {
        (d.array().ok()? == Some(2)).then_some(())?;
        seen.push((Hash::from_slice(d.bytes().ok()?)?, UnixMillis(d.u64().ok()?)));
    }
    Some(SeenMessages::restored(seen))
}
