//! A trust domain whose members have made-up keys, and what they state at made-up times.

use std::collections::BTreeMap;

use countersign_ledger::certificate::{self, Period};
use countersign_ledger::{
    Certificate, Draft, Fields, Hash, Identity, Kind, REGISTRAR, Signer as _, SoftwareKey, Statement,
    Subject, TrustStore, UnixMillis,
};
use serde::{Deserialize, Serialize};

use crate::file::{Blob, Hex};

pub const DOMAIN: &str = "meds.example";
pub const OTHER_DOMAIN: &str = "other.example";
pub const LOT: &str = "https://id.gs1.org/01/09506000134352/10/L1";
/// 2027-01-15T08:00:00Z.
pub const NOW: UnixMillis = UnixMillis(1_800_000_000_000);
/// When every certificate holds.
pub const PERIOD: Period =
    Period { from: UnixMillis(1_790_000_000_000), until: UnixMillis(1_821_536_000_000) };

/// Whom a reader trusts. The secrets are made up (32 times one byte) and protect nothing; they are here so that other cases
/// can be made.
#[derive(Serialize, Deserialize)]
pub struct Trusted {
    /// Trust domains with their root certificates, in DER.
    roots: BTreeMap<String, Blob>,
    /// Members whose certificates are enrolled.
    members: Vec<MemberKey>,
}

#[derive(Serialize, Deserialize)]
struct MemberKey {
    identity: String,
    secret: Hex,
    certificate: Blob,
}

impl Trusted {
    pub fn new(members: &[&Member]) -> Self {
        let root = |domain: &str| certificate::root(domain, &root_key(domain), PERIOD, [1; 16]).unwrap();
        let roots = [DOMAIN, OTHER_DOMAIN].map(|domain| (domain.to_owned(), root(domain).into()));
        let member = |member: &&Member| MemberKey {
            identity: member.certificate.identity().as_str().to_owned(),
            secret: member.secret.to_vec().into(),
            certificate: member.certificate.as_der().into(),
        };
        Self { roots: roots.into(), members: members.iter().map(member).collect() }
    }

    pub fn store(&self) -> TrustStore {
        let mut trust = TrustStore::new();
        self.roots.iter().for_each(|(domain, root)| trust.pin(domain, &root.0));
        for member in &self.members {
            let enrolled = trust.enrol(&member.certificate.0).unwrap();
            if enrolled.identity().role() == REGISTRAR {
                trust.appoint(&member.certificate.0, []).unwrap();
            }
            let key = SoftwareKey::from_bytes(&member.secret.0).unwrap();
            assert_eq!(
                (enrolled.identity().as_str(), enrolled.key()),
                (&*member.identity, &key.public_key())
            );
        }
        trust
    }
}

/// A member with a key.
pub struct Member {
    secret: [u8; 32],
    pub certificate: Certificate,
}

/// The roots' secrets are 32 times 1 and 32 times 101.
pub fn root_key(domain: &str) -> SoftwareKey {
    key(if domain == DOMAIN { 1 } else { 101 })
}

pub fn key(seed: u8) -> SoftwareKey {
    SoftwareKey::from_bytes(&[seed; 32]).unwrap()
}

/// A member of a trust domain, whose secret is 32 times `seed`.
pub fn member_of(domain: &str, role: &str, seed: u8) -> Member {
    named(domain, role, "first", seed)
}

pub fn named(domain: &str, role: &str, name: &str, seed: u8) -> Member {
    let identity = Identity::new(domain, role, name).unwrap();
    let public = key(seed).public_key();
    let certificate = certificate::issue(&identity, &public, &root_key(domain), PERIOD, [seed; 16]).unwrap();
    Member { secret: [seed; 32], certificate }
}

pub fn member(role: &str, seed: u8) -> Member {
    member_of(DOMAIN, role, seed)
}

pub fn draft(kind: &str, subject: &str, fields: Fields) -> Draft {
    let (kind, subject) = (Kind::new(kind).unwrap(), Subject::new(subject).unwrap());
    Draft { kind, subject, fields, prev: None, links: Vec::new(), sealed: None }
}

impl Member {
    pub fn key(&self) -> SoftwareKey {
        SoftwareKey::from_bytes(&self.secret).unwrap()
    }

    pub fn identity(&self) -> &Identity {
        self.certificate.identity()
    }

    pub fn sign(&self, draft: &Draft, at: UnixMillis) -> Statement {
        draft.sign(&self.certificate, &self.key(), at, cti(draft)).unwrap()
    }

    pub fn countersign(&self, draft: &Draft, other: &Statement, at: UnixMillis) -> Statement {
        draft.countersign(other, &self.certificate, &self.key(), at, cti(draft)).unwrap()
    }
}

/// Another one for each statement on a subject.
fn cti(draft: &Draft) -> [u8; 16] {
    let prev = draft.prev.unwrap_or_default();
    let parts = [draft.kind.as_str().as_bytes(), draft.subject.as_str().as_bytes(), prev.as_bytes()];
    let Hash(digest) = Hash::framed("vectors", &parts);
    std::array::from_fn(|at| digest[at])
}
