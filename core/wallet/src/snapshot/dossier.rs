//! From the database to a verdict: everything that is loaded is verified, and then kept warm while the head stands.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use countersign_custody::{
    AsOf, Contents, Dossier, Effect, Facts, Item, SubjectType, LotFacts, Profile, Reason, SerialFilter, UnitFacts,
    Verdict, verdict,
};
use countersign_ledger::{
    Family, FamilyProof, Hash, HistoryEntry, HistoryError, IndexEntry, Placed, Policy, Refusal, Statement,
    Subject, TrustStore, TrustedCheckpoint, UnixMillis,
};
use rusqlite::Connection;

use super::follow::{contents, lot_and_class};
use super::{Head, Health, Snapshot};
use crate::trust_log;
use crate::verify_pages::{Page, verify_page, verify_pages};
use crate::missing_links::MissingLinks;
use crate::log::Log;
use crate::store::{self, StoreError, Stored};

/// What a dossier covers: a class, and lots of it by name.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Scope {
    class: Subject,
    lots: BTreeSet<Subject>,
}

impl Scope {
    /// The lots that an item and its other readings name.
    fn of(item: &Item) -> Self {
        let lots = [item].into_iter().chain(&item.readings).filter_map(|item| item.lot.clone()).collect();
        Self { class: item.class.clone(), lots }
    }
}

/// What this wallet stored is not what it once proved: something in the database was changed or damaged. Nothing is told
/// from it; the next sync fetches it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the snapshot is damaged; a sync repairs it")]
pub struct SnapshotDamaged;

impl From<StoreError> for SnapshotDamaged {
    fn from(_: StoreError) -> Self {
        Self
    }
}

impl Snapshot {
    /// The verdict on what was read from a pack. Never fails, needs no network, changes nothing stored.
    pub fn check(&mut self, item: &Item, now: UnixMillis) -> Verdict {
        self.try_check(item, now).unwrap_or_else(|SnapshotDamaged| {
            self.health = Health::Damaged;
            self.damaged(item, now)
        })
    }

    fn try_check(&mut self, item: &Item, now: UnixMillis) -> Result<Verdict, SnapshotDamaged> {
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
        let lots = store::lots_by_filter(self.store.read(), class.as_str(), may_hold)?;
        Ok(lots.into_iter().filter_map(|lot| Subject::new(lot).ok()).collect())
    }

    /// What is proven of the item's class, with the lots that the item and its other readings name; `None` if nothing of
    /// the class is followed and here. The first time everything is verified, later it is at hand.
    pub fn dossier(&mut self, item: &Item) -> Result<Option<Arc<Dossier>>, SnapshotDamaged> {
        self.load(Scope::of(item))
    }

    /// The statements behind [`Self::dossier`], verified again, for whoever tells them elsewhere.
    pub fn facts(&mut self, item: &Item) -> Result<Option<Facts>, SnapshotDamaged> {
        match self.loader() {
            Some(mut loader) => loader.facts(&Scope::of(item)),
            None => Ok(None),
        }
    }

    fn load(&mut self, scope: Scope) -> Result<Option<Arc<Dossier>>, SnapshotDamaged> {
        if let Some(warm) = self.warm.get(&scope) {
            return Ok(warm.clone());
        }
        let facts = match self.loader() {
            Some(mut loader) => loader.facts(&scope)?,
            None => None,
        };
        let dossier = facts.and_then(|facts| judged(&self.profiles, facts)).map(Arc::new);
        self.warm.insert(scope, dossier.clone());
        Ok(dossier)
    }

    pub(crate) fn loader(&mut self) -> Option<Loader<'_>> {
        let head = self.head.as_mut()?;
        Some(Loader {
            connection: self.store.read(),
            origin: self.genesis.origin(Log::Supply.as_str()),
            domain: &self.genesis.domains.first()?.name,
            policy: &self.policy,
            profiles: &self.profiles,
            links: MissingLinks::default(),
            earlier: BTreeMap::new(),
            head,
            paths_to: &mut self.paths_to,
        })
    }

    /// The verdict when what was stored is not what was proven: warnings from the trust log stand, nothing else does.
    fn damaged(&self, item: &Item, now: UnixMillis) -> Verdict {
        let Some(head) = &self.head else {
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
            domain: self.genesis.domains.first().map(|domain| domain.name.clone()).unwrap_or_default(),
            class: item.class.clone(),
            history: Vec::new(),
            members: members.map(|subject| (digest(subject), unknown)).collect(),
            lots: Vec::new(),
            units: Vec::new(),
            dependencies: BTreeMap::new(),
            alerts: head.trust_log.about(&item.class),
            supply: as_of(head.checkpoint(Log::Supply)),
            earlier: Vec::new(),
            trust: as_of(head.checkpoint(Log::Trust)),
        };
        let mut verdict = verdict(item, judged(&self.profiles, facts).as_ref(), now);
        verdict.reasons.retain(|reason| !matches!(reason, Reason::NotFollowed { .. }));
        verdict
    }
}

fn judged(profiles: &[Profile], facts: Facts) -> Option<Dossier> {
    Some(Dossier::new(facts.profile(profiles)?, facts))
}

/// Reads what is stored, and verifies it against the head.
pub(crate) struct Loader<'a> {
    pub(crate) connection: &'a Connection,
    origin: String,
    domain: &'a str,
    policy: &'a Policy,
    profiles: &'a [Profile],
    /// What the statements that were loaded build on.
    links: MissingLinks,
    /// The checkpoints that their paths lead to, by size.
    earlier: BTreeMap<u64, AsOf>,
    pub(crate) head: &'a mut Head,
    paths_to: &'a mut HashMap<u64, TrustedCheckpoint>,
}

impl Loader<'_> {
    /// All that is proven within a scope; `None` if nothing of the class is followed and here.
    pub(super) fn facts(&mut self, scope: &Scope) -> Result<Option<Facts>, SnapshotDamaged> {
        let size = self.head.checkpoint(Log::Supply).checkpoint().size();
        let ready: Vec<Subject> = store::followed_of(self.connection, scope.class.as_str())?
            .into_iter()
            .filter(|row| row.ready == Some(size))
            .filter_map(|row| Subject::new(row.subject).ok())
            .collect();
        if ready.is_empty() {
            return Ok(None);
        }
        let members = self.family(&scope.class)?;
        let here = if ready.contains(&scope.class) {
            self.named_lots(&scope.class, &members)?
        } else {
            ready.iter().filter_map(|pack| Some(lot_and_class(pack)?.0)).collect()
        };
        let wanted = |lot: &&Subject| scope.lots.contains(*lot);
        let lots = here.iter().filter(wanted).filter(|lot| members.contains_key(&digest(lot)));
        let lots: Vec<_> =
            lots.map(|lot| Ok((lot, self.family(lot)?))).collect::<Result<_, SnapshotDamaged>>()?;
        // All that has a history, so that it is verified at once.
        let listed = |of: &BTreeMap<Hash, IndexEntry>, subject: &Subject| {
            of.get(&digest(subject)).map(|entry| (subject.clone(), *entry))
        };
        let class = listed(&members, &scope.class);
        let of_lots = lots.iter().flat_map(|(lot, packs)| {
            let packs = packs_of(lot, &ready).filter_map(|pack| listed(packs, pack));
            listed(&members, lot).into_iter().chain(packs)
        });
        let mut histories = self.histories(&class.into_iter().chain(of_lots).collect::<Vec<_>>())?;
        let history = histories.remove(&scope.class).unwrap_or_default();
        let lots = lots.into_iter().map(|(lot, packs)| self.lot(lot, packs, &ready, &mut histories));
        let lots = lots.collect::<Result<_, _>>()?;
        let units = self.units(&scope.class)?;
        let dependencies = self.dependencies()?;
        Ok(Some(Facts {
            domain: self.domain.to_owned(),
            class: scope.class.clone(),
            history,
            members,
            lots,
            units,
            dependencies,
            alerts: self.head.trust_log.about(&scope.class),
            supply: as_of(self.head.checkpoint(Log::Supply)),
            earlier: self.earlier.values().copied().collect(),
            trust: as_of(self.head.checkpoint(Log::Trust)),
        }))
    }

    fn lot(
        &self,
        lot: &Subject,
        packs: BTreeMap<Hash, IndexEntry>,
        ready: &[Subject],
        histories: &mut BTreeMap<Subject, Vec<Placed>>,
    ) -> Result<LotFacts, SnapshotDamaged> {
        let history = histories.remove(lot).unwrap_or_default();
        let filter = match history.iter().find_map(|statement| filter_of(self.profiles, statement)) {
            Some((digest, _)) => store::filter(self.connection, digest)?.map(|bytes| (digest, bytes)),
            None => None,
        };
        if filter.as_ref().is_some_and(|(digest, bytes)| Hash::of(bytes) != *digest) {
            return Err(SnapshotDamaged);
        }
        let filter = filter.map(|(_, bytes)| bytes);
        let followed = packs_of(lot, ready)
            .map(|pack| (pack.clone(), histories.remove(pack).unwrap_or_default()))
            .collect();
        Ok(LotFacts { subject: lot.clone(), history, filter, packs, followed })
    }

    /// Whether a pack is followed and here.
    pub(crate) fn is_followed(&self, pack: &Subject) -> Result<bool, SnapshotDamaged> {
        let size = self.head.checkpoint(Log::Supply).checkpoint().size();
        Ok(store::ready(self.connection, pack)? == Some(size))
    }

    /// What the head's subject index says of a family.
    pub(crate) fn family(&self, family: &Subject) -> Result<BTreeMap<Hash, IndexEntry>, SnapshotDamaged> {
        let head = self.head.checkpoint(Log::Supply).checkpoint();
        let proof =
            store::family_proof(self.connection, family.as_str(), head.size())?.ok_or(SnapshotDamaged)?;
        let proof = FamilyProof::from_cbor(&proof).map_err(|_| SnapshotDamaged)?;
        let members =
            proof.verify(Family::new(family.as_str()), head.index_root()).map_err(|_| SnapshotDamaged)?;
        Ok(members.into_iter().collect())
    }

    /// The units that are followed and here in which there are packs of a class, or units that may hold some.
    pub(crate) fn units(&mut self, class: &Subject) -> Result<Vec<UnitFacts>, SnapshotDamaged> {
        let size = self.head.checkpoint(Log::Supply).checkpoint().size();
        let of_class = format!("{class}/");
        let mut units = Vec::new();
        let followed = store::followed_units(self.connection)?;
        for row in followed.into_iter().filter(|row| row.ready == Some(size)) {
            let subject = Subject::new(row.subject).ok();
            let Some(subject) = subject.filter(|one| SubjectType::of(one) == Some(SubjectType::Unit)) else { continue };
            let entry = self.family(&subject)?.get(&digest(&subject)).copied();
            let history = match entry {
                Some(entry) => self.history(&subject, entry)?,
                None => continue,
            };
            let mut lists = Vec::new();
            for named in history.iter().filter_map(|one| one.fields().hash("contents")) {
                lists.extend(contents(self.connection, named)?);
            }
            let matters =
                |pack: &Subject| pack.as_str().starts_with(&of_class) || SubjectType::of(pack) == Some(SubjectType::Unit);
            if lists.iter().flat_map(Contents::packs).any(matters) {
                units.push(UnitFacts { subject, entry, history, contents: lists });
            }
        }
        Ok(units)
    }

    /// The histories elsewhere on which the statements that were loaded build, and on which these build in turn.
    pub(crate) fn dependencies(&mut self) -> Result<BTreeMap<Subject, Vec<Placed>>, SnapshotDamaged> {
        let mut dependencies = BTreeMap::new();
        while let Some(missing) = self.links.missing() {
            let subject = store::link(self.connection, missing)?.ok_or(SnapshotDamaged)?;
            let family = Subject::new(subject.family()).map_err(|_| SnapshotDamaged)?;
            let entry = self.family(&family)?.get(&digest(&subject)).copied().ok_or(SnapshotDamaged)?;
            let history = self.history(&subject, entry)?;
            // The history of that name is whole, and what was linked is not in it.
            if !self.links.has_met(missing) {
                return Err(SnapshotDamaged);
            }
            dependencies.insert(subject, history);
        }
        Ok(dependencies)
    }

    /// The lots among the members of a class, by name. Every member must have one.
    fn named_lots(
        &self,
        class: &Subject,
        members: &BTreeMap<Hash, IndexEntry>,
    ) -> Result<Vec<Subject>, SnapshotDamaged> {
        let names = store::names(self.connection, class.as_str())?;
        let named: Vec<Subject> = names
            .into_iter()
            .filter_map(|name| Subject::new(name).ok())
            .filter(|name| members.contains_key(&digest(name)))
            .collect();
        if named.len() != members.len() {
            return Err(SnapshotDamaged);
        }
        Ok(named.into_iter().filter(|name| SubjectType::of(name) == Some(SubjectType::Lot)).collect())
    }

    /// A subject's whole history, believed, as the head's subject index counts it.
    pub(crate) fn history(
        &mut self,
        subject: &Subject,
        entry: IndexEntry,
    ) -> Result<Vec<Placed>, SnapshotDamaged> {
        let mut histories = self.histories(&[(subject.clone(), entry)])?;
        histories.remove(subject).ok_or(SnapshotDamaged)
    }

    /// The same for several subjects, all of whose statements the cores verify together.
    fn histories(
        &mut self,
        wanted: &[(Subject, IndexEntry)],
    ) -> Result<BTreeMap<Subject, Vec<Placed>>, SnapshotDamaged> {
        let mut stored = Vec::new();
        for (subject, entry) in wanted {
            let mut prev = None;
            // What was fetched at one time leads to the checkpoint of that time.
            let all = self.stored(subject, *entry)?;
            for page in all.chunk_by(|one, next| one.size == next.size) {
                let checkpoint = self.path_end(page[0].size)?;
                self.earlier.insert(page[0].size, as_of(&checkpoint));
                let entries: Vec<HistoryEntry> = page.iter().map(|stored| stored.entry.clone()).collect();
                let last = entries.last().map(|last| Hash::of(&last.statement));
                stored.push((subject, prev, entries, checkpoint));
                prev = last;
            }
            if prev != Some(entry.latest) {
                return Err(SnapshotDamaged);
            }
        }
        let pages = stored.iter().map(|(subject, prev, entries, checkpoint)| Page {
            subject,
            prev: *prev,
            entries,
            checkpoint,
        });
        let pages: Vec<Page<'_>> = pages.collect();
        let believed = verify_pages(&pages, self.trust());
        let mut histories: BTreeMap<Subject, Vec<Placed>> = BTreeMap::new();
        for (Page { subject, prev, entries, checkpoint }, believed) in pages.into_iter().zip(believed) {
            let believed = match believed {
                // Most signers were met before; only when one was not are all of them looked up.
                Err(HistoryError::Refused(Refusal::UnknownSigner)) => {
                    self.enrol_signers(entries)?;
                    verify_page(entries, subject, prev, checkpoint, self.trust())
                }
                answer => answer,
            };
            let believed = believed.map_err(|_| SnapshotDamaged)?;
            for one in &believed {
                self.links.meet(one.id(), one.links());
            }
            if believed.len() < entries.len() {
                // Who was revoked since counts no longer, and stands in the log all the same.
                let read = entries.iter().filter_map(|entry| Statement::parse(&entry.statement).ok());
                read.for_each(|statement| self.links.meet(statement.id(), statement.links()));
            }
            histories.entry(subject.clone()).or_default().extend(believed);
        }
        Ok(histories)
    }

    /// A subject's statements as stored, as many as the index counts and in the order of the log.
    pub(crate) fn stored(
        &self,
        subject: &Subject,
        entry: IndexEntry,
    ) -> Result<Vec<Stored>, SnapshotDamaged> {
        let id = store::subject_id(self.connection, subject.as_str())?.ok_or(SnapshotDamaged)?;
        let stored = store::statements(self.connection, id, 0, entry.count)?;
        let ordered = stored.is_sorted_by(|one, next| one.entry.index < next.entry.index);
        if ordered && stored.len() as u64 == entry.count { Ok(stored) } else { Err(SnapshotDamaged) }
    }

    /// The checkpoint that paths of this size lead to, believed.
    pub(crate) fn path_end(&mut self, size: u64) -> Result<TrustedCheckpoint, SnapshotDamaged> {
        let head = self.head.checkpoint(Log::Supply);
        if head.checkpoint().size() == size {
            return Ok(head.clone());
        }
        if let Some(known) = self.paths_to.get(&size) {
            return Ok(known.clone());
        }
        let note = store::note(self.connection, Log::Supply, size)?.ok_or(SnapshotDamaged)?;
        let trusted = self.policy.trust(&note).map_err(|_| SnapshotDamaged)?;
        let checkpoint = trusted.checkpoint();
        if checkpoint.origin() != self.origin || checkpoint.size() != size {
            return Err(SnapshotDamaged);
        }
        self.paths_to.insert(size, trusted.clone());
        Ok(trusted)
    }

    /// Takes in the certificates that these statements name and that are not known yet.
    fn enrol_signers(&mut self, entries: &[HistoryEntry]) -> Result<(), SnapshotDamaged> {
        for entry in entries {
            for signer in trust_log::signers(&entry.statement) {
                if self.trust().certificate(signer).is_none() {
                    let der = store::certificate(self.connection, signer)?.ok_or(SnapshotDamaged)?;
                    self.head.trust_log.trust_mut().enrol(&der).map_err(|_| SnapshotDamaged)?;
                }
            }
        }
        Ok(())
    }

    fn trust(&self) -> &TrustStore {
        self.head.trust_log.trust()
    }
}

/// The packs of a lot among those that are followed and here.
fn packs_of<'a>(lot: &Subject, ready: &'a [Subject]) -> impl Iterator<Item = &'a Subject> {
    let lot = lot.clone();
    ready.iter().filter(move |pack| pack.family() == lot.as_str() && **pack != lot)
}

/// Digest and length of the filter that a commission names.
pub(crate) fn filter_of(profiles: &[Profile], statement: &Placed) -> Option<(Hash, u64)> {
    let kind = statement.statement().kind();
    let step = Profile::of_kind(profiles, kind)?.step(kind)?;
    let Effect::Commission { filter, filter_length, .. } = &step.effect else { return None };
    Some((statement.fields().hash(filter)?, statement.fields().uint(filter_length)?))
}

/// The digest under which the index lists a subject within its family.
pub(crate) fn digest(subject: &Subject) -> Hash {
    Hash::of(subject.as_str().as_bytes())
}

pub(crate) fn as_of(checkpoint: &TrustedCheckpoint) -> AsOf {
    AsOf { size: checkpoint.checkpoint().size(), at: checkpoint.cosigned_at() }
}
