//! The genesis file: the trust anchors that a client pins. Everything else is verified from them.
//!
//! A JSON file that ships with the app, or comes from a trusted person:
//!
//! ```json
//! {
//!   "name": "ledger.meds.example",
//!   "logs": [{ "name": "trust", "held": "whole" }, { "name": "supply", "held": "followed", "domain": "meds.example" }],
//!   "policy": "log …\nwitness …\ngroup …\nquorum …\n",
//!   "domains": [{ "name": "meds.example", "root": "<DER, base64>", "registrar": "<DER, base64>", "roles": ["manufacturer", …] }],
//!   "tls": ["<DER, base64>"]
//! }
//! ```

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::certificate::CertificateError;
use crate::log_name::{Held, LogName, LogSpec};
use crate::policy::{Policy, PolicyError};
use crate::trust_store::TrustStore;

/// Largest genesis that is read.
const MAX_GENESIS: usize = 256 * 1024;
/// Most logs of a ledger: a revocation names each of them.
const MAX_LOGS: usize = 16;

/// Why a genesis is refused.
#[derive(Debug, thiserror::Error)]
pub enum GenesisError {
    /// Larger than any genesis.
    #[error("the genesis file is too large")]
    TooLarge,
    /// Not JSON of the form.
    #[error("the genesis file is not of the format: {0}")]
    Json(#[from] serde_json::Error),
    /// Not Base64.
    #[error("a certificate in the genesis file is not base64")]
    Base64,
    /// The logs contradict each other, or the rest of the file.
    #[error("the logs in the genesis file: {0}")]
    Logs(&'static str),
    /// The witness policy is malformed.
    #[error("the witness policy in the genesis file: {0}")]
    Policy(#[from] PolicyError),
    /// A registrar's certificate does not lead to its domain's root.
    #[error("the registrar of {domain}: {reason}")]
    Registrar {
        /// The trust domain.
        domain: String,
        /// What is wrong.
        reason: CertificateError,
    },
}

/// The trust anchors of a ledger, as pinned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Genesis {
    /// The ledger's name, from which the origins of its logs are formed.
    pub name: String,
    /// The logs, in the order in which a block's statements are applied; `trust` is among them, and held whole.
    pub logs: Vec<LogSpec>,
    /// The logs' keys, and how many of which witnesses must have cosigned (C2SP tlog-policy).
    pub policy: String,
    /// The trust domains. One that goes from a root to the next stands here with each.
    pub domains: Vec<GenesisDomain>,
    /// Root certificates for the node's TLS endpoint, if its certificate has no root that the platform trusts.
    #[serde(default)]
    pub tls: Vec<Base64>,
}

/// A trust domain in the genesis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenesisDomain {
    /// Its name.
    pub name: String,
    /// Its root certificate.
    pub root: Base64,
    /// The certificate of its registrar.
    pub registrar: Base64,
    /// The roles in which the registrar may enrol members.
    pub roles: Vec<String>,
}

/// Bytes that JSON carries as base64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base64(pub Vec<u8>);

impl Serialize for Base64 {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Self).map_err(|_| serde::de::Error::custom(GenesisError::Base64))
    }
}

impl Genesis {
    /// Reads a genesis file.
    pub fn parse(json: &[u8]) -> Result<Self, GenesisError> {
        if json.len() > MAX_GENESIS {
            return Err(GenesisError::TooLarge);
        }
        Ok(serde_json::from_slice(json)?)
    }

    /// Writes a genesis file.
    pub fn to_json(&self) -> String {
        // safe: strings and lists of strings always serialise.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// The trust anchors in use: which checkpoints to trust, and which members.
    pub fn trust_anchors(&self) -> Result<(Policy, TrustStore), GenesisError> {
        let mut trust = TrustStore::new();
        for domain in &self.domains {
            trust.pin(&domain.name, &domain.root.0);
            trust
                .appoint(&domain.registrar.0, domain.roles.iter().cloned())
                .map_err(|reason| GenesisError::Registrar { domain: domain.name.clone(), reason })?;
        }
        self.check_logs()?;
        Ok((self.policy.parse()?, trust))
    }

    fn check_logs(&self) -> Result<(), GenesisError> {
        let names: BTreeSet<LogName> = self.logs.iter().map(|log| log.name).collect();
        if names.len() != self.logs.len() || self.logs.len() > MAX_LOGS {
            return Err(GenesisError::Logs("a log is listed twice, or there are too many"));
        }
        if !self.logs.iter().any(|log| log.name == LogName::TRUST && log.held == Held::Whole) {
            return Err(GenesisError::Logs("the log `trust` is missing, or not held whole"));
        }
        let known = |domain: &String| self.domains.iter().any(|known| known.name == *domain);
        if !self.logs.iter().filter_map(|log| log.domain.as_ref()).all(known) {
            return Err(GenesisError::Logs("a log serves a domain that has no root here"));
        }
        Ok(())
    }

    /// The log of that name.
    pub fn log(&self, name: LogName) -> Option<&LogSpec> {
        self.logs.iter().find(|log| log.name == name)
    }

    /// Origin of the log `log` of this ledger.
    pub fn origin(&self, log: LogName) -> String {
        format!("{}/{log}", self.name)
    }
}
