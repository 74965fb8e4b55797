//! From the database to a verdict: what is proven is judged once, and then kept warm while the head stays.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use countersign_custody::{
    AsOf, Dossier, Facts, Item, Now, Profile, Reading, Reason, SerialFilter, Verdict, VerdictKind, verdict,
};
use countersign_ledger::{Hash, IndexEntry, LogName, Subject, UnixMillis};

use super::database::domain;
use super::{Head, Health, Snapshot};
use crate::facts::{self, PRODUCTS, Scope, as_of, digest};
use crate::item::item_in;
use crate::store::{self, StoreError};

/// Of how many other readings of a code the lot is looked for: each asks the filter of every lot.
const MAX_LOCATED: usize = 4;

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
        let item = self.with_readings_located(item)?;
        let mut places = self.located(&item)?;
        match places.len() {
            0 => self.check_as_read(&item, now),
            1 => self.check_as_read(&places.remove(0), now),
            // It is of one of these lots. A warning on any of them counts, a suspicion of some is none of this pack.
            _ => {
                let verdicts = places
                    .iter()
                    .map(|place| self.check_as_read(place, now))
                    .collect::<Result<Vec<_>, _>>()?;
                let mild = verdicts.into_iter().filter(|verdict| verdict.kind <= VerdictKind::Attention);
                mild.max_by_key(|verdict| verdict.kind).map_or_else(|| self.check_as_read(&item, now), Ok)
            }
        }
    }

    /// An item that names a serial and no lot, as one of each lot that is proven to have the serial.
    fn located(&mut self, item: &Item) -> Result<Vec<Item>, SnapshotDamaged> {
        let (Some(serial), None) = (&item.serial, &item.lot) else { return Ok(Vec::new()) };
        let lots: BTreeSet<Subject> = self.lots_that_may_hold(&item.class, serial)?.into_iter().collect();
        if lots.is_empty() {
            return Ok(Vec::new());
        }
        let dossier = self.load(Scope { class: item.class.clone(), lots: lots.clone() })?;
        let holds = |lot: &&Subject| dossier.as_ref().is_some_and(|dossier| dossier.holds(lot, serial));
        Ok(lots.iter().filter(holds).filter_map(|lot| item_in(item, lot)).collect())
    }

    /// The item with the first readings that name a serial and no lot as of the lot that has it.
    fn with_readings_located<'a>(&mut self, item: &'a Item) -> Result<Cow<'a, Item>, SnapshotDamaged> {
        let mut item = Cow::Borrowed(item);
        let lacks_lot = |reading: &Reading| reading.item.lot.is_none() && reading.item.serial.is_some();
        let lacking: Vec<usize> =
            (0..item.readings.len()).filter(|&at| lacks_lot(&item.readings[at])).take(MAX_LOCATED).collect();
        for at in lacking {
            if let [place] = self.located(&item.readings[at].item)?.as_slice() {
                item.to_mut().readings[at].item = place.clone();
            }
        }
        Ok(item)
    }

    fn check_as_read(&mut self, item: &Item, now: Now) -> Result<Verdict, SnapshotDamaged> {
        let dossier = self.dossier(item)?;
        if dossier.is_none() && self.health == Health::Damaged && self.head.is_none() {
            return Err(SnapshotDamaged);
        }
        let near = verdict(item, dossier.as_deref(), now);
        // Whether another lot of the class knows the serial matters only when this one does not.
        let elsewhere = near.reasons.iter().any(|reason| {
            matches!(reason, Reason::UnknownLot | Reason::UnknownSerial | Reason::Misread { .. })
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

    /// The lot of the pack of this class that has this serial number; `None` if no lot that is here has it, or several
    /// do.
    pub fn lot_of(&mut self, class: &Subject, serial: &str) -> Result<Option<Subject>, SnapshotDamaged> {
        let lots = self.lots_that_may_hold(class, serial)?.into_iter().collect();
        let dossier = self.load(Scope { class: class.clone(), lots })?;
        let mut lots = dossier.iter().flat_map(|dossier| dossier.lots_of(serial));
        Ok(lots.next().filter(|_| lots.next().is_none()).cloned())
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
        let members = members.map(|subject| (digest(subject), unknown)).collect();
        let facts = self.of_trust_log(&item.class, head, members, (as_of(supply), as_of(trust)));
        let mut verdict = verdict(item, judged(self.profiles, facts).as_ref(), now);
        verdict.reasons.retain(|reason| !matches!(reason, Reason::NotFollowed { .. }));
        verdict
    }

    /// Whether the trust log says something about a product.
    pub(crate) fn is_warned_of(&self, class: &Subject) -> bool {
        self.head.as_ref().is_some_and(|head| head.whole.has_about(class))
    }

    /// The warnings about a product that is not followed, by the trust log alone: those whose signer needs nothing from
    /// elsewhere to be entitled to them.
    pub(crate) fn warnings(&self, item: &Item, clock: UnixMillis) -> Vec<Reason> {
        let checkpoints = self.checkpoint(PRODUCTS).zip(self.checkpoint(LogName::TRUST));
        let Some((head, (supply, trust))) = self.head.as_ref().zip(checkpoints) else { return Vec::new() };
        let facts = self.of_trust_log(&item.class, head, BTreeMap::new(), (as_of(supply), as_of(trust)));
        let verdict = verdict(item, judged(self.profiles, facts).as_ref(), self.now(clock));
        let warns = |reason: &Reason| matches!(reason, Reason::Recalled(_) | Reason::Suspended(_));
        verdict.reasons.into_iter().filter(warns).collect()
    }

    /// The facts on a product without its own histories.
    fn of_trust_log(
        &self,
        class: &Subject,
        head: &Head,
        members: BTreeMap<Hash, IndexEntry>,
        (supply, trust): (AsOf, AsOf),
    ) -> Facts {
        Facts {
            domain: domain(&self.genesis),
            class: class.clone(),
            history: Vec::new(),
            members,
            lots: Vec::new(),
            units: Vec::new(),
            dependencies: BTreeMap::new(),
            alerts: head.whole.about(class),
            supply,
            earlier: Vec::new(),
            trust,
        }
    }
}

fn judged(profiles: &[Profile], facts: Facts) -> Option<Dossier> {
    Some(Dossier::new(facts.profile(profiles)?, facts))
}
