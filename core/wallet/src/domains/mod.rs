//! Trust domains that share a ledger: who notarises, who is let see data of another domain, who looked, where data went.
//!
//! # What is held
//!
//! The wallet's own [`Snapshot`] is that of the *shared ledger*, whose log `authorization` is held whole. Beside it lies a
//! folder with a snapshot of each domain's *data ledger* that was added ([`DataLedgers`]), whose log `data` is held whole as
//! well. All of it is proven from pinned genesis files, and every statement is judged again by the rules that the nodes
//! judged it by. Whoever opens a data ledger pins it by the root that the shared ledger has of the domain.
//!
//! # The life of a request
//!
//! 1. A domain's authority registers its certificate, the notaries agree ([`Domains::register`], [`Domains::tend`]).
//! 2. An owner names data by a salted digest and publishes its policy ([`Domains::name_data`], [`Domains::publish`]).
//! 3. A user is authenticated by another domain, in five messages that people carry from phone to phone
//!    ([`Domains::hello`] and what follows); the log gets a pseudonym ([`Domains::admit`]).
//! 4. The authority of the user's domain asks ([`Domains::ask`]); the notaries compute again what follows, and the master writes
//!    it down ([`Domains::tend`]): a permit is a licence, a denial is recorded with its reason.
//! 5. The user shows what they want; the domain that holds the data holds it against its own record and against the log
//!    ([`Domains::check_pass`]), answers, and notes the access ([`Domains::note_access`]).
//! 6. Anybody who holds the logs sees who looked, and whether they might ([`looked_at`]), and where data went ([`trace_data`]).
//!
//! # What survives a restart
//!
//! What is signed lies in the outbox before it is sent, so a vote is cast once: it is there, or on the log, before another is
//! made, and the rules refuse a seat's second one. What a handshake needs from one message to the next is kept sealed.
//!
//! # What is bounded
//!
//! Both logs are replayed whole whenever they are looked at, so that takes time and memory as they grow. A trace has at most
//! 100,000 states and says when it was cut. Domains whose data ledger was not added are not looked at: what was made there is
//! not seen, and parents there are told as missing. When a statement was ordered no phone knows: times are those that signers
//! state, and a domain's notes are its own word, held against the place that it had seen of the log across domains.

mod authority;
mod authorization;
mod data_ledgers;
mod data_log;
mod error;
mod handshake;
mod looking;
mod messages;
mod notary;
mod owner;
mod rows;
mod tracing;

use std::sync::Arc;
use std::time::Duration;

use countersign_domains::AUTHORIZATION;
use countersign_ledger::{Certificate, Draft, Hash, Identity, Problem, Statement, UnixMillis};
use countersign_records::CopyKey;
use getrandom::rand_core::Rng as _;
use zeroize::Zeroizing;

pub use self::authority::{AskForData, AskedForData, MayAnswer};
pub use self::authorization::Authorization;
pub use self::data_ledgers::{DataLedger, DataLedgers};
pub use self::error::DomainsError;
pub use self::looking::{LoggedAccess, looked_at};
pub use self::messages::{DomainMessage, MessageKind};
pub use self::notary::{Tended, Voted};
pub use self::owner::{NamedData, NewState, StatedData};
pub use self::rows::{
    AccessRequest, AdmittedUser, Fault, Notaries, NotarySeat, OpenBallot, Participant, Proposed,
    PublishedData, RequestState, Revoked,
};
pub use self::tracing::{DataTrace, TracedLedger, TracedState, trace_data};
use crate::act::{self, ActError};
use crate::client::Client;
use crate::issuer::{Issuer, Recorded};
use crate::key_store::{KeyStore, KeyStoreError, StoredKey};
use crate::records::random;
use crate::snapshot::Snapshot;
use crate::store::{self, StoreError};

/// How long a busy node is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often something is signed anew when another statement on its subject came in between: all notaries vote at once.
const TRIES: usize = 12;
/// The secret under which is sealed what is kept from one message to the next.
const SECRET: &str = "trust-domains";

/// A member of a trust domain, with one key: a notary, an authority, an owner of data, a user.
pub struct Domains<'a> {
    snapshot: &'a mut Snapshot,
    keys: Arc<dyn KeyStore>,
    key: String,
    certificate: Certificate,
}

impl<'a> Domains<'a> {
    /// The owner of the key `key`, which must be certified: here, or by their own domain ([`Domains::adopt`]). `snapshot` is that
    /// of the shared ledger.
    pub fn new(snapshot: &'a mut Snapshot, keys: Arc<dyn KeyStore>, key: &str) -> Result<Self, DomainsError> {
        let (certificate, _) = snapshot.membership(key)?;
        Ok(Self { snapshot, keys, key: key.to_owned(), certificate })
    }

    /// Takes the certificate that the registrar of one's own domain has issued for the key `key`: by it one signs here as well,
    /// as soon as that registrar has introduced it to the shared ledger.
    pub fn adopt(
        snapshot: &mut Snapshot,
        keys: &Arc<dyn KeyStore>,
        key: &str,
        certificate: &Certificate,
    ) -> Result<(), DomainsError> {
        snapshot.trust()?.enrol(certificate.as_der())?;
        let signer = StoredKey::find(Arc::clone(keys), key)?;
        if *certificate.key() != countersign_ledger::Signer::public_key(&signer) {
            return Err(DomainsError::OtherKey);
        }
        snapshot.store.write::<_, StoreError>(|tx| {
            store::insert_certificate(tx, certificate.as_der())?;
            store::set_membership(tx, key, certificate.fingerprint())
        })?;
        Ok(())
    }

    /// Who one is.
    pub const fn identity(&self) -> &Identity {
        self.certificate.identity()
    }

    /// One's certificate.
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Sends what waits, brings the snapshot up to date, and tells what the log across domains says now.
    pub fn refresh(&mut self, client: &Client, now: UnixMillis) -> Result<Authorization, DomainsError> {
        self.issuer(client).send(now)?;
        self.snapshot.sync(client, PATIENCE)?;
        Authorization::of(self.snapshot)
    }

    /// What the log across domains said at the last sync.
    pub fn authorization(&self) -> Result<Authorization, DomainsError> {
        Authorization::of(self.snapshot)
    }

    fn issuer<'b>(&'b mut self, client: &'b Client) -> Issuer<'b> {
        Issuer::new(self.snapshot, client, Arc::clone(&self.keys))
    }

    /// Records a statement on the shared ledger.
    fn record(&mut self, client: &Client, draft: &Draft, now: UnixMillis) -> Result<Recorded, DomainsError> {
        let key = self.key.clone();
        Ok(record(&mut self.issuer(client), &key, draft, now)?)
    }

    fn sign(&self, draft: &Draft, now: UnixMillis) -> Result<Statement, DomainsError> {
        let signer = StoredKey::find(Arc::clone(&self.keys), &self.key)?;
        Ok(draft.sign(&self.certificate, &signer, now, act::random()?)?)
    }

    /// A secret of one's own, made when it is first needed.
    fn secret(&self, name: &str) -> Result<Zeroizing<[u8; 32]>, DomainsError> {
        match self.keys.recall_secret(name.to_owned()) {
            Ok(secret) => {
                let secret = Zeroizing::new(secret);
                Ok(Zeroizing::new(secret.as_slice().try_into().map_err(|_| DomainsError::Kept)?))
            }
            Err(KeyStoreError::Missing) => {
                let mut secret = Zeroizing::new([0; 32]);
                random()?.fill_bytes(secret.as_mut_slice());
                self.keys.keep_secret(name.to_owned(), secret.to_vec())?;
                Ok(secret)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps something sealed under a name.
    fn keep(&mut self, name: &str, contents: &[u8]) -> Result<(), DomainsError> {
        let secret = CopyKey::new(self.secret(SECRET)?);
        let sealed = secret.seal(None, name, contents, &mut random()?).map_err(|_| DomainsError::Kept)?;
        self.snapshot.store.write::<_, StoreError>(|tx| store::keep_of_domains(tx, name, &sealed))?;
        Ok(())
    }

    /// What was kept under a name.
    fn kept(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, DomainsError> {
        let Some(sealed) = store::kept_of_domains(self.snapshot.store.read(), name)? else { return Ok(None) };
        let secret = CopyKey::new(self.secret(SECRET)?);
        secret.open(None, name, &sealed).map(Some).map_err(|_| DomainsError::Kept)
    }
}

/// Signs and records a statement, anew if another one on its subject came in between, or if what was begun before was signed
/// for a log that has moved on since.
fn record(issuer: &mut Issuer<'_>, key: &str, draft: &Draft, now: UnixMillis) -> Result<Recorded, ActError> {
    let mut tries = 0;
    loop {
        tries += 1;
        let begun = issuer.begun(&draft.kind, &draft.subject, &draft.fields)?.is_some();
        match issuer.record(key, draft, None, now) {
            Err(ActError::Client(error))
                if tries < TRIES
                    && (error.problem() == Some(Problem::NotLatest)
                        || begun && error.problem().is_some()) => {}
            recorded => return recorded,
        }
    }
}

/// A statement that the log is known to hold, as one that was just recorded.
fn recorded(log: &Authorization, id: Hash) -> Option<Recorded> {
    let index = log.place(id)?;
    Some(Recorded { id, log: AUTHORIZATION, index, size: log.size(), as_of: log.as_of() })
}
