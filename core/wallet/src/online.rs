//! Histories that are asked of the node: what whoever signs next builds upon, and goods that no followed product covers, such
//! as a logistic unit on its way.

use countersign_custody::{AsOf, History, Log as Custody, Profile, Route};
use countersign_ledger::{
    CertificateError, Hash, HistoryError, IndexEntry, IndexKey, IndexProof, Placed, Subject, TrustStore,
    TrustedCheckpoint, UnixMillis,
};

use crate::issuer::ActError;
use crate::client::{Client, ClientError};
use crate::verify_pages::verify_page;
use crate::missing_links::MissingLinks;
use crate::log::Log;
use crate::snapshot::Snapshot;
use crate::store::{self, StoreError};

/// How often a history is asked again, when a busy log has moved on between two requests.
const TRIES: u32 = 10;
/// Most histories that another may build on: a unit's on some lots', these on their classes' and orders'.
const MAX_AROUND: usize = 64;

/// What the ledger holds on some goods.
#[derive(Clone, Debug)]
pub struct Asked {
    domain: String,
    history: Vec<Placed>,
    dependencies: Vec<Vec<Placed>>,
    as_of: AsOf,
}

impl Asked {
    /// Every statement on them, oldest first.
    pub fn history(&self) -> &[Placed] {
        &self.history
    }

    /// Their route, verified by an industry's rules; `None` if nothing is stated of them.
    pub fn route(&self, profile: &Profile, now: UnixMillis) -> Option<Route> {
        let history = |statements| History { log: Custody::Supply, domain: Some(&self.domain), statements };
        let dependencies: Vec<History<'_>> = self.dependencies.iter().map(|one| history(one)).collect();
        Route::of_history(profile, &history(&self.history), &dependencies, self.as_of, now)
    }
}

impl Snapshot {
    /// Asks the node for all that there is on some goods, with what it builds on, and verifies it at the newest checkpoint.
    /// Revocations are those of the last sync.
    pub fn ask(&mut self, client: &Client, goods: &Subject) -> Result<Asked, ActError> {
        let mut trust = match &self.head {
            Some(head) => head.trust_log.trust().clone(),
            None => self.trust().map_err(|_| CertificateError::UnknownDomain)?,
        };
        let domain = self.genesis.domains.first().map(|domain| domain.name.clone()).unwrap_or_default();
        let (whole, checkpoint) = history(self, client, Log::Supply, goods, &mut trust)?;
        let as_of = AsOf { size: checkpoint.checkpoint().size(), at: checkpoint.cosigned_at() };
        let mut links = MissingLinks::default();
        let mut dependencies = Vec::new();
        for one in &whole {
            links.meet(one.id(), one.links());
        }
        while let Some(linked) = links.missing() {
            let unknown = ActError::Linked { statement: linked };
            if dependencies.len() == MAX_AROUND {
                return Err(unknown);
            }
            let subject = self.find_linked(client, linked)?;
            let (other, _) = history(self, client, Log::Supply, &subject, &mut trust)?;
            for one in &other {
                links.meet(one.id(), one.links());
            }
            if !links.has_met(linked) {
                // The node said something else than the log holds; it is asked again the next time.
                self.store.stage::<_, StoreError>(|tx| store::forget_link(tx, linked))?;
                return Err(unknown);
            }
            dependencies.push(other);
        }
        Ok(Asked { domain, history: whole, dependencies, as_of })
    }
}

/// The whole history of a subject, verified, and the checkpoint at which it is complete.
pub(crate) fn history(
    snapshot: &mut Snapshot,
    client: &Client,
    log: Log,
    subject: &Subject,
    trust: &mut TrustStore,
) -> Result<(Vec<Placed>, TrustedCheckpoint), ActError> {
    'newer: for _ in 1..TRIES {
        let checkpoint = snapshot.see_newest(client, log)?;
        let (mut count, mut last, mut placed) = (0, None, Vec::new());
        loop {
            let page = match client.subject(log, checkpoint.checkpoint().size(), subject, count) {
                Err(ClientError::Gone) => continue 'newer,
                answer => answer?,
            };
            let entry = index_entry(&checkpoint, subject, &page.index_proof)?;
            for certificate in &page.certificates {
                trust.enrol(certificate)?;
            }
            placed.extend(verify_page(&page.entries, subject, last, &checkpoint, trust)?);
            count += page.entries.len() as u64;
            last = page.entries.last().map(|last| Hash::of(&last.statement)).or(last);
            match entry {
                None if count == 0 => return Ok((placed, checkpoint)),
                Some(entry) if count == entry.count && last == Some(entry.latest) => {
                    return Ok((placed, checkpoint));
                }
                Some(entry) if count < entry.count && !page.entries.is_empty() => {}
                _ => return Err(HistoryError::Incomplete.into()),
            }
        }
    }
    Err(ClientError::Gone.into())
}

/// What the subject index says of a subject.
pub(crate) fn index_entry(
    checkpoint: &TrustedCheckpoint,
    subject: &Subject,
    proof: &IndexProof,
) -> Result<Option<IndexEntry>, HistoryError> {
    let key = IndexKey::of(subject);
    Ok(proof.verify(&key, checkpoint.checkpoint().index_root())?)
}
