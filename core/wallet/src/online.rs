//! Histories that are asked of the node: what whoever signs next builds upon, and goods that no followed product covers, such
//! as a logistic unit on its way.

use countersign_custody::{AsOf, History, Now, Profile, Route};
use countersign_ledger::{
    CertificateError, Entry, Hash, HistoryError, IndexEntry, IndexKey, IndexProof, LogName, Subject,
    TrustStore, TrustedCheckpoint,
};

use crate::act::ActError;
use crate::client::{Client, ClientError};
use crate::facts::{self, Histories, PRODUCTS, as_of};
use crate::missing_links::MissingLinks;
use crate::snapshot::{Snapshot, domain};
use crate::store::{self, StoreError};
use crate::verify_pages::verify_page;

/// How often a history is asked again, when a busy log has moved on between two requests.
const TRIES: u32 = 10;
/// Most histories that another may build on: a unit's on some lots', these on their classes' and orders'.
const MAX_DEPENDENCIES: usize = 64;

/// What the ledger holds on some goods.
#[derive(Clone, Debug)]
pub struct Asked {
    domain: String,
    history: Vec<Entry>,
    dependencies: Vec<Vec<Entry>>,
    logs: Vec<(LogName, AsOf)>,
}

impl Asked {
    /// Every statement on them, oldest first, void ones in their place.
    pub fn history(&self) -> &[Entry] {
        &self.history
    }

    /// Every statement that these build on elsewhere, as those on the lots of what was packed.
    pub fn dependencies(&self) -> impl Iterator<Item = &Entry> {
        self.dependencies.iter().flatten()
    }

    /// Their route, verified by an industry's rules; `None` if nothing is stated of them.
    pub fn route(&self, profile: &Profile, now: impl Into<Now>) -> Option<Route> {
        let history = |entries| History { log: PRODUCTS, domain: Some(&self.domain), entries };
        let dependencies: Vec<History<'_>> = self.dependencies.iter().map(|one| history(one)).collect();
        Route::of_history(profile, &history(&self.history), &dependencies, &self.logs, now)
    }
}

impl Snapshot {
    /// Asks the node for all that there is on some goods, with its dependencies, and verifies it at the newest checkpoint.
    /// Revocations are those of the last sync.
    pub fn ask(&mut self, client: &Client, goods: &Subject) -> Result<Asked, ActError> {
        let trust = self.trust().map_err(|_| CertificateError::UnknownDomain)?;
        let revocations = self.checkpoint(LogName::TRUST).map(|head| (LogName::TRUST, as_of(head)));
        let domain = domain(&self.genesis);
        let mut node = Online { snapshot: self, client, log: PRODUCTS, trust, asked: 0 };
        let (history, checkpoint) = node.history_at(goods)?;
        let mut links = MissingLinks::default();
        links.meet_all(&history);
        let dependencies = facts::dependencies(&mut node, &mut links)?.into_values().collect();
        let logs = [(PRODUCTS, as_of(&checkpoint))].into_iter().chain(revocations).collect();
        Ok(Asked { domain, history, dependencies, logs })
    }
}

/// A node's proofs about one log, each at the newest checkpoint.
pub(crate) struct Online<'a> {
    pub(crate) snapshot: &'a mut Snapshot,
    pub(crate) client: &'a Client,
    pub(crate) log: LogName,
    pub(crate) trust: TrustStore,
    /// How many dependencies were asked for.
    pub(crate) asked: usize,
}

impl Online<'_> {
    /// The whole history of a subject, verified, and the checkpoint at which it is complete.
    pub(crate) fn history_at(
        &mut self,
        subject: &Subject,
    ) -> Result<(Vec<Entry>, TrustedCheckpoint), ActError> {
        'newer: for _ in 1..TRIES {
            let checkpoint = self.snapshot.see_newest(self.client, self.log)?;
            let (mut last, mut history) = (None, Vec::new());
            loop {
                let count = history.len() as u64;
                let page = match self.client.subject(self.log, checkpoint.checkpoint().size(), subject, count)
                {
                    Err(ClientError::Gone) => continue 'newer,
                    answer => answer?,
                };
                let entry = index_entry(&checkpoint, subject, &page.index_proof)?;
                for certificate in &page.certificates {
                    self.trust.enrol(certificate)?;
                }
                history.extend(verify_page(&page.entries, subject, last, &checkpoint, &self.trust)?);
                last = history.last().map(Entry::id);
                match entry {
                    None if history.is_empty() => return Ok((history, checkpoint)),
                    Some(entry) if history.len() as u64 == entry.count && last == Some(entry.latest) => {
                        return Ok((history, checkpoint));
                    }
                    Some(entry) if (history.len() as u64) < entry.count && !page.entries.is_empty() => {}
                    _ => return Err(HistoryError::Incomplete.into()),
                }
            }
        }
        Err(ClientError::Gone.into())
    }
}

impl Histories for Online<'_> {
    type Error = ActError;

    fn history(&mut self, subject: &Subject) -> Result<Vec<Entry>, ActError> {
        Ok(self.history_at(subject)?.0)
    }

    fn linked(&mut self, statement: Hash) -> Result<Subject, ActError> {
        self.asked += 1;
        if self.asked > MAX_DEPENDENCIES {
            return Err(ActError::Linked { statement });
        }
        Ok(self.snapshot.find_linked(self.client, self.log, statement)?)
    }

    /// The node said something else than the log holds; it is asked again the next time.
    fn not_linked(&mut self, statement: Hash) -> ActError {
        let log = self.log;
        let forgotten =
            self.snapshot.store.stage::<_, StoreError>(|tx| store::forget_link(tx, log, statement));
        forgotten.map_or_else(ActError::from, |()| ActError::Linked { statement })
    }
}

/// What the subject index says of a subject.
pub(crate) fn index_entry(
    checkpoint: &TrustedCheckpoint,
    subject: &Subject,
    proof: &IndexProof,
) -> Result<Option<IndexEntry>, HistoryError> {
    Ok(proof.verify(&IndexKey::of(subject), checkpoint.checkpoint().index_root())?)
}
