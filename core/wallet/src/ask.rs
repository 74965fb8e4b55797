//! Histories that are asked of the node: what whoever signs next builds upon, and goods that no followed product covers, such
//! as a logistic unit on its way.

use countersign_custody::{AsOf, History, Log as Custody, Profile, Route};
use countersign_ledger::{
    CertificateError, Hash, HistoryError, IndexEntry, IndexKey, IndexProof, Logged, Subject, Trust,
    TrustedCheckpoint, UnixMillis,
};

use crate::act::ActError;
use crate::client::{Client, ClientError};
use crate::intake::verify_page;
use crate::links::Links;
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
    history: Vec<Logged>,
    around: Vec<Vec<Logged>>,
    as_of: AsOf,
}

impl Asked {
    /// Every statement on them, oldest first.
    pub fn history(&self) -> &[Logged] {
        &self.history
    }

    /// Their route, verified by an industry's rules; `None` if nothing is stated of them.
    pub fn route(&self, profile: &Profile, now: UnixMillis) -> Option<Route> {
        let history = |statements| History { log: Custody::Supply, domain: Some(&self.domain), statements };
        let around: Vec<History<'_>> = self.around.iter().map(|one| history(one)).collect();
        Route::of_history(profile, &history(&self.history), &around, self.as_of, now)
    }
}

impl Snapshot {
    /// Asks the node for all that there is on some goods, with what it builds on, and verifies it at the newest checkpoint.
    /// Revocations are those of the last sync.
    pub fn ask(&mut self, client: &Client, goods: &Subject) -> Result<Asked, ActError> {
        let mut trust = match &self.head {
            Some(head) => head.beliefs.trust().clone(),
            None => self.trust().map_err(|_| CertificateError::UnknownDomain)?,
        };
        let domain = self.genesis.domains.first().map(|domain| domain.name.clone()).unwrap_or_default();
        let (whole, checkpoint) = history(self, client, Log::Supply, goods, &mut trust)?;
        let as_of = AsOf { size: checkpoint.checkpoint().size(), at: checkpoint.cosigned_at() };
        let mut links = Links::default();
        let mut around = Vec::new();
        for one in &whole {
            links.meet(one.id(), one.links());
        }
        while let Some(linked) = links.missing() {
            let unknown = ActError::Linked { statement: linked };
            if around.len() == MAX_AROUND {
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
            around.push(other);
        }
        Ok(Asked { domain, history: whole, around, as_of })
    }
}

/// The whole history of a subject, verified, and the checkpoint at which it is complete.
pub(crate) fn history(
    snapshot: &mut Snapshot,
    client: &Client,
    log: Log,
    subject: &Subject,
    trust: &mut Trust,
) -> Result<(Vec<Logged>, TrustedCheckpoint), ActError> {
    'newer: for _ in 1..TRIES {
        let checkpoint = snapshot.see_newest(client, log)?;
        let (mut count, mut last, mut logged) = (0, None, Vec::new());
        loop {
            let page = match client.subject(log, checkpoint.checkpoint().size(), subject, count) {
                Err(ClientError::Gone) => continue 'newer,
                answer => answer?,
            };
            let entry = index_entry(&checkpoint, subject, &page.index_proof)?;
            for certificate in &page.certificates {
                trust.enrol(certificate)?;
            }
            logged.extend(verify_page(&page.entries, subject, last, &checkpoint, trust)?);
            count += page.entries.len() as u64;
            last = page.entries.last().map(|last| Hash::of(&last.statement)).or(last);
            match entry {
                None if count == 0 => return Ok((logged, checkpoint)),
                Some(entry) if count == entry.count && last == Some(entry.latest) => {
                    return Ok((logged, checkpoint));
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
    let key = IndexKey::new(subject.family(), subject.as_str());
    Ok(proof.verify(&key, checkpoint.checkpoint().index_root())?)
}
