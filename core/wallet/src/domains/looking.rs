//! Who looked at data: what domains noted on their own logs, held against the licences (the paper's joint audit).

use std::collections::BTreeMap;

use countersign_domains::{AccessEntry, DataKey, Finding, Trace, domain_id};
use countersign_ledger::{Hash, Subject, UnixMillis};

use super::authorization::Authorization;
use super::data_ledgers::DataLedgers;
use super::error::DomainsError;
use super::tracing::World;
use crate::snapshot::Snapshot;

/// An access, as a domain has noted it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedAccess {
    /// The domain that noted it.
    pub domain: String,
    /// The statement.
    pub statement: Hash,
    /// The data.
    pub key: DataKey,
    /// What was done, by whom, under which licence.
    pub entry: AccessEntry,
    /// When, by the domain's word; but not before what the domain had seen of the log across domains.
    pub at: UnixMillis,
    /// The request that the licence answers.
    pub request: Option<Subject>,
    /// The domain whose authority asked.
    pub from: Option<String>,
    /// All that is wrong with it.
    pub findings: Vec<Finding>,
}

/// Every access that the domains have noted, the newest first, as of the last syncs. It is complete as far as domains note what they
/// answer: no log shows what was not put there.
pub fn looked_at(snapshot: &Snapshot, ledgers: &DataLedgers) -> Result<Vec<LoggedAccess>, DomainsError> {
    let shared = Authorization::of(snapshot)?;
    let world = World::of(ledgers, &shared)?;
    let mut traces: BTreeMap<DataKey, Trace> = BTreeMap::new();
    let mut list = Vec::new();
    for log in &world.logs {
        // Of those in one second the later one first.
        for noted in log.accesses.iter().rev() {
            let known = world.licences.get(&noted.entry.licence);
            // A domain that has seen the revocation answers after it, whatever its clock says.
            let revoked = known.and_then(|(thread, _)| shared.request(thread)?.revoked);
            let after = revoked.filter(|revoked| noted.anchor.is_some_and(|seen| seen > revoked.place));
            let at = after.map_or(noted.at, |revoked| noted.at.max(revoked.at));
            let findings = match known {
                // A licence is for what one domain holds.
                Some((_, licence)) if licence.thread.to == domain_id(&log.domain) => {
                    let trace = traces.entry(licence.key).or_insert_with(|| world.trace(licence.key));
                    licence.findings(&noted.entry, at, trace)
                }
                _ => vec![Finding::NoLicence],
            };
            list.push(LoggedAccess {
                domain: log.domain.clone(),
                statement: noted.statement,
                key: noted.key,
                entry: noted.entry.clone(),
                at,
                request: known.map(|(thread, _)| thread.clone()),
                from: known.and_then(|(_, licence)| shared.domain_named(licence.thread.from)),
                findings,
            });
        }
    }
    list.sort_by_key(|access| std::cmp::Reverse(access.at));
    Ok(list)
}
