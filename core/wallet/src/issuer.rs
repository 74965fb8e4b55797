//! What a member does at a desk or with a phone: enrol, sign, submit, and prove that it was recorded.
//!
//! Nothing is called recorded on anybody's word: a statement is when the node has acknowledged it as durable *and* its
//! receipt leads into a checkpoint that this wallet trusts. A call that ends in between can be made again: enrolling and
//! confirming twice are harmless, and what is recorded goes through the outbox ([`Issuer::record`]).

use std::sync::Arc;
use std::time::Duration;

use countersign_custody::SubjectType;
use countersign_families::families;
use countersign_ledger::receipt::{Inclusion, Receipt, ReceiptKey};
use countersign_ledger::{
    Blob, Certificate, CertificateError, Draft, Entry, Families, Hash, IndexEntry, Kind, LogName, Policy,
    Signer as _, Statement, Subject, TrustStore, TrustedCheckpoint, UnixMillis, Verified, VerifierKey,
    certificate, inclusion_root, leaf_hash, verify_consistency, verify_inclusion,
};

use crate::act::{ActError, random};
use crate::client::{Client, ClientError};
use crate::guard::{Consent, HeldBack, is_irrevocable, is_on_the_known};
use crate::key_store::{KeyStore, StoredKey};
use crate::online::{Online, index_entry};
use crate::snapshot::Snapshot;
use crate::store::{self, StoreError};

/// How often something is asked again that the node will have in a moment.
const TRIES: u32 = 10;
/// How long to wait before that.
const PAUSE: Duration = Duration::from_millis(300);

/// A statement that the log is proven to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its id.
    pub id: Hash,
    /// The log.
    pub log: LogName,
    /// Its place there.
    pub index: u64,
    /// Size of the trusted checkpoint that covers it.
    pub size: u64,
    /// When that checkpoint was cosigned.
    pub as_of: UnixMillis,
}

/// Whoever makes statements: a snapshot, a node, and keys.
pub struct Issuer<'a> {
    pub(crate) snapshot: &'a mut Snapshot,
    pub(crate) client: &'a Client,
    pub(crate) keys: Arc<dyn KeyStore>,
    families: Families,
    /// For kinds that several logs take: which.
    log: Option<LogName>,
    pub(crate) consent: Consent,
}

impl<'a> Issuer<'a> {
    /// The owner of these keys.
    pub fn new(snapshot: &'a mut Snapshot, client: &'a Client, keys: Arc<dyn KeyStore>) -> Self {
        Self { snapshot, client, keys, families: families(), log: None, consent: Consent::default() }
    }

    /// The same, for a person who has said these words.
    #[must_use]
    pub fn consenting(self, consent: Consent) -> Self {
        Self { consent, ..self }
    }

    /// The same, for other families of rules than the built-in ones.
    #[must_use]
    pub fn with_families(self, families: Families) -> Self {
        Self { families, ..self }
    }

    /// The same, in one of the logs that take the same kinds.
    #[must_use]
    pub fn in_log(self, log: LogName) -> Self {
        Self { log: Some(log), ..self }
    }

    /// Makes the key `key`, unless it is there, and has it certified by a one-time code of the registrar's.
    pub fn enrol(&mut self, key: &str, code: &str) -> Result<Certificate, ActError> {
        self.enrol_if(key, code, |_| true)
    }

    /// The same for a key that is of use in one role alone.
    pub fn enrol_in(&mut self, role: &str, key: &str, code: &str) -> Result<Certificate, ActError> {
        self.enrol_if(key, code, |given| given == role)
    }

    fn enrol_if(
        &mut self,
        key: &str,
        code: &str,
        role: impl FnOnce(&str) -> bool,
    ) -> Result<Certificate, ActError> {
        let signer = StoredKey::make(Arc::clone(&self.keys), key)?;
        let request = certificate::request(&signer)?;
        let der = self.client.enrol(code, &request)?;
        let mut trust = self.snapshot.trust().map_err(|_| CertificateError::UnknownDomain)?;
        let certificate = trust.enrol(&der)?;
        if *certificate.key() != signer.public_key() {
            return Err(ActError::OtherKey);
        }
        let given = certificate.identity().role();
        if !role(given) {
            return Err(ActError::OtherRole(given.to_owned()));
        }
        self.snapshot.store.write::<_, StoreError>(|tx| {
            store::insert_certificate(tx, &der)?;
            store::set_membership(tx, key, certificate.fingerprint())
        })?;
        Ok(Certificate::clone(&certificate))
    }

    /// Names of the keys that are certified.
    pub fn enrolled(&self) -> Result<Vec<String>, ActError> {
        Ok(store::memberships(self.snapshot.store.read())?)
    }

    /// The certificate that was issued for a key.
    pub fn certificate(&self, key: &str) -> Result<Certificate, ActError> {
        self.snapshot.membership(key).map(|(certificate, _)| certificate)
    }

    /// The log that takes statements of a kind; where several do, the one that was said ([`Issuer::in_log`]), or the first.
    pub fn log_of(&self, kind: &Kind) -> Result<LogName, ActError> {
        let mut logs = self.families.logs(kind).iter().copied();
        logs.find(|log| self.log.is_none_or(|said| said == *log)).ok_or(ActError::UnknownKind)
    }

    /// The blob that a statement promises, by the rules of its family.
    pub(crate) fn promised_blob(&self, statement: &Verified) -> Option<Blob> {
        self.families.of(statement.statement().kind())?.promise(statement)?.blob()
    }

    /// How many statements there are on a subject and which is the latest, proven at the newest checkpoint.
    pub fn latest(&mut self, log: LogName, subject: &Subject) -> Result<Option<IndexEntry>, ActError> {
        for _ in 1..TRIES {
            let checkpoint = self.newest(log)?;
            // Nothing is skipped that matters: the proof comes with an empty page as well.
            match self.client.subject(log, checkpoint.checkpoint().size(), subject, u64::MAX) {
                // A busy log has moved on between the two requests.
                Err(ClientError::Gone) => {}
                answer => return Ok(index_entry(&checkpoint, subject, &answer?.index_proof)?),
            }
        }
        Err(ClientError::Gone.into())
    }

    /// The whole history of a subject, verified, at the newest checkpoint: what whoever signs next builds upon. Void statements
    /// are in their place.
    pub fn history(&mut self, log: LogName, subject: &Subject) -> Result<Vec<Entry>, ActError> {
        let trust = self.snapshot.trust().map_err(|_| CertificateError::UnknownDomain)?;
        let (snapshot, client) = (&mut *self.snapshot, self.client);
        Ok(Online { snapshot, client, log, trust, asked: 0 }.history_at(subject)?.0)
    }

    /// Signs a draft by the key `key`, as following the latest statement on its subject.
    pub fn sign(&mut self, key: &str, draft: &Draft, now: UnixMillis) -> Result<Statement, ActError> {
        let log = self.log_of(&draft.kind)?;
        self.guard(draft, now)?;
        let certificate = self.certificate(key)?;
        let signer = StoredKey::find(Arc::clone(&self.keys), key)?;
        let prev = self.latest(log, &draft.subject)?.map(|entry| entry.latest);
        Ok(Draft { prev, ..draft.clone() }.sign(&certificate, &signer, now, random()?)?)
    }

    /// Holds back a draft whose subject is not known, or that cannot be taken back, unless the words for it were said.
    fn guard(&mut self, draft: &Draft, now: UnixMillis) -> Result<(), ActError> {
        let profile = self.snapshot.profile_of(&draft.kind);
        let rules = profile.and_then(|profile| Some((profile, profile.step(&draft.kind)?)));
        let Some((profile, step)) = rules else { return Ok(()) };
        let subject = draft.subject.clone();
        if is_irrevocable(profile, step) && !self.consent.irrevocable {
            return Err(HeldBack::Irrevocable { kind: draft.kind.clone(), subject }.into());
        }
        if !is_on_the_known(step) || self.consent.unknown {
            return Ok(());
        }
        match SubjectType::of(&subject) {
            Some(SubjectType::Pack) => Ok(self.snapshot.guard_pack(&subject, now)?),
            // The ledger itself proves whether it has anything on a product or a lot.
            Some(SubjectType::Class | SubjectType::Lot)
                if self.latest(LogName::SUPPLY, &subject)?.is_none() =>
            {
                Err(HeldBack::Unknown { subject, why: "no-statement" }.into())
            }
            _ => Ok(()),
        }
    }

    /// Proves that a statement which was submitted before was recorded, and keeps its receipt.
    pub fn confirm(&mut self, log: LogName, id: Hash) -> Result<Recorded, ActError> {
        let bytes = self.receipt(log, id)?;
        let receipt = Receipt::parse(&bytes)?;
        let origin = self.snapshot.genesis().origin(log);
        if let Some(key) = receipt_key(self.snapshot.policy(), &origin) {
            receipt.verify(id, &key)?;
        }
        let checkpoint = self.covering(log, receipt.claimed().size)?;
        self.check_place(log, id, receipt.claimed(), &checkpoint)?;
        self.snapshot.store.write::<_, StoreError>(|tx| store::insert_receipt(tx, id, log, &bytes))?;
        let (index, size) = (receipt.claimed().index, checkpoint.checkpoint().size());
        Ok(Recorded { id, log, index, size, as_of: checkpoint.cosigned_at() })
    }

    fn receipt(&self, log: LogName, id: Hash) -> Result<Vec<u8>, ActError> {
        for _ in 1..TRIES {
            if let Some(receipt) = self.client.receipt(log, id)? {
                return Ok(receipt);
            }
            std::thread::sleep(PAUSE);
        }
        Err(ActError::NotYet)
    }

    /// A trusted checkpoint of at least that size.
    fn covering(&mut self, log: LogName, size: u64) -> Result<TrustedCheckpoint, ActError> {
        for _ in 1..TRIES {
            let checkpoint = self.newest(log)?;
            if checkpoint.checkpoint().size() >= size {
                return Ok(checkpoint);
            }
            std::thread::sleep(PAUSE);
        }
        Err(ActError::NotYet)
    }

    /// Size and index stand outside a receipt's signature: only a checkpoint binds them.
    fn check_place(
        &self,
        log: LogName,
        id: Hash,
        place: &Inclusion,
        checkpoint: &TrustedCheckpoint,
    ) -> Result<(), ActError> {
        let leaf = leaf_hash(id.as_bytes());
        let trusted = checkpoint.checkpoint();
        if place.size == trusted.size() {
            return Ok(verify_inclusion(leaf, place.index, place.size, &place.path, trusted.root())?);
        }
        let root = inclusion_root(leaf, place.index, place.size, &place.path)?;
        let proof = self.client.consistency(log, place.size, trusted.size())?;
        Ok(verify_consistency(place.size, trusted.size(), root, trusted.root(), &proof)?)
    }

    fn newest(&mut self, log: LogName) -> Result<TrustedCheckpoint, ActError> {
        Ok(self.snapshot.see_newest(self.client, log)?)
    }
}

impl Snapshot {
    /// The certificate that was issued for a key, and a trust store that has it.
    pub(crate) fn membership(&self, key: &str) -> Result<(Certificate, TrustStore), ActError> {
        let connection = self.store.read();
        let fingerprint = store::membership(connection, key)?.ok_or(ActError::NotEnrolled)?;
        let der = store::certificate(connection, fingerprint)?.ok_or(ActError::NotEnrolled)?;
        let mut trust = self.trust().map_err(|_| CertificateError::UnknownDomain)?;
        Ok((Certificate::clone(&*trust.enrol(&der)?), trust))
    }

    /// The receipt for one of the owner's statements, and its log, as kept when it was recorded.
    pub fn receipt(&self, id: Hash) -> Result<Option<(LogName, Vec<u8>)>, StoreError> {
        store::receipt(self.store.read(), id)
    }
}

/// The log's P-256 key, by which it signs receipts as well; `None` if the policy knows it by another key only.
pub(crate) fn receipt_key(policy: &Policy, origin: &str) -> Option<ReceiptKey> {
    policy.log_keys(origin).find_map(VerifierKey::p256).map(ReceiptKey::Es256)
}
