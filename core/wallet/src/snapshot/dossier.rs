//! From the database to a verdict: what is proven is judged once, and then kept warm while the head stays.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_custody::{Dossier, Facts, Item, Now, Profile, Reason, SerialFilter, Verdict, verdict};
use countersign_ledger::{Hash, IndexEntry, LogName, Subject, UnixMillis};

use super::database::domain;
use super::{Health, Snapshot};
use crate::facts::{self, PRODUCTS, Scope, as_of, digest};
use crate::store::{self, StoreError};

/// What this wallet stored is not what it once proved: something in the database was changed or damaged. Nothing is
/// reported from it; the next sync fetches it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the snapshot is damaged; a sync repairs it")]
pub struct SnapshotDamaged;

impl From<StoreError> for SnapshotDamaged {
    fn from(_: StoreError) -> Self {
        Self
    }
}

impl Snapshot {
    /// The verdict on what was read from a pack, when the phone's clock shows `clock`. Never fails, needs no network,
    /// changes nothing stored.
    pub fn check(&mut self, item: &Item, clock: UnixMillis) -> Verdict {
        let now = self.now(clock);
        self.try_check(item, now).unwrap_or_else(|SnapshotDamaged| {
            self.health = Health::Damaged;
            self.damaged(item, now)
        })
    }

    fn try_check(&mut self, item: &Item, now: Now) -> Result<Verdict, SnapshotDamaged> {
        let dossier = self.dossier(item)?;
        if dossier.is_none() && self.health == Health::Damaged && self.head.is_none() {
            return Err(SnapshotDamaged);
        }
        let near = verdict(item, dossier.as_deref(), now);
        // Whether another lot of the class knows the serial matters only when this one does not.
        let elsewhere = near.reasons.iter().any(|reason| {
            matches!(reason, Reason::UnknownLot | Reason::UnknownSerial | Reason::SeparatorLost { .. })
        });
        let Some(serial) = item.serial.as_ref().filter(|_| elsewhere) else { return Ok(near) };
        let mut scope = Scope::of(item);
        scope.lots.extend(self.lots_that_may_hold(&item.class, serial)?);
        Ok(verdict(item, self.load(scope)?.as_deref(), now))
    }

    /// The lots of a class that may hold a serial, by filters that nobody has verified yet. To verify them all would take
    /// seconds where there are thousands; those that are named here are verified, and so is what is not as it was stored.
    fn lots_that_may_hold(&self, class: &Subject, serial: &str) -> Result<Vec<Subject>, SnapshotDamaged> {
        let may_hold = |digest: Hash, bytes: Option<&[u8]>| {
            let whole = bytes.filter(|bytes| Hash::of(bytes) == digest);
            let filter = whole.and_then(|bytes| SerialFilter::parse(bytes).ok());
            filter.is_none_or(|filter| filter.contains(serial))
        };
        let lots = store::lots_by_filter(self.store.read(), PRODUCTS, class.as_str(), may_hold)?;
        Ok(lots.into_iter().filter_map(|lot| Subject::new(lot).ok()).collect())
    }

    /// What is proven of the item's class, with the lots that the item and its other readings name; `None` if nothing of
    /// the class is followed and here. The first time everything is verified, later it is at hand.
    pub fn dossier(&mut self, item: &Item) -> Result<Option<Arc<Dossier>>, SnapshotDamaged> {
        self.load(Scope::of(item))
    }

    /// The statements behind [`Self::dossier`], verified again, for whoever tells them elsewhere.
    pub fn facts(&mut self, item: &Item) -> Result<Option<Facts>, SnapshotDamaged> {
        self.assemble(&Scope::of(item))
    }

    fn load(&mut self, scope: Scope) -> Result<Option<Arc<Dossier>>, SnapshotDamaged> {
        if let Some(warm) = self.warm.get(&scope) {
            return Ok(warm.clone());
        }
        let facts = self.assemble(&scope)?;
        let dossier = facts.and_then(|facts| judged(self.profiles, facts)).map(Arc::new);
        self.warm.insert(scope, dossier.clone());
        Ok(dossier)
    }

    fn assemble(&mut self, scope: &Scope) -> Result<Option<Facts>, SnapshotDamaged> {
        let profiles = self.profiles;
        let Some(mut database) = self.database(PRODUCTS) else { return Ok(None) };
        if database.ready(&scope.class)?.is_empty() {
            return Ok(None);
        }
        facts::assemble(&mut database, profiles, scope).map(Some)
    }

    /// The verdict when what was stored is not what was proven: warnings from the trust log stay, nothing else does.
    fn damaged(&self, item: &Item, now: Now) -> Verdict {
        let checkpoints = self.checkpoint(PRODUCTS).zip(self.checkpoint(LogName::TRUST));
        let Some((head, (supply, trust))) = self.head.as_ref().zip(checkpoints) else {
            let mut verdict = verdict(item, None, now);
            for reason in &mut verdict.reasons {
                if matches!(reason, Reason::NotFollowed { .. }) {
                    *reason = Reason::SnapshotDamaged;
                }
            }
            return verdict;
        };
        // The class counts a statement that is not here, so the dossier is seen to be damaged; the lot is known and not
        // here, so nothing is held against it.
        let unknown = IndexEntry { count: 1, latest: Hash::default() };
        let members = [Some(&item.class), item.lot.as_ref()].into_iter().flatten();
        let facts = Facts {
            domain: domain(&self.genesis),
            class: item.class.clone(),
            history: Vec::new(),
            members: members.map(|subject| (digest(subject), unknown)).collect(),
            lots: Vec::new(),
            units: Vec::new(),
            dependencies: BTreeMap::new(),
            alerts: head.whole.about(&item.class),
            supply: as_of(supply),
            earlier: Vec::new(),
            trust: as_of(trust),
        };
        let mut verdict = verdict(item, judged(self.profiles, facts).as_ref(), now);
        verdict.reasons.retain(|reason| !matches!(reason, Reason::NotFollowed { .. }));
        verdict
    }
}

fn judged(profiles: &[Profile], facts: Facts) -> Option<Dossier> {
    Some(Dossier::new(facts.profile(profiles)?, facts))
}
