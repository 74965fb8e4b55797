//! What is followed: families, names, filters.

use std::collections::BTreeMap;
use std::slice::from_ref;

use countersign_custody::{SubjectType, MAX_FILTER};
use countersign_ledger::receipt::Receipt;
use countersign_ledger::{Family, FamilyProof, Hash, IndexEntry, Subject, TrustedCheckpoint};

use super::plan::{Names, Plan, Task, Wanted, Work};
use super::{Next, Part, Stage, SyncError};
use crate::client::{Client, ClientError, MAX_ASKED};
use crate::log::Log;
use crate::snapshot::{Head, Snapshot, digest, lot_and_class};
use crate::store::{self, StoreError};

impl Snapshot {
    pub(super) fn fetch_products(&mut self, client: &Client, mut plan: Plan) -> Result<Next, SyncError> {
        let failed = match plan.work.ahead.take() {
            Some(Ok(ahead)) => {
                let part = Part::Product(ahead.asked[0].0.subject.clone());
                self.take_in_histories(client, &mut plan, ahead)?;
                return Ok(Next::Stage(Stage::Products(Box::new(plan)), part));
            }
            Some(Err(error)) => Some(error),
            None => None,
        };
        self.keep_believed(&plan.supply, plan.trusted.trust_log.trust(), &mut plan.work)?;
        if let Some(error) = failed {
            return Err(error);
        }
        let Some(task) = plan.work.tasks.pop_front() else {
            if let Some(lot) = plan.work.lots.front().cloned() {
                self.fetch_packs(client, &plan.supply, &mut plan.work)?;
                return Ok(Next::Stage(Stage::Products(Box::new(plan)), Part::Product(lot)));
            }
            if let Some(missing) = plan.work.links.missing() {
                let subject = self.find_linked(client, missing)?;
                plan.work.tasks.push_back(Task::Dependency(subject.clone(), missing));
                return Ok(Next::Stage(Stage::Products(Box::new(plan)), Part::Product(subject)));
            }
            let head = Head::new(plan.trusted.checkpoint, plan.supply, plan.trusted.trust_log);
            return Ok(Next::Finished(Box::new(head), plan.work.followed.into_iter().collect()));
        };
        let subject = task.subject().clone();
        match task {
            Task::Class(class) => {
                self.fetch_families(client, &plan.supply, &mut plan.work, from_ref(&class))?;
                plan_class(&mut plan, class);
            }
            Task::Names(names) => self.fetch_names(client, &plan.supply, &mut plan.work, names)?,
            Task::History(wanted) => self.fetch_histories(client, &mut plan, wanted)?,
            Task::Filter(lot) => self.fetch_filters(client, &mut plan.work, lot)?,
            Task::Dependency(subject, linked) => self.fetch_around(client, &mut plan, subject, linked)?,
        }
        Ok(Next::Stage(Stage::Products(Box::new(plan)), Part::Product(subject)))
    }

    /// Knows the members of families, from the database where a proof at this checkpoint is there.
    fn fetch_families(
        &mut self,
        client: &Client,
        supply: &TrustedCheckpoint,
        work: &mut Work,
        families: &[Subject],
    ) -> Result<(), SyncError> {
        let (size, root) = (supply.checkpoint().size(), supply.checkpoint().index_root());
        let verify = |family: &Subject, proof: &FamilyProof| proof.verify(Family::new(family.as_str()), root);
        let mut missing = Vec::new();
        let reading = self.store.reading()?;
        for family in families {
            let stored = store::family_proof(self.store.read(), family.as_str(), size)?;
            match stored.and_then(|proof| verify(family, &FamilyProof::from_cbor(&proof).ok()?).ok()) {
                Some(members) => {
                    work.members.insert(family.clone(), members.into_iter().collect());
                }
                None => missing.push(family),
            }
        }
        drop(reading);
        if missing.is_empty() {
            return Ok(());
        }
        let proofs = client.families(Log::Supply, size, missing.iter().map(|family| family.as_str()))?;
        for (&family, proof) in missing.iter().zip(&proofs) {
            let members = verify(family, proof)
                .map_err(|reason| SyncError::Family { family: family.clone(), reason })?;
            work.members.insert(family.clone(), members.into_iter().collect());
        }
        Ok(self.store.stage::<_, StoreError>(|tx| {
            missing.iter().zip(&proofs).try_for_each(|(family, proof)| {
                store::insert_family_proof(tx, family, size, &proof.to_cbor())
            })
        })?)
    }

    /// Knows which packs of lots have something on record, of several lots at once, and plans the histories of those that
    /// are followed.
    pub(super) fn fetch_packs(
        &mut self,
        client: &Client,
        supply: &TrustedCheckpoint,
        work: &mut Work,
    ) -> Result<(), SyncError> {
        let lots: Vec<Subject> = work.lots.iter().take(MAX_ASKED).cloned().collect();
        self.fetch_families(client, supply, work, &lots)?;
        work.lots.drain(..lots.len());
        for lot in lots {
            // A lot may have very many packs, and of these only the followed ones matter here.
            let known = work.members.remove(&lot).unwrap_or_default();
            for pack in work.packs_of(&lot) {
                if let Some(entry) = known.get(&digest(&pack)) {
                    work.tasks.push_front(Task::History(Wanted::new(pack, *entry)));
                }
            }
        }
        Ok(())
    }

    /// Knows the names of further members of a class, and plans what these need.
    pub(super) fn fetch_names(
        &mut self,
        client: &Client,
        supply: &TrustedCheckpoint,
        work: &mut Work,
        Names { class, named, planned }: Names,
    ) -> Result<(), SyncError> {
        let none = BTreeMap::new();
        let members = work.members.get(&class).unwrap_or(&none);
        let mut named = match named {
            Some(named) => named,
            None => self.named(&class, members)?,
        };
        let until = |named: &BTreeMap<Hash, Subject>| {
            let unknown = members.keys().skip(planned).position(|member| !named.contains_key(member));
            unknown.map_or(members.len(), |further| planned + further)
        };
        let mut whole = until(&named);
        if whole < members.len() {
            let size = supply.checkpoint().size();
            let page = client.names(Log::Supply, size, class.as_str(), whole as u64).inspect_err(|_| {
                let again = Names { class: class.clone(), named: None, planned };
                work.tasks.push_front(Task::Names(again));
            })?;
            let fresh = page.into_iter().filter_map(|name| Subject::new(name).ok());
            let fresh: Vec<Subject> = fresh.filter(|name| members.contains_key(&digest(name))).collect();
            named.extend(fresh.iter().map(|name| (digest(name), name.clone())));
            let before = whole;
            whole = until(&named);
            if whole == before {
                return Err(SyncError::Names { family: class });
            }
            self.store
                .stage(|tx| fresh.iter().try_for_each(|name| store::insert_subject(tx, name).map(drop)))?;
        }
        let of_page = members.iter().take(whole).skip(planned);
        let of_page = of_page.filter_map(|(member, entry)| Some((named.remove(member)?, *entry))).collect();
        if whole < members.len() {
            work.tasks.push_front(Task::Names(Names { class, named: Some(named), planned: whole }));
        }
        plan_members(work, of_page);
        Ok(())
    }

    fn named(
        &self,
        class: &Subject,
        members: &BTreeMap<Hash, IndexEntry>,
    ) -> Result<BTreeMap<Hash, Subject>, SyncError> {
        let names = store::names(self.store.read(), class.as_str())?.into_iter();
        let names = names.filter_map(|name| Subject::new(name).ok()).map(|name| (digest(&name), name));
        Ok(names.filter(|(member, _)| members.contains_key(member)).collect())
    }

    /// The subject under which a linked statement is to be found, by the node's word.
    pub(crate) fn find_linked(&mut self, client: &Client, linked: Hash) -> Result<Subject, SyncError> {
        if let Some(subject) = store::link(self.store.read(), linked)? {
            return Ok(subject);
        }
        let unknown = SyncError::Linked { statement: linked };
        let receipt = match client.receipt(Log::Supply, linked) {
            Err(ClientError::NotFound) => return Err(unknown),
            answer => answer?,
        };
        let receipt = receipt.and_then(|receipt| Receipt::parse(&receipt).ok());
        let subject = receipt.and_then(|receipt| receipt.subject()).ok_or(unknown)?;
        self.store.stage::<_, StoreError>(|tx| store::set_link(tx, linked, &subject))?;
        Ok(subject)
    }

    /// Has a history on which the others build, unless it turned out on the way what it is.
    fn fetch_around(
        &mut self,
        client: &Client,
        plan: &mut Plan,
        subject: Subject,
        linked: Hash,
    ) -> Result<(), SyncError> {
        if plan.work.links.has_met(linked) {
            return Ok(());
        }
        let unknown = SyncError::Linked { statement: linked };
        let Ok(family) = Subject::new(subject.family()) else { return Err(unknown) };
        let entry = plan.work.members.get(&family).map(|members| members.get(&digest(&subject)).copied());
        match entry {
            None => {
                self.fetch_families(client, &plan.supply, &mut plan.work, from_ref(&family))?;
                plan.work.tasks.push_front(Task::Dependency(subject, linked));
            }
            Some(Some(entry)) if plan.work.dependencies.insert(subject.clone()) => {
                let again = Task::Dependency(subject.clone(), linked);
                plan.work.tasks.extend([Task::History(Wanted::new(subject, entry)), again]);
            }
            // Nothing there, or all of it and not what was linked: whoever said so is asked again, and then is to blame.
            _ => {
                self.store.stage::<_, StoreError>(|tx| store::forget_link(tx, linked))?;
                return Err(unknown);
            }
        }
        Ok(())
    }

    /// Has the filter over a lot's serials. Where nothing is to be asked for, the next lots' are seen to as well.
    fn fetch_filters(&mut self, client: &Client, work: &mut Work, lot: Subject) -> Result<(), SyncError> {
        let (mut next, mut left) = (Some(lot), MAX_ASKED);
        while let Some(lot) = next {
            if let Some((digest, length)) = self.missing_filter(&lot)? {
                return self.fetch_filter(client, lot, digest, length);
            }
            left -= 1;
            next = if left > 0 { work.next_filter() } else { None };
        }
        Ok(())
    }

    /// Digest and length of the filter that a lot's commission names, if there is a commission, and the filter is not here.
    fn missing_filter(&self, lot: &Subject) -> Result<Option<(Hash, u64)>, StoreError> {
        let connection = self.store.read();
        let Some((digest, length)) = store::filter_hint(connection, lot.as_str())? else { return Ok(None) };
        let stored = store::filter(connection, digest)?;
        let whole = stored.is_some_and(|bytes| Hash::of(&bytes) == digest);
        Ok((!whole).then_some((digest, length)))
    }

    /// Has a filter, if somebody has brought it.
    fn fetch_filter(
        &mut self,
        client: &Client,
        lot: Subject,
        digest: Hash,
        length: u64,
    ) -> Result<(), SyncError> {
        let wrong = SyncError::Filter { lot };
        let Some(length) = usize::try_from(length).ok().filter(|&length| length <= MAX_FILTER) else {
            return Err(wrong);
        };
        let bytes = match client.blob(digest, length) {
            // Nobody has brought it yet: the verdict says so.
            Err(ClientError::NotFound) => return Ok(()),
            answer => answer?,
        };
        if Hash::of(&bytes) != digest {
            return Err(wrong);
        }
        Ok(self.store.stage::<_, StoreError>(|tx| store::insert_filter(tx, digest, &bytes))?)
    }
}

/// Plans what a class needs: all its members where the class itself is followed, else the lots of the packs that are.
fn plan_class(plan: &mut Plan, class: Subject) {
    if plan.work.followed.contains(&class) {
        plan.work.tasks.push_front(Task::Names(Names { class, named: None, planned: 0 }));
        return;
    }
    let packs = plan.work.followed.iter().filter_map(lot_and_class);
    let mut wanted: Vec<Subject> = packs.filter(|(_, of)| *of == class).map(|(lot, _)| lot).collect();
    wanted.push(class.clone());
    wanted.sort_unstable();
    wanted.dedup();
    let members = plan.work.members.get(&class);
    let known = wanted.into_iter().filter_map(|subject| {
        let entry = *members?.get(&digest(&subject))?;
        Some((subject, entry))
    });
    let known = known.collect();
    plan_members(&mut plan.work, known);
}

/// Plans what members of a class need.
fn plan_members(work: &mut Work, members: Vec<(Subject, IndexEntry)>) {
    let lots = members.iter().map(|(subject, _)| subject).filter(|of| SubjectType::of(of) == Some(SubjectType::Lot));
    work.lots.extend(lots.cloned());
    for (subject, entry) in members.into_iter().rev() {
        work.tasks.push_front(Task::History(Wanted::new(subject, entry)));
    }
}
