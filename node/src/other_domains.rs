//! Further trust domains of a ledger that several share: each has its own registrar, whose key is elsewhere.
//!
//! The node keeps the registrar's key of its own domain alone. Members of another domain are enrolled by a statement that
//! the registrar there signs ([`Request::Introduce`](crate::Request)), and anybody may bring.

use std::path::PathBuf;

use countersign_ledger::{Families, Genesis, GenesisDomain, GenesisError};
use serde::Deserialize;

use crate::files;

/// Most of them: a genesis has room for more, and nobody has seen so many notaries agree.
pub(crate) const MAX_DOMAINS: usize = 32;
/// Largest genesis that is read.
const MAX_FILE: u64 = 256 * 1024;

/// Why another domain's trust anchors cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OtherDomainError {
    /// The file cannot be read.
    #[error("the genesis of another domain, {path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// The file is not a genesis.
    #[error("the genesis of another domain, {path}: {source}")]
    Format {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: GenesisError,
    },
    /// The genesis is that of others.
    #[error("{path} names no trust domain `{name}`")]
    Absent {
        /// Which file.
        path: PathBuf,
        /// The domain.
        name: String,
    },
    /// No family of rules has this role.
    #[error("`{role}`, a role of the domain {name}, is none; the roles are {}", .roles.join(", "))]
    Role {
        /// The domain.
        name: String,
        /// The role.
        role: String,
        /// Those that there are.
        roles: Vec<String>,
    },
}

/// Another trust domain, as configured.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtherDomain {
    /// Its name.
    pub name: String,
    /// The genesis file of a ledger of its own, from which its root and the certificate of its registrar are taken.
    pub genesis: PathBuf,
    /// The roles in which its registrar may enrol members here.
    pub roles: Vec<String>,
}

impl OtherDomain {
    /// Its trust anchors: one, or several while it goes from a root to the next.
    pub(crate) fn read(&self, families: &Families) -> Result<Vec<GenesisDomain>, OtherDomainError> {
        let path = || self.genesis.clone();
        let json = files::read(&self.genesis, MAX_FILE)
            .map_err(|source| OtherDomainError::File { path: path(), source })?;
        let genesis =
            Genesis::parse(&json).map_err(|source| OtherDomainError::Format { path: path(), source })?;
        let known = families.roles();
        if let Some(role) = self.roles.iter().find(|role| !known.contains(role.as_str())) {
            let roles = known.into_iter().map(str::to_owned).collect();
            return Err(OtherDomainError::Role { name: self.name.clone(), role: role.clone(), roles });
        }
        let own = genesis.domains.into_iter().filter(|domain| domain.name == self.name);
        let anchors: Vec<_> =
            own.map(|domain| GenesisDomain { roles: self.roles.clone(), ..domain }).collect();
        if anchors.is_empty() {
            return Err(OtherDomainError::Absent { path: path(), name: self.name.clone() });
        }
        Ok(anchors)
    }
}
