//! What an owner of data does: name it, publish its policy, state what it was made of.

use std::sync::Arc;

use countersign_domains::{DATA, DataKey, DataPolicy, DataState, Policy, Step, domain_id, owner_id};
use countersign_ledger::{Hash, UnixMillis};
use zeroize::Zeroizing;

use super::data_ledgers::DataLedger;
use super::data_log::DataLog;
use super::error::DomainsError;
use super::{Domains, PATIENCE, recorded};
use crate::client::Client;
use crate::issuer::{Issuer, Recorded};

/// The secret that salts are made of.
const SALTS: &str = "trust-domain-salts";

/// Data by its name on the logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedData {
    /// The name.
    pub key: DataKey,
    /// What makes it unguessable: whoever gets the data gets this as well, and can compute the name. It is made of a secret in
    /// the key store and the data itself, so nothing is to be written down.
    pub salt: Zeroizing<[u8; 32]>,
}

/// A state of data that is to be stated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewState {
    /// The data in this state.
    pub key: DataKey,
    /// The states that it was made of.
    pub parents: Vec<Hash>,
    /// How.
    pub step: Step,
    /// The licence under which it was made, if its parents are another's.
    pub licence: Option<Hash>,
}

/// A state that was stated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatedData {
    /// Its id.
    pub sid: Hash,
    /// Its place on the domain's log.
    pub recorded: Recorded,
}

impl Domains<'_> {
    /// The name of one's data.
    pub fn name_data(&self, data: &[u8]) -> Result<NamedData, DomainsError> {
        let secret = self.secret(SALTS)?;
        let digest = Hash::of(data);
        let salt = Hash::framed("countersign/data-salt/v1", &[&*secret, digest.as_bytes()]);
        Ok(NamedData { key: DataKey::of_data(&salt.0, data), salt: Zeroizing::new(salt.0) })
    }

    /// Publishes who may do what with one's data, for the first time or in place of what held before. `location` is the state that
    /// the data is in. What was licensed before holds on until it is revoked.
    pub fn publish(
        &mut self,
        client: &Client,
        key: DataKey,
        (policy, location): (&Policy, Hash),
        now: UnixMillis,
    ) -> Result<Recorded, DomainsError> {
        let log = self.refresh(client, now)?;
        let before = log.published(key);
        if before.as_ref().is_some_and(|before| before.owner != *self.identity()) {
            return Err(DomainsError::NotTheOwner);
        }
        let same = before.as_ref().filter(|one| one.policy == *policy && one.location == location);
        if let Some(known) = same.and_then(|one| recorded(&log, one.statement)) {
            return Ok(known);
        }
        let version = before.map_or(1, |before| before.version.saturating_add(1));
        let policy = DataPolicy { policy: policy.clone(), location, version };
        self.record(client, &policy.draft(key, None), now)
    }

    /// States on one's own domain's log what data was made of. What is stated already is not stated again.
    pub fn state_data(
        &mut self,
        (ledger, client): (&mut DataLedger, &Client),
        new: &NewState,
        now: UnixMillis,
    ) -> Result<StatedData, DomainsError> {
        Issuer::new(ledger.snapshot_mut(), client, Arc::clone(&self.keys)).send(now)?;
        ledger.snapshot_mut().sync(client, PATIENCE)?;
        let shared = self.authorization()?;
        let log = DataLog::of(ledger, &shared)?;
        let own = owner_id(self.identity());
        let mut parents = new.parents.clone();
        parents.sort_unstable();
        let state = DataState {
            key: new.key,
            parents,
            step: new.step,
            actor: own,
            owner: own,
            chain: domain_id(self.identity().domain()),
            seq: ledger.snapshot().checkpoint(DATA).map_or(0, |head| head.checkpoint().size()),
            licence: new.licence,
        };
        if !state.is_sound() {
            return Err(DomainsError::Unsound);
        }
        let same = |other: &DataState| DataState { seq: state.seq, ..other.clone() } == state;
        if let Some(known) = log.states.iter().find(|stated| same(&stated.state)) {
            return Ok(StatedData { sid: known.sid, recorded: log.recorded(known) });
        }
        let recorded = self.record_on((ledger, client), &state.draft(shared.anchor()), now)?;
        Ok(StatedData { sid: state.sid(), recorded })
    }
}
